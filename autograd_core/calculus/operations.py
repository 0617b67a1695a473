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
maximum, minimum at a tie           1/2 to each; max, min of k equal numbers: 1/k to each
clip on a bound                     1 to x, 0 to the bound
where                               the branch not taken gets exactly 0; the condition 0
floor ceil sign and comparisons     0 everywhere
a ** 0 with respect to a            0, at a = 0 too
0 ** b with respect to b            0 for b > 0
sqrt, cbrt at 0                     infinity (not raised; ``diagnose()`` reports it)
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
    Operation,
    Reduction,
    Rule,
    _operation_named,  # noqa: F401 (pickles name it here)
    add_operation,
    formula,
)
from .primitives import Number, absolute, divide, exp, greater, less_equal, select

__all__ = ["BUILTIN", "OPERATIONS", "Operation", "Reduction", "anywhere", "apart", "formula"]

_LN2, _LN10 = math.log(2.0), math.log(10.0)
_TWO_OVER_ROOT_PI, _ROOT_HALF, _INVERSE_ROOT_2PI = (
    2 / math.sqrt(math.pi),
    math.sqrt(0.5),
    1 / math.sqrt(2 * math.pi),
)


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
    lambda x, y: divide(1.0, x * _LN2),
    summary="Logarithm to base 2.",
    definition="log(x) / log(2)",
    ordinary=_between(0.02, p.INF),
)
_libm(
    "log10",
    lambda x, y: divide(1.0, x * _LN10),
    summary="Logarithm to base 10.",
    ordinary=_between(0.02, p.INF),
)
_libm("sqrt", lambda x, y: divide(0.5, y), summary="Square root.", ordinary=_between(0.02, p.INF))
_libm(
    "cbrt",
    lambda x, y: divide(1.0, 3.0 * (y * y)),
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
    lambda x, y: divide(1.0, p.sqrt((1.0 - x) * (1.0 + x))),
    summary="Inverse sine.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arcsin",),
)
_libm(
    "acos",
    lambda x, y: divide(-1.0, p.sqrt((1.0 - x) * (1.0 + x))),
    summary="Inverse cosine.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arccos",),
)
_libm(
    "atan",
    lambda x, y: divide(1.0, 1.0 + x * x),
    summary="Inverse tangent.",
    raises=False,
    ordinary=_between(-100, 100),
    aliases=("arctan",),
)
_libm("sinh", lambda x, y: p.cosh(x), summary="Hyperbolic sine.", ordinary=_between(-8, 8))
_libm("cosh", lambda x, y: p.sinh(x), summary="Hyperbolic cosine.", ordinary=_between(-8, 8))
_libm(
    "tanh",
    lambda x, y: 1.0 - y * y,
    summary="Hyperbolic tangent.",
    raises=False,
    ordinary=_between(-6, 6),
)
_libm(
    "asinh",
    lambda x, y: select(
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
    lambda x, y: divide(1.0, (1.0 - x) * (1.0 + x)),
    summary="Inverse hyperbolic tangent.",
    ordinary=_between(-0.95, 0.95),
    aliases=("arctanh",),
)


def _larger(a: Number, b: Number) -> Number:
    return select(greater(absolute(a), absolute(b)), absolute(a), absolute(b))


def _over_squared_norm(part: Number, a: Number, b: Number) -> Number:
    """part / (a^2 + b^2) without overflow; 0 at the origin."""
    m = _larger(a, b)
    u, v = divide(a, m), divide(b, m)
    return select(p.equal(m, 0.0), 0.0, divide(divide(part, m), m * (u * u + v * v)))


_operation(
    "atan2",
    p.atan2,
    lambda a, b, y: _over_squared_norm(b, a, b),
    lambda a, b, y: -_over_squared_norm(a, a, b),
    summary="The angle of the point (x, y).",
    ordinary=lambda y, x: math.hypot(y, x) > 0.05 and not (x < 0 and abs(y) < 0.01),
    aliases=("arctan2",),
)
_operation(
    "hypot",
    p.hypot,
    lambda a, b, y: select(p.equal(y, 0.0), 0.0, divide(a, y)),
    lambda a, b, y: select(p.equal(y, 0.0), 0.0, divide(b, y)),
    native=False,
    summary="sqrt(a^2 + b^2) without overflow.",
    ordinary=lambda a, b: math.hypot(a, b) > 0.05,
)

# --- special functions ----------------------------------------------------------------------------------

_libm(
    "erf",
    lambda x, y: _TWO_OVER_ROOT_PI * exp(-(x * x)),
    summary="Error function.",
    raises=False,
    ordinary=_between(-3, 3),
)
_libm(
    "erfc",
    lambda x, y: -(_TWO_OVER_ROOT_PI * exp(-(x * x))),
    summary="1 - erf(x), exact for large x.",
    raises=False,
    ordinary=_between(-3, 3),
)
_operation(
    "lgamma",
    p.lgamma,
    lambda x, y: p.polygamma(0.0, x),
    scalar=math.lgamma,
    native=False,
    summary="Logarithm of |Gamma(x)|.",
    definition="loggamma(x)",
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

# --- activations: every exponential is of a number that is not positive, so that none overflows ---------


def _negative_part(x: Number) -> Number:
    return select(greater(x, 0.0), 0.0, x)


def _softplus(x: Number) -> Number:
    return select(less_equal(x, 0.0), 0.0, x) + p.log1p(exp(-absolute(x)))


def _leaky_relu(x: Number, slope: Number = 0.01) -> Number:
    return select(less_equal(x, 0.0), slope * x, x)


def _elu(x: Number, alpha: Number = 1.0) -> Number:
    return select(less_equal(x, 0.0), alpha * p.expm1(_negative_part(x)), x)


_operation(
    "sigmoid",
    p.logistic,
    lambda x, y: y * (1.0 - y),
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
_operation(
    "gelu",
    lambda x: 0.5 * x * p.erfc(-x * _ROOT_HALF),
    lambda x, y: 0.5 * p.erfc(-x * _ROOT_HALF) + x * (_INVERSE_ROOT_2PI * exp(-0.5 * (x * x))),
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


def _shifted(x: Number, m: Number) -> Number:
    return exp(x - m)


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
_reduction(
    "logsumexp",
    pre0=-p.MAX,
    pre=_shift,
    step=lambda s, x, m: s + _shifted(x, m),
    finish=lambda m, s, n, x: m + p.log(s),
    partial=lambda x, m, s, y, n, same: divide(_shifted(x, m), s),
    definition="log(fsum(map(exp, xs)))",
    ordinary=anywhere,
)
_reduction(
    "softmax",
    pre0=-p.MAX,
    pre=_shift,
    step=lambda s, x, m: s + _shifted(x, m),
    finish=lambda m, s, n, x: divide(_shifted(x, m), s),
    partial=lambda x, m, s, y, n, same: y * (same - divide(_shifted(x, m), s)),
    indexed=True,
    definition="exp(xs[i]) / fsum(map(exp, xs))",
    ordinary=_close,
)
_reduction(
    "log_softmax",
    pre0=-p.MAX,
    pre=_shift,
    step=lambda s, x, m: s + _shifted(x, m),
    finish=lambda m, s, n, x: (x - m) - p.log(s),
    partial=lambda x, m, s, y, n, same: same - divide(_shifted(x, m), s),
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
