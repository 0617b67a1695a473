"""What keeps a run from a Program is found out, and told in words."""

from __future__ import annotations

import functools
import itertools
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import nn.training.eager as slowly
import nn.training.updaters as updaters
from autograd_core.programs.batch_gradient import Trainer
from autograd_core.programs.tapes import compiled_module
from nn.random_inputs import RandomInput
from nn.training.recording import DrawnInputs
from tests.nn.test_updaters import Signs, assert_same, data, needs_compiler, trained


class Dropout(nn.MLP):
    """Drops outputs by chance, by a generator that it may keep itself."""

    def __init__(self, *arguments: Any, generator: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._chance = generator

    def __call__(self, x: Any) -> Any:
        return [value * float(self._chance.random() < 0.8) for value in super().__call__(x)]


GENERATORS = {
    "Python's": lambda: random,
    "NumPy's": lambda: np.random,
    "an own one of Python": lambda: random.Random(3),
    "an own one of NumPy": lambda: np.random.default_rng(3),
    "an own old one of NumPy": lambda: np.random.RandomState(3),
}


@needs_compiler
@pytest.mark.parametrize("name", GENERATORS)
def test_chance_is_found_and_recording_takes_nothing_from_it(name: str, monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    results = []
    for eager in (True, False):
        random.seed(1)
        np.random.seed(1)
        results.append(
            trained(
                lambda: Dropout(3, [4, 2], seed=1, generator=GENERATORS[name]()),
                X, y, eager, monkeypatch, optimizer=nn.SGD, epochs=2,
            )
        )  # fmt: skip
    assert results[0][0] == results[1][0]
    assert results[1][1].updater.trained_on == "eager: the model draws random numbers by itself"


SHARED = random.Random(3)


def seldom(generator: Any) -> bool:
    return bool(generator.random() < 1e-9)


def by_a_helper() -> bool:
    return any(seldom(g) for g in [SHARED])


def by_a_closure(generator: Any) -> Callable[[], bool]:
    return lambda: seldom(generator)


class Kept:
    of_all = np.random.default_rng(3)

    def __init__(self) -> None:
        self.mine = {"dropout": [random.Random(3)]}

    def from_a_dictionary(self) -> bool:
        return seldom(self.mine["dropout"][0])

    def from_the_class(self) -> bool:
        return seldom(self.of_all)


class Holder:
    """Keeps a generator where only its class, or a function of it, names it."""

    generator = random.Random(4)

    @staticmethod
    def static() -> bool:
        return seldom(SHARED)

    @classmethod
    def of_class(cls) -> bool:
        return seldom(cls.generator)

    @property
    def drawn(self) -> bool:
        return seldom(SHARED)


class ByProperty:
    def __init__(self) -> None:
        self.holder = Holder()

    def __call__(self) -> bool:
        return self.holder.drawn


def by_a_nested_function() -> bool:
    def inner() -> bool:
        return any([seldom(g) for g in (SHARED,)])  # noqa: C419 - a comprehension is a function of its own

    return inner()


this_module = sys.modules[__name__]


PLACES: dict[str, Callable[[], Any]] = {
    "a global, by a helper": lambda: by_a_helper,
    "a closure": lambda: by_a_closure(np.random.default_rng(3)),
    "a default argument": lambda: lambda generator=SHARED: seldom(generator),
    "a partial": lambda: functools.partial(seldom, np.random.RandomState(3)),
    "a dictionary of an attribute": lambda: Kept().from_a_dictionary,
    "a class": lambda: Kept().from_the_class,
    "a static method": lambda: Holder.static,
    "a class method": lambda: Holder.of_class,
    "a property": ByProperty,
    "a keyword's default": lambda: lambda *, generator=SHARED: seldom(generator),
    "a function within": lambda: by_a_nested_function,
    "a module": lambda: lambda: seldom(this_module.SHARED),
}


class Seldom(nn.MLP):
    """Is another function so seldom that comparing it on examples would not show it."""

    def __init__(self, *arguments: Any, chance: Callable[[], bool], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._chance = chance

    def __call__(self, x: Any) -> Any:
        return [value * (0.0 if self._chance() else 1.0) for value in super().__call__(x)]


@needs_compiler
@pytest.mark.parametrize("place", PLACES)
def test_chance_is_found_wherever_the_code_can_name_its_generator(place: str) -> None:
    X, y = data(70, 3, 2)
    history = nn.fit(Seldom(3, [4, 2], seed=1, chance=PLACES[place]()), X, y, epochs=1)
    assert history.trained_on == "eager: the model draws random numbers by itself"


@needs_compiler
def test_a_generator_without_a_state_is_no_matter() -> None:
    X, y = data(70, 3, 2)
    model = nn.MLP(3, [4, 2], seed=1)
    model.keys = random.SystemRandom()
    assert nn.fit(model, X, y, epochs=1).trained_on.startswith("a Program")


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


def test_a_model_that_reads_its_numbers_is_trained_eagerly(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    X[50, 0] = 0.0  # one row of the other kind is enough, wherever it is
    assert "its graph cannot be recorded" in reason(lambda: Reading(3, [4, 2], seed=1), X, y, monkeypatch)


class Stepped(nn.MLP):
    """Branches by its inputs and by its outputs, seldom in both ways."""

    def __call__(self, x: Any) -> Any:
        outputs = super().__call__(x)
        if x[0] > 1.5:
            outputs = [v * v for v in outputs]
        return outputs if outputs[0] > outputs[1] else [2.0 * v for v in outputs]


@needs_compiler
@pytest.mark.parametrize("kind", [Branching, Stepped, Equal])
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: nn.Adam(lr=0.05), lambda: Signs(lr=0.05)])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_model_with_branches_has_a_program_for_each_path(
    kind: Any, optimizer: Any, batch_size: int, monkeypatch: Any
) -> None:
    X, y = data(150, 3, 2)
    X[50:60, 0] = 0.0  # the rows that Equal asks for
    options = {"batch_size": batch_size, "epochs": 3, "regularizer": nn.L2(0.01), "optimizer": optimizer}
    assert_same(lambda: kind(3, [4, 2], seed=1), X, y, monkeypatch, **options)


@needs_compiler
def test_a_loss_that_branches_on_its_error_has_a_program_for_each_path(monkeypatch: Any) -> None:
    X, _ = data(150, 3, 2)

    def loss(output: Any, target: float) -> Any:
        error = abs(output - target)
        return 0.5 * error * error if error < 1.0 else error - 0.5

    options = {"loss": loss, "epochs": 3, "optimizer": nn.SGD}
    assert_same(lambda: nn.MLP(3, [4, 1], seed=1), X, X.sum(axis=1), monkeypatch, **options)


def leaky(a: Any) -> Any:
    return a if a > 0.0 else 0.1 * a


def stairs(a: Any) -> Any:
    if a < -0.7 or a >= 1.25:
        return 0.5 * a * a
    return ag.log(a) + 5.0 * a if a > 0.5 else a.tanh() if not a <= 0.1 else 0.25 - a


def seldom_seen(a: Any) -> Any:
    return a * a if 0.2 < a * a < 0.2002 else a.tanh()


@needs_compiler
@pytest.mark.parametrize("activation", [leaky, stairs, seldom_seen])
@pytest.mark.parametrize("optimizer", [nn.SGD, lambda: Signs(lr=0.01)])
def test_an_activation_with_branches_is_one_program(
    activation: Any, optimizer: Any, monkeypatch: Any
) -> None:
    X, y = data(150, 3, 2)
    make = lambda: nn.MLP(3, [9, 5, 2], activation=activation, seed=2)  # noqa: E731
    options = {"batch_size": 16, "epochs": 3, "optimizer": optimizer, "regularizer": nn.L2(0.01)}
    assert_same(make, X, y, monkeypatch, **options)


@needs_compiler
def test_a_bound_of_an_activation_that_a_callback_moves_counts_at_once(monkeypatch: Any) -> None:
    X, y = data(150, 3, 2)
    results = []
    for eager in (True, False):
        bound = [0.0]

        def activation(a: Any, bound: list[float] = bound) -> Any:
            return a if a > bound[0] else 0.1 * a

        def move(run: Any, bound: list[float] = bound) -> None:
            bound[0] += 1e-3

        options = {"epochs": 6, "callbacks": move, "optimizer": nn.SGD}
        make = lambda: nn.MLP(3, [9, 2], activation=activation, seed=2)  # noqa: E731
        results.append(trained(make, X, y, eager, monkeypatch, **options))
    assert results[0][0] == results[1][0]
    assert not results[1][1].updater.is_eager


def test_a_loss_that_chooses_by_too_many_targets_names_the_remedy(monkeypatch: Any) -> None:
    X, _ = data(70, 3, 2)
    targets = [k / 7 for k in range(70)]

    def loss(outputs: Any, target: float) -> Any:
        return abs(outputs[0] - target) if float(target) > 3.0 else outputs[1] * outputs[1]

    told = reason(lambda: nn.MLP(3, [4, 2], seed=1), X, targets, monkeypatch, loss=loss)
    assert "the loss chooses by the target" in told
    assert "dot(one_hot_row, outputs)" in told


@needs_compiler
def test_an_example_that_leaves_the_finite_numbers_does_not_keep_the_others_from_a_program(
    monkeypatch: Any,
) -> None:
    X, y = data(70, 3, 2)
    X[nn.training.minibatch.epoch_order(70, 5, 0)[-1]] *= 1e4  # met when the parameters have become small

    def loss(outputs: Any, target: Any) -> Any:
        return ag.exp(outputs[0]) + ag.exp(-outputs[0]) + outputs[1] * outputs[1]

    class Shrink:
        def on_update(self, run: Any) -> None:
            for p in run.parameters:
                p.data *= 0.01

    make = lambda: nn.MLP(3, [4, 2], activation="linear", seed=1)  # noqa: E731
    options = {"batch_size": 16, "epochs": 2, "loss": loss, "callbacks": Shrink()}
    with pytest.raises(OverflowError):
        [loss(make()(x), 0) for x in X]
    assert_same(make, X, y, monkeypatch, optimizer=lambda: nn.SGD(lr=1e-9), **options)


def test_what_a_loss_raises_only_while_it_is_recorded_is_no_error(monkeypatch: Any) -> None:
    X, _ = data(70, 3, 2)
    table = {k: 0.1 * k for k in range(70)}

    def loss(outputs: Any, target: int) -> Any:
        return outputs[0] * table[target]

    told = reason(lambda: nn.MLP(3, [4, 2], seed=1), X, list(range(70)), monkeypatch, loss=loss)
    assert "the loss chooses by the target" in told


def reason(make: Callable[[], Any], X: Any, y: Any, monkeypatch: Any, **options: Any) -> str:
    if compiled_module() is None:
        pytest.skip("the interpreter is not compiled")
    options = {"optimizer": nn.SGD, "batch_size": 16, "epochs": 2, **options}
    _, run = trained(make, X, y, False, monkeypatch, **options)
    assert run.updater.is_eager
    assert run.history.trained_on == f"eager: {run.updater.reason}"
    return run.updater.reason


def told(model: Any, X: Any, y: Any, epochs: int = 2) -> tuple[str, str]:
    """What the last progress line and the history tell."""
    lines: list[str] = []

    class Bar:
        def __init__(self, **_: Any) -> None: ...
        def update(self, count: int) -> None: ...
        def close(self) -> None: ...
        def set_postfix_str(self, text: str) -> None:
            lines.append(text)

    history = nn.fit(model, X, y, epochs=epochs, progress=Bar)
    return lines[-1], history.trained_on


def test_the_progress_line_and_the_history_tell_why_training_is_on_values(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    line, trained_on = told(nn.MLP(3, [4, 2], seed=1), X[:20], y[:20])
    assert line.endswith(", eager: the run is short")
    assert trained_on == "eager: the run is short"
    noisy = Dropout(3, [4, 2], seed=1, generator=random.Random(1))
    expected = (
        "the model draws random numbers by itself"
        if compiled_module()
        else "there is no compiled interpreter"
    )
    line, trained_on = told(noisy, X, y)
    assert line.endswith(f", eager: {expected}")
    assert trained_on == f"eager: {expected}"
    monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
    line, trained_on = told(nn.MLP(3, [4, 2], seed=1), X, y)
    assert line.endswith(", eager: there is no compiled interpreter")
    assert trained_on == "eager: there is no compiled interpreter"


@needs_compiler
def test_the_progress_line_says_nothing_where_a_program_does_the_work() -> None:
    line, trained_on = told(nn.MLP(3, [4, 2], seed=1), *data(70, 3, 2))
    assert "Values" not in line
    assert trained_on.startswith("a Program")


@needs_compiler
def test_a_long_run_that_is_eager_is_told_once_with_factor_and_remedy(monkeypatch: Any) -> None:
    X, y = data(100, 3, 2)
    noisy = Dropout(3, [4, 2], seed=1, generator=random.Random(1))
    monkeypatch.setattr("nn.training.eager.slowness", lambda run: 42.3)
    with pytest.warns(
        nn.SlowTrainingWarning, match=r"random numbers by itself: about 42 .*nn.Dropout"
    ) as told:
        nn.fit(noisy, X, y, epochs=30, batch_size=50)
    assert len(told) == 1
    nn.fit(noisy, X, y, epochs=2)  # a short one is not worth a word, and a warning would be an error here
    nn.fit(nn.MLP(3, [4, 2], seed=1), X, y, epochs=30)


@needs_compiler
def test_measuring_how_slow_a_run_is_changes_no_bit(monkeypatch: Any) -> None:
    X, y = data(100, 3, 2)
    left = []
    for measured in (True, False):
        with monkeypatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore", nn.SlowTrainingWarning)
            if not measured:
                patch.setattr("nn.training.eager.slowness", lambda run: 0.0)
            model = Dropout(3, [4, 2], seed=1, generator=random.Random(1))
            nn.fit(model, X, y, epochs=21, seed=1)
            left.append([(p.data, p.grad) for p in model.parameters()])
    assert left[0] == left[1]


class ReadsOutput(nn.MLP):
    def __call__(self, x: Any) -> Any:
        h = super().__call__(x)
        return [v * float(h[0].data) for v in h]


@needs_compiler
def test_eager_training_is_measured_beside_minibatches_on_a_program(monkeypatch: Any) -> None:
    made: list[Any] = []
    run = Trainer.run

    def noted(self: Trainer, rows: Any, size: int, rates: Any) -> int:
        made.append((len(rows), size, run(self, rows, size, rates), self.outputs.copy(), self.gradients))
        return int(made[-1][2])

    monkeypatch.setattr(Trainer, "run", noted)
    monkeypatch.setattr("nn.training.eager._seconds", lambda f: [f(), 1.0][1])
    X, y = data(100, 3, 2)
    with pytest.warns(nn.SlowTrainingWarning, match="about 128 times slower"):
        nn.fit(ReadsOutput(3, [4, 2], seed=1), X, y, epochs=30, batch_size=32, seed=1)
    rows, size, updates, losses, gradient = made[-1]
    model = ReadsOutput(3, [4, 2], seed=1)
    loss = nn.cross_entropy(model(X[0]), y[0])
    loss.backward()
    assert (rows, size, updates) == (128, 32, 4)
    assert losses.ravel().tolist() == [loss.data] * 32  # a row each: nothing is computed once for all
    assert gradient.tolist() == pytest.approx([p.grad for p in model.parameters()], rel=1e-12)


def jumping(outputs: Any, label: int) -> Any:
    loss = nn.cross_entropy(outputs, label)
    return loss if loss < 1.0 else 0.5 * loss


def of_two_outputs(outputs: Any, label: int) -> Any:
    other = outputs[0] if label else outputs[1]
    return ag.exp(-outputs[label]) if outputs[label] > other else other - outputs[label] + 1.0


def rare(outputs: Any, label: int) -> Any:
    """A branch that the outputs of a fresh network, and its multiples, do not take."""
    loss = nn.cross_entropy(outputs, label)
    return 0.1 * loss if 0.47 < loss < 0.5 else loss


@needs_compiler
@pytest.mark.parametrize(("loss", "classes"), [(jumping, 4), (of_two_outputs, 2), (rare, 3)])
@pytest.mark.parametrize("optimizer", [lambda: nn.Adam(lr=0.02), lambda: Signs(lr=0.005)])
def test_a_loss_that_branches_for_each_label_leaves_the_bits_of_training_on_values(
    loss: Any, classes: int, optimizer: Any, monkeypatch: Any
) -> None:
    X, y = data(120, 5, classes)
    make = lambda: nn.MLP(5, [8, classes], seed=2)  # noqa: E731
    options = {"loss": loss, "epochs": 8, "batch_size": 16, "optimizer": optimizer}
    assert_same(make, X, y, monkeypatch, **options)
    if loss is jumping:
        _, run = trained(make, X, y, False, monkeypatch, **options)
        assert len(run.updater.recording.programs) == 1
        assert run.updater.recording.is_sampled


class DrawsInABranch(nn.Module):
    """Dropout for some examples alone; the others draw nothing, or fewer numbers."""

    def __init__(self, limit: float, generator: Any = None) -> None:
        self.a, self.b = nn.Layer(3, 6, seed=1), nn.Layer(6, 3, nonlin=False, seed=2)
        self.limit, self.generator = limit, generator
        self.drop, self.noise = nn.Dropout(0.3, seed=1), nn.GaussianNoise(0.1, seed=3)

    def __call__(self, x: Any) -> Any:
        h = self.a(x)
        if x[0] > self.limit:
            if self.generator is not None:
                factor = float(self.generator.random())
                h = [v * factor for v in h]
            else:
                h = self.drop(h)
        return self.b(self.noise(h) if self.limit < 0 else h)


def eager_and_not(monkeypatch: Any, train: Any) -> tuple[Any, Any]:
    found = train()
    with monkeypatch.context() as patch:
        patch.setattr(updaters, "compiled", lambda: False)
        return found, train()


@needs_compiler
@pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")
@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("limit", [-0.5, 0.2, 2.3])
@pytest.mark.parametrize("own", [False, True])
def test_a_draw_in_a_branch_draws_for_its_examples_alone(
    limit: float, own: bool, listens: bool, monkeypatch: Any
) -> None:
    X = np.random.default_rng(0).normal(size=(120, 3))
    y = (X[:, 0] > 0).astype(int)
    assert (X[:, 0] > 2.3).sum() == 2

    class Listens:
        def on_update(self, run: Any) -> None:
            pass

    def train() -> Any:
        model = DrawsInABranch(limit, np.random.default_rng(5) if own else None)
        callbacks = Listens() if listens else ()
        history = nn.fit(model, X, y, epochs=3, batch_size=16, seed=3, optimizer="adam", callbacks=callbacks)
        return [p.data for p in model.parameters()], history["loss"]

    found, eager = eager_and_not(monkeypatch, train)
    assert found == eager


class CountsItsCalls(nn.Module):
    def __init__(self) -> None:
        self.net, self.calls, self.seen = nn.MLP(3, [2], seed=1), 0, []
        self.array = np.zeros(1)

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        self.array += 1.0
        self.seen.append(None)
        factor = 1.0 / (1 + self.calls) + 1.0 / len(self.seen) + float(self.array[0]) / 1000
        return [v * factor for v in self.net(x)]


@needs_compiler
@pytest.mark.filterwarnings("ignore::nn.SlowTrainingWarning")
def test_calls_for_recording_and_measuring_are_put_back(monkeypatch: Any) -> None:
    X = np.random.default_rng(0).normal(size=(80, 3))
    y = (X[:, 0] > 0).astype(int)
    monkeypatch.setattr(slowly, "_LONG", 10)

    def train() -> Any:
        model = CountsItsCalls()
        history = nn.fit(model, X, y, epochs=2, batch_size=16, seed=3)
        return [p.data for p in model.parameters()], model.calls, history["loss"]

    found, eager = eager_and_not(monkeypatch, train)
    assert found == eager


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937])
@pytest.mark.parametrize("seed", range(12))
def test_numbers_are_drawn_for_many_rows_as_for_one_after_the_other(bits: Any, seed: int) -> None:
    r = np.random.default_rng(seed)
    widths = r.integers(0, 9, size=int(r.integers(1, 4))).tolist()
    shared = np.random.Generator(bits(seed))
    made = [shared if seed % 3 else np.random.Generator(bits(seed + k)) for k in range(len(widths))]
    kinds = ["standard_normal" if seed % 4 == 3 and k == 1 else "random" for k in range(len(widths))]
    turned = (lambda drawn: 2.0 * drawn) if seed % 2 else None
    sources = [RandomInput(generator, kind, turned) for generator, kind in zip(made, kinds, strict=True)]
    drawn = DrawnInputs(list(zip(sources, widths, strict=True)), 50)
    drawn.array[:] = 7.0
    before = [generator.bit_generator.state for generator in made]
    rows = r.permutation(50)[: 50 if seed % 5 == 0 else int(r.integers(0, 51))]
    drawn.fill(rows)
    after = [generator.bit_generator.state for generator in made]
    for generator, state in zip(made, before, strict=True):
        generator.bit_generator.state = state
    expected = np.full(drawn.array.shape, 7.0)
    for row in rows:
        for source, width, at in zip(sources, widths, itertools.accumulate([0, *widths]), strict=False):
            expected[row, at : at + width] = source.numbers(source.raw(width))
    assert drawn.array.tobytes() == expected.tobytes()
    assert repr(after) == repr([generator.bit_generator.state for generator in made])


class Lazy(nn.Module):
    """Makes its layers when it is first called, and keeps the last of what it computes."""

    def __init__(self) -> None:
        self.layers: Any = None
        self.dropout = nn.Dropout(0.25, seed=1)

    def __call__(self, x: Any) -> Any:
        if self.layers is None:
            self.layers = nn.MLP(3, [4, 2], seed=1)
        self._last = self.layers(self.dropout(x))
        return self._last


@needs_compiler
def test_a_model_that_makes_its_layers_at_its_first_call_is_trained_on_a_program(monkeypatch: Any) -> None:
    X, y = data(70, 3, 2)
    assert_same(Lazy, X, y, monkeypatch, optimizer=nn.SGD, epochs=3)
