"""Stopping criteria as functions of a history."""

import math

import pytest

from nn.errors import InputError
from nn.history import Epoch, History
from nn.stopping import MaxUpdates, Patience, Target, TimeLimit, criteria_of, first_reason


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
    with pytest.raises(InputError, match="no column 'loos'"):
        Target(1, "loos")(history([1]))
    with pytest.raises(InputError, match="at least 1"):
        Patience(0)
