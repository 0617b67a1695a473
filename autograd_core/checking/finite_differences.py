"""Derivatives of plain float functions, each with an estimate of its own error.

A central difference ``(f(x + h) - f(x - h)) / 2h`` is wrong in two ways: by truncation, which falls with the
step ``h``, and by the rounding of ``f``, which grows as ``h`` falls. Richardson extrapolation over a row of
halved steps removes the truncation term by term; the disagreement between neighbouring entries of the table
measures what is left (C. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering
Software 4, 1982).

One row of steps is a *window*. Every step is a power of two, so that ``x + h`` and ``x - h`` are exact.
Windows are tried from the scale of ``x`` outwards until one is accurate; where none is, all of them together
tell what is going on: a kink (the slopes of both sides converge, to different numbers), a jump, an infinite
slope, a domain that ends at ``x``, or noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from autograd_core.checking.windows import (
    CONFIDENCE,
    EPSILON,
    LEVELS,
    ROUNDING,
    Probe,
    Slope,
    Window,
    is_resolved,
    measure,
    quantum,
)

__all__ = ["EPSILON", "Behaviour", "Derivative", "Slope", "derivative"]

Behaviour = Literal["smooth", "kink", "jump", "boundary", "infinite", "noise", "non-finite"]

STRIDE = 4  # binades between the windows that are tried
ACCURATE = 1e-10  # relative error at which the search for a better window stops


@dataclass(frozen=True, slots=True)
class Derivative:
    """What finite differences say about ``f'(x)``.

    Attributes:
        value: the numeric derivative (the mean of both slopes at a kink; nan where there is none).
        error: the estimated absolute error of ``value``.
        behaviour: "smooth", "kink", "jump", "boundary" (f exists on one side of x only), "infinite" (the
        slope grows
            without bound), "noise" (f varies erratically, no slope can be told) or "non-finite" (f(x) is nan
            or infinite).
        left: the slope from below and its error, where it was found.
        right: the slope from above and its error, where it was found.
        step: the largest step of the window that gave the value.
        staircase: whether f, seen closely, is flat between steps: the slope is that of the whole staircase.
        rounding: how much of f's values its own rounding accounts for (generously); over ``step``, the slope
        that counts
            as zero.
        evaluations: how often f was called.
        message: the exception that f raised nearby, if it raised one.
    """

    value: float
    error: float
    behaviour: Behaviour
    left: Slope | None
    right: Slope | None
    step: float
    evaluations: int
    message: str = ""
    rounding: float = 0.0
    staircase: bool = False


def exponents(x: float, epsilon: float) -> tuple[list[int], int]:
    """Exponents of the windows to try, coarse to fine, and the one to begin with (the scale of x)."""
    own = math.frexp(x)[1] if x else 0
    digits = round(-math.log2(epsilon))
    finest = own - digits + LEVELS + 2 if x else -digits - 8
    coarsest = min(max(own, 0) + 2, 1020)
    start = own - 4
    below = list(range(start, max(finest, -1060), -STRIDE)) or [start]
    above = list(range(start + STRIDE, coarsest, STRIDE))
    return above[::-1] + below, start


def derivative(
    function: Callable[[float], float],
    x: float,
    *,
    expected: float | None = None,
    epsilon: float = EPSILON,
    noise: float = 0.0,
) -> Derivative:
    """Differentiate ``function`` at ``x`` numerically and estimate the error of the result.

    Args:
        function: a deterministic function of one float.
        x: where to differentiate; any scale.
        expected: an analytic derivative to compare with. Where the first accurate estimate disagrees with it,
        every scale
            is looked at before anything is concluded.
        epsilon: relative rounding error of the function's values (2**-52 for floats).
        noise: absolute error that rounding inside the function adds to its values, where it is known.

    Returns:
        The derivative, its estimated error and the behaviour of the function at x.

    >>> import math
    >>> d = derivative(math.sin, 1.0)
    >>> abs(d.value - math.cos(1.0)) <= d.error < 1e-10
    True
    >>> derivative(abs, 0.0).behaviour
    'kink'
    """
    probe = Probe(function, x, epsilon, noise)
    if not math.isfinite(probe(0.0)):
        return Derivative(math.nan, math.inf, "non-finite", None, None, 0.0, 1, probe.message)
    scales, start = exponents(x, epsilon)
    probe.grid = quantum(probe, [math.ldexp(1.0, start), 0.125, 1.0])
    probe.noise = max(noise, probe.grid)
    windows: dict[int, Window] = {}
    doubted = False
    for exponent in search_order(scales, start):
        window = windows[exponent] = measure(probe, exponent)
        found = window.smooth
        if doubted or found is None or not is_accurate(found, window, epsilon):
            continue
        if expected is None or abs(found.value - expected) <= CONFIDENCE * found.error:
            return report(probe, "smooth", found, window)
        doubted = True
    return conclude(probe, [windows[exponent] for exponent in scales])


def search_order(scales: Sequence[int], start: int) -> Iterator[int]:
    """The scale of x first, then the scale of 1, then the others from coarse to fine."""
    one = min(scales, key=lambda exponent: abs(exponent + 3))
    yield start
    if one != start:
        yield one
    yield from (exponent for exponent in scales if exponent not in (start, one))


def is_accurate(slope: Slope, window: Window, epsilon: float) -> bool:
    """Whether no other window needs to be tried."""
    if window.left is None or window.right is None:
        return False
    if not (is_resolved(window.left, window.rounding) and is_resolved(window.right, window.rounding)):
        return False  # an even function's central differences are 0 whatever the step
    at_rounding = slope.error <= 16 * window.rounding / ROUNDING / window.step
    return slope.error <= max(ACCURATE, 1e3 * epsilon) * abs(slope.value) or (
        at_rounding and window.step >= 2.0**-6
    )


def report(probe: Probe, behaviour: Behaviour, slope: Slope, window: Window) -> Derivative:
    """Pack a result."""
    return Derivative(
        slope.value,
        slope.error,
        behaviour,
        window.left,
        window.right,
        slope.step,
        len(probe.values),
        probe.message,
        window.rounding,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """What one window says: a slope, or (when ``slope`` is None) the two slopes of a kink."""

    window: Window
    slope: Slope | None

    @property
    def error(self) -> float:
        """The largest error among the slopes found."""
        if self.slope is not None:
            return self.slope.error
        return max(side.error for side in sides(self.window))


def find(window: Window, kinks: Sequence[Window]) -> Finding | None:
    """What the window says, or None when nothing in it converged to three digits.

    A kink counts when a second window shows it: one alone may be noise.
    """
    if window.kinked:
        return Finding(window, None) if any(k is not window and same_kink(k, window) for k in kinks) else None
    slope = window.smooth
    return Finding(window, slope) if slope and is_resolved(slope, window.rounding) else None


def overrules(fine: Finding, coarse: Finding) -> bool:
    """Whether the finer window shows a feature of f that the coarser one looked past."""
    if fine.slope is None:
        return coarse.slope is not None or not same_kink(fine.window, coarse.window)
    if coarse.slope is not None:
        return fine.slope.value != 0.0 and fine.slope.disagrees(coarse.slope)  # 0.0: stairs of a rounded f
    left, right = sides(coarse.window)
    return spread(fine.window) < abs(left.value - right.value) / 4  # the kink lies beside x


def spread(window: Window) -> float:
    """How far apart both one-sided slopes may be."""
    if window.left is None or window.right is None:
        return math.inf
    apart = abs(window.left.value - window.right.value)
    return apart + CONFIDENCE * (window.left.error + window.right.error)


def sides(window: Window) -> tuple[Slope, Slope]:
    """Both one-sided slopes of a window known to have them."""
    if window.left is None or window.right is None:
        raise AssertionError("a kinked window has two slopes")
    return window.left, window.right


def same_kink(a: Window, b: Window) -> bool:
    """Whether two windows show the same pair of slopes."""
    return not any(one.disagrees(other) for one, other in zip(sides(a), sides(b), strict=True))


def agree(a: Finding, b: Finding) -> bool:
    """Whether two windows found the same."""
    if a.slope is None or b.slope is None:
        return a.slope is b.slope and same_kink(a.window, b.window)
    return not a.slope.disagrees(b.slope)


def best_finding(windows: Sequence[Window]) -> Finding | None:
    """The finding with the least error among those that no finer window overrules.

    Only what two windows show overrules a coarser one: noise can look like a feature once.
    """
    kinks = [window for window in windows if window.kinked]
    findings = [found for window in windows if (found := find(window, kinks)) is not None]
    best: Finding | None = None
    for index, fine in enumerate(findings):
        if best is None or confirmed(fine, best, findings[index + 1 :]):
            best = fine
        elif agree(fine, best):
            best = min(best, fine, key=lambda finding: finding.error)
    return best


def confirmed(fine: Finding, coarse: Finding, finer: Sequence[Finding]) -> bool:
    """Whether a finding and a still finer one agree that the coarse one looked past a feature of f."""
    return overrules(fine, coarse) and any(agree(fine, f) and overrules(f, coarse) for f in finer)


def conclude(probe: Probe, windows: Sequence[Window]) -> Derivative:
    """Say what all windows together, coarse to fine, tell about the function."""
    found = best_finding(windows)
    if found is None:
        return singular(probe, windows)
    window = found.window
    if found.slope is not None:
        slope = replace(found.slope, error=max(found.slope.error, finer_error(probe, found.slope)))
        found_it = report(probe, "smooth" if is_resolved(slope, window.rounding) else "noise", slope, window)
        return replace(found_it, staircase=is_staircase(probe, slope, windows))
    left, right = sides(window)
    middle = Slope((left.value + right.value) / 2, left.error + right.error, window.step, left.finest)
    return report(probe, "kink", middle, window)


def is_staircase(probe: Probe, slope: Slope, windows: Sequence[Window]) -> bool:
    """Whether f is flat in the two finest windows although its rounding would let the slope show there."""
    largest = windows[-2].step
    centre = probe(0.0)
    if any(value != centre for h, value in probe.values.items() if abs(h) <= largest):
        return False
    return bool(probe.grid) or abs(slope.value) * largest > 1e3 * probe.rounding(0.0)


def finer_error(probe: Probe, slope: Slope) -> float:
    """The error that all steps below those of the slope imply (see `later_error`)."""
    values = probe.values

    def deviation(h: float) -> float:
        return abs((values[h] - values[-h]) / (2 * h) - slope.value)

    finest = slope.finest
    truncation = 1.5 * deviation(finest) if both_sides(values, finest) else 0.0
    steps = [h for h in values if 0.0 < h < finest and both_sides(values, h)]
    return 2.0 * max(
        ((deviation(h) - truncation * (h / finest) ** 2) * h / finest for h in steps), default=0.0
    )


def both_sides(values: Mapping[float, float], step: float) -> bool:
    """Whether f is known and finite on both sides at this step."""
    return math.isfinite(values.get(step, math.nan)) and math.isfinite(values.get(-step, math.nan))


def singular(probe: Probe, windows: Sequence[Window]) -> Derivative:
    """Name what keeps f from having a slope: a jump, an infinite slope, the end of its domain, or noise."""
    left, right = side_behaviour(probe, windows, -1.0), side_behaviour(probe, windows, 1.0)
    finest = windows[-1]
    nothing = Slope(math.nan, math.inf, finest.step, finest.step)
    if left == right == "outside":
        return report(probe, "non-finite", nothing, finest)
    if "jump" in (left, right):
        return report(probe, "jump", nothing, finest)
    if "infinite" in (left, right):
        sign = 1.0 if right == "infinite" else -1.0
        change = probe(sign * finest.step) - probe(0.0)
        infinite = replace(nothing, value=math.copysign(math.inf, change * sign))
        return report(probe, "infinite", infinite, finest)
    if "outside" in (left, right):
        sign = -1.0 if right == "outside" else 1.0
        slope = best_side(windows, sign < 0)
        if slope is None and "flat" in (left, right):
            slope = replace(
                nothing, value=0.0, error=abs(probe(sign * finest.step) - probe(0.0)) / finest.step
            )
        if slope is not None:
            side = Window(slope.step, 0.0, None, *((slope, None) if right == "outside" else (None, slope)))
            return report(probe, "boundary", slope, side)
    window = min(windows, key=lambda w: w.central.error if w.central else math.inf)
    return report(probe, "noise", window.central or nothing, window)


def best_side(windows: Sequence[Window], left: bool) -> Slope | None:
    """The one-sided slope with the least error among all windows, if one is resolved."""
    sides = [(window.left if left else window.right, window.rounding) for window in windows]
    resolved = [slope for slope, rounding in sides if slope and is_resolved(slope, rounding)]
    return min(resolved, key=lambda slope: slope.error, default=None)


def side_behaviour(
    probe: Probe, windows: Sequence[Window], sign: float
) -> Literal["outside", "jump", "infinite", "finite", "flat", "noise"]:
    """How ``f(x + h) - f(x)`` falls with h: not at all (a jump), like a root of h, like h, or faster."""
    exponent = math.frexp(windows[-1].step)[1] - 1
    steps = [math.ldexp(1.0, exponent - level) for level in range(LEVELS)]
    changes = [abs(probe(sign * h) - probe(0.0)) for h in steps]
    if not all(map(math.isfinite, changes[-4:])):
        return "outside"
    if not all(map(math.isfinite, changes)) or min(changes) <= 1e3 * probe.rounding(0.0):
        return "finite" if max(changes) == 0.0 else "noise"
    orders = [math.log2(a / b) for a, b in itertools.pairwise(changes)]
    if max(orders) - min(orders) > 0.05:
        return "noise"
    order = math.fsum(orders) / len(orders)
    if order < 0.02:
        return "jump"
    if order < 0.98:
        return "infinite"
    return "flat" if order > 1.02 else "finite"
