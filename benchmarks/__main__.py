"""Run the benchmarks: ``python -m benchmarks [W1 W2 W3 W4 recording growth limits] [--quick]``.

Peers run in an environment of their own (.venv-bench, made when it is first needed), each in its own process,
in turn with this package, on one thread and in float64. What is printed are medians, and ratios of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import limits, problems
from benchmarks.environment import machine
from benchmarks.parts import run_parts
from benchmarks.timing import Worker, alternate, fresh, median, shown, table

PEER_NAMES = {"by_torch": "PyTorch eager", "by_jax": "JAX jit", "by_numpy": "NumPy by hand"}
GOALS = {"W1": (0.06, 0.5, 0.4), "W2": (0.1, 0.5, 0.55)}


def network(workload: str, quick: bool) -> None:
    """W1 and W2: one update, through `nn.fit`, beside the peers'."""
    print(f"\n## {problems.PROBLEMS[workload].__doc__}\n")
    rounds = 3 if quick else 9
    names = ["ours", *PEER_NAMES]
    workers = {name: Worker(name, workload) for name in names}
    steps = dict.fromkeys(names, 300) | {"ours": 1000, "by_torch": 150}
    try:
        times = alternate(workers, steps, rounds)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    ours = median(times["ours"])
    rows = [["nn.fit", shown(ours), shown(min(times["ours"])), "1", ""]]
    for (name, label), goal in zip(PEER_NAMES.items(), GOALS[workload], strict=True):
        peer = median(times[name])
        rows.append([label, shown(peer), shown(min(times[name])), f"{ours / peer:.3f}", f"at most {goal}"])
    goals = {"default": {"W1": 40_000, "W2": 100_000}[workload], "off": {"W1": "4,000", "W2": None}[workload]}
    for collection in ("off", "default"):
        peer_times = fresh("by_micrograd", workload, collection, steps=3, rounds=1 if quick else 3)
        peer, goal = median(peer_times), goals[collection]
        label = f"micrograd 0.1.0, garbage collection {collection}"
        wanted = f"1 / {goal:,}" if isinstance(goal, int) else f"1 / {goal}" if goal else ""
        rows.append([label, shown(peer), shown(min(peer_times)), f"1 / {peer / ours:,.0f}", wanted])
    print(table(["", "an update", "the fastest", "ours / theirs", "goal"], rows), flush=True)


def _irregular(nodes: int, batch: int, peers: dict[str, str], quick: bool) -> list[list[str]]:
    """W3 for one size: rows of the table. The peers' results are compared with ours."""
    options = {"by_adolc": (nodes,)}
    workers = {name: Worker(name, "W3", *options.get(name, (nodes, batch))) for name in ("ours", *peers)}
    steps = max(1, 5_000_000 // (nodes * batch))
    try:
        times = alternate(workers, dict.fromkeys(workers, steps), 3 if quick else 7)
        ours = workers["ours"].loss()
        for name in peers:
            theirs = workers[name].loss()
            assert abs(ours - theirs) <= 1e-6 * abs(theirs), (name, ours, theirs)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    eager = fresh("ours", "W3", nodes, 1, "eager", steps=1, rounds=1 if quick else 3)
    base = median(times["ours"])
    goals = {"by_casadi": "below 1", "by_adolc": "below 1", "eager": "at most 0.1"}
    measured = {name: median(found) for name, found in times.items()} | {"eager": median(eager) * batch}
    labels = {"ours": "program", **peers, "eager": "eager Values, row by row"}
    return [
        [f"{nodes:,}", str(batch), labels[name], shown(seconds), shown(seconds / nodes / batch),
         f"{base / seconds:.3f}", goals.get(name, "")]
        for name, seconds in measured.items()
    ]  # fmt: skip


def irregular(quick: bool) -> None:
    """W3: an irregular graph, one row and 64."""
    largest = 100_000 if quick else 1_000_000
    print("\n## W3: an irregular graph of mixed operations, value and gradient\n")
    one_row = {"by_casadi": "CasADi SX Function"}
    if shutil.which("g++") and Path("/usr/include/adolc/adolc.h").exists():
        one_row["by_adolc"] = "ADOL-C, a trace in C++"
    else:
        print("ADOL-C is left out: it needs g++ and Debian's libadolc-dev.\n")
    rows = [row for nodes in (1_000, 10_000, largest) for row in _irregular(nodes, 1, one_row, quick)]
    rows += _irregular(largest, 64, {"by_casadi": "CasADi SX Function"}, quick)
    heading = ["operations", "rows", "", "a gradient", "an operation and row", "ours / theirs", "goal"]
    print(table(heading, rows), flush=True)


def gpt(quick: bool) -> None:
    """W4: the GPT of examples/gpt.py, one update on one name."""
    print("\n## W4: a GPT of scalars (examples/gpt.py), one update on one name of 8 letters\n")
    kinds = {"program": "a program", "eager": "eager Values", "plain": "Values in plain Python"}
    workers = {kind: Worker("plain", "W4", kind) for kind in kinds}
    try:
        times = alternate(workers, {"program": 50, "eager": 5, "plain": 1}, 3 if quick else 7)
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
    ours = median(times["program"])
    goals = {"program": "", "eager": "1 / 15", "plain": "1 / 300"}
    rows = [
        [label, shown(median(times[kind])), f"1 / {median(times[kind]) / ours:,.1f}", goals[kind]]
        for kind, label in kinds.items()
    ]
    print(table(["", "an update", "ours / theirs", "goal"], rows), flush=True)


def recording(quick: bool) -> None:
    """What recording costs, beside building the graph eagerly."""
    nodes = 100_000 if quick else 1_000_000
    eager, recorded = limits.recording(nodes)
    print(f"\n## Recording an irregular graph of {nodes:,} operations\n")
    rows = [
        ["built eagerly", shown(eager), shown(eager * nodes), "", ""],
        [
            "recorded and compiled",
            shown(recorded),
            shown(recorded * nodes),
            f"{recorded / eager:.1f}",
            "at most 10, 2 s",
        ],
    ]
    print(table(["", "a node", "all", "recorded / eager", "goal"], rows), flush=True)


def growth(quick: bool) -> None:
    """How time and memory grow with the batch and with the graph."""
    print("\n## Growth: a chain of 1,000 nodes, more and more rows\n")
    rows = [[f"{lanes:,}", shown(cost), shown(cost / 1000)] for lanes, cost in limits.growth_of_batch()]
    print(table(["rows", "a row", "a node and row"], rows))
    print("\n## Growth: one row, more and more nodes\n")
    found = limits.growth_of_graph(10**5 if quick else 10**7)
    cells = [[f"{n:,}", shown(a), shown(b), f"{size / n:.0f}"] for n, a, b, size in found]
    print(
        table(["nodes", "recording a node", "value and gradient, a node", "bytes of tape a node"], cells),
        flush=True,
    )


def machine_limits(quick: bool) -> None:
    """How far W1 and W2 are from the machine's own limit."""
    peak, bandwidth = limits.peaks()
    print(
        f"\n## The machine: {peak / 1e9:.1f} G multiply-adds/s (dgemm), {bandwidth / 1e9:.1f} GB/s (copy)\n"
    )
    rows = []
    for workload, problem in problems.PROBLEMS.items():
        made = problem()
        with Worker("ours", workload) as worker:
            seconds = median([worker.run(1000) for _ in range(2 if quick else 5)])
        count = limits.multiply_adds(made.sizes, made.batch)
        share = count / seconds / peak
        rows.append(
            [workload, f"{count:,}", shown(seconds), f"{count / seconds / 1e9:.2f} G/s", f"{share:.0%}"]
        )
    print(table(["", "multiply-adds an update", "an update", "rate", "of the peak"], rows), flush=True)


PARTS: dict[str, Callable[[bool], None]] = {
    "W1": lambda quick: network("W1", quick),
    "W2": lambda quick: network("W2", quick),
    "W3": irregular,
    "W4": gpt,
    "recording": recording,
    "growth": growth,
    "limits": machine_limits,
}


def main() -> None:
    """Run the parts that are asked for, by default all."""
    heading = f"Benchmarks on {machine()}; one thread, float64, medians of alternating runs"
    run_parts(PARTS, __doc__, heading)


if __name__ == "__main__":
    main()
