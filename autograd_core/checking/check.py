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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core.checking.finite_differences import Derivative, contradicts, derivative
from autograd_core.checking.kinds import is_single
from autograd_core.checking.operations import check_operations
from autograd_core.checking.options import Options
from autograd_core.checking.patterns import patterns
from autograd_core.checking.points import at_point, ordered, places, together
from autograd_core.checking.report import Fault, GradientReport, Row
from autograd_core.checking.subject import Function, Subject, Vector, flat, rounding_noise
from autograd_core.checking.verdicts import FLOOR, Rules, judge
from autograd_core.checking.windows import EPSILON
from autograd_core.errors import ConversionError, GradientCheckError

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["check_gradients", "gradient_report"]

ACCEPTED = ("ok", "kink", "boundary")
STRICT = ("ok", "boundary")
SMALL_GRAPH = 2_000  # nodes up to which every operation is examined even when all is well
MOST_WRONG = 20  # wrong inputs that are looked for behind a wrong direction
ASKED = 3  # times that the gradient is asked for
PRODUCTS = 3  # random directions along which a jvp or hvp is checked
SECOND = 1e-8  # relative error of a second derivative that is enough: gradients round more than values
SINGLE = 8.0  # times half of its digits: what undecided rows of single precision may hide
CLOSER = 2  # random directions along which all inputs are brought closer to the point
TOGETHER = 4  # random directions along which undecided inputs are varied together
UNLIKELY = 10.0  # times that a mistake may be larger than what shows along all of them
LEVELS = (1e-3, 1e-6, 0.0)  # sizes of a gradient's entries, relative to the largest, that are varied together


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
            Values and the engine's gradient is tested (for PyTorch tensors: PyTorch's).
        vjp: the gradient under test as a function ``vjp(*arguments, u)`` that returns the gradient of
            ``u . outputs``.
        jvp: a function ``jvp(*arguments, *tangents)`` that returns the derivative of the outputs along the
            tangents; with a gradient or vjp too, both are also compared with each other.
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
    options = Options(
        gradient=gradient,
        vjp=vjp,
        jvp=jvp,
        hvp=hvp,
        hessian=hessian,
        order=order,
        full=full,
        batched=batched,
        convention=convention,
        points=points,
        domain=domain,
        directions=directions,
        operations=operations,
        seed=seed,
    )
    if not is_single(inputs) and not hasattr(inputs, "keys"):
        inputs = list(inputs)
    rules = Rules(rtol, atol, STRICT if strict else ACCEPTED)
    generator = random.Random(seed)
    reports = []
    for number, place in enumerate(places(function, inputs, points, domain, generator)):
        subject = Subject(function, place, gradient, vjp, conjugate=convention == "jax")
        subject.batched = batched
        with subject.restored():
            subject.inputs.move(place.start)
            report = Check(subject, rules, options, generator).run()
        reports.append(report if points == 1 else at_point(report, number + 1))
    return reports[0] if len(reports) == 1 else together(reports)


class Check:
    """One gradient check at one point: gathers rows, faults and hints."""

    def __init__(self, subject: Subject, rules: Rules, options: Options, generator: random.Random):
        self.subject = subject
        self.inputs = subject.inputs
        self.rules = rules
        self.options = options
        self.generator = generator
        self.numbers: Vector = list(subject.inputs.current)
        self.names = subject.inputs.names
        self.hints: list[str] = []
        self.faults: list[Fault] = []
        self.checked = 0
        self.unsure = 0
        self.hidden = 0.0
        self.searched: set[int] = set()
        self.roots: list[Value] = []
        self.rounding: Vector = ()
        self.value = math.nan

    def run(self) -> GradientReport:
        """Do the whole check."""
        subject = self.subject
        try:
            self.value = subject.start()
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
        rows = self.repeatable(rows, value, gradient)
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

    def gradient(self) -> list[float]:
        """The gradient under test at the inputs."""
        self.inputs.move(self.numbers)
        try:
            gradient, self.roots = self.subject.gradient()
        except ConversionError:
            if not self.options.jvp_alone:
                raise
            gradient, self.roots = [0.0] * len(self.numbers), []  # a function of plain numbers has none
        return gradient

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
            if self.subject.engine == "values" and self.has_gradient:
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

    @property
    def verified(self) -> bool:
        """Whether every operation of the graph is right and no plain number in it depends on the inputs."""
        if not self.checked or self.faults or self.unsure:
            return False
        if not hasattr(self, "leaking"):
            before = list(self.inputs.current)
            self.inputs.move(self.numbers)
            twins = self.subject.twins(self.roots, moved=True)
            self.leaking = not twins or bool(self.subject.leaks(self.roots))
            self.inputs.move(before)
        return not self.leaking

    # --- rows --------------------------------------------------------------------------------------------

    def first_order(self, gradient: Vector, noise: float) -> list[Row]:
        """Rows for the gradient."""
        if not self.has_gradient:
            return []
        if self.options.full and self.subject.weights is not None:
            return self.jacobian(noise)
        if self.options.directions is not None:
            return self.along_directions(gradient, noise)
        return [self.along_input(i, gradient[i], noise) for i in range(len(gradient))]

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is under test (and not only the jvp of a function of plain numbers)."""
        return not (self.options.jvp_alone and self.subject.engine == "values" and not self.roots)

    def jacobian(self, noise: float) -> list[Row]:
        """Rows for every entry of the Jacobian; each evaluation serves all outputs."""
        count, rows = len(self.subject.places), []
        weights = self.subject.weights
        entries = []
        for i in range(count):
            self.subject.weights = [float(i == k) for k in range(count)]
            entries.append(self.gradient())
        self.subject.weights = [1.0] * count
        self.gradient()
        for j, name in enumerate(self.names):
            outputs = self.outputs_along(j)
            for i, place in enumerate(self.subject.places):
                analytic = entries[i][j]
                found = self.derive(component(outputs, i), self.numbers[j], analytic, noise)
                rows.append(self.judge(f"d y{place} / d {name}", analytic, found))
            self.inputs.set(j, self.numbers[j])
        self.subject.weights = weights
        return rows

    def outputs_along(self, index: int) -> Callable[[float], Vector]:
        """All outputs as a function of one input, each point computed once."""
        known: dict[float, list[float]] = {}

        def outputs(x: float) -> list[float]:
            if x not in known:
                self.inputs.set(index, x)
                known[x] = self.subject.outputs()
            return known[x]

        return outputs

    def derive(
        self,
        function: Callable[[float], float],
        x: float,
        expected: float,
        noise: float,
        value: float | None = None,
        rounding: float = 0.0,
        **options: Any,
    ) -> Derivative:
        """The finite difference, with the precision of f."""
        slack = rounding + (self.rules.floor * abs(expected) if math.isfinite(expected) else 0.0)
        return derivative(
            function,
            x,
            expected=finite(expected),
            epsilon=self.subject.epsilon,
            noise=noise,
            value=value,
            slack=slack,
            **options,
        )

    def along_input(self, index: int, analytic: float, noise: float, thorough: bool = False) -> Row:
        """Vary one input."""
        here = self.numbers[index]

        def vary(x: float) -> float:
            self.inputs.set(index, x)
            return self.subject.value()

        value = self.value if self.subject.weights is None and math.isfinite(self.value) else None
        rounding = self.rounding[index] if self.rounding else 0.0
        found = self.derive(vary, here, analytic, noise, value, rounding, thorough=thorough)
        self.inputs.set(index, here)
        if found.searched:
            self.searched.add(index)
        row = self.judge(self.names[index], analytic, found, rounding)
        return row if math.isfinite(here) else replace(row, note=f"the input is {here}")

    def judge(self, name: str, analytic: float, found: Derivative, rounding: float = 0.0) -> Row:
        """Compare; a graph whose operations are all right counts as verified where nothing else can tell."""
        row = judge(name, analytic, found, self.rules, rounding=rounding)
        if row.verdict == "undecided" and self.verified:
            row = judge(name, analytic, found, self.rules, rounding=rounding, verified=True)
            if row.verdict == "ok":
                return replace(row, note="by the operations: the finite difference cannot tell")
        return row

    def settle(self, rows: list[Row], gradient: Vector, noise: float) -> list[Row]:
        """Accept rows drowned in rounding that could together hide a negligible part of the gradient only.

        Negligible is half of the digits of f: 1e-8 in double precision, 3e-3 in single (whose rounding adds
        up in sums), of the gradient and of what the inputs contribute (so that their units do not matter).
        Stairs and jumps are not rounding.
        """
        drowned = [row for row in rows if row.verdict in ("undecided", "noise") and row.drowned]
        if not drowned or (self.options.full and self.subject.weights is not None):
            return rows
        hidden, wrong = self.hidden_in(drowned, gradient, noise)
        epsilon = self.subject.epsilon
        if wrong or hidden > math.sqrt(epsilon) * (SINGLE if epsilon > EPSILON else 1.0):
            return wrong + rows
        self.hidden = hidden
        accepted = set(drowned)
        return [replace(row, verdict="undecided", accepted=True) if row in accepted else row for row in rows]

    def hidden_in(self, drowned: Sequence[Row], gradient: Vector, noise: float) -> tuple[float, list[Row]]:
        """The part of the gradient that undecided rows could hide, and what is wrong with all together."""
        sizes = self.sizes()
        if self.options.directions is not None:  # the tolerance is one of the contributions already
            whole = norm(g * size for g, size in zip(gradient, sizes, strict=True))
            return part_of(norm(row.tolerance for row in drowned), whole), []
        tolerance = {row.name: row.tolerance for row in drowned}
        indices = [i for i, name in enumerate(self.names) if name in tolerance]
        hidden, wrong = 0.0, []
        for units in (sizes, [1.0] * len(sizes)):
            most = norm(tolerance[self.names[i]] * units[i] for i in indices)
            rows = self.undecided_together(indices, units, gradient, noise)
            wrong += [row for row in rows if row.verdict == "wrong"]
            if rows and all(row.verdict == "ok" for row in rows):
                most = min(most, UNLIKELY * max(row.tolerance for row in rows))
            whole = norm(g * unit for g, unit in zip(gradient, units, strict=True))
            hidden = max(hidden, part_of(most, whole))
        return hidden, wrong

    def undecided_together(
        self, indices: Sequence[int], units: Vector, gradient: Vector, noise: float
    ) -> list[Row]:
        """Vary all inputs of undecided rows at once: their slopes add up, and the rounding of f does not.

        A mistake whose parts have the norm m changes the slope along a normally distributed direction by less
        than m / `UNLIKELY` in one case of twelve, along all of them in one of 20,000, whether its parts are
        many or two that cancel. The last direction has the signs of the gradient: along it a common factor
        shows most.
        """
        if len(indices) < 2:
            return []
        rows = []
        for number in range(1, TOGETHER + 2):
            direction = [self.generator.gauss(0.0, 1.0) * unit for unit in units]
            if number > TOGETHER:
                direction = [math.copysign(unit, g) for unit, g in zip(units, gradient, strict=True)]
            row = self.along(direction, indices, gradient, noise)
            rows.append(replace(row, name=f"the undecided inputs together, direction {number}"))
        return rows

    # --- directions --------------------------------------------------------------------------------------

    def along_directions(self, gradient: Vector, noise: float) -> list[Row]:
        """Vary all inputs at once, in random proportions; look for the culprits behind a wrong direction.

        Inputs whose gradient is far smaller than the others' are varied by themselves, where they count.
        """
        rows: list[Row] = []
        groups = self.groups(gradient)
        for number in range(1, (self.options.directions or 0) + 1):
            direction = self.random_direction()
            for position, indices in enumerate(groups):
                row = self.along(direction, indices, gradient, noise)
                small = " (small gradients)" if position else ""
                rows.append(replace(row, name=f"direction {number} of {self.options.directions}{small}"))
                if row.verdict == "wrong":
                    return rows + self.locate(direction, indices, gradient, noise)
        return rows

    def groups(self, gradient: Vector) -> list[list[int]]:
        """The inputs by the size of what they contribute to the output."""
        sizes = [
            abs(g) * s if math.isfinite(g) else math.inf for g, s in zip(gradient, self.sizes(), strict=True)
        ]
        largest = max(size for size in [0.0, *sizes] if size < math.inf)
        found, above = [], math.inf
        for level in LEVELS:
            bound = level * largest
            found.append(
                [i for i, size in enumerate(sizes) if bound <= size and (size < above or above == math.inf)]
            )
            above = bound
        return [group for group in found if group]

    def sizes(self) -> list[float]:
        """The size of each input; that of a typical one for inputs of 0."""
        own = sorted(abs(x) for x in self.numbers if x)
        typical = own[len(own) // 2] if own else 1.0
        return [abs(x) or typical for x in self.numbers]

    def random_direction(self) -> list[float]:
        """A direction that moves each input in proportion to its size."""
        choose, stretch = self.generator.choice, self.generator.uniform
        return [choose((-1.0, 1.0)) * stretch(0.5, 1.0) * size for size in self.sizes()]

    def moving(self, indices: Sequence[int], direction: Vector) -> Callable[[float], None]:
        """The inputs of ``indices`` as a function of t, along the direction."""

        along = [(self.numbers[i], direction[i]) for i in indices]

        def move(t: float) -> None:
            self.inputs.shift(indices, [x + t * d for x, d in along])

        return move

    def along(
        self,
        direction: Vector,
        indices: Sequence[int],
        gradient: Vector,
        noise: float,
        thorough: bool = False,
    ) -> Row:
        """Vary the inputs of ``indices`` along the direction."""
        vary, expected, spread, rounding = self.line(direction, indices, gradient)
        found = self.derive(vary, 0.0, expected, noise + spread, thorough=thorough)
        vary(0.0)
        return self.judge("direction", expected, found, rounding)

    def line(
        self, direction: Vector, indices: Sequence[int], gradient: Vector
    ) -> tuple[Callable[[float], float], float, float, float]:
        """f along a direction: the function of t, its slope by the gradient, and the rounding of both."""
        move = self.moving(indices, direction)

        def vary(t: float) -> float:
            move(t)
            return self.subject.value()

        terms = [gradient[i] * direction[i] for i in indices]
        expected = math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan
        moved = math.hypot(*(gradient[i] * self.numbers[i] for i in indices))
        spread = EPSILON * moved if math.isfinite(moved) else 0.0
        rounding = math.hypot(*(self.rounding[i] * direction[i] for i in indices)) if self.rounding else 0.0
        return vary, expected, spread, rounding

    # --- closer to the point ----------------------------------------------------------------------------

    def closer(self, rows: list[Row], gradient: Vector, noise: float) -> list[Row]:
        """Hold what the first steps decided to pairs of values ever closer to the inputs.

        All inputs are varied together, so that it costs few evaluations; those that a contradiction is found
        behind are checked anew at all scales.
        """
        at = {row.name: position for position, row in enumerate(rows)}
        quick = [
            i
            for i, name in enumerate(self.names)
            if i not in self.searched and (name not in at or rows[at[name]].verdict == "ok")
        ]
        if not rows or not quick or any(row.verdict == "wrong" for row in rows):
            return rows
        for _ in range(min(len(quick), CLOSER)):
            direction = self.random_direction()
            again = self.behind(direction, quick, gradient, noise)
            for i in again or ():
                row = self.along_input(i, gradient[i], noise, thorough=True)
                if self.names[i] in at:
                    rows[at[self.names[i]]] = row
                elif not row.accepted:
                    rows.append(row)
            if again is not None and all(row.accepted for row in rows) and len(quick) > 1:
                row = self.along(direction, quick, gradient, noise, thorough=True)
                rows += [] if row.accepted else [replace(row, name="all inputs together")]
            if again is not None:
                break
        return rows

    def behind(
        self, direction: Vector, start: Sequence[int], gradient: Vector, noise: float
    ) -> list[int] | None:
        """The inputs behind a contradiction along a direction; None where there is none."""
        pending: list[Sequence[int]] = [start]
        found: list[int] = []
        any_seen = False
        while pending and len(found) < MOST_WRONG:
            indices = pending.pop()
            if not self.contradicted(direction, indices, gradient, noise):
                continue
            any_seen = True
            if len(indices) == 1:
                found.append(indices[0])
            else:
                pending += [indices[len(indices) // 2 :], indices[: len(indices) // 2]]
        return found if any_seen else None

    def contradicted(self, direction: Vector, indices: Sequence[int], gradient: Vector, noise: float) -> bool:
        """Whether pairs of values ever closer to the inputs contradict the gradient along a direction."""
        vary, expected, spread, rounding = self.line(direction, indices, gradient)
        slack = rounding + self.rules.floor * math.hypot(*(gradient[i] * direction[i] for i in indices))
        try:
            return contradicts(vary, expected, self.subject.epsilon, noise + spread, slack)
        finally:
            vary(0.0)

    def locate(self, direction: Vector, start: Sequence[int], gradient: Vector, noise: float) -> list[Row]:
        """Find the wrong inputs behind a wrong direction by halving."""
        rows: list[Row] = []
        pending: list[Sequence[int]] = [start]
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

    # --- products and second order -----------------------------------------------------------------------

    def products(self, gradient: Vector) -> list[Row]:
        """Rows for a jvp and an hvp that the caller gave, each along random directions."""
        rows = []
        for number in range(1, PRODUCTS + 1):
            direction = self.random_direction()
            everything = range(len(direction))
            if self.options.jvp is not None:
                product = self.given_product(self.options.jvp, direction)
                product = [float(x) for x in flat(product, self.subject.doubled)]
                if len(product) != len(self.subject.places):
                    raise ValueError(
                        f"jvp returned {len(product)} numbers for {len(self.subject.places)} outputs"
                    )
                analytic = self.subject.reduced(product)
                rows.append(self.product_row(f"jvp, direction {number}", analytic, direction))
                if self.has_gradient:
                    rows.append(self.transposed_row(number, analytic, gradient, direction))
            if self.options.hvp is not None:
                tangents = self.given_product(self.options.hvp, direction)
                times = self.inputs.flatten(tangents, self.subject.conjugate)
                other = self.random_direction()
                analytic = math.fsum(w * h for w, h in zip(other, times, strict=True))
                rows.append(
                    self.hessian_row(f"hvp, direction {number}", analytic, everything, direction, other)
                )
        return rows

    def given_product(self, function: Any, direction: Vector) -> Any:
        """What the caller's jvp or hvp returns for a direction."""
        return self.inputs.call(function, "plain", *self.inputs.structure(direction))

    def product_row(self, name: str, analytic: float, direction: Vector) -> Row:
        """A row for a directional derivative."""
        everything = range(len(direction))
        move = self.moving(everything, direction)

        def vary(t: float) -> float:
            move(t)
            return self.subject.value()

        found = self.derive(vary, 0.0, analytic, 0.0)
        move(0.0)
        return self.judge(name, analytic, found)

    def transposed_row(self, number: int, forward: float, gradient: Vector, direction: Vector) -> Row:
        """A row for <u, J v> = <J' u, v>: forward against reverse, without finite differences."""
        terms = [g * d for g, d in zip(gradient, direction, strict=True)]
        reverse = math.fsum(terms)
        error = 16 * self.inputs.epsilon * math.fsum(map(abs, terms))
        found = Derivative(forward, error, "smooth", None, None, 1.0, 0)
        return self.judge(f"<J'u, v> against <u, Jv>, direction {number}", reverse, found)

    def hessian_row(
        self, name: str, analytic: float, indices: Sequence[int], direction: Vector, other: Vector
    ) -> Row:
        """A row for w' H v, against the finite difference of w' gradient along v."""
        move = self.moving(indices, direction)

        def slope(t: float) -> float:
            move(t)
            self.subject.evaluations += 1
            gradient = self.subject.gradient()[0]
            return math.fsum(w * g for w, g in zip(other, gradient, strict=True))

        with self.subject.unweighted():
            found = self.derive(slope, 0.0, analytic, 0.0)
        move(0.0)
        return self.judge(name, analytic, found)

    def second_order(self, gradient: Vector) -> list[Row]:
        """Rows for the second derivatives, against finite differences of the gradient."""
        if self.options.directions is not None or (
            self.options.hessian is None and self.subject.engine == "given"
        ):
            return self.second_order_along_directions()
        size = len(self.names)
        if self.options.hessian is None:
            units = ([float(i == j) for i in range(size)] for j in range(size))
            analytic = [self.subject.hessian_times(unit) for unit in units]
        else:
            numbers = flat(self.subject.asked(self.options.hessian))
            analytic = square(numbers, size)
        noise = 8 * EPSILON * max(map(abs, gradient))
        rows = []
        for j in range(size):
            gradients = self.gradients_along(j)
            for i in range(size):
                found = self.derive(
                    component(gradients, i), self.numbers[j], analytic[i][j], noise, accurate=SECOND
                )
                rows.append(self.judge(f"d²/d{self.names[i]} d{self.names[j]}", analytic[i][j], found))
            self.inputs.set(j, self.numbers[j])
        return rows

    def second_order_along_directions(self) -> list[Row]:
        """Rows for w' H v in random directions (with an hvp of the caller, `products` has them already)."""
        if self.options.hvp is not None:
            return []
        rows = []
        for number in range(1, (self.options.directions or 0) + 1):
            direction, other = self.random_direction(), self.random_direction()
            times = self.subject.hessian_times(direction)
            analytic = math.fsum(w * h for w, h in zip(other, times, strict=True))
            name = f"second order, direction {number} of {self.options.directions}"
            rows.append(self.hessian_row(name, analytic, range(len(direction)), direction, other))
        return rows

    def gradients_along(self, index: int) -> Callable[[float], Vector]:
        """The gradient as a function of one input, each point computed once."""
        known: dict[float, list[float]] = {}

        def gradients(x: float) -> list[float]:
            if x not in known:
                self.subject.evaluations += 1
                self.inputs.set(index, x)
                known[x] = self.subject.gradient()[0]
            return known[x]

        return gradients

    # --- the same again ----------------------------------------------------------------------------------

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


def component(vectors: Callable[[float], Sequence[float]], index: int) -> Callable[[float], float]:
    """One component of a vector function."""
    return lambda x: vectors(x)[index]


def norm(numbers: Iterable[float]) -> float:
    """The Euclidean norm of those that are finite."""
    return math.hypot(*filter(math.isfinite, numbers))


def part_of(part: float, whole: float) -> float:
    """A part of the whole, all of it where there is none."""
    return part / whole if whole else math.inf


def finite(number: float) -> float | None:
    """The number, or None when it is nan or infinite."""
    return number if math.isfinite(number) else None


def arithmetic(error: Exception) -> bool:
    """Whether an error says that the function has no value here (rather than that it was called wrongly)."""
    from autograd_core.errors import AutogradError

    return isinstance(error, (AutogradError, ArithmeticError)) or str(error).startswith("math ")


def square(numbers: Sequence[float], size: int) -> list[list[float]]:
    """Reshape n*n numbers."""
    if len(numbers) != size * size:
        raise ValueError(f"the hessian has {len(numbers)} numbers, not {size} x {size}")
    return [list(numbers[row * size : (row + 1) * size]) for row in range(size)]
