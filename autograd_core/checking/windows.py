"""One row of halved steps around a point: difference quotients, extrapolated, and their estimated errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["Probe", "Slope", "Window", "is_resolved", "measure", "quantum"]

EPSILON = 2.0**-52
SMALLEST_EXPONENT = -1074  # of the smallest float above 0
LEVELS = 8  # steps in one window: h, h/2, ... h/128
RESOLVED = 1e-3  # relative error up to which a window is believed at all
ROUNDING = 1e5  # multiples of the rounding of |f| that count as "zero within rounding"
NOISE = 64.0  # the same for the noise that f is known to have inside
OFFSETS = (0.7390851332151607, -0.4142135623730951, 0.2360679774997897, -0.8414709848078965)
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


@dataclass(slots=True)
class Probe:
    """Values of ``f`` around ``x``, each computed once. A domain or overflow error of f counts as nan."""

    function: Callable[[float], float]
    x: float
    epsilon: float = EPSILON
    noise: float = 0.0
    grid: float = 0.0
    values: dict[float, float] = field(default_factory=dict)
    message: str = ""

    def __call__(self, offset: float) -> float:
        """Return ``f(x + offset)``."""
        value = self.values.get(offset)
        if value is None:
            value = self.values[offset] = self._evaluate(self.x + offset)
        return value

    def rounding(self, *offsets: float) -> float:
        """The rounding error to expect of f at the offsets."""
        return self.epsilon * max(abs(self(offset)) for offset in offsets) + self.noise

    def _evaluate(self, x: float) -> float:
        try:
            value = self.function(x)
        except (ValueError, ArithmeticError) as error:
            self.message = f"{type(error).__name__}: {error}"
            return math.nan
        if isinstance(value, complex):
            self.message = f"the value is complex: {value}"
            return math.nan
        return float(value)


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


def extrapolate(differences: Sequence[float], floors: Sequence[float], base: float, step: float) -> Slope:
    """Richardson-extrapolate the quotients of halved steps; keep the entry with the least estimated error.

    Args:
        differences: quotients for the steps h, h/2, h/4, ...
        floors: rounding error of each quotient.
        base: factor by which truncation falls for a halved step (4 for central, 2 for one-sided differences).
        step: the step h of the first quotient, stored in the result.

    Returns:
        The extrapolated slope.
    """
    best, best_level = Slope(differences[-1], math.inf, step, step), len(differences) - 1
    previous: list[float] = []
    for level, (difference, floor) in enumerate(zip(differences, floors, strict=True)):
        row = [difference]
        weight = base
        for column, above in enumerate(previous):
            entry = row[column] + (row[column] - above) / (weight - 1.0)
            error = max(abs(entry - row[column]), abs(entry - above)) + floor
            if error < best.error:
                best, best_level = Slope(entry, error, step, step / 2**level), level
            row.append(entry)
            weight *= base
        previous = row
    error = max(best.error, later_error(differences, best.value, best_level, base))
    return Slope(best.value, error, step, best.finest)


def later_error(differences: Sequence[float], value: float, level: int, base: float) -> float:
    """The error at ``level`` that the raw quotients of finer steps imply.

    Truncation falls by ``base`` for each halved step, so whatever a finer quotient is further off is
    rounding, noise or a jump, and grows like 1/h: scaled back to the step of ``level``, it bounds the error
    there. It unmasks entries that agree by luck.
    """
    truncation = 1.5 * abs(differences[level] - value)
    worst, scale = 0.0, 1.0
    for difference in differences[level + 1 :]:
        scale /= 2.0
        truncation /= base
        worst = max(worst, (abs(difference - value) - truncation) * scale)
    return 2.0 * worst


def side_slope(probe: Probe, steps: Sequence[float], sign: float) -> Slope | None:
    """The one-sided slope over the steps whose values are finite, or None when fewer than four are."""
    centre = probe(0.0)
    finite = [h for h in steps if math.isfinite(probe(sign * h))]
    if len(finite) < 4 or finite[-1] != steps[-1]:
        return None
    quotients = [(probe(sign * h) - centre) / (sign * h) for h in finite]
    floors = [4 * probe.rounding(0.0, sign * h) / h for h in finite]
    return extrapolate(quotients, floors, 2.0, finite[0]) if all(map(math.isfinite, quotients)) else None


def central_slope(probe: Probe, steps: Sequence[float]) -> Slope | None:
    """The central slope over the steps with finite values on both sides, or None when fewer than four are."""
    finite = [h for h in steps if math.isfinite(probe(h)) and math.isfinite(probe(-h))]
    if len(finite) < 4 or finite[-1] != steps[-1]:
        return None
    quotients = [(probe(h) - probe(-h)) / (2 * h) for h in finite]
    floors = [2 * probe.rounding(h, -h) / h for h in finite]
    return extrapolate(quotients, floors, 4.0, finite[0]) if all(map(math.isfinite, quotients)) else None


def measure(probe: Probe, exponent: int) -> Window:
    """Extrapolate over the window whose largest step is ``2**exponent``, or the least that floats allow."""
    exponent = max(exponent, SMALLEST_EXPONENT + LEVELS)
    steps = [math.ldexp(1.0, exponent - level) for level in range(LEVELS)]
    central = central_slope(probe, steps)
    left, right = side_slope(probe, steps, -1.0), side_slope(probe, steps, 1.0)
    magnitudes = [
        abs(probe(offset)) for h in steps[LEVELS // 2 :] for offset in (h, -h)
    ]  # f may explode at h
    magnitude = max((m for m in magnitudes if math.isfinite(m)), default=0.0)
    rounding = ROUNDING * probe.epsilon * magnitude + NOISE * probe.noise
    return Window(steps[0], rounding, central, left, right)


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
