"""A picture as DOT, built with the `graphviz` package."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import graphviz

from viz.arrangement import CHARACTER, Arrangement, arrange
from viz.palette import EMPHASIS, FAULT, KINDS, LIGHT, NAMES, SHADES
from viz.picture import LABELLED, Box, Link, Picture
from viz.text import dot_text

FONT = "Helvetica"  # one whose widths every renderer knows; the SVG names more (viz/svg.py)
_GRAPH = {
    "fontname": FONT, "fontsize": "11", "fontcolor": LIGHT["ink"], "bgcolor": LIGHT["paper"],
    "nodesep": "0.22", "ranksep": "0.42", "margin": "0.1", "labelloc": "b", "labeljust": "l",
}  # fmt: skip
_HURRY = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.3"}  # large layouts: up to five times faster
_NODE = {
    "fontname": FONT,
    "fontsize": "11",
    "fontcolor": LIGHT["ink"],
    "margin": "0.13,0.06",
    "height": "0.3",
}
_EDGE = {
    "fontname": FONT,
    "fontsize": "9",
    "fontcolor": LIGHT["soft"],
    "color": LIGHT["line"],
    "arrowsize": "0.6",
}
_ROW = {"style": "invis", "label": "", "margin": "4"}
_INVISIBLE = {"shape": "point", "width": "0.01", "height": "0.01", "style": "invis"}
_LANE = {  # as much of a line as there is between the two pieces of an edge
    "shape": "box", "width": "0.03", "height": "0.014", "margin": "0", "label": "", "fixedsize": "true",
    "style": "filled", "fillcolor": LIGHT["line"], "peripheries": "0",
}  # fmt: skip
_TO_LANE = {"arrowhead": "none", "headclip": "false"}
_MARK = {
    "class": "mark",
    "shape": "circle",
    "fontsize": "9",
    "margin": "0.02",
    "width": "0.2",
    "height": "0.2",
}


@dataclass
class _Scope:
    """A cluster: the boxes right in it and the clusters inside."""

    boxes: list[Box] = field(default_factory=list)
    inner: dict[str, "_Scope"] = field(default_factory=dict)

    def count(self) -> int:
        return len(self.boxes) + sum(scope.count() for scope in self.inner.values())


def to_dot(
    picture: Picture,
    direction: str = "LR",
    legend: bool = False,
    room: Mapping[str, int] | None = None,
) -> graphviz.Digraph:
    """The DOT of a picture, maybe with an example of each kind of node; for `room` see `arrange`."""
    graph = graphviz.Digraph(
        "graph", graph_attr={**_GRAPH, "rankdir": direction}, node_attr=_NODE, edge_attr=_EDGE
    )
    if len(picture.boxes) > LABELLED:
        graph.attr("graph", **_HURRY)
    graph.attr("graph", id="graph", label=graphviz.nohtml(_lines(picture.caption)))
    arrangement = arrange(picture, direction, room)
    heads = {box.ident: box for box in picture.boxes}
    lanes = [(link, heads[link.head].scope) for link in picture.links if link.ident in arrangement.lanes]
    for row in range(arrangement.rows):
        here = [box for box in picture.boxes if arrangement.row[box.ident] == row]
        here += [_lane(link, scope) for link, scope in lanes if arrangement.row[link.head] == row]
        if arrangement.rows == 1:
            _add_scopes(graph, _scopes(here, direction == "LR"), room or {})
        else:
            with graph.subgraph(name=f"cluster_row{row}", graph_attr=_ROW) as part:
                _add_scopes(part, _scopes(here, direction == "LR"), room or {}, str(row))
    _add_links(graph, picture.links, arrangement)
    _add_rows(graph, arrangement)
    if legend:
        _add_legend(graph, picture.boxes)
    return graph


def _scopes(boxes: list[Box], backwards: bool) -> _Scope:
    """The boxes in their scopes; with `backwards`, those of a scope last one first.

    From left to right, Graphviz draws what stands in a cluster from the bottom to the top.
    """
    top = _Scope()
    found = []
    for box in boxes:
        scope = top
        for level in filter(None, box.scope.split(".")):
            if level not in scope.inner:
                scope.inner[level] = _Scope()
                found.append(scope.inner[level])
            scope = scope.inner[level]
        scope.boxes.append(box)
    for scope in found if backwards else []:
        scope.boxes.reverse()
    return top


def _add_scopes(graph: graphviz.Digraph, top: _Scope, room: Mapping[str, int], row: str = "") -> None:
    """Add boxes and clusters; nesting is as deep as scopes nest, but no recursion all the same."""
    pending = [(graph, top, "", iter(top.inner.items()))]
    _add_boxes(graph, top, room)
    while pending:
        parent, _scope, path, rest = pending[-1]
        name, scope = next(rest, (None, None))
        if name is None or scope is None:
            pending.pop()
            if pending:
                pending[-1][0].subgraph(parent)
            continue
        inner = f"{path}.{name}" if path else name
        cluster = _cluster(inner, name, row) if scope.count() > 1 else graphviz.Digraph()
        _add_boxes(cluster, scope, room)
        pending.append((cluster, scope, inner, iter(scope.inner.items())))


def _cluster(path: str, name: str, row: str) -> graphviz.Digraph:
    safe = "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in path)
    safe = f"{safe}_{row}" if row else safe  # a scope may begin in one row and end in another
    cluster = graphviz.Digraph(f"cluster_{safe}")
    look = {
        "style": "rounded",
        "color": LIGHT["line"],
        "fontcolor": LIGHT["soft"],
        "fontsize": "10",
        "margin": "10",
        "bgcolor": "transparent",
    }
    label = {"label": graphviz.nohtml(dot_text(name)), "labelloc": "t", "labeljust": "l"}
    cluster.attr("graph", _attributes={"id": f"s_{safe}", "class": "scope", **label, **look})
    return cluster


def _add_boxes(graph: graphviz.Digraph, scope: _Scope, room: Mapping[str, int]) -> None:
    for box in scope.boxes:
        if box.kind == "lane":
            graph.node(box.ident, _attributes=_LANE | {"id": box.ident})
        else:
            _add_box(graph, box, room.get(box.ident, 0))


def _add_box(graph: graphviz.Digraph, box: Box, room: int) -> None:
    look = KINDS[box.kind]
    lines = box.texts()
    attributes = {
        "id": box.ident,
        "class": f"{box.kind}{' trouble' if box.trouble else ''}",
        "shape": look.shape,
    }
    if look.style:
        attributes |= {"style": look.style, "fillcolor": look.light[0], "color": look.light[1]}
    if box.shade is not None:
        attributes |= {"fillcolor": SHADES[box.shade][0], "class": f"{attributes['class']} shade{box.shade}"}
    if look.margin:
        attributes["margin"] = look.margin
    if look.turn:
        attributes["orientation"] = look.turn
    if look.outlines > 1:
        attributes["peripheries"] = str(look.outlines)
    if box.trouble:
        style = f"{look.style},dotted".strip(",").replace(",dashed", "")
        attributes |= FAULT | {"style": style}
    if box.kind == "reference":
        attributes |= {"fontcolor": look.light[1], "fontsize": "9", "margin": "0.02"}
    if room:
        share = 1.5 if look.turn else 1.0  # of a shape with a tip, the text takes two thirds
        attributes["width"] = f"{room * CHARACTER * share + 0.2:.2f}"
    if box.emphasis:
        part = EMPHASIS[box.emphasis]
        attributes |= part | {"style": ",".join(filter(None, (look.style, part.get("style"))))}
        attributes["class"] += f" {box.emphasis}"
    graph.node(box.ident, graphviz.nohtml("\\n".join(map(dot_text, lines))), _attributes=attributes)


def _lane(link: Link, scope: str) -> Box:
    """Where a link enters the scope of its head."""
    return Box(f"lane_{link.ident}", "lane", "", [], scope, [])


def _add_links(graph: graphviz.Digraph, links: list[Link], arrangement: Arrangement) -> None:
    """Add the edges; one that goes on in another row ends at a number and begins there anew."""
    numbers: dict[str, int] = {}
    for link in links:
        label = graphviz.nohtml(dot_text(link.text)) if link.text else None
        attributes = _link_attributes(link)
        tail, row = link.tail, arrangement.row[link.head]
        if arrangement.row[tail] != row:
            tail = _add_number(graph, arrangement, link.tail, numbers, row)
        elif link.ident in arrangement.lanes:
            tail = f"lane_{link.ident}"
            graph.edge(link.tail, tail, _attributes=attributes | _TO_LANE | {"id": f"{link.ident}-lane"})
            attributes |= {"tailclip": "false"}
        graph.edge(tail, link.head, label, _attributes=attributes)


def _link_attributes(link: Link) -> dict[str, str]:
    attributes = {"id": link.ident}
    if link.constant:
        attributes |= {"class": "constant-edge", "style": "dashed"}
    if link.trouble:
        attributes |= FAULT | {"class": "trouble"}
    if link.emphasis:
        attributes |= EMPHASIS[link.emphasis] | {"class": link.emphasis}
    if link.hidden:
        attributes["fontcolor"] = "transparent"
    return attributes


def _add_to_row(
    graph: graphviz.Digraph, arrangement: Arrangement, row: int, name: str, look: dict[str, str]
) -> None:
    """Add a node of the arrangement's own."""
    if arrangement.rows == 1:
        graph.node(name, _attributes=look)
        return
    with graph.subgraph(name=f"cluster_row{row}") as part:
        part.node(name, _attributes=look)


def _add_number(
    graph: graphviz.Digraph, arrangement: Arrangement, box: str, numbers: dict[str, int], there: int
) -> str:
    """Number a box, at the end of its own row and where another row goes on from it; the mark's name."""
    new = box not in numbers
    number = numbers.setdefault(box, len(numbers) + 1)
    names = f"mark{number}", f"mark{number}_{there}"
    for name, row in zip(names, (arrangement.row[box], there), strict=True):
        if name == names[1] or new:
            _add_to_row(graph, arrangement, row, name, _MARK | {"id": name, "label": str(number)})
    if new:
        graph.edge(box, names[0], _attributes={"arrowhead": "none", "id": f"to_{names[0]}"})
    return names[1]


def _add_rows(graph: graphviz.Digraph, arrangement: Arrangement) -> None:
    """Invisible nodes that keep rows in their order."""
    if arrangement.rows > 1:
        graph.node("rows", _attributes=_INVISIBLE | {"ordering": "out"})
        for row in range(arrangement.rows):
            _add_to_row(graph, arrangement, row, f"row{row}", _INVISIBLE)
            graph.edge("rows", f"row{row}", style="invis")


def _lines(text: str) -> str:
    """Text whose newlines are kept, each line at the left."""
    return "".join(f"{dot_text(line, None)}\\l" for line in text.split("\n")) if text else ""


def _add_legend(graph: graphviz.Digraph, boxes: list[Box]) -> None:
    with graph.subgraph(name="cluster_legend") as cluster:
        cluster.attr("graph", id="legend", label="legend", style="dotted", color=LIGHT["line"], labelloc="t")
        for kind in dict.fromkeys(box.kind for box in boxes):
            _add_box(cluster, Box(f"legend_{kind}", kind, NAMES.get(kind, kind), [], "", []), 0)
