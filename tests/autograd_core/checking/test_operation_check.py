"""`check_operation`: every promise of an operation, and each way of breaking one."""

import math

import pytest

import autograd_core as ag
from autograd_core import GradientCheckError, operation
from autograd_core.checking import check_operation
from autograd_core.programs import tapes


@operation(lambda x, y: ag.cos(x), name="right_sine")
def right(x):
    return math.sin(x)


@operation(lambda x, y: 1.01 * ag.cos(x), name="off_sine")
def off(x):
    return math.sin(x)


@operation(lambda x, y: still(x), name="second_order_off_sine")
def second(x):
    return math.sin(x)


@operation(lambda x, y: 0.0, name="still_cosine")
def still(x):
    return math.cos(x)


@operation(lambda x, y: math.cos(x), name="float_sine")
def floats_only(x):
    return math.sin(x)


@operation(lambda x, y: 0.5 / y, name="lenient_root")
def lenient(x):
    return math.sqrt(abs(x))


def test_a_right_operation_passes_every_check():
    report = check_operation(right, [0.3, (-2.0,)])
    assert report
    assert report.checks == 2 * (1 + 2 + 4)  # value, two orders, value and gradient of two interpreters


@pytest.mark.parametrize("order", [0, -1, 3, 1.5])
def test_an_order_that_would_leave_the_partials_unchecked_is_refused(order):
    with pytest.raises(ValueError, match="order is 1 or 2"):
        check_operation(off, [0.3], order=order)


def test_the_numpy_twin_of_a_program_is_checked_too():
    @operation(lambda x, y: 2 * x, name="square_off_in_numpy")
    def square(x):
        return x * x + (tapes._Switch.chosen == "numpy")

    with pytest.raises(GradientCheckError, match=r"Program in NumPy: value: 1\.09, and 0\.09 without"):
        check_operation(square, [0.3])


@pytest.mark.parametrize("built_in", [ag.tanh, ag.sigmoid, ag.maximum, ag.hypot, ag.exp])
def test_built_in_operations_pass(built_in):
    two = built_in in (ag.maximum, ag.hypot)
    check_operation(built_in, [(0.3, 1.2), (-2.0, 0.4)] if two else [0.3, -2.0])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (off, "order 1: gradient check FAILED"),
        (second, "order 2: gradient check FAILED"),
        (floats_only, "order 2: RecordingError"),
    ],
)
def test_a_broken_promise_is_told_with_the_point(broken, message):
    with pytest.raises(GradientCheckError, match=r"\(0\.3\): ") as caught:
        check_operation(broken, [0.3])
    assert message in str(caught.value)


def test_the_domain_and_the_conventions_are_tested():
    check_operation(ag.sqrt, [2.0], outside=[-1.0])
    with pytest.raises(GradientCheckError, match="outside the domain it returns 1 on floats"):
        check_operation(lenient, [2.0], outside=[-1.0])
    check_operation(ag.relu, [2.0], conventions=[(0.0, [0.0])])
    with pytest.raises(GradientCheckError, match=r"the gradient is \[0\.0\], by convention \[0\.5\]"):
        check_operation(ag.relu, [2.0], conventions=[(0.0, [0.5])])


def test_no_point_is_an_error():
    with pytest.raises(ValueError, match="at least one point"):
        check_operation(ag.relu, [])


def test_a_point_outside_the_domain_is_a_fault_with_the_remedy_and_the_other_points_are_checked():
    with pytest.raises(
        GradientCheckError, match=r"log\(-1\): value: DomainError.*belongs in outside="
    ) as caught:
        check_operation(ag.log, [-1, 1])
    assert len(str(caught.value).splitlines()) == 2
    assert check_operation(ag.log, [1], outside=[-1]).passed


@pytest.mark.parametrize(
    ("thing", "points", "message"),
    [
        ("exp", [1.0], r"'exp', not a function: give autograd_core\.exp itself"),
        ("nonsense", [1.0], "'nonsense', not a function$"),
        (ag.exp, 1.0, r"points is 1\.0, not a list of points: give \[1\.0\]"),
        (ag.exp, ["a"], "a point is a number or a tuple of operands, not 'a'"),
    ],
)
def test_what_is_no_operation_or_no_point_is_named(thing, points, message):
    with pytest.raises(TypeError, match=message):
        check_operation(thing, points)


@pytest.mark.parametrize("point", [(1.0, 2.0), 1.0])
def test_too_many_operands_and_results_that_are_no_number_are_faults(point):
    with pytest.raises(GradientCheckError, match="value: TypeError"):
        check_operation(ag.exp if point != 1.0 else lambda x: [x, x], [point])
