"""scikit-learn estimators over `nn.fit` (extra ``[sklearn]``): for pipelines, cross-validation and searches.

The arguments and attributes have the names they have in `sklearn.neural_network`, and the solvers and
stopping rules are its own; the how-to on scikit-learn has the table of what is the same and what differs. A
fitted estimator pickles, so joblib's backends (processes, threads, Dask) can carry it to their workers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from autograd_core import parameters_to_vector, vector_to_parameters
from nn.errors import InputError, unknown
from nn.layers import MLP
from nn.metrics import predict
from nn.minimizers import LBFGS
from nn.optimizers import OPTIMIZERS, SGD, Optimizer
from nn.regularizers import L2
from nn.training.loop import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the message is tested in a fresh process
    raise ImportError(
        'nn.estimators needs scikit-learn 1.6 or later: pip install "autograd-core[sklearn]"'
    ) from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MLPClassifier", "MLPRegressor"]


def _real(low: float, high: float = math.inf, strict: bool = False) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        number = isinstance(value, Real) and not isinstance(value, bool)
        return number and (low < value if strict else low <= value) and value <= high

    return check


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _truth(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ == "bool_"


_RATES = ("constant", "invscaling", "adaptive")
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": (_real(0.0), "a number >= 0"),
    "batch_size": (lambda v: v == "auto" or _whole(v), '"auto" or a whole number >= 1'),
    "learning_rate": (lambda v: isinstance(v, str) and v in _RATES, f"one of {', '.join(_RATES)}"),
    "learning_rate_init": (_real(0.0, strict=True), "a number > 0"),
    "power_t": (_real(0.0), "a number >= 0"),
    "max_iter": (_whole, "a whole number >= 1"),
    "shuffle": (_truth, "True or False"),
    "tol": (_real(0.0), "a number >= 0"),
    "verbose": (lambda v: _truth(v) or (isinstance(v, Integral) and int(v) >= 0), "True, False or a count"),
    "warm_start": (_truth, "True or False"),
    "momentum": (_real(0.0, math.nextafter(1.0, 0.0)), "in [0, 1)"),
    "nesterovs_momentum": (_truth, "True or False"),
    "early_stopping": (_truth, "True or False"),
    "validation_fraction": (_real(0.0, math.nextafter(1.0, 0.0), strict=True), "in (0, 1)"),
    "beta_1": (_real(0.0, math.nextafter(1.0, 0.0)), "in [0, 1)"),
    "beta_2": (_real(0.0, math.nextafter(1.0, 0.0)), "in [0, 1)"),
    "epsilon": (_real(0.0, strict=True), "a number > 0"),
    "n_iter_no_change": (lambda v: _whole(v) or v == math.inf, "a whole number >= 1, or infinity"),
    "max_fun": (_whole, "a whole number >= 1"),
}


@dataclass(frozen=True)
class _InverseScaling:
    """rate / (t + 1)^power from the second epoch on, t the examples that were trained on so far."""

    rate: float
    power: float
    updates: int
    examples: int
    before: int

    def __call__(self, k: int) -> float:
        epochs = k // self.updates
        seen = self.before + epochs * self.examples if epochs else 0
        return float(self.rate / (seen + 1) ** self.power)


class _Watch:
    """scikit-learn's rules of stopping, as a callback: no improvement by `tol` for too many epochs.

    Args:
        estimator: whose numbers count.
    """

    def __init__(self, estimator: _MLPEstimator) -> None:
        self.estimator, self.waited = estimator, 0
        self.best_values: Any = None

    def __call__(self, run: Any) -> bool:
        """Keep score; True stops the run."""
        it, last = self.estimator, run.history[-1]
        it.loss_curve_.append(last.objective)
        if it.early_stopping:
            score = last.metrics["score"]
            it.validation_scores_.append(score)
            worse = score < it.best_validation_score_ + it.tol
            if score > it.best_validation_score_:
                it.best_validation_score_ = score
                self.best_values = parameters_to_vector(run.parameters)
        else:
            worse = last.objective > it.best_loss_ - it.tol
            it.best_loss_ = min(it.best_loss_, last.objective)
        self.waited = self.waited + 1 if worse else 0
        if self.waited <= it.n_iter_no_change:
            return False
        if it.solver == "sgd" and it.learning_rate == "adaptive" and run.optimizer.lr > 1e-6:
            run.optimizer.lr = run.optimizer.lr / 5.0
            self.waited = 0
            return False
        return True


class _MLPEstimator(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share: the arguments and the calls of `nn.fit`."""

    best_loss_: Any
    best_validation_score_: Any
    validation_scores_: Any

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = 32,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.01,
        power_t: float = 0.5,
        max_iter: int = 100,
        shuffle: bool = True,
        initializer: str = "glorot",
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 10,
        max_fun: int = 15000,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.initializer = initializer
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    def _check_parameters(self) -> None:
        for name, (is_right, told) in _CHECKS.items():
            if not is_right(getattr(self, name)):
                raise InputError(f"{name} must be {told}, not {getattr(self, name)!r}")
        if self.solver != "lbfgs" and self.solver not in OPTIMIZERS:
            raise unknown("solver", self.solver, [*OPTIMIZERS, "lbfgs"])

    def _optimizer(self, updates: int, examples: int) -> Optimizer:
        """The solver with its numbers.

        Args:
            updates: in an epoch.
            examples: in an epoch.
        """
        rate: Any = self.learning_rate_init
        if self.solver == "lbfgs":
            return LBFGS(gtol=self.tol, maxfun=self.max_fun)
        if self.solver == "sgd":
            nesterov = bool(self.nesterovs_momentum and self.momentum)
            if self.learning_rate == "invscaling":
                rate = _InverseScaling(rate, self.power_t, updates, examples, self.t_)
            return SGD(lr=rate, momentum=self.momentum, nesterov=nesterov)
        if self.solver in ("adam", "adamw"):
            return OPTIMIZERS[self.solver](lr=rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon)
        return OPTIMIZERS[self.solver](lr=rate)

    def _start(self, inputs: int, outputs: int, seed: int) -> None:
        """A fresh network, and empty records."""
        hidden = self.hidden_layer_sizes
        sizes = [hidden] if isinstance(hidden, Integral) else list(hidden)  # type: ignore[arg-type]
        self.model_ = MLP(
            inputs,
            [*map(int, sizes), outputs],
            activation=self.activation,
            initializer=self.initializer,
            seed=seed,
        )
        self.n_layers_, self.n_outputs_ = len(self.model_.layers) + 1, outputs
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self._solver_in_use: Optimizer | None = None
        early = bool(self.early_stopping) and self.solver != "lbfgs"
        self.best_loss_ = None if early else math.inf
        self.validation_scores_ = [] if early else None
        self.best_validation_score_ = -math.inf if early else None

    def _train(
        self, X: NDArray[Any], y: NDArray[Any], outputs: int, weights: Any, again: bool, partial: bool
    ) -> None:
        """Train on examples that have been looked at.

        Args:
            X: the examples.
            y: the targets, as the loss takes them.
            outputs: of the network.
            weights: of the examples, or None.
            again: is the network there already?
            partial: one epoch, with the optimiser that is there?
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if not again:
            self._start(X.shape[1], outputs, seed)
        X, y, weights, held_out, score = self._held_out(X, y, weights, partial, seed)
        size = min(200 if self.batch_size == "auto" else int(self.batch_size), len(X))
        if self.solver == "lbfgs":
            size = len(X)
        solver = self._solver_in_use if partial else None
        self._solver_in_use = solver or self._optimizer(-(-len(X) // size), len(X))
        watch = _Watch(self)
        epochs = 1 if partial else self.max_iter
        self.history_ = fit(
            self.model_,
            X,
            y,
            loss=self._loss(),
            regularizer=L2(self.alpha / size) if self.alpha else None,
            optimizer=self._solver_in_use,
            batch_size=size,
            epochs=epochs,
            seed=seed + self.t_ // len(X) if again else seed,
            shuffle=bool(self.shuffle),
            sample_weight=None if weights is None else weights * (len(X) / weights.sum()),
            validation=held_out,
            metrics=None if held_out is None else {"score": score},
            callbacks=() if self.solver == "lbfgs" else watch,
            progress=bool(self.verbose),
        )
        self.n_iter_ = len(self.history_)
        if watch.best_values is not None:
            vector_to_parameters(watch.best_values, self.model_.parameters())
        self.loss_ = self.history_[-1].objective if self.n_iter_ else math.nan
        if self.solver == "lbfgs":
            self.best_loss_ = self.loss_
        else:
            self.t_ += self.n_iter_ * len(X)
        if not partial and self.history_.stopped == f"all {self.max_iter} epochs are done":
            warnings.warn(
                f"max_iter={self.max_iter} epochs were made, and {self.solver!r} has not converged yet (tol="
                f"{self.tol}, n_iter_no_change={self.n_iter_no_change})",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _held_out(self, X: Any, y: Any, weights: Any, partial: bool, seed: int) -> Any:
        """Examples to train on with their weights, those held out, and how they are scored."""
        if partial and self.early_stopping:
            raise InputError("partial_fit does not support early_stopping=True")
        if not self.early_stopping or self.solver == "lbfgs":
            return X, y, weights, None, None
        parts = train_test_split(
            X,
            y,
            *(() if weights is None else (weights,)),
            random_state=seed,
            test_size=self.validation_fraction,
            stratify=y if self._is_stratified() else None,
        )
        if len(parts[1]) < 2:
            raise InputError(
                "the validation set is too small: increase validation_fraction, or the number of examples"
            )
        kept = parts[5] if weights is not None else None

        def score(targets: Any, outputs: Any) -> float:
            return float(self._score_of(targets, outputs, kept))

        return parts[0], parts[2], parts[4] if weights is not None else None, (parts[1], parts[3]), score

    def _loss(self) -> str:
        raise NotImplementedError

    def _is_stratified(self) -> bool:
        return False

    def _score_of(self, targets: Any, outputs: Any, weights: Any) -> float:
        raise NotImplementedError

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """The weight matrices, shape (inputs, outputs) of each layer, as in scikit-learn."""
        import numpy as np

        check_is_fitted(self)
        return [np.array([[w.data for w in row] for row in layer.W]).T for layer in self.model_.layers]

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """The bias vectors, one a layer."""
        import numpy as np

        check_is_fitted(self)
        return [np.array([b.data for b in layer.b]) for layer in self.model_.layers]

    def _outputs(self, X: Any) -> NDArray[Any]:
        import numpy as np

        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return np.reshape(predict(self.model_, X), (len(X), self.n_outputs_))

    def _is_stochastic(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is only for stochastic solvers, and lbfgs is none")
        return True


class MLPClassifier(ClassifierMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron of Values that tells classes apart: softmax, or for two classes a logit.

    Args:
        hidden_layer_sizes: the numbers of neurons of the hidden layers, or one number for one layer.
        activation: of the hidden layers, see `nn.activations`.
        solver: "sgd", "adagrad", "rmsprop", "adam", "adamw" or "lbfgs".
        alpha: of the L2 penalty, alpha/2 sum w^2 divided by the size of the minibatch, as in scikit-learn.
        batch_size: the size of a minibatch; "auto" is min(200, examples). "lbfgs" takes all examples.
        learning_rate: of "sgd": "constant"; "invscaling", learning_rate_init / (t + 1)^power_t; "adaptive",
            a fifth where the others would stop.
        learning_rate_init: the learning rate.
        power_t: of "invscaling".
        max_iter: epochs, or iterations of "lbfgs", at most.
        shuffle: in every epoch.
        initializer: see `nn.initializers`.
        random_state: seed of weights, shuffles and of the examples held out.
        tol: what loss or score must get better by, and the largest component of the gradient of "lbfgs".
        verbose: show a progress bar.
        warm_start: `fit` goes on from the parameters that are there.
        momentum: of "sgd", in [0, 1).
        nesterovs_momentum: of "sgd".
        early_stopping: hold examples out (of each class its share), stop by their score, keep the best
            parameters.
        validation_fraction: the share held out.
        beta_1: of "adam" and "adamw".
        beta_2: of "adam" and "adamw".
        epsilon: of "adam" and "adamw".
        n_iter_no_change: stop after more epochs than that without improvement.
        max_fun: evaluations of "lbfgs", at most.

    Attributes:
        classes_: the classes.
        coefs_: the weight matrices, as scikit-learn has them.
        intercepts_: the bias vectors.
        loss_: the objective of the last epoch.
        best_loss_: the least objective; None with early_stopping.
        loss_curve_: the objective, epoch by epoch, over all calls since the network was made.
        validation_scores_: with early_stopping the accuracy (of a regressor R^2) held out, else None.
        best_validation_score_: the largest of them.
        n_iter_: the epochs of the last call.
        t_: the examples that were trained on.
        n_layers_: the layers, the input counted.
        n_outputs_: the outputs of the network.
        out_activation_: "softmax", "logistic", "identity" or "exp".
        model_: the `nn.MLP`.
        history_: the `nn.History` of the last call.

    Example:
        >>> model = MLPClassifier((4,), solver="lbfgs", max_iter=200, random_state=0)
        >>> model.fit([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]).predict([[0.0, 1.0]])
        array([1])
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on X, shape (n_samples, n_features), and y: labels, or rows of 0 and 1 (multilabel)."""
        return self._fit(X, y, sample_weight, None, False)

    @available_if(_MLPEstimator._is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One epoch more. The first call needs `classes`, all that will come; they may be missing in y."""
        return self._fit(X, y, sample_weight, classes, True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, classes: Any, partial: bool) -> MLPClassifier:
        import numpy as np

        self._check_parameters()
        again = hasattr(self, "model_") and (partial or bool(self.warm_start))
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, reset=not again)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        is_multilabel = type_of_target(y).startswith("multilabel")
        if y.ndim == 2 and not is_multilabel:
            raise InputError(f"y is of type {type_of_target(y)}: give labels, or rows of 0 and 1")
        if not again:
            if partial and classes is None and not is_multilabel:
                raise InputError("classes must be given in the first call of partial_fit")
            found = np.arange(y.shape[1]) if is_multilabel else np.unique(y if classes is None else classes)
            self.classes_, self._multilabel = found, is_multilabel
        elif partial and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(f"classes={classes!r} are not those of the first call, {self.classes_!r}")
        if len(self.classes_) < 2 and not is_multilabel:
            raise InputError(
                f"a classifier needs at least 2 classes, and y has one class, {self.classes_[0]!r}"
            )
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        binary = len(self.classes_) == 2 and not is_multilabel
        self.out_activation_ = "logistic" if binary or is_multilabel else "softmax"
        outputs = 1 if binary else len(self.classes_)
        self._train(X, self._targets(y, again and not partial), outputs, weights, again, partial)
        return self

    def _targets(self, y: NDArray[Any], must_be_all: bool) -> NDArray[Any]:
        """The labels as numbers, or rows of 0 and 1.

        Raises:
            InputError: there are others than in the first call.
        """
        import numpy as np

        if self._multilabel != (y.ndim == 2) or (y.ndim == 2 and y.shape[1] != len(self.classes_)):
            raise InputError("y has other labels than in the call before")
        if y.ndim == 2:
            return np.asarray(y, dtype=np.float64)
        strangers = ~np.isin(y, self.classes_)
        if strangers.any():
            raise InputError(
                f"y has the class {y[strangers].tolist()[0]!r}, which is not in {self.classes_!r}"
            )
        if must_be_all and len(np.unique(y)) < len(self.classes_):
            raise InputError(f"with warm_start, y has the classes of the first call, {self.classes_!r}")
        return np.searchsorted(self.classes_, y)

    def _loss(self) -> str:
        return "cross_entropy" if self.out_activation_ == "softmax" else "binary_cross_entropy"

    def _is_stratified(self) -> bool:
        return not self._multilabel

    def _labels(self, outputs: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        if self._multilabel:
            rows: NDArray[Any] = (outputs > 0.0).astype(np.int64)
            return rows
        found: NDArray[Any] = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.0) * 1
        return found

    def _score_of(self, targets: Any, outputs: Any, weights: Any) -> float:
        found = self._labels(outputs.reshape(len(targets), -1))
        score: float = accuracy_score(targets, found, sample_weight=weights)
        return score

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row of X; of several labels rows of 0 and 1."""
        found = self._labels(self._outputs(X))
        return found if self._multilabel else self.classes_[found]

    def decision_function(self, X: Any) -> NDArray[Any]:
        """The logits, shape (n_samples, n_classes); of two classes shape (n_samples,)."""
        logits = self._outputs(X)
        return logits[:, 0] if logits.shape[1] == 1 and not self._multilabel else logits

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithms of `predict_proba`."""
        import numpy as np

        logits = self._outputs(X)
        if self.out_activation_ == "logistic":
            if self._multilabel:
                logits = -logits
            else:
                logits = np.concatenate([logits, -logits], axis=1)
            found: NDArray[Any] = -np.logaddexp(0.0, logits)
            return found
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probabilities: NDArray[Any] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return log_probabilities

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probabilities, shape (n_samples, n_classes); of several labels that of each."""
        import numpy as np

        probabilities: NDArray[Any] = np.exp(self.predict_log_proba(X))
        return probabilities

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron of Values that predicts numbers.

    Args:
        loss: "squared_error" (half of it), or "poisson": an output is the logarithm z of a rate, and
            L = exp(z) - y z.
        **parameters: those of `MLPClassifier`.

    Attributes:
        model_: the `nn.MLP`; the others are those of `MLPClassifier`.

    Example:
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, random_state=0)
        >>> model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[3.0]]).round(3)
        array([7.])
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "relu",
        *,
        loss: str = "squared_error",
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = 32,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.01,
        power_t: float = 0.5,
        max_iter: int = 100,
        shuffle: bool = True,
        initializer: str = "glorot",
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 10,
        max_fun: int = 15000,
    ) -> None:
        given: Mapping[str, Any] = {
            k: v for k, v in locals().items() if k not in ("self", "loss", "__class__")
        }
        super().__init__(**given)
        self.loss = loss

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on X, shape (n_samples, n_features), and y, shape (n_samples,) or (n_samples, n_outputs)."""
        return self._fit(X, y, sample_weight, False)

    @available_if(_MLPEstimator._is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One epoch more, over these examples."""
        return self._fit(X, y, sample_weight, True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, partial: bool) -> MLPRegressor:
        import numpy as np

        self._check_parameters()
        if self.loss not in ("squared_error", "poisson"):
            raise unknown("loss", self.loss, ("squared_error", "poisson"))
        again = hasattr(self, "model_") and (partial or bool(self.warm_start))
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=not again)
        y = np.asarray(y, dtype=np.float64)
        if self.loss == "poisson" and ((y < 0.0).any() or not y.any()):
            raise InputError("loss='poisson' needs y >= 0, and some above 0")
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if again and outputs != self.n_outputs_:
            raise InputError(f"y has {outputs} columns, and had {self.n_outputs_} in the call before")
        self._flat = y.ndim == 1
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self._train(X, y, outputs, weights, again, partial)
        return self

    def _loss(self) -> str:
        return "poisson" if self.loss == "poisson" else "mse"

    def _found(self, outputs: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        return np.exp(outputs) if self.out_activation_ == "exp" else outputs

    def _score_of(self, targets: Any, outputs: Any, weights: Any) -> float:
        found = self._found(outputs.reshape(targets.shape))
        score: float = r2_score(targets, found, sample_weight=weights)
        return score

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction for each row of X, in the shape of the y of `fit`."""
        outputs = self._found(self._outputs(X))
        return outputs.ravel() if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
