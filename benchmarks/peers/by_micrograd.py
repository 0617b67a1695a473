"""micrograd 0.1.0, with its default garbage collection or without."""

from __future__ import annotations

import gc
import sys
from typing import Any

from micrograd.engine import Value
from micrograd.nn import MLP

from benchmarks import problems

sys.setrecursionlimit(1_000_000)


def prepare(workload: str, collection: str) -> Any:
    """Return what runs steps of a workload."""
    if collection == "off":
        gc.disable()
    return Step(problems.PROBLEMS[workload]())


class Step:
    """The loop of its own demo."""

    def __init__(self, problem: problems.Problem):
        self.problem = problem
        self.model = MLP(problem.sizes[0], list(problem.sizes[1:]))
        for layer, (W, b) in zip(self.model.layers, problem.weights(), strict=True):
            for neuron, row, bias in zip(layer.neurons, W.tolist(), b.tolist(), strict=True):
                neuron.b.data = bias
                for w, x in zip(neuron.w, row, strict=True):
                    w.data = x
        self.batches = [(X.tolist(), y.tolist()) for X, y in problem.batches()]
        self.at = 0
        self.last = 0.0

    def __call__(self, steps: int) -> None:
        """Make updates."""
        p = self.problem
        for _ in range(steps):
            X, y = self.batches[self.at]
            self.at = (self.at + 1) % len(self.batches)
            outputs = [self.model(x) for x in X]
            pairs = list(zip(outputs, y, strict=True))
            losses = (
                [(1.0 + -t * f).relu() for f, t in pairs]
                if p.loss == "hinge"
                else [_entropy(f, t) for f, t in pairs]
            )
            weights = [w for layer in self.model.layers for neuron in layer.neurons for w in neuron.w]
            total = sum(losses) * (1.0 / len(losses)) + 0.5 * p.alpha * sum(w * w for w in weights)
            self.model.zero_grad()
            total.backward()
            for parameter in self.model.parameters():
                parameter.data -= p.rate * parameter.grad
            self.last = total.data

    def loss(self) -> float:
        """The last minibatch's objective."""
        return float(self.last)


def _exp(value: Any) -> Any:
    """micrograd has no exp, so: one node with its backward rule, as its author does in the lecture."""
    import math

    out = Value(math.exp(value.data), (value,), "exp")

    def backward() -> None:
        value.grad += out.data * out.grad

    out._backward = backward
    return out


def _log(value: Any) -> Any:
    import math

    out = Value(math.log(value.data), (value,), "log")

    def backward() -> None:
        value.grad += out.grad / value.data

    out._backward = backward
    return out


def _entropy(logits: list[Any], label: int) -> Any:
    largest = max(z.data for z in logits)
    return _log(sum(_exp(z - largest) for z in logits)) + largest - logits[label]
