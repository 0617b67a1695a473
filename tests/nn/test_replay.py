"""Training by a Program gives the bits of training on Values, and says when it cannot be used."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.program import _interpreter
from nn import training

needs_compiler = pytest.mark.skipif(_interpreter() is None, reason="the interpreter is not compiled")


def data(rows: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    return rng.normal(size=(rows, width)), rng.integers(0, classes, rows)


def trained(
    make: Callable[[], Any], X: Any, y: Any, on_values: bool, monkeypatch: Any, **options: Any
) -> Any:
    """Everything that training leaves behind; `on_values` keeps programs away."""
    model, optimizer = make(), options.pop("optimizer")()
    runs: list[Any] = []
    with monkeypatch.context() as patch:
        original = training.replay_of

        def watched(run: Any) -> Any:
            runs.append(run)
            return (None, "the test asked for it") if on_values else original(run)

        patch.setattr(training, "replay_of", watched)
        history = nn.fit(model, X, y, optimizer=optimizer, seed=5, **options)
    columns = [(e.updates, e.objective, e.loss, e.penalty, e.gradient_norm, e.lr) for e in history]
    parameters = [(p.data, p.grad) for p in model.parameters()]
    return (columns, parameters, optimizer.state_dict()), runs[0]


def assert_same(make: Callable[[], Any], X: Any, y: Any, monkeypatch: Any, **options: Any) -> None:
    slow, _ = trained(make, X, y, True, monkeypatch, **options)
    fast, run = trained(make, X, y, False, monkeypatch, **options)
    assert run.replay is not None, run.on_values_because
    assert fast == slow


OPTIMIZERS = {
    "sgd": lambda: nn.SGD(lr=0.05),
    "momentum": lambda: nn.SGD(lr=0.05, momentum=0.9),
    "nesterov, clipped norm": lambda: nn.SGD(lr=0.05, momentum=0.9, nesterov=True, clip_norm=0.1),
    "adagrad": lambda: nn.Adagrad(lr=0.05),
    "rmsprop": lambda: nn.RMSprop(lr=0.01),
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
def test_regularisers_leave_the_bits_of_training_on_values(regularizer: Any, monkeypatch: Any) -> None:
    X, y = data(65, 4, 3)
    options = {
        "batch_size": 65,
        "epochs": 4,
        "regularizer": regularizer,
        "optimizer": lambda: nn.Adam(lr=0.01),
    }
    assert_same(lambda: nn.MLP(4, [5, 3], seed=4), X, y, monkeypatch, **options)


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
def test_a_run_that_diverges_raises_the_same_error_at_the_same_point(monkeypatch: Any) -> None:
    X, y = data(40, 3, 2)
    left, messages = [], []
    for on_values in (True, False):
        model = nn.MLP(3, [4, 1], seed=4)
        with monkeypatch.context() as patch:
            if on_values:
                patch.setattr(training, "replay_of", lambda run: (None, "the test asked for it"))
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
    original = training.replay_of
    monkeypatch.setattr(training, "replay_of", lambda run: (runs.append(run), original(run))[1])
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.7)
        with pytest.raises(KeyboardInterrupt):
            nn.fit(model, X, y, batch_size=20, epochs=10**6, optimizer=nn.SGD(lr=1e-6), seed=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    point = runs[0].point
    assert [p.data for p in model.parameters()] == point.values
    assert 200 * point.epoch + point.batch == point.updates > 0


def test_a_model_that_draws_random_numbers_is_trained_on_values(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)

    class Noisy(nn.MLP):
        def __call__(self, x: Any) -> Any:
            return [value * random.random() for value in super().__call__(x)]

    random.seed(1)
    assert reason(lambda: Noisy(3, [4, 2], seed=1), X, y, monkeypatch) == "the model draws random numbers"


def test_a_model_with_branches_on_its_numbers_is_trained_on_values(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)

    class Branching(nn.MLP):
        def __call__(self, x: Any) -> Any:
            outputs = super().__call__(x)
            return outputs if outputs[0] > outputs[1] else [2.0 * v for v in outputs]

    class Equal(nn.MLP):
        def __call__(self, x: Any) -> Any:
            outputs = super().__call__(x)
            return outputs if x[0] == 0.0 else [2.0 * v for v in outputs]

    class Reading(nn.MLP):
        def __call__(self, x: Any) -> Any:
            outputs = super().__call__(x)
            return [v * outputs[0].data for v in outputs]

    X[::2, 0] = 0.0
    for kind in (Branching, Equal, Reading):
        assert "its graph" in reason(lambda kind=kind: kind(3, [4, 2], seed=1), X, y, monkeypatch)


def reason(make: Callable[[], Any], X: Any, y: Any, monkeypatch: Any) -> str:
    if _interpreter() is None:
        pytest.skip("the interpreter is not compiled")
    _, run = trained(make, X, y, False, monkeypatch, optimizer=nn.SGD, batch_size=16, epochs=2)
    assert run.replay is None
    return run.on_values_because


@needs_compiler
def test_the_progress_line_tells_why_training_is_on_values() -> None:
    X, y = data(70, 3, 2)
    lines: list[str] = []

    class Bar:
        def __init__(self, **_: Any) -> None: ...
        def update(self, count: int) -> None: ...
        def close(self) -> None: ...
        def set_postfix_str(self, text: str) -> None:
            lines.append(text)

    class Mine(nn.SGD): ...

    nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, optimizer=Mine(), epochs=2, progress=Bar)
    nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, optimizer=nn.SGD(), epochs=2, progress=Bar)
    assert all("on Values: Mine is an optimiser of your own" in line for line in lines[:2])
    assert not any("on Values" in line for line in lines[2:])


def test_the_shuffle_is_the_same_compiled_or_not(monkeypatch: Any) -> None:
    from autograd_core import program_training

    compiled = [program_training.permutation(n, f"{n}:x").tolist() for n in (0, 1, 2, 7, 1000)]
    monkeypatch.setattr(program_training, "_interpreter", lambda: None)
    plain = [program_training.permutation(n, f"{n}:x").tolist() for n in (0, 1, 2, 7, 1000)]
    assert compiled == plain
    assert sorted(plain[-1]) == list(range(1000))
    assert ag.COMPILED in (True, False)
