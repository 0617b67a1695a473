"""Every field of a checkpoint is looked at before anything changes: a file fits, or it is refused whole."""

from __future__ import annotations

import copy
import json
import math
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.plain_data import to_json
from nn.saving import read_tensors, write_tensors

KEY = "autograd_core.run"
generator = np.random.default_rng(0)
X = generator.normal(size=(20, 3))
y = (X[:, 0] > 0).astype(int)
pytestmark = [
    pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning"),
    pytest.mark.filterwarnings("ignore:the run that wrote:nn.ModelWarning"),
]


class Noisy(nn.MLP):
    """A model with a number of its own and draws."""

    def __init__(self) -> None:
        super().__init__(3, [4, 2], seed=1)
        self.factor, self.noise = 1.0, np.random.default_rng(1)

    def __call__(self, x: Any) -> Any:
        return [self.factor * v + 0.01 * self.noise.normal() for v in super().__call__(x)]


class Changes:
    """A callback that changes what it can, and breaks off within an epoch."""

    def __init__(self) -> None:
        self.n, self.last = 0, 0

    def on_update(self, run: Any) -> None:
        if run.updates == self.last:
            raise KeyboardInterrupt

    def __call__(self, run: Any) -> None:
        self.n += 1
        if isinstance(run.model, Noisy):
            run.model.factor *= 0.9
            run.optimizer.eps = 1e-8 / self.n
        if self.n == 1 and isinstance(run.model, Noisy):
            run.model.freeze("layer1.b")


class Counting(nn.Optimizer):
    """A rule that remembers something in an attribute that comes with the first update."""

    buffer_names = ("least",)
    share = 0.5

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.share = self.share * 0.9
        self.calls = getattr(self, "calls", 0) + 1
        return values - rate * gradients / self.calls, {"least": np.minimum(buffers["least"], np.inf)}


def score(targets: Any, outputs: Any) -> float:
    return float(np.mean(outputs))


def rich() -> tuple[Any, dict[str, Any]]:
    groups = [{"params": "layer2", "lr": 0.02, "eps": 1e-7}]
    rate = nn.WarmUp(nn.StepDecay(0.1, every=3), steps=4)
    return Noisy(), {
        "optimizer": nn.Adam(groups, lr=rate),
        "validation": (X[:5], y[:5]),
        "metrics": {"score": score},
        "stop": nn.Patience(9, "loss", restore_best=True),
        "callbacks": Changes(),
    }


def plain() -> tuple[Any, dict[str, Any]]:
    return nn.MLP(3, [4, 2], seed=1), {"optimizer": nn.SGD(lr=0.1, momentum=0.9)}


def own() -> tuple[Any, dict[str, Any]]:
    return nn.MLP(3, [4, 2], seed=1), {"optimizer": Counting(lr=0.1), "callbacks": Changes()}


Run = tuple[Any, dict[str, Any]]


def train(run: Run, path: Path | None, epochs: int, last: int = 0) -> Any:
    model, given = run
    if "callbacks" in given:
        given["callbacks"].last = last
    resumes = {} if path is None else {"checkpoint": path, "resume": True}
    history = nn.fit(model, X, y, seed=3, epochs=epochs, batch_size=8, **given, **resumes)
    return bits(model), history["loss"], history.best_epoch, history["lr"]


def bits(model: Any) -> bytes:
    return np.array([p.data for p in model.parameters()]).tobytes()


def standing(run: Run) -> Any:
    """All that a resumption writes."""
    model, given = run
    optimizer = given["optimizer"]
    return repr(
        (
            bits(model),
            [p.grad for p in model.parameters()],
            getattr(model, "factor", 0.0),
            len(model.frozen_parameters()),
            optimizer.updates,
            {name: buffer.tobytes() for name, buffer in optimizer.buffers.items()},
            to_json(optimizer.hyperparameters(), by_name=True),
            sorted(set(vars(optimizer)) - {"_members", "_promised"}),
            vars(given["callbacks"]) if "callbacks" in given else 0,
            model.noise.bit_generator.state if hasattr(model, "noise") else 0,
            random.getstate(),
            np.random.get_state()[1].tobytes(),
        )
    )


def living(make: Callable[[], Run]) -> Run:
    """Model and optimizer that have been trained elsewhere."""
    model, given = make()
    options = {name: given[name] for name in given if name in ("optimizer", "validation", "metrics")}
    nn.fit(model, X, y, seed=5, epochs=1, batch_size=8, **options)
    return model, given


def places(thing: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON; of long lists the ends alone."""
    if at:
        yield at
    pairs = list(
        thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    )
    for key, part in pairs if len(pairs) < 20 else pairs[:2] + pairs[-2:]:
        yield from places(part, (*at, key))


OTHERS: list[Any] = [None, True, -1, 0.5, 10**30, 1e300, math.nan, "x", [], {}, [1, 2], {"array": 3}]
FREE = (
    "hyperparameters", "random", "changes", "settings", "loss", "penalty", "norm", "lr", "seconds",
    "optimizer_updates",
)  # fmt: skip
"""What may hold another number, so that the file is that of another run."""


def edits(header: Any, tensors: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each field of a checkpoint, edited: what was done, header, tensors."""
    for at in places(header):
        for other in ("missing", "swapped", *OTHERS):
            edited = copy.deepcopy(header)
            place = edited
            for key in at[:-1]:
                place = place[key]
            if other == "missing":
                del place[at[-1]]
            elif other == "swapped":
                names = list(place) if isinstance(place, dict) else range(len(place))
                following = names[(list(names).index(at[-1]) + 1) % len(names)]
                place[at[-1]], place[following] = place[following], place[at[-1]]
            else:
                place[at[-1]] = other
            if json.dumps(edited) != json.dumps(header):
                yield f"{at} {other!r}"[:150], edited, tensors
    for name, tensor in tensors.items():
        rest = {key: held for key, held in tensors.items() if key != name}
        yield f"tensor {name} missing", header, rest
        yield f"tensor {name} renamed", header, {**rest, f"{name}s": tensor}
        for told, other in {
            "empty": tensor[:0],
            "shorter": tensor[:-1],
            "longer": np.concatenate([tensor, tensor[:1]]),
            "of more dimensions": tensor[None],
            "of nan": np.full_like(tensor, math.nan),
            "infinite": np.where(np.arange(tensor.size).reshape(tensor.shape) == 0, math.inf, tensor),
        }.items():
            if other.shape != tensor.shape or not np.array_equal(other, tensor, equal_nan=True):
                yield f"tensor {name} {told}", header, {**rest, name: other}
    for k in range(len(tensors["history"])):
        for column in range(tensors["history"].shape[1]):
            for number in (-1.0, 0.5, 1e300, math.nan):
                history = tensors["history"].copy()
                history[k, column] = number
                yield f"history[{k}, {column}] {number}", header, {**tensors, "history": history}


def written(make: Callable[[], Run], path: Path) -> tuple[Any, dict[str, Any]]:
    """The checkpoint of a run that is broken off within its third epoch."""
    run = make()
    if "callbacks" in run[1]:
        with pytest.raises(KeyboardInterrupt):
            train(run, path, 4, last=8)
    else:
        train(run, path, 2)
    tensors, metadata = read_tensors(path, with_checksum=True)
    return json.loads(metadata[KEY]), tensors


def tried(make: Callable[[], Run], path: Path, chosen: Callable[[int], bool]) -> tuple[int, int]:
    """Resume from edited checkpoints; how many were refused, and how many taken."""
    header, tensors = written(make, path)
    untouched = path.read_bytes()
    whole, run = train(make(), path, 4), living(make)
    before, refused, taken = standing(run), 0, 0
    for k, (told, other, arrays) in enumerate(edits(header, tensors)):
        if not chosen(k):
            continue
        write_tensors(arrays, path, {KEY: json.dumps(other)})
        content = path.read_bytes()
        try:
            found = train(run, path, 4)
        except (nn.FileError, nn.InputError) as error:
            found = error
        except Exception:  # of a rate of 1e30, or of a callback whose number is a text
            found = None
            assert told.startswith(("('changes'", "('hyperparameters'")), told
        if isinstance(found, Exception) and (str(path) in str(found) or not told.startswith("('changes'")):
            assert standing(run) == before, told
            assert path.read_bytes() == content, told
            assert str(path) in str(found), (told, found)
            refused += 1
            continue
        is_free = told.startswith(tuple(f"('{name}'" for name in FREE)) or "history[" in told
        assert is_free or found == whole, told
        taken += 1
        run = living(make)
        before = standing(run)
    path.write_bytes(untouched)
    assert train(make(), path, 4) == whole
    return refused, taken


@pytest.mark.parametrize("make", [rich, plain, own])
def test_an_edited_checkpoint_is_refused_whole_or_is_that_of_another_run(make: Any, tmp_path: Path) -> None:
    step = int(os.environ.get("EVERY", "13"))
    refused, taken = tried(make, tmp_path / "run.st", lambda k: k % step == 0)
    assert refused > 3 * taken


EDITS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "batch": lambda header, tensors: header.update(batch=99),
    "best_epoch": lambda header, tensors: header.update(best_epoch=1),
    "best": lambda header, tensors: tensors.update(best=np.ones(3)),
    "step": lambda header, tensors: header["hyperparameters"]["dict"].append(["step", 1]),
    "__class__": lambda header, tensors: header["hyperparameters"]["dict"].append(["__class__", 1]),
    "momentum": lambda header, tensors: header["hyperparameters"]["dict"].pop(1),
    "schedule": lambda header, tensors: header["hyperparameters"]["dict"].pop(0),
    "format": lambda header, tensors: header.update(format=1),
    "velocity": lambda header, tensors: tensors.pop("buffer.velocity"),
    "random": lambda header, tensors: header.update(random=[[]]),
    "updates": lambda header, tensors: header.update(updates=5),
    "measured": lambda header, tensors: tensors.update({"measured.f1": np.array([[0.0, 1.0], [1.0, 1.0]])}),
    "objective": lambda header, tensors: tensors["history"].__setitem__((0, 2), 7.0),
}


@pytest.mark.parametrize("field", EDITS)
def test_the_error_names_file_field_and_remedy(field: str, tmp_path: Path) -> None:
    path = tmp_path / "run.st"
    header, tensors = written(plain, path)
    EDITS[field](header, tensors := {name: tensor.copy() for name, tensor in tensors.items()})
    write_tensors(tensors, path, {KEY: json.dumps(header)})
    with pytest.raises(nn.FileError, match=rf"run\.st'.*{field}.*start afresh"):
        train(plain(), path, 4)


def test_other_criteria_of_the_best_epoch_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.st"
    train(plain(), path, 2)
    model, given = plain()
    with pytest.raises(nn.InputError, match=r"best_epoch is None, and by .* the best is 2"):
        train((model, {**given, "stop": nn.Patience(9, "loss", restore_best=True)}), path, 4)
    train((model, {**given, "stop": nn.Patience(9, "loss")}), path, 4)
