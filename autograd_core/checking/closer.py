"""A second look at rows: ever closer to the point, and at those that rounding drowned, all together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from autograd_core.checking.directions import halved
from autograd_core.checking.finite_differences import contradicts
from autograd_core.checking.report import Row
from autograd_core.checking.rows import Rows
from autograd_core.checking.subject import Vector
from autograd_core.checking.windows import EPSILON

SINGLE = 8.0  # times half of its digits: what undecided rows of single precision may hide
CLOSER = 2  # random directions along which all inputs are brought closer to the point
TOGETHER = 4  # random directions along which undecided inputs are varied together
UNLIKELY = 10.0  # times that a mistake may be larger than what shows along all of them


class Closer(Rows):
    """What is done with the rows that the first steps gave."""

    def closer(self, rows: list[Row], gradient: Vector, noise: float) -> list[Row]:
        """Hold what the first steps decided to pairs of values ever closer to the inputs.

        All inputs are varied together, so that it costs few evaluations; those that a contradiction is found
        behind are checked anew at all scales.
        """
        at = {row.name: position for position, row in enumerate(rows)}
        quick = [
            i
            for i, name in enumerate(self.names)
            if i not in self.searched and (name not in at or rows[at[name]].verdict == "ok")
        ]
        if not rows or not quick or any(row.verdict == "wrong" for row in rows):
            return rows
        for number in range(min(len(quick), CLOSER)):
            seen = partial(self.contradicted, self.random_direction(), number == 0, gradient, noise)
            again = halved(quick, seen)
            for i in again or ():
                row = self.along_input(i, gradient[i], noise, thorough=True)
                if self.names[i] in at:
                    rows[at[self.names[i]]] = row
                elif not row.accepted:
                    rows.append(row)
            if again is not None and all(row.accepted for row in rows) and len(quick) > 1:
                row = self.along(seen.args[0], quick, gradient, noise, thorough=True)
                rows += [] if row.accepted else [replace(row, name="all inputs together")]
            if again is not None:
                break
        return rows

    def contradicted(
        self, direction: Vector, whole: bool, gradient: Vector, noise: float, indices: Sequence[int]
    ) -> bool:
        """Whether pairs of values ever closer to the inputs, or a whole span, contradict the gradient."""
        vary, expected, spread, rounding = self.line(direction, indices, gradient)
        slack = rounding + self.rules.floor * math.hypot(*(gradient[i] * direction[i] for i in indices))
        try:
            return contradicts(vary, expected, self.subject.epsilon, noise + spread, slack, whole=whole)
        finally:
            vary(0.0)

    def settle(self, rows: list[Row], gradient: Vector, noise: float) -> list[Row]:
        """Accept rows drowned in rounding that could together hide a negligible part of the gradient only.

        Negligible is half of the digits of f: 1e-8 in double precision, 3e-3 in single (whose rounding adds
        up in sums), of the gradient and of what the inputs contribute (so that their units do not matter).
        Stairs and jumps are not rounding.
        """
        drowned = [row for row in rows if row.verdict in ("undecided", "noise") and row.drowned]
        if not drowned or (self.options.full and self.subject.weights is not None):
            return rows
        hidden, wrong = self.hidden_in(drowned, gradient, noise)
        epsilon = self.subject.epsilon
        if wrong or hidden > math.sqrt(epsilon) * (SINGLE if epsilon > EPSILON else 1.0):
            return wrong + rows
        self.hidden = hidden
        accepted = set(drowned)
        return [replace(row, verdict="undecided", accepted=True) if row in accepted else row for row in rows]

    def hidden_in(self, drowned: Sequence[Row], gradient: Vector, noise: float) -> tuple[float, list[Row]]:
        """The part of the gradient that undecided rows could hide, and what is wrong with all together."""
        sizes = self.sizes()
        if self.options.directions is not None:  # the tolerance is one of the contributions already
            whole = norm(g * size for g, size in zip(gradient, sizes, strict=True))
            return part_of(norm(row.tolerance for row in drowned), whole), []
        tolerance = {row.name: row.tolerance for row in drowned}
        indices = [i for i, name in enumerate(self.names) if name in tolerance]
        hidden, wrong = 0.0, []
        for units in (sizes, [1.0] * len(sizes)):
            most = norm(tolerance[self.names[i]] * units[i] for i in indices)
            rows = self.undecided_together(indices, units, gradient, noise)
            wrong += [row for row in rows if row.verdict == "wrong"]
            if rows and all(row.verdict == "ok" for row in rows):
                most = min(most, UNLIKELY * max(row.tolerance for row in rows))
            whole = norm(g * unit for g, unit in zip(gradient, units, strict=True))
            hidden = max(hidden, part_of(most, whole))
        return hidden, wrong

    def undecided_together(
        self, indices: Sequence[int], units: Vector, gradient: Vector, noise: float
    ) -> list[Row]:
        """Vary all inputs of undecided rows at once: their slopes add up, and the rounding of f does not.

        A mistake whose parts have the norm m changes the slope along a normally distributed direction by less
        than m / `UNLIKELY` in one case of twelve, along all of them in one of 20,000, whether its parts are
        many or two that cancel. The last direction has the signs of the gradient: along it a common factor
        shows most.
        """
        if len(indices) < 2:
            return []
        rows = []
        for number in range(1, TOGETHER + 2):
            direction = [self.generator.gauss(0.0, 1.0) * unit for unit in units]
            if number > TOGETHER:
                direction = [math.copysign(unit, g) for unit, g in zip(units, gradient, strict=True)]
            row = self.along(direction, indices, gradient, noise)
            rows.append(replace(row, name=f"the undecided inputs together, direction {number}"))
        return rows


def norm(numbers: Iterable[float]) -> float:
    """The Euclidean norm of those that are finite."""
    return math.hypot(*filter(math.isfinite, numbers))


def part_of(part: float, whole: float) -> float:
    """A part of the whole, all of it where there is none."""
    return part / whole if whole else math.inf
