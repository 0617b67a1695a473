"""Sparse Jacobians: where they are not 0, and how few sweeps find all of it.

The pattern is read off the graph: entry (i, k) can be other than 0 only where a path leads from output i down
to input k. Columns that share no row can be found together, by one product J v with v the sum of their unit
vectors (Curtis, Powell and Reid 1974); which ones, a greedy colouring tells. Likewise rows that share no
column, by one product J^T u. A row that is dense itself would keep all columns apart: such rows are found one
at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Compression", "colours", "compress", "entries", "pattern"]


def pattern(
    counts: Sequence[int],
    parents: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    choices: Sequence[bool] | None = None,
) -> Any:
    """Return which outputs of a graph depend on which inputs.

    Args:
        counts: how many parents each node has, the nodes in topological order (as `Walk` lists them).
        parents: their positions, node after node.
        inputs: the positions of the inputs, which are leaves; -1 for one that is not in the graph.
        outputs: the positions of the outputs.
        choices: for each node whether it is a `where`, whose first parent only chooses: no derivative comes
            through that.

    Returns:
        (starts, columns): row i of the pattern is columns[starts[i] : starts[i + 1]], rising.
    """
    import numpy as np

    sets: list[frozenset[int] | None] = [None] * len(counts)
    for k, place in enumerate(inputs):
        if place >= 0:
            sets[place] = frozenset((k,))
    start = 0
    for i, count in enumerate(counts):
        if count:
            first = start + 1 if choices is not None and choices[i] else start
            below = {found for parent in parents[first : start + count] if (found := sets[parent])}
            sets[i] = below.pop() if len(below) == 1 else frozenset().union(*below)
            start += count
    rows = [sorted(sets[place] or ()) for place in outputs]
    starts = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    return starts, np.array([k for row in rows for k in row], dtype=np.int64)


@dataclass(frozen=True)
class Compression:
    """How to find a sparse matrix by few products.

    Attributes:
        transposed: whether rows are found together and columns one at a time; else the other way round.
        colour: for each row (column) the number of the product by which it is found, shape (rows,) or
            (columns,); -1 for one that has no entry, or none outside `lines`.
        lines: columns (rows) that are found one at a time.
    """

    transposed: bool
    colour: Any
    lines: list[int]

    @property
    def products(self) -> int:
        """How many products with the matrix or its transpose are made."""
        return len(self.lines) + int(self.colour.max(initial=-1)) + 1


def compress(starts: Any, columns: Any, width: int) -> Compression:
    """Choose how to find the entries of a pattern by few products.

    Args:
        starts: where each row begins, shape (rows + 1,).
        columns: the columns of each row, row after row.
        width: how many columns there are.

    Returns:
        A `Compression`: of columns or of rows, whichever promises fewer products.

    >>> import numpy as np
    >>> compress(np.array([0, 2, 4, 6]), np.array([0, 1, 1, 2, 0, 2]), 3).products
    3
    """
    import numpy as np

    height = len(starts) - 1
    rows = np.repeat(np.arange(height), np.diff(starts))
    least_by_columns, most_in_row = _least_products(np.diff(starts))
    least_by_rows, most_in_column = _least_products(np.bincount(columns, minlength=width))
    transposed = least_by_rows <= least_by_columns
    lines, items = (columns, rows) if transposed else (rows, columns)
    sizes = np.bincount(lines, minlength=width if transposed else height)
    dense = np.flatnonzero(sizes > (most_in_column if transposed else most_in_row))
    kept = ~np.isin(lines, dense)
    colour = colours(lines[kept], items[kept], height if transposed else width)
    return Compression(transposed, np.array(colour, dtype=np.int64), dense.tolist())


def _least_products(sizes: Any) -> tuple[int, int]:
    """Return the least number of products to expect, and the size from which a line is found by itself.

    Lines of at most b entries need b colours at least; each longer one needs a product of its own.
    """
    import numpy as np

    ordered = np.sort(sizes)
    bounds = np.unique(np.append(ordered, 0))
    longer = len(ordered) - np.searchsorted(ordered, bounds, side="right")
    best = int(np.argmin(bounds + longer))
    return int(bounds[best] + longer[best]), int(bounds[best])


def colours(lines: Any, items: Any, count: int) -> list[int]:
    """Give items that meet in a line different colours, greedily in their order.

    Args:
        lines: the line of each entry.
        items: the item of each entry.
        count: how many items there are.

    Returns:
        The colour of each item, from 0; -1 for one that is in no line.
    """
    import numpy as np

    order = np.argsort(items, kind="stable")
    met = lines[order].tolist()
    ends = np.cumsum(np.bincount(items, minlength=count)).tolist()
    taken: dict[int, set[int]] = {}  # by line
    result, start = [], 0
    for end in ends:
        sets = [taken.setdefault(line, set()) for line in met[start:end]]
        colour = 0 if sets else -1
        while any(colour in used for used in sets):
            colour += 1
        for used in sets:
            used.add(colour)
        result.append(colour)
        start = end
    return result


def entries(
    starts: Any,
    columns: Any,
    compression: Compression,
    times: Callable[[list[int]], Sequence[float]],
    times_turned: Callable[[list[int]], Sequence[float]],
) -> Any:
    """Return the numbers at the places of a pattern.

    Args:
        starts: where each row begins, shape (rows + 1,).
        columns: the columns of each row, row after row.
        compression: how to find them.
        times: returns the sum of some columns of the matrix, shape (rows,).
        times_turned: returns the sum of some rows, shape (columns,).

    Returns:
        An array of float64, one number for each of `columns`.
    """
    import numpy as np

    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    lines, items = (columns, rows) if compression.transposed else (rows, columns)
    sum_of_lines, sum_of_items = (times, times_turned) if compression.transposed else (times_turned, times)
    numbers = np.zeros(len(columns))
    colour = compression.colour[items]
    for number in range(int(compression.colour.max(initial=-1)) + 1):
        product = np.asarray(sum_of_items(np.flatnonzero(compression.colour == number).tolist()))
        places = np.flatnonzero(colour == number)
        numbers[places] = product[lines[places]]
    for line in compression.lines:  # where the sums above are mixed
        product = np.asarray(sum_of_lines([line]))
        places = np.flatnonzero(lines == line)
        numbers[places] = product[items[places]]
    return numbers
