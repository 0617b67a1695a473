"""CasADi: an SX Function with the value and its reverse-mode gradient, on CasADi's virtual machine."""

from __future__ import annotations

from typing import Any

import casadi
import numpy as np

from benchmarks import problems


def prepare(workload: str, nodes: str, batch: str) -> Any:
    """Return what runs steps of the irregular graph."""
    return Step(int(nodes), int(batch))


class Step:
    """A step is one gradient for a batch of rows: `map` over them if there are several."""

    def __init__(self, nodes: int, batch: int):
        x = casadi.SX.sym("x", problems.INPUTS)
        y = problems.build(problems.irregular(nodes), [x[k] for k in range(problems.INPUTS)], casadi)
        function = casadi.Function("f", [x], [y, casadi.gradient(y, x)])
        self.function = function.map(batch) if batch > 1 else function
        self.buffer, self.run = self.function.buffer()
        self.rows = np.asfortranarray(problems.points(batch).T)
        self.values = np.zeros((1, batch), order="F")
        self.gradients = np.zeros((problems.INPUTS, batch), order="F")
        self.buffer.set_arg(0, memoryview(self.rows.T))
        self.buffer.set_res(0, memoryview(self.values.T))
        self.buffer.set_res(1, memoryview(self.gradients.T))
        self.run()

    def __call__(self, steps: int) -> None:
        """Run."""
        for _ in range(steps):
            self.run()

    def loss(self) -> float:
        """Sum of values and gradients, to compare."""
        return float(self.values.sum() + self.gradients.sum())
