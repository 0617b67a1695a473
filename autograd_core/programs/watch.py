"""Where a function finds the Values that it captured, and whether others have taken their places since."""

from __future__ import annotations

import dis
import enum
import functools
import itertools
import math
import numbers
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_MOST_ITEMS, _MOST_NUMBERS = 100, 1000  # of lists and of arrays that are compared at every call
_NO_CODE = (lambda: None).__code__
_ASSIGNS = {"STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "STORE_SUBSCR"}  # the last one names nothing: None
_CHANGES = {"append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "popleft",
            "clear", "remove", "discard", "fill", "sort", "reverse", "rotate"}  # fmt: skip
_SIMPLE = (float, int, bool, str, bytes, complex, type(None), types.FunctionType)
_CALLED = (types.FunctionType, types.MethodType)
_CONTAINERS = (list, tuple, dict, deque, set, frozenset)
_HOLDERS = (Value, list, tuple, dict, deque, set)
_LIBRARIES = {
    *sys.stdlib_module_names,
    "autograd_core",
    "numpy",
    "scipy",
    "torch",
    "jax",
}


class Watch:
    """The ways from a function to some Values: what stands at each step of them, to compare with later.

    A list or dict on the way that has got more items than plain ones is a change too, and so is another order
    of a dict, another member of a set, a Value for a plain number in a list or a dict beside a Value, and
    anything in an empty list or dict. Of what is no Value are watched: numbers, texts and functions in a
    function's variables and defaults, and in attributes and entries of these that its code names (unless it
    assigns them itself), short lists and arrays in its variables. Followed are closures, globals, what the
    code names in modules and classes, functions among these, a method's instance, attributes, also those of
    classes, lists, deques, tuples, dicts, sets, arrays of objects and `functools.partial`.

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
        plain: dict[int, list[tuple[Read, Any]]] = {}  # of each thing, what reads its numbers and texts
        path: list[tuple[Any, Any]] = [(root, None)]
        waiting = [_steps_of(root)]
        while path:
            thing, step = path[-1]
            if waiting[-1]:
                read, item = waiting[-1].pop()
                if _is_simple(item) and not isinstance(thing, _CONTAINERS):
                    plain.setdefault(id(thing), []).append((read, item))
                if isinstance(item, Value):
                    found: bool | None = id(item) in wanted
                elif isinstance(item, _PLAIN):
                    found = False
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
            if isinstance(thing, types.FunctionType) and thing.__defaults__:
                self._steps += _attributes(thing, ("__defaults__",))
            if leading:
                self._steps += _steps_to_container(thing)
            else:
                self._steps += _steps_to_plain(thing, bool(path) and _only_reads(path[-1][0]))
            if leading or isinstance(thing, _CALLED):
                for reading, simple in plain.get(id(thing), ()):
                    self._steps.append((functools.partial(_is_another, reading, simple), False))
            if path and leads[id(thing)]:
                leads[id(path[-1][0])] = True
                self._steps.append(step)


def _is_simple(item: Any) -> bool:
    return type(item) in _SIMPLE or isinstance(item, (numbers.Number, enum.Enum))


def _steps_to_container(thing: Any) -> Iterator[tuple[Read, Any]]:
    """Yield what tells that a container of Values holds others than at present, beside its items."""
    if isinstance(thing, set):
        yield functools.partial(_has_other_members, thing, list(thing)), False
    if not isinstance(thing, (list, deque, dict)):
        return
    yield functools.partial(_has_more, thing, len(thing)), False
    if isinstance(thing, dict):
        yield functools.partial(_has_other_order, thing, list(thing)), False
    if any(type(item) in _NUMBERS for item in _items_in(thing)):
        yield functools.partial(_has_other_count, thing, _count_values(thing)), False


def _steps_to_plain(thing: Any, in_variable: bool) -> Iterator[tuple[Read, Any]]:
    """Yield what tells that there is something in an empty container, or that few numbers are others."""
    if isinstance(thing, (list, deque, set)) and in_variable and len(thing) <= _MOST_ITEMS:
        yield functools.partial(_has_other_members, thing, list(thing)), False
    elif isinstance(thing, (list, deque, dict, set)) and not thing:
        yield thing.__len__, 0
    elif (
        in_variable and hasattr(type(thing), "tobytes") and getattr(thing, "size", math.inf) <= _MOST_NUMBERS
    ):
        yield functools.partial(_has_other_bytes, thing, thing.tobytes()), False


def _only_reads(thing: Any) -> bool:
    """Tell whether something is a function that changes no list, dict or array, as far as its code tells."""
    if not isinstance(thing, _CALLED):
        return False
    return not _names_in(_code_of(thing))[0] & _CHANGES


def _code_of(called: Any) -> types.CodeType:
    code: types.CodeType = getattr(getattr(called, "__func__", called), "__code__", _NO_CODE)
    return code


def _has_other_bytes(array: Any, before: bytes) -> bool:
    return bool(array.tobytes() != before)


def _has_other_members(container: Any, members: list[Any]) -> bool:
    return len(container) != len(members) or any(a is not b for a, b in zip(container, members, strict=True))


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


def _is_another(read: Read, before: Any) -> bool:
    """Tell whether something else stands where a number or text stood; 1 is not True, and -0.0 not 0.0."""
    now = read()
    return now is not before and (type(now) is not type(before) or repr(now) != repr(before))


def _itself(item: Any) -> Any:
    return item


def _steps_of(thing: Any) -> list[tuple[Read, Any]]:
    """Return (what reads it, item) of each item of something."""
    if isinstance(thing, (list, tuple, deque)):
        return _items(thing, range(len(thing)))
    if isinstance(thing, dict):
        return _items(thing, list(thing))
    if isinstance(thing, (set, frozenset)):
        return [(functools.partial(_itself, item), item) for item in thing]
    if isinstance(thing, types.FunctionType):
        return _of_function(thing)
    if isinstance(thing, types.MethodType):
        named, assigned = _names_in(_code_of(thing))
        return _attributes(thing, ("__self__", "__func__")) + _named_in(thing.__self__, named - assigned)
    if isinstance(thing, functools.partial):
        return _attributes(thing, ("func", "args", "keywords"))
    if getattr(getattr(thing, "dtype", None), "kind", "") == "O":
        flat = thing.reshape(-1)
        return _items(flat, range(len(flat))) if flat.base is not None else []
    attributes = _vars_of(thing)
    return _items(attributes, list(attributes)) + _attributes(thing, _slots_of(thing)) + _of_classes(thing)


def _of_classes(thing: Any) -> list[tuple[Read, Any]]:
    """The attributes of an object's classes that are or may hold Values."""
    classes = [one for one in type(thing).__mro__ if not _is_library(one)]
    names = {name for one in classes for name, item in vars(one).items() if isinstance(item, _HOLDERS)}
    return _attributes(thing, sorted(names))


def _slots_of(thing: Any) -> list[str]:
    return [name for kind in type(thing).__mro__ for name in _names_of_slots(kind) if hasattr(thing, name)]


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
    world, (named, assigned) = function.__globals__, _names_in(function.__code__)
    names = sorted(named & world.keys())
    cells = function.__closure__ or ()
    found = _items(world, names) + [(functools.partial(_contents, cell), _contents(cell)) for cell in cells]
    names += function.__code__.co_freevars
    defaults = function.__defaults__ or ()
    own = zip(names, found, strict=False)
    found = [step for name, step in own if name not in assigned or not _is_simple(step[1])]
    found += [step for _, item in found for step in _named_in(item, named - assigned)]
    return found + _items(defaults, range(len(defaults))) + _attributes(function, ("__kwdefaults__",))


def _named_in(item: Any, names: set[Any]) -> list[tuple[Read, Any]]:
    """What a function may read of one of its variables: attributes, and entries of a dict, by their names."""
    if isinstance(item, dict):
        known = [] if names & _CHANGES else [key for key in item if type(key) is str and key in names]
        return _items(item, known)
    if isinstance(item, _CALLED) or (isinstance(item, (types.ModuleType, type)) and _is_library(item)):
        return []
    kind = item if isinstance(item, type) else type(item)  # never `__getattr__` of an object
    classes = [one for one in kind.__mro__ if not _is_library(one)]
    methods = [
        step
        for one in classes
        for step in _items(vars(one), sorted(names & vars(one).keys()))
        if isinstance(step[1], types.FunctionType)
    ]
    plain = {name for one in classes for name, part in vars(one).items() if not hasattr(part, "__get__")}
    return methods + _attributes(item, sorted(names & {*_slots_of(item), *_vars_of(item), *plain}))


def _vars_of(item: Any) -> Any:
    return getattr(item, "__dict__", {})


def _is_library(item: Any) -> bool:
    name = item.__module__ if isinstance(item, type) else item.__name__
    return (
        isinstance(name, str) and name.partition(".")[0] in _LIBRARIES
    )  # a class may have a slot of that name


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNSET


def _names_in(code: types.CodeType) -> tuple[set[Any], set[Any]]:
    """Return the names and texts in a function's code, and the names that it assigns outside of itself."""
    named: set[Any] = {*code.co_names, *(text for text in code.co_consts if type(text) is str)}
    assigned = {step.argval for step in dis.get_instructions(code) if step.opname in _ASSIGNS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            more = _names_in(constant)
            named, assigned = named | more[0], assigned | more[1]
    return (named | {"update"} if None in assigned else named), assigned
