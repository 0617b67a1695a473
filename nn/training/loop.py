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
4. the regularizer, a small graph of its own, is swept; its gradient adds to what is there.

J is (L_1 + ... + L_m) / m, summed in the same order, plus the number alpha Omega. With weights, L_i is
w_i L(f(x_i), y_i).

A Program does the work instead, with the same bits, where the loss of an example can be recorded
(`nn.training.updaters`): all of it for the optimizers of `nn.optimizers`, and for a rule of your own that can
be recorded (`nn.Optimizer`); the gradient alone for any other optimizer, for a graph that branches on its
numbers, and for a loss that chooses by the label (``outputs[label]``). ``history.trained_on`` tells which,
and why not a faster way. What stays eager: a short run, no compiled interpreter, a model that draws random
numbers by itself (`nn.RandomInput` draws them so that they can be recorded), one that reads numbers
(``float(v)``), a graph of too many shapes, a model, loss or penalty that counts its calls. Recording calls it
too, and what it has counted is then put back.

Three things cost time of their own beside a Program: the Python of a ``rule`` that is not recorded;
``on_update``, for which every parameter's Value is written after each update, unless its code names nothing
but the run's numbers, the rate and its own plain attributes; and drawing random numbers. A callback that
freezes or unfreezes after each update costs far more, 20 to 60 times the plain update, 260 for the smallest
nets: ``freeze`` walks over all parameters, so freeze once an epoch. Setting a rate there, the optimizer's or
a group's, is 2 to 8 times the plain update, and 25 to 35 times one example at a time for a net of 32
parameters, whose update takes 2 us: a schedule costs nothing there.
``python -m benchmarks.training`` measures them, as multiples of the plain update, training by the size of the
network, and how soon a large one begins; ``python -m benchmarks.estimators`` the estimators.

**Interruption.** After every update the run stands at one `TrainingState`, an object that is never changed,
only replaced. Whatever interrupts the run (Ctrl-C, an exception in a callback, a diverging loss), model,
optimizer and random generators are put back to that state: whole updates only. The exception carries the
history as its attribute ``history``. Minibatches depend on (seed, epoch) alone, so going on from a state
makes the bits of a run that was never interrupted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from autograd_core import Value
from autograd_core.engine.modes import preserved
from autograd_core.errors import AutogradError
from autograd_core.transforms import derivative_graphs
from nn.arguments import (
    check_model,
    check_regularizer,
    number,
    path_of,
    refuse_class,
    shown,
    truth,
    unknown,
    whole_number,
)
from nn.data import Examples, check_lengths, rows_of, targets_of, weights_of, with_class_weights
from nn.errors import InputError, require
from nn.history import Epoch, History
from nn.libraries import of_a_library
from nn.losses import CLASSES, Loss, LossFunction, loss_named, warn_of_outputs
from nn.metrics import output_count
from nn.minimizers import Minimizer
from nn.module import check_leaves
from nn.optimizers import Optimizer, optimizer_of
from nn.plateau import ReduceOnPlateau
from nn.random_inputs import listing, train_mode, undisturbed
from nn.random_state import RandomStates
from nn.regularizers import Regularizer
from nn.saving import remove_leftovers
from nn.stopping import MaxUpdates, Patience, StopCriterion, Target, TimeLimit, criteria_of
from nn.training.checkpoints import TrainingState, load_state
from nn.training.minibatch import permutation
from nn.training.problem import is_fixed, owners
from nn.training.resuming import resume as resume_run
from nn.training.run import Callback, Metric, Plan, Run
from nn.training.updaters import updater_of

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
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: str | Mapping[Any, float] | None = None,
    validation: tuple[Any, Any] | None = None,
    validation_split: float | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Any = (),
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
            made updates before goes on from its buffers. Or a minimizer, ``LBFGS()``: `nn.minimizers`.
        batch_size: m; the last minibatch of an epoch may be smaller. A minimizer takes all examples.
        epochs: how often the examples are visited, at most. Counted from the start of the run when it is
            resumed.
        stop: stopping criteria from `nn.stopping`, or your own (history) -> reason; asked after every epoch.
        seed: of the shuffles; None draws one from Python's generator (``history.settings["seed"]`` tells it).
        shuffle: False leaves the examples in their order, epoch after epoch.
        sample_weight: w, one number >= 0 an example: J = 1/m sum_i w_i L_i + alpha Omega.
        class_weight: label -> factor of the weights of its examples, or "balanced": examples / (classes times
            the examples of the class).
        validation: (X, y) to evaluate after every epoch.
        validation_split: instead, the share of the examples that is held out, in (0, 1); which ones depends
            on the seed alone.
        metrics: more to measure on the validation data: name -> function (targets, outputs) of two arrays, as
            scikit-learn's; they are columns of the history.
        callbacks: called with the `Run` after every epoch; returning True stops the run. One that has a
            method ``on_update`` is also called there after every update. A callback may change parameters,
            optimizer, model and regularizer; the next update goes by it. New parameters, and examples
            changed in place, are refused.
        progress: True shows a tqdm bar; or your own factory with tqdm's signature, e.g. tqdm.notebook.tqdm.
        checkpoint: a file to keep the run in: written every `checkpoint_every` epochs, at the end, and when
            the run is interrupted. Without `resume` no such file may exist.
        checkpoint_every: in epochs.
        resume: go on from `checkpoint` if that file exists, to the bits of a run that was never interrupted;
            start afresh if it does not. What rule and callbacks have changed in optimizer, model, regularizer
            and in attributes of the callbacks is put back, if it is numbers, texts, arrays, lists or
            dictionaries; the model's or the optimizer's that is something else is named and not resumed.

    Returns:
        The `History`.

    Raises:
        InputError: data or arguments cannot be used, or the checkpoint is of a run with other settings or
            data; found before any parameter changes.
        DivergenceError: the run became non-finite, or a loss larger than 1e100; the model is at the last
            update that went well, and the error names epoch, update and row.
        FileError: the checkpoint is damaged, is something else, or cannot be written.

    Warns:
        SlowTrainingWarning: the run is long and is trained eagerly: the reason, the factor, the remedy.
        ModelWarning: outputs and loss do not go together, such as a softmax and cross_entropy; or the run
            that wrote the checkpoint had other code or numbers in model, loss, regularizer, rule or metrics.

    Example:
        >>> from nn import MLP, Adam
        >>> model = MLP(2, [8, 2], seed=1)
        >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
        >>> history = fit(model, X, y, optimizer=Adam(lr=0.1), epochs=60, seed=1)
        >>> history[-1].loss < 0.1
        True
    """
    row = loss_named(loss)
    check_model(model, "parameters")
    check_regularizer(regularizer)
    listeners = _listeners(callbacks)
    if isinstance(optimizer, Minimizer):
        require("scipy.optimize", "optimize")
        if checkpoint is not None:
            raise InputError(
                "a minimizer's memory is its own, so that its run cannot be resumed exactly: without "
                "checkpoint=, save the model by nn.save, and start anew from there"
            )
    checkpoint = None if checkpoint is None else path_of("checkpoint", checkpoint)
    if not callable(progress):
        progress = truth("progress", progress)
    saved = _saved_run(checkpoint, truth("resume", resume))
    start = _seed_of(seed, saved)
    with preserved(), undisturbed():
        callers = [optimizer, *listeners]
        states = RandomStates([*dict(owners(model, row, regularizer)).values(), *callers])
        examples = _checked_data(model, X, y, row, "X", "y")
        examples = replace(examples, weights=weights_of(sample_weight, len(examples)))
        held_out = _held_out(model, validation, row)
        if validation_split is not None:
            if validation is not None:
                raise InputError("give validation= or validation_split=, not both")
            examples, held_out = _split(examples, validation_split, start)
        if class_weight is not None:
            outputs = output_count(model, examples.row(0))
            examples = with_class_weights(examples, class_weight, row, outputs)
        plan = Plan(
            examples=examples,
            held_out=held_out,
            loss=row,
            regularizer=regularizer,
            batch_size=(
                len(examples)
                if isinstance(optimizer, Minimizer)
                else min(whole_number("batch_size", batch_size, 1), len(examples))
            ),
            epochs=whole_number("epochs", epochs, 1),
            criteria=criteria_of(stop),
            callbacks=listeners,
            checkpoint=checkpoint,
            checkpoint_every=whole_number("checkpoint_every", checkpoint_every, 1),
            metrics=_metrics(metrics, held_out),
            shuffle=truth("shuffle", shuffle),
        )
        parameters = _check_plan(model, plan)
        generators = states.in_use(callers)
        states.restore()
        names = getattr(model, "_all_names", getattr(model, "named_parameters", None))
        bound = optimizer_of(optimizer, parameters, names)
        run = Run(model, bound, plan, start, generators, updater_of, progress is not False)
        if saved is not None:
            resume_run(run, *saved)
        bar = _bar(progress, plan.epochs * plan.batches, run.updates)
        return _finish(run, bar if isinstance(progress, bool) or of_a_library(progress) else _Shown(run, bar))


def _finish(run: Run, bar: Any) -> History:
    """Train to the end, or to the last whole update before whatever interrupts."""
    try:
        run.train(bar)
    except BaseException as error:
        at = run.state
        is_current = (run.epoch, run.updates) == (at.epoch, at.updates)  # no callback is under way
        run.restore(at)
        run.history.stopped = f"{type(error).__name__}: {error}".rstrip(": ")
        error.history = run.history  # type: ignore[attr-defined]
        if run.plan.checkpoint is not None and not isinstance(error, AutogradError):
            run.save(is_current)
        raise
    finally:
        bar.close()
    return run.history


def _seed_of(seed: Any, saved: Any) -> int:
    if seed is None:
        seed = random.getrandbits(48) if saved is None else saved[2]["seed"]
    return whole_number("seed", seed)


def _saved_run(
    checkpoint: Path | None, resume: bool
) -> tuple[TrainingState, list[Epoch], dict[str, Any]] | None:
    """What the checkpoint holds, if the run goes on from it; one that cannot be written is refused."""
    if checkpoint is None:
        if resume:
            raise InputError("resume=True needs checkpoint=, the file to go on from")
        return None
    require("safetensors", "save")
    place, name = checkpoint, str(checkpoint)
    if place.is_dir():
        raise InputError(f"the checkpoint {name!r} is a directory: name a file in it")
    if not place.parent.is_dir():
        raise InputError(f"the checkpoint {name!r} lies in a directory that does not exist")
    remove_leftovers(place)
    if not place.exists():
        return None
    if not resume:
        raise InputError(
            f"the checkpoint {name!r} exists: resume=True goes on from it; to start afresh, remove it or "
            "take another name"
        )
    return load_state(place)


def _metrics(metrics: Any, held_out: Examples | None) -> dict[str, Metric]:
    """The metrics by name, looked at."""
    if not isinstance(metrics, Mapping | None):
        raise InputError(
            "metrics are named by you: a dict such as {'f1': function of (targets, outputs)}, "
            f"not {shown(metrics)}"
        )
    found = dict(metrics or {})
    known = {f.name for f in fields(Epoch)}
    for name, metric in found.items():
        if not isinstance(name, str) or name in known or not callable(metric):
            raise InputError(
                f"a metric is a name that the history does not have yet, and a function; "
                f"not {name!r}: {metric!r}"
            )
    if found and held_out is None:
        raise InputError(
            "metrics are measured on validation data: give validation=(X, y) or validation_split="
        )
    return found


def _listeners(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    several = not _listens(callbacks) and isinstance(callbacks, Iterable)
    listeners = list(callbacks) if several else [callbacks]
    for listener in listeners:
        refuse_class("a callback", listener)
        if isinstance(listener, (Patience, Target, TimeLimit, MaxUpdates)):
            raise InputError(f"{shown(listener)} says when to stop: fit(..., stop=...), not callbacks=...")
        if not _listens(listener):
            raise InputError(
                f"a callback is a function or has a method on_update; {shown(listener)} is neither"
            )
    return listeners


def _listens(thing: Any) -> bool:
    return callable(thing) or hasattr(thing, "on_update")


def _check_plan(model: Any, plan: Plan) -> list[Value]:
    """Find now what would go wrong after the first update or the first epoch; return the parameters."""
    parameters = _try_objective(model, plan)
    columns = [*(f.name for f in fields(Epoch) if f.name != "metrics"), *plan.metrics]
    for watcher in (*plan.criteria, *plan.callbacks):
        if not isinstance(watcher, (Patience, Target, ReduceOnPlateau)):
            continue
        quantity, kind = watcher.quantity, type(watcher).__name__
        if quantity not in columns:
            raise unknown(f"column of the history, which {kind} watches,", quantity, columns)
        if quantity.startswith("validation") and plan.held_out is None:
            raise InputError(f"{kind} watches {quantity}: give validation=(X, y)")
        if quantity == "validation_accuracy" and plan.loss.targets not in CLASSES:
            raise InputError(f"{kind} watches {quantity}, and {plan.loss.name} has no classes")
    return parameters


def _checked_data(model: Any, X: Any, y: Any, loss: Loss, x_name: str, y_name: str) -> Examples:
    rows = rows_of(X, getattr(model, "nin", None), x_name)
    check_lengths(rows, y, f"{x_name} and {y_name}")
    return Examples(rows, targets_of(loss, y, output_count(model, rows[0].tolist()), y_name))


def _split(examples: Examples, share: Any, seed: int) -> tuple[Examples, Examples]:
    """The examples to train on and those held out, each in their order."""
    import numpy as np

    count = len(examples)
    held = max(1, round(number("validation_split", share, "(0, 1)") * count))
    if held >= count:
        raise InputError(f"validation_split={share} leaves none of {count} examples to train on")
    order = permutation(count, f"{seed}:validation")

    def part(chosen: Any) -> Examples:
        targets = examples.targets
        picked = [targets[i] for i in chosen.tolist()] if isinstance(targets, list) else targets[chosen]
        return Examples(
            examples.X[chosen], picked, None if examples.weights is None else examples.weights[chosen]
        )

    return part(np.sort(order[held:])), part(np.sort(order[:held]))


def _held_out(model: Any, validation: Any, loss: Loss) -> Examples | None:
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise InputError("validation is a pair (X, y) or None")
    X, y = validation
    return _checked_data(model, X, y, loss, "validation X", "validation y")


def _try_objective(model: Any, plan: Plan) -> list[Value]:
    """Ask model, loss and regularizer once; return the parameters."""
    if (Value(1.0) + 1.0).is_constant:
        raise InputError("fit was called within no_grad(), where no gradient is computed")
    row = plan.examples.row(0)
    with train_mode(), listing(), derivative_graphs():
        outputs = model(row)
        value = plan.loss(outputs, plan.examples.target(0))
        penalty = None if plan.regularizer is None else plan.regularizer(model)
    if not isinstance(value, Value):
        raise InputError(f"the loss {plan.loss.name} must return a Value, not {value!r}")
    if not isinstance(penalty, Value | None):
        raise InputError(f"the regularizer must return a Value, not {penalty!r}")
    parameters: list[Value] = model.parameters()
    if not is_fixed(model, plan.loss, plan.regularizer):
        check_leaves([value] if penalty is None else [value, penalty], parameters)
    warn_of_outputs(plan.loss, outputs)
    return parameters


def _bar(progress: bool | Callable[..., Any], total: int, done: int) -> Any:
    """A progress bar, or something that takes its calls."""
    if progress is False:
        return _NoBar()
    factory = require("tqdm", "progress").tqdm if progress is True else progress
    bar = factory(total=total, initial=done, unit="update", desc="training")
    for name in ("update", "set_postfix_str", "close"):
        if not callable(getattr(bar, name, None)):
            raise InputError(
                f"progress made {shown(bar)}, which has no method {name}: a bar needs update(count), "
                "set_postfix_str(text) and close(), as tqdm's have them"
            )
    return bar


class _NoBar:
    """A progress bar that shows nothing."""

    def update(self, count: int) -> None:
        """Take note of nothing."""

    def set_postfix_str(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Close nothing."""


class _Shown:
    """A bar of the user's own, which finds in the model what has been trained so far."""

    def __init__(self, run: Run, bar: Any) -> None:
        self._run, self._bar = run, bar

    def __getattr__(self, name: str) -> Any:
        self._run.updater.store(self._run)
        return getattr(self._bar, name)
