"""A program written for micrograd runs here when its two imports are changed, and finds the same numbers.

The losses below were printed by micrograd 0.1.0; where it is installed, it is asked again.
"""

import importlib
import random

import numpy as np
import pytest


def train(engine, network, steps=12):
    """A max-margin classifier written with nothing but micrograd's interface; the loss of every step."""
    Value, MLP = importlib.import_module(engine).Value, importlib.import_module(network).MLP
    random.seed(1337)
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, -1)
    model = MLP(2, [6, 6, 1])
    losses = []
    for k in range(steps):
        scores = [model([Value(a) for a in row]) for row in X]
        margins = [(1 + -label * score).relu() for label, score in zip(y, scores, strict=True)]
        penalty = 1e-4 * sum(p * p for p in model.parameters())
        total = sum(margins) * (1.0 / len(margins)) + penalty
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        losses.append(total.data)
    return losses


RECORDED = [
    1.0728017559084921,
    0.8531279164157209,
    0.8856383894565104,
    0.6564751784142591,
    0.6468082870193447,
    0.5483235597906291,
    0.5287031841502482,
    0.5542958744722495,
    0.7609934480143896,
    0.5345354700587075,
    0.47328401373531664,
    0.4539154759571362,
]


def test_a_program_for_micrograd_prints_the_losses_of_micrograd():
    assert train("autograd_core", "nn") == pytest.approx(RECORDED, rel=1e-9)


def test_micrograd_itself_prints_them():
    pytest.importorskip("micrograd")
    assert train("micrograd.engine", "micrograd.nn") == pytest.approx(RECORDED, rel=1e-9)
