"""Every way in which the rule of a user-defined operation could read a number unseen."""

import asyncio
import copy
import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import autograd_core as ag
from autograd_core import Value, differentiate


def elsewhere(read):
    """Return what a function gives in a thread of its own, or raise what it raises there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(read).result()


async def in_a_task(read):
    return read()


BRANCHES = {
    "a comparison in a thread": lambda x: elsewhere(lambda: x > 1.0),
    "int() in a thread": lambda x: elsewhere(lambda: int(x)) > 1,
    "of what the thread made": lambda x: elsewhere(lambda: ag.exp(x) * x > 1.0),
    "of what the rule made": lambda x: (lambda z: elsewhere(lambda: z > 1.0))(x * x),
    "of a node beside another": lambda x: elsewhere(lambda: Value(1.0) < x),
    "a coroutine": lambda x: asyncio.run(in_a_task(lambda: x > 1.0)),
    "a coroutine's thread": lambda x: asyncio.run(asyncio.to_thread(lambda: bool(x > 1.0))),
    "max()": lambda x: max(x, 1.0) is x,
    "a list": lambda x: x not in [0.5, 1.0],
    "floor division": lambda x: divmod(x, 1.5)[0] > 0.0,
}


@pytest.mark.parametrize("way", BRANCHES)
def test_a_branch_is_noticed(way):
    @ag.operation(lambda x, y: 2.0 * x if BRANCHES[way](x) else 5.0 * x)
    def branching(x):
        return x * x if x > 1.0 else 2.5 * x * x

    w = Value(2.0)
    (slope,) = differentiate(branching(w), [w])
    assert slope.data == 4.0
    assert ag.grad(ag.grad(branching))(2.0) == 2.0
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda x: slope * x, 1.0)


def gradient_of(x):
    if isinstance(x, Value):
        (x * x).backward()
        return x.grad
    return 2.0 * x


READINGS = {
    ".data in a thread": lambda x: 2.0 * elsewhere(lambda: x.data if isinstance(x, Value) else x),
    "float() in a thread": lambda x: 2.0 * elsewhere(lambda: float(x)),
    "float() of what the thread made": lambda x: elsewhere(lambda: float(2.0 * x)),
    "a gradient": gradient_of,
    "a vector in a thread": lambda x: (
        2.0 * elsewhere(lambda: ag.parameters_to_vector([x])[0]) if isinstance(x, Value) else 2.0 * x
    ),
    "a format": lambda x: 2.0 * float(f"{x:.17g}"),
    "a copy": lambda x: 2.0 * copy.copy(x),
    "a deep copy": lambda x: 2.0 * copy.deepcopy(x),
    "a deep copy in a thread": lambda x: 2.0 * elsewhere(lambda: copy.deepcopy(x)),
    "a pickle": lambda x: 2.0 * pickle.loads(pickle.dumps(x)),
    "math": lambda x: 2.0 * math.fabs(x),
    "detach() in a thread": lambda x: (
        2.0 * elsewhere(lambda: x.detach()) if isinstance(x, Value) else 2.0 * x
    ),
}


@pytest.mark.parametrize("way", READINGS)
def test_a_number_that_would_lose_its_gradient_is_refused(way):
    @ag.operation(lambda x, y: READINGS[way](x))
    def reading(x):
        return x * x

    w = Value(2.0)
    y = reading(w)
    assert y.partials == (4.0,)
    with pytest.raises(ag.RecordingError, match="inside the partials of a user-defined operation"):
        differentiate(y, [w])
    with suppress(ag.RecordingError, ag.ConversionError):
        assert ag.grad(ag.grad(reading))(2.0) == 2.0  # a copy of the inner input keeps its parents
    assert w.data == 2.0  # nothing of it stays in force


def test_no_grad_inside_a_rule_is_refused():
    def rule(x, y):
        with ag.no_grad():
            return 2.0 * x

    @ag.operation(rule)
    def without_graph(x):
        return x * x

    assert ag.grad(without_graph)(3.0) == 6.0
    with pytest.raises(ag.RecordingError, match="stop_gradient"):
        ag.grad(ag.grad(without_graph))(3.0)


def test_a_thread_that_has_nothing_to_do_with_a_rule_is_left_alone():
    reading, done = threading.Event(), threading.Event()
    other = Value(3.0) * 2.0
    seen = []

    def bystander():
        reading.wait()
        seen.extend(
            [other.data, float(other), int(other), other > 1.0, f"{other:.1f}", copy.copy(other).data]
        )
        done.set()

    def rule(x, y):
        if isinstance(x, Value):
            reading.set()
            done.wait()
        return 2.0 * x

    @ag.operation(rule)
    def waiting(x):
        return x * x

    thread = threading.Thread(target=bystander)
    thread.start()
    w = Value(2.0)
    (slope,) = differentiate(waiting(w), [w])
    thread.join()
    assert seen == [6.0, 6.0, 6, True, "6.0", 6.0]
    assert ag.record(lambda x: slope * x, 1.0)([2.0]).tolist() == [8.0]


@ag.operation(lambda a, b, y: (2.0 * a * b, a * a) if a > 0.0 else (5.0 * a, 0.0))
def bent_product(a, b):
    return a * a * b if a > 0.0 else 2.5 * a * a


@ag.operation(lambda a, b, y: (b, a) if a > 0.0 else (1.0, 0.0))
def bent_factor(a, b):
    return a * b if a > 0.0 else a


@pytest.mark.parametrize("f", [bent_product, bent_factor], ids=lambda f: f.name)
def test_what_another_branch_would_depend_on_is_refused_where_this_one_does_not(f):
    """At a < 0 no formula contains b; for a > 0 the same derivative would."""
    a, b, c = Value(-2.0), Value(3.0), Value(4.0)
    by_a, by_b = differentiate(f(a * 1.0, b) * c, [a, b])
    orders = [by_a, by_b]
    for slope in (by_a, by_b):
        orders += differentiate(slope, [a, b, c])
    orders += differentiate(orders[-2], [a, b])
    assert by_b.data == 0.0
    for derivative in orders:
        with pytest.raises(ag.RecordingError, match="compared numbers"):
            ag.record(lambda x: derivative * x, 1.0)  # noqa: B023 (called at once)
    moved = ag.jvp(lambda t: differentiate(f(t, b), [t])[0], (a,), (Value(1.0),))[1]
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda x: moved * x, 1.0)


def test_a_branch_leaves_the_bits_of_a_derivative_alone():
    for bits in (-0.0, 0.0, math.inf, -math.inf, math.nan, 5e-324):
        held = []

        @ag.operation(lambda x, y: (x > 0.0, bits * x)[1], name=f"bent {bits!r}")
        def bent(x):
            return 0.5 * bits * x * x  # noqa: B023

        held.append(bent)
        w = Value(1.0)
        (slope,) = differentiate(bent(w), [w])
        assert repr(slope.data) == repr(bits)
        assert repr(differentiate(slope, [w])[0].data) == repr(bits)


def test_a_rule_that_gives_other_numbers_on_values_is_refused():
    saved = []

    def rule(x, y):
        return 2.0 * saved[-1]  # the number of the last call, not of this one

    @ag.operation(rule)
    def fickle(x):
        saved.append(x)
        return x * x

    w = Value(2.0)
    y = fickle(w)
    fickle(Value(3.0))
    with pytest.raises(ag.GraphError, match=r"gave 4\.0 for operand 0 on floats, and give 6\.0 on Values"):
        differentiate(y, [w])


def test_a_conversion_in_another_thread_does_not_drop_the_gradient_in_silence():
    for read in (math.exp, lambda x: copy.copy(x) * 1.0, lambda x: float(2.0 * x)):
        with pytest.raises(ag.ConversionError, match="drop it from the gradient"):
            ag.grad(lambda x: x + elsewhere(lambda: read(x)))(1.0)  # noqa: B023 (called at once)
    assert ag.grad(lambda x: x * elsewhere(lambda: x.data))(3.0) == 3.0  # as in the thread itself
