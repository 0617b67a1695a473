"""Where between two offsets a function jumps, and by how much."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from autograd_core.checking.windows import TINY, Probe

ROUNDS = 3  # of such divisions
ORDER = 8  # of the differences that show where f is least smooth
CELLS = 32  # into which the way to the largest step is divided to look for jumps


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
