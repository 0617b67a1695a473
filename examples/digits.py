"""Handwritten digits, 8 x 8 pixels, ten classes: a multilayer perceptron of scalar Values.

    python examples/digits.py [--epochs 12] [--out out]

Needs the extras sklearn, plots and progress. Prints the test accuracy and writes the learning curve and the
confusion matrix.
"""

import argparse
import time
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nn
from nn.plots import plot_confusion, save_figure


def data():
    """Training and test set; pixels from 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16.0, y, test_size=0.25, stratify=y, random_state=0)


def train(epochs, progress=True):
    """A trained model and the figures of its run."""
    X_train, X_test, y_train, y_test = data()
    model = nn.MLP(64, [32, 10], activation="relu", initializer="he", seed=0)
    history = nn.fit(
        model,
        X_train,
        y_train,
        loss="cross_entropy",
        regularizer=nn.L2(1e-4),
        optimizer=nn.Adam(lr=nn.CosineDecay(0.01, steps=epochs * 43)),
        batch_size=32,
        epochs=epochs,
        seed=0,
        validation=(X_test, y_test),
        progress=progress,
    )
    return model, history, (X_test, y_test)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    model, history, (X_test, y_test) = train(options.epochs)
    print(model)
    print(history)
    print(f"test accuracy {nn.accuracy(model, X_test, y_test):.1%} after {time.perf_counter() - start:.1f} s")
    options.out.mkdir(parents=True, exist_ok=True)
    history.save_plot(options.out / "digits_learning_curve.png")
    matrix = nn.confusion_matrix(y_test, nn.predict_labels(model, X_test))
    save_figure(plot_confusion(matrix), options.out / "digits_confusion.png")


if __name__ == "__main__":
    main()
