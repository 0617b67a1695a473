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
    """

    roots: tuple[int, ...]
    nodes: list[Value]
    parents: list[tuple[int, ...]]
    kinds: list[str]

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


def _kind(node: Value, parameters: set[Value] | None) -> str:
    if not node.is_leaf:
        return "operation"
    if node.is_constant:
        return "constant"
    is_parameter = bool(node.scope) if parameters is None else node in parameters
    return "parameter" if is_parameter else "input"
