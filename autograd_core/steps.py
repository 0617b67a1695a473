"""Back-propagation as a list of events: one an assignment of Algorithms 6.1 and 6.2 (Goodfellow et al. 2016).

Forward, `u(i) = f(A(i))`: one event a node that an operation made. Backward: the output's gradient is set,
then one event a `+=`. Nothing in the graph changes: the events carry their numbers, and `final_gradients` of
all of them are, bit for bit, what `backward()` leaves in `grad`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograd_core.backward import Contribution, contributions
from autograd_core.engine.value import Value
from autograd_core.graph import topological_order

__all__ = ["BackwardStep", "ForwardStep", "SeedStep", "Step", "final_gradients", "steps"]


@dataclass(frozen=True, slots=True)
class ForwardStep:
    """`u(i) = f(A(i))` of Algorithm 6.1.

    Attributes:
        node: The node computed.
        arguments: The data of its parents.
        value: Its data.
    """

    node: Value
    arguments: tuple[float, ...]
    value: float


@dataclass(frozen=True, slots=True)
class SeedStep:
    """The first assignment of Algorithm 6.2: the gradient of an output with respect to itself.

    Attributes:
        node: The output.
        gradient: What is added; 1.0 unless the sweep was given another.
        before: Its gradient before; None if no sweep has reached it.
        after: Its gradient after.
    """

    node: Value
    gradient: float
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class BackwardStep:
    """One term of the sum in Algorithm 6.2: `parent.grad += partial * node.grad`.

    Attributes:
        node: The node whose gradient flows back, u(i).
        slot: Which of its parents receives it.
        parent: The node that receives it, u(j).
        upstream: The gradient of `node`.
        partial: The partial of `node` with respect to this argument.
        before: The gradient of `parent` before; None if no contribution has reached it.
        after: The gradient of `parent` after.
    """

    node: Value
    slot: int
    parent: Value
    upstream: float
    partial: float
    before: float | None
    after: float

    @property
    def product(self) -> float:
        """What is added: the partial times the upstream gradient."""
        return self.partial * self.upstream


Step = ForwardStep | SeedStep | BackwardStep


def steps(
    *roots: Value, gradients: Sequence[float] | None = None, forward: bool = True, accumulate: bool = False
) -> list[Step]:
    """The events of the forward computation and of one sweep.

    Args:
        roots: The outputs.
        gradients: The gradient of each output with respect to itself; 1.0 by default.
        forward: Whether to begin with the forward computation.
        accumulate: Whether leaves start with the gradients they have, as in `backward()`; by default they
            start empty, as after `zero_grad()`.

    Returns:
        Forward steps in topological order, then for each output a seed, then one step a `+=`, in the sweep's
        order.
    """
    begin = [1.0] * len(roots) if gradients is None else list(map(float, gradients))
    order = topological_order(*roots)
    events: list[Step] = [_forward_step(node) for node in order if forward and not node.is_leaf]
    grads = _starting_gradients(order) if accumulate else {}
    for root, gradient in zip(roots, begin, strict=True):
        before = grads.get(root)
        grads[root] = (0.0 if before is None else before) + gradient
        events.append(SeedStep(root, gradient, before, grads[root]))
    for term in contributions(roots, begin):
        events.append(_backward_step(term, grads))
    return events


def _forward_step(node: Value) -> ForwardStep:
    return ForwardStep(node, tuple([parent.data for parent in node.parents]), node.data)


def _starting_gradients(order: Iterable[Value]) -> dict[Value, float]:
    return {node: node.grad for node in order if node.is_leaf and node.has_grad}


def _backward_step(term: Contribution, grads: dict[Value, float]) -> BackwardStep:
    upstream, before = grads[term.node], grads.get(term.parent)
    after = (0.0 if before is None else before) + term.partial * upstream
    grads[term.parent] = after
    return BackwardStep(term.node, term.operand, term.parent, upstream, term.partial, before, after)


def final_gradients(events: Iterable[Step]) -> dict[Value, float]:
    """The gradient of every node that the events reach, after the last of them."""
    return {_receiver(event): event.after for event in events if not isinstance(event, ForwardStep)}


def _receiver(event: SeedStep | BackwardStep) -> Value:
    return event.node if isinstance(event, SeedStep) else event.parent
