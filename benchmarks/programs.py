"""Programs by themselves: ``python -m benchmarks.programs [call branch power special node] [--before DIR]``.

Each case runs in a process of its own. With ``--before``, the same cases of another checkout (built in place)
run in turn with ours, so that the ratios hold on a busy machine, and the results' bits are compared.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Case = tuple[Callable[[], Any], float]  # one call, and by what its time is divided
ROOT = Path(__file__).resolve().parent.parent
GOALS = {"three nodes": "2 us", "three nodes, value and gradient": "2 us", "value_and_grad(f)": "6 us"}


def _call(number: str) -> Case:
    """What a call of one small row costs."""
    import numpy as np

    import autograd_core as ag

    w, x = ag.Value(2.0), np.array([[1.0, 2.0, 3.0]])
    small = ag.record(lambda x: x[0] * x[1] + ag.sin(x[2]), [1.0, 2.0, 3.0])
    model = ag.record(lambda x: w * x[0] * x[1] + ag.sin(x[2]), [1.0, 2.0, 3.0])
    both = ag.value_and_grad(lambda x: ag.sin(x) * x + x)
    calls: dict[str, Callable[[], Any]] = {
        "three nodes": lambda: small(x),
        "three nodes, value and gradient": lambda: small.value_and_grad(x, wrt=0),
        "with a parameter": lambda: model.value_and_grad(x),
        "value_and_grad(f)": lambda: both(1.3),
    }
    if number in calls:
        return calls[number], 1.0
    if number == "LLSQ 16":
        t = [2.0 * i / 16 - 1.0 for i in range(16)]
        signs = [(v > 0) - (v < 0) for v in t]
        powers = [[v**j for v in t] for j in range(16)]

        def llsq(x: Any) -> Any:
            rows = ([s, *(-x[j] * powers[j][i] for j in range(16))] for i, s in enumerate(signs))
            return 0.5 * ag.sum([ag.square(ag.sum(row)) for row in rows])

        program, row = ag.record(llsq, [0.0] * 16), np.linspace(-1, 1, 16)[None]
    else:
        program, row = ag.record(_determinant, np.eye(5)), np.random.default_rng(1).normal(size=(1, 5, 5))
    return lambda: program.value_and_grad(row, wrt=0), 1.0


def _determinant(m: Any) -> Any:
    """By minors."""
    if len(m) == 1:
        return m[0][0]
    minors = ([[*row[:j], *row[j + 1 :]] for row in (list(row) for row in m[1:])] for j in range(len(m)))
    terms = [m[0][j] * _determinant(minor) for j, minor in enumerate(minors)]
    total = terms[0]
    for j, term in enumerate(terms[1:], 1):
        total = total - term if j % 2 else total + term
    return total


def _branch(name: str) -> Case:
    """Selections among many: what was not chosen costs nothing in the reverse pass."""
    import numpy as np

    import autograd_core as ag

    k, d = 64, 8
    rng = np.random.default_rng(3)
    pairs = {"minimum": ag.minimum, "maximum": ag.maximum}

    def nearest(x: Any, c: Any) -> Any:
        distances = [ag.sum([ag.square(x[j] - c[i][j]) for j in range(d)]) for i in range(k)]
        if name == "min":
            return ag.min(distances)
        best = distances[0]
        for other in distances[1:]:
            best = (
                ag.where(ag.less(other, best), other, best) if name == "where" else pairs[name](best, other)
            )
        return best

    c = np.array([[ag.Value(v) for v in row] for row in rng.normal(size=(k, d))])
    program = ag.record(lambda x: nearest(x, c), [0.0] * d)
    x = rng.normal(size=(2000, d))
    return lambda: program.value_and_grad(x), 2000.0 * k * d


def _elementwise(name: str, numbers: Any, gradient: bool) -> Case:
    import numpy as np

    import autograd_core as ag

    functions: dict[str, Callable[..., Any]] = {
        "x**2": lambda x: x**2,
        "x**3": lambda x: x**3,
        "square(x)": ag.square,
        "lgamma": ag.lgamma,
        "digamma": getattr(ag, "digamma", ag.lgamma),
        "hypot": lambda x: ag.hypot(x, 0.5),
        "sigmoid": ag.sigmoid,
        "tanh": ag.tanh,
    }
    program = ag.record(functions[name], 1.0)
    if gradient:
        return lambda: program.value_and_grad(numbers, wrt=0), float(len(numbers))
    return lambda: program(numbers), float(np.size(numbers))


def _power(name: str) -> Case:
    """Whole powers of many numbers."""
    import numpy as np

    return _elementwise(
        name.removesuffix(", slope"), np.random.default_rng(0).normal(size=20_000), "," in name
    )


def _special(name: str) -> Case:
    """Functions that C's library has not, or that are made of several of it."""
    import numpy as np

    numbers = np.random.default_rng(0).uniform(0.1, 9.0, 2000)
    return _elementwise(name.removesuffix(", slope"), numbers, "," in name)


def _node(name: str) -> Case:
    """One row of an irregular graph: value and gradient, for each node."""
    sys.path.append(str(ROOT))
    import autograd_core as ag
    from benchmarks.problems import INPUTS, build, irregular, points

    nodes = int(name.replace(",", ""))
    plan = irregular(nodes)
    program = ag.record(lambda x: build(plan, x, ag), [0.5] * INPUTS)
    row = points(1)
    return lambda: program.value_and_grad(row, wrt=0), float(nodes)


PARTS: dict[str, tuple[Callable[[str], Case], list[str]]] = {
    "call": (_call, [*GOALS, "with a parameter", "LLSQ 16", "det 5"]),
    "branch": (_branch, ["minimum", "maximum", "where", "min"]),
    "power": (_power, ["x**2", "x**2, slope", "x**3", "x**3, slope", "square(x)", "square(x), slope"]),
    "special": (_special, ["lgamma", "lgamma, slope", "hypot", "hypot, slope", "digamma", "digamma, slope",
                           "sigmoid", "sigmoid, slope", "tanh", "tanh, slope"]),
    "node": (_node, ["1,000", "10,000", "100,000", "1,000,000"]),
}  # fmt: skip


def _digest(result: Any) -> str:
    """The bits of what a call returned."""
    text = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, (tuple, list)):
            for inner in part:
                add(inner)
        else:
            text.update(part.tobytes() if hasattr(part, "tobytes") else repr(part).encode())

    add(result)
    return text.hexdigest()[:12]


def serve(part: str, name: str) -> None:
    """In a process of its own: answer each line by the seconds of a call, and once by the bits."""
    try:
        call, parts = PARTS[part][0](name)
        bits = _digest(call())
    except Exception as error:  # an earlier checkout may not have what is asked for
        print(f"{type(error).__name__} none", flush=True)
        return
    started = time.perf_counter()
    call()
    count = max(1, math.ceil(0.02 / (time.perf_counter() - started)))
    print(f"ready {bits}", flush=True)
    for _ in sys.stdin:
        best = math.inf
        for _ in range(3):
            started = time.perf_counter()
            for _ in range(count):
                call()
            best = min(best, (time.perf_counter() - started) / count)
        print(best / parts, flush=True)


class _Server:
    def __init__(self, checkout: Path, part: str, name: str):
        command = [sys.executable, str(ROOT / "benchmarks" / "programs.py"), "--serve", part, name]
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.state, self.bits = self.process.stdout.readline().split()

    def seconds(self) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def compare(part: str, before: Path | None, rounds: int) -> None:
    """Print a table of one part."""
    from benchmarks.timing import shown, table

    rows = []
    for name in PARTS[part][1]:
        servers = [_Server(checkout, part, name) for checkout in ((before, ROOT) if before else (ROOT,))]
        ready = [server for server in servers if server.state == "ready"]
        times = [[server.seconds() for server in ready] for _ in range(rounds)]
        for server in servers:
            server.close()
        best = [shown(min(column)) for column in zip(*times, strict=True)]
        row = [name, *([servers[0].state] * (len(servers) - len(ready))), *best]
        if before:
            ratio = sorted(a / b for a, b in times)[rounds // 2] if len(ready) == 2 else math.nan
            row += [f"{ratio:.2f}", "same" if servers[0].bits == servers[1].bits else "other"]
        rows.append([*row, GOALS.get(name, "")])
    heading = ["", *(["before", "now", "before / now", "bits"] if before else ["now"]), "goal"]
    unit = "a call" if part == "call" else "for each node" if part == "node" else "for each number"
    print(f"\n## {(PARTS[part][0].__doc__ or '').strip()} Seconds {unit}, the least of {rounds} rounds.\n")
    print(table(heading, rows), flush=True)


def main() -> None:
    """Measure, or serve one case."""
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return
    from benchmarks.environment import machine

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="part", help="by default all")
    parser.add_argument("--before", type=Path, help="another checkout, built in place, to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(f"# Programs on {machine()}")
    for part in options.parts or PARTS:
        compare(part, options.before, options.rounds)


if __name__ == "__main__":
    main()
