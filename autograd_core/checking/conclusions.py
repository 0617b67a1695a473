"""What all windows together say: a slope, or a kink, a jump, an infinite slope, noise."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from autograd_core.checking.jumps import unseen
from autograd_core.checking.windows import (
    CONFIDENCE,
    EPSILON,
    LEVELS,
    TINY,
    Probe,
    Slope,
    Window,
    is_resolved,
    lowest_bit,
    whole_digits,
)

Behaviour = Literal["smooth", "kink", "jump", "boundary", "infinite", "noise", "non-finite"]

PAIRS = 16  # pairs of values whose mean decides between two slopes where one pair drowns in rounding
APART = 128.0  # roundings of f by which f(x) lies apart from its neighbours
SEEN = 1.0  # roundings of f by which two slopes must part to be told from each other
SCALES = 32  # at which another slope is looked for at most
RUN = 3  # neighbouring steps whose quotients must agree to show something narrower than larger steps
DIGIT = 2.0**-20  # relative width of steps that are more than the rounding of x to single precision
ESTIMATE = 10.0  # estimated errors that are a bound
STAIRS = 0.3  # relative difference of the slopes of a whole staircase at its largest steps


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
        unseen: a slope that f may have though its values show none; 0 where they show its slope, 0 or not.
        staircase: whether f, seen closely, is flat between steps: the slope is that of the whole staircase.
        jump: the size of the jumps between the pieces that f is made of, 0 where it bends only; None where it
            is not made of pieces.
        bounded: whether ``error`` is the bound ``unseen``, not an estimate.
        nearer: a slope that f shows at steps below those of ``value`` and that contradicts it: something
            narrower than those steps is at x; None where there is none.
        searched: whether steps of all scales were looked at.
        finest: the smallest step that gave the value.
    """

    value: float
    error: float
    behaviour: Behaviour
    left: Slope | None
    right: Slope | None
    step: float
    evaluations: int
    message: str = ""
    unseen: float = 0.0
    staircase: bool = False
    jump: float | None = None
    bounded: bool = False
    nearer: Slope | None = None
    searched: bool = False
    finest: float = 0.0


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
        finest=slope.finest,
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
    low, high = sorted((left.value, right.value))
    outside = max(low - fine.slope.value, fine.slope.value - high)
    if outside > CONFIDENCE * (fine.error + coarse.error):
        return True  # no slope at a kink lies outside those of both sides
    return spread(fine.window) < (high - low) / 4  # the kink lies beside x


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
    if lies_apart(probe, found):
        result = singular(probe, windows)
        return result if result.behaviour == "infinite" else replace(result, behaviour="jump", value=math.nan)
    window = found.window
    if found.slope is not None:
        stairs = staircase(probe, found.slope)
        if stairs is not None:
            return replace(report(probe, "smooth", stairs, window), staircase=True)
        bound, stepped = unseen(probe, found.slope)
        flat = flat_width(probe)
        shows = abs(found.slope.value) * flat > 64.0 * (probe.epsilon * abs(probe(0.0)) + TINY)
        if shows and flat > DIGIT * abs(probe.x):
            stepped = unseen(probe, Slope(0.0, probe.rounding(0.0) / flat, flat, flat))[1]
        error = max(found.slope.error, finer_error(probe, found.slope))
        slope = replace(found.slope, error=max(ESTIMATE * error, bound) if bound > error else error)
        window = replace(window, rounding=max(window.rounding, slope.error * window.step if bound else 0.0))
        behaviour: Behaviour = "smooth" if is_resolved(slope, window.rounding) else "noise"
        nearer = nearer_slope(probe, found.slope)
        result = replace(report(probe, behaviour, slope, window), bounded=bound > error, nearer=nearer)
        return replace(result, unseen=bound, staircase=stepped)
    left, right = sides(window)
    middle = Slope((left.value + right.value) / 2, left.error + right.error, window.step, left.finest)
    return replace(report(probe, "kink", middle, window), nearer=nearer_slope(probe, middle))


def lies_apart(probe: Probe, found: Finding) -> bool:
    """Whether f(x) lies apart from the values on a side, or in a cusp: central differences see neither.

    What the slope of a side leaves of ``f(x + h) - f(x)`` falls with h. Here it stays at the smallest steps,
    or ``f(x + h) - 2 f(x) + f(x - h)`` falls like a smaller power of h than 1 at the smallest that show it.
    """
    centre = probe(0.0)
    steps = sorted(h for h in probe.values if h > 0.0 and both_sides(probe.values, h))
    roundings = [probe.rounding(0.0, h, -h) for h in steps]
    slopes = [side.value for side in sides(found.window)] if found.slope is None else [found.slope.value] * 2
    near, chance = steps[:LEVELS], random.Random(LEVELS)
    for sign, slope in zip((-1.0, 1.0), slopes, strict=True) if len(near) == LEVELS else ():

        def rest(h: float, f: Callable[[float], float], sign: float = sign, slope: float = slope) -> float:
            return abs(f(sign * h) - centre - sign * h * slope)

        sizes = [rest(h, probe) for h in near]
        if min(size / rounding for size, rounding in zip(sizes, roundings, strict=False)) > APART:
            lengths = (near[-1] * chance.uniform(0.5, 1.0) for _ in range(PAIRS))  # noise is another at each
            sizes += [rest(whole_digits(probe.x, probe.epsilon, length), probe.fresh) for length in lengths]
            if max(sizes) < 1.2 * min(sizes):
                return True
    bends = [
        (h, abs((probe(h) - centre) + (probe(-h) - centre)), r) for h, r in zip(steps, roundings, strict=True)
    ]
    seen = [(h, size) for h, size, rounding in bends if size > 1e3 * rounding][:LEVELS]
    orders = [math.log(b / a) / math.log(k / h) for (h, a), (k, b) in itertools.pairwise(seen)]
    return len(seen) == LEVELS and min(orders) > 0.02 and max(orders) < min(0.98, min(orders) + 0.05)


def flat_width(probe: Probe) -> float:
    """The largest step up to which f has the value at x on both sides at all steps."""
    flat = 0.0
    for h in sorted(h for h in probe.values if h > 0.0 and -h in probe.values):
        if not probe(h) == probe(-h) == probe(0.0):
            break
        flat = h
    return flat


def staircase(probe: Probe, slope: Slope) -> Slope | None:
    """The slope of the whole staircase where f, seen closely, is flat on both sides; else None.

    f must be flat over steps whose change its rounding would let us see, and rise by about the same slope
    over larger ones.
    """
    centre, flat = probe(0.0), flat_width(probe)
    steps = sorted(h for h in probe.values if h > 0.0 and -h in probe.values)
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


def finer_error(probe: Probe, slope: Slope) -> float:
    """The error that all steps below those of the slope imply (see `later_error`)."""
    values = probe.values

    def deviation(h: float) -> float:
        return abs((values[h] - values[-h]) / (2 * h) - slope.value)

    finest = slope.finest
    truncation = 1.5 * deviation(finest) if both_sides(values, finest) else 0.0
    steps = [h for h in values if 0.0 < h < finest and both_sides(values, h)]
    return 2.0 * max(((deviation(h) - truncation * h / finest) * h / finest for h in steps), default=0.0)


def nearer_slope(probe: Probe, slope: Slope) -> Slope | None:
    """A slope on which `RUN` steps below those of another slope agree and which contradicts it, or None.

    Noise does not do that: its quotients grow like 1/h.
    """
    values = probe.values
    steps = sorted(h for h in values if 0.0 < h < slope.finest and both_sides(values, h))
    for start in range(len(steps) - RUN + 1):
        run = steps[start : start + RUN][::-1]
        if any(values[h] == values[-h] for h in run):
            continue  # f is flat here, or rounded
        quotients = [(values[h] - values[-h]) / (2 * h) for h in run]
        value, apart = quotients[0], max(quotients) - min(quotients)
        gap, rounding = abs(value - slope.value), probe.rounding(run[0], -run[0]) / run[0]
        explained = 8.0 * rounding + 10.0 * slope.error + 1e-9 * abs(slope.value)
        if gap > max(3.0 * apart, explained):
            return Slope(value, max(apart, rounding), run[0], run[-1])
    return None


def closest_slope(probe: Probe, found: Derivative, expected: float) -> Slope | None:
    """The slope at the smallest steps that can tell another expected slope from the one found; else None.

    None too where they tell that the found one is right. Means of many pairs reach where one pair drowns in
    rounding: a feature narrower than the steps is seen from a height of some roundings of f.
    """
    gap = abs(expected - found.value)
    step, chance = SEEN * probe.rounding(0.0) / gap, random.Random(PAIRS)
    least = max(64.0 * probe.epsilon * probe.scale, TINY)  # at x = 0 where f is 0 the step underflows
    growth = max(4.0, (found.finest / max(step, least)) ** (1.0 / SCALES))
    while least <= step < found.finest:
        lengths = [step * chance.uniform(0.7, 1.4) for _ in range(PAIRS)]
        pairs = {whole_digits(probe.x, probe.epsilon, length) for length in lengths}
        if len(pairs) < 2:  # the floats around x are too few
            step *= growth
            continue
        quotients = [(probe.fresh(h) - probe.fresh(-h)) / (2.0 * h) for h in sorted(pairs)]
        if not all(map(math.isfinite, quotients)):
            return None
        mean, error = statistics.fmean(quotients), statistics.stdev(quotients) / math.sqrt(len(quotients))
        if error <= gap / 6.0 and 2 * quotients.count(0.0) < len(quotients):  # 0: f is rounded away
            if abs(mean - found.value) <= gap / 3.0:
                return None
            if abs(mean - expected) <= gap / 3.0:
                return Slope(mean, gap / 3.0, step, step)
        step *= growth
    return None


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
