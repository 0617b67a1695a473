"""Where between two offsets a function jumps and by how much, and what slope flat pieces may hide."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from autograd_core.checking.windows import TINY, Probe, Slope

ROUNDS = 3  # of such divisions
ORDER = 8  # of the differences that show where f is least smooth
CELLS = 32  # into which the way to the largest step is divided to look for jumps
WITHIN = 2.0  # roundings of f within which two of its values are one
SHOWN = 0.1  # part of f's own steepness below which an error leaves no doubt about a slope of 0
MOST_COUNTED = 2.0**40
EMERGES = 32.0  # times `WITHIN` that f must change just beyond a flat piece that really ends there


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


def is_count(value: float) -> bool:
    """Whether a number is whole though it could be finer: what counts or compares has such, and slope 0."""
    return value.is_integer() and abs(value) < MOST_COUNTED


def unseen(probe: Probe, slope: Slope) -> tuple[float, bool]:
    """The slope that f may have though its values show none, and whether f is a staircase there.

    A slope of 0 is shown by a function that changes well above its rounding at the steps of the slope (at a
    minimum), by one that nowhere changes, and on a flat piece that ends in a kink or a single jump. It is not
    where f emerges slowly from its own rounding (sigmoid at 35), nor between the steps of a staircase.

    Returns:
        0 where the slope is known; else a bound of it.
    """
    centre = probe(0.0)
    noise = probe.noise if probe.noise > probe.grid else 0.0
    level = WITHIN * (probe.epsilon * abs(centre) + noise + TINY)
    steepness = max(abs(probe(sign * slope.finest) - centre) for sign in (-1.0, 1.0)) / slope.finest
    if abs(slope.value) > 4.0 * slope.error or 0.0 < slope.error <= SHOWN * steepness:
        return 0.0, False
    known = {**probe.values, **probe.far()}
    changed = [offset for offset, value in known.items() if abs(value - centre) > level]
    if not changed:
        return 0.0, False
    edge, flat = min(changed, key=abs), 0.0
    for _ in range(24):
        middle = flat + (edge - flat) / 2
        flat, edge = (flat, middle) if abs(probe.fresh(middle) - centre) > level else (middle, edge)
    beyond = [probe.fresh(edge * (1.0 + part)) for part in (2.0**-9, 2.0**-8, 0.125)]
    rise, levels = abs(beyond[0] - centre), {value for value in known.values() if math.isfinite(value)}
    if (
        beyond[0] == beyond[1]
        and rise > EMERGES * level
        and len(levels) > 2
        and not all(map(is_count, levels))
    ):
        return rise / abs(edge), True
    return (0.0 if abs(beyond[2] - centre) > EMERGES * level else level / abs(edge)), False
