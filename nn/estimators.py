"""scikit-learn estimators over `nn.fit` (extra ``[sklearn]``): for pipelines, cross-validation and searches.

The arguments have the names they have in `sklearn.neural_network`; the how-to on scikit-learn has the table
of what is here and what is not.
A fitted estimator pickles, so joblib's backends (processes, threads, Dask) can
carry it to their workers.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from nn.errors import InputError, unknown
from nn.layers import MLP
from nn.metrics import predict
from nn.optimizers import OPTIMIZERS, SGD, Optimizer
from nn.regularizers import L2
from nn.stopping import Patience
from nn.training.loop import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the message is tested in a fresh process
    raise ImportError(
        'nn.estimators needs scikit-learn 1.6 or later: pip install "autograd-core[sklearn]"'
    ) from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MLPClassifier", "MLPRegressor"]


class _MLPEstimator(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share: the arguments and the call of `nn.fit`."""

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = 32,
        learning_rate_init: float = 0.01,
        max_iter: int = 100,
        initializer: str = "glorot",
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        verbose: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.initializer = initializer
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction

    def _optimizer(self) -> Optimizer:
        """The solver with its numbers."""
        if self.solver not in OPTIMIZERS:
            raise unknown("solver", self.solver, OPTIMIZERS)
        rate = self.learning_rate_init
        if self.solver == "sgd":
            nesterov = bool(self.nesterovs_momentum and self.momentum)
            return SGD(lr=rate, momentum=self.momentum, nesterov=nesterov)
        if self.solver in ("adam", "adamw"):
            return OPTIMIZERS[self.solver](lr=rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon)
        return OPTIMIZERS[self.solver](lr=rate)

    def _train(
        self, X: NDArray[Any], y: NDArray[Any], outputs: int, loss: str, sample_weight: Any = None
    ) -> None:
        optimizer = self._optimizer()
        hidden = self.hidden_layer_sizes
        sizes = [hidden] if isinstance(hidden, SupportsIndex) else list(hidden)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.model_ = MLP(
            X.shape[1],
            [*sizes, outputs],
            activation=self.activation,
            initializer=self.initializer,
            seed=seed,
        )
        batch_size = min(200, len(X)) if self.batch_size == "auto" else self.batch_size
        watched = "validation_loss" if self.early_stopping else "objective"
        self.history_ = fit(
            self.model_,
            X,
            y,
            loss=loss,
            regularizer=L2(self.alpha) if self.alpha else None,
            optimizer=optimizer,
            batch_size=batch_size,  # type: ignore[arg-type]
            epochs=self.max_iter,
            stop=Patience(
                self.n_iter_no_change, watched, least=self.tol, restore_best=bool(self.early_stopping)
            ),
            seed=seed,
            sample_weight=sample_weight,
            validation_split=self.validation_fraction if self.early_stopping else None,
            progress=bool(self.verbose),
        )
        self.n_iter_ = len(self.history_)
        self.t_ = self.n_iter_ * len(X)
        self.loss_curve_ = self.history_.column("objective")
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = None if self.early_stopping else min(self.loss_curve_)
        self.n_layers_ = len(self.model_.layers) + 1
        self.n_outputs_ = outputs
        if self.early_stopping:
            self.validation_scores_ = self.history_.column(
                "validation_accuracy" if loss == "cross_entropy" else "validation_loss"
            )
        if self.history_.stopped == f"all {self.max_iter} epochs are done":
            warnings.warn(
                f"max_iter={self.max_iter} epochs were made and the {watched.replace('_', ' ')} still "
                f"fell by tol={self.tol} within the last {self.n_iter_no_change}",
                ConvergenceWarning,
                stacklevel=3,
            )

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


class MLPClassifier(ClassifierMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron of Values that tells classes apart (cross-entropy of the softmax).

    Args:
        hidden_layer_sizes: the numbers of neurons of the hidden layers, or one number for one layer.
        activation: of the hidden layers, see `nn.activations`.
        solver: "sgd", "adagrad", "rmsprop", "adam" or "adamw".
        alpha: of the L2 penalty, alpha/2 sum w^2 (not divided by the number of examples).
        batch_size: the size of a minibatch.
        learning_rate_init: the learning rate.
        max_iter: epochs, at most.
        initializer: see `nn.initializers`.
        random_state: seed of weights and shuffles.
        tol: what the objective must fall by to count as better.
        n_iter_no_change: stop after so many epochs without that.
        verbose: show a progress bar.
        momentum: of "sgd", in [0, 1).
        nesterovs_momentum: of "sgd".
        beta_1: of "adam" and "adamw".
        beta_2: of "adam" and "adamw".
        epsilon: of "adam" and "adamw".
        early_stopping: hold examples out, stop by their loss, and keep the best parameters.
        validation_fraction: the share held out.

    Attributes:
        classes_: the classes.
        coefs_: the weight matrices, as scikit-learn has them.
        intercepts_: the bias vectors.
        best_loss_: the least objective; None with early_stopping.
        validation_scores_: with early_stopping, the accuracy (of a regressor the loss) held out.
        model_: the `nn.MLP`.
        history_: the `nn.History` of the fit.
        n_iter_: the number of epochs.
        loss_curve_: the objective, epoch by epoch.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on X, shape (n_samples, n_features), and the labels y, shape (n_samples,)."""
        import numpy as np

        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"a classifier needs at least 2 classes, and y has one class, {self.classes_[0]!r}"
            )
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self._train(X, labels, len(self.classes_), "cross_entropy", weights)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row of X."""
        outputs = self._outputs(X)
        found: NDArray[Any] = self.classes_[outputs.argmax(axis=1)]
        return found

    def decision_function(self, X: Any) -> NDArray[Any]:
        """The logits, shape (n_samples, n_classes); of two classes their difference, shape (n_samples,)."""
        logits = self._outputs(X)
        return logits if logits.shape[1] > 2 else logits[:, 1] - logits[:, 0]

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithms of `predict_proba`."""
        import numpy as np

        logits = self._outputs(X)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probabilities: NDArray[Any] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return log_probabilities

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The softmax of the logits, shape (n_samples, n_classes)."""
        import numpy as np

        probabilities: NDArray[Any] = np.exp(self.predict_log_proba(X))
        return probabilities


class MLPRegressor(RegressorMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron of Values that predicts numbers (half the squared error).

    Args: those of `MLPClassifier`.

    Attributes:
        model_: the `nn.MLP`.
        history_: the `nn.History` of the fit.
        n_iter_: the number of epochs.
        loss_curve_: the objective, epoch by epoch.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on X, shape (n_samples, n_features), and y, shape (n_samples,) or (n_samples, n_outputs)."""
        import numpy as np

        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        self._flat = y.ndim == 1
        targets = y.reshape(len(y), -1)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self._train(X, y if self._flat else targets, targets.shape[1], "mse", weights)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The prediction for each row of X, in the shape of the y of `fit`."""
        outputs = self._outputs(X)
        return outputs.ravel() if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
