"""Unit tests for gradients: any gradient against finite differences, and every operation by itself.

>>> from autograd_core import sin
>>> report = check_gradients(lambda x, y: sin(x) * y, [0.5, 2.0])
>>> report.passed
True
>>> gradient_report(lambda x: x * x, [3.0], gradient=lambda x: 3 * x).rows[0].verdict
'wrong'
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core.checking.finite_differences import EPSILON, Derivative, derivative
from autograd_core.checking.inputs import Inputs, flatten_numbers, is_single
from autograd_core.checking.operations import check_operations
from autograd_core.checking.report import SEVERITY, Fault, GradientReport, Row
from autograd_core.checking.subject import Function, Subject, Vector, rounding_noise
from autograd_core.checking.verdicts import Rules, judge
from autograd_core.errors import GradientCheckError

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["check_gradients", "gradient_report"]

ACCEPTED = ("ok", "kink", "boundary")
STRICT = ("ok", "boundary")
SMALL_GRAPH = 2_000  # nodes up to which every operation is examined even when all is well
MOST_WRONG = 20  # wrong inputs that are looked for behind a wrong direction


def check_gradients(function: Function, inputs: Any, **options: Any) -> GradientReport:
    """Check a gradient and raise when it is wrong.

    Args:
        function: see `gradient_report`.
        inputs: see `gradient_report`.
        **options: the options of `gradient_report`.

    Returns:
        The report of a check that passed.

    Raises:
        GradientCheckError: with the report as a table, worst first; the report is its attribute ``report``.
    """
    __tracebackhide__ = True  # pytest shows the caller's line and the table
    report = gradient_report(function, inputs, **options)
    if report.passed:
        return report
    error = GradientCheckError(str(report))
    error.report = report  # type: ignore[attr-defined]
    raise error


def gradient_report(
    function: Function,
    inputs: Any,
    *,
    gradient: Any = None,
    hessian: Any = None,
    order: int = 1,
    rtol: float | None = None,
    atol: float | None = None,
    directions: int | None = None,
    strict: bool = False,
    operations: bool = True,
    seed: int = 0,
) -> GradientReport:
    """Compare a gradient with finite differences and say what agrees, what does not, and why.

    Args:
        function: returns one number (a float, Value, array or tensor of one element). It is called with one
            argument for each element of ``inputs``, by name when that is a mapping, or with ``inputs`` itself
            when that is one number, Value, array or tensor. A function without arguments is checked with
            respect to the Values in ``inputs``, whose ``data`` is varied in place and restored:
            ``check_gradients(lambda: loss(model(x)), model.parameters())``.
        inputs: where to check: numbers, Values, arrays, tensors, nested lists of them.
        gradient: the gradient under test, as numbers or as a function of the same arguments, in the shape of
            the inputs. Without it, the function is given Values and the engine's gradient is tested.
        hessian: for ``order=2`` with a gradient of your own: the second derivatives, an n by n nest of
            numbers or a function returning one.
        order: 1 checks the gradient, 2 the Hessian against finite differences of the gradient (and the
            gradient too).
        rtol: relative tolerance. Without ``rtol`` and ``atol`` the tolerance is ten times the estimated error
            of each finite difference, at least 1e-9 relative.
        atol: absolute tolerance.
        directions: check this many random directions instead of every input (for functions of many inputs);
            when one is wrong, the inputs behind it are looked for.
        strict: do not accept kinks.
        operations: also check every operation of the function's graph by itself.
        seed: of the random directions.

    Returns:
        The report; it is true when the check passed.

    Raises:
        TypeError: the inputs or results are not real numbers.
        ValueError: the gradient has another size than the inputs.
    """
    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, not {order!r}")
    if directions is not None and directions < 1:
        raise ValueError(f"directions is at least 1, not {directions!r}")
    if not is_single(inputs) and not hasattr(inputs, "keys"):
        inputs = list(inputs)
    subject = Subject(function, Inputs.of(function, inputs), gradient)
    rules = Rules(rtol, atol, STRICT if strict else ACCEPTED)
    with subject.restored():
        return Check(subject, rules, directions, operations, seed).run(order, hessian)


class Check:
    """One gradient check: gathers rows, faults and hints."""

    def __init__(self, subject: Subject, rules: Rules, directions: int | None, operations: bool, seed: int):
        self.subject = subject
        self.rules = rules
        self.directions = directions
        self.operations = operations
        self.generator = random.Random(seed)
        self.numbers: Vector = subject.point.numbers
        self.hints: list[str] = []
        self.faults: list[Fault] = []
        self.checked = 0
        self.rounding: Vector = ()

    def run(self, order: int, hessian: Any) -> GradientReport:
        """Do the whole check."""
        if order == 2 and self.subject.given is not None and hessian is None:
            raise ValueError("order=2 with a gradient of your own needs hessian= too")
        try:
            value = self.subject.value(self.numbers)
            gradient, node = self.subject.gradient(self.numbers)
        except (ValueError, ArithmeticError) as error:
            if not arithmetic(error):
                raise
            return self.not_finite(error)
        noise = self.examine(node)
        self.rounding = self.subject.rounding(node)
        rows = self.first_order(gradient, noise)
        if order == 2:
            rows += self.second_order(gradient, hessian)
        if any(row.verdict == "wrong" for row in rows) and node is not None:
            self.blame(node)
        if node is not None and self.faults:
            self.faults = self.subject.with_sources(self.faults, node, self.numbers)
        rows = self.repeatable(rows, value)
        rows.sort(key=lambda row: (row.accepted, SEVERITY.index(row.verdict), -row.excess))
        return GradientReport(
            tuple(rows),
            tuple(sorted(self.faults, key=lambda fault: -fault.row.excess)),
            value,
            self.subject.evaluations,
            self.checked,
            node,
            tuple(self.hints),
        )

    def not_finite(self, error: Exception) -> GradientReport:
        """The report when the function cannot be computed at the inputs themselves."""
        note = f"{type(error).__name__}: {error}".splitlines()[0]
        rows = [
            Row(name, math.nan, math.nan, math.inf, 0.0, "non-finite", False, note)
            for name in self.subject.point.names
        ]
        return GradientReport(tuple(rows), (), math.nan, self.subject.evaluations)

    def examine(self, node: Value | None) -> float:
        """Check the graph's operations; return the rounding noise to expect in its output."""
        if node is None:
            if self.subject.given is None:
                self.hints.append("The function's result does not depend on its inputs through Values.")
            return 0.0
        from autograd_core import topological_order

        nodes = topological_order(node)
        if self.operations:
            self.faults, self.checked = check_operations(nodes, thorough=len(nodes) <= SMALL_GRAPH)
        return rounding_noise(nodes)

    def blame(self, node: Value) -> None:
        """The gradient is wrong: look at every operation, then for causes outside the operations."""
        from autograd_core.graph import stale_nodes, topological_order

        nodes = topological_order(node)
        if self.operations and not self.faults and len(nodes) > SMALL_GRAPH:
            self.faults, self.checked = check_operations(nodes, thorough=True)
        stale = stale_nodes(node, every=True)
        if stale:
            self.hints.append(
                f"{len(stale)} nodes hold another number than their operands give now "
                f"(the first: {stale[0]!r}): data was assigned after the graph was built, "
                "or an operation is not repeatable."
            )
        elif self.operations and not self.faults:
            self.hints.append(
                "Every operation's partials are right: a part of the function left the graph "
                "(.data, float(), detach()), or it computes something else on plain numbers."
            )

    def first_order(self, gradient: list[float], noise: float) -> list[Row]:
        """Rows for the gradient."""
        if self.directions is not None:
            return self.along_directions(gradient, noise)
        return [self.along_input(i, gradient[i], noise) for i in range(len(gradient))]

    def along_input(self, index: int, analytic: float, noise: float) -> Row:
        """Vary one input."""
        before, after = list(self.numbers[:index]), list(self.numbers[index + 1 :])

        def vary(x: float) -> float:
            return self.subject.value([*before, x, *after])

        found = derivative(vary, self.numbers[index], expected=finite(analytic), noise=noise)
        rounding = self.rounding[index] if self.rounding else 0.0
        return self.judge(self.subject.point.names[index], analytic, found, rounding)

    def judge(self, name: str, analytic: float, found: Derivative, rounding: float = 0.0) -> Row:
        """Compare; a graph whose operations are all right counts as verified."""
        verified = self.checked > 0 and not self.faults
        return judge(name, analytic, found, self.rules, rounding=rounding, verified=verified)

    def along_directions(self, gradient: list[float], noise: float) -> list[Row]:
        """Vary all inputs at once, in random proportions; look for the culprits behind a wrong direction."""
        rows: list[Row] = []
        everything = range(len(gradient))
        for number in range(1, (self.directions or 0) + 1):
            direction = self.random_direction()
            row = self.along(direction, everything, gradient, noise)
            row = replace(row, name=f"direction {number} of {self.directions}")
            rows.append(row)
            if row.verdict == "wrong":
                return rows + self.locate(direction, gradient, noise)
        return rows

    def random_direction(self) -> list[float]:
        """A direction that moves each input in proportion to its size."""
        sizes = sorted(abs(x) for x in self.numbers if x)
        typical = sizes[len(sizes) // 2] if sizes else 1.0
        return [
            self.generator.choice((-1.0, 1.0)) * self.generator.uniform(0.5, 1.0) * (abs(x) or typical)
            for x in self.numbers
        ]

    def along(self, direction: Vector, indices: Sequence[int], gradient: Vector, noise: float) -> Row:
        """Vary the inputs of ``indices`` along the direction."""
        chosen = set(indices)
        steps = [d if i in chosen else 0.0 for i, d in enumerate(direction)]

        def move(t: float) -> float:
            return self.subject.value([x + t * d for x, d in zip(self.numbers, steps, strict=True)])

        expected = math.fsum(gradient[i] * steps[i] for i in indices)
        moved = math.sqrt(math.fsum((gradient[i] * self.numbers[i]) ** 2 for i in indices))
        spread = EPSILON * moved if math.isfinite(moved) else 0.0
        found = derivative(move, 0.0, expected=finite(expected), noise=noise + spread)
        rounding = math.fsum(self.rounding[i] * abs(steps[i]) for i in indices) if self.rounding else 0.0
        return self.judge("direction", expected, found, rounding)

    def locate(self, direction: Vector, gradient: Vector, noise: float) -> list[Row]:
        """Find the wrong inputs behind a wrong direction by halving."""
        rows: list[Row] = []
        pending: list[Sequence[int]] = [range(len(gradient))]
        while pending and len(rows) < MOST_WRONG:
            indices = pending.pop()
            if len(indices) == 1:
                row = self.along_input(indices[0], gradient[indices[0]], noise)
                rows += [] if row.accepted else [row]
                continue
            middle = len(indices) // 2
            for half in (indices[middle:], indices[:middle]):
                if self.along(direction, half, gradient, noise).verdict == "wrong":
                    pending.append(half)
        return rows

    def second_order(self, gradient: Vector, hessian: Any) -> list[Row]:
        """Rows for the second derivatives, against finite differences of the gradient."""
        names = self.subject.point.names
        size = len(names)
        if hessian is None:
            analytic = self.subject.second(self.numbers)
        else:
            analytic = square(self.given_hessian(hessian), size)
        rows = []
        for j in range(size):
            gradients = self.gradients_along(j)
            for i in range(size):
                found = derivative(
                    component(gradients, i),
                    self.numbers[j],
                    expected=finite(analytic[i][j]),
                    noise=8 * EPSILON * max(map(abs, gradient)),
                )
                rows.append(self.judge(f"d²/d{names[i]} d{names[j]}", analytic[i][j], found))
        return rows

    def given_hessian(self, hessian: Any) -> list[float]:
        """The second derivatives that the caller gave, flat."""
        if callable(hessian):
            point = self.subject.point
            hessian = point.call(hessian, point.arguments(self.numbers, None))
        return flatten_numbers(hessian, "the hessian")

    def gradients_along(self, index: int) -> Callable[[float], list[float]]:
        """The gradient as a function of one input, each point computed once."""
        before, after = list(self.numbers[:index]), list(self.numbers[index + 1 :])
        known: dict[float, list[float]] = {}

        def gradients(x: float) -> list[float]:
            if x not in known:
                self.subject.evaluations += 1
                known[x] = self.subject.gradient([*before, x, *after])[0]
            return known[x]

        return gradients

    def repeatable(self, rows: list[Row], value: float) -> list[Row]:
        """Distrust everything when the function does not give the same value for the same input again."""
        again = [self.subject.value(self.numbers) for _ in range(2)]
        if all(number == value or (math.isnan(number) and math.isnan(value)) for number in again):
            return rows
        note = f"f gave {value!r}, then {again[0]!r} and {again[1]!r}"
        return [replace(row, verdict="not repeatable", accepted=False, note=note) for row in rows]


def component(gradients: Callable[[float], Sequence[float]], index: int) -> Callable[[float], float]:
    """One component of a vector function."""
    return lambda x: gradients(x)[index]


def finite(number: float) -> float | None:
    """The number, or None when it is nan or infinite."""
    return number if math.isfinite(number) else None


def arithmetic(error: Exception) -> bool:
    """Whether an error says that the function has no value here (rather than that it was called wrongly)."""
    from autograd_core.errors import AutogradError

    return isinstance(error, (AutogradError, ArithmeticError)) or str(error).startswith("math ")


def square(flat: Sequence[float], size: int) -> list[list[float]]:
    """Reshape n*n numbers."""
    if len(flat) != size * size:
        raise ValueError(f"the hessian has {len(flat)} numbers, not {size} x {size}")
    return [list(flat[row * size : (row + 1) * size]) for row in range(size)]
