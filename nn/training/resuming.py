"""Going on from a checkpoint: what a run keeps in one, and what must fit before anything changes.

A file is compared with the run that is to go on, field by field. It is refused whole, and nothing has
changed, or taken whole.
"""

from __future__ import annotations

import copy
import json
import math
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograd_core import gradients_to_vector, vector_to_gradients
from nn.data import data_digest
from nn.errors import InputError, ModelWarning
from nn.groups import of_group
from nn.history import Epoch
from nn.libraries import of_a_library
from nn.module import Module
from nn.plain_data import NotPlain, from_json, to_json
from nn.random_state import codes
from nn.schedules import rate_at
from nn.snapshot import EDITED, Grown, Snapshot, entry_name, is_lost
from nn.training.checkpoints import TrainingState, check_field, check_same_run, reading, save_state
from nn.training.rules import memory_of

if TYPE_CHECKING:
    from nn.optimizers import Optimizer
    from nn.training.run import Plan, Run


class Memory:
    """What a run may change beside parameters and optimizer: looked at now, kept in its states from now on.

    Args:
        run: one that begins.
    """

    def __init__(self, run: Run) -> None:
        memory, plan = memory_of(run.optimizer), run.plan
        self.parts = {} if memory is None else {"optimizer": memory}
        self._is_told = False
        self._known: dict[str, Any] = {}
        if plan.checkpoint is None:
            return
        if plan.callbacks or not run.problem.is_fixed:
            self.parts["model"] = Snapshot(run.problem.owners(), run.parameters)
            objects = [getattr(callback, "__self__", callback) for callback in plan.callbacks]
            named = [(f"callback {getattr(t, '__qualname__', type(t).__qualname__)}", t) for t in objects]
            data = (plan.examples, plan.held_out)
            apart = {"run": run, "model": run.model, "optimizer": run.optimizer, "history": run.history}
            apart |= {"plan": plan, "data": data, "parameters": run.parameters, "loss": plan.loss}
            self.parts["callbacks"] = Snapshot(named, run.parameters, apart)
        owners = [*dict(run.problem.owners()).values(), run.optimizer, *plan.metrics.values()]
        watched = [held for name, held in self.parts.items() if name != "callbacks"]
        held = {name: told for snapshot in watched for name, told in snapshot.told().items()}
        self._known = {"python": sys.version[:4], "code": codes(owners), "held": held}

    def changes(self) -> dict[str, Any]:
        """What has changed of all that by now."""
        return {name: self._changes_of(name) for name in self.parts}

    def _changes_of(self, name: str) -> list[Any]:
        held = self.parts[name]
        found = held.changes(as_grown=name == "callbacks") if held.changed() else []
        if name == "model":  # which may keep activations
            found = [change for change in found if change[2] != {"lost": "Value"}]
        return found + held.moved()

    def after_rule(self, run: Run) -> dict[str, Any]:
        """The entries of a state that change where only the optimizer's rule can have changed something."""
        if "optimizer" not in self.parts:
            return {}
        changes = {**run.state.changes, "optimizer": self._changes_of("optimizer")}
        return {"changes": changes, "hyperparameters": run.optimizer.hyperparameters()}

    def restore(self, changes: Mapping[str, Any], whole: bool) -> None:
        """Put back what was there when the run began, but for these changes.

        Args:
            changes: what `changes` returned.
            whole: what code names, and callbacks, too? An interrupted run leaves them alone, since they may
                be somebody's log.
        """
        for name in ("optimizer", "model", "callbacks") if whole else ("optimizer", "model"):
            found = changes.get(name, ())
            if name == "callbacks" and name in self.parts:
                names = self.parts[name].names
                found = [change for change in found if change[0] in names]
            if name in self.parts:
                self.parts[name].restore(found, "" if whole else f"{name}.")

    def warn_of_others(self, path: object, theirs: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        """Tell of code and numbers that are not those of the run that wrote the checkpoint."""
        ours, told = self._known, {entry_name(c[0], c[1]) for part in changes.values() for c in part}
        other: list[str] = []
        if theirs["python"] == ours["python"]:
            codes = theirs["code"], ours["code"]
            other += [name for name in {**codes[0], **codes[1]} if codes[0].get(name) != codes[1].get(name)]
        mine, held = ours["held"], theirs["held"].items()
        other += [name for name, kept in held if name in mine and mine[name] != kept and name not in told]
        begun_anew = [c for c in changes.get("callbacks", ()) if is_lost(c[2])]
        if begun_anew:
            name, key, made = begun_anew[0]
            warnings.warn(
                f"{str(path)!r} does not hold {entry_name(name, key)} (of class {made['lost']}), which "
                "begins anew: if anything goes by it, this is not what that run would have become",
                ModelWarning,
                stacklevel=4,
            )
        if other:
            warnings.warn(
                f"the run that wrote {str(path)!r} had another {', '.join(other[:5])}: what goes on from "
                "there is not what that run would have become",
                ModelWarning,
                stacklevel=4,
            )
        if closed := [name for part in self.parts.values() for name in part.closed]:
            warnings.warn(
                f"nn cannot look into {closed[0]}: if it is not what it was in the run that wrote the "
                "checkpoint, this one is another",
                ModelWarning,
                stacklevel=4,
            )

    def save(self, run: Run, is_current: bool) -> None:
        """Write the run's state into its checkpoint file; see `Run.save`."""
        assert run.plan.checkpoint is not None
        changes = dict(run.state.changes)
        if (mine := self.parts.get("callbacks")) is not None:  # a run that goes on without them has none
            kept = [*mine.changes(), *mine.moved()]
            if not is_current:
                edited = [(n, key, {"lost": f"array, {EDITED}"}) for n, key, _ in kept if n in mine.big]
                then = changes.get("callbacks", ())
                kept = [(n, key, m.written() if isinstance(m, Grown) else m) for n, key, m in then] + edited
            changes["callbacks"] = kept
        state = run.state.replace(changes=changes)
        if not self._is_told and (lost := _lost(state.changes)):
            self._is_told = True
            warnings.warn(f"this run cannot be resumed: {lost}", ModelWarning, stacklevel=6)
        now = told_of(run.model, run.optimizer, run.plan)
        settings = {**run.history.settings, "now": now, "known": self._known}
        save_state(state, run.history.epochs, settings, run.plan.checkpoint, run.table)


def resume(run: Run, state: TrainingState, epochs: list[Epoch], settings: Mapping[str, Any]) -> None:
    """Let a run that begins stand where a checkpoint's run stood. It fails with nothing changed.

    Raises:
        InputError: the checkpoint is of a run with other settings, or something is to be set again.
        FileError: a field of it does not fit.
    """
    path, start, memory = run.plan.checkpoint, run.state, run.memory
    if lost := _lost(state.changes):
        raise InputError(f"{str(path)!r} does not tell all that has changed: {lost}")
    with reading(path):
        count = len(run.parameters)
        check_field(len(state.values) == count, "values", len(state.values), f"{count} numbers")
    ours = _check_settings(run, state, settings)
    try:
        with reading(path):
            numbers = from_json(state.hyperparameters, run.optimizer.hyperparameters())
    except NotPlain as error:
        raise InputError(f"{str(path)!r}: {error}") from None
    with reading(path):
        _check_numbers(run.optimizer, numbers, state)
        _check_position(run, state, epochs)
    _check_best(run, state, epochs)
    memory.warn_of_others(path, settings["known"], state.changes)
    if state.changes.get("model") and "model" not in memory.parts:
        memory.parts["model"] = Snapshot(run.problem.owners(), run.parameters)
    gradients, generators = gradients_to_vector(run.parameters), run.generators.states()
    try:
        with reading(path):
            run.restore(state.replace(hyperparameters=numbers), whole=True)
            fits = _written(run.generators.states()) == _written(state.random)
            check_field(fits, "random", "a state", "one that a generator can have")
            told, now = _changed_numbers(state), run.optimizer.hyperparameters()
            for name, number in numbers.items():
                fits = name in told or _written(now.get(name)) == _written(number)
                check_field(fits, name, number, f"{now.get(name)!r}")
    except BaseException:
        run.restore(start.replace(random=generators), whole=True)
        vector_to_gradients(gradients, run.parameters)
        raise
    run.history.epochs = list(epochs)
    run.history.settings.update(ours)


def _written(thing: Any) -> str:
    """Plain data as text, in which NaN is NaN and -0.0 is not 0.0."""
    return json.dumps(to_json(thing, by_name=True))


def _check_settings(run: Run, state: TrainingState, settings: Mapping[str, Any]) -> dict[str, Any]:
    """May this run go on from a checkpoint's state? Return its settings, as they were when it began.

    The model must be frozen as it was when that run began, or, where callbacks have changed that, ended.

    Raises:
        InputError: it was written by a run with other settings.
    """
    mask = None
    with reading(run.plan.checkpoint):
        frozen = from_json(dict(state.hyperparameters["dict"]).get("frozen"))
        if frozen is not None:
            mask, *_ = _checked_frozen(frozen, len(run.parameters), state.optimizer_updates)
    ours = {"frozen": [], **run.history.settings}
    theirs = {"frozen": [], **settings}
    as_it_was = {**theirs.pop("now"), "frozen": run.frozen_names(mask)}
    theirs.pop("known")
    for name, told in as_it_was.items():  # what callbacks have changed may be at the start, or at the end
        if ours.get(name) == told:
            ours[name] = theirs.get(name)
    check_same_run(theirs, ours, run.plan.checkpoint)
    return ours


def _check_numbers(optimizer: Optimizer, numbers: Any, state: TrainingState) -> None:
    """The optimizer's numbers and buffers, tried on a copy."""
    now, is_theirs = optimizer.hyperparameters(), not of_a_library(type(optimizer))
    names, optional = {str(name) for name in numbers}, {"frozen", *_changed_numbers(state)}
    for name in now.keys() - names - optional:
        check_field(False, "hyperparameters", sorted(names), f"{name} too")
    for name in names - now.keys() - {"frozen"}:
        held = getattr(type(optimizer), name, None)  # a number there may be the first value
        fits = is_theirs and name[:1] != "_" and isinstance(held, (float, int, str, tuple, type(None)))
        check_field(fits, "hyperparameters", name, f"a number of {type(optimizer).__name__}")
    if (frozen := numbers.get("frozen")) is not None:
        _checked_frozen(frozen, len(optimizer.parameters), state.optimizer_updates)
    trial = copy.copy(optimizer)
    trial.param_groups = [dict(group) for group in optimizer.param_groups]
    kept = numbers.get("param_groups", [])
    count = len(trial.param_groups)
    check_field(len(kept) == count, "param_groups", kept, f"a list of {count}")
    for group, found in zip(trial.param_groups, kept, strict=True):
        check_field(group.keys() - {"params"} <= found.keys(), "param_groups", found, f"{[*group]}")
        check_field("params" not in found, "param_groups", found, "numbers alone")
    check_field(callable(numbers["schedule"]), "schedule", numbers["schedule"], "a schedule")
    trial.set_hyperparameters(numbers)
    for rule in (trial, *(of_group(trial, group) for group in trial.param_groups)):
        rate_at(rule.schedule, state.optimizer_updates)
    wanted = {*trial.buffer_names}
    check_field(state.buffers.keys() == wanted, "buffers", sorted(state.buffers), f"{sorted(wanted)}")
    if not is_theirs:
        for name, buffer in state.buffers.items():
            low = 0.0 if name == "squares" else -sys.float_info.max
            worst = min(buffer.tolist(), key=lambda number: low <= number < math.inf)
            check_field(low <= worst < math.inf, f"buffer.{name}", worst, f"a finite number >= {low}")


def _changed_numbers(state: TrainingState) -> set[Any]:
    """The optimizer's attributes that its rule has changed, which stand among the changes."""
    return {key[0] for name, key, _ in state.changes.get("optimizer", ()) if name == "optimizer." and key}


def _checked_frozen(frozen: Any, count: int, updates: int) -> tuple[Any, Any, int]:
    """What an optimizer knows of frozen parameters: which, how many updates each has missed, since when."""
    import numpy as np

    mask, missed, since = frozen
    fits = type(since) is int and 0 <= since <= updates and isinstance(frozen, tuple)
    for array, kind in ((mask, "b"), (missed, "i")):
        if array is not None:
            shape, dtype = np.shape(array), getattr(array, "dtype", None)
            fits = fits and shape == (count,) and getattr(dtype, "kind", "") == kind
    if fits and missed is not None:
        fits = bool((missed >= 0).all() and (missed <= since).all())
    fits = fits and (mask is None or not mask.all())
    check_field(fits, "frozen", frozen, "(which, updates missed, since when)")
    return mask, missed, since


def _check_position(run: Run, state: TrainingState, epochs: Sequence[Epoch]) -> None:
    """Counts and history must be those that this run would have."""
    plan = run.plan
    check_field(state.batch <= plan.batches, "batch", state.batch, f"at most {plan.batches}")
    wanted = state.epoch * plan.batches + state.batch
    check_field(state.updates == wanted, "updates", state.updates, f"{wanted}, by epoch and batch,")
    measured = {"validation_loss", *plan.metrics} if plan.held_out is not None else set()
    for k, epoch in enumerate(epochs, 1):
        wanted = k * plan.batches
        check_field(epoch.updates == wanted, "history: updates", epoch.updates, f"{wanted}")
        found = {*epoch.metrics, *(["validation_loss"] if epoch.validation_loss is not None else [])}
        check_field(found == measured, "measured", sorted(found), f"{sorted(measured)}")
        fits = epoch.validation_accuracy is None or (measured and 0.0 <= epoch.validation_accuracy <= 1.0)
        check_field(bool(fits), "measured.validation_accuracy", epoch.validation_accuracy, "a share")
    mine, theirs = len(run.generators.before), len(state.random)
    check_field(mine == theirs, "random", f"{theirs} states", f"{mine}, one for each generator,")


def _check_best(run: Run, state: TrainingState, epochs: Sequence[Epoch]) -> None:
    """The best parameters must be those of the epoch that the stopping criteria find best."""
    history = copy.copy(run.history)
    history.epochs, history._best = list(epochs), {}
    found = max((keeper.best_index(history) + 1 for keeper in run.plan.keepers), default=0)
    if run.plan.keepers and found != (state.best_epoch or 0):
        raise InputError(
            f"{str(run.plan.checkpoint)!r}: best_epoch is {state.best_epoch}, and by "
            f"{run.plan.keepers} the best is {found or None}: go on with the criteria that the run began "
            "with, or without restore_best"
        )


def _lost(changes: Mapping[str, Any]) -> str:
    """What a file cannot hold of what has changed, in words, or ""."""
    found = [c for name in ("model", "optimizer") for c in changes.get(name, ()) if is_lost(c[2])]
    found += [c for c in changes.get("callbacks", ()) if is_lost(c[2]) and EDITED in c[2]["lost"]]
    names = ", ".join(f"{entry_name(name, key)} (of class {made['lost']})" for name, key, made in found)
    return names and (
        f"{names} has changed, and a checkpoint holds numbers, texts, arrays, and lists and dictionaries of "
        "them: keep the changing number of it in an attribute of its own"
    )


def settings_of(model: Any, optimizer: Optimizer, plan: Plan, seed: int) -> dict[str, Any]:
    """What makes the run repeatable, in words and numbers that JSON can keep."""
    made = {
        **told_of(model, optimizer, plan),
        "seed": seed,
        **({} if plan.shuffle else {"shuffle": False}),
        "batch_size": plan.batch_size,
        "loss": plan.loss.name,
        "parameters": len(optimizer.parameters),
        "examples": len(plan.examples),
        "data": data_digest(plan.examples.X, plan.examples.targets),
    }
    if plan.examples.weights is not None:
        made["weights"] = data_digest(plan.examples.weights, [])
    if plan.held_out is not None:
        made["validation"] = data_digest(plan.held_out.X, plan.held_out.targets)
    if plan.metrics:
        made["metrics"] = sorted(plan.metrics)
    return made


def told_of(model: Any, optimizer: Optimizer, plan: Plan) -> dict[str, Any]:
    """Those that a callback may change, in words that are the same in every process: no addresses."""
    kind, regularizer = type(model).__qualname__, plan.regularizer
    told = repr(model) if isinstance(model, Module) else kind
    return {
        "model": _without_addresses(told if told.startswith(kind) else f"{kind}: {told}"),
        "regularizer": None if regularizer is None else _without_addresses(regularizer),
        "optimizer": _without_addresses(optimizer),
    }


def _without_addresses(thing: Any) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(thing))
