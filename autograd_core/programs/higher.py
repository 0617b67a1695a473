"""Forward-mode and second derivatives of a Program: Programs of its derivative graphs.

A derivative graph is made from the recorded one by the functions of `transforms`, when it is first asked for.
So all derivatives of a Program belong to what was recorded once, and have the bits of the eager ones, but
for the signs of zeros of a jvp. The Hessian has those of eager products by the unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..arrays import real_array
from ..engine.value import Value, number_of
from ..engine.value import recording as of_thread
from ..errors import RecordingError
from ..structures import map_structure
from ..transforms import grad
from ..transforms import jvp as push_forward
from .numpy_tape import FITS
from .recording import unrolled
from .run import Run
from .sparse import none_for_each_row, sparse_jacobian
from .wrt import Targets

if TYPE_CHECKING:
    from .program import Program

__all__ = ["hessian", "hvp", "jvp"]


def _function(program: Program, targets: Targets) -> Callable[..., Any]:
    """Return f(row, leaves): the recorded graph on a row, with other leaves for the targets."""
    graphs = program.recordings

    def function(row: Sequence[Any], chosen: Sequence[Any]) -> Any:
        leaves = [list(part) for part in row]
        replaced: dict[int, Value] = {}
        rest = iter(chosen)
        for target, size in targets.sizes:
            part = list(islice(rest, size))
            if isinstance(target, int):
                leaves[target] = part
            else:
                replaced[id(target)] = part[0]
        inputs = [leaf for part in leaves for leaf in part]
        graph = _graph_for(program, [number_of(leaf) for leaf in inputs], graphs)
        parameters = [replaced.get(id(p), p) for p in graph.parameters]
        nodes = graph.rebuild(inputs, parameters)
        if not graph.keeps_guards(nodes):
            raise RecordingError("a row leaves the recorded branches")
        return [nodes[i] for i in graph.outputs.tolist()]

    return function


def _graph_for(program: Program, numbers: Sequence[float], recordings: Sequence[Any]) -> Any:
    """Return the recorded graph whose guards these inputs keep, recorded now if there is none."""
    rest = iter(numbers)
    parts = [list(islice(rest, example.size)) for example in program.examples]
    raised: Exception | None = None
    for tried in range(2):
        row = Run(
            program,
            [e.one_row(part) for e, part in zip(program.examples, parts, strict=True)],
            dispatch=False,
        )
        for recording in recordings:
            if row.fits(recording, [0])[0] == FITS:
                return recording.graph
        for recording in recordings:
            graph = recording.graph
            try:
                if (
                    not graph.guarded
                    or graph.broken_guard(graph.rebuild([Value(x) for x in numbers])) is None
                ):
                    return graph
            except Exception as error:  # of an operation in another branch, or of this row
                raised = error
        if tried or program.on_guard == "raise":
            break
        if program.base is not None:  # recorded first, since nothing is recorded within a recording
            base = program.base
            _graph_for(base, numbers[: base.recorded.inputs], base.recordings)
        if not program.record_row(parts):
            if (found := program.graph_of_row(parts, quiet=False)) is not None:
                return found
            break
    raise raised or RecordingError(
        "a row, or the example with the parameters as they are now, takes a branch that is not recorded, and "
        'the derivative of that branch cannot be recorded: it may be that on_guard is "raise", that there '
        "are most_recordings branches (a sparse Hessian wants each recorded), or that the function was lost "
        "by pickling"
    )


def _derived(program: Program, kind: str, targets: Targets, run: Run) -> Program:
    """Return the Program of the tangent, or of the gradient, with respect to the targets, and keep it.

    It is recorded at the example or, where parameters have changed so that this raises, at the first row.
    """
    key = (kind, tuple(t if isinstance(t, int) else id(t) for t in targets.each))
    found = program.derived.get(key)
    if found is not None:
        return found
    function, graphs = _function(program, targets), program.recordings

    def chosen(row: Sequence[Any]) -> list[Any]:
        return [leaf for t in targets.each for leaf in (row[t] if isinstance(t, int) else [t])]

    def tangent(*args: Any) -> Any:
        *row, direction = args
        primals = chosen(row)
        of_thread.kept, kept = None, getattr(of_thread, "kept", None)  # the values are computed anyway
        try:
            values, along = push_forward(lambda *leaves: function(row, leaves), primals, list(direction))
        finally:
            of_thread.kept = kept
        return [*values, *along]

    def gradient(*row: Any) -> Any:
        return grad(lambda leaves: function(row, leaves)[0])(chosen(row))

    wanted, more = (tangent, [[1.0] * targets.size]) if kind == "tangent" else (gradient, [])
    rows = [[list(example.numbers) for example in program.examples]]
    if run.arrays and run.lanes:
        rows.append([array[0].tolist() for array in run.arrays])
    for row in rows:
        try:
            _graph_for(program, [x for part in row for x in part], graphs)  # none is recorded within `made`
            made = program.record_alike(wanted, row + more)
            break
        except (ArithmeticError, ValueError, RecordingError):
            if row is rows[-1]:
                raise
    made.base = program
    program.derived[key] = made
    return made


def jvp(program: Program, batches: Sequence[Any], tangents: Any, wrt: Any) -> tuple[Any, Any]:
    """See `Program.jvp`."""
    import numpy as np

    run = Run(program, batches, dispatch=False)  # the tangent's Program has recordings of its own
    targets = Targets(program, wrt)
    directions, many = _directions(run, targets, tangents)
    count = len(directions)
    arrays = run.arrays if count == 1 else [np.tile(array, (count, 1)) for array in run.arrays]
    made = _derived(program, "tangent", targets, run)
    both = made(*arrays, directions.reshape(count * run.lanes, targets.size))
    found = both[:, run.width :].reshape((count, *run.shape) if many else run.shape)
    values = both[: run.lanes, : run.width] if count else Run(program, batches).values()
    return run.shaped(values).copy(), found.copy()


def hvp(program: Program, batches: Sequence[Any], vectors: Any, wrt: Any, per_row: bool) -> Any:
    """See `Program.hvp`."""
    run, targets = _run_for_one_output(program, batches, wrt)
    directions, many = _directions(run, targets, vectors)
    if not targets.sizes:  # an empty list or dict
        return targets.map(list)
    made = _derived(program, "gradient", targets, run)
    seeds = directions if run.arrays else directions[:, 0]
    _, products = made.vjp(*run.arrays, seeds, wrt=targets.map(lambda leaf: leaf), per_row=per_row)
    shaped = iter(
        product.reshape(len(directions), run.lanes, *program.examples[leaf].shape)
        if isinstance(leaf, int)
        else product
        for leaf, product in targets.pairs(products, "the product")
    )

    def part(leaf: Any) -> Any:
        product = next(shaped)
        return product if many else product[0]

    return targets.map(part)


def hessian(program: Program, batches: Sequence[Any], wrt: Any, sparse: bool) -> Any:
    """See `Program.hessian`."""
    import numpy as np

    run, targets = _run_for_one_output(program, batches, wrt)
    if not targets.sizes:  # an empty list or dict
        return none_for_each_row(run) if sparse else targets.map(list)
    made = _derived(program, "gradient", targets, run)
    if sparse:
        rules = [rule for recording in program.recordings for rule in unrolled(recording.graph).operations]
        symmetric = all(rule.identifier for rule in rules)  # what users define may have any partials
        found = sparse_jacobian(made, run.arrays, targets.each, jvp, symmetric)
        return found if (at := targets.repeated) is None else map_structure(found, lambda h: h[at][:, at])
    lanes = (run.lanes,) if run.arrays else ()
    whole = targets.joined(made.jacobian(*run.arrays, wrt=targets.each), *lanes, targets.size)

    def blocks_of(one: Any) -> Any:
        places, shape = targets.places(one)
        rows = whole[..., places, :]

        def block(other: Any) -> Any:
            columns = targets.places(other)
            return np.array(rows[..., columns[0]].reshape((*lanes, *shape, *columns[1])))

        return targets.map(block)

    return targets.map(blocks_of)


def _run_for_one_output(program: Program, batches: Sequence[Any], wrt: Any) -> tuple[Run, Targets]:
    if program.outputs != 1:
        raise ValueError(
            f"second derivatives are those of one number, and the recorded function returns {program.outputs}"
        )
    return Run(program, batches), Targets(program, wrt)


def _directions(run: Run, targets: Targets, structure: Any) -> tuple[Any, bool]:
    """Return directions as an array (count, lanes, size of the targets), and whether there may be several."""
    import numpy as np

    parts: list[tuple[list[int], Any]] = []
    counts: set[int | None] = set()
    for leaf, direction in targets.pairs(structure, "v"):
        places, shape = targets.places(leaf)
        shape = (run.lanes, *shape) if isinstance(leaf, int) else shape
        given = real_array(direction, "a direction")
        if given.shape[given.ndim - len(shape) :] != shape or given.ndim > len(shape) + 1:
            raise ValueError(
                f"a direction has shape {given.shape}, and {shape} is wanted, perhaps with an axis of "
                "several directions in front"
            )
        counts.add(len(given) if given.ndim > len(shape) else None)
        lanes = run.lanes if isinstance(leaf, int) else 1
        several = given.shape[: given.ndim - len(shape)]
        parts.append((places, given.reshape(*(several or (1,)), lanes, len(places))))
    if len(counts) > 1:
        raise ValueError("all directions have an axis of several in front, of one length, or none has")
    (count,) = counts or {None}
    # Minus zeros: nothing, not even a sign.
    stacked = np.full((1 if count is None else count, run.lanes, targets.size), -0.0)
    for places, flat in parts:  # what stands twice in wrt moves by both directions: the transpose of vjp
        first, size = min(places, default=0), len(places)
        if places == list(range(first, first + size)):  # a slice is filled ten times as fast
            stacked[:, :, first : first + size] += flat
        else:
            at: Any = (slice(None), slice(None), places)
            np.add.at(stacked, at, flat)
    return stacked, count is not None
