"""The player as HTML: a fragment for a notebook's output, a page for a file of its own.

The script is a set of ES modules (viz/static), which read on their own; a page gets them as one, in the order
of their imports, with the calculus of the operations that its graph uses.
"""

import hashlib
import json
import re
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
PAGE = (".html", ".htm")  # suffixes of a page
_STATIC = Path(__file__).parent / "static"
RARE = frozenset({"stale", "stale_partial", "stale_partials", "seed_other"})
_CALCULUS = ("foldsOf", "isLive", "partialsOf", "valueOf")  # what the other modules call of it
_SHORT = {
    "OPERATIONS": "OPS",
    "value": "v_",
    "partials": "p_",
    "partial": "d_",
    "finish": "f_",
    "exponentials": "e_",
    "shown": "h_",
}
_SHORT |= {"total": "t_", "biased": "b_", "index": "i_", "reduction": "r"}  # the calculus's own names
_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w-]+)\.js";\n', re.M)


@cache
def player_script(operations: frozenset[str] | None = None, entry: str = "player", rare: bool = True) -> str:
    """The player's modules as one ES module, with the calculus of these operations; by default all.

    Args:
        operations: Their names.
        entry: `player`, `regrouping` for a picture with groups, `widget` or `playground`.
        rare: Whether sentences are needed for a stale graph, and for a gradient that is not 1.
    """
    return "\n".join(_small(name, text) for name, text in modules(operations, entry, rare).items())


def _small(name: str, text: str) -> str:
    """A module as a page gets it: what terser made of it, if that is of these very sources."""
    if name == "calculus":
        return _without_unused(text)
    small = _minified()  # "" where other modules have taken all of one into them
    return small[name] if name in small else _plain(text)


def _plain(text: str) -> str:
    return re.sub(r"^ *(//.*\n)?", "", text, flags=re.M)


@cache
def _minified() -> dict[str, str]:
    """Each module made small, as viz/minify.mjs wrote them; none if a source has changed since."""
    made: dict[str, Any] = json.loads((_STATIC / "minified.json").read_text(encoding="utf-8"))
    return made["modules"] if made["sha256"] == _sources_hash() else {}


def _sources_hash() -> str:
    texts = [path.read_bytes() for path in sorted(_STATIC.glob("*.js"), key=lambda path: path.stem)]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _without_unused(text: str) -> str:
    """The calculus with only the helpers that its operations call, and no spaces that nothing needs."""
    parts = re.split(r"^(?=(?:const|function) )", text, flags=re.M)
    named = {found[1]: part for part in parts if (found := re.match(r"(?:const|function) (\w+)", part))}
    kept, waiting = set[str](), list(_CALCULUS)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += [word for word in re.findall(r"\b\w+\b", named[name]) if word in named]
    code = _plain("".join(part for name, part in named.items() if name in kept))
    code = re.sub(r"\b[A-Za-z]+\b", lambda word: _SHORT.get(word[0], word[0]), code)
    sign = r"[,;:=?<>*/(){}\[\]&|]"
    code = re.sub(rf"(?<={sign})\s+| +(?={sign})|(?<![\w.])0(?=\.\d)", "", code)
    code = re.sub(r"\bconst\b", "let", _unbracketed(code))
    return re.sub(r"\((\w+)\)=>", r"\1=>", re.sub(r" ([+-]) (?![+-])", r"\1", code))


def _unbracketed(code: str) -> str:
    """Code without the brackets around a whole argument, result or branch."""
    opened: list[int] = []
    idle: set[int] = set()
    for end, letter in enumerate(code):
        if letter == "(":
            opened.append(end)
        elif letter == ")":
            start = opened.pop()
            begins = code[start - 1] in "[(,?:" or code[start - 2 : start] == "=>"
            ends = code[end + 1] in ",)]}:" or (code[end + 1] == "?" and "?" not in code[start:end])
            idle |= {start, end} if begins and ends else set()
    return "".join(letter for k, letter in enumerate(code) if k not in idle)


def modules(
    operations: frozenset[str] | None = None, entry: str = "player", rare: bool = True
) -> dict[str, str]:
    """The text of each module that `entry` needs, imports first, with imports and exports taken out."""
    found: dict[str, str] = {}
    pending = [(entry, False)]
    while pending:
        name, ready = pending.pop()
        if name in found:
            continue
        text = module_source(name, operations, rare)
        if ready:
            found[name] = re.sub(r"^export (?!default)", "", _IMPORT.sub("", text), flags=re.M)
            continue
        pending += [(name, True), *((needed, False) for needed in reversed(_IMPORT.findall(text)))]
    return found


def module_source(name: str, operations: frozenset[str] | None = None, rare: bool = True) -> str:
    """One module as it stands in viz/static, or as it is made: the calculus and the sentences."""
    if name == "calculus":
        return module_text(operations)
    if name == "sentences":
        sentences = json.dumps(_sentences(operations, rare), ensure_ascii=False, separators=(",", ":"))
        return f"export const SENTENCES = {sentences};\n"
    return (_STATIC / f"{name}.js").read_text(encoding="utf-8")


def _sentences(operations: frozenset[str] | None, rare: bool) -> dict[str, Any]:
    """What a page can say: no word for an operation that it has not, nor what is rarely said."""
    found: dict[str, Any] = {}
    for name, part in SENTENCES.items():
        if name in ("infix", "signs", "words") and operations is not None:
            found[name] = {op: sign for op, sign in part.items() if op in operations}
        elif rare or name not in RARE:
            found[name] = part
    return found


@cache
def player_css(name: str = "player") -> str:
    """The style sheet of the player, with the variables of both themes; or that of another part alone."""
    text = (_STATIC / f"{name}.css").read_text(encoding="utf-8")
    if name == "player":
        text = host_theme_rules() + picture_rules().replace("svg.autograd ", "") + text
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\s*([{};,>])\s*", r"\1", text).replace(": ", ":").replace(";}", "}").replace(" )", ")")
    text = re.sub(r'="(\w+)"', r"=\1", text)
    text = re.sub(r"#(\w)\1(\w)\2(\w)\3\b", r"#\1\2\3", text)
    return re.sub(r"--([a-z])[a-z]*([a-z])\b", r"--\1\2", text).strip()  # --accent is --at, at both its ends


def output(
    svg: str, payload: dict[str, Any], description: str, operations: frozenset[str], groups: bool
) -> str:
    """A host element with the static picture, and the script that replaces it.

    A sanitiser that drops the script leaves the picture. The player takes its picture from the image, so it
    is there once only.
    """
    script = player_script(operations, "regrouping" if groups else "player", is_rare(payload))
    # The script finds its own picture by it.
    key = hashlib.sha256(script_json(payload).encode()).hexdigest()[:12]
    payload = payload | {"key": key}
    return (
        f'<div class="{HOST}" data-key="{key}">{svg_image(svg, description)}</div>\n'
        f'<script type="module">\n{script}\n'
        f'mountNext("{HOST}", {script_json(payload)});\n</script>'
    )


def is_rare(payload: dict[str, Any]) -> bool:
    """Whether a graph needs sentences that most do not."""
    graph = payload["columns"]
    return bool(graph["stale"]) or any(seed != 1.0 for seed in graph["seeds"])


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
