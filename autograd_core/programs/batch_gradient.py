"""Training by Programs: the gradient of a minibatch, and whole updates without a Value in between.

One update is the text of `nn.training`: the examples' gradients in order, divided by their number, the
penalty's on top, then the optimizer's rule.  `BatchGradient` does the first of these for parameters that stay
Values; `Trainer` does all of them on arrays.  Parameters change only by whole updates.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..engine.flat import has_numbers, write_both
from ..engine.value import Value, assignments
from ..errors import RecordingError
from ..vectors import parameters_to_vector
from .graph import PARAMETER
from .program import Program
from .tapes import compiled, compiled_module, instruction_set

__all__ = ["BatchGradient", "Trainer", "aligned", "compiled"]


def _captured(program: Program, order: Sequence[int], parameters: Sequence[Value]) -> Any:
    """Return, for each place of a tape's order, the place in `parameters`, an integer array.

    Raises:
        RecordingError: the program depends on a leaf that is not among them.
    """
    import numpy as np

    captured = program.parameters
    mine = np.fromiter(map(id, parameters), np.int64, len(parameters))
    wanted = np.fromiter(map(id, captured), np.int64, len(captured))[np.array(order, dtype=np.intp)]
    by_identity = np.argsort(mine, kind="stable")  # made one after the other, they lie nearly in order
    found = np.minimum(np.searchsorted(mine, wanted, sorter=by_identity), len(mine) - 1)
    place = by_identity[found]
    strangers = np.flatnonzero(mine[place] != wanted)
    if len(strangers):
        stranger = captured[order[int(strangers[0])]]
        raise RecordingError(f"the loss depends on {stranger!r}, which is not among the parameters")
    return place


class BatchGradient:
    """The gradient of a minibatch by Programs.

    Examples may be of several kinds (by their label), and those of a kind may take several paths through the
    branches of the graph: there is a program for each, and a row that leaves one is tried on the others of
    its kind. Rows are replayed in their order all the same, those of one program that follow each
    other together, so that the sums are those of the eager loop.

    Args:
        programs: the loss of one example, with one output; the first program of each kind.
        batches: for each argument of the programs an array of all examples.
        parameters: the Values whose gradient is wanted: all that the programs captured, perhaps more.
        kinds: the kind of each example; None if there is only one.
        largest: the most rows in a minibatch.
        another: called with the number of an example that leaves the programs of its kind; returns a program
            that it does not leave, or None.

    Raises:
        RecordingError: a program depends on Values that are not among the parameters.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        batches: Sequence[Any],
        parameters: Sequence[Value],
        kinds: Any = None,
        largest: int = 1,
        another: Callable[[int], Program | None] | None = None,
    ):
        import numpy as np

        self.parameters = list(parameters)
        self.paths: list[tuple[int, Program]] = list(enumerate(programs))
        self._lately = [number for number, _ in self.paths]  # the paths, those met last first
        self._kinds, self._another = kinds, another
        examples = programs[0].examples
        self._arrays = tuple(_rows(e.rows(batch)) for e, batch in zip(examples, batches, strict=True))
        self._choices = None if kinds is None else kinds.copy()
        self._examples = len(batches[0]) if batches else 1
        self.outputs = np.empty((largest, 1))
        self._layouts: dict[bytes, _Layout] = {}
        self._bound = [self._bind(program) for program in programs]

    def _bind(self, program: Program) -> tuple[_Layout, Any]:
        """Return the program's tape, and the arrays it works on: the same for tapes of the same order."""
        import numpy as np

        # With several programs hardly two rows that follow each other share one: a tape of one lane is fit.
        tape = program.recordings[0].tape(len(self.paths) == 1 and len(self.outputs) > 2).tape
        place = _captured(program, tape.order, self.parameters)
        layout = self._layouts.setdefault(
            place.tobytes(), _Layout(place, np.zeros(len(place)), np.zeros(len(place)))
        )
        return layout, tape.bind(
            layout.numbers, self._arrays, self.outputs, layout.sums, None, 0, 1, instruction_set()
        )

    def __call__(self, rows: Any, totals: Any = None, values: Any = None) -> tuple[list[float], Any] | None:
        """Return the losses of these rows and the sum of their gradients, in the rows' order.

        Args:
            rows: numbers of examples, int64; None for the one row of a program without arguments.
            totals: the gradients to add to, 0 by default; they are changed.
            values: the parameters' numbers; by default those that the Values have.

        Returns:
            (losses, an array in the order of `parameters`), or None: a row becomes non-finite, or takes a
            branch that cannot be recorded.
        """
        import numpy as np

        count = 1 if rows is None else len(rows)
        self._values = parameters_to_vector(self.parameters) if values is None else values
        for layout in self._layouts.values():
            layout.numbers[:] = self._values[layout.place]
        self._totals = np.zeros(len(self._values)) if totals is None else totals
        self._now: _Layout | None = None
        choices = None if self._choices is None else self._choices[rows].tolist()
        lane = 0
        while lane < count:
            number, stop = 0, count
            if choices is not None:
                number, stop = choices[lane], lane + 1
                while stop < count and choices[stop] == number:
                    stop += 1
            lane = self._run(number, rows, lane, stop)
            if lane < 0:
                return None
            if lane < stop:
                if not self._redirect(rows, lane, number):
                    return None
                lane += 1
        self._enter(None)
        losses = self.outputs[:count, 0]
        return (losses.tolist(), self._totals) if np.isfinite(losses).all() else None

    def _enter(self, layout: _Layout | None) -> None:
        """Go on adding up in this order of the parameters."""
        if layout is not self._now:
            if self._now is not None:
                self._totals[self._now.place] = self._now.sums
            if layout is not None:
                layout.sums[:] = self._totals[layout.place]
            self._now = layout

    def _run(self, number: int, rows: Any, lane: int, stop: int) -> int:
        """Run these lanes on a program; return the lane whose row leaves it, or `stop`."""
        layout, tape = self._bound[number]
        self._enter(layout)
        reached: int = tape.run(lane, stop, rows, 1.0)
        return reached

    def _redirect(self, rows: Any, lane: int, number: int) -> bool:
        """Run a row that left its program on another one of its kind; is there any?"""
        import numpy as np

        row = 0 if rows is None else int(rows[lane])
        kind, refused = 0 if self._kinds is None else int(self._kinds[row]), [number]
        for other in self._lately:
            if self.paths[other][0] == kind and other != number:
                if self._run(other, rows, lane, lane + 1) > lane:
                    break
                refused.append(other)
        else:
            other = len(self.paths)
            program = None if self._another is None or self.is_full else self._another(row)
            if program is None or not program.recorded.guarded or self._knows(program, refused):
                return False
            self.paths.append((kind, program))
            self._lately.append(other)
            known = [] if other == 1 else self._bound  # the first program's tape was of many lanes
            self._bound = [*known, *(self._bind(p) for _, p in self.paths[len(known) :])]
            for layout in self._layouts.values():
                if layout is not self._now:
                    layout.numbers[:] = self._values[layout.place]
            if self._run(other, rows, lane, lane + 1) <= lane:
                return False
        self._lately.remove(other)
        self._lately.insert(0, other)  # the next row that leaves its program is likely to take it too
        if self._choices is None:
            self._choices = np.zeros(self._examples, dtype=np.intp)
        self._choices[row] = other
        return True

    @property
    def is_full(self) -> bool:
        """Have the rows taken as many paths as are recorded? Those that take others are refused."""
        return len(self.paths) >= _MOST_PATHS

    def _knows(self, program: Program, numbers: list[int]) -> bool:
        """Is its path one of those programs'? Then the row left them because it is not finite."""
        key = program.recorded.path()
        return any(self.paths[k][1].recorded.path() == key for k in numbers)


_MOST_PATHS = 64


class _Layout(NamedTuple):
    """An order of parameters: their places in the caller's, and arrays for their numbers and gradients."""

    place: Any
    numbers: Any
    sums: Any


def aligned(shape: tuple[int, ...]) -> Any:
    """Return an empty float64 array that starts at a cache line: vectors then straddle none."""
    import numpy as np

    room = np.empty(math.prod(shape) + 8)
    first = -room.ctypes.data % 64 // 8
    return room[first : first + math.prod(shape)].reshape(shape)


_SMALL = 1 << 19  # numbers of an array that is copied to be aligned: what stays in the cache


def _rows(array: Any) -> Any:
    """Return the array, or, if it is small, a copy of it at the start of a cache line."""
    if array.ctypes.data % 64 == 0 or array.size > _SMALL:
        return array
    copy = aligned(array.shape)
    copy[:] = array
    return copy


def _stretches(groups: Any) -> Any:
    """Return (start, stop, group) of the parameters of one group that follow each other."""
    import numpy as np

    starts = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1]).astype(np.int64)
    return np.ascontiguousarray(
        np.stack([starts, np.append(starts[1:], len(groups)), groups[starts]], axis=1)
    )


class Trainer:
    """Parameters, gradient and optimizer's buffers as arrays, and the compiled loop over minibatches.

    Attributes:
        parameters: the Values that are trained.
        outputs: the losses of the last minibatch, shape (batch_size, 1).

    Args:
        program: the loss of one example, with one output.
        batches: for each argument of the program an array of all examples.
        batch_size: the most examples in a minibatch.
        parameters: the Values to train: all that the program captured, perhaps more.
        penalty: the regularizer, a program without arguments, or None.
        rules: for each group of parameters the name of one of `calculus.updates.UPDATES`, or a text as
            `tape/recorded.h` takes it, its settings, and how many of the optimizer's updates do not count in
            its own k.
        buffers: how many buffers the optimizer has, at least as many as each rule wants.
        clip_value: see `nn.optimizers`.
        clip_norm: see `nn.optimizers`.
        groups: the number of each parameter's group, -1 where it is frozen; without it all are of the first.
        largest_loss: an update with a larger loss of an example is not made, as if it were not finite.

    Raises:
        RecordingError: the interpreter is not compiled, or a program depends on Values that are not trained.
        ValueError: the rule has other settings or buffers.
    """

    def __init__(
        self,
        program: Program,
        batches: Sequence[Any],
        batch_size: int,
        parameters: Sequence[Value],
        penalty: Program | None,
        rules: Sequence[tuple[str | bytes, Sequence[float], int]],
        buffers: int,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        groups: Any = None,
        largest_loss: float = math.inf,
    ):
        import numpy as np

        module = compiled_module()
        if module is None:
            raise RecordingError("there is no compiled interpreter")
        if program.recorded.loops or (penalty is not None and penalty.recorded.loops):
            raise RecordingError("the compiled loop over minibatches runs no loops of a Program")
        self.parameters = list(parameters)
        tape = program.recordings[0].tape(True).tape
        self._inner = self._order(program, tape.order)
        count = len(self.parameters)
        self._place = place = np.argsort(self._inner)
        # One array each for the parameters' numbers and gradients; behind them is room for what the two tapes
        # keep beside parameters, so that an update copies nothing.
        in_place = len(tape.order) == count  # if not, parameters stand where the loss would put its constants
        behind = tape.room[0] - count if in_place else 0
        regularizer = None if penalty is None else self._penalty(module, penalty, place, behind)
        room = [max(count + behind, n) for n in (regularizer.room if regularizer else (0, 0))]
        self._doubles = [array("d", bytes(8 * n)) for n in room]
        self._values, self._gradients = map(np.frombuffer, self._doubles)
        arrays = tuple(_rows(e.rows(batch)) for e, batch in zip(program.examples, batches, strict=True))
        self.outputs = outputs = np.empty((batch_size, 1))
        self._parts: tuple[Any, ...] = (
            tape.bind(
                self._values, arrays, outputs, self._gradients, None, 0, 1, instruction_set(), in_place
            ),
            regularizer
            and regularizer.bind(
                self._values, (), np.empty((1, 1)), self._gradients, None, 0, 1, instruction_set(), True
            ),
            self._values,
            self._gradients,
            place,
        )
        self._largest_loss = float(largest_loss)
        self.set_rules(rules, buffers, clip_value, clip_norm, groups)

    def set_rules(
        self,
        rules: Sequence[tuple[str | bytes, Sequence[float], int]],
        buffers: int,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        groups: Any = None,
    ) -> None:
        """Another optimizer, for the same Programs; see the class. `load` is to be called next."""
        import numpy as np

        module, count = compiled_module(), len(self.parameters)
        assert module is not None
        self._all_buffers = np.zeros((buffers, count))
        self._buffers = tuple(self._all_buffers)
        self._trainer = module.trainer(
            *self._parts,
            tuple((name, tuple(map(float, settings)), missed) for name, settings, missed in rules),
            _stretches(np.zeros(count, dtype=np.int64) if groups is None else groups[self._inner]),
            self._buffers,
            -1.0 if clip_value is None else float(clip_value),
            -1.0 if clip_norm is None else float(clip_norm),
            self._largest_loss,
        )

    def _order(self, program: Program, order: list[int]) -> Any:
        """For each place in the arrays the parameter's place in `parameters`: the tape's, then the rest."""
        import numpy as np

        first = _captured(program, order, self.parameters)
        left = np.ones(len(self.parameters), dtype=bool)
        left[first] = False
        return np.concatenate([first, np.flatnonzero(left)]).astype(np.int64)

    def _penalty(self, module: Any, penalty: Program, place: Any, behind: int) -> Any:
        """Compile the regularizer over the same arrays, its parameters numbered by their places in them.

        It leaves alone so many numbers `behind` the parameters.
        """
        import numpy as np

        graph = penalty.recorded
        position = {id(parameter): k for k, parameter in enumerate(self.parameters)}
        if graph.inputs or any(id(parameter) not in position for parameter in graph.parameters):
            raise RecordingError("the regularizer depends on numbers that are not parameters")
        ref = graph.ref.copy()
        captured = graph.kind == PARAMETER
        places = np.array([place[position[id(p)]] for p in graph.parameters], dtype=np.int32)
        ref[captured] = places[ref[captured]]
        numbered = len(self.parameters) + behind
        tape = module.compile(
            *graph.compile_arguments(ref, numbered), False, True, bytes(graph.inputs), graph.callables()
        )
        if tape.order != list(range(numbered)):
            raise RecordingError("the regularizer has layers of its own")
        return tape

    def run(self, rows: Any, batch_size: int, rates: Any) -> int:
        """Make one update for each minibatch of the rows.

        Args:
            rows: numbers of examples, int64.
            batch_size: how many of them make a minibatch; the last may be smaller.
            rates: the learning rate of each update, or a row of the groups' rates.

        Returns:
            How many updates were made; if fewer than asked for, the next one becomes non-finite or leaves the
            recorded branches: nothing of it was done, and doing it eagerly tells why.

        Raises:
            KeyboardInterrupt: between two updates.
        """
        import numpy as np

        done: int = self._trainer.run(rows, batch_size, np.asarray(rates, dtype=np.float64))
        return done

    def gradient(self, rows: Any, values: Any) -> tuple[float, float, float, Any] | None:
        """The gradient of a minibatch, and no update.

        Args:
            rows: numbers of examples, int64.
            values: the parameters' numbers, in the order of `parameters`.

        Returns:
            The sum of the losses, the penalty, the gradient's norm, and the gradient, the mean of the
            examples' and the penalty's, 0 where frozen; None where something becomes non-finite or leaves the
            recorded branches.
        """
        values.take(self._inner, out=self._values[: len(self._inner)], mode="clip")
        found = self._trainer.gradient(rows)
        return None if found is None else (*found, self.gradients)

    def load(self, values: Any, buffers: Sequence[Any], updates: int, gradients: Any) -> None:
        """Stand at these numbers, in the order of `parameters`, after so many updates."""
        import numpy as np

        self._values[: len(self._inner)] = np.asarray(values, dtype=np.float64)[self._inner]
        self._gradients[: len(self._inner)] = np.asarray(gradients, dtype=np.float64)[self._inner]
        for mine, theirs in zip(self._buffers, buffers, strict=True):
            mine[:] = np.asarray(theirs, dtype=np.float64)[self._inner]
        self._trainer.updates = updates

    def in_order(self, array: Any) -> Any:
        """An array of this trainer's in the order of `parameters`."""
        return array.take(self._place)  # half the time of array[...]

    @property
    def values(self) -> Any:
        """The parameters' numbers."""
        return self.in_order(self._values)

    @property
    def gradients(self) -> Any:
        """The gradient of the last minibatch, penalty included, before clipping."""
        return self.in_order(self._gradients)

    @property
    def buffers(self) -> list[Any]:
        """The optimizer's buffers."""
        return [self.in_order(buffer) for buffer in self._buffers]

    def copies(self) -> Any:
        """The optimizer's buffers in an order of the trainer's own; `in_order` brings them into the other."""
        return self._all_buffers.copy()

    @functools.cached_property
    def _nodes(self) -> list[Value]:
        """The parameters in the order of the arrays."""
        return [self.parameters[k] for k in self._inner.tolist()]

    def write(self) -> int:
        """Write numbers and gradients into the Values; return what `is_written` wants to know."""
        return write_both(self._nodes, *self._doubles)

    def is_written(self, written: int) -> bool:
        """Do the Values still have the numbers that `write` has written? A zero's sign counts."""
        return assignments() == written or has_numbers(self._nodes, self._doubles[0])

    @property
    def updates(self) -> int:
        """How many updates the optimizer has made."""
        made: int = self._trainer.updates
        return made

    @property
    def sums(self) -> tuple[float, float, float, float]:
        """The running sums of losses (a mean times its size), penalties and norms; the last rate."""
        found = self._trainer
        return found.loss, found.penalty, found.norm, found.rate

    @sums.setter
    def sums(self, numbers: tuple[float, float, float, float]) -> None:
        self._trainer.loss, self._trainer.penalty, self._trainer.norm, self._trainer.rate = numbers
