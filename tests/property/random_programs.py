"""Random recordable functions of every operation, and the check that a Program replays them bit for bit.

A `Plan` is a list of steps over a growing pool of Values: the inputs, the parameters, Values computed before
the recording, constants, and what the steps made. Steps are data, so that a failing plan can be shrunk and
printed. The reference is the eager loop in the text of `autograd_core.programs.program`.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.custom import CustomOperation
from autograd_core.engine.nary import apply
from autograd_core.errors import AutogradError
from autograd_core.programs import interpreter, interpreters
from autograd_core.programs.program import Program, record

BLOCKS = (0, 8, 16, 24, 32, 40, 64)
THREADS = (1, 2, 3)
LANES = (0, 1, 2, 3, 5, 8, 33, 100)
SPECIAL = (math.nan, math.inf, -math.inf, 1.7e308, -1e200, 5e-324, -2.5e-310, 0.0, -0.0, 1e-170, -1.0, 1.0)
FINITE = (0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e-160, -1e-160, 1.0, -1.0, 2.5, 1e100)
MOST_WORK = 60_000  # nodes times lanes

NAMES = [name for name, rule in OPERATIONS.items() if rule.identifier]
TOTAL = {
    *("add", "sub", "mul", "neg", "abs", "square", "sin", "cos", "atan", "tanh", "asinh", "cbrt", "erf"),
    *("erfc", "sigmoid", "logsigmoid", "softplus", "relu", "leaky_relu", "elu", "gelu", "silu", "maximum"),
    *("minimum", "where", "clip", "sign", "floor", "ceil", "stop_gradient", "greater", "greater_equal"),
    *("less", "less_equal", "equal", "dot", "sum", "mean", "logsumexp", "softmax", "log_softmax", "norm"),
    *("max", "min"),
}  # operations that take any moderate number
ACTIVATIONS = (
    *("linear", "linear", "tanh", "tanh", "relu", "sigmoid", "softplus", "leaky_relu", "gelu", "elu"),
    *("silu", "softmax", "log_softmax", "gated", "entangled", "meshed"),
)
STYLES = ("bias first", "bias last", "factors exchanged", "products first", "dot", "dot exchanged")


def _log(x: float) -> float:
    return math.log(x)


def _root(x: float) -> float:
    return math.sqrt(x)


strict = [True]


def _root_partial(x: float, y: float) -> float:
    """At 0 it raises: on Values always, in a Program where a gradient is wanted."""
    return 0.5 / y if y or strict[0] else math.nan


CUSTOM = (
    CustomOperation(_root, _root_partial, "own_root", 1, False),
    CustomOperation(lambda x: math.atan(x), lambda x, y: 1.0 / (1.0 + x * x), "own_arctangent", 1, False),
    CustomOperation(_log, lambda x, y: 1.0 / x, "own_log", 1, False),
    CustomOperation(lambda a, b: a * b, lambda a, b, y: (b, a), "own_product", 2, False),
    CustomOperation(
        lambda a, b: a if a > b else b, lambda a, b, y: (float(a > b), float(a <= b)), "own_larger", 2, True
    ),
)


# --- steps: each makes `count` Values from those of the pool


@dataclass(frozen=True)
class Step:
    """`count` new Values: `make(pool, *detail)`."""

    make: Callable[..., list[Any]]
    detail: tuple[Any, ...]
    count: int = 1

    def __str__(self) -> str:
        return f"{self.make.__name__}{self.detail}"


def filler(pool: list[Any], count: int) -> list[Any]:
    """What stands for a step that shrinking took away."""
    return [pool[0]] * count


def squashed(value: Any, squash: bool) -> Any:
    return value.tanh() if squash else value


def tamed(name: str, x: Any) -> Any:
    """A number that every operation takes: within (0.2, 0.8), or above 1 for acosh."""
    inner = 0.2 + 0.6 * x.sigmoid()
    return inner + 1.0 if name == "acosh" else inner


def operation(pool: list[Any], name: str, operands: list[int], index: int, tame: bool, squash: bool) -> Any:
    rule = OPERATIONS[name]
    values = [tamed(name, pool[i]) if tame else pool[i] for i in operands]
    if name == "polygamma":
        values[0] = ag.Value.lift(float(index % 3))
    return [squashed(apply(rule, values, index if rule.arity is None else 0), squash)]


def custom(pool: list[Any], which: int, operands: list[int], tame: bool) -> list[Any]:
    values = [tamed("", pool[i]) if tame else pool[i] for i in operands]
    return [CUSTOM[which](*values)]


def chain(
    pool: list[Any], start: int | float | None, terms: list[tuple[str, int, int]], squash: bool
) -> list[Any]:
    """A sum of products in plain Python, term by term in the given style; kept partial sums are published."""
    total = pool[start] if isinstance(start, int) else start
    kept = []
    for style, i, j in terms:
        a, b = pool[i], pool[j]
        if total is None:
            total = a * b
        elif style == "product first":
            total = a * b + total
        elif style == "minus":
            total = total - a * b
        elif style == "plain":
            total = total + a
        elif style == "three":
            total = total + a * b * a
        else:
            total = total + a * b
        if style == "kept":
            kept.append(total)
    return [*kept, squashed(total, squash)]


def dots(pool: list[Any], left: list[Any], right: list[int], bias: int | float | None, squash: bool) -> Any:
    """A dot; the left side may hold plain numbers."""
    a = [pool[i] if isinstance(i, int) else i for i in left]
    b = [pool[i] for i in right]
    if bias is None:
        return [squashed(ag.dot(a, b), squash)]
    return [squashed(ag.dot(a, b, pool[bias] if isinstance(bias, int) else bias), squash)]


def neuron(w: list[Any], x: list[Any], b: Any, style: str) -> Any:
    pairs = list(zip(w, x, strict=True))
    if style == "bias first":
        return sum((wi * xi for wi, xi in pairs), b if b is not None else 0)
    if style == "bias last":
        total = sum(wi * xi for wi, xi in pairs)
        return total if b is None else total + b
    if style == "factors exchanged":
        return sum((xi * wi for wi, xi in pairs), b if b is not None else 0)
    if style == "products first":
        total = b if b is not None else ag.Value.lift(0.0)
        for wi, xi in pairs:
            total = wi * xi + total
        return total
    if style == "dot exchanged":
        return ag.dot(x, w) if b is None else ag.dot(x, w, b)
    return ag.dot(w, x) if b is None else ag.dot(w, x, b)


def layer(
    pool: list[Any],
    weights: list[list[Any]],
    biases: list[Any],
    x: list[int],
    styles: list[str],
    activation: str,
) -> list[Any]:
    """Rows of weights (places in the pool, or plain numbers) times one vector."""
    source = [pool[i] for i in x]
    made = []
    for row, bias, style in zip(weights, biases, styles, strict=True):
        w = [pool[i] if isinstance(i, int) else ag.Value.lift(i) for i in row]
        made.append(neuron(w, source, pool[bias] if isinstance(bias, int) else bias, style))
    if activation in ("softmax", "log_softmax"):
        return list(getattr(ag, activation)(made))
    if activation in ("entangled", "meshed"):  # in a sweep the next row's parameters receive in between
        others = biases if activation == "entangled" else [row[0] for row in weights]
        following = [pool[i] if isinstance(i, int) else 0.5 for i in others[1:] + others[:1]]
        return [v.tanh() * other for v, other in zip(made, following, strict=True)]
    if activation == "gated":
        gate = ag.sigmoid(made[0])
        return [v * gate for v in made]
    return made if activation == "linear" else [getattr(ag, activation)(v) for v in made]


def elementwise(pool: list[Any], name: str, left: list[int], right: list[int], tame: bool, end: str) -> Any:
    """One operation on many values: a run of instructions."""
    rule, made = OPERATIONS[name], []
    for i, j in zip(left, right, strict=True):
        values = [tamed(name, pool[k]) if tame else pool[k] for k in (i, j, i)[: rule.arity]]
        made.append(apply(rule, values))
    return made if end == "linear" else [getattr(ag, end)(v) for v in made]


SINGULAR: tuple[Callable[[Any, Any], Any], ...] = (
    lambda x, y: ag.cbrt(x),
    lambda x, y: ag.sqrt(x * x),
    lambda x, y: (x * x) ** 0.5,
    lambda x, y: ag.sqrt(abs(x)),
    lambda x, y: x * ag.norm([x, y]),
    lambda x, y: ag.hypot(x, y),
    lambda x, y: ag.atan2(x, y),
    lambda x, y: abs(x) ** 0.0 + y,
    lambda x, y: ag.maximum(x, y) + ag.minimum(x, -y),
    lambda x, y: ag.max([x, y, x]) * ag.min([x, 0.0, y]),
    lambda x, y: ag.where(ag.greater(x, 0.0), ag.log(abs(x) + 1e-300), y),
    lambda x, y: ag.clip(x, -0.0, y),
)


def singular(pool: list[Any], which: int, x: int, y: int) -> list[Any]:
    """An expression at whose kinks and poles rows of zeros are aimed."""
    return [SINGULAR[which](pool[x], pool[y])]


def branch(pool: list[Any], left: int, right: int, operand: int) -> list[Any]:
    """A comparison: a guard of the recording."""
    return [pool[operand] * (2.0 if pool[left] > pool[right] else -0.5)]


# --- plans


@dataclass
class Plan:
    """A function of Values, and what it closes over.

    Attributes:
        shapes: of the arguments.
        parameters: the captured leaves.
        closed: Values computed before the recording, and constants.
        steps: what the function does.
        outputs: places in the pool.
        shape: of the result.
    """

    shapes: list[tuple[int, ...]]
    parameters: list[Any] = field(default_factory=list)
    closed: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    shape: tuple[int, ...] = ()

    @property
    def inputs(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    def __call__(self, *arguments: Any) -> Any:
        pool = [leaf for argument in arguments for leaf in flat(argument)]
        pool += self.parameters
        pool += self.closed
        for step in self.steps:
            pool += step.make(pool, *step.detail)
        results = [pool[i] for i in self.outputs]
        if len(self.shape) == 2:
            width = self.shape[1]
            return [results[i : i + width] for i in range(0, len(results), width)]
        return results if self.shape else results[0]

    def __str__(self) -> str:
        first = self.inputs
        lines = [
            f"pool: inputs 0 ... {first - 1} of shapes {self.shapes}, then {len(self.parameters)} parameters "
            f"from {first}, then {len(self.closed)} closed-over from {first + len(self.parameters)}"
        ]
        place = first + len(self.parameters) + len(self.closed)
        for step in self.steps:
            if step.make is not filler:
                lines.append(f"  [{place}, {step.count} of them] {step}"[:600])
            place += step.count
        return "\n".join([*lines, f"outputs {self.outputs} of shape {self.shape}"])


def flat(argument: Any) -> list[Any]:
    if isinstance(argument, ag.Value):
        return [argument]
    return [leaf for part in argument for leaf in flat(part)]


class Planner:
    """Draws a plan."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.plan = Plan(self.shapes())
        self.first = self.plan.inputs  # the first parameter's place
        self.extra: list[Any] = []
        self.matrices = [self.matrix() for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        self.scalars = [
            self.parameter(1.0) for _ in range(rng.choice((1, 2, 6)) if self.matrices else rng.choice((3, 8)))
        ]
        self.close()
        self.size = self.first + len(self.plan.parameters) + len(self.plan.closed)
        self.recent = list(range(self.first))  # what the last steps made

    def shapes(self) -> list[tuple[int, ...]]:
        rng = self.rng
        if rng.random() < 0.04:
            return []
        wide = rng.choice((1, 2, 3, 3, 4, 5, 7, 8)) if rng.random() < 0.85 else rng.randrange(9, 71)
        some: list[tuple[int, ...]] = [(wide,)]
        return rng.choice(
            (some, some, [()], [(), (wide,)], [(wide,), ()], [(2, 3)], [(2,), (1, wide), ()], [(), ()])
        )

    def parameter(self, scale: float) -> int:
        number = self.rng.gauss(0.0, scale)
        if self.rng.random() < 0.03:
            number = self.rng.choice((0.0, -0.0, 5e-324, 1e-170, 30.0))
        self.plan.parameters.append(ag.Value(number))
        return self.first + len(self.plan.parameters) - 1

    def sizes(self) -> tuple[int, int]:
        kind = self.rng.random()
        if kind < 0.7:
            return self.rng.randrange(1, 10), self.rng.randrange(2, 10)
        if kind < 0.92:
            return self.rng.randrange(1, 20), self.rng.randrange(2, 24)
        return self.rng.randrange(1, 41), self.rng.randrange(2, 71)

    def matrix(self) -> tuple[list[list[int]], list[int]]:
        """Weights and biases, laid out row by row or one after the other."""
        height, width = self.sizes()
        if self.first >= 2 and self.rng.random() < 0.4:
            width = self.first  # as wide as the program's inputs
        scale = 1.0 / math.sqrt(width)
        if self.rng.random() < 0.5:
            rows = [[self.parameter(scale) for _ in range(width)] for _ in range(height)]
            return rows, [self.parameter(1.0) for _ in range(height)]
        both = [[self.parameter(scale) for _ in range(width + 1)] for _ in range(height)]
        return [row[:width] for row in both], [row[width] for row in both]

    def close(self) -> None:
        """Values computed from the parameters beforehand, and constants."""
        plan, rng = self.plan, self.rng
        plan.closed += [ag.Value.lift(rng.choice((0.5, -1.25, 0.0, 2.0))), ag.Value(0.75).detach()]
        if rng.random() < 0.3:
            a, b = rng.choice(plan.parameters), rng.choice(plan.parameters)
            plan.closed += [ag.tanh(a * b) + b, a * a]

    # --- choosing operands

    def pick(self) -> int:
        rng = self.rng
        kind = rng.random()
        if kind < 0.5 and self.recent:
            return rng.choice(self.recent[-12:])
        if kind < 0.65:
            return rng.choice(self.scalars)
        if kind < 0.7 and self.first:
            return rng.randrange(self.first)
        if kind < 0.75 and self.matrices:
            return rng.choice(rng.choice(rng.choice(self.matrices)[0]))
        return rng.randrange(self.size)

    def some_parameter(self) -> int:
        return self.first + self.rng.randrange(len(self.plan.parameters))

    def add(self, make: Callable[..., list[Any]], *detail: Any, count: int = 1) -> None:
        self.plan.steps.append(Step(make, detail, count))
        self.recent += range(self.size, self.size + count)
        self.size += count

    # --- choosing steps

    def operation(self) -> None:
        rng = self.rng
        name = rng.choice(NAMES)
        rule = OPERATIONS[name]
        count = rule.arity or (rng.randrange(2, 8) if name == "dot" else rng.randrange(1, 7))
        operands = [self.pick() for _ in range(count)]
        tame = rng.random() < (0.15 if name in TOTAL else 0.97)
        index = rng.randrange(count) if "soft" in name or name == "polygamma" else 0
        self.add(operation, name, operands, index, tame, rng.random() < 0.4)

    def arithmetic(self) -> None:
        name = self.rng.choice(("add", "sub", "mul"))
        self.add(operation, name, [self.pick(), self.pick()], 0, False, self.rng.random() < 0.5)

    def custom(self) -> None:
        which = self.rng.randrange(len(CUSTOM))
        operands = [self.pick() for _ in range(CUSTOM[which].arity or 1)]
        self.add(custom, which, operands, self.rng.random() < 0.9)

    def chain(self) -> None:
        rng = self.rng
        usual = rng.choice(("add", "product first", "add", "mixed"))
        terms = []
        for _ in range(rng.randrange(2, rng.choice((4, 8, 20)))):
            style = usual
            if usual == "mixed" or rng.random() < 0.08:
                style = rng.choice(("add", "product first", "minus", "plain", "three", "kept"))
            a = self.some_parameter() if rng.random() < 0.6 else self.pick()
            pair = (a, self.pick() if rng.random() < 0.93 else a)
            terms.append((style, *(pair if rng.random() < 0.8 else pair[::-1])))
        start = rng.choice((None, None, 0.0, self.pick(), self.some_parameter(), 0.5))
        kept = sum(style == "kept" for style, _, _ in terms[start is None :])
        if start is None:
            terms[0] = ("add", *terms[0][1:])
        self.add(chain, start, terms, rng.random() < 0.6, count=kept + 1)

    def dot(self) -> None:
        rng = self.rng
        count = rng.randrange(1, rng.choice((4, 9, 30)))
        kind = rng.random()
        if kind < 0.4:
            left: list[Any] = [self.some_parameter() for _ in range(count)]
        elif kind < 0.5:
            left = [rng.gauss(0.0, 1.0) for _ in range(count)]
        elif kind < 0.6 and self.matrices:
            left = list(rng.choice(rng.choice(self.matrices)[0]))
        else:
            left = [self.pick() for _ in range(count)]
        right = [self.pick() for _ in left]
        if rng.random() < 0.2 and all(isinstance(i, int) for i in left):
            right = list(left)  # a sum of squares
        bias = rng.choice((None, None, self.pick(), self.some_parameter(), 0.5))
        self.add(dots, left, right, bias, rng.random() < 0.6)

    def layer(self) -> None:
        rng = self.rng
        weights, biases = self.weights()
        x = self.vector(len(weights[0]))
        style = rng.choice(STYLES)
        styles = [style if rng.random() < 0.98 else rng.choice(STYLES) for _ in weights]
        activation = rng.choice(ACTIVATIONS)
        self.add(layer, weights, biases, x, styles, activation, count=len(weights))
        if rng.random() < 0.5:
            self.recent = self.recent[-len(weights) :]

    def weights(self) -> tuple[list[list[Any]], list[Any]]:
        rng = self.rng
        kind = rng.random()
        rows: list[list[Any]]
        if not self.matrices or kind < 0.12:  # tangled
            height, width = rng.randrange(1, 6), rng.randrange(2, 6)
            rows = [[self.some_parameter() for _ in range(width)] for _ in range(height)]
            own: list[Any] = [self.some_parameter() for _ in range(height)]
        elif kind < 0.18:  # constants
            height, width = rng.randrange(1, 6), rng.randrange(2, 6)
            rows = [[rng.gauss(0.0, 1.0) for _ in range(width)] for _ in range(height)]
            own = [self.some_parameter() for _ in range(height)]
        else:
            matrix = rng.choice(self.matrices)
            rows, own = [list(row) for row in matrix[0]], list(matrix[1])
            if kind < 0.24 and len(rows) > 1:
                rows = [list(column) for column in zip(*rows, strict=True)]
                own = [self.some_parameter() for _ in rows]
            elif kind < 0.3:  # a part of it
                rows, own = rows[: len(rows) // 2 + 1], own[: len(rows) // 2 + 1]
            elif kind < 0.35:
                order = rng.sample(range(len(rows)), len(rows))
                rows, own = [rows[i] for i in order], [own[i] for i in order]
        kind = rng.random()
        if kind < 0.25:
            own = [None] * len(rows)
        elif kind < 0.32:
            own = [0.25 * i for i in range(len(rows))]
            own = [float(b) for b in own]
        elif kind < 0.37:
            own = [rng.choice(self.scalars)] * len(rows)
        elif kind < 0.42:
            own = [self.pick() for _ in rows]
        return rows, own

    def vector(self, width: int) -> list[int]:
        rng = self.rng
        kind = rng.random()
        if kind < 0.35 and self.first >= width:
            start = rng.randrange(self.first - width + 1)
            return list(range(start, start + width))
        if kind < 0.45 and self.first >= width:
            return rng.sample(range(self.first), width)
        if kind < 0.8 and len(self.recent) >= width:
            return self.recent[-width:]
        if kind < 0.9 and self.size - self.first >= width:
            varying = [i for i in range(self.size) if not 0 <= i - self.first < len(self.plan.parameters)]
            if len(varying) >= width:
                return rng.sample(varying, width)
        if kind < 0.95:
            return rng.sample(range(self.size), width) if self.size >= width else [self.pick()] * width
        return [self.pick() for _ in range(width)]

    def elementwise(self) -> None:
        rng = self.rng
        name = rng.choice([name for name in NAMES if OPERATIONS[name].arity and name != "polygamma"])
        count = rng.choice((2, 3, 5, 8, 17))
        left, right = self.several(count), self.several(count)
        tame = rng.random() < (0.2 if name in TOTAL else 0.85)
        end = rng.choice(("linear", "tanh", "atan", "sigmoid", "sign"))
        self.add(elementwise, name, left, right, tame, end, count=count)

    def several(self, count: int) -> list[int]:
        """Places side by side, or here and there."""
        if self.rng.random() < 0.7 and self.size > count:
            start = self.rng.randrange(self.size - count)
            if self.rng.random() < 0.6 and len(self.recent) > count:
                return self.recent[-count:]
            return list(range(start, start + count))
        return [self.pick() for _ in range(count)]

    def singular(self) -> None:
        x = self.rng.randrange(self.first) if self.first and self.rng.random() < 0.8 else self.pick()
        self.add(singular, self.rng.randrange(len(SINGULAR)), x, self.rng.choice((self.pick(), x)))

    def branch(self) -> None:
        self.add(branch, self.pick(), self.pick(), self.pick())

    def draw(self) -> Plan:
        rng = self.rng
        kinds = [self.operation] * 6 + [self.arithmetic] * 4 + [self.chain] * 3 + [self.dot] * 2
        kinds += [self.layer] * rng.choice((1, 4, 12)) if self.matrices else [self.layer]
        kinds += [self.elementwise] * 2
        if rng.random() < 0.15:
            kinds += [self.custom] * 2
        if rng.random() < 0.25:
            kinds += [self.singular] * 3
        if rng.random() < 0.1:
            kinds += [self.branch]
        for _ in range(rng.choice((1, 3, 6, 10, 20, 40))):
            rng.choice(kinds)()
        shape = rng.choice(((), (), (), (1,), (2,), (4,), (2, 2), (3, 1), (9,)))
        count = math.prod(shape)
        last = range(max(0, self.size - count - 3), self.size)
        kind = rng.random()
        if kind < 0.6 and len(last) >= count:
            outputs = rng.sample(last, count)
        elif kind < 0.9:
            outputs = [self.recent[-1 - k % len(self.recent)] if self.recent else 0 for k in range(count)]
        else:  # leaves, constants, twice the same
            outputs = [rng.randrange(self.size) for _ in range(count)]
        self.plan.outputs, self.plan.shape = outputs, shape
        return self.plan


# --- the reference


@dataclass
class Outcome:
    """What a run left: bits, or an error."""

    values: bytes = b""
    parameters: bytes = b""
    inputs: bytes = b""
    error: str = ""

    def difference(self, other: Outcome) -> str:
        """Where two outcomes differ, in words; empty if nowhere."""
        if self.error != other.error:
            return f"error {other.error or 'none'!r}, not {self.error or 'none'!r}"
        for name in ("values", "parameters", "inputs"):
            mine, others = getattr(self, name), getattr(other, name)
            if mine != others:
                a, b = np.frombuffer(mine), np.frombuffer(others)
                if len(a) != len(b):
                    return f"{len(b)} {name}, not {len(a)}"
                places = np.flatnonzero(a.view(np.int64) != b.view(np.int64))
                k = int(places[0])
                return f"{name}: {len(places)} of {len(a)} differ, number {k}: {b[k]!r}, not {a[k]!r}"
        return ""


def bits(numbers: Any) -> bytes:
    """The raw bits, all NaNs as one: theirs depend on the order of the operands in machine code."""
    array = np.array(numbers, dtype=np.float64)
    array[np.isnan(array)] = math.nan
    return array.tobytes()


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


ERRORS = (AutogradError, ArithmeticError, ValueError, TypeError)


def eager(
    plan: Plan,
    batches: Sequence[Any],
    seeds: Any,
    start: Sequence[float],
    program: Program | None = None,
    leaf: Callable[[float], Any] = ag.Value,
) -> Outcome:
    """The loop of the text of `autograd_core.programs.program`, from the parameters' gradients in `start`.

    With a program it is that program's graph that is built for each lane, without the nodes on which nothing
    depends: they may raise where the function is called, but are no part of a Program. `leaf` makes inputs.
    """
    for parameter, number in zip(plan.parameters, start, strict=True):
        parameter.grad = number
    values, own = [], []
    try:
        for lane, seed in enumerate(seeds):
            leaves = [[leaf(x) for x in batch[lane].ravel().tolist()] for batch in batches]
            if program is None:
                outputs = flat(plan(*map(nested, leaves, plan.shapes)))
            else:
                nodes = program.recorded.rebuild(flat(leaves))
                outputs = [nodes[i] for i in program.recorded.outputs.tolist()]
                guards = program.recorded.guards.tolist()
                if any((nodes[i].data > nodes[j].data) != bool(held) for i, j, _, held in guards):
                    outputs = flat(plan(*map(nested, leaves, plan.shapes)))
            live = [(y, g) for y, g in zip(outputs, seed.tolist(), strict=True) if not y.is_constant]
            if live:
                ag.backward([y for y, _ in live], [g for _, g in live])
            values.append([y.data for y in outputs])
            own.append([x.grad for part in leaves for x in part])
    except ERRORS as error:
        return Outcome(error=told(error))
    return Outcome(bits(values), bits([p.grad for p in plan.parameters]), bits(own))


def nested(leaves: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return leaves[0]
    if len(shape) == 2:
        return [leaves[i : i + shape[1]] for i in range(0, len(leaves), shape[1])]
    return leaves


# --- a case: a plan, rows for it, and how to run it


@dataclass
class Case:
    """A plan with rows, seeds and ways to run it.

    Attributes:
        ways: (build, block, threads, whether the inputs' gradients are wanted).
    """

    plan: Plan
    batches: list[Any]
    seeds: Any
    start: list[float]
    ways: list[tuple[str, int, int, bool]]
    extras: frozenset[str]

    def run(self) -> tuple[str, str]:
        """Return what kind of case it was, and the first difference or ''."""
        return _run(self)


def numbers_of(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Ordinary numbers, and now and then special ones among them."""
    kind = rng.random()
    made = rng.normal(size=shape)
    if kind < 0.1:
        made *= 10.0 ** rng.integers(-3, 3, shape)
    elif kind < 0.2:
        made = np.where(rng.random(shape) < 0.4, rng.choice(FINITE, shape), made)
    elif kind < 0.4:
        made = np.where(rng.random(shape) < rng.choice((0.003, 0.02, 0.1)), rng.choice(SPECIAL, shape), made)
    elif kind < 0.43:
        made *= 1e160
    return np.ascontiguousarray(made)


def builds() -> list[str]:
    return interpreters()[1:] or ["numpy"]


def random_case(seed: int) -> Case:
    """The case of a seed."""
    rng = random.Random(seed)
    plan = Planner(rng).draw()
    dice = np.random.default_rng(seed)
    work = 10 + sum(
        step.count * (2 * len(step.detail[0][0]) if step.make is layer else 6) for step in plan.steps
    )
    lanes = rng.choice([n for n in LANES if n * work <= MOST_WORK]) if plan.shapes else 1
    batches = [numbers_of(dice, (lanes, *shape)) for shape in plan.shapes]
    width = math.prod(plan.shape)
    seeds = np.broadcast_to(rng.choice((1.0, 1.0, 0.25, -3.0)), (lanes, width))
    if rng.random() < 0.3:
        seeds = numbers_of(dice, (lanes, width))
    ways = [
        (build, rng.choice(BLOCKS), rng.choice(THREADS), rng.random() < 0.5)
        for build in builds()
        for _ in range(2)
    ]
    start = [rng.choice((0.0, 1.5, rng.gauss(0.0, 1.0))) for _ in plan.parameters]  # no sum gives -0.0
    extras = {name for name in ("plain", "pickled") if rng.random() < 0.08}
    if len(plan.parameters) > 200 or work * lanes > 10_000:
        extras.discard("plain")
    return Case(plan, batches, seeds, start, ways, frozenset(extras))


def random_numbers(seed: int) -> Case:
    """One operation on many lanes of numbers from the whole range: its kernel against the eager number."""
    rng, dice = random.Random(seed), np.random.default_rng(seed)
    names = [name for name in NAMES if name not in ("lgamma", "polygamma")]  # slow for negative numbers
    name = rng.choice([*names, *("exp", "sigmoid", "softmax", "logsumexp", "log_softmax", "tanh") * 2])
    count = OPERATIONS[name].arity or 2 * rng.randrange(1, 5)
    plan = Plan([(count,)], [ag.Value(rng.choice((1.0, 0.75)))], [])
    index = rng.randrange(count) if "soft" in name else 0
    plan.steps = [
        Step(operation, (name, list(range(count)), index, False, False)),
        Step(operation, ("mul", [count, count + 1], 0, False, False)),
    ]
    plan.outputs = [count + 2]
    rows = wide_range(rng, dice, (rng.choice((40, 300, 1500)), count))
    kept = [k for k, row in enumerate(rows) if not _raises(plan, row.tolist())]
    seeds = np.broadcast_to(1.0, (len(kept), 1))
    ways = [(build, rng.choice(BLOCKS), rng.choice(THREADS), True) for build in builds()]
    return Case(plan, [np.ascontiguousarray(rows[kept])], seeds, [0.0], ways, frozenset())


def _raises(plan: Plan, row: list[float]) -> bool:
    try:
        ag.backward(plan([ag.Value(x) for x in row]))
    except ERRORS:
        return True
    return False


def wide_range(rng: random.Random, dice: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers of one kind: those that functions are sensitive to."""
    kind = rng.randrange(7)
    if kind == 0:  # any finite bits
        made = dice.integers(-(2**63), 2**63 - 1, shape).view(np.float64)
        return np.where(np.isfinite(made), made, 1.0)
    if kind == 1:
        return dice.uniform(-1.0, 1.0, shape) * rng.choice((1.0, 40.0, 760.0, 1100.0))
    if kind == 2:  # about the multiples of log(2) / 128, where a table changes
        made = dice.integers(-1000 * 128, 1000 * 128, shape) * (math.log(2.0) / 256)
        return made + dice.integers(-3, 4, shape) * np.spacing(made)
    if kind == 3:
        return dice.normal(size=shape) * 10.0 ** dice.integers(-20, 3, shape)
    if kind == 4:
        return np.where(dice.random(shape) < 0.2, dice.choice(FINITE, shape), dice.normal(size=shape))
    if kind == 5:  # the ends of exp, log1p, ...
        ends = (709.782712893384, -745.1332191019412, -708.3964185322641, 36.7368005696771, -1.0, 1.0, 0.5)
        made = dice.choice(ends, shape)
        return made + dice.integers(-6, 7, shape) * np.spacing(made)
    return np.abs(dice.normal(size=shape)) * rng.choice((1e-8, 1.0, 1e8))


def example_of(shape: tuple[int, ...]) -> Any:
    return (0.3 + 0.17 * np.arange(math.prod(shape)) % 1.0).reshape(shape).tolist()


def _run(case: Case) -> tuple[str, str]:
    plan = case.plan
    examples = [example_of(shape) for shape in plan.shapes]
    try:
        program = record(plan, *examples)
    except ERRORS as error:
        probe = eager(plan, [np.array([e]) for e in examples], np.ones((1, len(plan.outputs))), case.start)
        return "refused", "" if probe.error == told(error) else f"record: {told(error)}, eager: {probe.error}"
    expected = Expected(case, program, [0.0] * len(plan.parameters))
    for way in case.ways:
        if found := expected.difference(replayed(case, program, expected, *way)):
            return expected.kind, f"build, block, threads, inputs = {way}: {found}"
    found = _evaluated(case, program, expected) or _accumulated(case, program)
    found = found or _jacobian(case, program, expected)
    if not found and "plain" in case.extras:
        found = _uncompiled(case, examples, expected)
    if not found and "pickled" in case.extras:
        found = _pickled(case, program, expected)
    return expected.kind, found


class Expected:
    """What the eager loop left.

    If it raised, the loop over the recorded graph counts as well: a Program drops the nodes on which nothing
    depends, and meets their errors only in lanes that it hands to the function. What such lanes raise is in
    `errors`. And so does the loop over constant inputs, where a partial is what raises.
    """

    def __init__(self, case: Case, program: Program, start: Sequence[float]):
        self.outcomes = [eager(case.plan, case.batches, case.seeds, start)]
        self.errors = set()
        if self.outcomes[0].error:
            self.outcomes.append(eager(case.plan, case.batches, case.seeds, start, program))
            if "its partials" in self.outcomes[0].error:
                strict[0] = False
                lenient = (case.plan, case.batches, case.seeds, start)
                self.outcomes += [eager(*lenient, graph, ag.Value.lift) for graph in (None, program)]
                strict[0] = True
            if len({outcome.error for outcome in self.outcomes}) > 1:
                self.errors = _errors_of_lanes(case)
        self.inputs = self.outcomes[-1].inputs
        self.kind = "raising" if self.outcomes[0].error else "finite"
        first = np.frombuffer(self.outcomes[0].values + self.outcomes[0].parameters)
        if not np.isfinite(first).all():
            self.kind = "not finite"

    def difference(self, other: Outcome, only_values: bool = False) -> str:
        """Where an outcome differs from all that may be."""
        found = ""
        if other.error in self.errors:
            return ""
        for mine in self.outcomes:
            if only_values:
                if mine.error and not other.error:  # an error of the sweep
                    return ""
                mine = Outcome(mine.values, error=mine.error)
            found = mine.difference(other)
            if not found:
                return ""
        return found


def _errors_of_lanes(case: Case) -> set[str]:
    lanes = range(len(case.seeds))
    parts = [[batch[lane : lane + 1] for batch in case.batches] for lane in lanes]
    start = [0.0] * len(case.plan.parameters)
    return {eager(case.plan, part, case.seeds[:1], start).error for part in parts} - {""}


def gradient_of(case: Case) -> Any:
    """The seeds as the argument `gradient`: a number where they are all the same."""
    if case.seeds.size and (case.seeds == case.seeds.flat[0]).all() and case.seeds.flat[0] != 0.0:
        return float(case.seeds.flat[0])
    lanes = (len(case.seeds),) if case.plan.shapes else ()
    return case.seeds.reshape((*lanes, *case.plan.shape))


def replayed(
    case: Case, program: Program, expected: Expected, build: str, block: int, threads: int, inputs: bool
) -> Outcome:
    plan = case.plan
    for parameter, number in zip(plan.parameters, case.start, strict=True):
        parameter.grad = number
    try:
        with interpreter(build):
            values, gradients = program.value_and_grad(
                *case.batches, gradient=gradient_of(case), block=block, threads=threads, inputs=inputs
            )
    except ERRORS as error:
        return Outcome(error=told(error))
    if [p.grad for p in plan.parameters] != case.start:
        return Outcome(error="a parameter's own gradient was touched")
    own = [g.reshape(len(g), math.prod(s)) for g, s in zip(gradients.inputs, plan.shapes, strict=inputs)]
    return Outcome(
        bits(values),
        spread(plan, program, gradients.parameters, [0.0] * len(plan.parameters)),
        bits(np.concatenate(own, axis=1)) if inputs and own else expected.inputs,
    )


def spread(plan: Plan, program: Program, sums: Any, others: Sequence[float]) -> bytes:
    """The gradients of all the plan's parameters; those that the program did not capture are as they were."""
    found = dict(zip(map(id, program.parameters), sums.tolist(), strict=True))
    return bits([found.get(id(p), other) for p, other in zip(plan.parameters, others, strict=True)])


def _jacobian(case: Case, program: Program, expected: Expected) -> str:
    """A Jacobian in one run of many passes is that of one pass for each output."""
    width = math.prod(case.plan.shape)
    if not case.plan.shapes or width > 5 or len(case.seeds) > 40:
        return ""
    everything = tuple(range(len(case.plan.shapes)))
    try:
        found = program.jacobian(*case.batches, wrt=everything, threads=case.ways[0][2])
    except ERRORS as error:
        found = told(error)
    for k in range(width):
        seeds = np.zeros((len(case.seeds), width))
        seeds[:, k] = 1.0
        try:
            _, gradients = program.value_and_grad(
                *case.batches, gradient=seeds.reshape(len(seeds), *case.plan.shape), inputs=True
            )
        except ERRORS as error:
            if isinstance(found, str) or told(error) in expected.errors:
                return ""
            return f"program.jacobian(...): no {told(error)}"
        if isinstance(found, str):
            continue  # a later output raises
        for own, whole in zip(gradients.inputs, found, strict=True):
            one = whole.reshape(len(seeds), width, -1)[:, k] if len(seeds) else whole
            known = np.isfinite(own.ravel())  # a seed of 0 times an infinite partial is none of a Jacobian's
            if bits(own.ravel()[known]) != bits(one.ravel()[known]):
                return f"program.jacobian(...): output {k} has another gradient"
    return ""


def _evaluated(case: Case, program: Program, expected: Expected) -> str:
    """Values alone: an error of the sweep does not come out here."""
    try:
        got = Outcome(bits(program(*case.batches)))
    except ERRORS as error:
        got = Outcome(error=told(error))
    found = expected.difference(got, only_values=True)
    return f"program(...): {found}" if found else ""


def _accumulated(case: Case, program: Program) -> str:
    """`Program.backward` goes on from the gradients that are there."""
    plan = case.plan
    expected = Expected(case, program, case.start)
    for parameter, number in zip(plan.parameters, case.start, strict=True):
        parameter.grad = number
    try:
        _, block, threads, _ = case.ways[0]
        values = program.backward(*case.batches, gradient=gradient_of(case), block=block, threads=threads)
        got = Outcome(bits(values), bits([p.grad for p in plan.parameters]), expected.inputs)
    except ERRORS as error:
        got = Outcome(error=told(error))
    found = expected.difference(got)
    return f"program.backward(...): {found}" if found else ""


def _uncompiled(case: Case, examples: list[Any], expected: Expected) -> str:
    program = record(case.plan, *examples)
    found = expected.difference(replayed(case, program, expected, "numpy", 8, 1, True))
    return f"uncompiled: {found}" if found else ""


def _pickled(case: Case, program: Program, expected: Expected) -> str:
    """A Program without its function: lanes that are done eagerly follow the recorded graph."""
    plan = case.plan
    if any(step.make in (custom, branch) for step in plan.steps):
        return ""
    again = pickle.loads(pickle.dumps(Bare(program)))
    copy = replace(plan, parameters=_matching(plan, program, again))
    found = expected.difference(replayed(replace(case, plan=copy), again, expected, *case.ways[-1]))
    return f"pickled: {found}" if found else ""


class Bare:
    """Pickles a Program without its function."""

    def __init__(self, program: Program):
        self.program = program

    def __reduce__(self) -> Any:
        state = {**self.program.__getstate__(), "_f": None}
        return _bare, (state,)


def _bare(state: dict[str, Any]) -> Program:
    program = Program.__new__(Program)
    program.__setstate__(state)
    return program


def _matching(plan: Plan, program: Program, again: Program) -> list[Any]:
    twins = dict(zip(map(id, program.parameters), again.parameters, strict=True))
    return [twins.get(id(p), p) for p in plan.parameters]


# --- shrinking


def shrunk(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A smaller case that still fails: fewer ways, lanes, steps and outputs."""
    for way in case.ways:
        if fails(replace(case, ways=[way], extras=frozenset())):
            case = replace(case, ways=[way], extras=frozenset())
            break
    for keep in (slice(0, 1), slice(0, 2), slice(0, 3), slice(0, 8), slice(0, 33)):
        fewer = replace(case, batches=[b[keep] for b in case.batches], seeds=case.seeds[keep])
        if case.plan.shapes and len(fewer.seeds) < len(case.seeds) and fails(fewer):
            case = fewer
            break
    for k in reversed(range(len(case.plan.steps))):
        steps = list(case.plan.steps)
        steps[k] = Step(filler, (steps[k].count,), steps[k].count)
        fewer = replace(case, plan=replace(case.plan, steps=steps))
        if fails(fewer):
            case = fewer
    return case
