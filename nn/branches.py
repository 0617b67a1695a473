"""Activations with a branch, ``a if a > 0 else 0.1 * a``, recorded as one graph for all examples.

A layer of n neurons takes one of 2^n paths, too many for a Program each. So each branch of the activation is
recorded by itself, on numbers that take it, and `where` chooses between them. A branch that is not chosen is
computed on such a number too, so that nothing in it becomes infinite, and gets a gradient of exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autograd_core import Value, greater, greater_equal, less, less_equal, where
from autograd_core.programs.graph import INPUT, RELATIONS, RecordedGraph
from autograd_core.programs.program import record
from nn.activations import ACTIVATIONS
from nn.layers import Layer, Neuron
from nn.module import Module

__all__ = ["Branches", "branches_of", "without_branches"]

_NUMBERS = (-10.0, -3.0, -1.0, -0.3, -0.01, 0.0, 0.01, 0.3, 1.0, 3.0, 10.0)
_MOST = 16
_RELATIONS = {"<": less, "<=": less_equal, ">": greater, ">=": greater_equal}


class Branches:
    """The branches of a function of one Value.

    Attributes:
        paths: for each a number that takes it, and its graph.
    """

    def __init__(self, function: Callable[[Value], Value]) -> None:
        self.paths: list[tuple[float, RecordedGraph]] = []
        waiting, seen = list(_NUMBERS), set[float]()
        while waiting and len(self.paths) < _MOST:
            number = waiting.pop(0)
            if number in seen:
                continue
            seen.add(number)
            try:
                graph = record(function, number, on_guard="raise").recorded
            except ArithmeticError:
                continue
            if all(graph.path() != known.path() for _, known in self.paths):
                self.paths.append((number, graph))
                waiting.extend(_near_bounds(graph))

    def __call__(self, a: Value) -> Value:
        """All branches, and the choice between them."""
        return _choice(self.paths, 0, a)


def _near_bounds(graph: RecordedGraph) -> Iterator[float]:
    """Where the input is compared with a number: that, and its neighbours."""
    for left, right, _, _ in graph.guards.tolist():
        for side, other in ((left, right), (right, left)):
            if graph.kind[side] == INPUT and math.isfinite(graph.value[other]):
                bound = float(graph.value[other])
                yield from (bound, math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf))


def _choice(paths: Sequence[tuple[float, RecordedGraph]], depth: int, x: Value) -> Value:
    """Choose between paths that agree in their first comparisons, so many of them.

    Args:
        paths: the paths.
        depth: the number of the next comparison.
        x: the input where it takes these paths, elsewhere a number that does.
    """
    graph = paths[0][1]
    nodes = graph.rebuild([x])
    if depth == len(graph.guards):
        return nodes[int(graph.outputs[0])]
    left, right, relation, _ = graph.guards[depth].tolist()
    condition = _RELATIONS[RELATIONS[relation]](nodes[left], nodes[right])
    sides = []
    for outcome in (1, 0):
        of_it = [(number, path) for number, path in paths if path.guards[depth][3] == outcome]
        if not of_it:
            sides.append(Value(math.nan).detach())  # never seen: such an example is done eagerly
            continue
        safe = Value(of_it[0][0]).detach()
        sides.append(
            _choice(of_it, depth + 1, where(condition, x, safe) if outcome else where(condition, safe, x))
        )
    chosen: Value = where(condition, *sides)
    return chosen


def _neurons(model: Any) -> Iterator[Neuron]:
    for _, module in model.named_modules() if isinstance(model, Module) else ():
        if isinstance(module, Layer):
            yield from module.neurons
        elif isinstance(module, Neuron):
            yield module


_OURS = set(ACTIVATIONS.values())


def branches_of(model: Any) -> dict[int, Branches]:
    """The branches of the activations of a model's neurons, by the identity of the function.

    Functions without a branch, and those that cannot be recorded, are left out.
    """
    functions = {id(n._g): n._g for n in _neurons(model) if not _is_ours(n._g)}
    found = {}
    for key, function in functions.items():
        try:
            branches = Branches(function)
        except Exception:  # recording the model will tell
            continue
        if any(len(graph.guards) for _, graph in branches.paths):
            found[key] = branches
    return found


def _is_ours(function: Any) -> bool:
    try:
        return function in _OURS
    except TypeError:
        return False


@contextmanager
def without_branches(model: Any, found: dict[int, Branches]) -> Iterator[None]:
    """Within this block the neurons have these graphs for their activations."""
    changed = [(neuron, neuron._g) for neuron in _neurons(model) if found and id(neuron._g) in found]
    try:
        for neuron, function in changed:
            neuron._g = found[id(function)]
        yield
    finally:
        for neuron, function in changed:
            neuron._g = function
