"""The estimators: scikit-learn's own checks, pipelines, and a search on a Dask cluster."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from autograd_core import COMPILED
from nn.errors import InputError
from nn.estimators import MLPClassifier, MLPRegressor

needs_speed = pytest.mark.skipif(
    not COMPILED, reason="takes minutes on the uncompiled engine, whose bits are those of the compiled one"
)


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([MLPClassifier(random_state=0), MLPRegressor(random_state=0)])
def test_scikit_learns_check_estimator(estimator, check):
    check(estimator)


@needs_speed
def test_the_classifier_works_in_a_pipeline_with_names_for_classes():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), random_state=0))
    assert cross_val_score(pipeline, X, names, cv=3).mean() > 0.93
    pipeline.fit(X, names)
    assert pipeline.predict_proba(X).sum(axis=1) == pytest.approx(1.0)
    assert set(pipeline.predict(X)) == set(names)


@needs_speed
def test_the_regressor_finds_a_plane_with_one_and_with_two_outputs():
    X, y = make_regression(120, 3, n_targets=2, noise=0.0, random_state=0)
    y = y / y.std(axis=0)
    for targets in (y[:, 0], y):
        model = MLPRegressor((), alpha=0.0, learning_rate_init=0.05, random_state=0).fit(X, targets)
        assert model.score(X, targets) > 0.999
        assert model.predict(X).shape == targets.shape


def test_the_same_random_state_gives_the_same_bits():
    X, y = load_iris(return_X_y=True)
    first, second = (MLPClassifier(max_iter=3, random_state=5).fit(X, y) for _ in range(2))
    assert (first.predict_proba(X) == second.predict_proba(X)).all()


def test_one_hidden_layer_may_be_given_as_a_number():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(5, max_iter=1, random_state=0).fit(X, y)
    assert [layer.nout for layer in model.model_.layers] == [5, 3]


def test_an_unknown_solver_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="no solver is named 'lbfgs'; there are sgd"):
        MLPClassifier(solver="lbfgs").fit([[0.0], [1.0]], [0, 1])


def search(epochs):
    """The search of the example, over 24 settings."""
    path = Path(__file__).parents[2] / "examples" / "search.py"
    spec = importlib.util.spec_from_file_location("search", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.search(epochs)


# Dask and the libraries under it raise deprecation warnings of their own.
@needs_speed
@pytest.mark.filterwarnings("ignore")
def test_a_search_over_24_settings_on_a_dask_cluster_finds_what_one_process_finds():
    distributed = pytest.importorskip("distributed")
    import joblib

    X, y = load_iris(return_X_y=True)
    alone = search(6).fit(X, y)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        with joblib.parallel_config(backend="dask"):
            together = search(6).fit(X, y)
        tasks = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(alone.cv_results_["params"]) == 24
    for name in ("split0_test_score", "split1_test_score", "split2_test_score", "rank_test_score"):
        assert (alone.cv_results_[name] == together.cv_results_[name]).all()
    assert alone.best_params_ == together.best_params_
    assert (alone.predict_proba(X) == together.predict_proba(X)).all()
    assert sum(tasks.values()) > 0
