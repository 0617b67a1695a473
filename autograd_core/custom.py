"""User-defined operations."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .calculus.operation import OPERATIONS, Operation, real
from .calculus.primitives import Number
from .engine.modes import rule_mode
from .engine.nary import apply
from .engine.references import operation_from, reference_to
from .engine.value import Value, as_value, number_of
from .errors import GraphError

__all__ = ["CustomOperation", "operation"]


class CustomOperation(Operation):
    """An operation that a user defined; call it like the function it decorates.

    Attributes:
        function: the value, a function of floats.
        partials_rule: ``partials(a, ..., y)``, the partial with respect to each operand.

    Example:
        >>> from autograd_core import Value, operation
        >>> @operation(lambda x, y: 3 * x * x)
        ... def cube(x):
        ...     return x**3
        >>> cube.name, cube.arity, cube(Value(2.0)).data
        ('cube', 1, 8.0)
    """

    def __init__(
        self,
        function: Callable[..., float],
        partials: Callable[..., Any] | Sequence[Callable[..., Any]],
        name: str,
        arity: int,
        selecting: bool,
    ):
        super().__init__(name, function, selecting=selecting, native=False)
        self.function = function
        self.arity = arity
        self.partials_rule = partials
        self.__doc__ = function.__doc__
        self.__name__ = name
        self.__wrapped__ = function
        rules = partials if isinstance(partials, Sequence) else [partials]
        self.handle = _WeakHandle(self) if _objects_held(name, [function, *rules]) else self

    def resolve(self) -> CustomOperation:
        """Return this operation; of a handle, the operation that it stands for."""
        return self

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation: a node if any operand is a Value, else a float."""
        if len(operands) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} operands, not {len(operands)}")
        result = apply(self, [as_value(operand) for operand in operands])
        return result if any(isinstance(operand, Value) for operand in operands) else number_of(result)

    def __reduce__(self) -> Any:
        return operation_from, (reference_to(self),)

    def value(self, *operands: float, index: int = 0) -> float:
        """Return the value for plain numbers."""
        result = self.function(*operands)
        if isinstance(result, Value):
            raise TypeError(
                f"{self.name}: the function of a user-defined operation returns a number, not a Value"
            )
        return real(self.name, result)

    def numeric_partials(self, operands: Sequence[float], y: float) -> tuple[float, ...]:
        """Return the partials as floats."""
        return tuple(real(self.name, partial) for partial in self.partials(operands, y))

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/da_k for each operand, in the kind of number that is given."""
        nodes = [operand for operand in (*operands, y) if isinstance(operand, Value)]
        with rule_mode(nodes) if nodes else nullcontext():
            return self._call_rule(operands, y)

    def _call_rule(self, operands: Sequence[Number], y: Number) -> tuple[Number, ...]:
        if callable(self.partials_rule):
            result = self.partials_rule(*operands, y)
        else:
            result = tuple(rule(*operands, y) for rule in self.partials_rule)
        partials = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if len(partials) != self.arity:
            raise TypeError(
                f"{self.name}: its partials returned {len(partials)} numbers for {self.arity} operands; "
                "return one for each operand"
            )
        return partials


class _WeakHandle:
    """What nodes hold of an operation whose functions refer to objects, such as a layer.

    A node takes no part in the garbage collection: were the layer to keep one, and the node the operation,
    neither would ever be freed. Once the operation is gone, a stand-in bears its name.
    """

    def __init__(self, made: CustomOperation):
        self._reference = weakref.ref(made)
        self._facts = made.name, made.arity, made.selecting

    def resolve(self) -> CustomOperation:
        """Return the operation, or its stand-in."""
        found = self._reference()
        if found is not None:
            return found
        name, arity, selecting = self._facts

        def gone(*operands: Any) -> Any:
            raise GraphError(
                f"the user-defined operation {name!r} is gone: its functions refer to objects, and it was "
                "dropped with them; keep the operation for as long as its nodes are differentiated further"
            )

        assert arity is not None
        return CustomOperation(gone, gone, name, arity, selecting)


def _objects_held(name: str, functions: Sequence[Any]) -> bool:
    """Tell whether functions refer to objects that may refer to nodes; refuse Values among what they use."""
    waiting, seen, held = list(functions), set(), False
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Value):
            raise TypeError(
                f"{name}: the function of a user-defined operation refers to the Value {thing!r}, which "
                "would count as a constant and get no gradient: make it an operand"
            )
        if isinstance(thing, FunctionType):
            waiting += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
            waiting += vars(thing).values()
            for cell in thing.__closure__ or ():
                try:
                    waiting.append(cell.cell_contents)
                except ValueError:  # it is still to be given one
                    held = True
        elif isinstance(thing, (tuple, frozenset)):
            waiting += thing
        elif isinstance(thing, CustomOperation):
            held = held or thing.handle is not thing
        elif gc.is_tracked(thing) and not isinstance(
            thing, (type, ModuleType, BuiltinFunctionType, Operation)
        ):
            held = True
    return held


def operation(
    partials: Callable[..., Any] | Sequence[Callable[..., Any]],
    *,
    name: str | None = None,
    selecting: bool = False,
) -> Callable[[Callable[..., float]], CustomOperation]:
    """Make an operation of a function of floats and its partials.

    The partials are called with the operands and the value, ``partials(a, b, y)``, and return one number for
    each operand. Written with this package's functions (``autograd_core.cos``, not ``math.cos``) they serve
    higher-order gradients too; a rule that reads a plain number where a graph is wanted raises
    `RecordingError` instead of dropping a term, and one that gives other numbers on Values than on floats
    raises `GraphError`. It may compare, and ask for ``int(x)`` or ``math.floor(x)``, which stay the same
    nearby; a Program then refuses a derivative that was taken before.

    Args:
        partials: one function that returns a number for each operand, or one function for each operand.
        name: the operation's name; by default the function's.
        selecting: True if a partial of 0 means that the operand was not chosen, so that nothing is sent to
            it.

    Returns:
        A decorator.

    The operation lives while somebody holds it. Nodes do, unless its functions refer to objects (``self`` of
    a layer, a list): such an operation must be kept for as long as its nodes are differentiated further.

    Raises:
        TypeError: if the function takes other than a fixed number of operands, or refers to a Value.
        ValueError: if the name is that of a built-in operation, or of one that another function made.

    >>> import math, autograd_core as ag
    >>> @ag.operation(lambda x, y: 1 / (1 + x * x))
    ... def arctangent(x):
    ...     return math.atan(x)
    >>> x = ag.Value(1.0)
    >>> arctangent(x).backward()
    >>> x.grad
    0.5
    """

    def decorator(function: Callable[..., float]) -> CustomOperation:
        chosen = name or function.__name__
        known = OPERATIONS.get(chosen)
        if known is not None:
            _check_name(chosen, known, function)
        result = CustomOperation(function, partials, chosen, _arity(function), selecting)
        OPERATIONS[chosen] = result
        return result

    return decorator


def _check_name(name: str, known: Operation, function: Callable[..., float]) -> None:
    """Refuse a name that is taken; the same definition may be repeated, as in a notebook."""
    if not isinstance(known, CustomOperation):
        raise ValueError(f"{name!r} is a built-in operation: give yours another name")
    if _place(known.function) != _place(function):
        module, what = _place(known.function)
        raise ValueError(
            f"there is an operation {name!r} already, made of {what} in {module}: give yours another name, "
            f"@operation(..., name=...)"
        )


def _place(function: Callable[..., float]) -> tuple[str, str]:
    """Where a function was defined: its module and its qualified name."""
    return getattr(function, "__module__", "?"), getattr(function, "__qualname__", repr(function))


def _arity(function: Callable[..., float]) -> int:
    import inspect

    parameters = list(inspect.signature(function).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or any(parameter.kind not in plain for parameter in parameters):
        raise TypeError(
            f"{function.__name__}: an operation takes a fixed number of positional operands, at least one"
        )
    return len(parameters)
