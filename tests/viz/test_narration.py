import math

import pytest

import autograd_core
import viz
from autograd_core import Value, dot, logsumexp, operation, scope, softmax
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.engine.nary import apply
from autograd_core.steps import BackwardStep

# Other tests define operations too.
BUILTIN = sorted(name for name, operation in OPERATIONS.items() if operation.identifier)


def sentences(root):
    return [frame.sentence for frame in viz.step(root).script.frames]


INSIDE = (0.5, 0.7, 0.9)  # every domain but acosh's


def applied(rule, numbers=INSIDE):
    """The operation's node on a, b, c."""
    shift = 1.0 if rule.name == "acosh" else 0.0
    a, b, c = (Value(number + shift, label) for label, number in zip("abc", numbers, strict=True))
    if rule.name == "dot":
        root = dot([a, b], [b, c])
    else:
        root = apply(rule, [a, b, c][: rule.arity or 3], 0)
    root.label = "y"
    return root


def evaluated(text, numbers):
    """What a formula gives; NaN where Python refuses, as 1 / 0 and log(0)."""
    try:
        return eval(text, {**vars(autograd_core), "nan": math.nan, "inf": math.inf}, dict(numbers))
    except (ZeroDivisionError, ValueError):
        return math.nan


@pytest.mark.parametrize(
    "numbers", [INSIDE, (0.0, 0.0, 0.0), (10.0, -6.0, 2.0), (-33.0, 0.0, 1.0), (1.0, -1.0, 5.5)]
)
@pytest.mark.parametrize("name", BUILTIN)
def test_the_formula_of_a_partial_has_the_value_of_the_partial(name, numbers):
    try:
        root = applied(OPERATIONS[name], numbers)
    except (ArithmeticError, ValueError):
        return  # outside the domain
    known = {node.label: node.data for node in (root, *root.parents)}
    player = viz.step(root)
    for event in player.steps:
        if isinstance(event, BackwardStep):
            text = player.script.narrator.partial_formula(event.node, event.slot)
            if text:
                partial = event.partial if math.isfinite(event.partial) else math.nan
                close = 1e-5 if numbers == INSIDE else 5e-4  # where it cancels: 4 digits
                assert evaluated(text, known) == pytest.approx(partial, rel=close, abs=1e-300, nan_ok=True), (
                    text
                )


@pytest.mark.parametrize("name", BUILTIN)
def test_every_operation_is_told_in_symbols_numbers_and_words(name):
    first = sentences(applied(OPERATIONS[name]))[0]
    assert first.title.startswith("y = ")
    assert first.lines[0].startswith("= ")
    assert first.say.startswith("Forward. y is ")


def test_a_dot_product_is_told_as_its_terms():
    w, x, b = [Value(2.0, "w0"), Value(3.0, "w1")], [Value(-1.0, "x0"), Value(0.5, "x1")], Value(0.25, "b")
    root = dot(w, x, b)
    root.label = "z"
    first = sentences(root)[0]
    assert first.title == "z = w0 * x0 + w1 * x1 + b"
    assert first.lines == ("= 2 * (-1) + 3 * 0.5 + 0.25", "= -0.25")


def test_a_long_dot_product_is_told_by_its_ends():
    root = dot(
        [Value(1.0, f"w{i}") for i in range(16)], [Value(1.0, f"x{i}") for i in range(16)], Value(0.0, "b")
    )
    assert sentences(root)[0].title == "u34 = dot([w0, w1, …, w15], [x0, x1, …, x15]) + b"


def test_the_factor_of_a_dot_product_is_the_formula_of_its_partial():
    root = dot([Value(2.0, "w")], [Value(3.0, "x")], Value(1.0, "b"))
    assert [sentence.lines[0] for sentence in sentences(root)[2:]] == [
        "∂u4/∂w = x = 3",
        "∂u4/∂x = w = 2",
        "∂u4/∂b = 1",
    ]


def test_a_power_with_a_constant_exponent_is_told_by_the_power_rule():
    x = Value(3.0, "x")
    assert sentences(x**2)[-1].lines[0] == "∂u2/∂x = 2 * x = 6"
    assert sentences(x**3)[-1].lines[0] == "∂u2/∂x = 3 * x ** 2 = 27"
    assert sentences(x**-1)[-1].lines[0] == "∂u2/∂x = -1 * x ** (-2) = -0.1111"
    assert sentences(x**2.00001)[-1].lines[0] == "∂u2/∂x = 2.00001 * x ** 1.00001 = 6"


def test_where_a_formula_cancels_the_result_has_the_digits_that_it_needs():
    c = Value(10.0, "c")
    formula = "1 - 0.9999999958776927 * 0.9999999958776927"
    assert sentences(c.tanh())[-1].lines[0] == f"∂u2/∂c = {formula} = 8.245e-09"
    assert sentences(Value(1.0, "c").tanh())[-1].lines[0] == "∂u2/∂c = 1 - u2 * u2 = 0.42"
    assert sentences(Value(30.0, "c").tanh())[-1].lines[0] == "∂u2/∂c = 3.503e-26"  # 1 - 1 * 1 is 0


def test_a_constant_keeps_its_digits_and_stands_once():
    x = Value(2.0, "x")
    assert sentences(x**2.00001)[0].lines[0] == "= 2 ** 2.00001"
    assert sentences(x * 3.14159)[-1].lines[0] == "∂u2/∂x = 3.14159"
    power = "0.3333333333333333 * x ** (-0.6666666666666667)"
    assert sentences(x ** (1 / 3))[-1].lines[0] == f"∂u2/∂x = {power} = 0.21"
    assert sentences(Value(0.0, "x") ** 0.0)[-1].lines[0] == "∂u2/∂x = 0"


def test_a_neuron_of_four_inputs_has_the_digits_that_its_sum_needs():
    root = dot([Value(1.00004, "w"), 0.5, 0.0, 0.0], [1.0] * 4, Value(-1.50001, "b"))
    assert sentences(root)[0].lines == ("= 1.00004 * 1 + 0.5 * 1 + 0 * 1 + 0 * 1 + (-1.50001)", "= 3e-05")


def test_a_sentence_has_the_digits_of_its_line():
    assert "upstream 3 times partial 0.33333 is 1." in sentences(Value(1.0, "x") / 3.0 * 3.0)[-1].say


def test_an_entry_of_a_softmax_says_which_it_is():
    entry = softmax([Value(0.3, "a"), Value(0.7, "b")])[1]
    told = sentences(entry)[0]
    assert (told.title, told.lines[0]) == ("u3 = softmax(a, b)[1]", "= softmax(0.3, 0.7)[1]")
    assert "u3 is entry 1 of softmax of a, b" in told.say


@pytest.mark.parametrize("name", ["hypot", "atan2", "xlogy", "norm"])
def test_a_convention_at_0_over_0_is_no_quotient(name):
    rule = getattr(autograd_core, name)
    of = (lambda *x: rule(list(x))) if name == "norm" else rule
    told = sentences(of(Value(0.0, "a"), Value(0.0, "b")))
    assert told[-1].lines[0] in ("∂u3/∂b = 0", "∂u3/∂b = -0")
    assert "/ " in sentences(of(Value(0.3, "a"), Value(0.4, "b")))[-1].lines[0].split(" = ", 1)[1]


def test_a_reduction_is_told_with_the_numbers_of_its_folds():
    assert (
        sentences(logsumexp([Value(0.0, "a"), Value(0.0, "b")]))[-1].lines[0]
        == "∂u3/∂b = exp(b - 0) / 2 = 0.5"
    )
    exact = autograd_core.max([Value(0.123456789, "a"), Value(0.1, "b")])
    assert sentences(exact)[-1].lines[0] == "∂u3/∂a = (1 / 1 if a == 0.123456789 else 0) = 1"
    first = softmax([Value(0.0, "a"), Value(0.0, "b")])[0]
    assert sentences(first)[-2].lines[0] == "∂u3/∂a = u3 * (1 - exp(a - 0) / 2) = 0.25"


def test_a_formula_longer_than_its_worth_is_left_out():
    root = autograd_core.gelu(Value(0.5, "preactivation"))
    assert sentences(root)[-1].lines[0] == "∂u2/∂preactivation = 0.8675"
    root = autograd_core.atan2(Value(0.5, "a"), Value(0.7, "b"))
    assert sentences(root)[-1].lines[0] == "∂u3/∂b = -a / (a * a + b * b) = -0.6757"


def test_a_label_that_is_no_name_does_not_enter_a_formula():
    root = Value(0.5, "two words").tanh() * 1.0
    assert sentences(root)[-1].lines[0] == "∂u2/∂u1 = 1 - u2 * u2 = 0.7864"
    assert sentences(Value(0.5, "two words").sin())[-1].lines[0] == "∂u2/∂u1 = cos(u1) = 0.8776"


def test_a_users_operation_is_told_too():
    @operation(partials=lambda x, y: (3.0 * x * x,), name="narrated_cube")
    def cube(x):
        return x**3

    root = cube(Value(2.0, "x"))
    told = sentences(root)
    assert told[0].title == "u2 = narrated_cube(x)"
    assert told[-1].lines[0].endswith("= 12")


def test_constants_are_told_by_their_value():
    assert sentences(Value(2.0, "x") * 3.0)[0].title == "u2 = x * 3"


def test_the_neuron_is_named_where_labels_repeat():
    with scope("layer1"), scope("neuron3"):
        w = Value(2.0, "w0")
    assert sentences(w * 3.0)[-1].lines[2] == "grad(w0) = 3   in layer1.neuron3"
