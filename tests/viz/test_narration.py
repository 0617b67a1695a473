import math
import re

import pytest

import autograd_core
import viz
from autograd_core import Value, dot, logsumexp, operation, scope, softmax
from autograd_core.calculus.javascript import LIVE
from autograd_core.calculus.operation import Reduction
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.engine.nary import apply
from autograd_core.steps import BackwardStep, ForwardStep
from viz.text import number as text_number

# Other tests define operations too.
BUILTIN = sorted(name for name, operation in OPERATIONS.items() if operation.identifier)


def sentences(root):
    return [frame.sentence for frame in viz.step(root).script.frames]


REDUCTIONS = {
    name: lambda *x, name=name: getattr(autograd_core, name)(x)
    for name in BUILTIN
    if isinstance(OPERATIONS[name], Reduction)
}
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
    known = {**vars(autograd_core), "nan": math.nan, "inf": math.inf, "pi": math.pi, **REDUCTIONS}
    try:
        return eval(text, known, dict(numbers))
    except (ZeroDivisionError, ValueError):
        return math.nan


GRID = (0.0, 0.5, 0.7, 0.9, 1.0, -0.3, 6.0, -2.5, 20.0, -33.0, 1e-9, 0.9999, 1 / 3, 123.456)


def points(name):
    """Where an operation is tried: the whole grid, for two operands every fifth pair."""
    rule = OPERATIONS[name]
    if rule.arity == 1:
        return [(a,) for a in GRID]
    return [(a, b) for a in GRID for b in GRID][::5]


def said(text):
    """A number as it is shown, or an expression of numbers."""
    return evaluated(text, {}) if re.search(r"[a-z(*+/%]|. - ", text) else float(text)


def reads_true(left, right, digits=4):
    """What is written left, computed as it is written, gives what is shown right of it."""
    found = left if isinstance(left, float) else float(said(left))
    shown = {text_number(f, digits) for f in (found, found * (1 + 1e-15), found * (1 - 1e-15))}  # or a tie
    return right in shown or right.lstrip("-") == "0" == text_number(abs(found), digits)


@pytest.mark.parametrize("name", [name for name in BUILTIN if OPERATIONS[name].arity != 3])
def test_what_is_shown_evaluated_as_it_is_written_gives_what_is_shown_as_its_result(name):
    tried = 0
    for point in points(name):
        try:
            inputs = [Value(number, label) for number, label in zip(point, "ab", strict=False)]
            root = apply(OPERATIONS[name], inputs, 0) if name != "dot" else dot([inputs[0]], [inputs[1]])
            root.backward()
        except (ArithmeticError, ValueError):
            continue  # outside the domain
        tried += 1
        known = {"a": point[0], "b": point[-1], "u2": root.data, "u3": root.data}
        player = viz.step(root)
        for event, frame in zip(player.steps, player.script.frames, strict=True):
            lines = frame.sentence.lines
            if isinstance(event, ForwardStep):
                if name in LIVE:
                    assert reads_true(lines[0].removeprefix("= "), lines[1].removeprefix("= ")), lines
            elif isinstance(event, BackwardStep):
                _, *formula, shown = lines[0].split(" = ")
                if formula and math.isfinite(event.partial):
                    found = float(evaluated(formula[0], known))
                    assert reads_true(found, shown), (lines, found)
                _, left, right = lines[1].split(" = ")
                assert not math.isfinite(event.partial) or reads_true(left.replace("×", "*"), right), lines
                _, *total, after = lines[2].split(" = ")
                assert not total or not math.isfinite(event.after) or reads_true(total[0], after), lines
    assert tried > 2


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


@pytest.mark.parametrize("name", ["hypot", "atan2", "xlogy"])
def test_a_convention_at_0_over_0_is_no_quotient(name):
    of = getattr(autograd_core, name)
    told = sentences(of(Value(0.0, "a"), Value(0.0, "b")))
    assert told[-1].lines[0] in ("∂u3/∂b = 0", "∂u3/∂b = -0")
    assert "/ " in sentences(of(Value(0.3, "a"), Value(0.4, "b")))[-1].lines[0].split(" = ", 1)[1]


def test_a_maximum_without_a_tie_is_told_without_its_count():
    a, b = Value(1.0, "a"), Value(3.0, "b")
    assert sentences(autograd_core.max([a, b]))[-1].lines[0] == "∂u3/∂b = (1 if b == 3 else 0) = 1"
    tied = sentences(autograd_core.max([b, Value(3.0, "c")]))[-1].lines[0]
    assert tied == "∂u3/∂c = (1 / 2 if c == 3 else 0) = 0.5"


def test_a_reduction_is_told_with_the_numbers_of_its_folds():
    assert (
        sentences(logsumexp([Value(0.0, "a"), Value(0.0, "b")]))[-1].lines[0]
        == "∂u3/∂b = exp(b - 0) / 2 = 0.5"
    )
    exact = autograd_core.max([Value(0.123456789, "a"), Value(0.1, "b")])
    assert sentences(exact)[-1].lines[0] == "∂u3/∂a = (1 if a == 0.123456789 else 0) = 1"
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
