import math

import pytest

import nn
import viz
from autograd_core import Value, dot, scope
from viz.diagnosis import diagnose
from viz.snapshot import take_snapshot


def found(*roots):
    return [(finding.kind, finding.node) for finding in diagnose(take_snapshot(roots))]


def test_a_healthy_graph_has_no_findings(small):
    small.backward()
    assert found(small) == []


def test_values_and_gradients_that_are_not_finite_are_found():
    a = Value(math.nan, "a")
    assert ("not finite", 0) in found(a * 2.0)
    b = Value(1.0, "b")
    b.grad = math.inf
    assert ("not finite", 0) in found(b * 2.0)


def test_exploding_and_vanishing_partials_are_found_on_their_edge():
    a = Value(10.0, "a")
    root = a.tanh() * Value(1e9, "b")
    findings = diagnose(take_snapshot([root]))
    assert [(finding.kind, finding.node, finding.slot) for finding in findings] == [
        ("vanishing partial", 1, 0),
        ("exploding partial", 3, 0),
    ]


def test_an_infinite_partial_explodes():
    assert ("exploding partial", 1) in found(Value(0.0, "a").sqrt())


def test_a_relu_that_is_off_for_one_example_is_a_remark_only():
    drawing = viz.draw(Value(-1.0, "a").relu() * 2.0)
    box = drawing.picture.boxes[1]
    assert box.notes == ["ReLU off"]
    assert not box.trouble


def test_a_unit_that_is_off_for_every_example_is_dead():
    inputs = [Value(x, "x") for x in (-1.0, -2.0)]
    with scope("unit"):
        w = Value(1.0, "w")
        outputs = [(w * x).relu() for x in inputs]
    assert [kind for kind, _node in found(*outputs)] == ["dead ReLU", "dead ReLU"]


def test_a_network_used_twice_in_a_chain_has_the_units_of_one():
    network = nn.MLP(3, [4, 4, 1], activation="relu", seed=1)
    first = network([Value(x, f"x{i}") for i, x in enumerate((0.5, -1.0, 2.0))])
    second = network([first, first * first, first])
    drawing = viz.draw(second, depth=0, fold=False, parameters=network.parameters())
    assert [box.notes for box in drawing.picture.boxes if box.notes] == [["dead ReLU: 4 of 4"]] * 2
    assert drawing.caption.endswith("; dead ReLU: 8")  # off in both uses


@pytest.mark.parametrize("constant", [True, False])
def test_neurons_without_parameters_are_no_examples_of_one_unit(constant):
    rows = [[Value(w, "w") for _ in range(2)] for w in (-1.0, -2.0, -3.0, 1.0)]
    rows = [[w.detach() for w in row] for row in rows] if constant else rows
    x = [Value(1.0), Value(2.0)]
    with scope("layer"):
        h = [dot(row, x).relu() for row in rows]
    assert viz.draw(sum(h, start=h[0])).caption == "ReLU off: 3"
    boxes = viz.draw(sum(h, start=h[0]), fold=True).picture.boxes
    assert [box.notes for box in boxes if box.notes] == [["ReLU off: 3 of 4"]]


def test_a_leaf_whose_paths_are_all_cut_is_found_once_a_sweep_ran():
    a, b = Value(1.0, "a"), Value(-2.0, "b")
    root = a * 2.0 + b.relu()
    assert [kind for kind, _node in found(root)] == ["ReLU off"]
    root.backward()
    assert found(root)[1:] == [("not reached", 3)]


def test_a_leaf_that_no_sweep_has_come_by_is_found():
    a = Value(1.0, "a")
    root = a * 2.0
    root.backward()
    a.zero_grad()
    assert found(root) == [("never swept", 0)]


def test_findings_are_written_on_the_node_and_in_the_caption():
    drawing = viz.draw(Value(math.inf, "a") * 2.0)
    assert "! data is inf" in drawing.source
    assert "not finite: 2" in drawing.caption
    assert 'class="input trouble"' in drawing.source


def test_single_layers_can_be_chosen():
    root = (Value(math.inf, "a") * 1e9 + Value(-1.0, "b")).relu() + Value(10.0, "c").tanh()
    assert viz.draw(root, diagnosis="vanishing partial").caption == "vanishing partial: 1"
    assert viz.draw(root, diagnosis=["not finite"]).caption == "not finite: 5"
    with pytest.raises(ValueError, match="no diagnosis layer 'beauty'; there are stale, not finite, dead"):
        viz.step(root, diagnosis="beauty")


def test_the_diagnosis_can_be_left_out():
    assert viz.draw(Value(math.inf, "a") * 2.0, diagnosis=False).caption == ""
