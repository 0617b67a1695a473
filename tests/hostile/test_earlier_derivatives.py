"""Derivatives that were taken before a Program is recorded over their graphs."""

import copy
import pickle

import pytest

import autograd_core as ag
from autograd_core import Value, differentiate


@ag.operation(lambda x, y: 2.0 * x if x > 0.0 else 5.0 * x)
def bent_square(x):
    return x * x if x > 0.0 else 2.5 * x * x


@ag.operation(lambda x, y: 2.0 if x > 0.0 else 5.0)
def bent_line(x):
    return 2.0 * x if x > 0.0 else 5.0 * x


@ag.operation(lambda x, y: ag.where(ag.greater(x, 0.0), 2.0 * x, 5.0 * x))
def selecting_square(x):
    return x * x if x > 0.0 else 2.5 * x * x


TAKEN = {
    "differentiate": lambda f, w: differentiate(f(w), [w])[0],
    "grad": lambda f, w: ag.grad(f)(w),
    "jvp": lambda f, w: ag.jvp(f, (w,), (Value(1.0),))[1],
    "used further": lambda f, w: ag.exp(differentiate(f(w), [w])[0]) + 1.0,
    "copied": lambda f, w: copy.deepcopy(differentiate(f(w), [w])[0]),
    "pickled": lambda f, w: pickle.loads(pickle.dumps(differentiate(f(w), [w])[0])),
}


@pytest.mark.parametrize("f", [bent_square, bent_line], ids=lambda f: f.name)
@pytest.mark.parametrize("way", TAKEN)
def test_a_program_refuses_a_derivative_in_which_a_rule_chose_a_branch(f, way):
    slope = TAKEN[way](f, Value(2.0))
    with pytest.raises(ag.RecordingError, match="the partials of a user-defined operation compared numbers"):
        ag.record(lambda x: slope * x, 1.0)


def _nested_rule(x, y):
    factor = 2.0 if x > 0.0 else 5.0
    return factor * ag.grad(selecting_square)(x) * 0.5


@ag.operation(_nested_rule)
def bent_by_another(x):
    return x * x if x > 0.0 else 12.5 * x * x


def test_a_branch_is_remembered_where_the_rule_takes_another_derivative_after_it():
    w = Value(2.0)
    (slope,) = differentiate(bent_by_another(w), [w])
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda x: slope * x, 1.0)


@pytest.mark.parametrize("f", [bent_square, bent_line], ids=lambda f: f.name)
def test_the_number_of_such_a_derivative_is_the_same(f):
    for at in (2.0, -3.0):
        w = Value(at)
        (slope,) = differentiate(f(w), [w])
        assert slope.data == ag.grad(f)(at)
        assert ag.grad(ag.grad(f))(at) == (0.0 if f is bent_line else 2.0 if at > 0.0 else 5.0)


@ag.operation(lambda x, y: 1.0 if x > 0.0 else 0.0, selecting=True)
def own_relu(x):
    return max(x, 0.0)


def test_what_does_not_pass_the_rule_that_chose_a_branch_may_be_captured():
    w, v = Value(2.0), Value(3.0)
    slope, other = differentiate(bent_square(w) + v * v * v, [w, v])
    assert ag.record(lambda x: other * x, 1.0)([2.0]).tolist() == [54.0]
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda x: slope * x, 1.0)
    (zero,) = differentiate(bent_square(w), [v])
    assert ag.record(lambda x: zero + x, 1.0)([2.0]).tolist() == [2.0]
    (shared,) = differentiate(bent_square(w) + w * w, [w])
    with pytest.raises(ag.RecordingError, match="compared numbers"):
        ag.record(lambda x: shared * x, 1.0)
    after = differentiate(bent_square(w * v), [w, v])
    before = differentiate(ag.exp(bent_square(w)) * v, [w, v])
    for refused in (*after, before[0]):
        with pytest.raises(ag.RecordingError, match="compared numbers"):
            ag.record(lambda x: refused * x, 1.0)  # noqa: B023 (called at once)


def test_a_branch_that_sends_nothing_is_remembered_behind_it():
    w = Value(-2.0)
    for at in (-2.0, 2.0):
        w.data = at
        (slope,) = differentiate(own_relu(w * w * w), [w])
        assert slope.data == (0.0 if at < 0.0 else 12.0)
        with pytest.raises(ag.RecordingError, match="compared numbers"):
            ag.record(lambda x: slope + x, 1.0)  # noqa: B023 (called at once)


def test_derivatives_of_such_a_derivative_are_refused_too():
    for at in (2.0, -2.0):
        w = Value(at)
        (slope,) = differentiate(bent_square(w), [w])
        (bend,) = differentiate(slope, [w])  # 2 or 5: no part of its formula tells of the branch
        (third,) = differentiate(ag.exp(bend), [w])
        moved = ag.jvp(lambda t: differentiate(bent_square(t), [t])[0], (w,), (1.0,))[1]
        assert bend.data == moved.data == (2.0 if at > 0.0 else 5.0)
        assert third.data == ag.grad(ag.grad(ag.grad(bent_square)))(at) == 0.0
        for refused in (bend, third, moved, ag.grad(ag.grad(bent_square))(w)):
            with pytest.raises(ag.RecordingError, match="compared numbers"):
                ag.record(lambda x: refused * x, 1.0)  # noqa: B023 (called at once)


def test_a_number_that_was_made_under_no_grad_may_be_captured():
    w = Value(2.0)
    y = bent_square(w)
    with ag.no_grad():
        (slope,) = differentiate(y, [w])
    assert slope.is_constant
    assert ag.record(lambda x: slope * x, 1.0)([2.0]).tolist() == [8.0]


def test_a_derivative_taken_inside_the_function_is_guarded():
    program = ag.record(lambda x: ag.grad(bent_square)(x), 2.0)
    assert program([2.0, -2.0, 0.5]).tolist() == [4.0, -10.0, 1.0]


def test_a_derivative_whose_rule_selects_may_be_captured():
    w = Value(2.0)
    (slope,) = differentiate(selecting_square(w), [w])
    program = ag.record(lambda x: slope * x, 1.0)
    assert program([1.0]).tolist() == [4.0]
    w.data = -2.0
    assert program([1.0]).tolist() == [-10.0]


SINGULAR = {  # the branch that is not taken divides by 0
    "asinh": (ag.asinh, 0.0),
    "atan": (ag.atan, 0.0),
    "hypot": (lambda x: ag.hypot(x, 0.0), 3.0),
    "sinc": (ag.sinc, 0.0),
    "norm": (lambda x: ag.norm([x, 0.0]), 0.0),
    "sqrt": (lambda x: ag.where(ag.greater(x, 0.0), ag.sqrt(x), 0.0 * x), 0.0),
    "log": (lambda x: ag.where(ag.greater(x, 0.0), lambda: ag.log(x), 2.0 * x), 0.0),
}


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("order", [1, 2])
def test_a_captured_derivative_with_a_singular_branch_is_made_again_as_it_was(name, order):
    f, at = SINGULAR[name]
    w = Value(at)
    slope = f(w)
    for _ in range(order):
        (slope,) = differentiate(slope, [w])
    program = ag.record(lambda x: slope * x * x, 2.0)
    assert program.hessian([1.0, 3.0]).tolist() == pytest.approx([2.0 * slope.data] * 2, rel=1e-14)
    assert program.jvp([3.0], [1.0])[1].tolist() == pytest.approx([6.0 * slope.data], rel=1e-14)
    assert pickle.loads(pickle.dumps(program))([3.0]).tolist() == pytest.approx([9.0 * slope.data], rel=1e-14)


def test_a_constant_that_makes_a_branch_singular_does_not_spoil_second_derivatives():
    w = Value(3.0)
    (slope,) = differentiate(ag.hypot(w, 0.0), [w])
    assert differentiate(slope, [w])[0].data == 0.0


def test_an_operation_of_the_function_itself_still_raises_when_it_is_made_again():
    program = ag.record(lambda x: ag.log(x) + ag.grad(ag.asinh)(x), 1.0)
    with pytest.raises(ag.DomainError, match="log"):
        pickle.loads(pickle.dumps(program))([-1.0])
