"""A graph read once, as indices: what every picture starts from."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice

from autograd_core import Value
from autograd_core.engine.sweep import Walk
from autograd_core.graph import stale_nodes
from autograd_core.naming import distinct_scopes


@dataclass(frozen=True)
class Snapshot:
    """The nodes below some outputs, with the numbers of one moment: `data` may be assigned later.

    Attributes:
        roots: The outputs, as indices into `nodes`.
        nodes: Parents first, in the order of the forward computation.
        parents: Each node's parents as indices into `nodes`, with repeats.
        kinds: Each node's kind: `"operation"`, `"input"`, `"parameter"` or `"constant"`.
        scopes: Each node's scope; those of two parts that were given one name differ.
        labels: Each node's label; that of a parameter without one is its path in the model.
        data: Each node's number.
        grads: Each node's gradient; None where no sweep has been.
        stale: The nodes whose number did not follow from their parents' numbers.
        left_out: How many nodes of the graph are not among these: they only fix an order.
    """

    roots: tuple[int, ...]
    nodes: list[Value]
    parents: list[tuple[int, ...]]
    kinds: list[str]
    scopes: list[str]
    labels: list[str]
    data: list[float]
    grads: list[float | None]
    stale: frozenset[int]
    left_out: int = 0

    @property
    def edges(self) -> int:
        """How many edges the whole graph has."""
        return self._ends[-1]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, self.parents), initial=0))

    def edge(self, place: int) -> tuple[int, int]:
        """The node that an edge goes to and which of its arguments it is, by its place among all edges."""
        child = bisect_right(self._ends, place) - 1
        return child, place - self._ends[child]


def take_snapshot(
    roots: Sequence[Value], parameters: Iterable[Value] | Mapping[Value, str] | None = None
) -> Snapshot:
    """Read the graph below `roots`.

    Args:
        roots: The outputs.
        parameters: The leaves that are parameters, maybe with their paths in a model; by default the leaves
            that were made inside a scope.
    """
    walk = Walk(list(roots))
    nodes, positions = walk.nodes, iter(walk.parents)
    index = {node: i for i, node in enumerate(nodes)}
    parents = [tuple(islice(positions, count)) for count in walk.counts]
    chosen = None if parameters is None else set(parameters)
    kinds = [
        "operation" if count else _kind(node, chosen) for node, count in zip(nodes, walk.counts, strict=True)
    ]
    named = parameters if isinstance(parameters, Mapping) else {}
    scopes = distinct_scopes(nodes, parents, named)
    labels = [node.label or named.get(node, "") for node in nodes]
    return Snapshot(
        tuple(index[root] for root in roots),
        nodes,
        parents,
        kinds,
        scopes,
        labels,
        [node.data for node in nodes],
        [node.grad if node.has_grad else None for node in nodes],
        frozenset(index[node] for node in stale_nodes(*roots)),
    )


def without_order(snapshot: Snapshot) -> Snapshot:
    """The graph without the nodes that only fix in which order a loop's steps are swept.

    A loop (autograd_core/programs/repeated.py) makes conditions that are 1.0 whatever they depend on,
    `where(1.0, 1.0, n)`, and under them `where(condition, n, n)`, which is n. Here n takes its place, and
    what only such conditions depend on is left out. A `where` with equal branches that a reader wrote stays.
    """
    parents = snapshot.parents
    conditions = _order_conditions(snapshot)
    after = {parents[i][2] for i in conditions}
    same = list(range(len(parents)))
    for i in range(len(parents)):
        if _is_plain_where(snapshot, i) and parents[i][1] == parents[i][2]:
            condition = parents[i][0]
            if condition in conditions or (i in after and _is_one(snapshot, condition)):
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
        [snapshot.scopes[i] for i in order],
        [snapshot.labels[i] for i in order],
        [snapshot.data[i] for i in order],
        [snapshot.grads[i] for i in order],
        frozenset(place[i] for i in snapshot.stale if i in place),
        len(parents) - len(order),
    )


def _order_conditions(snapshot: Snapshot) -> set[int]:
    """The nodes `where(before, 1.0, n)` whose `before` is 1.0 or such a node: each is made after n."""
    found = set[int]()
    for i, row in enumerate(snapshot.parents):
        if not _is_plain_where(snapshot, i) or not _is_one(snapshot, row[1]):
            continue
        if row[0] in found or _is_one(snapshot, row[0]):
            found.add(i)
    return found


def _is_plain_where(snapshot: Snapshot, i: int) -> bool:
    return snapshot.nodes[i].op == "where" and not snapshot.nodes[i].label


def _is_one(snapshot: Snapshot, i: int) -> bool:
    node = snapshot.nodes[i]
    return node.is_constant and node.data == 1.0 and not node.label


def _kind(node: Value, parameters: set[Value] | None) -> str:
    """That of a leaf."""
    if node.is_constant:
        return "constant"
    is_parameter = bool(node.scope) if parameters is None else node in parameters
    return "parameter" if is_parameter else "input"
