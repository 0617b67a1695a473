"""Plain data as JSON, exactly: numbers, texts, arrays, and lists, tuples, sets and dictionaries of them."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from autograd_core import Value
from nn.schedules import SCHEDULES

_SCALARS = {float, int, str, bool, type(None)}
_SERIES: dict[str, Any] = {kind.__name__: kind for kind in (tuple, set, frozenset, deque)}


class NotPlain(Exception):
    """It is something else, of the class that is named."""


def to_json(thing: Any, by_name: bool = False) -> Any:
    """What JSON can hold, with the name of its kind where that is not JSON's; schedules of nn, too.

    Args:
        thing: the data.
        by_name: may there be functions, of which the name is written?

    Raises:
        NotPlain: a part of it is something else.
    """
    kind = type(thing)
    if kind in _SCALARS:
        return thing
    if kind is list:
        return (
            list(thing) if set(map(type, thing)) <= _SCALARS else [to_json(part, by_name) for part in thing]
        )
    if kind is dict:
        return {"dict": [[to_json(key), to_json(part, by_name)] for key, part in thing.items()]}
    if kind.__name__ in _SERIES and kind is _SERIES[kind.__name__]:
        parts = [to_json(part, by_name) for part in thing]
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
    if kind in SCHEDULES.values():
        return {"schedule": kind.__name__, "parts": to_json(vars(thing), by_name)}
    if by_name and callable(thing):
        return {"function": _name_of(thing)}
    raise NotPlain(kind.__qualname__)


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def from_json(made: Any, now: Any = None) -> Any:
    """What `to_json` was given.

    Args:
        made: what it returned.
        now: the same data as they are now: a function is taken from there.

    Raises:
        NotPlain: there the function has another name.
        Exception: `to_json` cannot have returned this.
    """
    import numpy as np

    if isinstance(made, list):
        now = now[: len(made)] if isinstance(now, (list, tuple)) else ()
        return [from_json(part, old) for part, old in itertools.zip_longest(made, now)]
    if not isinstance(made, dict):
        return made
    if "array" in made:
        found = np.array(made["array"], dtype=made["dtype"])
        shape = made.get("shape", found.shape)
        return found[()] if shape is None else found.reshape(shape)
    (kind, part), *_ = made.items()
    if kind == "dict":
        now = now if isinstance(now, dict) else {}
        return {from_json(key): from_json(value, now.get(from_json(key))) for key, value in part}
    if kind == "schedule":
        return SCHEDULES[part](**from_json(made["parts"], getattr(now, "__dict__", None)))
    if kind == "function":
        if now is None or _name_of(now) != part:
            raise NotPlain(
                f"the learning rate was computed by {part} when the run stopped, which a file cannot "
                "hold: set it again before the run goes on"
            )
        return now
    if kind in _SERIES:
        return _SERIES[kind](from_json(part, now))
    if kind == "constant":
        return Value(part).detach()
    if kind == "complex":
        return complex(*part)
    return bytes.fromhex(part) if kind == "bytes" else bytearray.fromhex(part)
