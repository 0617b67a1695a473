"""Rows for vector outputs, products (jvp, hvp) and second derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograd_core.checking.finite_differences import Derivative
from autograd_core.checking.inputs import listed
from autograd_core.checking.jacobians import rows_of
from autograd_core.checking.kinds import counted
from autograd_core.checking.report import Row
from autograd_core.checking.rows import Rows
from autograd_core.checking.subject import Vector, flat
from autograd_core.checking.windows import EPSILON

PRODUCTS = 3  # random directions along which a jvp or hvp is checked
SECOND = 1e-8  # relative error of a second derivative that is enough: gradients round more than values


class Products(Rows):
    """Rows for Jacobians, products and second derivatives."""

    def jacobian(self, noise: float) -> list[Row]:
        """Rows for every entry of the Jacobian; each evaluation serves all outputs."""
        count, rows = len(self.subject.places), []
        weights = self.subject.weights
        entries = []
        for i in range(count):
            self.subject.weights = [float(i == k) for k in range(count)]
            entries.append(self.gradient())
        self.subject.weights = [1.0] * count
        self.gradient()
        for j, name in enumerate(self.names):
            outputs = self.once(j, self.subject.outputs)
            for i, place in enumerate(self.subject.places):
                analytic = entries[i][j]
                found = self.derive(component(outputs, i), self.numbers[j], analytic, noise)
                rows.append(self.judge(f"d y{place} / d {name}", analytic, found))
            self.inputs.set(j, self.numbers[j])
        self.subject.weights = weights
        return rows

    def once(self, index: int, compute: Callable[[], list[float]]) -> Callable[[float], Vector]:
        """Numbers as a function of one input, each point computed once."""
        known: dict[float, list[float]] = {}

        def numbers(x: float) -> list[float]:
            if x not in known:
                self.inputs.set(index, x)
                known[x] = compute()
            return known[x]

        return numbers

    def gradient_here(self) -> list[float]:
        """The gradient at the current numbers."""
        self.subject.evaluations += 1
        return self.subject.gradient()[0]

    def products(self, gradient: Vector) -> list[Row]:
        """Rows for a jvp and an hvp that the caller gave, each along random directions."""
        rows = []
        for number in range(1, PRODUCTS + 1):
            direction = self.random_direction()
            if self.options.jvp is not None:
                product = self.given_product(self.options.jvp, direction)
                product = [
                    float(x) for x in flat(ordered_like(product, self.subject.result), self.subject.doubled)
                ]
                if len(product) != len(self.subject.places):
                    both = " (return the derivative alone, without the outputs)"
                    raise ValueError(
                        f"jvp returned {counted(len(product), 'number')}, and the function "
                        f"{len(self.subject.places)}"
                        + (both if len(product) == 2 * len(self.subject.places) else "")
                    )
                analytic = self.subject.reduced(product)
                rows.append(
                    self.slope_row(f"jvp, direction {number}", analytic, direction, self.subject.value)
                )
                if self.has_gradient:
                    rows.append(self.transposed_row(number, analytic, gradient, direction))
            if self.options.hvp is not None:
                tangents = self.given_product(self.options.hvp, direction)
                times = self.inputs.flatten(tangents, self.subject.conjugate)
                other = self.random_direction()
                analytic = math.fsum(w * h for w, h in zip(other, times, strict=True))
                rows.append(self.hessian_row(f"hvp, direction {number}", analytic, direction, other))
        return rows

    def given_product(self, function: Any, direction: Vector) -> Any:
        """What the caller's jvp or hvp returns for a direction."""
        return self.inputs.call(function, "plain", *self.inputs.structure(direction))

    def transposed_row(self, number: int, forward: float, gradient: Vector, direction: Vector) -> Row:
        """A row for <u, J v> = <J' u, v>: forward against reverse, without finite differences."""
        terms = [g * d for g, d in zip(gradient, direction, strict=True)]
        reverse = math.fsum(terms)
        error = 16 * self.inputs.epsilon * math.fsum(map(abs, terms))
        found = Derivative(forward, error, "smooth", None, None, 1.0, 0)
        return self.judge(f"<J'u, v> against <u, Jv>, direction {number}", reverse, found)

    def slope_row(self, name: str, analytic: float, direction: Vector, compute: Callable[[], float]) -> Row:
        """A row for a derivative along a direction."""
        every = range(len(direction))
        move = self.moving(every, direction)

        def vary(t: float) -> float:
            move(t)
            return compute()

        found = self.derive(vary, 0.0, analytic, 0.0, scale=self.scale_along(direction, every))
        move(0.0)
        return self.judge(name, analytic, found)

    def hessian_row(self, name: str, analytic: float, direction: Vector, other: Vector) -> Row:
        """A row for w' H v, against the finite difference of w' gradient along v."""

        def slope() -> float:
            return math.fsum(w * g for w, g in zip(other, self.gradient_here(), strict=True))

        with self.subject.unweighted():
            return self.slope_row(name, analytic, direction, slope)

    def second_order(self, gradient: Vector) -> list[Row]:
        """Rows for the second derivatives, against finite differences of the gradient."""
        if self.options.directions is not None or (
            self.options.hessian is None and self.subject.engine == "given"
        ):
            return self.second_order_along_directions()
        size = len(self.names)
        if self.options.hessian is None:
            units = ([float(i == j) for i in range(size)] for j in range(size))
            analytic = [self.subject.hessian_times(unit) for unit in units]
        else:
            asked = self.subject.asked(self.options.hessian)
            point = self.inputs.structure(self.numbers)
            whole = point[0] if len(point) == 1 else point
            named = dict(zip(self.inputs.keywords, point, strict=False))
            analytic = rows_of(asked, named or whole, self.inputs, what="Hessian")
        noise = 8 * EPSILON * max(map(abs, gradient))
        rows = []
        for j in range(size):
            gradients = self.once(j, self.gradient_here)
            for i in range(size):
                found = self.derive(
                    component(gradients, i), self.numbers[j], analytic[i][j], noise, accurate=SECOND
                )
                rows.append(self.judge(f"d²/d{self.names[i]} d{self.names[j]}", analytic[i][j], found))
            self.inputs.set(j, self.numbers[j])
        return rows

    def second_order_along_directions(self) -> list[Row]:
        """Rows for w' H v in random directions (with an hvp of the caller, `products` has them already)."""
        if self.options.hvp is not None:
            return []
        rows = []
        for number in range(1, (self.options.directions or 0) + 1):
            direction, other = self.random_direction(), self.random_direction()
            times = self.subject.hessian_times(direction)
            analytic = math.fsum(w * h for w, h in zip(other, times, strict=True))
            name = f"second order, direction {number} of {self.options.directions}"
            rows.append(self.hessian_row(name, analytic, direction, other))
        return rows


def ordered_like(product: Any, result: Any) -> Any:
    """What a jvp returned, its mappings in the order of the outputs' own."""
    if isinstance(product, Mapping) and isinstance(result, Mapping):
        if set(product) != set(result):
            raise ValueError(f"jvp returned the outputs {listed(product)}, and the function {listed(result)}")
        return {key: ordered_like(product[key], part) for key, part in result.items()}
    lists = isinstance(product, (list, tuple)) and isinstance(result, (list, tuple))
    if lists and len(product) == len(result):
        return [ordered_like(own, part) for own, part in zip(product, result, strict=True)]
    return product


def component(vectors: Callable[[float], Sequence[float]], index: int) -> Callable[[float], float]:
    """One component of a vector function."""
    return lambda x: vectors(x)[index]
