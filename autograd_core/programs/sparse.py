"""Sparse Jacobians and Hessians of a Program: patterns from the recorded graph, numbers by few products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import RecordingError
from ..sparsity import compress, csr_array, pattern
from . import derivatives
from .graph import INPUT, PARAMETER, RecordedGraph, built_in
from .numpy_tape import FITS
from .recording import unrolled
from .run import Run
from .wrt import Targets

if TYPE_CHECKING:
    from .program import Program

__all__ = ["sparse_jacobian", "sparsity"]


def sparsity(program: Program, wrt: Any) -> Any:
    """See `Program.sparsity`."""
    import numpy as np

    targets = Targets(program, wrt)
    starts, columns = _pattern(program, targets)
    shape = (program.outputs, targets.size)
    found = csr_array()((np.ones(len(columns), dtype=bool), columns, starts), shape=shape)
    return found if (every := targets.repeated) is None else found[:, every]


def _pattern(program: Program, targets: Targets) -> tuple[Any, Any]:
    """Return (starts, columns) of the entries that can be other than 0 in some recorded branch."""
    import numpy as np

    found = [_pattern_of(unrolled(recording.graph), program, targets) for recording in program.recordings]
    if len(found) == 1:
        return found[0]
    rows = [
        np.unique(np.concatenate([columns[starts[i] : starts[i + 1]] for starts, columns in found]))
        for i in range(program.outputs)
    ]
    return np.cumsum([0, *map(len, rows)]), np.concatenate(rows)


def _pattern_of(graph: RecordedGraph, program: Program, targets: Targets) -> tuple[Any, Any]:
    import numpy as np

    inputs, parameters = np.full(graph.inputs, -1), np.full(len(graph.parameters), -1)
    for kind, places in ((INPUT, inputs), (PARAMETER, parameters)):
        nodes = np.flatnonzero(graph.kind == kind)
        places[graph.ref[nodes]] = nodes
    bounds = np.cumsum([0, *(example.size for example in program.examples)])
    by_id = {
        id(parameter): int(places) for parameter, places in zip(graph.parameters, parameters, strict=True)
    }
    wanted: list[int] = []
    for target in targets.each:
        if isinstance(target, int):
            wanted += inputs[bounds[target] : bounds[target + 1]].tolist()
        else:
            wanted.append(by_id.get(id(target), -1))
    counts = np.where(graph.kind == 0, np.diff(graph.start), 0)
    silent = np.zeros(len(graph), dtype=np.int64)
    for number in np.unique(graph.op).tolist():
        rule = built_in().get(number)
        if rule is not None and rule.silent_operands:
            silent[graph.op == number] = rule.silent_operands
    starts, columns = pattern(
        counts.tolist(), graph.parents.tolist(), wanted, graph.outputs.tolist(), silent.tolist()
    )
    return starts, columns


def sparse_jacobian(
    program: Program, batches: Sequence[Any], wrt: Any, push: Callable[..., Any], symmetric: bool = False
) -> Any:
    """Return the rows' Jacobians as a list of scipy.sparse.csr_array; one if f takes no arguments.

    Args:
        program: the Program.
        batches: its batches.
        wrt: with respect to what.
        push: `higher.jvp`.
        symmetric: whether the Jacobian is symmetric, as that of a gradient is.
    """
    import numpy as np

    matrix_of = csr_array()
    run = Run(program, batches)
    targets = Targets(program, wrt)
    program = program.of_parts()  # the numbers in targets are those of parts
    off = _off_the_branches(run)
    if len(off) and program.outputs * targets.size > _MOST_DENSE:
        raise RecordingError(
            f"{len(off)} rows take branches that are not recorded, or are not finite, and may have other "
            'patterns: record the function with on_guard="record", or leave these rows out'
        )
    starts, columns = _pattern(program, targets)
    rows = np.repeat(np.arange(program.outputs), np.diff(starts))
    plan = compress(starts, columns, targets.size, symmetric).plan(starts, columns)
    if not len(plan):
        run.values()  # a row may raise all the same
    groups: dict[bool, list[Any]] = {True: [], False: []}
    for product in plan:
        groups[product.transposed].append(product.group)
    found = {
        True: iter(_of_rows(program, batches, run, targets, groups[True])),
        False: iter(_of_columns(push, program, batches, run, targets, groups[False])),
    }
    numbers = np.zeros((run.lanes, len(columns)))
    for product in plan:
        numbers[:, product.entries] = next(found[product.transposed])[:, product.at]
    shape = (program.outputs, targets.size)
    matrices = [matrix_of((row, columns, starts), shape=shape) for row in numbers]
    for lane in {*off.tolist(), *np.flatnonzero(~np.isfinite(numbers).all(axis=1)).tolist()}:
        dense = _dense(program, [batch[lane : lane + 1] for batch in run.arrays], targets)
        whole = matrix_of(dense) if lane in off else matrix_of((dense[rows, columns], columns, starts), shape)
        matrices[lane] = whole
    if (every := targets.repeated) is not None:
        matrices = [matrix[:, every] for matrix in matrices]
    return matrices if run.arrays else matrices[0]


def none_for_each_row(run: Run) -> Any:
    """Return the second derivatives with respect to nothing: matrices without entries."""
    matrices = [csr_array()((0, 0)) for _ in range(run.lanes)]
    return matrices if run.arrays else matrices[0]


_MOST_DENSE = 1 << 24  # entries of a Jacobian that may be made in full


def _off_the_branches(run: Run) -> Any:
    """Return the rows that no recording serves."""
    import numpy as np

    if run.plan is not None:
        return np.flatnonzero(run.plan < 0)
    if not run.program.recorded.guarded:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(run.fits(run.program.recordings[0], np.arange(run.lanes)) != FITS)


def _dense(program: Program, arrays: Sequence[Any], targets: Targets) -> Any:
    """The Jacobian of a row without compression: what is not finite spreads to whatever is summed with it."""
    row = [array.reshape(1, *e.shape) for array, e in zip(arrays, program.examples, strict=True)]
    _, blocks = derivatives.jacobian(program, row, targets.each, 1)
    return targets.joined(blocks, program.outputs)


def _of_rows(program: Program, batches: Any, run: Run, targets: Targets, groups: list[Any]) -> Any:
    """The sums of groups of rows: reverse passes. Each is of shape (lanes, columns)."""
    import numpy as np

    if not groups:
        return []
    seeds = np.zeros((len(groups), run.lanes, run.width))
    for k, group in enumerate(groups):
        seeds[k][:, group] = 1.0
    flat_seeds = seeds.reshape(len(groups), *run.shape)
    _, parts = derivatives.vjp(program, batches, flat_seeds, targets.each, True, 1)
    return targets.joined(parts, len(groups), run.lanes)


def _of_columns(
    push: Callable[..., Any], program: Program, batches: Any, run: Run, targets: Targets, groups: list[Any]
) -> Any:
    """The sums of groups of columns: forward passes. Each is of shape (lanes, outputs)."""
    import numpy as np

    if not groups:
        return []
    directions = np.zeros((len(groups), targets.size))
    for k, group in enumerate(groups):
        directions[k, group] = 1.0
    parts, at = [], 0
    for target, size in targets.sizes:
        part = directions[:, at : at + size]
        if isinstance(target, int):
            rows = np.repeat(part[:, None], run.lanes, axis=1)
            parts.append(rows.reshape(len(groups), run.lanes, *program.examples[target].shape))
        else:
            parts.append(part[:, 0])
        at += size
    _, products = push(program, batches, parts, targets.each)
    return products.reshape(len(groups), run.lanes, run.width)
