"""`step`: a player that goes through the forward computation and the sweep, one assignment at a time."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from autograd_core.arguments import number, truth, whole_number
from autograd_core.engine.value import Value
from autograd_core.graph import topological_order
from autograd_core.steps import Step, steps
from viz.columns import page_payload, used_operations
from viz.diagnosis import layers_of
from viz.drawing import Drawing
from viz.errors import FormatError
from viz.files import check_suffix, write_file
from viz.page import PAGE, is_rare, output, page, player_css, player_script
from viz.payload import Script
from viz.picture import Style
from viz.planning import Options
from viz.renderer import render
from viz.roots import chosen_parameters, roots_of
from viz.snapshot import take_snapshot
from viz.svg import finish_svg, frames_of
from viz.text import names_of, script_json

OPEN_UP_TO = 200  # graphs with at most this many nodes are drawn node by node
MAX_NODES = 10_000


class Player:
    """Steps through a graph, in a notebook, in a file, in a terminal or in code.

    Attributes:
        steps: The events, as `autograd_core.steps` makes them.
        position: How many of them have happened; assign to it, or use `next`, `previous` and `goto`.

    >>> from autograd_core import Value
    >>> player = step(Value(3.0, "x") * Value(2.0, "w"))
    >>> player.goto(-2).after
    2.0
    >>> player.describe()[:71]
    'Backward. Along the edge from u3 to x: upstream 1 times partial 2 is 2.'
    >>> player.position, len(player)
    (3, 4)
    >>> player.goto(0) is None  # before the first step
    True
    """

    def __init__(
        self,
        drawing: Drawing,
        events: Sequence[Step],
        title: str,
        widget: bool = False,
        accumulate: bool = False,
    ) -> None:
        self.steps = events
        self._accumulate = accumulate
        self.title = title
        self._shows_widget = widget
        self._drawing = drawing
        self._position = 0
        self._widget: Any = None

    @property
    def position(self) -> int:
        """How many steps have happened: 0 before the first, `len(player)` after the last."""
        return self._position

    @position.setter
    def position(self, k: int) -> None:
        self.goto(k)

    @property
    def current(self) -> Step | None:
        """The step that happened last; None at the start."""
        return self.steps[self._position - 1] if self._position else None

    def __len__(self) -> int:
        return len(self.steps)

    def next(self) -> Step | None:
        """Take one step; stay at the end.

        Returns:
            The current step.
        """
        return self.goto(min(self._position + 1, len(self)))

    def previous(self) -> Step | None:
        """Take one step back; stay at the start.

        Returns:
            The current step.
        """
        return self.goto(max(self._position - 1, 0))

    def goto(self, k: int) -> Step | None:
        """Go to the state after `k` steps.

        Args:
            k: How many steps have then happened; a negative `k` counts from the end, -1 is the end.

        Returns:
            The current step, None before the first.

        Raises:
            IndexError: there is no such step.
            TypeError: `k` is not a whole number.
        """
        k = whole_number("a step", k)
        wanted = k + len(self) + 1 if k < 0 else k
        if not 0 <= wanted <= len(self):
            raise IndexError(f"step {k} of {len(self)} steps")
        self._position = wanted
        if self._widget is not None:
            self._widget.position = wanted
        return self.current

    @property
    def inputs(self) -> dict[str, float]:
        """The number of each input by its name: as recorded, or as it was changed in the widget."""
        script = self.script
        leaves = (i for i, kind in enumerate(script.snapshot.kinds) if kind in ("input", "parameter"))
        recorded = {script.names[i]: script.snapshot.data[i] for i in leaves}
        given = self._widget.inputs if self._widget is not None else {}
        return recorded | {name: float(x) for name, x in given.items() if name in recorded and x is not None}

    def describe(self) -> str:
        """The current step in words.

        Returns:
            What a screen reader gets to read.
        """
        return self.script.frames[self._position - 1].sentence.say if self._position else self.script.opening

    @cached_property
    def script(self) -> Script:
        """The steps as the players show them."""
        drawing, options = self._drawing, self._drawing.options
        digits = options.style.digits
        return Script(
            drawing.snapshot, drawing.picture, self.steps, digits, self._accumulate, options.direction
        )

    @cached_property
    def _svg(self) -> str:
        """The final picture, with room for every number on the way."""
        picture = replace(self._drawing.picture, caption="")  # the page shows it below
        rendered = render(self._drawing.digraph(self.script.room(), picture).source)
        return finish_svg(rendered, picture)

    def to_html(self) -> str:
        """The player as an HTML fragment, to be put into a page.

        Returns:
            A static picture, and the script that puts the player in its place where scripts may run. It loads
            nothing from a network.

        Raises:
            DrawingError: no renderer, or the renderer failed.
        """
        description = self._drawing.picture.description
        groups = any(len(box.members) > 1 for box in self.script.boxes)
        return output(self._svg, self._payload(), description, used_operations(self.script), groups)

    def _payload(self) -> dict[str, Any]:
        return page_payload(self.script, player_css(), self.title)

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the player as one self-contained HTML file that needs no network.

        Args:
            path: Where to, `name.html`; the directory is made if need be.

        Returns:
            The path.

        Raises:
            FormatError: the path has another suffix.
            DrawingError: no renderer, or the renderer failed.
            OSError: the file cannot be written.
        """
        check_suffix(path, "a page", *PAGE)
        return write_file(path, page(self.to_html(), self.title).encode())

    def frames(self, directory: str | os.PathLike[str], format: str = "svg") -> list[Path]:
        """Write one picture a step, `step0000.svg` being the start.

        Args:
            directory: Where to; made if need be.
            format: `"svg"`, laid out once for all steps, or `"png"`, which takes a run of Graphviz each.

        Returns:
            The paths, in the order of the steps.

        Raises:
            FormatError: another format.
            DrawingError: no renderer, or the renderer failed.
            OSError: a file cannot be written.
        """
        if (format := str(format).lower()) not in ("svg", "png"):
            raise FormatError(f"frames are svg or png, not {format!r}")
        digits = max(4, len(str(len(self))))
        return [
            write_file(Path(directory) / f"step{k:0{digits}}.{format}", content)
            for k, content in enumerate(self._frame_images(format))
        ]

    def _frame_images(self, format: str) -> Iterator[bytes]:
        """The picture after 0, 1, ... steps, all of one size."""
        from viz.frames import frame_pictures, undecorated

        room, pictures = self.script.room(), frame_pictures(self.script)
        if format == "png":
            yield from (render(self._drawing.digraph(room, picture).source, "png") for picture in pictures)
            return
        first = next(pictures)
        drawn = undecorated(self.script.picture, first.caption)
        svg = finish_svg(render(self._drawing.digraph(room, drawn).source), drawn)
        yield from (frame.encode() for frame in frames_of(svg, chain([first], pictures)))

    def save_gif(self, path: str | os.PathLike[str], seconds: float = 1.0) -> Path:
        """Write the whole run as an animated GIF, one picture a step.

        Args:
            path: Where to, `name.gif`.
            seconds: How long each step is shown, at most 655.

        Returns:
            The path.

        Raises:
            FormatError: the path has another suffix.
            ValueError: a step cannot be shown for so long.
            ImportError: Pillow is not installed.
            DrawingError: no renderer, or the renderer failed.
            OSError: the file cannot be written.
        """
        from viz.frames import LONGEST, SHORTEST, animation

        check_suffix(path, "an animation", ".gif")
        number("seconds", seconds, f"[{SHORTEST}, {LONGEST}]")
        return write_file(path, animation(self._frame_images("png"), seconds))

    def show(self) -> None:
        """Step in the terminal: arrow keys, space to play, q to leave; without a terminal, print it all."""
        from viz.terminal import show

        show(self)

    def widget(self) -> Any:
        """The Jupyter widget; its `position` and this player's follow each other.

        Returns:
            An `anywidget.AnyWidget`, always the same one.

        Raises:
            ImportError: anywidget is not installed.
        """
        if self._widget is None:
            from viz.widget import make_widget

            payload = self._payload() | {"svg": self._svg}
            script = player_script(used_operations(self.script), "widget", is_rare(payload))
            self._widget = make_widget(script_json(payload), script, self._position)
            self._widget.observe(self._follow, "position")
        return self._widget

    def _follow(self, change: Any) -> None:
        self._position = self._widget.position = max(0, min(len(self), change["new"]))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The widget where there is one, and the HTML for every other viewer; never an exception."""
        try:
            bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self.to_html()}
        except Exception as error:
            return {"text/plain": f"{error}\n\n{self!r}"}
        if not self._shows_widget:
            return bundle
        try:
            shown = self.widget()._repr_mimebundle_()
        except Exception:
            return bundle
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **bundle}, metadata

    def __repr__(self) -> str:
        return f"<Player of {self.title}: step {self._position} of {len(self)}>"


def step(
    what: Any,
    *inputs: Any,
    gradient: float = 1.0,
    forward: bool = True,
    accumulate: bool = False,
    direction: str = "LR",
    depth: int | None = None,
    expand: str | Iterable[str] = (),
    collapse: str | Iterable[str] = (),
    fold: bool | None = None,
    parameters: Any = None,
    digits: int = 4,
    diagnosis: bool | str | Iterable[str] = True,
    legend: bool = False,
    title: str | None = None,
    widget: bool = False,
    max_nodes: int = MAX_NODES,
) -> Player:
    """Step through the computation of a Value and its back-propagation.

    Args:
        what: A Value, several, a Program, or a model and its inputs, as for `draw`.
        inputs: What to call a model with.
        gradient: The gradient of each output with respect to itself.
        forward: Whether to begin with the forward computation.
        accumulate: Whether leaves start with the gradients they have, as in `backward()`.
        direction: `"LR"` (inputs at the left) or `"TB"` (inputs on top). Once groups open, the page draws the
            picture anew, without the frames of scopes and the legend.
        depth: How many levels of scopes stay open, as for `draw`.
        expand: Scopes to open in spite of `depth`.
        collapse: Scopes to collapse in any case.
        fold: Whether repeated structure shares a box. Default: with more than 200 nodes.
        parameters: The leaves to draw as parameters, or their model, as for `draw`.
        digits: Significant digits of the numbers.
        diagnosis: Which layers to mark, as for `draw`.
        legend: Whether to explain the shapes.
        title: The heading. Default: the outputs' names.
        widget: Whether a notebook shows the widget, through which the kernel reads `position` and `inputs`. A
            widget needs its kernel: in a notebook that is opened without one, and in a page that nbconvert
            makes, Jupyter cannot show it without a network. The plain HTML, the default, plays there.
        max_nodes: The largest graph to step through; a larger one is refused before any work is done.

    Returns:
        A `Player`; it displays itself as the last expression of a notebook cell.

    Raises:
        TypeError: there is nothing to draw in `what`.
        ValueError: an option has no such value, or there are more than `max_nodes` nodes.

    >>> from autograd_core import Value
    >>> player = step(Value(3.0, "x").tanh(), title="tanh at 3")
    >>> player
    <Player of tanh at 3: step 0 of 3>
    >>> [type(player.next()).__name__ for _ in range(len(player))]
    ['ForwardStep', 'SeedStep', 'Contribution']
    """
    roots, found = roots_of(what, inputs)
    whole_number("max_nodes", max_nodes, 1)
    number("gradient", gradient, "[-inf, inf]")
    for name, value in (("forward", forward), ("accumulate", accumulate), ("widget", widget)):
        truth(name, value)
    if not isinstance(title, str | None):
        raise TypeError(f"title must be text, not {title!r:.60}")
    if (size := len(topological_order(*roots))) > max_nodes:
        raise ValueError(
            f"{size:,} nodes are more than max_nodes={max_nodes:,}; "
            "step through one example, draw() the graph, or give a larger max_nodes"
        )
    events = steps(*roots, gradients=[gradient] * len(roots), forward=forward, accumulate=accumulate)
    scopes = names_of("expand", expand), names_of("collapse", collapse)
    style = Style(digits, numbered=True)
    options = Options(
        direction, depth, *scopes, fold, style, layers_of(diagnosis), legend, readable=OPEN_UP_TO
    )
    snapshot = take_snapshot(roots, found if parameters is None else chosen_parameters(parameters))
    return Player(Drawing(snapshot, options), events, title or _title(roots), widget, accumulate)


def _title(roots: Sequence[Value]) -> str:
    names = ", ".join(root.label or "the output" for root in roots[:3])
    return f"Computing and differentiating {names}"
