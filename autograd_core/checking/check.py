"""Unit tests for gradients: any gradient against finite differences, and every operation by itself.

>>> from autograd_core import sin
>>> report = check_gradients(lambda x, y: sin(x) * y, [0.5, 2.0])
>>> report.passed
True
>>> gradient_report(lambda x: x * x, [3.0], gradient=lambda x: 3 * x).rows[0].verdict
'wrong'
"""

from __future__ import annotations

import itertools
import math
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from autograd_core.arguments import truth
from autograd_core.checking.closer import Closer
from autograd_core.checking.directions import Directions
from autograd_core.checking.kinds import is_single
from autograd_core.checking.operations import check_operations
from autograd_core.checking.options import Options
from autograd_core.checking.patterns import patterns
from autograd_core.checking.points import at_point, ordered, places, together
from autograd_core.checking.products import Products
from autograd_core.checking.report import GradientReport, Row
from autograd_core.checking.subject import Function, Subject, Vector, rounding_noise
from autograd_core.checking.verdicts import FLOOR, Rules, with_zeros
from autograd_core.checking.windows import EPSILON
from autograd_core.errors import GradientCheckError

__all__ = ["check_gradients", "gradient_report"]

ACCEPTED = ("ok", "kink", "boundary")
STRICT = ("ok", "boundary")
SMALL_GRAPH = 2_000  # nodes up to which every operation is examined even when all is well
ASKED = 3  # times that the gradient is asked for


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

    Example:
        >>> print(check_gradients(lambda x: x * x, 3.0, gradient=lambda x: 2 * x).headline())
        gradient check passed: 1 ok (f = 9)
        >>> check_gradients(lambda x: x * x, 3.0, gradient=lambda x: x)
        Traceback (most recent call last):
        autograd_core.errors.GradientCheckError: gradient check FAILED: 1 wrong (f = 9)
        input  gradient  finite difference  ± error  difference  verdict  note
        x             3                  6    4e-15           3  wrong    0.5 times what it should be
        wrong: the gradient disagrees with the finite difference by more than its error
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
    vjp: Any = None,
    jvp: Any = None,
    hvp: Any = None,
    hessian: Any = None,
    order: int = 1,
    full: bool = False,
    batched: bool = False,
    convention: str = "torch",
    points: int = 1,
    domain: Callable[[random.Random], Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    directions: int | None = None,
    strict: bool = False,
    operations: bool = True,
    seed: int = 0,
) -> GradientReport:
    """Compare a gradient with finite differences and say what agrees, what does not, and why.

    Args:
        function: returns a number, or a vector or matrix of outputs (an array, a tensor, any nest of them):
            then the gradient of ``u . outputs`` is checked, for a random u. It is called with an argument for
            each element of ``inputs``, by name when that is a mapping, or with ``inputs`` itself when that is
            one thing (a number, an array, a dataclass). A function without arguments is checked with respect
            to what it reads by itself, which is varied in place and restored:
            ``check_gradients(lambda: loss(model(x)), model)``.
        inputs: where to check: numbers, Values, arrays, tensors, and lists, dicts and dataclasses of them; a
            module of ``nn`` or ``torch.nn``.
        gradient: the gradient under test, as numbers or as a function of the same arguments, in the form of
            the inputs; for several outputs the Jacobian, outputs first. Without it, the function is given
            Values and the engine's gradient is tested (for PyTorch tensors PyTorch's, for JAX arrays JAX's).
        vjp: the gradient under test as a function ``vjp(*arguments, u)`` that returns the gradient of
            ``u . outputs``.
        jvp: a function ``jvp(*arguments, *tangents)`` that returns the derivative of the outputs along the
            tangents. It is checked alone, or with a gradient or vjp: then both are also compared with each
            other.
        hvp: a function ``hvp(*arguments, *tangents)`` that returns the Hessian times the tangents.
        hessian: for ``order=2`` with a gradient of your own: the second derivatives, an n by n nest of
            numbers or a function returning one.
        order: 1 checks the gradient, 2 the Hessian against finite differences of the gradient (and the
            gradient too).
        full: check every entry of the Jacobian of several outputs, not the gradient along a random u.
        batched: the gradient's entries belong to the output of their example, along the first axis of both.
        convention: of the gradient of a complex input z = a + ib: "torch" for dL/da + i dL/db, "jax" for its
            conjugate.
        points: check at so many points: the inputs, and others drawn around them or from ``domain``.
        domain: a function of a ``random.Random`` that returns inputs.
        rtol: relative tolerance. Without ``rtol`` and ``atol`` the tolerance is ten times the estimated error
            of each finite difference, at least 1e-9 relative.
        atol: absolute tolerance.
        directions: check so many random directions instead of every input (for functions of many inputs);
            when one is wrong, the inputs behind it are looked for. With ``order=2``, second derivatives too.
        strict: do not accept kinks.
        operations: also check every operation of the function's graph by itself.
        seed: of the random numbers.

    Returns:
        The report; it is true when the check passed.

    Raises:
        TypeError: the inputs or results are not numbers.
        ValueError: there is nothing to check, the gradient has another size than the inputs, or an option
            makes no sense or would not be used.

    >>> report = gradient_report(lambda x, y: x * x * y, [3.0, 2.0], gradient=lambda x, y: (x * y, x * x))
    >>> report.passed
    False
    >>> [(row.name, row.verdict) for row in report.rows]
    [('x', 'wrong'), ('y', 'ok')]
    >>> report.rows[0].note
    '0.5 times what it should be'
    """
    if not callable(function):
        raise TypeError(f"the function is {function!r}, which cannot be called")
    asked = gradient, vjp, jvp, hvp, hessian, order, full, batched, convention, points, domain
    options = Options(*asked, directions, operations, seed)
    if not is_single(inputs) and not hasattr(inputs, "keys"):
        if not hasattr(inputs, "__iter__"):
            raise TypeError(f"the inputs are {inputs!r}: give numbers, arrays or parameters")
        inputs = list(inputs)
    rules = Rules(rtol, atol, STRICT if truth("strict", strict) else ACCEPTED)
    generator = random.Random(seed)
    reports = []
    for number, place in enumerate(places(function, inputs, points, domain, generator)):
        subject = Subject(function, place, options)
        with subject.restored():
            subject.inputs.move(place.start)
            report = Check(subject, rules, options, generator).run()
        reports.append(report if points == 1 else at_point(report, number + 1))
    return reports[0] if len(reports) == 1 else together(reports)


class Check(Closer, Directions, Products):
    """One gradient check at one point: gathers rows, faults and hints."""

    def run(self) -> GradientReport:
        """Do the whole check."""
        subject = self.subject
        try:
            self.value = subject.start()
            self.numbers = list(self.inputs.current)
            self.choose_weights()
            value, gradient = subject.value(), self.gradient()
        except (ValueError, ArithmeticError) as error:
            if not arithmetic(error):
                raise
            return self.not_finite(error)
        if math.isnan(self.value):
            self.value = value
        self.rules = replace(self.rules, epsilon=max(self.rules.epsilon, self.inputs.epsilon))
        noise = self.examine()
        self.rounding = self.gradient_rounding(gradient)
        with warnings.catch_warnings():  # beside the inputs f may warn of what is outside its domain
            warnings.simplefilter("ignore", RuntimeWarning)
            rows = self.first_order(gradient, noise)
            rows = self.settle(self.closer(rows, gradient, noise), gradient, noise)
            doubtful = any(row.verdict in ("wrong", "undecided") for row in rows)
            rows += self.products(gradient)
            if self.options.order == 2:
                with subject.unweighted():
                    rows += self.second_order(gradient)
        self.inputs.move(self.numbers)
        if doubtful and self.roots:
            self.blame()
        self.hints += patterns(self.inputs, rows)
        if self.roots and self.faults:
            self.faults = subject.with_sources(self.faults, self.roots)
        if self.inputs.passed:
            self.hints.append(
                f"Not varied, since whole numbers have no gradient: {', '.join(self.inputs.passed)}."
            )
        if self.brief:
            self.hints.append(
                f"{self.brief:,} of the wrong rows were compared at steps of one scale only, since enough "
                "others were wrong at all scales."
            )
        rows = self.repeatable(with_zeros(rows, self.rules), value, gradient)
        return GradientReport(
            ordered(rows),
            tuple(sorted(self.faults, key=lambda fault: -fault.row.excess)),
            self.value,
            subject.evaluations,
            self.checked,
            self.roots[0] if len(self.roots) == 1 else None,
            tuple(self.hints),
            self.hidden,
        )

    def choose_weights(self) -> None:
        """Reduce several outputs, or the one of a vjp, to a number by a random cotangent of both signs."""
        count = len(self.subject.places)
        if count > 1 or self.subject.vjp is not None:
            signs = [-1.0, *(self.generator.choice((-1.0, 1.0)) for _ in range(count - 2)), 1.0][:count]
            self.generator.shuffle(signs)
            self.subject.weights = [sign * self.generator.uniform(0.5, 1.5) for sign in signs]

    def gradient_rounding(self, gradient: Vector) -> list[float]:
        """The rounding errors to expect in the gradient under test."""
        if self.roots:
            return self.subject.rounding(self.roots)
        epsilon = self.inputs.epsilon
        if epsilon <= EPSILON:
            return [0.0] * len(gradient)
        largest, position = [], 0
        for leaf in self.inputs.leaves:
            own = [abs(g) for g in gradient[position : position + len(leaf.names)] if math.isfinite(g)]
            largest += [8.0 * epsilon * max(own, default=0.0)] * len(leaf.names)
            position += len(leaf.names)
        return largest

    def not_finite(self, error: Exception) -> GradientReport:
        """The report when the function cannot be computed at the inputs themselves."""
        note = f"{type(error).__name__}: {error}".splitlines()[0]
        rows = [
            Row(name, math.nan, math.nan, math.inf, 0.0, "non-finite", False, note) for name in self.names
        ]
        return GradientReport(tuple(rows), (), math.nan, self.subject.evaluations)

    def examine(self) -> float:
        """Check the graph's operations; return the rounding noise to expect in its output."""
        if not self.roots:
            if self.subject.engine == "values":
                self.hints.append("The function's result does not depend on its inputs through Values.")
            return 0.0
        from autograd_core import topological_order

        nodes = topological_order(*self.roots)
        if self.options.operations:
            self.faults, self.checked, self.unsure = check_operations(
                nodes, thorough=len(nodes) <= SMALL_GRAPH
            )
        return rounding_noise(nodes)

    def blame(self) -> None:
        """The gradient is wrong: look at every operation, then for causes outside the operations."""
        from autograd_core.graph import stale_nodes, topological_order

        nodes = topological_order(*self.roots)
        if self.options.operations and not self.faults and len(nodes) > SMALL_GRAPH:
            self.faults, self.checked, self.unsure = check_operations(nodes, thorough=True)
        stale = stale_nodes(*self.roots, every=True)
        if stale:
            self.hints.append(
                f"{len(stale)} nodes hold another number than their operands give now "
                f"(the first: {stale[0]!r}): data was assigned after the graph was built, "
                "or an operation is not repeatable."
            )
            return
        leaks = self.subject.leaks(self.roots)
        for node, constant in leaks[:3]:
            place = f" at {node.source[0]}:{node.source[1]}" if node.source else ""
            self.hints.append(
                f"A part of the function left the graph: an operand of {node.op!r}{place} is the number "
                f"{constant.data:.6g}, which changes with the inputs (.data, float(), detach())."
            )
        if self.options.operations and not (self.faults or self.unsure or leaks):
            self.hints.append(
                "Every operation's partials are right: a part of the function left the graph "
                "(.data, float(), detach()), or it computes something else on plain numbers."
            )

    def first_order(self, gradient: Vector, noise: float) -> list[Row]:
        """Rows for the gradient."""
        if not self.has_gradient:
            return []
        if self.options.full and self.subject.weights is not None:
            return self.jacobian(noise)
        if self.options.directions is not None:
            return self.along_directions(gradient, noise)
        return [self.along_input(i, gradient[i], noise) for i in range(len(gradient))]

    def repeatable(self, rows: list[Row], value: float, gradient: Vector) -> list[Row]:
        """Distrust everything when the function or the gradient, asked again, gives another result."""
        again = [self.subject.value(self.numbers) for _ in range(2)]
        note = ""
        if not all(same(number, value) for number in again):
            note = f"f gave {value!r}, then {again[0]!r} and {again[1]!r}"
        elif self.has_gradient:
            roots = self.roots
            note = difference(self.names, [gradient, *(self.gradient() for _ in range(ASKED - 1))])
            self.roots = roots
        if not note:
            return rows
        return [replace(row, verdict="not repeatable", accepted=False, note=note) for row in rows]


def same(a: float, b: float) -> bool:
    """Whether two numbers are equal, nan included."""
    return a == b or (math.isnan(a) and math.isnan(b))


def difference(names: Sequence[str], gradients: Sequence[Vector]) -> str:
    """What to say when a gradient, asked for again, is not the same; nothing when it is."""
    for name, numbers in zip(names, zip(*gradients, strict=True), strict=True):
        for count, number in enumerate(numbers[1:], 2):
            if alike(number, numbers[0]):
                continue
            steps = [b - a for a, b in itertools.pairwise(numbers)]
            steady = all(alike(step, steps[0]) for step in steps)
            adds = ": it accumulates over calls and is not set to 0 before" if steady else ""
            when = "then" if count == 2 else f"and when asked for the {count}rd time"
            return f"the gradient of {name} was {numbers[0]:.9g}, {when} {number:.9g}{adds}"
    return ""


def alike(a: float, b: float) -> bool:
    """Whether two numbers are equal within the rounding of a gradient."""
    return same(a, b) or abs(a - b) <= FLOOR * max(abs(a), abs(b))


def arithmetic(error: Exception) -> bool:
    """Whether an error says that the function has no value here (rather than that it was called wrongly)."""
    from autograd_core.errors import AutogradError

    return isinstance(error, (AutogradError, ArithmeticError)) or str(error).startswith("math ")
