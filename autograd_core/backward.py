"""Back-propagation: the sweep over the graph, and its account in plain Python.

The gradient of an output u with respect to a node v is the sum, over the nodes w_i made from v, of their
gradient times the local partial: du/dv = sum_i du/dw_i dw_i/dv. It is computed once per node, in reverse
topological order (Goodfellow et al. 2016, Algorithm 6.2). Back-propagation computes gradients and nothing
else; learning is what `nn` does with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .edges import edges
from .engine.sweep import sweep, topological_order
from .engine.value import Value, method

if TYPE_CHECKING:
    from .graph import Explanation


def backward(outputs: Value | Sequence[Value], gradients: Sequence[float] | None = None) -> None:
    """Back-propagate from several outputs in one sweep: the gradients of sum_k g_k * output_k.

    Args:
        outputs: one Value or several.
        gradients: one number for each output; by default 1 each.

    Raises:
        TypeError: if an output is not a Value.
        ValueError: if there are not as many gradients as outputs.
        GraphError: if an output is a constant; within `diagnose()` also if the graph is stale.

    >>> x = Value(3.0)
    >>> backward([x * x, x + 1.0], [1.0, 10.0])
    >>> x.grad
    16.0
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
    """Forget the gradients of some nodes, a model's parameters for example.

    Args:
        nodes: Values.

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> zero_grad([w])
    >>> w.grad, w.has_grad
    (0.0, False)
    """
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
        before: the parent's gradient before; None if nothing had reached it, so that it starts from 0.
        after: and after.

    Example:
        >>> x = Value(3.0)
        >>> [(c.partial, c.before, c.after) for c in contributions(x * x)]
        [(3.0, None, 3.0), (3.0, 3.0, 6.0)]
    """

    node: Value
    operand: int
    parent: Value
    upstream: float
    partial: float
    before: float | None
    after: float

    @property
    def slot(self) -> int:
        """The operand, by its other name."""
        return self.operand

    @property
    def product(self) -> float:
        """What is added: the partial times the upstream gradient."""
        return self.partial * self.upstream


def contributions(
    outputs: Value | Sequence[Value],
    gradients: Sequence[float | None] | None = None,
    *,
    accumulate: bool = True,
) -> Iterator[Contribution]:
    """Tell every addition that `backward` would make, in its order, without changing any node.

    Args:
        outputs: one Value or several.
        gradients: as for `backward`; an output with None starts nothing, and takes part in the order alone.
        accumulate: whether leaves start from the gradients that they have; else from none, as after
            `zero_grad`.

    Yields:
        A `Contribution` each. The last `after` of every node has the bits that `backward` leaves in its
        ``grad``.

    >>> x = Value(3.0)
    >>> [(c.before, c.after) for c in contributions(x * x)]
    [(None, 3.0), (3.0, 6.0)]
    """
    roots, seeds = _roots_and_seeds(outputs, gradients)
    order = topological_order(*roots)
    grads = {node: node.grad for node in order if accumulate and node.is_leaf and node.has_grad}
    reached = set()
    for root, seed in zip(roots, seeds, strict=True):
        if seed is None:
            continue
        grads[root] = grads.get(root, 0.0) + float(seed)
        reached.add(root)
    for node in reversed(order):
        if node not in reached:
            continue
        for operand, parent, partial in edges(node):
            before = grads.get(parent)
            grads[parent] = (0.0 if before is None else before) + partial * grads[node]
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

    Raises:
        TypeError: if `parent` is not a Value.
        ValueError: if `limit` is negative.

    Example:
        >>> from autograd_core import Value, log
        >>> x = Value(2.0, "x")
        >>> print((x * log(x)).explain(x))  # d z / d x = sum over paths of the product of their partials
        d *(1.386) / d x = 1.69315, summed over 2 paths
          +1 = *(1.386) --(2)--> log(0.6931) --(0.5)--> x
          +0.693147 = *(1.386) --(0.6931)--> x
    """
    from . import graph

    return graph.explain(self, parent, limit)
