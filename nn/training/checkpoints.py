"""Checkpoints: a training run in a file, exact to the bit.

A checkpoint is a safetensors file (extra ``[save]``): parameters, buffers, best parameters and the history as
float64 tensors, the rest as JSON in the header, where Python writes every float so that it reads back
unchanged; a checksum covers all of it. Nothing in it is code.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from nn.arguments import shown
from nn.errors import FileError, InputError
from nn.history import Epoch
from nn.plain_data import NotPlain, from_json, to_json
from nn.saving import read_tensors, write_tensors

_KEY = "autograd_core.run"
_FORMAT = 3
_COUNTS = ("epoch", "batch", "updates", "optimizer_updates")
_SUMS = ("loss", "penalty", "norm", "lr", "seconds")
_OPTIONAL = ("validation_loss", "validation_accuracy")
_COLUMNS = tuple(f.name for f in fields(Epoch) if f.name not in ("metrics", *_OPTIONAL))


def _is_number(thing: Any) -> bool:
    return type(thing) in (int, float) and math.isfinite(thing)


def _is_count(thing: Any) -> bool:
    return type(thing) is int and 0 <= thing < 2**53


def _is_change(thing: Any, shared: dict[Any, Any]) -> bool:
    name, key, made = thing
    if not (isinstance(made, dict) and set(made) in ({"gone"}, {"lost"}, {"order"})):
        from_json(made, shared=shared)
    return isinstance(name, str) and isinstance(key, list) and len(key) <= 1


def _are_changes(thing: Any) -> bool:
    known = isinstance(thing, dict) and thing.keys() <= {"model", "optimizer", "callbacks"}
    for part in thing.values() if known else ():
        shared = defaultdict[Any, Any](object)  # what a name stands for
        known = known and isinstance(part, list) and all(_is_change(change, shared) for change in part)
    return known


def _are_settings(thing: Any) -> bool:
    known = thing["known"]
    tables = thing["now"], known["code"], known["held"]
    texts = all(isinstance(table, dict) for table in tables) and isinstance(known["python"], str)
    return texts and type(thing["seed"]) is int


# field of the header -> (what it must be, in words)
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "format": (lambda thing: thing == _FORMAT, f"{_FORMAT} (another version of nn wrote it)"),
    **dict.fromkeys(_COUNTS, (_is_count, "a count")),
    **dict.fromkeys(("loss", "penalty"), (_is_number, "a finite number")),
    **dict.fromkeys(("norm", "lr", "seconds"), (lambda x: _is_number(x) and x >= 0, "a number >= 0")),
    "best_epoch": (lambda thing: thing is None or _is_count(thing), "an epoch or null"),
    "hyperparameters": (lambda thing: isinstance(thing, dict), "the optimizer's numbers"),
    "random": (lambda thing: isinstance(thing, list), "a list of states"),
    "changes": (_are_changes, "lists of [name, key, content]"),
    "history_columns": (lambda thing: thing == list(_COLUMNS), f"{list(_COLUMNS)}"),
    "settings": (_are_settings, "a dictionary with seed, now and known"),
}


@dataclass(frozen=True)
class TrainingState:
    """Where a run stands: between two updates. Never changed, only replaced.

    Attributes:
        values: the parameters, an array or a list.
        buffers: what the optimizer keeps.
        optimizer_updates: how many updates the optimizer has made, earlier runs included.
        hyperparameters: the optimizer's rate and numbers, which a callback may have changed; as JSON has them
            in a state that was read.
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
    names = (*_COUNTS, *_SUMS, "best_epoch", "changes")
    header: dict[str, Any] = {name: getattr(state, name) for name in names}
    header["format"], header["random"] = _FORMAT, to_json(list(state.random))
    header["hyperparameters"] = to_json(state.hyperparameters, by_name=True)
    header["history_columns"] = _COLUMNS
    header["settings"] = dict(settings)
    write_tensors(tensors | table.tensors(epochs[: state.epoch]), path, {_KEY: json.dumps(header)})


@contextmanager
def reading(path: object) -> Iterator[None]:
    """What does not fit within the block is a fault of the file.

    Raises:
        FileError: it names file, field and remedy.
    """
    try:
        yield
    except (FileError, NotPlain):
        raise
    except Exception as error:  # of whatever a field is given to
        told = str(error) if type(error) in (ValueError, InputError) else repr(error)
        raise FileError(
            f"{str(path)!r} is not a checkpoint of this run, or has been edited: {told}. Nothing was "
            "changed: go on from a copy of the file, or remove it and start afresh"
        ) from error


def check_field(fits: bool, field: str, found: object, wanted: str) -> None:
    """Raise a ValueError where a field does not fit."""
    if not fits:
        raise ValueError(f"{field} is {shown(found)}, where {wanted} is wanted")


def load_state(path: str | os.PathLike[str]) -> tuple[TrainingState, list[Epoch], dict[str, Any]]:
    """Read what `save_state` wrote; `nn.training.resuming` compares it with the run.

    Returns:
        The state, the history's epochs, and the settings of the run.

    Raises:
        FileError: the file is damaged or is not a checkpoint.
    """
    tensors, metadata = read_tensors(path, with_checksum=True)
    with reading(path):
        header: dict[str, Any] = json.loads(metadata[_KEY])
        if strange := sorted(header.keys() ^ _FIELDS.keys()):
            raise ValueError(f"{', '.join(strange)} is missing, or is not known to this version of nn")
        for name, (fits, wanted) in _FIELDS.items():
            check_field(fits(header[name]), name, header[name], wanted)
        for name, tensor in tensors.items():
            check_field(tensor.dtype == "float64", name, tensor.dtype, "float64")
        epochs = _epochs(tensors, header["epoch"])
        wanted = f"numbers of shape {tensors['values'].shape}"
        for name, tensor in tensors.items():
            is_vector = tensor.ndim == 1 and tensor.shape == tensors["values"].shape
            check_field(is_vector, name, tensor.shape, wanted)
        state = TrainingState(
            values=tensors.pop("values"),
            best=tensors.pop("best", None),
            buffers={_buffer_of(name): tensor for name, tensor in tensors.items()},
            random=from_json(header.pop("random")),
            **{f.name: header[f.name] for f in fields(TrainingState) if f.name in header},
        )
        _check_together(state, epochs)
    return state, epochs, header["settings"]


def _buffer_of(name: str) -> str:
    check_field(name.startswith("buffer."), "a tensor", name, "one named buffer. ...")
    return name.removeprefix("buffer.")


def _epochs(tensors: dict[str, Any], count: int) -> list[Epoch]:
    """The history; it is taken out of the tensors."""
    table = tensors.pop("history")
    check_field(table.shape == (count, len(_COLUMNS)), "history", table.shape, f"{count} rows (epoch)")
    measured: list[dict[str, float]] = [{} for _ in range(count)]
    for name in [name for name in tensors if name.startswith("measured.")]:
        for place, value in tensors.pop(name).tolist():
            fits = place in range(count) and name.removeprefix("measured.") not in measured[int(place)]
            check_field(fits, name, place, "the place of another epoch")
            measured[int(place)][name.removeprefix("measured.")] = value
    epochs = []
    for k, numbers in enumerate(table.tolist()):
        row, found = dict(zip(_COLUMNS, numbers, strict=True)), measured[k]
        for name, number in row.items():
            low = -sys.float_info.max if name in ("objective", "loss", "penalty") else 0.0
            check_field(low <= number < math.inf, f"history: {name}", number, "a finite number, or >= 0,")
        check_field(row.pop("epoch") == k + 1, "history: epoch", numbers, f"epoch {k + 1}")
        updates, validation = int(row.pop("updates")), {n: found.pop(n) for n in _OPTIONAL if n in found}
        epochs.append(Epoch(k + 1, updates, **row, **validation, metrics=found))
        fits = epochs[k].objective == epochs[k].loss + epochs[k].penalty
        check_field(fits, "history: objective", numbers, "loss + penalty")
    return epochs


def _check_together(state: TrainingState, epochs: Sequence[Epoch]) -> None:
    """Numbers that tell of each other."""
    last = epochs[-1] if epochs else Epoch(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for before, after in itertools.pairwise([*(epoch.seconds for epoch in epochs), state.seconds]):
        check_field(before <= after, "seconds", after, f"a time after {before}")
    if state.batch == 0:
        sums = (state.loss, state.penalty, state.norm, state.lr)
        wanted = (0.0, 0.0, 0.0, last.lr)
        check_field(sums == wanted, "loss, penalty, norm, lr", sums, f"{wanted}, between epochs,")
    there = f"an epoch up to {state.epoch}, where there is a tensor best, and none where there is none"
    fits = state.best_epoch is None if state.best is None else state.best_epoch in range(1, state.epoch + 1)
    check_field(fits, "best_epoch", state.best_epoch, there)
    for name in ("values", "best"):
        if (numbers := getattr(state, name)) is not None:
            finite = [math.isfinite(number) for number in numbers.tolist()]
            check_field(all(finite), name, "not finite", "numbers that are finite")


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
