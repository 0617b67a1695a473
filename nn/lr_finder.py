"""The learning-rate range test: train a copy while the rate grows, and look where the loss is least."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nn.arguments import number, one_of, shown, whole_number
from nn.errors import DivergenceError, InputError
from nn.minimizers import Minimizer
from nn.optimizers import OPTIMIZERS, Optimizer
from nn.random_state import RandomStates
from nn.schedules import ExponentialDecay
from nn.training.loop import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RateRange", "find_lr"]

_BETA = 0.9  # of the smoothing
_OURS = {"callbacks", "checkpoint", "checkpoint_every", "epochs", "resume"}


@dataclass(frozen=True)
class RateRange:
    """What `find_lr` found; in a notebook it is drawn.

    Attributes:
        rates: the learning rate of each update.
        losses: the loss of the minibatch before it, smoothed.
        suggestion: a tenth of the rate at which the loss is least.

    Example:
        >>> RateRange([0.01, 0.1, 1.0, 10.0], [0.7, 0.6, 0.3, 0.9]).suggestion
        0.1
    """

    rates: list[float]
    losses: list[float]

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the loss is least: beyond that it grows.

        Raises:
            InputError: the loss never fell.
        """
        lowest = self.losses.index(min(self.losses)) if self.losses else 0
        if lowest < 2:
            raise InputError(
                "the loss never fell: begin with a lower rate (low=), and look at the data and the model"
            )
        return self.rates[lowest] / 10.0

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw loss over rate; see `nn.plots.plot_rates`."""
        from nn.plots import plot_rates

        return plot_rates(self, ax)

    def _repr_png_(self) -> bytes | None:
        from nn.plots import png_of

        return png_of(self)


class _Enough(Exception):
    """The loss has grown, or all rates were tried."""


class _Listener:
    """Takes note of each update."""

    def __init__(self, updates: int) -> None:
        self.updates, self.rates, self.losses = updates, list[float](), list[float]()
        self.mean = 0.0

    def on_update(self, run: Any) -> None:
        """Smooth the loss; stop where it is four times the least."""
        self.mean = _BETA * self.mean + (1.0 - _BETA) * run.objective
        smooth = self.mean / (1.0 - _BETA ** (len(self.losses) + 1))
        self.rates.append(run.optimizer.schedule(len(self.losses)))
        self.losses.append(smooth)
        if len(self.rates) >= self.updates or smooth > 4.0 * max(min(self.losses), 1e-12):
            raise _Enough


def find_lr(
    model: Any,
    X: Any,
    y: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    updates: int = 100,
    optimizer: str | Optimizer = "sgd",
    **options: Any,
) -> RateRange:
    """Try learning rates from `low` to `high`, each for one update, on a copy of the model.

    Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3. It ends early where the
    smoothed loss is four times its least value, or not finite. Model and random generators stay as they are.

    Args:
        model: a module.
        X: the examples.
        y: their targets.
        low: the first rate.
        high: the last.
        updates: how many rates.
        optimizer: a name, or an optimizer without parameters, whose other numbers are used.
        options: of `nn.fit`: loss, regularizer, batch_size, seed, ...

    Returns:
        A `RateRange`.

    Raises:
        InputError: the rates are out of order, a group of parameters has a rate of its own, an option is one
            of those that the trial sets, or the data cannot be used.
        DivergenceError: the first update.

    Example:
        >>> from nn import MLP
        >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> found = find_lr(MLP(2, [8, 2], seed=1), X, y, seed=1)
        >>> 1e-3 < found.suggestion < 10
        True
    """
    if number("low", low, "(0, inf)") >= number("high", high, "(0, inf)"):
        raise InputError(f"rates go from low > 0 to high > low, not from {low!r} to {high!r}")
    if isinstance(optimizer, str):
        optimizer = OPTIMIZERS[one_of("optimizer", optimizer, OPTIMIZERS)]()
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, Minimizer) or optimizer.parameters:
        raise InputError(f"find_lr wants a name or an optimizer without parameters, not {shown(optimizer)}")
    if taken := _OURS & options.keys():
        raise InputError(f"find_lr makes one run of its own: it takes no {', '.join(sorted(taken))}")
    if any("lr" in group for group in optimizer.param_groups):
        raise InputError("find_lr tries one rate for all parameters: leave lr out of the groups")
    trial = copy.copy(optimizer)
    count = whole_number("updates", updates, 1)
    growth = (high / low) ** (1 / max(count - 1, 1))
    if growth == 1.0:
        raise InputError(f"updates must be fewer: in {count} of them the rate would not grow")
    trial.schedule = ExponentialDecay(low, growth)
    listener = _Listener(count)
    states = RandomStates([model, options.get("loss"), options.get("regularizer")])
    try:
        with suppress(_Enough):
            fit(copy.deepcopy(model), X, y, optimizer=trial, epochs=count, callbacks=listener, **options)
    except DivergenceError:
        if not listener.rates:
            raise
    finally:
        states.restore()
    return RateRange(listener.rates, listener.losses)
