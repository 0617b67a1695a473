"""Losses: against PyTorch, at the extremes, and with targets that do not fit."""

import math

import numpy as np
import pytest
import torch

import nn
from autograd_core import Value, log_softmax, softmax
from nn import losses
from nn.errors import InputError

LOGITS = [0.3, -1.7, 2.1, 0.0]


def gradients(loss, outputs, target):
    values = [Value(v) for v in outputs]
    result = loss(values, target)
    result.backward()
    return result.data, [v.grad for v in values]


def torch_gradients(loss, outputs):
    values = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    result = loss(values)
    result.backward()
    return result.item(), values.grad.tolist()


def vector(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


F = torch.nn.functional
Y = [1.0, -2.0, 0.5, 0.0]

CASES = {
    "mse": (losses.mse, Y, lambda z: 0.5 * F.mse_loss(z, vector(Y), reduction="sum")),
    "mae": (losses.mae, Y, lambda z: F.l1_loss(z, vector(Y), reduction="sum")),
    "huber": (losses.huber, Y, lambda z: F.huber_loss(z, vector(Y), reduction="sum")),
    "cross_entropy": (losses.cross_entropy, 2, lambda z: F.cross_entropy(z, torch.tensor(2))),
    "cross_entropy, soft": (
        losses.cross_entropy,
        [0.1, 0.2, 0.3, 0.4],
        lambda z: F.cross_entropy(z, vector([0.1, 0.2, 0.3, 0.4])),
    ),
    "nll": (losses.nll, 1, lambda z: F.nll_loss(z, torch.tensor(1))),
    "binary_cross_entropy": (
        losses.binary_cross_entropy,
        [0.0, 1.0, 0.25, 1.0],
        lambda z: F.binary_cross_entropy_with_logits(z, vector([0.0, 1.0, 0.25, 1.0]), reduction="sum"),
    ),
    "hinge, classes": (
        losses.hinge,
        3,
        lambda z: 4 * F.multi_margin_loss(z.unsqueeze(0), torch.tensor([3])),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_agree_with_pytorch(name):
    ours, target, theirs = CASES[name]
    value, gradient = gradients(ours, LOGITS, target)
    expected, expected_gradient = torch_gradients(theirs, LOGITS)
    assert value == pytest.approx(expected, rel=1e-14)
    assert gradient == pytest.approx(expected_gradient, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("label", range(4))
def test_the_gradient_of_cross_entropy_is_exactly_softmax_minus_onehot(label):
    _, gradient = gradients(losses.cross_entropy, LOGITS, label)
    probabilities = [p.data for p in softmax([Value(z) for z in LOGITS])]
    assert gradient == [p - (j == label) for j, p in enumerate(probabilities)]


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.nll, losses.hinge])
def test_a_onehot_row_gives_the_bits_of_the_label(loss):
    for label in range(4):
        onehot = [float(j == label) for j in range(4)]
        assert gradients(loss, LOGITS, onehot) == gradients(loss, LOGITS, label)


def test_nll_of_log_softmax_is_cross_entropy():
    value = losses.nll(log_softmax([Value(z) for z in LOGITS]), 1)
    assert value.data == pytest.approx(losses.cross_entropy([Value(z) for z in LOGITS], 1).data)


@pytest.mark.parametrize("scale", [1e3, 1e8, 1e300])
def test_cross_entropy_stays_finite_for_huge_logits(scale):
    value, gradient = gradients(losses.cross_entropy, [scale, -scale, 0.0], 1)
    assert value == pytest.approx(2 * scale)
    assert gradient == [1.0, -1.0, 0.0]


@pytest.mark.parametrize(
    ("z", "y", "loss", "slope"), [(1000, 1, 0, 0), (1000, 0, 1000, 1), (-1000, 1, 1000, -1)]
)
def test_binary_cross_entropy_stays_finite_for_huge_logits(z, y, loss, slope):
    value, gradient = gradients(losses.binary_cross_entropy, [z], y)
    assert (value, gradient) == (pytest.approx(loss), [pytest.approx(slope)])


def test_binary_cross_entropy_keeps_small_losses():
    value, _ = gradients(losses.binary_cross_entropy, [40.0], 1)
    assert value == pytest.approx(math.exp(-40), rel=1e-12)


def test_the_gradient_of_mse_is_the_error():
    value, gradient = gradients(losses.mse, [3.0], 1.0)
    assert (value, gradient) == (2.0, [2.0])


@pytest.mark.parametrize(("f", "y", "loss", "slope"), [(0.5, 1, 0.5, -1), (2.0, 1, 0, 0), (0.5, -1, 1.5, 1)])
def test_hinge_counts_what_lacks_to_the_margin(f, y, loss, slope):
    assert gradients(losses.hinge, [f], y) == (loss, [slope])


@pytest.mark.parametrize("r", [-1.0, 1.0])
def test_huber_has_the_same_slope_on_both_sides_of_its_joint(r):
    value, gradient = gradients(losses.huber, [r], 0.0)
    assert (value, gradient) == (0.5, [r])


def test_huber_with_another_joint_agrees_with_pytorch():
    for delta in (0.3, 2.5):
        expected = torch_gradients(
            lambda z, d=delta: F.huber_loss(z, vector(Y), reduction="sum", delta=d), LOGITS
        )
        value, gradient = gradients(lambda f, y, d=delta: losses.huber(f, y, delta=d), LOGITS, Y)
        assert value == pytest.approx(expected[0], rel=1e-14)
        assert gradient == pytest.approx(expected[1], rel=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda z: losses.cross_entropy(z, 4),
            r"label 4 is out of range; the model has 4 outputs, so 0 .. 3",
        ),
        (lambda z: losses.cross_entropy(z, -1), "label -1 is out of range"),
        (lambda z: losses.cross_entropy(z, 1.5), "whole number, not 1.5"),
        (lambda z: losses.cross_entropy(z[0], 0), "at least 2 classes"),
        (lambda z: losses.cross_entropy(z[:1], 0), "at least 2 classes"),
        (lambda z: losses.nll(z, [1.0, 0.0]), "4 outputs and the target has 2"),
        (lambda z: losses.mse(z, 1.0), "4 outputs and the target has 1"),
        (lambda z: losses.huber(z, Y, delta=0.0), "delta must be"),
        (
            lambda z: losses.loss_named("mean_squared"),
            "no loss is named 'mean_squared'; did you mean 'half_squared_error'. there are mse",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call([Value(z) for z in LOGITS])


def test_a_target_may_be_a_number_of_numpys_in_any_guise():
    for label in (np.int64(2), np.array(2), np.float64(2.0)):
        assert gradients(losses.cross_entropy, LOGITS, label) == gradients(losses.cross_entropy, LOGITS, 2)
    assert gradients(losses.mse, LOGITS, np.array(Y)) == gradients(losses.mse, LOGITS, Y)
    wanted = losses.binary_cross_entropy(Value(0.3), 1.0).data
    for right in (True, np.True_, np.array(1.0), np.float32(1.0)):
        assert losses.binary_cross_entropy(Value(0.3), right).data == wanted
        assert losses.hinge(Value(0.3), right).data == 0.7
    two = [Value(0.3), Value(0.4)]
    found = losses.binary_cross_entropy(two, np.array([True, False]))
    assert found.data == losses.binary_cross_entropy(two, [1.0, 0.0]).data


def test_a_loss_is_found_by_name_and_by_function():
    assert losses.loss_named("mse") is losses.loss_named(losses.mse) is losses.LOSSES["mse"]


def test_a_loss_of_ones_own_takes_any_targets():
    row = losses.loss_named(lambda f, y: f - y)
    assert row.targets == "any"


OUTSIDE = [
    ("binary_cross_entropy", 1, 3.0),
    ("binary_cross_entropy", 1, math.nan),
    ("binary_cross_entropy", 2, [0.5, -0.1]),
    ("poisson", 1, -1),
    ("poisson", 2, [1.0, -0.5]),
    ("hinge", 1, 0.0),
    ("hinge", 1, 2),
    ("hinge", 3, [1.0, -1.0, -1.0]),
    ("cross_entropy", 3, [1.0, 1.0, 0.0]),
    ("cross_entropy", 3, [1.5, -0.5, 0.0]),
    ("cross_entropy", 3, [0.0, 0.0, 0.0]),
    ("nll", 3, [0.5, 0.2, 0.2]),
    ("nll", 3, [math.nan, 1.0, 0.0]),
]


@pytest.mark.parametrize(("name", "outputs", "target"), OUTSIDE)
def test_a_target_outside_of_what_a_loss_is_defined_for_is_refused(name, outputs, target):
    loss = losses.LOSSES[name]
    values = [Value(0.3 * k) for k in range(outputs)]
    with pytest.raises(InputError, match="target"):
        loss(values if outputs > 1 else values[0], target)
    model = nn.MLP(2, [outputs], seed=1)
    before = model.state_dict()["layer1.W"].tolist()
    with pytest.raises(InputError, match="y"):
        nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], [target, target], loss=name, epochs=1)
    with pytest.raises(InputError, match="y"):
        nn.evaluate(model, [[0.0, 1.0], [1.0, 0.0]], [target, target], loss=name)
    assert model.state_dict()["layer1.W"].tolist() == before


@pytest.mark.parametrize(
    "target", [[0.333, 0.333, 0.333], [0.33, 0.33, 0.33], np.float32([0.2, 0.3, 0.5]), [0, 1, 0]]
)
@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_probabilities_may_have_been_rounded(name, target):
    values = [Value(0.3 * k) for k in range(3)]
    assert math.isfinite(losses.LOSSES[name](values, target).data)
