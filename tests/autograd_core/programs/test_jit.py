"""Several recordings of one function: `record(..., on_guard="record")`, and `jit` in front of it."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import pickle
import random
import threading
import types
import unittest.mock
import zlib
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.errors import RecordingError
from autograd_core.programs import interpreter, interpreters, jit, record

W = [ag.Value(0.5), ag.Value(-1.5), ag.Value(2.0)]


@pytest.fixture(params=["numpy", *interpreters()[1:2]], autouse=True)
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs on the interpreter in NumPy and on the compiled one."""
    with interpreter(request.param):
        yield request.param


def branching(x: Any) -> Any:
    """Three branches, each with a parameter of its own, and a loop whose length depends on the data."""
    if x[0] > 0.5:
        y = W[0] * x[0]
    elif x[0] > -0.5:
        y = W[1] * x[1] * x[1]
    else:
        y = ag.log(W[2] + x[0]) * x[1]
    rounds = 0
    while y > 0.1 and rounds < 4:
        y, rounds = y * 0.5, rounds + 1
    return y


def eager(X: Any) -> tuple[list[float], list[float], list[list[float]]]:
    for w in W:
        w.zero_grad()
    values, own = [], []
    for row in X.tolist():
        leaves = [ag.Value(x) for x in row]
        y = branching(leaves)
        y.backward()
        values.append(y.data)
        own.append([leaf.grad for leaf in leaves])
    return values, [w.grad for w in W], own


def rows(count: int) -> Any:
    X = np.random.default_rng(count).normal(size=(count, 2))
    X[:, 0] = np.maximum(X[:, 0], -1.9)
    return X


@pytest.mark.parametrize("count", [1, 2, 3, 150])
def test_every_branch_is_recorded_and_has_the_eager_bits(count: int) -> None:
    X = rows(count)
    program = record(branching, [1.0, 1.0], on_guard="record")
    values, own = program.value_and_grad(X, wrt={"w": W, "x": 0})
    expected = eager(X)
    assert values.tolist() == expected[0]
    assert own["w"] == expected[1]
    assert own["x"].tolist() == expected[2]
    assert program(X).tolist() == expected[0]
    assert program.jacobian(X).tolist() == expected[2]
    assert program.eager_rows == 0
    if count == 150:
        assert len(program.recordings) == 10
        assert set(program.parameters) == set(W)


def test_the_gradient_of_all_parameters_is_added_up_over_the_branches() -> None:
    X = rows(150)
    program = record(branching, [1.0, 1.0], on_guard="record")
    sums = program.value_and_grad(X)[1].parameters
    expected = dict(zip(map(id, W), eager(X)[1], strict=True))
    assert sums.tolist() == [expected[id(p)] for p in program.parameters]
    for w in W:
        w.zero_grad()
    program.backward(X)
    assert [w.grad for w in W] == [expected[id(w)] for w in W]


def test_branches_beyond_the_most_are_evaluated_eagerly() -> None:
    X = rows(150)
    program = record(branching, [1.0, 1.0], on_guard="record", most_recordings=3)
    values, own = program.value_and_grad(X, wrt={"w": W[:2], "x": 0})
    expected = eager(X)
    assert values.tolist() == expected[0]
    assert own["x"].tolist() == expected[2]
    assert len(program.recordings) == 3
    assert program.eager_rows > 0


def test_explain_tells_when_no_more_branches_are_recorded() -> None:
    program = record(lambda x: x if x > 1.0 else -x, 2.0, on_guard="record", most_recordings=2)
    assert "one branch is recorded; rows of others are recorded when they come" in program.explain()
    program([2.0, 0.5])
    told = "2 branches are recorded; rows of others are evaluated eagerly: most_recordings is 2"
    assert told in program.explain()


def test_a_row_that_raises_raises_in_its_turn() -> None:
    program = record(lambda x: ag.log(x) if x < 5.0 else 1.0 / (x - 6.0), 1.0, on_guard="record")
    with pytest.raises(ag.DomainError):
        program([1.0, 7.0, -1.0, 6.0])
    with pytest.raises(ZeroDivisionError):
        program([1.0, 7.0, 6.0, -1.0])
    assert program([1.0, 7.0, 8.0]).tolist() == [0.0, 1.0, 0.5]


def test_branches_travel_with_a_pickled_program() -> None:
    program = record(branching, [1.0, 1.0], on_guard="record")
    X = rows(150)
    expected = program(X)
    again = pickle.loads(pickle.dumps(program))
    assert again(X).tolist() == expected.tolist()
    assert len(again.recordings) == 10


def test_branches_do_not_mix_two_states_of_what_the_function_closes_over() -> None:
    scale = [2.0]
    program = record(lambda x: scale[0] * x if x > 0.0 else -scale[0] * x, 1.0, on_guard="record")
    scale[0] = 3.0
    with pytest.raises(ag.RecordingError, match="numbers that have changed"):
        program([1.0, -1.0])


# --- jit


def test_a_jitted_function_is_called_like_the_function() -> None:
    calls: list[Any] = []

    @jit
    def f(x: Any, y: Any) -> Any:
        """The docstring stays."""
        calls.append(1)
        return x[0] * y + x[1] if y > 0.0 else x[1]

    assert f([2.0, 3.0], 4.0) == 11.0
    assert f([2.0, 3.0], 5.0) == 13.0
    assert f(np.array([2.0, 3.0]), 5.0) == 13.0
    assert f([2.0, 3.0], -1.0) == 3.0
    assert f([5.0, 4.0], -2.0) == 4.0
    assert f.__name__ == "f"
    assert f.__doc__ == "The docstring stays."
    assert f.cache_info()[:2] == (2, 3)
    recorded = len(calls)
    f([1.0, 1.0], 1.0)
    assert len(calls) == recorded
    f.cache_clear()
    assert f.cache_info() == (0, 0, 0, 0, 0)


def test_gradients_of_a_jitted_function_have_the_form_of_the_arguments() -> None:
    f = jit(lambda x, s: ag.sin(x[0]) * s + x[1] * x[1])
    expected = ag.value_and_grad(lambda x, s: ag.sin(x[0]) * s + x[1] * x[1], (0, 1))(
        np.array([0.3, 2.0]), 4.0
    )
    value, (of_x, of_s) = f.value_and_grad(np.array([0.3, 2.0]), 4.0)
    assert value == expected[0]
    assert of_x.tolist() == expected[1][0].tolist()
    assert of_s == expected[1][1]
    w = ag.Value(3.0)
    assert jit(lambda x: w * x).grad(2.0, wrt={"w": w, "x": 0}) == {"w": 2.0, "x": 3.0}
    assert jit(lambda x: [x, x * x])(3.0).tolist() == [3.0, 9.0]


def test_rows_go_to_the_recordings_of_their_branches() -> None:
    f = jit(branching)
    X = rows(150)
    assert f.vmap(X).tolist() == eager(X)[0]
    assert f.cache_info().recordings == 10
    assert f(X[3].tolist()) == eager(X[3:4])[0][0]


def test_values_keep_their_graph_through_a_jitted_function() -> None:
    f = jit(lambda x: x * x)
    v = ag.Value(3.0)
    y = f(v)
    y.backward()
    assert v.grad == 6.0
    assert ag.grad(f)(4.0) == 8.0
    assert record(lambda x: f(x) + 1.0, 1.0)([2.0]).tolist() == [5.0]
    assert f.cache_info().eager_calls == 3


def test_a_jitted_method_has_recordings_for_each_instance() -> None:
    class Line:
        def __init__(self, slope: float) -> None:
            self.slope = slope

        @jit
        def at(self, x: Any) -> Any:
            return self.slope * x

    a, b = Line(2.0), Line(3.0)
    assert (a.at(1.0), b.at(1.0), a.at(2.0)) == (2.0, 3.0, 4.0)
    assert a.at.cache_info().calls == 2


def test_what_cannot_be_recorded_raises_at_the_first_call() -> None:
    with pytest.raises(ag.RecordingError, match="would freeze its number"):
        jit(lambda x: x if x else -x)(1.0)


class Scaled:
    def __init__(self, weight: float) -> None:
        self.weight = ag.Value(weight)

    @ag.jit
    def __call__(self, x: Any) -> Any:
        return self.weight * x

    @ag.jit
    def energy(self, x: Any) -> Any:
        return self.weight * x


class Doubled(Scaled):
    @ag.jit
    def energy(self, x: Any) -> Any:
        return super().energy(x) * 2.0


def test_a_copied_instance_has_recordings_of_its_own() -> None:
    one = Scaled(2.0)
    assert one.energy(1.0) == 2.0
    other, deep = copy.copy(one), copy.deepcopy(one)
    other.weight = ag.Value(7.0)
    deep.weight.data = 9.0
    assert (one.energy(1.0), other.energy(1.0), deep.energy(1.0)) == (2.0, 7.0, 9.0)
    assert pickle.loads(pickle.dumps(deep)).energy(1.0) == 9.0
    assert pickle.loads(pickle.dumps(one.energy))(3.0) == 6.0
    assert one(3.0) == 6.0


def test_a_jitted_method_calls_that_of_its_base_class() -> None:
    assert Doubled(3.0).energy(1.0) == 6.0


def test_a_variable_or_attribute_bound_to_another_value_is_recorded_anew() -> None:
    model = Scaled(2.0)
    weight = ag.Value(2.0)
    closed = ag.jit(lambda x: weight * x)
    assert (closed(1.0), model.energy(1.0)) == (2.0, 2.0)
    weight, model.weight = ag.Value(3.0), ag.Value(3.0)
    assert (closed(1.0), model.energy(1.0)) == (3.0, 3.0)
    assert closed.grad(5.0, wrt=weight) == 5.0


def test_a_deep_copy_of_a_jitted_function_reads_what_the_function_reads() -> None:
    weight = ag.Value(2.0)
    one = ag.jit(lambda x: weight * x)
    one(1.0)
    other = copy.deepcopy(one)
    weight.data = 5.0
    assert (one(1.0), other(1.0)) == (5.0, 5.0)


def test_a_jitted_function_inside_a_recorded_one_freezes_nothing() -> None:
    weight = ag.Value(2.0)
    inner = ag.jit(lambda x: weight * x)
    assert inner(2.0) == 4.0
    outer = ag.jit(lambda x: x * inner(2.0))
    assert outer(3.0) == 12.0
    weight.data = 10.0
    assert outer(3.0) == 60.0
    assert outer.grad(3.0, wrt=weight) == 6.0


def test_a_jitted_function_without_arguments() -> None:
    weight = ag.Value(2.0)
    assert ag.jit(lambda: weight * 3.0)() == 6.0
    assert ag.jit(lambda: [weight * 3.0, weight])().tolist() == [6.0, 2.0]
    assert ag.jit(lambda: weight * 3.0).value_and_grad(wrt=weight) == (6.0, 3.0)


class Net:
    def __init__(self) -> None:
        self.layers = [{"w": ag.Value(2.0)}, {"w": ag.Value(3.0)}]
        self.loss = ag.Value(0.0)

    def forward(self, x: Any) -> Any:
        return self.layers[1]["w"] * (self.layers[0]["w"] * x)

    @ag.jit
    def energy(self, x: Any) -> Any:
        return self.forward(x)


def test_another_value_inside_a_list_a_dict_or_an_object_is_recorded_anew() -> None:
    net, weights = Net(), np.array([[ag.Value(1.0), ag.Value(2.0)]])
    outside = ag.jit(lambda x: net.forward(x))
    of_array = ag.jit(lambda x: weights[0, 1] * x)
    assert (outside(1.0), net.energy(1.0), of_array(1.0)) == (6.0, 6.0, 2.0)
    net.layers[1]["w"], weights[0, 1] = ag.Value(5.0), ag.Value(7.0)
    assert (outside(1.0), net.energy(1.0), of_array(1.0)) == (10.0, 10.0, 7.0)
    net.layers[0] = {"w": ag.Value(1.0)}
    assert (outside(1.0), net.energy(1.0)) == (5.0, 5.0)
    net.layers = [{"w": ag.Value(1.0)}, {"w": ag.Value(1.0)}]
    assert (outside(1.0), net.energy(1.0)) == (1.0, 1.0)


def test_other_values_in_the_same_object_are_not_looked_at() -> None:
    net = Net()
    outside = ag.jit(lambda x: net.forward(x))
    outside(1.0)
    program = outside.program(1.0)
    net.loss = ag.Value(1.0)
    assert outside.program(1.0) is program


GAIN = ag.Value(2.0)


def gained(x: Any) -> Any:
    return GAIN * x


def test_a_value_that_a_named_function_reads_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    f = ag.jit(lambda x: gained(x) + 1.0)
    assert f(1.0) == 3.0
    monkeypatch.setitem(globals(), "GAIN", ag.Value(4.0))
    assert f(1.0) == 5.0


def test_a_value_that_only_a_later_branch_reads_is_looked_at() -> None:
    weights = [ag.Value(2.0), ag.Value(3.0)]
    f = ag.jit(lambda x: weights[0] * x if x > 0.0 else weights[1] * x)
    assert (f(1.0), f(-1.0), f(-1.0)) == (2.0, -3.0, -3.0)
    weights[1] = ag.Value(5.0)
    assert (f(1.0), f(-1.0)) == (2.0, -5.0)


def test_lists_and_tuples_arrive_as_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # others of this process may be alive
    seen: list[Any] = []
    f = ag.jit(lambda x, y: seen.append((type(x), [type(p) for p in x], type(y))) or x[0][1] * y[0])
    assert f(((1.0, 2.0), (3.0, 4.0)), [5.0]) == 10.0
    assert f([(1.0, 2.0), (3.0, 4.0)], (5.0,)) == 10.0
    assert seen[::2] == [(tuple, [tuple, tuple], list), (list, [tuple, tuple], tuple)]  # it changes `seen`
    program = ag.record(lambda x: x[0] if isinstance(x, tuple) else x[1], (1.0, 2.0))
    assert pickle.loads(pickle.dumps(program.examples))[0].build([1, 2]) == (1, 2)
    assert program([[3.0, 4.0]]).tolist() == [3.0]


class Slotted:
    __slots__ = ("w",)


def test_values_in_slots_are_looked_at_and_hidden_ones_are_recorded_once() -> None:
    slotted, calls = Slotted(), []
    slotted.w = ag.Value(2.0)
    f = ag.jit(lambda x: slotted.w * x)
    assert f(1.0) == 2.0
    slotted.w = ag.Value(3.0)
    assert f(1.0) == 3.0
    hidden = {"w": ag.Value(2.0)}
    g = ag.jit(lambda x: calls.append(1) or hidden.get("w") * x + vars(Deep)["w"][-1])
    assert (g(1.0), g(2.0)) == (9.0, 11.0)
    recorded = len(calls)
    assert g(3.0) == 13.0
    assert len(calls) == recorded


class Deep:
    w = (ag.Value(7.0),)


def test_arguments_by_name() -> None:
    @ag.jit
    def f(x: Any, y: Any = 2.0, *, scale: Any = 1.0) -> Any:
        return x * y * scale

    assert f(3.0) == 6.0
    assert f(3.0, y=4.0) == 12.0
    assert f(y=4.0, x=3.0) == 12.0
    assert f(3.0, scale=10.0) == 60.0
    assert f(3.0, scale=10.0, y=1.0) == 30.0
    assert f.grad(3.0, scale=10.0, wrt="scale") == 6.0
    assert f.grad(3.0, y=4.0, scale=10.0, wrt={"x": "x", "y": "y"}) == {"x": 40.0, "y": 30.0}
    assert f.vmap([1.0, 2.0], scale=[3.0, 4.0]).tolist() == [6.0, 16.0]
    assert f.cache_info().forms == 4
    with pytest.raises(TypeError, match="unexpected keyword"):
        f(1.0, size=2.0)
    with pytest.raises(ValueError, match="no argument 'z'"):
        f.grad(1.0, wrt="z")


def test_a_longer_list_or_dict_of_values_is_recorded_anew() -> None:
    weights = [ag.Value(2.0)]
    named = {"a": ag.Value(1.0)}

    @ag.jit
    def f(x: Any) -> Any:
        return sum((w * x for w in weights), 0.0) + sum(named.values())

    assert f(3.0) == 7.0
    weights.append(ag.Value(1.0))
    assert f(3.0) == 10.0
    named["b"] = ag.Value(0.5)
    assert f(3.0) == 10.5
    assert f.cache_info().recordings == 1
    weights.pop()
    assert f(3.0) == 7.5


def test_a_value_in_the_place_of_a_plain_number_is_recorded_anew() -> None:
    scale: Any = 2.0

    @ag.jit
    def f(x: Any) -> Any:
        return scale * x

    assert f(3.0) == 6.0
    scale = ag.Value(5.0)
    assert f(3.0) == 15.0
    assert f.grad(3.0, wrt=scale) == 3.0
    scale.data = 7.0
    assert f(3.0) == 21.0

    class Model:
        """An attribute beside a Value."""

        def __init__(self) -> None:
            self.weight, self.offset = ag.Value(2.0), 1.0

        @ag.jit
        def predict(self, x: Any) -> Any:
            """Return a number."""
            return self.weight * x + self.offset

    model = Model()
    assert model.predict(3.0) == 7.0
    model.offset = ag.Value(10.0)  # type: ignore[assignment]
    assert model.predict(3.0) == 16.0


def test_a_default_that_was_not_given_has_no_gradient() -> None:
    @ag.jit
    def f(x: Any, y: Any = 2.0) -> Any:
        return x * y

    assert f.grad(3.0, y=2.0, wrt="y") == 3.0
    with pytest.raises(ValueError, match="'y' was not given"):
        f.grad(3.0, wrt="y")


def test_threads_share_a_jitted_function() -> None:
    """Threads that record, take new branches and see a Value replaced, all at once."""
    weights = [ag.Value(2.0)]

    @ag.jit
    def f(x: Any) -> Any:
        y, n = weights[0] * x[0], 0
        while y > 1.0:
            y, n = y * 0.5, n + 1
        return y + x[-1]

    def expected(row: list[float]) -> float:
        y = 2.0 * row[0]
        while y > 1.0:
            y *= 0.5
        return y + row[-1]

    wrong: list[Any] = []
    start = threading.Barrier(6)

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        start.wait()
        for count in range(60):
            row = random.uniform(-4.0, 40.0, size=random.integers(1, 4)).tolist()
            try:
                found = f(row)
            except Exception as error:
                wrong.append(error)
                return
            if found != expected(row):
                wrong.append((row, found))
            if seed == 0 and count % 15 == 0:
                weights[0] = ag.Value(2.0)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert f.cache_info().calls >= 360


def test_a_deque_another_order_of_a_dict_and_a_value_for_a_number_are_noticed() -> None:
    queue = deque([ag.Value(1.0)])
    layers = {"a": ag.Value(1.0), "b": ag.Value(2.0)}
    mixed: list[Any] = [1.0, ag.Value(2.0)]
    first = ag.jit(lambda x: queue[0] * x)
    in_order = ag.jit(lambda x: next(iter(layers.values())) * x)
    both = ag.jit(lambda x: mixed[0] * x + mixed[1])
    assert (first(1.0), in_order(1.0), both(1.0)) == (1.0, 1.0, 3.0)
    queue[0] = ag.Value(7.0)
    layers["a"] = layers.pop("a")
    mixed[0] = ag.Value(100.0)
    assert (first(1.0), in_order(1.0), both(1.0)) == (7.0, 2.0, 102.0)
    mixed.append(6.0)  # plain numbers behind change nothing
    programs = in_order.program(1.0), both.program(1.0)
    assert (in_order(2.0), both(2.0)) == (4.0, 202.0)
    assert programs == (in_order.program(1.0), both.program(1.0))


class Color(enum.IntEnum):
    RED = 1


class Size(enum.IntEnum):
    SMALL = 1


class Pair(NamedTuple):
    first: Any
    second: Any


class ListWithScale(list[float]):
    scale = 1.0


@dataclasses.dataclass(frozen=True)
class Key:
    number: float
    name: str = dataclasses.field(default="", compare=False)


def told_apart(x: Any) -> Any:
    """A number that depends on whatever a function can see of an argument beside its numbers."""

    def seen(part: Any) -> Iterator[Any]:
        yield type(part)
        if isinstance(part, dict):
            yield [(type(key), repr(key)) for key in part]
            for entry in part.values():
                yield from seen(entry)
        elif isinstance(part, (list, tuple)):
            yield getattr(part, "scale", None)
            for entry in part:
                yield from seen(entry)

    def numbers_in(part: Any) -> list[Any]:
        if isinstance(part, dict):
            return numbers_in(list(part.values()))
        return [n for entry in part for n in numbers_in(entry)] if isinstance(part, (list, tuple)) else [part]

    containers = [repr(what) for what in seen(x) if what not in (float, ag.Value)]
    return float(zlib.crc32(repr(containers).encode()) % 1000) + sum(numbers_in(x), start=0.0) * 1.0


KEYS = [1, True, 1.0, np.int64(1), np.float64(1.0), Color.RED, Size.SMALL, Fraction(1), 0.0, -0.0, 0, False,
        "a", np.str_("a"), (1, 0.0), (True, 0.0), (1.0, -0.0), (1, (0, 1)), (1, (0, True)), Pair(1, 0.0),
        frozenset({1}), frozenset({True}), Key(1.0), Key(1), Key(1.0, "other")]  # fmt: skip


def alike(draw: random.Random, depth: int = 0) -> Any:
    """A structure among some that are equal in pairs."""
    kind = draw.randrange(8 if depth < 2 else 1)
    if not kind:
        return draw.choice([0.5, 1.5])
    parts = [alike(draw, depth + 1) for _ in range(2)]
    if kind < 4:
        keys = draw.sample(KEYS, 2)
        return [dict, OrderedDict, lambda entries: defaultdict(float, entries)][kind - 1](
            dict(zip(keys, parts, strict=False))
        )
    if kind < 6:
        return (list, tuple)[kind - 4](parts)
    if kind == 6:
        return Pair(*parts)
    scaled = ListWithScale([0.5, 1.5])
    scaled.scale = draw.choice([1, 1.0, True, 2.0])
    return scaled


def test_equal_arguments_that_a_function_tells_apart_have_forms_of_their_own() -> None:
    f = jit(told_apart)
    for key in (*KEYS, *KEYS):
        assert f({key: 1.5}) == told_apart({key: 1.5}), key
    draw = random.Random(0)
    for _ in range(150):
        argument = alike(draw)
        assert f(argument) == told_apart(argument), argument
    assert f.cache_info().eager_rows == 0
    with pytest.raises(TypeError, match=r"member of an Enum, <Color\.RED: 1>"):
        f(Color.RED)
    with pytest.raises(TypeError, match="member of an Enum"):
        jit(told_apart)([1.0, Color.RED])
    with pytest.raises(TypeError, match="is a matrix, which multiplies"):
        f(np.ones((1, 2)).view(np.matrix))


def test_results_have_the_type_and_the_keys_of_the_functions() -> None:
    counted = jit(lambda d: Counter({key: entry * 2.0 for key, entry in d.items()}))
    found = counted({"a": 1.0})
    assert type(found) is Counter
    assert found == {"a": 2.0}
    assert type(jit(lambda d: d["a"] * 2.0).grad(OrderedDict(a=1.0))) is OrderedDict
    either = jit(lambda x: {1: x} if x > 0.0 else {True: x})
    assert either(1.0) == {1: 1.0}
    with pytest.raises(RecordingError, match=r"this row gives a result of the form \{True"):
        either(-1.0)
    sized = jit(lambda x: sum(x))
    assert [sized(range(n)) for n in (3, 4)] == [3.0, 6.0]


class Settings:
    power = 2.0

    def __init__(self, **entries: Any):
        vars(self).update(entries)


def changes() -> Iterator[tuple[str, Any, Any]]:
    """Yield a name, a function, and what changes something that it reads."""
    for kind, made in {"number": float, "Value": ag.Value}.items():
        yield from changes_of(kind, made)
    config: dict[str, Any] = {"mode": "double", "scale": 2.0}
    yield "text", lambda x: x * 2.0 if config["mode"] == "double" else x, lambda: config.update(mode="single")
    helpers = Settings(f=lambda x: x * 2.0)
    yield "function", lambda x: helpers.f(x), lambda: vars(helpers).update(f=lambda x: x * 5.0)
    settings = Settings(scale=True)
    yield "truth value", lambda x: x if settings.scale else -x, lambda: vars(settings).update(scale=False)
    numpys = Settings(scale=np.float64(2.0))
    yield "number of NumPy", lambda x: x * numpys.scale, lambda: vars(numpys).update(scale=np.float64(3.0))
    colors = Settings(color=Color.RED)
    yield "Enum", lambda x: -x if colors.color is Color.RED else x, lambda: vars(colors).update(color=None)
    signed = Settings(zero=0.0)
    yield "sign of 0", lambda x: x * signed.zero, lambda: vars(signed).update(zero=-0.0)


def changes_of(kind: str, made: Any) -> Iterator[tuple[str, Any, Any]]:
    def refilled(container: Any) -> None:
        container.clear()
        (container.update if isinstance(container, set) else container.extend)([made(5.0), made(6.0)])

    first, queue, members, empty = [made(1.0)], deque([made(1.0)], maxlen=2), {made(1.0)}, list[Any]()
    yield f"list of {kind}s", lambda x: first[-1] * x, lambda: refilled(first)
    yield f"deque of {kind}s", lambda x: queue[0] * x, lambda: refilled(queue)
    yield f"set of {kind}s", lambda x: ag.sum(list(members)) * x, lambda: refilled(members)
    yield f"empty list, {kind}", lambda x: x + len(empty) * x, lambda: empty.append(made(3.0))
    config = {"scale": made(2.0)}
    yield f"dict of {kind}s", lambda x: config["scale"] * x, lambda: config.update(scale=made(3.0))
    array = np.array([made(2.0)])
    yield f"array of {kind}s", lambda x: x * array[0], lambda: array.__setitem__(0, made(3.0))
    settings = Settings(scale=made(2.0))
    yield f"attribute, {kind}", lambda x: settings.scale * x, lambda: vars(settings).update(scale=made(3.0))
    of_class = type("Settings", (Settings,), {"scale": made(2.0)})
    yield (
        f"class attribute, {kind}",
        lambda x: of_class.scale * x,
        lambda: setattr(of_class, "scale", made(3.0)),
    )
    instance = type("Settings", (Settings,), {"scale": made(2.0)})()
    yield f"its instance, {kind}", lambda x: instance.scale * x, lambda: setattr(instance, "scale", made(3.0))
    other = type("Settings", (Settings,), {"scale": made(2.0)})()
    yield f"class of, {kind}", lambda x: other.scale * x, lambda: setattr(type(other), "scale", made(3.0))
    module: Any = types.ModuleType("settings")
    module.scale = made(2.0)
    yield f"module, {kind}", lambda x: module.scale * x, lambda: vars(module).update(scale=made(3.0))

    two = made(2.0)

    def with_default(x: Any, scale: Any = two) -> Any:
        return x * scale

    yield f"default, {kind}", with_default, lambda: setattr(with_default, "__defaults__", (made(3.0),))
    cell = made(2.0)

    def change() -> None:
        nonlocal cell
        cell = made(3.0)

    yield f"variable, {kind}", lambda x: cell * x, change


def test_what_a_function_reads_by_name_is_looked_at() -> None:
    for name, f, change in changes():
        found = jit(f)
        assert repr(found(2.0)) == repr(ag.Value(f(ag.Value(2.0)).data).data), name
        program = found.program(2.0)
        assert found.program(3.0) is program, name
        change()
        assert repr(found(2.0)) == repr(f(ag.Value(2.0)).data), name
        assert found.program(2.0) is not program, name


def test_what_a_function_assigns_itself_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # others of this process may be alive
    calls, settings = 0, Settings(last=0.0, scale=2.0)

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        settings.last = float(calls)
        return x * settings.scale if x > 0.0 else -x

    found = jit(f)
    for x in (1.0, -1.0) * 3:
        assert found(x) == (2.0 * x if x > 0.0 else 1.0)
    assert found.cache_info().recordings == 2
    assert settings.last == calls < 6


@pytest.mark.parametrize("quiet", [0, 100])
def test_recording_anew_at_most_calls_is_told(quiet: int) -> None:
    settings = Settings(scale=0.0)
    f = jit(lambda x: x * settings.scale)

    def call(scale: float) -> None:
        settings.scale = scale
        assert f(2.0) == 2.0 * scale

    for _ in range(quiet):
        call(0.0)
    with pytest.warns(RuntimeWarning, match="recorded anew 20 times in 2. calls"):
        [*map(call, range(41))]
    [*map(call, range(41))]  # it is told once


def test_slots_and_methods_by_name_are_looked_at() -> None:
    class Slotted:
        __slots__ = ("scale",)

        def scaled(self, x: Any) -> Any:
            return self.scale * x

    slotted = Slotted()
    slotted.scale = 2.0
    by_slot, by_method = jit(lambda x: slotted.scale * x), jit(lambda x: slotted.scaled(x))
    assert (by_slot(1.0), by_method(1.0)) == (2.0, 2.0)
    slotted.scale = 3.0
    assert by_slot(1.0) == 3.0
    Slotted.scaled = lambda self, x: -x  # type: ignore[method-assign]
    assert by_method(1.0) == -1.0


def test_an_object_that_has_any_attribute_is_no_obstacle() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> Any:
            return None

    proxy = Proxy()
    assert jit(lambda x: x if proxy.verbose else -x)(2.0) == -2.0


def test_a_class_whose_module_is_no_text_is_no_obstacle() -> None:
    kind = type("Layer", (Settings,), {"__module__": property(lambda layer: "layers")})  # as in compiled code
    layer = kind(scale=ag.Value(2.0))
    f, of_class = jit(lambda x: layer.scale * x), jit(lambda x: x if isinstance(layer, kind) else -x)
    assert (f(3.0), of_class(3.0)) == (6.0, 3.0)
    layer.scale = ag.Value(5.0)
    assert f(3.0) == 15.0


def test_a_value_in_a_class_of_an_object_within_others_is_looked_at() -> None:
    inner = type("Inner", (), {"scale": ag.Value(2.0)})
    outer = Settings(inner=Settings(inner=inner()))
    f = jit(lambda x: outer.inner.inner.scale * x)
    assert f(3.0) == 6.0
    inner.scale = ag.Value(5.0)  # type: ignore[attr-defined]
    assert f(3.0) == 15.0


@pytest.mark.parametrize(
    ("before", "after", "read"),
    [
        ([1.0], [2.0], lambda held: held[0]),
        ({"k": 1.0}, {"k": 2.0}, lambda held: held["k"]),
        (Settings(k=1.0), Settings(k=2.0), lambda held: held.k),
        ([[1.0]], [[2.0]], lambda held: held[0][0]),
    ],
)
def test_whatever_stands_in_a_variable_is_looked_at(before: Any, after: Any, read: Any) -> None:
    held = before
    found = jit(lambda x: x * read(held))
    assert found(3.0) == 3.0
    held = after
    assert found(3.0) == 6.0


def test_lists_of_its_own_do_not_keep_a_function_from_being_looked_at() -> None:
    factors = [2.0]

    def f(x: Any) -> Any:
        out = []
        for k in factors:
            out.append(x * k)
        return ag.sum(out)

    found = jit(f)
    assert found(1.0) == 2.0
    factors[0] = 3.0
    assert found(1.0) == 3.0


def test_what_a_gradient_of_ours_captured_is_looked_at() -> None:
    w = ag.Value(2.0)
    slope = jit(ag.grad(lambda x: x * x * w))
    assert slope(1.0) == 4.0
    w = ag.Value(3.0)
    assert slope(1.0) == 6.0


def test_defaults_by_name_callables_and_methods_that_call_others_are_looked_at() -> None:
    class Model:
        def __init__(self) -> None:
            self.k = 2.0

        def __call__(self, x: Any) -> Any:
            return self.inner(x)

        def inner(self, x: Any) -> Any:
            return x * self.k

    def by_name(x: Any, *, k: float = 2.0) -> Any:
        return x * k

    def of_function(x: Any) -> Any:
        return x * of_function.k  # type: ignore[attr-defined]

    of_function.k = 2.0  # type: ignore[attr-defined]
    model = Model()
    found = [jit(model), jit(model.inner), jit(lambda x: model(x)), jit(by_name), jit(of_function)]
    assert [f(1.0) for f in found] == [2.0] * 5
    model.k = of_function.k = 3.0  # type: ignore[attr-defined]
    by_name.__kwdefaults__ = {"k": 3.0}
    assert [f(1.0) for f in found] == [3.0] * 5


def test_what_is_assigned_again_and_is_the_same_is_no_change() -> None:
    ks, name = [1000.5, "text"], "long text"

    def f(x: Any) -> Any:
        return x * ks[0] if name else x

    found = jit(f)
    for _ in range(5):
        ks[0], ks[1], name = float("1000.5"), "".join(["te", "xt"]), "".join(["long", " text"])
        assert found(2.0) == 2001.0
    assert found.cache_info().recordings == 1
    assert found._renewals == 0


def test_objects_that_cannot_be_looked_at_are_no_obstacle() -> None:
    class Refuses:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    class Image:
        size = (4, 4)

        def tobytes(self) -> bytes:
            return b""

    class Items(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            raise RuntimeError(key)

    scale = 2.0
    for thing in [
        Refuses(),
        Image(),
        Items(a=1.0),
        np.ma.masked,
        unittest.mock.Mock(),
        unittest.mock.MagicMock(),
    ]:
        f = jit(lambda x, thing=thing: x * scale if thing is not None else x)
        assert f(3.0) == 6.0


def test_what_a_decorated_function_reads_is_looked_at() -> None:
    k = 2.0

    @jit
    def jitted(x: Any) -> Any:
        return x * k

    @functools.lru_cache
    def cached(x: Any) -> Any:
        return x * k

    @functools.wraps(jitted)
    def wrapper(x: Any) -> Any:
        return jitted(x)

    found = [jit(lambda x, f=f: f(x) + 0.0) for f in (jitted, cached, wrapper)]
    found += [jit(lambda x: jitted(x) + 0.0), jit(lambda x: cached(x) + 0.0)]
    assert [f(2.0) for f in found] == [4.0] * 5
    k = 3.0
    cached.cache_clear()
    assert [f(2.0) for f in found] == [6.0] * 5
