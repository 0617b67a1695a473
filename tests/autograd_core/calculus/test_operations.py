"""Each operation by itself: its number, its partials, its conventions at singular points."""

import itertools
import math
import pickle
import re
import struct

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, Value
from autograd_core.calculus.operation import add_operation
from autograd_core.calculus.operations import BUILTIN, Operation, Reduction, formula
from autograd_core.engine.nary import apply

mp = pytest.importorskip("mpmath")

EPSILON = 2.0**-52
SPECIAL = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    20.0,
    -20.0,
    710.0,
    -760.0,
    1e308,
    -1e308,
    5e-324,
    -5e-324,
)
SPECIAL += (math.inf, -math.inf, math.nan)

SECTION_4 = [
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "pow",
    "abs",
    "mod",
    "exp",
    "expm1",
    "exp2",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
    "cbrt",
    "square",
    "reciprocal",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "atan2",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "hypot",
    "erf",
    "erfc",
    "lgamma",
    "sigmoid",
    "logsigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "maximum",
    "minimum",
    "clip",
    "where",
    "sign",
    "floor",
    "ceil",
    "sum",
    "dot",
    "mean",
    "logsumexp",
    "softmax",
    "log_softmax",
    "norm",
    "max",
    "min",
]

LIBM = [
    "exp",
    "expm1",
    "exp2",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
    "cbrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "erfc",
    "lgamma",
]


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _positive(x):
    return x if x > 0 else mp.mpf(0)


#: name: (the function at many digits, where it is smooth)
UNARY = {
    "neg": (lambda x: -x, (-3.0, 0.0, 1e300)),
    "abs": (abs, (-2.5, 1e-300, 7.0)),
    "exp": (mp.exp, (-700.0, -1.5, 0.0, 1e-9, 3.0, 700.0)),
    "expm1": (mp.expm1, (-40.0, -1e-12, 1e-12, 2.0, 600.0)),
    "exp2": (lambda x: mp.power(2, x), (-1000.0, -0.3, 0.0, 10.5, 1000.0)),
    "log": (mp.log, (1e-300, 0.3, 1.0, 2.0, 1e300)),
    "log1p": (mp.log1p, (-0.999, -1e-12, 1e-12, 3.0, 1e300)),
    "log2": (lambda x: mp.log(x, 2), (1e-300, 0.3, 3.0, 1e300)),
    "log10": (mp.log10, (1e-300, 0.3, 3.0, 1e300)),
    "sqrt": (mp.sqrt, (1e-300, 0.25, 3.0, 1e300)),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), (-27.5, -1e-200, 1e-200, 0.3, 1e200)),
    "square": (lambda x: x * x, (-3.0, 0.0, 1e-100, 1e100)),
    "reciprocal": (lambda x: 1 / x, (-3.0, 1e-100, 0.7, 1e100)),
    "sin": (mp.sin, (-100.3, -1.0, 0.0, 1e-9, 3.0, 1e5)),
    "cos": (mp.cos, (-100.3, -1.0, 0.0, 1e-9, 3.0, 1e5)),
    "tan": (mp.tan, (-1.2, 0.0, 1e-9, 1.5, 3.0)),
    "asin": (mp.asin, (-0.999, 0.0, 1e-9, 0.5, 0.9999999)),
    "acos": (mp.acos, (-0.999, 0.0, 1e-9, 0.5, 0.9999999)),
    "atan": (mp.atan, (-1e8, -1.0, 0.0, 0.3, 1e8)),
    "sinh": (mp.sinh, (-700.0, -1.0, 0.0, 1e-9, 700.0)),
    "cosh": (mp.cosh, (-700.0, -1.0, 0.0, 1e-9, 700.0)),
    "tanh": (mp.tanh, (-15.0, -1.0, 0.0, 1e-9, 0.5, 15.0)),
    "asinh": (mp.asinh, (-1e200, -1.0, 0.0, 1e-9, 1e7, 1e200)),
    "acosh": (mp.acosh, (1.0000001, 1.5, 10.0, 1e200)),
    "atanh": (mp.atanh, (-0.9999, 0.0, 1e-9, 0.5)),
    "erf": (mp.erf, (-3.0, 0.0, 1e-9, 0.5, 5.0)),
    "erfc": (mp.erfc, (-3.0, 0.0, 0.5, 5.0, 20.0)),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), (-3.3, -0.5, 1e-3, 0.5, 3.3, 50.0, 1e5)),
    "sigmoid": (_sigmoid, (-700.0, -30.0, -1.0, 0.0, 1e-9, 2.0, 30.0)),
    "logsigmoid": (lambda x: mp.log(_sigmoid(x)), (-700.0, -30.0, -1.0, 0.0, 2.0, 30.0)),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), (-700.0, -30.0, -1.0, 0.0, 2.0, 30.0, 700.0)),
    "relu": (_positive, (-3.0, 1e-300, 4.0)),
    "gelu": (lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2, (-8.0, -1.0, 0.0, 0.5, 5.0)),
    "silu": (lambda x: x * _sigmoid(x), (-30.0, -1.0, 0.0, 0.5, 30.0)),
    "leaky_relu": (lambda x: x if x > 0 else mp.mpf(0.01) * x, (-3.0, 4.0)),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), (-30.0, -1.0, -1e-9, 4.0)),
    "sign": (mp.sign, (-3.0, 1e-9, 4.0)),
    "floor": (mp.floor, (-3.5, 0.5, 4.25)),
    "ceil": (mp.ceil, (-3.5, 0.5, 4.25)),
}

BINARY = {
    "pow": (mp.power, ((2.0, 3.0), (0.3, -2.5), (1e-10, 0.5), (7.0, 0.0), (1e10, 1e1), (1.0000001, 1e6))),
    "mod": (lambda a, b: a - b * mp.floor(a / b), ((7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.3, 5.0))),
    "atan2": (mp.atan2, ((1.0, 2.0), (-1.0, -2.0), (1e200, -1e200), (1e-200, 1e-201), (3.0, -1e-9))),
    "hypot": (mp.hypot, ((3.0, 4.0), (-1e200, 1e200), (1e-200, 3e-200), (5.0, -1e-9))),
    "maximum": (lambda a, b: a if a > b else b, ((1.0, 2.0), (2.0, -1.0))),
    "minimum": (lambda a, b: a if a < b else b, ((1.0, 2.0), (2.0, -1.0))),
}

MANY = {
    "sum": lambda *xs: mp.fsum(xs),
    "mean": lambda *xs: mp.fsum(xs) / len(xs),
    "prod": lambda *xs: mp.fprod(xs),
    "logsumexp": lambda *xs: mp.log(mp.fsum(map(mp.exp, xs))),
    "norm": lambda *xs: mp.sqrt(mp.fsum(x * x for x in xs)),
    "max": lambda *xs: max(xs),
    "min": lambda *xs: min(xs),
}
POINTS = ((1.5,), (-1.0, 2.0), (0.3, -0.2, 5.0, 1.0), (30.0, 10.0, -20.0), (-600.0, -610.0))


def bits(number):
    return struct.pack("d", number) if number == number else "nan"


def exactly(function, point, order, operand=0):
    """The derivative at many digits."""
    with mp.workdps(120):
        exact = [mp.mpf(x) for x in point]

        def along(x):
            return function(*exact[:operand], x, *exact[operand + 1 :])

        step = mp.mpf(10) ** -25 * max(abs(exact[operand]), mp.mpf(10) ** -3)
        if abs(exact[operand]) < 1e-20 and exact[operand] != 0:
            step = abs(exact[operand]) * mp.mpf(10) ** -25
        low, middle, high = along(exact[operand] - step), along(exact[operand]), along(exact[operand] + step)
        return (high - low) / (2 * step) if order == 1 else (high - 2 * middle + low) / (step * step)


def close(got, exact, ulps=8.0, scale=0.0):
    """Within a few units in the last place of the exact number, or of `scale`."""
    return abs(mp.mpf(got) - exact) <= ulps * EPSILON * max(abs(exact), mp.mpf(scale), mp.mpf(1e-300))


def call(name, *operands):
    return getattr(ag, name)(*operands)


# --- all of them ---


def test_every_operation_of_the_design_exists_and_knows_its_name():
    for name in SECTION_4:
        assert OPERATIONS[name].name == name
        assert OPERATIONS[name].identifier > 0
    assert callable(ag.prod)
    assert len({rule.identifier for rule in OPERATIONS.values() if rule.identifier}) == len(
        [rule for rule in OPERATIONS.values() if rule.identifier]
    )


def test_every_operation_is_tested_here():
    tested = {
        *UNARY,
        *BINARY,
        *MANY,
        "add",
        "sub",
        "mul",
        "div",
        "dot",
        "clip",
        "where",
        "softmax",
        "log_softmax",
    }
    assert set(SECTION_4) <= tested


# --- one operand ---


@pytest.mark.parametrize("name", LIBM)
def test_a_function_of_math_has_its_bits_and_its_exceptions(name):
    reference = getattr(math, name)
    for x in SPECIAL:
        try:
            expected = bits(reference(x))
        except (ValueError, OverflowError) as error:
            kind = OverflowError if isinstance(error, OverflowError) else ValueError
            for operand in (Value(x), x):
                with pytest.raises(kind, match=re.escape(f"{name}({x!r}): ")):
                    call(name, operand)
            continue
        assert bits(call(name, Value(x)).data) == expected, x
        assert bits(call(name, x)) == expected, x
        assert bits(getattr(Value(x), name)().data) == expected, x


@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_one_operand_has_the_value_and_gradient_of_mathematics(name):
    function, points = UNARY[name]
    for x in points:
        leaf = Value(x)
        y = -leaf if name == "neg" else call(name, leaf)
        y.backward()
        with mp.workdps(60):
            expected = function(mp.mpf(x))
        slope, bend = exactly(function, (x,), 1), exactly(function, (x,), 2)
        assert close(y.data, expected, ulps=4, scale=abs(float(x * slope))), (x, y)
        conditioning = abs(float(x * bend)) + (1.0 if name in ("tanh", "sigmoid") else 0.0)
        assert close(leaf.grad, slope, scale=conditioning), (x, leaf.grad, float(slope))
        assert y.partials[0] == leaf.grad


@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_one_operand_has_the_second_derivative_of_mathematics(name):
    function, points = UNARY[name]
    apply = (lambda x: -x) if name == "neg" else getattr(ag, name)
    for x in points:
        bend = exactly(function, (x,), 2)
        if not 1e-250 < abs(bend) < 1e250:
            continue
        slope = float(exactly(function, (x,), 1))
        got = ag.grad(ag.grad(apply))(x)
        assert close(got, bend, ulps=1e3, scale=max(abs(slope), 1.0)), (x, got, float(bend))


def test_lgamma_is_differentiable_as_often_as_wanted():
    x = 2.5
    f = ag.lgamma
    for order in range(5):
        with mp.workdps(40):
            exact = mp.log(mp.gamma(mp.mpf(x))) if order == 0 else mp.polygamma(order - 1, mp.mpf(x))
        assert f(x) == pytest.approx(float(exact), rel=1e-13)
        f = ag.grad(f)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("x", [1e-3, 0.5, 1.0, 3.7, 11.9, 12.1, 1e4, -0.5, -3.3])
def test_polygamma_agrees_with_many_digits(order, x):
    with mp.workdps(40):
        exact = float(mp.polygamma(order, mp.mpf(x)))
    assert ag.polygamma(order, x) == pytest.approx(exact, rel=2e-13)


@pytest.mark.parametrize(
    ("a", "b"),
    [(1.0, 1e10), (1.0, 200.0), (0.5, 300.0), (2.0, 1e20), (9.9, 1e15), (100.0, 100.0), (300.0, 400.0),
     (0.1, 150.3), (1.0, 1e-20), (2.0, 1e8), (1e-20, 1e-20), (1e-301, 171.0), (1e-5, 3e7), (1e-13, 1e-11)],
)  # fmt: skip
def test_beta_and_its_gradient_keep_their_digits_for_operands_of_any_size(a, b):
    nodes = Value(a), Value(b)
    y = ag.beta(*nodes)
    y.backward()
    with mp.workdps(400):
        a, b = mp.mpf(a), mp.mpf(b)
        exact = mp.exp(mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b))
        slopes = [exact * (mp.digamma(x) - mp.digamma(a + b)) for x in (a, b)]
        accuracy = 2e-15 * max(1.0, abs(float(mp.log(exact))))
    assert y.data == pytest.approx(float(exact), rel=accuracy, abs=0.0)
    for node, slope in zip(nodes, slopes, strict=True):
        if abs(slope) < 1e308:
            assert node.grad == pytest.approx(float(slope), rel=2 * accuracy, abs=0.0)
        else:
            assert node.grad == -math.inf


def test_beta_vanishes_at_infinity_and_tells_what_leaves_the_floats():
    assert ag.beta(1.0, math.inf) == 0.0
    assert ag.beta(1.0, 1e308) == pytest.approx(1e-308)
    assert ag.beta(1e8, 1e8) == 0.0
    for one in (1.0, Value(1.0)):
        with pytest.raises(ag.RangeError, match="beta"):
            ag.beta(one, 5e-324)
    assert math.isnan(ag.beta(1.0, math.nan))


def test_the_operands_of_special_functions_have_names_of_their_own():
    assert OPERATIONS["beta"].parameters == ("a", "b")
    assert ag.beta(a=2.0, b=3.0) == Value(2.0).beta(b=3.0).data
    assert OPERATIONS["polygamma"].parameters == ("order", "x")


def test_lgamma_has_a_slope_far_left_too():
    with mp.workdps(40):
        exact = float(mp.digamma(mp.mpf(-100000000.5)))
    assert ag.grad(ag.lgamma)(-100000000.5) == pytest.approx(exact, rel=1e-15)
    assert ag.grad(ag.lgamma)(1e300) == pytest.approx(math.log(1e300))


@pytest.mark.parametrize(
    ("order", "x"), [(150, 2.0), (150, 0.1), (145, 40.0), (150, 140.5), (139, 713.7), (100, 2e3), (120, 3.0)]
)
def test_polygamma_of_a_high_order_does_not_leave_the_floats_on_the_way(order, x):
    with mp.workdps(200):
        exact = float(mp.polygamma(order, mp.mpf(x)))
    assert ag.polygamma(order, x) == pytest.approx(exact, rel=1e-13, abs=0.0)


def test_an_operation_accepts_plain_numbers_and_answers_in_kind():
    for name, (_, points) in UNARY.items():
        if name != "neg":
            result = call(name, points[-1])
            assert type(result) is float
            assert bits(result) == bits(call(name, Value(points[-1])).data)


# --- two and three operands ---


@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_operands_has_the_value_and_gradient_of_mathematics(name):
    function, points = BINARY[name]
    for point in points:
        a, b = Value(point[0]), Value(point[1])
        y = call(name, a, b)
        y.backward()
        with mp.workdps(60):
            assert close(y.data, function(*map(mp.mpf, point)), ulps=4), point
        for operand, leaf in enumerate((a, b)):
            slope, bend = exactly(function, point, 1, operand), exactly(function, point, 2, operand)
            scale = abs(float(bend) * point[operand]) + (
                abs(math.log(point[0]) * y.data) if name == "pow" else 0.0
            )
            assert close(leaf.grad, slope, scale=scale), (point, operand, leaf.grad, float(slope))


@pytest.mark.parametrize("name", ["pow", "atan2", "hypot", "mod"])
def test_a_function_of_two_operands_has_the_hessian_of_mathematics(name):
    function, points = BINARY[name]
    for point in points:
        if max(map(abs, point)) > 1e3 or min(map(abs, point)) < 1e-3 or name == "mod":
            continue
        got = ag.hessian(lambda x: call(name, x[0], x[1]))(list(point))
        with mp.workdps(40):
            for j in range(2):
                for k in range(2):
                    order = [0, 0]
                    order[j] += 1
                    order[k] += 1
                    exact = float(mp.diff(function, point, tuple(order)))
                    assert got[j][k] == pytest.approx(exact, rel=1e-11, abs=1e-12), (point, j, k)


@pytest.mark.parametrize("name", ["pow", "mod", "atan2", "hypot"])
def test_a_function_of_two_operands_has_the_bits_of_python(name):
    reference = {"pow": pow, "mod": lambda a, b: a % b, "atan2": math.atan2, "hypot": math.hypot}[name]
    for a in SPECIAL:
        for b in SPECIAL:
            try:
                expected = reference(a, b)
            except (ZeroDivisionError, OverflowError) as error:
                with pytest.raises(type(error)):
                    call(name, Value(a), Value(b))
                with pytest.raises(type(error)):
                    call(name, a, b)
                continue
            if isinstance(expected, complex):
                with pytest.raises(ag.DomainError):
                    call(name, Value(a), Value(b))
                continue
            assert bits(call(name, Value(a), Value(b)).data) == bits(expected), (a, b)
            assert bits(call(name, a, b)) == bits(expected), (a, b)


def test_sums_and_products_have_the_partials_of_school():
    a, b = Value(3.0), Value(-4.0)
    for node, expected in (
        (a + b, (1.0, 1.0)),
        (a - b, (1.0, -1.0)),
        (a * b, (-4.0, 3.0)),
        (a / b, (-0.25, -3.0 / 16.0)),
    ):
        assert node.partials == expected


@pytest.mark.parametrize(
    ("x", "value", "partials"),
    [(-2.0, -1.0, (0.0, 1.0, 0.0)), (0.5, 0.5, (1.0, 0.0, 0.0)), (9.0, 3.0, (0.0, 0.0, 1.0))],
)
def test_clip_sends_its_gradient_to_the_operand_that_it_returns(x, value, partials):
    node = ag.clip(Value(x), Value(-1.0), Value(3.0))
    assert node.data == value
    assert node.partials == partials


def test_clip_refuses_bounds_in_the_wrong_order():
    with pytest.raises(ValueError, match=r"lower bound 2 must be at most the upper bound 1"):
        ag.clip(Value(0.0), 2, 1)
    with pytest.raises(TypeError, match="a number is wanted, not None"):
        ag.clip(Value(0.0), None, 1)


@pytest.mark.parametrize("condition", [True, 1, -2.0, math.nan, Value(0.5), False, 0, -0.0, Value(0.0)])
def test_where_takes_a_branch_by_the_truth_of_its_condition(condition):
    taken = bool(condition)
    a, b = Value(1.0), Value(2.0)
    node = ag.where(condition, a, b)
    node.backward()
    assert node.data == (1.0 if taken else 2.0)
    assert (a.grad, b.grad) == ((1.0, 0.0) if taken else (0.0, 1.0))


def test_comparisons_make_nodes_of_0_and_1():
    a, b = Value(1.0), Value(2.0)
    for name, expected in (
        ("greater", 0.0),
        ("greater_equal", 0.0),
        ("less", 1.0),
        ("less_equal", 1.0),
        ("equal", 0.0),
    ):
        node = call(name, a, b)
        assert node.data == expected
        assert node.partials == (0.0, 0.0)
        assert getattr(a, name)(b).data == expected
        assert call(name, 1.0, 2.0) == expected
        assert call(name, a, a).data == float(name in ("greater_equal", "less_equal", "equal"))
        assert call(name, a, math.nan).data == 0.0


# --- any number of operands ---


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("point", POINTS)
def test_a_reduction_has_the_value_and_gradient_of_mathematics(name, point):
    leaves = [Value(x) for x in point]
    y = call(name, leaves)
    y.backward()
    function = MANY[name]
    with mp.workdps(60):
        assert close(
            y.data, function(*map(mp.mpf, point)), ulps=8, scale=max(map(abs, point)) if name != "prod" else 0
        )
    for operand, leaf in enumerate(leaves):
        exact = exactly(function, point, 1, operand)
        assert close(leaf.grad, exact, ulps=64), (operand, leaf.grad, float(exact))
    assert bits(call(name, list(point))) == bits(y.data)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("point", POINTS)
def test_softmax_has_the_value_and_gradient_of_mathematics(name, point):
    def function(index):
        def softmax(*xs):
            p = mp.exp(xs[index]) / mp.fsum(map(mp.exp, xs))
            return p if name == "softmax" else mp.log(p)

        return softmax

    for index in range(len(point)):
        leaves = [Value(x) for x in point]
        y = call(name, leaves)[index]
        assert y.index == index
        y.backward()
        with mp.workdps(60):
            scale = 1.0 if name == "log_softmax" else 0.0
            assert close(y.data, function(index)(*map(mp.mpf, point)), ulps=64, scale=scale)
        for operand, leaf in enumerate(leaves):
            exact = exactly(function(index), point, 1, operand)
            assert close(leaf.grad, exact, ulps=64, scale=1.0), (index, operand)
        assert bits(call(name, list(point))[index]) == bits(y.data)


@pytest.mark.parametrize("name", ["logsumexp", "norm", "prod", "mean"])
def test_a_reduction_has_the_hessian_of_mathematics(name):
    point = [0.3, -1.2, 2.0]
    got = ag.hessian(lambda xs: call(name, xs))(point)
    with mp.workdps(40):
        for j in range(3):
            for k in range(3):
                order = [0, 0, 0]
                order[j] += 1
                order[k] += 1
                exact = float(mp.diff(MANY[name], point, tuple(order)))
                assert got[j][k] == pytest.approx(exact, rel=1e-11, abs=1e-12)


def test_dot_adds_in_order_with_the_bits_of_the_chain_it_replaces():
    weights, inputs = [0.1, 0.2, -0.3, 1e16, -1e16], [0.7, 1.1, 0.9, 1.0, 1.0]
    for bias in (None, 0.3):
        total = weights[0] * inputs[0] if bias is None else bias
        for w, x in list(zip(weights, inputs, strict=True))[1 if bias is None else 0 :]:
            total = total + w * x
        ws, xs = [Value(w) for w in weights], [Value(x) for x in inputs]
        node = ag.dot(ws, xs, bias)
        assert bits(node.data) == bits(total)
        assert bits(ag.dot(weights, inputs, bias)) == bits(total)
        assert node.parents[:10] == (*ws, *xs)
        assert node.partials[:10] == (*inputs, *weights)


def test_dot_is_one_node_whose_bias_comes_last():
    w, x, b = Value(2.0), Value(3.0), Value(0.5)
    node = ag.dot([w], [x], b)
    assert node.parents == (w, x, b)
    assert node.partials == (3.0, 2.0, 1.0)
    assert node.op == "dot"
    node = ag.dot([w], [x])
    assert node.parents == (w, x)
    node.backward()
    assert (w.grad, x.grad) == (3.0, 2.0)


def test_dot_of_unequal_lengths_and_reductions_of_nothing_are_refused():
    with pytest.raises(ValueError, match="dot of 2 weights and 1 inputs: the lengths must be equal"):
        ag.dot([Value(1.0), 2.0], [1.0])
    with pytest.raises(ValueError, match="dot needs at least one number"):
        ag.dot([], [])
    for name in ("mean", "logsumexp", "norm", "max", "min"):
        with pytest.raises(ValueError, match=f"{name} needs at least one number"):
            call(name, [])
    assert ag.sum([]) == 0.0
    assert ag.prod([]) == 1.0


def test_reductions_mix_values_with_numbers_and_take_generators():
    x = Value(2.0)
    node = ag.sum(number for number in (1, x, 3.5))
    assert node.data == 6.5
    assert node.parents[1] is x
    assert node.parents[0].is_constant
    assert ag.sum([1.0, 2.0]) == 3.0
    assert ag.sum([1.0], start=x).data == 3.0
    assert ag.prod([x, 3.0], start=2).data == 12.0
    with pytest.raises(TypeError, match="not the text 'a'"):
        ag.sum([x, "a"])
    with pytest.raises(TypeError, match="not None"):
        ag.softmax([x, None])


def test_products_with_zeros_have_right_gradients_of_any_order():
    assert ag.grad(lambda xs: ag.prod(xs))([0.0, 2.0, 3.0]) == [6.0, 0.0, 0.0]
    assert ag.grad(lambda xs: ag.prod(xs))([0.0, 0.0, 3.0]) == [0.0, 0.0, 0.0]
    assert ag.hessian(lambda xs: ag.prod(xs))([0.0, 0.0, 3.0])[0][1] == 3.0


# --- conventions at singular points and ties ---


def slope(function, *point):
    leaves = [Value(x) for x in point]
    function(*leaves).backward()
    grads = [leaf.grad for leaf in leaves]
    return grads[0] if len(grads) == 1 else tuple(grads)


CONVENTIONS = [
    (ag.relu, (0.0,), 0.0),
    (ag.relu, (-0.0,), 0.0),
    (lambda x: ag.leaky_relu(x, 0.1), (0.0,), 0.1),
    (lambda x: ag.elu(x, 2.0), (0.0,), 2.0),
    (abs, (0.0,), 0.0),
    (abs, (-0.0,), 0.0),
    (ag.hypot, (0.0, 0.0), (0.0, 0.0)),
    (lambda *xs: ag.norm(xs), (0.0, 0.0), (0.0, 0.0)),
    (ag.atan2, (0.0, 0.0), (0.0, 0.0)),
    (ag.maximum, (2.0, 2.0), (0.5, 0.5)),
    (ag.minimum, (2.0, 2.0), (0.5, 0.5)),
    (ag.maximum, (0.0, -0.0), (0.5, 0.5)),
    (lambda *xs: ag.max(xs), (1.0, 1.0, 0.0, 1.0), (1 / 3, 1 / 3, 0.0, 1 / 3)),
    (lambda *xs: ag.min(xs), (1.0, 1.0, 2.0), (0.5, 0.5, 0.0)),
    (ag.clip, (1.0, 1.0, 2.0), (1.0, 0.0, 0.0)),
    (ag.clip, (2.0, 1.0, 2.0), (1.0, 0.0, 0.0)),
    (ag.where, (1.0, 5.0, 6.0), (0.0, 1.0, 0.0)),
    (ag.floor, (2.0,), 0.0),
    (ag.ceil, (2.0,), 0.0),
    (ag.sign, (0.0,), 0.0),
    (ag.greater, (1.0, 1.0), (0.0, 0.0)),
    (lambda x: x**0, (0.0,), 0.0),
    (lambda x: x**0.0, (3.0,), 0.0),
    (lambda x: x**1, (0.0,), 1.0),
    (lambda x: x**2, (0.0,), 0.0),
    (lambda a, b: a**b, (0.0, 2.0), (0.0, 0.0)),
    (ag.sqrt, (0.0,), math.inf),
    (ag.cbrt, (0.0,), math.inf),
    (lambda x: x**0.5, (0.0,), math.inf),
    (ag.stop_gradient, (3.0,), 0.0),
]


@pytest.mark.parametrize(("function", "point", "expected"), CONVENTIONS)
def test_the_conventions_at_singular_points_and_ties_hold(function, point, expected):
    assert slope(function, *point) == expected


@pytest.mark.parametrize(("function", "point", "expected"), CONVENTIONS)
def test_the_conventions_hold_in_gradients_that_are_graphs(function, point, expected):
    leaves = [Value(x) for x in point]
    got = ag.differentiate(function(*leaves), leaves)
    numbers = tuple(node.data for node in got)
    assert (numbers[0] if len(numbers) == 1 else numbers) == expected


def test_the_branch_not_taken_gets_exactly_zero():
    x = Value(0.0)
    ag.where(x > 0, ag.sqrt(x), x).backward()
    assert x.grad == 1.0
    x = Value(0.0)
    root = ag.sqrt(x)  # infinite slope
    ag.where(ag.greater(x, 0.0), root, 2.0 * x).backward()
    assert x.grad == 2.0
    assert root.grad == 0.0
    x = Value(0.0)
    ag.maximum(ag.sqrt(x), 1.0).backward()
    assert x.grad == 0.0
    x = Value(0.0)
    (ag.relu(ag.sqrt(x) - 1.0) + x).backward()
    assert x.grad == 1.0
    x = Value(0.0)
    ag.clip(ag.sqrt(x), 1.0, 2.0).backward()
    assert x.grad == 0.0
    x = Value(0.0)
    ag.max([ag.sqrt(x), Value(3.0)]).backward()
    assert x.grad == 0.0


@pytest.mark.parametrize("x", [-2.0, -1.0, -0.0, 0.0, 3.0])
def test_whole_powers_of_any_number_are_differentiable_as_often_as_wanted(x):
    f = lambda x: x**3  # noqa: E731
    assert [ag.grad(f)(x), ag.grad(ag.grad(f))(x), ag.grad(ag.grad(ag.grad(f)))(x)] == [3 * x * x, 6 * x, 6.0]
    assert ag.hessian(lambda v: v[0] ** 2 + v[0] * v[1] ** 2)([x, x]) == [[2.0, 2 * x], [2 * x, 2 * x]]


def test_the_branch_not_taken_gets_exactly_zero_at_higher_order_too():
    def safe(x):
        return ag.where(ag.greater(x, 0.0), ag.sqrt(ag.where(ag.greater(x, 0.0), x, 1.0)), x * x)

    assert ag.grad(ag.grad(safe))(-1.0) == 2.0
    assert ag.grad(safe)(0.0) == 0.0


def test_a_number_that_is_not_a_number_stays_one():
    nan = math.nan
    for function in (
        abs,
        ag.relu,
        ag.sign,
        ag.floor,
        ag.ceil,
        ag.leaky_relu,
        ag.elu,
        ag.sigmoid,
        ag.softplus,
        ag.gelu,
        ag.silu,
    ):
        assert math.isnan(function(Value(nan)).data), function
    for function in (ag.maximum, ag.minimum, ag.hypot, ag.atan2, lambda a, b: ag.clip(a, b, 3.0)):
        assert math.isnan(function(Value(nan), Value(1.0)).data), function
    assert math.isnan(ag.maximum(1.0, nan))
    for reduction in (ag.sum, ag.mean, ag.logsumexp, ag.norm, ag.max, ag.min):
        assert math.isnan(reduction([Value(1.0), Value(nan), Value(2.0)]).data), reduction


# --- stable forms ---


@pytest.mark.parametrize(
    ("function", "x", "value", "gradient"),
    [
        (ag.tanh, 1000.0, 1.0, 0.0),
        (ag.tanh, -1000.0, -1.0, 0.0),
        (ag.sigmoid, 1000.0, 1.0, 0.0),
        (ag.sigmoid, -1000.0, 0.0, 0.0),
        (ag.softplus, 1000.0, 1000.0, 1.0),
        (ag.softplus, -1000.0, 0.0, 0.0),
        (ag.logsigmoid, 1000.0, 0.0, 0.0),
        (ag.logsigmoid, -1000.0, -1000.0, 1.0),
        (ag.silu, -1000.0, 0.0, 0.0),
        (ag.silu, 1000.0, 1000.0, 1.0),
        (ag.gelu, -1000.0, 0.0, 0.0),
        (ag.gelu, 1000.0, 1000.0, 1.0),
        (ag.elu, -1000.0, -1.0, 0.0),
        (ag.elu, 1000.0, 1000.0, 1.0),
    ],
)
def test_activations_neither_overflow_nor_raise_far_out(function, x, value, gradient):
    leaf = Value(x)
    node = function(leaf)
    node.backward()
    assert node.data == value
    assert leaf.grad == gradient
    assert ag.grad(ag.grad(function))(x) == 0.0


def test_softmax_and_its_relatives_neither_overflow_nor_underflow_far_out():
    logits = [Value(1000.0), Value(0.0), Value(-1000.0)]
    assert [p.data for p in ag.softmax(logits)] == [1.0, 0.0, 0.0]
    assert [p.data for p in ag.log_softmax(logits)] == [0.0, -1000.0, -2000.0]
    assert ag.logsumexp(logits).data == 1000.0
    assert ag.logsumexp([1000.0, 1000.0]) == pytest.approx(1000.0 + math.log(2.0), rel=1e-15)
    assert ag.logsumexp([-math.inf, -math.inf]) == -math.inf
    assert ag.logsumexp([-math.inf, 1.0]) == 1.0
    assert ag.logsumexp([math.inf, 1.0]) == math.inf
    ag.log_softmax(logits)[2].backward()
    assert [x.grad for x in logits] == [-1.0, 0.0, 1.0]


def test_norms_neither_overflow_nor_underflow():
    assert ag.norm([3e200, 4e200]) == pytest.approx(5e200, rel=1e-15)
    assert ag.norm([3e-200, 4e-200]) == pytest.approx(5e-200, rel=1e-15)
    assert ag.norm([math.inf, 1.0]) == math.inf
    assert ag.norm([Value(1.0), Value(-math.inf)]).data == math.inf
    assert slope(lambda *xs: ag.norm(xs), 3e200, 4e200) == pytest.approx((0.6, 0.8), rel=1e-15)


# --- an independent reference ---


def _torch_functions(torch):
    F = torch.nn.functional

    def over(function):
        return lambda *xs: function(torch.stack(xs))

    return {
        **{name: getattr(torch, name) for name in UNARY if hasattr(torch, name)},
        **{name: getattr(torch, name) for name in ("pow", "atan2", "hypot", "maximum", "minimum")},
        "cbrt": None,
        "mod": torch.remainder,
        "logsigmoid": F.logsigmoid,
        "softplus": lambda x: F.softplus(x, threshold=1e9),
        "leaky_relu": F.leaky_relu,
        "elu": F.elu,
        "gelu": F.gelu,
        "silu": F.silu,
        "sum": over(torch.sum),
        "mean": over(torch.mean),
        "prod": over(torch.prod),
        "logsumexp": over(lambda x: torch.logsumexp(x, 0)),
        "norm": over(torch.linalg.vector_norm),
        "max": over(torch.amax),
        "min": over(torch.amin),
    }


@pytest.mark.parametrize("name", [*UNARY, *BINARY, *MANY])
def test_pytorch_finds_the_same_gradients(name):
    torch = pytest.importorskip("torch")
    function = _torch_functions(torch).get(name)
    if function is None:
        pytest.skip("PyTorch has no such function")
    if name in MANY:
        points = POINTS
    elif name in BINARY:
        points = BINARY[name][1]
    else:
        points = [(x,) for x in UNARY[name][1]]
    for point in points:
        if max(map(abs, point)) > 1e8 or (name in ("hypot", "atan2") and min(map(abs, point)) < 1e-100):
            continue  # PyTorch's own formulas overflow there
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
        expected = function(*tensors)
        expected.backward()
        leaves = [Value(x) for x in point]
        if name == "neg":
            node = -leaves[0]
        else:
            node = call(name, leaves) if name in MANY else call(name, *leaves)
        node.backward()
        assert node.data == pytest.approx(expected.item(), rel=1e-13, abs=1e-15), point
        for leaf, tensor in zip(leaves, tensors, strict=True):
            near_edge = name in ("asin", "acos", "acosh") and abs(abs(point[0]) - 1.0) < 1e-6
            rel = 1e-9 if near_edge else 1e-12  # PyTorch computes 1 - x * x there
            assert leaf.grad == pytest.approx(tensor.grad.item(), rel=rel, abs=1e-15), point


# --- the rows themselves ---


def raises(rule, operands):
    try:
        apply(rule, [Value(x) for x in operands])
    except (ValueError, ArithmeticError):
        return True
    return False


@pytest.mark.parametrize("name", [rule.name for rule in BUILTIN])
def test_a_row_says_whether_the_operation_ever_raises(name):
    """Programs look for results that are not finite only behind operations that may have raised."""
    rule = OPERATIONS[name]
    numbers = (0.0, -0.0, 1.0, -2.0, 2.5, 1e308, -1e308, 5e-324, -750.0, math.inf, -math.inf, math.nan)
    some = itertools.product(numbers, repeat=rule.arity or 2)
    assert any(raises(rule, operands) for operands in some) == rule.raises


def test_a_row_says_whether_no_gradient_ever_passes():
    silent = {rule.name for rule in BUILTIN if rule.sends_nothing}
    steps = {"sign", "floor", "ceil", "rint", "stop_gradient"}
    assert silent == steps | {"greater", "greater_equal", "less", "less_equal", "equal"}


def test_there_are_no_two_rows_of_one_name():
    with pytest.raises(ValueError, match="two rows for the operation 'tanh'"):
        add_operation(Operation("tanh", lambda x: x, lambda x, y: 1.0))


def test_a_rule_computes_on_plain_numbers_what_a_node_computes():
    for name, rule in OPERATIONS.items():
        if not rule.identifier or isinstance(rule, Reduction) or rule.arity is None:
            continue
        operands = {"acosh": (1.5,), "polygamma": (1.0, 2.5), "ierfcx": (1.0, 2.5)}.get(
            name, (0.25, 0.75, 0.5)[: rule.arity]
        )
        nodes = [Value(x) for x in operands]
        node = ag.engine.nary.apply(rule, nodes)
        assert bits(rule.value(*operands)) == bits(node.data), name
        expected = tuple(float(partial) for partial in rule.partials(operands, node.data))
        assert node.partials == expected, name


@pytest.mark.parametrize(
    "rule",
    [
        lambda x, y: 3.0 if y else 2.0,
        lambda x, y: 3.0 if x == 0.0 else 2.0,
        lambda x, y: 3.0 if x != 1.0 else 2.0,
        lambda x, y: float(not x) + 2.0,
        lambda x, y: 3.0 if x in (0.0, 1.0) else 2.0,
        lambda x, y: 3.0 if x > 0.0 else 2.0,
    ],
)
def test_a_rule_that_asks_which_number_it_is_has_no_formula(rule):
    @ag.operation(rule)
    def asking(x):
        return 2.0 * x

    assert formula(asking(Value(0.0)).operation) == "dasking/dx"


def test_a_comparison_in_a_formula_is_a_number():
    assert formula(OPERATIONS["heaviside"], 1) == "(1 if a == 0 else 0)"
    assert formula(OPERATIONS["where"], 1) == "(1 if a != 0 else 0)"


def test_a_formula_tells_the_partial_in_words_of_mathematics():
    assert formula(OPERATIONS["tanh"]) == "1 - y * y"
    assert formula(OPERATIONS["mul"], 0) == "b"
    assert formula(OPERATIONS["mul"], 1, ("u", "v")) == "u"
    assert formula(OPERATIONS["div"], 1) == "-(y / b)"
    for rule in OPERATIONS.values():
        if rule.identifier:
            for operand in range(rule.arity or 1):
                assert formula(rule, operand)


def test_operations_pickle_by_name():
    for rule in OPERATIONS.values():
        if rule.identifier:
            assert pickle.loads(pickle.dumps(rule)) is rule
    assert repr(OPERATIONS["tanh"]) == "<operation tanh>"


def test_an_operation_applied_to_a_wrong_number_of_operands_is_refused():
    with pytest.raises(TypeError, match="mul takes 2 operands, not 1"):
        ag.engine.nary.apply(OPERATIONS["mul"], [Value(1.0)])
    with pytest.raises(ValueError, match="sum needs at least one number"):
        ag.engine.nary.apply(OPERATIONS["sum"], [])


def test_a_partial_that_happens_to_be_0_keeps_its_own_derivative():
    assert ag.hessian(lambda v: ag.hypot(v[0], v[1]))([0.0, 4.0]) == [[0.25, 0.0], [0.0, 0.0]]
    assert ag.hessian(lambda v: ag.norm(v))([0.0, 4.0]) == [[0.25, 0.0], [0.0, 0.0]]
    assert ag.hessian(lambda v: ag.leaky_relu(v[0], v[1]))([-2.0, 0.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert ag.hessian(lambda v: ag.elu(v[0], v[1]))([-2.0, 0.0])[0][1] == math.exp(-2.0)
    assert ag.hessian(lambda v: v[0] * v[1])([0.0, 0.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert ag.hessian(lambda v: ag.dot(v[:2], v[2:]))([0.0] * 4)[0][2] == 1.0
    assert ag.grad(ag.grad(ag.cosh))(0.0) == 1.0
    assert ag.grad(ag.grad(lambda x: ag.sin(x) ** 2))(0.0) == 2.0


def test_only_choices_between_operands_are_selecting():
    selecting = {name for name, rule in OPERATIONS.items() if rule.identifier and rule.selecting}
    choices = {"abs", "relu", "maximum", "minimum", "where", "clip", "max", "min"}
    steps = {
        "sign",
        "floor",
        "ceil",
        "rint",
        "complement",
        "heaviside",
        "copysign",
        "ierfcx",
        "stop_gradient",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "equal",
        "polygamma",
    }
    assert selecting == choices | steps
