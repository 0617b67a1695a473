"""Recording: call a function once on Values and keep the graph that it built."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..calculus.operations import Operation
from ..engine import flags
from ..engine.derivatives import depends_on_inputs
from ..engine.flat import pack
from ..engine.modes import begin_recording, clear_recorded, enable_grad, end_recording, is_recording, scope
from ..engine.nary import stale
from ..engine.sweep import topological_order
from ..engine.value import Value, number_of, recording
from ..errors import RecordingError
from ..functions import where
from .forms import Example, as_node, flatten
from .graph import CONSTANT, INPUT, NODE, PARAMETER, RELATIONS, RecordedGraph, built_in
from .repeated import LoopCall, with_loops

SCOPE = "scan"  # of the nodes of loops
_CUSTOM = 255
#: Of the function that this thread records: its loops (`calls`; None within the body of one), and why others
#: are recorded step by step (`unrolled`).
_here = threading.local()


_MOST_CALLS = 4


def capture(
    f: Callable[..., Any], examples: Sequence[Example], before: Callable[[], Any] | None = None
) -> tuple[RecordedGraph, Any]:
    """Call f on Values and return the graph it built, and the form of its result (see `forms.flatten`).

    A leaf that f makes is a constant of the graph. Where one is still there when f has returned, the next
    call may use it, and so f is called again: until it makes none that remain, or until it has built the same
    graph of the same leaves, for which it makes others at every call.

    Args:
        f: the function.
        examples: its arguments.
        before: is called before each further call of f.

    Raises:
        RecordingError: f read a number, or its result does not depend on Values at all, or it uses at each
            call another leaf that it has made before.
    """
    former = None
    for _ in range(_MOST_CALLS):
        if former is not None and before is not None:
            before()
        made = list[Value]()
        try:
            graph, form = _captured(f, examples, made)
        finally:
            clear_recorded(made)
        if not _lasting(made) or (former is not None and graph.has_leaves_of(former)):
            return graph, form
        former = graph
    gc.collect()  # they may be in circles that nobody holds
    if lasting := _lasting(made):
        raise RecordingError(
            f"{lasting[0]!r}, which the function makes, outlives the call, and each call does something else "
            "with what is there: no Program does that. Make the Values that the function keeps once, before"
        )
    return graph, form


def _lasting(made: list[Value]) -> list[Value]:
    """Return those leaves that something else holds than this list."""
    made.append(Value(0.0))
    counts = list(map(sys.getrefcount, made))
    made.pop()
    return [made[k] for k, count in enumerate(counts[:-1]) if count > counts[-1]]


def _captured(
    f: Callable[..., Any], examples: Sequence[Example], made: list[Value]
) -> tuple[RecordedGraph, Any]:
    """Call f once; `made` takes the leaves of the arguments, and those that f makes."""
    leaves = [[Value(number) for number in example.numbers] for example in examples]
    arguments = [example.build(row) for example, row in zip(examples, leaves, strict=True)]
    with enable_grad():  # under no_grad every number would be frozen
        inputs = [leaf for row in leaves for leaf in row]
        begin_recording(inputs, made)
        calls: list[LoopCall] = []
        _here.calls, _here.unrolled = calls, []
        recording.results = set()  # leaves that stand for the results of loops
        try:
            values, form = flatten(f(*arguments))
        finally:
            guards, raised = end_recording()
            made += inputs
            notes, _here.calls, _here.unrolled, recording.results = _here.unrolled, None, None, set()
    _refuse_caught(raised)
    graph = _graph(inputs, values, guards, made, calls)
    graph.unrolled = notes
    calls.clear()  # each holds this list: a circle, with all nodes in it
    return graph, form


def _refuse_caught(raised: Sequence[BaseException]) -> None:
    """Raise if an operation raised while it was recorded, and the function went on."""
    if raised:
        raise RecordingError(
            f"an operation raised {type(raised[0]).__name__} ({raised[0]}) while it was "
            "recorded, and the function caught it, which would freeze what it did then for every other "
            "input: compare before the operation, if x > 0"
        ) from raised[0]


def may_repeat() -> bool:
    """Tell whether a loop's body can be recorded here: a Program is being recorded, and no other body is."""
    return getattr(_here, "calls", None) is not None and is_recording()


def note_unrolled(reason: str) -> None:
    """Remember why a loop is recorded step by step, for `Program.explain`."""
    notes = getattr(_here, "unrolled", None)
    if notes is not None:
        notes.append(reason)


def within(path: str, outer: str) -> bool:
    """Tell whether a scope is within another."""
    return path == outer or path.startswith(outer + ".")


def capture_body(
    step: Callable[[list[Any], list[Any]], list[Value]], init: list[Value], xs: list[list[Value]]
) -> LoopCall | None:
    """Record the body of a loop inside a function that is being recorded.

    Args:
        step: takes the flat carry and input of a step; returns its flat results, the carry first.
        init: the first carry, nodes of their own.
        xs: for each step its input, nodes of their own.

    Returns:
        The loop; None if its steps take different branches or are not all finite.
    """
    calls, _here.calls, made = _here.calls, None, recording.made
    guards, raised = end_recording()
    try:
        leaves = [[Value(number_of(node)) for node in part] for part in (init, xs[0])]
        graph, results, origins = _graph_of_step(step, leaves, made)
        if len(xs) > 1:
            again, *same = _graph_of_step(step, leaves, made)
            if same != [results, origins] or again.fingerprint() != graph.fingerprint():
                raise RecordingError(
                    "the body of a loop does something else when it is called again: it reads plain numbers "
                    "that have changed, or that it draws anew each time, and a Program would repeat the "
                    "first step. Let them be in the carry or in the inputs of the steps, or use a Python loop"
                )
        if depends_on_inputs([*init, *(x for row in xs for x in row), *graph.parameters]):
            note_unrolled("a derivative is taken through it inside the function")
            return None
        call = LoopCall.of(graph, leaves, results, origins, init, xs, calls)
        if call is None:
            note_unrolled("its steps take different branches, or are not finite")
        else:
            recording.results |= {id(leaf) for leaf, _, _ in call.placeholders if not leaf.is_constant}
        return call
    finally:
        begin_recording([], made)
        recording.guards, recording.raised = guards, raised
        _here.calls = calls


def _graph_of_step(
    step: Callable[[list[Any], list[Any]], list[Value]], leaves: list[list[Value]], made: list[Value]
) -> tuple[RecordedGraph, list[int], list[int | None]]:
    """Record a step whose carry and input are leaves.

    Returns:
        Its graph; of each result its output; and of each which number of carry and input it is, -1 if it is a
        constant, None if it is another node.
    """
    begin_recording([leaf for part in leaves for leaf in part], made)
    try:
        with scope(SCOPE):
            own = [[where(1.0, leaf, leaf) for leaf in part] for part in leaves]
            path = (Value(0.0) * 1.0).scope
            results = step(*own)
    finally:
        guards, raised = end_recording()
    _refuse_caught(raised)
    places = {id(node): k for k, node in reversed(list(enumerate(results)))}
    distinct = [results[k] for k in sorted(places.values())]
    order = {id(node): k for k, node in enumerate(distinct)}
    given = {id(node): k for k, node in enumerate(itertools.chain(*own))}
    origins = [-1 if node.is_constant else given.get(id(node)) for node in results]
    return _graph(leaves[1], distinct, guards, made, [], path), [order[id(node)] for node in results], origins


def unrolled(graph: RecordedGraph) -> RecordedGraph:
    """Return a recorded graph with the steps of its loops one by one; itself where it has none.

    It has the same guards and parameters. It is made of the recorded numbers: with those that parameters have
    now, a step may take another branch.
    """
    import numpy as np

    if not graph.loops:
        return graph
    numbers, own = [0.0] * graph.inputs, [Value(0.0) for _ in graph.parameters]
    for place in np.flatnonzero(graph.kind == INPUT).tolist():
        numbers[graph.ref[place]] = float(graph.value[place])
    for place in np.flatnonzero(graph.kind == PARAMETER).tolist():
        own[graph.ref[place]].data = float(graph.value[place])

    def f(inputs: Any = ()) -> Any:
        nodes = graph.rebuild(inputs, own)
        graph.keeps_guards(nodes)
        return [nodes[i] for i in graph.outputs.tolist()]

    found = capture(f, [Example(numbers)] if numbers else [])[0]
    order = {id(parameter): k for k, parameter in enumerate(own)}
    places = np.flatnonzero(found.kind == PARAMETER)
    found.ref[places] = [order[id(found.parameters[k])] for k in found.ref[places].tolist()]
    found.parameters = list(graph.parameters)
    return found


def _graph(
    inputs: list[Value],
    outputs: list[Value],
    guards: list[tuple[Any, str, Any, bool]],
    made: list[Value],
    calls: Sequence[LoopCall],
    body: str = "",
) -> RecordedGraph:
    """Return the graph.

    Args:
        inputs: the leaves that stand for the arguments.
        outputs: the results.
        guards: the comparisons.
        made: leaves that the function has made: constants.
        calls: the loops in it.
        body: the scope of a loop's body: nodes made outside of it become parameters.
    """
    import numpy as np

    sides = [(as_node(left), relation, as_node(right), outcome) for left, relation, right, outcome in guards]
    roots = outputs + [side for left, _, right, _ in sides for side in (left, right)]
    nodes = topological_order(*roots)
    _refuse_torn(nodes)
    heads, counts_, data, parents, _, extras, indices, scopes = pack(nodes, [])
    if not body:
        clear_recorded(nodes + inputs)
    head, counts = np.frombuffer(heads, dtype=np.int64), np.frombuffer(counts_, dtype=np.int64)
    op, flag = (head & 0xFFFF).astype(np.int32), head >> 16
    if len(parents) >= 2**31:
        raise RecordingError(f"the graph has {len(parents)} edges; a Program takes less than 2^31")
    start = np.zeros(len(op) + 1, dtype=np.int32)
    np.cumsum(counts, out=start[1:])
    _refuse_branched(nodes, np.flatnonzero(flag & flags.BRANCHED))
    leaf = op == 0
    kind = np.where(leaf & (flag & flags.CONSTANT != 0), CONSTANT, NODE).astype(np.uint8)
    ref = np.zeros(len(op), dtype=np.int32)
    ref[list(indices)] = list(indices.values())
    parameters = _name_leaves(nodes, np.flatnonzero(leaf & (kind == NODE)), inputs, made, kind, ref)
    operations = _name_operations(nodes, op, ref)
    before = np.flatnonzero(~leaf & (flag & flags.RECORDED == 0))
    _refuse_other_threads(nodes, before, inputs)
    position = _positions(nodes, roots)
    rows = [
        (position[id(left)], position[id(right)], RELATIONS.index(relation), int(outcome))
        for left, relation, right, outcome in sides
    ]
    graph = RecordedGraph(
        op=op,
        start=start,
        parents=np.frombuffer(parents, dtype=np.int64).astype(np.int32),
        kind=kind,
        value=np.frombuffer(data, dtype=np.float64)[::2].copy(),
        ref=ref,
        outputs=np.array([position[id(value)] for value in outputs], dtype=np.int32),
        guards=np.array(rows, dtype=np.int32).reshape(len(rows), 4),
        swept=len(topological_order(*outputs)) if guards else len(op),
        operations=operations,
        parameters=parameters,
        inputs=len(inputs),
        scope=(head >> 32).astype(np.int32),
        scopes=scopes,
        captured=[(nodes[i], number_of(nodes[i])) for i in before.tolist()],
        lenient=flag & flags.LENIENT != 0,
        labels={i: nodes[i].label for i in _but_parameters(extras, kind) if nodes[i].label},
    )
    if body:
        inside = np.array([within(name, body) for name in scopes], dtype=bool)
        return graph.cut(np.flatnonzero(~leaf & ~inside[graph.scope]), nodes)
    return with_loops(graph, calls, lambda found: _positions(nodes, found)) if calls else graph


def _but_parameters(places: Iterable[int], kind: Any) -> list[int]:
    import numpy as np

    found = np.fromiter(places, dtype=np.int64)
    return found[kind[found] != PARAMETER].tolist()  # type: ignore[no-any-return]


def _refuse_torn(nodes: list[Value]) -> None:
    """Raise unless a Program, which computes every node anew, would find the numbers that are there."""
    torn = stale(nodes)
    if torn:
        name = torn[0].label or torn[0].op
        raise RecordingError(
            f"node {name!r} holds {number_of(torn[0])!r}, which is not what its operands give now: data was "
            "assigned after it was computed. A Program computes it anew: compute it inside the function, or "
            "capture a leaf with its number, Value(node.data)"
        )


def _refuse_branched(nodes: list[Value], places: Any) -> None:
    """Raise if there is a derivative whose graph a user's rule chose by comparing numbers."""
    if len(places):
        raise RecordingError(
            f"node {nodes[places[0]].op!r} belongs to a derivative that was taken before, and for which the "
            "partials of a user-defined operation compared numbers (if x > 0): a Program would keep that "
            "branch for every other input; take the derivative inside the function, or write the partials "
            "with where()"
        )


def _refuse_other_threads(nodes: list[Value], places: Any, inputs: list[Value]) -> None:
    """Raise if one of these nodes, which this thread did not record, depends on an input."""
    dependent = {id(leaf) for leaf in inputs}
    if not len(places):
        return
    for node in nodes:
        if any(id(parent) in dependent for parent in node.parents):
            dependent.add(id(node))
    strangers = [nodes[i] for i in places.tolist() if id(nodes[i]) in dependent]
    if strangers:
        raise RecordingError(
            f"node {strangers[0].op!r} was made by another thread while a Program was being recorded: its "
            "comparisons would be lost; let the recorded function start no threads"
        )


def _refuse_fickle(nodes: list[Value]) -> None:
    """Raise if a user-defined operation, called again, does not give what it gave."""
    fickle = stale(nodes, True)
    if fickle:
        raise RecordingError(
            f"the user-defined operation {fickle[0].op!r} gives another result when it is called again on "
            "the same numbers, so a Program of it would be wrong: let it depend on its operands alone"
        )


def _positions(nodes: list[Value], roots: list[Value]) -> dict[int, int]:
    """Return the position of each root by its id."""
    import numpy as np

    ids = np.fromiter(map(id, nodes), dtype=np.uintp, count=len(nodes))
    places = np.flatnonzero(np.isin(ids, np.array([id(root) for root in roots], dtype=np.uintp)))
    return dict(zip(ids[places].tolist(), places.tolist(), strict=True))


def _name_leaves(
    nodes: list[Value], places: Any, inputs: list[Value], made: list[Value], kind: Any, ref: Any
) -> list[Value]:
    """Tell inputs and leaves that were made from captured ones; return these in the graph's order."""
    import numpy as np

    number = dict.fromkeys(map(id, made), -2) | {id(value): k for k, value in enumerate(inputs)}
    leaves = [nodes[i] for i in places.tolist()]
    mine = np.fromiter(map(number.get, map(id, leaves), itertools.repeat(-1)), dtype=np.int64)
    captured = mine == -1
    kind[places] = np.where(captured, PARAMETER, np.where(mine < 0, CONSTANT, INPUT))
    ref[places] = np.where(captured, np.cumsum(captured) - 1, np.maximum(mine, 0))
    return list(itertools.compress(leaves, captured.tolist()))


def _name_operations(nodes: list[Value], op: Any, ref: Any) -> list[Operation]:
    """List the operations without C text, and let their nodes refer to the list."""
    import numpy as np

    without = [identifier for identifier, rule in built_in().items() if not rule.native]
    found: dict[int, int] = {}
    listed: list[Operation] = []
    places = np.flatnonzero(np.isin(op, [*without, _CUSTOM])).tolist()
    _refuse_fickle([nodes[i] for i in places])
    for i in places:
        rule = nodes[i].operation
        if id(rule) not in found:
            found[id(rule)] = len(listed)
            listed.append(rule)
        ref[i] = found[id(rule)]
    return listed
