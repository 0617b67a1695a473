"""The calculus as JavaScript, run under Node beside Python on thousands of points."""

import itertools
import json
import math
import random
import shutil
import struct
import subprocess

import pytest

from autograd_core.calculus.javascript import LIVE, module_text
from autograd_core.calculus.operation import Dot, Reduction
from autograd_core.calculus.operations import OPERATIONS

NODE = shutil.which("node")
POINTS = 200
KINKS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan)
SCRIPT = """
import { valueOf, partialsOf } from "./calculus.mjs";
import { readFileSync } from "node:fs";
const write = (x) => (Number.isFinite(x) && !Object.is(x, -0) ? x : String(Object.is(x, -0) ? "-0" : x));
const read = (x) => Number(x);
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([name, operands, index]) => {
  const x = operands.map(read), y = valueOf(name, x, index);
  return [y, ...partialsOf(name, x, y, index)].map(write);
})));
"""


@pytest.fixture(scope="module")
def in_node(tmp_path_factory):
    """Runs (operation, operands, index) in Node: the value and the partials."""
    if NODE is None:
        pytest.skip("there is no Node here")
    place = tmp_path_factory.mktemp("node")
    (place / "calculus.mjs").write_text(module_text())
    (place / "run.mjs").write_text(SCRIPT)

    def run(cases):
        text = json.dumps([(name, [_text(x) for x in operands], index) for name, operands, index in cases])
        done = subprocess.run(
            [NODE, "run.mjs"], cwd=place, input=text, capture_output=True, text=True, check=True
        )
        return [[float(x) for x in row] for row in json.loads(done.stdout)]

    return run


def _text(x):
    return repr(x).replace("inf", "Infinity").replace("nan", "NaN")


def ordinal(x):
    """Doubles as whole numbers in their order."""
    (bits,) = struct.unpack("<q", struct.pack("<d", x))
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def distance(one, other):
    """How many doubles apart."""
    if one != one or other != other:
        return 0 if one != one and other != other else math.inf
    return abs(ordinal(one) - ordinal(other))


def arity(operation, choose):
    if isinstance(operation, Reduction):
        return choose.randint(1, 6)
    return choose.randint(2, 7) if isinstance(operation, Dot) else operation.arity


def expected(operation, operands, index):
    """The rules on floats, as IEEE has them."""
    if isinstance(operation, Reduction):
        y = operation._fold(*operands, index=index)
    else:
        y = operation.rule(*operands)
    return [float(y), *(float(d) for d in operation.partials(operands, y, index))]


def random_cases(name, count=POINTS):
    operation, choose = OPERATIONS[name], random.Random(name)
    for _ in range(count):
        spread = choose.choice((0.3, 1.0, 5.0, 30.0))
        operands = [choose.gauss(0, spread) for _ in range(arity(operation, choose))]
        if name == "pow":
            operands[0] = abs(operands[0])
        yield name, operands, choose.randrange(len(operands)) if isinstance(operation, Reduction) else 0


@pytest.fixture(scope="module")
def random_results(in_node):
    """For each operation its random cases and what Node says to them: one start of Node for all."""
    cases = [case for name in sorted(LIVE) for case in random_cases(name)]
    found = {name: [] for name in LIVE}
    for case, row in zip(cases, in_node(cases), strict=True):
        found[case[0]].append((case, row))
    return found


@pytest.mark.parametrize("name", sorted(LIVE))
def test_values_and_partials_are_those_of_python_to_a_few_ulp(random_results, name):
    for (_, operands, index), found in random_results[name]:
        for k, (x, right) in enumerate(zip(found, expected(OPERATIONS[name], operands, index), strict=True)):
            close = math.isclose(x, right, rel_tol=0, abs_tol=2e-16 * max(map(abs, operands)))
            assert distance(x, right) <= 16 or close, (name, operands, k, x, right)


def kinks(name):
    arity = OPERATIONS[name].arity
    points = KINKS if arity < 3 else (0.0, 1.0, 2.0, math.nan)
    return [(name, list(operands), 0) for operands in itertools.product(points, repeat=arity)]


def test_conventions_at_kinks_ties_and_poles_are_exactly_those_of_python(in_node):
    cases = [case for name in sorted(LIVE) if OPERATIONS[name].arity for case in kinks(name)]
    for (name, operands, _), found in zip(cases, in_node(cases), strict=True):
        operation = OPERATIONS[name]
        for k, (x, right) in enumerate(zip(found, expected(operation, operands, 0), strict=True)):
            same = distance(x, right) <= 4 and (x == 0) == (right == 0)
            assert same, (name, operands, k, x, right)


def test_selections_agree_to_the_last_bit(in_node):
    names = [name for name in LIVE if OPERATIONS[name].selecting and name != "stop_gradient"]
    choose = random.Random(1)
    cases = []
    for name in names:
        for _ in range(100):
            count = arity(OPERATIONS[name], choose)
            cases.append((name, [float(choose.randint(-2, 2)) for _ in range(count)], 0))
    for (name, operands, index), found in zip(cases, in_node(cases), strict=True):
        assert found == expected(OPERATIONS[name], operands, index), (name, operands)


def test_what_a_page_cannot_compute_is_named():
    assert {name for name, op in OPERATIONS.items() if op.identifier} - LIVE == {
        *(
            "lgamma",
            "polygamma",
            "gamma",
            "digamma",
            "digamma_difference",
            "beta",
            "erfcx",
            "ierfcx",
            "erfinv",
        )
    }
