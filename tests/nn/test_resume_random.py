"""Random rules and callbacks: a resumed run has the bits of a run that was never left, or says what lacks.

Minimizers are not among the optimizers: `fit` refuses them a checkpoint (test_minimizers.py).
"""

from __future__ import annotations

import random
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import COMPILED, Value

X = np.random.default_rng(0).normal(size=(18, 2))
Y = (X[:, 0] > 0).astype(int)
NUMBERS = (0.25, -0.0, float("nan"), float("inf"), 3, True, 10**20, 1e-300, None, "text", b"\0", 2.0 - 1.0j)


class Box:
    """An object of the user's."""

    def __init__(self, content: Any) -> None:
        self.content = content


MUTABLE = (list, dict, set, deque, Box, np.ndarray, Value, bytearray)
pytestmark = pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")


def thing(rng: random.Random, met: list[Any], depth: int = 0) -> Any:
    """Something that a rule or a callback may hold; now and then what it holds already."""
    if met and rng.random() < 0.25:
        return rng.choice(met)
    kind = rng.randrange(5 if depth > 2 else 10)
    if rng.random() < 0.04:
        kind = rng.choice([10, 11])  # what a file cannot hold, where it is made in the run
    parts = [thing(rng, met, depth + 1) for _ in range(rng.randrange(4))] if kind in (5, 6, 7, 8, 10) else []
    keys = rng.sample([3, "b", 0.5, (1, "a"), -7, "a"], len(parts))
    made: Any = [
        lambda: rng.choice(NUMBERS),
        lambda: np.array([[0.5, rng.random()], [-0.0, np.nan]], order=rng.choice("CF")),
        lambda: rng.choice([np.float64(0.1), np.float32(0.1), np.int8(-3), np.bool_(True)]),
        lambda: Value(rng.random()).detach(),
        lambda: {rng.randrange(40), 8, 16, 0.5},
        lambda: parts,
        lambda: tuple(parts),
        lambda: dict(zip(keys, parts, strict=True)),
        lambda: deque(parts, maxlen=5),
        lambda: bytearray(b"ab"),
        lambda: Box(parts),
        lambda: rng.choice([random.Random(1), np.random.default_rng(1)]),
    ][kind]()
    if isinstance(made, MUTABLE):
        met.append(made)
    return made


def use(held: Any, rng: random.Random) -> float:
    """Look at all of it in its order, draw from generators, change something of it: a number of it all."""
    found, seen, waiting = 1.0, dict[int, int](), [held]
    for _ in range(40):
        if not waiting:
            break
        item = waiting.pop()
        if isinstance(item, MUTABLE):
            found = (found * 31.0 + seen.setdefault(id(item), len(seen))) % 1009.0
        if isinstance(item, (random.Random, np.random.Generator)):
            found += item.random()
        elif isinstance(item, Value):
            item.data += 0.5
            found += item.data
        elif isinstance(item, np.ndarray):
            item += 1.0
            found += float(np.nansum(item.ravel("K")[:3])) % 7.0
        elif isinstance(item, (list, deque)):
            item.append(rng.choice([*item, 0.5]) if len(item) < 6 else 1.5)
            waiting.extend(item)
        elif isinstance(item, dict):
            if item and rng.random() < 0.7:
                key = rng.choice([*item])
                item[key] = item.pop(key)
            item[rng.choice([1, "x"])] = rng.random()
            waiting.extend(item.values())
            found += len(str([*item]))
        elif isinstance(item, (tuple, set)):
            waiting.extend(item)
        elif isinstance(item, Box):
            waiting.append(item.content)
        else:
            found = (found + len(repr(item))) % 1009.0
    return 1.0 + found % 3.0


class Plays:
    """What a rule and a callback have in common: attributes, made at first or in the run, and gone by."""

    seed: int
    names = ("a", "b", "_c", "d")

    def begin(self, seed: int) -> None:
        rng, met = random.Random(seed), list[Any]()
        self._seed, self._turn = seed, 0
        for name in self.names:
            setattr(self, name, thing(rng, met))

    def turn(self) -> float:
        self._turn += 1
        rng = random.Random(f"{self._seed} {self._turn}")
        mine = [getattr(self, name) for name in self.names]
        if rng.random() < 0.4:
            met = [x for x in mine if isinstance(x, MUTABLE)]
            setattr(self, rng.choice(self.names), thing(rng, met))
        return use([getattr(self, name) for name in self.names], rng)


class Rule(Plays, nn.Optimizer):
    def __init__(self, *args: Any, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **{"lr": 0.05, **kwargs})
        self.begin(seed)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        factor = self.turn()
        if self._turn % 3 == 0:
            self.lr = 0.05 / factor
        return values - rate / factor * gradients, buffers


class AtEpochs(Plays):
    def __init__(self, seed: int) -> None:
        self.begin(seed)

    def __call__(self, run: nn.Run) -> None:
        run.optimizer.lr = 0.1 / self.turn()


class AtUpdates(Plays):
    def __init__(self, seed: int) -> None:
        self.begin(seed)

    def on_update(self, run: nn.Run) -> None:
        run.optimizer.lr = 0.1 / self.turn()


class Stops:
    """Interrupts at an update."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_update(self, run: nn.Run) -> None:
        if run.updates == self.at:
            raise KeyboardInterrupt


def trained(seed: int, **options: Any) -> tuple[bytes, list[float]]:
    rng = random.Random(seed)
    optimizer = Rule(seed=seed) if rng.random() < 0.6 else nn.SGD(lr=0.1)
    callbacks = [rng.choice([AtEpochs, AtUpdates])(seed + 1)] if rng.random() < 0.6 else []
    model = nn.MLP(2, [2], seed=1)
    callbacks += options.pop("stops", [])
    count = rng.choice([6, 18, 18])  # the first are too few for a Program
    given = {"batch_size": count // 3, "seed": 3, "optimizer": optimizer, "callbacks": callbacks, "epochs": 4}
    history = nn.fit(model, X[:count], Y[:count], **(given | options))
    return np.array([p.data for p in model.parameters()]).tobytes(), history["loss"]


SEEDS = 40 if COMPILED else 10


def test_resumed_is_uninterrupted_or_told(tmp_path: Path) -> None:
    same = 0
    for seed in range(SEEDS):
        told = outcome(seed, tmp_path / f"{seed}.st")
        same += not told
    assert same > SEEDS // 3


def outcome(seed: int, path: Path) -> str:
    """What a run that is interrupted at a random update is told to lack, or "", where it lacks nothing."""
    whole = trained(seed)
    at = random.Random(f"at {seed}").randrange(1, 12)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", nn.SlowTrainingWarning)
        if at % 3 == 0 and at % 2:
            trained(seed, epochs=at // 3, checkpoint=path)
        else:
            with pytest.raises(KeyboardInterrupt):
                trained(seed, checkpoint=path, stops=[Stops(at)])
        try:
            resumed = trained(seed, checkpoint=path, resume=True)
        except nn.InputError as error:
            found.append(error)  # type: ignore[arg-type]
            resumed = whole
    told = " ".join(str(getattr(item, "message", item)) for item in found)
    assert resumed == whole or "optimizer." in told or "callback " in told, (
        f"seed {seed}, left at {at}: {told}"
    )
    return told
