"""Special functions of floats that neither Python nor C's library has. No graph, no text: plain numbers.

Each keeps its relative accuracy over its whole domain; `tests/autograd_core/calculus/test_accuracy.py`
measures it against mpmath.
"""

from __future__ import annotations

import functools
import math

INF, NAN = math.inf, math.nan
ROOT_PI = math.sqrt(math.pi)

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


_LOG_HIGH, _LOG_LOW = 2.5257286443082556, -1.7065574170429193e-16  # log(12.5)


def polygamma(order: float, x: float) -> float:
    """The polygamma function psi_order(x), the (order + 1)-th derivative of ln Gamma.

    Args:
        order: 0 for digamma, 1 for trigamma and so on, up to 150 (NaN for other numbers).
        x: a real number that is not 0, -1, -2, ... and, for orders above 0, not below -1e5 (NaN elsewhere).

    Formula: recurrence up to x >= 12 + order, then the asymptotic series (Abramowitz & Stegun 1964,
    6.4.6-6.4.11); for digamma of a negative number the reflection 6.3.7.
    """
    if not 0 <= order <= 150 or order != int(order) or x != x:
        return NAN
    if x == -INF or (x <= 0 and x == math.floor(x)) or (x < -1e5 and order > 0):
        return NAN
    if x == INF:
        return INF if order == 0 else 0.0
    n = int(order)
    if n == 0 and x < 0:
        return polygamma(0, 1.0 - x) - math.pi * cospi(x) / sinpi(x)
    factor = -((-1.0) ** n) * math.factorial(n)
    terms = []
    moved, power = x < 12 + n, n + 1
    try:
        while x < 12 + n:
            terms.append(factor / x**power if power <= 16 else _over_power(factor, x, power))
            x += 1.0
    except (OverflowError, ZeroDivisionError):  # x is next to a pole
        return math.copysign(INF, factor) * (math.copysign(1.0, x) if n % 2 == 0 else 1.0)
    if n == 0:
        # log(x) is the largest term: where x was moved next to 12.5, in three parts, to more than one double
        log = (_LOG_HIGH, _LOG_LOW, math.log1p((x - 12.5) / 12.5)) if moved else (math.log(x),)
        terms.extend(log)
    terms += [_over_power(coefficient, x, power) for coefficient, power in _polygamma_series(n)]
    return math.fsum(terms)


def _over_power(coefficient: float, x: float, power: int) -> float:
    """coefficient / x^power, in two steps where x^-power alone may be too small for a float."""
    half = power // 2 if power > 16 else 0
    return coefficient * x**-half * x ** (half - power)


@functools.cache
def _polygamma_series(n: int) -> tuple[tuple[float, int], ...]:
    """The asymptotic series as coefficients and powers of 1 / x; log(x) is left out."""
    factor = -((-1.0) ** n)
    terms = [(factor * math.factorial(n - 1), n)] if n else []
    terms.append((factor * math.factorial(n) / 2, n + 1))
    for k, b in enumerate(_BERNOULLI, 1):
        terms.append((factor * b * math.factorial(2 * k + n - 1) / math.factorial(2 * k), 2 * k + n))
    return tuple(terms)


def digamma_difference(a: float, b: float) -> float:
    """digamma(a + b) - digamma(a) without the cancellation, for positive a and b (NaN elsewhere).

    Formula: as `polygamma`, term by term; 1 / x - 1 / (x + b) is (b / (x + b)) / x.
    """
    if not (a > 0.0 and b > 0.0):
        return NAN
    if a == INF or b == INF:
        return INF if a < b else (0.0 if b < a else NAN)
    terms = []
    while a < 12.0:
        terms.append(b / (a + b) / a)
        a += 1.0
    log = math.log1p(b / a)
    series = [c * a**-power * math.expm1(-power * log) for c, power in _polygamma_series(0)]
    return math.fsum([*terms, log, *series])


def sinpi(x: float) -> float:
    """sin(pi x); x is reduced exactly, so that whole numbers give 0."""
    r = math.remainder(x, 2.0)
    return math.sin(math.pi * (math.copysign(1.0 - abs(r), r) if abs(r) > 0.5 else r))


def cospi(x: float) -> float:
    """cos(pi x); x is reduced exactly, so that odd halves give 0."""
    a = abs(math.remainder(x, 2.0))
    if a <= 0.25:
        return math.cos(math.pi * a)
    return math.sin(math.pi * (0.5 - a)) if a < 0.75 else -math.cos(math.pi * (1.0 - a))


def exp_of_square(x: float, sign: float) -> float:
    """exp(sign x^2), x^2 in two parts so that its rounding is not magnified; infinity beyond floats."""
    x = min(abs(x), 40.0)
    high = math.floor(x * 64.0) / 64.0
    try:
        return math.exp(sign * high * high) * math.exp(sign * (x - high) * (x + high))
    except OverflowError:
        return INF


def ierfcx(order: float, x: float) -> float:
    """exp(x^2) i^n erfc(x): the n-th repeated integral of erfc, scaled; erfcx for n = 0.

    Args:
        order: a whole number from 0 to 150 (NaN for others).
        x: a real number.

    Formula: for x < 1/2 the recurrence 2n I_n = I_(n-2) - 2x I_(n-1) with I_(-1) = 2 / sqrt(pi), whose terms
    do not cancel there; above, the ratios I_n / I_(n-1) = 1 / (2x + 2 (n + 1) I_(n+1) / I_n) from a large n
    down (Gautschi 1961; DLMF 7.18).
    """
    if not 0 <= order <= 150 or order != int(order) or x != x:
        return NAN
    n = int(order)
    before, now = 2.0 / ROOT_PI, 0.0
    if x < 0.5:
        now = math.erfc(x) * exp_of_square(x, 1.0)
        for k in range(1, n + 1):
            before, now = now, (before - 2.0 * x * now) / (2 * k)
        return now
    if x == INF:
        return 0.0
    last = n + 12 + int((9.5 / x) ** 2 + 60.0 / x)
    ratio = 1.0 / (x + math.sqrt(x * x + 2.0 * last)) if x < 1e150 else 0.5 / x
    ratios = []
    for k in range(last, -1, -1):
        ratio = 0.5 / (x + (k + 1) * ratio)
        if k <= n:
            ratios.append(ratio)
    for ratio in reversed(ratios):
        before *= ratio
    return before


def erfinv(x: float) -> float:
    """The number whose erf is x.

    Args:
        x: a number from -1 to 1 (NaN elsewhere); -1 and 1 give infinities.

    Formula: a first guess (Winitzki 2008), then Newton's steps with Halley's correction, on erf below 1/2 and
    on erfc above, where 1 - x is exact.
    """
    a = abs(x)
    if not a < 1.0:
        return math.copysign(INF, x) if a == 1.0 else NAN
    if a < 1e-9:
        return x * (ROOT_PI / 2.0)
    rest = 1.0 - a
    log = math.log(rest * (1.0 + a))
    middle = 2.0 / (math.pi * 0.147) + 0.5 * log
    y = math.sqrt(math.sqrt(middle * middle - log / 0.147) - middle)
    for _ in range(4):
        slope = -2.0 / ROOT_PI * exp_of_square(y, -1.0)
        step = ((math.erfc(y) - rest) if a > 0.5 else (a - math.erf(y))) / slope
        y -= step / (1.0 + step * y)
    return math.copysign(y, x)


def beta(a: float, b: float) -> float:
    """Gamma(a) Gamma(b) / Gamma(a + b) for positive a and b (NaN elsewhere).

    Formula: quotients of Gamma below 170, with the rounding of a + b made good to first order; above,
    Stirling's series (Abramowitz & Stegun 1964, 6.1.40), whose largest terms are combined before they are
    rounded (Didonato & Morris 1992).
    """
    if not (a > 0.0 and b > 0.0):
        return NAN
    small, large = min(a, b), max(a, b)
    if large == INF:
        return 0.0
    if small < 1e-300:
        return 1.0 / small + 1.0 / large
    total = small + large
    if total < 170.0:
        y = math.gamma(small) * (math.gamma(large) / math.gamma(total))
        rest = small - (total - large)  # what the rounding of the sum lost
        return y * (1.0 - rest * polygamma(0.0, total)) if rest else y
    ratio = small / large
    correction = _stirling_rest(large) - _stirling_rest(total)
    if small < 10.0:
        exponent = small - (large - 0.5) * math.log1p(ratio) + correction
        return math.gamma(small) * math.pow(total, -small) * math.exp(exponent)
    correction += _stirling_rest(small)
    exponent = small * math.log1p(large / small) + large * math.log1p(ratio)
    root = math.sqrt(2.0 * math.pi / small) * math.sqrt(1.0 + ratio)
    return root * math.exp(correction - exponent)


def _stirling_rest(x: float) -> float:
    """ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x >= 10."""
    return math.fsum(b / (2 * k * (2 * k - 1)) * x ** (1 - 2 * k) for k, b in enumerate(_BERNOULLI, 1))
