"""Reading graphs: order, size, and the summed chain rule in the open."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .arguments import whole_number
from .edges import edges
from .engine.failures import bounded
from .engine.nary import stale
from .engine.sweep import Walk, topological_order
from .engine.value import Value
from .naming import distinct_names, distinct_scopes, numbers

__all__ = [
    "Explanation",
    "GraphStatistics",
    "Path",
    "explain",
    "stale_nodes",
    "statistics",
    "topological_order",
]


@dataclass(frozen=True)
class GraphStatistics:
    """The size of a graph.

    Attributes:
        nodes: how many nodes.
        edges: how many edges, repeated ones counted.
        leaves: how many nodes no operation made.
        depth: the length of the longest path, in edges.
        operations: how many nodes each operation made.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * x + x
        >>> statistics(y).operations
        {'mul': 1, 'add': 1}
    """

    nodes: int
    edges: int
    leaves: int
    depth: int
    operations: dict[str, int] = field(default_factory=dict)


def statistics(*roots: Value) -> GraphStatistics:
    """Return the size of the graph under some roots.

    Args:
        roots: Values.

    Returns:
        A `GraphStatistics`.

    Raises:
        TypeError: a root is not a Value.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * x + x
        >>> found = statistics(y)
        >>> found.nodes, found.edges, found.depth
        (3, 4, 2)
    """
    walk = Walk(list(roots))
    depths = [0] * len(walk.nodes)
    start = 0
    for position, count in enumerate(walk.counts):
        if count:
            depths[position] = 1 + max(depths[parent] for parent in walk.parents[start : start + count])
        start += count
    operations = Counter(node.op for node in walk.nodes)
    leaves = operations.pop("", 0)
    return GraphStatistics(
        len(walk.nodes), len(walk.parents), leaves, max(depths, default=0), dict(operations)
    )


def stale_nodes(*roots: Value, every: bool = False) -> list[Value]:
    """Return the nodes whose number no longer follows from those of their parents.

    A graph is made once: ``x.data = 10.0`` changes x, and leaves what was computed from x as it was. Nodes
    farther up follow from their own parents still, so the list is where a graph is torn, and empty for one
    that is whole. A node counts as stale too when only its partials are out of date.

    Args:
        roots: Values.
        every: compute every node again, not only those next to numbers that were assigned. This finds
            user-defined operations too that give another result each time.

    Returns:
        A list of Values in topological order.

    >>> x = Value(2.0)
    >>> y = x * x
    >>> z = y + 1.0
    >>> x.data = 3.0
    >>> stale_nodes(z) == [y]
    True
    """
    return stale(topological_order(*roots), every)


@dataclass(frozen=True)
class Path:
    """One path of the chain rule, from the output to the parent.

    Attributes:
        nodes: the nodes on it, the output first.
        partials: the partial along each edge; one fewer than nodes.
        product: their product, this path's share of the gradient.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * x + x
        >>> explain(y, x).paths[0].product
        3.0
    """

    nodes: tuple[Value, ...]
    partials: tuple[float, ...]
    product: float

    def __str__(self) -> str:
        return self._text(_names(self.nodes[0]))

    def _text(self, names: dict[Value, str]) -> str:
        steps = [
            f" --({d:.4g})--> {_name(node, names)}"
            for d, node in zip(self.partials, self.nodes[1:], strict=True)
        ]
        if len(steps) > 8:
            steps[4:-4] = [f" --> ... {len(steps) - 8} more ..."]
        return f"{self.product:+.6g} = {_name(self.nodes[0], names)}" + "".join(steps)


@dataclass(frozen=True)
class Explanation:
    """The summed chain rule between two nodes.

    Attributes:
        output: where the paths start.
        parent: where they end.
        count: the exact number of paths, however large.
        paths: the largest of them, by absolute product.
        total: the sum over all paths, summed node by node: the gradient of output with respect to parent.
        rest: the share of the paths that are not listed.
        stale: how many nodes held a number that no longer followed from their parents', see `stale_nodes`:
            then the partials are of numbers that are no longer there.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * x + x
        >>> found = explain(y, x)
        >>> found.count, found.total
        (3, 7.0)
    """

    output: Value
    parent: Value
    count: int
    paths: tuple[Path, ...]
    total: float
    rest: float
    stale: int = 0

    def __str__(self) -> str:
        names = _names(self.output)
        plural = "path" if self.count == 1 else "paths"
        lines = [
            f"d {_name(self.output, names)} / d {_name(self.parent, names)} = {self.total:.6g}, "
            f"summed over {_big(self.count)} {plural}"
        ]
        if self.stale:
            lines.append(
                f"  stale: {self.stale} of the nodes no longer follow from their parents' numbers;"
                " build the graph anew"
            )
        lines.extend(f"  {path._text(names)}" for path in self.paths)
        hidden = self.count - len(self.paths)
        if hidden:
            lines.append(f"  {self.rest:+.6g} from {_big(hidden)} more")
        return "\n".join(lines)


def _big(count: int) -> str:
    return (
        str(count) if count.bit_length() < 60 else f"about 10^{int((count.bit_length() - 1) * math.log10(2))}"
    )


def _names(output: Value) -> dict[Value, str]:
    """The names of the labelled nodes below an output, which differ: see `autograd_core.naming`."""
    nodes = topological_order(output)
    labels = [node.label for node in nodes]
    if not any(labels):
        return {}
    place = {node: i for i, node in enumerate(nodes)}
    scopes = distinct_scopes(nodes, [[place[parent] for parent in node.parents] for node in nodes])
    found = distinct_names(scopes, labels)
    counts = Counter(labels)
    counted = numbers(nodes)
    names = {}
    for i, label in enumerate(labels):
        if label:
            short = bounded(label)
            names[nodes[i]] = found.get(i) or (short if counts[label] == 1 else f"{counted[i]} “{short}”")
    return names


def _name(node: Value, names: dict[Value, str]) -> str:
    return names.get(node) or bounded(node.label) or f"{node._op or 'leaf'}({node.data:.4g})"


def explain(output: Value, parent: Value, limit: int = 10) -> Explanation:
    """Show the paths along which the output depends on a parent, and the product of partials along each.

    Args:
        output: a node.
        parent: a node that it was computed from.
        limit: how many paths to list, the largest first; the count and the total are of all.

    Returns:
        An `Explanation`. With no path between the two, its count and total are 0.

    Raises:
        TypeError: if either is not a Value, or limit no whole number.
        ValueError: if limit is negative.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * x + x
        >>> found = explain(y, x)
        >>> found.total, [path.product for path in found.paths]
        (7.0, [3.0, 3.0, 1.0])
    """
    if not isinstance(parent, Value):
        raise TypeError(f"explain() wants the Value to go down to, not {type(parent).__name__}")
    limit = whole_number("limit", limit, 0)
    links, order = _edges_towards(output, parent)
    counts, bounds = {parent: 1}, {parent: 1.0}
    for node in order:
        if node is parent:
            continue
        reached = [(target, partial) for target, partial in links[node] if target in counts]
        if reached:
            counts[node] = sum(counts[target] for target, _ in reached)
            bounds[node] = max(abs(partial) * bounds[target] for target, partial in reached)
    torn = len(stale(order))
    if output not in counts:
        return Explanation(output, parent, 0, (), 0.0, 0.0, torn)
    listed = tuple(itertools.islice(_largest_paths(output, parent, links, bounds), limit))
    total = _gradient(output, parent, order, links, counts)
    rest = total - math.fsum(path.product for path in listed) if counts[output] > len(listed) else 0.0
    return Explanation(output, parent, counts[output], listed, total, rest, torn)


_Link = tuple[Value, float, "float | None", Any]
_Edges = dict[Value, list[tuple[Value, float]]]


def _edges_towards(output: Value, parent: Value) -> tuple[_Edges, list[Value]]:
    """Return the sweep's edges of each node, and the nodes in topological order."""
    order = topological_order(output)
    found: _Edges = {
        node: [
            (edge.parent, edge.partial)
            for edge in edges(node, constants=parent.is_constant)
            if edge.parent is parent or not edge.parent.is_constant
        ]
        for node in order
    }
    return found, order


def _gradient(
    output: Value, parent: Value, order: list[Value], links: _Edges, counts: dict[Value, int]
) -> float:
    """Sum the chain rule in the order of the sweep, so that the total has the bits of the gradient."""
    grads = {output: 1.0}
    for node in reversed(order):
        if node is parent or node not in grads:
            continue
        for target, partial in links[node]:
            if target in counts:
                grads[target] = grads.get(target, 0.0) + partial * grads[node]
    return grads[parent]


def _largest_paths(output: Value, parent: Value, links: _Edges, bounds: dict[Value, float]) -> Iterator[Path]:
    """Yield paths by falling absolute product.

    Each candidate is the start of a path with the exact bound of what it can still reach. The best one is
    followed to the end along the best edges, and each edge passed by becomes a candidate: so every candidate
    taken is one path listed (Lawler 1972). A start is a linked list (node, product so far, partial of the
    last edge, the start before), so none is copied.
    """
    ticket = itertools.count()
    queue: list[tuple[float, int, _Link]] = [(-bounds[output], next(ticket), (output, 1.0, None, None))]
    while queue:
        _, _, link = heapq.heappop(queue)
        while link[0] is not parent:
            node, product = link[0], link[1]
            choices = [
                (target, product * partial, partial, link)
                for target, partial in links[node]
                if target in bounds
            ]
            choices.sort(key=lambda choice: _key(choice[1] * bounds[choice[0]]))
            for passed in choices[1:]:
                heapq.heappush(queue, (_key(passed[1] * bounds[passed[0]]), next(ticket), passed))
            link = choices[0]
        yield _path(link)


def _key(bound: float) -> float:
    return -abs(bound) if bound == bound else -math.inf


def _path(link: _Link) -> Path:
    product = link[1]
    nodes, partials = [], []
    step: _Link | None = link
    while step is not None:
        nodes.append(step[0])
        if step[2] is not None:
            partials.append(step[2])
        step = step[3]
    return Path(tuple(reversed(nodes)), tuple(reversed(partials)), product)
