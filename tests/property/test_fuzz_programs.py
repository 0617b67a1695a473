"""Some seeds of the fuzzer, so that it runs with the tests."""

import pytest

import autograd_core as ag
from tests.nn.test_updaters import needs_compiler
from tests.property.random_derivatives import DerivativeCase
from tests.property.random_programs import random_case, random_numbers
from tests.property.random_trainings import random_training


@pytest.mark.parametrize("first", range(0, 200, 25))
def test_random_programs_leave_the_bits_of_the_eager_loop(first):
    for seed in range(first, first + 25):
        _, found = random_case(seed).run()
        assert not found, f"seed {seed}: {found}"


def test_every_kernel_leaves_the_bits_of_the_eager_number():
    for seed in range(20):
        _, found = random_numbers(seed).run()
        assert not found, f"seed {seed}: {found}"


@pytest.mark.parametrize(
    "seeds", [range(k, k + (10 if ag.COMPILED else 2)) for k in (0, 10, 20, 30)] + [[55]]
)
def test_derivatives_of_random_programs_are_the_eager_ones(seeds):
    """With loops, branches, structures; sparse ones too. In 55 a derivative records a branch of f."""
    pytest.importorskip("scipy.sparse")
    for seed in seeds:
        _, found = DerivativeCase(seed).run()
        assert not found, f"seed {seed}: {found}"


@needs_compiler
@pytest.mark.parametrize("first", range(0, 40, 10))
def test_random_trainings_leave_the_bits_of_training_on_values(first):
    for seed in range(first, first + 10):
        _, found = random_training(seed).run()
        assert not found, f"seed {seed}: {found}"
