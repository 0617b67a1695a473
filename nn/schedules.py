"""Schedules: the learning rate epsilon_k of the k-th update, k = 0, 1, 2, ...

A schedule is a pure function of the number of updates already made, so a resumed run needs nothing but that
number. `nn.fit` asks for the rates of an epoch at its start where the code of a schedule names plain numbers,
arithmetic, `math`, NumPy and functions of this kind alone, and changes nothing. Any other is asked before
each update, when the Values are up to date, and the optimizer's rule runs on arrays. One epoch is
ceil(examples / batch_size) updates.

    >>> rate = WarmUp(StepDecay(0.1, every=100, factor=0.5), steps=10, start=0.0)
    >>> rate(0), rate(5), rate(10), rate(110)
    (0.0, 0.05, 0.1, 0.05)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nn.arguments import number, refuse_class

__all__ = [
    "ByEpoch",
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "schedule_of",
]

Schedule = Callable[[int], float]


_RATE = "a learning rate"


@dataclass(frozen=True)
class Constant:
    """epsilon_k = rate.

    Args:
        rate: the learning rate, >= 0.

    Example:
        >>> Constant(0.1)(1000)
        0.1
    """

    rate: float

    def __post_init__(self) -> None:
        number(_RATE, self.rate, "[0, inf)")

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        return self.rate


@dataclass(frozen=True)
class StepDecay:
    """epsilon_k = rate * factor^floor(k / every).

    Args:
        rate: the first rate, >= 0.
        every: updates from one fall to the next, >= 1.
        factor: what the rate is multiplied by at each.

    Example:
        >>> rate = StepDecay(0.1, every=100, factor=0.5)
        >>> rate(99), rate(100)
        (0.1, 0.05)
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        number(_RATE, self.rate, "[0, inf)")
        number("every", self.every, "[1, inf)")
        number("factor", self.factor, "[0, inf)")

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        return float(self.rate * self.factor ** (k // self.every))


@dataclass(frozen=True)
class ExponentialDecay:
    """epsilon_k = rate * factor^k.

    Args:
        rate: the first rate, >= 0.
        factor: what it is multiplied by after each update.

    Example:
        >>> ExponentialDecay(1.0, 0.5)(3)
        0.125
    """

    rate: float
    factor: float

    def __post_init__(self) -> None:
        number(_RATE, self.rate, "[0, inf)")
        number("factor", self.factor, "[0, inf)")

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        return float(self.rate * self.factor**k)


@dataclass(frozen=True)
class _Decay:
    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        number(_RATE, self.rate, "[0, inf)")
        number(_RATE, self.final, "[0, inf)")
        number("steps", self.steps, "[1, inf)")


@dataclass(frozen=True)
class LinearDecay(_Decay):
    """epsilon_k = (1 - a) rate + a final, a = min(k / steps, 1) (Goodfellow et al. 2016, equation 8.14).

    Args:
        rate: the first rate, >= 0.
        steps: the updates until `final` is reached, >= 1.
        final: the last rate, >= 0.

    Example:
        >>> LinearDecay(1.0, steps=4)(1)
        0.75
    """

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        a = min(k / self.steps, 1.0)
        return (1.0 - a) * self.rate + a * self.final


@dataclass(frozen=True)
class CosineDecay(_Decay):
    """epsilon_k = final + (rate - final) (1 + cos(pi k / steps)) / 2, then stays at `final`.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017 (without restarts).

    Args:
        rate: see `LinearDecay`.
        steps: see `LinearDecay`.
        final: see `LinearDecay`.

    Example:
        >>> round(CosineDecay(1.0, steps=10)(5), 12)
        0.5
    """

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        angle = math.pi * min(k / self.steps, 1.0)
        return self.final + (self.rate - self.final) * (1.0 + math.cos(angle)) / 2.0


@dataclass(frozen=True)
class WarmUp:
    """Climb in a straight line from `start` times the first rate of `then` to all of it, then follow `then`.

    Goyal et al., "Accurate, large minibatch SGD", 2017.

    Args:
        then: the schedule that follows, or a rate; its k counts from the end of the climb.
        steps: the updates of the climb, >= 1.
        start: the share of the first rate to begin with.

    Example:
        >>> rate = WarmUp(Constant(1.0), steps=4, start=0.0)
        >>> rate(1), rate(9)
        (0.25, 1.0)
    """

    then: Schedule
    steps: int
    start: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "then", schedule_of(self.then))
        number("start", self.start, "[0, inf)")
        number("steps", self.steps, "[1, inf)")

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        if k >= self.steps:
            return self.then(k - self.steps)
        return self.then(0) * (self.start + (1.0 - self.start) * k / self.steps)


@dataclass(frozen=True)
class ByEpoch:
    """Let a schedule count epochs instead of updates: epsilon_k = then(floor(k / updates)).

    Args:
        then: a schedule whose k is the number of epochs that are over.
        updates: the updates in an epoch, ceil(examples / batch_size).

    Example:
        >>> rate = ByEpoch(StepDecay(1.0, every=1, factor=0.5), updates=10)
        >>> rate(9), rate(10)
        (1.0, 0.5)
    """

    then: Schedule
    updates: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "then", schedule_of(self.then))
        number("updates", self.updates, "[1, inf)")

    def __call__(self, k: int) -> float:
        """The rate after k updates."""
        return self.then(k // self.updates)


def schedule_of(rate: float | Schedule) -> Schedule:
    """The schedule itself, or a constant one for a number.

    Raises:
        InputError: the number is negative, infinite or not a number.
    """
    refuse_class("a schedule", rate)
    if callable(rate):
        return rate
    return Constant(float(number(_RATE, rate, "[0, inf)")))


def rate_at(schedule: Schedule, k: int) -> float:
    """The rate after k updates, looked at: a schedule of one's own may return anything.

    Raises:
        InputError: it is negative, infinite or not a number.
    """
    try:
        rate = schedule(k)
    except OverflowError:  # of a power
        rate = math.inf
    if type(rate) is not float or not 0.0 <= rate < math.inf:
        number(f"a learning rate (from {schedule!r} after {k} updates)", rate, "[0, inf)")
    return float(rate)


def rates_of(schedule: Schedule, first: int, count: int) -> list[float]:
    """The rates of so many updates from the `first` on."""
    if type(schedule) is Constant:
        return [schedule.rate] * count
    return [rate_at(schedule, k) for k in range(first, first + count)]


SCHEDULES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Constant, StepDecay, ExponentialDecay, LinearDecay, CosineDecay, WarmUp, ByEpoch)
}
"""The schedules of this module, by name."""
