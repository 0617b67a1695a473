"""Regularizers: value, gradient, and what they leave out."""

import math

import pytest

import nn
from autograd_core import Value
from nn.errors import InputError


def model():
    net = nn.MLP(2, [3, 1], seed=0)
    for p in net.parameters():
        p.data += 0.25  # so that the biases are not 0
    return net


def names_and_gradients(net, regularizer):
    net.zero_grad()
    penalty = regularizer(net)
    penalty.backward()
    return penalty.data, {name: (p.data, p.grad) for name, p in net.named_parameters()}


CASES = {
    "L2": (nn.L2(0.3), lambda w: 0.15 * w * w, lambda w: 0.3 * w),
    "L1": (nn.L1(0.3), lambda w: 0.3 * abs(w), lambda w: math.copysign(0.3, w)),
    "ElasticNet": (
        nn.ElasticNet(0.3, ratio=0.2),
        lambda w: 0.3 * (0.2 * abs(w) + 0.4 * w * w),
        lambda w: 0.3 * (math.copysign(0.2, w) + 0.8 * w),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_penalty_is_alpha_omega_over_the_weights_and_not_the_biases(name):
    regularizer, term, slope = CASES[name]
    net = model()
    penalty, found = names_and_gradients(net, regularizer)
    assert penalty == pytest.approx(sum(term(w) for n, (w, _) in found.items() if ".b" not in n))
    for parameter, (w, g) in found.items():
        assert g == pytest.approx(0.0 if ".b" in parameter else slope(w)), parameter


@pytest.mark.parametrize("kind", [nn.L1, nn.L2, nn.ElasticNet])
def test_biases_count_when_asked_for(kind):
    net = model()
    penalty, found = names_and_gradients(net, kind(0.3, biases=True))
    assert penalty > kind(0.3)(net).data
    assert all(g != 0.0 for _, g in found.values())


def test_the_slope_of_l1_at_zero_is_zero():
    net = nn.MLP(2, [1], initializer="zeros")
    _, found = names_and_gradients(net, nn.L1(0.3))
    assert [g for _, g in found.values()] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.L2(-1.0), "alpha"),
        (lambda: nn.L1(math.nan), "alpha"),
        (lambda: nn.ElasticNet(0.1, ratio=1.5), "ratio"),
        (lambda: nn.L2(0.1)(nn.Module()), "no weights"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_module_of_ones_own_is_regularized_too():
    class Two(nn.Module):
        def __init__(self):
            self.w, self.b = Value(3.0), Value(5.0)

    assert nn.L2(1.0)(Two()).data == 4.5


def test_l2_adds_up_neuron_by_neuron():
    model = nn.MLP(3, [5, 4], seed=2)
    squares = 0.0
    for row in model.rows(["b"]):
        total = row[0].data * row[0].data
        for w in row[1:]:
            total = total + w.data * w.data
        squares = squares + total
    assert nn.L2(0.3)(model).data == 0.3 * (0.5 * squares)
