"""Forward mode, second derivatives, and recordings of functions that differentiate: the eager bits."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.engine.derivatives import SLOPE_BEYOND_DOMAIN
from autograd_core.programs import derivatives, interpreter, interpreters, record, sparse
from autograd_core.programs.run import Run

W = [ag.Value(0.3), ag.Value(-0.7)]
X = np.random.default_rng(0).normal(size=(6, 2))
V = np.random.default_rng(1).normal(size=(6, 2))


@pytest.fixture(params=["numpy", *interpreters()[1:2]], autouse=True)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


def same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.asarray(a).tobytes() == np.asarray(b, dtype=float).tobytes()


def smooth(x: Any) -> Any:
    return ag.sin(x[0] * W[0]) * ag.exp(x[1] * W[1]) + ag.tanh(x[0]) * x[1] ** 3


def selecting(x: Any) -> Any:
    """Selections of every kind, which a frozen derivative gets wrong for half of the rows."""
    near = ag.minimum((x[0] - 0.1) ** 2, (x[1] + 0.2) ** 2)
    return near + ag.relu(x[0] * x[1]) + ag.max([x[0] * x[0], x[1], x[0] + x[1]]) * ag.abs(x[1])


def branching(x: Any) -> Any:
    return x[0] * x[1] * W[0] if x[0] > 0.0 else ag.exp(x[1]) * W[1] * x[0]


FUNCTIONS = [smooth, selecting, branching]


@pytest.mark.parametrize("on_guard", ["eager", "record"])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_second_derivatives_have_the_eager_bits(f: Any, on_guard: str) -> None:
    program = record(f, [1.0, 2.0], on_guard=on_guard)
    assert same(program.hessian(X), [ag.hessian(f)(row) for row in X.tolist()])
    assert same(program.hvp(X, V), [ag.hvp(f, x, v) for x, v in zip(X.tolist(), V.tolist(), strict=True)])


@pytest.mark.parametrize("on_guard", ["eager", "record"])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_forward_mode_has_the_eager_bits(f: Any, on_guard: str) -> None:
    program = record(f, [1.0, 2.0], on_guard=on_guard)
    values, products = program.jvp(X, V)
    eager = [ag.jvp(f, (x,), (v,)) for x, v in zip(X.tolist(), V.tolist(), strict=True)]
    assert same(values, [value for value, _ in eager])
    assert same(products, [product for _, product in eager])
    many = program.jvp(X, np.stack([V, -V, 2.0 * V]))[1]
    assert same(many[0], products)
    assert same(many[1], -products)
    assert many.shape == (3, 6)


def test_directions_and_products_have_the_callers_structure() -> None:
    program = record(lambda x: ag.sin(x[0] * W[0]) * x[1] * W[1], [1.0, 1.0])
    wrt = {"w": np.array(W), "x": 0}
    v = {"w": np.array([1.0, -2.0]), "x": V}

    def f(w: Any, x: Any) -> Any:
        return ag.sin(x[0] * w[0]) * x[1] * w[1]

    numbers = [w.data for w in W]
    eager = [
        ag.hvp(lambda p: f(p[0], p[1]), [numbers, x], [[1.0, -2.0], d])
        for x, d in zip(X.tolist(), V.tolist(), strict=True)
    ]
    found = program.hvp(X, v, wrt=wrt, per_row=True)
    assert same(found["w"], [one for one, _ in eager])
    assert same(found["x"], [other for _, other in eager])
    assert np.allclose(program.hvp(X, v, wrt=wrt)["w"], found["w"].sum(axis=0), rtol=1e-13)
    assert np.allclose(program.hvp(X, {"w": np.eye(2), "x": np.stack([V, V])}, wrt=wrt)["w"].shape, (2, 2))
    tangents = [
        ag.jvp(f, (numbers, x), ([1.0, -2.0], d))[1] for x, d in zip(X.tolist(), V.tolist(), strict=True)
    ]
    assert same(program.jvp(X, v, wrt=wrt)[1], tangents)
    H = program.hessian(X, wrt=wrt)
    whole = [ag.hessian(lambda p: f(p[:2], p[2:]))([*numbers, *x]) for x in X.tolist()]
    assert same(H["w"]["w"], np.array(whole)[:, :2, :2])
    assert same(H["w"]["x"], np.array(whole)[:, :2, 2:])
    assert same(H["x"]["w"], np.array(whole)[:, 2:, :2])
    assert program.hessian(X, wrt=[W[0], (0,)])[1][0][0].shape == (6, 2)


def test_parameters_are_read_anew_in_second_derivatives() -> None:
    w = ag.Value(2.0)
    program = record(lambda x: w * w * x * x, 1.0)
    assert program.hessian([1.0, 3.0]).tolist() == [8.0, 8.0]
    w.data = 3.0
    assert program.hessian([1.0, 3.0]).tolist() == [18.0, 18.0]
    assert program.hessian([1.0, 3.0], wrt=w).tolist() == [2.0, 18.0]


def test_a_function_without_arguments() -> None:
    a, b = ag.Value(2.0), ag.Value(3.0)
    program = record(lambda: a * a * b)
    ab = np.array([a, b])
    assert program.hessian(wrt=ab).tolist() == [[6.0, 4.0], [4.0, 0.0]]
    assert program.hvp(np.array([1.0, 1.0]), wrt=ab).tolist() == [10.0, 4.0]
    assert program.jvp(np.array([1.0, 10.0]), wrt=ab)[1].tolist() == 52.0


def test_second_derivatives_of_several_outputs_are_refused() -> None:
    with pytest.raises(ValueError, match="returns 2"):
        record(lambda x: [x, x], 1.0).hessian([1.0])


# --- functions that differentiate


def energy(x: Any) -> Any:
    return selecting(x) * ag.sin(x[0])


DIFFERENTIATING = {
    "grad": lambda x: ag.grad(energy)(x),
    "grad of grad": lambda x: ag.grad(lambda y: ag.dot(ag.grad(energy)(y), [1.0, 2.0]))(x),
    "hvp": lambda x: ag.hvp(energy, x, [1.0, -1.0]),
    "jvp": lambda x: ag.jvp(energy, (x,), ([x[1], 2.0],))[1],
    "jacobian": lambda x: [v for row in ag.jacobian(lambda y: [y[0] * y[1], energy(y)])(x) for v in row],
    "hessian": lambda x: [v for row in ag.hessian(smooth)(x) for v in row],
    "grad of what is captured": lambda x: ag.grad(lambda s: energy([s * x[0], x[1]]))(1.5),
    "three deep": lambda x: ag.grad(ag.grad(ag.grad(lambda s: ag.sin(s * x[0]) * s)))(x[1]),
    "value_and_grad": lambda x: ag.value_and_grad(energy)(x)[1][0],
    "a step of Newton's": lambda x: x[0] - ag.grad(smooth)(x)[0] / (1.0 + ag.hessian(smooth)(x)[0][0] ** 2),
}


@pytest.mark.parametrize("name", DIFFERENTIATING)
def test_a_function_that_differentiates_is_recorded(name: str) -> None:
    f = DIFFERENTIATING[name]
    program = record(f, [0.4, 0.9])
    assert same(program(X), [f(row) for row in X.tolist()])


def test_the_gradient_of_a_recorded_gradient() -> None:
    program = record(lambda x: ag.dot(ag.grad(energy)(x), [1.0, 2.0]), [0.4, 0.9])
    _, own = program.value_and_grad(X, wrt=0)
    expected = [ag.grad(lambda y: ag.dot(ag.grad(energy)(y), [1.0, 2.0]))(row) for row in X.tolist()]
    assert np.allclose(own, expected, rtol=1e-12)


# --- sparse


def chained(x: Any) -> Any:
    return [x[k] * x[k + 1] - ag.sin(x[k]) for k in range(len(x) - 1)]


def arrow(x: Any) -> Any:
    return [ag.dot(x, x), *(x[k] * x[0] for k in range(1, len(x)))]


def rosenbrock(x: Any) -> Any:
    return ag.sum([100.0 * (x[k + 1] - x[k] ** 2) ** 2 + (1.0 - x[k]) ** 2 for k in range(len(x) - 1)])


Y = np.random.default_rng(3).normal(size=(3, 9))


@pytest.mark.parametrize("f", [chained, arrow, lambda x: [x[0], x[0] * x[1], 3.0]])
def test_a_sparse_jacobian_is_the_dense_one(f: Any) -> None:
    program = record(f, [1.0] * 9)
    dense = program.jacobian(Y)
    values, found = program.jacobian(Y, sparse=True, values=True)
    assert same(values, program(Y))
    for one, other in zip(found, dense, strict=True):
        assert same(one.toarray(), other)
    pattern = program.sparsity().toarray()
    assert not (dense[:, ~pattern] != 0.0).any()


def test_a_sparse_hessian_is_the_dense_one() -> None:
    program = record(rosenbrock, [1.0] * 9)
    for one, other in zip(program.hessian(Y, sparse=True), program.hessian(Y), strict=True):
        assert np.allclose(one.toarray(), other, rtol=1e-13, atol=1e-13)
        assert one.nnz == 9 + 2 * 8


def test_a_sparse_hessian_with_hubs_is_the_dense_one_by_fewer_passes(monkeypatch: Any) -> None:
    def hubs(x: Any) -> Any:
        spokes = [ag.sin(x[k % 3] * b) for k, b in enumerate(x[3:])]
        return ag.sum([*spokes, *[a * b * b for a, b in itertools.pairwise(x)]])

    rows = np.random.default_rng(0).uniform(0.5, 1.5, (2, 60))
    program = record(hubs, [1.0] * 60)
    passes = []
    original = derivatives.vjp
    monkeypatch.setattr(derivatives, "vjp", lambda *given: passes.append(len(given[2])) or original(*given))
    found = program.hessian(rows, sparse=True)
    assert sum(passes) <= 8
    for one, other in zip(found, program.hessian(rows), strict=True):
        assert np.allclose(one.toarray(), other, rtol=1e-14, atol=1e-14)
        assert one.nnz <= 7 * 60


def test_the_pattern_goes_through_loops() -> None:
    def f(x: Any) -> Any:
        def step(carry: Any, pair: Any) -> Any:
            return ag.sin(carry) * 0.5, pair * carry

        last, products = ag.scan(step, x[0], list(x[1:4]))
        return [last, *products, x[4] * x[5]]

    program = record(f, [0.5] * 6)
    assert program.recorded.loops
    dense = program.jacobian(Y[:, :6])
    assert program.sparsity().nnz == 9
    for one, other in zip(program.jacobian(Y[:, :6], sparse=True), dense, strict=True):
        assert np.allclose(one.toarray(), other, rtol=1e-14, atol=0.0)
    energy = record(lambda x: ag.sum([y * y for y in f(x)]), [0.5] * 6)
    for one, other in zip(energy.hessian(Y[:, :6], sparse=True), energy.hessian(Y[:, :6]), strict=True):
        assert np.allclose(one.toarray(), other, rtol=1e-13, atol=1e-15)


def test_a_gradient_whose_branch_not_taken_is_singular_has_derivatives() -> None:
    def slope(x: Any) -> Any:
        return ag.grad(lambda y: ag.sqrt(ag.relu(y)) + y * y)(x)

    program = record(slope, 1.0)
    assert program([-1.0]).tolist() == [-2.0]
    assert program.jvp([-1.0], [1.0])[1].tolist() == [2.0] == [ag.jvp(slope, (-1.0,), (1.0,))[1]]
    assert program.graph(-1.0).data == -2.0
    with pytest.raises(ag.DomainError):
        record(lambda x: ag.sqrt(x), 1.0).jvp([-1.0], [1.0])


def test_a_sparse_jacobian_of_parameters_and_of_branches() -> None:
    program = record(lambda x: [x * W[0], W[1] * 2.0] if x > 0.0 else [W[1] * x, x], 1.0, on_guard="record")
    found = program.jacobian([1.0, -1.0], wrt=[W[0], W[1], 0], sparse=True)
    assert found[0].toarray().tolist() == [[1.0, 0.0, 0.3], [0.0, 2.0, 0.0]]
    assert found[1].toarray().tolist() == [[0.0, -1.0, -0.7], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("on_guard", ["eager", "record"])
def test_second_derivatives_of_a_branch_that_was_not_recorded(on_guard: str) -> None:
    def f(x: Any) -> Any:
        return ag.sum([t * t * t if t > 0.0 else ag.sin(t) * x[0] for t in x])

    rows = [[1.0, -2.0, 3.0], [-1.0, 2.0, 0.5]]
    program = record(f, [1.0, 1.0, 1.0], on_guard=on_guard)
    expected = np.array([ag.hessian(f)(row) for row in rows])
    slopes = record(lambda x: ag.grad(f)(x), [1.0, 1.0, 1.0], on_guard=on_guard)
    products = slopes.jvp(rows, [[1.0, 2.0, 3.0]] * 2)[1]
    assert np.allclose(products, expected @ [1.0, 2.0, 3.0], rtol=1e-13)
    assert np.allclose(slopes.jacobian(rows), expected, rtol=1e-13)
    assert np.allclose(program.hvp(rows, [[1.0, 2.0, 3.0]] * 2), expected @ [1.0, 2.0, 3.0], rtol=1e-13)
    for one, other in zip(program.hessian(rows, sparse=True), expected, strict=True):
        assert np.allclose(one.toarray(), other, rtol=1e-13)
    arrow = record(lambda x: ag.sum([f([t, x[0]]) for t in x[1:]]), [1.0] * 6, on_guard=on_guard)
    row = [0.5, -1.0, 2.0, -3.0, 1.0, -0.5]
    found = arrow.hessian([row], sparse=True)[0].toarray()
    assert np.allclose(found, arrow.hessian([row])[0], rtol=1e-13)


def test_a_sparse_row_off_the_recorded_branch_has_a_pattern_of_its_own(monkeypatch: Any) -> None:
    def f(x: Any) -> Any:
        return [x[0] * x[1] if x[2] > 0.0 else x[1] * x[3], x[0]]

    rows = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, -7.0, 8.0]])
    program = record(f, [1.0] * 4)
    for one, other in zip(program.jacobian(rows, sparse=True), program.jacobian(rows), strict=True):
        assert same(one.toarray(), other)
    assert program.jacobian(rows[1:], sparse=True)[0].toarray().tolist() == [[0, 8, 0, 6], [1, 0, 0, 0]]
    with pytest.raises(ag.RecordingError, match="row 0"):
        record(f, [1.0] * 4, on_guard="raise").jacobian(rows[1:], sparse=True)
    monkeypatch.setattr(sparse, "_MOST_DENSE", 7)
    with pytest.raises(ag.RecordingError, match="1 rows take branches that are not recorded"):
        program.jacobian(rows, sparse=True)
    assert len(program.jacobian(rows[:1], sparse=True)) == 1


def test_no_rows_have_no_derivatives() -> None:
    program = record(lambda x: x[0] ** 2 * x[1], [1.0, 1.0])
    none = np.empty((0, 2))
    assert program.jvp(none, none)[1].shape == (0,)
    assert program.hvp(none, none).shape == (0, 2)
    assert program.hessian(none).shape == (0, 2, 2)
    assert program.jvp(none, np.empty((3, 0, 2)))[1].shape == (3, 0)
    assert program.hessian(none, sparse=True) == []
    rows, columns = record(lambda x: [x[0] * W[0], x[1]], [1.0, 1.0]), record(arrow, [1.0] * 9)
    assert rows.jacobian(none, wrt=[W[0], 0], sparse=True) == []
    assert columns.jacobian(np.empty((0, 9)), sparse=True) == []
    assert record(lambda x: [x * W[0], x], 1.0).jacobian([], wrt=[W[0]], sparse=True) == []


def test_a_row_for_which_another_branch_would_raise_has_derivatives() -> None:
    program = record(lambda x: x * x if x > 0.0 else ag.exp(-x) * ag.exp(x), -1.0, on_guard="record")
    steep = record(lambda x: ag.exp(x) if x < 0.0 else x * x, -1.0, on_guard="record")
    assert program.jvp([3.0], [1.0])[1].tolist() == [6.0]
    assert steep.jvp([1e3], [1.0])[1].tolist() == [2e3]


def rooted(x: Any) -> Any:
    return [ag.sqrt(x[k]) * x[(k + 1) % len(x)] for k in range(len(x))]


def test_what_is_not_finite_spoils_no_other_entry_of_a_sparse_jacobian() -> None:
    rows = np.array([[0.0, 2.0, 3.0, 4.0, 0.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    program = record(rooted, [1.0] * 6)
    for one, other in zip(program.jacobian(rows, sparse=True), program.jacobian(rows), strict=True):
        assert np.array_equal(one.toarray(), other, equal_nan=True)
    energies = record(lambda x: ag.sum(rooted(x)), [1.0] * 6)
    for one, other in zip(energies.hessian(rows, sparse=True), energies.hessian(rows), strict=True):
        assert np.array_equal(one.toarray(), other, equal_nan=True)
    dense = np.array(ag.jacobian(rooted)(rows[0].tolist()))
    assert np.array_equal(ag.jacobian(rooted, sparse=True)(rows[0].tolist()).toarray(), dense)
    assert np.isinf(dense).sum() == 2


def test_hessian_products_take_arrays_of_parameters_in_any_order() -> None:
    """A Value the Program does not know, one that comes twice, and several vectors at once."""
    w = np.array([[ag.Value(1.5), ag.Value(-0.5)], [ag.Value(2.0), ag.Value(0.25)]])
    stranger = ag.Value(1.0)
    program = ag.record(lambda x: ag.exp(w[0, 0] * x) * w[0, 1] ** 2 + w[1, 0] * w[1, 1] ** 3, 1.0)
    chosen = np.array([[w[1, 1], w[0, 0]], [stranger, w[0, 1]]])
    rows, vectors = np.array([0.5, -1.0, 2.0]), np.random.default_rng(3).normal(size=(3, 2, 2))
    hessian = program.hessian(rows, wrt=[w.ravel()])[0][0].sum(0)
    place = {id(value): k for k, value in enumerate(w.ravel().tolist())}
    places = [place.get(id(value)) for value in chosen.ravel().tolist()]
    H = np.array([[0.0 if a is None or b is None else hessian[a, b] for b in places] for a in places])
    many = program.hvp(rows, {"all": vectors}, wrt={"all": chosen})["all"]
    assert np.allclose(many.reshape(3, 4), vectors.reshape(3, 4) @ H, rtol=1e-12)
    one = program.hvp(rows, vectors[1], wrt=chosen)
    assert one.tobytes() == many[1].tobytes()
    own = [program.hvp(rows, [v], wrt=[value])[0] for v, value in zip([1.0], [w[0, 0]], strict=True)]
    assert np.isclose(own[0], hessian[0, 0])


@pytest.mark.parametrize("example", [2.0, 3.0])
def test_an_equal_number_is_a_branch_of_derivatives_too(example: float) -> None:
    """`==` of two Values is identity: the guard compares with the number, also where it is recorded again."""

    def f(x: Any) -> Any:
        return x**3 if x == 2.0 else x * x

    def looped(x: Any) -> Any:
        return ag.scan(lambda c, _: (f(c), None) if c != 5.0 else (c, None), x, length=1)[0]

    for function in (f, looped):
        program = record(function, example, on_guard="record")
        assert program([2.0, 3.0]).tolist() == [8.0, 9.0]
        values, products = program.jvp([2.0, 3.0], [1.0, 1.0])
        assert (values.tolist(), products.tolist()) == ([8.0, 9.0], [12.0, 6.0])
        assert program.hessian([2.0, 3.0]).tolist() == [12.0, 2.0]
        assert program.hvp([2.0, 3.0], [1.0, 2.0]).tolist() == [12.0, 4.0]
        assert ag.jit(function).hessian(2.0) == 12.0
        assert program.graph().data == f(example)


@pytest.mark.parametrize("repeated", [[0, 0], np.array([W[0], W[1], W[0]], dtype=object)])
def test_what_stands_twice_in_wrt_moves_by_both_directions(repeated: Any) -> None:
    program = record(smooth, [1.0, 2.0])
    if isinstance(repeated, list):
        directions: Any = [V, 2.0 * V]
        once, moved = 0, 3.0 * V
    else:
        directions, once, moved = [1.0, 2.0, 10.0], W, [11.0, 2.0]
    assert same(program.jvp(X, directions, wrt=repeated)[1], program.jvp(X, moved, wrt=once)[1])
    products = program.hvp(X, directions, wrt=repeated)
    assert same(products[0], program.hvp(X, moved, wrt=once)[0] if once else program.hvp(X, moved))


def test_a_direction_keeps_the_sign_of_its_zeros() -> None:
    program = record(lambda x: 2.0 * x, 1.0)
    assert np.signbit(program.jvp([3.0, 4.0], [-0.0, 0.0])[1]).tolist() == [True, False]


@pytest.mark.parametrize(
    "f", [lambda w: lambda x: 1.0 / (x - w), lambda w: lambda x: x * x if x < w else x**3]
)
def test_parameters_that_spoil_the_example_spoil_no_derivative(f: Any) -> None:
    w = ag.Value(1.0)
    program = record(f(w), 2.0)
    w.data = 2.0
    for row in (5.0, 1.5):
        assert same(program.hessian([row]), [ag.hessian(f(w))(row)])
        assert same(program.jvp([row], [1.0])[1], program.jacobian([row]))
        assert program.jacobian([row], sparse=True)[0].toarray().item() == program.jacobian([row]).item()


def test_rows_of_one_branch_too_many_have_derivatives() -> None:
    def steps(x: Any) -> Any:
        while x > 1.0:
            x = x * 0.5
        return x * x

    program = record(steps, 0.5, on_guard="record", most_recordings=2)
    rows = [0.75, 1.5, 3.0, 6.0]
    assert same(program.hessian(rows), [2.0 * 0.25**k for k in range(4)])
    assert same(program.jvp(rows, [1.0] * 4)[1], program.jacobian(rows))
    assert len(program.recordings) == 2


def test_a_sparse_jacobian_without_entries_raises_what_the_row_raises() -> None:
    program = record(lambda x: ag.floor(ag.log(x)), 1.0)
    assert program.jacobian([2.0], sparse=True)[0].nnz == 0
    with pytest.raises(ag.DomainError):
        program.jacobian([-1.0], sparse=True)


def square_above_0(x: float) -> float:
    if x < 0.0:
        raise ValueError("below 0")
    return x * x


above_0 = ag.operation(lambda x, y: 2.0 * x)(square_above_0)


@pytest.mark.parametrize(
    ("f", "inside", "outside"),
    [
        (ag.log, 1.0, -1.0),
        (ag.atanh, 0.5, 2.0),
        (above_0, 1.0, -1.0),
        (lambda x: ag.log(x) + x * x, 1.0, -1.0),
        (lambda x: x * x if x < 2.0 else ag.atanh(x), 1.0, 3.0),
    ],
)
def test_derivatives_raise_where_the_function_does(f: Any, inside: float, outside: float) -> None:
    program = record(f, inside)
    with pytest.raises(ValueError, match=r"domain|below"):
        program([outside])
    calls = [
        lambda: program.hessian([outside]),
        lambda: program.hessian([inside, outside]),
        lambda: program.hessian([outside], sparse=True),
        lambda: program.hvp([outside], [1.0]),
        lambda: record(ag.grad(f), inside)([outside]),
        lambda: record(lambda x: ag.jvp(f, [x], [1.0])[1], inside)([outside]),
        lambda: record(ag.grad(f), inside, on_guard="record")([inside, outside]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"domain|below"):
            call()
    assert same(record(ag.grad(f), inside)([inside]), [ag.grad(f)(inside)])


@pytest.mark.parametrize("on_guard", ["eager", "record", "raise"])
def test_a_logarithm_in_a_gradient_is_no_branch(on_guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed beside the gradient, in the same pass, and raises in its row as the function does."""
    passes: list[int] = []
    fits = Run.fits

    def counted(run: Run, recording: Any, lanes: Any) -> Any:
        passes.append(len(lanes))
        return fits(run, recording, lanes)

    monkeypatch.setattr(Run, "fits", counted)
    slope = record(ag.grad(lambda x: ag.log(x) * x), 2.0, on_guard=on_guard)
    assert not passes
    assert slope([1.0, 4.0]).tolist() == [ag.grad(lambda x: ag.log(x) * x)(x) for x in (1.0, 4.0)]
    with pytest.raises(ag.DomainError, match="log"):
        slope([1.0, -4.0])
    assert not passes
    program = record(lambda x: ag.log(x) * x, 2.0, on_guard=on_guard)
    program.hvp([1.0, 4.0], [1.0, 1.0])
    passes.clear()
    assert program.hvp([1.0, 4.0], [1.0, 1.0]).tolist() == [1.0, 0.25]
    assert (passes, program.eager_rows) == ([], 0)


def test_operations_whose_slope_goes_on_beyond_the_domain_are_known() -> None:
    places = [-2.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 800.0, 1e308]
    found = set()
    for name, rule in OPERATIONS.items():
        for row in itertools.product(places, repeat=rule.arity or 0) if rule.raises else ():
            try:
                rule.value(*row)
            except (ArithmeticError, ValueError):
                with contextlib.suppress(ArithmeticError, ValueError):
                    if any(np.isfinite(slope) for slope in rule.partials(row, rule.rule(*row))):
                        found.add(name)
    assert found <= SLOPE_BEYOND_DOMAIN
