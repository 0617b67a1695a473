"""Pickles of earlier versions, whose objects have other attributes: refused when they are loaded."""

from __future__ import annotations

import functools
from collections.abc import Mapping
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
        raise StateError(
            f"this {kind.__name__} was pickled by an earlier version of autograd-core than "
            f"{__version__}: it has no {', '.join(lacking)}. Load it with the version that made it "
            "and keep the numbers (state_dict, nn.save), or make it anew"
        )
    vars(thing).update(state)


@functools.cache
def _attributes(kind: Any) -> frozenset[str]:
    """The attributes that an object of the class, or of the one of nn that it derives from, begins with."""
    ours = next(base for base in kind.__mro__ if base.__module__.startswith("nn."))
    begun = vars(ours(**({"lr": 1.0} if ours.__name__ == "Optimizer" else {})))
    return frozenset(begun) - {"_is_made"}  # which one that is being made does not have yet
