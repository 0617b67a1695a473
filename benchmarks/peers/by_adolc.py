"""ADOL-C: the irregular graph on a trace, in a C++ program compiled here (Debian's libadolc-dev, g++)."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import problems


def prepare(workload: str, nodes: str) -> Any:
    """Return what runs steps of the irregular graph."""
    return Step(int(nodes))


class Step:
    """A step is the value and the gradient of one row: a forward sweep that keeps, and a reverse one."""

    def __init__(self, nodes: int):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        source = str(Path(__file__).with_name("adolc.cpp"))
        subprocess.run(["g++", "-O3", source, "-o", str(folder / "peer"), "-ladolc"], check=True)
        room = 5 * nodes + 65536  # all of a trace stays in memory, in buffers that are not much too large
        (folder / ".adolcrc").write_text("".join(f'"{name}BUFSIZE" "{room}"\n' for name in "OLVT"))
        row = problems.points(1)[0].tolist()
        lines = [f"{len(row)} {nodes}", *map(repr, row)]
        lines += [f"{kind} {a} {b}" for kind, a, b in problems.irregular(nodes)]
        (folder / "plan").write_text("\n".join(lines))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [str(folder / "peer"), "plan"], cwd=folder, stdin=pipe, stdout=pipe, text=True
        )
        self._first = self._answer()

    def _answer(self) -> float:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        while line.strip() and not line.strip()[-1].isdigit():  # what ADOL-C says about its buffers
            line = self.process.stdout.readline()
        return float(line)

    def __call__(self, steps: int) -> float:
        """Run; return the seconds taken."""
        print(steps, file=self.process.stdin, flush=True)
        return self._answer()

    def loss(self) -> float:
        """Sum of value and gradient, to compare."""
        return self._first
