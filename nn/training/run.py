"""A training run under way: where it stands, how it goes on, how it is put back. `nn.fit` makes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd_core import Value, gradients_to_vector, parameters_to_vector, vector_to_parameters
from autograd_core.programs.batch_gradient import permutation
from nn.data import data_digest
from nn.errors import StateError
from nn.history import Epoch, History
from nn.losses import Loss, LossFunction
from nn.metrics import evaluate_checked
from nn.module import Module
from nn.optimizers import Optimizer, gradient_norm
from nn.regularizers import Regularizer
from nn.stopping import Patience, StopCriterion, first_reason
from nn.training.checkpoints import Point, save_point
from nn.training.minibatch import BatchResult, GradientSum, batch_gradient, epoch_order, sum_gradients
from nn.training.replay import GradientReplay, Replay, replay_of

__all__ = ["Callback", "Plan", "Run"]

Callback = Callable[["Run"], Any]


@dataclass(frozen=True)
class Plan:
    """What a run is to do, looked at and ready: the arguments of `fit`."""

    rows: list[list[float]]
    targets: list[Any]
    held_out: tuple[list[list[float]], list[Any]] | None
    loss: Loss
    regularizer: Regularizer | None
    batch_size: int
    epochs: int
    criteria: list[StopCriterion]
    callbacks: list[Callback]
    checkpoint: str | Path | None
    checkpoint_every: int

    @property
    def batches(self) -> int:
        """The number of minibatches in an epoch."""
        return -(-len(self.rows) // self.batch_size)

    @property
    def keepers(self) -> list[Patience]:
        """The criteria that want the best parameters back."""
        return [c for c in self.criteria if isinstance(c, Patience) and c.restore_best]


class Run:
    """A training run under way: what callbacks see.

    Attributes:
        model: the module that is trained.
        optimizer: what trains it.
        history: the epochs so far, the one that has just ended included.
        updates: the number of updates made.
        plan: what the run is to do.
    """

    def __init__(self, model: Any, optimizer: Optimizer, plan: Plan, seed: int) -> None:
        self.model = model
        self.optimizer = optimizer
        self.plan = plan
        self.history = History(settings=_settings(model, optimizer, plan, seed))
        self.parameters = list(optimizer.parameters)
        self.gradient_sum = _gradient_sum(model, plan.loss.function)
        self.penalty = _penalty(model, plan.regularizer)
        self.seed = seed
        self.point = Point(self._values(), optimizer.buffers, optimizer.updates)
        self.updates = 0
        self.replay: Replay | GradientReplay | None = None
        self.on_values_because = "nothing was recorded"
        self.shows_progress = False
        self._stopped_by_callback = False
        self._started = time.perf_counter()

    def _values(self) -> Any:
        return parameters_to_vector(self.parameters)

    def example_loss(self, x: Any, y: Any) -> Value:
        """L(f(x), y), the graph of one example."""
        return self.plan.loss.function(self.model(x), y)

    @property
    def listens(self) -> bool:
        """Does a callback want to hear of every update?"""
        return any(hasattr(callback, "on_update") for callback in self.plan.callbacks)

    def examples(self, chosen: Sequence[int]) -> tuple[list[list[float]], list[Any]]:
        """The examples of these numbers, and their targets."""
        return [self.plan.rows[i] for i in chosen], [self.plan.targets[i] for i in chosen]

    @property
    def epoch(self) -> int:
        """The number of epochs that have ended."""
        return len(self.history)

    def seconds(self) -> float:
        """Time spent in this run, over all its resumptions."""
        return time.perf_counter() - self._started

    def reason_to_stop(self) -> str:
        """Why the run should not begin another epoch, or ""."""
        if reason := first_reason(self.plan.criteria, self.history):
            return reason
        if self._stopped_by_callback:
            return "a callback asked for it"
        return f"all {self.plan.epochs} epochs are done" if self.epoch >= self.plan.epochs else ""

    def train(self, bar: Any) -> None:
        """The loop: epochs until there is a reason to stop."""
        while not (reason := self.reason_to_stop()):
            self._run_epoch(bar)
            self._end_epoch()
            if self.plan.checkpoint is not None and self.epoch % self.plan.checkpoint_every == 0:
                self.save()
        self.history.stopped = reason
        if self.plan.checkpoint is not None:
            self.save()
        if self.replay is not None:
            self.replay.store(self)
        if self.point.best is not None:
            self.history.best_epoch = self.point.best_epoch
            self._write(self.point.best)

    def _run_epoch(self, bar: Any) -> None:
        """The minibatches that are left of the epoch under way, by the program or on Values."""
        plan = self.plan
        while self.point.batch < plan.batches:  # a replay stops where its graph has changed
            if self.replay is not None and not self.replay.fits(self):
                self._record_again()
            self.history.trained_on = "a Program" if self.replay else f"Values: {self.on_values_because}"
            if self.replay is not None:
                self.replay.epoch(self, permutation(len(plan.rows), f"{self.seed}:{self.point.epoch}"), bar)
            else:
                self._run_epoch_on_values(bar)
        if self.shows_progress:
            slow = "" if self.replay is not None else f", on Values: {self.on_values_because}"
            bar.set_postfix_str(f"epoch {self.epoch + 1}, loss {self.point.loss / len(plan.rows):.4g}{slow}")

    def _record_again(self) -> None:
        """A callback has changed the model or the optimiser: once an epoch, recording anew still pays."""
        if self.point.batch:
            self.replay, self.on_values_because = None, "a callback changes the model within an epoch"
        else:
            self.replay, self.on_values_because = replay_of(self)

    def _run_epoch_on_values(self, bar: Any) -> None:
        plan = self.plan
        order = epoch_order(len(plan.rows), self.seed, self.point.epoch)
        for start in range(self.point.batch * plan.batch_size, len(order), plan.batch_size):
            self.update(*self.examples(order[start : start + plan.batch_size]))
            bar.update(1)

    def tell_update(self) -> None:
        """Count an update, and tell the callbacks that want to know."""
        self.updates = self.point.updates + 1
        for callback in self.plan.callbacks:
            if hasattr(callback, "on_update"):
                callback.on_update(self)

    def update(self, xs: list[list[float]], ys: list[Any]) -> None:
        """One turn of the algorithm's loop: the gradient of one minibatch, then one step."""
        self.step(batch_gradient(self.parameters, self.gradient_sum, self.penalty, xs, ys), len(xs))

    def step(self, result: BatchResult, count: int) -> None:
        """One step by the gradient that is on the parameters, of a minibatch of so many examples."""
        norm = gradient_norm(gradients_to_vector(self.parameters))
        rate = self.optimizer.lr
        self.optimizer.step()
        at = self.point
        self.tell_update()
        self.point = at.moved(
            values=self._values(),
            buffers=self.optimizer.buffers,
            optimizer_updates=self.optimizer.updates,
            batch=at.batch + 1,
            updates=self.updates,
            loss=at.loss + result.loss * count,
            penalty=at.penalty + result.penalty,
            norm=at.norm + norm,
            lr=rate,
            seconds=self.seconds(),
        )

    def _end_epoch(self) -> None:
        """Write the epoch into the history, ask the callbacks, stand at the start of the next epoch.

        The point is replaced once, at the end: interrupted before that, the whole of this is done again.
        """
        at, record = self.point, self._record()
        self.history.epochs = [*at.history, record]
        best, best_epoch = at.best, at.best_epoch
        if any(keeper.best_index(self.history) == self.epoch - 1 for keeper in self.plan.keepers):
            best, best_epoch = at.values, self.epoch
        values = at.values if self.replay is not None else self._values()
        buffers, optimizer_updates = at.buffers, at.optimizer_updates
        if listeners := [callback for callback in self.plan.callbacks if callable(callback)]:
            if self.replay is not None:
                self.replay.store(self)
            answers = [callback(self) for callback in listeners]
            self._stopped_by_callback |= any(answer is True for answer in answers)
            values = self._values()
            buffers, optimizer_updates = self.optimizer.buffers, self.optimizer.updates
            if self.replay is not None:
                self.replay.current = False
        self.point = at.moved(
            values=values,
            buffers=buffers,
            optimizer_updates=optimizer_updates,
            epoch=at.epoch + 1,
            batch=0,
            loss=0.0,
            penalty=0.0,
            norm=0.0,
            seconds=self.seconds(),
            history=tuple(self.history.epochs),
            best=best,
            best_epoch=best_epoch,
        )

    def _record(self) -> Epoch:
        at, plan = self.point, self.plan
        if plan.held_out and self.replay is not None:
            self.replay.store(self)
        held_out = plan.held_out and evaluate_checked(self.model, *plan.held_out, plan.loss)
        loss, penalty = at.loss / len(plan.rows), at.penalty / plan.batches
        return Epoch(
            epoch=at.epoch + 1,
            updates=at.updates,
            objective=loss + penalty,
            loss=loss,
            penalty=penalty,
            gradient_norm=at.norm / plan.batches,
            lr=at.lr,
            seconds=self.seconds(),
            validation_loss=held_out.loss if held_out else None,
            validation_accuracy=held_out.accuracy if held_out else None,
        )

    def _write(self, values: Any) -> None:
        vector_to_parameters(values, self.parameters)

    def save(self) -> None:
        """Write the point into the checkpoint file."""
        assert self.plan.checkpoint is not None
        save_point(self.point, self.history.settings, self.plan.checkpoint)

    def go_to(self, point: Point) -> None:
        """Put model, optimiser and history to a point.

        Raises:
            StateError: it belongs to a model or an optimiser of another shape.
        """
        if len(point.values) != len(self.parameters):
            raise StateError(
                f"the point has {len(point.values)} parameters, the model {len(self.parameters)}"
            )
        self.optimizer.load_state_dict({"updates": point.optimizer_updates, "buffers": point.buffers})
        self._write(point.values)
        for parameter in self.parameters:
            parameter.zero_grad()
        self.history.epochs = list(point.history)
        self._started = time.perf_counter() - point.seconds
        self.updates = point.updates
        self.point = point


def _gradient_sum(model: Any, loss: LossFunction) -> GradientSum:
    """What adds the gradients of a minibatch's examples to the parameters, on Values."""
    return lambda xs, ys: sum_gradients(model, loss, xs, ys)


def _penalty(model: Any, regularizer: Regularizer | None) -> Callable[[], Value] | None:
    return None if regularizer is None else lambda: regularizer(model)


def _settings(model: Any, optimizer: Optimizer, plan: Plan, seed: int) -> dict[str, Any]:
    """What makes the run repeatable, in words and numbers that JSON can keep."""
    return {
        "model": repr(model) if isinstance(model, Module) else type(model).__qualname__,
        "seed": seed,
        "batch_size": plan.batch_size,
        "loss": plan.loss.name,
        "regularizer": _describe(plan.regularizer),
        "optimizer": repr(optimizer),
        "parameters": len(optimizer.parameters),
        "examples": len(plan.rows),
        "data": data_digest(plan.rows, plan.targets),
    }


def _describe(thing: Any) -> str | None:
    """A text that is the same in every process: no addresses."""
    if thing is None:
        return None
    return str(getattr(thing, "__qualname__", None) or repr(thing))
