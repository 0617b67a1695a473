"""What a function reads beside its arguments, and whether something else stands there since.

One walk, from the function along all that it can reach, finds what its code names and the Values that it
captured. What is read together (attributes of an object, items of a list) is a group. Groups are compared at
every call, item by item, by identity.
"""

from __future__ import annotations

import array
import contextvars
import dataclasses
import dis
import functools
import itertools
import numbers
import operator
import sys
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..engine.flat import same_entries, same_items
from ..engine.sweep import topological_order
from ..engine.value import Value
from ..libraries import library_of

Read = Callable[[], Iterable[Any]]
_SLOT = types.MemberDescriptorType
_EXACT = (int, str, bytes, bool, type(None))
#: What holds nothing to be followed.
_PLAIN = {
    *(*_EXACT, object, range, slice, types.CodeType, types.EllipsisType),
    *(_SLOT, types.WrapperDescriptorType, types.MethodDescriptorType),
    *({type(topological_order)} - {types.FunctionType}),  # a compiled function
}
#: What never changes and holds others: these attributes of it are followed.
_FIXED: dict[Any, tuple[str, ...]] = {
    types.MethodType: ("__self__", "__func__"),
    types.BuiltinMethodType: ("__self__",),
    functools.partial: ("func", "args"),
    functools.partialmethod: ("func", "args"),
    functools.cached_property: ("func",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget",),
}
_CONTAINERS: tuple[Any, ...] = (list, deque, set)
_MAPPINGS: tuple[Any, ...] = (OrderedDict, dict, types.MappingProxyType)
_MAY_HOLD_VALUES: tuple[Any, ...] = (Value, tuple, frozenset, *_CONTAINERS, *_MAPPINGS)
#: Their code is followed, as the user's own (""): that of other libraries reads only what it is given.
_FOLLOWED = {"", "nn", "collections", "weakref", "_weakrefset"}
#: Their code is followed for the names in it, and does not change itself.
_STEADY = {"nn"}
#: Special methods that make, compare, show and copy objects: what these read is not looked at.
_MAKING = "new init post_init init_subclass set_name class_getitem del eq ne hash repr str format dir sizeof"
_COPYING = "copy deepcopy replace reduce reduce_ex getstate setstate"
_LEFT_OUT_METHODS = {f"__{name}__" for names in (_MAKING, _COPYING) for name in names.split()}
#: By these, code reads globals under names that it makes.
_REFLECTIVE = {"globals", "eval", "modules", "import_module", "__import__", "__globals__", "f_globals"}
_UNSET = object()  # what is not there, and the end of a container
_MOST_THINGS = 100_000  # that are walked through; a Python object may have no end
_MOST_ITEMS, _MOST_PLACES = 1000, 10_000  # of a container; in all


class Watch:
    """What a function reads beside its arguments: what stands there, to compare with later.

    Args:
        function: a function, a method or anything that can be called.

    Attributes:
        hidden: the captured Values that were not found, by id.
    """

    def __init__(self, function: Any):
        self._function, self.hidden = function, dict[int, Value]()
        self._dropped: dict[Any, _Walk] = {}  # places; the walk keeps their owner, and so the owner's id
        self.look()

    def look(self) -> None:
        """Look at what stands there before a call of the function."""
        self._walk = walk = _Walk(self._function)
        places = [(place, item, group) for group in walk.groups for place, item in group.entries()]
        self._standing = {place: item for place, item, group in places if place[-1] in group.named}

    def settle(self, captured: Iterable[Value]) -> bool:
        """Look again, for what the function has captured too, and compare what stands there from then on.

        Where something else stands than before, the function itself has assigned it, or another thread: that
        is not compared any more, unless it leads to what was captured.

        Args:
            captured: leaves, and nodes that were computed before.

        Returns:
            Whether there is no such place, but for those that were there before, and no new place in what
            was there.
        """
        walk, standing, same = _Walk(self._function), self._standing, True
        hidden = walk.find({id(value): value for value in captured})
        kept, before = dict[Any, Any](), list[Any]()
        owners, names, members, reads = list[Any](), list[str](), list[Any](), list[Read]()
        dicts, texts, found = list[Any](), list[Any](), list[Any]()
        lists, copies = list[Any](), list[Any]()
        for group in [one for one in walk.groups if one.kind != "fixed"]:
            entries = dict[Any, Any]()
            for place, item in group.entries():
                named = place[-1] in group.named and place not in self._dropped
                same &= not named or place in standing or place[0] not in self._walk.seen
                if place[-1] in group.leading or (named and stands(item, standing.get(place, item))):
                    entries[place] = item
            keys = [key for *_, key in entries]
            kept.update(entries)
            if group.read is _members:
                owners += [group.owner] * len(keys)
                names += keys
                members += entries.values()
            elif isinstance(group.read, _Entries) and type(group.read.held) is dict:
                dicts += [group.read.held] * len(keys)
                texts += keys
                found += entries.values()
            elif keys and type(group.owner) is list:
                lists.append(group.owner)
                copies.append(group.items[:-1])
            elif keys:
                reads.append(group.read(group.owner, keys))
                before += group.items if group.keys is None else entries.values()
        others = [
            place
            for place, item in standing.items()  # if its owner is not met, what led there has changed
            if place[0] in walk.seen and not stands(kept.get(place, self), item)
        ]
        self._dropped.update((place, self._walk) for place in others if place not in kept)
        self._walk, self._standing, self.hidden = walk, kept, hidden
        # at once: other threads may compare now
        self._compared = (owners, names, reads), (dicts, texts), lists, [members + before, found, *copies]
        return same and not others

    def changed(self) -> bool:
        """Tell whether something else stands in one of the places."""
        places, entries, lists, before = self._compared
        try:
            now = [[*_now(*places)], before[1], *lists]
            if same_entries(*entries, before[1], _UNSET) and all(map(same_items, now, before)):
                return False
            now[1] = [*map(dict.get, *entries, itertools.repeat(_UNSET))]
            if not all(map(stands, map(_Items, now), map(_Items, before))):
                return True
            before[:] = map(list, now)  # equal numbers, in other objects
        except Exception:  # the place is gone
            return True
        return False


def _now(owners: list[Any], names: list[str], reads: list[Read]) -> Iterator[Any]:
    members = map(object.__getattribute__, owners, names)
    return itertools.chain(members, itertools.chain.from_iterable(map(operator.call, reads)))


class _Items(list[Any]):
    """What stands in a container."""


def stands(now: Any, before: Any) -> bool:
    """Tell whether the same object, number or text, or tuple of such, stands there; 1 is not True."""
    if now is before or type(now) is not type(before):
        return now is before
    if type(now) in (_Items, tuple):
        return len(now) == len(before) and all(map(stands, now, before))
    if type(now) in _EXACT:
        return bool(now == before)
    return issubclass(type(now), numbers.Number) and _is_plain(type(now)) and repr(now) == repr(before)


@dataclasses.dataclass(eq=False)
class _Group:
    """Places that are read together.

    Attributes:
        owner: whose places they are.
        kind: which of its places: "fixed" if they never change, "shut" if what is there is not followed.
        read: takes the owner and some keys, and returns what reads these places.
        keys: None for all the items of a container.
        items: what stands there.
        base: what is compared too if these are.
        known: returns the keys that there are; those that the code names are taken, or else
        is_way: those where this may lead to Values.
        named: the keys of those that are compared in any case.
        leading: the keys of those that lead to Values, which are compared too.
    """

    owner: Any
    kind: str
    read: Callable[[Any, Any], Read]
    keys: list[Any] | None = None
    items: list[Any] = dataclasses.field(default_factory=list)
    base: _Group | None = None
    known: Callable[[], Any] = set
    is_way: Callable[[Any], bool] = bool
    named: set[Any] = dataclasses.field(default_factory=set)
    leading: set[Any] = dataclasses.field(default_factory=set)

    def entries(self) -> Iterable[tuple[Any, Any]]:
        """Each place, as (owner, kind, key), and what stands there."""
        pairs = [(None, _Items(self.items))] if self.keys is None else zip(self.keys, self.items, strict=True)
        return (((id(self.owner), self.kind, key), item) for key, item in pairs)

    def is_unnamed(self, texts: set[str]) -> bool:
        """Is it a dict none of whose keys is a text of the code, and which is not yet taken whole?"""
        named = self.named.union(self.base.named if self.base is not None else ())
        return None not in named and named.isdisjoint(texts)

    def lead(self, key: Any) -> None:
        self.leading.add(key)
        if self.base is not None and key not in self.named:
            self.base.leading.update(self.base.keys or [None])


class _Walk:
    """All that a function can reach: by the names in the code that it may run, and, for Values, the rest.

    Attributes:
        groups: the places.
        seen: what was met, by id.
    """

    def __init__(self, root: Any):
        self.groups, self._open = list[_Group](), list[_Group]()  # all; those that have names
        self._names = {"__wrapped__", "__origin__", "__getattr__"}  # in what was met
        self._texts = set[str]()  # in the code that was met, and in what it reads
        self._code_texts = set[str]()  # in the code alone
        self.seen = dict[int, Any]()
        self._computed, self._later, self._waiting = list[Value](), list[Any](), deque[Any]()
        self._left, self._budget, self._by_name = _MOST_THINGS, _MOST_PLACES, True
        self._followed = {*_FOLLOWED, library_of(_code_of(root))}
        self._meet([root])
        self._go()

    def find(self, wanted: dict[int, Value]) -> dict[int, Value]:
        """Look for Values everywhere, mark the ways that lead to them, and return those that are hidden."""
        self._by_name = False
        self._meet(self._later)
        self._go()
        ways: dict[int, list[tuple[_Group, Any]]] = {}
        for group in self.groups:
            for key, item in zip(group.keys or itertools.repeat(None), group.items, strict=False):
                if id(item) in self.seen and group.kind != "base":
                    ways.setdefault(id(item), []).append((group, key))
        waiting, done = [*wanted], {*wanted}
        while waiting:
            for group, key in ways.get(waiting.pop(), ()):
                group.lead(key)
                if id(group.owner) not in done:
                    done.add(id(group.owner))
                    waiting.append(id(group.owner))
        hidden = {key: value for key, value in wanted.items() if key not in ways and value.is_leaf}
        for node in topological_order(*self._computed) if hidden else ():
            hidden.pop(id(node), None)  # what was computed from it is not hidden
        return hidden

    def _go(self) -> None:
        """Follow what waits, and what is named by the code that was met meanwhile, until there is no more."""
        while True:
            while self._waiting and self._left:
                self._left -= 1
                with suppress(Exception):  # an object may do anything where it is read
                    self._look_into(self._waiting.popleft())
            self._waiting.clear()
            count = len(self._names)
            for group in self._open:
                with suppress(Exception):
                    self._extend(group)
            for group in [] if self._waiting or not self._by_name else self._open:
                if group.kind == "entries" and group.base and group.is_unnamed(self._code_texts):
                    self._take(group.base, None, group.base.items)
            if not self._waiting and count == len(self._names):
                return

    def _meet(self, items: Sequence[Any]) -> None:
        kinds = {id(kind): kind for kind in map(type, items)}  # not all can be hashed
        others = {key for key, kind in kinds.items() if not _is_plain(kind)}
        for item in items if others else ():
            if id(item) not in self.seen and id(type(item)) in others:
                if not self._by_name and _holds_plain(item):
                    continue  # a row of a data set
                self.seen[id(item)] = item
                if not issubclass(type(item), Value):
                    self._waiting.append(item)
                elif not item.is_leaf:
                    self._computed.append(item)

    def _take(self, group: _Group, keys: Sequence[Any] | None, items: Sequence[Any]) -> None:
        """Follow what is new in a group, and compare it, if it is named and not too much."""
        if self._by_name and keys is None and len(items) > _MOST_ITEMS * (1 + (group.kind == "base")) + 1:
            self._later += items  # there may be Values among them
            return
        if self._by_name and group.kind != "fixed" and self._budget > 0:
            self._budget -= len(items) + 8
            group.named.update([None] if keys is None else keys)
            if group.base is not None and group.base.keys is not None:
                group.base.named.update(group.base.keys)
        if self._by_name and str in map(type, items):
            texts = {item for item in items if type(item) is str}  # which may be names of others
            self._names |= texts
            self._texts |= texts
        if group.kind != "shut":
            self._meet(items)

    def _add(self, owner: Any, kind: str, read: Callable[[Any, Any], Read], keys: Any = None) -> None:
        group = _Group(owner, kind, read, keys, list(read(owner, keys)()))
        if group.items and (len(group.items) <= _MOST_ITEMS + 1 or not _are_plain(group.items)):
            self.groups.append(group)
            self._take(group, keys, group.items)

    def _add_fixed(self, owner: Any, items: list[Any]) -> None:
        self._add(owner, "fixed", lambda *_: lambda: items)

    def _add_names(
        self,
        owner: Any,
        held: Any,
        kind: str = "names",
        is_way: Any = None,
        base: Any = None,
        known: Any = None,
    ) -> None:
        """Add a group of those names that are in a dict, or known."""
        is_way = is_way or (lambda item: not _is_plain(type(item)))
        group = _Group(
            owner,
            kind,
            _members if held is None else _Entries(held),
            [],
            [],
            base,
            known or held.keys,
            is_way,
        )
        self._open.append(group)
        self.groups += [group] if base is None else [base, group]

    def _extend(self, group: _Group) -> None:
        """Take the places that are named by the code that was met, or else all that may lead to Values."""
        known, taken = group.known(), {*(group.keys or ())}
        if self._by_name:
            by_text = group.kind == "entries" and not hasattr(type(group.owner), "__getattr__")
            known = (self._texts if by_text else self._names) & known
        keys = [key for key in known if key not in taken]
        items = [*group.read(group.owner, keys)()]
        ways = [self._by_name or group.is_way(item) for item in items]
        keys, items = [*itertools.compress(keys, ways)], [*itertools.compress(items, ways)]
        if keys:
            group.keys, group.items = [*(group.keys or ()), *keys], group.items + items
            self._take(group, keys, items)

    def _look_into(self, thing: Any) -> None:
        kind = type(thing)
        if issubclass(kind, types.FunctionType):
            self._look_into_function(thing)
        elif issubclass(kind, types.ModuleType):
            names = "shut" if self._is_left_out(thing) else "names"
            self._add_names(thing, vars(thing), names, _is_no_way)
        elif issubclass(kind, type):
            self._look_into_class(thing)
        else:
            self._look_into_object(thing, kind)

    def _is_left_out(self, thing: Any) -> bool:
        return library_of(thing) not in self._followed

    def _look_into_function(self, function: types.FunctionType) -> None:
        self._add_fixed(function, [*(function.__closure__ or ())])
        if function.__kwdefaults__:
            self._look_into_dict(function.__kwdefaults__, dict, whole=True)
        is_steady = library_of(function) in _STEADY
        parts = ["__code__", "__defaults__", "__kwdefaults__"]
        self._add(function, "fixed" if is_steady else "parts", _members, parts)
        self._add_names(function, vars(function))
        if not self._is_left_out(function):
            world, (loaded, names, texts, imports) = function.__globals__, _read_by(function.__code__)
            self._add(function, "fixed" if is_steady else "globals", _Entries(world), sorted(loaded))
            if not _REFLECTIVE.isdisjoint(loaded | names):  # any text or attribute may be one of them
                self._add_names(function, world, "named globals", _is_no_way)
            paths = [*imports, *(f"{world.get('__package__')}.{name}".rstrip(".") for name in imports)]
            self._add(function, "fixed" if is_steady else "imports", _Entries(sys.modules), paths)
            if self._by_name:
                self._names |= names | texts
                self._texts |= texts
                self._code_texts |= texts

    def _look_into_class(self, kind: type) -> None:
        if not self._is_left_out(kind):
            held: Any = vars(kind)
            classes = [vars(one) for one in kind.__mro__ if not self._is_left_out(one)]
            known = {name: names[name] for names in classes for name in names}  # which it has, or may hide
            methods = {name for name in known if name[:2] == "__" == name[-2:] and callable(known[name])}
            called, named = ("fixed", "fixed") if library_of(kind) in _STEADY else ("methods", "names")
            self._add(kind, called, _Entries(held), sorted(methods - _LEFT_OUT_METHODS))
            is_way = lambda item: issubclass(type(item), _MAY_HOLD_VALUES)  # noqa: E731
            self._add_names(kind, held, named, is_way, known=known.keys)
            self._add_fixed(kind, [type(kind), *kind.__mro__[1:]])

    def _look_into_object(self, thing: Any, kind: type) -> None:
        if kind is types.CellType:
            return self._add(thing, "cell", _members, ["cell_contents"])
        names = [name for one, held in _FIXED.items() if issubclass(kind, one) for name in held]
        items = thing if issubclass(kind, (tuple, frozenset)) else ()
        self._add_fixed(thing, [kind, *(getattr(thing, name) for name in names), *items])
        for one in [one for one in _CONTAINERS if issubclass(kind, one)]:
            self._add(thing, "items", functools.partial(_items_of, one))
        for one in [one for one in _MAPPINGS if issubclass(kind, one)][:1]:
            self._look_into_dict(thing, one)
        if issubclass(kind, functools.partial):
            self._look_into_dict(thing.keywords, dict, whole=True)
        if issubclass(kind, (weakref.ref, contextvars.ContextVar)):
            get = thing if issubclass(kind, weakref.ref) else functools.partial(thing.get, None)
            self._add(thing, "target", lambda *_: functools.partial(map, operator.call, (get,)))
        self._look_into_array(thing, kind)
        self._look_into_attributes(thing, kind)
        if kind in weakref.ProxyTypes:
            self._add_fixed(thing, [thing.__repr__.__self__])  # of what it stands for

    def _look_into_dict(self, thing: Any, kind: Any, whole: bool = False) -> None:
        self.seen[id(thing)] = thing
        read, known = functools.partial(_items_of, kind), functools.partial(kind.keys, thing)
        base = _Group(thing, "base", read, None, [*read(thing, None)()])
        self._add_names(thing, thing, "entries", base=base, known=known)
        if whole:
            self._take(base, None, base.items)

    def _look_into_array(self, thing: Any, kind: type) -> None:
        numpy: Any = sys.modules.get("numpy")
        is_numpys = numpy is not None and issubclass(kind, numpy.ndarray)
        if is_numpys and thing.dtype.kind == "O":
            view = thing.view(numpy.ndarray)
            self._add(thing, "items", lambda *_: lambda: view.flat)
        elif (is_numpys and thing.size <= _MOST_ITEMS) or (
            issubclass(kind, (bytearray, array.array, memoryview)) and len(thing) <= _MOST_ITEMS
        ):
            self._add(thing, "items", functools.partial(_content_of, _bytes_of(thing)))

    def _look_into_attributes(self, thing: Any, kind: type) -> None:
        classes = [vars(one) for one in kind.__mro__ if not self._is_left_out(one)]
        if _is_stable(thing, "__dict__"):
            own = object.__getattribute__(thing, "__dict__")
            keys = [key for key in ("__dict__", "__class__") if _is_stable(thing, key)]
            base = _Group(thing, "base", _members, keys, [*_members(thing, keys)()])
            known = own.keys() | {name for names in classes for name in names}  # which it may hide
            is_way = _is_no_way if library_of(kind) == "autograd_core" else None
            self._add_names(thing, own, "names", is_way, base, lambda: known)
        slots = {name for names in classes for name, item in names.items() if type(item) is _SLOT}
        if there := {name for name in slots if _is_stable(thing, name)}:
            self._add_names(thing, None, "slots", known=lambda: there)


@functools.lru_cache(maxsize=4096)
def _read_by(code: types.CodeType) -> tuple[set[str], ...]:
    """What code reads: names of globals, of attributes, texts, and the modules that it imports."""
    loaded, names, texts, imports = set[str](), set[str](), set[str](), set[str]()
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            imports |= {step.argval, step.argval.partition(".")[0]}
        elif step.opcode in dis.hasname and not step.opname.startswith(("STORE", "DELETE")):
            (loaded if "GLOBAL" in step.opname or step.opname == "LOAD_NAME" else names).add(step.argval)
        elif step.opname == "MATCH_CLASS":
            names.add("__match_args__")
    constants = [*code.co_consts]
    for constant in constants:  # which grows
        if isinstance(constant, str):
            texts.add(constant)
        elif isinstance(constant, (tuple, frozenset)):
            constants += constant
        elif isinstance(constant, types.CodeType):
            for found, more in zip((loaded, names, texts, imports), _read_by(constant), strict=True):
                found |= more
    return loaded, names, texts, imports


def _is_plain(kind: Any) -> bool:
    """Tell whether what is of a type holds nothing to be followed: a number, a text."""
    with suppress(Exception):  # a class whose own class has another __eq__ or __hash__
        return _is_plain_hashable(kind)
    return False


@functools.lru_cache(maxsize=1024)
def _is_plain_hashable(kind: Any) -> bool:
    return kind in _PLAIN or (issubclass(kind, numbers.Number) and bool(library_of(kind)))


def _are_plain(items: Sequence[Any]) -> bool:
    with suppress(Exception):
        return all(map(_is_plain, set(map(type, items))))
    return False


def _holds_plain(item: Any) -> bool:
    """Tell whether it is a container of numbers and texts alone, which leads to no Values."""
    if type(item) is dict:
        return _are_plain([*item, *item.values()])
    return type(item) in (list, tuple) and _are_plain(item)


def _is_no_way(item: Any) -> bool:
    return False


def _code_of(function: Any) -> Any:
    """The function that is run where a function, a method or an object is called, or else a class."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    return function if isinstance(function, types.FunctionType) else type(function)


class _Entries:
    """How entries of a dict or the like are read."""

    def __init__(self, held: Any):
        self.held = held

    def __call__(self, _: Any, keys: Sequence[Any]) -> Read:
        kind = next(kind for kind in _MAPPINGS if issubclass(type(self.held), kind))
        get = functools.partial(kind.get, self.held)
        return functools.partial(map, get, tuple(keys), itertools.repeat(_UNSET))


def _members(thing: Any, keys: Sequence[str]) -> Read:
    """Attributes, without asking an object's own `__getattribute__`."""
    return functools.partial(map, object.__getattribute__, itertools.repeat(thing), tuple(keys))


def _is_stable(thing: Any, name: str) -> bool:
    """Tell whether there is such an attribute, and not another one each time."""
    try:
        return object.__getattribute__(thing, name) is object.__getattribute__(thing, name)
    except Exception:
        return False


def _items_of(kind: Any, container: Any, _: Any) -> Read:
    """All items, by the methods of Python's own types, and an end."""
    if kind in _MAPPINGS:
        return lambda: [*kind.__iter__(container), *kind.values(container), _UNSET]
    return lambda: [*kind.__iter__(container), _UNSET]


def _bytes_of(numbers: Any) -> bytes:
    form = getattr(getattr(numbers, "dtype", None), "str", ""), getattr(numbers, "shape", ())
    return repr(form).encode() + (bytes(numbers) if isinstance(numbers, bytearray) else numbers.tobytes())


def _content_of(before: bytes, numbers: Any, _: Any) -> Read:
    """The content of an array: the same object as long as it is equal."""
    return lambda: (before if (now := _bytes_of(numbers)) == before else now,)
