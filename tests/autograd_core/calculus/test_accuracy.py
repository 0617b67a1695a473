"""The partials against mathematics, over the whole range of doubles: the table of docs/accuracy.md holds."""

import math
import re
from pathlib import Path

import pytest

pytest.importorskip("mpmath")

import autograd_core as ag
from autograd_core.calculus.operations import BUILTIN, OPERATIONS
from tests.autograd_core.calculus.accuracy import measured, worst
from tests.definitions import in_mpmath

PAGE = Path(__file__).parents[3] / "docs" / "accuracy.md"
TABLE = {
    name: (int(first), int(second))
    for name, first, second in re.findall(
        r"\| `(\w+)` \| (\d+) \| (\d+) \|", PAGE.read_text(encoding="utf-8")
    )
}
BEYOND_FOUR = {"atan2", "hypot", "gelu", "logsumexp", "sech2", "softmax"}  # the page says why


def test_the_table_has_a_row_for_every_operation_that_is_measured():
    assert set(TABLE) == {op.name for op in measured()}


def test_errors_beyond_four_units_are_those_that_the_page_explains():
    assert {name for name, errors in TABLE.items() if max(errors) > 4} <= BEYOND_FOUR


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("order", [1, 2])
def test_partials_are_as_accurate_as_the_table_says(name, order):
    error, where = worst(OPERATIONS[name], order, points=50)
    assert error <= TABLE[name][order - 1], (error, where)


@pytest.mark.parametrize("name", [op.name for op in BUILTIN if op.ordinary and op.arity])
def test_values_agree_with_the_definition(name):
    import random

    import mpmath as mp

    op, generator, compared = OPERATIONS[name], random.Random(name), 0
    while compared < 20:
        point = [generator.uniform(-3.0, 3.0) for _ in op.parameters]
        if not op.ordinary(*point):
            continue
        with mp.workdps(40):
            expected = float(in_mpmath(op)(*map(mp.mpf, point)))
        assert op.value(*point) == pytest.approx(expected, rel=1e-13, abs=1e-15), point
        compared += 1


@pytest.mark.parametrize("name", [op.name for op in BUILTIN if op.ordinary and op.arity])
def test_the_partial_that_is_shown_is_the_one_that_is_computed(name):
    import random

    op, generator, compared = OPERATIONS[name], random.Random(name), 0
    while compared < 20:
        point = [generator.uniform(-3.0, 3.0) for _ in op.parameters]
        if not op.ordinary(*point):
            continue
        y = op.value(*point)
        shown = [rule(*point, y) for rule in op.shown]
        assert shown == pytest.approx(op.partials(point, y), rel=1e-9, abs=1e-12), point
        compared += 1


SATURATED = [
    (ag.tanh, 25.0),
    (ag.tanh, -300.0),
    (ag.sigmoid, 40.0),
    (ag.sigmoid, 700.0),
    (ag.softplus, -700.0),
]
SATURATED += [(ag.silu, -300.0), (ag.logsigmoid, 60.0), (ag.erf, 8.0), (ag.gelu, -20.0)]


@pytest.mark.parametrize(("function", "x"), SATURATED)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_in_saturation_keep_their_digits_at_every_order(function, x, order):
    import mpmath as mp

    derivative = function
    for _ in range(order):
        derivative = ag.grad(derivative)
    with mp.workdps(400):
        exact = mp.diff(in_mpmath(OPERATIONS[function.__name__]), mp.mpf(x), order)
        assert abs(derivative(x) / exact - 1) < 1e-13
        assert abs(exact) > 0


def test_the_curvature_of_logsumexp_keeps_its_digits_at_a_gap():
    import mpmath as mp

    for gap in (0.5, 17.7, 40.0, 300.0):
        got = ag.hessian(ag.logsumexp)([gap, 0.0])
        with mp.workdps(300):
            p = 1 / (1 + mp.exp(-mp.mpf(gap)))
            assert abs(got[0][0] / (p * (1 - p)) - 1) < 1e-14
        assert got[0][0] == pytest.approx(-got[0][1], rel=1e-15)


def test_probabilities_near_one_have_accurate_slopes():
    for gap in (1.0, 20.0, 100.0):
        x, y = ag.Value(gap), ag.Value(0.0)
        ag.softmax([x, y])[0].backward()
        assert x.grad == -y.grad != 0.0
        x, y = ag.Value(gap), ag.Value(0.0)
        ag.log_softmax([x, y])[0].backward()
        assert x.grad == -y.grad != 0.0


def test_the_graph_of_a_softmax_derivative_has_one_set_of_nodes():
    xs = [ag.Value(0.1 * k) for k in range(8)]
    total = ag.sum([p * k for k, p in enumerate(ag.softmax(xs))])
    before = len(ag.topological_order(total))
    again = ag.topological_order(*ag.differentiate(total, xs))
    assert sum(node.op == "softmax" for node in again) <= 3 * len(xs)
    assert len(again) < before + 8 * len(xs) ** 2


def test_gelu_keeps_its_digits_in_the_tail():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(200):
        for k in range(400):
            x = -37.0 + 0.1001 * k
            exact = mpmath.mpf(x) * mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2
            assert abs(ag.gelu(x) - exact) < 5 * math.ulp(float(exact))
