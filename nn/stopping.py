"""Stopping criteria: when to leave the training loop.

A criterion is a callable ``(history) -> reason``, the reason a sentence, or "" to go on. It is a pure
function of the history, so a resumed run stops where the uninterrupted one does. It is asked after every
epoch.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nn.arguments import number, one_of, refuse_class, shown, truth
from nn.errors import InputError
from nn.history import History

__all__ = [
    "EarlyStopping",
    "MaxUpdates",
    "Patience",
    "StopCriterion",
    "Target",
    "TimeLimit",
    "check_measured",
    "criteria_of",
    "first_reason",
    "rises",
]

StopCriterion = Callable[[History], str]


_UP = """accuracy acc f1 fbeta precision recall sensitivity specificity auc auroc auprc ap map dcg ndcg r2 d2
    mcc kappa jaccard iou dice correlation similarity likelihood"""
_DOWN = """loss objective penalty norm lr seconds error errors err mse rmse mae mape msle rmsle rss deviance
    perplexity brier entropy divergence distance ece nll bce regret hamming fpr fnr"""
_RISING, _FALLING = frozenset(_UP.split()), frozenset(_DOWN.split())


def rises(quantity: str, mode: str = "auto") -> bool:
    """Is more of a quantity better?

    Args:
        quantity: a column of the history.
        mode: "max", "min", or "auto": by the name, as scikit-learn has it: what ends with ``score``,
            ``accuracy``, ``f1``, ``r2`` and the like rises; ``loss``, ``error``, ``mse``, ``deviance`` and
            the like falls, unless it begins with ``neg``.

    Raises:
        InputError: the name does not tell it, or says both.

    Example:
        >>> rises("validation_accuracy"), rises("f1_macro"), rises("mean_squared_error"), rises("cost", "min")
        (True, True, False, False)
    """
    if not isinstance(quantity, str):
        raise InputError(
            f'a quantity is the name of a column of the history, as "loss", not {shown(quantity)}'
        )
    if one_of("mode", mode, ("min", "max", "auto")) != "auto":
        return mode == "max"
    words = re.split(r"[^a-z0-9]+", quantity.lower())
    found = {word in _RISING for word in words if word in _RISING or word in _FALLING}
    if words[-1] in ("score", "scores"):
        found.add(True)  # but a "brier_score" falls, and a "d2_absolute_error_score" rises
    if len(found) == 1:
        leading = itertools.takewhile(lambda word: word in ("neg", "negative"), words)
        return found.pop() != (len(list(leading)) % 2 == 1)
    raise InputError(
        f'is more of {quantity!r} better, or less? Its name does not tell: give mode="max" or mode="min"'
    )


def check_measured(history: History, quantity: str) -> None:
    """Raise an InputError if the history has no such quantity."""
    if len(history) and history.last(quantity) is None:
        history.column(quantity)  # says which there are
        raise InputError(
            f"the criterion watches {quantity}, which this run does not measure (give validation=?)"
        )


@dataclass(frozen=True)
class Patience:
    """Early stopping: stop when a quantity has not improved for some epochs (Goodfellow 2016, Algorithm 7.1).

    Args:
        epochs: how long to wait.
        quantity: a column of the history, a metric of one's own too.
        least: how much counts as an improvement.
        restore_best: give the model the parameters of its best epoch at the end.
        mode: "max" where the quantity should rise, "min" where it should fall; "auto": its name tells
            (accuracy, f1, r2, ... rise; loss, error, mse, ... fall).

    Raises:
        InputError: the name does not tell whether more is better.

    Example:
        >>> from nn import Epoch, History
        >>> losses = [0.5, 0.4, 0.45, 0.41]
        >>> epochs = [Epoch(k, k, l, l, 0.0, 1.0, 0.1, 0.0) for k, l in enumerate(losses, 1)]
        >>> Patience(2, "loss")(History(epochs))
        'loss has not improved for 2 epochs'
    """

    epochs: int = 10
    quantity: str = "validation_loss"
    least: float = 0.0
    restore_best: bool = False
    mode: str = "auto"

    def __post_init__(self) -> None:
        rises(self.quantity, self.mode)
        number("epochs", self.epochs, "[1, inf]")
        number("least", self.least, "[0, inf]")
        truth("restore_best", self.restore_best)

    def best_index(self, history: History) -> int:
        """The index of the best epoch so far, -1 if there is none."""
        check_measured(history, self.quantity)
        return history.best_index(self.quantity, rises(self.quantity, self.mode), self.least)

    def __call__(self, history: History) -> str:
        """The reason to stop, or ""."""
        waited = len(history) - 1 - self.best_index(history)
        if len(history) and waited >= self.epochs:
            return f"{self.quantity} has not improved for {waited} epochs"
        return ""


class EarlyStopping(Patience):
    """`Patience` by the names of Keras and scikit-learn.

    Args:
        monitor: `quantity`; ``val_loss`` and ``val_accuracy`` stand for ``validation_loss``, ``_accuracy``.
        min_delta: `least`; scikit-learn's ``tol``.
        patience: `epochs`; scikit-learn's ``n_iter_no_change``.
        restore_best_weights: `restore_best`.
        mode: "min", "max" or "auto".

    Example:
        >>> EarlyStopping(monitor="val_loss", patience=5)
        EarlyStopping(epochs=5, quantity='validation_loss', least=0.0, restore_best=False, mode='auto')
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        min_delta: float = 0.0,
        patience: int = 10,
        restore_best_weights: bool = False,
        mode: str = "auto",
    ) -> None:
        number("patience", patience, "[1, inf]")
        number("min_delta", min_delta, "[-inf, inf]")
        truth("restore_best_weights", restore_best_weights)
        known = {"val_loss": "validation_loss", "val_accuracy": "validation_accuracy"}
        quantity = known.get(monitor, monitor) if isinstance(monitor, str) else monitor
        super().__init__(patience, quantity, abs(min_delta), restore_best_weights, mode)


@dataclass(frozen=True)
class Target:
    """Stop when `quantity` reaches `value`: from below where it should rise, from above where it should fall.

    Args:
        value: what is to be reached.
        quantity: a column of the history.
        mode: see `Patience`.

    Raises:
        InputError: the name does not tell whether more is better.

    Example:
        >>> from nn import Epoch, History
        >>> Target(0.1)(History([Epoch(1, 1, 0.05, 0.05, 0.0, 1.0, 0.1, 0.0)]))
        'loss reached 0.05 (target 0.1)'
    """

    value: float
    quantity: str = "loss"
    mode: str = "auto"

    def __post_init__(self) -> None:
        rises(self.quantity, self.mode)
        number("value", self.value, "[-inf, inf]")

    def __call__(self, history: History) -> str:
        """The reason to stop, or ""."""
        check_measured(history, self.quantity)
        last = history.last(self.quantity)
        if last is None:
            return ""
        reached = last >= self.value if rises(self.quantity, self.mode) else last <= self.value
        return f"{self.quantity} reached {last:.6g} (target {self.value:g})" if reached else ""


@dataclass(frozen=True)
class TimeLimit:
    """Stop after the first epoch that ends this late: the only criterion that is not repeatable.

    Args:
        seconds: since the start of the run.

    Example:
        >>> from nn import Epoch, History
        >>> TimeLimit(60.0)(History([Epoch(1, 1, 0.05, 0.05, 0.0, 1.0, 0.1, seconds=61.0)]))
        '61.0 s have passed (limit 60 s)'
    """

    seconds: float

    def __post_init__(self) -> None:
        number("seconds", self.seconds, "[0, inf]")

    def __call__(self, history: History) -> str:
        """The reason to stop, or ""."""
        if len(history) and history[-1].seconds >= self.seconds:
            return f"{history[-1].seconds:.1f} s have passed (limit {self.seconds:g} s)"
        return ""


@dataclass(frozen=True)
class MaxUpdates:
    """Stop after the epoch in which the count of updates reaches `updates`.

    Args:
        updates: since the start of the run.

    Example:
        >>> from nn import Epoch, History
        >>> MaxUpdates(100)(History([Epoch(1, 120, 0.05, 0.05, 0.0, 1.0, 0.1, 0.0)]))
        '120 updates were made (limit 100)'
    """

    updates: int

    def __post_init__(self) -> None:
        number("updates", self.updates, "[0, inf]")

    def __call__(self, history: History) -> str:
        """The reason to stop, or ""."""
        if len(history) and history[-1].updates >= self.updates:
            return f"{history[-1].updates} updates were made (limit {self.updates})"
        return ""


def criteria_of(stop: StopCriterion | Iterable[StopCriterion] | None) -> list[StopCriterion]:
    """The criteria as a list.

    Raises:
        InputError: one of them cannot be called.
    """
    if stop is None:
        return []
    criteria = [stop] if callable(stop) or not isinstance(stop, Iterable) else list(stop)
    for criterion in criteria:
        refuse_class("a criterion", criterion)
        if not callable(criterion):
            raise InputError(
                f"a criterion is a callable such as Patience(10) or (history) -> reason, not {criterion!r}"
            )
    return criteria


def first_reason(criteria: Iterable[StopCriterion], history: History) -> str:
    """The reason of the first criterion that wants to stop, or ""."""
    return next((reason for criterion in criteria if (reason := criterion(history))), "")
