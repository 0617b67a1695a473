"""The corpus of vector functions: Jacobians, right and wrong in the ways in which a vjp goes wrong.

The tests hold this checker to it, and ``python -m benchmarks.checking`` runs its peers on it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class VectorCase:
    """A function of an array, its Jacobian or a wrong one, and whether it is right.

    Attributes:
        group: what is wrong with the Jacobian.
        function: of an array of n numbers; returns one of m.
        jacobian: returns the m by n array under test.
        point: where to check.
        right: whether the Jacobian is right.
    """

    group: str
    function: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[[np.ndarray], np.ndarray]
    point: np.ndarray
    right: bool


W = np.random.default_rng(0).normal(size=(4, 4))


def layer(x):
    """tanh(W x)."""
    return np.tanh(W @ x)


def layer_jacobian(x):
    return (1 - np.tanh(W @ x) ** 2)[:, None] * W


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_jacobian(x):
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


def normalized(x):
    """x over its norm."""
    return x / np.sqrt(x @ x)


def normalized_jacobian(x):
    n = np.sqrt(x @ x)
    return np.eye(len(x)) / n - np.outer(x, x) / n**3


def standardized(x):
    """Layer normalization, with an epsilon."""
    d = x - x.mean()
    return d / np.sqrt((d * d).mean() + 1e-5)


def standardized_jacobian(x):
    n, d = len(x), x - x.mean()
    s = np.sqrt((d * d).mean() + 1e-5)
    return (np.eye(n) - 1.0 / n) / s - np.outer(d, d) / (n * s**3)


def products(x):
    """The products of the first k numbers."""
    return np.cumprod(x)


def products_jacobian(x):
    return np.tril(np.cumprod(x)[:, None] / x[None, :])


def residuals(x):
    """Rosenbrock's, of two numbers each."""
    return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def residuals_jacobian(x):
    n = len(x)
    upper = 10 * (np.eye(n)[1:] - 2 * x[:-1, None] * np.eye(n)[:-1])
    return np.concatenate([upper, -np.eye(n)[:-1]])


def waves(x):
    """Sums of sines whose periods divide the powers of two."""
    return np.array([0.1 * x.sum() + math.sin(math.tau * 4 * t) for t in x])


def waves_jacobian(x):
    return 0.1 + np.diag(math.tau * 4 * np.cos(math.tau * 4 * x))


def scales(x):
    """Outputs of very different sizes."""
    return np.array([1e6 * x[0] * x[1], np.sin(x[2]), 1e-6 * np.exp(x[3]), x[0] * x[3]])


def scales_jacobian(x):
    return np.array(
        [
            [1e6 * x[1], 1e6 * x[0], 0, 0],
            [0, 0, np.cos(x[2]), 0],
            [0, 0, 0, 1e-6 * np.exp(x[3])],
            [x[3], 0, 0, x[0]],
        ]
    )


def inverse(x):
    """The inverse of a matrix of two rows."""
    return np.linalg.inv(x.reshape(2, 2)).ravel()


def inverse_jacobian(x):
    inv = np.linalg.inv(x.reshape(2, 2))
    return -np.einsum("ik,lj->ijkl", inv, inv).reshape(4, 4)


def ramps(x):
    """ReLU of a layer, away from its kinks."""
    return np.maximum(W @ x, 0.0)


def ramps_jacobian(x):
    return (W @ x > 0)[:, None] * W


FUNCTIONS = {
    layer: layer_jacobian,
    softmax: softmax_jacobian,
    normalized: normalized_jacobian,
    standardized: standardized_jacobian,
    products: products_jacobian,
    residuals: residuals_jacobian,
    waves: waves_jacobian,
    scales: scales_jacobian,
    inverse: inverse_jacobian,
    ramps: ramps_jacobian,
}
POINTS = (np.array([0.7, -1.3, 0.4, 2.1]), np.array([12.5, 3.25, -8.5, 0.5]))


def largest(jacobian):
    """The place of the largest entry."""
    return np.unravel_index(np.abs(jacobian).argmax(), jacobian.shape)


def smallest(jacobian):
    """The place of the smallest entry that is not 0."""
    return np.unravel_index(np.where(jacobian, np.abs(jacobian), np.inf).argmin(), jacobian.shape)


def scaled(place, factor):
    """A mistake: one entry times a factor."""

    def mistake(jacobian):
        found = jacobian.copy()
        found[place(jacobian)] *= factor
        return found

    return mistake


def without_row(jacobian):
    """A mistake: an output that was forgotten."""
    found = jacobian.copy()
    found[largest(jacobian)[0]] = 0.0
    return found


MISTAKES = {
    "twice as large": lambda jacobian: 2.0 * jacobian,
    "an output forgotten": without_row,
    "one sign": scaled(largest, -1.0),
    "one entry off by 0.1 %": scaled(largest, 1.001),
    "one entry off by 1e-6": scaled(largest, 1.000001),
    "the smallest entry doubled": scaled(smallest, 2.0),
    "transposed": lambda jacobian: jacobian.T,
    "rows in reverse": lambda jacobian: jacobian[::-1],
}


def cases():
    """Every function at every point, right, and with each mistake that changes its Jacobian."""
    found = []
    for function, right in FUNCTIONS.items():
        for point in POINTS:
            found.append(VectorCase("vectors, right", function, right, point, True))
            jacobian = right(point)
            for name, mistake in MISTAKES.items():
                wrong = mistake(jacobian)
                if wrong.shape == jacobian.shape and abs(wrong - jacobian).max() > 1e-7 * abs(jacobian).max():

                    def given(x, right=right, mistake=mistake):
                        return mistake(right(x))

                    found.append(VectorCase(f"vectors, {name}", function, given, point, False))
    return found


VECTORS = cases()
