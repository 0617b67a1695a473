"""Functions that return dicts, named tuples and parts of several shapes: their form is kept everywhere."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import interpreter, interpreters, record

W = ag.Value(0.5)
X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.fixture(params=["numpy", *interpreters()[1:2]], autouse=True)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


class Fit(NamedTuple):
    loss: Any
    parts: Any


def f(x: Any) -> Any:
    return {
        "energy": ag.dot(x, x) * W,
        "matrix": np.array([[x[0] * x[1], x[1]], [x[2], W * x[0]]]),
        "fit": Fit(x[0] - x[2], ([x[0], x[1], x[2]], ag.exp(x[1]))),
    }


def flat(x: Any) -> Any:
    found = f(x)
    fit = found["fit"]
    return [found["energy"], *found["matrix"].ravel(), fit.loss, *fit.parts[0], fit.parts[1]]


def joined(structure: Any, lead: int) -> Any:
    fit = structure["fit"]
    parts = [structure["energy"], structure["matrix"], fit.loss, *fit.parts]
    return np.concatenate([np.reshape(part, (*part.shape[:lead], -1)) for part in parts], axis=-1)


def test_values_and_products_have_the_form_of_the_result() -> None:
    program, plain = record(f, X[0].tolist()), record(flat, X[0].tolist())
    values = program(X)
    assert isinstance(values["fit"], Fit)
    assert [values["energy"].shape, values["matrix"].shape, values["fit"].parts[0].shape] == [
        (4,),
        (4, 2, 2),
        (4, 3),
    ]
    assert joined(values, 1).tolist() == plain(X).tolist()
    assert joined(program(X[:1]), 1).tolist() == plain(X[:1]).tolist()
    assert joined(program.jvp(X, X)[1], 1).tolist() == plain.jvp(X, X)[1].tolist()
    seeds = np.random.default_rng(1).normal(size=(4, 10))
    values, products = plain.vjp(X, seeds, wrt=[0, W])
    fit = Fit(seeds[:, 5], (seeds[:, 6:9], seeds[:, 9]))
    given = {"energy": seeds[:, 0], "matrix": seeds[:, 1:5].reshape(4, 2, 2), "fit": fit}
    found = program.vjp(X, given, wrt=[0, W])
    assert joined(found[0], 1).tolist() == values.tolist()
    assert (found[1][0].tolist(), found[1][1]) == (products[0].tolist(), products[1])
    _, gradient = program.value_and_grad(X, gradient=given, wrt={"x": 0, "w": W})
    assert (gradient["x"].tolist(), gradient["w"]) == (products[0].tolist(), products[1])
    W.zero_grad()
    assert joined(program.backward(X, gradient=given), 1).tolist() == values.tolist()
    assert W.grad == products[1]


def test_a_jacobian_has_the_form_of_the_result_and_of_the_arguments_in_it() -> None:
    program, plain = record(f, X[0].tolist()), record(flat, X[0].tolist())
    values, found = program.jacobian(X, wrt={"x": 0, "w": W}, values=True)
    expected = plain.jacobian(X, wrt={"x": 0, "w": W})
    assert joined(values, 1).tolist() == plain(X).tolist()
    assert found["matrix"]["x"].shape == (4, 2, 2, 3)
    assert found["matrix"]["x"].reshape(4, 4, 3).tolist() == expected["x"][:, 1:5].tolist()
    assert found["fit"].parts[0]["w"].tolist() == expected["w"][:, 6:9].tolist()
    for one, other in zip(program.jacobian(X, sparse=True), plain.jacobian(X), strict=True):
        assert one.toarray().tolist() == other.tolist()


def test_a_function_without_arguments_and_one_of_ragged_lists() -> None:
    program = record(lambda: {"a": W * 2.0, "b": [W, W * W]})
    assert {name: part.tolist() for name, part in program().items()} == {"a": 1.0, "b": [0.5, 0.25]}
    assert program.jacobian(wrt=W)["b"].tolist() == [1.0, 1.0]
    ragged = record(lambda x: [[x[0]], [x[1], x[2]]], [1.0, 2.0, 3.0])
    assert [part.shape for part in ragged(X)] == [(4, 1), (4, 2)]
    assert [part.shape for part in ragged.graph() and ragged.jacobian(X)] == [(4, 1, 3), (4, 2, 3)]


def test_rows_that_are_evaluated_eagerly_and_other_branches() -> None:
    def g(x: Any) -> Any:
        return {"a": x[0] if x[0] > 0.0 else x[1] * W, "b": [x[1], x[2]]}

    for on_guard in ("eager", "record"):
        program = record(g, [1.0, W.data, 1.0], on_guard=on_guard)
        assert program(X)["a"].tolist() == [row[0] if row[0] > 0.0 else row[1] * W.data for row in X.tolist()]
    program = record(lambda x: {"a": x[0]} if x[0] > 0.0 else {"b": x[0]}, [1.0, 1.0, 1.0])
    with pytest.raises(ag.RecordingError, match="result of the form"):
        program([[-1.0, 1.0, 1.0]])


def test_it_travels_and_is_jitted_and_drawn() -> None:
    program = record(f, X[0].tolist())
    assert joined(pickle.loads(pickle.dumps(program))(X), 1).tolist() == joined(program(X), 1).tolist()
    jitted = ag.jit(f)(X[0].tolist())
    assert jitted["energy"] == program(X)["energy"][0]
    assert jitted["fit"].parts[0].tolist() == X[0].tolist()
    graph = program.graph()
    assert isinstance(graph["energy"], ag.Value)
    assert graph["matrix"][0][1].data == X[0, 1]


def test_what_has_another_form_is_told() -> None:
    program = record(f, X[0].tolist())
    with pytest.raises(ValueError, match="parts, and 3 are wanted"):
        program.vjp(X, {"energy": X[:, 0]})
    with pytest.raises(ValueError, match=r"cotangents: a part has shape \(4, 3\)"):
        program.vjp(X, {"energy": X[:, 0], "matrix": X, "fit": Fit(X[:, 0], (X, X[:, 0]))})
    with pytest.raises(TypeError, match="not str"):
        record(lambda x: {"a": "text"}, 1.0)


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ({"a": 1.0, "b": [2.0, 3.0]}, r"entries of the dict \(a, b\) as arguments of their own"),
        ([1.0, [2.0, 3.0]], "parts of several shapes as arguments of their own"),
        ((np.ones(2), np.ones(3)), "parts of several shapes as arguments of their own"),
        ("mean", r"no argument: functools\.partial"),
        (None, r"no argument: functools\.partial"),
    ],
)
def test_an_argument_that_is_no_rectangular_array_is_refused_with_a_remedy(
    argument: Any, remedy: str
) -> None:
    with pytest.raises(TypeError, match=remedy):
        record(lambda x, p: x * 2.0, 1.0, argument)
    with pytest.raises(TypeError, match=remedy):
        ag.jit(lambda x, p: x * 2.0)(1.0, argument)
    if not isinstance(argument, (list, tuple)):
        with pytest.raises(TypeError, match=remedy):
            ag.jit(lambda x, p: x * 2.0).vmap([1.0], argument)
