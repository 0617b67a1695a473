"""The engine on random graphs, against float arithmetic, mpmath at many digits and PyTorch float64."""

import copy
import math
import os
import pickle
import random
import struct
import subprocess
import sys

import pytest

import autograd_core as ag
from autograd_core import Value
from autograd_core.checking.strategies import graphs, kinds, random_graph

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

EPSILON = 2.0**-52
SEEDS = int(os.environ.get("PROPERTY_SEEDS", "0"))  # an offset: other graphs than usual
quick = settings(max_examples=100, deadline=None, derandomize=not SEEDS, print_blob=False)


def bits(number):
    return struct.pack(">d", number)


def swept(graph):
    """The leaves and the output of a graph after a sweep."""
    leaves = [Value(x, f"x{i}") for i, x in enumerate(graph.inputs)]
    output = graph(*leaves)
    if isinstance(output, Value) and not output.is_constant:
        output.backward()
    return leaves, output


# --- values -------------------------------------------------------------------------


def exact(names):
    """Names that exist among the random graphs' operations."""
    return sorted(set(names) & set(kinds()))


def test_values_have_the_bits_of_the_float_expression(float_functions):
    names = exact(float_functions)
    for seed in range(SEEDS, SEEDS + 1000):
        graph = random_graph(random.Random(seed), only=names)
        expected = graph.evaluate(graph.inputs, {**float_functions, "tanh": math.tanh})
        _, output = swept(graph)
        assert bits(float(output)) == bits(expected), str(graph)
        assert bits(graph(*graph.inputs)) == bits(expected), str(graph)


SPECIAL = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1.7e308, 1e-308, 710.0]
    ),
)


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "pow", "mod", "neg", "abs", "square", "reciprocal"]
)
@settings(quick, max_examples=300)
@given(a=SPECIAL, b=SPECIAL)
def test_arithmetic_on_any_two_floats_gives_their_bits_or_raises_what_they_raise(name, a, b):
    function = kinds()[name].function
    agree(function, (a, b)[: kinds()[name].arity], kinds()[name].function)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "exp",
            "expm1",
            "exp2",
            "log",
            "log1p",
            "log2",
            "log10",
            "sqrt",
            "cbrt",
            "sin",
            "cos",
            "tan",
            "asin",
        ),
        *("acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "atan2", "hypot", "erf", "erfc"),
    ],
)
@settings(quick, max_examples=150)
@given(a=SPECIAL, b=SPECIAL)
def test_math_functions_of_any_float_give_their_bits_or_raise_what_they_raise(name, a, b):
    reference = getattr(math, name, None)
    if reference is None:
        pytest.skip(f"math.{name} is newer than this Python")
    agree(kinds()[name].function, (a, b)[: kinds()[name].arity], reference)


def agree(function, operands, reference):
    """A Value computes what floats compute, bit for bit, and raises what they raise."""
    try:
        expected = reference(*operands)
    except (ValueError, ArithmeticError) as error:
        kind = next(k for k in (ZeroDivisionError, OverflowError, ValueError) if isinstance(error, k))
        with pytest.raises(kind):
            function(*map(Value, operands))
        return
    if isinstance(expected, complex):
        with pytest.raises(ag.DomainError):
            function(*map(Value, operands))
        return
    result = function(*map(Value, operands)).data
    assert bits(result) == bits(expected) or (math.isnan(result) and math.isnan(expected)), (
        operands,
        result,
        expected,
    )


# --- gradients ----------------------------------------------------------------------


def high_precision(graph, functions, order=1):
    """The gradient (or Hessian) by central differences at 300 digits, given one node's relative error."""
    import mpmath as mp

    inputs = [mp.mpf(x) for x in graph.inputs]
    size = len(inputs)

    def value(point, disturbed, by):
        known = list(point)
        for index, step in enumerate(graph.steps):
            operands = [known[o] if isinstance(o, int) else mp.mpf(o) for o in step.operands]
            result = functions[step.kind](*operands)
            known.append(result * (1 + by) if index == disturbed else result)
        return known[-1]

    h = mp.mpf(10) ** (-30 if order == 1 else -25)

    def at(shifts, disturbed, by):
        return value([x + s * h for x, s in zip(inputs, shifts, strict=True)], disturbed, by)

    def unit(*indices):
        return [sum(i == k for k in indices) for i in range(size)]

    def minus(shifts):
        return [-s for s in shifts]

    def derivatives(disturbed=-1, by=0):
        if order == 1:
            return [
                (at(unit(i), disturbed, by) - at(minus(unit(i)), disturbed, by)) / (2 * h)
                for i in range(size)
            ]
        return [second(i, j, disturbed, by) for i in range(size) for j in range(size)]

    def second(i, j, disturbed, by):
        plus, less = unit(i, j), [a - b for a, b in zip(unit(i), unit(j), strict=True)]
        corners = at(plus, disturbed, by) + at(minus(plus), disturbed, by)
        corners -= at(less, disturbed, by) + at(minus(less), disturbed, by)
        return corners / (4 * h * h)

    return derivatives


def conditioned(graph, functions, order):
    """The exact derivatives and what rounding each node's value by one epsilon does to them."""
    import mpmath as mp

    with mp.workdps(300):
        derivatives = high_precision(graph, functions, order)
        exact_ones = derivatives()
        tiny = mp.mpf(10) ** -20
        changes = [0.0] * len(exact_ones)
        for node in range(len(graph.steps)):
            for i, disturbed in enumerate(derivatives(node, tiny)):
                changes[i] += float(abs(disturbed - exact_ones[i]) / tiny) * EPSILON
        return [float(x) for x in exact_ones], changes


# Their partials subtract numbers near 1, so that their rounding is absolute, not relative.
CANCELLING = {"tanh", "sigmoid", "silu", "gelu", "softmax", "log_softmax"}


def absolute_gradient(output, leaves):
    """For each leaf, the sum over all paths of the product of absolute partials (with their rounding)."""
    order = ag.topological_order(output)
    sums = {id(node): 0.0 for node in order}
    sums[id(output)] = 1.0
    for node in reversed(order):
        for parent, partial in zip(node.parents, node.partials, strict=True):
            size = abs(partial) + (node.op in CANCELLING)
            sums[id(parent)] += size * sums[id(node)]
    return [sums.get(id(leaf), 0.0) for leaf in leaves]


def test_gradients_agree_with_mpmath_to_a_few_ulps(mpmath_functions):
    worst = 0.0
    for seed in range(SEEDS, SEEDS + 150):
        graph = random_graph(random.Random(seed), steps=10)
        leaves, output = swept(graph)
        if not isinstance(output, Value) or output.is_constant:
            continue
        expected, changes = conditioned(graph, mpmath_functions, 1)
        sizes = absolute_gradient(output, leaves)
        for leaf, right, change, size in zip(leaves, expected, changes, sizes, strict=True):
            allowed = change + EPSILON * size + 5e-324
            worst = max(worst, abs(leaf.grad - right) / allowed)
            assert abs(leaf.grad - right) <= 6 * allowed, (seed, str(graph), leaf.grad, right)
    assert worst > 0.0


def test_second_derivatives_agree_with_mpmath(mpmath_functions):
    for seed in range(SEEDS + 1000, SEEDS + 1060):
        graph = random_graph(random.Random(seed), inputs=2, steps=6)
        leaves = [Value(x) for x in graph.inputs]
        output = graph(*leaves)
        if not isinstance(output, Value) or output.is_constant:
            continue
        found = [
            part for g in ag.differentiate(output, leaves) for part in map(float, ag.differentiate(g, leaves))
        ]
        expected, changes = conditioned(graph, mpmath_functions, 2)
        for number, right, change in zip(found, expected, changes, strict=True):
            allowed = 200 * (change + EPSILON * abs(right)) + 1e-13
            assert abs(number - right) <= allowed, (seed, str(graph), number, right, change)


def test_each_operation_agrees_with_torch(torch_functions):
    import torch

    generator = random.Random(SEEDS)
    compared = 0
    for name, reference in torch_functions.items():
        kind = kinds()[name]
        for _ in range(30):
            numbers = inside(kind, generator)
            leaves = [Value(x) for x in numbers]
            tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
            output, expected = kind.function(*leaves), reference(*tensors)
            output.backward()
            expected.backward()
            assert output.data == pytest.approx(expected.item(), rel=1e-13, abs=1e-15), (name, numbers)
            for leaf, tensor in zip(leaves, tensors, strict=True):
                gradient = tensor.grad.item() if tensor.grad is not None else 0.0
                assert leaf.grad == pytest.approx(gradient, rel=1e-11, abs=1e-14), (name, numbers)
                compared += 1
    assert compared > 1500


def inside(kind, generator):
    """Operands inside an operation's domain."""
    while True:
        numbers = [generator.uniform(-3, 3) for _ in range(kind.arity)]
        if kind.domain(*numbers):
            return numbers


# --- the sweep ----------------------------------------------------------------------


@quick
@given(graph=graphs())
def test_the_account_of_contributions_gives_the_bits_of_the_sweep(graph):
    leaves, output = swept(graph)
    hypothesis_assume_graph(output)
    totals = dict.fromkeys(map(id, leaves), 0.0)
    for contribution in ag.contributions([output], [1.0]):
        if id(contribution.parent) in totals:
            totals[id(contribution.parent)] += contribution.partial * contribution.node.grad
    assert [bits(totals[id(leaf)]) for leaf in leaves] == [bits(leaf.grad) for leaf in leaves]


@quick
@given(graph=graphs())
def test_a_second_sweep_doubles_the_leaves_and_starts_the_other_nodes_afresh(graph):
    leaves, output = swept(graph)
    hypothesis_assume_graph(output)
    before = [leaf.grad for leaf in leaves]
    inner = [node for node in ag.topological_order(output) if not node.is_leaf]
    grads = [node.grad for node in inner]
    output.backward()
    assert [leaf.grad for leaf in leaves] == pytest.approx([2 * grad for grad in before], rel=1e-12)
    assert [node.grad for node in inner] == grads


@quick
@given(graph=graphs())
def test_the_paths_of_an_explanation_sum_to_the_gradient(graph):
    leaves, output = swept(graph)
    hypothesis_assume_graph(output)
    for leaf in leaves:
        assert output.explain(leaf).total == pytest.approx(leaf.grad, rel=1e-12, abs=1e-300)


@quick
@given(graph=graphs())
def test_copies_and_pickles_have_the_same_bits_and_gradients(graph):
    leaves, output = swept(graph)
    hypothesis_assume_graph(output)
    for again in (copy.deepcopy(output), pickle.loads(pickle.dumps(output))):
        order, order_again = ag.topological_order(output), ag.topological_order(again)
        assert [bits(node.data) for node in order] == [bits(node.data) for node in order_again]
        assert [node.op for node in order] == [node.op for node in order_again]
        assert [node.partials for node in order] == [node.partials for node in order_again]
        for node in order_again:
            node.zero_grad()
        again.backward()
        grads = {node.label: node.grad for node in order_again if node.label}
        assert all(grads[leaf.label] == leaf.grad for leaf in leaves if leaf.label in grads)


@quick
@given(graph=graphs())
def test_gradients_through_the_graph_of_the_gradient_have_the_value_of_the_sweep(graph):
    leaves, output = swept(graph)
    hypothesis_assume_graph(output)
    for leaf, derivative in zip(leaves, ag.differentiate(output, leaves), strict=True):
        assert derivative.data == pytest.approx(leaf.grad, rel=1e-12, abs=1e-14)


def hypothesis_assume_graph(output):
    """Skip graphs whose output does not depend on the inputs."""
    from hypothesis import assume

    assume(isinstance(output, Value) and not output.is_constant and math.isfinite(output.data))


# --- compiled and uncompiled --------------------------------------------------------

DIGEST = """
import hashlib, random, struct, warnings
from autograd_core import COMPILED, Value
from autograd_core.checking.strategies import random_graph
digest = hashlib.sha256()
for seed in range(300):
    graph = random_graph(random.Random(seed))
    leaves = [Value(x) for x in graph.inputs]
    output = graph(*leaves)
    if isinstance(output, Value) and not output.is_constant:
        output.backward()
    digest.update(struct.pack(">d", float(output)))
    digest.update(b"".join(struct.pack(">d", leaf.grad) for leaf in leaves))
print(COMPILED, digest.hexdigest())
"""


def test_the_uncompiled_engine_gives_the_same_bits():
    if not ag.COMPILED:
        pytest.skip("only the uncompiled engine is here")
    outputs = []
    for uncompiled in ("", "1"):
        environment = {**os.environ, "AUTOGRAD_UNCOMPILED": uncompiled}
        if not uncompiled:
            environment.pop("AUTOGRAD_UNCOMPILED")
        command = [sys.executable, "-c", DIGEST]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        outputs.append(result.stdout.split())
    assert [output[0] for output in outputs] == ["True", "False"]
    assert outputs[0][1] == outputs[1][1]
