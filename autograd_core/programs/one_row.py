"""The short way of one row: a tape that stays bound to the arrays of a row, from call to call.

A call of one small row costs what goes on around the tape. `tape/row.h` does all of that; here its parts are
made. Whatever is out of the ordinary (another shape, a guard left, a number that is not finite) goes the long
way of `run.py`, from the start.
"""

from __future__ import annotations

from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine.derivatives import depends_on_inputs
from ..engine.flat import read_vector
from ..errors import ConversionError
from .tapes import Recording, compiled_module, instruction_set

if TYPE_CHECKING:
    from .program import Program


def refuse_lost_gradient(program: Program) -> None:
    """Raise ConversionError where a Program reads Values that are being differentiated."""
    if depends_on_inputs(program.leaves):
        raise ConversionError(
            "a Program was called that reads Values which are being differentiated: it returns plain "
            "numbers, and the gradient would be lost. Call the recorded function itself, or make them "
            "arguments of the Program and take its own derivatives"
        )


def one_row(
    program: Program, batches: tuple[Any, ...], inputs: tuple[int, ...], sums: bool, gradient: float
) -> tuple[Any, tuple[Any, ...], Any] | None:
    """Evaluate a single row, if it is an array of float64 with nothing out of the ordinary.

    Args:
        program: the Program.
        batches: for each argument a batch.
        inputs: the arguments whose gradients are wanted.
        sums: whether the parameters' are.
        gradient: what every output starts from.

    Returns:
        (values, the arguments' gradients, the parameters' in the order of `Program.parameters` or None); or
        None: this is a case for the long way.
    """
    refuse_lost_gradient(program)
    if sums and len(program.recordings) > 1:  # there are parameters of other recordings
        return None
    key = inputs, sums, instruction_set()
    for recording in program.recordings:
        row = recording.rows.get(key)
        if row is None:
            if (row := _made(program, recording, inputs, sums)) is None:
                return None
            recording.rows[key] = row
        found: tuple[Any, tuple[Any, ...], Any] | None = row.run(batches, gradient)
        if found is not None:
            return found
    return None


def _made(program: Program, recording: Recording, inputs: tuple[int, ...], sums: bool) -> Any:
    """Bind a tape to the arrays of one row; None where nothing is compiled, or rows are not for the tape."""
    import numpy as np

    module, examples = compiled_module(), program.examples
    if (
        module is None
        or recording.graph.loops
        or recording.graph.captured  # whose numbers are looked at, at every call
        or not all(0 <= k < len(examples) for k in inputs)
    ):
        return None
    wanted = b"".join(bytes([k in inputs]) * e.size for k, e in enumerate(examples))
    tape, order, parameters = recording.tape(False, wanted, sums or not inputs)
    rows = tuple(np.zeros((1, *e.shape)) for e in examples)
    values = np.zeros((1, *program.shape) if examples else program.shape)
    gradients = [np.zeros((1, *e.shape)) if k in inputs else None for k, e in enumerate(examples)]
    room, behind = tape.room
    bound = tape.bind(
        array("d", bytes(8 * room)),
        tuple(row.reshape(1, -1) for row in rows),
        values.reshape(1, -1),
        np.zeros(behind) if sums or inputs else None,
        tuple(g if g is None else g.reshape(1, -1) for g in gradients) if inputs else None,
        0,
        1,
        instruction_set(),
        True,
    )
    of_inputs = tuple(gradients[k].copy for k in inputs)  # type: ignore[union-attr]
    of_sums = (partial(np.empty, len(parameters)), order) if sums else (None, None)
    return module.row(bound, rows, parameters, read_vector, values.copy, of_inputs, *of_sums, np.ndarray)
