"""Where a function finds the Values that it captured, and whether others have taken their places since."""

from __future__ import annotations

import functools
import itertools
import types
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..engine.value import Value

Read = Callable[[], Any]
_PLAIN = (
    float,
    int,
    str,
    bytes,
    bool,
    complex,
    type(None),
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
)
_UNSET = object()  # a variable that is not assigned
_NUMBERS = (float, int)


class Watch:
    """The ways from a function to some Values: what stands at each step of them, to compare with later.

    A list or dict on the way that has got more items than plain ones is a change too, and so is another order
    of a dict, and a Value in the place of a plain number, in a variable, or beside a Value in an attribute, a
    list or a dict. Followed are closures, the globals that a function's code names, functions among these, a
    method's instance, attributes, lists, deques, tuples, dicts, arrays of objects and `functools.partial`.

    Args:
        function: a function, a method or anything that can be called.
        values: the Values to find.

    Attributes:
        hidden: the ids of those that were not found.
    """

    def __init__(self, function: Any, values: Iterable[Value]):
        self._steps: list[tuple[Read, Any]] = []
        wanted = {id(value) for value in values}
        self._find(function, wanted)
        self.hidden = wanted - {id(item) for _, item in self._steps}

    def changed(self) -> bool:
        """Tell whether something else stands in one of the places."""
        try:
            return any(read() is not before for read, before in self._steps)
        except (LookupError, AttributeError, ValueError):  # the place is gone
            return True

    def _find(self, root: Any, wanted: set[int]) -> None:
        """Walk through what can be reached, depth first and without recursion."""
        leads: dict[int, bool] = {}  # whether there is a way from a thing to a Value
        kept: list[Any] = []  # things whose ids are known must live on
        numbers: dict[int, list[Read]] = {}  # of each thing, what reads its plain numbers
        path: list[tuple[Any, Any]] = [(root, None)]
        waiting = [_steps_of(root)]
        while path:
            thing, step = path[-1]
            if waiting[-1]:
                read, item = waiting[-1].pop()
                if isinstance(item, Value):
                    found: bool | None = id(item) in wanted
                elif isinstance(item, _PLAIN):
                    found = False
                    if type(item) in _NUMBERS and not isinstance(thing, (list, tuple, dict)):
                        numbers.setdefault(id(thing), []).append(read)
                else:
                    found = leads.get(id(item))
                if found is None:
                    leads[id(item)] = False  # while it is under way
                    kept.append(item)
                    path.append((item, (read, item)))
                    waiting.append(_steps_of(item))
                elif found:
                    leads[id(thing)] = True
                    self._steps.append((read, item))
                continue
            path.pop()
            waiting.pop()
            leading = leads.get(id(thing), False)
            if leading and isinstance(thing, (list, deque, dict)):
                self._steps.append((functools.partial(_has_more, thing, len(thing)), False))
                if isinstance(thing, dict):
                    self._steps.append((functools.partial(_has_other_order, thing, list(thing)), False))
                if any(type(item) in _NUMBERS for item in _items_in(thing)):
                    count = _count_values(thing)
                    self._steps.append((functools.partial(_has_other_count, thing, count), False))
            if leading or isinstance(thing, types.FunctionType):
                for reading in numbers.get(id(thing), ()):
                    self._steps.append((functools.partial(_is_value, reading), False))
            if path and leads[id(thing)]:
                leads[id(path[-1][0])] = True
                self._steps.append(step)


def _has_more(container: Any, length: int) -> bool:
    """Tell whether there are items behind the first ones that may be or hold Values."""
    items = _items_in(container)
    return len(container) > length and any(
        item if isinstance(item, (list, tuple, dict)) else not isinstance(item, _PLAIN)
        for item in itertools.islice(items, length, None)
    )


def _has_other_order(container: dict[Any, Any], keys: list[Any]) -> bool:
    return list(itertools.islice(container, len(keys))) != keys


def _has_other_count(container: Any, count: int) -> bool:
    """Tell whether a Value has taken the place of a plain number among others, or the other way round."""
    return _count_values(container) != count


def _count_values(container: Any) -> int:
    return sum(isinstance(item, Value) for item in _items_in(container))


def _items_in(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _is_value(read: Read) -> bool:
    return isinstance(read(), Value)


def _steps_of(thing: Any) -> list[tuple[Read, Any]]:
    """Return (what reads it, item) of each item of something."""
    if isinstance(thing, (list, tuple, deque)):
        return _items(thing, range(len(thing)))
    if isinstance(thing, dict):
        return _items(thing, list(thing))
    if isinstance(thing, types.FunctionType):
        return _of_function(thing)
    if isinstance(thing, types.MethodType):
        return _attributes(thing, ("__self__", "__func__"))
    if isinstance(thing, functools.partial):
        return _attributes(thing, ("func", "args", "keywords"))
    if getattr(getattr(thing, "dtype", None), "kind", "") == "O":
        flat = thing.reshape(-1)
        return _items(flat, range(len(flat))) if flat.base is not None else []
    attributes = getattr(thing, "__dict__", {})
    slots = [name for kind in type(thing).__mro__ for name in _names_of_slots(kind) if hasattr(thing, name)]
    return _items(attributes, list(attributes)) + _attributes(thing, slots)


def _names_of_slots(kind: type) -> Sequence[str]:
    slots = vars(kind).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _items(container: Any, keys: Sequence[Any]) -> list[tuple[Read, Any]]:
    return [(functools.partial(container.__getitem__, key), container[key]) for key in keys]


def _attributes(thing: Any, names: Sequence[str]) -> list[tuple[Read, Any]]:
    return [(functools.partial(getattr, thing, name), getattr(thing, name)) for name in names]


def _of_function(function: types.FunctionType) -> list[tuple[Read, Any]]:
    if function.__module__ and function.__module__.partition(".")[0] == "autograd_core":
        return []  # of ours none captures Values
    world = function.__globals__
    names = sorted(_names_in(function.__code__) & world.keys())
    found = _items(world, names)
    for cell in function.__closure__ or ():
        found.append((functools.partial(_contents, cell), _contents(cell)))
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return found + _items(defaults, range(len(defaults)))


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNSET


def _names_in(code: types.CodeType) -> set[str]:
    inner = [_names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*inner)
