"""Training by a Program: the updates of `nn.training`, bit for bit, on arrays instead of Values.

`replay_of` takes a recording of the run (`nn.training.recording`), or tells why its updates are eager.
`Replay` makes whole updates on arrays, for the optimisers that are compiled. For any other optimiser, for
losses that choose by the target, or where somebody listens to every update, `GradientReplay` makes the
gradient, and the rest happens on Values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograd_core import Value, gradients_to_vector, no_grad, vector_to_gradients, vector_to_parameters
from autograd_core.errors import RecordingError
from autograd_core.programs.batch_gradient import BatchGradient, Trainer, compiled
from autograd_core.programs.program import Program
from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from nn.schedules import rates_of
from nn.training.minibatch import BatchResult
from nn.training.recording import (
    CHECKED_ROWS,
    Recording,
    chance_of,
    frozen,
    reason_of,
    recorded,
    recorded_penalty,
)

if TYPE_CHECKING:
    from nn.training.run import Run

__all__ = ["GradientReplay", "Replay", "replay_of"]


class Replay:
    """A run's examples and parameters as arrays, and the compiled updates over them."""

    def __init__(self, run: Run, trainer: Trainer) -> None:
        self.trainer = trainer
        self.made_for = _made_for(run)
        self.names = run.optimizer.buffer_names
        self.current = False  # do the arrays hold what the Values hold?

    def load(self, run: Run) -> None:
        """Bring the arrays to where the run stands."""
        at = run.point
        buffers = [at.buffers[name] for name in self.names]
        self.trainer.load(at.values, buffers, at.optimizer_updates, gradients_to_vector(run.parameters))
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        self.current = True

    def fits(self, run: Run) -> bool:
        """Are the optimiser's numbers still those that were compiled in? A callback may have changed them."""
        same: bool = self.made_for == _made_for(run)
        return same

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""
        import numpy as np

        size = run.plan.batch_size
        at = run.point
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        if not self.current:
            self.load(run)
        first, left = at.batch, run.plan.batches - at.batch
        # of the whole epoch: where many an update is made on Values, not anew after each of them
        rates = np.array(rates_of(run.optimizer.schedule, at.optimizer_updates, left), dtype=np.float64)
        while (start := run.point.batch * size) < len(order):
            left = run.plan.batches - run.point.batch
            count = min(left, max(1, run.plan.batches // 20)) if run.shows_progress else left
            made = run.point.batch - first
            done = self._updates(run, order[start : start + count * size], rates[made : made + count])
            if done < count:
                self._on_values(run, order[start + done * size : start + (done + 1) * size])
                done += 1
            if not self.current:
                self.load(run)
            bar.update(done)

    def _updates(self, run: Run, rows: Any, rates: Any) -> int:
        """Make updates on the arrays; whatever happens, the run then stands at the last whole one."""
        first = self.trainer.updates
        try:
            return self.trainer.run(rows, run.plan.batch_size, rates)
        finally:
            self._stand(run, self.trainer.updates - first)

    def _buffers(self) -> dict[str, list[float]]:
        return dict(zip(self.names, self.trainer.buffers, strict=True))

    def _stand(self, run: Run, done: int) -> None:
        loss, penalty, norm, rate = self.trainer.sums
        at = run.point
        run.updates = at.updates + done
        run.point = at.moved(
            values=self.trainer.values,
            buffers=self._buffers(),
            optimizer_updates=self.trainer.updates,
            batch=at.batch + done,
            updates=at.updates + done,
            loss=loss,
            penalty=penalty,
            norm=norm,
            lr=rate,
            seconds=run.seconds(),
        )

    def _on_values(self, run: Run, rows: Any) -> None:
        """One update on Values: the one that the arrays refused tells there what is wrong with it."""
        self.store(run)
        self.current = False
        chosen = rows.tolist()
        run.update(*run.examples(chosen))

    def store(self, run: Run) -> None:
        """Write parameters, gradients and buffers back to the Values and the optimiser.

        Where the arrays are not current, an update on Values, or a callback, has left the gradients.
        """
        self._write(run, run.point.values, run.point.optimizer_updates, run.point.buffers)

    def _write(self, run: Run, values: Any, updates: int, buffers: Mapping[str, Any]) -> None:
        vector_to_parameters(values, run.parameters)
        if self.current:
            vector_to_gradients(self.trainer.gradients, run.parameters)
        run.optimizer.load_state_dict({"updates": updates, "buffers": buffers})


class GradientReplay:
    """A run's examples as arrays, and the gradient of a minibatch by Programs; all else happens on Values."""

    current = True  # the Values are all there is

    def __init__(self, run: Run, recording: Recording, penalty: Program | None) -> None:
        self.gradient = recording.gradient(run, run.plan.batch_size)
        self.penalty = None if penalty is None else BatchGradient([penalty], (), run.parameters)
        self.made_for = frozen(run)

    def fits(self, run: Run) -> bool:
        """Is the graph still the one that was recorded? A callback may have changed the model."""
        same: bool = self.made_for == frozen(run)
        return same

    def store(self, run: Run) -> None:
        """Write nothing back: Values and optimiser hold everything."""

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way, up to where a callback changes the graph."""
        size = run.plan.batch_size
        for start in range(run.point.batch * size, len(order), size):
            rows = order[start : start + size]
            found = self.gradient(rows)
            if found is None:  # on Values it goes well, or raises what is wrong with it
                run.update(*run.examples(rows.tolist()))
            elif not run.listens or self._agrees(run, rows[0], found[0][0]):
                run.step(self._put(run, *found), len(rows))
            else:
                self.made_for = None
                run.update(*run.examples(rows.tolist()))
                bar.update(1)
                return
            bar.update(1)

    def _agrees(self, run: Run, row: int, loss: float) -> bool:
        """Is this the loss of the example? A callback may have changed the model after the last update."""
        try:
            with no_grad():
                value: Value = run.example_loss(run.plan.rows[row], run.plan.targets[row])
        except Exception:  # the update on Values will tell
            return False
        return value.data == loss

    def _put(self, run: Run, losses: list[float], gradients: Any) -> BatchResult:
        """Leave the gradient of J on the parameters."""
        total = 0.0
        for loss in losses:
            total += loss
        gradients /= len(losses)
        # A penalty that a callback could change at any time is left to Values.
        found = None if run.listens or self.penalty is None else self.penalty(None, gradients.copy())
        if found is not None:
            gradients = found[1]
        vector_to_gradients(gradients, run.parameters)
        if found is not None or run.penalty is None:
            return BatchResult(total / len(losses), 0.0 if found is None else found[0][0])
        omega = run.penalty()
        omega.backward()
        return BatchResult(total / len(losses), omega.data)


def replay_of(run: Run) -> tuple[Replay | GradientReplay | None, str]:
    """Return what trains a run by Programs, or None and the reason why its updates are made on Values."""
    if run.plan.epochs * len(run.plan.rows) <= CHECKED_ROWS:
        return None, "the run is short"
    if not compiled():
        return None, "there is no compiled interpreter"
    chance = chance_of(run)
    try:
        recording = recorded(run, chance)
        penalty = recorded_penalty(run, chance)
        return _whole(run, recording, penalty) or GradientReplay(run, recording, penalty), ""
    except Exception as error:  # whatever the model raises while it is recorded, it may not raise on Values
        return None, reason_of(error)
    finally:
        chance.restore()


def _whole(run: Run, recording: Recording, penalty: Program | None) -> Replay | None:
    """What makes whole updates on arrays, if they can be: for a compiled optimiser, and nobody listening."""
    rule = _rule(run.optimizer)
    if rule is None or run.listens or recording.choices is not None:
        return None
    if penalty is None and run.penalty is not None:
        return None
    name, settings = rule
    try:
        trainer = Trainer(
            recording.programs[0],
            recording.batches,
            run.plan.batch_size,
            run.parameters,
            penalty,
            name,
            settings,
            len(run.optimizer.buffer_names),
            run.optimizer.clip_value,
            run.optimizer.clip_norm,
        )
    except RecordingError:  # the penalty has layers of its own
        return None
    return Replay(run, trainer)


def _made_for(run: Run) -> Any:
    return _rule(run.optimizer), run.optimizer.clip_value, run.optimizer.clip_norm, frozen(run)


def _rule(optimizer: Optimizer) -> tuple[str, Sequence[float]] | None:
    """The rule's name and numbers, in the order in which the compiled rules take them; None for another rule.

    A method put onto the optimiser itself (as some wrappers do with `step`) makes it another.
    """
    kind = type(optimizer)
    if any(callable(getattr(kind, name, None)) for name in vars(optimizer)):
        return None
    if kind is SGD:
        return "sgd", (optimizer.momentum, float(optimizer.nesterov))  # type: ignore[attr-defined]
    if kind is Adagrad:
        return "adagrad", (optimizer.eps,)  # type: ignore[attr-defined]
    if kind is RMSprop:
        o: Any = optimizer
        return "rmsprop", (o.rho, o.eps, o.momentum, float(o.centered))
    if kind is Adam:
        return "adam", (*optimizer.betas, optimizer.eps)  # type: ignore[attr-defined]
    if kind is AdamW:
        return "adamw", (*optimizer.betas, optimizer.eps, optimizer.weight_decay)  # type: ignore[attr-defined]
    return None
