"""Bessel functions: values and derivatives against mpmath, in every way that an operation is used."""

import functools
import math
import pickle
import subprocess
import sys

import pytest

pytest.importorskip("mpmath")
pytest.importorskip("scipy")

import mpmath as mp
from scipy import special

import autograd_core as ag
from autograd_core import Value, bessel

EXACT = {"jv": mp.besselj, "yv": mp.bessely, "iv": mp.besseli, "kv": mp.besselk}
POINTS = [0.7, 3.3, 12.5]
ORDERS = [0, 2, 2.5]


def exact(name, order, x, derivative):
    """By differences of numbers with 60 digits: those of mp.diff, with many more, take a minute for kv."""
    with mp.workdps(60):
        step = mp.mpf(10) ** -9
        points = [mp.mpf(x) + (mp.mpf(derivative) / 2 - k) * step for k in range(derivative + 1)]
        signs = [(-1) ** k * math.comb(derivative, k) for k in range(derivative + 1)]
        terms = [sign * mp.re(EXACT[name](order, t)) for sign, t in zip(signs, points, strict=True)]
        return float(mp.fsum(terms) / step**derivative)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("order", ORDERS)
def test_value_and_derivatives_are_those_of_mathematics(name, order):
    f = function = lambda x: getattr(bessel, name)(order, x)
    for derivative in range(3):
        for x in POINTS:
            # where it passes through 0, relative to its size nearby
            scale = max(abs(exact(name, order, x, k)) for k in (derivative, derivative + 1))
            assert f(x) == pytest.approx(exact(name, order, x, derivative), rel=1e-12, abs=1e-13 * scale)
        f = ag.grad(f)
    node = Value(0.7)
    function(node).backward()
    assert node.grad == pytest.approx(exact(name, order, 0.7, 1), rel=1e-12)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("order", [0, 1])
def test_the_functions_of_one_order_have_names_of_their_own(name, order):
    f = getattr(bessel, f"{name[0]}{order}")
    for x in POINTS:
        assert f(x) == getattr(bessel, name)(order, x) == f(Value(x)).data
        assert ag.grad(f)(x) == ag.grad(lambda t: getattr(bessel, name)(order, t))(x)
    if name in ("jv", "iv"):
        for x in (0.0, -0.7, -12.5):
            assert f(x) == pytest.approx(float(EXACT[name](order, x)), rel=1e-12)
            assert ag.grad(f)(x) == pytest.approx(exact(name, order, x, 1), rel=1e-12, abs=1e-30)


@pytest.mark.parametrize("name", ["jv", "iv"])
@pytest.mark.parametrize("order", [0, 1, 3, -2])
def test_higher_derivatives_at_zero_do_not_vanish_with_the_first(name, order):
    f = lambda x: getattr(bessel, name)(order, x)  # noqa: E731
    for derivative in range(5):
        for x in (0.0, -0.0):
            assert f(x) == pytest.approx(exact(name, order, 0, derivative), rel=1e-13, abs=1e-15)
        f = ag.grad(f)


@pytest.mark.parametrize("name", ["jv", "yv"])
@pytest.mark.parametrize("order", [0, 1])
def test_digits_are_right_far_out(name, order):
    for x in (24.5, 25.5, 1e3, 1e6, 1e8):
        for derivative in range(2):
            f = lambda t: getattr(bessel, name)(order, t)  # noqa: E731
            found = ag.grad(f)(x) if derivative else f(x)
            assert found == pytest.approx(exact(name, order, x, derivative), rel=1e-12)


def test_programs_have_the_numbers_of_nodes():
    program = ag.record(lambda x: bessel.j1(x) * bessel.k0(x), 1.0)
    values, gradients = program.value_and_grad(POINTS, wrt=0)
    assert values.tolist() == [bessel.j1(x) * bessel.k0(x) for x in POINTS]
    assert gradients.tolist() == [ag.grad(lambda t: bessel.j1(t) * bessel.k0(t))(x) for x in POINTS]
    assert program.hessian([3.3])[0] == pytest.approx(
        ag.grad(ag.grad(lambda t: bessel.j1(t) * bessel.k0(t)))(3.3), rel=1e-13
    )
    node = bessel.y1(Value(2.0))
    assert pickle.loads(pickle.dumps(node)).data == node.data


def test_what_is_outside_of_the_domain_raises():
    for call in (lambda: bessel.y0(Value(-1.0)), lambda: bessel.k1(0.0), lambda: bessel.jv(0.5, -1.0)):
        with pytest.raises(ag.DomainError):
            call()
    for f in (bessel.j0, lambda x: bessel.yv(2.5, x)):
        with pytest.raises(ag.DomainError, match="no correct digit beyond 1e15"):
            f(2e15)
    with pytest.raises(ag.RangeError):
        bessel.i0(800.0)
    with pytest.raises(TypeError, match="the order is a plain number"):
        bessel.jv(Value(1.0), 2.0)
    assert math.isnan(bessel.j0(math.nan))


def test_scipy_is_imported_only_for_them_and_named_where_it_is_missing():
    program = (
        "import sys, autograd_core as ag; assert 'scipy' not in sys.modules; sys.modules['scipy'] = None\n"
        "try: ag.bessel\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'autograd-core[special]'" in done.stdout


@pytest.mark.parametrize("name", ["jv", "iv"])
@pytest.mark.parametrize("order", [0.25, 0.5, 0.9])
def test_an_infinite_slope_at_0_is_infinity_as_that_of_the_square_root(name, order):
    f = functools.partial(getattr(bessel, name), order)
    assert f(0.0) == 0.0
    x = Value(0.0)
    f(x).backward()
    assert x.grad == ag.grad(f)(0.0) == ag.grad(f)(x).data == ag.grad(ag.sqrt)(0.0) == math.inf
    assert ag.grad(ag.grad(f))(0.0) == -math.inf
    with ag.diagnose(), pytest.raises(ag.NonFiniteError, match=name):
        f(x)
    factor = 0.5 if name == "iv" else -0.5
    for at in (1e-300, 1e-9, 0.7):
        below, above = (float(getattr(special, name)(order + step, at)) for step in (-1.0, 1.0))
        assert ag.grad(f)(at) == ag.grad(f)(Value(at)).data == pytest.approx(0.5 * below + factor * above)
    for singular in (order + 1.0, 1.0, 2.5):
        assert math.isfinite(ag.grad(functools.partial(getattr(bessel, name), singular))(0.0))


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 2.0, 3.5])
def test_slopes_of_yv_at_0_are_infinite_with_signs_that_alternate(order):
    with ag.ieee():
        x = Value(0.0)
        y = bessel.yv(order, x)
        (slope,) = ag.differentiate(y, [x])
        (bend,) = ag.differentiate(slope, [x])
    assert (y.data, y.partials[1], slope.data, bend.data) == (-math.inf, math.inf, math.inf, -math.inf)
