"""Derivatives of a Program: Jacobians and products, row by row, in the caller's structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..arrays import real_array
from .run import Run
from .wrt import Targets

if TYPE_CHECKING:
    from .program import Program

__all__ = ["jacobian", "value_and_grad", "vjp"]


def value_and_grad(
    program: Program,
    batches: Sequence[Any],
    wrt: Any,
    gradient: Any,
    per_row: bool,
    block: int,
    threads: int,
) -> tuple[Any, Any]:
    """See `Program.value_and_grad`."""
    run = Run(program, batches, block, threads)
    targets = Targets.of(program, wrt)
    seeds = run.seeds_of(gradient)
    values, inputs, sums = _pull(run, targets, seeds, 1, per_row)
    return run.shaped(values), _shaped(run, targets, inputs, sums, per_row)


def vjp(
    program: Program, batches: Sequence[Any], cotangents: Any, wrt: Any, per_row: bool, threads: int
) -> tuple[Any, Any]:
    """See `Program.vjp`."""
    import numpy as np

    run = Run(program, batches, 0, threads)
    targets = Targets.of(program, wrt)
    given = real_array(cotangents, "cotangents")
    many = given.ndim == len(run.shape) + 1
    if given.shape[many:] != run.shape:
        raise ValueError(
            f"cotangents have shape {given.shape}, and {run.shape} is wanted, that of the values, perhaps "
            "with an axis of several seeds in front"
        )
    count = len(given) if many else 1
    seeds = np.ascontiguousarray(given.reshape(count, run.lanes, run.width))
    values, inputs, sums = _pull(run, targets, seeds, count, per_row)
    return run.shaped(values), _shaped(run, targets, inputs, sums, per_row, many)


def jacobian(program: Program, batches: Sequence[Any], wrt: Any, threads: int) -> tuple[Any, Any]:
    """Return the values and what `Program.jacobian` describes."""
    import numpy as np

    run = Run(program, batches, 0, threads)
    targets = Targets.of(program, wrt)
    values, inputs, sums = _pull(run, targets, None, run.width, True)
    lanes = (run.lanes,) if run.arrays else ()

    def transposed(passes: Any, shape: tuple[int, ...]) -> Any:
        """(outputs, lanes, size) -> (lanes, *shape of the result, *shape)"""
        return np.ascontiguousarray(passes.swapaxes(0, 1)).reshape(*lanes, *program.shape, *shape)

    def of_input(k: int) -> Any:
        return transposed(inputs[k], program.examples[k].shape)

    per_parameter = None if sums is None else transposed(sums, (sums.shape[-1],))
    return run.shaped(values), targets.shaped(of_input, per_parameter)


def _shaped(
    run: Run, targets: Targets, inputs: dict[int, Any], sums: Any, per_row: bool, many: bool = False
) -> Any:
    """Return what the passes gave in the caller's structure; of one pass, unless `many`, without its axis."""

    def of_input(k: int) -> Any:
        own = inputs[k].reshape(*inputs[k].shape[:2], *run.program.examples[k].shape)
        return own if many else own[0]

    if sums is not None and per_row and not run.arrays:  # without arguments there is no axis of rows
        sums = sums.squeeze(1)
    return targets.shaped(of_input, sums if many or sums is None else sums[0])


def _pull(
    run: Run, targets: Targets, seeds: Any, count: int, per_row: bool
) -> tuple[Any, dict[int, Any], Any]:
    """Run the reverse passes.

    Returns:
        The values, shape (lanes, outputs); for each argument its gradients, (count, lanes, size); and those
        of the parameters, (count, lanes, parameters) per row, else (count, parameters).
    """
    import numpy as np

    values = None if count else run.values()
    inputs = {} if count else {k: np.zeros((0, *run.arrays[k].shape)) for k in targets.inputs}
    sums: Any = None
    if targets.parameters and count == 1 and not per_row:
        sums = np.zeros((1, len(run.program.parameters)))
        values, inputs = run.gradients(targets.inputs, seeds, 1, sums[0])
        return values, inputs, sums
    if count and (targets.inputs or not targets.parameters):
        values, inputs = run.gradients(targets.inputs, seeds, count)
    if targets.parameters:
        rows = (run.lanes,) if per_row else ()
        sums = np.zeros((count, *rows, len(run.program.parameters)))
        for s in range(count):
            one = seeds[s : s + 1] if isinstance(seeds, np.ndarray) else seeds
            if seeds is None:
                one = np.zeros((1, run.lanes, run.width))
                one[:, :, s] = 1.0
            values = run.sums(sums[s], one, per_row)
        if seeds is None and count > 1:  # the outputs that do not start gave 0 times what is not finite
            for lane in np.flatnonzero(~np.isfinite(sums).all(axis=(0, 2))).tolist():
                run.jacobian_of(lane, sums[:, lane])
    return values, inputs, sums
