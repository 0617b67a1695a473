"""The estimators: scikit-learn's own checks, pipelines, and a search on a Dask cluster."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning
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
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [MLPClassifier(random_state=0), MLPRegressor(random_state=0)],
    expected_failed_checks=lambda estimator: {
        # an example of weight 2 is in one minibatch, two examples may be in two
        "check_sample_weight_equivalence_on_dense_data": "minibatches of other examples"
    },
)
def test_scikit_learns_check_estimator(estimator, check):
    check(estimator)


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_classifier_works_in_a_pipeline_with_names_for_classes():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), random_state=0))
    assert cross_val_score(pipeline, X, names, cv=3).mean() > 0.93
    pipeline.fit(X, names)
    assert pipeline.predict_proba(X).sum(axis=1) == pytest.approx(1.0)
    assert set(pipeline.predict(X)) == set(names)


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_regressor_finds_a_plane_with_one_and_with_two_outputs():
    X, y = make_regression(120, 3, n_targets=2, noise=0.0, random_state=0)
    y = y / y.std(axis=0)
    for targets in (y[:, 0], y):
        model = MLPRegressor((), alpha=0.0, learning_rate_init=0.05, random_state=0).fit(X, targets)
        assert model.score(X, targets) > 0.999
        assert model.predict(X).shape == targets.shape


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_same_random_state_gives_the_same_bits():
    X, y = load_iris(return_X_y=True)
    first, second = (MLPClassifier(max_iter=3, random_state=5).fit(X, y) for _ in range(2))
    assert (first.predict_proba(X) == second.predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_hidden_layer_may_be_given_as_a_number():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(5, max_iter=1, random_state=0).fit(X, y)
    assert [layer.nout for layer in model.model_.layers] == [5, 3]


def test_an_unknown_solver_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="no solver is named 'lbfgs'; there are sgd"):
        MLPClassifier(solver="lbfgs").fit([[0.0], [1.0]], [0, 1])


@needs_speed
def test_early_stopping_keeps_the_best_parameters_and_tells_the_scores():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(
        (8,), early_stopping=True, validation_fraction=0.2, max_iter=300, tol=1e-2, random_state=0
    ).fit(X, y)
    losses = model.history_["validation_loss"]
    assert losses[model.history_.best_epoch - 1] <= min(losses) + model.tol
    assert len(model.validation_scores_) == model.n_iter_ < 300
    assert model.best_loss_ is None


def test_the_matrices_are_those_of_scikit_learn():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier((5,), activation="tanh", max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=2 epochs were made"):
        model.fit(X, y)
    assert [w.shape for w in model.coefs_] == [(4, 5), (5, 3)]
    h = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    logits = h @ model.coefs_[1] + model.intercepts_[1]
    assert model.decision_function(X) == pytest.approx(logits)
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_solvers_have_the_numbers_of_scikit_learn():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(max_iter=1, solver="sgd", momentum=0.5, nesterovs_momentum=False, batch_size="auto")
    settings = model.fit(X, y).history_.settings
    assert "momentum=0.5, nesterov=False" in settings["optimizer"]
    assert settings["batch_size"] == 150
    model = MLPClassifier(max_iter=1, beta_1=0.5, beta_2=0.75, epsilon=1e-3)
    assert "betas=(0.5, 0.75), eps=0.001" in model.fit(X, y).history_.settings["optimizer"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_example_of_weight_two_counts_as_two():
    X, y = load_iris(return_X_y=True)
    twice, weighted = (
        MLPClassifier((4,), alpha=0.0, max_iter=5, batch_size=400, random_state=0) for _ in range(2)
    )
    weights = np.where(y == 2, 2.0, 1.0)
    twice.fit(np.vstack([X, X[y == 2]]), np.append(y, y[y == 2]))
    weighted.fit(X, y, sample_weight=weights * len(X) / weights.sum())
    assert weighted.predict_proba(X) == pytest.approx(twice.predict_proba(X), rel=1e-6)


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
