"""What the compiled module offers, for editors and type checkers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .value import Value

COMPILED: bool

def call_on_inputs(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], leaves: list[Value]
) -> Any:
    """Call a function while `leaves`, made for this call, are the inputs to differentiate by."""

def depends_on_inputs(nodes: list[Value]) -> bool:
    """Tell whether some of the nodes depend on the inputs of a call that is at work."""

def gradients_of(
    outputs: list[Value], seeds: Sequence[float], leaves: list[Value], since: int
) -> list[float]:
    """Return the gradients of sum_k seed_k output_k with respect to leaves made for one call."""

def walks_so_far() -> int:
    """Return the number of the last walk: what it came by does not depend on leaves that are made later."""

def adjoints(outputs: list[Value], inputs: list[Value], seeds: Sequence[Any], since: int = -1) -> list[Any]:
    """Return the gradients of sum_k seed_k output_k as graphs: a Value or a float for each input."""

def tangents(
    outputs: list[Value], inputs: list[Value], directions: Sequence[Any], graph: bool, since: int
) -> list[Any]:
    """Return the derivatives of the outputs when the inputs move in given directions."""
