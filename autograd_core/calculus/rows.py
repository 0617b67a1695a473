"""What the rows of the operations share: constants, the domains of random graphs, how a row is entered."""

from __future__ import annotations

import math
from typing import Any

from . import primitives as p
from .operation import Domain, Operation, Rule, add_operation

LN2, INVERSE_LN2, INVERSE_LN10 = math.log(2.0), math.log2(math.e), math.log10(math.e)
ROOT_HALF, INVERSE_ROOT_2PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
TWO_OVER_ROOT_PI, HALF_ROOT_PI = 2 / math.sqrt(math.pi), math.sqrt(math.pi) / 2
DEGREE, RADIAN = math.pi / 180.0, 180.0 / math.pi


def within(limit: float, x: p.Number) -> p.Number:
    """x, no farther from 0 than a limit: for the product of x and what is exactly 0 beyond it."""
    return p.select(p.greater(p.absolute(x), limit), p.copysign(limit, x), x)


def larger(a: p.Number, b: p.Number) -> p.Number:
    """The larger of |a| and |b|."""
    return p.select(p.greater(p.absolute(a), p.absolute(b)), p.absolute(a), p.absolute(b))


def nan_aware(a: p.Number, b: p.Number, chosen: Rule) -> p.Number:
    """`a` where chosen(a, b), `b` where chosen(b, a), and NaN where neither can be told."""
    return p.select(chosen(a, b), a, p.select(chosen(b, a), b, a + b))


# --- where random graphs use an operation -----------------------------------------------------------------


def anywhere(*operands: float) -> bool:
    """Every operand will do."""
    return True


def apart(a: float, b: float) -> bool:
    """No tie, where the choice between two operands changes."""
    return abs(a - b) > 1e-3


def beyond(limit: float) -> Domain:
    """x farther from 0 than a limit."""
    return lambda x, *others: abs(x) > limit


def between(low: float, high: float) -> Domain:
    """x between two numbers."""
    return lambda x: low < x < high


def all_apart(a: float, b: float, c: float) -> bool:
    """No tie among three."""
    return apart(a, b) and apart(b, c) and apart(a, c)


def close(*xs: float) -> bool:
    """All within 10 of each other."""
    return max(xs) - min(xs) < 10


def row(name: str, rule: Rule, *partials: Rule, **facts: Any) -> None:
    """Enter an operation."""
    add_operation(Operation(name, rule, *partials, **facts))


def libm(name: str, partial: Rule, **facts: Any) -> None:
    """Enter a function of Python's math, which says what raises."""
    row(name, getattr(p, name), partial, scalar=getattr(math, name), **facts)
