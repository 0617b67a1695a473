"""A graph as columns of plain data: what static/graph.js computes with in the page."""

import math
from pathlib import Path
from typing import Any

from autograd_core.calculus.javascript import LIVE
from autograd_core.calculus.operation import Dot, Reduction
from autograd_core.engine.value import Value
from autograd_core.steps import ForwardStep, SeedStep
from viz.naming import title_name
from viz.narration import formula_differs, formula_templates
from viz.payload import Script
from viz.picture import Box, title_of
from viz.text import visible

MOST_SCOPES = 60  # characters of a scope in a sentence


def page_payload(script: Script, css: str, title: str) -> dict[str, Any]:
    """Everything that static/player.js asks for, but the picture itself."""
    return {
        "css": css,
        "title": title,
        "caption": script.picture.caption.removesuffix(script.picture.found).removesuffix("; "),
        "found": script.picture.found,
        "description": visible(script.picture.description, 2000),
        "boxes": [_box(box) for box in script.boxes],
        "columns": graph_columns(script),
    }


def graph_columns(script: Script) -> dict[str, Any]:
    """The graph: a list of each fact, with an entry a node, parents first."""
    snapshot = script.snapshot
    nodes = snapshot.nodes
    operations = {node.op: node.operation for node in nodes if node.op}
    return {
        "digits": script.digits,
        "direction": script.direction,
        "ops": [node.op for node in nodes],
        "parents": [list(parents) for parents in snapshot.parents],
        "data": [_plain(x) for x in snapshot.data],
        "partials": [[_plain(partial) for partial in node.partials] for node in nodes],
        "index": [node.index for node in nodes],
        "kinds": snapshot.kinds,
        "names": script.names,
        "titles": [_title(script, i) for i in range(len(nodes))],
        "scopes": [visible(scope, MOST_SCOPES) for scope in snapshot.scopes],
        "sources": [_source(node) for node in nodes],
        "grads": _starting_column(script),
        "roots": list(snapshot.roots),
        "seeds": [_plain(event.gradient) for event in script.events if isinstance(event, SeedStep)],
        "forward": any(isinstance(event, ForwardStep) for event in script.events),
        "stale": sorted(snapshot.stale),
        "notes": script.picture.notes,
        "untold": _untold(script),
        "formulas": {name: formula_templates(operation) for name, operation in operations.items()},
        "reductions": [name for name, operation in operations.items() if isinstance(operation, Reduction)],
        "selecting": {name: True for name, operation in operations.items() if operation.selecting},
    }


def used_operations(script: Script) -> frozenset[str]:
    """The operations that the graph needs in the page."""
    return frozenset(node.op for node in script.snapshot.nodes if node.op)


def _box(box: Box) -> dict[str, Any]:
    return {
        "id": box.ident,
        "title": visible(box.title, 64),
        "kind": box.kind,
        "members": box.members,
        **({"shown": box.shown} if box.shown != box.members else {}),
        "notes": box.notes,
    }


def _title(script: Script, i: int) -> str:
    name = title_name(script.names[i], script.snapshot.labels[i])
    return visible(title_of(script.snapshot, i, name, script.digits), 64)


def _starting_column(script: Script) -> list[Any]:
    before = script.starting_gradients
    return [None if (grad := before.get(node)) is None else _plain(grad) for node in script.snapshot.nodes]


def _plain(value: float) -> float | str:
    """JSON has no NaN and no infinities; nor the sign of zero in JavaScript's whole numbers."""
    return value if math.isfinite(value) else "NaN" if value != value else "inf" if value > 0 else "-inf"


def _untold(script: Script) -> list[str]:
    """Whose formula gives another number than the rule, where the page cannot find that out."""
    data = dict(zip(script.snapshot.nodes, script.snapshot.data, strict=True))
    return [
        f"{i}/{slot}"
        for i, node in enumerate(script.snapshot.nodes)
        if node.op not in LIVE and not isinstance(node.operation, Dot)
        for slot in range(len(node.parents))
        if formula_differs(node, slot, [data[p] for p in node.parents], data[node], script.digits)
    ]


def _source(node: Value) -> str:
    """The file and line that made a node, where `diagnose()` recorded it."""
    return visible(f"{Path(node.source[0]).name}:{node.source[1]}", 80) if node.source else ""
