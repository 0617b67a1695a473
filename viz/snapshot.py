"""A graph read once, as indices: what every picture starts from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from autograd_core import Value
from autograd_core.graph import stale_nodes, topological_order


@dataclass(frozen=True)
class Snapshot:
    """The nodes below some outputs.

    Attributes:
        roots: The outputs, as indices into `nodes`.
        nodes: Parents first, in the order of the forward computation.
        parents: Each node's parents as indices into `nodes`, with repeats.
        kinds: Each node's kind: `"operation"`, `"input"`, `"parameter"` or `"constant"`.
        left_out: How many nodes of the graph are not among these: they only fix an order.
    """

    roots: tuple[int, ...]
    nodes: list[Value]
    parents: list[tuple[int, ...]]
    kinds: list[str]
    left_out: int = 0

    @property
    def edges(self) -> int:
        """How many edges the whole graph has."""
        return sum(map(len, self.parents))

    @cached_property
    def stale(self) -> frozenset[int]:
        """The nodes whose number no longer follows from their parents' numbers."""
        found = set(stale_nodes(*(self.nodes[root] for root in self.roots)))
        return frozenset(i for i, node in enumerate(self.nodes) if node in found) if found else frozenset()


def take_snapshot(roots: Sequence[Value], parameters: Iterable[Value] | None = None) -> Snapshot:
    """Read the graph below `roots`.

    Args:
        roots: The outputs.
        parameters: The leaves that are parameters; by default the leaves that were made inside a scope.
    """
    nodes = topological_order(*roots)
    index = {node: i for i, node in enumerate(nodes)}
    parents = [tuple([index[parent] for parent in node.parents]) for node in nodes]
    chosen = None if parameters is None else set(parameters)
    kinds = [_kind(node, chosen) for node in nodes]
    return Snapshot(tuple(index[root] for root in roots), nodes, parents, kinds)


def without_order(snapshot: Snapshot) -> Snapshot:
    """The graph without the nodes that only fix in which order a loop's steps are swept.

    `where(c, n, n)` is n whatever c is: it stands in the graph for the order alone, and so does what only
    such conditions depend on (autograd_core/programs/loops.py). Here n takes its place.
    """
    parents = snapshot.parents
    same = list(range(len(parents)))
    for i, node in enumerate(snapshot.nodes):
        if node.op == "where" and not node.label and parents[i][1] == parents[i][2]:
            same[i] = same[parents[i][1]]
    roots = tuple(same[root] for root in snapshot.roots)
    kept, waiting = set(roots), list(roots)
    while waiting:
        found = {same[parent] for parent in parents[waiting.pop()]} - kept
        kept |= found
        waiting += found
    order = sorted(kept)
    if len(order) == len(parents):
        return snapshot
    place = {i: k for k, i in enumerate(order)}
    return Snapshot(
        tuple(place[root] for root in roots),
        [snapshot.nodes[i] for i in order],
        [tuple(place[same[parent]] for parent in parents[i]) for i in order],
        [snapshot.kinds[i] for i in order],
        len(parents) - len(order),
    )


def _kind(node: Value, parameters: set[Value] | None) -> str:
    if not node.is_leaf:
        return "operation"
    if node.is_constant:
        return "constant"
    is_parameter = bool(node.scope) if parameters is None else node in parameters
    return "parameter" if is_parameter else "input"
