"""Plots with matplotlib (extra ``[plots]``): learning curves, decision boundaries, confusion matrices.

Nothing here touches matplotlib's global state: figures are made without pyplot, so no window opens and
nothing has to be closed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autograd_core.files import replacing
from nn.errors import InputError, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nn.history import History
    from nn.lr_finder import RateRange
    from nn.module import Module

__all__ = [
    "history_png",
    "plot_confusion",
    "plot_decision_boundary",
    "plot_history",
    "plot_rates",
    "rates_png",
    "save_figure",
    "save_history",
]


def _new_axes() -> Axes:
    figure = require("matplotlib.figure", "plots").Figure(figsize=(6.4, 4.0), layout="constrained")
    axes: Axes = figure.add_subplot()
    return axes


def plain(text: object) -> str:
    """The text as it is: no mathematics between dollar signs, no label hidden for its leading underscore."""
    escaped = str(text).replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def plot_history(history: History, ax: Axes | None = None) -> Axes:
    """Objective and losses over the epochs, the accuracy on a second axis on the right.

    Args:
        history: what `nn.fit` returned.
        ax: where to draw; a new figure without it.

    Returns:
        The axes; ``axes.figure.savefig(path)`` writes them.
    """
    if not len(history):
        raise InputError("the history has no epoch to plot")
    ax = _new_axes() if ax is None else ax
    for name, style in (("objective", ":"), ("loss", "-"), ("validation_loss", "--")):
        _plot_column(ax, history, name, style)
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    lines = list(ax.get_lines())
    if history.column("validation_accuracy"):
        right = ax.twinx()
        right.set_ylabel("accuracy")
        right.set_ylim(0.0, 1.02)
        _plot_column(right, history, "validation_accuracy", "-.", "tab:purple")
        lines += right.get_lines()
    ax.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
    return ax


def _plot_column(ax: Axes, history: History, name: str, style: str, color: str | None = None) -> None:
    points = [(e.epoch, getattr(e, name)) for e in history if getattr(e, name) is not None]
    if points:
        ax.plot(*zip(*points, strict=True), style, color=color, label=name.replace("_", " "))


def plot_decision_boundary(
    model: Module,
    X: Any,
    y: Sequence[int],
    names: Sequence[object] | None = None,
    ax: Axes | None = None,
    steps: int = 60,
    margin: float = 0.5,
) -> Axes:
    """The regions a classifier of two inputs gives to its classes, with the data on top.

    Args:
        model: a module of two inputs.
        X: the examples, rows of two numbers.
        y: their labels, 0 .. n-1, or for a model with one output 0 and 1 or -1 and 1.
        names: what to call the classes; their labels without it.
        ax: where to draw; a new figure without it.
        steps: the points of the grid along each side.
        margin: how far the picture goes beyond the data.
    """
    import numpy as np

    from nn.metrics import predict_labels

    points, labels = np.asarray(X, dtype=float), np.asarray(y)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(f"a decision boundary is drawn over two inputs; X has shape {points.shape}")
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    across, up = np.linspace(low[0], high[0], steps), np.linspace(low[1], high[1], steps)
    grid = [[a, u] for u in up.tolist() for a in across.tolist()]
    regions = np.reshape(predict_labels(model, grid), (steps, steps))
    classes = np.maximum(labels, 0).astype(int)  # -1 and 1 are the classes 0 and 1
    count = int(max(classes.max(), regions.max())) + 1
    colors = require("matplotlib", "plots").colormaps["coolwarm"](np.linspace(0.0, 1.0, max(count, 2)))
    ax = _new_axes() if ax is None else ax
    ax.contourf(across, up, regions, levels=np.arange(len(colors) + 1) - 0.5, colors=colors, alpha=0.4)
    shown = sorted(set(classes.tolist()))
    drawn = [_points(ax, points[classes == index], colors[index]) for index in shown]
    texts = [names[index] if names is not None else labels[classes == index][0] for index in shown]
    ax.legend(drawn, [plain(text) for text in texts], title="class")
    return ax


def _points(ax: Axes, points: Any, color: Any) -> Any:
    return ax.scatter(points[:, 0], points[:, 1], s=18, color=color, edgecolor="black", linewidth=0.4)


def plot_confusion(matrix: Any, names: Sequence[object] | None = None, ax: Axes | None = None) -> Axes:
    """A confusion matrix, rows the true classes, columns the predicted ones.

    Args:
        matrix: what `nn.confusion_matrix` returned.
        names: the names of the classes.
        ax: where to draw; a new figure without it.
    """
    import numpy as np

    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"a confusion matrix is square; this one has shape {counts.shape}")
    ax = _new_axes() if ax is None else ax
    ax.imshow(counts, cmap="Blues")
    ticks = range(len(counts))
    texts = [plain(name) for name in (names if names is not None else ticks)]
    ax.set_xticks(ticks, texts)
    ax.set_yticks(ticks, texts)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    for (row, column), count in np.ndenumerate(counts):
        shade = "white" if count > counts.max() / 2 else "black"
        ax.text(column, row, str(int(count)), ha="center", va="center", color=shade)
    return ax


def save_figure(ax: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure of these axes into a file (PNG, SVG, PDF, by its ending)."""
    figure = ax.get_figure()
    if figure is None:
        raise InputError("these axes belong to no figure")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)  # type: ignore[union-attr]


def history_png(history: History) -> bytes:
    """The learning curve as the bytes of a PNG file."""
    return _png(plot_history(history))


def rates_png(found: RateRange) -> bytes:
    """Loss over rate as the bytes of a PNG file."""
    return _png(plot_rates(found))


def _png(ax: Axes) -> bytes:
    buffer = io.BytesIO()
    ax.get_figure().savefig(buffer, format="png")  # type: ignore[union-attr]
    return buffer.getvalue()


def plot_rates(found: RateRange, ax: Axes | None = None) -> Axes:
    """The smoothed loss over the learning rate, with the suggestion.

    Args:
        found: what `nn.find_lr` returned.
        ax: where to draw; a new figure without it.
    """
    ax = _new_axes() if ax is None else ax
    ax.plot(found.rates, found.losses)
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss, smoothed")
    try:
        suggestion = found.suggestion
    except InputError:  # it never fell
        return ax
    ax.axvline(suggestion, linestyle="--", color="tab:red", label=f"suggested: {suggestion:.2g}")
    ax.legend()
    return ax


def save_history(history: History, path: str | os.PathLike[str]) -> None:
    """Draw the learning curve into a file."""
    save_figure(plot_history(history), path)
