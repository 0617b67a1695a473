"""Patterns and colorings."""

import itertools
import random
import sys
import tracemalloc

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.engine.sweep import Walk
from autograd_core.sparsity import colors, compress, entries, pattern, star_colors


def random_matrix(seed, height=30, width=25, density=0.08, dense_row=False, dense_column=False):
    generator = np.random.default_rng(seed)
    matrix = np.where(
        generator.random((height, width)) < density, generator.normal(size=(height, width)), 0.0
    )
    if dense_row:
        matrix[3] = 1.0 + generator.random(width)
    if dense_column:
        matrix[:, 5] = 1.0 + generator.random(height)
    return matrix


def rows_of(matrix):
    starts = np.concatenate([[0], np.cumsum((matrix != 0).sum(axis=1))])
    return starts, np.nonzero(matrix)[1]


def test_the_pattern_tells_what_depends_on_what():
    x = [ag.Value(1.0) for _ in range(4)]
    unused = ag.Value(2.0)
    outputs = [x[0] * x[1], ag.sum([x[1], x[2] * 0.0]), ag.Value(3.0), x[3]]
    walk = Walk(outputs)
    places = {id(node): i for i, node in enumerate(walk.nodes)}
    inputs = [places.get(id(node), -1) for node in (*x, unused)]
    starts, columns = pattern(walk.counts, walk.parents, inputs, [places[id(node)] for node in outputs])
    assert starts.tolist() == [0, 2, 4, 4, 5]
    assert columns.tolist() == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("seed", range(20))
def test_the_pattern_of_a_random_graph_is_that_of_its_paths(seed):
    """Sets are shared and grow in place: against a new set for each node."""
    chooser = random.Random(seed)
    counts, parents = [0] * 6, []
    for i in range(6, 60):
        counts.append(chooser.choice((0, 1, 1, 2, 2, 3, 9)))
        parents += [chooser.randrange(max(0, i - chooser.choice((3, 60))), i) for _ in range(counts[-1])]
    silent = [chooser.randrange(count + 1) if chooser.random() < 0.2 else 0 for count in counts]
    outputs = [chooser.randrange(60) for _ in range(8)] + [59, 59, 2]
    below, start = [{i} if i < 6 else set() for i in range(60)], 0
    for i, count in enumerate(counts):
        for parent in parents[start + silent[i] : start + count]:
            below[i] |= below[parent]
        start += count
    starts, columns = pattern(counts, parents, [0, 1, 2, 3, 4, 5, -1], outputs, silent)
    found = [columns[a:b].tolist() for a, b in itertools.pairwise(starts)]
    assert found == [sorted(below[place]) for place in outputs]


def test_the_pattern_of_a_sum_that_grows_term_by_term_takes_little_memory():
    """Each of the sums depends on one input more than the one before."""
    n = 3000
    x = [ag.Value(1.0) for _ in range(n)]
    total = x[0]
    for part in x[1:]:
        total = total + part
    walk = Walk([total])
    places = {id(node): i for i, node in enumerate(walk.nodes)}
    tracemalloc.start()
    try:
        starts, _ = pattern(walk.counts, walk.parents, [places[id(v)] for v in x], [places[id(total)]])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert starts.tolist() == [0, n]
    assert peak < 1000 * n  # a set for each sum: 32 bytes * n * n / 2


@pytest.mark.parametrize("seed", range(20))
def test_no_two_items_of_one_color_meet(seed):
    matrix = random_matrix(seed)
    rows, columns = np.nonzero(matrix)
    found = np.array(colors(rows, columns, matrix.shape[1]))
    for row in matrix:
        met = found[row != 0]
        assert len(set(met)) == len(met)
    assert ((found == -1) == (matrix == 0).all(axis=0)).all()


@pytest.mark.parametrize("seed", range(20))
def test_few_products_find_every_entry(seed):
    chooser = random.Random(seed)
    matrix = random_matrix(seed, dense_row=chooser.random() < 0.5, dense_column=chooser.random() < 0.5)
    starts, columns = rows_of(matrix)
    compression = compress(starts, columns, matrix.shape[1])
    products = []

    def times(group):
        products.append(group)
        return matrix[:, group].sum(axis=1)

    def times_turned(group):
        products.append(group)
        return matrix[group].sum(axis=0)

    found = entries(starts, columns, compression, times, times_turned)
    np.testing.assert_array_equal(found, matrix[matrix != 0])
    assert len(products) == compression.products < min(matrix.shape) - 5


def test_an_arrow_takes_three_products():
    n = 200
    matrix = np.eye(n)
    matrix[0] = matrix[:, 0] = 1.0
    starts, columns = rows_of(matrix)
    assert compress(starts, columns, n).products <= 3


def test_an_empty_pattern_takes_no_product():
    starts, columns = np.zeros(4, dtype=np.int64), np.zeros(0, dtype=np.int64)
    assert compress(starts, columns, 5).products == 0


# --- symmetric matrices


def random_symmetric(seed, n=40):
    """A sparse symmetric matrix, some of whose rows are hubs, and some of whose diagonal is 0."""
    generator = np.random.default_rng(seed)
    matrix = np.where(generator.random((n, n)) < generator.choice([0.01, 0.04, 0.1]), 1.0, 0.0)
    for hub in generator.choice(n, generator.integers(0, 4), replace=False):
        matrix[hub] = generator.random(n) < 0.7
    matrix += np.diag(generator.random(n) < 0.5)
    matrix = np.where(matrix, generator.normal(size=(n, n)), 0.0)
    return matrix + matrix.T


def paths_of_two_colors(matrix, color):
    """The paths of four vertices, by brute force, whose vertices have two colors in turn."""
    near = [np.flatnonzero((row != 0) & (np.arange(len(row)) != i)).tolist() for i, row in enumerate(matrix)]
    return [
        (v, w, x, y)
        for v in range(len(matrix))
        for w in near[v]
        for x in near[w]
        if x != v and color[x] == color[v]
        for y in near[x]
        if y not in (v, w) and color[y] == color[w]
    ]


@pytest.mark.parametrize("seed", range(30))
def test_a_star_coloring_has_no_path_of_four_in_two_colors(seed):
    matrix = random_symmetric(seed)
    rows, columns = np.nonzero(np.triu(matrix))
    color = star_colors(rows, columns, len(matrix))
    assert [c == -1 for c in color] == (matrix == 0).all(axis=1).tolist()
    assert all(color[i] != color[j] for i, j in zip(rows, columns, strict=True) if i != j)
    assert paths_of_two_colors(matrix, color) == []


@pytest.mark.parametrize("seed", range(30))
def test_few_products_find_every_entry_of_a_symmetric_matrix(seed):
    matrix = random_symmetric(seed)
    starts, columns = rows_of(matrix)
    general = compress(starts, columns, len(matrix))
    compression = compress(starts, columns, len(matrix), symmetric=True)
    products = []

    def times_turned(group):
        products.append(group)
        return matrix[group].sum(axis=0)

    found = entries(starts, columns, compression, lambda k: matrix[:, k].sum(axis=1), times_turned)
    np.testing.assert_array_equal(found, matrix[matrix != 0])
    assert compression.products <= general.products
    if compression.symmetric:
        assert len(products) <= compression.products < general.products


def test_hubs_take_few_products_when_symmetric():
    """Each of ten hubs touches a tenth of the rest, and the hubs form a ring."""
    n = 500
    matrix = np.eye(n)
    for hub in range(10):
        spokes = np.arange(10 + hub, n, 10)
        matrix[hub, spokes] = matrix[spokes, hub] = 1.0
        matrix[hub, (hub + 1) % 10] = matrix[(hub + 1) % 10, hub] = 1.0
    starts, columns = rows_of(matrix)
    assert compress(starts, columns, n).products >= 11
    assert compress(starts, columns, n, symmetric=True).products <= 5


def test_coloring_takes_time_in_proportion_to_the_entries():
    """Counted in bytecode lines: ten times the arrow takes ten times as many."""

    def lines(n):
        hub = np.zeros(n - 1, dtype=int)
        steps = 0

        def count(frame, event, argument):
            nonlocal steps
            if frame.f_code.co_name != "_star_colors":
                return None
            steps += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            star_colors(
                np.concatenate([hub, np.arange(n - 1)]),
                np.concatenate([hub + np.arange(1, n), np.arange(1, n)]),
                n,
            )
        finally:
            sys.settrace(before)
        return steps

    assert lines(2000) < 11 * lines(200)
