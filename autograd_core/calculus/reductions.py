"""The rows of any number of operands; see `operations.py`."""

from __future__ import annotations

from typing import Any

from . import primitives as p
from .operation import Dot, Exponentials, Reduction, add_operation
from .primitives import Number, divide, exp, greater, less_equal, select
from .rows import all_apart, anywhere, close, larger, nan_aware, row


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
    pre=lambda m, x: larger(m, x),
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
        pre=lambda m, x, wins=_wins: nan_aware(m, x, wins),
        step=lambda s, x, m: s + p.equal(x, m),
        finish=lambda m, s, n, x: m,
        partial=lambda x, m, s, y, n, same: select(p.equal(x, m), divide(1.0, s), 0.0),
        selecting=True,
        definition=f"{_name}(xs)",
        ordinary=all_apart,
    )
