"""What a run says when it is interrupted, diverges, or is asked for something that cannot be meant."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.errors import DivergenceError, FileError, InputError, ModelWarning
from tests.nn.test_updaters import Signs, data


def net() -> nn.MLP:
    return nn.MLP(3, [4, 2], seed=1)


class At:
    def __init__(self, update: int) -> None:
        self.at = update

    def on_update(self, run: Any) -> None:
        if run.updates == self.at:
            raise KeyboardInterrupt


def test_an_interruption_carries_the_history() -> None:
    X, y = data(70, 3, 2)
    with pytest.raises(KeyboardInterrupt) as caught:
        nn.fit(net(), X, y, epochs=9, batch_size=10, callbacks=At(16))
    history = caught.value.history  # type: ignore[attr-defined]
    assert [epoch.epoch for epoch in history] == [1, 2]
    assert history.stopped == "KeyboardInterrupt"


@pytest.mark.parametrize("optimizer", [nn.SGD, Signs])
def test_a_divergence_carries_the_history_and_names_epoch_update_and_row(optimizer: Any) -> None:
    X, y = data(70, 3, 2)
    model = nn.MLP(3, [4, 1], seed=1)

    def shoot(run: Any) -> None:
        if run.epoch == 2:
            run.parameters[-1].data = 1e60

    with pytest.raises(DivergenceError, match=r"epoch 3, update 15: row \d+: the loss is 5e\+119;") as caught:
        nn.fit(
            model, X, y, loss="mse", epochs=9, batch_size=10, callbacks=shoot, optimizer=optimizer(lr=0.01)
        )
    assert len(caught.value.history) == 2  # type: ignore[attr-defined]
    assert "Lower the learning rate" in str(caught.value)


@pytest.mark.parametrize("optimizer", [nn.SGD, Signs])
def test_a_loss_beyond_all_measure_is_a_divergence(optimizer: Any) -> None:
    X, _ = data(70, 3, 2)
    with pytest.raises(DivergenceError, match="the loss is"):
        nn.fit(nn.MLP(3, [1], seed=1), X, 1e70 * X[:, 0], loss="mse", optimizer=optimizer(lr=1e-3), epochs=2)


def test_what_is_not_finite_in_the_data_is_said_to_be_in_the_data() -> None:
    X, y = data(70, 3, 2)
    targets = y.astype(float)
    targets[41] = math.nan
    with pytest.raises(DivergenceError, match=r"y\[41\] is nan: the data, not the training"):
        nn.fit(net(), X, targets, loss=lambda f, y: (f[0] - y) * (f[0] - y), epochs=2)


def test_on_update_sees_the_loss_of_its_update() -> None:
    X, y = data(70, 3, 2)
    seen: list[tuple[float, float, float]] = []

    class Watch:
        def on_update(self, run: Any) -> None:
            seen.append((run.loss, run.penalty, run.gradient_norm))

    for optimizer in (nn.SGD, Signs):
        seen.clear()
        first = nn.objective(net(), X.tolist(), y.tolist()).data
        history = nn.fit(
            net(),
            X,
            y,
            batch_size=70,
            epochs=3,
            callbacks=Watch(),
            regularizer=nn.L2(0.1),
            optimizer=optimizer(lr=0.01),
        )
        assert seen[0][0] == pytest.approx(first)
        assert [loss for loss, _, _ in seen] == pytest.approx(history["loss"])
        assert [(penalty, norm) for _, penalty, norm in seen] == list(
            zip(history["penalty"], history["gradient_norm"], strict=True)
        )


@pytest.mark.parametrize(
    ("output", "loss", "message"),
    [
        ("softmax", "cross_entropy", "takes logits, and the model's outputs are probabilities"),
        ("linear", "nll", "takes log-probabilities"),
        ("sigmoid", "binary_cross_entropy", "takes logits, and the model's output is a sigmoid"),
    ],
)
def test_outputs_that_do_not_go_with_the_loss_are_told(output: str, loss: str, message: str) -> None:
    X, y = data(70, 3, 2)
    outputs = 1 if loss == "binary_cross_entropy" else 2
    with pytest.warns(ModelWarning, match=message):
        nn.fit(nn.MLP(3, [outputs], output=output, seed=1), X, y, loss=loss, epochs=1)


# --- checkpoints


def test_a_checkpoint_that_exists_is_not_overwritten_by_another_run(tmp_path: Path) -> None:
    X, y = data(70, 3, 2)
    path = tmp_path / "run"
    nn.fit(net(), X, y, checkpoint=path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"'.*run' exists: resume=True goes on"):
        nn.fit(net(), X, y, checkpoint=path, epochs=1)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="is a directory"):
        nn.fit(net(), X, y, checkpoint=tmp_path, epochs=1)


def test_no_flipped_bit_in_a_checkpoint_is_accepted(tmp_path: Path) -> None:
    X, y = data(70, 3, 2)
    path = tmp_path / "run"
    options: dict[str, Any] = {"checkpoint": path, "epochs": 2, "seed": 1, "resume": True}
    nn.fit(net(), X, y, **options)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(8, len(content), 300).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(damaged))
        model = net()
        try:
            nn.fit(model, X, y, **options)
        except (FileError, InputError):  # or settings that differ
            assert [p.data for p in model.parameters()] == [p.data for p in net().parameters()]
        else:  # what the flip hit is the name of the checksum, and nothing else: the content is whole
            assert b"autograd_core.sha256" not in damaged


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    X, y = data(70, 3, 2)
    left, fresh, other = (
        tmp_path / name for name in (".run.0a1b2c3d.tmp", ".run.11111111.tmp", ".sun.0a1b2c3d.tmp")
    )
    for file in (left, fresh, other):
        file.write_text("half")
    for file in (left, other):
        os.utime(file, (0.0, 0.0))
    nn.fit(net(), X, y, checkpoint=tmp_path / "run", epochs=1)
    assert not left.exists()
    assert fresh.exists()
    assert other.exists()


def test_a_full_disk_names_the_file_and_loses_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "model"
    nn.save(net(), path)
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FileError, match=r"model' cannot be written: .*No space left"):
        nn.save(net(), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_a_rate_that_a_callback_changed_is_kept(tmp_path: Path) -> None:
    X, y = data(70, 3, 2)

    def halve(run: Any) -> None:
        if run.epoch == 2:
            run.optimizer.lr = 0.1 if run.optimizer.lr == 0.2 else 0.05
            run.optimizer.momentum = 0.5

    def options(path: Path) -> dict[str, Any]:
        return {
            "optimizer": nn.SGD(lr=0.2, momentum=0.9),
            "epochs": 5,
            "seed": 1,
            "checkpoint": path,
            "batch_size": 20,
        }

    whole, resumed = net(), net()
    expected = nn.fit(whole, X, y, callbacks=halve, **options(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        nn.fit(net(), X, y, callbacks=[halve, At(14)], **options(tmp_path / "run"))
    history = nn.fit(resumed, X, y, callbacks=halve, resume=True, **options(tmp_path / "run"))
    assert history["lr"] == expected["lr"] == [0.2, 0.2, 0.1, 0.1, 0.1]
    assert [p.data for p in resumed.parameters()] == [p.data for p in whole.parameters()]


def test_a_schedule_that_a_callback_set_is_kept_and_one_that_no_file_can_hold_is_asked_for(
    tmp_path: Path,
) -> None:
    X, y = data(70, 3, 2)
    schedules: list[Any] = [nn.WarmUp(nn.StepDecay(0.1, 3), 4), lambda k: 0.01 / (k + 1)]
    for number, schedule in enumerate(schedules):
        path = tmp_path / f"run{number}"

        def change(run: Any, schedule: Any = schedule) -> None:
            if run.epoch == 1:
                run.optimizer.lr = schedule

        options: dict[str, Any] = {"epochs": 3, "seed": 1, "checkpoint": path, "batch_size": 20}
        with pytest.raises(KeyboardInterrupt):
            nn.fit(net(), X, y, callbacks=[change, At(6)], optimizer=nn.SGD(lr=0.2), **options)
        resumed = nn.SGD(lr=0.2)
        if number:
            with pytest.raises(InputError, match="which a file cannot hold: set it again"):
                nn.fit(net(), X, y, resume=True, optimizer=resumed, **options)
        else:
            nn.fit(net(), X, y, resume=True, optimizer=resumed, **options)
            assert resumed.schedule == schedule


# --- time that grows with the epochs


def test_an_epoch_is_looked_at_once_however_long_the_history(monkeypatch: Any) -> None:
    from nn import history as module

    looked: list[str] = []
    quantity = module.quantity_of
    monkeypatch.setattr(
        module, "quantity_of", lambda epoch, name: (looked.append(name), quantity(epoch, name))[1]
    )
    X, y = data(70, 3, 2)
    for epochs in (50, 100):
        looked.clear()
        stop = nn.Patience(1000, "loss", restore_best=True)
        nn.fit(net(), X, y, epochs=epochs, batch_size=70, stop=stop)
        assert len(looked) <= 6 * epochs


def test_a_checkpoint_walks_over_no_epoch_twice(tmp_path: Path, monkeypatch: Any) -> None:
    from nn.training import checkpoints

    looked = 0
    append = checkpoints._Rows.append

    def counted(rows: Any, row: Any) -> None:
        nonlocal looked
        looked += 1
        append(rows, row)

    monkeypatch.setattr(checkpoints._Rows, "append", counted)
    X, y = data(70, 3, 2)
    nn.fit(net(), X, y, epochs=60, batch_size=70, checkpoint=tmp_path / "run")
    assert looked <= 60 * 12


def test_a_loss_that_is_a_plain_number_for_some_example_is_told() -> None:
    def hinge(output: Any, target: float) -> Any:
        return max(0.0, 1.0 - output * (1.0 if target else -1.0))

    X, y = np.array([[1.0, 0.0], [4.0, 4.0]]), [0.0, 1.0]
    model = nn.MLP(2, [1], seed=1)
    for parameter in model.parameters():
        parameter.data = 1.0
    with pytest.raises(InputError, match=r"row 1: the loss is 0\.0, which has no gradient: .*maximum"):
        nn.fit(model, X, y, loss=hinge, epochs=1, batch_size=2, seed=1)


def test_a_stopping_criterion_among_the_callbacks_is_told() -> None:
    X, y = data(20, 3, 2)
    for criterion in (nn.Patience(3, "loss"), nn.EarlyStopping(), nn.Target(0.1), nn.MaxUpdates(3)):
        for callbacks in (criterion, [criterion]):
            with pytest.raises(InputError, match=r"says when to stop: fit\(\.\.\., stop=\.\.\.\)"):
                nn.fit(net(), X, y, callbacks=callbacks)


def test_a_class_as_activation_and_one_that_no_layer_uses_are_told() -> None:
    with pytest.raises(InputError, match=r"Dropout is a class: call it"):
        nn.MLP(2, [2, 2], activation=nn.Dropout)
    with pytest.raises(InputError, match=r"'Relu'; did you mean 'relu'"):
        nn.MLP(2, [2], activation="Relu")
    with pytest.raises(InputError, match=r"is a text"):
        nn.MLP(2, [2], activation=["relu"])  # type: ignore[arg-type]
    assert nn.MLP(2, [2], activation="softmax").nout == 2
