"""NumPy's functions of a Value: what ``np.floor(v)`` or ``np.add(array, v)`` asks the Value to do."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

from .value import Value, as_value

_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "mod": operator.mod,
    "power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": abs,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}


def _trunc(x: Value) -> Value:
    return abs(x).floor().copysign(x)


# Those that NumPy has for floats alone, or answers for objects with an int.
_OTHERS: dict[str, Callable[..., Any]] = {
    "trunc": _trunc,
    "float_power": operator.pow,
    "isnan": lambda x: not (x <= 0.0 or x >= 0.0),
    "isinf": lambda x: x == math.inf or x == -math.inf,
    "isfinite": lambda x: -math.inf < x < math.inf,
    "signbit": lambda x: as_value(1.0).copysign(x) < 0.0,
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "divmod": divmod,
}


def apply_ufunc(ufunc: Any, how: str, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Return what a universal function of NumPy gives for operands of which some are Values.

    Args:
        ufunc: such as ``numpy.floor``.
        how: ``"__call__"``, ``"reduce"``, ``"outer"`` and so on.
        inputs: its operands.
        keywords: ``out``, ``where`` and so on.

    Returns:
        A Value, or an array of Values (dtype object); for comparisons and tests bools.

    Raises:
        TypeError: NumPy has no such function of objects, nor has a Value.
    """
    if how == "__call__" and not keywords:
        name = ufunc.__name__
        numbers = [_number(x) for x in inputs]
        plain = all(x is not None for x in numbers)
        if plain and name in _OPERATORS:
            return _OPERATORS[name](*numbers)
        function = _function(name)
        if function is not None:
            if plain:
                return function(*numbers)
            return _of_arrays(function, ufunc.nin, ufunc.nout)(*map(_as_array, inputs))
    return getattr(ufunc, how)(*map(_as_array, inputs), **keywords)


def _number(x: Any) -> Any:
    """Return a Value or a number of Python; None for what is neither, such as an array."""
    if isinstance(x, (Value, float, int)) and not hasattr(x, "dtype"):
        return x
    if getattr(x, "ndim", None) != 0 or not hasattr(x, "item"):
        return None
    number = x.item()
    if hasattr(number, "dtype"):  # a long double, which stays one
        return complex(number) if number.dtype.kind == "c" else float(number)
    return number


def _as_array(x: Any) -> Any:
    """Return a Value as an array without axes: otherwise NumPy would ask the Value again."""
    import numpy as np

    if not isinstance(x, Value):
        return x
    array = np.empty((), dtype=object)
    array[()] = x
    return array


@cache
def _function(name: str) -> Callable[..., Any] | None:
    """Return the function of Values that has this name in NumPy."""
    if name in _OTHERS:
        return lambda x, *more: _OTHERS[name](as_value(x), *more)
    if name in _OPERATORS or not hasattr(Value, name) or name == "conjugate":
        return None
    return lambda x, *more: getattr(as_value(x), name)(*more)


@cache
def _of_arrays(function: Callable[..., Any], operands: int, results: int) -> Any:
    import numpy as np

    return np.frompyfunc(function, operands, results)
