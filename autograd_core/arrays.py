"""What may come into a Program: real numbers in arrays, and everything that is refused with a reason.

Whole numbers, truth values, floats of any width, fractions and decimals become float64, as does whatever
NumPy makes an array of them (lists, tuples, data frames, tensors). NaN and infinities are numbers. Text that
looks like a number, ``None``, complex numbers, dates and masked entries are not: NumPy would turn some of
them into numbers without a word.
"""

from __future__ import annotations

import numbers
import reprlib
from decimal import Decimal
from typing import Any

from .engine.value import Value

_REMEDIES = (
    (Value, "a Value would lose its gradient here: give its .data, or let the function capture it"),
    ((str, bytes), "text is converted by hand: np.array(rows, dtype=float)"),
    (type(None), "where a number is missing, give NaN or leave the row out"),
    (complex, "give real and imaginary parts as arguments of their own"),
)


def real_array(data: Any, what: str) -> Any:
    """Return the data as an array of float64.

    Args:
        data: numbers, in anything that NumPy makes an array of.
        what: what to call it in a message.

    Raises:
        TypeError: it holds something else than real numbers; the message tells the first place, and a remedy.
        ValueError: it is ragged, has masked entries or a number that float64 cannot hold.
    """
    import numpy as np

    if type(data) is np.ndarray and data.dtype == np.float64:
        return data if data.flags.aligned else data.copy()
    if type(data) is float:
        return np.asarray(data)
    _refuse_masks(data, what)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{what} is ragged, its rows have different lengths: {error}") from None
    except Exception as error:
        raise TypeError(f"{what} is no array of numbers: {error}") from error
    if array.dtype.names:
        raise TypeError(f"{what} is an array of records: give each field as an argument of its own")
    if array.dtype.kind not in "biuf":
        _refuse_objects(np.asarray(data, dtype=object), what)
    try:
        return array.astype(np.float64, copy=not array.flags.aligned)
    except OverflowError as error:
        raise ValueError(f"{what} holds a number that is too large for a float64: {error}") from None


def _refuse_masks(data: Any, what: str) -> None:
    import numpy as np

    parts = data if isinstance(data, (list, tuple)) else [data]
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise ValueError(
            f"{what} has masked entries: fill them (array.filled(number)) or leave their rows out"
        )


def _refuse_objects(objects: Any, what: str) -> None:
    """Raise for the first item that is no real number."""
    import numpy as np

    for place, item in np.ndenumerate(objects):
        if isinstance(item, (numbers.Real, np.bool_, Decimal)):
            continue
        where = f"{what}, entry {list(place)}" if place else what
        if isinstance(item, (list, tuple, np.ndarray)):
            raise ValueError(f"{where} is an array within an array: np.stack makes one of them")
        raise TypeError(f"{where} is no real number: {reprlib.repr(item)}; {_remedy(item)}")


def _remedy(item: Any) -> str:
    if hasattr(item, "toarray"):
        return "a sparse matrix is made dense by .toarray()"
    for kind, remedy in _REMEDIES:
        if isinstance(item, kind):
            return remedy
    return "give numbers, lists of numbers or an array of them"
