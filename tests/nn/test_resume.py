"""A resumed run makes the bits of one that was never interrupted, or says what it cannot know."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import math
import re
import subprocess
import sys
import threading
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from nn import snapshot
from nn.errors import InputError
from nn.plain_data import from_json, to_json

random = np.random.default_rng(0)
X = random.normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
pytestmark = pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")


def bits(model: Any) -> bytes:
    return np.array([p.data for p in model.parameters()]).tobytes()


class Rule(nn.Optimizer):
    """The base of rules that remember something in self."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"lr": 0.05, **kwargs})
        self.n, self._n, self.previous, self.log = 0, 0, None, []
        self.random = np.random.default_rng(0)
        self.nested = {"a": [0, {"b": np.zeros(2)}]}


class Counts(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.n += 1
        return values - rate * gradients / np.sqrt(self.n), buffers


class CountsUnseen(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self._n += 1
        return values - rate * gradients / np.sqrt(self._n), buffers


class Remembers(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        before, self.previous = self.previous, gradients.copy()
        return values - rate * (gradients if before is None else 1.5 * gradients - 0.5 * before), buffers


class Logs(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.log.append(float(np.abs(gradients).max()))
        return values - rate * gradients / max(self.log[-5:]), buffers


class Draws(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients + 0.1 * self.random.normal(size=len(gradients))), buffers


class DrawsFromAll(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return values - rate * (gradients + 0.1 * np.random.normal(size=len(gradients))), buffers


class Nested(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.nested["a"][0] += 1
        self.nested["a"][1]["b"] += abs(gradients[:2])
        return values - rate * gradients / (1 + self.nested["a"][1]["b"].sum()), buffers


class SetsRate(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.lr = 0.1 / (2 + self.updates)
        return values - rate * gradients, buffers


class SetsRatesOfGroups(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        for group in self.param_groups:  # none in a group's own turn
            group["lr"] = 0.1 / (2 + self.updates)
        return values - rate * gradients, buffers


class HasNaN(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.worst, self.pair = math.nan, (1.0, -math.nan)
        return values - rate * gradients, buffers

    worst, pair = math.nan, (0.0, math.nan)


class HasNaNFromTheStart(HasNaN):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worst, self.pair, self.zero = math.nan, (math.nan, -0.0), -0.0


class Turns(Rule):
    """Goes by the order of keys, in a dict that is there and in one that is made in the run."""

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        if self.n == 0:
            self.held, self.made = {1.0: 0, 0.5: 0, 0.25: 0}, dict.fromkeys((7, 3, 5), 1.0)
        self.n += 1
        for turned in (self.held, self.made, self.nested["turned"]):
            key = next(iter(turned))
            turned[key] = turned.pop(key)
        return values - rate * next(iter(self.held)) / next(iter(self.nested["turned"])) * gradients, buffers

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.nested: Any = {"turned": {1.0: 0, 2.0: 0, 3.0: 0}}


class TwoNames(Rule):
    """What has two names: made in the run, one of what was there, and a list in itself."""

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        if self.n == 0:
            self.a = self.b = [0.0]
            self.c, self.d = self.log, {"log": (self.nested["a"], self.a)}
            self.e: list[Any] = [1.0]
            self.e.append(self.e)
            self.f = self.g = np.zeros(2)
            self.h, self.i = deque([1.0], maxlen=3), np.asfortranarray(np.arange(6.0).reshape(2, 3))
        self.n += 1
        self.a[0] += 1.0
        self.c.append(1.0)
        self.nested["a"][0] += 1
        self.e[0] += 1.0
        self.f += 1.0
        self.h.append(self.n)
        assert self.i.flags.f_contiguous
        held = [self.b[0], len(self.log), *self.d["log"][0][:1], *self.d["log"][1], self.e[1][0], self.g[1]]
        return values - rate * gradients / sum(float(x) for x in [*held, *self.h]), buffers


class Sets(Rule):
    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        self.n += 1
        self.seen = {8 * self.n, 0.1, 16, 0} if self.n % 2 else {0, 16, 0.1, 8 * self.n}
        return values - rate * gradients / (1.0 + float(str(next(iter(self.seen))))), buffers


RULES: list[Callable[[], nn.Optimizer]] = [Counts, CountsUnseen, Remembers, Logs, Draws, DrawsFromAll, Nested]
RULES += [SetsRate, HasNaN, HasNaNFromTheStart, Turns, TwoNames, Sets]
RULES.append(lambda: SetsRatesOfGroups([{"params": "*.b", "lr": 0.1}]))


class Warm(nn.Module):
    """A model with numbers beside its parameters."""

    scale = 1.0

    def __init__(self) -> None:
        self.temperature = 1.0
        self.array = np.ones(3)
        self.shift = Value(0.0).detach()
        self.settings = types.SimpleNamespace(power=1.0)
        self.table: dict[str, Any] = {"a": (1.0, [2.0])}
        self.net = nn.MLP(3, [4, 2], seed=1)

    def __call__(self, x: Any) -> Any:
        factor = self.temperature * float(self.array[0]) * self.scale * self.table["a"][1][0]
        return [factor * v + self.shift for v in self.net(x)]


class Penalty:
    def __init__(self) -> None:
        self.alpha = 0.1

    def __call__(self, model: Any) -> Value:
        return model.parameters()[0] ** 2 * self.alpha


class Callback:
    """A callback that counts, and goes by its count."""

    def __init__(self, change: Callable[[Any, int], Any]) -> None:
        self.n, self.change = 0, change

    def __call__(self, run: Any) -> None:
        self.n += 1
        self.change(run, self.n)


def halve(run: Any, n: int) -> None:
    run.model.temperature *= 0.5


CHANGES: dict[str, Callable[[Any, int], Any]] = {
    "an attribute of the model": halve,
    "an array in place": lambda run, n: run.model.array.__imul__(0.7),
    "a constant": lambda run, n: setattr(run.model.shift, "data", 0.1 * n),
    "a new constant": lambda run, n: setattr(run.model, "shift", Value(0.1 * n).detach()),
    "a list in a tuple in a dictionary": lambda run, n: run.model.table["a"][1].__setitem__(0, 2.0 - 0.3 * n),
    "a dictionary": lambda run, n: setattr(run.model, "table", {"a": (0.0, [2.0 / n])}),
    "the class": lambda run, n: setattr(Warm, "scale", 1.0 / n),
    "the penalty": lambda run, n: setattr(run.plan.regularizer, "alpha", 0.1 / n),
    "a limit, as a number of NumPy's": lambda run, n: setattr(run.optimizer, "clip_norm", np.float32(1 / n)),
    "the rate": lambda run, n: setattr(run.optimizer, "lr", 0.1 / n),
}


def resumed(tmp_path: Path, make: Callable[[], tuple[Any, dict[str, Any]]], at: int) -> tuple[Any, Any]:
    """The bits of a run of 4 epochs, and of one that was left after `at` and begun anew from its file."""

    def run(epochs: int, **options: Any) -> tuple[bytes, list[float]]:
        np.random.seed(0)
        Warm.scale = 1.0
        model, given = make()
        history = nn.fit(model, X, y, seed=3, epochs=epochs, batch_size=8, **given, **options)
        return bits(model), history["loss"]

    whole = run(4)
    run(at, checkpoint=tmp_path / f"{at}.st")
    return whole, run(4, checkpoint=tmp_path / f"{at}.st", resume=True)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_with_a_state_in_self_is_resumed_exactly(rule: Any, tmp_path: Path) -> None:
    for at in (1, 3):
        whole, found = resumed(tmp_path, lambda: (nn.MLP(3, [4, 2], seed=1), {"optimizer": rule()}), at)
        assert found == whole


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_callback_changes_is_resumed_exactly(name: str, tmp_path: Path) -> None:
    for at in (1, 3):
        make = lambda: (Warm(), {"regularizer": Penalty(), "callbacks": Callback(CHANGES[name])})  # noqa: E731
        whole, found = resumed(tmp_path, make, at)
        assert found == whole


COUNT = 0
LOG: list[float] = []


def assigns(run: Any) -> None:
    global COUNT
    COUNT += 1
    run.optimizer.lr = 0.1 / COUNT


def appends(run: Any) -> None:
    LOG.append(run.loss)
    run.optimizer.lr = 0.1 / len(LOG)


def counting() -> Any:
    n, made = 0, Config(1.0)

    def callback(run: Any, log: Any = [0], *, table: Any = {"a": 1}) -> None:  # noqa: B006
        nonlocal n
        n += 1
        made.power += n
        log.append(n)
        table["a"] += 1
        callback.calls = getattr(callback, "calls", 0) + 1  # type: ignore[attr-defined]
        held = n + made.power + sum(log) + table["a"] + callback.calls  # type: ignore[attr-defined]
        run.optimizer.lr = 0.1 / held

    return callback


class Averages:
    """A callback with objects of its own, and some of the run's."""

    def __init__(self) -> None:
        self.shadow, self.config, self.run, self.last = nn.MLP(3, [4, 2], seed=2), Config(1.0), None, None

    def on_update(self, run: Any) -> None:
        self.run, self.last = run, run.optimizer
        for mine, theirs in zip(self.shadow.parameters(), run.model.parameters(), strict=True):
            mine.data = 0.9 * mine.data + 0.1 * theirs.data
        self.config.power += 0.1
        run.optimizer.lr = 0.1 * abs(self.shadow.parameters()[0].data) / self.config.power


CALLBACKS: dict[str, Callable[[], Any]] = {
    "a global number": lambda: assigns,
    "a global list": lambda: appends,
    "a closure": counting,
    "partial": lambda: functools.partial(lambda log, run: (log.append(1), halve_rate(run, len(log))), []),
    "objects": Averages,
}


def halve_rate(run: Any, n: int) -> None:
    run.optimizer.lr = 0.1 / n


@pytest.mark.parametrize("name", CALLBACKS)
def test_what_a_callback_remembers_is_resumed_exactly(name: str, tmp_path: Path) -> None:
    global COUNT

    def run(epochs: int, **options: Any) -> tuple[bytes, list[float]]:
        global COUNT
        COUNT, LOG[:], model = 0, [], nn.MLP(3, [4, 2], seed=1)
        given = {"optimizer": nn.SGD(lr=0.1), "callbacks": CALLBACKS[name](), "batch_size": 8, "seed": 3}
        history = nn.fit(model, X, y, epochs=epochs, **given, **options)
        return bits(model), history["loss"]

    whole, path = run(4), tmp_path / "run.st"
    run(1, checkpoint=path)
    assert run(4, checkpoint=path, resume=True) == whole
    COUNT, LOG[:] = 0, []


def test_what_a_callback_holds_and_a_file_cannot_is_told_by_name(tmp_path: Path) -> None:
    class Steps:
        def __init__(self) -> None:
            self.rates = iter([0.1, 0.05, 0.02, 0.01])

        def __call__(self, run: Any) -> None:
            run.optimizer.lr = next(self.rates)

    given: dict[str, Any] = {"seed": 3, "checkpoint": tmp_path / "run.st"}
    nn.fit(plain(), X, y, epochs=2, callbacks=Steps(), **given)
    told = r"does not hold callback .*Steps\.rates \(of class list_iterator\), which begins anew"
    with pytest.warns(nn.ModelWarning, match=told):
        nn.fit(plain(), X, y, epochs=4, callbacks=Steps(), resume=True, **given)


class Falling:
    """A schedule that counts its calls."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, k: int) -> float:
        self.n += 1
        return 0.1 / self.n


def test_a_schedule_that_counts_its_calls_is_refused() -> None:
    for lr in (Falling(), lambda k, random=random: 0.1 + 0.01 * random.random()):
        with pytest.raises(nn.InputError, match="function of the number of updates alone"):
            nn.fit(nn.MLP(3, [2], seed=1), X, y, optimizer=nn.SGD(lr=lr), epochs=2, seed=1)


@pytest.mark.parametrize("at", [(1, 6), (2, 11)])
def test_an_interrupted_rule_stands_at_the_last_whole_update(at: Any) -> None:
    epoch, update = at

    class Breaks(Counts):
        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            made = super().rule(values, gradients, buffers, rate)
            if self.updates == update:
                values *= 2.0
                raise KeyboardInterrupt
            return made

    def stop(run: Any) -> None:
        if run.epoch == epoch:
            raise KeyboardInterrupt

    class BreaksAfterItsRate(SetsRate):
        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            made = super().rule(values, gradients, buffers, rate)
            self.n += 1
            if self.updates == update:
                raise KeyboardInterrupt
            return made

    for optimizer, callbacks in ((Breaks(), ()), (BreaksAfterItsRate(), ()), (Counts(), stop)):
        with pytest.raises(KeyboardInterrupt):
            nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, optimizer=optimizer, batch_size=8, callbacks=callbacks)
        assert optimizer.n == optimizer.updates == (5 * epoch if callbacks else update)
        assert optimizer.lr == (0.1 / (1 + update) if isinstance(optimizer, SetsRate) else 0.05)


class InPlace(nn.Optimizer):
    """Momentum, done in the arrays that it is given, and broken off half way."""

    buffer_names = ("m",)
    error: Any = None

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        gradients *= 1.0
        buffers["m"] *= 0.9
        buffers["m"] += gradients
        values -= rate * buffers["m"]
        if self.updates == 9 and self.error is not None:
            if self.error is nn.DivergenceError:
                values[3] = np.nan
            else:
                raise self.error
        return values, buffers


@pytest.mark.parametrize("callbacks", [(), (lambda run: None,)])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, nn.DivergenceError])
def test_a_rule_that_works_in_place_leaves_nothing_half_done(error: Any, callbacks: Any) -> None:
    def train(optimizer: Any, **options: Any) -> Any:
        model = nn.MLP(3, [4, 2], seed=1)
        with pytest.raises(error) if options else contextlib.nullcontext():
            nn.fit(model, X, y, optimizer=optimizer, batch_size=8, seed=3, **{"epochs": 5, **options})
        return bits(model), optimizer.buffers["m"].tobytes(), optimizer.updates

    broken, whole = InPlace(lr=0.01), InPlace(lr=0.01)
    broken.error = error
    model = nn.MLP(3, [4, 2], seed=1)

    class At:
        def on_update(self, run: Any) -> Any:
            if run.updates == 9:
                found.extend((bits(run.model), run.optimizer.buffers["m"].tobytes(), run.optimizer.updates))

    found: list[Any] = []
    nn.fit(model, X, y, optimizer=whole, batch_size=8, seed=3, epochs=5, callbacks=At())
    assert train(broken, callbacks=callbacks) == tuple(found)


class KeepsWhatItReturns(nn.Optimizer):
    buffer_names = ("m",)
    theta: Any = None

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        if self.theta is None:
            self.theta, self.sum = values.copy(), 0.0 * gradients
        self.theta -= rate * gradients
        self.sum += gradients
        return self.theta, {"m": self.sum}


def test_an_array_that_a_rule_returns_and_keeps_changes_no_state() -> None:
    model, seen = nn.MLP(3, [4, 2], seed=1), []
    states = lambda run: seen.append((run.state.values, run.state.values.copy()))  # noqa: E731
    given: dict[str, Any] = {"stop": nn.Patience(3, restore_best=True), "validation": (X, 1 - y)}
    optimizer = KeepsWhatItReturns(lr=0.3)
    history = nn.fit(model, X, y, optimizer=optimizer, seed=1, epochs=9, callbacks=states, **given)
    assert history.best_epoch == 1 < len(history)
    assert all(kept.tobytes() == copied.tobytes() for kept, copied in seen)
    again = nn.MLP(3, [4, 2], seed=1)
    nn.fit(again, X, y, optimizer=KeepsWhatItReturns(lr=0.3), seed=1, epochs=1)
    assert bits(model) == bits(again)


def test_a_rule_that_remembers_in_self_is_refused_for_groups() -> None:
    for group in ({"params": "*.b"}, {"params": "layer2", "lr": 0.1}):
        with pytest.raises(nn.InputError, match="changes its attributes"):
            nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, optimizer=Counts([group]), epochs=1)


class Config:
    def __init__(self, power: float) -> None:
        self.power = power


def test_what_a_file_cannot_hold_is_told_and_not_resumed(tmp_path: Path) -> None:
    def replace(run: Any) -> None:
        run.model.settings = Config(2.0)

    given = {"callbacks": replace, "seed": 3, "checkpoint": tmp_path / "run.st"}
    with pytest.warns(nn.ModelWarning, match=r"model\.settings \(of class Config\) has changed"):
        nn.fit(Warm(), X, y, epochs=2, **given)
    with pytest.raises(nn.InputError, match=r"model\.settings"):
        nn.fit(Warm(), X, y, epochs=4, resume=True, **given)


class Key:
    pass


NOT_KEPT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "it (of class list_iterator)": (lambda rule: iter([1.0] * 99), lambda rule: next(rule.it)),
    "it (of class count)": (lambda rule: itertools.count(1), lambda rule: next(rule.it)),
    "it (of class generator)": (lambda rule: (1.0 for _ in range(99)), lambda rule: next(rule.it)),
    "it (of class StringIO)": (lambda rule: io.StringIO("1\n" * 99), lambda rule: rule.it.readline()),
    "it (of class lock)": (lambda rule: threading.Lock(), lambda rule: rule.it.acquire(blocking=False)),
    "it (of class dict with a key of class Key)": (
        lambda rule: {},
        lambda rule: rule.it.update({Key(): 1.0}),
    ),
    "row (of class ndarray, whose memory": (
        lambda rule: np.ones(3),
        lambda rule: setattr(rule, "row", rule.it[1:]),
    ),
    "it (of class matrix)": (lambda rule: None, lambda rule: setattr(rule, "it", np.ones(1).view(np.matrix))),
    "_deep (of class list, nested too deep": (
        lambda rule: None,
        lambda rule: setattr(rule, "_deep", functools.reduce(lambda inner, _: [inner], range(3000), [])),
    ),
}


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_a_rule_holds_and_a_file_cannot_is_told_by_name(name: str, tmp_path: Path) -> None:
    start, use = NOT_KEPT[name]

    class Uses(nn.Optimizer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{"lr": 0.1, **kwargs})
            self.it, self._count = start(self), 0

        def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
            use(self)
            self._count += 1
            if self._count == 12:
                raise KeyboardInterrupt
            return values - rate * gradients, buffers

    given: dict[str, Any] = {"batch_size": 8, "seed": 1, "checkpoint": tmp_path / "run.st"}
    model, optimizer = plain(), Uses()
    with pytest.warns(nn.ModelWarning, match=re.escape(f"optimizer.{name}")):
        nn.fit(model, X, y, optimizer=optimizer, epochs=2, **given)
    with pytest.raises(nn.InputError, match=re.escape(f"optimizer.{name}")):
        nn.fit(plain(), X, y, optimizer=Uses(), epochs=4, resume=True, **given)
    with pytest.raises(KeyboardInterrupt):
        nn.fit(model, X, y, optimizer=optimizer, epochs=2, batch_size=8, seed=1)
    assert optimizer._count == optimizer.updates == 11  # the rest is as it was at the last whole update


def metric_a(targets: Any, outputs: Any) -> float:
    return 1.0


class Doubled(nn.MLP):
    def __call__(self, x: Any) -> Any:
        return [2.0 * v for v in super().__call__(x)]


def plain() -> Any:
    return nn.MLP(3, [2], seed=1)


half = (X[:10], y[:10])
OTHER_RUNS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "validation": (plain, {"validation": (X, y)}, {"validation": half}),
    "validation_added": (plain, {}, {"validation": half}),
    "metrics": (
        plain,
        {"validation": half, "metrics": {"a": metric_a}},
        {"validation": half, "metrics": {"b": metric_a}},
    ),
    "model": (lambda: Doubled(3, [2], seed=1), {}, {}),
}


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_another_run_is_refused(name: str, tmp_path: Path) -> None:
    make, first, second = OTHER_RUNS[name]
    path = tmp_path / "run.st"
    nn.fit(plain(), X, y, epochs=2, seed=3, checkpoint=path, **first)
    with pytest.raises(nn.InputError, match=f"{name.partition('_')[0]}: "):
        nn.fit(make(), X, y, epochs=4, seed=3, checkpoint=path, resume=True, **second)


OTHER_CODE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "loss": ({"loss": lambda o, t: o[0] * o[0]}, {"loss": lambda o, t: o[1] * o[1]}),
    "penalty": (
        {"regularizer": lambda m: m.parameters()[0] ** 2},
        {"regularizer": lambda m: m.parameters()[1] ** 2},
    ),
    "rate": ({"optimizer": nn.SGD(lr=lambda k: 0.1)}, {"optimizer": nn.SGD(lr=lambda k: 0.2)}),
    "metric": (
        {"validation": half, "metrics": {"a": lambda t, o: 1.0}},
        {"validation": half, "metrics": {"a": lambda t, o: 2.0}},
    ),
}


@pytest.mark.parametrize("name", OTHER_CODE)
def test_another_code_of_the_same_name_is_told(name: str, tmp_path: Path) -> None:
    first, second = OTHER_CODE[name]
    path = tmp_path / "run.st"
    nn.fit(plain(), X, y, epochs=2, seed=3, checkpoint=path, **first)
    with pytest.warns(nn.ModelWarning, match="had another .*<lambda>"):
        nn.fit(plain(), X, y, epochs=4, seed=3, checkpoint=path, resume=True, **second)


def test_another_number_of_the_model_is_told(tmp_path: Path) -> None:
    given = {"seed": 3, "checkpoint": tmp_path / "run.st"}
    nn.fit(Warm(), X, y, epochs=2, **given)
    model = Warm()
    model.temperature = 3.0
    with pytest.warns(nn.ModelWarning, match=r"had another model\.temperature") as told:
        nn.fit(model, X, y, epochs=3, resume=True, **given)
    assert told[0].filename == __file__


def test_the_parts_of_a_set_are_written_in_one_order() -> None:
    texts = [f"name{k}" for k in range(100)]
    assert to_json(set(texts)) == {"set": sorted(texts)}
    assert from_json(to_json(frozenset(texts))) == frozenset(texts)


def test_a_run_goes_on_with_the_living_objects(tmp_path: Path) -> None:
    """What callbacks have changed in them is as the checkpoint has it, and no other run."""

    def make() -> tuple[Any, dict[str, Any]]:
        callback = Callback(lambda run, n: (halve(run, n), setattr(run.optimizer, "lr", 0.1 / n)))
        penalty = nn.L2(0.1)
        shrink = lambda run: object.__setattr__(penalty, "alpha", penalty.alpha * 0.5)  # noqa: E731
        return Warm(), {"callbacks": [callback, shrink], "optimizer": Counts(), "regularizer": penalty}

    model, given = make()
    nn.fit(model, X, y, epochs=6, seed=3, **given)
    whole = bits(model)
    model, given = make()
    for epochs in (2, 4, 6):
        nn.fit(model, X, y, epochs=epochs, seed=3, checkpoint=tmp_path / "run.st", resume=True, **given)
    assert bits(model) == whole
    model, fresh = make()
    for penalty in (fresh["regularizer"],):
        nn.fit(model, X, y, epochs=6, seed=3, checkpoint=tmp_path / "run.st", resume=True, **fresh)
        assert penalty.alpha == given["regularizer"].alpha == 0.1 * 0.5**6
    assert bits(model) == whole


def test_a_run_goes_on_without_its_callbacks(tmp_path: Path) -> None:
    given = {"seed": 3, "checkpoint": tmp_path / "run.st"}
    nn.fit(plain(), X, y, epochs=2, callbacks=Callback(lambda run, n: None), **given)
    for epochs in (2, 4):  # all are done, and the file is written at once; two are left
        assert len(nn.fit(plain(), X, y, epochs=epochs, resume=True, **given)) == epochs


SCRIPT = """
import sys, nn
junk = [object() for _ in range(int(sys.argv[1]))]
class Penalty:
    def __call__(self, model): return model.parameters()[0] ** 2 * 0.1
class Rate:
    def __call__(self, k): return 0.05
def straight(v): return v
model = nn.Sequential(nn.Layer(2, 3, seed=1), lambda h: h[:2])
print(nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], [0, 1], regularizer=Penalty(), optimizer=nn.SGD(lr=Rate()),
             loss=lambda o, t: o[0] * o[1], epochs=len(junk), seed=1, checkpoint=sys.argv[2], resume=True))
"""


def test_objects_without_a_repr_are_the_same_in_another_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for epochs in (2, 4):
        command = [sys.executable, "-W", "error", str(script), str(epochs), str(tmp_path / "run.st")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path.cwd())
        assert f"{epochs} epochs" in done.stdout, done.stderr


class Keeps:
    """A callback that keeps a long log, and breaks off in the midst of its work at an update."""

    def __init__(self, edit: Any, at: int = 0) -> None:
        self.log: list[Any] = [float(k) for k in range(1500)]
        self.rows: list[Any] = [[k, 0.5] for k in range(1200)]
        self.edit, self.at = edit, at

    def on_update(self, run: Any) -> None:
        self.log.append(run.loss)
        self.edit(self.log, self.rows, run.updates)
        if run.updates == self.at:
            raise KeyboardInterrupt
        self.rows.append([run.updates, run.loss])


def kept(path: Path, edit: Any, at: int = 0, batch_size: int = 5) -> Keeps:
    """The callback after 3 epochs of 4 updates, or more, or when it has broken off."""
    callback = Keeps(edit, at)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    with pytest.raises(KeyboardInterrupt) if at else contextlib.nullcontext():
        nn.fit(
            nn.MLP(3, [2], seed=1),
            X,
            y,
            batch_size=batch_size,
            epochs=3,
            seed=1,
            callbacks=callback,
            checkpoint=path,
            resume=path.exists(),
        )
    return callback


@pytest.mark.parametrize("at", [1, 6, 12])
@pytest.mark.parametrize(
    "edit",
    [
        lambda log, rows, k: None,
        lambda log, rows, k: rows.pop(0),
        lambda log, rows, k: log.__delitem__(slice(100)),
        lambda log, rows, k: log.__setitem__(-1, math.nan),
        lambda log, rows, k: log.__setitem__(0, k),
    ],
    ids=["grows", "rolls", "shrinks", "nan", "begins otherwise"],
)
def test_long_lists_of_a_callback_are_as_they_were_at_the_last_whole_update(
    edit: Any, at: int, tmp_path: Path
) -> None:
    whole = kept(tmp_path / "whole", edit)
    kept(tmp_path / "broken", edit, at)
    again = kept(tmp_path / "broken", edit)
    assert repr((again.log, again.rows)) == repr((whole.log, whole.rows))


def test_a_long_list_that_an_interrupted_callback_has_edited_is_told(tmp_path: Path) -> None:
    def edit(log: Any, rows: Any, k: int) -> None:
        rows[500][1] = k

    whole = kept(tmp_path / "whole", edit)
    assert whole.rows[500] == [500, 12]
    with pytest.warns(
        nn.ModelWarning, match=r"cannot be resumed: callback Keeps\.\[?.*rows.*list, which a callback"
    ):
        kept(tmp_path / "broken", edit, 6)
    with pytest.raises(InputError, match="does not tell all that has changed"):
        kept(tmp_path / "broken", edit)


def test_a_list_that_grows_at_each_update_is_not_written_anew_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    write = snapshot._written

    def written(thing: Any) -> Any:
        sizes.append(len(thing) if isinstance(thing, list) else 1)
        return write(thing)

    monkeypatch.setattr(snapshot, "_written", written)
    kept(tmp_path / "run", lambda log, rows, k: None, batch_size=1)
    assert sum(sizes) < 40_000  # 160,000, were both lists written for each of 60 updates
