"""Modes on functions whose body runs later, and memory that is given back."""

import gc
import sys

import pytest

import autograd_core as ag
from autograd_core import Value


@pytest.mark.parametrize("mode", [ag.no_grad, ag.diagnose])
def test_a_mode_does_not_decorate_what_runs_after_the_call(mode):
    def generator():
        yield Value(1.0) * 2.0

    async def coroutine():
        return Value(1.0) * 2.0

    async def both():
        yield Value(1.0) * 2.0

    for function in (generator, coroutine, both):
        with pytest.raises(TypeError, match="runs after the call has returned"):
            mode()(function)
    assert mode()(lambda: Value(1.0) * 2.0)().data == 2.0


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
