"""The exceptions of nn.

    AutogradError
    ├── InputError (ValueError)        data, targets or arguments that cannot be used
    ├── StateError (ValueError)        a state_dict that does not fit the model
    ├── FileError (OSError)            a saved file that is damaged or is something else
    └── NonFiniteError (ArithmeticError)
        └── DivergenceError            a training run became non-finite

They are raised before any parameter has changed. `ModelWarning` and `SlowTrainingWarning` are warnings.
"""

from __future__ import annotations

import importlib
from typing import Any

from autograd_core.errors import AutogradError, NonFiniteError

__all__ = [
    "DivergenceError",
    "FileError",
    "InputError",
    "ModelWarning",
    "SlowTrainingWarning",
    "StateError",
    "require",
]


class InputError(AutogradError, ValueError):
    """Data, targets or arguments that cannot be used."""


class StateError(AutogradError, ValueError):
    """A ``state_dict`` that does not fit the module."""


class FileError(AutogradError, OSError):
    """A saved file that is damaged, truncated, or not of this kind."""


class DivergenceError(NonFiniteError):
    """A loss, a gradient or an update that is no longer a finite number."""


class ModelWarning(UserWarning):
    """Model and loss do not go together: the run trains, but not what its author seems to mean."""


class SlowTrainingWarning(UserWarning):
    """A run is trained, or rows are predicted, example by example: slower than on a Program."""


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
