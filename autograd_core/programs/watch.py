"""Where a function finds the Values that it captured, and whether something else has taken a place since."""

from __future__ import annotations

import enum
import functools
import itertools
import numbers
import operator
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..engine.value import Value

Read = Callable[[], Any]
Place = tuple[Read, Any]  # what reads it, and what was read
_SIMPLE = (float, int, str, bytes, bool, complex, type(None))
_PLAIN = (*_SIMPLE, type, types.ModuleType, types.BuiltinFunctionType)
_CALLED = (types.FunctionType, types.MethodType, functools.partial)
_COMPARED = (list, deque, set)  # item by item, if they are short
_CONTAINERS: tuple[Any, ...] = (list, tuple, deque, dict, set, frozenset)
_LIBRARIES = {*sys.stdlib_module_names, "autograd_core", "numpy", "scipy", "torch", "jax"}
_UNSET = object()  # a variable that is not assigned
_NUMBERS = (float, int)
_MOST_STEPS = 100_000  # of the walk to the Values; a Python object may have no end
_MOST_PLACES, _MOST_ITEMS, _MOST_NUMBERS = 2000, 100, 1000  # in all, of a list, of an array


class Watch:
    """The ways from a function to some Values: what stands at each step of them, to compare with later.

    A list, dict or set on the way that has got another Value or container is a change too, and so are
    another order of a dict, and a Value in the place of a plain number. Followed are closures, globals, what
    the code names in modules and classes, functions among these, a method's instance, attributes, lists,
    deques, tuples, dicts, sets, arrays of objects and `functools.partial`.

    Args:
        function: a function, a method or anything that can be called.
        values: the Values to find.
        places: what else is compared, see `places_of`.

    Attributes:
        hidden: the ids of the Values that were not found.
    """

    def __init__(self, function: Any, values: Iterable[Value], places: Iterable[Place] = ()):
        self._steps: list[Place] = []
        wanted = {id(value) for value in values}
        self._find(function, wanted)
        self.hidden = wanted - {id(item) for _, item in self._steps}
        self._steps += places

    def changed(self) -> bool:
        """Tell whether something else stands in one of the places."""
        try:
            return any(read() is not before for read, before in self._steps)
        except Exception:  # the place is gone
            return True

    def _find(self, root: Any, wanted: set[int]) -> None:
        """Walk through what can be reached, depth first and without recursion."""
        leads: dict[int, bool] = {}  # whether there is a way from a thing to a Value
        kept: list[Any] = []  # things whose ids are known must live on
        plain: dict[int, list[Read]] = {}  # of each thing, what reads its plain numbers
        path: list[tuple[Any, Any]] = [(root, None)]
        waiting = [_steps_of(root)]
        left = _MOST_STEPS
        while path:
            thing, step = path[-1]
            if waiting[-1]:
                read, item = waiting[-1].pop()
                left -= 1
                if isinstance(item, Value):
                    found: bool | None = id(item) in wanted
                elif isinstance(item, _PLAIN) or left < 0:
                    found = False
                    if type(item) in _NUMBERS and not isinstance(thing, _CONTAINERS):
                        plain.setdefault(id(thing), []).append(read)
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
            if leads.get(id(thing), False):
                self._steps += _steps_to_container(thing)
                for reading in plain.get(id(thing), ()):
                    self._steps.append((functools.partial(_is_value, reading), False))
            if path and leads[id(thing)]:
                leads[id(path[-1][0])] = True
                self._steps.append(step)


def places_of(root: Any) -> list[Place]:
    """What a function reads by name, beside Values: to be compared with what stands there later.

    These are its variables and defaults, the attributes and entries of these that its code names, and what
    is in short lists, sets and arrays among all of them; and so on for the functions and methods that it
    names. A number or a text is compared with what stands there, of all else it is seen whether it is the
    same object.

    Returns:
        The places, some thousand at most.
    """
    found: list[Place] = []
    waiting, seen = [root], {id(root): root}
    while waiting and len(found) < _MOST_PLACES:
        thing = waiting.pop()
        with suppress(Exception):  # an object may do anything where it is read
            steps, called = _places_in(thing)
            found += [_to_plain(*step) if _is_simple(step[1]) else step for step in steps]
            waiting += [one for one in called if id(one) not in seen]
            seen.update((id(one), one) for one in called)
    return found


def unchanged(places: Iterable[Place]) -> list[Place]:
    """Those where the same stands: what the function changes itself is not compared."""
    return [place for place in places if _stands(*place)]


def _stands(read: Read, before: Any) -> bool:
    try:
        return read() is before
    except Exception:  # the place is gone
        return False


def _places_in(thing: Any) -> tuple[list[Place], list[Any]]:
    """The places of something that can be called, and what it may call in turn."""
    if isinstance(thing, functools.partial):
        return _attributes(thing, ("func", "args", "keywords")), [thing.func]
    if isinstance(thing, types.MethodType):
        function = thing.__func__
        is_users = isinstance(function, types.FunctionType) and not _is_library(function)
        steps, called = _named_in(thing.__self__, _names_in(function.__code__) if is_users else set())
        return steps, [function, *called]
    if not isinstance(thing, types.FunctionType):
        return [], _call_of(thing)
    names = _names_in(thing.__code__)
    steps = [step for _, step in _variables_of(thing)]
    steps += _attributes(thing, ("__defaults__", "__kwdefaults__")) + _items(vars(thing))
    variables = [item for _, item in steps]
    variables += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    called = _call_of(thing)
    for item in variables:
        if isinstance(item, _CALLED):
            called.append(item)
        elif not _is_simple(item) and not isinstance(item, Value):
            with suppress(Exception):  # an object may do anything where it is read
                more, methods = _named_in(item, names)
                steps += more
                called += methods + _call_of(item)
    return steps, called


def _call_of(thing: Any) -> list[Any]:
    """What runs where a thing is called: its method, and what it is wrapped around (`jit`, `lru_cache`)."""
    call = getattr(type(thing), "__call__", None)  # noqa: B004
    found = [call.__get__(thing)] if isinstance(call, types.FunctionType) else []
    held = _vars_of(thing)
    return [*found, held["__wrapped__"]] if "__wrapped__" in held else found


def _named_in(item: Any, names: set[str]) -> tuple[list[Place], list[Any]]:
    """What a function may read of one of its variables, by the names in its code, and what it may call."""
    called: list[Any] = []
    if isinstance(item, _COMPARED) or _is_array(item):
        return _short(item), called
    if isinstance(item, dict):
        steps = _items(item, [key for key in item if type(key) is str and key in names])
    else:
        steps, called = _attributes_in(item, names)
    for _, held in list(steps):
        if isinstance(held, _COMPARED) or _is_array(held):
            steps += _short(held)
        elif isinstance(held, _CALLED):
            called.append(held)
    return steps, called


def _attributes_in(item: Any, names: set[str]) -> tuple[list[Place], list[Any]]:
    """The attributes of something that are named, and its methods."""
    is_object = not isinstance(item, (type, types.ModuleType))
    kinds = () if isinstance(item, types.ModuleType) else (type(item) if is_object else item).__mro__
    own = vars(item) if isinstance(item, types.ModuleType) else _vars_of(item) if is_object else {}
    found = {name for name in names if name in own}
    found |= {name for kind in kinds for name in names & {*_names_of_slots(kind)} if hasattr(item, name)}
    methods: list[Place] = []
    for kind in kinds:
        parts = {name: vars(kind)[name] for name in names & vars(kind).keys()}
        found |= {name for name, part in parts.items() if not hasattr(part, "__get__")}
        of_code = [name for name, part in parts.items() if isinstance(part, types.FunctionType)]
        methods += [(functools.partial(operator.getitem, vars(kind), name), parts[name]) for name in of_code]
    bound = [one.__get__(item) if is_object else one for _, one in methods]
    return _attributes(item, sorted(found)) + methods, bound


def _short(container: Any) -> list[Place]:
    """What compares a short list of numbers and texts, or an array of a few numbers."""
    if _is_array(container):
        few = container.dtype.kind in "biufc" and container.size <= _MOST_NUMBERS
        return [(functools.partial(_is_other_array, container, _content(container)), False)] if few else []
    if len(container) > _MOST_ITEMS or not all(
        _is_simple(one) or isinstance(one, Value) for one in container
    ):
        return []
    return [(functools.partial(_are_others, container, list(container)), False)]


def _content(array: Any) -> Any:
    return array.shape, array.dtype.str, array.tobytes()


def _is_other_array(array: Any, before: Any) -> bool:
    return bool(_content(array) != before)


def _are_others(container: Any, before: list[Any]) -> bool:
    """Tell whether a list or set has other items; numbers and texts that are equal are the same."""
    return len(container) != len(before) or any(
        now is not then and (not _is_simple(now) or _differ(now, then))
        for now, then in zip(container, before, strict=True)
    )


def _differ(now: Any, before: Any) -> bool:
    return type(now) is not type(before) or repr(now) != repr(before)


def _is_simple(item: Any) -> bool:
    return type(item) in _SIMPLE or isinstance(item, (numbers.Number, enum.Enum))


def _to_plain(read: Read, before: Any) -> Place:
    return functools.partial(_is_another, read, before), False


def _is_another(read: Read, before: Any) -> bool:
    """Tell whether something else stands where a number or text stood; 1 is not True, and -0.0 not 0.0."""
    now = read()
    return now is not before and _differ(now, before)


def _steps_to_container(thing: Any) -> Iterator[Place]:
    """What tells that a container of Values holds others than at present, beside its items."""
    if isinstance(thing, (set, list, deque, dict)):
        yield functools.partial(_has_more, thing, len(thing)), False
    if isinstance(thing, set):
        yield functools.partial(_are_others, thing, list(thing)), False
    if isinstance(thing, dict):
        yield functools.partial(_has_other_order, thing, list(thing)), False
    if isinstance(thing, (list, deque, dict)) and any(type(item) in _NUMBERS for item in _items_in(thing)):
        yield functools.partial(_has_other_count, thing, _count_values(thing)), False


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
    return operator.countOf(map(type, _items_in(container)), Value)


def _items_in(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _is_value(read: Read) -> bool:
    return isinstance(read(), Value)


def _steps_of(thing: Any) -> list[Place]:
    """Return (what reads it, item) of each item of something; none where it cannot be looked at."""
    try:
        return _what_is_in(thing)
    except Exception:  # an object may do anything where it is read
        return []


def _what_is_in(thing: Any) -> list[Place]:
    if isinstance(thing, (set, frozenset)):
        return [(functools.partial(_itself, item), item) for item in thing if not isinstance(item, _PLAIN)]
    if isinstance(thing, _CONTAINERS):
        return [step for step in _items(thing) if not isinstance(step[1], _PLAIN)]
    if isinstance(thing, types.FunctionType):
        return _of_function(thing)
    if isinstance(thing, types.MethodType):
        return _attributes(thing, ("__self__", "__func__"))
    if isinstance(thing, functools.partial):
        return _attributes(thing, ("func", "args", "keywords"))
    if _is_array(thing):
        flat = thing.reshape(-1) if thing.dtype.kind == "O" else thing[:0]
        return _items(flat, range(len(flat))) if flat.base is not None else []
    classes = type(thing).__mro__
    names = [name for kind in classes for name in _names_of_slots(kind) if hasattr(thing, name)]
    names += {name for kind in classes for name, item in vars(kind).items() if _holds(item)}
    calls = ["__call__"] if any("__call__" in vars(kind) for kind in classes) else []
    return _items(_vars_of(thing)) + _attributes(thing, names) + _attributes(type(thing), calls)


def _is_array(thing: Any) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)


def _itself(item: Any) -> Any:
    return item


def _names_of_slots(kind: type) -> Sequence[str]:
    slots = vars(kind).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    mangled = kind.__name__.lstrip("_")
    return [
        f"_{mangled}{name}" if name[:2] == "__" and name[-2:] != "__" else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    ]


def _vars_of(thing: Any) -> dict[str, Any]:
    """An object's own attributes, without asking its `__getattr__`."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except Exception:
        return {}
    return found if isinstance(found, dict) else {}


def _items(container: Any, keys: Iterable[Any] | None = None) -> list[Place]:
    """What reads the items of a sequence or a dict, by the methods of Python's own types."""
    kind: Any = next((kind for kind in _CONTAINERS if isinstance(container, kind)), type(container))
    if keys is None:
        keys = list(dict.keys(container)) if kind is dict else range(kind.__len__(container))
    read = kind.__getitem__
    return [(functools.partial(read, container, key), read(container, key)) for key in keys]


def _attributes(thing: Any, names: Iterable[str]) -> list[Place]:
    return [(functools.partial(getattr, thing, name), getattr(thing, name)) for name in names]


def _is_library(function: types.FunctionType) -> bool:
    """Is it of a library? Of its variables only the closure may hold what is the user's."""
    return bool(function.__module__) and function.__module__.partition(".")[0] in _LIBRARIES


def _variables_of(function: types.FunctionType) -> list[tuple[str, Place]]:
    """The globals that a function's code names, unless it is a library's, and its closure's, with names."""
    world = {} if _is_library(function) else function.__globals__
    names = sorted(_names_in(function.__code__) & world.keys())
    cells = function.__closure__ or ()
    found = _items(world, names) + [(functools.partial(_contents, cell), _contents(cell)) for cell in cells]
    return list(zip([*names, *function.__code__.co_freevars], found, strict=True))


def _of_function(function: types.FunctionType) -> list[Place]:
    found = [step for _, step in _variables_of(function)]
    found += _attributes(function, ("__defaults__", "__kwdefaults__"))
    named = _names_in(function.__code__)
    for _, item in list(found):
        if isinstance(item, (type, types.ModuleType)):  # of which only what the code names
            known = [
                name
                for name in sorted(named & vars(item).keys())
                if isinstance(vars(item)[name], (Value, *_CONTAINERS))
            ]
            found += _attributes(item, known)
    return found + _items(vars(function))


def _holds(item: Any) -> bool:
    """Tell whether something is a Value, or has one among its first items."""
    if not isinstance(item, _CONTAINERS):
        return isinstance(item, Value)
    return any(isinstance(one, Value) for one in itertools.islice(_items_in(item), 100))


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _UNSET


def _names_in(code: types.CodeType) -> set[str]:
    """The names and texts in a function's code."""
    inner = [_names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return {*code.co_names, *(text for text in code.co_consts if type(text) is str)}.union(*inner)
