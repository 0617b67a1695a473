"""Finishing the renderer's SVG: a style sheet, tooltips, a description, and nothing that needs a network."""

import xml.etree.ElementTree as ET

from viz.palette import picture_rules, theme_rules
from viz.picture import Picture
from viz.text import visible

FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", _SVG)


def finish_svg(rendered: bytes, picture: Picture) -> str:
    """The renderer's SVG with our style, without its document type, each element titled with what it is.

    Args:
        rendered: What the renderer wrote.
        picture: What it was asked to draw.
    """
    root = ET.fromstring(rendered)
    tooltips = {box.ident: box.tooltip for box in picture.boxes}
    tooltips |= {link.ident: link.tooltip for link in picture.links}
    for element in root.iter(f"{{{_SVG}}}text"):
        element.set("font-family", FONTS)
    for element in root.iter(f"{{{_SVG}}}g"):
        _retitle(element, tooltips.get(element.get("id", ""), ""))
    _describe(root, picture.description)
    return ET.tostring(root, encoding="unicode")


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


def _describe(root: ET.Element, description: str) -> None:
    root.set("class", "autograd")
    root.set("role", "img")
    text = visible(description, 2000)
    root.set("aria-label", text)
    style = ET.Element(f"{{{_SVG}}}style")
    style.text = theme_rules() + picture_rules()
    summary = ET.Element(f"{{{_SVG}}}desc")
    summary.text = text
    root.insert(0, summary)
    root.insert(1, style)
