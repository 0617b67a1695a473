"""Schedules at their ends and corners; tests/nn/test_optimizers.py compares them with PyTorch."""

import pytest

import nn
from nn.errors import InputError
from nn.schedules import (
    ByEpoch,
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    StepDecay,
    WarmUp,
    rate_at,
    schedule_of,
)


def test_a_number_is_a_constant_schedule():
    assert schedule_of(0.1) == Constant(0.1)


def test_a_schedule_stays_itself():
    schedule = ExponentialDecay(0.1, 0.5)
    assert schedule_of(schedule) is schedule


def test_cosine_decay_starts_at_the_rate_and_stays_at_the_end():
    schedule = CosineDecay(0.4, steps=10, final=0.1)
    assert [schedule(k) for k in (0, 5, 10, 500)] == pytest.approx([0.4, 0.25, 0.1, 0.1])


def test_linear_decay_follows_equation_8_14():
    schedule = LinearDecay(0.4, steps=4, final=0.2)
    assert [schedule(k) for k in (0, 1, 4, 9)] == pytest.approx([0.4, 0.35, 0.2, 0.2])


def test_a_schedule_can_count_epochs():
    schedule = ByEpoch(StepDecay(0.1, every=2, factor=0.5), updates=10)
    assert [schedule(k) for k in (0, 9, 19, 20, 39, 40)] == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]


def test_warm_up_hands_over_to_the_first_rate_of_the_schedule_that_follows():
    schedule = WarmUp(StepDecay(0.1, every=5, factor=0.5), steps=10, start=0.0)
    assert [schedule(k) for k in (0, 5, 10, 14, 15)] == pytest.approx([0.0, 0.05, 0.1, 0.1, 0.05])


@pytest.mark.parametrize("rate", [-1.0, float("inf"), float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    with pytest.raises(InputError, match="learning rate"):
        schedule_of(rate)


@pytest.mark.parametrize("schedule", [nn.ExponentialDecay(0.1, 2.0), nn.StepDecay(0.1, 1, 10.0)])
def test_a_rate_beyond_the_largest_float_is_no_finite_number(schedule):
    with pytest.raises(InputError, match=r"a learning rate .*after 5000 updates"):
        rate_at(schedule, 5000)
