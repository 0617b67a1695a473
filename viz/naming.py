"""What the nodes of a snapshot are called: see `autograd_core.naming`."""

from autograd_core.naming import distinct_names, numbers
from viz.snapshot import Snapshot
from viz.text import constant_digits, number, visible


def node_names(snapshot: Snapshot, digits: int = 4) -> list[str]:
    """Each node's name; that of a constant without a usable label is its number, which alone may repeat."""
    named = distinct_names(snapshot.scopes, snapshot.labels)
    return [
        named.get(i) or counted or number(data := snapshot.data[i], constant_digits(data, digits))
        for i, counted in enumerate(numbers(snapshot.nodes))
    ]


def title_name(name: str, label: str) -> str:
    """What a picture writes on a node: its label; its number and the label where that is not its name."""
    if not label or name == label or name.endswith(f".{label}"):
        return label or name
    return f"{name} “{visible(label)}”"
