"""Programs: record a function of Values once, replay it over the rows (*lanes*) of a minibatch.

``record(f, *examples)`` calls ``f`` once on Values shaped like the examples and turns the graph that it
built into a :class:`Program`: a flat tape that is replayed forward and in reverse for every row of a
batch, with the bits that the eager graph gives.  Leaves that ``f`` captured (a model's parameters) are
shared by all lanes.

The reference, bit for bit
--------------------------
``program.value_and_grad(X, Y, gradient=g)`` gives the bits of this eager loop, whatever the block size,
the number of threads or the instruction set::

    for x, y in zip(X, Y):          # lanes in order
        loss = f(x, y)              # x, y: constants, or leaves whose own gradient is wanted
        loss.backward(g)            # leaves accumulate, contribution by contribution, in the sweep's order

So a parameter's gradient is one running sum over all its contributions: the lanes in order and, inside a
lane, in the order of the sweep (reverse depth-first post-order).  It starts from 0.0 (``value_and_grad``) or
from the parameter's present ``grad`` (``backward``).  The gradient of an input belongs to its lane alone.

What makes a function recordable
--------------------------------
The graph must have the same shape for every row.  Numbers that differ from row to row (features, targets)
come in as arguments; a class label comes in as a one-hot row and is used by ``dot(one_hot, logits)``, never
as an index.  Comparisons of Values are recorded as guards and checked for each lane; reading a number
(``float(v)``, ``v.data``, ``if v``) raises :class:`RecordingError`.

Frozen at recording: plain numbers and constants (``detach``) that ``f`` closes over, Python's randomness, and
the outcome of ``==`` between two Values, which is identity.  Read anew at every call: captured leaves.
Values that were computed from leaves before the recording are computed anew, too.

Values that ``f`` makes are constants, unless it keeps them for its next call (a model that makes its weights
when it is first called, a cache): where one is still there when ``f`` has returned, ``f`` is called once more
and captures it like any other.  Those that it replaces at every call remain constants.

Rows are real numbers, in anything that NumPy makes an array of: whole numbers and truth values become
float64, NaN and infinities are legal.  Text, ``None``, complex numbers, dates and masked entries are refused,
and so are Values, whose gradient would be lost.

How it runs
-----------
The recorded graph is compiled (`tape/compile.h`) by rewritings that change no bit: what nothing depends on
is dropped, constants are folded, equal subexpressions evaluated once, chains of multiply-adds become dots,
and dots over one vector become a layer, wherever no target of a gradient receives its contributions in
another order for it.  The interpreter (`tape/kernel.h`) takes lanes in blocks that fit the cache, one
instruction a time over the whole block; it exists for several instruction sets, chosen when it runs.  Blocks
may be shared out to threads, which then divide the parameters among them and add up the blocks in order.
Where the extension is not compiled, `numpy_tape.py` computes the same bits with NumPy and floats.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from ..arguments import whole_number
from ..engine.nary import stale
from ..engine.value import Value
from ..errors import RecordingError
from ..structures import leaves_of, map_structure, zip_structures
from ..transforms import derivative_graphs
from ..vectors import gradients_to_vector, vector_to_gradients
from . import derivatives, higher
from .chunks import sum_value_and_grad
from .explain import explain
from .forms import Example, Part, arguments_of, arrange, flatten, join, refuse_no_function, same_form, split
from .graph import RecordedGraph
from .numpy_tape import FITS, LEAVES_A_GUARD
from .one_row import one_row
from .recording import capture, unrolled
from .run import Run
from .sparse import sparse_jacobian, sparsity
from .tapes import Recording
from .wrt import Targets

__all__ = ["Gradients", "Program", "ProgramStatistics", "record"]


class Gradients(NamedTuple):
    """What `Program.value_and_grad` returns beside the values.

    Attributes:
        parameters: one number for each of `Program.parameters`, shape (parameters,).
        inputs: for each argument an array of the batch's shape; empty if they were not asked for.

    Example:
        >>> import autograd_core as ag
        >>> w = ag.Value(2.0)
        >>> program = ag.record(lambda x: w * x * x, 1.0)
        >>> values, gradients = program.value_and_grad([3.0, 4.0], inputs=True)
        >>> gradients.parameters.tolist(), gradients.inputs[0].tolist()
        ([25.0], [12.0, 16.0])
    """

    parameters: Any
    inputs: tuple[Any, ...]


class ProgramStatistics(NamedTuple):
    """The size of a Program.

    Attributes:
        nodes: recorded nodes, leaves included.
        live: nodes that are left once dead ones are dropped, constants folded and chains of multiply-adds
            made dots.
        instructions: instructions of the forward tape.
        dots: chains of multiply-adds that became one dot.
        layers: groups of dots over one vector that became one layer.
        shared: evaluations saved because an equal subexpression had been evaluated.
        parameters: captured leaves.
        inputs: numbers that one lane takes.
        outputs: numbers that one lane gives.
        guards: comparisons that are checked for every lane.
        lanes: lanes in a block.
        tape_bytes: memory of the tape.
        block_bytes: memory of the block of lanes that one thread works in.

    Example:
        >>> import autograd_core as ag
        >>> w = ag.Value(2.0)
        >>> program = ag.record(lambda x: w * x * x, 1.0)
        >>> found = program.stats()
        >>> found.parameters, found.inputs, found.outputs
        (1, 1, 1)
    """

    nodes: int
    live: int
    instructions: int
    dots: int
    layers: int
    shared: int
    parameters: int
    inputs: int
    outputs: int
    guards: int
    lanes: int
    tape_bytes: int
    block_bytes: int


def record(
    f: Callable[..., Any], *examples: Any, on_guard: str = "eager", most_recordings: int = 64
) -> Program:
    """Call f once and return its graph as a Program; call it again if it keeps Values that it has made.

    Args:
        f: a function of Values that returns a Value, nested lists (an array) of them, or a dict, list or
            tuple of such.
        *examples: for each argument of f a number, an array, or a dict, list or tuple of such: the form of
            what will come.
        on_guard: what becomes of a lane that would take another branch than the example: "eager" calls f
            for it, "record" records that branch too and replays it from then on, "raise" raises
            RecordingError.
        most_recordings: how many branches are recorded with "record"; lanes of further ones are evaluated
            eagerly.

    Returns:
        A Program.

    Raises:
        RecordingError: f read the number of a Value, or uses at each call others of those that it keeps.
        TypeError: an example or the result holds something else than numbers.

    >>> import autograd_core as ag
    >>> w = ag.Value(3.0)
    >>> program = record(lambda x: w * x * x, 1.0)
    >>> program([1.0, 2.0]).tolist()
    [3.0, 12.0]
    >>> values, gradients = program.value_and_grad([1.0, 2.0])
    >>> gradients.parameters.tolist()
    [5.0]
    """
    if on_guard not in ("eager", "record", "raise"):
        raise ValueError(f'on_guard is "eager", "record" or "raise", not {on_guard!r}')
    refuse_no_function(f, "what record takes first")
    whole_number("most_recordings", most_recordings, 1)
    return recorded(f, examples, on_guard, most_recordings)


def recorded(
    f: Callable[..., Any],
    examples: Sequence[Any],
    on_guard: str,
    most_recordings: int,
    before: Callable[[], Any] | None = None,
) -> Program:
    """Do what `record` does; `before` is called before each further call of f."""
    parts, arguments = arguments_of(examples)
    if arguments != tuple(range(len(parts))):
        f = _OfParts(f, arguments)
    graph, form = capture(f, parts, before)
    return Program(f, parts, graph, form, on_guard, most_recordings, arguments)


class _OfParts:
    """A function of the parts of its arguments."""

    def __init__(self, f: Callable[..., Any], arguments: tuple[Any, ...]):
        self.f, self.arguments = f, arguments

    def __call__(self, *parts: Any) -> Any:
        return self.f(*map_structure(self.arguments, parts.__getitem__))


class Program:
    """A recorded graph, to be replayed over the rows of a minibatch. Made by `record`.

    It may be used by several threads at once, and pickled (without f, if f cannot be or reads leaves that
    are not pickled with it, such as a module's: then a lane that leaves a guard raises).

    Attributes:
        parameters: the leaves that f captured, in the order in which the graph meets them.
        recorded: the graph as arrays, a `RecordedGraph`.
        examples: the form of each part of the arguments; a number, an array and rectangular lists are one.
        arguments: for each argument the structure of the numbers of its parts.
        form: the form of f's result, see `forms.flatten`.
        shape: the shape of f's result; where it has parts of several shapes, that of all numbers in a row.
        on_guard: what becomes of a lane that takes another branch; see `record`.
        recordings: the branches that were recorded, the example's first.
        eager_rows: how many rows were evaluated eagerly so far.

    Example:
        >>> import autograd_core as ag
        >>> w = ag.Value(2.0)
        >>> program = ag.record(lambda x: w * x * x, 1.0)
        >>> program([3.0, 4.0]).tolist()
        [18.0, 32.0]
        >>> w.data = 10.0
        >>> program([3.0]).tolist()
        [90.0]
    """

    def __init__(
        self,
        f: Callable[..., Any] | None,
        examples: list[Example],
        graph: RecordedGraph,
        form: Any,
        on_guard: str,
        most_recordings: int = 64,
        arguments: tuple[Any, ...] | None = None,
    ):
        self._f = f
        self.examples = examples
        plain = tuple(range(len(examples)))
        self.arguments = plain if arguments is None else arguments
        self._structured = self.arguments != plain  # whether an argument has several parts
        self.recordings = [Recording(graph)]
        self.form = form
        self.shape: tuple[int, ...] = form.shape if isinstance(form, Part) else (len(graph.outputs),)
        self.on_guard = on_guard
        self.most_recordings = most_recordings
        self.eager_rows = 0
        self.leaves = list(graph.parameters)
        self.derived: dict[Any, Program] = {}
        self.last_targets: Any = None  # see `Targets.of`
        self.base: Program | None = None  # whose derivative this is
        self._unpickled = False
        self._other: RecordedGraph | None = None  # a branch that the example took when parameters changed

    @property
    def recorded(self) -> RecordedGraph:
        """The graph of the example."""
        return self.recordings[0].graph

    @property
    def parameters(self) -> list[Value]:
        """The captured leaves. Branches that are recorded later put theirs at the end."""
        return list(self.leaves)

    @property
    def is_copy(self) -> bool:
        """Whether it was unpickled: its parameters are copies then."""
        return self._unpickled

    @property
    def outputs(self) -> int:
        """How many numbers one row gives."""
        return len(self.recorded.outputs)

    # --- running ----------------------------------------------------------------------

    def __call__(self, *batches: Any, block: int = 0, threads: int = 1) -> Any:
        """Evaluate f for every row.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front; for a dict, or
                a list or tuple of several shapes, the same structure of such arrays.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads; the result has the same bits for any number of them.

        Returns:
            An array of shape (lanes, *shape of f's result); without the lanes if f takes no arguments. Where
            f returns a dict, or a list or tuple of several shapes, a structure of such arrays; so it is with
            whatever has the form of the values (`gradient`, cotangents, products, Jacobians).

        Raises:
            What f raises for that row, with its node.
        """
        batches = self.parts(batches)
        if _is_plain(block, threads) and (found := one_row(self, batches, (), False, 1.0)) is not None:
            return self._formed(found[0])
        run = Run(self, batches, block, threads)
        return self._formed(run.shaped(run.values()))

    def value_and_grad(
        self,
        *batches: Any,
        wrt: Any = None,
        gradient: Any = 1.0,
        per_row: bool = False,
        inputs: bool | None = None,
        block: int = 0,
        threads: int = 1,
    ) -> tuple[Any, Any]:
        """Evaluate f for every row, and sum the parameters' gradients over the rows in order.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            wrt: with respect to what, in any structure: an argument by its number (each row has its own
                gradient), a Value or an object array of Values.
            gradient: the gradient of every output to start from, or an array of them with the shape of the
                values.
            per_row: with `wrt`, whether parameters too have a gradient for each row.
            inputs: without `wrt`, whether to return the arguments' own gradients too; by default only if
                there are no parameters.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads; the result has the same bits for any number of them.

        Returns:
            (values, gradients): in the structure of `wrt`, if it is given, else `Gradients`.

        >>> import autograd_core as ag
        >>> w, b = ag.Value(2.0), ag.Value(1.0)
        >>> program = record(lambda x: w * x + b, 1.0)
        >>> values, gradients = program.value_and_grad([1.0, 3.0], wrt={"weight": w, "bias": b, "x": 0})
        >>> gradients["weight"], gradients["bias"], gradients["x"].tolist()
        (4.0, 2.0, [2.0, 2.0])
        """
        import numpy as np

        batches = self.parts(batches)
        everything = tuple(range(len(batches))) if (not self.leaves if inputs is None else inputs) else ()
        if type(gradient) is float and _is_plain(block, threads):
            if wrt is None and (found := one_row(self, batches, everything, True, gradient)) is not None:
                return self._formed(found[0]), Gradients(found[2], self.as_arguments(found[1]))
            if type(wrt) is int and 0 <= wrt < len(self.arguments):
                of_wrt = self.arguments[wrt]
                asked = (of_wrt,) if type(of_wrt) is int else tuple(leaves_of(of_wrt))
                if (found := one_row(self, batches, asked, False, gradient)) is not None:
                    own = dict(zip(asked, found[1], strict=True))
                    return self._formed(found[0]), map_structure(of_wrt, own.__getitem__)
            elif wrt is not None and not per_row and (targets := Targets.of(self, wrt)).parameters:
                found = one_row(self, batches, tuple(targets.inputs), True, gradient)
                if found is not None:
                    own = dict(zip(targets.inputs, found[1], strict=True))
                    return self._formed(found[0]), targets.shaped(own.__getitem__, found[2])
        gradient = self._flat(gradient, "gradient")
        if wrt is not None:
            values, found_ = derivatives.value_and_grad(self, batches, wrt, gradient, per_row, block, threads)
            return self._formed(values), found_
        run = Run(self, batches, block, threads)  # it may record branches, with parameters of their own
        totals = np.zeros(len(self.parameters))
        values, own = run.gradients(everything, run.seeds_of(gradient), 1, totals)
        shaped = tuple(own[k].reshape(run.lanes, *self.examples[k].shape) for k in everything)
        return self._formed(run.shaped(values)), Gradients(totals, self.as_arguments(shaped))

    def sum_value_and_grad(
        self,
        *batches: Any,
        wrt: Any = None,
        gradient: float = 1.0,
        chunk: int = 16_384,
        threads: int = 1,
        executor: Any = None,
    ) -> tuple[Any, Any]:
        """Return the sums of the values and of the parameters' gradients over many rows, chunk by chunk.

        No more than some chunks are in memory: the batches may be files (``np.load(..., mmap_mode="r")``,
        HDF5, Dask arrays). The chunks' sums are added in a fixed tree (`tree_sum`), so that the bits depend
        on the rows and the size of the chunks, and not on threads, processes or machines.

        Args:
            *batches: for each argument of f anything with a length that gives rows by slices.
            wrt: parameters in any structure; by default the list of `parameters`.
            gradient: the gradient of every output to start from: 1 / rows for a mean.
            chunk: rows in a chunk.
            threads: how many threads work at one chunk.
            executor: computes chunks elsewhere, at most 32 at once: a ``ProcessPoolExecutor``, or
                ``client.get_executor()`` of a Dask cluster, which computes again what a lost worker had.

        Returns:
            (values, gradients): the values in the form of f's result, summed over the rows; the gradients in
            the structure of `wrt`.

        Raises:
            ValueError: the batches have different numbers of rows, or `wrt` has an argument, whose gradients
                are not summed.

        >>> import autograd_core as ag
        >>> w = ag.Value(2.0)
        >>> program = record(lambda x: w * x * x, 1.0)
        >>> values, gradients = program.sum_value_and_grad([1.0, 2.0, 3.0], wrt={"w": w}, chunk=2)
        >>> float(values), gradients
        (28.0, {'w': 14.0})
        """
        parts = self.parts(batches)
        values, found = sum_value_and_grad(self, parts, wrt, gradient, chunk, threads, executor)
        return self._formed(values), found

    def backward(self, *batches: Any, gradient: Any = 1.0, block: int = 0, threads: int = 1) -> Any:
        """Do what the eager loop does: add every row's gradient to the parameters' `grad`; return the values.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            gradient: the gradient of every output to start from, or an array of them with the shape of the
                values.
            block: lanes in a block, a multiple of 8; 0 chooses.
            threads: how many threads.

        Returns:
            The values, as a call returns them.
        """
        run = Run(self, self.parts(batches), block, threads)
        totals = gradients_to_vector(self.parameters)
        values = run.sums(totals, run.seeds_of(self._flat(gradient, "gradient")))
        vector_to_gradients(totals, self.parameters)
        return self._formed(run.shaped(values))

    # --- derivatives ------------------------------------------------------------------

    def vjp(
        self, *batches_and_cotangents: Any, wrt: Any = None, per_row: bool = False, threads: int = 1
    ) -> tuple[Any, Any]:
        """Return the values and the vector-Jacobian products u^T J, one reverse pass for each seed.

        Args:
            *batches_and_cotangents: the batches, and last u: an array of the shape of the values, or of
                several such, with one more axis in front.
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.
            per_row: whether parameters have a product for each row; else they are summed over the rows.
            threads: how many threads.

        Returns:
            (values, products) in the structure of `wrt`; with several seeds their axis stands in front.

        >>> program = record(lambda x: [x[0] * x[1], x[0]], [1.0, 1.0])
        >>> values, products = program.vjp([[2.0, 3.0]], [[1.0, 10.0]])
        >>> products.tolist()
        [[13.0, 2.0]]
        """
        batches, cotangents = self._with_last(batches_and_cotangents, "u, of the form of the values")
        cotangents = self._flat(cotangents, "cotangents")
        values, products = derivatives.vjp(self, batches, cotangents, wrt, per_row, threads)
        return self._formed(values), products

    def jacobian(
        self, *batches: Any, wrt: Any = None, values: bool = False, sparse: bool = False, threads: int = 1
    ) -> Any:
        """Return every row's Jacobian: one forward pass, and a reverse pass for each output.

        Where nodes are shared by outputs, contributions are added in the order of a sweep from all outputs.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.
            values: whether to return (values, Jacobian).
            sparse: whether to return scipy.sparse arrays, found by as few passes as the pattern allows.
            threads: how many threads.

        Returns:
            In the structure of `wrt`, arrays of shape (lanes, shape of f's result, shape of the argument);
            without the last part for a Value, without the lanes if f takes no arguments. If sparse, a list
            of matrices, one for each row: an output's derivatives with respect to all numbers of `wrt` in a
            row; of one pattern, that of `sparsity`, except for rows off the recorded branches.

        >>> program = record(lambda x: [x[0] * x[1], x[0]], [1.0, 1.0])
        >>> program.jacobian([[2.0, 3.0]]).tolist()
        [[[3.0, 2.0], [1.0, 0.0]]]
        """
        parts = self.parts(batches)
        if sparse:
            matrices = sparse_jacobian(self, parts, wrt, higher.jvp)
            return (self(*batches), matrices) if values else matrices
        numbers, found = derivatives.jacobian(self, parts, wrt, threads)
        if not isinstance(self.form, Part):
            axis = 1 if self.examples else 0
            blocks = found
            found = map_structure(
                self.form,
                lambda part: map_structure(blocks, lambda block: split(part, block, axis)),
            )
        return (self._formed(numbers), found) if values else found

    def jvp(self, *batches_and_tangents: Any, wrt: Any = None) -> tuple[Any, Any]:
        """Return the values and the Jacobian-vector products J v, by forward mode.

        Args:
            *batches_and_tangents: the batches, and last v in the structure of `wrt`: for an argument an array
                of its batch's shape, for parameters of theirs, the same for every row; with one more axis in
                front for several v.
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.

        Returns:
            (values, products), both of the values' shape; with several v their axis stands in front.

        >>> program = record(lambda x: [x[0] * x[1], x[0]], [1.0, 1.0])
        >>> values, products = program.jvp([[2.0, 3.0]], [[1.0, 10.0]])
        >>> products.tolist()
        [[23.0, 1.0]]
        """
        batches, tangents = self._with_last(batches_and_tangents, "v, of the form of wrt")
        values, products = higher.jvp(self, batches, tangents, wrt)
        return self._formed(values), self._formed(products)

    def hvp(self, *batches_and_vectors: Any, wrt: Any = None, per_row: bool = False) -> Any:
        """Return the products of the Hessian and v, without the Hessian.

        Args:
            *batches_and_vectors: the batches, and last v, as in `jvp`.
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.
            per_row: whether parameters have a product for each row; else they are summed over the rows.

        Returns:
            H v in the structure of `wrt`; with several v their axis stands in front.

        Raises:
            ValueError: f returns several numbers.

        >>> program = record(lambda x: x[0] ** 2 * x[1], [1.0, 1.0])
        >>> program.hvp([[3.0, 5.0]], [[1.0, 0.0]]).tolist()
        [[10.0, 6.0]]
        """
        batches, vectors = self._with_last(batches_and_vectors, "v, of the form of wrt")
        return higher.hvp(self, batches, vectors, wrt, per_row)

    def hessian(self, *batches: Any, wrt: Any = None, sparse: bool = False) -> Any:
        """Return every row's matrix of second derivatives.

        Args:
            *batches: for each argument of f an array with one more axis, the lanes, in front.
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.
            sparse: whether to return a list of scipy.sparse arrays, one for each row, over all numbers of
                `wrt`.

        Returns:
            In the structure of `wrt`, and within that again in it, arrays of shape
            ``(lanes, *shape, *shape)``.

        Raises:
            ValueError: f returns several numbers.

        >>> program = record(lambda x: x[0] ** 2 * x[1], [1.0, 1.0])
        >>> program.hessian([[3.0, 5.0]]).tolist()
        [[[10.0, 6.0], [6.0, 0.0]]]
        """
        return higher.hessian(self, self.parts(batches), wrt, sparse)

    def sparsity(self, wrt: Any = None) -> Any:
        """Return which outputs can depend on which numbers, in any recorded branch.

        Args:
            wrt: with respect to what, as in `value_and_grad`; by default the argument, or a tuple of all.

        Returns:
            A scipy.sparse.csr_array of bool, shape (outputs, numbers).

        >>> record(lambda x: [x[0] * x[1], x[2]], [1.0, 1.0, 1.0]).sparsity().toarray().astype(int).tolist()
        [[1, 1, 0], [0, 0, 1]]
        """
        return sparsity(self, wrt)

    # --- looking ----------------------------------------------------------------------

    def stats(self) -> ProgramStatistics:
        """Return the size of the Program."""
        found = self.recordings[0].tape(True).tape.stats()
        graph = self.recorded
        return ProgramStatistics(
            nodes=len(graph),
            live=found["nodes"],
            instructions=found["instructions"],
            dots=found["dots"],
            layers=found["layers"],
            shared=found["shared"],
            parameters=len(graph.parameters),
            inputs=graph.inputs,
            outputs=len(graph.outputs),
            guards=len(graph.guards),
            lanes=found["block"],
            tape_bytes=found["bytes"],
            block_bytes=found["block_bytes"],
        )

    def explain(self) -> str:
        """Return in words what is compiled and what is not, and why: read it where a Program is slow.

        >>> import autograd_core as ag
        >>> program = record(lambda x: ag.lgamma(x) if x > 1.0 else x, 2.0)
        >>> print(program.explain().partition("\\n")[2])
        computed by Python, node by node and row by row, on one thread: lgamma (1)
        one branch is recorded; rows of others are evaluated eagerly, by calling the function
        """
        return explain(self)

    def graph(self, *row: Any) -> Any:
        """Return the graph of one row as Values, to look at, to draw or to differentiate.

        Its nodes have the scopes and labels that they had when they were recorded.

        Args:
            *row: the arguments of one lane; by default the examples.

        Returns:
            What f returned: a Value, or nested lists of them. Parameters are the captured Values themselves.
        """
        parts = (
            [e.row(part) for e, part in zip(self.examples, self.parts(row), strict=True)]
            if row
            else [e.numbers for e in self.examples]
        )
        nodes = self.recorded.rebuild([Value(x) for part in parts for x in part])
        outputs = [nodes[i] for i in self.recorded.outputs.tolist()]
        return map_structure(self.form, lambda part: arrange(outputs[part.place], part.shape))

    def to_c(self, name: str = "program") -> str:
        """Return C99 text of the Program: `NAME_value` and `NAME_gradient`, straight-line code for one lane.

        Compiled with ``-ffp-contract=off`` it gives the Program's bits. A loop is written step by step; a row
        that leaves a recorded branch is told by the result 1.

        Args:
            name: what the functions' names start with.

        Raises:
            RecordingError: an operation has no C text.
        """
        from .c_text import c_text

        return c_text(unrolled(self.recorded), name)

    def __repr__(self) -> str:
        graph = self.recorded
        return f"<Program of {len(graph)} nodes, {len(graph.parameters)} parameters, {graph.inputs} inputs>"

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "derived": {}, "last_targets": None}
        if not self._can_pickle_function():
            state["_f"] = None
        return state

    def _can_pickle_function(self) -> bool:
        """Try it; a function that holds this Program (a model that keeps its own) asks this again."""
        if id(self) in (under_way := vars(_pickled).setdefault("programs", set())):
            return True
        try:
            under_way.add(id(self))
            return _picklable(self._f)
        finally:
            under_way.discard(id(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        graph = state["recordings"][0].graph
        made_now = vars(Program(None, [], graph, None, "eager")), {f.name for f in fields(graph)}
        if made_now[0].keys() != state.keys() or not made_now[1] <= vars(graph).keys():
            raise ValueError(
                "this Program was pickled by another version of autograd_core, which kept other things "
                "of it: record it again"
            )
        self.__dict__.update(state)
        self._unpickled = True

    # --- within ----------------------------------------------------------------------

    def parts(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Return the parts of what has the form of the arguments, such as batches."""
        if len(arguments) != len(self.arguments):
            raise TypeError(
                f"the recorded function takes {len(self.arguments)} arguments, not {len(arguments)}"
            )
        if not self._structured:
            return tuple(arguments)
        pairs: list[tuple[int, Any]] = []
        for k, both in enumerate(zip(self.arguments, arguments, strict=True), 1):
            zip_structures(*both, f"argument {k} of {len(arguments)}", pairs)
        return tuple(part for _, part in pairs)

    def of_parts(self) -> Program:
        """Return this Program with its parts for arguments."""
        if not self._structured:
            return self
        other = Program.__new__(Program)
        vars(other).update(vars(self), arguments=tuple(range(len(self.examples))), _structured=False)
        return other

    def as_arguments(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        """Return in the form of the arguments what there is for each part; nothing for no parts."""
        found: tuple[Any, ...] = map_structure(self.arguments, parts.__getitem__) if parts else ()
        return found

    def _with_last(self, given: Sequence[Any], what: str) -> tuple[Sequence[Any], Any]:
        if len(given) != len(self.arguments) + 1:
            raise TypeError(
                f"the batches of {len(self.arguments)} arguments are wanted and behind them {what}; "
                f"{len(given)} were given"
            )
        return self.parts(given[:-1]), given[-1]

    def _formed(self, array: Any) -> Any:
        """Return numbers that one row gives, along the last axis, in the form of f's result."""
        return array if isinstance(self.form, Part) else split(self.form, array)

    def _flat(self, structure: Any, what: str) -> Any:
        """Return what has the form of the values as one array; a number as it is."""
        if isinstance(self.form, Part) or not isinstance(structure, (dict, list, tuple)):
            return structure
        return join(self.form, structure, what)

    def eager(self, row: Sequence[Any], leaves: list[Value]) -> list[Value]:
        """Return the outputs for one lane as an eager graph.

        Args:
            row: the arguments, made of the leaves.
            leaves: the Values in them.

        Raises:
            RecordingError: the row takes another branch, and f was lost by pickling.
        """
        if self._f is not None:
            with derivative_graphs():
                values, form = flatten(self._f(*row))
            if not same_form(form, self.form):
                raise RecordingError(
                    f"this row gives a result of the form {form}, the recorded one has {self.form}"
                )
            return values
        nodes = self.recorded.rebuild(leaves)
        if self.recorded.broken_guard(nodes) is not None:
            raise RecordingError(
                "a row takes another branch than the recorded example, and this Program has lost its "
                "function by pickling or copying"
            )
        return [nodes[i] for i in self.recorded.outputs.tolist()]

    def places(self, recording: Recording) -> Any:
        """Return for each parameter of a recording its place in `parameters`, an array."""
        import numpy as np

        place = {id(parameter): k for k, parameter in enumerate(self.leaves)}
        return np.array([place[id(p)] for p in recording.graph.parameters], dtype=np.intp)

    def record_alike(self, f: Callable[..., Any], examples: Sequence[Any]) -> Program:
        """Record another function, with what this Program does about other branches."""
        return record(f, *examples, on_guard=self.on_guard, most_recordings=self.most_recordings)

    def graph_of_row(self, row: Sequence[Sequence[float]], quiet: bool = True) -> RecordedGraph | None:
        """Return the graph of the branch that a row takes, without keeping it; None if that is impossible.

        What f raises for the row is raised unless `quiet`.
        """
        if self._f is None:
            return None
        try:
            graph, form = capture(self._f, [e.at(part) for e, part in zip(self.examples, row, strict=True)])
        except Exception as error:  # evaluating the row eagerly raises it in its turn
            if quiet or isinstance(error, RecordingError):
                return None
            raise
        return graph if same_form(form, self.form) else None

    def record_row(self, row: Sequence[Sequence[float]]) -> bool:
        """Record the branch that a row takes; tell whether that was possible.

        Args:
            row: for each argument its numbers.
        """
        if len(self.recordings) >= self.most_recordings or (graph := self.graph_of_row(row)) is None:
            return False
        with _recording:
            known = {id(parameter) for parameter in self.leaves}
            self.leaves += [p for p in graph.parameters if id(p) not in known]
            self.recordings.append(Recording(graph))
        return True

    def refuse_changed_function(self) -> None:
        """Record the example once more, before f is called for a row: rows must not mix two states of f.

        Where parameters have changed so that the example takes a branch that is not known, there is nothing
        to compare with; what f does there is compared from then on.

        A function that was found again by its name after pickling, and that reads other leaves than our
        copies of them, is dropped.

        Raises:
            RecordingError: f gives another graph than the recorded one.
        """
        if self._f is None:
            return
        if stale([node for node, _ in self.recorded.captured]):
            raise RecordingError(
                "a row is evaluated with the function itself, which uses nodes computed before it was "
                "recorded, from numbers that have been assigned since: compute them inside the function"
            )
        try:
            found, _ = capture(self._f, self.examples)
        except Exception:
            if self._unpickled or self._example_fits() == FITS:
                raise
            return  # it is the parameters, as they are now, that make f raise for the example
        if self._unpickled:
            mine = {id(parameter) for parameter in self.parameters}
            if any(id(parameter) not in mine for parameter in found.parameters):
                self._f = None
                return
        path = found.path()
        known = [graph for graph in (*(r.graph for r in self.recordings), self._other) if graph is not None]
        alike = next((graph for graph in known if graph.path() == path), None)
        if alike is None and self._example_fits() == LEAVES_A_GUARD:
            self._other = found
        elif found.fingerprint() != (alike or self.recorded).fingerprint():
            raise RecordingError(
                "a row takes another branch than the recorded example, or is not finite, and the function is "
                "no longer what was recorded: it reads plain numbers that have changed since, or that it "
                "draws anew each time. Record it again, or give these numbers as arguments or as Values"
            )

    def _example_fits(self) -> int:
        """Tell whether what the example recorded serves it with the parameters as they are."""
        example = [e.one_row(e.numbers) for e in self.examples]
        found: int = Run(self, example, dispatch=False).fits(self.recordings[0], [0])[0]
        return found


def _is_plain(block: Any, threads: Any) -> bool:
    return type(block) is type(threads) is int and block == 0 and threads == 1


_pickled = threading.local()
_recording = threading.Lock()


def _picklable(f: Any) -> bool:
    import pickle

    try:
        pickle.dumps(f)
    except Exception:  # objects raise whatever they like
        return False
    return True
