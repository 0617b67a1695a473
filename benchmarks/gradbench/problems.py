"""For each function of GradBench's problems a preparation, the work that is timed, and its answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag

from .bundle import BA
from .common import Function, both, one_row, recorded
from .hand import HT
from .lstm import LSTM
from .nested import PARTICLE, SADDLE

__all__ = ["PROBLEMS"]

_shared: dict[Any, Any] = {}  # a Program with its parameters


def values(shape: tuple[int, ...]) -> Any:
    """Return an array of parameters."""
    return np.array([ag.Value(0.0) for _ in range(math.prod(shape))], dtype=object).reshape(shape)


# --- hello, lse, llsq, det


def _number(key: str) -> Callable[[Any], tuple[ag.Program, tuple[Any, ...]]]:
    return lambda x: (recorded(key, lambda v: v * v, 1.0), (np.array([float(x)]),))


HELLO = {
    "square": Function(_number("square"), lambda p: p[0](*p[1]), lambda y: float(y[0])),
    "double": Function(
        _number("square"), lambda p: p[0].value_and_grad(*p[1])[1], lambda g: float(g.inputs[0][0])
    ),
}


def _lse(given: Any) -> tuple[ag.Program, tuple[Any, ...]]:
    n = len(given["x"])
    return recorded(("lse", n), ag.logsumexp, [0.0] * n), (one_row(given["x"]),)


class _Squares(NamedTuple):
    program: ag.Program
    rows: tuple[Any, Any]
    weights: list[ag.Value]
    numbers: Any


def _llsq(given: Any) -> _Squares:
    """sum_i (sign(t_i) - sum_j x_j t_i^j)^2 / 2, t_i evenly in [-1, 1]: each i a row, x parameters."""
    n, m = given["n"], len(given["x"])
    if ("llsq", m) not in _shared:
        weights = values((m,)).tolist()
        _shared["llsq", m] = (
            ag.record(lambda powers, sign: ag.square(sign - ag.dot(weights, powers)) / 2.0, [0.0] * m, 1.0),
            weights,
        )
    program, weights = _shared["llsq", m]
    t = -1.0 + np.arange(n) * 2.0 / (n - 1.0)
    return _Squares(program, (t[:, None] ** np.arange(m), np.sign(t)), weights, np.array(given["x"]))


def _squares(given: _Squares) -> float:
    ag.vector_to_parameters(given.numbers, given.weights)
    return float(np.add.accumulate(given.program(*given.rows))[-1])


def _slopes(given: _Squares) -> Any:
    ag.vector_to_parameters(given.numbers, given.weights)
    return given.program.value_and_grad(*given.rows)[1].parameters


LLSQ = {
    "primal": Function(_llsq, _squares, float),
    "gradient": Function(_llsq, _slopes, lambda g: g.tolist()),
}


def minors(rows: Sequence[Sequence[Any]]) -> Any:
    """The determinant by expansion along the rows; every minor is computed once."""
    n = len(rows)
    known: dict[tuple[int, ...], Any] = {(): 1.0}
    for size in range(1, n + 1):
        row = rows[n - size]
        following: dict[tuple[int, ...], Any] = {}
        for columns in _subsets(n, size):
            total: Any = 0.0
            for k, j in enumerate(columns):
                term = row[j] * known[(*columns[:k], *columns[k + 1 :])]
                total = total - term if k % 2 else total + term
            following[columns] = total
        known = following
    return known[tuple(range(n))]


def _subsets(n: int, size: int) -> list[tuple[int, ...]]:
    import itertools

    return list(itertools.combinations(range(n), size))


def _det(given: Any) -> tuple[ag.Program, tuple[Any, ...]]:
    n = given["ell"]
    f = recorded(("det", n), lambda A: minors([A[i * n : i * n + n] for i in range(n)]), [1.0] * (n * n))
    return f, (one_row(given["A"]),)


# --- ode


def _ode(given: Any) -> tuple[ag.Program, tuple[Any, ...]]:
    n, steps = len(given["x"]), given["s"]

    def slope(x: Any, y: Any) -> Any:
        return [x[0], *(x[i] * y[i - 1] for i in range(1, n))]

    def f(x: Any) -> Any:
        h = 2.0 / steps

        def step(_: Any, y: Any) -> Any:
            k1 = slope(x, y)
            k2 = slope(x, [a + h * b / 2.0 for a, b in zip(y, k1, strict=True)])
            k3 = slope(x, [a + h * b / 2.0 for a, b in zip(y, k2, strict=True)])
            k4 = slope(x, [a + h * b for a, b in zip(y, k3, strict=True)])
            slopes = zip(y, k1, k2, k3, k4, strict=True)
            return [a + h * (p + 2.0 * q + 2.0 * r + s) / 6.0 for a, p, q, r, s in slopes]

        return ag.fori_loop(0, steps, step, [0.0] * n)

    return recorded(("ode", n, steps), f, [0.5] * n), (one_row(given["x"]),)


def _ode_last(given: Any) -> tuple[ag.Program, tuple[Any, ...], Any]:
    program, rows = _ode(given)
    seed = np.zeros((1, len(given["x"])))
    seed[0, -1] = 1.0
    return program, rows, seed


ODE = {
    "primal": Function(_ode, lambda p: p[0](*p[1]), lambda y: y[0].tolist()),
    "gradient": Function(_ode_last, lambda p: p[0].vjp(*p[1], p[2])[1], lambda g: g[0].tolist()),
}


# --- k-means: each point is a row, the centroids are parameters


def _distance(point: Sequence[Any], centroid: Sequence[Any]) -> Any:
    gap = [p - c for p, c in zip(point, centroid, strict=True)]
    return ag.dot(gap, gap)


class _Clusters(NamedTuple):
    distances: ag.Program
    newton: ag.Program
    points: Any
    centroids: Any


def _kmeans(given: Any) -> _Clusters:
    points, numbers = np.array(given["points"], dtype=float), np.array(given["centroids"], dtype=float)
    centroids = values(numbers.shape)
    ag.vector_to_parameters(numbers.ravel(), centroids.ravel())

    def newton(point: Any, centroid: Any) -> Any:
        """The gradient of the distance, and the diagonal of its Hessian, which H 1 is here."""

        def f(c: Any) -> Any:
            return _distance(point, c)

        return [ag.grad(f)(centroid), ag.hvp(f, centroid, [1.0] * len(centroid))]

    distances = ag.record(lambda point: [_distance(point, c) for c in centroids.tolist()], points[0])
    return _Clusters(distances, ag.record(newton, points[0], numbers[0]), points, numbers)


def _direction(given: _Clusters) -> Any:
    """The gradient by the Hessian's diagonal: Newton's step."""
    distances, newton, points, centroids = given
    nearest, count = distances(points).argmin(axis=1), len(centroids)
    members = np.eye(count).take(nearest, axis=0)
    of_points = newton(points, centroids.take(nearest, axis=0))
    sums = (members.T @ of_points.reshape(len(points), -1)).reshape(count, 2, -1)
    return sums[:, 0] / sums[:, 1]


KMEANS = {
    "cost": Function(_kmeans, lambda p: np.add.accumulate(p.distances(p.points).min(axis=1))[-1], float),
    "dir": Function(_kmeans, _direction, lambda g: g.tolist()),
}


# --- gmm: each point is a row, alpha, mu, q and l are parameters; what needs no point is a Program of its own


def _mixture(d: int, k: int, n: int, m: int, gamma: float) -> tuple[ag.Program, ag.Program, dict[str, Any]]:
    shapes = {"alpha": (k,), "mu": (k, d), "q": (k, d), "l": (k, d * (d - 1) // 2)}
    parameters = {name: values(shape) for name, shape in shapes.items()}
    alpha, mu, q, low = (parameters[name].tolist() for name in shapes)

    def scales() -> tuple[Any, Any]:
        return [[ag.exp(v) for v in row] for row in q], [ag.sum(row) for row in q]

    def term(x: Any) -> Any:
        scale, sums = scales()
        inner = []
        for c in range(k):
            away = [a - b for a, b in zip(x, mu[c], strict=True)]
            columns: list[list[Any]] = [[] for _ in range(d)]
            pairs = ((i, j) for j in range(d) for i in range(j + 1, d))
            for weight, (i, j) in zip(low[c], pairs, strict=True):
                columns[i].append((weight, away[j]))
            for i in range(d):
                columns[i].append((scale[c][i], away[i]))
            squares = [ag.dot([w for w, _ in column], [v for _, v in column]) for column in columns]
            inner.append(alpha[c] + sums[c] - 0.5 * ag.dot(squares, squares))
        return ag.logsumexp(inner)

    def rest() -> Any:
        scale, sums = scales()
        dof = d + m + 1
        gammas = sum(math.lgamma(0.5 * (dof + 1 - j)) for j in range(1, d + 1))
        gammas += 0.25 * d * (d - 1) * math.log(math.pi)
        normal = dof * d * (math.log(gamma) - 0.5 * math.log(2.0)) - gammas
        total: Any = k * normal - n * d * 0.5 * math.log(2 * math.pi) - n * ag.logsumexp(alpha)
        for c in range(k):
            squares = ag.dot(scale[c], scale[c])
            if low[c]:
                squares = squares + ag.dot(low[c], low[c])
            total = total - 0.5 * gamma * gamma * squares + m * sums[c]
        return total

    return ag.record(term, [0.0] * d), ag.record(rest), parameters


def _gmm(given: Any) -> tuple[ag.Program, ag.Program, dict[str, Any], Any]:
    sizes = tuple(given[name] for name in ("d", "k", "n", "m", "gamma"))
    if ("gmm", sizes) not in _shared:
        _shared["gmm", sizes] = _mixture(*sizes)
    terms, rest, parameters = _shared["gmm", sizes]
    leaves = [leaf for array in parameters.values() for leaf in array.flat]
    ag.vector_to_parameters(np.concatenate([np.ravel(given[name]) for name in parameters]), leaves)
    return terms, rest, parameters, np.array(given["x"], dtype=float)


def _responsibilities(given: tuple[ag.Program, ag.Program, dict[str, Any], Any]) -> Any:
    terms, rest, parameters, points = given
    of_points = terms.value_and_grad(points, wrt=parameters)[1]
    of_rest = rest.value_and_grad(wrt=parameters)[1]
    return {name: part + of_rest[name] for name, part in of_points.items()}


GMM = {
    "objective": Function(_gmm, lambda p: np.add.accumulate(p[0](p[3]))[-1] + p[1](), float),
    "jacobian": Function(
        _gmm, _responsibilities, lambda g: {name: part.tolist() for name, part in g.items()}
    ),
}

PROBLEMS: dict[str, dict[str, Function]] = {
    "hello": HELLO,
    "llsq": LLSQ,
    "lse": both(_lse),
    "det": both(_det),
    "ode": ODE,
    "kmeans": KMEANS,
    "gmm": GMM,
    "ba": BA,
    "ht": HT,
    "lstm": LSTM,
    "saddle": SADDLE,
    "particle": PARTICLE,
}
