"""Random functions with loops, branches and structures, and every derivative of their Programs.

Values and summed gradients are the eager ones to the bit, the other derivatives to rounding.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.errors import AutogradError
from autograd_core.programs.program import Program, record
from tests.property.random_programs import CUSTOM, NAMES, OPERATIONS, TOTAL, bits, custom, operation
from tests.property.test_derivative_graphs import SELECTIONS, SINGULAR, SMOOTH

Step = Callable[[list[Any], list[int]], list[Any]]
ERRORS = (AutogradError, ArithmeticError, ValueError)
TOLERANCE = 1e-9


# --- steps: (how many operands, the function that makes new Values of the pool's)


def built_in(chooser: random.Random) -> tuple[int, Step]:
    name = chooser.choice(NAMES)
    count = OPERATIONS[name].arity or 2 * chooser.randrange(1, 4)
    index = chooser.randrange(count) if "soft" in name or name == "polygamma" else 0
    tame, squash = chooser.random() < (0.3 if name in TOTAL else 1.0), chooser.random() < 0.5
    return count, lambda pool, places: operation(pool, name, places, index, tame, squash)


def user_defined(chooser: random.Random) -> tuple[int, Step]:
    which = chooser.randrange(1, len(CUSTOM))
    return CUSTOM[which].arity or 1, lambda pool, places: custom(pool, which, places, True)


def expression(chooser: random.Random) -> tuple[int, Step]:
    chosen = chooser.choice(chooser.choice((SELECTIONS, SMOOTH, SINGULAR)))
    return 3, lambda pool, places: [chosen(*[pool[i] for i in places])]


def branch(chooser: random.Random) -> tuple[int, Step]:
    def step(pool: list[Any], places: list[int]) -> list[Any]:
        a, b, c = (pool[i] for i in places)
        return [a * b if a > c else ag.sin(b) + c]

    return 3, step


def repeated(chooser: random.Random) -> tuple[int, Step]:
    """A scan over some of the pool, its body another expression; the carry is a number, a tuple or a dict."""
    body, form = chooser.choice(SELECTIONS + SMOOTH), chooser.randrange(3)
    grows = chooser.random() < 0.5

    def step(pool: list[Any], places: list[int]) -> list[Any]:
        first, captured, *xs = (pool[i] for i in places)

        def narrow(x: Any) -> Any:
            return ag.tanh(x)

        def of_number(carry: Any, x: Any) -> Any:
            made = narrow(body(carry, x, captured))
            return made, made * x if grows else None

        def of_tuple(carry: Any, x: Any) -> Any:
            a, b = carry
            return (narrow(body(a, x, captured)), a + 0.5 * b), a * b

        def of_dict(carry: Any, x: Any) -> Any:
            a = narrow(body(carry["a"], x["x"], carry["b"]))
            return {"a": a, "b": carry["b"] * 0.5 + x["y"]}, (a, carry["b"])

        if form == 0:
            last, made = ag.scan(of_number, first, xs)
            return [last, *(made if grows else ())]
        if form == 1:
            (a, b), products = ag.scan(of_tuple, (first, captured), xs)
            return [a, b, products[-1]]
        carry, (_, kept) = ag.scan(of_dict, {"a": first, "b": captured}, {"x": xs, "y": xs[::-1]})
        return [carry["a"], carry["b"], kept[0]]

    return 2 + chooser.choice((2, 3, 7)), step


def counted(chooser: random.Random) -> tuple[int, Step]:
    body, count = chooser.choice(SMOOTH), chooser.randrange(1, 6)

    def step(pool: list[Any], places: list[int]) -> list[Any]:
        first, second, third = (pool[i] for i in places)
        return [ag.fori_loop(0, count, lambda k, v: ag.tanh(body(v, second, third)) + 0.125 * k, first)]

    return 3, step


def until(chooser: random.Random) -> tuple[int, Step]:
    def step(pool: list[Any], places: list[int]) -> list[Any]:
        first, second = (pool[i] for i in places)
        rate = 0.5 + ag.sigmoid(second)
        x, _ = ag.while_loop(
            lambda v: v[0] < 2.0, lambda v: (v[0] + v[1], v[1] * 1.5), (ag.tanh(first), rate)
        )
        return [ag.sin(x)]

    return 2, step


def random_function(seed: int, inputs: int, loops: bool = False) -> Callable[[Sequence[Any]], list[Any]]:
    """A function of several numbers that returns all that it computed on the way."""
    chooser = random.Random(seed)
    kinds: list[Callable[[random.Random], tuple[int, Step]]] = [built_in, user_defined, expression]
    weights = [10, 1, 9]
    if loops:
        kinds += [branch, repeated, counted, until]
        weights += [1, 5, 2, 1]
    plan = []
    for _ in range(chooser.choice((3, 5, 8) if loops else (4, 8, 16))):
        (kind,) = chooser.choices(kinds, weights)
        count, step = kind(chooser)
        plan.append((step, [chooser.random() for _ in range(count)]))

    def function(x: Sequence[Any]) -> list[Any]:
        pool = list(x)
        for step, places in plan:
            pool += step(pool, [int(place * len(pool)) for place in places])
        return pool[inputs:]

    return function


def points(seed: int, inputs: int) -> Any:
    generator = np.random.default_rng(seed)
    drawn = generator.uniform(-1.5, 1.5, (3, inputs))
    drawn[0, 0] = drawn[0, 1]  # a tie
    drawn[1] = generator.integers(-1, 2, inputs)  # kinks at 0
    return drawn


# --- a case


class DerivativeCase:
    """A function of two arguments and some parameters, and rows for it."""

    def __init__(self, seed: int):
        self.seed, self.rng = seed, random.Random(seed)
        shapes: Sequence[Any] = (((3,), ()), ((2, 2),), ((), ()), ((4,), (2,)))
        self.shapes: tuple[tuple[int, ...], ...] = self.rng.choice(shapes)
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.count = sum(self.sizes)
        self.parameters = [ag.Value(self.rng.uniform(-1.0, 1.0)) for _ in range(self.rng.choice((0, 1, 4)))]
        self.width = self.rng.choice((1, 2, 5))
        self.form = self.rng.choice(("list", "dict", "tuple"))
        self.body = random_function(seed, self.count + len(self.parameters), True)
        self.rows = points(seed, self.count)
        self.weights = [self.rng.choice((1.0, -0.5, 2.0)) for _ in range(self.width)]
        self.on_guard = self.rng.choice(("eager", "record", "record"))

    def __str__(self) -> str:
        return f"a function of {self.shapes}, {len(self.parameters)} parameters, {self.width} {self.form}"

    def outputs(self, flat: Sequence[Any]) -> list[Any]:
        found = self.body(flat)
        return (found[::-1] * self.width)[: self.width]

    def function(self, *arguments: Any) -> Any:
        flat = [x for argument in arguments for x in np.ravel(np.array(argument, dtype=object))]
        found = self.outputs([*flat, *self.parameters])
        if self.form == "dict":
            return {"first": found[0], "rest": found}
        return (found[0], found) if self.form == "tuple" else found

    def scalar(self, *arguments: Any) -> Any:
        flat = [x for argument in arguments for x in np.ravel(np.array(argument, dtype=object))]
        return ag.dot(self.outputs([*flat, *self.parameters]), self.weights)

    def batches(self, rows: Any) -> list[Any]:
        parts = np.split(rows, np.cumsum(self.sizes)[:-1], axis=1)
        return [part.reshape(len(rows), *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    @property
    def wrt(self) -> Any:
        """The arguments and the parameters, in a structure."""
        wanted: dict[str, Any] = {"arguments": tuple(range(len(self.shapes)))}
        if self.parameters:
            array = np.empty(len(self.parameters) - 1, dtype=object)
            array[:] = self.parameters[1:]
            wanted["parameters"] = [self.parameters[0], array] if len(array) else [self.parameters[0]]
        return wanted

    def directions(self, vector: Any, lanes: int) -> Any:
        """A direction, the same for every row, in the structure of `wrt`."""
        parts = self.batches(np.tile(vector[: self.count], (lanes, 1)))
        found: dict[str, Any] = {"arguments": tuple(parts)}
        if self.parameters:
            first, rest = vector[self.count], vector[self.count + 1 :]
            found["parameters"] = [first, rest] if len(rest) else [first]
        return found

    def run(self) -> tuple[str, str]:
        """Return what kind of case it was, and the first difference or ''."""
        point = self.batches(self.rows[-1:])
        try:
            program = record(self.function, *[p[0] for p in point], on_guard=self.on_guard)
            total = record(self.scalar, *[p[0] for p in point], on_guard=self.on_guard)
        except ERRORS as error:
            try:
                self.outputs([*map(ag.Value, self.rows[-1].tolist()), *self.parameters])
            except ERRORS:
                return "refused", ""
            return "refused", f"record: {type(error).__name__}: {error}"
        kind = "loops" if program.recorded.loops else "derivatives"
        kept = [k for k, row in enumerate(self.rows) if self._is_ordinary(row)]
        rows = np.ascontiguousarray(self.rows[kept])
        if not len(rows):
            return "not finite", ""
        return kind, self._first_order(program, rows) or self._second_order(total, rows)

    def _flat(self, row: Any) -> list[float]:
        return [*row.tolist(), *(p.data for p in self.parameters)]

    def _is_ordinary(self, row: Any) -> bool:
        try:
            found = ag.jacobian(self.outputs)(self._flat(row)), ag.hessian(self._total)(self._flat(row))
            return all(np.isfinite(part).all() for part in found)
        except ERRORS:
            return False

    @property
    def widths(self) -> list[int]:
        """How many numbers each part of the result has."""
        return [self.width] if self.form == "list" else [1, self.width]

    @property
    def leaves(self) -> list[int]:
        """How many numbers each leaf of `wrt` has."""
        return [*self.sizes, *([1] if self.parameters else []), *([3] if len(self.parameters) == 4 else [])]

    def _first_order(self, program: Program, rows: Any) -> str:
        batches, lanes, width = self.batches(rows), len(rows), program.outputs
        seeds = np.random.default_rng(self.seed).normal(size=(lanes, width))
        shaped: Any = seeds
        if self.form != "list":
            shaped = (seeds[:, 0], seeds[:, 1:])
            shaped = dict(zip(("first", "rest"), shaped, strict=True)) if self.form == "dict" else shaped
        for parameter in self.parameters:
            parameter.grad = 0.0
        wanted = [self._swept(row, seed) for row, seed in zip(rows, seeds, strict=True)]
        values, found = program.value_and_grad(*batches, wrt=self.wrt, gradient=shaped)
        if bits(_joined(values, lanes)) != bits([value for value, _ in wanted]):
            return "values have other bits"
        if bits(_joined(found["arguments"], lanes)) != bits([inputs for _, inputs in wanted]):
            return "gradients of the arguments have other bits"
        sums = _joined(found["parameters"], 1)[0] if self.parameters else []
        if bits(sums) != bits([p.grad for p in self.parameters]):
            return "gradients of the parameters have other bits"
        kept = range(self.width) if self.form == "list" else [0, *range(self.width)]
        dense = np.array([np.array(ag.jacobian(self.outputs)(self._flat(row)))[kept] for row in rows])
        blocks = program.jacobian(*batches, wrt=self.wrt)
        parts = [blocks] if self.form == "list" else blocks.values() if self.form == "dict" else blocks
        whole = [_joined(p, lanes, w) for p, w in zip(parts, self.widths, strict=True)]
        direction = np.random.default_rng(self.seed + 1).normal(size=dense.shape[2])
        _, products = program.jvp(*batches, self.directions(direction, lanes), wrt=self.wrt)
        _, pulled = program.vjp(*batches, shaped, wrt=self.wrt, per_row=True)
        matrices = program.jacobian(*batches, wrt=self.wrt, sparse=True)
        return (
            _apart("jacobian", np.concatenate(whole, axis=1), dense)
            or _apart("jvp", _joined(products, lanes), dense @ direction)
            or _apart("vjp", _joined(pulled, lanes), np.einsum("lw,lwk->lk", seeds, dense))
            or _apart("sparse jacobian", np.array([m.toarray() for m in matrices]), dense)
        )

    def _second_order(self, total: Program, rows: Any) -> str:
        batches, lanes = self.batches(rows), len(rows)
        dense = np.array([ag.hessian(self._total)(self._flat(row)) for row in rows])
        matrices = total.hessian(*batches, wrt=self.wrt, sparse=True)
        direction = np.random.default_rng(self.seed + 2).normal(size=dense.shape[2])
        products = total.hvp(*batches, self.directions(direction, lanes), wrt=self.wrt, per_row=True)
        flat, sizes = iter(_parts(total.hessian(*batches, wrt=self.wrt))), self.leaves
        blocks = [[np.reshape(next(flat), (lanes, one, other)) for other in sizes] for one in sizes]
        return (
            _apart("sparse hessian", np.array([m.toarray() for m in matrices]), dense)
            or _apart("hvp", _joined(products, lanes), dense @ direction)
            or _apart("hessian", np.block(blocks), dense)
        )

    def _total(self, flat: Sequence[Any]) -> Any:
        return ag.dot(self.outputs(flat), self.weights)

    def _swept(self, row: Any, seed: Any) -> tuple[list[float], list[float]]:
        """Sweep one row eagerly; parameters accumulate."""
        leaves = np.array([ag.Value(x) for x in row.tolist()], dtype=object)
        parts = np.split(leaves, np.cumsum(self.sizes)[:-1])
        found = self.function(*(part.reshape(s) for part, s in zip(parts, self.shapes, strict=True)))
        outputs = [y for part in _parts(found) for y in np.ravel(part)]
        live = [(y, g) for y, g in zip(outputs, seed.tolist(), strict=True) if not y.is_constant]
        if live:
            ag.backward([y for y, _ in live], [g for _, g in live])
        return [y.data for y in outputs], [leaf.grad for leaf in leaves]


def _parts(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [leaf for part in structure.values() for leaf in _parts(part)]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in _parts(part)]
    return [structure]


def _joined(structure: Any, lanes: int, width: int = 0) -> Any:
    """The numbers of a structure, row by row."""
    shape = (lanes, width, -1) if width else (lanes, -1)
    return np.concatenate([np.reshape(part, shape) for part in _parts(structure)], axis=-1)


def _apart(what: str, found: Any, expected: Any) -> str:
    if found.shape != expected.shape:
        return f"{what}: shape {found.shape}, not {expected.shape}"
    largest = max(1.0, float(abs(expected).max(initial=0.0)))
    worst = float(abs(found - expected).max(initial=0.0))
    return "" if worst <= TOLERANCE * largest else f"{what}: {worst} apart"
