"""Sparse derivatives of random functions are the dense ones: an entry that is missed is a wrong answer."""

import random

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.errors import AutogradError
from tests.property.random_programs import CUSTOM, NAMES, OPERATIONS, TOTAL, custom, operation
from tests.property.test_derivative_graphs import SELECTIONS, SINGULAR, SMOOTH

pytest.importorskip("scipy.sparse")


def built_in(chooser):
    name = chooser.choice(NAMES)
    count = OPERATIONS[name].arity or 2 * chooser.randrange(1, 4)
    index = chooser.randrange(count) if "soft" in name or name == "polygamma" else 0
    tame, squash = chooser.random() < (0.3 if name in TOTAL else 1.0), chooser.random() < 0.5
    return count, lambda pool, places: operation(pool, name, places, index, tame, squash)


def user_defined(chooser):
    which = chooser.randrange(1, len(CUSTOM))
    return CUSTOM[which].arity, lambda pool, places: custom(pool, which, places, True)


def expression(chooser):
    chosen = chooser.choice(chooser.choice((SELECTIONS, SMOOTH, SINGULAR)))
    return 3, lambda pool, places: [chosen(*[pool[i] for i in places])]


def random_function(seed, inputs):
    """A function of several numbers that returns all that it computed on the way."""
    chooser = random.Random(seed)
    plan = []
    for _ in range(chooser.choice((4, 8, 16))):
        (kind,) = chooser.choices((built_in, user_defined, expression), (10, 1, 9))
        count, step = kind(chooser)
        plan.append((step, [chooser.random() for _ in range(count)]))

    def function(x):
        pool = list(x)
        for step, places in plan:
            pool += step(pool, [int(place * len(pool)) for place in places])
        return pool[inputs:]

    return function


def points(seed, inputs):
    generator = np.random.default_rng(seed)
    drawn = generator.uniform(-1.5, 1.5, (3, inputs))
    drawn[0, 0] = drawn[0, 1]  # a tie
    drawn[1] = generator.integers(-1, 2, inputs)  # kinks at 0
    return drawn


def assert_close(found, dense):
    largest = max(1.0, abs(dense).max(initial=0.0))
    np.testing.assert_allclose(found, dense, rtol=1e-11, atol=1e-11 * largest)


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_sparse_derivatives_of_random_functions_are_the_dense_ones(first):
    for seed in range(first, first + (10 if ag.COMPILED else 3)):
        inputs = random.Random(seed).choice((4, 6, 12))
        function = random_function(seed, inputs)
        whole = {ag.jacobian: function, ag.hessian: lambda x, function=function: ag.sum(function(x))}
        rows = points(seed, inputs)
        for transform, f in whole.items():
            try:
                program = ag.record(f, rows[-1].tolist(), on_guard="record")
            except AutogradError:
                continue
            for row in rows:
                try:
                    dense = np.array(transform(f)(row.tolist()))
                except (AutogradError, ArithmeticError, ValueError):
                    continue
                if not np.isfinite(dense).all():
                    continue
                assert_close(transform(f, sparse=True)(row.tolist()).toarray(), dense)
                of_program = program.jacobian if transform is ag.jacobian else program.hessian
                assert_close(of_program(row[None], sparse=True)[0].toarray(), dense)
                if transform is ag.jacobian:
                    assert not (dense[~program.sparsity().toarray()] != 0.0).any()
