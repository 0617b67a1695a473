"""Formulas: the expression, each partial, the summed chain rule."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import autograd_core as ag
import viz
from autograd_core import OPERATIONS, Value
from autograd_core.calculus.operation import Reduction
from viz.__main__ import main

KATEX = Path(__file__).resolve().parents[2] / "docs" / "node_modules" / "katex" / "dist" / "katex.js"


def named(y, label="y"):
    y.label = label
    return y


def line(text, left):
    """The right side of the line that defines something."""
    return next(
        row.partition("&= ")[2].removesuffix(r" \\[0.7em]")
        for row in text.split("\n")
        if row.startswith(left)
    )


def outputs():
    """A graph for each operation, its operands made by an operation too."""
    for name, operation in OPERATIONS.items():
        operands = [Value(0.3 + 0.2 * k, f"x{k}") * 1.5 for k in range(operation.arity or 4)]
        function = getattr(ag, name, None) or getattr(Value, f"__{name}__", None)
        if name in ("add", "sub", "mul", "div"):
            a, b = operands
            yield name, {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}[name]
        elif name == "dot":
            yield name, ag.dot(operands[:2], operands[2:])
        elif isinstance(operation, Reduction):
            result = getattr(ag, name)(operands)
            yield name, result[1] if isinstance(result, list) else result
        elif name == "polygamma":
            yield name, ag.polygamma(1, operands[1])
        elif name == "acosh":
            yield name, ag.acosh(operands[0] + 2)
        elif function is not None:
            yield name, function(*operands)


def test_the_expression_the_partials_and_the_sums_each_have_a_line():
    w, x = Value(0.5, "w"), Value(2.0, "x")
    y = named(ag.tanh(w * x) * w)
    text = viz.latex(y, numbers=True)
    assert line(text, "y &") == r"\tanh(w\,x)\,w = 0.3808"
    assert line(text, "u_{3} &") == r"w\,x = 1"
    assert line(text, r"\frac{\partial u_{4}}{\partial u_{3}}") == r"1 - u_{4}\,u_{4} = 0.42"
    assert line(text, r"\frac{dy}{dw} &= \frac").startswith(r"\frac{dy}{du_{3}}")
    y.backward()
    [total] = re.findall(r"\\frac{dy}{dw} &= .* = (\S+)", text)
    assert float(total) == pytest.approx(w.grad, rel=1e-3)


def test_a_local_partial_and_a_total_derivative_never_share_a_symbol():
    w, x = Value(0.5, "w"), Value(-2.0, "x")
    text = viz.latex(named(w * ag.sigmoid(w * x)), numbers=True)
    assert line(text, r"\frac{\partial y}{\partial w}") == r"u_{4} = 0.2689"  # w's own edge to y
    total = line(text, r"\frac{dy}{dw}")  # the path through the sigmoid added
    assert total.endswith(r" + \frac{\partial y}{\partial w} = 0.07233") or total.startswith(
        r"\frac{\partial y}{\partial w} + "
    )
    assert total.endswith("= 0.07233")
    # a total is also the factor where a later node has one: dy/ds, not the partial of y with respect to s
    s = named(w * x, "s")
    text = viz.latex(named(s * ag.sin(s)))
    assert line(text, r"\frac{dy}{dw}") == r"\frac{dy}{ds}\,\frac{\partial s}{\partial w}"
    assert r"\frac{\partial y}{\partial s}" in line(text, r"\frac{dy}{ds}")


def test_no_symbol_is_defined_twice():
    for name, y in outputs():
        lefts = re.findall(r"^(.*?) &= ", str(viz.latex(y * ag.tanh(y))), re.MULTILINE)
        assert lefts, name
        # the output's own line gives the whole expression, the others one operation each
        assert len(set(lefts)) == len(lefts), name


def test_a_shared_subexpression_stands_by_name_and_a_parent_used_twice_adds_up():
    a = Value(3.0, "a")
    c = a * a
    text = viz.latex(named(c * ag.sin(c)))
    assert line(text, "y &") == r"u_{2}\,\sin(u_{2})"
    assert line(text, "u_{2} &") == r"a\,a"
    assert line(text, r"\frac{\partial u_{2}}{\partial a}") == "a + a"


def test_what_binds_less_tightly_is_put_in_parentheses():
    a, b = Value(2.0, "a"), Value(5.0, "b")
    for y, text in (
        ((a + b) * b, r"\left(a + b\right)\,b"),
        (a - (b - a), r"a - \left(b - a\right)"),
        ((a * b) ** 2, r"\left(a\,b\right)^{2}"),
        (-(a + b), r"-\left(a + b\right)"),
        ((a / b) * a, r"\frac{a}{b}\,a"),
        (a * 2.0, r"a \cdot 2"),
        (a + -b, r"a + \left(-b\right)"),
        (ag.exp(a) ** b, r"\left(e^{a}\right)^{b}"),
    ):
        assert line(viz.latex(named(y)), "y &") == text


def test_pi_is_pi_and_labels_are_escaped():
    x = Value(0.5, "x")
    assert line(viz.latex(named(math.pi * x)), "y &") == r"\pi\,x"
    text = viz.latex(named(Value(1.0, "alpha") * Value(2.0, "w_12") * Value(3.0, r"50% {of} \it_")))
    assert line(text, "y &").startswith(r"\alpha\,w_{12}\,")
    assert r"\it" not in text
    assert line(viz.latex(named(ag.log2(x))), r"\frac") == r"\frac{1}{x\,\ln 2}"


def test_every_operation_has_a_formula_without_left_over_placeholders():
    seen = set()
    for name, y in outputs():
        text = viz.latex(y, numbers=True)
        seen.add(name)
        assert text.count("{") == text.count("}"), name
        assert not re.search(r"\bv\d", text), text
    assert len(seen) > 60


@pytest.mark.skipif(not (KATEX.exists() and shutil.which("node")), reason="KaTeX is installed for the docs")
def test_katex_renders_every_formula():
    texts = [str(viz.latex(y, numbers=True)) for _, y in outputs()]
    script = (
        "const k = require(process.argv[1]); const t = JSON.parse(require('fs').readFileSync(0));"
        "t.forEach(x => k.renderToString(x, {displayMode: true, throwOnError: true}))"
    )
    done = subprocess.run(
        ["node", "-e", script, str(KATEX)], input=json.dumps(texts), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_graph_that_nobody_reads_as_a_formula_is_refused():
    x = Value(1.0, "x")
    y = x
    for _ in range(100):
        y = ag.sin(y)
    with pytest.raises(viz.DrawingError, match="101 nodes"):
        viz.latex(y)


def test_the_graph_is_left_as_it_was_and_a_notebook_shows_the_formula():
    x = Value(1.0, "x")
    y = x * x
    shown = viz.latex(y, numbers=True)._repr_latex_()
    assert shown.startswith("$$\n\\begin{aligned}")
    assert shown.endswith("\\end{aligned}\n$$")
    assert not x.has_grad


def test_the_shell_prints_it(capsys):
    assert main(["latex", "sin(x)*y", "x=0.5", "y=2", "--numbers"]) == 0
    assert r"\sin(x)\,y = 0.9589" in capsys.readouterr().out


# --- what looks alike, what is not finite, what is stale ---


def test_two_names_that_look_alike_in_latex_are_written_as_text():
    text = viz.latex(named(Value(1.0, "x1") * Value(2.0, "x_1")))
    assert line(text, "y") == r"\text{x1}\,\text{x\_1}"
    assert line(viz.latex(named(Value(1.0, "x1") * 2.0)), "y") == r"x_{1} \cdot 2"
    assert line(viz.latex(named(Value(1.0, "pi") * math.pi)), "y") == r"\text{pi}\,\pi"


def test_a_name_that_the_formulas_have_as_a_symbol_is_written_as_text():
    e, sigma = Value(2.0, "e"), Value(0.5, "sigma")
    assert line(viz.latex(named(ag.exp(e) + e)), "y") == r"e^{\text{e}} + \text{e}"
    assert line(viz.latex(named(ag.gaussian(e) + math.pi * e)), "y").count(r"\text{e}") == 2
    assert line(viz.latex(named(ag.sigmoid(sigma) * sigma)), "y") == r"\sigma(\text{sigma})\,\text{sigma}"
    assert line(viz.latex(named(e * sigma)), "y") == r"e\,\sigma"


def test_a_greek_capital_without_a_command_in_latex_is_text():
    text = viz.latex(named(Value(1.0, "Alpha") * Value(2.0, "Omega")))
    assert line(text, "y") == r"\text{Alpha}\,\Omega"


def test_numbers_that_are_not_finite_are_written_and_do_not_raise():
    z = Value(1.5e308, "z")
    text = viz.latex(named(z * z), numbers=True)
    assert line(text, "y") == r"z\,z = \infty"
    assert line(text, r"\frac{\partial y}{\partial z}") == r"z + z = \infty"
    a, b, x = Value(math.inf, "a"), Value(-math.inf, "b"), Value(1.0, "x")
    text = viz.latex(named(ag.dot([a, b], [x, x])), numbers=True)
    assert line(text, r"\frac{\partial y}{\partial x}") == r"a + b = \text{NaN}"


def test_negative_and_long_constants_are_bracketed():
    x = Value(2.0, "x")
    assert line(viz.latex(named(-Value(-3.0).detach() * x)), "y") == r"\left(-\left(-3\right)\right)\,x"
    assert line(viz.latex(named(1e-20**x)), "y") == r"\left(1 \cdot 10^{-20}\right)^{x}"
    assert line(viz.latex(named(math.log(2.0) * x)), "y") == r"\left(\ln 2\right)\,x"
    minus = [Value(-1.0).detach(), Value(-2.0).detach()]
    assert line(viz.latex(named(ag.dot(minus, [x, x]))), "y") == r"-1\,x + \left(-2\,x\right)"


def test_a_power_of_a_constant_has_its_formula():
    left = r"\frac{\partial y}{\partial x}"
    assert line(viz.latex(named(2.0 ** Value(3.0, "x"))), left) == r"y\,\ln(2)"


@pytest.mark.parametrize(
    ("exponent", "power", "shown"),
    [(2.00001, "1.00001", "2.00001"), (2.00000001, "1.00000001", "2.00000001"),
     (1 / 3, "-0.666667", "0.333333"), (3.0, "2", "3")],
)  # fmt: skip
def test_an_exponent_has_the_same_digits_in_the_power_and_in_its_derivative(exponent, power, shown):
    text = viz.latex(named(Value(2.0, "x") ** exponent))
    assert line(text, "y") == f"x^{{{shown}}}"
    assert line(text, r"\frac{\partial y}{\partial x}") == rf"{shown}\,x^{{{power}}}"


@pytest.mark.parametrize("x", [0.4, 0.0])
def test_a_comparison_is_a_number_by_cases(x):
    text = viz.latex(named(ag.heaviside(Value(x, "x"), Value(0.3, "h"))), numbers=True)
    cases = r"\begin{cases} 1 & \text{if } x = 0 \\ 0 & \text{otherwise} \end{cases}"
    assert line(text, r"\frac{\partial y}{\partial h}") == f"{cases} = {int(x == 0)}"
    assert r"\text{if } c \ne 0" in viz.latex(ag.where(Value(1.0, "c"), Value(2.0, "a"), Value(3.0, "b")))


def test_a_stale_graph_is_not_written_as_an_equation_of_numbers():
    x = Value(2.0, "x")
    y = named(x * x + 1.0)
    x.data = 5.0
    text = viz.latex(y, numbers=True)
    assert text.count("stale: build the graph anew") == 4
    assert "= 5 " not in text.replace("&= ", "")
    assert "stale" not in viz.latex(y)


@pytest.mark.parametrize(("digits", "error"), [(0, ValueError), (2.5, TypeError), ("4", TypeError)])
def test_digits_that_are_none_are_refused_by_name(digits, error):
    for function in (viz.latex, viz.draw, viz.step):
        with pytest.raises(error, match="digits must be "):
            function(Value(2.0, "x") * 3.0, digits=digits)


@pytest.mark.parametrize(
    ("function", "partial"),
    [
        (lambda a: ag.max([a, ag.Value(1.0, "b")]), r"\begin{cases} 1 & \text{if } a = 2"),
        (lambda a: ag.log2(a), r"&= \frac{1}{a\,\ln 2}"),
        (lambda a: ag.log10(a), r"&= \frac{1}{a\,\ln 10}"),
        (lambda a: ag.log(a), r"&= \ln(a)"),
        (lambda a: ag.gelu(a), r"e^{-a^2/2}"),
    ],
)
def test_fractions_logarithms_and_the_bell_curve_are_written_as_in_books(function, partial):
    assert partial in str(viz.latex(function(ag.Value(2.0, "a"))))


def test_a_convention_at_0_over_0_is_no_fraction_and_a_number_keeps_its_digits():
    zero = ag.atan2(Value(0.0, "a"), Value(0.0, "b"))
    assert "frac{b}" in viz.latex(zero)
    assert "frac{b}" not in viz.latex(zero, numbers=True)
    near_pi = ag.max([Value(3.14159, "a"), Value(1.0, "b")])
    assert r"\pi" not in viz.latex(near_pi)
    assert r"a = 3.14159 \\ 0" in viz.latex(near_pi, numbers=True)
    assert viz.latex(Value(2.0, "x") * 1.00004, numbers=True).endswith("&= 1.00004\n\\end{aligned}")
    x = Value(1.0, "x")
    difference = viz.latex(x * 1.00004 - x * 1.00001, numbers=True)
    assert re.findall(r"u_\{\d\} &= .* = ([^ ]*)", difference)[1:] == ["1.00004", "1.00001"]
    saturated = viz.latex(Value(10.0, "x").tanh(), numbers=True)
    assert r"1 - 0.9999999958776927 \cdot 0.9999999958776927 = 8.245" in saturated
