"""A picture as Mermaid text, which Markdown viewers draw."""

from viz.palette import KINDS
from viz.picture import Box, Picture
from viz.text import mermaid_text

_SHAPES = {
    "operation": ('("', '")'),
    "input": ('>"', '"]'),
    "parameter": ('{{"', '"}}'),
    "constant": ('["', '"]'),
    "output": ('[["', '"]]'),
    "group": ('[("', '")]'),
    "reference": ('(["', '"])'),
}


def to_mermaid(picture: Picture, direction: str = "LR") -> str:
    """The picture as a Mermaid flowchart.

    Args:
        picture: What to draw.
        direction: `"LR"` or `"TB"`.
    """
    lines = [f"flowchart {direction}"]
    scopes: dict[str, list[Box]] = {}
    for box in picture.boxes:
        scopes.setdefault(box.scope, []).append(box)
    for number, (scope, boxes) in enumerate(scopes.items()):
        inside = [f"    {_node(box)}" for box in boxes]
        lines += [f'  subgraph s{number}["{mermaid_text(scope)}"]', *inside, "  end"] if scope else inside
    for link in picture.links:
        arrow = "-.->" if link.constant else "-->"
        text = f'|"{mermaid_text(link.text)}"|' if link.text else ""
        lines.append(f"  {link.tail} {arrow}{text} {link.head}")
    for kind in sorted({box.kind for box in picture.boxes}):
        fill, line = KINDS[kind].light
        dashes = ",stroke-dasharray:5 3" if kind == "constant" else ""
        lines.append(f"  classDef {kind} fill:{fill},stroke:{line},color:#1f2328{dashes}")
    return "\n".join(lines) + "\n"


def _node(box: Box) -> str:
    left, right = _SHAPES[box.kind]
    text = "<br/>".join(map(mermaid_text, [box.title, *(f"! {note}" for note in box.notes), *box.lines]))
    return f"{box.ident}{left}{text}{right}:::{box.kind}"
