"""What the engine keeps beside the nodes: details of few, scopes by number, changes to nodes in tables."""

from __future__ import annotations

from typing import Any

scope_names = [""]  # by number
outer_scopes = [0]  # the number of the scope around each


def scope_path(number: int) -> str:
    """Return the path of a scope: the names from the outermost to its own, with dots between."""
    names: list[str] = []
    while number:
        names.append(scope_names[number])
        number = outer_scopes[number]
    return ".".join(reversed(names))


class Details:
    """What few nodes have: a label with a source line, or a user-defined operation."""

    __slots__ = ("_handle", "label", "source")

    def __init__(self, label: str = "", operation: Any = None, source: tuple[str, int] | None = None):
        self.label = label
        self._handle = None if operation is None else operation.handle
        self.source = source

    @property
    def operation(self) -> Any:
        """The user-defined operation, or None."""
        return None if self._handle is None else self._handle.resolve()


_changes = 0  # of nodes that stand in a pickler's table


def count_change() -> None:
    """A node that is in some table has changed: that table is out of date."""
    global _changes
    _changes += 1


def changes() -> int:
    """Return how many changes to the numbers, gradients and labels of nodes in tables there were."""
    return _changes
