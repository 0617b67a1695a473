"""Snapshots tell whether a callback has changed anything that makes the graphs, in whatever holds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, where
from nn.snapshot import Snapshot

FACTOR = 2.0


class Settings:
    __slots__ = ("shift",)

    def __init__(self) -> None:
        self.shift = 0.5


class Model(nn.Module):
    """Outputs that depend on numbers of every kind; some of them show only where x[0] is above 2."""

    power = 1.0

    def __init__(self) -> None:
        self.net = nn.MLP(3, [2], seed=1)
        self.numbers = {"a": [1.0, 2.0], "b": (0.5,)}
        self.array = np.array([1.0, 2.0])
        self.constant = Value(3.0).detach()
        self.settings = Settings()
        self.bound = 1.0
        self.zero = 0.0

    def __call__(self, x: Any) -> Any:
        rare = x[0] > 2.0 if isinstance(x[0], float) else None
        added = (
            (self.bound if rare else 0.0)
            if rare is not None
            else where(x[0] > 2.0, Value(self.bound).detach(), 0.0)
        )
        return [h * FACTOR * self.power + self.array[0] * self.constant + added for h in self.net(x)]


def set_global(model: Any) -> None:
    global FACTOR
    FACTOR = 3.0


CHANGES: dict[str, Callable[[Any], Any]] = {
    "an attribute": lambda m: setattr(m, "bound", 1.5),
    "another attribute": lambda m: setattr(m, "fresh", 1.5),
    "a list in a dictionary": lambda m: m.numbers["a"].append(1.0),
    "a number in it": lambda m: m.numbers["a"].__setitem__(1, 2.5),
    "a list for an equal one": lambda m: m.numbers.update(a=[1.0, 2.0]),
    "an array in place": lambda m: m.array.__setitem__(1, 5.0),
    "a constant": lambda m: setattr(m.constant, "data", 4.0),
    "a slot": lambda m: setattr(m.settings, "shift", 1.0),
    "the class": lambda m: setattr(type(m), "power", 2.0),
    "a global": set_global,
    "a parameter for another": lambda m: m.net.layers[0].neurons[0].w.__setitem__(0, Value(1.0)),
    "an activation": lambda m: setattr(m.net.layers[0], "activation", "tanh"),
    "the sign of a zero": lambda m: setattr(m, "zero", -0.0),
}


@pytest.fixture
def restored() -> Any:
    global FACTOR
    yield
    FACTOR, Model.power = 2.0, 1.0


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str, restored: None) -> None:
    model = Model()
    snapshot = Snapshot([model, nn.cross_entropy], model.parameters())
    assert snapshot.is_complete
    assert not snapshot.changed()
    CHANGES[name](model)
    assert snapshot.changed()


def test_numbers_of_parameters_may_change() -> None:
    model = Model()
    snapshot = Snapshot([model], model.parameters())
    model.parameters()[0].data = 7.0
    assert not snapshot.changed()


def test_what_cannot_be_looked_into_is_told() -> None:
    model = Model()
    model.lock = __import__("threading").Lock()
    assert not Snapshot([model], model.parameters()).is_complete


@pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")
@pytest.mark.parametrize("optimizer", [nn.Adam, nn.SGD])
def test_a_change_that_shows_in_no_first_row_counts_at_once(optimizer: Any, restored: None) -> None:
    """The rows where `bound` shows are never first in a minibatch that the check would look at."""

    class Raise:
        def on_update(self, run: Any) -> None:
            if run.updates == 2:
                run.model.bound = 5.0

    rng = np.random.default_rng(1)
    X = np.clip(rng.normal(size=(100, 3)), -1.5, 1.5)
    X[::9, 0] = 3.0
    y = rng.integers(0, 2, 100)
    found = []
    for short in (False, True):
        model = Model()
        bound: list[float] = []
        with pytest.MonkeyPatch.context() as patch:
            if short:
                from nn.training import loop
                from nn.training.updaters import EagerUpdates

                patch.setattr(loop, "updater_of", lambda run: EagerUpdates("the test asked for it"))
            nn.fit(
                model, X, y, optimizer=optimizer(lr=0.01), batch_size=10, epochs=2, seed=3, callbacks=Raise()
            )
        found.append([p.data for p in model.parameters()] + bound)
    assert found[0] == found[1]


def test_what_is_frozen_is_no_change_of_the_graph_and_is_told_apart() -> None:
    model = nn.MLP(2, [3, 2], seed=1)
    model.options = {"_frozen": 1}  # type: ignore[attr-defined]
    taken = Snapshot([model], model.parameters())
    model.freeze("layer1.b")
    assert not taken.changed()
    assert taken.has_frozen_others()
    assert not taken.has_frozen_others()
    model.unfreeze("*")
    assert not taken.changed()
    assert taken.has_frozen_others()
    model.options["_frozen"] = 2  # type: ignore[attr-defined]
    assert taken.changed()
