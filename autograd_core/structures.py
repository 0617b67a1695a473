"""Structures of numbers: what the derivatives of a function may be taken with respect to.

A structure is a number or a Value, an array, or a list, tuple, named tuple or dict of structures. ``None``
and text may stand among the numbers and stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .engine.value import Value, as_value, number_of

__all__ = ["Rebuild", "flatten", "is_array", "mapped", "shape_of", "to_array", "to_float"]

Rebuild = Callable[[Sequence[Any]], Any]
_NUMBERS = {float, int, Value}  # the types of a number that are met most often


def is_array(x: Any) -> bool:
    """Tell whether something behaves like a NumPy array."""
    return hasattr(x, "shape") and hasattr(x, "reshape") and hasattr(x, "ravel")


def flatten(structure: Any) -> tuple[list[Any], Rebuild]:
    """Take a structure apart.

    Args:
        structure: see the module's text.

    Returns:
        Its numbers in order, and the function that puts as many numbers back into its form. An array comes
        back as one of float64, or of objects where Values are among the numbers.

    Raises:
        TypeError: it is None or text.

    >>> numbers, rebuild = flatten({"a": [1.0, 2.0], "b": None})
    >>> numbers, rebuild([10.0, 20.0])
    ([1.0, 2.0], {'a': [10.0, 20.0], 'b': None})
    """
    if type(structure) in _NUMBERS:
        return [structure], _only
    if structure is None or isinstance(structure, (str, bytes)):
        raise TypeError(
            f"cannot differentiate with respect to {structure!r}: numbers, arrays, lists and dicts only"
        )
    return _flatten(structure)


def _only(numbers: Sequence[Any]) -> Any:
    return numbers[0]


def _flatten(structure: Any) -> tuple[list[Any], Rebuild]:
    if is_array(structure) and structure.shape != ():
        return list(structure.ravel()), lambda numbers: to_array(numbers, structure.shape)
    if isinstance(structure, dict):
        return _join(list(structure.values()), lambda parts: dict(zip(structure, parts, strict=True)))
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return _join(list(structure), lambda parts: type(structure)(*parts))
    if isinstance(structure, (list, tuple)):
        return _join(list(structure), type(structure))
    if structure is None or isinstance(structure, (str, bytes)):
        return [], lambda numbers: structure
    return [structure], _only


def _join(parts: list[Any], build: Callable[[list[Any]], Any]) -> tuple[list[Any], Rebuild]:
    if _NUMBERS.issuperset(map(type, parts)):
        return parts, lambda numbers: build(list(numbers))
    flat = [_flatten(part) for part in parts]
    numbers = [number for piece, _ in flat for number in piece]

    def rebuild(new: Sequence[Any]) -> Any:
        result, start = [], 0
        for piece, restore in flat:
            result.append(restore(new[start : start + len(piece)]))
            start += len(piece)
        return build(result)

    return numbers, rebuild


def to_array(numbers: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Return an array of that shape: of float64, or of objects where Values are among the numbers."""
    import numpy as np

    if any(isinstance(number, Value) for number in numbers):
        array = np.empty(len(numbers), dtype=object)
        array[:] = numbers
    else:
        array = np.array(numbers, dtype=float)
    return array.reshape(shape)


def to_float(number: Any) -> Any:
    """Return a Value as it is, and any other real number as a float.

    Raises:
        TypeError: it is no real number.
    """
    return number if type(number) is float or isinstance(number, Value) else number_of(as_value(number))


def shape_of(structure: Any) -> tuple[int, ...]:
    """Return the shape of an array, a number, or nested lists.

    Raises:
        TypeError: it holds a dict.
    """
    if is_array(structure):
        return tuple(structure.shape)
    if isinstance(structure, (list, tuple)):
        return (len(structure), *(shape_of(structure[0]) if structure else ()))
    if isinstance(structure, dict):
        raise TypeError("a dict has no shape: with an array on the other side, use a list")
    return ()


def mapped(function: Callable[[Value], Any], structure: Any) -> Any:
    """Return a structure with function(node) in place of each Value; anything else stays as it is."""
    if isinstance(structure, Value):
        return function(structure)
    if is_array(structure) and structure.dtype != object:
        return structure
    if is_array(structure) or isinstance(structure, (list, tuple, dict)):
        numbers, rebuild = _flatten(structure)
        if any(isinstance(number, Value) for number in numbers):
            return rebuild([function(x) if isinstance(x, Value) else x for x in numbers])
    return structure
