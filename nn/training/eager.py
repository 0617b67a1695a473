"""Updates with a graph of Values for every example, and the warning that they are slow."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd_core import parameters_to_vector
from autograd_core.programs.batch_gradient import Trainer
from autograd_core.programs.graph import CONSTANT, INPUT
from autograd_core.programs.program import record
from nn.errors import SlowTrainingWarning
from nn.snapshot import Snapshot
from nn.training.recording import kept_gradients

if TYPE_CHECKING:
    from nn.training.run import Run

__all__ = ["SHORT", "UNCOMPILED", "EagerUpdates", "slowness", "warn_of_slowness"]

SHORT = "the run is short"
UNCOMPILED = "there is no compiled interpreter"
_LONG = 2000  # from so many examples on that a run looks at, its slowness is told
_ROWS, _UPDATES = 256, 4  # of the minibatches that are measured, at most
_REMEDIES = {
    "draws random numbers": "draw them by nn.Dropout, nn.GaussianNoise or nn.RandomInput",
    "cannot be recorded": "compute with Values, do not read their numbers: maximum, where, nn.Embedding",
    "count their calls": "change such numbers in a callback, when an epoch has ended",
    "chooses by the target": "let it compute with the target: dot(one_hot_row, outputs), where(c, a, b)",
    "within an epoch": "change the model when an epoch has ended, not in on_update",
    "more branches": "take maximum, minimum and where(c, a, b) in place of max, min and if",
    "no fixed shape": "let every example have the same operations, whatever its numbers are",
}


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
        self._told = reason in (SHORT, UNCOMPILED)  # of the latter the engine has warned

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
        """Write nothing back: the Values and the optimizer hold everything."""

    def forget(self) -> None:
        """Nothing is held."""


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
    """How often longer minibatches take, example by example, than on a Program of such graphs.

    Both are measured on the first example, the Program with its numbers as the inputs of many rows, and
    updates of rate 0. Generators, gradients and counters are left as they were.
    """
    import numpy as np

    size = min(run.plan.batch_size, len(run.plan.examples), _ROWS)
    before = Snapshot(run.problem.owners(), run.parameters)
    try:
        with kept_gradients(run.parameters):
            loss = run.problem.loss_of(0)
            graph = record(lambda: loss).recorded
            places = np.flatnonzero(graph.kind == CONSTANT)
            graph.kind[places], graph.ref[places] = INPUT, np.arange(len(places))
            numbers, output = graph.value[places], int(graph.outputs[0])
            program = record(lambda x: graph.rebuild(x)[output], numbers.tolist())
            batch = np.tile(numbers, (size, 1))
            trainer = Trainer(program, (batch,), size, run.parameters, None, [("sgd", (), 0)], 0)
            values = parameters_to_vector(run.parameters)
            trainer.load(values, (), 0, values)
            rows, rates = np.tile(np.arange(size), _UPDATES), np.zeros(_UPDATES)
            eager = min(_seconds(lambda: run.problem.loss_of(0).backward()) for _ in range(5))
            return len(rows) * eager / min(_seconds(lambda: trainer.run(rows, size, rates)) for _ in range(5))
    except Exception:  # it is only for a warning
        return 0.0
    finally:
        run.generators.restore(run.state.random)
        before.restore()


def _seconds(f: Callable[[], Any]) -> float:
    start = time.perf_counter()
    f()
    return time.perf_counter() - start
