"""Derivatives as functions: grad, jacobian, hessian, vjp, jvp, hvp.

Each takes a function of numbers and returns a function. An argument may be a float, a NumPy array, or a list,
tuple or dict of such; what comes back has the same form. Called with Values inside, the derivatives are
graphs themselves, so that ``grad(grad(grad(f)))`` works. Gradients of other Values that the function uses, a
model's parameters say, are left alone.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .calculus.operations import Operation, Reduction
from .engine.modes import enable_grad, ieee
from .engine.nary import refuse_stale
from .engine.sweep import sweep, topological_order
from .engine.value import Value, as_value

__all__ = ["differentiate", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]


# --- structures: floats, arrays, sequences, dicts -------------------------------------------------------


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "reshape") and hasattr(x, "ravel")


def flatten(structure: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """Take a structure apart.

    Args:
        structure: a number or Value; an array; or a list, tuple or dict of structures.

    Returns:
        Its numbers in order, and the function that puts as many numbers back into its form. An array comes
        back as one of float64, or of objects where Values are among the numbers.
    """
    if _is_array(structure) and structure.shape != ():
        return list(structure.ravel()), lambda numbers: _as_array(numbers, structure.shape)
    if isinstance(structure, dict):
        return _join(list(structure.values()), lambda parts: dict(zip(structure, parts, strict=True)))
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return _join(list(structure), lambda parts: type(structure)(*parts))
    if isinstance(structure, (list, tuple)):
        return _join(list(structure), type(structure))
    if isinstance(structure, (str, bytes)) or structure is None:
        raise TypeError(
            f"cannot differentiate with respect to {structure!r}: numbers, arrays, lists and dicts only"
        )
    return [structure], lambda numbers: numbers[0]


def _join(
    parts: list[Any], build: Callable[[list[Any]], Any]
) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    flat = [flatten(part) for part in parts]
    numbers = [number for piece, _ in flat for number in piece]

    def rebuild(new: Sequence[Any]) -> Any:
        result, start = [], 0
        for piece, restore in flat:
            result.append(restore(new[start : start + len(piece)]))
            start += len(piece)
        return build(result)

    return numbers, rebuild


def _as_array(numbers: Sequence[Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    if any(isinstance(number, Value) for number in numbers):
        array = np.empty(len(numbers), dtype=object)
        array[:] = numbers
    else:
        array = np.array(numbers, dtype=float)
    return array.reshape(shape)


def _to_float(number: Any) -> Any:
    return number if isinstance(number, Value) else as_value(number).data


def _numbers(structure: Any) -> list[Any]:
    try:
        return flatten(structure)[0]
    except TypeError:
        return []


# --- one evaluation -------------------------------------------------------------------------------------


class _Calls(threading.local):
    """The leaves of the transforms at work in this thread, the outermost first."""

    def __init__(self) -> None:
        self.leaves: list[list[Value]] = []


_calls = _Calls()


@contextmanager
def _active(leaves: list[Value]) -> Iterator[None]:
    _calls.leaves.append(leaves)
    try:
        yield
    finally:
        _calls.leaves.pop()


class _Call:
    """A function evaluated on fresh leaves, one for each number of the arguments that are differentiated."""

    def __init__(
        self, function: Function, argnums: int | Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ):
        self.single = isinstance(argnums, int)
        chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for argnum in chosen:
            if not -len(args) <= argnum < len(args):
                raise TypeError(
                    f"argument {argnum} is to be differentiated, but the function was given {len(args)}"
                )
        self.numbers, self.rebuild = flatten([args[argnum] for argnum in chosen])
        self.higher = any(isinstance(number, Value) for number in self.numbers)
        # Values are used as they are: a derivative of theirs is wanted as a graph. Each place gets a node of
        # its own.
        self.leaves = [
            _own(number) if isinstance(number, Value) else Value(_to_float(number)) for number in self.numbers
        ]
        inside = list(args)
        for argnum, structure in zip(chosen, self.rebuild(self.leaves), strict=True):
            inside[argnum] = structure
        with _active(self.leaves), enable_grad():
            self.output = function(*inside, **kwargs)
        self.higher = self.higher or self._depends_on_outer_call()

    def _depends_on_outer_call(self) -> bool:
        """Tell whether the output uses numbers that an enclosing transform is differentiating.

        Then the derivative must be a graph: in ``grad(lambda x: x * grad(lambda y: x * y)(1.0))`` the inner
        gradient is x, not the number that x has.
        """
        if not _calls.leaves:
            return False
        nodes = [output for output in _numbers(self.output) if isinstance(output, Value)]
        outer = set().union(*_calls.leaves)
        return any(node in outer for node in topological_order(*nodes))

    def shaped(self, numbers: Sequence[Any]) -> Any:
        """Return one number for each leaf in the form of the arguments."""
        structure = self.rebuild(numbers)
        return structure[0] if self.single else tuple(structure)

    def scalar(self, name: str) -> Value:
        """Return the output as one Value."""
        output = self.output
        if _is_array(output) and output.size == 1:
            output = output.item()
        if isinstance(output, Value):
            return output
        if _is_array(output) or isinstance(output, (list, tuple, dict)):
            raise TypeError(f"{name} wants a function that returns one number; use jacobian for several")
        return as_value(output)

    def derivatives(self, outputs: Sequence[Value], seeds: Sequence[Any]) -> list[Any]:
        """Return d(sum_k seed_k output_k)/d leaf for each leaf: floats, or Values if an argument held one."""
        if self.higher or any(isinstance(seed, Value) for seed in seeds):
            return [as_value(adjoint) for adjoint in _adjoints(outputs, self.leaves, seeds)]
        for leaf in self.leaves:
            leaf.zero_grad()
        sweep(list(outputs), list(seeds), self.leaves)
        return [leaf.grad for leaf in self.leaves]


def _own(number: Value) -> Value:
    """A node of this call's own that passes derivatives through to `number`."""
    return number * 1.0  # not + 0.0, which would lose the sign of -0.0


def grad(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return the function that computes the gradient of `function`.

    Args:
        function: returns one number.
        argnums: which argument to differentiate, or several.

    Returns:
        A function of the same arguments; its result has the form of the argument (a tuple of them for several
        argnums).

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    both = _value_and_grad(function, argnums, "grad")
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def value_and_grad(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return the function that computes the value of `function` and its gradient.

    Args:
        function: returns one number.
        argnums: which argument to differentiate, or several.

    Returns:
        A function of the same arguments that returns (value, gradient).
    """
    return _value_and_grad(function, argnums, "value_and_grad")


def _value_and_grad(function: Function, argnums: int | Sequence[int], name: str) -> Function:
    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = _Call(function, argnums, args, kwargs)
        output = call.scalar(name)
        derivatives = call.derivatives([output], [1.0])
        return (output if call.higher else output.data), call.shaped(derivatives)

    return evaluate


def jacobian(function: Function, argnum: int = 0) -> Function:
    """Return the function that computes the Jacobian of `function`, one sweep for each output.

    Args:
        function: takes and returns a number, an array, or a list, tuple or dict.
        argnum: which argument to differentiate.

    Returns:
        A function of the same arguments. For an argument of shape s and a result of shape t it returns an
        array of shape t + s if either is an array; else the structure of the result, each number replaced by
        a structure of derivatives.
    """

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        call = _Call(function, argnum, args, kwargs)
        outputs, rebuild = flatten(call.output)
        nodes = [as_value(output) for output in outputs]
        rows = [call.derivatives([node], [1.0]) for node in nodes]
        if _is_array(call.output) or _is_array(args[argnum]):
            shape = _shape(call.output) + _shape(args[argnum])
            return _as_array([number for row in rows for number in row], shape)
        return rebuild([call.shaped(row) for row in rows])

    return evaluate


def _shape(structure: Any) -> tuple[int, ...]:
    if _is_array(structure):
        return tuple(structure.shape)
    if isinstance(structure, (list, tuple)):
        return (len(structure), *(_shape(structure[0]) if structure else ()))
    if isinstance(structure, dict):
        raise TypeError("a dict has no shape: with an array on the other side, use a list")
    return ()


def hessian(function: Function, argnum: int = 0) -> Function:
    """Return the function that computes the matrix of second derivatives: the Jacobian of the gradient.

    Args:
        function: returns one number.
        argnum: which argument to differentiate, twice.

    Returns:
        A function of the same arguments; for an array of shape s its result has shape s + s.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    both = _value_and_grad(function, argnum, "hessian")
    return jacobian(lambda *args, **kwargs: both(*args, **kwargs)[1], argnum)


def vjp(function: Function, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate `function` and return its vector-Jacobian product (Goodfellow et al. 2016, equation 6.46).

    Args:
        function: takes and returns numbers or structures of them.
        primals: the arguments, all of which are differentiated.

    Returns:
        The result, and the function v -> (J^T v for each argument); v has the form of the result.
    """
    call = _Call(function, tuple(range(len(primals))), primals, {})
    outputs, rebuild = flatten(call.output)
    nodes = [as_value(output) for output in outputs]

    def pull_back(cotangent: Any) -> tuple[Any, ...]:
        seeds, _ = flatten(cotangent)
        _check_length("vjp", "cotangent", len(seeds), "result", len(nodes))
        result: tuple[Any, ...] = call.shaped(call.derivatives(nodes, [_to_float(seed) for seed in seeds]))
        return result

    return rebuild(nodes if call.higher else [node.data for node in nodes]), pull_back


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Evaluate `function` and its Jacobian-vector product, forward through the graph.

    Args:
        function: takes and returns numbers or structures of them.
        primals: the arguments, a sequence.
        tangents: for each argument a direction of the same form.

    Returns:
        The result and J v, both in the form of the result.
    """
    call = _Call(function, tuple(range(len(primals))), tuple(primals), {})
    directions, _ = flatten(list(tangents))
    _check_length("jvp", "tangents", len(directions), "primals", len(call.leaves))
    outputs, rebuild = flatten(call.output)
    nodes = [as_value(output) for output in outputs]
    higher = call.higher or any(isinstance(direction, Value) for direction in directions)
    flow = _tangents(nodes, dict(zip(call.leaves, map(_to_float, directions), strict=True)), higher)
    result = [as_value(flow.get(node, 0.0)) if higher else flow.get(node, 0.0) for node in nodes]
    return rebuild(nodes if higher else [node.data for node in nodes]), rebuild(result)


def _tangents(outputs: Sequence[Value], seeds: dict[Value, Any], higher: bool) -> dict[Value, Any]:
    """Carry tangents from the leaves to the outputs."""
    flow = dict(seeds)
    for node in topological_order(*outputs):
        if node in seeds or node.is_leaf:
            continue
        total: Any = None
        wanted = _wanted(node, flow)
        partials = _graph_partials(node, wanted) if higher else node.partials
        for parent, partial in itertools.compress(zip(node.parents, partials, strict=True), wanted):
            term = partial * flow[parent]
            total = term if total is None else total + term
        if total is not None:
            flow[node] = total
    return flow


def hvp(function: Function, primal: Any, vector: Any) -> Any:
    """Return the product of the Hessian of `function` and a vector, without the Hessian.

    Args:
        function: returns one number.
        primal: the point, a number or a structure.
        vector: of the same form.

    Returns:
        H v in the form of the point: the gradient of (gradient . v).
    """
    both = _value_and_grad(function, 0, "hvp")
    call = _Call(lambda x: both(x)[1], 0, (_lifted(primal),), {})
    gradients, _ = flatten(call.output)
    weights, _ = flatten(vector)
    _check_length("hvp", "vector", len(weights), "point", len(gradients))
    call.higher = any(isinstance(number, Value) for number in (*flatten(primal)[0], *weights))
    return call.shaped(
        call.derivatives([as_value(g) for g in gradients], [_to_float(weight) for weight in weights])
    )


def _lifted(structure: Any) -> Any:
    numbers, rebuild = flatten(structure)
    return rebuild([number if isinstance(number, Value) else Value(_to_float(number)) for number in numbers])


def _check_length(name: str, one: str, length: int, other: str, expected: int) -> None:
    if length != expected:
        raise ValueError(
            f"{name}: the {one} has {length} numbers, the {other} {expected}: they must have the same form"
        )


# --- gradients as graphs --------------------------------------------------------------------------------


def differentiate(
    output: Value | Sequence[Value], inputs: Sequence[Value], gradients: Sequence[Any] | None = None
) -> list[Value]:
    """Return the gradient as a graph of its own, which can be differentiated again.

    Args:
        output: one Value or several.
        inputs: the nodes to differentiate with respect to, leaves or not.
        gradients: what to start with for each output, numbers or Values; by default 1.

    Returns:
        One Value for each input; a constant 0 where the output does not depend on it.
    """
    outputs = [output] if isinstance(output, Value) else list(output)
    seeds = [1.0] * len(outputs) if gradients is None else list(gradients)
    _check_length("differentiate", "gradients", len(seeds), "outputs", len(outputs))
    return [as_value(adjoint) for adjoint in _adjoints(outputs, list(inputs), seeds)]


def _adjoints(outputs: Sequence[Value], inputs: Sequence[Value], seeds: Sequence[Any]) -> list[Any]:
    """Run the sweep with Values for numbers; a float stands for a gradient that depends on nothing."""
    order = topological_order(*outputs)
    refuse_stale(order)
    needed = _dependents(order, set(inputs))
    adjoints: dict[Value, Any] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        if output in needed:
            adjoints[output] = adjoints[output] + seed if output in adjoints else seed
    for node in reversed(order):
        if node not in adjoints or node.is_leaf:
            continue
        upstream, wanted = adjoints[node], _wanted(node, needed)
        partials = _graph_partials(node, wanted)
        for parent, partial in itertools.compress(zip(node.parents, partials, strict=True), wanted):
            share = _times(partial, upstream)
            adjoints[parent] = adjoints[parent] + share if parent in adjoints else share
    return [adjoints.get(node, 0.0) for node in inputs]


def _dependents(order: list[Value], targets: set[Value]) -> set[Value]:
    needed: set[Value] = set()
    for node in order:
        if node in targets or any(parent in needed for parent in node.parents):
            needed.add(node)
    return needed


def _times(partial: Any, upstream: Any) -> Any:
    """partial * upstream, without a node for a factor of 1 or -1."""
    if isinstance(partial, float) and isinstance(upstream, Value):
        if partial == 1.0:
            return upstream
        if partial == -1.0:
            return -upstream
    if isinstance(upstream, float) and upstream == 1.0:
        return partial
    return partial * upstream


def _wanted(node: Value, among: Container[Value]) -> list[bool]:
    """Tell for each parent whether it is among those, and not left out by a selection."""
    selecting = node.operation.selecting
    return [
        parent in among and not (selecting and stored == 0.0)
        for parent, stored in zip(node.parents, node.partials, strict=True)
    ]


def _graph_partials(node: Value, wanted: Sequence[bool]) -> Sequence[Any]:
    """Return the partials of a node as graphs, 0 for those not wanted.

    Constants among the operands take part as plain numbers.
    """
    operation: Operation = node.operation
    parents = node.parents
    with ieee():
        if isinstance(operation, Reduction):
            return operation.partials(parents, node, node.index)
        operands = [parent.data if parent.is_constant else parent for parent in parents]
        if type(operation) is not Operation:
            return [_as_float(partial) for partial in operation.partials(operands, node)]
        # One rule at a time: the partial with respect to an exponent is not defined for a negative base.
        rules = zip(operation.partial_rules, wanted, strict=True)
        return [_as_float(rule(*operands, node)) if use else 0.0 for rule, use in rules]


def _as_float(partial: Any) -> Any:
    return float(partial) if isinstance(partial, int) else partial
