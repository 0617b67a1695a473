"""What is wrong, or soon will be, with a graph: the layers that a picture marks.

not finite          a value or a gradient is NaN or infinite
ReLU off            the unit's input is not positive, so no gradient passes; a remark, not a fault
dead ReLU           the unit (the relu nodes of one scope) is off for every example of a batch
exploding partial   a local partial is huge or not finite
vanishing partial   a local partial is tiny but not zero
never swept         a leaf that has no gradient although its output was swept (or it was reset since)
not reached         a leaf that the sweep sent nothing to: each path to the output is cut; a remark
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from autograd_core import Value
from viz.reading import Reading
from viz.text import number

TINY = 1e-6
HUGE = 1e6
LAYERS = (
    "not finite",
    "dead ReLU",
    "ReLU off",
    "exploding partial",
    "vanishing partial",
    "never swept",
    "not reached",
)
_REMARKS = ("ReLU off", "never swept", "not reached")


@dataclass(frozen=True)
class Finding:
    """One thing that a reader should see.

    Attributes:
        node: The node's index in the reading.
        kind: The layer, as in the table above.
        text: What to write beside the node.
        slot: The argument whose partial it is about, or None.
    """

    node: int
    kind: str
    text: str
    slot: int | None = None

    @property
    def severe(self) -> bool:
        """Whether this is a fault, not just a remark."""
        return self.kind not in _REMARKS


def layers_of(chosen: bool | str | Iterable[str]) -> tuple[str, ...]:
    """The layers that a user chose: all, none, one by its name, or several.

    Raises:
        ValueError: there is no such layer.
    """
    if isinstance(chosen, bool):
        return LAYERS if chosen else ()
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    for name in names:
        if name not in LAYERS:
            raise ValueError(f"there is no diagnosis layer {name!r}; there are {', '.join(LAYERS)}")
    return names


def diagnose(reading: Reading, tiny: float = TINY, huge: float = HUGE) -> list[Finding]:
    """Everything the layers find, in the order of the graph's nodes."""
    findings: list[Finding] = []
    for i, node in enumerate(reading.nodes):
        if not (math.isfinite(node.data) and math.isfinite(node.grad)):
            findings += _numbers(i, node)
        for partial in node.partials:
            if partial and not tiny <= abs(partial) <= huge:
                findings += _partials(i, node, tiny, huge)
                break
    return findings + _relus(reading) + _left_out(reading)


def _left_out(reading: Reading) -> list[Finding]:
    """The leaves without a gradient, once the outputs have been swept."""
    if not any(reading.nodes[root].has_grad for root in reading.roots):
        return []
    reached = _reached(reading)
    findings = []
    for i, node in enumerate(reading.nodes):
        if node.is_leaf and not node.is_constant and not (node.has_grad and i in reached):
            kind = "not reached" if i not in reached else "never swept"
            findings.append(Finding(i, kind, kind))
    return findings


def _reached(reading: Reading) -> set[int]:
    """The nodes that a sweep from the outputs sends something to."""
    reached = set(reading.roots)
    for i in range(len(reading.nodes) - 1, -1, -1):
        operation = reading.nodes[i].operation
        if i in reached and operation is not None:
            terms = zip(reading.parents[i], reading.nodes[i].partials, strict=True)
            reached.update(parent for parent, partial in terms if partial != 0.0 or not operation.selecting)
    return reached


def _relus(reading: Reading) -> list[Finding]:
    units: dict[str, list[int]] = {}
    for i, node in enumerate(reading.nodes):
        if node.op == "relu":
            units.setdefault(node.scope, []).append(i)
    findings = []
    for scope, members in units.items():
        off = [i for i in members if reading.nodes[i].partials[0] == 0.0]
        kind = "dead ReLU" if scope and len(off) == len(members) > 1 else "ReLU off"
        findings += [Finding(i, kind, kind, 0) for i in off]
    return findings


def _numbers(i: int, node: Value) -> list[Finding]:
    wrong = [
        (name, value)
        for name, value in (("data", node.data), ("grad", node.grad))
        if not math.isfinite(value)
    ]
    return [Finding(i, "not finite", f"{name} is {number(value)}") for name, value in wrong]


def _partials(i: int, node: Value, tiny: float, huge: float) -> list[Finding]:
    findings = []
    for slot, partial in enumerate(node.partials):
        size = abs(partial)
        if not size <= huge:
            findings.append(Finding(i, "exploding partial", f"exploding partial {number(partial)}", slot))
        elif 0.0 < size < tiny:
            findings.append(Finding(i, "vanishing partial", f"vanishing partial {number(partial)}", slot))
    return findings
