"""Networks by size in PyTorch, NumPy by hand and JAX: the seconds of an epoch with Adam, on one thread."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")


def prepare(rival: str, widths: str, batch: str, rows: str) -> Callable[[int], float]:
    """Return what runs so many epochs and tells their time, each as short as the shortest."""
    import numpy as np

    sizes, rng = list(map(int, widths.split("-"))), np.random.default_rng(0)
    X, y = rng.normal(size=(int(rows), sizes[0])), rng.integers(0, sizes[-1], int(rows))
    return lambda epochs: epochs * min(RIVALS[rival](X, y, sizes, int(batch)) for _ in range(epochs))


def by_torch(X: Any, y: Any, sizes: list[int], batch: int, kind: str = "float64") -> float:
    """Seconds of an epoch in PyTorch, one thread."""
    import torch

    torch.set_num_threads(1)
    dtype = getattr(torch, kind)
    inputs, labels = torch.tensor(X, dtype=dtype), torch.tensor(y)
    layers: list[Any] = []
    for k, (a, b) in enumerate(pairwise(sizes)):
        layers += [
            torch.nn.Linear(a, b, dtype=dtype),
            *([torch.nn.ReLU()] if k < len(sizes) - 2 else []),
        ]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for first in range(0, len(X), batch):
        optimizer.zero_grad()
        rows = slice(first, first + batch)
        torch.nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    return time.perf_counter() - start


def by_numpy(X: Any, y: Any, sizes: list[int], batch: int) -> float:
    """Seconds of an epoch in NumPy by hand: back-propagation of a perceptron, and Adam."""
    import numpy as np

    rng = np.random.default_rng(0)
    W = [rng.normal(size=(a, b)) * 0.1 for a, b in pairwise(sizes)]
    theta = W + [np.zeros(b) for b in sizes[1:]]
    mean, square = [np.zeros_like(t) for t in theta], [np.zeros_like(t) for t in theta]
    depth = len(W)
    start = time.perf_counter()
    for k, first in enumerate(range(0, len(X), batch), 1):
        h = [X[first : first + batch]]
        for layer in range(depth):
            a = h[-1] @ theta[layer] + theta[depth + layer]
            h.append(np.maximum(a, 0.0) if layer < depth - 1 else a)
        e = np.exp(h[-1] - h[-1].max(axis=1, keepdims=True))
        g = e / e.sum(axis=1, keepdims=True)
        g[np.arange(len(g)), y[first : first + batch]] -= 1.0
        g /= len(g)
        gradients: list[Any] = [None] * (2 * depth)
        for layer in range(depth - 1, -1, -1):
            gradients[layer], gradients[depth + layer] = h[layer].T @ g, g.sum(axis=0)
            if layer:
                g = (g @ theta[layer].T) * (h[layer] > 0.0)
        size, root = 1e-3 / (1.0 - 0.9**k), (1.0 - 0.999**k) ** 0.5
        for t, d, m, r in zip(theta, gradients, mean, square, strict=True):
            m += 0.1 * (d - m)
            r *= 0.999
            r += 0.001 * d * d
            t -= size * m / (np.sqrt(r) / root + 1e-8)
    return time.perf_counter() - start


def by_jax(X: Any, y: Any, sizes: list[int], batch: int) -> float:
    """Seconds of an epoch in JAX, float64; the update is compiled before."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.PRNGKey(0), len(sizes))
    pairs = zip(keys, pairwise(sizes), strict=False)
    theta = [(jax.random.normal(key, (a, b)) * 0.1, jnp.zeros(b)) for key, (a, b) in pairs]

    def loss(theta: Any, x: Any, labels: Any) -> Any:
        for W, b in theta[:-1]:
            x = jax.nn.relu(x @ W + b)
        logits = x @ theta[-1][0] + theta[-1][1]
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    def update(theta: Any, mean: Any, square: Any, k: Any, x: Any, labels: Any) -> Any:
        g = jax.grad(loss)(theta, x, labels)
        mean = jax.tree.map(lambda m, d: m + 0.1 * (d - m), mean, g)
        square = jax.tree.map(lambda r, d: 0.999 * r + 0.001 * d * d, square, g)
        size, root = 1e-3 / (1.0 - 0.9**k), (1.0 - 0.999**k) ** 0.5
        new = jax.tree.map(lambda t, m, r: t - size * m / (jnp.sqrt(r) / root + 1e-8), theta, mean, square)
        return new, mean, square

    fast = jax.jit(update)
    state = theta, jax.tree.map(jnp.zeros_like, theta), jax.tree.map(jnp.zeros_like, theta)
    starts = range(0, len(X), batch)
    for size in {min(batch, len(X) - first) for first in starts}:
        jax.block_until_ready(fast(*state, 1.0, X[:size], y[:size]))
    start = time.perf_counter()
    for k, first in enumerate(starts, 1):
        state = fast(*state, float(k), X[first : first + batch], y[first : first + batch])
    jax.block_until_ready(state)
    return time.perf_counter() - start


RIVALS: dict[str, Callable[..., float]] = {
    "PyTorch": by_torch,
    "PyTorch-float32": functools.partial(by_torch, kind="float32"),
    "JAX": by_jax,
    "NumPy": by_numpy,
}
