"""Stopping criteria as functions of a history."""

import math

import pytest

import nn
from nn.errors import InputError
from nn.history import Epoch, History
from nn.stopping import MaxUpdates, Patience, Target, TimeLimit, criteria_of, first_reason, rises


def history(losses, accuracies=None, seconds=1.0):
    accuracies = accuracies or [None] * len(losses)
    return History(
        [
            Epoch(k, 10 * k, loss, loss, 0.0, 1.0, 0.1, seconds * k, loss, accuracy)
            for k, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
        ]
    )


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([], False),
        ([3, 2, 1], False),
        ([1, 2, 3], False),
        ([1, 2, 3, 4], True),
        ([3, 1, 1, 1], False),
        ([3, 1, 1, 1, 1], True),
        ([3, 1, 2, 2, 0.5], False),
    ],
)
def test_patience_waits_for_an_improvement(losses, stops):
    assert bool(Patience(3)(history(losses))) == stops


@pytest.mark.parametrize("epochs", [0, -1, "validation_loss", None, math.nan])
def test_patience_is_a_number_of_epochs(epochs):
    with pytest.raises(InputError, match="epochs must be a number"):
        Patience(epochs)


@pytest.mark.parametrize("wrong", ["a", None, math.nan, [1.0]])
@pytest.mark.parametrize(
    "make", [Target, TimeLimit, MaxUpdates, lambda number: nn.EarlyStopping("loss", min_delta=number)]
)
def test_what_a_criterion_compares_with_is_a_number(make, wrong):
    with pytest.raises(InputError, match=r"(value|seconds|updates|min_delta) must be a number( >= 0)?, not "):
        make(wrong)


@pytest.mark.parametrize("wrong", [3, None, 0.1])
@pytest.mark.parametrize("mode", ["auto", "max"])
@pytest.mark.parametrize("make", [nn.EarlyStopping, nn.ReduceOnPlateau, lambda q, mode: Target(1, q, mode)])
def test_a_quantity_is_a_name(make, mode, wrong):
    with pytest.raises(InputError, match="a quantity is the name of a column of the history"):
        make(wrong, mode=mode)


def test_patience_takes_a_rise_of_an_accuracy_for_an_improvement():
    criterion = Patience(2, "validation_accuracy")
    assert not criterion(history([1, 1, 1], [0.5, 0.6, 0.7]))
    assert (
        criterion(history([1, 1, 1], [0.7, 0.6, 0.5])) == "validation_accuracy has not improved for 2 epochs"
    )


def test_a_small_gain_does_not_count():
    assert Patience(2, "loss", least=0.1)(history([1.0, 0.95, 0.92]))
    assert not Patience(2, "loss", least=0.1)(history([1.0, 0.95, 0.85]))


def test_a_target_is_reached_from_above_by_a_loss_and_from_below_by_an_accuracy():
    assert Target(0.5)(history([0.4])) == "loss reached 0.4 (target 0.5)"
    assert not Target(0.5)(history([0.6]))
    assert Target(0.9, "validation_accuracy")(history([1], [0.95]))
    assert not Target(0.9, "validation_accuracy")(history([1], [0.85]))


def test_time_and_updates_have_limits():
    assert TimeLimit(2.5)(history([1, 1, 1])) == "3.0 s have passed (limit 2.5 s)"
    assert not TimeLimit(3.5)(history([1, 1, 1]))
    assert MaxUpdates(30)(history([1, 1, 1]))
    assert not MaxUpdates(31)(history([1, 1, 1]))


def test_the_first_criterion_that_wants_to_stop_gives_the_reason():
    assert first_reason([TimeLimit(9), Target(0.5), MaxUpdates(1)], history([0.4])).startswith("loss reached")


def test_one_criterion_or_several_or_none_may_be_given():
    assert criteria_of(None) == []
    assert criteria_of(Target(1)) == [Target(1)]
    assert criteria_of((Target(1), TimeLimit(2))) == [Target(1), TimeLimit(2)]


def test_a_quantity_that_is_not_measured_or_does_not_exist_is_told():
    with pytest.raises(InputError, match="does not measure"):
        Patience(3, "validation_accuracy")(history([1, 2]))
    with pytest.raises(InputError, match="Its name does not tell"):
        Patience(3, "loos")
    with pytest.raises(InputError, match="no column 'my_loss'"):
        Target(1, "my_loss")(history([1]))
    with pytest.raises(InputError, match="epochs must be a number >= 1"):
        Patience(0)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        *(
            (name, True)
            for name in ("validation_accuracy", "f1", "f1_macro", "r2", "roc_auc", "score", "acc@5")
        ),
        *(
            (name, True)
            for name in ("average_precision_score", "neg_mean_squared_error", "cohen_kappa_score")
        ),
        *(
            (name, False)
            for name in ("loss", "validation_loss", "mse", "max_error", "brier_score_loss", "lr")
        ),
        *((name, False) for name in ("mean_poisson_deviance", "neg_log_likelihood", "gradient_norm")),
    ],
)
def test_a_quantity_rises_or_falls_by_its_name(quantity: str, expected: bool) -> None:
    assert rises(quantity) is expected
    assert rises(quantity, "min") is False
    assert rises(quantity, "max") is True


@pytest.mark.parametrize(
    "quantity", ["cost", "brier_score", "d2_absolute_error_score", "f1_loss", "myown", ""]
)
def test_a_name_that_does_not_tell_the_direction_asks_for_the_mode(quantity: str) -> None:
    for make in (
        lambda **mode: nn.Patience(3, quantity, **mode),
        lambda **mode: nn.EarlyStopping(quantity, **mode),
        lambda **mode: nn.Target(0.5, quantity, **mode),
        lambda **mode: nn.ReduceOnPlateau(quantity, **mode),
    ):
        with pytest.raises(InputError, match=r'mode="max" or mode="min"'):
            make()
        with pytest.raises(InputError, match="no mode is named 'up'; there are min, max, auto"):
            make(mode="up")
        make(mode="min")


def test_sklearns_metrics_are_told_by_their_names_as_its_scorers_have_them() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    undecided = []
    for name in metrics.get_scorer_names():
        scorer = metrics.get_scorer(name)
        try:
            assert rises(name) is True, name  # of a scorer more is always better
        except InputError:
            undecided.append(name)
        try:
            assert rises(scorer._score_func.__name__) is (scorer._sign > 0), name
        except InputError:
            undecided.append(scorer._score_func.__name__)
    assert "f1" not in undecided
    assert "r2_score" not in undecided
    assert "mean_squared_error" not in undecided


@pytest.mark.parametrize("mode", ["auto", "max"])
def test_early_stopping_and_plateaus_go_by_a_metric_that_should_rise(mode: str) -> None:
    scores = iter([0.2, 0.4, 0.6, 0.5, 0.5, 0.5, 0.5])
    model, rates = nn.MLP(1, [2], seed=1), nn.ReduceOnPlateau("f1", factor=0.5, patience=0, mode=mode)
    history = nn.fit(
        model, [[0.0], [1.0]], [0, 1], optimizer=nn.SGD(lr=1.0), epochs=7, seed=1, validation=([[0.0]], [0]),
        metrics={"f1": lambda y, f: next(scores)}, callbacks=rates,
        stop=nn.EarlyStopping("f1", patience=2, restore_best_weights=True, mode=mode),
    )  # fmt: skip
    assert history.stopped == "f1 has not improved for 2 epochs"
    assert history.best_epoch == 3
    assert history["lr"] == [1.0, 1.0, 1.0, 1.0, 0.5]


def test_what_is_watched_is_looked_for_before_training() -> None:
    for watcher in ({"stop": nn.Patience(3, "f1")}, {"callbacks": nn.ReduceOnPlateau("f1")}):
        model = nn.MLP(1, [2], seed=1)
        before = model.state_dict()
        with pytest.raises(InputError, match=r"no column of the history, which .* watches, is named 'f1'"):
            nn.fit(model, [[0.0], [1.0]], [0, 1], epochs=1, seed=1, **watcher)
        assert all((before[name] == now).all() for name, now in model.state_dict().items())


def test_a_criterion_of_ones_own_is_asked_after_every_epoch_and_not_before_the_first():
    asked = []

    def stop(history):
        asked.append(len(history))
        return "" if history["loss"][-1] > 0.0 and len(history) < 3 else "it is enough"

    X, y = [[0.0], [1.0]], [0.0, 1.0]
    found = nn.fit(nn.MLP(1, [1], seed=1), X, y, loss="mse", epochs=9, stop=stop, seed=1)
    assert (asked, found.stopped) == ([1, 2, 3], "it is enough")
