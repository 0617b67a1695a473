"""Data that several tests train on."""

import math
import random

import pytest


@pytest.fixture
def spiral():
    """Three classes of 20 points each, in two dimensions: (X, y) as plain lists."""
    rng = random.Random(0)
    X, y = [], []
    for label in range(3):
        for k in range(20):
            angle = 2 * math.pi * (label / 3 + k / 40)
            radius = 0.3 + k / 20
            X.append([radius * math.cos(angle) + rng.gauss(0, 0.05), radius * math.sin(angle)])
            y.append(label)
    return X, y
