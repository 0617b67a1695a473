"""The examples reach the accuracies they are there to show."""

import importlib.util
from pathlib import Path

import pytest

import nn

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "epochs", "least"), [("digits", 12, 0.95), ("iris", 60, 0.93), ("moons", 60, 0.97)]
)
def test_an_example_reaches_its_test_accuracy(name, epochs, least):
    model, _, (X_test, y_test) = example(name).train(epochs, progress=False)
    assert nn.accuracy(model, X_test, y_test) >= least


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("digits", ["digits_confusion.png", "digits_learning_curve.png"]),
        ("iris", ["iris_learning_curve.png"]),
        ("moons", ["moons_boundary.png"]),
    ],
)
def test_an_example_runs_as_a_script_and_writes_its_pictures(tmp_path, capsys, name, files):
    example(name).main(["--epochs", "1", "--out", str(tmp_path)])
    assert "test accuracy" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == files
