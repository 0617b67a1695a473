"""Training by a Program: the updates of `nn.training`, bit for bit, on arrays instead of Values.

`replay_of` records the loss of one example, and the penalty, once. It then checks the recording against the
eager graph on examples of the run, so that a model whose graph is not of one shape (or depends on chance) is
trained on Values instead, and the run can tell why.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core import Value, backward
from autograd_core.errors import AutogradError, RecordingError
from autograd_core.program import Program, record
from autograd_core.program_training import Trainer, compiled
from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

if TYPE_CHECKING:
    from nn.run import Run

__all__ = ["Replay", "replay_of"]

_LABEL_LOSSES = ("cross_entropy", "nll")
_CHECKED_ROWS = 64


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
        self.trainer.load(at.values, [at.buffers[name] for name in self.names], at.optimizer_updates)
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        self.current = True

    def fits(self, run: Run) -> bool:
        """Are the optimiser's numbers still those that were compiled in? A callback may have changed them."""
        same: bool = self.made_for == _made_for(run)
        return same

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """The minibatches that are left of the epoch under way."""
        size = run.plan.batch_size
        listening = any(hasattr(callback, "on_update") for callback in run.plan.callbacks)
        at = run.point
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        if not self.current:
            self.load(run)
        while (start := run.point.batch * size) < len(order):
            left = -(-(len(order) - start) // size)
            count = (
                1 if listening else min(left, max(1, run.plan.batches // 20)) if run.shows_progress else left
            )
            make = self._heard_update if listening else self._updates
            done = make(run, order[start : start + count * size], count)
            if done < count:
                self._on_values(run, order[start + done * size : start + (done + 1) * size])
                done += 1
            if not self.current:
                self.load(run)
            bar.update(done)

    def _updates(self, run: Run, rows: Any, count: int) -> int:
        """Make updates on the arrays; whatever happens, the run then stands at the last whole one."""
        first = self.trainer.updates
        rates = [run.optimizer.schedule(first + k) for k in range(count)]
        try:
            return self.trainer.run(rows, run.plan.batch_size, rates)
        finally:
            self._stand(run, self.trainer.updates - first)

    def _heard_update(self, run: Run, rows: Any, count: int) -> int:
        """Make one update that callbacks hear of before the run stands at it, as on Values."""
        done = self.trainer.run(rows, run.plan.batch_size, [run.optimizer.lr])
        if done:
            self._write(run, self.trainer.values, self.trainer.updates, self._buffers())
            run.tell_update()
            self._stand(run, 1)
            run.point = replace(run.point, values=[p.data for p in run.parameters])
            self.current = False
        return done

    def _buffers(self) -> dict[str, list[float]]:
        return dict(zip(self.names, self.trainer.buffers, strict=True))

    def _stand(self, run: Run, done: int) -> None:
        loss, penalty, norm, rate = self.trainer.sums
        at = run.point
        run.updates = at.updates + done
        run.point = replace(
            at,
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
        run.update([run.plan.rows[i] for i in chosen], [run.plan.targets[i] for i in chosen])

    def store(self, run: Run) -> None:
        """Write parameters, gradients and buffers back to the Values and the optimiser."""
        self._write(run, run.point.values, run.point.optimizer_updates, run.point.buffers)

    def _write(self, run: Run, values: list[float], updates: int, buffers: Mapping[str, Any]) -> None:
        for parameter, value, gradient in zip(run.parameters, values, self.trainer.gradients, strict=True):
            parameter.data = value
            parameter.grad = gradient
        run.optimizer.load_state_dict({"updates": updates, "buffers": buffers})


def replay_of(run: Run) -> tuple[Replay | None, str]:
    """Return a `Replay` for a run, or None and the reason why its updates are made on Values."""
    if run.plan.epochs * len(run.plan.rows) <= _CHECKED_ROWS:
        return None, "the run is short"
    if not compiled():
        return None, "there is no compiled interpreter"
    rule = _rule(run.optimizer)
    if rule is None:
        return None, f"{type(run.optimizer).__name__} is an optimiser of your own"
    try:
        targets = _targets(run)
        state = random.getstate()
        program = record(run.example_loss, run.plan.rows[0], targets[0], on_guard="raise")
        penalty = None if run.penalty is None else record(run.penalty)
        if random.getstate() != state:
            random.setstate(state)
            return None, "the model draws random numbers"
        _check(run, program, targets)
        name, settings = rule
        trainer = Trainer(
            program,
            (run.plan.rows, targets),
            run.plan.batch_size,
            run.parameters,
            penalty,
            name,
            settings,
            len(run.optimizer.buffer_names),
            run.optimizer.clip_value,
            run.optimizer.clip_norm,
        )
    except RecordingError as error:
        return None, f"its graph cannot be recorded ({error})"
    except (AutogradError, ArithmeticError, TypeError, ValueError, IndexError, AttributeError) as error:
        return None, f"its graph has no fixed shape ({error})"
    return Replay(run, trainer), ""


def _made_for(run: Run) -> Any:
    return _rule(run.optimizer), run.optimizer.clip_value, run.optimizer.clip_norm


def _rule(optimizer: Optimizer) -> tuple[str, Sequence[float]] | None:
    """The rule's name and numbers, in the order in which the compiled rules take them."""
    kind = type(optimizer)
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


def _targets(run: Run) -> Any:
    """The targets as an array that one program can take: numbers, rows of them, one-hot rows."""
    import numpy as np

    targets = np.asarray(run.plan.targets, dtype=np.float64)
    if run.plan.loss.targets == "labels" and targets.ndim == 1:
        if run.plan.loss.name not in _LABEL_LOSSES:
            raise RecordingError("its loss chooses by the label")
        width = len(run.model(run.plan.rows[0]))
        return np.eye(width)[targets.astype(np.int64)]
    if (
        run.plan.loss.targets == "signs"
        and targets.ndim == 1
        and not isinstance(run.model(run.plan.rows[0]), Value)
    ):
        raise RecordingError("its loss chooses by the label")
    return targets


def _check(run: Run, program: Program, targets: Any) -> None:
    """Compare the program with the eager graph, to the bit, on some examples.

    They are the first of every different target and others spread over the examples. No gradient is left on
    the parameters.

    Raises:
        RecordingError: they differ.
    """
    import numpy as np

    rows, parameters = run.plan.rows, run.parameters
    _, first = np.unique(targets, axis=0, return_index=True)
    spread = range(0, len(rows), max(1, len(rows) // _CHECKED_ROWS))
    chosen = list(dict.fromkeys([*first[:_CHECKED_ROWS].tolist(), *spread]))[: 2 * _CHECKED_ROWS]
    before = [(p.grad, p.has_grad) for p in parameters]
    try:
        for p in parameters:
            p.zero_grad()
        losses = []
        for i in chosen:
            loss = run.example_loss(rows[i], run.plan.targets[i])
            backward(loss)
            losses.append(loss.data)
        eager = [p.grad for p in parameters]
        values, gradients = program.value_and_grad(np.array([rows[i] for i in chosen]), targets[chosen])
    finally:
        for p, (gradient, had) in zip(parameters, before, strict=True):
            p.zero_grad()
            if had:
                p.grad = gradient
    place = {id(p): k for k, p in enumerate(program.parameters)}
    for p, gradient in zip(parameters, eager, strict=True):
        k = place.get(id(p))
        if gradient != (0.0 if k is None else float(gradients.parameters[k])):
            raise RecordingError("another example gives another gradient than the recorded graph")
    if values.tolist() != losses:
        raise RecordingError("another example gives another loss than the recorded graph")
