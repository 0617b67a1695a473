"""How good a model is: predictions, accuracy, confusion matrix, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_core import Value, no_grad
from autograd_core.programs.program import record
from nn.data import check_lengths, numbers_of, rows_of, targets_of
from nn.errors import InputError
from nn.losses import CLASSES, Loss, LossFunction, loss_named
from nn.module import Module

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Evaluation", "accuracy", "confusion_matrix", "evaluate", "predict", "predict_labels"]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        loss: the mean of L over the examples.
        accuracy: the share of right answers; None for targets that are not classes.
        examples: how many there were.
    """

    loss: float
    accuracy: float | None
    examples: int


_MANY = 16  # from how many rows on recording a Program pays


def _numbers(outputs: Any) -> float | list[float]:
    return outputs.data if isinstance(outputs, Value) else [output.data for output in outputs]


def predict(model: Any, X: Any) -> list[Any]:
    """The model's outputs for each example, a float or, of several, a list of floats; builds no graph."""
    return _outputs(model, rows_of(X, getattr(model, "nin", None)))


def _outputs(model: Any, rows: list[list[float]]) -> list[Any]:
    """The outputs of every row as floats, by a Program where that is known to give the same bits."""
    if len(rows) >= _MANY and getattr(model, "is_pure", False):
        outputs: list[Any] = record(model, rows[0])(rows).tolist()
        if outputs[-1] == _outputs_on_values(model, rows[-1:])[0]:
            return outputs
    return _outputs_on_values(model, rows)


def _outputs_on_values(model: Any, rows: list[list[float]]) -> list[Any]:
    with no_grad():
        return [_numbers(model(row)) for row in rows]


def label_of(outputs: float | list[float]) -> int:
    """The index of the largest output (the first of equals); of one output, whether it is above 0."""
    if isinstance(outputs, float):
        return int(outputs > 0.0)
    if len(outputs) == 1:
        return int(outputs[0] > 0.0)
    return outputs.index(max(outputs))


def predict_labels(model: Any, X: Any, classes: Sequence[Any] | None = None) -> list[Any]:
    """The class of every example.

    Args:
        model: a module with one output a class, or with a single one (two classes, the border at 0).
        X: the examples.
        classes: what to call the classes; 0, 1, ... without it.
    """
    found = [label_of(outputs) for outputs in predict(model, X)]
    if classes is None:
        return found
    if max(found) >= len(classes):
        raise InputError(f"the model tells more classes apart than the {len(classes)} that are named")
    return [classes[index] for index in found]


def _is_right(outputs: float | list[float], target: Any) -> bool:
    """Whether the outputs name the target's class: a label, a sign, a 0/1 flag or a one-hot row."""
    if hasattr(target, "__len__"):
        target = label_of([float(t) for t in target]) if len(target) > 1 else target[0]
    if isinstance(outputs, list) and len(outputs) > 1:
        return bool(label_of(outputs) == target)
    return label_of(outputs) == int(target > 0.5)


def accuracy(model: Any, X: Any, y: Any) -> float:
    """The share of examples whose class the model finds.

    Args:
        model: a module.
        X: the examples.
        y: their classes: labels 0 .. n-1, or for a single output 0 and 1 or -1 and 1.

    Raises:
        InputError: X cannot be used, or X and y differ in length.
    """
    outputs = predict(model, X)
    check_lengths(outputs, y)
    return sum(map(_is_right, outputs, numbers_of(y, "y").tolist())) / len(outputs)


def confusion_matrix(
    y: Sequence[Any], predicted: Sequence[Any], classes: Sequence[Any] | None = None
) -> NDArray[Any]:
    """Counts: row i, column j has the examples of class i that were taken for class j.

    Args:
        y: the true classes.
        predicted: the classes found.
        classes: the classes in the order of the rows; sorted from the data without it.

    Raises:
        InputError: the lengths differ, or a class is not in `classes`.
    """
    import numpy as np

    check_lengths(list(y), predicted, "true and predicted classes")
    order = sorted({*y, *predicted}) if classes is None else list(classes)
    index = {label: position for position, label in enumerate(order)}
    counts = np.zeros((len(order), len(order)), dtype=np.int64)
    for true, found in zip(y, predicted, strict=True):
        if true not in index or found not in index:
            raise InputError(f"class {true if true not in index else found!r} is not among {order}")
        counts[index[true], index[found]] += 1
    return counts


def evaluate(model: Module, X: Any, y: Any, loss: str | Loss | LossFunction = "cross_entropy") -> Evaluation:
    """The mean loss and the accuracy on some data; changes nothing and builds no graph.

    Args:
        model: a module.
        X: the examples.
        y: their targets.
        loss: a name, one of `nn.losses`, or your own (outputs, target) -> Value.

    Raises:
        InputError: the data cannot be used.
    """
    row = loss_named(loss)
    rows = rows_of(X, getattr(model, "nin", None))
    check_lengths(rows, y)
    targets = targets_of(row, y, output_count(model, rows[0]))
    return evaluate_checked(model, rows, targets, row)


def output_count(model: Any, row: list[float]) -> int:
    """How many outputs the model has, found by asking it once.

    Raises:
        InputError: it returns something else than a Value or a sequence of them.
    """
    with no_grad():
        outputs = model(row)
    if isinstance(outputs, Value):
        return 1
    if (
        not hasattr(outputs, "__len__")
        or not all(isinstance(output, Value) for output in outputs)
        or not len(outputs)
    ):
        raise InputError(f"the model must return a Value or a list of them, not {outputs!r}")
    return len(outputs)


def evaluate_checked(model: Any, rows: list[list[float]], targets: list[Any], loss: Loss) -> Evaluation:
    """`evaluate` for data that has been looked at already."""
    total, right = 0.0, 0
    classes = loss.targets in CLASSES
    with no_grad():
        for numbers, target in zip(_outputs(model, rows), targets, strict=True):
            outputs = Value(numbers) if isinstance(numbers, float) else [Value(number) for number in numbers]
            total += loss(outputs, target).data
            right += classes and _is_right(numbers, target)
    return Evaluation(total / len(rows), right / len(rows) if classes else None, len(rows))
