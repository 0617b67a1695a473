"""Whether a user's code can reach Values, models or a run: told by the names in it, before it runs.

A rule, a schedule or a callback that names nothing but arithmetic, NumPy, plain numbers and functions of its
own cannot tell whether the Values hold what the arrays hold. For any other they are written first.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from autograd_core.calculus.updates import Update
from autograd_core.libraries import of_a_library
from nn.random_state import names_in

__all__ = ["ARITHMETIC", "code_of", "is_plain_code", "strange_name"]

_BUILTINS = {
    "abs", "bool", "divmod", "enumerate", "float", "int", "isinstance", "len", "list", "max", "min", "pow",
    "range", "round", "sorted", "str", "sum", "super", "tuple", "zip",
}  # fmt: skip
ARITHMETIC = frozenset(
    name
    for name in (*dir(math), *dir(np), *dir(np.ndarray), *dir(np.linalg), *_BUILTINS, "math", "numpy")
    if name[:1] != "_"
)
"""Names that lead from numbers and arrays to nothing else."""
_EXACT = (float, int, bool, str, type(None))


def strange_name(
    functions: Iterable[FunctionType], holders: Sequence[Mapping[str, Any]], words: Collection[str]
) -> tuple[str, list[FunctionType]]:
    """What the code of functions, and of those they may call, names beside plain numbers.

    Args:
        functions: the user's.
        holders: what else than globals and closures has names: attributes of what they are methods of.
        words: names that may stand in the code, as long as they are not the user's.

    Returns:
        A name of something else, or "", and the functions that were looked at.
    """
    waiting, seen = [*functions], list[FunctionType]()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.append(function)
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        found = [("a default argument", default) for default in defaults]
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        for name in names_in(function.__code__) | (cells.keys() - {"__class__"}):
            held = [names[name] for names in (*holders, function.__globals__) if name in names]
            held += [cells[name].cell_contents] if name in cells else []
            if not held and name not in words:
                return name, seen
            found += [(name, thing) for thing in held]
        for name, thing in found:
            for part in _parts(thing):
                if isinstance(part, FunctionType) and not of_a_library(part):
                    waiting.append(part)
                elif not _is_plain(part, words):
                    return name, seen
    return "", seen


def is_plain_code(
    thing: Any, entries: Collection[str], words: Collection[str], hidden: Collection[str] = ()
) -> bool:
    """Does what is called of an object name nothing but plain numbers?

    Args:
        thing: a function, or an object with methods.
        entries: the names of its methods that are called.
        words: see `strange_name`.
        hidden: attributes of it that count as unknown.
    """
    if isinstance(thing, MethodType):
        return is_plain_code(thing.__self__, {thing.__name__}, words, hidden)
    if isinstance(thing, FunctionType):
        return not strange_name([thing], (), words)[0]
    kind = type(thing)
    if kind.__module__ == "nn.schedules":
        parts = vars(thing).values()
        return all(is_plain_code(p, entries, words) if callable(p) else _is_plain(p, words) for p in parts)
    functions, holders = code_of(thing, hidden)
    called = [function for function in functions if function.__name__ in entries]
    unnamed = any(not _MEETING.isdisjoint(names) for names in holders[1:])
    return bool(called) and not unnamed and not strange_name(called, holders, words)[0]


_MEETING = {
    *(name for kind in (float, list, dict, set, type(iter(()))) for name in dir(kind)), "__getattr__",
    "__format__", "__get__", "__set__", "__delete__", "__enter__", "__exit__",
} - {"__class__", "__doc__", "__init__", "__new__", "__init_subclass__", "__subclasshook__"}  # fmt: skip
"""Methods that run without being named."""


def code_of(thing: Any, hidden: Collection[str] = ()) -> tuple[list[FunctionType], list[Mapping[str, Any]]]:
    """The functions of an object's classes, those of libraries left out, and its and their attributes."""
    theirs = [vars(base) for base in type(thing).__mro__ if not of_a_library(base)]
    own = {name: held for name, held in getattr(thing, "__dict__", {}).items() if name not in hidden}
    found = [held for names in theirs for held in names.values() if isinstance(held, FunctionType)]
    return found, [own, *theirs]


def _parts(thing: Any) -> Iterator[Any]:
    """A thing, or what is in it: in containers, static methods, and rules in our vocabulary."""
    waiting = [thing]
    for part in waiting:  # which grows
        if type(part) in (list, tuple, set):
            waiting += part
        elif type(part) is dict:
            waiting += [*part, *part.values()]
        elif type(part) is Update:
            waiting += vars(part).values()
        elif isinstance(part, staticmethod):
            waiting.append(part.__func__)
        else:
            yield part


def _is_plain(thing: Any, words: Collection[str]) -> bool:
    """Is it a number, NumPy, or a function of a library by a name that may stand in the code?"""
    if type(thing) in _EXACT or thing is np or (thing is math and "math" in words):
        return True
    if isinstance(thing, np.ndarray | np.number):
        return "ndarray" in words and thing.dtype.kind in "biuf"
    name = getattr(thing, "__name__", None)
    if isinstance(name, str) and name in words:
        return any(thing is getattr(module, name, None) for module in (np, math, builtins))
    ours = str(getattr(thing, "__module__", "")).startswith("autograd_core.calculus.")
    return ours and isinstance(thing, FunctionType | type)
