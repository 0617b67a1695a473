"""Comparisons of a float with a number that need not be a double, exactly, as Python makes them."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq,
    "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compared(number: float, other: Any, relation: str) -> tuple[bool, float | None, str] | None:
    """Compare a float with a large int, a Fraction, a Decimal, a complex number or a scalar of NumPy.

    Args:
        number: the float on the left.
        other: the number on the right.
        relation: ``<``, ``<=``, ``==``, ``!=``, ``>`` or ``>=``.

    Returns:
        The outcome; the float and the relation that tell the same for every float on the left, None in the
        place of the float where the outcome is the same for all. None where Python does not compare them.
    """
    if isinstance(other, numbers.Complex) and not isinstance(other, numbers.Real):
        if relation not in ("==", "!="):
            return None
        if other.imag:
            return relation == "!=", None, relation
        other = other.real
    if isinstance(other, numbers.Real) and not isinstance(other, numbers.Rational):
        other = float(other)  # of a NumPy scalar, whose precision may be smaller
    outcome = bool(COMPARE[relation](number, other))
    try:
        bound = float(other)
    except OverflowError:
        bound = math.inf if other > 0 else -math.inf
    if bound != other:  # the same comparison of doubles, by the double beside it
        if relation in ("==", "!="):
            return outcome, None, relation
        if bound > other:
            relation = "<" if relation in ("<", "<=") else ">="
        else:
            relation = "<=" if relation in ("<", "<=") else ">"
    return outcome, bound, relation
