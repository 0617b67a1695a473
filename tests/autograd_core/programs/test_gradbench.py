"""GradBench's problems on data of our own, against gradients derived by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.gradbench.__main__ import answer
from benchmarks.gradbench.problems import PROBLEMS

RNG = np.random.default_rng(0)


def result(module: str, function: str, **given: Any) -> Any:
    message = {"kind": "evaluate", "module": module, "function": function}
    reply = answer({**message, "input": {**given, "min_runs": 1, "min_seconds": 0.0}})
    assert reply["success"], reply.get("error")
    assert [timing["name"] for timing in reply["timings"]] == ["prepare", "evaluate"]
    return reply["output"]


def test_the_protocol() -> None:
    assert answer({"kind": "start"}) == {"tool": "autograd-core"}
    assert answer({"kind": "define", "module": "llsq"}) == {"success": True}
    assert not answer({"kind": "define", "module": "unheard of"})["success"]
    assert not answer({"kind": "evaluate", "module": "det", "function": "primal", "input": {}})["success"]
    assert answer({"kind": "analysis"}) == {}


def test_hello() -> None:
    for function, expected in (("square", 9.0), ("double", 6.0)):
        message = {"kind": "evaluate", "module": "hello", "function": function, "input": 3.0}
        assert answer(message)["output"] == expected


def test_llsq() -> None:
    n, x = 16, RNG.random(12)
    t = -1.0 + np.arange(n) * 2.0 / (n - 1)
    V = t[:, None] ** np.arange(12)
    residuals = np.sign(t) - V @ x
    assert np.isclose(result("llsq", "primal", x=x.tolist(), n=n), 0.5 * residuals @ residuals)
    assert np.allclose(result("llsq", "gradient", x=x.tolist(), n=n), -V.T @ residuals)


def test_lse() -> None:
    x = RNG.normal(size=50)
    assert np.isclose(result("lse", "primal", x=x.tolist()), np.log(np.exp(x).sum()))
    assert np.allclose(result("lse", "gradient", x=x.tolist()), np.exp(x) / np.exp(x).sum())


@pytest.mark.parametrize("n", [1, 2, 5])
def test_det(n: int) -> None:
    A = RNG.random((n, n))
    given = {"A": A.ravel().tolist(), "ell": n}
    assert np.isclose(result("det", "primal", **given), np.linalg.det(A))
    cofactors = np.linalg.det(A) * np.linalg.inv(A).T
    assert np.allclose(result("det", "gradient", **given), cofactors.ravel())


def test_kmeans() -> None:
    points = RNG.random((60, 3))
    centroids = points[-4:]
    squares = ((points[:, None] - centroids[None]) ** 2).sum(-1)
    nearest, given = squares.argmin(1), {"points": points.tolist(), "centroids": centroids.tolist()}
    means = np.stack([points[nearest == k].mean(0) for k in range(4)])
    assert np.isclose(result("kmeans", "cost", **given), squares.min(1).sum())
    assert np.allclose(result("kmeans", "dir", **given), centroids - means)


def test_ode() -> None:
    n, steps = 4, 5
    x = RNG.random(n)

    def slope(y: Any, dy: Any, dx: Any) -> tuple[Any, Any]:
        """The right-hand side, and its derivative along dx."""
        shifted, along = np.r_[1.0, y[:-1]], np.r_[0.0, dy[:-1]]
        return x * shifted, dx * shifted + x * along

    def final(dx: Any) -> tuple[Any, Any]:
        y, dy, h = np.zeros(n), np.zeros(n), 2.0 / steps
        for _ in range(steps):
            k1, d1 = slope(y, dy, dx)
            k2, d2 = slope(y + h / 2 * k1, dy + h / 2 * d1, dx)
            k3, d3 = slope(y + h / 2 * k2, dy + h / 2 * d2, dx)
            k4, d4 = slope(y + h * k3, dy + h * d3, dx)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            dy = dy + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
        return y, dy

    assert np.allclose(result("ode", "primal", x=x.tolist(), s=steps), final(np.zeros(n))[0])
    expected = [final(np.eye(n)[k])[1][-1] for k in range(n)]
    assert np.allclose(result("ode", "gradient", x=x.tolist(), s=steps), expected)


def test_gmm() -> None:
    """The responsibilities r: d/d alpha = sum_n r - N softmax(alpha); d/d mu = sum_n r Q^T Q (x - mu)."""
    d, k, n = 3, 2, 20
    x, alpha, mu = RNG.normal(size=(n, d)), RNG.normal(size=k), RNG.random((k, d))
    q, low = RNG.normal(size=(k, d)), RNG.normal(size=(k, d * (d - 1) // 2))
    Q = np.zeros((k, d, d))
    for c in range(k):
        Q[c] = np.diag(np.exp(q[c]))
        Q[c].T[np.triu_indices(d, 1)] = low[c]
    away = x[:, None] - mu[None]
    scaled = np.einsum("kij,nkj->nki", Q, away)
    inner = alpha + q.sum(1) - 0.5 * (scaled**2).sum(-1)
    share = np.exp(inner - inner.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    given = {"d": d, "k": k, "n": n, "m": 0, "gamma": 1.0}
    arrays = {"x": x, "alpha": alpha, "mu": mu, "q": q, "l": low}
    found = result("gmm", "jacobian", **given, **{name: array.tolist() for name, array in arrays.items()})
    softmax = np.exp(alpha) / np.exp(alpha).sum()
    outer = np.einsum("nk,nki,nkj->kij", share, scaled, away)
    assert np.allclose(found["alpha"], share.sum(0) - n * softmax)
    assert np.allclose(found["mu"], np.einsum("nk,nki,kij->kj", share, scaled, Q))
    diagonal = np.exp(q)
    own = share.sum(0)[:, None] - np.einsum("kii->ki", outer) * diagonal - diagonal**2
    assert np.allclose(found["q"], own)
    below = np.stack([outer[c].T[np.triu_indices(d, 1)] for c in range(k)])
    assert np.allclose(found["l"], -below - low)


def test_all_twelve_problems_are_there() -> None:
    problems = "ba det gmm hello ht kmeans llsq lse lstm ode particle saddle"
    assert sorted(PROBLEMS) == problems.split()
