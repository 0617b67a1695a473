"""``//`` of Values: the nodes of what Python does with floats, step by step."""

from __future__ import annotations

from ..calculus.operations import OPERATIONS
from .flags import IEEE
from .value import Value, failure, number_of, thread_mode

__all__ = ["floor_divide"]


def floor_divide(a: Value, b: Value) -> Value:
    """Return the node of a // b, with the bits of Python's floats.

    floor(a / b) would not do: 1.0 // 0.1 is 9.0, and 1.0 / 0.1 is 10.0.

    Raises:
        DivisionError: b is 0.
    """
    if number_of(b) == 0.0 and not thread_mode() & IEEE:
        error = ZeroDivisionError("float floor division by zero")
        raise failure(OPERATIONS["div"], (a, b), (number_of(a), number_of(b)), error, "//: ")
    one, zero, half = Value.lift(1.0), Value.lift(0.0), Value.lift(0.5)
    sign = one.copysign(a) * one.copysign(b)
    size, step = abs(a), abs(b)
    rest = size % step
    count = (size - rest) / step  # a whole number but for its rounding
    quotient = sign * count - rest.greater(zero) * sign.less(zero)
    whole = quotient.floor()
    up = (quotient - whole).greater(half)
    return (whole + up).copysign(sign)
