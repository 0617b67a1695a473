"""Values that a function makes while it is recorded, and that are still there when it has returned."""

from __future__ import annotations

import collections
import copy
import functools
import itertools
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autograd_core as ag
from autograd_core import Value


class Holder:
    pass


def attribute() -> Callable[[str], Value]:
    holder = Holder()

    def get(name: str) -> Value:
        if not hasattr(holder, name):
            setattr(holder, name, Value(2.0))
        found: Value = getattr(holder, name)
        return found

    return get


def closure() -> Callable[[str], Value]:
    first = second = None

    def get(name: str) -> Value:
        nonlocal first, second
        if name == "first":
            first = first or [Value(2.0)]
            return first[0]
        second = second or [Value(2.0)]
        return second[0]

    return get


def both_at_once() -> Callable[[str], Value]:
    held: dict[str, Value] = {}

    def get(name: str) -> Value:
        if not held:
            held.update(first=Value(2.0), second=Value(2.0))
        return held[name]

    return get


def cache() -> Callable[[str], Value]:
    return functools.cache(lambda name: Value(2.0))


def frame() -> Callable[[str], Value]:
    def values() -> Iterator[Value]:
        value = Value(2.0)
        while True:
            yield value

    frames = collections.defaultdict[str, Iterator[Value]](values)
    return lambda name: next(frames[name])


def traceback() -> Callable[[str], Value]:
    held: dict[str, Any] = {}

    def get(name: str) -> Value:
        if name not in held:
            value = Value(2.0)
            try:
                raise KeyError(name)
            except KeyError as error:
                held[name] = error
        found: Value = held[name].__traceback__.tb_frame.f_locals["value"] if name in held else value
        return found

    return get


def circle() -> Callable[[str], Value]:
    held: dict[str, Any] = {}

    def get(name: str) -> Value:
        if name not in held:
            held[name] = holder = {"value": Value(2.0)}
            holder["itself"] = holder  # type: ignore[assignment]
        found: Value = held[name]["value"]
        return found

    return get


def copied() -> Callable[[str], Value]:
    return functools.cache(lambda name: copy.deepcopy(Value(2.0)))


def body_of_a_loop() -> Callable[[str], Any]:
    get = attribute()
    return lambda name: ag.scan(lambda carry, x: (carry * get(name) + x,) * 2, 1.0, [0.0, 0.0])[0]


def within_a_gradient() -> Callable[[str], Any]:
    get = attribute()
    return lambda name: ag.grad(lambda x: get(name) * x * x)(Value(0.5))


WAYS = [attribute, closure, both_at_once, cache, frame, traceback, circle, copied]


@pytest.mark.filterwarnings("ignore:.*Values that jit does not find:RuntimeWarning")
@pytest.mark.parametrize("way", [*WAYS, body_of_a_loop, within_a_gradient])
@pytest.mark.parametrize("kind", ["record", "jit"])
def test_a_value_made_at_the_first_call_and_kept_is_a_parameter(
    way: Callable[[], Callable[[str], Any]], kind: str
) -> None:
    get = way()

    def f(x: Any) -> Any:
        return get("first") * x * x

    jitted = ag.jit(f)
    program = jitted.program(1.0) if kind == "jit" else ag.record(f, 1.0)
    assert len(program.parameters) == 1
    (leaf,) = program.parameters
    for number in (3.0, 5.0):
        leaf.data, leaf.grad = number, 0.0
        eager = f(Value(2.0))
        eager.backward()
        expected = eager.data, leaf.grad
        values, found = program.value_and_grad([2.0], wrt=leaf)
        assert (float(values[0]), found) == expected
        assert jitted.value_and_grad(2.0, wrt=leaf) == expected


@pytest.mark.filterwarnings("ignore:.*Values that jit does not find:RuntimeWarning")
@pytest.mark.parametrize("is_used_before", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["record", "jit"])
def test_a_value_made_in_a_branch_that_is_met_later_is_a_parameter(
    way: Callable[[], Callable[[str], Value]], kind: str, is_used_before: bool
) -> None:
    get = way()

    def f(x: Any) -> Any:
        if x > 2.0:
            return get("second") * x + get("first") * 7.0
        return get("first") * x if is_used_before else x * 1.0

    jitted = ag.jit(f)
    program = jitted.program(1.0) if kind == "jit" else ag.record(f, 1.0, on_guard="record")
    program([1.0, 3.0, 1.0])
    if kind == "jit":
        program = jitted.program(1.0)
    first, second = get("first"), get("second")
    first.data, second.data = 4.0, 5.0
    values, found = program.value_and_grad([1.0, 3.0], wrt=[first, second], per_row=True)
    assert values.tolist() == [4.0 if is_used_before else 1.0, 43.0]
    assert [one.tolist() for one in found] == [[float(is_used_before), 7.0], [0.0, 3.0]]


def test_what_is_made_at_each_call_is_recorded_once_more_alone() -> None:
    calls, log, state = itertools.count(), list[Any](), Holder()

    def f(x: Any) -> Any:
        next(calls)
        log.append(Value(2.0))
        state.carry = Value(0.0)
        for _ in range(3):
            state.carry = ag.tanh(state.carry + x)
        state.given = x
        return state.carry * log[-1]

    program = ag.record(f, 1.0)
    assert (next(calls), program.parameters) == (2, [])
    assert program([0.5]).tolist() == [f(0.5).data]


def test_what_is_not_kept_is_recorded_once() -> None:
    calls = itertools.count()

    def f(x: Any) -> Any:
        next(calls)
        values = {"a": Value(1.0), "b": [Value(2.0), Value(3.0) * 2.0]}
        try:
            raise KeyError(values)
        except KeyError:
            total = sum([x * 2.0, values["a"]], Value(0.0))
        total = ag.scan(lambda carry, y: (carry * x + y, carry), total, [1.0, 2.0])[0]
        return [total, values["a"], ag.grad(lambda y: y * y)(2.0), ag.stop_gradient(x), 3.0 * x]

    ag.record(f, 1.0)
    assert next(calls) == 1


def test_values_of_another_thread_are_not_of_the_recording() -> None:
    kept = list[Value]()

    def f(x: Any) -> Any:
        thread = threading.Thread(target=lambda: kept.append(Value(2.0)))
        thread.start()
        thread.join()
        return x * 2.0

    ag.record(f, 1.0)
    assert len(kept) == 1


def test_a_value_that_another_recording_is_making_is_a_parameter_of_this_one() -> None:
    kept, made, end = list[Value](), threading.Event(), threading.Event()

    def other(x: Any) -> Any:
        if not kept:
            kept.append(Value(2.0))
            made.set()
            end.wait(60.0)
        return x * kept[0]

    thread = threading.Thread(target=lambda: ag.record(other, 1.0))
    thread.start()
    assert made.wait(60.0)
    program = ag.record(lambda x: x * kept[0] + Value(1.0), 1.0)
    end.set()
    thread.join()
    assert program.parameters == kept


@pytest.mark.parametrize("jit", [False, True])
def test_other_values_of_earlier_calls_at_each_call_are_refused(jit: bool) -> None:
    kept = list[Value]()

    def f(x: Any) -> Any:
        kept.append(Value(2.0, "another"))
        return sum(kept[1:], kept[0]) * x

    with pytest.raises(ag.RecordingError, match=r"'another'.*outlives the call"):
        ag.jit(f)(1.0) if jit else ag.record(f, 1.0)


def test_a_number_that_is_read_where_the_value_was_made_is_not_frozen() -> None:
    get = attribute()
    with pytest.raises(ag.RecordingError, match="was read"):
        ag.record(lambda x: x * get("first").data, 1.0)


def test_a_value_that_a_call_made_before_it_raised_is_a_parameter() -> None:
    get = attribute()

    def f(x: Any) -> Any:
        get("first")
        get("second")
        if not kept:
            kept.append(1)
            raise OSError("first")
        return get("first") * x

    kept = list[int]()
    with pytest.raises(OSError, match="first"):
        ag.record(f, 1.0)
    assert ag.record(f, 1.0).parameters == [get("first")]


def test_an_argument_that_is_kept_is_a_parameter() -> None:
    kept = list[Any]()

    def f(x: Any) -> Any:
        if not kept:
            kept.append(x)
        return x * kept[0]

    program = ag.record(f, 3.0)
    assert program.parameters == kept
    assert program([2.0]).tolist() == [6.0]


def test_circles_that_nobody_holds_are_no_obstacle() -> None:
    steps = itertools.count(1)

    def f(x: Any) -> Any:
        circle: list[Any] = [Value(1.0)]
        circle.append(circle)
        for _ in range(next(steps)):
            x = x * circle[0]
        return x

    assert ag.record(f, 1.0)([2.0]).tolist() == [2.0]


@pytest.mark.parametrize("make", ["copy", "deepcopy", "loads", "graph"])
def test_copies_of_leaves_that_are_made_meanwhile_are_constants(make: str) -> None:
    blob = pickle.dumps(ag.Value(2.0))
    ways: dict[str, Any] = {
        "copy": lambda: copy.copy(ag.Value(2.0)),
        "deepcopy": lambda: copy.deepcopy([ag.Value(2.0)])[0],
        "loads": lambda: pickle.loads(blob),
        "graph": lambda: copy.deepcopy(ag.Value(1.0) * 2.0),
    }
    calls: list[Any] = []

    def f(x: Any) -> Any:
        calls.append(1)
        w = ways[make]()
        return w * x * (w.data if make != "graph" else 2.0)

    program = ag.record(f, 1.0)
    assert program([3.0]).tolist() == [12.0]
    assert not program.parameters
    assert len(calls) == 1
    assert ag.jit(f)(3.0) == 12.0
    kept: list[ag.Value] = []
    lazy = ag.record(lambda x: (kept or kept.append(ways[make]()) or kept)[0] * x, 1.0)
    assert lazy([3.0]).tolist() == [6.0]
    assert len(lazy.parameters) == 1
