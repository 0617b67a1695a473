"""One minibatch: its examples, gradient and objective. `nn.training` tells the order in which they add up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_core import Value
from autograd_core import sum as sum_of
from autograd_core.errors import AutogradError
from autograd_core.programs.batch_gradient import permutation
from nn.data import check_lengths
from nn.errors import DivergenceError, InputError
from nn.losses import Loss, LossFunction, loss_named
from nn.regularizers import Regularizer

__all__ = ["BatchResult", "GradientSum", "batch_gradient", "epoch_order", "objective", "sum_gradients"]

GradientSum = Callable[[list[list[float]], list[Any]], float]


def sum_gradients(model: Any, loss: LossFunction, xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Add grad L(f(x_i), y_i) to the parameters, example by example; return L_1 + ... + L_m.

    Raises:
        DivergenceError: a loss is not a finite number, or computing it left the finite numbers.
    """
    total = 0.0
    for index, (x, y) in enumerate(zip(xs, ys, strict=True)):
        try:
            value = loss(model(x), y)
            if not math.isfinite(value.data):
                raise DivergenceError(f"the loss of example {index} of the minibatch is {value.data}")
            value.backward()
        except AutogradError as error:
            if isinstance(error, ArithmeticError):
                raise _diverged(error) from error
            raise
        total += value.data
    return total


def _diverged(error: Exception) -> DivergenceError:
    return DivergenceError(
        f"{error}; the parameters are those of the last update that went well. "
        "Lower the learning rate, clip the gradient (clip_norm=1.0) or scale the inputs"
    )


@dataclass(frozen=True)
class BatchResult:
    """What a minibatch gave besides the gradient: the mean loss L and the penalty alpha Omega."""

    loss: float
    penalty: float


def batch_gradient(
    parameters: Sequence[Value],
    gradient_sum: GradientSum,
    penalty: Callable[[], Value] | None,
    xs: list[list[float]],
    ys: list[Any],
) -> BatchResult:
    """Leave g = 1/m grad sum_i L_i + alpha grad Omega on the parameters (the module docstring has the order).

    Args:
        parameters: theta.
        gradient_sum: adds the examples' gradients to the parameters and returns the sum of their losses:
            `sum_gradients`, or a Program that replays it.
        penalty: makes the graph of alpha Omega.
        xs: the examples of the minibatch.
        ys: their targets.
    """
    for p in parameters:
        p.grad = 0.0
    total = gradient_sum(xs, ys)
    count = len(xs)
    for p in parameters:
        p.grad = p.grad / count
    if penalty is None:
        return BatchResult(total / count, 0.0)
    omega = penalty()
    omega.backward()
    return BatchResult(total / count, omega.data)


def objective(
    model: Any,
    X: Sequence[Any],
    y: Sequence[Any],
    loss: str | Loss | LossFunction = "cross_entropy",
    regularizer: Regularizer | None = None,
) -> Value:
    """J(theta) of some examples as one graph, to draw, to check or to sweep at once.

    Args:
        model: a module.
        X: the examples, rows of numbers or of Values.
        y: their targets.
        loss: a name, one of `nn.losses`, or your own.
        regularizer: adds alpha Omega.
    """
    if not len(X):
        raise InputError("the objective of no example has no meaning")
    check_lengths(list(X), y)
    function = loss_named(loss).function
    terms = [function(model(x), target) for x, target in zip(X, y, strict=True)]
    mean: Value = terms[0] if len(terms) == 1 else sum_of(terms) / len(terms)
    return mean if regularizer is None else mean + regularizer(model)


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's examples: a shuffle that depends on the seed and the epoch alone."""
    order: list[int] = permutation(count, f"{seed}:{epoch}").tolist()
    return order
