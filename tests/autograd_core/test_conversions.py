"""A Value that depends on inputs being differentiated is never made a plain number without a word."""

import array
import copy
import decimal
import fractions
import math
import pickle
import statistics
import struct
import threading

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import ConversionError, Value


def stored(v):
    numbers = np.zeros(1)
    numbers[0] = v
    return numbers[0]


CONVERSIONS = {
    "float()": float,
    "complex()": lambda v: complex(v).real,
    "round()": round,
    "round() to digits": lambda v: round(v, 2),
    "item()": lambda v: v.item(),
    "math.exp": math.exp,
    "math.sqrt": math.sqrt,
    "math.fabs": math.fabs,
    "math.hypot": lambda v: math.hypot(v, 1.0),
    "math.pow": lambda v: math.pow(v, 2),
    "math.isnan": lambda v: v * math.isnan(v),
    "math.fsum": lambda v: math.fsum([v, v]),
    "math.prod of floats": lambda v: math.prod([math.sin(v), 2.0]),
    "statistics.fmean": lambda v: statistics.fmean([v, v]),
    "np.array of floats": lambda v: np.array([v, v], dtype=float).sum(),
    "np.asarray of floats": lambda v: np.asarray(v, dtype=np.float64).sum(),
    "astype": lambda v: np.array([v, v], dtype=object).astype(float).sum(),
    "np.fromiter": lambda v: np.fromiter([v], dtype=float)[0],
    "np.full": lambda v: np.full(2, v, dtype=float).sum(),
    "np.float64": lambda v: np.float64(v),
    "np.float32": lambda v: np.float32(v),
    "an entry of a float array": stored,
    "array.array": lambda v: array.array("d", [v])[0],
    "% formatting": lambda v: float("%.17g" % v),  # noqa: UP031
    "copy.copy": lambda v: copy.copy(v),
    "copy.deepcopy": lambda v: copy.deepcopy([v])[0],
    "deep copy of a result": lambda v: copy.deepcopy(v * v),
    "pickle": lambda v: pickle.loads(pickle.dumps(v * v)),
}
TRANSFORMS = {
    "grad": lambda f: ag.grad(f)(1.5),
    "value_and_grad": lambda f: ag.value_and_grad(f)(1.5),
    "jacobian": lambda f: ag.jacobian(f)(1.5),
    "hessian": lambda f: ag.hessian(f)(1.5),
    "vjp": lambda f: ag.vjp(f, 1.5),
    "jvp": lambda f: ag.jvp(f, (1.5,), (1.0,)),
    "hvp": lambda f: ag.hvp(f, 1.5, 1.0),
    "grad of a Value": lambda f: ag.grad(f)(Value(1.5)),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_that_would_drop_the_gradient_raises(name):
    with pytest.raises(ConversionError, match="would drop"):
        ag.grad(lambda v: CONVERSIONS[name](v) * v)(1.5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_refuses_conversions(name):
    for function in (math.exp, lambda v: math.exp(v * v), lambda v: v * float(ag.exp(v))):
        with pytest.raises(ConversionError, match=r"autograd_core.exp for math.exp.*read .data"):
            TRANSFORMS[name](function)


def test_a_conversion_error_is_a_type_error_and_names_the_node():
    def f(x):
        y = x * x
        y.label = "radius"
        return math.sqrt(y)

    with pytest.raises(TypeError, match=r"node 'radius': float\(\) was called on it"):
        ag.grad(f)(2.0)


def test_struct_says_no_in_its_own_words():
    with pytest.raises(struct.error):
        ag.grad(lambda v: struct.unpack("d", struct.pack("d", v))[0] * v)(1.5)


def test_an_error_leaves_no_trace():
    kept = []

    def f(x):
        kept.append(x)
        return math.exp(x)

    with pytest.raises(ConversionError):
        ag.grad(f)(1.0)
    assert math.exp(kept[0]) == math.e
    assert ag.grad(lambda x: x * x)(3.0) == 6.0


# --- what stays allowed ---


def test_outside_a_transform_a_node_converts():
    x = Value(1.5)
    y = x * 2.0
    assert (math.exp(x), float(y), round(y), np.array([y], dtype=float)[0]) == (math.exp(1.5), 3.0, 3, 3.0)
    assert (y.item(), type(y.item())) == (3.0, float)
    assert copy.deepcopy(y).data == 3.0


def test_inside_a_transform_what_depends_on_no_input_converts():
    scale, other = Value(2.0) * 3.0, Value(4.0)
    made = []

    def f(x):
        made.append(Value(5.0) * 2.0)
        return x * float(scale) + math.exp(other.detach()) + float(x.detach()) + float(made[-1])

    assert ag.grad(f)(1.0) == 6.0


def test_the_number_is_taken_on_purpose_by_data_and_detach():
    assert ag.grad(lambda x: x * math.exp(x.data))(0.5) == math.exp(0.5)
    assert ag.grad(lambda x: x * x.detach())(0.5) == 0.5


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda x: x * x if x > 1.0 else -x, 5.0),
        (lambda x: x * 3.0 if x else x, 3.0),
        (lambda x: x * int(x), 2.0),
        (lambda x: x * math.floor(x), 2.0),
        (lambda x: x * math.ceil(x), 3.0),
        (lambda x: x * math.trunc(x), 2.0),
        (lambda x: x * [10.0, 20.0, 30.0][int(x)], 30.0),
        (lambda x: max(x, 1.0) * min(x, 10.0), 5.0),
        (lambda x: x * len(f"{x:.3f}"), 5.0),
        (lambda x: x * (1.0 + 0.0 * len(f"{x} {x!r}")), 1.0),
    ],
)
def test_what_is_the_same_in_a_neighbourhood_may_be_asked_for(function, slope):
    assert ag.grad(function)(2.5) == pytest.approx(slope)


def test_a_copy_of_a_result_keeps_its_gradient():
    assert ag.grad(lambda x: copy.copy(x * x))(3.0) == 6.0
    assert ag.grad(lambda x: copy.copy([x, x])[1] * x)(3.0) == 6.0


def test_exact_types_never_took_a_value():
    for kind in (decimal.Decimal, fractions.Fraction):
        with pytest.raises(TypeError):
            ag.grad(lambda x: x * float(kind(x)))(1.0)  # noqa: B023


# --- nesting and threads ---


def test_an_inner_call_refuses_what_depends_on_the_outer_one():
    with pytest.raises(ConversionError):
        ag.grad(lambda x: ag.grad(lambda y: y * math.exp(x))(1.0))(1.0)
    with pytest.raises(ConversionError):
        ag.grad(lambda x: x * ag.grad(lambda y: y * math.exp(y))(1.0))(1.0)


def test_after_an_inner_call_its_number_converts_and_the_outer_input_does_not():
    def f(x):
        inner = ag.grad(lambda y: y * y)(3.0)
        assert type(inner) is float
        return x * math.exp(inner) + float(x)

    with pytest.raises(ConversionError):
        ag.grad(f)(1.0)
    assert ag.grad(lambda x: x * math.exp(ag.grad(lambda y: y * y)(3.0)))(1.0) == math.exp(6.0)


def test_a_thread_beside_a_transform_converts_as_ever():
    results = []

    def f(x):
        y = Value(2.0) * 3.0
        thread = threading.Thread(target=lambda: results.append(math.exp(y)))
        thread.start()
        thread.join()
        return x * results[-1]

    assert ag.grad(f)(1.0) == math.exp(6.0)


def test_a_program_still_refuses_by_its_own_error():
    with pytest.raises(ag.RecordingError):
        ag.record(lambda x: x * math.exp(x), 1.0)
