"""ReduceOnPlateau: a learning rate that falls where a quantity of the history no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nn.arguments import number, one_of
from nn.errors import InputError
from nn.history import quantity_of
from nn.minimizers import Minimizer
from nn.pickles import set_state
from nn.schedules import Constant, schedule_of
from nn.stopping import check_measured, rises

if TYPE_CHECKING:
    from nn.training.run import Run

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau:
    """A callback of `nn.fit`: after some epochs without improvement, lr <- max(factor lr, min_lr).

    The rule is PyTorch's `ReduceLROnPlateau`, Keras's callback of that name. It depends on the history alone,
    so that a resumed run goes on as one that was never interrupted. The rates of groups fall with it.

    Args:
        quantity: a column of the history, a metric of one's own too.
        factor: in (0, 1).
        patience: epochs without improvement that are let pass.
        threshold: what counts as an improvement: better than best (1 -+ threshold), or best -+ threshold.
        threshold_mode: "rel" or "abs".
        cooldown: epochs after a reduction that do not count.
        min_lr: the rate does not fall below.
        eps: a smaller change of the rate is left undone.
        mode: "max" where the quantity should rise, "min" where it should fall; "auto": its name tells, as for
            `Patience`.

    Raises:
        InputError: a number is out of its range, or the name does not tell whether more is better.

    Example:
        >>> from nn import MLP, SGD, fit
        >>> plateau = ReduceOnPlateau("loss", factor=0.5, patience=0, threshold=0.5)
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
        >>> fit(MLP(2, [2], seed=1), X, y, optimizer=SGD(lr=0.1), epochs=4, seed=1, callbacks=plateau)["lr"]
        [0.1, 0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        quantity: str = "validation_loss",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        mode: str = "auto",
    ) -> None:
        rises(quantity, mode)
        number("factor", factor, "(0, 1)")
        one_of("threshold_mode", threshold_mode, ("rel", "abs"))
        number("patience", patience, "[0, inf]")
        number("cooldown", cooldown, "[0, inf]")
        number("threshold", threshold, "[0, inf)")
        number("min_lr", min_lr, "[0, inf)")
        number("eps", eps, "[0, inf)")
        self.quantity, self.factor, self.patience, self.threshold = quantity, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.min_lr, self.eps = threshold_mode, cooldown, min_lr, eps
        self.mode = mode
        self._start()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        set_state(self, state)

    def _start(self) -> None:
        self._seen, self._newest = 0, None
        self._best, self._bad, self._cooling = math.nan, 0, 0

    def __call__(self, run: Run) -> None:
        """Look at the epochs that are new, and reduce the rate where the last of them asks for it."""
        history = run.history
        check_measured(history, self.quantity)
        if self._seen > len(history) or (self._seen and history[self._seen - 1] is not self._newest):
            self._start()  # another run, or one that was put back
        falls = False
        for k in range(self._seen, len(history)):
            falls = self._falls(quantity_of(history[k], self.quantity))
        self._seen, self._newest = len(history), history[-1]
        if falls:
            self._reduce(run.optimizer)

    def _falls(self, value: float | None) -> bool:
        """Take note of an epoch; is the rate to fall?"""
        if value is not None and self._is_better(value):
            self._best, self._bad = value, 0
        else:
            self._bad += 1
        if self._cooling > 0:
            self._cooling -= 1
            self._bad = 0
        if self._bad <= self.patience:
            return False
        self._cooling, self._bad = self.cooldown, 0
        return True

    def _is_better(self, value: float) -> bool:
        if math.isnan(self._best):
            return not math.isnan(value)
        sign = -1.0 if rises(self.quantity, self.mode) else 1.0
        if self.threshold_mode == "rel":
            return sign * value < sign * self._best * (1.0 - sign * self.threshold)
        return sign * value < sign * self._best - self.threshold

    def _reduce(self, optimizer: Any) -> None:
        if isinstance(optimizer, Minimizer):
            raise InputError(f"ReduceOnPlateau sets the learning rate, and {optimizer!r} has none")
        groups = [schedule_of(group["lr"]) for group in optimizer.param_groups if "lr" in group]
        for schedule in (optimizer.schedule, *groups):
            if type(schedule) is not Constant:
                raise InputError(
                    f"ReduceOnPlateau sets the learning rate, and so does {schedule!r}: use one of them"
                )
        fresh = max(optimizer.lr * self.factor, self.min_lr)
        if optimizer.lr - fresh > self.eps:
            optimizer.lr = fresh
        for group in optimizer.param_groups:
            if "lr" in group:
                rate = schedule_of(group["lr"])(0)
                fresh = max(rate * self.factor, self.min_lr)
                group["lr"] = fresh if rate - fresh > self.eps else rate
