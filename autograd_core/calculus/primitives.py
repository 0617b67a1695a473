"""The vocabulary in which the operations' calculus is written.

Each function here takes floats, Values or Symbols and answers in kind: on floats it computes with IEEE
arithmetic (division by zero gives an infinity, never an exception), on Values it builds graph nodes, on
Symbols it builds the text of a formula. So one line such as ``1.0 - y * y`` serves the number, the
higher-order graph and the C source.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

INF = math.inf
NAN = math.nan
MAX = sys.float_info.max

Number = Any  # a float, a Value or a Symbol: whatever supports + - * /


def _ieee_call(function: Callable[[float], float], x: float) -> float:
    """What C's libm returns where Python's math raises."""
    try:
        return function(x)
    except OverflowError:
        return -INF if function is math.sinh and x < 0 else INF
    except ValueError:
        return _ieee_at_pole(function, x)


def _ieee_at_pole(function: Callable[[float], float], x: float) -> float:
    if x == 0 and function in (math.log, math.log2, math.log10):
        return -INF
    if x == -1 and function is math.log1p:
        return -INF
    if abs(x) == 1 and function is math.atanh:
        return math.copysign(INF, x)
    return NAN


def _primitive(name: str) -> Callable[[Number], Number]:
    """A function of one number: libm's on a float, the method of that name on anything else."""
    function: Callable[[float], float] = getattr(math, name)

    def primitive(x: Number) -> Number:
        if isinstance(x, (float, int)):
            return _ieee_call(function, float(x))
        return getattr(x, name)()

    primitive.__name__ = name
    return primitive


exp, expm1, exp2 = _primitive("exp"), _primitive("expm1"), _primitive("exp2")
log, log1p, log2, log10 = _primitive("log"), _primitive("log1p"), _primitive("log2"), _primitive("log10")
sqrt, cbrt = _primitive("sqrt"), _primitive("cbrt")
sin, cos, tan = _primitive("sin"), _primitive("cos"), _primitive("tan")
asin, acos, atan = _primitive("asin"), _primitive("acos"), _primitive("atan")
sinh, cosh, tanh = _primitive("sinh"), _primitive("cosh"), _primitive("tanh")
asinh, acosh, atanh = _primitive("asinh"), _primitive("acosh"), _primitive("atanh")
erf, erfc = _primitive("erf"), _primitive("erfc")


def plain(*numbers: Number) -> bool:
    """Tell whether all of them are plain numbers."""
    return all(isinstance(number, (float, int)) for number in numbers)


def lift(a: Number, b: Number) -> Number:
    """`a` as the kind of `b`, so that a method can be called on it."""
    return b.lift(a) if plain(a) else a


def divide(a: Number, b: Number) -> Number:
    """a / b, with IEEE's answer for b = 0."""
    if not plain(a, b) or b != 0:
        return a / b
    return NAN if a == 0 or a != a else math.copysign(INF, a) * math.copysign(1.0, b)


def power(a: Number, b: Number) -> Number:
    """C's pow(a, b): infinities and NaN where Python raises or turns complex."""
    if not plain(a, b):
        return a**b
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INF if a < 0 and b % 2 == 1 else INF
    except ValueError:
        if a != 0:
            return NAN
        return math.copysign(INF, a) if b % 2 == 1 else INF


def modulo(a: Number, b: Number) -> Number:
    """Python's a % b: the result has the sign of b; NaN for b = 0."""
    return NAN if plain(a, b) and b == 0 else a % b


def floor(x: Number) -> Number:
    """The largest whole number not above x, as a float; infinities stay."""
    if not plain(x):
        return x.floor()
    return float(math.floor(x)) if math.isfinite(x) and x != 0 else x


def ceil(x: Number) -> Number:
    """The smallest whole number not below x, as a float with the sign of x; infinities stay."""
    if not plain(x):
        return x.ceil()
    return math.copysign(float(math.ceil(x)), x) if math.isfinite(x) else x


def sign(x: Number) -> Number:
    """-1, 0 or 1; NaN for NaN."""
    if not plain(x):
        return x.sign()
    return x if x != x else float((x > 0) - (x < 0))


def absolute(x: Number) -> Number:
    """|x|."""
    return abs(x)


def atan2(y: Number, x: Number) -> Number:
    """The angle of the point (x, y)."""
    return math.atan2(y, x) if plain(y, x) else lift(y, x).atan2(x)


def hypot(a: Number, b: Number) -> Number:
    """sqrt(a^2 + b^2)."""
    return math.hypot(a, b) if plain(a, b) else lift(a, b).hypot(b)


def lgamma(x: Number) -> Number:
    """ln |Gamma(x)|."""
    return _ieee_call(math.lgamma, float(x)) if plain(x) else x.lgamma()


def greater(a: Number, b: Number) -> Number:
    """1 where a > b, else 0."""
    return float(a > b) if plain(a, b) else lift(a, b).greater(b)


def greater_equal(a: Number, b: Number) -> Number:
    """1 where a >= b, else 0."""
    return float(a >= b) if plain(a, b) else lift(a, b).greater_equal(b)


def less(a: Number, b: Number) -> Number:
    """1 where a < b, else 0."""
    return float(a < b) if plain(a, b) else lift(a, b).less(b)


def less_equal(a: Number, b: Number) -> Number:
    """1 where a <= b, else 0."""
    return float(a <= b) if plain(a, b) else lift(a, b).less_equal(b)


def equal(a: Number, b: Number) -> Number:
    """1 where a equals b as a number, else 0."""
    return float(a == b) if plain(a, b) else lift(a, b).equal(b)


def select(condition: Number, a: Number, b: Number) -> Number:
    """`a` where the condition is not 0, else `b`; on Values a ``where`` node, for a Program to replay."""
    if plain(condition):
        return a if condition else b
    return condition.where(a, b)


def sigmoid(x: Number) -> Number:
    """1 / (1 + exp(-x)), with an exponential that cannot overflow."""
    return logistic(x) if plain(x) else x.sigmoid()


def logistic(x: Number) -> Number:
    """The rule of `sigmoid`."""
    e = exp(-absolute(x))
    return divide(select(greater(x, 0.0), 1.0, e), 1.0 + e)


def hold(x: Number) -> Number:
    """x, treated as a constant by differentiation."""
    return x if plain(x) else x.stop_gradient()


def polygamma(order: Number, x: Number) -> Number:
    """The polygamma function psi_order(x), the (order + 1)-th derivative of ln Gamma.

    Args:
        order: 0 for digamma, 1 for trigamma and so on, up to 150 (NaN for other numbers).
        x: a real number above -1e5 that is not 0, -1, -2, ... (NaN elsewhere).

    Formula: recurrence up to x >= 12 + order, then the asymptotic series (Abramowitz & Stegun 1964,
    6.4.6-6.4.11).
    """
    if not plain(order, x):
        return lift(order, x).polygamma(x)
    if not 0 <= order <= 150 or order != int(order) or x != x or x < -1e5 or (x <= 0 and x == math.floor(x)):
        return NAN
    if x == INF:
        return INF if order == 0 else 0.0
    n = int(order)
    if n == 0 and x < 0:
        return polygamma(0, 1.0 - x) - math.pi / math.tan(math.pi * x)
    factor = -((-1.0) ** n) * math.factorial(n)
    terms = []
    while x < 12 + n:
        terms.append(divide(factor, power(x, n + 1.0)))
        x += 1.0
    terms.extend(_polygamma_series(n, x))
    return math.fsum(terms)


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


def _polygamma_series(n: int, x: float) -> list[float]:
    inverse = 1.0 / x
    if n == 0:
        tail = [-b / (2 * k) * inverse ** (2 * k) for k, b in enumerate(_BERNOULLI, 1)]
        return [math.log(x), -0.5 * inverse, *tail]
    factor = -((-1.0) ** n)
    terms = [math.factorial(n - 1) * inverse**n, math.factorial(n) / 2 * inverse ** (n + 1)]
    for k, b in enumerate(_BERNOULLI, 1):
        terms.append(b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) * inverse ** (2 * k + n))
    return [factor * term for term in terms]
