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
    Domain,
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

__all__ = ["BUILTIN", "OPERATIONS", "Operation", "Reduction", "anywhere", "apart", "formula"]

_LN2, _INVERSE_LN2, _INVERSE_LN10 = math.log(2.0), math.log2(math.e), math.log10(math.e)
_ROOT_HALF, _INVERSE_ROOT_2PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
_TWO_OVER_ROOT_PI, _HALF_ROOT_PI = 2 / math.sqrt(math.pi), math.sqrt(math.pi) / 2
_DEGREE, _RADIAN = math.pi / 180.0, 180.0 / math.pi


# --- where random graphs use an operation -----------------------------------------------------------------


def anywhere(*operands: float) -> bool:
    """Every operand will do."""
    return True


def apart(a: float, b: float) -> bool:
    """No tie, where the choice between two operands changes."""
    return abs(a - b) > 1e-3


def _beyond(limit: float) -> Domain:
    return lambda x, *others: abs(x) > limit


def _between(low: float, high: float) -> Domain:
    return lambda x: low < x < high


def _all_apart(a: float, b: float, c: float) -> bool:
    return apart(a, b) and apart(b, c) and apart(a, c)


def _close(*xs: float) -> bool:
    return max(xs) - min(xs) < 10


def _operation(name: str, rule: Rule, *partials: Rule, **facts: Any) -> None:
    add_operation(Operation(name, rule, *partials, **facts))


def _libm(name: str, partial: Rule, **facts: Any) -> None:
    _operation(name, getattr(p, name), partial, scalar=getattr(math, name), **facts)


# --- arithmetic -----------------------------------------------------------------------------------------

_operation(
    "add",
    operator.add,
    lambda a, b, y: 1.0,
    lambda a, b, y: 1.0,
    symbol="+",
    definition="a + b",
    ordinary=anywhere,
)
_operation(
    "sub",
    operator.sub,
    lambda a, b, y: 1.0,
    lambda a, b, y: -1.0,
    symbol="-",
    definition="a - b",
    ordinary=anywhere,
)
_operation(
    "mul",
    operator.mul,
    lambda a, b, y: b,
    lambda a, b, y: a,
    symbol="*",
    definition="a * b",
    ordinary=anywhere,
)
_operation(
    "div",
    divide,
    lambda a, b, y: divide(1.0, b),
    lambda a, b, y: -divide(y, b),
    symbol="/",
    scalar=operator.truediv,
    definition="a / b",
    ordinary=lambda a, b: abs(b) > 0.05,
)
_operation(
    "neg",
    operator.neg,
    lambda x, y: -1.0,
    symbol="-",
    summary="-x.",
    definition="-x",
    ordinary=anywhere,
)
_operation(
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
_operation(
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
_operation(
    "abs",
    absolute,
    lambda x, y: p.sign(x),
    selecting=True,
    summary="|x|; its gradient at 0 is 0.",
    definition="fabs(x)",
    ordinary=_beyond(1e-3),
)

# --- exponentials and roots -----------------------------------------------------------------------------

_libm("exp", lambda x, y: y, summary="e to the power of x.", ordinary=_between(-20, 8))
_libm("expm1", lambda x, y: exp(x), summary="exp(x) - 1, exact for small x.", ordinary=_between(-20, 8))
_libm(
    "exp2",
    lambda x, y: y * _LN2,
    summary="2 to the power of x.",
    definition="power(2, x)",
    ordinary=_between(-20, 12),
)
_libm("log", lambda x, y: divide(1.0, x), summary="Natural logarithm.", ordinary=_between(0.02, p.INF))
_libm(
    "log1p",
    lambda x, y: divide(1.0, 1.0 + x),
    summary="log(1 + x), exact for small x.",
    ordinary=_between(-0.95, p.INF),
)
_libm(
    "log2",
    lambda x, y: divide(_INVERSE_LN2, x),
    summary="Logarithm to base 2.",
    definition="log(x) / log(2)",
    ordinary=_between(0.02, p.INF),
)
_libm(
    "log10",
    lambda x, y: divide(_INVERSE_LN10, x),
    summary="Logarithm to base 10.",
    ordinary=_between(0.02, p.INF),
)
_libm("sqrt", lambda x, y: divide(0.5, y), summary="Square root.", ordinary=_between(0.02, p.INF))
_libm(
    "cbrt",
    lambda x, y: select(p.equal(x, 0.0), divide(1.0, 3.0 * (y * y)), divide(divide(y, x), 3.0)),
    shown=[lambda x, y: divide(1.0, 3.0 * (y * y))],
    summary="Cube root.",
    definition="sign(x) * root(fabs(x), 3)",
    raises=False,
    ordinary=_beyond(0.02),
)
_operation(
    "square",
    lambda x: x * x,
    lambda x, y: 2.0 * x,
    summary="x * x.",
    definition="x * x",
    ordinary=anywhere,
)
_operation(
    "reciprocal",
    lambda x: divide(1.0, x),
    lambda x, y: -(y * y),
    scalar=lambda x: 1.0 / x,
    summary="1 / x.",
    definition="1 / x",
    ordinary=_beyond(0.05),
)


def _one_minus_square(x: Number) -> Number:
    """1 - x^2, accurate near 1, with a derivative that is accurate near 0."""
    return select(p.less(absolute(x), 0.5), 1.0 - x * x, (1.0 - x) * (1.0 + x))


# --- trigonometry ---------------------------------------------------------------------------------------

_libm("sin", lambda x, y: p.cos(x), summary="Sine.", ordinary=_between(-100, 100))
_libm("cos", lambda x, y: -p.sin(x), summary="Cosine.", ordinary=_between(-100, 100))
_libm(
    "tan",
    lambda x, y: 1.0 + y * y,
    summary="Tangent.",
    ordinary=lambda x: abs(x) < 100 and abs(math.cos(x)) > 0.1,
)
_libm(
    "asin",
    lambda x, y: divide(1.0, p.sqrt(_one_minus_square(x))),
    shown=[lambda x, y: divide(1.0, p.sqrt(1.0 - x * x))],
    summary="Inverse sine.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arcsin",),
)
_libm(
    "acos",
    lambda x, y: divide(-1.0, p.sqrt(_one_minus_square(x))),
    shown=[lambda x, y: divide(-1.0, p.sqrt(1.0 - x * x))],
    summary="Inverse cosine.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arccos",),
)
_libm(
    "atan",
    lambda x, y: select(
        greater(absolute(x), 1.0), divide(divide(1.0, x), x + divide(1.0, x)), divide(1.0, 1.0 + x * x)
    ),
    shown=[lambda x, y: divide(1.0, 1.0 + x * x)],
    summary="Inverse tangent.",
    raises=False,
    ordinary=_between(-100, 100),
    aliases=("arctan",),
)
_libm("sinh", lambda x, y: p.cosh(x), summary="Hyperbolic sine.", ordinary=_between(-8, 8))
_libm("cosh", lambda x, y: p.sinh(x), summary="Hyperbolic cosine.", ordinary=_between(-8, 8))
_libm(
    "tanh",
    lambda x, y: p.sech2(x),
    shown=[lambda x, y: 1.0 - y * y],
    summary="Hyperbolic tangent.",
    raises=False,
    ordinary=_between(-6, 6),
)
_libm(
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
_libm(
    "acosh",
    lambda x, y: divide(1.0, p.sqrt(x - 1.0) * p.sqrt(x + 1.0)),
    summary="Inverse hyperbolic cosine.",
    ordinary=_between(1.05, p.INF),
    aliases=("arccosh",),
)
_libm(
    "atanh",
    lambda x, y: divide(1.0, _one_minus_square(x)),
    shown=[lambda x, y: divide(1.0, 1.0 - x * x)],
    summary="Inverse hyperbolic tangent.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arctanh",),
)


def _larger(a: Number, b: Number) -> Number:
    return select(greater(absolute(a), absolute(b)), absolute(a), absolute(b))


def _over_squared_norm(part: Number, a: Number, b: Number) -> Number:
    """part / (a^2 + b^2) without overflow; 0 at the origin. The scale m cancels: it is held constant."""
    m = p.hold(_larger(a, b))
    u, v = divide(a, m), divide(b, m)
    return select(p.equal(m, 0.0), 0.0, divide(divide(divide(part, m), u * u + v * v), m))


def _share_of_norm(a: Number, b: Number) -> Number:
    """a / sqrt(a^2 + b^2), from the ratio of the smaller to the larger; 0 at the origin."""
    u, v = divide(b, a), divide(a, b)
    large = divide(p.copysign(1.0, a), p.sqrt(1.0 + u * u))
    small = p.copysign(1.0, b) * divide(v, p.sqrt(1.0 + v * v))
    return select(p.equal(a, 0.0), select(p.equal(b, 0.0), 0.0, small),
                  select(p.greater_equal(absolute(a), absolute(b)), large, small))  # fmt: skip


_operation(
    "atan2",
    p.atan2,
    lambda a, b, y: _over_squared_norm(b, a, b),
    lambda a, b, y: -_over_squared_norm(a, a, b),
    shown=[lambda a, b, y: divide(b, a * a + b * b), lambda a, b, y: divide(-a, a * a + b * b)],
    summary="The angle of the point (x, y).",
    ordinary=lambda y, x: math.hypot(y, x) > 0.05 and not (x < 0 and abs(y) < 0.01),
    aliases=("arctan2",),
)
_operation(
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


_operation(
    "sinpi",
    _sinpi,
    lambda x, y: math.pi * p.cospi(x),
    scalar=lambda x: _finite(x, _sinpi),
    summary="sin(pi x), exactly 0 at whole numbers.",
    ordinary=_between(-100, 100),
)
_operation(
    "cospi",
    _cospi,
    lambda x, y: -math.pi * p.sinpi(x),
    scalar=lambda x: _finite(x, _cospi),
    summary="cos(pi x), exactly 0 at odd multiples of 1/2.",
    ordinary=_between(-100, 100),
)


def _sinc(x: Number) -> Number:
    return select(
        p.equal(x, 0.0), 1.0, select(greater(absolute(x), p.MAX), 0.0, divide(p.sinpi(x), math.pi * x))
    )


def _sinc_slope(x: Number) -> Number:
    """The power series of sinc'(x), for |x| < 1."""
    q, total = (math.pi * x) * (math.pi * x), 0.0
    for k in range(15, 0, -1):
        total = total * q + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    return math.pi * (math.pi * x) * total


_operation(
    "sinc",
    _sinc,
    lambda x, y: select(p.less(absolute(x), 0.75), _sinc_slope(x), divide(p.cospi(x) - y, x)),
    shown=[lambda x, y: divide(p.cospi(x) - y, x)],
    summary="sin(pi x) / (pi x), 1 at 0 (as NumPy's).",
    definition="sinpi(x) / (pi * x) if x else mpf(1)",
    ordinary=lambda x: 0.1 < abs(x) < 20,
)
_operation(
    "degrees",
    lambda x: x * _RADIAN,
    lambda x, y: _RADIAN,
    summary="Radians in degrees.",
    definition="x * 180 / pi",
    ordinary=anywhere,
    aliases=("rad2deg",),
)
_operation(
    "radians",
    lambda x: x * _DEGREE,
    lambda x, y: _DEGREE,
    summary="Degrees in radians.",
    definition="x * pi / 180",
    ordinary=anywhere,
    aliases=("deg2rad",),
)


def _sech2(x: Number) -> Number:
    e = exp(select(greater(x, 0.0), -2.0 * x, 2.0 * x))  # a NaN keeps its sign
    return divide(4.0 * e, (1.0 + e) * (1.0 + e))


_operation(
    "sech2",
    _sech2,
    lambda x, y: -2.0 * (y * p.tanh(x)),
    summary="1 / cosh(x)^2, the slope of tanh, exact where tanh saturates.",
    definition="1 / cosh(x) ** 2",
    ordinary=_between(-8, 8),
)

# --- special functions ----------------------------------------------------------------------------------


def _gaussian(x: Number) -> Number:
    a = select(greater(absolute(x), 40.0), 40.0, absolute(x))
    high = p.floor(a * 64.0) * 0.015625  # its square is exact, so that rounding is not magnified
    return exp(-0.5 * (high * high)) * exp(-0.5 * ((a - high) * (a + high)))


_operation(
    "gaussian",
    _gaussian,
    lambda x, y: -(x * y),
    shown=[lambda x, y: -x * y],
    summary="exp(-x^2 / 2), exact in the tails.",
    definition="exp(-x * x / 2)",
    ordinary=_between(-8, 8),
)
_libm(
    "erf",
    lambda x, y: _TWO_OVER_ROOT_PI * (p.gaussian(x) * p.gaussian(x)),
    shown=[lambda x, y: _TWO_OVER_ROOT_PI * exp(-(x * x))],
    summary="Error function.",
    raises=False,
    ordinary=_between(-3, 3),
)
_libm(
    "erfc",
    lambda x, y: -(_TWO_OVER_ROOT_PI * (p.gaussian(x) * p.gaussian(x))),
    shown=[lambda x, y: -(_TWO_OVER_ROOT_PI * exp(-(x * x)))],
    summary="1 - erf(x), exact for large x.",
    raises=False,
    ordinary=_between(-3, 3),
)


def _bounded_erfcx(x: float) -> Number:
    y = p.erfcx(x)
    if y == p.INF:
        raise OverflowError("math range error")
    return y


_operation(
    "erfcx",
    p.erfcx,
    lambda x, y: -2.0 * p.ierfcx(1.0, x),
    shown=[lambda x, y: 2.0 * x * y - _TWO_OVER_ROOT_PI],
    scalar=_bounded_erfcx,
    native=False,
    summary="exp(x^2) erfc(x), for x where erfc(x) is too small for a float.",
    definition="exp(x * x) * erfc(x)",
    ordinary=_between(-3, 100),
)
_operation(
    "ierfcx",
    p.ierfcx,
    lambda order, x, y: 0.0,
    lambda order, x, y: -2.0 * (order + 1.0) * p.ierfcx(order + 1.0, x),
    selecting=True,
    native=False,
    summary="exp(x^2) times the n-th repeated integral of erfc at x; erfcx for order 0.",
    definition="exp(x * x) * erfc(x) if order == 0 else ierfcx(order, x)",
)


def _erfinv(x: float) -> Number:
    if not -1.0 < x < 1.0 and x == x:
        raise ValueError("math domain error")
    return p.erfinv(x)


_operation(
    "erfinv",
    p.erfinv,
    # exp(y^2) = erfcx(y) / erfc(y), and erfc(y) = 1 - x is exact for x above 1/2
    lambda x, y: (
        _HALF_ROOT_PI
        * select(p.less(absolute(x), 0.5), exp(y * y), divide(p.erfcx(absolute(y)), 1.0 - absolute(x)))
    ),
    shown=[lambda x, y: _HALF_ROOT_PI * exp(y * y)],
    scalar=_erfinv,
    native=False,
    summary="The number whose erf is x.",
    ordinary=_between(-0.95, 0.95),
)
_operation(
    "gamma",
    p.gamma,
    lambda x, y: y * p.digamma(x),
    scalar=math.gamma,
    native=False,
    summary="The Gamma function: (x - 1)! for whole numbers.",
    ordinary=_between(0.05, 20),
)
_operation(
    "lgamma",
    p.lgamma,
    lambda x, y: p.digamma(x),
    scalar=math.lgamma,
    native=False,
    summary="Logarithm of |Gamma(x)|.",
    definition="log(fabs(gamma(x)))",
    ordinary=_between(0.05, 100),
)


def _off_poles(x: float) -> Number:
    y = p.digamma(x)
    if y != y and x == x:
        raise ValueError("math domain error")
    return y


_operation(
    "digamma",
    p.digamma,
    lambda x, y: p.polygamma(1.0, x),
    scalar=_off_poles,
    native=False,
    summary="The slope of lgamma.",
    ordinary=_between(0.05, 100),
)
_operation(
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


_operation(
    "digamma_difference",
    p.digamma_difference,
    lambda a, b, y: p.polygamma(1.0, a + b) - p.polygamma(1.0, a),
    lambda a, b, y: p.polygamma(1.0, a + b),
    native=False,
    summary="digamma(a + b) - digamma(a) without cancellation, for positive a and b; NaN elsewhere.",
    definition="digamma(a + b) - digamma(a)",
    ordinary=lambda a, b: 0.05 < a < 20 and 0.05 < b < 20,
)
_operation(
    "beta",
    p.beta,
    lambda a, b, y: -(y * p.digamma_difference(a, b)),
    lambda a, b, y: -(y * p.digamma_difference(b, a)),
    shown=[
        lambda a, b, y: y * (p.digamma(a) - p.digamma(a + b)),
        lambda a, b, y: y * (p.digamma(b) - p.digamma(a + b)),
    ],
    scalar=_positive_beta,
    native=False,
    summary="Gamma(a) Gamma(b) / Gamma(a + b), for positive a and b.",
    ordinary=lambda a, b: 0.05 < a < 20 and 0.05 < b < 20,
)

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


_operation(
    "sigmoid",
    _logistic,
    lambda x, y: 0.25 * p.sech2(0.5 * x),
    shown=[lambda x, y: y * (1.0 - y)],
    summary="1 / (1 + exp(-x)); never overflows.",
    definition="1 / (1 + exp(-x))",
    ordinary=_between(-20, 10),
)
_operation(
    "logsigmoid",
    lambda x: -_softplus(-x),
    lambda x, y: p.sigmoid(-x),
    summary="log(sigmoid(x)); never overflows.",
    definition="-log1p(exp(-x))",
    ordinary=_between(-20, 10),
)
_operation(
    "softplus",
    _softplus,
    lambda x, y: p.sigmoid(x),
    summary="log(1 + exp(x)); never overflows.",
    definition="log1p(exp(x))",
    ordinary=_between(-10, 20),
)
_operation(
    "logit",
    _logit,
    lambda x, y: divide(1.0, x * (1.0 - x)),
    scalar=_logit_inside,
    summary="log(x / (1 - x)), the inverse of sigmoid.",
    definition="log(x / (1 - x))",
    ordinary=_between(0.02, 0.98),
)
_operation(
    "relu",
    lambda x: select(less_equal(x, 0.0), 0.0, x),
    lambda x, y: select(less_equal(x, 0.0), 0.0, 1.0),
    symbol="ReLU",
    selecting=True,
    summary="max(0, x).",
    definition="x if x > 0 else mpf(0)",
    ordinary=_beyond(1e-3),
)
_operation(
    "leaky_relu",
    _leaky_relu,
    lambda a, b, y: select(less_equal(a, 0.0), b, 1.0),
    lambda a, b, y: select(less_equal(a, 0.0), a, 0.0),
    summary="x where x > 0, else slope * x.",
    definition="x if x > 0 else slope * x",
    ordinary=_beyond(1e-3),
)
_operation(
    "elu",
    _elu,
    lambda a, b, y: select(less_equal(a, 0.0), b * exp(_negative_part(a)), 1.0),
    lambda a, b, y: select(less_equal(a, 0.0), p.expm1(_negative_part(a)), 0.0),
    summary="x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015).",
    definition="x if x > 0 else alpha * expm1(x)",
    ordinary=_beyond(1e-3),
)


def _twice_normal_cdf(x: Number) -> Number:
    """erfc(-x / sqrt(2)); the rounding of -x * sqrt(1/2), which the tail magnifies, is made good."""
    b = select(p.less(x, -1.0), select(p.less(x, -40.0), 40.0, -x), 0.0)
    c = b * _ROOT_HALF
    high, low = p.floor(b * 64.0) * 0.015625, p.floor(c * 64.0) * 0.015625  # their squares are exact
    missing = (0.5 * (high * high) - low * low) + (0.5 * ((b - high) * (b + high)) - (c - low) * (c + low))
    return p.erfc(-x * _ROOT_HALF) * (1.0 - missing)


_operation(
    "gelu",
    lambda x: 0.5 * x * _twice_normal_cdf(x),
    lambda x, y: 0.5 * p.erfc(-x * _ROOT_HALF) + x * (_INVERSE_ROOT_2PI * p.gaussian(x)),
    summary="x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016).",
    definition="x * erfc(-x / sqrt(2)) / 2",
    ordinary=_between(-6, 20),
)
_operation(
    "silu",
    lambda x: x * p.sigmoid(x),
    lambda x, y: p.sigmoid(x) * (1.0 + x * p.sigmoid(-x)),
    summary="x sigmoid(x).",
    definition="x / (1 + exp(-x))",
    ordinary=_between(-20, 20),
)

# --- selection and steps --------------------------------------------------------------------------------


def _nan_aware(a: Number, b: Number, chosen: Rule) -> Number:
    """`a` where chosen(a, b), `b` where chosen(b, a), and NaN where neither can be told."""
    return select(chosen(a, b), a, select(chosen(b, a), b, a + b))


def _share(a: Number, b: Number, wins: Rule) -> Number:
    return select(wins(a, b), 1.0, select(p.equal(a, b), 0.5, 0.0))


_operation(
    "maximum",
    lambda a, b: _nan_aware(a, b, p.greater_equal),
    lambda a, b, y: _share(a, b, greater),
    lambda a, b, y: _share(b, a, greater),
    selecting=True,
    summary="The larger of the two; a tie shares the gradient, 1/2 to each.",
    definition="a if a >= b else b",
    ordinary=apart,
)
_operation(
    "minimum",
    lambda a, b: _nan_aware(a, b, less_equal),
    lambda a, b, y: _share(a, b, p.less),
    lambda a, b, y: _share(b, a, p.less),
    selecting=True,
    summary="The smaller of the two; a tie shares the gradient, 1/2 to each.",
    definition="a if a <= b else b",
    ordinary=apart,
)
_operation(
    "logaddexp",
    lambda a, b: select(
        p.equal(a, b),
        a + _LN2,
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


_operation(
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
_operation(
    "copysign",
    p.copysign,
    lambda a, b, y: p.sign(a) * p.copysign(1.0, b),
    lambda a, b, y: 0.0,
    selecting=True,
    summary="|a| with the sign of b; its gradient with respect to a is 0 at 0, and to b 0.",
    definition="fabs(a) * sign(b)",
    ordinary=lambda a, b: abs(a) > 1e-3 and abs(b) > 1e-3,
)
_operation(
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
_operation(
    "where",
    lambda condition, a, b: select(condition, a, b),
    lambda a, b, c, y: 0.0,
    lambda a, b, c, y: select(a, 1.0, 0.0),
    lambda a, b, c, y: select(a, 0.0, 1.0),
    selecting=True,
    summary="a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0.",
    definition="a if condition != 0 else b",
)
_operation(
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
_operation(
    "sign",
    p.sign,
    lambda x, y: 0.0,
    selecting=True,
    summary="-1, 0 or 1; its gradient is 0.",
)
_operation(
    "floor",
    p.floor,
    lambda x, y: 0.0,
    selecting=True,
    summary="The largest whole number not above x, as a float; its gradient is 0.",
)
_operation(
    "ceil",
    p.ceil,
    lambda x, y: 0.0,
    selecting=True,
    summary="The smallest whole number not below x, as a float; its gradient is 0.",
)
_operation(
    "rint",
    p.rint,
    lambda x, y: 0.0,
    selecting=True,
    summary="The nearest whole number, the even one of two, as a float; its gradient is 0.",
    definition="nint(x)",
)
_operation(
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
    _operation(
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


_operation(
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
    ordinary=_close,
)
_exponentials(
    "log_softmax",
    finish=lambda m, s, n, x: (x - m) - p.log(s),
    partial=lambda w, y, same, others: select(same, others, 0.0 - w),
    shown=[lambda w, y, same: same - w],
    indexed=True,
    definition="xs[i] - log(fsum(map(exp, xs)))",
    ordinary=_close,
)
_reduction(
    "norm",
    pre=lambda m, x: _larger(m, x),
    step=lambda s, x, m: s + select(p.equal(m, 0.0), 0.0, divide(x, m) * divide(x, m)),
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
        ordinary=_all_apart,
    )

#: The built-in operations in the order of their numbers, which begin at 1.
BUILTIN = tuple(OPERATIONS.values())
