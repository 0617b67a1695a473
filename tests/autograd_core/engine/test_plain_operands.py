"""A plain number in an expression is a constant of the graph, whenever its node is asked for.

The compiled engine makes that node when somebody asks; nothing may tell the two engines apart.
"""

import copy
import math
import operator
import pickle
import struct

import pytest

import autograd_core as ag
from autograd_core import Value

OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
}
NUMBERS = [2.0, -0.0, 3, True, 2**60 + 1, 0.1, math.inf, -7]


def bits(number):
    return struct.pack("<d", number)


def told(node):
    return [bits(x) for x in (node.data, *node.partials)], node.op, node.scope, node.is_constant


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("reflected", [False, True])
def test_it_is_what_an_explicit_constant_gives(name, number, reflected):
    operate = OPERATORS[name]
    a = Value(1.5, "a")

    def run(operand):
        try:
            return operate(operand, a) if reflected else operate(a, operand)
        except (ArithmeticError, ValueError) as error:
            return str(error)

    with ag.scope("layer"):
        plain, explicit = run(number), run(Value.lift(number))
    if isinstance(plain, str):
        assert plain == explicit
        return
    plain.backward()
    first, a.grad = a.grad, 0.0
    explicit.backward()
    assert bits(first) == bits(a.grad)
    assert told(plain) == told(explicit)
    constant, twin = (node.parents[0 if reflected else 1] for node in (plain, explicit))
    assert told(constant) == told(twin)
    assert constant.is_constant
    assert constant.is_leaf
    assert not constant.has_grad
    assert not constant.label
    assert constant.scope == "layer"
    assert plain._op == explicit._op
    assert repr(plain) == repr(explicit)


def test_it_is_one_node_however_often_it_is_asked_for():
    y = Value(3.0) * 2.0
    assert y.parents[1] is y.parents[1] is y._prev[1] is ag.topological_order(y)[1]
    assert (Value(3.0) * 2.0).parents[1] is not y.parents[1]


def test_it_lives_on_when_its_child_has_gone():
    y = 2.0 - Value(3.0)
    constant = y.parents[0]
    del y
    assert constant.data == 2.0


def test_each_reader_of_graphs_finds_it():
    def f(x):
        return 2.0 * x - 1

    x = Value(3.0, "x")
    assert ag.statistics(f(x)).nodes == 5
    assert [node.data for node in ag.topological_order(f(x))] == [2.0, 3.0, 6.0, 1.0, 5.0]
    assert ag.stale_nodes(f(x), every=True) == []
    for twin in (copy.deepcopy(f(x)), pickle.loads(pickle.dumps(f(x)))):
        assert [node.data for node in ag.topological_order(twin)] == [2.0, 3.0, 6.0, 1.0, 5.0]
    shallow = copy.copy(f(x))
    assert shallow.parents[1].data == 1.0
    assert shallow.parents[1].is_constant
    assert ag.differentiate(f(x), [x])[0].data == 2.0
    assert [c.operand for c in ag.contributions(f(x))] == [0, 1]
    assert len(f(x).explain(x).paths) == 1


def test_only_the_gradients_that_are_asked_for_pass_by_it():
    x, z = Value(3.0), Value(1.0)
    y = (2.0 * x + 1.0) * (z / 4.0)
    assert [g.data for g in ag.differentiate(y, [x])] == [0.5]
    assert ag.grad(lambda v: 2.0 * v[0] + 1.0 - v[1])([1.0, 5.0]) == [2.0, -1.0]


def test_its_number_may_be_assigned_as_that_of_any_node():
    x = Value(3.0)
    y = x * 2.0
    y.parents[1].data = 5.0
    assert ag.stale_nodes(y) == [y]
    y.backward()
    assert x.grad == 2.0  # the partial with which it was made


def test_partials_are_those_of_the_moment_when_it_was_made():
    x = Value(3.0)
    y = x * 2.0
    x.data = 7.0
    assert y.partials == (2.0, 3.0)
    assert y.parents[1].data == 2.0


def test_modes_that_look_at_nodes_see_it_at_once():
    x = Value(3.0)
    with ag.no_grad():
        assert (x * 2.0).parents == ()
    with ag.diagnose():
        y = x * 2.0
    assert y.source is not None
    assert y.parents[1].data == 2.0
    with ag.diagnose(), pytest.raises(ag.NonFiniteError):
        x * math.inf
    program = ag.record(lambda v: v[0] * 2.0 + 1.0, [3.0])
    assert list(program([[4.0]])) == [9.0]


def test_a_number_that_no_float_holds_is_refused_as_by_floats():
    for operate in OPERATORS.values():
        with pytest.raises(OverflowError, match="too large"):
            operate(Value(1.0), 10**400)
        with pytest.raises(OverflowError, match="too large"):
            operate(10**400, Value(1.0))


def test_long_chains_of_them_are_walked_and_freed():
    x = y = Value(1.0)
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad == 1.0
    assert len(ag.topological_order(y)) == 200_001
    del y


def test_a_plain_base_with_a_constant_exponent_is_two_constants():
    exponent = (Value(1.5) + 3.0).parents[1]
    plain, explicit = (-2.0) ** exponent, Value.lift(-2.0) ** exponent
    assert told(plain) == told(explicit)
    assert plain.partials == (12.0, 0.0)


def test_no_class_can_be_derived_from_value():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Number", (Value,), {})
