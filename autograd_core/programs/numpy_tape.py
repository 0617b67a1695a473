"""The interpreter of Programs where there is no compiled one: NumPy for + - * /, Python's floats for the
rest.

It computes the nodes one by one, a block of lanes at a time, with the calculus of `operations.py`; it has
the interface of the compiled `_tape` module, and its bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..calculus.operation import Operation
from ..engine.comparing import COMPARE
from .graph import CONSTANT, INPUT, NODE, PARAMETER, RELATIONS, RecordedGraph

FITS, LEAVES_A_GUARD, NOT_FINITE = range(3)  # what `fits` of a bound tape tells of a lane

_LINEAR = {"add", "sub", "mul", "neg"}  # exact in NumPy, and never raising in Python
_FEW = 8  # so many lanes are computed one after the other


def by_pass(gradients: Any) -> Any:
    """Return arrays for the inputs' gradients, if there are any, as (passes, lanes, columns)."""
    return gradients and [g if g is None or g.ndim == 3 else g[None] for g in gradients]


def passes(gradients: Any) -> int:
    """Return how many reverse passes there are for each lane."""
    return next((len(g) for g in gradients or () if g is not None), 1)


def seeds_of_pass(seeds: Any, s: int, first: int, stop: int, width: int) -> Any:
    """Return what pass s starts from, shape (stop - first, width).

    Args:
        seeds: a number; rows of numbers, those of a pass after those of the former; or None, and pass s
            starts from 1 at output s.
        s: which pass.
        first: the first row.
        stop: the row behind the last.
        width: how many outputs there are.
    """
    import numpy as np

    if seeds is None:
        return np.broadcast_to(np.eye(1, width, s), (stop - first, width))
    if isinstance(seeds, float):
        return np.full((stop - first, width), seeds)
    return np.asarray(seeds).reshape(-1, width)[first:stop]


def put_input_gradients(own: Any, arrays: Any, s: int, first: int, found: Any) -> None:
    """Spread the inputs' gradients of some lanes, shape (lanes, inputs), over the arrays that are wanted."""
    column = 0
    for gradients, array in zip(own, arrays, strict=True):
        width = array[0].size if len(array) else 0
        if gradients is not None and width:
            gradients[s, first : first + len(found)] = found[:, column : column + width]
        column += width


class Tape:
    """A graph, ready to run."""

    def __init__(self, graph: RecordedGraph, want_parameters: bool, wanted_inputs: bytes):
        self.graph = graph
        self.want_parameters, self.wanted_inputs = want_parameters, wanted_inputs
        self.order = list(range(len(graph.parameters)))
        self.rules: list[Operation | None] = [
            graph.operation(i) if kind == NODE else None for i, kind in enumerate(graph.kind.tolist())
        ]
        self.needed = self._needed()
        starts, parents, refs = graph.start.tolist(), graph.parents.tolist(), graph.ref.tolist()
        self.steps = [
            (i, rule, parents[starts[i] : starts[i + 1]], refs[i] if rule.arity is None else 0)
            for i, rule in enumerate(self.rules)
            if rule is not None
        ]
        kinds = graph.kind.tolist()
        self.leaves = [(i, kind, refs[i]) for i, kind in enumerate(kinds) if kind in (PARAMETER, INPUT)]

    def _needed(self) -> list[bool]:
        """Which nodes have a gradient to receive or to pass on."""
        graph = self.graph
        needed = [False] * len(graph)
        for i in range(graph.swept):
            kind, rule = graph.kind[i], self.rules[i]
            if kind == NODE:
                sends = rule is not None and not rule.sends_nothing
                needed[i] = sends and any(needed[p] for p in graph.operands(i))
            else:
                wanted = self.wanted_inputs[graph.ref[i]] if kind == INPUT else kind == PARAMETER
                needed[i] = bool(wanted) and (kind == INPUT or self.want_parameters)
        return needed

    def stats(self) -> dict[str, int]:
        """Return counts, under the names that the compiled tape uses."""
        graph = self.graph
        size = sum(
            array.nbytes
            for array in (graph.op, graph.start, graph.parents, graph.kind, graph.value, graph.ref)
        )
        return {
            "nodes": len(graph),
            "instructions": int((graph.kind == NODE).sum()),
            "dots": 0,
            "layers": 0,
            "shared": 0,
            "bytes": size,
            "block": 32,
            "block_bytes": 32 * 16 * len(graph),
        }

    def bind(self, params: Any, arrays: tuple[Any, ...], outputs: Any, totals: Any, input_gradients: Any,
             block: int, threads: int, build: str) -> Bound:  # fmt: skip
        """Return the tape with the arrays that it reads and writes."""
        return Bound(self, params, arrays, outputs, totals, input_gradients, block)


class Bound:
    """A tape with its arrays; see `tape/module.c` for the contract of `run`."""

    def __init__(
        self,
        tape: Tape,
        params: Any,
        arrays: tuple[Any, ...],
        outputs: Any,
        totals: Any,
        igrads: Any,
        block: int,
    ):
        self.tape, self.params, self.arrays = tape, params, arrays
        self.outputs, self.totals, self.igrads = outputs, totals, by_pass(igrads)
        self.block = block or 32
        self.seeds = passes(self.igrads)

    def run(self, start: int, stop: int, rows: Any, seeds: Any) -> int:
        """Replay lanes; return stop, or the first lane to do eagerly, or -1: a sum is not finite."""
        import numpy as np

        with np.errstate(all="ignore"):
            step = self.block if stop - start > _FEW else 1
            for first in range(start, stop, step):
                last = min(first + step, stop)
                good = self._run_block(first, last, rows, seeds)
                if good < last - first:
                    start = first + good
                    break
            else:
                start = stop
        if self.totals is not None and not np.isfinite(self.totals).all():
            return -1
        return start

    def steps(self, carry: Any, passed_on: Any, init: Any, gradients: Any, kept: Any) -> int:
        """Run the lanes one after the other as steps of a loop; see `tape/steps.h`.

        Args:
            carry: for each number of the carry its parameter.
            passed_on: the output of a step that it is in the next.
            init: the first carry.
            gradients: of the outputs, shape (lanes, outputs), changed; None to go forward only.
            kept: not used here.

        Returns:
            How many steps were done, from the first, or with gradients from the last.
        """
        import numpy as np

        count = len(self.arrays[0])
        for done in range(count):
            t = done if gradients is None else count - 1 - done
            self.params[carry] = self.outputs[t - 1][passed_on] if t else init
            if gradients is not None:
                self.totals[carry] = 0.0
            if self.run(t, t + 1, None, 1.0 if gradients is None else gradients) != t + 1:
                return done
            if gradients is not None and t:
                np.add.at(gradients[t - 1], passed_on, self.totals[carry])
        return count

    def _run_block(self, first: int, last: int, rows: Any, seeds: Any) -> int:
        import numpy as np

        lanes = np.arange(first, last) if rows is None else np.asarray(rows)[first:last]
        block = (_Row if len(lanes) == 1 else _Block)(
            self.tape,
            self.params,
            [array.reshape(len(array), -1)[lanes] for array in self.arrays],
            len(lanes),
            self.totals is not None,
        )
        block.forward()
        good = block.good()
        if self.outputs is not None:
            for k, i in enumerate(self.tape.graph.outputs.tolist()):
                self.outputs.reshape(-1, len(self.tape.graph.outputs))[first : first + good, k] = (
                    block.values[i][:good]
                )
        if self.totals is None or not good:
            return good
        for s in range(self.seeds):
            at = s * len(self.arrays[0]) if s else 0
            width = len(self.tape.graph.outputs)
            block.backward(seeds_of_pass(seeds, s, at + first, at + last, width))
            if self.igrads is not None:
                good = self._put_input_gradients(block, s, first, good)
        if good:  # the only lane may have turned bad by its inputs' gradients
            block.add_up(self.totals, good)
        return good

    def fits(self) -> bytes:
        """Return for each lane of the arrays whether the recording serves it; see `tape/run.h`."""
        import numpy as np

        lanes = len(self.arrays[0]) if self.arrays else 1
        inputs = [array.reshape(len(array), array.size // max(len(array), 1)) for array in self.arrays]
        block = _Block(self.tape, self.params, inputs, lanes, False)
        with np.errstate(all="ignore"):
            block.forward()
            leaves, not_finite = block.leaves_a_guard(), block.not_finite()
        found = np.where(leaves, LEAVES_A_GUARD, np.where(not_finite, NOT_FINITE, FITS))
        return found.astype(np.uint8).tobytes()

    def _put_input_gradients(self, block: _Block, s: int, first: int, good: int) -> int:
        import numpy as np

        gradients = block.input_gradients()
        bad = np.flatnonzero(~np.isfinite(gradients).all(axis=1)[:good])
        good = int(bad[0]) if len(bad) else good
        put_input_gradients(self.igrads, self.arrays, s, first, gradients[:good])
        return good


class _Block:
    """The numbers of some lanes: value and adjoint of every node, and every contribution to a parameter."""

    def __init__(self, tape: Tape, params: Any, inputs: list[Any], lanes: int, want_partials: bool):
        import numpy as np

        self.tape, self.lanes, self.want_partials = tape, lanes, want_partials
        self.kept: dict[int, list[tuple[float, ...]]] = {}  # partials of operations that may remember a call
        graph = tape.graph
        columns = [column for array in inputs for column in array.T]
        self.values: list[Any] = [None] * len(graph)
        self.adjoints: list[Any] = [None] * len(graph)
        self.contributions: list[list[Any]] = [[] for _ in graph.parameters]
        self.poisoned = np.zeros(lanes, dtype=bool)
        for i in np.flatnonzero(graph.kind != NODE).tolist():
            kind, ref = graph.kind[i], graph.ref[i]
            number = (
                graph.value[i] if kind == CONSTANT else params[ref] if kind == PARAMETER else columns[ref]
            )
            self.values[i] = np.broadcast_to(np.float64(number), lanes) if kind != INPUT else number

    def forward(self) -> None:
        import numpy as np

        for i, rule, parents, index in self.tape.steps:
            operands = [self.values[p] for p in parents]
            if rule.name in _LINEAR:
                self.values[i] = rule.scalar(*operands)
                continue
            if not rule.native:
                self._call(i, rule, operands)
                continue
            self.values[i] = np.array([self._value(rule, row, index) for row in zip(*operands, strict=True)])
            if rule.raises:
                self.poisoned |= ~np.isfinite(self.values[i])

    def _call(self, i: int, rule: Operation, operands: list[Any]) -> None:
        """Call what Python computes, lane by lane, the partials right after the value, as eagerly."""
        import numpy as np

        wanted = self.want_partials and self.tape.needed[i]
        values, kept = [], []
        for row in zip(*operands, strict=True):
            y = self._value(rule, row, 0)
            partials = self._partials(rule, row, y, 0) if wanted and not math.isnan(y) else ()
            values.append(math.nan if len(partials) != len(row) and wanted else y)
            kept.append(partials if len(partials) == len(row) else (math.nan,) * len(row))
        self.values[i], self.kept[i] = np.array(values), kept
        self.poisoned |= ~np.isfinite(self.values[i])

    @staticmethod
    def _value(rule: Operation, operands: tuple[Any, ...], index: int) -> float:
        numbers = [float(x) for x in operands]
        try:
            y = rule.value(*numbers, index=index) if rule.arity is None else rule.value(*numbers)
        except Exception:
            return math.nan  # a poisoned lane is evaluated eagerly, and raises there
        return y

    def good(self) -> int:
        """How many lanes, from the first, are as recorded and finite?"""
        import numpy as np

        found = np.flatnonzero(self.not_finite() | self.leaves_a_guard())
        return int(found[0]) if len(found) else self.lanes

    def not_finite(self) -> Any:
        """Which lanes have to be done eagerly, since a number may raise?"""
        import numpy as np

        bad = self.poisoned.copy()
        for i in self.tape.graph.outputs.tolist():
            bad |= ~np.isfinite(self.values[i])
        return bad

    def leaves_a_guard(self) -> Any:
        """Which lanes take another branch than the recorded one?"""
        import numpy as np

        bad = np.zeros(self.lanes, dtype=bool)
        for left, right, relation, outcome in self.tape.graph.guards.tolist():
            bad |= COMPARE[RELATIONS[relation]](self.values[left], self.values[right]) != bool(outcome)
        return bad

    def backward(self, seeds: Any) -> None:
        graph = self.tape.graph
        self.adjoints = [None] * len(graph)
        self.contributions = [[] for _ in graph.parameters]
        for k, i in enumerate(graph.outputs.tolist()):
            self._send(i, seeds[:, k])
        for i, rule, parents, index in reversed(self.tape.steps):
            if self.adjoints[i] is not None:
                self._pull(i, rule, parents, index)

    def _send(self, target: int, contribution: Any) -> None:
        if not self.tape.needed[target]:
            return
        kind = self.tape.graph.kind[target]
        if kind == PARAMETER:
            self.contributions[self.tape.graph.ref[target]].append(contribution)
        else:
            old = self.adjoints[target]
            self.adjoints[target] = contribution + (0.0 if old is None else old)

    def _pull(self, i: int, rule: Operation, parents: list[int], index: int) -> None:
        import numpy as np

        graph, gradient = self.tape.graph, self.adjoints[i]
        found = self.kept.get(i)
        if found is None:
            columns = (self.values[p] for p in (*parents, i))
            rows = ((row, y) for *row, y in zip(*columns, strict=True))
            found = [self._partials(rule, row, y, index) or (math.nan,) * len(row) for row, y in rows]
        partials = np.array(found)
        for j, p in enumerate(parents):
            if rule.name == "pow" and j == 1 and graph.kind[p] == CONSTANT:
                continue
            if rule.selecting:
                self._send(p, np.where(partials[:, j] == 0.0, 0.0, partials[:, j] * gradient))
            else:
                self._send(p, partials[:, j] * gradient)

    @staticmethod
    def _partials(rule: Operation, operands: Sequence[Any], y: Any, index: int) -> tuple[float, ...]:
        numbers = tuple(float(x) for x in operands)
        try:
            return tuple(float(d) for d in rule.partials(numbers, float(y), index))
        except Exception:
            return ()

    def input_gradients(self) -> Any:
        import numpy as np

        graph = self.tape.graph
        result = np.zeros((self.lanes, graph.inputs))
        for i in np.flatnonzero(graph.kind == INPUT).tolist():
            if self.adjoints[i] is not None:
                result[:, graph.ref[i]] = 0.0 + self.adjoints[i]
        return result

    def add_up(self, totals: Any, good: int) -> None:
        """Add to each parameter's sum: the lanes in order and, inside a lane, the sweep's order."""
        import numpy as np

        for k, columns in enumerate(self.contributions):
            if columns:
                ordered = np.concatenate([[totals[k]], np.stack(columns, axis=1)[:good].ravel()])
                totals[k] = np.add.accumulate(ordered)[-1]


class _Row(_Block):
    """The same for one lane, in floats: some times as fast as arrays of one number."""

    def __init__(self, tape: Tape, params: Any, inputs: list[Any], lanes: int, want_partials: bool):
        import numpy as np

        self.tape, self.lanes, self.want_partials = tape, 1, want_partials
        self.kept = {}
        self.poisoned = np.zeros(1, dtype=bool)
        row = [x for array in inputs for x in array[0].tolist()]
        given = np.asarray(params).tolist()
        self.numbers: list[float] = tape.graph.value.tolist()
        for i, kind, ref in tape.leaves:
            self.numbers[i] = given[ref] if kind == PARAMETER else row[ref]

    def forward(self) -> None:
        import numpy as np

        numbers = self.numbers
        for i, rule, operands, index in self.tape.steps:
            row = tuple([numbers[p] for p in operands])
            try:
                y = rule.scalar(*row) if rule.arity and rule.identifier else None
            except Exception:  # a poisoned lane is evaluated eagerly, and raises there
                y = math.nan
            if type(y) is not float:
                y = self._value(rule, row, index)
            if not rule.native and self.want_partials and self.tape.needed[i] and y == y:
                partials = self._partials(rule, row, y, 0)
                y = y if len(partials) == len(row) else math.nan
                self.kept[i] = [partials if len(partials) == len(row) else (math.nan,) * len(row)]
            numbers[i] = y
            if (rule.raises or not rule.native) and not math.isfinite(y):
                self.poisoned[0] = True
        graph = self.tape.graph
        self.values = [None] * len(numbers)
        for i in {*graph.outputs.tolist(), *graph.guards[:, :2].ravel().tolist()}:
            self.values[i] = np.array(numbers[i : i + 1])

    def backward(self, seeds: Any) -> None:
        graph, numbers, needed = self.tape.graph, self.numbers, self.tape.needed
        adjoints: list[Any] = [None] * len(graph)
        self.contributions = [[] for _ in graph.parameters]
        receivers = {i: self.contributions[ref] for i, kind, ref in self.tape.leaves if kind == PARAMETER}

        def send(target: int, share: float) -> None:
            if target in receivers:
                receivers[target].append(share)
            else:
                old = adjoints[target]
                adjoints[target] = share + (0.0 if old is None else old)

        for k, i in enumerate(graph.outputs.tolist()):
            if needed[i]:
                send(i, float(seeds[0, k]))
        for i, rule, operands, index in reversed(self.tape.steps):
            gradient = adjoints[i]
            if gradient is None or not needed[i]:
                continue
            row = tuple([numbers[p] for p in operands])
            partials = self.kept[i][0] if i in self.kept else self._partials(rule, row, numbers[i], index)
            for j, p in enumerate(operands):
                if not needed[p] or (rule.name == "pow" and j == 1 and graph.kind[p] == CONSTANT):
                    continue
                partial = partials[j] if partials else math.nan
                send(p, 0.0 if partial == 0.0 and rule.selecting else partial * gradient)
        self.adjoints = adjoints

    def add_up(self, totals: Any, good: int) -> None:
        for k, shares in enumerate(self.contributions):
            total = float(totals[k])
            for share in shares:
                total += share
            totals[k] = total
