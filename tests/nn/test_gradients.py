"""Every loss, activation and regularizer, and whole networks, against finite differences."""

import random

import pytest

import nn
from autograd_core import Value
from autograd_core.checking.check import check_gradients
from nn import losses
from nn.activations import ACTIVATIONS, VECTOR_ACTIVATIONS

LOGITS = [0.3, -1.7, 2.1, 0.05]
TARGETS = {
    "mse": [1.0, -2.0, 0.5, 0.0],
    "mae": [1.0, -2.0, 0.5, 0.0],
    "half_squared_error": [1.0, -2.0, 0.5, 0.0],
    "absolute_error": [1.0, -2.0, 0.5, 0.0],
    "huber": [1.0, 2.0, 0.5, 0.0],  # two errors within the joint and two beyond it
    "poisson": [1.0, 0.0, 2.0, 3.0],
    "cross_entropy": 2,
    "nll": 1,
    "binary_cross_entropy": [0.0, 1.0, 0.25, 1.0],
    "hinge": 3,
}


def test_no_loss_is_left_out():
    assert set(TARGETS) == set(losses.LOSSES)


@pytest.mark.parametrize("name", TARGETS)
def test_the_gradient_of_a_loss_is_right(name):
    report = check_gradients(lambda z: losses.LOSSES[name](z, TARGETS[name]), [LOGITS])
    assert len(report.rows) == 4


@pytest.mark.parametrize("scale", [1e-6, 30.0, 700.0])
@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy", "huber"])
def test_the_gradient_of_a_loss_is_right_far_out_and_close_by(name, scale):
    check_gradients(lambda z: losses.LOSSES[name](z, TARGETS[name]), [[scale * z for z in LOGITS]])


@pytest.mark.parametrize("target", [1, -1])
def test_the_gradient_of_the_hinge_of_one_output_is_right(target):
    check_gradients(lambda f: nn.hinge(f, target), [0.3])


@pytest.mark.parametrize("point", [-2.0, -0.3, 0.4, 5.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_an_activation_is_right(name, point):
    check_gradients(ACTIVATIONS[name], [point])


@pytest.mark.parametrize("name", VECTOR_ACTIVATIONS)
def test_the_gradient_of_an_activation_of_a_layer_is_right(name):
    def mixed(z):
        outputs = VECTOR_ACTIVATIONS[name](z)
        return outputs[0] * outputs[1] + outputs[2] * outputs[3]

    check_gradients(mixed, [LOGITS])


@pytest.mark.parametrize("regularizer", [None, nn.L2(0.1), nn.L1(0.1), nn.ElasticNet(0.1, 0.3, biases=True)])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
def test_the_gradient_of_the_objective_of_a_network_is_right(activation, regularizer):
    model = nn.MLP(2, [3, 3], activation=activation, initializer="glorot", seed=3)
    for p in model.parameters():
        p.data += 0.05  # so that no bias is 0, where L1 has its kink
    X, y = [[0.5, -1.0], [2.0, 0.3]], [2, 0]
    report = check_gradients(lambda: nn.objective(model, X, y, regularizer=regularizer), model.parameters())
    assert len(report.rows) == 21


@pytest.mark.parametrize("regularizer", [nn.L2(0.3), nn.L1(0.3), nn.ElasticNet(0.3, 0.2)])
def test_the_gradient_of_a_regularizer_is_right(regularizer):
    class Weights(nn.Module):
        def __init__(self, w):
            self.w = list(w)

    rng = random.Random(2)
    check_gradients(lambda w: regularizer(Weights(w)), [[rng.uniform(-2, 2) for _ in range(6)]])


def test_a_wrong_gradient_would_be_found():
    from autograd_core.errors import GradientCheckError

    def wrong(z):
        kept = [Value(v.data) for v in z[:1]]  # the graph is cut at the first input
        return nn.cross_entropy([*kept, *z[1:]], 2)

    with pytest.raises(GradientCheckError):
        check_gradients(wrong, [LOGITS])
