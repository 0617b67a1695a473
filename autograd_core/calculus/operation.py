"""What an operation is: its calculus and every other fact about it, in one object."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from ..errors import DomainError
from .primitives import OPERATIONS, Number, complement, divide, exp, hold, softmax
from .symbols import Symbol

__all__ = ["OPERATIONS", "Domain", "Dot", "Exponentials", "Operation", "Reduction", "formula", "real"]

Rule = Callable[..., Number]
Domain = Callable[..., bool]


class Operation:
    """An operation of one to three operands.

    Attributes:
        name: its name, the same as the method's or function's: ``"tanh"``.
        symbol: how a node shows it: ``"+"``.
        arity: the number of operands; None for any number.
        rule: the value, y = rule(a, ...). Its parameters' names and defaults are those of the method.
        partial_rules: for each operand k, dy/da_k = rule(a, ..., y).
        scalar: the rule, except that it raises where plain Python raises: only where the rule is not finite,
            since the compiled engine asks it only there.
        raises: whether the scalar raises for any operands: by default, whether it is another than the rule.
        selecting: whether a zero partial means "not chosen", see `operations.py`.
        native: whether the rule has C text; other operations are computed by calling Python.
        summary: what the method and the function say they are; "" where Python's own syntax stands for them.
        definition: the value in mathematics, in mpmath's functions and the parameters' names: the tests'
            independent reference.
        ordinary: tells where random graphs use the operation: away from its singular points and kinks. None
            where a random graph has no use for it.
        aliases: more names of the method, those that NumPy asks for.
        shown: the partials as people write them, where the rules' own form, which keeps digits, is another.
        identifier: its number in the C header, 0 for a user-defined operation.

    Example:
        >>> from autograd_core.calculus.operations import OPERATIONS
        >>> tanh = OPERATIONS["tanh"]
        >>> tanh.arity, tanh.value(0.0), tanh.partials((0.0,), 0.0)
        (1, 0.0, (1.0,))
    """

    arity: int | None

    def __init__(
        self,
        name: str,
        rule: Rule,
        *partial_rules: Rule,
        summary: str = "",
        definition: str = "",
        symbol: str = "",
        scalar: Rule | None = None,
        raises: bool | None = None,
        selecting: bool = False,
        native: bool = True,
        ordinary: Domain | None = None,
        aliases: Sequence[str] = (),
        shown: Sequence[Rule] = (),
    ):
        self.name = name
        self.symbol = symbol or name
        self.arity = len(partial_rules) or None
        self.rule = rule
        self.partial_rules = partial_rules
        self.scalar = scalar or rule
        self.raises = scalar is not None if raises is None else raises
        self.selecting = selecting
        self.native = native
        self.summary = summary
        self.definition = definition
        self.ordinary = ordinary
        self.aliases = tuple(aliases)
        self.shown = tuple(shown) or partial_rules
        self.identifier = 0

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The operands' names."""
        code = getattr(self.rule, "__code__", None)
        if self.arity is None or code is None:
            return ("x",) if self.arity == 1 else ("a", "b", "c")[: self.arity]
        return tuple(code.co_varnames[: self.arity])

    @cached_property
    def defaults(self) -> tuple[float, ...]:
        """The numbers that the last operands have if they are left out."""
        return tuple(getattr(self.rule, "__defaults__", None) or ())

    @property
    def has_method(self) -> bool:
        """Whether a method of Value bears the name: Python's own operators stand for the others."""
        return bool(self.summary) and not hasattr(operator, self.name)

    @property
    def has_plain_method(self) -> bool:
        """Whether the method takes nothing beside the node, or one operand that is called b."""
        return self.has_method and self.parameters[1:] in ((), ("b",)) and not self.defaults

    @property
    def method_summary(self) -> str:
        """What the method says it is."""
        return self.summary + f" Here {self.parameters[0]} is this node." * (self.arity != 1)

    @cached_property
    def silent_operands(self) -> int:
        """How many operands, from the first, never get a gradient: their partials are 0, "not chosen"."""
        if not self.selecting or not self.partial_rules or not self.identifier:
            return 0
        operands = [Symbol(name) for name in self.parameters]
        partials = [rule(*operands, Symbol("y")) for rule in self.partial_rules]
        sending = (
            k for k, partial in enumerate(partials) if not isinstance(partial, float) or partial != 0.0
        )
        return next(sending, len(partials))

    @property
    def sends_nothing(self) -> bool:
        """Whether no gradient ever passes to any operand."""
        return self.silent_operands > 0 and self.silent_operands == self.arity

    def value(self, *operands: float, index: int = 0) -> float:
        """Return the value for plain numbers; raise what Python raises, DomainError for a complex result."""
        return real(self.name, self.scalar(*operands))

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/da_k for each operand, in its own kind: floats, Values (a graph) or Symbols (a text)."""
        return tuple(rule(*operands, y) for rule in self.partial_rules)

    def __reduce__(self) -> Any:
        return _operation_named, (self.name,)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


class Reduction(Operation):
    """An operation of any number of operands x_0 ... x_{n-1}, in two folds::

        m = fold of pre(m, x_j) from `pre0`;  s = fold of step(s, x_j, m) from 0;  y = finish(m, s, n, x_i)
        dy/dx_j = partial(x_j, m, s, y, n, same)      same = 1 where j is the node's own index i, else 0

    `m` only shifts or scales: differentiation holds it constant.
    """

    partial_parameters = "x m s y n same"

    def __init__(
        self,
        name: str,
        *,
        step: Rule,
        finish: Rule,
        partial: Rule,
        pre0: float = 0.0,
        pre: Rule = lambda m, x: m,
        indexed: bool = False,
        **facts: Any,
    ):
        super().__init__(name, self._fold, **facts)
        self.pre0, self.pre, self.step, self.finish, self.partial = pre0, pre, step, finish, partial
        self.indexed = indexed

    def folds(self, operands: Sequence[Number]) -> tuple[Number, Number]:
        """Return m and s."""
        m: Number = self.pre0
        for x in operands:
            m = self.pre(m, x)
        m = hold(m)
        s: Number = 0.0
        for x in operands:
            s = self.step(s, x, m)
        return m, s

    def formulas(self) -> Iterator[tuple[str, list[str], Number]]:
        """Yield (name, parameters, formula) of each part, for whoever writes it in a language."""
        parts = {"pre": "m x", "step": "s x m", "finish": "m s n x", "partial": self.partial_parameters}
        for name, parameters in parts.items():
            names = parameters.split()
            yield name, names, getattr(self, name)(*map(Symbol, names))

    def _fold(self, *operands: Number, index: int = 0) -> Number:
        m, s = self.folds(operands)
        return self.finish(m, s, float(len(operands)), operands[index])

    def value(self, *operands: float, index: int = 0) -> float:
        """Return the value for plain numbers."""
        return float(self._fold(*operands, index=index))

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand."""
        m, s = self.folds(operands)
        return self.partials_of(operands, m, s, y, index)

    def partials_of(
        self, operands: Sequence[Number], m: Number, s: Number, y: Number, index: int
    ) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand, from the folds."""
        n = float(len(operands))
        return tuple(self.partial(x, m, s, y, n, float(j == index)) for j, x in enumerate(operands))

    def shown_partial(self, x: Number, m: Number, s: Number, y: Number, n: Number, same: Number) -> Number:
        """Return the partial as people write it, of Symbols."""
        return self.partial(x, m, s, y, n, same)


class Exponentials(Reduction):
    """A reduction whose partials are made of w_j = exp(x_j - m) / s, the softmax of the operands::

        dy/dx_j = partial(w_j, y, same, others)       others = the sum of w_k over k other than the own index

    The sum of the others is 1 - w_i without the cancellation of 1 - w_i.
    """

    partial_parameters = "w y same others"

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand; on Values the w_j are nodes of softmax."""
        if hasattr(operands[0], "softmax"):
            return self.partials_from(softmax(operands), y, index)
        return super().partials(operands, y, index)

    def partials_of(
        self, operands: Sequence[Number], m: Number, s: Number, y: Number, index: int
    ) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand, from the folds."""
        return self.partials_from([divide(self.step(0.0, x, m), s) for x in operands], y, index)

    def partials_from(self, weights: Sequence[Number], y: Number, index: int) -> tuple[Number, ...]:
        """Return dy/dx_j for each operand, from the softmax of the operands."""
        others: Number = 0.0
        for k, w in enumerate(weights):
            if k != index and self.indexed:
                others = others + w
        others = complement(weights[index], others)
        return tuple(self.partial(w, y, float(j == index), others) for j, w in enumerate(weights))

    def shown_partial(self, x: Number, m: Number, s: Number, y: Number, n: Number, same: Number) -> Number:
        """Return the partial as people write it, of Symbols."""
        return self.shown[0](divide(exp(x - m), s), y, same)


class Dot(Operation):
    """bias + w_0 x_0 + w_1 x_1 + ..., added in that order.

    The operands are w_0 ... w_{n-1}, x_0 ... x_{n-1} and, if there is one, the bias.
    """

    def __init__(self, name: str):
        super().__init__(name, self._sum_of_products, symbol="·")

    @staticmethod
    def _sum_of_products(*operands: Number) -> Number:
        n = len(operands) // 2
        total = operands[-1] if len(operands) % 2 else operands[0] * operands[n]
        for j in range(0 if len(operands) % 2 else 1, n):
            total = total + operands[j] * operands[n + j]
        return total

    def partials(self, operands: Sequence[Number], y: Number, index: int = 0) -> tuple[Number, ...]:
        """Return x_j for w_j, w_j for x_j, and 1 for the bias."""
        n = len(operands) // 2
        bias = (1.0,) if len(operands) % 2 else ()
        return (*operands[n : 2 * n], *operands[:n], *bias)


def real(name: str, result: Any) -> float:
    """Return the result of an operation as a float.

    Raises:
        DomainError: if it is complex.
        TypeError: if it is no number; text is none.
    """
    if getattr(result, "size", None) == 1:  # an array or a scalar of NumPy
        result = result.item()
    if isinstance(result, complex):
        raise DomainError(f"{name}: the result {result!r} is not a real number", name)
    if isinstance(result, (str, bytes)) or not hasattr(result, "__float__"):  # float("3") is 3.0
        raise TypeError(f"{name} returned {type(result).__name__}, not one real number")
    return float(result)


def _operation_named(name: str) -> Operation:
    try:
        return OPERATIONS[name]
    except KeyError:
        raise LookupError(
            f"no operation named {name!r} is known here: import the module that defines it before loading"
        ) from None


def add_operation(operation: Operation) -> None:
    """Give a built-in operation its number.

    Raises:
        ValueError: there is an operation of that name.
    """
    if operation.name in OPERATIONS:
        raise ValueError(f"there are two rows for the operation {operation.name!r}")
    operation.identifier = len(OPERATIONS) + 1
    OPERATIONS[operation.name] = operation


def formula(
    operation: Operation, operand: int = 0, names: Sequence[str] | None = None, result: str = "y"
) -> str:
    """Return the text of the partial with respect to one operand.

    Args:
        operation: one of `OPERATIONS`, or a user-defined one.
        operand: which operand, from 0.
        names: the operands' names; by default x, or a, b, c.
        result: the name of the operation's own value.

    Returns:
        For example ``"1 - y * y"`` for tanh; a general description where the rule has no formula in text.
    """
    if isinstance(operation, Reduction):
        same = Symbol("[i = j]") if operation.indexed else 0.0
        x, m, s, y, n = map(Symbol, ("x", "m", "s", result, "n"))
        return _text(operation.shown_partial(x, m, s, y, n, same))
    if isinstance(operation, Dot):
        return "the factor it is multiplied by"
    arity = operation.arity or 1
    default = ("x",) if arity == 1 else ("a", "b", "c", "d", "e", "f")[:arity]
    operands = [Symbol(name) for name in (names or default)]
    try:
        if operation.identifier:
            return _text(operation.shown[operand](*operands, Symbol(result)))
        return _text(operation.partials(operands, Symbol(result))[operand])
    except Exception:  # a user's rule may call what Symbols cannot take part in
        return f"d{operation.name}/d{operands[operand].text()}"


def _text(result: Number) -> str:
    return (result if isinstance(result, Symbol) else Symbol(float(result))).text()
