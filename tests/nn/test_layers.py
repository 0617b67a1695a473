"""Neuron, Layer, MLP: numbers, scopes, signatures."""

import math
import random

import numpy as np
import pytest
import torch

import nn
from autograd_core import Value, tanh
from nn.activations import ACTIVATIONS
from nn.errors import InputError


def torch_twin(model, activation):
    """A PyTorch network with the same weights."""
    modules = []
    state = model.state_dict()
    for k in range(1, len(model.layers) + 1):
        weight, bias = (torch.tensor(state[f"layer{k}.{name}"]) for name in ("W", "b"))
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight, bias
        modules += [linear, activation()] if k < len(model.layers) else [linear]
    return torch.nn.Sequential(*modules)


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("relu", torch.nn.ReLU),
        ("tanh", torch.nn.Tanh),
        ("sigmoid", torch.nn.Sigmoid),
        ("softplus", torch.nn.Softplus),
        ("leaky_relu", torch.nn.LeakyReLU),
        ("elu", torch.nn.ELU),
        ("gelu", torch.nn.GELU),
        ("silu", torch.nn.SiLU),
        ("logsigmoid", torch.nn.LogSigmoid),
    ],
)
def test_outputs_and_gradients_agree_with_pytorch(name, twin):
    model = nn.MLP(3, [5, 4, 2], activation=name, initializer="glorot", seed=3)
    x = [0.3, -1.2, 0.7]
    outputs = model(x)
    (outputs[0] * outputs[1] + outputs[0]).backward()
    reference = torch_twin(model, twin)
    expected = reference(torch.tensor(x, dtype=torch.float64))
    (expected[0] * expected[1] + expected[0]).backward()
    assert [v.data for v in outputs] == pytest.approx(expected.tolist(), rel=1e-12)
    for k, layer in enumerate(model.layers):
        linear = [m for m in reference if isinstance(m, torch.nn.Linear)][k]
        gradient = np.array([[w.grad for w in row] for row in layer.W])
        np.testing.assert_allclose(gradient, linear.weight.grad.numpy(), rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(
            [b.grad for b in layer.b], linear.bias.grad.numpy(), rtol=1e-11, atol=1e-14
        )


def test_a_neuron_is_one_dot_and_one_activation_under_its_scope():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    out = model([1.0, 2.0])
    assert (out.op, out.scope) == ("dot", "layer2.neuron0")
    hidden = out.parents[3 + 1]
    assert (hidden.op, hidden.scope) == ("tanh", "layer1.neuron1")
    assert (hidden.parents[0].op, hidden.parents[0].scope) == ("dot", "layer1.neuron1")


def test_parameters_carry_label_and_scope():
    model = nn.MLP(2, [3, 1], seed=0)
    neuron = model.layers[0].neurons[2]
    assert [(p.label, p.scope) for p in neuron.parameters()] == [
        ("w0", "layer1.neuron2"),
        ("w1", "layer1.neuron2"),
        ("b", "layer1.neuron2"),
    ]


def test_plain_numbers_get_no_gradient_and_values_do():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    x = [Value(1.0), Value(2.0)]
    by_values = model(x)
    by_values.backward()
    by_numbers = model([1.0, 2.0])
    assert by_numbers.data == by_values.data
    assert all(v.grad != 0.0 for v in x)


def test_the_random_numbers_of_micrograd_are_drawn_in_its_order():
    random.seed(1337)
    expected = [[random.uniform(-1, 1) for _ in range(n)] for n in (2, 2, 2, 3)]
    random.seed(1337)
    model = nn.MLP(2, [3, 1])
    assert [[w.data for w in neuron.w] for layer in model.layers for neuron in layer.neurons] == expected
    assert all(neuron.b.data == 0.0 for layer in model.layers for neuron in layer.neurons)


def test_micrograds_signatures_work():
    neuron = nn.Neuron(3, nonlin=False)
    layer = nn.Layer(3, 2, nonlin=False)
    model = nn.MLP(3, [4, 4, 1])
    assert neuron([1, 2, 3]).op == "dot"
    assert [h.op for h in layer([1, 2, 3])] == ["dot", "dot"]
    assert [len(part.parameters()) for part in (neuron, layer, model)] == [4, 8, 41]
    assert isinstance(model([1, 2, 3]), Value)
    assert (neuron.nonlin, nn.Neuron(3).nonlin) == (False, True)


def test_a_narrow_layer_in_the_middle_is_no_special_case():
    model = nn.MLP(2, [1, 3], activation="tanh", seed=0)
    assert len(model([0.1, 0.2])) == 3


def test_the_same_seed_gives_the_same_model():
    first, second, third = (nn.MLP(2, [4, 2], seed=s) for s in (1, 1, 2))
    assert [p.data for p in first.parameters()] == [p.data for p in second.parameters()]
    assert [p.data for p in first.parameters()] != [p.data for p in third.parameters()]


@pytest.mark.parametrize("name", [None, *ACTIVATIONS])
def test_every_activation_can_be_used_by_name(name):
    assert isinstance(nn.Neuron(2, activation=name, seed=0)([0.1, 0.2]), Value)


def test_an_activation_may_be_any_callable():
    by_name = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    by_function = nn.MLP(2, [3, 1], activation=lambda a: tanh(a), seed=0)
    assert by_function([0.5, 0.5]).data == by_name([0.5, 0.5]).data


def test_no_activation_is_the_linear_one():
    assert nn.Neuron(2, activation=None, nonlin=False, seed=0)([1.0, 2.0]).op == "dot"
    model = nn.MLP(2, [3, 2], activation=tanh, output=None, seed=0)
    assert repr(model) == "MLP(2 -> 3 tanh -> 2 linear, 17 parameters)"
    assert (model.nin, model.nout) == (2, 2)


def test_a_softmax_output_sums_to_one_and_log_softmax_is_its_logarithm():
    soft = nn.MLP(2, [3, 4], output="softmax", seed=0)([0.1, 0.2])
    logs = nn.MLP(2, [3, 4], output="log_softmax", seed=0)([0.1, 0.2])
    assert sum(h.data for h in soft) == pytest.approx(1.0)
    assert np.log([h.data for h in soft]) == pytest.approx([h.data for h in logs])


def test_affine_then_activate_is_the_forward_pass():
    layer = nn.Layer(3, 4, activation="tanh", seed=0)
    x = [0.1, -0.2, 0.3]
    assert [h.data for h in layer.activate(layer.affine(x))] == [h.data for h in layer.forward(x)]


def test_the_description_tells_the_shape():
    assert repr(nn.MLP(4, [8, 3], activation="tanh")) == "MLP(4 -> 8 tanh -> 3 linear, 67 parameters)"
    assert repr(nn.Layer(4, 8)) == "Layer(4 -> 8 relu)"
    assert repr(nn.Neuron(4, nonlin=False)) == "linear neuron(4)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.MLP(2, []), "at least one layer"),
        (lambda: nn.MLP(2, 1), r"nouts is a list, .*\[1\]; not 1"),
        (lambda: nn.MLP(2, [2, 1], activation=["relu"]), r"name of the activation of a neuron is a text"),
        (lambda: nn.MLP(2, [1], output=["relu"]), r"name of the activation of a neuron is a text"),
        (lambda: nn.MLP(2, [2, 1], activation="Relu"), "did you mean 'relu'"),
        (lambda: nn.MLP(2, [1], initializer=nn.He), r"He is a class: call it, He\(...\)"),
        (lambda: nn.MLP(2, [1], initializer=["he"]), "name of the initializer is a text"),
        (lambda: nn.MLP(0, [1]), "nin must be a whole number"),
        (lambda: nn.MLP(2, [0]), "nout must be a whole number"),
        (lambda: nn.MLP(2, [2.5]), "nout must be a whole number"),
        (
            lambda: nn.MLP(2, [1], activation="rellu", output="rellu"),
            "named 'rellu'; did you mean 'relu'. there are linear",
        ),
        (lambda: nn.MLP(2, [2, 1], activation="nope"), "named 'nope'"),
        (lambda: nn.MLP(2, [1], initializer="nope"), "no initializer is named 'nope'"),
        (lambda: nn.Neuron(2, activation="softmax"), "for a whole layer only"),
        (lambda: nn.MLP(2, [1])([1.0]), "layer1 takes 2 inputs and got 1"),
        (lambda: nn.Layer(2, 1)([1.0, 2.0, 3.0]), "takes 2 inputs and got 3"),
        (lambda: nn.Neuron(2)([1.0]), "takes 2 inputs and got 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_an_activation_through_which_no_gradient_passes_is_refused():
    with pytest.raises(InputError, match="no gradient passes"):
        nn.MLP(3, [5, 3], activation=math.tanh)


def test_an_activation_that_is_assigned_later_counts() -> None:
    made, assigned = nn.MLP(2, [3, 2], activation="tanh", seed=1), nn.MLP(2, [3, 2], seed=1)
    assigned.layers[0].activation = "tanh"
    assert [h.data for h in assigned([1.0, 2.0])] == [h.data for h in made([1.0, 2.0])]
    assigned.layers[1].activation = "softmax"
    assert math.isclose(sum(h.data for h in assigned([1.0, 2.0])), 1.0)
    neuron = nn.Neuron(2, seed=1)
    neuron.activation = lambda a: a * 0.0 + 5.0
    assert neuron([1.0, 2.0]).data == 5.0
    with pytest.raises(nn.InputError, match="activation"):
        assigned.layers[0].activation = "tanhh"
    assert "tanh ->" in repr(assigned)


def test_neurons_and_layers_of_ones_own_are_called_by_what_holds_them() -> None:
    class Tenfold(nn.Neuron):
        def __call__(self, x):
            return 10.0 * super().__call__(x)

    class Doubled(nn.Layer):
        def __call__(self, x):
            return [2.0 * h for h in super().forward(x)]

    plain, model = nn.MLP(2, [3, 2], seed=1), nn.MLP(2, [3, 2], seed=1)
    model.layers[1].neurons[0] = Tenfold(3, nonlin=False, seed=5)
    assert (
        model([1.0, 2.0])[0].data
        == 10.0 * nn.Neuron(3, nonlin=False, seed=5)(plain.layers[0]([1.0, 2.0])).data
    )
    assert not model.is_pure
    model.layers[1] = Doubled(3, 2, seed=6, name="layer2")
    inner = nn.Layer(3, 2, seed=6)(plain.layers[0]([1.0, 2.0]))
    assert [h.data for h in model([1.0, 2.0])] == [2.0 * h.data for h in inner]
