"""Predictions, accuracy, confusion matrix, evaluation: against scikit-learn and by hand."""

import math
import random
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

import nn
from autograd_core import no_grad
from autograd_core.programs.batch_gradient import compiled
from nn.errors import InputError


def model(outputs=3):
    return nn.MLP(2, [4, outputs], activation="tanh", seed=2)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 2)), rng.integers(0, 3, size=50)


def test_predictions_are_the_outputs_as_floats(data):
    X, _ = data
    net = model()
    assert nn.predict(net, X)[3] == [v.data for v in net(X[3].tolist())]
    single = model(1)
    assert nn.predict(single, X)[3] == single(X[3].tolist()).data


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "elu", "silu", "sin"])
@pytest.mark.parametrize("output", ["linear", "softmax"])
def test_many_predictions_have_the_bits_of_single_ones(data, activation, output):
    X, _ = data
    net = nn.MLP(2, [5, 3], activation=activation, output=output, seed=4)
    assert nn.predict(net, X) == [[v.data for v in net(row)] for row in X.tolist()]


def test_predictions_follow_the_parameters(data):
    X, _ = data
    net = model()
    before = nn.predict(net, X)
    for p in net.parameters():
        p.data += 0.5
    assert nn.predict(net, X) == [[v.data for v in net(row)] for row in X.tolist()] != before


def test_predictions_where_no_graph_is_made_are_the_same(data):
    X, _ = data
    expected = nn.predict(model(), X)
    with no_grad():
        assert nn.predict(model(), X) == expected


def test_an_activation_that_draws_random_numbers_draws_for_every_example():
    rng = random.Random(0)
    net = nn.MLP(1, [1], output=lambda a: a + rng.random(), initializer="zeros")
    assert len(set(nn.predict(net, [[1.0]] * 40))) == 40


def test_a_prediction_leaves_the_gradients_alone(data):
    net = model(1)
    net([1.0, 2.0]).backward()
    before = [p.grad for p in net.parameters()]
    nn.predict(net, data[0])
    assert [p.grad for p in net.parameters()] == before


def test_labels_are_the_largest_outputs_and_may_have_names(data):
    X, _ = data
    net = model()
    labels = nn.predict_labels(net, X)
    assert labels == np.argmax(nn.predict(net, X), axis=1).tolist()
    assert nn.predict_labels(net, X, ["a", "b", "c"]) == [["a", "b", "c"][label] for label in labels]


def test_accuracy_and_confusion_agree_with_scikit_learn(data):
    X, y = data
    net = model()
    labels = nn.predict_labels(net, X)
    assert nn.accuracy(net, X, y) == reference.accuracy_score(y, labels)
    assert (nn.confusion_matrix(y, labels) == reference.confusion_matrix(y, labels)).all()


@pytest.mark.parametrize("negative", [0, -1])
def test_the_border_of_a_single_output_is_at_zero(data, negative):
    X, _ = data
    net = model(1)
    y = [1 if output > 0 else negative for output in nn.predict(net, X)]
    assert nn.accuracy(net, X, y) == 1.0
    y[0] = 1 if y[0] == negative else negative
    assert nn.accuracy(net, X, y) == 0.98


def test_a_confusion_matrix_may_have_classes_that_do_not_occur():
    matrix = nn.confusion_matrix(["b", "b"], ["b", "a"], classes=["a", "b", "c"])
    assert matrix.tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_evaluate_gives_the_mean_loss_and_the_accuracy(data):
    X, y = data
    net = model()
    found = nn.evaluate(net, X, y)
    losses = [nn.cross_entropy(net(x), t).data for x, t in zip(X.tolist(), y.tolist(), strict=True)]
    assert found.loss == pytest.approx(math.fsum(losses) / 50)
    assert (found.accuracy, found.examples) == (nn.accuracy(net, X, y), 50)


def test_numbers_have_no_accuracy(data):
    X, y = data
    assert nn.evaluate(model(1), X, y, loss="mse").accuracy is None


def test_labels_that_do_not_exclude_each_other_must_all_be_right(data):
    X, _ = data
    net = model()
    right = (np.array(nn.predict(net, X)) > 0).astype(int)
    assert nn.accuracy(net, X, right, loss="binary_cross_entropy") == 1.0
    wrong = right.copy()
    wrong[3, 1] = 1 - wrong[3, 1]
    assert nn.accuracy(net, X, wrong, loss="binary_cross_entropy") == 0.98
    assert nn.accuracy(net, X, wrong) == 0.98 or (wrong.sum(axis=1) == 1).all()
    found = nn.evaluate(net, X, wrong, loss="binary_cross_entropy")
    assert (found.accuracy, found.accuracy_kind) == (0.98, "subset")
    history = nn.fit(net, X, wrong, loss="binary_cross_entropy", validation=(X, wrong), epochs=1)
    assert history.accuracy_kind == "subset"
    assert history[-1].validation_accuracy == nn.accuracy(net, X, wrong, loss="binary_cross_entropy")
    with pytest.raises(InputError, match="neither probabilities of classes"):
        nn.accuracy(net, X, 0.3 * right)


def test_weights_of_examples_count_in_the_accuracy(data):
    X, y = data
    weights = np.arange(50.0)
    expected = reference.accuracy_score(y, nn.predict_labels(model(), X), sample_weight=weights)
    assert nn.accuracy(model(), X, y, sample_weight=weights) == pytest.approx(expected)


class Doubling(nn.MLP):
    """Takes another branch for some rows."""

    def __call__(self, x):
        outputs = super().__call__(x)
        return outputs if outputs[0] > 0.0 else [2.0 * v for v in outputs]


class Seldom(nn.MLP):
    """Another function where a number is read, for one row of many."""

    def __call__(self, x):
        outputs = super().__call__(x)
        return outputs if x[0] == 0.0 else [2.0 * v for v in outputs]


def test_predicting_takes_nothing_from_a_generator_but_what_every_row_draws():
    left = []
    for rows in (40, 1):  # by a recording that is given up, and row by row
        rng = random.Random(0)
        net = nn.MLP(1, [1], output=lambda a, rng=rng: a * (0.0 if rng.random() < 1e-9 else 1.0), seed=1)
        rng.seed(5)
        for _ in range(40 // rows):
            nn.predict(net, [[1.0]] * rows)
        left.append(rng.random())
    assert left[0] == left[1]


@pytest.mark.parametrize("kind", [Doubling, Seldom])
def test_predictions_of_a_model_of_ones_own_have_the_bits_of_single_ones(data, kind):
    X, _ = data
    X[17, 0] = 0.0
    net = kind(2, [5, 3], seed=4)
    assert nn.predict(net, X) == [[v.data for v in net(row)] for row in X.tolist()]


def test_a_recordable_model_is_not_called_for_every_row(monkeypatch):
    calls, forward = 0, nn.MLP.forward

    def counted(model, x):
        nonlocal calls
        calls += 1
        return forward(model, x)

    class Own(nn.MLP):
        """A model of the user's."""

    monkeypatch.setattr(nn.MLP, "forward", counted)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 2)), rng.integers(0, 3, 500)
    net = Own(2, [4, 3], seed=1)
    nn.predict(net, X)
    nn.accuracy(net, X, y)
    nn.evaluate(net, X, y)
    assert calls < 50
    calls = 0
    nn.fit(
        net,
        X[:20],
        y[:20],
        validation=(X, y),
        epochs=20,
        metrics={"hits": lambda y, f: (f.argmax(1) == y).mean()},
    )
    assert calls < 600


def test_onehot_rows_have_one(data):
    X, y = data
    assert nn.evaluate(model(), X, np.eye(3)[y]).accuracy == nn.accuracy(model(), X, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: nn.predict(model(), X[:, :1]), "takes 2 inputs, and the rows of X have 1"),
        (lambda X, y: nn.accuracy(model(), X, y[:-1]), "differ in length: 50 examples, 49"),
        (lambda X, y: nn.evaluate(model(), X, y + 1), "label 3 in y is out of range"),
        (lambda X, y: nn.accuracy(model(), X, ["a"] * 50), "y is not an array of numbers"),
        (lambda X, y: nn.predict_labels(model(), X, ["a"]), "more classes apart than the 1 that are named"),
        (lambda X, y: nn.objective(model(), [], []), "no example"),
        (lambda X, y: nn.confusion_matrix([1], [1, 2]), "differ in length"),
        (lambda X, y: nn.confusion_matrix([1], [7], classes=[1]), "class 7 is not among"),
    ],
)
def test_data_that_does_not_fit_is_refused(data, call, message):
    with pytest.raises(InputError, match=message):
        call(*data)


@pytest.mark.parametrize(
    ("outputs", "y"),
    [
        (2, [[0], [1]]),
        (2, [0, 2]),
        (2, [0, math.nan]),
        (2, [0.5, 1]),
        (1, [1, 2]),
        (1, [math.nan, 0]),
        (1, [-0.5, 0]),
        (3, [[0, 1], [1, 0]]),
    ],
)
def test_the_accuracy_of_what_names_no_class_is_refused(outputs, y):
    with pytest.raises(nn.InputError, match=r" in y is not | and y has shape "):
        nn.accuracy(nn.MLP(2, [outputs], seed=1), [[0.0, 1.0], [1.0, 0.0]], y)


def _confused(seed: int, rows: int, outputs: int) -> Any:
    """A model that returns its inputs, and inputs whose signs are often not the targets'."""
    rng = np.random.default_rng(seed)
    model = nn.MLP(outputs, [outputs], seed=1)
    model.load_state_dict({"layer1.W": np.eye(outputs), "layer1.b": np.zeros(outputs)})
    return model, rng.normal(size=(rows, outputs)), rng


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_accuracies_and_metrics_are_those_of_scikit_learn(seed: int, weighted: bool) -> None:
    rows, outputs = 40 + seed, 2 + seed % 3
    model, X, rng = _confused(seed, rows, outputs)
    weights = rng.uniform(size=rows) if weighted else None
    logits = np.array(nn.predict(model, X))
    assert (logits == X).all()

    labels = rng.integers(0, 2, (rows, outputs))
    labels[0] = 0, *[1] * (outputs - 1)
    found = nn.accuracy(model, X, labels, "binary_cross_entropy", sample_weight=weights)
    assert found == pytest.approx(reference.accuracy_score(labels, X > 0, sample_weight=weights), rel=1e-14)
    classes = rng.integers(0, outputs, rows)
    found = nn.accuracy(model, X, classes, sample_weight=weights)
    assert found == pytest.approx(
        reference.accuracy_score(classes, X.argmax(axis=1), sample_weight=weights), rel=1e-14
    )
    counts = nn.confusion_matrix(classes, nn.predict_labels(model, X), range(outputs))
    assert (counts == reference.confusion_matrix(classes, X.argmax(axis=1), labels=range(outputs))).all()

    names = ("f1", "precision", "recall", "jaccard")
    score = {name: getattr(reference, f"{name}_score") for name in names}
    for loss, y, decide in (
        ("binary_cross_entropy", labels.astype(float), lambda f: f > 0),
        ("cross_entropy", classes, lambda f: f.argmax(axis=1)),
    ):
        metrics = {
            n: lambda y, f, n=n, by=decide: score[n](y, by(f), average="macro", zero_division=0)
            for n in names
        }
        metrics["auc"] = lambda y, f: reference.roc_auc_score(y == 1, f if f.ndim == y.ndim else f[:, 1])
        run = nn.fit(
            model,
            X,
            y,
            loss=loss,
            optimizer=nn.SGD(lr=1e-300),
            epochs=1,
            seed=1,
            validation=(X, y),
            metrics=metrics,
        )
        for name in names:
            expected = score[name](y, decide(X), average="macro", zero_division=0)
            assert run[-1].metrics[name] == expected
        assert run[-1].validation_accuracy == pytest.approx(reference.accuracy_score(y, decide(X)), rel=1e-14)


def test_a_metric_that_fails_is_named_and_told_what_it_gets() -> None:
    X, y = np.eye(4), np.array([0, 1, 2, 0])
    for metric in (reference.f1_score, lambda y, f: None, lambda y, f: f.mean(axis=0)):
        with pytest.raises(InputError, match=r"the metric 'mine' failed: .*of shape \(4, 3\).*argmax"):
            nn.fit(
                nn.MLP(4, [3], seed=1), X, y, epochs=1, seed=1, validation=(X, y), metrics={"mine": metric}
            )


@pytest.mark.parametrize("metrics", ["accuracy", ["accuracy"], reference.f1_score])
def test_metrics_without_names_are_refused(metrics: Any) -> None:
    X, y = np.eye(3), [0, 1, 2]
    with pytest.raises(InputError, match="metrics are named by you: a dict"):
        nn.fit(nn.MLP(3, [3], seed=1), X, y, epochs=1, validation=(X, y), metrics=metrics)


class Stateful(nn.Module):
    """A model that counts its calls, or changes another number of its own in some of them."""

    def __init__(self, change):
        self.net, self.change = nn.MLP(2, [3], seed=1), change
        self.calls, self.seen = 0, {"largest": 0.0}

    def __call__(self, x):
        self.change(self, x)
        return self.net(x)


def count(model, x):
    model.calls += 1


def keep_largest(model, x):
    model.seen["largest"] = max(model.seen["largest"], *map(float, x))


class Remembering(nn.Module):
    """A model that adds a part of the example before."""

    def __init__(self):
        self.net, self.before = nn.MLP(2, [3], seed=1), [0.0, 0.0]

    def __call__(self, x):
        before, self.before = self.before, x
        return [output + 0.5 * float(before[0]) for output in self.net(x)]


def test_predicting_begins_with_what_a_model_remembers():
    X = np.random.default_rng(0).normal(size=(40, 2))
    called = Remembering()
    expected = [[v.data for v in called(row)] for row in X.tolist()]
    assert nn.predict(Remembering(), X) == expected


@pytest.mark.parametrize("change", [count, keep_largest])
def test_predicting_leaves_what_a_model_changes_in_its_calls_as_calls_would(change):
    X = np.random.default_rng(0).normal(size=(40, 2))
    predicted, called = Stateful(change), Stateful(change)
    expected = [[v.data for v in called(row)] for row in X.tolist()]
    assert nn.predict(predicted, X) == expected
    assert (predicted.calls, predicted.seen) == (called.calls, called.seen)


def test_validating_leaves_what_model_and_loss_change_in_their_calls():
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 3
    model, losses = Stateful(count), []

    def loss(outputs, target):
        losses.append(1)
        return nn.cross_entropy(outputs, target)

    evaluation = nn.evaluate(model, X, y, loss=loss)
    assert evaluation.loss == nn.evaluate(model.net, X, y).loss
    assert model.calls == 41  # one to see how many outputs there are
    assert len(losses) >= 40


def keeps_row(model, x):
    model.x = list(x)


def keeps_width(model, x):
    model.width = len(x)


def keeps_tuple(model, x):
    model.x = tuple(x)


@pytest.mark.parametrize("keep", [keeps_row, keeps_width, keeps_tuple])
def test_a_model_that_keeps_its_input_is_predicted_and_trained_on_programs(keep, monkeypatch):
    calls, forward = 0, nn.MLP.forward

    def counted(self, x):
        nonlocal calls
        calls += 1
        return forward(self, x)

    monkeypatch.setattr(nn.MLP, "forward", counted)

    class Model(nn.MLP):
        def __call__(self, x):
            keep(self, x)
            return super().__call__(x)

    X = np.random.default_rng(1).normal(size=(300, 3))
    model = Model(3, [4, 2], seed=1)
    assert nn.predict(model, X) == nn.predict(nn.MLP(3, [4, 2], seed=1), X)
    assert calls < 50
    if compiled():
        history = nn.fit(model, X, (X[:, 0] > 0).astype(int), epochs=2, seed=1)
        assert history.trained_on.startswith("a Program")


def test_that_a_model_is_called_for_each_of_many_rows_is_told():
    class Reads(nn.MLP):
        def __call__(self, x):
            h = super().__call__(x)
            return [v * float(h[0].data) for v in h]

    class Counts(nn.MLP):
        n = 0

        def __call__(self, x):
            self.n += 1
            return super().__call__(x)

    X = np.zeros((2000, 2))
    for kind, reason in ((Reads, "cannot be recorded"), (Counts, "counts its calls")):
        model = kind(2, [2], seed=1)
        with pytest.warns(nn.SlowTrainingWarning, match=reason):
            nn.predict(model, X)
        nn.predict(model, X[:1999])
    assert model.n == 3999


def test_labels_that_are_not_told_apart_are_refused():
    for classes in ([0, 1, 1], [0, math.nan]):
        with pytest.raises(InputError, match="one twice, or NaN"):
            nn.confusion_matrix([0, 1], [1, 0], classes=classes)
    with pytest.raises(InputError, match="NaN"):
        nn.confusion_matrix([math.nan], [math.nan])


def test_a_metric_cannot_change_what_a_run_goes_on_with(data):
    X, y = data

    def greedy(targets, outputs):
        targets[:] = 0
        return 0.0

    before = y.copy()
    with pytest.raises(InputError, match=r"greedy.*read-only"):
        nn.fit(model(), X, y, validation=(X, y), metrics={"greedy": greedy}, epochs=1)
    assert (y == before).all()


def test_a_tensor_that_takes_a_gradient_is_no_array_of_numbers():
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"X is not an array of numbers: .*detach"):
        nn.predict(model(), torch.ones((3, 2), requires_grad=True))


def test_weights_of_any_size_count_by_their_ratios():
    model = nn.MLP(1, [2], seed=1)
    for weights in ([1.5e308, 0.5e308], [1.5, 0.5], [1.5e-300, 0.5e-300], [15e-324, 5e-324]):
        assert nn.accuracy(model, [[0.0], [0.0]], [0, 1], sample_weight=weights) == 0.75


def test_the_history_tells_the_same_kind_of_accuracy_as_evaluate():
    X, y = [[0.5, -1.0], [1.0, 2.0], [0.0, 1.0]], [0, 1, 2]
    model = nn.MLP(2, [3], seed=1)
    history = nn.fit(model, X, y, loss="hinge", epochs=1, validation=(X, y))
    assert history.accuracy_kind == nn.evaluate(model, X, y, loss="hinge").accuracy_kind == "multiclass"
