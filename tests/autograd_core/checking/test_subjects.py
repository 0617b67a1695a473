"""What can be checked: several outputs, products, second order, complex numbers, precision, containers."""

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import pytest

import autograd_core as ag
from autograd_core.checking import check_gradients, gradient_report
from autograd_core.errors import ConversionError

np = pytest.importorskip("numpy")

W = np.arange(6.0).reshape(2, 3) / 5
X = np.array([0.1, 0.2, 0.3])


def layer(x):
    return np.tanh(W @ x)


def slopes(x):
    return 1 - np.tanh(W @ x) ** 2


def vjp(x, u):
    return W.T @ (slopes(x) * u)


def jvp(x, v):
    return slopes(x) * (W @ v)


# --- several outputs ------------------------------------------------------------------------------------


def test_the_engine_s_gradient_of_several_outputs_is_checked():
    check_gradients(lambda x, y: [ag.sin(x) * y, x * y, y * y], [0.5, 2.0])
    report = check_gradients(lambda x, y: {"a": ag.sin(x) * y, "b": [x * y]}, [0.5, 2.0], full=True)
    assert {row.name for row in report.rows} == {
        f"d y{place} / d {name}" for place in (".a", ".b[0]") for name in "xy"
    }


def test_a_jacobian_is_checked_along_a_random_cotangent_or_in_full():
    right = lambda x: slopes(x)[:, None] * W  # noqa: E731
    check_gradients(layer, X, gradient=right)
    check_gradients(layer, X, gradient=right, full=True)

    def wrong(x):
        found = right(x)
        found[1, 2] *= 1.001
        return found

    assert not gradient_report(layer, X, gradient=wrong).passed
    report = gradient_report(layer, X, gradient=wrong, full=True)
    assert [row.name for row in report.failures] == ["d y[1] / d x[2]"]


def test_one_jacobian_for_each_argument():
    check_gradients(
        lambda a, b: [a * b[0], a * a, b[1]],
        [2.0, np.array([3.0, 4.0])],
        gradient=lambda a, b: ([b[0], 2 * a, 0.0], [[a, 0.0], [0.0, 0.0], [0.0, 1.0]]),
    )


def test_a_vjp_and_a_jvp_are_checked_and_compared_with_each_other():
    report = check_gradients(layer, X, vjp=vjp, jvp=jvp)
    assert sum(row.name.startswith("<J'u, v>") for row in report.rows) == 3
    report = gradient_report(layer, X, vjp=vjp, jvp=lambda x, v: 1.01 * jvp(x, v))
    assert {row.name.split(",")[0] for row in report.failures} == {"jvp", "<J'u"}
    report = gradient_report(layer, X, vjp=lambda x, u: vjp(x, u) + 1e-3, jvp=jvp)
    assert not report.passed


def test_an_hvp_is_checked():
    options = {"gradient": lambda x: 3 * x**2}
    check_gradients(lambda x: np.sum(x**3), X, hvp=lambda x, v: 6 * x * v, **options)
    report = gradient_report(lambda x: np.sum(x**3), X, hvp=lambda x, v: 6 * x * v + v[::-1], **options)
    assert {row.name[:3] for row in report.failures} == {"hvp"}


def test_second_order_is_checked_along_random_directions():
    def f(*x):
        return sum(a * a * ag.sin(b) for a, b in itertools.pairwise(x))

    report = check_gradients(f, list(np.linspace(0.1, 2, 20)), order=2, directions=2)
    assert sum(row.name.startswith("second order") for row in report.rows) == 2


def test_batched_gradients_belong_to_the_output_of_their_example():
    x = np.arange(6.0).reshape(2, 3) + 1
    check_gradients(lambda x: (x**2).sum(axis=1), x, gradient=lambda x: 2 * x, batched=True)
    report = gradient_report(lambda x: (x**2).sum(axis=1), x, gradient=lambda x: x, batched=True)
    assert report.hints[0].startswith("x: every entry is 1/2 of what it should be")
    with pytest.raises(ValueError, match="3 examples along its first axis and the function 2 outputs"):
        gradient_report(lambda x: x.sum(axis=1)[:2], np.ones((3, 2)), gradient=np.ones((3, 2)), batched=True)


# --- complex numbers ------------------------------------------------------------------------------------


def test_complex_inputs_follow_the_convention_that_is_asked_for():
    z = np.array([1 + 2j, 0.5 - 1j])
    f = lambda z: (abs(z) ** 2).sum()  # noqa: E731
    report = check_gradients(f, z, gradient=lambda z: 2 * z)
    assert {row.name for row in report.rows} >= {"z[0].real", "z[1].imag"}
    check_gradients(f, z, gradient=lambda z: 2 * z.conj(), convention="jax")
    report = gradient_report(f, z, gradient=lambda z: 2 * z.conj())
    assert report.hints == ("z: the gradient is the complex conjugate of the right one (see convention=).",)


def test_the_derivative_of_a_holomorphic_function_is_a_gradient():
    check_gradients(lambda z: z**3, 1 + 2j, gradient=lambda z: 3 * z**2)
    assert not gradient_report(lambda z: z**3, 1 + 2j, gradient=lambda z: 3 * z.conjugate() ** 2).passed


def test_pytorch_s_gradient_of_complex_numbers():
    torch = pytest.importorskip("torch")
    z = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128)
    check_gradients(lambda z: (z.abs() ** 2).sum(), z)
    check_gradients(lambda z: z * z * 2, z)


# --- precision ------------------------------------------------------------------------------------------


def test_the_reference_of_a_function_of_float32_is_computed_in_float64_where_f_can():
    x = np.linspace(0.1, 2, 7).astype(np.float32)
    report = check_gradients(lambda x: (np.sin(x) * x).sum(), x, gradient=lambda x: np.cos(x) * x + np.sin(x))
    assert max(row.error for row in report.rows) < 1e-8
    wrong = lambda x: (np.cos(x) * x + np.sin(x)) * np.float32(1.0001)  # noqa: E731
    assert not gradient_report(lambda x: (np.sin(x) * x).sum(), x, gradient=wrong).passed


def test_bfloat16_is_checked_by_its_own_precision():
    torch = pytest.importorskip("torch")
    x = torch.linspace(0.1, 2, 7).to(torch.bfloat16)
    check_gradients(lambda x: (torch.sin(x) * x).sum(), x)
    assert not gradient_report(lambda x: (torch.sin(x) * x).sum(), x, gradient=lambda x: torch.cos(x)).passed


def test_a_float32_network_of_pytorch_passes_with_its_parameters_named():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    x, y = torch.randn(8, 4), torch.randn(8, 1)
    before = [p.detach().clone() for p in model.parameters()]
    report = check_gradients(lambda: ((model(x) - y) ** 2).mean(), model)
    assert "0.weight[5, 3]" in {row.name for row in report.rows}
    assert len(report.rows) == 37
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))

    def doubled():
        gradients = torch.autograd.grad(((model(x) - y) ** 2).mean(), list(model.parameters()))
        return [2 * g for g in gradients]

    assert not gradient_report(lambda: ((model(x) - y) ** 2).mean(), model, gradient=doubled).passed


# --- containers -----------------------------------------------------------------------------------------


@dataclass
class Affine:
    w: object
    b: float
    name: str = "affine"


class Pair(NamedTuple):
    a: float
    b: float


def test_dataclasses_dicts_and_named_tuples_are_taken_apart_and_rebuilt():
    p = Affine(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.5)
    report = check_gradients(
        lambda p: float((p.w**2).sum() * p.b) + len(p.name),
        p,
        gradient=lambda p: Affine(2 * p.w * p.b, float((p.w**2).sum())),
    )
    assert {row.name for row in report.rows} >= {"p.w[1, 0]", "p.b"}
    tree = {"layers": [{"w": np.ones((2, 2)) * 3}], "scale": 2.0, "pair": Pair(1.0, 2.0)}

    def f(params):
        return (
            float((params["layers"][0]["w"] ** 2).sum()) * params["scale"]
            + params["pair"].a * params["pair"].b
        )

    def gradient(params):
        w = params["layers"][0]["w"]
        return [
            {
                "pair": Pair(params["pair"].b, params["pair"].a),
                "scale": float((w**2).sum()),
                "layers": [{"w": 2 * w * params["scale"]}],
            }
        ]

    report = check_gradients(f, [tree], gradient=gradient)
    assert {row.name for row in report.rows} >= {"params.layers[0].w[1, 1]", "params.scale", "params.pair[0]"}


def test_arrays_that_a_function_reads_by_itself_are_varied_in_place_and_restored():
    weights = {"w": np.array([1.0, 2.0]), "b": np.array([0.5])}
    loss = lambda: float(((weights["w"] * 3.0 + weights["b"]) ** 2).sum())  # noqa: E731

    def gradient():
        inner = 2 * (weights["w"] * 3.0 + weights["b"])
        return {"b": np.array([inner.sum()]), "w": 3 * inner}

    report = check_gradients(loss, weights, gradient=gradient)
    assert {row.name for row in report.rows} == {"w[0]", "w[1]", "b[0]"}
    assert weights["w"].tolist() == [1.0, 2.0]


def test_a_function_that_changes_its_argument_is_still_given_the_inputs():
    def f(x):
        x *= 2
        return float((x**2).sum())

    check_gradients(f, np.array([1.0, 2.0, 3.0]), gradient=lambda x: 8 * x)


def test_flags_and_whole_number_tensors_are_not_varied():
    torch = pytest.importorskip("torch")
    mask, labels = np.array([True, False]), torch.tensor([0, 1])
    report = check_gradients(
        lambda x, mask, labels: x[mask].sum() * int(labels[1]),
        [np.array([1.0, 2.0]), mask, labels],
        gradient=lambda x, mask, labels: [mask * 1.0, [], []],
    )
    assert {row.name for row in report.rows} == {"x[0]", "x[1]"}


def test_what_an_array_of_wrong_numbers_has_in_common_is_said():
    c = np.arange(9.0).reshape(3, 3)
    report = gradient_report(lambda w: (w * c).sum(), np.ones((3, 3)), gradient=lambda w: c.T)
    assert report.hints == ("w: the gradient is transposed.",)
    report = gradient_report(lambda w: (w * c).sum(), np.ones((3, 3)), gradient=lambda w: np.roll(c, 1))
    assert report.hints == ("w: the gradient has the right numbers in another order.",)
    report = gradient_report(lambda w: (w * c).sum(), np.ones((3, 3)), gradient=lambda w: -c)
    assert report.hints == ("w: every entry has the wrong sign.",)
    with pytest.raises(ValueError, match="it is transposed"):
        gradient_report(lambda w: w.sum(), np.ones((2, 3)), gradient=np.ones((3, 2)))


# --- big ------------------------------------------------------------------------------------------------


def test_arrays_that_share_memory_are_refused():
    np = pytest.importorskip("numpy")
    a = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"parameter\[0\] and parameter\[1\] share memory"):
        gradient_report(lambda: float(a @ a), [a[:2], a[1:]], gradient=lambda: [2 * a[:2], 2 * a[1:]])
    assert gradient_report(
        lambda: float(a @ a), [a[::2], a[1::2]], gradient=lambda: [2 * a[::2], 2 * a[1::2]]
    )


def test_a_parameter_of_pytorch_that_is_frozen_is_named():
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(2, 1).double()
    layer.weight.requires_grad_(False)
    x = torch.ones(3, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="weight has requires_grad=False"):
        gradient_report(lambda: layer(x).pow(2).sum(), layer)
    assert gradient_report(lambda: layer(x).pow(2).sum(), {"bias": layer.bias}).passed


def test_a_function_may_change_a_list_of_numbers_that_it_is_given():
    def f(numbers, pair):
        total = numbers[0] * pair[0] + 3.0 * numbers[1] * numbers[2] + pair[1]
        numbers.reverse()
        numbers[0] = 0.0
        return total

    for gradient in (None, lambda numbers, pair: ([pair[0], 15.0, 6.0], [numbers[0], 1.0])):
        assert gradient_report(f, [[1.0, 2.0, 5.0], (4.0, 7.0)], gradient=gradient).passed


def test_inputs_that_are_all_wrong_cost_little_more_than_right_ones():
    x = np.linspace(0.1, 1.0, 200)
    right = gradient_report(lambda x: float(x @ x), x, gradient=lambda x: 2 * x)
    for wrong in (3 * x, (2 + np.arange(200) % 2) * x):
        report = gradient_report(lambda x: float(x @ x), x, gradient=wrong)
        assert sum(row.verdict == "wrong" for row in report.rows) == sum(wrong != 2 * x)
        assert all(abs(row.numeric - 2 * x[int(row.name[2:-1])]) < 1e-9 for row in report.rows)
        assert report.evaluations < right.evaluations + 20 * 200 + 10 * len(x)
        assert any("at steps of one scale only" in hint for hint in report.hints)
    assert not right.hints


def test_a_jvp_alone_is_checked_along_a_few_directions_only():
    calls = []

    def f(x):
        calls.append(None)
        return np.tanh(x)

    x = np.linspace(0.1, 1.0, 1000)
    report = check_gradients(f, x, jvp=lambda x, v: (1 - np.tanh(x) ** 2) * v)
    assert sorted(row.name for row in report.rows) == [f"jvp, direction {k}" for k in (1, 2, 3)]
    assert len(calls) < 100
    calls.clear()
    assert not gradient_report(f, x, jvp=lambda x, v: (1 - np.tanh(x) ** 2) * v * 1.001).passed
    assert len(calls) < 2000


def test_ten_thousand_inputs_take_some_ten_evaluations_each():
    x = np.random.default_rng(0).normal(size=300)
    report = check_gradients(lambda x: float(np.sin(x).sum()), x, gradient=np.cos)
    assert report.evaluations < 13 * len(x)


def test_one_wrong_input_among_ten_thousand_is_found_though_its_gradient_is_small():
    x = np.random.default_rng(0).normal(size=10_000)
    scale = np.where(np.arange(10_000) == 777, 1e-5, 1.0)

    def gradient(x):
        found = scale * np.cos(x)
        found[777] *= -1
        return found

    report = gradient_report(lambda x: float((scale * np.sin(x)).sum()), x, gradient=gradient, directions=1)
    assert "x[777]" in {row.name for row in report.failures}


def network(*weights):
    """The loss of a network on fixed data, and its gradient by hand, in the precision of its weights."""
    generator = np.random.default_rng(1)
    rows, labels = generator.normal(size=(32, 64)).astype(weights[0].dtype), generator.integers(0, 10, 32)
    hidden = [rows]
    for w in weights[:-1]:
        hidden.append(np.tanh(hidden[-1] @ w))
    scores = hidden[-1] @ weights[-1]
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    p = exponentials / exponentials.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(32), labels]).mean()
    upstream = p.copy()
    upstream[np.arange(32), labels] -= 1
    upstream /= 32
    gradients = []
    for w, h in zip(weights[::-1], hidden[::-1], strict=True):
        gradients.append(h.T @ upstream)
        upstream = (upstream @ w.T) * (1 - h**2)
    return loss, gradients[::-1]


@pytest.mark.parametrize("widened", [True, False])  # whether f can compute in double precision
def test_a_network_of_ten_thousand_single_precision_weights_passes_and_one_wrong_entry_is_found(widened):
    generator = np.random.default_rng(0)
    shapes = [(64, 128), (128, 15), (15, 10)]
    weights = [(generator.normal(size=s) / np.sqrt(s[0])).astype(np.float32) for s in shapes]
    assert sum(w.size for w in weights) > 10_000

    def loss(*weights):
        narrow = weights if widened else [w.astype(np.float32) for w in weights]
        return network(*narrow)[0]

    def broken(*weights):
        found = network(*weights)[1]
        found[0][3, 4] *= -1
        return found

    check_gradients(loss, weights, gradient=lambda *ws: network(*ws)[1], directions=1)
    report = gradient_report(loss, weights, gradient=broken, directions=1)
    assert {row.name for row in report.failures} == {"x[0][3, 4]", "direction 1 of 1"}, str(report)
    assert "the sign is wrong" in {row.note for row in report.failures}


def test_sixty_inputs_of_second_order_share_their_evaluations():
    x = np.linspace(-1, 1, 20)
    report = check_gradients(
        lambda x: float((x**3).sum()) + float(x.sum()) ** 2,
        x,
        gradient=lambda x: 3 * x**2 + 2 * x.sum(),
        hessian=lambda x: np.diag(6 * x) + 2.0,
        order=2,
    )
    assert len(report.rows) == 420
    assert report.evaluations < 60 * len(x)


def test_a_conversion_that_drops_the_gradient_inside_the_function_is_told() -> None:
    with pytest.raises(ConversionError, match="would drop it from the gradient"):
        check_gradients(lambda x: x * math.exp(x), 1.0)
    check_gradients(math.exp, 1.0, gradient=math.exp)  # the gradient is the user's: floats convert


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_few_digits_of_a_large_gradient_do_not_excuse_the_gradient_of_an_input_in_other_units(kind):
    number = getattr(np, kind)
    size = 3e6 if kind == "float32" else 1e3  # its term is as large as the other, its gradient tiny
    x = np.array([1.0, size], number)

    def checked(slope):
        gradient = lambda x: np.array([1.0, slope], number)  # noqa: E731
        return gradient_report(lambda x: float(x[0] + x[1] * number(1 / size)), x, gradient=gradient)

    assert checked(1 / size).passed
    for wrong in (0.0, -1 / size, 2 / size):
        assert not checked(wrong).passed, wrong


def test_a_slope_that_the_finite_difference_knows_is_not_said_to_be_zero():
    x = np.array([1.0, 500.0], np.float16)
    report = gradient_report(
        lambda x: float(x[0] + x[1] * np.float16(0.002)),
        x,
        gradient=lambda x: np.array([1.0, -0.0102], np.float16),
    )
    (row,) = report.failures
    assert row.note.startswith("off by -0.0122")


# --- whole numbers --------------------------------------------------------------------------------------


@dataclass
class Power:
    base: float
    count: int
    name: str = "p"


def test_whole_numbers_that_a_function_needs_as_such_are_passed_on():
    def f(w, n, where):
        return sum(w[where[k]] ** (k + 2) for k in range(n))

    inputs = [np.array([0.5, 2.0, 3.0]), 2, np.array([2, 0])]
    right = lambda w, n, where: (np.array([3 * w[0] ** 2, 0.0, 2 * w[2]]), 0, None)  # noqa: E731
    for options in ({}, {"gradient": right}, {"gradient": lambda *a: right(*a)[0]}, {"points": 3}):
        report = check_gradients(f, inputs, **options)
        assert {row.name.split(" (")[0] for row in report.rows} == {"w[0]", "w[1]", "w[2]"}
        assert report.hints == ("Not varied, since whole numbers have no gradient: n, where.",)
    assert not gradient_report(f, inputs, gradient=lambda *a: 2 * right(*a)[0]).passed
    report = check_gradients(lambda x, n: x**n, [2.0, 3])  # where f takes them as floats they are varied
    assert {row.name for row in report.rows} == {"x", "n"}
    assert not report.hints
    with pytest.raises(TypeError, match="integer"):  # there is nothing else
        gradient_report(lambda n: float(sum(range(n))), [3], gradient=0.0)


def test_fields_declared_as_whole_numbers_are_not_varied():
    f = lambda p: p.base**p.count  # noqa: E731
    for gradient in (
        None,
        lambda p: {"base": 3 * p.base**2},
        lambda p: Power(3 * p.base**2, 0),
        lambda p: {"name": None, "count": 0, "base": 3 * p.base**2},
    ):
        report = check_gradients(f, Power(2, 3), gradient=gradient)
        assert [row.name for row in report.rows] == ["p.base"]
    with pytest.raises(ValueError, match="no entry 'base', only 'count'"):
        gradient_report(f, Power(2, 3), gradient=lambda p: {"count": 1})


def test_tensors_of_whole_numbers_are_passed_on_or_refused():
    torch = pytest.importorskip("torch")
    w = torch.ones(3, dtype=torch.float64)
    report = check_gradients(lambda i, w: (w[i] ** 3).sum(), [torch.arange(2), w])
    assert {row.name for row in report.rows} == {"w[0]", "w[1]", "w[2]"}
    assert report.hints == ("Not varied, since whole numbers have no gradient: i.",)
    for inputs in (torch.arange(3), [torch.arange(3)]):
        with pytest.raises(ValueError, match="x holds whole numbers, which have no gradient"):
            gradient_report(lambda x: (x.double() ** 2).sum(), inputs)
    with pytest.raises(ValueError, match="whole numbers"):
        gradient_report(lambda: w.sum(), [torch.arange(3)])


def test_numbers_and_arrays_beside_tensors_are_differentiated_by_pytorch_too():
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, 1.5], dtype=torch.float64)
    report = check_gradients(lambda x, k: (x**3).sum() * k**2, [x, 2.0], order=2)
    assert {row.name for row in report.rows} >= {"k", "x[0]", "d²/dk dx[1]"}
    report = check_gradients(lambda x, w: (x * torch.as_tensor(w)).sum(), [x, np.array([1.0, 2.0])])
    assert {row.name for row in report.rows} == {"x[0]", "x[1]", "w[0]", "w[1]"}
    check_gradients(lambda z, k: [z**2, z.real * k], [x + 1j, 2.0])
    assert not gradient_report(
        lambda x, k: (x**3).sum() * float(torch.as_tensor(k).detach()), [x, 2.0]
    ).passed


# --- Jacobians by their keys ----------------------------------------------------------------------------


def test_a_jacobian_of_mappings_goes_by_its_keys():
    f = lambda a, b: [a * b, a + b, b * b]  # noqa: E731
    inputs = {"a": 2.0, "b": 3.0}
    for right in (
        lambda a, b: [[b, a], [1, 1], [0, 2 * b]],
        lambda a, b: ((b, a), (1, 1), (0, 2 * b)),
        lambda a, b: ([b, 1, 0], [a, 1, 2 * b]),  # one for each argument
        lambda a, b: {"b": [a, 1, 2 * b], "a": [b, 1, 0]},
        lambda a, b: [{"a": b, "b": a}, {"b": 1, "a": 1}, {"b": 2 * b, "a": 0}],
    ):
        for full in (False, True):
            check_gradients(f, inputs, gradient=right, full=full)
            assert check_gradients(lambda p: f(**p), [inputs], gradient=lambda p: right(**p), full=full)  # noqa: B023
    swapped = lambda a, b: {"a": [a, 1, 2 * b], "b": [b, 1, 0]}  # noqa: E731
    assert not gradient_report(f, inputs, gradient=swapped).passed
    for refused in (
        lambda a, b: {"a": [b, 1, 0]},
        lambda a, b: [{"a": b}] * 3,
        lambda a, b: {"a": 1, "c": 2},
    ):
        with pytest.raises(ValueError, match="no entry 'b'"):
            gradient_report(f, inputs, gradient=refused)
    with pytest.raises(ValueError, match=r"the Jacobian of a has 2 numbers, not 3 x 1 \(outputs x inputs\)"):
        gradient_report(f, inputs, gradient=lambda a, b: {"b": [a, 1, 2], "a": [b, 1]})


def test_two_outputs_of_two_numbers_have_their_jacobian_by_outputs():
    f = lambda a, b: [a * b, a + b]  # noqa: E731
    right = lambda a, b: [[b, a], [1, 1]]  # noqa: E731
    check_gradients(f, [2.0, 3.0], gradient=right)
    check_gradients(f, [2.0, 3.0], gradient=lambda a, b: tuple(np.array([[b, a], [1, 1]]).T))  # of arguments
    assert not gradient_report(f, [2.0, 3.0], gradient=lambda a, b: [[b, 1], [a, 1]]).passed


def test_a_jacobian_of_named_outputs_and_arrays_goes_by_its_keys():
    f = lambda p: {"y": p["w"] * p["c"], "s": p["w"] @ p["w"]}  # noqa: E731
    point = {"w": np.array([0.5, 1.5]), "c": 2.0}

    def jacobian(p):
        return {"s": {"c": 0.0, "w": 2 * p["w"]}, "y": {"c": p["w"], "w": p["c"] * np.eye(2)}}

    check_gradients(f, [point], gradient=jacobian)
    check_gradients(f, [point], gradient=jacobian, full=True)
    check_gradients(lambda p: f(p)["y"], [point], gradient=lambda p: jacobian(p)["y"])
    assert not gradient_report(
        lambda p: f(p)["y"], [point], gradient=lambda p: {**jacobian(p)["y"], "c": 1 + p["w"]}
    )


def test_a_transposed_jacobian_is_refused():
    with pytest.raises(ValueError, match=r"of shape \(3, 2\) is transposed: .* the shape \(2, 3\)"):
        gradient_report(lambda x: W @ x, X, gradient=lambda x: W.T)


def test_a_hessian_goes_by_its_keys_and_blocks():
    f = lambda a, w: a * (w @ w)  # noqa: E731
    gradient = lambda a, w: {"w": 2 * a * w, "a": w @ w}  # noqa: E731
    inputs = {"a": 2.0, "w": np.array([0.5, 1.5])}

    def hessian(a, w):
        return {"w": {"w": 2 * a * np.eye(2), "a": 2 * w}, "a": {"w": 2 * w, "a": 0.0}}

    check_gradients(f, inputs, gradient=gradient, hessian=hessian, order=2)
    blocks = lambda a, w: ((0.0, 2 * w), (2 * w, 2 * a * np.eye(2)))  # noqa: E731
    check_gradients(
        f, list(inputs.values()), gradient=lambda a, w: (w @ w, 2 * a * w), hessian=blocks, order=2
    )
    with pytest.raises(ValueError, match="no entry 'a'"):
        gradient_report(f, inputs, gradient=gradient, hessian=lambda a, w: {"w": hessian(a, w)["w"]}, order=2)


# --- the form of a gradient -----------------------------------------------------------------------------


def test_the_gradient_of_one_nested_argument_is_held_to_its_form():
    f = lambda p: p[0]["a"] * p[0]["b"] ** 2 + p[1]  # noqa: E731
    right = lambda p: [{"b": 2 * p[0]["a"] * p[0]["b"], "a": p[0]["b"] ** 2}, 1.0]  # noqa: E731
    point = [{"a": 2.0, "b": 3.0}, 4.0]
    check_gradients(f, [point], gradient=right)
    check_gradients(f, [point], gradient=lambda p: (right(p),))
    with pytest.raises(ValueError, match="a mapping and has 1 part where the inputs have 2"):
        gradient_report(f, [point], gradient=lambda p: (right(p)[:1],))
    pair = (X, W)
    slopes = lambda p: (np.full(3, p[1].sum()), np.full((2, 3), p[0].sum()))  # noqa: E731
    check_gradients(lambda p: float(p[0].sum() * p[1].sum()), [pair], gradient=slopes)
    with pytest.raises(ValueError, match=r"of shape \(2, 3\) was given for the input p\[0\]"):
        gradient_report(lambda p: float(p[0].sum() * p[1].sum()), [pair], gradient=lambda p: slopes(p)[::-1])
    check_gradients(lambda p: p[0] ** 2, [[3.0]], gradient=lambda p: [2 * p[0]])
    check_gradients(lambda p: p[0] ** 2, [[3.0]], gradient=lambda p: ([2 * p[0]],))
    check_gradients(lambda p: p[0] ** 2, [[3.0]], gradient=lambda p: 2 * p[0])


def test_errors_of_form_say_what_to_do():
    cases = [
        (
            lambda x: x**3,
            {"gradient": lambda x: 3 * x**2},
            "of several outputs give the Jacobian, vjp=, or batched",
        ),
        (np.sum, {"gradient": lambda x: 1.0}, "the gradient has 1 number, and the inputs 3"),
        (np.sum, {"gradient": lambda x: "one"}, "the gradient of x is str, not one real number"),
        (
            layer,
            {"jvp": lambda x, v: (layer(x), jvp(x, v))},
            r"jvp returned 4 numbers, .* the derivative alone",
        ),
        (
            np.sum,
            {"gradient": np.ones(3), "hessian": [1.0], "order": 2},
            "the Hessian has 1 number, not 3 x 3",
        ),
    ]
    for function, options, message in cases:
        with pytest.raises((TypeError, ValueError), match=message):
            gradient_report(lambda x, function=function: function(x), [X], **options)
    many = {f"w{k}": 1.0 for k in range(30)}
    with pytest.raises(ValueError, match=r"no entry 'w0', only 'w1', .*'w8' and 21 more"):
        gradient_report(lambda **w: sum(w.values()), many, gradient={f"w{k}": 1.0 for k in range(1, 30)})


def test_the_cotangent_of_complex_outputs_follows_the_convention():
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    check_gradients(lambda z: z**2, z, vjp=lambda z, u: u * (2 * z).conj())
    check_gradients(lambda z: z**2, z, vjp=lambda z, u: u * 2 * z, convention="jax")  # jax.vjp's
    assert not gradient_report(lambda z: z**2, z, vjp=lambda z, u: u.conj() * 2 * z, convention="jax").passed


def test_the_gradient_of_jax_is_tested_where_none_is_given():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    x = jnp.array([0.1, 0.2, 0.3])
    for f in (
        lambda x: (jnp.sin(x) * x).sum(),
        lambda x: {"a": jnp.sin(x), "b": [x.sum()]},
        lambda x: ((x + 1j) ** 2).real,
    ):
        check_gradients(f, x)
        check_gradients(f, {"x": x})
        report = gradient_report(f, x.astype(jnp.bfloat16))  # of few digits
        assert {row.verdict for row in report.rows} <= {"ok", "undecided"}
    check_gradients(lambda z: z**2, x + 1j)
    check_gradients(jnp.tanh, x, jvp=lambda x, v: jax.jvp(jnp.tanh, (x,), (v,))[1])
    report = gradient_report(lambda x: (jax.lax.stop_gradient(jnp.sin(x)) * x).sum(), x)
    assert [row.verdict for row in report.rows] == ["wrong"] * 3
    with pytest.raises(ValueError, match=r"needs hessian= or hvp= too, such as hessian=jax.hessian"):
        gradient_report(lambda x: (x**3).sum(), x, order=2)


def test_cotangents_and_tangents_follow_inputs_that_go_by_name():
    f, inputs = (lambda a, b: a * b * b), {"b": 2.0, "a": 3.0}
    check_gradients(f, inputs, vjp=lambda b, a, u: {"b": u * 2 * a * b, "a": u * b * b})
    check_gradients(f, inputs, vjp=lambda u, **p: {"b": u * 2 * p["a"] * p["b"], "a": u * p["b"] ** 2})
    check_gradients(f, inputs, jvp=lambda b, a, db, da: 2 * a * b * db + b * b * da)
    named = lambda b, a: {"p": f(a, b), "q": b + a}  # noqa: E731
    check_gradients(named, inputs, jvp=lambda b, a, db, da: {"q": db + da, "p": 2 * a * b * db + b * b * da})
    with pytest.raises(ValueError, match="jvp returned the outputs 'p', and the function 'p', 'q'"):
        gradient_report(named, inputs, jvp=lambda b, a, db, da: {"p": db})


def test_a_gradient_of_another_form_than_the_inputs_is_refused():
    f, point = (lambda q: q[0] * q[1][0] * q[1][1]), [[2.0, [3.0, 4.0]]]
    for right in ([12.0, [8.0, 6.0]], [[12.0, [8.0, 6.0]]], [12.0, 8.0, 6.0], np.array([12.0, 8.0, 6.0])):
        check_gradients(f, point, gradient=lambda q, g=right: g)
    check_gradients(f, point, gradient=lambda q: [np.array([12.0]), np.array([8.0, 6.0])])
    for form in ([[12.0, 8.0], 6.0], [[12.0, 8.0, 6.0], []]):
        with pytest.raises(ValueError, match="in another form than the inputs"):
            gradient_report(f, point, gradient=lambda q, g=form: g)
    two = lambda p, q: (p[0] + p[1]) * q  # noqa: E731
    for form in ([[5.0], [5.0, 3.0]], [[5.0, 5.0, 3.0], []], [5.0, [5.0, 3.0]]):
        with pytest.raises(ValueError, match="in another form than the inputs"):
            gradient_report(two, [[1.0, 2.0], 5.0], gradient=lambda p, q, g=form: g)
    rows = lambda p, q: p[0] * q[0] + p[1] * q[1]  # noqa: E731
    check_gradients(rows, [[1.0, 2.0], [3.0, 4.0]], gradient=lambda p, q: np.array([q, p]))
    with pytest.raises(ValueError, match=r"of shape \(3, 2\) was given for the input w of shape \(2, 3\)"):
        gradient_report(lambda w: float((w * W).sum()), [W], gradient=lambda w: W.reshape(3, 2).tolist())
    check_gradients(lambda w: float((w * W).sum()), [W], gradient=lambda w: W.tolist())
    check_gradients(lambda w: float((w * W).sum()), [W], gradient=lambda w: W.ravel().tolist())
    check_gradients(f, point, vjp=lambda q, u: [12.0 * u, [8.0 * u, 6.0 * u]])
    with pytest.raises(ValueError, match="in another form than the inputs"):
        gradient_report(f, point, vjp=lambda q, u: [[12.0 * u, 8.0 * u], 6.0 * u])
