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
from nn.arguments import check_model, check_size, number, path_of, shown, whole_number
from nn.data import check_lengths, numbers_of, rows_of
from nn.errors import InputError, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nn.history import History
    from nn.lr_finder import RateRange
    from nn.module import Module

__all__ = [
    "plot_confusion",
    "plot_decision_boundary",
    "plot_history",
    "plot_rates",
    "png_of",
    "save_figure",
]


def _axes(ax: Any) -> Axes:
    """The axes that were given, or new ones."""
    if ax is not None and not hasattr(ax, "plot"):
        raise InputError(f"ax must be axes of matplotlib, not {shown(ax)}")
    return _new_axes() if ax is None else ax


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
    if not getattr(history, "epochs", None):
        raise InputError(f"the history has no epoch to plot: {shown(history)}")
    ax = _axes(ax)
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

    check_model(model)
    check_size("the grid", whole_number("steps", steps, 2), steps)
    number("margin", margin, "[0, inf)")
    points = rows_of(X)
    if points.shape[1] != 2:
        raise InputError(f"a decision boundary is drawn over two inputs; X has shape {points.shape}")
    check_lengths(points, y)
    labels = numbers_of(y, "y")
    if labels.ndim != 1 or (labels != labels.round()).any():
        raise InputError("y has the classes of the examples, one whole number each")
    labels = labels.astype(int)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    across, up = np.linspace(low[0], high[0], steps), np.linspace(low[1], high[1], steps)
    grid = [[a, u] for u in up.tolist() for a in across.tolist()]
    regions = np.reshape(predict_labels(model, grid), (steps, steps))
    classes = np.maximum(labels, 0).astype(int)  # -1 and 1 are the classes 0 and 1
    count = int(max(classes.max(), regions.max())) + 1
    colors = require("matplotlib", "plots").colormaps["coolwarm"](np.linspace(0.0, 1.0, max(count, 2)))
    ax = _axes(ax)
    ax.contourf(across, up, regions, levels=np.arange(len(colors) + 1) - 0.5, colors=colors, alpha=0.4)
    there = sorted(set(classes.tolist()))
    _check_names(names, there[-1] + 1)
    drawn = [_points(ax, points[classes == index], colors[index]) for index in there]
    texts = [names[index] if names is not None else labels[classes == index][0] for index in there]
    ax.legend(drawn, [plain(text) for text in texts], title="class")
    return ax


def _check_names(names: Any, count: int) -> None:
    if names is not None and (not hasattr(names, "__len__") or len(names) < count):
        raise InputError(f"names are those of {count} classes, one each; not {shown(names)}")


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

    counts = numbers_of(matrix, "matrix")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"a confusion matrix is square; this one has shape {counts.shape}")
    ax = _axes(ax)
    ax.imshow(counts, cmap="Blues")
    ticks = range(len(counts))
    _check_names(names, len(counts))
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
    figure = ax.get_figure() if hasattr(ax, "get_figure") else None
    path = path_of("path", path)
    if figure is None:
        raise InputError("these axes belong to no figure")
    if path.suffix[1:].lower() not in figure.canvas.get_supported_filetypes():
        raise InputError(f"the ending of the path tells the format, .png or .svg; not {str(path)!r}")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)  # type: ignore[union-attr]


def png_of(plotted: History | RateRange) -> bytes | None:
    """What its `plot` draws, as a PNG file for a notebook; None (the text is shown) where that fails."""
    buffer = io.BytesIO()
    try:
        plotted.plot().get_figure().savefig(buffer, format="png")  # type: ignore[union-attr]
    except Exception:
        return None
    return buffer.getvalue()


def plot_rates(found: RateRange, ax: Axes | None = None) -> Axes:
    """The smoothed loss over the learning rate, with the suggestion.

    Args:
        found: what `nn.find_lr` returned.
        ax: where to draw; a new figure without it.
    """
    ax = _axes(ax)
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
