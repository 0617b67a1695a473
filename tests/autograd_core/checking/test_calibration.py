"""The estimated error of a finite difference against mpmath, for functions of every class of accuracy."""

import math
import random
import struct
from dataclasses import dataclass

import pytest

from autograd_core.checking.finite_differences import derivative
from autograd_core.checking.verdicts import Rules, judge

UNARY = ("sin", "cos", "exp", "atan", "tanh", "erf", "sqrt1", "log1", "square")


def recipe(generator):
    """A random composition a op(b x + c) +* op(...) ... as a list of steps."""
    return [
        (generator.choice(UNARY), generator.uniform(-2, 2), generator.uniform(-1, 1), generator.choice("+*"))
        for _ in range(generator.randrange(1, 5))
    ]


def evaluate(steps, x, library):
    """The function that a recipe stands for, by math or mpmath."""
    total = x
    for name, scale, shift, way in steps:
        inner = scale * total + shift
        if name == "sqrt1":
            outer = library.sqrt(1 + inner * inner)
        elif name == "log1":
            outer = library.log(2 + inner * inner)
        elif name == "square":
            outer = inner * inner
        elif name == "exp":
            outer = library.exp(-inner * inner)
        else:
            outer = getattr(library, name)(inner)
        total = total + outer if way == "+" else (1.5 + total) * outer
    return total


def single(x):
    """Rounded to float32."""
    return struct.unpack("f", struct.pack("f", x))[0]


# Each class computes the same function with other rounding errors.
CLASSES = {
    "to the last digit": lambda f: f,
    "rounded to float32": lambda f: lambda x: single(f(x)),
    "cancelling eight digits": lambda f: lambda x: (f(x) + 1e8) - 1e8,
    "noisy in the tenth digit": lambda f: lambda x: f(x) * (1 + 1e-10 * math.sin(1e15 * math.sin(1e6 * x))),
}


@dataclass
class Calibration:
    """What the finite differences of many functions were like.

    Attributes:
        count: of functions.
        smooth: for how many a slope and its error were estimated.
        above: how often the actual error was above the estimate.
        far: how often it was above ten times the estimate.
        undecided: how often the right gradient was undecided.
        alarms: how often it was called wrong.
    """

    count: int = 0
    smooth: int = 0
    above: int = 0
    far: int = 0
    undecided: int = 0
    alarms: int = 0


def calibrate(name, count, start=0, compared=False):
    """Compare the estimated errors of finite differences with the actual ones.

    Args:
        name: of the class of accuracy.
        count: of functions.
        start: the first seed.
        compared: whether the finite difference is told the right slope, as in a check.
    """
    import mpmath as mp

    result = Calibration(count)
    for seed in range(start, start + count):
        generator = random.Random(seed)
        steps = recipe(generator)
        x = generator.choice((-1, 1)) * 10 ** generator.uniform(-3, 1)
        with mp.workdps(40):
            step = mp.mpf(10) ** -15
            difference = evaluate(steps, mp.mpf(x) + step, mp) - evaluate(steps, mp.mpf(x) - step, mp)
            right = float(difference / (2 * step))
        function = CLASSES[name](lambda t, s=steps: evaluate(s, t, math))
        found = derivative(function, x, expected=right if compared else None)
        verdict = judge("x", right, found, Rules()).verdict
        result.undecided += verdict in ("undecided", "noise")
        result.alarms += verdict == "wrong"
        if found.behaviour == "smooth":
            error, rounding = abs(right - found.value), 2.0**-52 * abs(found.value)
            result.smooth += 1
            result.above += error > found.error + rounding  # the floor of any comparison of floats
            result.far += error > 10 * (found.error + rounding)
    return result


@pytest.mark.parametrize("compared", [False, True])
@pytest.mark.parametrize("name", CLASSES)
def test_the_error_is_below_its_estimate_in_99_of_100_functions(name, compared):
    pytest.importorskip("mpmath")
    found = calibrate(name, 150, compared=compared)
    assert found.smooth > 140
    assert found.above <= 0.01 * found.smooth  # 1,000 functions: benchmarks/checking.py
    assert found.far == 0
    assert found.alarms == 0
    assert found.undecided <= 0.05 * found.count
