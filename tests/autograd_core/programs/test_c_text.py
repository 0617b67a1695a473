"""The C text of random Programs, compiled by the system's compiler, against the Programs on random rows."""

from __future__ import annotations

import ctypes
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs import Program, record
from tests.property.random_programs import NAMES, OPERATIONS, TOTAL, operation

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
FLAGS = [
    "-std=c99",
    "-pedantic",
    "-O1",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-shared",
    "-fPIC",
]
W = [ag.Value(0.3), ag.Value(-0.7), ag.Value(1.1)]


class Compiled:
    """The two functions of the C text of a Program."""

    def __init__(self, program: Program, folder: Path):
        source, library = folder / "text.c", folder / "text.so"
        source.write_text(program.to_c("mine"), encoding="utf-8")
        subprocess.run(["gcc", *FLAGS, str(source), "-o", str(library), "-lm"], check=True)
        self.program, self.library = program, ctypes.CDLL(str(library))

    def value(self, row: Any) -> list[float] | None:
        """The outputs of a row; None if it leaves a recorded branch."""
        outputs = np.zeros(self.program.outputs)
        left = self.library.mine_value(*_pointers(self._numbers(), row, outputs))
        return None if left else outputs.tolist()

    def gradient(self, row: Any, seeds: Any) -> tuple[list[float], list[float], list[float]]:
        """The outputs of a row, the parameters' gradients and the inputs'."""
        outputs, own = np.zeros(self.program.outputs), np.zeros(len(row))
        sums = np.zeros(len(self.program.parameters))
        assert not self.library.mine_gradient(*_pointers(self._numbers(), row, outputs, seeds, sums, own))
        return outputs.tolist(), sums.tolist(), own.tolist()

    def _numbers(self) -> Any:
        return np.array([p.data for p in self.program.parameters])


def _pointers(*arrays: Any) -> list[Any]:
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]


def assert_same_bits(f: Callable[[Any], Any], rows: Any, folder: Path) -> None:
    program = record(f, rows[0].tolist())
    text = Compiled(program, folder)
    seeds = np.random.default_rng(1).normal(size=(len(rows), program.outputs))
    compared = 0
    for row, seed in zip(np.ascontiguousarray(rows), seeds, strict=True):
        try:
            values, gradients = program.value_and_grad(
                row[None], gradient=seed.reshape(1, *program.shape), inputs=True
            )
        except (ag.AutogradError, ArithmeticError, ValueError):
            continue  # C raises nothing
        if program.eager_rows:
            program.eager_rows = 0
            if text.value(row) is None:
                continue
        expected = [np.ravel(part) for part in (values, gradients.parameters, gradients.inputs[0])]
        found = text.gradient(row, seed)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        assert text.value(row) == expected[0].tolist()
        compared += 1
    assert compared > len(rows) // 2


def random_function(seed: int) -> Callable[[Any], Any]:
    chooser = random.Random(seed)
    names = [name for name in NAMES if OPERATIONS[name].native]
    plan = []
    for _ in range(25):
        name = chooser.choice(names)
        count = OPERATIONS[name].arity or 2 * chooser.randrange(1, 4)
        index = chooser.randrange(count) if "soft" in name else 0
        tame, squash = chooser.random() < (0.3 if name in TOTAL else 1.0), chooser.random() < 0.5
        plan.append((name, [chooser.random() for _ in range(count)], index, tame, squash))

    def f(x: Any) -> Any:
        pool = [*x, *W]
        for name, places, index, tame, squash in plan:
            pool += operation(pool, name, [int(p * len(pool)) for p in places], index, tame, squash)
        return pool[-9:]

    return f


@pytest.mark.parametrize("seed", range(6))
def test_random_functions_have_the_bits_of_the_program(seed: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(seed).normal(size=(40, 5))
    rows[1] = np.round(rows[1])  # kinks
    assert_same_bits(random_function(seed), rows, tmp_path)


def looped(x: Any) -> Any:
    carry, products = ag.scan(lambda c, t: (ag.tanh(W[0] * c + t), c * t), x[0], list(x[1:]))
    return [ag.fori_loop(0, 5, lambda k, v: ag.sin(v) + 0.1 * k, carry), *products, W[1] * carry]


def branched(x: Any) -> Any:
    return [x[0] * W[0] if x[1] > 0.0 else x[2], x[3] * x[4]]


def not_chosen(x: Any) -> Any:
    """At 0 the slope of the root, which is not chosen, is infinite."""
    return ag.maximum(ag.sqrt(x[0] * x[0]) * W[0], x[1]) + ag.where(
        ag.greater(x[2], 0.0), ag.cbrt(x[2]), x[3]
    )


def test_loops_are_written_step_by_step(tmp_path: Path) -> None:
    assert record(looped, [0.5] * 5).recorded.loops
    assert_same_bits(looped, np.random.default_rng(0).normal(size=(20, 5)), tmp_path)


def test_a_row_that_leaves_a_branch_is_told(tmp_path: Path) -> None:
    text = Compiled(record(branched, [1.0] * 5), tmp_path)
    assert text.value(np.array([2.0, 3.0, 4.0, 5.0, 6.0])) == [0.6, 30.0]
    assert text.value(np.array([2.0, -3.0, 4.0, 5.0, 6.0])) is None


def test_a_row_that_leaves_a_branch_outside_a_loop_is_told(tmp_path: Path) -> None:
    def loop(x: Any) -> tuple[Any, Any]:
        last, products = ag.scan(lambda c, t: (ag.tanh(W[2] * c + t), c * t), x[0] * W[1], list(x[1:]))
        return last, products[1]

    def f(x: Any) -> Any:
        last, product = loop(x)
        return last * W[0] + product if last < product else last

    text = Compiled(record(f, [0.5, 0.4, -0.3]), tmp_path)
    rows = np.random.default_rng(1).normal(size=(30, 3)).tolist()
    leaves = [loop(row)[0] >= loop(row)[1] for row in rows]
    assert any(leaves)
    assert [text.value(np.array(row)) is None for row in rows] == leaves


def test_the_text_of_a_loop_has_the_programs_parameters_in_their_order(tmp_path: Path) -> None:
    def f(x: Any) -> Any:
        return ag.scan(lambda c, t: (c * t * W[2], W[1] * c), x[0], [x[1], x[0]])[0] * W[0]

    assert_same_bits(f, np.random.default_rng(2).normal(size=(5, 2)), tmp_path)


def test_the_text_of_a_loop_is_that_of_the_recorded_branches(tmp_path: Path) -> None:
    threshold = ag.Value(1.0)

    def f(x: Any) -> Any:
        return ag.scan(lambda c, t: (c * t if t < threshold else c, None), x[0], [x[1], x[2]])[0]

    program = record(f, [0.5, 0.4, -0.3])
    threshold.data = 0.0
    text = Compiled(program, tmp_path)
    assert text.value(np.array([2.0, -3.0, -4.0])) == [24.0]
    assert text.value(np.array([2.0, 3.0, -4.0])) is None


def test_no_variable_is_assigned_to_itself(tmp_path: Path) -> None:
    """Clang warns of it."""
    program = record(lambda x: ag.sum(list(x)) * ag.mean(list(x)), [1.0, 2.0])
    assert not re.search(r"\b(\w+) = \1;", program.to_c())
    Compiled(program, tmp_path)


def test_nothing_comes_out_of_what_was_not_chosen(tmp_path: Path) -> None:
    rows = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 0.0, 4.0], [0.0, 2.0, -1.0, 4.0], [3.0, 0.1, 2.0, 1.0]])
    assert_same_bits(not_chosen, rows, tmp_path)


def test_hypot_is_that_of_c_to_a_unit_in_the_last_place(tmp_path: Path) -> None:
    program = record(lambda x: ag.hypot(W[0] * x[0], x[1]), [3.0, 4.0])
    text = Compiled(program, tmp_path)
    rows = [
        [3.0, 4.0],
        [0.0, -2.0],
        [1e200, 1e-200],
        [-1e-310, 2e-310],
        *np.random.default_rng(0).normal(size=(50, 2)),
    ]
    for row in np.array(rows):
        values, gradients = program.value_and_grad(row[None], inputs=True)
        found = text.gradient(row, np.ones(1))
        expected = values[0], gradients.parameters, gradients.inputs[0][0]
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_max_ulp(np.array(mine), np.atleast_1d(theirs), 1)


def test_the_text_names_labeled_parameters(tmp_path: Path) -> None:
    parameters = [ag.Value(2.0, "w"), ag.Value(3.0), ag.Value(5.0, "*/ int x; /* \\\n")]
    program = record(lambda x: ag.dot(parameters, x), [1.0, 1.0, 1.0])
    told = re.findall(r"parameters\[(\d)\] is (.*)", program.to_c("mine"))
    assert told == [("0", '"w"'), ("2", '"(star)/ int x; /(star) \\\\\\n" */')]
    assert Compiled(program, tmp_path).value(np.array([1.0, 10.0, 100.0])) == [532.0]
