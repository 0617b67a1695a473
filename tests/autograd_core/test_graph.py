"""Reading graphs: order, size, and the chain rule in the open."""

import itertools
import math
import random

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import COMPILED, Value, explain, scope, statistics, topological_order
from autograd_core.engine.sweep import Walk


def diamond():
    x = Value(3.0, "x")
    left, right = x * 2.0, x**2
    return x, left, right, left * right


def random_graph(seed, size=60):
    chooser = random.Random(seed)
    nodes = [Value(chooser.uniform(0.5, 1.5), f"x{k}") for k in range(4)]
    for _ in range(size):
        a, b = chooser.choice(nodes[-12:]), chooser.choice(nodes[-12:])
        made = [
            a + b,
            a * b,
            a - b * 0.5,
            ag.tanh(a),
            ag.maximum(a, b),
            ag.dot([a, b, a], [b, b, 1.0]),
            ag.softmax([a, b])[1],
        ]
        nodes.append(chooser.choice(made))
    return nodes


# --- order ---


def test_the_order_is_depth_first_over_the_parents_from_left_to_right():
    a, b = Value(1.0), Value(2.0)
    c = a * b
    d = b + c
    e = d * c
    assert topological_order(e) == [b, a, c, d, e]
    assert topological_order(c, e) == [a, b, c, d, e]
    assert topological_order(e, c, e) == [b, a, c, d, e]
    assert topological_order() == []
    assert topological_order(a) == [a]


@pytest.mark.parametrize("seed", range(5))
def test_parents_stand_before_children_and_every_node_stands_once(seed):
    root = random_graph(seed)[-1]
    order = topological_order(root)
    place = {node: k for k, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    for node in order:
        assert all(place[parent] < place[node] for parent in node.parents)
    assert topological_order(root) == order


def test_the_order_includes_constants_and_nodes_behind_branches_not_taken():
    x = Value(1.0)
    hidden = x * 5.0
    y = ag.where(True, x, hidden)
    order = topological_order(y)
    assert hidden in order
    assert sum(node.is_constant for node in order) == 2


def test_the_order_of_a_foreign_object_is_refused():
    with pytest.raises(TypeError, match=r"a Value is wanted, not float 3\.0"):
        topological_order(3.0)
    with pytest.raises(TypeError, match="a Value is wanted, not list"):
        topological_order([Value(1.0)])


def test_orders_of_deep_and_wide_graphs_need_no_recursion():
    size = 200_000 if COMPILED else 20_000
    x = y = Value(1.0)
    for _ in range(size):
        y = x + y
    assert len(topological_order(y)) == size + 1
    wide = ag.sum([x + 1.0 for _ in range(size // 4)])
    assert len(topological_order(wide)) == 2 * (size // 4) + 2


def test_a_walk_gives_parents_as_positions():
    *_, top = diamond()
    walk = Walk([top])
    assert walk.nodes == topological_order(top)
    start = 0
    for node, count in zip(walk.nodes, walk.counts, strict=True):
        assert tuple(walk.nodes[place] for place in walk.parents[start : start + count]) == node.parents
        start += count
    assert start == len(walk.parents)


# --- size ---


def test_statistics_count_nodes_edges_leaves_depth_and_operations():
    *_, top = diamond()
    told = statistics(top)
    assert (told.nodes, told.edges, told.leaves, told.depth) == (6, 6, 3, 2)
    assert told.operations == {"mul": 2, "pow": 1}
    assert statistics(Value(1.0)).nodes == 1
    assert statistics().nodes == 0
    assert statistics(Value(1.0), Value(2.0)).leaves == 2


def test_repeated_parents_are_repeated_edges():
    x = Value(2.0)
    told = statistics(x * x + ag.sum([x, x, x]))
    assert (told.nodes, told.edges, told.depth) == (4, 7, 2)


# --- explain ---


def test_an_explanation_lists_the_paths_with_their_products_largest_first():
    x, left, right, top = diamond()
    told = top.explain(x)
    assert told.count == 2
    assert [path.nodes for path in told.paths] == [(top, right, x), (top, left, x)]
    assert [path.product for path in told.paths] == [6.0 * 6.0, 9.0 * 2.0]
    assert told.paths[0].partials == (6.0, 6.0)
    assert (told.total, told.rest) == (54.0, 0.0)
    top.backward()
    assert told.total == x.grad
    assert explain(top, x) == told


def test_an_explanation_reads_as_text():
    x, *_, top = diamond()
    lines = str(top.explain(x)).splitlines()
    assert lines[0].endswith("/ d x = 54, summed over 2 paths")
    assert lines[1].startswith("  +36 = *(54)")
    assert "--(6)--> x" in lines[1]
    assert "+18 from 1 more" in str(top.explain(x, limit=1))


@pytest.mark.parametrize("seed", range(8))
def test_the_total_has_the_bits_of_the_gradient_and_the_paths_sum_to_it(seed):
    nodes = random_graph(seed, size=25)
    root = nodes[-1]
    root.backward()
    for leaf in nodes[:4]:
        told = root.explain(leaf, limit=100_000)
        assert told.total == leaf.grad
        assert len(told.paths) == told.count
        assert math.fsum(path.product for path in told.paths) == pytest.approx(
            told.total, rel=1e-12, abs=1e-12
        )
        sizes = [abs(path.product) for path in told.paths]
        for larger, smaller in itertools.pairwise(sizes):
            assert smaller <= larger * (1 + 1e-12)
        for path in told.paths[:50]:
            assert math.prod(path.partials) == pytest.approx(path.product, rel=1e-12)
            assert path.nodes[0] is root
            assert path.nodes[-1] is leaf
            assert all(child in node.parents for node, child in itertools.pairwise(path.nodes))


def test_the_number_of_paths_is_exact_even_when_it_is_astronomical():
    x = y = Value(1.0, "x")
    for _ in range(300):
        y = (y + y) * 0.5
    told = y.explain(x, limit=3)
    assert told.count == 2**300
    assert told.total == 1.0
    assert len(told.paths) == 3
    assert told.rest == pytest.approx(1.0)
    assert "about 10^90 paths" in str(told)
    assert len(str(told)) < 2000


def test_a_long_path_is_shown_in_part():
    x = y = Value(1.0, "x")
    for _ in range(1000):
        y = y * 1.0
    text = str(y.explain(x))
    assert "992 more" in text
    assert len(text) < 500


def test_nodes_without_a_path_and_the_node_itself_have_explanations():
    x, other = Value(1.0), Value(2.0)
    y = x * 2.0
    told = y.explain(other)
    assert (told.count, told.paths, told.total) == (0, (), 0.0)
    told = y.explain(y)
    assert (told.count, told.total, told.paths[0].nodes) == (1, 1.0, (y,))
    assert x.explain(y).count == 0


def test_an_explanation_goes_down_to_inner_nodes():
    _, left, _, top = diamond()
    told = top.explain(left)
    assert (told.count, told.total) == (1, 9.0)


def test_branches_not_taken_are_no_paths():
    x = Value(0.0, "x")
    y = ag.where(ag.greater(x, 0.0), ag.sqrt(x), 2.0 * x)
    told = y.explain(x)
    assert (told.count, told.total) == (1, 2.0)


def test_a_deep_graph_is_explained_without_recursion():
    x = y = Value(1.0)
    for _ in range(20_000):
        y = x + y
    told = y.explain(x, limit=2)
    assert told.count == 20_001
    assert told.total == 20_001.0


def test_wrong_requests_for_explanations_are_refused():
    y = Value(1.0) * 2.0
    with pytest.raises(TypeError, match=r"explain\(\) wants the Value to go down to, not str"):
        y.explain("x")
    with pytest.raises(ValueError, match="limit must be a whole number, at least 0, not -1"):
        y.explain(y, limit=-1)
    assert y.explain(y, limit=0).paths == ()


def test_values_in_arrays_are_walked_like_any_other():
    weights = np.array([Value(float(k)) for k in range(6)]).reshape(2, 3)
    outputs = weights @ np.ones(3)
    assert statistics(*outputs).leaves >= 6


# --- data assigned afterwards ---


def test_a_graph_as_it_was_made_has_no_stale_node():
    for seed in range(20):
        assert ag.stale_nodes(*random_graph(seed)) == []
        assert ag.stale_nodes(*random_graph(seed), every=True) == []


def test_stale_nodes_are_those_next_to_the_assigned_number():
    x, y = Value(2.0), Value(3.0)
    inner = ag.exp(x)
    z = inner * x + y
    x.data = 10.0
    assert ag.stale_nodes(z) == [inner, z.parents[0]]
    x.data = 2.0
    assert ag.stale_nodes(z) == []


def test_a_number_assigned_to_a_computed_node_is_stale_itself():
    x = Value(2.0)
    inner = x * x
    z = inner + 1.0
    inner.data = 7.0
    assert ag.stale_nodes(z) == [inner, z]


def test_a_node_is_stale_when_only_its_partials_are_out_of_date():
    x = Value(2.0)
    y = x * x
    x.data = -2.0
    assert y.data == x.data * x.data
    assert ag.stale_nodes(y) == [y]


def test_a_node_whose_parents_left_its_domain_is_stale():
    x = Value(2.0)
    y = ag.log(x) + 1.0
    x.data = -2.0
    assert ag.stale_nodes(y) == [y.parents[0]]


def test_many_numbers_assigned_at_once_count():
    x, y = Value(1.0), Value(2.0)
    z = x * y
    ag.vector_to_parameters([3.0, 4.0], [x, y])
    assert ag.stale_nodes(z) == [z]
    assert ag.stale_nodes(x * y) == []


def test_an_operation_that_is_not_repeatable_is_found_when_every_node_is_asked_for():
    draws = itertools.count()

    @ag.operation(lambda x, y: 1.0, name="drifting")
    def drifting(x):
        return x + next(draws)

    y = drifting(Value(1.0))
    assert ag.stale_nodes(y) == []
    assert ag.stale_nodes(y, every=True) == [y]


def test_backward_in_diagnosis_mode_tells_that_a_graph_is_stale():
    x = Value(1.0, "x")
    y = ag.exp(x) * x
    x.data = 10.0
    with (
        ag.diagnose(),
        pytest.raises(ag.GraphError, match=r"exp\(x=10.0\) is out of date.*compute the result"),
    ):
        y.backward()
    assert not x.has_grad
    y.backward()
    assert x.grad == pytest.approx(2 * math.e)


def test_parameters_of_one_label_are_told_apart():
    values = []
    for layer in range(2):
        with scope(f"layer{layer}"):
            values.append(Value(1.0 + layer, "w"))
    x = Value(3.0, "x")
    y = values[0] * x + values[1] * Value(5.0, "x")
    assert str(y.explain(values[1])).splitlines()[1].endswith("--> layer1.w")
    assert str(y.explain(x)).splitlines()[1].endswith("--> u2 “x”")


def test_a_stale_graph_is_said_to_be_stale():
    x = Value(2.0, "x")
    y = x * x + x
    assert y.explain(x).stale == 0
    x.data = 5.0
    told = y.explain(x)
    assert told.stale == 2
    assert "stale: 2 of the nodes" in str(told)
    assert "build the graph anew" in str(told)
