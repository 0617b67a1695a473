"""Derivatives of operations at many digits: their rules, called with numbers of mpmath (where installed).

An operation's rule never says what its operands are, so that the same line computes with floats, Values, and
the numbers here. Where a finite difference in floats drowns (sigmoid at 35 is 1 - 6e-16), one at 60 digits
does not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autograd_core.checking.finite_differences import Derivative

if TYPE_CHECKING:
    from autograd_core import Operation

DIGITS = 60
STEP = 1e-18  # of the finite difference, relative to the operand


@functools.cache
def context() -> Any:
    """A context of mpmath with `DIGITS` digits, or None where mpmath is not installed."""
    try:
        from mpmath import MPContext  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None
    found = MPContext()
    found.dps = DIGITS
    return found


class Precise:
    """A number of mpmath with the methods that the rules of the operations call."""

    __slots__ = ("number",)

    def __init__(self, number: Any):
        self.number = number if type(number).__name__ == "mpf" else context().mpf(number)

    def lift(self, other: Any) -> Precise:
        """Another number as one of this kind."""
        return other if isinstance(other, Precise) else Precise(other)

    def _with(self, other: Any, function: Callable[[Any, Any], Any]) -> Precise:
        return Precise(function(self.number, number_of(other)))

    def __add__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: a * b)

    def __rmul__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: b * a)

    def __truediv__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: b / a)

    def __mod__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: a % b)

    def __rmod__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: b % a)

    def __pow__(self, other: Any) -> Precise:
        return self._with(other, context().power)

    def __rpow__(self, other: Any) -> Precise:
        return self._with(other, lambda a, b: context().power(b, a))

    def __neg__(self) -> Precise:
        return Precise(-self.number)

    def __abs__(self) -> Precise:
        return Precise(abs(self.number))

    def __getattr__(self, name: str) -> Callable[..., Precise]:
        function = definition(name)
        return lambda *others: Precise(function(self.number, *map(number_of, others)))


@functools.cache
def definition(name: str) -> Callable[..., Any]:
    """The operation of a name as its row defines it, in mpmath's functions."""
    from autograd_core.calculus.operations import OPERATIONS

    if name not in OPERATIONS:
        raise AttributeError(name)
    parameters = OPERATIONS[name].parameters
    text = OPERATIONS[name].definition or f"{name}({', '.join(parameters)})"
    code = compile(text, name, "eval")
    names = {used: getattr(context(), used) for used in code.co_names if used not in parameters}
    return lambda *numbers: eval(code, names | dict(zip(parameters, numbers, strict=True)))


def number_of(thing: Any) -> Any:
    """The number of mpmath in a thing."""
    return thing.number if isinstance(thing, Precise) else context().mpf(thing)


def precise_value(operation: Operation, operands: Sequence[Any], index: int = 0) -> Any:
    """The operation's value at many digits.

    Args:
        operation: any whose rule does not insist on floats.
        operands: numbers of mpmath.
        index: which output, for operations that have several.

    Raises:
        TypeError: the rule takes floats only.
    """
    options = {"index": index} if getattr(operation, "indexed", False) else {}
    return number_of(operation.rule(*map(Precise, operands), **options))


def precise_partial(
    operation: Operation, operands: Sequence[float], slot: int, index: int = 0
) -> Derivative | None:
    """The partial of an operation as a difference quotient at many digits.

    Args:
        operation: built in, or one whose rule does not insist on floats.
        operands: where.
        slot: with respect to which.
        index: which output, for operations that have several.

    Returns:
        The derivative, or None where it can't be had: without mpmath, for a rule of floats, at a point where
        the slopes of both sides differ.
    """
    mp = context()
    if mp is None:
        return None
    try:
        exact = [mp.mpf(operand) for operand in operands]
        step = (abs(exact[slot]) or mp.mpf(1)) * mp.mpf(STEP)
        values = []
        for offset in (-step, 0, step):
            moved = [*exact[:slot], exact[slot] + offset, *exact[slot + 1 :]]
            values.append(precise_value(operation, moved, index))
        left, right = (values[1] - values[0]) / step, (values[2] - values[1]) / step
        slope = float((left + right) / 2)
        error = abs(slope) * 2.0**-50 + float(mp.mpf(2) ** -1074)
        if abs(left - right) > 1e-6 * (abs(left) + abs(right)):
            return None
    except Exception:  # a rule for floats alone, or no value beside the operand
        return None
    return Derivative(slope, error, "smooth", None, None, float(step), 3)
