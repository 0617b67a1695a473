"""SciPy's minimizers over Programs: the optimum, the bits of eager evaluation, interruptions, messages."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.errors import DivergenceError, InputError
from nn.minimizers import METHODS
from nn.training.minibatch import objective
from tests.nn.test_updaters import data, needs_compiler

pytest.importorskip("scipy")


def numbers(model: nn.Module) -> list[float]:
    return [p.data for p in model.parameters()]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_optimum_of_logistic_regression(method: str) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = data(80, 3, 2)
    peer = linear_model.LogisticRegression(C=1 / (80 * 0.1), tol=1e-10).fit(X, y)
    model = nn.MLP(3, [1], seed=1)
    history = nn.fit(
        model,
        X,
        y,
        loss="binary_cross_entropy",
        regularizer=nn.L2(0.1),
        optimizer=nn.Minimizer(method),
        epochs=500,
    )
    assert numbers(model) == pytest.approx([*peer.coef_[0], peer.intercept_[0]], abs=1e-3)
    assert history.stopped.startswith(f"{method}: ")


def test_it_walks_as_scipy_does_on_the_eager_objective() -> None:
    from scipy.optimize import minimize

    X, y = data(40, 3, 2)
    model, twin = (nn.MLP(3, [4, 2], seed=1) for _ in range(2))
    optimizer = nn.LBFGS(gtol=1e-3)
    history = nn.fit(model, X, y, optimizer=optimizer, regularizer=nn.L2(0.01), epochs=15)
    penalty = nn.L2(0.01)
    evaluations = 0

    def function(x: Any) -> Any:
        nonlocal evaluations
        evaluations += 1
        for parameter, number in zip(twin.parameters(), x.tolist(), strict=True):
            parameter.data, parameter.grad = number, 0.0
        value = objective(twin, X, y, regularizer=penalty)
        value.backward()
        return value.data, np.array([p.grad for p in twin.parameters()])

    found = minimize(
        function,
        numbers(twin),
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-3, "maxiter": 15, "ftol": 2.220446049250313e-09},
    )
    assert len(history) == found.nit
    assert optimizer.evaluations == evaluations
    assert numbers(model) == pytest.approx(found.x.tolist(), rel=1e-6)
    assert history[-1].objective == pytest.approx(found.fun, rel=1e-9)


@needs_compiler
@pytest.mark.parametrize("loss", ["cross_entropy", lambda f, t: nn.cross_entropy(f, int(t)) * (1.0 + t)])
def test_programs_give_the_bits_of_eager_evaluation(loss: Any, monkeypatch: Any) -> None:
    X, y = data(90, 3, 3)
    found = []
    for eager in (False, True):
        with monkeypatch.context() as patch:
            if eager:
                patch.setattr("nn.training.updaters.compiled", lambda: False)
            model = nn.MLP(3, [5, 3], seed=1)
            model.freeze("layer1.W[0]*")
            before = numbers(model)
            history = nn.fit(
                model,
                X,
                y,
                loss=loss,
                optimizer=nn.LBFGS(),
                regularizer=nn.L2(0.01),
                class_weight="balanced" if isinstance(loss, str) else None,
                validation=(X, y),
                epochs=6,
            )
            assert history.trained_on.startswith("eager" if eager else "a Program, gradients only")
            assert numbers(model)[:3] == before[:3]
            found.append((numbers(model), history["objective"], history["validation_loss"]))
    assert found[0] == found[1]


def test_criteria_and_callbacks_stop_it_and_changed_parameters_start_it_anew() -> None:
    X, y = data(60, 3, 2)
    model = nn.MLP(3, [4, 2], seed=1)
    history = nn.fit(model, X, y, optimizer=nn.LBFGS(), epochs=100, stop=nn.Target(0.6))
    assert history.stopped.startswith("loss reached")
    seen: list[int] = []

    class Listener:
        def on_update(self, run: Any) -> None:
            seen.append(run.updates)

        def __call__(self, run: Any) -> bool:
            if run.epoch == 3:
                run.model.parameters()[0].data = 0.5
            if run.epoch == 5:
                run.model.freeze("layer1.W[0][0]")
                run.model.parameters()[0].data = 0.25
            return run.epoch == 8

    model = nn.MLP(3, [4, 2], seed=1)
    history = nn.fit(model, X, y, optimizer=nn.LBFGS(), epochs=100, callbacks=Listener())
    assert history.stopped == "a callback asked for it"
    assert seen == list(range(1, 9))
    assert model.parameters()[0].data == 0.25


def test_an_interrupted_run_stands_at_its_last_iteration() -> None:
    X, y = data(60, 3, 2)

    def stop(run: Any) -> None:
        if run.epoch == 4:
            raise KeyboardInterrupt

    model, twin = (nn.MLP(3, [4, 2], seed=1) for _ in range(2))
    with pytest.raises(KeyboardInterrupt) as caught:
        nn.fit(model, X, y, optimizer=nn.LBFGS(), epochs=100, callbacks=stop)
    nn.fit(twin, X, y, optimizer=nn.LBFGS(), epochs=4)
    assert numbers(model) == numbers(twin)
    assert len(caught.value.history) == 3  # type: ignore[attr-defined]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    X, y = data(20, 3, 2)
    with pytest.raises(InputError, match="no minimizer is named 'Nelder-Mead'"):
        nn.Minimizer("Nelder-Mead")
    with pytest.raises(InputError, match="the number of iterations is fit"):
        nn.Minimizer("BFGS", maxiter=3)
    with pytest.raises(InputError, match="minimizes a whole objective: use it"):
        nn.LBFGS().step()
    with pytest.raises(InputError, match="cannot be resumed exactly"):
        nn.fit(nn.MLP(3, [2]), X, y, optimizer=nn.LBFGS(), checkpoint=tmp_path / "run")
    model = nn.Sequential(nn.Layer(3, 4, seed=1), nn.Dropout(0.5, seed=1), nn.Layer(4, 2, seed=2))
    with pytest.raises(InputError, match="draws random numbers: a minimizer needs one objective"):
        nn.fit(model, X, y, optimizer=nn.LBFGS())
    with pytest.raises(DivergenceError):
        nn.fit(nn.MLP(3, [1], seed=1), X * 1e200, y, loss="mse", optimizer=nn.LBFGS())


def test_a_missing_scipy_is_told_with_the_extra() -> None:
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import nn\n"
        "try: nn.fit(nn.MLP(2, [2]), [[0.0, 1.0]], [0], optimizer=nn.LBFGS())\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "autograd-core[optimize]"' in done.stdout


def test_a_line_is_fitted_exactly() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 2))
    y = X @ [2.0, -1.0] + 0.5
    model = nn.MLP(2, [1], seed=1)
    nn.fit(model, X, y, loss="mse", optimizer=nn.LBFGS(ftol=1e-14, gtol=1e-10), epochs=100)
    assert numbers(model) == pytest.approx([2.0, -1.0, 0.5], abs=1e-6)


@pytest.mark.parametrize("frozen", [[], ["layer1.W[0]*", "layer2.b"]])
@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS"])
def test_frozen_parameters_and_weights_are_minimised_as_scipy_does_by_hand(
    frozen: list[str], method: str
) -> None:
    """The network, its gradient and the call of SciPy stand here once more, in NumPy."""
    rng = np.random.default_rng(3)
    X, y, w = rng.normal(size=(50, 3)), rng.integers(0, 2, 50), rng.uniform(0.0, 2.0, 50)
    factors = w * np.array([0.5, 3.0])[y]
    model = nn.MLP(3, [4, 2], activation="tanh", seed=1)
    names = {id(p): name for name, p in model.named_parameters()}
    model.freeze(frozen)
    start = model.state_dict()
    tensors = {k: start[k] for k in ("layer1.W", "layer1.b", "layer2.W", "layer2.b")}
    free = {k: np.ones(t.shape, dtype=bool) for k, t in tensors.items()}
    for parameter in model.frozen_parameters():
        name, _, rest = names[id(parameter)].partition("[")
        free[name][tuple(int(i) for i in rest.rstrip("]").split("]["))] = False
    mask = np.concatenate([m.ravel() for m in free.values()])

    def function(x: Any) -> Any:
        theta = np.concatenate([t.ravel() for t in tensors.values()])
        theta[mask] = x
        W, b, V, c = np.split(theta, np.cumsum([12, 4, 8])[:3])
        W, V = W.reshape(4, 3), V.reshape(2, 4)
        h = np.tanh(X @ W.T + b)
        logits = h @ V.T + c
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        J = (factors * -np.log(p[np.arange(50), y])).mean() + 0.05 * ((W**2).sum() + (V**2).sum())
        p[np.arange(50), y] -= 1.0
        d = p * factors[:, None] / 50
        e = (d @ V) * (1.0 - h * h)
        parts = [e.T @ X + 0.1 * W, e.sum(axis=0), d.T @ h + 0.1 * V, d.sum(axis=0)]
        return J, np.concatenate([g.ravel() for g in parts])[mask]

    minimize = pytest.importorskip("scipy.optimize").minimize
    x0 = np.concatenate([t.ravel() for t in tensors.values()])[mask]
    options = {"gtol": 1e-9, "ftol": 0.0} if method == "L-BFGS-B" else {"gtol": 1e-7}
    found = minimize(function, x0, jac=True, method=method, options={**options, "maxiter": 300})
    history = nn.fit(
        model, X, y, optimizer=nn.Minimizer(method, **options), epochs=300, sample_weight=w,
        class_weight={0: 0.5, 1: 3.0}, regularizer=nn.L2(0.1),
    )  # fmt: skip
    assert history[-1].objective == pytest.approx(found.fun, rel=1e-9)
    now = model.state_dict()
    assert np.concatenate([now[k].ravel() for k in tensors])[mask] == pytest.approx(
        found.x, rel=1e-3, abs=1e-4
    )
    assert all((now[k][~free[k]] == start[k][~free[k]]).all() for k in tensors)


def test_a_minimiser_takes_no_groups() -> None:
    with pytest.raises(TypeError):
        nn.LBFGS([{"params": "layer1", "lr": 0.1}])  # type: ignore[call-arg]


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_where_no_step_is_worth_it_the_history_tells_the_objective(method: str) -> None:
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    model = nn.MLP(1, [2], seed=1)
    before = [p.data for p in model.parameters()]
    optimizer = nn.Minimizer(method, gtol=1e3)
    history = nn.fit(model, X, y, optimizer=optimizer, epochs=5, seed=1)
    assert [(e.epoch, e.updates) for e in history] == [(1, 0)]
    assert history[-1].loss == pytest.approx(nn.evaluate(model, X, y).loss, rel=1e-12)
    assert [p.data for p in model.parameters()] == before
    assert optimizer.updates == 0
    assert history.stopped == f"{method}: {optimizer.message}"


def test_options_that_the_method_does_not_have_are_refused() -> None:
    X, y = [[0.0], [1.0]], [0, 1]
    with pytest.raises(nn.InputError, match="foo"):
        nn.fit(nn.MLP(1, [2], seed=1), X, y, optimizer=nn.Minimizer("BFGS", foo=3), seed=1)
    with pytest.raises(nn.InputError, match="gtol of BFGS is a number"):
        nn.Minimizer("BFGS", gtol="a")


@pytest.mark.parametrize("on_update", [False, True])
@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "SLSQP"])
def test_what_a_callback_freezes_stays_and_what_it_unfreezes_moves(method: str, on_update: bool) -> None:
    X, y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2]], [0, 1, 0, 1]
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    seen: list[list[float]] = []

    def change(run: Any) -> None:
        seen.append([w.data for row in model.layers[0].W for w in row])
        if run.epoch == 2:
            model.freeze("layer1")
        if run.epoch == 4:
            model.unfreeze("layer1")

    class Listener:
        def on_update(self, run: Any) -> None:
            change(run)

    callback = Listener() if on_update else change
    nn.fit(model, X, y, optimizer=nn.Minimizer(method), batch_size=4, epochs=6, callbacks=callback, seed=1)
    still = [a == b for a, b in itertools.pairwise(seen)]
    assert still[:4] == ([False, False, True, True] if on_update else [False, True, True, False])


def test_a_loss_that_is_nan_at_the_start_is_told_with_its_epoch() -> None:
    model = nn.MLP(1, [1], seed=1)
    model.layers[0].W[0][0].data = 1e200
    with pytest.raises(nn.DivergenceError, match=r"epoch 1, update 1: .*row 0"):
        nn.fit(model, [[1e200], [1.0]], [0.0, 1.0], loss="mse", optimizer=nn.LBFGS(), epochs=3, seed=1)
