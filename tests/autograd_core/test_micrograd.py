"""Programs in the manner of micrograd and microgpt, with nothing but `Value` exchanged.

Each program below is written against the interface of those projects' `Value` and runs twice: with this
package's, and with a small reference class in their manner (a closure a node, division as a * b**-1).
"""

import itertools
import math
import random

import pytest

import autograd_core

# --- a reference in the manner of micrograd ---


class Reference:
    """A scalar with closures: the textbook form, for comparison only."""

    def __init__(self, data, children=()):
        self.data, self.grad = data, 0
        self._prev, self._backward = tuple(children), lambda: None

    @staticmethod
    def of(other):
        return other if isinstance(other, Reference) else Reference(other)

    def node(self, data, *pairs):
        out = Reference(data, [child for child, _ in pairs])

        def back():
            for child, local in pairs:
                child.grad += local * out.grad

        out._backward = back
        return out

    def __add__(self, other):
        other = Reference.of(other)
        return self.node(self.data + other.data, (self, 1), (other, 1))

    def __mul__(self, other):
        other = Reference.of(other)
        return self.node(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, k):
        return self.node(self.data**k, (self, k * self.data ** (k - 1)))

    def relu(self):
        return self.node(max(0, self.data), (self, float(self.data > 0)))

    def exp(self):
        return self.node(math.exp(self.data), (self, math.exp(self.data)))

    def log(self):
        return self.node(math.log(self.data), (self, 1 / self.data))

    def tanh(self):
        t = math.tanh(self.data)
        return self.node(t, (self, 1 - t * t))

    def backward(self):
        order, seen, path = [], set(), [(self, iter(self._prev))]
        seen.add(id(self))
        while path:
            node, children = path[-1]
            child = next(children, None)
            if child is None:
                order.append(path.pop()[0])
            elif id(child) not in seen:
                seen.add(id(child))
                path.append((child, iter(child._prev)))
        self.grad = 1
        for node in reversed(order):
            node._backward()

    __radd__, __rmul__ = __add__, __mul__
    __neg__ = lambda self: self * -1  # noqa: E731
    __sub__ = lambda self, other: self + (-other)  # noqa: E731
    __rsub__ = lambda self, other: other + (-self)  # noqa: E731
    __truediv__ = lambda self, other: self * other**-1  # noqa: E731
    __rtruediv__ = lambda self, other: other * self**-1  # noqa: E731


# --- programs ---


def sanity_check(Value):
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    return [y.data, x.grad]


def more_operations(Value):
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    return [g.data, a.grad, b.grad]


def whole_numbers(Value):
    """Data given as int, powers of int, sum() from 0."""
    xs = [Value(k) for k in range(1, 5)]
    total = sum(x**2 for x in xs) / len(xs) - 1
    total.backward()
    return [total.data, *[x.grad for x in xs]]


def a_neuron_by_hand(Value):
    x1, x2, w1, w2, b = Value(2.0), Value(0.0), Value(-3.0), Value(1.0), Value(6.8813735870195432)
    n = x1 * w1 + x2 * w2 + b
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    return [o.data, x1.grad, x2.grad, w1.grad, w2.grad, b.grad]


class Module:
    """Modules as micrograd's nn writes them."""

    def zero_grad(self):
        for p in self.parameters():
            p.grad = 0


class Neuron(Module):
    def __init__(self, Value, nin, nonlin=True):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x):
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act

    def parameters(self):
        return [*self.w, self.b]


class MLP(Module):
    def __init__(self, Value, sizes):
        self.layers = [
            [Neuron(Value, nin, nonlin=i + 2 < len(sizes)) for _ in range(nout)]
            for i, (nin, nout) in enumerate(itertools.pairwise(sizes))
        ]

    def __call__(self, x):
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0] if len(x) == 1 else x

    def parameters(self):
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def a_max_margin_classifier(Value):
    random.seed(1337)
    model = MLP(Value, [2, 8, 8, 1])
    X = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(25)]
    y = [1 if a * b > 0 else -1 for a, b in X]
    losses = []
    for k in range(10):
        inputs = [list(map(Value, row)) for row in X]
        scores = list(map(model, inputs))
        terms = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
        data_loss = sum(terms) * (1.0 / len(terms))
        loss = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * 0.2 * p.grad
        losses.append(loss.data)
        assert all(
            (yi > 0) in (True, False) and (score.data > 0) in (True, False)
            for yi, score in zip(y, scores, strict=True)
        )
    return losses


def a_language_model_of_letters(Value):
    """In the manner of microgpt: embeddings, a head of attention, RMS norm, softmax, Adam, of scalars."""
    random.seed(42)
    letters, width = "abc.", 4

    def matrix(rows, columns):
        return [[Value(random.gauss(0, 0.2)) for _ in range(columns)] for _ in range(rows)]

    wte, wpe = matrix(len(letters), width), matrix(6, width)
    wq, wk, wv, wo = (matrix(width, width) for _ in range(4))
    w1, w2, head = matrix(2 * width, width), matrix(width, 2 * width), matrix(len(letters), width)
    params = [p for m in (wte, wpe, wq, wk, wv, wo, w1, w2, head) for row in m for p in row]

    def linear(x, w):
        return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]

    def softmax(logits):
        largest = max(v.data for v in logits)
        exps = [(v - largest).exp() for v in logits]
        total = sum(exps)
        return [e / total for e in exps]

    def rmsnorm(x):
        scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def step(token, position, keys, values):
        x = rmsnorm([t + p for t, p in zip(wte[token], wpe[position], strict=True)])
        q = linear(x, wq)
        keys.append(linear(x, wk))
        values.append(linear(x, wv))
        scores = [sum(qi * ki for qi, ki in zip(q, key, strict=True)) / width**0.5 for key in keys]
        weights = softmax(scores)
        mixed = [sum(w * v[j] for w, v in zip(weights, values, strict=True)) for j in range(width)]
        x = [a + b for a, b in zip(linear(mixed, wo), x, strict=True)]
        hidden = [h.relu() ** 2 for h in linear(rmsnorm(x), w1)]
        x = [a + b for a, b in zip(linear(hidden, w2), x, strict=True)]
        return linear(x, head)

    m, v = [0.0] * len(params), [0.0] * len(params)
    losses = []
    for number in range(4):
        text = [letters.index(c) for c in (".abc.", ".cab.")[number % 2]]
        keys, values, terms = [], [], []
        for position in range(len(text) - 1):
            probabilities = softmax(step(text[position], position, keys, values))
            terms.append(-probabilities[text[position + 1]].log())
        loss = (1 / len(terms)) * sum(terms)
        loss.backward()
        for i, p in enumerate(params):
            m[i] = 0.9 * m[i] + 0.1 * p.grad
            v[i] = 0.95 * v[i] + 0.05 * p.grad**2
            p.data -= (
                0.01
                * (m[i] / (1 - 0.9 ** (number + 1)))
                / ((v[i] / (1 - 0.95 ** (number + 1))) ** 0.5 + 1e-8)
            )
            p.grad = 0
        losses.append(loss.data)
    return losses


PROGRAMS = [
    sanity_check,
    more_operations,
    whole_numbers,
    a_neuron_by_hand,
    a_max_margin_classifier,
    a_language_model_of_letters,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_in_the_manner_of_micrograd_runs_unmodified(program):
    ours, theirs = program(autograd_core.Value), program(Reference)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert all(type(number) is float for number in ours)


@pytest.mark.parametrize("program", PROGRAMS[:2] + PROGRAMS[4:5], ids=lambda program: program.__name__)
def test_micrograd_itself_finds_the_same_numbers(program):
    engine = pytest.importorskip("micrograd.engine")
    assert program(autograd_core.Value) == pytest.approx(program(engine.Value), rel=1e-9)


def test_the_graph_walks_as_micrograds_notebooks_walk_it():
    """The lecture's trace and topological sort: `_prev`, `_op`, `.data`, `.grad`, `.label`."""
    a, b = autograd_core.Value(2.0, label="a"), autograd_core.Value(-3.0, label="b")
    d = (a * b + 10.0) ** 2
    d.label = "d"
    d.backward()
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(d)
    assert len(nodes) == 7
    assert len(edges) == 6
    assert {n._op for n in nodes} == {"", "*", "+", "**2"}
    text = "{ %s | data %.4f | grad %.4f }" % (d.label, d.data, d.grad)  # noqa: UP031
    assert text == "{ d | data 16.0000 | grad 1.0000 }"
    topo, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    build_topo(d)
    assert topo == autograd_core.topological_order(d)


def test_a_second_backward_does_not_pile_up_in_the_middle_of_the_graph():
    """In micrograd it does; users reset every node by hand."""
    x = autograd_core.Value(3.0)
    y = x * x
    z = y * 2.0
    z.backward()
    x.grad = 0
    z.backward()
    assert (x.grad, y.grad) == (12.0, 2.0)


def test_a_chain_too_long_for_micrograd_is_no_trouble():
    x = autograd_core.Value(1.0)
    y = x
    for _ in range(5_000):
        y = y + 0.001
    y.backward()
    assert x.grad == 1.0
    assert repr(y).startswith("Value(")
