"""An operation's partials as short lists of instructions, for whoever builds graphs of them many times.

Calling a rule with Values makes the graph of a partial, at the price of a Python function and its arithmetic
for each node. The rule is called with Symbols instead, once, and the formula that it returns is listed: one
instruction for each operation in it, in the order in which the rule would have made the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from .operations import OPERATIONS, Operation, Reduction
from .symbols import Symbol

_OPERATIONS_OF_SYMBOLS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "power": "pow",
    "modulo": "mod",
    "absolute": "abs",
    "select": "where",
}
_MOST_SLOTS = 256


class Instructions(NamedTuple):
    """How to compute a formula.

    The numbers that it is made of stand in slots: first the arguments of the rule, then the constants, then
    the result of each instruction.

    Attributes:
        constants: plain numbers.
        code: for each instruction an operation's identifier and the slots of up to three operands, in one
            integer: identifier + 2^8 first + 2^16 second + 2^24 third (0 for none).
        result: the slot of the formula's value.
    """

    constants: tuple[float, ...]
    code: tuple[int, ...]
    result: int


@cache
def instructions_of_partials(operation: Operation) -> tuple[Instructions, ...] | None:
    """Return how to compute each partial of an operation.

    Args:
        operation: a built-in operation.

    Returns:
        For an operation of one to three operands, one entry an operand, its arguments the operands and the
        value. For a reduction one entry for all, its arguments those of its rule: x, m, s, y, n, same. None
        where a rule cannot be listed: then call it.
    """
    try:
        if type(operation) is Reduction:
            return (_listed(operation.partial, 6),)
        arity = operation.arity or 0
        if type(operation) is Operation and 1 <= arity <= 3:
            return tuple(_listed(rule, arity + 1) for rule in operation.partial_rules)
    except (KeyError, OverflowError):
        pass
    return None


def _listed(rule: Callable[..., Any], count: int) -> Instructions:
    """List a rule of so many arguments.

    Raises:
        KeyError: its formula holds what is no operation, or what has no place in it.
        OverflowError: it is too long.
    """
    arguments = [Symbol(f"argument {k}") for k in range(count)]
    holds = Symbol.holds
    formula = rule(*arguments)
    if Symbol.holds != holds:
        raise KeyError("stop_gradient leaves no trace in a formula")
    root = formula if isinstance(formula, Symbol) else Symbol(float(formula))
    order = parts_first(root)
    slots = {id(argument): k for k, argument in enumerate(arguments)}
    constants: list[float] = []
    for symbol in order:
        if not isinstance(symbol.head, str):
            slots[id(symbol)] = count + len(constants)
            constants.append(float(symbol.head))
    code: list[int] = []
    for symbol in order:
        if id(symbol) not in slots:
            slots[id(symbol)] = count + len(constants) + len(code)
            code.append(_packed(symbol, slots))
    if count + len(constants) + len(code) > _MOST_SLOTS:
        raise OverflowError(f"a formula of {len(code)} operations")
    return Instructions(tuple(constants), tuple(code), slots[id(root)])


def _packed(symbol: Symbol, slots: dict[int, int]) -> int:
    name = str(symbol.head)
    word = OPERATIONS[_OPERATIONS_OF_SYMBOLS.get(name, name)].identifier
    for place, argument in enumerate(symbol.arguments, 1):
        word += slots[id(argument)] << 8 * place
    return word


def parts_first(root: Symbol) -> Sequence[Symbol]:
    """Return the parts of a formula, each once, those that it is made of before it."""
    order: list[Symbol] = []
    seen: set[int] = set()
    path: list[tuple[Symbol, bool]] = [(root, False)]
    while path:
        symbol, complete = path.pop()
        if complete:
            order.append(symbol)
        elif id(symbol) not in seen:
            seen.add(id(symbol))
            path.append((symbol, True))
            path.extend((argument, False) for argument in reversed(symbol.arguments))
    return order
