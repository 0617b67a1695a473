"""Random states: the generators that a model may draw from. Recording can tell, and takes nothing.

Looked for are Python's generator, NumPy's, and those that the code of model, loss and regularizer can name:
attributes (in small lists and dictionaries, too), globals, closures and default arguments, followed from
function to function outside the libraries.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

from autograd_core import Value
from nn.libraries import of_a_library
from nn.random_inputs import RandomInput

__all__ = [
    "RandomStates",
    "codes",
    "global_names",
    "names_in",
    "slots_of",
]

_MOST_ENTRIES = 64  # of a list or dictionary that is looked into
_MOST_THINGS = 10_000
_PLAIN = {Value, float, int, bool, str, bytes, NoneType}


class RandomStates:
    """The random generators that may be drawn from, and their states.

    Recording and checking call the model more often than eager training does; the generators are put back, so
    that nobody can tell. A checkpoint holds the states, so that a resumed run draws what an uninterrupted one
    draws.

    Args:
        owners: models, functions and other things that may draw numbers.
    """

    def __init__(self, owners: Iterable[Any]) -> None:
        import numpy as np

        found = {id(thing): thing for thing in (random, np.random, *_reachable(owners))}
        self.generators = [(thing, access) for thing in found.values() if (access := _generator(thing))]
        self.before = self.states()

    def states(self) -> list[Any]:
        """The states as they are now."""
        return [read() for _, (read, _) in self.generators]

    def drawn(self, since: Sequence[Any] | None = None) -> bool:
        """Has a number been drawn since the start, or since these states?"""
        return pickle.dumps(self.states()) != pickle.dumps(self.before if since is None else since)

    def restore(self, states: Sequence[Any] | None = None) -> None:
        """Put the generators to these states; without them, to those at the start."""
        wanted = self.before if states is None else states
        for (_, (_, write)), state in zip(self.generators, wanted, strict=True):
            write(state)

    def in_use(self, callers: Iterable[Any]) -> RandomStates:
        """Those whose states belong to a run: what the model holds, and the global ones if they are used.

        Args:
            callers: what may draw later, optimizer and callbacks: if their code names "random", all count.
        """
        import numpy as np

        named = any("random" in names_in(function.__code__) for function in _functions(callers))
        used = object.__new__(RandomStates)
        now = self.states()
        kept = [
            (generator, before)
            for generator, before, after in zip(self.generators, self.before, now, strict=True)
            if named or generator[0] not in (random, np.random) or pickle.dumps(before) != pickle.dumps(after)
        ]
        used.generators = [generator for generator, _ in kept]
        used.before = [before for _, before in kept]
        return used


def codes(owners: Iterable[Any]) -> dict[str, str]:
    """The user's functions that the owners hold or name, and a hash of what each of them does."""
    found: dict[str, str] = {}
    for function in _functions(owners):
        name = function.__qualname__
        found[name] = found.get(name, "") + _hash_of(function.__code__, function.__doc__)
    return found


def _functions(owners: Iterable[Any]) -> list[FunctionType]:
    """The user's functions that the owners hold or name."""
    return [f for f in _reachable(owners) if isinstance(f, FunctionType) and not of_a_library(f)]


def _hash_of(code: CodeType, doc: str | None = None) -> str:
    constants = [
        _hash_of(c) if isinstance(c, CodeType) else c for c in code.co_consts if doc is None or c != doc
    ]
    told = [sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c) for c in constants]
    parts = code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars, told
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def slots_of(kind: type) -> list[str]:
    """The names of a class's slots, those of its bases too, as the attributes are called."""
    found = []
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())  # one text is one slot
        for name in [slots] if isinstance(slots, str) else slots:
            is_private = name.startswith("__") and not name.endswith("__")
            found.append(f"_{base.__name__.lstrip('_')}{name}" if is_private else name)
    return found


def _generator(thing: Any) -> tuple[Callable[[], Any], Callable[[Any], None]] | None:
    """How a random generator's state is read and written; None if it is something else."""
    import numpy as np

    if thing is random or (isinstance(thing, random.Random) and not isinstance(thing, random.SystemRandom)):
        return thing.getstate, thing.setstate
    if thing is np.random or isinstance(thing, np.random.RandomState):
        return thing.get_state, thing.set_state
    if isinstance(thing, np.random.Generator):
        bits: Any = thing.bit_generator
        return lambda: bits.state, lambda state: setattr(bits, "state", state)
    return None


def _reachable(owners: Iterable[Any]) -> Iterator[Any]:
    """What the owners hold and what their code names, and so on."""
    waiting, seen = list(owners), dict[int, Any]()
    waiting += [held for owner in waiting for held in getattr(owner, "__dict__", {}).values()]
    while waiting and len(seen) < _MOST_THINGS:
        thing = waiting.pop()
        if id(thing) not in seen:
            seen[id(thing)] = thing  # kept, so that no id is used twice
            yield thing
            waiting.extend([inner for inner in _within(thing) if type(inner) not in _PLAIN])


def _within(thing: Any) -> Iterator[Any]:
    if isinstance(thing, RandomInput):
        yield thing.generator
    elif isinstance(thing, (list, tuple, dict)):
        if len(thing) <= _MOST_ENTRIES:
            yield from thing.values() if isinstance(thing, dict) else thing
    elif isinstance(thing, FunctionType):
        yield from () if of_a_library(thing) else _named_by(thing)
    elif isinstance(thing, MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, functools.partial):
        yield from (thing.func, thing.args, thing.keywords)
    elif isinstance(thing, (staticmethod, classmethod)):
        yield thing.__func__
    elif isinstance(thing, property):
        yield thing.fget
    elif isinstance(thing, type):
        yield from () if of_a_library(thing) else (*vars(thing).values(), *thing.__bases__)
    elif not isinstance(thing, ModuleType) and (
        type(thing).__module__.startswith("nn.") or not of_a_library(type(thing))
    ):
        yield from (type(thing), *getattr(thing, "__dict__", {}).values())


def _named_by(function: FunctionType) -> Iterator[Any]:
    """What a function's code can reach by a name: closure, defaults, globals, and what modules hold."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    yield from (function.__defaults__ or (), function.__kwdefaults__ or {})
    yield from (names[name] for names, name in global_names(function))


def global_names(function: FunctionType) -> Iterator[tuple[dict[str, Any], str]]:
    """The globals that a function's code names, and what it may name in the user's modules: (names, name)."""
    names = sorted(names_in(function.__code__))
    imported = [vars(found) for name in names if _is_users(found := sys.modules.get(name))]
    waiting, seen = [function.__globals__, *imported], set[int]()
    while waiting:
        held = waiting.pop()
        seen.add(id(held))
        for name in names:
            if name in held:
                yield held, name
                if _is_users(found := held[name]) and id(vars(found)) not in seen:
                    waiting.append(vars(found))


def _is_users(found: Any) -> bool:
    return isinstance(found, ModuleType) and not of_a_library(found)


def names_in(code: CodeType) -> set[str]:
    """The names in a function's code and in the functions and comprehensions within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_in(constant)
    return names
