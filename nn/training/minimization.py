"""Training by a minimizer of SciPy: J of all examples and its gradient, from Programs where they serve."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd_core import gradients_to_vector, vector_to_gradients, vector_to_parameters
from autograd_core.programs.batch_gradient import BatchGradient
from nn.errors import DivergenceError, InputError, require
from nn.minimizers import Minimizer
from nn.random_inputs import listing, train_mode
from nn.training.minibatch import LARGEST_LOSS, batch_gradient, sum_gradients

if TYPE_CHECKING:
    from nn.training.recording import Recording
    from nn.training.run import Run


class _Halt(Exception):
    """The minimizer is left: for good, or to start anew from parameters that a callback has changed."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class _Objective:
    """J and its gradient at some numbers of the parameters."""

    def __init__(self, run: Run, recording: Recording | None, penalty: Any) -> None:
        import numpy as np

        self.run, self.rows = run, np.arange(len(run.plan.examples))
        self.gradient = None if recording is None else recording.gradient(len(self.rows))
        self.penalty = None if penalty is None else BatchGradient([penalty], (), run.parameters)

    def __call__(self, values: Any) -> tuple[float, float, Any]:
        """The mean loss, the penalty and the gradient of their sum.

        Raises:
            DivergenceError: it becomes non-finite.
        """
        found = None if self.gradient is None else self._by_programs(values)
        return self._eagerly(values) if found is None else found

    def _by_programs(self, values: Any) -> tuple[float, float, Any] | None:
        assert self.gradient is not None
        found = self.gradient(self.rows, values=values)
        if found is None or max(map(abs, found[0])) > LARGEST_LOSS:
            return None
        total = 0.0
        for loss in found[0]:
            total += loss
        count, gradients = len(self.rows), found[1] / len(self.rows)
        if self.run.problem.penalty is None:
            return total / count, 0.0, gradients
        omega = None if self.penalty is None else self.penalty(None, gradients, values)
        return None if omega is None else (total / count, omega[0][0], omega[1])

    def _eagerly(self, values: Any) -> tuple[float, float, Any]:
        run, problem = self.run, self.run.problem
        vector_to_parameters(values, run.parameters)
        result = batch_gradient(
            run.parameters,
            lambda: sum_gradients(problem.loss_of, self.rows.tolist()),
            problem.penalty,
            len(self.rows),
        )
        return result.loss, result.penalty, gradients_to_vector(run.parameters)


class Minimization:
    """What makes the updates where the optimizer is a `Minimizer`: each is one of its iterations.

    Args:
        run: the run.
        recording: of its loss, or None.
        penalty: of its penalty, or None.
        reason: why there is no recording.
    """

    def __init__(self, run: Run, recording: Recording | None, penalty: Any, reason: str) -> None:
        self.trained_on = (
            f"eager: {reason}" if recording is None else "a Program, gradients only: a minimizer"
        )
        self.is_eager = recording is None
        self.objective = _Objective(run, recording, penalty)
        self.snapshot = run.watch() if run.is_watched else None
        self._gradients: Any = None
        self.count = 0
        with train_mode(), listing() as sites:
            run.model(run.plan.examples.row(0))
        if sites:
            raise InputError("the model draws random numbers: a minimizer needs one objective, not many")

    def fits(self, run: Run) -> bool:
        """Is the objective still the one that was recorded?"""
        return self.snapshot is None or (not self.snapshot.changed() and self.snapshot.is_complete)

    def epoch(self, run: Run, order: Any, bar: Any) -> None:
        """`minimize` makes the epochs."""

    def store(self, run: Run) -> None:
        """Bring parameters and gradients to where the run stands."""
        vector_to_parameters(run.state.values, run.parameters)
        if self._gradients is not None:
            vector_to_gradients(self._gradients, run.parameters)

    def forget(self) -> None:
        """Nothing is held."""

    def minimize(self, run: Run, bar: Any, end_epoch: Callable[[], str]) -> str:
        """Run the minimizer to its end.

        Args:
            run: the run.
            bar: shows the progress.
            end_epoch: writes an epoch, asks callbacks and criteria; returns the reason to stop, or "".

        Returns:
            Why it ended; "" where a callback has changed something, and it is to start anew.
        """
        import numpy as np

        optimize = require("scipy.optimize", "optimize")
        optimizer = run.optimizer
        assert isinstance(optimizer, Minimizer)
        if not run.epoch:
            optimizer.evaluations, optimizer.message = 0, ""
        run.history.trained_on = self.trained_on
        base = np.array(run.state.values)
        frozen = optimizer.frozen
        free = np.ones(len(base), dtype=bool) if frozen is None else ~frozen
        known: dict[bytes, tuple[float, float, Any]] = {}

        def full(x: Any) -> Any:
            values = base.copy()
            values[free] = x
            return values

        def compute(x: Any) -> tuple[float, float, Any]:
            key = x.tobytes()
            if key not in known:
                if len(known) > 64:
                    known.clear()
                self.count += 1
                optimizer.evaluations += 1
                known[key] = self.objective(full(x))
            return known[key]

        def function(x: Any) -> tuple[float, Any]:
            try:
                loss, penalty, gradients = compute(x)
            except DivergenceError as error:
                if self.count == 1:
                    raise run.placed(error, range(len(run.plan.examples))) from error
                return math.inf, np.zeros(len(x))  # the line search goes less far
            return loss + penalty, gradients[free]

        def iteration(x: Any, updates: int = 1) -> None:
            loss, penalty, gradients = compute(x)
            self._gradients = run.frozen_gradient(gradients)
            made = full(x)
            run.step_to(made, loss, penalty, self._gradients, updates)
            bar.update(1)
            if reason := end_epoch():
                raise _Halt(reason)
            same = np.array_equal(made, run.state.values) and np.array_equal(frozen, optimizer.frozen)
            if not same or not self.fits(run):
                raise _Halt

        # TNC counts evaluations alone; the end of the last epoch stops it
        limit = {"maxfun": 15000} if optimizer.method == "TNC" else {"maxiter": run.plan.epochs - run.epoch}
        options, method = {**limit, **optimizer.options}, optimizer.method
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", "Unknown solver options")
                found = optimize.minimize(
                    function,
                    base[free],
                    jac=True,
                    method=optimizer.method,
                    callback=iteration,
                    options=options,
                )
            optimizer.message = str(found.message)
            if not run.epoch:  # no step was worth it: the history tells J as it is
                iteration(base[free], 0)
        except optimize.OptimizeWarning as error:
            raise InputError(
                f"{optimizer.method} does not know all of {optimizer.options}: {error}"
            ) from error
        except _Halt as halt:
            return halt.reason
        return f"{method}: {optimizer.message}"
