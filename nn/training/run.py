"""A training run under way: where it stands, how it goes on, how it is put back. `nn.fit` makes it."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autograd_core import (
    Value,
    gradients_to_vector,
    parameters_to_vector,
    vector_to_gradients,
    vector_to_parameters,
)
from nn.data import Examples, fingerprint
from nn.errors import DivergenceError, InputError
from nn.groups import tensors_told
from nn.history import Epoch, History
from nn.losses import Loss
from nn.metrics import Evaluator
from nn.module import Module, check_leaves
from nn.optimizers import Optimizer, gradient_norm
from nn.plain_code import OF_CALLBACKS, OF_HISTORIES, is_plain_code
from nn.random_state import RandomStates
from nn.regularizers import Regularizer
from nn.snapshot import Snapshot
from nn.stopping import Patience, StopCriterion, first_reason
from nn.training.checkpoints import HistoryTable, TrainingState
from nn.training.minibatch import REMEDY, BatchResult, batch_gradient, epoch_order, sum_gradients
from nn.training.minimization import Minimization
from nn.training.problem import Problem
from nn.training.resuming import Memory, settings_of

__all__ = ["Callback", "Metric", "Plan", "Run", "Updater"]

Callback = Callable[["Run"], Any]
Metric = Callable[[Any, Any], float]


class Updater(Protocol):
    """What makes the updates of a run: the three of `nn.training.updaters`.

    Attributes:
        trained_on: how, in the words of `History.trained_on`.
        is_eager: are graphs of Values made for every example?
    """

    trained_on: str
    is_eager: bool

    def fits(self, run: Run) -> bool:
        """May it go on? A callback may have changed the model, the penalty or the optimizer."""
        ...

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """Make the updates that are left of the epoch under way, or some, where it no longer fits."""
        ...

    def store(self, run: Run) -> None:
        """Bring parameters, gradients and the optimizer's buffers to where the run stands."""
        ...

    def forget(self) -> None:
        """What it holds in arrays is no longer what parameters and optimizer hold: read them anew."""
        ...


@dataclass(frozen=True)
class Plan:
    """What a run is to do, looked at and ready: the arguments of `fit`."""

    examples: Examples
    held_out: Examples | None
    loss: Loss
    regularizer: Regularizer | None
    batch_size: int
    epochs: int
    criteria: list[StopCriterion]
    callbacks: list[Callback]
    checkpoint: str | Path | None
    checkpoint_every: int
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    shuffle: bool = True

    @property
    def batches(self) -> int:
        """The number of minibatches in an epoch."""
        return -(-len(self.examples) // self.batch_size)

    @property
    def keepers(self) -> list[Patience]:
        """The criteria that want the best parameters back."""
        return [c for c in self.criteria if isinstance(c, Patience) and c.restore_best]


def _given(name: str) -> Any:
    """What the run was given: read, and not replaced."""

    def refuse(run: Run, value: Any) -> None:
        raise InputError(
            f"run.{name} cannot be replaced while the run goes on: change its numbers, or return True, which "
            "stops the run, and call fit again"
        )

    return property(lambda run: vars(run)[name], refuse)


class Run:
    """A training run under way: what callbacks see.

    Attributes:
        model: the module that is trained.
        optimizer: what trains it.
        history: the epochs so far, the one that has just ended included.
        updates: the number of updates made.
        loss: L of the last minibatch, before its update.
        penalty: alpha Omega, likewise.
        gradient_norm: |dJ/dtheta|, likewise.
        plan: what the run is to do.
        listens: does a callback want to hear of every update?
        is_asked: or only of every epoch?
        is_watched: is there code beside model, loss and regularizer that may change them?
        is_blind: can no callback that hears of updates tell, in this epoch, what the Values hold?
        problem: what it minimizes.
    """

    model = _given("model")
    optimizer = _given("optimizer")

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        plan: Plan,
        seed: int,
        states: RandomStates,
        choose: Callable[[Run], Updater],
        shows_progress: bool = False,
    ) -> None:
        vars(self).update(model=model, optimizer=optimizer)
        self.plan = plan
        self.history = History(settings=settings_of(model, optimizer, plan, seed))
        self.parameters = list(optimizer.parameters)
        self.problem = Problem(model, plan.loss, plan.examples, plan.regularizer, self.parameters)
        self.seed = seed
        self._bound = optimizer.parameters
        self._freeze()
        if optimizer.frozen is not None:
            self.history.settings["frozen"] = self.frozen_names(optimizer.frozen)
        self.generators = states
        self.listens = any(hasattr(callback, "on_update") for callback in plan.callbacks)
        self.is_blind = False
        own = [c for c in plan.criteria if not is_plain_code(c, {"__call__"}, OF_HISTORIES)]
        self._asks_others = any(type(criterion).__module__ != "nn.stopping" for criterion in own)
        self.is_watched = bool(plan.callbacks) or self._asks_others
        self.is_asked = not self.listens and any(map(callable, plan.callbacks))
        self.shows_progress = shows_progress
        self.memory = Memory(self)
        self.state = TrainingState(**self.standing(), random=states.before)
        self.updates = 0
        self.loss, self.penalty, self.gradient_norm = 0.0, 0.0, 0.0
        self.updater: Updater
        self._choose = choose
        self.table = HistoryTable()
        self._evaluator = Evaluator(model, plan.loss, plan.metrics)
        if plan.held_out is not None:
            self.history.accuracy_kind = self._evaluator.kind(plan.held_out.targets)
        self.snapshot: Snapshot | None = None
        self._checked = self.parameters
        self._data = [fingerprint(part) for part in (plan.examples, plan.held_out) if self.is_watched]
        self._stopped_by_callback = False
        self._started = time.perf_counter()

    @property
    def epoch(self) -> int:
        """The number of epochs that have ended."""
        return len(self.history)

    @property
    def objective(self) -> float:
        """J of the last minibatch, before its update."""
        return self.loss + self.penalty

    def seconds(self) -> float:
        """Time spent in this run, over all its resumptions."""
        return time.perf_counter() - self._started

    def reason_to_stop(self) -> str:
        """Why the run should not begin another epoch, or ""."""
        if len(self.history) and (reason := self._asked_criteria()):
            return reason
        if self._stopped_by_callback:
            return "a callback asked for it"
        return f"all {self.plan.epochs} epochs are done" if self.epoch >= self.plan.epochs else ""

    def _asked_criteria(self) -> str:
        """The reason of the first that wants to stop. Those that are not of numbers alone are callbacks."""
        if not self._asks_others:
            return first_reason(self.plan.criteria, self.history)
        self.updater.store(self)
        reason = first_reason(self.plan.criteria, self.history)
        self._check_changes()
        self._check_data()
        self.state = self.state.replace(**self.standing(), random=self.generators.states())
        self.updater.forget()
        return reason

    def train(self, bar: Any) -> None:
        """The loop: epochs until there is a reason to stop."""
        self.updater = self._choose(self)
        while not (reason := self.reason_to_stop()):
            if isinstance(self.updater, Minimization):
                if reason := self.updater.minimize(self, bar, self._next_epoch):
                    break
                self.updater = self._choose(self)
                continue
            self._run_epoch(bar)
            self._end_epoch()
            if self.plan.checkpoint is not None and self.epoch % self.plan.checkpoint_every == 0:
                self.save(True)
        self.history.stopped = reason
        if self.plan.checkpoint is not None:
            self.save(True)
        self.updater.store(self)
        if self.state.best is not None:
            self.history.best_epoch = self.state.best_epoch
            vector_to_parameters(self.state.best, self.parameters)

    def _next_epoch(self) -> str:
        """End an epoch; the reason to stop, or ""."""
        self._end_epoch()
        return self.reason_to_stop()

    def step_to(self, values: Any, loss: float, penalty: float, gradients: Any, made_updates: int) -> None:
        """Stand at an update that a minimizer has made, or, after none, at the start."""
        at, norm = self.state, gradient_norm(gradients)
        made: dict[str, Any] = {
            "values": values,
            "optimizer_updates": at.optimizer_updates + made_updates,
            "batch": 1,
            "updates": at.updates + made_updates,
            "loss": loss * len(self.plan.examples),
            "penalty": penalty,
            "norm": norm,
            "lr": self.optimizer.lr,
            "seconds": self.seconds(),
        }
        if self.listens and made_updates:
            vector_to_parameters(values, self.parameters)
            vector_to_gradients(gradients, self.parameters)
            self.tell_update(loss, penalty, gradient_norm(gradients))
            made["values"] = parameters_to_vector(self.parameters)
        self.updates, self.loss, self.penalty, self.gradient_norm = made["updates"], loss, penalty, norm
        self.optimizer.updates = made["optimizer_updates"]
        self.state = at.replace(**made)

    def _run_epoch(self, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""
        import numpy as np

        plan = self.plan
        order = (
            epoch_order(len(plan.examples), self.seed, self.state.epoch)
            if plan.shuffle
            else np.arange(len(plan.examples))
        )
        self.is_blind = self._are_blind()
        while self.state.batch < plan.batches:  # an updater stops where its graph has changed
            if not self.updater.fits(self):
                self.updater.store(self)  # the next one may begin with the Values
                self.updater = self._choose(self)
            self.history.trained_on = self.updater.trained_on
            self.updater.epoch(self, order, bar)
        if self.shows_progress:
            slow = f", {self.updater.trained_on}" if self.updater.is_eager else ""
            loss = self.state.loss / len(plan.examples)
            bar.set_postfix_str(f"epoch {self.epoch + 1}, loss {loss:.4g}{slow}")

    def _are_blind(self) -> bool:
        """Do the callbacks that hear of every update look at nothing of the run but its numbers?"""
        told = [callback for callback in self.plan.callbacks if hasattr(callback, "on_update")]
        kind: Any = type(self.optimizer)
        theirs = {*_names_of(kind), *vars(self.optimizer), *vars(self), *vars(self.history)}
        plain = all(
            is_plain_code(callback, {"on_update"}, OF_CALLBACKS, reserved=theirs - OF_CALLBACKS)
            for callback in told
        )
        return bool(told) and plain and sys.gettrace() is None  # a debugger looks at whatever it likes

    def tell_update(self, loss: float, penalty: float, norm: float, looks: bool = True) -> None:
        """Count an update, tell the callbacks that want to know, and look what they have changed."""
        self.updates = self.state.updates + 1
        self.loss, self.penalty, self.gradient_norm = loss, penalty, norm
        for callback in self.plan.callbacks:
            if hasattr(callback, "on_update"):
                callback.on_update(self)
        if self.listens and looks:
            self._check_changes()

    def _frozen(self) -> Any:
        """Which parameters the model has frozen, an array of truth values; None if there are none."""
        import numpy as np

        known = self.model._marked() if isinstance(self.model, Module) else ()
        if not known:
            return None
        frozen = np.fromiter(map(known.__contains__, self.parameters), bool, len(self.parameters))
        if frozen.all():
            raise InputError("every parameter of the model is frozen: unfreeze some")
        return frozen if frozen.any() else None

    def frozen_names(self, mask: Any) -> list[str]:
        """The names of what such a mask freezes, those of a whole tensor as one."""
        frozen = [] if mask is None else [self.parameters[k] for k in mask.nonzero()[0].tolist()]
        return tensors_told(self.model.named_parameters(), frozen) if frozen else []

    def frozen_gradient(self, gradients: Any) -> Any:
        """The gradient with 0 for what is frozen."""
        import numpy as np

        frozen = self.optimizer.frozen
        return gradients if frozen is None else np.where(frozen, 0.0, gradients)

    def watch(self) -> Snapshot:
        """Take a snapshot of the model and what else makes the graphs; callbacks are watched from now on."""
        self.snapshot = Snapshot(self.problem.owners(), self.parameters)
        return self.snapshot

    def _freeze(self) -> None:
        """Let the optimizer leave alone what the model has frozen."""
        self.optimizer.frozen = self._frozen()
        self._mask = self.optimizer.frozen

    def _check_changes(self) -> None:
        """Every parameter that the model has after a callback must be one that is trained."""
        optimizer = self.optimizer
        if len(optimizer.parameters) != len(self.parameters) or (
            optimizer.frozen is not self._mask
            if optimizer.parameters is self._bound
            else optimizer.parameters != self.parameters
        ):
            raise InputError(
                "a callback has changed the parameters that run.optimizer trains, or what is frozen of them: "
                "model.freeze(names) and unfreeze(names) do that, and an optimizer trains one model at a time"
            )
        if optimizer.parameters is not self._bound:  # bound to the same ones anew, to begin afresh
            self._bound = optimizer.parameters
            self._freeze()
        if self.snapshot is not None and not self.snapshot.changed() and self.snapshot.is_complete:
            if self.snapshot.has_frozen_others():
                self._freeze()
            return
        self._freeze()
        found = self.model.parameters()
        if found == self._checked:  # each is the same object, which takes no time to see
            return
        known = set(self.parameters)
        for new in found:
            if new not in known and not new.is_constant:
                raise InputError(
                    f"a callback has put a new parameter into the model, {new!r}, which would not be "
                    "trained: assign to the data of the parameter that is there (parameter.data = 0.5), or "
                    "change the model before fit is called"
                )
        self._checked = found

    def _check_data(self) -> None:
        """Examples must be what they were: some ways of training read them once, others at every update."""
        parts = zip(("", "validation "), (self.plan.examples, self.plan.held_out), self._data, strict=True)
        for which, examples, kept in parts:
            now = fingerprint(examples)
            if changed := [name for name in now if now[name] != kept[name]]:
                raise InputError(
                    f"a callback has changed {which}{changed[0]} in place: the examples of a run are fixed. "
                    "To train on others, call fit again for some epochs, with the same optimizer, which goes "
                    "on from where it is"
                )

    def update(self, chosen: Iterable[int]) -> None:
        """One turn of the algorithm's loop, eagerly: the gradient of one minibatch, then one step.

        Args:
            chosen: the numbers of its examples.

        Raises:
            DivergenceError: with epoch, update and row.
        """
        rows = list(chosen)
        problem, known = self.problem, set(self.parameters)
        looks = self.state.epoch == 0 and not problem.is_fixed

        def loss_of(i: int) -> Any:
            loss = problem.loss_of(i)
            if looks and isinstance(loss, Value):  # another example may go by other leaves than the first
                check_leaves([loss], known)
            return loss

        try:
            result = batch_gradient(
                self.parameters,
                lambda: sum_gradients(loss_of, rows),
                problem.penalty,
                len(rows),
            )
            self.step(result, len(rows))
        except DivergenceError as error:
            raise self.placed(error, rows) from error

    def placed(self, error: DivergenceError, rows: Iterable[int]) -> DivergenceError:
        """The error with epoch and update, and the remedy: the data's own infinities are another matter."""
        where = f"epoch {self.epoch + 1}, update {self.state.updates + 1}"
        for i in rows:
            target = self.plan.examples.target(i)
            if not _is_finite(target):
                return DivergenceError(
                    f"{where}: {error}; y[{i}] is {target}: the data, not the "
                    "training, is what is not finite. No parameter has changed"
                )
        told = (
            ""
            if REMEDY in str(error)
            else f"; the parameters are those of the last update that went well. {REMEDY}"
        )
        return DivergenceError(f"{where}: {error}{told}")

    def step(self, result: BatchResult, count: int) -> None:
        """One step by the gradient that is on the parameters, of a minibatch of so many examples."""
        import numpy as np

        gradients, frozen = gradients_to_vector(self.parameters), self.optimizer.frozen
        if frozen is not None:
            gradients = self.frozen_gradient(gradients)
            vector_to_gradients(gradients, self.parameters)
        norm = gradient_norm(gradients)
        rate = self.optimizer.lr
        self.optimizer.step()
        if frozen is not None:  # whatever a step of one's own does
            now = parameters_to_vector(self.parameters)
            vector_to_parameters(np.where(frozen, self.state.values, now), self.parameters)
        at = self.state
        self.tell_update(result.loss, result.penalty, norm)
        self.state = at.replace(
            **self.standing(),
            random=self.generators.states(),
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

        The state is replaced once, at the end: interrupted before that, the whole of this is done again.
        """
        at = self.state
        del self.history.epochs[at.epoch :]
        self.history.epochs.append(self._record())
        best, best_epoch = at.best, at.best_epoch
        if any(keeper.best_index(self.history) == self.epoch - 1 for keeper in self.plan.keepers):
            best, best_epoch = at.values, self.epoch
        changes: dict[str, Any] = {"changes": self.memory.changes()}
        if listeners := [callback for callback in self.plan.callbacks if callable(callback)]:
            self.updater.store(self)
            answers = [callback(self) for callback in listeners]
            self._check_changes()
            self._stopped_by_callback |= any(answer is True for answer in answers)
            changes = self.standing()
            self.updater.forget()
        if listeners or (self.listens and not self.is_blind):
            self._check_data()
        self.state = at.replace(
            **changes,
            random=self.generators.states(),
            epoch=at.epoch + 1,
            batch=0,
            loss=0.0,
            penalty=0.0,
            norm=0.0,
            seconds=self.seconds(),
            best=best,
            best_epoch=best_epoch,
        )

    def standing(self) -> dict[str, Any]:
        """What parameters and optimizer hold now, as entries of a state."""
        return {
            "values": parameters_to_vector(self.parameters),
            "buffers": {name: buffer.copy() for name, buffer in self.optimizer.buffers.items()},
            "optimizer_updates": self.optimizer.updates,
            "hyperparameters": self.optimizer.hyperparameters(),
            "changes": self.memory.changes(),
        }

    def _record(self) -> Epoch:
        at, plan = self.state, self.plan
        found, metrics = None, {}
        if plan.held_out is not None:
            self.updater.store(self)
            found = self._evaluator(plan.held_out)
            metrics = found.metrics
        loss, penalty = at.loss / len(plan.examples), at.penalty / plan.batches
        return Epoch(
            epoch=at.epoch + 1,
            updates=at.updates,
            objective=loss + penalty,
            loss=loss,
            penalty=penalty,
            gradient_norm=at.norm / plan.batches,
            lr=at.lr,
            seconds=self.seconds(),
            validation_loss=found.loss if found else None,
            validation_accuracy=found.accuracy if found else None,
            metrics=metrics,
        )

    def save(self, is_current: bool = False) -> None:
        """Write the state into the checkpoint file. Is what callbacks hold now what they held then?"""
        self.memory.save(self, is_current)

    def restore(self, state: TrainingState, whole: bool = False) -> None:
        """Put model, optimizer, generators and history to a state.

        Args:
            state: of this run, or of a checkpoint that fits it.
            whole: what code names, and callbacks, too?
        """
        self.optimizer.parameters = self._bound = list(self.parameters)
        self.optimizer.set_hyperparameters(state.hyperparameters)  # they tell which buffers there are
        self.memory.restore(state.changes, whole)
        if isinstance(self.model, Module):
            frozen = self.optimizer.frozen
            marks = [] if frozen is None else frozen.nonzero()[0].tolist()
            self.model._keep_frozen([self.parameters[k] for k in marks])
        self._mask = self.optimizer.frozen
        self.optimizer.load_state_dict({"updates": state.optimizer_updates, "buffers": state.buffers})
        vector_to_parameters(state.values, self.parameters)
        self.generators.restore(state.random)
        for parameter in self.parameters:
            parameter.zero_grad()
        del self.history.epochs[state.epoch :]
        self._started = time.perf_counter() - state.seconds
        self.updates = state.updates
        self.state = state


@functools.cache
def _names_of(kind: type) -> frozenset[str]:
    """What runs, histories and optimizers of this class have beside what is their own."""
    return frozenset((*dir(Run), *dir(History), *dir(kind)))


def _is_finite(target: Any) -> bool:
    import numpy as np

    try:
        return bool(np.isfinite(np.asarray(target, dtype=np.float64)).all())
    except (TypeError, ValueError):
        return True
