"""What drawing can report.

AutogradError
└── DrawingError            anything that kept a picture from being made
    ├── RendererError       no renderer, or the renderer failed      (RuntimeError)
    │   └── LayoutError     the renderer could not lay this graph out
    ├── RenderTimeout       the layout took too long                 (TimeoutError)
    └── FormatError         a format that cannot be written          (ValueError)
"""

from autograd_core.errors import AutogradError


class DrawingError(AutogradError):
    """A picture could not be made."""


class RendererError(DrawingError, RuntimeError):
    """No Graphviz renderer was found, or it failed; the message tells the remedy."""


class LayoutError(RendererError):
    """The renderer failed on a graph."""


class RenderTimeout(DrawingError, TimeoutError):
    """The renderer did not finish its layout in time."""


class FormatError(DrawingError, ValueError):
    """A file format that cannot be written here."""
