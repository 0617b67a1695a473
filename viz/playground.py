"""The playground: a page where an expression is typed and its graph and gradients appear, without Python.

>>> from viz.playground import playground_html
>>> "playgroundNext" in playground_html("a * b")
True
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograd_core.calculus.javascript import LIVE
from autograd_core.calculus.operation import Reduction
from autograd_core.calculus.operations import OPERATIONS
from viz.files import check_suffix, write_file
from viz.narration import formula_templates
from viz.page import PAGE, page, player_css, player_script
from viz.text import script_json

HOST = "autograd-playground"
EXPRESSION = "tanh(w1*x1 + w2*x2 + b)"
_DEFAULTS = {"leaky_relu": 0.01, "elu": 1.0}
_HIDDEN = {"stop_gradient", "dot", "softmax", "log_softmax"}  # they have an index, or operands in two halves


def playground_html(expression: str = EXPRESSION, values: Mapping[str, float] | None = None) -> str:
    """The playground as an HTML fragment, to be put into a page.

    Args:
        expression: What stands in the field at first.
        values: What its names stand for at first.
    """
    payload = {
        "css": player_css() + player_css("playground"),
        "expression": expression,
        "values": dict(values or {}),
        "facts": _facts(),
    }
    script = player_script(entry="playground", rare=False)
    return (
        f'<div class="{HOST}"></div>\n<script type="module">\n{script}\n'
        f'playgroundNext("{HOST}", {script_json(payload)});\n</script>'
    )


def save_playground(
    path: str | os.PathLike[str], expression: str = EXPRESSION, values: Mapping[str, float] | None = None
) -> Path:
    """Write the playground as one self-contained HTML file.

    Args:
        path: Where to.
        expression: What stands in the field at first.
        values: What its names stand for at first.

    Returns:
        The path.

    Raises:
        FormatError: the path has another suffix.
        OSError: the file cannot be written.
    """
    check_suffix(path, "a page", *PAGE)
    return write_file(path, page(playground_html(expression, values), "Type an expression").encode())


def _facts() -> dict[str, Any]:
    """What the page must know of every operation that can be typed."""
    operations = [OPERATIONS[name] for name in sorted(LIVE - _HIDDEN)]
    return {
        "arities": {op.name: op.arity or 0 for op in operations},
        "defaults": _DEFAULTS,
        "formulas": {op.name: formula_templates(op) for op in operations},
        "reductions": [op.name for op in operations if isinstance(op, Reduction)],
        "selecting": {op.name: True for op in operations if op.selecting},
    }
