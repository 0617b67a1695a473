"""What this machine can do at most, and how the tape's cost grows.

``python -m benchmarks.limits`` prints the machine's peaks; `peaks` runs it with libraries kept to one thread.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.programs.program import record
from benchmarks import problems
from benchmarks.environment import one_thread
from benchmarks.timing import median


def seconds(step: Any, rounds: int) -> list[float]:
    """Return some timings of one call."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return times


def best(step: Any, rounds: int = 7) -> float:
    """Return the middle of some timings of one call."""
    return median(seconds(step, rounds))


def peaks() -> tuple[float, float]:
    """Return (multiply-adds a second of a product of matrices, bytes a second of a copy), on one thread."""
    command = [sys.executable, "-m", "benchmarks.limits"]
    told = subprocess.run(command, env=one_thread(), check=True, capture_output=True, text=True).stdout
    products, copies = map(float, told.split())
    return products, copies


def measured_peaks() -> tuple[float, float]:
    """The same, in this process, whatever threads it has: the best of some rounds."""
    a, b, c = (np.random.default_rng(0).normal(size=(768, 768)) for _ in range(3))
    big, other = np.zeros(2**25), np.zeros(2**25)
    product = min(seconds(lambda: np.matmul(a, b, out=c), 15))
    return 768**3 / product, 2 * big.nbytes / min(seconds(lambda: np.copyto(other, big), 15))


def multiply_adds(sizes: tuple[int, ...], batch: int) -> int:
    """Count those of a training step; the first layer has no gradient of its inputs."""
    products = [m * n for m, n in itertools.pairwise(sizes)]
    return batch * (3 * sum(products) - products[0])


def recording(nodes: int) -> tuple[float, float]:
    """Return seconds a node of building the irregular graph eagerly, and of recording it."""
    plan, row = problems.irregular(nodes), problems.points(1)[0].tolist()

    def eager() -> None:
        problems.build(plan, [ag.Value(x) for x in row], ag)

    def recorded() -> None:
        record(lambda x: problems.build(plan, x, ag), row).recordings[0].tape(False)

    return best(eager, 3) / nodes, best(recorded, 3) / nodes


def chain(x: Any, nodes: int) -> Any:
    """A graph of that many nodes."""
    for k in range(nodes // 2):
        x = (x + 0.5) * -1.0 if k % 8 else ag.tanh(x) + x  # the gradient neither dies out nor overflows
    return x


def growth_of_batch() -> list[tuple[int, float]]:
    """Return (lanes, seconds a lane) for a graph of 1,000 nodes."""
    program = record(lambda x: chain(x, 1000), 0.5)
    rows = {lanes: np.linspace(-1, 1, lanes) for lanes in (32, 1_000, 10_000, 100_000)}
    return [
        (lanes, best(lambda r=r: program.value_and_grad(r, inputs=True), 3) / lanes)  # type: ignore[misc]
        for lanes, r in rows.items()
    ]


def growth_of_graph(largest: int) -> list[tuple[int, float, float, int]]:
    """Return (nodes, seconds a node to record and for a gradient, bytes of the tape), one lane."""
    rows = []
    nodes = 1_000
    while nodes <= largest:
        started = time.perf_counter()
        program = record(lambda x, n=nodes: chain(x, n), 0.5)  # type: ignore[misc]
        program.recordings[0].tape(False)
        took = time.perf_counter() - started
        cost = best(lambda p=program: p.value_and_grad([0.3], inputs=True), 3)  # type: ignore[misc]
        rows.append(
            (nodes, took / nodes, cost / nodes, program.recordings[0].tape(False).tape.stats()["bytes"])
        )
        nodes *= 10
    return rows


if __name__ == "__main__":
    print(*measured_peaks())
