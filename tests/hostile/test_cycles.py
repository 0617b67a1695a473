"""What refers to itself through a node is collected or refused; tables do not grow for ever."""

import gc
import sys
import tracemalloc
import warnings

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, Value
from autograd_core.engine import modes


class Layer:
    """Keeps the node that its own operation made."""

    def __init__(self, k=0):
        self.slope = 2.0

        @ag.operation(lambda x, y: self.slope, name=f"of_a_layer_{k}")
        def scaled(x):
            return self.slope * x

        self.scaled = scaled

    def __call__(self, x):
        self.last = self.scaled(x) * 1.0
        return self.last


def layers():
    gc.collect()
    return sum(type(thing) is Layer for thing in gc.get_objects())  # isinstance would ask lazy objects


def test_a_layer_whose_operation_refers_to_it_is_collected():
    before = len(OPERATIONS)
    for k in range(50):
        Layer(k)(Value(1.0)).backward()
    assert layers() == 0
    assert len(OPERATIONS) == before


def test_nothing_is_lost_over_iterations():
    def step(k):
        Layer(k)(Value(1.0)).backward()

    for k in range(20):
        step(k)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for k in range(200):
            step(k)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 200 * 100
    finally:
        tracemalloc.stop()


def test_nodes_of_an_operation_that_is_gone_say_so_where_it_is_needed():
    x = Value(3.0)
    layer = Layer()
    y = layer(x)
    assert ag.differentiate(y, [x])[0].data == 2.0
    del layer
    gc.collect()
    y.backward()
    assert x.grad == 2.0
    assert [node.op for node in ag.topological_order(y)][1] == "of_a_layer_0"
    with pytest.raises(ag.GraphError, match="'of_a_layer_0' is gone"):
        ag.differentiate(y, [x])


def test_an_operation_of_plain_functions_lives_with_its_nodes():
    def make(slope):
        @ag.operation(lambda x, y: slope + 0.0 * x, name="plain_functions")
        def scaled(x):
            return slope * x

        return scaled

    x = Value(3.0)
    y = make(4.0)(x)
    gc.collect()
    assert ag.differentiate(y, [x])[0].data == 4.0
    del y
    gc.collect()
    assert "plain_functions" not in OPERATIONS


def test_an_operation_that_refers_to_a_value_is_refused():
    w = Value(2.0, "w")

    def scaled(x):
        return float(w) * x

    def scaled_by_default(x, y, w=w):
        return 2.0

    with pytest.raises(TypeError, match=r"refers to the Value .*'w'.* make it an operand"):
        ag.operation(lambda x, y: 2.0)(scaled)
    with pytest.raises(TypeError, match="refers to the Value"):
        ag.operation(scaled_by_default)(lambda x: 2.0 * x)


def test_a_label_keeps_the_text_alone():
    class Named(str):
        pass

    name = Named("x")
    name.node = Value(1.0, name)
    name.node.label = name
    assert type(name.node.label) is str
    assert sys.getrefcount(name) == 2
    assert repr(ag.scope(Named("s"))) == "scope('s')"


def test_deep_scopes_keep_their_own_names_alone():
    scopes = [ag.scope(f"deep{k}") for k in range(2000)]
    tracemalloc.start()
    try:
        for scope in scopes:
            scope.__enter__()
        assert tracemalloc.get_traced_memory()[0] < 2_000_000  # the paths would be 10 MB
        path = Value(1.0).scope
    finally:
        tracemalloc.stop()
        for scope in reversed(scopes):
            scope.__exit__()
    assert path == ".".join(f"deep{k}" for k in range(2000))


def test_scopes_that_never_come_again_are_bounded(monkeypatch):
    monkeypatch.setattr(modes, "MOST_SCOPES", len(modes.scope_names) + 5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(100):
            with ag.scope("known"), ag.scope(f"step{k}"):
                made = Value(1.0)
            assert Value(1.0).scope == ""
    assert made.scope == "known"
    assert len(modes.scope_names) <= modes.MOST_SCOPES + 1
    assert [str(warning.message)[:9] for warning in caught] == ["there are"]
