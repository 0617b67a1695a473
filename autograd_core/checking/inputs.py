"""Inputs of a checked function: any nesting of numbers, Values, arrays and tensors, as one flat list."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Inputs", "flatten_numbers", "to_number"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The point at which a function is checked.

    Attributes:
        names: a name for each number: ``x``, ``w[2]``, ``w[2, 3]``, or a Value's label.
        numbers: the numbers.
        leaves: the Values whose ``data`` is set before each call, where f takes no argument and reads its
        parameters from
            elsewhere (a model's); else empty.
        builders: one per argument of f; each takes the iterator of numbers and a converter, and returns the
        argument.
        keywords: the names of the arguments when f takes them by name, else empty.
        shapes: the shape of each argument that is an array or tensor, None for others.
    """

    names: tuple[str, ...]
    numbers: tuple[float, ...]
    leaves: tuple[Any, ...]
    builders: tuple[Callable[..., Any], ...]
    keywords: tuple[str, ...]
    shapes: tuple[tuple[int, ...] | None, ...] = ()

    @classmethod
    def of(cls, function: Callable[..., Any], inputs: Any) -> Inputs:
        """Take the inputs apart.

        Args:
            function: it is called with one argument per element when ``inputs`` is a list or tuple, by name
            when it is a
                mapping, with ``inputs`` itself when that is one number, Value, array or tensor, and without
                arguments when it takes none and ``inputs`` are Values.
            inputs: see above.

        Raises:
            TypeError: an input is not made of real numbers.
        """
        if isinstance(inputs, Mapping):
            return cls._flattened(
                list(inputs.values()), [str(name) for name in inputs], tuple(map(str, inputs))
            )
        if is_single(inputs):
            return cls._flattened([inputs], parameter_names(function, 1), ())
        arguments = list(inputs)
        if arguments and takes_no_arguments(function):
            return cls._parameters(arguments)
        return cls._flattened(arguments, parameter_names(function, len(arguments)), ())

    @classmethod
    def _flattened(cls, arguments: list[Any], labels: Sequence[str], keywords: tuple[str, ...]) -> Inputs:
        names: list[str] = []
        numbers: list[float] = []
        builders = tuple(
            take_apart(argument, label, names, numbers)
            for argument, label in zip(arguments, labels, strict=True)
        )
        shapes = tuple(shape_of(argument) for argument in arguments)
        return cls(tuple(names), tuple(numbers), (), builders, keywords, shapes)

    @classmethod
    def _parameters(cls, values: list[Any]) -> Inputs:
        for value in values:
            if not is_value(value) or not value.is_leaf:
                raise TypeError(
                    "a function without arguments is checked with respect to leaf Values "
                    f"(a model's parameters), not {type(value).__name__}"
                )
        names = tuple(value.label or f"parameter[{index}]" for index, value in enumerate(values))
        return cls(names, tuple(value.data for value in values), tuple(values), (), ())

    def arguments(self, numbers: Iterable[float], convert: Callable[[float], Any] | None) -> tuple[Any, ...]:
        """Rebuild f's arguments around other numbers, each number passed through ``convert`` if given."""
        stream = iter(numbers)
        return tuple(build(stream, convert) for build in self.builders)

    def check_shapes(self, gradient: Any) -> None:
        """Refuse a gradient whose arrays have other shapes than the inputs, such as a transposed one.

        Raises:
            ValueError: a shape differs.
        """
        parts = [gradient] if len(self.shapes) == 1 and shape_of(gradient) is not None else gradient
        if not isinstance(parts, (list, tuple)) or len(parts) != len(self.shapes):
            return
        for part, shape in zip(parts, self.shapes, strict=True):
            if None not in (shape, shape_of(part)) and shape_of(part) != shape:
                raise ValueError(
                    f"a gradient of shape {shape_of(part)} was given for an input of shape {shape}"
                )

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call f, by name where the inputs were a mapping."""
        if self.keywords:
            return function(**dict(zip(self.keywords, arguments, strict=True)))
        return function(*arguments)


def is_value(thing: object) -> bool:
    """Whether a thing is a Value."""
    from autograd_core import Value

    return isinstance(thing, Value)


def is_array(thing: object) -> bool:
    """Whether a thing is a NumPy array; NumPy is not imported to find out."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)


def is_tensor(thing: object) -> bool:
    """Whether a thing is a PyTorch tensor; PyTorch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def shape_of(thing: Any) -> tuple[int, ...] | None:
    """The shape of an array or tensor, None for anything else."""
    return tuple(thing.shape) if is_array(thing) or is_tensor(thing) else None


def is_number(thing: object) -> bool:
    """Whether a thing is one plain real number."""
    return isinstance(thing, (int, float)) or (
        hasattr(thing, "__float__") and not (is_value(thing) or is_array(thing) or is_tensor(thing))
    )


def is_single(inputs: object) -> bool:
    """Whether the inputs are one argument rather than a list of arguments."""
    return is_value(inputs) or is_array(inputs) or is_tensor(inputs) or is_number(inputs)


def signature(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The positional parameters of f, or None where they cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def takes_no_arguments(function: Callable[..., Any]) -> bool:
    """Whether f takes no positional argument, so that it must read its inputs from elsewhere."""
    return signature(function) == []


def parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    """Names for the arguments: those of f's parameters where they are known."""
    parameters = signature(function)
    if parameters is not None and len(parameters) >= count:
        return [parameter.name for parameter in parameters[:count]]
    return [f"x[{index}]" for index in range(count)] if count > 1 else ["x"]


def take_apart(thing: Any, label: str, names: list[str], numbers: list[float]) -> Callable[..., Any]:
    """Append the names and numbers of one argument; return the function that rebuilds it."""
    if is_value(thing):
        return take_value(thing, label, names, numbers)
    if is_array(thing):
        return take_array(thing, label, names, numbers)
    if is_tensor(thing):
        return take_tensor(thing, label, names, numbers)
    if isinstance(thing, (list, tuple)):
        parts = [take_apart(part, f"{label}[{i}]", names, numbers) for i, part in enumerate(thing)]
        kind = list if isinstance(thing, list) else tuple
        return lambda stream, convert: kind(part(stream, convert) for part in parts)
    if isinstance(thing, bool) or not is_number(thing):
        kind_of = type(thing).__name__
        raise TypeError(f"the input {label} is {kind_of}, not a real number, Value, array or tensor")
    names.append(label)
    numbers.append(float(thing))
    return lambda stream, convert: next(stream) if convert is None else convert(next(stream))


def take_value(value: Any, label: str, names: list[str], numbers: list[float]) -> Callable[..., Any]:
    """Take a Value apart: it is rebuilt as a fresh leaf with its label."""
    from autograd_core import Value

    own = value.label
    names.append(own or label)
    numbers.append(value.data)
    return lambda stream, convert: Value(next(stream), own) if convert is None else convert(next(stream))


def take_array(array: Any, label: str, names: list[str], numbers: list[float]) -> Callable[..., Any]:
    """Take an array apart: it is rebuilt with its shape and type, or as an array of converted numbers."""
    import numpy

    if array.dtype.kind not in "fiuO":
        raise TypeError(f"the input {label} is an array of {array.dtype}, not of real numbers")
    for index in numpy.ndindex(array.shape):
        names.append(f"{label}[{', '.join(map(str, index))}]" if index else label)
        numbers.append(to_number(array[index]))
    plain = numpy.float64 if array.dtype.kind in "iu" else array.dtype

    def build(stream: Any, convert: Callable[[float], Any] | None) -> Any:
        flat = [next(stream) for _ in range(array.size)]
        if convert is None:
            return numpy.array(flat, dtype=plain).reshape(array.shape)
        result = numpy.empty(array.size, dtype=object)
        result[:] = [convert(number) for number in flat]
        return result.reshape(array.shape)

    return build


def take_tensor(tensor: Any, label: str, names: list[str], numbers: list[float]) -> Callable[..., Any]:
    """Take a tensor apart: it is rebuilt with its shape, type and ``requires_grad``."""
    build_array = take_array(tensor.detach().cpu().double().numpy(), label, names, numbers)

    def build(stream: Any, convert: Callable[[float], Any] | None) -> Any:
        if convert is not None:
            raise TypeError(f"the input {label} is a tensor: give gradient=, or pass a NumPy array")
        import torch

        rebuilt = torch.as_tensor(build_array(stream, None), dtype=tensor.dtype, device=tensor.device)
        return rebuilt.requires_grad_(tensor.requires_grad)

    return build


def to_number(thing: Any, what: str = "the function") -> float:
    """Convert the result of a function to a float.

    Raises:
        TypeError: it is not one real number.
    """
    if is_value(thing):
        return float(thing.data)
    if is_array(thing) or is_tensor(thing):
        if math.prod(thing.shape) != 1:
            raise TypeError(f"{what} returned an array of shape {tuple(thing.shape)}, not one number")
        return to_number(thing.item(), what)
    if isinstance(thing, (list, tuple)):
        raise TypeError(f"{what} returned {len(thing)} things, not one number")
    try:
        return float(thing)
    except (TypeError, ValueError):
        raise TypeError(f"{what} returned {type(thing).__name__}, not one real number") from None


def flatten_numbers(thing: Any, what: str = "the gradient") -> list[float]:
    """Flatten a gradient, in any nesting of sequences, arrays and tensors, to floats."""
    if isinstance(thing, Mapping):
        thing = list(thing.values())
    if is_tensor(thing):
        thing = thing.detach().cpu().double().numpy()
    if is_array(thing) or (hasattr(thing, "__array__") and hasattr(thing, "ravel")):
        import numpy

        return [to_number(number, what) for number in numpy.asarray(thing).ravel()]
    if isinstance(thing, (list, tuple)):
        return [number for part in thing for number in flatten_numbers(part, what)]
    return [to_number(thing, what)]
