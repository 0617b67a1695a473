"""Other names of modules: import paths of those that have moved, ``autograd_core.nn``, ``autograd_core.viz``.

The packages `nn` and `viz` have short names that other distributions use too. ``autograd_core.nn`` and
``autograd_core.viz`` are the same modules, and say so when a foreign package stands in their place.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc imports files, random numbers and compressions

ALIASES = {
    "finite_differences": "autograd_core.checking.finite_differences",
    "gradient_report": "autograd_core.checking.report",
    "nn": "nn",
    "operations": "autograd_core.calculus.operations",
    "program": "autograd_core.programs.program",
    "pytest_plugin": "autograd_core.checking.pytest_plugin",
    "strategies": "autograd_core.checking.strategies",
    "value": "autograd_core.engine.value",
    "viz": "viz",
}
_OURS = "autograd-core"


def _home_of(name: str) -> str | None:
    """The module that ``autograd_core.<name>`` is another name of."""
    head, dot, rest = name.partition(".")
    home = ALIASES.get(head)
    return None if home is None else home + dot + rest


def _import_home(home: str) -> ModuleType:
    module = importlib.import_module(home)
    package = sys.modules[home.partition(".")[0]]
    if package.__name__ in ("nn", "viz") and getattr(package, "__distribution__", "") != _OURS:
        name, place = package.__name__, getattr(package, "__file__", None)
        raise ImportError(
            f"the package {name!r} at {place} is not the one of autograd-core: another distribution or file "
            "of that name stands before it or has overwritten it. Rename the file, or uninstall the other "
            "distribution and run `pip install --force-reinstall --no-deps autograd-core`",
            name=name,
        )
    return module


class _Alias(Loader):
    """Loads nothing: another name gives the very module."""

    def __init__(self, home: str) -> None:
        self.home = home

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _import_home(self.home)
        self.spec = module.__spec__  # the import system is about to replace it
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _Aliases:
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        home = _home_of(name) if package == __package__ else None
        return None if home is None else ModuleSpec(fullname, _Alias(home))


def keep_paths() -> None:
    """Let the other names be imported. First in line: a search along the path of `nn` would make copies."""
    sys.meta_path.insert(0, _Aliases())
