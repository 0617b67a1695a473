"""The engine's entry points refuse wrong arguments instead of reading past a list."""

import gc

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, Value
from autograd_core.engine.nary import apply, indexed_values, reduce_values
from autograd_core.engine.sweep import topological_order


@pytest.mark.parametrize("operands", [[None], [1.0], [None, Value(1.0)], []])
@pytest.mark.parametrize("name", ["exp", "add", "where", "dot", "sum", "softmax"])
def test_apply_takes_as_many_values_as_the_operation(name, operands):
    with pytest.raises((TypeError, ValueError)):
        apply(OPERATIONS[name], operands)


@pytest.mark.parametrize("identifier", [-1, 254, 255, 10**6])
def test_an_operation_whose_number_was_changed_is_refused(identifier):
    rule = OPERATIONS["exp"]
    right = rule.identifier
    try:
        rule.identifier = identifier
        with pytest.raises((ValueError, OverflowError)):
            apply(rule, [Value(1.0)])
    finally:
        rule.identifier = right
    assert apply(rule, [Value(0.0)]).data == 1.0


@pytest.mark.parametrize("index", [-1, 2, 10**9])
def test_an_output_of_softmax_that_is_not_there_is_refused(index):
    with pytest.raises((ValueError, OverflowError)):
        apply(OPERATIONS["softmax"], [Value(1.0), Value(2.0)], index)


@pytest.mark.parametrize("function", [reduce_values, indexed_values])
@pytest.mark.parametrize("op", [-1, 0, 1, 10**6])
def test_a_reduction_of_no_such_number_is_refused(function, op):
    with pytest.raises((ValueError, IndexError, OverflowError)):
        function(op, [Value(1.0), 2.0])
    with pytest.raises((ValueError, IndexError, OverflowError)):
        function(op, [1.0, 2.0])


def test_a_collection_inside_a_walk_may_walk_too():
    """A finalizer that back-propagates over the same graph, at every collection."""
    x = Value(2.0)
    y = x
    for _ in range(3000):
        y = y * 0.5 + x

    class Cycle:
        def __del__(self):
            if len(topological_order(y)) == 0:
                raise AssertionError

        def __init__(self):
            self.me = self

    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(20):
            Cycle()
            y.backward()
            order = topological_order(y)
    finally:
        gc.set_threshold(*thresholds)
    x.zero_grad()
    y.backward()
    expected = x.grad
    x.zero_grad()
    y.backward()
    assert x.grad == expected
    assert all(node.has_grad for node in order if not node.is_constant)
    assert ag.statistics(y).nodes == len(order)
