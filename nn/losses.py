"""Losses: L(f(x), y) of one example, as a Value.

Every loss takes the outputs of the model (a Value, or a list of them) and the target of one example, and has
no branch on the numbers, so a recorded program replays it for any example. Class labels may also be given as
vectors of probabilities (one-hot rows), which lets the label vary over the lanes of one program; the bits are
the same.

**mse and mae are no means.** ``mse`` is half the *sum* of the squared errors over the outputs, so that
its gradient is f - y, and ``mae`` the *sum* of the absolute errors; `half_squared_error` and `absolute_error`
are their honest names. The mean over the examples is `nn.fit`'s.

Each is also in the table `LOSSES`, with what it expects of its targets.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_core import Value, dot, exp, logsumexp, minimum, softplus
from autograd_core import sum as sum_of
from nn.arguments import number, one_of, shown
from nn.errors import InputError, ModelWarning

__all__ = [
    "CLASSES",
    "LOSSES",
    "Loss",
    "LossFunction",
    "absolute_error",
    "binary_cross_entropy",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "huber",
    "loss_named",
    "mae",
    "mse",
    "nll",
    "poisson",
    "warn_of_outputs",
]

Number = Value | float
Outputs = Value | Sequence[Value]
Target = Any  # a number, a label, or a sequence of numbers
LossFunction = Callable[[Any, Any], Value]


def half_squared_error(outputs: Outputs, target: Target) -> Value:
    """Half the sum of the squared errors, L = 1/2 sum_i (f_i - y_i)^2; dL/df_i = f_i - y_i.

    `mse` is the same under its old name. It is *not* the mean over the outputs: PyTorch's ``MSELoss`` of n
    outputs is 2/n of it.

    Args:
        outputs: f, a Value or a list of them.
        target: y, a number or as many numbers.

    Returns:
        The loss L.

    Raises:
        InputError: there are not as many targets as outputs.

    >>> half_squared_error([Value(3.0), Value(1.0)], [1.0, 1.0]).data
    2.0
    """
    return 0.5 * _total([(r := f - y) * r for f, y in _pairs(outputs, target)])


def absolute_error(outputs: Outputs, target: Target) -> Value:
    """The sum of the absolute errors, L = sum_i |f_i - y_i|; dL/df_i = sign(f_i - y_i), 0 where equal.

    `mae` is the same under its old name. It is *not* the mean over the outputs: PyTorch's ``L1Loss`` of n
    outputs is 1/n of it.

    Args:
        outputs: f, a Value or a list of them.
        target: y, a number or as many numbers.

    Returns:
        The loss L.

    Raises:
        InputError: there are not as many targets as outputs.

    >>> absolute_error([Value(3.0), Value(1.0)], [1.0, 2.0]).data
    3.0
    """
    return _total([abs(f - y) for f, y in _pairs(outputs, target)])


mse = half_squared_error
mae = absolute_error


def huber(outputs: Outputs, target: Target, delta: float = 1.0) -> Value:
    """Half the square near 0, a straight line beyond delta (Huber 1964).

        L = sum_i 1/2 r_i^2 if |r_i| <= delta else delta (|r_i| - delta/2),  r_i = f_i - y_i

    Written without a branch, c (|r| - c/2) with c = min(|r|, delta): both pieces and both slopes agree at
    delta.

    Args:
        outputs: f, a Value or a list of them.
        target: y, a number or as many numbers.
        delta: where the straight line begins, > 0.

    Returns:
        The loss L.

    Raises:
        InputError: delta is not a finite number > 0, or the lengths differ.

    Example:
        >>> huber(Value(3.0), 1.0).data
        1.5
    """
    number("delta", delta, "(0, inf)")
    return _total([_huber(abs(f - y), delta) for f, y in _pairs(outputs, target)])


def cross_entropy(logits: Sequence[Value], target: Target) -> Value:
    """Softmax and negative log-likelihood in one: L = logsumexp(z) - z_y.

    No finite logits overflow, and dL/dz = softmax(z) - onehot(y) holds to rounding. L is a difference of two
    numbers, right to some roundings of the largest logit: 0 for ``[1e16, 1e16]``, where log 2 is lost in it.

    Args:
        logits: z, one Value a class, not yet normalized.
        target: the label y in 0 .. len(z) - 1, or a vector of probabilities p, for which L =
            logsumexp(z) - p.z.

    Returns:
        The loss L.

    Raises:
        InputError: there are fewer than two logits, or no such class.

    Example:
        >>> round(cross_entropy([Value(0.0), Value(0.0)], 1).data, 6)  # log 2
        0.693147
    """
    logits = _several(logits, "cross_entropy")
    partition: Value = logsumexp(logits)
    return partition - _selected(logits, target)


def nll(log_probabilities: Sequence[Value], target: Target) -> Value:
    """The negative log-likelihood, L = -log p_y, from log-probabilities (`log_softmax`).

    Args:
        log_probabilities: one Value a class.
        target: the label, or a vector of probabilities.

    Returns:
        The loss L.

    Raises:
        InputError: there are fewer than two classes, or no such class.

    Example:
        >>> nll([Value(-0.5), Value(-1.0)], 1).data
        1.0
    """
    return -_selected(_several(log_probabilities, "nll"), target)


def binary_cross_entropy(logit: Outputs, target: Target) -> Value:
    """The cross-entropy of two classes, from a logit: L = -y log s(z) - (1 - y) log(1 - s(z)).

    Computed as y softplus(-z) + (1 - y) softplus(z), which is stable; dL/dz = s(z) - y, s the logistic
    function.

    Args:
        logit: z, not yet squashed (or several, for several independent labels).
        target: y in [0, 1], usually 0 or 1.

    Returns:
        L, added up over the labels.

    Raises:
        InputError: there are not as many targets as logits, or one is outside [0, 1].

    Example:
        >>> round(binary_cross_entropy(Value(0.0), 1).data, 6)  # log 2
        0.693147
    """
    pairs = _pairs(logit, target, "[0, 1]")
    return _total([y * softplus(-z) + (1.0 - y) * softplus(z) for z, y in pairs])


def poisson(log_rate: Outputs, target: Target) -> Value:
    """The negative log-likelihood of counts without its constant, L = exp(z) - y z; dL/dz = exp(z) - y.

    Args:
        log_rate: z, the logarithm of the expected count (or several).
        target: y >= 0.

    Returns:
        L, added up over the outputs: half the Poisson deviance less y log y - y.

    Raises:
        InputError: there are not as many targets as outputs, or one is below 0.

    Example:
        >>> poisson(Value(0.0), 3.0).data
        1.0
    """
    return _total([exp(z) - y * z for z, y in _pairs(log_rate, target, "[0, inf)")])


def hinge(outputs: Outputs, target: Target) -> Value:
    """The margin loss, L = max(0, 1 - y f) with y = -1 or 1 (Cortes and Vapnik 1995).

    Of several outputs, one a class: L = sum over j != y of max(0, 1 + f_j - f_y) (Weston and Watkins 1999).

    Args:
        outputs: f, a Value or a list of them.
        target: y, -1 or 1; with one output a class, the label.

    Returns:
        The loss L.

    Raises:
        InputError: there is no such class, or the target is something else than -1 and 1.

    Example:
        >>> hinge(Value(0.25), 1).data
        0.75
    """
    outputs = _listed(outputs)
    if len(outputs) == 1:
        pairs = _pairs(outputs, target, "[-1, 1]")
        if wrong := [y for _, y in pairs if not isinstance(y, Value) and abs(y) != 1]:
            raise InputError(f"the target of hinge is -1 or 1, not {shown(wrong[0])}")
        return _total([(1.0 - y * f).relu() for f, y in pairs])
    right = _selected(outputs, target)
    # The term j = y is max(0, 1) = 1 whatever the parameters are, so that all j can be treated alike.
    return _total([(1.0 + f - right).relu() for f in outputs]) - 1.0


def _huber(size: Value, delta: float) -> Value:
    c: Value = minimum(size, delta)
    return c * (size - 0.5 * c)


def _total(terms: list[Value]) -> Value:
    return terms[0] if len(terms) == 1 else sum_of(terms)


def _is_sequence(x: Any) -> bool:
    return hasattr(x, "__len__") and getattr(x, "shape", None) != ()  # an array of shape () is a number


def _pairs(outputs: Outputs, target: Target, interval: str = "") -> list[tuple[Value, Number]]:
    """Outputs and targets side by side, both as sequences of one length; the targets in an interval."""
    found = _listed(outputs)
    wanted = list(target) if _is_sequence(target) else [target]
    if len(found) != len(wanted):
        raise InputError(f"the model gives {len(found)} outputs and the target has {len(wanted)}")
    for y in wanted if interval else ():
        if not isinstance(y, Value):  # that of a Program's input is looked at in the data
            is_one = isinstance(y, bool) or getattr(y, "shape", None) == ()  # truth values of NumPy too
            number("the target", float(y) if is_one else y, interval)
    return list(zip(found, wanted, strict=True))


def _listed(outputs: Outputs) -> Sequence[Value]:
    if isinstance(outputs, Value):
        return [outputs]
    if not hasattr(outputs, "__len__"):
        raise InputError(f"the outputs of a model are a Value or a list of them, not {shown(outputs)}")
    return outputs


def _several(outputs: Outputs, name: str) -> Sequence[Value]:
    if len(_listed(outputs)) < 2:
        raise InputError(
            f"{name} needs one output for each of at least 2 classes; for one output use binary_cross_entropy"
        )
    return _listed(outputs)


def _selected(outputs: Sequence[Value], target: Target) -> Value:
    """outputs[y] for a label y, p.outputs for a vector p."""
    if _is_sequence(target):
        if len(target) != len(outputs):
            raise InputError(f"the model gives {len(outputs)} outputs and the target has {len(target)}")
        shares = list(target)
        if not any(isinstance(share, Value) for share in shares):
            try:
                is_right = _are_probabilities(shares, ROUNDED)
            except (TypeError, ValueError):  # no numbers
                is_right = False
            if not is_right:
                raise InputError(f"{PROBABILITIES}, not {shown(target)}")
        weighted: Value = dot(shares, list(outputs))
        return weighted
    label = _label(target)
    if not 0 <= label < len(outputs):
        raise InputError(
            f"label {label} is out of range; the model has {len(outputs)} outputs, so 0 .. {len(outputs) - 1}"
        )
    return outputs[label]


def _label(target: Target) -> int:
    try:
        label = int(target)
    except (TypeError, ValueError, OverflowError):
        label = None
    if label is None or label != target:
        raise InputError(f"a class label is a whole number, not {shown(target)}")
    return label


@dataclass(frozen=True)
class Loss:
    """A row of `LOSSES`: the function, and the kind of targets it expects.

    Attributes:
        name: its name.
        function: (outputs, target) -> Value.
        targets: "labels" (0 .. n-1, one output a class), "binary" (in [0, 1]), "signs" (-1 or 1), "counts"
            (>= 0), "numbers".
    """

    name: str
    function: LossFunction
    targets: str

    def __call__(self, outputs: Any, target: Any) -> Value:
        """The loss of one example."""
        return self.function(outputs, target)


PROBABILITIES = "a row of targets has the probabilities of the classes, >= 0 and adding up to 1"
ROUNDED = 0.02
"""So much their sum may differ from 1: they may have been rounded. What is far off would be another loss."""

CLASSES = ("labels", "binary", "signs")
"""The kinds of targets that name classes, so that there is an accuracy."""

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("mse", half_squared_error, "numbers"),
        Loss("mae", absolute_error, "numbers"),
        Loss("half_squared_error", half_squared_error, "numbers"),
        Loss("absolute_error", absolute_error, "numbers"),
        Loss("huber", huber, "numbers"),
        Loss("poisson", poisson, "counts"),
        Loss("cross_entropy", cross_entropy, "labels"),
        Loss("nll", nll, "labels"),
        Loss("binary_cross_entropy", binary_cross_entropy, "binary"),
        Loss("hinge", hinge, "signs"),
    )
}


def loss_named(loss: str | Loss | LossFunction) -> Loss:
    """The row of `LOSSES` for a name or a function in it; a row of targets "any" for another callable.

    Raises:
        InputError: there is no loss of that name, or it is no function.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        return LOSSES[one_of("loss", loss, LOSSES)]
    if isinstance(loss, type) or not callable(loss):
        raise InputError(f"a loss is a name or a function (outputs, target) -> Value, not {shown(loss)}")
    for row in LOSSES.values():
        if row.function is loss:
            return row
    return Loss(getattr(loss, "__name__", type(loss).__name__), loss, "any")


def warn_of_outputs(loss: Loss, outputs: Any) -> None:
    """Tell where outputs are not what the loss takes: it trains, but is not the loss that is meant.

    Args:
        loss: the row of the loss.
        outputs: what the model returned for an example.
    """
    found = [outputs] if isinstance(outputs, Value) else list(outputs)
    ops = {output.op for output in found}
    numbers = [output.data for output in found]
    told = ""
    if loss.name == "cross_entropy" and (ops == {"softmax"} or _are_probabilities(numbers)):
        told = "cross_entropy takes logits, and the model's outputs are probabilities: make its output linear"
    elif loss.name == "binary_cross_entropy" and ops == {"sigmoid"}:
        told = "binary_cross_entropy takes logits, and the model's output is a sigmoid: make it linear"
    elif (
        loss.name == "nll"
        and ops != {"log_softmax"}
        and not _are_probabilities([math.exp(min(x, 1.0)) for x in numbers])
    ):
        told = (
            'nll takes log-probabilities, which the outputs are not: output="log_softmax", or cross_entropy'
        )
    if told:
        warnings.warn(told, ModelWarning, stacklevel=5)


def _are_probabilities(numbers: Sequence[float], within: float = 1e-9) -> bool:
    return len(numbers) > 1 and min(numbers) >= 0.0 and abs(math.fsum(numbers) - 1.0) <= within
