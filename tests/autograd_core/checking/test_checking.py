"""The gradient checker: what it accepts, what it catches, and what it says."""

import math
import random

import pytest

import autograd_core as ag
from autograd_core import GradientCheckError, Value, operation, scope
from autograd_core.checking.check import check_gradients, gradient_report


def verdicts(function, inputs, **options):
    return {row.name: row.verdict for row in gradient_report(function, inputs, **options).rows}


def verdict(function, x, **options):
    return gradient_report(function, [x], **options).rows[0].verdict


# --- what it accepts ------------------------------------------------------------------------------------


def test_a_right_gradient_passes_and_the_report_says_by_how_much():
    report = check_gradients(lambda x, y: ag.sin(x) * y, [0.5, 2.0])
    assert report
    assert {row.name for row in report.rows} == {"x", "y"}
    assert report.largest_error < 1e-12
    assert report.value == math.sin(0.5) * 2.0
    assert report.operations == 3


def test_inputs_may_be_a_mapping_and_are_passed_by_name():
    assert verdicts(lambda *, y, x: x / y, {"x": 1.0, "y": 2.0}) == {"x": "ok", "y": "ok"}


def test_inputs_may_be_one_number():
    assert verdicts(lambda x: x * x, 3.0) == {"x": "ok"}


def test_inputs_may_be_nested_lists():
    def f(weights, pair):
        return weights[0][1] * pair[0] + weights[1][0] * pair[1]

    names = verdicts(f, [[[1.0, 2.0], [3.0, 4.0]], (5.0, 6.0)])
    assert names["weights[0][1]"] == "ok"
    assert set(names) == {f"weights[{i}][{j}]" for i in (0, 1) for j in (0, 1)} | {"pair[0]", "pair[1]"}


def test_inputs_may_be_values_whose_labels_name_the_rows():
    x = Value(0.5, "temperature")
    assert verdicts(lambda t: t * t, [x]) == {"temperature": "ok"}
    assert x.grad == 0.0


def test_inputs_may_be_arrays():
    np = pytest.importorskip("numpy")
    w = np.arange(6.0).reshape(2, 3)
    names = verdicts(lambda w, b: (w @ b).sum(), [w, np.array([1.0, -1.0, 2.0])])
    assert names["w[1, 2]"] == "ok"
    assert len(names) == 9


def test_parameters_of_a_model_are_varied_in_place_and_restored():
    w, b = Value(0.3, "w"), Value(-0.2)
    w.grad = 7.0
    report = check_gradients(lambda: ag.tanh(w * 2.0 + b), (v for v in (w, b)))
    assert {row.name for row in report.rows} == {"w", "parameter[1]"}
    assert (w.data, b.data) == (0.3, -0.2)
    assert w.grad == 7.0
    assert not b.has_grad


def test_a_generator_of_inputs_is_used_once():
    assert verdicts(lambda x, y: x * y, (float(i) for i in (1, 2))) == {"x": "ok", "y": "ok"}


def test_a_hand_written_gradient_of_floats_is_checked():
    def f(x, y):
        return math.sin(x) * y

    check_gradients(f, [0.5, 2.0], gradient=lambda x, y: (math.cos(x) * y, math.sin(x)))
    check_gradients(f, [0.5, 2.0], gradient=[math.cos(0.5) * 2.0, math.sin(0.5)])
    check_gradients(
        lambda x, y: math.sin(x) * y,
        {"x": 0.5, "y": 2.0},
        gradient={"y": math.sin(0.5), "x": math.cos(0.5) * 2.0},
    )


def test_a_hand_written_gradient_of_numpy_code_is_checked():
    np = pytest.importorskip("numpy")
    w = np.linspace(-1, 1, 6).reshape(3, 2)

    def loss(w):
        return np.log(np.exp(w).sum())

    def right(w):
        return np.exp(w) / np.exp(w).sum()

    check_gradients(loss, w, gradient=right)
    with pytest.raises(GradientCheckError):
        check_gradients(loss, w, gradient=lambda w: right(w).T.reshape(3, 2))


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_a_hand_written_gradient_of_torch_code_is_checked_in_single_precision_too(kind):
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, -1.5, 2.5], dtype=getattr(torch, kind))
    check_gradients(lambda x: torch.tanh(x).sum(), x, gradient=lambda x: 1 - torch.tanh(x) ** 2)
    with pytest.raises(GradientCheckError):
        check_gradients(lambda x: torch.tanh(x).sum(), x, gradient=lambda x: 1 - torch.tanh(x))


def test_torch_s_own_gradient_can_be_the_one_under_test():
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, -1.5], dtype=torch.float64, requires_grad=True)
    f = lambda x: (torch.sin(x) * x).sum()  # noqa: E731
    check_gradients(f, x, gradient=lambda x: torch.autograd.grad(f(x), x)[0])


def test_constants_and_inputs_that_are_not_used_have_gradient_zero():
    assert verdicts(lambda x, y: x * 2.0, [1.0, 5.0]) == {"x": "ok", "y": "ok"}


# --- what it catches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [1e-8, 1e-4, 0.7, 1e4, 1e8])
def test_a_relative_error_of_a_millionth_is_caught_at_every_scale(x):
    def right(x):
        return 3 * x * x

    assert verdict(lambda x: x**3, x, gradient=lambda x: [right(x)]) == "ok"
    assert verdict(lambda x: x**3, x, gradient=lambda x: [right(x) * 1.000001]) == "wrong"
    assert verdict(lambda x: x**3, x, gradient=lambda x: [right(x) * 0.999999]) == "wrong"


@pytest.mark.parametrize(
    ("gradient", "note"),
    [
        (-4.0, "the sign is wrong"),
        (8.0, "2 times what it should be"),
        (0.0, "is missing"),
        (4.00001, "off by a factor of 1 + 2.5e-06"),
        (4.5, "off by 0.5"),
    ],
)
def test_the_note_says_how_a_gradient_is_wrong(gradient, note):
    report = gradient_report(lambda x: x * x, [2.0], gradient=[gradient])
    assert note in report.rows[0].note


def test_a_gradient_that_should_be_zero_is_noted():
    report = gradient_report(lambda x: 3.0, [2.0], gradient=[1.0])
    assert report.rows[0].note == "should be 0"


def test_the_error_message_is_a_table_with_the_worst_row_first():
    with pytest.raises(GradientCheckError) as caught:
        check_gradients(lambda x, y, z: x * y * z, [2.0, 3.0, 5.0], gradient=[15.0, 10.1, 600.0])
    lines = str(caught.value).strip().splitlines()
    assert lines[0].startswith("gradient check FAILED: 2 wrong, 1 ok")
    assert [line.split()[0] for line in lines[2:5]] == ["z", "y", "x"]
    assert caught.value.report.rows[0].name == "z"
    assert isinstance(caught.value, AssertionError)


def test_a_number_read_out_of_the_graph_is_hinted_at():
    report = gradient_report(lambda x: x * x.data, [3.0])
    assert report.rows[0].verdict == "wrong"
    assert any("left the graph" in hint for hint in report.hints)


def test_a_result_outside_the_graph_is_hinted_at():
    report = gradient_report(lambda x: x.data * 2.0, [3.0])
    assert not report.passed
    assert any("does not depend on its inputs through Values" in hint for hint in report.hints)


def test_data_assigned_after_the_graph_was_built_is_hinted_at():
    def f(x):
        y = x * 3.0
        y.data = 5.0
        return y * x

    report = gradient_report(f, [2.0])
    assert any("data was assigned" in hint for hint in report.hints)


@operation(lambda x, y: 1.1 - y * y, name="faulty_tanh")
def faulty_tanh(x):
    return math.tanh(x)


@operation(lambda a, b, y: (a, b), name="swapped_mul")
def swapped_mul(a, b):
    return a * b


def test_a_faulty_operation_deep_inside_a_model_is_named_with_label_scope_and_line():
    generator = random.Random(0)
    weights = [[Value(generator.uniform(-1, 1)) for _ in range(4)] for _ in range(9)]

    def model():
        xs = [0.3, -0.2, 0.9, 0.5]
        for layer in range(2):
            with scope(f"layer{layer}"):
                rows = weights[4 * layer : 4 * layer + 4]
                sums = [ag.dot(row, xs) for row in rows]
                if layer:
                    with scope("bad"):
                        xs = [ag.tanh(s) for s in sums[:3]] + [faulty_tanh(sums[3])]
                        xs[3].label = "hidden"
                else:
                    xs = [ag.tanh(s) for s in sums]
        return ag.dot(weights[8], xs)

    report = gradient_report(model, [w for row in weights for w in row])
    assert not report.passed
    (fault,) = report.faults
    assert (fault.operation, fault.operand, fault.label, fault.scope) == (
        "faulty_tanh",
        0,
        "hidden",
        "layer1.bad",
    )
    assert fault.source[0].endswith("test_checking.py")
    assert "faulty_tanh" in report.headline()
    assert "scope layer1.bad" in str(report)
    assert "test_checking.py" in str(report)


def test_swapped_partials_are_recognized():
    report = gradient_report(lambda a, b: swapped_mul(a, b), [2.0, 5.0])
    assert {fault.row.note for fault in report.faults} == {
        "swapped with the partial of operand 0",
        "swapped with the partial of operand 1",
    }


def test_a_faulty_operation_that_cancels_in_the_gradient_is_still_named():
    report = gradient_report(lambda x: faulty_tanh(x) - faulty_tanh(x) + x, [0.5])
    assert report.rows[0].verdict == "ok"
    assert not report.passed
    assert report.faults[0].operation == "faulty_tanh"


def test_one_faulty_node_among_many_is_found():
    def f(x):
        total = x * 0.0
        for i in range(3000):
            total = total + ag.sin(x + i)
        return total + faulty_tanh(x)

    report = gradient_report(f, [0.5])
    assert [(fault.operation, fault.count) for fault in report.faults] == [("faulty_tanh", 1)]


def test_a_faulty_partial_of_an_operation_with_many_operands_is_named():
    class Broken(ag.CustomOperation):
        pass

    n = 40
    wrong = Broken(
        lambda *xs: math.fsum(x * x for x in xs),
        lambda *xs: [2 * x * (1.001 if i == 17 else 1) for i, x in enumerate(xs[:-1])],
        "squares",
        n,
        False,
    )
    report = gradient_report(lambda *xs: wrong(*xs), [0.1 * (i + 1) for i in range(n)])
    assert [(fault.operation, fault.operand) for fault in report.faults] == [("squares", 17)]


# --- the table of verdicts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "x", "expected", "passes"),
    [
        (ag.relu, 0.0, "kink", True),
        (abs, 0.0, "kink", True),
        (lambda x: ag.maximum(x, 2.0), 2.0, "kink", True),
        (lambda x: ag.relu(x - 0.3) + x, 0.3, "kink", True),
        (lambda x: ag.clip(x, 0.0, 1.0), 1.0, "kink", True),
        (ag.relu, 1e-13, "ok", True),
        (ag.relu, -1e-13, "ok", True),
        (lambda x: ag.elu(x), 0.0, "ok", True),
        (lambda x: ag.square(ag.relu(x)), 0.0, "ok", True),
        (ag.floor, 1.0, "jump", False),
        (ag.sign, 0.0, "jump", False),
        (lambda x: ag.where(ag.greater(x, 0.3), 1.0, 0.0) + x, 0.3, "jump", False),
        (ag.floor, 1.5, "ok", True),
        (ag.sqrt, 0.0, "infinite", False),
        (ag.cbrt, 0.0, "infinite", False),
        (lambda x: ag.sqrt(x) * x, 0.0, "non-finite", False),
        (lambda x: ag.asin(x) * 0.0 + x, 0.5, "ok", True),
        (lambda x: x**1.5, 0.0, "boundary", True),
        (lambda x: x * 1e300, 1e300, "non-finite", False),
        (ag.log, 1e-300, "ok", True),
        (ag.exp, -700.0, "ok", True),
        (ag.exp, 709.0, "ok", True),
        (lambda x: 1e8 * ag.sin(x), 1e8, "ok", True),
        (lambda x: ag.sin(1e8 * x), 1e-8, "ok", True),
        (lambda x: x * x, 1e-150, "ok", True),
        (lambda x: (3.1 * x + 1e8) - 1e8, 0.7, "ok", True),
        (lambda x: ag.sin(x) ** 2 + ag.cos(x) ** 2, 0.7, "ok", True),
        (lambda x: ag.softmax([ag.exp(3.0 * x)] * 3)[0], 1.3, "ok", True),
    ],
)
def test_the_verdict_at_a_difficult_point(expression, x, expected, passes):
    report = gradient_report(expression, [x])
    assert report.rows[0].verdict == expected
    assert report.passed == passes


@pytest.mark.parametrize(
    ("slope", "expected"), [(0.0, "kink"), (0.5, "kink"), (1.0, "kink"), (1.1, "wrong"), (-0.1, "wrong")]
)
def test_at_a_kink_any_slope_between_both_sides_is_accepted_and_no_other(slope, expected):
    assert verdict(lambda x: max(x, 0.0), 0.0, gradient=[slope]) == expected


def test_kinks_fail_by_choice_and_show_both_slopes():
    report = gradient_report(ag.relu, [0.0], strict=True)
    assert not report.passed
    assert report.rows[0].verdict == "kink"
    assert "0 | 1" in str(report)


def test_a_wrong_gradient_beside_a_kink_is_wrong():
    assert verdict(lambda x: max(x - 0.3, 0.0), 0.3 + 1e-9, gradient=[0.5]) == "wrong"


@pytest.mark.parametrize("gradient", [0.0, 1.0, math.inf, math.nan])
def test_no_gradient_is_right_at_a_jump_an_infinite_slope_or_in_noise(gradient):
    noise = random.Random(1)
    table = {}

    def rough(x):
        return table.setdefault(x, noise.random())

    assert not gradient_report(math.floor, [1.0], gradient=[gradient]).passed
    assert not gradient_report(math.sqrt, [0.0], gradient=[gradient]).passed
    assert not gradient_report(rough, [0.5], gradient=[gradient]).passed


def test_a_random_function_is_not_repeatable():
    generator = random.Random(1)
    report = gradient_report(lambda x: x + generator.random(), [1.0], gradient=[1.0])
    assert report.rows[0].verdict == "not repeatable"
    assert not report.passed


def test_a_function_that_changes_state_is_not_repeatable():
    calls = []

    def f(x):
        calls.append(x)
        return x * (1.0 + 1e-9 * len(calls))

    assert verdict(f, 1.0) == "not repeatable"


def test_an_infinite_or_missing_gradient_of_a_smooth_function_fails():
    assert verdict(lambda x: x * x, 1.0, gradient=[math.nan]) == "non-finite"
    assert verdict(lambda x: x * x, 1.0, gradient=[math.inf]) == "wrong"


def test_a_domain_error_at_the_point_itself_is_reported_not_raised():
    report = gradient_report(lambda x: ag.log(x) + 1.0, [-1.0])
    assert report.rows[0].verdict == "non-finite"
    assert "log" in report.rows[0].note


def test_rounding_that_drowns_the_slope_is_noise_for_an_unknown_function():
    found = verdict(lambda x: (3.1 * x + 1e15) - 1e15, 0.7, gradient=[3.2])
    assert found in ("noise", "wrong", "undecided")


def test_an_error_of_the_function_itself_is_passed_on():
    with pytest.raises(IndexError):
        gradient_report(lambda x: [][1], [1.0])


# --- options --------------------------------------------------------------------------------------------


def test_given_tolerances_replace_the_estimated_one():
    options = {"gradient": [4.1]}
    assert verdict(lambda x: x * x, 2.0, **options) == "wrong"
    assert verdict(lambda x: x * x, 2.0, rtol=0.05, **options) == "ok"
    assert verdict(lambda x: x * x, 2.0, atol=0.2, **options) == "ok"
    assert verdict(lambda x: x * x, 2.0, atol=0.05, **options) == "wrong"


def test_second_derivatives_are_checked():
    report = check_gradients(lambda x, y: x**3 * y + ag.sin(x * y), [1.5, 0.3], order=2)
    names = {row.name for row in report.rows}
    assert {"x", "y", "d²/dx dx", "d²/dx dy", "d²/dy dx", "d²/dy dy"} == names


def test_a_wrong_second_derivative_is_caught():
    report = gradient_report(lambda x: sine(x), [0.5], order=2)
    assert {row.name: row.verdict for row in report.rows} == {"x": "ok", "d²/dx dx": "wrong"}


@operation(lambda x, y: 0.0, name="flat_cosine")
def flat_cosine(x):
    return math.cos(x)


@operation(lambda x, y: flat_cosine(x), name="sine")
def sine(x):
    return math.sin(x)


def test_a_hand_written_hessian_is_checked():
    options = {"gradient": lambda x, y: (2 * x * y, x * x), "order": 2}
    f = lambda x, y: x * x * y  # noqa: E731
    check_gradients(f, [2.0, 3.0], hessian=lambda x, y: [[2 * y, 2 * x], [2 * x, 0.0]], **options)
    report = gradient_report(f, [2.0, 3.0], hessian=[[6.0, 4.0], [4.0, 0.1]], **options)
    assert [row.name for row in report.failures] == ["d²/dy dy"]
    with pytest.raises(ValueError, match="needs hessian"):
        gradient_report(f, [2.0, 3.0], **options)


def test_directions_check_many_inputs_at_once():
    np = pytest.importorskip("numpy")
    x = np.random.default_rng(0).normal(size=2000)
    report = check_gradients(lambda x: np.sin(x).sum(), x, gradient=np.cos, directions=3)
    names = {row.name for row in report.rows}
    assert names >= {f"direction {i} of 3" for i in (1, 2, 3)}
    assert names - {f"direction {i} of 3 (small gradients)" for i in (1, 2, 3)} <= names
    assert report.evaluations < 6 * 85  # of 2,000 inputs; two groups, a full search takes some 80 points


def test_the_wrong_inputs_behind_a_wrong_direction_are_found():
    np = pytest.importorskip("numpy")
    x = np.random.default_rng(0).normal(size=2000)

    def gradient(x):
        result = np.cos(x)
        result[1234] *= -1
        result[77] *= 1.001
        return result

    report = gradient_report(lambda x: np.sin(x).sum(), x, gradient=gradient, directions=2)
    assert {row.name for row in report.failures} >= {"x[1234]", "x[77]"}
    assert {row.note for row in report.failures if row.name == "x[1234]"} == {"the sign is wrong"}


def test_directions_are_the_same_for_the_same_seed():
    f = lambda x, y, z: x * y * z  # noqa: E731
    rows = [gradient_report(f, [1.0, 2.0, 3.0], directions=2, seed=s).rows for s in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_a_model_of_ten_thousand_parameters_is_checked_by_few_evaluations():
    generator = random.Random(0)
    width = 70
    layers = [
        [[Value(generator.gauss(0, 0.1)) for _ in range(width)] for _ in range(width)] for _ in range(2)
    ]
    last = [Value(generator.gauss(0, 0.1)) for _ in range(200)]
    xs = [generator.uniform(-1, 1) for _ in range(width)]

    def loss():
        hidden = xs
        for layer in layers:
            hidden = [ag.relu(ag.dot(row, hidden)) for row in layer]
        return ag.square(ag.dot(last, (hidden * 3)[:200]) - 1.0)

    parameters = [w for layer in layers for row in layer for w in row] + last
    assert len(parameters) == 10_000
    report = check_gradients(loss, parameters, directions=5)
    assert len(report.rows) == 15  # gradients of three sizes are varied apart
    shown = [row for row in report.rows if abs(row.analytic) > 1e-6]
    assert len(shown) == 10
    # some 15 points a row; those of gradients near 1e-8, where a seam of relu lies close, take some 260
    # and two directions of pairs of values closer to the point, and farther ones
    assert report.evaluations < 10 * 20 + 5 * 260 + 2 * 60


# --- bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["x"], "not a real number"),
        ([1j], "is complex: give gradient="),
        ([None], "not a real number"),
        ([True], "not a real number"),
    ],
)
def test_inputs_that_are_not_numbers_are_named(inputs, message):
    with pytest.raises(TypeError, match=message):
        gradient_report(lambda a: a, inputs)


def test_a_result_that_is_no_number_is_named():
    with pytest.raises(TypeError, match="returned None"):
        gradient_report(lambda x: None, [1.0])
    with pytest.raises(TypeError, match="returned str"):
        gradient_report(lambda x: "one", [1.0], gradient=[1.0])


def test_a_gradient_of_another_size_is_refused():
    with pytest.raises(ValueError, match="2 numbers, and the inputs 1"):
        gradient_report(lambda x: x, [1.0], gradient=[1.0, 2.0])


def test_a_gradient_of_another_shape_is_refused():
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        gradient_report(lambda w: w.sum(), np.ones((2, 3)), gradient=np.ones((3, 2)))


def test_without_a_gradient_pytorch_s_own_is_checked():
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, 2.0], dtype=torch.float64)
    assert verdicts(lambda x: (torch.sin(x) * x).sum(), x) == {"x[0]": "ok", "x[1]": "ok"}
    report = gradient_report(lambda x: (x.detach() * x).sum(), x)
    assert report.hints == (
        "x: every entry is 1/2 of what it should be (a mean over 2 in place of a sum, or a "
        "contribution of one of 2 uses that is not accumulated).",
    )


@pytest.mark.parametrize("options", [{"order": 3}, {"order": 0}, {"directions": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="must be a whole number"):
        gradient_report(lambda x: x, [1.0], **options)


def test_parameters_must_be_leaves():
    x = Value(1.0)
    with pytest.raises(TypeError, match="leaf Values"):
        gradient_report(lambda: x * 2.0, [x * 1.0])
