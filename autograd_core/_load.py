"""Choose the compiled engine or its source."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from pathlib import Path

__all__ = ["load_engine"]


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
