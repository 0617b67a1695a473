"""layer_report against the matrix formulas of the lecture, in NumPy."""

import numpy as np
import pytest

import nn
from nn.errors import InputError
from nn.reports import layer_report

G = {
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "relu": (lambda a: np.maximum(a, 0), lambda a: (a > 0).astype(float)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2),
    "linear": (lambda a: a, lambda a: np.ones_like(a)),
}


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


LOSSES = {
    "cross_entropy": (1, lambda f: softmax(f) - np.eye(3)[1], lambda f: -np.log(softmax(f)[1])),
    "mse": (
        [0.5, -1.0, 2.0],
        lambda f: f - [0.5, -1.0, 2.0],
        lambda f: ((f - [0.5, -1.0, 2.0]) ** 2).sum() / 2,
    ),
}

REGULARIZERS = {
    "none": (None, lambda w: 0.0, False),
    "L2": (nn.L2(0.1), lambda w: 0.1 * w, False),
    "L1, biases too": (nn.L1(0.1, biases=True), lambda w: 0.1 * np.sign(w), True),
}


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_every_quantity_agrees_with_the_matrix_formulas(activation, loss, regularizer):
    model = nn.MLP(4, [5, 6, 3], activation=activation, initializer="glorot", seed=1)
    for layer in model.layers:
        for i, b in enumerate(layer.b):
            b.data = 0.1 * (i + 1)
    x = np.array([0.5, -1.0, 0.25, 2.0])
    y, outer, value = LOSSES[loss]
    omega, slope, biases = REGULARIZERS[regularizer]
    report = layer_report(model, x, y, loss=loss, regularizer=omega)

    state = model.state_dict()
    W = [state[f"layer{k}.W"] for k in (1, 2, 3)]
    b = [state[f"layer{k}.b"] for k in (1, 2, 3)]
    kinds = [G[activation], G[activation], G["linear"]]
    a, h = [], [x]
    for k in range(3):  # algorithm 6.3
        a.append(b[k] + W[k] @ h[k])
        h.append(kinds[k][0](a[k]))
    g = outer(h[-1])
    for k in reversed(range(3)):  # algorithm 6.4
        np.testing.assert_allclose(report[k].dh, g, rtol=1e-11, atol=1e-14)
        g = g * kinds[k][1](a[k])
        np.testing.assert_allclose(report[k].a, a[k], rtol=1e-13)
        np.testing.assert_allclose(report[k].h, h[k + 1], rtol=1e-13)
        np.testing.assert_allclose(report[k].g, g, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(report[k].dW, np.outer(g, h[k]) + slope(W[k]), rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(report[k].db, g + (slope(b[k]) if biases else 0), rtol=1e-11, atol=1e-14)
        g = W[k].T @ g
    np.testing.assert_allclose(report.dx, g, rtol=1e-11, atol=1e-14)
    assert report.loss == pytest.approx(value(h[-1]))
    assert report.objective == pytest.approx(nn.objective(model, [x], [y], loss, omega).data)


def test_the_gradients_of_the_model_stay_as_they_were():
    model = nn.MLP(2, [3, 1], seed=0)
    model([1.0, 2.0]).backward()
    before = [p.grad for p in model.parameters()]
    layer_report(model, [1.0, 2.0], 1.0, loss="mse")
    assert [p.grad for p in model.parameters()] == before


def test_a_report_prints_as_a_table_and_tells_what_it_leaves_out():
    text = repr(layer_report(nn.MLP(2, [20, 1], seed=0), [1.0, 2.0], 1.0, loss="mse"))
    assert text.startswith("J = ")
    for part in (
        "h(0) = x",
        "layer1: W(1) 20 x 2",
        "g = dJ/da(2)",
        "dJ/dW(1)[0]",
        "... 12 more rows",
        "... 12 more]",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: layer_report(m, [1.0], 0), "takes 2 inputs"),
        (lambda m: layer_report(m, [1.0, float("nan")], 0), r"x\[0, 1\] is nan"),
        (lambda m: layer_report(m, [1.0, 2.0], 3), "label 3"),
        (lambda m: layer_report(nn.Module(), [1.0, 2.0], 0), "needs a model with layers"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(nn.MLP(2, [2, 2], seed=0))


class Skipping(nn.MLP):
    """A forward pass of its own: the layers in another way than one after the other."""

    def forward(self, x):
        h = self.layers[0].forward(x)
        return [2.0 * a + b for a, b in zip(self.layers[1].forward(h), h, strict=True)]

    def __call__(self, x):
        return self.forward(x)


def test_the_report_of_a_model_with_a_forward_pass_of_its_own_is_of_that_pass():
    model = Skipping(2, [3, 3], activation="tanh", seed=1)
    x = [0.5, -1.0]
    report = layer_report(model, x, 1)
    loss = nn.cross_entropy(model(x), 1)
    loss.backward()
    assert report.loss == loss.data
    for layer, quantities in zip(model.layers, report.layers, strict=True):
        assert quantities.dW.tolist() == [[v.grad for v in row] for row in layer.W]
        assert quantities.db.tolist() == [v.grad for v in layer.b]
    h = [v.data for v in model.layers[0].forward(x)]
    assert report[0].h.tolist() == h


@pytest.mark.parametrize("uses", [0, 2])
def test_a_layer_that_is_not_used_once_has_no_report(uses):
    class Odd(nn.MLP):
        def __call__(self, x):
            h = self.layers[0].forward(x)
            for _ in range(uses):
                h = self.layers[1].forward(h)
            return h

    with pytest.raises(InputError, match=f"layer2 is used {uses} times"):
        layer_report(Odd(2, [2, 2], seed=1), [0.5, -1.0], 1)


def test_layers_of_another_kind_are_a_report_only_where_they_are_the_model():
    class Half(nn.Module):
        name, nout = "half", 2

        def __init__(self):
            self.b = [nn.Neuron(1).b, nn.Neuron(1).b]
            self.W = [[v] for v in self.b]

        def affine(self, x):
            return [0.5 * v + b for v, b in zip(x, self.b, strict=True)]

        def activate(self, a):
            return [v.tanh() for v in a]

    class Model(nn.Module):
        def __init__(self, factor):
            self.layers, self.factor = [Half()], factor

        def __call__(self, x):
            return [self.factor * v for v in self.layers[0].activate(self.layers[0].affine(x))]

    assert layer_report(Model(1.0), [0.5, -1.0], 1).loss > 0.0
    with pytest.raises(InputError, match="Model is not its layers one after the other"):
        layer_report(Model(2.0), [0.5, -1.0], 1)
