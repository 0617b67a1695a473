"""Sparse Jacobians and Hessians: where they are not 0, and how few sweeps find all of it.

The pattern is read off the graph: entry (i, k) can be other than 0 only where a path leads from output i down
to input k. Columns that share no row can be found together, by one product J v with v the sum of their unit
vectors (Curtis, Powell and Reid 1974); which ones, a greedy coloring tells. Likewise rows that share no
column, by one product J^T u. A row that is dense itself would keep all columns apart: such rows are found one
at a time.

Of a symmetric matrix an entry may be read at (i, j) or at (j, i). It is enough that neighbours differ in
color, and that no path of four has two colors only: a star coloring (Coleman and More 1984; Gebremedhin,
Tarafdar, Manne and Pothen 2007).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


def csr_array() -> Any:
    """Return SciPy's class of sparse matrices.

    Raises:
        ImportError: SciPy is not installed.
    """
    try:
        from scipy.sparse import csr_array
    except ImportError:
        raise ImportError("sparse matrices need SciPy: pip install 'autograd-core[sparse]'") from None
    return csr_array


def pattern(
    counts: Sequence[int],
    parents: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    silent: Sequence[int] | None = None,
) -> Any:
    """Return which outputs of a graph depend on which inputs.

    Args:
        counts: how many parents each node has, the nodes in topological order (as `Walk` lists them).
        parents: their positions, node after node.
        inputs: the positions of the inputs, which are leaves; -1 for one that is not in the graph.
        outputs: the positions of the outputs.
        silent: for each node how many of its parents, from the first, no derivative ever comes through: the
            condition of a `where`, the operand of a `floor`.

    Returns:
        (starts, columns): row i of the pattern is columns[starts[i] : starts[i + 1]], rising.
    """
    import numpy as np

    silent = silent if silent is not None else [0] * len(counts)
    uses, start = [0] * len(counts), 0  # how often each node is still asked for
    for i, count in enumerate(counts):
        for parent in parents[start + silent[i] : start + count]:
            uses[parent] += 1
        start += count
    for place in outputs:
        uses[place] += 1
    sets: list[_Inputs | None] = [None] * len(counts)
    for k, place in enumerate(inputs):
        if place >= 0:
            sets[place] = _Inputs({k})
    start = 0
    for i, count in enumerate(counts):
        if count:
            below: dict[int, _Inputs] = {}
            for parent in parents[start + silent[i] : start + count]:
                found = sets[parent]
                if found is not None:
                    below[id(found)] = found
                    uses[parent] -= 1
                    if not uses[parent]:
                        found.holders -= 1
                        sets[parent] = None
            if below and uses[i]:
                sets[i] = _union(list(below.values()))
            start += count
    listed = [sets[place] for place in outputs]
    rows = [sorted(found.numbers) if found is not None else [] for found in listed]
    starts = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    return starts, np.array([k for row in rows for k in row], dtype=np.int64)


class _Inputs:
    """The inputs that a node depends on, and how many nodes hold this set: one that none holds may grow."""

    __slots__ = ("holders", "numbers")

    def __init__(self, numbers: set[int]):
        self.numbers, self.holders = numbers, 1


def _union(sets: list[_Inputs]) -> _Inputs:
    """Return the union for one more node. A sum of many terms, added one by one, grows one set."""
    found = sets[0]
    if len(sets) > 1:
        free = [one for one in sets if not one.holders]
        found = max(free, key=lambda one: len(one.numbers)) if free else _Inputs(set())
        if not free:
            found.holders = 0
        found.numbers.update(*(one.numbers for one in sets if one is not found))
    found.holders += 1
    return found


@dataclass(frozen=True)
class Product:
    """One product with a matrix or its transpose, and what it tells.

    Attributes:
        transposed: whether it is a sum of rows; else of columns.
        group: the rows (columns) in the sum.
        entries: the places in the pattern of the entries that it tells.
        at: where in the product each of them stands.
    """

    transposed: bool
    group: Any
    entries: Any
    at: Any


@dataclass(frozen=True)
class Compression:
    """How to find a sparse matrix by few products.

    Attributes:
        transposed: whether rows are found together and columns one at a time; else the other way round.
        color: for each row (column) the number of the product by which it is found, shape (rows,) or
            (columns,); -1 for one that has no entry, or none outside `lines`.
        lines: columns (rows) that are found one at a time.
        symmetric: whether the colors are of a star coloring: an entry is read in its row's product, or,
            where that mixes it with others, at its mirror image.
    """

    transposed: bool
    color: Any
    lines: list[int]
    symmetric: bool = False

    @property
    def products(self) -> int:
        """How many products with the matrix or its transpose are made at most."""
        return len(self.lines) + int(self.color.max(initial=-1)) + 1

    def plan(self, starts: Any, columns: Any) -> list[Product]:
        """Return the products that find all entries of the pattern; later ones overwrite earlier ones.

        Args:
            starts: where each row begins, shape (rows + 1,).
            columns: the columns of each row, row after row.
        """
        import numpy as np

        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        lines, items = (columns, rows) if self.transposed else (rows, columns)
        if self.symmetric:
            mixed = _mixed(rows, columns, self.color)
            lines, items = np.where(mixed, items, lines), np.where(mixed, lines, items)
        number = int(self.color.max(initial=-1)) + 1
        groups, entries = _by_number(self.color, number), _by_number(self.color[items], number)
        found = [
            Product(self.transposed, group, places, lines[places])
            for group, places in zip(groups, entries, strict=True)
            if len(places)
        ]
        for line in self.lines:  # where the sums above are mixed
            places = np.flatnonzero(lines == line)
            found.append(Product(not self.transposed, np.array([line]), places, items[places]))
        return found


def _by_number(numbers: Any, count: int) -> list[Any]:
    """Return for each number below `count` the places where it stands."""
    import numpy as np

    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(count + 1))
    return [order[start:stop] for start, stop in itertools.pairwise(bounds)]


def _mixed(rows: Any, columns: Any, color: Any) -> Any:
    """Tell which entries (i, j) the sum of the rows of i's color gives mixed with others.

    Args:
        rows: the row of each entry of the pattern.
        columns: their columns.
        color: a star coloring of the pattern and its mirror image.
    """
    import numpy as np

    n, number = len(color), int(color.max(initial=-1)) + 1
    edges = np.unique(np.concatenate([rows * n + columns, columns * n + rows]))
    key = edges % n * number + color[edges // n]  # a place in a product
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    mixed = count[place] > 1
    return mixed[np.searchsorted(edges, rows * n + columns)]


def compress(starts: Any, columns: Any, width: int, symmetric: bool = False) -> Compression:
    """Choose how to find the entries of a pattern by few products.

    Args:
        starts: where each row begins, shape (rows + 1,).
        columns: the columns of each row, row after row.
        width: how many columns there are.
        symmetric: whether the matrix is known to be symmetric.

    Returns:
        A `Compression`: of columns, of rows or, if it is symmetric, by a star coloring, whichever takes the
        fewest products.

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
    color = colors(lines[kept], items[kept], height if transposed else width)
    found = Compression(transposed, np.array(color, dtype=np.int64), dense.tolist())
    if symmetric and found.products > 2:
        by_stars = Compression(True, np.array(star_colors(rows, columns, width), dtype=np.int64), [], True)
        if by_stars.products < found.products:
            return by_stars
    return found


def _least_products(sizes: Any) -> tuple[int, int]:
    """Return the least number of products to expect, and the size from which a line is found by itself.

    Lines of at most b entries need b colors at least; each longer one needs a product of its own.
    """
    import numpy as np

    ordered = np.sort(sizes)
    bounds = np.unique(np.append(ordered, 0))
    longer = len(ordered) - np.searchsorted(ordered, bounds, side="right")
    best = int(np.argmin(bounds + longer))
    return int(bounds[best] + longer[best]), int(bounds[best])


def colors(lines: Any, items: Any, count: int) -> list[int]:
    """Give items that meet in a line different colors, greedily in their order.

    Args:
        lines: the line of each entry.
        items: the item of each entry.
        count: how many items there are.

    Returns:
        The color of each item, from 0; -1 for one that is in no line.
    """
    import numpy as np

    order = np.argsort(items, kind="stable")
    met = lines[order].tolist()
    ends = np.cumsum(np.bincount(items, minlength=count)).tolist()
    taken: dict[int, set[int]] = {}  # by line
    result, start = [], 0
    for end in ends:
        sets = [taken.setdefault(line, set()) for line in met[start:end]]
        color = 0 if sets else -1
        while any(color in used for used in sets):
            color += 1
        for used in sets:
            used.add(color)
        result.append(color)
        start = end
    return result


def star_colors(rows: Any, columns: Any, count: int) -> list[int]:
    """Color a graph so that neighbours differ and every path of four vertices has three colors at least.

    Greedily, first in the vertices' order, and then from those of most neighbours to those of fewest; the
    better of both. It takes time proportional to the entries times the colors.

    Args:
        rows: the row of each entry of a symmetric matrix; mirror images may be left out.
        columns: their columns.
        count: how many rows there are.

    Returns:
        The color of each row, from 0; -1 for one that has no entry.

    >>> star_colors([0, 1, 2], [1, 2, 3], 4)  # 0 - 1 - 2 - 3
    [0, 1, 0, 2]
    """
    import numpy as np

    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    edges = np.unique(np.concatenate([rows * count + columns, columns * count + rows]))
    one, other = np.divmod(edges, count)
    filled = np.zeros(count, dtype=bool)
    filled[one] = True
    one, other = one[one != other], other[one != other]
    degrees = np.bincount(one, minlength=count)
    bounds = np.concatenate([[0], np.cumsum(degrees)]).tolist()
    flat = other.tolist()
    near = [flat[start:stop] for start, stop in itertools.pairwise(bounds)]
    vertices = np.flatnonzero(filled)
    orders = [vertices, vertices[np.argsort(-degrees[vertices], kind="stable")]]
    return min((_star_colors(near, order.tolist()) for order in orders), key=max) if count else []


def _star_colors(near: list[list[int]], order: list[int]) -> list[int]:
    """Color the vertices in an order.

    v - w - x - y has two colors if v and x have one, and w and y another. Such a path may begin at the new
    vertex, or pass through it.

    Args:
        near: the neighbours of each vertex.
        order: which to color.
    """
    color = [-1] * len(near)
    around: list[dict[int, int]] = [{} for _ in near]  # its neighbours' colors, and one of each
    doubled: list[set[int]] = [set() for _ in near]  # which of them it has several times
    barred: list[set[int]] = [set() for _ in near]  # colors of neighbours that have w's color several times
    for v in order:
        taken: set[int] = set()
        for w in near[v]:
            own = color[w]
            if own >= 0:
                taken.add(own)
                taken |= barred[w]
                if own in doubled[v]:
                    taken.update(around[w])
        chosen = 0
        while chosen in taken:
            chosen += 1
        color[v] = chosen
        for w in near[v]:
            own = color[w]
            if own in doubled[v]:
                barred[w].add(chosen)
            met = around[w].setdefault(chosen, v)
            if met != v:
                doubled[w].add(chosen)
                if own >= 0:
                    barred[met].add(own)
                    barred[v].add(own)
    return color


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

    numbers = np.zeros(len(columns))
    for product in compression.plan(starts, columns):
        found = (times_turned if product.transposed else times)(product.group.tolist())
        numbers[product.entries] = np.asarray(found)[product.at]
    return numbers
