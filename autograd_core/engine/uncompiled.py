"""The names of Cython that the engine's sources use: where they run as they stand, Cython is not needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def _same(thing: Any) -> Any:
    return thing


class _Cython(ModuleType):
    """What ``import cython`` gives: decorators and casts do nothing, types are `object`."""

    compiled = False
    cclass = cfunc = ccall = inline = final = no_gc = staticmethod(_same)

    def exceptval(self, *value: Any, check: bool = True) -> Any:
        return _same

    def declare(self, kind: Any = None, value: Any = None, **options: Any) -> Any:
        return value

    def cast(self, kind: Any, thing: Any) -> Any:
        return thing

    def pointer(self, kind: Any) -> Any:
        return object

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


@contextmanager
def standing_in_for_cython() -> Iterator[None]:
    """Within this context ``import cython`` gives the stand-in."""
    absent = ModuleType("absent")
    real = sys.modules.get("cython", absent)
    sys.modules["cython"] = _Cython("cython")
    try:
        yield
    finally:
        if real is absent:
            del sys.modules["cython"]
        else:
            sys.modules["cython"] = real
