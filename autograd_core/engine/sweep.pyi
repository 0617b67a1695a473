"""What the compiled module offers, for editors and type checkers."""

from array import array
from collections.abc import Iterable, Sequence
from typing import SupportsFloat, TypeAlias

from .value import Value

# Whatever float() takes, except text: int, float, bool, Fraction, NumPy's scalars, another Value.
_Real: TypeAlias = SupportsFloat

COMPILED: bool

def topological_order(*roots: Value) -> list[Value]:
    """Return all nodes that the roots were computed from, and the roots: parents before children.

    The order is depth first over the parents from left to right, that of the sweep.

    Raises:
        TypeError: if a root is not a Value.
    """

def sweep(
    roots: Sequence[Value],
    gradients: Sequence[_Real],
    targets: Sequence[Value] | None = None,
    before: int = 0,
    stamp: int = 0,
) -> None:
    """Run back-propagation once (Goodfellow et al. 2016, Algorithm 6.2)."""

def check_nodes(nodes: Iterable[object]) -> None:
    """Raise TypeError unless all of them are Values."""

def parent_positions(nodes: list[Value], outside: list[Value]) -> tuple[array[int], array[int]]:
    """Return how many parents each node has, and where they stand."""

class Walk:
    """The nodes under some roots in topological order, with each node's parents as positions in it.

    Args:
        roots: a list of Values.
    """

    nodes: list[Value]
    parents: array[int]
    counts: array[int]
    def __init__(self, roots: list[Value]) -> None: ...
