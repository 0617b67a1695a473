"""Callbacks read and write the same numbers whatever makes the updates; counts of calls are not frozen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from tests.nn.test_updaters import Signs, data, needs_compiler, trained

_calls = 0


class StepOfItsOwn(nn.SGD):
    def step(self) -> None:
        super().step()


def dropping() -> nn.Module:
    return nn.Sequential(nn.Layer(3, 4, seed=1), nn.Dropout(0.3, seed=3), nn.Layer(4, 2, seed=2))


@needs_compiler
@pytest.mark.parametrize("batch_size", [1, 7, 40])
@pytest.mark.parametrize("optimizer", [nn.Adam, nn.SGD, StepOfItsOwn, lambda: Signs(lr=0.01)])
@pytest.mark.parametrize("make", [lambda: nn.MLP(3, [4, 2], seed=4), dropping])
def test_a_callback_at_the_end_of_an_epoch_sees_the_last_minibatch(
    make: Any, optimizer: Any, batch_size: int, monkeypatch: Any
) -> None:
    X, y = data(40, 3, 2)
    seen: list[Any] = []

    def look(run: Any) -> None:
        seen.append((run.loss, run.penalty, run.objective, run.gradient_norm, run.updates))

    options = {"batch_size": batch_size, "epochs": 3, "callbacks": look, "regularizer": nn.L2(0.1)}
    made = [
        trained(make, X, y, eager, monkeypatch, optimizer=optimizer, **options) for eager in (True, False)
    ]
    assert made[0][0] == made[1][0]
    assert not made[1][1].updater.is_eager
    assert seen[:3] == seen[3:]
    assert all(loss > 0.0 and penalty > 0.0 and norm > 0.0 for loss, penalty, _, norm, _ in seen)


@needs_compiler
@pytest.mark.parametrize("kind", ["gradient", "zero", "buffer", "rate", "frozen"])
@pytest.mark.parametrize("optimizer", [nn.Adam, StepOfItsOwn, lambda: Signs(lr=0.01)])
def test_what_a_callback_writes_at_an_update_is_kept(kind: str, optimizer: Any, monkeypatch: Any) -> None:
    X, y = data(40, 3, 2)
    seen: list[Any] = []

    class Write:
        def on_update(self, run: Any) -> None:
            seen.append([(p.data.hex(), p.grad.hex()) for p in run.parameters])
            seen.append(repr(run.optimizer.state_dict()))
            if kind == "gradient":
                run.parameters[1].grad = 7.0
            elif kind == "zero":
                run.parameters[1].data = 0.0 if run.updates % 2 else -0.0
            elif kind == "buffer":
                run.optimizer.buffers = {name: 0.5 * b for name, b in run.optimizer.buffers.items()}
            elif kind == "rate":
                run.optimizer.lr *= 0.5
            elif run.updates % run.plan.batches == 0:
                run.model.unfreeze("*")
                run.model.freeze("layer1.b")

        def __call__(self, run: Any) -> None:
            seen.append([p.grad for p in run.parameters])
            if kind == "frozen":
                run.model.unfreeze("*")
                run.model.freeze("layer2.b" if run.epoch % 2 else "layer2.W")

    def make() -> nn.Module:
        model = nn.MLP(3, [4, 2], seed=4)
        model.freeze("layer2.W")
        return model

    options = {"batch_size": 16, "epochs": 4, "callbacks": Write(), "optimizer": optimizer}
    slow, _ = trained(make, X, y, True, monkeypatch, **options)
    fast, run = trained(make, X, y, False, monkeypatch, **options)
    assert not run.updater.is_eager
    assert repr(fast) == repr(slow)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]


class Warming(nn.Module):
    """After many calls it computes something else."""

    def __init__(self, where: str) -> None:
        self.inner, self.where, self.count, self.kept = nn.MLP(3, [4, 1], seed=1), where, 0, {"calls": [0]}
        self.array = np.zeros(2)

    def __call__(self, x: Any) -> Any:
        global _calls
        if self.where == "attribute":
            self.count += 1
        elif self.where == "list":
            self.kept["calls"][0] += 1
        elif self.where == "array":
            self.array[1] += 1
        else:
            _calls += 1
        calls = self.count + self.kept["calls"][0] + self.array[1] + _calls
        made = self.inner(x)
        return made * 3.0 if calls > 700 else made


@needs_compiler
@pytest.mark.parametrize("where", ["attribute", "list", "array", "global"])
def test_a_model_that_counts_its_calls_is_not_frozen_into_a_program(where: str) -> None:
    global _calls
    _calls = 0
    X, _ = data(100, 3, 2)
    y = X[:, 0]
    model = Warming(where)
    history = nn.fit(model, X, y, loss="mse", epochs=8, optimizer=nn.SGD(lr=0.01), seed=0)
    assert "count their calls" in history.trained_on
    calls = model.count + model.kept["calls"][0] + model.array[1] + _calls
    assert calls >= 800


@needs_compiler
def test_a_loss_that_counts_its_calls_is_not_frozen_into_a_program() -> None:
    X, _ = data(100, 3, 2)
    state = {"step": 0}

    def annealed(outputs: Any, target: Any) -> Any:
        state["step"] += 1
        return nn.mse(outputs, target) * (1.0 if state["step"] < 700 else 0.5)

    history = nn.fit(nn.MLP(3, [4, 1], seed=1), X, X[:, 0], loss=annealed, epochs=8, seed=0)
    assert "count their calls" in history.trained_on
    assert state["step"] >= 800


@needs_compiler
def test_a_model_that_keeps_its_activations_trains_on_a_program() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            self.inner, self.hidden, self.last = nn.MLP(3, [4, 1], seed=1), [], {}

        def __call__(self, x: Any) -> Any:
            self.hidden = self.inner.layers[0](x)
            self.last["output"] = self.inner.layers[1](self.hidden)
            return self.last["output"]

    X, _ = data(100, 3, 2)
    history = nn.fit(Keeping(), X, X[:, 0], loss="mse", epochs=2, seed=0)
    assert history.trained_on == "a Program, whole updates"


@needs_compiler
def test_numbers_that_overflow_on_the_way_to_a_loss_are_the_reason_that_is_told() -> None:
    X, y = data(70, 3, 2)
    model = nn.Sequential(nn.Layer(3, 4, nonlin=False, seed=1), nn.LayerNorm(4), nn.Layer(4, 2, seed=2))
    history = nn.fit(model, 1e160 * X, y, epochs=2, seed=0)
    assert history.trained_on == "eager: an example becomes non-finite on the way to its loss"
    assert all(isinstance(p, ag.Value) and np.isfinite(p.data) for p in model.parameters())
