"""What each operation means in other arithmetic: plain floats, mpmath at many digits, PyTorch float64."""

import functools
import math
import operator

import pytest


def ordered_sum(*numbers):
    """Add from left to right (the builtin ``sum`` compensates rounding since Python 3.12)."""
    return functools.reduce(operator.add, numbers)


LIBM = (
    *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "atan2", "hypot"),
    *("erf", "erfc", "lgamma"),
)
ARITHMETIC = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "abs": abs,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "maximum": lambda a, b: a if a >= b else b,
    "minimum": lambda a, b: a if a <= b else b,
    "clip": lambda x, low, high: low if x < low else (high if x > high else x),
    "where": lambda condition, a, b: a if condition > 0 else b,
    "sum": ordered_sum,
    "mean": lambda *xs: ordered_sum(*xs) / len(xs),
    "prod": lambda *xs: functools.reduce(operator.mul, xs),
    "dot": lambda a, b, c, d, bias: (bias + a * c) + b * d,
    "max": max,
    "min": min,
}


@pytest.fixture(scope="session")
def float_functions():
    """The operations whose value is defined by one float expression."""
    return {
        **ARITHMETIC,
        **{name: getattr(math, name) for name in LIBM if hasattr(math, name)},
        "pow": math.pow,
        "mod": operator.mod,
        "relu": lambda x: x if x > 0 else 0.0,
        "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    }


@pytest.fixture(scope="session")
def mpmath_functions():
    """The operations in mpmath, by the definitions of their rows."""
    pytest.importorskip("mpmath")
    from tests.definitions import all_in_mpmath

    return {**all_in_mpmath(), **{name: ARITHMETIC[name] for name in ("where", "prod", "dot")}}


@pytest.fixture(scope="session")
def torch_functions():
    """The operations that PyTorch has."""
    torch = pytest.importorskip("torch")
    nn = torch.nn.functional

    def over(function):
        return lambda *xs: function(torch.stack(xs), dim=0)

    names = (
        *("add", "sub", "mul", "div", "neg", "abs", "square", "reciprocal", "pow", "maximum", "minimum"),
        *(name for name in LIBM if name != "cbrt"),
        *("sigmoid", "relu"),
    )
    return {
        **{name: getattr(torch, name) for name in names},
        "mod": torch.remainder,
        "logsigmoid": nn.logsigmoid,
        "softplus": lambda x: nn.softplus(x, threshold=1e9),
        "leaky_relu": nn.leaky_relu,
        "elu": nn.elu,
        "gelu": nn.gelu,
        "silu": nn.silu,
        "clip": torch.clamp,
        "where": lambda condition, a, b: torch.where(condition > 0, a, b),
        "sum": over(torch.sum),
        "mean": over(torch.mean),
        "prod": over(torch.prod),
        "dot": lambda a, b, c, d, e: torch.dot(torch.stack((a, b)), torch.stack((c, d))) + e,
        "logsumexp": over(torch.logsumexp),
        "softmax": lambda *xs: torch.softmax(torch.stack(xs), dim=0)[1],
        "log_softmax": lambda *xs: torch.log_softmax(torch.stack(xs), dim=0)[1],
        "norm": lambda *xs: torch.linalg.vector_norm(torch.stack(xs)),
        "max": over(torch.amax),
        "min": over(torch.amin),
    }
