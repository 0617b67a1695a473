"""Every operation at its special points: the gradient's graph says what the sweep says, without errors."""

import math

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, CustomOperation, Value
from autograd_core.engine.nary import apply

ONE = [
    *(0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1e-8, -1e-8, 1e300, -1e300, 710.0, -710.0, 40.0, -40.0),
    *(math.inf, -math.inf, math.nan),
]
TWO = [
    *((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, 2.0), (0.0, 0.5), (0.0, -0.0), (-2.0, 3.0), (-2.0, 0.0)),
    *((2.0, -3.0), (1.0, 1.0), (-1.0, -1.0), (1e200, 1e200), (0.0, -1.0), (-1.0, 0.0)),
    *((math.inf, 1.0), (1.0, math.inf), (math.nan, 1.0), (1.0, math.nan)),
]
THREE = [
    *((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 2.0), (1.0, 2.0, 2.0), (2.0, 0.0, 1.0)),
    *((1e300, 1e300, 0.0), (-1e3, -1e3, -1e3), (0.0, -0.0, 0.0), (math.nan, 0.0, 1.0)),
]
NAMES = [name for name, known in OPERATIONS.items() if not isinstance(known, CustomOperation)]


def node(name, leaves):
    """The operation's node, or None where the operation itself raises what floats raise."""
    try:
        if name == "dot":
            return ag.dot(leaves[:1], leaves[1:2], leaves[2])
        return apply(OPERATIONS[name], leaves)
    except (ValueError, ArithmeticError):
        return None


def points(name):
    arity = OPERATIONS[name].arity or 3
    return {1: [(x,) for x in ONE], 2: TWO, 3: THREE}[arity]


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_of_the_gradient_agrees_with_the_sweep_at_special_points(name):
    compared = 0
    for point in points(name):
        leaves = [Value(x) for x in point]
        output = node(name, leaves)
        if output is None:
            continue
        output.backward()
        swept = [leaf.grad for leaf in leaves]
        found = [part.data for part in ag.differentiate(output, leaves)]
        assert found == pytest.approx(swept, rel=1e-9, nan_ok=True), point
        compared += 1
    assert compared >= 2


@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_at_special_points_are_numbers_or_infinities_not_errors(name):
    for point in points(name):
        leaves = [Value(x) for x in point]
        output = node(name, leaves)
        if output is None:
            continue
        for part in ag.differentiate(output, leaves):
            if not part.is_constant:
                part.backward()


@pytest.mark.parametrize(
    ("function", "point", "expected"),
    [
        (lambda x: ag.asinh(x), 0.0, 0.0),
        (lambda x: x**3, -2.0, -12.0),
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x ** Value(3.0), -2.0, -12.0),
        (lambda x: ag.hypot(x, 0.0) ** 2, 3.0, 2.0),
        (lambda x: ag.norm([x, 0.0, 0.0]) ** 2, 3.0, 2.0),
        (lambda x: ag.where(x > 0, ag.log(x) if x.data > 0 else 0.0, x * x), -1.0, 2.0),
        (lambda x: ag.relu(x) * x, 0.0, 0.0),
        (lambda x: ag.sigmoid(x), 0.0, 0.0),
        (lambda x: ag.softplus(x), 0.0, 0.25),
        (lambda x: ag.logsumexp([x, 0.0]), 0.0, 0.25),
        (lambda x: ag.tan(x), 0.0, 0.0),
    ],
)
def test_second_derivatives_at_ordinary_points_beside_singular_rules(function, point, expected):
    assert ag.grad(ag.grad(function))(point) == pytest.approx(expected, abs=1e-12)


def test_derivatives_of_a_power_whose_exponent_is_0():
    """The slope b a**(b - 1) is 0 there, and its own slope with respect to b is 1 / a."""
    for a in (2.0, 0.5, 1.0, 3e-5, 1e200):
        base, exponent = Value(a), Value(0.0)
        by_base, by_exponent = ag.differentiate(base**exponent, [base, exponent])
        assert by_base.data == 0.0
        assert ag.differentiate(by_base, [exponent])[0].data == pytest.approx(1.0 / a, rel=1e-15)
        assert ag.differentiate(by_exponent, [base])[0].data == pytest.approx(1.0 / a, rel=1e-15)
        program = ag.record(lambda x, y: x**y, 2.0, 3.0)
        (aa, ab), (ba, bb) = program.hessian([a], [0.0])
        assert [aa[0], ab[0], ba[0]] == pytest.approx([0.0, 1.0 / a, 1.0 / a], rel=1e-15)
        assert bb[0] == pytest.approx(math.log(a) ** 2)
    for a in (0.0, 5e-324, math.inf, math.nan):
        base = Value(a)
        assert (base ** Value(0.0)).partials[0] == (base**0.0).partials[0] == 0.0
    (slope,) = ag.differentiate((base := Value(3.0)) ** 0.0, [base])
    assert slope.data == 0.0
    assert len(ag.topological_order(slope)) == 1
