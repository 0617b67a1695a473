"""User-defined operations."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, Value, differentiate, operation
from autograd_core.checking.check import check_gradients


@pytest.fixture(autouse=True)
def _forget_the_operations_of_a_test():
    known = dict(OPERATIONS)
    yield
    OPERATIONS.clear()
    OPERATIONS.update(known)


def make_arctangent():
    @operation(lambda x, y: 1 / (1 + x * x))
    def arctangent(x):
        """The angle of a slope."""
        return math.atan(x)

    return arctangent


def make_ratio():
    @operation([lambda a, b, y: 1 / b, lambda a, b, y: -y / b], name="ratio_in_tests")
    def ratio(a, b):
        return a / b

    return ratio


def test_a_function_and_its_partial_make_an_operation():
    arctangent = make_arctangent()
    x = Value(1.0, "x")
    y = arctangent(x)
    y.backward()
    assert y.data == math.atan(1.0)
    assert x.grad == 0.5
    assert (y.op, y._op, y.operation) == ("arctangent", "arctangent", arctangent)
    assert OPERATIONS["arctangent"] is arctangent
    assert arctangent.__doc__ == "The angle of a slope."
    assert arctangent.__name__ == "arctangent"
    assert "arctangent" in repr(y)


def test_plain_numbers_give_a_float():
    arctangent, ratio = make_arctangent(), make_ratio()
    assert type(arctangent(1)) is float
    assert arctangent(1.0) == math.atan(1.0)
    assert ratio(1, 4) == 0.25
    assert isinstance(ratio(1, Value(4.0)), Value)


def test_partials_are_one_function_or_one_for_each_operand():
    ratio = make_ratio()
    a, b = Value(3.0), Value(2.0)
    ratio(a, b).backward()
    assert (a.grad, b.grad) == (0.5, -0.75)

    @operation(lambda a, b, y: (b, a))
    def product_in_tests(a, b):
        return a * b

    node = product_in_tests(a, b)
    assert node.partials == (2.0, 3.0)


def test_a_node_of_three_operands_or_more_has_all_its_partials():
    @operation(lambda a, b, c, d, y: (b * c * d, a * c * d, a * b * d, a * b * c))
    def product4(a, b, c, d):
        return a * b * c * d

    leaves = [Value(x) for x in (2.0, 3.0, 5.0, 7.0)]
    node = product4(*leaves)
    assert node.parents == tuple(leaves)
    node.backward()
    assert [leaf.grad for leaf in leaves] == [105.0, 70.0, 42.0, 30.0]


@pytest.mark.parametrize(
    ("rule", "second"),
    [
        (lambda x, y: x - math.floor(x), 1.0),
        (lambda x, y: x if int(x) % 2 == 0 else 3.0 * x, 1.0),
        (lambda x, y: 5.0 * x if x else 7.0 * x, 5.0),
        (lambda x, y: x * math.ceil(x) * math.trunc(x), 6.0),
    ],
)
def test_a_rule_may_read_what_stays_the_same_nearby(rule, second):
    own = operation(rule, name=f"reads{id(rule)}")(lambda x: 0.5 * x * x)
    x = Value(2.5)
    assert ag.grad(ag.grad(own))(2.5) == second
    (slope,) = differentiate(own(x), [x])
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda z: z * slope, 1.0)
    with pytest.raises(ag.RecordingError):
        ag.record(ag.grad(own), 1.0)


def test_gradients_of_any_order_go_through_it():
    arctangent = make_arctangent()
    x = 0.7
    for order in range(4):
        ours, builtin = arctangent, ag.atan
        for _ in range(order):
            ours, builtin = ag.grad(ours), ag.grad(builtin)
        assert ours(x) == pytest.approx(builtin(x), rel=1e-14)
    ratio = make_ratio()
    ours = ag.hessian(lambda v: ratio(v[0], v[1]))([3.0, 2.0])
    assert ours == [[0.0, -0.25], [-0.25, pytest.approx(0.75)]]


def test_partials_written_with_math_work_once_and_say_why_not_twice():
    @operation(lambda x, y: math.cos(x))
    def sine_in_tests(x):
        return math.sin(x)

    x = Value(0.5, "angle")
    sine_in_tests(x).backward()
    assert x.grad == math.cos(0.5)
    with pytest.raises(
        ag.RecordingError,
        match=r"'angle'.*partials of a user-defined operation.*autograd_core.exp, not math.exp",
    ):
        ag.differentiate(sine_in_tests(x), [x])
    assert float(x) == 0.5  # reading is allowed again


def test_a_selecting_operation_sends_nothing_where_its_partial_is_0():
    @operation(lambda x, y: ag.greater(x, 1.0), selecting=True)
    def above_one(x):
        return max(x - 1.0, 0.0)

    x = Value(0.0)
    above_one(ag.sqrt(x)).backward()
    assert x.grad == 0.0
    assert x.has_grad


def test_the_gradient_check_finds_a_wrong_partial():
    @operation(lambda x, y: 3.0 * x)
    def wrong_square(x):
        return x * x

    with pytest.raises(ag.GradientCheckError, match="wrong_square"):
        check_gradients(lambda x: wrong_square(x), [2.0])


def test_contributions_tell_of_it_as_of_any_other():
    arctangent = make_arctangent()
    x = Value(1.0)
    (only,) = ag.contributions(arctangent(x))
    assert (only.node.op, only.partial, only.after) == ("arctangent", 0.5, 0.5)


def test_errors_of_the_function_name_the_operation_and_its_operands():
    @operation(lambda x, y: 0.5 / y)
    def root_in_tests(x):
        return math.sqrt(x)

    with pytest.raises(ag.DomainError, match=r"root_in_tests\(width=-1\.0\): math domain error"):
        root_in_tests(Value(-1.0, "width"))
    with pytest.raises(
        ag.DivisionError, match=r"root_in_tests\(width=0\.0\): its partials: float division by zero"
    ):
        root_in_tests(Value(0.0, "width"))

    @operation(lambda a, b, y: (0.0, 0.0))
    def power_in_tests(a, b):
        return a**b

    with pytest.raises(ag.DomainError, match="is not a real number"):
        power_in_tests(Value(-0.3), 1.9)
    with pytest.raises(ag.DivisionError, match=r"power_in_tests\(0\.0, -1\.0\)"):
        power_in_tests(Value(0.0), -1.0)


def test_wrong_numbers_of_operands_and_partials_are_refused():
    ratio = make_ratio()
    with pytest.raises(TypeError, match="ratio_in_tests takes 2 operands, not 1"):
        ratio(Value(1.0))

    @operation(lambda a, b, y: (1.0,))
    def lacking(a, b):
        return a + b

    with pytest.raises(
        TypeError, match="lacking: its partials returned 1 numbers for 2 operands; return one for each"
    ):
        lacking(Value(1.0), 2.0)


def test_a_function_that_returns_a_node_or_no_number_is_refused():
    @operation(lambda x, y: 1.0)
    def looping(x):
        return Value(x)

    with pytest.raises(
        TypeError, match="looping: the function of a user-defined operation returns a number, not a Value"
    ):
        looping(Value(1.0))


@pytest.mark.parametrize(
    "thing",
    ["18.75", b"2", np.str_("3"), np.array("3"), np.array(["3"], dtype=object), None, [1.0, 2.0]],
    ids=repr,
)
def test_text_is_no_number_nor_is_nothing(thing):
    @operation(lambda x, y: 1.0)
    def texting(x):
        return thing

    @operation(lambda x, y: (thing,))
    def texting_rule(x):
        return x

    for made in (texting, texting_rule):
        with pytest.raises(TypeError, match=rf"{made.name} returned \w+, not one real number"):
            made(Value(1.0))


@pytest.mark.parametrize("thing", [3, np.float32(3), np.array([3.0]), Fraction(3), Decimal(3)], ids=repr)
def test_whatever_float_takes_is_a_number(thing):
    @operation(lambda x, y: (thing,))
    def numbering(x):
        return thing

    y = numbering(Value(1.0))
    assert y.data == y.partials[0] == 3.0


def test_names_of_built_in_operations_are_taken():
    with pytest.raises(ValueError, match="'tanh' is a built-in operation: give yours another name"):

        @operation(lambda x, y: 1.0)
        def tanh(x):
            return x


def test_a_definition_may_be_repeated_as_in_a_notebook():
    first = make_arctangent()
    node = first(Value(1.0))
    second = make_arctangent()
    assert OPERATIONS["arctangent"] is second
    assert node.operation is first
    assert first(2.0) == second(2.0)


def test_a_name_that_another_function_has_taken_is_refused():
    known = make_arctangent()
    with pytest.raises(
        ValueError,
        match=r"there is an operation 'arctangent' already, made of make_arctangent.*arctangent in",
    ):

        @operation(lambda x, y: 2.0, name="arctangent")
        def double(x):
            return 2.0 * x

    assert OPERATIONS["arctangent"] is known


@pytest.mark.parametrize(
    "function", [lambda *xs: 0.0, lambda: 0.0, lambda x, *, y: 0.0, lambda x, **options: 0.0]
)
def test_a_function_without_a_fixed_number_of_operands_is_refused(function):
    with pytest.raises(TypeError, match="takes a fixed number of positional operands, at least one"):
        operation(lambda x, y: 1.0)(function)


def test_it_obeys_the_modes():
    arctangent = make_arctangent()
    x = Value(1.0)
    with ag.no_grad():
        constant = arctangent(x)
    assert constant.is_constant
    assert constant.is_leaf
    assert constant.data == math.atan(1.0)
    with ag.scope("layer"), ag.diagnose():
        node = arctangent(x)
    assert node.scope == "layer"
    assert node.source[0] == __file__

    @operation(lambda x, y: math.inf)
    def steep(x):
        return x

    with (
        ag.diagnose(),
        pytest.raises(ag.NonFiniteError, match=r"steep\(1\.0\).*partial with respect to operand 0 is inf"),
    ):
        steep(x)
