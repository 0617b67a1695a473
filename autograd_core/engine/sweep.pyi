"""The types of what the compiled module offers; the descriptions stand in sweep.py."""

from array import array
from collections.abc import Iterable, Sequence

from .value import Value, _Real

COMPILED: bool

def topological_order(*roots: Value) -> list[Value]: ...
def sweep(
    roots: Sequence[Value],
    gradients: Sequence[_Real],
    targets: Sequence[Value] | None = None,
    before: int = 0,
    stamp: int = 0,
) -> None: ...
def check_nodes(nodes: Iterable[object]) -> None: ...
def parent_positions(nodes: list[Value], outside: list[Value]) -> tuple[array[int], array[int]]: ...

class Walk:
    nodes: list[Value]
    parents: array[int]
    counts: array[int]
    def __init__(self, roots: list[Value]) -> None: ...
