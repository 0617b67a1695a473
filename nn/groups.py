"""Groups of parameters: which are frozen, and which have a learning rate or a decay of their own.

    >>> from nn import MLP, AdamW, fit
    >>> model = MLP(2, [8, 8, 1], seed=1)
    >>> model.freeze("layer1")[:2]
    ['layer1.W[0][0]', 'layer1.W[0][1]']
    >>> groups = [{"params": "layer3", "lr": 1e-3}, {"params": "layer2.b", "weight_decay": 0.0}]
    >>> optimizer = AdamW(groups, lr=0.01)
    >>> X, y = [[0.0, 1.0], [1.0, 0.0]], [1.0, 0.0]
    >>> history = fit(model, X, y, loss="mse", optimizer=optimizer, epochs=3, seed=1)
    >>> [param["params"] for param in optimizer.param_groups]
    [['layer3'], ['layer2.b']]

What is frozen is neither updated nor decayed, and its gradient counts as 0, in the norm as well. A callback
may freeze, unfreeze and change the groups' numbers; a checkpoint keeps all of it. Whole updates on Programs
take groups and frozen parameters as they come, with the bits of eager training.

Momentum and other buffers of what is frozen wait unchanged, and Adam corrects its bias by the updates of each
parameter, those at which it was frozen not counted, as in PyTorch.
"""

from __future__ import annotations

import copy
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autograd_core import Value
from nn.arguments import shown, unknown
from nn.errors import InputError
from nn.schedules import schedule_of

if TYPE_CHECKING:
    from nn.optimizers import Optimizer

__all__ = [
    "chosen",
    "may_fit",
    "means_all",
    "members",
    "of_group",
    "opened",
    "tensors_told",
]

_SCANNED = 16  # so many texts are compared with every name
_SHARED = ("clip_norm", "clip_value", "parameters")


def chosen(
    named: Callable[[str], Iterable[tuple[str, Sequence[Value]]]],
    which: Sequence[Any],
    parameters: Iterable[Value],
) -> list[Value]:
    """The parameters that are meant.

    Args:
        named: names with their parameters, at least those that a text may mean.
        which: parameters; or texts: the name of a parameter (``layer1.W[0][2]``), of a tensor (``layer1.W``)
            or of a module (``layer1``), or a pattern with ``*`` and ``?`` (``*.b``).
        parameters: all that there are.

    Raises:
        InputError: a text fits nothing, or a parameter is not among them.
    """
    known = set(parameters) if any(isinstance(item, Value) for item in which) else set[Value]()
    found: dict[Value, None] = {}
    plain = _meant(named, which) if len(which) > _SCANNED else {}
    for item in which:
        if isinstance(item, Value):
            if item not in known:
                raise InputError(f"{item!r} is not a parameter of the model")
            found[item] = None
            continue
        if not isinstance(item, str):
            raise InputError(f"parameters are chosen by name, by pattern or themselves, not by {shown(item)}")
        fitting = plain.get(item) or [
            value for name, values in named(item) if _fits(name, item) for value in values
        ]
        if not fitting:
            tensors = dict.fromkeys(name.partition("[")[0] for name, _ in named("*"))
            raise InputError(f"no parameter is named {item!r}; there are {', '.join(tensors)}")
        found.update(dict.fromkeys(fitting))
    return list(found)


def _meant(
    named: Callable[[str], Iterable[tuple[str, Sequence[Value]]]], which: Sequence[Any]
) -> dict[str, list[Value]]:
    """What texts without ``*`` and ``?`` mean: many are looked up and not compared with every name."""
    texts = [item for item in which if isinstance(item, str) and not {*item} & {*"*?"}]
    tensors = dict.fromkeys(text.partition("[")[0] for text in texts if "[" in text)
    found: dict[str, list[Value]] = {text: [] for text in texts}
    for pattern in ("*", *(f"{tensor}[*" for tensor in tensors)):
        for name, values in named(pattern):
            tensor = name.partition("[")[0]
            modules = itertools.accumulate(tensor.split("."), "{}.{}".format) if pattern == "*" else ()
            for text in dict.fromkeys((*modules, name)):
                if text in found:
                    found[text] += values
    return found


def _fits(name: str, pattern: str) -> bool:
    whole = means_all(name.partition("[")[0], pattern)
    return whole or pattern == name or fnmatch.fnmatchcase(name, _escaped(pattern))


def _escaped(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def means_all(tensor: str, pattern: str) -> bool:
    """Does a text mean all numbers of a tensor?"""
    named = pattern == tensor or tensor.startswith(f"{pattern}.")
    return named or fnmatch.fnmatchcase(tensor, _escaped(pattern))


def may_fit(tensor: str, pattern: str) -> bool:
    """May a pattern fit a tensor or numbers of it, whose names are the tensor's and "[...]" behind it?"""
    begins = pattern.partition("[")[0]
    inside = pattern.endswith(("]", "*", "?")) and (tensor.startswith(begins) or bool({*begins} & {*"*?"}))
    return inside or _fits(tensor, pattern)


def opened(parameters: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """Parameters and groups, as an optimizer's first argument gives them: Values, or dicts with "params".

    Raises:
        InputError: it is neither; a group has no "params", or there are Values beside groups.
    """
    if not isinstance(parameters, (Value, Iterable)):
        raise InputError(
            f"the first argument of an optimizer is parameters or groups of them, not {shown(parameters)}; "
            "the rate is given by name, lr=0.1"
        )
    given = [parameters] if isinstance(parameters, (Value, Mapping)) else list(parameters)
    if not any(isinstance(item, Mapping) for item in given):
        return given, []
    groups = []
    for item in given:
        if not isinstance(item, Mapping) or "params" not in item:
            raise InputError(f'a group of parameters is a dict with "params", not {shown(item)}')
        params = item["params"]
        if not isinstance(params, (str, Value, Iterable)):
            raise InputError(f'"params" of a group are Values, or names and patterns, not {shown(params)}')
        params = [params] if isinstance(params, (str, Value)) else list(params)
        groups.append({**item, "params": params})
    values = [item for group in groups for item in group["params"]]
    texts = [isinstance(value, str) for value in values]
    if any(texts) and not all(texts):
        raise InputError('"params" of all groups are Values, or names and patterns: not some of each')
    return ([] if any(texts) else values), groups


def tensors_told(named: Iterable[tuple[str, Value]], meant: Iterable[Value]) -> list[str]:
    """The names of some parameters, those of a whole tensor as one.

    Args:
        named: the names of all parameters.
        meant: which are to be told.
    """
    known = set(meant)
    tensors: dict[str, list[tuple[str, bool]]] = {}
    for name, value in named:
        tensors.setdefault(name.partition("[")[0], []).append((name, value in known))
    return [
        told
        for tensor, parts in tensors.items()
        for told in ([tensor] if all(on for _, on in parts) else [name for name, on in parts if on])
    ]


def members(
    groups: Sequence[Mapping[str, Any]], named: Sequence[tuple[str, Value]], parameters: Sequence[Value]
) -> Any:
    """The number of each parameter's group: 1, 2, ... for those given, 0 for the rest; an int64 array.

    Raises:
        InputError: a parameter is in two groups, or a name fits none.
    """
    import numpy as np

    place = {value: k for k, value in enumerate(parameters)}
    name_of = {value: name for name, value in named}
    single = [(name, [value]) for name, value in named if value in place]
    found = np.zeros(len(parameters), dtype=np.int64)
    for number, group in enumerate(groups, 1):
        if not group["params"]:
            raise InputError(f"group {number} has no parameters")
        for value in chosen(lambda _: single, group["params"], parameters):
            at = place[value]
            if found[at]:
                raise InputError(f"parameter {name_of[value]} is in two groups")
            found[at] = number
    return found


def of_group(optimizer: Optimizer, group: dict[str, Any]) -> Optimizer:
    """The optimizer as it is for a group: the same class with the group's numbers.

    Returns:
        A copy, whose only group is this one.

    Raises:
        InputError: the optimizer has no number of such a name, or it cannot have this value.
    """
    made = copy.copy(optimizer)
    made.param_groups = [group]
    if len(group) == 1:
        return made
    kept = optimizer._kept()
    for name, value in group.items():
        if name == "lr":
            made.schedule = schedule_of(value)
        elif name != "params":
            if name not in kept or name in _SHARED:
                raise unknown("number of a group", name, ["lr", *(k for k in kept if k not in _SHARED)])
            kept[name] = value
    with suppress(TypeError):  # of a class of the user's that takes other arguments
        type(optimizer)(lr=made.schedule, **kept)  # what it refuses is refused here
    for name, value in kept.items():
        if getattr(made, name) != value:
            setattr(made, name, value)
    if not set(made.buffer_names) <= set(optimizer.buffer_names):
        raise InputError(
            f"a group of {type(optimizer).__name__} needs {', '.join(made.buffer_names)}, which the "
            "optimizer does not keep: give the optimizer a momentum > 0, and the other groups momentum=0.0"
        )
    return made
