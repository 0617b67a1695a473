"""History: what a training run was like, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nn.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Epoch", "History"]


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
        validation_accuracy: the share of it that is right; None if it has no meaning.
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


@dataclass
class History:
    """The epochs of a run, why it stopped, and the settings it ran with.

    ``history["loss"]`` is a column; ``history[-1]`` an epoch; `plot` draws the learning curve, and a notebook
    shows it for the history itself.

    Attributes:
        epochs: one record an epoch.
        stopped: why the run ended ("" while it runs).
        settings: seed, batch size, loss, regulariser, optimiser: what makes the run repeatable.
        best_epoch: the epoch whose parameters a stopping criterion put back, if one did.
        trained_on: "a Program", or "Values: " and the reason why, which costs speed but changes no bit.
    """

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    trained_on: str = ""

    def column(self, name: str) -> list[float]:
        """One quantity over the epochs; epochs where it was not measured are left out.

        Raises:
            InputError: there is no such quantity.
        """
        names = [f.name for f in fields(Epoch)]
        if name not in names:
            raise InputError(f"a history has no column {name!r}; it has {', '.join(names)}")
        values = (getattr(epoch, name) for epoch in self.epochs)
        return [value for value in values if value is not None]

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
        from nn.plots import save_history

        save_history(self, path)

    def _repr_png_(self) -> bytes | None:
        """The learning curve, for notebooks; None (so that the text is shown) where it cannot be drawn."""
        try:
            from nn.plots import history_png

            return history_png(self)
        except Exception:
            return None

    def rows(self) -> list[dict[str, Any]]:
        """The epochs as plain dicts, for JSON or a table."""
        return [asdict(epoch) for epoch in self.epochs]

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epoch yet)"
        last = self.epochs[-1]
        shown = [f"loss {last.loss:.4g}"]
        for name in ("validation_loss", "validation_accuracy"):
            value = getattr(last, name)
            if value is not None:
                shown.append(f"{name.replace('_', ' ')} {value:.4g}")
        reason = f"; stopped: {self.stopped}" if self.stopped else ""
        return f"History({len(self)} epochs, {last.updates} updates, {', '.join(shown)}{reason})"
