"""Programs of gradients: what a function selects is selected anew for every row."""

import random

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Value, differentiate
from autograd_core.errors import AutogradError

SELECTIONS = (
    lambda a, b, c: ag.maximum(a, b),
    lambda a, b, c: ag.minimum(a, b * c),
    lambda a, b, c: ag.where(ag.greater(a, b), a * c, b),
    lambda a, b, c: ag.where(ag.less_equal(a, c), ag.exp(-a), ag.log(c * c + 1.0) * a),
    lambda a, b, c: ag.relu(a - b) * c,
    lambda a, b, c: ag.clip(a, -0.5, b),
    lambda a, b, c: ag.clip(c, b * b - 1.0, 1.5),
    lambda a, b, c: abs(a) * b,
    lambda a, b, c: ag.max([a, b, c]),
    lambda a, b, c: ag.min([a * b, c, 0.25]),
    lambda a, b, c: ag.leaky_relu(a, 0.1) + ag.elu(b),
    lambda a, b, c: ag.sign(a) * b,
    lambda a, b, c: ag.floor(3.0 * a) + c,
    lambda a, b, c: ag.logsumexp([a, b, c]),
    lambda a, b, c: ag.softmax([a, b, c])[1],
    lambda a, b, c: ag.sqrt(ag.relu(a) + 1e-3) * b,
)
# Their partials, or parts of these, are infinite or no number in branches that are not taken.
SINGULAR = (
    lambda a, b, c: ag.asinh(a * 1e9) + c,
    lambda a, b, c: ag.relu(b) ** 2.0 + ag.relu(a) ** 1.0,
    lambda a, b, c: ag.norm([ag.relu(a), ag.relu(b)]),
    lambda a, b, c: ag.hypot(ag.relu(a), ag.relu(b)),
    lambda a, b, c: ag.sqrt(ag.relu(a)) * b,
    lambda a, b, c: ag.atan2(ag.relu(b), ag.relu(c)),
)
SMOOTH = (
    lambda a, b, c: a * b + c,
    lambda a, b, c: ag.tanh(a) - b,
    lambda a, b, c: ag.dot([a, b], [b, c], a),
    lambda a, b, c: ag.sin(a) * ag.exp(-b * b),
    lambda a, b, c: a / (2.0 + c * c),
    lambda a, b, c: ag.sum([a, b, c]) * 0.5,
)


def random_function(seed, steps=7, selections=SELECTIONS):
    """A function of three numbers that selects over and over."""
    chooser = random.Random(seed)
    plan = [
        (chooser.choice(selections if chooser.random() < 0.7 else SMOOTH), [chooser.random() for _ in "abc"])
        for _ in range(steps)
    ]

    def function(x):
        pool = list(x)
        for step, places in plan:
            pool.append(step(*[pool[int(place * len(pool))] for place in places]))
        return pool[-1] * pool[-2] + pool[-3]

    return function


def points(seed, count=12):
    generator = np.random.default_rng(seed)
    drawn = generator.uniform(-1.5, 1.5, (count, 3))
    drawn[0, 0] = drawn[0, 1]  # a tie
    drawn[1] = generator.integers(-1, 2, 3)  # kinks at 0
    return drawn


def gradient(function, row):
    leaves = [Value(t) for t in row]
    return [part.data for part in differentiate(function(leaves), leaves)]


def second(function, row):
    leaves = [Value(t) for t in row]
    total = ag.dot(differentiate(function(leaves), leaves), [1.0, -2.0, 3.0])
    return [part.data for part in differentiate(total, leaves)]


def rows_that_compute(compute, seed):
    for row in points(seed):
        try:
            expected = compute(row)
        except AutogradError:
            continue
        if np.isfinite(expected).all():
            yield row, expected


@pytest.mark.parametrize("seed", range(60))
def test_a_program_of_a_gradient_selects_anew(seed):
    function = random_function(seed, selections=SELECTIONS + SINGULAR)
    start = points(seed + 1000, 4)[3]
    program = ag.record(lambda x: differentiate(function(list(x)), list(x)), start)
    for row, expected in rows_that_compute(lambda row: gradient(function, row), seed):
        np.testing.assert_allclose(program(row[None])[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_a_gradient_made_before_recording_selects_anew(seed):
    function = random_function(seed)
    leaves = [Value(t) for t in points(seed + 1000, 4)[3]]
    graphs = differentiate(function(leaves), leaves)
    program = ag.record(lambda: list(graphs))
    for row, expected in rows_that_compute(lambda row: gradient(function, row), seed):
        ag.vector_to_parameters(row, leaves)
        np.testing.assert_allclose(np.ravel(program()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_a_program_of_second_derivatives_selects_anew(seed):
    function = random_function(seed, 5)
    leaves = [Value(t) for t in points(seed + 1000, 4)[3]]
    total = ag.dot(differentiate(function(leaves), leaves), [1.0, -2.0, 3.0])
    graphs = differentiate(total, leaves)
    program = ag.record(lambda: list(graphs))
    for row, expected in rows_that_compute(lambda row: second(function, row), seed):
        ag.vector_to_parameters(row, leaves)
        np.testing.assert_allclose(np.ravel(program()), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_a_gradient_made_before_recording_is_right_or_refused_where_a_branch_is_singular(seed):
    function = random_function(seed, selections=SELECTIONS[:6] + SINGULAR)
    leaves = [Value(t) for t in points(seed + 1000, 4)[3]]
    graphs = differentiate(function(leaves), leaves)
    program = ag.record(lambda: list(graphs))
    for row, expected in rows_that_compute(lambda row: gradient(function, row), seed):
        ag.vector_to_parameters(row, leaves)
        try:
            found = np.ravel(program())
        except ag.RecordingError:
            continue
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_the_graph_of_a_gradient_agrees_with_the_sweep(seed):
    function = random_function(seed, selections=SELECTIONS + SINGULAR)

    def swept(row):
        leaves = [Value(t) for t in row]
        function(leaves).backward()
        return [leaf.grad for leaf in leaves]

    for row, expected in rows_that_compute(swept, seed):
        np.testing.assert_allclose(gradient(function, row), expected, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_a_minimum_follows_the_minimum():
    d0, d1, p = Value(1.0), Value(2.0), Value(1.1)
    g = differentiate(ag.minimum((d0 - p) ** 2, (d1 - p) ** 2), [d0, d1])
    program = ag.record(lambda: g[0] + 2.0 * g[1])
    assert program() == pytest.approx(2.0 * (1.0 - 1.1))
    p.data = 1.9
    assert program() == pytest.approx(2.0 * 2.0 * (2.0 - 1.9))


def test_nothing_passes_a_branch_that_is_not_taken_however_deep():
    x = Value(-1.0)
    for make in (
        lambda x: ag.where(ag.greater(x, 0.0), ag.sqrt(ag.relu(x)) * 2.0, x),
        lambda x: ag.maximum(ag.sqrt(ag.relu(x)) - 5.0, x),
        lambda x: ag.relu(ag.log(ag.relu(x) + 5e-324)) + x,
        lambda x: ag.cbrt(ag.relu(x)) + x,
    ):
        first = differentiate(make(x), [x])[0]
        assert first.data == 1.0
        assert differentiate(first, [x])[0].data == 0.0
        assert ag.jvp(lambda v, make=make: ag.jvp(make, (v,), (1.0,))[1], (-1.0,), (1.0,)) == (1.0, 0.0)
