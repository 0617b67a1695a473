"""What makes the updates of `nn.training`, all three with the same bits.

`WholeUpdates` makes them on arrays, for rules that are compiled or can be recorded. `GradientUpdates`
has Programs make the gradient of a minibatch, for any other optimizer, graphs with branches, and losses that
choose by the target; the rule runs on arrays, or, where the optimizer has a step of its own, on the Values.
`EagerUpdates` makes a graph of Values for every example. `updater_of` chooses, and tells why it cannot be a
faster one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_core.errors import RecordingError
from autograd_core.programs.batch_gradient import compiled
from autograd_core.programs.program import Program
from nn.errors import InputError
from nn.minimizers import Minimizer
from nn.random_state import RandomStates
from nn.training.eager import SHORT, UNCOMPILED, EagerUpdates, warn_of_slowness
from nn.training.minimization import Minimization
from nn.training.on_arrays import GradientUpdates, WholeUpdates
from nn.training.problem import FIXED
from nn.training.recording import (
    CHECKED_ROWS,
    MANY_PATHS,
    NotRecordable,
    Recording,
    reason_of,
    recorded,
)

if TYPE_CHECKING:
    from nn.training.run import Run, Updater

__all__ = ["EagerUpdates", "GradientUpdates", "WholeUpdates", "updater_of"]


def updater_of(run: Run) -> Updater:
    """What trains a run as fast as it can be."""
    if isinstance(run.optimizer, Minimizer):
        return _minimization(run)
    before = getattr(run, "updater", None)  # none at the start of a run
    if isinstance(before, GradientUpdates) and before.has_too_many_paths:
        return EagerUpdates(MANY_PATHS)
    if isinstance(before, WholeUpdates) and before.left:
        return GradientUpdates(run, before.recording, before.penalty, before.left)
    if run.state.batch:
        return EagerUpdates("a callback changes the model within an epoch", for_now=True)
    if run.plan.epochs * len(run.plan.examples) <= CHECKED_ROWS:
        return EagerUpdates(SHORT)
    if not compiled():
        return EagerUpdates(UNCOMPILED)
    states = RandomStates(dict(run.problem.owners()).values())
    try:
        return _whole_or_gradient(run, *recorded(run.problem, states))
    except Exception as error:  # whatever the model raises while it is recorded, eagerly it may go well
        return EagerUpdates(reason_of(error))
    finally:
        states.restore()


def _minimization(run: Run) -> Updater:
    """What lets a minimizer of SciPy train a run."""
    states = RandomStates(dict(run.problem.owners()).values())
    try:
        if not compiled():
            raise NotRecordable(UNCOMPILED)
        recording, penalty = recorded(run.problem, states)
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
    if recording.kinds is not None:
        reason = "the loss chooses by the target"
    elif recording.branches:
        reason = "the graph has branches"
    elif run.problem.penalty is not None and penalty is None:
        reason = "the penalty cannot be recorded"
    elif run.listens and run.plan.regularizer is not None and type(run.plan.regularizer) not in FIXED:
        reason = "a callback could change the penalty at every update"
    else:
        try:
            return WholeUpdates(run, recording, penalty)
        except NotRecordable as error:
            reason = str(error)
        except RecordingError:
            reason = "the penalty has layers of its own"
    return GradientUpdates(run, recording, penalty, reason)
