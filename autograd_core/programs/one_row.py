"""The short way of one row: arrays and a bound tape that are kept from call to call.

A call of one small row costs what Python does around it. Here that is: copy the row and the parameters into
arrays that a tape is bound to already, run it, copy the results. Whatever is out of the ordinary (another
shape, a guard left, a number that is not finite) goes the long way of `run.py`, from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..engine.flat import read_vector
from .tapes import Recording, instruction_set

if TYPE_CHECKING:
    from .program import Program

__all__ = ["one_row"]

_FEW = 16  # so many numbers are read sooner one by one


class _Kept:
    """A tape bound to arrays for one row; only one thread has it at a time."""

    __slots__ = ("bound", "igrads", "numbers", "outputs", "parameters", "rows", "totals", "views")

    def __init__(self, program: Program, recording: Recording, inputs: tuple[int, ...], sums: bool):
        import numpy as np

        examples = program.examples
        wanted = b"".join(bytes([k in inputs]) * e.size for k, e in enumerate(examples))
        tape, order, self.parameters = recording.tape(False, wanted, sums or not inputs)
        arrays = tuple(np.zeros((1, example.size)) for example in examples)
        self.rows = [array.reshape(1, *e.shape) for array, e in zip(arrays, examples, strict=True)]
        numbers: Any = np.zeros(len(self.parameters))
        self.numbers = memoryview(numbers)
        self.outputs = np.zeros((1, program.outputs))
        self.totals = np.zeros(len(self.parameters)) if sums or inputs else None
        igrads: list[Any] = [np.zeros((1, e.size)) if k in inputs else None for k, e in enumerate(examples)]
        self.igrads = [igrads[k].reshape(1, *examples[k].shape) for k in inputs]
        self.bound = tape.bind(
            numbers,
            arrays,
            self.outputs,
            self.totals,
            tuple(igrads) if inputs else None,
            0,
            1,
            instruction_set(),
        )
        self.views = order


def one_row(
    program: Program, batches: Sequence[Any], inputs: tuple[int, ...], sums: bool, gradient: float
) -> tuple[Any, list[Any], Any] | None:
    """Evaluate a single row.

    Args:
        program: the Program.
        batches: for each argument an array of float64, one row.
        inputs: the arguments whose gradients are wanted.
        sums: whether the parameters' are.
        gradient: what every output starts from.

    Returns:
        (values of shape (1, outputs), the arguments' gradients, the parameters' in the order of
        `Program.parameters` or None); or None: this is a case for the long way.
    """
    for recording in program.recordings:
        kept = recording.take((inputs, sums))
        if kept is None:
            kept = _Kept(program, recording, inputs, sums)
        for row, batch in zip(kept.rows, batches, strict=True):
            if row.shape != batch.shape:
                return None
            row[...] = batch
        if len(kept.parameters) <= _FEW:
            for k, parameter in enumerate(kept.parameters):
                kept.numbers[k] = parameter.data
        else:
            kept.numbers[:] = read_vector(kept.parameters, False)
        if kept.totals is not None:
            kept.totals.fill(0.0)
        if kept.bound.run(0, 1, None, gradient) == 1:
            found = None
            if sums:
                found = kept.totals.copy()
                found[kept.views] = kept.totals
            result = kept.outputs.copy(), [own.copy() for own in kept.igrads], found
            recording.give((inputs, sums), kept)
            return result
        recording.give((inputs, sums), kept)
    return None
