"""What the compiled module offers, for editors and type checkers."""

from array import array
from typing import Any

from .value import Value

COMPILED: bool

class Table:
    """A graph under one node, as arrays, for as long as a pickler remembers it."""

    outside: list[Value]
    packed: tuple[Any, ...]
    epoch: int
    def __init__(self, root: Value) -> None: ...
    def position(self, node: Value, nodes: list[Value]) -> int | None: ...

def reduce(node: Value) -> Any:
    """Return what pickle needs to make `node` again."""

def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """Return a copy of `root` and of all that it was computed from; gradients are copied too."""

def leaf_state(node: Value) -> tuple[Any, ...]:
    """Return what `restore_leaf` wants."""

def restore_leaf(
    version: int, checksum: int, data: float, grad: float, flags: int, path: str, extra: Any
) -> Value:
    """Return a new leaf with that state."""

def nodes_to_shelve(root: Value) -> tuple[list[Value], list[Value]]:
    """Return the nodes under a root that are in no table yet, and the nodes that they need from outside."""

def shelve(nodes: list[Value]) -> None:
    """These nodes are in a table from now on."""

def unshelve(nodes: list[Value]) -> None:
    """The table of these nodes is gone."""

def is_shelved(node: Value) -> bool:
    """Tell whether a node is in a table."""

def duplicate(nodes: list[Value], memo: dict[int, Any]) -> list[Value]:
    """Copy nodes that stand in topological order; return those that were not in the memo."""

def pack(nodes: list[Value], outside: list[Value]) -> tuple[Any, ...]:
    """Return the fields of some nodes as arrays, parents as positions (negative: in `outside`)."""

def restore_table(version: int, checksum: int, state: tuple[Any, ...], outside: list[Value]) -> list[Value]:
    """Return the nodes of a table."""

def unpack(
    packed: tuple[Any, ...], outside: list[Value], operations: dict[int, Any] | None = None
) -> list[Value]:
    """Return new nodes of what `pack` returned."""

def read_vector(nodes: list[Value], gradients: bool) -> array[float]:
    """Return the numbers of some nodes, or their gradients."""

def write_vector(nodes: list[Value], vector: array[float], gradients: bool) -> None:
    """Set the numbers of some nodes, or their gradients."""

def write_both(nodes: list[Value], numbers: array[float], gradients: array[float]) -> None:
    """Set the numbers and the gradients of some leaves, in one pass over them."""

def has_numbers(nodes: list[Value], numbers: array[float]) -> bool:
    """Are the numbers of some nodes those of an ``array('d')``? A zero's sign counts."""
