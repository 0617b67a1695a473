"""The corpus: gradients of functions of floats, right and wrong, that a checker got wrong once.

It grows: who finds a wrong gradient that passes, or a right one that fails, adds a line. The tests
hold this checker to it (no false pass, no false alarm), and ``python -m benchmarks.checking`` runs its
peers on it.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TAU = 2 * math.pi


@dataclass(frozen=True)
class Case:
    """A function of floats, a gradient for it, and whether that gradient is right.

    Attributes:
        group: what the case is about.
        function: of as many floats as ``point`` has.
        gradient: returns a number for each of them.
        point: where to check.
        right: whether the gradient is right.
        decidable: whether finite differences in floats can tell; where not, a right gradient may be
            undecided, but never wrong.
        points: at how many points to look, where the gradient is right at the first.
    """

    group: str
    function: Callable[..., float]
    gradient: Callable[..., Sequence[float]]
    point: tuple[float, ...]
    right: bool
    decidable: bool = True
    points: int = 1


CASES: list[Case] = []


def pair(group, function, right, wrong, *point, decidable=True):
    """Add a function with its right derivative and a wrong one."""
    CASES.append(Case(group, function, lambda *xs: _listed(right, xs), point, True, decidable))
    CASES.append(Case(group, function, lambda *xs: _listed(wrong, xs), point, False, decidable))


def _listed(gradient, xs):
    found = gradient(*xs)
    return list(found) if isinstance(found, (list, tuple)) else [found]


# --- periods that divide the steps ----------------------------------------------------------------------

pair(
    "periods",
    lambda t: 0.1 * (t - 2000) + math.sin(TAU * t),
    lambda t: 0.1 + TAU * math.cos(TAU * t),
    lambda t: 0.1,
    2024.3,
)
pair(
    "periods",
    lambda x: 10 + x * x - 10 * math.cos(TAU * x),
    lambda x: 2 * x + 10 * TAU * math.sin(TAU * x),
    lambda x: 2 * x,
    1000.3,
)
pair(
    "periods",
    lambda x: x * x + 1e-3 * math.sin(TAU * 100 * x),
    lambda x: 2 * x + 0.1 * TAU * math.cos(TAU * 100 * x),
    lambda x: 2 * x,
    5.3,
)
pair(
    "periods",
    lambda t: t + math.sin(TAU * 1024 * t),
    lambda t: 1 + TAU * 1024 * math.cos(TAU * 1024 * t),
    lambda t: 1.0,
    5.3,
)
pair(
    "periods",
    lambda t: 0.1 * t + 1e-9 * math.sin(TAU * 1e6 * t),
    lambda t: 0.1 + TAU * 1e-3 * math.cos(TAU * 1e6 * t),
    lambda t: 0.1,
    100.3,
)
for _x in (1e-8, 1e-6, 1e-4, 1e-2):
    pair(
        "periods",
        lambda x: math.sin(1e8 * x),
        lambda x: 1e8 * math.cos(1e8 * x),
        lambda x: -1e8 * math.cos(1e8 * x),
        _x,
    )


# Amplitudes of a few hundred roundings of f: seen at one scale, hidden in the truncation of the next.
def tiny_ripple(x, frequency, amount, level):
    """A smooth function with a ripple of the given slope on it."""
    pair(
        "periods",
        lambda t: level + math.tanh(t) * t + amount / frequency * math.sin(frequency * t),
        lambda t: math.tanh(t) + t / math.cosh(t) ** 2 + amount * math.cos(frequency * t),
        lambda t: math.tanh(t) + t / math.cosh(t) ** 2,
        x,
    )


tiny_ripple(-0.1892, 4129000.0, 7e-07, 0.0)
tiny_ripple(-0.338, 5236000.0, 1.1e-05, 10.0)
tiny_ripple(-0.0238, 34140000.0, 1.9e-05, 10.0)
tiny_ripple(-0.4125, 4823000.0, 1e-05, 1.0)
tiny_ripple(0.0204, 85310000.0, 2.5e-05, 0.0)
tiny_ripple(2.6712, 2482000.0, 1.1e-06, 1.0)
# Here f(x) beside the mean of the ripple looked like a kink to large steps, and every slope near it passed.
tiny_ripple(-0.0018, 5052000.0, 0.026, 1.0)
tiny_ripple(-0.1026, 1062000.0, 6.9e-06, 0.0)
tiny_ripple(-0.6386, 5506000.0, 1.8e-05, 0.0)
tiny_ripple(1.4902, 459200.0, 6.2e-05, 1.0)
tiny_ripple(-0.1262, 5685000.0, 0.00017, 10.0)


# --- features narrower than the steps ---------------------------------------------------------------------


def bump(width, part):
    """t**2 with a bump of some width at 1, and its derivative."""

    def f(t):
        return t * t + width * part * math.exp(-(((t - 1.0) / width) ** 2))

    def slope(t):
        u = (t - 1.0) / width
        return 2 * t - 2 * u * part * math.exp(-u * u)

    return f, slope


def ripple(width):
    """t**2 with a ripple at 1 that leaves the value there alone, and its derivative at 1."""

    def f(t):
        u = (t - 1.0) / width
        return t * t + width * math.exp(-u * u) * math.sin(u)

    return f, lambda t: 3.0


for _width in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
    for _part in (1.0, 1e-4):
        pair("narrow features", *bump(_width, _part), lambda t: 2 * t, 1.0 + 0.7 * _width)
for _width in (1e-4, 1e-6, 1e-8):
    pair("narrow features", *ripple(_width), lambda t: 2 * t, 1.0)

# --- domains --------------------------------------------------------------------------------------------


def asserting(x):
    """Square, for numbers above 0 only."""
    assert x > 0
    return x * x


def warning(x):
    """Square, that raises a warning below 1."""
    if x < 1:
        raise RuntimeWarning("invalid value encountered")
    return x * x


def keyed(x):
    """Square, that raises KeyError beyond 5."""
    return x * x if x < 5 else {}[x]


pair("domains", lambda x: x**0.5, lambda x: 0.5 / x**0.5, lambda x: 0.5 * x**0.5, 2.0)
pair(
    "domains",
    lambda x: x ** (1 / x),
    lambda x: x ** (1 / x) * (1 - math.log(x)) / x**2,
    lambda x: 0.5,
    math.e,
)
for _f in (asserting, warning, keyed):
    pair("domains", _f, lambda x: 2 * x, lambda x: x, 3.0)


def cholesky(a):
    """The last entry of the Cholesky factor of [[1, 1], [1, 1 + a]], nearly singular for small a."""
    return math.sqrt((1.0 + a) - 1.0)


pair("domains", cholesky, lambda a: 0.5 / math.sqrt(a), lambda a: 1 / math.sqrt(a), 1e-6)
pair("domains", lambda x: (x - 1) ** 0.5, lambda x: 0.5 / (x - 1) ** 0.5, lambda x: 1.0, 1.001)  # complex
pair("domains", lambda x: math.log(x) * x, lambda x: math.log(x) + 1, lambda x: math.log(x), 1e-6)

# --- cancellation, underflow, seams ---------------------------------------------------------------------


def removable(x):
    """(1 - cos x) / x**2, computed badly."""
    return (1 - math.cos(x)) / (x * x)


def removable_slope(x):
    """Its derivative, by a series."""
    return -x / 12 + x**3 / 180 - x**5 / 6720 + x**7 / 453600 - x**9 / 47900160


pair("cancellation", removable, removable_slope, lambda x: -removable_slope(x), 1e-3, decidable=False)
pair("cancellation", removable, removable_slope, lambda x: -removable_slope(x), 0.5)
pair(
    "cancellation",
    lambda x: math.sin(x) / x,
    lambda x: (x * math.cos(x) - math.sin(x)) / x**2,
    lambda x: 1.0,
    1e-3,
)
pair(
    "cancellation",
    lambda x: (1 + x) ** 2 - 1 - 2 * x,
    lambda x: 2 * x,
    lambda x: -2 * x,
    1e-6,
    decidable=False,
)
pair("underflow", lambda x: x * x, lambda x: 2 * x, lambda x: -2 * x, 1e-200, decidable=False)
pair(
    "underflow",
    lambda x: math.exp(-1 / (x * x)),
    lambda x: 2 / x**3 * math.exp(-1 / (x * x)),
    lambda x: -2 / x**3 * math.exp(-1 / (x * x)),
    0.1,
)


def huber(x):
    """Huber's loss with its seam at 1."""
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


for _x in (1 - 1e-9, 1.0, 1 + 1e-9, 1.01):
    pair("seams", huber, lambda x: max(-1.0, min(1.0, x)), lambda x: 0.5 * x, _x)


def solved(x, tolerance=1e-4):
    """sqrt(x) by Newton's iteration, stopped early."""
    y = x
    for _ in range(100):
        if abs(y * y - x) <= tolerance:
            return y
        y = 0.5 * (y + x / y)
    raise ValueError("no convergence")


for _x in (2.0, 7.3):
    pair("solvers", solved, lambda x: 0.5 / math.sqrt(x), lambda x: 1 / math.sqrt(x), _x, decidable=False)

# --- drowned in rounding --------------------------------------------------------------------------------

pair(
    "drowned",
    lambda x: 1e8 + 1e-6 * math.sin(x),
    lambda x: 1e-6 * math.cos(x),
    lambda x: 2e-6 * math.cos(x),
    1.0,
    decidable=False,
)
pair("drowned", lambda x: x + 1e20, lambda x: 1.0, lambda x: 500.0, 1.0, decidable=False)
pair(
    "drowned",
    lambda x: 1 / (1 + math.exp(-x)),
    lambda x: math.exp(-x),
    lambda x: 2 * math.exp(-x),
    35.0,
    decidable=False,
)
pair("drowned", lambda x: (3.1 * x + 1e15) - 1e15, lambda x: 3.1, lambda x: 0.0, 0.7, decidable=False)
pair(
    "drowned",
    math.tanh,
    lambda x: 1 / math.cosh(x) ** 2,
    lambda x: 2 / math.cosh(x) ** 2,
    19.0,
    decidable=False,
)

# --- a slope of 0 that is not one, at scales far from 1 ----------------------------------------------------

pair("missing", math.log, lambda x: 1 / x, lambda x: 0.0, 1e300)
pair("missing", lambda x: x * x, lambda x: 2 * x, lambda x: 0.0, 1e-20)
pair("missing", lambda x: x * x, lambda x: 2 * x, lambda x: 0.0, 1e-100)

# --- stairs and jumps beside a large gradient ---------------------------------------------------------------

CASES.append(
    Case("beside large", lambda y, x: 1e3 * x + round(y, 3), lambda y, x: [0, 1e3], (1.7004, 1.1), False)
)

# --- in the units of another input --------------------------------------------------------------------------

CASES.append(
    Case("units", lambda x, y: 1e9 * x + 1e10 + 1e-8 * y, lambda x, y: [1e9, 5e-8], (1e-9, 1.0), False)
)
CASES.append(
    Case("units", lambda x, y: x * x + 1e-15 * y, lambda x, y: [2 * x, 1e-15], (3.0, 0.5), True)
)  # what stays undecided is a negligible part

# --- kinks, jumps, points without a derivative ----------------------------------------------------------


def ramp(x):
    """relu."""
    return max(x, 0.0)


def step(x):
    """1 above 0."""
    return float(x > 0)


_noise: dict[float, float] = {}
_generator = random.Random(0)


def rough(x):
    """Noise, the same at the same point."""
    return _noise.setdefault(x, _generator.random())


for _x in (1e-3, 1e-7, 1e-12, -1e-3, -1e-7, -1e-12):
    pair("beside a kink", ramp, step, lambda x: 1 - step(x), _x)
for _slope in (0.0, 0.5, 1.0):
    CASES.append(Case("on a kink", ramp, lambda x, s=_slope: [s], (0.0,), True))
for _slope in (-0.1, 1.1):
    CASES.append(Case("on a kink", ramp, lambda x, s=_slope: [s], (0.0,), False))
for _slope in (0.0, 1.0, 5e5):
    for _f, _x in ((step, 0.0), (rough, 0.5), (math.cbrt, 0.0)):
        CASES.append(Case("no derivative", _f, lambda x, s=_slope: [s], (_x,), False))


def single(x):
    """x**2 in the precision of float32, without a gradient."""
    import struct

    (rounded,) = struct.unpack("f", struct.pack("f", x))
    return rounded**2


for _x in (1.7, -0.3):
    pair("forgotten", lambda x, y: x * y, lambda x, y: [y, x], lambda x, y: [y, 0.0], _x, 3.0)
CASES.append(Case("staircases", single, lambda x: [0.0], (1.7,), False))
CASES.append(Case("staircases", lambda x: round(x, 3), lambda x: [0.0], (1.7004,), False))
CASES.append(Case("not finite", lambda x: x * x, lambda x: [math.inf], (1.7,), False))
CASES.append(Case("not finite", lambda x: x * x, lambda x: [math.nan], (1.7,), False))


def in_single(x):
    """Rounded to the precision of float32."""
    import struct

    return struct.unpack("f", struct.pack("f", x))[0]


# Far stairs of a rounded number, seen through a smooth function, and slopes lost in a large constant.
for _f, _slope in (
    (lambda x: 1.2e-3 * x + 1e12, 1.2e-3),
    (lambda x: 1.2e-3 * math.sin(x) + 1e12, 1.2e-3 * math.cos(0.7)),
    (lambda x: 1e8 + 1e-6 * math.sin(x), 1e-6 * math.cos(0.7)),
    (lambda x: 1e8 + 1e-6 * math.tanh(x), 1e-6 / math.cosh(0.7) ** 2),
    (lambda x: (1.2e-3 * math.sin(x) + 1e12) - 1e12, 1.2e-3 * math.cos(0.7)),
    (lambda x: math.exp((1.2e-3 * x + 1e12) - 1e12), 1.2e-3 * math.exp(0.84e-3)),
    (lambda x: math.sin(1.2e-3 * x + 1e12), 1.2e-3 * math.cos(1e12 + 0.84e-3)),
    (lambda x: in_single(1.2e-3 * x + 1e5), 1.2e-3),
    (lambda x: math.sin(in_single(1.2e-3 * x + 1e4)), 1.2e-3 * math.cos(1e4 + 0.84e-3)),
    (lambda x: round(1.2e-3 * x, 3), 1.2e-3),
    (lambda x: math.floor(x / 0.3) * 0.3, 1.0),
):
    pair("staircases", _f, lambda x, s=_slope: s, lambda x: 0.0, 0.7003, decidable=False)

# --- smooth between the jumps of its own rounding -----------------------------------------------------------
# Fine steps agree on the slope of one piece between two jumps; it says nothing about the slope of f.


def over_square(k):
    """(1 - cos k x) / x**2, whose numerator rises by last digits of 1; the true slope; that of a piece."""

    def slope(x):
        return k * k * ((k * x) ** 3 / 180 - k * x / 12) * k

    def f(x):
        return (1 - math.cos(k * x)) / (x * x)

    return f, slope, lambda x: -2 * f(x) / x


for _k, _x in ((1e-4, 1.3), (1e-3, 0.02), (3e-4, 0.5), (1e-5, 1.23), (2.034e-4, -2.085), (1e-6, 0.7)):
    _f, _slope, _piece = over_square(_k)
    pair("pieces", _f, _slope, lambda x, s=_slope: -s(x), _x, decidable=False)
    pair("pieces", _f, _slope, _piece, _x, decidable=False)


def over_square_and_line(a, b):
    """(1 - cos(ax)) / x^2 + bx near 0, with two digits left and fewer, its slope, and that of the piece."""

    def f(x):
        return (1 - math.cos(a * x)) / (x * x) + b * x

    return f, lambda x: b - a**4 * x / 12, lambda x: b - 2 * (1 - math.cos(a * x)) / x**3


for _a, _x, _b in (
    (0.6837386283318049, -8.677461590012428e-08, -0.6969993970666519),
    (2.553085768473651, 3.0420346252116863e-08, 0.3233170509479564),
    (1.3, 2.1e-8, 0.4),
):
    _f, _slope, _piece = over_square_and_line(_a, _b)
    pair("pieces", _f, _slope, _piece, _x, decidable=False)


def odd(x, k=8.990929203903992e-3):
    """x, times a factor that is 1 and has one digit."""
    return 2 * x * (1 - math.cos(k * x)) / (k * x) ** 2


def rounded_once(x):
    """x as the last digit of 3.5e6 rounds it, times a smooth function."""
    return ((x + 3.4773919e6) - 3.4773919e6) * math.sin(0.0680922539 * x + 2.3777392)


def once_slope(x):
    """Its derivative, without the rounding."""
    u = 0.0680922539 * x + 2.3777392
    return math.sin(u) + 0.0680922539 * x * math.cos(u)


pair("pieces", odd, lambda x: 1.0, lambda x: -1.0, -0.002233183039210032, decidable=False)
for _wrong in (0.00014413775, -0.69, 0.7):
    pair("pieces", rounded_once, once_slope, lambda x, s=_wrong: s, -0.0029315632, decidable=False)
for _f, _slope, _piece, _x in (
    (lambda x: in_single(x) * x, lambda x: 2 * x, lambda x: x, 10000000.3),
    (
        lambda x: in_single(math.sin(x)) * (2 + math.cos(x)),
        lambda x: math.cos(x) * (2 + math.cos(x)) - math.sin(x) ** 2,
        lambda x: -(math.sin(x) ** 2),
        0.7003,
    ),
    (lambda x: in_single(3 * x) + math.sin(x), lambda x: 3 + math.cos(x), math.cos, 0.7003),
    (
        lambda x: math.exp(in_single(x)) + 1e-3 * x * x,
        lambda x: math.exp(x) + 2e-3 * x,
        lambda x: 2e-3 * x,
        4.0,
    ),
):
    for _factor in (0.0, -1.0, 2.0):
        pair("pieces", _f, _slope, lambda x, s=_slope, c=_factor: c * s(x), _x, decidable=False)
    pair("pieces", _f, _slope, _piece, _x, decidable=False)


# A part in half precision (11 binary digits), in bfloat16 (8) or in single; its slope forgotten.
def to_digits(x, digits):
    """The number with so many binary digits."""
    mantissa, exponent = math.frexp(x)
    return math.ldexp(round(math.ldexp(mantissa, digits)), exponent - digits)


for _digits in (8, 11, 24):
    for _x in (-2.2, 0.3, 5.0, 0.02):
        pair(
            "parts of few digits",
            lambda z, d=_digits: math.sin(3 * z) + to_digits(math.tanh(0.4 * z) + 0.1 * z, d),
            lambda z: 3 * math.cos(3 * z) + 0.4 / math.cosh(0.4 * z) ** 2 + 0.1,
            lambda z: 3 * math.cos(3 * z),
            _x,
            decidable=False,
        )
pair(
    "parts of few digits",
    lambda z: math.sin(3 * z) + to_digits(math.tanh(z), 11),
    lambda z: 3 * math.cos(3 * z) + 1 / math.cosh(z) ** 2,
    lambda z: 3 * math.cos(3 * z),
    -2.2,
    decidable=False,
)


# Cut by a tolerance: the pieces between two jumps have slopes of their own, off by about the tolerance.
def bessel(x, tolerance=1e-6):
    """J0 by its series."""
    term, total, n = 1.0, 0.0, 0
    while abs(term) > tolerance:
        total += term
        n += 1
        term *= -((x / 2) ** 2) / (n * n)
    return total


def bessel_slope(x):
    """Its derivative, -J1."""
    term, total, n = x / 2, 0.0, 0
    while abs(term) > 1e-18:
        total += term
        n += 1
        term *= -((x / 2) ** 2) / (n * (n + 1))
    return -total


def simpson(f, a, b, tolerance):
    """An integral by adaptive quadrature."""

    def part(a, b, fa, fm, fb, whole, tolerance):
        m = (a + b) / 2
        fl, fr = f((a + m) / 2), f((m + b) / 2)
        left, right = (m - a) / 6 * (fa + 4 * fl + fm), (b - m) / 6 * (fm + 4 * fr + fb)
        rest = left + right - whole
        if abs(rest) <= 15 * tolerance or b - a < 1e-6:
            return left + right + rest / 15
        return part(a, m, fa, fl, fm, left, tolerance / 2) + part(m, b, fm, fr, fb, right, tolerance / 2)

    fa, fm, fb = f(a), f((a + b) / 2), f(b)
    return part(a, b, fa, fm, fb, (b - a) / 6 * (fa + 4 * fm + fb), tolerance)


def lorentz(u):
    """1 / (1 + 9 u**2)."""
    return 1 / (1 + 9 * u * u)


for _x in (0.7, 2.6, 4.1):
    pair("tolerances", bessel, bessel_slope, lambda x: -bessel_slope(x), _x, decidable=False)
    pair(
        "tolerances",
        lambda t: simpson(lorentz, 0.0, t, 1e-6),
        lorentz,
        lambda t: 0.5 * lorentz(t),
        _x,
        decidable=False,
    )
    pair(
        "tolerances",
        lambda x: solved(x, 1e-5) + math.sin(x),
        lambda x: 0.5 / math.sqrt(x) + math.cos(x),
        math.cos,
        _x,
        decidable=False,
    )

# Jumps that are no rounding: the slope between them is that of f.
for _f, _slope, _x in (
    (lambda x: x % 1.0, 1.0, 0.3),
    (lambda x: 440 * x % 1.0, 440.0, 5.301),
    (lambda x: (x + math.pi) % TAU - math.pi, 1.0, 1e5),
    (lambda x: x + math.floor(x), 1.0, 1.3),
    (lambda x: x * math.floor(x), 7.0, 7.3),
    (lambda x: x * x + 1e-3 * (x > 0.3 + 1e-5), 0.6, 0.3),
    (lambda x: x * x + 1e-3 * (x > 0.3 + 1e-5) + 1e-3 * (x > 0.3 - 1e-5), 0.6, 0.3),
    (lambda x: x * x + 1e-3 * (x > 0.3 + 1e-9), 0.6, 0.3),
    (lambda x: 3 * x if x > 1 else x - 5, 1.0, 0.99),
):
    pair("jumps", _f, lambda x, s=_slope: s, lambda x, s=_slope: -s, _x)

# A staircase of unequal stairs: the first one is lower than the slope of the whole makes it.
pair(
    "staircases",
    lambda x: 1e-3 * math.exp(-9.11 * (math.log(1 + 0.1645 * x**4) - 0.807) ** 2),
    lambda x: (
        -1e-3
        * 18.22
        * (math.log(1 + 0.1645 * x**4) - 0.807)
        * math.exp(-9.11 * (math.log(1 + 0.1645 * x**4) - 0.807) ** 2)
        * 0.658
        * x**3
        / (1 + 0.1645 * x**4)
    ),
    lambda x: 0.0,
    0.005159715857652459,
    decidable=False,
)

# Saturated: the slope is below the rounding of f, and not 0.
for _f, _slope, _x in (
    (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x), 35.0),
    (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x), 40.0),
    (math.tanh, lambda x: 1 / math.cosh(x) ** 2, 18.5),
    (math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x), 5.8),
    (lambda x: 5.0 + math.log1p(math.exp(x)), math.exp, -40.0),
):
    pair("saturated", _f, _slope, lambda x: 0.0, _x, decidable=False)

# A slope that is 0, in spite of what f does elsewhere.
for _f, _x in (
    (lambda x: 5.0 + max(x, 0.0), -1.0),
    (lambda x: min(max(x, -1.0), 1.0) + 1e3, 7.0),
    (lambda x: 1e12 + x * x, 0.0),
    (lambda x: math.sin(x) ** 2 + math.cos(x) ** 2, 0.3),
    (lambda x: 2.5 if x > 3.0 else 1.5, 0.4),
    (lambda x: x if abs(x) > 0.5 else 0.0, 0.1),
    (lambda x: math.exp(-1 / (x * x)), 0.01),
    (lambda x: 3.7, 0.2),
    (lambda x: float(math.floor(x)), 2.5),
):
    CASES.append(Case("a slope of 0", _f, lambda x: [0.0], (_x,), True))

# A jump through the middle: both sides part from f(x) alike.
for _size in (1e-5, 1e-7, 1e-10, 1e-12):
    CASES.append(
        Case(
            "no derivative",
            lambda x, s=_size: x + s * ((x > 1.0) - (x < 1.0)),
            lambda x: [1.0],
            (1.0,),
            False,
        )
    )
    CASES.append(
        Case("no derivative", lambda x, s=_size: abs(x - 1.0) + s * (x > 1.0), lambda x: [0.0], (1.0,), False)
    )


class Accumulating:
    """A gradient that adds to what it gave before, as ``.grad`` does."""

    def __init__(self):
        self.total = 0.0

    def __call__(self, x):
        self.total += 2 * x
        return [self.total]


CASES.append(Case("not repeatable", lambda x: x * x, Accumulating(), (1.7,), False))
CASES.append(Case("not repeatable", lambda x: x * x, lambda x: [2 * x + _generator.random()], (1.7,), False))


class Failing:
    """A gradient that is wrong every third time."""

    def __init__(self):
        self.asked = 0

    def __call__(self, x):
        self.asked += 1
        return [2 * x + (self.asked % 3 == 0)]


CASES.append(Case("not repeatable", lambda x: x * x, Failing(), (1.7,), False))

# --- right at the point and wrong elsewhere -----------------------------------------------------------------

CASES.append(Case("elsewhere", lambda x: x**3 / 3, lambda x: [x * x], (1.0,), True, points=3))
CASES.append(Case("elsewhere", lambda x: x**3 / 3, lambda x: [x], (1.0,), False, points=3))
CASES.append(Case("elsewhere", ramp, lambda x: [0.0], (-1.0,), False, points=8))

# --- checks of nothing: inputs, options, and what the error says --------------------------------------------

LOOP: list[object] = [1.0]
LOOP.append(LOOP)
REFUSED = [
    ([], {}, "nothing to check"),
    (iter(()), {}, "nothing to check"),
    ((x for x in [1.0] if x > 2), {}, "nothing to check"),
    ([[]], {}, "nothing to check"),
    ([1.0], {"rtol": math.nan}, "rtol must be a finite number >= 0, not nan"),
    ([1.0], {"rtol": -1e-3}, "rtol must be a finite number"),
    ([1.0], {"atol": -1.0}, "atol must be a finite number"),
    ([1.0], {"atol": math.inf}, "atol must be a finite number"),
    ([1.0], {"rtol": "1e-3"}, "rtol must be a finite number >= 0, not '1e-3'"),
    ([1.0], {"points": 0}, "points must be a whole number"),
    ([1.0], {"points": math.inf}, "points must be a whole number"),
    ([1.0], {"order": "2"}, "order must be a whole number"),
    ([1.0], {"points": True}, "points must be a whole number"),
    ([1.0], {"order": 3}, "order must be a whole number from 1 to 2"),
    ([1.0], {"directions": 2.0}, "directions must be a whole number"),
    ([1.0], {"seed": [1]}, "seed must be a whole number"),
    ([1.0], {"rtol": True}, "rtol must be a finite number"),
    ([1.0], {"strict": "no"}, "strict must be True or False"),
    ([1.0], {"full": "yes"}, "full must be True or False"),
    (None, {}, "the inputs are None"),
    ([1.0], {"batched": True}, "batched=True tells what gradient= returns"),
    (LOOP, {}, "a list holds itself"),
]
