"""Saddle and particle: gradient descent on functions that differentiate within.

Each function is `ag.jit` of a loop that runs until a condition on the data holds: there is a recording for
each number of trips.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_core as ag

from .common import Function

__all__ = ["PARTICLE", "SADDLE"]


def gradient(f: Callable[..., Any], mode: str) -> Callable[[Any], Any]:
    """The gradient of a function of a list: by reverse mode, or by forward mode along each axis."""
    if mode == "r":
        return ag.grad(f)

    def forward(x: Any) -> Any:
        axes = [[float(i == k) for i in range(len(x))] for k in range(len(x))]
        return [ag.jvp(f, (x,), (axis,))[1] for axis in axes]

    return forward


def argmin(f: Callable[[Any], Any], slope: Callable[[Any], Any], x: Any) -> Any:
    """GradBench's gradient descent (its gd.hpp), step by step."""
    value, g = f(x), slope(x)
    trips, rate = 0, 1e-5
    while True:
        if ag.sqrt(ag.dot(g, g)) <= 1e-5:
            return x
        if trips == 10:
            rate, trips = rate * 2.0, 0
            continue
        moved = [a - rate * b for a, b in zip(x, g, strict=True)]
        away = [a - b for a, b in zip(x, moved, strict=True)]
        if ag.sqrt(ag.dot(away, away)) <= 1e-5:
            return x
        found = f(moved)
        if found < value:
            x, value, g, trips = moved, found, slope(moved), trips + 1
        else:
            rate, trips = rate / 2.0, 0


def argmax(f: Callable[[Any], Any], slope: Callable[[Any], Any], x: Any) -> Any:
    """The point where a function is largest."""
    return argmin(lambda y: -f(y), lambda y: [-a for a in slope(y)], x)


def outer(f: Any, mode: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """A function of a list, jitted, and its gradient."""
    jitted = ag.jit(f)
    if mode == "r":
        return jitted, lambda x: jitted.grad(x).tolist()

    def forward(x: Any) -> Any:
        row, axes = np.array([x]), np.eye(len(x))[:, None]
        return jitted.program(x).jvp(row, axes)[1][:, 0].tolist()

    return jitted, forward


# --- saddle -----------------------------------------------------------------------------------------------


def height(x: Any, y: Any) -> Any:
    """The function whose saddle point is looked for."""
    return ag.dot(x, x) - ag.dot(y, y)


def highest(x: Any, mode: str, start: Any) -> Any:
    """Where the function of y is largest for this x."""

    def f(y: Any) -> Any:
        return height(x, y)

    return argmax(f, gradient(f, mode), start)


@functools.cache
def _saddle(modes: str, start: tuple[float, ...]) -> Any:
    begin = list(start)
    return outer(lambda x: height(x, highest(x, modes[1], begin)), modes[0])


def _point(given: Any) -> Any:
    modes, start, (f, slope) = given
    x = argmin(f, slope, start)
    return [*x, *highest(x, modes[0], start)]


# --- particle ---------------------------------------------------------------------------------------------


def potential(x: Any, w: Any) -> Any:
    """That of the two charges at a point."""
    total: Any = 0.0
    for charge in ([10.0, 10.0 - w], [10.0, 0.0]):
        away = [a - b for a, b in zip(x, charge, strict=True)]
        total = total + 1.0 / ag.sqrt(ag.dot(away, away))
    return total


def miss(w: Any, mode: str) -> Any:
    """The squared distance from the origin at which the particle crosses the axis, by Euler's method."""
    x: Any
    v: Any
    x, v, step = [0.0, 8.0], [0.75, 0.0], 1e-1
    slope = gradient(lambda at: potential(at, w[0]), mode)
    while True:
        force = slope(x)
        new = [a + step * b for a, b in zip(x, v, strict=True)]
        if new[1] <= 0.0:
            crossed = new[0] - new[1] / v[1] * v[0]
            return crossed * crossed
        x, v = new, [a - step * b for a, b in zip(v, force, strict=True)]


@functools.cache
def _particle(modes: str) -> Any:
    return outer(lambda w: miss(w, modes[1]), modes[0])


def _warm(work: Callable[[Any], Any], given: Any) -> Any:
    work(given)  # every trip count is recorded here
    return given


def _functions(prepare: Callable[[str, Any], Any], work: Callable[[Any], Any]) -> dict[str, Function]:
    def prepared(modes: str) -> Callable[[Any], Any]:
        return lambda given: _warm(work, prepare(modes, given))

    return {modes: Function(prepared(modes), work, lambda found: found) for modes in ("rr", "rf", "fr", "ff")}


def _start(modes: str, given: Any) -> tuple[str, Sequence[float], Any]:
    return modes, given["start"], _saddle(modes, tuple(given["start"]))


SADDLE = _functions(_start, _point)
PARTICLE = _functions(
    lambda modes, given: (given["w"], _particle(modes)), lambda p: argmin(p[1][0], p[1][1], [p[0]])[0]
)
