"""The user's functions: on Values they build nodes, on plain numbers they return floats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .calculus.operations import OPERATIONS
from .engine.value import Value, apply, as_value, dot, indexed_values, number_of, reduce_values

__all__ = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "dot",
    "elu",
    "equal",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "gelu",
    "greater",
    "greater_equal",
    "hypot",
    "leaky_relu",
    "less",
    "less_equal",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logsigmoid",
    "logsumexp",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mod",
    "neg",
    "norm",
    "polygamma",
    "pow",
    "prod",
    "reciprocal",
    "relu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "stop_gradient",
    "sum",
    "tan",
    "tanh",
    "where",
]


def _call(name: str, *operands: Any) -> Any:
    """Apply an operation: a node if any operand is a Value, else a float, with the same errors."""
    nodes = [as_value(operand) for operand in operands]
    result = apply(OPERATIONS[name], nodes)
    return result if any(isinstance(operand, Value) for operand in operands) else number_of(result)


def _unary(name: str, summary: str) -> Callable[[Any], Any]:
    method: Callable[[Any], Any] = getattr(Value, name)

    def function(x: Any) -> Any:
        return method(x) if isinstance(x, Value) else _call(name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}

    Args:
        x: a Value or a real number.

    Returns:
        A Value for a Value, else a float.

    Raises:
        DomainError, RangeError, DivisionError: where Python's float would raise.
    """
    return function


def _binary(name: str, summary: str) -> Callable[[Any, Any], Any]:
    def function(a: Any, b: Any) -> Any:
        return _call(name, a, b)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}

    Args:
        a: a Value or a real number.
        b: a Value or a real number.

    Returns:
        A Value if either is one, else a float.
    """
    return function


exp = _unary("exp", "e to the power of x.")
expm1 = _unary("expm1", "exp(x) - 1, exact for small x.")
exp2 = _unary("exp2", "2 to the power of x.")
log = _unary("log", "Natural logarithm.")
log1p = _unary("log1p", "log(1 + x), exact for small x.")
log2 = _unary("log2", "Logarithm to base 2.")
log10 = _unary("log10", "Logarithm to base 10.")
sqrt = _unary("sqrt", "Square root.")
cbrt = _unary("cbrt", "Cube root.")
square = _unary("square", "x * x.")
reciprocal = _unary("reciprocal", "1 / x.")
sin, cos, tan = _unary("sin", "Sine."), _unary("cos", "Cosine."), _unary("tan", "Tangent.")
asin, acos = _unary("asin", "Inverse sine."), _unary("acos", "Inverse cosine.")
atan = _unary("atan", "Inverse tangent.")
sinh, cosh = _unary("sinh", "Hyperbolic sine."), _unary("cosh", "Hyperbolic cosine.")
tanh = _unary("tanh", "Hyperbolic tangent.")
asinh, acosh = _unary("asinh", "Inverse hyperbolic sine."), _unary("acosh", "Inverse hyperbolic cosine.")
atanh = _unary("atanh", "Inverse hyperbolic tangent.")
erf = _unary("erf", "Error function.")
erfc = _unary("erfc", "1 - erf(x), exact for large x.")
lgamma = _unary("lgamma", "Logarithm of |Gamma(x)|.")
sigmoid = _unary("sigmoid", "1 / (1 + exp(-x)); never overflows.")
logsigmoid = _unary("logsigmoid", "log(sigmoid(x)); never overflows.")
softplus = _unary("softplus", "log(1 + exp(x)); never overflows.")
relu = _unary("relu", "max(0, x).")
gelu = _unary("gelu", "x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016).")
silu = _unary("silu", "x sigmoid(x).")
sign = _unary("sign", "-1, 0 or 1; its gradient is 0.")
floor = _unary("floor", "The largest whole number not above x, as a float; its gradient is 0.")
ceil = _unary("ceil", "The smallest whole number not below x, as a float; its gradient is 0.")
stop_gradient = _unary("stop_gradient", "x with gradient 0, still part of the graph.")

pow = _binary("pow", "a to the power of b.")
mod = _binary("mod", "Python's a % b: the result has the sign of b.")
atan2 = _binary("atan2", "The angle of the point (b, a).")
hypot = _binary("hypot", "sqrt(a^2 + b^2) without overflow.")
polygamma = _binary("polygamma", "The polygamma function of order a at b: 0 for digamma, 1 for trigamma.")
maximum = _binary("maximum", "The larger of the two; a tie shares the gradient, 1/2 to each.")
minimum = _binary("minimum", "The smaller of the two; a tie shares the gradient, 1/2 to each.")
greater = _binary("greater", "1 where a > b, else 0, as a node (for `where`).")
greater_equal = _binary("greater_equal", "1 where a >= b, else 0, as a node (for `where`).")
less = _binary("less", "1 where a < b, else 0, as a node (for `where`).")
less_equal = _binary("less_equal", "1 where a <= b, else 0, as a node (for `where`).")
equal = _binary("equal", "1 where the numbers are equal, else 0, as a node (for `where`).")


def neg(x: Any) -> Any:
    """-x."""
    return -x if isinstance(x, Value) else _call("neg", x)


def abs(x: Any) -> Any:
    """|x|; its gradient at 0 is 0."""
    return x.__abs__() if isinstance(x, Value) else _call("abs", x)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where x > 0, else slope * x."""
    return _call("leaky_relu", x, slope)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015)."""
    return _call("elu", x, alpha)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition is not 0, else `b`.

    The branch not taken gets a gradient of exactly 0, even if its own derivative is infinite.

    Args:
        condition: a bool, a number, or a Value such as ``greater(x, y)``.
        a: a Value or a real number.
        b: a Value or a real number.

    Returns:
        A Value if any of the three is one, else a float.
    """
    return _call("where", condition, a, b)


def clip(x: Any, low: Any, high: Any) -> Any:
    """x kept within [low, high]; on a bound the gradient goes to x.

    Raises:
        ValueError: if low is not at most high, both plain numbers.
    """
    plain = not isinstance(low, Value) and not isinstance(high, Value)
    if plain and not number_of(as_value(low)) <= number_of(as_value(high)):
        raise ValueError(f"clip: the lower bound {low!r} must be at most the upper bound {high!r}")
    return _call("clip", x, low, high)


def _reduction(name: str, summary: str) -> Callable[[Iterable[Any]], Any]:
    identifier = OPERATIONS[name].identifier

    def function(numbers: Iterable[Any]) -> Any:
        return reduce_values(identifier, numbers)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary} One node, whatever the number of operands.

    Args:
        numbers: Values and real numbers, shape (n,), n > 0.

    Returns:
        A Value; a float if there is no Value among them.

    Raises:
        ValueError: for no numbers.
    """
    return function


_sum = _reduction("sum", "The sum, added in order.")
mean = _reduction("mean", "The arithmetic mean: the sum in order, divided by n.")
logsumexp = _reduction("logsumexp", "log(sum_j exp(x_j)), shifted by the largest so that it never overflows.")
norm = _reduction("norm", "The Euclidean norm, scaled so that it never overflows; its gradient at 0 is 0.")
max = _reduction("max", "The largest; k equal ones share the gradient, 1/k each.")
min = _reduction("min", "The smallest; k equal ones share the gradient, 1/k each.")


def sum(numbers: Iterable[Any], start: Any = 0) -> Any:
    """The sum, added in order, as one node.

    Args:
        numbers: Values and real numbers; for none of them the result is `start`.
        start: a number or Value to begin with, as in Python's own sum.

    Returns:
        A Value; a float if there is no Value among them.
    """
    operands = list(numbers)
    if isinstance(start, Value) or start != 0:
        operands.insert(0, start)
    return _sum(operands) if operands else 0.0


def prod(numbers: Iterable[Any], start: Any = 1) -> Any:
    """The product, multiplied in order: a chain of `mul` nodes, so that zeros have right gradients of any
    order.

    Args:
        numbers: Values and real numbers; for none of them the result is `start`.
        start: a number or Value to begin with.

    Returns:
        A Value; a float if there is no Value among them.
    """
    operands = list(numbers)
    if isinstance(start, Value) or start != 1:
        operands.insert(0, start)
    if not operands:
        return 1.0
    result = operands[0] if isinstance(operands[0], Value) else number_of(as_value(operands[0]))
    for operand in operands[1:]:
        result = _call("mul", result, operand)
    return result


def softmax(logits: Sequence[Any]) -> list[Any]:
    """exp(x_i) / sum_j exp(x_j) for each i, shifted so that it never overflows.

    Args:
        logits: Values and real numbers, shape (n,).

    Returns:
        A list of n Values, one node each; of floats if there is no Value among the logits.
    """
    return indexed_values(OPERATIONS["softmax"].identifier, logits)


def log_softmax(logits: Sequence[Any]) -> list[Any]:
    """x_i - logsumexp(x) for each i; finite where softmax underflows.

    Args:
        logits: Values and real numbers, shape (n,).

    Returns:
        A list of n Values, one node each; of floats if there is no Value among the logits.
    """
    return indexed_values(OPERATIONS["log_softmax"].identifier, logits)
