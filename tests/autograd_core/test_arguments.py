"""What an argument must be: the rules that Programs, nn and viz share."""

import math
from fractions import Fraction

import numpy as np
import pytest

from autograd_core import Value
from autograd_core.arguments import number, truth, whole_number
from nn.arguments import number as number_of_nn
from nn.errors import InputError


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, [1], np.ones(2), Value(1.0)])
def test_what_is_no_whole_number(value):
    with pytest.raises(TypeError, match="n must be a whole number, at least 1, not "):
        whole_number("n", value, 1)


def test_whole_numbers_within_bounds_become_ints():
    for value in (3, np.int8(3), np.array(3)):
        found = whole_number("n", value, 1, 3)
        assert (found, type(found)) == (3, int)
    for value, least, most, told in ((0, 1, math.inf, ", at least 1"), (4, 1, 3, " from 1 to 3")):
        with pytest.raises(ValueError, match=f"n must be a whole number{told}, not {value}"):
            whole_number("n", value, least, most)


@pytest.mark.parametrize(
    ("interval", "inside", "outside", "told"),
    [
        ("[0, 1)", [0, 0.5, Fraction(1, 2)], [1.0, -0.1, math.nan, 10**400], r"a number in \[0, 1\)"),
        ("(0, inf)", [1e300, np.float32(0.5)], [0.0, math.inf], "a finite number > 0"),
        ("[-inf, inf]", [math.inf, -math.inf], [math.nan], "a number"),
        ("(-inf, inf)", [-1e300], [math.inf, 10**400], "a finite number"),
    ],
)
def test_numbers_in_an_interval(interval, inside, outside, told):
    assert [number("x", value, interval) for value in inside] == inside
    for value in outside:
        with pytest.raises(ValueError, match=f"x must be {told}, not "):
            number("x", value, interval)
    for value in (True, np.True_, "1", None, 1j):
        with pytest.raises(TypeError, match=f"x must be {told}, not "):
            number("x", value, interval)


def test_truth_values_are_pythons_and_numpys():
    assert [truth("on", value) for value in (True, np.False_)] == [True, False]
    for value in (1, 0, None, "True"):
        with pytest.raises(TypeError, match="on must be True or False, not "):
            truth("on", value)


def test_the_same_rules_raise_the_error_of_nn():
    for value in (2.0, "a"):
        with pytest.raises(InputError, match=r"x must be a number in \[0, 1\], not "):
            number_of_nn("x", value, "[0, 1]")
