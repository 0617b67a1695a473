"""One call of a Program: rows to lanes, which recording serves which row, and the rows done eagerly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..arguments import whole_number
from ..arrays import real_array
from ..backward import contributions
from ..engine.modes import is_recording
from ..engine.sweep import topological_order
from ..engine.value import Value, number_of
from ..errors import RecordingError
from ..vectors import parameters_to_vector
from .numpy_tape import FITS, LEAVES_A_GUARD, put_input_gradients, seeds_of_pass
from .one_row import refuse_lost_gradient
from .tapes import Recording, instruction_set

if TYPE_CHECKING:
    from .program import Program

_MOST_THREADS = 64  # as in `tape/module.c`
_LANES_FOR_THREADS = 1024  # fewer rows are done before other threads have begun


def _block(block: Any, lanes: int) -> int:
    """The lanes of a block, no more than there are: each lane has its memory."""
    wanted = whole_number("block", block)
    if wanted < 0 or wanted % 8:
        raise ValueError(
            f"block is a number of lanes, a multiple of 8, or 0, which chooses one; not {wanted}"
        )
    return min(wanted, 8 * -(-lanes // 8))


class Run:
    """One call of a Program on the batches of its arguments' parts.

    Attributes:
        arrays: for each part its rows, shape (lanes, size).
        lanes: how many rows there are; 1 if there are no arguments.
        plan: the number of each lane's recording, -1 for none; None if the first one serves all. Without
            `dispatch` it is not there, and only `fits` can be asked.
    """

    def __init__(
        self,
        program: Program,
        batches: Sequence[Any],
        block: int = 0,
        threads: int = 1,
        dispatch: bool = True,
    ):
        self.program = program
        self.arrays = tuple(e.rows(batch) for e, batch in zip(program.examples, batches, strict=True))
        self.lanes = len(self.arrays[0]) if self.arrays else 1
        if any(len(array) != self.lanes for array in self.arrays):
            raise ValueError(
                f"the batches have different numbers of rows: {[len(array) for array in self.arrays]}"
            )
        self.block = _block(block, self.lanes)
        self.threads = whole_number("threads", threads, 1, _MOST_THREADS)
        self.width = program.outputs
        self.checked = False  # whether f is what was recorded
        self.again: Any = None  # of a lane that was evaluated once more: its number, outputs, their nodes
        refuse_lost_gradient(program)
        program.recorded.refuse_overwritten()
        self.shape = (self.lanes, *program.shape) if self.arrays else program.shape
        if dispatch:
            self.plan = self._dispatch()

    def values(self) -> Any:
        """Return the values, shape (lanes, outputs)."""
        return self._run(None, (), 1.0, 1)

    def gradients(
        self, inputs: Sequence[int], seeds: Any, count: int = 1, totals: Any = None
    ) -> tuple[Any, dict[int, Any]]:
        """Return the values and the gradients of some arguments, by their numbers.

        Args:
            inputs: the numbers of the arguments.
            seeds: what the passes start from: a number; an array of shape (count, lanes, outputs); or None,
                and pass s starts from 1 at output s.
            count: how many reverse passes there are for each row.
            totals: what the parameters' gradients are added to, as by `sums`; by default they are not wanted.

        Returns:
            Arrays of shapes (lanes, outputs) and (count, lanes, size).
        """
        values = self._run(totals, inputs, seeds, count)
        return values, self._own()

    def sums(self, totals: Any, seeds: Any, per_row: bool = False) -> Any:
        """Add the parameters' gradients to `totals`, and return the values.

        Args:
            totals: shape (parameters,), in the order of `Program.parameters`; per row (lanes, parameters).
            seeds: a number, or an array of shape (1, lanes, outputs).
            per_row: whether every row has a sum of its own.
        """
        return self._run(totals, (), seeds, 1, per_row)

    def _own(self) -> dict[int, Any]:
        return {k: own for k, own in enumerate(self.igrads) if own is not None}

    def shaped(self, values: Any) -> Any:
        """Return the values in the form of f's result, the lanes in front."""
        return values.reshape(self.shape)

    def _run(self, totals: Any, inputs: Sequence[int], seeds: Any, count: int, per_row: bool = False) -> Any:
        import numpy as np

        self.outputs = np.empty((self.lanes, self.width))
        self.igrads: list[Any] = [None] * len(self.arrays)
        for k in inputs:
            size = self.arrays[k].shape[1]
            by_lane = seeds is None  # a Jacobian, whose passes belong together for each lane
            own = np.zeros((self.lanes, count, size) if by_lane else (count, self.lanes, size))
            self.igrads[k] = own.swapaxes(0, 1) if by_lane else own
        self.wanted = b"".join(
            (b"\1" if own is not None else b"\0") * array.shape[1]
            for own, array in zip(self.igrads, self.arrays, strict=True)
        )
        self.seeds, self.count, self.totals = seeds, count, totals
        self.bound: dict[tuple[Recording, bool, int], Any] = {}  # the tapes of this run
        self.most = self.lanes  # so many lanes are tried at once: fewer where sums are not finite
        self._look_at_sums()
        if totals is None and self._by_recording():
            return self.outputs
        for recording, start, stop in self._stretches():
            lane = start
            while lane < stop:
                if per_row:
                    self.totals, self.spoilt = totals[lane], None
                lane = self._advance(recording, lane, lane + 1 if per_row else stop)
        return self.outputs

    def _by_recording(self) -> bool:
        """Run each recording's lanes together, which no sum forbids; tell whether that was done."""
        import numpy as np

        if self.plan is None or np.count_nonzero(np.diff(self.plan)) <= 2 * len(self.program.recordings):
            return False
        wanted = [k for k, own in enumerate(self.igrads) if own is not None]
        try:
            for number in np.unique(self.plan).tolist():
                lanes = np.flatnonzero(self.plan == number)
                part = copy(self)
                part.arrays = tuple(np.ascontiguousarray(array[lanes]) for array in self.arrays)
                part.lanes, part.plan = len(lanes), np.full(len(lanes), number)
                seeds = self.seeds
                if isinstance(seeds, np.ndarray):
                    seeds = np.ascontiguousarray(seeds.reshape(-1, self.lanes, self.width)[:, lanes])
                self.outputs[lanes] = part._run(None, wanted, seeds, self.count)
                for k, own in part._own().items():
                    self.igrads[k][:, lanes] = own
        except Exception:  # the ordered run raises that of the first row
            return False
        return True

    def _stretches(self) -> Iterator[tuple[Recording | None, int, int]]:
        """Yield (recording, start, stop) of the lanes that follow each other under one recording."""
        import numpy as np

        if self.plan is None:
            yield self.program.recordings[0], 0, self.lanes
            return
        bounds = [0, *(np.flatnonzero(np.diff(self.plan)) + 1).tolist(), self.lanes]
        for start, stop in pairwise(bounds):
            if start < stop:
                number = self.plan[start]
                yield None if number < 0 else self.program.recordings[number], start, stop

    def _dispatch(self) -> Any:
        """Return the number of each lane's recording, -1 for none; record what is missing."""
        import numpy as np

        program = self.program
        if program.on_guard != "record" or not program.recorded.guarded:
            return None
        plan, left = np.full(self.lanes, -1), np.arange(self.lanes)
        number, changed = 0, True
        while len(left):
            if number == len(program.recordings):
                if changed:
                    program.refuse_changed_function()
                    changed = False
                row = [array[left[0]].tolist() for array in self.arrays]
                if not program.record_row(row):
                    left = left[1:]
                    if len(program.recordings) >= program.most_recordings:
                        break
                    continue
            fits = self.fits(program.recordings[number], left)
            plan[left[fits == FITS]] = number
            left = left[fits == LEAVES_A_GUARD]
            number += 1
        return plan

    def fits(self, recording: Recording, lanes: Any) -> Any:
        """Tell for some lanes whether a recording serves them: FITS, LEAVES_A_GUARD or NOT_FINITE."""
        import numpy as np

        tape, _, parameters = recording.tape(len(lanes) > 2)
        arrays = tuple(np.ascontiguousarray(array[lanes]) for array in self.arrays)
        numbers = (
            np.array([number_of(p) for p in parameters])
            if is_recording()
            else parameters_to_vector(parameters)
        )
        bound = tape.bind(numbers, arrays, None, None, None, self.block, 1, instruction_set())
        return np.frombuffer(bound.fits(), dtype=np.uint8)

    def _advance(self, recording: Recording | None, lane: int, stop: int) -> int:
        """Run some lanes from this one on; return the first that is left."""
        reached = lane if recording is None else self._tape_run(recording, lane, stop)
        if reached < stop:
            self._eager_run(reached)
            reached += 1
        return reached

    def seeds_of(self, gradient: Any) -> Any:
        """Return a gradient to start from as a number or an array of shape (1, lanes, outputs)."""
        import numpy as np

        if type(gradient) is float:
            return gradient
        given = real_array(gradient, "gradient")
        if given.ndim == 0:
            return float(given)
        try:
            seeds = np.broadcast_to(given, self.shape)
        except ValueError:
            raise ValueError(
                f"gradient has shape {given.shape}, which does not fit the values' shape {self.shape}"
            ) from None
        return np.ascontiguousarray(seeds.reshape(1, self.lanes, self.width))

    def _tape_run(self, recording: Recording, start: int, stop: int) -> int:
        """Run lanes; return the one it stopped at. Where a sum is not finite, that lane is searched for."""
        while start < stop:
            end = min(start + self.most, stop)
            reached = self._attempt(recording, start, end, end - start > 2)
            if reached < 0 and end - start > 1:
                self.most = (end - start) // 2
                continue
            self.most = min(2 * self.most, self.lanes)
            if reached != end:
                return max(start, reached)
            start = end
        return stop

    def _attempt(self, recording: Recording, start: int, stop: int, lanes: bool) -> int:
        """Run lanes on one kind of tape; return -1, `totals` untouched, if a sum is not finite."""
        kind = recording, lanes, self.threads if stop - start >= _LANES_FOR_THREADS else 1
        if kind not in self.bound:
            self.bound[kind] = self._bind(*kind)
        bound, order, totals = self.bound[kind]
        if totals is not None:
            totals[:] = 0.0 if self.totals is None else self.totals[order]
        if self.spoilt is not None:
            totals[self.spoilt[order]] = 0.0
        reached: int = bound.run(start, stop, None, self.seeds)
        if reached >= 0 and self.totals is not None:
            if self.spoilt is not None:
                totals[self.spoilt[order]] = self.totals[order][self.spoilt[order]]
            self.totals[order] = totals
        return reached

    def _look_at_sums(self) -> None:
        """Note which sums are not finite: no number changes them, so what is finite need not be added."""
        import numpy as np

        spoilt = None if self.totals is None else ~np.isfinite(self.totals)
        self.spoilt = spoilt if spoilt is not None and spoilt.any() else None

    def _bind(self, recording: Recording, lanes: bool, threads: int) -> tuple[Any, Any, Any]:
        """A tape with the arrays of this run, the order of its parameters, and their sums."""
        import numpy as np

        inputs = any(own is not None for own in self.igrads)
        tape, order, parameters = recording.tape(lanes, self.wanted, self.totals is not None or not inputs)
        if self.totals is not None and recording is not self.program.recordings[0]:
            order = self.program.places(recording)[order]
        totals = np.zeros(len(parameters)) if inputs or self.totals is not None else None
        bound = tape.bind(
            parameters_to_vector(parameters),
            self.arrays,
            self.outputs,
            totals,
            tuple(self.igrads) if inputs else None,
            self.block,
            threads,
            instruction_set(),
        )
        return bound, order, totals

    def _eager_run(self, lane: int) -> None:
        """Evaluate one lane with f; add its contributions as the sweep would, touching no node."""
        outputs, flat = self._evaluated(lane)
        self.outputs[lane] = [output.data for output in outputs]
        if self.totals is not None or any(own is not None for own in self.igrads):
            for s in range(self.count):
                self._add_eagerly(lane, s, outputs, flat)
            self._look_at_sums()

    def jacobian_of(self, lane: int, totals: Any) -> None:
        """Evaluate one lane with f; fill in the parameters' derivatives, shape (outputs, parameters)."""
        outputs, flat = self._evaluated(lane)
        self.seeds, self.igrads = None, [None] * len(self.arrays)
        totals[:] = 0.0
        for s in range(self.width):
            self.totals = totals[s]
            self._add_eagerly(lane, s, outputs, flat)

    def _evaluated(self, lane: int) -> tuple[list[Value], list[Value]]:
        """Return the outputs of one lane as an eager graph, and its leaves."""
        if not self.checked:
            self.program.refuse_changed_function()
            self.checked = True
        leaves = [[Value(x) for x in array[lane].tolist()] for array in self.arrays]
        row = [example.build(part) for example, part in zip(self.program.examples, leaves, strict=True)]
        flat = [leaf for part in leaves for leaf in part]
        self._refuse_guard(lane)
        outputs = self.program.eager(row, flat)
        self.program.eager_rows += 1
        return outputs, flat

    def _refuse_guard(self, lane: int) -> None:
        if self.program.on_guard != "raise":
            return
        graph = self.program.recorded
        left = graph.broken_guard(
            graph.rebuild([Value(x) for array in self.arrays for x in array[lane].tolist()])
        )
        if left is not None:
            a, relation, b, outcome = left
            raise RecordingError(
                f"row {lane}: {a!r} {relation} {b!r} is {not outcome}, was {outcome} "
                'when recorded; on_guard="eager" evaluates such rows with the function itself'
            )

    def _add_eagerly(self, lane: int, s: int, outputs: list[Value], leaves: list[Value]) -> None:
        import numpy as np

        places = {id(parameter): k for k, parameter in enumerate(self.program.parameters)}
        own = {id(leaf): k for k, leaf in enumerate(leaves)}
        gradients = [0.0] * len(leaves)
        at = s * self.lanes + lane
        seeded = zip(outputs, seeds_of_pass(self.seeds, s, at, at + 1, self.width)[0].tolist(), strict=True)
        # Of a Jacobian's outputs one starts; all tell the order.
        live = [(y, g if g or self.seeds is not None else None) for y, g in seeded if not y.is_constant]
        for output, seed in live:
            if output.is_leaf and seed is not None:
                self._receive(lane, output, seed, places, own, gradients)
        if live:
            for step in contributions([output for output, _ in live], [seed for _, seed in live]):
                if step.parent.is_leaf:
                    share = step.partial * step.upstream
                    self._receive(lane, step.parent, share, places, own, gradients)
        put_input_gradients(self.igrads, self.arrays, s, lane, np.array([gradients]))

    def _receive(
        self,
        lane: int,
        leaf: Value,
        share: float,
        places: dict[int, int],
        own: dict[int, int],
        gradients: list[float],
    ) -> None:
        if id(leaf) in own:
            gradients[own[id(leaf)]] += share
        elif self.totals is None or leaf.is_constant:
            return
        elif id(leaf) in places:
            self.totals[places[id(leaf)]] = float(self.totals[places[id(leaf)]]) + share
        elif self._is_captured(leaf, lane):
            raise RecordingError(
                f"a row that was evaluated eagerly depends on {leaf!r}, unknown to the recorded graph: "
                "let the recorded example reach every parameter"
            )

    def _is_captured(self, leaf: Value, lane: int) -> bool:
        """Was a leaf there before the call? One that the function makes is a constant, as in a recording.

        It is told by evaluating the row once more: the function makes another one then.
        """
        if self.again is None or self.again[0] != lane:
            outputs, _ = self._evaluated(lane)
            self.program.eager_rows -= 1
            self.again = lane, outputs, {id(node) for node in topological_order(*outputs)}
        return id(leaf) in self.again[2]
