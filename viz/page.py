"""The player as HTML: a fragment for a notebook's output, a page for a file of its own."""

from functools import cache
from pathlib import Path
from typing import Any

from viz.drawing import svg_image
from viz.palette import host_theme_rules
from viz.text import html_text, script_json

HOST = "autograd-player"
_PAGE_STYLE = (
    f"body{{margin:12px}}h1{{font:600 18px/1.3 system-ui,'Liberation Sans',sans-serif;margin:2px 4px 10px;"
    f"overflow-wrap:anywhere}}.{HOST} img{{max-width:100%}}"
)
_STATIC = Path(__file__).parent / "static"


@cache
def player_script() -> str:
    """The player's ES module."""
    return (_STATIC / "player.js").read_text(encoding="utf-8")


@cache
def player_css() -> str:
    """The player's style sheet, with the variables of both themes."""
    return host_theme_rules() + (_STATIC / "player.css").read_text(encoding="utf-8")


def output(svg: str, payload: dict[str, Any], description: str) -> str:
    """A host element with the static picture, and the script that replaces it.

    A sanitiser that drops the script leaves the picture. The player takes its picture from the image, so it
    is there once only.
    """
    return (
        f'<div class="{HOST}">{svg_image(svg, description)}</div>\n'
        f'<script type="module">\n{player_script()}\nmountNext("{HOST}", {script_json(payload)});\n</script>'
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
        f"</head>\n<body>\n<main>\n<h1>{html_text(title, 200)}</h1>\n{fragment}\n</main>\n</body>\n</html>\n"
    )
