"""The exception tree, and what its messages tell."""

import math
import pickle

import pytest

import autograd_core as ag
from autograd_core import Value, errors

BUILTINS = {
    "DomainError": ValueError,
    "DivisionError": ZeroDivisionError,
    "RangeError": OverflowError,
    "NonFiniteError": ArithmeticError,
    "GraphError": RuntimeError,
    "RecordingError": RuntimeError,
    "ConversionError": TypeError,
    "GradientCheckError": AssertionError,
}


def test_every_exception_is_an_autograd_error_and_the_builtin_one_would_catch():
    for name, builtin in BUILTINS.items():
        kind = getattr(ag, name)
        assert issubclass(kind, ag.AutogradError)
        assert issubclass(kind, builtin)
        assert name in errors.__doc__
        assert kind.__doc__
    assert set(errors.__all__) == {*BUILTINS, "AutogradError", "OperationError"}


x = Value(2.0)
CASES = [
    (lambda: ag.log(Value(-1.0, "loss")), ag.DomainError, "log(loss=-1.0): math domain error"),
    (lambda: ag.log(Value(0.0)), ag.DomainError, "log(0.0): math domain error"),
    (lambda: ag.sqrt(Value(-4.0, "s")), ag.DomainError, "sqrt(s=-4.0): math domain error"),
    (lambda: ag.asin(Value(1.5)), ag.DomainError, "asin(1.5): math domain error"),
    (lambda: ag.atanh(Value(1.0)), ag.DomainError, "atanh(1.0): math domain error"),
    (lambda: ag.acosh(Value(0.5)), ag.DomainError, "acosh(0.5): math domain error"),
    (lambda: ag.lgamma(Value(-2.0)), ag.DomainError, "lgamma(-2.0): math domain error"),
    (lambda: ag.sin(Value(math.inf)), ag.DomainError, "sin(inf): math domain error"),
    (
        lambda: Value(-8.0, "b") ** (1 / 3),
        ag.DomainError,
        "pow(b=-8.0, 0.3333333333333333): the result is not a real number",
    ),
    (lambda: 1 / Value(0.0, "width"), ag.DivisionError, "div(1.0, width=0.0): float division by zero"),
    (lambda: Value(5.0) % 0, ag.DivisionError, "mod(5.0, 0.0): float modulo"),
    (lambda: Value(0.0) ** -1, ag.DivisionError, "pow(0.0, -1.0): 0.0 cannot be raised to a negative power"),
    (lambda: ag.reciprocal(Value(0.0)), ag.DivisionError, "reciprocal(0.0): float division by zero"),
    (lambda: ag.exp(Value(1000.0, "logit")), ag.RangeError, "exp(logit=1000.0): math range error"),
    (lambda: ag.cosh(Value(-1000.0)), ag.RangeError, "cosh(-1000.0): math range error"),
    (lambda: Value(10.0) ** 400, ag.RangeError, "pow(10.0, 400.0): (34, 'Numerical result out of range')"),
]


@pytest.mark.parametrize(
    ("function", "kind", "message"), CASES, ids=[case[2].split(":")[0] for case in CASES]
)
def test_a_failed_operation_names_itself_its_operands_and_their_labels(function, kind, message):
    with pytest.raises(kind) as caught:
        function()
    assert str(caught.value).startswith(message)
    assert type(caught.value) is kind
    assert caught.value.operation == message.split("(")[0]
    assert all(type(number) is float for number in caught.value.operands)
    assert caught.value.node is None


@pytest.mark.parametrize(
    ("function", "kind", "message"), CASES, ids=[case[2].split(":")[0] for case in CASES]
)
def test_in_a_scope_it_names_the_scope_and_in_diagnosis_mode_the_line(function, kind, message):
    name, reason = message.split(": ", 1)
    with ag.scope("layer2"), ag.scope("neuron0"), pytest.raises(kind) as caught:
        function()
    assert str(caught.value).startswith(f"{name} in scope 'layer2.neuron0': {reason}")
    with ag.diagnose(), pytest.raises(kind) as caught:
        function()
    line = function.__code__.co_firstlineno
    assert str(caught.value).startswith(f"{name} at {__file__}:{line}: {reason}")


def test_a_failed_operation_leaves_its_operands_as_they_were():
    a = Value(-1.0)
    before = repr(a)
    with pytest.raises(ag.DomainError):
        ag.log(a)
    assert repr(a) == before
    assert (a * 2.0).data == -2.0


def test_a_long_label_is_shown_in_part():
    with pytest.raises(ag.DomainError) as caught:
        ag.log(Value(-1.0, "x" * 1000))
    assert len(str(caught.value)) < 120


def test_plain_numbers_fail_with_the_same_messages():
    with pytest.raises(ag.DomainError, match=r"^log\(-1\.0\): math domain error\n"):
        ag.log(-1)
    with pytest.raises(ag.RangeError, match=r"^exp\(1000\.0\): math range error\n"):
        ag.exp(1000)
    with pytest.raises(ag.DomainError, match="not a real number"):
        ag.pow(-8.0, 1 / 3)
    with pytest.raises(ag.DomainError, match="not a real number"):
        ag.OPERATIONS["pow"].value(-8.0, 1 / 3)


def test_a_builtin_except_clause_catches_them():
    caught = []
    for function, builtin in (
        (lambda: ag.log(x - 3.0), ValueError),
        (lambda: x / (x - 2.0), ZeroDivisionError),
    ):
        try:
            function()
        except builtin as error:
            caught.append(error)
    assert len(caught) == 2


def test_an_infinite_partial_is_stored_and_not_raised():
    zero = Value(0.0)
    assert ag.sqrt(zero).partials == (math.inf,)
    assert (zero**0.5).partials[0] == math.inf
    assert ag.cbrt(zero).partials == (math.inf,)
    assert ag.acosh(Value(1.0)).partials == (math.inf,)
    assert ag.asin(Value(1.0)).partials == (math.inf,)
    assert ag.acos(Value(1.0)).partials == (-math.inf,)


def test_not_a_number_passes_through_as_it_does_in_floats():
    nan = Value(math.nan, "gap")
    for node in (
        nan + 1.0,
        nan * 0.0,
        ag.exp(nan),
        ag.log(nan),
        nan**2,
        1 / nan,
        nan % 2,
        ag.tanh(nan),
        ag.sum([nan, x]),
    ):
        assert math.isnan(node.data)
    (nan * x).backward()
    assert math.isnan(x.grad)
    x.zero_grad()


def test_exceptions_travel_between_processes():
    with pytest.raises(ag.DomainError) as caught:
        ag.log(Value(-1.0, "loss"))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert type(twin) is ag.DomainError
    assert (str(twin), twin.operation, twin.operands) == (str(caught.value), "log", (-1.0,))
