"""Two moons, the data of micrograd's demo: one output, a border at 0, a picture of it.

    python examples/moons.py [--epochs 60] [--out out]

Needs the extras sklearn, plots and progress.
"""

import argparse
import time
from pathlib import Path

from sklearn.datasets import make_moons

import nn
from nn.plots import plot_decision_boundary, save_figure


def data():
    """Training and test set."""
    X, y = make_moons(n_samples=600, noise=0.1, random_state=0)
    return X[:300], X[300:], y[:300], y[300:]


def train(epochs, progress=True):
    """A trained model and the figures of its run."""
    X_train, X_test, y_train, y_test = data()
    model = nn.MLP(2, [16, 16, 1], activation="relu", initializer="he", seed=0)
    history = nn.fit(
        model,
        X_train,
        y_train,
        loss="binary_cross_entropy",
        regularizer=nn.L2(1e-4),
        optimizer=nn.Adam(lr=0.01),
        batch_size=32,
        epochs=epochs,
        stop=nn.Target(0.01),
        seed=0,
        validation=(X_test, y_test),
        progress=progress,
    )
    return model, history, (X_test, y_test)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    model, history, (X_test, y_test) = train(options.epochs)
    print(model)
    print(history)
    print(f"test accuracy {nn.accuracy(model, X_test, y_test):.1%} after {time.perf_counter() - start:.1f} s")
    options.out.mkdir(parents=True, exist_ok=True)
    axes = plot_decision_boundary(model, X_test, y_test)
    save_figure(axes, options.out / "moons_boundary.png")


if __name__ == "__main__":
    main()
