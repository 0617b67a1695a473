"""Every operation of a graph checked by itself: its stored partials against finite differences of it alone.

A wrong gradient says nothing about where it went wrong. A wrong partial does: the operation's operands are at
hand on the node, so its value can be recomputed beside them without the rest of the graph.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autograd_core.checking.finite_differences import derivative
from autograd_core.checking.precise import precise_partial
from autograd_core.checking.report import Fault, Row
from autograd_core.checking.verdicts import Rules, judge
from autograd_core.checking.windows import EPSILON

if TYPE_CHECKING:
    from autograd_core import Value

MANY = 6  # operands from which a node is checked along a direction first
SAMPLE = 100  # nodes of each operation that are examined unless all are asked for
ALL = 20_000  # nodes of each operation that are examined when all are asked for


def check_operations(nodes: Iterable[Value], *, thorough: bool = False) -> tuple[list[Fault], int, int]:
    """Check the partials of operations.

    Args:
        nodes: nodes of a graph, as `topological_order` lists them.
        thorough: look at every node, not at a sample of each operation's.

    Returns:
        One fault for each operation and operand that is wrong somewhere, the number of partials that were
        checked, and how many of them no check could decide.
    """
    groups: dict[str, list[Value]] = defaultdict(list)
    for node in nodes:
        if not node.is_leaf:
            groups[node.op].append(node)
    faults: list[Fault] = []
    checked = unsure = 0
    for group in groups.values():
        chosen = spread(group, ALL if thorough else SAMPLE)
        rows = [(node, check_node(node)) for node in chosen]
        faults += collect([(node, wrong) for node, (wrong, _) in rows if wrong], len(chosen))
        checked += sum(len(node.parents) for node in chosen)
        unsure += sum(undecided for _, (_, undecided) in rows)
    return faults, checked, unsure


def spread(nodes: Sequence[Value], limit: int) -> Sequence[Value]:
    """At most ``limit`` nodes, evenly spaced, the first and the last among them."""
    if len(nodes) <= limit:
        return nodes
    return [nodes[round(i * (len(nodes) - 1) / (limit - 1))] for i in range(limit)]


def collect(found: Sequence[tuple[Value, dict[int, Row]]], examined: int) -> list[Fault]:
    """One fault for each operand: the worst example, and how often it occurs."""
    faults: dict[int, Fault] = {}
    for node, rows in found:
        for operand, row in rows.items():
            fault = faults.get(operand)
            if fault is None:
                faults[operand] = describe(node, operand, row, examined)
            else:
                worse = row.excess > fault.row.excess
                count = fault.count + 1
                faults[operand] = replace(
                    describe(node, operand, row, examined) if worse else fault, count=count
                )
    return list(faults.values())


def describe(node: Value, operand: int, row: Row, examined: int) -> Fault:
    """The fault at one node."""
    operands = tuple(parent.data for parent in node.parents)
    return Fault(
        node.op, operand, row, operands, node.label, node.scope, node.source, examined=examined, node=node
    )


def check_node(node: Value) -> tuple[dict[int, Row], int]:
    """The wrong partials of one node, by operand, and how many could not be decided."""
    parents = node.parents
    operands = [parent.data for parent in parents]
    partials = node.partials
    slots = [i for i, parent in enumerate(parents) if not parent.is_constant]
    evaluate = evaluator(node)
    if len(slots) > MANY and along_a_direction(evaluate, operands, partials, slots):
        return {}, 0
    rows = {i: check_partial(evaluate, operands, partials[i], i) for i in slots}
    for i, row in rows.items():
        if row.verdict == "undecided":
            rows[i] = precisely(node, operands, row, i)
    wrong = {i: row for i, row in rows.items() if row.verdict == "wrong"}
    faults = {i: replace(row, note=swapped(partials, rows, i) or row.note) for i, row in wrong.items()}
    return faults, sum(row.verdict == "undecided" for row in rows.values())


def precisely(node: Value, operands: Sequence[float], row: Row, slot: int) -> Row:
    """Decide a partial that finite differences cannot tell, by the operation's rule at many digits."""
    found = precise_partial(node.operation, operands, slot, node.index)
    if found is None:
        return row
    rounding = (
        16 * EPSILON * abs(node.data) / max(abs(operands[slot]), 1.0)
    )  # of a partial made from the value
    return judge(row.name, row.analytic, found, Rules(), rounding=rounding, verified=True)


def evaluator(node: Value) -> Callable[[Sequence[float]], float]:
    """The node's operation as a function of its operands' numbers."""
    operation = node.operation
    options = {"index": node.index} if getattr(operation, "indexed", False) else {}

    def evaluate(operands: Sequence[float]) -> float:
        try:
            return float(operation.value(*operands, **options))
        except TypeError as error:
            if "complex" in str(error):  # (-8.0) ** 0.5 in a function of floats
                raise ValueError("the value is complex") from None
            raise

    return evaluate


def check_partial(
    evaluate: Callable[[Sequence[float]], float], operands: Sequence[float], partial: float, slot: int
) -> Row:
    """Compare one partial with the finite difference in its operand."""
    before, after = operands[:slot], operands[slot + 1 :]

    def vary(x: float) -> float:
        return evaluate([*before, x, *after])

    found = derivative(vary, operands[slot], expected=partial if math.isfinite(partial) else None)
    return judge(f"operand {slot}", partial, found, Rules())


def along_a_direction(
    evaluate: Callable[[Sequence[float]], float],
    operands: Sequence[float],
    partials: Sequence[float],
    slots: Sequence[int],
) -> bool:
    """Whether all partials of a node with many operands agree along one random direction."""
    if not all(map(math.isfinite, partials)):
        return False
    generator = random.Random(len(slots))
    direction = [0.0] * len(operands)
    for slot in slots:
        size = abs(operands[slot]) or 1.0
        direction[slot] = generator.choice((-1.0, 1.0)) * generator.uniform(0.5, 1.0) * size

    def move(t: float) -> float:
        return evaluate([x + t * d for x, d in zip(operands, direction, strict=True)])

    terms = [partial * d for partial, d in zip(partials, direction, strict=True)]
    expected = math.fsum(terms)
    noise = 2.0**-52 * math.sqrt(math.fsum(term * term for term in terms))
    row = judge("direction", expected, derivative(move, 0.0, expected=expected, noise=noise), Rules())
    hidden = row.tolerance > 1e-7 * max(map(abs, terms), default=0.0)
    return row.verdict == "ok" and not hidden


def swapped(partials: Sequence[float], rows: dict[int, Row], slot: int) -> str:
    """A note when the partial is the right one of another operand."""
    own = rows[slot]
    for other, row in rows.items():
        if (
            other != slot
            and row.verdict == "wrong"
            and close(partials[slot], row)
            and close(partials[other], own)
        ):
            return f"swapped with the partial of operand {other}"
    return ""


def close(partial: float, row: Row) -> bool:
    """Whether a partial equals the finite difference of a row."""
    return abs(partial - row.numeric) <= 10 * row.error + 1e-9 * abs(row.numeric)
