"""No wrong gradient passes and no right one fails: the corpus, random periods, checks of nothing."""

import math
import os
import random
from dataclasses import dataclass, replace

import pytest

import autograd_core as ag
from autograd_core import GradientCheckError, Value, operation
from autograd_core.checking import check_gradients, gradient_report
from autograd_core.checking.finite_differences import Derivative, contradicts
from autograd_core.checking.report import percent
from autograd_core.checking.strategies import random_graph
from autograd_core.checking.verdicts import Rules, judge, with_zeros
from autograd_core.checking.windows import Slope
from tests.autograd_core.checking.corpus import CASES, REFUSED, TAU, ripple

ALL = [pytest.param(case, id=f"{i}-{case.group}-{case.right}") for i, case in enumerate(CASES)]


@pytest.mark.parametrize("case", ALL)
def test_the_corpus_has_no_false_pass_and_no_false_alarm(case):
    report = gradient_report(case.function, list(case.point), gradient=case.gradient, points=case.points)
    verdict = report.rows[0].verdict
    if not case.right:
        assert not report.passed, str(report)
    elif case.decidable:
        assert report.passed, str(report)
    else:
        assert verdict in ("ok", "undecided", "noise"), str(report)


def forgotten_oscillation(seed):
    """A random line with an oscillation on it: the function, a point, the line's slope, the other's."""
    generator = random.Random(seed)
    frequency = 2.0 ** generator.randrange(14) if seed % 2 else 10 ** generator.uniform(-1, 4)
    phase, slope = generator.uniform(0, TAU), generator.uniform(-2, 2)
    x = generator.choice((-1, 1)) * 10 ** generator.uniform(-2, 3.5)
    amplitude, w = 10 ** generator.uniform(-5, 0), TAU * frequency
    oscillation = amplitude * w * math.cos(w * x + phase)
    return lambda t: slope * t + amplitude * math.sin(w * t + phase), x, slope, oscillation


CASES_OF_PERIODS = int(os.environ.get("AUTOGRAD_PERIODS", "500"))  # 10,000 take a minute


@pytest.mark.parametrize("first", range(0, CASES_OF_PERIODS, 100))
def test_no_forgotten_oscillation_passes_whatever_its_frequency_phase_and_point(first):
    for seed in range(first, first + 100):
        f, x, slope, oscillation = forgotten_oscillation(seed)
        if abs(oscillation) > 1e-6 * abs(slope):
            assert not gradient_report(f, [x], gradient=[slope]).passed, seed
            assert gradient_report(f, [x], gradient=[slope + oscillation]).rows[0].verdict != "wrong", seed


# --- noise ------------------------------------------------------------------------------------------------


def test_how_far_an_agreement_in_noise_reaches_is_said():
    generator, known = random.Random(1), {}

    def noisy(x):
        return x * x + 4e-4 * known.setdefault(x, generator.random())

    row = gradient_report(noisy, [1.0], gradient=[2.0]).rows[0]
    assert row.verdict == "ok"
    assert "a smaller mistake would not show" in row.note
    assert not gradient_report(lambda x: x * x, [1.0], gradient=[2.0]).rows[0].note


@pytest.mark.parametrize(("slope", "drowned"), [(-7.6e-05, True), (1e-3, False)])
def test_a_noisy_row_is_drowned_where_the_gradient_is_within_its_error(slope, drowned):
    found = Derivative(-7.6e-05, 2.5e-05, "noise", None, None, 0.1, 200)
    row = judge("x", slope, found, Rules())
    assert (row.verdict, row.drowned, row.accepted) == ("noise", drowned, False)


def random_row(chance):
    """What finite differences may say, and rules, at random: (analytic, found, rules, rounding)."""

    def size():
        return chance.choice((-1.0, 1.0)) * 10.0 ** chance.uniform(-12, 3)

    value = chance.choice((0.0, size(), size()))
    error = abs(value or size()) * 10.0 ** chance.uniform(-16, 2)
    behaviour = chance.choice(("smooth", "smooth", "smooth", "kink", "boundary", "noise"))
    left = right = None
    if behaviour == "kink":
        gap = abs(size())
        left, right = Slope(value - gap, error, 0.1, 1e-3), Slope(value + gap, error, 0.1, 1e-3)
    found = Derivative(
        value,
        error,
        behaviour,
        left,
        right,
        0.1,
        50,
        unseen=error if not value and chance.random() < 0.3 else 0.0,
        staircase=chance.random() < 0.2,
        bounded=chance.random() < 0.3,
        jump=chance.choice((None, None, 0.0, abs(size()))),
        nearer=chance.choice((None, None, Slope(size(), error, 0.1, 1e-3))),
    )
    apart = error * 10.0 ** chance.uniform(-3, 3)
    analytic = chance.choice((0.0, value, value + apart, value - apart, value * 1.001, size()))
    rtol, atol = chance.choice(
        ((None, None), (None, None), (10.0 ** chance.uniform(-9, -1), None), (1e-3, 1e-6))
    )
    rules = Rules(rtol, atol, epsilon=chance.choice((2.0**-52, 2.0**-52, 2.0**-23)))
    rounding = chance.choice((0.0, 0.0, abs(analytic) * 10.0 ** chance.uniform(-8, 0)))
    return analytic, found, rules, rounding


def test_no_row_says_more_than_its_error_allows():
    chance, verdicts = random.Random(1), set()
    for _ in range(20_000):
        analytic, found, rules, rounding = random_row(chance)
        row = judge("x", analytic, found, rules, rounding=rounding)
        verdicts.add(row.verdict)
        scale = max(abs(analytic), abs(found.value), *(abs(s.value) for s in (found.left, found.right) if s))
        if row.verdict == "wrong":
            assert abs(analytic - found.value) > row.error, (row, found)
        if row.verdict not in ("ok", "kink", "boundary"):
            continue
        if rules.given:
            assert row.error <= (rules.rtol or 0.0) * scale + (rules.atol or 0.0), (row, found)
        elif analytic or row.verdict == "kink":
            assert row.tolerance <= 1e-3 * scale or f"within {percent(row.precision)}" in row.note, (
                row,
                found,
            )
            assert row.tolerance <= 0.3 * scale, (row, found)
        else:
            assert found.unseen == 0.0
            assert with_zeros([row], rules)[0].note or row.tolerance <= 1e-9, (row, found)
        if not rounding:  # a mistake that is not smaller shows
            other = replace(found, nearer=None)
            more = found.right.value if found.right else found.value
            more += 1.3 * row.tolerance + 1e-8 * scale + 1e-300
            assert judge("x", more, other, rules).verdict not in ("ok", "kink"), (row, more)
    assert verdicts >= {"ok", "wrong", "undecided", "kink", "boundary", "noise"}


def test_the_headline_says_how_far_the_agreement_reaches():
    report = gradient_report(lambda x: 7.0e8 + x * x * 1e-4, [2.4], gradient=lambda x: 2e-4 * x)
    (row,) = report.rows
    assert row.verdict == "ok"
    assert row.precision > 1e-3
    assert f"1 ok; 1 only within {percent(row.precision)} (f = 7e+08)" in report.headline()
    headline = gradient_report(lambda x: 1e13, [0.3], gradient=[0.0]).headline()
    assert headline == "gradient check passed: 1 ok; 1 equal to 0 only within 0.7 (f = 1e+13)"
    report = gradient_report(lambda x, y: 1e9 + math.sin(x), [0.3, 2.0], gradient=[math.cos(0.3), 0.0])
    assert report.headline() == "gradient check passed: 2 ok (f = 1e+09)"
    report = gradient_report(lambda x: 7.0e8 + x * x * 1e-4, [2.4], gradient=lambda x: 2e-4 * x, rtol=1e-2)
    assert report.headline() == "gradient check passed: 1 ok (f = 7e+08)"
    report = gradient_report(lambda x: 7.0e8 + x * x * 1e-4, [2.4], gradient=lambda x: 2e-4 * x, rtol=1e-5)
    assert report.rows[0].verdict == "undecided"


# --- the graph was left -----------------------------------------------------------------------------------


def test_a_staircase_with_gradient_0_does_not_pass_because_the_operations_are_right():
    struct = pytest.importorskip("struct")

    def single(x):
        return struct.unpack("f", struct.pack("f", x))[0]

    report = gradient_report(lambda x: x * 0.0 + single(x.data) ** 2, [1.7])
    assert not report.passed


def test_a_partial_that_is_forgotten_is_told_with_its_place():
    report = gradient_report(lambda x, y: x * y.data, [2.0, 3.0])
    assert not report.passed
    (hint,) = report.hints
    assert "A part of the function left the graph" in hint
    assert "test_soundness.py" in hint
    assert "is the number 3, which changes" in hint  # as at the inputs


def test_a_staircase_of_the_engine_s_own_operations_has_gradient_0():
    assert gradient_report(lambda x: ag.floor(x * 1e5), [1.700004]).passed


def test_where_floats_cannot_tell_the_operations_at_many_digits_can():
    pytest.importorskip("mpmath")
    report = gradient_report(ag.sigmoid, [35.0])
    assert report.passed
    assert "by the operations" in report.rows[0].note

    @ag.operation(lambda x, y: 2.0 * y * (1.0 - y) + 3e-13, name="wrong_sigmoid_at_35")
    def wrong(x):
        return 1 / (1 + math.exp(-x))

    assert not gradient_report(lambda x: wrong(x), [35.0]).passed


def test_what_the_operations_show_is_not_called_noise():
    graph = random_graph(random.Random(6165))  # flat in x0 between a jump and a kink
    row = next(row for row in gradient_report(graph, list(graph.inputs)).rows if row.name == "x[0]")
    assert (row.verdict, row.analytic) == ("ok", 0.0)
    assert "by the operations" in row.note


def test_a_drowned_row_is_undecided_in_the_headline_and_says_what_to_do():
    report = gradient_report(lambda x: 1e8 + 1e-6 * math.sin(x), [1.0], gradient=[2e-6 * math.cos(1.0)])
    assert "undecided" in report.headline() or "wrong" in report.headline()
    report = gradient_report(lambda x: x + 1e20, [1.0], gradient=[500.0])
    assert "1 undecided" in report.headline()
    assert "scale the function" in str(report)


def test_undecided_rows_pass_when_they_could_hide_a_negligible_part_of_the_gradient_and_it_is_said():
    def f(x, y):
        return x * x + 1e-15 * y

    report = gradient_report(f, [3.0, 0.5], gradient=lambda x, y: [2 * x, 1e-15])
    assert report.counts() == {"undecided": 1, "ok": 1}
    assert report.passed
    assert 0.0 < report.hidden < 1e-10
    assert "of the gradient could hide there)" in report.headline()


def test_inputs_of_one_name_are_told_apart_and_a_wrong_one_is_not_accepted_with_its_namesake():
    chance = random.Random(1)
    noise: dict[float, float] = {}

    def f(d):
        b = d["a"]["b"]
        return 1e9 * d["big"] + d["a.b"] ** 2 + 0.1 * b + noise.setdefault(b, chance.uniform(-1e-2, 1e-2))

    inputs = {"d": {"big": 1.0, "a.b": 1.5, "a": {"b": 0.5}}}

    def checked(slope):
        return gradient_report(f, inputs, gradient={"d": {"big": 1e9, "a.b": slope, "a": {"b": 0.1}}})

    right, wrong = checked(3.0), checked(3.003)
    assert right.passed
    assert right.counts() == {"undecided": 1, "ok": 2}
    assert {row.name for row in right.rows} == {"d.big", "d.a.b", "d.a.b (2)"}
    assert not wrong.passed
    assert [row.name for row in wrong.failures] == ["d.a.b"]


def test_operations_that_no_check_could_decide_are_not_called_right():
    @operation(lambda x, y: -1.1 * ag.exp(-x), name="one_and_a_bit")
    def flat(x):
        return 1.0 + math.exp(-x)

    report = gradient_report(lambda x: flat(x), [40.0])
    assert report.counts() == {"undecided": 1}
    assert "partials are right" not in str(report)


def test_undecided_rows_are_varied_together_where_their_common_mistake_shows():
    def f(x, *ys):
        return 1e8 + 1e6 * x + 3e-8 * math.fsum(ys)

    def checked(slope):
        return gradient_report(f, [1.0] * 61, gradient=[1e6] + [slope] * 60)

    right, doubled = checked(3e-8), checked(6e-8)
    assert right.counts() == {"undecided": 60, "ok": 1}
    assert right.passed
    assert not doubled.passed
    assert {row.name.partition(",")[0] for row in doubled.rows if row.verdict == "wrong"} == {
        "the undecided inputs together"
    }


def test_a_vjp_that_forgets_the_cotangent_or_its_sign_fails():
    np = pytest.importorskip("numpy")
    assert gradient_report(lambda x: x * x, [3.0], vjp=lambda x, u: [2 * x * u]).passed
    assert not gradient_report(lambda x: x * x, [3.0], vjp=lambda x, u: [2 * x]).passed
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    for seed in range(8):
        report = gradient_report(
            lambda x: square @ x, np.ones(2), vjp=lambda x, u: square.T @ abs(u), seed=seed
        )
        assert not report.passed


def test_second_derivatives_beside_a_vjp_are_those_of_the_output():
    vjp, cube = (lambda x, u: [3 * x * x * u]), (lambda x: x**3)
    assert gradient_report(cube, [2.0], vjp=vjp, hvp=lambda x, v: [6 * x * v]).passed
    assert gradient_report(cube, [2.0], vjp=vjp, hessian=[[12.0]], order=2).passed
    assert not gradient_report(cube, [2.0], vjp=vjp, hvp=lambda x, v: [-6 * x * v]).passed
    assert not gradient_report(cube, [2.0], vjp=vjp, hessian=[[-12.0]], order=2).passed


def test_a_gradient_beside_a_vjp_would_not_be_checked_and_is_refused():
    with pytest.raises(ValueError, match=r"gradient= or vjp=, not both"):
        gradient_report(lambda x: x * x, [3.0], gradient=[7.0], vjp=lambda x, u: [2 * x * u])


def test_a_domain_from_which_no_point_would_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"domain= is for points=2"):
        gradient_report(lambda x: x**3 / 3, [1.0], gradient=lambda x: [x], domain=lambda r: [r.random()])


@pytest.mark.parametrize("text", ["3.0", b"3.0"])
def test_text_is_no_number(text):
    with pytest.raises(TypeError, match=r"the function returned (str|bytes), not one real number"):
        gradient_report(lambda x: text, [1.0], gradient=[0.0])
    with pytest.raises(TypeError, match=r"the gradient of x is (str|bytes), not one real number"):
        gradient_report(lambda x: 3.0 * x, [1.0], gradient=[text])


def test_a_jvp_alone_is_checked_for_functions_of_plain_numbers_too():
    assert gradient_report(lambda x: math.sin(float(x)), [0.3], jvp=lambda x, v: math.cos(x) * v).passed
    assert not gradient_report(lambda x: math.sin(float(x)), [0.3], jvp=lambda x, v: math.cos(x)).passed


def test_a_hessian_that_would_not_be_checked_is_an_error():
    with pytest.raises(ValueError, match="order=2"):
        gradient_report(lambda x: x * x, [3.0], gradient=lambda x: [2 * x], hessian=[[7.0]])


# --- nothing checked is an error ------------------------------------------------------------------------


@pytest.mark.parametrize(("inputs", "options", "message"), REFUSED)
def test_a_check_of_nothing_is_an_error(inputs, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gradient_report(lambda *xs: 3.0, inputs, **options)


def test_what_is_no_function_or_returns_nothing_is_named():
    with pytest.raises(TypeError, match=r"vjp is a function, not \[2.0\]"):
        gradient_report(lambda x: x * x, [1.0], vjp=[2.0])
    with pytest.raises(TypeError, match="domain returned None, not inputs"):
        gradient_report(lambda x: x * x, [1.0], points=2, domain=lambda generator: None)


def test_numbers_that_are_too_large_or_infinite_are_named():
    with pytest.raises(OverflowError, match=r"the input x is too large for a float \(int\)"):
        gradient_report(lambda x: x * x, [10**400])
    (row,) = gradient_report(lambda x: x * x, [1.0], gradient=[10**400]).rows
    assert (row.verdict, row.note) == (
        "non-finite",
        "OverflowError: the gradient of x is too large for a float (int)",
    )
    rows = gradient_report(lambda x, y: x * y, [math.inf, 2.0], gradient=[2.0, math.inf]).rows
    assert {(row.name, row.verdict, row.note) for row in rows} == {
        ("x", "non-finite", "the input is inf"),
        ("y", "non-finite", "f is inf"),
    }


def test_an_empty_array_is_an_error():
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match="nothing to check"):
        gradient_report(np.sum, np.zeros(0), gradient=np.ones(0))


def test_the_same_parameter_twice_is_an_error_that_names_it():
    w = Value(3.0, "w")
    with pytest.raises(ValueError, match="give it once"):
        gradient_report(lambda: w * w, [w, w])


def test_a_gradient_of_none_is_an_error_that_says_what_may_be_wrong():
    with pytest.raises(TypeError, match=r"None.*without a return"):
        gradient_report(lambda x: x * x, [3.0], gradient=lambda x: None)
    with pytest.raises(TypeError, match="gradient of y is None"):
        gradient_report(lambda x, y: x * y, [3.0, 2.0], gradient=lambda x, y: [y, None])


@dataclass
class Pair:
    """Two parameters."""

    a: float
    b: float


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda a, b: a * b, {"a": 1.0, "b": 2.0}),
        (lambda p: p["a"] * p["b"], [{"a": 1.0, "b": 2.0}]),
        (lambda p: p.a * p.b, Pair(1.0, 2.0)),
    ],
)
def test_an_entry_that_a_gradient_lacks_is_named_and_their_order_does_not_matter(function, inputs):
    assert gradient_report(function, inputs, gradient={"b": 1.0, "a": 2.0}).passed
    with pytest.raises(ValueError, match=r"no entry 'b', only 'a': give one for each input, 0 where it is 0"):
        gradient_report(function, inputs, gradient={"a": 2.0})


def test_what_is_no_function_is_named():
    with pytest.raises(TypeError, match="the function is 'exp', which cannot be called"):
        gradient_report("exp", [1.0])


def test_an_infinite_gradient_is_said():
    row = gradient_report(lambda x: x * x, [3.0], gradient=[math.inf]).rows[0]
    assert (row.verdict, row.note) == ("wrong", "the gradient is infinite and the slope is not")


# --- asked twice, and elsewhere --------------------------------------------------------------------------


def test_a_gradient_that_accumulates_is_told_as_such():
    total = [0.0]

    def accumulating(x):
        total[0] += 2 * x
        return [total[0]]

    row = gradient_report(lambda x: x * x, [3.0], gradient=accumulating).rows[0]
    assert row.verdict == "not repeatable"
    assert "accumulates over calls" in row.note


def test_a_gradient_that_accumulates_since_before_the_check_is_told_as_such():
    total = [100.0]

    def accumulating(x):
        total[0] += 2 * x
        return [total[0]]

    (row,) = gradient_report(lambda x: x * x, [3.0], gradient=accumulating).rows
    assert "was 106, then 112: it accumulates over calls" in row.note


def test_a_gradient_that_changes_when_asked_for_the_third_time_is_told():
    asked = []

    def gradient(x):
        asked.append(x)
        return [2 * x + (len(asked) == 3)]

    row = gradient_report(lambda x: x * x, [3.0], gradient=gradient).rows[0]
    assert row.verdict == "not repeatable"
    assert "asked for the 3rd time" in row.note


def test_a_branch_that_left_the_graph_is_right_where_it_is_flat_and_fails_at_other_points():
    def ramp(x):
        return max(x.data, 0.0) if isinstance(x, Value) else max(x, 0.0)

    report = gradient_report(ramp, [-1.0])
    assert report.passed  # the slope is 0 here
    assert "does not depend on its inputs through Values" in report.hints[0]
    assert not gradient_report(ramp, [-1.0], points=8).passed


def test_a_gradient_that_is_right_at_one_point_only_fails_at_several():
    def f(x):
        return x**3 / 3

    assert gradient_report(f, [1.0], gradient=lambda x: x).passed
    assert not gradient_report(f, [1.0], gradient=lambda x: x, points=3).passed
    report = check_gradients(f, [1.0], gradient=lambda x: x * x, points=3)
    assert {row.name for row in report.rows} == {f"x (point {i})" for i in (1, 2, 3)}


def test_points_are_drawn_inside_the_domain_of_f():
    check_gradients(lambda x: ag.log(x) + ag.asin(x), [0.5], points=10)


def test_points_can_be_drawn_by_the_caller():
    seen = []

    def domain(generator):
        seen.append(generator.uniform(5, 6))
        return [seen[-1]]

    report = check_gradients(lambda x: ag.sqrt(x - 4.0), [4.5], points=4, domain=domain)
    assert len(report.rows) == 4
    assert len(seen) == 3
    with pytest.raises(ValueError, match="no point with a finite value"):
        gradient_report(lambda x: ag.sqrt(x), [1.0], points=2, domain=lambda generator: [-1.0])


def test_numpy_warnings_beside_the_point_do_not_end_the_check():
    np = pytest.importorskip("numpy")
    x = np.array([1e-3, 2.0])
    check_gradients(lambda x: np.log(x).sum(), x, gradient=lambda x: 1 / x)


def test_a_nearly_singular_cholesky_factor_is_differentiated():
    np = pytest.importorskip("numpy")

    def f(a):
        return np.linalg.cholesky(np.array([[1.0, 1.0], [1.0, 1.0 + a]]))[1, 1]

    check_gradients(f, [1e-6], gradient=lambda a: [0.5 / math.sqrt(a)])
    with pytest.raises(GradientCheckError):
        check_gradients(f, [1e-6], gradient=lambda a: [1.0 / math.sqrt(a)])


# --- ever closer to the point ------------------------------------------------------------------------------

SHAPES = {
    "bump": (lambda u: math.exp(-u * u), lambda u: -2 * u * math.exp(-u * u)),
    "ripple": (
        lambda u: math.exp(-u * u) * math.sin(2 * u),
        lambda u: math.exp(-u * u) * (2 * math.cos(2 * u) - 2 * u * math.sin(2 * u)),
    ),
    "step": (math.tanh, lambda u: 1 - math.tanh(u) ** 2),
}


def narrow_feature(seed):
    """A smooth function with a narrow feature: f, a point, the slope there without and with the feature.

    Last, by how many roundings of f the slope of the feature changes f over its width.
    """
    generator = random.Random(seed)
    x = generator.choice((-1, 1)) * 10 ** generator.uniform(-3, 1)
    smooth, slope = generator.choice([(lambda t: t * t, lambda t: 2 * t), (math.sin, math.cos)])
    shape, steepness = generator.choice(list(SHAPES.values()))
    width, offset = abs(x) * 10 ** generator.uniform(-10, -3), generator.uniform(-1.5, 1.5)
    level, part = generator.choice((0.0, 1.0, 10.0)), 10 ** generator.uniform(-4, 0) * abs(slope(x))

    def f(t):
        return level + smooth(t) + width * part * shape((t - x) / width + offset)

    own = part * steepness(offset)
    return f, x, slope(x), slope(x) + own, abs(own) * width / (2.0**-52 * (level + abs(smooth(x))))


NARROW = int(os.environ.get("AUTOGRAD_NARROW", "100"))


@pytest.mark.parametrize("first", range(0, NARROW, 100))
def test_narrow_features_from_some_roundings_of_f_on_are_seen_or_left_undecided(first):
    for seed in range(first, first + 100):
        f, x, without, right, roundings = narrow_feature(seed)
        if roundings > 10.0:
            assert gradient_report(f, [x], gradient=[right]).rows[0].verdict != "wrong", seed
        if roundings > 2000.0 and abs(right - without) > 1e-4 * abs(right):
            assert not gradient_report(f, [x], gradient=[without]).passed, seed


@pytest.mark.parametrize("width", [1e-9, 1e-11])
def test_what_is_narrower_than_the_steps_is_found_at_one_input_of_many_and_named(width):
    xs = [0.5 + 0.01 * i for i in range(40)]
    xs[17] = 1.0
    narrow, _ = ripple(width)

    def f(*xs):
        return math.fsum(x * x for x in xs) + narrow(xs[17]) - xs[17] ** 2

    def gradient(slope):
        return [slope if i == 17 else 2 * x for i, x in enumerate(xs)]

    report = gradient_report(f, xs, gradient=gradient(2.0))
    assert [row.name for row in report.failures] == ["x[17]"]
    assert report.evaluations < 40 * 20 + 1000
    report = gradient_report(f, xs, gradient=gradient(3.0))
    assert all(row.verdict != "wrong" for row in report.rows)


@pytest.mark.parametrize(("distance", "slope", "contradicted"), [(1e-5, 1.0, False), (1e-5, 3.0, True)])
def test_a_kink_beside_the_point_does_not_contradict_the_slope_there(distance, slope, contradicted):
    def f(t):
        return 1.0 + t + 2.0 * max(t - distance, 0.0)

    assert contradicts(f, slope, epsilon=2.0**-52, noise=0.0, slack=1e-9) == contradicted


@pytest.mark.parametrize("function", [lambda z: z * z, lambda z: z**3, lambda z: abs(z) ** 1.5])
def test_where_f_is_0_at_0_a_wrong_slope_is_said_after_few_evaluations(function):
    report = gradient_report(function, [0.0], gradient=[1.0])
    assert report.rows[0].verdict == "wrong"
    assert report.evaluations < 2_000


def test_the_jumps_of_a_part_of_few_digits_are_told_with_the_remedy():
    def f(z):
        return math.sin(3 * z) + round(4096 * math.tanh(z)) / 4096

    for slope in (3 * math.cos(6.6), 3 * math.cos(6.6) + 1 / math.cosh(2.2) ** 2):
        row = gradient_report(f, [-2.2], gradient=[slope]).rows[0]
        assert row.verdict == "undecided"
        assert "pieces that jump by 0.00024; compute all of it in float64" in row.note
    assert gradient_report(f, [-2.2], gradient=[-3.0]).rows[0].verdict == "wrong"


def logistic(rate, tolerance=1e-3):
    """The logistic equation's value at time 4, by Euler and Heun with adaptive steps."""
    t, y, h = 0.0, 0.1, 0.1
    for _ in range(1000):
        if t >= 4.0:
            break
        h = min(h, 4.0 - t)
        slope = rate * y * (1 - y)
        euler = y + h * slope
        heun = y + h * (slope + rate * euler * (1 - euler)) / 2
        error = abs(heun - euler) / tolerance
        if error <= 1.0:
            t, y = t + h, heun
        h *= min(3.0, max(0.2, 0.9 / math.sqrt(error + 1e-30)))
    return y


def cube_root(x, tolerance):
    """By Newton's iteration, stopped early."""
    y = max(x, 1.0)
    for _ in range(50):
        y, before = y - (y - x / (y * y)) / 3, y
        if abs(y - before) <= tolerance * y:
            break
    return y


def exponential(x, tolerance):
    """By its series, stopped early."""
    term, total, n = 1.0, 1.0, 0
    while abs(term) > tolerance and n < 100:
        n += 1
        term *= x / n
        total += term
    return total


@pytest.mark.parametrize("seed", range(12))
def test_the_right_gradient_of_an_early_stopped_solver_is_not_called_wrong_and_wrong_ones_are(seed):
    generator = random.Random(seed)
    x, tolerance = generator.uniform(0.3, 2.0), 10 ** generator.uniform(-8, -3)
    rise = math.exp(4 * x)
    solvers = (
        (logistic, 0.1 * 0.9 * 4 * rise / (0.9 + 0.1 * rise) ** 2),
        (lambda x: cube_root(x, tolerance), x ** (-2 / 3) / 3),
        (lambda x: exponential(x, tolerance), math.exp(x)),
    )
    for f, slope in solvers:
        assert gradient_report(f, [x], gradient=[slope]).rows[0].verdict in ("ok", "undecided")
        for wrong in (0.0, -slope, 2 * slope):
            assert not gradient_report(f, [x], gradient=[wrong]).passed
    for f, slope in solvers[1:]:
        assert gradient_report(f, [x], gradient=[2 * slope]).rows[0].verdict == "wrong"


KINKED = (
    (lambda t: t * t + 0.01 * abs(t - 1.1), 1.99),
    (lambda t: t * t + (0.01 if t > 1.1 else 0.0), 2.0),
    (lambda t: math.sin(t) + 0.03 * abs(t - 1.5) + 0.03 * abs(t - 0.5), math.cos(1.0)),
    (lambda t: math.sin(t) + 0.01 * (t > 1.001), math.cos(1.0)),
    (lambda t: math.sin(t) + 0.1 * abs(t - 1.1074), math.cos(1.0) - 0.1),
)


@pytest.mark.parametrize("case", range(len(KINKED)))
def test_beside_kinks_and_jumps_of_ordinary_functions_wrong_gradients_are_wrong(case):
    f, slope = KINKED[case]
    assert gradient_report(f, [1.0], gradient=[slope]).passed
    for factor in (2.0, 1.5, 1.01, 0.99, 0.0, -1.0):
        report = gradient_report(f, [1.0], gradient=[factor * slope])
        assert report.rows[0].verdict == "wrong", str(report)
        assert report.evaluations < 1000


@pytest.mark.parametrize("scale", [1e6, 1e8, 1e10])
@pytest.mark.parametrize("mistake", [0.0, 2.0, -1.0, 1.5, 1.001])
def test_no_mistake_beside_seams_is_accepted_as_rounding_is(scale, mistake):
    functions = (
        KINKED[2],
        (lambda t: math.sin(t) + cube_root(t + 1.0, 1e-4), math.cos(1.0) + 2 ** (-2 / 3) / 3),
    )
    for f, slope in functions:
        gradient = [mistake * slope, scale]
        assert not gradient_report(lambda x, y, f=f: scale * y + f(x), [1.0, 1.0], gradient=gradient).passed


def test_seams_hide_little_and_never_count_as_drowned():
    for seed in range(40):
        chance = random.Random(seed)
        kinks = [(0.01 * chance.uniform(-1, 1), 10 ** chance.uniform(-3, 0)) for _ in range(6)]

        def f(t, kinks=kinks):
            return math.sin(t) + sum(c * abs(t - 1.0 - away) for c, away in kinks)

        slope = math.cos(1.0) - sum(c for c, _ in kinks)
        for factor in (1.0, 1.01, 1.0 + 1e-4, 2.0, 0.0):
            row = gradient_report(f, [1.0], gradient=[factor * slope]).rows[0]
            assert row.verdict == "ok" if factor == 1.0 else row.verdict in ("wrong", "undecided")
            assert row.verdict == "wrong" or abs(factor - 1.0) < 1e-2
            assert row.verdict != "undecided" or not row.drowned


def test_cells_near_the_overflow_are_no_error():
    def f(t):
        return 1e305 * (math.sin(t / 1e-3) + 0.01 * (t / 1e-3 > 1.05))

    for gradient in (0.0, 1.0):
        assert not gradient_report(f, [1e-3], gradient=[gradient]).passed


def test_the_pieces_of_a_solver_are_told_with_the_remedy():
    rise = math.exp(4 * 0.8)
    slope = 0.1 * 0.9 * 4 * rise / (0.9 + 0.1 * rise) ** 2
    row = gradient_report(logistic, [0.8], gradient=[slope]).rows[0]
    assert row.verdict == "undecided"
    assert "it is made of pieces" in row.note
    assert "tighten the tolerance of a solver" in row.note


@pytest.mark.parametrize("x", [8.5e-9, -5.4e-9, 1.5e-7, -3e-8])
def test_beside_a_kink_that_rounding_hides_no_right_gradient_is_called_wrong(x):
    for f, bend in (
        (lambda t: math.log(1 + abs(t)) / abs(t) + t, -0.5),
        (lambda t: (math.sqrt(1 + abs(t)) - 1) / abs(t) + t, -0.125),
    ):
        slope = 1.0 + math.copysign(1.0, x) * bend
        assert gradient_report(f, [x], gradient=[slope]).rows[0].verdict in ("ok", "undecided", "noise")


@pytest.mark.parametrize("digits", [7, 9, 11])
def test_a_part_of_few_digits_whose_slope_is_forgotten_never_passes(digits):
    def part(z):
        fraction, exponent = math.frexp(math.tanh(z))
        return math.ldexp(round(fraction * 2**digits), exponent - digits)

    generator = random.Random(digits)
    for _ in range(20):
        z = generator.uniform(-2.5, 2.5)
        report = gradient_report(lambda z: math.sin(3 * z) + part(z), [z], gradient=[3 * math.cos(3 * z)])
        assert not report.passed or report.rows[0].precision > 0.01


def test_a_smooth_row_costs_some_fifty_evaluations_and_a_wrong_one_some_hundreds():
    for f, slope in ((math.sin, math.cos), (math.exp, math.exp), (math.log, lambda x: 1 / x)):
        assert gradient_report(f, [0.3], gradient=[slope(0.3)]).evaluations <= 80
        assert gradient_report(f, [0.3], gradient=[2 * slope(0.3)]).evaluations <= 500
    assert gradient_report(math.sin, [0.3], gradient=[math.cos(0.3)]).evaluations <= 50


@pytest.mark.parametrize("x", [5e-324, 1e-310, 1.7e308])
def test_a_wrong_slope_at_the_ends_of_the_floats_is_said(x):
    assert gradient_report(lambda x: x, [x], gradient=[1.0]).passed
    assert not gradient_report(lambda x: x, [x], gradient=[2.0]).passed


def test_an_input_that_is_nan_is_named():
    row = gradient_report(lambda x: 1.0, [math.nan], gradient=[0.0]).rows[0]
    assert (row.verdict, row.note) == ("non-finite", "the input is nan")


APART = [  # even singularities: the central differences are those of the smooth part, at every step
    (lambda x: math.sin(x) / x if x else 0.0, 0.0, 0.0, "jump"),
    (lambda x: x + (5.0 if x == 0.0 else 0.0), 0.0, 1.0, "jump"),
    (lambda x: 1.0 + x + (1e-12 if x == 0.0 else 0.0), 0.0, 1.0, "jump"),
    (lambda x: x * x + (1e-6 if x == 1000.3 else 0.0), 1000.3, 2000.6, "jump"),
    (lambda x: x * x + (3e-13 if x == 3.0 else 0.0), 3.0, 6.0, "jump"),
    (lambda x: max(x, 2.0 * x) + (5.0 if x == 0.0 else 0.0), 0.0, 1.5, "jump"),
    (lambda x: min(1.0 / (x * x), 1e10) if x else 0.0, 0.0, 0.0, "jump"),
    (lambda x: math.sqrt(abs(x)) + x, 0.0, 1.0, "infinite"),
    (lambda x: 1e3 + math.sqrt(abs(x - 0.3)), 0.3, 0.0, "infinite"),
    (lambda x: 1.0 / math.log(abs(x)) if x else 0.0, 0.0, 0.0, "infinite"),
]


@pytest.mark.parametrize(("function", "x", "slope", "verdict"), APART)
def test_a_value_apart_from_both_sides_never_passes(function, x, slope, verdict):
    (row,) = gradient_report(function, [x], gradient=[slope]).rows
    assert (row.verdict, row.accepted) == (verdict, False)


@pytest.mark.parametrize("options", [{}, {"directions": 3}, {"full": True}])
def test_a_value_apart_from_all_around_it_never_passes_along_directions_or_in_vectors(options):
    def function(a):
        return [x * x + (1.0 if a[0] == 0.5 else 0.0) for x in a]

    jacobian = [[1.0, 0.0], [0.0, 4.0]]
    assert not gradient_report(lambda *a: function(a), [0.5, 2.0], gradient=jacobian, **options).passed


@pytest.mark.parametrize("x", [0.0, 0.3, 1e3])
def test_kinks_and_bends_are_not_apart(x):
    for function in (abs, lambda t: abs(t) ** 1.5, lambda t: 1e3 * abs(t) + t * t, lambda t: 5.0 + t * t):
        row = gradient_report(lambda t, f=function: f(t - x), [x], gradient=[0.0]).rows[0]
        assert row.verdict in ("ok", "kink", "undecided")


def test_a_gradient_by_name_has_the_names_of_the_inputs():
    assert gradient_report(lambda x, y: x * y, [1.0, 2.0], gradient={"y": 1.0, "x": 2.0}).passed
    with pytest.raises(ValueError, match="the gradient has the entries 'x', 'y', 'z', and the inputs are"):
        gradient_report(lambda x, y: x * y, [1.0, 2.0], gradient={"x": 2.0, "y": 1.0, "z": 1.0})
    with pytest.raises(ValueError, match="the gradient has the entries 'a', 'c', and the inputs are 'a'"):
        gradient_report(lambda a: a["a"], [{"a": 1.0}], gradient=[{"a": 1.0, "c": 1.0}])
    with pytest.raises(ValueError, match="no entry 'x', only 'y'"):
        gradient_report(lambda x: 2.0 * x, 1.0, gradient={"y": 2.0})
