"""Gradient checkers of other projects, each as a function from a case to a verdict.

The tolerances are each project's own; where it gives an estimated error (numdifftools, SciPy), the gradient
passes within ten times of it, as here. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Case", "Checker", "VectorChecker", "peers", "vector_peers"]


@dataclass(frozen=True)
class Case:
    """A function of floats, a gradient for it, and whether that gradient is right."""

    group: str
    function: Callable[..., float]
    gradient: Callable[..., Sequence[float]]
    point: tuple[float, ...]
    right: bool
    decidable: bool = True


Checker = Callable[[Case], "bool | None"]
VectorChecker = Callable[[Any], "bool | None"]  # of a case of the corpus of vectors


def peers() -> dict[str, Checker]:
    """The checkers that are installed, by the name in the table."""
    found: dict[str, Checker] = {}
    if importlib.util.find_spec("torch"):
        found["torch gradcheck"] = torch_gradcheck()
        found["torch gradcheck, rtol=1e-7, atol=1e-9"] = torch_gradcheck(rtol=1e-7, atol=1e-9)
        found["torch gradcheck, fast_mode"] = torch_gradcheck(fast_mode=True)
    if importlib.util.find_spec("jax"):
        found["jax check_grads"] = jax_check_grads()
    if importlib.util.find_spec("autograd"):
        found["HIPS autograd check_grads"] = autograd_check_grads()
    if importlib.util.find_spec("numdifftools"):
        found["numdifftools"] = by_derivatives(numdifftools_derivative)
    if importlib.util.find_spec("scipy"):
        found["scipy.differentiate"] = by_derivatives(scipy_derivative)
    return found


def safely(function: Callable[..., float], numbers: Sequence[float]) -> float:
    """A domain error is nan for the peers, which would stop at an exception."""
    try:
        return float(function(*numbers))
    except (ValueError, ArithmeticError, TypeError, AssertionError, LookupError, RuntimeWarning):
        return math.nan


def torch_gradcheck(**options: Any) -> Checker:
    """`torch.autograd.gradcheck` of a Function with the case's backward."""
    import torch

    def check(case: Case) -> bool:
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *xs: Any) -> Any:
                context.save_for_backward(*xs)
                return torch.tensor(safely(case.function, [x.item() for x in xs]), dtype=torch.float64)

            @staticmethod
            def backward(context: Any, *gradients: Any) -> Any:
                numbers = case.gradient(*(x.item() for x in context.saved_tensors))
                return tuple(gradients[0] * number for number in numbers)

        torch.manual_seed(0)
        inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in case.point]
        return bool(torch.autograd.gradcheck(Function.apply, inputs, raise_exception=False, **options))

    return check


def jax_check_grads() -> Checker:
    """`jax.test_util.check_grads` of a custom_vjp in double precision.

    JAX compiles a callback once for each function and number of arguments. So all cases share one function,
    which looks up the case that is checked: compiling one for each case took 0.9 s a case.
    """
    import jax
    import numpy
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    number = jax.ShapeDtypeStruct((), numpy.float64)
    current: list[Case] = []

    def value(*xs: Any) -> Any:
        return numpy.float64(safely(current[-1].function, [float(x) for x in xs]))

    def gradient(*xs: Any) -> Any:
        return tuple(numpy.float64(g) for g in current[-1].gradient(*(float(x) for x in xs)))

    @jax.custom_vjp
    def function(*xs: Any) -> Any:
        return jax.pure_callback(value, number, *xs)

    def backward(xs: Any, cotangent: Any) -> Any:
        partials = jax.pure_callback(gradient, (number,) * len(xs), *xs)
        return tuple(cotangent * partial for partial in partials)

    function.defvjp(lambda *xs: (function(*xs), xs), backward)

    def check(case: Case) -> bool:
        current[:] = [case]
        numpy.random.seed(0)
        try:
            check_grads(function, case.point, order=1, modes=["rev"])
        except AssertionError:
            return False
        return True

    return check


def autograd_check_grads() -> Checker:
    """`autograd.test_util.check_grads` of a primitive with the case's vjp."""
    import numpy
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def check(case: Case) -> bool:
        @primitive
        def function(*xs: Any) -> float:
            return safely(case.function, [float(x) for x in xs])

        def vjp(slot: int) -> Any:
            return lambda value, *xs: lambda g: g * float(case.gradient(*map(float, xs))[slot])

        defvjp(function, *(vjp(slot) for slot in range(len(case.point))))
        numpy.random.seed(0)
        try:
            check_grads(function, modes=["rev"], order=1)(*case.point)
        except (AssertionError, ZeroDivisionError):  # 0/0 in its comparison of two gradients of 0
            return False
        return True

    return check


def by_derivatives(derivative: Callable[[Callable[[float], float], float], tuple[float, float]]) -> Checker:
    """A check of each partial against a numeric derivative with an estimated error."""

    def check(case: Case) -> bool:
        for slot, partial in enumerate(case.gradient(*case.point)):

            def vary(x: float, slot: int = slot) -> float:
                return safely(case.function, [*case.point[:slot], x, *case.point[slot + 1 :]])

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value, error = derivative(vary, case.point[slot])
            if not abs(partial - value) <= 10 * error + 1e-9 * max(abs(partial), abs(value)):
                return False
        return True

    return check


def numdifftools_derivative(function: Callable[[float], float], x: float) -> tuple[float, float]:
    """The derivative and its estimated error."""
    import numdifftools as nd

    value, error = of_numdifftools(nd.Derivative(lambda t: function(float(t)), full_output=True)(x))
    return float(value), float(error)


def of_numdifftools(result: Any) -> tuple[Any, Any]:
    """Estimate and error of a result, whose form depends on the version."""
    value, information = result if len(result) == 2 else (result.estimate, result)
    return value, information.error_estimate


def scipy_derivative(function: Callable[[float], float], x: float) -> tuple[float, float]:
    """The derivative and its estimated error."""
    import numpy
    from scipy.differentiate import derivative

    result = derivative(numpy.vectorize(function, otypes=[float]), x)
    return float(result.df), float(result.error)


# --- vector functions ------------------------------------------------------------------


def vector_peers() -> dict[str, VectorChecker]:
    """The checkers of vector functions that are installed."""
    found: dict[str, VectorChecker] = {}
    if importlib.util.find_spec("torch"):
        found["torch gradcheck"] = torch_vectors()
        found["torch gradcheck, rtol=1e-7, atol=1e-9"] = torch_vectors(rtol=1e-7, atol=1e-9)
        found["torch gradcheck, fast_mode"] = torch_vectors(fast_mode=True)
    if importlib.util.find_spec("jax"):
        found["jax check_grads"] = jax_vectors
    if importlib.util.find_spec("autograd"):
        found["HIPS autograd check_grads"] = autograd_vectors
    if importlib.util.find_spec("numdifftools"):
        found["numdifftools"] = numdifftools_vectors
    if importlib.util.find_spec("scipy"):
        found["scipy.differentiate"] = scipy_vectors
    return found


def torch_vectors(**options: Any) -> VectorChecker:
    """`torch.autograd.gradcheck` of a Function with the case's backward."""
    import torch

    def check(case: Any) -> bool:
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, x: Any) -> Any:
                context.save_for_backward(x)
                return torch.from_numpy(case.function(x.detach().numpy()))

            @staticmethod
            def backward(context: Any, *gradients: Any) -> Any:
                (x,) = context.saved_tensors
                return torch.from_numpy(gradients[0].numpy() @ case.jacobian(x.numpy()))

        torch.manual_seed(0)
        point = torch.tensor(case.point, requires_grad=True)
        return bool(torch.autograd.gradcheck(Function.apply, (point,), raise_exception=False, **options))

    return check


def jax_vectors(case: Any) -> bool:
    """`jax.test_util.check_grads` of a custom_vjp in double precision."""
    import jax
    import numpy
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    m, n = case.jacobian(case.point).shape

    @jax.custom_vjp
    def function(x: Any) -> Any:
        return jax.pure_callback(
            lambda x: case.function(numpy.asarray(x)), jax.ShapeDtypeStruct((m,), numpy.float64), x
        )

    def backward(x: Any, cotangent: Any) -> Any:
        shape = jax.ShapeDtypeStruct((n,), numpy.float64)
        return (
            jax.pure_callback(
                lambda x, u: numpy.asarray(u) @ case.jacobian(numpy.asarray(x)), shape, x, cotangent
            ),
        )

    function.defvjp(lambda x: (function(x), x), backward)
    return passes(lambda: check_grads(function, (case.point,), order=1, modes=["rev"]))


def autograd_vectors(case: Any) -> bool:
    """`autograd.test_util.check_grads` of a primitive with the case's vjp."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    function = primitive(case.function)
    defvjp(function, lambda value, x: lambda u: u @ case.jacobian(x))
    return passes(lambda: check_grads(function, modes=["rev"], order=1)(case.point))


def passes(check: Callable[[], None]) -> bool:
    """Whether a check that raises where it fails passes."""
    import numpy

    numpy.random.seed(0)
    try:
        check()
    except (AssertionError, ZeroDivisionError):
        return False
    return True


def numdifftools_vectors(case: Any) -> bool:
    """Its Jacobian, within ten times of its estimated errors."""
    import numdifftools as nd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, error = of_numdifftools(nd.Jacobian(case.function, full_output=True)(case.point))
    return within(case, value, error)


def scipy_vectors(case: Any) -> bool:
    """Its Jacobian, within ten times of its estimated errors."""
    import numpy
    from scipy.differentiate import jacobian

    def along(xs: Any) -> Any:
        return numpy.apply_along_axis(case.function, 0, xs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = jacobian(along, case.point)
    return within(case, result.df, result.error)


def within(case: Any, value: Any, error: Any) -> bool:
    """Whether the Jacobian under test is within ten times of the estimated errors of another."""
    import numpy

    given = case.jacobian(case.point)
    value, error = numpy.reshape(value, given.shape), numpy.reshape(error, given.shape)
    allowed = 10 * error + 1e-9 * numpy.maximum(abs(given), abs(value))
    return bool((abs(given - value) <= allowed).all())
