"""Initializers: the distributions that their papers ask for."""

import math
import random
import statistics

import pytest

from nn.errors import InputError
from nn.initializers import (
    INITIALIZERS,
    Glorot,
    He,
    LeCun,
    Normal,
    Orthogonal,
    Uniform,
    Zeros,
    initializer_named,
    random_source,
)

NOUT, NIN = 60, 90


def draw(initializer, seed=0, nout=NOUT, nin=NIN):
    return initializer(nout, nin, random.Random(seed))


def flat(rows):
    return [w for row in rows for w in row]


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Uniform(), 1 / 3),
        (Uniform(0.0, 0.5), 0.25 / 12),
        (Normal(0.0, 0.2), 0.04),
        (Glorot("uniform"), 2 / (NIN + NOUT)),
        (Glorot("normal"), 2 / (NIN + NOUT)),
        (He("uniform"), 2 / NIN),
        (He("normal"), 2 / NIN),
        (LeCun("uniform"), 1 / NIN),
        (LeCun("normal"), 1 / NIN),
    ],
    ids=repr,
)
def test_the_weights_have_the_variance_of_the_paper(initializer, variance):
    weights = flat(draw(initializer))
    assert statistics.pvariance(weights) == pytest.approx(variance, rel=0.06)


@pytest.mark.parametrize(
    ("initializer", "variance"), [(Glorot(), 2 / (NIN + NOUT)), (He("uniform"), 2 / NIN)]
)
def test_uniform_weights_fill_their_interval_and_stay_within_it(initializer, variance):
    weights = flat(draw(initializer))
    limit = math.sqrt(3 * variance)
    assert 0.98 * limit < max(weights) <= limit
    assert -limit <= min(weights) < -0.98 * limit


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5), (1, 3), (3, 1)])
def test_orthogonal_rows_or_columns_are_orthonormal_up_to_the_gain(shape):
    rows = draw(Orthogonal(gain=1.5), nout=shape[0], nin=shape[1])
    if shape[0] > shape[1]:
        rows = [list(column) for column in zip(*rows, strict=True)]
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            product = sum(x * y for x, y in zip(a, b, strict=True))
            assert product == pytest.approx(2.25 * (i == j), abs=1e-13)


def gram_schmidt_in_floats(count, length, rng):
    rows = [[rng.gauss(0.0, 1.0) for _ in range(length)] for _ in range(count)]
    for _ in range(2):
        for k, row in enumerate(rows):
            square = in_order(a * a for a in row)
            for other in rows[k + 1 :]:
                along = in_order(a * b for a, b in zip(row, other, strict=True)) / square
                other[:] = [b - a * along for a, b in zip(row, other, strict=True)]
            row[:] = [a / math.sqrt(square) for a in row]
    return rows


def in_order(numbers):
    total = 0.0
    for number in numbers:  # `sum` compensates from Python 3.12 on
        total += number
    return total


@pytest.mark.parametrize("shape", [(3, 40), (37, 40), (1, 9), (1, 1), (300, 2), (8, 8)])
def test_orthogonal_rows_are_to_the_bit_those_of_additions_in_order(shape):
    assert draw(Orthogonal(), 3, *shape) == (
        gram_schmidt_in_floats(*shape, random.Random(3))
        if shape[0] <= shape[1]
        else [list(row) for row in zip(*gram_schmidt_in_floats(2, 300, random.Random(3)), strict=True)]
    )


def test_zeros_are_zeros():
    assert set(flat(draw(Zeros()))) == {0.0}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_name_draws_a_matrix_of_the_right_shape_and_the_same_one_for_a_seed(name):
    initializer = initializer_named(name)
    first, second = draw(initializer, 5, 3, 4), draw(initializer, 5, 3, 4)
    assert [len(row) for row in first] == [4, 4, 4]
    assert first == second


def test_the_default_draws_what_micrograd_draws():
    random.seed(7)
    expected = [random.uniform(-1, 1) for _ in range(4)]
    random.seed(7)
    assert flat(Uniform()(2, 2, random_source(None))) == expected


def test_an_unknown_name_is_answered_with_the_names_there_are():
    with pytest.raises(InputError, match=r"'kaiming'; there are uniform, normal"):
        initializer_named("kaiming")


def test_a_seed_that_is_no_seed_is_refused():
    for seed in ("1", 1.5, [1]):
        with pytest.raises(InputError, match=r"a seed that is no random\.Random must be a whole number"):
            random_source(seed)


def test_an_unknown_distribution_is_refused():
    with pytest.raises(InputError, match="distribution"):
        He("cauchy")
