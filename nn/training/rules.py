"""Which compiled rule an optimizer has, if it has one, and whether it has changed."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any

from autograd_core.calculus.updates import UPDATES
from autograd_core.libraries import of_a_library
from nn.arguments import shown
from nn.errors import InputError
from nn.optimizers import Optimizer
from nn.random_state import names_in
from nn.schedules import rate_at, rates_of
from nn.snapshot import Attributes, Snapshot


def rates_of_groups(optimizer: Optimizer, first: int, count: int) -> Any:
    """The rates of so many updates, a row each: the optimizer's own, and the groups'."""
    import numpy as np

    rules, _ = optimizer.groups()
    if len(rules) == 1:
        return np.array(rates_of(optimizer.schedule, first, count))
    return np.array([rates_of(rule.schedule, first, count) for rule in rules]).T.copy()


_MOVING = {  # what changes in a run, of the library's own
    "_updates", "_buffers", "_promised", "schedule", "param_groups", "_frozen", "_missed", "_since",
    "_members",
}  # fmt: skip


def memory_of(optimizer: Optimizer) -> Snapshot | None:
    """What a rule or a schedule of the user's holds now, beside buffers; None where both are ours."""
    rates = [optimizer.schedule, *(group.get("lr") for group in optimizer.param_groups)]
    theirs = [rate for rate in rates if callable(rate) and not type(rate).__module__.startswith("nn.")]
    if of_a_library(type(optimizer)) and not theirs:
        return None
    for rate in theirs:
        if rate_at(rate, optimizer.updates) != rate_at(rate, optimizer.updates):
            raise InputError(
                f"a learning rate is a function of the number of updates alone, and {shown(rate)} returns "
                "another one each time: set optimizer.lr in a callback instead"
            )
    own = Attributes(optimizer, _MOVING | {"parameters"})
    named = [(f"optimizer.lr{k or ''}", rate) for k, rate in enumerate(theirs)]
    return Snapshot(
        [("optimizer.", own), (type(optimizer).__qualname__, type(optimizer)), *named], optimizer.parameters
    )


def attributes_of(optimizer: Optimizer) -> Any:
    """What tells by a glance that a rule is as it was: class and attributes, numbers and methods."""
    held = {name: held for name, held in vars(optimizer).items() if name not in _MOVING}
    frozen = None if optimizer.frozen is None else optimizer.frozen.tobytes()
    return type(optimizer), held, frozen, [dict(group) for group in optimizer.param_groups]


def rule_and_clips(optimizer: Optimizer) -> Any:
    """All that was compiled of an optimizer, to compare."""
    rules, groups = optimizer.groups()
    numbers = None if groups is None else groups.tobytes()
    made = [(rule_of(rule), optimizer.updates - rule.updates) for rule in rules]
    return made, numbers, optimizer.clip_value, optimizer.clip_norm


_FREE = {"rule", "update", "buffer_names"}  # what a class of the user's defines for a rule of its own
_READS = {"parameters", "data", "grad"}  # names by which a rule would read the Values, which it is not given


@functools.cache
def _library_names(ours: tuple[type, ...]) -> frozenset[str]:
    names = {name for base in ours for name in vars(base)}
    return frozenset(names.union(*(inspect.signature(base).parameters for base in ours), ["schedule"]))


def _own_parts(kind: type[Optimizer]) -> tuple[frozenset[str], bool]:
    """What the user's classes in `kind` define of what the library's do, and whether they read Values."""
    ours = tuple(base for base in kind.__mro__ if base.__module__.startswith("nn."))
    theirs = [base for base in kind.__mro__ if base not in ours and base is not object]
    names = _library_names(ours)
    found = {name for base in theirs for name in vars(base)}
    held = [part for base in theirs for part in vars(base).values()]
    functions = [part for part in held if isinstance(part, FunctionType) and part.__name__ != "__init__"]
    plain = {name for name in names & found if not name.startswith("__")}
    return frozenset(plain), any(_READS & names_in(function.__code__) for function in functions)


def has_plain_step(optimizer: Optimizer) -> bool:
    """Is an update of this optimizer its rule, on arrays, and nothing else?"""
    kind = type(optimizer)
    defined, reads = _own_parts(kind)
    return not (
        defined - _FREE or reads or any(callable(getattr(kind, name, None)) for name in vars(optimizer))
    )


def rule_of(optimizer: Optimizer) -> tuple[str, tuple[float, ...]] | None:
    """The name and the settings of the optimizer's rule if it is one that is compiled, else None.

    A subclass that changes nothing of the rule has it too. A method put onto the optimizer itself (as some
    wrappers do with `step`) makes it another.
    """
    if not has_plain_step(optimizer) or _own_parts(type(optimizer))[0] & {"rule", "update"}:
        return None
    update, settings = optimizer.update()
    known = (
        UPDATES.get(update.name) is update and optimizer.buffer_names[: len(update.buffers)] == update.buffers
    )
    return (update.name, settings) if known else None
