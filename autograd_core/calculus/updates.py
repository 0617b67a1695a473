"""How optimizers update a parameter: each rule once, for numbers, for arrays and as C.

A rule is written for one parameter, in arithmetic and the few functions here. `nn.optimizers` calls it with
arrays of float64, and `codegen` with Symbols, which gives the loops of `tape/updates.h`: element by element
and with no sums, so both have the bits of the same formula on Python's floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .primitives import Number, divide, equal, greater, power, select, sqrt
from .symbols import Symbol


def _is_array(x: Any) -> bool:
    return not isinstance(x, Symbol) and hasattr(x, "dtype")


def root(x: Number) -> Number:
    """The square root."""
    if _is_array(x):
        import numpy as np

        return np.sqrt(x)
    return sqrt(x)


def ratio(a: Number, b: Number) -> Number:
    """a / b, and 0 where a is 0, 0 / 0 too: with eps = 0, a parameter that never had a gradient stays."""
    if _is_array(a):
        import numpy as np

        return np.divide(a, b, out=np.zeros_like(a), where=a != 0.0)
    return select(equal(a, 0.0), 0.0, divide(a, b))


def at_least_zero(x: Number) -> Number:
    """max(0, x); NaN stays."""
    return x.clip(min=0.0) if _is_array(x) else select(greater(0.0, x), 0.0, x)


MOST_BUFFERS = 8  # of a compiled rule, the user's own too

Step = Callable[..., tuple[Number, Sequence[Number]]]


@dataclass(frozen=True)
class Update:
    """A rule, and the names of what it takes.

    Attributes:
        name: its name in C.
        buffers: what it keeps for each parameter, 0 at first.
        settings: its numbers, the same for all parameters.
        ready: the numbers of one update, ready(rate, k, *settings); k = 1 for the first update.
        step: step(x, g, buffers, settings, numbers) -> (the new x, the new buffers).
    """

    name: str
    buffers: tuple[str, ...]
    settings: tuple[str, ...]
    step: Step
    ready: Callable[..., Sequence[Number]] = lambda rate, k, *settings: (rate,)

    def __call__(
        self,
        x: Number,
        g: Number,
        buffers: Sequence[Number],
        settings: Sequence[Number],
        rate: Number,
        k: float,
    ) -> tuple[Number, Sequence[Number]]:
        """Return the new parameters and the new buffers.

        Args:
            x: the parameters, a number or an array.
            g: the gradient.
            buffers: one for each of `Update.buffers`.
            settings: one for each of `Update.settings`.
            rate: the learning rate.
            k: which update this is, from 1 on.
        """
        return self.step(x, g, buffers, settings, self.ready(rate, k, *settings))


def _sgd(x: Number, g: Number, buffers: Any, settings: Any, numbers: Any) -> Any:
    (rate,) = numbers
    return x - rate * g, ()


def _with_momentum(nesterov: bool) -> Any:
    def step(x: Number, g: Number, buffers: Any, settings: Any, numbers: Any) -> Any:
        (velocity,), (momentum,), (rate,) = buffers, settings, numbers
        velocity = momentum * velocity + g
        return x - rate * (g + momentum * velocity if nesterov else velocity), (velocity,)

    return step


def _adagrad(x: Number, g: Number, buffers: Any, settings: Any, numbers: Any) -> Any:
    (squares,), (eps,), (rate,) = buffers, settings, numbers
    squares = squares + g * g
    return x - rate * ratio(g, root(squares) + eps), (squares,)


def _rmsprop(centered: bool, with_momentum: bool) -> Any:
    def step(x: Number, g: Number, buffers: Any, settings: Any, numbers: Any) -> Any:
        (squares, mean, velocity), (rho, eps, momentum), (rate,) = buffers, settings, numbers
        variance = squares = rho * squares + (1.0 - rho) * g * g
        if centered:
            mean = mean + (1.0 - rho) * (g - mean)
            variance = at_least_zero(squares - mean * mean)
        direction = ratio(g, root(variance) + eps)
        if with_momentum:
            direction = velocity = momentum * velocity + direction
        return x - rate * direction, (squares, mean, velocity)

    return step


def _adam_ready(rate: Number, k: Number, beta1: Number, beta2: Number, *others: Number) -> Any:
    shrink = [1.0 - rate * weight_decay for weight_decay in others[1:]]
    return rate / (1.0 - power(beta1, k)), sqrt(1.0 - power(beta2, k)), *shrink


def _adam(x: Number, g: Number, buffers: Any, settings: Any, numbers: Any) -> Any:
    (mean, squares), (beta1, beta2, eps, *_), (size, root_of_share, *shrink) = buffers, settings, numbers
    mean = mean + (1.0 - beta1) * (g - mean)
    squares = beta2 * squares + (1.0 - beta2) * g * g
    start = shrink[0] * x if shrink else x
    return start - size * ratio(mean, root(squares) / root_of_share + eps), (mean, squares)


_RMS = ("squares", "mean", "velocity"), ("rho", "eps", "momentum")
_ADAM = ("mean", "squares"), ("beta1", "beta2", "eps")

#: The rules by their names.
UPDATES: dict[str, Update] = {
    update.name: update
    for update in (
        Update("sgd", (), (), _sgd),
        Update("momentum", ("velocity",), ("momentum",), _with_momentum(False)),
        Update("nesterov", ("velocity",), ("momentum",), _with_momentum(True)),
        Update("adagrad", ("squares",), ("eps",), _adagrad),
        Update("rmsprop", *_RMS, _rmsprop(False, False)),
        Update("rmsprop_centered", *_RMS, _rmsprop(True, False)),
        Update("rmsprop_momentum", *_RMS, _rmsprop(False, True)),
        Update("rmsprop_centered_momentum", *_RMS, _rmsprop(True, True)),
        Update("adam", *_ADAM, _adam, _adam_ready),
        Update("adamw", _ADAM[0], (*_ADAM[1], "weight_decay"), _adam, _adam_ready),
    )
}
