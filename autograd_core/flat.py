"""Copying and pickling graphs of any depth, without recursion.

A pickle of a node holds the whole graph that it was computed from as one flat table. Leaves, and nodes that
another table of the same pickle holds, are referred to as objects, so that what was shared stays shared.
"""

from __future__ import annotations

import weakref
from typing import Any

from .value import Value, node_state, restore, topological_order

__all__ = ["FlatGraph", "deep_copy", "reduce"]

_live: weakref.WeakSet[FlatGraph] = weakref.WeakSet()


class FlatGraph:
    """The table of a graph: for each node its state, and its parents as positions (below 0: outside)."""

    __slots__ = ("__weakref__", "nodes", "outside", "positions", "rows")

    def __init__(self, nodes: list[Value], rows: list[Any], outside: list[Value]):
        self.nodes = nodes
        self.rows = rows
        self.outside = outside
        self.positions = {id(node): position for position, node in enumerate(nodes)}

    @classmethod
    def of(cls, root: Value) -> FlatGraph:
        """Return the table of the graph under `root`."""
        nodes: list[Value] = []
        outside: list[Value] = []
        places: dict[int, int] = {}
        tables = list(_live)
        for node in topological_order(root):
            if node is not root and (node.is_leaf or _is_in(tables, node)):
                outside.append(node)
                places[id(node)] = -len(outside)
            else:
                places[id(node)] = len(nodes)
                nodes.append(node)
        wanted = _needed(root, nodes, places)
        if len(wanted) < len(nodes):
            nodes = wanted
            places.update({id(node): position for position, node in enumerate(nodes)})
        rows = [(node_state(node), [places[id(parent)] for parent in node.parents]) for node in nodes]
        graph = cls(nodes, rows, outside)
        _live.add(graph)
        return graph

    def __reduce__(self) -> Any:
        return _rebuild, (self.rows, self.outside)


def _needed(root: Value, nodes: list[Value], places: dict[int, int]) -> list[Value]:
    """Return the nodes that the root reaches without going through an outside node, in order."""
    wanted = {id(root)}
    for node in reversed(nodes):
        if id(node) in wanted:
            wanted.update(id(parent) for parent in node.parents if places[id(parent)] >= 0)
    return [node for node in nodes if id(node) in wanted]


def _is_in(tables: list[FlatGraph], node: Value) -> bool:
    return any(id(node) in table.positions for table in tables)


def _table_with(node: Value) -> FlatGraph | None:
    for graph in list(_live):
        if id(node) in graph.positions:
            return graph
    return None


def reduce(node: Value) -> Any:
    """Return what pickle needs to make `node` again."""
    if node.is_leaf:
        return _leaf, (node_state(node),)
    graph = _table_with(node) or FlatGraph.of(node)
    return _pick, (graph, graph.positions[id(node)])


def _leaf(state: Any) -> Value:
    return restore(state, ())


def _pick(graph: FlatGraph, position: int) -> Value:
    return graph.nodes[position]


def _rebuild(rows: list[Any], outside: list[Value]) -> FlatGraph:
    nodes: list[Value] = []
    for state, places in rows:
        nodes.append(restore(state, [outside[-1 - place] if place < 0 else nodes[place] for place in places]))
    return FlatGraph(nodes, rows, outside)


def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """Return a copy of `root` and of all that it was computed from; gradients are copied too."""
    keep = memo.setdefault(id(memo), [])
    for node in topological_order(root):
        if id(node) not in memo:
            memo[id(node)] = restore(node_state(node), [memo[id(parent)] for parent in node.parents])
            keep.append(node)
    copied: Value = memo[id(root)]
    return copied
