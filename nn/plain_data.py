"""Plain data as JSON, exactly: numbers, texts, arrays, and lists, tuples, sets and dictionaries of them."""

from __future__ import annotations

from collections import deque
from typing import Any

from autograd_core import Value

_SCALARS = {float, int, str, bool, type(None)}
_SERIES: dict[str, Any] = {kind.__name__: kind for kind in (tuple, set, frozenset, deque)}


class NotPlain(Exception):
    """It is something else, of the class that is named."""


def to_json(thing: Any) -> Any:
    """What JSON can hold, with the name of its kind where that is not JSON's.

    Raises:
        NotPlain: a part of it is something else.
    """
    kind = type(thing)
    if kind in _SCALARS:
        return thing
    if kind is list:
        return list(thing) if set(map(type, thing)) <= _SCALARS else [to_json(part) for part in thing]
    if kind is dict:
        return {"dict": [[to_json(key), to_json(part)] for key, part in thing.items()]}
    if kind.__name__ in _SERIES and kind is _SERIES[kind.__name__]:
        parts = [to_json(part) for part in thing]
        is_ordered = kind in (tuple, deque)  # the order of a set is another in every process
        return {kind.__name__: parts if is_ordered else sorted(parts, key=repr)}
    if kind is Value and thing.is_leaf and thing.is_constant:
        return {"constant": thing.data}
    dtype = getattr(thing, "dtype", None) if kind.__module__ == "numpy" else None
    if dtype is not None and dtype.kind in "biuf" and dtype.itemsize <= 8:
        shape = list(thing.shape) if hasattr(thing, "__setitem__") else None  # None: one number
        return {"array": thing.tolist(), "dtype": str(dtype), "shape": shape}
    if kind in (bytes, bytearray):
        return {kind.__name__: thing.hex()}
    if kind is complex:
        return {"complex": [thing.real, thing.imag]}
    raise NotPlain(kind.__qualname__)


def from_json(made: Any) -> Any:
    """What `to_json` was given."""
    import numpy as np

    if isinstance(made, list):
        return [from_json(part) for part in made]
    if not isinstance(made, dict):
        return made
    if "array" in made:
        found = np.array(made["array"], dtype=made["dtype"])
        shape = made.get("shape", found.shape)
        return found[()] if shape is None else found.reshape(shape)
    (kind, part), *_ = made.items()
    if kind == "dict":
        return {from_json(key): from_json(value) for key, value in part}
    if kind in _SERIES:
        return _SERIES[kind](map(from_json, part))
    if kind == "constant":
        return Value(part).detach()
    if kind == "complex":
        return complex(*part)
    return bytes.fromhex(part) if kind == "bytes" else bytearray.fromhex(part)
