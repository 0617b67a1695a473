"""Slopes over whole spans around a point, by other means than the windows: a second opinion.

The odd part of f at Chebyshev nodes is a series whose first terms are the slope and whose last ones are what
no polynomial explains: rounding, noise, jumps. Both together give the slope and an error that owes nothing to
the assumption that f is smooth below some step (L. N. Trefethen, "Approximation Theory and Approximation
Practice", 2013).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from autograd_core.checking.conclusions import ESTIMATE, Derivative
from autograd_core.checking.jumps import Seam, seam
from autograd_core.checking.windows import CONFIDENCE, Probe, Slope, Window, is_resolved

NODES = 12  # on each side
HUGE = 2.0**1000  # values of f whose products may overflow
FEW = 5  # of them that show a smooth f
SPANS = 24  # at most
BENT = 4.0 / ESTIMATE  # of a kink's half bend, which is a bound, in an estimated error
SHOWS = 8.0  # times its rounding that a kink shows
BESIDE = 0.937  # part of a step that is the second opinion's span
APART = 64.0  # parts of a span by which two jumps are told apart
MARGIN = 1.125  # times a span in which its seams are looked for: at an end a jump looks like a kink
OWN = 0.97  # part of x up to which seams are looked for
RING = 4.0  # times that one ring is larger than the one inside it
SEVERAL = 3  # of the jumps looked for that show that f is made of pieces
ROUNDED = 1.0 / 64.0  # part of f in another one: more is no rounding
ALIKE = 0.2  # binades by which the sizes of jumps may differ that are one last digit
COMMON = 1.0 / 16.0  # part of f in such a jump
WEAK = 1.0 / 512.0  # part of f's own steepness in a kink, or of f in a jump: more is no seam of a solver
GROSS = 1.0 / 128.0  # relative difference of slopes that no weak seam explains
TREND = 30.0  # times that the error of a trend is smaller than the slopes
CLOSE = 1e-4  # relative error of a span's slope that leaves no jump of weight
UNRESOLVED = 0.1  # relative error of a span's slope that tells nothing
TOLD = 1e-9  # relative error of a span's slope that settles what finer steps show
WIDE = 1.0 / 8.0  # part of the largest span at which a function is smooth and its rounding small
TELLING = 2.0**-10  # part of a difference in the error of a span in which no seam is that explains it


@functools.cache
def table(nodes: int) -> tuple[list[list[float]], list[tuple[list[float], float]]]:
    """The odd Chebyshev polynomials at the nodes, a row each, and the weights that tell a kink.

    Weighted, the even part gives half of a kink's bend, and 0 for ever more even powers; with their sizes.
    """
    odd = range(1, 2 * nodes, 2)
    rows = [[math.cos(k * i * math.pi / (4 * nodes)) for i in odd] for k in odd]
    basis: list[list[float]] = []
    weights = []
    for power in range(0, nodes + 2, 2):
        rest, bend = without([t**power for t in rows[0]], basis), without(rows[0], basis)
        basis.append([a / math.hypot(*rest) for a in rest])
        weights.append(([a / dot(bend, bend) for a in bend], 1.0 / math.hypot(*bend)))
    return rows, weights[2:]


def fitted(probe: Probe, span: float, doubted: bool = False, nodes: int = NODES) -> Slope:
    """The slope at x of the polynomial through f's values within a span, its error infinite if there is none.

    The number of terms is the one with the least estimated error: what the last half of the series makes of
    the terms used (three standard deviations), and the size of the next two. At a kink it is the mean of both
    sides' slopes.

    Args:
        probe: f.
        span: on each side of x.
        doubted: whether the error holds a kink that f's noise may hide, and not only one that shows.
        nodes: on each side.
    """
    rows, weights = table(nodes)
    pairs = [(probe.fresh(span * t) / 2.0, probe.fresh(-span * t) / 2.0) for t in rows[0]]
    best, slope, squares = Slope(0.0, math.inf, span, span), 0.0, 0
    if not all(abs(a) + abs(b) < HUGE for a, b in pairs):
        return best
    difference, even = [a - b for a, b in pairs], [a + b for a, b in pairs]
    series = [2.0 / nodes * dot(difference, row) for row in rows]
    rest = max(math.hypot(*series[nodes // 2 :]) / math.sqrt(nodes / 2), probe.rounding(0.0))
    noise = rest if doubted else -SHOWS * rest
    bend = BENT * max(min(abs(dot(even, row)) + noise * size for row, size in weights), 0.0)
    for i in range(nodes // 2):
        k = 2 * i + 1
        slope += (-k if i % 2 else k) * series[i]
        squares += k * k
        missing = (k + 2) * abs(series[i + 1]) + (k + 4) * abs(series[i + 2])
        error = (3.0 * rest * math.sqrt(squares) + missing + bend) / span
        if error < best.error:
            best = replace(best, value=slope / span, error=error)
    return best


def without(numbers: Sequence[float], basis: Sequence[Sequence[float]]) -> Sequence[float]:
    """What is left of numbers outside an orthonormal basis."""
    for other in [*basis, *basis]:
        part = dot(numbers, other)
        numbers = [a - part * b for a, b in zip(numbers, other, strict=True)]
    return numbers


def dot(numbers: Sequence[float], others: Sequence[float]) -> float:
    """The sum of products."""
    return math.fsum(a * b for a, b in zip(numbers, others, strict=True))


def steady(probe: Probe, slope: Slope, span: float) -> bool:
    """Whether f has the slope of finer steps over a whole span too, or shows at least no jump within it."""
    for nodes in (FEW, NODES):
        whole = fitted(probe, span, nodes=nodes)
        if whole.error <= CLOSE * abs(slope.value) and not whole.disagrees(slope):
            return True
    if whole.error <= UNRESOLVED * abs(slope.value) and whole.disagrees(slope):
        return False
    return math.isinf(whole.error) or not seam(probe, -span, span)


def second_opinion(
    probe: Probe, found: Derivative, windows: Sequence[Window], expected: float | None, slack: float
) -> Derivative:
    """A slope with what other steps make of it, where windows disagree or the expected slope does.

    The slope of the polynomial beside its steps must agree, or its error grows. Where larger spans do not
    confirm it and f jumps again and again by little, f is made of pieces, by rounding or a tolerance inside:
    the slope of one piece says nothing about that of what f stands for. The slope of the best span then comes
    first, and that of the piece is the nearer one.

    Args:
        probe: f.
        found: by the windows.
        windows: all of them.
        expected: the slope to compare with.
        slack: its absolute error.
    """
    gap = abs(found.value - expected) if expected is not None else 0.0
    doubted = gap > ESTIMATE * found.error + slack
    gross = gap > GROSS * max(abs(found.value), abs(expected or 0.0))
    if found.behaviour != "smooth" or (
        (gross or not doubted)
        and all(confirms(w, found) for w in windows if w.step > found.step and w.central)
    ):
        return found
    piece = Slope(found.value, found.error, found.step, found.finest)
    largest = 2.0 * windows[0].step
    wider = spans(probe, found.step, largest, doubted)
    settled = TELLING * gap if doubted else max(TOLD * abs(piece.value), ESTIMATE * piece.error)
    whole = next(wider)
    if doubted:
        beside = whole if settles(whole, piece, settled) else fitted(probe, found.finest / BESIDE, doubted)
        unexplained = abs(beside.value - piece.value) - beside.error
        found = replace(found, error=max(found.error, unexplained if beside.error <= settled else 0.0))
    trend = next((s for s in itertools.chain([whole], wider) if not settles(s, piece, settled)), None)
    if trend is None:
        return found
    span = trend.step
    if not doubted and math.isinf(trend.error):
        return found
    least = gap / ESTIMATE**2 if doubted and not gross else 0.0
    beyond = not doubted or span > RING * abs(probe.x)
    inward = largest if beyond else OWN * abs(probe.x)  # on the other side of 0 f may be another
    outward = math.copysign(1.0, probe.x)
    nearest = seam(probe, -outward * min(MARGIN * span, inward), outward * MARGIN * span, least)
    if not (doubted or nearest or is_exact(trend, piece) or is_exact(fitted(probe, WIDE * largest), piece)):
        return found
    narrower = [trend]
    for slope in wider:
        if slope.disagrees(trend):
            break
        trend, narrower = min(trend, slope, key=lambda slope: slope.error), [*narrower, trend]
    unexplained = max(abs(trend.value - slope.value) - slope.error for slope in narrower)
    trend = replace(trend, error=max(trend.error, unexplained))
    steepest = max(abs(trend.value), abs(piece.value))
    resolved = trend.error <= UNRESOLVED * steepest
    apart = doubted and resolved and abs(trend.value - (expected or 0.0)) > ESTIMATE * trend.error + slack
    if apart and gross:
        return found
    seams = seams_around(probe, span, inward, largest, nearest, least)
    if not seams if doubted else len(seams) < SEVERAL:
        return found
    small, weak = hiding(probe, seams, doubted, least > 0.0)
    if weak:
        most = GROSS * max(abs(piece.value), abs(expected or 0.0)) / ESTIMATE
        known = trend.error * TREND < steepest
        base = trend if known else replace(piece, error=0.0)
        trend = replace(
            base, error=base.error + min(hidden(small, base.step if known else piece.finest), most)
        )
    elif apart or not (small or (len(seams) == SEVERAL and is_exact(trend, piece))):
        return found
    elif not resolved:
        trend = replace(piece, error=hidden(small or seams, piece.finest))
    if doubted and abs(trend.value - (expected or 0.0)) > ESTIMATE * trend.error + slack:
        return found
    return replace(
        found,
        value=trend.value,
        error=trend.error,
        step=trend.step,
        finest=trend.finest,
        nearer=piece if (doubted or trend.disagrees(piece)) and not found.staircase else None,
        bounded=False,
        jump=max(s.size for s in seams),
    )


def hidden(seams: Sequence[Seam], span: float) -> float:
    """The slope that f may have beside that of a piece, or of a span, and that its seams hide."""
    return max(s.size / max(abs(s.way), span) + s.bend for s in seams)


def spans(probe: Probe, least: float, largest: float, doubted: bool) -> Iterator[Slope]:
    """The slopes over spans from one size to another."""
    span, growth = least * BESIDE, max(4.0, (largest / least) ** (1.0 / SPANS))
    while True:
        yield fitted(probe, span, doubted)
        span *= growth
        if span > largest:
            return


def settles(whole: Slope, piece: Slope, error: float) -> bool:
    """Whether the slope of a span is known to some error and is that of finer steps."""
    return whole.error <= error and not whole.disagrees(piece)


def is_exact(trend: Slope, piece: Slope) -> bool:
    """Whether larger spans agree on another slope so closely that it is f's, whatever is beside x.

    Where f has two digits left and fewer, its jumps are of any size.
    """
    return trend.error <= TOLD * abs(trend.value) and trend.disagrees(piece)


def seams_around(
    probe: Probe, span: float, inward: float, largest: float, first: Seam | None, least: float
) -> list[Seam]:
    """The first seam, if there is one, and others on both sides.

    Args:
        probe: f.
        span: where the first was looked for.
        inward: how far the others are looked for in the direction of 0.
        largest: how far in the other one.
        first: the seam within the span.
        least: change of slope of a kink that is looked for; 0 for jumps alone.
    """
    found, outward = [first] if first else [], math.copysign(1.0, probe.x)
    cut = (first.way - span / APART, first.way + span / APART) if first else (-span / RING, span / RING)
    rings = [(-outward * min(span, inward), cut[0] if outward > 0.0 else cut[1])]
    rings += [(cut[1] if outward > 0.0 else cut[0], outward * span)]
    rings = [ring for ring in rings if outward * (ring[1] - ring[0]) > 0.0]  # a seam at an end leaves none
    for low in (span, RING * span, RING * RING * span):
        for way, most in ((-outward, inward), (outward, largest)):
            rings += [(way * low, way * min(RING * low, most))] if low < most else []
    for low, high in rings:
        if len(found) == SEVERAL:
            break
        seen = seam(probe, low, high, least)
        if seen and all(abs(seen.way - s.way) > span / APART / 2 for s in found):
            found.append(seen)
    return found


def hiding(probe: Probe, seams: Sequence[Seam], doubted: bool, weak: bool) -> tuple[list[Seam], bool]:
    """The seams that may be the work of rounding or of a tolerance, and whether they are weak.

    Several jumps of one size, or of one and its double, that are a small part of f are the last digit of a
    number. Where the expected slope is not that of the piece, two small ones of other sizes are too, and so
    are weak seams if the slopes differ by little. A sawtooth, a counter, a hinge, a branch have a slope of
    their own.

    Args:
        probe: f.
        seams: of f.
        doubted: whether the expected slope is not that of the piece.
        weak: whether weak ones may explain the difference.
    """
    far = max(abs(probe.x), *(abs(s.way) for s in seams))
    around = [probe.fresh(far * t) - probe(0.0) for t in (-1.0, -0.5, 0.5, 1.0)]
    level = max([abs(probe(0.0)), *(abs(rise) for rise in around if math.isfinite(rise))])
    if weak:
        small = [s for s in seams if s.size <= WEAK * level and s.bend <= WEAK * level / far]
        if small:
            return small, True
    jumps = [s for s in seams if s.size]
    binades = [math.log2(s.size / jumps[0].size) for s in jumps]
    alike = len(jumps) == SEVERAL and max(abs(binade - round(binade)) for binade in binades) <= ALIKE
    small = [s for s in jumps if s.size <= level * (COMMON if alike else ROUNDED)]
    several = len(small) == SEVERAL and alike
    return (small if several or (doubted and len(small) > 1) else []), False


def confirms(window: Window, found: Derivative) -> bool:
    """Whether a window shows a slope without a doubt, and that found."""
    slope = window.smooth
    if slope is None or not is_resolved(slope, window.rounding):
        return False
    return abs(slope.value - found.value) <= CONFIDENCE * (slope.error + found.error)
