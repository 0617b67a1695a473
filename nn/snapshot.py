"""Snapshots of what makes the graphs of a run, to tell whether a callback has changed any of it.

A Program has frozen the model's numbers, its branches and its structure. What an object holds is compared,
not the graph that it makes: a change that shows in some examples alone is seen as well. Looked at are model,
loss and regularizer, what they hold, and what their code can name (see `nn.random_state`), outside the
libraries. Two lists of a thousand parameters compare in a microsecond.
"""

from __future__ import annotations

import copy
import functools
import itertools
import operator
import sys
import threading
from array import array
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from autograd_core import Value, parameters_to_vector
from nn.module import Module
from nn.random_state import global_names, of_a_library, slots_of

__all__ = ["Snapshot"]

_PLAIN = (float, int, bool, str, bytes, type(None), complex, CodeType, BuiltinFunctionType, range)
_MOST_THINGS = 200_000
_NAMESPACES = (SimpleNamespace, threading.local)
_IDENTITY: Any = object.__eq__
_COMPILED = {
    "builtin_function_or_method", "cython_function_or_method", "getset_descriptor", "member_descriptor",
    "method_descriptor", "wrapper_descriptor",
}  # fmt: skip


class Snapshot:
    """What the owners hold now.

    Args:
        owners: models, functions and regularizers.
        parameters: Values whose numbers may change.

    Attributes:
        is_complete: could everything be looked into? If not, `changed` may miss a change.
        is_stale: has a change been seen?
        has_iterators: is something held that gives other items every time, such as itertools.count()?
    """

    def __init__(self, owners: Iterable[Any], parameters: Collection[Value]) -> None:
        self.is_complete, self.is_stale, self.has_iterators = True, False, False
        self._known = set(map(id, parameters))
        self._seen: dict[int, Any] = {}  # kept, so that no id is used twice
        self._lists: list[Any] = []
        self._copies: list[Any] = []
        # container, key, what it holds there: may change itself
        self._held: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        self._arrays: list[tuple[Any, bytes]] = []
        self._reads: list[Callable[[], Any]] = []
        self._values: list[Any] = []  # what they read
        self._constants: list[Value] = []
        self._modules: dict[int, dict[str, Any]] = {}  # their attributes
        waiting = list(owners)
        while waiting:
            thing = waiting.pop()
            if id(thing) in self._seen or isinstance(thing, _PLAIN):
                continue
            if len(self._seen) >= _MOST_THINGS:
                self.is_complete = False
                break
            self._seen[id(thing)] = thing
            waiting.extend(self._look(thing))
        self._numbers = parameters_to_vector(self._constants).tobytes()
        self._frozen = self._marks()

    def has_frozen_others(self) -> bool:
        """Have other parameters been frozen since this was last asked? That changes no graph."""
        before, self._frozen = self._frozen, self._marks()
        return not all(map(operator.is_, before, self._frozen))

    def _marks(self) -> list[Any]:
        return [attributes.get("_frozen") for attributes in self._modules.values()]

    def changed(self) -> bool:
        """Does any of it hold something else by now, or did it when this was last asked?"""
        self.is_stale = self.is_stale or self._differs()
        return self.is_stale

    def _differs(self) -> bool:
        try:
            if self._lists != self._copies and any(
                id(held) not in self._modules or _unmarked(held) != _unmarked(kept)
                for held, kept in zip(self._lists, self._copies, strict=True)
                if held != kept
            ):
                return True
        except ValueError:  # an array in the place of something else
            return True
        now = [read() for read in self._reads]
        return (
            not _hold(*self._held)
            or any(held.tobytes() != kept for held, kept in self._arrays)
            or (not all(map(operator.is_, now, self._values)) and not all(map(_same, now, self._values)))
            or (bool(self._constants) and parameters_to_vector(self._constants).tobytes() != self._numbers)
        )

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
            or any(not _is_given(item, given) for item in _other_than_values(changed))
            or any(held.tobytes() != kept for held, kept in self._arrays)
            or parameters_to_vector(self._constants).tobytes() != self._numbers
        )

    def _look(self, thing: Any) -> Iterable[Any]:
        """Note what a thing holds; return it, to be looked at too."""
        if isinstance(thing, Value):
            if id(thing) not in self._known and thing.is_leaf:
                self._constants.append(thing)
            return ()
        if isinstance(thing, (Mapping, MutableSequence, MutableSet, tuple, frozenset)):
            own = [] if of_a_library(type(thing)) else self._object(thing)
            return [*self._container(thing), *own]
        if hasattr(thing, "__array_interface__"):
            self._arrays.append((thing, thing.tobytes()))  # of objects which they are
            return [thing.tolist()] if thing.dtype.hasobject else ()
        if isinstance(thing, FunctionType):
            return () if of_a_library(thing) else self._code(thing)
        if isinstance(thing, MethodType):
            return thing.__func__, thing.__self__
        if isinstance(thing, functools.partial):
            return thing.func, thing.args, thing.keywords
        if isinstance(thing, (staticmethod, classmethod)):
            return (thing.__func__,)
        if isinstance(thing, property):
            return (thing.fget,)
        if isinstance(thing, type):
            return () if of_a_library(thing) else self._class(thing)
        if isinstance(thing, ModuleType) or type(thing).__name__ in _COMPILED:
            return ()  # the user's modules: by the names that code uses
        return self._object(thing)

    def _object(self, thing: Any) -> Iterable[Any]:
        kind = type(thing)
        library = of_a_library(kind)
        package = kind.__module__.partition(".")[0]
        if library and kind not in _NAMESPACES and package != "nn":
            # scopes, generators of random numbers: those are looked after elsewhere
            self.is_complete &= package in ("autograd_core", "numpy", "random")
            if package in sys.stdlib_module_names and package != "random":
                self.has_iterators |= hasattr(thing, "__next__")
                if "Value(" not in repr(thing):  # a Value's number is its own
                    self._read([functools.partial(repr, thing)])
            return ()
        found: list[Any] = [] if library else [kind]
        found += self._read([functools.partial(getattr, thing, slot, None) for slot in set(slots_of(kind))])
        if isinstance(thing, Module):
            self._modules[id(vars(thing))] = vars(thing)
        return [*found, vars(thing)] if hasattr(thing, "__dict__") else found

    def _container(self, thing: Any) -> Iterable[Any]:
        """A list, dictionary or set: its copy, and by identity what in it may change itself."""
        if isinstance(thing, Mapping):
            items = list((_unmarked(thing) if id(thing) in self._modules else thing).items())
            self._hold(thing, [(key, item) for key, item in items if _is_mutable(item)])
            found = [item for _, item in items]
        else:
            found = list(thing)
            if isinstance(thing, MutableSequence):
                self._hold(thing, [(k, item) for k, item in enumerate(found) if _is_mutable(item)])
        if not isinstance(thing, (tuple, frozenset)):
            plain = _plain_copy(thing)
            self.is_complete &= plain is not None
            if plain is not None:
                self._lists.append(thing)
                self._copies.append(plain)
                if _zeros(thing) != "[]":  # -0.0 == 0.0
                    self._read([functools.partial(_zeros, thing)])
        return [item for item in found if not isinstance(item, _PLAIN)]

    def _code(self, function: FunctionType) -> Iterable[Any]:
        reads: list[Callable[[], Any]] = [
            *(functools.partial(getattr, cell, "cell_contents", None) for cell in function.__closure__ or ()),
            *(functools.partial(names.get, name) for names, name in global_names(function)),
            *(
                functools.partial(getattr, function, f"__{name}__")
                for name in ("code", "defaults", "kwdefaults")
            ),
        ]
        return [*self._read(reads), vars(function)]

    def _class(self, kind: type) -> Iterable[Any]:
        names = vars(kind).keys() - {"__dict__", "__weakref__", "__doc__", "__module__", "_abc_impl"}
        self._read([lambda: len(vars(kind))])
        return [*self._read([functools.partial(_of_class, kind, name) for name in names]), *kind.__bases__]

    def _read(self, reads: Iterable[Callable[[], Any]]) -> list[Any]:
        """Note what these read now."""
        asked = list(reads)
        found = [read() for read in asked]
        self._reads += asked
        self._values += found
        return found

    def _hold(self, container: Any, pairs: Iterable[tuple[Any, Any]]) -> None:
        for key, item in pairs:
            for held, part in zip(self._held, (container, key, item), strict=True):
                held.append(part)


def _unmarked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a module without what is frozen."""
    return {key: item for key, item in attributes.items() if key != "_frozen"}


def _of_class(kind: type, name: str) -> Any:
    return vars(kind).get(name)


def _other_than_values(thing: Iterable[Any]) -> list[Any]:
    """The items of a container that are no Values, and no containers of Values alone."""
    items = thing.values() if isinstance(thing, Mapping) else thing
    return [item for item in items if not isinstance(item, Value) and not _is_of_values(item)]


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


def _zeros(thing: Any) -> str:
    """The zeros in a container, with their signs."""
    items = thing.values() if isinstance(thing, Mapping) else thing
    return str([item for item in items if isinstance(item, float) and item == 0.0])


def _plain_copy(thing: Any) -> Any:
    """A shallow copy of a container that compares with it; None where there is none."""
    for kind in (dict, list, set):
        if isinstance(thing, kind):
            return thing.copy() if type(thing) is kind else kind(thing)
    return copy.copy(thing) if isinstance(thing, (deque, array, bytearray)) else None


def _is_mutable(thing: Any) -> bool:
    """Could it compare equal to something else, and change later?"""
    return not isinstance(thing, (*_PLAIN, Value)) and type(thing).__eq__ is not _IDENTITY


def _hold(containers: list[Any], keys: list[Any], things: list[Any]) -> bool:
    try:
        return all(map(operator.is_, map(operator.getitem, containers, keys), things))
    except (LookupError, TypeError):
        return False


def _same(now: Any, before: Any) -> bool:
    if now is before:
        return True
    return type(now) is type(before) and isinstance(now, _PLAIN) and repr(now) == repr(before)
