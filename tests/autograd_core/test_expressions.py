import math

import pytest

from autograd_core.calculus.operations import OPERATIONS
from autograd_core.expressions import (
    FUNCTIONS,
    MAXIMUM_LENGTH,
    ExpressionError,
    evaluate_expression,
    parse_expression,
    shell_arguments,
)


def test_an_expression_becomes_a_graph_whose_leaves_carry_the_names():
    output, leaves = evaluate_expression("sin(x) * y + relu(x)", {"x": 0.5, "y": 2.0})
    assert output.data == math.sin(0.5) * 2.0 + 0.5
    output.backward()
    assert leaves["x"].label == "x"
    assert leaves["x"].grad == math.cos(0.5) * 2.0 + 1.0
    assert leaves["y"].grad == math.sin(0.5)


def test_an_expression_on_floats_gives_the_float_of_the_same_python_expression():
    expression = parse_expression("-x ** 2 + 7 % y / 3 - 2 ** -x")
    x, y = 1.3, 2.1
    assert expression({"x": x, "y": y}) == -(x**2) + 7 % y / 3 - 2**-x


def test_names_are_reported_in_order_of_appearance_without_the_constants():
    assert parse_expression("y + x * pi + y").names == ("y", "x")


def test_a_constant_can_be_rebound():
    assert evaluate_expression("e + 1", {"e": 4.0})[0].data == 5.0


def test_an_expression_without_variables_is_a_leaf():
    output, leaves = evaluate_expression("2 * 3", {})
    assert output.data == 6.0
    assert leaves == {}


def test_a_name_that_is_not_used_gets_a_leaf_too():
    output, leaves = evaluate_expression("x", {"x": 1.0, "z": 2.0})
    output.backward()
    assert leaves["z"].grad == 0.0


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_listed_function_exists_in_the_engine_and_gives_equal_numbers_on_floats_and_values(name):
    arity = FUNCTIONS[name][1] or 3
    numbers = {"a": 1.25, "b": 0.5, "c": 2.5} if name != "clip" else {"a": 1.25, "b": 0.5, "c": 1.0}
    if name in ("asin", "acos", "atanh", "logit", "erfinv"):
        numbers["a"] = 0.25
    if name in ("polygamma", "ierfcx"):
        numbers["a"] = 2.0
    text = f"{name}({', '.join(list(numbers)[:arity])})"
    result = parse_expression(text)(numbers)
    assert isinstance(result, float)
    assert evaluate_expression(text, numbers)[0].data == result


def test_a_chain_of_additions_is_not_nested():
    assert evaluate_expression("+".join(["x"] * 300), {"x": 1.0})[0].data == 300.0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x.data", ".data"),
        ("x.__class__", ".__class__"),
        ("(1).__class__.__bases__", ".__bases__"),
        ("__import__('os')", "__import__"),
        ("eval('1')", "eval"),
        ("open(x)", "'open'"),
        ("sin", "'sin' is a function"),
        ("sin(x)(x)", "Call syntax"),
        ("(lambda: 1)()", "Lambda"),
        ("[x for x in y]", "ListComp"),
        ("x[0]", "Subscript"),
        ("x if y else z", "use where"),
        ("x < y", "use greater, less"),
        ("x and y", "And"),
        ("x @ y", "MatMult"),
        ("x // y", "FloorDiv"),
        ("~x", "Invert"),
        ("x << 2", "LShift"),
        ("'a' * 9", "'a' is not a number"),
        ("True + x", "True is not a number"),
        ("None", "None is not a number"),
        ("1j * x", "1j is not a number"),
        ("f'{x}'", "JoinedStr"),
        ("(y := 2)", "NamedExpr"),
        ("sin(x, y)", "sin() takes 1 argument, not 2"),
        ("where(x, y)", "where() takes 3 arguments, not 2"),
        ("sum()", "at least one argument"),
        ("sin(x=1)", "plain arguments"),
        ("max(*x)", "plain arguments"),
        ("x = 1", "not an expression"),
        ("import os", "not an expression"),
        ("x +", "not an expression"),
        ("", "not an expression"),
        ("x\0y", "not an expression"),
        ("__x", "'__x' cannot be the name"),
        ("(-8) ** 0.5", "not real"),
        ("1" + "0" * 400, "too large"),
    ],
)
def test_what_is_not_allowed_is_refused_and_named(text, named):
    with pytest.raises(ExpressionError, match=r".") as caught:
        evaluate_expression(text, {"x": 1.0, "y": 2.0, "z": 3.0})
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 150 + "x" + ")" * 150,
        "-" * 5000 + "x",
        "sin(" * 400 + "x" + ")" * 400,
        "x" * (MAXIMUM_LENGTH + 1),
        "x**" * 200 + "x",
    ],
)
def test_size_and_depth_are_bounded(text):
    with pytest.raises(ExpressionError):
        evaluate_expression(text, {"x": 1.0}) if "**" not in text else parse_expression(text * 30)


def test_a_tower_of_powers_overflows_at_once():
    with pytest.raises(OverflowError):
        evaluate_expression("9 ** 9 ** 9 ** 9", {})


def test_a_missing_name_is_named_with_the_remedy_and_a_caret_under_it():
    with pytest.raises(ExpressionError) as caught:
        evaluate_expression("  x +\n why", {"x": 1.0})
    message, text, caret = str(caught.value).splitlines()
    assert "'why' has no value: give it one, as in why=1.0" in message
    assert text[caret.index("^") :].startswith("why")


@pytest.mark.parametrize("name", ["1x", "class", "a b", "__class__"])
def test_a_bad_variable_name_is_refused(name):
    with pytest.raises(ExpressionError, match="cannot be the name"):
        evaluate_expression("1", {name: 1.0})


def test_the_text_must_be_a_string():
    with pytest.raises(TypeError, match="str"):
        parse_expression(3)


def test_every_operation_that_has_a_function_can_be_written():
    not_written = {"add", "sub", "mul", "div", "dot", "softmax", "log_softmax"}  # operators, and vectors
    builtin = {name for name, operation in OPERATIONS.items() if operation.identifier}
    assert builtin - not_written <= set(FUNCTIONS)


def test_a_chain_is_not_nested_but_has_too_many_parts():
    with pytest.raises(ExpressionError, match="parts"):
        parse_expression("+".join(["x"] * 3000))


def test_the_value_of_an_option_is_no_expression():
    assert shell_arguments(["-x*y", "-o", "-", "x=-1"], ["-o"]) == [" -x*y", "-o", "-", "x=-1"]
