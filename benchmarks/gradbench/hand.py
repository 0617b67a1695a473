"""Hand tracking: each vertex of the skin is a row, differentiated with respect to the pose by forward mode.

By forward mode the derivatives of the bones depend on the pose alone: no row changes them, and a Program
computes them once for all rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import autograd_core as ag

from .common import Function, recorded

__all__ = ["HT"]

_IDENTITY = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]


def times(a: Any, b: Any) -> Any:
    """The product of two affine maps, matrices of shape (3, 4)."""
    columns = [[b[k][j] for k in range(3)] for j in range(4)]
    return [[ag.dot(row[:3], c) + (row[3] if j == 3 else 0.0) for j, c in enumerate(columns)] for row in a]


def turn(x: Any, z: Any) -> Any:
    """The rotation of a joint: about z after about x. (The angle about y is 0 in this model.)"""
    (c, s), (d, t) = (ag.cos(x), ag.sin(x)), (ag.cos(z), ag.sin(z))
    return [[d, -t * c, t * s, 0.0], [t, d * c, -d * s, 0.0], [0.0, s, c, 0.0]]


def axis_angle(v: Any) -> Any:
    """The rotation matrix of an axis times an angle."""
    norm = ag.sqrt(ag.dot(v, v))
    if norm < 0.0001:
        return _IDENTITY
    x, y, z = (a / norm for a in v)
    s, c = ag.sin(norm), ag.cos(norm)
    d = 1.0 - c
    return [
        [x * x + (1.0 - x * x) * c, x * y * d - z * s, x * z * d + y * s],
        [x * y * d + z * s, y * y + (1.0 - y * y) * c, y * z * d - x * s],
        [x * z * d - y * s, z * y * d + x * s, z * z + (1.0 - z * z) * c],
    ]


def bones(theta: Any, model: Any) -> Any:
    """The map of each bone, shape (bones, 3, 4), and the hand's rotation and place."""
    turns: list[Any] = [None] * len(model["parents"])
    for finger in range(5):
        a, b, c, d = theta[6 + 4 * finger : 10 + 4 * finger]
        turns[4 * finger + 2 : 4 * finger + 5] = turn(a, b), turn(c, 0.0), turn(d, 0.0)
    absolute: list[Any] = []
    for relative, joint, parent in zip(model["base_relatives"], turns, model["parents"], strict=True):
        here = relative[:3] if joint is None else times(relative[:3], joint)
        absolute.append(here if parent < 0 else times(absolute[parent], here))
    maps = [times(a, i[:3]) for a, i in zip(absolute, model["inverse_base_absolutes"], strict=True)]
    return maps, axis_angle(theta[:3]), theta[3:6]


def vertex(theta: Any, model: Any, weights: Any, base: Any) -> Any:
    """Where a vertex of the skin is, three numbers; its weights are those of the bones."""
    maps, rotation, place = bones(theta, model)
    weighted = [w * b for w in weights for b in base]
    skin = [ag.dot(weighted, [number for m in maps for number in m[i]]) for i in range(3)]
    if model["is_mirrored"]:
        skin[0] = -skin[0]
    return [ag.dot(row[:3], skin) + t for row, t in zip(rotation, place, strict=True)]


def point_error(u: Any, corners: Any, point: Any) -> Any:
    """The distance of a point from the one with barycentric coordinates u in a triangle."""
    a, b, c = corners
    third = 1.0 - u[0] - u[1]
    return [p - (u[0] * x + u[1] * y + third * z) for p, x, y, z in zip(point, a, b, c, strict=True)]


class _Skin(NamedTuple):
    theta: list[ag.Value]
    position: ag.Program
    slopes: ag.Program


_skins: dict[Any, _Skin] = {}


def _skin(model: Any, theta: Any) -> _Skin:
    key = str(
        (model["parents"], model["base_relatives"], model["inverse_base_absolutes"], model["is_mirrored"])
    )
    if key not in _skins:
        leaves = [ag.Value(float(t)) for t in theta]

        def slopes(weights: Any, base: Any) -> Any:
            def along(k: int) -> Any:
                def moved(t: Any) -> Any:
                    return vertex([*leaves[:k], t, *leaves[k + 1 :]], model, weights, base)

                return ag.jvp(moved, (leaves[k],), (1.0,))

            found = [along(k) for k in range(len(leaves))]
            return [found[0][0], *(tangent for _, tangent in found)]

        examples = [0.5] * len(model["parents"]), [1.0] * 4
        position = ag.record(lambda w, b: vertex(leaves, model, w, b), *examples)
        _skins[key] = _Skin(leaves, position, ag.record(slopes, *examples))
    return _skins[key]


class _Hand:
    """The input; of the vertices those that are used, each once."""

    def __init__(self, given: Any):
        data = given["data"]
        model = data["model"]
        self.theta, self.points = np.array(given["theta"], dtype=float), np.array(data["points"], dtype=float)
        self.us = np.array(given["us"], dtype=float)
        seen = np.array(data["correspondences"], dtype=int)
        if len(self.us):
            seen = np.array(model["triangles"], dtype=int)[seen]
        used, self.places = np.unique(seen, return_inverse=True)
        self.places = self.places.reshape(seen.shape)
        self.weights = np.array(model["weights"], dtype=float)[used]
        self.bases = np.array(model["base_positions"], dtype=float)[used]
        self.skin = _skin(model, self.theta)
        self.error = recorded("ht error", point_error, [0.3, 0.3], [[0.0] * 3] * 3, [0.0] * 3)

    def objective(self) -> Any:
        ag.vector_to_parameters(self.theta, self.skin.theta)
        found = self.skin.position(self.weights, self.bases)[self.places]
        return self.error(self.us, found, self.points) if len(self.us) else self.points - found

    def jacobian(self) -> Any:
        ag.vector_to_parameters(self.theta, self.skin.theta)
        found = self.skin.slopes(self.weights, self.bases)  # (vertices, 1 + angles, 3)
        slopes = found[:, 1:].transpose(0, 2, 1)[self.places]
        if not len(self.us):
            return -slopes
        by_us, by_corners = self.error.jacobian(self.us, found[:, 0][self.places], self.points, wrt=(0, 1))
        count = len(self.us)
        chained = by_corners.reshape(count, 3, 9) @ slopes.reshape(count, 9, -1)
        return np.concatenate([by_us, chained], axis=2)


HT = {
    "objective": Function(_Hand, _Hand.objective, lambda errors: errors.ravel().tolist()),
    "jacobian": Function(_Hand, _Hand.jacobian, lambda j: j.reshape(-1, j.shape[-1]).tolist()),
}
