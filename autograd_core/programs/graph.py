"""What recording leaves: the graph of one call as flat arrays, to make tapes, C text and Values from."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..arrays import real_array
from ..calculus.operations import OPERATIONS, Operation
from ..engine.value import Value, begin_recording, enable_grad, end_recording, pack, topological_order
from ..errors import RecordingError

__all__ = ["CONSTANT", "INPUT", "NODE", "PARAMETER", "RELATIONS", "Example", "RecordedGraph", "capture"]

NODE, CONSTANT, PARAMETER, INPUT = range(4)
RELATIONS = ("<", "<=", "==", "!=", ">", ">=")
_FLAG_CONSTANT, _FLAG_FRESH = 1, 32  # of value.py's nodes
_CUSTOM = 255


class Example:
    """The shape of one argument, and how to make it of Values: a number, nested lists or an array."""

    def __init__(self, example: Any, what: str = "the example"):
        import numpy as np

        try:
            numbers_ = real_array(example, what)
        except (TypeError, ValueError) as error:
            raise TypeError(f"an example is a number or a rectangular array of numbers: {error}") from None
        self.shape: tuple[int, ...] = numbers_.shape
        self.size = int(numbers_.size)
        self.numbers: list[float] = numbers_.ravel().tolist()
        self.is_array = isinstance(example, np.ndarray) and numbers_.ndim > 0

    def build(self, leaves: Sequence[Any]) -> Any:
        """Return leaves in the example's form: one of them, nested lists, or an object array."""
        if not self.shape:
            return leaves[0]
        if self.is_array:
            import numpy as np

            array = np.empty(len(leaves), dtype=object)
            array[:] = leaves
            return array.reshape(self.shape)
        nested: list[Any] = list(leaves)
        for width in reversed(self.shape[1:]):
            nested = [nested[i : i + width] for i in range(0, len(nested), width)]
        return nested

    def rows(self, batch: Any, what: str = "the batch") -> Any:
        """Return a batch of such arguments as a C-contiguous float64 array of shape (lanes, size)."""
        import numpy as np

        array = real_array(batch, what)
        if array.ndim != len(self.shape) + 1 or array.shape[1:] != self.shape:
            wanted = ", ".join(["lanes", *map(str, self.shape)])
            raise ValueError(
                f"{what} has shape {array.shape}, and ({wanted}) is wanted: one row for each lane, in the "
                "form of the example"
            )
        return np.ascontiguousarray(array.reshape(len(array), self.size))

    def row(self, argument: Any, what: str) -> list[float]:
        """Return one such argument as a flat list of floats."""
        array = real_array(argument, what)
        if array.shape != self.shape:
            raise ValueError(f"{what} has shape {array.shape}, and the example has {self.shape}")
        numbers_: list[float] = array.ravel().tolist()
        return numbers_


def flatten(result: Any) -> tuple[list[Value], tuple[int, ...]]:
    """Return the Values in a function's result, and the result's shape.

    Raises:
        TypeError: it holds something that is no number, or is not rectangular.
    """
    if isinstance(result, (Value, numbers.Real)):
        return [_as_value(result)], ()
    import numpy as np

    if isinstance(result, np.ndarray):
        if not result.size:
            raise TypeError(f"a recorded function returns Values, not an array of shape {result.shape}")
        return [_as_value(item) for item in result.ravel()], result.shape
    if not isinstance(result, (list, tuple)) or not result:
        raise TypeError(f"a recorded function returns Values, not {type(result).__name__}")
    parts = [flatten(item) for item in result]
    if any(shape != parts[0][1] for _, shape in parts):
        raise TypeError(
            "a recorded function returns a rectangular array of Values: the rows have different lengths"
        )
    return [value for values, _ in parts for value in values], (len(parts), *parts[0][1])


def _as_value(item: Any) -> Value:
    if isinstance(item, Value):
        return item
    if isinstance(item, numbers.Real):
        return Value.lift(item)
    raise TypeError(f"a recorded function returns Values, not {type(item).__name__}")


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
        labels: the labels of the nodes that have one, by position; captured leaves keep their own.
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

    def __len__(self) -> int:
        return len(self.op)

    def compile_arguments(self) -> tuple[Any, ...]:
        """Return the arrays in the order in which a tape is compiled from them."""
        return (self.op, self.start, self.parents, self.kind, self.value, self.ref, self.outputs, self.guards,
                self.swept, len(self.parameters), self.inputs)  # fmt: skip

    def callables(self) -> list[tuple[Callable[..., float], Callable[..., Any], bool]]:
        """Return (value, partials, selecting) of each operation that Python computes."""
        return [
            (rule.value, getattr(rule, "numeric_partials", rule.partials), rule.selecting)
            for rule in self.operations
        ]

    def operation(self, i: int) -> Operation:
        """Return the operation of a node."""
        rule = _by_identifier().get(int(self.op[i]))
        return self.operations[self.ref[i]] if rule is None or not _has_c_text(rule) else rule

    def scope_stretches(self) -> Iterator[tuple[str, int, int]]:
        """Return (scope, start, stop) of the nodes that follow each other within one scope."""
        import numpy as np

        bounds = [0, *(np.flatnonzero(np.diff(self.scope)) + 1).tolist(), len(self)]
        for start, stop in pairwise(bounds):
            yield self.scopes[self.scope[start]], start, stop


def _has_c_text(rule: Operation) -> bool:
    return rule.native


def _by_identifier() -> dict[int, Operation]:
    return {rule.identifier: rule for rule in OPERATIONS.values() if rule.identifier}


def capture(f: Callable[..., Any], examples: Sequence[Example]) -> tuple[RecordedGraph, tuple[int, ...]]:
    """Call f once on Values and return the graph it built, and the shape of its result.

    Raises:
        RecordingError: f read a number, or its result does not depend on Values at all.
    """
    leaves = [[Value(number) for number in example.numbers] for example in examples]
    arguments = [example.build(row) for example, row in zip(examples, leaves, strict=True)]
    with enable_grad():  # under no_grad every number would be frozen
        begin_recording()
        try:
            values, shape = flatten(f(*arguments))
        finally:
            guards = end_recording()
    return _graph([leaf for row in leaves for leaf in row], values, guards), shape


def _graph(
    inputs: list[Value], outputs: list[Value], guards: list[tuple[Any, str, Any, bool]]
) -> RecordedGraph:
    import numpy as np

    sides = [
        (_as_value(left), relation, _as_value(right), outcome) for left, relation, right, outcome in guards
    ]
    roots = outputs + [side for left, _, right, _ in sides for side in (left, right)]
    nodes = topological_order(*roots)
    heads, counts_, data, parents, _, extras, indices, scopes = pack(nodes, [])
    head, counts = np.frombuffer(heads, dtype=np.int64), np.frombuffer(counts_, dtype=np.int64)
    op, flag = (head & 0xFFFF).astype(np.int32), head >> 16
    if len(parents) >= 2**31:
        raise RecordingError(f"the graph has {len(parents)} edges; a Program takes less than 2^31")
    start = np.zeros(len(op) + 1, dtype=np.int32)
    np.cumsum(counts, out=start[1:])
    leaf = op == 0
    kind = np.where(leaf & (flag & (_FLAG_CONSTANT | _FLAG_FRESH) != 0), CONSTANT, NODE).astype(np.uint8)
    ref = np.zeros(len(op), dtype=np.int32)
    ref[list(indices)] = list(indices.values())
    parameters = _name_leaves(nodes, np.flatnonzero(leaf & (kind == NODE)), inputs, kind, ref)
    operations = _name_operations(nodes, op, ref)
    position = _positions(nodes, roots)
    rows = [
        (position[id(left)], position[id(right)], RELATIONS.index(relation), int(outcome))
        for left, relation, right, outcome in sides
    ]
    return RecordedGraph(
        op=op,
        start=start,
        parents=np.array(parents, dtype=np.int32),
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
        labels={i: nodes[i].label for i in extras if nodes[i].label and kind[i] != PARAMETER},
    )


def _positions(nodes: list[Value], roots: list[Value]) -> dict[int, int]:
    wanted = {id(root) for root in roots}
    return {id(node): i for i, node in enumerate(nodes) if id(node) in wanted}


def _name_leaves(nodes: list[Value], places: Any, inputs: list[Value], kind: Any, ref: Any) -> list[Value]:
    """Tell inputs from captured leaves; return the captured ones in the graph's order."""
    import numpy as np

    number = {id(value): k for k, value in enumerate(inputs)}
    leaves = [nodes[i] for i in places.tolist()]
    found = [number.get(id(leaf), -1) for leaf in leaves]
    mine = np.array(found, dtype=np.int64)
    captured = mine < 0
    kind[places] = np.where(captured, PARAMETER, INPUT)
    ref[places] = np.where(captured, np.cumsum(captured) - 1, mine)
    return [leaf for leaf, k in zip(leaves, found, strict=True) if k < 0]


def _name_operations(nodes: list[Value], op: Any, ref: Any) -> list[Operation]:
    """List the operations without C text, and let their nodes refer to the list."""
    import numpy as np

    without = [identifier for identifier, rule in _by_identifier().items() if not rule.native]
    found: dict[int, int] = {}
    listed: list[Operation] = []
    for i in np.flatnonzero(np.isin(op, [*without, _CUSTOM])).tolist():
        rule = nodes[i].operation
        if id(rule) not in found:
            found[id(rule)] = len(listed)
            listed.append(rule)
        ref[i] = found[id(rule)]
    return listed
