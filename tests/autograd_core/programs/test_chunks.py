"""Sums over many rows: the same bits however they are shared out, and in bounded memory."""

from __future__ import annotations

import math
import tracemalloc
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import record

W = [ag.Value(0.3), ag.Value(-0.7), ag.Value(1.1)]
X = np.random.default_rng(0).normal(size=(1003, 2))


def loss(x: Any) -> Any:
    return ag.tanh(W[0] * x[0] + W[1] * x[1] + W[2]) ** 2


def test_the_tree_of_a_sum_is_that_of_neighbours_and_neighbouring_pairs() -> None:
    def tree(parts: list[float]) -> float:
        while len(parts) > 1:
            pairs = [a + b for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + ([parts[-1]] if len(parts) % 2 else [])
        return parts[0]

    numbers = np.random.default_rng(1).normal(size=200).tolist()
    for n in (1, 2, 3, 7, 8, 64, 100, 200):
        assert ag.tree_sum(iter(numbers[:n])) == tree(numbers[:n])
    assert ag.tree_sum([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).tolist() == [4.0, 6.0]
    with pytest.raises(ValueError, match="nothing to add up"):
        ag.tree_sum([])


def test_a_sum_adds_lists_as_arrays_and_refuses_what_is_no_number() -> None:
    assert ag.tree_sum([[1.0, 2.0], (3.0, 4.0)]).tolist() == [4.0, 6.0]
    assert ag.tree_sum([np.array([True]), np.array([True])]).tolist() == [2.0]
    assert ag.tree_sum([np.int8(100), np.int8(100)]) == 200.0
    assert ag.tree_sum([W[0], 1.0]).data == 1.3
    with pytest.raises(TypeError, match="no real number: 'a'"):
        ag.tree_sum("ab")
    with pytest.raises(ValueError, match=r"one shape, not \(2,\) and \(3, 2\)"):
        ag.tree_sum([np.ones(2), np.ones((3, 2))])


@pytest.mark.parametrize("chunk", [1, 7, 128, 5000])
def test_a_sum_is_that_of_its_chunks(chunk: int) -> None:
    program = record(loss, [0.0, 0.0])
    starts = range(0, len(X), chunk)
    parts = [program.value_and_grad(X[a : a + chunk]) for a in starts]
    values, gradients = program.sum_value_and_grad(X, chunk=chunk)
    assert gradients == ag.tree_sum([part.parameters for _, part in parts]).tolist()
    assert math.isclose(values, math.fsum(program(X)), rel_tol=1e-14)
    assert np.allclose(gradients, program.value_and_grad(X)[1].parameters, rtol=1e-12)


def test_the_bits_are_those_of_any_threads_and_processes() -> None:
    program = record(loss, [0.0, 0.0])
    wrt = {"w": W[:2], "b": W[2]}
    expected = program.sum_value_and_grad(X, wrt=wrt, chunk=64)
    assert expected == program.sum_value_and_grad(X, wrt=wrt, chunk=64, threads=3)
    with ThreadPoolExecutor(3) as threads:
        assert expected == program.sum_value_and_grad(X, wrt=wrt, chunk=64, executor=threads)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert expected == program.sum_value_and_grad(X, wrt=wrt, chunk=64, executor=processes)
    assert expected != program.sum_value_and_grad(X, wrt=wrt, chunk=65)


def test_a_file_larger_than_the_chunks_is_read_chunk_by_chunk(tmp_path: Path) -> None:
    rows = 200_000 if ag.COMPILED else 4_000
    np.save(tmp_path / "rows.npy", np.random.default_rng(2).normal(size=(rows, 8)).astype(np.float32))
    file = np.load(tmp_path / "rows.npy", mmap_mode="r")
    program = record(lambda x: ag.dot(x, x) * W[0], [0.0] * 8)

    def peak(part: Any) -> tuple[int, Any]:
        tracemalloc.start()
        try:
            result = program.sum_value_and_grad(part, wrt=W[0], chunk=rows // 100)
            return tracemalloc.get_traced_memory()[1], result
        finally:
            tracemalloc.stop()

    few, _ = peak(file[: rows // 10])
    most, (values, gradients) = peak(file)
    assert most < few + file.nbytes / 4
    assert math.isclose(values, 0.3 * gradients, rel_tol=1e-12)
    assert math.isclose(gradients, (np.asarray(file, dtype=float) ** 2).sum(), rel_tol=1e-12)


def test_an_executor_is_sent_a_bounded_number_of_chunks() -> None:
    class Counting:
        """Computes a chunk when it is asked for the result."""

        waiting = most = 0

        def submit(self, work: Any, item: Any) -> Any:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            future: Future[Any] = Future()
            future.result = lambda timeout=None: self.done(work, item)  # type: ignore[method-assign]
            return future

        def done(self, work: Any, item: Any) -> Any:
            self.waiting -= 1
            return work(item)

    counting = Counting()
    program = record(loss, [0.0, 0.0])
    assert program.sum_value_and_grad(X, chunk=4) == program.sum_value_and_grad(X, chunk=4, executor=counting)
    assert counting.most == 32


def test_branches_that_reach_more_parameters_are_summed_too() -> None:
    def f(x: Any) -> Any:
        return x * W[0] if x > 0.0 else W[1] * x * x

    rows = np.array([1.0, 2.0, -3.0, 4.0, -5.0])
    expected = record(f, 1.0).value_and_grad
    program = record(f, 1.0, on_guard="record")
    values, gradients = program.sum_value_and_grad(rows, wrt=W, chunk=2)
    assert gradients == [7.0, 34.0, 0.0]
    assert values == pytest.approx(0.3 * 7.0 - 0.7 * 34.0)
    with pytest.raises(ag.RecordingError, match="reach every parameter"):
        expected(rows)


def test_parts_of_several_shapes_and_several_outputs() -> None:
    program = record(lambda x: {"a": x[0] * W[0], "b": [x[1], x[0] * x[1] * W[1]]}, [1.0, 1.0])
    values, gradients = program.sum_value_and_grad([[1.0, 2.0], [3.0, 4.0]], wrt=W[:2], gradient=0.5)
    assert values["a"] == pytest.approx(1.2)
    assert values["b"].tolist() == pytest.approx([6.0, -0.7 * 14.0])
    assert gradients == [2.0, 7.0]


def test_what_cannot_be_summed_is_refused() -> None:
    program = record(lambda x, y: W[0] * x * y, 1.0, 1.0)
    assert program.sum_value_and_grad([], []) == (0.0, [0.0])
    with pytest.raises(ValueError, match=r"different numbers of rows: \[1, 2\]"):
        program.sum_value_and_grad([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="an argument has a gradient for each row"):
        program.sum_value_and_grad([1.0], [1.0], wrt=0)
    with pytest.raises(ValueError, match="chunk must be a whole number, at least 1"):
        program.sum_value_and_grad([1.0], [1.0], chunk=0)
    with pytest.raises(TypeError, match="takes 2 arguments, not 1"):
        program.sum_value_and_grad([1.0])
    with pytest.raises(ValueError, match="argument 1 of 2 has shape"):
        program.sum_value_and_grad([[1.0, 2.0]], [1.0])
    with pytest.raises(TypeError, match="a function without arguments has no rows"):
        record(lambda: W[0] * 1.0).sum_value_and_grad()
