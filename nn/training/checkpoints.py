"""Checkpoints: a training run in a file, exact to the bit.

A checkpoint is a safetensors file (extra ``[save]``): parameters, buffers and best parameters as float64
tensors, the rest as JSON in the header, where Python writes every float so that it reads back unchanged.
Nothing in it is code.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nn.errors import FileError, InputError
from nn.history import Epoch
from nn.saving import read_tensors, write_tensors

__all__ = ["Point", "check_same_run", "load_point", "save_point"]

_KEY = "autograd_core.run"
_COUNTS = ("epoch", "batch", "updates", "optimizer_updates")
_SUMS = ("loss", "penalty", "norm", "lr", "seconds")


@dataclass(frozen=True)
class Point:
    """Where a run stands: between two updates. Never changed, only replaced.

    Attributes:
        values: the parameters, an array or a list.
        buffers: what the optimiser keeps.
        optimizer_updates: how many updates the optimiser has made, earlier runs included.
        epoch: epochs finished.
        batch: minibatches done in the epoch under way.
        updates: updates made in this run.
        loss: the sum of the losses of the epoch under way.
        penalty: the sum of its penalties.
        norm: the sum of its gradient norms.
        lr: the learning rate of the last update.
        seconds: time spent.
        history: the epochs finished.
        best: the best parameters, if a criterion wants them back.
        best_epoch: their epoch.
    """

    values: Any
    buffers: Mapping[str, Any]
    optimizer_updates: int = 0
    epoch: int = 0
    batch: int = 0
    updates: int = 0
    loss: float = 0.0
    penalty: float = 0.0
    norm: float = 0.0
    lr: float = 0.0
    seconds: float = 0.0
    history: tuple[Epoch, ...] = field(default=())
    best: Any = None
    best_epoch: int | None = None

    def moved(self, **changes: Any) -> Point:
        """A point that differs in these attributes; `dataclasses.replace` takes longer than many an epoch."""
        point = object.__new__(Point)
        vars(point).update(vars(self), **changes)
        return point


def save_point(point: Point, settings: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a run's point and its settings into a file, whole or not at all."""
    tensors = {"values": point.values, **{f"buffer.{name}": b for name, b in point.buffers.items()}}
    if point.best is not None:
        tensors["best"] = point.best
    header = {name: getattr(point, name) for name in (*_COUNTS, *_SUMS, "best_epoch")}
    header["history"] = [asdict(epoch) for epoch in point.history]
    header["settings"] = dict(settings)
    write_tensors(tensors, path, {_KEY: json.dumps(header)})


def load_point(path: str | os.PathLike[str]) -> tuple[Point, dict[str, Any]]:
    """Read what `save_point` wrote.

    Returns:
        The point, and the settings of its run.

    Raises:
        FileError: the file is damaged or is not a checkpoint.
    """
    tensors, metadata = read_tensors(path)
    try:
        header = json.loads(metadata[_KEY])
        settings = dict(header["settings"])
        numbers: dict[str, Any] = {name: _count(header[name]) for name in _COUNTS}
        numbers |= {name: _finite([float(header[name])], name)[0] for name in _SUMS}
        history = tuple(_epoch(row) for row in header["history"])
        best_epoch = header["best_epoch"]
        lists = {name: _finite(array.ravel().tolist(), name) for name, array in tensors.items()}
        point = Point(
            values=lists.pop("values"),
            best=lists.pop("best", None),
            best_epoch=None if best_epoch is None else _count(best_epoch),
            buffers={name.removeprefix("buffer."): buffer for name, buffer in lists.items()},
            history=history,
            **numbers,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"{os.fspath(path)!r} is not a checkpoint of a training run ({error!r})") from error
    return point, settings


def _epoch(row: dict[str, Any]) -> Epoch:
    counts = {name: _count(row[name]) for name in ("epoch", "updates")}
    rest = {n: None if number is None else _finite([float(number)], n)[0] for n, number in row.items()}
    return Epoch(**{**rest, **counts})  # type: ignore[arg-type]


def _finite(numbers: list[float], name: str) -> list[float]:
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} has entries that are not finite")
    return numbers


def _count(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} is not a count")
    return number


def check_same_run(theirs: Mapping[str, Any], ours: Mapping[str, Any], path: object) -> None:
    """A run may only be resumed with the settings it was started with.

    Raises:
        InputError: a setting differs; the message lists them.
    """
    ours = json.loads(json.dumps(dict(ours)))
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    if names:
        listed = "".join(
            f"\n  - {name}: {theirs.get(name)!r} there, {ours.get(name)!r} here" for name in names
        )
        raise InputError(
            f"{str(path)!r} was written by a run with other settings; nothing was changed:{listed}"
        )
