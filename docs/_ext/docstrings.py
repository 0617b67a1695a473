"""Docstrings are written for readers of code; this makes them good reStructuredText.

An indented block under a paragraph is a formula or a diagram and is shown as it stands. A bar is a
bar: |x| is an absolute value and no substitution. A colon in a property's sentence is no type before it.
The fields of a named tuple are described once, in its docstring.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from sphinx.pycode import ModuleAnalyzer

_LITERAL = re.compile(r"(``.*?``)")


def improve(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place."""
    lines[:] = _diagrams(lines)
    result: list[str] = []
    literal = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if line.strip() and not indented:
            literal = line.rstrip().endswith("::")
        if indented and not literal and _begins_block(lines, number):
            result += ["::", ""]
            literal = True
        result.append(line if literal and indented else _bars(line))
    # napoleon takes what stands before a colon in a property's first line for its type: begin with a comment
    lines[:] = ["..", "", *result] if what in ("property", "attribute") else result


def _diagrams(lines: list[str]) -> list[str]:
    """Indent paragraphs that are drawn with lines, as trees are."""
    result: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        rows = paragraph.split("\n")
        drawn = "──" in paragraph and not rows[0].startswith(" ")
        result += [*([f"    {row}" for row in rows] if drawn else rows), ""]
    return result


def _begins_block(lines: list[str], number: int) -> bool:
    """Whether an indented line stands under a blank one that ends a paragraph of the text."""
    if number < 2 or lines[number - 1].strip() or lines[number].lstrip().startswith((">>>", "- ", "* ")):
        return False
    before = next((line for line in reversed(lines[: number - 1]) if line.strip()), " ")
    return not before.startswith(" ")


def _bars(line: str) -> str:
    parts = _LITERAL.split(line)
    return "".join(part if part.startswith("``") else part.replace("|", "\\|") for part in parts)


def skip_field(app: Any, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out a field of a named tuple, which the docstring of the class describes."""
    return True if str(getattr(thing, "__doc__", "")).startswith("Alias for field number") else None


def find_source(app: Any, name: str) -> tuple[str, dict[str, tuple[str, int, int]]] | None:
    """The text of a compiled module, which has no source for Python to find."""
    spec = importlib.util.find_spec(name)
    source = Path(str(spec.origin)).parent / f"{name.rpartition('.')[2]}.py" if spec else Path()
    if not source.is_file() or str(spec and spec.origin).endswith(".py"):
        return None
    analyzer = ModuleAnalyzer.for_file(source, name)
    return source.read_text(encoding="utf-8"), analyzer.find_tags()


def setup(app: Any) -> dict[str, Any]:
    """Run before napoleon, which turns sections into fields."""
    app.connect("autodoc-process-docstring", improve, priority=400)
    app.connect("autodoc-skip-member", skip_field)
    app.connect("viewcode-find-source", find_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
