"""Back-propagation as a list of events: one for each assignment of Algorithms 6.1 and 6.2.

The algorithms are those of Goodfellow et al. 2016. Forward, `u(i) = f(A(i))`: one event a node that an
operation made. Backward: the output's gradient is set, then one event a `+=`. Nothing in the graph changes:
the events carry their numbers, and `final_gradients` of all of them are, bit for bit, what `backward()`
leaves in `grad`.
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


BackwardStep = Contribution
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

    Raises:
        ValueError: there are not as many gradients as outputs.

    >>> x = Value(3.0)
    >>> [type(event).__name__ for event in steps(x * x)]
    ['ForwardStep', 'SeedStep', 'Contribution', 'Contribution']
    """
    begin = [1.0] * len(roots) if gradients is None else list(map(float, gradients))
    order = topological_order(*roots)
    inner = [node for node in order if forward and not node.is_leaf]
    events: list[Step] = [ForwardStep(n, tuple([p.data for p in n.parents]), n.data) for n in inner]
    grads = {node: node.grad for node in order if accumulate and node.is_leaf and node.has_grad}
    for root, gradient in zip(roots, begin, strict=True):
        before = grads.get(root)
        grads[root] = (0.0 if before is None else before) + gradient
        events.append(SeedStep(root, gradient, before, grads[root]))
    events += contributions(roots, begin, accumulate=accumulate)
    return events


def final_gradients(events: Iterable[Step]) -> dict[Value, float]:
    """The gradient of every node that the events reach, after the last of them.

    Args:
        events: steps, as `steps` lists them.

    Returns:
        A dict from nodes to numbers.
    """
    received = (event for event in events if not isinstance(event, ForwardStep))
    return {e.node if isinstance(e, SeedStep) else e.parent: e.after for e in received}
