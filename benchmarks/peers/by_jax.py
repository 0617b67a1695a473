"""JAX, the whole step under jit, one thread, float64."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

from benchmarks import problems

jax.config.update("jax_enable_x64", True)


def prepare(workload: str) -> Any:
    """Return what runs steps of a workload."""
    return Step(problems.PROBLEMS[workload]())


class Step:
    """value_and_grad and the update, compiled together."""

    def __init__(self, problem: problems.Problem):
        self.parameters: Any = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.weights()]
        self.batches = [(jnp.asarray(X), jnp.asarray(y)) for X, y in problem.batches()]

        def objective(parameters: Any, X: Any, y: Any) -> Any:
            h, penalty = X, 0.0
            for k, (W, b) in enumerate(parameters):
                h = h @ W.T + b
                h = jnp.maximum(h, 0.0) if k < len(parameters) - 1 else h
                penalty = penalty + (W * W).sum()
            if problem.loss == "hinge":
                loss = jnp.maximum(0.0, 1.0 - y * h[:, 0]).mean()
            else:
                picked = jnp.take_along_axis(h, y[:, None], axis=1)[:, 0]
                loss = (jax.nn.logsumexp(h, axis=1) - picked).mean()
            return loss + 0.5 * problem.alpha * penalty

        def update(parameters: Any, X: Any, y: Any) -> Any:
            value, gradient = jax.value_and_grad(objective)(parameters, X, y)
            return value, jax.tree.map(lambda p, g: p - problem.rate * g, parameters, gradient)

        self.update = jax.jit(update, donate_argnums=0)
        self.at = 0
        self.last: Any = None
        self(5)

    def __call__(self, steps: int) -> None:
        """Make updates."""
        for _ in range(steps):
            X, y = self.batches[self.at]
            self.at = (self.at + 1) % len(self.batches)
            self.last, self.parameters = self.update(self.parameters, X, y)
        self.last.block_until_ready()

    def loss(self) -> float:
        """The last minibatch's objective."""
        return float(self.last)
