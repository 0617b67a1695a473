"""This package: `nn.fit` for the networks, `record` for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import problems


def prepare(workload: str, *options: str) -> Any:
    """Return what runs steps of a workload."""
    if workload in problems.PROBLEMS:
        return Fit(problems.PROBLEMS[workload]())
    if options[2:] == ("eager",):
        return EagerIrregular(int(options[0]), int(options[1]))
    return Irregular(int(options[0]), int(options[1]))


class Fit:
    """A step is one update of `nn.fit`, its epochs' shuffles and records included."""

    def __init__(self, problem: problems.Problem):
        import nn

        self.problem = problem
        self.model = nn.MLP(problem.sizes[0], list(problem.sizes[1:]), seed=1)
        for layer, (W, b) in zip(self.model.layers, problem.weights(), strict=True):
            for neuron, row, bias in zip(layer.neurons, W.tolist(), b.tolist(), strict=True):
                neuron.b.data = bias
                for w, x in zip(neuron.w, row, strict=True):
                    w.data = x
        self.optimizer = nn.SGD(lr=problem.rate)
        self.regularizer = nn.L2(problem.alpha)
        self.fit = nn.fit
        self.history: Any = None
        self._once(1)

    def _once(self, epochs: int) -> float:
        import time

        p = self.problem
        marks: list[float] = []

        class Clock:
            """Notes the time when the first epoch and the last one end: set-up is not a step."""

            def __call__(self, history: Any) -> str:
                marks.append(time.perf_counter())
                return ""

        self.history = self.fit(
            self.model, p.X, p.y, loss=p.loss, optimizer=self.optimizer, regularizer=self.regularizer,
            batch_size=p.batch, epochs=epochs + 1, seed=1, stop=Clock(),
        )  # fmt: skip
        return marks[-1] - marks[1]

    def __call__(self, steps: int) -> float:
        """Make at least so many updates; return the seconds that `steps` of them take."""
        per_epoch = len(self.problem.X) // self.problem.batch
        epochs = max(1, round(steps / per_epoch))
        return self._once(epochs) * steps / (epochs * per_epoch)

    def loss(self) -> float:
        """The objective of the last epoch."""
        return float(self.history[-1].objective)


class Irregular:
    """A step is one gradient of the irregular graph, for a batch of rows."""

    def __init__(self, nodes: int, batch: int):
        import autograd_core as ag
        from autograd_core.programs.program import record

        plan = problems.irregular(nodes)
        self.rows = problems.points(batch)
        self.program = record(lambda x: problems.build(plan, x, ag), self.rows[0].tolist())
        self.values, _ = self.program.value_and_grad(self.rows)

    def __call__(self, steps: int) -> None:
        """Run."""
        for _ in range(steps):
            self.values, self.gradients = self.program.value_and_grad(self.rows)

    def loss(self) -> float:
        """Sum of values and gradients, to compare with the peers'."""
        return float(self.values.sum() + np.sum(self.gradients.inputs[0]))


class EagerIrregular:
    """A step is one graph and one sweep for each row."""

    def __init__(self, nodes: int, batch: int):
        self.plan = problems.irregular(nodes)
        self.rows = problems.points(batch)
        self.total = 0.0

    def __call__(self, steps: int) -> None:
        """Run."""
        import autograd_core as ag

        for _ in range(steps):
            self.total = 0.0
            for row in self.rows.tolist():
                leaves = [ag.Value(x) for x in row]
                y = problems.build(self.plan, leaves, ag)
                y.backward()
                self.total += y.data + sum(leaf.grad for leaf in leaves)

    def loss(self) -> float:
        """Sum of values and gradients, to compare."""
        return self.total
