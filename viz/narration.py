"""What one step says: a title, lines of arithmetic, and a sentence for a screen reader."""

import re
from dataclasses import dataclass

from autograd_core.calculus.operations import Reduction, formula
from autograd_core.calculus.symbols import Symbol
from autograd_core.engine.value import Value
from autograd_core.steps import BackwardStep, ForwardStep, SeedStep, Step
from viz.text import DASH, number, visible

FORMULA_LIMIT = 80  # characters; a longer formula tells less than its value
_TERMS = 4  # terms of a dot product that are written out
_SHOWN = 8  # arguments of an operation that are written out
_NAME = re.compile(r"[^\W\d]\w*\Z")
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "mod": "%"}

_WORDS = {
    "add": "plus",
    "sub": "minus",
    "mul": "times",
    "div": "divided by",
    "pow": "to the power of",
    "mod": "modulo",
}


@dataclass(frozen=True)
class Sentence:
    """What one step says.

    Attributes:
        phase: `"forward"` or `"backward"`.
        title: The assignment in symbols.
        lines: The same with numbers.
        say: The same in words.
    """

    phase: str
    title: str
    lines: tuple[str, ...]
    say: str


class Narrator:
    """Puts steps into words, with one name a node.

    Args:
        names: Each node's name.
        digits: Significant digits of the numbers.
    """

    def __init__(self, names: dict[Value, str], digits: int = 4) -> None:
        self._names = {node: visible(name, 24) for node, name in names.items()}
        self._digits = digits
        self._folds: dict[Value, tuple[float, float]] = {}

    def tell(self, step: Step) -> Sentence:
        """What this step says."""
        if isinstance(step, ForwardStep):
            return self._forward(step)
        return self._seed(step) if isinstance(step, SeedStep) else self._backward(step)

    def name(self, node: Value) -> str:
        """A node's name: its label or its number; a constant's name is its value."""
        if node.is_constant and not node.label:
            return self._number(node.data)
        return self._names[node]

    def partial_formula(self, node: Value, slot: int) -> str:
        """The formula of a partial in the names of the nodes, or "" where it says nothing new."""
        operation = node.operation
        if operation is None:
            return ""
        if operation.name == "dot":
            factor = _factor(node, slot)
            return "" if factor is None else self.name(factor)
        if operation.name == "pow" and slot == 0 and node.parents[1].is_constant:
            return self._power_rule(node)
        text = self._reduction(node, slot) if isinstance(operation, Reduction) else self._rule(node, slot)
        return text if len(text) <= FORMULA_LIMIT else ""

    def _rule(self, node: Value, slot: int) -> str:
        operation = node.operation
        names = [self._symbol(parent, f"x{k}") for k, parent in enumerate(node.parents[:_SHOWN])]
        known = names if operation.arity is not None and len(names) == operation.arity else None
        return formula(operation, slot, known, self._symbol(node, "y"))

    def _reduction(self, node: Value, slot: int) -> str:
        """The rule of softmax, mean, max ... with the numbers of its folds, which have no names."""
        operation, parents = node.operation, node.parents
        if node not in self._folds:
            self._folds[node] = operation.folds([parent.data for parent in parents])
        m, s = self._folds[node]
        x, y = Symbol(self._symbol(parents[slot], "x")), Symbol(self._symbol(node, "y"))
        same = float(operation.indexed and node.index == slot)
        found = operation.partial(x, m, s, y, float(len(parents)), same)
        return found.text() if isinstance(found, Symbol) else ""

    def _power_rule(self, node: Value) -> str:
        base, exponent = self._symbol(node.parents[0], "x0"), node.parents[1].data
        power = "" if exponent == 2.0 else f" ** {_signed(self._number(exponent - 1.0))}"
        return f"{self._number(exponent)} * {base}{power}"

    def _forward(self, step: ForwardStep) -> Sentence:
        name = self.name(step.node)
        arguments = [self.name(parent) for parent in step.node.parents]
        numbers = [self._number(argument) for argument in step.arguments]
        value = self._number(step.value)
        title = f"{name} = {_expression(step.node, arguments)}"
        lines = (f"= {_expression(step.node, numbers)}", f"= {value}{_place(step.node)}")
        say = f"Forward. {name} is {_spoken(step.node, arguments)}: {value}."
        return Sentence("forward", title, lines, say)

    def _seed(self, step: SeedStep) -> Sentence:
        name = self.name(step.node)
        before, after = self._number(step.before), self._number(step.after)
        title = f"∂{name}/∂{name} = {self._number(step.gradient)}"
        lines = ("the gradient of the output with respect to itself", f"grad({name}): {before} → {after}")
        return Sentence(
            "backward", title, lines, f"Backward. The gradient of the output {name} starts at {after}."
        )

    def _backward(self, step: BackwardStep) -> Sentence:
        node, parent = self.name(step.node), self.name(step.parent)
        upstream, partial, product = (self._number(x) for x in (step.upstream, step.partial, step.product))
        before, after = self._number(step.before), self._number(step.after)
        text = self.partial_formula(step.node, step.slot)
        lines = (
            f"∂{node}/∂{parent} = {text} = {partial}"
            if text and text != partial
            else f"∂{node}/∂{parent} = {partial}",
            f"partial × upstream = {_signed(partial)} × {_signed(upstream)} = {product}",
            f"grad({parent}): {before} → {after}{_place(step.parent)}",
        )
        say = (
            f"Backward. Along the edge from {node} to {parent}: "
            f"upstream {upstream} times partial {partial} is {product}. "
            f"The gradient of {parent} goes from {'nothing' if step.before is None else before} to {after}."
        )
        return Sentence("backward", f"grad({parent}) += ∂{node}/∂{parent} × grad({node})", lines, say)

    def _number(self, value: float | None) -> str:
        return DASH if value is None else number(value, self._digits)

    def _symbol(self, node: Value, otherwise: str) -> str:
        """A name that can stand in a formula."""
        name = self.name(node)
        return name if _NAME.match(name) or node.is_constant else otherwise


def _expression(node: Value, arguments: list[str]) -> str:
    operator = _INFIX.get(node.op)
    if operator and len(arguments) == 2:
        return f"{arguments[0]} {operator} {_signed(arguments[1])}"
    if node.op == "neg":
        return f"-{_signed(arguments[0])}"
    if node.op == "dot":
        return _sum_of_products(arguments)
    return f"{node.op}({_listed(arguments)})"


def _sum_of_products(arguments: list[str]) -> str:
    terms = len(arguments) // 2
    weights, inputs, bias = arguments[:terms], arguments[terms : 2 * terms], arguments[2 * terms :]
    if terms > _TERMS:
        return " + ".join([f"dot([{_ends(weights)}], [{_ends(inputs)}])", *bias])
    products = [f"{w} * {_signed(x)}" for w, x in zip(weights, inputs, strict=True)]
    return " + ".join(products + [_signed(b) for b in bias])


def _ends(items: list[str]) -> str:
    return f"{items[0]}, {items[1]}, …, {items[-1]}"


def _spoken(node: Value, arguments: list[str]) -> str:
    word = _WORDS.get(node.op)
    if word and len(arguments) == 2:
        return f"{arguments[0]} {word} {arguments[1]}"
    return f"{node.op} of {_listed(arguments)}"


def _place(node: Value) -> str:
    """Where a node is; labels such as w0 stand in every neuron."""
    return f"   in {visible(node.scope, 60)}" if node.scope else ""


def _signed(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def _listed(items: list[str]) -> str:
    if len(items) <= _SHOWN:
        return ", ".join(items)
    return f"{', '.join(items[: _SHOWN - 2])}, … ({len(items)} in all)"


def _factor(node: Value, slot: int) -> Value | None:
    """What an argument of a dot product is multiplied by; its parents are weights, inputs, maybe a bias."""
    parents = node.parents
    terms = len(parents) // 2
    return parents[(slot + terms) % (2 * terms)] if slot < 2 * terms else None
