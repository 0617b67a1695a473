"""Back-propagation: the sweep over the graph, and its account in plain Python.

The gradient of an output u with respect to a node v is the sum, over the nodes w_i made from v, of their
gradient times the local partial: du/dv = sum_i du/dw_i dw_i/dv. It is computed once per node, in reverse
topological order (Goodfellow et al. 2016, Algorithm 6.2). Back-propagation computes gradients and nothing
else; learning is what `nn` does with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .engine.sweep import sweep, topological_order
from .engine.value import Value, method

if TYPE_CHECKING:
    from .graph import Explanation

__all__ = ["Contribution", "backward", "contributions", "zero_grad"]


def backward(outputs: Value | Sequence[Value], gradients: Sequence[float] | None = None) -> None:
    """Back-propagate from several outputs in one sweep: the gradients of sum_k g_k * output_k.

    Args:
        outputs: one Value or several.
        gradients: one number for each output; by default 1 each.

    Raises:
        TypeError: if an output is not a Value.
        ValueError: if there are not as many gradients as outputs.
        GraphError: if an output is a constant.
    """
    roots, seeds = _roots_and_seeds(outputs, gradients)
    sweep(roots, seeds)


def _roots_and_seeds(outputs: Any, gradients: Any) -> tuple[list[Value], list[float]]:
    if isinstance(outputs, Value):
        roots = [outputs]
    elif isinstance(outputs, Iterable) and not isinstance(outputs, (str, bytes)):
        roots = list(outputs)
    else:
        raise TypeError(
            f"backward() starts from a Value or several, not from {type(outputs).__name__} {outputs!r}"
        )
    if gradients is None:
        return roots, [1.0] * len(roots)
    seeds = list(gradients) if isinstance(gradients, Iterable) else [gradients]
    if len(seeds) != len(roots):
        raise ValueError(f"{len(roots)} outputs need as many gradients, not {len(seeds)}")
    return roots, seeds


def zero_grad(nodes: Iterable[Value]) -> None:
    """Forget the gradients of some nodes, a model's parameters for example."""
    for node in nodes:
        node.zero_grad()


class Contribution(NamedTuple):
    """One `+=` of the sweep: ``parent.grad += partial * upstream``.

    Attributes:
        node: the node that sends.
        operand: which of its parents receives, from 0.
        parent: the node that receives.
        upstream: the gradient of `node`.
        partial: d node / d parent for that operand.
        before: the parent's gradient before.
        after: and after.
    """

    node: Value
    operand: int
    parent: Value
    upstream: float
    partial: float
    before: float
    after: float


def contributions(
    outputs: Value | Sequence[Value], gradients: Sequence[float] | None = None
) -> Iterator[Contribution]:
    """Tell every addition that `backward` would make, in its order, without changing any node.

    Args:
        outputs: one Value or several.
        gradients: as for `backward`.

    Yields:
        A `Contribution` each; leaves start from the gradient that they have. The last `after` of every node
        has the bits that `backward` leaves in its ``grad``.
    """
    roots, seeds = _roots_and_seeds(outputs, gradients)
    order = topological_order(*roots)
    grads = {node: node.grad if node.is_leaf else 0.0 for node in order}
    reached = set()
    for root, seed in zip(roots, seeds, strict=True):
        grads[root] += float(seed)
        reached.add(root)
    for node in reversed(order):
        if node not in reached or node.is_leaf:
            continue
        for operand, (parent, partial) in enumerate(zip(node.parents, node.partials, strict=True)):
            if parent.is_constant or (partial == 0.0 and node.operation.selecting):
                continue
            before = grads[parent]
            grads[parent] = before + partial * grads[node]
            reached.add(parent)
            yield Contribution(node, operand, parent, grads[node], partial, before, grads[parent])


@method
def explain(self: Value, parent: Value, limit: int = 10) -> Explanation:
    """Show the summed chain rule from this node down to `parent`.

    Args:
        parent: a node that this one was computed from.
        limit: how many paths to list, the largest first.

    Returns:
        An `Explanation`: the exact number of paths, the listed ones with their products of partials, and
        their sum, which is the gradient.
    """
    from . import graph

    return graph.explain(self, parent, limit)
