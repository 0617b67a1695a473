"""How good a model is: predictions, accuracy, confusion matrix, evaluation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd_core import Value, no_grad
from autograd_core.programs.program import Program, record
from nn.arguments import check_model, shown
from nn.branches import branches_of, without_branches
from nn.data import Examples, check_lengths, numbers_of, rows_of, targets_of, weights_of
from nn.errors import InputError, SlowTrainingWarning
from nn.losses import CLASSES, LOSSES, Loss, LossFunction, loss_named
from nn.module import Module
from nn.random_inputs import train_mode
from nn.random_state import RandomStates
from nn.snapshot import Snapshot

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
        accuracy_kind: what is counted: "multiclass", "binary", "subset" (all labels of an example right), "".
        metrics: the user's own, by name.

    Example:
        >>> from nn import MLP, evaluate
        >>> evaluate(MLP(2, [3], seed=1), [[0.0, 0.0]], [0]).examples
        1
    """

    loss: float
    accuracy: float | None
    examples: int
    accuracy_kind: str = ""
    metrics: dict[str, float] = field(default_factory=dict)


_MANY = 16  # from how many rows on recording a Program pays


def _numbers(outputs: Any) -> float | list[float]:
    return outputs.data if isinstance(outputs, Value) else [output.data for output in outputs]


def predict(model: Any, X: Any) -> list[Any]:
    """The model's outputs for each example, a float or, of several, a list of floats.

    Layers such as dropout do not draw. Many rows run on a Program, where that gives the bits of single ones;
    a model that counts its calls, or changes other numbers of its own in them, is called for each row.

    Args:
        model: a module, or a callable from a row to a Value or a list of them.
        X: the examples, shape (examples, inputs).

    Returns:
        A list: for each example a float, or a list of floats.

    Raises:
        InputError: X cannot be used.

    Warns:
        SlowTrainingWarning: the model is called for each of many rows, and why.

    Example:
        >>> from nn import MLP
        >>> model = MLP(2, [3], seed=1)
        >>> len(predict(model, [[0.5, -1.0], [1.0, 2.0]])[0])
        3
    """
    check_model(model)
    forward = _Forward(model)
    outputs = forward(rows_of(X, getattr(model, "nin", None)))
    found: list[Any] = outputs if isinstance(outputs, list) else outputs.tolist()
    if forward.refused and len(found) >= _LONG:
        warnings.warn(
            f"the model is called for each of {len(found)} rows, not run on a Program, because "
            f"{forward.reason}. The outputs are the same",
            SlowTrainingWarning,
            stacklevel=2,
        )
    return found


class _Forward:
    """The outputs of a model for many rows; the Program is kept for the next time."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.program: Program | None = None
        self.refused, self.reason = False, ""
        self._checks = 8

    def __call__(self, X: Any) -> Any:
        """An array of shape (examples,) or (examples, outputs), or a list."""
        with train_mode(False), no_grad():
            first: list[Any] = []
            if len(X) >= _MANY and not self.refused:
                outputs = self._by_program(X, first)
                if outputs is not None:
                    return outputs
                self.program, self.refused = None, True
            return [*first, *(_numbers(self.model(x)) for x in X[len(first) :].tolist())]

    def _by_program(self, X: Any, first: list[Any]) -> Any:
        """What a Program gives, or None: the model cannot be recorded, or some rows differ by a bit.

        Rows that take another branch are evaluated by the model itself. Where the second call has changed the
        model, or drawn random numbers, the outputs of the first two are put into `first`: the model is called
        once a row.
        """
        model, watch, before = self.model, None, None
        looked_at = range(0, len(X), max(1, len(X) // self._checks))
        given = X[[0, 1, *looked_at]].tolist()
        try:
            if self.program is None:
                if not getattr(model, "is_pure", False):
                    before = _snapshot(model)
                    drawn, outputs = RandomStates(_parts(model)), _numbers(model(given[0]))
                    watch = _Watch(model)  # what the first call has left behind is there
                    two = [outputs, _numbers(model(given[1]))]
                    if drawn.drawn() or watch.has_seen_a_change(given):
                        first += two
                        self.reason = _COUNTS
                        return None
                with without_branches(model, branches_of(model)):
                    self.program = record(model, X[0].tolist())
            outputs = self.program(X)
            same = all(outputs[i].tolist() == _numbers(model(X[i].tolist())) for i in looked_at)
            self._checks = 2  # the next time; a callback may have changed the model
        except Exception as error:  # the rows, one by one, will tell
            self.reason = f"it cannot be recorded ({error})"
        else:
            if same and (watch is None or not watch.has_seen_a_change(given)):
                return outputs
            self.reason = _COUNTS if same else "its graph has no fixed shape"
        if before is not None:  # every row is called anew
            before.restore()
        return None


_LONG = 2000  # from so many rows on that their being called one by one is told
_COUNTS = "it counts its calls, or changes numbers of its own in them, or draws random ones"


def _parts(model: Any) -> list[Any]:
    return [module for _, module in model.named_modules()] if isinstance(model, Module) else [model]


def _snapshot(model: Any) -> Snapshot:
    return Snapshot([model], model.parameters() if isinstance(model, Module) else ())


class _Watch:
    """Tells whether calling a function, or a model, changes something: draws numbers, counts its calls."""

    def __init__(self, model: Any) -> None:
        self._states = RandomStates(_parts(model))
        self._snapshot = _snapshot(model)

    def has_seen_a_change(self, given: Sequence[list[float]] = ()) -> bool:
        """Is anything other than at the start, besides what calls were given?"""
        return self._states.drawn() or self._snapshot.counts(given)


def label_of(outputs: float | list[float]) -> int:
    """The index of the largest output (the first of equals); of one output, whether it is above 0."""
    several = [outputs] if isinstance(outputs, float) else outputs
    return int(several[0] > 0.0) if len(several) == 1 else several.index(max(several))


def predict_labels(model: Any, X: Any, classes: Sequence[Any] | None = None) -> list[Any]:
    """The class of every example.

    Args:
        model: a module with one output a class, or with a single one (two classes, the border at 0).
        X: the examples.
        classes: what to call the classes; 0, 1, ... without it.

    Returns:
        A list of labels, one an example.

    Raises:
        InputError: X cannot be used, or there are more outputs than names in `classes`.

    Example:
        >>> from nn import MLP
        >>> model = MLP(2, [3], seed=1)
        >>> predict_labels(model, [[0.0, 0.0]], classes=["a", "b", "c"])
        ['a']
    """
    if classes is not None and not hasattr(classes, "__getitem__"):
        raise InputError(f"classes are a list of names, one a class; not {shown(classes)}")
    found = [label_of(outputs) for outputs in predict(model, X)]
    if classes is None:
        return found
    if max(found) >= len(classes):
        raise InputError(f"the model tells more classes apart than the {len(classes)} that are named")
    return [classes[index] for index in found]


def accuracy_kind(targets: Any, outputs: int, kind: str = "") -> str:
    """What the accuracy counts: "multiclass", "binary" or "subset" (all labels of an example right).

    Args:
        targets: an array, one row or number an example.
        outputs: the number of outputs of the model.
        kind: what the loss expects of its targets; "" tells it by the targets: rows that add up to 1 are
            probabilities of classes, other rows of 0 and 1 are labels that do not exclude each other.

    Raises:
        InputError: rows are neither.
    """
    if outputs == 1:
        return "binary"
    if targets.ndim == 1 or kind in ("labels", "signs"):
        return "multiclass"
    if kind == "binary":
        return "subset"
    if (abs(targets.sum(axis=1) - 1.0) < 1e-9).all():
        return "multiclass"
    if not ((targets == 0) | (targets == 1)).all():
        raise InputError(
            "the rows of y are neither probabilities of classes, adding up to 1, nor labels 0 and 1"
        )
    return "subset"


def _right(outputs: Any, targets: Any, kind: str) -> Any:
    """Whether each example's outputs name its class or labels, an array of truth values."""
    import numpy as np

    outputs = np.asarray(outputs, dtype=np.float64).reshape(len(targets), -1)
    if kind == "multiclass":
        return outputs.argmax(axis=1) == (targets if targets.ndim == 1 else targets.argmax(axis=1))
    return ((outputs > 0.0) == (targets.reshape(len(targets), -1) > 0.5)).all(axis=1)


def accuracy(
    model: Any, X: Any, y: Any, loss: str | Loss | LossFunction | None = None, sample_weight: Any = None
) -> float:
    """The share of examples whose class, or all of whose labels, the model finds.

    Args:
        model: a module.
        X: the examples.
        y: their classes: labels 0 .. n-1, one-hot rows, for a single output 0 and 1 or -1 and 1; rows of 0
            and 1 for labels that do not exclude each other, all of which must be right (subset accuracy).
        loss: the loss the model was trained by tells how rows are meant; without it, rows that add up to 1
            are classes.
        sample_weight: how much each example counts.

    Returns:
        A share in [0, 1].

    Raises:
        InputError: X or y cannot be used, X and y differ in length, or y has something else than classes.

    Example:
        >>> from nn import MLP
        >>> model = MLP(2, [3], seed=1)
        >>> accuracy(model, [[0.0, 0.0], [0.0, 0.0]], [0, 1])
        0.5
    """
    import numpy as np

    check_model(model)
    X = rows_of(X, getattr(model, "nin", None))
    check_lengths(X, y)
    outputs = np.asarray(_Forward(model)(X), dtype=np.float64)
    targets = numbers_of(y, "y")
    width = 1 if outputs.ndim == 1 else outputs.shape[1]
    kind = accuracy_kind(targets, width, loss_named(loss).targets if loss is not None else "")
    _check_classes(targets, width, kind)
    weights = weights_of(sample_weight, len(X))
    if weights is not None:  # a power of two keeps the share's bits, and the sum is a float
        weights = np.ldexp(weights, -int(np.frexp(weights.max())[1]))
    return float(np.average(_right(outputs, targets, kind), weights=weights))


def _check_classes(targets: Any, outputs: int, kind: str) -> None:
    """Numbers that name no class would be counted as one, or as wrong.

    Raises:
        InputError: there are some.
    """
    import numpy as np

    if targets.ndim > 1 and targets.shape[1:] != (outputs,):
        raise InputError(f"the model has {outputs} outputs, and y has shape {targets.shape}")
    if targets.ndim == 1 and kind == "multiclass":
        wrong = ~np.isin(targets, np.arange(outputs))
        expected = f"a label from 0 to {outputs - 1}"
    else:
        wrong = ~((targets >= 0.0) & (targets <= 1.0) | ((targets == -1.0) & (kind == "binary")))
        expected = f"in [0, 1]{', nor -1' * (kind == 'binary')}"
    if wrong.any():
        raise InputError(f"accuracy is of classes, and {targets[wrong][0]:g} in y is not {expected}")


def confusion_matrix(
    y: Sequence[Any], predicted: Sequence[Any], classes: Sequence[Any] | None = None
) -> NDArray[Any]:
    """Counts: row i, column j has the examples of class i that were taken for class j.

    Args:
        y: the true classes.
        predicted: the classes found.
        classes: the classes in the order of the rows; sorted from the data without it.

    Returns:
        Whole numbers of shape (classes, classes).

    Raises:
        InputError: the lengths differ, or a class is not in `classes`, or in them twice.

    Example:
        >>> confusion_matrix(["a", "a", "b"], ["a", "b", "b"]).tolist()
        [[1, 1], [0, 1]]
    """
    import numpy as np

    check_lengths(y, predicted, "true and predicted classes")
    try:
        order = sorted({*y, *predicted}) if classes is None else list(classes)
        index = {label: position for position, label in enumerate(order)}
    except TypeError as error:
        raise InputError(f"classes are labels, numbers or texts, and a list of them: {error}") from error
    if len(index) < len(order) or any(label != label for label in order):
        raise InputError(f"classes are told apart by their labels, and {shown(order)} has one twice, or NaN")
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

    Returns:
        An `Evaluation`.

    Raises:
        InputError: the data cannot be used.

    Example:
        >>> from nn import MLP
        >>> model = MLP(2, [3], seed=1)
        >>> round(evaluate(model, [[0.0, 0.0]], [0]).loss, 6)  # three equal logits: log 3
        1.098612
    """
    row = loss_named(loss)
    check_model(model)
    rows = rows_of(X, getattr(model, "nin", None))
    check_lengths(rows, y)
    targets = targets_of(row, y, output_count(model, rows[0].tolist()))
    return Evaluator(model, row)(Examples(rows, targets))


class Evaluator:
    """`evaluate` for data that has been looked at already, again and again: its Programs are kept.

    Args:
        model: a module.
        loss: the row of its loss.
        metrics: more to measure: name -> (targets, outputs) -> number, both arrays, as scikit-learn's.
    """

    def __init__(
        self, model: Any, loss: Loss, metrics: Mapping[str, Callable[[Any, Any], float]] | None = None
    ) -> None:
        self.model, self.loss, self.metrics = model, loss, dict(metrics or {})
        self._forward = _Forward(model)
        self._loss_program: Program | None = None
        self._loss_refused = False

    def kind(self, targets: Any) -> str:
        """What the accuracy counts, or "" where the targets are no classes; the model is not asked."""
        if self.loss.targets not in CLASSES:
            return ""
        by_number = self.loss.targets == "signs" and targets.ndim == 1 and not (abs(targets) == 1).all()
        several = targets.ndim > 1 or self.loss.targets == "labels" or by_number
        outputs = 2 if several and (targets.ndim == 1 or targets.shape[1] > 1) else 1
        return accuracy_kind(targets, outputs, self.loss.targets)

    def __call__(self, examples: Examples) -> Evaluation:
        """The mean loss, the accuracy and the metrics."""
        import numpy as np

        outputs = self._forward(examples.X)
        losses = self._losses(outputs, examples)
        total = float(np.add.accumulate(losses)[-1])
        kind, right = "", None
        if self.loss.targets in CLASSES:
            width = 1 if isinstance(outputs[0], float) or np.ndim(outputs[0]) == 0 else len(outputs[0])
            kind = accuracy_kind(examples.targets, width, self.loss.targets)
            right = float(np.count_nonzero(_right(outputs, examples.targets, kind))) / len(examples)
        made = {
            name: _measured(name, metric, _read_only(examples.targets), _read_only(np.asarray(outputs)))
            for name, metric in self.metrics.items()
        }
        return Evaluation(total / len(examples), right, len(examples), kind, made)

    def _losses(self, outputs: Any, examples: Examples) -> Any:
        """The loss of each example from its outputs, an array."""
        import numpy as np

        if len(examples) >= _MANY and isinstance(outputs, np.ndarray) and not self._loss_refused:
            found = self._by_program(outputs, examples)
            if found is not None:
                return found
            self._loss_refused = True
        with no_grad():
            rows = outputs if isinstance(outputs, list) else outputs.tolist()
            return np.array([self._loss_of(rows[i], examples.target(i)) for i in range(len(rows))])

    def _loss_of(self, numbers: Any, target: Any) -> float:
        given = Value(numbers) if isinstance(numbers, float) else [Value(number) for number in numbers]
        return self.loss(given, target).data

    def _by_program(self, outputs: Any, examples: Examples) -> Any:
        """The losses by a Program of (outputs, target), or None where it gives other bits."""
        import numpy as np

        if isinstance(examples.targets, list):
            return None
        targets = examples.targets
        ours = LOSSES.get(self.loss.name) is self.loss
        watch = None if ours or self._loss_program else _Watch(self.loss.function)
        if self.loss.targets in ("labels", "signs") and targets.ndim == 1 and outputs.ndim == 2:
            targets = np.eye(outputs.shape[1])[targets]
        try:
            with no_grad():
                if self._loss_program is None:
                    self._loss_program = record(
                        lambda f, y: self.loss(f, y), outputs[0].tolist(), targets[0].tolist()
                    )
                losses = self._loss_program(outputs, targets)
                looked_at = range(0, len(losses), max(1, len(losses) // 4))
                same = all(
                    losses[i] == self._loss_of(outputs[i].tolist(), examples.target(i)) for i in looked_at
                )
        except Exception:  # one by one it goes well, or tells what is wrong
            return None
        return losses if same and (watch is None or not watch.has_seen_a_change()) else None


def _read_only(data: Any) -> Any:
    """What a metric is given, and cannot change: the run goes on with it."""
    import numpy as np

    if not isinstance(data, np.ndarray):
        return data
    seen = data.view()
    seen.flags.writeable = False
    return seen


def _measured(name: str, metric: Callable[[Any, Any], float], targets: Any, outputs: Any) -> float:
    """What a metric says.

    Raises:
        InputError: it raises, or says something else than a number.
    """
    try:
        return float(metric(targets, outputs))
    except Exception as error:
        raise InputError(
            f"the metric {name!r} failed: {error}. It is called with the targets and the model's outputs, "
            f"of shape {outputs.shape}, which are no classes yet: outputs.argmax(axis=1) names the class, "
            "outputs > 0 the labels of binary_cross_entropy; and it returns a number"
        ) from error


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
