"""What `nn.fit` costs where a user's case differs from the plain one, and next to other libraries by size.

Run as ``python -m benchmarks.training``. The first table has the time of an epoch of a 64-32-10 network,
minibatches of 32 and Adam, with one thing changed, as a multiple of the plain epoch. The second has the time
of an update by size of network and minibatch, next to PyTorch in float64 and in float32, JAX (where it is
installed) and NumPy by hand, on one thread. Cases take turns, and the least of several rounds counts.
"""

from __future__ import annotations

import functools
import importlib.util
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd_core as ag
import nn

ROUNDS = 5
ROWS, INPUTS, CLASSES = 1600, 64, 10


class Unchanged(nn.Adam):
    """A subclass that changes nothing."""


class Signs(nn.Optimizer):
    """A rule of its own."""

    buffer_names = ("mean",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        """Sign descent."""
        import numpy as np

        mean = 0.9 * buffers["mean"] + 0.1 * gradients
        return values - rate * np.sign(mean), {"mean": mean}


class Listener:
    """Hears of every update."""

    def on_update(self, run: Any) -> None:
        """Do nothing."""


class Own(nn.Module):
    """A module of the user's."""

    def __init__(self) -> None:
        self.net = nn.MLP(INPUTS, [32, CLASSES], seed=1)

    def __call__(self, x: Any) -> Any:
        """Twice the logits."""
        return [2.0 * v for v in self.net(x)]


class Words(nn.Module):
    """Four indices and their embeddings."""

    def __init__(self) -> None:
        self.words, self.net = nn.Embedding(20, 8, seed=1), nn.MLP(32, [32, CLASSES], seed=1)

    def __call__(self, x: Any) -> Any:
        """The logits."""
        return self.net(self.words(x))


def plain() -> nn.MLP:
    """The network that all are compared with."""
    return nn.MLP(INPUTS, [32, CLASSES], seed=1)


def with_dropout() -> nn.Sequential:
    """The same with dropout."""
    first = nn.Layer(INPUTS, 32, seed=1)
    return nn.Sequential(first, nn.Dropout(0.5, seed=2), nn.Layer(32, CLASSES, nonlin=False, seed=3))


def with_branch() -> nn.MLP:
    """The same with a branch in the activation."""
    return nn.MLP(INPUTS, [32, CLASSES], activation=lambda a: a if a > 0 else 0.1 * a, seed=1)


def by_index(outputs: Any, label: int) -> Any:
    """Cross-entropy that takes outputs[label]."""
    return ag.logsumexp(outputs) - outputs[int(label)]


def with_jump(outputs: Any, label: int) -> Any:
    """A loss that branches on its value."""
    loss = nn.cross_entropy(outputs, label)
    return loss if loss < 2.0 else 0.5 * loss


def cases() -> dict[str, tuple[Callable[[], Any], type[nn.Optimizer], str, dict[str, Any]]]:
    """Name -> (model, optimiser, data, options)."""
    import numpy as np

    rng = np.random.default_rng(1)
    held_out = rng.normal(size=(500, INPUTS)), rng.integers(0, CLASSES, 500)
    return {
        "plain": (plain, nn.Adam, "numbers", {}),
        "an epoch callback": (plain, nn.Adam, "numbers", {"callbacks": lambda run: None}),
        "validation on 500 rows": (plain, nn.Adam, "numbers", {"validation": held_out}),
        "class A(nn.Adam): pass": (plain, Unchanged, "numbers", {}),
        "a rule of one's own": (plain, Signs, "numbers", {}),
        "on_update": (plain, nn.Adam, "numbers", {"callbacks": Listener()}),
        "class weights": (plain, nn.Adam, "numbers", {"class_weight": "balanced"}),
        "own Module with validation": (Own, nn.Adam, "numbers", {"validation": held_out}),
        "loss by index": (plain, nn.Adam, "numbers", {"loss": by_index}),
        "a branch in the loss": (plain, nn.Adam, "numbers", {"loss": with_jump}),
        "dropout": (with_dropout, nn.Adam, "numbers", {}),
        "a branch in the activation": (with_branch, nn.Adam, "numbers", {}),
        "an embedding of 4 indices": (Words, nn.Adam, "indices", {}),
    }


def epoch_seconds(
    make: Any, optimizer: Any, X: Any, y: Any, options: dict[str, Any], batch: int
) -> tuple[float, str]:
    """The least time of the second to fourth epoch, and what it was trained on."""
    history = nn.fit(
        make(), X, y, optimizer=optimizer(lr=1e-3), batch_size=batch, epochs=4, seed=1, **options
    )
    ends = history["seconds"]
    return min(b - a for a, b in pairwise(ends)), history.trained_on


def cliffs() -> None:
    """Print the first table."""
    import numpy as np

    rng = np.random.default_rng(0)
    data = {
        "numbers": rng.normal(size=(ROWS, INPUTS)),
        "indices": rng.integers(0, 20, (ROWS, 4)).astype(float),
    }
    y = rng.integers(0, CLASSES, ROWS)
    best: dict[str, float] = {}
    told: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, (make, optimizer, kind, options) in cases().items():
            seconds, told[name] = epoch_seconds(make, optimizer, data[kind], y, options, 32)
            best[name] = min(seconds, best.get(name, seconds))
    updates = -(-ROWS // 32)
    print(f"plain: {best['plain'] / updates * 1e6:.0f} us an update")
    for name, seconds in best.items():
        print(f"  {name:30} {seconds / best['plain']:7.2f}   {told[name]}")


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


def rivals() -> dict[str, Any]:
    """What an epoch is compared with: those that are installed."""
    found = {
        "PyTorch": ("torch", by_torch),
        "in float32": ("torch", functools.partial(by_torch, kind="float32")),
        "JAX": ("jax", by_jax),
        "NumPy": ("numpy", by_numpy),
    }
    return {name: run for name, (module, run) in found.items() if importlib.util.find_spec(module)}


def sizes() -> None:
    """Print the second table."""
    import numpy as np

    rng = np.random.default_rng(0)
    peers = rivals()
    print("\nmicroseconds an update; behind each rival's ours as a multiple of it")
    print(f"{'':25}{'ours':>8}" + "".join(f"{name:>18}" for name in peers))
    for widths in ([2, 16, 16, 2], [64, 32, 10], [784, 32, 10], [784, 128, 10]):
        for batch in (1, 32, 128, 1000):
            rows = max(batch, min(2000, 20 * batch))
            X, y = rng.normal(size=(rows, widths[0])), rng.integers(0, widths[-1], rows)
            best = [float("inf")] * (1 + len(peers))
            for _ in range(ROUNDS):
                found, _told = epoch_seconds(
                    lambda widths=widths: nn.MLP(widths[0], widths[1:], seed=1), nn.Adam, X, y, {}, batch
                )
                times = [found, *(peer(X, y, widths, batch) for peer in peers.values())]
                best = [min(pair) for pair in zip(best, times, strict=True)]
            ours, *theirs = (seconds / -(-rows // batch) * 1e6 for seconds in best)
            cells = "".join(f"{us:10.0f} ({ours / us:5.2f})" for us in theirs)
            print(f"  {'-'.join(map(str, widths)):12} batch {batch:5}{ours:8.0f}{cells}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore", nn.SlowTrainingWarning)
    cliffs()
    sizes()
