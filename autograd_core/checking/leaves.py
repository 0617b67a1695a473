"""The numbers of one input: a float, a Value, an array, a tensor or a parameter."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from autograd_core.checking.kinds import epsilon_of, to_number, to_numpy

__all__ = ["Leaf", "Mode"]

Mode = Literal["plain", "values", "graph"]  # plain numbers; Values that are reused; fresh Values


class Leaf:
    """Numbers of one input that live in one object; a complex number counts twice, real and imaginary part.

    Attributes:
        label: the input's name or path.
        shape: of the array, None for one number.
        doubled: whether the elements are complex.
        names: of the numbers, by element.
        numbers: where the check began.
        epsilon: relative precision of the type.
    """

    as_tensor = False  # whether mode "graph" gives a tensor: beside tensors
    leaf: Any = None  # the tensor
    wide = False  # whether mode "plain" gives double precision, whatever the input's own
    home: tuple[list[Any], int] | None = None  # a list that holds the number, and where

    def __init__(self, label: str, elements: Sequence[Any], shape: tuple[int, ...] | None, epsilon: float):
        self.label = label
        self.shape = shape
        self.epsilon = epsilon
        self.doubled = any(isinstance(element, complex) for element in elements)
        places = [""] if shape is None or shape == () else list(places_in(shape))
        if self.doubled:
            self.names = [f"{label}{place}.{part}" for place in places for part in ("real", "imag")]
            self.numbers = [x for element in elements for x in (element.real, element.imag)]
        else:
            self.names = [f"{label}{place}" for place in places]
            self.numbers = [to_number(element, f"the input {label} is") for element in elements]
        self.current = list(self.numbers)
        self.nodes: list[Any] = []  # the Values of mode "values", kept from call to call

    @property
    def count(self) -> int:
        """How many elements there are."""
        return len(self.names) // (2 if self.doubled else 1)

    def write(self, index: int, number: float) -> None:
        """Set one number."""
        self.current[index] = number
        if self.nodes:
            self.nodes[index].data = number
        if self.home is not None:
            self.home[0][self.home[1]] = number

    def get(self, mode: Mode) -> Any:
        """The argument that holds the numbers."""
        if mode == "plain":
            return self.plain()
        if self.as_tensor:
            import torch

            kind = torch.complex128 if self.doubled else torch.float64
            self.leaf = torch.tensor(self.elements(), dtype=kind).reshape(self.shape or ()).requires_grad_()
            return self.leaf
        if self.doubled:
            raise TypeError(f"the input {self.label} is complex: give gradient=, since Values are real")
        if mode == "graph":
            return self.arranged(self.fresh())
        if not self.nodes:
            self.nodes = self.fresh()
        return self.arranged(self.nodes)

    def fresh(self) -> list[Any]:
        """New Values of the numbers."""
        from autograd_core import Value

        self.leaves = [Value(x, name) for x, name in zip(self.current, self.names, strict=True)]
        return self.leaves

    def elements(self) -> list[Any]:
        """The numbers, complex ones put together."""
        if not self.doubled:
            return self.current
        return [complex(*self.current[i : i + 2]) for i in range(0, len(self.current), 2)]

    def plain(self) -> Any:
        """The plain number."""
        return self.elements()[0]

    def arranged(self, nodes: list[Any]) -> Any:
        """The Values in the form of the input."""
        return nodes[0]


class ValueLeaf(Leaf):
    """A Value that is an argument: it is rebuilt as a fresh leaf with its label."""

    def __init__(self, label: str, value: Any):
        super().__init__(value.label or label, [value.data], None, epsilon_of(None))

    def plain(self) -> Any:
        return self.fresh()[0]


class ArrayLeaf(Leaf):
    """A NumPy array; numbers of a whole type are varied as float64."""

    def __init__(self, label: str, array: Any):
        if array.dtype.kind not in "fiuOc":
            raise TypeError(f"the input {label} is an array of {array.dtype}, not of numbers")
        elements = [x if array.dtype.kind == "O" else x.item() for x in array.ravel()]
        super().__init__(label, elements, array.shape, epsilon_of(array))
        import numpy

        self.array = array.astype(numpy.float64) if array.dtype.kind in "iu" else array.copy()
        if array.dtype.kind == "O":
            self.array = numpy.array(self.elements(), dtype=object).reshape(array.shape)
        self.flat = self.array.reshape(-1)
        self.double = (
            self.array.astype(numpy.result_type(array, numpy.float64)) if self.narrow else self.array
        )
        self.double_flat = self.double.reshape(-1)
        self.trusted = False  # whether f was seen to leave its argument alone

    def fill(self, numbers: array[float]) -> None:
        """Set all numbers."""
        self.current[:] = numbers
        self.flat[:] = self.double_flat[:] = numbers
        for node, number in zip(self.nodes, numbers, strict=False):
            node.data = number

    @property
    def narrow(self) -> bool:
        """Whether the type has fewer digits than a float."""
        return self.epsilon > 2.0**-52

    def write(self, index: int, number: float) -> None:
        super().write(index, number)
        place = index // 2 if self.doubled else index
        self.flat[place] = self.double_flat[place] = self.elements_at(place)

    def elements_at(self, place: int) -> Any:
        """One element."""
        return complex(*self.current[2 * place : 2 * place + 2]) if self.doubled else self.current[place]

    def plain(self) -> Any:
        array = self.double if self.wide else self.array
        return array if self.trusted else array.copy()

    def arranged(self, nodes: list[Any]) -> Any:
        import numpy

        result = numpy.empty(len(nodes), dtype=object)
        result[:] = nodes
        return result.reshape(self.shape)


class TensorLeaf(Leaf):
    """A PyTorch tensor of floats: a copy of it is varied in place, or the tensor itself (a parameter)."""

    def __init__(self, label: str, tensor: Any, parameter: bool = False):
        elements = [x.item() for x in to_numpy(tensor).ravel()]
        super().__init__(label, elements, tuple(tensor.shape), epsilon_of(tensor))
        self.parameter = parameter
        self.tensor = tensor if parameter else tensor.detach().clone().contiguous()
        self.requires_grad = tensor.requires_grad
        detached = self.tensor.detach()
        self.flat = detached.view(-1) if detached.is_contiguous() else None

    def write(self, index: int, number: float) -> None:
        super().write(index, number)
        place = index // 2 if self.doubled else index
        element = complex(*self.current[2 * place : 2 * place + 2]) if self.doubled else number
        if self.flat is not None:
            self.flat[place] = element
        else:
            import numpy

            self.tensor.detach()[numpy.unravel_index(place, self.shape or ())] = element

    def plain(self) -> Any:
        if self.parameter:
            return self.tensor
        if self.wide:
            import torch

            kind = torch.complex128 if self.doubled else torch.float64
            wide = torch.tensor(self.elements(), dtype=kind, device=self.tensor.device)
            return wide.reshape(self.tensor.shape).requires_grad_(self.requires_grad)
        return self.tensor.clone().requires_grad_(self.requires_grad)

    def graph_leaf(self) -> Any:
        """The tensor with respect to which PyTorch differentiates."""
        self.leaf = self.tensor if self.parameter else self.tensor.clone().requires_grad_()
        return self.leaf

    def get(self, mode: Mode) -> Any:
        return self.graph_leaf() if mode == "graph" else self.plain()


class JaxLeaf(ArrayLeaf):
    """A JAX array, made anew for each call: it cannot be changed."""

    def __init__(self, label: str, array: Any):
        super().__init__(label, to_numpy(array))
        self.epsilon, self.dtype = epsilon_of(array), array.dtype

    def plain(self) -> Any:
        import jax  # type: ignore[import-not-found, unused-ignore]

        kind = None if self.wide else self.dtype
        return jax.numpy.array(self.double, kind)  # a copy: asarray may share the memory


class ParameterLeaf(Leaf):
    """A leaf Value that the function reads by itself: its ``data`` is set."""

    def __init__(self, label: str, value: Any):
        if not value.is_leaf:
            raise TypeError(
                "a function without arguments is checked with respect to leaf Values (a model's parameters), "
                f"and {value!r} was computed"
            )
        super().__init__(label, [value.data], None, epsilon_of(None))
        self.leaves = [value]

    def write(self, index: int, number: float) -> None:
        self.current[index] = number
        self.leaves[0].data = number


class ArrayParameter(ArrayLeaf):
    """A NumPy array that the function reads by itself: it is changed in place."""

    def __init__(self, label: str, array: Any):
        super().__init__(label, array)
        if array.dtype.kind not in "fc" or not array.flags.writeable:
            raise TypeError(f"the input {label} is varied in place: make it a writable array of floats")
        self.array = array

    def write(self, index: int, number: float) -> None:
        self.current[index] = number
        place = index // 2 if self.doubled else index
        self.array.flat[place] = self.elements_at(place)

    def overlaps(self, other: ArrayParameter) -> bool:
        """Whether a number of one array is a number of the other."""
        import numpy

        return bool(numpy.shares_memory(self.array, other.array))


def places_in(shape: Sequence[int]) -> Iterator[str]:
    """The index of every element of an array, as text."""
    for index in itertools.product(*map(range, shape)):
        yield f"[{', '.join(map(str, index))}]"
