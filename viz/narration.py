"""What one step says: a title, lines of arithmetic, and a sentence for a screen reader.

The sentences stand in static/sentences.json, which the page reads too (static/narration.js); a test holds the
two narrators together.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autograd_core.calculus.javascript import LIVE
from autograd_core.calculus.operation import Dot, Operation, Reduction, formula
from autograd_core.calculus.symbols import Symbol
from autograd_core.engine.value import Value
from autograd_core.steps import BackwardStep, ForwardStep, SeedStep, Step
from viz.snapshot import Snapshot
from viz.text import DASH, MOST_DIGITS, constant_digits, digits_needed, exact, exact_digits, number, visible

FORMULA_LIMIT = 80  # characters; a longer formula tells less than its value
SENTENCES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "static" / "sentences.json").read_text(encoding="utf-8")
)
_TERMS = 4  # terms of a dot product that are written out
_SHOWN = 8  # arguments of an operation that are written out
_PLACE = re.compile(r"\{(\w+)\}")


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


def operation_text(op: str) -> str:
    """An operation as a reader writes it: `+`, `tanh`, `**`."""
    return str(SENTENCES["signs"].get(op, op))


@cache
def formula_templates(operation: Operation) -> tuple[str, ...]:
    """The formula of each partial, with `{0}`, `{1}` for the operands and `{y}` for the result.

    A reduction has one formula, or two where the result has an index (softmax): for another operand, and for
    its own. In it stand `{x}` for the operand and `{m}`, `{s}`, `{n}` for the numbers of its folds.
    """
    if isinstance(operation, Dot):
        return ()
    if isinstance(operation, Reduction):
        x, m, s, y, n = (Symbol(f"{{{letter}}}") for letter in ("x", "m", "s", "y", "n"))
        return tuple(
            _text(operation.shown_partial(x, m, s, y, n, same))
            for same in (0.0, 1.0)[: 1 + operation.indexed]
        )
    names = [f"{{{k}}}" for k in range(operation.arity or 1)]
    return tuple(formula(operation, slot, names, "{y}") for slot in range(operation.arity or 1))


def partial_template(node: Value, slot: int) -> str:
    """The formula of one partial, see `formula_templates`; of any operation but `dot`."""
    operation, templates = node.operation, formula_templates(node.operation)
    if isinstance(operation, Reduction):
        return templates[operation.indexed and node.index == slot]
    return templates[min(slot, len(templates) - 1)]


def formula_differs(node: Value, slot: int, operands: Sequence[float], result: float, digits: int) -> bool:
    """Whether the formula as people write it gives another number than the rule, as far as is shown.

    0 / 0 has a value by convention, and near 1 a float y holds too few digits of 1 - y.
    """
    operation = node.operation
    try:
        if isinstance(operation, Reduction):
            m, s = operation.folds(operands)
            same = float(operation.indexed and node.index == slot)
            found = operation.shown_partial(operands[slot], m, s, result, float(len(operands)), same)
        elif operation.shown is operation.partial_rules:
            return False
        else:
            found = operation.shown[slot](*operands, result)
    except (ArithmeticError, ValueError):
        return True
    return number(found, digits) != number(node.partials[slot], digits)


def result_in(template: str, result: float, digits: int) -> str:
    """All digits of a result that shows as 1 where the formula takes it from 1; "" where its name will do."""
    if "1 - {y}" not in template or abs(float(number(result, digits))) != 1.0 or abs(result) == 1.0:
        return ""
    return exact(result, digits)


def shown_folds(m: float, s: float, n: int, digits: int) -> dict[str, str]:
    """The numbers of a reduction's folds, with the digits that exp(x - m) and 1 - exp(x - m) / s need."""
    needed = digits_needed(lambda s: s - 1.0, [s], s - 1.0, digits + 2)
    return {"m": exact(m, digits), "s": number(s, needed), "n": str(n)}


def _text(found: Any) -> str:
    return (found if isinstance(found, Symbol) else Symbol.lift(found)).text()


class Narrator:
    """Puts steps into words: one name a node, `digits` digits a number or what the arithmetic needs."""

    def __init__(self, snapshot: Snapshot, names: Sequence[str], digits: int = 4) -> None:
        self._names = dict(zip(snapshot.nodes, names, strict=True))
        self._scopes = dict(zip(snapshot.nodes, snapshot.scopes, strict=True))
        self._digits = digits
        self._data = dict(zip(snapshot.nodes, snapshot.data, strict=True))
        self._stale = frozenset(snapshot.nodes[i] for i in snapshot.stale)
        self._folds: dict[Value, tuple[float, float]] = {}

    def tell(self, step: Step) -> Sentence:
        """What this step says."""
        if isinstance(step, ForwardStep):
            return self._forward(step)
        return self._seed(step) if isinstance(step, SeedStep) else self._backward(step)

    def name(self, node: Value) -> str:
        """A node's name, see `viz.naming`."""
        return self._names[node]

    def partial_formula(self, node: Value, slot: int) -> str:
        """The formula of a partial in the names of the nodes, or "" where it says nothing new."""
        if node in self._stale:  # its partials are of numbers that are no longer there
            return ""
        operation = node.operation
        if isinstance(operation, Dot):
            factor = _factor(node, slot)
            return "" if factor is None else self._exact_name(factor)
        if operation.name == "pow" and slot == 0 and node.parents[1].is_constant:
            return self._power_rule(node)
        if formula_differs(node, slot, self._operands(node), self._data[node], self._digits):
            return ""
        template = partial_template(node, slot)
        if isinstance(operation, Reduction):
            names = self._fold_names(node, slot)
            template = template.replace("1 / {s}", "1") if names["s"] == "1" else template  # no tie
        else:
            names = {str(k): self._exact_name(parent) for k, parent in enumerate(node.parents)}
        shown = result_in(template, self._data[node], self._digits) or self.name(node)
        text = _fill(template, names | {"y": shown})
        return text if len(text) <= FORMULA_LIMIT else ""

    def _operands(self, node: Value) -> list[float]:
        return [self._data[parent] for parent in node.parents]

    def _exact_name(self, node: Value) -> str:
        """A number in a formula has all its digits: with fewer, the formula would give another number."""
        name, data = self.name(node), self._data[node]
        constant = node.is_leaf and node.is_constant and name == self._number(data)
        return exact(data, self._digits) if constant else name

    def _fold_names(self, node: Value, slot: int) -> dict[str, str]:
        """The names in the rule of softmax, mean, max ...: the folds have none, so they are their numbers."""
        if node not in self._folds:
            self._folds[node] = node.operation.folds(self._operands(node))
        m, s = self._folds[node]
        folds = shown_folds(m, s, len(node.parents), self._digits)
        return {"x": self.name(node.parents[slot]), **folds}

    def _power_rule(self, node: Value) -> str:
        base, exponent = self.name(node.parents[0]), self._data[node.parents[1]]
        if not exponent:
            return ""
        digits = exact_digits(exponent, self._digits)
        power = "" if exponent == 2.0 else f" ** {_signed(number(exponent - 1.0, digits))}"
        return f"{number(exponent, digits)} * {base}{power}"

    def opening(self, forward: bool, later: bool) -> str:
        """What is known at first: nothing is computed, or all; gradients of earlier sweeps, or none."""
        parts = SENTENCES["openings"]
        return str(parts["forward" if forward else "backward"] + parts["later" if later else "first"])

    def _forward(self, step: ForwardStep) -> Sentence:
        node = step.node
        function = plain_function(node)
        digits = self._needed(function, step.arguments, step.value)
        names = [self.name(parent) for parent in node.parents]
        kind, shown, now = "forward", self._digits, math.nan
        if node in self._stale:
            now = _tried(function, step.arguments) if function else math.nan
            same = now == step.value or (now != now and step.value != step.value)
            kind = "stale_partials" if same else "stale"
            while not same and shown < MOST_DIGITS and number(now, shown) == number(step.value, shown):
                shown += 1
        operands = zip(node.parents, step.arguments, strict=True)
        digits = max(digits, shown)
        numbers = [number(x, constant_digits(x, digits) if p.is_constant else digits) for p, x in operands]
        words = {
            "name": self.name(node),
            "expression": _expression(node, names),
            "numbers": _expression(node, numbers),
            "now": number(now, shown) if math.isfinite(now) else DASH,
            "value": number(step.value, shown),
            "place": self._place(node),
            "spoken": _spoken(node, names),
        }
        return _sentence(kind, words, "forward")

    def _seed(self, step: SeedStep) -> Sentence:
        words = {
            "name": self.name(step.node),
            "gradient": self._number(step.gradient),
            "sum": self._sum(step.before, step.gradient, step.after),
            "after": self._number(step.after),
        }
        return _sentence("seed" if step.gradient == 1.0 else "seed_other", words, "backward")

    def _backward(self, step: BackwardStep) -> Sentence:
        digits = self._needed(lambda p, u: p * u, (step.partial, step.upstream), step.product)
        words = {
            "node": self.name(step.node),
            "parent": self.name(step.parent),
            "partial": self._partial(step),
            "factor": number(step.partial, digits),
            "stale": SENTENCES["stale_partial"] if step.node in self._stale else "",
            "upstream": number(step.upstream, digits),
            "signed_partial": _signed(number(step.partial, digits)),
            "signed_upstream": _signed(number(step.upstream, digits)),
            "product": self._number(step.product),
            "sum": self._sum(step.before, step.product, step.after),
            "before": SENTENCES["nothing"] if step.before is None else self._number(step.before),
            "after": self._number(step.after),
            "place": self._place(step.parent),
        }
        return _sentence("backward", words)

    def _partial(self, step: BackwardStep) -> str:
        """A partial, and its formula before it; where that is a number, all of its digits alone."""
        text = self.partial_formula(step.node, step.slot)
        try:
            if float(text) == step.partial:
                return text
        except ValueError:
            pass
        return f"{text} = " * bool(text) + self._number(step.partial)

    def _sum(self, before: float | None, term: float, after: float) -> str:
        """How a contribution is added up: `2.049 + 0.8 = 2.849`; the first one is the sum."""
        if before is None:
            return self._number(after)
        digits = self._needed(lambda a, b: a + b, (before, term), after)
        words = {
            "first": number(before, digits),
            "second": _signed(number(term, digits)),
            "after": self._number(after),
        }
        return _fill(SENTENCES["sum"], words)

    def _needed(self, function: Callable[..., float] | None, operands: Sequence[float], result: float) -> int:
        return digits_needed(function, operands, result, self._digits) if function else self._digits

    def _place(self, node: Value) -> str:
        """Where a node is; labels such as w0 stand in every neuron."""
        scope = self._scopes[node]
        return _fill(SENTENCES["place"], {"scope": visible(scope, 60)}) if scope else ""

    def _number(self, value: float | None) -> str:
        return DASH if value is None else number(value, self._digits)


def plain_function(node: Value) -> Callable[..., float] | None:
    """The node's operation on plain numbers, where it is cheap, and where a page can compute it too."""
    operation = node.operation
    most = 2 * _TERMS + 1 if operation.name == "dot" else _SHOWN
    if operation.name not in LIVE or len(node.parents) > most:
        return None
    return lambda *operands: operation.value(*operands, index=node.index)


def _tried(function: Callable[..., float], operands: Sequence[float]) -> float:
    try:
        return function(*operands)
    except (ArithmeticError, ValueError):
        return math.nan


def _sentence(kind: str, words: Mapping[str, str], phase: str = "") -> Sentence:
    patterns = SENTENCES[kind]
    lines = tuple(_fill(line, words) for line in patterns["lines"])
    return Sentence(phase or kind, _fill(patterns["title"], words), lines, _fill(patterns["say"], words))


def _fill(pattern: str, words: Mapping[str, str]) -> str:
    """The pattern with its places filled, all at once: a label may look like a place."""
    return _PLACE.sub(lambda place: words.get(place[1], place[0]), pattern)


def _expression(node: Value, arguments: list[str]) -> str:
    operator = SENTENCES["infix"].get(node.op)
    if operator and len(arguments) == 2:
        first = _signed(arguments[0]) if node.op == "pow" else arguments[0]
        return f"{first} {operator} {_signed(arguments[1])}"
    if node.op == "neg":
        return f"-{_signed(arguments[0])}"
    if node.op == "dot":
        return _sum_of_products(arguments)
    entry = f"[{node.index}]" if _has_entries(node) else ""
    return f"{node.op}({_listed(arguments)}){entry}"


def _has_entries(node: Value) -> bool:
    """Whether the node is one of several results, as of softmax."""
    return isinstance(node.operation, Reduction) and node.operation.indexed


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
    word = SENTENCES["words"].get(node.op)
    if word and len(arguments) == 2:
        return f"{arguments[0]} {word} {arguments[1]}"
    entry = f"entry {node.index} of " if _has_entries(node) else ""
    return f"{entry}{node.op} of {_listed(arguments)}"


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
