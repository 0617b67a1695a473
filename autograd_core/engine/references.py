"""How a pickle refers to operations: by name, with a fingerprint of what the name meant."""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from types import CodeType
from typing import Any

from ..calculus.operation import OPERATIONS, Operation, formula

# Name; where a user's operation is defined, "" for a built-in one; fingerprint.
Reference = tuple[str, str, int]


def reference_to(operation: Operation) -> Reference:
    """Return what a pickle says of an operation."""
    if operation.identifier:
        return operation.name, "", _fingerprint(operation)
    return operation.name, _place(operation), _fingerprint_of_code(operation)


def operation_from(reference: Any) -> Operation:
    """Return the operation that a pickle refers to.

    Raises:
        LookupError: there is none of that name, and importing its module does not define it.
        ValueError: the name means another operation here.
    """
    name, place, fingerprint = reference
    if place and name not in OPERATIONS:
        module = place.partition(":")[0]
        if module in sys.modules or module.partition(".")[0] not in ("", "__main__"):
            with suppress(ImportError):
                importlib.import_module(module)
    operation = OPERATIONS.get(name)
    if operation is None:
        raise LookupError(
            f"no operation named {name!r} is known here: import the module that defines it before loading"
        )
    if reference_to(operation) != (name, place, fingerprint):
        raise ValueError(
            f"operation {name!r} is defined otherwise here than where the pickle was made"
            f"{f' ({place})' if place else ''}: its stored numbers and its rule would not belong together"
        )
    return operation


@cache
def _fingerprint(operation: Operation) -> int:
    """A number that changes with a built-in operation's rule."""
    texts = [operation.name, str(operation.arity), str(operation.selecting)]
    texts += [formula(operation, k) for k in range(operation.arity or 1)]
    return zlib.crc32("\n".join(texts).encode())


def _place(operation: Any) -> str:
    return _name_of(operation.function)


def _name_of(function: Any) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}:{name}"


def _fingerprint_of_code(operation: Any) -> int:
    """A number that changes with the code of a user's operation; another version of Python gives another."""
    rules = operation.partials_rule
    functions = [operation.function, *([rules] if callable(rules) else rules)]
    crc = zlib.crc32(repr((sys.version_info[:2], operation.arity, operation.selecting)).encode())
    for function in functions:
        for part in _parts(function):
            crc = zlib.crc32(part, crc)
    return crc


def _parts(function: Callable[..., Any]) -> Iterator[bytes]:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):  # a function of C, a callable object
        yield _name_of(function).encode()
        return
    yield from _parts_of_code(code, function.__doc__)
    given = getattr(function, "__defaults__", None) or ()
    captured = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    for number in (*given, *captured):  # numbers are part of the rule; other objects only by their kind
        yield repr(number if isinstance(number, (int, float, str)) else type(number)).encode()


def _parts_of_code(code: CodeType, docstring: str | None) -> Iterator[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts_of_code(constant, None)
        elif docstring is None or constant != docstring:
            yield repr(constant).encode()
