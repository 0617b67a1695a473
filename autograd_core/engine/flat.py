"""Copying and pickling graphs of any depth, without recursion.

A pickle of a node holds the whole graph that it was computed from as one table of arrays. Leaves, and nodes
that another table of the same pickle holds, are referred to as objects, so that what was shared stays shared.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..errors import RecordingError
from .value import (
    Value,
    changes,
    duplicate,
    is_recording,
    is_shelved,
    leaf_state,
    pack,
    read_vector,
    restore_leaf,
    shelve,
    topological_order,
    unpack,
    unshelve,
)

__all__ = ["Table", "deep_copy", "reduce"]


class Table:
    """A graph under one node, as arrays, for as long as a pickler remembers it.

    Args:
        root: the node.
    """

    __slots__ = ("__weakref__", "_positions", "epoch", "nodes", "outside", "packed")

    def __init__(self, root: Value):
        self.nodes: list[Value] = []
        self.epoch = changes()
        self.nodes, self.outside = shelve(root)
        self.packed = pack(self.nodes, self.outside)
        self._positions: dict[int, int] = {}
        _tables.add(self)

    def position(self, node: Value) -> int | None:
        """Return where the node stands in this table; None if it does not."""
        if node is self.nodes[-1]:
            return len(self.nodes) - 1
        if not self._positions:
            self._positions = {id(inner): place for place, inner in enumerate(self.nodes)}
        return self._positions.get(id(node))

    def retire(self) -> None:
        """Make no further use of this table: its nodes have changed since, or its pickler is gone."""
        _tables.discard(self)
        unshelve(self.nodes)
        self.nodes = []

    def __reduce__(self) -> Any:
        return unpack, (self.packed, self.outside)

    def __del__(self) -> None:
        unshelve(self.nodes)


_tables: weakref.WeakSet[Table] = weakref.WeakSet()
_checked = -1  # when the tables were last known to be up to date


def _retire_old_tables() -> None:
    global _checked
    now = changes()
    if now != _checked:
        for table in list(_tables):
            if table.epoch != now:
                table.retire()
        _checked = now


def _refuse_while_recording(nodes: list[Value]) -> None:
    """Refuse to copy inputs and captured leaves: the copy has the number of one moment, and is neither.

    Raises:
        RecordingError: a Program is being recorded.
    """
    if not is_recording():
        return
    try:
        read_vector([node for node in nodes if node.is_leaf and not node.is_constant], False)
    except RecordingError:
        raise RecordingError(
            "a node was deep-copied or pickled while a Program was being recorded, which would freeze its "
            "number for every other input: use the node itself, or copy before recording"
        ) from None


def reduce(node: Value) -> Any:
    """Return what pickle needs to make `node` again."""
    _refuse_while_recording([node])
    _retire_old_tables()
    if is_shelved(node):
        for table in list(_tables):
            position = table.position(node)
            if position is not None:
                return _pick, (table, position)
    if node.is_leaf:
        return restore_leaf, leaf_state(node)
    table = Table(node)
    return _pick, (table, len(table.nodes) - 1)


def _pick(nodes: list[Value], position: int) -> Value:
    return nodes[position]


def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """Return a copy of `root` and of all that it was computed from; gradients are copied too."""
    # As the copy module does: what was copied stays alive as long as the memo, so that no id is used twice.
    nodes = topological_order(root)
    _refuse_while_recording(nodes)
    memo.setdefault(id(memo), []).extend(duplicate(nodes, memo))
    copied: Value = memo[id(root)]
    return copied
