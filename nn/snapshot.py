"""Snapshots of what makes the graphs of a run: has it changed, what is it now, put it back.

A Program has frozen the model's numbers, its branches and its structure. What an object holds is compared,
not the graph that it makes: a change that shows in some examples alone is seen as well. Looked at are model,
loss and regularizer, what they hold, and what their code can name (see `nn.random_state`), outside the
libraries. Two lists of a thousand parameters compare in a microsecond.

A checkpoint keeps what has changed since the run began, under the name by which it was reached.
"""

from __future__ import annotations

import copy
import dis
import functools
import hashlib
import itertools
import json
import operator
import sys
import threading
from array import array
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from autograd_core import Value, parameters_to_vector
from autograd_core.programs.tapes import compiled_module
from nn.errors import InputError
from nn.libraries import of_a_library
from nn.module import Module
from nn.plain_data import Shared, from_json
from nn.random_state import global_names, names_in, slots_of

__all__ = ["Attributes", "Change", "Snapshot", "alike", "entry_name", "is_lost"]

_NUMBERS = (bool, int, float)
_PLAIN = (*_NUMBERS, str, bytes, type(None), complex, CodeType, BuiltinFunctionType, range)
_MOST_THINGS = 200_000
_TELLING = (itertools.count, itertools.repeat)  # their repr says where they stand
_BY_HISTORY = ("nn.plateau", "nn.stopping")  # whose objects remember what they find in the history again
_NAMESPACES = (SimpleNamespace, threading.local)
_IDENTITY: Any = object.__eq__
_COMPILED = {
    "builtin_function_or_method", "cython_function_or_method", "getset_descriptor", "member_descriptor",
    "method_descriptor", "wrapper_descriptor",
}  # fmt: skip
_OF_CLASSES = {  # entries that are Python's; the last comes when an object is copied
    "__dict__", "__weakref__", "__doc__", "__module__", "_abc_impl", "__slotnames__",
}  # fmt: skip
_HIDDEN = {"globals", "environ", "getenv", "eval", "exec", "__import__", "import_module"}  # names in code

Change = tuple[str, list[Any], Any]
"""The name of what has changed, the key in it if it is a part, and what is there now, as `to_json` writes it.

_GONE where there is nothing any more, {"lost": class} where a file cannot hold it, {"order": keys} where
the same keys have another order.
"""
_GONE = {"gone": 0}
_MOVES = (
    "__next__",
    "get_nowait",
    "hexdigest",
)  # iterators, files, queues, hashes: where they stand is hidden
_FEW = 64
_LONG = 1000  # entries of a list that is not written anew for every state
_BIG = 10_000  # numbers of an array that is not looked at after every update
EDITED = "which a callback that was interrupted has edited"


class Attributes(MutableMapping[str, Any]):
    """An object's attributes without some."""

    def __init__(self, thing: Any, hidden: Collection[str]) -> None:
        self._vars, self._hidden = vars(thing), hidden

    def __getitem__(self, name: str) -> Any:
        return self._vars[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._vars[name] = value

    def __delitem__(self, name: str) -> None:
        del self._vars[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def __eq__(self, other: object) -> bool:
        return self._now() == other

    def items(self) -> Any:
        """The names and what they hold: a dict's, at many times the speed of a mapping's."""
        return self._now().items()

    def _now(self) -> dict[str, Any]:
        return {name: item for name, item in self._vars.items() if name not in self._hidden}


class Grown(dict[str, Any]):
    """A long list as it was, if it has but grown since: its length, and its parts as they came."""

    def __init__(self, thing: list[Any], noted: list[Any], is_sure: bool) -> None:
        super().__init__()  # what `Shared` says of it
        self._thing, self._noted, self._count, self._is_sure = thing, noted, len(thing), is_sure

    def written(self) -> Any:
        """The list as `to_json` writes it, or {"lost": what has happened}."""
        then = self._noted[: self._count]
        now = None if self._is_sure else _written(self._thing[: self._count])
        if self._is_sure or json.dumps(now) == json.dumps(then):
            return [dict(self), *then] if self else then
        return {"lost": f"list, {EDITED}, not at its end"}


class Snapshot:
    """What the owners hold now.

    Args:
        owners: models, functions and regularizers, or (name, one of them).
        parameters: Values whose numbers may change.
        apart: by name, what the owners may hold and is not theirs: then their classes, and what their code
            names, are not looked at either, but for numbers that it assigns and small lists and dicts.

    Attributes:
        closed: the names of what could not be looked into: `changed` may miss a change of it.
        is_complete: could everything be looked into?
        names: of all that is compared.
        is_stale: has a change been seen?
        counts_calls: does a schedule in it change something whenever it is asked?
        has_iterators: is something held that gives other items every time, such as itertools.count()?
    """

    def __init__(
        self,
        owners: Iterable[Any],
        parameters: Collection[Value],
        apart: Mapping[str, Any] | None = None,
    ) -> None:
        self.closed: list[str] = []
        self.is_complete, self.is_stale, self.has_iterators, self.counts_calls = True, False, False, False
        self._known = set(map(id, parameters))
        self._apart = apart
        self._seen = {
            id(thing): thing for thing in (apart or {}).values()
        }  # kept, so that no id is used twice
        self._ours: set[int] = set()  # attributes of objects of nn
        self._lists: list[Any] = []
        self._copies: list[Any] = []
        self._names: list[str] = []  # of the lists
        self._looks: list[tuple[Any, str]] = []  # of some of them, and what == overlooks
        self._noted: dict[int, list[Any]] = {}  # long lists as they have grown, as `to_json` writes them
        self.names: set[str] = set()
        # container, key, what it holds there: may change itself
        self._held: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        self._arrays: list[tuple[str, Any, bytes]] = []
        self._constants: list[tuple[str, Value]] = []
        self._moving: list[tuple[str, Any, str]] = []  # what a file cannot hold: iterators, files, locks
        self._reads: list[Callable[[], Any]] = []
        self._values: list[Any] = []  # what they read
        self._writes: list[tuple[str, Callable[[Any], None]]] = []  # their names, and how to write
        self._modules, self._froze_others = set[int](), False  # their attributes
        waiting = [o if isinstance(o, tuple) else (type(o).__name__, o) for o in owners][::-1]
        while waiting:
            name, thing = waiting.pop()
            if id(thing) in self._seen or isinstance(thing, _PLAIN):
                continue
            if len(self._seen) >= _MOST_THINGS:
                self.closed.append(name)
                break
            self._seen[id(thing)] = thing
            waiting.extend(self._look(name, thing))
        self._numbers = self._constant_numbers()
        self.is_complete &= not self.closed
        of_attributes = [type(t) is Attributes for t in self._lists]
        pairs = list(zip(self._lists, of_attributes, strict=True))
        self._shown = [thing._vars if own else thing for thing, own in pairs]
        self._hidden = [set(thing._hidden) if own else None for thing, own in pairs]
        known = set(map(id, self._lists))
        held = [part for part in zip(*self._held, strict=True) if id(part[0]) not in known]
        self._held_besides = [list(parts) for parts in zip(*held, strict=True)]
        places = [*zip(self._names, self._lists, strict=True), *self._constants]
        places += [(name, array) for name, array, _ in self._arrays]
        places += (apart or {}).items()
        self.big = {n for n, array, _ in self._arrays if apart is not None and array.size > _BIG}
        self._held_names = {id(thing): name for name, thing in reversed(places)}

    def has_frozen_others(self) -> bool:
        """Has `changed` seen other parameters frozen since this was last asked? That changes no graph."""
        found, self._froze_others = self._froze_others, False
        return found

    def _follow_marks(self, held: Any, kept: Any) -> bool:
        """Do a module's attributes differ in what is frozen alone? The copy takes that over."""
        if id(held) not in self._modules or _unmarked(held) != _unmarked(kept):
            return False
        kept.clear()
        kept.update(held)
        self._froze_others = True
        return True

    def changed(self) -> bool:
        """Does any of it hold something else by now, or did it when this was last asked?"""
        self.is_stale = self.is_stale or self._differs()
        return self.is_stale

    def _constant_numbers(self) -> bytes:
        return bytes(parameters_to_vector([value for _, value in self._constants]).tobytes())

    def _differs(self) -> bool:
        if alike(self._shown, self._copies, self._hidden):  # that takes no time to see
            if self._held_besides and not _hold(*self._held_besides):
                return True
        elif self._are_unequal():
            return True
        if not (self._reads or self._arrays or self._constants):
            return False
        now = [read() for read in self._reads]
        return (
            any(held.tobytes() != kept for name, held, kept in self._arrays if name not in self.big)
            or (not all(map(operator.is_, now, self._values)) and not all(map(_same, now, self._values)))
            or (bool(self._constants) and self._constant_numbers() != self._numbers)
        )

    def _are_unequal(self) -> bool:
        """Do containers hold something else than their copies, and not the same in other objects?"""
        try:
            if self._lists != self._copies:
                pairs = zip(self._lists, self._copies, strict=True)
                followed = [self._follow_marks(*pair) for pair in pairs if operator.ne(*pair)]
                if not all(followed):
                    return True
        except ValueError:  # an array in the place of something else
            return True
        return not _hold(*self._held) or any(_unequal(thing) != look for thing, look in self._looks)

    def counts(self, given: Sequence[list[float]] = ()) -> bool:
        """Has something changed that is not made of Values, or grown? Kept activations do not count.

        Args:
            given: what calls were given, which may be kept too.
        """
        before, now = (
            [item for held in lists for item in _other_than_values(held) if not _is_given(item, given)]
            for lists in (self._copies, self._lists)
        )
        read = [read() for read in self._reads]
        changed = itertools.compress(
            read, [not _equal(*pair) for pair in zip(read, self._values, strict=True)]
        )
        return (
            self.has_iterators
            or list(map(len, self._lists)) != list(map(len, self._copies))
            or len(now) != len(before)
            or not all(map(_equal, now, before))
            or any(_unequal(thing) != look for thing, look in self._looks)
            or any(not _is_given(item, given) for item in _other_than_values(changed))
            or any(held.tobytes() != kept for _, held, kept in self._arrays)
            or self._constant_numbers() != self._numbers
        )

    def changes(self, as_grown: bool = False) -> list[Change]:
        """What is held now and was not when the snapshot was taken, without kept activations.

        Args:
            as_grown: long lists as `Grown`, of which only what is new is looked at, and no big arrays.
        """
        shared = Shared(self._held_names, {name: held for name, held, _ in self._arrays})
        written = functools.partial(self._grown, shared) if as_grown else shared.written
        found: list[Change] = []
        for name, thing, before in zip(self._names, self._lists, self._copies, strict=True):
            if _is_as_before(thing, before):
                continue
            if not isinstance(thing, MutableMapping):
                is_long = as_grown and type(thing) is list and len(thing) > _LONG
                plain = list(thing) if isinstance(thing, list) else copy.copy(thing)
                told = self._grown(shared, thing, False) if is_long else shared.written(plain)
                found.append((name, [], told))
                continue
            changed = [key for key in {**before, **thing} if not _same(*_both(thing, before, key))]
            keys = [shared.written(key) for key in changed]
            if lost := [key["lost"] for key in keys if isinstance(key, dict) and "lost" in key]:
                found.append((name, [], {"lost": f"{type(thing).__name__} with a key of class {lost[0]}"}))
                continue
            for key, told in zip(changed, keys, strict=True):
                now = thing.get(key, _GONE)
                found.append((name, [told], now if now is _GONE else written(now)))
            if [*thing] != [key for key in {**before, **thing} if key in thing]:
                found.append((name, [], {"order": [shared.written(key) for key in thing]}))
        for name, held, kept in self._arrays:
            if not (as_grown and name in self.big) and held.tobytes() != kept:
                found.append((name, [], _written(held)))
        for (name, value), number in zip(self._constants, self._numbers_before(), strict=True):
            if not _same(value.data, number):
                found.append((name, [], value.data))
        for (name, write), read, value in zip(self._writes, self._reads, self._values, strict=True):
            if write is not _nothing and not _same(now := read(), value):
                found.append((name, [], shared.written(now)))
        return found

    def moved(self) -> list[Change]:
        """The iterators, files and locks that no longer stand, or may not, where they stood."""
        return [
            (name, [], {"lost": type(thing).__qualname__})
            for name, thing, then in self._moving
            if repr(thing) != then
        ]

    def _grown(self, shared: Shared, thing: Any, is_value: bool = True) -> Any:
        if type(thing) is not list or len(thing) <= _LONG:
            return shared.written(thing)
        if is_value and (again := shared.again(thing)) is not None:
            return again
        noted = self._noted.get(id(thing), [])
        ends = [thing[0], thing[len(noted) - 1]] if 0 < len(noted) <= len(thing) else []
        is_new = not ends or json.dumps(_written(ends)) != json.dumps([noted[0], noted[-1]])
        if is_new:
            self._noted[id(thing)] = noted = []  # it has not just grown, or is another list
        new = _written(thing[len(noted) :])
        if isinstance(new, dict):
            return new
        noted += new
        made = Grown(thing, noted, is_new)
        return shared.note(thing, made) if is_value else made

    def _numbers_before(self) -> list[float]:
        return array("d", self._numbers).tolist()

    def told(self) -> dict[str, str]:
        """Every number, text and array that was held, outside nn's own objects, as its name and a hash."""
        found: dict[str, Any] = {}
        for name, thing, before in zip(self._names, self._lists, self._copies, strict=True):
            if isinstance(before, dict) and id(thing) not in self._ours:
                found.update({entry_name(name, [key]): item for key, item in before.items()})
            elif not isinstance(before, dict):
                found[name] = before
        found.update({name: held for name, held, _ in self._arrays})
        found.update({name: value.data for name, value in self._constants})
        read = zip(self._writes, self._values, strict=True)
        found.update({name: value for (name, write), value in read if write is not _nothing})
        plain = {name: json.dumps(_written(item)) for name, item in found.items()}
        return {
            name: hashlib.sha256(text.encode()).hexdigest()[:8]
            for name, text in plain.items()
            if not text.startswith('{"lost"')
        }

    def restore(self, changes: Iterable[Change] = (), within: str = "") -> None:
        """Put back what was held when the snapshot was taken, but for these changes of it.

        Args:
            changes: what `changes` returned.
            within: how the names begin that are meant.

        Raises:
            InputError: there is nothing of such a name.
        """
        changes, stay = list(changes), dict[str, list[Any]]()  # what is lost stays as it is
        for name, key, made in changes:
            if is_lost(made):
                stay.setdefault(name, []).append([from_json(part) for part in key])
        lists = zip(self._names, self._lists, self._copies, strict=True)
        places = [(n, thing, None if _is_as_before(thing, old) else old) for n, thing, old in lists]
        arrays = [(n, held, None if held.tobytes() == old else old) for n, held, old in self._arrays]
        for name, held, kept in arrays:
            if kept is not None and name.startswith(within) and not held.dtype.hasobject:
                held[...] = type(held)(held.shape, held.dtype, kept)
        places += [
            (name, value, number)
            for (name, value), number in zip(self._constants, self._numbers_before(), strict=True)
        ]
        read = zip(self._writes, self._reads, self._values, strict=True)
        known: dict[Any, Any] = {name: place for name, place, _ in (*places, *arrays)}
        places += [(name, write, None if now() is old else old) for (name, write), now, old in read]
        for name, place, kept in places:
            if kept is not None and name.startswith(within) and [] not in stay.get(name, ()):
                items = [(key, place[key]) for (key,) in stay.get(name, ()) if key in place]
                _put(place, kept)
                for key, item in items:
                    place[key] = item
        known |= {name: place for name, place, _ in places}
        shared = {**known, **(self._apart or {})}
        for name, key, made in changes:
            if is_lost(made):
                continue
            if name not in known:
                raise InputError(f"{entry_name(name, key)} has changed in the run, and there is none here")
            keys = [from_json(part, shared=shared) for part in key]
            order = isinstance(made, dict) and made.get("order")
            content = _GONE if made == _GONE else from_json(order or made, shared=shared)
            if name.startswith(within):
                for item in content if order else ():
                    known[name][item] = known[name].pop(item)
                if not order:
                    _put(known[name], content, *keys)
        self.is_stale = False

    def _look(self, name: str, thing: Any) -> Iterable[tuple[str, Any]]:
        """Note what a thing holds; return it, to be looked at too."""
        if isinstance(thing, Value):
            if id(thing) not in self._known and thing.is_leaf:
                self._constants.append((self._named(name), thing))
            return ()
        if isinstance(thing, (Mapping, MutableSequence, MutableSet, tuple, frozenset)):
            own = () if of_a_library(type(thing)) else self._object(name, thing)
            return [*self._container(name, thing), *own]
        if hasattr(thing, "__array_interface__") and not isinstance(thing, type):
            self._arrays.append((self._named(name), thing, thing.tobytes()))  # of objects which they are
            return [(f"{name}[...]", thing.tolist())] if thing.dtype.hasobject else ()
        if isinstance(thing, FunctionType):
            return () if of_a_library(thing) else self._code(name, thing)
        parts: Iterable[Any] = ()
        if isinstance(thing, MethodType):
            parts = thing.__self__, thing.__func__
        elif isinstance(thing, functools.partial):
            parts = thing.func, thing.args, thing.keywords
        elif isinstance(thing, (staticmethod, classmethod)):
            parts = (thing.__func__,)
        elif isinstance(thing, property):
            parts = (thing.fget,)
        elif isinstance(thing, type):
            return () if self._apart is not None or of_a_library(thing) else self._class(thing)
        elif not isinstance(thing, ModuleType) and type(thing).__name__ not in _COMPILED:
            return self._object(name, thing)  # the user's modules: by the names that code uses
        return [(f"{name}.{k}", part) for k, part in enumerate(parts)]

    def _object(self, name: str, thing: Any) -> Iterable[tuple[str, Any]]:
        kind = type(thing)
        library = of_a_library(kind)
        if self._apart is not None and kind.__module__ in _BY_HISTORY:
            return ()
        package = kind.__module__.partition(".")[0]
        inside = hasattr(thing, "__dict__") and package == "numpy"  # poly1d, vectorize
        if library and kind not in _NAMESPACES and package != "nn" and not inside:
            # scopes, generators of random numbers: those are looked after elsewhere
            if package in ("autograd_core", "numpy", "random"):
                return ()
            self.is_complete = False
            if package not in sys.stdlib_module_names:
                self.closed.append(name)
            else:
                self.has_iterators |= hasattr(thing, "__next__")
                tells = isinstance(thing, _TELLING) or not any(hasattr(thing, m) for m in _MOVES)
                if "Value(" not in repr(thing):  # a Value's number is its own
                    self._moving.append((name, thing, repr(thing) if tells else ""))
                    self._read([("", functools.partial(repr, thing), _nothing)])
            return ()
        slots = [_attribute(f"{name}.{slot}", thing, slot) for slot in sorted(set(slots_of(kind)))]
        found = [*self._read(slots), *([] if library else [(kind.__qualname__, kind)])]
        if not hasattr(thing, "__dict__"):
            return found
        if library:
            self._ours.add(id(vars(thing)))
        if isinstance(thing, Module):
            self._modules.add(id(vars(thing)))
        return [*found, (f"{name}.", vars(thing))]

    def _container(self, name: str, thing: Any) -> Iterable[tuple[str, Any]]:
        """A list, dictionary or set: its copy, and by identity what in it may change itself."""
        content = _unmarked(thing) if id(thing) in self._modules else thing
        pairs = list(content.items() if isinstance(thing, Mapping) else enumerate(thing))
        if isinstance(thing, (Mapping, MutableSequence)):
            self._hold(thing, [(key, item) for key, item in pairs if _is_mutable(item)])
        if not isinstance(thing, (tuple, frozenset)):
            plain = _plain_copy(thing)
            if plain is None:
                self.closed.append(name)
            else:
                self._lists.append(thing)
                self._copies.append(plain)
                self._names.append(self._named(name))
                if id(thing) not in self._ours and (
                    isinstance(thing, Mapping) or any(type(item) in _NUMBERS for _, item in pairs)
                ):
                    self._looks.append((thing, _unequal(thing)))
        return [(entry_name(name, [key]), item) for key, item in pairs if not isinstance(item, _PLAIN)]

    def _code(self, name: str, function: FunctionType) -> Iterable[tuple[str, Any]]:
        self.is_complete &= not names_in(function.__code__) & _HIDDEN
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        reads = [_attribute(f"{name}.{free}", cell, "cell_contents") for free, cell in cells]
        named = global_names(function)
        if self._apart is not None:
            assigned = {i.argval for i in dis.get_instructions(function) if i.opname == "STORE_GLOBAL"}
            named = ((names, key) for names, key in named if key in assigned or _is_small(names[key]))
        reads += [
            (
                f"{names.get('__name__')}.{key}",
                functools.partial(names.get, key),
                functools.partial(names.__setitem__, key),
            )
            for names, key in named
        ]
        parts = ("__defaults__", "__kwdefaults__", *(["__code__"] if self._apart is None else []))
        reads += [_attribute(f"{name}.{part}", function, part) for part in parts]
        return [*self._read(reads), (f"{name}.", vars(function))]

    def _class(self, kind: type) -> Iterable[tuple[str, Any]]:
        names = sorted(vars(kind).keys() - _OF_CLASSES)
        self._read([("", lambda: len(vars(kind)) - ("__slotnames__" in vars(kind)), _nothing)])
        reads = [
            (
                f"{kind.__qualname__}.{name}",
                functools.partial(_of_class, kind, name),
                functools.partial(setattr, kind, name),
            )
            for name in names
        ]
        return [*self._read(reads), *((base.__qualname__, base) for base in kind.__bases__)]

    def _named(self, name: str) -> str:
        """The name, or, where there is one already, another."""
        while name in self.names:
            name += "'"
        self.names.add(name)
        return name

    def _read(self, reads: Iterable[_Access]) -> list[tuple[str, Any]]:
        """Note what these read now."""
        found = [(name, read()) for name, read, _ in reads]
        self._reads += [read for _, read, _ in reads]
        self._values += [value for _, value in found]
        self._writes += [(self._named(name), write) for name, _, write in reads]
        return found

    def _hold(self, container: Any, pairs: Iterable[tuple[Any, Any]]) -> None:
        for key, item in pairs:
            for held, part in zip(self._held, (container, key, item), strict=True):
                held.append(part)


def _unmarked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a module without what is frozen."""
    return {key: item for key, item in attributes.items() if key != "_frozen"}


_Access = tuple[str, Callable[[], Any], Callable[[Any], None]]


def _is_small(thing: Any) -> bool:
    """Is it a container that a function may well fill, and not data that it reads?"""
    return isinstance(thing, (list, dict, set, deque)) and len(thing) <= _FEW


def _attribute(name: str, thing: Any, attribute: str) -> _Access:
    return (
        name,
        functools.partial(getattr, thing, attribute, None),
        functools.partial(setattr, thing, attribute),
    )


def _nothing(value: Any) -> None:
    """Write nothing: this is for comparing alone."""


def _of_class(kind: type, name: str) -> Any:
    return vars(kind).get(name)


def _items(thing: Any) -> Iterable[Any]:
    return thing.values() if isinstance(thing, Mapping) else thing


def _other_than_values(thing: Iterable[Any]) -> list[Any]:
    """The items of a container that are no Values, and no containers of Values alone."""
    return [item for item in _items(thing) if not isinstance(item, Value) and not _is_of_values(item)]


def _is_given(thing: Any, given: Sequence[list[float]]) -> bool:
    return isinstance(thing, (list, tuple)) and list(thing) in given


def _is_of_values(thing: Any) -> bool:
    if isinstance(thing, (list, tuple)):
        return all(isinstance(item, Value) or _is_of_values(item) for item in thing)
    return thing is None or isinstance(thing, Value)


def _equal(now: Any, before: Any) -> bool:
    try:
        return now is before or bool(now == before)
    except Exception:  # an array, or something that compares in a way of its own
        return True


def _unequal(thing: Any) -> str:
    """What == overlooks: the kinds of numbers, the signs of zeros, the order of keys."""
    thing = _unmarked(thing) if isinstance(thing, Mapping) else thing
    zeros = str([item for item in _items(thing) if isinstance(item, float) and item == 0.0])
    order = tuple(thing) if isinstance(thing, Mapping) else ()
    return f"{hash((order, *map(type, _items(thing))))} {zeros}"


def _plain_copy(thing: Any) -> Any:
    """A shallow copy of a container that compares with it; None where there is none."""
    if isinstance(thing, Attributes):
        return dict(thing)
    for kind in (dict, list, set):
        if isinstance(thing, kind):
            return thing.copy() if type(thing) is kind else kind(thing)
    return copy.copy(thing) if isinstance(thing, (deque, array, bytearray)) else None


def _is_mutable(thing: Any) -> bool:
    """Could it compare equal to something else, and change later?"""
    return not isinstance(thing, (*_PLAIN, Value)) and type(thing).__eq__ is not _IDENTITY


def alike(things: list[Any], copies: list[Any], hidden: list[Any]) -> bool:
    """Are they lists and dictionaries that hold the very objects of their copies?"""
    module = compiled_module()
    return module is not None and bool(module.alike(things, copies, hidden))


def _hold(containers: list[Any], keys: list[Any], things: list[Any]) -> bool:
    try:
        return all(map(operator.is_, map(operator.getitem, containers, keys), things))
    except (LookupError, TypeError):
        return False


def _same(now: Any, before: Any) -> bool:
    if now is before:
        return True
    return type(now) is type(before) and isinstance(now, _PLAIN) and repr(now) == repr(before)


def _both(thing: Mapping[Any, Any], before: Mapping[Any, Any], key: Any) -> tuple[Any, Any]:
    return thing.get(key, _GONE), before.get(key, _GONE)


def _is_as_before(thing: Any, before: Any) -> bool:
    if isinstance(thing, MutableSet):
        return bool(thing == before)
    keys = list(thing) == list(before) if isinstance(thing, Mapping) else len(thing) == len(before)
    return keys and all(map(_same, _items(thing), _items(before)))


def entry_name(name: str, key: list[Any]) -> str:
    """The name of what a container holds, or its own."""
    if not key:
        return name
    return f"{name}{key[0]}" if name.endswith(".") else f"{name}[{key[0]!r}]"


def _written(thing: Any) -> Any:
    """The thing as a file holds it, or {"lost": its class}."""
    return Shared({}, {}).written(thing)


def is_lost(made: Any) -> bool:
    """Is it what is written of a thing that a file cannot hold?"""
    return isinstance(made, dict) and "lost" in made


def _put(place: Any, content: Any, *key: Any) -> None:
    """Let a container, a constant, or what a function writes hold this."""
    if key and content is _GONE:
        place.pop(*key, None)
    elif key:
        place[key[0]] = content
    elif isinstance(place, Value):
        place.data = content
    elif isinstance(place, (MutableMapping, set)):
        place.clear()
        place.update(content)
    elif isinstance(place, deque):
        place.clear()
        place.extend(content)
    elif hasattr(place, "__array_interface__"):
        place[...] = content
    elif isinstance(place, MutableSequence):
        place[:] = content
    else:
        place(content)
