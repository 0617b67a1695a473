"""The rows of arithmetic, exponentials, roots and trigonometry; see `operations.py`."""

from __future__ import annotations

import math
import operator

from . import primitives as p
from .operation import Rule
from .primitives import Number, absolute, divide, exp, greater, less_equal, select
from .rows import DEGREE, INVERSE_LN2, INVERSE_LN10, LN2, RADIAN, anywhere, between, beyond, larger, libm, row

# --- arithmetic -----------------------------------------------------------------------------------------

row(
    "add",
    operator.add,
    lambda a, b, y: 1.0,
    lambda a, b, y: 1.0,
    symbol="+",
    definition="a + b",
    ordinary=anywhere,
)
row(
    "sub",
    operator.sub,
    lambda a, b, y: 1.0,
    lambda a, b, y: -1.0,
    symbol="-",
    definition="a - b",
    ordinary=anywhere,
)
row(
    "mul",
    operator.mul,
    lambda a, b, y: b,
    lambda a, b, y: a,
    symbol="*",
    definition="a * b",
    ordinary=anywhere,
)
row(
    "div",
    divide,
    lambda a, b, y: divide(1.0, b),
    lambda a, b, y: -divide(y, b),
    symbol="/",
    scalar=operator.truediv,
    definition="a / b",
    ordinary=lambda a, b: abs(b) > 0.05,
)
row(
    "neg",
    operator.neg,
    lambda x, y: -1.0,
    symbol="-",
    summary="-x.",
    definition="-x",
    ordinary=anywhere,
)


def _slope_of_power(b: Number, slope: Number) -> Number:
    """0 for 0 * inf; for b = 0 elsewhere it is 0 too, and its own slope with respect to b is not."""
    return select(p.equal(b, 0.0), select(p.equal(slope, slope), slope, 0.0), slope)


def _by_exponent(a: Number, b: Number, y: Number) -> Number:
    return select(p.equal(a, 0.0), select(greater(b, 0.0), 0.0, p.NAN), y * p.log(a))


row(
    "pow",
    p.power,
    lambda a, b, y: _slope_of_power(b, b * p.power(a, b - 1.0)),
    _by_exponent,
    symbol="**",
    scalar=operator.pow,
    shown=(lambda a, b, y: select(p.equal(b, 0.0), 0.0, b * p.power(a, b - 1.0)), _by_exponent),
    summary="a to the power of b.",
    definition="power(a, b)",
    ordinary=lambda a, b: 0.05 < a < 20 and abs(b) < 4,
)
row(
    "mod",
    p.modulo,
    lambda a, b, y: 1.0,
    lambda a, b, y: divide(y - a, b),
    symbol="%",
    scalar=operator.mod,
    summary="Python's a % b: the result has the sign of b.",
    definition="a - b * floor(a / b)",
    ordinary=lambda a, b: abs(b) > 0.05 and 0.01 < a % b / b < 0.99 and abs(a / b) < 1e3,
)
row(
    "abs",
    absolute,
    lambda x, y: p.sign(x),
    selecting=True,
    summary="|x|; its gradient at 0 is 0.",
    definition="fabs(x)",
    ordinary=beyond(1e-3),
)

# --- exponentials and roots -----------------------------------------------------------------------------

libm("exp", lambda x, y: y, summary="e to the power of x.", ordinary=between(-20, 8))
libm("expm1", lambda x, y: exp(x), summary="exp(x) - 1, exact for small x.", ordinary=between(-20, 8))
libm(
    "exp2",
    lambda x, y: y * LN2,
    summary="2 to the power of x.",
    definition="power(2, x)",
    ordinary=between(-20, 12),
)
libm("log", lambda x, y: divide(1.0, x), summary="Natural logarithm.", ordinary=between(0.02, p.INF))
libm(
    "log1p",
    lambda x, y: divide(1.0, 1.0 + x),
    summary="log(1 + x), exact for small x.",
    ordinary=between(-0.95, p.INF),
)
libm(
    "log2",
    lambda x, y: divide(INVERSE_LN2, x),
    summary="Logarithm to base 2.",
    definition="log(x) / log(2)",
    ordinary=between(0.02, p.INF),
)
libm(
    "log10",
    lambda x, y: divide(INVERSE_LN10, x),
    summary="Logarithm to base 10.",
    ordinary=between(0.02, p.INF),
)
libm("sqrt", lambda x, y: divide(0.5, y), summary="Square root.", ordinary=between(0.02, p.INF))
libm(
    "cbrt",
    # 0.5 x is x at 0 and infinity, where y / x is not a number
    lambda x, y: select(p.equal(0.5 * x, x), divide(1.0, 3.0 * (y * y)), divide(divide(y, x), 3.0)),
    shown=[lambda x, y: divide(1.0, 3.0 * (y * y))],
    summary="Cube root.",
    definition="sign(x) * root(fabs(x), 3)",
    raises=False,
    ordinary=beyond(0.02),
)
row(
    "square",
    lambda x: x * x,
    lambda x, y: 2.0 * x,
    summary="x * x.",
    definition="x * x",
    ordinary=anywhere,
)
row(
    "reciprocal",
    lambda x: divide(1.0, x),
    lambda x, y: -(y * y),
    scalar=lambda x: 1.0 / x,
    summary="1 / x.",
    definition="1 / x",
    ordinary=beyond(0.05),
)


def _one_minus_square(x: Number) -> Number:
    """1 - x^2, accurate near 1, with a derivative that is accurate near 0."""
    return select(p.less(absolute(x), 0.5), 1.0 - x * x, (1.0 - x) * (1.0 + x))


# --- trigonometry ---------------------------------------------------------------------------------------

libm("sin", lambda x, y: p.cos(x), summary="Sine.", ordinary=between(-100, 100))
libm("cos", lambda x, y: -p.sin(x), summary="Cosine.", ordinary=between(-100, 100))
libm(
    "tan",
    lambda x, y: 1.0 + y * y,
    summary="Tangent.",
    ordinary=lambda x: abs(x) < 100 and abs(math.cos(x)) > 0.1,
)
libm(
    "asin",
    lambda x, y: divide(1.0, p.sqrt(_one_minus_square(x))),
    shown=[lambda x, y: divide(1.0, p.sqrt(1.0 - x * x))],
    summary="Inverse sine.",
    ordinary=between(-0.95, 0.95),
    aliases=("arcsin",),
)
libm(
    "acos",
    lambda x, y: divide(-1.0, p.sqrt(_one_minus_square(x))),
    shown=[lambda x, y: divide(-1.0, p.sqrt(1.0 - x * x))],
    summary="Inverse cosine.",
    ordinary=between(-0.95, 0.95),
    aliases=("arccos",),
)
libm(
    "atan",
    lambda x, y: select(
        greater(absolute(x), 1.0), divide(divide(1.0, x), x + divide(1.0, x)), divide(1.0, 1.0 + x * x)
    ),
    shown=[lambda x, y: divide(1.0, 1.0 + x * x)],
    summary="Inverse tangent.",
    raises=False,
    ordinary=between(-100, 100),
    aliases=("arctan",),
)
libm("sinh", lambda x, y: p.cosh(x), summary="Hyperbolic sine.", ordinary=between(-8, 8))
libm("cosh", lambda x, y: p.sinh(x), summary="Hyperbolic cosine.", ordinary=between(-8, 8))
libm(
    "tanh",
    lambda x, y: p.sech2(x),
    shown=[lambda x, y: 1.0 - y * y],
    summary="Hyperbolic tangent.",
    raises=False,
    ordinary=between(-6, 6),
)
libm(
    "asinh",
    shown=[lambda x, y: divide(1.0, p.sqrt(x * x + 1.0))],
    partial=lambda x, y: select(
        greater(absolute(x), 1e8), divide(1.0, absolute(x)), divide(1.0, p.sqrt(x * x + 1.0))
    ),
    summary="Inverse hyperbolic sine.",
    raises=False,
    ordinary=anywhere,
    aliases=("arcsinh",),
)
libm(
    "acosh",
    lambda x, y: divide(1.0, p.sqrt(x - 1.0) * p.sqrt(x + 1.0)),
    summary="Inverse hyperbolic cosine.",
    ordinary=between(1.05, p.INF),
    aliases=("arccosh",),
)
libm(
    "atanh",
    lambda x, y: divide(1.0, _one_minus_square(x)),
    shown=[lambda x, y: divide(1.0, 1.0 - x * x)],
    summary="Inverse hyperbolic tangent.",
    ordinary=between(-0.95, 0.95),
    aliases=("arctanh",),
)


def _over_squared_norm(part: Number, a: Number, b: Number) -> Number:
    """part / (a^2 + b^2) without overflow; 0 at the origin and at infinity. The scale m is held constant."""
    m = p.hold(larger(a, b))
    u, v = divide(a, m), divide(b, m)
    vanishes = select(p.equal(m, 0.0), 1.0, greater(m, p.MAX))
    return select(vanishes, 0.0, divide(divide(divide(part, m), u * u + v * v), m))


def _share_of_norm(a: Number, b: Number) -> Number:
    """a / sqrt(a^2 + b^2), from the ratio of the smaller to the larger; 0 at the origin."""
    u, v = divide(b, a), divide(a, b)
    large = divide(p.copysign(1.0, a), p.sqrt(1.0 + u * u))
    small = p.copysign(1.0, b) * divide(v, p.sqrt(1.0 + v * v))
    return select(p.equal(a, 0.0), select(p.equal(b, 0.0), 0.0, small),
                  select(p.greater_equal(absolute(a), absolute(b)), large, small))  # fmt: skip


row(
    "atan2",
    p.atan2,
    lambda a, b, y: _over_squared_norm(b, a, b),
    lambda a, b, y: -_over_squared_norm(a, a, b),
    shown=[lambda a, b, y: divide(b, a * a + b * b), lambda a, b, y: divide(-a, a * a + b * b)],
    summary="The angle of the point (x, y).",
    ordinary=lambda y, x: math.hypot(y, x) > 0.05 and not (x < 0 and abs(y) < 0.01),
    aliases=("arctan2",),
)
row(
    "hypot",
    p.hypot,
    lambda a, b, y: _share_of_norm(a, b),
    lambda a, b, y: _share_of_norm(b, a),
    shown=[lambda a, b, y: divide(a, y), lambda a, b, y: divide(b, y)],
    native=False,
    summary="sqrt(a^2 + b^2) without overflow.",
    ordinary=lambda a, b: math.hypot(a, b) > 0.05,
)


def _sinpi(x: Number) -> Number:
    r = x - 2.0 * p.rint(0.5 * x)  # exact, from -1 to 1
    return p.sin(math.pi * select(greater(absolute(r), 0.5), p.copysign(1.0 - absolute(r), r), r))


def _cospi(x: Number) -> Number:
    a = absolute(x - 2.0 * p.rint(0.5 * x))
    outer = select(p.less(a, 0.75), p.sin(math.pi * (0.5 - a)), -p.cos(math.pi * (1.0 - a)))
    return select(less_equal(a, 0.25), p.cos(math.pi * a), outer)


def _finite(x: float, rule: Rule) -> Number:
    """The rule's value for a number, which must be finite, as math.sin has it."""
    if math.isinf(x):
        raise ValueError("math domain error")
    return rule(x)


row(
    "sinpi",
    _sinpi,
    lambda x, y: math.pi * p.cospi(x),
    scalar=lambda x: _finite(x, _sinpi),
    summary="sin(pi x), exactly 0 at whole numbers.",
    ordinary=between(-100, 100),
)
row(
    "cospi",
    _cospi,
    lambda x, y: -math.pi * p.sinpi(x),
    scalar=lambda x: _finite(x, _cospi),
    summary="cos(pi x), exactly 0 at odd multiples of 1/2.",
    ordinary=between(-100, 100),
)


def _sinc(x: Number) -> Number:
    return select(
        p.equal(x, 0.0), 1.0, select(greater(absolute(x), p.MAX), 0.0, divide(p.sinpi(x), math.pi * x))
    )


def _sinc_slope(x: Number, y: Number) -> Number:
    far = select(greater(absolute(x), p.MAX), 0.0, divide(p.cospi(x) - y, x))
    return select(p.less(absolute(x), 0.75), _sinc_slope_inside(x), far)


def _sinc_slope_inside(x: Number) -> Number:
    """The power series of sinc'(x), for |x| < 1."""
    q, total = (math.pi * x) * (math.pi * x), 0.0
    for k in range(15, 0, -1):
        total = total * q + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    return math.pi * (math.pi * x) * total


row(
    "sinc",
    _sinc,
    _sinc_slope,
    shown=[lambda x, y: divide(p.cospi(x) - y, x)],
    summary="sin(pi x) / (pi x), 1 at 0 (as NumPy's).",
    definition="sinpi(x) / (pi * x) if x else mpf(1)",
    ordinary=lambda x: 0.1 < abs(x) < 20,
)
row(
    "degrees",
    lambda x: x * RADIAN,
    lambda x, y: RADIAN,
    summary="Radians in degrees.",
    definition="x * 180 / pi",
    ordinary=anywhere,
    aliases=("rad2deg",),
)
row(
    "radians",
    lambda x: x * DEGREE,
    lambda x, y: DEGREE,
    summary="Degrees in radians.",
    definition="x * pi / 180",
    ordinary=anywhere,
    aliases=("deg2rad",),
)


def _sech2(x: Number) -> Number:
    e = exp(select(greater(x, 0.0), -2.0 * x, 2.0 * x))  # a NaN keeps its sign
    return divide(4.0 * e, (1.0 + e) * (1.0 + e))


row(
    "sech2",
    _sech2,
    lambda x, y: -2.0 * (y * p.tanh(x)),
    summary="1 / cosh(x)^2, the slope of tanh, exact where tanh saturates.",
    definition="1 / cosh(x) ** 2",
    ordinary=between(-8, 8),
)
