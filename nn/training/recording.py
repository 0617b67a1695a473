"""Recording a training run: the loss of an example, and the penalty, as Programs.

A recording is compared with the eager graph, to the bit, on examples of the run. A model whose graph is not
of one shape, or depends on numbers drawn outside `nn.random_inputs`, is found out by it, and the reason told
in words. Where the graph branches on its numbers there is a Program for each path that examples take; where
the loss chooses by the target (``outputs[label]``), for each of its targets.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from autograd_core import Value, backward, gradients_to_vector, no_grad, vector_to_gradients, where
from autograd_core.engine.sweep import topological_order
from autograd_core.errors import DomainError, RecordingError
from autograd_core.programs.batch_gradient import BatchGradient, aligned
from autograd_core.programs.program import Program, record
from autograd_core.programs.tapes import compiled_module
from nn.branches import Branches, branches_of, without_branches
from nn.losses import Loss
from nn.random_inputs import RandomInput, feeding, listing
from nn.random_state import RandomStates
from nn.snapshot import Snapshot
from nn.training.problem import FIXED, Problem

__all__ = [
    "CHECKED_ROWS",
    "MANY_PATHS",
    "DrawnInputs",
    "NotRecordable",
    "Recording",
    "kept_gradients",
    "reason_of",
    "recorded",
]

CHECKED_ROWS = 64
MANY_PATHS = "its graph has no fixed shape (examples take more branches than can be recorded)"
_LABEL_LOSSES = ("cross_entropy", "nll")
_MOST_CHOICES = 64


class NotRecordable(Exception):
    """Why a run is not trained by a Program, in words."""


def reason_of(error: Exception) -> str:
    """Why a run is trained eagerly, from what recording it raised."""
    if isinstance(error, NotRecordable):
        return str(error)
    if isinstance(error, RecordingError):
        return f"its graph cannot be recorded ({error})"
    if isinstance(error, (ArithmeticError, DomainError)):
        return f"an example becomes non-finite ({error})"
    return f"its graph has no fixed shape ({error})"


class DrawnInputs:
    """The random numbers of every example as an input of the Program, drawn as the eager loop draws them.

    Args:
        sites: what draws in the graph of one example, and how many numbers, in order.
        examples: how many examples there are.
    """

    def __init__(self, sites: Sequence[tuple[RandomInput, int]], examples: int) -> None:
        self.sites = list(sites)
        self.width = sum(count for _, count in sites)
        self.array = aligned((examples, self.width))
        self._kept = self.array[:0].ravel()
        self._before: list[Any] = []
        self._rows: Any = ()
        self._generators: dict[int, list[tuple[RandomInput, int, int]]] = {}
        at = 0
        for source, count in self.sites:
            self._generators.setdefault(id(source.generator), []).append((source, at, count))
            at += count

    def fill(self, rows: Any) -> None:
        """Draw for these examples, one after the other."""
        self._before = [sites[0][0].generator.bit_generator.state for sites in self._generators.values()]
        self._rows = rows
        self._draw(rows)

    def keep(self, done: int) -> None:
        """Only so many of them were trained on: put the generators to where they stand after those."""
        if done < len(self._rows):
            for sites, state in zip(self._generators.values(), self._before, strict=True):
                sites[0][0].generator.bit_generator.state = state
            self._draw(self._rows[:done])
        self._rows = ()

    def _draw(self, rows: Any) -> None:
        for sites in self._generators.values():
            kinds = {source.kind for source, _, _ in sites}
            if self._draw_in_place(sites, kinds, rows):
                continue
            if len(kinds) == 1:  # the same numbers, whether drawn at once or one by one
                raw = self._room(len(rows), sum(count for _, _, count in sites))
                self._put(sites, sites[0][0].raw(raw.shape, raw), rows)
                continue
            for row in rows:
                for source, at, count in sites:
                    self.array[row, at : at + count] = source.numbers(source.raw(count))

    def _draw_in_place(self, sites: list[tuple[RandomInput, int, int]], kinds: set[str], rows: Any) -> bool:
        """Draw as `Generator.random` does, in half the time and straight into the array, if that can be."""
        import numpy as np

        module, bits, first = compiled_module(), sites[0][0].generator.bit_generator, sites[0][1]
        count = sites[-1][1] + sites[-1][2] - first
        together = count == sum(width for _, _, width in sites)
        if not (
            kinds == {"random"} and type(bits) is np.random.PCG64 and together and hasattr(module, "pcg64")
        ):
            return False
        state = bits.state
        numbers = state["state"]
        halves = array("Q", [n for name in ("state", "inc") for n in divmod(numbers[name], 1 << 64)[::-1]])
        module.pcg64(halves, self.array, rows, self.width, first, count)
        bits.state = {**state, "state": {**numbers, "state": halves[1] << 64 | halves[0]}}
        whole = slice(None) if len(rows) == len(self.array) else rows
        for source, at, width in sites:
            drawn = self.array[whole, at : at + width]
            made = source.numbers(drawn)
            if whole is rows or made is not drawn:
                self.array[whole, at : at + width] = made
        return True

    def _room(self, rows: int, width: int) -> Any:
        """Room for numbers that are drawn: kept, since fresh memory takes longer than drawing."""
        import numpy as np

        if self._kept.size < rows * width:
            self._kept = np.empty(rows * width)
        return self._kept[: rows * width].reshape(rows, width)

    def _put(self, sites: list[tuple[RandomInput, int, int]], raw: Any, rows: Any) -> None:
        first = 0
        for source, at, count in sites:
            self.array[rows, at : at + count] = source.numbers(raw[:, first : first + count])
            first += count

    def values(self, row: int) -> list[Value]:
        """What was drawn for an example, as Values."""
        return [Value(number).detach() for number in self.array[row].tolist()]


@dataclass(frozen=True)
class Recording:
    """The loss of one example as Programs, and the examples as arrays.

    Attributes:
        problem: what was recorded.
        states: of the generators that it may draw from.
        programs: for each kind of example one, or as many as paths have been met.
        batches: for each argument of the programs an array of all examples.
        kinds: the number of each example's kind; None if there is one.
        drawn: the random numbers among the batches; None if none are drawn.
        is_merged: does the one program compute the loss of every target, and choose?
        is_sampled: are only those branches of the loss in it that some outputs took? Others may turn up.
    """

    problem: Problem
    states: RandomStates
    programs: list[Program]
    batches: tuple[Any, ...]
    kinds: Any = None
    drawn: DrawnInputs | None = None
    is_merged: bool = False
    is_sampled: bool = False

    def gradient(self, largest: int) -> BatchGradient:
        """What makes the gradient of a minibatch."""
        return BatchGradient(
            self.programs,
            self.batches,
            self.problem.parameters,
            self.kinds,
            largest,
            None if self.is_merged else self.another_path,
        )

    @property
    def branches(self) -> bool:
        """Does the graph compare numbers, so that examples may take several paths?"""
        return any(program.recorded.guarded for program in self.programs)

    def another_path(self, i: int) -> Program | None:
        """The Program of an example that leaves those there are; None if it cannot be recorded."""
        before = self.states.states()
        try:
            made = _record_row(self.problem, i, self.batches, self.kinds is not None, self.drawn)
        except Exception:  # the eager update will tell
            made = None
        if not self.states.drawn(before):
            return made
        self.states.restore(before)  # it draws by itself
        return None

    def loss_of(self, i: int) -> Value:
        """The eager loss of an example, with the random numbers that were drawn for it."""
        drawn = self.drawn
        return self.problem.loss_of(i, None if drawn is None else (drawn.values(i), drawn.sites))


def recorded(problem: Problem, states: RandomStates) -> tuple[Recording, Program | None]:
    """Record the penalty, and the loss of an example with the target as an argument or once a target.

    What the first calls leave behind is there before the others are watched.

    Raises:
        Exception: why the recording does not serve, or what model and loss raised.
    """
    first = None if problem.is_fixed else Snapshot(problem.owners(), problem.parameters)
    try:
        return _recorded_both(problem, states)
    except BaseException:
        if first is not None:
            first.restore()  # they may have counted these calls
        raise


def _recorded_both(problem: Problem, states: RandomStates) -> tuple[Recording, Program | None]:
    with listing() as sites, no_grad():
        problem.loss_of(0)
    if states.drawn():
        raise NotRecordable("the model draws random numbers by itself")
    if problem.penalty is not None:
        with no_grad():
            problem.penalty()
        states.restore()  # a penalty may draw
    snapshot = None if problem.is_fixed else Snapshot(problem.owners(), problem.parameters)
    made = _recorded(problem, states, sites), _recorded_penalty(problem, states)
    if snapshot is not None:
        with listing(), no_grad():
            problem.loss_of(0)  # as before: a model may keep what it was called with
        if snapshot.counts():
            raise NotRecordable(
                "model, loss or regularizer count their calls, or change numbers of their own in them"
            )
    return made


def _recorded(problem: Problem, states: RandomStates, sites: Sequence[tuple[RandomInput, int]]) -> Recording:
    drawn = DrawnInputs(sites, len(problem.examples)) if sites else None
    if _chooses_by_label(problem):
        return _recorded_by_target(problem, states, drawn)
    try:
        targets = _targets(problem)
        recording = _recording(problem, states, (problem.examples.X, targets), None, [0], drawn)
    except NotRecordable:
        raise
    except Exception:
        if _kinds_of_targets(problem.examples.targets) is None:
            raise
        return _recorded_by_target(problem, states, drawn)
    try:
        _check(recording, _first_of_each(targets), states)
    except NotRecordable:
        kinds = _kinds_of_targets(problem.examples.targets)
        if kinds is None or not _few(kinds):
            raise
        return _recorded_by_target(problem, states, drawn)
    return recording


def _recording(
    problem: Problem,
    states: RandomStates,
    batches: tuple[Any, ...],
    kinds: Any,
    first: Sequence[int],
    drawn: DrawnInputs | None,
) -> Recording:
    """The recording of these examples, with weights and random numbers as further arguments."""
    weights = problem.examples.weights
    batches = (*batches, *(() if weights is None else (weights,)), *(() if drawn is None else (drawn.array,)))
    if drawn is not None:
        drawn.array[list(first)] = 0.5
    programs = [_record_row(problem, i, batches, kinds is not None, drawn) for i in first]
    return Recording(problem, states, programs, batches, kinds, drawn)


def _record_row(
    problem: Problem, i: int, batches: Sequence[Any], by_target: bool, drawn: DrawnInputs | None
) -> Program:
    """The graph of one example as a Program of (x, y, weight, random numbers); y may be frozen."""
    weighted = problem.examples.weights is not None
    target = problem.examples.target(i)

    def loss(x: Any, *rest: Any) -> Value:
        given = list(rest)
        y = target if by_target else given.pop(0)
        weight = given.pop(0) if weighted else None
        with feeding(given[0], drawn.sites) if drawn else feeding((), ()):
            return problem.example_loss(x, y, weight)

    with without_branches(problem.model, branches_of(problem.model)):
        return record(loss, *(batch[i].tolist() for batch in batches), on_guard="raise")


def _first_of_each(targets: Any) -> list[int]:
    """An example of each of the different targets, as many as are looked at."""
    import numpy as np

    if targets.ndim == 1 and len(targets) > 10 * CHECKED_ROWS:
        targets = targets[: 10 * CHECKED_ROWS]
    if targets.ndim > 1:
        targets = targets[: 10 * CHECKED_ROWS]
    found: list[int] = np.unique(targets, axis=0, return_index=True)[1].tolist()
    return found


def _kinds_of_targets(targets: Any) -> tuple[Any, list[int]] | None:
    """Which of the different targets each one is, and an example of each; None where they are no labels."""
    import numpy as np

    if isinstance(targets, np.ndarray):
        if targets.ndim != 1:
            return None
        _, first, numbers = np.unique(targets, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")  # numbered as they come
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return place[numbers], first[order].tolist()
    if not all(isinstance(target, (int, float, str, np.generic)) for target in targets):
        return None
    known: dict[Any, int] = {}
    choices = [known.setdefault((type(target), target), len(known)) for target in targets]
    return np.array(choices), np.unique(choices, return_index=True)[1].tolist()


def _few(kinds: tuple[Any, list[int]]) -> bool:
    choices, first = kinds
    return len(first) <= min(_MOST_CHOICES, len(choices) // 2)


def _recorded_by_target(problem: Problem, states: RandomStates, drawn: DrawnInputs | None) -> Recording:
    """Record one program for each of the different targets, which is then a plain number in it."""
    kinds = _kinds_of_targets(problem.examples.targets)
    assert kinds is not None
    choices, first = kinds
    batches = (problem.examples.X,)
    _recording(
        problem, states, batches, choices, first[:1], drawn
    )  # what this raises has nothing to do with the target
    if not _few(kinds):
        raise NotRecordable(
            f"the loss chooses by the target, of which there are {len(first)} in {len(choices)} examples; "
            "let it compute with the target: dot(one_hot_row, outputs), where(condition, a, b)"
        )
    try:
        merged = _merged(problem, states, choices, first, drawn)
        _check(merged, first, states)
        if not merged.branches:
            return merged
    except Exception:  # the loss of an example cannot be computed for all of the targets at once
        pass
    recording = _recording(problem, states, batches, choices, first, drawn)
    _check(recording, first, states)
    return recording


def _merged(
    problem: Problem, states: RandomStates, choices: Any, first: Sequence[int], drawn: DrawnInputs | None
) -> Recording:
    """One program for all targets: it computes the loss for each of them, and a one-hot row chooses.

    What is not chosen gets a gradient of exactly 0. The sums are those of the eager loop only if the sweep
    meets the model's outputs in one order, whatever the target is.

    Raises:
        NotRecordable: it does not.
    """
    import numpy as np

    targets = [problem.examples.target(k) for k in first]
    outputs = _outputs(problem)
    orders = [_order_of_outputs(problem.loss, outputs, target) for target in targets]
    if any(order != orders[0] for order in orders) or len(orders[0]) != len(_listed(outputs)):
        raise NotRecordable("the loss takes the outputs in an order that depends on the target")

    branches = [_branches_of_loss(problem, target) for target in targets]

    def choose(outputs: Any, hits: Any) -> Value:
        losses = [
            found(*_listed(outputs)) if found else problem.loss.function(outputs, target)
            for target, found in zip(targets, branches, strict=True)
        ]
        value: Value = losses[-1]
        for hit, loss in zip(hits[-2::-1], losses[-2::-1], strict=True):
            value = where(hit, loss, value)
        return value

    chosen = replace(problem, loss=Loss(problem.loss.name, choose, "any"))
    made = _recording(
        chosen, states, (problem.examples.X, np.eye(len(first))[choices]), None, first[:1], drawn
    )
    return replace(made, problem=problem, is_merged=True, is_sampled=any(branches))


def _branches_of_loss(problem: Problem, target: Any) -> Branches | None:
    """The branches of the loss of this target, on outputs of the model, larger and smaller ones; or None."""
    rows = range(0, len(problem.examples), max(1, len(problem.examples) // 8))
    points = []
    for i in rows:
        with no_grad(), listing():
            outputs = problem.model(problem.examples.row(i))
        numbers = [output.data for output in _listed(outputs)]
        points += [[factor * number for number in numbers] for factor in (1.0, 0.0, 0.1, 10.0, -1.0, -10.0)]
    several = not isinstance(outputs, Value)
    found = Branches(
        lambda f: problem.loss.function([f] if several and len(numbers) == 1 else f, target), points
    )
    return None if found.is_straight else found


def _listed(outputs: Any) -> list[Value]:
    return [outputs] if isinstance(outputs, Value) else list(outputs)


def _order_of_outputs(loss: Loss, outputs: Any, target: Any) -> list[int]:
    """The numbers of the outputs that the loss depends on, as a sweep's order has them."""
    leaves = [Value(output.data) for output in _listed(outputs)]
    place = {id(leaf): k for k, leaf in enumerate(leaves)}
    value = loss.function(leaves[0] if isinstance(outputs, Value) else leaves, target)
    return [place[id(node)] for node in topological_order(value) if id(node) in place]


def _recorded_penalty(problem: Problem, states: RandomStates) -> Program | None:
    """The penalty as a program; None if there is none, or if its graph is not the same every time."""
    penalty = problem.penalty
    if penalty is None:
        return None
    try:
        program = record(penalty, on_guard="raise")
        same = (
            type(problem.regularizer) in FIXED
            or record(penalty).recorded.fingerprint() == program.recorded.fingerprint()
        )
        BatchGradient([program], (), problem.parameters)  # depends on parameters alone
    except Exception:  # eagerly it may be anything
        return None
    return program if same and not states.drawn() else None


def _chooses_by_label(problem: Problem) -> bool:
    """Is it a loss of `nn.losses` that is known to take outputs[label]?"""
    loss, target = problem.loss, problem.examples.target(0)
    if loss.name in _LABEL_LOSSES or not isinstance(target, (int, float)):
        return False
    if loss.targets == "signs":
        return not isinstance(_outputs(problem), Value)
    return loss.targets == "labels"


def _outputs(problem: Problem) -> Any:
    with no_grad():
        return problem.model(problem.examples.row(0))


def _targets(problem: Problem) -> Any:
    """The targets as an array that one program can take: numbers, rows of them, one-hot rows."""
    import numpy as np

    targets = np.asarray(problem.examples.targets)
    if problem.loss.targets == "labels" and targets.ndim == 1:
        return np.eye(len(_outputs(problem)))[targets]
    return np.ascontiguousarray(targets, dtype=np.float64)


def _check(recording: Recording, first: Sequence[int], states: RandomStates) -> None:
    """Compare the recording with the eager graph, to the bit, on some examples.

    They are the first of every different target and others spread over the examples, without those that
    become non-finite: such are done eagerly anyway. No gradient is left on the parameters.

    Raises:
        NotRecordable: they differ.
    """
    import numpy as np

    count, parameters = len(recording.problem.examples), recording.problem.parameters
    looked_at = CHECKED_ROWS
    if recording.problem.is_fixed:
        looked_at = 4 if len(parameters) < _LARGE else 2
    spread = range(0, count, max(1, count // looked_at))
    chosen = list(dict.fromkeys([*first[:looked_at], *spread]))[: 2 * looked_at]
    if recording.drawn is not None:
        recording.drawn.fill(np.array(chosen, dtype=np.int64))
    losses: dict[int, float] = {}
    with kept_gradients(parameters):
        vector_to_gradients(np.zeros(len(parameters)), parameters)
        for i in chosen:
            loss = _finite_loss(recording, i)
            if loss is not None:
                backward(loss)
                losses[i] = loss.data
        eager = gradients_to_vector(parameters)
    found = recording.gradient(len(chosen))(np.array(list(losses), dtype=np.int64))
    if found is None and not np.isfinite(eager).all():
        raise NotRecordable("the gradient of an example is not finite")
    if found is None and not recording.branches:
        raise NotRecordable("an example becomes non-finite on the way to its loss")
    if found is None:
        raise NotRecordable(MANY_PATHS)
    for what, mine, theirs in (
        ("loss", list(losses.values()), found[0]),
        ("gradient", (eager + 0.0).tobytes(), (found[1] + 0.0).tobytes()),
    ):
        if mine != theirs:
            raise NotRecordable(
                f"its graph has no fixed shape (another example gives another {what} than the recorded graph)"
            )
    if recording.drawn is None and states.drawn():
        raise NotRecordable("the model draws random numbers by itself")


_LARGE = 100_000  # parameters of a network whose graphs take a tenth of a second each


@contextmanager
def kept_gradients(parameters: Sequence[Value]) -> Iterator[None]:
    """After this block the parameters have the gradients that they had before, or none."""
    gradients, without = gradients_to_vector(parameters), [p for p in parameters if not p.has_grad]
    try:
        yield
    finally:
        vector_to_gradients(gradients, parameters)
        for p in without:
            p.zero_grad()


def _finite_loss(recording: Recording, i: int) -> Value | None:
    try:
        loss = recording.loss_of(i)
    except (ArithmeticError, DomainError):
        return None
    return loss if math.isfinite(loss.data) else None
