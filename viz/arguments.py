"""What arguments must be: each rule once, for every function, with an error that names the argument."""

import math
import operator
from collections.abc import Iterable
from numbers import Real
from typing import Any


def check_whole(name: str, value: Any, least: int, most: float = math.inf) -> None:
    """Refuse what is no whole number, or one out of bounds.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is out of bounds.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a whole number, not {value!r}") from None
    if not least <= whole <= most:
        above = "" if most == math.inf else f" and at most {most}"
        raise ValueError(f"{name} is at least {least}{above}, not {value}")


def check_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> None:
    """Refuse what is no number between two.

    Raises:
        TypeError: it is not a number.
        ValueError: it is out of bounds, or NaN.
    """
    if not isinstance(value, Real):
        raise TypeError(f"{name} is a number, not {value!r}")
    size: Any = value
    if not least <= size <= most:
        raise ValueError(f"{name} is a number from {least:g} to {most:g}, not {value}")


def check_truth(name: str, value: Any) -> None:
    """Refuse what is neither True nor False, NumPy's too.

    Raises:
        TypeError: it is something else.
    """
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(f"{name} is True or False, not {value!r}")


def names_of(name: str, value: Any) -> tuple[str, ...]:
    """One name or several, as a tuple.

    Raises:
        TypeError: it is something else.
    """
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(one, str) for one in found):
        raise TypeError(f"{name} is a name or several, not {value!r}")
    return found
