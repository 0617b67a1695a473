"""The lectures in the JupyterLite of the built site, in a real Chromium: Python in the page.

`make docs` builds the site. A lecture that imports NumPy is skipped where Pyodide's distribution cannot be
reached, for NumPy comes from there.
"""

import functools
import http.server
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebook tests need nbformat")

TOP = Path(__file__).resolve().parent.parent.parent
SITE = TOP / "docs" / "_build" / "html"
LECTURES = sorted((TOP / "notebooks").glob("[0-9][0-9]-*.ipynb"))
DISTRIBUTION = "https://cdn.jsdelivr.net/pyodide/"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")
COMPILED = "import (numpy|matplotlib|sklearn)|from (numpy|matplotlib|sklearn|nn.plots)"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (SITE / "lite").is_dir(), reason="needs the built site: make docs"),
]
RUN = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const widget = app.shell.currentWidget;
    await widget.context.ready;
    await widget.sessionContext.ready;
    await widget.sessionContext.session.kernel.info;
    await app.commands.execute('notebook:run-all-cells');
    return widget.context.model.toJSON().cells.filter(cell => cell.cell_type === 'code');
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".mjs": "text/javascript",
    }

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    """The address of the built site."""
    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@functools.cache
def distribution_is_reached():
    try:
        with urllib.request.urlopen(DISTRIBUTION, timeout=3):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def text(cell):
    """What a cell printed, and the text of its result."""
    outputs = cell["outputs"]
    return "".join("".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in outputs)


def same_text(there, here):
    """The browser's C library rounds some functions otherwise, and its Python words errors otherwise."""
    there, here = (re.sub(r"(DomainError: [^:]*):.*", r"\1", text) for text in (there, here))
    assert NUMBER.sub("#", there) == NUMBER.sub("#", here)
    numbers = (list(map(float, NUMBER.findall(text))) for text in (there, here))
    assert next(numbers) == pytest.approx(next(numbers), rel=1e-12, abs=1e-15)


def kinds(cell):
    return {kind for output in cell["outputs"] for kind in output.get("data", {})}


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_runs_in_the_browser_and_shows_what_the_notebook_shows(lecture, browser, site):
    kept = [cell for cell in nbformat.read(lecture, 4).cells if cell.cell_type == "code"]
    compiled = any(re.search(f"^({COMPILED})", cell.source, re.MULTILINE) for cell in kept)
    if compiled and not distribution_is_reached():
        pytest.skip("NumPy for the browser comes from Pyodide's distribution, which is not reached here")
    asked = []
    context = browser.new_context()
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.set_default_timeout(900_000)
    page.goto(f"{site}/lectures/{lecture.stem}.html")
    page.get_by_role("link", name="Open in the browser").click()
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext")
    shown = page.evaluate(RUN)
    context.close()
    assert [cell["source"] for cell in shown] == [cell.source for cell in kept]
    first_check = next(i for i, cell in enumerate(kept) if "check" in cell.metadata.get("tags", []))
    for there, here in zip(shown[:first_check], kept[:first_check], strict=True):
        assert not any(output["output_type"] == "error" for output in there["outputs"]), text(there)
        if not compiled:  # NumPy's and the times that are measured may differ
            same_text(text(there), text(here))
            assert kinds(there) >= kinds(here)
    assert [output["ename"] for output in shown[first_check]["outputs"]] == ["<class 'AssertionError'>"]
    if not compiled:
        assert all(url.startswith((site, "data:", "blob:")) for url in asked), "a request left the site"


def test_a_page_says_what_it_fetches():
    for lecture in LECTURES:
        copy = nbformat.read(SITE / "lite" / "files" / lecture.name, 4)
        (note,) = [cell.source for cell in copy.cells if cell.get("id") == "in-the-browser"]
        fetches = re.search(f"^({COMPILED})", "\n".join(cell.source for cell in copy.cells), re.MULTILINE)
        assert ("Pyodide's distribution" in note) == bool(fetches)
        assert not any(cell.get("outputs") for cell in copy.cells)


def test_the_site_publishes_no_answers():
    for path in SITE.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".md", ".txt", ".js", ".json"):
            assert "BEGIN SOLUTION" not in path.read_text(encoding="utf-8"), path
