"""How many digits of an output are lost to rounding, and by which operation.

Every operation rounds its result by up to half a unit in the last place. To first order, that moves the
output by the adjoint of the node times the error (S. Linnainmaa, "Taylor expansion of the accumulated
rounding error", BIT 16, 1976): the sweep that gives gradients gives the sensitivity to rounding as well.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["Contribution", "RoundingReport", "rounding"]

EXACT = frozenset(
    {
        *("neg", "abs", "relu", "maximum", "minimum", "max", "min", "where", "clip", "sign", "floor", "ceil"),
        *("stop_gradient", "greater", "greater_equal", "less", "less_equal", "equal"),
        *("rint", "copysign", "heaviside", "complement"),
    }
)
CORRECT = frozenset(
    ("add", "sub", "mul", "div", "sqrt", "square", "reciprocal")
)  # rounded once, as IEEE 754 says
LIBRARY = 2.0  # half units in the last place of a function of the C library (see its manual)
TYPICAL = 0.5  # part of the largest error that the functions and the sums inside an operation make as a rule
FEW = 16  # binary digits of a value that a function has exactly
MOVES = 1e-3  # relative change of a value with an operand from which it is not saturated
ROUGHER = {
    "cbrt": 8.0,
    "polygamma": 8.0,
    **dict.fromkeys(("gamma", "erfcx", "ierfcx"), 8.0),
    **dict.fromkeys(("erfc", "sinh", "cosh", "tanh", "asinh", "acosh"), 4.0),
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the rounding of one operation does to the output.

    Attributes:
        node: the node that rounds.
        local: the bound on the rounding error of its value.
        effect: the bound on how far that moves the output: ``|adjoint| * local``.
        share: of all the effects, from 0 to 1.
        source: file and line, where the graph was built under ``diagnose()``.
    """

    node: Value
    local: float
    effect: float
    share: float
    source: tuple[str, int] | None

    def __str__(self) -> str:
        operands = ", ".join(f"{parent.data:.6g}" for parent in self.node.parents[:4])
        where = f" {self.node.label!r}" if self.node.label else ""
        where += f" in {self.node.scope}" if self.node.scope else ""
        where += f" at {self.source[0]}:{self.source[1]}" if self.source else ""
        return (
            f"{self.share:6.1%}  {self.effect:.2g}  {self.node.op}({operands}) = {self.node.data:.6g}{where}"
        )


@dataclass(frozen=True, slots=True)
class RoundingReport:
    """The rounding error of an output.

    Attributes:
        value: the output.
        bound: no combination of roundings moves it farther (to first order).
        estimate: how far independent roundings move it, as a rule.
        contributions: the operations, the worst first.
    """

    value: float
    bound: float
    estimate: float
    contributions: tuple[Contribution, ...]

    @property
    def digits(self) -> float:
        """How many decimal digits of the value are right, by the estimate."""
        if not self.estimate:
            return 17.0
        return max(0.0, -math.log10(self.estimate / abs(self.value))) if self.value else 0.0

    def of(self, node: Value) -> float:
        """The share of a node, from 0 to 1."""
        return next((part.share for part in self.contributions if part.node is node), 0.0)

    def __str__(self) -> str:
        head = (
            f"{self.value!r} ± {self.estimate:.2g} by rounding (at most {self.bound:.2g}): "
            f"some {self.digits:.0f} digits are right"
        )
        return "\n".join([head, *map(str, self.contributions[:10])])


def rounding(output: Value) -> RoundingReport:
    """Tell how far rounding moves an output, and which operations do it.

    Args:
        output: a node; its graph is not changed.

    Returns:
        The bound ``sum |adjoint| e``, the estimate ``sqrt(sum (adjoint e)**2 / 3)``, where e is the largest
        error of each operation's value (half a unit in the last place times what the operation's own sums
        and functions cost), and the operations ranked by ``|adjoint| e``. The inputs count as exact.

    Raises:
        TypeError: the output is not a Value.

    >>> from autograd_core import Value, exp
    >>> x = Value(1e-9)
    >>> report = rounding(exp(x) - 1.0)
    >>> report.contributions[0].node.op, report.digits < 8
    ('exp', True)
    """
    from autograd_core import Value, topological_order

    if not isinstance(output, Value):
        raise TypeError(f"rounding() wants a Value, not {type(output).__name__}")
    nodes = topological_order(output)
    adjoints = adjoints_of(output, nodes)
    found = []
    for node in nodes:
        if node.is_leaf or node not in adjoints:
            continue
        local = local_error(node)
        effect = abs(adjoints[node]) * local
        if effect > 0.0:
            found.append((effect, local, node))
    total = math.fsum(effect for effect, _, _ in found)
    squares = [(effect * (1.0 if node.op in CORRECT else TYPICAL)) ** 2 for effect, _, node in found]
    estimate = math.sqrt(math.fsum(squares) / 3.0)
    found.sort(key=lambda part: -part[0])
    parts = tuple(
        Contribution(node, local, effect, effect / total, node.source) for effect, local, node in found
    )
    return RoundingReport(output.data, total, estimate, parts)


def adjoints_of(output: Value, nodes: Sequence[Value]) -> dict[Value, float]:
    """d output / d node for every node, constants' too, without touching their gradients."""
    adjoints: dict[Value, float] = {output: 1.0}
    for node in reversed(nodes):
        own = adjoints.get(node)
        if own is None or node.is_leaf:
            continue
        for parent, partial in zip(node.parents, node.partials, strict=True):
            if partial and not parent.is_leaf:
                adjoints[parent] = adjoints.get(parent, 0.0) + partial * own
    return adjoints


def local_error(node: Value) -> float:
    """The largest rounding error of an operation's value, given its operands.

    The rows of more than one rounding are followed through their own rule, with numbers that carry a bound.
    """
    if node.op in EXACT or not math.isfinite(node.data):
        return 0.0
    half = 0.5 * math.ulp(node.data)
    operands = [parent.data for parent in node.parents]
    if node.op in CORRECT:
        return 0.0 if node.op in FRACTIONS and is_exact(node.op, operands, node.data) else half
    if is_special(node, operands):
        return 0.0
    if node.op == "mod":  # the remainder is exact; adding b to it for the sign is not
        return half if operands[0] * operands[1] < 0.0 else 0.0
    if node.op in ("lgamma", "digamma"):  # sums that cancel, near 1 and 2 or 1.46
        return 4.0 * math.ulp(max(1.0, abs(node.data)))
    if node.op == "beta" and node.data:  # the exponential of a sum of logarithms
        return 10.0 * half * max(1.0, abs(math.log(abs(node.data))))
    operation: Any = node.operation
    try:
        options = {"index": node.index} if getattr(operation, "indexed", False) else {}
        result = operation.rule(*map(Bounded, operands), **options)
    except Exception:  # a rule for floats alone: its function counts as one of the C library
        return ROUGHER.get(node.op, LIBRARY) * half
    return max(result.error if isinstance(result, Bounded) else 0.0, 0.0)


def is_special(node: Value, operands: Sequence[float]) -> bool:
    """Whether a function has a simple exact value at its operands: exp(0) = 1, gamma(1) = 1.

    A value that uses a few binary digits only, and that would move with any of its operands, is no accident;
    one that would not move is saturated, as tanh(20).
    """
    value = node.data
    numerator, denominator = abs(value).as_integer_ratio()
    if numerator.bit_length() > FEW or denominator.bit_length() > FEW:
        return False
    return all(
        x == 0.0 or abs(partial * x) >= MOVES * abs(value)
        for x, partial in zip(operands, node.partials, strict=True)
    )


def is_exact(op: str, operands: Sequence[float], value: float) -> bool:
    """Whether the operation's value needed no rounding (sums of few digits, differences of close numbers)."""
    if not all(map(math.isfinite, operands)):
        return False
    a, *rest = map(Fraction, operands)
    return bool(FRACTIONS[op](a, *rest) == Fraction(value))


def is_exact_sum(a: float, b: float) -> bool:
    """Whether a + b needs no rounding (the error of a sum is a float: D. Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    part = total - a
    return (a - (total - part)) + (b - part) == 0.0


FRACTIONS: dict[str, Callable[..., Fraction]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1 / a,
}


class Bounded:
    """A number with a bound on its rounding error: the rules of the operations are run with it."""

    __slots__ = ("error", "number")

    def __init__(self, number: float, error: float = 0.0):
        self.number = number
        self.error = error

    def lift(self, other: Any) -> Bounded:
        """Another number as one of this kind."""
        return other if isinstance(other, Bounded) else Bounded(float(other))

    def _rounded(self, number: float, carried: float, units: float = 1.0) -> Bounded:
        return Bounded(
            number, carried + units * 0.5 * math.ulp(number) if math.isfinite(number) else math.inf
        )

    def __add__(self, other: Any) -> Bounded:
        b = self.lift(other)
        units = 0.0 if is_exact_sum(self.number, b.number) else 1.0
        return self._rounded(self.number + b.number, self.error + b.error, units)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        return self + -self.lift(other)

    def __rsub__(self, other: Any) -> Bounded:
        return self.lift(other) - self

    def __mul__(self, other: Any) -> Bounded:
        b = self.lift(other)
        carried = abs(self.number) * b.error + abs(b.number) * self.error
        scaling = any(abs(math.frexp(factor)[0]) == 0.5 for factor in (self.number, b.number))
        return self._rounded(self.number * b.number, carried, 0.0 if scaling else 1.0)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Bounded:
        b = self.lift(other)
        quotient = self.number / b.number
        return self._rounded(quotient, (self.error + abs(quotient) * b.error) / abs(b.number))

    def __rtruediv__(self, other: Any) -> Bounded:
        return self.lift(other) / self

    def __neg__(self) -> Bounded:
        return Bounded(-self.number, self.error)

    def __abs__(self) -> Bounded:
        return Bounded(abs(self.number), self.error)

    def __getattr__(self, name: str) -> Any:
        return lambda *others: self._call(name, others)

    def _call(self, name: str, others: tuple[Any, ...]) -> Bounded:
        """A function of this number: its own rounding, and the error of the operand times the partial."""
        from autograd_core.calculus.operations import OPERATIONS

        operation = OPERATIONS[name]
        operands = [self, *map(self.lift, others)]
        numbers = [operand.number for operand in operands]
        value = operation.value(*numbers)
        carried = 0.0
        for operand, partial in zip(operands, operation.partials(numbers, value), strict=True):
            carried += abs(partial) * operand.error if operand.error else 0.0
        units = 0.0 if name in EXACT else 1.0 if name in CORRECT else ROUGHER.get(name, LIBRARY)
        return self._rounded(value, carried, units)
