"""Every partial of every operation is broken in turn; each fault must be caught, and named."""

import itertools
import math
import random

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, CustomOperation, Value, sin
from autograd_core.calculus.operations import BUILTIN
from autograd_core.checking.check import gradient_report

# Operands at which each operation is well conditioned: a partial that does not show cannot be tested.
SMALL, MIDDLE, LARGE = (1e-8, 3.7e-4), (0.37, 1.7), (6.1e3, 1e8)
EVERYWHERE = [(x,) for x in (*SMALL, *MIDDLE, *LARGE)]
POSITIVE_AND_NEGATIVE = [*EVERYWHERE, *((-x,) for (x,) in EVERYWHERE)]
PAIRS = [(0.7, 1.9), (-2.3, 0.6), (3e-8, -5e-8), (4e8, 7e8)]
TRIPLES = [(0.7, 1.9, -0.4), (2e-8, -3e-8, 5e-8), (3e8, 5e8, -4e8)]
POINTS = {
    "add": PAIRS,
    "sub": PAIRS,
    "mul": PAIRS,
    "div": PAIRS,
    "pow": [(0.7, 1.9), (3.0, -2.0), (1e-8, 0.5), (1e8, 1.5)],
    "mod": [(0.7, 0.3), (1e8, 3e7), (-0.7, 0.4), (5e-8, 2e-8)],
    "neg": POSITIVE_AND_NEGATIVE,
    "abs": POSITIVE_AND_NEGATIVE,
    "exp": [(-20.0,), (-0.3,), (0.7,), (300.0,)],
    "expm1": [(1e-8,), (-0.3,), (0.7,), (300.0,)],
    "exp2": [(-20.0,), (-0.3,), (0.7,), (300.0,)],
    "log": EVERYWHERE,
    "log1p": EVERYWHERE,
    "log2": EVERYWHERE,
    "log10": EVERYWHERE,
    "sqrt": EVERYWHERE,
    "cbrt": POSITIVE_AND_NEGATIVE,
    "square": POSITIVE_AND_NEGATIVE,
    "reciprocal": POSITIVE_AND_NEGATIVE,
    "sin": POSITIVE_AND_NEGATIVE,
    "cos": [(0.37,), (1.7,), (6.1e3,), (1e8,), (-0.37,)],
    "tan": [(1e-8,), (0.37,), (-1.2,), (6.1e3,)],
    "asin": [(1e-8,), (0.37,), (-0.9,)],
    "acos": [(0.37,), (-0.9,)],
    "atan": [(1e-8,), (0.37,), (-1.7,)],
    "sinh": [(1e-8,), (0.37,), (-1.7,), (300.0,)],
    "cosh": [(0.37,), (-1.7,), (300.0,)],
    "tanh": [(1e-8,), (0.37,), (-1.7,)],
    "asinh": POSITIVE_AND_NEGATIVE,
    "acosh": [(1.1,), (1.7,), (6.1e3,), (1e8,)],
    "atanh": [(1e-8,), (0.37,), (-0.9,)],
    "atan2": PAIRS,
    "hypot": PAIRS,
    "erf": [(1e-8,), (0.37,), (-1.7,)],
    "erfc": [(0.37,), (-1.7,), (3.0,)],
    "lgamma": [(1e-8,), (0.37,), (3.7,), (6.1e3,)],
    "polygamma": [(1.0, 0.7), (0.0, 2.3)],
    "sigmoid": [(-20.0,), (0.37,), (-1.7,)],
    "logsigmoid": [(-1e8,), (-20.0,), (0.37,)],
    "softplus": [(1e8,), (-20.0,), (0.37,)],
    "relu": POSITIVE_AND_NEGATIVE,
    "leaky_relu": [(0.7, 0.1), (-0.7, 0.1), (-1e8, 0.01), (-1e-8, 0.3)],
    "elu": [(0.7, 1.0), (-0.7, 1.5), (1e8, 1.0), (-1e-8, 1.0)],
    "gelu": [(0.37,), (-1.7,), (1e8,)],
    "silu": [(0.37,), (-1.7,), (1e8,), (-15.0,)],
    "maximum": PAIRS,
    "minimum": PAIRS,
    "where": [(1.0, 0.7, 1.9), (0.0, 0.7, 1.9), (1.0, 1e8, -1e-8)],
    "clip": [(0.7, -1.0, 1.9), (-3.0, -1.0, 1.9), (3.0, -1.0, 1.9), (1e8, -1e7, 1e7)],
    "sign": [(0.7,), (-1e8,), (1e-8,)],
    "floor": [(0.7,), (-3.4,), (123456.5,)],
    "ceil": [(0.7,), (-3.4,), (123456.5,)],
    "rint": [(0.7,), (-3.4,)],
    "heaviside": PAIRS,
    "complement": [],  # these two serve the rules of other operations, which are tested here
    "ierfcx": [],
    "stop_gradient": [],  # its partial is not the derivative of its value, on purpose
    "greater": PAIRS,
    "greater_equal": PAIRS,
    "less": PAIRS,
    "less_equal": PAIRS,
    "equal": PAIRS,
    "dot": [(0.7, 1.9, -0.4, 1.3, 0.2), (3e8, 5e8, -4e-8, 2e-8, 0.3), (2e-8, 3e-8, 5e-8, 7e-8)],
    "sum": TRIPLES,
    "mean": TRIPLES,
    "logsumexp": [(0.7, 1.9, -0.4), (30.0, 29.0, 31.0), (-1e3, -1e3 + 1, -1e3 - 1)],
    "softmax": [(0.7, 1.9, -0.4), (30.0, 29.0, 31.0)],
    "log_softmax": [(0.7, 1.9, -0.4), (30.0, 29.0, 31.0)],
    "norm": TRIPLES,
    "max": TRIPLES,
    "min": TRIPLES,
}


def ordinary_points(rule):
    """Operands for an operation that has none in the table."""
    generator = random.Random(rule.name)
    found = []
    while len(found) < 3:
        point = tuple(generator.uniform(-3.0, 3.0) for _ in range(rule.arity))
        if rule.ordinary(*point):
            found.append(point)
    return found


POINTS |= {rule.name: ordinary_points(rule) for rule in BUILTIN if rule.name not in POINTS and rule.ordinary}

MUTATIONS = {
    "sign": lambda partials, k, operands, y: -partials[k],
    "factor": lambda partials, k, operands, y: partials[k] * 1.000001,
    "extra term": lambda partials, k, operands, y: partials[k] + term(operands, y),
    "missing": lambda partials, k, operands, y: 0.0,
    "swapped": lambda partials, k, operands, y: partials[(k + 1) % len(partials)],
}


def term(operands, y):
    """A thousandth of the slope that the value and the operands suggest."""
    return 1e-3 * max(abs(y), 1e-30) / max(map(abs, operands))


def real(function):
    """The function, with a domain error where plain floats turn complex."""

    def checked(*operands):
        try:
            return function(*operands)
        except TypeError:
            raise ValueError("math domain error") from None

    return checked


def mutant(operation, mutation, slot):
    """The operation with one partial broken (for "swapped": two)."""
    broken = {slot, (slot + 1) % 10} if mutation == "swapped" else {slot}

    def partials(*operands_and_value):
        *operands, y = operands_and_value
        right = operation.partials(operands, y)
        return tuple(
            MUTATIONS[mutation](right, k, operands, y) if k in broken else right[k] for k in range(len(right))
        )

    return lambda arity: CustomOperation(
        real(operation.value), partials, f"broken_{operation.name}", arity, False
    )


def differs(operation, mutation, slot, point):
    """Whether the mutation changes the partial here (turning the sign of 0 does not)."""
    y = operation.value(*point)
    right = operation.partials(point, y)
    wrong = MUTATIONS[mutation](right, slot, point, y)
    return abs(wrong - right[slot]) > 1e-7 * abs(right[slot])


def fixed(name, point):
    """Whether there is no slope in the first operand: a whole number, or a condition at 0."""
    return name == "polygamma" or (name == "where" and point[0] == 0.0)


CASES = [
    (name, mutation, slot, point)
    for name, points in POINTS.items()
    for point in points
    for slot in range(len(point))
    for mutation in MUTATIONS
    if not (mutation == "swapped" and len(point) == 1)
    if not (slot == 0 and fixed(name, point))
    if differs(OPERATIONS[name], mutation, slot, point)
]


def test_every_operation_has_points():
    assert set(POINTS) == {rule.name for rule in BUILTIN}


@pytest.mark.parametrize("name", [name for name, points in POINTS.items() if points])
def test_every_broken_partial_is_caught_and_named(name):
    cases = [case for case in CASES if case[0] == name]
    assert cases
    for _, mutation, slot, point in cases:
        broken = mutant(OPERATIONS[name], mutation, slot)(len(point))
        scale = abs(OPERATIONS[name].value(*point)) or 1.0
        report = gradient_report(lambda *xs, f=broken, c=scale: sin(f(*xs) / c) + 0.5, list(point))
        found = {(fault.operation, fault.operand) for fault in report.faults}
        assert not report.passed, (mutation, slot, point)
        assert (f"broken_{name}", slot) in found, (mutation, slot, point, str(report))
        assert {operation for operation, _ in found} == {f"broken_{name}"}, (mutation, slot, point, found)


@pytest.mark.parametrize("name", [name for name, points in POINTS.items() if points])
def test_the_same_operations_unbroken_raise_no_alarm(name):
    operation = OPERATIONS[name]
    for point in POINTS[name]:
        right = CustomOperation(
            real(operation.value),
            lambda *xs, o=operation: o.partials(xs[:-1], xs[-1]),
            f"right_{name}",
            len(point),
            operation.selecting,
        )
        scale = abs(operation.value(*point)) or 1.0
        options = {"operations": True}
        if fixed(name, point):
            report = gradient_report(
                lambda *xs, f=right, p=point, c=scale: sin(f(p[0], *xs) / c), list(point[1:]), **options
            )
        else:
            report = gradient_report(
                lambda *xs, f=right, c=scale: sin(f(*xs) / c) + 0.5, list(point), **options
            )
        assert report.passed, (point, str(report))


def crooked(operation, slot, other, size):
    """The operation with right partials whose own partial, of one with respect to one operand, is wrong."""

    def partials(*operands_and_value):
        *operands, value = operands_and_value
        found = list(operation.partials(operands, value))
        if isinstance(operands[other], Value):  # only a graph of the gradient sees it
            found[slot] = found[slot] + size * (operands[other] - ag.stop_gradient(operands[other]))
        return tuple(found)

    return CustomOperation(
        real(operation.value), partials, f"crooked_{operation.name}", len(CROOKED[operation.name]), False
    )


def second_order_cases():
    """For each operation, a point and every pair of operands."""
    for name, point in CROOKED.items():
        for slot, other in itertools.product(range(len(point)), repeat=2):
            if not (name == "polygamma" and 0 in (slot, other)):
                yield name, slot, other


CROOKED = {  # of each operation's points the one nearest to 1
    name: min(points, key=lambda point: max(abs(math.log(abs(x))) if x else 1.0 for x in point))
    for name, points in POINTS.items()
    if points
}
SECOND = list(second_order_cases())


@pytest.mark.parametrize(("name", "slot", "other"), SECOND, ids=lambda part: str(part))
def test_every_broken_second_order_is_caught_and_named(name, slot, other):
    operation, point = OPERATIONS[name], CROOKED[name]
    value = abs(operation.value(*point)) or 1.0
    size = 1e-3 * value / (abs(point[slot] or 1.0) * abs(point[other] or 1.0))
    names = "abcdef"[: len(point)]
    given = dict(zip(names, point, strict=True))
    if name == "polygamma":  # its order is a whole number: there is no slope in it
        given = {"b": point[1]}

    def checked(f):
        def function(**xs):
            return f(*({**dict(zip(names, point, strict=True)), **xs}[key] for key in names))

        return gradient_report(function, given, order=2, operations=False)

    report = checked(crooked(operation, slot, other, size))
    verdicts = {row.name: row.verdict for row in report.failures}
    broken = f"d²/d{names[slot]} d{names[other]}"
    assert {name for name, verdict in verdicts.items() if verdict == "wrong"} <= {broken}, str(report)
    stairs = name == "mod" and slot > other  # the slope of its floor: smaller than one step may hide
    assert verdicts[broken] == ("undecided" if stairs else "wrong"), str(report)


def test_the_number_of_mutants_is_what_the_table_promises():
    assert len(CASES) > 1000
    assert len(SECOND) > 200
    assert {case[0] for case in SECOND} == {case[0] for case in CASES}
    assert {case[0] for case in CASES} == {name for name, points in POINTS.items() if points}
    assert math.isclose(
        sum(case[1] == "sign" for case in CASES), sum(case[1] == "factor" for case in CASES), rel_tol=0.5
    )
