"""The base of every optimizer: parameters and groups, the count of updates, clipping, the step.

Every optimizer is a pure rule, ``rule(values, gradients, buffers, rate) -> (new values, new buffers)``, over
arrays of float64. Those here stand in `autograd_core.calculus.updates`, once for NumPy and for C. `step` is:
read the gradients, clip them, apply the rule, look whether every new number is finite, and only then write
the parameters. So a step either happens whole or does not happen.

The arithmetic follows PyTorch's, term by term (the test compares every step in float64). It is element by
element, with no sums, so NumPy gives the bits of the same formulas on Python's floats.
"""

from __future__ import annotations

import copy
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from autograd_core import Value, gradients_to_vector, parameters_to_vector, vector_to_parameters
from autograd_core.calculus.updates import Update
from nn.arguments import number, shown, truth, unknown, whole_number
from nn.clipping import clip_by_norm, clip_by_value
from nn.data import numbers_of
from nn.errors import DivergenceError, InputError, StateError
from nn.groups import members, of_group, opened
from nn.pickles import set_state
from nn.schedules import Schedule, rate_at, schedule_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[Any]

Buffers = dict[str, "Floats"]


_is_leaf, _is_constant = operator.attrgetter("is_leaf"), operator.attrgetter("is_constant")


def _is_plain(value: Any) -> bool:
    if type(value) in _PLAIN or (hasattr(value, "dtype") and not hasattr(value, "__setitem__")):
        return True  # a number, NumPy's too
    return isinstance(value, tuple) and all(map(_is_plain, value))


_PLAIN = {bool, int, float, str, type(None)}


MOVING = {  # what changes in a run, of the library's own
    "_updates", "_buffers", "_promised", "schedule", "param_groups", "_frozen", "_missed", "_since",
    "_members",
}  # fmt: skip


_INTERVALS = {
    "clip_norm": "(0, inf)",
    "clip_value": "(0, inf)",
    "eps": "[0, inf)",
    "momentum": "[0, 1)",
    "rho": "[0, 1)",
    "weight_decay": "[0, inf)",
}


class Optimizer:
    """The common part: parameters, the count k of updates, the rate of the k-th, clipping, the step.

    Args:
        parameters: the Values to train; may be left out and given later through `bind` (as `nn.fit` does).
            Or groups of them with numbers of their own, dicts as in PyTorch:
            ``[{"params": model.layers[0].parameters(), "lr": 1e-4}, {"params": ..., "weight_decay": 0.0}]``.
            For `nn.fit` "params" may be names and patterns, ``{"params": "*.b", "weight_decay": 0.0}``, and
            parameters that no group names have the optimizer's own numbers.
        lr: the learning rate epsilon, a number or a schedule (`nn.schedules`).
        clip_norm: shorten gradients that are longer than this.
        clip_value: bring every component of the gradient into [-clip_value, clip_value].

    Example:
        A rule of one's own is a subclass with `rule`:

        >>> class SignDescent(Optimizer):
        ...     def rule(self, values, gradients, buffers, rate):
        ...         import numpy as np
        ...         return values - rate * np.sign(gradients), buffers
        >>> w = Value(1.0)
        >>> w.grad = 2.0
        >>> SignDescent([w], lr=0.25).step()
        >>> w.data
        0.75

        Or with `update`, the rule for one parameter in the functions of `autograd_core.calculus.updates`.
        `nn.fit` records either and runs it compiled, with the same bits, where it goes parameter by parameter
        in + - * /, squares and roots, ``np.sqrt``, ``np.abs``, ``np.sign``, ``np.maximum``, ``np.minimum``,
        ``np.clip`` and ``np.where``, by its arguments, numbers of its own and `updates`. Any other (sums,
        branches, random numbers, a memory in ``self``) runs as it is: ``history.trained_on`` says why.
    """

    buffer_names: tuple[str, ...] = ()
    _ranged: tuple[str, ...] = ("clip_norm", "clip_value")

    def __init__(
        self,
        parameters: Iterable[Any] | None = None,
        *,
        lr: float | Schedule,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.schedule = schedule_of(lr)
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self._updates = 0
        self.parameters: list[Value] = []
        self._buffers: Buffers = {}
        self._promised: Mapping[str, Any] | None = None
        self._frozen: Any = None
        self._missed: Any = None
        self._since = 0
        self.param_groups: list[dict[str, Any]] = []
        self._members: Any = None
        if parameters is not None:
            values, self.param_groups = opened(parameters)
            for group in self.param_groups:
                of_group(self, group)  # what it refuses is refused here
            if values or not self.param_groups:
                self.bind(values)
        self._is_made = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a number that is in its interval; one that there is, unless the class is the user's."""
        if name[:1] == "_":
            object.__setattr__(self, name, value)
            return
        if name in self._ranged:
            if name not in _INTERVALS:
                truth(name, value)
            elif value is not None or not name.startswith("clip_"):
                number(name, value, _INTERVALS[name])
        elif (
            "_is_made" in (held := vars(self))
            and name not in held
            and not hasattr(type(self), name)
            and type(self).__module__.startswith("nn.")
        ):
            raise unknown(f"number of {type(self).__name__}", name, ["lr", *self._kept()])
        object.__setattr__(self, name, value)

    @property
    def lr(self) -> float:
        """The learning rate of the next update. Assigning a number, or a schedule, sets the schedule."""
        return rate_at(self.schedule, self.updates)

    @lr.setter
    def lr(self, rate: float | Schedule) -> None:
        self.schedule = schedule_of(rate)

    def bind(
        self, parameters: Iterable[Value], names: Callable[[], Iterable[tuple[str, Value]]] | None = None
    ) -> Optimizer:
        """Take charge of these parameters, with fresh buffers; constants (`detach()`) stay as they are.

        Args:
            parameters: Values.
            names: names and parameters, where groups go by names; asked only then. One may have several.

        Raises:
            InputError: there are none, or one of them is not a leaf Value; a group names one that is not
                there.
        """
        import numpy as np

        found = [parameters] if isinstance(parameters, Value) else _listed(parameters)
        if not found:
            raise InputError("an optimizer needs at least one parameter")
        if not (set(map(type, found)) == {Value} and all(map(_is_leaf, found))):
            index = next(k for k, p in enumerate(found) if not isinstance(p, Value) or not p.is_leaf)
            raise InputError(f"parameter {index} is not a leaf Value: {shown(found[index])}")
        self.parameters = trainable(found)
        if not self.parameters:
            raise InputError("every parameter is a constant: an optimizer needs at least one that is not")
        if self.param_groups:
            named = [] if names is None else list(names())
            known = {id(value) for _, value in named}
            labels = [(p.label or f"parameter{k}", p) for k, p in enumerate(self.parameters)]
            named += [(label, p) for label, p in labels if id(p) not in known]
            self._members = members(self.param_groups, named, self.parameters)
        self._updates, self._frozen, self._missed, self._since = 0, None, None, 0
        self.buffers = {name: np.zeros(len(self.parameters)) for name in self.buffer_names}
        return self

    def put_in_order(self, parameters: list[Value]) -> bool:
        """Take its parameters in this order, with what it keeps of each; False where they are others."""
        import numpy as np

        place = {id(parameter): k for k, parameter in enumerate(self.parameters)}
        order = [place.get(id(parameter), -1) for parameter in parameters]
        if len(order) != len(place) or -1 in order:
            return False
        if order != list(range(len(order))):
            turned = np.array(order)
            self.parameters = parameters
            self.buffers = {name: buffer[turned] for name, buffer in self.buffers.items()}
            for name in ("_members", "_frozen", "_missed"):
                if (held := getattr(self, name)) is not None:
                    setattr(self, name, held[turned])
        return True

    @property
    def updates(self) -> int:
        """How many updates were made. Schedules and Adam's correction of its bias go by it.

        Assigning a smaller number begins again from there: no parameter has then missed more updates.
        """
        return self._updates

    @updates.setter
    def updates(self, count: int) -> None:
        if type(count) is not int or count < self._updates:
            count, missed = whole_number("updates", count, 0), self.missed
            if missed is not None:
                self._missed, self._since = missed.clip(max=count), count
        self._updates = count

    @property
    def buffers(self) -> Buffers:
        """What the rule keeps for each parameter, name -> array."""
        if self._promised is not None:
            self._buffers = {name: buffer.copy() for name, buffer in self._promised.items()}
            self._promised = None
        return self._buffers

    @buffers.setter
    def buffers(self, buffers: Buffers) -> None:
        import numpy as np

        made = {name: np.asarray(buffer, dtype=np.float64) for name, buffer in buffers.items()}
        self._buffers, self._promised = made, None

    def advance(self, buffers: Buffers) -> None:
        """Be after one more update, with these buffers."""
        vars(self).update(_updates=self._updates + 1, _buffers=buffers, _promised=None)

    def promise(self, updates: int, buffers: Mapping[str, Any]) -> None:
        """Be after more updates, with these buffers, of which copies are made once somebody looks at them."""
        vars(self).update(_updates=updates, _promised=buffers)

    @property
    def frozen(self) -> Any:
        """Which parameters are frozen, an array of truth values; None if there are none."""
        return self._frozen

    @frozen.setter
    def frozen(self, mask: Any) -> None:
        import numpy as np

        if mask is not self._frozen and not np.array_equal(mask, self._frozen):
            self._missed, self._since, self._frozen = self.missed, self.updates, mask

    @property
    def missed(self) -> Any:
        """How many of the updates each parameter was frozen at, an array; None if none ever was."""
        if self._frozen is None:
            return self._missed
        now = self._frozen * (self.updates - self._since)
        return now if self._missed is None else self._missed + now

    def groups(self) -> tuple[list[Optimizer], Any]:
        """The optimizer as it is for each group, itself first, and the number of each parameter's group.

        Parameters that have missed updates are groups of their own, whose `updates` are fewer: Adam corrects
        its bias by the updates of a parameter, as PyTorch's does. A frozen parameter has -1; without groups
        and frozen parameters the numbers are None.
        """
        import numpy as np

        if not self.param_groups and self._missed is None and self._frozen is None:
            return [self], None
        rules: list[Optimizer] = [self, *(of_group(self, group) for group in self.param_groups)]
        numbers, missed = self._members if self.param_groups else None, self.missed
        if missed is None:
            return rules, numbers
        if numbers is None:
            numbers = np.zeros(len(missed), dtype=np.int64)
        if self._frozen is not None:
            numbers, missed = np.where(self._frozen, -1, numbers), np.where(self._frozen, 0, missed)
        if missed.any():
            most = int(missed.max()) + 1
            kinds, places = np.unique(numbers * most + missed, return_inverse=True)
            late = [copy.copy(rules[place]) for place in (kinds // most).tolist()]
            for rule, count in zip(late, (kinds % most).tolist(), strict=True):
                rule._updates = self.updates - count
            rules, numbers = [self, *late], np.where(numbers < 0, -1, places.reshape(-1) + 1)
        return rules, numbers

    def _by_groups(self, values: Floats, gradients: Floats) -> tuple[Floats, Buffers]:
        """The rule, for each group with its numbers."""
        rules, numbers = self.groups()
        # copies, so that a rule that works in place and is interrupted leaves nothing half done
        made, buffers = values.copy(), {name: buffer.copy() for name, buffer in self.buffers.items()}
        if numbers is None:
            return self.rule(made, gradients.copy(), buffers, self.lr)
        for place, rule in enumerate(rules):
            mine = numbers == place
            if mine.any():
                parts = {name: buffer[mine] for name, buffer in self.buffers.items()}
                rate, before = rate_at(rule.schedule, self.updates), dict(vars(rule))
                given = values[mine]
                new, found = rule.rule(given, gradients[mine], parts, rate)
                made[mine] = self._numbers("values", new, len(given))
                now = vars(rule)
                if place and any(now[name] is not before.get(name, now) for name in now):
                    raise InputError(
                        f"the rule of {type(self).__name__} changes its attributes, which groups, and what "
                        "was frozen for a time, have anew at each update: keep in buffers what it remembers"
                    )
                for name, part in found.items():
                    buffers[name][mine] = self._numbers(name, part, len(given))
        return made, buffers

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def step(self) -> None:
        """One update, theta <- theta - (what the rule says), from the gradients on the parameters.

        Raises:
            DivergenceError: a gradient or a new value is not finite; nothing has changed.
        """
        if not self.parameters:
            raise InputError("the optimizer has no parameters yet: give them to it or call bind(parameters)")
        new_values, buffers = self.proposal(
            parameters_to_vector(self.parameters), gradients_to_vector(self.parameters)
        )
        self.advance(buffers)
        vector_to_parameters(new_values, self.parameters)

    def proposal(self, values: ArrayLike, gradients: ArrayLike) -> tuple[Floats, Buffers]:
        """What `step` would write: the new values and the new buffers. Changes nothing.

        Raises:
            DivergenceError: a gradient or a new value is not finite.
        """
        import numpy as np

        x: Floats = np.asarray(values, dtype=np.float64)
        g: Floats = np.asarray(gradients, dtype=np.float64)
        if self.frozen is not None:
            g = np.where(self.frozen, 0.0, g)
        self._check_finite("gradient", g)
        return self._checked_rule(x, g)

    def _checked_rule(self, x: Floats, g: Floats) -> tuple[Floats, Buffers]:
        """The same for arrays of finite numbers, 0 in the gradient of what is frozen."""
        import numpy as np

        if self.clip_value is not None:
            g = clip_by_value(g, self.clip_value)
        if self.clip_norm is not None:
            g = clip_by_norm(g, self.clip_norm)
        with np.errstate(all="ignore"):  # what is not finite is found below, and named
            new_values, buffers = self._by_groups(x, g)
            new_values = self._numbers("values", new_values, len(x))
            buffers = {name: self._numbers(name, buffer, len(x)) for name, buffer in buffers.items()}
            buffers = {**self.buffers, **buffers}  # in their order; what the rule leaves out stays
            total = new_values.sum()
        if not math.isfinite(total):
            self._check_finite("new value", new_values)
        return new_values, buffers

    def _numbers(self, what: str, numbers: Any, count: int) -> Floats:
        """What a rule returned, as an array of float64."""
        import numpy as np

        if type(numbers) is np.ndarray and numbers.dtype == np.float64 and numbers.shape == (count,):
            return numbers
        made: Floats = numbers_of(numbers, f"the {what} that the rule of {type(self).__name__} returned")
        if made.shape != (count,):
            raise InputError(
                f"the rule of {type(self).__name__} returned {what} of shape {made.shape}, and was given "
                f"{count} numbers"
            )
        return made

    def rule(
        self, values: Floats, gradients: Floats, buffers: Buffers, rate: float
    ) -> tuple[Floats, Buffers]:
        """The rule of this optimizer; pure: it goes by its arguments alone, and by `self.updates`, which
        is the number of updates made before this one. Groups, and what is not frozen, come one by one.

        By default that of `update`.
        """
        update, settings = self.update()
        kept = [buffers[name] for name in update.buffers]
        new_values, new = update(values, gradients, kept, settings, rate, self.updates + 1.0)
        return new_values, {**buffers, **dict(zip(update.buffers, new, strict=True))}

    def update(self) -> tuple[Update, tuple[float, ...]]:
        """The rule for one parameter, and the numbers that are its settings; see `Update`."""
        raise NotImplementedError(f"{type(self).__name__} has neither a rule nor an update")

    def _check_finite(self, what: str, numbers: Floats) -> None:
        import numpy as np

        finite = np.isfinite(numbers)
        if finite.all():
            return
        index = int(np.argmin(finite))
        parameter = self.parameters[index] if self.parameters else None
        label = getattr(parameter, "label", "") or f"number {index}"
        place = getattr(parameter, "scope", "")
        raise DivergenceError(
            f"update {self.updates + 1}: the {what} of parameter {f'{place}.{label}' if place else label} is "
            f"{numbers[index]}; no parameter has changed. Lower the learning rate, clip the gradient "
            "(clip_norm=1.0) or scale the inputs"
        )

    def hyperparameters(self) -> dict[str, Any]:
        """The schedule and the plain numbers of the rule, which a callback may change."""
        found = {"schedule": self.schedule, **{k: v for k, v in self._kept().items() if _is_plain(v)}}
        if self.param_groups:
            found["param_groups"] = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        if self._frozen is not None or self._missed is not None:
            found["frozen"] = self._frozen, self._missed, self._since
        return found

    def set_hyperparameters(self, found: Mapping[str, Any] | None) -> None:
        """Put back what `hyperparameters` returned."""
        numbers = dict(found or {})
        self._frozen, self._missed, self._since = numbers.pop("frozen", (None, None, 0))
        for group, kept in zip(self.param_groups, numbers.pop("param_groups", ()), strict=False):
            group.update(kept)
        for name, value in numbers.items():
            setattr(self, name, value)

    def _kept(self) -> dict[str, Any]:
        hidden = {"parameters", "buffer_names", "schedule", "param_groups"}
        return {k: v for k, v in vars(self).items() if k not in hidden and not k.startswith("_")}

    def settings(self) -> dict[str, Any]:
        """The numbers that define the rule, in the order of its arguments."""
        kept = self._kept()
        schedule = getattr(self.schedule, "__qualname__", None) or repr(self.schedule)
        groups = [
            {**group, "params": [p if isinstance(p, str) else p.label for p in group["params"]]}
            for group in self.param_groups
        ]
        return {"name": type(self).__name__, "lr": schedule, **kept, "param_groups": groups or None}

    def state_dict(self) -> dict[str, Any]:
        """What must be kept to go on exactly: the counts of updates and the buffers."""
        buffers = {name: buffer.tolist() for name, buffer in self.buffers.items()}
        missed = None if self.missed is None else self.missed.tolist()
        return {"updates": self.updates, "buffers": buffers, "missed": missed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            StateError: it belongs to another optimizer or to another number of parameters.
        """
        import numpy as np

        if not isinstance(state, Mapping) or not {"updates", "buffers"} <= state.keys():
            raise StateError(f"a state is what state_dict() returned, not {shown(state)}")
        buffers = {name: np.array(b, dtype=np.float64) for name, b in state["buffers"].items()}
        if set(buffers) != set(self.buffer_names):
            raise StateError(
                f"{type(self).__name__} keeps {sorted(self.buffer_names)}, the state has {sorted(buffers)}"
            )
        for name, buffer in buffers.items():
            if len(buffer) != len(self.parameters):
                raise StateError(f"{name} holds {len(buffer)} numbers for {len(self.parameters)} parameters")
        missed = state.get("missed")
        if missed is not None and len(missed) != len(self.parameters):
            raise StateError(f"missed holds {len(missed)} numbers for {len(self.parameters)} parameters")
        self.stand(int(state["updates"]), buffers)
        if "missed" in state:
            self._missed = None if missed is None else np.array(missed, dtype=np.int64)
            self._since = self.updates

    def stand(self, updates: int, buffers: Mapping[str, Any]) -> None:
        """Be after so many updates, with these buffers."""
        import numpy as np

        self._updates = updates
        self.buffers = {name: np.array(buffer, dtype=np.float64) for name, buffer in buffers.items()}

    def __getstate__(self) -> Any:
        self.buffers  # noqa: B018 - so that no promise is left, which only this process could keep
        return super().__getstate__()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        set_state(self, state)

    def __repr__(self) -> str:
        settings = self.settings()
        name = settings.pop("name")
        rate = settings.pop("lr")
        rest = "".join(f", {key}={value!r}" for key, value in settings.items() if value is not None)
        return f"{name}(lr={rate}{rest})"


def _listed(parameters: Any) -> list[Any]:
    if not isinstance(parameters, Iterable):
        raise InputError(f"parameters are Values, one or a list of them, not {shown(parameters)}")
    return list(parameters)


def trainable(parameters: Iterable[Value]) -> list[Value]:
    """Those that are no constants."""
    found = list(parameters)
    return list(itertools.compress(found, map(operator.not_, map(_is_constant, found))))
