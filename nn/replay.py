"""Training by a Program: the updates of `nn.training`, bit for bit, on arrays instead of Values.

`replay_of` records the loss of one example, and the penalty, once. It then checks the recording against the
eager graph on examples of the run, so that a model whose graph is not of one shape (or depends on chance) is
trained on Values instead, and the run can tell why.

`Replay` makes whole updates on arrays, for the optimisers that are compiled. For any other optimiser, or
where somebody listens to every update, `GradientReplay` makes the gradient, and the rest happens on Values.
It also serves losses that choose by the target (``outputs[label]``): there is a Program for each target then.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autograd_core import (
    Value,
    backward,
    gradients_to_vector,
    no_grad,
    vector_to_gradients,
    vector_to_parameters,
)
from autograd_core.errors import DomainError, RecordingError
from autograd_core.program import Program, record
from autograd_core.program_graph import CONSTANT
from autograd_core.program_training import BatchGradient, Trainer, compiled
from nn.minibatch import BatchResult
from nn.module import Module
from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

if TYPE_CHECKING:
    from nn.run import Run

__all__ = ["GradientReplay", "Replay", "replay_of"]

_LABEL_LOSSES = ("cross_entropy", "nll")
_CHECKED_ROWS = 64
_MOST_CHOICES = 64


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
        size = run.plan.batch_size
        at = run.point
        self.trainer.sums = (at.loss, at.penalty, at.norm, at.lr)
        if not self.current:
            self.load(run)
        while (start := run.point.batch * size) < len(order):
            left = -(-(len(order) - start) // size)
            count = min(left, max(1, run.plan.batches // 20)) if run.shows_progress else left
            done = self._updates(run, order[start : start + count * size], count)
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

    def __init__(self, run: Run, recording: _Recording, penalty: Program | None) -> None:
        self.gradient = recording.gradient(run, run.plan.batch_size)
        self.penalty = None if penalty is None else BatchGradient([penalty], (), run.parameters)
        self.made_for = _frozen(run)

    def fits(self, run: Run) -> bool:
        """Is the graph still the one that was recorded? A callback may have changed the model."""
        same: bool = self.made_for == _frozen(run)
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


class _OnValues(Exception):
    """Why a run is not trained by a Program, in words."""


def replay_of(run: Run) -> tuple[Replay | GradientReplay | None, str]:
    """Return what trains a run by Programs, or None and the reason why its updates are made on Values."""
    if run.plan.epochs * len(run.plan.rows) <= _CHECKED_ROWS:
        return None, "the run is short"
    if not compiled():
        return None, "there is no compiled interpreter"
    chance = _Chance(run)
    try:
        recording = _recorded(run, chance)
        penalty = _recorded_penalty(run, chance)
        return _whole(run, recording, penalty) or GradientReplay(run, recording, penalty), ""
    except Exception as error:  # whatever the model raises while it is recorded, it may not raise on Values
        return None, _reason(error)
    finally:
        chance.restore()


def _reason(error: Exception) -> str:
    if isinstance(error, _OnValues):
        return str(error)
    if isinstance(error, RecordingError):
        return f"its graph cannot be recorded ({error})"
    if isinstance(error, (ArithmeticError, DomainError)):
        return f"an example leaves the finite numbers ({error})"
    return f"its graph has no fixed shape ({error})"


class _Chance:
    """The random generators that a model may draw from: Python's, NumPy's, and those it keeps itself.

    Recording and checking call the model more often than training on Values does; the generators are put
    back, so that nobody can tell.
    """

    def __init__(self, run: Run) -> None:
        import numpy as np

        owners = (*_modules(run.model), run.plan.loss.function, run.plan.regularizer)
        things = [thing for owner in owners for thing in getattr(owner, "__dict__", {}).values()]
        self.generators = list(filter(None, map(_generator, [random, np.random, *things])))
        self.before = [read() for read, _ in self.generators]

    def drawn(self) -> bool:
        """Has a number been drawn since?"""
        now = [read() for read, _ in self.generators]
        return pickle.dumps(now) != pickle.dumps(self.before)

    def restore(self) -> None:
        """Put the generators back."""
        for (_, write), state in zip(self.generators, self.before, strict=True):
            write(state)


def _modules(model: Any) -> list[Any]:
    return [module for _, module in model.named_modules()] if isinstance(model, Module) else [model]


def _generator(thing: Any) -> tuple[Callable[[], Any], Callable[[Any], None]] | None:
    """How a random generator's state is read and written; None if it is something else."""
    import numpy as np

    if thing is random or isinstance(thing, random.Random):
        return thing.getstate, thing.setstate
    if thing is np.random or isinstance(thing, np.random.RandomState):
        return thing.get_state, thing.set_state
    if isinstance(thing, np.random.Generator):
        bits: Any = thing.bit_generator
        return lambda: bits.state, lambda state: setattr(bits, "state", state)
    return None


@dataclass(frozen=True)
class _Recording:
    """The loss of one example as a Program, or as one for each target; and the examples as arrays.

    Attributes:
        programs: one, or one for each different target.
        batches: for each argument of the programs an array of all examples.
        choices: the number of each example's program; None if there is one.
    """

    programs: list[Program]
    batches: tuple[Any, ...]
    choices: Any = None

    def gradient(self, run: Run, largest: int) -> BatchGradient:
        """What makes the gradient of a minibatch."""
        return BatchGradient(self.programs, self.batches, run.parameters, self.choices, largest)


def _recorded(run: Run, chance: _Chance) -> _Recording:
    """Record the loss of an example with the target as an argument; where it chooses by it, once a target.

    Raises:
        Exception: why the recording does not serve, or what model and loss raised.
    """
    import numpy as np

    kinds = _kinds_of_targets(run.plan.targets)
    if _chooses_by_label(run):
        return _recorded_by_target(run, kinds, chance)
    try:
        targets = _targets(run)
        program = _record(run.example_loss, (run.plan.rows[0], targets[0]), chance)
    except _OnValues:
        raise
    except Exception:
        if kinds is None:
            raise
        return _recorded_by_target(run, kinds, chance)
    recording = _Recording([program], (np.array(run.plan.rows), targets))
    try:
        _check(run, recording, np.unique(targets, axis=0, return_index=True)[1].tolist())
    except _OnValues:
        if kinds is None or not _few(kinds):
            raise
        return _recorded_by_target(run, kinds, chance)
    return recording


def _record(f: Callable[..., Value], examples: tuple[Any, ...], chance: _Chance) -> Program:
    program = record(f, *examples, on_guard="raise")
    if chance.drawn():
        raise _OnValues("the model draws random numbers")
    return program


def _kinds_of_targets(targets: list[Any]) -> tuple[Any, list[int]] | None:
    """Which of the different targets each one is, and an example of each; None where they are no labels."""
    import numpy as np

    if not all(isinstance(target, (int, float, str, np.generic)) for target in targets):
        return None
    numbers: dict[Any, int] = {}
    choices = [numbers.setdefault((type(target), target), len(numbers)) for target in targets]
    return np.array(choices), np.unique(choices, return_index=True)[1].tolist()


def _few(kinds: tuple[Any, list[int]]) -> bool:
    choices, first = kinds
    return len(first) <= min(_MOST_CHOICES, len(choices) // 2)


def _recorded_by_target(run: Run, kinds: tuple[Any, list[int]] | None, chance: _Chance) -> _Recording:
    """Record one program for each of the different targets, which is then a plain number in it."""
    import numpy as np

    assert kinds is not None
    choices, first = kinds

    def recorded(k: int) -> Program:
        target = run.plan.targets[k]
        return _record(lambda x: run.example_loss(x, target), (run.plan.rows[k],), chance)

    programs = [recorded(first[0])]  # what this raises has nothing to do with the target
    if not _few(kinds):
        raise _OnValues(
            f"the loss chooses by the target, of which there are {len(first)} in {len(choices)} examples; "
            "let it compute with the target: dot(one_hot_row, outputs), where(condition, a, b)"
        )
    programs += [recorded(k) for k in first[1:]]
    recording = _Recording(programs, (np.array(run.plan.rows),), choices)
    _check(run, recording, first)
    return recording


def _recorded_penalty(run: Run, chance: _Chance) -> Program | None:
    """The penalty as a program; None if there is none, or if its graph is not the same every time."""
    if run.penalty is None:
        return None
    try:
        penalty = record(run.penalty, on_guard="raise")
        same = _digest(record(run.penalty)) == _digest(penalty)
        BatchGradient([penalty], (), run.parameters)  # depends on parameters alone
    except Exception:  # on Values it may be anything
        return None
    return penalty if same and not chance.drawn() else None


def _whole(run: Run, recording: _Recording, penalty: Program | None) -> Replay | None:
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
    return _rule(run.optimizer), run.optimizer.clip_value, run.optimizer.clip_norm, _frozen(run)


def _frozen(run: Run) -> Any:
    """What recording freezes of model, loss and penalty, to be compared: a callback may change any of it."""
    if not run.plan.callbacks:
        return None
    chance, row, target = _Chance(run), run.plan.rows[0], run.plan.targets[0]
    try:
        loss = record(lambda x: run.example_loss(x, target), row)
        return _digest(loss), None if run.penalty is None else _digest(record(run.penalty))
    except Exception as error:
        return _reason(error)
    finally:
        chance.restore()


def _digest(program: Program) -> Any:
    """A program's graph without the numbers of its parameters."""
    graph = program._graph
    arrays = (graph.op, graph.start, graph.parents, graph.kind, graph.ref, graph.outputs, graph.guards)
    constants = graph.value[graph.kind == CONSTANT]
    return [array.tobytes() for array in (*arrays, constants)], graph.parameters, graph.operations


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


def _chooses_by_label(run: Run) -> bool:
    """Is it a loss of `nn.losses` that is known to take outputs[label]?"""
    loss, targets = run.plan.loss, run.plan.targets
    if loss.name in _LABEL_LOSSES or not isinstance(targets[0], (int, float)):
        return False
    if loss.targets == "signs":
        return not isinstance(run.model(run.plan.rows[0]), Value)
    return loss.targets == "labels"


def _targets(run: Run) -> Any:
    """The targets as an array that one program can take: numbers, rows of them, one-hot rows."""
    import numpy as np

    targets = np.asarray(run.plan.targets, dtype=np.float64)
    if run.plan.loss.targets == "labels" and targets.ndim == 1:
        width = len(run.model(run.plan.rows[0]))
        return np.eye(width)[targets.astype(np.int64)]
    return targets


def _check(run: Run, recording: _Recording, first: Sequence[int]) -> None:
    """Compare the recording with the eager graph, to the bit, on some examples.

    They are the first of every different target and others spread over the examples, without those that leave
    the finite numbers: such are done on Values anyway. No gradient is left on the parameters.

    Raises:
        _OnValues: they differ.
    """
    import numpy as np

    rows, parameters = run.plan.rows, run.parameters
    spread = range(0, len(rows), max(1, len(rows) // _CHECKED_ROWS))
    chosen = list(dict.fromkeys([*first[:_CHECKED_ROWS], *spread]))[: 2 * _CHECKED_ROWS]
    before = [(p.grad, p.has_grad) for p in parameters]
    try:
        for p in parameters:
            p.zero_grad()
        losses: dict[int, float] = {}
        for i in chosen:
            loss = _finite_loss(run, i)
            if loss is not None:
                backward(loss)
                losses[i] = loss.data
        eager = [p.grad for p in parameters]
    finally:
        for p, (gradient, had) in zip(parameters, before, strict=True):
            p.zero_grad()
            if had:
                p.grad = gradient
    found = recording.gradient(run, len(chosen))(np.array(list(losses), dtype=np.int64))
    if found is None and not all(map(math.isfinite, eager)):
        raise _OnValues("the gradient of an example is not finite")
    if found is None:
        raise _OnValues("its graph has no fixed shape (another example takes another branch than the first)")
    for what, mine, theirs in (
        ("loss", list(losses.values()), found[0]),
        ("gradient", eager, found[1].tolist()),
    ):
        if mine != theirs:
            raise _OnValues(
                f"its graph has no fixed shape (another example gives another {what} than the recorded graph)"
            )


def _finite_loss(run: Run, i: int) -> Value | None:
    try:
        loss = run.example_loss(run.plan.rows[i], run.plan.targets[i])
    except (ArithmeticError, DomainError):
        return None
    return loss if math.isfinite(loss.data) else None
