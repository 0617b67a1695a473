"""ReduceOnPlateau, EarlyStopping, the learning-rate finder, tied weights and several inputs."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nn
from nn.errors import InputError
from nn.history import Epoch, History
from tests.nn.test_updaters import assert_same, data, needs_compiler


def epoch(k: int, loss: float, accuracy: float | None = None) -> Epoch:
    return Epoch(k + 1, k + 1, loss, loss, 0.0, 1.0, 0.1, 0.0, loss, accuracy)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 0, "cooldown": 3, "factor": 0.5},
        {"patience": 1, "threshold": 0.2, "threshold_mode": "abs", "min_lr": 1e-4},
        {"patience": 1, "threshold": 0.3, "eps": 1e-3},
    ],
)
@pytest.mark.parametrize("rises", [False, True])
def test_rates_fall_as_pytorchs(options: dict[str, Any], rises: bool) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(3).normal(1.0, 0.4, 80).tolist()
    values[20] = float("nan")
    peer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        peer, mode="max" if rises else "min", **{"factor": 0.1, **options}
    )
    quantity = "validation_accuracy" if rises else "validation_loss"
    mine = nn.ReduceOnPlateau(quantity, **options)
    optimizer = nn.SGD(lr=0.1)
    run = SimpleNamespace(history=History(), optimizer=optimizer)
    for k, value in enumerate(values):
        run.history.epochs.append(epoch(k, value, value))
        mine(run)  # type: ignore[arg-type]
        scheduler.step(value)
        assert optimizer.lr == pytest.approx(peer.param_groups[0]["lr"], rel=1e-12)


def test_a_resumed_run_goes_on_with_the_same_rates(tmp_path: Path) -> None:
    X, y = data(60, 3, 2)

    def run_of(epochs: int, **options: Any) -> list[float]:
        plateau = nn.ReduceOnPlateau("validation_loss", factor=0.5, patience=1, threshold=0.05)
        optimizer = nn.SGD([{"params": "layer1", "lr": 0.2}], lr=0.1)
        model = nn.MLP(3, [4, 2], seed=1)
        history = nn.fit(
            model,
            X,
            y,
            optimizer=optimizer,
            validation=(X, y),
            callbacks=plateau,
            epochs=epochs,
            seed=1,
            **options,
        )
        return [*history["lr"], optimizer.param_groups[0]["lr"], *(p.data for p in model.parameters())]

    whole = run_of(14)
    assert whole[13] < 0.1
    assert whole[14] < 0.2
    run_of(7, checkpoint=tmp_path / "run")
    assert run_of(14, checkpoint=tmp_path / "run", resume=True) == whole


def test_slips_of_plateaus_are_told() -> None:
    with pytest.raises(InputError, match="factor must be a number in"):
        nn.ReduceOnPlateau(factor=1.5)
    with pytest.raises(InputError, match="no threshold_mode is named 'relative'"):
        nn.ReduceOnPlateau(threshold_mode="relative")
    with pytest.raises(InputError, match="patience must be"):
        nn.ReduceOnPlateau(patience=-1)
    X, y = data(20, 3, 2)
    model, plateau = nn.MLP(3, [2], seed=1), nn.ReduceOnPlateau("loss", patience=0, threshold=0.9)
    with pytest.raises(InputError, match="sets the learning rate, and so does"):
        nn.fit(model, X, y, epochs=9, callbacks=plateau, optimizer=nn.SGD(lr=nn.StepDecay(0.1, 5)))
    with pytest.raises(InputError, match="watches validation_loss: give validation="):
        nn.fit(model, X, y, epochs=9, callbacks=nn.ReduceOnPlateau())


def test_early_stopping_is_patience_by_other_names() -> None:
    X, y = data(60, 3, 2)
    found = []
    for stop in (
        nn.Patience(2, "validation_loss", 0.01, restore_best=True),
        nn.EarlyStopping("val_loss", 0.01, 2, restore_best_weights=True),
    ):
        model = nn.MLP(3, [4, 2], seed=1)
        history = nn.fit(
            model, X, y, validation=(X[:9], y[:9]), optimizer="adam", epochs=60, seed=1, stop=stop
        )
        found.append((history.stopped, history.best_epoch, [p.data for p in model.parameters()]))
    assert found[0] == found[1]
    assert "has not improved" in found[0][0]


def test_the_finder_leaves_the_model_and_suggests_a_rate_that_trains() -> None:
    X, y = data(300, 4, 2)
    y = (X[:, 0] > 0).astype(int)
    model = nn.MLP(4, [8, 2], seed=1)
    before = [p.data for p in model.parameters()]
    found = nn.find_lr(model, X, y, batch_size=16, seed=1)
    assert [p.data for p in model.parameters()] == before
    assert found.rates[0] == 1e-6
    assert len(found.rates) <= 100
    assert found.rates[1] / found.rates[0] == pytest.approx(1e7 ** (1 / 99))
    history = nn.fit(model, X, y, optimizer=nn.SGD(lr=found.suggestion), epochs=10, seed=1)
    assert history[-1].loss < 0.5 * history[0].loss
    assert nn.find_lr(model, X, y, batch_size=16, seed=1).losses != found.losses  # another model by now


def test_the_finder_draws_loss_over_rate() -> None:
    pytest.importorskip("matplotlib")
    X, y = data(100, 4, 2)
    found = nn.find_lr(nn.MLP(4, [8, 2], seed=1), X, y, optimizer=nn.Adam(), updates=40, seed=1)
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert ax.get_lines()[0].get_xdata().tolist() == found.rates
    assert found._repr_png_()[:4] == b"\x89PNG"  # type: ignore[index]
    assert nn.RateRange([1.0, 2.0], [1.0, 3.0]).plot().get_legend() is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"low": 1.0, "high": 0.1}, "rates go from low"),
        ({"optimizer": nn.LBFGS()}, "find_lr wants a name"),
        ({"optimizer": "addam"}, "no optimizer is named 'addam'; did you mean 'adam'"),
        ({"updates": 0}, "updates must be"),
    ],
)
def test_slips_of_the_finder_are_told(options: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        nn.find_lr(nn.MLP(4, [2]), *data(10, 4, 2), **options)
    with pytest.raises(InputError, match="the loss never fell"):
        _ = nn.RateRange([1.0, 2.0], [1.0, 3.0]).suggestion


def tied() -> nn.MLP:
    model = nn.MLP(4, [3, 4], activation="tanh", seed=1)
    model.layers[1].tie(model.layers[0], transpose=True)
    return model


@needs_compiler
def test_tied_weights_have_the_bits_of_training_on_values(monkeypatch: Any) -> None:
    X, _ = data(80, 4, 2)
    options = {"loss": "mse", "optimizer": lambda: nn.Adam(lr=0.01), "epochs": 3, "regularizer": nn.L2(0.1)}
    assert_same(tied, X, X, monkeypatch, **options)


def test_tied_weights_train_as_in_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    X, _ = data(16, 4, 2)
    model = tied()
    W = torch.tensor([[w.data for w in row] for row in model.layers[0].W], dtype=torch.float64)
    W.requires_grad_()
    b = [torch.zeros(count, dtype=torch.float64, requires_grad=True) for count in (3, 4)]
    peer = torch.optim.SGD([W, *b], lr=0.1)
    inputs = torch.tensor(X)
    for _ in range(5):
        peer.zero_grad()
        outputs = torch.tanh(inputs @ W.T + b[0]) @ W + b[1]
        (0.5 * (outputs - inputs) ** 2).sum(dim=1).mean().backward()
        peer.step()
    nn.fit(model, X, X, loss="mse", optimizer=nn.SGD(lr=0.1), batch_size=16, epochs=5, seed=1)
    assert np.array([[w.data for w in row] for row in model.layers[0].W]) == pytest.approx(W.detach().numpy())
    nn.save(model, tmp_path / "tied")
    other = tied()
    nn.load(other, tmp_path / "tied")
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]
    with pytest.raises(InputError, match="the shapes differ"):
        model.layers[1].tie(model.layers[0])


class Two(nn.Module):
    """A picture and an age, each through a layer of its own."""

    def __init__(self) -> None:
        self.inputs = nn.Inputs(picture=4, age=1)
        self.picture, self.both = nn.Layer(4, 3, seed=1), nn.Layer(4, 2, nonlin=False, seed=2)

    def __call__(self, x: Any) -> Any:
        parts = self.inputs(x)
        return self.both([*self.picture(parts["picture"]), *parts["age"]])


@needs_compiler
def test_several_inputs_train_on_a_program(monkeypatch: Any) -> None:
    rng = np.random.default_rng(1)
    X = Two().inputs.stack(picture=rng.normal(size=(80, 4)), age=rng.normal(size=80))
    assert X.shape == (80, 5)
    assert_same(Two, X, rng.integers(0, 2, 80), monkeypatch, optimizer=lambda: nn.Adam(lr=0.01), epochs=3)


def test_slips_of_inputs_are_told() -> None:
    inputs = nn.Inputs(picture=4, age=1)
    for arrays, told in (
        ({"picture": np.ones((3, 4))}, "the inputs are picture, age, not picture"),
        ({"picture": np.ones((3, 5)), "age": [1.0] * 3}, "picture has 4 numbers an example"),
        ({"picture": np.ones((3, 4)), "age": [1.0]}, "age has 1 examples, picture 3"),
    ):
        with pytest.raises(InputError, match=told):
            inputs.stack(**arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="are 5 numbers, and x has 2"):
        inputs([1.0, 2.0])
    with pytest.raises(InputError, match="Inputs wants names"):
        nn.Inputs()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LBFGS(),
        lambda: nn.SGD(lr=nn.ExponentialDecay(0.1, 0.9)),
        lambda: nn.SGD([{"params": "layer1", "lr": nn.ExponentialDecay(0.1, 0.9)}], lr=0.1),
    ],
)
def test_plateaus_refuse_rates_that_they_cannot_set(make: Any) -> None:
    plateau = nn.ReduceOnPlateau("loss", patience=0, threshold=0.9)
    optimizer = make()
    X, y = np.random.default_rng(0).normal(size=(20, 3)), [0, 1] * 10
    with pytest.raises(InputError, match="ReduceOnPlateau sets the learning rate, and"):
        nn.fit(nn.MLP(3, [2], seed=1), X, y, optimizer=optimizer, epochs=9, seed=1, callbacks=plateau)


_NOISE = random.Random(3)


class Noisy(nn.Module):
    """Draws from a generator of its module."""

    def __init__(self) -> None:
        self.layer = nn.Layer(3, 2, nonlin=False, seed=1)

    def __call__(self, x: Any) -> Any:
        return self.layer([value + _NOISE.gauss(0.0, 0.1) for value in x])


@pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")
def test_the_finder_leaves_every_generator() -> None:
    random.seed(5)
    states = random.getstate(), _NOISE.getstate()
    nn.find_lr(Noisy(), np.eye(3), [0, 1, 0], updates=5)
    assert (random.getstate(), _NOISE.getstate()) == states


def test_the_finder_says_where_it_finds_nothing() -> None:
    X, y = [[0.0, 0.0], [0.0, 1.0]], [0, 1]
    with pytest.raises(nn.DivergenceError, match="update 1"):
        nn.find_lr(nn.MLP(2, [2], seed=1), [[1e200, 1e200], [-1e200, 1e200]], y, low=1.0, high=2.0, seed=1)
    with pytest.raises(nn.InputError, match="never fell"):
        _ = nn.RateRange([], []).suggestion
    for option in ("epochs", "callbacks", "checkpoint", "resume"):
        with pytest.raises(nn.InputError, match=f"it takes no {option}"):
            nn.find_lr(nn.MLP(2, [2], seed=1), X, y, **{option: 3})
    with pytest.raises(nn.InputError, match="leave lr out of the groups"):
        nn.find_lr(nn.MLP(2, [2], seed=1), X, y, optimizer=nn.SGD([{"params": "*.b", "lr": 0.1}], lr=0.1))
