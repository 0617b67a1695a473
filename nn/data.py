"""Looking at data before anything is trained on it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autograd_core import Value
from nn.arguments import shown
from nn.errors import InputError
from nn.losses import CLASSES, PROBABILITIES, ROUNDED, Loss


@dataclass(frozen=True)
class Examples:
    """Rows, targets and weights, where they lie.

    Attributes:
        X: the rows, float64, shape (examples, inputs).
        targets: one an example: an array, or a list of whatever a loss of the user's own takes.
        weights: of the examples, float64, or None.
    """

    X: Any
    targets: Any
    weights: Any = None

    def __len__(self) -> int:
        return len(self.X)

    def row(self, i: int) -> list[float]:
        """The numbers of an example."""
        numbers: list[float] = self.X[i].tolist()
        return numbers

    def target(self, i: int) -> Any:
        """Its target, in Python's numbers."""
        found = self.targets[i]
        return found if isinstance(self.targets, list) else found.tolist()


def values_of(x: Any) -> list[Value]:
    """One example as Values; plain numbers become constants, which get no gradient."""
    return [v if isinstance(v, Value) else Value(v).detach() for v in x]


def rows_of(X: Any, width: int | None = None, name: str = "X") -> Any:
    """The examples as a C-contiguous float64 array, shape (examples, inputs): X itself if it is one.

    Args:
        X: a NumPy array, a data frame, a list of rows: one row an example.
        width: how many numbers a row must have, if that is known.
        name: what to call it in a message.

    Raises:
        InputError: it is empty, ragged, not two-dimensional, of the wrong width, or has entries that are not
            finite numbers.
    """
    import numpy as np

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
    return np.ascontiguousarray(array)


def _refuse_masks(data: Any, name: str) -> None:
    import numpy as np

    if np.ma.is_masked(data):
        raise InputError(f"{name} is a masked array: fill the masked entries, or leave their rows out")


_NO_NUMBERS = {
    "c": "complex numbers",
    "M": "dates: subtract one and divide by a unit, (dates - first) / numpy.timedelta64(1, 'D')",
    "m": "spans of time: divide by a unit, spans / numpy.timedelta64(1, 's')",
}


def numbers_of(data: Any, name: str) -> Any:
    """The data as an array of float64, of any shape.

    Raises:
        InputError: it is something else than real numbers.
    """
    import numpy as np

    try:
        array = np.asarray(data)
        if kind := _NO_NUMBERS.get(array.dtype.kind):
            raise TypeError(f"it has {kind}")
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # PyTorch's is the last
        raise InputError(f"{name} is not an array of numbers: {error}") from error


def _check_finite(array: Any, name: str) -> None:
    import numpy as np

    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        place = tuple(int(i) for i in bad[0])
        many = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise InputError(f"{name}{list(place)} is {array[place]}{many}: every entry must be a finite number")


def check_lengths(X: Any, y: Any, names: str = "X and y") -> None:
    """Examples and targets must be equally many.

    Raises:
        InputError: they are not.
    """
    if getattr(X, "shape", None) == () or not hasattr(X, "__len__"):
        raise InputError(f"{names}: the examples must be a sequence; got {type(X).__name__}")
    if getattr(y, "shape", None) == () or not hasattr(y, "__len__"):
        raise InputError(f"the targets must be a sequence, one for each example; got {type(y).__name__}")
    if len(X) != len(y):
        raise InputError(f"{names} differ in length: {len(X)} examples, {len(y)} targets")


def targets_of(loss: Loss, y: Any, outputs: int, name: str = "y") -> Any:
    """The targets in the form the loss expects, each of them looked at: an array.

    Args:
        loss: a row of `nn.losses.LOSSES`; a loss of the user's own (targets "any") gets a list.
        y: one target an example.
        outputs: the number of outputs of the model.
        name: what to call it in a message.

    Raises:
        InputError: labels out of range or not whole, rows that are no probabilities, signs other than -1 and
            1, counts below 0, entries that are masked or not finite.
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
        wrong = (array < 0).any(axis=1) | (abs(array.sum(axis=1) - 1.0) > ROUNDED)
        if wrong.any():
            raise InputError(f"{PROBABILITIES}; {name} has the row {shown(array[wrong][0].tolist())}")
        return array
    if outputs > 1 or array.ndim > 1:
        _check_shape(array, outputs, name)
    if loss.targets == "binary" and ((array < 0) | (array > 1)).any():
        raise InputError(
            f"{loss.name} takes targets in [0, 1]; {name} goes from {array.min():g} to {array.max():g}"
        )
    if loss.targets == "counts" and (array < 0).any():
        raise InputError(f"{loss.name} takes targets >= 0; {name} has {array.min():g}")
    if loss.targets == "signs" and (abs(array) != 1).any():
        raise InputError(f"{loss.name} takes targets -1 and 1; {name} has {_first(array, abs(array) != 1):g}")
    return array


def _check_shape(array: Any, outputs: int, name: str) -> None:
    if array.ndim != 2 or array.shape[1] != outputs:
        raise InputError(f"the model has {outputs} outputs, and {name} has shape {array.shape}")


def _labels(array: Any, outputs: int, name: str) -> Any:
    whole = array == array.round()
    if not whole.all():
        raise InputError(f"class labels are whole numbers; {name} has {_first(array, ~whole):g}")
    outside = (array < 0) | (array >= outputs)
    if outside.any():
        raise InputError(
            f"label {_first(array, outside):g} in {name} is out of range: the model has {outputs} outputs, "
            f"so labels go from 0 to {outputs - 1}"
        )
    import numpy as np

    return array.astype(np.int64)


def _first(array: Any, mask: Any) -> float:
    return float(array[mask][0])


def data_digest(X: Any, y: Any) -> str:
    """A fingerprint of the data, to tell when a run is resumed with other data."""
    import numpy as np

    found = hashlib.sha256(X)
    found.update(repr(y).encode() if isinstance(y, list) else np.ascontiguousarray(y).data)
    return found.hexdigest()[:16]


_KEPT = 1 << 20  # numbers of an array that is kept as a copy


def fingerprint(examples: Examples | None) -> dict[str, bytes]:
    """What a change in place is told by: the bytes of X, y and the weights, of many numbers a hash."""
    if examples is None:
        return {}
    parts = {"X": examples.X, "y": examples.targets, "sample_weight": examples.weights}
    return {name: _bytes_of(part) for name, part in parts.items() if part is not None}


def _bytes_of(part: Any) -> bytes:
    """The bytes of an array; of a large one a sum of each row, of its bits times random factors, modulo 2^64.

    The upper half of a number has factors of its own: signs and powers of two are no odd numbers there. What
    changes in a row changes its sum, but for one case in 2^32; at the speed of memory.
    """
    import numpy as np

    if isinstance(part, list):  # whatever a loss of the user's own takes
        try:
            part = np.asarray(part, dtype=np.float64)
        except (TypeError, ValueError):
            with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
                return repr(part).encode()
    if part.size > _KEPT:
        rows = part.reshape(len(part), -1).view(np.uint64)
        whole, upper = np.random.default_rng(1).integers(2**64, size=(2, rows.shape[1]), dtype=np.uint64)
        blocks = np.array_split(rows, -(-rows.size // _KEPT))  # so that their upper halves take little room
        part = np.concatenate([block @ whole + (block >> 32) @ upper for block in blocks])
    found: bytes = part.tobytes()
    return found


def weights_of(sample_weight: Any, count: int) -> Any:
    """The weights of so many examples, an array; None if all count alike.

    Raises:
        InputError: they are too few, negative or all 0.
    """
    import numpy as np

    if sample_weight is None:
        return None
    weights = numbers_of(sample_weight, "sample_weight")
    if weights.shape != (count,):
        raise InputError(f"sample_weight has shape {weights.shape} for {count} examples")
    _check_finite(weights, "sample_weight")
    if (weights < 0.0).any() or not weights.any():
        raise InputError("sample_weight must have no number below 0 and one above")
    return np.ascontiguousarray(weights)


def with_class_weights(examples: Examples, class_weight: Any, loss: Loss, outputs: int) -> Examples:
    """The examples with the weights of their classes, times those they have already.

    Args:
        examples: what is trained on: held-out examples do not count.
        class_weight: label -> factor, or "balanced".
        loss: the row of the loss, which tells whether there are classes.
        outputs: the number of outputs of the model.

    Raises:
        InputError: there are no classes, one has no weight, or a weight is of a class that cannot be.
    """
    factors = _class_weights(class_weight, examples.targets, loss, outputs)
    weights = factors if examples.weights is None else examples.weights * factors
    if not weights.any():
        raise InputError("class_weight, times sample_weight if there is one, is 0 for every example")
    return replace(examples, weights=weights)


def _class_weights(class_weight: Any, targets: Any, loss: Loss, outputs: int) -> Any:
    import numpy as np

    if loss.targets not in CLASSES or getattr(targets, "ndim", 0) != 1:
        raise InputError(f"class_weight needs one label an example; {loss.name} has other targets here")
    labels, place, counts = np.unique(targets, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return (len(targets) / (len(labels) * counts))[place]
    if not isinstance(class_weight, Mapping):
        raise InputError(f'class_weight is a dict of labels, or "balanced"; not {shown(class_weight)}')
    missing = [label for label in labels.tolist() if label not in class_weight]
    if missing:
        raise InputError(f"class_weight has no weight for class {missing[0]!r}")
    several = loss.targets == "labels" or outputs > 1
    classes = set(range(outputs)) if several else {0 if loss.targets == "binary" else -1, 1}
    strangers = [label for label in class_weight if label not in classes.union(labels.tolist())]
    if strangers:
        raise InputError(
            f"class_weight has a weight for {shown(strangers[0])}, which is no class of this model: "
            f"there are {', '.join(map(str, sorted(classes)))}"
        )
    factors = numbers_of([class_weight[label] for label in labels.tolist()], "class_weight")
    if not (np.isfinite(factors) & (factors >= 0.0)).all():
        raise InputError(f"the weights of classes are numbers >= 0, not {class_weight!r}")
    return factors[place]
