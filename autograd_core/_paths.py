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
MOVED = {
    f"{package}.{old}": new
    for package, moves in {
        "autograd_core": {
            "checked_function": "autograd_core.checking.subject",
            "checking_inputs": "autograd_core.checking.inputs",
            "codegen": "autograd_core.calculus.codegen",
            "difference_windows": "autograd_core.checking.windows",
            "flat": "autograd_core.engine.flat",
            "operation_checks": "autograd_core.checking.operations",
            "primitives": "autograd_core.calculus.primitives",
            "program_c": "autograd_core.programs.c_text",
            "program_graph": "autograd_core.programs.graph",
            "program_lanes": "autograd_core.programs.numpy_tape",
            "program_rows": "autograd_core.arrays",
            "program_training": "autograd_core.programs.batch_gradient",
            "symbols": "autograd_core.calculus.symbols",
            "verdicts": "autograd_core.checking.verdicts",
        },
        "nn": {
            "checkpoints": "nn.training.checkpoints",
            "estimator": "nn.estimator_base",
            "files": "autograd_core.files",
            "minibatch": "nn.training.minibatch",
            "optimizer": "nn.optimizer_base",
            "recording": "nn.training.recording",
            "run": "nn.training.run",
            "training.random_state": "nn.random_state",
            "training.snapshot": "nn.snapshot",
        },
    }.items()
    for old, new in moves.items()
}
"""Modules that stand elsewhere now: full names. Not offered as attributes, as those above are."""
_OURS = "autograd-core"


def _home_of(name: str) -> str | None:
    """The module that is meant by another name."""
    if name in MOVED:
        return MOVED[name]
    package, _, name = name.partition(".")
    head, dot, rest = name.partition(".")
    home = ALIASES.get(head) if package == __package__ else None
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
        home = _home_of(fullname)
        return None if home is None else ModuleSpec(fullname, _Alias(home))


def keep_paths() -> None:
    """Let the other names be imported. First in line: a search along the path of `nn` would make copies."""
    sys.meta_path.insert(0, _Aliases())
