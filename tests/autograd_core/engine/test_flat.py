"""Copies and pickles of graphs."""

import copy
import io
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import weakref

import pytest

import autograd_core as ag
from autograd_core import COMPILED, Value
from autograd_core.engine.flat import pack, unpack

LONG = 1_000_000 if COMPILED else 20_000
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def through_pickle(thing, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(thing, protocol))


COPIERS = {
    "deepcopy": copy.deepcopy,
    **{f"pickle {k}": lambda thing, k=k: through_pickle(thing, k) for k in PROTOCOLS},
}
every_copier = pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)


def everything():
    """A graph with every kind of node: labels, scopes, constants, many operands, indices, a selection."""
    a, b = Value(0.5, "a"), Value(-0.0, "b")
    with ag.scope("layer1"), ag.scope("neuron0"):
        hidden = ag.dot([a, b, 2.0], [b, a, a], 0.5).tanh()
        hidden.label = "h"
    chances = ag.softmax([hidden, a, b]) + ag.log_softmax([hidden, b])
    chosen = ag.maximum(chances[1], chances[2] * 3) + ag.where(ag.greater(a, b), hidden**2, b)
    return a, b, ag.sum([chosen, *chances, a.detach()])


def as_told(root):
    """All that a graph tells, as plain data."""
    order = ag.topological_order(root)
    place = {node: i for i, node in enumerate(order)}
    return [
        (
            node.op,
            struct.pack("2d", node.data, node.grad),
            node.label,
            node.scope,
            node.has_grad,
            node.is_constant,
            node.index,
            node.partials,
            [place[parent] for parent in node.parents],
        )
        for node in order
    ]


# --- copies ---


@every_copier
def test_a_copy_tells_the_same_and_shares_no_node(copier):
    _, _, root = everything()
    root.backward()
    twin = copier(root)
    assert as_told(twin) == as_told(root)
    assert not set(ag.topological_order(twin)) & set(ag.topological_order(root))


@every_copier
def test_gradients_are_copied_and_the_copy_can_be_swept(copier):
    a, b, root = everything()
    root.backward()
    twin = copier(root)
    labelled = {node.label: node for node in ag.topological_order(twin)}
    assert (labelled["a"].grad, labelled["b"].grad) == (a.grad, b.grad)
    assert a.grad != 0.0
    root.backward()
    twin.backward()
    assert as_told(twin) == as_told(root)


@every_copier
def test_what_is_shared_stays_shared(copier):
    x = Value(2.0, "x")
    inner = x * 3.0
    first, second = inner + 1.0, inner * inner
    constant = x.detach()
    third = constant * 2.0
    x2, inner2, first2, second2, constant2, third2, again = copier(
        [x, inner, first, second, constant, third, first]
    )
    assert inner2.parents[0] is x2
    assert first2.parents[0] is inner2
    assert second2.parents == (inner2, inner2)
    assert third2.parents[0] is constant2
    assert again is first2
    ag.backward([first2, second2])
    assert x2.grad == 3.0 + 2 * 6.0 * 3.0
    assert not x.has_grad


@every_copier
def test_what_is_shared_stays_shared_whatever_comes_first(copier):
    x = Value(2.0, "x")
    inner = x * 3.0
    outer = inner + 1.0
    other = ag.exp(inner) * 2.0
    twins = copier({"outer": outer, "other": other, "inner": inner, "x": x})
    assert twins["outer"].parents[0] is twins["inner"]
    assert twins["other"].parents[0].parents[0] is twins["inner"]
    assert twins["inner"].parents[0] is twins["x"]


@every_copier
def test_a_leaf_and_a_constant_are_copied_alone(copier):
    leaf = Value(2.5, "leaf")
    leaf.grad = -1.0
    twin = copier(leaf)
    assert (twin.data, twin.label, twin.grad, twin.has_grad, twin.is_constant) == (
        2.5,
        "leaf",
        -1.0,
        True,
        False,
    )
    constant = copier(leaf.detach())
    assert constant.is_constant
    assert constant.data == 2.5


def test_a_shallow_copy_is_a_new_node_of_the_same_parents():
    a = Value(2.0, "a")
    node = a * 3.0
    node.label = "node"
    twin = copy.copy(node)
    assert twin is not node
    assert twin.parents == node.parents
    assert (twin.data, twin.label, twin.partials) == (6.0, "node", (3.0, 2.0))
    twin.label = "twin"
    assert node.label == "node"
    twin.backward()
    assert a.grad == 3.0
    assert not node.has_grad


@every_copier
def test_user_defined_operations_and_source_lines_are_copied(copier):
    @ag.operation(lambda x, y: 2.0 * x, name="squared_in_test_flat")
    def squared(x):
        return x * x

    x = Value(3.0)
    with ag.diagnose():
        node = squared(x) + 1.0
    twin = copier(node)
    assert twin.source == node.source
    assert twin.parents[0].operation is squared
    assert twin.parents[0].source == node.parents[0].source
    (slope,) = ag.differentiate(twin, [twin.parents[0].parents[0]])
    assert slope.data == 6.0


def test_an_operation_that_is_unknown_where_a_pickle_is_loaded_is_named():
    @ag.operation(lambda x, y: 2.0 * x, name="gone_in_test_flat")
    def gone(x):
        return x * x

    text = pickle.dumps(gone(Value(3.0)))
    del ag.OPERATIONS["gone_in_test_flat"]
    with pytest.raises(
        LookupError, match="no operation named 'gone_in_test_flat' is known here: import the module"
    ):
        pickle.loads(text)


# --- pickles ---


def test_a_pickle_loads_in_a_new_process_with_the_same_bits(tmp_path):
    _, _, root = everything()
    root.backward()
    file = tmp_path / "graph.pickle"
    file.write_bytes(pickle.dumps(root))
    program = (
        "import pickle, struct, sys, autograd_core as ag\n"
        "root = pickle.load(open(sys.argv[1], 'rb'))\n"
        "root.backward()\n"
        "print([struct.pack('2d', n.data, n.grad).hex() for n in ag.topological_order(root)])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    root.backward()
    assert run.stdout.strip() == str(
        [struct.pack("2d", n.data, n.grad).hex() for n in ag.topological_order(root)]
    )


def test_a_pickle_holds_the_numbers_of_its_own_time():
    """A pickler that is kept alive remembers a table; what changed since must not come from it."""
    x = Value(2.0, "x")
    y = x * x * 3.0
    kept = pickle.Pickler(io.BytesIO())
    kept.dump(y)
    y.backward()
    assert through_pickle(y).grad == 1.0
    y.parents[0].label = "square"
    assert through_pickle(y).parents[0].label == "square"
    x.data = 5.0
    assert through_pickle(y).parents[0].parents[0].data == 5.0
    y.zero_grad()
    assert not through_pickle(y).has_grad
    y.grad = 7.0
    assert through_pickle(y).grad == 7.0
    del kept
    assert through_pickle(y).grad == 7.0


def test_many_graphs_over_shared_leaves_are_pickled_in_linear_time():
    leaves = [Value(float(k)) for k in range(20)]
    outputs = [ag.dot(leaves, leaves, float(k)).tanh() for k in range(5_000)]
    twins = through_pickle(outputs)
    assert len(twins) == 5_000
    assert twins[0].parents[0].parents[3] is twins[-1].parents[0].parents[3]
    assert [twin.data for twin in twins[:5]] == [output.data for output in outputs[:5]]


def test_pickling_leaves_no_trace_on_the_nodes():
    x = Value(2.0)
    y = x * x + 1.0
    for _ in range(3):
        pickle.dumps([y, y.parents[0]])
    ref = weakref.ref(y)
    del y
    assert ref() is None
    assert sys.getrefcount(x) == 2


def test_a_pickle_of_a_graph_is_compact_and_flat():
    y = Value(1.0)
    for _ in range(1000):
        y = y * 1.5
    text = pickle.dumps(y)
    assert len(text) < (150 if COMPILED else 400) * 1000
    assert len(list(pickletools.genops(text))) < (200 if COMPILED else 60_000)


# --- depth ---


def test_a_graph_of_any_depth_is_copied_pickled_and_printed():
    x = Value(1.0, "x")
    y = x
    for _ in range(LONG):
        y = y + 1.0
    y.backward()
    assert repr(y) == f"Value({LONG + 1.0!r}, op='add', grad=1.0)"
    assert str(y) == repr(y)
    twin = copy.deepcopy(y)
    twin.backward()
    loaded = through_pickle(y)
    loaded.backward()
    assert twin.data == loaded.data == y.data
    bottom = ag.topological_order(loaded)[0]
    assert (bottom.label, bottom.grad) == ("x", 2.0)
    assert ag.topological_order(twin)[0].grad == 2.0
    del twin, loaded
    assert copy.copy(y).parents[0] is y.parents[0]


def test_a_damaged_table_is_refused():
    x = Value(1.0)
    y = x * 2.0 + x
    order = ag.topological_order(y)
    heads, counts, data, parents, *rest = pack(order, [])
    assert unpack((heads, counts, data, parents, *rest), [])[-1].data == 3.0
    for wrong in (len(order), 10**6, -1, -(10**9)):
        parents[-1] = wrong
        with pytest.raises(pickle.UnpicklingError, match="a parent stands behind its child"):
            unpack((heads, counts, data, parents, *rest), [])
    with pytest.raises(pickle.UnpicklingError, match="other lengths"):
        unpack((heads, counts, data, parents[:-1], *rest), [])


def test_a_pickle_loads_in_the_other_build(tmp_path):
    """Compiled and uncompiled engines read each other's pickles."""
    _, _, root = everything()
    root.backward()
    source, target = tmp_path / "here.pickle", tmp_path / "there.pickle"
    source.write_bytes(pickle.dumps(root))
    program = (
        "import pickle, sys\n"
        "root = pickle.load(open(sys.argv[1], 'rb'))\n"
        "pickle.dump(root, open(sys.argv[2], 'wb'))\n"
    )
    other = {**os.environ, "AUTOGRAD_UNCOMPILED": "1" if COMPILED else "0"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(source), str(target)], check=True, env=other
    )
    assert as_told(pickle.loads(target.read_bytes())) == as_told(root)
