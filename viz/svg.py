"""Finishing the renderer's SVG: a style sheet, tooltips, a description, and nothing that needs a network."""

import copy
import math
import operator
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from viz.palette import EMPHASIS, FAULT, picture_rules, shade_rules, theme_rules
from viz.picture import Box, Link, Picture
from viz.text import visible

RISE = 3.0  # from the middle of a label to its base line
FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", _SVG)


def finish_svg(rendered: bytes, picture: Picture) -> str:
    """The renderer's SVG with our style, without its document type, each element titled with what it is."""
    root = ET.fromstring(rendered)
    tooltips = {box.ident: box.tooltip for box in picture.boxes}
    tooltips |= {link.ident: "" if link.hidden else link.tooltip for link in picture.links}
    hidden = {link.ident for link in picture.links if link.hidden}
    _join_lanes(root)
    for edge in root.iter(f"{{{_SVG}}}g"):
        if "edge" in edge.get("class", "").split():
            _move_label(edge)
            _hide(edge.iter(f"{{{_SVG}}}text") if edge.get("id") in hidden else [])
    for element in root.iter(f"{{{_SVG}}}text"):
        element.set("font-family", FONTS)
    for element in root.iter(f"{{{_SVG}}}g"):
        _retitle(element, tooltips.get(element.get("id", ""), ""))
    shaded = any(box.shade is not None for box in picture.boxes)
    _describe(root, picture.description, shade_rules() if shaded else "")
    return ET.tostring(root, encoding="unicode")


def frames_of(svg: str, pictures: Iterable[Picture]) -> Iterator[str]:
    """The SVG of pictures with the boxes and links that `svg` shows undecorated: nothing is laid out anew."""
    root = ET.fromstring(svg)
    children = list(root.findall(f"{{{_SVG}}}g")[0])
    pieces = [_text_of(child) for child in children]
    head, tail = ET.tostring(root, encoding="unicode").split("".join(pieces))
    place = {child.get("id"): k for k, child in enumerate(children)}
    caption = [k for k, child in enumerate(children) if child.tag == f"{{{_SVG}}}text"]
    shown: dict[str, Box | Link] = {}
    for picture in pictures:
        for k, line in zip(caption, picture.caption.split("\n"), strict=True):
            children[k].text = visible(line, None)
            pieces[k] = _text_of(children[k])
        parts: list[Box | Link] = [*picture.boxes, *picture.links]
        for part in parts:
            if shown.get(part.ident) != part:
                shown[part.ident] = part
                k = place[part.ident]
                pieces[k] = _text_of(_dressed(children[k], part))
        yield "".join((head, *pieces, tail))


def _text_of(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode").replace(f' xmlns="{_SVG}"', "", 1)


def _dressed(element: ET.Element, part: Box | Link) -> ET.Element:
    """A box or a link as it is at a step, made of the plain one, as Graphviz would draw it."""
    element = copy.deepcopy(element)
    link = isinstance(part, Link)
    hidden = isinstance(part, Link) and part.hidden
    look = (FAULT if part.trouble and (link or not part.emphasis) else {}) | EMPHASIS.get(part.emphasis, {})
    trouble = "trouble" if part.trouble and not (link and part.emphasis) else ""
    element.set("class", " ".join(filter(None, (element.get("class"), trouble, part.emphasis))))
    for shape in element:
        if shape.tag in (f"{{{_SVG}}}text", f"{{{_SVG}}}title") or not look:
            continue
        arrowhead = link and shape.get("fill") == shape.get("stroke")
        if arrowhead:
            shape.set("fill", look["color"])
        shape.set("stroke", look["color"])
        shape.set("stroke-width", look["penwidth"])
        if "style" in look and not arrowhead:
            shape.set("stroke-dasharray", {"dashed": "5,2", "dotted": "1,5"}[look["style"]])
    texts = element.findall(f"{{{_SVG}}}text")
    if isinstance(part, Box):
        for text, line in zip(texts, part.texts(), strict=True):
            text.text = visible(line)
    else:
        _hide(texts if hidden else [])
    _retitle(element, "" if hidden else part.tooltip)
    return element


def _hide(labels: Iterable[ET.Element]) -> None:
    for label in labels:  # its font is transparent, but the style sheet has its own color
        label.set("fill", "transparent")
        label.set("visibility", "hidden")


def _join_lanes(root: ET.Element) -> None:
    """Make one path of an edge that was laid out in two pieces; see viz/arrangement.py."""
    path = f"{{{_SVG}}}path"
    for parent in list(root):
        edges = {element.get("id"): element for element in parent}
        for ident, edge in edges.items():
            lane = edges.get(f"{ident}-lane")
            first, second = (None if one is None else one.find(path) for one in (lane, edge))
            if lane is not None and first is not None and second is not None:
                second.set("d", f"{first.get('d')}L{second.get('d', 'M')[1:]}")
                parent.remove(lane)
        for ident, element in edges.items():
            if ident and ident.startswith("lane_"):
                parent.remove(element)


def _move_label(edge: ET.Element) -> None:
    """Put an edge's label on its line, where it is nearest: beside it, another edge may be nearer."""
    label, path = (edge.find(f".//{{{_SVG}}}{name}") for name in ("text", "path"))
    if label is None or path is None:
        return
    x, y = float(label.get("x", 0)), float(label.get("y", 0)) - RISE
    x, y = min(_points(path.get("d", "")), key=lambda point: math.dist(point, (x, y)), default=(x, y))
    label.set("x", f"{x:.2f}")
    label.set("y", f"{y + RISE:.2f}")


def _points(path: str) -> Iterator[tuple[float, float]]:
    """Points on a path of Bezier curves and straight lines, close to each other."""
    at = (0.0, 0.0)
    for letter, text in re.findall(r"([MCL])([^MCL]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
        corners = list(zip(numbers[::2], numbers[1::2], strict=True))
        for k in range(0, len(corners) - 2 if letter == "C" else 0, 3):
            a, b, end = corners[k : k + 3]
            for t in (j / 16 for j in range(1, 17)):
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                yield tuple(sum(map(operator.mul, weights, xs)) for xs in zip(at, a, b, end, strict=True))
            at = end
        at = corners[-1]
        yield at


def _retitle(element: ET.Element, tooltip: str) -> None:
    title = element.find(f"{{{_SVG}}}title")
    if title is not None:
        if tooltip:
            title.text = "\n".join(visible(line, 400) for line in tooltip.splitlines())
        else:
            element.remove(title)
    if element.get("class") == "graph":
        paper = element.find(f"{{{_SVG}}}polygon")
        if paper is not None:
            paper.set("class", "paper")


def _describe(root: ET.Element, description: str, rules: str) -> None:
    root.set("class", "autograd")
    root.set("role", "img")
    text = visible(description, 2000)
    root.set("aria-label", text)
    style = ET.Element(f"{{{_SVG}}}style")
    style.text = theme_rules() + picture_rules() + rules
    summary = ET.Element(f"{{{_SVG}}}desc")
    summary.text = text
    root.insert(0, summary)
    root.insert(1, style)
