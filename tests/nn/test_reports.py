"""layer_report against the matrix formulas of the lecture, in NumPy."""

import numpy as np
import pytest

import autograd_core as ag
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


def _sum(a, b):
    return [u + v for u, v in zip(a, b, strict=True)]


def _skip(f, g, e, x):
    h = f(x)
    return e(_sum(g(h), h))


FORMS = {  # of a forward pass of the layers f, g and e
    "one after the other": lambda m, f, g, e, x: e(g(f(x))),
    "called": lambda m, f, g, e, x: m.layers[2](m.layers[1](m.layers[0](x))),
    "a skip connection": lambda m, f, g, e, x: _skip(f, g, e, x),
    "a skip connection of x": lambda m, f, g, e, x: e(_sum(g(f(x)), x)),
    "one around all": lambda m, f, g, e, x: _sum(e(g(f(x))), x),
    "another order": lambda m, f, g, e, x: f(g(e(x))),
    "side by side": lambda m, f, g, e, x: _sum(f(x), _sum(g(x), e(x))),
    "functions between": lambda m, f, g, e, x: e([ag.tanh(v) * 2.0 for v in g([ag.exp(-v) for v in f(x)])]),
    "functions behind": lambda m, f, g, e, x: [2.0 * v for v in nn.MLP.__call__(m, x)],
    "a branch": lambda m, f, g, e, x: e(g(f(x))) if x[0] < 0.0 else e(f(g(x))),
    "two inputs": lambda m, f, g, e, x: e(_sum(f([x[0]] * 3), g([x[1], x[2], x[1]]))),
    "weights beside": lambda m, f, g, e, x: [v + 0.1 * m.layers[0].W[0][0] for v in e(g(f(x)))],
    "no gradient on the way": lambda m, f, g, e, x: e(g([v.detach() for v in f(x)])),
    "by the class": lambda m, f, g, e, x: e(g(nn.Layer.forward(m.layers[0], x))),
}
NO_FORMS = {
    "used twice": lambda m, f, g, e, x: e(g(g(f(x)))),
    "not used": lambda m, f, g, e, x: e(f(x)),
    "twice the model": lambda m, f, g, e, x: nn.MLP.__call__(m, nn.MLP.__call__(m, x)),
    "a dead end": lambda m, f, g, e, x: (g(f(x)), e(f(x)))[1],
    "by affine": lambda m, f, g, e, x: e(g(m.layers[0].affine(x))),
    "by neurons": lambda m, f, g, e, x: e(g([neuron(x) for neuron in m.layers[0].neurons])),
}


def _of_form(form, activation):
    class Model(nn.MLP):
        def __call__(self, x):
            return form(self, *(layer.forward for layer in self.layers), x)

    return Model(3, [3, 3, 3], activation=activation, seed=2)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("omega", [None, nn.L2(0.1)])
def test_reports_of_any_forward_pass_agree_with_leaves_added_on_the_way(name, activation, omega):
    model = _of_form(FORMS[name], activation)
    report = layer_report(model, [0.5, -1.0, 0.25], 1, regularizer=omega)
    passed = []
    for layer in model.layers:
        to_a, to_h, found = [ag.Value(0.0) for _ in range(3)], [ag.Value(0.0) for _ in range(3)], []

        def forward(x, layer=layer, to_a=to_a, to_h=to_h, found=found):
            found[:] = [_sum(layer.affine(x), to_a)]
            found.append(_sum(layer.activate(found[0]), to_h))
            return found[1]

        vars(layer)["_forward"] = forward
        passed.append((to_a, to_h, found))
    x = [ag.Value(number) for number in (0.5, -1.0, 0.25)]
    loss = nn.cross_entropy(model(x), 1)
    (loss if omega is None else loss + omega(model)).backward()
    assert report.loss == pytest.approx(loss.data, rel=1e-12)
    np.testing.assert_allclose(report.dx, [v.grad for v in x], rtol=1e-10, atol=1e-14)
    for layer, mine, (to_a, to_h, (a, h)) in zip(model.layers, report.layers, passed, strict=True):
        expected = {
            "a": [v.data for v in a],
            "h": [v.data for v in h],
            "g": [v.grad for v in to_a],
            "dh": [v.grad for v in to_h],
            "dW": [[v.grad for v in row] for row in layer.W],
            "db": [v.grad for v in layer.b],
        }
        for key, numbers in expected.items():
            np.testing.assert_allclose(getattr(mine, key), numbers, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", NO_FORMS)
def test_forward_passes_that_use_a_layer_otherwise_than_once_have_no_report(name):
    with pytest.raises(InputError, match="times for one example"):
        layer_report(_of_form(NO_FORMS[name], "tanh"), [0.5, -1.0, 0.25], 1)


@pytest.mark.parametrize("what", ["layer", "neuron", "random"])
def test_layers_that_compute_otherwise_than_by_affine_and_activate_have_no_report(what):
    class Affine(nn.Layer):
        def affine(self, x):
            return [2.0 * v for v in super().affine(x)]

    class Square(nn.Neuron):
        def __call__(self, x):
            return super().__call__(x) ** 2.0

    class Random(nn.MLP):
        def __call__(self, x):
            return [rng.normal() * v for v in super().__call__(x)]

    rng = np.random.default_rng(1)
    model = (Random if what == "random" else nn.MLP)(2, [2, 2], activation="tanh", seed=1)
    if what == "layer":
        model.layers[0].__class__ = Affine
    elif what == "neuron":
        model.layers[0].neurons[0].__class__ = Square
    with pytest.raises(InputError, match="no report"):
        layer_report(model, [0.5, -1.0], 1)
