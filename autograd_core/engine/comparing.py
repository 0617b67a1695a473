"""Comparisons of a float with a number that need not be one, exactly, as Python makes them."""

from __future__ import annotations

import math
import operator
from typing import Any

__all__ = ["compared"]

_RELATIONS = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq,
    "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compared(number: float, other: Any, relation: str) -> tuple[bool, float | None, str]:
    """Compare a float with a large int, a Fraction or a Decimal.

    Args:
        number: the float on the left.
        other: the number on the right.
        relation: ``<``, ``<=``, ``==``, ``!=``, ``>`` or ``>=``.

    Returns:
        The outcome; the float and the relation that tell the same for every float on the left, None in the
        place of the float where the outcome is the same for all.
    """
    outcome = bool(_RELATIONS[relation](number, other))
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
