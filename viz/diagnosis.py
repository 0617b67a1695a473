"""What is wrong, or soon will be, with a graph: the layers that a picture marks.

    stale             the node's number no longer follows from its parents': data was assigned after the graph
                      was built; build the graph anew
    not finite        a value or a gradient is NaN or infinite
    ReLU off          the unit's input is not positive, so no gradient passes; a remark, not a fault
    dead ReLU         the unit is off for every example drawn, of two or more
    exploding partial a local partial is huge or not finite
    vanishing partial an activation is saturated: its partial is tiny beside its value, or rounded to zero
    never swept       a leaf that has no gradient although its output was swept (or it was reset since)
    not reached       a leaf that the sweep sent nothing to: each path to the output is cut; a remark

Findings are counted by unit: the nodes of one neuron's ReLU for all examples of a batch are one unit.
Partials towards constants are no concern of the sweep, and are left out.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from autograd_core.edges import edges
from viz.snapshot import Snapshot
from viz.text import names_of, number

TINY = 1e-8  # of the activation's value: exp and softmax have partials that are as small as they are
HUGE = 1e6
_FACTORS = ("div", "dot", "mul", "pow")  # their partials are as small as what they are multiplied by
LAYERS = (
    "stale",
    "not finite",
    "dead ReLU",
    "ReLU off",
    "exploding partial",
    "vanishing partial",
    "never swept",
    "not reached",
)
STALE = "stale: build the graph anew"
_SATURATING = frozenset(  # their partial is 0 by rounding only
    {"elu", "erf", "erfc", "expm1", "gelu", "logsigmoid", "sigmoid", "silu", "softplus", "tanh"}
)
REMARKS = ("ReLU off", "never swept", "not reached")
UNITS = "dead ReLU"  # a finding that is there once all examples of a unit are computed
LATE = re.compile("not reached|never swept|grad is")  # findings that are there once the sweep is over


@dataclass(frozen=True)
class Finding:
    """One thing that a reader should see.

    Attributes:
        node: The node's index in the snapshot.
        kind: The layer, as in the table above.
        text: What to write beside the node.
        slot: The argument whose partial it is about, or None.
        unit: What it is counted by.
    """

    node: int
    kind: str
    text: str
    slot: int | None = None
    unit: Hashable = None

    @property
    def severe(self) -> bool:
        """Whether this is a fault, not just a remark."""
        return self.kind not in REMARKS


def layers_of(chosen: bool | str | Iterable[str]) -> tuple[str, ...]:
    """The layers that a user chose: all, none, one by its name, or several.

    Raises:
        ValueError: there is no such layer.
    """
    if isinstance(chosen, bool):
        return LAYERS if chosen else ()
    names = names_of("diagnosis", chosen)
    for name in names:
        if name not in LAYERS:
            raise ValueError(f"there is no diagnosis layer {name!r}; there are {', '.join(LAYERS)}")
    return names


def diagnose(snapshot: Snapshot, tiny: float = TINY, huge: float = HUGE) -> list[Finding]:
    """Everything the layers find, in the order of the graph's nodes."""
    findings = [Finding(i, "stale", STALE, unit=i) for i in sorted(snapshot.stale)]
    for i, node in enumerate(snapshot.nodes):
        if not (math.isfinite(snapshot.data[i]) and math.isfinite(snapshot.grads[i] or 0.0)):
            findings += _numbers(snapshot, i)
        saturates = node.op in _SATURATING
        for partial in node.partials:
            if (partial or saturates) and not tiny <= abs(partial) <= huge:
                findings += _partials(snapshot, i, tiny, huge)
                break
    return findings + _relus(snapshot) + _left_out(snapshot)


def units_of(snapshot: Snapshot) -> dict[int, Hashable]:
    """What each ReLU is counted by: the neuron that it ends, told by the neuron's own parameters.

    These are met on the way down from the ReLU, in one scope, by steps that nothing else uses: what several
    neurons use, or what comes from another scope, is their input. Without parameters there is no telling
    whether two ReLUs are two neurons or two examples of one, so each is counted for itself.
    """
    relus = [i for i, node in enumerate(snapshot.nodes) if node.op == "relu"]
    uses = Counter(parent for row in snapshot.parents for parent in row) if relus else {}
    return {i: _own_parameters(snapshot, snapshot.parents[i][0], uses) or i for i in relus}


def _own_parameters(snapshot: Snapshot, operand: int, uses: Mapping[int, int]) -> frozenset[int]:
    found, waiting = set(), [operand]
    for step in waiting:  # grows while it is walked
        for parent in snapshot.parents[step]:
            if snapshot.kinds[parent] == "parameter":
                found.add(parent)
            elif uses[parent] == 1 and snapshot.scopes[parent] == snapshot.scopes[operand]:
                waiting.append(parent)
    return frozenset(found)


def _left_out(snapshot: Snapshot) -> list[Finding]:
    """The leaves without a gradient, once the outputs have been swept."""
    if all(snapshot.grads[root] is None for root in snapshot.roots):
        return []
    reached = _reached(snapshot)
    findings = []
    for i, node in enumerate(snapshot.nodes):
        if node.is_leaf and not node.is_constant and not (snapshot.grads[i] is not None and i in reached):
            kind = "not reached" if i not in reached else "never swept"
            findings.append(Finding(i, kind, kind, unit=i))
    return findings


def _reached(snapshot: Snapshot) -> set[int]:
    """The nodes that a sweep from the outputs sends something to."""
    reached = set(snapshot.roots)
    for i in range(len(snapshot.nodes) - 1, -1, -1):
        if i in reached:
            reached.update(snapshot.parents[i][edge.operand] for edge in edges(snapshot.nodes[i]))
    return reached


def _relus(snapshot: Snapshot) -> list[Finding]:
    units: dict[Hashable, list[int]] = {}
    for i, unit in units_of(snapshot).items():
        units.setdefault(unit, []).append(i)
    findings = []
    for unit, members in units.items():
        off = [i for i in members if snapshot.nodes[i].partials[0] == 0.0]
        kind = "dead ReLU" if len(off) == len(members) > 1 else "ReLU off"
        findings += [Finding(i, kind, kind, 0, unit) for i in off]
    return findings


def _numbers(snapshot: Snapshot, i: int) -> list[Finding]:
    numbers = ("data", snapshot.data[i]), ("grad", snapshot.grads[i] or 0.0)
    wrong = [(name, value) for name, value in numbers if not math.isfinite(value)]
    return [Finding(i, "not finite", f"{name} is {number(value)}", unit=i) for name, value in wrong]


def _partials(snapshot: Snapshot, i: int, tiny: float, huge: float) -> list[Finding]:
    findings = []
    node, parents = snapshot.nodes[i], snapshot.parents[i]
    slots = [slot for slot, parent in enumerate(parents) if snapshot.kinds[parent] != "constant"]
    for slot in slots:
        size = abs(partial := node.partials[slot])
        if not size <= huge:
            findings.append(Finding(i, "exploding partial", f"exploding partial {number(partial)}", slot, i))
        elif (
            len(slots) == 1
            and node.op not in _FACTORS
            and (0.0 < size < tiny * abs(snapshot.data[i]) or (size == 0.0 and node.op in _SATURATING))
        ):
            findings.append(Finding(i, "vanishing partial", f"vanishing partial {number(partial)}", slot, i))
    return findings
