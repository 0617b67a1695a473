"""Slopes over whole spans around a point, by other means than the windows: a second opinion.

The odd part of f at Chebyshev nodes is a series whose first terms are the slope and whose last ones are what
no polynomial explains: rounding, noise, jumps. Both together give the slope and an error that owes nothing to
the assumption that f is smooth below some step (L. N. Trefethen, "Approximation Theory and Approximation
Practice", 2013).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from autograd_core.checking.conclusions import ESTIMATE, Derivative
from autograd_core.checking.jumps import jump
from autograd_core.checking.windows import CONFIDENCE, Probe, Slope, Window, is_resolved

NODES = 12  # on each side
ODD = tuple(2 * i + 1 for i in range(NODES))
TABLE = [[math.cos(k * i * math.pi / (4 * NODES)) for i in ODD] for k in ODD]
EVEN = [[math.cos((k + 1) * i * math.pi / (4 * NODES)) for i in ODD] for k in ODD]
LOPSIDED = 8.0  # times that the last even terms are larger than the odd ones where there is a kink
SPANS = 24  # at most
BESIDE = 0.937  # part of a step that is the second opinion's span
APART = 64.0  # parts of a span by which two jumps are told apart
RING = 4.0  # times that one ring is larger than the one inside it
SEVERAL = 3  # of the jumps looked for that show that f is made of pieces
ROUNDED = 1.0 / 64.0  # part of f in another one: more is no rounding
ALIKE = 0.2  # binades by which the sizes of jumps may differ that are one last digit
COMMON = 1.0 / 16.0  # part of f in such a jump
GROSS = 1e-2  # relative difference of slopes that no estimate of an error explains where all windows agree
UNRESOLVED = 0.1  # relative error of a span's slope that tells nothing
TOLD = 1e-9  # relative error of a span's slope that settles what finer steps show
WIDE = 1.0 / 8.0  # part of the largest span at which a function is smooth and its rounding small
TELLING = 1.0 / 16.0  # part of a difference in an error that tells which of the two slopes is right


def fitted(probe: Probe, span: float) -> Slope:
    """The slope at x of the polynomial through f's values within a span, its error infinite if there is none.

    The number of terms is the one with the least estimated error: what the last half of the series makes of
    the terms used (three standard deviations), and the size of the next two.
    """
    pairs = [(probe.fresh(span * t) / 2.0, probe.fresh(-span * t) / 2.0) for t in TABLE[0]]
    best, slope, squares = Slope(0.0, math.inf, span, span), 0.0, 0
    if not all(math.isfinite(b - a) for a, b in pairs):
        return best
    series = expansion([a - b for a, b in pairs], TABLE)
    even = expansion([a + b for a, b in pairs], EVEN)
    rest = max(size_of(series), probe.rounding(0.0))
    if not size_of(even) <= LOPSIDED * rest:
        return best  # a kink: the odd part is that of both sides' mean
    for i, k in enumerate(ODD[: NODES // 2]):
        slope += (-k if i % 2 else k) * series[i]
        squares += k * k
        missing = ODD[i + 1] * abs(series[i + 1]) + ODD[i + 2] * abs(series[i + 2])
        error = (3.0 * rest * math.sqrt(squares) + missing) / span
        if error < best.error:
            best = replace(best, value=slope / span, error=error)
    return best


def steady(probe: Probe, slope: Slope, span: float) -> bool:
    """Whether f has the slope of finer steps over a whole span too, or shows at least no jump within it."""
    whole = fitted(probe, span)
    if whole.error <= UNRESOLVED * abs(slope.value):
        return not whole.disagrees(slope) and (
            whole.error <= max(TOLD * abs(slope.value), slope.error) or not jump(probe, -span, span)
        )
    return math.isinf(whole.error) or not jump(probe, -span, span)


def expansion(values: Sequence[float], table: Sequence[Sequence[float]]) -> list[float]:
    """The terms of the series through values at the nodes."""
    return [2.0 / NODES * math.fsum(a * t for a, t in zip(values, row, strict=True)) for row in table]


def size_of(series: Sequence[float]) -> float:
    """The size of a term among the last ones."""
    return math.hypot(*series[NODES // 2 :]) / math.sqrt(NODES / 2)


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
    confirmed = all(confirms(w, found) for w in windows if w.step > found.step and w.central)
    gross = gap > GROSS * max(abs(found.value), abs(expected or 0.0))
    if found.behaviour != "smooth" or (confirmed and (gross or not doubted)):
        return found
    piece = Slope(found.value, found.error, found.step, found.finest)
    largest = 2.0 * windows[0].step
    wider = spans(probe, found.step, largest)
    settled = max(TOLD * abs(piece.value), ESTIMATE * piece.error)
    settled = min(settled, TELLING * gap) if doubted else settled
    whole = next(wider)
    if doubted:
        beside = whole if settles(whole, piece, settled) else fitted(probe, found.finest / BESIDE)
        unexplained = abs(beside.value - piece.value) - beside.error
        found = replace(found, error=max(found.error, unexplained if beside.error <= settled else 0.0))
    trend = next((s for s in itertools.chain([whole], wider) if not settles(s, piece, settled)), None)
    if trend is None:
        return found
    span = trend.step
    if not doubted and math.isinf(trend.error):
        return found
    nearest = jump(probe, -span, span)
    if not (doubted or nearest or is_exact(trend, piece) or is_exact(fitted(probe, WIDE * largest), piece)):
        return found
    for slope in wider:
        if slope.disagrees(trend):
            break
        trend = min(trend, slope, key=lambda slope: slope.error)
    resolved = trend.error <= UNRESOLVED * max(abs(trend.value), abs(piece.value))
    if doubted and resolved and abs(trend.value - (expected or 0.0)) > ESTIMATE * trend.error + slack:
        return found
    jumps = jumps_around(probe, span, largest, nearest)
    told = are_rounding(probe, jumps, doubted) and len(jumps) >= (1 if doubted else SEVERAL)
    several = len(jumps) == SEVERAL
    if doubted and not told:
        jumps = jumps[:1]  # the first is the nearest, and others may be seams of f
        told = are_rounding(probe, jumps, doubted)
    if not told and not (several and is_exact(trend, piece)):
        return found
    if not resolved:
        trend = replace(piece, error=max(size / abs(way) for size, way in jumps))
    return replace(
        found,
        value=trend.value,
        error=trend.error,
        step=trend.step,
        finest=trend.finest,
        nearer=piece if (doubted or trend.disagrees(piece)) and not found.staircase else None,
        bounded=False,
        jump=max(size for size, _ in jumps),
    )


def spans(probe: Probe, least: float, largest: float) -> Iterator[Slope]:
    """The slopes over spans from one size to another."""
    span, growth = least * BESIDE, max(4.0, (largest / least) ** (1.0 / SPANS))
    while True:
        yield fitted(probe, span)
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


def jumps_around(
    probe: Probe, span: float, largest: float, first: tuple[float, float] | None
) -> list[tuple[float, float]]:
    """The sizes and places of the first jump, if there is one, and of others on both sides.

    Args:
        probe: f.
        span: where the first was looked for.
        largest: how far out the others are looked for.
        first: the jump within the span.
    """
    found = [first] if first else []
    rings = [(-span, first[1] - span / APART), (first[1] + span / APART, span)] if first else []
    for low in (span, RING * span, RING * RING * span):
        high = min(RING * low, largest)
        rings += [(-low, -high), (low, high)] if low < high else []
    for low, high in rings:
        if len(found) == SEVERAL:
            break
        seen = jump(probe, low, high)
        found += [seen] if seen else []
    return found


def are_rounding(probe: Probe, jumps: Sequence[tuple[float, float]], any_size: bool) -> bool:
    """Whether jumps are a small part of f around: a sawtooth, a counter, a seam have a slope of their own.

    Several are the last digit of a number where they are of one size, or of one and its double.

    Args:
        probe: f.
        jumps: their sizes and places.
        any_size: whether they may be of other sizes as well, as those of a tolerance are.
    """
    if not jumps:
        return False
    sizes = [size for size, _ in jumps]
    far = max(abs(probe.x), 4.0 * min(abs(way) for _, way in jumps))
    around = [probe.fresh(far * t) - probe(0.0) for t in (-1.0, -0.5, 0.5, 1.0)]
    level = max([abs(probe(0.0)), *(abs(rise) for rise in around if math.isfinite(rise))])
    binades = [math.log2(size / sizes[0]) for size in sizes]
    apart = max(abs(binade - round(binade)) for binade in binades)
    alike = apart <= ALIKE
    most = COMMON if alike and len(sizes) == SEVERAL else ROUNDED
    return (alike or any_size) and max(sizes) <= most * level


def confirms(window: Window, found: Derivative) -> bool:
    """Whether a window shows a slope without a doubt, and that found."""
    slope = window.smooth
    if slope is None or not is_resolved(slope, window.rounding):
        return False
    return abs(slope.value - found.value) <= CONFIDENCE * (slope.error + found.error)
