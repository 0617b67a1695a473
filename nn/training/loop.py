"""Training: stochastic gradient descent on J(theta) = 1/m sum_i L(f(x_i; theta), y_i) + alpha Omega(theta).

The lecture's algorithm (Goodfellow et al. 2016, Algorithm 8.1), and where its lines are:

    require: learning rates epsilon_1, epsilon_2, ...; initial parameters theta      optimizers, initializers
    k <- 1
    while the stopping criterion is not met:                                         run, stopping
        sample a minibatch {x_1 .. x_m} of the training set, with targets y_i        minibatch
        g <- 1/m grad sum_i L(f(x_i; theta), y_i) + alpha grad Omega(theta)          minibatch
        theta <- theta - epsilon_k g                                                 optimizers
        k <- k + 1

**Which bits come out.** A minibatch's gradient is made in this order, and in no other:

1. the parameters' gradients are set to 0;
2. for each example, in the order of the minibatch: a graph of its own, and one sweep back through it. The
   parameters, being leaves, accumulate;
3. each parameter's sum is divided by m, once;
4. the regulariser, a small graph of its own, is swept; its gradient adds to what is there.

J is (L_1 + ... + L_m) / m, summed in the same order, plus the number alpha Omega. Where every example has a
graph of the same shape, a Program that replays one graph over the lanes of a minibatch does the work instead
(`nn.training.replay`), with the same bits: all of it for the optimisers of `nn.optimizers`; the gradient
alone for an optimiser of your own, for a loss that chooses by the label (``outputs[label]``; there is one
program a label then), and where a callback listens to every update. ``history.trained_on`` and the progress
line tell where
that cannot be, and why: the run is short, nothing is compiled, the model draws random numbers, its graph has
no fixed shape or cannot be recorded, the loss chooses by too many targets, a callback changes the model
within an epoch.

**Interruption.** After every update the run stands at one `Point`, an object that is never changed, only
replaced. Whatever interrupts the run (Ctrl-C, an exception in a callback, a diverging loss), model and
optimiser are put back to that point: whole updates only. Minibatches depend on (seed, epoch) alone, so going
on from a point makes the bits of a run that was never interrupted.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, SupportsIndex

from autograd_core import Value, no_grad
from autograd_core.engine.value import preserved
from autograd_core.errors import AutogradError
from nn.data import check_lengths, rows_of, targets_of
from nn.errors import InputError, count_of, require
from nn.history import History
from nn.losses import CLASSES, Loss, LossFunction, loss_named
from nn.metrics import output_count
from nn.optimizers import Optimizer, optimizer_of
from nn.regularizers import Regularizer
from nn.stopping import StopCriterion, criteria_of
from nn.training.checkpoints import Point, check_same_run, load_point
from nn.training.replay import replay_of
from nn.training.run import Callback, Plan, Run

__all__ = ["fit"]


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: str | Loss | LossFunction = "cross_entropy",
    regularizer: Regularizer | None = None,
    optimizer: str | Optimizer = "sgd",
    batch_size: int = 32,
    epochs: int = 10,
    stop: StopCriterion | Iterable[StopCriterion] | None = None,
    seed: int | None = None,
    validation: tuple[Any, Any] | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    progress: bool | Callable[..., Any] = False,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
) -> History:
    """Train a model by minibatch stochastic gradient descent; the same seed gives the same bits.

    Args:
        model: a `Module`; called with a row of floats it returns a Value or a list of them.
        X: the examples, one row of numbers each.
        y: their targets: labels 0 .. n-1 for cross_entropy, numbers for mse, ...
        loss: a name from `nn.losses.LOSSES`, one of its functions, or your own (outputs, target) -> Value.
        regularizer: ``L2(alpha)``, ``L1(alpha)``, ..., or your own (model) -> Value.
        optimizer: a name ("sgd", "adam", ...) or an `Optimizer`, with or without parameters; one that has
            made updates before goes on from its buffers.
        batch_size: m; the last minibatch of an epoch may be smaller.
        epochs: how often the examples are visited, at most. Counted from the start of the run when it is
            resumed.
        stop: stopping criteria from `nn.stopping`, or your own (history) -> reason; asked after every epoch.
        seed: of the shuffles; None draws one from Python's generator (``history.settings["seed"]`` tells it).
        validation: (X, y) to evaluate after every epoch.
        callbacks: called with the `Run` after every epoch; returning True stops the run. One that has a
            method ``on_update`` is also called there after every update. A callback may change parameters,
            optimiser, model and regulariser; the next update goes by it.
        progress: True shows a tqdm bar; or your own factory with tqdm's signature, e.g. tqdm.notebook.tqdm.
        checkpoint: a file to keep the run in: written every `checkpoint_every` epochs, at the end, and when
            the run is interrupted.
        checkpoint_every: in epochs.
        resume: go on from `checkpoint` if that file exists; start afresh if it does not.

    Returns:
        The `History`.

    Raises:
        InputError: data or arguments cannot be used; found before any parameter changes.
        DivergenceError: the run left the finite numbers; the model is at the last update that went well.
        FileError: the checkpoint is damaged, or is something else.
    """
    row = loss_named(loss)
    if isinstance(model, type) or not callable(model) or not hasattr(model, "parameters"):
        raise InputError(f"a model is a Module, or has parameters() and is called with a row; not {model!r}")
    rows, targets = _checked_data(model, X, y, row, "X", "y")
    plan = Plan(
        rows=rows,
        targets=targets,
        held_out=_held_out(model, validation, row),
        loss=row,
        regularizer=regularizer,
        batch_size=count_of("batch_size", batch_size),
        epochs=count_of("epochs", epochs),
        criteria=criteria_of(stop),
        callbacks=_listeners(callbacks),
        checkpoint=checkpoint,
        checkpoint_every=count_of("checkpoint_every", checkpoint_every),
    )
    with preserved():
        _check_plan(model, plan)
        run = _started_run(model, optimizer, plan, seed, resume)
        run.shows_progress = progress is not False
        return _finish(run, _bar(progress, plan.epochs * plan.batches, run.updates))


def _finish(run: Run, bar: Any) -> History:
    """Train to the end, or to the last whole update before whatever interrupts."""
    try:
        run.train(bar)
    except BaseException as error:
        run.go_to(run.point)
        if run.plan.checkpoint is not None and not isinstance(error, AutogradError):
            run.save()
        raise
    finally:
        bar.close()
    return run.history


def _started_run(model: Any, optimizer: str | Optimizer, plan: Plan, seed: int | None, resume: bool) -> Run:
    """A new run, or, to resume, one that stands where the checkpoint says."""
    saved = _saved_point(plan.checkpoint, resume)
    if seed is None:
        seed = random.getrandbits(48) if saved is None else int(saved[1].get("seed", 0))
    if not isinstance(seed, SupportsIndex):
        raise InputError(f"seed must be a whole number or None, not {seed!r}")
    run = Run(model, optimizer_of(optimizer, model.parameters()), plan, operator.index(seed))
    if saved is not None:
        point, settings = saved
        check_same_run(settings, run.history.settings, plan.checkpoint)
        run.go_to(point)
    run.replay, run.on_values_because = replay_of(run)
    return run


def _saved_point(checkpoint: str | Path | None, resume: bool) -> tuple[Point, dict[str, Any]] | None:
    if not resume:
        return None
    if checkpoint is None:
        raise InputError("resume=True needs checkpoint=, the file to go on from")
    return load_point(checkpoint) if Path(checkpoint).exists() else None


def _listeners(callbacks: Any) -> list[Callback]:
    several = not _listens(callbacks) and isinstance(callbacks, Iterable)
    listeners = list(callbacks) if several else [callbacks]
    for listener in listeners:
        if not _listens(listener):
            raise InputError(f"a callback is a function or has a method on_update; {listener!r} is neither")
    return listeners


def _listens(thing: Any) -> bool:
    return callable(thing) or hasattr(thing, "on_update")


def _check_plan(model: Any, plan: Plan) -> None:
    """Find now what would go wrong after the first update or the first epoch."""
    _try_objective(model, plan)
    for criterion in plan.criteria:
        quantity = str(getattr(criterion, "quantity", ""))
        if quantity.startswith("validation") and plan.held_out is None:
            raise InputError(f"{criterion!r} watches {quantity}: give validation=(X, y)")
        if quantity == "validation_accuracy" and plan.loss.targets not in CLASSES:
            raise InputError(f"{criterion!r} watches {quantity}, and {plan.loss.name} has no classes")
    if plan.checkpoint is not None:
        require("safetensors", "save")
        if not Path(plan.checkpoint).parent.is_dir():
            raise InputError(
                f"the checkpoint {str(plan.checkpoint)!r} lies in a directory that does not exist"
            )


def _checked_data(
    model: Any, X: Any, y: Any, loss: Loss, x_name: str, y_name: str
) -> tuple[list[list[float]], list[Any]]:
    rows = rows_of(X, getattr(model, "nin", None), x_name)
    check_lengths(rows, y, f"{x_name} and {y_name}")
    return rows, targets_of(loss, y, output_count(model, rows[0]), y_name)


def _held_out(model: Any, validation: Any, loss: Loss) -> tuple[list[list[float]], list[Any]] | None:
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise InputError("validation is a pair (X, y) or None")
    X, y = validation
    return _checked_data(model, X, y, loss, "validation X", "validation y")


def _try_objective(model: Any, plan: Plan) -> None:
    """Ask model, loss and regulariser once."""
    if (Value(1.0) + 1.0).is_constant:
        raise InputError("fit was called within no_grad(), where no gradient is computed")
    if plan.regularizer is not None and not callable(plan.regularizer):
        raise InputError(f"a regulariser is a callable such as L2(1e-4), not {plan.regularizer!r}")
    with no_grad():
        value = plan.loss(model(plan.rows[0]), plan.targets[0])
        penalty = None if plan.regularizer is None else plan.regularizer(model)
    if not isinstance(value, Value):
        raise InputError(f"the loss {plan.loss.name} must return a Value, not {value!r}")
    if not isinstance(penalty, Value | None):
        raise InputError(f"the regulariser must return a Value, not {penalty!r}")


def _bar(progress: bool | Callable[..., Any], total: int, done: int) -> Any:
    """A progress bar, or something that takes its calls."""
    if progress is False:
        return _NoBar()
    factory = require("tqdm", "progress").tqdm if progress is True else progress
    return factory(total=total, initial=done, unit="update", desc="training")


class _NoBar:
    """A progress bar that shows nothing."""

    def update(self, count: int) -> None:
        """Take note of nothing."""

    def set_postfix_str(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Close nothing."""
