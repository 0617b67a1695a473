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
    """


def _function(name: str) -> Callable[..., Any]:
    """Return the function of an operation: a node for Values, the number alone for numbers."""
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
    )
    return cast(Callable[..., Any], function)


# --- written by autograd_core/calculus/codegen.py ---

__all__ += [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "beta",
    "cbrt",
    "ceil",
    "complement",
    "copysign",
    "cos",
    "cosh",
    "cospi",
    "degrees",
    "digamma",
    "digamma_difference",
    "elu",
    "equal",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "gamma",
    "gaussian",
    "gelu",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "ierfcx",
    "leaky_relu",
    "less",
    "less_equal",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logit",
    "logsigmoid",
    "maximum",
    "minimum",
    "mod",
    "neg",
    "polygamma",
    "pow",
    "radians",
    "reciprocal",
    "relu",
    "rint",
    "sech2",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "sinpi",
    "softplus",
    "sqrt",
    "square",
    "stop_gradient",
    "tan",
    "tanh",
    "xlogy",
]

abs = _function("abs")
acos = _function("acos")
acosh = _function("acosh")
asin = _function("asin")
asinh = _function("asinh")
atan = _function("atan")
atan2 = _function("atan2")
atanh = _function("atanh")
beta = _function("beta")
cbrt = _function("cbrt")
ceil = _function("ceil")
complement = _function("complement")
copysign = _function("copysign")
cos = _function("cos")
cosh = _function("cosh")
cospi = _function("cospi")
degrees = _function("degrees")
digamma = _function("digamma")
digamma_difference = _function("digamma_difference")
elu = _function("elu")
equal = _function("equal")
erf = _function("erf")
erfc = _function("erfc")
erfcx = _function("erfcx")
erfinv = _function("erfinv")
exp = _function("exp")
exp2 = _function("exp2")
expm1 = _function("expm1")
floor = _function("floor")
gamma = _function("gamma")
gaussian = _function("gaussian")
gelu = _function("gelu")
greater = _function("greater")
greater_equal = _function("greater_equal")
heaviside = _function("heaviside")
hypot = _function("hypot")
ierfcx = _function("ierfcx")
leaky_relu = _function("leaky_relu")
less = _function("less")
less_equal = _function("less_equal")
lgamma = _function("lgamma")
log = _function("log")
log1p = _function("log1p")
log2 = _function("log2")
log10 = _function("log10")
logaddexp = _function("logaddexp")
logit = _function("logit")
logsigmoid = _function("logsigmoid")
maximum = _function("maximum")
minimum = _function("minimum")
mod = _function("mod")
neg = _function("neg")
polygamma = _function("polygamma")
pow = _function("pow")
radians = _function("radians")
reciprocal = _function("reciprocal")
relu = _function("relu")
rint = _function("rint")
sech2 = _function("sech2")
sigmoid = _function("sigmoid")
sign = _function("sign")
silu = _function("silu")
sin = _function("sin")
sinc = _function("sinc")
sinh = _function("sinh")
sinpi = _function("sinpi")
softplus = _function("softplus")
sqrt = _function("sqrt")
square = _function("square")
stop_gradient = _function("stop_gradient")
tan = _function("tan")
tanh = _function("tanh")
xlogy = _function("xlogy")

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

    Raises:
        ValueError: if low is not at most high, both plain numbers.
    """
    plain = not isinstance(low, Value) and not isinstance(high, Value)
    if plain and not number_of(as_value(low)) <= number_of(as_value(high)):
        raise ValueError(f"clip: the lower bound {low!r} must be at most the upper bound {high!r}")
    if plain and not isinstance(x, Value):
        return evaluate(OPERATIONS["clip"].identifier, x, low, high)
    return as_value(x).clip(low, high)


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
        result = result * (operand if isinstance(operand, Value) else number_of(as_value(operand)))
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
