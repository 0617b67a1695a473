"""Rounding errors: the bound and the estimate against graphs evaluated at many digits, and the ranking."""

import math
import random

import pytest

import autograd_core as ag
from autograd_core import Value, diagnose
from autograd_core.checking.precise import context, precise_value
from autograd_core.checking.rounding import rounding
from autograd_core.checking.strategies import random_graph


def exact(output):
    """The value of a graph at many digits, its leaves taken as they are."""
    mp = context()
    known = {}
    for node in ag.topological_order(output):
        if node.is_leaf:
            known[node] = mp.mpf(node.data)
        else:
            operands = [known.get(p, mp.mpf(p.data)) for p in node.parents]
            known[node] = precise_value(node.operation, operands, node.index)
    return known[output]


def test_the_estimate_is_within_a_factor_of_ten_of_the_error_and_the_bound_above_it():
    """An error may vanish by luck: the root mean square over points beside each other does not."""
    pytest.importorskip("mpmath")
    generator = random.Random(3)
    outside = above = points = graphs = 0
    for seed in range(250):
        graph = random_graph(random.Random(seed), steps=10, inputs=2)
        errors, estimates = [], []
        for _ in range(8):
            xs = [Value(x * (1 + generator.uniform(-1e-3, 1e-3))) for x in graph.inputs]
            try:
                output = graph(*xs)
                error = float(abs(exact(output) - output.data))
            except (ValueError, ArithmeticError):  # beside the domain
                continue
            report = rounding(output)
            errors.append(error)
            estimates.append(report.estimate)
            above += error > report.bound * (1 + 1e-6) + 1e-300
        graphs, points = graphs + 1, points + len(errors)
        actual, estimate = math.hypot(*errors), math.hypot(*estimates)
        outside += not (actual <= 10 * estimate and estimate <= 10 * actual)
    assert graphs > 200
    assert outside <= graphs / 100
    assert above <= points / 1000


def test_simple_exact_values_cost_nothing_and_saturated_ones_do():
    assert rounding(ag.exp(Value(0.0))).bound == 0.0
    assert rounding(ag.gamma(Value(1.0))).bound == 0.0
    assert rounding(ag.tanh(Value(20.0))).bound > 0.0  # 1 - 8e-18
    assert rounding(ag.exp(Value(1e-17))).bound > 0.0


def test_cancellation_is_blamed_on_what_was_rounded_before_it():
    with diagnose():
        x = Value(1e-9, "x")
        output = ag.exp(x) - 1.0
    report = rounding(output)
    worst = report.contributions[0]
    assert worst.node.op == "exp"
    assert worst.source[0].endswith("test_rounding.py")
    assert worst.share > 0.99
    assert report.of(worst.node) == worst.share
    assert 6 < report.digits < 8
    assert "some 7 digits are right" in str(report)
    assert rounding(ag.expm1(x)).digits > 15


def test_gradients_are_left_alone_and_exact_operations_cost_nothing():
    x = Value(3.0)
    y = ag.relu(-x) + ag.maximum(x, 2.0) * 1.0
    y.backward()
    before = x.grad
    report = rounding(ag.maximum(x, 2.0))
    assert x.grad == before
    assert (report.bound, report.contributions, report.digits) == (0.0, (), 17.0)


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match="wants a Value, not float"):
        rounding(3.0)
