"""Saving and loading: exact, whole, and deaf to damaged or hostile files."""

import json
import math
import os
import struct
import subprocess
import sys

import numpy as np
import pytest

import nn
from nn.errors import FileError, InputError, StateError
from nn.saving import read_tensors, write_tensors
from nn.training.checkpoints import load_state


def bits(model):
    return [p.data.hex() for p in model.parameters()]


@pytest.fixture
def saved(tmp_path):
    model = nn.MLP(3, [4, 2], seed=1)
    path = tmp_path / "model.safetensors"
    nn.save(model, path, {"note": 'é < & "quoted"'})
    return model, path


def test_a_saved_model_loads_with_the_same_bits_and_its_metadata(saved):
    model, path = saved
    other = nn.MLP(3, [4, 2], seed=2)
    assert nn.load(other, path) == {"note": 'é < & "quoted"'}
    assert bits(other) == bits(model)


def test_extreme_numbers_survive(tmp_path):
    model, other = nn.MLP(2, [1]), nn.MLP(2, [1])
    for p, number in zip(model.parameters(), [5e-324, -1.7976931348623157e308, -0.0], strict=True):
        p.data = number
    nn.save(model, tmp_path / "m.safetensors")
    nn.load(other, tmp_path / "m.safetensors")
    assert bits(other) == bits(model)


def test_other_tools_read_the_file(saved):
    from safetensors.numpy import load_file

    model, path = saved
    assert (load_file(path)["layer1.W"] == model.state_dict()["layer1.W"]).all()


def test_a_file_of_single_precision_from_elsewhere_loads(tmp_path):
    from safetensors.numpy import save_file

    state = {name: array.astype(np.float32) for name, array in nn.MLP(2, [1], seed=1).state_dict().items()}
    save_file(state, tmp_path / "m.safetensors")
    model = nn.MLP(2, [1])
    nn.load(model, tmp_path / "m.safetensors")
    assert model.layers[0].neurons[0].w[0].data == float(state["layer1.W"][0, 0])


def test_saving_replaces_a_file_as_a_whole_and_leaves_nothing_beside_it(saved, tmp_path):
    _, path = saved
    other = nn.MLP(3, [4, 2], seed=9)
    nn.save(other, path)
    twin = nn.MLP(3, [4, 2])
    nn.load(twin, path)
    assert bits(twin) == bits(other)
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_failed_save_leaves_the_old_file(saved, monkeypatch):
    _, path = saved
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        nn.save(nn.MLP(3, [4, 2]), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.safetensors"]


def raw(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(shape, offsets, dtype="F64"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HOSTILE = {
    "empty": b"",
    "seven bytes": b"\x01" * 7,
    "a pickle": b"\x80\x04\x95cos\nsystem\n(S'true'\ntR.",
    "text": b"once upon a time, there was no tensor in this file",
    "header longer than the file": struct.pack("<Q", 2**40) + b"{}",
    "header of 2^64 bytes": b"\xff" * 16,
    "header is no JSON": raw(b"{'a': 1}"),
    "header is a list": raw([]),
    "deeply nested header": raw(b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "no entries": raw({}),
    "offsets beyond the end": raw({"layer1.W": entry([4, 3], [0, 96])}, b"\0" * 8),
    "offsets backwards": raw({"layer1.W": entry([4, 3], [96, 0])}, b"\0" * 96),
    "negative offsets": raw({"layer1.W": entry([4, 3], [-96, 0])}, b"\0" * 96),
    "shape overflows": raw({"layer1.W": entry([2**40, 2**40], [0, 8])}, b"\0" * 8),
    "shape differs from the bytes": raw({"layer1.W": entry([4, 4], [0, 96])}, b"\0" * 96),
    "unknown type": raw({"layer1.W": entry([4, 3], [0, 96], "F99")}, b"\0" * 96),
    "whole numbers": raw({"layer1.W": entry([4, 3], [0, 96], "I64")}, b"\0" * 96),
    "overlap": raw({"layer1.W": entry([4, 3], [0, 96]), "layer1.b": entry([4], [0, 32])}, b"\0" * 96),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_or_hostile_file_is_refused_and_changes_nothing(tmp_path, name):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(HOSTILE[name])
    model = nn.MLP(3, [4, 2], seed=1)
    before = bits(model)
    with pytest.raises((FileError, StateError), match=r"bad\.safetensors"):
        nn.load(model, path)
    assert bits(model) == before


def test_every_truncation_of_a_file_is_refused(saved, tmp_path):
    model, path = saved
    whole = path.read_bytes()
    before = bits(model)
    short = tmp_path / "short.safetensors"
    for length in range(0, len(whole), 7):
        short.write_bytes(whole[:length])
        with pytest.raises(FileError, match="damaged or is not a safetensors file"):
            nn.load(model, short)
    assert bits(model) == before


def test_every_flipped_byte_of_a_header_is_refused_or_harmless(saved, tmp_path):
    model, path = saved
    whole = path.read_bytes()
    flipped = tmp_path / "flipped.safetensors"
    target = nn.MLP(3, [4, 2], seed=5)
    for position in range(8 + struct.unpack("<Q", whole[:8])[0]):
        data = bytearray(whole)
        data[position] ^= 0x15
        flipped.write_bytes(data)
        before = bits(target)
        try:
            nn.load(target, flipped)
        except (FileError, StateError):
            assert bits(target) == before
        else:
            assert bits(target) == bits(model)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    from safetensors.numpy import save_file

    state = nn.MLP(2, [1], seed=1).state_dict()
    state["layer1.W"][0, 1] = np.nan
    save_file(state, tmp_path / "m.safetensors")
    with pytest.raises(StateError, match=r"layer1\.W: 1 entries are not finite"):
        nn.load(nn.MLP(2, [1]), tmp_path / "m.safetensors")


def test_another_models_file_is_refused_with_its_name(saved):
    _, path = saved
    with pytest.raises(StateError, match=r"(?s)model\.safetensors.*layer1\.W: shape \(4, 3\)"):
        nn.load(nn.MLP(2, [4, 2]), path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        nn.load(nn.MLP(2, [1]), tmp_path / "nowhere.safetensors")


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(FileError, match="is a folder"):
        nn.load(nn.MLP(1, [1]), tmp_path)
    with pytest.raises(FileError):
        nn.load(nn.MLP(2, [1]), tmp_path)


def test_a_checkpoint_with_words_for_numbers_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    options = {"optimizer": "adam", "seed": 1, "checkpoint": path, "epochs": 2}
    nn.fit(nn.MLP(2, [2], seed=1), X, y, **options)
    tensors, metadata = read_tensors(path)
    header = json.loads(metadata["autograd_core.run"])
    for change in (
        {"epoch": "two"},
        {"batch": -1},
        {"batch": 1.5},
        {"loss": "low"},
        {"history_columns": ["epoch"]},
        {"history_columns": 3},
        {"settings": 3},
        {"loss": math.nan},
    ):
        write_tensors(tensors, path, {"autograd_core.run": json.dumps({**header, **change})})
        with pytest.raises(FileError, match="not a checkpoint"):
            nn.fit(nn.MLP(2, [2], seed=1), X, y, **options, resume=True)


def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.safetensors"
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    options = {"optimizer": "adam", "seed": 1, "checkpoint": path, "epochs": 2}
    nn.fit(nn.MLP(2, [2], seed=1), X, y, **options)
    whole = path.read_bytes()
    model = nn.MLP(2, [2], seed=3)
    before = bits(model)
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError):
            nn.fit(model, X, y, **options, resume=True)
    assert bits(model) == before


@pytest.mark.parametrize(
    ("module", "call", "extra"),
    [
        ("safetensors", "nn.save(nn.MLP(1, [1]), 'x.safetensors')", "save"),
        ("tqdm", "nn.fit(nn.MLP(1, [2]), [[1.0]], [0], progress=True)", "progress"),
        ("matplotlib", "nn.History([nn.Epoch(1, 1, 1.0, 1.0, 0.0, 1.0, 0.1, 1.0)]).plot()", "plots"),
        ("sklearn", "import nn.estimators", "sklearn"),
    ],
)
def test_a_missing_package_is_told_with_the_extra_that_brings_it(tmp_path, module, call, extra):
    code = f"import sys; sys.modules[{module!r}] = None\nimport nn\n{call}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert f'pip install "autograd-core[{extra}]"' in done.stderr
    assert "ImportError" in done.stderr


def test_every_flipped_bit_of_a_checkpoint_is_found(tmp_path):
    path = tmp_path / "run.safetensors"
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    options = {"optimizer": "adam", "seed": 1, "checkpoint": path, "epochs": 2}
    nn.fit(nn.MLP(2, [2], seed=1), X, y, **options)
    content = path.read_bytes()
    for position in range(0, 8 * len(content), 37):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(FileError):
            load_state(path)


def test_a_checkpoint_keeps_measured_nans_and_negative_losses_apart_from_nothing(tmp_path):
    path = tmp_path / "run.safetensors"
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    metrics = {"odd": lambda targets, outputs: math.nan, "big": lambda targets, outputs: math.inf}
    options = {"loss": lambda f, t: -f[int(t)], "optimizer": "adam", "seed": 1, "checkpoint": path}
    model = nn.MLP(2, [2], seed=1)
    nn.fit(model, X, y, epochs=2, validation=(X, y), metrics=metrics, **options)
    assert math.isnan(load_state(path)[1][0].metrics["odd"])
    history = nn.fit(model, X, y, epochs=4, validation=(X, y), metrics=metrics, resume=True, **options)
    assert [math.isnan(value) for value in history["odd"]] == [True] * 4
    assert history["big"] == [math.inf] * 4
    assert len(history["validation_loss"]) == 4
    assert history["validation_accuracy"] == []


def test_a_link_stays_and_the_permissions_are_kept(tmp_path):
    file, link = tmp_path / "model.safetensors", tmp_path / "latest.safetensors"
    link.symlink_to(file)
    nn.save(nn.MLP(2, [1], seed=1), link)
    assert link.is_symlink()
    assert file.is_file()
    file.chmod(0o640)
    nn.save(nn.MLP(2, [1], seed=2), link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    model = nn.MLP(2, [1], seed=3)
    nn.load(model, file)
    assert np.array_equal(model.state_dict()["layer1.W"], nn.MLP(2, [1], seed=2).state_dict()["layer1.W"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in the file system here")
def test_what_is_no_file_is_not_replaced_by_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="something that is no file"):
        nn.save(nn.MLP(2, [1], seed=1), pipe)
    assert pipe.is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("metadata", [{"autograd_core.sha256": "x"}, {"note": "\ud800"}, {"\udfff": ""}])
def test_metadata_that_would_damage_the_file_is_refused(saved, metadata):
    model, path = saved
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"checksum|half of a character"):
        nn.save(model, path, metadata)
    assert path.read_bytes() == before


def test_a_checksum_whose_name_is_damaged_is_missed(saved):
    model, path = saved
    content = path.read_bytes()
    path.write_bytes(content.replace(b"autograd_core.sha256", b"autograd_cora.sha256"))
    with pytest.raises(FileError, match=r"the name of its checksum"):
        nn.load(model, path)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_that_is_not_finite_does_not_replace_a_good_file(saved, bad):
    model, path = saved
    before = path.read_bytes()
    model.layers[0].W[0][1].data = bad
    with pytest.raises(StateError, match=r"layer1\.W: 1 entries are not finite"):
        nn.save(model, path)
    assert path.read_bytes() == before
