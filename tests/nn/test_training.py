"""fit: the algorithm, its bits, its interruptions, its messages."""

import math
import os
import random
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nn
from autograd_core import COMPILED, Value, cos, grad, no_grad, sin
from nn.errors import DivergenceError, FileError, InputError
from nn.training import minibatch
from nn.training.problem import Problem


def bits(model):
    return [p.data.hex() for p in model.parameters()]


def net(seed=1, **options):
    return nn.MLP(2, [5, 3], activation="tanh", seed=seed, **options)


class At:
    """A callback that does something at one update."""

    def __init__(self, update, action):
        self.update, self.action = update, action

    def on_update(self, run):
        if run.updates == self.update:
            self.action()


def interrupt():
    raise KeyboardInterrupt


# --- the algorithm


def test_fit_is_the_algorithm_of_the_lecture_bit_for_bit(spiral):
    X, y = spiral
    model, twin = net(), net()
    nn.fit(model, X, y, optimizer=nn.SGD(lr=0.1), regularizer=nn.L2(0.01), batch_size=16, epochs=2, seed=5)
    for epoch in range(2):
        order = minibatch.epoch_order(len(X), 5, epoch)
        for start in range(0, len(X), 16):
            batch = order[start : start + 16]
            twin.zero_grad()
            for i in batch:
                nn.cross_entropy(twin(X[i]), y[i]).backward()
            for p in twin.parameters():
                p.grad = p.grad / len(batch)
            nn.L2(0.01)(twin).backward()
            for p in twin.parameters():
                p.data = p.data - 0.1 * p.grad
    assert bits(model) == bits(twin)


def test_the_gradient_of_a_minibatch_is_the_gradient_of_the_objective(spiral):
    X, y = spiral
    model, twin = net(), net()
    result = minibatch.batch_gradient(
        model.parameters(),
        lambda: minibatch.sum_gradients(lambda i: nn.cross_entropy(model(X[i]), y[15 + i]), range(20)),
        lambda: nn.L1(0.01)(model),
        20,
    )
    J = nn.objective(twin, X[:20], y[15:35], regularizer=nn.L1(0.01))
    J.backward()
    assert result.loss + result.penalty == pytest.approx(J.data, rel=1e-14)
    assert [p.grad for p in model.parameters()] == pytest.approx(
        [p.grad for p in twin.parameters()], rel=1e-12
    )


def test_every_epoch_visits_every_example_once_in_an_order_of_its_own():
    first, second = minibatch.epoch_order(50, 3, 0).tolist(), minibatch.epoch_order(50, 3, 1).tolist()
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first == minibatch.epoch_order(50, 3, 0).tolist()


def test_the_history_tells_whether_a_program_did_the_work_and_why_not(spiral):
    assert nn.fit(net(), *spiral, epochs=2).trained_on.startswith("a Program" if COMPILED else "eager: ")
    assert nn.fit(net(), *spiral, epochs=1).trained_on == "eager: the run is short"

    def loss(f, y):
        return nn.cross_entropy(f, 0) if f[0].data > 0 else nn.cross_entropy(f, 1)

    reason = "its graph cannot be recorded" if COMPILED else "there is no compiled interpreter"
    assert reason in nn.fit(net(), *spiral, loss=loss, epochs=2).trained_on


def test_the_same_seed_gives_the_same_bits_and_another_does_not(spiral):
    runs = []
    for seed in (7, 7, 8):
        model = net()
        nn.fit(model, *spiral, epochs=2, seed=seed)
        runs.append(bits(model))
    assert runs[0] == runs[1] != runs[2]


def test_without_a_seed_one_is_drawn_and_told(spiral):
    first = net()
    history = nn.fit(first, *spiral, epochs=1)
    second = net()
    nn.fit(second, *spiral, epochs=1, seed=history.settings["seed"])
    assert bits(first) == bits(second)


def test_training_learns_and_the_history_tells_how(spiral):
    X, y = spiral
    model = nn.MLP(2, [12, 3], activation="tanh", initializer="glorot", seed=1)
    history = nn.fit(
        model,
        X,
        y,
        optimizer=nn.Adam(lr=0.05),
        regularizer=nn.L2(1e-4),
        batch_size=10,
        epochs=40,
        seed=1,
        validation=(X, y),
    )
    assert nn.accuracy(model, X, y) > 0.95
    assert history[-1].loss < history[0].loss / 4
    assert [e.epoch for e in history] == list(range(1, 41))
    assert history[-1].updates == 240
    last = history[-1]
    assert last.objective == pytest.approx(last.loss + last.penalty)
    assert last.validation_loss == nn.evaluate(model, X, y).loss
    assert last.validation_accuracy == nn.accuracy(model, X, y)
    assert last.lr == 0.05
    assert last.gradient_norm > 0
    assert history.stopped == "all 40 epochs are done"


@pytest.mark.parametrize(
    ("loss", "targets", "outputs"),
    [
        ("mse", lambda y: [float(v) for v in y], 1),
        ("mae", lambda y: [[float(v), 1.0] for v in y], 2),
        ("huber", lambda y: [float(v) for v in y], 1),
        ("binary_cross_entropy", lambda y: [int(v > 0) for v in y], 1),
        ("hinge", lambda y: [1 if v > 0 else -1 for v in y], 1),
        ("hinge", lambda y: y, 3),
        ("nll", lambda y: y, 3),
        ("cross_entropy", lambda y: np.eye(3)[y], 3),
        (lambda f, t: (f - t) * (f - t), lambda y: y, 1),
    ],
)
def test_every_loss_trains(spiral, loss, targets, outputs):
    X, y = spiral
    output = "log_softmax" if loss == "nll" else "linear"
    model = nn.MLP(2, [8, outputs], activation="tanh", output=output, initializer="glorot", seed=1)
    history = nn.fit(model, X, targets(y), loss=loss, optimizer=nn.Adam(lr=0.02), epochs=15, seed=1)
    assert history[-1].loss < 0.8 * history[0].loss


def test_numpy_arrays_and_lists_train_to_the_same_bits(spiral):
    X, y = spiral
    first, second = net(), net()
    nn.fit(first, X, y, epochs=1, seed=1)
    nn.fit(second, np.array(X), np.array(y), epochs=1, seed=1)
    assert bits(first) == bits(second)


def test_a_module_of_ones_own_trains():
    class Line(nn.Module):
        def __init__(self):
            self.w, self.b = Value(0.0), Value(0.0)

        def __call__(self, x):
            return self.w * x[0] + self.b

    line = Line()
    X = [[k / 10] for k in range(-10, 11)]
    nn.fit(
        line, X, [3 * x[0] - 1 for x in X], loss="mse", optimizer=nn.SGD(lr=0.5), epochs=100, batch_size=21
    )
    assert (line.w.data, line.b.data) == pytest.approx((3.0, -1.0), abs=1e-6)


class Slope(nn.Module):
    """Its output is a derivative at a plain number."""

    def __init__(self):
        self.w, self.b = Value(0.7), Value(0.1)

    def __call__(self, x):
        return grad(lambda z: sin(self.w * z))(x[0]) + self.b


@pytest.mark.parametrize("eager", [True, False])
def test_a_derivative_within_the_model_or_the_penalty_trains_what_it_depends_on(monkeypatch, eager):
    if eager:
        monkeypatch.setattr("nn.training.updaters.CHECKED_ROWS", 10**9)
    X = np.linspace(0.0, 1.0, 40)[:, None]
    model = Slope()
    penalty = lambda m: 0.1 * grad(lambda z: m.w * m.b * z * z)(1.5)  # noqa: E731
    nn.fit(model, X, np.cos(2.0 * X[:, 0]), loss="mse", regularizer=penalty, epochs=1, batch_size=40, seed=0)
    w, b = Value(0.7), Value(0.1)
    loss = sum(0.5 * (w * cos(w * x) + b - math.cos(2.0 * x)) ** 2 for x in X[:, 0].tolist()) / 40
    (loss + 0.1 * w * b * 3.0).backward()
    assert model.w.data == pytest.approx(0.7 - 0.01 * w.grad, rel=1e-13)
    assert model.b.data == pytest.approx(0.1 - 0.01 * b.grad, rel=1e-13)


def test_training_a_second_time_goes_on_from_the_optimizers_buffers(spiral):
    model = net()
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    nn.fit(model, *spiral, optimizer=optimizer, epochs=1, seed=1)
    nn.fit(model, *spiral, optimizer=optimizer, epochs=1, seed=1)
    assert optimizer.updates == 4


# --- callbacks, progress, stopping


def test_callbacks_see_every_epoch_and_every_update(spiral):
    seen = []

    class Watch:
        def __call__(self, run):
            seen.append(("epoch", run.epoch, run.history[-1].epoch))

        def on_update(self, run):
            seen.append(("update", run.updates))

    nn.fit(net(), *spiral, batch_size=30, epochs=2, callbacks=Watch())
    assert seen == [
        ("update", 1),
        ("update", 2),
        ("epoch", 1, 1),
        ("update", 3),
        ("update", 4),
        ("epoch", 2, 2),
    ]


def test_a_callback_can_stop_the_run(spiral):
    history = nn.fit(net(), *spiral, epochs=9, callbacks=lambda run: run.epoch == 3)
    assert (len(history), history.stopped) == (3, "a callback asked for it")


def test_a_callback_may_change_the_parameters(spiral):
    def clamp(run):
        for p in run.parameters:
            p.data = min(max(p.data, -0.1), 0.1)

    model = net()
    nn.fit(model, *spiral, epochs=2, callbacks=clamp)
    assert max(abs(p.data) for p in model.parameters()) <= 0.1


@pytest.mark.parametrize("lacking", ["update", "set_postfix_str", "close"])
def test_a_progress_bar_that_lacks_a_method_is_refused_before_training(lacking):
    def bar(**options):
        return SimpleNamespace(**{n: print for n in ("update", "set_postfix_str", "close") if n != lacking})

    model = nn.MLP(2, [2], seed=1)
    before = model.state_dict()
    with pytest.raises(nn.InputError, match=f"no method {lacking}"):
        nn.fit(model, [[1.0, 2.0]], [0], progress=bar)
    assert all((before[name] == now).all() for name, now in model.state_dict().items())


def test_the_progress_bar_counts_updates(spiral, capsys):
    nn.fit(net(), *spiral, batch_size=20, epochs=2, progress=True)
    assert "6/6" in capsys.readouterr().err


def test_without_progress_nothing_is_printed(spiral, capsys):
    nn.fit(net(), *spiral, epochs=1)
    assert capsys.readouterr() == ("", "")


def test_a_progress_factory_of_ones_own_is_used(spiral):
    calls = []

    class Bar:
        def __init__(self, **options):
            calls.append(options["total"])

        def update(self, count):
            calls.append(count)

        def set_postfix_str(self, text):
            calls.append(text.split(",")[0])

        def close(self):
            calls.append("closed")

    nn.fit(net(), *spiral, batch_size=60, epochs=2, progress=Bar)
    assert calls == [2, 1, "epoch 1", 1, "epoch 2", "closed"]


def test_early_stopping_gives_the_best_parameters_back(spiral):
    X, y = spiral
    best = []
    model = net()
    history = nn.fit(
        model,
        X,
        y,
        optimizer=nn.SGD(lr=3.0),
        epochs=60,
        seed=2,
        validation=(X, y),
        stop=nn.Patience(4, restore_best=True),
        callbacks=lambda run: best.append((run.history[-1].validation_loss, bits(run.model))),
    )
    assert len(history) < 60
    assert "validation_loss has not improved for 4 epochs" in history.stopped
    assert bits(model) == min(best)[1]
    assert history.best_epoch == 1 + best.index(min(best))


# --- interruption and resumption

OPTIMIZERS = {
    "sgd": lambda: nn.SGD(lr=0.1),
    "nesterov": lambda: nn.SGD(lr=nn.WarmUp(nn.StepDecay(0.1, 5), 4), momentum=0.9, nesterov=True),
    "adam": lambda: nn.Adam(lr=0.01, clip_norm=1.0),
    "rmsprop": lambda: nn.RMSprop(lr=0.01, centered=True, momentum=0.5),
}


def arguments(optimizer, path):
    return {
        "optimizer": OPTIMIZERS[optimizer](),
        "regularizer": nn.L2(0.01),
        "batch_size": 13,
        "epochs": 3,
        "seed": 4,
        "checkpoint": path,
    }


def without_times(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("update", [1, 4, 7, 15])
def test_an_interrupted_run_resumes_to_the_bits_of_an_uninterrupted_one(spiral, tmp_path, optimizer, update):
    whole = net()
    expected = nn.fit(whole, *spiral, **arguments(optimizer, tmp_path / "whole.safetensors"))
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        nn.fit(net(), *spiral, **arguments(optimizer, path), callbacks=[At(update, interrupt)])
    model = net(seed=99)  # a fresh process would begin with other weights
    history = nn.fit(model, *spiral, **arguments(optimizer, path), resume=True)
    assert bits(model) == bits(whole)
    assert without_times(history) == without_times(expected)


def test_an_interruption_leaves_the_model_at_its_last_whole_update(spiral):
    states = []
    model = net()

    def half_written():
        model.parameters()[0].data = 123.0
        raise KeyboardInterrupt

    class Watch(At):
        def on_update(self, run):
            super().on_update(run)
            states.append(bits(run.model))

    with pytest.raises(KeyboardInterrupt):
        nn.fit(model, *spiral, batch_size=10, callbacks=[Watch(3, half_written)])
    assert len(states) == 2
    assert bits(model) == states[-1]


def test_an_interruption_within_the_sweep_or_the_step_resumes_to_the_same_bits(spiral, tmp_path, monkeypatch):
    whole = net()
    nn.fit(whole, *spiral, **arguments("adam", None))
    path = tmp_path / "run.safetensors"
    rng = random.Random(0)
    model, interrupted = net(), 0
    monkeypatch.setattr("nn.training.updaters.compiled", lambda: False)
    call = Problem.example_loss
    for _ in range(6):
        left = iter([False] * rng.randrange(20, 60) + [True])  # held by what no checkpoint looks into

        def counted(self, *args, left=left):
            if next(left, False):
                raise KeyboardInterrupt
            return call(self, *args)

        monkeypatch.setattr(Problem, "example_loss", counted)
        try:
            nn.fit(model, *spiral, **arguments("adam", path), resume=True)
        except KeyboardInterrupt:
            model, interrupted = net(seed=50), interrupted + 1
    assert interrupted > 2
    nn.fit(model, *spiral, **arguments("adam", path), resume=True)
    assert bits(model) == bits(whole)


# A file whose opening Python is interrupted in is closed by the collector, which says so.
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_at_random_moments_lose_nothing(spiral, tmp_path):
    whole = net()
    nn.fit(whole, *spiral, **arguments("adam", None))
    path = tmp_path / "run.safetensors"
    rng = random.Random(1)
    interruptions = 0
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(40):
            model = net()
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.006))
            try:
                nn.fit(model, *spiral, **arguments("adam", path), resume=True)
            except KeyboardInterrupt:
                interruptions += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert Value(1.0).scope == ""
            assert not (Value(1.0) + 1.0).is_constant
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGALRM, old)
    model = net()
    nn.fit(model, *spiral, **arguments("adam", path), resume=True)
    assert interruptions > 0
    assert bits(model) == bits(whole)


CTRL_C = """
import signal, sys, nn
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
X = [[(k % 17) / 17 - 0.5, (k % 5) / 5 - 0.5] for k in range(120)]
y = [k % 3 for k in range(120)]
model = nn.MLP(2, [5, 3], seed=3)
epochs = int(sys.argv[2])
def speak(run):
    print(run.epoch, flush=True)
nn.fit(model, X, y, optimizer=nn.Adam(lr=0.01), epochs=epochs, seed=1, checkpoint=sys.argv[1], resume=True,
       callbacks=speak)
print([p.data.hex() for p in model.parameters()])
"""


def run_script(path, epochs):
    return subprocess.Popen(
        [sys.executable, "-c", CTRL_C, str(path), str(epochs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_control_c_in_another_process_and_a_second_start_give_the_same_bits(tmp_path):
    process = run_script(tmp_path / "run.safetensors", 20_000)
    for _ in range(3):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert "0x" not in output
    done = nn.training.checkpoints.load_state(tmp_path / "run.safetensors")[0].epoch
    resumed = run_script(tmp_path / "run.safetensors", done + 3)
    whole = run_script(tmp_path / "whole.safetensors", done + 3)
    ends = [process.communicate(timeout=120)[0].splitlines()[-1] for process in (resumed, whole)]
    assert ends[0].startswith("['")
    assert ends[0] == ends[1]


BITS = """
import nn
X = [[(k % 17) / 17 - 0.5, (k % 5) / 5 - 0.5] for k in range(90)]
model = nn.MLP(2, [4, 3], activation="gelu", seed=3)
options = dict(regularizer=nn.ElasticNet(0.01), optimizer=nn.Adam(lr=0.02, clip_norm=0.5), epochs=3, seed=1)
history = nn.fit(model, X, [k % 3 for k in range(90)], validation=(X, [k % 3 for k in range(90)]), **options)
print([p.data.hex() for p in model.parameters()], [e.validation_loss.hex() for e in history])
"""


def test_the_compiled_and_the_uncompiled_engine_train_to_the_same_bits():
    outputs = []
    for uncompiled in ("0", "1"):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUTOGRAD_UNCOMPILED": uncompiled,
        }
        done = subprocess.run([sys.executable, "-c", BITS], capture_output=True, text=True, env=environment)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] != ""


def test_more_epochs_can_be_asked_of_a_finished_run(spiral, tmp_path):
    path = tmp_path / "run.safetensors"
    whole, model = net(), net()
    nn.fit(whole, *spiral, **arguments("adam", None) | {"epochs": 5})
    nn.fit(model, *spiral, **arguments("adam", path))
    history = nn.fit(net(seed=9), *spiral, **arguments("adam", path), resume=True)
    assert history.stopped == "all 3 epochs are done"
    model = net(seed=9)
    nn.fit(model, *spiral, **arguments("adam", path) | {"epochs": 5}, resume=True)
    assert bits(model) == bits(whole)


def test_early_stopping_and_its_best_parameters_survive_an_interruption(spiral, tmp_path):
    X, y = spiral

    def options(path):
        return {
            "optimizer": nn.SGD(lr=3.0),
            "epochs": 60,
            "seed": 2,
            "validation": (X, y),
            "stop": nn.Patience(4, restore_best=True),
            "checkpoint": path,
        }

    whole = net()
    expected = nn.fit(whole, X, y, **options(None))
    path = tmp_path / "run.safetensors"
    late = 2 * expected.best_epoch + 3
    with pytest.raises(KeyboardInterrupt):
        nn.fit(net(), X, y, **options(path), callbacks=[At(late, interrupt)])
    model = net(seed=77)
    history = nn.fit(model, X, y, **options(path), resume=True)
    assert (bits(model), history.best_epoch, len(history)) == (
        bits(whole),
        expected.best_epoch,
        len(expected),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "seed: 4 there, 5 here"),
        ({"batch_size": 14}, "batch_size: 13 there, 14 here"),
        ({"regularizer": nn.L2(0.02)}, "regularizer"),
        ({"optimizer": nn.Adam(lr=0.02)}, "optimizer"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(spiral, tmp_path, change, message):
    path = tmp_path / "run.safetensors"
    nn.fit(net(), *spiral, **arguments("adam", path))
    model = net()
    before = bits(model)
    with pytest.raises(InputError, match=message):
        nn.fit(model, *spiral, **arguments("adam", path) | change, resume=True)
    assert bits(model) == before


def test_a_run_is_not_resumed_with_another_model_of_the_same_size(spiral, tmp_path):
    path = tmp_path / "run.safetensors"
    nn.fit(net(), *spiral, **arguments("adam", path))
    other = nn.MLP(2, [5, 3], activation="relu", seed=1)
    with pytest.raises(InputError, match=r"model: 'MLP\(2 -> 5 tanh .* there, 'MLP\(2 -> 5 relu"):
        nn.fit(other, *spiral, **arguments("adam", path), resume=True)


def test_a_run_is_not_resumed_with_other_data(spiral, tmp_path):
    X, y = spiral
    path = tmp_path / "run.safetensors"
    nn.fit(net(), X, y, **arguments("adam", path))
    with pytest.raises(InputError, match="data: "):
        nn.fit(net(), X, y[::-1], **arguments("adam", path), resume=True)


def test_a_model_is_no_checkpoint(spiral, tmp_path):
    path = tmp_path / "run.safetensors"
    nn.save(net(), path)
    with pytest.raises(FileError, match="not a checkpoint"):
        nn.fit(net(), *spiral, **arguments("adam", path), resume=True)


def test_resuming_needs_a_file_name_and_starts_afresh_without_the_file(spiral, tmp_path):
    with pytest.raises(InputError, match="needs checkpoint="):
        nn.fit(net(), *spiral, resume=True)
    assert len(nn.fit(net(), *spiral, **arguments("sgd", tmp_path / "none.safetensors"), resume=True)) == 3


# --- bad input


def bad(change):
    def data(X, y):
        X, y = [list(row) for row in X], list(y)
        return change(X, y) or (X, y)

    return data


def put(where, value):
    def change(X, y):
        if where == "X":
            X[7][1] = value
        else:
            y[7] = value

    return bad(change)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (put("X", math.nan), r"X\[7, 1\] is nan: every entry must be a finite number"),
        (put("X", math.inf), r"X\[7, 1\] is inf"),
        (put("X", "a"), "X is not an array of numbers"),
        (put("X", 1j), "X is not an array of numbers"),
        (put("y", 3), "label 3 in y is out of range: the model has 3 outputs, so labels go from 0 to 2"),
        (put("y", -1), "label -1 in y is out of range"),
        (put("y", 0.5), "class labels are whole numbers; y has 0.5"),
        (put("y", math.nan), r"y\[7\] is nan"),
        (bad(lambda X, y: (X, y[:-1])), "differ in length: 60 examples, 59 targets"),
        (put("X", 10**400), "X is not an array of numbers: int too large"),
        (bad(lambda X, y: ([], [])), r"X is empty: its shape is \(0,\)$"),
        (bad(lambda X, y: (np.zeros((0, 2)), [])), "X is empty"),
        (bad(lambda X, y: ([row[:1] for row in X], y)), "takes 2 inputs, and the rows of X have 1"),
        (bad(lambda X, y: ([row[0] for row in X], y)), r"reshape\(-1, 1\)"),
        (bad(lambda X, y: ([*X[:-1], [1.0]], y)), "X is not an array of numbers"),
        (bad(lambda X, y: (X, 1)), "must be a sequence"),
        (bad(lambda X, y: (X, [[1.0, 0.0]] * 60)), r"3 outputs, and y has shape \(60, 2\)"),
    ],
)
def test_data_that_cannot_be_used_is_refused_before_anything_changes(spiral, data, message):
    model = net()
    before = bits(model)
    with pytest.raises(InputError, match=message):
        nn.fit(model, *data(*spiral))
    assert bits(model) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": 2.5}, "batch_size must be"),
        ({"epochs": 0}, "epochs must be"),
        ({"loss": "nope"}, "no loss is named"),
        ({"loss": lambda f, y: 1.0}, "must return a Value"),
        ({"optimizer": "nope"}, "no optimizer is named"),
        ({"optimizer": "Adam"}, "did you mean 'adam'"),
        ({"loss": "crossentropy"}, "did you mean 'cross_entropy'"),
        ({"regularizer": nn.L2}, r"L2 is a class: call it, L2\(...\)"),
        ({"stop": nn.Patience}, r"Patience is a class"),
        ({"callbacks": At}, "At is a class"),
        ({"optimizer": nn.SGD(lr=lambda k: -0.1)}, "must be a finite number >= 0, not -0.1"),
        ({"optimizer": nn.SGD(lr=lambda k: math.nan)}, "must be a finite number >= 0, not nan"),
        ({"optimizer": nn.SGD(lr=lambda k: True)}, "must be a finite number >= 0, not True"),
        ({"optimizer": nn.SGD(lr=lambda k: "0.1")}, "must be a finite number >= 0, not '0.1'"),
        ({"loss": "binary_cross_entropy"}, r"3 outputs, and y has shape \(60,\)"),
        ({"validation": ([[1.0]], [0])}, "rows of validation X have 1"),
        ({"validation": ([[1.0, 2.0]], [5])}, "label 5 in validation y"),
        ({"stop": nn.Patience(1)}, "watches validation_loss: give validation="),
        ({"regularizer": 0.1}, "a regularizer is a callable"),
        ({"regularizer": lambda model: 0.1}, "regularizer must return a Value"),
        ({"callbacks": [3]}, "a callback is a function"),
        ({"callbacks": 3}, "a callback is a function"),
        ({"callbacks": "a"}, "a callback is a function"),
        ({"loss": None}, "a loss is a name or a function"),
        ({"optimizer": nn.Adam}, r"an optimizer is .*call the class: SGD\(lr=0.1\)"),
        ({"optimizer": None}, "an optimizer is a name or an Optimizer"),
        ({"optimizer": nn.SGD(net().parameters()[3:])}, "create it without parameters"),
        ({"stop": 5}, "a criterion is a callable"),
        ({"stop": [nn.MaxUpdates(3), 5]}, "a criterion is a callable"),
        ({"validation": 5}, r"validation is a pair \(X, y\)"),
        ({"validation": ([[1.0, 2.0]],)}, r"validation is a pair \(X, y\)"),
        ({"validation": np.zeros((3, 2))}, r"validation is a pair \(X, y\)"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"checkpoint": "/nowhere/at/all/run.safetensors"}, "directory that does not exist"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(spiral, options, message):
    model = net()
    before = bits(model)
    with pytest.raises(InputError, match=message):
        nn.fit(model, *spiral, **options)
    assert bits(model) == before


@pytest.mark.parametrize("model", [None, nn.MLP, 5, lambda row: Value(1.0) * row[0]])
def test_what_is_no_model_is_refused(spiral, model):
    with pytest.raises(InputError, match="a model is a Module"):
        nn.fit(model, *spiral)


def test_one_output_for_two_classes_is_answered_with_the_loss_for_it():
    with pytest.raises(InputError, match="one output use binary_cross_entropy"):
        nn.fit(nn.MLP(1, [1]), [[0.0], [1.0]], [0, 1])


def test_there_is_no_training_without_gradients(spiral):
    with no_grad(), pytest.raises(InputError, match="within no_grad"):
        nn.fit(net(), *spiral)


def test_an_accuracy_is_not_waited_for_where_there_are_no_classes():
    data = [[0.0], [1.0]], [1.0, 2.0]
    with pytest.raises(InputError, match="mse has no classes"):
        nn.fit(nn.MLP(1, [1]), *data, loss="mse", validation=data, stop=nn.Target(0.9, "validation_accuracy"))


def test_numpys_integers_are_whole_numbers_too(spiral):
    n = np.int64(3)
    model, twin = nn.MLP(n - 1, [n + 2, n], activation="tanh", seed=np.int64(1)), net()
    nn.fit(model, *spiral, batch_size=np.int64(16), epochs=np.int8(1), seed=np.int64(4))
    nn.fit(twin, *spiral, batch_size=16, epochs=1, seed=4)
    assert bits(model) == bits(twin)


@pytest.mark.parametrize(
    ("loss", "target", "message"), [("binary_cross_entropy", 2, "0, 1"), ("hinge", 0, "-1 and 1")]
)
def test_targets_outside_the_range_of_the_loss_are_refused(loss, target, message):
    with pytest.raises(InputError, match=message):
        nn.fit(nn.MLP(1, [1]), [[0.0], [1.0]], [target, 1], loss=loss)


def test_a_model_that_returns_something_else_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            return 3.0

    with pytest.raises(InputError, match="must return a Value or a list"):
        nn.fit(Odd(), [[1.0]], [1.0], loss="mse")


def test_a_diverging_run_stops_at_its_last_good_update_and_says_what_to_do():
    model = nn.MLP(1, [1], initializer="zeros")
    states = []

    class Watch:
        def on_update(self, run):
            states.append(bits(run.model))

    X, y = [[1e3], [2e3]], [1.0, 2.0]
    with pytest.raises(DivergenceError, match="Lower the learning rate"):
        nn.fit(model, X, y, loss="mse", optimizer=nn.SGD(lr=1e3), epochs=1000, callbacks=Watch())
    assert states
    assert bits(model) == states[-1]
    assert all(math.isfinite(p.data) for p in model.parameters())


def test_a_run_that_diverges_at_once_changes_nothing():
    model = nn.MLP(1, [1], seed=0)
    before = bits(model)
    with pytest.raises(DivergenceError):
        nn.fit(model, [[1e200]], [1e200], loss="mse")
    assert bits(model) == before


@pytest.mark.parametrize("loss", ["cross_entropy", lambda outputs, label: outputs[label] ** 2])
def test_masked_targets_are_refused(spiral, loss):
    X, y = spiral
    for masked in (y, np.eye(3)[y]):
        with pytest.raises(InputError, match="y is a masked array"):
            nn.fit(net(), X, np.ma.masked_greater(masked, 0), loss=loss)


def test_a_masked_array_that_masks_nothing_will_do(spiral):
    X, y = spiral
    model, twin = net(), net()
    nn.fit(model, np.ma.masked_array(X), np.ma.masked_array(y, np.zeros(len(y), bool)), epochs=1, seed=1)
    nn.fit(twin, X, y, epochs=1, seed=1)
    assert bits(model) == bits(twin)


def test_masked_data_are_refused():
    X = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])
    with pytest.raises(InputError, match="masked array"):
        nn.fit(nn.MLP(2, [2]), X, [0, 1], progress=False)


# --- weights, metrics, data held out


def test_weights_are_factors_of_the_losses(spiral):
    X, y = spiral
    weights = np.linspace(0.0, 2.0, 60)
    model, twin = net(), net()
    nn.fit(model, X, y, sample_weight=weights, batch_size=60, epochs=1, optimizer=nn.SGD(lr=0.1), seed=1)
    for i in minibatch.epoch_order(60, 1, 0).tolist():
        (float(weights[i]) * nn.cross_entropy(twin(X[i]), y[i])).backward()
    for p in twin.parameters():
        p.data = p.data - 0.1 * (p.grad / 60)
    assert bits(model) == bits(twin)


def test_weights_of_classes_multiply_those_of_examples(spiral):
    X, y = spiral
    X, y = X[:50], y[:50]
    made = []
    for options in (
        {"class_weight": "balanced", "sample_weight": np.arange(50)},
        {"sample_weight": np.arange(50) * np.where(np.array(y) == 2, 50 / 30, 50 / 60)},
        {"class_weight": {0: 50 / 60, 1: 50 / 60, 2: 50 / 30}, "sample_weight": np.arange(50)},
    ):
        model = net()
        nn.fit(model, X, y, epochs=2, seed=1, **options)
        made.append(bits(model))
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": [1.0] * 59}, r"shape \(59,\) for 60 examples"),
        ({"sample_weight": [-1.0] * 60}, "no number below 0"),
        ({"sample_weight": [0.0] * 60}, "and one above"),
        ({"sample_weight": [math.nan] * 60}, "sample_weight.*is nan"),
        ({"class_weight": {0: 1.0}}, "no weight for class 1"),
        ({"class_weight": "fair"}, "a dict of labels"),
        ({"class_weight": {0: 1.0, 1: -1.0, 2: 1.0}}, "numbers >= 0"),
        ({"loss": lambda f, y: f[y] * f[y], "class_weight": "balanced"}, "class_weight needs one label"),
        ({"class_weight": {0: 0.0, 1: 0.0, 2: 0.0}}, "class_weight.* is 0 for every example"),
        ({"validation_split": 1.5}, "validation_split must be a number in"),
        ({"validation_split": 0.99999}, "leaves none of 60"),
        ({"validation_split": 0.5, "validation": ([[0.0, 0.0]], [0])}, "not both"),
        ({"metrics": {"f1": lambda y, f: 1.0}}, "give validation="),
        ({"metrics": {"loss": lambda y, f: 1.0}, "validation_split": 0.5}, "does not have yet"),
        ({"metrics": {"f1": 0.5}, "validation_split": 0.5}, "and a function"),
    ],
)
def test_weights_metrics_and_splits_that_make_no_sense_are_refused(spiral, options, message):
    with pytest.raises(InputError, match=message):
        nn.fit(net(), *spiral, **options)


def test_metrics_are_columns_of_the_history_and_can_be_waited_for(spiral, tmp_path):
    def worst(y, f):
        return float(len(y) + f.shape[1])

    options = {
        "metrics": {"worst": worst}, "validation_split": 0.25, "epochs": 6, "seed": 2, "optimizer": "adam",
        "stop": [nn.Patience(2, "worst", mode="min"), nn.Target(0.0, "worst", "min")],
        "checkpoint": tmp_path / "run",
    }  # fmt: skip
    history = nn.fit(net(), *spiral, **options)
    assert len(history["worst"]) == len(history) < 6
    assert "worst" in repr(history)
    assert history.rows()[0]["worst"] == history["worst"][0]
    resumed = nn.fit(net(), *spiral, resume=True, **options | {"optimizer": "adam"})
    assert resumed["worst"] == history["worst"]


def test_what_is_held_out_depends_on_the_seed_alone_and_is_not_trained_on(spiral):
    X, y = spiral
    seen = []

    class Watching(nn.MLP):
        def __call__(self, x):
            seen.append(tuple(float(v) for v in x))
            return super().__call__(x)

    sets = []
    for seed in (1, 1, 2):
        seen.clear()
        nn.fit(Watching(2, [3], seed=0), X, y, validation_split=0.25, epochs=1, seed=seed)
        sets.append(sorted(set(seen)))
    assert sets[0] == sets[1]


def test_balanced_weights_count_the_examples_that_are_trained_on():
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.arange(40) % 4 // 3  # 30 and 10
    seen = []
    nn.fit(
        nn.MLP(2, [2], seed=1),
        X,
        y,
        class_weight="balanced",
        validation_split=0.3,
        epochs=1,
        seed=3,
        callbacks=lambda run: seen.append(run.plan.examples),
    )
    trained = seen[0]
    counts = np.bincount(trained.targets)
    assert counts.tolist() != [21, 7]  # other shares than those of all the data
    assert trained.weights.tolist() == (28 / (2 * counts))[trained.targets].tolist()
