"""The types of what the compiled module offers; the descriptions stand in derivatives.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .value import Value

COMPILED: bool

def call_on_inputs(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], leaves: list[Value]
) -> Any: ...
def make_constant(leaves: list[Value]) -> None: ...
def depends_on_inputs(nodes: list[Value]) -> bool: ...
def gradients_of(
    outputs: list[Value], seeds: Sequence[float], leaves: list[Value], since: int
) -> list[float]: ...
def walks_so_far() -> int: ...
def adjoints(
    outputs: list[Value], inputs: list[Value], seeds: Sequence[Any], since: int = -1
) -> list[Any]: ...
def tangents(
    outputs: list[Value], inputs: list[Value], directions: Sequence[Any], graph: bool, since: int
) -> list[Any]: ...
