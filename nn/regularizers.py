"""Regularizers: alpha Omega(theta), the second part of the objective J(theta) = L + alpha Omega.

A regularizer is a callable that takes a module and returns alpha Omega as a Value: a small graph of its own,
apart from the examples'. Biases are left out unless ``biases=True`` (Goodfellow et al. 2016, section 7.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autograd_core import Value, dot
from autograd_core import sum as sum_of
from nn.arguments import number, shown, truth
from nn.errors import InputError
from nn.module import BIAS_NAMES, Module

__all__ = ["L1", "L2", "ElasticNet", "Regularizer"]

Regularizer = Callable[[Module], Value]


def _penalised(module: Module, biases: bool) -> list[list[Value]]:
    """The parameters that count, row by row: a neuron's weights are a row."""
    if not isinstance(module, Module):
        raise InputError(f"a regularizer is called with a Module, not {shown(module)}")
    rows = module.rows() if biases else module.rows(BIAS_NAMES)
    if not rows:
        raise InputError(f"{type(module).__name__} has no weights to regularize")
    return rows


def _half_square(rows: list[list[Value]]) -> Value:
    squares: Value = sum_of([dot(row, row) for row in rows])
    return 0.5 * squares


def _absolute(rows: list[list[Value]]) -> Value:
    total: Value = sum_of([abs(w) for row in rows for w in row])
    return total


@dataclass(frozen=True)
class L2:
    """alpha Omega, Omega = 1/2 sum w^2: weight decay; its gradient is alpha w.

    Args:
        alpha: how much it counts.
        biases: penalise the biases too.

    Example:
        >>> from nn import Layer
        >>> layer = Layer(2, 1)
        >>> layer.neurons[0].w[0].data, layer.neurons[0].w[1].data = 3.0, -4.0
        >>> L2(0.1)(layer).data
        1.25
    """

    alpha: float
    biases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, "[0, inf)"))
        truth("biases", self.biases)

    def __call__(self, module: Module) -> Value:
        """The graph of alpha Omega for the module's parameters."""
        return self.alpha * _half_square(_penalised(module, self.biases))


@dataclass(frozen=True)
class L1:
    """alpha Omega, Omega = sum |w|: draws weights to exactly 0; its gradient is alpha sign(w), 0 at w = 0.

    Args:
        alpha: how much it counts.
        biases: penalise the biases too.

    Example:
        >>> from nn import Layer
        >>> layer = Layer(2, 1)
        >>> layer.neurons[0].w[0].data, layer.neurons[0].w[1].data = 3.0, -4.0
        >>> round(L1(0.1)(layer).data, 12)
        0.7
    """

    alpha: float
    biases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, "[0, inf)"))
        truth("biases", self.biases)

    def __call__(self, module: Module) -> Value:
        """The graph of alpha Omega for the module's parameters."""
        return self.alpha * _absolute(_penalised(module, self.biases))


@dataclass(frozen=True)
class ElasticNet:
    """alpha Omega, Omega = ratio sum |w| + (1 - ratio)/2 sum w^2 (Zou and Hastie 2005).

    Args:
        alpha: how much it counts.
        ratio: the share of the L1 part, in [0, 1].
        biases: penalise the biases too.

    Example:
        >>> from nn import Layer
        >>> layer = Layer(2, 1)
        >>> layer.neurons[0].w[0].data, layer.neurons[0].w[1].data = 3.0, -4.0
        >>> ElasticNet(1.0, ratio=0.5)(layer).data
        9.75
    """

    alpha: float
    ratio: float = 0.5
    biases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, "[0, inf)"))
        truth("biases", self.biases)
        object.__setattr__(self, "ratio", number("ratio", self.ratio, "[0, 1]"))

    def __call__(self, module: Module) -> Value:
        """The graph of alpha Omega for the module's parameters."""
        parameters = _penalised(module, self.biases)
        return self.alpha * (
            self.ratio * _absolute(parameters) + (1.0 - self.ratio) * _half_square(parameters)
        )
