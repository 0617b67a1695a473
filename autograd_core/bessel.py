"""Bessel functions: values by SciPy (``pip install 'autograd-core[special]'``), derivatives of any order.

They are user-defined operations (`autograd_core.operation`) with SciPy's names, and work wherever those do:
eagerly, at higher order, in Programs. The order is a plain number: there is no derivative with respect to it.
The slope of `jv` and `iv` of an order between 0 and 1 is infinity at 0, as that of the square root.

>>> import autograd_core as ag
>>> x = ag.Value(1.0)
>>> ag.bessel.j0(x).backward()
>>> round(x.grad, 12)
-0.440050585745
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .custom import CustomOperation, operation
from .engine.flags import IEEE
from .engine.value import Value, thread_mode
from .functions import equal, where


def _scipy_special() -> Any:
    try:
        from scipy import special
    except ImportError:
        raise ImportError("Bessel functions need SciPy: pip install 'autograd-core[special]'") from None
    return special


def _operation(name: str, below: float, above: float, low: float) -> CustomOperation:
    """Make an operation of (order, x) with the slope below * f(order - 1, x) + above * f(order + 1, x).

    Source: Abramowitz & Stegun 1964, 9.1.27 and 9.6.26; f(-1, x) is f(1, x), or -f(1, x) where the two
    factors differ in sign.

    Args:
        name: SciPy's.
        below: a factor.
        above: another.
        low: where the function of a whole order begins.
    """
    special = _scipy_special()
    general = getattr(special, name)
    quick = {order: getattr(special, f"{name[0]}{order}") for order in (0, 1)}
    most = 25.0 if name in ("jv", "yv") else math.inf  # beyond, the quick ones lose the digits of the phase

    def value(order: float, x: float) -> float:
        lenient = thread_mode() & IEEE
        if x < low or (x < 0.0 and order != math.floor(order)):
            if lenient:
                return math.nan
            raise ValueError("math domain error")
        if name in ("jv", "yv") and 1e15 < abs(x) < math.inf:
            raise ValueError("SciPy's result has no correct digit beyond 1e15")
        y = float(quick[int(order)](x) if order in quick and abs(x) <= most else general(order, x))
        if math.isinf(y) and not math.isinf(x) and not lenient:
            if x == 0.0:
                raise ValueError("math domain error")
            raise OverflowError("math range error")
        return y

    def partials(order: float, x: Any, y: Any) -> tuple[float, Any]:
        f: Callable[..., Any] = made if isinstance(x, Value) else value
        if order == 0.0:
            return 0.0, 2.0 * above * f(1.0, x)

        def slope() -> Any:
            return below * f(order - 1.0, x) + above * f(order + 1.0, x)

        if not (name == "yv" or (0.0 < order < 1.0 and low < 0.0)):
            return 0.0, slope()
        if isinstance(x, Value):  # near 0 slope and derivatives go as those of a power; of yv they alternate
            return 0.0, where(equal(x, 0.0), lambda: -y if name == "yv" else x ** (order - 1.0), slope)
        return 0.0, math.inf if x == 0.0 else slope()

    made = operation(partials, name=name)(value)
    return made


_OPERATIONS = {
    "jv": _operation("jv", 0.5, -0.5, -math.inf),
    "yv": _operation("yv", 0.5, -0.5, 0.0),
    "iv": _operation("iv", 0.5, 0.5, -math.inf),
    "kv": _operation("kv", -0.5, -0.5, 0.0),
}


def _of_any_order(name: str, what: str) -> Callable[[float, Any], Any]:
    def function(order: float, x: Any) -> Any:
        if isinstance(order, Value) and not order.is_constant:
            raise TypeError(f"{name}: the order is a plain number, there is no derivative with respect to it")
        return _OPERATIONS[name](order, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{what}

    Args:
        order: a plain real number.
        x: a number or Value.

    Returns:
        A Value for a Value, else a float.

    Raises:
        TypeError: the order is a Value.
        DomainError: x is outside of the domain.
        RangeError: the result is too large for a float.
    """
    return function


def _of_order(name: str, order: int, what: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return _OPERATIONS[name](float(order), x)

    function.__name__ = function.__qualname__ = f"{name[0]}{order}"
    function.__doc__ = f"{what.removesuffix('.')} of order {order}: see `{name}`."
    return function


_FIRST, _SECOND = (
    "The Bessel function of the first kind.",
    "The Bessel function of the second kind, for x > 0.",
)
_MODIFIED_FIRST = "The modified Bessel function of the first kind."
_MODIFIED_SECOND = "The modified Bessel function of the second kind, for x > 0."
jv, j0, j1 = _of_any_order("jv", _FIRST), _of_order("jv", 0, _FIRST), _of_order("jv", 1, _FIRST)
yv, y0, y1 = _of_any_order("yv", _SECOND), _of_order("yv", 0, _SECOND), _of_order("yv", 1, _SECOND)
iv, i0, i1 = (
    _of_any_order("iv", _MODIFIED_FIRST),
    _of_order("iv", 0, _MODIFIED_FIRST),
    _of_order("iv", 1, _MODIFIED_FIRST),
)
kv, k0, k1 = (
    _of_any_order("kv", _MODIFIED_SECOND),
    _of_order("kv", 0, _MODIFIED_SECOND),
    _of_order("kv", 1, _MODIFIED_SECOND),
)
