"""The user's functions: names, kinds of operands, documentation."""

import inspect
import math

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, Value, functions

ONE = [name for name in functions.__all__ if name in OPERATIONS and OPERATIONS[name].arity == 1]
TWO = [name for name in functions.__all__ if name in OPERATIONS and OPERATIONS[name].arity == 2]
MANY = ["sum", "prod", "mean", "logsumexp", "norm", "max", "min", "softmax", "log_softmax"]


def operands(name, count):
    base = 1.5 if name == "acosh" else 0.5
    return [base, base + 0.25][:count] if name not in ("polygamma", "ierfcx") else [1.0, 2.5]


def test_every_operation_has_a_function_of_its_name():
    infix = {"add", "sub", "mul", "div"}
    named = {name for name, rule in OPERATIONS.items() if rule.identifier} - infix
    assert named <= set(functions.__all__)
    for name in functions.__all__:
        assert getattr(ag, name) is getattr(functions, name)
        assert name in ag.__all__


@pytest.mark.parametrize("name", functions.__all__)
def test_every_function_is_documented_and_knows_its_name(name):
    function = getattr(ag, name)
    assert inspect.getdoc(function)
    assert function.__name__ == name


@pytest.mark.parametrize("name", ONE + TWO)
def test_a_function_answers_values_with_a_node_and_numbers_with_a_float(name):
    function, count = getattr(ag, name), 1 if name in ONE else 2
    numbers = operands(name, count)
    nodes = [Value(x) for x in numbers]
    node = function(*nodes)
    assert isinstance(node, Value)
    assert node.op == name
    assert node.parents == tuple(nodes)
    for kind in (float, np.float64, np.array):
        result = function(*[kind(x) for x in numbers])
        assert type(result) is float
        assert result == node.data
    if name not in ("pow", "mod", "neg", "abs"):
        assert getattr(nodes[0], name)(*nodes[1:]).data == node.data


@pytest.mark.parametrize("name", TWO)
def test_a_function_of_a_value_and_a_number_is_a_node_either_way_round(name):
    a, b = operands(name, 2)
    function = getattr(ag, name)
    left, right = function(Value(a), b), function(a, Value(b))
    assert left.data == right.data == function(a, b)
    assert left.parents[1].is_constant
    assert right.parents[0].is_constant


@pytest.mark.parametrize("name", MANY)
def test_reductions_take_lists_tuples_arrays_and_generators(name):
    function = getattr(ag, name)
    numbers = [0.5, -1.0, 2.0]
    expected = function(numbers)
    for given in (tuple(numbers), np.array(numbers), (x for x in numbers)):
        assert function(given) == expected
    nodes = [Value(x) for x in numbers]
    for given in (nodes, tuple(nodes), np.array(nodes), (x for x in nodes), [nodes[0], *numbers[1:]]):
        result = function(given)
        if isinstance(expected, list):
            assert [node.data for node in result] == expected
        else:
            assert result.data == expected


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize(
    ("wrong", "message"), [("1", "not the text '1'"), (None, "not None"), ([1.0], "not list"), (2j, "not 2j")]
)
def test_a_function_of_no_number_says_what_to_do(name, wrong, message):
    with pytest.raises(TypeError, match=message):
        getattr(ag, name)(wrong)


@pytest.mark.parametrize("name", TWO)
def test_a_function_of_a_value_and_no_number_says_what_to_do(name):
    with pytest.raises(TypeError, match="not the text 'x'"):
        getattr(ag, name)(Value(0.5), "x")


def test_methods_take_plain_numbers_and_refuse_others():
    x = Value(0.5)
    assert x.maximum(2).data == 2.0
    assert x.clip(1, 2).data == 1.0
    assert x.where(3, Value(4.0)).data == 3.0
    assert x.leaky_relu(0.2).data == 0.5
    assert x.elu().data == 0.5
    for method in (x.maximum, x.minimum, x.atan2, x.hypot, x.greater, x.leaky_relu):
        with pytest.raises(TypeError, match="not the text 'x'"):
            method("x")


def test_slopes_can_be_learned():
    x, slope, alpha = Value(-2.0), Value(0.1), Value(1.5)
    ag.leaky_relu(x, slope).backward()
    assert (x.grad, slope.grad) == (0.1, -2.0)
    x.zero_grad()
    ag.elu(x, alpha).backward()
    assert alpha.grad == math.expm1(-2.0)
    assert x.grad == 1.5 * math.exp(-2.0)


def test_a_star_import_brings_what_is_announced():
    space = {}
    exec("from autograd_core import *", space)
    assert set(ag.__all__) <= set(space)
    assert len(set(ag.__all__)) == len(ag.__all__)


@pytest.mark.parametrize(
    ("x", "value", "slope"), [(2.0, math.log(2.0), 0.5), (0.0, 0.0, 3.0), (-1.0, -3.0, 3.0)]
)
def test_a_branch_given_as_a_function_may_leave_its_domain(x, value, slope):
    leaf = Value(x)
    node = ag.where(ag.greater(leaf, 0.0), lambda: ag.log(leaf), 3.0 * leaf)
    node.backward()
    assert (node.data, leaf.grad) == (value, slope)
    f = lambda v: ag.where(ag.greater(v, 0.0), lambda: ag.log(v), lambda: 3.0 * v)  # noqa: E731
    assert ag.grad(f)(x) == slope
    assert ag.grad(ag.grad(f))(x) == (-0.25 if x > 0 else 0.0)
    program = ag.record(f, 0.5)
    values, gradients = program.value_and_grad(np.array([x, 2.0]), inputs=True)
    assert values.tolist() == [value, math.log(2.0)]
    assert gradients.inputs[0].tolist() == [slope, 0.5]


def test_of_a_plain_condition_only_the_branch_that_is_taken_is_computed():
    assert ag.where(False, lambda: 1 / 0, lambda: 2.0) == 2.0
    assert ag.where(1, 3.0, lambda: 1 / 0) == 3.0


def test_an_error_outside_the_domain_names_the_remedy():
    with pytest.raises(ag.DomainError, match=r"log\(-1.0\)") as caught:
        ag.log(Value(-1.0))
    assert "where(condition, lambda: log(x), 0.0)" in caught.value.__notes__[0]
    with ag.ieee():
        assert math.isnan(ag.log(Value(-1.0)).data)
        assert ag.log(Value(0.0)).data == -math.inf
