"""Plain data as JSON, exactly: numbers, texts, arrays, and lists, tuples, sets and dictionaries of them."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any

from autograd_core import Value
from nn.schedules import SCHEDULES

_SCALARS = {float, int, str, bool, type(None)}
_NUMBERS = {bool, int, float}
_MUTABLE = {list, dict, set, deque, bytearray, Value}
_SERIES: dict[str, Any] = {kind.__name__: kind for kind in (tuple, set, frozenset, deque)}


class NotPlain(Exception):
    """It is something else, of the class that is named."""


class Shared:
    """What has been written, so that a list, dict or array with two names is one again when it is read.

    Args:
        held: the id of what is there when it is read, and its name.
        arrays: those of it that are arrays.
    """

    def __init__(self, held: Mapping[int, str], arrays: Mapping[str, Any]) -> None:
        self._made: dict[int, Any] = dict(held)
        self._kept: list[Any] = []  # so that no id is used twice
        self._arrays: dict[int, list[tuple[str, Any]]] = {}
        for named in arrays.items():
            self._arrays.setdefault(_memory_of(named[1]), []).append(named)
        self._labels: dict[int, int] = {}

    def again(self, thing: Any) -> Any:
        """What is written for a thing that has been written or is held, else None."""
        made = self._made.get(id(thing))
        if made is None or isinstance(made, str):
            return made and {"same": made}
        label = {"shared": self._labels.setdefault(id(thing), len(self._labels))}
        if isinstance(made, dict):
            made.update(label)
        elif made[:1] != [label]:
            made.insert(0, label)
        return {"same": label["shared"]}

    def note(self, thing: Any, made: Any) -> Any:
        """Return what is being written for a thing."""
        self._made[id(thing)] = made
        self._kept.append(thing)
        if hasattr(thing, "__array_interface__"):
            import numpy as np

            others = self._arrays.setdefault(_memory_of(thing), [])
            for name, other in others:
                if other is not thing and np.may_share_memory(other, thing):
                    raise NotPlain(f"ndarray, whose memory is that of {name}")
            others.append(("another", thing))
        return made

    def written(self, thing: Any) -> Any:
        """The thing as a file holds it, or {"lost": its class}."""
        count = len(self._made)
        try:
            return to_json(thing, shared=self)
        except (NotPlain, RecursionError) as error:
            while len(self._made) > count:  # what is not written cannot be written again
                self._made.popitem()
            told = error if isinstance(error, NotPlain) else f"{type(thing).__name__}, nested too deep"
            return {"lost": str(told)}


def _memory_of(array: Any) -> int:
    return id(array if array.base is None else array.base)


def to_json(thing: Any, by_name: bool = False, shared: Shared | None = None) -> Any:
    """What JSON can hold, with the name of its kind where that is not JSON's; schedules of nn, too.

    Args:
        thing: the data.
        by_name: may there be functions, of which the name is written?
        shared: what has been written already; None: what has two names is written twice.

    Raises:
        NotPlain: a part of it is something else.
    """
    kind = type(thing)
    if kind in _SCALARS:
        return thing
    dtype = getattr(thing, "dtype", None) if kind.__module__ == "numpy" else None
    is_array = dtype is not None and kind.__name__ == "ndarray"
    if shared is not None and (kind in _MUTABLE or is_array) and (again := shared.again(thing)) is not None:
        return again

    def noted(made: Any) -> Any:
        return made if shared is None else shared.note(thing, made)

    if kind is list:
        parts = noted([])
        plain = set(map(type, thing)) <= _SCALARS
        for part in thing:  # which may be the list itself: it then gets a label
            parts.append(part if plain else to_json(part, by_name, shared))
        return parts
    if kind is dict or kind is _SERIES.get(kind.__name__):
        made: Any = {kind.__name__: (parts := [])}
        if kind in _MUTABLE:
            made = noted(made)
        if kind is dict:
            parts += ([to_json(k, shared=shared), to_json(v, by_name, shared)] for k, v in thing.items())
            return made
        if kind is deque and thing.maxlen is not None:
            made["most"] = thing.maxlen
        parts += (to_json(part, by_name, shared) for part in thing)
        if kind in (set, frozenset) and not set(map(type, thing)) <= _NUMBERS:
            parts.sort(key=repr)  # their order is another in every process
        return made
    if kind is Value and thing.is_leaf and thing.is_constant:
        return noted({"constant": thing.data})
    if dtype is not None and dtype.kind in "biuf" and dtype.itemsize <= 8:
        made = {"array": thing.tolist(), "dtype": str(dtype), "shape": None}  # None: one number
        if is_array:
            by_columns = thing.flags.f_contiguous and not thing.flags.c_contiguous  # sums go by that
            made = noted({**made, "shape": list(thing.shape), **({"layout": "F"} if by_columns else {})})
        if is_array or not hasattr(thing, "__setitem__"):
            return made
    if kind is bytearray or kind is bytes:
        return noted({kind.__name__: thing.hex()})
    if kind is complex:
        return {"complex": [thing.real, thing.imag]}
    if kind in SCHEDULES.values():
        return {"schedule": kind.__name__, "parts": to_json(vars(thing), by_name)}
    if by_name and callable(thing):
        return {"function": _name_of(thing)}
    if shared is not None and (held := shared.again(thing)) is not None:
        return held
    raise NotPlain(kind.__qualname__)


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def from_json(made: Any, now: Any = None, shared: dict[Any, Any] | None = None) -> Any:
    """What `to_json` was given.

    Args:
        made: what it returned.
        now: the same data as they are now: a function is taken from there.
        shared: what is held by its name; what has been read comes to it.

    Raises:
        NotPlain: there the function has another name.
        Exception: `to_json` cannot have returned this.
    """
    import numpy as np

    shared = {} if shared is None else shared

    def noted(found: Any, label: Any) -> Any:
        if "shared" in label:
            shared[label["shared"]] = found
        return found

    if isinstance(made, list):
        parts: list[Any] = []
        if made and isinstance(made[0], dict) and made[0].keys() == {"shared"}:
            noted(parts, made[0])
            made = made[1:]
        now = now[: len(made)] if isinstance(now, (list, tuple)) else ()
        parts += [from_json(part, old, shared) for part, old in itertools.zip_longest(made, now)]
        return parts
    if not isinstance(made, dict):
        return made
    if "array" in made:
        found = np.array(made["array"], dtype=made["dtype"])
        if (shape := made.get("shape", found.shape)) is None:  # one number
            return found[()]
        return noted(np.array(found.reshape(shape), order=made.get("layout", "C")), made)
    (kind, part), *_ = made.items()
    if kind == "same":
        return shared[part]
    if kind == "dict":
        now = now if isinstance(now, dict) else {}
        found = noted({}, made)
        for key, value in part:
            name = from_json(key, shared=shared)
            found[name] = from_json(value, now.get(name), shared)
        return found
    if kind == "deque":
        found = noted(deque(maxlen=made.get("most")), made)
        found.extend(from_json(part, now, shared))
        return found
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
        return noted(_SERIES[kind](from_json(part, now, shared)), made)
    if kind == "constant":
        return noted(Value(part).detach(), made)
    if kind == "complex":
        return complex(*part)
    return bytes.fromhex(part) if kind == "bytes" else noted(bytearray.fromhex(part), made)
