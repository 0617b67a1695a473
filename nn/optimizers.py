"""Optimizers: what is done with a gradient. Back-propagation computes it; this is the learning.

The arithmetic follows PyTorch's, term by term (the test compares every step in float64).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograd_core import Value
from autograd_core.calculus.updates import UPDATES, Update
from nn.arguments import number, one_of, shown
from nn.clipping import clip_by_norm, clip_by_value, gradient_norm
from nn.errors import InputError
from nn.optimizer_base import Optimizer, trainable
from nn.schedules import Schedule

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "clip_by_norm",
    "clip_by_value",
    "gradient_norm",
    "optimizer_of",
]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's variant of it.

        d = g                                              momentum = 0
        v <- momentum v + g,  d = v                        momentum   (Polyak 1964)
        v <- momentum v + g,  d = g + momentum v           nesterov   (Nesterov 1983; Sutskever et al. 2013)
        theta <- theta - epsilon_k d

    Args:
        parameters: see `Optimizer`.
        lr: the learning rate, a number or a schedule.
        momentum: the share of the former direction that is kept, in [0, 1).
        nesterov: look ahead along the momentum.
        clip_norm: see `Optimizer`.
        clip_value: see `Optimizer`.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> w = Value(1.0)
        >>> optimizer = SGD([w], lr=0.1)
        >>> w.grad = 2.0
        >>> optimizer.step()
        >>> round(w.data, 6)
        0.8
    """

    _ranged = (*Optimizer._ranged, "momentum", "nesterov")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        if nesterov and momentum == 0.0:
            raise InputError("nesterov=True needs a momentum > 0")
        super().__init__(parameters, lr=lr, clip_norm=clip_norm, clip_value=clip_value)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "momentum":  # a callback may assign it: with it the velocity, 0 at first, comes and goes
            self.buffer_names = ("velocity",) if value else ()
            if getattr(self, "parameters", None) and set(self.buffers) != set(self.buffer_names):
                import numpy as np

                self.buffers = {name: np.zeros(len(self.parameters)) for name in self.buffer_names}

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule of SGD: with momentum it has a setting and a buffer."""
        if self.momentum == 0.0:
            return UPDATES["sgd"], ()
        return UPDATES["nesterov" if self.nesterov else "momentum"], (self.momentum,)


class Adagrad(Optimizer):
    """Every parameter has its own rate, which falls with the squares it has seen.

        r <- r + g^2,   theta <- theta - epsilon_k g / (sqrt(r) + eps)

    Duchi, Hazan and Singer, 2011 (Goodfellow et al. 2016, Algorithm 8.4).

    Args:
        parameters: see `Optimizer`.
        lr: the learning rate, a number or a schedule.
        eps: keeps the divisor away from 0.
        clip_norm: see `Optimizer`.
        clip_value: see `Optimizer`.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> w = Value(1.0)
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> w.grad = 2.0
        >>> optimizer.step()
        >>> round(w.data, 6)
        0.9
    """

    buffer_names = ("squares",)
    _ranged = (*Optimizer._ranged, "eps")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule = 0.01,
        eps: float = 1e-10,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.eps = eps
        super().__init__(parameters, lr=lr, clip_norm=clip_norm, clip_value=clip_value)

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule of Adagrad; where a gradient has always been 0 the parameter stays."""
        return UPDATES["adagrad"], (self.eps,)


class RMSprop(Optimizer):
    """Adagrad with a memory that fades.

        r <- rho r + (1 - rho) g^2,   d = g / (sqrt(r) + eps)
        centered: r - m^2 in place of r, with m <- rho m + (1 - rho) g
        momentum: v <- momentum v + d, and v in place of d
        theta <- theta - epsilon_k d

    Tieleman and Hinton, 2012 (Goodfellow et al. 2016, Algorithms 8.5 and 8.6); centred: Graves 2013.

    Args:
        parameters: see `Optimizer`.
        lr: the learning rate, a number or a schedule.
        rho: the share of the former squares that is kept, in [0, 1).
        eps: keeps the divisor away from 0.
        momentum: the share of the former direction that is kept, in [0, 1).
        centered: divide by the standard deviation of the gradient instead of its root mean square.
        clip_norm: see `Optimizer`.
        clip_value: see `Optimizer`.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> w = Value(1.0)
        >>> optimizer = RMSprop([w], lr=0.1)
        >>> w.grad = 2.0
        >>> optimizer.step()
        >>> round(w.data, 6)
        0.0
    """

    buffer_names = ("squares", "mean", "velocity")
    _ranged = (*Optimizer._ranged, "rho", "eps", "momentum", "centered")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule = 0.01,
        rho: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.rho, self.eps, self.momentum, self.centered = rho, eps, momentum, centered
        super().__init__(parameters, lr=lr, clip_norm=clip_norm, clip_value=clip_value)

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule of RMSprop."""
        centered, momentum = "_centered" * bool(self.centered), "_momentum" * (self.momentum > 0.0)
        return UPDATES[f"rmsprop{centered}{momentum}"], (self.rho, self.eps, self.momentum)


class Adam(Optimizer):
    """Fading means of the gradient and of its square, corrected for their start at 0.

        s <- beta1 s + (1 - beta1) g,   r <- beta2 r + (1 - beta2) g^2
        theta <- theta - epsilon_k (s / (1 - beta1^k)) / (sqrt(r / (1 - beta2^k)) + eps)

    Kingma and Ba, 2015 (Goodfellow et al. 2016, Algorithm 8.7).

    Args:
        parameters: see `Optimizer`.
        lr: the learning rate, a number or a schedule.
        betas: the shares of the former means that are kept, each in [0, 1).
        eps: keeps the divisor away from 0.
        clip_norm: see `Optimizer`.
        clip_value: see `Optimizer`.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> w = Value(1.0)
        >>> optimizer = Adam([w], lr=0.1)
        >>> w.grad = 2.0
        >>> optimizer.step()
        >>> round(w.data, 6)
        0.9
    """

    buffer_names = ("mean", "squares")
    _ranged = (*Optimizer._ranged, "eps")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.betas, self.eps = betas, eps
        super().__init__(parameters, lr=lr, clip_norm=clip_norm, clip_value=clip_value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "betas":
            if not hasattr(value, "__len__") or len(value) != 2:
                raise InputError(f"betas are two numbers, (0.9, 0.999); not {value!r}")
            value = number("beta1", value[0], "[0, 1)"), number("beta2", value[1], "[0, 1)")
        super().__setattr__(name, value)

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule of Adam."""
        return UPDATES["adam"], (*self.betas, self.eps)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: theta <- (1 - epsilon_k weight_decay) theta first.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. As in PyTorch, biases decay as well.

    Args:
        parameters: see `Optimizer`.
        lr: the learning rate, a number or a schedule.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: the share of a parameter that goes at each update, times the learning rate.
        clip_norm: see `Optimizer`.
        clip_value: see `Optimizer`.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> w = Value(1.0)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> w.grad = 2.0
        >>> optimizer.step()
        >>> round(w.data, 6)
        0.85
    """

    _ranged = (*Optimizer._ranged, "eps", "weight_decay")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.weight_decay = weight_decay
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, clip_norm=clip_norm, clip_value=clip_value)

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule of AdamW."""
        return UPDATES["adamw"], (*self.betas, self.eps, self.weight_decay)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def optimizer_of(
    optimizer: str | Optimizer,
    parameters: Sequence[Value],
    names: Callable[[], Iterable[tuple[str, Value]]] | None = None,
) -> Optimizer:
    """The optimizer of that name, or the one given, in charge of these parameters.

    An optimizer that is already in charge of exactly these parameters keeps its buffers.

    Args:
        optimizer: a name or an optimizer.
        parameters: Values.
        names: see `Optimizer.bind`.

    Raises:
        InputError: there is no optimizer of that name, it is in charge of other parameters, or it is
            something else.
    """
    if isinstance(optimizer, str):
        return OPTIMIZERS[one_of("optimizer", optimizer, OPTIMIZERS)]().bind(parameters)
    if not isinstance(optimizer, Optimizer):
        hint = "; call the class: SGD(lr=0.1)" if isinstance(optimizer, type) else ""
        raise InputError(
            f"an optimizer is a name or an Optimizer such as SGD(lr=0.1), not {shown(optimizer)}{hint}"
        )
    if not optimizer.parameters:
        return optimizer.bind(parameters, names)
    if not optimizer.put_in_order(trainable(parameters)):
        raise InputError(
            f"the optimizer is in charge of other parameters ({len(optimizer.parameters)}) than the model's "
            f"({len(parameters)}): create it without parameters, and it gets all of the model's"
        )
    return optimizer
