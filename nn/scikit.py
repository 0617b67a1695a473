"""What is used of scikit-learn (extra ``[sklearn]``)."""

from __future__ import annotations

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import _check_sample_weight as check_weights
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # pragma: no cover - the message is tested in a fresh process
    raise ImportError(
        'nn.estimators needs scikit-learn 1.6 or later: pip install "autograd-core[sklearn]"'
    ) from error

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "ConvergenceWarning",
    "RegressorMixin",
    "accuracy_score",
    "available_if",
    "check_classification_targets",
    "check_is_fitted",
    "check_random_state",
    "check_weights",
    "column_or_1d",
    "r2_score",
    "train_test_split",
    "type_of_target",
    "validate_data",
]
