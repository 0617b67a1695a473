"""Choose the compiled engine or its source, and keep the import paths of modules that have moved."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["MOVED", "keep_old_paths", "load_engine"]

MOVED = {
    "finite_differences": "checking.finite_differences",
    "gradient_report": "checking.report",
    "operations": "calculus.operations",
    "program": "programs.program",
    "pytest_plugin": "checking.pytest_plugin",
    "strategies": "checking.strategies",
    "value": "engine.value",
}


def load_engine() -> None:
    """Import `autograd_core.engine.value`: the compiled module, or its source where there is none.

    ``AUTOGRAD_UNCOMPILED=1`` in the environment asks for the source. Without a compiled module and without
    that wish, one warning tells the remedy.
    """
    if os.environ.get("AUTOGRAD_UNCOMPILED", "") not in ("", "0"):
        _load_source()
        return
    from .engine import value

    if not value.COMPILED:
        warnings.warn(
            "autograd_core runs uncompiled, some 30 times slower: install a C compiler (gcc, clang or MSVC) "
            "and reinstall with `pip install --force-reinstall --no-deps .`; "
            "AUTOGRAD_UNCOMPILED=1 silences this",
            RuntimeWarning,
            stacklevel=3,
        )


def _load_source() -> None:
    from . import engine

    name = f"{engine.__name__}.value"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "engine" / "value.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    vars(engine)["value"] = module  # as an import would
    spec.loader.exec_module(module)


class _OldPath(Loader):
    """Loads nothing: an old path gives the very module that has moved."""

    def __init__(self, home: str) -> None:
        self.home = home

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.home)
        self.spec = module.__spec__  # the import system is about to replace it
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _OldPaths(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != __package__ or name not in MOVED:
            return None
        return ModuleSpec(fullname, _OldPath(f"{package}.{MOVED[name]}"))


def keep_old_paths() -> None:
    """Let ``autograd_core.operations`` and the other documented paths lead to the modules' new places."""
    sys.meta_path.append(_OldPaths())
