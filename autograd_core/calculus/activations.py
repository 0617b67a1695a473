"""The rows of the activations; see `operations.py`.

Every exponential is of a number that is not positive, so that none overflows.
"""

from __future__ import annotations

from . import primitives as p
from .primitives import Number, absolute, divide, exp, greater, less_equal, select
from .rows import INVERSE_ROOT_2PI, ROOT_HALF, between, beyond, row, within


def _negative_part(x: Number) -> Number:
    return select(greater(x, 0.0), 0.0, x)


def _logistic(x: Number) -> Number:
    e = exp(-absolute(x))
    return divide(select(greater(x, 0.0), 1.0, e), 1.0 + e)


def _softplus(x: Number) -> Number:
    return select(less_equal(x, 0.0), 0.0, x) + p.log1p(exp(-absolute(x)))


def _leaky_relu(x: Number, slope: Number = 0.01) -> Number:
    return select(less_equal(x, 0.0), slope * x, x)


def _logit(x: Number) -> Number:
    middle = 2.0 * p.atanh(2.0 * x - 1.0)
    outer = p.log(divide(x, 1.0 - x))
    return select(p.less(x, 0.25), outer, select(greater(x, 0.75), outer, middle))


def _logit_inside(x: float) -> Number:
    if x <= 0.0 or x >= 1.0:
        raise ValueError("math domain error")
    return _logit(x)


def _elu(x: Number, alpha: Number = 1.0) -> Number:
    return select(less_equal(x, 0.0), alpha * p.expm1(_negative_part(x)), x)


row(
    "sigmoid",
    _logistic,
    lambda x, y: 0.25 * p.sech2(0.5 * x),
    shown=[lambda x, y: y * (1.0 - y)],
    summary="1 / (1 + exp(-x)); never overflows.",
    definition="1 / (1 + exp(-x))",
    ordinary=between(-20, 10),
)
row(
    "logsigmoid",
    lambda x: -_softplus(-x),
    lambda x, y: p.sigmoid(-x),
    summary="log(sigmoid(x)); never overflows.",
    definition="-log1p(exp(-x))",
    ordinary=between(-20, 10),
)
row(
    "softplus",
    _softplus,
    lambda x, y: p.sigmoid(x),
    summary="log(1 + exp(x)); never overflows.",
    definition="log1p(exp(x))",
    ordinary=between(-10, 20),
)
row(
    "logit",
    _logit,
    lambda x, y: divide(1.0, x * (1.0 - x)),
    scalar=_logit_inside,
    summary="log(x / (1 - x)), the inverse of sigmoid.",
    definition="log(x / (1 - x))",
    ordinary=between(0.02, 0.98),
)
row(
    "relu",
    lambda x: select(less_equal(x, 0.0), 0.0, x),
    lambda x, y: select(less_equal(x, 0.0), 0.0, 1.0),
    symbol="ReLU",
    selecting=True,
    summary="max(0, x).",
    definition="x if x > 0 else mpf(0)",
    ordinary=beyond(1e-3),
)
row(
    "leaky_relu",
    _leaky_relu,
    lambda a, b, y: select(less_equal(a, 0.0), b, 1.0),
    lambda a, b, y: select(less_equal(a, 0.0), a, 0.0),
    summary="x where x > 0, else slope * x.",
    definition="x if x > 0 else slope * x",
    ordinary=beyond(1e-3),
)
row(
    "elu",
    _elu,
    lambda a, b, y: select(less_equal(a, 0.0), b * exp(_negative_part(a)), 1.0),
    lambda a, b, y: select(less_equal(a, 0.0), p.expm1(_negative_part(a)), 0.0),
    summary="x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015).",
    definition="x if x > 0 else alpha * expm1(x)",
    ordinary=beyond(1e-3),
)


def _twice_normal_cdf(x: Number) -> Number:
    """erfc(-x / sqrt(2)); the rounding of -x * sqrt(1/2), which the tail magnifies, is made good."""
    b = select(p.less(x, -1.0), select(p.less(x, -40.0), 40.0, -x), 0.0)
    c = b * ROOT_HALF
    high, low = p.floor(b * 64.0) * 0.015625, p.floor(c * 64.0) * 0.015625  # their squares are exact
    missing = (0.5 * (high * high) - low * low) + (0.5 * ((b - high) * (b + high)) - (c - low) * (c + low))
    return p.erfc(-x * ROOT_HALF) * (1.0 - missing)


row(
    "gelu",
    lambda x: 0.5 * select(p.less(x, -40.0), -40.0, x) * _twice_normal_cdf(x),
    lambda x, y: 0.5 * p.erfc(-x * ROOT_HALF) + within(40.0, x) * (INVERSE_ROOT_2PI * p.gaussian(x)),
    shown=[lambda x, y: 0.5 * p.erfc(-x * ROOT_HALF) + x * (INVERSE_ROOT_2PI * p.gaussian(x))],
    summary="x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016).",
    definition="x * erfc(-x / sqrt(2)) / 2",
    ordinary=between(-6, 20),
)
row(
    "silu",
    lambda x: select(p.less(x, -800.0), -800.0, x) * p.sigmoid(x),
    lambda x, y: p.sigmoid(x) * (1.0 + within(800.0, x) * p.sigmoid(-x)),
    shown=[lambda x, y: p.sigmoid(x) * (1.0 + x * p.sigmoid(-x))],
    summary="x sigmoid(x).",
    definition="x / (1 + exp(-x))",
    ordinary=between(-20, 20),
)
