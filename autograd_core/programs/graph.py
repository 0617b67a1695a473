"""A recorded graph as flat arrays, to make tapes, C text and Values from."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, ClassVar

from ..calculus.operations import OPERATIONS, Operation
from ..engine.comparing import COMPARE
from ..engine.modes import ieee, scope
from ..engine.nary import apply
from ..engine.references import operation_from, reference_to
from ..engine.value import Value, number_of
from ..errors import RecordingError

NODE, CONSTANT, PARAMETER, INPUT, RESULT = range(5)  # RESULT: of a loop, see `repeated.py`
RELATIONS = tuple(COMPARE)  # by the numbers that the tape knows
_AT_MOST = RELATIONS.index("<=")


@cache
def built_in() -> dict[int, Operation]:
    """Return the built-in operations by their identifiers."""
    return {rule.identifier: rule for rule in OPERATIONS.values() if rule.identifier}


@dataclass
class RecordedGraph:
    """A graph in topological order, node by node (arrays of length n unless told otherwise).

    Attributes:
        op: the operation's identifier; 0 for a leaf.
        start: where a node's parents start in `parents`, shape (n + 1,).
        parents: positions, node after node.
        kind: NODE, CONSTANT, PARAMETER or INPUT.
        value: the recorded numbers.
        ref: a parameter's or input's number; a reduction's index; the place in `operations` of one that
            Python computes.
        outputs: positions of the outputs.
        guards: rows of (left, right, number of the relation, outcome), shape (guards, 4).
        swept: how many nodes, from the first, the outputs depend on; the rest serves guards.
        operations: the operations that Python computes.
        parameters: the captured leaves.
        inputs: how many numbers one lane takes.
        scope: the number of each node's scope, in `scopes`.
        scopes: the scopes' paths.
        captured: the nodes with operations that had been made before, each with its number.
        labels: the labels of the nodes that have one, by position; captured leaves keep their own.
        lenient: whether a node was made within `ieee()`, as those of derivatives are; None for no node.
        unrolled: for each loop that was recorded step by step, why.
    """

    op: Any
    start: Any
    parents: Any
    kind: Any
    value: Any
    ref: Any
    outputs: Any
    guards: Any
    swept: int
    operations: list[Operation]
    parameters: list[Value]
    inputs: int
    scope: Any
    scopes: list[str]
    labels: dict[int, str]
    captured: list[tuple[Value, float]]
    lenient: Any = None
    unrolled: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.op)

    def __getstate__(self) -> dict[str, Any]:
        native = built_in()
        used = {op: reference_to(native[op]) for op in sorted({*self.op.tolist()} & native.keys())}
        others = [reference_to(rule) for rule in self.operations]
        # No copy of ours is the caller's node.
        return {**self.__dict__, "captured": [], "operations": others, "built_in": used}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take operations by their names: another version may have other numbers for them.

        Raises:
            pickle.UnpicklingError: the pickle is of a version that kept the numbers alone.
            LookupError, ValueError: an operation is not known here, or defined otherwise.
        """
        state = dict(state)
        used = state.pop("built_in", None)
        if used is None:
            raise pickle.UnpicklingError(
                "this pickle of a Program is of an earlier version of autograd_core, which did not keep what "
                "its operations were: record the function again"
            )
        state["operations"] = [operation_from(reference) for reference in state["operations"]]
        now = {op: operation_from(reference).identifier for op, reference in used.items()}
        op = state["op"].copy()
        for before, identifier in now.items():
            op[state["op"] == before] = identifier
        self.__dict__.update(state, op=op)

    loops: ClassVar[Sequence[Any]] = ()

    @cached_property
    def guarded(self) -> bool:
        """Whether a row may take another branch."""
        return self.branching

    @property
    def branching(self) -> bool:
        """Whether there is a comparison on which a branch depends.

        ``x <= inf`` was true of a number that an operation may refuse (`derivatives._keep_alive`): it is left
        by NaN alone, in a row that is evaluated eagerly, and there is nothing to record.
        """
        right = self.guards[:, 1]
        beyond = (self.kind[right] == CONSTANT) & (self.value[right] == math.inf)
        return not (beyond & (self.guards[:, 2] == _AT_MOST) & (self.guards[:, 3] == 1)).all()

    def tape(self) -> Any:
        """Return what runs a graph with loops, see `repeated.LoopGraph`."""
        raise NotImplementedError

    def cut(self, places: Any, nodes: Sequence[Value]) -> RecordedGraph:
        """Return the graph without what is behind some nodes, which become parameters.

        Args:
            places: their positions.
            nodes: the Values of all positions.
        """
        import numpy as np

        n = len(self)
        leaves = np.zeros(n, dtype=bool)
        leaves[places] = True
        alive = np.zeros(n, dtype=bool)
        alive[self.outputs] = alive[self.guards[:, :2].ravel()] = True
        start, parents, ends, live = (
            self.start.tolist(),
            self.parents.tolist(),
            leaves.tolist(),
            alive.tolist(),
        )
        for i in range(n - 1, -1, -1):
            if live[i] and not ends[i]:
                for p in parents[start[i] : start[i + 1]]:
                    live[p] = True
        alive = np.array(live, dtype=bool)
        new = np.cumsum(alive) - 1
        owner = np.repeat(np.arange(n), np.diff(self.start))
        edges = (alive & ~leaves)[owner]
        counts = np.where(leaves, 0, np.diff(self.start))[alive]
        kind, ref, op = self.kind.copy(), self.ref.copy(), self.op.copy()
        kind[leaves], op[leaves] = PARAMETER, 0
        of_parameters = np.flatnonzero((kind == PARAMETER) & alive)
        parameters = [nodes[i] if leaves[i] else self.parameters[self.ref[i]] for i in of_parameters.tolist()]
        ref[of_parameters] = np.arange(len(of_parameters))
        guards = self.guards.copy()
        guards[:, :2] = new[guards[:, :2]]
        return RecordedGraph(
            op=op[alive],
            start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            parents=new[self.parents[edges]].astype(np.int32),
            kind=kind[alive],
            value=self.value[alive],
            ref=ref[alive],
            outputs=new[self.outputs].astype(np.int32),
            guards=guards,
            swept=int(alive[: self.swept].sum()),
            operations=self.operations,
            parameters=parameters,
            inputs=self.inputs,
            scope=self.scope[alive],
            scopes=self.scopes,
            labels={int(new[i]): label for i, label in self.labels.items() if alive[i]},
            captured=[],
            lenient=None if self.lenient is None else self.lenient[alive],
        )

    def refuse_overwritten(self) -> None:
        """Raise RecordingError if a captured node's number was assigned, which a Program computes anew."""
        for node, number in self.captured:
            if number_of(node) != number and number == number:
                raise RecordingError(
                    f"the data of {node!r}, which the recorded function uses, was assigned since it was "
                    "recorded, and a Program computes it anew: record again, or compute it inside"
                )

    def compile_arguments(self, ref: Any = None, parameters: int | None = None) -> tuple[Any, ...]:
        """Return what a tape is compiled from, in its order.

        Args:
            ref: other numbers of the parameters than the graph's own.
            parameters: how many parameters these numbers count.
        """
        return (self.op, self.start, self.parents, self.kind, self.value, self.ref if ref is None else ref,
                self.outputs, self.guards, self.swept,
                len(self.parameters) if parameters is None else parameters, self.inputs)  # fmt: skip

    def callables(self) -> list[tuple[Callable[..., float], Callable[..., Any], bool]]:
        """Return (value, partials, selecting) of each operation that Python computes."""
        return [
            (
                rule.scalar if rule.identifier else rule.value,
                getattr(rule, "numeric_partials", rule.partials),
                rule.selecting,
            )
            for rule in self.operations
        ]

    def operation(self, i: int) -> Operation:
        """Return the operation of a node."""
        rule = built_in().get(int(self.op[i]))
        return self.operations[self.ref[i]] if rule is None or not rule.native else rule

    def operands(self, i: int) -> list[int]:
        """Return the positions of a node's parents."""
        found: list[int] = self.parents[self.start[i] : self.start[i + 1]].tolist()
        return found

    def path(self) -> tuple[bytes, ...]:
        """Return what tells the path of a recording through the branches of its function from others."""
        return self.op.tobytes(), self.parents.tobytes(), self.ref.tobytes(), self.guards.tobytes()

    def scope_stretches(self) -> Iterator[tuple[str, int, int]]:
        """Return (scope, start, stop) of the nodes that follow each other within one scope."""
        import numpy as np

        bounds = [0, *(np.flatnonzero(np.diff(self.scope)) + 1).tolist(), len(self)]
        for start, stop in pairwise(bounds):
            yield self.scopes[self.scope[start]], start, stop

    def rebuild(self, inputs: Sequence[Value], parameters: Sequence[Value] | None = None) -> list[Value]:
        """Return the nodes made anew on other inputs, with the recorded scopes and labels.

        Parameters are the captured Values themselves, unless others are given. What was made within `ieee()`,
        as the graph of a gradient, is so again: branches that are not taken may be singular.
        """
        leaves = self.parameters if parameters is None else parameters
        nodes: list[Value] = []
        starts, parents, refs = self.start.tolist(), self.parents.tolist(), self.ref.tolist()
        kinds = self.kind.tolist()
        lenient = set() if self.lenient is None else set(self.lenient.nonzero()[0].tolist())
        leniently, strictly = ieee(), nullcontext()
        ends, results = {loop.end: loop for loop in self.loops}, dict[int, Value]()
        for path, first, last in self.scope_stretches():
            with scope(path) if path else nullcontext():
                for i in range(first, last):
                    if kinds[i] == CONSTANT:
                        nodes.append(Value.lift(float(self.value[i])))
                    elif kinds[i] == PARAMETER:
                        nodes.append(leaves[refs[i]])
                    elif kinds[i] == INPUT:
                        nodes.append(inputs[refs[i]])
                    elif kinds[i] == RESULT:
                        nodes.append(results[i])
                    else:
                        rule = self.operation(i)
                        operands = [nodes[p] for p in parents[starts[i] : starts[i + 1]]]
                        with leniently if i in lenient else strictly:
                            nodes.append(apply(rule, operands, refs[i] if rule.arity is None else 0))
                        if i in ends:
                            results |= ends[i].rebuilt(nodes)
        for i, label in self.labels.items():
            if kinds[i] != INPUT or parameters is None:
                nodes[i].label = label
        return nodes

    def keeps_guards(self, nodes: Sequence[Value]) -> bool:
        """Compare other nodes as the function did, so that a recording under way notes it; are guards kept?

        A constant is compared as a number: Values are equal by identity alone.
        """
        for left, right, number, outcome in self.guards.tolist():
            other = float(self.value[right]) if self.kind[right] == CONSTANT else nodes[right]
            if COMPARE[RELATIONS[number]](nodes[left], other) != bool(outcome):
                return False
        return True

    def broken_guard(self, nodes: Sequence[Value]) -> tuple[Value, str, Value, bool] | None:
        """Return (left, relation, right, recorded outcome) of the first guard left by other nodes."""
        for left, right, number, outcome in self.guards.tolist():
            a, b, relation = nodes[left], nodes[right], RELATIONS[number]
            if COMPARE[relation](number_of(a), number_of(b)) != bool(outcome):
                return a, relation, b, bool(outcome)
        return None

    def has_leaves_of(self, other: RecordedGraph) -> bool:
        """Tell whether it is the other graph, of the same leaves; but for the numbers of constants."""
        same = self.path() == other.path() and self.kind.tobytes() == other.kind.tobytes()
        return same and list(map(id, self.parameters)) == list(map(id, other.parameters))

    def fingerprint(self) -> tuple[Any, ...]:
        """Return what recording froze: the graph with its constants, without the parameters' numbers."""
        arrays = (self.op, self.start, self.parents, self.kind, self.ref, self.outputs, self.guards)
        constants = self.value[self.kind == CONSTANT]
        captured = [id(parameter) for parameter in self.parameters]
        return [array.tobytes() for array in (*arrays, constants)], captured, self.operations
