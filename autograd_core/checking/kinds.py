"""What a thing is (a Value, an array, a tensor, a number) and its numbers; nothing is imported for it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from autograd_core.calculus.operation import real

BITS = {"float16": 10, "bfloat16": 7, "float32": 23, "complex64": 23}  # of the significand; 52 for all others


def is_value(thing: object) -> bool:
    """Whether a thing is a Value."""
    from autograd_core import Value

    return isinstance(thing, Value)


def is_array(thing: object) -> bool:
    """Whether a thing is a NumPy array."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)


def is_tensor(thing: object) -> bool:
    """Whether a thing is a PyTorch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def is_jax(thing: object) -> bool:
    """Whether a thing is a JAX array."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(thing, jax.Array)


def is_module(thing: object) -> bool:
    """Whether a thing has named parameters, as the modules of ``nn`` and ``torch.nn`` have."""
    return hasattr(thing, "named_parameters") and not isinstance(thing, type)


def is_number(thing: object) -> bool:
    """Whether a thing is one plain number."""
    if isinstance(thing, (int, float, complex)):
        return True
    shaped = is_value(thing) or is_array(thing) or is_tensor(thing) or is_jax(thing)
    return not shaped and (hasattr(thing, "__float__") or hasattr(thing, "__complex__"))


def is_single(inputs: object) -> bool:
    """Whether the inputs are one argument rather than a list of arguments."""
    return (
        is_value(inputs)
        or is_array(inputs)
        or is_tensor(inputs)
        or is_jax(inputs)
        or is_number(inputs)
        or is_module(inputs)
        or (dataclasses.is_dataclass(inputs) and not isinstance(inputs, type))
    )


def shape_of(thing: Any) -> tuple[int, ...] | None:
    """The shape of an array or tensor, None for anything else."""
    return tuple(thing.shape) if is_array(thing) or is_tensor(thing) or is_jax(thing) else None


def epsilon_of(thing: Any) -> float:
    """The relative distance of neighbouring numbers of a thing's type: 2**-52 for floats."""
    name = str(getattr(thing, "dtype", "")).rpartition(".")[2]
    return float(2.0 ** -BITS.get(name, 52))


def to_numpy(thing: Any) -> Any:
    """A tensor or JAX array as a NumPy array; bfloat16, which NumPy lacks, as float64."""
    if is_tensor(thing):
        thing = thing.detach().cpu()
        return (thing if thing.is_complex() else thing.double()).resolve_conj().numpy()
    import numpy

    array = numpy.asarray(thing)
    return array.astype(float) if array.dtype.kind == "V" else array


def to_number(thing: Any, what: str = "the function returned") -> float:
    """Convert what should be a number to a float.

    Raises:
        TypeError: it is not one real number.
    """
    if is_value(thing):
        return float(thing.data)
    shape = shape_of(thing)
    if shape is not None:
        if math.prod(shape) != 1:
            raise TypeError(f"{what} an array of shape {shape}, not one number")
        return to_number(thing.item(), what)
    if isinstance(thing, (list, tuple)):
        raise TypeError(f"{what} {len(thing)} things, not one number")
    if thing is None:
        raise TypeError(f"{what} None, not one real number (is a return missing?)")
    try:
        return real(what, thing)
    except OverflowError:
        raise OverflowError(f"{what} too large for a float ({type(thing).__name__})") from None
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{what} {type(thing).__name__}, not one real number")


def entries(thing: Any) -> Iterator[tuple[str, Any]]:
    """Every number in a nest of sequences, mappings and arrays, with its place: ``[1, 2]``, ``.loss``."""
    if isinstance(thing, Mapping):
        for key, part in thing.items():
            yield from ((f".{key}{place}", number) for place, number in entries(part))
    elif isinstance(thing, (list, tuple)):
        for position, part in enumerate(thing):
            yield from ((f"[{position}]{place}", number) for place, number in entries(part))
    elif shape_of(thing) is not None:
        import numpy

        array = to_numpy(thing)
        for index in numpy.ndindex(array.shape):
            yield (f"[{', '.join(map(str, index))}]" if index else ""), array[index]
    else:
        yield "", thing


def outputs_of(result: Any, what: str = "the function returned") -> tuple[list[str], list[Any], list[bool]]:
    """The outputs in the result of a function.

    Returns:
        The place of each, the numbers (floats, complex numbers or Values), and whether each is complex.

    Raises:
        TypeError: one of them is not a number.
    """
    places, numbers = [], []
    for place, number in entries(result):
        places.append(place)
        complex_number = isinstance(number, complex) or (hasattr(number, "imag") and is_complex(number))
        numbers.append(
            complex(number) if complex_number else number if is_value(number) else to_number(number, what)
        )
    return places, numbers, [isinstance(number, complex) for number in numbers]


def is_complex(number: Any) -> bool:
    """Whether a NumPy number is complex by its type."""
    return str(getattr(number, "dtype", "")).startswith("complex")


def flatten_numbers(thing: Any, what: str = "the gradient") -> list[Any]:
    """Flatten a gradient, in any nesting of sequences, mappings, arrays and tensors, to floats and complex.

    Raises:
        TypeError: a part is None or no number.
    """
    if is_array(thing) and thing.dtype.kind in "fiu":
        numbers: list[Any] = thing.astype(float).ravel().tolist()
        return numbers
    found: list[Any] = []
    for place, number in entries(thing):
        if number is None:
            at = f" at {place}" if place else ""
            raise TypeError(
                f"{what} is None{at}: it was not computed (a function without a return, an unused input, "
                "or a backward pass that did not run); give 0 where it is 0"
            )
        complex_number = isinstance(number, complex) or is_complex(number)
        found.append(complex(number) if complex_number else to_number(number, f"{what} is"))
    return found


def keyed(thing: Any) -> bool:
    """Whether there is a mapping in a nest."""
    return isinstance(thing, Mapping) or (isinstance(thing, (list, tuple)) and any(map(keyed, thing)))


def counted(count: int, thing: str) -> str:
    """A number of things, in words."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
