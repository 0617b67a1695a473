"""Recording a training run: the loss of an example, and the penalty, as Programs.

A recording is compared with the eager graph, to the bit, on examples of the run. A model whose graph is not
of one shape, or depends on chance, is found out by it, and the reason told in words. A loss that chooses by
the target (``outputs[label]``) gets one Program for each of its targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_core import Value, backward
from autograd_core.errors import DomainError, RecordingError
from autograd_core.programs.batch_gradient import BatchGradient
from autograd_core.programs.graph import CONSTANT
from autograd_core.programs.program import Program, record
from nn.module import Module
from nn.training.chance import Chance

if TYPE_CHECKING:
    from nn.training.run import Run

__all__ = [
    "CHECKED_ROWS",
    "OnValues",
    "Recording",
    "chance_of",
    "frozen",
    "reason_of",
    "recorded",
    "recorded_penalty",
]

CHECKED_ROWS = 64
_LABEL_LOSSES = ("cross_entropy", "nll")
_MOST_CHOICES = 64


class OnValues(Exception):
    """Why a run is not trained by a Program, in words."""


def reason_of(error: Exception) -> str:
    """Why a run is trained on Values, from what recording it raised."""
    if isinstance(error, OnValues):
        return str(error)
    if isinstance(error, RecordingError):
        return f"its graph cannot be recorded ({error})"
    if isinstance(error, (ArithmeticError, DomainError)):
        return f"an example leaves the finite numbers ({error})"
    return f"its graph has no fixed shape ({error})"


def chance_of(run: Run) -> Chance:
    """The random generators that the run's model, loss and regulariser may draw from."""
    return Chance((*_modules(run.model), run.plan.loss.function, run.plan.regularizer))


def _modules(model: Any) -> list[Any]:
    return [module for _, module in model.named_modules()] if isinstance(model, Module) else [model]


@dataclass(frozen=True)
class Recording:
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


def recorded(run: Run, chance: Chance) -> Recording:
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
    except OnValues:
        raise
    except Exception:
        if kinds is None:
            raise
        return _recorded_by_target(run, kinds, chance)
    recording = Recording([program], (np.array(run.plan.rows), targets))
    try:
        _check(run, recording, np.unique(targets, axis=0, return_index=True)[1].tolist())
    except OnValues:
        if kinds is None or not _few(kinds):
            raise
        return _recorded_by_target(run, kinds, chance)
    return recording


def _record(f: Callable[..., Value], examples: tuple[Any, ...], chance: Chance) -> Program:
    program = record(f, *examples, on_guard="raise")
    if chance.drawn():
        raise OnValues("the model draws random numbers")
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


def _recorded_by_target(run: Run, kinds: tuple[Any, list[int]] | None, chance: Chance) -> Recording:
    """Record one program for each of the different targets, which is then a plain number in it."""
    import numpy as np

    assert kinds is not None
    choices, first = kinds

    def program_of(k: int) -> Program:
        target = run.plan.targets[k]
        return _record(lambda x: run.example_loss(x, target), (run.plan.rows[k],), chance)

    programs = [program_of(first[0])]  # what this raises has nothing to do with the target
    if not _few(kinds):
        raise OnValues(
            f"the loss chooses by the target, of which there are {len(first)} in {len(choices)} examples; "
            "let it compute with the target: dot(one_hot_row, outputs), where(condition, a, b)"
        )
    programs += [program_of(k) for k in first[1:]]
    recording = Recording(programs, (np.array(run.plan.rows),), choices)
    _check(run, recording, first)
    return recording


def recorded_penalty(run: Run, chance: Chance) -> Program | None:
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


def frozen(run: Run) -> Any:
    """What recording freezes of model, loss and penalty, to be compared: a callback may change any of it."""
    if not run.plan.callbacks:
        return None
    chance, row, target = chance_of(run), run.plan.rows[0], run.plan.targets[0]
    try:
        loss = record(lambda x: run.example_loss(x, target), row)
        return _digest(loss), None if run.penalty is None else _digest(record(run.penalty))
    except Exception as error:
        return reason_of(error)
    finally:
        chance.restore()


def _digest(program: Program) -> Any:
    """A program's graph without the numbers of its parameters."""
    graph = program.recorded
    arrays = (graph.op, graph.start, graph.parents, graph.kind, graph.ref, graph.outputs, graph.guards)
    constants = graph.value[graph.kind == CONSTANT]
    return [array.tobytes() for array in (*arrays, constants)], graph.parameters, graph.operations


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


def _check(run: Run, recording: Recording, first: Sequence[int]) -> None:
    """Compare the recording with the eager graph, to the bit, on some examples.

    They are the first of every different target and others spread over the examples, without those that leave
    the finite numbers: such are done on Values anyway. No gradient is left on the parameters.

    Raises:
        OnValues: they differ.
    """
    import numpy as np

    rows, parameters = run.plan.rows, run.parameters
    spread = range(0, len(rows), max(1, len(rows) // CHECKED_ROWS))
    chosen = list(dict.fromkeys([*first[:CHECKED_ROWS], *spread]))[: 2 * CHECKED_ROWS]
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
        raise OnValues("the gradient of an example is not finite")
    if found is None:
        raise OnValues("its graph has no fixed shape (another example takes another branch than the first)")
    for what, mine, theirs in (
        ("loss", list(losses.values()), found[0]),
        ("gradient", eager, found[1].tolist()),
    ):
        if mine != theirs:
            raise OnValues(
                f"its graph has no fixed shape (another example gives another {what} than the recorded graph)"
            )


def _finite_loss(run: Run, i: int) -> Value | None:
    try:
        loss = run.example_loss(run.plan.rows[i], run.plan.targets[i])
    except (ArithmeticError, DomainError):
        return None
    return loss if math.isfinite(loss.data) else None
