"""A test for those who write an operation: everything that an operation promises, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_core.checking.check import gradient_report, same
from autograd_core.errors import AutogradError, GradientCheckError

__all__ = ["OperationReport", "check_operation"]

LANES = 5  # rows that a Program runs side by side: a block of four and a rest


@dataclass(frozen=True, slots=True)
class OperationReport:
    """What `check_operation` found.

    Attributes:
        name: of the operation.
        faults: a line for each promise that is broken, with the point.
        checks: how many promises were tested.
    """

    name: str
    faults: tuple[str, ...]
    checks: int

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        state = "passed" if self.passed else "FAILED"
        return "\n".join([f"operation {self.name} {state}: {self.checks} checks", *self.faults])


def check_operation(
    operation: Callable[..., Any],
    points: Sequence[Any],
    *,
    outside: Sequence[Any] = (),
    conventions: Sequence[tuple[Any, Sequence[float]]] = (),
    order: int = 2,
) -> OperationReport:
    """Test everything that an operation promises.

    At each point: its value on floats and on Values is the same; each partial agrees with a finite
    difference; so do the partials of the partials (the graph of a higher-order gradient); its recording, a
    Program, gives the value and the gradient of the eager graph, bit for bit, on the compiled interpreter and
    on its twin in NumPy, in every lane.

    Args:
        operation: made by ``autograd_core.operation``, or any function of Values and floats.
        points: tuples of operands, or single numbers, inside the domain.
        outside: points outside the domain: there it must raise, and not return a number.
        conventions: pairs (point, gradient) for points without a derivative, such as ``(0.0, [0.0])``.
        order: 1 leaves second derivatives out.

    Returns:
        The report of a check that passed.

    Raises:
        GradientCheckError: with a line for each fault.
        TypeError: the operation is not a function, or a point is not made of numbers.
        ValueError: there are no points, or the order is another.

    >>> from autograd_core import relu
    >>> check_operation(relu, [-2.0, 3.0], conventions=[(0.0, [0.0])]).passed
    True
    """
    __tracebackhide__ = True
    if not callable(operation):
        raise TypeError(f"the operation is {operation!r}, not a function{instead(operation)}")
    name = str(getattr(operation, "name", None) or getattr(operation, "__name__", operation))
    faults: list[str] = []
    checks = 0
    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, not {order!r}")
    if isinstance(points, (str, int, float)):
        raise TypeError(f"points is {points!r}, not a list of points: give [{points!r}]")
    places = [as_point(point) for point in points]
    if not places:
        raise ValueError("there is nothing to check: give at least one point")
    for point in places:
        results = list(at_point(operation, point, order))
        if len(results) > 1:  # it has a value
            results += as_program(operation, point)
        for what, fault in results:
            checks += 1
            faults += [f"{name}{shown(point)}: {what}: {fault}"] if fault else []
    for point in map(as_point, outside):
        checks += 1
        fault = beyond(operation, point)
        faults += [f"{name}{shown(point)}: {fault}"] if fault else []
    for place, partials in conventions:
        checks += 1
        gradient = as_point(partials)
        found = gradient_at(operation, as_point(place))
        if not all(map(same, found, gradient)) or len(found) != len(gradient):
            faults.append(
                f"{name}{shown(as_point(place))}: the gradient is {found}, by convention {list(gradient)}"
            )
    report = OperationReport(name, tuple(faults), checks)
    if faults:
        raise GradientCheckError(str(report))
    return report


def instead(operation: Any) -> str:
    """What to give in place of an operation's name."""
    import autograd_core

    known = isinstance(operation, str) and callable(getattr(autograd_core, operation, None))
    return f": give autograd_core.{operation} itself" if known else ""


def as_point(point: Any) -> tuple[float, ...]:
    """The operands of a point."""
    try:
        return tuple(map(float, point)) if isinstance(point, (tuple, list)) else (float(point),)
    except (TypeError, ValueError):
        raise TypeError(f"a point is a number or a tuple of operands, not {point!r}") from None


def shown(point: Sequence[float]) -> str:
    """The operands as text."""
    return f"({', '.join(f'{x:g}' for x in point)})"


def at_point(
    operation: Callable[..., Any], point: tuple[float, ...], order: int
) -> Iterator[tuple[str, str]]:
    """The value and the derivatives: what was tested, and the fault or nothing."""
    from autograd_core import Value

    try:
        plain, node = float(operation(*point)), float(operation(*map(Value, point)))
    except Exception as error:  # an operation has a value, one number, at each of the points
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        domain = isinstance(error, (ValueError, ArithmeticError))
        yield "value", text + (" (a point outside the domain belongs in outside=)" if domain else "")
        return
    yield "value", "" if same(plain, node) else f"{plain!r} on floats, {node!r} on Values"
    for level in range(1, order + 1):
        try:
            report = gradient_report(operation, list(point), order=level)
        except (AutogradError, TypeError) as error:
            yield f"order {level}", f"{type(error).__name__}: {error}".splitlines()[0]
            return
        yield f"order {level}", "" if report.passed else str(report)


def as_program(operation: Callable[..., Any], point: tuple[float, ...]) -> Iterator[tuple[str, str]]:
    """The recording, on the compiled interpreter and on its twin in NumPy, against the eager graph."""
    from autograd_core import record
    from autograd_core.programs.tapes import interpreter

    eager, plain = gradient_at(operation, point), float(operation(*point))
    for name in ("", "numpy"):
        what = "Program in NumPy" if name else "Program"
        try:
            with interpreter(name):
                program = record(lambda *xs: operation(*xs), *point)
                values, gradient = program.value_and_grad(*[[x] * LANES for x in point])
        except Exception as error:  # whatever goes wrong in a Program is a fault of the operation in it
            yield what, f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        wrong = [float(value) for value in values if not same(float(value), plain)]
        yield f"{what}: value", f"{wrong[0]!r}, and {plain!r} without it" if wrong else ""
        rows = zip(*(map(float, column) for column in gradient.inputs), strict=True)
        off = [list(row) for row in rows if not all(map(same, row, eager))]
        yield f"{what}: gradient", f"{off[0]}, and {eager} without it" if off else ""


def gradient_at(operation: Callable[..., Any], point: Sequence[float]) -> list[float]:
    """The engine's gradient."""
    from autograd_core import Value

    leaves = [Value(x) for x in point]
    result = operation(*leaves)
    if isinstance(result, Value) and not result.is_constant:
        result.backward()
    return [leaf.grad for leaf in leaves]


def beyond(operation: Callable[..., Any], point: Sequence[float]) -> str:
    """What is wrong outside the domain, if anything."""
    from autograd_core import Value

    for kind, convert in (("floats", float), ("Values", Value)):
        try:
            result = operation(*map(convert, point))
        except (ValueError, ArithmeticError):
            continue
        return f"outside the domain it returns {float(result):g} on {kind} and does not raise"
    return ""
