"""History: what a training run was like, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nn.arguments import shown
from nn.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Epoch", "History", "quantity_of"]


@dataclass(frozen=True)
class Epoch:
    """One epoch of a run.

    Attributes:
        epoch: 1 for the first.
        updates: updates made since the start of the run.
        objective: J = L + alpha Omega, the mean over the epoch's minibatches, each at the parameters of its
            moment.
        loss: L, likewise: the mean over the examples.
        penalty: alpha Omega, likewise.
        gradient_norm: |dJ/dtheta|, the mean over the minibatches.
        lr: the learning rate of the last update.
        seconds: time since the start of the run, pauses between a stop and its resumption not counted.
        validation_loss: L on the validation data after the epoch; None without such data.
        validation_accuracy: the share of it that is right; None if it has no meaning. `History.accuracy_kind`
            tells what is counted.
        metrics: the user's own metrics on the validation data, by name.

    Example:
        >>> Epoch(1, 4, objective=0.5, loss=0.4, penalty=0.1, gradient_norm=1.0, lr=0.1, seconds=0.0).loss
        0.4
    """

    epoch: int
    updates: int
    objective: float
    loss: float
    penalty: float
    gradient_norm: float
    lr: float
    seconds: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"metrics": {}} | state)  # which an early version did not have


_COLUMNS = tuple(f.name for f in fields(Epoch) if f.name != "metrics")


@dataclass
class History:
    """The epochs of a run, why it stopped, and the settings it ran with.

    ``history["loss"]`` is a column; ``history[-1]`` an epoch; `plot` draws the learning curve, and a notebook
    shows it for the history itself.

    Attributes:
        epochs: one record an epoch.
        stopped: why the run ended ("" while it runs).
        settings: seed, batch size, loss, regularizer, optimizer: what makes the run repeatable.
        best_epoch: the epoch whose parameters a stopping criterion put back, if one did.
        trained_on: "a Program, whole updates"; "a Program, gradients only: " and the reason; or "eager: " and
            the reason. It costs speed and changes no bit.
        accuracy_kind: what `validation_accuracy` counts: "multiclass", "binary", "subset" (all labels of an
            example right) or "".

    Example:
        >>> from nn import MLP, fit
        >>> history = fit(MLP(1, [2], seed=1), [[0.0], [1.0]], [0, 1], epochs=3, seed=1)
        >>> len(history), len(history["loss"]), history[-1].epoch
        (3, 3, 3)
    """

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    trained_on: str = ""
    accuracy_kind: str = ""
    _best: dict[Any, tuple[int, Epoch, float, int]] = field(default_factory=dict, repr=False, compare=False)
    _read: dict[str, tuple[list[Epoch], list[float]]] = field(default_factory=dict, repr=False, compare=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(History()) | state)

    def column(self, name: str) -> list[float]:
        """One quantity over the epochs, a new list; epochs where it was not measured are left out.

        In a callback `last` tells the newest number in constant time.

        Raises:
            InputError: there is no such quantity.
        """
        if not isinstance(name, str):
            raise InputError(f"the name of a column is a text, not {shown(name)}")
        names = [*_COLUMNS, *(self.epochs[-1].metrics if self.epochs else ())]
        if name not in names:
            raise InputError(f"a history has no column {shown(name)}; it has {', '.join(names)}")
        known, found = self._read.get(name, ([], []))
        if name not in _COLUMNS or known != self.epochs[: len(known)]:
            known, found = [], []  # metrics may be written into an epoch, and epochs exchanged
        new = self.epochs[len(known) :]
        known += new
        found += (value for epoch in new if (value := quantity_of(epoch, name)) is not None)
        self._read[name] = known, found
        return found.copy()

    def last(self, name: str) -> float | None:
        """A quantity of the last epoch; None if it was not measured, or before the first epoch."""
        return quantity_of(self.epochs[-1], name) if self.epochs and isinstance(name, str) else None

    def best_index(self, quantity: str, rises: bool, least: float = 0.0) -> int:
        """The index of the epoch in which a quantity last became better by `least`; -1 if it never did.

        Each epoch is looked at once, however often this is asked.

        Args:
            quantity: a column.
            rises: is more better?
            least: how much better counts.
        """
        key = quantity, rises, least
        seen, newest, best, index = self._best.get(key, (0, None, math.inf, -1))
        if seen > len(self.epochs) or (seen and self.epochs[seen - 1] is not newest):
            seen, best, index = 0, math.inf, -1  # other epochs stand there now
        for k in range(seen, len(self.epochs)):
            value = quantity_of(self.epochs[k], quantity)
            if value is not None and (-value if rises else value) < best - least:
                best, index = -value if rises else value, k
        if self.epochs:
            self._best[key] = len(self.epochs), self.epochs[-1], best, index
        return index

    def __getitem__(self, key: str | int) -> Any:
        return self.column(key) if isinstance(key, str) else self.epochs[key]

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The learning curve; see `nn.plots.plot_history`."""
        from nn.plots import plot_history

        return plot_history(self, ax)

    def save_plot(self, path: Any) -> None:
        """Write the learning curve to a file (PNG, SVG, PDF, by its ending)."""
        from nn.plots import save_figure

        save_figure(self.plot(), path)

    def _repr_png_(self) -> bytes | None:
        from nn.plots import png_of

        return png_of(self)

    def rows(self) -> list[dict[str, Any]]:
        """The epochs as plain dicts, for JSON or a table; a metric is an entry of its own."""
        return [row | row.pop("metrics") for row in map(asdict, self.epochs)]

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epoch yet)"
        last = self.epochs[-1]
        shown = [f"loss {last.loss:.4g}"]
        for name in ("validation_loss", "validation_accuracy", *last.metrics):
            value = quantity_of(last, name)
            if value is not None:
                shown.append(f"{name.replace('_', ' ')} {value:.4g}")
        reason = f"; stopped: {self.stopped}" if self.stopped else ""
        return f"History({len(self)} epochs, {last.updates} updates, {', '.join(shown)}{reason})"


def quantity_of(epoch: Epoch, name: str) -> float | None:
    """A column or a metric of an epoch; None if it was not measured."""
    if name in epoch.metrics:
        return epoch.metrics[name]
    value: float | None = getattr(epoch, name, None)
    return value
