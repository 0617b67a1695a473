"""A recorded loop: its body once, the graph around it in segments, and the tape that runs both.

A graph with loops is cut where its loops stand: a segment of nodes, a loop, the next segment and so on. Each
segment, and the body, is a recorded graph of its own whose leaves are all parameters, with a compiled tape of
one lane. Going forward, segments and steps run in turn; what they pass on is kept. Going back, each is run
again with the gradients of its results, from the last to the first: the memory is that of the results of the
steps. Where all that the steps computed takes no more than 64 MB it is kept, too, and not computed again.

Gradients are running sums in the order in which back-propagation visits the nodes of the steps made one by
one (see `loops.py`), so that both have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from ..engine.value import Value, as_value, number_of
from ..errors import RecordingError
from .graph import CONSTANT, INPUT, NODE, PARAMETER, RESULT, RecordedGraph
from .numpy_tape import FITS, NOT_FINITE, by_pass, passes, put_input_gradients, seeds_of_pass
from .tapes import Recording, instruction_set

_MOST_KEPT = 1 << 23  # numbers that the steps of a loop computed, kept for the reverse pass: 64 MB
_MOST_IDLE = 1 << 20  # numbers of what stays bound between two calls: 8 MB


# --- steps made one by one -------------------------------------------------------------------------------

Step = Callable[[list[Any], list[Any]], list[Value]]


def keep(before: Value, node: Value) -> Value:
    """Return a node of its own with the number of another, made after `before`; a constant as it is."""
    return node if node.is_constant else before.where(node, node)


def after(before: Value, nodes: Iterable[Value]) -> Value:
    """Return a node of 1.0 that is made after others; it passes no gradient on to them."""
    for node in nodes:
        if not node.is_constant:
            before = before.where(1.0, node)
    return before


def once(nodes: Iterable[Value]) -> list[Value]:
    """Return each node once."""
    return list({id(node): node for node in nodes}.values())


def run_steps(
    step: Step,
    init: Sequence[Value],
    xs: Sequence[Sequence[Value]],
    captured: Callable[[list[Value], set[int]], list[Value]],
) -> list[list[Value]]:
    """Make the steps of a loop one by one.

    Args:
        step: takes the flat carry and input of a step; returns its flat results, the carry first.
        init: the first carry, nodes of their own.
        xs: for each step its input, nodes of their own.
        captured: returns the nodes with operations, made before the loop, that the first step used.

    Returns:
        Each step's results. Those of the last step, and what is no carry, are made after all steps.
    """
    before = after(as_value(1.0), [*init, *(x for row in xs for x in row)])
    carry, found = list(init), []
    for number, row in enumerate(xs):
        inputs = [keep(before, c) for c in carry], [keep(before, x) for x in row]
        results = step(*inputs)
        if not number:
            before = after(before, captured(results, {id(node) for part in inputs for node in part}))
        before = after(before, once(results))
        found.append(results)
        carry = results[: len(carry)]
    last, width = found[-1], len(init)
    return [[keep(before, r) if row is last or k >= width else r for k, r in enumerate(row)] for row in found]


# --- a body on tapes -------------------------------------------------------------------------------------


@dataclass
class Body:
    """The body of a loop.

    Attributes:
        recording: its graph; the carry and what it captured are parameters, the input of a step is the input.
        carry: for each number of the carry its parameter, -1 where the body does not use it.
        captured: the other parameters.
        wanted: for each number of the input, 1 if it takes a gradient.
        results: for each result, the carry first, its place among the outputs.
        steps: how many steps there are.
    """

    recording: Recording
    carry: Any
    captured: Any
    wanted: bytes
    results: Any
    steps: int


class _Bound:
    """A recorded graph without inputs, bound to arrays, forward alone and with its gradient."""

    def __init__(self, recording: Recording, gradient: bool):
        import numpy as np

        tape, order, _ = recording.tape(False)
        self.place = np.argsort(order)  # of each parameter in the tape's order
        self.numbers, self.sums = np.zeros(len(order)), np.zeros(len(order))
        self.outputs = np.zeros((1, len(recording.graph.outputs)))
        build = instruction_set()
        self.forward = tape.bind(self.numbers, (), self.outputs, None, None, 0, 1, build)
        if gradient:
            self.back = tape.bind(self.numbers, (), self.outputs, self.sums, None, 0, 1, build)

    def failure(self) -> int:
        """Tell why the last run did not reach its end."""
        return self.forward.fits()[0] or NOT_FINITE


class _Steps:
    """A body bound to arrays: a lane for each step."""

    def __init__(self, body: Body, gradient: bool):
        import numpy as np

        self.body = body
        tape, order, _ = body.recording.tape(False, body.wanted, True)
        place = np.argsort(order)  # of each parameter in the tape's order
        self.used = np.flatnonzero(body.carry >= 0)
        self.carry, self.captured = place[body.carry[self.used]], place[body.captured]
        self.passed_on = body.results[: len(body.carry)][self.used].astype(np.int64)
        self.numbers, self.sums = np.zeros(len(order)), np.zeros(len(order))
        self.xs = np.zeros((body.steps, len(body.wanted)))
        self.found = np.empty((body.steps, len(body.recording.graph.outputs)))
        self.of_x = np.zeros_like(self.xs)
        arrays, build = (self.xs,), instruction_set()
        self.forward_tape = tape.bind(self.numbers, arrays, self.found, None, None, 0, 1, build)
        self.kept: Any = None
        if gradient:
            room, _ = getattr(tape, "room", (0, 0))  # where it is compiled
            if 0 < body.steps * room <= _MOST_KEPT and not body.recording.graph.callables():
                self.kept = np.empty((body.steps, room))
            of_x = (self.of_x,) if any(body.wanted) else None
            self.back_tape = tape.bind(self.numbers, arrays, self.found, self.sums, of_x, 0, 1, build)
        self.size = self.xs.size + self.found.size + (0 if self.kept is None else self.kept.size)

    def forward(self, init: Any, xs: Any, captured: Any) -> int:
        """Run the steps; return FITS, or what keeps one from it."""
        self.numbers[self.captured] = captured
        self.xs[:] = xs
        self.init = init[self.used]
        done = self.forward_tape.steps(self.carry, self.passed_on, self.init, None, self.kept)
        return FITS if done == self.body.steps else self.forward_tape.fits()[done] or NOT_FINITE

    def back(self, gradients: Any, captured: Any) -> Any:
        """Run the steps from the last to the first; those of the inputs are then in `of_x`.

        Args:
            gradients: of all results, shape (steps, outputs); changed.
            captured: those of the captured parameters so far; added to.

        Returns:
            The gradients of the first carry; None if one is not finite.
        """
        import numpy as np

        sums = self.sums
        sums[self.captured] = captured
        done = self.back_tape.steps(self.carry, self.passed_on, self.init, gradients, self.kept)
        if done != self.body.steps:
            return None
        captured[:] = sums[self.captured]
        of_init = np.zeros(len(self.body.carry))
        of_init[self.used] = sums[self.carry]
        return of_init


# --- while a function is recorded -----------------------------------------------------------------------


@dataclass
class LoopCall:
    """A loop in a function that is being recorded.

    Attributes:
        body: its body.
        leaves: what stands for the carry and the input in it.
        init: the first carry, nodes.
        xs: for each step its input, nodes.
        captured: the Values of the body's captured parameters.
        found: the results of the steps, shape (steps, outputs).
        placeholders: (leaf, step, number of the result) of the results that are used outside.
        end: the node behind which these stand.
        calls: the loops of the function so far.
    """

    body: Body
    leaves: list[list[Value]]
    init: list[Value]
    xs: list[list[Value]]
    captured: list[Value]
    found: Any
    placeholders: list[tuple[Value, int, int]]
    end: Value
    calls: list[LoopCall]

    @classmethod
    def of(
        cls,
        graph: RecordedGraph,
        leaves: list[list[Value]],
        results: list[int],
        origins: list[int | None],
        init: list[Value],
        xs: list[list[Value]],
        calls: list[LoopCall],
    ) -> LoopCall | None:
        """Return the loop with its numbers; None if a step takes another branch or is not finite.

        What is a constant in the steps made one by one is one here: a constant that a step hands on, see
        `recording._graph_of_step`, orders no nodes.
        """
        import numpy as np

        place = {id(parameter): k for k, parameter in enumerate(graph.parameters)}
        carry = np.array([place.get(id(leaf), -1) for leaf in leaves[0]], dtype=np.intp)
        mine = set(carry.tolist())
        others = np.array([k for k in range(len(place)) if k not in mine], dtype=np.intp)
        captured = [graph.parameters[k] for k in others.tolist()]
        graph.parameters = [None] * len(place)  # type: ignore[list-item]
        wanted = bytes(not all(node.is_constant for node in column) for column in zip(*xs, strict=True))
        body = Body(Recording(graph), carry, others, wanted, np.array(results, dtype=np.intp), len(xs))
        steps = _Steps(body, False)
        inputs = np.array([[number_of(node) for node in row] for row in xs], dtype=float).reshape(len(xs), -1)
        if steps.forward(_numbers(init), inputs, _numbers(captured)) != FITS:
            return None
        placeholders = []
        constant = [node.is_constant for node in init]
        for t, row in enumerate(xs):
            given = [*constant, *(x.is_constant for x in row), True]
            constant = [origin is not None and given[origin] for origin in origins]
            made = [as_value if fixed else Value for fixed in constant]
            first = 0 if t == len(xs) - 1 else len(init)
            numbers = steps.found[t].tolist()
            placeholders += [(made[k](numbers[results[k]]), t, k) for k in range(first, len(results))]
            del constant[len(init) :]
        return cls(body, leaves, init, xs, captured, steps.found, placeholders, as_value(1.0), calls)

    def results(self) -> list[list[Any]]:
        """Return each step's results as nodes; those that only the next step uses are None."""
        nodes = [*self.init, *(x for row in self.xs for x in row), *self.captured]
        self.end = after(as_value(1.0), nodes)
        if not self.end.is_constant:
            self.calls.append(self)
        rows: list[list[Any]] = [[None] * len(self.init) for _ in self.xs]
        rows[-1] = []
        for leaf, t, _ in self.placeholders:
            rows[t].append(as_value(number_of(leaf)) if self.end.is_constant else keep(self.end, leaf))
        return rows


def _numbers(nodes: Sequence[Value]) -> Any:
    import numpy as np

    return np.array([number_of(node) for node in nodes], dtype=float)


# --- the recorded graph ---------------------------------------------------------------------------------


@dataclass
class Numbers:
    """Some nodes' numbers: positions in the graph, -1 for a constant, and the recorded numbers."""

    places: Any
    recorded: Any

    def of(self, values: Any) -> Any:
        """Return the numbers, given those of all positions."""
        import numpy as np

        return np.where(self.places >= 0, values[self.places], self.recorded)

    def nodes(self, nodes: Sequence[Value]) -> list[Value]:
        """Return the nodes, one after the other."""
        pairs = zip(self.places.ravel().tolist(), self.recorded.ravel().tolist(), strict=True)
        return [nodes[place] if place >= 0 else as_value(number) for place, number in pairs]


@dataclass
class Loop:
    """A loop in a recorded graph.

    Attributes:
        body: its body.
        end: the position of the last node before its results.
        init: the first carry.
        xs: the inputs, shape (steps, numbers).
        captured: what the body captured.
        results: rows of (position, step, number of the result).
    """

    body: Body
    end: int
    init: Numbers
    xs: Numbers
    captured: Numbers
    results: Any

    @property
    def operands(self) -> Any:
        """The positions that the loop reads."""
        import numpy as np

        places = [part.places.ravel() for part in (self.init, self.xs, self.captured)]
        found = np.concatenate(places)
        return found[found >= 0]

    def rebuilt(self, nodes: Sequence[Value]) -> dict[int, Value]:
        """Return the results as nodes by their positions, the steps made one by one.

        Raises:
            RecordingError: a step takes another branch.
        """
        graph, body = self.body.recording.graph, self.body
        captured = self.captured.nodes(nodes)

        def step(carry: list[Any], x: list[Any]) -> list[Value]:
            parameters: list[Any] = [None] * len(graph.parameters)
            for places, values in ((body.carry, carry), (body.captured, captured)):
                for place, value in zip(places.tolist(), values, strict=True):
                    if place >= 0:
                        parameters[place] = value
            made = graph.rebuild(x, parameters)
            if not graph.keeps_guards(made):
                raise RecordingError("a row takes another branch within a loop than the recorded example")
            return [made[graph.outputs[u]] for u in body.results.tolist()]

        flat = self.xs.nodes(nodes)
        width = len(body.wanted)
        xs = [flat[t * width : (t + 1) * width] for t in range(body.steps)]
        outside = [node for node in captured if not node.is_leaf]
        rows = run_steps(step, self.init.nodes(nodes), xs, lambda results, inputs: outside)
        return {place: rows[t][k] for place, t, k in self.results.tolist()}


@dataclass
class LoopGraph(RecordedGraph):
    """A recorded graph with loops. A loop's results are leaves of the kind RESULT.

    Attributes:
        loops: the loops, in their order.
    """

    loops: list[Loop]  # type: ignore[misc]

    @cached_property
    def guarded(self) -> bool:
        """Whether a row may take another branch."""
        return self.branching or any(loop.body.recording.graph.guarded for loop in self.loops)

    def tape(self) -> LoopTape:
        """Return what runs the graph."""
        return LoopTape(self)

    def path(self) -> tuple[bytes, ...]:
        """See `RecordedGraph.path`."""
        return (*super().path(), *(part for loop in self.loops for part in loop.body.recording.graph.path()))

    def fingerprint(self) -> tuple[Any, ...]:
        """See `RecordedGraph.fingerprint`."""
        bodies = []
        for loop in self.loops:
            arrays = (loop.xs.places, _constants(loop.xs), loop.init.places, _constants(loop.init))
            graph = loop.body.recording.graph.fingerprint()
            bodies.append((loop.body.steps, loop.end, [a.tobytes() for a in arrays], graph[0], graph[2]))
        return (*super().fingerprint(), bodies)


def _constants(numbers: Numbers) -> Any:
    """Return the numbers of the constants."""
    return numbers.recorded[numbers.places < 0]


def with_loops(
    graph: RecordedGraph, calls: Sequence[LoopCall], positions: Callable[[list[Value]], dict[int, int]]
) -> RecordedGraph:
    """Return a recorded graph with its loops.

    Args:
        graph: with the loops' placeholders as parameters.
        calls: the loops.
        positions: returns the positions of Values by their ids, where they are in the graph.

    Raises:
        RecordingError: a node of a body was used outside of its loop.
    """
    import numpy as np

    def flat(call: LoopCall) -> list[Value]:
        return [*call.init, *(x for row in call.xs for x in row), *call.captured]

    place = positions([node for call in calls for node in (call.end, *flat(call))])
    place |= positions([leaf for call in calls for leaf, _, _ in call.placeholders])
    if positions([leaf for call in calls for part in call.leaves for leaf in part]):
        raise RecordingError(
            "a Value that was made in the body of a scan is used outside of it, other than as its result: "
            "return it as y"
        )

    def numbers(nodes: Sequence[Value], shape: tuple[int, ...]) -> Numbers:
        places = [-1 if node.is_constant else place.get(id(node), -1) for node in nodes]
        return Numbers(np.array(places, dtype=np.intp).reshape(shape), _numbers(nodes).reshape(shape))

    loops = []
    for call in calls:
        if id(call.end) in place:
            used = [x for x in call.placeholders if id(x[0]) in place and not x[0].is_constant]
            results = [(place[id(leaf)], t, k) for leaf, t, k in used]
            inputs = [x for row in call.xs for x in row]
            loops.append(
                Loop(
                    call.body,
                    place[id(call.end)],
                    numbers(call.init, (len(call.init),)),
                    numbers(inputs, (len(call.xs), len(call.xs[0]))),
                    numbers(call.captured, (len(call.captured),)),
                    np.array(results, dtype=np.intp).reshape(-1, 3),
                )
            )
    if not loops:
        return graph
    state = dict(vars(graph))
    kind, ref = graph.kind.copy(), graph.ref.copy()
    for loop in loops:
        kind[loop.results[:, 0]] = RESULT
    of_parameters = np.flatnonzero(kind == PARAMETER)
    state["parameters"] = [graph.parameters[k] for k in ref[of_parameters].tolist()]
    ref[of_parameters] = np.arange(len(of_parameters))
    ref[kind == RESULT] = 0
    state |= {"kind": kind, "ref": ref, "loops": sorted(loops, key=lambda loop: loop.end)}
    return LoopGraph(**state)


# --- the tape -------------------------------------------------------------------------------------------


class _Segment:
    """The nodes between two loops.

    Attributes:
        recording: their graph.
        reads: for each of its parameters a position.
        writes: for each of its outputs a position.
    """

    def __init__(self, graph: LoopGraph, first: int, stop: int, needed: Any, last: bool):
        import numpy as np

        own = np.arange(first, stop)
        edges = slice(graph.start[first], graph.start[stop])
        parents = graph.parents[edges]
        sides = graph.guards[:, :2].ravel() if last else np.empty(0, dtype=np.int32)
        before = np.unique(np.concatenate([parents, sides]))
        before = before[before < first]
        places = np.concatenate([before, own]).astype(np.intp)
        new = np.full(len(graph), -1, dtype=np.int32)
        new[places] = np.arange(len(places))
        kind, op, ref = graph.kind[places].copy(), graph.op[places].copy(), graph.ref[places].copy()
        ends = np.isin(places, [loop.end for loop in graph.loops]) & (places < first)
        op[: len(before)] = 0
        kind[(kind == INPUT) | (kind == RESULT)] = PARAMETER
        kind[: len(before)] = np.where(kind[: len(before)] == CONSTANT, CONSTANT, PARAMETER)
        kind[ends] = CONSTANT  # always 1
        reads = np.flatnonzero(kind == PARAMETER)
        ref[reads] = np.arange(len(reads))
        self.reads = places[reads]
        self.writes = own[needed[own] & (graph.kind[own] == NODE)]
        counts = np.concatenate(
            [np.zeros(len(before), dtype=np.int64), np.diff(graph.start[first : stop + 1])]
        )
        guards = graph.guards.copy() if last else graph.guards[:0].copy()
        guards[:, :2] = new[guards[:, :2]]
        self.recording = Recording(
            RecordedGraph(
                op=op,
                start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
                parents=new[parents],
                kind=kind,
                value=graph.value[places],
                ref=ref,
                outputs=new[self.writes],
                guards=guards,
                swept=len(before) + int(np.clip(graph.swept - first, 0, len(own))),
                operations=graph.operations,
                parameters=[None] * len(reads),  # type: ignore[list-item]
                inputs=0,
                scope=np.zeros(len(places), dtype=np.int32),
                scopes=[""],
                labels={},
                captured=[],
            )
        )


class LoopTape:
    """A graph with loops, ready to run; the interface is that of `numpy_tape.Tape`."""

    def __init__(self, graph: LoopGraph):
        import numpy as np

        self.graph = graph
        self.order = list(range(len(graph.parameters)))
        self.inputs = np.flatnonzero(graph.kind == INPUT)
        self.parameters = np.flatnonzero(graph.kind == PARAMETER)
        needed = np.zeros(len(graph), dtype=bool)
        needed[graph.outputs] = needed[graph.guards[:, :2].ravel()] = True
        for loop in graph.loops:
            needed[loop.operands] = True
        bounds = [0, *(loop.end + 1 for loop in graph.loops), len(graph)]
        for first in bounds[1:-1]:
            parents = graph.parents[graph.start[first] :]
            needed[parents[parents < first]] = True
        ranges = list(pairwise(bounds))
        self.segments = [
            _Segment(graph, first, stop, needed, k == len(ranges) - 1)
            for k, (first, stop) in enumerate(ranges)
        ]
        self.idle: dict[tuple[bool, str], list[_Machine]] = {}

    def stats(self) -> dict[str, int]:
        """Return counts, under the names that the compiled tape uses, of the segments and the bodies."""
        bodies = [loop.body for loop in self.graph.loops]
        tapes = [segment.recording.tape(False) for segment in self.segments]
        tapes += [body.recording.tape(False, body.wanted, True) for body in bodies]
        found = [tape.tape.stats() for tape in tapes]
        return {name: sum(counts[name] for counts in found) for name in found[0]} | {"block": 1}

    def bind(self, params: Any, arrays: tuple[Any, ...], outputs: Any, totals: Any, input_gradients: Any,
             block: int, threads: int, build: str) -> LoopBound:  # fmt: skip
        """Return the tape with the arrays that it reads and writes."""
        return LoopBound(self, params, arrays, outputs, totals, input_gradients)


class LoopBound:
    """A tape of loops with its arrays; see `tape/module.c` for the contract of `run`."""

    def __init__(
        self, tape: LoopTape, params: Any, arrays: tuple[Any, ...], outputs: Any, totals: Any, igrads: Any
    ):
        self.tape, self.params, self.outputs, self.totals = tape, params, outputs, totals
        self.arrays = [array.reshape(len(array), -1) for array in arrays]
        self.igrads = by_pass(igrads)

    @contextmanager
    def _machine(self) -> Iterator[_Machine]:
        """Take a machine that no other call is using, or make one; leave it for the next call."""
        gradient = self.totals is not None
        idle = self.tape.idle.setdefault((gradient, instruction_set()), [])
        try:
            machine = idle.pop()
        except IndexError:
            machine = _Machine(self.tape, gradient)
        machine.take(self.params, self.arrays)
        yield machine
        machine.take((), ())  # the caller's rows are not kept alive
        if machine.size <= _MOST_IDLE:
            idle.append(machine)

    def run(self, start: int, stop: int, rows: Any, seeds: Any) -> int:
        """Replay lanes; return stop, or the first lane to do eagerly, or -1: a sum is not finite."""
        before = None if self.totals is None else self.totals.copy()
        with self._machine() as machine:
            for lane in range(start, stop):
                row = lane if rows is None else int(rows[lane])
                if machine.forward(row) != FITS:
                    return lane
                width = len(machine.graph.outputs)
                if self.outputs is not None:
                    self.outputs.reshape(-1, width)[lane] = machine.values[machine.graph.outputs]
                if self.totals is not None:
                    for s in range(passes(self.igrads)):
                        at = lane + (s * len(self.arrays[0]) if self.arrays else 0)
                        (seed,) = seeds_of_pass(seeds, s, at, at + 1, width)
                        if not machine.back(seed, self.totals):
                            self.totals[:] = before
                            return -1
                        if self.igrads is not None:
                            put_input_gradients(self.igrads, self.arrays, s, lane, machine.of_inputs()[None])
        return stop

    def fits(self) -> bytes:
        """Return for each lane of the arrays whether the recording serves it."""
        with self._machine() as machine:
            return bytes(machine.forward(row) for row in range(len(self.arrays[0]) if self.arrays else 1))


class _Machine:
    """The bound segments and steps of a tape of loops, kept from call to call; for one call at a time."""

    def __init__(self, tape: LoopTape, gradient: bool):
        import numpy as np

        self.tape, self.graph = tape, tape.graph
        self.segments = [_Bound(segment.recording, gradient) for segment in tape.segments]
        self.steps = [_Steps(loop.body, gradient) for loop in self.graph.loops]
        self.values, self.gradients = self.graph.value.copy(), np.zeros(len(self.graph))
        self.size = len(self.graph) + sum(steps.size for steps in self.steps)

    def take(self, params: Any, arrays: Sequence[Any]) -> None:
        """Read from these from now on."""
        self.params, self.arrays = params, arrays

    def forward(self, row: int) -> int:
        """Compute the values of a row; return FITS, LEAVES_A_GUARD or NOT_FINITE."""
        import numpy as np

        values, graph, tape = self.values, self.graph, self.tape
        values[tape.parameters] = np.asarray(self.params)[: len(tape.parameters)]
        if self.arrays:
            values[tape.inputs] = np.concatenate([a[row] for a in self.arrays])[graph.ref[tape.inputs]]
        for k, bound in enumerate(self.segments):
            segment = tape.segments[k]
            bound.numbers[bound.place] = values[segment.reads]
            if bound.forward.run(0, 1, None, 1.0) != 1:
                return bound.failure()
            values[segment.writes] = bound.outputs[0]
            if k < len(self.steps):
                loop, steps = graph.loops[k], self.steps[k]
                found = steps.forward(loop.init.of(values), loop.xs.of(values), loop.captured.of(values))
                if found != FITS:
                    return found
                place, t, number = loop.results.T
                values[place] = steps.found[t, loop.body.results[number]]
        return FITS

    def back(self, seed: Any, totals: Any) -> bool:
        """Add the parameters' gradients of the last row to their totals; tell whether all are finite."""
        import numpy as np

        graph, tape, values, gradients = self.graph, self.tape, self.values, self.gradients
        gradients[:] = 0.0
        gradients[tape.parameters] = totals
        np.add.at(gradients, graph.outputs, seed)
        for k in range(len(self.segments) - 1, -1, -1):
            segment, bound = tape.segments[k], self.segments[k]
            if len(segment.writes):
                bound.numbers[bound.place] = values[segment.reads]
                bound.sums[bound.place] = gradients[segment.reads]
                if bound.back.run(0, 1, None, gradients[segment.writes][None]) != 1:
                    return False
                gradients[segment.reads] = bound.sums[bound.place]
            if k and not self._back_through(graph.loops[k - 1], self.steps[k - 1]):
                return False
        totals[:] = gradients[tape.parameters]
        return bool(np.isfinite(gradients).all())

    def of_inputs(self) -> Any:
        """Return the gradients of the inputs."""
        import numpy as np

        found = np.zeros(self.graph.inputs)
        found[self.graph.ref[self.tape.inputs]] = self.gradients[self.tape.inputs]
        return found

    def _back_through(self, loop: Loop, steps: _Steps) -> bool:
        import numpy as np

        gradients = self.gradients
        of_results = np.zeros(steps.found.shape)
        place, t, number = loop.results[::-1].T
        np.add.at(of_results, (t, loop.body.results[number]), gradients[place])
        live = loop.captured.places >= 0
        captured = np.where(live, gradients[loop.captured.places], 0.0)
        of_init = steps.back(of_results, captured)
        if of_init is None:
            return False
        gradients[loop.captured.places[live]] = captured[live]
        for numbers, own in ((loop.init, of_init), (loop.xs, steps.of_x)):
            live = numbers.places >= 0
            gradients[numbers.places[live]] = own[live]
        return True
