"""Activations: g in h^(k) = g(a^(k)), by name or as a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd_core
from autograd_core import Value
from nn.arguments import refuse_class, unknown
from nn.errors import InputError

__all__ = ["ACTIVATIONS", "VECTOR_ACTIVATIONS", "Activation", "activation_name", "activation_named"]

Activation = Callable[[Value], Value]


def linear(a: Value) -> Value:
    """g(a) = a: no activation."""
    return a


ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "identity": linear,
    "relu": Value.relu,
    "leaky_relu": Value.leaky_relu,
    "elu": Value.elu,
    "gelu": Value.gelu,
    "silu": Value.silu,
    "softplus": Value.softplus,
    "sigmoid": Value.sigmoid,
    "logistic": Value.sigmoid,
    "logsigmoid": Value.logsigmoid,
    "tanh": Value.tanh,
    "sin": Value.sin,
}
"""The activations of one neuron; methods, which cost half of what the functions for any number cost."""

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
    refuse_class("an activation", activation)
    if callable(activation):
        _check_callable(activation)
        return activation
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        if isinstance(activation, str) and activation in VECTOR_ACTIVATIONS:
            raise InputError(f"{activation} is for a whole layer only, and this is one neuron")
        raise unknown("activation of a neuron", activation, (*ACTIVATIONS, *VECTOR_ACTIVATIONS))
    return ACTIVATIONS[activation]


def _check_callable(activation: Activation) -> None:
    """Refuse a function such as math.tanh, whose result is a plain number: no gradient would come through."""
    try:
        result = activation(Value(0.5))
    except Exception:  # it may want other numbers, or be refused in words of its own when it is used
        return
    if not isinstance(result, Value):
        name = activation_name(activation)
        raise InputError(
            f"the activation {name} returns a {type(result).__name__}, through which no gradient passes: "
            "write it with the functions of autograd_core (autograd_core.tanh, not math.tanh), or give a name"
        )


def activation_name(activation: Any) -> str:
    """A name to show."""
    if activation is None:
        return "linear"
    return activation if isinstance(activation, str) else str(getattr(activation, "__name__", activation))
