"""This package's Values one by one, no Program: the loop that a user of micrograd writes."""

from __future__ import annotations

import gc
from typing import Any

from autograd_core import Value
from benchmarks import problems


def prepare(workload: str, kind: str, collection: str) -> Any:
    """Return what runs steps of a workload: kind "loops" (plain Python) or "mlp" (`nn.MLP`)."""
    if collection == "off":
        gc.disable()
    return Step(problems.PROBLEMS[workload](), kind)


class Neuron:
    """micrograd's, word for word but for the relu of the hidden layers."""

    def __init__(self, weights: list[float], bias: float, nonlinear: bool):
        self.w = [Value(w) for w in weights]
        self.b = Value(bias)
        self.nonlinear = nonlinear

    def __call__(self, x: Any) -> Value:
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=False)), self.b)
        return act.relu() if self.nonlinear else act


class MLP:
    """micrograd's, over the neurons above."""

    def __init__(self, weights: list[Any]):
        self.layers = [
            [Neuron(row, b, k + 1 < len(weights)) for row, b in zip(W.tolist(), bias.tolist(), strict=True)]
            for k, (W, bias) in enumerate(weights)
        ]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0] if len(x) == 1 else x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for neuron in layer for p in (*neuron.w, neuron.b)]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0


def network(problem: problems.Problem) -> Any:
    """Return an `nn.MLP` of the problem's weights."""
    import nn

    model = nn.MLP(problem.sizes[0], list(problem.sizes[1:]))
    for layer, (W, b) in zip(model.layers, problem.weights(), strict=True):
        for neuron, row, bias in zip(layer.neurons, W.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for w, x in zip(neuron.w, row, strict=True):
                w.data = x
    return model


class Step:
    """The loop of micrograd's demo."""

    def __init__(self, problem: problems.Problem, kind: str):
        self.problem = problem
        self.model = MLP(problem.weights()) if kind == "loops" else network(problem)
        layers = self.model.layers if kind == "loops" else [layer.neurons for layer in self.model.layers]
        self.weights = [w for layer in layers for neuron in layer for w in neuron.w]
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
            losses = [(1.0 + -t * f).relu() for f, t in zip(outputs, y, strict=True)]
            total = sum(losses) * (1.0 / len(losses)) + 0.5 * p.alpha * sum(w * w for w in self.weights)
            self.model.zero_grad()
            total.backward()
            for parameter in self.model.parameters():
                parameter.data -= p.rate * parameter.grad
            self.last = total.data

    def loss(self) -> float:
        """The last minibatch's objective."""
        return float(self.last)
