"""History and the plots: what they say and what they draw."""

import dataclasses
import pickle
import sys

import numpy as np
import pytest

import nn
from nn import plots
from nn.errors import InputError
from nn.history import Epoch, History


@pytest.fixture
def history():
    return History(
        [Epoch(k, 10 * k, 2.0 / k, 1.9 / k, 0.1 / k, 1.0, 0.1, k, 2.1 / k, k / 4) for k in (1, 2, 3)],
        stopped="all 3 epochs are done",
    )


def test_columns_and_epochs_are_read_by_index(history):
    assert history["loss"] == [1.9, 0.95, 1.9 / 3]
    assert history[-1].updates == 30
    assert len(history) == len(list(history)) == len(history.rows()) == 3
    assert history.rows()[0]["objective"] == 2.0


def test_a_column_that_does_not_exist_is_answered_with_those_that_do(history):
    with pytest.raises(InputError, match="no column 'accuracy'; it has epoch, updates, objective"):
        history["accuracy"]


def test_the_description_tells_where_the_run_ended(history):
    assert repr(history) == (
        "History(3 epochs, 30 updates, loss 0.6333, validation loss 0.7, validation accuracy 0.75; "
        "stopped: all 3 epochs are done)"
    )
    assert repr(History()) == "History(no epoch yet)"


def test_the_learning_curve_has_a_line_for_each_quantity(history):
    axes = history.plot()
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert set(lines) == {"objective", "loss", "validation loss"}
    assert list(lines["loss"]) == history["loss"]
    right = next(other for other in axes.figure.axes if other is not axes)
    assert list(right.get_lines()[0].get_ydata()) == [0.25, 0.5, 0.75]
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {*lines, "validation accuracy"}


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_learning_curve_is_written_by_its_ending(history, tmp_path, ending, magic):
    path = tmp_path / f"curve.{ending}"
    history.save_plot(path)
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_notebook_shows_the_learning_curve_or_else_the_text(history, monkeypatch):
    assert history._repr_png_().startswith(b"\x89PNG")
    assert History()._repr_png_() is None
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert history._repr_png_() is None


def test_an_empty_history_has_no_plot():
    with pytest.raises(InputError, match="no epoch to plot"):
        History().plot()


def test_the_regions_of_a_decision_boundary_are_the_predictions():
    model = nn.MLP(2, [1], initializer="zeros")
    model.load_state_dict({"layer1.W": [[1.0, 0.0]], "layer1.b": [0.0]})
    axes = plots.plot_decision_boundary(model, [[-1.0, 0.0], [1.0, 0.0]], [0, 1], steps=21)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "1"]
    points = [collection.get_offsets().tolist() for collection in axes.collections[-2:]]
    assert points == [[[-1.0, 0.0]], [[1.0, 0.0]]]


def test_a_decision_boundary_needs_two_inputs():
    with pytest.raises(InputError, match="two inputs"):
        plots.plot_decision_boundary(nn.MLP(3, [1]), np.zeros((4, 3)), [0, 1, 0, 1])


def test_a_confusion_matrix_shows_its_counts_and_names(tmp_path):
    axes = plots.plot_confusion([[3, 1], [0, 4]], ["$x$", "_y"])
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "4"]
    plots.save_figure(axes, tmp_path / "confusion.svg")
    assert (tmp_path / "confusion.svg").stat().st_size > 1000
    with pytest.raises(InputError, match="square"):
        plots.plot_confusion([[1, 2]])


@pytest.mark.parametrize("label", ["$\\frac{1}$", "_hidden", "a$b", "<script>", "\\", "$$"])
def test_labels_are_texts_and_nothing_else(tmp_path, label):
    shown = []
    axes = plots.plot_confusion([[1]], [label])
    shown += [text.get_text() for text in axes.get_xticklabels()]
    plots.save_figure(axes, tmp_path / "c.svg")
    axes = plots.plot_decision_boundary(nn.MLP(2, [2], seed=0), [[0.0, 0.0]], [0], [label], steps=2)
    shown += [text.get_text() for text in axes.get_legend().get_texts()]
    plots.save_figure(axes, tmp_path / "d.svg")
    for text in shown:
        assert text.replace("\\$", "$").strip() == label
        assert text.count("$") == text.count("\\$")  # none begins a formula
    for file in ("c.svg", "d.svg"):
        assert "<script" not in (tmp_path / file).read_text()


def test_a_column_is_read_on_from_where_it_was_left_and_follows_every_change():
    class Counted(Epoch):
        read = 0

        def __getattribute__(self, name):
            Counted.read += name == "loss"
            return super().__getattribute__(name)

    numbers = {"objective": 0.0, "penalty": 0.0, "gradient_norm": 0.0, "lr": 0.1, "seconds": 0.0}
    history, expected = History(), []
    for k in range(1, 101):
        expected.append(1.0 / k)
        history.epochs.append(Counted(k, k, loss=1.0 / k, metrics={"mine": k}, **numbers))
        assert history["loss"] == expected
        assert history["mine"][-1] == k
        history[-1].metrics["mine"] = -k
    assert history["mine"] == [-k for k in range(1, 101)]
    assert Counted.read == 100
    history["loss"].clear()
    history.epochs[3] = dataclasses.replace(history[3], loss=7.0)
    assert history["loss"] == [*expected[:3], 7.0, *expected[4:]]
    del history.epochs[50:]
    assert len(history["loss"]) == 50
    assert pickle.loads(pickle.dumps(History(epochs=[Epoch(1, 1, loss=2.0, **numbers)])))["loss"] == [2.0]
