"""The exceptions of nn.

    AutogradError
    ├── InputError (ValueError)        data, targets or arguments that cannot be used
    ├── StateError (ValueError)        a state_dict that does not fit the model
    ├── FileError (OSError)            a saved file that is damaged or is something else
    └── NonFiniteError (ArithmeticError)
        └── DivergenceError            a training run left the finite numbers

They are raised before any parameter has changed.
"""

from __future__ import annotations

import importlib
import operator
from typing import Any

from autograd_core.errors import AutogradError, NonFiniteError

__all__ = ["DivergenceError", "FileError", "InputError", "StateError", "count_of", "require"]


class InputError(AutogradError, ValueError):
    """Data, targets or arguments that cannot be used."""


class StateError(AutogradError, ValueError):
    """A ``state_dict`` that does not fit the module."""


class FileError(AutogradError, OSError):
    """A saved file that is damaged, truncated, or not of this kind."""


class DivergenceError(NonFiniteError):
    """A loss, a gradient or an update that is no longer a finite number."""


def count_of(name: str, count: Any) -> int:
    """The count as an int; NumPy's integers will do, floats and truth values will not.

    Raises:
        InputError: it is not a whole number, or less than 1.
    """
    if not hasattr(count, "__index__") or isinstance(count, bool) or operator.index(count) < 1:
        raise InputError(f"{name} must be a whole number, at least 1, not {count!r}")
    return operator.index(count)


def require(module: str, extra: str) -> Any:
    """Import an optional package, or say which extra brings it.

    Args:
        module: the name to import, e.g. ``"matplotlib.pyplot"``.
        extra: the extra of autograd-core that installs it.

    Returns:
        The module.

    Raises:
        ImportError: the package is missing; the message tells the remedy.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f'{package} is needed here and is not installed: pip install "autograd-core[{extra}]"'
        ) from error
