"""A Program gives the bits of the eager loop, in every build, block size and number of threads."""

from __future__ import annotations

import itertools
import math
import platform
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.calculus.operations import OPERATIONS, Operation
from autograd_core.engine.nary import apply
from autograd_core.programs import Program, compiled, interpreter, interpreters, record

BUILDS = interpreters()[1:] or ["numpy"]
BLOCKS = (0, 8, 16, 24, 64)
needs_compiler = pytest.mark.skipif(not compiled(), reason="the interpreter is not compiled")


def eager(
    f: Callable[..., Any], parameters: list[ag.Value], batches: list[np.ndarray], seeds: list[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reference: the loop of the module's text, one lane after the other."""
    for p in parameters:
        p.zero_grad()
    values, own = [], []
    for lane, seed in enumerate(seeds):
        rows = [[ag.Value(x) for x in batch[lane].ravel().tolist()] for batch in batches]
        arguments = [row if batch.ndim > 1 else row[0] for row, batch in zip(rows, batches, strict=True)]
        result = f(*arguments)
        outputs = result if isinstance(result, list) else [result]
        ag.backward(outputs, [seed] * len(outputs))
        values.append([output.data for output in outputs])
        own.append([leaf.grad for row in rows for leaf in row])
    return np.array(values), np.array([p.grad for p in parameters]), np.array(own)


def bits(array: Any) -> bytes:
    return np.ascontiguousarray(array, dtype=np.float64).tobytes()


def check(
    f: Callable[..., Any],
    program: Program,
    batches: list[np.ndarray],
    builds: list[str] = BUILDS,
    blocks: tuple[int, ...] = (0, 8),
    threads: tuple[int, ...] = (1, 2),
) -> None:
    if not compiled():  # it knows neither threads nor builds, and is slow
        blocks, threads = blocks[-1:], (1,)
    lanes = len(batches[0])
    seeds = [0.25 + 0.125 * (lane % 5) for lane in range(lanes)]
    values, sums, own = eager(f, program.parameters, batches, seeds)
    shape = values.shape if values.shape[1] > 1 else (lanes,)
    gradient = np.broadcast_to(np.array(seeds).reshape(lanes, *[1] * (len(shape) - 1)), shape)
    for build in builds:
        for block in blocks:
            for count in threads:
                for inputs in (False, True):
                    with interpreter(build):
                        got, gradients = program.value_and_grad(
                            *batches, gradient=gradient, inputs=inputs, block=block, threads=count
                        )
                    where = (build, block, count, inputs)
                    assert bits(got) == bits(values), where
                    assert bits(gradients.parameters) == bits(sums), where
                    if inputs:
                        flat = [g.reshape(lanes, -1) for g in gradients.inputs]
                        assert bits(np.concatenate(flat, axis=1)) == bits(own), where
    assert bits(program(*batches)) == bits(values)


def into_domain(name: str, x: ag.Value) -> ag.Value:
    """A number that every operation takes: within (0.2, 0.8), or above 1 for acosh."""
    inner = 0.2 + 0.6 * x.sigmoid()
    return inner + 1.0 if name == "acosh" else inner


NAMES = [name for name, rule in OPERATIONS.items() if rule.identifier]


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_has_the_eager_bits_in_every_build(name: str) -> None:
    rule = OPERATIONS[name]
    w = [ag.Value(0.3 + 0.1 * k) for k in range(3)]

    def f(x: list[ag.Value]) -> ag.Value:
        safe = [into_domain(name, v) for v in x]
        mixed = [into_domain(name, v) for v in (w[0] * x[0], w[1] * x[1], w[2] + x[2])]
        results = [call(rule, safe), call(rule, mixed), call(rule, [mixed[0], safe[0], safe[1]])]
        if name not in ("acosh", "polygamma"):
            results += [call(rule, [w[0], safe[1], w[2]]), call(rule, [safe[0], w[1], w[2]]), call(rule, w)]
            results.append(call(rule, [safe[0], ag.Value.lift(0.5), ag.Value.lift(0.75)]))
        total = results[0]
        for result in results[1:]:
            total = total * 0.9 + result
        return total + w[1] * x[1]

    def call(rule: Operation, operands: list[ag.Value]) -> ag.Value:
        if name == "polygamma":
            return apply(rule, [ag.Value.lift(1.0), operands[1]])
        if name == "dot":
            return apply(rule, [*operands, *reversed(operands), operands[0]])
        if rule.arity is None:
            return apply(rule, operands, 1 if name in ("softmax", "log_softmax") else 0)
        return apply(rule, operands[: rule.arity])

    program = record(f, [0.1, 0.2, 0.3])
    X = np.random.default_rng(NAMES.index(name)).normal(size=(37, 3))
    check(f, program, [X])
    check(f, program, [X[:1]])
    check(f, program, [X[:2]])


def test_ties_kinks_and_signed_zeros_have_the_eager_bits() -> None:
    w = ag.Value(1.0)

    def f(a: ag.Value, b: ag.Value) -> ag.Value:
        terms = [
            a.relu(), a.maximum(b), a.minimum(b), abs(a), a.clip(-1.0, b), ag.where(a, b * w, a),
            ag.max([a, b, w]), ag.min([a, b]), a.leaky_relu(), a.elu(), a.sign() * b, ag.greater(a, b) * a,
            ag.norm([a, b]), -a, a * -0.0,
        ]  # fmt: skip
        return sum(terms[1:], terms[0])

    numbers = [0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 2.5]
    pairs = np.array([(a, b) for a in numbers for b in numbers])
    program = record(f, 0.5, 0.25)
    check(f, program, [pairs[:, 0].copy(), pairs[:, 1].copy()], blocks=BLOCKS)


UNARY = [n for n, r in OPERATIONS.items() if r.identifier and r.native and r.arity == 1 and n != "acosh"]
BINARY = [n for n, r in OPERATIONS.items() if r.identifier and r.native and r.arity == 2]
NARY = [n for n, r in OPERATIONS.items() if r.arity is None]


def random_function(
    seed: int, nodes: int, inputs: int, w: list[ag.Value], outputs: int
) -> Callable[..., Any]:
    """A graph of mixed operations in which values stay moderate: operands are squashed."""

    def f(x: list[ag.Value]) -> Any:
        rng = random.Random(seed)
        pool = [*x, *w, ag.Value.lift(0.5)]

        def pick() -> ag.Value:
            return (
                pool[rng.randrange(max(0, len(pool) - 12), len(pool))]
                if rng.random() < 0.6
                else rng.choice(pool)
            )

        for _ in range(nodes):
            kind = rng.random()
            if kind < 0.3:
                made = rng.choice([ag.Value.__add__, ag.Value.__mul__, ag.Value.__sub__])(pick(), pick())
            elif kind < 0.45:
                made = apply(OPERATIONS[rng.choice(UNARY)], [pick().sigmoid() * 0.6 + 0.2])
            elif kind < 0.6:
                made = apply(
                    OPERATIONS[rng.choice(BINARY)], [pick().sigmoid() * 0.6 + 0.2, pick().sigmoid() + 0.1]
                )
            elif kind < 0.7:
                rule = OPERATIONS[rng.choice(NARY)]
                count = 2 * rng.randrange(1, 4)
                made = apply(
                    rule, [pick() for _ in range(count)], rng.randrange(count) if "soft" in rule.name else 0
                )
            elif kind < 0.8:
                made = ag.where(ag.greater(pick(), pick()), pick(), pick()) + ag.clip(pick(), pick(), 2.0)
            elif kind < 0.9:  # a neuron in plain Python, over parameters
                made = sum(
                    (rng.choice(w) * pick() for _ in range(rng.randrange(2, 6))),
                    pick() if rng.random() < 0.5 else 0,
                )
            else:  # a layer in plain Python
                row = [pick() for _ in range(rng.randrange(2, 5))]
                cells = [sum((rng.choice(w) * v for v in row), rng.choice(w)).tanh() for _ in range(3)]
                pool.extend(cells[:2])
                made = cells[2]
            pool.append(made.tanh() if rng.random() < 0.5 or abs(made) > 50.0 else made)
        results = pool[-outputs:]
        return results if outputs > 1 else results[0] + w[0] * x[0]

    return f


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_have_the_eager_bits_in_every_build_block_and_thread_count(seed: int) -> None:
    rng = random.Random(seed)
    w = [ag.Value(rng.uniform(-1, 1)) for _ in range(6)]
    f = random_function(seed, rng.choice([5, 20, 60, 120]), 3, w, rng.choice([1, 1, 2, 4]))
    X = np.random.default_rng(seed).normal(size=(rng.choice([1, 2, 3, 8, 33, 100]), 3))
    program = record(f, X[0].tolist())
    check(f, program, [X], blocks=(rng.choice(BLOCKS), 8), threads=(1, rng.choice([2, 3])))


def neuron(w: list[ag.Value], x: list[ag.Value], b: Any, style: str) -> ag.Value:
    if style == "sum with the bias first":
        return sum((wi * xi for wi, xi in zip(w, x, strict=True)), b)
    if style == "sum and bias last":
        return sum(wi * xi for wi, xi in zip(w, x, strict=True)) + b
    if style == "factors exchanged":
        return sum((xi * wi for wi, xi in zip(w, x, strict=True)), b)
    if style == "products first":
        total = b
        for wi, xi in zip(w, x, strict=True):
            total = wi * xi + total
        return total
    return ag.dot(w, x, b)


STYLES = ["sum with the bias first", "sum and bias last", "factors exchanged", "products first", "dot"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 16, 16, 1), (5, 9, 4, 7, 2), (20, 33, 10)])
def test_layers_have_the_eager_bits_however_they_are_written(style: str, sizes: tuple[int, ...]) -> None:
    rng = random.Random(len(sizes))
    layers = [
        (
            [[ag.Value(rng.gauss(0, 1)) for _ in range(n)] for _ in range(m)],
            [ag.Value(rng.gauss(0, 1)) for _ in range(m)],
        )
        for n, m in itertools.pairwise(sizes)
    ]

    def f(x: list[ag.Value]) -> Any:
        for W, b in layers:
            x = [neuron(row, x, bias, style).tanh() for row, bias in zip(W, b, strict=True)]
        return x if len(x) > 1 else x[0]

    X = np.random.default_rng(0).normal(size=(67, sizes[0]))
    program = record(f, X[0].tolist())
    check(f, program, [X], blocks=BLOCKS, threads=(1, 2, 3))
    check(f, program, [X[:1]], blocks=(0,))


def test_a_weight_that_is_shared_keeps_the_order_of_its_contributions() -> None:
    rng = random.Random(3)
    W = [[ag.Value(rng.gauss(0, 1)) for _ in range(4)] for _ in range(4)]
    b = [ag.Value(rng.gauss(0, 1)) for _ in range(4)]

    def f(x: list[ag.Value]) -> ag.Value:
        for _ in range(5):  # the same layer again and again: a recurrent network
            x = [ag.dot(row, x, bias).tanh() for row, bias in zip(W, b, strict=True)]
        return sum(x[1:], x[0])

    def g(x: list[ag.Value]) -> ag.Value:
        squares = sum(w * w for row in W for w in row)
        return f(x) + 0.01 * ag.dot(W[0], W[0]) + W[1][1] * x[0] + 0.001 * squares

    X = np.random.default_rng(1).normal(size=(45, 4))
    for h in (f, g):
        program = record(h, X[0].tolist())
        check(h, program, [X], blocks=BLOCKS, threads=(1, 2, 3))


def test_plain_python_layers_are_recognized() -> None:
    rng = random.Random(0)
    W = [[ag.Value(rng.gauss(0, 1)) for _ in range(3)] for _ in range(8)]
    v = [ag.Value(rng.gauss(0, 1)) for _ in range(8)]

    def f(x: list[ag.Value]) -> ag.Value:
        hidden = [sum(wi * xi for wi, xi in zip(row, x, strict=True)).relu() for row in W]
        return sum(vi * hi for vi, hi in zip(v, hidden, strict=True))

    if not compiled():
        pytest.skip("layers are for the compiled interpreter")
    stats = record(f, [0.1, 0.2, 0.3]).stats()
    assert (stats.dots, stats.layers) == (9, 2)
    assert stats.instructions < 6


def test_a_million_random_lanes_with_nan_infinities_and_denormals_have_the_eager_bits() -> None:
    rng = np.random.default_rng(7)
    lanes = 1_000_000 if compiled() else 3_000
    w = ag.Value(0.75)

    def f(a: ag.Value, b: ag.Value) -> ag.Value:
        return (a * b + w).tanh() * a.maximum(b) + b.relu() * w

    a, b = rng.normal(size=lanes) * 10.0 ** rng.integers(-8, 8, lanes), rng.normal(size=lanes)
    special = [math.nan, math.inf, -math.inf, 5e-324, -2.5e-310, 0.0, -0.0, 1.7e308]
    for k, place in enumerate(rng.integers(0, lanes, 400).tolist()):
        a[place] = special[k % 8]
        b[place] = special[(k // 8) % 8] if k % 3 else b[place]
    program = record(f, 0.5, 0.25)
    values = program(a, b)
    tested = np.concatenate(
        [
            np.flatnonzero(~np.isfinite(a) | ~np.isfinite(b) | (np.abs(a) < 1e-300)),
            rng.integers(0, lanes, 2000),
        ]
    )
    for i in tested.tolist():
        assert bits(values[i]) == bits(f(ag.Value(float(a[i])), ag.Value(float(b[i]))).data)
    chosen = tested[:300]
    check(f, program, [a[chosen], b[chosen]], blocks=(0,))


def test_shared_and_uniform_subexpressions_keep_the_eager_bits() -> None:
    w = [ag.Value(0.3), ag.Value(-0.7), ag.Value(1.1)]

    def f(x: list[ag.Value]) -> Any:
        decay = ag.exp(w[0] * w[1]) + ag.dot(w, w) * 0.01  # the same in every lane
        twice = ag.sin(x[0] * w[0]) * ag.sin(x[0] * w[0]) + ag.sin(x[0] * w[0])
        gates = ag.greater(x[0] * 2.0, x[1] * 2.0) + ag.floor(x[0] * 2.0) + ag.floor(x[0] * 2.0)
        again = ag.log(decay * decay + 1.0) + ag.log(decay * decay + 1.0)
        return [twice * decay + gates, again * x[2] + ag.exp(w[0] * w[1]), ag.softmax([*w, x[0]])[1] + decay]

    X = np.random.default_rng(2).normal(size=(203, 3))
    program = record(f, X[0].tolist())
    check(f, program, [X], blocks=BLOCKS, threads=(1, 2, 3))
    if compiled():
        assert program.stats().shared >= 4


def test_a_uniform_subexpression_outside_its_domain_raises_for_the_first_lane() -> None:
    w = ag.Value(1.0)
    program = record(lambda x: ag.log(w) * x, 1.0)
    assert program(np.ones(100)).tolist() == [0.0] * 100
    w.data = -1.0
    with pytest.raises(ag.DomainError, match="log"):
        program(np.ones(100))
    w.data = 1.0
    assert program(np.ones(100)).tolist() == [0.0] * 100


def random_network(seed: int, w: list[ag.Value]) -> Callable[..., Any]:
    """Neurons in every style over recent or random values, whose weights are often shared in tangled ways."""

    def f(x: list[ag.Value]) -> Any:
        rng = random.Random(seed)
        pool = list(x)
        for _ in range(rng.randrange(2, 14)):
            kind = rng.random()
            count = rng.randrange(2, 6)
            source = [rng.choice(pool) for _ in range(count)] if rng.random() < 0.4 else pool[-count:]
            made = [neuron_of(rng, w, pool, source, row) for row in range(rng.randrange(1, 6))]
            if kind < 0.2:
                made = [v * ag.sigmoid(made[0]) for v in made]
            pool += ag.softmax(made) if kind > 0.85 else made
        outputs = pool[-rng.randrange(1, 4) :]
        return outputs if len(outputs) > 1 else outputs[0] * 1.0 + w[0]

    return f


def neuron_of(
    rng: random.Random, w: list[ag.Value], pool: list[ag.Value], x: list[ag.Value], row: int
) -> Any:
    kind = rng.random()
    weights = [w[(7 * j + 3 * row + rng.randrange(2)) % len(w)] for j in range(len(x))]
    if kind < 0.3:
        weights = [rng.choice(w) for _ in x]
    elif kind < 0.45:
        weights = [ag.Value.lift(rng.random()) for _ in x]
    y = neuron(weights, x, rng.choice([0, rng.choice(w), rng.choice(pool), 0.5]), rng.choice(STYLES))
    if rng.random() < 0.2:
        y = y + rng.choice(pool) * rng.choice(w)
    return y.tanh() if rng.random() < 0.8 else y.relu()


@pytest.mark.parametrize("seed", range(80))
def test_random_networks_with_tangled_weights_have_the_eager_bits(seed: int) -> None:
    rng = random.Random(seed)
    w = [ag.Value(rng.uniform(-1, 1)) for _ in range(rng.choice([3, 8, 20]))]
    f = random_network(seed, w)
    X = np.random.default_rng(seed).normal(size=(rng.choice([1, 2, 3, 8, 33, 70]), 3))
    program = record(f, X[0].tolist())
    check(f, program, [X], builds=[rng.choice(BUILDS)], blocks=(rng.choice(BLOCKS),), threads=(1, 3))


@pytest.mark.parametrize("lanes", [1, 2, 40])
def test_layers_that_share_rows_or_biases_are_kept_apart(lanes: int) -> None:
    w = [ag.Value(0.1 * k - 0.4) for k in range(8)]

    def f(x: list[ag.Value]) -> Any:
        a = [ag.dot(w[0:2], x, 0.5).tanh(), ag.dot(w[2:4], x, -0.5).tanh()]
        b = [
            ag.dot(w[2:4], x, w[4]).tanh(),
            ag.dot(w[0:2], a, w[5]).tanh(),
        ]  # rows of the layer before, apart
        c = [ag.dot([0.5, 0.25], x, w[6]), ag.dot([0.125, 2.0], x, w[7])]  # constant weights, the same biases
        d = [ag.dot([1.5, 0.75], b, w[6]), ag.dot([0.3, 1.0], b, w[7])]
        return [*a, *b, *c, *d]

    X = np.random.default_rng(6).normal(size=(lanes, 2))
    check(f, record(f, [0.1, 0.2]), [X], blocks=BLOCKS)


@pytest.mark.parametrize("lanes", [1, 2, 40])
def test_rows_that_come_in_another_order_are_the_same_layer(lanes: int) -> None:
    w = [[ag.Value(0.1 * (3 * j + i) - 0.6) for i in range(3)] for j in range(6)]

    def f(x: list[ag.Value]) -> ag.Value:
        y = [ag.dot(row, x) for row in w]
        first = y[0] * y[3] + y[1] * y[4] + y[2] * y[5]  # met in this order
        u = [y[0] - 1.0, first, y[5]]
        return ag.sum([ag.dot(row, u).tanh() for row in w]) * first

    program = record(f, [0.1, 0.2, 0.3])
    if compiled():
        assert program.stats().layers == 2
    check(f, program, [np.random.default_rng(7).normal(size=(lanes, 3))], blocks=BLOCKS)


@needs_compiler
def test_exp_has_the_bits_of_python_s_wherever_four_go_at_once() -> None:
    rng = np.random.default_rng(8)
    special = [0.0, -0.0, 5e-324, -2e-310, 1e-17, -1e-17, 511.9, -511.9, 512.0, -512.0, 709.7, -745.2]
    x = np.concatenate(
        [rng.normal(size=200_000), rng.uniform(-700.0, 700.0, 200_000), rng.normal(size=100_000) * 1e-9]
    )
    x[rng.integers(0, len(x), 20_000)] = rng.choice(special, 20_000)
    found = record(lambda v: ag.exp(v), 0.0)(x)
    assert found.tobytes() == np.array([math.exp(v) for v in x.tolist()]).tobytes()


@needs_compiler
def test_softmax_has_the_eager_bits_in_one_lane_and_in_many() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(400, 11)) * rng.choice([1.0, 30.0, 400.0], (400, 1))
    program = record(ag.softmax, [0.0] * 11)
    eager = np.array([[y.data for y in ag.softmax(list(map(ag.Value, row)))] for row in X.tolist()])
    assert program(X).tobytes() == eager.tobytes()
    assert np.concatenate([program(row[None]) for row in X[:50]]).tobytes() == eager[:50].tobytes()


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax", "norm", "max"])
@pytest.mark.parametrize("n", [1, 2, 8, 9, 17, 40])
def test_one_row_folds_long_vectors_with_the_eager_bits(name: str, n: int) -> None:
    rng = np.random.default_rng(n)
    operation = getattr(ag, name)

    def f(x: Any) -> Any:
        found = operation([*x, x[0]])  # the first one takes two contributions
        return found[n // 2] if isinstance(found, list) else found

    program = record(f, [0.5] * n)
    for scale in (1.0, 300.0, 0.0):  # the last: both zeros are the largest
        x = rng.normal(size=n) * scale
        x[rng.random(n) < 0.3] = -0.0
        values, found = program.value_and_grad(x[None], wrt=0)
        nodes = list(map(ag.Value, x.tolist()))
        y = f(nodes)
        y.backward()
        assert bits(values) == bits(np.array([y.data]))
        assert bits(found) == bits(np.array([[node.grad for node in nodes]]))


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc", reason="glibc's exp")
def test_exp_goes_four_at_a_time_with_glibc() -> None:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if " fma " not in flags or " avx2 " not in flags:
        pytest.skip("no fused multiply-add")
    from autograd_core.programs import _tape

    assert _tape.exp_in_fours


@pytest.mark.parametrize("name", ["square", "leaky_relu", "tanh", "mean", "logsumexp", "softplus"])
def test_a_row_that_overflows_where_no_float_raises_is_not_evaluated_again(name: str) -> None:
    """Which results are checked follows from the operation's row, in both interpreters."""
    rule = OPERATIONS[name]
    calls = []

    def f(x: ag.Value) -> ag.Value:
        calls.append(1)
        inner = apply(rule, [x, ag.Value.lift(0.5)][: rule.arity or 2])
        return ag.minimum(inner, 3.0) * 2.0

    program = record(f, 0.5)
    calls.clear()
    big = {"square": 1e200, "logsumexp": math.inf, "mean": math.inf}.get(name, math.inf)
    assert program(np.array([0.5, big])).tolist() == [f(ag.Value(0.5)).data, f(ag.Value(big)).data]
    assert len(calls) == 2  # those of this test alone


def test_one_row_in_floats_has_the_bits_of_rows_in_arrays() -> None:
    w = ag.Value(0.7)
    stops = ag.operation(lambda x, y: 2.0 * x if x < 0.9 else 1 / 0, name="stops")(lambda x: x * x)

    def f(x: Any) -> Any:
        picked = ag.maximum(x[0] * w, x[1]) + ag.min([x[0], x[1], w]) + x[0] ** 2 + x[1] ** w
        return ag.logsumexp([picked, ag.dot([w, x[0]], [x[1], w])]) * ag.lgamma(x[0]) + stops(x[1]) - w

    X = np.random.default_rng(5).uniform(0.1, 0.85, size=(20, 2))
    program = record(f, X[0].tolist())
    with interpreter("numpy"):
        many, (of_x, of_w) = program.value_and_grad(X, wrt=(0, w), per_row=True)
        together = program.value_and_grad(X, wrt=w)
        for k, row in enumerate(X):
            value, (x, own) = program.value_and_grad(row[None], wrt=(0, w), per_row=True)
            assert (value[0], x[0].tolist(), own[0]) == (many[k], of_x[k].tolist(), of_w[k])
        w.zero_grad()
        for row in X:
            program.backward(row[None])
        assert w.grad == together[1]
        with pytest.raises(ZeroDivisionError):
            program.value_and_grad([[0.5, 0.95]], wrt=0)


@pytest.mark.parametrize("name", [op for op in OPERATIONS if OPERATIONS[op].arity == 2 and op != "mod"])
def test_one_row_adds_both_contributions_of_an_operation_of_a_number_with_itself(name: str) -> None:
    """Alone and in a run, where what both operands receive goes to one place."""

    def f(x: list[Any]) -> Any:
        doubled = [a * 2.0 for a in x]
        alone = apply(OPERATIONS[name], [x[0] * x[1]] * 2)
        return ag.dot([apply(OPERATIONS[name], [d, d]) for d in doubled], x) + alone

    rows = [np.array([[0.25, 0.375, 1.25, 0.5, 0.75]])]
    check(f, record(f, [0.25] * 5), rows, BUILDS[:1], (0,), (1,))


@pytest.mark.parametrize("rows", [[2.0], [1.0, 0.0, 2.0], [1.0] * 40])
def test_a_row_whose_own_gradient_is_no_number_is_added_to_the_parameters_once(rows: list[float]) -> None:
    w = ag.Value(-2.0)
    program = ag.record(lambda x: w**x, 2.0)
    wanted = sum(x * (-2.0) ** (x - 1.0) for x in rows)
    for kind in interpreters():
        with interpreter(kind):
            _, found = program.value_and_grad(rows, inputs=True)
        assert np.isnan(found.inputs[0]).all()
        assert found.parameters.tolist() == [wanted]


def _turns_of_heat(y: list[Any], w: list[Any]) -> list[Any]:
    """Each number by its neighbour and a weight of its own, three times over, in one Python loop each."""
    for _ in range(3):
        made: list[Any] = []
        for k in range(len(y)):
            before = y[k - 1] if k else 0.5
            slope = (before - y[k]) * w[k] + ag.tanh(y[k]) * 0.25
            made.append(y[k] + 0.1 * (slope + before * 2.0))
        y = made
    return y


def _turns_of_a_recurrence(y: list[Any], w: list[Any]) -> list[Any]:
    """Each turn needs the one before, so that the sweep cannot take the turns together."""
    state: Any = 0.1
    made = []
    for a, b in zip(y, w, strict=True):
        state = ag.tanh(state * b + a * a)
        made.append(state * a + b)
    return made


def _turns_of_shared_numbers(y: list[Any], w: list[Any]) -> list[Any]:
    """Numbers of all turns that receive from several places of each turn."""
    return [
        y[0] * b + a * w[0] + (a - y[0]) * (b + w[0]) + ag.sin(a) / (b * b + 1.5)
        for a, b in zip(y, w, strict=True)
    ]


def _turns_of_products(y: list[Any], w: list[Any]) -> list[Any]:
    """Inner products of three, whose operands are those of neighbouring turns."""
    n = len(y)
    return [ag.dot([y[k], w[k], y[0]], [w[k], 1.5, y[min(k + 1, n - 1)]]) + ag.square(y[k]) for k in range(n)]


@pytest.mark.parametrize("output", ["all", "sum", "dot"])
@pytest.mark.parametrize(
    "turns", [_turns_of_heat, _turns_of_a_recurrence, _turns_of_shared_numbers, _turns_of_products]
)
def test_loops_that_were_written_out_keep_the_bits(turns: Callable[..., Any], output: str) -> None:
    draw = random.Random(3)
    for n in (7, 8, 40) if compiled() else (9,):
        w = [ag.Value(draw.gauss(0.0, 1.0)) for _ in range(n)]

        def f(y: list[Any], w: list[Any] = w) -> Any:
            made = turns(y, w)
            if output == "all":
                return made
            if output == "sum":
                return ag.sum(made)
            total = made[0] * w[0]
            for a, b in zip(made[1:], w[1:], strict=True):
                total = total + a * b
            return total

        program = record(f, [draw.gauss(0.0, 1.0) for _ in range(n)])
        rows = [[draw.choice([draw.gauss(0.0, 1.0), 0.0, -0.0, 1.0]) for _ in range(n)] for _ in range(2)]
        check(f, program, [np.array(rows[:1])])
        check(f, program, [np.array(rows)])


@needs_compiler
def test_a_loop_that_was_written_out_is_an_instruction_for_each_operation() -> None:
    for n in (40, 80):
        w = [ag.Value(1.0 + k) for k in range(n)]
        program = record(lambda y, w=w: _turns_of_heat(y, w), [0.1 * k for k in range(n)])
        program.value_and_grad(np.zeros((1, n)))
        one_row = [tape.tape.stats() for tape in program.recordings[0]._tapes.values()]
        assert program.stats().nodes > 15 * n
        assert min(stats["instructions"] for stats in one_row) < 120
