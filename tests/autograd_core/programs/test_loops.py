"""scan, fori_loop and while_loop: a repeated body has the bits of the steps made one by one."""

from __future__ import annotations

import pickle
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import interpreter, interpreters, record, repeated
from autograd_core.programs.recording import unrolled
from autograd_core.programs.repeated import LoopGraph

W, B, K = ag.Value(0.7), ag.Value(-0.3), ag.Value(1.3)
PARAMETERS = [W, B, K]
X = np.random.default_rng(0).normal(size=(5, 2))


@pytest.fixture(params=["numpy", *interpreters()[1:2]], autouse=True)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


def recurrent(x: Any) -> Any:
    """A captured node that is made outside, inputs of every kind, results of every step."""
    outer = ag.exp(K) * 0.1

    def body(carry: Any, part: Any) -> Any:
        hidden, total = carry
        hidden = ag.tanh(W * hidden + B * part + outer * hidden * hidden + W * 2.0)
        return (hidden, total + hidden * hidden * W), hidden * part

    (hidden, total), ys = ag.scan(body, (x[0], 0.0), [x[0], x[1], x[0] * x[1], 0.5, W, x[1]])
    return total * hidden + ag.sum(ys) * W


def two_loops(x: Any) -> Any:
    """The results of one loop go into the next; a constant carry; the carries change places."""
    (a, b, c), ys = ag.scan(
        lambda c, y: ((c[1], c[0] * y + W, c[2]), [c[0], y * y]), (x[0], x[1], 2.0), [x[0], K]
    )
    _, squares = ag.scan(lambda c, y: (c, y[0] * y[1] + c * B), a * b, ys)
    return ag.dot(squares, [1.0, 2.0]) + a * c


def one_node_for_two(x: Any) -> Any:
    """A node that is carry, twice, and result at once, and a captured leaf that is the first carry too."""

    def body(carry: Any, part: Any) -> Any:
        y = ag.sin(carry[0] * carry[1]) + W * part
        return (y, y), y

    (a, b), ys = ag.scan(body, (W, x[1]), [x[0], x[0], x[1]])
    return a * b + ag.dot(ys, ys) * W


def without_inputs(x: Any) -> Any:
    return ag.scan(lambda c, _: (c * W + x[1], None), x[0], length=4)[0]


def captured_results(x: Any) -> Any:
    """Results and carries that were made outside of the body."""
    outer = ag.exp(K) * x[0]

    def body(carry: Any, part: Any) -> Any:
        return (ag.tanh(W * carry[0] + outer * part), x[1]), [outer, W, x[0], carry[1]]

    (a, b), ys = ag.scan(body, (x[0], W), [x[1], K, x[0]])
    return a * x[1] + ys[0][0] * b + ys[1][1] * ys[2][2] + ys[2][0] * outer * ys[0][3]


FUNCTIONS = [captured_results, recurrent, two_loops, one_node_for_two, without_inputs]


def eager(f: Callable[[Any], Any], rows: Any) -> tuple[list[float], list[float], list[list[float]]]:
    for parameter in PARAMETERS:
        parameter.zero_grad()
    values, own = [], []
    for row in rows.tolist():
        leaves = [ag.Value(x) for x in row]
        y = f(leaves)
        y.backward()
        values.append(y.data)
        own.append([leaf.grad for leaf in leaves])
    return values, [parameter.grad for parameter in PARAMETERS], own


def check(f: Callable[[Any], Any], rows: Any = X) -> ag.Program:
    program = record(f, rows[0].tolist())
    values, found = program.value_and_grad(rows, wrt={"p": PARAMETERS, "x": 0})
    expected = eager(f, rows)
    assert program(rows).tolist() == values.tolist() == expected[0]
    assert found["p"] == expected[1]
    assert found["x"].tolist() == expected[2]
    assert program.jacobian(rows).tolist() == expected[2]
    assert program.eager_rows == 0
    return program


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_repeated_body_has_the_bits_of_the_steps(f: Callable[[Any], Any]) -> None:
    assert isinstance(check(f).recorded, LoopGraph)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_loop_is_what_the_for_statement_is(
    f: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [ag.value_and_grad(f)(row) for row in X.tolist()]

    def scan(body: Any, init: Any, xs: Any = None, length: int = 0) -> Any:
        ys = []
        for x in [None] * length if xs is None else xs:
            init, y = body(init, x)
            ys.append(y)
        return init, ys

    monkeypatch.setattr(ag, "scan", scan)
    for row, (value, gradient) in zip(X.tolist(), found, strict=True):
        expected = ag.value_and_grad(f)(row)
        assert value == expected[0]
        assert np.allclose(gradient, expected[1], rtol=1e-13)


def random_function(seed: int) -> Callable[[Any], Any]:
    """A loop whose body, captured nodes and inputs are drawn."""
    chooser = random.Random(seed)
    width, steps, operations = chooser.randint(1, 3), chooser.randint(1, 5), chooser.randint(2, 9)
    draws = [(chooser.randrange(5), chooser.random(), chooser.random()) for _ in range(operations)]
    picks = [chooser.random() for _ in range(2 * width + steps + 4)]

    def f(x: Any) -> Any:
        pool = [*x, *PARAMETERS, ag.sin(K * x[1]), W * W, 0.25]

        def pick(share: float, more: Any = ()) -> Any:
            there = [*pool, *more]
            return there[int(share * len(there))]

        def body(carry: Any, part: Any) -> Any:
            made = [*carry, part]
            for kind, a, b in draws:
                one, other = pick(a, 2 * made), pick(b, 2 * made)
                made.append(
                    ag.tanh(one) if kind == 0
                    else one * other if kind == 1
                    else one + other if kind == 2
                    else ag.maximum(one, other) if kind == 3
                    else ag.dot([one, other], [other, W])
                )  # fmt: skip
            made = made[-width:] + made
            return made[:width], [made[int(picks[-1] * len(made))], made[int(picks[-2] * len(made))] * one]

        init = [pick(share) for share in picks[:width]]
        carry, ys = ag.scan(body, init, [pick(share) for share in picks[width : width + steps]])
        return (
            ag.sum([c * (k + 1.0) for k, c in enumerate(carry)]) + ag.sum([y for row in ys for y in row]) * W
        )

    return f


@pytest.mark.parametrize("seed", range(60))
def test_random_loops_have_the_bits_of_their_steps(seed: int) -> None:
    rows = X[:2] * 0.5
    f = random_function(seed)
    program = record(f, rows[0].tolist())
    values, found = program.value_and_grad(rows, wrt={"p": PARAMETERS, "x": 0})
    expected = eager(f, rows)
    assert (values.tolist(), found["p"], found["x"].tolist()) == expected


def test_the_size_of_a_recording_does_not_depend_on_the_number_of_steps() -> None:
    def loss(steps: int) -> Callable[[Any], Any]:
        return lambda x: ag.scan(lambda c, p: (ag.tanh(c * W + p), None), x, [0.1] * steps)[0]

    assert len(record(loss(5), 1.0).recorded) == len(record(loss(500), 1.0).recorded)
    program = record(loss(500), 1.0)
    assert program.stats().nodes < 30
    assert len(unrolled(program.recorded)) > 500


def test_seeds_and_rows_of_parameters() -> None:
    def f(x: Any) -> Any:
        return ag.scan(lambda c, p: (c * W + p, c * p), x[0], [x[1], K])[1]

    program = record(f, [1.0, 1.0])
    seeds = np.random.default_rng(1).normal(size=(3, len(X), 2))
    _, found = program.vjp(X, seeds, wrt=[0, W], per_row=True)
    for s, (row, seed) in enumerate(zip(found[0], seeds, strict=True)):
        for k, x in enumerate(X.tolist()):
            leaves = [ag.Value(number) for number in x]
            W.zero_grad()
            ag.backward(f(leaves), seed[k].tolist())
            assert row[k].tolist() == [leaf.grad for leaf in leaves]
            assert found[1][s, k] == W.grad


@pytest.mark.parametrize("f", FUNCTIONS)
def test_further_derivatives(f: Callable[[Any], Any]) -> None:
    program = record(f, [0.3, 0.4])
    for row, hessian in zip(X.tolist(), program.hessian(X), strict=True):
        assert np.allclose(hessian, ag.hessian(f)(row), rtol=1e-12)
    directions = np.ones_like(X)
    for row, found in zip(X.tolist(), program.jvp(X, directions)[1], strict=True):
        assert np.isclose(found, ag.jvp(f, (row,), ([1.0, 1.0],))[1], rtol=1e-12)
    for row, product in zip(X.tolist(), program.hvp(X, directions), strict=True):
        assert np.allclose(product, ag.hvp(f, row, [1.0, 1.0]), rtol=1e-12)
    nested = record(lambda x: ag.dot(ag.grad(f)(x), [1.0, 2.0]), [0.3, 0.4])
    for row, value in zip(X.tolist(), nested(X), strict=True):
        assert np.isclose(value, ag.dot(ag.grad(f)(row), [1.0, 2.0]), rtol=1e-13)


def test_derivatives_within_a_recorded_function_go_through_its_loops() -> None:
    def through(x: Any, y: Any) -> Any:
        """The scan captures y alone; so that only its closure depends on what is differentiated."""
        return ag.scan(lambda c, _: (c * y, None), x, length=3)[0]

    program = record(lambda x: ag.grad(lambda y: through(2.0, y))(x) + through(x, 3.0), 1.0)
    assert isinstance(program.recorded, LoopGraph)
    assert program([2.0]).tolist() == [24.0 + 54.0]

    def f(x: Any) -> Any:
        y = through(x, W)
        return ag.differentiate(y * x, [x])[0]

    x = ag.Value(2.0)
    assert np.isclose(f(x).data, 4.0 * 0.7**3)
    with pytest.raises(ag.RecordingError, match="that contains the loop"):
        record(f, 2.0)


def test_what_else_a_program_does() -> None:
    program = record(lambda x: ag.scan(lambda c, p: (c * W + p, c), x[0], [x[1], 2.0])[1], [1.0, 1.0])
    assert program.sparsity().toarray().tolist() == [[True, False], [True, True]]
    assert "double" in program.to_c()
    again = pickle.loads(pickle.dumps(program))
    assert again(X).tolist() == program(X).tolist()
    assert again.value_and_grad(X, wrt=0, gradient=np.ones((5, 2)))[1].tolist() == (
        program.value_and_grad(X, wrt=0, gradient=np.ones((5, 2)))[1].tolist()
    )
    drawn = program.graph([3.0, 4.0])
    assert [y.data for y in drawn] == program([[3.0, 4.0]])[0].tolist()
    W.data, before = 0.25, W.data
    assert program([[3.0, 4.0]]).tolist() == [[3.0, 3.0 * 0.25 + 4.0]]
    W.data = before


def branching(x: Any) -> Any:
    def body(carry: Any, part: Any) -> Any:
        return (carry * W + part * K if carry > part else carry - K * part * W), carry

    carry, ys = ag.scan(body, x[0], [x[1], 0.1, -0.2])
    return carry + ag.sum(ys)


def test_rows_whose_steps_take_other_branches() -> None:
    expected = eager(branching, X)
    for on_guard in ("eager", "record"):
        program = record(branching, [3.0, 0.0], on_guard=on_guard)
        values, found = program.value_and_grad(X, wrt={"p": PARAMETERS, "x": 0})
        assert (values.tolist(), found["p"], found["x"].tolist()) == expected
        assert (program.eager_rows > 0) == (on_guard == "eager")
    with pytest.raises(ag.RecordingError, match="another branch"):
        record(branching, [3.0, 0.0], on_guard="raise")(X)


def test_a_row_that_raises_in_a_step_raises_as_the_step_does() -> None:
    program = record(lambda x: ag.scan(lambda c, _: (ag.log(c), None), x, length=2)[0], 20.0)
    with pytest.raises(ag.DomainError):
        program([20.0, 0.5])


def test_a_loop_within_a_loop() -> None:
    def f(x: Any) -> Any:
        def body(carry: Any, part: Any) -> Any:
            return ag.scan(lambda c, p: (c * p + W, None), carry, [part, x[1], K])[0], carry

        carry, ys = ag.scan(body, x[0], [x[0], 0.5, B])
        return carry + ag.sum(ys)

    check(f)


def test_a_constant_that_is_used_behind_the_loop_too() -> None:
    k = ag.Value(2.0).detach()

    def f(x: Any) -> Any:
        last, _ = ag.scan(lambda c, part: (ag.tanh(c * W + part), None), k, [k, x])
        return last + k * x

    program = record(f, 0.3)
    assert program.hessian([0.7]).tolist() == [ag.hessian(f)(0.7)]
    assert program.jvp([0.7], [1.0])[1].tolist() == [ag.jvp(f, [0.7], [1.0])[1]]
    assert program.sparsity().toarray().tolist() == [[True]]
    assert program.graph(0.7).data == f(0.7).data
    assert "f_gradient" in program.to_c("f")


def test_constants_that_steps_hand_on_order_no_nodes() -> None:
    """The constant 1.5 of a step, and the constant input of another, hang on nothing that was made before."""

    def f(x: Any) -> Any:
        last, ones = ag.scan(lambda c, part: (ag.sin(c) * 2.0, 1.5), W, None, length=1)
        parts = [[1.3, 0.0], [0.0, x[1]], [W, last], [W, 0.8], [x[0], 1.5], [1.3, 1.5], [last, 0.8]]
        _, ys = ag.scan(lambda c, part: (ag.tanh(x[1]), part[0] * (c + part[1])), 0.64, parts)
        _, handed = ag.scan(lambda c, part: (c, part), 0.0, [x[0], 0.5])
        return (
            handed[1] + 0.3 * ones[0] + 0.3 * ys[0] + 0.3 * ys[4] + 0.3 * ys[6] + 0.3 * ag.sum(ys) + x[0] * W
        )

    rows = np.random.default_rng(7).normal(size=(40, 2))
    program = record(f, [0.3, 0.4])
    _, gradients = program.value_and_grad(rows, wrt=W, per_row=True)
    for row, gradient in zip(rows, gradients, strict=True):
        W.zero_grad()
        f(row.tolist()).backward()
        assert W.grad == gradient


def test_jit_and_while_loop() -> None:
    f = ag.jit(
        lambda x: ag.while_loop(lambda c: c[0] > 1.0, lambda c: (c[0] * 0.5, c[1] + W * c[0]), (x, 0.0))[1]
    )
    for x in (5.0, 6.0, 1.5, 0.5, 40.0):
        y = ag.Value(x)
        expected = ag.while_loop(lambda c: c[0] > 1.0, lambda c: (c[0] * 0.5, c[1] + W * c[0]), (y, 0.0))[1]
        assert f(x) == float(getattr(expected, "data", expected))
    assert f.cache_info()[:2] == (1, 4)
    g = ag.jit(recurrent)
    assert [g(row) for row in X.tolist()] == eager(recurrent, X)[0]
    assert g.cache_info().eager_rows == 0


def test_fori_loop_and_plain_numbers() -> None:
    assert type(ag.fori_loop(1, 4, lambda i, c: c * i, 1.0)) is float
    assert ag.fori_loop(1, 4, lambda i, c: c * i, 1.0) == 6.0
    assert ag.fori_loop(3, 3, lambda i, c: c * i, 1.0) == 1.0
    assert record(lambda x: ag.fori_loop(0, 3, lambda i, c: c * x + i, x), 1.0)([2.0]).tolist() == [20.0]
    carry, ys = ag.scan(
        lambda c, x: ({"n": c["n"] + x[0]}, np.array([c["n"], x[1]])), {"n": 0.0}, [[1.0, 2.0]] * 3
    )
    assert carry == {"n": 3.0}
    assert [y.tolist() for y in ys] == [[0.0, 2.0], [1.0, 2.0], [2.0, 2.0]]
    assert record(lambda x: ag.scan(lambda c, _: (c * 2.0, None), 1.0, length=3)[0] * x, 1.0)(
        [2.0]
    ).tolist() == [16.0]


def test_bad_loops_are_told() -> None:
    with pytest.raises(ValueError, match="length to tell"):
        ag.scan(lambda c, x: (c, x), 1.0)
    with pytest.raises(ValueError, match="xs has 2 steps"):
        ag.scan(lambda c, x: (c, x), 1.0, [1.0, 2.0], length=3)
    with pytest.raises(ValueError, match="at least one step"):
        ag.scan(lambda c, x: (c, x), 1.0, [])
    with pytest.raises(TypeError, match="another form than the first one"):
        ag.scan(lambda c, x: (c, x), 1.0, [1.0, [2.0, 3.0]])
    with pytest.raises(TypeError, match="a pair"):
        ag.scan(lambda c, x: c, 1.0, [1.0])
    with pytest.raises(TypeError, match="1 numbers are wanted, not 2"):
        ag.scan(lambda c, x: ([c, c], None), 1.0, [1.0])


def test_dicts_keep_their_keys_in_any_order() -> None:
    def body(c: Any, x: Any) -> Any:
        y = {"p": c["a"], "q": c["b"]} if len(seen) % 2 else {"q": c["b"], "p": c["a"]}
        seen.append(1)
        return {"b": c["b"] * x["w"], "a": c["a"] + x["v"]}, y

    seen: list[int] = []
    rows = [{"v": 1.0, "w": 2.0}, {"w": 2.0, "v": 1.0}]
    carry, ys = ag.scan(body, {"a": 0.0, "b": 1.0}, rows)
    assert carry == {"a": 2.0, "b": 4.0}
    assert ys == [{"p": 0.0, "q": 1.0}, {"p": 1.0, "q": 2.0}]
    program = record(lambda x: ag.scan(body, {"a": x[0], "b": x[1]}, rows)[0], [0.0, 1.0])
    assert {name: part.tolist() for name, part in program([[0.0, 1.0]]).items()} == {"a": [2.0], "b": [4.0]}
    with pytest.raises(TypeError, match="another form than the first one"):
        ag.scan(lambda c, x: ({"a": 1.0, "c": 1.0}, None), {"a": 0.0, "b": 1.0}, rows)


def test_what_leaks_out_of_a_recorded_body_is_refused() -> None:
    def f(x: Any) -> Any:
        seen: list[Any] = []
        carry, _ = ag.scan(lambda c, p: (seen.append(c * p) or c * p, None), x, [1.0, 2.0])
        return carry + seen[0]

    assert ag.grad(f)(3.0) == 3.0
    with pytest.raises(ag.RecordingError, match="return it as y"):
        record(f, 3.0)


def test_reading_a_number_in_a_body_is_refused() -> None:
    with pytest.raises(ag.RecordingError, match="freeze"):
        record(lambda x: ag.scan(lambda c, p: (c * p.data, None), x, [1.0, x])[0], 3.0)
    with pytest.raises(ag.RecordingError, match="freeze"):
        record(lambda x: ag.scan(lambda c, p: (c * p, None), x, [1.0, x])[0] * x.data, 3.0)


def test_threads_share_a_program_with_loops() -> None:
    program = record(recurrent, X[0].tolist())
    expected = program.value_and_grad(X, wrt=0)[1].tolist()
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(5):
            if program.value_and_grad(X, wrt=0)[1].tolist() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_comparisons_around_a_loop() -> None:
    def f(x: Any) -> Any:
        scale = 2.0 if x[0] > 0.0 else 3.0
        carry, _ = ag.scan(lambda c, p: (ag.sin(c * W + p), None), x[0], [x[1], K, B])
        return (
            carry * scale
            if carry > ag.scan(lambda c, p: (c * p, None), B, [x[1], x[0]])[0]
            else carry * K * K
        )

    expected = eager(f, X)
    for on_guard in ("eager", "record"):
        program = record(f, X[0].tolist(), on_guard=on_guard)
        values, found = program.value_and_grad(X, wrt={"p": PARAMETERS, "x": 0})
        assert (values.tolist(), found["p"], found["x"].tolist()) == expected


@pytest.mark.parametrize("f", FUNCTIONS)
def test_what_steps_computed_is_kept_or_computed_again(
    f: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several rows one after the other, and several reverse passes over what one forward pass kept."""
    program = record(f, X[0])
    seeds = np.random.default_rng(1).normal(size=(3, len(X), *program.shape))

    def found() -> list[bytes]:
        values, summed = program.value_and_grad(X)
        _, products = program.vjp(X, seeds, wrt=[0, np.array(PARAMETERS)], per_row=True)
        return [a.tobytes() for a in (values, summed.parameters, *products)]

    kept = found()
    monkeypatch.setattr(repeated, "_MOST_KEPT", 0)
    assert found() == kept


def test_the_inputs_of_a_scan_may_be_a_dict_of_sequences() -> None:
    def f(x: Any) -> Any:
        def step(carry: Any, now: Any) -> Any:
            return carry * now["a"] + now["b"][0], carry

        return ag.scan(step, 1.0, {"a": x[:3], "b": [[t] for t in x[3:]]})[0]

    row = [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    expected = ((2.0 + 5.0) * 3.0 + 6.0) * 4.0 + 7.0
    program = ag.record(f, row)
    assert program.recorded.loops
    assert f(row) == program([row])[0] == expected
    with pytest.raises(ValueError, match=r"different numbers of steps: \{'a': 1, 'b': 2\}"):
        ag.scan(lambda c, x: (c, c), 0.0, {"a": [1.0], "b": [1.0, 2.0]})


@pytest.mark.parametrize("kind", ["counter", "random"])
def test_a_body_that_does_something_else_when_it_is_called_again_is_refused(kind: str) -> None:
    """It would be repeated as it was in the first step."""

    def f(x: Any) -> Any:
        numbers = iter([1.0, 2.0, 3.0, 4.0, 5.0])

        def step(carry: Any, y: Any) -> Any:
            return carry * (next(numbers) if kind == "counter" else random.random()) + y, None

        return ag.scan(step, x, [1.0, 2.0, 3.0])[0]

    for recorded in (record, lambda f, x: ag.jit(f)(x)):
        with pytest.raises(ag.RecordingError, match="the body of a loop does something else"):
            recorded(f, 2.0)
    once = record(lambda x: ag.scan(lambda c, y: (c * random.random() + y, None), x, [1.0])[0], 2.0)
    assert 1.0 <= once([2.0])[0] <= 3.0  # one step is what it was


def test_a_loop_that_stays_bound_does_not_keep_the_rows() -> None:
    program, rows = record(FUNCTIONS[1], [0.5, 1.0]), X.copy()
    alive = weakref.ref(rows)
    program(rows)
    del rows
    assert alive() is None
