"""Functions with a branch, ``a if a > 0 else 0.1 * a``, recorded as one graph for all examples.

A layer of n neurons takes one of 2^n paths, too many for a Program each; and examples that take turns with
their Programs run a lane at a time. So each branch of an activation, or of a loss, is recorded by itself, on
numbers that take it, and `where` chooses between them. What is not chosen gets a gradient of exactly 0. A
branch of an activation that is not chosen is computed on such a number too, so that nothing in it becomes
infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autograd_core import Value, greater, greater_equal, less, less_equal, where
from autograd_core.programs.graph import INPUT, RELATIONS, RecordedGraph
from autograd_core.programs.program import record
from autograd_core.programs.recording import unrolled
from nn.activations import ACTIVATIONS
from nn.layers import Layer, Neuron
from nn.module import Module

_NUMBERS = (-10.0, -3.0, -1.0, -0.3, -0.01, 0.0, 0.01, 0.3, 1.0, 3.0, 10.0)
_POINTS = tuple((number,) for number in _NUMBERS)
_MOST = 16
_RELATIONS = {"<": less, "<=": less_equal, ">": greater, ">=": greater_equal}


class Branches:
    """The branches of a function of Values.

    Args:
        function: takes as many Values as a point has numbers: one, or a list of several.
        points: where it is recorded, until no more branches are found.

    Attributes:
        paths: for each a point that takes it, and its graph.
    """

    def __init__(self, function: Callable[[Any], Value], points: Iterable[Sequence[float]] = _POINTS) -> None:
        self.paths: list[tuple[Sequence[float], RecordedGraph]] = []
        waiting, seen = [tuple(point) for point in points], set[tuple[float, ...]]()
        while waiting and len(self.paths) < _MOST:
            point = waiting.pop(0)
            if point in seen:
                continue
            seen.add(point)
            try:
                argument = point[0] if len(point) == 1 else list(point)
                graph = unrolled(record(function, argument, on_guard="raise").recorded)
            except ArithmeticError:
                continue
            if all(graph.path() != known.path() for _, known in self.paths):
                self.paths.append((point, graph))
                if len(point) == 1:
                    waiting.extend((number,) for number in _near_bounds(graph))

    @property
    def is_straight(self) -> bool:
        """Is there no branch at all?"""
        return not any(len(graph.guards) for _, graph in self.paths)

    def __call__(self, *a: Value) -> Value:
        """All branches, and the choice between them."""
        return _choice(self.paths, 0, a)


def _near_bounds(graph: RecordedGraph) -> Iterator[float]:
    """Where the input is compared with a number: that, and its neighbours."""
    for left, right, _, _ in graph.guards.tolist():
        for side, other in ((left, right), (right, left)):
            if graph.kind[side] == INPUT and math.isfinite(graph.value[other]):
                bound = float(graph.value[other])
                yield from (bound, math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf))


def _choice(paths: Sequence[tuple[Sequence[float], RecordedGraph]], depth: int, x: Sequence[Value]) -> Value:
    """Choose between paths that agree in their first comparisons, so many of them.

    Args:
        paths: the paths.
        depth: the number of the next comparison.
        x: the inputs; a single one where it takes these paths, elsewhere a number that does.
    """
    graph = paths[0][1]
    nodes = graph.rebuild(x)
    if depth == len(graph.guards):
        return nodes[int(graph.outputs[0])]
    left, right, relation, _ = graph.guards[depth].tolist()
    condition = _RELATIONS[RELATIONS[relation]](nodes[left], nodes[right])
    sides = []
    for outcome in (1, 0):
        of_it = [(point, path) for point, path in paths if path.guards[depth][3] == outcome]
        if not of_it:
            sides.append(Value(math.nan).detach())  # never seen: such an example is done eagerly
            continue
        inside = x
        if len(x) == 1:
            safe = Value(of_it[0][0][0]).detach()
            inside = [where(condition, x[0], safe) if outcome else where(condition, safe, x[0])]
        sides.append(_choice(of_it, depth + 1, inside))
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
        if not branches.is_straight:
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
