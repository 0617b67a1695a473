"""Which compiled rule an optimiser has, if it has one, and whether it has changed."""

from __future__ import annotations

from typing import Any

from autograd_core.calculus.updates import UPDATES
from nn.optimizers import Optimizer
from nn.schedules import rates_of

__all__ = ["attributes_of", "has_plain_step", "rates_of_groups", "rule_and_clips", "rule_of"]


def rates_of_groups(optimizer: Optimizer, first: int, count: int) -> Any:
    """The rates of so many updates, a row each: the optimiser's own, and the groups'."""
    import numpy as np

    rules, _ = optimizer.groups()
    if len(rules) == 1:
        return np.array(rates_of(optimizer.schedule, first, count))
    return np.array([rates_of(rule.schedule, first, count) for rule in rules]).T.copy()


def attributes_of(optimizer: Optimizer) -> Any:
    """What tells by a glance that a rule is as it was: class and attributes, numbers and methods."""
    moving = (
        "_updates",
        "_buffers",
        "_promised",
        "schedule",
        "param_groups",
        "_frozen",
        "_missed",
        "_since",
        "_members",
    )
    held = {name: held for name, held in vars(optimizer).items() if name not in moving}
    frozen = None if optimizer.frozen is None else optimizer.frozen.tobytes()
    return type(optimizer), held, frozen, [dict(group) for group in optimizer.param_groups]


def rule_and_clips(optimizer: Optimizer) -> Any:
    """All that was compiled of an optimiser, to compare."""
    rules, groups = optimizer.groups()
    numbers = None if groups is None else groups.tobytes()
    made = [(rule_of(rule), optimizer.updates - rule.updates) for rule in rules]
    return made, numbers, optimizer.clip_value, optimizer.clip_norm


def has_plain_step(optimizer: Optimizer) -> bool:
    """Is an update of this optimiser its rule, on arrays, and nothing else?"""
    kind = type(optimizer)
    names = ("step", "proposal", "zero_grad", "lr")
    plain = all(getattr(kind, name) is getattr(Optimizer, name) for name in names)
    return plain and not any(callable(getattr(kind, name, None)) for name in vars(optimizer))


def rule_of(optimizer: Optimizer) -> tuple[str, tuple[float, ...]] | None:
    """The name and the settings of the optimiser's rule if it is one that is compiled, else None.

    A subclass that changes nothing of the rule has it too. A method put onto the optimiser itself (as some
    wrappers do with `step`) makes it another.
    """
    if not has_plain_step(optimizer) or type(optimizer).rule is not Optimizer.rule:
        return None
    update, settings = optimizer.update()
    known = (
        UPDATES.get(update.name) is update and optimizer.buffer_names[: len(update.buffers)] == update.buffers
    )
    return (update.name, settings) if known else None
