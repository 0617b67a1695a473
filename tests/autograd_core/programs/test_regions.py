"""What only a selection reaches is skipped in the reverse pass; the bits are those of the eager sweep."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

compiled = pytest.mark.skipif(not ag.COMPILED, reason="nothing is skipped uncompiled")


def eager(f: Callable[..., Any], X: Any, parameters: list[ag.Value]) -> tuple[Any, Any, Any]:
    """Values, each row's gradient, and the parameters' sums, by the loop that a Program replays."""
    for parameter in parameters:
        parameter.grad = 0.0
    values, own = [], []
    for row in X:
        leaves = [ag.Value(x) for x in row]
        y = f(leaves)
        y.backward()
        values.append(y.data)
        own.append([leaf.grad for leaf in leaves])
    return np.array(values), np.array(own), np.array([parameter.grad for parameter in parameters])


def compare(f: Callable[..., Any], X: Any, parameters: list[ag.Value]) -> ag.Program:
    program = ag.record(f, X[0])
    values, own, sums = eager(f, X, parameters)
    place = {id(p): k for k, p in enumerate(parameters)}
    order = [place[id(p)] for p in program.parameters]
    for block in (0, 8, 64):
        got, found = program.value_and_grad(X, inputs=True, block=block)
        assert got.tobytes() == values.tobytes()
        assert found.inputs[0].tobytes() == own.tobytes()
        assert found.parameters.tobytes() == sums[order].tobytes()
        assert (
            program.value_and_grad(X, inputs=False, block=block)[1].parameters.tobytes()
            == sums[order].tobytes()
        )
    for k, row in enumerate(X[:3]):  # a tape of one lane
        _, found = program.value_and_grad(row[None], inputs=True)
        _, one, total = eager(f, X[k : k + 1], parameters)
        assert found.inputs[0].tobytes() == one.tobytes()
        assert found.parameters.tobytes() == total[order].tobytes()
    return program


def nearest(pick: Callable[[list[Any]], Any], k: int, d: int) -> tuple[Callable[..., Any], list[ag.Value]]:
    rng = random.Random(5)
    centres = [[ag.Value(rng.gauss(0, 1)) for _ in range(d)] for _ in range(k)]

    def f(x: Any) -> Any:
        away = []
        for centre in centres:
            gaps = [a - b for a, b in zip(x, centre, strict=True)]
            away.append(ag.dot(gaps, gaps))
        return ag.sqrt(pick(away))

    return f, [v for centre in centres for v in centre]


def running(pair: Callable[[Any, Any], Any]) -> Callable[[list[Any]], Any]:
    def pick(away: list[Any]) -> Any:
        best = away[0]
        for other in away[1:]:
            best = pair(best, other)
        return best

    return pick


PICKS: dict[str, Callable[[list[Any]], Any]] = {
    "min": ag.min,
    "max": ag.max,
    "minimum": running(ag.minimum),
    "maximum, the other way": running(lambda a, b: ag.maximum(b, a)),
    "where": running(lambda a, b: ag.where(ag.less(b, a), b, a)),
    "relu": lambda away: ag.sum([ag.relu(a - 2.0) for a in away]) + 1.0,
    "clip": lambda away: ag.sum([ag.clip(a, 1.0, 3.0) for a in away]),
}


@pytest.mark.parametrize("pick", PICKS)
def test_the_bits_are_those_of_the_eager_sweep(pick: str) -> None:
    f, parameters = nearest(PICKS[pick], 12, 3)
    X = np.random.default_rng(1).normal(size=(100, 3))
    X[40:48] = X[40]  # blocks with one choice, and ties
    X[50:70] = [p.data for p in parameters[:3]]
    X[50:70] += 1e-3
    assert compare(f, X, parameters).eager_rows == 0


def test_ties_share() -> None:
    w = ag.Value(2.0)
    compare(lambda x: ag.max([w * x[0], x[1] * w, x[2] * x[2] * w]), np.array([[1.0, 1.0, 1.0]] * 9), [w])


@compiled
@pytest.mark.parametrize("rows", [1, 40])
def test_an_infinite_slope_of_a_branch_that_no_row_takes_does_not_matter(rows: int) -> None:
    w = ag.Value(3.0)

    def f(x: Any) -> Any:
        return ag.where(ag.greater(x[0], 0.5), w * ag.sqrt(x[0] * x[0] * w), x[0])

    assert compare(f, np.zeros((rows, 1)), [w]).eager_rows == 0


def test_an_infinite_slope_that_is_reached_with_zero_matters() -> None:
    """Selected with a gradient of 0: 0 * inf is NaN, as eagerly."""

    def f(x: Any) -> Any:
        return ag.relu(ag.sqrt(x[0] * x[1]) + 1.0) * x[1]

    program = ag.record(f, [1.0, 1.0])
    leaves = [ag.Value(0.0), ag.Value(0.0)]
    f(leaves).backward()
    assert math.isnan(leaves[0].grad)
    for rows in (1, 9):
        assert np.isnan(program.value_and_grad(np.zeros((rows, 2)), wrt=0)[1][:, 0]).all()


def test_regions_within_regions() -> None:
    w = [ag.Value(0.1 * k - 0.6) for k in range(12)]

    def tree(x: Any, leaves: list[ag.Value]) -> Any:
        if len(leaves) == 1:
            return ag.sin(leaves[0] * x[0] + x[1] * leaves[0]) * x[2]
        half = len(leaves) // 2
        left, right = tree(x, leaves[:half]), tree(x, leaves[half:])
        return ag.where(ag.greater(x[len(leaves) % 3], left), ag.exp(left) * leaves[0], right * right)

    X = np.random.default_rng(2).normal(size=(64, 3))
    X[:16] = X[0]
    compare(lambda x: tree(x, w), X, w)


KINDS: list[Callable[[Any, Any, Any], Any]] = [
    lambda p, q, r: ag.maximum(p, q),
    lambda p, q, r: ag.minimum(p, q),
    lambda p, q, r: ag.where(ag.greater(p, 0.0), q, r),
    lambda p, q, r: ag.relu(p),
    lambda p, q, r: ag.max([p, q, r]),
    lambda p, q, r: ag.sin(p) * q,
    lambda p, q, r: p - q,
    lambda p, q, r: ag.tanh(p + q * r),
    lambda p, q, r: ag.dot([p, q], [q, r]),
]


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_of_selections(seed: int) -> None:
    rng = random.Random(seed)
    w = [ag.Value(rng.gauss(0, 1)) for _ in range(6)]
    plan = []
    for n in range(60):
        sizes = 3 + len(w) + n
        plan.append(
            (rng.randrange(len(KINDS)), *(rng.randrange(max(0, sizes - 12), sizes) for _ in range(3)))
        )

    def f(x: Any) -> Any:
        nodes = [*x, *w]
        for kind, a, b, c in plan:
            nodes.append(KINDS[kind](nodes[a], nodes[b], nodes[c]))
        return ag.max(nodes[-3:]) + ag.minimum(nodes[-4], nodes[-5])

    X = np.random.default_rng(seed).normal(size=(30, 3))
    X[10:26] = X[10]
    compare(f, X, w)


@compiled
def test_a_long_tape_is_skipped_across_its_pieces() -> None:
    """Ctrl-C is looked for between pieces of a tape; a region may be longer than one."""
    w = ag.Value(1.0)

    def f(x: Any) -> Any:
        long = x[0]
        for _ in range(70_000):
            long = ag.sin(long) * w
        return ag.minimum(long + 9.0, x[0] * w)

    program = ag.record(f, [0.5])
    for rows in (1, 16):
        _, found = program.value_and_grad(np.full((rows, 1), 0.5))
        assert found.parameters.tolist() == [0.5 * rows]
