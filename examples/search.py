"""A search over 24 settings of a network, in one process and on a local Dask cluster: the same results.

    python examples/search.py [--workers 2] [--epochs 20]

Needs the extras sklearn and dask.
"""

import argparse
import time

import joblib
from distributed import Client, LocalCluster
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nn.estimators import MLPClassifier

GRID = {
    "mlpclassifier__hidden_layer_sizes": [(4,), (8,)],
    "mlpclassifier__alpha": [1e-4, 1e-2],
    "mlpclassifier__learning_rate_init": [0.003, 0.01, 0.03],
    "mlpclassifier__activation": ["tanh", "relu"],
}


def search(epochs):
    """The search, not yet begun."""
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=epochs, random_state=0))
    return GridSearchCV(pipeline, GRID, cv=3)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args(arguments)
    X, y = load_iris(return_X_y=True)

    start = time.perf_counter()
    alone = search(options.epochs).fit(X, y)
    print(f"one process:   {time.perf_counter() - start:.1f} s, best {alone.best_score_:.1%}")

    cluster = LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        start = time.perf_counter()
        together = search(options.epochs).fit(X, y)
        print(f"Dask cluster:  {time.perf_counter() - start:.1f} s, best {together.best_score_:.1%}")

    same = (alone.cv_results_["mean_test_score"] == together.cv_results_["mean_test_score"]).all()
    print(f"{len(alone.cv_results_['params'])} settings, scores {'equal' if same else 'DIFFERENT'}")
    for name, value in alone.best_params_.items():
        print(f"  {name.removeprefix('mlpclassifier__')}: {value}")


if __name__ == "__main__":
    main()
