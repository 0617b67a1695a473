"""Features of training in combinations drawn at random: each trains to the bits of graphs of Values."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import nn
from tests.nn.test_updaters import Signs, assert_same, data, needs_compiler


class Listener:
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_update(self, run: Any) -> None:
        self.losses.append(run.loss)


class Meddler:
    """Changes a parameter after some of the updates."""

    def on_update(self, run: Any) -> None:
        if run.updates % 3 == 1:
            run.parameters[run.updates % 7].data *= 0.5


class Thaw:
    """Freezes a layer at first, and lets it go after the first epoch."""

    def __call__(self, run: Any) -> None:
        model = run.model
        model.unfreeze("*") if run.epoch > 1 else model.freeze("*.b*")


def plain() -> Any:
    return nn.MLP(5, [6, 3], activation="tanh", seed=1)


def dropout() -> Any:
    first, last = nn.Layer(5, 8, seed=1), nn.Layer(8, 3, nonlin=False, seed=3)
    return nn.Sequential(first, nn.Dropout(0.3, seed=2), nn.GaussianNoise(0.1, seed=4), last)


def normed() -> Any:
    inner = nn.Residual(nn.Layer(5, 5, activation="tanh", seed=2))
    return nn.Sequential(inner, nn.LayerNorm(5), nn.Layer(5, 3, nonlin=False, seed=3))


def frozen() -> Any:
    model = plain()
    model.freeze("layer1.W")
    return model


MODELS = [plain, dropout, normed, frozen]
OPTIMIZERS = [
    lambda: nn.Adam(lr=0.01),
    lambda: nn.SGD(lr=nn.StepDecay(0.1, 4), momentum=0.9, nesterov=True, clip_norm=0.3),
    lambda: Signs(lr=0.01),
    lambda: Signs(lr=nn.WarmUp(0.02, 5), clip_norm=0.2, clip_value=0.05),
]
PENALTIES = [None, nn.L2(0.01), nn.ElasticNet(0.01, 0.3)]
CALLBACKS = [tuple, Listener, Meddler, Thaw]


def drawn_features(seed: int) -> tuple[Any, dict[str, Any]]:
    draw = random.Random(seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, 70) if draw.random() < 0.4 else None
    options = {
        "optimizer": draw.choice(OPTIMIZERS),
        "regularizer": draw.choice(PENALTIES),
        "callbacks": draw.choice(CALLBACKS),
        "sample_weight": weights,
        "class_weight": draw.choice([None, "balanced"]),
        "batch_size": draw.choice([7, 16, 70]),
        "shuffle": draw.random() < 0.8,
        "epochs": 3,
    }
    return draw.choice(MODELS), options


@needs_compiler
@pytest.mark.parametrize("seed", range(24))
def test_features_in_any_combination_train_to_the_eager_bits(seed: int, monkeypatch: Any) -> None:
    make, options = drawn_features(seed)
    X, y = data(70, 5, 3)
    make_callbacks = options.pop("callbacks")
    fit = nn.fit

    def fresh(*arguments: Any, **rest: Any) -> Any:  # callbacks that remember are made for each run
        return fit(*arguments, callbacks=make_callbacks(), **rest)

    monkeypatch.setattr(nn, "fit", fresh)
    assert_same(make, X, y, monkeypatch, **options)


@needs_compiler
def test_a_rule_that_cannot_be_recorded_has_its_gradient_from_the_compiled_loop(monkeypatch: Any) -> None:
    from autograd_core.programs.batch_gradient import BatchGradient, Trainer

    calls = {"loop": 0, "programs": 0}
    gradient, by_programs = Trainer.gradient, BatchGradient.__call__

    def counted(trainer: Any, *arguments: Any) -> Any:
        calls["loop"] += 1
        return gradient(trainer, *arguments)

    def also_counted(made: Any, *arguments: Any, **options: Any) -> Any:
        calls["programs"] += 1
        return by_programs(made, *arguments, **options)

    class Normed(nn.Optimizer):
        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            return values - rate * gradients / np.linalg.norm(gradients), buffers

    X, y = data(70, 5, 3)
    monkeypatch.setattr(Trainer, "gradient", counted)
    monkeypatch.setattr(BatchGradient, "__call__", also_counted)
    nn.fit(plain(), X, y, optimizer=Normed(lr=0.01), regularizer=nn.L2(0.1), batch_size=10, epochs=3, seed=1)
    assert calls["loop"] == 21
    assert calls["programs"] <= 2  # while the recording is checked


# Optimizers of one's own, in whatever they differ from the library's.


class LaterSettings(nn.Adam):
    def update(self) -> Any:
        update, settings = super().update()
        return update, (settings[0] * (0.5 if self.updates > 5 else 1.0), *settings[1:])


class Inside(nn.SGD):
    def _by_groups(self, values: Any, gradients: Any) -> Any:
        return super()._by_groups(values, 0.5 * gradients)


class ClipsLater(nn.SGD):
    @property
    def clip_norm(self) -> Any:
        return 0.1 if self.updates > 3 else None

    @clip_norm.setter
    def clip_norm(self, value: Any) -> None: ...


class ReadsValues(nn.Optimizer):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * np.array([p.grad + 0.01 * p.data for p in self.parameters]), buffers


class Listed(nn.Optimizer):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return (values - rate * gradients).tolist(), buffers


class Single(nn.Optimizer):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return (values - rate * gradients).astype(np.float32), buffers


@needs_compiler
@pytest.mark.parametrize("kind", [LaterSettings, Inside, ClipsLater, ReadsValues, Listed, Single])
def test_an_optimiser_of_ones_own_trains_to_the_eager_bits(kind: Any, monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)
    assert_same(plain, X, y, monkeypatch, optimizer=lambda: kind(lr=0.05), batch_size=16, epochs=4)


def test_a_rule_that_returns_another_shape_is_told() -> None:
    class Short(nn.Optimizer):
        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            return values[:-1], buffers

    X, y = data(70, 5, 3)
    with pytest.raises(nn.InputError, match=r"the rule of Short returned values of shape \(56,\)"):
        nn.fit(plain(), X, y, optimizer=Short(lr=0.1), epochs=2)


def test_a_long_double_is_a_number() -> None:
    assert nn.L2(np.longdouble("0.1")) == nn.L2(0.1)
