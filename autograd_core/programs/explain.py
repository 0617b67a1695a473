"""What of a Program is compiled, and what is not: in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .graph import CONSTANT, NODE, RecordedGraph
from .tapes import compiled_module, instruction_set

if TYPE_CHECKING:
    from .program import Program

_OTHERS = {
    "eager": "evaluated eagerly, by calling the function",
    "record": "recorded when they come",
    "raise": "refused",
}


def python_calls(graph: RecordedGraph) -> Counter[str]:
    """Return how many nodes of each operation Python computes, for every row; constants are folded."""
    found: Counter[str] = Counter()
    for body in (graph, *(loop.body.recording.graph for loop in graph.loops)):
        if body.operations:
            rules = (body.operation(i) for i in _computed(body))
            found.update(rule.name for rule in rules if not rule.native)
    return found


def _computed(graph: RecordedGraph) -> Iterator[int]:
    """Yield the nodes that are computed for each row: where they are compiled, none of constants alone."""
    varies = (graph.kind != CONSTANT).tolist()
    starts, parents = graph.start.tolist(), graph.parents.tolist()
    for i, kind in enumerate(graph.kind.tolist()):
        if kind == NODE:
            operands = parents[starts[i] : starts[i + 1]]
            varies[i] = compiled_module() is None or any(varies[p] for p in operands)
            if varies[i]:
                yield i


def explain(program: Program) -> str:
    """See `Program.explain`."""
    return "\n".join(_lines(program))


def _lines(program: Program) -> Iterator[str]:
    graph = program.recorded
    if compiled_module() is None:
        yield f"{len(graph):,} nodes, on the interpreter in NumPy: nothing is compiled here"
    else:
        build = instruction_set() or "the best instruction set of this machine"
        length = program.stats().instructions
        word = "instruction" if length == 1 else "instructions"
        yield f"{len(graph):,} nodes, compiled to {length:,} {word} for {build}"
    if calls := sum((python_calls(recording.graph) for recording in program.recordings), Counter()):
        listed = ", ".join(f"{name} ({count:,})" for name, count in sorted(calls.items()))
        yield f"computed by Python, node by node and row by row, on one thread: {listed}"
    if graph.guarded:
        count = len(program.recordings)
        branches = "one branch is" if count == 1 else f"{count} branches are"
        full = program.on_guard == "record" and count >= program.most_recordings
        others = f"evaluated eagerly: most_recordings is {count}" if full else _OTHERS[program.on_guard]
        yield f"{branches} recorded; rows of others are {others}"
    if program.eager_rows:
        yield f"{program.eager_rows:,} rows were evaluated eagerly: in another branch, or not finite"
    for loop in graph.loops:
        yield f"a loop of {loop.body.steps:,} steps is recorded once, and run one row at a time"
    for reason, count in Counter(graph.unrolled).items():
        yield f"{count:,} {'loop is' if count == 1 else 'loops are'} recorded step by step: {reason}"
    for (kind, *_), made in program.derived.items():
        steps = ", its loops step by step" if graph.loops else ""
        yield f"its {kind}, recorded for hvp, hessian or jvp: {len(made.recorded):,} nodes{steps}"
