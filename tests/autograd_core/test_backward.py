"""The sweep, and its account in plain Python."""

import math
import struct

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import COMPILED, Value, backward, contributions
from autograd_core.edges import edges


def bits(number):
    return struct.pack("d", number)


def small_graph():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c = a * b
    d = c + a**2
    return a, b, c, d, ag.tanh(d * 0.25)


# --- one output ---


def test_the_gradient_is_the_summed_chain_rule():
    a, b, c, d, out = small_graph()
    out.backward()
    e = math.exp(-1.0)
    slope = 4 * e / ((1 + e) * (1 + e))  # 1 - tanh(-0.5)^2, as the row computes it
    assert slope == pytest.approx(1 - math.tanh(-0.5) ** 2, rel=1e-15)
    assert out.grad == 1.0
    assert d.grad == slope * 0.25
    assert c.grad == d.grad
    assert a.grad == pytest.approx(0.25 * slope * (-3.0 + 4.0), rel=1e-15)
    assert b.grad == 0.25 * slope * 2.0


def test_grad_is_0_before_any_sweep_and_has_grad_tells_never_from_zero():
    a, b = Value(1.0), Value(2.0)
    assert (a.grad, a.has_grad) == (0.0, False)
    (a * 0.0 + b).backward()
    assert (a.grad, a.has_grad) == (0.0, True)
    a.zero_grad()
    assert (a.grad, a.has_grad) == (0.0, False)


def test_leaves_accumulate_over_sweeps_and_other_nodes_start_afresh():
    a, b, c, d, out = small_graph()
    out.backward()
    once = [node.grad for node in (a, b, c, d, out)]
    out.backward()
    assert [a.grad, b.grad] == [2 * once[0], 2 * once[1]]
    assert [c.grad, d.grad, out.grad] == once[2:]


def test_two_outputs_over_a_shared_part_accumulate_only_in_leaves():
    x = Value(3.0)
    shared = x * x
    first, second = shared * 2.0, shared * 5.0
    first.backward()
    assert (shared.grad, x.grad) == (2.0, 12.0)
    second.backward()
    assert (shared.grad, x.grad) == (5.0, 42.0)


def test_a_gradient_to_start_with_scales_everything():
    x = Value(3.0)
    y = x * x
    y.backward(gradient=0.5)
    assert (y.grad, x.grad) == (0.5, 3.0)
    y.backward(np.float64(2))
    assert (y.grad, x.grad) == (2.0, 15.0)
    y.backward(-1)
    assert x.grad == 9.0


def test_backward_of_a_leaf_gives_it_the_gradient_itself():
    x = Value(3.0)
    x.backward()
    x.backward(2.0)
    assert x.grad == 3.0


def test_zero_grad_forgets_one_node_or_several():
    x, y = Value(3.0), Value(2.0)
    (x * y).backward()
    x.zero_grad()
    assert (x.grad, y.grad) == (0.0, 3.0)
    (x * y).backward()
    ag.zero_grad([x, y])
    assert (x.grad, y.grad) == (0.0, 0.0)
    assert not x.has_grad


def test_gradients_can_be_assigned_before_a_sweep():
    x = Value(3.0)
    x.grad = 10
    assert x.has_grad
    (x * 2.0).backward()
    assert x.grad == 12.0


def test_a_node_used_many_times_gets_every_share():
    x = Value(3.0)
    y = x * x * x + x * x + x
    y.backward()
    assert x.grad == 27.0 + 6.0 + 1.0
    x = Value(0.5)
    y = x
    for _ in range(20):
        y = y + y  # 2^20 paths
    y.backward()
    assert x.grad == 2.0**20


def test_constants_never_take_a_gradient():
    x = Value(3.0)
    y = x * 2.0 + x.detach() * x
    y.backward()
    assert x.grad == 5.0
    for node in ag.topological_order(y):
        if node.is_constant:
            assert (node.grad, node.has_grad) == (0.0, False)
            assert "grad" not in repr(node)


def test_what_is_not_behind_the_output_is_left_alone():
    x, other = Value(3.0), Value(4.0)
    beside = x * other
    (x * 2.0).backward()
    assert not beside.has_grad
    assert not other.has_grad


def test_a_node_behind_a_branch_not_taken_is_swept_with_gradient_zero():
    x, y = Value(1.0), Value(2.0)
    hidden = ag.exp(y)
    ag.maximum(x, hidden * 0.0).backward()
    assert hidden.has_grad
    assert (hidden.grad, y.grad, y.has_grad) == (0.0, 0.0, True)


def test_infinite_partials_arrive_as_infinities():
    x = Value(0.0)
    ag.sqrt(x).backward()
    assert x.grad == math.inf


# --- several outputs ---


def test_several_outputs_are_swept_at_once():
    x = Value(3.0)
    shared = x * x
    outputs = [shared * 2.0, shared + x]
    backward(outputs)
    assert (shared.grad, x.grad) == (3.0, 19.0)
    x.zero_grad()
    backward(outputs, [10.0, -1.0])
    assert (shared.grad, x.grad) == (19.0, 19.0 * 6.0 - 1.0)
    assert [output.grad for output in outputs] == [10.0, -1.0]


def test_an_output_may_be_an_ancestor_of_another_or_stand_twice():
    x = Value(3.0)
    inner = x * 2.0
    outer = inner * 5.0
    for order in ([inner, outer], [outer, inner]):
        x.zero_grad()
        backward(order)
        assert (inner.grad, x.grad) == (6.0, 12.0)
    x.zero_grad()
    backward([outer, outer])
    assert (outer.grad, x.grad) == (2.0, 20.0)


def test_one_output_needs_no_list():
    x = Value(3.0)
    backward(x * 2.0, 4)
    assert x.grad == 8.0


def test_outputs_may_come_from_a_generator_or_an_array():
    x = Value(3.0)
    backward(x * k for k in (1.0, 2.0))
    assert x.grad == 3.0
    backward(np.array([x * 1.0, x * 2.0]), np.array([1.0, 1.0]))
    assert x.grad == 6.0


def test_nothing_to_sweep_is_no_error():
    backward([])


# --- wrong starts ---


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (3.0, r"backward\(\) starts from a Value or several, not from float 3.0"),
        (None, "not from NoneType None"),
        ("loss", "not from str 'loss'"),
        ([3.0], "a Value is wanted, not float 3.0"),
        ([Value(1.0), "x"], "a Value is wanted, not str 'x'"),
    ],
)
def test_backward_of_a_foreign_object_names_it(outputs, message):
    with pytest.raises(TypeError, match=message):
        backward(outputs)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [("1", r"not the text '1': convert it with float\(\)"), (None, "not None"), (Value(1.0), "not a Value")],
)
def test_a_gradient_that_is_no_number_is_refused_and_nothing_is_touched(gradient, message):
    x = Value(2.0)
    with pytest.raises(TypeError, match=message):
        (x * 3.0).backward(gradient)
    assert not x.has_grad


def test_as_many_gradients_as_outputs_are_wanted():
    x = Value(2.0)
    with pytest.raises(ValueError, match="2 outputs need as many gradients, not 1"):
        backward([x * 1.0, x * 2.0], [1.0])


def test_backward_of_a_constant_says_why_it_has_no_gradient():
    x = Value(2.0)
    with ag.no_grad():
        y = x * 3.0
    for constant in (y, x.detach()):
        with pytest.raises(ag.GraphError, match=r"is a constant: .*detach\(\), or under no_grad\(\)"):
            constant.backward()
    with pytest.raises(RuntimeError, match="is a constant"):
        backward([x * 1.0, y])
    assert not x.has_grad


# --- determinism and depth ---


def test_the_same_program_gives_the_same_bits_every_run():
    def run():
        leaves = [Value(math.sin(k + 1.0)) for k in range(30)]
        total = leaves[0]
        for k in range(200):
            total = (total * leaves[k % 30] + leaves[(7 * k) % 30]).tanh() + ag.exp(
                -(leaves[k % 11] * leaves[k % 30])
            )
        total.backward()
        return b"".join(bits(leaf.grad) for leaf in leaves)

    assert len({run() for _ in range(5)}) == 1


def test_a_graph_deeper_than_any_recursion_is_swept():
    x = Value(1.0)
    y = x
    for _ in range(200_000 if COMPILED else 20_000):
        y = y * 1.0 + 0.0
    y.backward()
    assert x.grad == 1.0


# --- the account ---


def account(outputs, gradients=None):
    """The last `after` of every node."""
    return {c.parent: c.after for c in contributions(outputs, gradients)}


def test_edges_lead_where_the_sweep_sends_something():
    a, b = Value(2.0), Value(3.0)
    assert edges(a) == []
    assert edges(a * b) == [(0, a, 3.0), (1, b, 2.0)]
    assert edges(a * 5.0) == [(0, a, 5.0)]
    assert [edge.partial for edge in edges(a * 5.0, constants=True)] == [5.0, 2.0]
    assert edges(a.maximum(b)) == [(1, b, 1.0)]
    happens_to_be_zero = a - 2.0
    assert edges(happens_to_be_zero.square()) == [(0, happens_to_be_zero, 0.0)]


def test_contributions_start_from_the_gradients_of_leaves_or_from_none():
    x = Value(3.0)
    x.grad = 100.0
    assert [(c.before, c.after) for c in contributions(x * 2.0)] == [(100.0, 102.0)]
    assert [(c.before, c.after) for c in contributions(x * 2.0, accumulate=False)] == [(None, 2.0)]


def test_contributions_tell_every_addition_and_change_nothing():
    a, b, c, d, out = small_graph()
    told = list(contributions(out))
    assert not any(node.has_grad for node in (a, b, c, d, out))
    assert [(t.node.op, t.operand) for t in told] == [
        ("tanh", 0),
        ("mul", 0),
        ("add", 0),
        ("add", 1),
        ("pow", 0),
        ("mul", 0),
        ("mul", 1),
    ]
    for t in told:
        assert t.after == (t.before or 0.0) + t.partial * t.upstream == (t.before or 0.0) + t.product
        assert t.node.parents[t.operand] is t.parent


@pytest.mark.parametrize("repeat", [1, 2])
def test_contributions_end_with_the_bits_of_the_sweep(repeat):
    leaves = [Value(math.cos(k)) for k in range(8)]
    hidden = [ag.dot(leaves, leaves[k:] + leaves[:k], 0.1).tanh() for k in range(8)]
    outputs = [*ag.softmax(hidden), ag.max(hidden), ag.relu(hidden[0] - 1.0), ag.logsumexp(hidden)]
    seeds = [0.1 * k - 0.3 for k in range(len(outputs))]
    for _ in range(repeat):
        told = account(outputs, seeds)
        backward(outputs, seeds)
        for node, after in told.items():
            assert bits(node.grad) == bits(after)
    assert len(told) > 20
