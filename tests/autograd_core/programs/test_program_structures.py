"""Functions that return dicts, named tuples and parts of several shapes: their form is kept everywhere."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import interpreter, interpreters, jit, record
from autograd_core.programs.wrt import Targets
from autograd_core.structures import leaves_of as parts_of
from autograd_core.structures import map_structure

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
    with pytest.raises(ValueError, match=r"dict with the entries .*energy.*matrix.*fit"):
        program.vjp(X, {"energy": X[:, 0]})
    with pytest.raises(ValueError, match=r"cotangents: a part has shape \(4, 3\)"):
        program.vjp(X, {"energy": X[:, 0], "matrix": X, "fit": Fit(X[:, 0], (X, X[:, 0]))})
    with pytest.raises(TypeError, match="not str"):
        record(lambda x: {"a": "text"}, 1.0)


@pytest.mark.parametrize("argument", ["mean", None, {"a": 1.0, "b": "mean"}, [[1.0], None]])
def test_an_argument_that_is_no_number_is_refused_with_a_remedy(argument: Any) -> None:
    remedy = r"argument 2 of 2.*no argument: functools\.partial"
    with pytest.raises(TypeError, match=remedy):
        record(lambda x, p: x * 2.0, 1.0, argument)
    with pytest.raises(TypeError, match=remedy):
        ag.jit(lambda x, p: x * 2.0)(1.0, argument)


# --- arguments of several parts


class Layer(NamedTuple):
    weight: Any
    bias: Any


def network(model: Any, x: Any) -> Any:
    """Two layers in a dict; the first a named tuple with a matrix, the second ragged lists."""
    first, (row, scale) = model["first"], model["second"]
    hidden = [ag.tanh(ag.dot(w, x) + b) for w, b in zip(first.weight, first.bias, strict=True)]
    y = ag.dot(row, hidden) * scale * W
    return y if y > 0.0 else {"a": 1}["a"] * y * 2.0


def model_of(*lead: int) -> Any:
    """A model, or a batch of models."""
    rng = np.random.default_rng(3)
    first = Layer(rng.normal(size=(*lead, 2, 3)), rng.normal(size=(*lead, 2)))
    return {"first": first, "second": [rng.normal(size=(*lead, 2)), rng.normal(size=lead)]}


def leaves_of(structure: Any) -> list[Any]:
    first, (row, scale) = structure["first"], structure["second"]
    return [*np.ravel(first.weight), *np.ravel(first.bias), *np.ravel(row), scale]


def one_of(models: Any, k: int) -> Any:
    first, second = models["first"], models["second"]
    return {"first": Layer(*(part[k] for part in first)), "second": [part[k] for part in second]}


def expected_of_one(model: Any, x: list[float]) -> tuple[float, list[float], list[float]]:
    """The eager value and gradients."""
    leaves = [ag.Value(float(number)) for number in leaves_of(model)]
    weight = np.array(leaves[:6], dtype=object).reshape(2, 3)
    row = [ag.Value(number) for number in x]
    y = network({"first": Layer(weight, leaves[6:8]), "second": [leaves[8:10], leaves[10]]}, row)
    y.backward()
    return y.data, [leaf.grad for leaf in leaves], [leaf.grad for leaf in row]


def expected_of(models: Any, k: int) -> tuple[float, list[float], list[float]]:
    """The same of row k of a batch."""
    return expected_of_one(one_of(models, k), X[k].tolist())


@pytest.mark.parametrize("on_guard", ["eager", "record"])
def test_arguments_may_be_structures_and_derivatives_have_their_form(on_guard: str) -> None:
    program = record(network, model_of(), X[0].tolist(), on_guard=on_guard)
    models = model_of(4)
    values, (of_model, of_x) = program.value_and_grad(models, X, wrt=(0, 1))
    assert isinstance(of_model["first"], Layer)
    assert [of_model["first"].weight.shape, of_model["second"][1].shape] == [(4, 2, 3), (4,)]
    for k in range(4):
        y, own, x = expected_of(models, k)
        assert (values[k], program(models, X)[k]) == (y, y)
        assert leaves_of(one_of(of_model, k)) == own
        assert of_x[k].tolist() == x
    of_model, of_x = program.value_and_grad(models, X, inputs=True)[1].inputs
    assert leaves_of(one_of(of_model, 1)) == expected_of(models, 1)[1]
    assert program.value_and_grad(models, X, wrt={"model": 0})[1]["model"]["first"].bias.shape == (4, 2)
    jacobian = program.jacobian(models, X, wrt=0)
    assert leaves_of(one_of(jacobian, 2)) == expected_of(models, 2)[1]
    assert program.hvp(models, X, models, wrt=0)["first"].weight.shape == (4, 2, 3)
    hessian = program.hessian(models, X, wrt=0)
    assert hessian["first"].weight["second"][0].shape == (4, 2, 3, 2)
    _, along = program.jvp(models, X, models, wrt=0)
    assert along[0] == pytest.approx(np.dot(expected_of(models, 0)[1], leaves_of(one_of(models, 0))))
    total, _ = program.sum_value_and_grad(models, X, chunk=3)
    assert total == pytest.approx(values.sum())
    if on_guard == "record":  # the function that a pickle finds again reads another W
        assert pickle.loads(pickle.dumps(program))(models, X).tolist() == values.tolist()
    assert program.graph(one_of(models, 3), X[3]).data == values[3]
    assert program.sparsity(wrt=0).shape == (1, 11)


def test_a_named_tuple_is_a_structure_whatever_its_parts_are() -> None:
    """Of two numbers it is no array of two: of a batch of two rows both readings would fit."""

    def line(p: Any) -> Any:
        return p.weight * W + p.bias * 10.0

    batch = Layer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert record(line, Layer(1.0, 1.0))(batch).tolist() == [30.5, 41.0]
    jitted = ag.jit(line)
    assert jitted.vmap(batch).tolist() == [30.5, 41.0]
    assert jitted.grad(Layer(1.0, 2.0)) == Layer(0.5, 10.0)
    assert jitted.hessian(Layer(1.0, 2.0)) == Layer(Layer(0.0, 0.0), Layer(0.0, 0.0))
    for rows in (np.ones((2, 2)), [[1.0, 3.0], [2.0, 4.0]]):
        with pytest.raises(ValueError, match=r"argument 1 of 1 is a Layer\('weight', 'bias'\), not"):
            record(line, Layer(1.0, 1.0))(rows)
    with pytest.raises(ValueError, match="argument 1 of 1 is a Layer"):
        record(line, Layer(1.0, 1.0))(Fit([1.0], [1.0]))
    pair = ag.jit(lambda layers: layers[0].weight * layers[1].bias)
    assert pair.grad([Layer(1.0, 2.0), Layer(3.0, 4.0)]) == [Layer(4.0, 0.0), Layer(0.0, 1.0)]
    assert pair.vmap([batch, batch]).tolist() == [3.0, 8.0]


def test_batches_of_lists_of_structures_and_of_ragged_lists() -> None:
    two = ag.jit(lambda x: x[0]["a"] + 10.0 * x[1]["a"])
    assert two.vmap([{"a": [1.0, 2.0]}, {"a": [3.0, 4.0]}]).tolist() == [31.0, 42.0]
    ragged = ag.jit(lambda x: x[0][0] + 10.0 * x[1][1])
    assert ragged.vmap([[[1.0], [2.0]], [[1.0, 2.0], [3.0, 4.0]]]).tolist() == [21.0, 42.0]
    assert ragged.vmap([np.array([[1.0], [2.0]]), [[1.0, 2.0], [3.0, 4.0]]]).tolist() == [21.0, 42.0]
    rows = ag.jit(lambda x: x[0] + 10.0 * x[1])  # lists and arrays of one shape are rows
    assert rows.vmap([[1.0, 2.0], np.array([3.0, 4.0])]).tolist() == [21.0, 43.0]


def test_one_row_of_a_structure_takes_the_short_way(either: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if either == "numpy":
        pytest.skip("the short way is compiled")
    f = ag.jit(lambda m, x: m["a"] * x[0] + m["b"][0] * x[1])
    arguments = {"a": 2.0, "b": [3.0]}, [4.0, 5.0]
    f.grad(*arguments, wrt=0)
    monkeypatch.setattr("autograd_core.programs.derivatives.value_and_grad", None)
    value, gradient = f.value_and_grad(*arguments, wrt=0)
    assert (value, gradient["a"], gradient["b"].tolist()) == (23.0, 4.0, [5.0])
    assert f.grad(*arguments, wrt="x").tolist() == [2.0, 3.0]


def test_derivatives_with_respect_to_many_parts_ask_for_each_place_once() -> None:
    program = record(lambda m: ag.sum([v * v for v in m.values()]), {f"k{i}": 1.0 for i in range(40)})
    found = program.hessian({f"k{i}": [1.0] for i in range(40)})
    assert [found["k0"][b].tolist() for b in ("k0", "k39")] == [[2.0], [0.0]]
    targets = Targets(program, 0)
    assert targets.places(39) == ([39], ())
    assert targets.sizes is targets.sizes


def test_values_none_of_which_the_function_depends_on_are_refused() -> None:
    """Copies of a model's parameters: all their gradients would be 0."""
    other = ag.Value(7.0)
    program = record(lambda x: W * x, 1.0)
    for take in (program.value_and_grad, program.jacobian, program.hessian, program.sum_value_and_grad):
        with pytest.raises(ValueError, match=r"depends on no Value in wrt \(\[Value\(7.0\)\]\).*record it"):
            take([1.0, 2.0], wrt={"w": other})
    assert program.value_and_grad([1.0], wrt=[W, other])[1] == [1.0, 0.0]
    assert program.value_and_grad([1.0], wrt=[0, other])[1][1] == 0.0
    assert program.hessian([1.0], wrt=[W])[0][0].tolist() == [0.0]
    branches = record(lambda x: W * x if x > 0.0 else other * x, 1.0, on_guard="record")
    assert branches.value_and_grad([1.0], wrt=[W, other])[1] == [1.0, 0.0]
    assert branches.value_and_grad([-1.0], wrt=[W, other])[1] == [0.0, -1.0]


def test_names_of_arguments_are_refused_as_their_numbers_are() -> None:
    f = ag.jit(lambda x: W * x)
    with pytest.raises(ValueError, match="an argument has a gradient for each row"):
        f.sum_value_and_grad([1.0], wrt="x")
    with pytest.raises(ValueError, match="at least one row is needed"):
        f.sum_value_and_grad([])


@pytest.mark.parametrize("missing", ["arguments", "labels"])
def test_a_pickle_of_another_version_is_told(missing: str) -> None:
    program = record(lambda x: W * x, 1.0)
    del vars(program if missing == "arguments" else program.recorded)[missing]
    with pytest.raises(ValueError, match=r"pickled by another version of autograd_core.*record it again"):
        pickle.loads(pickle.dumps(program))


def test_a_batch_of_another_structure_is_told() -> None:
    program = record(network, model_of(), X[0].tolist())
    with pytest.raises(ValueError, match=r"argument 1 of 2 is a dict with the entries \['first', 'second'\]"):
        program({"first": 1.0}, X)
    with pytest.raises(ValueError, match="argument 1 of 2, entry 'second' has 2 parts, not 3 parts"):
        program({**model_of(4), "second": [1.0, 2.0, 3.0]}, X)
    with pytest.raises(ValueError, match=r"entry 'first', part 0 has shape .* is wanted"):
        program(model_of(), X)
    with pytest.raises(TypeError, match="the recorded function takes 2 arguments, not 1"):
        program(model_of(4))
    with pytest.raises(TypeError, match="2 arguments are wanted and behind them v"):
        program.hvp(model_of(4), X)


def test_jit_takes_structures_and_has_every_derivative() -> None:
    f, model, x = ag.jit(network), model_of(), X[0].tolist()
    y, own, of_x = expected_of_one(model, x)
    assert f(model, x) == y
    value, (of_model, found) = f.value_and_grad(model, x)
    assert (value, leaves_of(of_model), found.tolist()) == (y, own, of_x)
    assert leaves_of(f.jacobian(model, x, wrt=0)) == own
    assert f.jacobian(model, x, wrt=W) == pytest.approx(y / W.data)
    assert f.vjp(model, x, 2.0, wrt="x")[1].tolist() == [2.0 * g for g in of_x]
    assert f.jvp(model, x, {"x": [1.0, 0.0, 0.0], "w": 0.0}, wrt={"x": "x", "w": W})[1] == of_x[0]
    whole = f.hessian(model, x, wrt="x")
    assert whole.shape == (3, 3)
    assert f.hvp(model, x, [0.0, 1.0, 0.0], wrt="x").tolist() == pytest.approx(whole[:, 1].tolist())
    assert f.hvp(model, x, 1.0, wrt=W) == f.hessian(model, x, wrt=W) == 0.0
    models = model_of(4)
    assert f.vmap(models, X).tolist() == [expected_of(models, k)[0] for k in range(4)]
    total, gradient = f.sum_value_and_grad(models, X, wrt=W, chunk=3)
    assert total == pytest.approx(sum(expected_of(models, k)[0] for k in range(4)))
    assert gradient == pytest.approx(total / W.data)
    assert f.cache_info().forms == 2  # of the model, and of a row of the batch, whose x is an array


def test_a_jitted_function_of_no_arguments_has_every_derivative() -> None:
    f = ag.jit(lambda: {"a": W * W * W, "b": [W, 2.0 * W]})
    assert f.jacobian(wrt=W)["b"].tolist() == [1.0, 2.0]
    assert f.vjp({"a": 1.0, "b": [0.0, 1.0]}, wrt=W)[1] == 2.75
    assert f.jvp(2.0, wrt=W)[1]["a"] == 1.5
    assert ag.jit(lambda: W * W * W).hessian(wrt=W) == 3.0
    assert ag.jit(lambda: W * W * W).hvp(2.0, wrt=W) == 6.0
    with pytest.raises(TypeError, match="v is wanted behind the arguments"):
        f.hvp()
    with pytest.raises(ValueError, match=r"v has shape \(2,\), and \(\) is wanted"):
        ag.jit(lambda x: x * x).hvp(1.0, [1.0, 2.0])


ANY: Any = (1.5, None, "a", 3)  # what mypy would refuse


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.sum_value_and_grad(5, [1.0]), "argument 1 of 2 gives no rows by slices.*: 5"),
        (
            lambda p: p.sum_value_and_grad([1.0], [1.0], executor=3),
            "executor has a method submit.*3 has none",
        ),
        (lambda p: p.sum_value_and_grad([1.0], [1.0], gradient="a"), "gradient is no real number: 'a'"),
        (lambda p: p.sum_value_and_grad([1.0], [1.0], chunk=np.ones(2)), "chunk must be a whole number"),
        (lambda p: p([1.0], [1.0], threads=np.ones(2)), "threads must be a whole number"),
        (lambda p: p.value_and_grad([1.0], [1.0], wrt=np.ones(2)), "with respect to arguments, by their num"),
        (lambda p: p.vjp(), "batches of 2 arguments are wanted and behind them u"),
        (lambda p: record(ANY[1], 1.0), "what record takes first is a function, not None"),
        (
            lambda p: record(lambda x: x, 1.0, most_recordings=ANY[2]),
            "most_recordings must be a whole number",
        ),
        (lambda p: ag.jit(ANY[3]), "what jit takes first is a function, not 3"),
        (lambda p: ag.jit(most_recordings=ANY[1]), "most_recordings must be a whole number"),
        (lambda p: ag.scan(ANY[3], 0.0, [1.0]), "the body of a scan is a function, not 3"),
        (lambda p: ag.scan(lambda c, x: (c, x), 0.0, 5), "'xs' is a sequence"),
        (lambda p: ag.scan(lambda c, x: (c, x), 0.0, length=ANY[0]), "length must be a whole number"),
        (lambda p: ag.fori_loop(ANY[0], 2, lambda i, c: c, 0.0), "lower must be a whole number"),
        (lambda p: ag.while_loop(ANY[1], ANY[1], 0.0), "the condition of a loop is a function"),
    ],
)
def test_what_is_wrong_is_named(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call(record(lambda x, y: W * x * y, 1.0, 1.0))


def test_a_program_explains_what_is_not_compiled() -> None:
    def nested(x: Any) -> Any:
        def inner(c: Any, y: Any) -> Any:
            return c * y, None

        def outer(c: Any, y: Any) -> Any:
            return ag.scan(inner, c, [y, y])[0], None

        slope = ag.grad(lambda t: ag.scan(inner, t, x)[0])(x[0])
        return ag.scan(outer, x[0], x)[0] * slope + ag.hypot(x[0], ag.lgamma(x[1]))

    program = record(nested, [2.0, 3.0, 4.0])
    said = program.explain()
    assert "computed by Python, node by node and row by row, on one thread: hypot (1), lgamma (1)" in said
    assert "a loop of 3 steps is recorded once" in said
    assert "step by step: it is within the body of another loop" in said
    assert "1 loop is recorded step by step: a derivative is taken through it" in said
    program.hessian([[2.0, 3.0, 4.0]])
    assert "its gradient, recorded for hvp, hessian or jvp" in program.explain()
    branches = record(lambda x: x[0] if x[0] > 0.0 else ag.gamma(x[1]), [1.0, 1.0, 1.0], on_guard="record")
    assert "Python" not in branches.explain()
    branches(-abs(X))
    assert "2 branches are recorded; rows of others are recorded when they come" in branches.explain()
    assert "gamma (1)" in branches.explain()
    halved = record(lambda x: ag.while_loop(lambda y: y > 1.0, lambda y: y / 2.0, x), 5.0, on_guard="record")
    assert "1 loop is recorded step by step: it is a while_loop" in halved.explain()
    plain = record(lambda x: x * ag.while_loop(lambda y: y > 1.0, lambda y: y / 2.0, 5.0), 5.0)
    assert "while_loop" not in plain.explain()
    eager = record(lambda x: x[0] if x[0] > 0.0 else x[1], [1.0, 1.0, 1.0])
    eager(-abs(X))
    assert "4 rows were evaluated eagerly: in another branch, or not finite" in eager.explain()


def test_explain_counts_what_python_computes_for_rows(either: str) -> None:
    calls = []

    @ag.operation(lambda x, y: 1.0)
    def counted(x: float) -> float:
        calls.append(x)
        return x

    of_parameter = record(lambda x: x * counted(W), 1.0)
    of_constant = record(lambda x: x * counted(ag.Value(3.0)), 1.0)
    for program, constant in ((of_parameter, False), (of_constant, True)):
        program([1.0, 2.0])
        calls.clear()
        program([1.0, 2.0])
        folded = constant and either != "numpy"
        assert len(calls) == (0 if folded else 2)
        assert ("counted (1)" in program.explain()) == (not folded)


def test_sparse_derivatives_of_structures_are_the_dense_ones() -> None:
    """Arguments stand for parts: argument 1 is part 2 here, and argument 2 is part 3."""
    pytest.importorskip("scipy")

    def f(m: Any, x: Any, y: Any) -> Any:
        return [m["a"] * x * W, m["b"] * y, x * x * y] if W > 0.0 else [x, x, x]

    program = record(f, {"a": 1.0, "b": 2.0}, 3.0, 4.0, on_guard="record")
    batch = {"a": [1.0, -1.0], "b": [2.0, 3.0]}, [5.0, 6.0], [7.0, 8.0]
    for wrt in (0, 1, 2, W, [1, W, {"m": 0}]):
        dense = program.jacobian(*batch, wrt=wrt)
        leaves: list[Any] = []
        map_structure(dense, leaves.append)
        for k, matrix in enumerate(program.jacobian(*batch, wrt=wrt, sparse=True)):
            assert matrix.toarray().tolist() == np.stack([leaf[k] for leaf in leaves], axis=-1).tolist()
    square = record(lambda m, x: m["a"] * m["b"] * x * x, {"a": 1.0, "b": 2.0}, 3.0)
    found = square.hessian({"a": [2.0], "b": [3.0]}, [4.0], wrt=0, sparse=True)[0].toarray()
    assert found.tolist() == [[0.0, 16.0], [16.0, 0.0]]


def test_a_named_tuple_of_equal_parts_is_returned_as_one() -> None:
    def f(x: Any) -> Any:
        return Layer(x * W, x * x)

    assert ag.jit(f)(2.0) == Layer(1.0, 4.0)
    assert ag.jit(f).jacobian(2.0) == Layer(0.5, 4.0)
    assert ag.jit(f).vjp(2.0, Layer(1.0, 0.0))[1] == 0.5
    values = record(f, 1.0)([1.0, 2.0])
    assert (values.weight.tolist(), values.bias.tolist()) == ([0.5, 1.0], [1.0, 4.0])


def test_no_directions_and_no_targets() -> None:
    program = record(lambda x: x[0] * x[1], [1.0, 2.0])
    w = ag.Value(3.0)
    scaled = record(lambda x: w * x[0] * x[1], [1.0, 2.0])
    for lanes in (2, 0):
        rows = np.ones((lanes, 2))
        values, products = program.vjp(rows, np.zeros((0, lanes)))
        assert values.tolist() == [1.0] * lanes
        assert products.shape == (0, lanes, 2)
        assert program.jvp(rows, np.zeros((0, lanes, 2)))[1].shape == (0, lanes)
        assert program.hvp(rows, np.zeros((0, lanes, 2))).shape == (0, lanes, 2)
        for per_row, shape in ((False, (0,)), (True, (0, lanes))):
            products = scaled.vjp(rows, np.zeros((0, lanes)), wrt={"x": 0, "w": w}, per_row=per_row)[1]
            assert (products["x"].shape, products["w"].shape) == ((0, lanes, 2), shape)
    with pytest.raises(ValueError, match="log"):
        record(lambda x: ag.log(x), 1.0).vjp([-1.0], np.zeros((0, 1)))  # a value raises all the same
    with pytest.raises(ValueError, match="array of parameters in wrt is empty"):
        program.jacobian([[1.0, 2.0]], wrt=np.array([], dtype=object))
    assert program.hessian([[1.0, 2.0]], wrt=[]) == program.jacobian([[1.0, 2.0]], wrt=[]) == []
    assert program.hvp([[1.0, 2.0]], {}, wrt={}) == {}
    assert program.jvp([[1.0, 2.0]], [], wrt=[])[1] == [0.0]
    assert [m.shape for m in program.hessian([[1.0, 2.0]] * 2, wrt=(), sparse=True)] == [(0, 0)] * 2
    assert [m.shape for m in program.jacobian([[1.0, 2.0]] * 2, wrt=(), sparse=True)] == [(1, 0)] * 2
    assert jit(lambda x: x[0] * x[1]).hvp([1.0, 2.0], [], wrt=[]) == []


def test_what_stands_twice_in_wrt_has_its_columns_twice() -> None:
    w = ag.Value(3.0)
    program = record(lambda x: w * x[0] * x[1] ** 2 + w * w, [1.0, 2.0])
    for wrt in ((0, 0), [np.array([w, w], dtype=object), 0], {"w": w, "x": 0, "again": w}):
        row = [[1.5, 2.0]]
        flat = [np.reshape(b, (1, -1)) for b in parts_of(program.jacobian(row, wrt=wrt))]
        dense = np.concatenate(flat, axis=1)
        assert program.jacobian(row, wrt=wrt, sparse=True)[0].toarray().tolist() == dense.tolist()
        assert program.sparsity(wrt=wrt).toarray().tolist() == (dense != 0.0).tolist()
        blocks = parts_of(program.hessian(row, wrt=wrt))
        sparse = program.hessian(row, wrt=wrt, sparse=True)[0].toarray()
        assert sparse.shape == (dense.size, dense.size)
        assert sorted(np.concatenate([np.ravel(b) for b in blocks])) == sorted(sparse.ravel())


@pytest.mark.parametrize("name", ["hvp", "jvp"])
def test_directions_are_named_where_they_have_another_form(name: str) -> None:
    def f(a: Any, b: Any) -> Any:
        return a["x"] * a["y"] * b

    push = getattr(record(f, {"x": 1.0, "y": 2.0}, 3.0), name)
    row = {"x": [1.0], "y": [2.0]}, [3.0]
    for v, message in (
        (
            ({"x": [1.0], "z": [1.0]}, [1.0]),
            "v, part 0 is a dict with the entries ['x', 'y'], not ['x', 'z']",
        ),
        ((row[0],), "v has 2 parts, not 1 parts"),
        (None, "v has 2 parts, not None"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            push(*row, v)
