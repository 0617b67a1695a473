"""The rows that choose between operands, and those of steps; see `operations.py`."""

from __future__ import annotations

import math

from . import primitives as p
from .operation import Rule
from .primitives import OPERATIONS, Number, absolute, divide, exp, greater, less_equal, select
from .rows import LN2, apart, nan_aware, row


def _share(a: Number, b: Number, wins: Rule) -> Number:
    return select(wins(a, b), 1.0, select(p.equal(a, b), 0.5, 0.0))


row(
    "maximum",
    lambda a, b: nan_aware(a, b, p.greater_equal),
    lambda a, b, y: _share(a, b, greater),
    lambda a, b, y: _share(b, a, greater),
    selecting=True,
    summary="The larger of the two; a tie shares the gradient, 1/2 to each.",
    definition="a if a >= b else b",
    ordinary=apart,
)
row(
    "minimum",
    lambda a, b: nan_aware(a, b, less_equal),
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
        nan_aware(a, b, p.greater_equal) + p.log1p(exp(-absolute(a - b))),
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
    definition="-fabs(a) if b < 0 else fabs(a)",
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
for _name, _rule, _definition, _summary in (
    ("sign", p.sign, "", "-1, 0 or 1; its gradient is 0."),
    ("floor", p.floor, "", "The largest whole number not above x, as a float; its gradient is 0."),
    ("ceil", p.ceil, "", "The smallest whole number not below x, as a float; its gradient is 0."),
    (
        "rint",
        p.rint,
        "nint(x)",
        "The nearest whole number, the even one of two, as a float; its gradient is 0.",
    ),
    ("stop_gradient", p.hold, "x", "x with gradient 0, still part of the graph (and so of a Program)."),
):
    row(_name, _rule, lambda x, y: 0.0, selecting=True, summary=_summary, definition=_definition)
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
