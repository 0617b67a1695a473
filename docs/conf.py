"""Settings of the documentation site: `make docs` builds it, and every warning is an error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import autograd_core as ag
import nbformat
from docutils import nodes
from sphinxcontrib import katex

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import browser  # noqa: E402
import pictures  # noqa: E402

project = "autograd-core"
author = "the contributors to autograd-core"
project_copyright = author
version = release = ag.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinxcontrib.katex",
    "docstrings",
]
exclude_patterns = ["_build", "_ext", "_generated", "node_modules"]
default_role = "code"

# The lectures carry their outputs; `make notebooks` runs them, the site only shows them.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "furo"
html_title = "autograd-core"
html_static_path = ["_static", "_generated"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False}  # the arrow keys belong to the player
pygments_style = "friendly"
pygments_dark_style = "monokai"

# Formulas are HTML when the page is built: no script in the page, and a formula with a mistake is an error.
katex_prerender = True
katex_css_path = "katex/katex.min.css"
katex.KATEX_DEFAULT_OPTIONS = {"throwOnError": True, "strict": "ignore"}
katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # seconds; a busy machine is slow to start Node.js
# Its other way of starting finds a server that does not listen yet, where the machine is busy.
katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False  # "A list: the labels" is one sentence
strip_signature_backslash = True  # without it `coefs_` loses its underscore


def npm_packages() -> Path:
    """What package.json names, installed beside it."""
    folder = HERE / "node_modules"
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    if not all((folder / name / "package.json").exists() for name in wanted):
        if not (shutil.which("npm") and shutil.which("node")):
            raise RuntimeError(
                "the site's formulas and its Python need Node.js and npm: install them and build again"
            )
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=HERE, check=True)
    return folder


def copy_katex(source: Path) -> None:
    """Put KaTeX's style sheet and fonts where the site takes its static files from."""
    target = HERE / "_generated" / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    for path in (source / "katex.min.css", *source.glob("fonts/*.woff2")):
        shutil.copyfile(path, target / path.relative_to(source))


def copy_lectures() -> None:
    """Put the notebooks where Sphinx reads them, each with its links; a copy that is right is left alone."""
    target = HERE / "lectures"
    target.mkdir(exist_ok=True)
    sources = {path.name: path for path in (HERE.parent / "notebooks").glob("[0-9][0-9]-*.ipynb")}
    for old in target.glob("*.ipynb"):
        if old.name not in sources:
            old.unlink()
    for name, path in sources.items():
        notebook = nbformat.read(path, as_version=4)
        links = nbformat.v4.new_markdown_cell(
            f'<a href="../lite/notebooks/index.html?path={name}">Open in the browser</a> · '
            f"{{download}}`download the notebook <../../notebooks/{name}>` · "
            "[slide by slide](../slides.md) · [cheat-sheet](../cheat-sheet.md) · "
            "[glossary](../glossary.md) · [reference](../reference/index.md)",
            id="links",
        )
        notebook.cells.insert(1, links)
        heading = ""
        for cell in notebook.cells:
            if "check" in cell.metadata.get("tags", []):  # long, and not to be read before it is run
                cell.metadata["tags"].append("hide-input")
                cell.metadata["mystnb"] = {"code_prompt_show": "The check", "code_prompt_hide": "The check"}
            if cell.cell_type == "markdown":
                heading = (re.findall(r"^#+ (.*)", cell.source, re.MULTILINE) or [heading])[-1]
            if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
                cell.metadata["mystnb"] = {"image": {"alt": plot_in_words(cell.source, heading)}}
        text = nbformat.writes(notebook)
        copy = target / name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")


# What is in the plots whose axes have no names.
PLOTS = {
    "The network": "Layers of 3, 4, 3 and 2 units, each unit joined to every unit of the layer before it",
    "Gradient descent, by hand": "Left, losses that fall and an accuracy that rises over 30 epochs; right,"
    " the validation petals over the regions in which the network tells setosa, versicolor and virginica",
    "The regularizer": "The same 27 petals with the regions of three networks: the larger the regularizer's"
    " weight, the straighter the borders",
    "The test, once": "The true species against the predicted: one virginica is taken for versicolor",
}


def plot_in_words(code: str, heading: str) -> str:
    """What a plot shows, for those who cannot see it: its axes and its curves, as the code names them."""
    patterns = {"x": r"set_xlabel\(", "y": r"set_ylabel\(", "curves": r"\blabel="}
    found = {key: re.findall(rf'{how}r?"([^"]+)"', code) for key, how in patterns.items()}
    named = {key: ", ".join(dict.fromkeys(names)) for key, names in found.items()}
    words = PLOTS.get(heading, f"Plot for the section {heading}")
    words += f"; upwards {named['y']}" if named["y"] else ""
    words += f"; to the right {named['x']}" if named["x"] else ""
    return words + (f"; curves: {named['curves']}" if named["curves"] else "")


def keep_together(app: Any, document: nodes.document) -> None:
    """Keep a formula and the punctuation after it on one line, which browsers would break; not a long one."""
    text = document.astext()
    for formula in list(document.findall(nodes.math)):
        around, k = formula.parent, formula.parent.index(formula)
        after = around[k + 1] if k + 1 < len(around) else None
        found = re.match(r"[?!.,:;)]+", after) if isinstance(after, nodes.Text) else None
        if found and len(formula.astext()) < 48:
            around[k] = together = nodes.inline("", "", classes=["together"])
            together += [formula, nodes.Text(found[0])]
            around[k + 1] = nodes.Text(after[found.end() :])  # by place: texts that are alike are equal
    assert document.astext() == text


def make_python(app: Any, error: Exception | None) -> None:
    """Put Python into the finished site, to run the lectures in the reader's browser."""
    if error is None and app.builder.name == "html":
        folder = HERE / "_build" / "jupyterlite"
        browser.prepare(folder, npm_packages(), ag.__version__)
        browser.build(folder, Path(app.outdir) / "lite")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", keep_together)
    app.connect("build-finished", make_python)


copy_katex(npm_packages() / "katex" / "dist")
copy_lectures()
pictures.make_pictures(HERE / "_generated")
