"""Our MLPClassifier and MLPRegressor side by side with scikit-learn's, and skorch's where it is installed.

Run as ``python -m benchmarks.estimators``. Five data sets of scikit-learn, standardised; three folds; the
same settings on both sides (one hidden layer of 32, Adam, minibatches of 32, 60 epochs, no early stop).
Printed are the mean score (accuracy, or R^2) and the processor seconds of all fits; the rivals take turns.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

OPTIONS: dict[str, Any] = {
    "hidden_layer_sizes": (32,), "solver": "adam", "learning_rate_init": 0.005, "batch_size": 32,
    "max_iter": 60, "n_iter_no_change": 60, "random_state": 0,
}  # fmt: skip


def _skorch(X: Any, y: Any, classes: int) -> Any:
    """The same network in skorch, or None."""
    try:
        import skorch
        import torch
    except ImportError:
        return None
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], 32), torch.nn.ReLU(), torch.nn.Linear(32, max(classes, 1))
    )
    common = {"max_epochs": 60, "batch_size": 32, "lr": 0.005, "optimizer": torch.optim.Adam}
    common |= {"train_split": None, "verbose": 0, "iterator_train__shuffle": True}
    if classes:
        return skorch.NeuralNetClassifier(net, criterion=torch.nn.CrossEntropyLoss, **common)
    return skorch.NeuralNetRegressor(net, **common)


def main() -> None:
    """Print the table."""
    import numpy as np
    from sklearn import datasets, neural_network
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    from nn import estimators

    warnings.simplefilter("ignore")
    print(f"{'':14} {'ours':>7} {'s':>6}   {'sklearn':>7} {'s':>6}   {'skorch':>7} {'s':>6}")
    for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        classes = 0 if name == "diabetes" else len(np.unique(y))
        y = y if classes else (y - y.mean()) / y.std()
        folds = (StratifiedKFold if classes else KFold)(3, shuffle=True, random_state=0)
        kind = "MLPClassifier" if classes else "MLPRegressor"
        scores: list[list[float]] = [[], [], []]
        seconds = [0.0, 0.0, 0.0]
        for train, test in folds.split(X, y):
            rivals = [getattr(module, kind)(**OPTIONS) for module in (estimators, neural_network)]
            inputs, targets = X, y
            for k, model in enumerate([*rivals, _skorch(X, y, classes)]):
                if model is None:
                    continue
                if k == 2:
                    inputs, targets = X.astype(np.float32), y if classes else y.astype(np.float32)[:, None]
                start = time.process_time()
                model.fit(inputs[train], targets[train])
                seconds[k] += time.process_time() - start
                scores[k].append(model.score(inputs[test], targets[test]))
        pairs = zip(scores, seconds, strict=True)
        cells = [f"{np.mean(s):7.3f} {t:6.2f}" if s else " " * 14 for s, t in pairs]
        print(f"{name:14} {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
