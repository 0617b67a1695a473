"""Which compiled rule an optimizer has, if it has one, and whether it has changed."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any

from autograd_core.programs.watch import stands
from nn.arguments import shown
from nn.errors import InputError
from nn.groups import of_group
from nn.libraries import of_a_library
from nn.optimizer_base import MOVING, Optimizer
from nn.plain_code import ARITHMETIC, PURE, is_plain_code
from nn.random_state import names_in
from nn.schedules import Constant, rate_at, rates_of, schedule_of
from nn.snapshot import Attributes, Snapshot, alike
from nn.training.recording import NotRecordable


def _schedules(optimizer: Optimizer) -> list[Any]:
    """The schedules of its rates that are not constant."""
    rates = [optimizer.schedule, *(group.get("lr") for group in optimizer.param_groups)]
    return [rate for rate in rates if callable(rate) and type(rate) is not Constant]


def _is_number(rate: Any) -> bool:
    return isinstance(rate, int | float) and not isinstance(rate, bool)


def _sees_numbers(kind: type[Optimizer]) -> bool:
    """May a class of the user's look at a rate as it is set, with an `__init__` of its own or the like?"""
    theirs = [base for base in kind.__mro__ if not base.__module__.startswith("nn.") and base is not object]
    return any(name[:2] == "__" and callable(held) for base in theirs for name, held in vars(base).items())


def _is_users(rate: Any) -> bool:
    """Is a schedule, or one that it is made of, the user's?"""
    if not type(rate).__module__.startswith("nn."):
        return callable(rate)
    return any(map(_is_users, vars(rate).values()))


def goes_by_values(optimizer: Optimizer) -> bool:
    """May its rates or its rule go by what the Values hold, so that they must hold what the arrays hold?"""
    if not all(is_plain_code(rate, {"__call__"}, PURE) for rate in _schedules(optimizer)):
        return True
    own = _own_parts(type(optimizer))[0] & {"rule", "update"}
    return bool(own) and not is_plain_code(optimizer, own, _OF_RULES, MOVING | {"parameters"})


_OF_RULES = ARITHMETIC | {"updates", "rule", "update", "dict", "items", "keys", "values", "get"}


def memory_of(optimizer: Optimizer) -> Snapshot | None:
    """What a rule or a schedule of the user's holds now, beside buffers; None where both are ours."""
    theirs = [rate for rate in _schedules(optimizer) if _is_users(rate)]
    if of_a_library(type(optimizer)) and not theirs:
        return None
    for rate in theirs:
        if rate_at(rate, optimizer.updates) != rate_at(rate, optimizer.updates):
            raise InputError(
                f"a learning rate is a function of the number of updates alone, and {shown(rate)} returns "
                "another one each time: set optimizer.lr in a callback instead"
            )
    own = Attributes(optimizer, MOVING | {"parameters"})
    named = [(f"optimizer.lr{k or ''}", rate) for k, rate in enumerate(theirs)]
    held = [("optimizer.", own), (type(optimizer).__qualname__, type(optimizer)), *named]
    made = Snapshot(held, optimizer.parameters)
    for rate in theirs:
        rate_at(rate, optimizer.updates)
    made.counts_calls = made.changed()
    return made


def attributes_of(optimizer: Optimizer) -> Any:
    """What tells by a glance that a rule is as it was: class and attributes, numbers and methods.

    The rates of groups that are numbers may change: `Rules.rates` reads them for each update.
    """
    held = {name: held for name, held in vars(optimizer).items() if name not in MOVING}
    frozen = None if optimizer.frozen is None else optimizer.frozen.tobytes()
    groups = [
        {
            name: "a number"
            if name == "lr" and _is_number(held)
            # numbers in a list may be changed in it
            else repr(held)
            if isinstance(held, list) and name != "params"
            else held
            for name, held in g.items()
        }
        for g in optimizer.param_groups
    ]
    return type(optimizer), held, frozen, optimizer._missed, groups, _schedules(optimizer)


class Rules:
    """What the compiled loop over minibatches makes of an optimizer, as it is now.

    Args:
        optimizer: an optimizer.
        memory: of a run that begins, see `memory_of`.
        before: what was compiled of it before.

    Attributes:
        is_anew: has nothing been taken over of what was recorded before?
        arguments: for `Trainer.set_rules`: each group's rule, settings and updates missed; how many buffers;
            the limits; the groups.

    Raises:
        NotRecordable: it has a rule that cannot be compiled, and why.
    """

    def __init__(self, optimizer: Optimizer, memory: Snapshot | None, before: Rules | None = None) -> None:
        if not has_plain_step(optimizer):
            raise NotRecordable(f"{type(optimizer).__name__} has a step of its own")
        plain = all(is_plain_code(rate, {"__call__"}, PURE) for rate in _schedules(optimizer))
        if not plain or (memory is not None and memory.counts_calls):
            raise NotRecordable("the learning rate is a function that nn cannot see into")
        self._attributes = attributes_of(optimizer)
        self._watch = memory_of(optimizer) if _own_parts(type(optimizer))[0] else None
        self._recorded: list[tuple[dict[str, Any], tuple[bytes, tuple[float, ...]]]] = []
        self.is_anew = (
            before is None
            or before._watch is None
            or before._attributes[0] is not type(optimizer)
            or before._watch.changed()
        )
        if before is not None and not self.is_anew:  # rates, groups or what is frozen have changed
            self._watch, self._recorded = before._watch, before._recorded
        rules, groups = optimizer.groups()
        given = optimizer.param_groups
        self._groups = [(group.get("lr"), optimizer.schedule) for group in given]
        self._rates: list[Any] = []  # of each rule: None for the optimizer's, a schedule, a group's place
        for rule in rules:
            group = None if rule.param_groups is given else rule.param_groups[0]
            place = next((k for k, other in enumerate(given) if other is group), -1)
            if place >= 0 and _is_number(given[place].get("lr")):
                self._groups[place] = given[place]["lr"], rule.schedule
                self._rates.append(place)
            else:
                self._rates.append(None if rule.schedule is optimizer.schedule else rule.schedule)
        made = [(*self._compiled(rule), optimizer.updates - rule.updates) for rule in rules]
        limits = optimizer.clip_value, optimizer.clip_norm
        self.arguments = made, len(optimizer.buffer_names), *limits, groups

    def _compiled(self, rule: Optimizer) -> tuple[str | bytes, tuple[float, ...]]:
        if self._watch is not None:
            from nn.training.recorded_rules import recorded_rule

            held = {name: held for name, held in vars(rule).items() if name not in MOVING}
            for known, made in self._recorded:
                if known.keys() == held.keys() and all(map(stands, known.values(), held.values())):
                    return made
            try:
                self._recorded.append((held, recorded_rule(rule, self._watch)))
                return self._recorded[-1][1]
            except NotRecordable as error:
                raise NotRecordable(f"{type(rule).__name__} has a rule of its own, and {error}") from None
        update, settings = rule.update()
        if rule.buffer_names[: len(update.buffers)] != update.buffers:
            raise NotRecordable("a group has buffers that the optimizer has not")
        return update.name, settings

    def rates(self, optimizer: Optimizer, first: int, count: int) -> Any:
        """The rates of so many updates of an optimizer that these are of: a row each, if there are groups."""
        import numpy as np

        for k in self.other_rates(optimizer):
            group = optimizer.param_groups[k]
            plain = not _sees_numbers(type(optimizer))
            schedule = schedule_of(group["lr"]) if plain else of_group(optimizer, group).schedule
            self._groups[k] = group["lr"], schedule
        schedules = [optimizer.schedule if rate is None else rate for rate in self._rates]
        schedules = [self._groups[rate][1] if type(rate) is int else rate for rate in schedules]
        made = [rates_of(schedule, first, count) for schedule in schedules]
        return np.array(made[0]) if len(made) == 1 else np.array(made).T.copy()

    def other_rates(self, optimizer: Optimizer) -> list[int]:
        """The groups whose rate is another number than `rates` has last found."""
        held = zip(optimizer.param_groups, self._groups, strict=True)
        return [k for k, (group, (rate, _)) in enumerate(held) if group.get("lr") is not rate]

    @property
    def is_own(self) -> bool:
        """Is it a rule of the user's?"""
        return self._watch is not None

    def are_of(self, optimizer: Optimizer) -> bool:
        """Is the optimizer what it was, by a glance?"""
        if self._watch is not None and self._watch.changed():
            return False
        kind, held, frozen, missed, groups, schedules = self._attributes
        plain = frozen is None and missed is None and not groups and not schedules
        plain = plain and not optimizer.param_groups and optimizer.missed is None
        plain = plain and type(optimizer) is kind and type(optimizer.schedule) is Constant
        return (
            plain and alike([vars(optimizer)], [held], [MOVING])
        ) or _are_equal(  # the first takes no time
            attributes_of(optimizer), self._attributes
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rules):
            return NotImplemented
        mine, theirs = self.arguments, other.arguments
        return repr(mine[:-1]) == repr(theirs[:-1]) and _bytes(mine[-1]) == _bytes(theirs[-1])

    __hash__ = None  # type: ignore[assignment]


def _are_equal(some: Any, others: Any) -> bool:
    try:
        return bool(some == others)
    except ValueError:  # there is an array where another one was
        return False


def _bytes(groups: Any) -> bytes | None:
    return None if groups is None else groups.tobytes()


_FREE = {"rule", "update", "buffer_names"}  # what a class of the user's defines for a rule of its own
_READS = {"parameters", "data", "grad"}  # names by which a rule would read the Values, which it is not given


@functools.cache
def _library_names(ours: tuple[type, ...]) -> frozenset[str]:
    names = {name for base in (*ours, object) for name in vars(base)}
    others = ["schedule", "__getattr__"]
    return frozenset(names.union(*(inspect.signature(base).parameters for base in ours), others))


def _own_parts(kind: type[Optimizer]) -> tuple[frozenset[str], bool]:
    """What the user's classes in `kind` define of what the library's do, and whether they read Values."""
    ours = tuple(base for base in kind.__mro__ if base.__module__.startswith("nn."))
    theirs = [base for base in kind.__mro__ if base not in ours and base is not object]
    names = _library_names(ours)
    found = {name for base in theirs for name in vars(base)}
    held = [part for base in theirs for part in vars(base).values()]
    functions = [part for part in held if isinstance(part, FunctionType) and part.__name__[:2] != "__"]
    plain = {name for name in names & found if not name.startswith("__") or name.startswith("__getattr")}
    return frozenset(plain), any(_READS & names_in(function.__code__) for function in functions)


def has_plain_step(optimizer: Optimizer) -> bool:
    """Is an update of this optimizer its rule, on arrays, and nothing else?"""
    kind = type(optimizer)
    defined, reads = _own_parts(kind)
    replaced = any(callable(getattr(kind, name, None)) for name in vars(optimizer))
    ours = [vars(base) for base in kind.__mro__ if base.__module__.startswith("nn.")]
    steps = [names[name] for names in ours for name in ("rule", "update", "step") if name in names]
    return not (defined - _FREE or reads or replaced) and all(map(of_a_library, steps))
