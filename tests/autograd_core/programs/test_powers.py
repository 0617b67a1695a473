"""Powers with small exponents take a quicker way through a Program, with the bits of pow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import interpreter, interpreters

EXPONENTS = [2, 3, -1, -2, 0.5, 2.0, 4, 1, -0.5]


def numbers(exponent: float) -> Any:
    """Of all sizes for which neither power nor slope overflows, next to powers of two, and whole ones."""
    rng = np.random.default_rng(int(8 * exponent) % 97)
    mantissas = rng.uniform(0.5, 1.0, 6000)
    found = np.ldexp(mantissas, rng.integers(-70, 70, 6000))
    whole = np.arange(1.0, 200.0)
    near = np.concatenate([np.nextafter(2.0**k, d) for k in range(-8, 9) for d in ([0.0], [np.inf])])
    found = np.concatenate(
        [found, whole, 1.0 / whole, near, 2.0 ** np.arange(-20, 20), 2.0 ** np.arange(62, 67)]
    )
    return np.concatenate([found, -found]) if exponent == int(exponent) else found


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_the_bits_are_those_of_pow(exponent: float) -> None:
    program = ag.record(lambda x: x**exponent, 1.5)
    x = numbers(exponent)
    values = np.array([math.pow(v, exponent) for v in x.tolist()])
    slopes = np.array([exponent * math.pow(v, exponent - 1.0) for v in x.tolist()])
    for name in interpreters()[1:] or interpreters():
        with interpreter(name):
            assert program(x).tobytes() == values.tobytes()
            assert program.value_and_grad(x, wrt=0)[1].tobytes() == slopes.tobytes()
            for k in range(0, len(x), 97):
                value, slope = program.value_and_grad(x[k : k + 1], wrt=0)
                assert (value[0], slope[0]) == (values[k], slopes[k])


SPECIAL = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e-310,
    1e-200,
    1e-160,
    1e150,
    2.0**-64,
    2.0**64,
    math.inf,
    -math.inf,
    math.nan,
]


@pytest.mark.parametrize("exponent", [2, 3, -1, -2, 0.5])
@pytest.mark.parametrize("x", SPECIAL)
def test_special_numbers_are_left_to_pow(exponent: float, x: float) -> None:
    program = ag.record(lambda x: x**exponent, 1.5)

    def eager() -> tuple[Any, Any]:
        leaf = ag.Value(x)
        y = leaf**exponent
        y.backward()
        return y.data, leaf.grad

    try:
        expected: Any = eager()
    except (ArithmeticError, ValueError) as error:
        with pytest.raises(type(error)):
            program(np.array([x]))
        return
    for rows in (1, 9):
        value, slope = program.value_and_grad(np.full(rows, x), wrt=0)
        assert value.tobytes() == np.full(rows, expected[0]).tobytes()
        assert np.array_equal(slope, np.full(rows, expected[1]), equal_nan=True)


def test_the_exponent_may_be_a_parameter_or_an_input() -> None:
    w = ag.Value(2.0)
    program = ag.record(lambda x, k: x**w + x**k, 1.5, 2.0)
    x = np.random.default_rng(3).uniform(0.5, 2.0, 500)
    for power in (2.0, 3.0, 2.5):
        w.data = power
        expected = [math.pow(v, power) + math.pow(v, power) for v in x.tolist()]
        assert program(x, np.full(500, power)).tolist() == expected
