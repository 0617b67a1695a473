"""Patterns and colourings."""

import random

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.engine.sweep import Walk
from autograd_core.sparsity import colours, compress, entries, pattern


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
def test_no_two_items_of_one_colour_meet(seed):
    matrix = random_matrix(seed)
    rows, columns = np.nonzero(matrix)
    found = np.array(colours(rows, columns, matrix.shape[1]))
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
