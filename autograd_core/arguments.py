"""What arguments must be, each rule once: a whole number, a number in an interval, a truth value."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any


def shown(value: Any) -> str:
    """The repr, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:80]} ... {text[-20:]}"


def is_truth(value: Any) -> bool:
    """Is it True or False, NumPy's too?"""
    return type(value).__name__ in ("bool", "bool_")


def truth(name: str, value: Any) -> bool:
    """True or False, NumPy's too; anything else raises a TypeError."""
    if is_truth(value):
        return bool(value)
    raise TypeError(f"{name} must be True or False, not {shown(value)}")


def whole_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> int:
    """A whole number of any type, as an int; floats and truth values are none.

    Raises:
        TypeError: it is something else.
        ValueError: it is out of bounds.
    """
    try:
        whole = None if is_truth(value) else operator.index(value)
    except TypeError:  # an array has the method, and is no index
        whole = None
    if whole is not None and least <= whole <= most:
        return whole
    bounds = (
        f" from {least} to {most}" if most < math.inf else f", at least {least}" if least > -math.inf else ""
    )
    error = TypeError if whole is None else ValueError
    raise error(f"{name} must be a whole number{bounds}, not {shown(value)}")


def number(name: str, value: Any, interval: str = "(-inf, inf)") -> Any:
    """A real number in an interval; truth values are none.

    Args:
        name: of the argument.
        value: what was given.
        interval: as it is written: "[0, 1)". A square bracket at infinity lets it in.

    Raises:
        TypeError: it is no real number.
        ValueError: it is outside, or NaN.

    >>> number("p", 0.5, "[0, 1)")
    0.5
    >>> number("p", 1.0, "[0, 1)")
    Traceback (most recent call last):
    ValueError: p must be a number in [0, 1), not 1.0
    """
    low, high = map(float, interval[1:-1].split(","))
    is_number = isinstance(value, Real) and not is_truth(value)
    try:
        inside = is_number and low <= float(value) <= high
    except OverflowError:
        inside = False
    if not inside or (value == low and interval[0] == "(") or (value == high and interval[-1] == ")"):
        error = ValueError if is_number else TypeError
        raise error(f"{name} must be {_kind(interval, low, high)}, not {shown(value)}")
    return value if isinstance(value, (int, float)) else float(value)


def _kind(interval: str, low: float, high: float) -> str:
    if high < math.inf:
        return f"a number in {interval}"
    kind = "a number" if interval[-1] == "]" else "a finite number"
    return kind if low == -math.inf else f"{kind} {'>=' if interval[0] == '[' else '>'} {low:g}"
