"""Where between two offsets a function jumps and by how much, and what slope flat pieces may hide."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograd_core.checking.windows import TINY, Probe, Slope

ROUNDS = 6  # of such divisions
FALLS = 0.3  # by more than which it falls from one to the next at a kink
SMOOTH = 0.15  # by more than which it falls where f is smooth
BENDS = 0.04, 0.11  # as what part of it is left after two divisions at a kink: 1 / 16, about
STAYS = 0.7  # the same at a jump, at least
GROWS = 2.5  # by more than which it grows, again and again, at a pole
RAMP = 18.5  # times that such a difference of a kink is its change of slope over a cell
OTHER = 2, 29  # cells between which others are tried
EDGE = 8.0  # times that a difference of a kink is smaller near the end of the row
STEP = 35.0  # the same of a jump
CLEAR = 4.0  # times that a cell's change is larger than that of others
ORDER = 8  # of the differences that show where f is least smooth
FLOATS = 2.0**12  # of x in a cell that is not divided anew
CELLS = 32  # into which the way to the largest step is divided to look for jumps
WITHIN = 2.0  # roundings of f within which two of its values are one
SHOWN = 0.1  # part of f's own steepness below which an error leaves no doubt about a slope of 0
STANDS_OUT = 64.0  # roundings of f in a jump
MOST_COUNTED = 2.0**40
STAIRS = 32.0  # first stairs up to whose height steeper ones are looked for
EMERGES = 32.0  # times `WITHIN` that f must change just beyond a flat piece that really ends there


@dataclass(frozen=True, slots=True)
class Seam:
    """Where two pieces of f meet.

    Attributes:
        way: its offset from x.
        size: by how much f jumps there.
        bend: by how much its slope changes there, where f does not jump.
    """

    way: float
    size: float
    bend: float = 0.0


def seam(probe: Probe, low: float, high: float, least: float = 0.0) -> Seam | None:
    """Where f is least smooth between two offsets; None where it is smooth.

    The cells around which f is least smooth are divided anew until one of them stands out; that is halved
    until two floats are left. From one division to the next a high difference stays as it is at a jump,
    falls like the cells' width at a kink, and far faster where f is smooth.

    Args:
        probe: f.
        low: an offset.
        high: another.
        least: change of slope from which kinks are looked for too, and jumps that are seen less closely; 0
            for none.
    """
    before, falls, grows = math.inf, -1, 0
    sizes: list[float] = []
    for _ in range(ROUNDS):
        cells = [low + (high - low) * i / CELLS for i in range(CELLS + 1)]
        points = list(itertools.takewhile(math.isfinite, map(probe.fresh, cells)))
        if len(points) <= CELLS or is_smooth(points, least * abs(cells[1] - cells[0])):
            return None
        rough = [abs(difference) for difference in differences(points, ORDER)]
        largest = max(rough)
        falls = falls + 1 if largest < FALLS * before else 0
        steepest = max(map(abs, differences(points, 1))) / abs(cells[1] - cells[0])
        rounding = probe.epsilon * max(map(abs, points)) + probe.noise + TINY + steepest * math.ulp(probe.x)
        if largest <= 4 * 2**ORDER * rounding:
            if before < math.inf:
                return None
            before, low, high = rounding, cells[OTHER[0]], cells[OTHER[1]]  # stairs may have the cells' width
            continue
        grows = grows + 1 if largest > GROWS * before else 0  # once, where cells and stairs have one period
        if grows == 2 or (before < math.inf and largest < SMOOTH * before):
            return None
        before = largest
        bends = differences(points, 2)
        *_, third, second, first = sorted(range(len(bends)), key=lambda i: abs(bends[i]))
        kinked = abs(bends[first]) > CLEAR * abs(bends[third]) and bends[first] * bends[second] >= 0.0
        kinked = kinked and 0 < first < len(bends) - 1  # at an end a jump looks like a kink
        middle = max(range(len(rough)), key=rough.__getitem__) + ORDER // 2
        if (kinked or falls == 1) and not least:
            return None
        sizes.append(largest)
        if len(sizes) > 2 and BENDS[0] < largest / sizes[-3] < BENDS[1]:
            return Seam(cells[middle], 0.0, largest / (RAMP * abs(cells[1] - cells[0])))
        if abs(first - second) == 1 and abs(bends[second]) > CLEAR * abs(bends[third]) and not kinked:
            cell = max(first, second)  # a jump inside bends f at both its ends
            slope = (points[cell] - points[cell - 1]) / (cells[cell] - cells[cell - 1])
            steepest = abs((points[cell + 1] - points[cell]) / (cells[1] - cells[0]))
            found = jump_between(probe, cells[cell], cells[cell + 1], slope, steepest)
            if found or len(sizes) > 1:
                return found  # else a cell may have two jumps
        low, high = cells[middle - ORDER // 2], cells[middle + ORDER // 2]
        if abs(high - low) < FLOATS * math.ulp(probe.x):
            return None
    stays = len(sizes) > 2 and largest > STAYS * sizes[-3]  # fewer where f drowns in rounding
    return Seam(cells[middle], largest / STEP) if least and stays else None


def is_smooth(points: Sequence[float], bend: float) -> bool:
    """Whether differences of some order are too small for a kink that changes f by so much over a cell."""
    found = points
    for order in range(1, ORDER + 3 if bend else 0):
        found = differences(found, 1)
        if order > 2 and max(map(abs, found)) < bend * math.comb(order - 2, order // 2 - 1) / EDGE:
            return True
    return False


def differences(numbers: Sequence[float], order: int) -> list[float]:
    """Differences of some order."""
    found = list(numbers)
    for _ in range(order):
        found = [b - a for a, b in itertools.pairwise(found)]
    return found


def jump_between(probe: Probe, low: float, high: float, slope: float, steepest: float) -> Seam | None:
    """The jump between two offsets; None where there is none.

    Args:
        probe: f.
        low: an offset.
        high: another.
        slope: of f beside the jump.
        steepest: the steepest slope seen around it, the jump's own included.
    """
    left, right = probe(low), probe(high)
    sizes = []
    for _ in range(100):
        offset = low + (high - low) / 2
        if probe.x + offset in (probe.x + low, probe.x + high):
            break
        middle = probe.fresh(offset)
        if not math.isfinite(middle):
            return None
        trend = slope * (high - low) / 2
        if abs(middle - left - trend) > abs(right - middle - trend):
            high, right = offset, middle
        else:
            low, left = offset, middle
        sizes.append(abs(right - left - slope * (high - low)))
        if len(sizes) > 4 and sizes[-1] < 0.3 * sizes[-5]:  # it falls with the distance: a steep slope
            return None
    size = abs(right - left)
    if len(sizes) < 4 or size < 0.3 * sizes[-10:][0]:  # it may be spread over a few floats
        return None
    rounding = probe.epsilon * max(abs(left), abs(right)) + probe.noise + TINY
    return Seam(high, size) if size > STANDS_OUT * (rounding + steepest * abs(high - low)) else None


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
    beyond = [probe.fresh(edge * (1.0 + part)) for part in (0.0, 2.0**-9, 2.0**-8, 0.125)]
    near, levels = set(beyond[1:]), {value for value in known.values() if math.isfinite(value)}
    rise = max(abs(value - centre) for value in beyond[:3])
    if (
        len(near | {centre}) < 4  # f stays at its next level, or comes back
        and rise > EMERGES * level
        and len(levels) > 2
        and not all(map(is_count, levels))
    ):
        stairs = [(abs(known[way] - centre), abs(way)) for way in changed]
        return max([rise / abs(edge), *(up / way for up, way in stairs if up < STAIRS * rise)]), True
    return (0.0 if abs(beyond[3] - centre) > EMERGES * level else max(level, rise) / abs(edge)), False
