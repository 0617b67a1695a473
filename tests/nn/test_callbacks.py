"""Callbacks read and write the same numbers whatever makes the updates; counts of calls are not frozen."""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import itertools
import logging
import math
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import Value
from autograd_core.programs import batch_gradient
from nn.plain_code import OF_CALLBACKS
from nn.training import updaters
from nn.training.rules import Rules
from nn.training.run import Run
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


def change_clip_norm(run: Any) -> None:
    run.optimizer.clip_norm = 1.0 / (1 + run.updates)


def change_momentum(run: Any) -> None:
    run.optimizer.momentum = 0.3 * (run.updates % 3)


def change_betas(run: Any) -> None:
    run.optimizer.betas = (0.5 + 0.1 * (run.updates % 3), 0.99)


def change_group(run: Any) -> None:
    run.optimizer.param_groups[0]["momentum"] = 0.01 * run.updates


def change_rate_of_group(run: Any) -> None:
    if run.updates == 7:
        run.optimizer.param_groups[0] = {"params": ["*.b"], "momentum": 0.1, "lr": 0.2}
    run.optimizer.param_groups[run.updates % 2]["lr"] = 0.3 / (1 + run.updates)


def change_rate_of_group_and_frozen(run: Any) -> None:
    change_frozen(run)
    change_rate_of_group(run)


def change_rate_to_a_schedule(run: Any) -> None:
    run.optimizer.param_groups[0]["lr"] = nn.StepDecay(0.1, 5) if run.updates % 3 else 0.2
    run.optimizer.lr = 0.1 / (1 + run.updates)


TWO_GROUPS = [{"params": "*.b", "momentum": 0.1}, {"params": "layer2.W", "lr": 0.5}]


def change_frozen(run: Any) -> None:
    run.model.unfreeze("*")
    run.model.freeze("layer1" if run.updates % 2 else "layer2.W")


@needs_compiler
def test_rates_of_groups_are_numbers_of_an_update_and_not_of_its_rules(monkeypatch: Any) -> None:
    """They are handed over for each update: the rules are looked at once, for a group that had no rate."""
    made: list[Any] = []

    class Counted(Rules):
        def __init__(self, *given: Any) -> None:
            made.append(self)
            super().__init__(*given)

    class Hears:
        def on_update(self, run: Any) -> None:
            run.optimizer.param_groups[0]["lr"] = 0.1 / (1 + run.updates)

    monkeypatch.setattr("nn.training.on_arrays.Rules", Counted)
    X, y = data(90, 3, 2)
    optimizer = nn.SGD([{"params": "*.b"}], lr=0.1)
    nn.fit(nn.MLP(3, [4, 2], seed=4), X, y, optimizer=optimizer, epochs=3, callbacks=Hears())
    assert len(made) == 2


def test_a_rate_of_a_group_that_is_none_is_told_before_the_next_update() -> None:
    class Hears:
        def on_update(self, run: Any) -> None:
            if run.updates == 3:
                run.optimizer.param_groups[0]["lr"] = -0.1

    X, y = data(90, 3, 2)
    optimizer = nn.SGD([{"params": "*.b", "lr": 0.1}], lr=0.1)
    with pytest.raises(nn.InputError, match="learning rate"):
        nn.fit(nn.MLP(3, [4, 2], seed=4), X, y, optimizer=optimizer, epochs=3, callbacks=Hears())
    assert optimizer.updates == 3


@needs_compiler
@pytest.mark.parametrize("every", ["update", "epoch"])
@pytest.mark.parametrize(
    ("change", "optimizer"),
    [
        (change_clip_norm, nn.Adam),
        (change_momentum, nn.SGD),
        (change_betas, nn.Adam),
        (change_group, lambda: nn.SGD([{"params": "*.b", "momentum": 0.1}], lr=0.1, momentum=0.5)),
        *(
            (change, lambda: nn.SGD([dict(group) for group in TWO_GROUPS], lr=0.1, momentum=0.5))
            for change in (change_rate_of_group, change_rate_of_group_and_frozen, change_rate_to_a_schedule)
        ),
        (change_frozen, nn.Adam),
        (change_frozen, lambda: Signs(lr=0.01)),
    ],
)
def test_what_a_callback_changes_of_the_optimizer_needs_no_new_recording(
    change: Any, optimizer: Any, every: str, monkeypatch: Any
) -> None:
    X, y = data(90, 3, 2)

    class Hears:
        def on_update(self, run: Any) -> None:
            change(run)

    options = {"batch_size": 16, "epochs": 4, "callbacks": Hears() if every == "update" else change}
    options |= {"optimizer": optimizer, "regularizer": nn.L2(0.01)}
    slow, _ = trained(lambda: nn.MLP(3, [4, 2], seed=4), X, y, True, monkeypatch, **options)
    made: list[str] = []
    record, update = updaters.recorded, Run.update
    monkeypatch.setattr(updaters, "recorded", lambda *a: [made.append("recorded"), record(*a)][1])
    monkeypatch.setattr(Run, "update", lambda *a: [made.append("eager"), update(*a)][1])
    fast, _ = trained(lambda: nn.MLP(3, [4, 2], seed=4), X, y, False, monkeypatch, **options)
    assert fast == slow
    assert made == ["recorded"]


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


def assign_in_a_thread(run: Any) -> None:
    thread = threading.Thread(target=setattr, args=(run.parameters[2], "data", 0.25 * run.updates))
    thread.start()
    thread.join()


WAYS: dict[str, Any] = {
    "data": lambda run: setattr(run.parameters[2], "data", 0.25 * run.updates),
    "the same number": lambda run: setattr(run.parameters[2], "data", run.parameters[2].data),
    "there and back": lambda run: [
        setattr(run.parameters[2], "data", number) for number in (5.0, run.parameters[2].data)
    ],
    "a vector": lambda run: ag.vector_to_parameters(
        0.5 * ag.parameters_to_vector(run.parameters), run.parameters
    ),
    "a state": lambda run: run.model.load_state_dict(
        {name: 0.5 * array for name, array in run.model.state_dict().items()}
    ),
    "a thread": assign_in_a_thread,
    "a new beginning": lambda run: run.parameters[2].__init__(0.25 * run.updates),
    "an optimizer's step": lambda run: nn.SGD(run.parameters, lr=0.1).step(),
}


@needs_compiler
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_assigning_a_parameter_at_an_update_counts(way: str, monkeypatch: Any) -> None:
    X, y = data(60, 3, 2)

    class Assigns:
        def on_update(self, run: Any) -> None:
            if run.updates % 3 == 0:
                WAYS[way](run)

    options = {"batch_size": 16, "epochs": 3, "callbacks": Assigns(), "optimizer": nn.Adam}
    slow, _ = trained(lambda: nn.MLP(3, [4, 2], seed=4), X, y, True, monkeypatch, **options)
    fast, run = trained(lambda: nn.MLP(3, [4, 2], seed=4), X, y, False, monkeypatch, **options)
    assert run.history.trained_on == "a Program, whole updates"
    assert repr(fast) == repr(slow)


@needs_compiler
def test_parameters_that_nobody_assigns_are_not_looked_at(monkeypatch: Any) -> None:
    looked: list[int] = []
    compare = batch_gradient.has_numbers
    monkeypatch.setattr(batch_gradient, "has_numbers", lambda *a: [looked.append(len(a[0])), compare(*a)][1])

    class Assigns:
        def on_update(self, run: Any) -> None:
            if run.updates == 3:
                run.parameters[0].data = 0.5

    X, y = data(60, 3, 2)
    model = nn.MLP(3, [4, 2], seed=4)
    history = nn.fit(model, X, y, batch_size=16, epochs=3, seed=1, callbacks=Assigns())
    assert history.trained_on == "a Program, whole updates"
    assert looked == [len(model.parameters())]


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


def _counted(x: Any) -> int:
    _counted.calls += 1  # type: ignore[attr-defined]
    return int(_counted.calls)  # type: ignore[attr-defined]


class Tally:
    """A list with an attribute."""

    __slots__ = ("__calls",)

    def __init__(self) -> None:
        self.__calls = 0

    def count(self) -> int:
        self.__calls += 1
        return self.__calls


class OwnList(list[Any]):
    calls = 0

    def count(self) -> int:
        self.calls = self.calls + 1
        return self.calls


def _stepped(held: Any) -> int:
    held[0] += 1
    return int(held[0])


def _grown(held: Any, item: Any) -> int:
    held.append(item)
    return len(held)


def _noted(held: Any) -> int:
    held.n += 1
    return int(held.n)


def _raised(held: Any) -> int:
    held.data += 1.0
    return int(held.data)


COUNTERS: dict[str, tuple[Any, Any]] = {
    "count": (itertools.count, next),
    "generator": (lambda: (n for n in range(10**6)), next),
    "deque": (lambda: collections.deque([0]), _stepped),
    "array": (lambda: array.array("l", [0]), _stepped),
    "array of objects": (lambda: np.array([0], dtype=object), _stepped),
    "namespace": (lambda: types.SimpleNamespace(n=0), _noted),
    "ctypes": (lambda: ctypes.c_int(0), lambda held: setattr(held, "value", held.value + 1) or held.value),
    "bytearray": (bytearray, lambda held: _grown(held, 1)),
    "list of None": (list, lambda held: _grown(held, None)),
    "list of Values": (list, lambda held: _grown(held, Value(1.0).detach())),
    "private slot": (Tally, Tally.count),
    "own list": (OwnList, OwnList.count),
    "constant": (lambda: Value(0.0).detach(), _raised),
    "function": (lambda: _counted, _counted),
}


class Counting(nn.Module):
    def __init__(self, kind: str) -> None:
        make, self._count = COUNTERS[kind]
        self._held = make()
        self.inner = nn.MLP(3, [4, 1], seed=1)

    def __call__(self, x: Any) -> Any:
        return self.inner(x) * (3.0 if self._count(self._held) > 10**5 else 1.0)


@needs_compiler
@pytest.mark.parametrize("kind", COUNTERS)
def test_wherever_a_model_counts_its_calls_it_is_not_frozen_into_a_program(kind: str) -> None:
    _counted.calls = 0  # type: ignore[attr-defined]
    X, _ = data(100, 3, 2)
    history = nn.fit(Counting(kind), X, X[:, 0], loss="mse", epochs=1, seed=0)
    assert (".data was read" if kind == "constant" else "count their calls") in history.trained_on
    assert history.trained_on.startswith("eager")


@needs_compiler
def test_a_model_that_holds_things_of_the_library_trains_on_a_program() -> None:
    class Named(nn.MLP):
        def __init__(self) -> None:
            super().__init__(3, [4, 1], seed=1)
            self._log, self._lock, self.path = logging.getLogger("named"), threading.Lock(), Path("x")
            self.options = types.SimpleNamespace(scale=Value(2.0))
            self.recent = collections.deque([None], maxlen=1)

        def __call__(self, x: Any) -> Any:
            with self._lock:
                self._log.debug("called")
                made = super().__call__(x) * self.options.scale
                self.recent.append(made)
                return made

    X, _ = data(100, 3, 2)
    history = nn.fit(Named(), X, X[:, 0], loss="mse", epochs=1, seed=0)
    assert history.trained_on == "a Program, whole updates"


@needs_compiler
def test_a_penalty_that_counts_its_calls_is_not_frozen_into_a_program() -> None:
    X, _ = data(100, 3, 2)
    calls = itertools.count(1)

    def annealed(model: Any) -> Any:
        return nn.L2(1e-3)(model) * min(1.0, next(calls) / 1000.0)

    history = nn.fit(
        nn.MLP(3, [4, 1], seed=1), X, X[:, 0], loss="mse", regularizer=annealed, epochs=1, seed=0
    )
    assert "count their calls" in history.trained_on


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


class Scaled(nn.Module):
    """Its factor lies where a snapshot does not look."""

    def __init__(self, factor: Any) -> None:
        self.inner, self._factor = nn.MLP(3, [4, 1], seed=1), factor

    def __call__(self, x: Any) -> Any:
        return self.inner(x) * float(self._factor.get())


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_change_that_no_snapshot_sees_counts_from_the_next_epoch_on(epoch: int, monkeypatch: Any) -> None:
    X, _ = data(100, 3, 2)
    found = []
    for eager in (False, True):
        if eager:
            monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
        factor = contextvars.ContextVar("factor", default=1.0)

        def change(run: Any, factor: Any = factor) -> None:
            if run.epoch == epoch:
                factor.set(2.0)

        model = Scaled(factor)
        nn.fit(model, X, X[:, 0], loss="mse", epochs=5, seed=0, callbacks=change)
        found.append([p.data for p in model.parameters()])
    assert found[0] == found[1]


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_a_limit_below_0_that_a_callback_sets_is_refused(name: str, eager: bool, monkeypatch: Any) -> None:
    X, y = data(100, 3, 2)
    if eager:
        monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)

    def change(run: Any) -> None:
        setattr(run.optimizer, name, -1.0)

    with pytest.raises(nn.InputError, match=r"must be a finite number > 0, not -1\.0"):
        nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, epochs=3, seed=0, callbacks=change)


class Numbers:
    """Looks at the run's numbers, and changes the rate."""

    def __init__(self) -> None:
        self.log, self.best = [], math.inf

    def on_update(self, run: Any) -> None:
        self.best = min(self.best, run.loss)
        self.log.append(
            (run.updates, run.loss, run.objective, run.gradient_norm, run.optimizer.lr, run.epoch)
        )
        if run.updates % 5 == 0:
            run.optimizer.lr = 0.9 * run.optimizer.lr
        self.helper(f"{run.epoch}")

    def helper(self, text: str) -> None:
        self.log.append(text)


class Raises(Numbers):
    def on_update(self, run: Any) -> None:
        self.log.append(run.loss)
        if run.updates == 9:
            self.log.append(1.0 / 0)


class SetsUpdates(Numbers):
    def on_update(self, run: Any) -> None:
        if run.updates == 7:
            run.optimizer.updates = 2


class SetsASchedule(Numbers):
    def on_update(self, run: Any) -> None:
        if run.updates == 7:
            run.optimizer.lr = _rate_by_values


class Reads(Numbers):
    def on_update(self, run: Any) -> None:
        self.log.append([(p.data, p.grad) for p in run.model.parameters()])


class ReadsAGlobal(Numbers):
    def on_update(self, run: Any) -> None:
        self.log.append(KEPT[0].layers[0].neurons[0].b.data)


class ReadsByAFunction(Numbers):
    def on_update(self, run: Any) -> None:
        self.log.append(_bias())


class CallsItself(Numbers):
    def __call__(self, run: Any) -> None:
        self.log.append(_bias())

    def on_update(self, run: Any) -> None:
        self(run)


class PassesItselfOn(CallsItself):
    def on_update(self, run: Any) -> None:
        self.log.extend(map(self, [run]))


class ReadsByFormat(Numbers):
    def on_update(self, run: Any) -> None:
        self.log.append(f"{run.parameters[0].data}")


class ByAnAttribute(Numbers):
    def __init__(self) -> None:
        super().__init__()
        self.model = KEPT[0]

    def on_update(self, run: Any) -> None:
        self.model.layers[0].neurons[0].b.data *= 0.99


class ByAProperty(Numbers):
    @property
    def bias(self) -> float:
        return _bias()

    def on_update(self, run: Any) -> None:
        self.log.append(self.bias)


class ReadsBuffers(Numbers):
    def on_update(self, run: Any) -> None:
        for buffer in run.optimizer.buffers.values():
            buffer *= 0.9


class Trains(Numbers):
    def on_update(self, run: Any) -> None:
        if run.updates == 3:
            self.log.append(1)
            run.model.freeze(run.model.parameters()[0])


class HasNamesOfARun(Numbers):
    """Attributes that a run and a model have as well."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.parts, self.neurons, self.b, self.data = "a name", [1.0], 0, 1, 2.0

    def on_update(self, run: Any) -> None:
        self.log.append(run.model.parts[0].neurons[0].b.data)


class HasAMethodOfARun(Numbers):
    def update(self, rows: Any) -> None:
        self.log.append(rows)

    def on_update(self, run: Any) -> None:
        self.update([1])


class ReadsAtTheEnd(Numbers):
    def __call__(self, run: Any) -> None:
        self.log.append([(p.data, p.grad) for p in run.model.parameters()])
        KEPT[0].layers[1].neurons[0].b.data *= 0.9


KEPT: list[Any] = [None]


def _bias() -> float:
    return float(KEPT[0].layers[0].neurons[0].b.data)


def _rate_by_values(k: int) -> float:
    return 0.01 * (1.0 + abs(_bias()))


BLIND = [Numbers, Raises, SetsUpdates, ReadsAtTheEnd]
SEEING = [
    Reads, ReadsAGlobal, ReadsByAFunction, CallsItself, PassesItselfOn, ReadsByFormat, ByAnAttribute,
    ByAProperty, HasAMethodOfARun, HasNamesOfARun, ReadsBuffers, SetsASchedule, Trains,
]  # fmt: skip


@needs_compiler
@pytest.mark.parametrize("kind", [*BLIND, *SEEING], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("rest", [{}, {"regularizer": nn.L2(0.01)}, {"optimizer": nn.SGD}, {"dropout": 0.5}])
def test_a_callback_at_each_update_sees_and_does_what_it_does_on_values(
    kind: Any, rest: Any, monkeypatch: Any
) -> None:
    eager, compiled = (_trained_with(kind, eager, rest, monkeypatch) for eager in (True, False))
    assert eager == compiled


def _trained_with(kind: Any, eager: bool, rest: Any, monkeypatch: Any) -> Any:
    X, y = data(70, 5, 3)
    options = {"optimizer": nn.Adam, "batch_size": 16, "epochs": 4, **rest}
    layers = [nn.Layer(5, 7, seed=1), nn.Layer(7, 3, nonlin=False, seed=3)]
    middle = [nn.Dropout(options.pop("dropout"), seed=2)] if "dropout" in rest else []
    model = nn.Sequential(layers[0], *middle, layers[1])
    KEPT[0], blind, looked = types.SimpleNamespace(layers=layers), set[bool](), Run._are_blind
    callback = kind()
    with monkeypatch.context() as patch:
        patch.setattr(Run, "_are_blind", lambda run: blind.add(looked(run)) or looked(run))
        try:
            what, _ = trained(lambda: model, X, y, eager, monkeypatch, callbacks=callback, **options)
        except ZeroDivisionError as error:
            what = str(error), [(p.data, p.grad) for p in model.parameters()], len(error.history)
    assert blind == {kind in BLIND and sys.gettrace() is None}
    return what, callback.log, callback.best


def test_words_for_callbacks_lead_from_a_run_to_numbers_alone() -> None:
    names = OF_CALLBACKS & {*dir(Run), *dir(nn.Adam), *dir(nn.History)}
    assert names == {"epoch", "lr", "objective", "optimizer", "seconds", "updates"}
    model = nn.MLP(2, [1], seed=1)
    runs: list[Any] = []
    nn.fit(model, [[1.0, 2.0]], [1.0], loss="mse", callbacks=runs.append, epochs=1)
    held = {name: vars(runs[0])[name] for name in OF_CALLBACKS & vars(runs[0]).keys()}
    assert held.keys() == {"gradient_norm", "history", "loss", "optimizer", "penalty", "updates"}


def _reads(history: Any) -> str:
    KEPT.append([p.data for p in KEPT[0].parameters()])
    return "far enough" if len(KEPT) == 4 else ""


def _writes(history: Any) -> str:
    KEPT[0].parameters()[0].data *= 0.5
    return ""


class Looks:
    def __call__(self, history: Any) -> str:
        KEPT[0].freeze(KEPT[0].parameters()[len(history)])
        return "far enough" if abs(KEPT[0].parameters()[0].data) < 1e-9 else ""


@needs_compiler
@pytest.mark.parametrize("stop", [_reads, _writes, Looks(), [lambda history: "", _reads]])
@pytest.mark.parametrize("validation", [False, True])
def test_a_criterion_that_reads_or_changes_the_model_finds_what_it_is_now(
    stop: Any, validation: bool, monkeypatch: Any
) -> None:
    X, y = data(70, 5, 3)
    found = []
    for eager in (True, False):
        KEPT[:] = [nn.MLP(5, [7, 3], seed=1)]
        options = {"batch_size": 16, "epochs": 6, "stop": stop, "validation": (X, y) if validation else None}
        made, run = trained(lambda: KEPT[0], X, y, eager, monkeypatch, optimizer=nn.Adam, **options)
        found.append((made, KEPT[1:], run.history.stopped))
    assert found[0] == found[1]
    assert run.is_watched


def test_a_criterion_that_looks_at_the_history_alone_costs_nothing() -> None:
    X, y = data(70, 5, 3)
    runs: list[Any] = []

    class Enough:
        def __init__(self) -> None:
            self.least = 0.01

        def __call__(self, history: Any) -> str:
            return "enough" if history[-1].loss < self.least or max(history["loss"]) > 1e3 else ""

    for stop in (Enough(), lambda history: history[-1].loss < 0.1 and "enough", nn.Patience(3, "loss")):
        looked = Run.reason_to_stop
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Run, "reason_to_stop", lambda run: runs.append(run) or looked(run))  # noqa: B023
            nn.fit(nn.MLP(5, [3], seed=1), X, y, stop=stop, epochs=3, seed=1)
    assert not any(run.is_watched for run in runs)


@needs_compiler
def test_a_progress_bar_of_ones_own_finds_the_model_as_it_is_now(monkeypatch: Any) -> None:
    class Bar:
        def __init__(self, **options: Any) -> None:
            pass

        def update(self, count: int) -> None:
            seen.append(KEPT[0].parameters()[0].data)

        set_postfix_str = update

        def close(self) -> None:
            seen.append(KEPT[0].parameters()[1].data)

    X, y = data(64, 5, 3)
    KEPT[:] = [nn.MLP(5, [7, 3], seed=1)]
    seen: list[float] = []
    nn.fit(KEPT[0], X, y, progress=Bar, batch_size=16, epochs=3, seed=1)
    assert len(set(seen)) > 3
    assert seen[-2:] == [p.data for p in KEPT[0].parameters()[:2]]
