"""Memory that is given back."""

import gc
import sys

import pytest

import autograd_core as ag
from autograd_core import Value


@pytest.mark.skipif(not ag.COMPILED, reason="the compiled engine keeps spare nodes")
def test_spare_nodes_are_given_back_at_a_full_collection():
    allocated = sys.getallocatedblocks
    gc.collect()
    before = allocated()
    nodes = [Value(0.0) for _ in range(50_000)]
    del nodes
    assert allocated() > before + 40_000  # they wait for the next ones
    gc.collect()
    assert allocated() < before + 10_000
