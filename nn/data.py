"""Looking at data before anything is trained on it."""

from __future__ import annotations

from typing import Any

from autograd_core import Value
from nn.errors import InputError
from nn.losses import Loss

__all__ = ["check_lengths", "data_digest", "numbers_of", "rows_of", "targets_of", "values_of"]


def values_of(x: Any) -> list[Value]:
    """One example as Values; plain numbers become constants, which get no gradient."""
    return [v if isinstance(v, Value) else Value(v).detach() for v in x]


def rows_of(X: Any, width: int | None = None, name: str = "X") -> list[list[float]]:
    """The examples as lists of floats.

    Args:
        X: a NumPy array, a data frame, a list of rows: one row an example.
        width: how many numbers a row must have, if that is known.
        name: what to call it in a message.

    Raises:
        InputError: it is empty, ragged, not two-dimensional, of the wrong width, or has entries that are not
            finite numbers.
    """
    _refuse_masks(X, name)
    array = numbers_of(X, name)
    if not array.size:
        raise InputError(f"{name} is empty: its shape is {array.shape}")
    if array.ndim != 2:
        hint = " (a single feature: X.reshape(-1, 1))" if array.ndim == 1 else ""
        raise InputError(
            f"{name} must have one row of numbers for each example; its shape is {array.shape}{hint}"
        )
    if width is not None and array.shape[1] != width:
        raise InputError(f"the model takes {width} inputs, and the rows of {name} have {array.shape[1]}")
    _check_finite(array, name)
    rows: list[list[float]] = array.tolist()
    return rows


def _refuse_masks(data: Any, name: str) -> None:
    import numpy as np

    if np.ma.is_masked(data):
        raise InputError(f"{name} is a masked array: fill the masked entries, or leave their rows out")


def numbers_of(data: Any, name: str) -> Any:
    """The data as an array of float64, of any shape.

    Raises:
        InputError: it is something else than real numbers.
    """
    import numpy as np

    try:
        array = np.asarray(data)
        if array.dtype.kind == "c":
            raise TypeError("it has complex numbers")
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is not an array of numbers: {error}") from error


def _check_finite(array: Any, name: str) -> None:
    import numpy as np

    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        many = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise InputError(f"{name}{list(place)} is {array[place]}{many}: every entry must be a finite number")


def check_lengths(X: list[Any], y: Any, names: str = "X and y") -> None:
    """Examples and targets must be equally many.

    Raises:
        InputError: they are not.
    """
    if not hasattr(y, "__len__"):
        raise InputError(f"the targets must be a sequence, one for each example; got {type(y).__name__}")
    if len(X) != len(y):
        raise InputError(f"{names} differ in length: {len(X)} examples, {len(y)} targets")


def targets_of(loss: Loss, y: Any, outputs: int, name: str = "y") -> list[Any]:
    """The targets in the form the loss expects, each of them looked at.

    Args:
        loss: a row of `nn.losses.LOSSES`; a loss of the user's own (targets "any") gets them as they are.
        y: one target an example.
        outputs: the number of outputs of the model.
        name: what to call it in a message.

    Raises:
        InputError: labels out of range or not whole, signs other than -1 and 1, entries that are masked or
            not finite.
    """
    _refuse_masks(y, name)
    if loss.targets == "any":
        return list(y)
    if loss.targets == "labels" and outputs < 2:
        raise InputError(
            f"{loss.name} needs one output for each class, and the model has 1; for two classes and one "
            "output use binary_cross_entropy"
        )
    array = numbers_of(y, name)
    _check_finite(array, name)
    several_classes = loss.targets == "labels" or (loss.targets == "signs" and outputs > 1)
    if several_classes and array.ndim == 1:
        return _labels(array, outputs, name)
    if several_classes:
        _check_shape(array, outputs, name)
        return list(array.tolist())
    if outputs > 1 or array.ndim > 1:
        _check_shape(array, outputs, name)
    if loss.targets == "binary" and ((array < 0) | (array > 1)).any():
        raise InputError(
            f"{loss.name} takes targets in [0, 1]; {name} goes from {array.min():g} to {array.max():g}"
        )
    if loss.targets == "signs" and (abs(array) != 1).any():
        raise InputError(f"{loss.name} takes targets -1 and 1; {name} has {_first(array, abs(array) != 1):g}")
    return list(array.tolist())


def _check_shape(array: Any, outputs: int, name: str) -> None:
    if array.ndim != 2 or array.shape[1] != outputs:
        raise InputError(f"the model has {outputs} outputs, and {name} has shape {array.shape}")


def _labels(array: Any, outputs: int, name: str) -> list[int]:
    whole = array == array.round()
    if not whole.all():
        raise InputError(f"class labels are whole numbers; {name} has {_first(array, ~whole):g}")
    outside = (array < 0) | (array >= outputs)
    if outside.any():
        raise InputError(
            f"label {_first(array, outside):g} in {name} is out of range: the model has {outputs} outputs, "
            f"so labels go from 0 to {outputs - 1}"
        )
    return [int(label) for label in array.tolist()]


def _first(array: Any, mask: Any) -> float:
    return float(array[mask][0])


def data_digest(X: list[list[float]], y: list[Any]) -> str:
    """A fingerprint of the data, to tell when a run is resumed with other data."""
    import hashlib

    import numpy as np

    return hashlib.sha256(np.asarray(X).tobytes() + repr(y).encode()).hexdigest()[:16]
