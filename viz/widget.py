"""The player as a Jupyter widget."""

from typing import Any


def make_widget(payload: str, script: str, position: int) -> Any:
    """A widget that plays `payload`, JSON text; its `position` and `inputs` are in step with the page's.

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

        _esm = script
        payload = traitlets.Unicode().tag(sync=True)
        position = traitlets.Int(0).tag(sync=True)
        inputs = traitlets.Dict().tag(sync=True)

    return PlayerWidget(payload=payload, position=position)
