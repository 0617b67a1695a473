"""The built-in operations: each one's calculus, and every other fact about it, once, in its row.

A row gives an operation's value and its partials, with x (or a, b, c) the operands and y the value. The same
row makes the eager number (through the C header that `codegen` writes from it), the graph of a higher-order
gradient, the replayed lane of a Program, and the formula that the stepper shows. The method of Value, the
function, the name in expressions on the command line, the operands of random graphs and the reference of the
tests come from it too; see `Operation` for the facts.

Conventions at singular points and ties (the table of the README is checked against this file):

==================================  ==========================================================
relu, leaky_relu, elu at 0          the slope of the left side: 0, `slope`, `alpha`
abs, hypot, norm, atan2 at 0        0
copysign with respect to b          0; with respect to a at 0: 0
maximum, minimum at a tie           1/2 to each; max, min of k equal numbers: 1/k to each
clip on a bound                     1 to x, 0 to the bound
where                               the branch not taken gets exactly 0; the condition 0
floor ceil rint sign, comparisons   0 everywhere
heaviside                           0 with respect to x; to `half`: 1 at 0, else 0
a ** 0 with respect to a            0, at a = 0 too
0 ** b with respect to b            0 for b > 0
sqrt, cbrt at 0                     infinity (not raised; ``diagnose()`` reports it)
xlogy at a = b = 0                  0 to b; log(0), minus infinity, to a
==================================  ==========================================================

An operation that is *selecting* chooses between its operands: where its partial is 0 it sends nothing at all
to that operand, so that 0 * inf cannot arise behind a branch that was not taken. A partial that merely
happens to be 0, as that of a square at 0, does not count: its own derivative is not 0.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from . import primitives as p
from .operation import (
    OPERATIONS,
    Dot,
    Exponentials,
    Operation,
    Reduction,
    Rule,
    _operation_named,  # noqa: F401 (pickles name it here)
    add_operation,
    formula,
)
from .primitives import Number, absolute, divide, exp, greater, less_equal, select
from .rows import (
    DEGREE,
    INVERSE_LN2,
    INVERSE_LN10,
    INVERSE_ROOT_2PI,
    LN2,
    RADIAN,
    ROOT_HALF,
    all_apart,
    anywhere,
    apart,
    between,
    beyond,
    close,
    libm,
    row,
    within,
)

__all__ = ["BUILTIN", "OPERATIONS", "Operation", "Reduction", "anywhere", "apart", "formula"]

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
row(
    "pow",
    p.power,
    lambda a, b, y: select(p.equal(b, 0.0), 0.0, b * p.power(a, b - 1.0)),
    lambda a, b, y: select(p.equal(a, 0.0), select(greater(b, 0.0), 0.0, p.NAN), y * p.log(a)),
    symbol="**",
    scalar=operator.pow,
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


def _larger(a: Number, b: Number) -> Number:
    return select(greater(absolute(a), absolute(b)), absolute(a), absolute(b))


def _over_squared_norm(part: Number, a: Number, b: Number) -> Number:
    """part / (a^2 + b^2) without overflow; 0 at the origin and at infinity. The scale m is held constant."""
    m = p.hold(_larger(a, b))
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

# --- special functions ----------------------------------------------------------------------------------

from . import special_operations  # noqa: E402, F401 - their rows stand here in the order

# --- activations: every exponential is of a number that is not positive, so that none overflows ---------


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

# --- selection and steps --------------------------------------------------------------------------------


def _nan_aware(a: Number, b: Number, chosen: Rule) -> Number:
    """`a` where chosen(a, b), `b` where chosen(b, a), and NaN where neither can be told."""
    return select(chosen(a, b), a, select(chosen(b, a), b, a + b))


def _share(a: Number, b: Number, wins: Rule) -> Number:
    return select(wins(a, b), 1.0, select(p.equal(a, b), 0.5, 0.0))


row(
    "maximum",
    lambda a, b: _nan_aware(a, b, p.greater_equal),
    lambda a, b, y: _share(a, b, greater),
    lambda a, b, y: _share(b, a, greater),
    selecting=True,
    summary="The larger of the two; a tie shares the gradient, 1/2 to each.",
    definition="a if a >= b else b",
    ordinary=apart,
)
row(
    "minimum",
    lambda a, b: _nan_aware(a, b, less_equal),
    lambda a, b, y: _share(a, b, p.less),
    lambda a, b, y: _share(b, a, p.less),
    selecting=True,
    summary="The smaller of the two; a tie shares the gradient, 1/2 to each.",
    definition="a if a <= b else b",
    ordinary=apart,
)
row(
    "logaddexp",
    lambda a, b: select(
        p.equal(a, b),
        a + LN2,
        _nan_aware(a, b, p.greater_equal) + p.log1p(exp(-absolute(a - b))),
    ),
    lambda a, b, y: p.sigmoid(a - b),
    lambda a, b, y: p.sigmoid(b - a),
    summary="log(exp(a) + exp(b)); never overflows.",
    definition="log(exp(a) + exp(b))",
    ordinary=lambda a, b: abs(a - b) < 20,
)


def _xlogy(a: float, b: float) -> Number:
    if a != 0.0 or b != b:
        math.log(b)  # what it raises
    return OPERATIONS["xlogy"].rule(a, b)


row(
    "xlogy",
    lambda a, b: select(p.equal(a, 0.0), select(p.equal(b, b), 0.0, b), a * p.log(b)),
    lambda a, b, y: p.log(b),
    lambda a, b, y: divide(a, select(p.equal(a, 0.0), select(p.equal(b, 0.0), 1.0, b), b)),
    shown=[lambda a, b, y: p.log(b), lambda a, b, y: divide(a, b)],
    scalar=_xlogy,
    summary="a log(b), and 0 where a is 0, even for b = 0.",
    definition="a * log(b) if a else mpf(0)",
    ordinary=lambda a, b: abs(a) > 0.01 and b > 0.02,
)
row(
    "copysign",
    p.copysign,
    lambda a, b, y: p.sign(a) * p.copysign(1.0, b),
    lambda a, b, y: 0.0,
    selecting=True,
    summary="|a| with the sign of b; its gradient with respect to a is 0 at 0, and to b 0.",
    definition="fabs(a) * sign(b)",
    ordinary=lambda a, b: abs(a) > 1e-3 and abs(b) > 1e-3,
)
row(
    "heaviside",
    lambda x, half: select(
        p.less(x, 0.0), 0.0, select(greater(x, 0.0), 1.0, select(p.equal(x, 0.0), half, x))
    ),
    lambda a, b, y: 0.0,
    lambda a, b, y: p.equal(a, 0.0),
    selecting=True,
    summary="0 for x < 0, 1 for x > 0, half at 0.",
    definition="mpf(0) if x < 0 else (mpf(1) if x > 0 else half)",
)
row(
    "where",
    lambda condition, a, b: select(condition, a, b),
    lambda a, b, c, y: 0.0,
    lambda a, b, c, y: select(a, 1.0, 0.0),
    lambda a, b, c, y: select(a, 0.0, 1.0),
    selecting=True,
    summary="a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0.",
    definition="a if condition != 0 else b",
)
row(
    "clip",
    lambda x, low, high: select(p.less(x, low), low, select(greater(x, high), high, x)),
    lambda a, b, c, y: select(p.less(a, b), 0.0, select(greater(a, c), 0.0, 1.0)),
    lambda a, b, c, y: select(p.less(a, b), 1.0, 0.0),
    lambda a, b, c, y: select(p.less(a, b), 0.0, select(greater(a, c), 1.0, 0.0)),
    selecting=True,
    summary="x kept within [low, high]; on a bound the gradient goes to x.",
    definition="low if x < low else (high if x > high else x)",
    ordinary=lambda x, low, high: low < high and abs(x - low) > 1e-3 < abs(x - high),
)
row(
    "sign",
    p.sign,
    lambda x, y: 0.0,
    selecting=True,
    summary="-1, 0 or 1; its gradient is 0.",
)
row(
    "floor",
    p.floor,
    lambda x, y: 0.0,
    selecting=True,
    summary="The largest whole number not above x, as a float; its gradient is 0.",
)
row(
    "ceil",
    p.ceil,
    lambda x, y: 0.0,
    selecting=True,
    summary="The smallest whole number not below x, as a float; its gradient is 0.",
)
row(
    "rint",
    p.rint,
    lambda x, y: 0.0,
    selecting=True,
    summary="The nearest whole number, the even one of two, as a float; its gradient is 0.",
    definition="nint(x)",
)
row(
    "stop_gradient",
    p.hold,
    lambda x, y: 0.0,
    selecting=True,
    summary="x with gradient 0, still part of the graph (and so of a Program).",
    definition="x",
)
for _name, _symbol in (
    ("greater", ">"),
    ("greater_equal", ">="),
    ("less", "<"),
    ("less_equal", "<="),
    ("equal", "=="),
):
    row(
        _name,
        getattr(p, _name),
        lambda a, b, y: 0.0,
        lambda a, b, y: 0.0,
        symbol=_symbol,
        selecting=True,
        summary=f"1 where a {_symbol} b, else 0, as a node (for `where`).",
        definition=f"mpf(a {_symbol} b)",
    )

# --- any number of operands -----------------------------------------------------------------------------


def _shift(m: Number, x: Number) -> Number:
    """The running maximum by which exponentials are shifted, kept finite."""
    return select(greater(x, m), select(less_equal(x, p.MAX), x, m), m)


add_operation(Dot("dot"))


def _reduction(name: str, **parts: Any) -> None:
    add_operation(Reduction(name, **parts))


_reduction(
    "sum",
    step=lambda s, x, m: s + x,
    finish=lambda m, s, n, x: s,
    partial=lambda x, m, s, y, n, same: 1.0,
    definition="fsum(xs)",
    ordinary=anywhere,
)
_reduction(
    "mean",
    step=lambda s, x, m: s + x,
    finish=lambda m, s, n, x: divide(s, n),
    partial=lambda x, m, s, y, n, same: divide(1.0, n),
    definition="fsum(xs) / len(xs)",
    ordinary=anywhere,
)


def _exponentials(name: str, **parts: Any) -> None:
    folds: dict[str, Any] = {"pre0": -p.MAX, "pre": _shift, "step": lambda s, x, m: s + exp(x - m)}
    add_operation(Exponentials(name, **folds, **parts))


row(
    "complement",
    lambda w, others: others,
    lambda w, others, y: -1.0,
    lambda w, others, y: 0.0,
    selecting=True,
    summary="1 - w, where its value is known as `others`, without cancellation; the gradient goes to w.",
    definition="others",
)
_exponentials(
    "logsumexp",
    finish=lambda m, s, n, x: m + p.log(s),
    partial=lambda w, y, same, others: w,
    shown=[lambda w, y, same: w],
    definition="log(fsum(map(exp, xs)))",
    ordinary=anywhere,
)
_exponentials(
    "softmax",
    finish=lambda m, s, n, x: divide(exp(x - m), s),
    partial=lambda w, y, same, others: y * select(same, others, 0.0 - w),
    shown=[lambda w, y, same: y * (same - w)],
    indexed=True,
    definition="exp(xs[i]) / fsum(map(exp, xs))",
    ordinary=close,
)
_exponentials(
    "log_softmax",
    finish=lambda m, s, n, x: (x - m) - p.log(s),
    partial=lambda w, y, same, others: select(same, others, 0.0 - w),
    shown=[lambda w, y, same: same - w],
    indexed=True,
    definition="xs[i] - log(fsum(map(exp, xs)))",
    ordinary=close,
)
_reduction(
    "norm",
    pre=lambda m, x: _larger(m, x),
    # where m is 0, x is 0 or NaN
    step=lambda s, x, m: s + select(p.equal(m, 0.0), x, divide(x, m) * divide(x, m)),
    finish=lambda m, s, n, x: select(greater(m, p.MAX), m, m * p.sqrt(s)),
    partial=lambda x, m, s, y, n, same: select(p.equal(y, 0.0), 0.0, divide(x, y)),
    definition="sqrt(fsum(x * x for x in xs))",
    ordinary=lambda *xs: max(map(abs, xs)) > 0.05,
)
for _name, _least, _wins in (("max", -p.INF, p.greater_equal), ("min", p.INF, less_equal)):
    _reduction(
        _name,
        pre0=_least,
        pre=lambda m, x, wins=_wins: _nan_aware(m, x, wins),
        step=lambda s, x, m: s + p.equal(x, m),
        finish=lambda m, s, n, x: m,
        partial=lambda x, m, s, y, n, same: select(p.equal(x, m), divide(1.0, s), 0.0),
        selecting=True,
        definition=f"{_name}(xs)",
        ordinary=all_apart,
    )

#: The built-in operations in the order of their numbers, which begin at 1.
BUILTIN = tuple(OPERATIONS.values())
