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

import difflib
import importlib
import operator
from collections.abc import Iterable
from typing import Any

from autograd_core.errors import AutogradError, NonFiniteError

__all__ = [
    "DivergenceError",
    "FileError",
    "InputError",
    "ModelWarning",
    "SlowTrainingWarning",
    "StateError",
    "count_of",
    "refuse_class",
    "require",
    "unknown",
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
    """A run is trained example by example, which is slower than on a Program by the factor told."""


def unknown(kind: str, name: object, names: Iterable[str], hint: str = "") -> InputError:
    """The error for a name that is not known, with the nearest one that is.

    Args:
        kind: what is named, with its article left out: "loss".
        name: what was given; no text at all is told too.
        names: those there are.
        hint: what else to say.
    """
    known = list(names)
    if not isinstance(name, str):
        return InputError(f"the name of the {kind} is a text, one of {', '.join(known)}; not {name!r}{hint}")
    near = difflib.get_close_matches(name.lower().strip(), known, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"no {kind} is named {name!r}{hint}; {meant}there are {', '.join(known)}")


def refuse_class(what: str, thing: Any) -> None:
    """An object is wanted, and a class is callable too, so that it would be noticed late.

    Raises:
        InputError: it is a class.
    """
    if isinstance(thing, type):
        raise InputError(
            f"{what} is an object, and {thing.__name__} is a class: call it, {thing.__name__}(...)"
        )


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
