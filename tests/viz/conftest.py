import itertools
import random

import pytest

from autograd_core import Value, dot, scope


class Network:
    """A multilayer perceptron with scopes, as `nn` makes them; viz does not import nn."""

    def __init__(self, *sizes, seed=1):
        choose = random.Random(seed)
        self.layers = []
        for depth, (width, units) in enumerate(itertools.pairwise(sizes)):
            layer = []
            for unit in range(units):
                with scope(f"layer{depth}"), scope(f"neuron{unit}"):
                    layer.append(
                        ([Value(choose.gauss(0, 1), f"w{k}") for k in range(width)], Value(0.0, "b"))
                    )
            self.layers.append(layer)

    def parameters(self):
        return [p for layer in self.layers for weights, bias in layer for p in (*weights, bias)]

    def __call__(self, inputs):
        for depth, layer in enumerate(self.layers):
            outputs = []
            for unit, (weights, bias) in enumerate(layer):
                with scope(f"layer{depth}"), scope(f"neuron{unit}"):
                    total = dot(weights, inputs, bias)
                    outputs.append(total if layer is self.layers[-1] else total.relu())
            inputs = outputs
        return inputs[0] if len(inputs) == 1 else inputs


class ChainNetwork(Network):
    """The same with one node a multiplication and addition, as a beginner writes it."""

    def __call__(self, inputs):
        for depth, layer in enumerate(self.layers):
            outputs = []
            for unit, (weights, bias) in enumerate(layer):
                with scope(f"layer{depth}"), scope(f"neuron{unit}"):
                    total = bias
                    for weight, x in zip(weights, inputs, strict=True):
                        total = total + weight * x
                    outputs.append(total if layer is self.layers[-1] else total.relu())
            inputs = outputs
        return inputs[0]


def minibatch_loss(network, examples, seed=2):
    """The mean squared error of so many random examples."""
    choose = random.Random(seed)
    total = 0.0
    for _ in range(examples):
        x = [Value(choose.uniform(-1, 1), f"x{i}") for i in range(2)]
        total = total + (network(x) - choose.choice((-1.0, 1.0))) ** 2
    loss = total * (1.0 / examples)
    loss.label = "loss"
    return loss


@pytest.fixture
def network():
    return Network


@pytest.fixture
def chain_network():
    return ChainNetwork


@pytest.fixture
def batch_loss():
    return minibatch_loss


@pytest.fixture
def small():
    """loss = tanh(a * b + c) + a ** 2"""
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(6.5, "c")
    loss = (a * b + c).tanh() + a**2
    loss.label = "loss"
    return loss
