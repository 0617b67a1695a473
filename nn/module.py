"""Module: something with parameters.

A module finds its parameters in its own attributes, in whatever holds them there: a leaf Value, a list of
Values (a vector), a list of lists (a matrix), an array of Values, another Module, and lists, tuples, dicts,
sets and plain objects of any of these, however deep. Attributes whose name starts with an underscore are left
alone; `nn.fit` refuses to train where the loss depends on a leaf that is not found.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from types import FunctionType, NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from autograd_core import Value
from autograd_core.engine.sweep import topological_order
from nn.arguments import shown, truth
from nn.errors import InputError, StateError
from nn.groups import chosen, may_fit, means_all
from nn.libraries import of_a_library
from nn.random_state import slots_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BIAS_NAMES", "Module", "check_leaves"]

BIAS_NAMES = frozenset({"b", "bias", "biases"})
"""Tensors of these names are biases: regularizers leave them out unless told otherwise."""

Tensor = Any  # a Value, or lists of Values nested to one shape
_PLAIN = (float, int, str, bytes, NoneType)
_PLAIN_TYPES = {*_PLAIN, bool}
_DEEPEST = 200


class Module:
    """The base of everything with parameters.

    A subclass sets its parameters as attributes and defines ``__call__``:

        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.w, self.b = Value(2.0), Value(1.0)
        ...     def __call__(self, x):
        ...         return self.w * x + self.b
        >>> line = Line()
        >>> [name for name, _ in line.named_parameters()]
        ['w', 'b']
        >>> line(3.0).data
        7.0
    """

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The module's own parameters, by attribute, submodules not included."""
        return ((name, found) for name, found in self._found() if not isinstance(found, Module))

    def children(self) -> Iterator[tuple[str, Module]]:
        """The submodules, by name."""
        return ((name, found) for name, found in self._found() if isinstance(found, Module))

    def _found(self, without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
        """The tensors and the submodules that the attributes hold, by name."""
        for name, attribute in _attributes(self).items():
            if name not in without:
                yield from _search(name, attribute, (self,))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (by the empty name) and all below it, with their paths."""
        return _below(self, prefix, ())

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters of the whole tree as scalars, vectors and matrices: ("layer1.W", [[...], ...]).

        Raises:
            InputError: two of them have one name, so that one would be lost where they are saved.
        """
        found: dict[str, Tensor] = {}
        for path, module in self.named_modules():
            for name, tensor in module.tensors():
                full = _join(path, name)
                if found.setdefault(full, tensor) is not tensor:
                    raise InputError(
                        f"two tensors of {type(self).__name__} are called {full!r}, {shown(found[full])} and "
                        f"{shown(tensor)}: give the attribute or the key that holds one of them another name"
                    )
        return iter(found.items())

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter with its name, in the order of `parameters`: ("layer1.W[0][2]", Value)."""
        names = {value: name for name, value in self._all_names()}
        return ((names[parameter], parameter) for parameter in self.parameters())

    def _all_names(
        self, wanted: Callable[[str, Tensor], bool] = lambda path, tensor: True
    ) -> list[tuple[str, Value]]:
        """The names with their parameters, of the tensors that are wanted; shared ones have several names."""
        tensors, found = list(self.named_tensors()), list[tuple[str, Value]]()
        for path, tensor in tensors:
            if wanted(path, tensor):
                found += _flatten(path, tensor)
        return found + self._others(tensors, self.parameters())

    def _others(self, tensors: Sequence[tuple[str, Tensor]], every: list[Value]) -> list[tuple[str, Value]]:
        """The names and parameters that are in no tensor: those that `parameters` of a subclass adds."""
        known = set(itertools.chain.from_iterable(row for _, tensor in tensors for row in _rows(tensor)))
        if known.issuperset(every):
            return []
        return [(f"parameter{k}", value) for k, value in enumerate(every) if value not in known]

    def parameters(self) -> list[Value]:
        """Every parameter once, in a fixed order."""
        return _numbers_in(self.named_tensors())

    def freeze(self, *which: str | Value | Iterable[str | Value]) -> list[str]:
        """Keep parameters as they are while `nn.fit` trains the others.

        What is frozen is neither updated nor decayed; its gradient counts as 0. A loop of one's own gives the
        optimizer `trainable_parameters`.

        Args:
            which: parameters; or texts: the name of a parameter (``layer1.W[0][2]``), of a tensor
                (``layer1.W``) or of a module (``layer1``), or a pattern (``*.b``; ``*`` is all). Or lists of
                these, which may be empty.

        Returns:
            The names of the parameters that are frozen now.

        Raises:
            InputError: a text fits no parameter, or nothing was given.

        Example:
            >>> from nn import MLP
            >>> model = MLP(2, [2, 1], seed=1)
            >>> model.freeze("layer1.b", "layer2")
            ['layer1.b[0]', 'layer1.b[1]', 'layer2.W[0][0]', 'layer2.W[0][1]', 'layer2.b[0]']
            >>> model.unfreeze("layer2")
            ['layer1.b[0]', 'layer1.b[1]']
        """
        return self._set_frozen("freeze", which)

    def unfreeze(self, *which: str | Value | Iterable[str | Value]) -> list[str]:
        """Let parameters be trained again; see `freeze`."""
        return self._set_frozen("unfreeze", which)

    def _set_frozen(self, verb: str, which: Sequence[Any]) -> list[str]:
        if not which:  # freeze(*names) of no names is not meant to be all of them
            raise InputError(
                f"{verb}() has nothing to {verb}: {verb}('*') takes every parameter, {verb}(names) those "
                "of a list, which may be empty"
            )
        listed = [
            [item] if isinstance(item, (str, Value)) or not isinstance(item, Iterable) else item
            for item in which
        ]
        tensors, modules = list(self.named_tensors()), [module for _, module in self.named_modules()]
        plain = type(self).parameters is Module.parameters and "parameters" not in vars(self)
        every = _numbers_in(tensors) if plain else self.parameters()
        others = [] if plain else self._others(tensors, every)

        def like(text: str) -> Iterator[tuple[str, list[Value]]]:
            for path, tensor in tensors:
                if means_all(path, text):
                    yield path, list(itertools.chain.from_iterable(_rows(tensor)))
                elif may_fit(path, text):
                    yield from ((name, [value]) for name, value in _flatten(path, tensor))
            yield from ((name, [value]) for name, value in others)

        meant = chosen(like, [item for items in listed for item in items], every)
        frozen = _marked(modules)
        frozen = (frozen.union if verb == "freeze" else frozen.difference)(meant)
        now = _among(frozen, every)
        self._keep_frozen(now, modules)
        names: dict[Value, str] = {}
        for path, tensor in tensors:
            if now and any(not frozen.isdisjoint(row) for row in _rows(tensor)):
                names.update(map(_turned, _flatten(path, tensor)))
        names.update(map(_turned, others))
        return list(map(names.__getitem__, now))

    def _keep_frozen(self, values: list[Value], modules: Iterable[Module] | None = None) -> None:
        """These are frozen, and no others; each module keeps its own, so that a part taken out keeps them."""
        left, known = set(values), set[Value]()
        for module in modules or [module for _, module in self.named_modules()]:
            vars(module).pop("_frozen", None)
            rows = [row for _, tensor in module.tensors() for row in _rows(tensor)] if values else []
            if mine := [value for row in rows for value in _among(left, row)]:
                object.__setattr__(module, "_frozen", mine)
                known.update(mine)
        if len(known) < len(left):
            rest = [value for value in values if value not in known]
            object.__setattr__(self, "_frozen", [*vars(self).get("_frozen", ()), *rest])

    def _marked(self) -> set[Value]:
        """What is frozen, here or in a part of the module."""
        return _marked(module for _, module in self.named_modules())

    def frozen_parameters(self) -> list[Value]:
        """The parameters that `freeze` has frozen, here or in a part of the module."""
        frozen = self._marked()
        return _among(frozen, self.parameters()) if frozen else []

    def trainable_parameters(self) -> list[Value]:
        """The parameters that are not frozen."""
        frozen = set(self.frozen_parameters())
        return [value for value in self.parameters() if value not in frozen]

    def weights(self) -> list[Value]:
        """The parameters that are not biases (a bias is a tensor called ``b``, ``bias`` or ``biases``)."""
        biases = self._named(BIAS_NAMES)
        return [p for p in self.parameters() if p not in biases]

    def _named(self, names: Collection[str]) -> set[Value]:
        """The parameters in tensors of these names."""
        return {
            value
            for path, tensor in self.named_tensors()
            if path.rpartition(".")[2] in names
            for row in _rows(tensor)
            for value in row
        }

    def rows(self, without: Collection[str] = ()) -> list[list[Value]]:
        """Every parameter once, tensor by tensor and row by row: the vectors along each tensor's last axis.

        A row of a layer's matrix is the weights of one neuron; single parameters are rows of one.

        Args:
            without: names of tensors whose parameters are left out, wherever else they occur.
        """
        done = self._named(without)  # left out, or in an earlier row
        rows = []
        for _, tensor in self.named_tensors():
            for row in _rows(tensor):
                fresh = list(dict.fromkeys(row))
                if not done.isdisjoint(fresh):
                    fresh = [value for value in fresh if value not in done]
                done.update(fresh)
                if fresh:
                    rows.append(fresh)
        return rows

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """A copy of the parameters' numbers: name -> float64 array."""
        import numpy as np

        return {path: np.array(_numbers(tensor), dtype=np.float64) for path, tensor in self.named_tensors()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Set the parameters to the numbers of a `state_dict`, all of them or, after an error, none.

        Args:
            state: name -> array or nested lists.
            strict: False lets names be missing from the state, or left over in it.

        Raises:
            StateError: names are missing or unexpected, a shape differs, an entry is not a finite number.
        """
        if not isinstance(state, Mapping):
            raise StateError(
                f"a state is a dict, name -> array, as state_dict() returns it; not {shown(state)}"
            )
        tensors = dict(self.named_tensors())
        faults = _name_faults(tensors, state) if truth("strict", strict) else []
        flat: list[tuple[Value, float]] = []
        shared: dict[int, float] = {}
        for path in (path for path in tensors if path in state):
            numbers, fault = _fitting_numbers(tensors[path], state[path])
            if fault:
                faults.append(f"{path}: {fault}")
            else:
                values = [value for _, value in _flatten(path, tensors[path])]
                pairs = list(zip(values, numbers, strict=True))
                if any(shared.setdefault(id(value), number) != number for value, number in pairs):
                    faults.append(f"{path}: other numbers than an earlier tensor that shares its parameters")
                flat.extend(pairs)
        if faults:
            listed = "".join(f"\n  - {fault}" for fault in sorted(faults))
            raise StateError(f"this state does not fit {type(self).__name__}; nothing was changed:{listed}")
        for value, number in flat:
            value.data = number

    def __repr__(self) -> str:
        count = len(self.parameters())
        return f"{type(self).__name__}({count} parameter{'s' * (count != 1)})"


def check_leaves(outputs: Sequence[Value], parameters: Collection[Value]) -> None:
    """Every leaf that takes a gradient must be a parameter: another would silently not be trained.

    Raises:
        InputError: one is not.
    """
    known = parameters if isinstance(parameters, set) else set(parameters)
    order = topological_order(*outputs)
    leaves = list(itertools.compress(order, map(operator.attrgetter("is_leaf"), order)))
    mine = map(known.__contains__, leaves)
    for node in itertools.compress(leaves, map(operator.not_, mine)):
        if not node.is_constant:
            name = f"{node.scope}.{node.label}".strip(".")
            raise InputError(
                f"the loss depends on {node!r}{f', {name},' if name else ''} which is not among the model's "
                "parameters and would not be trained. Make it an attribute of the model whose name does not "
                "start with an underscore, or, if it is to stay as it is (a sum's start), use its detach()"
            )


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _below(module: Module, path: str, above: tuple[Module, ...]) -> Iterator[tuple[str, Module]]:
    yield path, module
    for name, child in module.children():
        if all(child is not other for other in (*above, module)):  # a child may know its parent
            yield from _below(child, _join(path, name), (*above, module))


def _search(name: str, thing: Any, holders: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The tensors and modules in an attribute, by name: `thing` itself, or what it holds."""
    if isinstance(thing, _PLAIN) or any(thing is holder for holder in holders):
        return
    if len(holders) > _DEEPEST:
        raise InputError(f"{name[:40]}... is nested more than {_DEEPEST} deep")
    if getattr(getattr(thing, "dtype", None), "kind", "") == "O":
        thing = thing.tolist()
    if isinstance(thing, Module) or _shape(thing) is not None:
        yield name, thing
        return
    for key, item in _entries(name, thing):
        yield from _search(f"{name}.{key}", item, (*holders, thing))


def _entries(name: str, thing: Any) -> Iterable[tuple[Any, Any]]:
    """What a container or an object holds, each with its key."""
    if isinstance(thing, Mapping):
        return thing.items()
    if isinstance(thing, Set):
        return _in_order(name, thing)
    if isinstance(thing, Sequence):
        return () if set(map(type, thing)) <= _PLAIN_TYPES else enumerate(thing)
    return _own_attributes(thing).items()


def _own_attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object whose class is the user's; not those of an optimizer, which only refers."""
    kind = type(thing)
    if isinstance(thing, (type, FunctionType, Value)) or hasattr(thing, "step"):
        return {}
    if of_a_library(kind) and kind is not SimpleNamespace:
        return {}
    return _attributes(thing)


def _attributes(thing: Any) -> dict[str, Any]:
    """What an object holds in its slots and its dictionary, private names left out."""
    slots = {slot: getattr(thing, slot) for slot in slots_of(type(thing)) if hasattr(thing, slot)}
    held = {**slots, **getattr(thing, "__dict__", {})}
    return {name: item for name, item in held.items() if not name.startswith("_")}


def _in_order(name: str, things: Set[Any]) -> list[tuple[str, Any]]:
    """The entries of a set, which has no order of its own: by label.

    Raises:
        InputError: labels do not tell its entries apart.
    """
    found = [thing for thing in things if isinstance(thing, (Value, Module))]
    labels = {str(getattr(thing, "label", "")) for thing in found}
    if len(labels) < len(found) or "" in labels:
        raise InputError(
            f"{name} is a set of parameters, which come in another order in every process: use a list or a "
            "dict, or give each a label of its own"
        )
    return sorted(((str(getattr(thing, "label", "")), thing) for thing in found), key=lambda pair: pair[0])


_is_leaf, _is_constant = operator.attrgetter("is_leaf"), operator.attrgetter("is_constant")


def _shape(tensor: Tensor, axes: int = 64) -> tuple[int, ...] | None:
    """The shape of nested lists of leaf Values; None for anything else, and where an array has fewer axes."""
    if isinstance(tensor, Value):
        return () if tensor.is_leaf and not tensor.is_constant else None
    if not isinstance(tensor, (list, tuple)) or not tensor or not axes:
        return None
    if set(map(type, tensor)) == {Value}:
        return (len(tensor),) if all(map(_is_leaf, tensor)) and not any(map(_is_constant, tensor)) else None
    first = _shape(tensor[0], axes - 1)
    if first is None or any(_shape(item, axes - 1) != first for item in tensor[1:]):
        return None
    return (len(tensor), *first)


def _flatten(name: str, tensor: Tensor) -> Iterable[tuple[str, Value]]:
    """The parameters of a tensor with their names, row by row."""
    if isinstance(tensor, Value):
        return [(name, tensor)]
    if isinstance(tensor[0], Value):
        return zip(_entry_names(name, len(tensor)), tensor, strict=True)
    rows = [_flatten(f"{name}[{index}]", item) for index, item in enumerate(tensor)]
    return itertools.chain.from_iterable(rows)


@functools.lru_cache(maxsize=256)  # for `freeze` at every update
def _entry_names(name: str, count: int) -> list[str]:
    return [f"{name}[{index}]" for index in range(count)]


_turned = operator.itemgetter(1, 0)


def _among(known: Collection[Value], values: Collection[Value]) -> list[Value]:
    """The values that are known. Sets of Values, for their ids have the same low bits, and collide."""
    return list(itertools.compress(values, map(known.__contains__, values)))


def _marked(modules: Iterable[Module]) -> set[Value]:
    return set().union(*(vars(module).get("_frozen", ()) for module in modules))


def _numbers_in(tensors: Iterable[tuple[str, Tensor]]) -> list[Value]:
    """The parameters of some tensors, each once."""
    return list(dict.fromkeys(itertools.chain.from_iterable(r for _, t in tensors for r in _rows(t))))


def _rows(tensor: Tensor) -> Iterator[list[Value]]:
    if isinstance(tensor, Value):
        yield [tensor]
    elif isinstance(tensor[0], Value):
        yield list(tensor)
    else:
        for item in tensor:
            yield from _rows(item)


def _numbers(tensor: Tensor) -> Any:
    return tensor.data if isinstance(tensor, Value) else [_numbers(item) for item in tensor]


def _name_faults(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> list[str]:
    missing = [f"{name}: missing from the state" for name in tensors if name not in state]
    unexpected = [f"{name}: unexpected, the model has no such entry" for name in state if name not in tensors]
    return missing + unexpected


def _fitting_numbers(tensor: Tensor, entry: Any) -> tuple[list[float], str]:
    """The entry as a flat list of floats, and what is wrong with it ("" if nothing is)."""
    import numpy as np

    try:
        array = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError) as error:
        return [], f"not an array of numbers ({error})"
    shape = _shape(tensor)
    if array.shape != shape:
        return [], f"shape {array.shape} where the model has {shape}"
    numbers: list[float] = array.ravel().tolist()
    bad = [number for number in numbers if not math.isfinite(number)]
    return numbers, f"{len(bad)} entries are not finite ({bad[0]})" if bad else ""
