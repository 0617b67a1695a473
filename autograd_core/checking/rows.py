"""One row of a check: the gradient under test against finite differences along an input or a direction."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core.checking.finite_differences import Derivative, derivative
from autograd_core.checking.options import Options
from autograd_core.checking.report import Fault, Row
from autograd_core.checking.subject import Subject, Vector
from autograd_core.checking.verdicts import Rules, judge
from autograd_core.checking.windows import EPSILON

if TYPE_CHECKING:
    from autograd_core import Value

ENOUGH = 16  # wrong rows after which another is held to steps of one scale: the check has failed


class Rows:
    """What the rows of one check at one point share, and how one is made."""

    def __init__(self, subject: Subject, rules: Rules, options: Options, generator: random.Random):
        self.subject = subject
        self.inputs = subject.inputs
        self.rules = rules
        self.options = options
        self.generator = generator
        self.numbers: Vector = list(subject.inputs.current)
        self.hints: list[str] = []
        self.faults: list[Fault] = []
        self.checked = 0
        self.unsure = 0
        self.hidden = 0.0
        self.searched: set[int] = set()
        self.wrong = 0  # rows so far
        self.brief = 0  # wrong rows that were held to one scale
        self.roots: list[Value] = []
        self.rounding: Vector = ()
        self.value = math.nan

    @property
    def names(self) -> list[str]:
        """Of the inputs."""
        return self.inputs.names

    def gradient(self) -> list[float]:
        """The gradient under test at the inputs."""
        self.inputs.move(self.numbers)
        if not self.has_gradient:
            return [0.0] * len(self.numbers)
        gradient, self.roots = self.subject.gradient()
        return gradient

    @property
    def verified(self) -> bool:
        """Whether every operation of the graph is right and no plain number in it depends on the inputs."""
        if not self.checked or self.faults or self.unsure:
            return False
        if not hasattr(self, "leaking"):
            before = list(self.inputs.current)
            self.inputs.move(self.numbers)
            twins = self.subject.twins(self.roots, moved=True)
            self.leaking = not twins or bool(self.subject.leaks(self.roots))
            self.inputs.move(before)
        return not self.leaking

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is under test, and not only a jvp."""
        return not self.options.jvp_alone

    def derive(
        self,
        function: Callable[[float], float],
        x: float,
        expected: float,
        noise: float,
        value: float | None = None,
        rounding: float = 0.0,
        **options: Any,
    ) -> Derivative:
        """The finite difference, with the precision of f."""
        slack = rounding + (self.rules.floor * abs(expected) if math.isfinite(expected) else 0.0)
        return derivative(
            function,
            x,
            expected=finite(expected),
            epsilon=self.subject.epsilon,
            noise=noise,
            value=value,
            slack=slack,
            brief=self.wrong >= ENOUGH,
            **options,
        )

    def judge(self, name: str, analytic: float, found: Derivative, rounding: float = 0.0) -> Row:
        """Compare; a graph whose operations are all right counts as verified where nothing else can tell."""
        row = judge(name, analytic, found, self.rules, rounding=rounding)
        if (row.verdict == "undecided" or (row.verdict == "noise" and row.drowned)) and self.verified:
            row = judge(name, analytic, found, self.rules, rounding=rounding, verified=True)
            if row.verdict == "ok":
                return replace(row, note="by the operations: the finite difference cannot tell")
        if row.verdict == "wrong":
            self.brief += self.wrong >= ENOUGH and found.evaluations > 0 and not found.searched
            self.wrong += 1
        return row

    def along_input(self, index: int, analytic: float, noise: float, thorough: bool = False) -> Row:
        """Vary one input."""
        here = self.numbers[index]

        def vary(x: float) -> float:
            self.inputs.set(index, x)
            return self.subject.value()

        value = self.value if self.subject.weights is None and math.isfinite(self.value) else None
        rounding = self.rounding[index] if self.rounding else 0.0
        found = self.derive(vary, here, analytic, noise, value, rounding, thorough=thorough)
        self.inputs.set(index, here)
        if found.searched:
            self.searched.add(index)
        row = self.judge(self.names[index], analytic, found, rounding)
        return row if math.isfinite(here) else replace(row, note=f"the input is {here}")

    def sizes(self) -> list[float]:
        """The size of each input; that of a typical one for inputs of 0."""
        own = sorted(abs(x) for x in self.numbers if x)
        typical = own[len(own) // 2] if own else 1.0
        return [abs(x) or typical for x in self.numbers]

    def random_direction(self) -> list[float]:
        """A direction that moves each input in proportion to its size."""
        choose, stretch = self.generator.choice, self.generator.uniform
        return [choose((-1.0, 1.0)) * stretch(0.5, 1.0) * size for size in self.sizes()]

    def moving(self, indices: Sequence[int], direction: Vector) -> Callable[[float], None]:
        """The inputs of ``indices`` as a function of t, along the direction."""

        along = [(self.numbers[i], direction[i]) for i in indices]

        def move(t: float) -> None:
            self.inputs.shift(indices, [x + t * d for x, d in along])

        return move

    def line(
        self, direction: Vector, indices: Sequence[int], gradient: Vector
    ) -> tuple[Callable[[float], float], float, float, float]:
        """f along a direction: the function of t, its slope by the gradient, and the rounding of both."""
        move = self.moving(indices, direction)

        def vary(t: float) -> float:
            move(t)
            return self.subject.value()

        terms = [gradient[i] * direction[i] for i in indices]
        expected = math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan
        moved = math.hypot(*(gradient[i] * self.numbers[i] for i in indices))
        spread = EPSILON * moved if math.isfinite(moved) else 0.0
        rounding = math.hypot(*(self.rounding[i] * direction[i] for i in indices)) if self.rounding else 0.0
        return vary, expected, spread, rounding

    def along(
        self,
        direction: Vector,
        indices: Sequence[int],
        gradient: Vector,
        noise: float,
        thorough: bool = False,
    ) -> Row:
        """Vary the inputs of ``indices`` along the direction."""
        vary, expected, spread, rounding = self.line(direction, indices, gradient)
        scale = self.scale_along(direction, indices)
        found = self.derive(vary, 0.0, expected, noise + spread, scale=scale, thorough=thorough)
        vary(0.0)
        return self.judge("direction", expected, found, rounding)

    def scale_along(self, direction: Vector, indices: Sequence[int]) -> float:
        """The step along a direction that moves the inputs by as much as they are."""
        moved = math.hypot(*(direction[i] for i in indices))
        return math.hypot(*(self.numbers[i] for i in indices)) / moved if moved else 0.0


def finite(number: float) -> float | None:
    """The number, or None when it is nan or infinite."""
    return number if math.isfinite(number) else None
