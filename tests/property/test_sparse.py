"""Sparse derivatives of random functions are the dense ones: an entry that is missed is a wrong answer."""

import random

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.errors import AutogradError
from tests.property.random_derivatives import points, random_function

pytest.importorskip("scipy.sparse")


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
