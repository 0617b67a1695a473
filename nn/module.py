"""Module: something with parameters.

A module finds its parameters in its own attributes: a leaf Value, a list of Values (a vector), a list of
lists (a matrix), another Module, a list of Modules, a dict of any of these. Attributes whose name starts with
an underscore are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autograd_core import Value
from nn.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BIAS_NAMES", "Module"]

BIAS_NAMES = frozenset({"b", "bias", "biases"})
"""Tensors of these names are biases: regularisers leave them out unless told otherwise."""

Tensor = Any  # a Value, or lists of Values nested to one shape


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
        for name, attribute in self._attributes():
            if _shape(attribute) is not None:
                yield name, attribute

    def children(self) -> Iterator[tuple[str, Module]]:
        """The submodules, by name."""
        for name, attribute in self._attributes():
            items = enumerate(attribute) if isinstance(attribute, (list, tuple)) else [(None, attribute)]
            for index, item in items:
                if isinstance(item, Module):
                    yield name if index is None else f"{name}.{index}", item

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """The attributes that may hold parameters; a dict counts as one attribute for each of its keys."""
        for name, attribute in vars(self).items():
            if name.startswith("_"):
                continue
            if isinstance(attribute, dict):
                yield from ((f"{name}.{key}", item) for key, item in attribute.items())
            else:
                yield name, attribute

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (by the empty name) and all below it, with their paths."""
        yield prefix, self
        for name, child in self.children():
            yield from child.named_modules(_join(prefix, name))

    def named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters of the whole tree as scalars, vectors and matrices: ("layer1.W", [[...], ...])."""
        for path, module in self.named_modules():
            for name, tensor in module.tensors():
                yield _join(path, name), tensor

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Every parameter with its name, in the order of `parameters`: ("layer1.W[0][2]", Value)."""
        names = {
            id(value): name for path, tensor in self.named_tensors() for name, value in _flatten(path, tensor)
        }
        for index, parameter in enumerate(self.parameters()):
            yield names.get(id(parameter), f"parameter{index}"), parameter

    def parameters(self) -> list[Value]:
        """Every parameter once, in a fixed order."""
        found = {id(v): v for path, tensor in self.named_tensors() for _, v in _flatten(path, tensor)}
        return list(found.values())

    def weights(self) -> list[Value]:
        """The parameters that are not biases (a bias is a tensor called ``b``, ``bias`` or ``biases``)."""
        biases = self._identities(BIAS_NAMES)
        return [p for p in self.parameters() if id(p) not in biases]

    def _identities(self, names: Collection[str]) -> set[int]:
        """The identities of the parameters in tensors of these names."""
        return {
            id(value)
            for path, tensor in self.named_tensors()
            if path.rpartition(".")[2] in names
            for _, value in _flatten(path, tensor)
        }

    def rows(self, without: Collection[str] = ()) -> list[list[Value]]:
        """Every parameter once, tensor by tensor and row by row: the vectors along each tensor's last axis.

        A row of a layer's matrix is the weights of one neuron; single parameters are rows of one.

        Args:
            without: names of tensors whose parameters are left out, wherever else they occur.
        """
        done = self._identities(without)  # left out, or in an earlier row
        rows = []
        for _, tensor in self.named_tensors():
            for row in _rows(tensor):
                fresh = {id(v): v for v in row}
                if not done.isdisjoint(fresh):
                    fresh = {i: v for i, v in fresh.items() if i not in done}
                done.update(fresh)
                if fresh:
                    rows.append(list(fresh.values()))
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
        tensors = dict(self.named_tensors())
        faults = _name_faults(tensors, state) if strict else []
        flat: list[tuple[Value, float]] = []
        for path in tensors.keys() & state.keys():
            numbers, fault = _fitting_numbers(tensors[path], state[path])
            if fault:
                faults.append(f"{path}: {fault}")
            else:
                values = (value for _, value in _flatten(path, tensors[path]))
                flat.extend(zip(values, numbers, strict=True))
        if faults:
            listed = "".join(f"\n  - {fault}" for fault in sorted(faults))
            raise StateError(f"this state does not fit {type(self).__name__}; nothing was changed:{listed}")
        for value, number in flat:
            value.data = number

    def __repr__(self) -> str:
        count = len(self.parameters())
        return f"{type(self).__name__}({count} parameter{'s' * (count != 1)})"


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _shape(tensor: Tensor) -> tuple[int, ...] | None:
    """The shape of nested lists of leaf Values, or None if it is anything else."""
    if isinstance(tensor, Value):
        return () if tensor.is_leaf and not tensor.is_constant else None
    if not isinstance(tensor, (list, tuple)) or not tensor:
        return None
    shapes = {_shape(item) for item in tensor}
    if len(shapes) != 1 or None in shapes:
        return None
    return (len(tensor), *(shapes.pop() or ()))


def _flatten(name: str, tensor: Tensor) -> Iterator[tuple[str, Value]]:
    if isinstance(tensor, Value):
        yield name, tensor
    else:
        for index, item in enumerate(tensor):
            yield from _flatten(f"{name}[{index}]", item)


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
