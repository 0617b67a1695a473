"""Names of a package that are imported when they are first asked for, so that importing it stays quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(
    package: str, names: Mapping[str, str], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__`` that import what is asked for.

    Args:
        package: the package's name.
        names: for each of its modules, the names that the package offers of it, with blanks between.
        modules: more modules that are attributes of the package.
    """
    homes = {name: module for module, offered in names.items() for name in offered.split()}
    space = vars(sys.modules[package])

    def getattr_(name: str) -> Any:
        if name in homes:
            found = getattr(import_module(f".{homes[name]}", package), name)
        elif name in names or name in modules:
            found = import_module(f".{name}", package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        space[name] = found
        return found

    def dir_() -> list[str]:
        return sorted({*space, *homes})

    return getattr_, dir_
