"""Whose code is it: Python's, that of a package which was installed, ours, or a user's?"""

from __future__ import annotations

import functools
import os
import sys
from types import FunctionType, ModuleType
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = [os.path.join(_ROOT, package) for package in ("autograd_core", "nn", "viz")]
_FOLDERS = tuple(os.path.join(folder, "") for folder in (os.path.dirname(os.__file__), *_OURS))


def library_of(thing: Any) -> str:
    """The name of the library that a function, class or module belongs to; "" if it is a user's.

    It is told by the place of the file: a user's own `queue.py` is not Python's.

    >>> import json
    >>> library_of(json.dumps), library_of(type("Mine", (), {"__module__": "__main__"}))
    ('json', '')
    """
    is_module = isinstance(thing, ModuleType)
    name = str(getattr(thing, "__name__" if is_module else "__module__", ""))
    module = thing if is_module else sys.modules.get(name)
    if module is None or name == "__main__":
        return ""
    if isinstance(thing, FunctionType):
        names = thing.__globals__
        if getattr(sys.modules.get(str(names.get("__name__"))), "__dict__", None) is not names:
            return ""  # as in a doctest, which runs in a copy of a library's names
    return _library(name.partition(".")[0], str(getattr(module, "__file__", None) or ""))


@functools.lru_cache(maxsize=4096)
def _library(name: str, file: str) -> str:
    if not file:  # built into Python, or made by hand
        return name if name in sys.stdlib_module_names else ""
    return name if file.startswith(_FOLDERS) or any(folder in file for folder in _INSTALLED) else ""


def of_a_library(thing: Any) -> bool:
    """Is it a function, class or module of Python, of a package that was installed, or ours?"""
    return bool(library_of(thing))
