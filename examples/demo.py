"""The main job: train a network of Values on real data, check its gradient, draw a graph.

Run it with `make demo`, or `python examples/demo.py` where the package is installed with the extra [demo].
It loads the iris flowers, trains an MLP by minibatch SGD on a regularized cross-entropy, prints the
accuracies, checks the gradient of one example's loss against finite differences, and writes into out/ the
drawing of a small computational graph and the learning curve.
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import autograd_core as ag
import nn
import viz
from autograd_core.checking.check import check_gradients

OUT = Path("out")


def load_data():
    """Return the iris measurements, standardized, and their species, split into training and test set."""
    X, y = load_iris(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


def check_one_example(model, x, label):
    """Return the largest difference between the gradient of one example's loss and its finite differences."""
    report = check_gradients(lambda: nn.cross_entropy(model(x), label), model.parameters())
    return report.largest_error


def draw_small_graph():
    """Draw y = tanh(w x + b) after one backward pass."""
    x, w, b = ag.Value(2.0, "x"), ag.Value(-0.5, "w"), ag.Value(0.3, "b")
    y = (w * x + b).tanh()
    y.label = "y"
    y.backward()
    viz.draw(y).save(OUT / "graph.svg")


def main():
    """Run the main job."""
    OUT.mkdir(exist_ok=True)
    X_train, X_test, y_train, y_test = load_data()
    model = nn.MLP(4, [16, 3], activation="tanh", seed=0)
    print(f"{model!r}, {len(X_train)} training examples")

    history = nn.fit(
        model,
        X_train,
        y_train,
        loss="cross_entropy",
        regularizer=nn.L2(1e-3),
        optimizer=nn.SGD(lr=0.1, momentum=0.9),
        batch_size=16,
        epochs=40,
        seed=0,
        validation=(X_test, y_test),
        progress=True,
    )
    print(f"training accuracy {nn.accuracy(model, X_train, y_train):6.1%}")
    print(f"test accuracy     {nn.accuracy(model, X_test, y_test):6.1%}")

    error = check_one_example(model, X_test[0], int(y_test[0]))
    print(f"gradient of one example's loss against finite differences: largest error {error:.1e}")

    draw_small_graph()
    history.save_plot(OUT / "learning_curve.png")
    print(f"written: {OUT / 'graph.svg'}, {OUT / 'learning_curve.png'}")


if __name__ == "__main__":
    main()
