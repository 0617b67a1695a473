"""Labels and numbers as text that is safe wherever it lands: DOT, SVG, HTML, Mermaid, JSON inside a script.

A label is data, whatever it contains. `visible` makes it one line of printable text; the other functions
quote that text for one language each.
"""

import html
import json
import unicodedata
from typing import Any

DASH = "–"  # shown where there is no number yet
LABEL_LIMIT = 32
TOOLTIP_LIMIT = 400
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str, limit: int | None = LABEL_LIMIT) -> str:
    """The text on one line, with control characters made visible and the middle cut out beyond `limit`.

    >>> visible("two\\nlines")
    'two↵lines'
    """
    if limit is not None and len(text) > limit:
        head = limit * 2 // 3
        text = f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character == "\n":
        return "↵"
    category = unicodedata.category(character)
    if category == "Cc":
        return chr(0x2400 + ord(character)) if ord(character) < 32 else "\ufffd"
    unusable = category == "Cs" or character in _REORDERING or ord(character) & 0xFFFE == 0xFFFE
    if unusable or category in ("Zl", "Zp"):
        return "\ufffd"
    return character


def dot_text(text: str, limit: int | None = LABEL_LIMIT) -> str:
    """Text for a quoted DOT label: backslashes and entities lose their meaning; quotes are the builder's."""
    return visible(text, limit).replace("\\", "\\\\").replace("&", "&amp;")


def html_text(text: str, limit: int | None = None) -> str:
    """Text for HTML or SVG, in content and in quoted attributes."""
    return html.escape(visible(text, limit), quote=True)


def mermaid_text(text: str, limit: int | None = LABEL_LIMIT) -> str:
    """Text for a quoted Mermaid label, where every character with a meaning becomes a numeric entity."""
    return "".join(c if c.isalnum() or c in " .,:=+-–…()×" else f"#{ord(c)};" for c in visible(text, limit))


def script_json(payload: Any) -> str:
    """JSON that can stand inside `<script>`: nothing in it can close the element or open a comment."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits; an en dash where there is none."""
    if value is None:
        return DASH
    return format(value, f".{digits}g").replace("nan", "NaN")
