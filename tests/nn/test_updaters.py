"""Training by a Program gives the bits of training on Values, and says when it cannot be used."""

from __future__ import annotations

import contextvars
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.calculus.updates import Update, ratio, root
from autograd_core.programs.batch_gradient import Trainer
from autograd_core.programs.tapes import compiled_module
from nn.data import Examples, fingerprint
from nn.training import loop as training
from nn.training.recording import Recording
from nn.training.updaters import EagerUpdates, WholeUpdates

needs_compiler = pytest.mark.skipif(compiled_module() is None, reason="the interpreter is not compiled")


def data(rows: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    return rng.normal(size=(rows, width)), rng.integers(0, classes, rows)


def trained(make: Callable[[], Any], X: Any, y: Any, eager: bool, monkeypatch: Any, **options: Any) -> Any:
    """Everything that training leaves behind; `eager` keeps programs away."""
    model, optimizer = make(), options.pop("optimizer")()
    runs: list[Any] = []
    with monkeypatch.context() as patch:
        original = training.updater_of

        def watched(run: Any) -> Any:
            runs.append(run)
            return EagerUpdates("the test asked for it") if eager else original(run)

        patch.setattr(training, "updater_of", watched)
        history = nn.fit(model, X, y, optimizer=optimizer, seed=5, **options)
    columns = [(e.updates, e.objective, e.loss, e.penalty, e.gradient_norm, e.lr) for e in history]
    parameters = [(p.data, p.grad) for p in model.parameters()]
    return (columns, parameters, optimizer.state_dict()), runs[0]


def assert_same(make: Callable[[], Any], X: Any, y: Any, monkeypatch: Any, **options: Any) -> None:
    slow, _ = trained(make, X, y, True, monkeypatch, **options)
    fast, run = trained(make, X, y, False, monkeypatch, **options)
    assert not run.updater.is_eager, run.updater.trained_on
    assert fast == slow


OPTIMIZERS = {
    "sgd": lambda: nn.SGD(lr=0.05),
    "momentum": lambda: nn.SGD(lr=0.05, momentum=0.9),
    "nesterov, clipped norm": lambda: nn.SGD(lr=0.05, momentum=0.9, nesterov=True, clip_norm=0.1),
    "adagrad": lambda: nn.Adagrad(lr=0.05),
    "rmsprop": lambda: nn.RMSprop(lr=0.01),
    "rmsprop, centered": lambda: nn.RMSprop(lr=0.01, centered=True),
    "rmsprop with momentum": lambda: nn.RMSprop(lr=0.01, momentum=0.5),
    "rmsprop, centered, with momentum": lambda: nn.RMSprop(lr=0.01, centered=True, momentum=0.5),
    "adam": lambda: nn.Adam(lr=0.01),
    "adamw, clipped values": lambda: nn.AdamW(lr=0.01, clip_value=0.01, clip_norm=0.02),
}


@needs_compiler
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_leaves_the_bits_of_training_on_values(name: str, monkeypatch: Any) -> None:
    X, y = data(60, 5, 3)
    options = {"batch_size": 16, "epochs": 3, "regularizer": nn.L2(0.01), "optimizer": OPTIMIZERS[name]}
    assert_same(lambda: nn.MLP(5, [7, 3], seed=1), X, y, monkeypatch, **options)


@needs_compiler
@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_cross_entropy", "hinge"])
def test_losses_of_numbers_leave_the_bits_of_training_on_values(loss: str, monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    targets = 2 * y - 1 if loss == "hinge" else y
    options = {"batch_size": 8, "epochs": 2, "loss": loss, "optimizer": lambda: nn.SGD(lr=0.02)}
    assert_same(lambda: nn.MLP(3, [4, 1], activation="tanh", seed=2), X, targets, monkeypatch, **options)


@needs_compiler
@pytest.mark.parametrize(
    "regularizer", [None, nn.L1(0.01), nn.ElasticNet(0.01, 0.3), nn.L2(0.1, biases=True)]
)
def test_regularizers_leave_the_bits_of_training_on_values(regularizer: Any, monkeypatch: Any) -> None:
    X, y = data(65, 4, 3)
    options = {
        "batch_size": 65,
        "epochs": 4,
        "regularizer": regularizer,
        "optimizer": lambda: nn.Adam(lr=0.01),
    }
    assert_same(lambda: nn.MLP(4, [5, 3], seed=4), X, y, monkeypatch, **options)


def smooth(model: Any) -> Any:
    """A penalty with a forward pass of its own: the outputs at a fixed point shall be small."""
    return 0.1 * ag.sum([value * value for value in model([0.5, -0.25, 0.125, 1.0])])


def branching(model: Any) -> Any:
    """A penalty that takes another branch once the parameters have moved."""
    w = model.parameters()[0]
    return 0.5 * w * w if w > 0.3 else 0.25 * w * w * w


class Jittered:
    """A penalty that depends on chance."""

    def __init__(self) -> None:
        self.generator = random.Random(5)

    def __call__(self, model: Any) -> Any:
        return nn.L2(0.01 * self.generator.random())(model)


@needs_compiler
@pytest.mark.parametrize("make_penalty", [lambda: smooth, lambda: branching, Jittered])
@pytest.mark.parametrize("optimizer", [lambda: nn.Adam(lr=0.05), lambda: Signs(lr=0.05)])
def test_penalties_of_any_shape_leave_the_bits_of_training_on_values(
    make_penalty: Any, optimizer: Any, monkeypatch: Any
) -> None:
    X, y = data(65, 4, 3)
    results = []
    for eager in (True, False):
        options = {"batch_size": 10, "epochs": 4, "regularizer": make_penalty(), "optimizer": optimizer}
        results.append(trained(lambda: nn.MLP(4, [5, 3], seed=4), X, y, eager, monkeypatch, **options))
    assert results[0][0] == results[1][0]
    assert not results[1][1].updater.is_eager


@needs_compiler
def test_callbacks_see_and_change_what_they_would_on_values(monkeypatch: Any) -> None:
    X, y = data(50, 3, 2)
    seen: list[list[float]] = []

    class Watch:
        def on_update(self, run: Any) -> None:
            seen.append([p.data for p in run.parameters] + [p.grad for p in run.parameters])
            run.parameters[0].data = 0.5

        def __call__(self, run: Any) -> bool:
            run.parameters[1].data *= 0.9
            return run.epoch == 2

    options = {"batch_size": 16, "epochs": 5, "callbacks": Watch(), "validation": (X, y)}
    for _ in range(2):
        assert_same(lambda: nn.MLP(3, [4, 2], seed=4), X, y, monkeypatch, optimizer=nn.SGD, **options)
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert half == 2 * 2 * 4


@needs_compiler
def test_a_changed_optimiser_is_taken_up_at_the_next_epoch(monkeypatch: Any) -> None:
    X, y = data(40, 3, 2)

    def slower(run: Any) -> None:
        run.optimizer.momentum *= 0.5

    options = {"batch_size": 16, "epochs": 5, "callbacks": slower}
    assert_same(
        lambda: nn.MLP(3, [4, 2], seed=4),
        X,
        y,
        monkeypatch,
        optimizer=lambda: nn.SGD(momentum=0.8),
        **options,
    )


@needs_compiler
@pytest.mark.parametrize("optimizer", [lambda: nn.SGD(momentum=0.8), lambda: Signs(lr=0.01), nn.Adam])
@pytest.mark.parametrize("in_place", [False, True])
def test_buffers_that_a_callback_resets_are_those_of_the_next_update(
    optimizer: Any, in_place: bool, monkeypatch: Any
) -> None:
    X, y = data(40, 3, 2)

    def reset(run: Any) -> None:
        if in_place:
            for buffer in run.optimizer.buffers.values():
                buffer *= 0.5
        else:
            run.optimizer.bind(run.parameters)

    options = {"batch_size": 16, "epochs": 5, "callbacks": reset}
    assert_same(lambda: nn.MLP(3, [4, 2], seed=4), X, y, monkeypatch, optimizer=optimizer, **options)


def tiny(output: Any, target: Any) -> Any:
    return 1e-150 * output * target  # the squares of its gradient vanish, and the norm is for math.hypot


@needs_compiler
def test_an_update_that_only_values_can_make_leaves_its_gradient(monkeypatch: Any) -> None:
    X, y = data(64, 2, 2)
    options = {"loss": tiny, "batch_size": 32, "epochs": 2, "optimizer": lambda: nn.SGD(lr=0.1)}
    assert_same(lambda: nn.MLP(2, [1], seed=1), X, y, monkeypatch, **options)


@needs_compiler
def test_the_rates_of_an_epoch_are_asked_once_however_many_updates_only_values_can_make(
    monkeypatch: Any,
) -> None:
    asked, left = 0, []
    update = WholeUpdates.eager_update
    monkeypatch.setattr(
        WholeUpdates, "eager_update", lambda self, *rest: (left.append(rest), update(self, *rest))
    )

    def rate(self: Any, k: int) -> float:
        nonlocal asked
        asked += 1
        return 0.1

    monkeypatch.setattr(nn.StepDecay, "__call__", rate)
    X, y = [[1.0], [-1.0]] * 100, [1.0, -1.0] * 100
    model = nn.MLP(1, [1], seed=1)
    optimizer = nn.SGD(lr=nn.StepDecay(0.1, every=9))
    history = nn.fit(model, X, y, loss=tiny, optimizer=optimizer, batch_size=1, epochs=2)
    assert history.trained_on.startswith("a Program")
    assert len(left) == 400
    assert asked <= 4 * 400


@needs_compiler
def test_a_run_that_diverges_raises_the_same_error_at_the_same_point(monkeypatch: Any) -> None:
    X, y = data(40, 3, 2)
    left, messages = [], []
    for eager in (True, False):
        model = nn.MLP(3, [4, 1], seed=4)
        with monkeypatch.context() as patch:
            if eager:
                patch.setattr(training, "updater_of", lambda run: EagerUpdates("the test asked for it"))
            with pytest.raises(nn.DivergenceError) as caught:
                nn.fit(
                    model, 1e3 * X, y, loss="mse", optimizer=nn.SGD(lr=10.0), batch_size=8, epochs=20, seed=1
                )
        left.append([p.data for p in model.parameters()])
        messages.append(str(caught.value))
    assert left[0] == left[1]
    assert messages[0] == messages[1]


@needs_compiler
def test_ctrl_c_leaves_whole_updates(monkeypatch: Any) -> None:
    import signal

    X, y = data(4000, 20, 2)
    model = nn.MLP(20, [32, 2], seed=4)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    runs: list[Any] = []

    def alarm(history: nn.History) -> str:  # when updates have been made, however long setting up took
        if len(history) == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
        return ""

    original = training.updater_of
    monkeypatch.setattr(training, "updater_of", lambda run: (runs.append(run), original(run))[1])
    try:
        optimizer = nn.SGD(lr=1e-6)
        with pytest.raises(KeyboardInterrupt):
            nn.fit(model, X, y, batch_size=20, epochs=10**6, optimizer=optimizer, seed=1, stop=alarm)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    state = runs[0].state
    assert [p.data for p in model.parameters()] == state.values.tolist()
    assert 200 * state.epoch + state.batch == state.updates > 0


# --- optimizers that are not compiled


class Signs(nn.Optimizer):
    """Sign descent with a fading mean, its rule alone its own (Chen et al. 2023, "Lion")."""

    buffer_names = ("mean",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        mean = 0.9 * buffers["mean"] + 0.1 * gradients
        return values - rate * np.sign(mean), {"mean": mean}


class Halved(nn.Adam):
    """Adam with a rule of its own."""

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        return super().rule(values, gradients * 0.5 + 0.1 * values, buffers, 0.5 * rate)


class Lookahead(nn.SGD):
    """SGD with a whole step of its own, which reads gradients and writes numbers where they are."""

    def step(self) -> None:
        super().step()
        for p in self.parameters:
            p.data = 0.9 * p.data + 0.1 * (p.data - self.lr * p.grad)


def patched() -> nn.SGD:
    optimizer = nn.SGD(lr=0.05)
    step = optimizer.step

    def twice() -> None:
        step()
        step()

    optimizer.step = twice  # type: ignore[method-assign]
    return optimizer


OWN = {
    "rule": lambda: Signs(lr=0.01),
    "rule of a subclass": lambda: Halved(lr=0.02, clip_norm=0.5),
    "step": lambda: Lookahead(lr=0.05, momentum=0.5),
    "step put onto the object": patched,
}


@needs_compiler
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("batch_size", [1, 16, 60])
def test_an_optimiser_of_ones_own_leaves_the_bits_of_training_on_values(
    name: str, batch_size: int, monkeypatch: Any
) -> None:
    X, y = data(60, 5, 3)
    options = {"batch_size": batch_size, "epochs": 3, "regularizer": nn.L2(0.01), "optimizer": OWN[name]}
    assert_same(lambda: nn.MLP(5, [7, 3], seed=1), X, y, monkeypatch, **options)


class Counting(nn.MLP):
    """How often the model itself is called: each call is a graph of Values."""

    calls: contextvars.ContextVar[list[int]] = contextvars.ContextVar("calls")  # where no snapshot looks

    def __call__(self, x: Any) -> Any:
        self.calls.get().append(0)
        return super().__call__(x)


@needs_compiler
@pytest.mark.parametrize(
    "options",
    [{"optimizer": Signs(lr=0.01)}, {"loss": "hinge"}, {"optimizer": Signs(lr=0.01), "loss": "hinge"}],
)
def test_the_model_is_not_called_for_what_the_program_does(options: dict[str, Any]) -> None:
    X, y = data(300, 5, 3)
    Counting.calls.set(calls := [])
    history = nn.fit(Counting(5, [7, 3], seed=1), X, y, epochs=4, **options)
    assert history.trained_on.startswith("a Program")
    assert len(calls) < 200  # 1200 on Values; the rest is recording and checking


@needs_compiler
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
@pytest.mark.parametrize("at", [1, 7, 8])
def test_an_own_optimiser_resumes_to_the_bits_of_an_uninterrupted_run(
    loss: str, at: int, tmp_path: Path
) -> None:
    X, y = data(60, 5, 3)

    class Stop:
        def on_update(self, run: Any) -> None:
            if run.updates == at:
                raise KeyboardInterrupt

    def options(path: Path) -> dict[str, Any]:
        return {
            "optimizer": Signs(lr=0.01),
            "loss": loss,
            "batch_size": 16,
            "epochs": 3,
            "seed": 3,
            "checkpoint": path,
        }

    whole, parts = nn.MLP(5, [7, 3], seed=1), nn.MLP(5, [7, 3], seed=1)
    nn.fit(whole, X, y, **options(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        nn.fit(parts, X, y, callbacks=Stop(), **options(tmp_path / "parts"))
    history = nn.fit(nn.MLP(5, [7, 3], seed=2), X, y, resume=True, **options(tmp_path / "parts"))
    again = nn.MLP(5, [7, 3], seed=2)
    nn.fit(again, X, y, resume=True, **options(tmp_path / "parts"))
    assert history.trained_on.startswith("a Program")
    assert [p.data for p in again.parameters()] == [p.data for p in whole.parameters()]


@needs_compiler
def test_an_interruption_within_an_own_step_leaves_whole_updates() -> None:
    X, y = data(60, 5, 3)
    seen: list[list[float]] = []

    class Breaking(nn.SGD):
        def step(self) -> None:
            seen.append([p.data for p in self.parameters])
            self.parameters[0].data = 99.0
            if len(seen) == 6:
                raise KeyboardInterrupt
            super().step()

    model = nn.MLP(5, [7, 3], seed=1)
    with pytest.raises(KeyboardInterrupt):
        nn.fit(model, X, y, optimizer=Breaking(lr=0.1), batch_size=16, epochs=9, seed=1)
    assert [p.data for p in model.parameters()] == seen[-1]


@needs_compiler
def test_an_own_optimiser_that_diverges_raises_the_same_error_at_the_same_point(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    found = []
    for eager in (True, False):
        model = nn.MLP(3, [4, 1], seed=4)
        with monkeypatch.context() as patch:
            if eager:
                patch.setattr(training, "updater_of", lambda run: EagerUpdates("the test asked for it"))
            with pytest.raises(nn.DivergenceError) as caught:
                nn.fit(
                    model,
                    1e3 * X,
                    y,
                    loss="mse",
                    optimizer=Lookahead(lr=9.0),
                    batch_size=8,
                    epochs=20,
                    seed=1,
                )
        found.append(([p.data for p in model.parameters()], str(caught.value)))
    assert found[0] == found[1]


# --- losses that choose by the target


def by_index(outputs: Any, label: int) -> Any:
    return ag.logsumexp(outputs) - outputs[int(label)]


def by_branch(outputs: Any, label: int) -> Any:
    return outputs[0] * outputs[0] if label == 0 else ag.exp(outputs[1]) * (0.5 if label == 1 else 0.25)


WEIGHTS = {0: 1.0, 1: 0.5, 2: 2.0}


def by_table(outputs: Any, label: int) -> Any:
    return WEIGHTS[label] * nn.cross_entropy(outputs, label)


@needs_compiler
@pytest.mark.parametrize("loss", [by_index, by_branch, by_table, "hinge"])
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: nn.Adam(lr=0.01), lambda: Signs(lr=0.01)])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_loss_that_chooses_by_the_label_leaves_the_bits_of_training_on_values(
    loss: Any, optimizer: Any, batch_size: int, monkeypatch: Any
) -> None:
    X, y = data(80, 4, 3)
    options = {"batch_size": batch_size, "epochs": 2, "loss": loss, "regularizer": nn.L1(0.01)}
    make = lambda: nn.MLP(4, [6, 5, 3], activation="tanh", seed=3)  # noqa: E731
    assert_same(make, X, y.tolist(), monkeypatch, optimizer=optimizer, **options)


@needs_compiler
def test_a_loss_that_takes_the_outputs_in_another_order_for_each_label_has_a_program_for_each(
    monkeypatch: Any,
) -> None:
    X, y = data(100, 16, 4)
    for seed, optimizer in enumerate((nn.SGD, lambda: nn.Adam(lr=0.1), lambda: Signs(lr=0.05))):
        make = lambda seed=seed: nn.MLP(16, [3, 4], activation="tanh", seed=seed)  # noqa: E731
        assert_same(
            make, X, y.tolist(), monkeypatch, loss="hinge", epochs=4, batch_size=3, optimizer=optimizer
        )


@needs_compiler
def test_labels_may_be_words(monkeypatch: Any) -> None:
    X, y = data(80, 4, 3)
    names = ["ant", "bee", "cat"]

    def loss(outputs: Any, name: str) -> Any:
        return nn.cross_entropy(outputs, names.index(name))

    words = [names[k] for k in y]
    options = {"epochs": 2, "loss": loss, "optimizer": nn.SGD}
    assert_same(lambda: nn.MLP(4, [6, 3], seed=3), X, words, monkeypatch, **options)


# --- what callbacks change


class Cooled(nn.MLP):
    """A model with a plain number of its own, which recording freezes."""

    _heat = 1.0

    def __call__(self, x: Any) -> Any:
        return [value * self._heat for value in super().__call__(x)]


class Growing:
    """A penalty with a plain number of its own."""

    def __init__(self) -> None:
        self.alpha = 0.01

    def __call__(self, model: Any) -> Any:
        return nn.L2(self.alpha)(model)


@needs_compiler
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: Signs(lr=0.01)])
def test_a_number_that_a_callback_changes_in_the_model_or_the_penalty_counts_at_once(
    optimizer: Any, monkeypatch: Any
) -> None:
    X, y = data(70, 3, 2)
    results = []
    for eager in (True, False):
        penalty = Growing()

        def change(run: Any, penalty: Growing = penalty) -> None:
            if run.epoch == 2:
                run.model._heat = 0.5
            penalty.alpha *= 2.0

        options = {"epochs": 4, "callbacks": change, "regularizer": penalty, "optimizer": optimizer}
        found, run = trained(lambda: Cooled(3, [4, 2], seed=4), X, y, eager, monkeypatch, **options)
        results.append(found)
        assert run.updater.is_eager == eager
    assert results[0] == results[1]


@needs_compiler
def test_a_number_that_changes_within_an_epoch_counts_at_once_and_the_rest_of_it_is_eager(
    monkeypatch: Any,
) -> None:
    X, y = data(70, 3, 2)
    told: list[str] = []

    class Cool:
        def on_update(self, run: Any) -> None:
            if run.updates == 6:
                run.model._heat = 0.5

        def __call__(self, run: Any) -> None:
            told.append(run.updater.trained_on)

    options = {"epochs": 4, "batch_size": 16, "callbacks": Cool(), "optimizer": nn.SGD}
    results = [
        trained(lambda: Cooled(3, [4, 2], seed=4), X, y, eager, monkeypatch, **options)[0]
        for eager in (True, False)
    ]
    assert results[0] == results[1]
    fast = "a Program, whole updates"
    assert told[4:] == [fast, "eager: a callback changes the model within an epoch", fast, fast]


def test_the_shuffle_is_the_same_compiled_or_not() -> None:
    from autograd_core.programs import interpreter
    from nn.training.minibatch import permutation

    compiled = [permutation(n, f"{n}:x").tolist() for n in (0, 1, 2, 7, 1000)]
    with interpreter("numpy"):
        plain = [permutation(n, f"{n}:x").tolist() for n in (0, 1, 2, 7, 1000)]
    assert compiled == plain
    assert sorted(plain[-1]) == list(range(1000))
    assert ag.COMPILED in (True, False)


@needs_compiler
def test_a_gradient_of_zero_needs_no_values(monkeypatch: Any) -> None:
    left: list[Any] = []
    update = WholeUpdates.eager_update
    monkeypatch.setattr(
        WholeUpdates, "eager_update", lambda self, *rest: (left.append(rest), update(self, *rest))
    )
    model = nn.MLP(1, [1], seed=0)
    model.parameters()[0].data = 5.0
    X, y = [[1.0], [-1.0]] * 50, [1.0, -1.0] * 50
    history = nn.fit(
        model, X, y, loss="hinge", optimizer=nn.SGD(lr=0.1, clip_norm=1.0), batch_size=2, epochs=3
    )
    assert history.trained_on.startswith("a Program")
    assert history[-1].gradient_norm == 0.0
    assert model.parameters()[0].data == 5.0
    assert not left


class Exchange:
    """After so many updates, a callback changes the model."""

    def __init__(self, at: int, change: Callable[[Any], None]) -> None:
        self.at, self.change = at, change

    def on_update(self, run: Any) -> None:
        if run.updates == self.at:
            self.change(run.model)


def tie(model: Any) -> None:
    model.layers[0].neurons[0].w[0] = model.layers[0].neurons[1].w[0]


def swap_activation(model: Any) -> None:
    model.layers[0].activation = "tanh"


def freeze(model: Any) -> None:
    model.layers[0].neurons[0].w[0] = ag.Value(0.25).detach()


@needs_compiler
@pytest.mark.parametrize("change", [tie, swap_activation, freeze])
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: Signs(lr=0.01)])
@pytest.mark.parametrize("at", [3, 5])
def test_a_plain_network_that_changes_within_an_epoch_counts_at_once(
    change: Any, optimizer: Any, at: int, monkeypatch: Any
) -> None:
    X, y = data(70, 3, 2)
    options = {"epochs": 3, "batch_size": 16, "callbacks": Exchange(at, change), "optimizer": optimizer}
    assert_same(lambda: nn.MLP(3, [4, 2], seed=4), X, y, monkeypatch, **options)


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("told", ["update", "epoch"])
def test_a_parameter_that_a_callback_puts_in_is_refused_since_it_would_not_be_trained(
    eager: bool, told: str, monkeypatch: Any
) -> None:
    X, y = data(70, 3, 2)

    def change(model: Any) -> None:
        model.layers[0].neurons[0].w[0] = ag.Value(0.25)

    callback = Exchange(2, change) if told == "update" else lambda run: change(run.model)
    with pytest.raises(nn.InputError, match="would not be trained") as caught:
        trained(
            lambda: nn.MLP(3, [4, 2], seed=4),
            X,
            y,
            eager,
            monkeypatch,
            optimizer=nn.SGD,
            batch_size=16,
            epochs=3,
            callbacks=callback,
        )
    assert len(caught.value.history) == 0


@pytest.mark.parametrize("eager", [True, False])
def test_examples_that_a_callback_changes_in_place_are_refused(eager: bool, monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)

    def jitter(run: Any) -> None:
        X[0] += 1.0

    make = lambda: nn.MLP(3, [4, 2], seed=4)  # noqa: E731
    with pytest.raises(nn.InputError, match="changed X in place"):
        trained(make, X, y, eager, monkeypatch, optimizer=nn.SGD, epochs=3, callbacks=jitter)


@needs_compiler
@pytest.mark.parametrize(("first", "then"), [(0.0, 0.9), (0.9, 0.0)])
@pytest.mark.parametrize("within", [True, False])
def test_momentum_may_come_and_go_during_a_run(
    first: float, then: float, within: bool, monkeypatch: Any, tmp_path: Path
) -> None:
    X, y = data(70, 3, 2)

    class Change:
        def on_update(self, run: Any) -> None:
            if within and run.updates == 3:
                run.optimizer.momentum = then

    def change(run: Any) -> None:
        run.optimizer.momentum = then

    options = {"epochs": 3, "batch_size": 16, "callbacks": Change() if within else change}
    make = lambda: nn.MLP(3, [4, 2], seed=4)  # noqa: E731
    assert_same(make, X, y, monkeypatch, optimizer=lambda: nn.SGD(lr=0.1, momentum=first), **options)
    whole, resumed, path = make(), make(), tmp_path / "run"

    def stop(run: Any) -> None:
        if run.epoch == 2:
            raise KeyboardInterrupt

    start = lambda: nn.SGD(lr=0.1, momentum=first)  # noqa: E731
    nn.fit(whole, X, y, seed=5, optimizer=start(), **options)
    both = {**options, "callbacks": [options["callbacks"], stop], "checkpoint": path}
    with pytest.raises(KeyboardInterrupt):
        nn.fit(resumed, X, y, seed=5, optimizer=start(), **both)
    nn.fit(resumed, X, y, seed=5, optimizer=start(), resume=True, checkpoint=path, **options)
    assert [p.data for p in resumed.parameters()] == [p.data for p in whole.parameters()]


@needs_compiler
def test_a_compiled_rule_is_not_used_without_the_buffers_it_needs() -> None:
    class Poor(nn.Adam):
        buffer_names = ()

    X, y = data(70, 3, 2)
    with pytest.raises(KeyError):
        nn.fit(nn.MLP(3, [4, 2], seed=4), X, y, optimizer=Poor(), epochs=2)


@needs_compiler
def test_a_compiled_rule_wants_its_own_buffers_and_settings() -> None:
    """`Trainer` itself refuses others, whoever asks."""
    w, rows = ag.Value(1.0), np.ones(4)
    program = ag.record(lambda x: w * x, 1.0)
    for rule, settings, buffers in (
        ("adam", (0.9, 0.999, 1e-8), 0),
        ("adam", (0.9, 0.999), 2),
        ("nesterov", (0.9,), 0),
        ("unknown", (), 0),
    ):
        with pytest.raises(ValueError, match=f"no rule '{rule}' of {buffers} buffers"):
            Trainer(program, [rows], 2, program.parameters, None, [(rule, settings, 0)], buffers)


class Watched(nn.Adam):
    """Adam with a buffer more, which its rule leaves alone."""

    buffer_names = ("mean", "squares", "seen")


@needs_compiler
def test_a_buffer_that_a_compiled_rule_does_not_know_stays(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    options = {"epochs": 3, "optimizer": lambda: Watched(lr=0.01)}
    assert_same(lambda: nn.MLP(3, [4, 2], seed=4), X, y, monkeypatch, **options)


def lion(x: Any, g: Any, buffers: Any, settings: Any, numbers: Any) -> Any:
    """Sign descent with a fading mean, for one parameter."""
    (mean,), (beta,), (rate,) = buffers, settings, numbers
    mean = beta * mean + (1.0 - beta) * g
    return x - rate * ratio(mean, root(mean * mean)), (mean,)


class Lion(nn.Optimizer):
    buffer_names = ("mean",)

    def update(self) -> Any:
        return Update("lion", ("mean",), ("beta",), lion), (0.9,)


@needs_compiler
def test_a_rule_of_ones_own_may_be_written_for_one_parameter(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    options = {"epochs": 3, "optimizer": lambda: Lion(lr=0.01)}
    assert_same(lambda: nn.MLP(3, [4, 2], seed=4), X, y, monkeypatch, **options)


@needs_compiler
@pytest.mark.parametrize(
    "what", ["nothing", "reads", "a buffer", "a zero's sign", "a number", "the count", "the rate"]
)
def test_what_a_callback_touches_between_updates_is_seen(what: str, monkeypatch: Any) -> None:
    X, y = data(90, 3, 2)

    class Listener:
        def on_update(self, run: Any) -> None:
            optimizer, bias = run.optimizer, run.model.layers[0].neurons[0].b
            if what == "reads":
                assert all(buffer.any() for buffer in optimizer.buffers.values())
            elif what == "a buffer":
                optimizer.buffers["mean"][:5] = 0.25
            elif what == "a zero's sign":
                bias.data = -0.0 if run.updates % 2 else 0.0
            elif what == "a number":
                bias.data += 0.5
            elif what == "the count":
                optimizer.updates += 1
            elif what == "the rate":
                optimizer.lr = 0.01 / run.updates

    def model() -> nn.MLP:
        return nn.MLP(3, [4, 2], seed=1)

    options = {"epochs": 3, "batch_size": 16, "callbacks": Listener()}
    assert_same(model, X, y, monkeypatch, optimizer=lambda: nn.Adam(lr=0.01), **options)
    _, run = trained(model, X, y, False, monkeypatch, optimizer=lambda: nn.Adam(lr=0.01), **options)
    assert run.updater.trained_on == "a Program, whole updates"


def _square(outputs, target):
    return (outputs - target[0]) ** 2


@pytest.mark.parametrize("part", ["y", "sample_weight", "validation X", "validation y"])
@pytest.mark.parametrize("kind", [np.array, list, lambda rows: [list(row) for row in rows]])
def test_targets_weights_and_validation_data_changed_in_place_are_refused_too(part, kind):
    X, weights = np.arange(160.0).reshape(80, 2) / 160.0, np.ones(80)
    y, held_out = kind(np.ones((80, 1))), (X[:4].copy(), kind(np.ones((4, 1))))
    parts = {
        "y": y,
        "sample_weight": weights[:, None],
        "validation X": held_out[0],
        "validation y": held_out[1],
    }

    def change(run):
        parts[part][0][0] = 5.0

    model = nn.MLP(2, [1], seed=1)
    with pytest.raises(nn.InputError, match=f"changed {part} in place"):
        nn.fit(
            model, X, y, loss=_square, sample_weight=weights, validation=held_out, epochs=2, seed=1,
            callbacks=change,
        )  # fmt: skip


def swapped(X: Any) -> None:
    X[:, [2, 5]] = X[:, [5, 2]]


def shuffled(X: Any) -> None:
    X[[7, 9]] = X[[9, 7]]


def nudged(X: Any) -> None:
    X[3, 4] = np.nextafter(X[3, 4], np.inf)


def negated(X: Any) -> None:
    X[5, 5] = -X[5, 5]


def two_negated(X: Any) -> None:
    X[5, 7:9] = -X[5, 7:9]


def all_negated(X: Any) -> None:
    X *= -1.0


@pytest.mark.parametrize("change", [swapped, shuffled, nudged, negated, two_negated, all_negated])
def test_a_large_array_is_looked_at_by_sums_that_every_change_changes(change: Any) -> None:
    X = np.random.default_rng(0).normal(size=(2000, 600))
    X[5, 5] = 0.0
    before = fingerprint(Examples(X, np.zeros(2000)))
    assert len(before["X"]) == 8 * 2000
    assert fingerprint(Examples(X.copy(), np.zeros(2000))) == before
    change(X)
    assert fingerprint(Examples(X, np.zeros(2000)))["X"] != before["X"]


def test_large_rows_of_zeros_and_ones_are_told_apart() -> None:
    rows = (np.random.default_rng(0).random((2000, 600)) < 0.2).astype(np.float64)
    found = np.frombuffer(fingerprint(Examples(rows, np.zeros(2000)))["X"], dtype=np.uint64)
    assert len(set(found.tolist())) == len(np.unique(rows, axis=0)) == 2000


def test_targets_that_are_arrays_of_many_numbers_are_looked_at_to_the_end() -> None:
    y: list[Any] = [np.zeros(2000), np.zeros(3)]
    before = fingerprint(Examples(np.zeros((2, 1)), y))
    y[0][1000] = 1e-12
    assert fingerprint(Examples(np.zeros((2, 1)), y)) != before


class Silent:
    def on_update(self, run: Any) -> None:
        pass


class Pooled(nn.Module):
    """Max pooling by Python's max: 2 to the power of `width` paths."""

    def __init__(self, width: int) -> None:
        self.first = nn.Layer(6, 2 * width, nonlin=False, seed=1)
        self.last = nn.Layer(width, 3, nonlin=False, seed=2)

    def __call__(self, x: Any) -> Any:
        h = self.first(x)
        return self.last([max(h[i], h[i + 1]) for i in range(0, len(h), 2)])


@needs_compiler
def test_rows_of_many_paths_run_on_their_programs(monkeypatch: Any) -> None:
    X, y = data(150, 6, 3)
    recordings: list[int] = []
    another = Recording.another_path
    monkeypatch.setattr(
        Recording, "another_path", lambda self, i: [recordings.append(i), another(self, i)][1]
    )
    assert_same(lambda: Pooled(4), X, y, monkeypatch, optimizer=lambda: nn.Adam(lr=0.05), epochs=5)
    assert len(recordings) <= 2 * 16  # while it is checked, and in training: each path once


@needs_compiler
@pytest.mark.parametrize("callbacks", [(), lambda run: None, Silent()])
def test_where_rows_take_more_paths_than_are_recorded_the_run_goes_on_eagerly(
    callbacks: Any, monkeypatch: Any
) -> None:
    X, y = data(200, 6, 3)
    recordings: list[int] = []
    another = Recording.another_path
    monkeypatch.setattr(
        Recording, "another_path", lambda self, i: [recordings.append(i), another(self, i)][1]
    )
    made = {"optimizer": lambda: nn.Adam(lr=0.05), "epochs": 4, "callbacks": callbacks}
    slow, _ = trained(lambda: Pooled(8), X, y, True, monkeypatch, **made)
    monkeypatch.setattr("nn.training.eager.slowness", lambda run: 5.0)
    monkeypatch.setattr("nn.training.eager._LONG", 100)
    with pytest.warns(nn.SlowTrainingWarning, match="more branches than can be recorded.*maximum, minimum"):
        fast, run = trained(lambda: Pooled(8), X, y, False, monkeypatch, **made)
    assert fast == slow
    assert run.history.trained_on.startswith("eager: its graph has no fixed shape (examples take more")
    assert len(recordings) <= 2 * 64


@needs_compiler
@pytest.mark.parametrize("batch_size", [1, 4, 8, 16])
def test_a_run_that_leaves_its_programs_within_an_epoch_goes_on_from_there(
    batch_size: int, monkeypatch: Any
) -> None:
    X, y = data(200, 6, 3)
    made = {"optimizer": lambda: nn.SGD(lr=0.1), "epochs": 2, "batch_size": batch_size}
    runs = [trained(lambda: Pooled(8), X, y, eager, monkeypatch, **made) for eager in (True, False)]
    assert runs[0][0] == runs[1][0]
    assert "more branches" in runs[1][1].history.trained_on
