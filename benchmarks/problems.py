"""The workloads, as plain numbers: the same for every peer. Needs nothing but NumPy."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A network to train: its layers' sizes, the data, the loss, and the training step's numbers."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    loss: str
    rate: float
    alpha: float
    X: Any
    y: Any

    def weights(self) -> list[tuple[Any, Any]]:
        """The initial (W, b) of each layer, W of shape (outputs, inputs)."""
        rng = np.random.default_rng(7)
        return [
            (rng.uniform(-1, 1, (m, n)) / math.sqrt(n), np.zeros(m))
            for n, m in zip(self.sizes, self.sizes[1:], strict=False)
        ]

    def batches(self) -> list[tuple[Any, Any]]:
        """The minibatches of one pass, in order."""
        steps = range(0, len(self.X) - self.batch + 1, self.batch)
        return [(self.X[i : i + self.batch].copy(), self.y[i : i + self.batch].copy()) for i in steps]


def moons(examples: int = 10_000) -> Problem:
    """W1: two half circles with noise; 2-16-16-1, relu, hinge loss, weight decay, batch 100."""
    rng = np.random.default_rng(1)
    angle, side = rng.uniform(0, math.pi, examples), rng.integers(0, 2, examples)
    x = np.where(side == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(side == 0, np.sin(angle), 0.5 - np.sin(angle))
    X = np.stack([x, y], axis=1) + rng.normal(0, 0.1, (examples, 2))
    return Problem("W1", (2, 16, 16, 1), 100, "hinge", 0.01, 1e-4, X, 2.0 * side - 1.0)


def digits(examples: int = 3_200) -> Problem:
    """W2: 64 numbers in [0, 1], 10 classes, like 8 x 8 digits; 64-32-10, cross-entropy, batch 32."""
    rng = np.random.default_rng(2)
    centres, labels = rng.uniform(0, 1, (10, 64)), rng.integers(0, 10, examples)
    X = np.clip(centres[labels] + rng.normal(0, 0.3, (examples, 64)), 0, 1)
    return Problem("W2", (64, 32, 10), 32, "cross_entropy", 0.01, 1e-4, X, labels)


PROBLEMS = {"W1": moons, "W2": digits}

INPUTS = 100


def irregular(nodes: int, seed: int = 3) -> list[tuple[str, int, int]]:
    """W3: a random graph of mixed operations on 100 inputs, as (operation, operand, operand) with values kept
    small.

    Operands are mostly recent nodes, sometimes any; the last 64 nodes are summed.
    """
    rng = random.Random(seed)
    bounds = [1.0] * INPUTS
    plan: list[tuple[str, int, int]] = []
    binary, unary = ["add", "sub", "mul", "mul", "add"], ["sin", "cos", "tanh", "square"]
    for _ in range(nodes):
        last = len(bounds)
        a, b = (
            rng.randrange(max(0, last - 200), last) if rng.random() < 0.85 else rng.randrange(last)
            for _ in range(2)
        )
        kind = rng.choice(binary) if rng.random() < 0.72 else rng.choice(unary)
        bound = {"mul": bounds[a] * bounds[b], "square": bounds[a] ** 2}.get(kind, bounds[a] + bounds[b])
        if kind in ("sin", "cos", "tanh") or bound > 3.0:
            kind, bound = (kind if kind in unary and kind != "square" else "sin"), 1.0
        plan.append((kind, a, b))
        bounds.append(bound)
    return plan


def build(plan: list[tuple[str, int, int]], inputs: list[Any], functions: Any) -> Any:
    """Carry a plan out in some system of numbers; `functions` has sin, cos and tanh."""
    values = list(inputs)
    for kind, a, b in plan:
        x, y = values[a], values[b]
        if kind == "add":
            made = x + y
        elif kind == "mul":
            made = x * y
        elif kind == "sub":
            made = x - y
        elif kind == "square":
            made = x * x
        else:
            made = getattr(functions, kind)(x)
        values.append(made)
    total = values[-1]
    for value in values[-64:-1]:
        total = total + value
    return total


def points(count: int) -> Any:
    """Rows of inputs for the irregular graph."""
    return np.random.default_rng(5).uniform(-1, 1, (count, INPUTS))
