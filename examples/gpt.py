"""A character-level GPT made of single numbers: one layer, 16 wide, 4 heads, 16 characters of context.

Every number is a Value, so one name is a graph of some 60,000 nodes. ``python examples/gpt.py`` records one
Program for each length of name, trains on them with Adam, and prints names that it makes up. With
``--eager`` it builds the graph anew for every name instead: the same numbers, more slowly.

The model follows Vaswani et al. 2017 (attention), Zhang and Sennrich 2019 (RMSNorm); no biases.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Program, record

_TEXT = """
ada alan albert alice amelia andrew anna anton arthur barbara beatrice benedict carl caroline
charles clara claude conrad daniel david dorothy edith edward eleanor elias elizabeth emil emma emmy
eric ernest esther eva felix florence frank frieda george gertrude grace gustav hannah harold hazel
heinrich helen henry hugo ida irene isaac isabel jacob james jane johanna john joseph julia karl
katherine konrad laura leonard leo lina louis lucy ludwig margaret maria marie martha martin mary
matilda max miriam nathan niels nora olga oscar otto paul peter philip rachel ralph richard robert
rosa rosalind ruth samuel sarah sofia sophie stella thomas ursula victor vera victoria walter werner
wilhelm william
"""
NAMES = _TEXT.split()
END = 26  # the character before the first and after the last
VOCABULARY, WIDTH, HEADS, BLOCK = 27, 16, 4, 16
_ONE_HOT = np.eye(VOCABULARY)

Array = Any
Vector = list[Any]
Matrix = list[Vector]


class GPT:
    """The parameters, and the loss of a text.

    Inner products are written out as multiplications and additions; recording recognizes them. Another class
    of values may be given, to compare: it needs ``+ - * / ** exp log relu data``.

    Args:
        value: what makes a parameter of a number.
        seed: of the initial numbers, normal with standard deviation 0.08.
    """

    def __init__(self, value: Callable[[float], Any] = ag.Value, seed: int = 1):
        draw = random.Random(seed).gauss
        shapes = {
            "token": (VOCABULARY, WIDTH), "position": (BLOCK, WIDTH), "query": (WIDTH, WIDTH),
            "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH), "mix": (WIDTH, WIDTH),
            "up": (4 * WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH), "head": (VOCABULARY, WIDTH),
        }  # fmt: skip
        self.matrices: dict[str, Matrix] = {}
        for name, (rows, columns) in shapes.items():
            with ag.scope(name):
                self.matrices[name] = [[value(draw(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]
        self.foreign = value is not ag.Value

    def parameters(self) -> Vector:
        """All parameters, matrix by matrix, row by row."""
        return [p for matrix in self.matrices.values() for row in matrix for p in row]

    def loss(self, inputs: Sequence[Sequence[Any]], targets: Sequence[Sequence[Any]]) -> Any:
        """Mean cross-entropy of the next characters.

        Args:
            inputs: a one-hot row of 27 numbers for each position.
            targets: the same for the character that follows.
        """
        keys: list[Vector] = []
        values: list[Vector] = []
        total: Any = 0.0
        for position, (row, target) in enumerate(zip(inputs, targets, strict=True)):
            logits = self.logits(row, position, keys, values)
            with ag.scope("loss"):
                total = total + self._cross_entropy(logits, target)
        return total / float(len(inputs))

    def logits(self, row: Sequence[Any], position: int, keys: list[Vector], values: list[Vector]) -> Vector:
        """Scores of the next character; this position's keys and values join the earlier ones."""
        m = self.matrices
        with ag.scope("token"):
            embedding = [_dot(row, column) for column in zip(*m["token"], strict=True)]
        with ag.scope("position"):
            embedding = [a + b for a, b in zip(embedding, m["position"][position], strict=True)]
        x = self._attention(_normalized(embedding, "norm1"), keys, values)
        up = self._linear("up", _normalized(x, "norm3"))
        with ag.scope("relu"):
            hidden = [h.relu() for h in up]
        down = self._linear("down", hidden)
        with ag.scope("residual2"):
            x = [a + b for a, b in zip(x, down, strict=True)]
        return self._linear("head", x)

    def _linear(self, name: str, x: Vector) -> Vector:
        with ag.scope(name):
            return [_dot(row, x) for row in self.matrices[name]]

    def _attention(self, x: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
        normal = _normalized(x, "norm2")
        query = self._linear("query", normal)
        keys.append(self._linear("key", normal))
        values.append(self._linear("value", normal))
        mixed: Vector = []
        size = WIDTH // HEADS
        for start in range(0, WIDTH, size):
            part = slice(start, start + size)
            with ag.scope("attention"):
                scores = [_dot(query[part], key[part]) * (1.0 / math.sqrt(size)) for key in keys]
                weights = self._softmax(scores)
                mixed += [_dot(weights, [v[j] for v in values]) for j in range(start, start + size)]
        mixed = self._linear("mix", mixed)
        with ag.scope("residual1"):
            return [a + b for a, b in zip(x, mixed, strict=True)]

    def _softmax(self, scores: Vector) -> Vector:
        if not self.foreign:
            return ag.softmax(scores)
        exponentials = [score.exp() for score in scores]
        inverse = _sum(exponentials) ** -1.0
        return [e * inverse for e in exponentials]

    def _cross_entropy(self, logits: Vector, target: Sequence[Any]) -> Any:
        if not self.foreign:
            return ag.logsumexp(logits) - _dot(target, logits)
        shift = max(logit.data for logit in logits)
        exponentials = [(logit - shift).exp() for logit in logits]
        return _sum(exponentials).log() + shift - _dot(target, logits)


def _sum(terms: Sequence[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _dot(weights: Sequence[Any], x: Sequence[Any]) -> Any:
    total = weights[0] * x[0]
    for j in range(1, len(x)):
        total = total + weights[j] * x[j]
    return total


def _normalized(x: Vector, name: str) -> Vector:
    """x / sqrt(mean(x^2) + 1e-5)"""
    with ag.scope(name):
        scale = (_dot(x, x) * (1.0 / len(x)) + 1e-5) ** -0.5
        return [v * scale for v in x]


def one_hot(characters: Sequence[int]) -> Array:
    """A row of 27 numbers for each character."""
    return _ONE_HOT[characters]


def encoded(name: str) -> tuple[Array, Array]:
    """Inputs and targets of one name."""
    characters = one_hot([END, *(ord(c) - ord("a") for c in name[: BLOCK - 1]), END])
    return characters[:-1], characters[1:]


class Adam:
    """Adam (Kingma and Ba 2015), with a rate that falls to 0.

    The moments are kept as sums, 10 and 100 times the averages; all arrays stay where they are.
    """

    def __init__(self, count: int, steps: int, rate: float = 0.01):
        self.first, self.second, self.change = np.zeros(count), np.zeros(count), np.empty(count)
        self.rate, self.steps, self.done = rate, steps, 0

    def step(self, values: Array, gradient: Array) -> None:
        """Update the parameters' values."""
        rate = self.rate * (1.0 - self.done / self.steps)
        self.done += 1
        self.first *= 0.9
        self.first += gradient
        self.second *= 0.99
        self.second += np.multiply(gradient, gradient, out=self.change)
        # rate * (first / 10 / first_share) / (sqrt(second / 100 / second_share) + 1e-8)
        first_share, root_share = 1.0 - 0.9**self.done, math.sqrt(1.0 - 0.99**self.done)
        change = np.sqrt(self.second, out=self.change)
        change += 1e-7 * root_share
        np.divide(self.first, change, out=change)
        change *= rate * root_share / first_share
        values -= change


class Programs:
    """The loss and its gradient by one Program for each length of text, recorded when it is first met."""

    def __init__(self, model: GPT):
        self.model = model
        self.place = {id(p): k for k, p in enumerate(model.parameters())}
        self.programs: dict[int, tuple[Program, Array]] = {}

    def __call__(self, inputs: Array, targets: Array) -> tuple[float, Array]:
        """Loss and gradient, in the order of the model's parameters."""
        if len(inputs) not in self.programs:
            program = record(self.model.loss, inputs, targets)
            self.programs[len(inputs)] = program, np.array([self.place[id(p)] for p in program.parameters])
        program, places = self.programs[len(inputs)]
        values, found = program.value_and_grad(inputs[None], targets[None])
        gradient = np.zeros(len(self.place))
        gradient[places] = found.parameters
        return float(values[0]), gradient


class Graphs:
    """The loss and its gradient by a graph that is built anew for every text."""

    def __init__(self, model: GPT):
        self.model = model
        self.parameters = model.parameters()

    def __call__(self, inputs: Array, targets: Array) -> tuple[float, Array]:
        """Loss and gradient, in the order of the model's parameters."""
        for p in self.parameters:
            p.grad = 0.0
        loss = self.model.loss(inputs.tolist(), targets.tolist())
        loss.backward()
        return float(loss.data), ag.gradients_to_vector(self.parameters)


def train(
    model: GPT,
    gradient_of: Callable[..., tuple[float, Array]],
    steps: int,
    report: Callable[[int, float], None],
) -> None:
    """Train on one name a step."""
    parameters = model.parameters()
    values, adam = ag.parameters_to_vector(parameters), Adam(len(parameters), steps)
    for step in range(steps):
        loss, gradient = gradient_of(*encoded(NAMES[step % len(NAMES)]))
        adam.step(values, gradient)
        ag.vector_to_parameters(values, parameters)
        report(step, loss)


def invent(model: GPT, rng: random.Random, temperature: float = 0.6) -> str:
    """Draw a name from the model."""
    keys: list[Vector] = []
    values: list[Vector] = []
    character, name = END, ""
    with ag.no_grad():
        for position in range(BLOCK):
            logits = model.logits(one_hot([character])[0].tolist(), position, keys, values)
            weights = ag.softmax([logit.data / temperature for logit in logits])
            character = rng.choices(range(VOCABULARY), weights)[0]
            if character == END:
                break
            name += chr(ord("a") + character)
    return name


def main() -> None:
    """Train, and print some names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument(
        "--eager", action="store_true", help="build the graph for every name, without programs"
    )
    options = parser.parse_args()
    model, recent = GPT(), [0.0] * 50
    started = time.perf_counter()

    def report(step: int, loss: float) -> None:
        recent[step % 50] = loss
        if (step + 1) % 50 == 0:
            seconds = time.perf_counter() - started
            print(f"step {step + 1:5d}  loss {sum(recent) / 50:.4f}  {seconds:6.1f} s")

    train(model, (Graphs if options.eager else Programs)(model), options.steps, report)
    rng = random.Random(2)
    print("invented:", ", ".join(invent(model, rng) for _ in range(15)))


if __name__ == "__main__":
    main()
