"""Gradients of a file of rows on a cluster: the same bits, and a killed worker loses nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.examples.test_gpt import load

pytestmark = pytest.mark.skipif(not ag.COMPILED, reason="Dask's processes take long to start")


def test_one_process_reads_the_file_without_a_cluster(capsys: Any) -> None:
    pytest.importorskip("distributed")
    assert load("scale_out").main(["--rows", "2000", "--updates", "3", "--chunk", "128", "--workers", "0"])
    told = capsys.readouterr().out.splitlines()
    first, last = (float(word) for word in told[1].split("mean loss ")[1].split(" to "))
    assert (len(told), first) == (3, 0.6931)
    assert last < first


# Dask and the libraries under it raise warnings of their own; a killed worker's, too.
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_finds_the_bits_of_one_process(capsys: Any) -> None:
    pytest.importorskip("distributed")
    module = load("scale_out")
    assert module.main(["--rows", "3000", "--updates", "2", "--chunk", "128"])
    assert capsys.readouterr().out.count("the same bits: True") == 2


@pytest.mark.filterwarnings("ignore")
def test_a_program_maps_over_the_blocks_of_a_dask_array() -> None:
    array = pytest.importorskip("dask.array")
    w = ag.Value(0.5)
    program = ag.record(lambda x: ag.sin(w * x[0]) * x[1], [1.0, 1.0])
    rows = np.random.default_rng(0).normal(size=(100, 2))
    blocks = array.from_array(rows, chunks=(30, 2))
    values = blocks.map_blocks(program, drop_axis=1, dtype=float)
    assert np.array_equal(values.compute(scheduler="threads"), program(rows))
    slopes = blocks.map_blocks(lambda part: program.jacobian(part), dtype=float)
    assert np.array_equal(slopes.compute(scheduler="threads"), program.jacobian(rows))
    found = program.sum_value_and_grad(blocks, chunk=30)
    assert found == program.sum_value_and_grad(rows, chunk=30)
