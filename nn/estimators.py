"""scikit-learn estimators over `nn.fit` (extra ``[sklearn]``): for pipelines, cross-validation and searches.

The arguments and attributes have the names they have in `sklearn.neural_network`, and the solvers and
stopping rules are its own; the how-to on scikit-learn has the table of what is the same and what differs. A
fitted estimator pickles, so joblib's backends (processes, threads, Dask) can carry it to their workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nn.arguments import one_of
from nn.errors import InputError
from nn.estimator_base import MLPEstimator
from nn.pickles import gone
from nn.scikit import (
    ClassifierMixin,
    RegressorMixin,
    accuracy_score,
    available_if,
    check_classification_targets,
    column_or_1d,
    r2_score,
    type_of_target,
    validate_data,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MLPClassifier", "MLPRegressor"]
__getattr__ = gone(__name__, "_InverseScaling")


class MLPClassifier(ClassifierMixin, MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron of Values that tells classes apart: softmax, or for two classes a logit.

    Args:
        hidden_layer_sizes: the numbers of neurons of the hidden layers, or one number for one layer.
        activation: of the hidden layers, see `nn.activations`.
        solver: "sgd", "adagrad", "rmsprop", "adam", "adamw" or "lbfgs".
        alpha: of the L2 penalty, alpha/2 sum w^2 divided by batch_size (in scikit-learn the last minibatch of
            an epoch, if it is smaller, by its own size).
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
        with self._unless_it_fails():
            return self._fit(X, y, sample_weight, None, False)

    @available_if(MLPEstimator._is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One epoch more. The first call needs `classes`, all that will come; they may be missing in y."""
        with self._unless_it_fails():
            return self._fit(X, y, sample_weight, classes, True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, classes: Any, partial: bool) -> MLPClassifier:
        import numpy as np

        self._check_parameters()
        again = hasattr(self, "model_") and (partial or bool(self.warm_start))
        if hasattr(y, "toarray"):  # rows of 0 and 1, sparse
            y = y.toarray()
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
        weights = self._weights(sample_weight, X)
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


class MLPRegressor(RegressorMixin, MLPEstimator):  # type: ignore[misc]
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
        with self._unless_it_fails():
            return self._fit(X, y, sample_weight, False)

    @available_if(MLPEstimator._is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One epoch more, over these examples."""
        with self._unless_it_fails():
            return self._fit(X, y, sample_weight, True)

    def _fit(self, X: Any, y: Any, sample_weight: Any, partial: bool) -> MLPRegressor:
        import numpy as np

        self._check_parameters()
        one_of("loss", self.loss, ("squared_error", "poisson"))
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
        weights = self._weights(sample_weight, X)
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
