"""How far the partials of each operation are from mathematics, in units in the last place.

``python -m tests.autograd_core.calculus.accuracy`` measures all operations and prints the table of
docs/accuracy.md.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator

import mpmath as mp

import autograd_core as ag
from autograd_core import Value
from autograd_core.calculus.operations import BUILTIN, Operation, Reduction
from autograd_core.engine.nary import apply
from tests.definitions import in_mpmath

POINTS = 120
SMALLEST = 2.0**-1022 * 1024  # below, numbers have fewer digits


def measured() -> list[Operation]:
    """The operations that have partials to measure: not constants, and not whole numbers."""
    constant = {"add", "sub", "neg", "where", "maximum", "minimum", "clip", "abs", "relu", "leaky_relu"}
    constant |= {
        "complement",
        "copysign",
        "heaviside",
        "rint",
        "sum",
        "mean",
        "max",
        "min",
        "dot",
        "degrees",
        "radians",
    }
    names = {
        "polygamma",
        "ierfcx",
        "mod",
        "beta",
        "digamma_difference",
    }  # their own first operand, or a step, is measured elsewhere
    return [op for op in BUILTIN if not op.sends_nothing and op.name not in constant | names]


def numbers(generator: random.Random) -> Iterator[float]:
    """Numbers over the whole range of doubles, most of them where functions do something."""
    while True:
        sign = generator.choice((-1.0, 1.0))
        yield sign * 10.0 ** generator.uniform(-307, 308)
        yield sign * generator.uniform(0.0, 1.0)
        yield sign * generator.uniform(0.0, 40.0)
        yield sign * 10.0 ** generator.uniform(-20, 20)
        yield sign * generator.uniform(0.0, 750.0)
        yield sign * (1.0 - 10.0 ** generator.uniform(-16, 0))


def operands(op: Operation, generator: random.Random) -> Iterator[tuple[float, ...]]:
    """Operands in the operation's domain."""
    stream = numbers(generator)
    if isinstance(op, Reduction):
        while True:
            spread = generator.choice((1.0, 10.0, 30.0))
            yield tuple(round(8 * generator.uniform(-spread, spread)) / 8 or 0.125 for _ in range(3))
    arity = op.arity or 1
    while True:
        point = tuple(next(stream) for _ in range(arity))
        if arity == 2 and generator.random() < 0.7:  # of sizes that have to do with each other
            point = (point[0], point[0] * generator.choice((-1.0, 1.0)) * 10.0 ** generator.uniform(-3, 3))
        if op.name == "pow":
            point = (abs(point[0]), generator.uniform(-4.0, 4.0))
        elif op.name in ("beta", "digamma", "gamma", "lgamma"):
            point = tuple(10.0 ** generator.uniform(-3, 1.5) for _ in point)
        elif op.name == "elu":
            point = (point[0], generator.uniform(0.1, 10.0))
        elif op.name == "logaddexp":  # their difference is exact
            point = tuple(round(8 * generator.uniform(-40, 40)) / 8 or 0.125 for _ in point)
        elif op.name == "erfinv":
            point = (math.copysign(max(abs(point[0]), 1e-9), point[0]),)
        yield point


def value(op: Operation, leaves: list[Value]) -> Value:
    return apply(op, leaves, 1 if isinstance(op, Reduction) and op.indexed else 0)


def computed(op: Operation, point: tuple[float, ...], order: int) -> list[float] | None:
    """The partials, or all the second ones; None where the operation is not defined or not finite."""
    leaves = [Value(x) for x in point]
    try:
        output = value(op, leaves)
        if order == 1:
            output.backward()
            return [leaf.grad for leaf in leaves] if math.isfinite(output.data) else None
        return [x for row in ag.hessian(lambda xs: value(op, xs))(list(point)) for x in row]
    except (ValueError, ArithmeticError):
        return None


def exact(op: Operation, point: tuple[float, ...], order: int) -> list[mp.mpf]:
    """The same at many digits, by central differences."""
    sizes = [abs(math.log10(abs(x))) for x in point if x]
    digits = int(400 + 2 * max(sizes, default=0) + 80)
    if op.name in ("gamma", "lgamma", "digamma", "beta", "erfinv"):
        digits = 160
    function = in_mpmath(op)
    with mp.workdps(digits):
        at = [mp.mpf(x) for x in point]
        steps = [min(abs(x), 1) * mp.mpf(10) ** -30 for x in at]

        def moved(*shifts):
            return function(*(x + s * h for x, s, h in zip(at, shifts, steps, strict=True)))

        def unit(*axes):
            return [sum(axis == k for axis in axes) for k in range(len(at))]

        def opposite(shifts):
            return [-s for s in shifts]

        axes = range(len(at))
        if order == 1:
            return [(moved(*unit(i)) - moved(*opposite(unit(i)))) / (2 * steps[i]) for i in axes]
        found = []
        for i in axes:
            for j in axes:
                plus, cross = unit(i, j), [a - b for a, b in zip(unit(i), unit(j), strict=True)]
                corners = moved(*plus) + moved(*opposite(plus)) - moved(*cross) - moved(*opposite(cross))
                found.append(corners / (4 * steps[i] * steps[j]))
        return found


def error(got: float, right: mp.mpf, around: list[mp.mpf]) -> float:
    """The error in units in the last place of the right number.

    Where the partial passes through 0 within a factor of 1.6 of the operands, of the largest number there;
    results that have not all digits of a double, being subnormal or too large, count 0 if rounded to them.
    """
    size = abs(right)
    signs = {mp.sign(number) for number in (*around, right)}
    if len(signs) > 1:
        size = max(map(abs, (*around, right)))
    if size > sys.float_info.max * (1 - 2.0**-50):
        return 0.0 if not math.isfinite(got) or abs(got) > 1e308 else math.inf
    if not math.isfinite(got):
        return math.inf
    difference = abs(mp.mpf(got) - right)
    if size < SMALLEST:
        return 0.0 if difference <= SMALLEST * 2.0**-50 else float(difference / (SMALLEST * mp.mpf(2) ** -52))
    return float(difference / mp.mpf(2) ** (mp.floor(mp.log(size, 2)) - 52))


def worst(op: Operation, order: int, points: int = POINTS) -> tuple[float, tuple[float, ...]]:
    """The largest error over some points, and where."""
    generator = random.Random(f"{op.name} {order}")
    largest, where, seen = 0.0, (), 0
    for point in operands(op, generator):
        got = computed(op, point, order)
        seen += 1
        if seen > points:
            break
        if got is None:
            continue
        try:
            right = exact(op, point, order)
        except OverflowError:  # mpmath's own
            continue
        near = [right]
        if any(error(number, wanted, []) > 4 for number, wanted in zip(got, right, strict=True)):
            near += [exact(op, other, order) for other in neighbours(op, point)]
        if op.name in ("norm", "softmax") and order == 2:  # relative to the largest of them
            near += [[sign * max(map(abs, right))] * len(right) for sign in (-1, 1)]
        for k, (number, wanted) in enumerate(zip(got, right, strict=True)):
            found = error(number, wanted, [values[k] for values in near])
            if found > largest:
                largest, where = found, point
    return largest, where


def neighbours(op: Operation, point: tuple[float, ...]) -> list[tuple[float, ...]]:
    """The point with one operand smaller or larger, in the domain."""
    moved = [
        (*point[:k], point[k] * factor, *point[k + 1 :])
        for k in range(len(point))
        for factor in (0.6, 0.95, 1.05, 1.6)
    ]
    return [other for other in moved if computed(op, other, 1) is not None]


def table(names: list[str]) -> Iterator[str]:
    """The rows of docs/accuracy.md."""
    for op in measured():
        if not names or op.name in names:
            found = [worst(op, order) for order in (1, 2)]
            print(op.name, *found, file=sys.stderr, flush=True)
            yield f"| `{op.name}` | " + " | ".join(str(max(1, math.ceil(error))) for error, _ in found) + " |"


if __name__ == "__main__":
    print("\n".join(table(sys.argv[1:])))
