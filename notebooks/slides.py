"""Make slides for projection from the lectures: one self-contained page each (reveal.js), and a PDF of it.

python notebooks/slides.py [03 07 ...]

The slides show the lecture with its outputs, without its exercises. Arrow keys move, Esc gives an overview, F
fills the screen. reveal.js and KaTeX come from npm (docs/package.json); the PDF is printed by Chromium, where
Playwright finds one.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbconvert import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell
from traitlets.config import Config

from running import FOLDER, read, sources, student_path

DOCS = FOLDER.parent / "docs"
PACKAGES = DOCS / "node_modules"
TARGET = FOLDER.parent / "out" / "slides"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTH, HEIGHT = 1280, 800
FULL = 21  # lines on a slide
SQUEEZED = (
    29  # lines on a slide that is made smaller, so that no line is left alone
)
THIN = 5.5  # lines below which a slide is too empty
TEMPLATE = """{%- extends 'index.html.j2' -%}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_css %}<style>{{ resources.slides_css }}</style>{% endblock %}
{% block footer_js %}<script>{{ resources.slides_js }}</script>{% endblock %}
"""
STYLE = """
:root { --jp-content-font-size1: 26px; --jp-code-font-size: 20px; --jp-cell-prompt-width: 0px; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-InputCollapser, .jp-OutputCollapser { display: none; }
.reveal .slides section { text-align: left; padding: 16px 40px !important; box-sizing: border-box; }
.reveal h1, .reveal h2 { text-transform: none !important; color: #1a4a7a !important; }
.reveal .jp-RenderedHTMLCommon h1 { font-size: 2em; }
.reveal .jp-RenderedHTMLCommon h2 { font-size: 1.5em; }
.reveal pre { width: auto; margin: 0; box-shadow: none; font-size: 20px; line-height: 1.3; }
.reveal .slides blockquote { width: auto !important; margin: 0.4em 0 !important; padding: 0.2em 1em; background: #f2f5f9; font-style: normal !important;
  box-shadow: none; border-left: 4px solid #1a4a7a; }
.reveal .jp-RenderedImage img { margin: 0 auto; max-height: 420px; }
.reveal .jp-RenderedSVG svg { max-width: 100%; max-height: 480px; }
.reveal .jp-OutputArea-output.jp-RenderedHTML:has(.autograd-player) { zoom: 0.68; }
.reveal .jp-RenderedHTML > img { zoom: 1.4; max-width: 100%; max-height: 340px; }
.reveal .jp-RenderedText pre { word-break: normal; overflow-wrap: anywhere; }
.reveal .katex { font-size: 1.05em; }
"""
SCRIPT = f"""
renderMathInElement(document.querySelector(".slides"), {{
  delimiters: [{{left: "$$", right: "$$", display: true}}, {{left: "$", right: "$", display: false}}],
}});
for (const formula of document.querySelectorAll(".slides span:has(> .katex)")) {{  // no full stop begins a line
  const after = formula.nextSibling, found = after?.nodeType === 3 && after.data.match(/^[.,;:?!)]+/);
  if (!found || formula.querySelector("annotation").textContent.length > 48) continue;
  formula.style.whiteSpace = "nowrap";
  formula.append(found[0]);
  after.data = after.data.slice(found[0].length);
}}
const shrink = () => {{  // what is higher than a slide is made smaller
  for (const slide of document.querySelectorAll(".slides section:not(:has(section))")) {{
    const hidden = getComputedStyle(slide).display === "none";
    if (hidden) slide.style.display = "block";
    if (!slide.style.zoom && slide.scrollHeight > {HEIGHT}) slide.style.zoom = Math.max(0.5, {HEIGHT} / slide.scrollHeight);
    if (hidden) slide.style.display = "";
  }}
}};
Reveal.initialize({{width: {WIDTH}, height: {HEIGHT}, margin: 0.04, center: false, hash: true,
  slideNumber: "c/t", transition: "none", pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1}}).then(shrink);
Reveal.on("slidechanged", shrink);  // a slide far from the present one has no height yet
"""


def main() -> None:
    """Make the slides of the lectures whose numbers are given, or of all."""
    install = [
        "npm",
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]
    subprocess.run(install, cwd=DOCS, check=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    made = []
    for source in sources():
        if len(sys.argv) == 1 or source.name[:2] in sys.argv[1:]:
            made.append(TARGET / f"{source.stem}.html")
            made[-1].write_text(
                slides(read(student_path(source))), encoding="utf-8"
            )
    print_pdfs(made)
    for path in made:
        print(
            f"{path.relative_to(FOLDER.parent)}: {path.stat().st_size / 1e6:.1f} MB"
        )


def slides(notebook: Any) -> str:
    """A lecture as a page of slides."""
    divide(notebook)
    hidden = {"enabled": True, "remove_input_tags": {"no-code"}}
    exporter = SlidesExporter(
        raw_template=TEMPLATE, config=Config({"TagRemovePreprocessor": hidden})
    )
    exporter.reveal_theme = "white"
    exporter.reveal_width, exporter.reveal_height = str(WIDTH), str(HEIGHT)
    katex, reveal = PACKAGES / "katex" / "dist", PACKAGES / "reveal.js" / "dist"
    scripts = (
        katex / "katex.min.js",
        katex / "contrib" / "auto-render.min.js",
        reveal / "reveal.js",
    )
    resources = {
        "slides_css": fonts_inside(katex / "katex.min.css") + STYLE,
        "slides_js": "\n".join(
            [*(path.read_text(encoding="utf-8") for path in scripts), SCRIPT]
        ),
    }
    page, _ = exporter.from_notebook_node(notebook, resources)

    def inside(link: re.Match[str]) -> str:
        style = (reveal / link[1]).read_text(encoding="utf-8")
        return "<style>" + re.sub(r"@import url\([^)]*\);", "", style) + "</style>"

    page = re.sub(r'<link [^>]*href="[^"]*/dist/([^"]*\.css)"[^>]*>', inside, page)
    assert 'rel="stylesheet"' not in page, "a style sheet stayed outside"
    return page


def divide(notebook: Any) -> None:
    """Mark where slides begin, so that they are well filled. Exercises are left out."""
    parts = [part for cell in notebook.cells for part in pieces(cell)]
    end = next(
        i for i, part in enumerate(parts) if part.source.startswith("## Exercises")
    )
    notebook.cells = parts[:end]
    best: list[tuple[float, int]] = [
        (0.0, 0)
    ]  # cost up to a part, begin of the last slide
    for stop in range(1, end + 1):
        best.append(
            min(
                (best[start][0] + cost(parts[start:stop]), start)
                for start in range(max(0, stop - FULL), stop)
            )
        )
    begins, stop = set(), end
    while stop:
        stop = best[stop][1]
        begins.add(stop)
    for k, part in enumerate(notebook.cells):
        part.metadata["slideshow"] = {"slide_type": "slide" if k in begins else "-"}


def cost(slide: list[Any]) -> float:
    """How far a slide is from a good one: it may be too full, too empty, or end before what it announces."""
    high, last = sum(map(height, slide)), slide[-1].source.rstrip()
    total = 1.0 + 3 * sum(map(is_heading, slide[1:])) + 6 * (high < THIN)
    total += 2 * (slide[-1].cell_type == "markdown" and last.endswith((":", "**")))
    if len(slide) > 1:
        total += max(0.0, high - FULL) / 4 + 1000 * (high > SQUEEZED)
    return total


def is_heading(cell: Any) -> bool:
    """Whether a section begins with a cell."""
    return bool(cell.cell_type == "markdown" and cell.source.startswith("#"))


def pieces(cell: Any) -> list[Any]:
    """A cell of text as one cell for each heading in it; long code as cells of whole functions.

    A plot under long code becomes a cell of its own, which shows no code.
    """
    if cell.cell_type == "markdown":
        parts = re.split(r"^(?=#+ )", cell.source, flags=re.MULTILINE)
        return [new_markdown_cell(part) for part in parts if part]
    if height(cell) <= FULL:
        return [cell]
    result = [new_code_cell("")]
    for block in re.split(r"(?<=\n\n\n)", cell.source):
        if height(new_code_cell(result[-1].source + block)) > FULL / 2:
            result.append(new_code_cell(""))
        result[-1].source += block
    result[-1].outputs = cell.outputs
    if height(result[-1]) > SQUEEZED:
        result[-1].outputs = []
        plot = {"tags": ["no-code"]}
        result.append(new_code_cell("", outputs=cell.outputs, metadata=plot))
    return [part for part in result if part.source or part.outputs]


def height(cell: Any) -> float:
    """About how many lines a cell takes on a slide."""
    if cell.cell_type == "markdown":
        return sum(
            1.3 + len(line) // 95
            for line in cell.source.splitlines()
            if line.strip()
        )
    lines = 1.0 + 0.8 * len(cell.source.splitlines())
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/svg+xml" in data or "image/png" in data:
            lines += 12
        elif "text/latex" in data:
            lines += 1.8 * (1 + data["text/latex"].count("\\\\"))
        elif "text/html" in data:
            lines += FULL  # a player
        else:
            text = "".join(output.get("text", data.get("text/plain", "")))
            lines += 0.5 + 0.8 * len(text.splitlines())
    return lines


def fonts_inside(path: Path) -> str:
    """A style sheet with its fonts in it."""

    def inside(match: re.Match[str]) -> str:
        font = base64.b64encode((path.parent / match[1]).read_bytes()).decode()
        return f'url(data:font/woff2;base64,{font}) format("woff2")'

    css = re.sub(
        r',url\([^)]*\) format\("(?:woff|truetype)"\)',
        "",
        path.read_text(encoding="utf-8"),
    )
    return re.sub(r'url\((fonts/[^)]*\.woff2)\) format\("woff2"\)', inside, css)


def print_pdfs(pages: list[Path]) -> None:
    """A PDF beside each page, where there is a Chromium to print it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if sync_playwright is None or not shutil.which(CHROMIUM):
        print(
            "no PDFs: they need Playwright and Chromium; or open a page with ?print-pdf and print it"
        )
        return
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for path in pages:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(f"{path.as_uri()}?print-pdf")
            page.wait_for_selector(".pdf-page")
            page.wait_for_timeout(500)  # milliseconds: the players draw themselves
            page.pdf(
                path=path.with_suffix(".pdf"),
                prefer_css_page_size=True,
                print_background=True,
            )
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
