"""Uncompiled: what node.h and layout.h give the compiled modules."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

from ..calculus.operations import OPERATIONS
from .flags import SELECTING


class _ThreadState(threading.local):
    mode = 0
    scope = 0

    def __init__(self) -> None:
        self.outer: list[int] = []


_state = _ThreadState()


def raw_mode() -> int:
    """Return the mode bits of this thread."""
    return _state.mode


def set_mode(mode: int) -> None:
    """Set them."""
    _state.mode = mode


def get_scope() -> int:
    """Return the number of the scope that this thread is in."""
    return _state.scope


def set_scope(scope: int) -> None:
    """Put a scope in the place of it."""
    _state.scope = scope


def scope_depth() -> int:
    """Return how many scopes this thread is inside of."""
    return len(_state.outer)


def push_scope(scope: int) -> None:
    """Enter a scope."""
    _state.outer.append(_state.scope)
    _state.scope = scope


def pop_scope() -> None:
    """Leave it."""
    _state.scope = _state.outer[-1]  # first: an interruption between the two lines loses nothing
    _state.outer.pop()


def node_of(value: Any) -> Any:
    """In compiled modules this gives a node's address, here the node itself."""
    return value


value_of = node_of


def parents_of(node: Any) -> tuple[Any, ...]:
    """A node's parents: an array there, a tuple here."""
    parents: tuple[Any, ...] = node._parents
    return parents


slots_of = parents_of


def partials_of(node: Any) -> tuple[float, ...]:
    """A node's partials: an array there, a tuple here."""
    partials: tuple[float, ...] = node._partials
    return partials


def place_of(node: Any) -> int:
    """Which output of softmax or log_softmax a node is."""
    index: int = node._index
    return index


def has_plain_operand(node: Any) -> bool:
    """Compiled, a plain operand gets its node when somebody asks for it; here at once."""
    return False


make_operands = operands_made = has_plain_operand

is_finite = math.isfinite
OP_LEAF, OP_CUSTOM = 0, 255
globals().update({f"OP_{name.upper()}": rule.identifier for name, rule in OPERATIONS.items()})


def blank(node: Any) -> None:
    """Give a new node its empty fields."""
    node._grad = 0.0
    node._parents = node._partials = ()
    node._extra = None
    node._op_id = node._known = node._flags = node._index = node._mark = node._scope = node._stamp = 0


_RULES = [None, *OPERATIONS.values()]  # the built-in operations by identifier


def attach(node: Any, operands: Sequence[Any], index: int = 0) -> None:
    """Set the parents and partials of a new node."""
    rule: Any = _RULES[node._op_id]
    numbers = tuple(operand._data for operand in operands)
    node._parents = tuple(operands)
    if rule.name == "pow" and operands[1].is_constant:
        node._partials = (float(rule.partial_rules[0](*numbers, node._data)), 0.0)
    else:
        node._partials = tuple([float(d) for d in rule.partials(numbers, node._data, index)])
    node._index = index
    if rule.selecting:
        node._flags = SELECTING
