"""Boxes colored by a number: the size of the gradient, the effect of rounding, or a measure of one's own."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autograd_core import Value, arguments
from autograd_core.checking.rounding import rounding
from viz.snapshot import Snapshot
from viz.text import number

Measure = Callable[[Value], float]
MEASURES = ("gradient", "rounding")
STEPS = 8  # shades
WIDEST = 1e12  # how many times the greatest number may be the least: smaller ones have the palest shade


@dataclass(frozen=True)
class Heat:
    """The shade of each box, and what the shades mean.

    Attributes:
        sizes: Each box's number, the greatest of its nodes'; None where there is none.
        low: What the palest shade stands for.
        high: What the darkest shade stands for.
        name: What is measured.
    """

    sizes: dict[int, float | None]
    low: float
    high: float
    name: str

    def shade(self, box: int) -> int | None:
        """The shade of a box, from 0 to `STEPS - 1`; None without a number."""
        size = self.sizes[box]
        if size is None:
            return None
        if not size > self.low:
            return 0
        if not math.isfinite(size) or self.high <= self.low:
            return STEPS - 1
        part = math.log(size / self.low) / math.log(self.high / self.low)
        return min(STEPS - 1, 1 + int(part * (STEPS - 1)))

    @property
    def legend(self) -> str:
        """What the shades mean, for the caption."""
        if not any(size is not None for size in self.sizes.values()):
            return f"colored by {self.name}: no number is known yet; call backward()"
        return f"colored by {self.name}, from {number(self.low)} (pale) to {number(self.high)} (dark)"


def heat_of(snapshot: Snapshot, boxes: Mapping[int, Sequence[int]], color_by: str | Measure) -> Heat:
    """Measure the nodes of every box.

    Args:
        snapshot: The graph.
        boxes: The nodes in each box, by its number.
        color_by: `"gradient"`, the size of the gradient; `"rounding"`, how far the rounding of the node moves
            the output (`autograd_core.rounding`); or a function from a Value to a number, whose size counts.

    Raises:
        ValueError: there is no such measure, or the rounding of several outputs is asked for.
    """
    of_node = [None if size is None or size != size else abs(size) for size in _sizes(snapshot, color_by)]
    sizes = {
        box: max((size for i in members if (size := of_node[i]) is not None), default=None)
        for box, members in boxes.items()
    }
    known = [size for size in sizes.values() if size and math.isfinite(size)]
    high = max(known, default=0.0)
    low = max(min(known, default=0.0), high / WIDEST)
    name = {"gradient": "|gradient|", "rounding": "effect of rounding on the output"}
    return Heat(
        sizes, low, high, name.get(color_by, color_by) if isinstance(color_by, str) else "your measure"
    )


def _sizes(snapshot: Snapshot, color_by: str | Measure) -> list[float | None]:
    nodes = snapshot.nodes
    if callable(color_by):
        return [None if node.is_constant else _measured(color_by, node) for node in nodes]
    if color_by == "gradient":
        return [None if node.is_constant else grad for node, grad in zip(nodes, snapshot.grads, strict=True)]
    if len(snapshot.roots) > 1:
        raise ValueError("the effect of rounding is on one output: draw one")
    report = rounding(nodes[snapshot.roots[0]])
    effects = {one.node: one.effect for one in report.contributions}
    return [effects.get(node, 0.0) if node.op else None for node in nodes]


def _measured(measure: Measure, node: Value) -> float:
    found = measure(node)
    if arguments.is_truth(found) or found != found:  # NaN is no number to be colored by
        return float(found)
    return float(arguments.number("what color_by gives", found, "[-inf, inf]"))


def check_measure(color_by: object) -> None:
    """Refuse what nothing can be colored by.

    Raises:
        ValueError: it is neither a function nor one of `MEASURES`.
    """
    if color_by is not None and color_by not in MEASURES and not callable(color_by):
        raise ValueError(f"color_by is {' or '.join(map(repr, MEASURES))} or a function, not {color_by!r}")
