"""What makes the updates of `nn.training`, all three with the same bits.

`WholeUpdates` makes them on arrays, for the optimisers that are compiled. `GradientUpdates` has Programs make
the gradient of a minibatch, for any other optimiser, graphs with branches, and losses that choose by the
target; the rule runs on arrays, or, where the optimiser has a step of its own, on the Values. `EagerUpdates`
makes a graph of Values for every example. `updater_of` chooses, and tells why it cannot be a faster one.
"""

from __future__ import annotations

import time
import warnings
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd_core import (
    Value,
    gradients_to_vector,
    no_grad,
    vector_to_gradients,
    vector_to_parameters,
)
from autograd_core.calculus.updates import UPDATES
from autograd_core.engine.flat import has_numbers, write_both
from autograd_core.errors import RecordingError
from autograd_core.programs.batch_gradient import BatchGradient, Trainer, compiled
from autograd_core.programs.program import Program, record
from nn.errors import DivergenceError, InputError, SlowTrainingWarning
from nn.minimizers import Minimizer
from nn.optimizers import Optimizer, gradient_norm
from nn.random_state import RandomStates
from nn.regularizers import L1, L2, ElasticNet
from nn.schedules import rates_of
from nn.training.checkpoints import TrainingState
from nn.training.minibatch import LARGEST_LOSS, BatchResult
from nn.training.minimization import Minimization
from nn.training.recording import (
    CHECKED_ROWS,
    NotRecordable,
    Recording,
    kept_gradients,
    reason_of,
    recorded,
    recorded_penalty,
)

if TYPE_CHECKING:
    from nn.training.run import Run, Updater

__all__ = ["EagerUpdates", "GradientUpdates", "WholeUpdates", "updater_of"]


class EagerUpdates:
    """A graph of Values for every example.

    Args:
        reason: why not by a Program.
        for_now: until the epoch ends.
    """

    is_eager = True

    def __init__(self, reason: str, for_now: bool = False) -> None:
        self.reason = reason
        self.trained_on = f"eager: {reason}"
        self._for_now = for_now
        self._told = reason in (_SHORT, _UNCOMPILED)  # of the latter the engine has warned

    def fits(self, run: Run) -> bool:
        """It always does; where it stands in for the rest of an epoch, up to its end."""
        return not self._for_now or run.state.batch > 0

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""
        if not self._told:
            self._told = True
            warn_of_slowness(run, self.reason)
        size = run.plan.batch_size
        for start in range(run.state.batch * size, len(order), size):
            run.update(order[start : start + size].tolist())
            bar.update(1)

    def store(self, run: Run) -> None:
        """Write nothing back: the Values and the optimiser hold everything."""

    def forget(self) -> None:
        """Nothing is held."""


_MOST_REFUSED = 2  # updates of an epoch that met branches which were not recorded, until they are
_SHORT = "the run is short"
_UNCOMPILED = "there is no compiled interpreter"
_LONG = 2000  # from so many examples on that a run looks at, its slowness is told
_REMEDIES = {
    "draws random numbers": "draw them by nn.Dropout, nn.GaussianNoise or nn.RandomInput",
    "cannot be recorded": "compute with Values, do not read their numbers: maximum, where, nn.Embedding",
    "chooses by the target": "let it compute with the target: dot(one_hot_row, outputs), where(c, a, b)",
    "within an epoch": "change the model when an epoch has ended, not in on_update",
    "no fixed shape": "let every example have the same operations, whatever its numbers are",
}


def warn_of_slowness(run: Run, reason: str) -> None:
    """Tell once that a run is trained eagerly: why, how much slower that is, and what would help."""
    visits = (run.plan.epochs - run.state.epoch) * len(run.plan.examples)
    factor = 0.0 if visits < _LONG else slowness(run)
    if factor < 2.0:
        return
    remedy = next((told for part, told in _REMEDIES.items() if part in reason), "")
    warnings.warn(
        f"this run is trained example by example, because {reason}: about {factor:.0f} times slower than on "
        f"a Program. {remedy and f'To train on one, {remedy}. '}The result is the same; "
        "warnings.simplefilter('ignore', nn.SlowTrainingWarning) silences this",
        SlowTrainingWarning,
        stacklevel=6,
    )


def slowness(run: Run) -> float:
    """How often longer the graph of an example takes, built and swept, than a Program of that same graph.

    Both are measured on the first example; generators and gradients are left as they were.
    """
    try:
        with kept_gradients(run.parameters):
            loss = run.problem.loss_of(0)
            program = BatchGradient([record(lambda: loss)], (), run.parameters)
            program(None)
            eager = min(_seconds(lambda: run.problem.loss_of(0).backward()) for _ in range(5))
            return eager / min(_seconds(lambda: program(None)) for _ in range(5))
    except Exception:  # it is only for a warning
        return 0.0
    finally:
        run.generators.restore(run.state.random)


def _seconds(f: Callable[[], Any]) -> float:
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


class _OnArrays:
    """What the two updaters share that keep parameters and buffers in arrays."""

    is_eager = False
    trained_on = ""

    def __init__(self, run: Run, recording: Recording) -> None:
        self.recording = recording
        self.current = False  # do the arrays hold what the Values hold?
        self.snapshot = run.watch() if run.plan.callbacks else None
        self._is_new, self._refused = True, 0
        self._left = False  # has the model been seen to be another, within an epoch?
        self.checks = run.listens and self.snapshot is not None and not self.snapshot.is_complete

    def forget(self) -> None:
        """Read parameters and buffers anew before the next update."""
        self.current = False

    def same_graph(self, run: Run) -> bool:
        """Are loss and penalty those that were recorded? A callback may have changed them.

        Where the snapshot could not look into everything, each epoch has a recording of its own.
        """
        is_new, self._is_new = self._is_new, False
        if self.recording.is_sampled and self._refused > _MOST_REFUSED and run.state.batch == 0:
            return False
        if self.snapshot is None:
            return True
        same = not self._left and not self.snapshot.is_stale
        return same and (self.snapshot.is_complete or run.state.batch > 0 or is_new)

    def eager_update(self, run: Run, rows: Any) -> None:
        """An update that the arrays refused: it tells what is wrong with it, or goes well."""
        self._refused += 1
        self.store(run)
        self.current = False
        run.update(rows.tolist(), self.recording.loss_of)

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
        """Write the state, and a gradient if there is one, into Values and optimiser."""
        at = run.state
        vector_to_parameters(at.values, run.parameters)
        if gradients is not None:
            vector_to_gradients(gradients, run.parameters)
        run.optimizer.stand(at.optimizer_updates, at.buffers)


class WholeUpdates(_OnArrays):
    """A run's examples and parameters as arrays, and the compiled updates over them."""

    trained_on = "a Program, whole updates"

    def __init__(self, run: Run, recording: Recording, trainer: Trainer) -> None:
        super().__init__(run, recording)
        self.trainer = trainer
        self._rule, self._settings = _rule_and_clips(run.optimizer), _attributes(run.optimizer)
        self.names = run.optimizer.buffer_names

    def fits(self, run: Run) -> bool:
        """Are rule and graph still those that were compiled?"""
        now = _attributes(run.optimizer)
        same = now == self._settings or self._rule == _rule_and_clips(run.optimizer)
        self._settings = now if same else self._settings
        return same and self.same_graph(run)

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""

        size, first = run.plan.batch_size, run.state.batch
        left = run.plan.batches - first
        # of the whole epoch: where many an update is made eagerly, not anew after each of them
        updates = run.state.optimizer_updates
        rates = None if run.listens else _rates(run.optimizer, updates, left)
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
            rows = order[start : start + count * size]
            done = self._updates(
                run,
                rows,
                _rates(run.optimizer, run.state.optimizer_updates, 1)
                if rates is None
                else rates[made : made + count],
            )
            if done < count:
                rows = order[start + done * size : start + (done + 1) * size]
                if self.recording.drawn is not None and not run.listens:
                    self.recording.drawn.fill(rows)
                self.eager_update(run, rows)
                done += 1
            bar.update(done)
            if run.listens and not self.fits(run):
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
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        first = self.trainer.updates
        try:
            return self.trainer.run(rows, run.plan.batch_size, rates)
        finally:
            done = self.trainer.updates - first
            if drawn is not None:
                drawn.keep(min(len(rows), done * run.plan.batch_size))
            run.updates = at.updates + done
            run.state = at.replace(**self._standing(run, done), updates=at.updates + done)

    def _standing(self, run: Run, done: int) -> dict[str, Any]:
        loss, penalty, norm, rate = self.trainer.sums
        return {
            "values": self.trainer.values,
            "buffers": dict(zip(self.names, self.trainer.buffers, strict=True)),
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
        expected = self.eager_loss(int(rows[0])) if self.checks else None
        self.trainer.sums = (0.0, 0.0, 0.0, 0.0)
        done = self.trainer.run(rows, len(rows), rates)
        self._left |= self.checks and done == 1 and self.trainer.outputs[0, 0] != expected
        if done == 0 or self._left:
            self.forget()
            return 0
        loss, penalty, norm, rate = self.trainer.sums
        self.trainer.sums = (at.loss + loss, at.penalty + penalty, at.norm + norm, rate)
        made = at.replace(**self._standing(run, 1), updates=at.updates + 1)
        optimizer, schedule = run.optimizer, run.optimizer.schedule
        numbers = _doubles(made.values)
        write_both(run.parameters, numbers, _doubles(self.trainer.gradients))
        optimizer.updates = made.optimizer_updates
        optimizer.promise(made.buffers)
        run.tell_update(loss / len(rows), penalty, norm)
        self.current = (
            optimizer.kept_promise is made.buffers
            and optimizer.updates == made.optimizer_updates
            and has_numbers(run.parameters, numbers)
        )
        random = run.generators.states()
        if self.current and optimizer.schedule is schedule and _attributes(optimizer) == self._settings:
            run.state = made.replace(random=random)
        else:
            run.state = made.replace(**run.standing(), random=random)
            self.current = _is_same(made, run.state)
        return 1

    def store(self, run: Run) -> None:
        """Bring parameters, gradients and buffers to where the run stands.

        Where the arrays are not current, an eager update, or a callback, has left the gradients.
        """
        self.write(run, self.trainer.gradients if self.current else None)


class GradientUpdates(_OnArrays):
    """The gradient of a minibatch by Programs; the optimiser's rule on arrays, or its own step on Values.

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
        fixed = not self.checks or type(run.plan.regularizer) in _FIXED
        self.penalty = BatchGradient([penalty], (), run.parameters) if penalty is not None and fixed else None
        self.own_step = not _has_plain_step(run.optimizer)
        self._gradients: Any = None

    def fits(self, run: Run) -> bool:
        """Is the graph still the one that was recorded, and the optimiser's step what it was?"""
        if self.own_step == _has_plain_step(run.optimizer):
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
            if run.listens and not self.fits(run):
                return

    def _update(self, run: Run, rows: Any) -> None:
        expected = self.eager_loss(int(rows[0])) if self.checks else None
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
        elif not self._step_on_arrays(run, total, gradients, len(rows)):
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

    def _step_on_arrays(self, run: Run, total: float, gradients: Any, count: int) -> bool:
        """One step by the optimiser's rule on the arrays; False where it becomes non-finite."""
        at, optimizer = run.state, run.optimizer
        penalty, gradients = self._with_penalty(run, gradients)
        gradients = run.frozen_gradient(gradients)
        norm, rate = gradient_norm(gradients), optimizer.lr
        if not self.current:
            optimizer.stand(at.optimizer_updates, at.buffers)
            self.current = True
        try:
            values, buffers = optimizer.proposal(at.values, gradients)
        except DivergenceError:
            return False
        optimizer.buffers, optimizer.updates = buffers, optimizer.updates + 1
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
            seconds=run.seconds(),
        )
        if run.listens:
            vector_to_parameters(values, run.parameters)
            vector_to_gradients(gradients, run.parameters)
            run.tell_update(total / count, penalty, norm)
            made = made.replace(**run.standing(), random=run.generators.states())
            self.forget()
        run.updates = made.updates
        run.state = made
        return True


_FIXED = (L1, L2, ElasticNet)


def updater_of(run: Run) -> Updater:
    """What trains a run as fast as it can be."""
    if isinstance(run.optimizer, Minimizer):
        return _minimization(run)
    if run.state.batch:
        return EagerUpdates("a callback changes the model within an epoch", for_now=True)
    if run.plan.epochs * len(run.plan.examples) <= CHECKED_ROWS:
        return EagerUpdates(_SHORT)
    if not compiled():
        return EagerUpdates(_UNCOMPILED)
    states = RandomStates(run.problem.owners())
    try:
        recording = recorded(run.problem, states)
        penalty = recorded_penalty(run.problem, states)
        return _whole_or_gradient(run, recording, penalty)
    except Exception as error:  # whatever the model raises while it is recorded, eagerly it may go well
        return EagerUpdates(reason_of(error))
    finally:
        states.restore()


def _minimization(run: Run) -> Updater:
    """What lets a minimiser of SciPy train a run."""
    states = RandomStates(run.problem.owners())
    try:
        if not compiled():
            raise NotRecordable(_UNCOMPILED)
        recording = recorded(run.problem, states)
        penalty = recorded_penalty(run.problem, states)
        if run.problem.penalty is not None and penalty is None:
            raise NotRecordable("the penalty cannot be recorded")
        return Minimization(run, recording, penalty, "")
    except InputError:
        raise
    except Exception as error:  # whatever the model raises while it is recorded, eagerly it may go well
        warn_of_slowness(run, reason_of(error))
        return Minimization(run, None, None, reason_of(error))
    finally:
        states.restore()


def _whole_or_gradient(run: Run, recording: Recording, penalty: Program | None) -> Updater:
    """What makes whole updates on arrays, or, for a reason that is told, gradients only."""
    rule = _rule(run.optimizer)
    if rule is None:
        kind = type(run.optimizer).__name__
        reason = f"{kind} has a {'rule' if _has_plain_step(run.optimizer) else 'step'} of its own"
    elif recording.kinds is not None:
        reason = "the loss chooses by the target"
    elif recording.branches:
        reason = "the graph has branches"
    elif run.problem.penalty is not None and penalty is None:
        reason = "the penalty cannot be recorded"
    elif run.listens and run.plan.regularizer is not None and type(run.plan.regularizer) not in _FIXED:
        reason = "a callback could change the penalty at every update"
    else:
        try:
            return WholeUpdates(run, recording, _trainer(run, recording, penalty))
        except RecordingError:
            reason = "the penalty has layers of its own"
    return GradientUpdates(run, recording, penalty, reason)


def _trainer(run: Run, recording: Recording, penalty: Program | None) -> Trainer:
    rules, groups = run.optimizer.groups()
    found = [(_rule(rule), run.optimizer.updates - rule.updates) for rule in rules]
    return Trainer(
        recording.programs[0],
        recording.batches,
        run.plan.batch_size,
        run.parameters,
        penalty,
        [(*rule, missed) for rule, missed in found if rule is not None],
        len(run.optimizer.buffer_names),
        run.optimizer.clip_value,
        run.optimizer.clip_norm,
        LARGEST_LOSS,
        groups,
    )


def _rates(optimizer: Optimizer, first: int, count: int) -> Any:
    """The rates of so many updates, a row each: the optimiser's own, and the groups'."""
    import numpy as np

    rules, _ = optimizer.groups()
    if len(rules) == 1:
        return np.array(rates_of(optimizer.schedule, first, count))
    return np.array([rates_of(rule.schedule, first, count) for rule in rules]).T.copy()


def _doubles(vector: Any) -> array[float]:
    made = array("d")
    made.frombytes(vector.data.cast("B"))
    return made


def _is_same(a: TrainingState, b: TrainingState) -> bool:
    """Has a callback left parameters and buffers alone?"""
    import numpy as np

    same = a.optimizer_updates == b.optimizer_updates and a.buffers.keys() == b.buffers.keys()
    return same and all(
        np.array_equal(x, y)
        for x, y in [(a.values, b.values), *((a.buffers[n], b.buffers[n]) for n in a.buffers)]
    )


def _attributes(optimizer: Optimizer) -> Any:
    """What tells by a glance that a rule is as it was: class and attributes, numbers and methods."""
    moving = (
        "updates",
        "_buffers",
        "_promised",
        "schedule",
        "param_groups",
        "_frozen",
        "_missed",
        "_since",
        "_members",
    )
    held = {name: held for name, held in vars(optimizer).items() if name not in moving}
    return type(optimizer), held, id(optimizer.frozen), [dict(group) for group in optimizer.param_groups]


def _rule_and_clips(optimizer: Optimizer) -> Any:
    rules, groups = optimizer.groups()
    numbers = None if groups is None else groups.tobytes()
    made = [(_rule(rule), optimizer.updates - rule.updates) for rule in rules]
    return made, numbers, optimizer.clip_value, optimizer.clip_norm


def _has_plain_step(optimizer: Optimizer) -> bool:
    """Is an update of this optimiser its rule, on arrays, and nothing else?"""
    kind = type(optimizer)
    names = ("step", "proposal", "zero_grad", "lr")
    plain = all(getattr(kind, name) is getattr(Optimizer, name) for name in names)
    return plain and not any(callable(getattr(kind, name, None)) for name in vars(optimizer))


def _rule(optimizer: Optimizer) -> tuple[str, tuple[float, ...]] | None:
    """The name and the settings of the optimiser's rule if it is one that is compiled, else None.

    A subclass that changes nothing of the rule has it too. A method put onto the optimiser itself (as some
    wrappers do with `step`) makes it another.
    """
    if not _has_plain_step(optimizer) or type(optimizer).rule is not Optimizer.rule:
        return None
    update, settings = optimizer.update()
    known = (
        UPDATES.get(update.name) is update and optimizer.buffer_names[: len(update.buffers)] == update.buffers
    )
    return (update.name, settings) if known else None
