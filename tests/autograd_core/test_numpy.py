"""Values in NumPy, in every direction."""

import math

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Value


def values(*numbers):
    return np.array([Value(x) for x in numbers])


def numbers(array):
    return np.array([value.data for value in np.ravel(array)]).reshape(np.shape(array))


def grads(array):
    return np.array([value.grad for value in np.ravel(array)]).reshape(np.shape(array))


# --- scalars of NumPy ---


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int64, np.int8, np.uint16, np.bool_])
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "%", "**"])
def test_a_numpy_scalar_on_either_side_gives_a_value(kind, symbol):
    v, other = Value(3.0, "v"), kind(1)
    for left, right in ((v, other), (other, v)):
        node = eval(f"left {symbol} right", {"left": left, "right": right})
        assert type(node) is Value
        expected = eval(f"a {symbol} b", {"a": float(left), "b": float(right)})
        assert node.data == expected
        v.zero_grad()
        node.backward()
        assert v.has_grad


def test_a_numpy_scalar_compares_with_a_value():
    v = Value(3.0)
    assert np.float64(2) < v
    assert v > np.int64(2)
    assert not np.float64(5) <= v


# --- functions of NumPy ---

FUNCTIONS = (
    *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "square", "reciprocal"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh"),
    *("negative", "absolute", "fabs"),
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_numpy_function_of_an_object_array_gives_nodes_with_gradients(name):
    function = getattr(np, name)
    x = np.array([0.25, 0.5])
    array = values(*x)
    result = function(array)
    assert result.shape == (2,)
    np.testing.assert_allclose(numbers(result), function(x), rtol=1e-15)
    ag.backward(result)
    step = 1e-6
    np.testing.assert_allclose(
        grads(array), (function(x + step) - function(x - step)) / (2 * step), rtol=1e-8
    )


def test_a_numpy_function_of_one_value_gives_one_value():
    v = Value(0.5)
    for name in ("exp", "log", "sin", "tanh", "arctan", "sqrt"):
        node = getattr(np, name)(v)
        assert type(node) is Value
        assert node.data == getattr(math, name.replace("arc", "a"))(0.5)
    assert np.arccosh(Value(2.0)).data == math.acosh(2.0)
    assert np.arctan2(Value(1.0), Value(2.0)).data == math.atan2(1.0, 2.0)
    assert np.hypot(Value(3.0), 4.0).data == 5.0


def test_functions_of_two_arrays_work_on_objects():
    a, b = values(1.0, 5.0), values(2.0, -1.0)
    for name, expected in (
        ("arctan2", [math.atan2(1, 2), math.atan2(5, -1)]),
        ("hypot", [math.hypot(1, 2), math.hypot(5, 1)]),
        ("fmod", [math.fmod(1, 2), math.fmod(5, -1)]),
    ):
        np.testing.assert_array_equal(numbers(getattr(np, name)(a, b)), expected)
    (bent,) = np.fmod(values(-7.5), values(2.0))
    assert (bent.data, ag.grad(lambda x, y: np.fmod(x, y), argnums=(0, 1))(-7.5, 2.0)) == (-1.5, (1.0, 3.0))
    for name in ("add", "subtract", "multiply", "divide", "power", "remainder", "maximum", "minimum"):
        result = getattr(np, name)(a, b)
        np.testing.assert_array_equal(numbers(result), getattr(np, name)(numbers(a), numbers(b)))
    chosen = np.maximum(a, b)
    ag.backward(chosen)
    assert (grads(a).tolist(), grads(b).tolist()) == ([0.0, 1.0], [1.0, 0.0])


# --- arrays ---


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3)])
def test_arithmetic_of_a_value_and_an_array_is_element_by_element(shape):
    array, v = np.arange(1.0, 1 + math.prod(shape)).reshape(shape), Value(2.0)
    for node, expected in (
        (v * array, 2 * array),
        (array * v, 2 * array),
        (v - array, 2 - array),
        (array / v, array / 2),
    ):
        assert node.shape == shape
        assert node.dtype == object
        np.testing.assert_array_equal(numbers(node), expected)
    ag.backward((v * array).ravel())
    assert v.grad == array.sum()
    assert ((v < array) == (array > 2.0)).all()


def test_matrix_products_keep_their_shapes_and_have_gradients():
    W = values(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).reshape(2, 3)
    x = np.array([1.0, -1.0, 0.5])
    for product in (W @ x, np.dot(W, x), W.dot(x), np.tensordot(W, x, 1), np.einsum("ij,j->i", W, x)):
        assert product.shape == (2,)
        np.testing.assert_array_equal(numbers(product), numbers(W) @ x)
    (W @ x).sum().backward()
    np.testing.assert_array_equal(grads(W), [x, x])
    vector = values(1.0, 2.0)
    np.testing.assert_array_equal(numbers(vector @ W), numbers(vector) @ numbers(W))
    assert (W @ W.T).shape == (2, 2)
    assert type(vector @ vector) is Value


def test_sums_means_and_products_of_object_arrays():
    array = values(1.0, 2.0, 4.0, 8.0).reshape(2, 2)
    assert array.sum().data == 15.0
    assert np.sum(array, axis=0).shape == (2,)
    np.testing.assert_array_equal(numbers(array.sum(axis=1)), [3.0, 12.0])
    assert np.mean(array).data == 3.75
    assert array.prod().data == 64.0
    assert np.max(array).data == 8.0
    assert np.argmax(array) == 3
    assert np.cumsum(array)[-1].data == 15.0
    flat = numbers(array).ravel()
    assert np.var(array).data == pytest.approx(np.var(flat))
    assert np.std(array).data == pytest.approx(np.std(flat))
    assert np.linalg.norm(array).data == pytest.approx(np.linalg.norm(flat))
    assert np.vdot(array, array).data == flat @ flat
    np.mean(array**2).backward()
    np.testing.assert_array_equal(grads(array), numbers(array) / 2)


def test_values_survive_indexing_reshaping_and_stacking():
    array = values(1.0, 2.0, 3.0, 4.0)
    assert array[1:3][0] is array[1]
    assert array.reshape(2, 2)[1, 0] is array[2]
    assert np.concatenate([array, array])[4] is array[0]
    assert np.where([True, False, True, False], array, 0.0)[2] is array[2]
    assert array.tolist()[3] is array[3]
    assert np.array([array[0], 5.0]).dtype == object
    assert np.sort(array[::-1])[0] is array[0]


def test_functions_of_this_package_take_arrays_of_values_and_of_numbers():
    array = values(1.0, 2.0, 3.0)
    assert ag.sum(array).data == 6.0
    assert ag.dot(array, np.array([1.0, 0.5, 2.0])).data == 8.0
    assert [p.data for p in ag.softmax(array)] == ag.softmax(np.array([1.0, 2.0, 3.0]))
    assert type(ag.norm(np.array([3.0, 4.0]))) is float


def test_an_array_where_a_number_is_wanted_is_refused_with_a_remedy():
    for wrong in (np.ones(2), np.ones((2, 2)), values(1.0, 2.0)):
        with pytest.raises(
            TypeError, match=r"one number is wanted, not an array of shape \(2.*make an array of Values"
        ):
            Value(wrong)
        with pytest.raises(TypeError, match="one number is wanted"):
            ag.exp(wrong)
    with pytest.raises(TypeError, match="not a Value"):
        Value(values(1.0))


def test_a_layer_written_in_numpy_trains():
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(20, 3)), rng.normal(size=20)
    w = values(0.0, 0.0, 0.0)
    losses = []
    for _ in range(60):
        loss = np.mean((X @ w - t) ** 2)
        ag.zero_grad(w)
        loss.backward()
        np.testing.assert_allclose(grads(w), 2 * X.T @ (X @ numbers(w) - t) / 20, rtol=1e-10, atol=1e-12)
        for p in w:
            p.data -= 0.2 * p.grad
        losses.append(loss.data)
    best = np.linalg.lstsq(X, t, rcond=None)[0]
    np.testing.assert_allclose(numbers(w), best, atol=1e-3)
    assert losses[-1] < losses[0]


# --- a Value among the operands of NumPy's functions ---


@pytest.mark.parametrize("name", ["sign", "floor", "ceil", "rint", "trunc"])
@pytest.mark.parametrize("x", [-2.5, -0.25, 0.75, 3.0])
def test_functions_that_numpy_has_for_floats_alone_give_nodes(name, x):
    v = Value(x)
    y = getattr(np, name)(v)
    assert isinstance(y, Value)
    assert y.data == pytest.approx(float(getattr(np, name)(x)), rel=1e-15)
    assert math.copysign(1.0, y.data) == math.copysign(1.0, getattr(np, name)(x))


@pytest.mark.parametrize(
    "name", ["copysign", "heaviside", "logaddexp", "fmod", "float_power", "arctan2", "hypot"]
)
@pytest.mark.parametrize(("a", "b"), [(2.5, 0.75), (0.25, 3.0), (7.5, 2.0)])
def test_functions_of_two_operands_take_values_numbers_and_arrays(name, a, b):
    function = getattr(np, name)
    expected = pytest.approx(float(function(a, b)), rel=1e-15)
    for left, right in ((Value(a), Value(b)), (Value(a), b), (a, Value(b)), (np.float64(a), Value(b))):
        y = function(left, right)
        assert isinstance(y, Value)
        assert y.data == expected
    for left, right in ((np.array([a, a]), Value(b)), (Value(a), np.array([b, b]))):
        y = function(left, right)
        assert y.shape == (2,)
        assert all(isinstance(node, Value) for node in y)
        assert y[1].data == expected


def test_gradients_pass_through_numpys_functions_of_a_value():
    assert (
        ag.grad(lambda x: np.add(np.array([1.0, 2.0]), x)[1] * np.multiply(np.float64(3.0), x))(2.0) == 18.0
    )
    assert ag.grad(lambda x: np.logaddexp(x, 0.0))(0.0) == 0.5
    assert ag.grad(lambda x: x * np.floor(x))(2.5) == 2.0
    assert ag.grad(lambda x: np.clip(x, 0.0, 1.0) * x)(0.5) == 1.0
    assert ag.grad(lambda x: np.maximum(x, 1.0))(3.0) == 1.0
    assert np.add.reduce([Value(1.0), Value(2.0)]).data == 3.0
    assert np.multiply.outer(Value(2.0), np.array([1.0, 3.0]))[1].data == 6.0
    quotient, rest = np.divmod(Value(7.5), 2.0)
    assert (quotient.data, rest.data) == (3.0, 1.5)
    quotients, rests = np.divmod(np.array([7.5, -7.5]), Value(2.0))
    assert ([node.data for node in quotients], [node.data for node in rests]) == ([3.0, -4.0], [1.5, 0.5])
    assert [np.logical_xor(Value(2.0), b) for b in (Value(0.0), 0.0, 3.0)] == [True, True, False]
    assert np.logical_xor(np.array([0.0, 1.0]), Value(2.0)).tolist() == [True, False]


def test_numpys_functions_are_recorded_for_every_row():
    program = ag.record(lambda x: np.floor(x) * x + np.copysign(2.0, x), 2.5)
    assert list(program([2.5, -1.5, 0.25])) == [7.0, 1.0, 2.0]


@pytest.mark.parametrize("x", [0.0, -0.0, 1.5, -2.0, math.inf, -math.inf, math.nan])
def test_tests_of_a_value_answer_as_of_a_float(x):
    for name in ("isnan", "isinf", "isfinite", "signbit"):
        assert getattr(np, name)(Value(x)) == bool(getattr(np, name)(x)) or (name == "signbit" and x != x)
    program = ag.record(lambda v: v * 2.0 if np.isfinite(v) else v * 0.0, 1.0)
    assert list(program([3.0])) == [6.0]


def test_what_numpy_cannot_do_for_objects_is_refused_still():
    for name in ("spacing", "bitwise_count", "isnat"):
        with pytest.raises(TypeError):
            getattr(np, name)(Value(1.0))
    numbers = np.zeros(2)
    with pytest.raises(TypeError):
        numbers += Value(1.0)


@pytest.mark.parametrize("kind", [np.longdouble, np.clongdouble])
def test_long_doubles_stand_on_either_side(kind):
    one, x = kind(1.0), Value(2.0)
    if kind is np.longdouble:
        assert [(one + x).data, (one - x).data, (x - one).data, (one / x).data] == [3.0, -1.0, 1.0, 0.5]
        assert [one < x, one == x, np.less(one, x), Value(one) == 1.0] == [True, False, True, True]
        return
    for refused in (lambda: Value(one), lambda: one + x, lambda: x + one, lambda: np.add(one, x)):
        with pytest.raises(TypeError, match="real number"):
            refused()
