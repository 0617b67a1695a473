"""Blocks: what they compute, against PyTorch, and that they train on Programs to the eager bits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import nn
from autograd_core import Value, dot, record
from nn import random_inputs
from nn.errors import InputError
from nn.training.minibatch import epoch_order
from tests.nn.test_updaters import Signs, assert_same, by_index, data, needs_compiler


def dropped(p: float = 0.4) -> nn.Sequential:
    return nn.Sequential(nn.Layer(5, 8, seed=1), nn.Dropout(p, seed=2), nn.Layer(8, 3, nonlin=False, seed=3))


def two_generators() -> nn.Sequential:
    shared = np.random.default_rng(5)
    return nn.Sequential(
        nn.GaussianNoise(0.1, seed=shared),
        nn.Layer(5, 6, seed=1),
        nn.Dropout(0.2, seed=shared),  # one generator, drawn from in two ways
        nn.Residual(nn.Sequential(nn.Dropout(0.5, seed=7), nn.Layer(6, 6, activation="tanh", seed=2))),
        nn.LayerNorm(6),
        nn.Layer(6, 3, nonlin=False, seed=3),
    )


class Twice(nn.Module):
    """One dropout layer that is used twice in an example."""

    def __init__(self) -> None:
        self.drop = nn.Dropout(0.3, seed=1)
        self.first, self.last = nn.Layer(5, 4, seed=1), nn.Layer(4, 3, nonlin=False, seed=2)

    def __call__(self, x: Any) -> Any:
        return self.last(self.drop(self.first(self.drop(x))))


class Words(nn.Module):
    """Two indices and a number: a table shared by both."""

    def __init__(self) -> None:
        self.words = nn.Embedding(6, 3, seed=1)
        self.layer = nn.Layer(7, 6, activation="tanh", seed=2)

    def __call__(self, x: Any) -> Any:
        return self.layer([*self.words(x[:2]), x[2]])


@needs_compiler
@pytest.mark.parametrize("make", [dropped, two_generators, Twice])
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: nn.Adam(lr=0.01), lambda: Signs(lr=0.01)])
@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", by_index])
def test_random_inputs_leave_the_bits_of_eager_training(
    make: Any, optimizer: Any, loss: Any, monkeypatch: Any
) -> None:
    X, y = data(75, 5, 3)
    options = {"batch_size": 16, "epochs": 3, "loss": loss, "optimizer": optimizer, "validation": (X, y)}
    assert_same(make, X, y, monkeypatch, **options)


@needs_compiler
def test_random_inputs_are_drawn_alike_where_a_callback_listens_and_where_updates_are_eager(
    monkeypatch: Any,
) -> None:
    X, y = data(75, 5, 3)

    class Push:
        def on_update(self, run: Any) -> None:
            run.parameters[0].data *= 0.9

    for optimizer in (nn.SGD, lambda: Signs(lr=0.01)):
        options = {"batch_size": 16, "epochs": 3, "callbacks": Push(), "optimizer": optimizer}
        assert_same(dropped, X, y, monkeypatch, **options)
    tiny = {"loss": lambda f, y: 1e-150 * f[0] * f[1], "batch_size": 16, "epochs": 2}
    assert_same(dropped, X, y, monkeypatch, optimizer=nn.SGD, **tiny)


@needs_compiler
@pytest.mark.parametrize("loss", ["cross_entropy", by_index])
def test_an_embedding_leaves_the_bits_of_eager_training(loss: Any, monkeypatch: Any) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 6, 90), rng.integers(0, 6, 90), rng.normal(size=90)])
    options = {"loss": loss, "epochs": 3, "optimizer": nn.Adam, "batch_size": 16}
    assert_same(Words, X, rng.integers(0, 6, 90), monkeypatch, **options)


def test_an_index_that_there_is_not_is_refused_wherever_it_is() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 6, (300, 3)).astype(float)
    for wrong in (6.0, -1.0, 0.5):
        X[217, 1] = wrong
        with pytest.raises(InputError, match=r"an index is a whole number in 0 \.\. 5"):
            nn.fit(Words(), X, rng.integers(0, 6, 300), epochs=2)
        with pytest.raises(InputError, match=r"an index is a whole number in 0 \.\. 5"):
            nn.predict(Words(), X)


def test_dropout_draws_only_while_a_model_is_trained() -> None:
    layer = nn.Dropout(0.5, seed=0)
    x = [Value(float(k)) for k in range(1, 201)]
    assert [v.data for v in layer(x)] == [v.data for v in x]
    with nn.train_mode():
        kept = [v.data for v in layer(x)]
        with nn.train_mode(False):
            assert not nn.is_training()
    assert {b / a for a, b in zip(range(1, 201), kept, strict=True)} == {0.0, 2.0}
    assert 60 < kept.count(0.0) < 140


def test_predictions_of_a_model_with_dropout_are_those_without_it() -> None:
    X, y = data(75, 5, 3)
    model = dropped()
    nn.fit(model, X, y, epochs=2, seed=1)
    plain = nn.Sequential(model.parts[0], model.parts[2])
    assert nn.predict(model, X) == nn.predict(plain, X)


@pytest.mark.parametrize("at", [1, 4, 7, 12])
@pytest.mark.parametrize("make", [dropped, two_generators])
def test_a_run_with_dropout_resumes_to_the_bits_of_an_uninterrupted_one(
    make: Any, at: int, tmp_path: Any
) -> None:
    X, y = data(75, 5, 3)

    class Stop:
        def on_update(self, run: Any) -> None:
            if run.updates == at:
                raise KeyboardInterrupt

    options = {"optimizer": nn.Adam, "batch_size": 16, "epochs": 3, "seed": 3}
    whole, resumed = make(), make()
    nn.fit(whole, X, y, **{**options, "optimizer": nn.Adam()})
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        nn.fit(make(), X, y, callbacks=Stop(), checkpoint=path, **{**options, "optimizer": nn.Adam()})
    nn.fit(resumed, X, y, checkpoint=path, resume=True, **{**options, "optimizer": nn.Adam()})
    assert [p.data for p in resumed.parameters()] == [p.data for p in whole.parameters()]


def test_layer_norm_is_pytorchs() -> None:
    x = [0.5, -1.5, 2.0, 0.25]
    ours, theirs = nn.LayerNorm(4), torch.nn.LayerNorm(4, dtype=torch.float64)
    inputs, tensor = [Value(v) for v in x], torch.tensor(x, dtype=torch.float64, requires_grad=True)
    outputs, expected = ours(inputs), theirs(tensor)
    assert [v.data for v in outputs] == pytest.approx(expected.tolist(), rel=1e-13)
    (outputs[0] * outputs[1]).backward()
    (expected[0] * expected[1]).backward()
    assert [v.grad for v in inputs] == pytest.approx(tensor.grad.tolist(), rel=1e-10)


def test_tied_weights_are_one_parameter() -> None:
    layer = nn.Layer(3, 3, seed=1)
    model = nn.Sequential(layer, nn.Residual(layer), layer)
    assert len(model.parameters()) == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Dropout(1.0), r"p must be a number in \[0, 1\)"),
        (lambda: nn.Dropout("half"), r"p must be a number in \[0, 1\)"),
        (lambda: nn.GaussianNoise(0.0), "std must be a finite number > 0"),
        (lambda: nn.LayerNorm(0), "count must be"),
        (lambda: nn.LayerNorm(2)([1.0]), "takes 2 numbers and got 1"),
        (lambda: nn.Residual(nn.Layer(2, 3))([1.0, 2.0]), "takes 2 numbers and gives 3"),
        (lambda: nn.Sequential(), "at least one part"),
        (lambda: nn.Sequential(nn.Dropout), "a part is a module or a function"),
        (lambda: nn.RandomInput(kind="poisson"), "kind is"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def interrupted_at(event: int, work: Callable[[], Any]) -> BaseException | None:
    """The KeyboardInterrupt raised at the so-many-th line of nn/random_inputs.py; None if it runs fewer."""
    seen = 0

    def trace(frame: Any, kind: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != random_inputs.__file__:
            return None
        if kind == "line":
            seen += 1
            if seen == event:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt as error:
        return error
    finally:
        sys.settrace(before)
    return None


def test_ctrl_c_at_any_line_leaves_layers_drawing_as_before() -> None:
    X, y = data(60, 5, 3)

    def work() -> None:
        nn.fit(dropped(), X, y, epochs=2, batch_size=20, optimizer=nn.SGD(lr=0.1), seed=1)

    event, errors = 1, []
    while error := interrupted_at(event, work):
        errors.append(error)  # a notebook keeps the last one, and with it the blocks that were interrupted
        assert not nn.is_training(), f"line event {event}"
        assert random_inputs._feed.get() is None, f"line event {event}"
        event += 1 if event < 40 else event
    assert event > 80


@pytest.mark.parametrize("eager", [True, False])
def test_a_share_that_a_callback_changes_holds_at_once(eager: bool, monkeypatch: Any) -> None:
    if eager:
        monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
    drop, noise = nn.Dropout(0.0, seed=1), nn.GaussianNoise(0.1, seed=2)
    model = nn.Sequential(nn.Layer(2, 4, activation="tanh", seed=3), drop, noise, nn.Neuron(4, seed=4))
    X, kept = np.random.default_rng(0).normal(size=(100, 2)), []

    def change(run: Any) -> None:
        drop.p, noise.std = 0.2 * run.epoch, 0.5
        kept.append([p.data for p in run.parameters])

    nn.fit(model, X, X[:, 0], loss="mse", epochs=3, seed=1, callbacks=change)
    peer = nn.Sequential(
        nn.Layer(2, 4, activation="tanh", seed=3), drop := nn.Dropout(0.0, seed=1),
        noise := nn.GaussianNoise(0.1, seed=2), nn.Neuron(4, seed=4),
    )  # fmt: skip
    assert repr(drop) == "Dropout(0.0)"
    optimizer, epochs = nn.SGD(peer.parameters(), lr=0.01), iter(kept)
    with nn.train_mode():
        for epoch in range(3):
            for rows in np.split(epoch_order(100, 1, epoch), [32, 64, 96]):
                optimizer.zero_grad()
                for i in rows.tolist():
                    nn.mse(peer(X[i].tolist()), float(X[i, 0])).backward()
                for p in peer.parameters():
                    p.grad = p.grad / len(rows)
                optimizer.step()
            assert [p.data for p in peer.parameters()] == next(epochs)
            drop.p, noise.std = 0.2 * (epoch + 1), 0.5
    with nn.train_mode():
        drop.p = 0.75
        assert {h.data for h in drop([1.0] * 50)} == {0.0, 4.0}


class Hidden(nn.Module):
    """A layer that draws, where `named_modules` does not look."""

    def __init__(self) -> None:
        self.inner, self._drop = nn.Layer(2, 4, seed=3), nn.Dropout(0.5, seed=1)
        self.out = nn.Neuron(4, seed=4)

    def __call__(self, x: Any) -> Any:
        return self.out(self._drop(self.inner(x)))


class Dropping:
    """A loss that draws."""

    def __init__(self) -> None:
        self.drop = nn.Dropout(0.5, seed=1)

    def __call__(self, outputs: Any, target: Any) -> Any:
        return (self.drop([outputs])[0] - target) ** 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: (Hidden(), "mse"),
        lambda: (nn.MLP(2, [4, 1], seed=1), Dropping()),
    ],
)
@pytest.mark.parametrize("eager", [True, False])
def test_generators_of_layers_that_are_held_anywhere_are_put_back_and_resumed(
    make: Any, eager: bool, monkeypatch: Any, tmp_path: Any
) -> None:
    if eager:
        monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
    X = np.random.default_rng(0).normal(size=(100, 2))

    def trained(*epochs: int) -> list[float]:
        for count in epochs:
            model, loss = make()
            options = {"checkpoint": tmp_path / f"{len(epochs)}.safetensors", "resume": True}
            nn.fit(model, X, X[:, 0], loss=loss, epochs=count, seed=1, **options)
        return [p.data for p in model.parameters()]

    once = trained(3)
    assert trained(1, 3) == once
    monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
    for file in tmp_path.iterdir():
        file.unlink()
    assert trained(3) == once


@pytest.mark.parametrize("size", [1.0, 1e153, 1e154, 3e155, 1e200, 1.7e308])
def test_layer_norm_and_its_derivative_are_right_for_numbers_of_any_size(size: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    numbers, factors, norm = [size, -0.75 * size, 0.25 * size], (1.0, -2.0, 0.5), nn.LayerNorm(3)

    def exact(*x: Any) -> Any:
        mean = sum(x) / 3
        root = mpmath.sqrt(sum((h - mean) ** 2 for h in x) / 3 + mpmath.mpf(norm.eps))
        return [(h - mean) / root for h in x]

    def combined(*x: Any) -> Any:
        return sum(w * h for w, h in zip(factors, exact(*x), strict=True))

    inputs = [Value(h) for h in numbers]
    outputs = norm(inputs)
    dot(factors, outputs).backward()
    program = record(norm, [1.0, 2.0, 4.0])
    with mpmath.workdps(60):
        x = [mpmath.mpf(h) for h in numbers]
        for k in range(3):
            assert abs(outputs[k].data / exact(*x)[k] - 1) < 1e-15
            slope = mpmath.diff(combined, x, tuple(int(i == k) for i in range(3)), h=size * 1e-20)
            assert abs(inputs[k].grad - slope) <= abs(slope) * 1e-14 + 5e-324
    assert program([numbers])[0].tolist() == [h.data for h in outputs]
