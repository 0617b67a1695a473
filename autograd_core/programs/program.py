"""Programs: record a function of Values once, replay it over the rows (*lanes*) of a minibatch.

``record(f, *examples)`` calls ``f`` once on Values shaped like the examples and turns the graph that it
built into a :class:`Program`: a flat tape that is replayed forward and in reverse for every row of a
batch, with the bits that the eager graph gives.  Leaves that ``f`` captured (a model's parameters) are
shared by all lanes.

The reference, bit for bit
--------------------------
``program.value_and_grad(X, Y, gradient=g)`` gives the bits of this eager loop, whatever the block size,
the number of threads or the instruction set::

    for x, y in zip(X, Y):          # lanes in order
        loss = f(x, y)              # x, y: constants, or leaves whose own gradient is wanted
        loss.backward(g)            # leaves accumulate, contribution by contribution, in the sweep's order

So a parameter's gradient is one running sum over all its contributions: the lanes in order and, inside a
lane, in the order of the sweep (reverse depth-first post-order).  It starts from 0.0 (``value_and_grad``) or
from the parameter's present ``grad`` (``backward``).  The gradient of an input belongs to its lane alone.

What makes a function recordable
--------------------------------
The graph must have the same shape for every row.  Numbers that differ from row to row (features, targets)
come in as arguments; a class label comes in as a one-hot row and is used by ``dot(one_hot, logits)``, never
as an index.  Comparisons of Values are recorded as guards and checked for each lane; reading a number
(``float(v)``, ``v.data``, ``if v``) raises :class:`RecordingError`.

Frozen at recording: plain numbers and constants (``detach``) that ``f`` closes over, Python's randomness, and
the outcome of ``==``, which compares Values by identity.  Read anew at every call: captured leaves.  Values
that were computed from leaves before the recording are computed anew, too.

Rows are real numbers, in anything that NumPy makes an array of: whole numbers and truth values become
float64, NaN and infinities are legal.  Text, ``None``, complex numbers, dates and masked entries are refused,
and so are Values, whose gradient would be lost.

How it runs
-----------
The recorded graph is compiled (`tape/compile.h`) by rewritings that change no bit: what nothing depends on
is dropped, constants are folded, equal subexpressions evaluated once, chains of multiply-adds become dots,
and dots over one vector become a layer, wherever no target of a gradient receives its contributions in
another order for it.  The interpreter (`tape/kernel.h`) takes lanes in blocks that fit the cache, one
instruction a time over the whole block; it exists for several instruction sets, chosen when it runs.  Blocks
may be shared out to threads, which then divide the parameters among them and add up the blocks in order.
Where the extension is not compiled, `program_lanes.py` computes the same bits with NumPy and floats.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from ..arrays import real_array, whole_number
from ..backward import contributions
from ..engine.value import Value, apply, scope
from ..errors import RecordingError
from ..vectors import gradients_to_vector, parameters_to_vector, vector_to_gradients
from .graph import CONSTANT, INPUT, PARAMETER, RELATIONS, Example, RecordedGraph, capture, flatten

_MOST_THREADS = 64  # as in `tape/module.c`

__all__ = ["Gradients", "Program", "ProgramStatistics", "record"]


class Gradients(NamedTuple):
    """What `Program.value_and_grad` returns beside the values.

    Attributes:
        parameters: one number for each of `Program.parameters`, shape (parameters,).
        inputs: for each argument an array of the batch's shape; empty if they were not asked for.
    """

    parameters: Any
    inputs: tuple[Any, ...]


class ProgramStatistics(NamedTuple):
    """The size of a Program.

    Attributes:
        nodes: recorded nodes, leaves included.
        live: nodes that are left once dead ones are dropped, constants folded and chains of multiply-adds
            made dots.
        instructions: instructions of the forward tape.
        dots: chains of multiply-adds that became one dot.
        layers: groups of dots over one vector that became one layer.
        shared: evaluations saved because an equal subexpression had been evaluated.
        parameters: captured leaves.
        inputs: numbers that one lane takes.
        outputs: numbers that one lane gives.
        guards: comparisons that are checked for every lane.
        lanes: lanes in a block.
        tape_bytes: memory of the tape.
        block_bytes: memory of the block of lanes that one thread works in.
    """

    nodes: int
    live: int
    instructions: int
    dots: int
    layers: int
    shared: int
    parameters: int
    inputs: int
    outputs: int
    guards: int
    lanes: int
    tape_bytes: int
    block_bytes: int


def record(f: Callable[..., Any], *examples: Any, on_guard: str = "eager") -> Program:
    """Call f once and return its graph as a Program.

    Args:
        f: a function of Values that returns a Value, or nested lists (an array) of them.
        *examples: for each argument of f a number, nested sequences or an array of numbers: the shape of
            what will come.
        on_guard: what becomes of a lane that would take another branch than the example: "eager" calls f
            for it, "raise" raises RecordingError.

    Returns:
        A Program.

    Raises:
        RecordingError: f read the number of a Value.
        TypeError: an example or the result has no rectangular shape.

    >>> import autograd_core as ag
    >>> w = ag.Value(3.0)
    >>> program = record(lambda x: w * x * x, 1.0)
    >>> program([1.0, 2.0]).tolist()
    [3.0, 12.0]
    >>> values, gradients = program.value_and_grad([1.0, 2.0])
    >>> gradients.parameters.tolist()
    [5.0]
    """
    if on_guard not in ("eager", "raise"):
        raise ValueError(f'on_guard is "eager" or "raise", not {on_guard!r}')
    shapes = [Example(example, f"example {k} of {len(examples)}") for k, example in enumerate(examples, 1)]
    graph, shape = capture(f, shapes)
    return Program(f, shapes, graph, shape, on_guard)


class Program:
    """A recorded graph, to be replayed over the rows of a minibatch. Made by `record`.

    It may be used by several threads at once, and pickled (without f, if f cannot be or reads leaves that
    are not pickled with it, such as a module's: then a lane that leaves a guard raises).

    Attributes:
        parameters: the leaves that f captured, in the order in which the graph meets them.
    """

    def __init__(
        self,
        f: Callable[..., Any] | None,
        examples: list[Example],
        graph: RecordedGraph,
        shape: tuple[int, ...],
        on_guard: str,
    ):
        self._f = f
        self._examples = examples
        self._graph = graph
        self._shape = shape
        self._on_guard = on_guard
        self._tapes: dict[tuple[bool, bool], tuple[Any, Any, list[Value]]] = {}
        self._lock = threading.Lock()
        self._unpickled = False

    # --- running ----------------------------------------------------------------------

    @property
    def parameters(self) -> list[Value]:
        """The captured leaves."""
        return list(self._graph.parameters)

    def __call__(self, *batches: Any, block: int = 0, threads: int = 1) -> Any:
        """Evaluate f for every row.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads; the result has the same bits for any number of them.

        Returns:
            An array of shape (lanes, *shape of f's result); without the lanes if f takes no arguments.

        Raises:
            What f raises for that row, with its node.
        """
        run = _Run(self, batches, block, threads, "")
        return run.values(None, False)[0]

    def value_and_grad(
        self,
        *batches: Any,
        gradient: Any = 1.0,
        inputs: bool | None = None,
        block: int = 0,
        threads: int = 1,
        build: str = "",
    ) -> tuple[Any, Gradients]:
        """Evaluate f for every row, and sum the parameters' gradients over the rows in order.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            gradient: the gradient of every output to start from, or an array of them with the shape of the
                values.
            inputs: whether to return the arguments' own gradients too; by default only if there are no
                parameters.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads; the result has the same bits for any number of them.
            build: the instruction set, for tests: "base", "avx2", "avx512"; "" is the best that the
                machine has.

        Returns:
            (values, Gradients).
        """
        import numpy as np

        run = _Run(self, batches, block, threads, build)
        totals = np.zeros(len(self._graph.parameters))
        wanted = not len(totals) if inputs is None else inputs
        values, own = run.values(totals, wanted, gradient)
        return values, Gradients(totals, own)

    def backward(self, *batches: Any, gradient: Any = 1.0, block: int = 0, threads: int = 1) -> Any:
        """Do what the eager loop does: add every row's gradient to the parameters' `grad`; return the values.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            gradient: the gradient of every output to start from, or an array of them with the shape of the
                values.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads.

        Returns:
            The values, as a call returns them.
        """
        run = _Run(self, batches, block, threads, "")
        totals = gradients_to_vector(self._graph.parameters)
        values, _ = run.values(totals, False, gradient)
        vector_to_gradients(totals, self._graph.parameters)
        return values

    # --- looking ----------------------------------------------------------------------

    def stats(self) -> ProgramStatistics:
        """Return the size of the Program."""
        found = self._tape(True, False).stats()
        graph = self._graph
        return ProgramStatistics(
            nodes=len(graph),
            live=found["nodes"],
            instructions=found["instructions"],
            dots=found["dots"],
            layers=found["layers"],
            shared=found["shared"],
            parameters=len(graph.parameters),
            inputs=graph.inputs,
            outputs=len(graph.outputs),
            guards=len(graph.guards),
            lanes=found["block"],
            tape_bytes=found["bytes"],
            block_bytes=found["block_bytes"],
        )

    def graph(self, *row: Any) -> Any:
        """Return the graph of one row as Values, to look at, to draw or to differentiate.

        Its nodes have the scopes and labels that they had when they were recorded.

        Args:
            *row: the arguments of one lane; by default the examples.

        Returns:
            What f returned: a Value, or an array of them. Parameters are the captured Values themselves.
        """
        numbers = [x for example in self._examples for x in example.numbers]
        if row:
            numbers = self._one_row(row)
        nodes, _ = self._rebuild([Value(x) for x in numbers])
        return Example.build(_Shape(self._shape), [nodes[i] for i in self._graph.outputs.tolist()])  # type: ignore[arg-type]

    def to_c(self, name: str = "program") -> str:
        """Return C99 text of the Program: `NAME_value` and `NAME_gradient`, straight-line code for one lane.

        Args:
            name: what the functions' names start with.

        Raises:
            RecordingError: an operation has no C text.
        """
        from .c_text import c_text

        return c_text(self._graph, name)

    def __repr__(self) -> str:
        graph = self._graph
        return f"<Program of {len(graph)} nodes, {len(graph.parameters)} parameters, {graph.inputs} inputs>"

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_tapes")}
        if not self._can_pickle_function():
            state["_f"] = None
        return state

    def _can_pickle_function(self) -> bool:
        """Try it; a function that holds this Program (a model that keeps its own) asks this again."""
        if id(self) in (under_way := vars(_pickled).setdefault("programs", set())):
            return True
        try:
            under_way.add(id(self))
            return _picklable(self._f)
        finally:
            under_way.discard(id(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._tapes, self._lock, self._unpickled = {}, threading.Lock(), True

    # --- within ----------------------------------------------------------------------

    def _one_row(self, row: Sequence[Any]) -> list[float]:
        if len(row) != len(self._examples):
            raise TypeError(f"{len(self._examples)} arguments are wanted, not {len(row)}")
        pairs = zip(self._examples, _named(row), strict=True)
        return [x for example, (name, argument) in pairs for x in example.row(argument, name)]

    def _rebuild(self, inputs: list[Value]) -> tuple[list[Value], list[Value]]:
        """Make the graph of Values again on other inputs."""
        graph = self._graph
        nodes: list[Value] = []
        starts, parents, refs = graph.start.tolist(), graph.parents.tolist(), graph.ref.tolist()
        kinds = graph.kind.tolist()
        for path, first, last in graph.scope_stretches():
            with scope(path) if path else nullcontext():
                for i in range(first, last):
                    if kinds[i] == CONSTANT:
                        nodes.append(Value.lift(float(graph.value[i])))
                    elif kinds[i] == PARAMETER:
                        nodes.append(graph.parameters[refs[i]])
                    elif kinds[i] == INPUT:
                        nodes.append(inputs[refs[i]])
                    else:
                        rule = graph.operation(i)
                        operands = [nodes[p] for p in parents[starts[i] : starts[i + 1]]]
                        nodes.append(apply(rule, operands, refs[i] if rule.arity is None else 0))
        for i, label in graph.labels.items():
            nodes[i].label = label
        return nodes, inputs

    def _tape(self, lanes: bool, want_inputs: bool) -> Any:
        """Return the tape for one lane or many, made when it is first wanted."""
        return self._tape_and_order(lanes, want_inputs)[0]

    def _tape_and_order(self, lanes: bool, want_inputs: bool) -> tuple[Any, Any, list[Value]]:
        """Return the tape, the place of each of its parameters in `parameters`, and them in its order."""
        import numpy as np

        with self._lock:
            if (lanes, want_inputs) not in self._tapes:
                tape = _compile(self._graph, lanes, want_inputs)
                ordered = [self._graph.parameters[k] for k in tape.order]
                self._tapes[lanes, want_inputs] = tape, np.array(tape.order, dtype=np.intp), ordered
            return self._tapes[lanes, want_inputs]

    def _eager(self, row: Sequence[Any], leaves: list[Value]) -> list[Value]:
        """Return the outputs for one lane as an eager graph on the given leaves."""
        if self._unpickled:
            self._keep_function_if_it_is_ours()
        if self._f is not None:
            values, shape = flatten(self._f(*row))
            if shape != self._shape:
                raise RecordingError(
                    f"this row gives a result of shape {shape}, the recorded one has {self._shape}"
                )
            return values
        nodes, _ = self._rebuild(leaves)
        for left, right, relation, outcome in self._graph.guards.tolist():
            if _holds(RELATIONS[relation], nodes[left].data, nodes[right].data) != bool(outcome):
                raise RecordingError(
                    "a row takes another branch than the recorded example, and this Program has lost its "
                    "function by pickling or copying"
                )
        return [nodes[i] for i in self._graph.outputs.tolist()]

    def _keep_function_if_it_is_ours(self) -> None:
        """Drop a function that was found again by its name and reads other leaves than our copies of them."""
        if self._f is not None:
            mine = {id(parameter) for parameter in self._graph.parameters}
            found, _ = capture(self._f, self._examples)
            if any(id(parameter) not in mine for parameter in found.parameters):
                self._f = None
        self._unpickled = False


class _Shape:
    """A result's shape, in the form that `Example.build` wants."""

    is_array = False

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape


def _holds(relation: str, a: float, b: float) -> bool:
    from .numpy_tape import _COMPARE

    return bool(_COMPARE[relation](a, b))


_pickled = threading.local()


def _picklable(f: Any) -> bool:
    import pickle

    try:
        pickle.dumps(f)
    except Exception:  # objects raise whatever they like
        return False
    return True


def _compiled_module() -> Any:
    """The compiled interpreter, or None."""
    if os.environ.get("AUTOGRAD_UNCOMPILED", "") not in ("", "0"):
        return None
    try:
        from . import _tape
    except ImportError:
        return None
    from .numpy_tape import arities

    _tape.set_arities(arities())
    return _tape


_module: list[Any] = []


def _interpreter() -> Any:
    if not _module:
        _module.append(_compiled_module())
    return _module[0]


def _compile(graph: RecordedGraph, lanes: bool, want_inputs: bool) -> Any:
    module = _interpreter()
    if module is None:
        from .numpy_tape import Tape

        return Tape(graph, want_inputs)
    return module.compile(*graph.compile_arguments(), lanes, want_inputs, graph.callables())


def _named(arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(f"argument {k} of {len(arguments)}", argument) for k, argument in enumerate(arguments, 1)]


def _block(block: Any, lanes: int) -> int:
    """The lanes of a block, no more than there are: each lane has its memory."""
    wanted = whole_number(block, "block")
    if wanted < 0 or wanted % 8:
        raise ValueError(
            f"block is a number of lanes, a multiple of 8, or 0, which chooses one; not {wanted}"
        )
    return min(wanted, 8 * -(-lanes // 8))


def _threads(threads: Any) -> int:
    count = whole_number(threads, "threads")
    if not 1 <= count <= _MOST_THREADS:
        raise ValueError(f"threads goes from 1 to {_MOST_THREADS}; not {count}")
    return count


class _Run:
    """One call of a Program: the arrays, the tape, and the lanes that have to be done eagerly."""

    def __init__(self, program: Program, batches: Sequence[Any], block: int, threads: int, build: str):
        examples = program._examples
        if len(batches) != len(examples):
            raise TypeError(f"the recorded function takes {len(examples)} arguments, not {len(batches)}")
        self.program, self.build = program, build
        pairs = zip(examples, _named(batches), strict=True)
        self.arrays = tuple(example.rows(batch, name) for example, (name, batch) in pairs)
        self.lanes = len(self.arrays[0]) if self.arrays else 1
        if any(len(array) != self.lanes for array in self.arrays):
            raise ValueError(
                f"the batches have different numbers of rows: {[len(array) for array in self.arrays]}"
            )
        self.block, self.threads = _block(block, self.lanes), _threads(threads)
        self.parameters = program._graph.parameters
        self.width = len(program._graph.outputs)

    def values(self, totals: Any, want_inputs: bool, gradient: Any = 1.0) -> tuple[Any, tuple[Any, ...]]:
        """Run all lanes, add to `totals` (may be None); return values and the inputs' gradients."""
        import numpy as np

        self.outputs = np.empty((self.lanes, self.width))
        self.igrads = tuple(np.zeros_like(array) for array in self.arrays) if want_inputs else ()
        self.seeds = self._seeds(gradient)
        self.totals = totals
        lane = 0
        while lane < self.lanes:
            lane = self._tape_run(lane, self.lanes)
            if lane < self.lanes:
                self._eager_run(lane)
                lane += 1
        examples = self.program._examples
        shape = (self.lanes, *self.program._shape) if self.arrays else self.program._shape
        own = tuple(g.reshape(self.lanes, *e.shape) for g, e in zip(self.igrads, examples, strict=False))
        return self.outputs.reshape(shape), own

    def _seeds(self, gradient: Any) -> Any:
        import numpy as np

        if type(gradient) is float:
            return gradient
        given = real_array(gradient, "gradient")
        if given.ndim == 0:
            return float(given)
        shape = (self.lanes, *self.program._shape) if self.arrays else self.program._shape
        try:
            seeds = np.broadcast_to(given, shape)
        except ValueError:
            raise ValueError(
                f"gradient has shape {given.shape}, which does not fit the values' shape {shape}"
            ) from None
        return np.ascontiguousarray(seeds.reshape(self.lanes, self.width))

    def _tape_run(self, start: int, stop: int) -> int:
        """Run lanes; return the one it stopped at. Where a sum is not finite, go lane by lane."""
        reached = self._attempt(start, stop, stop - start > 2)
        if reached >= 0:
            return reached
        for lane in range(start, stop):
            reached = self._attempt(lane, lane + 1, False)
            if reached != lane + 1:
                return lane
        return stop

    def _attempt(self, start: int, stop: int, lanes: bool) -> int:
        """Run lanes on one kind of tape; return -1, `totals` untouched, if a sum is not finite."""
        tape, order, parameters = self.program._tape_and_order(lanes, bool(self.igrads))
        params = parameters_to_vector(parameters)
        totals = None if self.totals is None else self.totals[order]
        bound = tape.bind(
            params,
            self.arrays,
            self.outputs,
            totals,
            self.igrads or None,
            self.block,
            self.threads,
            self.build,
        )
        reached: int = bound.run(start, stop, None, self.seeds)
        if reached >= 0 and totals is not None:
            self.totals[order] = totals
        return reached

    def _eager_run(self, lane: int) -> None:
        """Evaluate one lane with f; add its contributions as the sweep would, touching no node."""
        examples = self.program._examples
        leaves = [[Value(x) for x in array[lane].tolist()] for array in self.arrays]
        row = [example.build(part) for example, part in zip(examples, leaves, strict=True)]
        flat = [leaf for part in leaves for leaf in part]
        self._refuse_guard(lane)
        outputs = self.program._eager(row, flat)
        self.outputs[lane] = [output.data for output in outputs]
        if self.totals is not None:
            self._add_eagerly(lane, outputs, flat)

    def _refuse_guard(self, lane: int) -> None:
        if self.program._on_guard != "raise":
            return
        nodes, _ = self.program._rebuild([Value(x) for array in self.arrays for x in array[lane].tolist()])
        for left, right, relation, outcome in self.program._graph.guards.tolist():
            a, b = nodes[left], nodes[right]
            if _holds(RELATIONS[relation], a.data, b.data) != bool(outcome):
                raise RecordingError(
                    f"row {lane}: {a!r} {RELATIONS[relation]} {b!r} is {not outcome}, was {bool(outcome)} "
                    'when recorded; on_guard="eager" evaluates such rows with the function itself'
                )

    def _add_eagerly(self, lane: int, outputs: list[Value], leaves: list[Value]) -> None:
        places = {id(parameter): k for k, parameter in enumerate(self.parameters)}
        own = {id(leaf): k for k, leaf in enumerate(leaves)}
        seeds = [self.seeds] * self.width if isinstance(self.seeds, float) else self.seeds[lane].tolist()
        gradients = [0.0] * len(leaves)
        live = [(output, seed) for output, seed in zip(outputs, seeds, strict=True) if not output.is_constant]
        for output, seed in live:
            if output.is_leaf:
                self._receive(output, seed, places, own, gradients)
        if live:
            for step in contributions([output for output, _ in live], [seed for _, seed in live]):
                if step.parent.is_leaf:
                    self._receive(step.parent, step.partial * step.upstream, places, own, gradients)
        at = 0
        for array in self.igrads:
            width = array.shape[1]
            array[lane] = gradients[at : at + width]
            at += width

    def _receive(
        self, leaf: Value, share: float, places: dict[int, int], own: dict[int, int], gradients: list[float]
    ) -> None:
        if id(leaf) in places:
            self.totals[places[id(leaf)]] = float(self.totals[places[id(leaf)]]) + share
        elif id(leaf) in own:
            gradients[own[id(leaf)]] += share
        elif not leaf.is_constant:
            raise RecordingError(
                f"a row that was evaluated eagerly depends on {leaf!r}, unknown to the recorded graph: "
                "let the recorded example reach every parameter"
            )
