"""The engine by itself: ``python -m benchmarks.engine [operation moons chain import] [--quick]``.

Ratios come from runs that alternate, in one process for an operation, in fresh processes for whole programs.
"""

from __future__ import annotations

import copy
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from typing import Any

from autograd_core import COMPILED, Value
from benchmarks.environment import machine, one_thread
from benchmarks.parts import run_parts
from benchmarks.timing import Worker, fresh, median, shown, table


def operation(quick: bool) -> None:
    """What an operation costs on Values, beside floats; and reading and assigning attributes."""
    number, rounds = 200_000, 15 if quick else 60
    from math import tanh

    class Plain:
        """An object with two attributes."""

        def __init__(self) -> None:
            self.data, self.grad = 1.5, 0.25

    weights, inputs = [0.1 * i for i in range(16)], [0.2 * i for i in range(16)]
    names: dict[str, dict[str, Any]] = {
        "floats": {"a": 1.5, "b": -0.25, "f": tanh, "p": Plain(), "w": weights, "x": inputs},
        "Values": {"a": Value(1.5), "b": Value(-0.25), "f": Value.tanh, "p": Value(1.5)},
    }
    names["Values"] |= {"w": list(map(Value, weights)), "x": list(map(Value, inputs))}
    statements = {
        "a + b": "at most 1.4",
        "a * b": "at most 1.4",
        "a + 2.0": "at most 1.4",
        "2 * a": "",
        "a / b": "",
        "a ** 2": "",
        "-a": "",
        "f(a)": "",
        "sum(u * v for u, v in zip(w, x))": "",
        "p.data, p.grad": "",
        "p.data -= 0.0 * p.grad": "",
    }
    rows = []
    for statement, goal in statements.items():
        repeats = number // 20 if "sum" in statement else number
        timers = {kind: timeit.Timer(statement, globals=space) for kind, space in names.items()}
        times: dict[str, list[float]] = {kind: [] for kind in names}
        for _ in range(rounds):
            for kind, timer in timers.items():
                times[kind].append(timer.timeit(repeats) / repeats)
        floats, values = median(times["floats"]), median(times["Values"])
        ratio = statistics.median(v / f for v, f in zip(times["Values"], times["floats"], strict=True))
        rows.append([f"`{statement}`", shown(floats), shown(values), f"{ratio:.2f}", goal])
    print("\n## One operation, the loop around it included (f is tanh, w and x have 16 elements)\n")
    print(table(["", "floats", "Values", "Values / floats", "goal"], rows), flush=True)


# What runs the training step of the moons problem: (what it is, the peer, its kind, the goals by collection)
_MOONS = (
    ("micrograd 0.1.0", "by_micrograd", "", {}),
    ("its script and network, unmodified, on Values", "micrograd_on_values", "", {"off": "at least 20"}),
    ("plain Python loops", "by_values", "loops", {"default": "at least 100", "off": "at least 18"}),
    ("nn.MLP", "by_values", "mlp", {"default": "at least 300", "off": "at least 100"}),
)


def moons(quick: bool) -> None:
    """The training step of the moons problem, Values against micrograd's."""
    rounds = 3 if quick else 7
    print("\n## W1, moons 2-16-16-1, batch 100: one update made of Values one by one, fresh processes\n")
    rows = []
    losses = set()
    for collection in ("default", "off"):
        theirs = 0.0
        for label, peer, kind, goals in _MOONS:
            options = (kind, collection) if kind else (collection,)
            # In a loop the last graph is alive while the next is made; that costs both sides, so both loop.
            steps = 3 if peer == "by_micrograd" else 20
            seconds = median(fresh(peer, "W1", *options, steps=steps, rounds=rounds))
            theirs = theirs or seconds
            times_faster = f"{theirs / seconds:,.0f}" if peer != "by_micrograd" else ""
            rows.append([label, collection, shown(seconds), times_faster, goals.get(collection, "")])
            with Worker(peer, "W1", *options) as worker:
                worker.run(2)
                losses.add(round(worker.loss(), 9))
    assert len(losses) == 1, losses
    print(
        table(["", "garbage collection", "an update", "times faster than micrograd", "goal"], rows),
        flush=True,
    )


def _timed(rows: list[list[str]], what: str, count: int, job: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = job()
    seconds = time.perf_counter() - started
    rows.append([what, f"{count:,}", shown(seconds), shown(seconds / count)])
    return result


def _build(length: int) -> tuple[Value, Value]:
    x = y = Value(1.0)
    for _ in range(length):
        y = y + x
    return x, y


def chain(quick: bool) -> None:
    """A chain of 10^7 operations: built, swept, freed; and of 10^6: copied, pickled, printed."""
    length, shorter = (10**6, 10**5) if quick else (10**7, 10**6)
    rows: list[list[str]] = []
    before = _resident()
    x, y = _timed(rows, "built", length, lambda: _build(length))
    size = (_resident() - before) / length
    _timed(rows, "swept", length, y.backward)
    assert x.grad == length + 1
    holder = [y]
    del y
    _timed(rows, "freed", length, holder.clear)
    after = _resident()
    _, y = _build(shorter)
    _timed(rows, "printed", shorter, lambda: repr(y))
    _timed(rows, "deep-copied", shorter, lambda: copy.deepcopy(y))
    text = _timed(rows, "pickled", shorter, lambda: pickle.dumps(y))
    loaded = _timed(rows, "unpickled", shorter, lambda: pickle.loads(text))
    assert loaded.data == y.data
    print("\n## A chain of operations\n")
    print(table(["", "operations", "all", "each"], rows))
    basic = getattr(Value, "__basicsize__", 0)
    print(
        f"\n{basic} bytes a node (goal: at most 96); the chain took {size:.0f} bytes a node of memory,",
        end=" ",
    )
    print(f"and left {(after - before) / 1e6:.1f} MB behind", flush=True)


def _resident() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def importing(quick: bool) -> None:
    """What `import autograd_core` costs over an empty program, in fresh processes."""
    program = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    rows = []
    with tempfile.TemporaryDirectory() as cache:  # of byte code, which an installed package has too
        environment = one_thread() | {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        for module, goal in (
            ("numpy", ""),
            ("autograd_core", "under 40 ms"),
            ("nn", "NumPy's and 20 ms"),
            ("viz", "NumPy's and 20 ms"),
        ):
            times = []
            command = [sys.executable, "-c", program.format(module)]
            for _ in range(6 if quick else 16):
                run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
                times.append(float(run.stdout))
            rows.append([f"import {module}", shown(median(times[1:])), shown(min(times)), goal])
    print("\n## Importing, fresh processes\n")
    print(table(["", "median", "fastest", "goal"], rows), flush=True)


PARTS: dict[str, Callable[[bool], None]] = {
    "operation": operation,
    "moons": moons,
    "chain": chain,
    "import": importing,
}


def main() -> None:
    """Run the parts that are asked for, by default all."""
    state = "compiled" if COMPILED else "uncompiled"
    run_parts(PARTS, __doc__, f"The engine on {machine()}, {state}")


if __name__ == "__main__":
    main()
