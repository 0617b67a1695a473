"""Optimizers with a rule of the user's train on the compiled loop to the eager bits, or say why not."""

from __future__ import annotations

import copy
import importlib
import itertools
import pickle
import random
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import parameters_to_vector
from autograd_core.calculus.updates import UPDATES, Update, at_least_zero, ratio, root
from nn.errors import DivergenceError
from nn.optimizers import Optimizer
from tests.nn.test_updaters import data, needs_compiler, trained

pytestmark = pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")


class Rule(Optimizer):
    """Numbers of a rule's own, and buffers m, v and w."""

    buffer_names = ("m", "v", "w")

    def __init__(self, *args: Any, beta: float = 0.9, eps: float = 1e-8, decay: float = 0.0, **named: Any):
        self.beta, self.eps, self.decay = beta, eps, decay
        super().__init__(*args, **{"lr": 0.01, **named})


class Momentum(Rule):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        m = self.beta * buffers["m"] + gradients
        return values - rate * m, {"m": m}


class Nesterov(Rule):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        buffers["m"] *= self.beta
        buffers["m"] += gradients
        values -= rate * (gradients + self.beta * buffers["m"])
        return values, buffers


class Rms(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        m, v = 0.9 * buffers["m"] + 0.1 * gradients, self.beta * buffers["v"] + (1 - self.beta) * gradients**2
        centered = np.maximum(v - m**2, 0.0) + self.eps
        w = 0.5 * buffers["w"] + gradients / centered**0.5
        return values - rate * w, {"w": w, "v": v, "m": m}


class Adagrad(Rule):
    buffer_names = ("v",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        v = np.add(buffers["v"], np.square(gradients), out=buffers["v"])
        return values - rate * gradients / (np.sqrt(v) + self.eps), {"v": v}


class AmsGrad(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        k = self.updates + 1
        g = gradients + self.decay * values
        m, v = self.beta * buffers["m"] + (1 - self.beta) * g, 0.99 * buffers["v"] + 0.01 * g * g
        w = np.maximum(buffers["w"], v / (1 - 0.99**k))
        size = rate * np.sqrt(1 - 0.99**k) / (1 - self.beta**k)
        return values - size * m / (np.sqrt(w) + self.eps), {"m": m, "v": v, "w": w}


class LionRule(Rule):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        c = np.sign(self.beta * buffers["m"] + (1.0 - self.beta) * gradients)
        m = 0.99 * buffers["m"] + 0.01 * gradients
        return (1.0 - rate * self.decay) * values - rate * c, {"m": m}


class Cautious(Rule):
    buffer_names = ("m",)

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self.parameters)} parameters"

    def describe(self) -> None:
        """What is not called may be anything."""
        print(sum(map(len, self.buffers.values())))

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        m = self.beta * buffers["m"] + (1.0 - self.beta) * np.clip(gradients, -0.3, 0.3)
        step = np.where(m * gradients > 0.0, m, 0.1 * np.abs(m))
        step = np.where(step <= -0.2, -0.2, step)
        return values - rate * step / (1.0 + self.updates / 10.0), {"m": m}


class Rprop(Rule):
    buffer_names = ("m", "v")

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        sign, size = np.sign(gradients * buffers["m"]), buffers["v"]
        size[...] = np.where(size == 0.0, rate, size)
        size = np.minimum(size * np.where(sign > 0, 1.2, np.where(sign < 0, 0.5, 1.0)), 0.1)
        return values - size * np.sign(gradients), {"m": gradients, "v": size}


def _yogi(x: Any, g: Any, buffers: Any, settings: Any, numbers: Any) -> Any:
    (m, v), (beta, eps), (size,) = buffers, settings, numbers
    m, v = beta * m + (1.0 - beta) * g, at_least_zero(v - 0.01 * (v - g * g))
    return x - size * ratio(m, root(v) + eps), (m, v)


def _ready(rate: Any, k: Any, beta: Any, eps: Any) -> Any:
    return (rate / (1.0 - beta**k),)


class ByUpdate(Rule):
    buffer_names = ("m", "v")

    def update(self) -> Any:
        return Update("yogi", ("m", "v"), ("beta", "eps"), _yogi, _ready), (self.beta, self.eps)


class Imports(Rule):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        import numpy

        mean = 0.9 * buffers["m"] + 0.1 * gradients
        return values - rate * numpy.sign(mean), {"m": mean}


class Nothing(nn.Adam):
    """A subclass that changes nothing."""


class OtherSettings(nn.Adam):
    def update(self) -> Any:
        return UPDATES["adam"], (0.8, self.betas[1], 1e-6)


class FallingBeta(nn.Adam):
    def update(self) -> Any:
        update, (beta, *others) = super().update()
        return update, (beta * (1.0 - 0.5 / (self.updates + 1)), *others)


class HalfStep(nn.RMSprop):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        new, kept = super().rule(values.copy(), gradients + 0.1 * values, buffers, 0.5 * rate)
        return 0.5 * (new + values), kept


RULES = [
    Momentum, Nesterov, Rms, Adagrad, AmsGrad, LionRule, Cautious, Rprop, ByUpdate, Nothing, OtherSettings,
    FallingBeta, HalfStep, Imports,
]  # fmt: skip


WHOLE = "a Program, whole updates"
OFTEN = "a Program, gradients only: a callback changes the rule between updates"


class Meddler:
    """Changes numbers of the rule, rates, buffers and what is frozen, between epochs or updates."""

    def __init__(self, seed: int, each_update: bool) -> None:
        self.random, self.each_update = random.Random(seed), each_update

    def __call__(self, run: Any) -> None:
        self.meddle(run)

    def on_update(self, run: Any) -> None:
        if self.each_update and self.random.random() < 0.3:
            self.meddle(run)

    def meddle(self, run: Any) -> None:
        optimizer, what = run.optimizer, self.random.randrange(6)
        if what == 0 and hasattr(optimizer, "beta"):
            optimizer.beta = self.random.uniform(0.5, 0.95)
        elif what == 1:
            optimizer.lr = self.random.uniform(0.001, 0.02)
        elif what == 2:
            optimizer.clip_norm = self.random.choice([None, 0.2])
        elif what == 3 and optimizer.buffers:
            buffer = next(iter(optimizer.buffers.values()))
            buffer[:5] = abs(buffer[:5]) * 0.5
        elif what == 4:
            run.model.freeze("layer1.W")
        else:
            run.model.unfreeze("*")


def drawn(seed: int) -> Any:
    """A rule and options at random."""
    draw = random.Random(seed)
    kind = RULES[seed % len(RULES)]
    numbers: dict[str, Any] = {"lr": draw.choice([0.01, nn.StepDecay(0.02, 4), nn.WarmUp(0.01, 5)])}
    numbers |= {"clip_norm": draw.choice([None, 0.3]), "clip_value": draw.choice([None, 0.1])}
    group: dict[str, Any] = {"params": draw.choice(["*.b", "layer1.W", "layer2"])}
    group["lr"] = draw.choice([0.001, nn.ExponentialDecay(0.02, 0.9)])
    if issubclass(kind, Rule):
        numbers |= {"beta": draw.uniform(0.5, 0.99), "decay": draw.choice([0.0, 0.1])}
        group["beta"] = 0.7
    groups = [group] if draw.random() < 0.5 else None
    options = {
        "regularizer": draw.choice([None, nn.L2(0.01)]),
        "batch_size": draw.choice([1, 7, 16, 70]),
        "epochs": 4,
    }
    frozen, meddles = draw.random() < 0.3, draw.choice([None, False, True])

    def make() -> nn.MLP:
        model = nn.MLP(5, [7, 3], seed=1)
        if frozen:
            model.freeze("layer1.W[0]*")
        return model

    def callbacks() -> Any:
        return () if meddles is None else Meddler(seed, meddles)

    return make, lambda: kind(groups, **numbers), callbacks, options


@needs_compiler
@pytest.mark.parametrize("seed", range(65))
def test_rules_of_ones_own_train_to_the_eager_bits(seed: int, monkeypatch: Any) -> None:
    make, optimizer, callbacks, options = drawn(seed)
    X, y = data(70, 5, 3)
    slow, _ = trained(make, X, y, True, monkeypatch, optimizer=optimizer, callbacks=callbacks(), **options)
    fast, run = trained(make, X, y, False, monkeypatch, optimizer=optimizer, callbacks=callbacks(), **options)
    assert fast == slow
    assert run.updater.trained_on in (WHOLE, OFTEN)
    assert run.updater.trained_on == WHOLE or getattr(run.plan.callbacks[0], "each_update", False)


@pytest.mark.parametrize("seed", range(0, 39, 3))
@pytest.mark.parametrize("at", [1, 3])
def test_rules_of_ones_own_are_resumed_exactly(seed: int, at: int, tmp_path: Path) -> None:
    make, optimizer, _, options = drawn(seed)
    X, y = data(70, 5, 3)

    def run(epochs: int, **given: Any) -> Any:
        model, made = make(), optimizer()
        nn.fit(model, X, y, optimizer=made, seed=2, **{**options, "epochs": epochs}, **given)
        return [p.data for p in model.parameters()], made.state_dict()

    whole, path = run(4), tmp_path / "run.st"
    run(at, checkpoint=path)
    assert run(4, checkpoint=path, resume=True) == whole


# What cannot be recorded.

SCALE, CALLS = 1.0, itertools.count()
COUNT = [0]
NAMED: list[Any] = [None]


class Own(Optimizer):
    def __init__(self) -> None:
        super().__init__(lr=0.01)
        self.random, self.log, self.n = np.random.default_rng(3), [0.0], 0


class Branches(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients if self.updates < 5 else 0.5 * gradients), buffers


class Sums(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients / np.linalg.norm(gradients), buffers


class Exponentials(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients * np.exp(-np.abs(gradients)), buffers


class DrawsOne(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients * self.random.uniform(0.5, 1.0), buffers


class DrawsOneOfAll(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients * (1.0 if random.random() < 0.5 else 2.0), buffers


class Logs(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.log.append(rate)
        return values - rate * gradients / len(self.log), buffers


class Counts(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.n += 1
        return values - rate * gradients / self.n, buffers


class CountsOutside(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        COUNT[0] += 1
        return values - rate * gradients / (1.0 + 0.1 * (COUNT[0] % 2)), buffers


class Iterates(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients / (1.0 + 0.0 * next(CALLS)), buffers


class Prints(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        print("an update")
        return values - rate * gradients, buffers


class AsksItsRate(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - self.lr * gradients, buffers


class AsksItsKind(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients if isinstance(values, np.ndarray) else 2.0 * gradients), buffers


class TakesPowers(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients**3, buffers


class MultipliesWhole(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients / (1 + 3 * self.updates), buffers


class Neighbours(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients + 0.1 * gradients[::-1]), buffers


class Unbounded(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * np.clip(gradients, -np.inf, 1e300), buffers


class InSinglePrecision(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - np.float32(0.1) * rate * gradients, buffers


class ByNumPysPower(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients / (1.0 - np.power(0.999, self.updates + 1)), buffers


class AsksWhatIsFrozen(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients if self.frozen is None else 2.0 * gradients), buffers


class AsksItsSchedule(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        constant = isinstance(self.schedule, nn.Constant)
        return values - rate * (gradients if constant else 2.0 * gradients), buffers


class ReadsAsText(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients if f"{rate:.2f}" == "0.01" else 2.0 * gradients), buffers


class AsksForAFile(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (0.5 if Path("no such file").exists() else 1.0) * gradients, buffers


class NamesItself(Own):
    def __init__(self) -> None:
        super().__init__()
        NAMED[0] = self

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - NAMED[0].lr / (1.0 + NAMED[0].updates) * gradients, buffers


class CatchesErrors(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        try:
            small = bool(np.abs(gradients) < 1.0)
        except Exception:
            small = False
        return values - rate * (gradients if small else 2.0 * gradients), buffers


class ChoosesWholeNumbers(Own):
    buffer_names = ("p",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients, {"p": -np.where(gradients > 0, 1, 0)}


class ChoosesForAll(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        size = np.where(self.updates < 5, 0.1 * rate, rate) * (1.0 + 1.0 / (self.updates + 1))
        return values - (size * 0.7) ** 2 * gradients, buffers


class NegatesWhole(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        away = np.clip((gradients * gradients + 1e-9) / (-(self.updates - 5)), -1, 1)
        return values - rate * away, buffers


class ReadsByRepr(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients if "%r" % rate == "0.01" else 2.0 * gradients), buffers  # noqa: UP031


class ChoosesTruth(Own):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        chosen = np.where(np.abs(gradients) > 0.05, buffers["m"] > 5.0, buffers["m"] > 6.0)
        return values - rate * gradients * (1.0 + (chosen + chosen)), {"m": buffers["m"] + 1.0}


class WarmsUpByTruth(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - (3.3 * rate * (self.updates > 3)) ** 2 * gradients, buffers


class OnesOfTruth(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        ones = np.ones_like(gradients > 0.0)
        return values - rate * gradients * np.where(gradients > 0.0, ones + ones, 1.0), buffers


def _all_of(condition: Any) -> bool:
    try:
        return bool(condition.all())
    except Exception:
        return False


def square(x: Any) -> Any:
    return x * (2.0 if _all_of(x > 0.05) else 1.0)


IN_A_DICT = {"all": _all_of}


class CallsFromADict(Own):
    buffer_names = ("m",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        factor = 2.0 if IN_A_DICT["all"](buffers["m"] > 2.0) else 1.0
        return values - rate * factor * gradients, {"m": buffers["m"] + 1.0}


class CallsADefault(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float, check: Any = _all_of) -> Any:
        return values - rate * (2.0 if check(np.abs(gradients) < 1.0) else 1.0) * gradients, buffers


class CallsByAWord(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * square(gradients), buffers


class Derived(Momentum):
    log: tuple[float, ...] = ()
    n = 0

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        factor = 2.0 if _all_of(buffers["m"] > -2.0) else 1.0
        return values - rate * factor * gradients, {"m": buffers["m"] - 1.0}


class CountsToFour(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        COUNT[0] = (COUNT[0] + 1) % 4
        return values - rate * gradients, buffers


MODEL: list[Any] = [None]


class ReadsTheModel(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        bias = MODEL[0].layers[0].neurons[0].b
        return values - rate * (1.0 + abs(float(bias))) * gradients, buffers


class ReadsByAFunction(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * _decay() * gradients, buffers


def _decay() -> float:
    return 1.0 + float(np.abs(parameters_to_vector(MODEL[0].parameters())).sum())


REASONS = {
    ChoosesTruth: "truth values",
    WarmsUpByTruth: "truth values",
    OnesOfTruth: "np.ones_like",
    CallsFromADict: "reads all|catches errors",
    CallsADefault: "reads all|catches errors",
    CallsByAWord: "reads all|catches errors",
    Derived: "reads all|catches errors",
    CountsToFour: "beside its buffers",
    ReadsTheModel: "reads",
    ReadsByAFunction: "reads",
    CatchesErrors: "catches errors",
    ChoosesWholeNumbers: "whole numbers",
    ChoosesForAll: "same for all",
    NegatesWhole: "whole numbers",
    ReadsByRepr: "text",
    ByNumPysPower: "reads power",
    AsksWhatIsFrozen: "reads frozen",
    AsksItsSchedule: "reads",
    ReadsAsText: "text",
    AsksForAFile: "reads",
    NamesItself: "reads",
    Branches: "branches on numbers",
    Sums: "reads",
    Exponentials: "reads exp",
    DrawsOne: "reads",
    DrawsOneOfAll: "reads random",
    Logs: "reads",
    Counts: "beside its buffers",
    CountsOutside: "beside its buffers|not the same every time",
    Iterates: "cannot see",
    Prints: "reads print",
    AsksItsRate: "reads lr",
    AsksItsKind: "reads",
    TakesPowers: "powers",
    MultipliesWhole: "whole numbers",
    Neighbours: "raises TypeError",
    Unbounded: "reads inf",
    InSinglePrecision: "float32",
}


@needs_compiler
@pytest.mark.parametrize("kind", REASONS)
def test_what_cannot_be_recorded_is_told_and_keeps_its_bits(kind: Any, monkeypatch: Any, capsys: Any) -> None:
    X, y = data(70, 5, 3)
    found = []
    for eager in (True, False):
        COUNT[0] = 0
        random.seed(1)
        MODEL[0] = nn.MLP(5, [7, 3], seed=1)
        make = lambda: MODEL[0]  # noqa: E731
        made, run = trained(make, X, y, eager, monkeypatch, optimizer=kind, batch_size=16, epochs=3)
        found.append((made, run.optimizer.log, run.optimizer.n, COUNT[0], capsys.readouterr().out))
    assert (
        run.updater.trained_on.startswith(
            f"a Program, gradients only: {kind.__name__} has a rule of its own, and it "
        )
        or "nn cannot see" in run.updater.trained_on
    )
    assert found[0] == found[1]
    assert any(reason in run.updater.trained_on for reason in REASONS[kind].split("|"))


class Signed(Own):
    zero = 0.0

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        size = (np.abs(gradients) + 1e-9) / (self.zero * np.abs(gradients))
        return values - rate * (gradients + 0.1 * np.clip(size, -1, 1)), buffers


@needs_compiler
def test_the_sign_of_a_zero_that_a_callback_sets_is_seen(monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)

    def turn(run: Any) -> None:
        if run.epoch == 2:
            run.optimizer.zero = -0.0

    make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
    options = {"optimizer": Signed, "callbacks": turn, "batch_size": 16, "epochs": 5}
    eager, compiled = (trained(make, X, y, eager, monkeypatch, **options)[0] for eager in (True, False))
    assert eager == compiled


class ByTheRun(Own):
    run: Any = None

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate / (1.0 if self.run is None else 1.0 + self.run.updates) * gradients, buffers


@needs_compiler
def test_a_rule_that_goes_by_the_run_is_not_recorded(monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)
    found = []
    for eager in (True, False):
        options = {"callbacks": lambda run: setattr(run.optimizer, "run", run), "batch_size": 16, "epochs": 3}
        make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
        found.append(trained(make, X, y, eager, monkeypatch, optimizer=ByTheRun, **options))
    assert found[0][0] == found[1][0]
    assert "gradients only" in found[1][1].updater.trained_on


class Scaled(Own):
    factor = 1.0

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * SCALE * self.factor * self.nested["a"][0] * gradients, buffers

    def __init__(self) -> None:
        super().__init__()
        self.nested = {"a": [1.0]}


@needs_compiler
@pytest.mark.parametrize("what", ["global", "class", "nested", "method"])
@pytest.mark.parametrize("each_update", [False, True])
def test_whatever_a_rule_goes_by_may_change(what: str, each_update: bool, monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)

    class Changes:
        def __call__(self, run: Any) -> None:
            if not each_update:
                self.change(run)

        def on_update(self, run: Any) -> None:
            if each_update and run.updates % 3 == 0:
                self.change(run)

        def change(self, run: Any) -> None:
            global SCALE
            by = 1.0 + 0.1 * run.updates
            if what == "global":
                SCALE = by
            elif what == "class":
                Scaled.factor = by
            elif what == "nested":
                run.optimizer.nested["a"][0] = by
            else:
                monkeypatch.setattr(
                    Scaled, "rule", lambda self, x, g, buffers, rate: (x - rate * by * g, buffers)
                )

    found = []
    original = Scaled.rule
    for eager in (True, False):
        monkeypatch.setattr(Scaled, "rule", original)
        monkeypatch.setattr(Scaled, "factor", 1.0)
        monkeypatch.setattr("tests.nn.test_recorded_rules.SCALE", 1.0)
        make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
        options = {"optimizer": Scaled, "batch_size": 16, "epochs": 4, "callbacks": Changes()}
        made, run = trained(make, X, y, eager, monkeypatch, **options)
        found.append(made)
    assert found[0] == found[1]
    assert run.updater.trained_on == (OFTEN if each_update else WHOLE)


@needs_compiler
def test_a_zero_whose_sign_numpy_does_not_promise_is_left_to_numpy(monkeypatch: Any) -> None:
    class Zeros(Rule):
        buffer_names = ("m",)

        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            zero = np.where(gradients > 0.0, 0.0, -0.0)
            return values - rate * gradients, {"m": np.maximum(zero, -zero) + np.sign(zero)}

    X, y = data(70, 5, 3)
    model = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
    slow, _ = trained(model, X, y, True, monkeypatch, optimizer=Zeros, batch_size=16, epochs=3)
    fast, run = trained(model, X, y, False, monkeypatch, optimizer=Zeros, batch_size=16, epochs=3)
    assert fast == slow
    assert run.updater.trained_on.endswith("the rule meets numbers that are left to NumPy")


@pytest.mark.parametrize("compiled", [True, False])
def test_a_rule_of_ones_own_that_diverges_is_told_as_ever(compiled: bool, monkeypatch: Any) -> None:
    class Explodes(Rule):
        buffer_names = ()

        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            return values + gradients * 1e300 * (self.updates / 3.0) * 1e300, buffers

    class DividesByZero(Rule):
        buffer_names = ()

        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            return values - rate * gradients * (1.0 / (1.0 / (self.updates - 7.0))), buffers

    X, y = data(70, 5, 3)
    for kind, error, at in ((Explodes, DivergenceError, 1), (DividesByZero, ZeroDivisionError, 7)):
        model, optimizer = nn.MLP(5, [7, 3], seed=1), kind()
        with pytest.raises(error):
            trained(lambda m=model: m, X, y, not compiled, monkeypatch, optimizer=lambda o=optimizer: o,
                    batch_size=16, epochs=3)  # fmt: skip
        assert optimizer.updates == at


class ReadsAsAMethod:
    def __init__(self) -> None:
        self.factor = 0.05

    def __call__(self, k: int) -> float:
        return self.factor / (1.0 + abs(next(iter(MODEL[0].parameters())).grad))


def _by_values(k: int) -> float:
    return 0.05 * (1.0 + abs(MODEL[0].parameters()[0].data))


@needs_compiler
@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("schedule", [_by_values, ReadsAsAMethod(), nn.WarmUp(_by_values, 5)])
def test_a_schedule_that_reads_the_model_reads_what_it_is_now(
    schedule: Any, later: bool, listens: bool, monkeypatch: Any
) -> None:
    class Sets:
        def __call__(self, run: Any) -> None:
            if later and not listens and run.epoch == 1:
                run.optimizer.lr = schedule

        def on_update(self, run: Any) -> None:
            if later and listens and run.updates == 7:
                run.optimizer.lr = schedule

    X, y = data(70, 5, 3)
    found = []
    for eager in (True, False):
        MODEL[0] = nn.MLP(5, [7, 3], seed=1)
        told = Sets() if listens else (lambda run: Sets()(run))
        options = {"batch_size": 16, "epochs": 4, "callbacks": told if later else None}
        optimizer = lambda: nn.Adam(lr=0.01 if later else schedule)  # noqa: E731
        made, run = trained(lambda: MODEL[0], X, y, eager, monkeypatch, optimizer=optimizer, **options)
        found.append(made)
    assert found[0] == found[1]
    assert run.updater.trained_on.endswith("the learning rate is a function that nn cannot see into")


@needs_compiler
def test_schedules_of_plain_numbers_are_asked_before_an_epoch() -> None:
    import math

    class Cosine:
        def __init__(self) -> None:
            self.low, self.high = 0.01, 0.1

        def __call__(self, k: int) -> float:
            return self.low + (self.high - self.low) * 0.5 * (1.0 + math.cos(k / 100.0))

    X, y = data(70, 5, 3)

    @dataclass(frozen=True)
    class Falls:
        rate: float = 0.1

        def __call__(self, k: int) -> float:
            return {0: 0.05}.get(k, self.rate) * 0.99**k

    for rate in (
        Cosine(),
        Falls(),
        partial(lambda k, a: a / (k + 1.0), a=0.1),
        lambda k: max(0.1 * 0.9**k, 1e-3),
        nn.WarmUp(Cosine(), 3),
    ):
        history = nn.fit(nn.MLP(5, [3], seed=1), X, y, optimizer=nn.SGD(lr=rate), epochs=3, seed=1)
        assert history.trained_on == WHOLE


class CountsItsCalls:
    n = 0

    def __call__(self, k: int) -> float:
        self.n += 1
        return 0.05 if self.n < 25 else 0.01


def _counts(k: int) -> float:
    COUNT[0] = (COUNT[0] + 1) % 8
    return 0.05


def _lists(k: int) -> float:
    NAMED.append(k)
    return 0.05 / len(NAMED) ** 0.1


def _grower() -> Any:
    def rate(k: int, log: list[int] = []) -> float:  # noqa: B006
        log += [k]
        return 0.05 if len(log) % 50 < 20 else 0.01

    rate.__defaults__ = ([],)
    return rate


class _Holder:
    def __init__(self) -> None:
        self.calls = np.zeros(1)

    def __call__(self, k: int) -> float:
        np.copyto(self.calls, self.calls + 1.0)
        return 0.05 if self.calls[0] < 30 else 0.01


@needs_compiler
@pytest.mark.parametrize(
    "rate",
    [CountsItsCalls, lambda: _counts, lambda: _lists, _grower, lambda: nn.WarmUp(_grower(), 5), _Holder],
)
def test_a_schedule_with_a_memory_is_asked_as_often_as_ever(rate: Any, monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)
    found = []
    for eager in (True, False):
        COUNT[0], NAMED[1:] = 0, []
        made = rate()
        optimizer, make = lambda: nn.Adam(lr=made), lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: B023
        try:
            what, _ = trained(make, X, y, eager, monkeypatch, optimizer=optimizer, batch_size=16, epochs=3)
        except nn.InputError as error:
            what = str(error)
        found.append((what, COUNT[0], NAMED[1:], getattr(made, "n", 0)))
    assert found[0] == found[1]


class OtherRule(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - 2.0 * rate * gradients, buffers


class ByAttribute(nn.Adam):
    def __getattribute__(self, name: str) -> Any:
        if name == "betas" and object.__getattribute__(self, "_updates") >= 9:
            return 0.5, 0.9
        return object.__getattribute__(self, name)


def _thaw_and_begin_again(run: Any) -> None:
    if run.epoch == 1:
        run.model.freeze("layer1")
    if run.epoch == 2:
        run.model.unfreeze("*")
    if run.epoch == 3:
        run.optimizer.updates = 5


def _changes(run: Any) -> None:
    """Of a list of a group, the class, and the kinds of numbers."""
    if run.epoch == 2 and run.optimizer.param_groups:
        run.optimizer.param_groups[0]["betas"][0] = 0.5
    elif run.epoch == 2 and type(run.optimizer) is Plain:
        run.optimizer.__class__ = OtherRule
    elif run.epoch == 2:
        halves = {name: (0.1 * b).astype("float32") for name, b in run.optimizer.buffers.items()}
        run.optimizer.buffers = halves


class Plain(Own):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * gradients, buffers


OPTIMIZERS = {
    "an entry of a group's list": (
        lambda: nn.Adam([{"params": "*.b", "betas": [0.9, 0.99]}], lr=0.01),
        _changes,
    ),
    "the class": (Plain, _changes),
    "the kind of buffers": (lambda: nn.Adam(lr=0.01), _changes),
    "updates after a thaw": (lambda: nn.Adam(lr=0.01), _thaw_and_begin_again),
    "what attributes give": (lambda: ByAttribute(lr=0.01), None),
}


@needs_compiler
@pytest.mark.parametrize("what", OPTIMIZERS)
def test_whatever_an_optimizer_goes_by_may_change(what: str, monkeypatch: Any) -> None:
    X, y = data(70, 5, 3)
    optimizer, callback = OPTIMIZERS[what]
    make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
    options = {"optimizer": optimizer, "callbacks": callback, "batch_size": 16, "epochs": 5}
    eager, compiled = (trained(make, X, y, eager, monkeypatch, **options)[0] for eager in (True, False))
    assert eager == compiled


@needs_compiler
@pytest.mark.parametrize("kind", [Optimizer, nn.SGD])
def test_a_rule_that_was_put_into_a_class_of_nn_is_followed(kind: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(kind, "rule", OtherRule.rule, raising=False)
    X, y = data(70, 5, 3)
    options = {"optimizer": lambda: nn.SGD(lr=0.01), "batch_size": 16, "epochs": 3}
    make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
    eager, compiled = (trained(make, X, y, eager, monkeypatch, **options)[0] for eager in (True, False))
    assert eager == compiled


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("copies", [pickle.dumps, copy.deepcopy])
def test_an_optimizer_may_be_copied_after_any_update(copies: Any, short: bool) -> None:
    class Copies:
        def on_update(self, run: Any) -> None:
            copies(run.optimizer)

    X, y = data(16 if short else 70, 5, 3)
    options = {"batch_size": 16, "epochs": 2, "seed": 1, "callbacks": Copies()}
    assert nn.fit(nn.MLP(5, [3], seed=1), X, y, optimizer=nn.Adam(lr=0.01), **options)


@pytest.mark.parametrize("short", [False, True])
def test_a_callback_cannot_give_the_optimizer_other_parameters(short: bool) -> None:
    def freezes(run: Any) -> None:
        run.optimizer.frozen = np.arange(len(run.parameters)) < 4

    X, y = data(16 if short else 70, 5, 3)
    for change in (freezes, lambda run: run.optimizer.bind(run.parameters[:5])):
        with pytest.raises(nn.InputError, match="the parameters that"):
            nn.fit(nn.MLP(5, [3], seed=1), X, y, optimizer="adam", callbacks=change, epochs=2, seed=1)


INSTALLED = """
import nn
from nn.optimizer_base import Optimizer

class Half(nn.Adam):
    def rule(self, values, gradients, buffers, rate):
        new, kept = super().rule(values.copy(), gradients, buffers, rate)
        return 0.5 * (new + values), kept

class Plain(Optimizer):
    buffer_names = ("m",)
    def rule(self, values, gradients, buffers, rate):
        return values - rate * gradients, {"m": buffers["m"] + 1.0}

class Hidden(Plain):
    def rule(self, values, gradients, buffers, rate):
        try:
            large = bool((buffers["m"] > 8.0).all())
        except Exception:
            large = False
        return values - rate * (2.0 if large else 1.0) * gradients, {"m": buffers["m"] + 1.0}

class Counts(nn.Module):
    def __init__(self):
        self.net, self.calls = nn.MLP(5, [7, 3], seed=1), 0
    def __call__(self, x):
        self.calls += 1
        return self.net([v / (1.0 + 0.001 * self.calls) for v in x])

SCALE = {"factor": 1.0}

def loss(outputs, target):
    return nn.cross_entropy(outputs, int(target)) * SCALE["factor"]

def halve(run):
    SCALE["factor"] *= 0.5
"""


@needs_compiler
@pytest.mark.parametrize("what", ["Half", "Plain", "Hidden", "Counts", "loss", "derived"])
def test_code_of_another_package_that_is_installed_is_the_users(
    what: str, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "somebodys.py").write_text(INSTALLED)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "somebodys", raising=False)
    theirs = importlib.import_module("somebodys")
    found = []
    X, y = data(70, 5, 3)
    for eager in (True, False):
        theirs.SCALE["factor"] = 1.0
        kind = {"derived": type("Derived", (theirs.Hidden,), {})}.get(what, getattr(theirs, what, None))
        options: Any = {"optimizer": nn.Adam, "batch_size": 16, "epochs": 4}
        make = lambda: nn.MLP(5, [7, 3], seed=1)  # noqa: E731
        if what == "loss":
            options |= {"loss": theirs.loss, "callbacks": theirs.halve}
        elif what == "Counts":
            make = theirs.Counts
        else:
            options["optimizer"] = lambda: kind(lr=0.05)  # noqa: B023
        made, run = trained(make, X, y, eager, monkeypatch, **options)
        found.append(made)
    assert found[0] == found[1]
    assert run.updater.trained_on.startswith(
        "a Program, whole" if what in ("Half", "Plain") else ("a P", "eager")
    )
