"""What the estimators of `nn.estimators` share: the arguments, their checks, and the calls of `nn.fit`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_core import parameters_to_vector, vector_to_parameters
from nn.arguments import is_truth, number, one_of, truth, whole_number
from nn.data import weights_of
from nn.errors import InputError
from nn.layers import MLP
from nn.metrics import predict
from nn.minimizers import LBFGS
from nn.optimizers import OPTIMIZERS, SGD, Optimizer
from nn.pickles import set_state
from nn.regularizers import L2
from nn.scikit import (
    BaseEstimator,
    ConvergenceWarning,
    check_is_fitted,
    check_random_state,
    check_weights,
    train_test_split,
    validate_data,
)
from nn.training.loop import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _in(interval: str) -> Callable[[str, Any], Any]:
    return lambda name, value: number(name, value, interval)


def _or_text(text: str) -> Callable[[str, Any], Any]:
    return lambda name, value: (isinstance(value, str) and value == text) or whole_number(name, value, 1)


def _sizes(name: str, value: Any) -> list[int]:
    """The counts of a list or an array, or the one that is given.

    Raises:
        InputError: it is something else. An iterator is empty for the next `fit`, or for a clone's.
    """
    if isinstance(value, Iterator | Set | Mapping):
        raise InputError(f"{name} is a number, or a list of them, which can be read again; not {value!r}")
    several = getattr(value, "ndim", 1) and hasattr(value, "__iter__") and not isinstance(value, str)
    return [whole_number(name, size, 1) for size in (value if several else [value])]


_OF_THE_SOLVER = (
    *("learning_rate", "learning_rate_init", "power_t", "momentum", "nesterovs_momentum"),
    *("beta_1", "beta_2", "epsilon"),
)
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "hidden_layer_sizes": _sizes,
    "alpha": _in("[0, inf)"),
    "batch_size": _or_text("auto"),
    "learning_rate": lambda name, value: one_of(name, value, ("constant", "invscaling", "adaptive")),
    "learning_rate_init": _in("(0, inf)"),
    "power_t": _in("[0, inf)"),
    "max_iter": lambda name, value: whole_number(name, value, 1),
    "shuffle": truth,
    "tol": _in("[0, inf)"),
    "verbose": lambda name, value: is_truth(value) or whole_number(name, value, 0),
    "warm_start": truth,
    "momentum": _in("[0, 1)"),
    "nesterovs_momentum": truth,
    "early_stopping": truth,
    "validation_fraction": _in("(0, 1)"),
    "beta_1": _in("[0, 1)"),
    "beta_2": _in("[0, 1)"),
    "epsilon": _in("(0, inf)"),
    "n_iter_no_change": lambda name, value: number(name, value, "[1, inf]"),
    "max_fun": lambda name, value: whole_number(name, value, 1),
    "solver": lambda name, value: one_of(name, value, [*OPTIMIZERS, "lbfgs"]),
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


class Watch:
    """scikit-learn's rules of stopping, as a callback: no improvement by `tol` for too many epochs.

    The epochs are counted on from call to call, as those of `partial_fit` are one each.

    Args:
        estimator: whose numbers count.
        best_values: the parameters with the best score so far, if there are any.
    """

    def __init__(self, estimator: MLPEstimator, best_values: Any = None) -> None:
        self.estimator = estimator
        self.best_values = best_values

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
        it._waited = it._waited + 1 if worse else 0
        if it._waited <= it.n_iter_no_change:
            return False
        if it.solver == "sgd" and it.learning_rate == "adaptive" and run.optimizer.lr > 1e-6:
            run.optimizer.lr = run.optimizer.lr / 5.0
            it._waited = 0
            return False
        return True


class MLPEstimator(BaseEstimator):  # type: ignore[misc]
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

    def __setstate__(self, state: dict[str, Any]) -> None:
        set_state(self, state)

    def _check_parameters(self) -> None:
        for name, check in _CHECKS.items():
            check(name, getattr(self, name))

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

    @contextmanager
    def _unless_it_fails(self) -> Iterator[None]:
        """A call that raises leaves attributes, network and solver as they were before it."""
        before = {
            name: value.copy() if name.endswith("_") and isinstance(value, list) else value
            for name, value in vars(self).items()
        }
        values, solver = None, getattr(self, "_solver_in_use", None)
        if "model_" in before:
            values = parameters_to_vector(self.model_.parameters())
        if solver is not None:
            buffers = {name: buffer.copy() for name, buffer in solver.buffers.items()}
            numbers = {**vars(solver), "_buffers": buffers}
        try:
            yield
        except BaseException:
            self.__dict__ = before
            if values is not None:
                vector_to_parameters(values, self.model_.parameters())
            if solver is not None:
                solver.__dict__ = numbers
            raise

    def _start(self, inputs: int, outputs: int, seed: int) -> None:
        """A fresh network, and empty records."""
        self.model_ = MLP(
            inputs,
            [*_sizes("hidden_layer_sizes", self.hidden_layer_sizes), outputs],
            activation=self.activation,
            initializer=self.initializer,
            seed=seed,
        )
        self.n_layers_, self.n_outputs_ = len(self.model_.layers) + 1, outputs
        self.t_ = self._waited = 0
        self.loss_curve_: list[float] = []
        self._solver_in_use: Optimizer | None = None
        self.best_loss_, self.validation_scores_, self.best_validation_score_ = math.inf, None, None
        self._choose_records()

    def _choose_records(self) -> None:
        """Keep scores with early stopping, else the least objective; a call may ask for the other."""
        early = bool(self.early_stopping) and self.solver != "lbfgs"
        if early != (self.validation_scores_ is not None):
            self._waited = 0
            self.best_loss_ = None if early else min(self.loss_curve_, default=math.inf)
            self.validation_scores_ = [] if early else None
            self.best_validation_score_ = -math.inf if early else None

    def _solver_for(self, updates: int, examples: int, partial: bool) -> Optimizer:
        """The optimizer: in `partial_fit` the one of the call before, by the numbers of now."""
        numbers = {name: getattr(self, name) for name in _OF_THE_SOLVER}
        made, solver = self._optimizer(updates, examples), self._solver_in_use
        if not partial or type(solver) is not type(made):
            solver = made
        elif getattr(self, "_solver_numbers", numbers) != numbers:
            solver.set_hyperparameters({**solver.hyperparameters(), **made.hyperparameters()})
        elif self.solver == "sgd" and self.learning_rate == "invscaling":
            solver.lr = self.learning_rate_init / (self.t_ + 1) ** self.power_t  # chunks differ in length
        self._solver_numbers, self._solver_in_use = numbers, solver
        return solver

    def _check_network(self) -> None:
        """Refuse a network that the parameters of now would not make."""
        hidden, sizes = self.model_.layers[:-1], _sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        for name, asked, there in (
            ("hidden_layer_sizes", sizes, [layer.nout for layer in hidden]),
            ("activation", self.activation, hidden[0].activation if hidden else self.activation),
        ):
            if asked != there:
                raise InputError(
                    f"{name}={getattr(self, name)!r}, and the network that is there has {there!r}: "
                    "fit with warm_start=False makes a new one"
                )

    def _weights(self, sample_weight: Any, X: NDArray[Any]) -> Any:
        """The weights of the examples, an array, or None; `nn.fit`'s rules hold before they are scaled."""
        return None if sample_weight is None else weights_of(check_weights(sample_weight, X), len(X))

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
            partial: one epoch, with the optimizer that is there?
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if not again:
            self._start(X.shape[1], outputs, seed)
        else:
            self._check_network()
            self._choose_records()
        X, y, weights, held_out, score = self._held_out(X, y, weights, partial, seed)
        size = min(200 if self.batch_size == "auto" else int(self.batch_size), len(X))
        if self.solver == "lbfgs":
            size = len(X)
        solver = self._solver_for(-(-len(X) // size), len(X), partial)
        watch = Watch(
            self, parameters_to_vector(self.model_.parameters()) if self.validation_scores_ else None
        )
        mean = 1.0
        if weights is not None:
            relative = weights / weights.max()  # whose sum is a float
            mean = float(weights.max() * relative.mean())
            weights = relative / relative.mean()
        try:
            self.history_ = fit(
                self.model_,
                X,
                y,
                loss=self._loss(),
                regularizer=L2(self.alpha / size / mean) if self.alpha else None,
                optimizer=solver,
                batch_size=size,
                epochs=1 if partial else self.max_iter,
                seed=seed + self.t_ // len(X) if again else seed,
                shuffle=bool(self.shuffle),
                sample_weight=weights,
                validation=held_out,
                metrics=None if held_out is None else {"score": score},
                callbacks=() if self.solver == "lbfgs" else watch,
                progress=bool(self.verbose),
            )
        except KeyboardInterrupt as interruption:
            if not hasattr(interruption, "history"):  # it has not begun
                raise
            self.history_ = interruption.history
            warnings.warn("Training was interrupted by the user.", stacklevel=4)
        self.n_iter_ = len(self.history_)
        if watch.best_values is not None:
            vector_to_parameters(watch.best_values, self.model_.parameters())
        self.loss_ = self.history_[-1].objective if self.n_iter_ else [math.nan, *self.loss_curve_][-1]
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
        try:
            parts = train_test_split(
                X,
                y,
                *(() if weights is None else (weights,)),
                random_state=seed,
                test_size=self.validation_fraction,
                stratify=y if self._is_stratified() else None,
            )
        except ValueError as error:
            raise InputError(f"early_stopping cannot hold examples out: {error}") from error
        if len(parts[1]) < 2:
            raise InputError(
                "the validation set is too small: increase validation_fraction, or the number of examples"
            )
        kept = parts[5] if weights is not None else None
        if kept is not None and not (parts[4].any() and kept.any()):
            raise InputError(
                "sample_weight is 0 for all examples that early_stopping holds out, or for all others"
            )

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
