"""A function under test, seen as a function of one flat list of floats, and its gradient."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core.checking.finite_differences import EPSILON
from autograd_core.checking.inputs import Inputs, flatten_numbers, is_value, to_number
from autograd_core.checking.report import Fault

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["Function", "Subject", "Vector", "rounding_noise"]

Function = Callable[..., Any]
Vector = Sequence[float]


class Subject:
    """The function under test, as a function of one flat list of floats."""

    def __init__(self, function: Function, point: Inputs, gradient: Any):
        self.function = function
        self.point = point
        self.given = gradient
        self.leaves: Sequence[Value] = ()
        self.evaluations = 0

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put the leaves' numbers and gradients back afterwards."""
        saved = [(leaf, leaf.data, leaf.grad, leaf.has_grad) for leaf in self.point.leaves]
        try:
            yield
        finally:
            for leaf, data, grad, has_grad in saved:
                leaf.data = data
                if has_grad:
                    leaf.grad = grad
                else:
                    leaf.zero_grad()

    def value(self, numbers: Vector) -> float:
        """Evaluate at other numbers."""
        self.evaluations += 1
        if self.given is not None and not self.point.leaves:
            return to_number(self.point.call(self.function, self.point.arguments(numbers, None)))
        from autograd_core import no_grad

        with no_grad():
            return to_number(self.graph(numbers)[0])

    def graph(self, numbers: Vector) -> tuple[Any, Sequence[Value]]:
        """Evaluate on Values; return the output and the leaves of the inputs."""
        if self.point.leaves:
            for leaf, number in zip(self.point.leaves, numbers, strict=True):
                leaf.data = number
            return self.function(), self.point.leaves
        from autograd_core import Value

        leaves = [Value(number, name) for number, name in zip(numbers, self.point.names, strict=True)]
        stream = iter(leaves)
        arguments = self.point.arguments(numbers, lambda number: next(stream))
        return self.point.call(self.function, arguments), leaves

    def gradient(self, numbers: Vector) -> tuple[list[float], Value | None]:
        """The gradient under test, and the graph it comes from if there is one."""
        if self.given is not None:
            return self.given_gradient(numbers), None
        output, leaves = self.graph(numbers)
        output, self.leaves = the_value(output), leaves
        for leaf in leaves:
            leaf.zero_grad()
        if output is None or output.is_constant:
            return [0.0] * len(leaves), None
        output.backward()
        return [leaf.grad for leaf in leaves], output

    def rounding(self, node: Value | None) -> list[float]:
        """The rounding errors to expect in the engine's gradient."""
        if node is None:
            return []
        sizes = path_sums(node)
        return [4 * EPSILON * sizes.get(leaf, 0.0) for leaf in self.leaves]

    def given_gradient(self, numbers: Vector) -> list[float]:
        """The gradient that the caller gave, flat."""
        result = self.given
        if callable(result):
            if self.point.leaves:
                for leaf, number in zip(self.point.leaves, numbers, strict=True):
                    leaf.data = number
            result = self.point.call(result, self.point.arguments(numbers, None))
        if self.point.keywords and hasattr(result, "keys"):
            result = [result[name] for name in self.point.keywords]
        self.point.check_shapes(result)
        flat = flatten_numbers(result)
        if len(flat) != len(numbers):
            raise ValueError(f"the gradient has {len(flat)} numbers for {len(numbers)} inputs")
        return flat

    def with_sources(self, faults: Sequence[Fault], output: Value, numbers: Vector) -> list[Fault]:
        """Find the source lines of faulty nodes by building the graph once more in diagnosis mode."""
        from autograd_core import diagnose, topological_order

        try:
            with diagnose():
                again = the_value(self.graph(numbers)[0])
        except (ValueError, ArithmeticError):  # diagnosis stops at the first number that is not finite
            return list(faults)
        if again is None:
            return list(faults)
        before, after = topological_order(output), topological_order(again)
        if [node.op for node in before] != [node.op for node in after]:
            return list(faults)
        sources = {node: twin.source for node, twin in zip(before, after, strict=True)}
        return [replace(fault, source=fault.source or sources.get(fault.node)) for fault in faults]

    def second(self, numbers: Vector) -> list[list[float]]:
        """The engine's Hessian: the gradient's graph, swept once for each input."""
        from autograd_core import differentiate

        output, leaves = self.graph(numbers)
        output = the_value(output)
        if output is None or output.is_constant:
            return [[0.0] * len(leaves) for _ in leaves]
        rows = []
        for part in differentiate(output, list(leaves)):
            for leaf in leaves:
                leaf.zero_grad()
            if not part.is_constant:
                part.backward()
            rows.append([leaf.grad for leaf in leaves])
        return rows


def the_value(output: Any) -> Value | None:
    """The Value in a result, if there is one (an array of one element may hold it)."""
    if is_value(output):
        return output  # type: ignore[no-any-return]
    to_number(output)  # raises for anything that is not one number
    inner = output.item() if hasattr(output, "item") else None
    return inner if is_value(inner) else None


def rounding_noise(nodes: Sequence[Value]) -> float:
    """The rounding error to expect in the last node: each node's half ulp, carried to the output by its
    gradient.

    The errors are added as independent ones, with a margin. The gradients of the last sweep must be on the
    nodes.
    """
    total = math.fsum(
        contribution * contribution
        for node in nodes
        if not node.is_leaf and math.isfinite(contribution := node.grad * node.data)
    )
    return 2.0 * EPSILON * math.sqrt(total) if math.isfinite(total) else 0.0


def path_sums(output: Value) -> dict[Value, float]:
    """For each node, the sum over all paths from the output of the product of absolute partials.

    Each product in the sweep is rounded; where large ones cancel, what is left carries their rounding.
    """
    from autograd_core import topological_order

    sums: dict[Value, float] = defaultdict(float)
    sums[output] = 1.0
    for node in reversed(topological_order(output)):
        own = sums[node]
        if own and math.isfinite(own):
            for parent, partial in zip(node.parents, node.partials, strict=True):
                sums[parent] += abs(partial) * own
    return {node: size for node, size in sums.items() if math.isfinite(size)}
