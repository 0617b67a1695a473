"""Every operation at zeros, the largest and smallest numbers, infinities and NaN: what mathematics has there.

The reference is the limit of the row's definition in mpmath: an infinite operand stands for three numbers
that grow without bound, a zero for three that approach it from the side of its sign; with two such operands,
at three rates. Where all agree on a limit, the value and the partials must have it. Where they do not, NaN is
right.
"""

import itertools
import math
import struct
import sys

import pytest

pytest.importorskip("mpmath")

import mpmath as mp

import autograd_core as ag
from autograd_core import Value
from autograd_core.calculus.operations import BUILTIN, OPERATIONS
from autograd_core.engine.nary import apply
from autograd_core.programs.tapes import interpreter
from tests.definitions import in_mpmath

INF, NAN = math.inf, math.nan
LARGEST, SMALLEST = sys.float_info.max, 5e-324
ONE = [0.0, -0.0, SMALLEST, -SMALLEST, LARGEST, -LARGEST, INF, -INF]
TWO = list(itertools.product([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF], repeat=2))
JUMPS = {
    "floor",
    "ceil",
    "rint",
    "sign",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "heaviside",
}
#: Of these the definition cannot be followed to a limit, or means nothing by itself.
UNMEASURED = {
    "dot",
    "mod",
    "polygamma",
    "ierfcx",
    "digamma_difference",
    "complement",
    "stop_gradient",
    *JUMPS,
}
MEASURED = [op.name for op in BUILTIN if (op.arity or 2) <= 2 and op.name not in UNMEASURED]
#: At a kink or a tie the conventions hold, which other tests check.
KINKED = {"abs", "relu", "leaky_relu", "elu", "maximum", "minimum", "max", "min", "copysign"}


def infinite(point):
    return any(map(math.isinf, point))


def follows_a_convention(name, point, what):
    """Where a limit along one path is not the answer."""
    if name in KINKED:
        return 0.0 in point or len(set(point)) < len(point)
    if name == "pow":
        return (0.0 in point or point[0] < 0) and what > 0
    return (name == "lgamma" and point == (-INF,)) or (name == "xlogy" and (0.0 in point or 1.0 in point))


def may_be_nan(name, point, what):
    """Where NaN stands although there is a limit: docs/accuracy.md tells of each."""
    if name in ("softmax", "log_softmax"):
        return INF in point
    if name in ("leaky_relu", "elu"):
        return math.isinf(point[1])  # the slope or alpha
    return name in ("logsumexp", "norm", "pow") and infinite(point) and what > 0


def approached(x, t, rate):
    """A number that stands for x: near a zero, or far out."""
    if math.isinf(x):
        return mp.mpf(t) ** rate * math.copysign(1, x)
    return mp.mpf(x) if x else mp.mpf(t) ** -rate * math.copysign(1, x)


def slope(function, xs, k):
    step = abs(xs[k]) / max(abs(xs[k]), 1) * mp.mpf(10) ** -30
    if abs(xs[k]) == LARGEST:
        step = abs(xs[k]) * mp.mpf(10) ** -340
    above, below = [[*xs[:k], xs[k] + side * step, *xs[k + 1 :]] for side in (1, -1)]
    return (function(*above) - function(*below)) / (2 * step)


def limit(numbers):
    """The limit of a sequence of which three are known, or None."""
    first, second, third = numbers
    if any(map(mp.isnan, numbers)):
        return None
    if abs(third - second) <= abs(third) / 1000:
        return float(third)
    if abs(third) < abs(second) / 1.5 and abs(second) < abs(first) / 1.5:
        return 0.0
    if abs(third) > abs(second) * 1.5 and abs(second) > abs(first) * 1.5:
        return math.copysign(INF, third)
    return None


def limits(function, point):
    """The limits of the value and of each partial; None where there is none."""
    special = [math.isinf(x) or x == 0 for x in point]
    rates = [(1, mp.mpf(1) / 2, 2) if one and sum(special) > 1 else (1,) for one in special]

    def of(f):
        found = set()
        for some in itertools.product(*rates):
            try:
                numbers = [
                    f([approached(x, t, r) for x, r in zip(point, some, strict=True)])
                    for t in ((1e4, 1e8, 1e16) if any(special) else (1.0,))
                ]
            except (ValueError, ArithmeticError, TypeError):
                return None
            if not all(isinstance(number, mp.mpf) for number in numbers):
                return None
            found.add(limit(numbers if any(special) else numbers * 3))
        return found.pop() if len(found) == 1 else None

    count = range(len(point))
    with mp.workdps(750 if {abs(x) for x in point} & {SMALLEST, LARGEST} else 110):
        return [of(lambda xs: function(*xs)), *(of(lambda xs, k=k: slope(function, xs, k)) for k in count)]


def made(operation, point):
    """The node; None where a float would raise."""
    try:
        return apply(operation, [Value(x) for x in point], 1 if getattr(operation, "indexed", False) else 0)
    except (ValueError, ArithmeticError):
        return None


def is_the_limit(got, expected):
    if math.isinf(expected) or abs(expected) > 1e308:
        return abs(got) > 1e307 and got * expected > 0
    return abs(got - expected) <= 1e-3 * abs(expected) + 1e-300


@pytest.mark.parametrize("name", MEASURED)
def test_values_and_partials_at_special_points_are_the_limits_of_mathematics(name):
    operation, function = OPERATIONS[name], in_mpmath(OPERATIONS[name])
    compared = 0
    for point in [(x,) for x in ONE] if operation.arity == 1 else TWO:
        node = made(operation, point)
        if node is None or not (infinite(point) or {abs(x) for x in point} & {0.0, SMALLEST, LARGEST}):
            continue
        for what, (got, expected) in enumerate(
            zip([node.data, *node.partials], limits(function, point), strict=True)
        ):
            if expected is None or follows_a_convention(name, point, what):
                continue
            if not (may_be_nan(name, point, what) and math.isnan(got)):
                assert is_the_limit(got, expected), (point, what, got, expected)
                compared += 1
    assert compared


SATURATED = {
    "tanh",
    "sigmoid",
    "logsigmoid",
    "softplus",
    "gelu",
    "silu",
    "erf",
    "erfc",
    "atan",
    "gaussian",
    "sech2",
}
SATURATED |= {"asinh", "relu"}


@pytest.mark.parametrize("name", sorted(SATURATED))
@pytest.mark.parametrize("x", [INF, -INF, 1e308, -1e308])
def test_second_derivatives_vanish_far_out_where_a_function_becomes_straight(name, x):
    leaf = Value(x)
    (first,) = ag.differentiate(getattr(ag, name)(leaf), [leaf])
    assert first.is_constant or ag.differentiate(first, [leaf])[0].data == 0.0


#: What has a number, and the same one, whatever stands in the place of a NaN.
NUMBERS_FOR_NAN = {
    **{"pow": [(NAN, 0.0), (1.0, NAN)], "hypot": [(NAN, INF), (INF, NAN)]},
    "copysign": [(0.0, NAN), (1.0, NAN), (INF, NAN)],
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "equal"), "any"),
    **{
        "heaviside": [(1.0, NAN), (INF, NAN)],
        "leaky_relu": [(1.0, NAN), (INF, NAN)],
        "elu": [(1.0, NAN), (INF, NAN)],
        "complement": "any",
    },
    "norm": [(NAN, INF), (INF, NAN)],
}


@pytest.mark.parametrize("name", [op.name for op in BUILTIN if (op.arity or 2) <= 2])
def test_a_nan_is_never_lost(name):
    operation = OPERATIONS[name]
    others = (0.0, 1.0, INF)
    points = [(NAN,)] if operation.arity == 1 else [p for x in others for p in ((x, NAN), (NAN, x))]
    for point in points:
        known = NUMBERS_FOR_NAN.get(name, [])
        node = made(operation, point)
        if node is not None and known != "any" and point not in known:
            assert math.isnan(node.data), (point, node.data)


def bits(x):
    return struct.pack("d", x) if x == x else "nan"


@pytest.mark.parametrize("chosen", ["", "numpy"])
@pytest.mark.parametrize("name", [op.name for op in BUILTIN if op.arity in (1, 2)])
def test_programs_have_the_same_numbers_at_special_points(name, chosen):
    operation = OPERATIONS[name]
    nodes = [
        made(operation, point) for point in ([(x,) for x in (*ONE, NAN)] if operation.arity == 1 else TWO)
    ]
    nodes = [node for node in nodes if node is not None]
    first = [1.5 if name == "acosh" else 0.5] if operation.arity == 1 else [1.5, 0.5]
    program = ag.record(lambda xs: apply(operation, [x * 1.0 for x in xs]), first)
    with interpreter(chosen):
        values, gradients = program.value_and_grad(
            [[parent.data for parent in node.parents] for node in nodes], wrt=0
        )
    for node, value, gradient in zip(nodes, values, gradients, strict=True):
        assert bits(value) == bits(node.data), node.parents
        node.backward()
        assert [bits(g) for g in gradient] == [bits(parent.grad) for parent in node.parents], node.parents
