"""Pictures of computation graphs, and a player that steps through them."""

from viz.drawing import Drawing, draw
from viz.errors import DrawingError, FormatError, RendererError, RenderTimeout
from viz.player import Player, step

__all__ = [
    "Drawing",
    "DrawingError",
    "FormatError",
    "Player",
    "RenderTimeout",
    "RendererError",
    "draw",
    "step",
]
