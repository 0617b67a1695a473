"""What arguments must be, each rule in one place: a number in an interval, a count, a truth value, a path.

Each function returns what it was given, or raises an `InputError` that names the argument, says what it must
be, and shows what it is.
"""

from __future__ import annotations

import difflib
import math
import operator
import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

from nn.errors import InputError

__all__ = [
    "check_model",
    "check_regularizer",
    "check_size",
    "count_of",
    "is_truth",
    "number",
    "one_of",
    "path_of",
    "refuse_class",
    "shown",
    "truth",
    "unknown",
    "whole_number",
]

_MOST_WEIGHTS = 10**9  # a Value takes about 100 bytes


def shown(value: Any) -> str:
    """The repr, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:80]} ... {text[-20:]}"


def number(name: str, value: Any, interval: str = "(-inf, inf)") -> Any:
    """A real number in an interval; truth values are none.

    Args:
        name: of the argument.
        value: what was given.
        interval: as it is written: "[0, 1)". A square bracket at infinity lets it in.

    Raises:
        InputError: it is something else.

    Example:
        >>> number("p", 0.5, "[0, 1)")
        0.5
        >>> number("p", 1.0, "[0, 1)")
        Traceback (most recent call last):
        nn.errors.InputError: p must be a number in [0, 1), not 1.0
    """
    low, high = map(float, interval[1:-1].split(","))
    try:
        is_right = isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high
    except OverflowError:
        is_right = False
    if not is_right or (value == low and interval[0] == "(") or (value == high and interval[-1] == ")"):
        raise InputError(f"{name} must be {_told(interval, low, high)}, not {shown(value)}")
    return value if isinstance(value, (int, float)) else float(value)


def _told(interval: str, low: float, high: float) -> str:
    if high < math.inf:
        return f"a number in {interval}"
    kind = "a number" if interval[-1] == "]" else "a finite number"
    return kind if low == -math.inf else f"{kind} {'>=' if interval[0] == '[' else '>'} {low:g}"


def count_of(name: str, value: Any, least: int = 1) -> int:
    """A whole number as an int; NumPy's integers will do, floats and truth values will not.

    Raises:
        InputError: it is something else, or too small.
    """
    whole = None if isinstance(value, bool) else whole_number(value)
    if whole is None or whole < least:
        raise InputError(f"{name} must be a whole number, at least {least}, not {shown(value)}")
    return whole


def whole_number(value: Any) -> int | None:
    """A whole number as an int; None for anything else."""
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_size(what: str, *counts: int) -> None:
    """So many numbers, the product of the counts, must fit into a memory.

    Raises:
        InputError: they do not.
    """
    if math.prod(counts) > _MOST_WEIGHTS:
        sizes = " x ".join(map(str, counts))
        raise InputError(
            f"{what} has {sizes} weights, each a Value of about 100 bytes: more than fit into a memory"
        )


def truth(name: str, value: Any) -> bool:
    """True or False, NumPy's too.

    Raises:
        InputError: it is something else.
    """
    if is_truth(value):
        return bool(value)
    raise InputError(f"{name} must be True or False, not {shown(value)}")


def is_truth(value: Any) -> bool:
    """Is it True or False, NumPy's too?"""
    return type(value).__name__ in ("bool", "bool_")


def path_of(name: str, value: Any) -> Path:
    """The path of a file.

    Raises:
        InputError: it is no text and no path, or none that a file can have.
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(f"{name} must be the path of a file, a text or a pathlib.Path, not {shown(value)}")
    return Path(text)


def unknown(kind: str, name: object, names: Iterable[str], hint: str = "") -> InputError:
    """The error for a name that is not known, with the nearest one that is.

    Args:
        kind: what is named, with its article left out: "loss".
        name: what was given; no text at all is told too.
        names: those there are.
        hint: what else to say.
    """
    known = list(names)
    if not isinstance(name, str):
        return InputError(
            f"the name of the {kind} is a text, one of {', '.join(known)}; not {shown(name)}{hint}"
        )
    near = difflib.get_close_matches(name.lower().strip(), known, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"no {kind} is named {shown(name)}{hint}; {meant}there are {', '.join(known)}")


def one_of(kind: str, name: Any, names: Iterable[str]) -> str:
    """A name that is known.

    Raises:
        InputError: it is not; see `unknown`.
    """
    if not isinstance(name, str) or name not in names:
        raise unknown(kind, name, names)
    return name


def refuse_class(what: str, thing: Any) -> None:
    """An object is wanted, and a class is callable too, so that it would be noticed late.

    Raises:
        InputError: it is a class.
    """
    if isinstance(thing, type):
        raise InputError(
            f"{what} is an object, and {thing.__name__} is a class: call it, {thing.__name__}(...)"
        )


def check_regularizer(regularizer: Any) -> None:
    """A regularizer is a callable of a model, or None.

    Raises:
        InputError: it is something else.
    """
    refuse_class("a regularizer", regularizer)
    if regularizer is not None and not callable(regularizer):
        raise InputError(f"a regularizer is a callable such as L2(1e-4), not {shown(regularizer)}")


def check_model(model: Any, has: str = "") -> None:
    """A model is an object that is called with a row of numbers.

    Args:
        model: what was given.
        has: a method that it must have as well, such as "parameters".

    Raises:
        InputError: it is something else.
    """
    if isinstance(model, type) or not callable(model) or (has and not callable(getattr(model, has, None))):
        wanted = f" and has {has}()" if has else ""
        raise InputError(f"a model is a Module, or is called with a row{wanted}; not {shown(model)}")
