"""Pictures of computation graphs, and a player that steps through them.

>>> from autograd_core import Value
>>> import viz
>>> a, b = Value(2.0, "a"), Value(-3.0, "b")
>>> loss = (a * b).tanh() + a**2
>>> viz.draw(loss)
<Drawing of 7 nodes>
>>> player = viz.step(loss)
>>> player.next()
ForwardStep(node=Value(-6.0, op='mul'), arguments=(2.0, -3.0), value=-6.0)

A notebook shows the drawing as a picture, and the player with its buttons, slider and keys.
`draw(...).save("graph.svg")` and `step(...).save_html("player.html")` write files, `step(...).show()`
steps in the terminal, and `python -m viz` does all three from the shell.
"""

from typing import TYPE_CHECKING

from autograd_core._lazy import lazily
from viz.latex import Latex, latex  # not later: to import the module would take the function's name

if TYPE_CHECKING:
    from viz.drawing import Drawing, draw
    from viz.errors import DrawingError, FormatError, RendererError, RenderTimeout
    from viz.player import Player, step

# Imported when they are first asked for, so that `import viz` stays quick.
_LAZY = {
    "drawing": "Drawing draw",
    "errors": "DrawingError FormatError RenderTimeout RendererError",
    "player": "Player step",
}

_MODULES = (
    "arrangement columns diagnosis dot files folding frames heat mermaid naming narration page palette"
    " payload picture planning playground products renderer roots snapshot spread svg terminal text"
    " webassembly widget"
)
__getattr__, __dir__ = lazily(__name__, _LAZY, _MODULES.split())

__distribution__ = "autograd-core"  # see autograd_core/_paths.py

__all__ = [
    "Drawing",
    "DrawingError",
    "FormatError",
    "Latex",
    "Player",
    "RenderTimeout",
    "RendererError",
    "draw",
    "latex",
    "step",
]
