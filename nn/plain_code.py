"""Whether a user's code can reach Values, models or a run: told by the names in it, before it runs.

A rule, a schedule or a callback that names nothing but arithmetic, NumPy, plain numbers and functions of its
own cannot tell whether the Values hold what the arrays hold. For any other they are written first.
"""

from __future__ import annotations

import builtins
import dis
import functools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from autograd_core.calculus.updates import Update
from nn.arguments import shown
from nn.history import Epoch, History
from nn.libraries import of_a_library

__all__ = [
    "ARITHMETIC",
    "OF_CALLBACKS",
    "OF_HISTORIES",
    "PURE",
    "code_of",
    "is_plain_code",
    "strange_name",
    "unnamed_method",
]

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
PURE = ARITHMETIC - {
    "add", "append", "byteswap", "clear", "delete", "discard", "extend", "fill", "insert", "partition",
    "place", "pop", "popitem", "put", "putmask", "remove", "resize", "reverse", "setdefault", "setfield",
    "setflags", "sort", "update",
} | {"get", "index", "items", "keys", "values"}  # fmt: skip
"""Those that do not change a container either: code that stores nothing and names these has no memory."""
OF_CALLBACKS = (
    ARITHMETIC
    | {
        "loss",
        "penalty",
        "gradient_norm",
        "objective",
        "updates",
        "epoch",
        "seconds",
        "history",
        "optimizer",
        "lr",
    }
    | {"append", "extend", "pop", "clear", "get", "items", "keys", "setdefault", "join", "strip", "print"}
) - {"save"}
"""Names that lead from a run to numbers and texts alone."""
OF_HISTORIES = OF_CALLBACKS | {name for kind in (History, Epoch) for name in dir(kind) if name[:1] != "_"}
OF_HISTORIES |= {field.name for field in fields(Epoch)} | {"any", "all", "isfinite"}
"""Likewise from a history."""
_EXACT = (float, int, bool, str, type(None))


def strange_name(
    functions: Iterable[Any],
    holders: Sequence[Mapping[str, Any]],
    words: Collection[str],
    reserved: Collection[str] = (),
) -> tuple[str, list[FunctionType]]:
    """What the code of functions, and of those they may call, names beside plain numbers.

    Args:
        functions: what is called.
        holders: what else than globals and closures has names: attributes of what they are methods of.
        words: names that may stand in the code, as long as they are not the user's.
        reserved: attributes that an argument has too, and that lead to something else there.

    Returns:
        A name of something else, or "", and the functions that were looked at.
    """
    waiting, seen = [*functions], list[FunctionType]()
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType):
            return shown(function), seen
        if function in seen:
            continue
        seen.append(function)
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        found = [("a default argument", default) for default in defaults]
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        closed = {name: _content(cell) for name, cell in cells.items() if name != "__class__"}
        called, attributes = _names(function.__code__)
        wanted = [(called | closed.keys(), (closed, function.__globals__)), (attributes, holders)]
        for name, places in ((name, places) for names, places in wanted for name in names):
            held = [place[name] for place in places if name in place]
            if (not held and name not in words) or (places is holders and name in reserved):
                return name, seen
            found += [(name, thing) for thing in held]
        for name, thing in found:
            for part in _parts(thing):
                if isinstance(part, FunctionType) and not of_a_library(part):
                    waiting.append(part)
                elif not _is_plain(part, words):
                    return name, seen
    return "", seen


@functools.lru_cache(maxsize=4096)
def _names(code: CodeType) -> tuple[set[str], set[str]]:
    """The names of variables, and of attributes, in a function's code and in the functions within it."""
    variables, attributes = set[str](), set[str]()
    for step in dis.get_instructions(code):
        if step.opcode in dis.hasname:
            is_variable = step.opname.endswith(("_GLOBAL", "_NAME"))
            (variables if is_variable else attributes).add(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _names(constant)
            variables, attributes = variables | inner[0], attributes | inner[1]
    return variables, attributes


def is_plain_code(
    thing: Any,
    entries: Collection[str],
    words: Collection[str],
    hidden: Collection[str] = (),
    reserved: Collection[str] = (),
) -> bool:
    """Does what is called of an object name nothing but plain numbers?

    Args:
        thing: a function, or an object with methods.
        entries: the names of its methods that are called.
        words: see `strange_name`.
        hidden: attributes of it that count as unknown.
        reserved: see `strange_name`.
    """
    if isinstance(thing, MethodType):
        return is_plain_code(thing.__self__, {thing.__name__}, words, hidden, reserved)
    if isinstance(thing, functools.partial):
        given = [part for held in (*thing.args, thing.keywords) for part in _parts(held)]
        return is_plain_code(thing.func, entries, words, hidden, reserved) and all(
            _is_plain(part, words) for part in given
        )
    if isinstance(thing, FunctionType):
        return _goes_by_words([thing], (), words, reserved)
    kind = type(thing)
    if kind.__module__ == "nn.schedules":
        parts = vars(thing).values()
        return all(is_plain_code(p, entries, words) if callable(p) else _is_plain(p, words) for p in parts)
    called, holders = code_of(thing, entries, hidden)
    return bool(called) and _goes_by_words(called, holders, words, reserved)


def _goes_by_words(functions: Any, holders: Any, words: Collection[str], reserved: Collection[str]) -> bool:
    name, seen = strange_name(functions, holders, words, reserved)
    is_pure = words is not PURE or not any(_stores(function.__code__) for function in seen)
    return not name and is_pure and not unnamed_method(holders, seen)


def unnamed_method(holders: Sequence[Mapping[str, Any]], seen: Iterable[FunctionType]) -> str:
    """The name of a method of the user's that runs, or may run, without being named in the code; or ""."""
    held = [(name, part) for names in holders[1:] for name, part in names.items() if name[:2] == "__"]
    defined = sorted({name for name, part in held if callable(part)} - _NOT_CALLED)
    codes = [function.__code__ for function in seen]
    run = {"__getattr__", "__getattribute__"}
    if any(map(_stores, codes)):
        run |= {"__setattr__", "__delattr__"}
    return next((name for name in defined if name in run or any(map(_passes_on, codes))), "")


_NOT_CALLED = {"__init__", "__new__", "__post_init__", "__init_subclass__", "__class_getitem__"}


@functools.lru_cache(maxsize=4096)
def _passes_on(code: CodeType) -> bool:
    """Does code do anything with its first argument but look at attributes of it? Call it, for example."""
    steps, first = [*dis.get_instructions(code)], code.co_varnames[:1]
    after = {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR"}
    loads = [k for k, step in enumerate(steps) if step.opname.startswith("LOAD_FAST")]
    several = any(type(steps[k].argval) is tuple for k in loads)  # of two variables at once
    strange = any(steps[k].argval in first and steps[k + 1].opname not in after for k in loads)
    return several or strange or bool({*first} & {*code.co_cellvars})


@functools.lru_cache(maxsize=4096)
def _stores(code: CodeType) -> bool:
    """Does code assign to anything but variables of its own?"""
    steps = [
        step.opname for step in dis.get_instructions(code) if step.opname.startswith(("STORE_", "DELETE_"))
    ]
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return any("FAST" not in name for name in steps) or any(map(_stores, inner))


def code_of(
    thing: Any, entries: Collection[str], hidden: Collection[str] = ()
) -> tuple[list[Any], list[Mapping[str, Any]]]:
    """What an object's classes, those of libraries left out, have by these names, and all attributes."""
    theirs = [vars(base) for base in type(thing).__mro__ if not of_a_library(base)]
    own = {name: held for name, held in getattr(thing, "__dict__", {}).items() if name not in hidden}
    return [names[entry] for names in theirs for entry in entries if entry in names], [own, *theirs]


def _content(cell: Any) -> Any:
    """What a closure holds; something unknown where that is not assigned yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


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
    if type(thing) is np.ndarray or isinstance(thing, np.number):
        return "ndarray" in words and thing.dtype.kind in "biuf"
    name = getattr(thing, "__name__", None)
    if isinstance(name, str) and name in words:
        return any(thing is getattr(module, name, None) for module in (np, math, builtins))
    ours = str(getattr(thing, "__module__", "")).startswith("autograd_core.calculus.")
    return ours and isinstance(thing, FunctionType | type)
