"""One row of falling steps around a point: difference quotients, extrapolated, and their estimated errors.

The steps lie near powers of two, each moved by its own seeded factor, so that no period of ``f`` can divide
them: with powers of two alone, ``sin(2 pi t)`` looks constant from every whole number of steps away.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

EPSILON = 2.0**-52
LARGEST = sys.float_info.max
TINY = 2.0**-1074  # the smallest float above 0: what underflow may hide
LARGEST_EXPONENT = 1023
SMALLEST_EXPONENT = -1074  # of the smallest float above 0
LEVELS = 8  # steps in one window: about h, h/2, ... h/128
RESOLVED = 1e-3  # relative error up to which a window is believed at all
ROUNDING = 1e5  # multiples of the rounding of |f| that count as "zero within rounding"
NOISE = 64.0  # the same for the noise that f is known to have inside
OFFSETS = (0.7390851332151607, -0.4142135623730951, 0.2360679774997897, -0.8414709848078965)
FAR = (0.0625, 1.0, 16.0, 256.0)  # in units of the coarsest window's steps
VISIBLE = 1e-8  # relative difference of slopes from which there can be a kink
CONFIDENCE = 4.0  # two estimates disagree when they are further apart than this many of their errors


@dataclass(frozen=True, slots=True)
class Slope:
    """An extrapolated slope, the estimate of its error, and its largest and smallest step."""

    value: float
    error: float
    step: float
    finest: float

    def disagrees(self, other: Slope) -> bool:
        """Whether the two slopes differ by more than their errors explain."""
        return abs(self.value - other.value) > CONFIDENCE * (self.error + other.error)


@functools.cache
def factor(exponent: int) -> float:
    """By how much the step near ``2**exponent`` is moved."""
    return random.Random(exponent).uniform(0.86, 1.16)


@functools.lru_cache(4096)
def step_at(x: float, epsilon: float, exponent: int) -> float:
    """The step near ``2**exponent`` from x, in whole last digits of x."""
    return whole_digits(x, epsilon, math.ldexp(factor(exponent), exponent))


def whole_digits(x: float, epsilon: float, step: float) -> float:
    """The step in whole last digits of x + step, so that x + step is exact."""
    digit = math.ulp(min(abs(x) + step, LARGEST)) * (epsilon / EPSILON)
    return max(round(step / digit), 1) * digit


@dataclass(slots=True)
class Probe:
    """Values of ``f`` around ``x``, each computed once. Away from x, an exception of f counts as nan.

    Attributes:
        function: f.
        x: the point.
        epsilon: relative rounding error of f's values.
        noise: absolute error that rounding inside f adds to its values, where it is known.
        accurate: relative error at which one short window is enough.
        scale: of x, whose digits x + h has; along a line of inputs, of those.
        estimated: noise of f that was found by looking at its values.
        grid: the distance between the numbers that f can return, where f rounds inside; else 0.
        values: the values known so far, by offset from x.
        distant: those of `far`.
        message: the last exception of f.
        evaluations: how often f was called.
    """

    function: Callable[[float], float]
    x: float
    epsilon: float = EPSILON
    noise: float = 0.0
    accurate: float = 1e-9
    scale: float = 0.0
    estimated: float = 0.0
    grid: float = 0.0
    values: dict[float, float] = field(default_factory=dict)
    distant: dict[float, float] = field(default_factory=dict)
    message: str = ""
    evaluations: int = 0

    def step(self, exponent: int) -> float:
        """The step near ``2**exponent``: whole last digits of x, so that x + h and x - h are exact."""
        return step_at(self.x, self.epsilon, exponent)

    def __call__(self, offset: float) -> float:
        """Return ``f(x + offset)``."""
        value = self.values.get(offset)
        if value is None:
            value = self.values[offset] = self._evaluate(self.x + offset)
        return value

    @property
    def noise_floor(self) -> float:
        """The error of f's values that does not depend on their size."""
        return max(self.noise, self.estimated) + TINY

    def fresh(self, offset: float) -> float:
        """Return ``f(x + offset)`` without remembering it."""
        return self._evaluate(self.x + offset)

    def far(self) -> dict[float, float]:
        """Values of f as far away as the steps of its coarsest window, nearer, and 256 times as far."""
        if not self.distant:
            scale = math.ldexp(4.0, min(max(math.frexp(self.x)[1], 0), LARGEST_EXPONENT - 12))
            ways = [scale * offset * part for part in FAR for offset in OFFSETS[:2]]
            self.distant = {way: self._evaluate(self.x + way) for way in ways}
        return self.distant

    def rounding(self, *offsets: float) -> float:
        """The rounding error to expect of f at the offsets."""
        return self.epsilon * max([abs(self(offset)) for offset in offsets]) + self.noise_floor

    def _evaluate(self, x: float) -> float:
        self.evaluations += 1
        try:
            value = self.function(x)
            if isinstance(value, complex):
                raise ValueError(f"the value is complex: {value}")
            return float(value)
        except Exception as error:  # away from x, whatever f raises means "outside the domain"
            if x == self.x and not isinstance(error, (ValueError, ArithmeticError)):
                raise
            self.message = f"{type(error).__name__}: {error}"
            return math.nan


@dataclass(frozen=True, slots=True)
class Window:
    """The three extrapolations over one row of steps."""

    step: float
    rounding: float  # error of f by which a slope counts as zero, before division by the step
    central: Slope | None
    left: Slope | None
    right: Slope | None

    @property
    def kinked(self) -> bool:
        """Whether both one-sided slopes converge, to numbers that differ by more than rounding explains."""
        if self.left is None or self.right is None or not self.left.disagrees(self.right):
            return False
        gap = abs(self.left.value - self.right.value)
        if gap <= VISIBLE * max(abs(self.left.value), abs(self.right.value), self.rounding / self.step):
            return False
        return is_resolved(self.left, self.rounding) and is_resolved(self.right, self.rounding)

    @property
    def smooth(self) -> Slope | None:
        """The best slope of the window, where nothing speaks against a derivative."""
        if self.central is None or self.left is None or self.right is None or self.kinked:
            return None
        error = max(self.left.error, self.right.error)
        if self.central.error > 8 * error:  # f'' jumps at x: h**2 is the wrong series
            return replace(self.left, value=(self.left.value + self.right.value) / 2, error=error)
        return self.central


def is_resolved(slope: Slope, rounding: float) -> bool:
    """Whether the slope is known to three digits, or is zero as far as the rounding of f can tell."""
    return slope.error <= max(RESOLVED * abs(slope.value), rounding / slope.step)


def extrapolate(
    steps: Sequence[float], quotients: Sequence[float], floors: Sequence[float], power: int
) -> Slope:
    """Extrapolate quotients to step 0 by Neville's scheme; keep the entry with the least estimated error.

    Args:
        steps: falling steps.
        quotients: the difference quotient at each.
        floors: the rounding error of each quotient; it is carried through the scheme.
        power: truncation falls like ``h**power`` (2 for central, 1 for one-sided quotients).

    Returns:
        The extrapolated slope.
    """
    best, best_level = Slope(quotients[-1], math.inf, steps[0], steps[0]), len(steps) - 1
    previous: list[tuple[float, float]] = []
    for level, entry in enumerate(zip(quotients, floors, strict=True)):
        row = [entry]
        for column, (above, above_floor) in enumerate(previous):
            value, floor = row[column]
            weight = (steps[level - column - 1] / steps[level]) ** power
            new = value + (value - above) / (weight - 1.0)
            new_floor = (weight * floor + above_floor) / (weight - 1.0)
            error = max(abs(new - value), abs(new - above)) + new_floor
            if error < best.error:
                best, best_level = Slope(new, error, steps[0], steps[level]), level
            row.append((new, new_floor))
        previous = row
    error = max(best.error, later_error(steps, quotients, best.value, best_level, power))
    return Slope(best.value, error, steps[0], best.finest)


def later_error(
    steps: Sequence[float], quotients: Sequence[float], value: float, level: int, power: int
) -> float:
    """The error at ``level`` that the raw quotients of finer steps imply.

    Truncation falls like ``h**power``, so whatever a finer quotient is further off is rounding, noise or a
    jump, and grows like 1/h: scaled back to the step of ``level``, it bounds the error there. It unmasks
    entries that agree by luck.
    """
    truncation, own = 1.5 * abs(quotients[level] - value), steps[level]
    worst = 0.0
    for step, quotient in zip(steps[level + 1 :], quotients[level + 1 :], strict=True):
        scale = step / own
        worst = max(worst, (abs(quotient - value) - truncation * scale**power) * scale)
    return 2.0 * worst


def slope_of(
    probe: Probe, steps: Sequence[float], low: Sequence[float], high: Sequence[float], width: int
) -> Slope | None:
    """The slope over the steps whose values are finite, or None when fewer than four are.

    The values are ``width`` steps apart: 1 from one side, with an error that falls like h, 2 around x (h**2).
    """
    triples = zip(steps, low, high, strict=True)
    finite = [(h, a, b) for h, a, b in triples if math.isfinite(a) and math.isfinite(b)]
    if len(finite) < 4 or finite[-1][0] != steps[-1]:
        return None
    noise, epsilon = probe.noise_floor, probe.epsilon
    quotients = [(b - a) / (width * h) for h, a, b in finite]
    floors = [2 * (epsilon * max(abs(a), abs(b)) + noise) / (width * h) for h, a, b in finite]
    if not all(map(math.isfinite, quotients)):
        return None
    return extrapolate([h for h, _, _ in finite], quotients, floors, width)


def measure(probe: Probe, exponent: int, levels: int = LEVELS) -> Window:
    """Extrapolate over the window of steps from ``2**exponent`` down, or the least that floats allow."""
    exponent = max(exponent, SMALLEST_EXPONENT + LEVELS)
    steps = [probe.step(exponent - level) for level in range(levels)]
    steps = [steps[0], *(b for a, b in itertools.pairwise(steps) if b < a)]
    down, up = [probe(-h) for h in steps], [probe(h) for h in steps]
    seen = [*down[levels // 2 :], *up[levels // 2 :]]  # f may explode at the largest steps
    magnitude = max([abs(value) for value in seen if math.isfinite(value)], default=0.0)
    rounding = ROUNDING * (probe.epsilon * magnitude + TINY) + NOISE * probe.noise
    centre = probe(0.0)
    if len(steps) >= 4 and set(down) == set(up) == {centre}:
        error = probe.rounding(0.0) / steps[0]
        flat = Slope(0.0, error, steps[0], steps[0])
        side = replace(flat, error=2 * error)
        return Window(steps[0], rounding, flat, side, side)
    middle = [centre] * len(steps)
    left, right = slope_of(probe, steps, down, middle, 1), slope_of(probe, steps, middle, up, 1)
    return Window(steps[0], rounding, slope_of(probe, steps, down, up, 2), left, right)


def lowest_bit(x: float) -> float:
    """The value of the last binary digit that x uses."""
    numerator, denominator = abs(x).as_integer_ratio()
    return (numerator & -numerator) / denominator if numerator else math.inf


def quantum(probe: Probe, steps: Sequence[float]) -> float:
    """The grid that f's values stand on, where it is far coarser than floats need: f rounds inside.

    ``(x + 1e8) - 1e8`` and float32 code look exact by their own values; the digits that they never use
    betray them. The offsets have many digits, so that a smooth f uses many as well. A step too small to
    show more than a few stairs proves nothing; the next one is tried.
    """
    for step in steps:
        values = [value for offset in OFFSETS if math.isfinite(value := probe(step * offset))]
        spread = max((abs(value - probe(0.0)) for value in values), default=0.0)
        grid = min((lowest_bit(value) for value in values if value != probe(0.0)), default=math.inf)
        if grid <= 2.0**12 * max(map(math.ulp, (probe.x, *values))):
            return 0.0
        if grid < spread / 64:
            return grid
    return 0.0
