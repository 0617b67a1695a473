"""softmax and log_softmax of many numbers: memory and time of O(n), the bits of the small ones."""

import math
import random

import pytest

import autograd_core as ag
from autograd_core import Value
from autograd_core.engine.nary import apply

FUNCTIONS = [ag.softmax, ag.log_softmax]


def logits(n, spread=10.0):
    draw = random.Random(n)
    return [draw.uniform(-spread, spread) for _ in range(n)]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("n", [64, 65, 400])
@pytest.mark.parametrize("spread", [1.0, 800.0])
def test_the_values_are_those_of_plain_numbers(function, n, spread):
    numbers = logits(n, spread)
    assert [y.data for y in function([Value(x) for x in numbers])] == function(numbers)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nodes_and_edges_grow_with_n(function):
    def edges(n):
        outputs = function([Value(x) for x in logits(n)])
        graph = ag.statistics(ag.sum(outputs))
        return graph.nodes, graph.edges

    (nodes, few), (more, many) = edges(1000), edges(2000)
    assert nodes < 4100
    assert few < 8100
    assert more < 2.01 * nodes
    assert many < 2.01 * few


@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_of_every_order_are_those_of_the_small_form(function):
    n = 150
    numbers = logits(n, 2.0)
    weights = logits(n, 1.0)
    operation = ag.OPERATIONS[function.__name__]

    def of_shared_parts(x):
        return ag.dot(weights, function(x))

    def of_one_node_each(x):
        return ag.dot(weights, [apply(operation, list(x), k) for k in range(n)])

    for derivative in (ag.grad, lambda f: lambda x: ag.hvp(f, x, weights)):
        ours, theirs = derivative(of_shared_parts)(numbers), derivative(of_one_node_each)(numbers)
        scale = max(map(abs, theirs))
        assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-13 * scale)


def test_higher_orders_stay_of_order_n():
    def nodes(n):
        x = [Value(number) for number in logits(n)]
        y = ag.softmax(x)[3]
        return ag.statistics(*ag.differentiate(y, x)).nodes

    assert nodes(1000) < 2.1 * nodes(500)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_program_gives_the_bits_of_the_eager_graph(function):
    n = 200
    rows = [logits(n, 1.0 + k) for k in range(5)]
    rows[1].reverse()

    def loss(x):
        return ag.dot(range(n), function(list(x)))

    program = ag.record(loss, rows[0])
    values, gradients = program.value_and_grad(rows, wrt=0)
    for row, value, gradient in zip(rows, values, gradients, strict=True):
        expected, slopes = ag.value_and_grad(loss)(row)
        assert value == expected
        assert list(gradient) == slopes


@pytest.mark.parametrize("function", FUNCTIONS)
def test_infinite_logits_give_what_few_of_them_give(function):
    for special in (-math.inf, math.inf, math.nan):
        few = [y.data for y in function([Value(special), Value(0.0), Value(1.0)])]
        many = [y.data for y in function([Value(special), Value(0.0), Value(1.0)] + [Value(-1e4)] * 200)]
        assert str(many[:3]) == str(few)
