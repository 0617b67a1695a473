"""Drawing in a browser, where Python is WebAssembly and no program can be run: Graphviz is too."""

import base64
import importlib.resources
from typing import Any

from viz.errors import FormatError, LayoutError, RendererError

PACKAGE = "graphviz_wasm"  # a wheel that the documentation's site carries: @hpcc-js/wasm-graphviz from npm
FORMATS = ("svg", "json")
REMEDY = "run `import viz.webassembly; await viz.webassembly.load()` in a cell of its own, then draw again"

_loaded: list[Any] = []


async def load() -> Any:
    """Load Graphviz into the page, once; `render_in_the_browser` does so by itself where it may wait.

    Raises:
        RendererError: the page does not carry it.
    """
    if not _loaded:
        from pyodide.code import run_js

        try:
            script = importlib.resources.files(PACKAGE).joinpath("index.js").read_bytes()
        except ModuleNotFoundError:
            raise RendererError(f"a browser draws with the package {PACKAGE}, which is not here") from None
        address = f"data:text/javascript;base64,{base64.b64encode(script).decode()}"
        module = await run_js("address => import(address)")(address)
        _loaded.append(await module.Graphviz.load())
    return _loaded[0]


def render_in_the_browser(source: str, format: str) -> bytes:
    """DOT text as a picture.

    Raises:
        FormatError: another format than SVG and JSON.
        RendererError: Graphviz is not there, cannot be waited for, or failed.
    """
    from pyodide.ffi import JsException, can_run_sync, run_sync

    if format not in FORMATS:
        raise FormatError(
            f"cannot write format {format!r}; in a browser Graphviz writes {', '.join(FORMATS)}"
        )
    if not _loaded and not can_run_sync():
        raise RendererError(f"this browser cannot wait for Graphviz in the middle of a cell; {REMEDY}")
    graphviz = _loaded[0] if _loaded else run_sync(load())
    try:
        return str(graphviz.layout(source, format, "dot")).encode()
    except JsException as error:
        raise LayoutError(f"Graphviz failed: {error}") from None
