"""One name for each node, the same in every formula, sentence and picture, and never twice.

Algorithm 6.1 of Goodfellow et al. 2016 numbers the nodes u1, u2, ...: first the inputs, then the operations
in the order of the computation. A node is called by its label where that is an identifier that no other node
has, by its scope and label where only that tells it apart, and otherwise by its number.
"""

import re
from collections import Counter

from viz.snapshot import Snapshot
from viz.text import number, visible

LIMIT = 24  # characters of a label in a formula
_NUMBERED = re.compile(r"u\d+\Z")


def node_names(snapshot: Snapshot, digits: int = 4) -> list[str]:
    """Each node's name; that of a constant without a usable label is its number, the only one that repeats.

    Args:
        snapshot: The graph.
        digits: Significant digits of the constants.
    """
    names = _numbers(snapshot)
    for i, node in enumerate(snapshot.nodes):
        if snapshot.kinds[i] == "constant":
            names[i] = number(node.data, digits)
    usable = [i for i, node in enumerate(snapshot.nodes) if is_usable(node.label)]
    paths = {i: _path(snapshot.nodes[i].scope, snapshot.nodes[i].label) for i in usable}
    suffixes = {i: _suffixes(path) for i, path in paths.items()}
    counts = Counter(suffix for i in usable for suffix in suffixes[i])
    for i in usable:
        names[i] = next((suffix for suffix in suffixes[i] if counts[suffix] == 1), names[i])
    return names


def is_usable(label: str) -> bool:
    """Whether a label can stand in a formula without being taken for something else."""
    return label.isidentifier() and len(label) <= LIMIT and not _NUMBERED.match(label)


def title_name(name: str, label: str) -> str:
    """What a picture writes on a node: its label; its number and the label where that is not its name."""
    if not label or name == label or name.endswith(f".{label}"):
        return label or name
    return f"{name} “{visible(label)}”"


def _numbers(snapshot: Snapshot) -> list[str]:
    names = [""] * len(snapshot.nodes)
    leaves = [i for i, kind in enumerate(snapshot.kinds) if kind in ("input", "parameter")]
    operations = [i for i, kind in enumerate(snapshot.kinds) if kind == "operation"]
    for k, i in enumerate((*leaves, *operations), 1):
        names[i] = f"u{k}"
    return names


def _path(scope: str, label: str) -> list[str]:
    return [*(part for part in scope.split(".") if part), label]


def _suffixes(path: list[str]) -> list[str]:
    """`w0`, `neuron1.w0`, `layer2.neuron1.w0`, as far as the scopes are identifiers."""
    found, k = [], len(path)
    while k and path[k - 1].isidentifier():
        k -= 1
        found.append(".".join(path[k:]))
    return found
