"""Every optimizer and schedule, step for step against PyTorch in float64."""

import copy
import math
import random

import numpy as np
import pytest
import torch

import nn
from autograd_core import Value
from nn import optimizers, schedules
from nn.errors import DivergenceError, InputError, StateError

STEPS = 60

CASES = {
    "sgd": (lambda: optimizers.SGD(lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (
        lambda: optimizers.SGD(lr=0.02, momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    ),
    "nesterov": (
        lambda: optimizers.SGD(lr=0.02, momentum=0.8, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True),
    ),
    "adagrad": (lambda: optimizers.Adagrad(lr=0.1), lambda p: torch.optim.Adagrad(p, lr=0.1)),
    "rmsprop": (
        lambda: optimizers.RMSprop(lr=0.01, rho=0.9),
        lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9),
    ),
    "rmsprop, centered, momentum": (
        lambda: optimizers.RMSprop(lr=0.003, rho=0.95, momentum=0.5, centered=True),
        lambda p: torch.optim.RMSprop(p, lr=0.003, alpha=0.95, momentum=0.5, centered=True),
    ),
    "adam": (
        lambda: optimizers.Adam(lr=0.03, betas=(0.8, 0.99)),
        lambda p: torch.optim.Adam(p, lr=0.03, betas=(0.8, 0.99)),
    ),
    "adamw": (
        lambda: optimizers.AdamW(lr=0.03, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.03, weight_decay=0.1),
    ),
}


def start():
    rng = random.Random(4)
    return [rng.uniform(-2, 2) for _ in range(7)]


def slope(x, j, k):
    """A gradient that bends, differs from parameter to parameter and from step to step."""
    return (j + 1) * math.sin(x + 0.1 * k) + 0.3 * x


def torch_run(make, scheduler=None, clip=None):
    x = torch.tensor(start(), dtype=torch.float64, requires_grad=True)
    optimizer = make([x])
    schedule = scheduler(optimizer) if scheduler else None
    path = []
    for k in range(STEPS):
        x.grad = torch.tensor([slope(v, j, k) for j, v in enumerate(x.tolist())], dtype=torch.float64)
        if clip:
            clip([x])
        optimizer.step()
        if schedule:
            schedule.step()
        path.append(x.tolist())
    return path


def our_run(optimizer):
    parameters = [Value(v) for v in start()]
    optimizer.bind(parameters)
    path = []
    for k in range(STEPS):
        for j, p in enumerate(parameters):
            p.grad = slope(p.data, j, k)
        optimizer.step()
        path.append([p.data for p in parameters])
    return path


def assert_same_path(ours, theirs):
    for k, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert mine == pytest.approx(other, rel=1e-12, abs=1e-13), f"step {k}"


@pytest.mark.parametrize("name", CASES)
def test_every_optimizer_takes_the_steps_of_pytorch(name):
    ours, theirs = CASES[name]
    assert_same_path(our_run(ours()), torch_run(theirs))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            schedules.StepDecay(0.05, every=7, factor=0.5),
            lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=7, gamma=0.5),
        ),
        (
            schedules.ExponentialDecay(0.05, factor=0.95),
            lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.95),
        ),
        (
            schedules.CosineDecay(0.05, steps=STEPS, final=0.001),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS, eta_min=0.001),
        ),
        (
            schedules.WarmUp(schedules.Constant(0.05), steps=10, start=0.2),
            lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=0.2, total_iters=10),
        ),
        (
            schedules.LinearDecay(0.05, steps=40, final=0.01),
            lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=40),
        ),
    ],
    ids=lambda x: type(x).__name__ if not callable(x) or hasattr(x, "steps") else "",
)
def test_every_schedule_gives_the_rates_of_pytorch(ours, theirs):
    expected = torch_run(lambda p: torch.optim.SGD(p, lr=0.05), theirs)
    assert_same_path(our_run(optimizers.SGD(lr=ours)), expected)


def test_clipping_by_norm_shortens_the_gradient_as_pytorch_does():
    expected = torch_run(
        lambda p: torch.optim.SGD(p, lr=0.05), clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 1.5)
    )
    assert_same_path(our_run(optimizers.SGD(lr=0.05, clip_norm=1.5)), expected)


def test_clipping_by_value_bounds_each_component_as_pytorch_does():
    expected = torch_run(
        lambda p: torch.optim.Adam(p, lr=0.05), clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.7)
    )
    assert_same_path(our_run(optimizers.Adam(lr=0.05, clip_value=0.7)), expected)


def test_a_short_gradient_is_not_clipped():
    assert optimizers.clip_by_norm([3.0, 4.0], 6.0).tolist() == [3.0, 4.0]


def test_a_clipped_gradient_has_the_wanted_length_and_direction():
    clipped = optimizers.clip_by_norm([3.0, 4.0], 1.0)
    assert math.hypot(*clipped) == pytest.approx(1.0, rel=1e-6)
    assert clipped[0] / clipped[1] == pytest.approx(0.75)


@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_goes_on_from_its_state_with_the_same_bits(name):
    make = CASES[name][0]
    values, gradients = [0.5, -1.0, 2.0], [0.3, -0.2, 0.0]

    def run(optimizer, parameters, steps):
        for k in range(steps):
            for p, g in zip(parameters, gradients, strict=True):
                p.grad = g + 0.1 * k
            optimizer.step()
        return [p.data for p in parameters]

    first = [Value(v) for v in values]
    optimizer = make().bind(first)
    run(optimizer, first, 5)
    second = [Value(p.data) for p in first]
    again = make().bind(second)
    again.load_state_dict(optimizer.state_dict())
    assert run(optimizer, first, 5) == run(again, second, 5)


def test_a_loop_by_hand_goes_down_to_the_minimum():
    x = Value(5.0)
    optimizer = optimizers.SGD(x, lr=0.1, momentum=0.5)
    for _ in range(100):
        loss = (x - 2.0) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert x.data == pytest.approx(2.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_changes_nothing_and_is_named(bad):
    parameters = [Value(1.0, label="w0"), Value(2.0, label="w1")]
    optimizer = optimizers.Adam(parameters, lr=0.1)
    parameters[0].grad, parameters[1].grad = 1.0, bad
    with pytest.raises(DivergenceError, match=r"gradient of parameter w1 .*no parameter has changed"):
        optimizer.step()
    assert [p.data for p in parameters] == [1.0, 2.0]
    assert optimizer.updates == 0


def test_an_update_that_overflows_changes_nothing():
    parameters = [Value(1.0), Value(1e308)]
    optimizer = optimizers.SGD(parameters, lr=10.0)
    parameters[0].grad, parameters[1].grad = 1.0, -1e308
    with pytest.raises(DivergenceError, match="new value of parameter number 1"):
        optimizer.step()
    assert [p.data for p in parameters] == [1.0, 1e308]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.SGD(lr=-0.1), "learning rate"),
        (lambda: optimizers.SGD(lr=math.nan), "learning rate"),
        (lambda: optimizers.SGD(momentum=1.0), "momentum"),
        (lambda: optimizers.SGD(nesterov=True), "nesterov"),
        (lambda: optimizers.Adam(betas=(0.9, 1.0)), "beta2"),
        (lambda: optimizers.RMSprop(eps=-1.0), "eps"),
        (lambda: optimizers.AdamW(weight_decay=-1.0), "weight_decay"),
        (lambda: optimizers.Adagrad(clip_norm=0.0), "clip_norm"),
        (lambda: optimizers.SGD([]), "at least one parameter"),
        (lambda: optimizers.SGD([Value(1.0) + 2.0]), "not a leaf"),
        (lambda: optimizers.SGD([3.0]), "not a leaf"),
        (lambda: optimizers.SGD().step(), "no parameters yet"),
        (lambda: schedules.StepDecay(0.1, every=0), "every"),
        (lambda: schedules.StepDecay(0.1, every="3"), "every"),
        (lambda: schedules.StepDecay(True, every=3), "a learning rate must be"),
        (lambda: optimizers.SGD(lr="0.1"), "a learning rate must be"),
        (lambda: optimizers.SGD(lr=True), "a learning rate must be"),
        (lambda: optimizers.SGD(lr=schedules.StepDecay), "StepDecay is a class"),
        (lambda: optimizers.Adam(betas=0.9), "betas are two numbers"),
        (lambda: optimizers.Adam(betas=("a", 0.9)), "beta1"),
        (lambda: optimizers.SGD(momentum="much"), "momentum"),
        (lambda: schedules.WarmUp(schedules.Constant(0.1), steps=0), "steps"),
        (lambda: optimizers.optimizer_of("sgdd", [Value(1.0)]), "no optimizer is named 'sgdd'"),
        (lambda: optimizers.optimizer_of(optimizers.SGD([Value(1.0)]), [Value(1.0)]), "other parameters"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_state_of_another_optimizer_is_refused():
    state = optimizers.Adam([Value(1.0)]).state_dict()
    with pytest.raises(StateError, match="SGD keeps"):
        optimizers.SGD([Value(1.0)], momentum=0.9).load_state_dict(state)


def test_a_state_for_another_number_of_parameters_is_refused():
    state = optimizers.Adam([Value(1.0), Value(2.0)]).state_dict()
    with pytest.raises(StateError, match="2 numbers for 1 parameters"):
        optimizers.Adam([Value(1.0)]).load_state_dict(state)


def test_the_description_of_an_optimizer_has_no_address():
    assert "0x" not in repr(optimizers.SGD(lr=lambda k: 0.1 / (k + 1)))
    assert repr(optimizers.SGD(lr=0.1)) == "SGD(lr=Constant(rate=0.1), momentum=0.0, nesterov=False)"


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 40, 331])
def test_the_norm_has_the_bits_of_eight_interleaved_sums(count):
    generator = np.random.default_rng(count)
    numbers = (generator.normal(size=count) * 10.0 ** generator.uniform(-5, 5, count)).tolist()
    sums = [0.0] * 8
    for k, g in enumerate(numbers):
        sums[k % 8] += g * g
    a, b, c, d, e, f, g, h = sums
    expected = math.sqrt(((a + e) + (c + g)) + ((b + f) + (d + h)))
    assert optimizers.gradient_norm(numbers) == optimizers.gradient_norm(iter(numbers)) == expected


@pytest.mark.parametrize("numbers", [[1e300, 1e300], [3e-200, 4e-200], [math.inf, 1.0], [-math.inf, 0.0]])
def test_the_norm_neither_overflows_nor_vanishes_on_the_way(numbers):
    assert optimizers.gradient_norm(numbers) == math.hypot(*numbers)


def test_the_rate_can_be_set():
    optimizer = optimizers.SGD(lr=0.5)
    optimizer.lr = 0.25
    assert optimizer.lr == 0.25
    assert "0.25" in repr(optimizer)
    optimizer.lr = schedules.StepDecay(1.0, every=1, factor=0.5)
    optimizer.updates = 2
    assert optimizer.lr == 0.25
    with pytest.raises(InputError, match="learning rate"):
        optimizer.lr = -1.0
    assert optimizer.lr == 0.25


@pytest.mark.parametrize("given", [True, False])
def test_a_parameter_that_is_made_a_constant_is_neither_trained_nor_decayed(given):
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    frozen = model.layers[0].neurons[0].w[0] = Value(0.5).detach()
    optimizer = nn.AdamW(model.parameters() if given else None, lr=0.1, weight_decay=0.5)
    before = [p.data for p in model.parameters()]
    X = [[float(k % 5), float(k % 3)] for k in range(100)]
    nn.fit(model, X, [k % 2 for k in range(100)], optimizer=optimizer, epochs=2, seed=1)
    changed = [p for p, number in zip(model.parameters(), before, strict=True) if p.data != number]
    assert frozen.data == 0.5
    assert len(changed) == len(before) - 1
    with pytest.raises(nn.InputError, match="constant"):
        nn.SGD([frozen])


@pytest.mark.parametrize("wrong", [0.1, 3, True])
def test_a_rate_in_the_place_of_parameters_is_told(wrong):
    with pytest.raises(nn.InputError, match=r"lr=0\.1"):
        nn.Adam(wrong)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (nn.SGD, "momentum", 1.5),
        (nn.SGD, "nesterov", 1),
        (nn.SGD, "clip_norm", -1.0),
        (nn.Adam, "betas", (0.9, 1.0)),
        (nn.Adam, "eps", None),
        (nn.AdamW, "weight_decay", -0.1),
        (nn.RMSprop, "rho", math.nan),
        (nn.Adagrad, "clip_value", "a"),
    ],
)
def test_a_number_that_is_assigned_is_looked_at_like_an_argument(make, name, value):
    optimizer = make()
    before = getattr(optimizer, name)
    with pytest.raises(InputError, match=name.rstrip("s")):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before
    setattr(copy.deepcopy(optimizer), name, before)
    with pytest.raises(InputError, match=name.rstrip("s")):
        make(**{name: value})


def test_a_number_that_there_is_not_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match="did you mean 'weight_decay'"):
        nn.AdamW().weightdecay = 0.5
    with pytest.raises(InputError, match="learning_rate"):
        nn.SGD().learning_rate = 0.5

    class Own(nn.SGD):
        pass

    Own().anything = 3  # a class of the user's may hold what it likes


def test_what_a_run_was_given_is_not_replaced_by_a_callback():
    def replace(run):
        run.optimizer = nn.SGD(lr=0.5)

    with pytest.raises(InputError, match=r"run\.optimizer cannot be replaced"):
        nn.fit(nn.MLP(1, [1], seed=1), [[0.0]], [1.0], loss="mse", callbacks=replace)


@pytest.mark.parametrize("what", ["values", "mean"])
def test_a_rule_that_returns_another_shape_is_told_where_parameters_are_frozen_too(what):
    class Wrong(nn.Optimizer):
        buffer_names = ("mean",)

        def rule(self, values, gradients, buffers, rate):
            if what == "values":
                return values[:-1], buffers
            return values, {"mean": gradients[:-1]}

    model = nn.MLP(2, [3, 2], seed=1)
    model.freeze("layer1.b")
    X, y = np.zeros((80, 2)), np.arange(80) % 2
    with pytest.raises(InputError, match=f"the rule of Wrong returned {what} of shape"):
        nn.fit(model, X, y, optimizer=Wrong(lr=0.1), epochs=3, seed=1)
