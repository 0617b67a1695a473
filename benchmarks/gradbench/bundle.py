"""Bundle adjustment: each observation is a row; the sparse Jacobian is put together from the rows' blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_core as ag

from .common import Function, recorded

__all__ = ["BA"]


def rotated(w: Any, x: Any) -> Any:
    """Rodrigues' rotation of x about w by the angle |w|."""
    squares = ag.dot(w, w)
    cross_of = [(1, 2), (2, 0), (0, 1)]
    if not squares > 0.0:
        return [x[k] + w[i] * x[j] - w[j] * x[i] for k, (i, j) in enumerate(cross_of)]
    theta = ag.sqrt(squares)
    cosine, sine = ag.cos(theta), ag.sin(theta)
    n = [a * (1.0 / theta) for a in w]
    along = ag.dot(n, x) * (1.0 - cosine)
    cross = [n[i] * x[j] - n[j] * x[i] for i, j in cross_of]
    return [a * cosine + b * sine + c * along for a, b, c in zip(x, cross, n, strict=True)]


def residuals(given: Any, feature: Any) -> Any:
    """The weighted distance of a projected point from where it was seen, two numbers.

    Args:
        given: a camera's 11 numbers, the point's 3 and the weight.
        feature: where it was seen.
    """
    cam, x, w = given[:11], given[11:14], given[14]
    a, b, c = rotated(cam[:3], [p - q for p, q in zip(x, cam[3:6], strict=True)])
    seen = [a / c, b / c]
    squares = ag.dot(seen, seen)
    distortion = 1.0 + cam[9] * squares + cam[10] * squares * squares
    return [w * (s * distortion * cam[6] + o - f) for s, o, f in zip(seen, cam[7:9], feature, strict=True)]


class _Observations:
    """The input, repeated as GradBench wants it, and the two Programs."""

    def __init__(self, given: Any):
        n, m, p = self.sizes = given["n"], given["m"], given["p"]
        self.camera, self.point = np.arange(p, dtype=np.int32) % n, np.arange(p, dtype=np.int32) % m
        self.cameras, self.points = np.tile(given["cam"], (n, 1)), np.tile(given["x"], (m, 1))
        self.weights, self.features = np.full(p, float(given["w"])), np.tile(given["feat"], (p, 1))
        examples = [*given["cam"], *given["x"], given["w"]], given["feat"]
        self.residuals = recorded(("ba", "residuals"), residuals, *examples)
        self.given, self.values = np.empty((p, 15)), np.empty(31 * p)
        self.columns = np.empty(31 * p, dtype=np.int32)
        self.excess = recorded(("ba", "weights"), lambda w: 1.0 - ag.square(w), 1.0)
        self.residuals.jacobian(*(np.array(e, dtype=float)[None] for e in examples), wrt=0)

    def rows(self) -> tuple[Any, ...]:
        rows = self.given
        rows[:, :11], rows[:, 11:14] = self.cameras[self.camera], self.points[self.point]
        rows[:, 14] = self.weights
        return rows, self.features


def _objective(given: _Observations) -> tuple[Any, Any]:
    return given.residuals(*given.rows()), given.excess(given.weights)


def _jacobian(given: _Observations) -> tuple[Any, Any, Any]:
    """The matrix in compressed rows: the observations' two rows each, then the weights'."""
    n, m, p = given.sizes
    values, columns = given.values, given.columns
    values[: 30 * p] = given.residuals.jacobian(*given.rows(), wrt=0).ravel()
    values[30 * p :] = given.excess.value_and_grad(given.weights, wrt=0)[1]
    columns[30 * p :] = np.arange(11 * n + 3 * m, 11 * n + 3 * m + p)
    blocks = columns[: 30 * p].reshape(p, 2, 15)
    row = blocks[:, 0]
    row[:, :11] = 11 * given.camera[:, None] + np.arange(11, dtype=np.int32)
    row[:, 11:14] = 3 * given.point[:, None] + np.arange(11 * n, 11 * n + 3, dtype=np.int32)
    row[:, 14] = columns[30 * p :]
    blocks[:, 1] = row
    return np.concatenate([np.arange(0, 30 * p, 15), np.arange(30 * p, 31 * p + 1)]), columns, values


def _few(array: Any) -> list[Any]:
    listed: list[Any] = [*array[:30].tolist(), array[-1].item()]
    return listed


BA = {
    "objective": Function(
        _Observations,
        _objective,
        lambda found: {
            "reproj_error": {"elements": found[0][0].tolist(), "repeated": len(found[0])},
            "w_err": {"element": float(found[1][0]), "repeated": len(found[1])},
        },
    ),
    "jacobian": Function(
        _Observations, _jacobian, lambda m: dict(zip(("rows", "cols", "vals"), map(_few, m), strict=True))
    ),
}
