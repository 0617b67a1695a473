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

import math
from collections.abc import Callable
from dataclasses import replace

from autograd_core.checking.conclusions import (
    Behaviour,
    Derivative,
    closest_slope,
    coarse_grid,
    conclude,
    nearer_slope,
    report,
)
from autograd_core.checking.jumps import unseen
from autograd_core.checking.noise import noise_of
from autograd_core.checking.spans import second_opinion, steady
from autograd_core.checking.windows import (
    CONFIDENCE,
    EPSILON,
    LARGEST_EXPONENT,
    LEVELS,
    ROUNDING,
    SMALLEST_EXPONENT,
    Probe,
    Slope,
    Window,
    factor,
    is_resolved,
    measure,
    quantum,
)

__all__ = ["EPSILON", "Behaviour", "Derivative", "Slope", "contradicts", "derivative"]

STRIDE = 4  # binades between the windows that are tried
QUICK = 4  # steps of the first window
FINE = 8  # binades below the scale of x at which a short window is tried, where a kink lies close to x
CLOSEST = 22  # binades below it at which one value must agree as well
BUMP = 16.0  # times what rounding and curvature explain: something narrower than the steps is at x
FINER = 12  # binades below it at which a pair of values must agree with it
CLOSER = 3  # binades between pairs of values ever closer to x
BESIDE = 8.0  # times its rounding that a pair may be off
FALLS = 2.0 * 2.0 ** (-2 * CLOSER)  # by how much truncation falls from one pair to the next, twice that
ACCURATE = 1e-9  # relative error at which the first window is enough
SHARP = 1e-7  # relative error at which the first window is enough for a small expected derivative
TELLING = 0.1  # an expected derivative is told from others when the error is below this part of it
WHOLE = 0.47  # part of its scale over which a function is looked at for jumps
DULL = 1e-5  # relative error that is enough where known noise of f leaves little to find at other scales


def exponents(x: float, epsilon: float, scale: float) -> tuple[list[int], int]:
    """Exponents of the windows to try, coarse to fine, and the one to begin with (the scale of x)."""
    own = math.frexp(x)[1] if x else 0
    digits = round(-math.log2(epsilon))
    finest = math.frexp(scale)[1] - digits + LEVELS + 2 if scale else -digits - 8
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
    scale: float | None = None,
    thorough: bool = False,
    brief: bool = False,
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
        scale: of the inputs along whose line x is a place, whose digits x + h has; that of x where not given.
        thorough: look at every scale in any case.
        brief: end with a short window that contradicts the expected derivative and that its own finer steps
            confirm.

    Returns:
        The derivative, its estimated error and the behaviour of the function at x.

    >>> import math
    >>> d = derivative(math.sin, 1.0)
    >>> abs(d.value - math.cos(1.0)) <= d.error < 1e-10
    True
    >>> derivative(abs, 0.0).behaviour
    'kink'
    """
    probe = Probe(function, x, epsilon, noise, accurate, abs(x) if scale is None else scale)
    if value is not None:
        probe.values[0.0] = value
    if math.isnan(x) or not math.isfinite(probe(0.0)):
        return Derivative(
            math.nan, math.inf, "non-finite", None, None, 0.0, 1, probe.message or f"f is {probe(0.0)}"
        )
    scales, start = exponents(x, epsilon, probe.scale)
    noisy = expected is not None and noise > probe.epsilon * abs(probe(0.0))
    one = max(-3, scales[-1]) if noisy else min(scales, key=lambda exponent: abs(exponent + 3))
    tried = [start, one] if abs(start - one) > STRIDE or (noisy and start < one) else [start]
    if expected is not None:
        tried += [(start + one) // 2] if abs(start - one) > FINE else [start - FINE]
    dull: tuple[Slope, Window] | None = None
    failed = SMALLEST_EXPONENT
    for exponent in () if thorough else tried:
        window = short_window(probe, exponent)
        if window is None:
            failed = max(failed, exponent)
            continue
        slope = confirmed(probe, exponent, window, expected, slack)
        if slope is None and brief:
            slope = confirmed(probe, exponent, window, None, slack)
        if slope is not None and failed - exponent >= FINE and not steady(probe, slope, probe.step(failed)):
            slope = None
        if slope is None:  # a doubt at one scale is not settled by another: every scale has to be looked at
            dull = None
            break
        if is_sharp(probe, slope, expected):
            return report(probe, "smooth", slope, window)
        if dull is None or slope.error < dull[0].error:
            dull = slope, window
    if noisy and dull is not None and dull[0].error <= DULL * abs(expected or 0.0):
        return report(probe, "smooth", *dull)
    probe.grid = quantum(probe, [math.ldexp(1.0, start), 0.125, 1.0])
    scale = math.ldexp(1.0, min(start + 4, LARGEST_EXPONENT))
    probe.noise = max(noise, probe.grid)
    probe.estimated = noise_of(probe.fresh, scale, epsilon, 8 * probe.rounding(0.0))
    windows = [measure(probe, exponent) for exponent in scales]
    found = replace(conclude(probe, windows), searched=True)
    found = second_opinion(probe, found, windows, expected, slack)
    within = expected is not None and abs(found.value - expected) <= 10.0 * found.error + slack
    if expected is not None and within and found.behaviour == "smooth" and found.nearer is None:
        found = replace(found, nearer=nearer_slope(probe, Slope(expected, slack, found.step, found.finest)))
    if expected is None or abs(found.value - expected) <= CONFIDENCE * found.error + slack:
        return found
    if (
        found.jump is None
        and found.behaviour == "smooth"
        and found.nearer is None
        and not (found.bounded or found.staircase)
    ):
        found = replace(found, nearer=closest_slope(probe, found, expected))
    return found


def contradicts(
    function: Callable[[float], float],
    expected: float,
    epsilon: float,
    noise: float,
    slack: float,
    *,
    whole: bool = False,
) -> bool:
    """Whether pairs of values ever closer to 0 contradict a slope of the function there, the closest too.


    Args:
        function: of one float, of the scale of 1.
        expected: its slope at 0.
        epsilon: relative rounding error of its values.
        noise: absolute error of its values beside that.
        slack: absolute error of the expected slope.
        whole: whether a span around it contradicts too, within which f jumps and has another slope or none.
    """
    probe, before, doubt = Probe(function, 0.0, epsilon, noise), math.inf, 0.0
    if whole and expected and not steady(probe, Slope(expected, slack, WHOLE, WHOLE), WHOLE):
        return True
    for exponent in range(-FINER, round(math.log2(epsilon)) + 7, -CLOSER):
        h = factor(exponent) * 2.0**exponent
        deviation = abs((probe(h) - probe(-h)) / (2 * h) - expected)
        rounding = BESIDE * probe.rounding(h, -h) / h
        if deviation > rounding + FALLS * before + slack:
            doubt = deviation
        elif deviation + rounding < doubt:
            doubt = 0.0  # a kink or a jump beside the point, and not at it
        before = deviation if math.isfinite(deviation) else math.inf
    return doubt > 0.0


def short_window(probe: Probe, exponent: int) -> Window | None:
    """The shortest window at a scale that is smooth and accurate or shows a kink, or None."""
    for levels in (QUICK, QUICK + 2):
        window = measure(probe, exponent, levels)
        slope = window.smooth
        if window.kinked or (slope is not None and is_accurate(slope, window, probe, levels == QUICK)):
            return window
        if slope is None or window.left is None:
            return None
    return None


def is_sharp(probe: Probe, slope: Slope, expected: float | None) -> bool:
    """Whether the error is small beside the expected derivative: else 0 may hide in rounding."""
    reference = slope.value if expected is None else expected
    sharp = SHARP if probe.epsilon <= EPSILON else TELLING / 10.0
    return reference == 0.0 or slope.error <= sharp * abs(reference)


def confirmed(
    probe: Probe, exponent: int, window: Window, expected: float | None, slack: float
) -> Slope | None:
    """The slope of a short window with its final error, or None where anything known contradicts it.

    The expected derivative, a finer pair of values and one still closer to x must agree with it; f must show
    no kink, no grid and nothing narrower than its steps.
    """
    slope = window.smooth
    if slope is None or on_a_grid(probe):
        return None
    if expected is not None and abs(expected - slope.value) > CONFIDENCE * slope.error + slack:
        return None
    h, last = probe.step(exponent - FINER), probe.step(exponent - QUICK + 1)
    deviation, before = (abs((probe(s) - probe(-s)) / (2 * s) - slope.value) for s in (h, last))
    truncation = before * (h / last) ** 2
    if not deviation <= CONFIDENCE * (slope.error + truncation + 2 * probe.rounding(h, -h) / h):
        return None
    if on_a_bump(probe, h, last) or not agrees_closely(probe, exponent, slope, last):
        return None
    if slope.finest < last and not agrees_extrapolated(probe, exponent, slope, h):
        return None
    if (not slope.value or expected == 0.0) and unseen(probe, slope)[0]:
        return None
    noise = 2.0 * max(deviation - truncation, 0.0) * h / slope.finest  # what the finer pair sees of f's noise
    return replace(slope, error=max(slope.error, noise))


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


def agrees_extrapolated(probe: Probe, exponent: int, slope: Slope, h: float) -> bool:
    """Whether two finer pairs, extrapolated, agree with the slope of a long window.

    It is known so well that the truncation of one pair could hide what the window does not see.
    """
    wide = probe.step(exponent - FINER + 1)
    near, far = ((probe(s) - probe(-s)) / (2 * s) for s in (h, wide))
    extrapolated = near + (near - far) / ((wide / h) ** 2 - 1.0)
    return abs(extrapolated - slope.value) <= CONFIDENCE * (slope.error + 4 * probe.rounding(h, -h) / h)


def on_a_grid(probe: Probe) -> bool:
    """Whether f's values have far fewer digits than floats have: f rounds inside.

    Where all values known so far are one, f is constant here, or flat between two steps of its grid: values
    farther away tell.
    """
    values = list(probe.values.values())
    if len(set(values)) == 1:
        values += probe.far().values()
    return coarse_grid(probe, values) > 0.0


def is_accurate(slope: Slope, window: Window, probe: Probe, short: bool) -> bool:
    """Whether no other window needs to be tried; of a long window, rounding is no excuse."""
    if window.left is None or window.right is None:
        return False
    if not (is_resolved(window.left, window.rounding) and is_resolved(window.right, window.rounding)):
        return False  # an even function's central differences are 0 whatever the step
    if slope.error <= max(probe.accurate, 1e3 * probe.epsilon) * abs(slope.value):
        return True
    at_rounding = slope.error <= 16 * (window.rounding / ROUNDING + probe.noise) / window.step
    return short and at_rounding and window.step >= 2.0**-6
