"""Colors and shapes of the picture, in one table.

Hues are Okabe and Ito's, which stay apart for color-blind readers; every kind of node also has its own shape
or outline, so nothing is told by color alone. DOT gets the light colors as plain attributes; the style
sheet inside an SVG replaces them through variables, so a browser follows a dark theme and every other viewer
still shows the picture.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How one kind of node looks: DOT shape and style, then (fill, outline) in light and dark."""

    shape: str
    style: str
    light: tuple[str, str]
    dark: tuple[str, str]
    outlines: int = 1
    margin: str = ""  # inches, where the shape takes room from its text
    turn: str = ""  # degrees


KINDS = {
    "operation": Look("box", "rounded,filled", ("#ffffff", "#57606a"), ("#22272e", "#9aa4af")),
    "input": Look(
        "house", "filled", ("#dff0fb", "#0072b2"), ("#0b3550", "#56b4e9"), margin="0.04,0", turn="270"
    ),
    "parameter": Look("tab", "filled", ("#fdecd2", "#b35c00"), ("#4a2e05", "#e69f00")),
    "constant": Look("box", "filled,dashed", ("#f1f2f3", "#6e7781"), ("#2d333b", "#9aa4af")),
    "output": Look("box", "rounded,filled", ("#dcf3ea", "#00735c"), ("#06392d", "#2fc79b"), outlines=2),
    "group": Look("box3d", "filled", ("#f6ebf3", "#8e4a79"), ("#3b2136", "#cc79a7"), margin="0.16,0.1"),
    "reference": Look("plain", "", ("none", "#b35c00"), ("none", "#e69f00")),
}
NAMES = {"group": "several nodes in one box", "reference": "a shared parameter, drawn aside"}
TROUBLE = "#b0006a"  # faults are also dotted and begin with "!"
SHADES = tuple(  # fills for a measure, pale to dark: in light and in dark, with enough contrast to the ink
    (
        f"#{255 - k:02x}{255 - 14 * k:02x}{255 - 27 * k:02x}",
        f"#{34 + 13 * k:02x}{39 + 5 * k:02x}{46 - 4 * k:02x}",
    )
    for k in range(8)
)
EMPHASIS = {  # what takes part in a step, as DOT attributes; player.css says the same for the browser
    "argument": {"color": "#0072b2", "penwidth": "2.5", "style": "dashed"},
    "into": {"color": "#0072b2", "penwidth": "2.5"},
    "result": {"color": "#0072b2", "penwidth": "4"},
    "from": {"color": "#d55e00", "penwidth": "2.5", "style": "dashed"},
    "along": {"color": "#d55e00", "penwidth": "4"},
    "to": {"color": "#d55e00", "penwidth": "4"},
}

FAULT = {"color": TROUBLE, "penwidth": "3", "style": "dotted"}

LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "soft": "#57606a", "line": "#8c959f", "button": "#f6f8fa",
    "accent": "#0072b2", "warm": "#d55e00", "path": "#6a3fb5", "focus": "#0072b2", "trouble": TROUBLE,
}  # fmt: skip
DARK = {
    "paper": "#1c2128", "ink": "#e6edf3", "soft": "#adbac7", "line": "#6e7781", "button": "#2d333b",
    "accent": "#56b4e9", "warm": "#ff8c42", "path": "#c3a6ff", "focus": "#f0e442", "trouble": "#ff6fae",
}  # fmt: skip


def _variables(theme: str) -> str:
    colors = LIGHT if theme == "light" else DARK
    return "".join(f"--{name}:{color};" for name, color in colors.items())


def _kind_colors(theme: str) -> str:
    looks = {kind: getattr(look, theme) for kind, look in KINDS.items()}
    return "".join(f".{kind}{{--fill:{fill};--edge:{edge}}}" for kind, (fill, edge) in looks.items())


def theme_rules() -> str:
    """The variables of both themes, following the system's wish."""
    light, dark = (f"svg.autograd{{{_variables(theme)}}}{_kind_colors(theme)}" for theme in ("light", "dark"))
    return f"{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n"


def host_theme_rules() -> str:
    """The variables inside the player, where the notebook's theme wins over the system's."""
    colors = "".join(f"--{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    kinds = "".join(
        f".{kind}{{--fill:light-dark({look.light[0]},{look.dark[0]});"
        f"--edge:light-dark({look.light[1]},{look.dark[1]})}}"
        for kind, look in KINDS.items()
    ).replace("light-dark(none,none)", "none")
    named = "".join(f":host([data-theme={name}]){{color-scheme:{name}}}" for name in ("light", "dark"))
    return f":host{{color-scheme:light dark;{colors}}}{named}{kinds}\n"


def picture_rules() -> str:
    """The rules that color an SVG by its classes, weak enough for the player's to win."""
    rules = [
        _rule(".paper", "", "fill:var(--paper)"),
        _rule("text", "", "fill:var(--ink)"),
        _rule(":is(.edge,.cluster)", "text", "fill:var(--soft)"),
        _rule(".edge", "text", "paint-order:stroke;stroke:var(--paper);stroke-width:5px"),
        _rule(":is(.node,.edge,.cluster,.mark)", ":is(polygon,path,polyline,ellipse)", "stroke:var(--edge)"),
        _rule(".node", ':is(polygon,path):not([fill="none"])', "fill:var(--fill)"),
        _rule(".edge", "polygon", "fill:var(--edge)"),
        _rule(".mark", "ellipse", "fill:none"),
        "svg.autograd :is(.edge,.cluster,.mark){--edge:var(--line)}",
        "svg.autograd .trouble{--edge:var(--trouble)}",
    ]
    for color in ("accent", "warm"):  # last, so that a frame's highlight wins over the kinds' colors
        names = ",".join(f".{role}" for role, look in EMPHASIS.items() if look["color"] == LIGHT[color])
        rules.append(f"svg.autograd :is({names}){{--edge:var(--{color})}}")
    return "\n".join(rules)


def shade_rules() -> str:
    """The colors of a measure, for an SVG that has them."""
    shape = ':is(polygon,path,ellipse):not([fill="none"])'
    light, dark = (
        "\n".join(f"svg.autograd .shade{k} {shape}{{fill:{pair[theme]}}}" for k, pair in enumerate(SHADES))
        for theme in (0, 1)
    )
    return f"\n{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n"


def _rule(group: str, shape: str, declarations: str) -> str:
    return f":where(svg.autograd {group} {shape}){{{declarations}}}"
