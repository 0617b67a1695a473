"""Fisher's irises, four measurements, three species: training, and what one example does to every layer.

    python examples/iris.py [--epochs 60] [--out out]

Needs the extras sklearn, plots and progress.
"""

import argparse
import time
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import nn
from nn.reports import layer_report


def data():
    """Training, validation and test set, standardized by the training set's mean and deviation.

    The validation set chooses the epoch to stop at; the test set chooses nothing.
    """
    X, y = load_iris(return_X_y=True)
    X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
    X_train, X_held, y_train, y_held = train_test_split(
        X_rest, y_rest, test_size=0.25, stratify=y_rest, random_state=0
    )
    scaler = StandardScaler().fit(X_train)
    return (
        (scaler.transform(X_train), y_train),
        (scaler.transform(X_held), y_held),
        (scaler.transform(X_test), y_test),
    )


def train(epochs, progress=True):
    """A trained model and the figures of its run."""
    (X_train, y_train), validation, test = data()
    model = nn.MLP(4, [8, 3], activation="tanh", initializer="xavier", seed=0)
    history = nn.fit(
        model,
        X_train,
        y_train,
        loss="cross_entropy",
        regularizer=nn.L2(1e-3),
        optimizer=nn.SGD(lr=0.1, momentum=0.9),
        batch_size=16,
        epochs=epochs,
        stop=nn.Patience(15, restore_best=True),
        seed=0,
        validation=validation,
        progress=progress,
    )
    return model, history, test


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
    print("\nThe first test example, layer by layer:")
    print(layer_report(model, X_test[0], int(y_test[0]), regularizer=nn.L2(1e-3)))
    options.out.mkdir(parents=True, exist_ok=True)
    history.save_plot(options.out / "iris_learning_curve.png")


if __name__ == "__main__":
    main()
