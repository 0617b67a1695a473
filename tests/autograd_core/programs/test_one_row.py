"""One row takes a short way, with the results of the long one; what is out of the ordinary goes there."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import one_row
from autograd_core.programs.run import Run
from autograd_core.programs.wrt import Targets
from autograd_core.structures import leaves_of


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the long way was taken."""
    taken: list[int] = []
    made = Run.__init__

    def counted(self: Run, *args: Any, **kwargs: Any) -> None:
        taken.append(1)
        made(self, *args, **kwargs)

    monkeypatch.setattr(Run, "__init__", counted)
    return taken


def model(parameters: int) -> tuple[ag.Program, list[ag.Value]]:
    """Two outputs of a row of three numbers and a number, and so many parameters."""
    w = [ag.Value(0.3 + 0.1 * k) for k in range(parameters)]

    def f(x: Any, t: Any) -> Any:
        return [ag.dot(w, w) * x[0] * t + ag.sin(x[2]) * w[-1], x[1] * t]

    return ag.record(f, [1.0, 2.0, 3.0], 0.5), w


compiled = pytest.mark.skipif(not ag.COMPILED, reason="the short way is compiled")


@pytest.mark.parametrize("parameters", [1, 3, 40])
def test_one_row_has_the_bits_of_the_same_row_among_others(parameters: int) -> None:
    program, w = model(parameters)
    X, t = np.array([[0.7, -1.3, 2.1]]), np.array([0.9])
    for number in (0.25, -1.5):  # parameters are read anew at every call
        w[0].data = number
        many = program(np.tile(X, (3, 1)), np.tile(t, 3))
        assert program(X, t).tobytes() == many[:1].tobytes()
        values, found = program.value_and_grad(X, t, inputs=True)
        run = Run(program, [X, t])
        totals = np.zeros(parameters)
        same, own = run.gradients((0, 1), 1.0, 1, totals)
        assert values.tobytes() == same.tobytes()
        assert found.parameters.tobytes() == totals.tobytes()
        assert [g.shape for g in found.inputs] == [(1, 3), (1,)]
        assert [g.tobytes() for g in found.inputs] == [own[0].tobytes(), own[1].tobytes()]


def test_results_of_one_call_are_not_changed_by_the_next() -> None:
    program, _ = model(2)
    first = program(np.ones((1, 3)), np.ones(1))
    kept = first.copy()
    program(np.zeros((1, 3)), np.ones(1))
    assert first.tobytes() == kept.tobytes()


@pytest.mark.parametrize("wrt", [-1, -2])
def test_arguments_are_counted_from_the_end_too(wrt: int) -> None:
    program, _ = model(1)
    X, t = np.array([[0.7, -1.3, 2.1]]), np.array([0.9])
    found = program.value_and_grad(X, t, wrt=wrt)[1]
    assert found.tobytes() == program.value_and_grad(X, t, wrt=wrt + 2)[1].tobytes()


def test_an_argument_that_is_not_there_is_refused() -> None:
    program, _ = model(1)
    with pytest.raises(ValueError, match="no argument 2"):
        program.value_and_grad(np.ones((1, 3)), np.ones(1), wrt=2)


def test_a_gradient_for_each_output_may_come_with_one_argument() -> None:
    program = ag.record(lambda x: [x[0] * x[1], x[1]], [1.0, 1.0])
    found = program.value_and_grad(np.array([[2.0, 3.0]]), wrt=0, gradient=np.array([[1.0, 10.0]]))[1]
    assert found.tolist() == [[3.0, 12.0]]


def test_a_gradient_other_than_1_takes_the_short_way_too() -> None:
    program = ag.record(lambda x: x[0] * x[1], [1.0, 1.0])
    assert program.value_and_grad(np.array([[2.0, 3.0]]), wrt=0, gradient=2.0)[1].tolist() == [[6.0, 4.0]]


@compiled
def test_a_plain_row_takes_the_short_way(long_ways: list[int]) -> None:
    program, _ = model(2)
    X, t = np.ones((1, 3)), np.ones(1)
    program(X, t), program.value_and_grad(X, t), program.value_and_grad(X, t, wrt=0)
    assert not long_ways


ODD_ROWS: dict[str, Any] = {
    "whole numbers": np.ones((1, 3), dtype=np.int64),
    "float32": np.ones((1, 3), dtype=np.float32),
    "a list": [[1.0, 1.0, 1.0]],
    "columns first": np.asfortranarray(np.ones((3, 3)))[:1],
    "masked": np.ma.masked_array(np.ones((1, 3))),
    "other bytes first": np.ones((1, 3), dtype=">f8"),
}


@pytest.mark.parametrize("kind", ODD_ROWS)
def test_other_rows_go_the_long_way(kind: str, long_ways: list[int]) -> None:
    program, _ = model(1)
    expected = program(np.ones((1, 3)), np.ones(1))
    before = len(long_ways)
    assert program(ODD_ROWS[kind], np.ones(1)).tobytes() == expected.tobytes()
    assert len(long_ways) == before + 1


@pytest.mark.parametrize("shape", [(3,), (1, 4), (1, 3, 1)])
def test_another_shape_is_refused_as_on_the_long_way(shape: tuple[int, ...]) -> None:
    program, _ = model(1)
    with pytest.raises(ValueError, match="shape"):
        program(np.ones(shape), np.ones(1))


def test_a_row_that_is_not_finite_raises_as_eagerly() -> None:
    program = ag.record(lambda x: ag.log(x), 1.0)
    with pytest.raises(ag.DomainError):
        program(np.array([-1.0]))
    assert program(np.array([1.0])).tolist() == [0.0]


def test_a_branch_recorded_later_brings_its_parameters() -> None:
    u, v = ag.Value(2.0), ag.Value(3.0)
    program = ag.record(lambda x: u * x if x > 0 else v * x, 1.0, on_guard="record")
    assert program.value_and_grad(np.array([4.0]))[1].parameters.tolist() == [4.0]
    assert program.value_and_grad(np.array([-4.0]))[1].parameters.tolist() == [0.0, -4.0]
    assert program.value_and_grad(np.array([4.0]))[1].parameters.tolist() == [4.0, 0.0]


def test_a_function_without_arguments_has_no_axis_of_rows() -> None:
    w = ag.Value(3.0)
    program = ag.record(lambda: w * w)
    assert program().shape == ()
    values, found = program.value_and_grad()
    assert (float(values), found.parameters.tolist(), found.inputs) == (9.0, [6.0], ())


def test_a_program_may_call_itself_within_an_operation() -> None:
    inner: list[float] = []

    @ag.operation(partials=lambda x, y: (1.0,))
    def again(x: float) -> float:
        if x == 5.0 and not inner:
            inner.append(0.0)
            inner[0] = program(np.array([2.0]))[0]
        return x

    program = ag.record(lambda x: again(x) * 10.0, 1.0)
    assert program(np.array([5.0])).tolist() == [50.0]
    assert inner == [20.0]


def test_threads_may_call_one_program_with_one_row_each() -> None:
    w = ag.Value(1.5)

    def f(x: Any) -> Any:
        y = x
        for _ in range(3000 if ag.COMPILED else 30):  # long enough for the tape to give way to other threads
            y = ag.sin(y) * w + x
        return y

    program = ag.record(f, 0.5)
    rows = [np.array([k / 16]) for k in range(16)]
    expected = [program.value_and_grad(row, inputs=True) for row in rows]
    found: dict[int, Any] = {}

    def call(k: int) -> None:
        for _ in range(20):
            found[k] = program.value_and_grad(rows[k], inputs=True)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, (values, gradients) in enumerate(expected):
        assert found[k][0].tobytes() == values.tobytes()
        assert found[k][1].parameters.tobytes() == gradients.parameters.tobytes()


def test_other_interpreters_take_their_own_way() -> None:
    program, _ = model(2)
    X, t = np.array([[0.7, -1.3, 2.1]]), np.array([0.9])
    expected = program.value_and_grad(X, t)
    for name in ag.programs.interpreters():
        with ag.programs.interpreter(name):
            values, found = program.value_and_grad(X, t)
        assert values.tobytes() == expected[0].tobytes()
        assert found.parameters.tobytes() == expected[1].parameters.tobytes()


@compiled
def test_parts_that_do_not_fit_are_refused() -> None:
    program, _ = model(2)
    program(np.ones((1, 3)), np.ones(1))
    (row,) = program.recordings[0].rows.values()
    for arguments in ((), ((), 1), ([], 1.0)):
        with pytest.raises(TypeError):
            row.run(*arguments)
    assert row.run((np.ones((1, 3)),), 1.0) is None
    assert one_row.one_row(program, (np.ones((1, 3)),), (), False, 1.0) is None


def test_what_wrt_stands_for_is_kept_only_while_it_holds_the_same() -> None:
    v, w, other = ag.Value(2.0), ag.Value(3.0), ag.Value(5.0)
    product = ag.jit(lambda x: v * v * w * x)
    program = ag.record(lambda x: v * v * w * x, 1.0)
    asked = [v, w]
    for _ in range(2):
        assert product.grad(2.0, wrt=asked) == [24.0, 8.0]
        assert program.value_and_grad([2.0], wrt=asked) == (np.array([24.0]), [24.0, 8.0])
    asked.reverse()  # the same list, other items
    assert product.grad(2.0, wrt=asked) == [8.0, 24.0]
    assert program.value_and_grad([2.0], wrt=asked)[1] == [8.0, 24.0]
    nested = {"a": asked, 1: (w, other)}
    assert program.value_and_grad([2.0], wrt=nested)[1] == {"a": [8.0, 24.0], 1: (8.0, 0.0)}
    asked.append(other)
    assert program.value_and_grad([2.0], wrt=nested)[1] == {"a": [8.0, 24.0, 0.0], 1: (8.0, 0.0)}
    found = program.value_and_grad([2.0], wrt={"a": asked, True: (w, other)})[1]
    assert [type(key) for key in found] == [str, bool]
    for key in ((1,), (True,)):
        assert [type(part) for part in next(iter(program.value_and_grad([2.0], wrt={key: v})[1]))] == [
            type(key[0])
        ]
    array = np.array([v, w], dtype=object)
    assert program.value_and_grad([2.0], wrt=array)[1].tolist() == [24.0, 8.0]
    array[0] = w
    assert program.value_and_grad([2.0], wrt=array)[1].tolist() == [8.0, 8.0]
    number = np.array(0)  # an argument's number that changes
    assert program.value_and_grad([2.0], wrt=[number])[1] == [12.0]
    number[...] = 1
    with pytest.raises(ValueError, match="no argument 1"):
        program.value_and_grad([2.0], wrt=[number])
    copied = pickle.loads(pickle.dumps(program))
    with pytest.raises(ValueError, match="depends on no Value in wrt"):
        copied.value_and_grad([2.0], wrt=nested)


def test_a_row_s_gradient_by_arguments_and_values_with_a_seed_is_the_eager_one() -> None:
    v, w = ag.Value(2.0), ag.Value(-0.5)

    def f(x: Any, y: Any) -> Any:
        return (v * x[0] + w * y).tanh() * x[1]

    jitted, program = ag.jit(f), ag.record(f, [1.0, 2.0], 3.0)
    for wrt in ([v, 0, w], (w, {"y": 1}), ("y", v), [w, w, v]):
        by = [k if isinstance(k, ag.Value) else int(k in (1, "y")) for k in leaves_of(wrt)]
        x, y = [ag.Value(0.3), ag.Value(0.7)], ag.Value(1.5)
        v.grad = w.grad = 0.0
        f(x, y).backward()
        right = [k.grad if isinstance(k, ag.Value) else y.grad if k else [p.grad for p in x] for k in by]
        found = leaves_of(jitted.grad([0.3, 0.7], 1.5, wrt=wrt))
        assert [np.asarray(part).tolist() for part in found] == right
        if "y" not in leaves_of(wrt):
            _, rows = program.value_and_grad([[0.3, 0.7]], [1.5], wrt=wrt, per_row=True)
            assert [np.asarray(part)[0].tolist() for part in leaves_of(rows)] == right


@pytest.mark.parametrize("step", [ag.stop_gradient, ag.floor, ag.sign, lambda v: v > 0.5])
@pytest.mark.parametrize("count", [7, 8, 33])
def test_a_row_of_steps_without_a_slope_sends_nothing_to_its_inputs(step: Any, count: int) -> None:
    w = ag.Value(2.0)
    row = [[float(k) for k in range(1, count + 1)]]
    for factor in (3.0, w):
        program = ag.record(lambda x, factor=factor: [step(v) * factor for v in x], row[0])
        for found in (
            program.value_and_grad(row, wrt=0)[1],
            program.vjp(row, [[1.0] * count], wrt=0)[1],
            program.value_and_grad(row, inputs=True)[1].inputs[0],
        ):
            assert not found.any()


def test_a_parameter_of_a_branch_that_is_recorded_while_targets_are_made_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    v, w = ag.Value(2.0), ag.Value(3.0)
    product = ag.jit(lambda x: v * x if x > 0.0 else w * x)
    assert product(1.0) == 2.0
    made = Targets.__init__

    def slow(self: Targets, program: ag.Program, wrt: Any) -> None:
        made(self, program, wrt)
        monkeypatch.setattr(Targets, "__init__", made)
        product(-1.0)  # as another thread may do it

    monkeypatch.setattr(Targets, "__init__", slow)
    asked = [v, w]
    assert product.grad(1.0, wrt=asked) == [1.0, 0.0]
    assert product.grad(-1.0, wrt=asked) == [0.0, -1.0]
