"""Programs are never silently wrong: each of these cases once gave a wrong number without a word."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.programs import interpreter, interpreters, record

BOTH = ["numpy", *interpreters()[1:2]]


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


def own(function: Any, partials: Any) -> Any:
    made = ag.operation(partials, name=f"truth_{len(OPERATIONS)}")(function)
    del OPERATIONS[made.name]
    return made


def loop(f: Any, parameters: list[ag.Value], rows: list[float]) -> tuple[list[float], list[float]]:
    """The eager loop: values, and the sum of gradients."""
    for parameter in parameters:
        parameter.zero_grad()
    values = []
    for row in rows:
        y = f(ag.Value(row))
        y.backward()
        values.append(y.data)
    return values, [parameter.grad for parameter in parameters]


# --- operations of the user's


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("where", ["value", "partials"])
@pytest.mark.parametrize("lanes", [1, 50])
def test_what_is_no_error_comes_out_of_a_users_operation(
    either: str, error: Any, where: str, lanes: int
) -> None:
    armed = []

    def value(x: float) -> float:
        if armed and where == "value":
            raise error("stop")
        return x

    def partial(x: float, y: float) -> float:
        if armed and where == "partials":
            raise error("stop")
        return 1.0

    w = ag.Value(2.0)
    step = own(value, partial)
    program = record(lambda x: step(w * x), 1.0)
    armed.append(True)
    with pytest.raises(error, match="stop"):
        program.value_and_grad(np.ones(lanes))
    armed.clear()
    assert program.value_and_grad(np.ones(lanes))[1].parameters.tolist() == [float(lanes)]


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, ValueError, LookupError, MemoryError])
@pytest.mark.parametrize("where", ["value", "partials"])
def test_every_error_of_a_users_operation_comes_out(either: str, error: Any, where: str) -> None:
    def value(x: float) -> float:
        if x > 2.0 and where == "value":
            raise error("too large")
        return x

    def partial(x: float, y: float) -> float:
        if x > 2.0 and where == "partials":
            raise error("too large")
        return 1.0

    step = own(value, partial)
    program = record(lambda x: step(x) * 2.0, 1.0)
    with pytest.raises((error, ag.DomainError), match="too large"):
        program.value_and_grad([1.0, 3.0, 1.0], inputs=True)


def test_an_error_on_a_branch_not_taken_does_not_come_out(either: str) -> None:
    def positive(x: float) -> float:
        assert x > 0.0
        return x

    step = own(positive, lambda x, y: 1.0)
    program = record(lambda x: step(x) if x > 0.0 else -x, 1.0)
    assert program([1.0, -2.0]).tolist() == [1.0, 2.0]


def test_an_operation_that_remembers_its_last_call_has_the_eager_partials(either: str) -> None:
    last: list[float] = []

    def value(x: float) -> float:
        last[:] = [math.cos(x)]
        return math.sin(x)

    step = own(value, lambda x, y: last[0])
    w = ag.Value(0.5)

    def f(x: Any) -> Any:
        return step(w * x) * step(w + x)

    rows = [0.1, 0.2, 0.3, 0.4, 0.5]
    values, sums = loop(f, [w], rows)
    for count in (1, 2, 5):
        got, gradients = record(f, 1.0).value_and_grad(rows[:count])
        assert got.tolist() == values[:count]
    assert gradients.parameters.tolist() == sums


# --- more of everything


@pytest.mark.parametrize("count", [33, 200])
def test_a_function_may_take_more_than_32_arguments(either: str, count: int) -> None:
    program = record(lambda *xs: ag.dot(xs, xs), *[1.0] * count)
    columns = [np.array([float(k), 1.0, 2.0]) for k in range(count)]
    values, gradients = program.value_and_grad(*columns, inputs=True)
    assert values.tolist() == [float(sum(k * k for k in range(count))), float(count), 4.0 * count]
    assert [g[0] for g in gradients.inputs] == [2.0 * k for k in range(count)]


# --- what the function closes over


def test_rows_do_not_mix_two_states_of_what_the_function_closes_over(either: str) -> None:
    scale = [2.0]
    program = record(lambda x: scale[0] * x if x > 0.0 else -scale[0] * x, 1.0)
    assert program([1.0, -1.0]).tolist() == [2.0, 2.0]
    scale[0] = 3.0
    assert program([1.0, 2.0]).tolist() == [2.0, 4.0]
    with pytest.raises(ag.RecordingError, match="numbers that have changed"):
        program([1.0, -1.0])


def test_rows_do_not_mix_random_numbers(either: str) -> None:
    import random

    program = record(lambda x: x + random.random() if x > 0.0 else x, 1.0)
    with pytest.raises(ag.RecordingError, match="draws anew"):
        program([1.0, -1.0])


@pytest.mark.parametrize("on_guard", ["eager", "record"])
def test_parameters_may_lead_the_example_into_another_branch(either: str, on_guard: str) -> None:
    w, scale = ag.Value(1.0), [2.0]
    program = record(lambda x: w * x if w * x > 0.0 else scale[0] * x * w, 1.0, on_guard=on_guard)
    w.data = -1.0
    for _ in range(2):
        values, gradients = program.value_and_grad([1.0, 2.0, -3.0])
        assert (values.tolist(), gradients.parameters) == ([-2.0, -4.0, 3.0], [2.0 + 4.0 - 3.0])
    scale[0] = 5.0
    if on_guard == "eager":
        with pytest.raises(ag.RecordingError, match="numbers that have changed"):
            program([1.0, -3.0])


def test_parameters_may_lead_the_example_into_an_error(either: str) -> None:
    w = ag.Value(1.0)
    program = record(lambda x: ag.log(w * x) if x > 0.0 else x * w, 1.0)
    w.data = -1.0
    assert program([-2.0, -3.0]).tolist() == [2.0, 3.0]
    with pytest.raises(ag.DomainError, match="log"):
        program([1.0])


def test_parameters_may_lead_the_steps_of_a_loop_into_another_branch(either: str) -> None:
    w = ag.Value(1.0)

    def f(x: Any) -> Any:
        return ag.scan(lambda c, t: (c * t if w * t > 0.0 else c + t, None), x, [2.0, 3.0])[0]

    program = record(f, 1.0)
    w.data = -1.0
    assert program([1.0, 2.0]).tolist() == [6.0, 7.0]


@pytest.mark.parametrize("assigned", ["the node", "its operand"])
def test_a_captured_node_whose_number_was_overwritten_is_refused(assigned: str) -> None:
    w = ag.Value(2.0)
    h = w * 3.0
    (h if assigned == "the node" else w).data = 5.0
    with pytest.raises(ag.RecordingError, match="not what its operands give"):
        record(lambda x: h * x, 1.0)


def test_an_operation_that_is_no_function_is_refused() -> None:
    calls: list[float] = []

    def count(x: float) -> float:
        calls.append(x)
        return x * len(calls)

    fickle = own(count, lambda x, y: 1.0)
    with pytest.raises(ag.RecordingError, match="another result when it is called again"):
        record(lambda x: fickle(x), 1.0)


def test_a_captured_node_that_is_overwritten_later_is_refused(either: str) -> None:
    w = ag.Value(2.0)
    h = w * 3.0
    program = record(lambda x: h * x, 1.0)
    assert program([1.0, 2.0]).tolist() == [6.0, 12.0]
    h.data = 5.0
    for rows in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ag.RecordingError, match="was assigned since it was recorded"):
            program(rows)


def test_rows_do_not_mix_a_captured_node_with_what_it_would_be_now(either: str) -> None:
    w = ag.Value(2.0)
    h = w * 3.0
    program = record(lambda x: h * x if x > 0.0 else -h * x, 1.0)
    w.data = 4.0
    assert program([1.0]).tolist() == [12.0]
    with pytest.raises(ag.RecordingError, match="compute them inside"):
        program([1.0, -1.0])


# --- what happens while a function is recorded


def catching(x: Any) -> Any:
    try:
        return ag.log(x)
    except ValueError:
        return x * 0.0


def test_a_caught_exception_is_not_frozen(either: str) -> None:
    with pytest.raises(ag.RecordingError, match=r"raised DomainError .* and the function caught it"):
        record(catching, -1.0)
    program = record(catching, 1.0)
    assert program([1.0, -1.0, math.e]).tolist() == [0.0, -0.0, 1.0]
    dispatching = record(catching, 1.0, on_guard="record")
    assert dispatching([1.0, -1.0, math.e]).tolist() == [0.0, -0.0, 1.0]


@pytest.mark.parametrize("error", [RuntimeError, ZeroDivisionError, KeyError])
def test_a_caught_exception_of_a_users_operation_is_not_frozen(error: Any) -> None:
    def picky(x: float) -> float:
        if x > 0.0:
            raise error("no")
        return x

    step = own(picky, lambda x, y: 1.0)

    def f(x: Any) -> Any:
        try:
            return step(x)
        except (error, ag.AutogradError):
            return x * 2.0

    with pytest.raises(ag.RecordingError, match="caught it"):
        record(f, 1.0)
    assert record(f, -1.0)([-1.0, 1.0]).tolist() == [-1.0, 2.0]


def test_an_exception_that_comes_out_is_that_of_the_function() -> None:
    with pytest.raises(ag.DomainError, match="log"):
        record(lambda x: ag.log(x), -1.0)
    assert record(lambda x: x * 2.0, 1.0)([2.0]).tolist() == [4.0]


@pytest.mark.parametrize("name", ["grad", "has_grad"])
def test_a_gradient_is_not_read_while_recording(name: str) -> None:
    w = ag.Value(2.0)
    with pytest.raises(ag.RecordingError, match=rf"its \.{name} was read"):
        record(lambda x: x * float(getattr(w, name)), 1.0)
    assert getattr(w, name) == 0.0


def in_a_thread(work: Any) -> Any:
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


WORK = {
    "comparison": lambda x: x if x > 0.0 else -x,
    "reversed comparison": lambda x: x if x > 0.0 else -x,
    "reading": lambda x: x if x.data > 0.0 else -x,
    "truth": lambda x: x if x else -x,
    "detach": lambda x: x.detach(),
    "arithmetic": lambda x: x * 2.0,
    "float": lambda x: x * float(x),
    "item": lambda x: x * x.item(),
    "gradient": lambda x: x * (x.backward(), x.grad)[1],
    "vector": lambda x: x * ag.parameters_to_vector([x])[0],
}
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
}


@pytest.mark.parametrize("way", COPIES)
def test_another_thread_makes_no_copies_of_what_is_recorded(way: str) -> None:
    with pytest.raises(ag.RecordingError, match="copied or pickled"):
        record(lambda x: x * in_a_thread(lambda: COPIES[way](x)), 1.0)
    own = ag.Value(3.0) * 2.0
    assert record(lambda x: x * in_a_thread(lambda: COPIES[way](own).data), 1.0)([2.0]).tolist() == [12.0]


@pytest.mark.parametrize("work", WORK)
def test_another_thread_takes_no_part_in_a_recording(work: str) -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        return in_a_thread(lambda: WORK[work](y)) * 1.0

    with pytest.raises(ag.RecordingError, match="another thread"):
        record(f, 1.0)


@pytest.mark.parametrize("work", WORK)
def test_a_thread_that_runs_already_takes_no_part_in_a_recording(work: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with pytest.raises(ag.RecordingError, match="another thread"):
            record(lambda x: pool.submit(WORK[work], x * 1.0).result() * 1.0, 1.0)
        with pytest.raises(ag.RecordingError, match="another thread"):
            record(lambda x: pool.submit(WORK[work], x).result() * 1.0, 1.0)
        assert record(lambda x: [pool.submit(float, ag.Value(1.0)).result(), x][1], 1.0)([2.0]).tolist() == [
            2.0
        ]


def test_what_a_recording_leaves_behind_can_be_read() -> None:
    kept: list[Any] = []
    record(lambda x: [kept.append(x * 3.0), kept[0] + x][1], 2.0)
    assert kept[0].data == 6.0
    assert in_a_thread(lambda: float(kept[0])) == 6.0


def test_a_program_that_reads_what_is_being_differentiated_is_refused() -> None:
    def made_inside(x: Any) -> Any:
        return ag.record(lambda a: a * x, 1.0)([2.0])[0] * 1.0

    def of_an_inner_node(x: Any) -> Any:
        y = x * 2.0
        return ag.record(lambda a: a * y, 1.0)([[2.0], [3.0]][0])[0] * x

    def rows(x: Any) -> Any:
        return ag.record(lambda a: a * x, 1.0)([2.0, 3.0])[0] * x

    def its_gradient(x: Any) -> Any:
        return ag.record(lambda a: a * a * x, 1.0).value_and_grad([2.0], wrt=0)[1][0] * x

    def jitted(x: Any) -> Any:
        return ag.jit(lambda a: a * x)(2.0) * x

    for f in (made_inside, of_an_inner_node, rows, its_gradient, jitted):
        with pytest.raises(ag.ConversionError, match="a Program was called that reads"):
            ag.grad(f)(3.0)
    w = ag.Value(3.0)
    program = ag.record(lambda a: a * w, 1.0)
    assert ag.grad(lambda t: program([2.0])[0] * t)(5.0) == 6.0  # w is not what is differentiated
    assert program([2.0])[0] == 6.0
