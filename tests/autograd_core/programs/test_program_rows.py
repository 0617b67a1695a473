"""What a Program takes as numbers, and how it refuses the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.programs.program import Program, record
from autograd_core.programs.run import Run


class Frame:
    """Something that NumPy makes an array of, as it does of data frames and tensors."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.numbers, dtype=dtype)


class Sparse:
    """A matrix that NumPy makes no array of."""

    def toarray(self) -> Any:
        return np.eye(2)


class Tied:
    """A tensor that refuses to be an array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Use tensor.detach().numpy() instead")


def line() -> Program:
    w = ag.Value(2.0)
    return record(lambda x: w * x, 1.0)


TAKEN: dict[str, Any] = {
    "list": [1.0, 0.0],
    "tuple": (1, 0),
    "truth values": [True, False],
    "array of truth values": np.array([True, False]),
    "float32": np.array([1, 0], dtype=np.float32),
    "float16": np.array([1, 0], dtype=np.float16),
    "bytes of numbers": np.array([1, 0], dtype=np.uint8),
    "NumPy's scalars": [np.int64(1), np.float32(0.0)],
    "objects": np.array([1, 0.0], dtype=object),
    "objects of several kinds": np.array([True, np.float32(0.0)], dtype=object),
    "fractions": [Fraction(1), Fraction(0)],
    "decimals": [Decimal(1), Decimal(0)],
    "frame": Frame([1, 0]),
    "frame of objects": Frame(np.array([True, 0.0], dtype=object)),
    "strided": np.array([1.0, 9.0, 0.0, 9.0])[::2],
    "big-endian": np.array([1.0, 0.0], dtype=">f8"),
    "masked array without a mask": np.ma.array([1.0, 0.0]),
    "masked array where nothing is masked": np.ma.array([1.0, 0.0], mask=[False, False]),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_real_numbers_in_any_form_are_taken(kind: str) -> None:
    assert line()(TAKEN[kind]).tolist() == [2.0, 0.0]


def test_whole_numbers_beyond_64_bits_are_rounded() -> None:
    assert line()([2**70, 0]).tolist() == [2.0**71, 0.0]


def test_nan_and_infinities_are_numbers() -> None:
    values, gradients = line().value_and_grad([math.nan, math.inf, -math.inf])
    assert math.isnan(values[0])
    assert values[1:].tolist() == [math.inf, -math.inf]
    assert math.isnan(gradients.parameters[0])


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "None": (lambda: [1.0, None], TypeError, r"entry \[1\].*None; .*NaN"),
    "text": (lambda: ["1"], TypeError, r"entry \[0\].*'1'.*dtype=float"),
    "text among numbers": (lambda: [1.0, 2.0, "3"], TypeError, r"entry \[2\].*'3'"),
    "array of text": (lambda: np.array(["1", "2"]), TypeError, r"entry \[0\].*text"),
    "bytes": (lambda: b"12", TypeError, "b'12'"),
    "complex": (lambda: [1.0, 1j], TypeError, r"entry \[1\].*real and imaginary"),
    "array of complex": (lambda: np.array([1j]), TypeError, r"entry \[0\].*real and imaginary"),
    "dates": (lambda: np.array(["2020-01-01"], dtype="M8[D]"), TypeError, r"entry \[0\].*datetime"),
    "a date": (lambda: [date(2020, 1, 1)], TypeError, r"entry \[0\].*date"),
    "spans of time": (lambda: np.array([3], dtype="m8[s]"), TypeError, r"entry \[0\].*timedelta"),
    "records": (lambda: np.zeros(2, dtype=[("a", float)]), TypeError, "records.*field"),
    "Values": (lambda: [ag.Value(1.0)], TypeError, r"entry \[0\].*\.data"),
    "set": (lambda: {1.0, 2.0}, TypeError, "lists of numbers"),
    "generator": (lambda: (x for x in [1.0]), TypeError, "lists of numbers"),
    "masked": (lambda: np.ma.array([1.0, 2.0], mask=[False, True]), ValueError, "masked.*filled"),
    "masked within a list": (lambda: [1.0, np.ma.masked], ValueError, "masked.*filled"),
    "ragged": (lambda: [[1.0], [1.0, 2.0]], ValueError, "ragged"),
    "array of lists": (
        lambda: np.array([[1.0], [1.0, 2.0]], dtype=object),
        ValueError,
        r"entry \[0\].*stack",
    ),
    "too large": (lambda: [10**400], ValueError, "too large"),
    "sparse": (lambda: Sparse(), TypeError, r"\.toarray\(\)"),
    "a tensor that refuses": (lambda: Tied(), TypeError, "detach"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_real_number_is_refused_with_argument_place_and_remedy(kind: str) -> None:
    make, error, text = REFUSED[kind]
    program = record(lambda a, b: a * b, 1.0, 2.0)
    with pytest.raises(error, match=f"argument 2 of 2.*{text}"):
        program([1.0, 2.0, 3.0], make())


@pytest.mark.parametrize("kind", [k for k in REFUSED if k != "ragged"])
def test_examples_are_refused_likewise(kind: str) -> None:
    make, _, text = REFUSED[kind]
    with pytest.raises(TypeError, match=f"an argument is a.*argument 2 of 2.*{text}"):
        record(lambda a, b: a, 1.0, make())


@pytest.mark.parametrize("kind", [k for k in REFUSED if k not in ("masked within a list", "array of lists")])
def test_gradients_are_refused_likewise(kind: str) -> None:
    make, error, text = REFUSED[kind]
    with pytest.raises(error, match=f"gradient.*{text}"):
        line().value_and_grad([1.0, 2.0], gradient=make())


def test_the_place_in_a_row_is_told() -> None:
    program = record(lambda x: x[0] * x[1], [1.0, 2.0])
    with pytest.raises(TypeError, match=r"argument 1 of 1, entry \[1, 0\]"):
        program([[1.0, 2.0], [None, 3.0]])
    with pytest.raises(TypeError, match=r"argument 1 of 1, entry \[1\]"):
        program.graph([1.0, "2"])
    with pytest.raises(ValueError, match=r"argument 1 of 1 has shape \(3,\)"):
        program.graph([1.0, 2.0, 3.0])


def test_a_gradient_may_be_any_number_or_an_array_that_fits_the_values() -> None:
    program = line()
    for gradient in (2, np.float32(2.0), np.int64(2), [2.0, 2], np.array([True, True]) + 1):
        assert program.value_and_grad([1.0, 2.0], gradient=gradient)[1].parameters.tolist() == [6.0]
    assert math.isnan(program.value_and_grad([1.0], gradient=math.nan)[1].parameters[0])
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\).*\(2,\)"):
        program.value_and_grad([1.0, 2.0], gradient=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("bad", [True, np.True_, 8.0, "8", None, [8]])
def test_block_and_threads_are_whole_numbers(bad: Any) -> None:
    for name in ("block", "threads"):
        with pytest.raises(TypeError, match=f"{name} must be a whole number"):
            line()([1.0], **{name: bad})


@pytest.mark.parametrize("bad", [-8, 7, 2**80 + 1])
def test_blocks_that_are_no_multiples_of_8_are_refused(bad: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        line()([1.0], block=bad)


@pytest.mark.parametrize("bad", [0, -1, 65, 2**80])
def test_threads_that_no_machine_has_are_refused(bad: int) -> None:
    with pytest.raises(ValueError, match="threads must be a whole number from 1 to 64"):
        line()([1.0], threads=bad)


def test_numbers_of_numpy_and_blocks_larger_than_the_batch_are_taken() -> None:
    program = record(lambda x: ag.exp(x), 1.0)
    rows = np.linspace(-1, 1, 50)
    expected = program(rows).tolist()
    for block in (np.int64(8), np.uint8(16), 64, 2**40, 2**80):
        for threads in (1, np.int32(2)):
            assert program(rows, block=block, threads=threads).tolist() == expected


@pytest.mark.parametrize("on_guard", ["eager", "record"])
def test_a_value_that_the_function_makes_is_a_constant_in_rows_evaluated_eagerly_too(on_guard):
    w = ag.Value(2.0)

    def f(x):
        total = ag.Value(0.0)
        for k in range(3):
            total = total + x * w if x > 0.0 else total + x * w * w * k
        return total * total

    program = ag.record(f, 1.0, on_guard=on_guard)
    rows = np.array([1.0, math.nan, -1.0, math.inf, 0.5, -2.0])
    values, found = program.value_and_grad(rows, inputs=True)
    expected, slopes = [], []
    w.grad = 0.0
    for x in map(ag.Value, rows.tolist()):
        y = f(x)
        y.backward()
        expected.append(y.data)
        slopes.append(x.grad)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(found.inputs[0], slopes)
    np.testing.assert_array_equal(found.parameters, [w.grad])


def test_a_parameter_that_only_another_branch_reaches_is_refused():
    w, other = ag.Value(2.0), ag.Value(3.0)
    program = ag.record(lambda x: x * w if x > 0.0 else x * other + ag.Value(1.0), 1.0)
    with pytest.raises(ag.RecordingError, match=r"depends on Value\(3\.0\), unknown to the recorded graph"):
        program.value_and_grad(np.array([1.0, -1.0]))


def test_rows_that_are_not_aligned_in_memory_are_copied():
    packed = np.zeros(5, dtype=[("k", "i1"), ("x", "f8", 2)])
    packed["x"] = np.arange(10.0).reshape(5, 2)
    loose = np.frombuffer(b"x" + packed["x"].tobytes(), np.float64, 10, 1).reshape(5, 2)
    program, jitted = ag.record(lambda x: x[0] * x[1], [1.0, 1.0]), ag.jit(lambda x: x[0] * x[1])
    expected = [0.0, 6.0, 20.0, 42.0, 72.0]
    for rows in (packed["x"], loose):
        assert not rows.flags.aligned
        assert program(rows).tolist() == expected
        assert [jitted(row) for row in rows] == expected
        assert program.value_and_grad(rows)[0].tolist() == expected


@pytest.mark.parametrize("per_row", [False, True])
def test_a_tape_is_bound_once_however_branches_alternate(per_row, monkeypatch):
    bound = []
    bind = Run._bind
    monkeypatch.setattr(Run, "_bind", lambda run, *kind: bound.append(kind) or bind(run, *kind))
    w = ag.Value(2.0)

    def f(x):
        return ag.sin(w * x) if x > 0.0 else w * x * x

    program = ag.record(f, 1.0, on_guard="record")
    rows = np.array([1.0, -1.0, math.nan] * 20 + [0.5])
    _, found = program.value_and_grad(rows, wrt=w, per_row=per_row)
    assert len(bound) <= 4
    slopes = []
    w.grad = 0.0
    for x in rows.tolist():
        before = 0.0 if per_row else w.grad
        w.grad = before
        f(ag.Value(x)).backward()
        slopes.append(w.grad)
    np.testing.assert_array_equal(found, slopes if per_row else slopes[-1])


@pytest.mark.parametrize("at", [0, 700, 1999])
@pytest.mark.parametrize("number", [math.nan, math.inf, 1.7e308])
@pytest.mark.parametrize("start", [0.0, math.inf])
def test_after_a_sum_that_is_not_finite_rows_are_replayed_as_before(
    at: int, number: float, start: float
) -> None:
    w, b = ag.Value(2.0), ag.Value(0.5)

    def f(x: Any) -> Any:
        return ag.tanh(w * x) + w * x * 0.5 + b

    program, rows = record(f, 1.0), np.random.default_rng(0).normal(size=2000)
    rows[at] = number
    w.grad = start
    for x in rows:
        f(x).backward()
    expected = w.grad, b.grad
    w.grad, b.grad = start, 0.0
    program.backward(rows)
    assert np.array_equal([w.grad, b.grad], expected, equal_nan=True)
    assert program.eager_rows <= 1


def test_gradients_within_a_function_have_their_gradients_in_rows_evaluated_eagerly_too() -> None:
    """`grad` at a plain number gives a number eagerly and a node in a recording."""
    w = ag.Value(0.5)

    def f(x: Any) -> Any:
        slope = ag.grad(lambda t: ag.sin(t * x * w))(0.7)
        return slope if x < 1.0 else ag.jvp(lambda t: t * slope * x, [2.0], [1.0])[1]

    rows = [0.5, 1.5, 2.0]
    eagerly, recorded = (
        record(f, 0.5, on_guard=on_guard).value_and_grad(rows, wrt=[0, w])[1]
        for on_guard in ("eager", "record")
    )
    assert eagerly[0].tolist() == recorded[0].tolist() == [ag.grad(f)(x) for x in rows]
    assert eagerly[1] == recorded[1]
