"""Labels and numbers as text that is safe wherever it lands: DOT, SVG, HTML, Mermaid, JSON inside a script.

A label is data, whatever it contains. `visible` makes it one line of printable text; the other functions
quote that text for one language each.
"""

import html
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Context
from typing import Any

DASH = "–"  # shown where there is no number yet
MINUS = "−"  # on edges, where a hyphen is taken for a piece of the line
LABEL_LIMIT = 32
WHOLE = 1e9  # whole numbers below this are written in full
WRITTEN = 12  # digits, at most, of a constant that somebody wrote down: 1 / 3 has more
MOST_DIGITS = 17  # tell every double from every other
_MERMAID_SYNTAX = re.compile(r"\$(?=\$)|\bfa[a-z]?:(?=fa-)")  # formulas and icons, which entities do not hide
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
    shown = _MERMAID_SYNTAX.sub(lambda found: f"{found[0]}\u2060", visible(text, limit))
    return "".join(c if c.isalnum() or c in " .,:=+-–…()×" else f"#{ord(c)};" for c in shown)


def script_json(payload: Any) -> str:
    """JSON that can stand inside `<script>`: nothing in it can close the element or open a comment."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits, more where its whole part needs them; a dash for None.

    A whole number below a billion is written in full, and a larger number never loses its whole part to an
    exponent below that size. viz/static/numbers.js says the same in the page; a test compares the two.

    >>> number(12345.0), number(9999.5), number(1 / 3), number(1e-7)
    ('12345', '9999.5', '0.3333', '1e-07')
    """
    if value is None:
        return DASH
    if not math.isfinite(value):
        return "NaN" if value != value else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size < WHOLE and value == int(value):
        return f"{value:.0f}"
    precision = max(digits, len(str(int(size))) + 1) if 1 <= size < WHOLE else digits
    sign, figures, _ = (
        found := Context(precision, ROUND_HALF_UP).create_decimal_from_float(value)
    ).as_tuple()
    return _laid_out("-" * sign, "".join(map(str, figures)).rstrip("0"), found.adjusted(), precision)


def exact_digits(value: float, digits: int = 4) -> int:
    """How many digits tell a number from every other; at least `digits`."""
    while digits < MOST_DIGITS and float(number(value, digits)) != value:
        digits += 1
    return digits


def exact(value: float, digits: int = 4) -> str:
    """A number with at least `digits` digits, and as many as tell it from every other."""
    return number(value, exact_digits(value, digits))


def _laid_out(sign: str, figures: str, exponent: int, precision: int) -> str:
    """Digits and their exponent as a number is written, as `%g` does."""
    if not -4 <= exponent < precision:
        point = "." if len(figures) > 1 else ""
        return f"{sign}{figures[0]}{point}{figures[1:]}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{figures}"
    whole, rest = figures[: exponent + 1].ljust(exponent + 1, "0"), figures[exponent + 1 :]
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"


def constant_digits(value: float, digits: int = 4) -> int:
    """How many digits a constant is shown with: all that its author wrote, or `digits` where they are many.

    >>> constant_digits(2.00001), constant_digits(1 / 3)
    (12, 4)
    """
    return WRITTEN if float(number(value, WRITTEN)) == value else digits


def digits_needed(
    function: Callable[..., float], operands: Sequence[float], result: float, digits: int = 4
) -> int:
    """How many digits the operands must show so that the arithmetic reads true.

    The operands as they are shown, put into `function`, give the result as it is shown: `100001.4 -
    100000.2 = 1.2` needs seven digits.
    """
    wanted = number(result, digits)
    for precision in range(digits, MOST_DIGITS):
        try:
            found = function(*(float(number(operand, precision)) for operand in operands))
        except (ArithmeticError, ValueError):
            continue
        if number(found, digits) == wanted:
            return precision
    return MOST_DIGITS


def names_of(name: str, value: Any) -> tuple[str, ...]:
    """One name or several, as a tuple.

    Raises:
        TypeError: it is something else.
    """
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(one, str) for one in found):
        raise TypeError(f"{name} is a name or several, not {value!r}")
    return found
