"""NumPy, with the gradient derived by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems


def prepare(workload: str) -> Any:
    """Return what runs steps of a workload."""
    return Step(problems.PROBLEMS[workload]())


class Step:
    """Forward, backward, weight decay, update."""

    def __init__(self, problem: problems.Problem):
        self.problem = problem
        self.layers = [[W.T.copy(), b] for W, b in problem.weights()]
        self.batches = problem.batches()
        self.at = 0
        self.last = 0.0
        self(2)

    def __call__(self, steps: int) -> None:
        """Make updates."""
        for _ in range(steps):
            self.update(*self.batches[self.at])
            self.at = (self.at + 1) % len(self.batches)

    def update(self, X: Any, y: Any) -> None:
        """One update."""
        p, layers = self.problem, self.layers
        inputs, h = [], X
        for k, (W, b) in enumerate(layers):
            inputs.append(h)
            h = h @ W + b
            if k < len(layers) - 1:
                h = np.maximum(h, 0.0)
        loss, g = self.hinge(h, y) if p.loss == "hinge" else self.cross_entropy(h, y)
        penalty = 0.0
        for k in range(len(layers) - 1, -1, -1):
            W, b = layers[k]
            gW, gb = inputs[k].T @ g, g.sum(axis=0)
            if k:
                g = (g @ W.T) * (inputs[k] > 0.0)
            penalty += (W * W).sum()
            gW += p.alpha * W
            W -= p.rate * gW
            b -= p.rate * gb
        self.last = loss + 0.5 * p.alpha * penalty

    @staticmethod
    def hinge(h: Any, y: Any) -> tuple[float, Any]:
        """Mean of max(0, 1 - y f), and its gradient."""
        margin = 1.0 - y * h[:, 0]
        inside = margin > 0.0
        return margin[inside].sum() / len(y), (np.where(inside, -y, 0.0) / len(y))[:, None]

    @staticmethod
    def cross_entropy(z: Any, y: Any) -> tuple[float, Any]:
        """Mean of logsumexp(z) - z_y, and its gradient."""
        z = z - z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total)[:, 0] - z[rows, y]).sum() / len(y)
        g = e / total
        g[rows, y] -= 1.0
        g /= len(y)
        return loss, g

    def loss(self) -> float:
        """The last minibatch's objective."""
        return float(self.last)
