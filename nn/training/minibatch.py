"""One minibatch: its examples, gradient and objective. `nn.training` tells the order in which they add up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_core import Value
from autograd_core import sum as sum_of
from autograd_core.errors import AutogradError
from autograd_core.programs.tapes import compiled_module
from autograd_core.transforms import derivative_graphs
from nn.arguments import check_model, check_regularizer, shown
from nn.data import check_lengths
from nn.errors import DivergenceError, InputError
from nn.losses import Loss, LossFunction, loss_named
from nn.regularizers import Regularizer

LARGEST_LOSS = 1e100
"""A loss above this is a divergence: nothing that is learnt is so far off, and infinity is an update away."""

REMEDY = "Lower the learning rate, clip the gradient (clip_norm=1.0) or scale the inputs"
_MASK = (1 << 64) - 1


def sum_gradients(loss_of: Callable[[int], Value], chosen: Iterable[int]) -> float:
    """Add the gradient of L of each example to the parameters, in order; return L_1 + ... + L_m.

    Args:
        loss_of: makes the graph of an example's loss.
        chosen: the numbers of the examples.

    Raises:
        DivergenceError: a loss is not finite or too large, or computing it became non-finite.
        InputError: a loss is no Value.
    """
    total = 0.0
    for i in chosen:
        try:
            value = loss_of(i)
            if not isinstance(value, Value):
                raise InputError(
                    f"row {i}: the loss is {shown(value)}, which has no gradient: make a Value of the "
                    "outputs, with autograd_core.maximum(a, 0.0) in the place of max(a, 0.0)"
                )
            if not abs(value.data) <= LARGEST_LOSS:
                raise DivergenceError(f"the loss is {value.data:.6g}")
            value.backward()
        except AutogradError as error:
            if isinstance(error, ArithmeticError):
                raise DivergenceError(f"row {i}: {error}") from error
            raise
        total += value.data
    return total


@dataclass(frozen=True)
class BatchResult:
    """What a minibatch gave besides the gradient: the mean loss L and the penalty alpha Omega."""

    loss: float
    penalty: float


def batch_gradient(
    parameters: Sequence[Value],
    gradient_sum: Callable[[], float],
    penalty: Callable[[], Value] | None,
    count: int,
) -> BatchResult:
    """Leave g = 1/m grad sum_i L_i + alpha grad Omega on the parameters (the module docstring has the order).

    Args:
        parameters: theta.
        gradient_sum: adds the examples' gradients to the parameters and returns the sum of their losses.
        penalty: makes the graph of alpha Omega.
        count: m.
    """
    for p in parameters:
        p.grad = 0.0
    total = gradient_sum()
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

    Returns:
        J, a Value.

    Raises:
        InputError: there is no example, or X and y differ in length.

    Example:
        >>> from nn import L2, MLP
        >>> model = MLP(2, [3], seed=1)
        >>> J = objective(model, [[0.0, 0.0]], [1], regularizer=L2(0.0))
        >>> J.backward()
        >>> round(model.layers[0].neurons[1].b.grad, 6)  # p - y
        -0.666667
    """
    check_model(model)
    check_lengths(X, y)
    if not len(X):
        raise InputError("the objective of no example has no meaning")
    check_regularizer(regularizer)
    function = loss_named(loss).function
    with derivative_graphs():
        terms = [function(model(x), target) for x, target in zip(X, y, strict=True)]
        mean: Value = terms[0] if len(terms) == 1 else sum_of(terms) / len(terms)
        return mean if regularizer is None else mean + regularizer(model)


def epoch_order(count: int, seed: int, epoch: int) -> Any:
    """The order of an epoch's examples: a shuffle that depends on the seed and the epoch alone."""
    return permutation(count, f"{seed}:{epoch}")


def permutation(count: int, key: str) -> Any:
    """0 ... count - 1 shuffled, as an int64 array, the same for the same key.

    Fisher and Yates's shuffle; the random numbers are splitmix64's (Steele, Lea and Flood 2014), started from
    the SHA-256 of the key.

    Args:
        count: how many, below 2^32.
        key: any text.
    """
    import numpy as np

    if not 0 <= count < 2**32:
        raise InputError(f"count must be in 0 ... 2^32 - 1, not {count}")
    state = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    module = compiled_module()
    if module is not None:
        return np.frombuffer(module.permutation(count, state), dtype=np.int64)
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        j = (((z ^ (z >> 31)) >> 32) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)
