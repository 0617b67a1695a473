"""Derivatives of float functions: values within their error estimates, behaviour at difficult points."""

import hashlib
import math
import random
import struct

import pytest

from autograd_core.checking import gradient_report
from autograd_core.checking.finite_differences import derivative
from autograd_core.checking.verdicts import Rules, judge

SMOOTH = {
    "exp": (math.exp, math.exp),
    "sin": (math.sin, math.cos),
    "log": (lambda x: math.log(abs(x)), lambda x: 1 / x),
    "square": (lambda x: x * x, lambda x: 2 * x),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x)),
    "atan": (math.atan, lambda x: 1 / (1 + x * x)),
    "root": (lambda x: math.sqrt(abs(x)), lambda x: math.copysign(0.5 / math.sqrt(abs(x)), x)),
    "asinh": (math.asinh, lambda x: 1 / math.hypot(1, x)),
    "cubic": (lambda x: x**3 - x, lambda x: 3 * x * x - 1),
}


def noise(x: float, size: float) -> float:
    """A deterministic function without any slope: a hash of the bits of x."""
    digest = hashlib.md5(struct.pack("d", x), usedforsecurity=False).digest()
    return size * (int.from_bytes(digest[:4], "big") / 2**32 - 0.5)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_error_of_a_smooth_function_is_within_its_estimate_at_every_scale(name):
    function, slope = SMOOTH[name]
    generator = random.Random(name)
    for _ in range(100):
        x = generator.choice([-1, 1]) * 10 ** generator.uniform(-8, 8 if name != "exp" else 2)
        found = derivative(function, x)
        assert found.behaviour == "smooth"
        tolerance = 10 * found.error + 1e-13 * abs(slope(x))
        assert abs(found.value - slope(x)) <= tolerance, x


@pytest.mark.parametrize("x", [1e-8, 1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("name", ["log", "square", "reciprocal", "root"])
def test_the_relative_error_stays_far_below_a_millionth(name, x):
    function, slope = SMOOTH[name]
    found = derivative(function, x)
    assert found.error <= 1e-9 * abs(slope(x))


@pytest.mark.parametrize(
    ("function", "x", "behaviour"),
    [
        (abs, 0.0, "kink"),
        (lambda x: abs(x - 0.3), 0.3, "kink"),
        (lambda x: max(x - 0.3, 0.0) + x, 0.3, "kink"),
        (lambda x: x + 1e-6 * abs(x - 0.3), 0.3, "kink"),
        (lambda x: abs(math.sin(1e3 * x)), 0.0, "kink"),
        (math.floor, 1.0, "jump"),
        (lambda x: (x > 0) - (x < 0), 0.0, "jump"),
        (lambda x: (x >= 0.3) + math.sin(x), 0.3, "jump"),
        (lambda x: 1 / x if x > 0 else 0.0, 0.0, "jump"),
        (math.sqrt, 0.0, "infinite"),
        (lambda x: math.copysign(abs(x - 0.3) ** (1 / 3), x - 0.3), 0.3, "infinite"),
        (math.acos, 1.0, "infinite"),
        (lambda x: math.sqrt(x) * x, 0.0, "boundary"),
        (lambda x: x + math.sqrt(x) * x, 0.0, "boundary"),
        (lambda x: math.exp(math.sqrt(1 - x) ** 4), 1.0, "boundary"),
        (math.log, 0.0, "non-finite"),
        (lambda x: math.sqrt(-x * x), 0.0, "non-finite"),
        (lambda x: math.nan, 0.0, "non-finite"),
        (lambda x: noise(x, 1.0), 0.7, "noise"),
        (lambda x: 3.0, 0.7, "smooth"),
        (lambda x: max(x, 0.0), -1e-4, "smooth"),
        (lambda x: max(x - 0.3, 0.0) ** 2, 0.3, "smooth"),
        (lambda x: x if x > 0 else math.expm1(x), 0.0, "smooth"),
    ],
)
def test_the_behaviour_at_a_point_is_named(function, x, behaviour):
    assert derivative(function, x).behaviour == behaviour


def test_a_kink_reports_the_slopes_of_both_sides():
    found = derivative(lambda x: max(x, 0.0) + 3 * x, 0.0)
    assert found.left.value == pytest.approx(3.0)
    assert found.right.value == pytest.approx(4.0)
    assert found.value == pytest.approx(3.5)


def test_a_boundary_reports_the_slope_of_the_side_that_exists():
    found = derivative(lambda x: math.sqrt(x) ** 2 * 2 + 1, 0.0)
    assert found.behaviour == "boundary"
    assert found.left is None
    assert found.value == pytest.approx(2.0)


@pytest.mark.parametrize(("function", "sign"), [(math.sqrt, 1), (math.acos, -1)])
def test_an_infinite_slope_has_its_sign(function, sign):
    assert derivative(function, 0.0 if sign > 0 else 1.0).value == sign * math.inf


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-13])
def test_a_kink_beside_the_point_does_not_hide_the_slope(distance):
    for side, slope in ((1, 1.0), (-1, 0.0)):
        found = derivative(lambda x: max(x - 0.3, 0.0), 0.3 + side * distance)
        assert found.behaviour == "smooth"
        assert found.value == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3])
def test_noise_in_the_function_shows_in_the_estimated_error(size):
    generator = random.Random(1)
    for _ in range(20):
        found = derivative(lambda x: math.sin(x) + noise(x, size), x := generator.uniform(-1, 1))
        assert found.behaviour in ("smooth", "noise", "kink")
        if found.behaviour == "smooth":
            assert abs(found.value - math.cos(x)) <= 10 * found.error


@pytest.mark.parametrize("large", [1e4, 1e6, 1e8, 1e10])
def test_rounding_inside_the_function_shows_in_the_estimated_error(large):
    generator = random.Random(2)
    for _ in range(50):
        x = generator.uniform(-1, 1) * 10 ** generator.uniform(-6, 0)
        found = derivative(lambda x: (math.pi * x + large) - large, x)
        assert abs(found.value - math.pi) <= 10 * found.error


def test_the_digits_of_float32_code_are_noticed():
    numpy = pytest.importorskip("numpy")
    found = derivative(lambda x: float(numpy.sin(numpy.float32(x))), 0.7)
    assert abs(found.value - math.cos(0.7)) <= 10 * found.error
    assert found.error < 1e-3


def test_a_fast_feature_is_found_below_the_scale_of_the_point():
    found = derivative(lambda x: math.sin(1e8 * x), 1e-8)
    assert found.value == pytest.approx(1e8 * math.cos(1.0), rel=1e-9)


def test_a_slow_function_at_a_large_point_is_differentiated_at_its_own_scale():
    assert derivative(math.sin, 1e8).value == pytest.approx(math.cos(1e8), rel=1e-9)


def test_overflow_beside_the_point_is_avoided():
    assert derivative(math.exp, 700.0).value == pytest.approx(math.exp(700.0), rel=1e-9)


def test_the_message_of_an_error_nearby_is_kept():
    assert "ValueError" in derivative(math.sqrt, 0.0).message


def test_an_error_that_is_not_arithmetic_is_passed_on():
    with pytest.raises(KeyError):
        derivative(lambda x: {}[x], 1.0)


def test_a_smooth_function_costs_about_twenty_evaluations():
    assert derivative(math.sin, 1.0).evaluations <= 21


@pytest.mark.parametrize("x", [-0.888, 0.131, -0.0168, 0.0004])
def test_the_known_noise_of_a_long_sum_does_not_ask_for_every_scale(x):
    noise = 3e-10  # of a sum of 10,000 terms, added in order

    def f(t):
        return 11731.1 + math.exp(t) + noise / 10.0 * math.sin(1e15 * t)

    found = derivative(f, x, expected=math.exp(x), noise=noise, slack=1e-9)
    assert found.evaluations < 40
    assert abs(found.value - math.exp(x)) <= found.error <= 1e-5
    assert derivative(f, x, expected=1.00003 * math.exp(x), noise=noise).evaluations > 100


@pytest.mark.parametrize("seed", range(40))
def test_the_slope_between_the_jumps_of_its_own_rounding_is_not_that_of_a_function(seed):
    generator = random.Random(seed)
    x = generator.choice((-1, 1)) * 10 ** generator.uniform(-2, 1.5)
    k = 10 ** generator.uniform(-6, -3) / abs(x)
    a, smooth = generator.uniform(-2, 2), seed % 2

    def f(t):
        return (1 - math.cos(k * t)) / (k * t) ** 2 * (2 + smooth * math.sin(a * t))

    other, slope = 2 + smooth * math.sin(a * x), smooth * a * math.cos(a * x)
    right = slope * (0.5 - (k * x) ** 2 / 24) - other * k * k * x / 12
    piece = f(x) * (slope / other - 2 / x)
    for expected in (None, right, piece):
        found = derivative(f, x, expected=expected)
        assert abs(found.value - right) <= 10 * found.error + 1e-9 * abs(right)
        verdict = judge("x", right if expected is None else expected, found, Rules()).verdict
        assert verdict in ("undecided", "noise", "ok" if expected != piece else "wrong")


def test_steps_along_a_line_are_not_below_the_digits_of_its_inputs():
    def f(t):
        return math.sin(-19.776047746989228 + 19.0 * t) * (1.6001255600111923 - 1.1 * t)

    slope = 19.0 * math.cos(-19.776047746989228) * 1.6001255600111923 - 1.1 * math.sin(-19.776047746989228)
    for factor in (-3.3e7, -1.07e6, 5.6e5, 4.2e6, 1e8):
        found = derivative(f, 0.0, expected=factor * slope, scale=1.0)
        assert found.behaviour == "smooth"
        assert found.nearer is None
        assert abs(found.value - slope) <= 10 * found.error <= 1e-6 * abs(slope)


@pytest.mark.parametrize(
    ("f", "wrong"),
    [
        (lambda z: 2 * z, 0.0),
        (lambda z: math.sin(3 * z), 6.0),
        (math.tanh, -1.0),
        (lambda z: 3 * z * z, 3.0),
        (lambda z: 1e-300 * z, 1e-290),
        (lambda z: 1e300 * z, 1.0),
    ],
)
def test_a_wrong_slope_at_0_where_f_is_0_is_told(f, wrong):
    (row,) = gradient_report(f, [0.0], gradient=[wrong]).rows
    assert row.verdict == "wrong"


@pytest.mark.parametrize("x", [5e-324, -5e-324, 1e-310, 1.7e308])
def test_inputs_at_the_ends_of_the_floats_do_not_end_the_check(x):
    slope = 2.0 if abs(x) < 1.0 else 0.0
    report = gradient_report(lambda z: math.atan(2.0 * z), [x], gradient=[slope])
    assert all(row.verdict != "wrong" for row in report.rows)
