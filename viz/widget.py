"""The player as a Jupyter widget."""

from typing import Any

from viz.page import player_script


def make_widget(payload: str, position: int) -> Any:
    """A widget that plays `payload`; its `position` is in step with the page's.

    Args:
        payload: What viz/static/player.js asks for, as JSON text.
        position: The step to begin at.

    Raises:
        ImportError: anywidget is not installed.
    """
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ImportError('the widget needs anywidget: pip install "autograd-core[notebook]"') from error

    class PlayerWidget(anywidget.AnyWidget):
        """The step player."""

        _esm = player_script()
        payload = traitlets.Unicode().tag(sync=True)
        position = traitlets.Int(0).tag(sync=True)

    return PlayerWidget(payload=payload, position=position)
