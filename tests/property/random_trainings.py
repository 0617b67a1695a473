"""Random runs of `nn.fit`, trained by a Program and eagerly: both must leave the same bits."""

from __future__ import annotations

import functools
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from tests.nn.test_recording import leaky, stairs
from tests.nn.test_updaters import Halved, Lookahead, Signs, by_branch, by_index, trained
from tests.property.random_programs import ERRORS, told

ACTIVATIONS = (
    *("tanh", "relu", "sigmoid", "leaky_relu", "elu", "gelu", "silu", "softplus", "logsigmoid", "sin"),
    *("linear", "softmax"),
)
ALLOWED_REASONS = ("the run is short", "an example becomes non-finite", "is not finite")


class Push:
    """A callback that listens to every update, and changes a parameter."""

    def on_update(self, run: Any) -> None:
        run.parameters[0].data *= 0.75


class Thaw:
    """A callback that freezes and unfreezes tensors, and halves the rates of groups, epoch by epoch."""

    def __init__(self, names: list[str]):
        self.names = names

    def __call__(self, run: Any) -> None:
        if run.epoch % 2:
            run.model.freeze(*self.names)
        else:
            run.model.unfreeze(*self.names)
        for group in run.optimizer.param_groups:
            group["lr"] = 0.5 * group["lr"]


class Tied(nn.Module):
    """A recurrent network with a readout: the matrices are used twice, and by a penalty of their own."""

    def __init__(self, width: int, outputs: int, seed: int):
        self.cell = nn.Layer(width, width, activation="tanh", seed=seed)
        self.read = nn.Layer(width, outputs, activation="linear", seed=seed + 1)
        self.scale = ag.Value(0.5)

    def __call__(self, x: Any) -> Any:
        h = self.cell(self.cell(x))
        first = self.cell.parameters()[0]
        made = self.read([v * self.scale + first for v in h])
        return made if isinstance(made, ag.Value) or len(made) > 1 else made[0]


@dataclass
class Training:
    """One run: a maker of models, data, options of `nn.fit`."""

    make: Callable[[], Any]
    X: Any
    y: Any
    options: dict[str, Any]
    words: str
    resumes: bool = False

    def run(self) -> tuple[str, str]:
        """Return what kind of run it was, and the first difference or ''."""
        slow, _ = self.outcome(True)
        fast, run = self.outcome(False)
        if run is not None and run.updater.is_eager and not slow[0]:
            because = run.updater.trained_on
            if not any(reason in because for reason in ALLOWED_REASONS):
                return "training", f"trained eagerly because {because}"
            return "eager training", ""
        kind = "training that raises" if slow[0] else "training"
        found = _difference(slow, fast)
        if not found and not slow[0] and self.resumes:
            found = self.resumed_difference(slow[1])
        return kind, found

    def resumed_difference(self, expected: list[str]) -> str:
        """Stop after the first epoch, go on in a fresh model: '' where the numbers are the same."""
        options = {**self.options, "optimizer": None}
        with tempfile.TemporaryDirectory() as folder:
            for epochs in (1, options.pop("epochs")):
                model = self.make()
                options.update(optimizer=self.options["optimizer"](), epochs=epochs)
                place = Path(folder) / "run.safetensors"
                nn.fit(model, self.X, self.y, seed=5, checkpoint=place, resume=True, **options)
        for k, (a, b) in enumerate(zip(expected, _numbers(model), strict=True)):
            if a.split()[0] != b.split()[0]:
                return f"parameter {k}: resumed {b.split()[0]}, uninterrupted {a.split()[0]}"
        return ""

    def outcome(self, eager: bool) -> Any:
        """(error, parameters, what `trained` tells), and the run."""
        made: list[Any] = []

        def make() -> Any:
            made.append(self.make())
            return made[-1]

        with pytest.MonkeyPatch.context() as patch:
            try:
                told_of, run = trained(make, self.X, self.y, eager, patch, **self.options)
            except (*ERRORS, nn.DivergenceError) as error:
                return (told(error), _numbers(made[-1]), None), None
        return ("", _numbers(made[-1]), told_of), run

    def __str__(self) -> str:
        return self.words


def _numbers(model: Any) -> list[str]:
    return [f"{p.data.hex()} {p.grad.hex()}" for p in model.parameters()]


def _difference(slow: Any, fast: Any) -> str:
    if slow[0] != fast[0]:
        return f"error {fast[0]!r}, eagerly {slow[0]!r}"
    for k, (a, b) in enumerate(zip(slow[1], fast[1], strict=True)):
        if a != b:
            return f"parameter {k}: value and gradient {b}, eagerly {a}"
    return "" if repr(slow[2]) == repr(fast[2]) else "the history or the optimizer's buffers differ"


def random_training(seed: int) -> Training:
    """The run of a seed."""
    rng, dice = random.Random(seed), np.random.default_rng(seed)
    width, hidden, classes = _sizes(rng)
    rows = rng.choice((33, 40, 64, 65, 70, 100, 128))
    if width * max(hidden, default=1) > 500:
        rows = rng.choice((33, 40, 65))
    loss: Any = rng.choice(
        (
            *("cross_entropy", "cross_entropy", "mse", "mae", "huber", "nll", "binary_cross_entropy"),
            *("hinge", "hinge of classes", by_index, by_branch),
        )
    )
    if loss in ("cross_entropy", "nll", "hinge of classes", by_index, by_branch):
        outputs, y = max(2, classes), dice.integers(0, max(2, classes), rows)
    elif loss in ("binary_cross_entropy", "hinge"):
        outputs, y = 1, dice.integers(0, 2, rows)
    else:
        outputs, y = classes, dice.normal(size=(rows, classes) if classes > 1 else rows)
    if loss == "hinge":
        y = 2 * y - 1
    loss = "hinge" if loss == "hinge of classes" else loss
    X = dice.normal(size=(rows, width))
    kind = rng.random()
    if kind < 0.25:  # pixels: many zeros
        X = np.where(dice.random(X.shape) < 0.5, 0.0, np.round(16 * dice.random(X.shape)) / 16)
    elif kind < 0.3:
        X = X * 10.0 ** dice.integers(-4, 4, X.shape)
    elif kind < 0.34:
        X = X * 1e150
    elif kind < 0.38:
        X[:, rng.randrange(width)] = rng.choice((0.0, -0.0, 5e-324))
    activation: Any = rng.choice((*ACTIVATIONS, leaky, stairs))
    output = "log_softmax" if loss == "nll" else "linear"
    tied = rng.random() < 0.15 and loss != "nll" and width <= 12
    options: dict[str, Any] = {
        "loss": loss,
        "regularizer": _regularizer(rng),
        "batch_size": rng.choice((1, 2, 3, 4, 7, 8, 10, 16, 20, 24, 32, 33, 50, 64, rows)),
        "epochs": 2 if rows > 33 else 3,
        "callbacks": Push() if rng.random() < 0.15 else (),
    }
    if rng.random() < 0.2:
        options["sample_weight"] = dice.random(rows) + 0.25
    optimizer, text = _optimizer(rng)
    options["optimizer"] = optimizer
    first = rng.randrange(1000)

    drops = not tied and loss != "nll" and rng.random() < 0.2

    ties = rng.random() < 0.2

    def make_free() -> Any:
        if tied:
            return Tied(width, outputs, first)
        if drops:
            inner = hidden[0] if hidden else width
            return nn.Sequential(
                nn.GaussianNoise(0.1, seed=first),
                nn.Layer(width, inner, activation=activation, seed=first),
                nn.Dropout(0.3, seed=first + 1),
                nn.LayerNorm(inner),
                nn.Layer(inner, outputs, nonlin=False, seed=first + 2),
            )
        made = nn.MLP(width, [*hidden, outputs], activation=activation, output=output, seed=first)
        if ties:
            _tie(made.layers)
        return made

    tensors = list(make_free().state_dict())
    few = rng.randrange(1, max(2, len(tensors)))
    frozen = rng.sample(tensors, few) if rng.random() < 0.25 and few < len(tensors) else []
    if rng.random() < 0.15:
        options["validation_split"] = rng.choice((0.1, 0.25))
    if options["callbacks"] == () and rng.random() < 0.3:
        plateau = nn.ReduceOnPlateau("loss", patience=0, threshold=0.5, factor=0.5)
        options["callbacks"] = rng.choice((plateau, Thaw(rng.sample(tensors, 1))))
    if rng.random() < 0.25:
        groups = [{"params": rng.choice(tensors), "lr": rng.choice((0.0, 0.03, 0.5))}]
        options["optimizer"] = functools.partial(optimizer, groups)
        text += f", groups {groups}"

    def make() -> Any:
        made = make_free()
        if frozen:
            made.freeze(*frozen)
        return made

    told_of = {k: v for k, v in options.items() if k != "optimizer"}
    words = f"{make()!r}, {rows} rows, {text}, frozen {frozen}, ties {ties}, {told_of}"
    return Training(make, X, y, options, words, resumes=rng.random() < 0.2)


def _tie(layers: Any) -> None:
    """Share the first weights that can be shared."""
    for k, layer in enumerate(layers):
        for other in layers[:k]:
            if (layer.nin, layer.nout) in ((other.nin, other.nout), (other.nout, other.nin)):
                layer.tie(other, transpose=(layer.nin, layer.nout) != (other.nin, other.nout))
                return


def _sizes(rng: random.Random) -> tuple[int, list[int], int]:
    kind = rng.random()
    if kind < 0.75:
        small = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16)
        return (
            rng.choice(small),
            [rng.choice(small) for _ in range(rng.choice((0, 1, 1, 2, 3)))],
            rng.randrange(1, 6),
        )
    if kind < 0.93:
        return rng.randrange(1, 34), [rng.randrange(1, 26)], rng.randrange(1, 11)
    return 64, [rng.choice((10, 16, 32, 40))], 10


def _regularizer(rng: random.Random) -> Any:
    alpha, biases = rng.choice((0.0, 0.01, 1e-4, 0.3)), rng.random() < 0.3
    return rng.choice(
        (
            None,
            None,
            nn.L2(alpha, biases),
            nn.L2(alpha, biases),
            nn.L1(alpha, biases),
            nn.ElasticNet(alpha, 0.3, biases),
        )
    )


def _optimizer(rng: random.Random) -> tuple[Callable[[], Any], str]:
    clips: dict[str, Any] = {}
    if rng.random() < 0.3:
        clips["clip_norm"] = rng.choice((1e-3, 0.1, 1.0, 100.0))
    if rng.random() < 0.2:
        clips["clip_value"] = rng.choice((1e-3, 0.1, 1.0))
    lr: Any = rng.choice((0.1, 0.01, 1e-3, 1.0, 0.25))
    if rng.random() < 0.05:
        lr = rng.choice((1e308, 1e160, 1e40))  # the parameters leave the finite numbers
    elif rng.random() < 0.2:
        lr = nn.LinearDecay(lr, 5) if rng.random() < 0.5 else nn.ExponentialDecay(lr, 0.9)
    kind, settings = rng.choice(
        (
            (nn.SGD, {}),
            (nn.SGD, {}),
            (nn.SGD, {"momentum": 0.9}),
            (nn.SGD, {"momentum": 0.5, "nesterov": True}),
            (nn.Adagrad, {}),
            (nn.RMSprop, {}),
            (nn.RMSprop, {"centered": True}),
            (nn.RMSprop, {"momentum": 0.9, "rho": 0.9}),
            (nn.Adam, {}),
            (nn.AdamW, {"weight_decay": 0.1}),
            (Signs, {}),
            (Halved, {}),
            (Lookahead, {"momentum": 0.5}),
        )
    )
    given = {"lr": lr, **settings, **clips}
    return lambda groups=None: kind(
        groups and [dict(g) for g in groups], **given
    ), f"{kind.__name__}({given})"
