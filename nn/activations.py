"""Activations: g in h^(k) = g(a^(k)), by name or as a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd_core
from autograd_core import Value
from nn.errors import InputError

__all__ = ["ACTIVATIONS", "VECTOR_ACTIVATIONS", "Activation", "activation_name", "activation_named"]

Activation = Callable[[Value], Value]


def linear(a: Value) -> Value:
    """g(a) = a: no activation."""
    return a


ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "identity": linear,
    "relu": autograd_core.relu,
    "leaky_relu": autograd_core.leaky_relu,
    "elu": autograd_core.elu,
    "gelu": autograd_core.gelu,
    "silu": autograd_core.silu,
    "softplus": autograd_core.softplus,
    "sigmoid": autograd_core.sigmoid,
    "logistic": autograd_core.sigmoid,
    "logsigmoid": autograd_core.logsigmoid,
    "tanh": autograd_core.tanh,
    "sin": autograd_core.sin,
}
"""The activations of one neuron."""

VECTOR_ACTIVATIONS: dict[str, Callable[[Sequence[Value]], list[Value]]] = {
    "softmax": autograd_core.softmax,
    "log_softmax": autograd_core.log_softmax,
}
"""The activations that mix the neurons of a layer."""


def activation_named(activation: str | Activation | None) -> Activation:
    """The activation of that name, or the callable itself; None is "linear".

    Raises:
        InputError: there is no activation of that name.
    """
    if activation is None:
        return linear
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        names = ", ".join((*ACTIVATIONS, *VECTOR_ACTIVATIONS))
        hint = " (for a whole layer only)" if activation in VECTOR_ACTIVATIONS else ""
        raise InputError(f"no activation of a neuron is named {activation!r}{hint}; there are {names}")
    return ACTIVATIONS[activation]


def activation_name(activation: Any) -> str:
    """A name to show."""
    if activation is None:
        return "linear"
    return activation if isinstance(activation, str) else str(getattr(activation, "__name__", activation))
