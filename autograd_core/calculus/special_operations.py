"""The rows of the special functions: the error function, gamma, and their kin; see `operations.py`."""

from __future__ import annotations

import math

from . import primitives as p
from .primitives import Number, absolute, divide, exp, greater, select
from .rows import HALF_ROOT_PI, TWO_OVER_ROOT_PI, between, libm, row, within


def _gaussian(x: Number) -> Number:
    a = select(greater(absolute(x), 40.0), 40.0, absolute(x))
    high = p.floor(a * 64.0) * 0.015625  # its square is exact, so that rounding is not magnified
    return exp(-0.5 * (high * high)) * exp(-0.5 * ((a - high) * (a + high)))


row(
    "gaussian",
    _gaussian,
    lambda x, y: -(within(40.0, x) * y),
    shown=[lambda x, y: -x * y],
    summary="exp(-x^2 / 2), exact in the tails.",
    definition="exp(-x * x / 2)",
    ordinary=between(-8, 8),
)
libm(
    "erf",
    lambda x, y: TWO_OVER_ROOT_PI * (p.gaussian(x) * p.gaussian(x)),
    shown=[lambda x, y: TWO_OVER_ROOT_PI * exp(-(x * x))],
    summary="Error function.",
    raises=False,
    ordinary=between(-3, 3),
)
libm(
    "erfc",
    lambda x, y: -(TWO_OVER_ROOT_PI * (p.gaussian(x) * p.gaussian(x))),
    shown=[lambda x, y: -(TWO_OVER_ROOT_PI * exp(-(x * x)))],
    summary="1 - erf(x), exact for large x.",
    raises=False,
    ordinary=between(-3, 3),
)


def _bounded_erfcx(x: float) -> Number:
    y = p.erfcx(x)
    if y == p.INF:
        raise OverflowError("math range error")
    return y


row(
    "erfcx",
    p.erfcx,
    lambda x, y: -2.0 * p.ierfcx(1.0, x),
    shown=[lambda x, y: 2.0 * x * y - TWO_OVER_ROOT_PI],
    scalar=_bounded_erfcx,
    native=False,
    summary="exp(x^2) erfc(x), for x where erfc(x) is too small for a float.",
    definition="exp(x * x) * erfc(x)",
    ordinary=between(-3, 100),
)
row(
    "ierfcx",
    p.ierfcx,
    lambda order, x, y: 0.0,
    lambda order, x, y: -2.0 * (order + 1.0) * p.ierfcx(order + 1.0, x),
    selecting=True,
    native=False,
    summary="exp(x^2) times the n-th repeated integral of erfc at x; erfcx for order 0.",
    definition="exp(x * x / 2) / sqrt(power(2, order - 1) * pi) * pcfu(order + 0.5, sqrt(2) * x)",
)


def _erfinv(x: float) -> Number:
    if not -1.0 < x < 1.0 and x == x:
        raise ValueError("math domain error")
    return p.erfinv(x)


row(
    "erfinv",
    p.erfinv,
    # exp(y^2) = erfcx(y) / erfc(y), and erfc(y) = 1 - x is exact for x above 1/2
    lambda x, y: (
        HALF_ROOT_PI
        * select(p.less(absolute(x), 0.5), exp(y * y), divide(p.erfcx(absolute(y)), 1.0 - absolute(x)))
    ),
    shown=[lambda x, y: HALF_ROOT_PI * exp(y * y)],
    scalar=_erfinv,
    native=False,
    summary="The number whose erf is x.",
    ordinary=between(-0.95, 0.95),
)
row(
    "gamma",
    p.gamma,
    lambda x, y: y * p.digamma(x),
    scalar=math.gamma,
    native=False,
    summary="The Gamma function: (x - 1)! for whole numbers.",
    ordinary=between(0.05, 20),
)
row(
    "lgamma",
    p.lgamma,
    lambda x, y: p.digamma(x),
    scalar=math.lgamma,
    native=False,
    summary="Logarithm of |Gamma(x)|.",
    definition="log(fabs(gamma(x)))",
    ordinary=between(0.05, 100),
)


def _off_poles(x: float) -> Number:
    y = p.digamma(x)
    if y != y and x == x:
        raise ValueError("math domain error")
    return y


row(
    "digamma",
    p.digamma,
    lambda x, y: p.polygamma(1.0, x),
    scalar=_off_poles,
    native=False,
    summary="The slope of lgamma.",
    ordinary=between(0.05, 100),
)
row(
    "polygamma",
    p.polygamma,
    lambda order, x, y: 0.0,
    lambda order, x, y: p.polygamma(order + 1.0, x),
    selecting=True,
    native=False,
    summary="The polygamma function of some order at x: 0 for digamma, 1 for trigamma.",
)


def _positive_beta(a: float, b: float) -> Number:
    if a <= 0.0 or b <= 0.0:
        raise ValueError("math domain error")
    y = p.beta(a, b)
    if y == p.INF:
        raise OverflowError("math range error")
    return y


row(
    "digamma_difference",
    p.digamma_difference,
    lambda a, b, y: p.polygamma(1.0, a + b) - p.polygamma(1.0, a),
    lambda a, b, y: p.polygamma(1.0, a + b),
    native=False,
    summary="digamma(a + b) - digamma(a) without cancellation, for positive a and b; NaN elsewhere.",
    definition="digamma(a + b) - digamma(a)",
    ordinary=lambda a, b: 0.05 < a < 20 and 0.05 < b < 20,
)
row(
    "beta",
    p.beta,
    lambda a, b, y: -select(p.equal(y, 0.0), 0.0, y * p.digamma_difference(a, b)),
    lambda a, b, y: -select(p.equal(y, 0.0), 0.0, y * p.digamma_difference(b, a)),
    shown=[
        lambda a, b, y: y * (p.digamma(a) - p.digamma(a + b)),
        lambda a, b, y: y * (p.digamma(b) - p.digamma(a + b)),
    ],
    scalar=_positive_beta,
    native=False,
    summary="Gamma(a) Gamma(b) / Gamma(a + b), for positive a and b.",
    ordinary=lambda a, b: 0.05 < a < 20 and 0.05 < b < 20,
)
