"""The GPT of examples/gpt.py on a Value in plain Python, as short as they get, and on this package's."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "examples"))
NAME = "florence"


class Value:
    """A number with its parents and partials."""

    __slots__ = ("data", "grad", "parents", "partials")

    def __init__(self, data: float, parents: tuple[Any, ...] = (), partials: tuple[float, ...] = ()):
        self.data, self.grad, self.parents, self.partials = data, 0.0, parents, partials

    def __add__(self, other: Any) -> Value:
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))
        return Value(self.data + other, (self,), (1.0,))

    def __sub__(self, other: Any) -> Value:
        if isinstance(other, Value):
            return Value(self.data - other.data, (self, other), (1.0, -1.0))
        return Value(self.data - other, (self,), (1.0,))

    def __mul__(self, other: Any) -> Value:
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other), (other.data, self.data))
        return Value(self.data * other, (self,), (other,))

    def __truediv__(self, other: float) -> Value:
        return self * (1.0 / other)

    def __pow__(self, power: float) -> Value:
        return Value(self.data**power, (self,), (power * self.data ** (power - 1.0),))

    def exp(self) -> Value:
        """e to the power of this."""
        y = math.exp(self.data)
        return Value(y, (self,), (y,))

    def log(self) -> Value:
        """Natural logarithm."""
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def relu(self) -> Value:
        """max(0, x)."""
        return Value(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def backward(self) -> None:
        """Sweep."""
        order: list[Value] = []
        seen: set[int] = set()
        path: list[tuple[Value, int]] = [(self, 0)]
        while path:
            node, j = path.pop()
            if j == len(node.parents):
                order.append(node)
                continue
            path.append((node, j + 1))
            parent = node.parents[j]
            if id(parent) not in seen:
                seen.add(id(parent))
                path.append((parent, 0))
        self.grad = 1.0
        for node in reversed(order):
            for parent, partial in zip(node.parents, node.partials, strict=True):
                parent.grad += partial * node.grad

    __radd__, __rmul__ = __add__, __mul__


def prepare(workload: str, kind: str) -> Any:
    """Return what trains the GPT of examples/gpt.py: a step is one update on one name."""
    import gpt

    if kind == "plain":
        model = gpt.GPT(value=Value)
        return Step(gpt, model, lambda *text: _gradient(model, text), _numbers, _put)
    import autograd_core as ag

    model = gpt.GPT()
    gradient_of = gpt.Programs(model) if kind == "program" else gpt.Graphs(model)
    return Step(gpt, model, gradient_of, ag.parameters_to_vector, ag.vector_to_parameters)


def _gradient(model: Any, text: Any) -> tuple[float, Any]:
    import numpy as np

    parameters = model.parameters()
    for p in parameters:
        p.grad = 0.0
    loss = model.loss(*(rows.tolist() for rows in text))
    loss.backward()
    return loss.data, np.array([p.grad for p in parameters])


def _numbers(parameters: Any) -> Any:
    import numpy as np

    return np.array([p.data for p in parameters])


def _put(values: Any, parameters: Any) -> None:
    for p, x in zip(parameters, values.tolist(), strict=True):
        p.data = x


class Step:
    """Gradient, Adam, and the parameters written back."""

    def __init__(self, gpt: Any, model: Any, gradient_of: Any, numbers: Any, put: Any):
        self.text = gpt.encoded(NAME)
        self.parameters = model.parameters()
        self.put = put
        self.values = numbers(self.parameters)
        self.adam = gpt.Adam(len(self.parameters), 10**9, 0.001)
        self.gradient_of = gradient_of
        self.last = 0.0
        self(1)

    def __call__(self, steps: int) -> None:
        """Make updates."""
        for _ in range(steps):
            self.last, gradient = self.gradient_of(*self.text)
            self.adam.step(self.values, gradient)
            self.put(self.values, self.parameters)

    def loss(self) -> float:
        """The last loss."""
        return float(self.last)
