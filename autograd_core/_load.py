"""Choose the compiled engine or its source."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from importlib.machinery import ExtensionFileLoader

# Each imports from those before it.
ENGINE = ("value", "nary", "methods", "sweep", "modes", "derivatives", "flat")
REMEDY = (
    "install a C compiler (gcc, clang or MSVC) and reinstall with "
    "`pip install --force-reinstall --no-deps .`; "
    "AUTOGRAD_UNCOMPILED=1 silences this"
)


def load_engine() -> None:
    """Import the modules of the engine: the compiled ones, or the sources of all where one is missing.

    ``AUTOGRAD_UNCOMPILED=1`` in the environment asks for the sources, and in a browser there is nothing else.
    Otherwise one warning tells why the engine runs uncompiled, and the remedy.
    """
    wanted = os.environ.get("AUTOGRAD_UNCOMPILED", "") not in ("", "0") or sys.platform == "emscripten"
    why = "" if wanted else _load_compiled()
    if wanted or why:
        _load_sources()
    _know_older_pickles()
    if why:
        warnings.warn(
            f"autograd_core runs uncompiled, some 30 times slower, because {why}: {REMEDY}",
            RuntimeWarning,
            stacklevel=3,
        )


def _load_compiled() -> str:
    """Import the compiled modules; return why that cannot be, or nothing."""
    names = [f"{__package__}.engine.{name}" for name in ENGINE]
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or not isinstance(spec.loader, ExtensionFileLoader):
            return f"{name} was not compiled when the package was installed"
    try:
        for name in names:
            importlib.import_module(name)
    except Exception as error:  # a library that is missing, another version of Python or of the C library
        for loaded in names:
            sys.modules.pop(loaded, None)
        return f"the compiled module {name} cannot be loaded ({type(error).__name__}: {error})"
    return ""


class _Older:
    """What a pickle of version 0.1 asks for."""

    def __new__(cls, *args: object) -> _Older:
        import pickle

        raise pickle.UnpicklingError(
            "this pickle was made by autograd-core 0.1, and this version does not read it: load it with that "
            "version and keep the numbers there (state_dict, nn.save)"
        )


def _know_older_pickles() -> None:
    """Let older pickles find what they ask for by name: a scope, or an error that tells their version."""
    from .engine import modes, value

    vars(modes)["__pyx_unpickle_scope"] = lambda kind, checksum, state: kind.__new__(kind)
    for name in ("restore_leaf", "restore_graph", "scope"):
        vars(value).setdefault(name, _Older)


def _load_sources() -> None:
    from . import engine
    from .engine.uncompiled import standing_in_for_cython

    with standing_in_for_cython():
        for short in ENGINE:
            name = f"{engine.__name__}.{short}"
            spec = importlib.util.spec_from_file_location(
                name, os.path.join(os.path.dirname(__file__), "engine", f"{short}.py")
            )
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            vars(engine)[short] = module  # as an import would
            spec.loader.exec_module(module)
