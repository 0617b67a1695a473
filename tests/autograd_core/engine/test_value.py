"""The node: a float with a memory."""

import gc
import inspect
import math
import operator
import pickle
import random
import struct
import sys
import tracemalloc
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import COMPILED, OPERATIONS, Value

LONG = 1_000_000 if COMPILED else 20_000
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.1, 2.5, -3.75, 1e-310, 1e200, -1e200, math.inf, -math.inf, math.nan)
OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "**": operator.pow,
}


def bits(number):
    return struct.pack("d", number) if number == number else "nan"


def outcome(function, *operands):
    """What a float expression gives: its bits, or the exception it raises ("complex" for a complex one)."""
    try:
        result = function(*operands)
    except ArithmeticError as error:
        return type(error).__name__
    return "complex" if isinstance(result, complex) else bits(result)


def outcome_of_values(function, *operands):
    try:
        return bits(function(*operands).data)
    except ZeroDivisionError:
        return "ZeroDivisionError"
    except OverflowError:
        return "OverflowError"
    except ag.DomainError:
        return "complex"


# --- numbers in ---


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, 3.0),
        (True, 1.0),
        (2.5, 2.5),
        (Fraction(1, 4), 0.25),
        (np.float64(1.5), 1.5),
        (np.float32(1.5), 1.5),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array(4.0), 4.0),
        (np.array([5]), 5.0),
        (math.inf, math.inf),
    ],
)
def test_data_becomes_a_float(given, expected):
    value = Value(given)
    assert type(value.data) is float
    assert value.data == expected
    value.data = given
    assert type(value.data) is float


def test_nan_is_a_number_that_a_value_may_hold():
    assert math.isnan(Value(math.nan).data)


WRONG_NUMBERS = [
    ("2", r"not the text '2': convert it with float\(\) first"),
    (None, "a number is wanted, not None"),
    (1j, r"a real number is wanted, not 1j: differentiate the real and imaginary parts"),
    ([1.0], r"a real number is wanted, not list \[1.0\]"),
    (np.ones(3), r"not an array of shape \(3,\): make an array of Values"),
    (np.array("x"), "not the text 'x'"),
    (object, "a real number is wanted, not type"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_NUMBERS)
def test_what_is_no_number_is_refused_with_a_remedy(wrong, message):
    with pytest.raises(TypeError, match=message):
        Value(wrong)
    value = Value(1.0)
    with pytest.raises(TypeError, match=message):
        value.data = wrong
    with pytest.raises(TypeError, match=message):
        value.grad = wrong
    assert value.data == 1.0


def test_a_value_of_a_value_is_refused_with_a_remedy():
    with pytest.raises(TypeError, match=r"use the node itself, or value.detach\(\)"):
        Value(Value(1.0))


def test_a_long_text_is_shown_in_part():
    with pytest.raises(TypeError) as caught:
        Value("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_a_label_is_text():
    assert Value(1.0).label == ""
    value = Value(1.0, label="a")
    assert value.label == "a"
    value.label = "b"
    assert value.label == "b"
    with pytest.raises(TypeError, match="a label is text, not int"):
        Value(1.0, 3)
    with pytest.raises(TypeError, match="a label is text, not int"):
        value.label = 3


# --- arithmetic ---


@pytest.mark.parametrize("symbol", OPERATORS)
def test_two_values_compute_the_bits_of_two_floats_and_raise_what_they_raise(symbol):
    function = OPERATORS[symbol]
    for a in NUMBERS:
        for b in NUMBERS:
            assert outcome_of_values(function, Value(a), Value(b)) == outcome(function, a, b), (a, b)


@pytest.mark.parametrize("symbol", OPERATORS)
def test_a_value_and_a_number_compute_the_bits_of_two_floats_from_either_side(symbol):
    function = OPERATORS[symbol]
    for a in NUMBERS:
        for b in NUMBERS:
            assert outcome_of_values(function, Value(a), b) == outcome(function, a, b), (a, b)
            assert outcome_of_values(function, a, Value(b)) == outcome(function, a, b), (a, b)


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize(
    "kind", [int, float, bool, np.float64, np.float32, np.int64, np.int32, np.bool_, Fraction]
)
def test_every_kind_of_real_number_may_stand_on_either_side(symbol, kind):
    function, number = OPERATORS[symbol], kind(1)
    right, left = function(Value(3.0), number), function(number, Value(3.0))
    assert isinstance(right, Value)
    assert isinstance(left, Value)
    assert right.data == function(3.0, 1.0)
    assert left.data == function(1.0, 3.0)
    left.backward()
    assert len(left.parents) == 2


def test_signs_and_absolute_values_have_the_bits_of_floats():
    for x in NUMBERS:
        assert bits((-Value(x)).data) == bits(-x)
        assert bits(abs(Value(x)).data) == bits(abs(x))
    value = Value(2.0)
    assert +value is value


def test_assignment_with_an_operator_makes_a_new_node():
    first = total = Value(1.0)
    total += 2.0
    total *= Value(3.0)
    total **= 2
    assert total.data == 81.0
    assert first.data == 1.0
    total.backward()
    assert first.grad == 54.0


def test_powers_take_values_on_either_side():
    a, b = Value(2.0), Value(3.0)
    (a**b).backward()
    assert a.grad == 12.0
    assert b.grad == 8.0 * math.log(2.0)
    c = Value(3.0)
    (2**c).backward()
    assert c.grad == 8.0 * math.log(2.0)
    d = Value(3.0)
    (d ** np.int64(2)).backward()
    assert d.grad == 6.0


def test_a_power_that_a_float_would_turn_complex_is_a_domain_error():
    with pytest.raises(ag.DomainError, match=r"pow\(x=-8\.0, 0\.333\d*\)"):
        Value(-8.0, "x") ** (1 / 3)
    assert (Value(-8.0) ** 3).data == -512.0


def test_a_power_with_a_modulus_is_refused():
    with pytest.raises(TypeError, match="takes no modulus"):
        pow(Value(2.0), 3, 5)
    with pytest.raises(
        TypeError, match=r"modulus|unsupported operand"
    ):  # Python never asks a class of its own here
        pow(2, Value(3.0), 5)


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize(
    ("wrong", "message"), [w for w in WRONG_NUMBERS if isinstance(w[0], (str, complex)) or w[0] is None]
)
def test_arithmetic_with_no_number_names_the_operation_and_the_remedy(symbol, wrong, message):
    function = OPERATORS[symbol]
    with pytest.raises(TypeError, match=message) as caught:
        function(Value(1.0), wrong)
    assert str(caught.value).startswith(symbol)
    if not (isinstance(wrong, str) and symbol == "%"):  # text % anything is Python's formatting
        with pytest.raises(TypeError, match=message):
            function(wrong, Value(1.0))


@pytest.mark.parametrize("symbol", OPERATORS)
def test_arithmetic_with_an_unknown_object_is_pythons_type_error(symbol):
    with pytest.raises(TypeError, match="unsupported operand"):
        OPERATORS[symbol](Value(1.0), object())
    with pytest.raises(TypeError, match="unsupported operand"):
        OPERATORS[symbol]({}, Value(1.0))


def test_another_class_may_take_over_an_operator():
    class Interval:
        def __radd__(self, other):
            return "interval"

    assert Value(1.0) + Interval() == "interval"


# --- comparisons ---


@pytest.mark.parametrize("relation", [operator.lt, operator.le, operator.gt, operator.ge])
def test_ordering_compares_numbers(relation):
    for a in NUMBERS:
        for b in NUMBERS:
            expected = relation(a, b)
            assert relation(Value(a), Value(b)) is expected
            assert relation(Value(a), b) is expected
            assert relation(a, Value(b)) is expected
            assert bool(relation(np.float64(a), Value(b))) is expected


def test_equality_of_two_values_and_hash_are_by_identity():
    a, twin = Value(1.0), Value(1.0)
    assert a == a
    assert a != twin
    assert not a == twin  # noqa: SIM201
    assert len({a, twin, a}) == 2
    assert {a: "a"}[a] == "a"
    assert a in [twin, a]
    assert a not in [twin]
    assert [twin, a].index(a) == 1


@pytest.mark.parametrize("relation", [operator.eq, operator.ne])
def test_equality_with_a_plain_number_compares_numbers(relation):
    for a in NUMBERS:
        for b in [*NUMBERS, 0, 1, True, Fraction(1, 2), Decimal("0.5"), 1 + 0j, 1j]:
            assert relation(Value(a), b) is relation(a, b)
            assert relation(b, Value(a)) is relation(b, a)
        for b in NUMBERS:
            assert bool(relation(Value(a), np.float64(b))) is relation(a, b)
            assert bool(relation(np.float64(b), Value(a))) is relation(b, a)
    assert (Value(1.0) == "1") is False
    assert (Value(1.0) != None) is True  # noqa: E711


def test_a_branch_by_equality_takes_the_branch_that_a_float_takes():
    x = Value(1.0)
    y = 5 * x if x == 1.0 else x * x
    y.backward()
    assert (y.data, x.grad) == (5.0, 5.0)
    assert [2.0, Value(3.0)].index(Value(2.0)) == 0  # a plain number in a list is compared as a number
    assert (np.array([Value(1.0), Value(2.0)]) == 1.0).tolist() == [True, False]


def compared(relation, a, b):
    try:
        return relation(a, b)
    except ArithmeticError as error:  # Decimals have no order beside NaN
        return type(error)


BESIDE_DOUBLES = [2**53 + 1, -(2**53) - 1, 2**63 + 1, 10**400, -(10**400), Fraction(1, 3), Decimal("0.1")]


@pytest.mark.parametrize(
    "relation", [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]
)
@pytest.mark.parametrize("other", BESIDE_DOUBLES)
def test_comparisons_with_numbers_that_are_no_doubles_are_exact(relation, other):
    for a in (2.0**53, 2.0**53 + 2, -(2.0**53), 2.0**63, 1 / 3, 0.1, math.inf, -math.inf, math.nan, 1e308):
        assert compared(relation, Value(a), other) is compared(relation, a, other)
        assert compared(relation, other, Value(a)) is compared(relation, other, a)


def test_arithmetic_takes_fractions_and_refuses_decimals_as_floats_do():
    assert (Value(0.5) + Fraction(1, 3)).data == 0.5 + Fraction(1, 3)
    assert (Fraction(1, 3) // Value(0.1)).data == Fraction(1, 3) // 0.1
    for operation in (operator.add, operator.mul, operator.floordiv, divmod):
        with pytest.raises(TypeError, match="unsupported operand"):
            operation(Value(0.5), Decimal(1))
        with pytest.raises(TypeError, match="unsupported operand"):
            operation(Decimal(1), Value(0.5))


# --- floor division ---

DIVISION = [
    *NUMBERS,
    1.0,
    0.1,
    -0.1,
    3.0,
    -3.0,
    7.5,
    -7.5,
    5e-324,
    -5e-324,
    1.7e308,
    -1.7e308,
    1.5e308,
    1e16,
    0.3,
]
DIVISION += [random.Random(seed).uniform(-1, 1) * 10.0 ** (seed % 40 - 20) for seed in range(80)]


def same(a, b):
    return struct.pack("<d", a) == struct.pack("<d", b) or (a != a and b != b)


def test_floor_division_and_divmod_have_the_bits_of_floats():
    for a in DIVISION:
        for b in DIVISION:
            if b == 0.0:
                continue
            quotient, rest = divmod(a, b)
            assert same((Value(a) // Value(b)).data, quotient), (a, b)
            assert same((Value(a) // b).data, quotient), (a, b)
            assert same((a // Value(b)).data, quotient), (a, b)
            for found in (divmod(Value(a), b), divmod(a, Value(b))):
                assert same(found[0].data, quotient), (a, b)
                assert same(found[1].data, rest), (a, b)


def test_floor_division_is_flat_and_divmod_has_the_gradient_of_its_remainder():
    x, y = Value(7.0), Value(2.0)
    (x // y).backward()
    assert (x.grad, y.grad) == (0.0, 0.0)
    quotient, rest = divmod(x, y)
    (quotient * x + rest).backward()  # 3 x + x - 3 y
    assert (x.grad, y.grad) == (4.0, -3.0)


def test_floor_division_by_zero_and_by_text_is_refused():
    for operation in (operator.floordiv, divmod):
        with pytest.raises(ZeroDivisionError, match="floor division by zero"):
            operation(Value(1.0), 0)
        with pytest.raises(TypeError):
            operation(Value(1.0), "2")


def test_values_can_be_sorted_and_compared_but_not_with_text():
    low, high = Value(1.0), Value(2.0)
    assert sorted([high, low]) == [low, high]
    assert max(low, high) is high
    with pytest.raises(TypeError, match="'<' not supported"):
        low < "2"  # noqa: B015


# --- numbers out ---


def test_a_value_converts_where_a_float_does():
    value = Value(-2.75)
    assert float(value) == -2.75
    assert type(float(value)) is float
    assert int(value) == -2
    assert round(value) == -3
    assert round(value, 1) == -2.8
    assert math.trunc(value) == -2
    assert math.floor(value) == -3
    assert math.ceil(value) == -2
    assert bool(value) is True
    assert bool(Value(0.0)) is False
    with pytest.raises(OverflowError):
        int(Value(math.inf))
    with pytest.raises(ValueError, match="NaN"):
        int(Value(math.nan))


@pytest.mark.parametrize("specification", [".3f", "+.2e", ">10.1f", "g", "08.2f"])
def test_format_takes_what_a_float_takes(specification):
    assert format(Value(2.71828), specification) == format(2.71828, specification)


def test_format_without_a_specification_is_the_text_of_the_node():
    value = Value(2.0, "a")
    assert f"{value}" == str(value) == repr(value)


def test_repr_tells_number_operation_label_and_gradient():
    a = Value(2.0, "a")
    assert repr(a) == "Value(2.0, label='a')"
    b = a * 3.0
    assert repr(b) == "Value(6.0, op='mul')"
    b.backward()
    assert repr(a) == "Value(2.0, label='a', grad=3.0)"


def test_repr_is_bounded_whatever_the_graph_and_the_label():
    value = Value(1.0, "x" * 100_000)
    assert len(repr(value)) < 100
    for _ in range(1000):
        value = value + value
    assert len(repr(value)) < 100


# --- what a node remembers ---


def test_a_node_knows_operation_parents_and_partials():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert c.op == "mul"
    assert c._op == "*"
    assert c.operation is ag.OPERATIONS["mul"]
    assert c.parents == (a, b)
    assert c._prev == c._children == c.parents
    assert c.partials == c._local_grads == (3.0, 2.0)
    assert not c.is_leaf
    assert (a.op, a._op, a.operation, a.parents, a.partials) == ("", "", None, (), ())
    assert a.is_leaf


def test_a_times_a_has_two_parents():
    a = Value(3.0)
    square = a * a
    assert square.parents == (a, a)
    assert square.partials == (3.0, 3.0)
    square.backward()
    assert a.grad == 6.0


def test_a_node_of_many_operands_keeps_them_in_order_and_with_repeats():
    a, b = Value(1.0), Value(2.0)
    total = ag.sum([a, b, a, a, b])
    assert total.parents == (a, b, a, a, b)
    assert total.partials == (1.0,) * 5


def test_a_plain_number_becomes_a_constant_parent():
    a = Value(2.0)
    _, two = (a * 2.0).parents
    assert two.is_constant
    assert two.is_leaf
    assert two.data == 2.0
    assert not a.is_constant


def test_the_symbol_of_a_power_shows_a_constant_exponent_as_micrograd_does():
    a = Value(2.0)
    assert (a**2)._op == "**2"
    assert (a**-1)._op == "**-1"
    assert (a**0.5)._op == "**0.5"
    assert (a ** Value(2.0))._op == "**"
    assert a.relu()._op == "ReLU"
    assert a.tanh()._op == "tanh"
    assert (a - 1)._op == "-"


def test_the_shape_of_a_node_cannot_be_changed():
    a = Value(2.0)
    b = a + 1.0
    for name in (
        "parents",
        "partials",
        "op",
        "operation",
        "scope",
        "is_leaf",
        "is_constant",
        "has_grad",
        "source",
        "_prev",
    ):
        with pytest.raises(AttributeError):
            setattr(b, name, ())
    with pytest.raises(AttributeError):
        b.color = "red"


def test_assigning_data_leaves_the_nodes_computed_before_as_they_are():
    a = Value(2.0)
    b = a * a
    a.data = 5
    assert b.data == 4.0
    assert b.partials == (2.0, 2.0)


# --- memory ---


@pytest.mark.skipif(not COMPILED, reason="the size of the compiled node")
def test_a_binary_node_takes_at_most_96_bytes():
    a = Value(1.0)
    assert sys.getsizeof(a + a) <= 96
    count = 10_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        nodes = [a]
        for _ in range(count + 131_072):  # beyond the free list
            nodes.append(nodes[-1] + a)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    listed = sys.getsizeof(nodes)
    assert (after - before - listed) / (count + 131_072) <= 96


def test_the_garbage_collector_need_not_know_of_nodes():
    if COMPILED:
        assert not gc.is_tracked(Value(1.0))
        assert not gc.is_tracked(Value(1.0) + 2.0)
    gc.collect()
    gc.disable()
    try:
        alive = []
        for _ in range(100):
            x = Value(1.0, "x")
            y = ag.softmax([x, x * 2.0, x**2])[0].log() + ag.dot([x, x], [x, 2.0])
            y.backward()
            alive.append(weakref.ref(y))
        del x, y
        assert not any(ref() for ref in alive)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_building_and_dropping_graphs_leaves_no_memory():
    def build():
        x = Value(1.0)
        y = x
        for _ in range(LONG // 100):
            y = (y + x) * 0.5
        total = ag.sum([y, ag.dot([y, x, y], [x, x, x]), *ag.softmax([y, x, y])])
        total.backward()
        return total.data

    build()
    tracemalloc.start()
    try:
        build()
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(15):  # 450,000 nodes, more than the free list could lend to a leak
            build()
        last = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert last - first < 100_000  # a leak would be millions


@pytest.mark.skipif(
    not COMPILED or not sys.platform.startswith("linux"), reason="reads the process's memory in Linux"
)
def test_operands_of_many_parents_are_given_back_to_the_system():
    """What tracemalloc does not see: the blocks of nodes with more than two parents."""

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    values = [Value(float(i)) for i in range(1000)]

    def build():
        for _ in range(500):
            ag.sum(values)
            ag.norm(values)
            ag.dot(values, values, 1.0)

    build()
    before = resident()
    for _ in range(10):  # 500 * 4000 operands * 16 bytes: 320 MB if they leaked
        build()
    assert resident() - before < 20e6


def test_a_long_chain_is_built_swept_and_freed():
    x = Value(1.0)
    y = x
    for _ in range(LONG):
        y = y + x
    assert y.data == LONG + 1
    y.backward()
    assert x.grad == LONG + 1
    ref = weakref.ref(y)
    del y
    assert ref() is None
    assert sys.getrefcount(x) == 2


@pytest.mark.parametrize("shape", ["left", "right", "both", "wide"])
def test_graphs_of_every_deep_shape_are_freed_without_recursion(shape):
    x = Value(1.0)
    y = x
    for _ in range(LONG // 4):
        if shape == "left":
            y = y * 1.0
        elif shape == "right":
            y = 1.0 * y
        elif shape == "both":
            y = y.maximum(y)
        else:
            y = ag.sum([x, y, 0.0, y])
            y = y * 0.5
    y.backward()
    del y
    assert sys.getrefcount(x) == 2


def test_a_chain_with_labels_and_weak_references_is_freed_without_recursion():
    x = Value(1.0)
    y, refs = x, []
    for i in range(LONG // 10):
        y = y + 1.0
        y.label = f"y{i}"
        refs.append(weakref.ref(y))
    del y
    assert not any(ref() for ref in refs)
    assert sys.getrefcount(x) == 2


def test_a_part_of_a_freed_graph_lives_on_while_something_holds_it():
    x = Value(2.0)
    inner = x * 3.0
    outer = inner + 1.0
    del outer
    assert inner.parents[0] is x
    inner.backward()
    assert x.grad == 3.0


def test_a_weak_reference_tells_when_a_node_has_gone():
    gone = []
    node = Value(1.0) + 1.0
    ref = weakref.ref(node, gone.append)
    assert ref() is node
    del node
    assert ref() is None
    assert gone == [ref]


def test_a_callback_that_revives_a_parent_of_a_dying_node_gets_it_whole():
    revived = []
    a, b = Value(1.0, "a"), Value(2.0, "b")
    ref = weakref.ref(a)

    def callback(_):
        node = ref()
        if node is not None:
            node.grad = 5.0
            revived.append(node)

    watched = weakref.ref(b, callback)
    c = b + a
    top = c * 1.0
    del a, b, c
    del top
    assert watched() is None
    for node in revived:
        assert (node.data, node.grad, node.label) == (1.0, 5.0, "a")
        (node * 2.0).backward()
        assert node.grad == 7.0


def test_weak_keyed_dictionaries_take_values():
    table = weakref.WeakKeyDictionary()
    node = Value(1.0)
    table[node] = "kept"
    assert table[node] == "kept"
    del node
    assert len(table) == 0


@pytest.mark.parametrize("rule", [rule for rule in OPERATIONS.values() if rule.has_method], ids=str)
def test_a_method_made_of_the_table_has_its_name_its_text_and_its_aliases(rule):
    method = getattr(Value, rule.name)
    assert method.__name__ == method.__qualname__ == rule.name
    assert method.__doc__.startswith(rule.summary)
    assert pickle.loads(pickle.dumps(method)) is method
    parameters = list(inspect.signature(method).parameters.values())
    assert [parameter.name for parameter in parameters[1:]] == list(rule.parameters[1:])
    defaults = [p.default for p in parameters if p.default is not inspect.Parameter.empty]
    assert defaults == list(rule.defaults)
    assert all(getattr(Value, alias) is method for alias in rule.aliases)
