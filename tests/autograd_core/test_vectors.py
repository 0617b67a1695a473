"""Many Values read and written at once."""

import math
import threading
from array import array
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import RecordingError, Value, record
from autograd_core.engine.flat import has_numbers, write_both
from autograd_core.engine.value import assignments


def three():
    return [Value(1.5), Value(-0.0), Value(math.inf)]


def test_numbers_and_gradients_come_and_go_bit_for_bit():
    values = three()
    vector = ag.parameters_to_vector(values)
    assert vector.tobytes() == np.array([1.5, -0.0, math.inf]).tobytes()
    ag.vector_to_parameters(vector[::-1], values)
    assert [v.data for v in values] == [math.inf, 0.0, 1.5]
    assert math.copysign(1.0, values[1].data) == -1.0
    ag.vector_to_gradients(np.array([1, 2, 3]), values)
    assert [v.grad for v in values] == [1.0, 2.0, 3.0]
    assert all(v.has_grad for v in values)
    assert ag.gradients_to_vector(values).tolist() == [1.0, 2.0, 3.0]


def test_a_vector_is_a_copy():
    values = three()
    vector = ag.parameters_to_vector(values)
    vector[0] = 7.0
    assert values[0].data == 1.5


def test_any_iterable_and_no_values_at_all():
    assert ag.parameters_to_vector(iter(three())).shape == (3,)
    assert ag.parameters_to_vector([]).shape == (0,)
    ag.vector_to_parameters([], [])


def test_inner_nodes_may_be_read():
    x = Value(3.0)
    y = x * x
    y.backward()
    assert ag.parameters_to_vector([x, y]).tolist() == [3.0, 9.0]
    assert ag.gradients_to_vector([x, y]).tolist() == [6.0, 1.0]


@pytest.mark.parametrize("write", [ag.vector_to_parameters, ag.vector_to_gradients])
@pytest.mark.parametrize(
    ("vector", "error", "what"),
    [
        ([1.0, 2.0], ValueError, "3 numbers"),
        ([[1.0, 2.0, 3.0]], ValueError, r"\(1, 3\)"),
        (["1", "2", "3"], TypeError, "no real number"),
        ([1.0, 2.0, None], TypeError, r"entry \[2\] is no real number: None"),
        ([1.0, 2.0, 3j], TypeError, "no real number"),
        ([1.0, 2.0, Value(3.0)], TypeError, "no real number"),
        ([1.0, 2.0, 10**400], ValueError, "too large"),
        (np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]), ValueError, "masked"),
    ],
)
def test_a_vector_that_does_not_fit_changes_nothing(write, vector, error, what):
    values = three()
    with pytest.raises(error, match=what):
        write(vector, values)
    assert [v.data for v in values] == [1.5, 0.0, math.inf]
    assert not any(v.has_grad for v in values)


def test_real_numbers_of_any_type_will_do():
    values = three()
    ag.vector_to_parameters([2**64, Fraction(1, 2), np.float32(0.25)], values)
    assert [v.data for v in values] == [2.0**64, 0.5, 0.25]


@pytest.mark.parametrize("write", [ag.vector_to_parameters, ag.vector_to_gradients])
def test_what_is_no_value_changes_nothing(write):
    x = Value(1.0)
    with pytest.raises(TypeError):
        write([2.0, 3.0], [x, 1.0])
    assert (x.data, x.has_grad) == (1.0, False)


@pytest.mark.parametrize("read", [ag.parameters_to_vector, ag.gradients_to_vector])
def test_only_values_are_read(read):
    with pytest.raises(TypeError):
        read([Value(1.0), 2.0])


def test_numbers_are_not_to_be_read_or_written_while_recording():
    w = Value(2.0)
    with pytest.raises(ag.RecordingError, match="read"):
        ag.record(lambda x: w * x * float(ag.parameters_to_vector([w * x])[0]), 1.0)
    with pytest.raises(ag.RecordingError, match="assigned"):
        ag.record(lambda x: ag.vector_to_parameters([1.0], [w]) or w * x, 1.0)
    assert w.data == 2.0


def test_numbers_and_gradients_are_written_in_one_pass_and_compared_by_their_bits() -> None:
    nodes = [Value(1.0), Value(2.0), Value(3.0)]
    write_both(nodes, array("d", [4.0, 0.0, 6.0]), array("d", [0.5, 0.25, 0.125]))
    assert [(node.data, node.grad) for node in nodes] == [(4.0, 0.5), (0.0, 0.25), (6.0, 0.125)]
    assert has_numbers(nodes, array("d", [4.0, 0.0, 6.0]))
    assert not has_numbers(nodes, array("d", [4.0, -0.0, 6.0]))
    assert not has_numbers(nodes, array("d", [4.0, 0.0, float("nan")]))
    with pytest.raises(ValueError, match="two doubles for each node"):
        write_both(nodes, array("d", [1.0]), array("d", [1.0]))
    with pytest.raises(ValueError, match="one double for each node"):
        has_numbers(nodes, array("d", [1.0]))
    with pytest.raises(RecordingError):
        record(lambda x: (write_both(nodes[:1], array("d", [1.0]), array("d", [0.0])), x * nodes[0])[1], 2.0)


@pytest.mark.parametrize(
    "assign",
    [
        lambda node: setattr(node, "data", 1.5),
        lambda node: setattr(node, "data", node.data),
        lambda node: ag.vector_to_parameters([2.5], [node]),
        lambda node: write_both([node], array("d", [2.5]), array("d", [0.0])),
        lambda node: node.__init__(3.5),
        lambda node: in_a_thread(lambda: setattr(node, "data", 4.5)),
    ],
)
def test_every_way_of_assigning_a_number_is_counted(assign: Any) -> None:
    node = Value(1.0)
    before = write_both([node], array("d", [1.0, 9.0]), array("d", [0.5, 9.0]))
    assert assignments() == before
    assert (node.data, node.grad) == (1.0, 0.5)
    (node * node).backward()
    node.grad = 7.0
    ag.vector_to_gradients([0.25], [node])
    node.zero_grad()
    assert assignments() == before  # gradients are no numbers of nodes
    assign(node)
    assert assignments() != before


def in_a_thread(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
