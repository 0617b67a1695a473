"""The examples reach the accuracies they are there to show."""

import importlib.util
from pathlib import Path

import pytest

import nn
from autograd_core import COMPILED

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


needs_speed = pytest.mark.skipif(
    not COMPILED, reason="takes minutes on the uncompiled engine, whose bits are those of the compiled one"
)


@pytest.mark.parametrize(
    ("name", "epochs", "least"),
    [
        pytest.param("digits", 12, 0.95, marks=needs_speed),
        ("iris", 60, 0.93),
        pytest.param("moons", 60, 0.97, marks=needs_speed),
    ],
)
def test_an_example_reaches_its_test_accuracy(name, epochs, least):
    model, _, (X_test, y_test) = example(name).train(epochs, progress=False)
    assert nn.accuracy(model, X_test, y_test) >= least


@pytest.mark.parametrize(
    ("name", "files"),
    [
        pytest.param("digits", ["digits_confusion.png", "digits_learning_curve.png"], marks=needs_speed),
        ("iris", ["iris_learning_curve.png"]),
        ("moons", ["moons_boundary.png"]),
    ],
)
def test_an_example_runs_as_a_script_and_writes_its_pictures(tmp_path, capsys, name, files):
    example(name).main(["--epochs", "1", "--out", str(tmp_path)])
    assert "test accuracy" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == files
