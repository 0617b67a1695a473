"""The edges of the graph along which gradients flow, as Python code reads them."""

from __future__ import annotations

from typing import NamedTuple

from .engine.value import Value


class Edge(NamedTuple):
    """An edge along which the sweep sends something.

    Attributes:
        operand: which of the node's parents it leads to, from 0.
        parent: that parent.
        partial: d node / d parent for that operand.
    """

    operand: int
    parent: Value
    partial: float


def edges(node: Value, *, constants: bool = False) -> list[Edge]:
    """Return the edges along which the sweep sends something from a node.

    Args:
        node: a Value.
        constants: whether edges to constants are listed too.

    Returns:
        One `Edge` for each operand, without constants, which take no gradient, and without those that a
        selecting operation (relu, maximum, where, ...) did not choose.

    >>> a, b = Value(2.0), Value(3.0)
    >>> [edge.operand for edge in edges(a.maximum(b))]
    [1]
    """
    operation = node.operation
    if operation is None:
        return []
    listed = map(Edge, range(len(node.parents)), node.parents, node.partials)
    return [
        edge
        for edge in listed
        if not (operation.selecting and edge.partial == 0.0) and (constants or not edge.parent.is_constant)
    ]
