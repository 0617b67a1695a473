"""Sums over many rows, chunk by chunk: of files larger than memory, by threads, processes and clusters.

A chunk's sums are those of its rows in order. The chunks' sums are added in a fixed tree: neighbours
first, then neighbouring pairs, and so on. So the bits depend on the rows and the size of the chunks alone,
and not on who computed which chunk, or when. Beside the chunks at work one sum for each level is kept.
"""

from __future__ import annotations

import pickle
import reprlib
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..arguments import whole_number
from ..arrays import real_array
from ..engine.value import Value
from ..errors import RecordingError
from ..structures import leaves_of
from .wrt import Targets

if TYPE_CHECKING:
    from .program import Program

_NO_ROWS = (str, bytes, dict, set)
_AHEAD = 32  # chunks that are sent to an executor before the first result is waited for


def tree_sum(parts: Iterable[Any]) -> Any:
    """Add arrays in a fixed tree: neighbours first, then neighbouring pairs, and so on.

    The bits of the sum depend on the parts and their order alone. The rounding error grows with the logarithm
    of their number, and so does the memory: one sum for each level of the tree.

    Args:
        parts: numbers, Values, or arrays of one shape; lists are made arrays.

    Returns:
        The sum, a number or an array of that shape.

    Raises:
        TypeError: a part is no number and no array of numbers.
        ValueError: there are none, or they have several shapes.

    >>> tree_sum([0.1, 0.2, 0.3, 0.4]) == (0.1 + 0.2) + (0.3 + 0.4)
    True
    """
    return _tree_sum(map(_Summands(), parts))


class _Summands:
    """Looks at parts one by one: a list has a + of its own, which appends."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] | None = None

    def __call__(self, part: Any) -> Any:
        of_values = getattr(getattr(part, "dtype", None), "kind", "") == "O"
        if not of_values and not isinstance(part, (int, float, Value)):
            part = real_array(part, "a part of tree_sum")
        shape = getattr(part, "shape", ())
        if self.shape not in (None, shape):
            raise ValueError(f"the parts of a sum have one shape, not {self.shape} and {shape}")
        self.shape = shape
        return part


def _tree_sum(parts: Iterable[Any]) -> Any:
    sums: list[tuple[int, Any]] = []  # of 2**level parts each, the levels falling
    for part in parts:
        level = 0
        while sums and sums[-1][0] == level:
            part = sums.pop()[1] + part
            level += 1
        sums.append((level, part))
    if not sums:
        raise ValueError("tree_sum: there is nothing to add up")
    total = sums.pop()[1]
    while sums:
        total = sums.pop()[1] + total
    return total


def sum_value_and_grad(
    program: Program,
    batches: Sequence[Any],
    wrt: Any,
    gradient: float,
    chunk: int,
    threads: int,
    executor: Any,
) -> tuple[Any, Any]:
    """See `Program.sum_value_and_grad`."""
    import numpy as np

    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(
            "executor has a method submit, as ProcessPoolExecutor and a Dask client's get_executor() have; "
            f"{reprlib.repr(executor)} has none"
        )
    rows = _rows_of(program, batches)
    chunk = whole_number("chunk", chunk, 1)
    wrt = program.parameters if wrt is None else wrt
    if Targets(program, wrt).inputs:
        raise ValueError(
            "an argument has a gradient for each row, and no sum: value_and_grad(..., wrt=...) on some rows"
        )
    bounds = ((start, min(start + chunk, rows)) for start in range(0, rows, chunk))
    if (seed := real_array(gradient, "gradient")).ndim:
        raise ValueError(f"gradient is one number for all rows here, not an array of shape {seed.shape}")
    work = _Chunk(program, float(seed), threads)
    results = _mapped(executor, work, ([batch[a:b] for batch in batches] for a, b in bounds))
    values, sums = np.zeros(program.outputs), np.zeros(0)
    if rows:
        values, sums = _tree_sum(map(_Sums, results)).parts
    totals = np.zeros(len(program.parameters))  # some may have been found in the last chunks
    totals[: len(sums)] = sums
    targets = Targets(program, wrt)
    return values.reshape(program.shape)[()], targets.shaped(_no_input, totals)


def _no_input(k: int) -> Any:
    raise AssertionError(k)


class _Sums:
    """Arrays that are added one by one; a shorter one ends in zeros."""

    def __init__(self, parts: Sequence[Any]):
        self.parts = list(parts)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums([_padded_sum(a, b) for a, b in zip(self.parts, other.parts, strict=True)])


def _padded_sum(a: Any, b: Any) -> Any:
    import numpy as np

    total = np.zeros(max(len(a), len(b)))
    total[: len(a)] = a
    total[: len(b)] += b
    return total


class _Chunk:
    """What is done to a chunk, here or in another process, which is sent the Program with each chunk."""

    def __init__(self, program: Program, gradient: float, threads: int):
        self.program, self.gradient, self.threads = program, gradient, threads
        self.known = len(program.parameters)
        self.number = uuid.uuid4().hex

    @cached_property
    def pickled(self) -> bytes:
        """The Program, pickled once for all chunks."""
        return pickle.dumps((self.program, self.gradient, self.threads))

    def __reduce__(self) -> Any:
        return _arrived, (self.number, self.pickled)

    def __call__(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return the sum of the values, shape (outputs,), and that of the parameters' gradients."""
        import numpy as np

        program = self.program
        pairs = zip(program.examples, parts, strict=True)
        arrays = [np.ascontiguousarray(real_array(part, example.name)) for example, part in pairs]
        values, gradients = program.value_and_grad(
            *program.as_arguments(arrays), gradient=self.gradient, inputs=False, threads=self.threads
        )
        if program.is_copy and len(program.parameters) > self.known:
            raise RecordingError(
                "a row takes a branch that is recorded in another process alone, and that depends on Values "
                "which are not known here: let the recorded example reach every parameter"
            )
        flat = [np.reshape(part, (len(arrays[0]), -1)) for part in leaves_of(values)]
        return np.add.accumulate(np.concatenate(flat, axis=1))[-1], gradients.parameters


_known: dict[str, _Chunk] = {}  # in a worker: its tapes are compiled once, not for each chunk


def _arrived(number: str, pickled: bytes) -> _Chunk:
    found = _known.get(number)
    if found is None:
        found = _Chunk(*pickle.loads(pickled))
        _known.clear()
        _known[number] = found
    return found


def _rows_of(program: Program, batches: Sequence[Any]) -> int:
    if not program.examples:
        raise TypeError("a function without arguments has no rows")
    for example, batch in zip(program.examples, batches, strict=True):
        if not hasattr(batch, "__len__") or not hasattr(batch, "__getitem__") or isinstance(batch, _NO_ROWS):
            raise TypeError(
                f"{example.name} gives no rows by slices, as arrays, lists and memory-mapped files do: "
                f"{reprlib.repr(batch)}"
            )
    counts = [len(batch) for batch in batches]
    if len(set(counts)) > 1:
        raise ValueError(f"the batches have different numbers of rows: {counts}")
    return counts[0]


def _mapped(executor: Any, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Return the results in order, a bounded number of them under way."""
    if executor is None:
        yield from map(work, items)
        return
    pending: deque[Any] = deque()
    try:
        for item in items:
            pending.append(executor.submit(work, item))
            if len(pending) >= _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
