"""The player as HTML: a fragment for a notebook's output, a page for a file of its own.

The script is a set of ES modules (viz/static), which read on their own; a page gets them as one, in the order
of their imports, with the calculus of the operations that its graph uses.
"""

import hashlib
import json
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from autograd_core.calculus.javascript import module_text
from viz.drawing import svg_image
from viz.narration import SENTENCES
from viz.palette import host_theme_rules, picture_rules
from viz.text import html_text, script_json

HOST = "autograd-player"
_PAGE_STYLE = (
    f"body{{margin:12px}}h1{{font:600 18px/1.3 system-ui,'Liberation Sans',sans-serif;margin:2px 4px 10px;"
    f"overflow-wrap:anywhere}}.{HOST} img{{max-width:100%}}"
)
_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w-]+)\.js";\n', re.M)


def player_script(operations: Collection[str] | None = None, entry: str = "player") -> str:
    """The player's modules as one ES module.

    Args:
        operations: The operations that the page must compute; by default all.
        entry: The module to begin with: `player`, `regrouping` for a picture with groups, `widget` or
            `playground`.
    """
    return _script(None if operations is None else frozenset(operations), entry)


@cache
def _script(operations: frozenset[str] | None, entry: str) -> str:
    return "\n".join(_small(name, text) for name, text in modules(operations, entry).items())


def _small(name: str, text: str) -> str:
    """A module as a page gets it: what terser made of it, if that is of this very source."""
    small = _minified().get(name)
    path = _STATIC / f"{name}.js"
    if small and small["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest():
        return small["code"]
    return re.sub(r"^ *(//.*\n)?", "", text, flags=re.M)


@cache
def _minified() -> dict[str, dict[str, str]]:
    """Each module's source hash and its code made small, as viz/minify.mjs wrote them."""
    found: dict[str, dict[str, str]] = json.loads((_STATIC / "minified.json").read_text(encoding="utf-8"))
    return found


def modules(operations: Collection[str] | None = None, entry: str = "player") -> dict[str, str]:
    """The text of each module that `entry` needs, imports first, with imports and exports taken out."""
    found: dict[str, str] = {}
    pending = [(entry, False)]
    while pending:
        name, ready = pending.pop()
        if name in found:
            continue
        text = module_source(name, operations)
        if ready:
            found[name] = re.sub(r"^export (?!default)", "", _IMPORT.sub("", text), flags=re.M)
            continue
        pending += [(name, True), *((needed, False) for needed in reversed(_IMPORT.findall(text)))]
    return found


def module_source(name: str, operations: Collection[str] | None = None) -> str:
    """One module as it stands in viz/static, or as it is made: the calculus and the sentences."""
    if name == "calculus":
        return module_text(None if operations is None else frozenset(operations))
    if name == "sentences":
        return (
            f"export const SENTENCES = {json.dumps(SENTENCES, ensure_ascii=False, separators=(',', ':'))};\n"
        )
    return (_STATIC / f"{name}.js").read_text(encoding="utf-8")


@cache
def player_css() -> str:
    """The player's style sheet, with the variables of both themes."""
    text = re.sub(r"/\*.*?\*/", "", (_STATIC / "player.css").read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"\s*([{};,])\s*", r"\1", text).replace(": ", ":").replace(";}", "}").strip()
    return host_theme_rules() + picture_rules().replace("svg.autograd ", "") + text


def output(
    svg: str, payload: dict[str, Any], description: str, operations: Collection[str], groups: bool
) -> str:
    """A host element with the static picture, and the script that replaces it.

    A sanitiser that drops the script leaves the picture. The player takes its picture from the image, so it
    is there once only.
    """
    return (
        f'<div class="{HOST}">{svg_image(svg, description)}</div>\n'
        f'<script type="module">\n{player_script(operations, "regrouping" if groups else "player")}\n'
        f'mountNext("{HOST}", {script_json(payload)});\n</script>'
    )


def page(fragment: str, title: str) -> str:
    """A whole document, which may load nothing from anywhere."""
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html_text(title, 200)}</title>\n"
        f"<style>{_PAGE_STYLE}</style>\n"
        f"</head>\n<body>\n<main data-autograd-page>\n<h1>{html_text(title, 200)}</h1>\n{fragment}\n"
        "</main>\n</body>\n</html>\n"
    )
