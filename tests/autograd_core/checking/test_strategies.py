"""Random graphs: what they contain, that they stay inside every domain, and that users' operations go in."""

import math
import random
import subprocess
import sys

import pytest

from autograd_core import OPERATIONS, CustomOperation, Value, operation
from autograd_core.checking.check import gradient_report
from autograd_core.checking.strategies import graphs, kinds, random_graph


@operation(lambda x, y: 3 * x * x, name="cube_in_strategy_test")
def cube(x):
    return x * x * x


@operation(lambda a, b, y: (2 * a * b, a * a * 1.01), name="faulty_in_strategy_test")
def faulty(a, b):
    return a * a * b


def some(count, **options):
    return [random_graph(random.Random(seed), **options) for seed in range(count)]


def test_the_same_seed_gives_the_same_graph():
    assert random_graph(random.Random(5)) == random_graph(random.Random(5))
    assert random_graph(random.Random(5)) != random_graph(random.Random(6))


def test_graphs_stay_finite_on_floats_and_values():
    for graph in some(300):
        result = graph(*graph.inputs)
        assert math.isfinite(result)
        assert float(graph(*map(Value, graph.inputs))) == result


def test_every_differentiable_operation_of_the_engine_takes_part():
    used = {step.kind for graph in some(1500) for step in graph.steps}
    builtin = {name for name, known in OPERATIONS.items() if not isinstance(known, CustomOperation)}
    stepwise = {"sign", "floor", "ceil", "rint", "heaviside", "stop_gradient", "equal"}
    stepwise |= {"complement", "polygamma", "ierfcx"}  # a step, or nothing, in their first or second operand
    comparisons = {"greater", "greater_equal", "less", "less_equal"}
    assert set(kinds()) | stepwise | comparisons >= builtin
    assert used == set(kinds())


def test_graphs_are_of_the_size_that_is_asked_for():
    for graph in some(100, inputs=2, steps=5):
        assert 1 <= len(graph.inputs) <= 2
        assert 1 <= len(graph.steps) <= 5


def test_graphs_can_be_restricted_to_some_operations():
    used = {step.kind for graph in some(100, only=["mul", "sin"]) for step in graph.steps}
    assert {"mul", "sin"} <= used <= {"mul", "sin", "tanh"}
    with pytest.raises(ValueError, match="no operation named sine"):
        random_graph(random.Random(0), only=["sine"])


def test_an_operation_of_one_s_own_is_in_every_graph():
    for graph in some(100, include=[cube]):
        assert "cube_in_strategy_test" in {step.kind for step in graph.steps}
        assert gradient_report(graph, list(graph.inputs)).passed


def test_a_faulty_operation_of_one_s_own_is_found_by_random_graphs():
    reports = [gradient_report(graph, list(graph.inputs)) for graph in some(50, include=[faulty])]
    named = [{fault.operation for fault in report.faults} for report in reports]
    assert named.count({"faulty_in_strategy_test"}) >= 35  # nothing is wrong where b is a constant
    assert all(names <= {"faulty_in_strategy_test"} for names in named)


def test_a_plain_function_can_be_included():
    graph = random_graph(random.Random(1), include=[lambda a, b: a * b + a])
    assert "<lambda>" in {step.kind for step in graph.steps}


def test_a_graph_prints_as_code():
    graph = random_graph(random.Random(3), steps=3)
    lines = str(graph).splitlines()
    assert lines[0] == f"x0 = {graph.inputs[0]!r}"
    assert lines[-1].startswith(f"v{len(graph.steps) - 1} = {graph.steps[-1].kind}(")


def test_a_graph_can_be_evaluated_with_other_numbers():
    graph = random_graph(random.Random(3), only=["add", "mul"])
    names = {"add": lambda a, b: f"({a}+{b})", "mul": lambda a, b: f"({a}*{b})", "tanh": str}
    text = graph.evaluate(["x", "y", "z"][: len(graph.inputs)], names, str)
    assert "x" in text or "y" in text or "z" in text or text


def test_the_hypothesis_strategy_finds_and_shrinks_a_fault():
    hypothesis = pytest.importorskip("hypothesis")

    def is_wrong(graph):
        return bool(gradient_report(graph, list(graph.inputs)).faults)

    settings = hypothesis.settings(max_examples=200, deadline=None, derandomize=True, database=None)
    smallest = hypothesis.find(graphs(include=[faulty]), is_wrong, settings=settings)
    assert len(smallest.steps) <= 3
    assert "faulty_in_strategy_test" in {step.kind for step in smallest.steps}


def test_hypothesis_is_imported_only_when_a_strategy_is_made():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import random, autograd_core.strategies as s\n"
        "s.random_graph(random.Random(0))\n"
        "try: s.graphs()\n"
        "except ImportError as error: print(error)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "autograd-core[check]"' in output


def test_operations_of_one_name_and_of_a_built_in_one_are_told_apart():
    def tanh(x):
        return x * 3.0

    graph = random_graph(random.Random(0), include=[tanh, lambda x: x * 5.0, lambda x: x * 7.0], steps=1)
    (step,) = graph.steps
    assert step.kind in ("tanh_", "<lambda>", "<lambda>_")
    names = {"tanh_": 3.0, "<lambda>": 5.0, "<lambda>_": 7.0}
    operand = step.operands[0]
    assert graph(*graph.inputs) == names[step.kind] * graph.inputs[operand]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": 0}, "inputs must be a whole number, at least 1"),
        ({"steps": -1}, "steps must be a whole number, at least 1"),
        ({"only": []}, "only= is a list of one operation's name"),
        ({"only": "tanh"}, "only= is a list of one operation's name"),
        ({"include": [lambda: 1.0]}, "an operation has operands"),
    ],
)
def test_options_of_random_graphs_that_make_no_sense_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        random_graph(random.Random(0), **options)
