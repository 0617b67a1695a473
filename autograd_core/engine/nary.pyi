"""What the compiled module offers, for editors and type checkers."""

from collections.abc import Iterable, Sequence
from typing import Any, SupportsFloat, TypeAlias

from ..calculus.operations import Operation
from .value import Value

# Whatever float() takes, except text: int, float, bool, Fraction, NumPy's scalars, another Value.
_Real: TypeAlias = SupportsFloat

COMPILED: bool

def apply(operation: Operation, operands: Sequence[Value], index: int = 0) -> Value:
    """Make the node of an operation by its object."""

def dot(weights: Iterable[_Real], inputs: Iterable[_Real], bias: _Real | None = None) -> Any:
    """bias + w_0 x_0 + w_1 x_1 + ..., added in that order, as one node.

    Args:
        weights: numbers or Values, shape (n,).
        inputs: numbers or Values, shape (n,).
        bias: a number or Value to start the sum with; by default the sum starts with the first product.

    Returns:
        A Value; a float if there is no Value among the operands.

    Raises:
        ValueError: if the lengths differ, or there is nothing to add.
    """

def reduce_values(op: int, numbers_: Iterable[_Real]) -> Any:
    """Make the node of a reduction; a float if there is no Value among the numbers."""

def indexed_values(op: int, numbers_: Iterable[_Real]) -> list[Any]:
    """Make one node an operand: softmax and log_softmax."""

def stale(nodes: Iterable[Value], every: bool = False) -> list[Value]:
    """Return the nodes whose number or partials are not what their operation makes of their parents now."""

def refuse_stale(nodes: Iterable[Value]) -> None:
    """Raise GraphError if one of the nodes is stale."""
