"""Memory that is given back."""

import gc
import itertools
import random
import sys

import pytest

import autograd_core as ag
from autograd_core import Value


@pytest.mark.skipif(
    not ag.COMPILED or not sys.platform.startswith("linux"), reason="reads the process's memory in Linux"
)
@pytest.mark.parametrize("survivors", [0, 3])
def test_the_memory_of_dead_nodes_is_given_back_at_a_full_collection(survivors):
    import resource

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    size = 50_000 * Value.__basicsize__
    kept = [Value(0.5 * i) for i in range(survivors)]
    gc.collect()
    nodes = [Value(0.0)] * 50_000
    before = resident()
    for i in range(50_000):
        nodes[i] = Value(1.0)
    kept += nodes[20_000 : 20_000 + survivors]
    held = resident()
    assert held > before + 0.9 * size
    nodes[:] = []
    assert resident() > held - 0.1 * size  # it waits for the next nodes
    gc.collect()
    assert resident() < before + 0.1 * size
    assert [node.data for node in kept] == [0.5 * i for i in range(survivors)] + [1.0] * survivors
    assert sum(Value(1.0).data for _ in range(1000)) == 1000.0


@pytest.mark.skipif(not ag.COMPILED, reason="the compiled engine has a pool of places for nodes")
def test_nodes_made_one_after_the_other_lie_side_by_side_whatever_died_before():
    """A sweep over nodes in the order of their addresses takes a quarter of the time."""
    chance = random.Random(0)
    nodes = [Value(0.0) for _ in range(20_000)]
    chance.shuffle(nodes)
    del nodes[:]  # in random order
    addresses = [id(node) for node in [Value(0.0) for _ in range(20_000)]]
    steps = [b - a for a, b in itertools.pairwise(addresses)]
    assert sum(step == Value.__basicsize__ for step in steps) > 18_000


@pytest.mark.skipif(not ag.COMPILED, reason="the compiled engine has a pool of places for nodes")
def test_more_nodes_than_the_pool_has_places_for_are_made_and_freed():
    nodes = [Value(float(i)) for i in range(150_000)]
    assert len({id(node) for node in nodes}) == len(nodes)
    del nodes[::2]
    nodes += [node * 2.0 for node in nodes]
    assert [node.data for node in nodes[:5]] == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert sum(node.data for node in nodes) == 3.0 * sum(range(1, 150_000, 2))


def test_nodes_made_after_a_collection_outlive_those_from_before_it():
    gc.collect()
    before = [Value(float(i)) for i in range(30)]
    many = [Value(float(i)) for i in range(1000)]
    del many
    gc.collect()  # gives back the places of the many
    after = [Value(float(i)) for i in range(10)]
    del before
    gc.collect()  # the places in use stay
    assert [node.data for node in after] == [float(i) for i in range(10)]
