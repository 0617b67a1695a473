import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_core import Value, backward, dot, exp, maximum, scope, softmax, tanh
from autograd_core.graph import topological_order
from autograd_core.steps import BackwardStep, ForwardStep, SeedStep, final_gradients, steps


def bits(number):
    return struct.pack("<d", number)


def random_graph(seed, size=40):
    """Outputs over a random graph with shared nodes, repeated parents, constants, selecting operations."""
    choose = random.Random(seed)
    nodes = [Value(choose.uniform(-2, 2), f"x{i}") for i in range(4)]
    operations = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: a - b * 0.5,
        lambda a, b: a * a,
        lambda a, b: tanh(a),
        lambda a, b: exp(tanh(b)),
        lambda a, b: a.relu(),
        lambda a, b: maximum(a, b),
        lambda a, b: tanh(a) ** 3,
        lambda a, b: dot([a, b, a], [b, b, 2.0]),
        lambda a, b: softmax([tanh(a), tanh(b)])[1],
        lambda a, b: a.detach() + b,
    ]
    for _ in range(size):
        nodes.append(tanh(choose.choice(operations)(choose.choice(nodes), choose.choice(nodes))))
    return nodes[-1], nodes[-2]


@given(st.integers(0, 10**9), st.sampled_from([1.0, -0.5, 3]))
@settings(max_examples=60, deadline=None)
def test_the_last_step_leaves_what_backward_leaves_bit_for_bit(seed, gradient):
    root, _other = random_graph(seed)
    found = final_gradients(steps(root, gradients=[gradient]))
    root.backward(gradient)
    for node in topological_order(root):
        assert node.has_grad or node not in found
        assert bits(node.grad) == bits(found.get(node, 0.0))


@given(st.integers(0, 10**9))
@settings(max_examples=30, deadline=None)
def test_accumulating_steps_start_from_the_gradients_that_leaves_have(seed):
    root, other = random_graph(seed)
    other.backward()
    found = final_gradients(steps(root, accumulate=True))
    root.backward()
    assert all(bits(node.grad) == bits(found[node]) for node in topological_order(root) if node in found)


@given(st.integers(0, 10**9))
@settings(max_examples=30, deadline=None)
def test_several_outputs_are_swept_together(seed):
    roots = random_graph(seed)
    found = final_gradients(steps(*roots, gradients=[2.0, -1.0]))
    backward(roots, [2.0, -1.0])
    assert all(bits(node.grad) == bits(found.get(node, 0.0)) for node in topological_order(*roots))


def test_steps_change_nothing_in_the_graph():
    root, _other = random_graph(7)
    steps(root)
    assert not any(node.has_grad for node in topological_order(root))


def test_forward_steps_come_first_one_for_each_operation_and_carry_its_numbers():
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    d = c + a
    events = steps(d)
    assert events[:2] == [ForwardStep(c, (2.0, -3.0), -6.0), ForwardStep(d, (-6.0, 2.0), -4.0)]
    assert events[2] == SeedStep(d, 1.0, None, 1.0)
    assert all(isinstance(event, BackwardStep) for event in events[3:])


def test_each_backward_step_is_one_addition_with_before_and_after():
    a = Value(3.0)
    square = a * a
    first, second = steps(square, forward=False)[1:]
    assert first == BackwardStep(square, 0, a, 1.0, 3.0, None, 3.0)
    assert second == BackwardStep(square, 1, a, 1.0, 3.0, 3.0, 6.0)
    assert second.product == 3.0


def test_a_constant_and_a_branch_not_taken_get_no_step():
    a, b = Value(1.0), Value(2.0)
    root = maximum(a, b) * 5.0
    receivers = {event.parent for event in steps(root) if isinstance(event, BackwardStep)}
    assert a not in receivers
    assert b in receivers
    assert not any(node.is_constant for node in receivers)


def test_a_chain_of_a_hundred_thousand_operations_has_its_steps():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    found = final_gradients(steps(y))
    assert found[x] == 100_001.0


def test_as_many_gradients_as_outputs_are_needed():
    with pytest.raises(ValueError, match="argument"):
        steps(Value(1.0) * 2.0, gradients=[1.0, 2.0])


def test_not_a_number_flows_through_the_steps_as_through_the_sweep():
    with scope("layer"):
        a = Value(math.nan)
        root = a * 2.0 + a
    found = final_gradients(steps(root))
    root.backward()
    assert bits(found[a]) == bits(a.grad)
