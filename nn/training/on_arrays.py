"""Updates on arrays: whole ones by compiled rules, or the gradient alone by Programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograd_core import Value, gradients_to_vector, no_grad, vector_to_gradients, vector_to_parameters
from autograd_core.errors import RecordingError
from autograd_core.programs.batch_gradient import BatchGradient, Trainer
from autograd_core.programs.program import Program
from nn.errors import DivergenceError
from nn.optimizers import gradient_norm
from nn.schedules import Constant
from nn.training.minibatch import LARGEST_LOSS, BatchResult
from nn.training.problem import FIXED
from nn.training.recording import NotRecordable, Recording
from nn.training.rules import Rules, goes_by_values, has_plain_step

if TYPE_CHECKING:
    from nn.training.run import Run

__all__ = ["GradientUpdates", "WholeUpdates", "trainer_of"]

_MOST_REFUSED = 2  # updates of an epoch that met branches which were not recorded, until they are


class _OnArrays:
    """What the two updaters share that keep parameters and buffers in arrays."""

    is_eager = False
    trained_on = ""

    def __init__(self, run: Run, recording: Recording) -> None:
        self.recording = recording
        self.current = False  # do the arrays hold what the Values hold?
        self.snapshot = run.watch() if run.is_watched else None
        self._epoch, self._refused = run.state.epoch, 0
        self._left = False  # has the model been seen to be another, within an epoch?
        self.checks = run.listens and self.snapshot is not None and not self.snapshot.is_complete

    def forget(self) -> None:
        """Read parameters and buffers anew before the next update."""
        self.current = False

    def same_graph(self, run: Run) -> bool:
        """Are loss and penalty those that were recorded? A callback may have changed them.

        Where the snapshot could not look into everything, each epoch has a recording of its own.
        """
        if self.recording.is_sampled and self._refused > _MOST_REFUSED and run.state.batch == 0:
            return False
        if self.snapshot is None:
            return True
        same = not self._left and not self.snapshot.is_stale
        return same and (self.snapshot.is_complete or run.state.epoch == self._epoch)

    def eager_update(self, run: Run, rows: Any) -> None:
        """An update that the arrays refused: it tells what is wrong with it, or goes well."""
        self._refused += 1
        self.store(run)
        self.current = False
        if self.recording.drawn is not None:
            self.recording.drawn.keep(0)  # eager graphs draw for themselves, some perhaps fewer numbers
        run.update(rows.tolist())

    def store(self, run: Run) -> None:
        """Bring parameters, gradients and buffers to where the run stands."""
        raise NotImplementedError

    def eager_loss(self, row: int) -> float | None:
        """The loss of an example at the parameters that the Values have."""
        try:
            with no_grad():
                return self.recording.loss_of(row).data
        except Exception:  # the eager update will tell
            return None

    def write(self, run: Run, gradients: Any) -> None:
        """Write the state, and a gradient if there is one, into Values and optimizer."""
        at = run.state
        vector_to_parameters(at.values, run.parameters)
        if gradients is not None:
            vector_to_gradients(gradients, run.parameters)
        run.optimizer.stand(at.optimizer_updates, at.buffers)


class WholeUpdates(_OnArrays):
    """A run's examples and parameters as arrays, and the compiled updates over them.

    Raises:
        NotRecordable: the optimizer's rule is not compiled.
        RecordingError: the penalty is not.
    """

    trained_on = "a Program, whole updates"

    def __init__(self, run: Run, recording: Recording, penalty: Program | None) -> None:
        super().__init__(run, recording)
        self._rules, self.penalty = Rules(run.optimizer, run.memory.parts.get("optimizer")), penalty
        self.trainer = trainer_of(run, recording, penalty, self._rules)
        self.left, self._changes = "", 0  # why the rule is made by itself from now on; changes within epochs
        self._as_compiled = False  # is that known of the optimizer as it is now?
        self.names = run.optimizer.buffer_names

    def fits(self, run: Run) -> bool:
        """Is the graph still the one that was recorded, and the optimizer's rule one that is compiled?"""
        if not self.same_graph(run):
            return False
        if self._rules.is_own and self._refused > _MOST_REFUSED:
            self.left = "the rule meets numbers that are left to NumPy"
        elif not self._as_compiled and not self._rules.are_of(run.optimizer):
            try:
                rules = Rules(run.optimizer, run.memory.parts.get("optimizer"), self._rules)
            except NotRecordable as error:
                self.left = str(error)
                return False
            if rules != self._rules:
                self.trainer.set_rules(*rules.arguments)
                self.names, self.current = run.optimizer.buffer_names, False
            self._rules = rules
            self._changes += rules.is_own and rules.is_anew and run.state.batch > 0
            if self._changes > _MOST_REFUSED:
                self.left = "a callback changes the rule between updates"
        self._as_compiled = False
        return not self.left

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""

        size, first = run.plan.batch_size, run.state.batch
        left = run.plan.batches - first
        # of the whole epoch: where many an update is made eagerly, not anew after each of them
        updates = run.state.optimizer_updates
        rates: Any = None if run.listens else self._rules.rates(run.optimizer, updates, left)
        known: Any = None  # what the rate of `one` update goes by
        one: Any = None
        while (start := run.state.batch * size) < len(order):
            if not self.current:
                self._load(run)
            left = run.plan.batches - run.state.batch
            count = (
                1
                if run.listens
                else min(left, max(1, run.plan.batches // 20))
                if run.shows_progress
                else left
            )
            made = run.state.batch - first
            if run.is_asked and 1 < count == left:
                count -= 1  # the last one by itself: callbacks ask for its loss
            rows = order[start : start + count * size]
            by = run.optimizer.schedule, self._rules
            if run.listens and (by != known or type(by[0]) is not Constant or run.optimizer.param_groups):
                known, one = by, self._rules.rates(run.optimizer, run.state.optimizer_updates, 1)
            done = self._updates(run, rows, one if run.listens else rates[made : made + count])
            if done < count:
                rows = order[start + done * size : start + (done + 1) * size]
                self.eager_update(run, rows)
                done += 1
            bar.update(done)
            if (run.listens or self._refused) and not self.fits(run):
                return

    def _load(self, run: Run) -> None:
        """Bring the arrays to where the run stands."""
        at = run.state
        buffers = [at.buffers[name] for name in self.names]
        self.trainer.load(at.values, buffers, at.optimizer_updates, gradients_to_vector(run.parameters))
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        self.current = True

    def _updates(self, run: Run, rows: Any, rates: Any) -> int:
        """Make updates on the arrays; whatever happens, the run then stands at the last whole one."""
        drawn = self.recording.drawn
        if drawn is not None:
            drawn.fill(rows)
        if run.listens:
            return self._one_update(run, rows, rates)
        at = run.state
        is_last = run.is_asked and len(rows) <= run.plan.batch_size
        self.trainer.sums = (0.0, 0.0, 0.0, at.lr) if is_last else (at.loss, at.penalty, at.norm, at.lr)
        first = self.trainer.updates
        try:
            return self.trainer.run(rows, run.plan.batch_size, rates)
        finally:
            done = self.trainer.updates - first
            if is_last:
                loss, penalty, norm, rate = self.trainer.sums
                self.trainer.sums = (at.loss + loss, at.penalty + penalty, at.norm + norm, rate)
                if done:
                    run.loss, run.penalty, run.gradient_norm = loss / len(rows), penalty, norm
            if drawn is not None:
                drawn.keep(min(len(rows), done * run.plan.batch_size))
            run.updates = at.updates + done
            run.state = at.replace(**self._standing(run, done), updates=at.updates + done)

    def _standing(self, run: Run, done: int) -> dict[str, Any]:
        loss, penalty, norm, rate = self.trainer.sums
        return {
            "values": self.trainer.values,
            "buffers": _Kept(self.names, self.trainer),
            "optimizer_updates": self.trainer.updates,
            "random": run.generators.states(),
            "batch": run.state.batch + done,
            "loss": loss,
            "penalty": penalty,
            "norm": norm,
            "lr": rate,
            "seconds": run.seconds(),
        }

    def _one_update(self, run: Run, rows: Any, rates: Any) -> int:
        """One update, after which callbacks are told and may change anything."""
        at = run.state
        is_blind = run.is_blind
        checks = self.checks and not is_blind
        expected = self.eager_loss(int(rows[0])) if checks else None
        self.trainer.sums = (0.0, 0.0, 0.0, 0.0)
        done = self.trainer.run(rows, len(rows), rates)
        self._left |= checks and done == 1 and self.trainer.outputs[0, 0] != expected
        if done == 0 or self._left:
            self.forget()
            return 0
        loss, penalty, norm, rate = self.trainer.sums
        self.trainer.sums = (at.loss + loss, at.penalty + penalty, at.norm + norm, rate)
        made = self._standing(run, 1)
        optimizer, schedule, buffers = run.optimizer, run.optimizer.schedule, made["buffers"]
        written = 0 if is_blind else self.trainer.write()
        optimizer.promise(made["optimizer_updates"], buffers)
        run.tell_update(loss / len(rows), penalty, norm, not is_blind)
        self.current = (
            optimizer._promised is buffers  # nobody has looked at them
            and optimizer.updates == made["optimizer_updates"]
            and (is_blind or self.trainer.is_written(written))
        )
        if is_blind and not self.current:
            self.trainer.write()
        self._as_compiled = self._rules.are_of(optimizer)
        now = {"changes": run.memory.changes()} if self.current else run.standing()
        moved = optimizer.schedule is not schedule or not self._as_compiled
        if moved or self._rules.other_rates(optimizer):
            now["hyperparameters"] = optimizer.hyperparameters()
        made.update(now, random=run.generators.states(), updates=at.updates + 1)
        run.state = at.replace(**made)
        return 1

    def store(self, run: Run) -> None:
        """Bring parameters, gradients and buffers to where the run stands.

        Where the arrays are not current, an eager update has left the gradients; where a callback listens
        that can tell, each update has, and the callback may have changed them.
        """
        is_told = run.listens and not run.is_blind
        self.write(run, self.trainer.gradients if self.current and not is_told else None)


class GradientUpdates(_OnArrays):
    """The gradient of a minibatch by Programs; the optimizer's rule on arrays, or its own step on Values.

    Args:
        run: the run.
        recording: of its loss.
        penalty: of its penalty, or None: then that is evaluated eagerly.
        reason: why not whole updates.
    """

    def __init__(self, run: Run, recording: Recording, penalty: Program | None, reason: str) -> None:
        super().__init__(run, recording)
        self.trained_on = f"a Program, gradients only: {reason}"
        self.gradient = recording.gradient(run.plan.batch_size)
        fixed = not self.checks or type(run.plan.regularizer) in FIXED
        self.penalty = BatchGradient([penalty], (), run.parameters) if penalty is not None and fixed else None
        self.own_step = not has_plain_step(run.optimizer)
        self._gradients: Any = None
        self._shows_values = goes_by_values(run.optimizer)
        self._trainer, self._frozen = self._loop(run, penalty), run.optimizer.frozen

    def _loop(self, run: Run, penalty: Program | None) -> Trainer | None:
        """The compiled loop, where it makes the whole gradient; the rule alone is the optimizer's own."""
        alike = self.recording.kinds is None and not self.recording.branches
        whole = run.problem.penalty is None or self.penalty is not None
        if self.own_step or not alike or not whole:
            return None
        try:
            return trainer_of(run, self.recording, penalty, None)
        except RecordingError:
            return None

    @property
    def has_too_many_paths(self) -> bool:
        """Has an update met more branches than are recorded?"""
        return self._refused > 0 and self.gradient.is_full

    def fits(self, run: Run) -> bool:
        """Is the graph still the one that was recorded, and the optimizer's step what it was?"""
        if self.own_step == has_plain_step(run.optimizer) or self.has_too_many_paths:
            return False
        return self.same_graph(run)

    def store(self, run: Run) -> None:
        """Bring parameters, gradients and buffers to where the run stands."""
        if not self.own_step and self.current:
            self.write(run, self._gradients)

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way, up to where a callback changes the graph."""
        size = run.plan.batch_size
        for start in range(run.state.batch * size, len(order), size):
            rows = order[start : start + size]
            if self.recording.drawn is not None:
                self.recording.drawn.fill(rows)
            self._update(run, rows)
            bar.update(1)
            if (run.listens or self._refused) and not self.fits(run):
                return

    def _update(self, run: Run, rows: Any) -> None:
        expected = self.eager_loss(int(rows[0])) if self.checks else None
        if self._trainer is not None and expected is None and run.optimizer.frozen is self._frozen:
            made = self._trainer.gradient(rows, run.state.values)
            if made is None or not self._step_on_arrays(run, *made, len(rows)):
                self.eager_update(run, rows)
            return
        found = self.gradient(rows, values=run.state.values)
        if found is not None and self.checks and found[0][0] != expected:
            self._left, found = True, None
        if found is None or max(map(abs, found[0])) > LARGEST_LOSS:
            self.eager_update(run, rows)
            return
        total = 0.0
        for loss in found[0]:
            total += loss
        gradients = found[1] / len(rows)
        if self.own_step:
            self._step_of_its_own(run, total, gradients, len(rows))
        else:
            penalty, gradients = self._with_penalty(run, gradients)
            gradients = run.frozen_gradient(gradients)
            if not self._step_on_arrays(run, total, penalty, gradient_norm(gradients), gradients, len(rows)):
                self.eager_update(run, rows)

    def _with_penalty(self, run: Run, gradients: Any) -> tuple[float, Any]:
        """The penalty, and the gradient with the penalty's added."""
        if run.problem.penalty is None:
            return 0.0, gradients
        if self.penalty is not None:
            found = self.penalty(None, gradients.copy(), run.state.values)
            if found is not None:
                return found[0][0], found[1]
        vector_to_parameters(run.state.values, run.parameters)
        vector_to_gradients(gradients, run.parameters)
        omega: Value = run.problem.penalty()
        omega.backward()
        return omega.data, gradients_to_vector(run.parameters)

    def _step_of_its_own(self, run: Run, total: float, gradients: Any, count: int) -> None:
        penalty, gradients = self._with_penalty(run, gradients)
        gradients = run.frozen_gradient(gradients)
        vector_to_gradients(gradients, run.parameters)
        run.step(BatchResult(total / count, penalty), count)

    def _step_on_arrays(
        self, run: Run, total: float, penalty: float, norm: float, gradients: Any, count: int
    ) -> bool:
        """One step by the optimizer's rule on the arrays; False where it becomes non-finite."""
        at, optimizer = run.state, run.optimizer
        if run.listens or at.batch == 0:  # callbacks may have changed it
            self._shows_values = goes_by_values(optimizer)
        if self._shows_values:
            self.write(run, gradients)
        elif not self.current:
            optimizer.stand(at.optimizer_updates, at.buffers)
        self.current = True
        rate = optimizer.lr
        try:
            if not math.isfinite(norm):
                return False
            values, buffers = optimizer._checked_rule(at.values, gradients)
        except DivergenceError:
            return False
        # copies: a rule may keep what it returns, and change it in its next turn
        values, buffers = values.copy(), {name: buffer.copy() for name, buffer in buffers.items()}
        optimizer.advance(buffers)
        self._gradients = gradients
        made = at.replace(
            values=values,
            buffers=buffers,
            optimizer_updates=optimizer.updates,
            batch=at.batch + 1,
            updates=at.updates + 1,
            loss=at.loss + total / count * count,
            penalty=at.penalty + penalty,
            norm=at.norm + norm,
            lr=rate,
            random=run.generators.states(),
            **run.memory.after_rule(run),
            seconds=run.seconds(),
        )
        if run.listens:
            vector_to_parameters(values, run.parameters)
            vector_to_gradients(gradients, run.parameters)
            run.tell_update(total / count, penalty, norm)
            made = made.replace(**run.standing(), random=run.generators.states())
            self.forget()
        else:
            run.loss, run.penalty, run.gradient_norm = total / count, penalty, norm
        run.updates = made.updates
        run.state = made
        return True


def trainer_of(run: Run, recording: Recording, penalty: Program | None, rules: Rules | None) -> Trainer:
    """The compiled loop over the minibatches of a run; without rules it makes the gradient alone."""
    if rules is None:
        frozen = run.optimizer.frozen
        made: Any = [("sgd", (), 0)], 0, None, None, None if frozen is None else -frozen.astype("int64")
    else:
        made = rules.arguments
    program, size = recording.programs[0], run.plan.batch_size
    of_loss = program, recording.batches, size, run.parameters, penalty
    rules_, buffers, clip_value, clip_norm, groups = made
    return Trainer(*of_loss, rules_, buffers, clip_value, clip_norm, groups, LARGEST_LOSS)


class _Kept(Mapping[str, Any]):
    """The buffers of this moment, brought into the order of the parameters when they are looked at."""

    def __init__(self, names: Sequence[str], trainer: Trainer) -> None:
        self._names, self._trainer, self._copies = names, trainer, trainer.copies()

    def __getitem__(self, name: str) -> Any:
        return self._trainer.in_order(self._copies[self._names.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
