"""What the adapters share: the functions of a problem, and Programs recorded once for a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag

__all__ = ["Function", "both", "one_row", "recorded"]


class Function(NamedTuple):
    """One function of a problem.

    Attributes:
        prepare: input -> what the work takes; timed apart. Programs are recorded here, once for a shape.
        work: what is timed.
        answer: result -> JSON; not timed.
    """

    prepare: Callable[[Any], Any]
    work: Callable[[Any], Any]
    answer: Callable[[Any], Any]


_recorded: dict[Any, ag.Program] = {}


def recorded(key: Any, f: Callable[..., Any], *examples: Any) -> ag.Program:
    """Return the Program for a shape, recorded when it is first wanted."""
    if key not in _recorded:
        _recorded[key] = ag.record(f, *examples)
    return _recorded[key]


def both(
    program_of: Callable[[Any], tuple[ag.Program, tuple[Any, ...]]], wrt: Any = 0
) -> dict[str, Function]:
    """The value of a function, and its gradient, of one row."""
    return {
        "primal": Function(program_of, lambda p: p[0](*p[1]), lambda y: float(y[0])),
        "gradient": Function(
            program_of,
            lambda p: p[0].value_and_grad(*p[1], wrt=wrt)[1],
            lambda g: np.asarray(g)[0].ravel().tolist(),
        ),
    }


def one_row(numbers: Any) -> Any:
    """Return an argument as a batch of one row."""
    return np.array(numbers, dtype=float)[None]
