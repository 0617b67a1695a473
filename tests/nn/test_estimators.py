"""The estimators: scikit-learn's own checks, pipelines, and a search on a Dask cluster."""

import importlib.util
import inspect
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_iris, load_wine, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.estimator_checks import parametrize_with_checks

import nn
from autograd_core import COMPILED
from nn.errors import InputError
from nn.estimator_base import Watch
from nn.estimators import MLPClassifier, MLPRegressor

needs_speed = pytest.mark.skipif(
    not COMPILED, reason="takes minutes on the uncompiled engine, whose bits are those of the compiled one"
)


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([MLPClassifier(random_state=0), MLPRegressor(random_state=0)])
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
    with pytest.raises(InputError, match="no solver is named 'bfgs'; did you mean 'lbfgs'"):
        MLPClassifier(solver="bfgs").fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("early_stopping", "no"), ("verbose", "x"), ("tol", -1), ("tol", "0"), ("alpha", -1.0),
        ("batch_size", 0), ("batch_size", "all"), ("learning_rate", "fast"), ("learning_rate_init", 0.0),
        ("power_t", -1), ("max_iter", 0), ("max_iter", 2.5), ("shuffle", 1), ("warm_start", "yes"),
        ("momentum", 1.0), ("nesterovs_momentum", None), ("validation_fraction", 0.0),
        ("validation_fraction", 1.0), ("beta_1", 1.0), ("beta_2", -0.1), ("epsilon", 0.0),
        ("n_iter_no_change", 0), ("max_fun", True),
    ],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused_by_its_name(name, value):
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(InputError, match=f"^(no )?{name} (must be|is named) "):
            kind(**{name: value}).fit([[0.0], [1.0]], [0, 1])


@needs_speed
def test_early_stopping_holds_out_of_each_class_its_share_and_keeps_the_best_parameters():
    X, y = load_iris(return_X_y=True)
    X, y = X[:120], y[:120]  # 50, 50 and 20
    seen = []
    model = MLPClassifier((8,), early_stopping=True, validation_fraction=0.2, max_iter=300, random_state=0)
    score = model._score_of
    model._score_of = lambda targets, *rest: (seen.append(targets), score(targets, *rest))[1]
    model.fit(X, y)
    assert np.bincount(seen[0]).tolist() == [10, 10, 4]
    assert model.t_ == model.n_iter_ * 96
    assert len(model.validation_scores_) == model.n_iter_ < 300
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    held_out = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=int(check_random_state(0).randint(2**31 - 1))
    )
    assert (held_out[3] == seen[0]).all()
    assert model.score(held_out[1], held_out[3]) == model.best_validation_score_


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
    assert settings["regularizer"] == f"L2(alpha={1e-4 / 150}, biases=False)"
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


def put(peer, mine):
    """Give scikit-learn's network our first parameters."""
    peer.coefs_, peer.intercepts_ = [w.copy() for w in mine.coefs_], [b.copy() for b in mine.intercepts_]


def wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


SOLVERS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, plain momentum": {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "alpha": {"solver": "sgd", "alpha": 5.0, "learning_rate_init": 0.02, "momentum": 0.0},
    "invscaling": {
        "solver": "sgd", "learning_rate": "invscaling", "momentum": 0.0, "power_t": 0.3,
        "learning_rate_init": 0.3,
    },
}  # fmt: skip


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SOLVERS)
def test_the_solvers_walk_as_scikit_learns(name):
    """From the same parameters, in the same order of the examples, for twelve epochs."""
    X, y = wine()
    near = 1e-4 if name == "adam" else 1e-8  # scikit-learn adds epsilon before the correction of the root
    options = {"batch_size": 89, "shuffle": False, "random_state": 0, "tol": 0.0, **SOLVERS[name]}
    mine = MLPClassifier((6,), "tanh", max_iter=1, warm_start=True, **options).fit(X, y)
    peer = neural_network.MLPClassifier((6,), "tanh", max_iter=1, warm_start=True, **options).fit(X, y)
    put(peer, mine)
    for model in (mine, peer):
        model.set_params(max_iter=12).fit(X, y)
    for a, b in zip([*mine.coefs_, *mine.intercepts_], [*peer.coefs_, *peer.intercepts_], strict=True):
        assert a == pytest.approx(b, abs=near)
    assert mine.loss_curve_[1:] == pytest.approx(peer.loss_curve_[1:], abs=near)
    assert (mine.n_iter_, mine.t_, mine.n_layers_) == (peer.n_iter_, peer.t_, peer.n_layers_)
    assert (mine.n_outputs_, mine.out_activation_) == (peer.n_outputs_, peer.out_activation_)


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_adaptive_rates_fall_and_runs_stop_as_scikit_learns(early_stopping):
    """The same sequence of losses and scores is given to both rules."""
    rng = np.random.default_rng(0)
    losses = np.r_[np.linspace(2, 1, 20), 1 + 0.01 * rng.normal(size=400)].tolist()
    options = {
        "solver": "sgd", "learning_rate": "adaptive", "tol": 1e-3, "n_iter_no_change": 4,
        "early_stopping": early_stopping,
    }  # fmt: skip
    mine, peer = MLPClassifier(**options), neural_network.MLPClassifier(**options)
    mine._start(2, 2, 0)
    peer.loss_curve_, peer._no_improvement_count, peer._best_coefs, peer.coefs_, peer.intercepts_ = (
        [],
        0,
        [],
        [],
        [],
    )
    peer.best_loss_, peer.best_validation_score_, peer.validation_scores_ = np.inf, -np.inf, []
    peer._score = lambda X, y, sample_weight=None: -peer.loss_curve_[-1]
    from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

    theirs = SGDOptimizer([], 0.1, "adaptive")
    run = SimpleNamespace(history=[], optimizer=nn.SGD(lr=0.1), parameters=mine.model_.parameters())
    watch = Watch(mine)
    for loss in losses:
        run.history.append(SimpleNamespace(objective=loss, metrics={"score": -loss}))
        stops = watch(run)
        peer.loss_curve_.append(loss)
        peer._update_no_improvement_count(early_stopping, None, None, None)
        ends = False
        if peer._no_improvement_count > 4:
            ends = theirs.trigger_stopping("", False)
            peer._no_improvement_count = 0
        assert stops == ends
        assert run.optimizer.lr == pytest.approx(theirs.learning_rate, rel=1e-12)
        if ends:
            return
    raise AssertionError("neither stopped")


@needs_speed
def test_lbfgs_finds_what_scikit_learns_finds():
    X, y = wine()
    options = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 500, "tol": 1e-6, "random_state": 0}
    mine = MLPClassifier((), **options).fit(X, y)
    peer = neural_network.MLPClassifier((), **options).fit(X, y)
    assert mine.predict_proba(X) == pytest.approx(peer.predict_proba(X), abs=1e-4)
    assert mine.loss_ == pytest.approx(peer.loss_, rel=1e-6)
    with pytest.raises(AttributeError, match="partial_fit"):
        mine.partial_fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_goes_on_and_refuses_other_classes():
    X, y = wine()
    model = MLPClassifier((4,), max_iter=2, warm_start=True, random_state=0).fit(X, y)
    before = model.coefs_[0]
    model.fit(X, y)
    assert (model.coefs_[0] != before).any()
    assert model.t_ == 4 * len(X)
    assert len(model.loss_curve_) == 4
    with pytest.raises(InputError, match="with warm_start, y has the classes of the first call"):
        model.fit(X[y < 2], y[y < 2])
    cold = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    assert (cold.fit(X, y).coefs_[0] == before).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit_makes_one_epoch_with_the_optimiser_that_is_there():
    X, y = wine()
    model = MLPClassifier((4,), random_state=0)
    with pytest.raises(InputError, match="classes must be given in the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model._solver_in_use.updates == 5
    model.partial_fit(X, y)
    assert model._solver_in_use.updates == 5 + 6
    assert (model.n_iter_, model.t_) == (1, 130 + 178)
    for _ in range(60):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.97
    with pytest.raises(InputError, match="y has the class 3"):
        model.partial_fit(X, y + 1)
    with pytest.raises(InputError, match="does not support early_stopping"):
        MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    regressor = MLPRegressor((4,), random_state=0)
    for _ in range(60):
        regressor.partial_fit(X, y)
    assert regressor.score(X, y) > 0.9
    with pytest.raises(InputError, match="y has 2 columns, and had 1"):
        regressor.partial_fit(X, np.stack([y, y], axis=1))


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_are_rows_of_0_and_1():
    X, y = make_multilabel_classification(150, 6, n_classes=4, random_state=0)
    X = StandardScaler().fit_transform(X)
    model = MLPClassifier((16,), max_iter=150, learning_rate_init=0.02, random_state=0).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.7
    assert model.predict_proba(X) == pytest.approx(1 / (1 + np.exp(-model.decision_function(X))))
    assert model.out_activation_ == "logistic"
    assert model.history_.accuracy_kind == ""
    model.set_params(early_stopping=True).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_


@needs_speed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_poisson_regression_finds_what_scikit_learn_finds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.3 * X[:, 1] + 0.7)).astype(float)
    mine = MLPRegressor((), loss="poisson", solver="lbfgs", alpha=0.0, tol=1e-7, random_state=0).fit(X, y)
    peer = PoissonRegressor(alpha=0.0, tol=1e-8).fit(X, y)
    assert mine.predict(X) == pytest.approx(peer.predict(X), rel=1e-3)
    assert mine.out_activation_ == "exp"
    with pytest.raises(InputError, match="loss='poisson' needs y >= 0"):
        MLPRegressor(loss="poisson").fit(X, -y)
    with pytest.raises(InputError, match="no loss is named 'squared'"):
        MLPRegressor(loss="squared").fit(X, y)


TABLE = Path(__file__).parents[2] / "docs" / "how-to" / "scipy-and-scikit-learn.md"


@pytest.mark.parametrize(
    ("mine", "peer"),
    [(MLPClassifier, neural_network.MLPClassifier), (MLPRegressor, neural_network.MLPRegressor)],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_table_has_every_parameter_and_attribute_of_scikit_learns(mine, peer):
    rows = {
        name for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }  # fmt: skip
    parameters = set(inspect.signature(peer).parameters)
    assert parameters <= set(inspect.signature(mine).parameters)
    X, y = wine()
    attributes = set()
    for early in (False, True):
        fitted = [kind(max_iter=2, early_stopping=early, random_state=0).fit(X, y) for kind in (mine, peer)]
        found = [{name for name in dir(model) if re.fullmatch(r"[a-z]\w*_", name)} for model in fitted]
        assert found[1] <= found[0]
        attributes |= found[1]
    assert parameters | attributes <= rows | {"feature_names_in_"}
    methods = {
        name for name in dir(peer) if re.fullmatch(r"[a-z]\w*[a-z]", name) and callable(getattr(peer, name))
    }
    assert methods <= set(dir(mine)) | {"partial_fit"}


def test_defaults_that_differ_from_scikit_learns_stand_in_the_table():
    told = {
        name: line.split("|")[2]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    for mine, peer in (
        (MLPClassifier, neural_network.MLPClassifier),
        (MLPRegressor, neural_network.MLPRegressor),
    ):
        ours, theirs = (inspect.signature(kind).parameters for kind in (mine, peer))
        for name in theirs:
            pair = [parameters[name].default for parameters in (ours, theirs)]
            pair = [value[0] if isinstance(value, tuple) else value for value in pair]
            if pair[0] != pair[1]:
                numbers = re.findall(r'[\d.]*\d|"auto"', told[name])
                assert all(json.dumps(value) in numbers for value in pair), (name, pair)


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


def loss_of_a_fit(data):
    return MLPClassifier((2,), max_iter=2, random_state=0).fit(*data).loss_


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("broadcast", [False, True])
def test_data_scattered_to_a_dask_worker_that_is_gone_is_lost_unless_others_have_it(broadcast):
    """As the how-to on scikit-learn tells; the workers are threads, of which one is closed."""
    distributed = pytest.importorskip("distributed")
    data = load_iris(return_X_y=True)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        worker = next(iter(cluster.workers.values()))
        on = None if broadcast else [worker.address]
        (scattered,) = client.scatter([data], workers=on, broadcast=broadcast)
        assert len(client.who_has([scattered])[scattered.key]) == 1 + broadcast
        client.sync(worker.close)
        while worker.address in client.scheduler_info()["workers"]:
            time.sleep(0.01)
        fitted = client.submit(loss_of_a_fit, scattered)
        if broadcast:
            assert fitted.result() == loss_of_a_fit(data)
        else:
            with pytest.raises(distributed.client.FutureCancelledError, match="lost dependencies"):
                fitted.result()


def _small(**options):
    return MLPClassifier((2,), max_iter=1, **options)


FEW = np.random.default_rng(0).normal(size=(20, 2))
SIDES = (FEW[:, 0] > 0.0).astype(int)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ({"hidden_layer_sizes": np.array(3)}, [3]),
        ({"hidden_layer_sizes": np.array([3, 2])}, [3, 2]),
        ({"hidden_layer_sizes": range(2, 4)}, [2, 3]),
        ({"verbose": np.False_}, [2]),
    ],
)
def test_what_numpy_gives_is_taken(options, layers):
    model = _small().set_params(**options).fit(FEW, SIDES)
    assert [layer.nout for layer in model.model_.layers] == [*layers, 1]


@pytest.mark.parametrize("sizes", [(n for n in (3, 2)), {3, 2}, {3: 2}, iter([3]), "3"])
def test_sizes_that_cannot_be_read_twice_are_refused(sizes):
    with pytest.raises(InputError, match="hidden_layer_sizes"):
        _small().set_params(hidden_layer_sizes=sizes).fit(FEW, SIDES)
    if isinstance(sizes, type(n for n in ())):
        assert list(sizes) == [3, 2]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "weights", [-np.ones(20), np.r_[np.ones(10), -np.ones(10)], np.r_[np.ones(19), np.nan], np.zeros(20)]
)
def test_weights_that_fit_refuses_are_refused_before_they_are_scaled(estimator, weights):
    with pytest.raises(ValueError, match=r"(?i)sample.weight"):
        estimator((2,), max_iter=1).fit(FEW, SIDES, sample_weight=weights)


def test_weights_of_0_in_all_that_is_held_out_are_told():
    X, y = np.repeat(FEW, 5, axis=0), np.repeat(SIDES, 5)
    weights = np.zeros(100)
    weights[[0, -1]] = 1.0
    with pytest.raises(InputError, match="sample_weight is 0 for all examples that early_stopping holds out"):
        _small(early_stopping=True, random_state=0).fit(X, y, sample_weight=weights)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_rows_of_labels_and_a_warm_start_of_other_sizes():
    from scipy.sparse import csr_array

    rows = np.c_[SIDES, 1 - SIDES]
    model, peer = _small(random_state=0), _small(random_state=0)
    assert np.array_equal(
        model.fit(FEW, csr_array(rows)).predict_proba(FEW), peer.fit(FEW, rows).predict_proba(FEW)
    )
    model.set_params(warm_start=True, hidden_layer_sizes=(7,))
    with pytest.raises(
        InputError, match=r"hidden_layer_sizes=\(7,\), and the network that is there has \[2\]"
    ):
        model.fit(FEW, rows)


def test_the_rates_of_partial_fit_are_those_of_scikit_learn():
    options = {"hidden_layer_sizes": (2,), "solver": "sgd", "learning_rate_init": 0.1, "batch_size": 10}
    mine, peer = (
        kind(learning_rate="invscaling", random_state=0, **options)
        for kind in (MLPRegressor, neural_network.MLPRegressor)
    )
    rate = 0.1
    for rows in (20, 10, 10, 15, 20):
        mine.partial_fit(FEW[:rows], FEW[:rows, 0])
        peer.partial_fit(FEW[:rows], FEW[:rows, 0])
        assert mine.history_[-1].lr == pytest.approx(rate, rel=1e-12)
        rate = peer._optimizer.learning_rate
    mine, peer = (
        kind(learning_rate="adaptive", random_state=0, tol=1.0, n_iter_no_change=2, **options)
        for kind in (MLPRegressor, neural_network.MLPRegressor)
    )
    for _ in range(8):
        mine.partial_fit(FEW, FEW[:, 0])
        peer.partial_fit(FEW, FEW[:, 0])
    assert mine._solver_in_use.lr == pytest.approx(peer._optimizer.learning_rate, rel=1e-12)
    assert mine._solver_in_use.lr < 0.1


def test_a_minimiser_that_ends_at_once_leaves_the_loss():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    model = MLPClassifier((3,), solver="lbfgs", tol=1e3, random_state=1).fit(X, y)
    assert 0.1 < model.loss_ < 10.0


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(estimator):
    X, y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), [0, 1, 1, 0]
    endless = estimator(max_iter=3, random_state=1, solver="sgd", learning_rate_init=1e300)
    with pytest.raises(nn.DivergenceError):
        endless.fit(X, y)
    with pytest.raises(NotFittedError):
        endless.predict(X)

    fitted = estimator(max_iter=30, random_state=1, tol=0.0, n_iter_no_change=99)
    with pytest.warns(ConvergenceWarning):
        found = fitted.fit(X, y).predict(X)
    before = dict(vars(fitted))
    fitted.set_params(solver="sgd", learning_rate_init=1e300)
    with pytest.raises(nn.DivergenceError):
        fitted.fit(np.hstack([X, X]), y)
    assert fitted.n_features_in_ == 2
    assert vars(fitted).keys() == before.keys()
    assert np.array_equal(fitted.predict(X), found)


def blobs():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def everything_of(model):
    """All that a failed call must leave alone."""
    solver = model._solver_in_use
    return {
        "coefs": [w.tolist() for w in [*model.coefs_, *model.intercepts_]],
        "solver": (solver.state_dict(), solver.hyperparameters()),
        **{k: list(v) if isinstance(v, list) else v for k, v in vars(model).items() if k[-1] == "_"},
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_later_update_that_fails_leaves_parameters_solver_and_records(solver, early_stopping):
    X, y = blobs()
    options = {"max_iter": 3, "shuffle": False, "random_state": 0, "warm_start": True}
    for estimator in (MLPClassifier, MLPRegressor):
        model = estimator((3,), solver=solver, early_stopping=early_stopping, **options).fit(X, y)
        before = everything_of(model)
        model.set_params(max_iter=2)
        bad = X.copy()
        bad[40:] *= 1e200  # not in the first minibatch
        with pytest.raises(nn.DivergenceError):
            model.fit(bad, y)
        assert everything_of(model) == before
        if not early_stopping:
            with pytest.raises(nn.DivergenceError):
                model.partial_fit(bad, y)
            assert everything_of(model) == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit_follows_the_parameters_that_are_set_between_its_calls():
    X, y = blobs()
    model = MLPClassifier((3,), solver="lbfgs", max_iter=5, random_state=0).fit(X, y)
    model.set_params(solver="adam").partial_fit(X, y)
    assert type(model._solver_in_use) is nn.Adam
    model.set_params(learning_rate_init=0.5, beta_1=0.25).partial_fit(X, y)
    assert (model._solver_in_use.lr, model._solver_in_use.betas) == (0.5, (0.25, 0.999))
    assert model._solver_in_use.updates == 2 * 5  # the moments are kept
    model.set_params(solver="sgd").partial_fit(X, y)
    assert (type(model._solver_in_use), model._solver_in_use.updates) == (nn.SGD, 5)
    model.set_params(activation="tanh")
    with pytest.raises(InputError, match="activation='tanh', and the network that is there has 'relu'"):
        model.partial_fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_with_early_stopping_keeps_the_best_parameters_of_all_calls():
    X, y = blobs()
    model = MLPClassifier(
        (6,), warm_start=True, early_stopping=True, learning_rate_init=0.3, n_iter_no_change=3,
        validation_fraction=0.3, max_iter=20, random_state=0,
    )  # fmt: skip
    first = model.fit(X, y).coefs_
    best = model.best_validation_score_
    model.fit(X, y)
    assert len(model.validation_scores_) > model.n_iter_
    if model.best_validation_score_ == best:
        assert all((a == b).all() for a, b in zip(first, model.coefs_, strict=True))
    else:
        assert model.best_validation_score_ > best


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_may_be_switched_on_and_off_between_calls():
    X, y = blobs()
    model = MLPClassifier((3,), max_iter=3, warm_start=True, random_state=0).fit(X, y)
    losses = list(model.loss_curve_)
    model.set_params(early_stopping=True).fit(X, y)
    assert model.best_loss_ is None
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_scores_) == 3
    assert model.loss_curve_[:3] == losses
    model.set_params(early_stopping=False).fit(X, y)
    assert (model.validation_scores_, model.best_validation_score_) == (None, None)
    assert model.best_loss_ == min(model.loss_curve_)
    model.set_params(solver="lbfgs", early_stopping=True).fit(X, y)
    model.set_params(solver="adam").fit(X, y)
    assert len(model.validation_scores_) == 3


def test_ctrl_c_leaves_a_fitted_estimator(monkeypatch):
    X, y = blobs()
    call = Watch.__call__

    def third_epoch(self, run):
        if len(run.history) == 3:
            raise KeyboardInterrupt
        return call(self, run)

    monkeypatch.setattr(Watch, "__call__", third_epoch)
    model = MLPClassifier((3,), max_iter=50, random_state=0)
    with pytest.warns(UserWarning, match="Training was interrupted by the user"):
        model.fit(X, y)
    assert model.n_iter_ == len(model.history_)
    assert model.t_ == model.n_iter_ * len(X)
    assert model.loss_ == model.history_[-1].objective
    assert model.history_.stopped == "KeyboardInterrupt"
    assert model.predict(X).shape == y.shape


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_count_as_repetitions_with_a_penalty_too():
    X, y = blobs()
    weights = np.array([1.0, 2.0, 3.0])[y]
    options = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 20, "random_state": 0}
    twice, weighted = MLPClassifier((4,), **options), MLPClassifier((4,), **options)
    twice.fit(X.repeat(weights.astype(int), axis=0), y.repeat(weights.astype(int)))
    weighted.fit(X, y, sample_weight=weights)
    assert weighted.loss_ == pytest.approx(twice.loss_, rel=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weight", [1e-310, 1e-200, 1e200, 1.7e308])
def test_equal_weights_of_any_size_count_alike(weight):
    X, y = blobs()
    plain, weighted = (MLPClassifier((3,), max_iter=2, alpha=0.0, random_state=0) for _ in range(2))
    weighted.fit(X, y, sample_weight=np.full(len(X), weight))
    assert weighted.loss_ == pytest.approx(plain.fit(X, y).loss_, rel=1e-9)
