"""What a run minimizes: model, loss, examples, their weights and the penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from autograd_core import Value
from autograd_core.transforms import derivative_graphs
from nn.data import Examples
from nn.losses import LOSSES, Loss
from nn.module import Module
from nn.random_inputs import RandomInput, feeding, train_mode
from nn.regularizers import L1, L2, ElasticNet, Regularizer

FIXED = (L1, L2, ElasticNet)
"""Penalties whose graph is always the same, which a callback cannot change unseen."""


def is_fixed(model: Any, loss: Loss, regularizer: Regularizer | None) -> bool:
    """Are all three ours, so that their graphs are always the same and depend on the parameters alone?"""
    regular = regularizer is None or type(regularizer) in FIXED
    return regular and getattr(model, "is_pure", False) and LOSSES.get(loss.name) is loss


@dataclass(frozen=True)
class Problem:
    """J(theta) = 1/m sum_i w_i L(f(x_i; theta), y_i) + alpha Omega(theta).

    Attributes:
        model: f.
        loss: the loss L.
        examples: x, y and w.
        regularizer: alpha Omega, or None.
        parameters: theta.
    """

    model: Any
    loss: Loss
    examples: Examples
    regularizer: Regularizer | None
    parameters: Sequence[Value]

    def example_loss(self, x: Any, y: Any, weight: Any = None) -> Value:
        """w L(f(x), y): the graph of one example, with layers such as dropout at work."""
        with train_mode(), derivative_graphs():
            value = self.loss.function(self.model(x), y)
        return value if weight is None else weight * value

    def loss_of(
        self, i: int, drawn: tuple[Sequence[Value], Sequence[tuple[RandomInput, int]]] | None = None
    ) -> Value:
        """The same of an example of the data.

        Args:
            i: its number.
            drawn: random numbers that have been drawn for it already, and by what.
        """
        examples = self.examples
        weight = None if examples.weights is None else float(examples.weights[i])
        with nullcontext() if drawn is None else feeding(*drawn):
            return self.example_loss(examples.row(i), examples.target(i), weight)

    @property
    def is_fixed(self) -> bool:
        """See the function of that name."""
        return is_fixed(self.model, self.loss, self.regularizer)

    @property
    def penalty(self) -> Callable[[], Value] | None:
        """What makes the graph of alpha Omega."""
        return (
            None if self.regularizer is None else derivative_graphs()(partial(self.regularizer, self.model))
        )

    def owners(self) -> list[tuple[str, Any]]:
        """The objects whose code makes the graphs, and their names."""
        return owners(self.model, self.loss, self.regularizer)


def owners(model: Any, loss: Loss, regularizer: Regularizer | None) -> list[tuple[str, Any]]:
    """What makes the graphs of a run, and their names."""
    modules = model.named_modules() if isinstance(model, Module) else [("", model)]
    named = [(f"model.{name}" if name else "model", module) for name, module in modules]
    return [*named, ("loss", loss.function), ("regularizer", regularizer)]
