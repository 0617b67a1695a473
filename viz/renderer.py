"""Finding and running the program that turns DOT into a picture.

The renderer is, in this order: the file that `$AUTOGRAD_DOT` names, the system's `dot`, the executable inside
the `graphviz-pure` wheel (extra `draw`), so a machine without Graphviz draws too. In a browser, where no
program can be run, it is Graphviz compiled to WebAssembly (`viz.webassembly`).
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from viz.errors import FormatError, LayoutError, RendererError, RenderTimeout

VARIABLE = "AUTOGRAD_DOT"
TIMEOUT = 20.0  # seconds a layout may take
REMEDY = f'pip install "autograd-core[draw]", install Graphviz, or let ${VARIABLE} name its `dot`'
WHEEL = "graphviz-pure"
WHEEL_FORMATS = ("svg", "png", "jpeg", "json")
SYSTEM_FORMATS = (*WHEEL_FORMATS, "pdf", "ps")

_RESOLUTION = dict.fromkeys(("png", "jpeg"), ("-Gdpi=144",))  # sharp on dense screens and in print


@dataclass(frozen=True)
class Renderer:
    """An executable that takes DOT on its input and `-Tformat`.

    Attributes:
        path: The executable.
        origin: `"AUTOGRAD_DOT"`, `"system"` or `"graphviz-pure"`.
    """

    path: str
    origin: str

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats it can write."""
        return WHEEL_FORMATS if WHEEL in os.path.basename(self.path) else SYSTEM_FORMATS


def find_renderer() -> Renderer:
    """The renderer to use.

    Raises:
        RendererError: there is none, or `$AUTOGRAD_DOT` names no executable.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _named_renderer(named)
    system = shutil.which("dot")
    if system:
        return Renderer(system, "system")
    bundled = _wheel_executable()
    if bundled:
        return Renderer(bundled, WHEEL)
    raise RendererError(f"no Graphviz renderer found; {REMEDY}")


def _named_renderer(named: str) -> Renderer:
    path = shutil.which(named)
    if path is None:
        raise RendererError(f"${VARIABLE} is {named!r}, which is not an executable file")
    return Renderer(path, VARIABLE)


def _wheel_executable() -> str | None:
    try:
        files = importlib.metadata.distribution(WHEEL).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.stem == WHEEL and file.parent.name.lower() in ("bin", "scripts"):
            path = str(file.locate())
            return path if os.access(path, os.X_OK) else None
    return None


def render(source: str, format: str = "svg", timeout: float = TIMEOUT) -> bytes:
    """DOT text as a picture.

    Args:
        source: The DOT text.
        format: `"svg"`, `"png"`, `"jpeg"`, `"json"`; with a system Graphviz also `"pdf"` and `"ps"`.
        timeout: Seconds the layout may take.

    Raises:
        FormatError: the renderer cannot write this format.
        RendererError: there is no renderer, or it failed.
        RenderTimeout: the layout took longer than `timeout`.
    """
    try:
        return _laid_out(source, format, timeout)
    except LayoutError:  # edges that leave a cluster and come back can be too much for the ranks of clusters
        return _laid_out(f"{source.rstrip().removesuffix('}')}newrank=true\n}}\n", format, timeout)


def _laid_out(source: str, format: str, timeout: float) -> bytes:
    if sys.platform == "emscripten":
        from viz.webassembly import render_in_the_browser

        return render_in_the_browser(source, format)
    renderer = find_renderer()
    if format not in renderer.formats:
        raise FormatError(_format_message(format, renderer))
    try:
        done = subprocess.run(
            [renderer.path, f"-T{format}", *_RESOLUTION.get(format, ())],
            input=source.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RenderTimeout(
            f"{renderer.path} did not lay the graph out in {timeout:g} s; draw less (depth=0, fold=True)"
        ) from None
    except OSError as error:
        raise RendererError(f"{renderer.path} cannot be run ({error}); {REMEDY}") from error
    if done.returncode != 0 or not done.stdout:
        raise LayoutError(_failure_message(renderer, done))
    return done.stdout


def _format_message(format: str, renderer: Renderer) -> str:
    message = f"cannot write format {format!r}; {renderer.path} writes {', '.join(renderer.formats)}"
    if format in SYSTEM_FORMATS:
        message += f" ({format.upper()} needs a system Graphviz; {WHEEL} has none)"
    return message


def _failure_message(renderer: Renderer, done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else "no output"
    return f"{renderer.path} failed with exit code {done.returncode}: {reason}"
