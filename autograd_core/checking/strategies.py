"""Random graphs for property tests, of the built-in operations and of your own.

::

    from hypothesis import given
    from autograd_core.checking.strategies import graphs

    @given(graphs(include=[my_operation]))
    def test_my_operation_has_the_right_partials(graph):
        check_gradients(graph, graph.inputs)

A graph is a recipe: a `RandomGraph` can be called on floats, Values, or numbers of any other library, again
and again, and its ``repr`` is Python code. `graphs` needs hypothesis; `random_graph` needs a seed only.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd_core.arguments import whole_number

if TYPE_CHECKING:
    import random

    from hypothesis.strategies import SearchStrategy

__all__ = ["Kind", "RandomGraph", "Step", "graphs", "kinds", "random_graph"]

Domain = Callable[..., bool]

TRIES = {False: 8, True: 40}  # how often operands are sought for a built-in operation, and for one's own
LARGEST = 1e4  # results beyond this are not used further: they would make everything after them overflow


@dataclass(frozen=True, slots=True)
class Kind:
    """An operation that a graph may contain.

    Attributes:
        name: its name.
        function: what it does to Values and floats.
        arity: its number of operands.
        domain: tells for which operands (floats) it is used; near a singular point finite differences lose
            their accuracy.
        own: whether it is a user's, not built in.
    """

    name: str
    function: Callable[..., Any]
    arity: int
    domain: Domain = lambda *operands: True
    own: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a graph.

    Attributes:
        kind: the operation's name.
        operands: for each operand an int, the index among the inputs and the steps before, or a float, a
            constant.
    """

    kind: str
    operands: tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class RandomGraph:
    """A recipe for a graph: straight-line code of operations.

    Attributes:
        inputs: numbers at which every operation is inside its domain.
        steps: the operations, in order; the last is the output.
        functions: what each operation's name means.
    """

    inputs: tuple[float, ...]
    steps: tuple[Step, ...]
    functions: Mapping[str, Callable[..., Any]] = field(repr=False, compare=False)

    def __call__(self, *inputs: Any) -> Any:
        """Evaluate on floats (the result is a float) or on Values (the result is a graph)."""
        return self.evaluate(inputs, self.functions)

    def evaluate(
        self,
        inputs: Sequence[Any],
        functions: Mapping[str, Callable[..., Any]],
        constant: Callable[[float], Any] = float,
    ) -> Any:
        """Evaluate with other meanings of the operations.

        Args:
            inputs: one number for each of ``self.inputs``.
            functions: what each operation's name means for these numbers.
            constant: how to write a constant (``mpmath.mpf``, ``torch.tensor``, ...).
        """
        known = list(inputs)
        for step in self.steps:
            operands = [known[o] if isinstance(o, int) else constant(o) for o in step.operands]
            known.append(functions[step.kind](*operands))
        return known[-1]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the code in hypothesis's and IPython's output."""
        printer.text(f"RandomGraph:\n{self}\n")

    def __str__(self) -> str:
        def name(operand: int | float) -> str:
            if isinstance(operand, float):
                return repr(operand)
            return f"x{operand}" if operand < len(self.inputs) else f"v{operand - len(self.inputs)}"

        lines = [f"x{i} = {x!r}" for i, x in enumerate(self.inputs)]
        lines += [f"v{i} = {s.kind}({', '.join(map(name, s.operands))})" for i, s in enumerate(self.steps)]
        return "\n".join(lines)


def graphs(
    *,
    include: Sequence[Callable[..., Any]] = (),
    only: Sequence[str] | None = None,
    inputs: int = 3,
    steps: int = 12,
) -> SearchStrategy[RandomGraph]:
    """Return a hypothesis strategy of random graphs.

    Args:
        include: operations of your own (made by ``autograd_core.operation``, or any function of Values and
            floats with a fixed number of parameters); each graph contains at least one of them,
            unless no operands are found that it takes.
        only: names of the built-in operations to use; all of `kinds` by default.
        inputs: at most so many inputs.
        steps: at most so many operations.

    Raises:
        ImportError: hypothesis is not installed.
    """
    try:
        from hypothesis import strategies as st
    except ImportError as error:
        raise ImportError('random graphs need hypothesis: pip install "autograd-core[check]"') from error
    builtin, own = chosen_kinds(only, include, inputs, steps)

    @st.composite
    def build(draw: Any) -> RandomGraph:
        return grow(draw(st.randoms(use_true_random=False)), builtin, own, inputs, steps)

    return build()


def random_graph(
    generator: random.Random,
    *,
    include: Sequence[Callable[..., Any]] = (),
    only: Sequence[str] | None = None,
    inputs: int = 3,
    steps: int = 12,
) -> RandomGraph:
    """Return one random graph.

    Args:
        generator: the source of randomness.
        include: see `graphs`.
        only: see `graphs`.
        inputs: see `graphs`.
        steps: see `graphs`.
    """
    return grow(generator, *chosen_kinds(only, include, inputs, steps), inputs, steps)


def grow(
    generator: random.Random, builtin: Sequence[Kind], own: Sequence[Kind], most_inputs: int, most_steps: int
) -> RandomGraph:
    """Choose inputs, then operations whose domains hold the numbers so far."""
    values = [generator.uniform(-3.0, 3.0) for _ in range(1 + generator.randrange(most_inputs))]
    inputs = tuple(values)
    count = 1 + generator.randrange(most_steps)
    placed = generator.randrange(count) if own else -1
    steps: list[Step] = []
    for position in range(count):
        table = own if position == placed else (*builtin, *own)
        steps.append(choose_step(generator, table, values, unused(steps, len(inputs), len(values))))
    if own and len(inputs) + placed not in reached(steps, len(inputs)):
        steps.append(Step("add", (len(values) - 1, len(inputs) + placed)))
    functions = {kind.name: kind.function for kind in (ADDITION, *builtin, *own, FALLBACK)}
    return RandomGraph(inputs, tuple(steps), functions)


def unused(steps: Sequence[Step], inputs: int, count: int) -> list[int]:
    """The steps so far whose result no other step uses."""
    used = {operand for step in steps for operand in step.operands}
    return [index for index in range(inputs, count) if index not in used]


def reached(steps: Sequence[Step], inputs: int) -> set[int]:
    """The inputs and steps that the last step depends on."""
    found = {inputs + len(steps) - 1}
    for index in range(len(steps) - 1, -1, -1):
        if inputs + index in found:
            found.update(operand for operand in steps[index].operands if isinstance(operand, int))
    return found


def choose_step(
    generator: random.Random, table: Sequence[Kind], values: list[float], loose: Sequence[int]
) -> Step:
    """Choose an operation and operands inside its domain; append the result to the values."""
    for _ in range(TRIES[table[0].own]):
        kind = table[generator.randrange(len(table))]
        variable = generator.randrange(kind.arity)  # one operand at least is not a constant
        operands = [choose_operand(generator, len(values), loose, i != variable) for i in range(kind.arity)]
        result = outcome(kind, [values[o] if isinstance(o, int) else o for o in operands])
        if result is not None:
            values.append(result)
            return Step(kind.name, tuple(operands))
    newest = len(values) - 1
    values.append(FALLBACK.function(values[newest]))
    return Step(FALLBACK.name, (newest,))


def choose_operand(generator: random.Random, count: int, loose: Sequence[int], constant: bool) -> int | float:
    """Choose a constant or a number so far, often one that nothing uses yet."""
    if loose and generator.randrange(2):
        return loose[generator.randrange(len(loose))]
    return (
        generator.uniform(-3.0, 3.0)
        if constant and generator.randrange(4) == 0
        else generator.randrange(count)
    )


def outcome(kind: Kind, operands: list[float]) -> float | None:
    """The operation's value, or None when it should not be used here."""
    if not kind.domain(*operands):
        return None
    try:
        result = float(kind.function(*operands))
    except (ValueError, ArithmeticError):
        return None
    return result if abs(result) < LARGEST else None


def squash(x: Any) -> Any:
    """Tanh, which is defined everywhere."""
    from autograd_core import tanh

    return tanh(x)


FALLBACK = Kind("tanh", squash, 1)
ADDITION = Kind("add", operator.add, 2)


def own_kind(function: Callable[..., Any], taken: Collection[str]) -> Kind:
    """The kind of a user's operation, under a name of its own: that of no other."""
    import inspect

    if not callable(function):
        raise TypeError(f"include= is a list of operations, not of {function!r}")
    arity = getattr(function, "arity", None) or len(inspect.signature(function).parameters)
    if not arity:
        raise ValueError(f"an operation has operands, and {function!r} has none")
    name = getattr(function, "name", None) or function.__name__
    while name in taken:
        name += "_"
    return Kind(name, function, arity, own=True)


def chosen_kinds(
    only: Sequence[str] | None, include: Sequence[Callable[..., Any]], inputs: int, steps: int
) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """The built-in kinds with these names, and the user's, for a graph that has inputs and steps."""
    whole_number("inputs", inputs, 1)
    whole_number("steps", steps, 1)
    known = kinds()
    if isinstance(only, str) or not (include or only is None or only):
        raise ValueError(f"only= is a list of one operation's name or more, not {only!r}")
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise ValueError(f"no operation named {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    own: dict[str, Kind] = {}
    for function in [include] if callable(include) else include:
        kind = own_kind(function, {ADDITION.name, FALLBACK.name, *known, *own})
        own[kind.name] = kind
    return tuple(known[name] for name in (known if only is None else only)), tuple(own.values())


@functools.cache
def kinds() -> dict[str, Kind]:
    """The built-in operations that random graphs use, with the domains in which they are well conditioned."""
    from autograd_core import functions as f
    from autograd_core.calculus.operations import BUILTIN, Reduction, anywhere

    table = [
        Kind("where", where, 3, lambda condition, a, b: abs(condition) > 1e-3),
        Kind("prod", lambda *xs: f.prod(xs), 3, anywhere),
        Kind("dot", lambda a, b, c, d, e: f.dot([a, b], [c, d], e), 5, anywhere),
    ]
    for op in BUILTIN:
        if op.ordinary is None:
            continue
        function = getattr(f, op.name, None) or getattr(operator, "truediv" if op.name == "div" else op.name)
        if isinstance(op, Reduction):
            table.append(Kind(op.name, of_three(function, op.indexed), 3, op.ordinary))
        else:
            table.append(Kind(op.name, function, (op.arity or 0) - len(op.defaults), op.ordinary))
    return {kind.name: kind for kind in table}


def of_three(function: Callable[..., Any], indexed: bool) -> Callable[..., Any]:
    """A reduction as a function of three operands: of a list of results, the one in the middle."""
    return lambda *xs: function(xs)[1] if indexed else function(xs)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Choose by the sign of a number."""
    from autograd_core import functions as f

    return f.where(f.greater(condition, 0.0), a, b)
