"""Checkpoints: a training run in a file, exact to the bit.

A checkpoint is a safetensors file (extra ``[save]``): parameters, buffers, best parameters and the history as
float64 tensors, the rest as JSON in the header, where Python writes every float so that it reads back
unchanged; a checksum covers all of it. Nothing in it is code.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from nn.errors import FileError, InputError
from nn.history import Epoch
from nn.plain_data import from_json, to_json
from nn.saving import read_tensors, write_tensors

_KEY = "autograd_core.run"
_COUNTS = ("epoch", "batch", "updates", "optimizer_updates")
_SUMS = ("loss", "penalty", "norm", "lr", "seconds")
_OPTIONAL = ("validation_loss", "validation_accuracy")
_COLUMNS = tuple(f.name for f in fields(Epoch) if f.name not in ("metrics", *_OPTIONAL))


@dataclass(frozen=True)
class TrainingState:
    """Where a run stands: between two updates. Never changed, only replaced.

    Attributes:
        values: the parameters, an array or a list.
        buffers: what the optimiser keeps.
        optimizer_updates: how many updates the optimiser has made, earlier runs included.
        hyperparameters: the optimiser's rate and numbers, which a callback may have changed.
        random: the states of the generators that the run draws from.
        changes: what else the run has changed: "model", "optimizer", "callbacks" -> `Snapshot.changes()`.
        epoch: epochs finished: the history's length.
        batch: minibatches done in the epoch under way.
        updates: updates made in this run.
        loss: the sum of the losses of the epoch under way.
        penalty: the sum of its penalties.
        norm: the sum of its gradient norms.
        lr: the learning rate of the last update.
        seconds: time spent.
        best: the best parameters, if a criterion wants them back.
        best_epoch: their epoch.
    """

    values: Any
    buffers: Mapping[str, Any]
    optimizer_updates: int = 0
    hyperparameters: Any = None
    random: Sequence[Any] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    epoch: int = 0
    batch: int = 0
    updates: int = 0
    loss: float = 0.0
    penalty: float = 0.0
    norm: float = 0.0
    lr: float = 0.0
    seconds: float = 0.0
    best: Any = None
    best_epoch: int | None = None

    def replace(self, **changes: Any) -> TrainingState:
        """A state that differs in these attributes; `dataclasses.replace` takes longer than many an epoch."""
        state = object.__new__(TrainingState)
        vars(state).update(vars(self), **changes)
        return state


class _Rows:
    """Rows of an array that grows at its end."""

    def __init__(self, width: int) -> None:
        import numpy as np

        self._array, self.count = np.empty((16, width)), 0

    def append(self, row: Sequence[Any]) -> None:
        """Add a row."""
        import numpy as np

        if self.count == len(self._array):
            self._array = np.concatenate([self._array, np.empty_like(self._array)])
        self._array[self.count] = row
        self.count += 1

    @property
    def array(self) -> Any:
        """The rows so far."""
        return self._array[: self.count]


class HistoryTable:
    """Epochs as the rows of an array, each written once, so that saving walks over none twice."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._rows = _Rows(len(_COLUMNS))
        self._measured: dict[str, _Rows] = {}

    def tensors(self, epochs: Sequence[Epoch]) -> dict[str, Any]:
        """The columns of these epochs, of which all but the newest have been seen before.

        What is not measured in every epoch is a tensor of rows (place, value), so that a NaN that was
        measured is told from nothing.
        """
        if len(epochs) < self._rows.count:
            self._clear()
        for k in range(self._rows.count, len(epochs)):
            epoch = epochs[k]
            self._rows.append([getattr(epoch, name) for name in _COLUMNS])
            optional = {name: getattr(epoch, name) for name in _OPTIONAL}
            for name, value in {**optional, **epoch.metrics}.items():
                if value is not None:
                    self._measured.setdefault(name, _Rows(2)).append((k, value))
        measured = {f"measured.{name}": rows.array for name, rows in self._measured.items()}
        return {"history": self._rows.array, **measured}


def save_state(
    state: TrainingState,
    epochs: Sequence[Epoch],
    settings: Mapping[str, Any],
    path: str | os.PathLike[str],
    table: HistoryTable,
) -> None:
    """Write a run's state, history and settings into a file, whole or not at all."""
    tensors = {"values": state.values, **{f"buffer.{name}": b for name, b in state.buffers.items()}}
    if state.best is not None:
        tensors["best"] = state.best
    names = (*_COUNTS, *_SUMS, "best_epoch", "hyperparameters", "changes")
    header: dict[str, Any] = {name: getattr(state, name) for name in names}
    header["random"] = to_json(list(state.random))
    header["history_columns"] = _COLUMNS
    header["settings"] = dict(settings)
    write_tensors(tensors | table.tensors(epochs[: state.epoch]), path, {_KEY: json.dumps(header)})


def load_state(path: str | os.PathLike[str]) -> tuple[TrainingState, list[Epoch], dict[str, Any]]:
    """Read what `save_state` wrote.

    Returns:
        The state, the history's epochs, and the settings of the run.

    Raises:
        FileError: the file is damaged or is not a checkpoint.
    """
    tensors, metadata = read_tensors(path, with_checksum=True)
    try:
        header = json.loads(metadata[_KEY])
        settings = dict(header["settings"])
        numbers: dict[str, Any] = {name: _count(header[name]) for name in _COUNTS}
        numbers |= {name: _finite([float(header[name])], name)[0] for name in _SUMS}
        epochs = _epochs(header, tensors)
        best_epoch = header["best_epoch"]
        lists = {name: _finite(array.ravel().tolist(), name) for name, array in tensors.items()}
        state = TrainingState(
            values=lists.pop("values"),
            best=lists.pop("best", None),
            best_epoch=None if best_epoch is None else _count(best_epoch),
            buffers={name.removeprefix("buffer."): buffer for name, buffer in lists.items()},
            hyperparameters=header.get("hyperparameters"),
            random=from_json(header.get("random", [])),
            changes=dict(header.get("changes", {})),
            **numbers,
        )
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"{os.fspath(path)!r} is not a checkpoint of a training run ({error!r})") from error
    if len(epochs) != state.epoch:
        raise FileError(
            f"{os.fspath(path)!r} is not a checkpoint: {state.epoch} epochs, {len(epochs)} recorded"
        )
    return state, epochs, settings


def _epochs(header: dict[str, Any], tensors: dict[str, Any]) -> list[Epoch]:
    """The history; it is taken out of the tensors."""
    rows = [dict(zip(header["history_columns"], row, strict=True)) for row in tensors.pop("history").tolist()]
    measured: list[dict[str, float]] = [{} for _ in rows]
    for name in [name for name in tensors if name.startswith("measured.")]:
        for k, value in tensors.pop(name).tolist():
            measured[_whole(k)][name.removeprefix("measured.")] = value
    return [_epoch(row, found) for row, found in zip(rows, measured, strict=True)]


def _epoch(row: dict[str, float], measured: dict[str, float]) -> Epoch:
    counts = {name: _whole(row.pop(name)) for name in ("epoch", "updates")}
    rest = {name: _finite([number], name)[0] for name, number in row.items()}
    validation = {name: measured.pop(name) for name in _OPTIONAL if name in measured}
    return Epoch(**counts, **rest, **validation, metrics=measured)  # type: ignore[arg-type]


def _finite(numbers: list[float], name: str) -> list[float]:
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} has entries that are not finite")
    return numbers


def _count(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} is not a count")
    return number


def _whole(number: float) -> int:
    if number != int(number):
        raise ValueError(f"{number!r} is not a count")
    return _count(int(number))


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
