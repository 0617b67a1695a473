"""`draw`: a graph as a picture that shows itself in a notebook and saves itself in several formats."""

import base64
import contextlib
import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import graphviz

from viz.diagnosis import diagnose, layers_of
from viz.dot import to_dot
from viz.errors import FormatError, RenderTimeout
from viz.files import write_file
from viz.folding import Grouping
from viz.heat import Measure
from viz.mermaid import to_mermaid
from viz.picture import Picture, Style, paint
from viz.planning import MAX_EDGES, MAX_NODES, Options, plans
from viz.renderer import SYSTEM_FORMATS, render
from viz.roots import chosen_parameters, roots_of
from viz.snapshot import Snapshot, take_snapshot, without_order
from viz.svg import finish_svg
from viz.text import html_text, names_of

_OTHER_NAMES = {"jpg": "jpeg", "gv": "dot", "mmd": "mermaid", "md": "markdown"}
_FORMATS = (*SYSTEM_FORMATS, "dot", "mermaid", "markdown")


class Drawing:
    """A drawn graph: shows itself in Jupyter, and saves itself.

    Attributes:
        source: The DOT text.
        caption: What the picture hides and what the diagnosis found; empty if nothing.
        snapshot: The graph.
        options: What was asked for.
        picture: What is drawn, independent of DOT.

    >>> from autograd_core import Value
    >>> drawing = draw(Value(3.0, "x") * Value(2.0, "w"))
    >>> print("\\n".join(drawing.mermaid().splitlines()[:4]))
    flowchart LR
        n0>"x<br/>data 3<br/>grad –"]:::input
        n1>"w<br/>data 2<br/>grad –"]:::input
        n2[["×<br/>data 6<br/>grad –"]]:::output
    """

    def __init__(self, snapshot: Snapshot, options: Options) -> None:
        self.snapshot = snapshot
        self.options = options
        self._plans = plans(snapshot, options)
        self._svg: str | None = None
        options.check_scopes(snapshot)
        self.picture = self._paint(next(self._plans))

    @property
    def source(self) -> str:
        """The DOT text."""
        return str(self.digraph().source)

    @property
    def caption(self) -> str:
        """What the picture hides and what the diagnosis found."""
        return self.picture.caption

    def digraph(
        self, room: Mapping[str, int] | None = None, picture: Picture | None = None
    ) -> graphviz.Digraph:
        """The `graphviz.Digraph`, to add to or to render by other means.

        Args:
            room: For a box's id, how many characters it must have room for.
            picture: To draw instead of this drawing's own.

        Returns:
            The graph, which the `graphviz` package can change, save and render.
        """
        return to_dot(picture or self.picture, self.options.direction, self.options.legend, room)

    def mermaid(self) -> str:
        """The picture in Mermaid, which GitHub and other readers of Markdown draw.

        Returns:
            The text, without the fence around it.

        >>> from autograd_core import Value
        >>> print(draw(Value(2.0, "x") * 3.0).mermaid().splitlines()[0])
        flowchart LR
        """
        return to_mermaid(self.picture, self.options.direction)

    def svg(self) -> str:
        """The picture as SVG, with a tooltip for each node and edge; it follows a dark theme.

        Returns:
            The text of the file. It is made once.

        Raises:
            DrawingError: no renderer, or the renderer failed.
        """
        if self._svg is None:
            self._svg = finish_svg(self._render("svg"), self.picture)
        return self._svg

    def pipe(self, format: str = "svg") -> bytes:
        """The picture in a format, as bytes.

        Args:
            format: `svg`, `png`, `jpeg`, `json` (also `pdf` and `ps` with a system Graphviz), `dot`,
                `mermaid` or `markdown`.

        Returns:
            What the file would hold.

        Raises:
            DrawingError: the format cannot be written, or the renderer failed.
        """
        format = format_named(format)
        if format == "svg":
            return self.svg().encode()
        text = {"dot": lambda: self.source, "mermaid": self.mermaid, "markdown": self._markdown}.get(format)
        return text().encode() if text else self._render(format)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the picture to a file, in the format of its suffix, whole or not at all.

        Args:
            path: Where to; the directory is made if need be.
            format: Instead of the suffix.

        Returns:
            The path.

        Raises:
            FormatError: the format is unknown, or this renderer cannot write it.
            DrawingError: the renderer is missing or failed.
            OSError: the file cannot be written.

        >>> import os, tempfile
        >>> from autograd_core import Value
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw(Value(2.0, "x") * 3.0).save(os.path.join(folder, "graph.dot")).name
        'graph.dot'
        """
        suffix = Path(os.fsdecode(path)).suffix.removeprefix(".")
        named = format_named(suffix, os.fspath(path)) if suffix or not format else ""
        wanted = format_named(format) if format else named
        if named and named != wanted:
            raise FormatError(f"{os.fspath(path)!r} names {named}, but format={format!r} was asked for")
        return write_file(path, self.pipe(wanted))

    def expand(self, *scopes: str) -> "Drawing":
        """A drawing with these scopes opened.

        Args:
            scopes: Scopes as the picture names them, `"layer1"` or `"layer1.neuron*"`; none opens all.

        Returns:
            Another drawing of the same graph.

        >>> from autograd_core import Value, scope
        >>> with scope("layer"):
        ...     y = (Value(3.0, "x") * Value(2.0, "w")).tanh()
        >>> draw(y, depth=0).expand("layer")
        <Drawing of 4 nodes>
        """
        if not scopes:
            return self._with(depth=None, collapse=())
        kept = tuple(scope for scope in self.options.collapse if scope not in scopes)
        return self._with(expand=self.options.expand + scopes, collapse=kept, depth=self.options.depth or 0)

    def collapse(self, *scopes: str) -> "Drawing":
        """A drawing with these scopes collapsed.

        Args:
            scopes: Scopes, such as `"layer1"`; none collapses all.

        Returns:
            Another drawing of the same graph.
        """
        if not scopes:
            return self._with(depth=0, expand=())
        kept = tuple(scope for scope in self.options.expand if scope not in scopes)
        return self._with(collapse=self.options.collapse + scopes, expand=kept)

    def _with(self, **options: Any) -> "Drawing":
        """This graph with other options."""
        return Drawing(self.snapshot, replace(self.options, **options))

    def _paint(self, groups: Grouping) -> Picture:
        wanted = self.options.diagnosis
        findings = (
            [finding for finding in diagnose(self.snapshot) if finding.kind in wanted] if wanted else []
        )
        return paint(self.snapshot, groups, self.options.style, findings)

    def _render(self, format: str) -> bytes:
        while True:
            try:
                return render(self.source, format)
            except RenderTimeout:
                half = len(self.picture.boxes) // 2
                plan = next((plan for plan in self._plans if len(set(plan.numbers)) <= half), None)
                if plan is None:
                    raise
                self.picture = self._paint(plan)

    def _markdown(self) -> str:
        return f"```mermaid\n{self.mermaid()}```\n"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows; without a renderer the DOT text and the remedy, never an exception."""
        try:
            svg = self.svg()
        except Exception as error:
            return {"text/plain": f"{error}\n\n{self._source_or_reason()}"}
        return {
            "image/svg+xml": svg,
            "text/html": svg_image(svg, self.picture.description),
            "text/plain": repr(self),
        }

    def _source_or_reason(self) -> str:
        try:
            return self.source
        except Exception as error:
            return f"the DOT text cannot be made either: {error}"

    def __repr__(self) -> str:
        hidden = f", {self.caption}" if self.caption else ""
        return f"<Drawing of {len(self.snapshot.nodes)} nodes{hidden}>"


def svg_image(svg: str, description: str) -> str:
    """An `<img>` that holds the whole SVG: sanitisers of notebooks keep it, nothing in it can run."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html_text(description)}" src="data:image/svg+xml;base64,{data}">'


def draw(
    what: Any,
    *inputs: Any,
    direction: str = "LR",
    depth: int | None = None,
    expand: str | Iterable[str] = (),
    collapse: str | Iterable[str] = (),
    fold: bool | None = None,
    digits: int = 4,
    partials: bool | None = None,
    parameters: Any = None,
    diagnosis: bool | str | Iterable[str] = True,
    legend: bool = False,
    numbered: bool = False,
    color_by: str | Measure | None = None,
    max_nodes: int = MAX_NODES,
    max_edges: int = MAX_EDGES,
) -> Drawing:
    """Draw the graph of a Value, of several, of a Program, or of a model applied to inputs.

    Args:
        what: A Value, an iterable of Values, something with `graph(*inputs)` (a Program), or a callable with
            `parameters()` (a model).
        inputs: What to call the model or the graph with.
        direction: `"LR"` (inputs at the left) or `"TB"` (inputs on top).
        depth: How many levels of scopes stay open; 0 collapses each scope to a box. Default: as the budget
            allows.
        expand: Scopes to open in spite of `depth`.
        collapse: Scopes to collapse in any case.
        fold: Whether repeated structure (the neurons of a layer, the examples of a batch) shares a box.
            Default: with more than 150 nodes.
        digits: Significant digits of the numbers.
        partials: Whether edges show their local partials. Default: with up to 300 boxes.
        parameters: The leaves to draw as parameters, or the model that has them: its attributes then tell
            parts of one name apart. Default: the model's, else the leaves made inside a scope.
        diagnosis: Which layers to mark: all (True), none, or some of `"not finite"`, `"dead ReLU"`,
            `"ReLU off"`, `"exploding partial"`, `"vanishing partial"`, `"never swept"`, `"not reached"`.
        legend: Whether to explain the shapes.
        numbered: Whether nodes without a label show their number u1, u2, ..., as the player's do. Then the
            nodes that only fix the order of a loop's steps are drawn, too.
        color_by: What the boxes are colored by, pale to dark: `"gradient"`, its size; `"rounding"`, how far
            the rounding of an operation moves the output; or a function from a Value to a number.
        max_nodes: The most boxes. With more, structure that repeats is folded, scopes are collapsed, and at
            last what is far from the outputs is put into one box. References to a shared parameter are not
            counted.
        max_edges: The most edges, kept in the same way.

    Returns:
        A `Drawing`; it displays itself as the last expression of a notebook cell.

    Raises:
        TypeError: there is nothing to draw in `what`.
        ValueError: an option has no such value.

    >>> from autograd_core import Value, scope
    >>> x = Value(3.0, "x")
    >>> with scope("layer"):
    ...     y = (x * Value(2.0, "w")).tanh()
    >>> draw(y)
    <Drawing of 4 nodes>
    >>> draw(y, depth=0)
    <Drawing of 4 nodes, 4 nodes and 3 edges drawn as 3 boxes>
    """
    roots, found = roots_of(what, inputs)
    style = Style(digits, partials, numbered, color_by)
    scopes = names_of("expand", expand), names_of("collapse", collapse)
    options = Options(
        direction, depth, *scopes, fold, style, layers_of(diagnosis), legend, max_nodes, max_edges
    )
    with _without_collector():
        known = found if parameters is None else chosen_parameters(parameters)
        snapshot = take_snapshot(roots, known)
        return Drawing(snapshot if numbered else without_order(snapshot), options)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Let no garbage be looked for: among millions of new tuples that is half of the time, and finds none."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def format_named(name: str, where: object = None) -> str:
    """A format by its name or its suffix, in any case: `"JPG"` is `"jpeg"`.

    Args:
        name: The name.
        where: What it was read from, for the message.

    Raises:
        FormatError: there is no such format.
    """
    lower = str(name).lower()
    format = _OTHER_NAMES.get(lower, lower)
    if format not in _FORMATS:
        known = "svg, png, jpeg, json, pdf, dot, mmd, md"
        raise FormatError(f"cannot tell a format from {where or name!r}; use one of {known}")
    return format
