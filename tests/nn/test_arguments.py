"""Nonsense for every argument of every public name: a clear error that names the argument, or a result."""

from __future__ import annotations

import inspect
import itertools
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import nn.estimators
import nn.plots
import nn.reports
from autograd_core import Value
from autograd_core.errors import AutogradError
from nn.errors import InputError

NONSENSE = {
    "None": None, "-1": -1, "0": 0, "nan": math.nan, "inf": math.inf, "a text": "a", "[]": [], "{}": {},
    "an object": object(), "True": True, "10**20": 10**20, "a class": int,
    "an array": np.zeros((2, 3, 4)), "[None]": [None], "dates": np.array(["2020-01-01"], "datetime64[D]"),
}  # fmt: skip

X, Y = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [1.0, 1.0]], [0, 1, 1, 0]
HISTORY = nn.History([nn.Epoch(1, 4, 0.5, 0.4, 0.1, 1.0, 0.1, 0.0)])


def net() -> nn.MLP:
    return nn.MLP(2, [3, 2], seed=1)


def outputs() -> list[Value]:
    return [Value(0.5), Value(-0.5)]


def cases(folder: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Each callable with arguments that are right; a callable in their place makes a fresh one."""
    nn.save(net(), folder / "saved")
    training = {"model": net, "X": X, "y": Y, "epochs": 1, "seed": 1}
    groups = [{"params": [Value(1.0)], "lr": 0.1}]
    made: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "fit": (nn.fit, training),
        "find_lr": (nn.find_lr, {"model": net, "X": X, "y": Y, "seed": 1, "updates": 3}),
        "MLP": (nn.MLP, {"nin": 2, "nouts": [2]}),
        "Layer": (nn.Layer, {"nin": 2, "nout": 2}),
        "Neuron": (nn.Neuron, {"nin": 2}),
        "Layer.tie": (nn.Layer(2, 2).tie, {"other": nn.Layer(2, 2)}),
        "a model": (net(), {"x": [0.0, 1.0]}),
        "a neuron": (nn.Neuron(2), {"x": [0.0, 1.0]}),
        "freeze": (net().freeze, {"which": "layer1"}),
        "load_state_dict": (net().load_state_dict, {"state": net().state_dict()}),
        "Dropout": (nn.Dropout, {}),
        "GaussianNoise": (nn.GaussianNoise, {"std": 0.1}),
        "LayerNorm": (nn.LayerNorm, {"count": 2}),
        "Embedding": (nn.Embedding, {"count": 2, "width": 2}),
        "an embedding": (nn.Embedding(2, 2), {"indices": [0.0]}),
        "Residual": (nn.Residual, {"part": nn.Layer(2, 2)}),
        "Sequential": (lambda part: nn.Sequential(part), {"part": nn.Layer(2, 2)}),
        "Inputs": (lambda width: nn.Inputs(image=width), {"width": 2}),
        "Inputs.stack": (lambda image: nn.Inputs(image=2).stack(image=image), {"image": X}),
        "RandomInput": (nn.RandomInput, {}),
        "a random input": (nn.RandomInput(1), {"count": 2}),
        "train_mode": (lambda on: nn.train_mode(on).__enter__(), {"on": False}),
        "L1": (nn.L1, {"alpha": 0.1}),
        "L2": (nn.L2, {"alpha": 0.1}),
        "ElasticNet": (nn.ElasticNet, {"alpha": 0.1}),
        "a regularizer": (nn.L2(0.1), {"module": net}),
        "Patience": (nn.Patience, {}),
        "EarlyStopping": (nn.EarlyStopping, {}),
        "Target": (nn.Target, {"value": 0.1}),
        "TimeLimit": (nn.TimeLimit, {"seconds": 1.0}),
        "MaxUpdates": (nn.MaxUpdates, {"updates": 1}),
        "ReduceOnPlateau": (nn.ReduceOnPlateau, {}),
        "History.column": (HISTORY.column, {"name": "loss"}),
        "History.last": (HISTORY.last, {"name": "loss"}),
        "clip_by_norm": (nn.clip_by_norm, {"gradients": [1.0], "max_norm": 1.0}),
        "clip_by_value": (nn.clip_by_value, {"gradients": [1.0], "limit": 1.0}),
        "predict": (nn.predict, {"model": net, "X": X}),
        "predict_labels": (nn.predict_labels, {"model": net, "X": X}),
        "accuracy": (nn.accuracy, {"model": net, "X": X, "y": Y}),
        "evaluate": (nn.evaluate, {"model": net, "X": X, "y": Y}),
        "confusion_matrix": (nn.confusion_matrix, {"y": Y, "predicted": Y}),
        "objective": (nn.objective, {"model": net, "X": X, "y": Y}),
        "layer_report": (nn.reports.layer_report, {"model": net, "x": X[0], "y": 1}),
        "save": (nn.save, {"model": net, "path": folder / "model"}),
        "load": (nn.load, {"model": net, "path": folder / "saved"}),
        "plot_history": (nn.plots.plot_history, {"history": HISTORY}),
        "plot_confusion": (nn.plots.plot_confusion, {"matrix": [[1, 0], [0, 1]]}),
        "plot_decision_boundary": (
            nn.plots.plot_decision_boundary,
            {"model": net, "X": X, "y": Y, "steps": 2},
        ),
        "save_figure": (
            nn.plots.save_figure,
            {"ax": nn.plots.plot_history(HISTORY), "path": folder / "figure.svg"},
        ),
        "Minimizer": (nn.Minimizer, {}),
        "LBFGS": (nn.LBFGS, {}),
        "huber": (nn.huber, {"outputs": outputs, "target": [0.0, 0.0]}),
    }
    for schedule, numbers in {
        nn.Constant: {"rate": 0.1},
        nn.StepDecay: {"rate": 0.1, "every": 2},
        nn.ExponentialDecay: {"rate": 0.1, "factor": 0.5},
        nn.LinearDecay: {"rate": 0.1, "steps": 2},
        nn.CosineDecay: {"rate": 0.1, "steps": 2},
        nn.WarmUp: {"then": nn.Constant(0.1), "steps": 2},
        nn.ByEpoch: {"then": nn.Constant(0.1), "updates": 2},
    }.items():
        made[schedule.__name__] = schedule, numbers
    for kind in (nn.Uniform, nn.Normal, nn.Glorot, nn.He, nn.LeCun, nn.Orthogonal):
        made[kind.__name__] = kind, {}
    for optimizer in (nn.SGD, nn.Adagrad, nn.RMSprop, nn.Adam, nn.AdamW):
        made[optimizer.__name__] = optimizer, {}
        made[f"a group of {optimizer.__name__}"] = (
            lambda lr, _optimizer=optimizer: _optimizer([{**groups[0], "lr": lr}]),
            {"lr": 0.1},
        )
    for function in (nn.mse, nn.mae, nn.poisson, nn.cross_entropy, nn.nll, nn.binary_cross_entropy, nn.hinge):
        first = next(iter(inspect.signature(function).parameters))
        made[function.__name__] = function, {first: outputs, "target": [0.0, 1.0]}
    for estimator in (nn.estimators.MLPClassifier, nn.estimators.MLPRegressor):

        def trained(estimator: Any = estimator, X: Any = X, y: Any = Y, **options: Any) -> Any:
            return estimator(**{"hidden_layer_sizes": (2,), "max_iter": 1, **options}).fit(X, y)

        options = dict.fromkeys(inspect.signature(estimator).parameters, ...)
        made[estimator.__name__] = trained, options
    return made


# The engine's own errors, which are as clear.
CLEAR = "one number is wanted|a scope's name is text"
# What messages call an argument, where they neither name it nor show it.
CALLED = {
    "y": "target|true and predicted classes", "predicted": "the targets", "target": "target",
    "then": "a schedule",
    "outputs": "output", "logits": "output", "logit": "output", "log_rate": "output", "lr": "a schedule",
    "log_probabilities": "output", "parameters": "parameter", "betas": "beta1", "stop": "a criterion",
    "initializer": "an initializer", "early_stopping": "validation_fraction", "callbacks": "a callback",
    "loss": "a loss", "optimizer": "an optimizer", "nouts": "nout", "x": "takes 2 inputs",
    "indices": "an index",
    "which": "parameters are chosen", "classes": "is not among", "output": "the activation|an activation",
}  # fmt: skip
LEFT_OUT = {  # a run of 10**20 epochs ends when something stops it; a progress bar is a class
    ("fit", "epochs", "10**20"), ("MLPClassifier", "max_iter", "10**20"),
    ("MLPRegressor", "max_iter", "10**20"), ("fit", "progress", "a class"),
}  # fmt: skip
# What scikit-learn looks at, in its words.
OTHERS = {"MLPClassifier": ("X", "y", "random_state"), "MLPRegressor": ("X", "y", "random_state")}


def tried(call: Callable[..., Any], arguments: dict[str, Any], name: str, wrong: Any) -> Exception | None:
    """What a call with one wrong argument raised."""
    given = {
        k: v() if callable(v) and v in (net, outputs) else v for k, v in arguments.items() if v is not ...
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(call, nn.Module) or "which" in given:
                call(wrong)
            else:
                call(**{**given, name: wrong})
    except Exception as error:
        return error
    return None


def arguments_of(title: str, call: Callable[..., Any], right: dict[str, Any]) -> list[str]:
    """The names of the arguments: those that are given, and the optional ones."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = [name for name, p in inspect.signature(call).parameters.items() if p.kind not in kinds]
    skipped = ("estimator", "_optimizer", *OTHERS.get(title, ()))
    return [name for name in dict.fromkeys([*right, *named]) if name not in skipped]


def test_nonsense_in_an_argument_is_told_or_does_something(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # where a file named "a" is made
    wrong = []
    for title, (call, right) in cases(tmp_path).items():
        for name, (what, value) in itertools.product(arguments_of(title, call, right), NONSENSE.items()):
            if (title, name, what) in LEFT_OUT:
                continue
            error = tried(call, right, name, value)
            if error is None or (isinstance(error, TypeError) and re.search(CLEAR, str(error))):
                continue
            told = str(error)
            if not isinstance(error, AutogradError):
                wrong.append(f"{title}: {name}={what}: {type(error).__name__}: {told}")
            elif not re.search(f"{name}|{CALLED.get(name, name)}", told) and repr(value)[:70] not in told:
                wrong.append(f"{title}: {name}={what} is not named: {told}")
    assert not wrong, "\n".join(wrong)


# What was accepted without a word, or raised an error from inside, and is no matter of one argument alone.


@pytest.mark.parametrize(
    ("weights", "loss", "y", "stranger"),
    [
        ({0: 1.0, 1: 2.0, 7: 3.0}, "cross_entropy", [0, 1, 1, 0], "7"),
        ({0: 1.0, 1: 2.0, "1": 3.0}, "cross_entropy", [0, 1, 1, 0], "'1'"),
        ({0: 1.0, 1: 2.0, -1: 3.0}, "binary_cross_entropy", [0, 1, 1, 0], "-1"),
        ({-1: 1.0, 1: 2.0, 0: 3.0}, "hinge", [-1, 1, 1, -1], "0"),
    ],
)
def test_a_weight_of_a_class_that_cannot_be_is_told(weights: Any, loss: str, y: Any, stranger: str) -> None:
    model = nn.MLP(2, [2 if loss == "cross_entropy" else 1], seed=1)
    with pytest.raises(InputError, match=f"a weight for {stranger}, which is no class of this model"):
        nn.fit(model, X, y, loss=loss, class_weight=weights, epochs=1)


def test_a_weight_of_a_class_that_has_no_example_does_no_harm() -> None:
    weights = {0: 1.0, 1: 2.0, 2: 3.0}
    assert len(nn.fit(nn.MLP(2, [3], seed=1), X, Y, class_weight=weights, epochs=1, seed=1)) == 1


def test_dates_are_no_numbers() -> None:
    dates = np.array([["2020-01-01", "2020-01-02"]] * 4, "datetime64[D]")
    with pytest.raises(InputError, match="X is not an array of numbers: it has dates: subtract one"):
        nn.fit(net(), dates, Y, epochs=1)
    with pytest.raises(InputError, match="it has spans of time"):
        nn.predict(net(), dates - dates[0])


def test_an_initialiser_of_the_wrong_shape_is_told() -> None:
    def turned(nout: int, nin: int, rng: Any) -> Any:
        return [[0.5] * nout for _ in range(nin)]

    with pytest.raises(InputError, match=r"returns 3 rows \(nout\) of 2 finite numbers \(nin\); .*turned"):
        nn.Layer(2, 3, initializer=turned)
    with pytest.raises(InputError, match="finite numbers"):
        nn.Neuron(2, initializer=lambda nout, nin, rng: [[math.nan] * nin])


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    many = np.random.default_rng(0).normal(size=(70, 2))
    models = [net(), net()]
    for model, size in zip(models, (70, 10**20), strict=True):
        nn.fit(model, many, [0, 1] * 35, batch_size=size, epochs=2, seed=1)
    assert models[0].state_dict()["layer1.W"].tolist() == models[1].state_dict()["layer1.W"].tolist()


def test_counting_updates_anew_after_a_thaw() -> None:
    values = [Value(1.0), Value(2.0)]
    fresh, used = nn.Adam(values, lr=0.1), nn.Adam(values, lr=0.1)
    used.frozen = np.array([True, False])
    for value in values:
        value.grad = 1.0
    for _ in range(3):
        used.step()
    used.frozen = None
    used.updates = 0
    assert used.missed.tolist() == [0, 0]
    used.buffers = fresh.buffers
    expected, _ = fresh.proposal([1.0, 2.0], [1.0, 1.0])
    assert used.proposal([1.0, 2.0], [1.0, 1.0])[0].tolist() == expected.tolist()
    for wrong in (-1, 0.5, "a", True):
        with pytest.raises(InputError, match="updates must be a whole number, at least 0"):
            used.updates = wrong  # type: ignore[assignment]
