"""Every derivative of a Program has the bits of the eager engine, in the caller's structure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import interpreter, interpreters, record

W = [ag.Value(0.3), ag.Value(-0.7), ag.Value(1.1)]


@pytest.fixture(params=["numpy", *interpreters()[1:2]], autouse=True)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


def several(x: Any, s: Any) -> Any:
    """Two outputs of a vector and a number, with three parameters; another branch where x[0] < 0."""
    h = ag.tanh(W[0] * x[0] + W[1] * x[1]) if x[0] > 0.0 else W[2] * x[1]
    return [h * s + ag.relu(x[1]), ag.exp(s) * W[2] / (1.0 + x[0] * x[0])]


X = np.random.default_rng(0).normal(size=(11, 2))
S = np.random.default_rng(1).normal(size=11)
U = np.random.default_rng(2).normal(size=(3, 11, 2))


def rows(f: Any, seeds: Any) -> tuple[Any, Any, Any, Any]:
    """Values and gradients of each row by itself, from the eager sweep."""
    values, of_x, of_s, of_w = [], [], [], []
    for x, s, seed in zip(X.tolist(), S.tolist(), seeds, strict=True):
        for w in W:
            w.zero_grad()
        leaves, leaf = [ag.Value(v) for v in x], ag.Value(s)
        outputs = f(leaves, leaf)
        live = [(y, g) for y, g in zip(outputs, seed, strict=True) if g is not None]
        ag.backward([y for y, _ in live], [g for _, g in live])
        values.append([y.data for y in outputs])
        of_x.append([v.grad for v in leaves])
        of_s.append(leaf.grad)
        of_w.append([w.grad for w in W])
    return np.array(values), np.array(of_x), np.array(of_s), np.array(of_w)


def same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_a_jacobian_has_the_bits_of_one_sweep_for_each_output() -> None:
    program = record(several, [1.0, 1.0], 1.0)
    values, found = program.jacobian(
        X, S, wrt={"x": 0, "s": 1, "w": np.array(W), "last": [W[2]]}, values=True
    )
    for k in range(2):
        seed = [None, None]
        seed[k] = 1.0  # type: ignore[call-overload]
        expected = rows(several, [seed] * 11)
        assert same(values, expected[0])
        assert same(found["x"][:, k], expected[1])
        assert same(found["s"][:, k], expected[2])
        assert same(found["w"][:, k], expected[3])
        assert same(found["last"][0][:, k], expected[3][:, 2])
    assert found["x"].shape == (11, 2, 2)
    one, other = program.jacobian(X, S)
    assert same(one, found["x"])
    assert same(other, found["s"])


def test_products_with_several_seeds_have_the_bits_of_a_sweep_each() -> None:
    program = record(several, [1.0, 1.0], 1.0)
    values, (of_x, of_w) = program.vjp(X, S, U, wrt=(0, np.array(W)), per_row=True)
    assert of_x.shape == (3, 11, 2)
    assert of_w.shape == (3, 11, 3)
    for k in range(3):
        expected = rows(several, U[k].tolist())
        assert same(values, expected[0])
        assert same(of_x[k], expected[1])
        assert same(of_w[k], expected[3])
        assert same(program.vjp(X, S, U[k], wrt=0)[1], expected[1])
        assert same(program.vjp(X, S, U[k], wrt=W, per_row=True)[1][1], expected[3][:, 1])


def test_sums_over_the_rows_are_those_of_the_eager_loop() -> None:
    program = record(several, [1.0, 1.0], 1.0)
    for w in W:
        w.zero_grad()
    for x, s, seed in zip(X.tolist(), S.tolist(), U[0].tolist(), strict=True):
        ag.backward(several([ag.Value(v) for v in x], ag.Value(s)), seed)
    expected = [w.grad for w in W]
    assert program.vjp(X, S, U[0], wrt=W)[1] == expected
    assert same(program.vjp(X, S, U[:2], wrt=np.array(W))[1][0], expected)
    _, found = program.value_and_grad(X, S, wrt={"w": W, "x": 0}, gradient=U[0])
    assert found["w"] == expected
    assert same(found["x"], rows(several, U[0].tolist())[1])


def test_structures_come_back_as_they_were_given() -> None:
    matrix = np.array([[ag.Value(1.0), ag.Value(2.0)], [ag.Value(3.0), ag.Value(4.0)]])
    bias, unused = ag.Value(0.5), ag.Value(7.0)
    program = record(lambda x: [ag.dot(row, x, bias) for row in matrix], [1.0, 1.0])
    wrt = {"layer": {"weights": matrix, "bias": bias}, "rest": (unused, [0])}
    J = program.jacobian([[2.0, 3.0]], wrt=wrt)
    assert J["layer"]["weights"].tolist() == [[[[2.0, 3.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 3.0]]]]
    assert J["layer"]["bias"].tolist() == [[1.0, 1.0]]
    assert J["rest"][0].tolist() == [[0.0, 0.0]]
    assert J["rest"][1][0].tolist() == [[[1.0, 2.0], [3.0, 4.0]]]
    _values, g = program.value_and_grad([[2.0, 3.0]], wrt=wrt)
    assert g["layer"]["weights"].tolist() == [[2.0, 3.0], [2.0, 3.0]]
    assert (g["layer"]["bias"], g["rest"][0]) == (2.0, 0.0)


def test_a_function_without_arguments_has_no_axis_of_rows() -> None:
    a, b = ag.Value(2.0), ag.Value(3.0)
    program = record(lambda: [a * b, a, b * b])
    assert program.jacobian(wrt=np.array([a, b])).tolist() == [[3.0, 2.0], [1.0, 0.0], [0.0, 6.0]]
    assert [column.tolist() for column in program.jacobian()] == [[3.0, 1.0, 0.0], [2.0, 0.0, 6.0]]
    _values, products = program.vjp([1.0, 0.0, 10.0], wrt=[a, b])
    assert products == [3.0, 62.0]
    assert program.vjp(np.eye(3), wrt=np.array([a, b]))[1].tolist() == [[3.0, 2.0], [1.0, 0.0], [0.0, 6.0]]


def test_a_jacobian_of_rows_that_are_not_finite_is_the_eager_one() -> None:
    program = record(lambda x: [ag.sqrt(x), x * x, ag.log(x + 1.0)], 1.0)
    J = program.jacobian([4.0, 0.0, 1.0])
    assert J.tolist() == [[0.25, 8.0, 0.2], [math.inf, 0.0, 1.0], [0.5, 2.0, 0.5]]
    with pytest.raises(ag.DomainError):
        program.jacobian([4.0, -2.0])


@pytest.mark.parametrize("lanes", [0, 1, 2, 3, 70])
def test_any_number_of_rows_and_threads(lanes: int) -> None:
    program = record(lambda x: [x[0] * x[1], ag.sin(x[0])], [1.0, 1.0])
    rows_ = np.random.default_rng(lanes).normal(size=(lanes, 2))
    J = program.jacobian(rows_, threads=2)
    expected = [[[y, x], [math.cos(x), 0.0]] for x, y in rows_.tolist()]
    assert J.tolist() == expected
    assert J.shape == (lanes, 2, 2)


def test_what_a_derivative_cannot_be_taken_of_is_refused() -> None:
    w = ag.Value(1.0)
    program = record(lambda x: w * x, 1.0)
    with pytest.raises(ValueError, match="no argument 1"):
        program.jacobian([1.0], wrt=1)
    with pytest.raises(TypeError, match="by their numbers"):
        program.jacobian([1.0], wrt="x")
    with pytest.raises(ValueError, match="no leaf"):
        program.jacobian([1.0], wrt=w * 2.0)
    with pytest.raises(ValueError, match="cotangents have shape"):
        program.vjp([1.0], [1.0, 2.0])


def test_outputs_that_do_not_start_add_nothing_to_a_row_that_is_not_finite() -> None:
    w = ag.Value(1.5)
    program = record(lambda x: [x, w, x * w, w * 2.0], 1.0)
    found = program.jacobian([1.0, math.inf, math.nan], wrt=(0, w))
    assert found[0].tolist() == [[1.0, 0.0, 1.5, 0.0]] * 3
    expected = [[0.0, 1.0, x, 2.0] for x in (1.0, math.inf, math.nan)]
    np.testing.assert_array_equal(found[1], expected)


@pytest.mark.parametrize("on_guard", ["eager", "record"])
def test_second_derivatives_where_parameters_have_moved_the_example_to_another_branch(on_guard: str) -> None:
    w = ag.Value(1.0)

    def f(x: Any) -> Any:
        return x[0] * x[0] * x[1] if x[0] > w else x[1] ** 3 * w

    points = [[4.0, 0.5], [0.0, 5.0], [2.0, 0.5]]
    for derivative in ("jvp", "hvp", "hessian"):
        w.data = 1.0
        program = record(f, [2.0, 0.5], on_guard=on_guard)
        w.data = 3.0
        if derivative == "jvp":
            found = program.jvp(points, np.ones((3, 2)))[1]
            expected = [ag.jvp(f, [point], [[1.0, 1.0]])[1] for point in points]
        elif derivative == "hvp":
            found = program.hvp(points, np.ones((3, 2)), per_row=True)
            expected = [ag.hvp(f, point, [1.0, 1.0]) for point in points]
        else:
            found, expected = program.hessian(points), [ag.hessian(f)(point) for point in points]
        assert found.tolist() == expected
