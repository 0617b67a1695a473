"""The user's functions: on Values they build nodes, on plain numbers they return floats."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from .calculus.operations import OPERATIONS
from .engine.modes import ieee
from .engine.nary import apply, dot, indexed_values, reduce_values
from .engine.value import Value, as_value, evaluate, number_of

__all__ = [
    "clip",
    "dot",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "min",
    "norm",
    "prod",
    "softmax",
    "sum",
    "where",
]

_DOCSTRING = """{summary}

    Args:
{arguments}

    Returns:
        A Value if {any} is one, else a float.

    Raises:
        DomainError, RangeError, DivisionError: where Python's float would raise.

    Example:
        >>> {names} = {operands}
        >>> result = {name}({names})
        >>> result.backward()
        >>> print(f"{shown}")
        {printed}
    """


def _function(name: str, numbers: str, printed: str) -> Callable[..., Any]:
    """Return the function of an operation: a node for Values, the number alone for numbers.

    Args:
        name: the operation's.
        numbers: operands of the docstring's example.
        printed: the value and the gradients there, to four digits.
    """
    operation = OPERATIONS[name]
    identifier, parameters = operation.identifier, operation.parameters

    def unary(x: Any) -> Any:
        return method(x) if isinstance(x, Value) else evaluate(identifier, x)

    def binary(a: Any, b: Any) -> Any:
        if isinstance(a, Value):
            return method(a, b)
        return apply(operation, [as_value(a), b]) if isinstance(b, Value) else evaluate(identifier, a, b)

    def ternary(a: Any, b: Any, c: Any) -> Any:
        if isinstance(a, Value) or isinstance(b, Value) or isinstance(c, Value):
            return apply(operation, [as_value(a), as_value(b), as_value(c)])
        return evaluate(identifier, a, b, c)

    method = getattr(Value, name, None) or getattr(operator, name)
    function: Any = (unary, binary, ternary)[len(parameters) - 1]
    function.__code__ = function.__code__.replace(co_varnames=parameters)  # f(x, slope=0.2)
    function.__defaults__ = operation.defaults or None
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOCSTRING.format(
        summary=operation.summary,
        arguments="\n".join(f"        {parameter}: a Value or a real number." for parameter in parameters),
        any="it" if len(parameters) == 1 else "any of them",
        name=name,
        names=", ".join(parameters),
        operands=", ".join(f"Value({number})" for number in numbers.split()),
        shown=" ".join(f"{{{part}:.4g}}" for part in ("result.data", *(f"{p}.grad" for p in parameters))),
        printed=printed,
    )
    return cast(Callable[..., Any], function)


# --- written by autograd_core/calculus/codegen.py ---

__all__ += [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "beta", "cbrt", "ceil", "complement",
    "copysign", "cos", "cosh", "cospi", "degrees", "digamma", "digamma_difference", "elu", "equal", "erf",
    "erfc", "erfcx", "erfinv", "exp", "exp2", "expm1", "floor", "gamma", "gaussian", "gelu", "greater",
    "greater_equal", "heaviside", "hypot", "ierfcx", "leaky_relu", "less", "less_equal", "lgamma", "log",
    "log1p", "log2", "log10", "logaddexp", "logit", "logsigmoid", "maximum", "minimum", "mod", "neg",
    "polygamma", "pow", "radians", "reciprocal", "relu", "rint", "sech2", "sigmoid", "sign", "silu", "sin",
    "sinc", "sinh", "sinpi", "softplus", "sqrt", "square", "stop_gradient", "tan", "tanh", "xlogy",
]  # fmt: skip

abs = _function("abs", "0.5", "0.5 1")
acos = _function("acos", "0.5", "1.047 -1.155")
acosh = _function("acosh", "2.0", "1.317 0.5774")
asin = _function("asin", "0.5", "0.5236 1.155")
asinh = _function("asinh", "0.5", "0.4812 0.8944")
atan = _function("atan", "0.5", "0.4636 0.8")
atan2 = _function("atan2", "0.5 2.0", "0.245 0.4706 -0.1176")
atanh = _function("atanh", "0.5", "0.5493 1.333")
beta = _function("beta", "0.5 2.0", "1.333 -3.556 -0.3738")
cbrt = _function("cbrt", "0.5", "0.7937 0.5291")
ceil = _function("ceil", "1.0", "1 0")
complement = _function("complement", "1.0 0.5", "0.5 -1 0")
copysign = _function("copysign", "0.5 2.0", "0.5 1 0")
cos = _function("cos", "0.5", "0.8776 -0.4794")
cosh = _function("cosh", "0.5", "1.128 0.5211")
cospi = _function("cospi", "0.5", "0 -3.142")
degrees = _function("degrees", "0.5", "28.65 57.3")
digamma = _function("digamma", "0.5", "-1.964 4.935")
digamma_difference = _function("digamma_difference", "0.5 2.0", "2.667 -4.444 0.4904")
elu = _function("elu", "0.5 2.0", "0.5 1 0")
equal = _function("equal", "1.0 0.5", "0 0 0")
erf = _function("erf", "0.5", "0.5205 0.8788")
erfc = _function("erfc", "0.5", "0.4795 -0.8788")
erfcx = _function("erfcx", "0.5", "0.6157 -0.5127")
erfinv = _function("erfinv", "0.5", "0.4769 1.113")
exp = _function("exp", "0.5", "1.649 1.649")
exp2 = _function("exp2", "0.5", "1.414 0.9803")
expm1 = _function("expm1", "0.5", "0.6487 1.649")
floor = _function("floor", "1.0", "1 0")
gamma = _function("gamma", "0.5", "1.772 -3.48")
gaussian = _function("gaussian", "0.5", "0.8825 -0.4412")
gelu = _function("gelu", "0.5", "0.3457 0.8675")
greater = _function("greater", "1.0 0.5", "1 0 0")
greater_equal = _function("greater_equal", "1.0 0.5", "1 0 0")
heaviside = _function("heaviside", "1.0 0.5", "1 0 0")
hypot = _function("hypot", "0.5 2.0", "2.062 0.2425 0.9701")
ierfcx = _function("ierfcx", "1.0 0.5", "0.2563 0 -0.3593")
leaky_relu = _function("leaky_relu", "0.5 2.0", "0.5 1 0")
less = _function("less", "1.0 0.5", "0 0 0")
less_equal = _function("less_equal", "1.0 0.5", "0 0 0")
lgamma = _function("lgamma", "0.5", "0.5724 -1.964")
log = _function("log", "0.5", "-0.6931 2")
log1p = _function("log1p", "0.5", "0.4055 0.6667")
log2 = _function("log2", "0.5", "-1 2.885")
log10 = _function("log10", "0.5", "-0.301 0.8686")
logaddexp = _function("logaddexp", "0.5 2.0", "2.201 0.1824 0.8176")
logit = _function("logit", "0.5", "0 4")
logsigmoid = _function("logsigmoid", "0.5", "-0.4741 0.3775")
maximum = _function("maximum", "0.5 2.0", "2 0 1")
minimum = _function("minimum", "0.5 2.0", "0.5 1 0")
mod = _function("mod", "0.5 2.0", "0.5 1 0")
neg = _function("neg", "0.5", "-0.5 -1")
polygamma = _function("polygamma", "1.0 0.5", "4.935 0 -16.83")
pow = _function("pow", "0.5 2.0", "0.25 1 -0.1733")
radians = _function("radians", "0.5", "0.008727 0.01745")
reciprocal = _function("reciprocal", "0.5", "2 -4")
relu = _function("relu", "0.5", "0.5 1")
rint = _function("rint", "1.0", "1 0")
sech2 = _function("sech2", "0.5", "0.7864 -0.7269")
sigmoid = _function("sigmoid", "0.5", "0.6225 0.235")
sign = _function("sign", "1.0", "1 0")
silu = _function("silu", "0.5", "0.3112 0.74")
sin = _function("sin", "0.5", "0.4794 0.8776")
sinc = _function("sinc", "0.5", "0.6366 -1.273")
sinh = _function("sinh", "0.5", "0.5211 1.128")
sinpi = _function("sinpi", "0.5", "1 0")
softplus = _function("softplus", "0.5", "0.9741 0.6225")
sqrt = _function("sqrt", "0.5", "0.7071 0.7071")
square = _function("square", "0.5", "0.25 1")
stop_gradient = _function("stop_gradient", "1.0", "1 0")
tan = _function("tan", "0.5", "0.5463 1.298")
tanh = _function("tanh", "0.5", "0.4621 0.7864")
xlogy = _function("xlogy", "0.5 2.0", "0.3466 0.6931 0.25")

# --- end ---


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition is not 0, else `b`.

    The branch not taken gets a gradient of exactly 0, even if its own derivative is infinite. Python computes
    both branches before `where` is called, and ``log(-1.0)`` raises. A branch that is given as a function is
    computed here instead, so that outside its domain it is an infinity or NaN and not an error. Where the
    condition is a Value both functions are called, as in JAX and PyTorch, so that a Program records both;
    where it is a plain number, the one that is taken.

    Args:
        condition: a bool, a number, or a Value such as ``greater(x, y)``.
        a: a Value or a real number, or a function without parameters that returns one.
        b: the same.

    Returns:
        A Value if any of the three is one, else a float.

    Example:
        >>> from autograd_core import Value, greater, log, where
        >>> x = Value(-1.0)
        >>> y = where(greater(x, 0.0), lambda: log(x), 2.0 * x)
        >>> y.backward()
        >>> y.data, x.grad
        (-2.0, 2.0)
    """
    if callable(a) or callable(b):
        if not isinstance(condition, Value):
            taken = a if evaluate(OPERATIONS["equal"].identifier, condition, 0.0) == 0.0 else b
            return taken() if callable(taken) else taken
        with ieee():
            a, b = a() if callable(a) else a, b() if callable(b) else b
    if isinstance(condition, Value) or isinstance(a, Value) or isinstance(b, Value):
        return as_value(condition).where(a, b)
    return evaluate(OPERATIONS["where"].identifier, condition, a, b)


def clip(x: Any, low: Any, high: Any) -> Any:
    """x kept within [low, high]; on a bound the gradient goes to x.

    Args:
        x: a Value or a real number.
        low: the lower bound, a Value or a real number.
        high: the upper bound, a Value or a real number.

    Returns:
        A Value if any of the three is one, else a float.

    Raises:
        ValueError: if low is not at most high, both plain numbers.

    Example:
        >>> x = Value(3.0)
        >>> y = clip(x, 0.0, 1.0)
        >>> y.backward()
        >>> y.data, x.grad
        (1.0, 0.0)
    """
    plain = not isinstance(low, Value) and not isinstance(high, Value)
    if plain and not number_of(as_value(low)) <= number_of(as_value(high)):
        raise ValueError(f"clip: the lower bound {low!r} must be at most the upper bound {high!r}")
    if plain and not isinstance(x, Value):
        return evaluate(OPERATIONS["clip"].identifier, x, low, high)
    return as_value(x).clip(low, high)


def _reduction(name: str, summary: str, printed: str) -> Callable[[Iterable[Any]], Any]:
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

    Example:
        >>> a, b = Value(3.0), Value(4.0)
        >>> result = {name}([a, b])
        >>> result.backward()
        >>> print(f"{{result.data:.4g}} {{a.grad:.4g}} {{b.grad:.4g}}")
        {printed}
    """
    return function


_sum = _reduction("sum", "The sum, added in order.", "7 1 1")
mean = _reduction("mean", "The arithmetic mean: the sum in order, divided by n.", "3.5 0.5 0.5")
logsumexp = _reduction(
    "logsumexp",
    "log(sum_j exp(x_j)), shifted by the largest so that it never overflows.",
    "4.313 0.2689 0.7311",
)
norm = _reduction(
    "norm", "The Euclidean norm, scaled so that it never overflows; its gradient at 0 is 0.", "5 0.6 0.8"
)
max = _reduction("max", "The largest; k equal ones share the gradient, 1/k each.", "4 0 1")
min = _reduction("min", "The smallest; k equal ones share the gradient, 1/k each.", "3 1 0")


def sum(numbers: Iterable[Any], start: Any = 0) -> Any:
    """The sum, added in order, as one node.

    Args:
        numbers: Values and real numbers; for none of them the result is `start`.
        start: a number or Value to begin with, as in Python's own sum.

    Returns:
        A Value; a float if there is no Value among them.

    Example:
        >>> x = Value(2.0)
        >>> sum([x, 1.0, x * x]).data
        7.0
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

    Example:
        >>> a, b = Value(3.0), Value(4.0)
        >>> y = prod([a, b, 2.0])
        >>> y.backward()
        >>> y.data, a.grad, b.grad
        (24.0, 8.0, 6.0)
    """
    operands = list(numbers)
    if isinstance(start, Value) or start != 1:
        operands.insert(0, start)
    if not operands:
        return 1.0
    result = operands[0] if isinstance(operands[0], Value) else number_of(as_value(operands[0]))
    for operand in operands[1:]:
        result = result * (operand if isinstance(operand, Value) else number_of(as_value(operand)))
    return result


def softmax(logits: Sequence[Any]) -> list[Any]:
    """exp(x_i) / sum_j exp(x_j) for each i, shifted so that it never overflows.

    Args:
        logits: Values and real numbers, shape (n,).

    Returns:
        A list of n Values, of floats if there is no Value among the logits. Up to 64 outputs are one node
        each, of n edges; more are made of shared nodes, 3 n in all, with the same bits. The gradient of an
        output near 1 is then right to the last digits of 1, not to its own.

    Example:
        >>> [round(p, 3) for p in softmax([1.0, 2.0, 3.0])]
        [0.09, 0.245, 0.665]
    """
    return indexed_values(OPERATIONS["softmax"].identifier, logits)


def log_softmax(logits: Sequence[Any]) -> list[Any]:
    """x_i - logsumexp(x) for each i; finite where softmax underflows.

    Args:
        logits: Values and real numbers, shape (n,).

    Returns:
        A list of n Values, of floats if there is no Value among the logits; made of nodes as in `softmax`.

    Example:
        >>> [round(p, 3) for p in log_softmax([1.0, 2.0, 3.0])]
        [-2.408, -1.408, -0.408]
    """
    return indexed_values(OPERATIONS["log_softmax"].identifier, logits)
