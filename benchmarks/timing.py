"""Processes that answer with seconds, and medians of alternating runs."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from benchmarks.environment import one_thread, peers_python

_WORKER = str(Path(__file__).with_name("worker.py"))


class Worker:
    """One peer and one workload in a process of its own; see `worker.py`."""

    def __init__(self, peer: str, workload: str, *options: object):
        here = peer in ("ours", "plain", "by_values", "by_adolc") or (
            "micrograd" in peer and find_spec("micrograd") is not None
        )
        python = sys.executable if here else peers_python()
        command = [python, _WORKER, peer, workload, *map(str, options)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one_thread()
        )
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"a worker has died: {self.process.args!r}")
        return line

    def _ask(self, question: str) -> float:
        assert self.process.stdin is not None
        print(question, file=self.process.stdin, flush=True)
        return float(self._answer())

    def run(self, steps: int) -> float:
        """Return the seconds that a step takes, over so many steps."""
        return self._ask(f"run {steps}") / steps

    def loss(self) -> float:
        """Return the objective of the last step."""
        return self._ask("loss")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def alternate(workers: Mapping[str, Worker], steps: Mapping[str, int], rounds: int) -> dict[str, list[float]]:
    """Let the workers run in turn, round after round.

    Returns:
        For each worker the seconds a step of each round.
    """
    times: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            times[name].append(worker.run(steps[name]))
    return times


def fresh(peer: str, workload: str, *options: object, steps: int, rounds: int) -> list[float]:
    """Return the seconds a step of each round, every round in a new process."""
    times = []
    for _ in range(rounds):
        with Worker(peer, workload, *options) as worker:
            times.append(worker.run(steps))
    return times


def shown(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:,.4g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def median(times: Sequence[float]) -> float:
    """Return the middle one."""
    return statistics.median(times)
