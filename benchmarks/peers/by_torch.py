"""PyTorch, eager, one thread, float64."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import problems


def prepare(workload: str) -> Any:
    """Return what runs steps of a workload."""
    torch.set_num_threads(1)
    return Step(problems.PROBLEMS[workload]())


class Step:
    """Forward, backward, and SGD with weight decay."""

    def __init__(self, problem: problems.Problem):
        self.problem = problem
        modules: list[Any] = []
        for k, (W, b) in enumerate(problem.weights()):
            layer = torch.nn.Linear(W.shape[1], W.shape[0], dtype=torch.float64)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(W))
                layer.bias.copy_(torch.from_numpy(b))
            modules += [layer, torch.nn.ReLU()] if k < len(problem.sizes) - 2 else [layer]
        self.model = torch.nn.Sequential(*modules)
        weights = [p for p in self.model.parameters() if p.ndim > 1]
        biases = [p for p in self.model.parameters() if p.ndim == 1]
        groups = [{"params": weights, "weight_decay": problem.alpha}, {"params": biases}]
        self.optimizer = torch.optim.SGD(groups, lr=problem.rate)
        self.batches = [(torch.from_numpy(X), torch.from_numpy(y)) for X, y in problem.batches()]
        self.at = 0
        self.last: Any = None
        self(20)

    def __call__(self, steps: int) -> None:
        """Make updates."""
        for _ in range(steps):
            X, y = self.batches[self.at]
            self.at = (self.at + 1) % len(self.batches)
            self.optimizer.zero_grad()
            outputs = self.model(X)
            if self.problem.loss == "hinge":
                loss = torch.relu(1.0 - y * outputs[:, 0]).mean()
            else:
                loss = torch.nn.functional.cross_entropy(outputs, y)
            loss.backward()
            self.optimizer.step()
            self.last = loss

    def loss(self) -> float:
        """The last minibatch's loss, without the penalty."""
        return float(self.last.detach())
