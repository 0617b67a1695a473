"""Training: stochastic gradient descent on J(theta) = 1/m sum_i L(f(x_i; theta), y_i) + alpha Omega(theta).

The lecture's algorithm (Goodfellow et al. 2016, Algorithm 8.1), and where its lines are:

    require: learning rates epsilon_1, epsilon_2, ...; initial parameters theta      fit
    k <- 1
    while the stopping criterion is not met:                                         fit, nn.stopping
        sample a minibatch {x_1 .. x_m} of the training set, with targets y_i        epoch_order
        g <- 1/m grad sum_i L(f(x_i; theta), y_i) + alpha grad Omega(theta)          batch_gradient
        theta <- theta - epsilon_k g                                                 Optimizer.step
        k <- k + 1

**Which bits come out.** A minibatch's gradient is made in this order, and in no other:

1. the parameters' gradients are set to 0;
2. for each example, in the order of the minibatch: a graph of its own, and one sweep back through it. The
   parameters, being leaves, accumulate;
3. each parameter's sum is divided by m, once;
4. the regulariser, a small graph of its own, is swept; its gradient adds to what is there.

J is (L_1 + ... + L_m) / m, summed in the same order, plus the number alpha Omega. A Program that replays the
graph of one example over the lanes of a minibatch, and adds the lanes' gradients in order, gives the same
bits.

**Interruption.** After every update the run stands at one `Point`, an object that is never changed, only
replaced. Whatever interrupts the run (Ctrl-C, an exception in a callback, a diverging loss), model and
optimiser are put back to that point: whole updates only. Minibatches depend on (seed, epoch) alone, so going
on from a point makes the bits of a run that was never interrupted.
"""

from __future__ import annotations

import math
import operator
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograd_core import Value, no_grad
from autograd_core import sum as sum_of
from autograd_core.errors import AutogradError
from autograd_core.program_training import permutation
from nn.checkpoints import Point, check_same_run, load_point, save_point
from nn.data import check_lengths, data_digest, rows_of, targets_of
from nn.errors import DivergenceError, InputError, StateError, count_of, require
from nn.history import Epoch, History
from nn.losses import CLASSES, Loss, LossFunction, loss_named
from nn.metrics import evaluate_checked, output_count
from nn.optimizers import Optimizer, gradient_norm, optimizer_of
from nn.regularizers import Regularizer
from nn.replay import Replay, replay_of
from nn.stopping import Patience, StopCriterion, criteria_of, first_reason

__all__ = ["Run", "batch_gradient", "epoch_order", "fit", "objective", "sum_gradients"]

Callback = Callable[["Run"], Any]
GradientSum = Callable[[list[list[float]], list[Any]], float]


def sum_gradients(model: Any, loss: LossFunction, xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Add grad L(f(x_i), y_i) to the parameters, example by example; return L_1 + ... + L_m.

    Raises:
        DivergenceError: a loss is not a finite number, or computing it left the finite numbers.
    """
    total = 0.0
    for index, (x, y) in enumerate(zip(xs, ys, strict=True)):
        try:
            value = loss(model(x), y)
            if not math.isfinite(value.data):
                raise DivergenceError(f"the loss of example {index} of the minibatch is {value.data}")
            value.backward()
        except AutogradError as error:
            if isinstance(error, ArithmeticError):
                raise _diverged(error) from error
            raise
        total += value.data
    return total


def _diverged(error: Exception) -> DivergenceError:
    return DivergenceError(
        f"{error}; the parameters are those of the last update that went well. "
        "Lower the learning rate, clip the gradient (clip_norm=1.0) or scale the inputs"
    )


@dataclass(frozen=True)
class BatchResult:
    """What a minibatch gave besides the gradient: the mean loss L and the penalty alpha Omega."""

    loss: float
    penalty: float


def batch_gradient(
    parameters: Sequence[Value],
    gradient_sum: GradientSum,
    penalty: Callable[[], Value] | None,
    xs: list[list[float]],
    ys: list[Any],
) -> BatchResult:
    """Leave g = 1/m grad sum_i L_i + alpha grad Omega on the parameters (the module docstring has the order).

    Args:
        parameters: theta.
        gradient_sum: adds the examples' gradients to the parameters and returns the sum of their losses:
            `sum_gradients`, or a Program that replays it.
        penalty: makes the graph of alpha Omega.
        xs: the examples of the minibatch.
        ys: their targets.
    """
    for p in parameters:
        p.grad = 0.0
    total = gradient_sum(xs, ys)
    count = len(xs)
    for p in parameters:
        p.grad = p.grad / count
    if penalty is None:
        return BatchResult(total / count, 0.0)
    omega = penalty()
    omega.backward()
    return BatchResult(total / count, omega.data)


def objective(
    model: Any,
    X: Sequence[Any],
    y: Sequence[Any],
    loss: str | Loss | LossFunction = "cross_entropy",
    regularizer: Regularizer | None = None,
) -> Value:
    """J(theta) of some examples as one graph, to draw, to check or to sweep at once.

    Args:
        model: a module.
        X: the examples, rows of numbers or of Values.
        y: their targets.
        loss: a name, one of `nn.losses`, or your own.
        regularizer: adds alpha Omega.
    """
    if not len(X):
        raise InputError("the objective of no example has no meaning")
    check_lengths(list(X), y)
    function = loss_named(loss).function
    terms = [function(model(x), target) for x, target in zip(X, y, strict=True)]
    mean: Value = terms[0] if len(terms) == 1 else sum_of(terms) / len(terms)
    return mean if regularizer is None else mean + regularizer(model)


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's examples: a shuffle that depends on the seed and the epoch alone."""
    order: list[int] = permutation(count, f"{seed}:{epoch}").tolist()
    return order


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
        self.history = History(settings=_settings(optimizer, plan, seed))
        self.parameters = list(optimizer.parameters)
        self.gradient_sum = _gradient_sum(model, plan.loss.function)
        self.penalty = _penalty(model, plan.regularizer)
        self.seed = seed
        self.point = Point(self._values(), optimizer.buffers, optimizer.updates)
        self.updates = 0
        self.replay: Replay | None = None
        self.on_values_because = "nothing was recorded"
        self.shows_progress = False
        self._stopped_by_callback = False
        self._started = time.perf_counter()

    def _values(self) -> list[float]:
        return [p.data for p in self.parameters]

    def example_loss(self, x: Any, y: Any) -> Value:
        """L(f(x), y), the graph of one example."""
        return self.plan.loss.function(self.model(x), y)

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
        if self.replay is not None and not self.replay.fits(self):
            self.replay, self.on_values_because = replay_of(self)
        if self.replay is not None:
            self.replay.epoch(self, permutation(len(plan.rows), f"{self.seed}:{self.point.epoch}"), bar)
        else:
            self._run_epoch_on_values(bar)
        if self.shows_progress:
            slow = "" if self.replay is not None else f", on Values: {self.on_values_because}"
            bar.set_postfix_str(f"epoch {self.epoch + 1}, loss {self.point.loss / len(plan.rows):.4g}{slow}")

    def _run_epoch_on_values(self, bar: Any) -> None:
        plan = self.plan
        order = epoch_order(len(plan.rows), self.seed, self.point.epoch)
        for start in range(self.point.batch * plan.batch_size, len(order), plan.batch_size):
            chosen = order[start : start + plan.batch_size]
            self.update([plan.rows[i] for i in chosen], [plan.targets[i] for i in chosen])
            bar.update(1)

    def tell_update(self) -> None:
        """Count an update, and tell the callbacks that want to know."""
        self.updates = self.point.updates + 1
        for callback in self.plan.callbacks:
            if hasattr(callback, "on_update"):
                callback.on_update(self)

    def update(self, xs: list[list[float]], ys: list[Any]) -> None:
        """One turn of the algorithm's loop: the gradient of one minibatch, then one step."""
        result = batch_gradient(self.parameters, self.gradient_sum, self.penalty, xs, ys)
        norm = gradient_norm(p.grad for p in self.parameters)
        rate = self.optimizer.lr
        self.optimizer.step()
        at = self.point
        self.tell_update()
        self.point = replace(
            at,
            values=self._values(),
            buffers=self.optimizer.buffers,
            optimizer_updates=self.optimizer.updates,
            batch=at.batch + 1,
            updates=self.updates,
            loss=at.loss + result.loss * len(xs),
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
        if listeners := [callback for callback in self.plan.callbacks if callable(callback)]:
            if self.replay is not None:
                self.replay.store(self)
            answers = [callback(self) for callback in listeners]
            self._stopped_by_callback |= any(answer is True for answer in answers)
            values = self._values()
            if self.replay is not None:
                self.replay.current = False
        self.point = replace(
            at,
            values=values,
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

    def _write(self, values: Sequence[float]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.data = value

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
    """What adds the gradients of a minibatch's examples to the parameters (the place to put a Program)."""
    return lambda xs, ys: sum_gradients(model, loss, xs, ys)


def _penalty(model: Any, regularizer: Regularizer | None) -> Callable[[], Value] | None:
    return None if regularizer is None else lambda: regularizer(model)


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss | LossFunction = "cross_entropy",
    regularizer: Regularizer | None = None,
    optimizer: str | Optimizer = "sgd",
    batch_size: int = 32,
    epochs: int = 10,
    stop: StopCriterion | Iterable[StopCriterion] | None = None,
    seed: int | None = None,
    validation: tuple[Any, Any] | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    progress: bool | Callable[..., Any] = False,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
) -> History:
    """Train a model by minibatch stochastic gradient descent; the same seed gives the same bits.

    Args:
        model: a `Module`; called with a row of floats it returns a Value or a list of them.
        X: the examples, one row of numbers each.
        y: their targets: labels 0 .. n-1 for cross_entropy, numbers for mse, ...
        loss: a name from `nn.losses.LOSSES`, one of its functions, or your own (outputs, target) -> Value.
        regularizer: ``L2(alpha)``, ``L1(alpha)``, ..., or your own (model) -> Value.
        optimizer: a name ("sgd", "adam", ...) or an `Optimizer`, with or without parameters; one that has
            made updates before goes on from its buffers.
        batch_size: m; the last minibatch of an epoch may be smaller.
        epochs: how often the examples are visited, at most. Counted from the start of the run when it is
            resumed.
        stop: stopping criteria from `nn.stopping`, or your own (history) -> reason; asked after every epoch.
        seed: of the shuffles; None draws one from Python's generator (``history.settings["seed"]`` tells it).
        validation: (X, y) to evaluate after every epoch.
        callbacks: called with the `Run` after every epoch; returning True stops the run. One that has a
            method ``on_update`` is also called there after every update. A callback may change the
            parameters.
        progress: True shows a tqdm bar; or your own factory with tqdm's signature, e.g. tqdm.notebook.tqdm.
        checkpoint: a file to keep the run in: written every `checkpoint_every` epochs, at the end, and when
            the run is interrupted.
        checkpoint_every: in epochs.
        resume: go on from `checkpoint` if that file exists; start afresh if it does not.

    Returns:
        The `History`.

    Raises:
        InputError: data or arguments cannot be used; found before any parameter changes.
        DivergenceError: the run left the finite numbers; the model is at the last update that went well.
        FileError: the checkpoint is damaged, or is something else.
    """
    row = loss_named(loss)
    rows, targets = _checked_data(model, X, y, row, "X", "y")
    plan = Plan(
        rows=rows,
        targets=targets,
        held_out=validation and _checked_data(model, *validation, row, "validation X", "validation y"),
        loss=row,
        regularizer=regularizer,
        batch_size=count_of("batch_size", batch_size),
        epochs=count_of("epochs", epochs),
        criteria=criteria_of(stop),
        callbacks=_listeners(callbacks),
        checkpoint=checkpoint,
        checkpoint_every=count_of("checkpoint_every", checkpoint_every),
    )
    _check_plan(model, plan)
    run = _started_run(model, optimizer, plan, seed, resume)
    run.shows_progress = progress is not False
    return _finish(run, _bar(progress, plan.epochs * plan.batches, run.updates))


def _finish(run: Run, bar: Any) -> History:
    """Train to the end, or to the last whole update before whatever interrupts."""
    try:
        run.train(bar)
    except BaseException as error:
        run.go_to(run.point)
        if run.plan.checkpoint is not None and not isinstance(error, AutogradError):
            run.save()
        raise
    finally:
        bar.close()
    return run.history


def _started_run(model: Any, optimizer: str | Optimizer, plan: Plan, seed: int | None, resume: bool) -> Run:
    """A new run, or, to resume, one that stands where the checkpoint says."""
    saved = _saved_point(plan.checkpoint, resume)
    if seed is None:
        seed = random.getrandbits(48) if saved is None else int(saved[1].get("seed", 0))
    run = Run(model, optimizer_of(optimizer, model.parameters()), plan, operator.index(seed))
    if saved is not None:
        point, settings = saved
        check_same_run(settings, run.history.settings, plan.checkpoint)
        run.go_to(point)
    run.replay, run.on_values_because = replay_of(run)
    return run


def _saved_point(checkpoint: str | Path | None, resume: bool) -> tuple[Point, dict[str, Any]] | None:
    if not resume:
        return None
    if checkpoint is None:
        raise InputError("resume=True needs checkpoint=, the file to go on from")
    return load_point(checkpoint) if Path(checkpoint).exists() else None


def _listeners(callbacks: Any) -> list[Callback]:
    listeners = [callbacks] if _listens(callbacks) else list(callbacks)
    for listener in listeners:
        if not _listens(listener):
            raise InputError(f"a callback is a function or has a method on_update; {listener!r} is neither")
    return listeners


def _listens(thing: Any) -> bool:
    return callable(thing) or hasattr(thing, "on_update")


def _check_plan(model: Any, plan: Plan) -> None:
    """Find now what would go wrong after the first update or the first epoch."""
    _try_objective(model, plan)
    for criterion in plan.criteria:
        quantity = str(getattr(criterion, "quantity", ""))
        if quantity.startswith("validation") and plan.held_out is None:
            raise InputError(f"{criterion!r} watches {quantity}: give validation=(X, y)")
        if quantity == "validation_accuracy" and plan.loss.targets not in CLASSES:
            raise InputError(f"{criterion!r} watches {quantity}, and {plan.loss.name} has no classes")
    if plan.checkpoint is not None:
        require("safetensors", "save")
        if not Path(plan.checkpoint).parent.is_dir():
            raise InputError(
                f"the checkpoint {str(plan.checkpoint)!r} lies in a directory that does not exist"
            )


def _checked_data(
    model: Any, X: Any, y: Any, loss: Loss, x_name: str, y_name: str
) -> tuple[list[list[float]], list[Any]]:
    rows = rows_of(X, getattr(model, "nin", None), x_name)
    check_lengths(rows, y, f"{x_name} and {y_name}")
    return rows, targets_of(loss, y, output_count(model, rows[0]), y_name)


def _try_objective(model: Any, plan: Plan) -> None:
    """Ask model, loss and regulariser once."""
    if plan.regularizer is not None and not callable(plan.regularizer):
        raise InputError(f"a regulariser is a callable such as L2(1e-4), not {plan.regularizer!r}")
    with no_grad():
        value = plan.loss(model(plan.rows[0]), plan.targets[0])
        penalty = None if plan.regularizer is None else plan.regularizer(model)
    if not isinstance(value, Value):
        raise InputError(f"the loss {plan.loss.name} must return a Value, not {value!r}")
    if not isinstance(penalty, Value | None):
        raise InputError(f"the regulariser must return a Value, not {penalty!r}")


def _settings(optimizer: Optimizer, plan: Plan, seed: int) -> dict[str, Any]:
    """What makes the run repeatable, in words and numbers that JSON can keep."""
    return {
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


def _bar(progress: bool | Callable[..., Any], total: int, done: int) -> Any:
    """A progress bar, or something that takes its calls."""
    if progress is False:
        return _NoBar()
    factory = require("tqdm", "progress").tqdm if progress is True else progress
    return factory(total=total, initial=done, unit="update", desc="training")


class _NoBar:
    """A progress bar that shows nothing."""

    def update(self, count: int) -> None:
        """Take note of nothing."""

    def set_postfix_str(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Close nothing."""
