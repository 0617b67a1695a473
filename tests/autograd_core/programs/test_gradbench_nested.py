"""GradBench's larger problems on small data of our own, against derivatives worked out by hand in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from benchmarks.gradbench.hand import vertex
from tests.autograd_core.programs.test_gradbench import result

MODES = ("rr", "rf", "fr", "ff")
takes_minutes_uncompiled = pytest.mark.skipif(not ag.COMPILED, reason="it takes minutes uncompiled")
CAMERA = [-0.758453, -1.109613, -0.845551, 34.556073, 39.676747, 53.881673]
CAMERA += [419.194514, 5.864426, -8.518870, 0.087812, 0.002739]


def cross_matrix(v: Any) -> Any:
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def rotation(v: Any) -> Any:
    angle = np.linalg.norm(v)
    K = cross_matrix(v / angle)
    return np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


def rotated_by_angles(v: Any, x: Any) -> Any:
    """d(R(v) x)/dv (Gallego and Yezzi 2015)."""
    R = rotation(v)
    return -R @ cross_matrix(x) @ (np.outer(v, v) + (R.T - np.eye(3)) @ cross_matrix(v)) / (v @ v)


def projected(cam: Any, x: Any, w: float, feature: Any) -> tuple[Any, Any]:
    """The residuals, and their derivatives with respect to camera, point and weight, shape (2, 15)."""
    R, away = rotation(cam[:3]), x - cam[3:6]
    a = R @ away
    seen = a[:2] / a[2]
    by_a = np.array([[1.0, 0.0, -seen[0]], [0.0, 1.0, -seen[1]]]) / a[2]
    r = seen @ seen
    L = 1.0 + cam[9] * r + cam[10] * r * r
    by_seen = cam[6] * (L * np.eye(2) + np.outer(seen, 2.0 * (cam[9] + 2.0 * cam[10] * r) * seen))
    by_point = by_seen @ by_a @ R
    error = cam[6] * L * seen + cam[7:9] - feature
    slopes = np.empty((2, 15))
    slopes[:, :3] = by_seen @ by_a @ rotated_by_angles(cam[:3], away)
    slopes[:, 3:6], slopes[:, 6] = -by_point, L * seen
    slopes[:, 7:9] = np.eye(2)
    slopes[:, 9], slopes[:, 10] = cam[6] * r * seen, cam[6] * r * r * seen
    slopes[:, 11:14] = by_point
    slopes *= w
    slopes[:, 14] = error
    return w * error, slopes


def test_ba() -> None:
    n, m, p = 3, 4, 17
    x, w, feature = [7.203245, 0.001144, 3.023326], 0.417022, [271.760969, 834.209256]
    given = {"n": n, "m": m, "p": p, "cam": CAMERA, "x": x, "w": w, "feat": feature}
    errors, slopes = projected(np.array(CAMERA), np.array(x), w, np.array(feature))
    found = result("ba", "objective", **given)
    assert np.allclose(found["reproj_error"]["elements"], errors, rtol=1e-9)
    assert (found["reproj_error"]["repeated"], found["w_err"]["repeated"]) == (p, p)
    assert found["w_err"]["element"] == pytest.approx(1.0 - w * w)
    found = result("ba", "jacobian", **given)
    assert np.allclose(found["vals"], [*slopes.ravel(), -2.0 * w], rtol=1e-9)
    of_first = [*range(11), *range(11 * n, 11 * n + 3), 11 * n + 3 * m]
    assert found["cols"] == [*of_first, *of_first, 11 * n + 3 * m + p - 1]
    assert found["rows"] == [*range(0, 450, 15), 30 * p + p]


def test_ba_of_a_camera_that_does_not_turn() -> None:
    cam = [0.0, 0.0, 0.0, *CAMERA[3:]]
    given = {"n": 1, "m": 1, "p": 2, "cam": cam, "x": [7.0, 0.5, 3.0], "w": 1.0, "feat": [0.0, 0.0]}
    vals = np.reshape(result("ba", "jacobian", **given)["vals"][:-1], (2, 15))
    close = projected(np.array([1e-7, 0.0, 0.0, *cam[3:]]), np.array([7.0, 0.5, 3.0]), 1.0, np.zeros(2))[1]
    assert np.allclose(vals, close, rtol=1e-5, atol=1e-4)


# --- hand tracking ------------------------------------------------------------------------------------------


def joint(x: float, z: float) -> tuple[Any, Any, Any]:
    """The rotation about z after x, with its derivatives with respect to x and z."""
    c, s, d, t = np.cos(x), np.sin(x), np.cos(z), np.sin(z)
    Rx, dRx = np.eye(4), np.zeros((4, 4))
    Rx[1:3, 1:3], dRx[1:3, 1:3] = [[c, -s], [s, c]], [[-s, -c], [c, -s]]
    Rz, dRz = np.eye(4), np.zeros((4, 4))
    Rz[:2, :2], dRz[:2, :2] = [[d, -t], [t, d]], [[-t, -d], [d, -t]]
    return Rz @ Rx, Rz @ dRx, dRz @ Rx


def hand(theta: Any, model: Any) -> tuple[Any, Any]:
    """Every vertex, shape (vertices, 3), and its derivatives, (vertices, 3, 26), by the product rule."""
    count = len(model["parents"])
    joints = [(np.eye(4), {}) for _ in range(count)]
    for finger in range(5):
        at = 6 + 4 * finger
        R, by_x, by_z = joint(theta[at], theta[at + 1])
        joints[4 * finger + 2] = R, {at: by_x, at + 1: by_z}
        for k in (2, 3):
            R, by_x, _ = joint(theta[at + k], 0.0)
            joints[4 * finger + 1 + k] = R, {at + k: by_x}
    absolute, by_theta = [], []
    for bone, (R, slopes) in enumerate(joints):
        relative, parent = np.array(model["base_relatives"][bone]), model["parents"][bone]
        above = np.eye(4) if parent < 0 else absolute[parent]
        turned = np.zeros((26, 4, 4)) if parent < 0 else by_theta[parent] @ relative @ R
        for k, dR in slopes.items():
            turned[k] += above @ relative @ dR
        absolute.append(above @ relative @ R)
        by_theta.append(turned)
    weights, bases = np.array(model["weights"]), np.array(model["base_positions"])
    maps = np.stack([a @ np.array(i) for a, i in zip(absolute, model["inverse_base_absolutes"], strict=True)])
    slopes = np.stack(
        [a @ np.array(i) for a, i in zip(by_theta, model["inverse_base_absolutes"], strict=True)]
    )
    skin = np.einsum("vb,bij,vj->vi", weights, maps, bases)[:, :3]
    moved = np.einsum("vb,bkij,vj->vik", weights, slopes, bases)[:, :3]
    if model["is_mirrored"]:
        skin[:, 0], moved[:, 0] = -skin[:, 0], -moved[:, 0]
    R = rotation(theta[:3])
    moved = R @ moved
    moved[:, :, :3] = np.stack([rotated_by_angles(theta[:3], x) for x in skin])
    moved[:, :, 3:6] = np.eye(3)
    return skin @ R.T + theta[3:6], moved


def a_hand(mirrored: bool) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(1)
    bones, vertices = 22, 9
    weights = rng.random((vertices, bones)) * (rng.random((vertices, bones)) < 0.3)
    affine = [np.vstack([rng.normal(size=(3, 4)), [[0.0, 0.0, 0.0, 1.0]]]) for _ in range(2 * bones)]
    parents = [-1] + [0 if k % 4 == 1 else k - 1 for k in range(1, 21)] + [0]
    model = {
        "parents": parents,
        "base_relatives": [a.tolist() for a in affine[:bones]],
        "inverse_base_absolutes": [a.tolist() for a in affine[bones:]],
        "base_positions": [[*rng.normal(size=3), 1.0] for _ in range(vertices)],
        "weights": weights.tolist(),
        "triangles": [[0, 1, 2], [2, 3, 8], [5, 1, 7]],
        "is_mirrored": mirrored,
    }
    return model, rng.normal(size=26) * 0.5, rng


@pytest.mark.parametrize("mirrored", [False, True])
def test_ht(mirrored: bool) -> None:
    model, theta, rng = a_hand(mirrored)
    places, slopes = hand(theta, model)
    seen = [3, 0, 8, 3]
    points = rng.normal(size=(4, 3))
    given = {"theta": theta.tolist(), "us": []}
    given["data"] = {"model": model, "correspondences": seen, "points": points.tolist()}
    assert np.allclose(result("ht", "objective", **given), (points - places[seen]).ravel())
    assert np.allclose(result("ht", "jacobian", **given), -slopes[seen].reshape(12, 26))
    us = rng.random((2, 2))
    given["data"] = {"model": model, "correspondences": [2, 1], "points": points[:2].tolist()}
    given["us"] = us.tolist()
    corners = np.array(model["triangles"])[[2, 1]]
    shares = np.column_stack([us, 1.0 - us.sum(axis=1)])
    expected = points[:2] - np.einsum("pc,pci->pi", shares, places[corners])
    assert np.allclose(result("ht", "objective", **given), expected.ravel())
    found = np.reshape(result("ht", "jacobian", **given), (2, 3, 28))
    assert np.allclose(found[:, :, 2:], -np.einsum("pc,pcik->pik", shares, slopes[corners]))
    a, b, c = places[corners].transpose(1, 0, 2)
    assert np.allclose(found[:, :, 0], c - a)
    assert np.allclose(found[:, :, 1], c - b)


def test_ht_of_a_hand_that_does_not_turn() -> None:
    model, theta, _ = a_hand(False)
    theta[:3] = 0.0
    weights, base = model["weights"][0], model["base_positions"][0]
    still = vertex(theta.tolist(), model, weights, base)
    turned = vertex([2e-4, 0.0, 0.0, *theta[3:]], model, weights, base)
    assert np.allclose(still, turned, atol=1e-2)


# --- LSTM ---------------------------------------------------------------------------------------------------


def lstm_by_hand(main: Any, extra: Any, state: Any, sequence: Any) -> tuple[float, Any, Any]:
    """The loss and its gradient, back-propagation through time written out."""

    def sigmoid(z: Any) -> Any:
        return 1.0 / (1.0 + np.exp(-z))

    layers, size = len(main) // 2, len(sequence[0])
    W, B = main[0::2].reshape(layers, 4, size), main[1::2].reshape(layers, 4, size)
    h, c = state[0::2].copy(), state[1::2].copy()
    kept, total = [], 0.0
    for x, y in pairwise(sequence):
        steps, a = [], x * extra[0]
        for k in range(layers):
            f, o = sigmoid(a * W[k, 0] + B[k, 0]), sigmoid(a * W[k, 2] + B[k, 2])
            i, g = sigmoid(h[k] * W[k, 1] + B[k, 1]), np.tanh(h[k] * W[k, 3] + B[k, 3])
            before = a, h[k].copy(), c[k].copy()
            c[k] = c[k] * f + i * g
            h[k] = o * np.tanh(c[k])
            steps.append((before, f, i, o, g, np.tanh(c[k])))
            a = h[k].copy()
        p = a * extra[1] + extra[2]
        z = np.exp(p).sum() + 2.0
        total += y @ (p - np.log(z))
        kept.append((x, y, a, np.exp(p) / z, steps))
    count = -size * len(kept)
    dW, dB, dE = np.zeros_like(W), np.zeros_like(B), np.zeros_like(extra)
    dh, dc = np.zeros_like(h), np.zeros_like(c)
    for x, y, last, share, steps in reversed(kept):
        dp = (y - y.sum() * share) / count
        dE[1] += dp * last
        dE[2] += dp
        above = dp * extra[1]
        for k in range(layers - 1, -1, -1):
            (a, hidden, cell), f, i, o, g, t = steps[k]
            d = dh[k] + above
            dcell = dc[k] + d * o * (1.0 - t * t)
            gates = np.array([dcell * cell * f * (1 - f), dcell * g * i * (1 - i),
                              d * t * o * (1 - o), dcell * i * (1 - g * g)])  # fmt: skip
            dB[k] += gates
            dW[k] += gates * np.array([a, hidden, a, hidden])
            dh[k] = gates[1] * W[k, 1] + gates[3] * W[k, 3]
            dc[k] = dcell * f
            above = gates[0] * W[k, 0] + gates[2] * W[k, 2]
        dE[0] += above * x
    by_main = np.empty_like(main)
    by_main[0::2], by_main[1::2] = dW.reshape(layers, -1), dB.reshape(layers, -1)
    return total / count, by_main, dE


def test_lstm() -> None:
    rng = np.random.default_rng(2)
    layers, size, steps = 2, 3, 11
    main, extra = rng.random((2 * layers, 4 * size)), rng.random((3, size))
    state, sequence = rng.random((2 * layers, size)), rng.integers(0, 2, (steps, size)).astype(float)
    loss, by_main, by_extra = lstm_by_hand(main, extra, state, sequence)
    given = {"main_params": main, "extra_params": extra, "state": state, "sequence": sequence}
    given = {name: array.tolist() for name, array in given.items()}
    assert result("lstm", "objective", **given) == pytest.approx(loss)
    expected = np.concatenate([by_main.ravel(), by_extra.ravel()])
    assert np.allclose(result("lstm", "jacobian", **given), expected)


# --- saddle and particle ------------------------------------------------------------------------------------


def descend(f: Callable[[Any], float], slope: Callable[[Any], Any], x: Any) -> Any:
    value, g, trips, rate = f(x), slope(x), 0, 1e-5
    while np.linalg.norm(g) > 1e-5:
        if trips == 10:
            rate, trips = rate * 2, 0
            continue
        moved = x - rate * g
        if np.linalg.norm(x - moved) <= 1e-5:
            break
        if f(moved) < value:
            x, value, g, trips = moved, f(moved), slope(moved), trips + 1
        else:
            rate, trips = rate / 2, 0
    return x


@takes_minutes_uncompiled
@pytest.mark.parametrize("modes", MODES)
def test_saddle(modes: str) -> None:
    start = np.array([1.0, 1.0])
    y = descend(lambda y: y @ y, lambda y: 2.0 * y, start)  # the same for every x
    x = descend(lambda x: x @ x - y @ y, lambda x: 2.0 * x, start)
    assert np.allclose(result("saddle", modes, start=[1.0, 1.0]), [*x, *y], rtol=1e-9)


@cache
def crossing(w: float) -> tuple[float, float]:
    """The squared miss and its slope: Euler's method for the particle and its derivative."""
    x, v, dx, dv, h = 8j, 0.75 + 0j, 0j, 0j, 0.1
    while True:
        force, along = 0j, 0j
        for charge, moves in ((10.0 + (10.0 - w) * 1j, -1j), (10.0 + 0j, 0j)):
            a, da = x - charge, dx - moves
            r = abs(a)
            force += a / r**3
            along += da / r**3 - 3.0 * a * (a.conjugate() * da).real / r**5
        new, moved = x + h * v, dx + h * dv
        if new.imag <= 0.0:
            t = -new.imag / v.imag
            dt = -moved.imag / v.imag + new.imag * dv.imag / v.imag**2
            at, by_w = new.real + t * v.real, moved.real + dt * v.real + t * dv.real
            return at * at, 2.0 * at * by_w
        x, dx, v, dv = new, moved, v + h * force, dv + h * along


@takes_minutes_uncompiled
@pytest.mark.parametrize("modes", MODES)
def test_particle(modes: str) -> None:
    def miss(w: Any) -> float:
        return crossing(float(w[0]))[0]

    found = descend(miss, lambda w: np.array([crossing(float(w[0]))[1]]), np.zeros(1))
    assert result("particle", modes, w=0.0) == pytest.approx(found[0], rel=1e-9)
