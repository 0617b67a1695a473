"""Pickles of earlier versions, with other attributes or classes: refused when they are loaded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from autograd_core import __version__
from nn.errors import StateError


def set_state(thing: Any, state: Mapping[str, Any]) -> None:
    """What ``__setstate__`` does: take the attributes, if all that this version needs are there.

    Raises:
        StateError: they are not.
    """
    kind: Any = type(thing)
    if lacking := sorted(_attributes(kind) - state.keys()):
        raise _refusal(f"this {kind.__name__}", f"it has no {', '.join(lacking)}")
    vars(thing).update(state)


def gone(module: str, *names: str) -> Callable[[str], Any]:
    """A module's ``__getattr__``: StateError for its classes that are gone, which pickles may hold."""

    def getattr_(name: str) -> Any:
        if name in names:
            raise _refusal(f"a {module}.{name}", "there is no such class now")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return getattr_


def _refusal(what: str, why: str) -> StateError:
    return StateError(
        f"{what} was pickled by an earlier version of autograd-core than {__version__}: {why}. Load it with "
        "the version that made it and keep the numbers (state_dict, nn.save), or make it anew"
    )


@functools.cache
def _attributes(kind: Any) -> frozenset[str]:
    """The attributes that an object of the class, or of the one of nn that it derives from, begins with."""
    ours = next(base for base in kind.__mro__ if base.__module__.startswith("nn."))
    begun = vars(ours(**({"lr": 1.0} if ours.__name__ == "Optimizer" else {})))
    return frozenset(begun) - {"_is_made"}  # which one that is being made does not have yet
