"""Derivatives as functions."""

import functools
import itertools
import math
from collections import namedtuple

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import (
    Value,
    differentiate,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    transforms,
    value_and_grad,
    vjp,
)


def rosenbrock(x):
    return sum(100.0 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x))


def swirl(x):
    """From three numbers to two."""
    return [ag.sin(x[0]) * x[1], x[1] ** 2 + ag.exp(x[2]) * x[0]]


SWIRL_AT = [0.5, -1.5, 0.25]
SWIRL_JACOBIAN = [
    [math.cos(0.5) * -1.5, math.sin(0.5), 0.0],
    [math.exp(0.25), -3.0, math.exp(0.25) * 0.5],
]


# --- grad ---


def test_grad_returns_a_float_for_a_float():
    slope = grad(lambda x: x**3 + 2 * x)(2)
    assert type(slope) is float
    assert slope == 14.0


def test_grad_returns_the_form_of_its_argument():
    point = namedtuple("point", "x y")

    def f(p):
        return p["a"] * p["b"][0] + p["b"][1] ** 2 + p["c"].x * p["c"].y

    result = grad(f)({"a": 2.0, "b": [3.0, 4.0], "c": point(5.0, 6.0)})
    assert result == {"a": 3.0, "b": [2.0, 8.0], "c": point(6.0, 5.0)}
    assert type(result["c"]) is point
    assert grad(lambda t: t[0] * t[1])((2.0, 3.0)) == (3.0, 2.0)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1,), (2, 1, 2), (0,)])
def test_grad_of_an_array_is_an_array_of_that_shape(shape):
    x = np.arange(math.prod(shape), dtype=float).reshape(shape) - 1.5
    got = grad(lambda a: ag.sum((a**2).ravel()))(x)
    assert got.shape == shape
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, 2 * x)


def test_arrays_of_whole_numbers_and_single_precision_become_doubles():
    for dtype in (int, np.float32):
        got = grad(lambda a: (a**2).sum())(np.array([1, 2, 3], dtype=dtype))
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, [2.0, 4.0, 6.0])


def test_arguments_are_chosen_by_number():
    def f(a, b, c=1.0):
        return a * b**2 * c

    assert grad(f, 1)(2.0, 3.0) == 12.0
    assert grad(f, (0, 1))(2.0, 3.0) == (9.0, 12.0)
    assert grad(f, [1, 0])(2.0, 3.0) == (12.0, 9.0)
    assert grad(f, -1)(2.0, 3.0) == 12.0
    assert grad(f)(2.0, 3.0, c=10.0) == 90.0
    with pytest.raises(TypeError, match="argument 2 is to be differentiated, but the function was given 2"):
        grad(f, 2)(2.0, 3.0)


def test_value_and_grad_returns_both():
    value, slope = value_and_grad(lambda x: x**2)(3.0)
    assert (value, slope) == (9.0, 6.0)
    assert type(value) is float


def test_a_function_that_ignores_its_argument_has_gradient_zero():
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert grad(lambda x: Value(3.0))(2.0) == 0.0
    assert grad(lambda x: x[0])([2.0, 5.0]) == [1.0, 0.0]
    assert value_and_grad(lambda x: 3)(2.0) == (3.0, 0.0)
    assert jacobian(lambda x: [x[0], 1.0])([2.0, 5.0]) == [[1.0, 0.0], [0.0, 0.0]]


def test_a_function_that_returns_its_argument_has_gradient_one():
    assert grad(lambda x: x)(2.0) == 1.0
    assert grad(grad(lambda x: x))(2.0) == 0.0


def test_a_one_element_array_counts_as_one_number():
    assert grad(lambda x: np.array([x * x]))(3.0) == 6.0


def test_gradients_of_other_values_are_left_alone():
    weight, beside = Value(3.0, "weight"), Value(4.0)
    weight.grad = 7.0
    shared = weight * 2.0
    assert grad(lambda x: x * weight + shared * beside)(2.0) == 3.0
    assert hessian(lambda x: x * x * weight)(2.0) == 6.0
    assert (weight.grad, shared.has_grad, beside.has_grad) == (7.0, False, False)


def test_gradients_of_any_order():
    f = ag.sin
    expected = [math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin]
    for order in expected:
        assert f(0.7) == pytest.approx(order(0.7), rel=1e-15)
        f = grad(f)
    power = functools.reduce(lambda g, _: grad(g), range(5), lambda x: x**5)
    assert power(3.0) == 120.0


def test_an_inner_gradient_may_depend_on_an_outer_variable():
    """Perturbations of different levels are not confused (Siskind and Pearlmutter 2005)."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(2.0) == 4.0
    assert grad(lambda x: grad(lambda y: x * y**2)(3.0) * x)(2.0) == 24.0
    value, slope = value_and_grad(lambda x: x * value_and_grad(lambda y: x * y)(5.0)[0])(2.0)
    assert (value, slope) == (20.0, 20.0)
    assert grad(lambda x: jvp(lambda y: x * y, (1.0,), (1.0,))[1])(2.0) == 1.0
    assert grad(lambda x: vjp(lambda y: x * x * y, 1.0)[1](1.0)[0])(3.0) == 6.0
    assert grad(lambda x: jacobian(lambda v: [x * v[0], x * x * v[1]])([1.0, 1.0])[1][1])(3.0) == 6.0
    assert grad(lambda x: hessian(lambda y: x * y**3)(2.0))(5.0) == 12.0


def test_derivatives_do_not_mind_an_outer_no_grad():
    with ag.no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert hessian(lambda x: x**3)(2.0) == 12.0
        assert jvp(lambda x: x * x, (3.0,), (1.0,)) == (9.0, 6.0)
        assert vjp(lambda x: x * x, 3.0)[1](1.0) == (6.0,)
        assert (Value(1.0) * 2.0).is_constant

    def with_frozen_part(x):
        with ag.no_grad():
            frozen = x * x
        return frozen * x

    assert grad(with_frozen_part)(3.0) == 9.0


def test_called_with_values_it_returns_graphs():
    x = Value(2.0, "x")
    slope = grad(lambda v: v**3)(x)
    assert isinstance(slope, Value)
    assert slope.data == 12.0
    slope.backward()
    assert x.grad == 12.0
    value, slope = value_and_grad(lambda v: v**3)(x)
    assert (value.data, slope.data) == (8.0, 12.0)


def test_a_gradient_penalty_can_be_trained():
    """The gradient with respect to the inputs takes part in a loss (Drucker and Le Cun 1992)."""
    w = Value(0.7, "w")
    slope = grad(lambda x: ag.tanh(w * x))(Value(0.3))
    (slope**2).backward()
    t = math.tanh(0.21)
    expected = 2 * 0.7 * (1 - t * t) * ((1 - t * t) - 0.7 * 0.3 * 2 * t * (1 - t * t))
    assert w.grad == pytest.approx(expected, rel=1e-14)


def test_the_sign_of_zero_reaches_the_function():
    seen = []
    grad(grad(lambda x: (seen.append(math.copysign(1.0, x.data)), x * x)[1]))(-0.0)
    assert seen == [-1.0]


# --- jacobian, hessian ---


def test_the_jacobian_has_the_form_of_result_and_argument():
    assert jacobian(swirl)(SWIRL_AT) == [pytest.approx(row, rel=1e-15) for row in SWIRL_JACOBIAN]
    got = jacobian(lambda x: np.array(swirl(x)))(np.array(SWIRL_AT))
    assert got.shape == (2, 3)
    np.testing.assert_allclose(got, SWIRL_JACOBIAN, rtol=1e-15)
    assert jacobian(swirl)(np.array(SWIRL_AT)).shape == (2, 3)
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: {"a": x * x, "b": (x, 2.0)})(3.0) == {"a": 6.0, "b": (1.0, 0.0)}
    weights = np.arange(6.0).reshape(2, 3)
    got = jacobian(lambda w: w @ np.array([1.0, 2.0, 3.0]))(weights)
    assert got.shape == (2, 2, 3)
    np.testing.assert_array_equal(got[0], [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    assert jacobian(lambda a, b: [a * b, b], 1)(2.0, 3.0) == [2.0, 1.0]


def test_a_dict_beside_an_array_has_no_jacobian():
    with pytest.raises(TypeError, match="a dict has no shape: with an array on the other side, use a list"):
        jacobian(lambda x: {"a": x[0]})(np.ones(2))


def test_the_hessian_is_symmetric_and_right():
    x = np.array([0.5, -1.0, 2.0])
    got = hessian(rosenbrock)(x)
    a, b, _ = x
    expected = [
        [1200 * a**2 - 400 * b + 2, -400 * a, 0],
        [-400 * a, 1200 * b**2 - 400 * x[2] + 202, -400 * b],
        [0, -400 * b, 200],
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    np.testing.assert_array_equal(got, got.T)
    assert hessian(lambda v: v**4)(2.0) == 48.0
    assert hessian(lambda a, b: a * b**2, 1)(3.0, 5.0) == 6.0
    assert hessian(lambda m: (m * m).sum())(np.ones((2, 2))).shape == (2, 2, 2, 2)


def test_the_hessian_of_a_dict_is_a_dict_of_dicts():
    got = hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 5.0})
    assert got == {"a": {"a": 10.0, "b": 6.0}, "b": {"a": 6.0, "b": 0.0}}


# --- products ---


def test_vjp_multiplies_from_the_left():
    value, pull_back = vjp(swirl, SWIRL_AT)
    assert value == [pytest.approx(math.sin(0.5) * -1.5), pytest.approx(2.25 + math.exp(0.25) * 0.5)]
    for v in ([1.0, 0.0], [0.0, 1.0], [2.0, -3.0]):
        (got,) = pull_back(v)
        np.testing.assert_allclose(got, np.array(v) @ SWIRL_JACOBIAN, rtol=1e-14)
    value, pull_back = vjp(lambda a, b: a * b, 2.0, 3.0)
    assert (value, pull_back(1.0), pull_back(10)) == (6.0, (3.0, 2.0), (30.0, 20.0))
    with pytest.raises(ValueError, match="vjp: the cotangent has 2 parts"):
        vjp(swirl, SWIRL_AT)[1]([1.0, 2.0, 3.0])


def test_jvp_multiplies_from_the_right():
    for v in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, -3.0, 0.5]):
        value, got = jvp(swirl, (SWIRL_AT,), (v,))
        np.testing.assert_allclose(got, SWIRL_JACOBIAN @ np.array(v), rtol=1e-14)
        assert len(value) == 2
    assert jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0)) == (6.0, 23.0)
    assert jvp(lambda a: [a, 4.0], (2.0,), (1.0,)) == ([2.0, 4.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="jvp: the tangents, part 0 has 3 parts"):
        jvp(swirl, (SWIRL_AT,), ([1.0, 2.0],))


def test_hvp_is_the_hessian_times_a_vector():
    x, v = np.array([0.5, -1.0, 2.0]), np.array([1.0, -2.0, 0.5])
    got = hvp(rosenbrock, x, v)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, hessian(rosenbrock)(x) @ v, rtol=1e-14)
    assert hvp(lambda p: p["a"] ** 2 * p["b"], {"a": 3.0, "b": 5.0}, {"a": 1.0, "b": 0.0}) == {
        "a": 10.0,
        "b": 6.0,
    }
    assert hvp(lambda t: t**3, 2.0, 1.0) == 12.0
    assert hvp(lambda t: 3.0 * t, 2.0, 1.0) == 0.0
    with pytest.raises(ValueError, match="hvp: the vector has array"):
        hvp(rosenbrock, x, v[:2])


def test_products_take_part_in_higher_orders():
    assert grad(lambda x: jvp(lambda y: y**3, (x,), (1.0,))[1])(2.0) == 12.0
    assert grad(lambda x: hvp(lambda y: y**4, x, 1.0))(2.0) == 48.0
    x = Value(2.0)
    _, pull_back = vjp(lambda y: y**3, x)
    (slope,) = pull_back(1.0)
    assert differentiate(slope, [x])[0].data == 12.0


# --- differentiate ---


def test_differentiate_returns_the_gradient_as_a_graph():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    dx, dy = differentiate(x**2 * y, [x, y])
    assert (dx.data, dy.data) == (12.0, 4.0)
    assert differentiate(dx, [y])[0].data == 4.0
    assert not x.has_grad


def test_differentiate_takes_inner_nodes_several_outputs_and_weights():
    x = Value(2.0)
    inner = x * x
    outer = ag.exp(inner)
    assert differentiate(outer, [inner])[0].data == math.exp(4.0)
    assert differentiate(inner, [inner])[0].data == 1.0
    assert differentiate([inner, outer], [x], [1.0, 0.0])[0].data == 4.0
    assert differentiate([inner, inner], [x])[0].data == 8.0
    weight = Value(5.0)
    (got,) = differentiate(inner, [x], [weight])
    assert got.data == 20.0
    assert differentiate(got, [weight])[0].data == 4.0
    with pytest.raises(ValueError, match="differentiate: 1 gradients for 2 outputs"):
        differentiate([inner, outer], [x], [1.0])


def test_differentiate_gives_a_constant_zero_where_nothing_depends():
    x, other = Value(2.0), Value(3.0)
    zero, _ = differentiate(x * x, [other, x])
    assert (zero.data, zero.is_constant) == (0.0, True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ag.logsumexp(x),
        lambda x: ag.softmax(x)[1],
        lambda x: ag.log_softmax(x)[0],
        lambda x: ag.norm(x),
        lambda x: ag.mean(x) * ag.max(x),
        lambda x: ag.dot(x, [2.0, *x[1:]], x[0]),
        lambda x: ag.prod(x),
        lambda x: ag.hypot(x[0], x[1]) ** x[2],
        lambda x: ag.atan2(x[0], x[1]) % x[2],
        lambda x: ag.gelu(x[0]) + ag.silu(x[1]) + ag.softplus(x[2]),
    ],
)
def test_the_gradient_as_a_graph_agrees_with_the_sweep_and_with_differences(function):
    point = [0.8, 1.3, 2.1]
    leaves = [Value(t) for t in point]
    output = function(leaves)
    graphs = differentiate(output, leaves)
    output.backward()
    for leaf, graph in zip(leaves, graphs, strict=True):
        assert graph.data == pytest.approx(leaf.grad, rel=1e-13, abs=1e-15)
    matrix, step = hessian(function)(point), 1e-5
    for k in range(3):
        ahead, behind = list(point), list(point)
        ahead[k] += step
        behind[k] -= step
        for j in range(3):
            numeric = (grad(function)(ahead)[j] - grad(function)(behind)[j]) / (2 * step)
            assert matrix[j][k] == pytest.approx(numeric, rel=1e-7, abs=1e-8)


def test_deep_functions_are_differentiated_twice_without_recursion():
    def deep(x):
        for _ in range(3000):
            x = x * 1.0001
        return x * x

    factor = 1.0001**3000
    assert hessian(deep)(1.0) == pytest.approx(2 * factor * factor, rel=1e-10)


# --- wrong functions and arguments ---


def test_grad_of_several_numbers_points_to_jacobian():
    for f in (lambda x: [x, x], lambda x: np.array([x, x]), lambda x: {"a": x}):
        with pytest.raises(
            TypeError, match="grad wants a function that returns one number; use jacobian for several"
        ):
            grad(f)(1.0)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("x", "cannot differentiate with respect to 'x': numbers, arrays, lists and dicts only"),
        (None, "cannot differentiate with respect to None"),
        (["x"], "there is no number among the arguments to differentiate with respect to"),
        (1j, "a real number is wanted, not 1j"),
        (np.array(["x"]), "not the text 'x'"),
        (object(), "a real number is wanted, not object"),
    ],
)
def test_an_argument_that_is_no_number_is_refused(argument, message):
    with pytest.raises(TypeError, match=message):
        grad(lambda x: 1.0)(argument)


@pytest.mark.parametrize(
    ("result", "message"), [(None, "not None"), ("y", "not the text 'y'"), (1j, "not 1j")]
)
def test_a_result_that_is_no_number_is_refused(result, message):
    with pytest.raises(TypeError, match=message):
        grad(lambda x: result)(1.0)


def test_an_error_in_the_function_comes_out_as_it_is_and_leaves_no_trace():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        grad(broken)(1.0)
    assert grad(lambda x: x * grad(lambda y: y * y)(2.0))(1.0) == 4.0
    assert type(grad(lambda y: y * y)(2.0)) is float


# --- other people's programs ---


def test_scipy_minimises_with_it():
    optimize = pytest.importorskip("scipy.optimize")
    result = optimize.minimize(rosenbrock, np.array([-1.2, 1.0, 0.5]), jac=grad(rosenbrock), method="BFGS")
    np.testing.assert_allclose(result.x, [1.0, 1.0, 1.0], rtol=1e-5)
    result = optimize.minimize(
        rosenbrock, [-1.2, 1.0], jac=grad(rosenbrock), hess=hessian(rosenbrock), method="trust-exact"
    )
    np.testing.assert_allclose(result.x, [1.0, 1.0], rtol=1e-6)
    result = optimize.root(
        lambda x: np.array([x[0] ** 2 - 4.0]),
        np.array([1.0]),
        jac=jacobian(lambda x: np.array([x[0] ** 2 - 4.0])),
    )
    np.testing.assert_allclose(result.x, [2.0], rtol=1e-8)


def test_newtons_method_finds_a_root():
    def f(x):
        return ag.cos(x) - x

    slope, x = grad(f), 1.0
    for _ in range(6):
        x -= f(x) / slope(x)
    assert f(x) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "hessian"])
def test_a_function_of_several_results_is_refused_by_the_name_that_was_called(transform):
    with pytest.raises(TypeError, match=f"^{transform} wants a function that returns one number"):
        getattr(ag, transform)(lambda v: [v[0], v[1]])([1.0, 2.0])


# --- data assigned afterwards ---


def test_differentiate_refuses_a_graph_in_which_data_was_assigned():
    x = Value(1.0, "x")
    y = ag.exp(x) * x
    x.data = 10.0
    with pytest.raises(ag.GraphError, match="out of date"):
        ag.differentiate(y, [x])
    y = ag.exp(x) * x
    assert ag.differentiate(y, [x])[0].data == pytest.approx(11 * math.exp(10.0))


def test_differentiate_takes_parameters_that_were_assigned_before_the_graph_was_made():
    w = Value(1.0)
    w.data = 3.0
    assert ag.differentiate(w**2, [w])[0].data == 6.0


# --- which arguments, and what stands beside the result ---


def test_arguments_are_chosen_by_name():
    def f(a, b, *, c=1.0):
        return a * b**2 * c

    assert grad(f, argnames="b")(2.0, 3.0) == 12.0
    assert grad(f, argnames="b")(2.0, b=3.0) == 12.0
    assert grad(f, argnames="c")(2.0, 3.0, c=1.0) == 18.0
    assert grad(f, argnames=["a", "c"])(2.0, 3.0, c=1.0) == {"a": 9.0, "c": 18.0}
    assert value_and_grad(f, argnames=("b",))(2.0, 3.0) == (18.0, {"b": 12.0})
    assert jacobian(lambda a, b: [a * b, b], argnames="b")(2.0, b=3.0) == [2.0, 1.0]
    assert hessian(f, argnames=["a", "b"])(2.0, 3.0) == {"a": {"a": 0.0, "b": 6.0}, "b": {"a": 6.0, "b": 4.0}}
    with pytest.raises(
        TypeError, match="argument 'c' is to be differentiated, but the function was not given it"
    ):
        grad(f, argnames="c")(2.0, 3.0)
    with pytest.raises(TypeError, match="argnums or argnames, not both"):
        grad(f, 0, argnames="a")


def test_several_arguments_are_taken_by_every_transform():
    def f(a, b):
        return [a * b, b * b]

    assert jacobian(f, (0, 1))(2.0, 3.0) == ([3.0, 0.0], [2.0, 6.0])
    assert hessian(lambda a, b: a**2 * b, (0, 1))(3.0, 5.0) == ((10.0, 6.0), (6.0, 0.0))
    one, other = jacobian(lambda a, b: a @ b, [0, 1])(np.ones((2, 3)), np.arange(3.0))
    assert (one.shape, other.shape) == ((2, 2, 3), (2, 3))
    blocks = hessian(lambda a, b: (a * b).sum(), (0, 1))(np.ones(2), np.arange(2.0))
    np.testing.assert_array_equal(blocks[0][1], np.eye(2))
    np.testing.assert_array_equal(blocks[1][1], np.zeros((2, 2)))


def test_argnums_may_be_numpy_integers_and_may_not_repeat():
    def f(a, b):
        return a * b**2

    assert grad(f, np.int64(1))(2.0, 3.0) == 12.0
    assert grad(f, np.array([0, 1]))(2.0, 3.0) == (9.0, 12.0)
    for repeated in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="each may be named once"):
            grad(f, repeated)(2.0, 3.0)
    with pytest.raises(ValueError, match="each may be named once"):
        grad(f, argnames=["a", "a"])
    with pytest.raises(TypeError, match="integer"):
        grad(f, 1.0)


def test_none_and_text_pass_through():
    parameters = {"w": 2.0, "bias": None, "name": "layer", "more": (3.0, None)}

    def f(p):
        assert (p["bias"], p["name"], p["more"][1]) == (None, "layer", None)
        return p["w"] ** 2 * p["more"][0]

    assert grad(f)(parameters) == {"w": 12.0, "bias": None, "name": "layer", "more": (4.0, None)}
    assert hvp(f, parameters, {"w": 1.0, "bias": None, "name": "", "more": (0.0, None)})["more"] == (
        4.0,
        None,
    )


def test_what_stands_beside_the_result_comes_back_as_numbers():
    def f(x):
        return x * x, {"twice": x * 2.0, "text": "seen", "list": [x, None], "array": np.array([x, 1.0])}

    slope, aux = grad(f, has_aux=True)(3.0)
    assert (slope, aux["twice"], aux["text"], aux["list"]) == (6.0, 6.0, "seen", [3.0, None])
    assert aux["array"].dtype == np.float64
    assert value_and_grad(f, has_aux=True)(3.0)[0][0] == 9.0
    assert jacobian(f, has_aux=True)(3.0)[0] == 6.0
    second, aux = hessian(f, has_aux=True)(3.0)
    assert (second, aux["twice"]) == (2.0, 6.0)
    assert vjp(f, 3.0, has_aux=True)[2]["twice"] == 6.0
    assert jvp(f, (3.0,), (1.0,), has_aux=True)[:2] == (9.0, 6.0)
    assert grad(lambda x: grad(f, has_aux=True)(x)[1]["twice"])(3.0) == 2.0
    with pytest.raises(TypeError, match="has_aux=True the function returns a pair"):
        grad(lambda x: x, has_aux=True)(1.0)


@pytest.mark.parametrize("number", [1j, np.complex128(1 + 2j), np.array([1.0 + 2j])])
def test_complex_numbers_are_refused(number):
    with pytest.raises(TypeError, match="differentiate the real and imaginary parts separately"):
        grad(lambda x: x)(number)
    with pytest.raises(TypeError, match="real number"):
        grad(lambda x: number)(1.0)


def test_a_recorded_function_may_take_derivatives():
    program = ag.record(lambda x: grad(lambda y: ag.sin(y) * x[1])(x[0]), [0.3, 2.0])
    rows = np.array([[0.3, 2.0], [1.0, -3.0], [-2.0, 0.5]])
    np.testing.assert_array_equal(program(rows), [math.cos(a) * b for a, b in rows])
    program = ag.record(lambda x: hessian(lambda v: v[0] ** 2 * v[1])(list(x)), [3.0, 5.0])
    np.testing.assert_allclose(program([[1.0, 2.0]]), [[[4.0, 2.0], [2.0, 0.0]]])


# --- sparse ---


def broyden(x):
    padded = [0.0, *x, 0.0]
    return [
        (3.0 - 2.0 * b) * b - a - 2.0 * c + 1.0
        for a, b, c in zip(padded, padded[1:], padded[2:], strict=False)
    ]


def chained(x):
    return ag.sum(
        [ag.maximum(a, b) * ag.sin(c) + ag.relu(a - c) for a, b, c in zip(x, x[1:], x[2:], strict=False)]
    )


def arrow(x):
    return [*[x[0] * b + b**2 for b in x[1:]], ag.sum(x)]


@pytest.mark.parametrize(
    ("transform", "function"),
    [
        (hessian, rosenbrock),
        (jacobian, broyden),
        (hessian, chained),
        (jacobian, arrow),
        (hessian, lambda x: x[0]),
    ],
)
def test_a_sparse_matrix_is_the_dense_one(transform, function):
    pytest.importorskip("scipy.sparse")
    for n in (3, 17, 40):
        x = np.random.default_rng(n).uniform(0.5, 1.5, n).tolist()
        found = transform(function, sparse=True)(x)
        assert found.shape == np.shape(transform(function)(x))
        np.testing.assert_array_equal(found.toarray(), transform(function)(x))


def test_a_sparse_hessian_of_many_variables_takes_few_sweeps():
    pytest.importorskip("scipy.sparse")
    n = 5_000
    x = np.random.default_rng(0).uniform(0.5, 1.5, n)
    found = hessian(rosenbrock, sparse=True)(x)
    assert found.shape == (n, n)
    assert found.nnz == 3 * n - 2
    expected = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    expected[1:] += 200.0
    np.testing.assert_allclose(found.diagonal()[:-1], expected)
    np.testing.assert_allclose(found.diagonal(1), -400.0 * x[:-1])


def hubs(x):
    """Three hubs, whose rows of the Hessian are dense, and a chain of all."""
    spokes = [ag.sin(x[k % 3] * b) for k, b in enumerate(x[3:])]
    return ag.sum([*spokes, *[a * b * b for a, b in itertools.pairwise(x)]])


@pytest.mark.parametrize(
    ("transform", "function", "most"),
    [(hessian, rosenbrock, 3), (jacobian, broyden, 3), (hessian, chained, 5), (hessian, hubs, 8)],
)
def test_the_number_of_sweeps_does_not_grow_with_the_variables(monkeypatch, transform, function, most):
    pytest.importorskip("scipy.sparse")
    sweeps = []
    for name in ("gradients_of", "carry_tangents"):
        original = getattr(transforms, name)
        monkeypatch.setattr(
            transforms, name, lambda *given, original=original: sweeps.append(1) or original(*given)
        )
    counts = []
    for n in (60, 600):
        x = np.random.default_rng(n).uniform(0.5, 1.5, n).tolist()
        sweeps.clear()
        found = transform(function, sparse=True)(x)
        counts.append(len(sweeps))
        assert found.nnz <= 7 * n
        if n < 100:
            np.testing.assert_allclose(found.toarray(), transform(function)(x), rtol=1e-14, atol=1e-14)
    assert counts[0] == counts[1] <= most


def test_a_hessian_of_users_operations_is_not_taken_for_symmetric():
    """Their partials may be whatever the user wants: here the mixed ones differ."""
    pytest.importorskip("scipy.sparse")
    product = ag.operation(lambda a, b, y: (b, 2.0 * a), name="uneven_product")(lambda a, b: a * b)

    def function(x):
        return ag.sum([product(x[k % 3], x[k]) for k in range(3, len(x))])

    x = [1.0 + k for k in range(12)]
    dense = hessian(function)(x)
    assert (np.array(dense) != np.transpose(dense)).any()
    np.testing.assert_array_equal(hessian(function, sparse=True)(x).toarray(), dense)
    program = ag.record(function, x)
    np.testing.assert_array_equal(program.hessian([x], sparse=True)[0].toarray(), dense)


def test_a_condition_and_a_rounded_number_are_no_entries():
    pytest.importorskip("scipy.sparse")

    def function(x):
        return [ag.where(ag.greater(x[0], 0.0), x[1], x[2]), ag.floor(x[0]) * x[1], ag.stop_gradient(x[2])]

    assert jacobian(function, sparse=True)([1.0, 2.0, 3.0]).nnz == 3
    assert ag.record(function, [1.0, 2.0, 3.0]).sparsity().nnz == 3


def test_an_infinite_derivative_does_not_spoil_its_neighbours_when_sparse():
    pytest.importorskip("scipy.sparse")
    found = jacobian(lambda x: [ag.sqrt(x[0]) + x[1], x[1] * x[2]], sparse=True)([0.0, 2.0, 3.0]).toarray()
    np.testing.assert_array_equal(found, [[math.inf, 1.0, 0.0], [0.0, 3.0, 2.0]])


def test_a_sparse_matrix_of_structures_has_a_column_for_each_number():
    pytest.importorskip("scipy.sparse")
    (found, aux) = jacobian(
        lambda p, q: ([p["a"] * q[0], p["b"][1]], "aux"), (0, 1), has_aux=True, sparse=True
    )({"a": 2.0, "b": [1.0, 5.0]}, [3.0, 4.0])
    assert aux == "aux"
    np.testing.assert_array_equal(found.toarray(), [[3.0, 0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])


def test_a_sparse_matrix_is_not_differentiated_again():
    pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="plain numbers, which cannot be differentiated again"):
        jacobian(lambda x: x, sparse=True)([Value(1.0)])


def test_entries_of_dicts_are_told_by_their_keys_not_their_order():
    def f(d):
        return d["a"] * d["b"] ** 2

    point, direction = {"a": 2.0, "b": 3.0}, {"b": 1.0, "a": 0.0}
    assert ag.jvp(f, (point,), (direction,)) == (18.0, 12.0)
    assert ag.hvp(f, point, direction) == {"a": 6.0, "b": 4.0}
    _, pull_back = ag.vjp(lambda x: {"a": x, "b": 10.0 * x}, 2.0)
    assert pull_back({"b": 1.0, "a": 0.0}) == (10.0,)


@pytest.mark.parametrize(
    ("point", "vector"),
    [
        ([3.0, None], [None, 1.0]),
        ({"a": 1.0}, {"b": 1.0}),
        ([1.0, [2.0]], [[1.0], 2.0, 3.0]),
        (np.ones((2, 3)), np.ones((3, 2))),
        (np.ones(2), [[1.0, 1.0]]),
        (np.ones(3), 1.0),
        (1.0, [1.0, 2.0]),
    ],
)
def test_a_direction_of_another_form_is_refused(point, vector):
    with pytest.raises(ValueError, match=r"same form|entries|parts"):
        ag.hvp(lambda x: Value(1.0), point, vector)
    with pytest.raises(ValueError, match=r"same form|entries|parts"):
        ag.jvp(lambda x: Value(1.0), (point,), (vector,))
    with pytest.raises(ValueError, match=r"same form|entries|parts"):
        ag.vjp(lambda x: point, 1.0)[1](vector)


def test_lists_stand_for_arrays_and_arrays_for_lists_in_directions():
    assert ag.hvp(lambda x: x[0] * x[1], np.array([1.0, 2.0]), [1.0, 0.0]).tolist() == [0.0, 1.0]
    assert ag.hvp(lambda x: x[0] * x[1], [1.0, 2.0], np.array([1.0, 0.0])) == [0.0, 1.0]
    assert ag.jvp(lambda x: x * x, (3.0,), (np.array([1.0]),)) == (9.0, 6.0)


def test_arrays_with_masked_entries_are_refused_and_those_without_are_arrays():
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    with pytest.raises(TypeError, match="masked entries"):
        grad(lambda p: p.sum())(masked)
    assert grad(lambda p: (p * p).sum())(np.ma.masked_array([1.0, 2.0])).tolist() == [2.0, 4.0]
    for call in (
        lambda: ag.Value(np.ma.masked),
        lambda: grad(lambda x: x[0] * x[1])([np.ma.masked, 2.0]),
        lambda: grad(lambda x: x * x)(np.ma.masked_array(3.0, mask=True)),
        lambda: ag.hvp(lambda x: x[0] * x[1], [1.0, 2.0], masked),
        lambda: ag.jvp(lambda x: x * x, (3.0,), (np.ma.masked,)),
    ):
        with pytest.raises(TypeError, match="masked"):
            call()


def test_directions_are_neither_ragged_nor_sets_dicts_or_bytes():
    matrix = np.ones((3, 2))
    for ragged in ([[1, 2], [3, 4, 5], [6]], [[1, 2], [3], [4, 5, 6]]):
        with pytest.raises(ValueError, match="the same form"):
            ag.hvp(lambda p: (p * p).sum(), matrix, ragged)
    for tangents in ({10.0, 1.0}, {1: 5.0, 2: 6.0}, b"12"):
        with pytest.raises(ValueError, match="2 parts"):
            ag.jvp(lambda x, y: x * y, (2.0, 3.0), tangents)
    product = ag.hvp(lambda p: (p * p).sum(), matrix, [np.array([1.0, 2.0]), [3.0, 4.0], (5.0, 6.0)])
    assert product.tolist() == [[2.0, 4.0], [6.0, 8.0], [10.0, 12.0]]


def test_a_pull_back_has_the_form_that_the_result_had_whatever_becomes_of_it():
    kept = {}

    def f(x):
        kept.update(a=2 * x, b=3 * x)
        return kept

    _, pull_back = ag.vjp(f, 1.0)
    kept.clear()
    kept.update(b=1.0, a=2.0)
    assert pull_back({"a": 1.0, "b": 0.0}) == (2.0,)
