"""Derivatives as functions: grad, jacobian, hessian, vjp, jvp, hvp.

Each takes a function of numbers and returns a function. An argument may be any structure of numbers (see
`structures`); what comes back has the same form. Called with Values inside, the derivatives are graphs
themselves, so that ``grad(grad(grad(f)))`` works; so they are in Programs and in `nn.fit`. Gradients of other
Values that the function uses, a model's parameters say, are left alone.

While the function runs, a Value that depends on its arguments cannot be made a plain number, since that would
drop its gradient: ``math.exp(x)`` and ``float(x)`` raise `ConversionError`. Comparisons (``if x > 0``),
truth, ``int(x)`` and ``math.floor(x)`` may be asked for: what they say stays the same in a neighbourhood of
the point. So may text, for people: a number that is read back from it has no gradient. ``x.data`` and
``x.detach()`` are the ways to take the number on purpose.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .engine.derivatives import (
    adjoints,
    call_on_inputs,
    depends_on_inputs,
    gradients_of,
    make_constant,
    walks_so_far,
)
from .engine.derivatives import (
    tangents as carry_tangents,
)
from .engine.modes import is_recording
from .engine.sweep import Walk
from .engine.value import Value, as_value, recording
from .errors import RecordingError
from .sparsity import compress, csr_array, entries, pattern
from .structures import Rebuild, flatten, is_array, mapped, numbers_like, shape_of, to_array, to_float

__all__ = ["differentiate", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
Argnums = int | Sequence[int] | None
Argnames = str | Sequence[str] | None


@contextmanager
def derivative_graphs() -> Iterator[None]:
    """Within this block derivatives at plain numbers are nodes too, as they are while a Program is recorded.

    So what is evaluated eagerly in place of a recording has its gradients. The plain numbers are constants of
    the graph, once the block ends.

    Yields:
        Nothing.
    """
    before, points = getattr(recording, "points", None), list[Value]()
    recording.points = points
    try:
        yield
    finally:
        recording.points = before
        make_constant(points)


# --- which arguments ------------------------------------------------------------------------------------


class _Chosen:
    """Which arguments of a function are differentiated.

    Attributes:
        places: their positions and names.
        wrap: makes the result of what each of them gives.
    """

    def __init__(self, function: Function, argnums: Argnums, argnames: Argnames):
        if argnums is not None and argnames is not None:
            raise TypeError("give argnums or argnames, not both")
        self.function = function  # whose signature tells where a name stands
        self.places: list[Any]
        self.wrap: Callable[[list[Any]], Any] = operator.itemgetter(0)
        if argnames is not None:
            self.places = [argnames] if isinstance(argnames, str) else list(argnames)
            if not isinstance(argnames, str):
                self.wrap = lambda parts: dict(zip(self.places, parts, strict=True))
        elif isinstance(argnums, Iterable):
            self.places, self.wrap = [operator.index(place) for place in argnums], tuple
        else:
            self.places = [0 if argnums is None else operator.index(argnums)]
        self._refuse_repeats(self.places)

    def _refuse_repeats(self, places: Sequence[Any]) -> None:
        if len(set(places)) < len(places):
            raise ValueError(f"the arguments to differentiate are {self.places}: each may be named once")

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Return where the chosen arguments of one call stand: positions in args, and names in kwargs."""
        if self.places == [0] and args:
            return self.places
        found = [self._find(place, args, kwargs) for place in self.places]
        self._refuse_repeats(found)
        return found

    def _find(self, place: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(place, int):
            if not -len(args) <= place < len(args):
                raise TypeError(
                    f"argument {place} is to be differentiated, but the function was given {len(args)}"
                )
            return place % len(args)
        if place in kwargs:
            return place
        try:
            position = list(inspect.signature(self.function).parameters).index(place)
        except (ValueError, TypeError):
            position = len(args)
        if position < len(args):
            return position
        raise TypeError(f"argument {place!r} is to be differentiated, but the function was not given it")


# --- one evaluation -------------------------------------------------------------------------------------


_ONE_NUMBER: tuple[slice, Rebuild] = (slice(0, 1), operator.itemgetter(0))


class _Call:
    """A function evaluated on fresh leaves, one for each number of the arguments that are differentiated.

    Attributes:
        leaves: the inputs, as nodes of this call.
        arguments: for each argument the slice of its leaves, and how its form is restored.
        output: what the function returned.
        aux: what it returned beside that.
        higher: whether the derivatives are wanted as graphs.
    """

    def __init__(
        self,
        function: Function,
        chosen: _Chosen,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        has_aux: bool = False,
    ):
        self.chosen = chosen
        self.since = walks_so_far()
        self.leaves: list[Value] = []
        self.arguments: list[tuple[slice, Rebuild]] = []
        self.higher = False
        self.aux: Any = None
        inside, named = list(args), kwargs
        for place in chosen.find(args, kwargs):
            if isinstance(place, int):
                inside[place] = self._argument(args[place])
            else:
                named = {**named, place: self._argument(kwargs[place])}
        if not self.leaves and any(map(_holds_something, self.arguments)):
            raise TypeError("there is no number among the arguments to differentiate with respect to")
        self.output = call_on_inputs(function, inside, named, self.leaves)
        if has_aux:
            if not isinstance(self.output, tuple) or len(self.output) != 2:
                raise TypeError("with has_aux=True the function returns a pair: (result, anything beside it)")
            self.output, self.aux = self.output

    def _argument(self, structure: Any) -> Any:
        if type(structure) is float and not self.leaves:  # the most frequent case
            self.leaves = [Value(structure)]
            self.arguments.append(_ONE_NUMBER)
            return self.leaves[0]
        numbers, rebuild = flatten(structure)
        leaves = [Value(number) if type(number) is float else self._leaf(number) for number in numbers]
        self.arguments.append((slice(len(self.leaves), len(self.leaves) + len(leaves)), rebuild))
        self.leaves += leaves
        return rebuild(leaves)

    def _leaf(self, number: Any) -> Value:
        """Return a node of this call's own; for a Value, one that passes derivatives through to it."""
        if not isinstance(number, Value):
            return Value(to_float(number))
        self.higher = True
        return number * 1.0  # not + 0.0, which would lose the sign of -0.0

    def decide(self, nodes: list[Value]) -> None:
        """Decide whether graphs are wanted: so if an argument was a Value, while recording, or within
        `derivative_graphs`.

        So too where the result uses numbers that an enclosing transform is differentiating: in ``grad(lambda
        x: x * grad(lambda y: x * y)(1.0))`` the inner gradient is x, not the number that x has.
        """
        points = getattr(recording, "points", None)
        if points is not None:
            points += [leaf for leaf in self.leaves if leaf.is_leaf]
        self.higher = self.higher or points is not None or is_recording() or depends_on_inputs(nodes)

    def nodes(self, result: Any) -> tuple[list[Value], Rebuild]:
        """Return the numbers of a result as nodes, and how its form is restored."""
        numbers, rebuild = flatten(result)
        nodes = [as_value(number) for number in numbers]
        self.decide(nodes)
        return nodes, rebuild

    def scalar(self, name: str) -> Value:
        """Return the result as one node."""
        output = self.output
        if not isinstance(output, Value):
            if is_array(output) and output.size == 1:
                output = output.item()
            elif is_array(output) or isinstance(output, (list, tuple, dict)):
                raise TypeError(f"{name} wants a function that returns one number; use jacobian for several")
            output = as_value(output)
        self.decide([output])
        return output

    def plain(self, nodes: list[Value]) -> list[Any]:
        """Return the numbers of nodes, or the nodes where graphs are wanted."""
        return nodes if self.higher else [node.data for node in nodes]

    def plain_aux(self) -> Any:
        """Return what stood beside the result, its Values as numbers unless graphs are wanted."""
        return self.aux if self.higher else mapped(lambda node: node.data, self.aux)

    def derivatives(self, outputs: list[Value], seeds: list[Any]) -> list[Any]:
        """Return d(sum_k seed_k output_k)/d leaf for each leaf: floats, or Values where graphs are wanted."""
        if self.higher or Value in map(type, seeds):
            return [as_value(adjoint) for adjoint in adjoints(outputs, self.leaves, seeds, self.since)]
        return gradients_of(outputs, seeds, self.leaves, self.since)

    def parts(self, numbers: Sequence[Any]) -> list[Any]:
        """Return one number for each leaf in the form of each argument."""
        return [rebuild(numbers[place]) for place, rebuild in self.arguments]

    def shaped(self, numbers: Sequence[Any]) -> Any:
        """Return one number for each leaf in the form of the argument, or of the several ones."""
        return self.chosen.wrap(self.parts(numbers))


def _holds_something(argument: tuple[slice, Rebuild]) -> bool:
    structure = argument[1]([])
    return not is_array(structure) and structure != type(structure)()


def _value_and_grad(
    function: Function, argnums: Argnums, argnames: Argnames, has_aux: bool, name: str
) -> Function:
    """Return the function that computes ((value, anything beside it), gradient)."""
    chosen = _Chosen(function, argnums, argnames)

    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        call = _Call(function, chosen, args, kwargs, has_aux)
        output = call.scalar(name)
        gradient = call.shaped(call.derivatives([output], [1.0]))
        return (output if call.higher else output.data), call.plain_aux() if has_aux else None, gradient

    return evaluate


def grad(
    function: Function, argnums: Argnums = None, *, argnames: Argnames = None, has_aux: bool = False
) -> Function:
    """Return the function that computes the gradient of `function`.

    Args:
        function: returns one number.
        argnums: which argument to differentiate, by position, or several; by default the first.
        argnames: the same by name, whether it is passed by name or by position.
        has_aux: whether `function` returns a pair, its number and anything beside it.

    Returns:
        A function of the same arguments. Its result has the form of the argument; for several argnums a tuple
        of such, for several argnames a dict. With has_aux it returns (gradient, what stood beside the
        number).

    Raises:
        TypeError: an argument is missing or is no structure of real numbers, or the result is not one number.
        ValueError: an argument is named twice.
        ConversionError: the function makes a plain number of what depends on the arguments.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> grad(lambda x, y: x * y**2, argnames=["x", "y"])(2.0, y=3.0)
    {'x': 9.0, 'y': 12.0}
    >>> grad(lambda x: (x * x, "seen"), has_aux=True)(3.0)
    (6.0, 'seen')
    """
    evaluate = _value_and_grad(function, argnums, argnames, has_aux, "grad")

    def gradient(*args: Any, **kwargs: Any) -> Any:
        _, aux, result = evaluate(*args, **kwargs)
        return (result, aux) if has_aux else result

    return gradient


def value_and_grad(
    function: Function, argnums: Argnums = None, *, argnames: Argnames = None, has_aux: bool = False
) -> Function:
    """Return the function that computes the value of `function` and its gradient.

    Args:
        function: see `grad`.
        argnums: see `grad`.
        argnames: see `grad`.
        has_aux: see `grad`.

    Returns:
        A function of the same arguments that returns (value, gradient); with has_aux ((value, what stood
        beside it), gradient).

    Raises:
        TypeError, ValueError, ConversionError: see `grad`.

    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    evaluate = _value_and_grad(function, argnums, argnames, has_aux, "value_and_grad")

    def both(*args: Any, **kwargs: Any) -> Any:
        value, aux, result = evaluate(*args, **kwargs)
        return ((value, aux) if has_aux else value), result

    return both


def jacobian(
    function: Function,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Function:
    """Return the function that computes the Jacobian of `function`, one sweep for each output.

    Args:
        function: takes and returns a number or a structure of them.
        argnums: which argument to differentiate, by position, or several; by default the first.
        argnames: the same by name.
        has_aux: whether `function` returns a pair, its result and anything beside it.
        sparse: whether to find the pattern of what can be other than 0 first, and then all of it by few
            sweeps (see `sparsity`): for large functions each of whose results depends on few inputs.

    Returns:
        A function of the same arguments. For an argument of shape s and a result of shape t it returns an
        array of shape t + s if either is an array; else the structure of the result, each number replaced by
        a structure of derivatives. For several argnums it returns a tuple of Jacobians, for several argnames
        a dict. With has_aux it returns (Jacobian, what stood beside the result).

    Raises:
        TypeError, ValueError, ConversionError: see `grad`.

    >>> jacobian(lambda x: [x[0] * x[1], x[1]])([3.0, 5.0])
    [[5.0, 3.0], [0.0, 1.0]]
    """
    chosen = _Chosen(function, argnums, argnames)

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        call = _Call(function, chosen, args, kwargs, has_aux)
        if sparse:
            result = _sparse(call, "jacobian")
        else:
            result = chosen.wrap(_blocks(call, call.output))
        return (result, call.plain_aux()) if has_aux else result

    return evaluate


def _sparse(call: _Call, name: str, symmetric: bool = False) -> Any:
    """Return the derivatives of all numbers of the result with respect to all inputs as a sparse array."""
    matrix_of = csr_array()  # what is missing is told before the work
    nodes, _ = call.nodes(call.output)
    if call.higher:
        raise TypeError(f"{name}(..., sparse=True) gives plain numbers, which cannot be differentiated again")
    leaves = call.leaves
    walk = Walk(nodes)
    wanted = {id(node): -1 for node in (*nodes, *leaves)}
    for place, node in enumerate(walk.nodes):
        if id(node) in wanted:
            wanted[id(node)] = place
    inputs, outputs = [wanted[id(leaf)] for leaf in leaves], [wanted[id(node)] for node in nodes]
    rules = [node.operation for node in walk.nodes]
    silent = [0 if rule is None else rule.silent_operands for rule in rules]
    starts, columns = pattern(walk.counts, walk.parents, inputs, outputs, silent)
    numbers = entries(
        starts,
        columns,
        compress(starts, columns, len(leaves), symmetric),
        lambda group: carry_tangents(
            nodes, [leaves[k] for k in group], [1.0] * len(group), False, call.since
        ),
        lambda group: gradients_of([nodes[i] for i in group], [1.0] * len(group), leaves, call.since),
    )
    finite = list(map(math.isfinite, numbers))
    if not all(finite):  # it spreads to whatever is summed with it: such rows by themselves
        for i, node in enumerate(nodes):
            part = slice(starts[i], starts[i + 1])
            if not all(finite[part]):
                row = gradients_of([node], [1.0], leaves, call.since)
                numbers[part] = [row[k] for k in columns[part]]
    return matrix_of((numbers, columns, starts), shape=(len(nodes), len(leaves)))


def _blocks(call: _Call, output: Any) -> list[Any]:
    """Return the derivatives of one result with respect to each argument."""
    nodes, rebuild = call.nodes(output)
    rows = [call.derivatives([node], [1.0]) for node in nodes]
    blocks = []
    for place, restore in call.arguments:
        inputs = restore([0.0] * (place.stop - place.start))
        if is_array(output) or is_array(inputs):
            numbers = [number for row in rows for number in row[place]]
            blocks.append(to_array(numbers, shape_of(output) + shape_of(inputs)))
        else:
            blocks.append(rebuild([restore(row[place]) for row in rows]))
    return blocks


def hessian(
    function: Function,
    argnums: Argnums = None,
    *,
    argnames: Argnames = None,
    has_aux: bool = False,
    sparse: bool = False,
) -> Function:
    """Return the function that computes the matrix of second derivatives: the Jacobian of the gradient.

    Args:
        function: returns one number.
        argnums: which argument to differentiate, twice, by position, or several; by default the first.
        argnames: the same by name.
        has_aux: whether `function` returns a pair, its number and anything beside it.
        sparse: see `jacobian`.

    Returns:
        A function of the same arguments; for an array of shape s its result has shape s + s. For several
        arguments it returns a tuple (dict) of tuples (dicts): first by the argument of the gradient. With
        sparse it returns one ``scipy.sparse.csr_array``, a row and a column for each number of the arguments.

    Raises:
        TypeError, ValueError, ConversionError: see `grad`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    chosen = _Chosen(function, argnums, argnames)
    symmetric = True

    def gradient(*args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        nonlocal symmetric
        call = _Call(function, chosen, args, kwargs, has_aux)
        output = call.scalar("hessian")
        if sparse:  # what users define may have any partials
            rules = (node.operation for node in Walk([output]).nodes)
            symmetric = all(rule is None or rule.identifier for rule in rules)
        return call.parts(call.derivatives([output], [1.0])), call.aux

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        call = _Call(gradient, chosen, args, kwargs, True)
        if sparse:
            result = _sparse(call, "hessian", symmetric)
        else:
            result = chosen.wrap([chosen.wrap(_blocks(call, part)) for part in call.output])
        return (result, call.plain_aux()) if has_aux else result

    return evaluate


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate `function` and return its vector-Jacobian product (Goodfellow et al. 2016, equation 6.46).

    Args:
        function: takes and returns numbers or structures of them.
        primals: the arguments, all of which are differentiated.
        has_aux: whether `function` returns a pair, its result and anything beside it.

    Returns:
        The result, and the function v -> (J^T v for each argument); v has the form of the result. With
        has_aux what stood beside the result comes third.

    Raises:
        TypeError, ConversionError: see `grad`.
        ValueError: v has another form than the result.

    >>> value, pull_back = vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> value, pull_back(10.0)
    (6.0, (30.0, 20.0))
    """
    call = _Call(function, _Chosen(function, range(len(primals)), None), primals, {}, has_aux)
    nodes, rebuild = call.nodes(call.output)
    form = rebuild(nodes)  # the caller may change the structure that the function returned

    def pull_back(cotangent: Any) -> tuple[Any, ...]:
        seeds = numbers_like(form, cotangent, "vjp: the cotangent")
        result: tuple[Any, ...] = call.shaped(call.derivatives(nodes, seeds))
        return result

    result = rebuild(call.plain(nodes))
    return (result, pull_back, call.plain_aux()) if has_aux else (result, pull_back)


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False) -> Any:
    """Evaluate `function` and its Jacobian-vector product, forward through the graph.

    Args:
        function: takes and returns numbers or structures of them.
        primals: the arguments, a sequence.
        tangents: for each argument a direction of the same form.
        has_aux: whether `function` returns a pair, its result and anything beside it.

    Returns:
        The result and J v, both in the form of the result. With has_aux what stood beside the result comes
        third.

    Raises:
        TypeError, ConversionError: see `grad`.
        ValueError: the tangents have another form than the arguments.

    >>> jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    call = _Call(function, _Chosen(function, range(len(primals)), None), tuple(primals), {}, has_aux)
    directions = numbers_like(list(primals), tangents, "jvp: the tangents")
    nodes, rebuild = call.nodes(call.output)
    call.higher = call.higher or any(isinstance(direction, Value) for direction in directions)
    flow = carry_tangents(nodes, call.leaves, directions, call.higher, call.since)
    product = rebuild([as_value(number) for number in flow] if call.higher else flow)
    result = rebuild(call.plain(nodes))
    return (result, product, call.plain_aux()) if has_aux else (result, product)


def hvp(function: Function, primal: Any, vector: Any) -> Any:
    """Return the product of the Hessian of `function` and a vector, without the Hessian.

    Args:
        function: returns one number.
        primal: the point, a number or a structure.
        vector: of the same form.

    Returns:
        H v in the form of the point: the gradient of (gradient . v). It costs a few times what the function
        costs, whatever the number of inputs.

    Raises:
        TypeError, ConversionError: see `grad`.
        ValueError: the vector has another form than the point.

    >>> hvp(lambda x: x[0] ** 2 * x[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    first = _Chosen(function, None, None)

    def gradient(x: Any) -> list[Any]:
        call = _Call(function, first, (x,), {})
        return call.derivatives([call.scalar("hvp")], [1.0])

    weights = numbers_like(primal, vector, "hvp: the vector")
    call = _Call(gradient, first, (primal,), {})
    nodes, _ = call.nodes(call.output)
    return call.shaped(call.derivatives(nodes, weights))


# --- gradients as graphs --------------------------------------------------------------------------------


def differentiate(
    output: Value | Sequence[Value], inputs: Sequence[Value], gradients: Sequence[Any] | None = None
) -> list[Value]:
    """Return the gradient as a graph of its own, which can be differentiated again.

    What `output` chooses (maximum, where, relu, ...) is chosen by nodes of the new graph, so that a Program
    of it is right for other numbers.

    Args:
        output: one Value or several.
        inputs: the nodes to differentiate with respect to, leaves or not.
        gradients: what to start with for each output, numbers or Values; by default 1.

    Returns:
        One Value for each input; a constant 0 where the output does not depend on it.

    Raises:
        TypeError: an output or input is not a Value.
        ValueError: there are not as many gradients as outputs.
        GraphError: ``data`` was assigned since the graph was made, so that its numbers belong to no one
            point.
        RecordingError: a Program is being recorded, and an output depends on a loop in it.

    >>> x = Value(3.0)
    >>> (slope,) = differentiate(x**3, [x])
    >>> slope.data, differentiate(slope, [x])[0].data
    (27.0, 18.0)
    """
    outputs = [output] if isinstance(output, Value) else list(output)
    seeds = [1.0] * len(outputs) if gradients is None else [to_float(gradient) for gradient in gradients]
    if len(seeds) != len(outputs):
        raise ValueError(f"differentiate: {len(seeds)} gradients for {len(outputs)} outputs: one for each")
    results = getattr(recording, "results", ())
    if results and any(id(node) in results for node in Walk(outputs).nodes):
        raise RecordingError(
            "differentiate() of the result of a loop that is being recorded: take the derivative of a "
            "function that contains the loop, ag.grad(f)(x)"
        )
    return [as_value(adjoint) for adjoint in adjoints(outputs, list(inputs), seeds)]
