"""Derivatives of plain float functions, each with an estimate of its own error.

A central difference ``(f(x + h) - f(x - h)) / 2h`` is wrong in two ways: by truncation, which falls with the
step ``h``, and by the rounding of ``f``, which grows as ``h`` falls. Richardson extrapolation over a row of
halved steps removes the truncation term by term; the disagreement between neighbouring entries of the table
measures what is left (C. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering
Software 4, 1982).

One row of steps is a *window*. A first, short window at the scale of ``x`` decides nearly always, together
with a pair of much finer steps that must not contradict it. Where it does not, windows of all scales are
measured, the noise of ``f`` is estimated, and everything together tells what is going on: a kink (the slopes
of both sides converge, to different numbers), a jump, an infinite slope, a domain that ends at ``x``, or
noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from autograd_core.checking.noise import noise_of
from autograd_core.checking.windows import (
    CONFIDENCE,
    EPSILON,
    LEVELS,
    OFFSETS,
    ROUNDING,
    TINY,
    Probe,
    Slope,
    Window,
    is_resolved,
    lowest_bit,
    measure,
    quantum,
)

__all__ = ["EPSILON", "Behaviour", "Derivative", "Slope", "derivative"]

Behaviour = Literal["smooth", "kink", "jump", "boundary", "infinite", "noise", "non-finite"]

STRIDE = 4  # binades between the windows that are tried
QUICK = 4  # steps of the first window
FINE = 8  # binades below the scale of x at which a short window is tried, where a kink lies close to x
CLOSEST = 22  # binades below it at which one value must agree as well
BUMP = 16.0  # times what rounding and curvature explain: something narrower than the steps is at x
FINER = 12  # binades below it at which a pair of values must agree with it
ACCURATE = 1e-9  # relative error at which the first window is enough
NEARLY = 1e-8  # relative error at which it is, where only the rounding of f keeps it from more
SHARP = 1e-7  # relative error at which the first window is enough for a small expected derivative
STAIRS = 0.3  # relative difference of the slopes of a whole staircase at its largest steps
ROUNDS = 3  # of such divisions
ORDER = 8  # of the differences that show where f is least smooth
SMALL = 1e-2  # part of a function's change that its jumps make where it stands for a smooth one
CELLS = 32  # into which the way to the largest step is divided to look for jumps
TELLING = 0.1  # an expected derivative is told from others when the error is below this part of it


@dataclass(frozen=True, slots=True)
class Derivative:
    """What finite differences say about ``f'(x)``.

    Attributes:
        value: the numeric derivative (the mean of both slopes at a kink; nan where there is none).
        error: the estimated absolute error of ``value``.
        behaviour: "smooth", "kink", "jump", "boundary" (f exists on one side of x only), "infinite" (the
            slope grows without bound), "noise" (f varies erratically, no slope can be told) or "non-finite"
            (f(x) is nan or infinite, or f exists at x alone).
        left: the slope from below and its error, where it was found.
        right: the slope from above and its error, where it was found.
        step: the largest step of the window that gave the value.
        evaluations: how often f was called.
        message: the exception that f raised nearby, if it raised one.
        rounding: how much of f's values its own rounding accounts for (generously); over ``step``, the slope
            that counts as zero.
        staircase: whether f, seen closely, is flat between steps: the slope is that of the whole staircase.
        coarse: a slope that f shows at larger steps and that the value contradicts; None where there is none.
        jumpiness: where the expected derivative is not the value: the size of a jump of f nearby, over its
            distance from x; 0 where none was found.
        bounded: whether f is flat here and its values stand on a coarse grid; ``error`` is then a bound: the
            slope that the grid can hide.
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
    coarse: Slope | None = None
    jumpiness: float = 0.0
    bounded: bool = False


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
    value: float | None = None,
    slack: float = 0.0,
    accurate: float = ACCURATE,
) -> Derivative:
    """Differentiate ``function`` at ``x`` numerically and estimate the error of the result.

    Args:
        function: a deterministic function of one float.
        x: where to differentiate; any scale.
        expected: an analytic derivative to compare with. Where the first estimate disagrees with it or cannot
            tell it from 0, every scale is looked at before anything is concluded.
        epsilon: relative rounding error of the function's values (2**-52 for floats).
        noise: absolute error that rounding inside the function adds to its values, where it is known.
        value: ``f(x)``, where it is known.
        slack: absolute error of the expected derivative itself.
        accurate: relative error of a short window with which the search ends, if nothing contradicts it.

    Returns:
        The derivative, its estimated error and the behaviour of the function at x.

    >>> import math
    >>> d = derivative(math.sin, 1.0)
    >>> abs(d.value - math.cos(1.0)) <= d.error < 1e-10
    True
    >>> derivative(abs, 0.0).behaviour
    'kink'
    """
    probe = Probe(function, x, epsilon, noise, accurate)
    if value is not None:
        probe.values[0.0] = value
    if not math.isfinite(probe(0.0)):
        return Derivative(math.nan, math.inf, "non-finite", None, None, 0.0, 1, probe.message)
    scales, start = exponents(x, epsilon)
    one = min(scales, key=lambda exponent: abs(exponent + 3))
    tried = [start] if start == one else [start, one]
    if expected is not None:
        tried += [(start + one) // 2] if abs(start - one) > FINE else [start - FINE]
    for exponent in tried:
        found = quick(probe, exponent, expected, slack)
        if found is not None:
            return found
        if contradicted(probe, exponent, expected, slack):  # at another scale 0 may hide in rounding
            break
    probe.grid = quantum(probe, [math.ldexp(1.0, start), 0.125, 1.0])
    scale = math.ldexp(1.0, start + 4)
    probe.noise = max(noise, probe.grid)
    probe.estimated = noise_of(probe.fresh, scale, epsilon, 8 * probe.rounding(0.0))
    found = conclude(probe, [measure(probe, exponent) for exponent in scales])
    if expected is None or abs(found.value - expected) <= CONFIDENCE * found.error + slack:
        return found
    return with_coarse(probe, found, scales, expected)


def quick(probe: Probe, exponent: int, expected: float | None, slack: float) -> Derivative | None:
    """The derivative from one short window and a finer pair, or None where they leave a doubt."""
    for levels in (QUICK, QUICK + 2):
        window = measure(probe, exponent, levels)
        slope = window.smooth
        if slope is None or window.left is None:
            return None
        if is_accurate(slope, window, probe):
            break
    else:
        return None
    if on_a_grid(probe):
        return None
    sharp = SHARP if probe.epsilon <= EPSILON else TELLING / 10.0
    reference = slope.value if expected is None else expected
    if reference != 0.0 and slope.error > sharp * abs(reference):
        return None
    if abs(reference - slope.value) > CONFIDENCE * slope.error + slack:
        return None
    h, last = probe.step(exponent - FINER), probe.step(exponent - QUICK + 1)
    deviation, before = (abs((probe(s) - probe(-s)) / (2 * s) - slope.value) for s in (h, last))
    truncation = before * (h / last) ** 2
    if not deviation <= CONFIDENCE * (slope.error + truncation + 2 * probe.rounding(h, -h) / h):
        return None
    if on_a_bump(probe, h, last) or not agrees_closely(probe, exponent, slope, last):
        return None
    noise = 2.0 * max(deviation - truncation, 0.0) * h / slope.finest  # what the finer pair sees of f's noise
    return report(probe, "smooth", replace(slope, error=max(slope.error, noise)), window)


def bend(probe: Probe, step: float) -> float:
    """``f(x + h) - 2 f(x) + f(x - h)``, which falls like h**2."""
    return (probe(step) - probe(0.0)) + (probe(-step) - probe(0.0))


def on_a_bump(probe: Probe, fine: float, coarse: float) -> bool:
    """Whether f(x) lies beside the curve through its neighbours: then something narrower is at x."""
    left = abs(bend(probe, fine) - bend(probe, coarse) * (fine / coarse) ** 2)
    noise = 4.0 * probe.rounding(0.0, fine) + abs(bend(probe, coarse)) * (fine / coarse) ** 2
    return left > BUMP * noise


def agrees_closely(probe: Probe, exponent: int, slope: Slope, last: float) -> bool:
    """Whether one value much closer to x does not contradict the slope either."""
    h = probe.step(exponent - CLOSEST)
    curved = abs(bend(probe, last)) / last * (h / last)
    allowed = slope.error + curved + 2 * probe.rounding(0.0, h) / h
    return abs((probe(h) - probe(0.0)) / h - slope.value) <= BUMP * allowed


def contradicted(probe: Probe, exponent: int, expected: float | None, slack: float) -> bool:
    """Whether the first window knows the slope well, and it is not the expected one."""
    window = measure(probe, exponent, QUICK)
    slope = window.smooth
    if expected is None or slope is None or not is_accurate(slope, window, probe):
        return False
    return abs(expected - slope.value) > CONFIDENCE * slope.error + slack


def on_a_grid(probe: Probe) -> bool:
    """Whether f's values have far fewer digits than floats have: f rounds inside.

    Where all values known so far are one, f is constant here, or flat between two steps of its grid: values
    farther away tell.
    """
    values = list(probe.values.values())
    if len(set(values)) == 1:
        values += far_values(probe)
    return coarse_grid(probe, values) > 0.0


def far_values(probe: Probe) -> list[float]:
    """Values of f at points as far away as the steps of its coarsest window, and of the next."""
    far = math.ldexp(4.0, max(math.frexp(probe.x)[1], 0))
    return [probe.fresh(far * offset / part) for offset, part in zip(OFFSETS, (1, 16, 1, 16), strict=True)]


def coarse_grid(probe: Probe, values: Iterable[float]) -> float:
    """The lowest digit among values of f, where all of them have far fewer digits than floats; else 0.

    A function of whole numbers counts or compares something: it has no other digits to lose.
    """
    numbers = {value for value in values if value and math.isfinite(value)}
    if not numbers - {probe(0.0)}:
        return 0.0
    unused = min(lowest_bit(value) / math.ulp(value) for value in numbers)
    grid = min(map(lowest_bit, numbers))
    return grid if unused > 2.0**12 * probe.epsilon / EPSILON and grid != 1.0 else 0.0


def is_accurate(slope: Slope, window: Window, probe: Probe) -> bool:
    """Whether no other window needs to be tried."""
    if window.left is None or window.right is None:
        return False
    if not (is_resolved(window.left, window.rounding) and is_resolved(window.right, window.rounding)):
        return False  # an even function's central differences are 0 whatever the step
    size = abs(slope.value)
    if slope.error <= max(probe.accurate, 1e3 * probe.epsilon) * size:
        return True
    at_rounding = slope.error <= 64 * (window.rounding / ROUNDING + probe.noise) / window.step
    return at_rounding and (window.step >= 2.0**-6 or slope.error <= NEARLY * size)


def with_coarse(probe: Probe, found: Derivative, scales: Sequence[int], expected: float) -> Derivative:
    """Note when larger steps show the expected derivative that the smallest contradict, and jumps of f.

    Either the expected derivative forgets an oscillation of f, or f is made of pieces (a solver that stops
    early, rounding inside): then the slope of a piece is not the slope of what f stands for.
    """
    difference = abs(found.value - expected)
    if found.behaviour != "smooth":
        return found
    coarse = None
    for exponent in scales:
        slope = measure(probe, exponent).smooth
        if slope is None or slope.step <= found.step or slope.error > TELLING * abs(expected):
            continue
        contradicts = abs(slope.value - found.value) > CONFIDENCE * (slope.error + found.error)
        if contradicts and abs(slope.value - expected) <= CONFIDENCE * slope.error:
            coarse = slope
            break
    if coarse is None and difference > TELLING * max(abs(expected), abs(found.value)):
        return found
    largest = coarse.step if coarse is not None else probe.step(max(scales))
    ways = [sign * largest / part for part in (1, 16, 256) for sign in (1, -1)]
    small = SMALL * max(abs(found.value), abs(expected))
    return replace(
        found,
        coarse=coarse,
        jumpiness=max((size for far in ways if (size := jump(probe, far)) <= small), default=0.0),
    )


def jump(probe: Probe, far: float) -> float:
    """The size of a jump of f between x and x + far over its distance from x; 0 where none is found.

    The cell in which f is least smooth is divided anew, a few times, then halved until two floats are left.
    """
    low, high, slope, steepest = 0.0, far, 0.0, 0.0
    for _ in range(ROUNDS):
        cells = [low + (high - low) * i / CELLS for i in range(CELLS + 1)]
        points = [probe.fresh(offset) for offset in cells]
        if not all(map(math.isfinite, points)):
            return 0.0
        rough = differences(points, ORDER)
        if max(map(abs, rough)) <= 4 * 2**ORDER * (
            probe.epsilon * max(map(abs, points)) + probe.noise + TINY
        ):
            return 0.0
        cell = max(range(len(rough)), key=lambda i: abs(rough[i])) + ORDER // 2
        slope = (points[cell - 1] - points[cell - 3]) / (cells[cell - 1] - cells[cell - 3])
        steepest = max(abs(b - a) for a, b in itertools.pairwise(points)) / abs(cells[1] - cells[0])
        low, high = cells[cell - 1], cells[cell + 1]
    return jump_between(probe, low, high, slope, steepest)


def differences(numbers: Sequence[float], order: int) -> list[float]:
    """Differences of some order."""
    found = list(numbers)
    for _ in range(order):
        found = [b - a for a, b in itertools.pairwise(found)]
    return found


def jump_between(probe: Probe, low: float, high: float, slope: float, steepest: float) -> float:
    """The size of a jump between two offsets over its distance from x; 0 where there is none.

    Args:
        probe: f.
        low: an offset.
        high: another.
        slope: of f beside the jump.
        steepest: the steepest slope seen around it, the jump's own included.
    """
    left, right = probe.fresh(low), probe.fresh(high)
    sizes = []
    for _ in range(100):
        offset = low + (high - low) / 2
        if probe.x + offset in (probe.x + low, probe.x + high):
            break
        middle = probe.fresh(offset)
        if not math.isfinite(middle):
            return 0.0
        trend = slope * (high - low) / 2
        if abs(middle - left - trend) > abs(right - middle - trend):
            high, right = offset, middle
        else:
            low, left = offset, middle
        sizes.append(abs(right - left))
    size = abs(right - left)
    if len(sizes) < 10 or size < 0.9 * sizes[-10]:  # it falls with the distance: a steep slope
        return 0.0
    rounding = probe.epsilon * max(abs(left), abs(right)) + probe.noise + TINY
    return size / abs(high) if size > 64 * (rounding + steepest * abs(high - low)) else 0.0


def report(probe: Probe, behaviour: Behaviour, slope: Slope, window: Window) -> Derivative:
    """Pack a result."""
    return Derivative(
        slope.value,
        slope.error,
        behaviour,
        window.left,
        window.right,
        slope.step,
        probe.evaluations,
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

    def held_to(self, finer: Finding) -> Finding:
        """The finding, with what a finer window's error leaves unexplained of their difference as its error.

        The finer window sees less truncation and, with its own rounding accounted for, knows better.
        """
        if self.slope is None or finer.slope is None:
            return self
        unexplained = abs(self.slope.value - finer.slope.value) - finer.slope.error
        return replace(self, slope=replace(self.slope, error=max(self.slope.error, unexplained)))


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
            best = min(best.held_to(fine), fine, key=lambda finding: finding.error)
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
        stairs = staircase(probe, found.slope)
        if stairs is not None:
            return replace(report(probe, "smooth", stairs, window), staircase=True)
        bound = hidden_by_grid(probe, found.slope)
        error = max(found.slope.error, finer_error(probe, found.slope))
        slope = replace(found.slope, error=max(error, bound))
        window = replace(window, rounding=max(window.rounding, bound * window.step))
        behaviour: Behaviour = "smooth" if is_resolved(slope, window.rounding) else "noise"
        return replace(report(probe, behaviour, slope, window), bounded=bound > error)
    left, right = sides(window)
    middle = Slope((left.value + right.value) / 2, left.error + right.error, window.step, left.finest)
    return report(probe, "kink", middle, window)


def staircase(probe: Probe, slope: Slope) -> Slope | None:
    """The slope of the whole staircase where f, seen closely, is flat on both sides; else None.

    f must be flat over steps whose change its rounding would let us see, and rise by about the same slope
    over larger ones.
    """
    centre = probe(0.0)
    steps = sorted(h for h in probe.values if h > 0.0 and -h in probe.values)
    flat = 0.0
    for h in steps:
        if probe(h) != centre or probe(-h) != centre:
            break
        flat = h
    largest = [h for h in steps if math.isfinite(probe(h)) and math.isfinite(probe(-h))][-3:]
    if not flat or len(largest) < 3 or largest[0] <= flat:
        return None
    slopes = [sign * (probe(sign * h) - centre) / h for h in largest for sign in (-1.0, 1.0)]
    whole = [(probe(h) - probe(-h)) / (2 * h) for h in largest]
    rise, apart = whole[-1], max(whole) - min(whole)
    if not rise or apart > STAIRS * abs(rise) or max(slopes) - min(slopes) > 2 * STAIRS * abs(rise):
        return None
    visible = abs(rise) * flat > 1e3 * (probe.epsilon * abs(centre) + TINY)
    found = slope if slope.value else Slope(rise, apart + probe.grid / largest[-1], largest[-1], largest[0])
    return found if visible or probe.grid else None


def hidden_by_grid(probe: Probe, slope: Slope) -> float:
    """The slope that f may have where it looks flat because its values stand on a coarse grid; else 0."""
    centre, flat = probe(0.0), 0.0
    if slope.value != 0.0:
        return 0.0
    for h in sorted(h for h in probe.values if h > 0.0):
        if not probe(h) == centre == probe(-h):
            break
        flat = h
    return coarse_grid(probe, probe.values.values()) / (2 * flat) if flat else 0.0


def finer_error(probe: Probe, slope: Slope) -> float:
    """The error that all steps below those of the slope imply (see `later_error`)."""
    values = probe.values

    def deviation(h: float) -> float:
        return abs((values[h] - values[-h]) / (2 * h) - slope.value)

    finest = slope.finest
    truncation = 1.5 * deviation(finest) if both_sides(values, finest) else 0.0
    steps = [h for h in values if 0.0 < h < finest and both_sides(values, h)]
    return 2.0 * max(((deviation(h) - truncation * h / finest) * h / finest for h in steps), default=0.0)


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
    steps = [h for h in sorted(probe.values, reverse=True) if 0.0 < h <= windows[-1].step][:LEVELS]
    changes = [abs(probe(sign * h) - probe(0.0)) for h in steps]
    if not all(map(math.isfinite, changes[-4:])):
        return "outside"
    if not all(map(math.isfinite, changes)) or min(changes) <= 1e3 * probe.rounding(0.0):
        return "finite" if max(changes) == 0.0 else "noise"
    orders = [
        math.log(a / b) / math.log(h / k)
        for (a, b), (h, k) in zip(itertools.pairwise(changes), itertools.pairwise(steps), strict=True)
    ]
    if max(orders) - min(orders) > 0.05:
        return "noise"
    order = math.fsum(orders) / len(orders)
    if order < 0.02:
        return "jump"
    if order < 0.98:
        return "infinite"
    return "flat" if order > 1.02 else "finite"
