"""What recording accepts and refuses, and what a Program does beside giving the eager bits."""

from __future__ import annotations

import _thread
import copy
import ctypes
import functools
import math
import operator
import pickle
import random
import shutil
import signal
import subprocess
import threading
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.errors import DomainError, RangeError, RecordingError
from autograd_core.programs import Program, compiled, interpreter, record

needs_compiler = pytest.mark.skipif(not compiled(), reason="the interpreter is not compiled")


def square(x: Any) -> Any:
    return x * x


# --- shapes


def test_results_have_the_lanes_in_front_of_the_functions_own_shape() -> None:
    X = np.arange(12.0).reshape(4, 3)
    assert record(lambda x: x[0], [0.0] * 3)(X).shape == (4,)
    assert record(lambda x: [x[0], x[1]], [0.0] * 3)(X).shape == (4, 2)
    assert record(lambda x: [[x[0]], [x[1]]], [0.0] * 3)(X).shape == (4, 2, 1)
    assert record(lambda x: np.array([[x[0], x[1] * 2.0]]), [0.0] * 3)(X).shape == (4, 1, 2)


def test_arguments_have_the_form_of_the_examples() -> None:
    seen: list[Any] = []

    def f(a: Any, b: Any, c: Any) -> Any:
        seen.append((a, b, c))
        return a * b[1][0] + c[0, 1]

    program = record(f, 2.0, [[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)))
    assert isinstance(seen[0][0], ag.Value)
    assert isinstance(seen[0][1], list)
    assert seen[0][2].shape == (2, 2)
    values = program([1.0, 10.0], np.arange(8.0).reshape(2, 2, 2), np.zeros((2, 2, 2)))
    assert values.tolist() == [2.0, 60.0]


def test_a_function_without_arguments_has_one_lane() -> None:
    w = [ag.Value(1.0), ag.Value(2.0)]
    program = record(lambda: ag.dot(w, w))
    assert program().tolist() == 5.0
    values, gradients = program.value_and_grad()
    assert values.shape == ()
    assert gradients.parameters.tolist() == [2.0, 4.0]


def test_no_lanes_give_no_values_and_no_gradient() -> None:
    w = ag.Value(2.0)
    program = record(lambda x: w * x, 1.0)
    values, gradients = program.value_and_grad(np.zeros(0))
    assert values.shape == (0,)
    assert gradients.parameters.tolist() == [0.0]


@pytest.mark.parametrize("batch", [[[1.0, 2.0]], np.zeros((4, 2)), 3.0, np.zeros((4, 3, 1))])
def test_a_batch_of_another_shape_is_refused(batch: Any) -> None:
    with pytest.raises(ValueError, match=r"\(rows, 3\) is wanted"):
        record(lambda x: x[0], [0.0] * 3)(batch)


def test_one_row_that_is_not_in_a_list_is_told_where_to_put_it() -> None:
    program = record(lambda x: x[0], [0.0] * 3)
    with pytest.raises(ValueError, match="for one row, put it in a list"):
        program([1.0, 2.0, 3.0])
    assert program([[1.0, 2.0, 3.0]]).tolist() == [1.0]
    with pytest.raises(ValueError, match=r"\(rows,\) is wanted.*for one row, put it in a list"):
        record(lambda x: x, 0.0)(1.0)


def test_wrong_numbers_of_arguments_and_rows_are_refused() -> None:
    program = record(lambda a, b: a + b, 1.0, 2.0)
    with pytest.raises(TypeError, match="takes 2 arguments"):
        program([1.0])
    with pytest.raises(ValueError, match="different numbers of rows"):
        program([1.0], [1.0, 2.0])


@pytest.mark.parametrize("example", ["text", ag.Value(1.0), [[1.0], ["text"]], {"a": None}, None])
def test_an_example_must_be_numbers(example: Any) -> None:
    with pytest.raises(TypeError, match="an argument is a number"):
        record(lambda x: x, example)


@pytest.mark.parametrize("result", [None, "text", [], np.zeros((2, 0))])
def test_a_result_must_hold_values(result: Any) -> None:
    with pytest.raises(TypeError, match="a recorded function returns"):
        record(lambda x: result, 1.0)


def test_outputs_may_be_leaves_constants_or_the_same_value_twice() -> None:
    w = ag.Value(3.0)

    def f(x: Any) -> Any:
        y = w * x
        return [y, y, w, x, 7.0, y, w]

    program = record(f, 1.0)
    seeds = np.array([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]] * 3)
    values, gradients = program.value_and_grad([1.0, 2.0, 3.0], gradient=seeds, inputs=True)
    assert values[1].tolist() == [6.0, 6.0, 3.0, 2.0, 7.0, 6.0, 3.0]
    assert gradients.parameters.tolist() == [35.0 * 6.0 + 3 * 68.0]
    assert gradients.inputs[0].tolist() == [35.0 * 3.0 + 8.0] * 3


# --- what cannot be recorded


READINGS = {
    "float": float,
    "int": int,
    "bool": bool,
    "round": round,
    "data": lambda v: v.data,
    "partials": lambda v: v.partials,
    "detach": lambda v: v.detach(),
    "format": lambda v: f"{v:.3f}",
    "floor division": lambda v: math.floor(v),
    "ceil": lambda v: math.ceil(v),
    "trunc": lambda v: math.trunc(v),
    "math": lambda v: math.exp(v),
    "array of floats": lambda v: np.array([v], dtype=float),
    "assignment": lambda v: setattr(v, "data", 1.0),
    "backward": lambda v: v.backward(),
    "deep copy": copy.deepcopy,
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("way", READINGS)
def test_every_way_of_reading_a_number_raises_while_recording(way: str) -> None:
    with pytest.raises(RecordingError):
        record(lambda x: [READINGS[way](x * 2.0), x][1], 1.0)
    ag.Value(1.0).detach()  # recording has ended


def test_a_leaf_is_not_copied_while_recording_but_what_was_computed_may_be() -> None:
    w = ag.Value(3.0)
    for f in (lambda x: w * copy.copy(x), lambda x: copy.copy(w) * x):
        with pytest.raises(RecordingError, match="copied"):
            record(f, 1.0)
    assert record(lambda x: copy.copy(w * x) + copy.copy(ag.Value(1.0)), 1.0)([1.0, 2.0]).tolist() == [
        4.0,
        7.0,
    ]


def test_what_was_made_while_recording_may_be_copied_and_pickled() -> None:
    def f(x: Any) -> Any:
        two, three = ag.Value(2.0), ag.Value(3.0).detach()
        return copy.deepcopy(two) * pickle.loads(pickle.dumps(three)) * copy.deepcopy(two + three) * x

    assert record(f, 1.0)([1.0, 2.0]).tolist() == [30.0, 60.0]


def test_no_grad_raises_while_recording() -> None:
    def f(x: Any) -> Any:
        with ag.no_grad():
            return x * 2.0

    with pytest.raises(RecordingError, match="stop_gradient"):
        record(f, 1.0)


def test_the_error_names_the_node_and_the_remedy() -> None:
    w = ag.Value(1.0, label="slope")
    with pytest.raises(RecordingError, match=r"'slope'.*maximum.*where"):
        record(lambda x: x if w.data > 0 else -x, 1.0)


def test_recording_inside_recording_is_refused_and_leaves_recording_off() -> None:
    with pytest.raises(RecordingError, match="recorded already"):
        record(lambda x: record(square, 1.0)([1.0])[0], 1.0)
    assert float(ag.Value(2.0)) == 2.0


# --- guards


COMPARISONS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@pytest.mark.parametrize("against", ["a number", "a Value", "a reflected number"])
@pytest.mark.parametrize("relation", COMPARISONS)
@pytest.mark.parametrize("example", [0.5, 2.0, 1.0])
def test_a_lane_that_takes_another_branch_is_evaluated_eagerly(
    relation: str, against: str, example: float
) -> None:
    w = ag.Value(1.0)
    test = COMPARISONS[relation]

    def f(x: Any) -> Any:
        right: Any = 1.0 if against != "a Value" else w
        outcome = test(right, x) if against == "a reflected number" else test(x, right)
        return w * x * x if outcome else -x * w

    program = record(f, example)
    rows = [0.5, 1.0, 2.0, 1.0, 0.5, 3.0, -1.0] * 3
    values, gradients = program.value_and_grad(rows)
    w.zero_grad()
    eager = []
    for row in rows:
        y = f(ag.Value(row))
        y.backward()
        eager.append(y.data)
    assert values.tolist() == eager
    assert gradients.parameters.tolist() == [w.grad]


def test_maximum_of_the_builtin_max_is_guarded() -> None:
    program = record(lambda a, b: max(a, b) * 2.0, 1.0, 2.0)
    assert program([1.0, 5.0, 3.0], [2.0, 4.0, 3.0]).tolist() == [4.0, 10.0, 6.0]


@pytest.mark.parametrize("number", [1.0, 1, np.float64(1.0), True])
def test_equality_with_a_number_is_a_guard(number: Any) -> None:
    def f(x: Any) -> Any:
        return 5.0 * x if x == number else (x * x if x != -2 else -x)

    program = record(f, 3.0)
    rows = [1.0, 3.0, -2.0, 0.5, 1.0]
    assert program(rows).tolist() == [f(x) for x in rows]
    assert program.stats().guards == 2


def test_comparisons_with_numbers_beside_doubles_are_guards() -> None:
    limit = 2**53 + 1
    for f in (
        lambda x: x if x < limit else -x,
        lambda x: x if x <= limit else -x,
        lambda x: x if x > limit else -x,
        lambda x: x if x >= limit else -x,
        lambda x: x if x == limit else -x,
        lambda x: x if x < Fraction(1, 3) else -x,
        lambda x: x if x >= Decimal("0.1") else -x,
        lambda x: x if x < 10**400 else -x,
    ):
        rows = [2.0**53, 2.0**53 + 2, 1.0, 1 / 3, 0.1, math.nextafter(0.1, 0.0)]
        for example in rows:
            program = record(f, example)
            assert program(rows).tolist() == [f(x) for x in rows]


def test_floor_division_in_a_program_has_the_bits_of_floats() -> None:
    rows = [
        [7.0, 2.0],
        [-7.0, 2.0],
        [1.0, 0.1],
        [-1.0, -3.0],
        [0.0, -1.0],
        [-5.0, math.inf],
        [-1.7e308, 1.5e308],
    ]
    found = record(lambda a, b: a // b, 7.5, 2.5)(*zip(*rows, strict=True))
    assert list(map(repr, found.tolist())) == [repr(a // b) for a, b in rows]


def test_a_guarded_lane_raises_if_that_was_chosen() -> None:
    program = record(lambda x: x if x > 0.0 else -x, 1.0, on_guard="raise")
    assert program([1.0, 2.0]).tolist() == [1.0, 2.0]
    with pytest.raises(RecordingError, match=r"row 1:.*> .*is False, was True"):
        program([1.0, -2.0])
    with pytest.raises(ValueError, match="on_guard"):
        record(square, 1.0, on_guard="ignore")


def test_a_branch_that_reaches_an_unknown_parameter_raises() -> None:
    v, w = ag.Value(2.0), ag.Value(3.0)
    program = record(lambda x: w * x if x > 0.0 else v * x, 1.0)
    assert program([1.0, -1.0]).tolist() == [3.0, -2.0]
    with pytest.raises(RecordingError, match="unknown to the recorded graph"):
        program.value_and_grad([1.0, -1.0])


def test_guards_on_numbers_that_the_result_does_not_depend_on_are_checked() -> None:
    program = record(lambda x, y: x if (y * y).exp() > 2.0 else -x, 1.0, 3.0)
    assert program([1.0, 1.0, 1.0], [3.0, 0.0, 1.0]).tolist() == [1.0, -1.0, 1.0]


# --- numbers that are not finite


@pytest.mark.parametrize(
    ("f", "good", "bad", "error"),
    [
        (lambda x: ag.log(x), 1.0, -1.0, DomainError),
        (lambda x: 1.0 / x, 1.0, 0.0, ZeroDivisionError),
        (lambda x: x**0.5, 1.0, -2.0, DomainError),
        (lambda x: 1.0 / ag.exp(x), 1.0, 1000.0, RangeError),
        (lambda x: ag.where(ag.greater(x, 0.0), ag.sqrt(x), 1.0), 1.0, -1.0, DomainError),
        (lambda x: ag.lgamma(x), 1.5, 0.0, DomainError),
    ],
)
@pytest.mark.parametrize("lanes", [1, 2, 40])
def test_a_lane_outside_the_domain_raises_the_eager_error(
    f: Any, good: float, bad: float, error: type, lanes: int
) -> None:
    program = record(f, good)
    rows = np.full(lanes, good)
    rows[lanes // 2] = bad
    with pytest.raises(error) as eager:
        f(ag.Value(bad))
    for call in (lambda: program(rows), lambda: program.value_and_grad(rows)):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == str(eager.value)


def test_sums_that_overflow_are_those_of_the_eager_loop() -> None:
    w = ag.Value(1.0)
    program = record(lambda x: w * x, 1.0)
    rows = [1e308, 1e308, -1e308, 3.0, math.inf, -math.inf, 1.0]
    values, gradients = program.value_and_grad(rows[:4])
    assert gradients.parameters.tolist() == [math.inf]
    assert values.tolist() == rows[:4]
    assert math.isnan(program.value_and_grad(rows)[1].parameters[0])
    assert program.value_and_grad(rows[:3][::-1])[1].parameters.tolist() == [1e308]


def test_a_gradient_that_is_not_finite_is_that_of_the_eager_loop() -> None:
    program = record(lambda x: ag.sqrt(x) + x, 1.0)
    values, gradients = program.value_and_grad([1.0, 0.0, 4.0], inputs=True)
    assert values.tolist() == [2.0, 0.0, 6.0]
    assert gradients.inputs[0].tolist() == [1.5, math.inf, 1.25]
    w = ag.Value(0.0)
    program = record(lambda x: ag.sqrt(w) * x, 1.0)
    assert program.value_and_grad([1.0, 2.0, 3.0])[1].parameters.tolist() == [math.inf]


def test_a_million_is_not_needed_to_see_that_the_branch_not_taken_gets_zero() -> None:
    program = record(lambda x: ag.where(ag.greater(x, 0.0), ag.sqrt(abs(x)), x), 1.0)
    assert program.value_and_grad([0.0, 4.0], inputs=True)[1].inputs[0].tolist() == [1.0, 0.25]


# --- parameters


def test_parameters_are_read_at_every_call_and_shared_by_all_lanes() -> None:
    w = ag.Value(2.0)
    program = record(lambda x: w * x, 1.0)
    assert program([1.0, 2.0]).tolist() == [2.0, 4.0]
    w.data = 5.0
    assert program([1.0, 2.0]).tolist() == [5.0, 10.0]
    assert program.parameters == [w]


def test_backward_adds_to_the_gradient_that_is_there() -> None:
    w = ag.Value(2.0)
    program = record(lambda x: w * x, 1.0)
    for _ in range(2):
        program.backward([1.0, 2.0, 3.0], gradient=0.5)
    assert w.grad == 6.0
    assert w.has_grad


def test_evaluating_touches_no_gradient_even_for_lanes_done_eagerly() -> None:
    w = ag.Value(2.0)
    w.grad = 7.0
    program = record(lambda x: w * x if x > 0.0 else w * w * x, 1.0)
    program.value_and_grad([1.0, -1.0, 2.0], inputs=True)
    assert w.grad == 7.0


def test_constants_and_stop_gradient_get_none() -> None:
    w, c = ag.Value(2.0), ag.Value(3.0).detach()
    program = record(lambda x: w * c * x + ag.stop_gradient(w) * x + c, 1.0)
    assert program.parameters == [w]
    assert program.value_and_grad([1.0, 2.0])[1].parameters.tolist() == [9.0]


# --- user-defined operations
# ------------------------------------------------------------------------------------------------


def test_user_defined_operations_run_lane_by_lane() -> None:
    @ag.operation(lambda x, y: 1.0 / (1.0 + x * x), name="program_arctangent")
    def arctangent(x: float) -> float:
        return math.atan(x)

    w = ag.Value(0.5)

    def f(x: Any) -> Any:
        return arctangent(w * x) * ag.hypot(x, w) + ag.lgamma(x * x + 1.0)

    program = record(f, 1.0)
    rows = np.random.default_rng(0).normal(size=33)
    w.zero_grad()
    eager = []
    for row in rows.tolist():
        y = f(ag.Value(row))
        y.backward()
        eager.append(y.data)
    for threads in (1, 2):
        values, gradients = program.value_and_grad(rows, threads=threads)
        assert values.tolist() == eager
        assert gradients.parameters.tolist() == [w.grad]


def test_an_exception_of_a_user_defined_operation_comes_out() -> None:
    @ag.operation(lambda x, y: 1.0, name="program_picky")
    def picky(x: float) -> float:
        if x > 2.0:
            raise ValueError("too large for me")
        return x

    program = record(lambda x: picky(x) * 2.0, 1.0)
    with pytest.raises(DomainError, match="too large for me"):
        program([1.0, 3.0])


# --- what else a Program does


def test_the_graph_comes_back_as_values() -> None:
    w = ag.Value(2.0, label="w")
    program = record(lambda x: ag.softmax([w * x[0], x[1] ** 2])[0] + 1.0, [1.0, 2.0])
    y = program.graph([3.0, 0.5])
    assert y.data == program([[3.0, 0.5]])[0]
    y.backward()
    assert w.grad == program.value_and_grad([[3.0, 0.5]])[1].parameters[0]
    assert program.graph().data == program([[1.0, 2.0]])[0]


def described(root: Any) -> list[tuple[str, str, str, float]]:
    return [(node.op, node.scope, node.label, node.data) for node in ag.topological_order(root)]


def scoped(x: Any) -> Any:
    x[1].label = "second"
    with ag.scope("outer"):
        y = x[0] * 3.0
        with ag.scope("inner"):
            z = ag.tanh(y) + x[1]
            z.label = "sum"
    with ag.scope("outer.inner"):
        again = z * y
    result = again - 1.0
    result.label = "loss"
    return result


@pytest.mark.parametrize("travelled", [False, True])
def test_the_graph_comes_back_with_scopes_and_labels(travelled: bool) -> None:
    program = record(scoped, [1.0, 2.0])
    if travelled:
        program = pickle.loads(pickle.dumps(program))
    expected = described(scoped([ag.Value(0.5), ag.Value(0.25)]))
    assert described(program.graph([0.5, 0.25])) == expected
    assert {scope for _, scope, _, _ in expected} == {"", "outer", "outer.inner"}
    assert {label for _, _, label, _ in expected} == {"", "second", "sum", "loss"}


def test_parameters_keep_their_own_label_and_scope_in_a_graph_that_comes_back() -> None:
    with ag.scope("model"):
        w = ag.Value(2.0, label="w")
    program = record(lambda x: w * x, 1.0)
    w.label = "weight"
    assert program.graph().parents[0] is w
    assert (w.label, w.scope) == ("weight", "model")


def test_scopes_and_labels_take_little_memory() -> None:
    def chain(x: Any) -> Any:
        for k in range(100):
            with ag.scope(f"layer{k % 3}"):
                x = x * 0.5 + 1.0
        return x

    graph = record(chain, 1.0).recorded
    assert len(graph.scopes) == 4
    assert graph.scope.nbytes == 4 * len(graph)
    assert graph.labels == {}


def test_statistics_tell_the_size() -> None:
    w = [ag.Value(1.0), ag.Value(2.0)]
    program = record(
        lambda x: sum(a * b for a, b in zip(w, x, strict=True)) if x[0] > 0.0 else x[0], [1.0, 2.0]
    )
    stats = program.stats()
    assert (stats.parameters, stats.inputs, stats.outputs, stats.guards) == (2, 2, 1, 1)
    assert stats.nodes == len(program.recorded)
    assert stats.tape_bytes > 0
    assert "2 parameters" in repr(program)


def clipped(x: Any) -> Any:
    return x * 2.0 if x > 0.0 else x


def test_a_pickled_program_gives_the_same_bits_elsewhere() -> None:
    rows = np.random.default_rng(1).normal(size=20)
    program = record(clipped, 1.0)
    again = pickle.loads(pickle.dumps(program))
    assert again(rows).tolist() == program(rows).tolist()
    w = ag.Value(2.0)
    closure = record(lambda x: w * ag.sin(x), 1.0)
    for other in (pickle.loads(pickle.dumps(closure)), copy.deepcopy(closure)):
        got, expected = other.value_and_grad(rows), closure.value_and_grad(rows)
        assert got[0].tolist() == expected[0].tolist()
        assert got[1].parameters.tolist() == expected[1].parameters.tolist()


class Stubborn:
    def __call__(self, x: Any) -> Any:
        return x if x > 0.0 else -x

    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


@pytest.mark.parametrize("f", [lambda x: x if x > 0.0 else -x, Stubborn()])
def test_a_pickled_program_without_its_function_refuses_other_branches(f: Any) -> None:
    program = pickle.loads(pickle.dumps(record(f, 1.0)))
    assert program([1.0, 2.0]).tolist() == [1.0, 2.0]
    with pytest.raises(RecordingError, match="lost its function"):
        program([1.0, -1.0])


SLOPE = ag.Value(3.0)


def bent(x: Any) -> Any:
    return x * SLOPE if x < 2.0 else x + SLOPE


class Bent:
    program: Any

    def __init__(self) -> None:
        self.slope = ag.Value(3.0)

    def __call__(self, x: Any) -> Any:
        return x * self.slope if x < 2.0 else x + self.slope


def test_a_copied_program_does_not_read_the_leaves_of_the_original_for_other_branches() -> None:
    for other in (pickle.loads(pickle.dumps(record(bent, 1.0))), copy.deepcopy(record(bent, 1.0))):
        other.parameters[0].data = 100.0
        assert other([1.0]).tolist() == [100.0]
        with pytest.raises(RecordingError, match="lost its function"):
            other([1.0, 5.0])
        with pytest.raises(RecordingError, match="lost its function"):
            other.value_and_grad([1.0, 5.0])


def test_a_model_that_keeps_its_own_program_can_be_copied_and_pickled() -> None:
    model = Bent()
    model.program = record(model, 1.0)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.program.parameters == [other.slope]
        other.slope.data = 100.0
        assert other.program([1.0, 5.0]).tolist() == [100.0, 105.0]
    again = pickle.loads(pickle.dumps(model.program))
    assert again([1.0, 5.0]).tolist() == [3.0, 8.0]


def test_a_copied_program_keeps_a_function_whose_leaves_were_copied_with_it() -> None:
    for other in (pickle.loads(pickle.dumps(record(Bent(), 1.0))), copy.deepcopy(record(Bent(), 1.0))):
        other.parameters[0].data = 100.0
        values, gradients = other.value_and_grad([1.0, 5.0])
        assert values.tolist() == [100.0, 105.0]
        assert gradients.parameters.tolist() == [2.0]


@needs_compiler
def test_two_threads_use_one_program_at_once() -> None:
    w = [ag.Value(math.sin(k)) for k in range(50)]
    program = record(lambda x: ag.dot(w, [ag.tanh(v) for v in x]), [0.1] * 50)
    X = np.random.default_rng(2).normal(size=(400, 50))
    expected = program.value_and_grad(X)
    results: list[Any] = []

    def work() -> None:
        for _ in range(20):
            results.append(program.value_and_grad(X, threads=2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    for values, gradients in results:
        assert values.tobytes() == expected[0].tobytes()
        assert gradients.parameters.tobytes() == expected[1].parameters.tobytes()


def with_ctrl_c(call: Any) -> None:
    """Make a long call, press Ctrl-C in the midst of it, and see it raise."""

    def pressed() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        call()
        time.sleep(60.0)  # it was over before

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            pressed()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def interrupted(program: Program, rows: Any, threads: int) -> Any:
    """Replay rows with Ctrl-C pressed just before; return the values that were written, NaN where none was.

    Nothing of Python's runs between the two, so that the replay is what notices it, however slow it is.
    """
    tape, _, parameters = program.recordings[0].tape(True)
    values, sums = np.full((len(rows), 1), np.nan), np.zeros(len(parameters))
    numbers = np.array([parameter.data for parameter in parameters])
    bound = tape.bind(numbers, (rows[:, None],), values, sums, None, 0, threads, "")
    press = functools.partial(_thread.interrupt_main, signal.SIGALRM)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map(operator.call, [press, functools.partial(bound.run, 0, len(rows), None, 1.0)]))
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    return values[:, 0]


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_a_replay_between_its_blocks(threads: int) -> None:
    w = [ag.Value(0.1) for _ in range(20)]
    program = record(lambda x: sum(ag.tanh(ag.exp(-x * v)) for v in w), 1.0)
    rows = np.random.default_rng(3).normal(size=1_000_000)
    found = np.isnan(interrupted(program, rows, threads))
    assert found[-1]
    assert not found[0]


@needs_compiler
@pytest.mark.parametrize(("rows", "threads"), [(8, 1), (16, 2)])
def test_ctrl_c_does_not_wait_for_the_end_of_a_block(rows: int, threads: int) -> None:
    w = ag.Value(0.5)

    def f(x: Any) -> Any:
        for _ in range(150_000):
            x = ag.tanh(x * w)
        return x

    program = record(f, 0.3)
    assert program.stats().lanes == 8  # so every thread has one block
    missing = np.isnan(interrupted(program, np.linspace(0.0, 1.0, rows), threads))
    assert missing.all() if threads == 1 else missing.any()


@needs_compiler
def test_ctrl_c_changes_no_gradient() -> None:
    w = ag.Value(0.1)
    program = record(lambda x: ag.tanh(ag.exp(-x * w)), 1.0)
    program.backward(np.ones(100))
    before, rows = w.grad, np.random.default_rng(3).normal(size=3_000_000)
    with_ctrl_c(lambda: program.backward(rows))
    assert w.grad == before


@needs_compiler
def test_memory_is_that_of_one_block_whatever_the_batch() -> None:
    program = record(lambda x: sum(ag.tanh(x * float(k)) for k in range(200)), 1.0)
    import resource

    program.value_and_grad(np.zeros(1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = np.linspace(-1, 1, 50_000)
    program.value_and_grad(rows, inputs=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 50_000 * 8 * 6 + 2**22  # rows, values, gradients and copies; not 50,000 x 400 nodes


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("seed", range(6))
def test_c_text_compiles_without_warnings_and_gives_the_same_bits(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    w = [ag.Value(rng.uniform(-1, 1)) for _ in range(3)]

    def f(x: Any) -> Any:
        h = [ag.tanh(ag.dot(w, x)), ag.relu(x[0] * w[1]), ag.logsumexp([*x, w[0]]), x[1].sigmoid() ** 2.5]
        return [ag.softmax(h)[1] * x[2], ag.maximum(h[0], h[1]) % 0.7, ag.norm(h), h[2] / (w[2] * w[2] + 1.0)]

    program = record(f, [0.1, 0.2, 0.3])
    source = tmp_path / "program.c"
    source.write_text(program.to_c("mine"), encoding="utf-8")
    library = tmp_path / "program.so"
    flags = ["-std=c99", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(library), "-lm"], check=True)
    function = ctypes.CDLL(str(library)).mine_gradient
    x, seeds = np.array([rng.gauss(0, 1) for _ in range(3)]), np.array([1.0, 0.5, 2.0, -1.0])
    outputs, own, numbers = np.zeros(4), np.zeros(3), np.array([p.data for p in program.parameters])
    gradient = np.zeros(len(numbers))
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (numbers, x, outputs, seeds, gradient, own)]
    assert function(*arrays) == 0
    values, gradients = program.value_and_grad(x[None], gradient=seeds[None], inputs=True)
    assert outputs.tolist() == values[0].tolist()
    assert gradient.tolist() == gradients.parameters.tolist()
    assert own.tolist() == gradients.inputs[0][0].tolist()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("f", [lambda x: 5.0, lambda x: x, lambda x: ag.Value(2.0) * 3.0])
def test_c_text_of_trivial_functions_compiles_without_warnings(f: Any, tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(record(f, 1.0).to_c(), encoding="utf-8")
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-c"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(tmp_path / "program.o")], check=True)


def test_c_text_tells_at_its_top_what_it_computes() -> None:
    comment = record(square, 1.0).to_c("mine").partition("*/")[0].splitlines()
    assert all(line.startswith(("/* ", " * ", " *")) and " * * " not in line for line in comment)
    assert " * 0 parameters, 1 inputs, 1 outputs. " in "\n".join(comment)


@pytest.mark.parametrize("name", ["a b", "", "1a", None, 5])
def test_c_text_refuses_bad_names(name: Any) -> None:
    with pytest.raises(ValueError, match="not a name in C"):
        record(square, 1.0).to_c(name)


def test_c_text_refuses_operations_of_python() -> None:
    with pytest.raises(RecordingError, match="lgamma"):
        record(ag.lgamma, 1.0).to_c()


def test_c_text_checks_guards() -> None:
    text = record(lambda x: x if x > 0.5 else -x, 1.0).to_c()
    assert "return 1;" in text


@needs_compiler
def test_a_million_nodes_are_recorded_and_freed() -> None:
    def chain(x: Any) -> Any:
        for _ in range(500_000):
            x = x * 0.999 + 0.001
        return x

    program = record(chain, 1.0)
    assert len(program.recorded) == 2_000_001
    assert program([1.0, 2.0])[0] == pytest.approx(1.0)
    del program


def test_the_interpreter_in_numpy_gives_the_same_bits() -> None:
    w = [ag.Value(0.3 * k - 0.5) for k in range(4)]

    def f(x: Any) -> Any:
        h = [sum((a * b for a, b in zip(w, x, strict=True)), w[0]).relu(), ag.log_softmax(x)[2], ag.max(x)]
        return ag.dot(h, h) if x[0] < 1.0 else h[1]

    X = np.random.default_rng(4).normal(size=(21, 4))
    one = record(f, [0.1] * 4).value_and_grad(X, inputs=True)
    other = record(f, [0.1] * 4)
    with interpreter("numpy"):
        two = other.value_and_grad(X, inputs=True)
        live = other.stats().live
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].parameters.tobytes() == two[1].parameters.tobytes()
    assert one[1].inputs[0].tobytes() == two[1].inputs[0].tobytes()
    assert live == len(other.recorded)


@needs_compiler
def test_an_interpreter_that_the_machine_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no interpreter 'mmx' here"), interpreter("mmx"):
        pass


def test_programs_are_made_by_record_alone() -> None:
    assert isinstance(record(square, 1.0), Program)


def test_recording_within_no_grad_freezes_nothing():
    with ag.no_grad():
        program = record(lambda x: x * x, 3.0)
        assert (ag.Value(1.0) + 1.0).is_constant
    assert list(program([2.0, 5.0])) == [4.0, 25.0]


def test_a_pickled_program_finds_its_operations_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd_core.engine import references

    program = record(lambda x: ag.tanh(x) * ag.exp(x), 0.5)
    state = program.recorded.__getstate__()
    exp, tanh = ag.OPERATIONS["exp"].identifier, ag.OPERATIONS["tanh"].identifier
    swapped = {exp: tanh, tanh: exp}
    other = {  # what a version with other numbers would have written
        **state,
        "op": np.array([swapped.get(op, op) for op in state["op"].tolist()], dtype=state["op"].dtype),
        "built_in": {swapped.get(op, op): reference for op, reference in state["built_in"].items()},
    }
    again = type(program.recorded).__new__(type(program.recorded))
    again.__setstate__(other)
    assert again.op.tolist() == state["op"].tolist()

    kept = pickle.dumps(program)
    monkeypatch.setattr(references, "_fingerprint", lambda operation: -1)
    with pytest.raises(ValueError, match="defined otherwise here"):
        pickle.loads(kept)
    del state["built_in"]
    with pytest.raises(pickle.UnpicklingError, match="record the function again"):
        again.__setstate__(state)
