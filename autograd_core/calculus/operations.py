"""Each operation's calculus, written once.

A row gives an operation's value and its partials, with x (or a, b, c) the operands and y the value. The same
row makes the eager number (through the C header that `codegen` writes from it), the graph of a higher-order
gradient, the replayed lane of a Program, and the formula that the stepper shows.

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
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import DomainError
from . import primitives as p
from .primitives import Number, absolute, divide, exp, greater, hold, less_equal, select
from .symbols import Symbol

__all__ = ["OPERATIONS", "Operation", "Reduction", "formula"]

Rule = Callable[..., Number]

_LN2, _LN10 = math.log(2.0), math.log(10.0)
_TWO_OVER_ROOT_PI, _ROOT_HALF, _INVERSE_ROOT_2PI = (
    2 / math.sqrt(math.pi),
    math.sqrt(0.5),
    1 / math.sqrt(2 * math.pi),
)


class Operation:
    """An operation of one to three operands.

    Attributes:
        name: its name, the same as the method's or function's: ``"tanh"``.
        symbol: how a node shows it: ``"+"``.
        arity: the number of operands; None for any number.
        rule: the value, y = rule(a, ...).
        partial_rules: for each operand k, dy/da_k = rule(a, ..., y).
        scalar: the rule, except that it raises where plain Python raises: only where the rule is not finite,
            since the compiled engine asks it only there.
        selecting: whether a zero partial means "not chosen", see the module's text.
        native: whether the rule has C text; other operations are computed by calling Python.
        identifier: its number in the C header, 0 for a user-defined operation.
    """

    arity: int | None

    def __init__(
        self,
        name: str,
        rule: Rule,
        *partial_rules: Rule,
        symbol: str = "",
        scalar: Rule | None = None,
        selecting: bool = False,
        native: bool = True,
    ):
        self.name = name
        self.symbol = symbol or name
        self.arity = len(partial_rules) or None
        self.rule = rule
        self.partial_rules = partial_rules
        self.scalar = scalar or rule
        self.selecting = selecting
        self.native = native
        self.identifier = 0

    def value(self, *operands: float, index: int = 0) -> float:
        """Return the value for plain numbers; raise what Python raises, DomainError for a complex result."""
        return real(self.name, self.scalar(*operands))

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/da_k for each operand, in its own kind: floats, Values (a graph) or Symbols (a text)."""
        return tuple(rule(*operands, y) for rule in self.partial_rules)

    def __reduce__(self) -> Any:
        return _operation_named, (self.name,)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


class Reduction(Operation):
    """An operation of any number of operands x_0 ... x_{n-1}, in two folds::

        m = fold of pre(m, x_j) from `pre0`;  s = fold of step(s, x_j, m) from 0;  y = finish(m, s, n, x_i)
        dy/dx_j = partial(x_j, m, s, y, n, same)      same = 1 where j is the node's own index i, else 0

    `m` only shifts or scales: differentiation holds it constant.
    """

    def __init__(
        self,
        name: str,
        *,
        step: Rule,
        finish: Rule,
        partial: Rule,
        pre0: float = 0.0,
        pre: Rule = lambda m, x: m,
        selecting: bool = False,
        indexed: bool = False,
    ):
        super().__init__(name, self._fold, selecting=selecting)
        self.pre0, self.pre, self.step, self.finish, self.partial = pre0, pre, step, finish, partial
        self.indexed = indexed

    def folds(self, operands: Sequence[Number]) -> tuple[Number, Number]:
        """Return m and s."""
        m: Number = self.pre0
        for x in operands:
            m = self.pre(m, x)
        m = hold(m)
        s: Number = 0.0
        for x in operands:
            s = self.step(s, x, m)
        return m, s

    def _fold(self, *operands: Number, index: int = 0) -> Number:
        m, s = self.folds(operands)
        return self.finish(m, s, float(len(operands)), operands[index])

    def value(self, *operands: float, index: int = 0) -> float:
        """Return the value for plain numbers."""
        return float(self._fold(*operands, index=index))

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand."""
        m, s = self.folds(operands)
        n = float(len(operands))
        return tuple(self.partial(x, m, s, y, n, float(j == index)) for j, x in enumerate(operands))


class Dot(Operation):
    """bias + w_0 x_0 + w_1 x_1 + ..., added in that order.

    The operands are w_0 ... w_{n-1}, x_0 ... x_{n-1} and, if there is one, the bias.
    """

    def __init__(self, name: str):
        super().__init__(name, self._sum_of_products, symbol="·")

    @staticmethod
    def _sum_of_products(*operands: Number) -> Number:
        n = len(operands) // 2
        total = operands[-1] if len(operands) % 2 else operands[0] * operands[n]
        for j in range(0 if len(operands) % 2 else 1, n):
            total = total + operands[j] * operands[n + j]
        return total

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return x_j for w_j, w_j for x_j, and 1 for the bias."""
        n = len(operands) // 2
        bias = (1.0,) if len(operands) % 2 else ()
        return (*operands[n : 2 * n], *operands[:n], *bias)


def real(name: str, result: Any) -> float:
    """Return the result of an operation as a float.

    Raises:
        DomainError: if it is complex.
    """
    if isinstance(result, complex):
        raise DomainError(f"{name}: the result {result!r} is not a real number", name)
    return float(result)


OPERATIONS: dict[str, Operation] = {}


def _operation_named(name: str) -> Operation:
    try:
        return OPERATIONS[name]
    except KeyError:
        raise LookupError(
            f"no operation named {name!r} is known here: import the module that defines it before loading"
        ) from None


def _add(operation: Operation) -> None:
    operation.identifier = len(OPERATIONS) + 1
    OPERATIONS[operation.name] = operation


def _unary(name: str, rule: Rule, partial: Rule, **options: Any) -> None:
    _add(Operation(name, rule, partial, **options))


def _libm(name: str, partial: Rule) -> None:
    _unary(name, getattr(p, name), partial, scalar=getattr(math, name))


# --- arithmetic -----------------------------------------------------------------------------------------

_add(Operation("add", operator.add, lambda a, b, y: 1.0, lambda a, b, y: 1.0, symbol="+"))
_add(Operation("sub", operator.sub, lambda a, b, y: 1.0, lambda a, b, y: -1.0, symbol="-"))
_add(Operation("mul", operator.mul, lambda a, b, y: b, lambda a, b, y: a, symbol="*"))
_add(
    Operation(
        "div",
        divide,
        lambda a, b, y: divide(1.0, b),
        lambda a, b, y: -divide(y, b),
        symbol="/",
        scalar=operator.truediv,
    )
)
_unary("neg", operator.neg, lambda x, y: -1.0, symbol="-")
_add(
    Operation(
        "pow",
        p.power,
        lambda a, b, y: select(p.equal(b, 0.0), 0.0, b * p.power(a, b - 1.0)),
        lambda a, b, y: select(p.equal(a, 0.0), select(greater(b, 0.0), 0.0, p.NAN), y * p.log(a)),
        symbol="**",
        scalar=operator.pow,
    )
)
_add(
    Operation(
        "mod",
        p.modulo,
        lambda a, b, y: 1.0,
        lambda a, b, y: divide(y - a, b),
        symbol="%",
        scalar=operator.mod,
    )
)
_unary("abs", absolute, lambda x, y: p.sign(x), selecting=True)

# --- exponentials and roots -----------------------------------------------------------------------------

_libm("exp", lambda x, y: y)
_libm("expm1", lambda x, y: exp(x))
_libm("exp2", lambda x, y: y * _LN2)
_libm("log", lambda x, y: divide(1.0, x))
_libm("log1p", lambda x, y: divide(1.0, 1.0 + x))
_libm("log2", lambda x, y: divide(1.0, x * _LN2))
_libm("log10", lambda x, y: divide(1.0, x * _LN10))
_libm("sqrt", lambda x, y: divide(0.5, y))
_libm("cbrt", lambda x, y: divide(1.0, 3.0 * (y * y)))
_unary("square", lambda x: x * x, lambda x, y: 2.0 * x)
_unary("reciprocal", lambda x: divide(1.0, x), lambda x, y: -(y * y), scalar=lambda x: 1.0 / x)

# --- trigonometry ---------------------------------------------------------------------------------------

_libm("sin", lambda x, y: p.cos(x))
_libm("cos", lambda x, y: -p.sin(x))
_libm("tan", lambda x, y: 1.0 + y * y)
_libm("asin", lambda x, y: divide(1.0, p.sqrt((1.0 - x) * (1.0 + x))))
_libm("acos", lambda x, y: divide(-1.0, p.sqrt((1.0 - x) * (1.0 + x))))
_libm("atan", lambda x, y: divide(1.0, 1.0 + x * x))
_libm("sinh", lambda x, y: p.cosh(x))
_libm("cosh", lambda x, y: p.sinh(x))
_libm("tanh", lambda x, y: 1.0 - y * y)
_libm(
    "asinh",
    lambda x, y: select(
        greater(absolute(x), 1e8), divide(1.0, absolute(x)), divide(1.0, p.sqrt(x * x + 1.0))
    ),
)
_libm("acosh", lambda x, y: divide(1.0, p.sqrt(x - 1.0) * p.sqrt(x + 1.0)))
_libm("atanh", lambda x, y: divide(1.0, (1.0 - x) * (1.0 + x)))


def _larger(a: Number, b: Number) -> Number:
    return select(greater(absolute(a), absolute(b)), absolute(a), absolute(b))


def _over_squared_norm(part: Number, a: Number, b: Number) -> Number:
    """part / (a^2 + b^2) without overflow; 0 at the origin."""
    m = _larger(a, b)
    u, v = divide(a, m), divide(b, m)
    return select(p.equal(m, 0.0), 0.0, divide(divide(part, m), m * (u * u + v * v)))


_add(
    Operation(
        "atan2",
        p.atan2,
        lambda a, b, y: _over_squared_norm(b, a, b),
        lambda a, b, y: -_over_squared_norm(a, a, b),
    )
)
_add(
    Operation(
        "hypot",
        p.hypot,
        lambda a, b, y: select(p.equal(y, 0.0), 0.0, divide(a, y)),
        lambda a, b, y: select(p.equal(y, 0.0), 0.0, divide(b, y)),
        native=False,
    )
)

# --- special functions ----------------------------------------------------------------------------------

_libm("erf", lambda x, y: _TWO_OVER_ROOT_PI * exp(-(x * x)))
_libm("erfc", lambda x, y: -(_TWO_OVER_ROOT_PI * exp(-(x * x))))
_unary("lgamma", p.lgamma, lambda x, y: p.polygamma(0.0, x), scalar=math.lgamma, native=False)
_add(
    Operation(
        "polygamma",
        p.polygamma,
        lambda a, b, y: 0.0,
        lambda a, b, y: p.polygamma(a + 1.0, b),
        selecting=True,
        native=False,
    )
)

# --- activations
# ------------------------------------------------------------------------------------------------------ Every
# exponential here is of a number that is not positive, so none of them overflows.


def _negative_part(x: Number) -> Number:
    return select(greater(x, 0.0), 0.0, x)


def _softplus(x: Number) -> Number:
    return select(less_equal(x, 0.0), 0.0, x) + p.log1p(exp(-absolute(x)))


_unary("sigmoid", p.logistic, lambda x, y: y * (1.0 - y))
_unary("logsigmoid", lambda x: -_softplus(-x), lambda x, y: p.sigmoid(-x))
_unary("softplus", _softplus, lambda x, y: p.sigmoid(x))
_unary(
    "relu",
    lambda x: select(less_equal(x, 0.0), 0.0, x),
    lambda x, y: select(less_equal(x, 0.0), 0.0, 1.0),
    symbol="ReLU",
    selecting=True,
)
_add(
    Operation(
        "leaky_relu",
        lambda a, b: select(less_equal(a, 0.0), b * a, a),
        lambda a, b, y: select(less_equal(a, 0.0), b, 1.0),
        lambda a, b, y: select(less_equal(a, 0.0), a, 0.0),
    )
)
_add(
    Operation(
        "elu",
        lambda a, b: select(less_equal(a, 0.0), b * p.expm1(_negative_part(a)), a),
        lambda a, b, y: select(less_equal(a, 0.0), b * exp(_negative_part(a)), 1.0),
        lambda a, b, y: select(less_equal(a, 0.0), p.expm1(_negative_part(a)), 0.0),
    )
)
_unary(
    "gelu",
    lambda x: 0.5 * x * p.erfc(-x * _ROOT_HALF),
    lambda x, y: 0.5 * p.erfc(-x * _ROOT_HALF) + x * (_INVERSE_ROOT_2PI * exp(-0.5 * (x * x))),
)
_unary(
    "silu",
    lambda x: x * p.sigmoid(x),
    lambda x, y: p.sigmoid(x) * (1.0 + x * p.sigmoid(-x)),
)

# --- selection and steps --------------------------------------------------------------------------------


def _nan_aware(a: Number, b: Number, chosen: Rule) -> Number:
    """`a` where chosen(a, b), `b` where chosen(b, a), and NaN where neither can be told."""
    return select(chosen(a, b), a, select(chosen(b, a), b, a + b))


def _share(a: Number, b: Number, wins: Rule) -> Number:
    return select(wins(a, b), 1.0, select(p.equal(a, b), 0.5, 0.0))


_add(
    Operation(
        "maximum",
        lambda a, b: _nan_aware(a, b, p.greater_equal),
        lambda a, b, y: _share(a, b, greater),
        lambda a, b, y: _share(b, a, greater),
        selecting=True,
    )
)
_add(
    Operation(
        "minimum",
        lambda a, b: _nan_aware(a, b, less_equal),
        lambda a, b, y: _share(a, b, p.less),
        lambda a, b, y: _share(b, a, p.less),
        selecting=True,
    )
)
_add(
    Operation(
        "where",
        select,
        lambda a, b, c, y: 0.0,
        lambda a, b, c, y: select(a, 1.0, 0.0),
        lambda a, b, c, y: select(a, 0.0, 1.0),
        selecting=True,
    )
)
_add(
    Operation(
        "clip",
        lambda a, b, c: select(p.less(a, b), b, select(greater(a, c), c, a)),
        lambda a, b, c, y: select(p.less(a, b), 0.0, select(greater(a, c), 0.0, 1.0)),
        lambda a, b, c, y: select(p.less(a, b), 1.0, 0.0),
        lambda a, b, c, y: select(p.less(a, b), 0.0, select(greater(a, c), 1.0, 0.0)),
        selecting=True,
    )
)
_unary("sign", p.sign, lambda x, y: 0.0, selecting=True)
_unary("floor", p.floor, lambda x, y: 0.0, selecting=True)
_unary("ceil", p.ceil, lambda x, y: 0.0, selecting=True)
_unary("stop_gradient", hold, lambda x, y: 0.0, selecting=True)
for _name, _symbol in (
    ("greater", ">"),
    ("greater_equal", ">="),
    ("less", "<"),
    ("less_equal", "<="),
    ("equal", "=="),
):
    _add(
        Operation(
            _name,
            getattr(p, _name),
            lambda a, b, y: 0.0,
            lambda a, b, y: 0.0,
            symbol=_symbol,
            selecting=True,
        )
    )

# --- any number of operands -----------------------------------------------------------------------------


def _shift(m: Number, x: Number) -> Number:
    """The running maximum by which exponentials are shifted, kept finite."""
    return select(greater(x, m), select(less_equal(x, p.MAX), x, m), m)


def _shifted(x: Number, m: Number) -> Number:
    return exp(x - m)


_add(Dot("dot"))
_add(
    Reduction(
        "sum",
        step=lambda s, x, m: s + x,
        finish=lambda m, s, n, x: s,
        partial=lambda x, m, s, y, n, same: 1.0,
    )
)
_add(
    Reduction(
        "mean",
        step=lambda s, x, m: s + x,
        finish=lambda m, s, n, x: divide(s, n),
        partial=lambda x, m, s, y, n, same: divide(1.0, n),
    )
)
_add(
    Reduction(
        "logsumexp",
        pre0=-p.MAX,
        pre=_shift,
        step=lambda s, x, m: s + _shifted(x, m),
        finish=lambda m, s, n, x: m + p.log(s),
        partial=lambda x, m, s, y, n, same: divide(_shifted(x, m), s),
    )
)
_add(
    Reduction(
        "softmax",
        pre0=-p.MAX,
        pre=_shift,
        step=lambda s, x, m: s + _shifted(x, m),
        finish=lambda m, s, n, x: divide(_shifted(x, m), s),
        partial=lambda x, m, s, y, n, same: y * (same - divide(_shifted(x, m), s)),
        indexed=True,
    )
)
_add(
    Reduction(
        "log_softmax",
        pre0=-p.MAX,
        pre=_shift,
        step=lambda s, x, m: s + _shifted(x, m),
        finish=lambda m, s, n, x: (x - m) - p.log(s),
        partial=lambda x, m, s, y, n, same: same - divide(_shifted(x, m), s),
        indexed=True,
    )
)
_add(
    Reduction(
        "norm",
        pre=lambda m, x: _larger(m, x),
        step=lambda s, x, m: s + select(p.equal(m, 0.0), 0.0, divide(x, m) * divide(x, m)),
        finish=lambda m, s, n, x: select(greater(m, p.MAX), m, m * p.sqrt(s)),
        partial=lambda x, m, s, y, n, same: select(p.equal(y, 0.0), 0.0, divide(x, y)),
    )
)
for _name, _least, _wins in (("max", -p.INF, p.greater_equal), ("min", p.INF, less_equal)):
    _add(
        Reduction(
            _name,
            pre0=_least,
            pre=lambda m, x, wins=_wins: _nan_aware(m, x, wins),
            step=lambda s, x, m: s + p.equal(x, m),
            finish=lambda m, s, n, x: m,
            partial=lambda x, m, s, y, n, same: select(p.equal(x, m), divide(1.0, s), 0.0),
            selecting=True,
        )
    )


def formula(
    operation: Operation, operand: int = 0, names: Sequence[str] | None = None, result: str = "y"
) -> str:
    """Return the text of the partial with respect to one operand.

    Args:
        operation: one of `OPERATIONS`, or a user-defined one.
        operand: which operand, from 0.
        names: the operands' names; by default x, or a, b, c.
        result: the name of the operation's own value.

    Returns:
        For example ``"1 - y * y"`` for tanh; a general description where the rule has no formula in text.
    """
    if isinstance(operation, Reduction):
        symbols = [Symbol(s) for s in ("x", "m", "s", result, "n")]
        same = Symbol("[i = j]") if operation.indexed else 0.0
        return _text(operation.partial(*symbols, same))
    if isinstance(operation, Dot):
        return "the factor it is multiplied by"
    arity = operation.arity or 1
    default = ("x",) if arity == 1 else ("a", "b", "c", "d", "e", "f")[:arity]
    operands = [Symbol(name) for name in (names or default)]
    try:
        return _text(operation.partials(operands, Symbol(result))[operand])
    except Exception:  # a user's rule may call what Symbols cannot take part in
        return f"d{operation.name}/d{operands[operand].text()}"


def _text(result: Number) -> str:
    return result.text() if isinstance(result, Symbol) else format(float(result), "g")
