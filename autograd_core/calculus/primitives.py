"""The vocabulary in which the operations' calculus is written.

Each function here takes floats, Values or Symbols and answers in kind: on floats it computes with IEEE
arithmetic (division by zero gives an infinity, never an exception), on Values it builds graph nodes, on
Symbols it builds the text of a formula. So one line such as ``1.0 - y * y`` serves the number, the
higher-order graph and the C source.
"""

from __future__ import annotations

import math
import operator
import sys
import weakref
from collections import ChainMap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import special

if TYPE_CHECKING:
    from .operation import Operation

INF = math.inf
NAN = math.nan
MAX = sys.float_info.max


class _Operations(ChainMap[str, "Operation"]):
    """The built-in operations by name, and the users' own for as long as somebody holds them."""

    def __init__(self) -> None:
        super().__init__({}, weakref.WeakValueDictionary())

    def __setitem__(self, name: str, operation: Operation) -> None:
        self.maps[operation.identifier == 0][name] = operation

    def __delitem__(self, name: str) -> None:
        del self.maps[name not in self.maps[0]][name]

    def clear(self) -> None:
        """Forget the users' own."""
        self.maps[1].clear()


#: The operations by name, the built-in ones in the order of their numbers: filled by the rows.
OPERATIONS = _Operations()
_built_in = OPERATIONS.maps[0]

Number = Any  # a float, a Value or a Symbol: whatever supports + - * /


def plain(*numbers: Number) -> bool:
    """Tell whether all of them are plain numbers."""
    for number in numbers:  # noqa: SIM110 - twice as fast as all(...)
        if not isinstance(number, (float, int)):
            return False
    return True


def lift(a: Number, b: Number) -> Number:
    """`a` as the kind of `b`, so that a method can be called on it."""
    return b.lift(a) if plain(a) else a


def _of_floats(name: str, function: Callable[..., float]) -> Callable[..., Number]:
    """A function of one or two floats; on anything else the method of that name."""

    def one(x: Number) -> Number:
        return function(float(x)) if isinstance(x, (float, int)) else getattr(x, name)()

    def two(a: Number, b: Number) -> Number:
        return function(float(a), float(b)) if plain(a, b) else getattr(lift(a, b), name)(b)

    chosen = two if function.__code__.co_argcount == 2 else one
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    chosen.__code__ = chosen.__code__.replace(co_varnames=names)  # the operation's parameters
    chosen.__name__ = name
    return chosen


def _libm(name: str) -> Callable[[Number], Number]:
    """A function of Python's math, with what C's libm returns where it raises."""
    function: Callable[[float], float] = getattr(math, name)

    def ieee(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return -INF if function is math.sinh and x < 0 else INF
        except ValueError:
            return _ieee_at_pole(function, x)

    return _of_floats(name, ieee)


def _ieee_at_pole(function: Callable[[float], float], x: float) -> float:
    if x == 0 and function in (math.log, math.log2, math.log10):
        return -INF
    if x == -1 and function is math.log1p:
        return -INF
    if abs(x) == 1 and function is math.atanh:
        return math.copysign(INF, x)
    return NAN


exp, expm1, exp2 = _libm("exp"), _libm("expm1"), _libm("exp2")
log, log1p, log2, log10 = _libm("log"), _libm("log1p"), _libm("log2"), _libm("log10")
sqrt, cbrt = _libm("sqrt"), _libm("cbrt")
sin, cos, tan = _libm("sin"), _libm("cos"), _libm("tan")
asin, acos, atan = _libm("asin"), _libm("acos"), _libm("atan")
sinh, cosh, tanh = _libm("sinh"), _libm("cosh"), _libm("tanh")
asinh, acosh, atanh = _libm("asinh"), _libm("acosh"), _libm("atanh")
erf, erfc = _libm("erf"), _libm("erfc")


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


def copysign(a: Number, b: Number) -> Number:
    """|a| with the sign of b, that of a zero too."""
    return math.copysign(a, b) if plain(a, b) else lift(a, b).copysign(b)


def rint(x: Number) -> Number:
    """The nearest whole number, that of two which is even, as a float; infinities stay."""
    if not plain(x):
        return x.rint()
    return math.copysign(float(round(x)), x) if math.isfinite(x) else x


def _comparison(name: str, relation: Callable[[float, float], bool]) -> Callable[[Number, Number], Number]:
    """1 where two numbers have a relation, else 0."""

    def compare(a: Number, b: Number) -> Number:
        return float(relation(a, b)) if plain(a, b) else getattr(lift(a, b), name)(b)

    compare.__name__ = name
    return compare


greater, greater_equal = _comparison("greater", operator.gt), _comparison("greater_equal", operator.ge)
less, less_equal = _comparison("less", operator.lt), _comparison("less_equal", operator.le)
equal = _comparison("equal", operator.eq)


def select(condition: Number, a: Number, b: Number) -> Number:
    """`a` where the condition is not 0, else `b`; on Values a ``where`` node, for a Program to replay."""
    if plain(condition):
        return a if condition else b
    return condition.where(a, b)


def hold(x: Number) -> Number:
    """x, treated as a constant by differentiation."""
    return x if plain(x) else x.stop_gradient()


def complement(w: Number, others: Number) -> Number:
    """1 - w, whose value is known as `others`: on Values its gradient goes to w alone."""
    return w.complement(others) if hasattr(w, "softmax") else others


_latest: list[weakref.ref[Any]] = []


def softmax(xs: Sequence[Number]) -> Sequence[Number]:
    """exp(x_j) / sum_k exp(x_k) for each j, as nodes: of Values alone.

    The n outputs of a softmax ask for the same n nodes one after the other: the latest are given again.
    """
    global _latest
    nodes: list[Any] = [reference() for reference in _latest]
    known = next((node for node in nodes if node is not None), None)
    if known is None or len(nodes) != len(xs) or not all(map(operator.is_, known.parents, xs)):
        nodes = list(xs[0].softmax(xs))
    else:
        nodes = [xs[0].softmax(xs, j) if node is None else node for j, node in enumerate(nodes)]
    if len(nodes[0].parents) == len(xs):  # none under no_grad
        _latest = [weakref.ref(node) for node in nodes]
    return nodes


# --- operations that other rules call: their own rules stand with their rows ----------------------------


def _rule_named(name: str) -> Callable[..., Number]:
    return _of_floats(name, lambda x: _built_in[name].rule(x))


sigmoid, sech2, gaussian = _rule_named("sigmoid"), _rule_named("sech2"), _rule_named("gaussian")
sinpi, cospi = _rule_named("sinpi"), _rule_named("cospi")


# --- special functions: on floats those of `special`; they have no text -----------------------------------


def _gamma(x: float) -> float:
    try:
        return math.gamma(x)
    except OverflowError:
        return INF
    except ValueError:  # a pole, or minus infinity
        return math.copysign(INF, x) if x == 0 else NAN


gamma, lgamma = _of_floats("gamma", _gamma), _libm("lgamma")
digamma = _of_floats("digamma", lambda x: special.polygamma(0.0, x))
polygamma = _of_floats("polygamma", special.polygamma)
digamma_difference = _of_floats("digamma_difference", special.digamma_difference)
beta = _of_floats("beta", special.beta)
erfcx = _of_floats("erfcx", lambda x: special.ierfcx(0.0, x))
ierfcx, erfinv = _of_floats("ierfcx", special.ierfcx), _of_floats("erfinv", special.erfinv)
