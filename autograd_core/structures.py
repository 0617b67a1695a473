"""Structures of numbers: what the derivatives of a function may be taken with respect to.

A structure is a number or a Value, an array, or a list, tuple, named tuple or dict of structures. ``None``
and text may stand among the numbers and stay where they are.
"""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .engine.flat import same_items
from .engine.value import Value, as_value, number_of

Rebuild = Callable[[Sequence[Any]], Any]
NUMBERS = {float, int, Value}  # the types of a number that are met most often
_BUILT_IN = (dict, list, tuple)


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
        TypeError: it is None or text, or an array of it has masked entries.

    >>> numbers, rebuild = flatten({"a": [1.0, 2.0], "b": None})
    >>> numbers, rebuild([10.0, 20.0])
    ([1.0, 2.0], {'a': [10.0, 20.0], 'b': None})
    """
    if type(structure) in NUMBERS:
        return [structure], _only
    if structure is None or isinstance(structure, (str, bytes)):
        raise TypeError(
            f"cannot differentiate with respect to {structure!r}: numbers, arrays, lists and dicts only"
        )
    return _flatten(structure)


def _only(numbers: Sequence[Any]) -> Any:
    return numbers[0]


def _flatten(structure: Any) -> tuple[list[Any], Rebuild]:
    if isinstance(structure, (list, tuple)):
        return _join(list(structure), builder_of(structure))
    if isinstance(structure, dict):
        return _join(list(structure.values()), builder_of(structure))
    refuse_masked(structure)
    if is_array(structure) and structure.shape != ():
        return list(structure.ravel()), lambda numbers: to_array(numbers, structure.shape)
    if structure is None or isinstance(structure, (str, bytes)):
        return [], lambda numbers: structure
    return [structure], _only


def refuse_masked(structure: Any) -> None:
    """Raise TypeError for an array some of whose entries are masked."""
    if hasattr(structure, "mask") and is_array(structure) and structure.mask.any():
        raise TypeError("an array has masked entries: fill them, array.filled(number), or leave them out")


def _join(parts: list[Any], build: Callable[[list[Any]], Any]) -> tuple[list[Any], Rebuild]:
    if NUMBERS.issuperset(map(type, parts)):
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


def builder_of(structure: Any) -> Callable[[list[Any]], Any]:
    """Return what makes a dict, list or (named) tuple like this one of other parts: of its type."""
    kind = type(structure)
    if kind in _BUILT_IN:
        return kind if kind is not dict else lambda parts: dict(zip(structure, parts, strict=True))

    def build(parts: list[Any]) -> Any:
        if isinstance(structure, dict):
            made = copy.copy(structure)
            dict.update(made, zip(structure, parts, strict=True))  # a Counter's own adds
            return made
        made = kind(*parts) if hasattr(structure, "_fields") else kind(parts)
        if getattr(structure, "__dict__", None):
            made.__dict__.update(structure.__dict__)
        return made

    return build


def map_structure(structure: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return a structure of dicts, lists and tuples with every leaf, arrays too, replaced.

    >>> map_structure({"a": [1, 2], "b": (3,)}, float)
    {'a': [1.0, 2.0], 'b': (3.0,)}
    """
    if not isinstance(structure, (dict, list, tuple)):
        return leaf(structure)
    parts = structure.values() if isinstance(structure, dict) else structure
    made = [map_structure(part, leaf) if isinstance(part, _BUILT_IN) else leaf(part) for part in parts]
    return builder_of(structure)(made)


class Outline:
    """What a structure holds, to tell whether another is the very same.

    Args:
        structure: Values, whole numbers and texts in dicts with texts for keys, lists and tuples.

    Raises:
        TypeError: it is another, of which neither its type and keys nor the identity of its leaves say all.
    """

    __slots__ = ("_inner", "_keys", "_kind", "_parts")

    def __init__(self, structure: Any):
        self._kind = type(structure)
        self._keys, parts = _keys_and_parts(structure)
        self._inner = [(k, Outline(part)) for k, part in enumerate(parts) if type(part) in _BUILT_IN]
        for k, _ in self._inner:
            parts[k] = None
        if not {*map(type, parts)} <= {Value, int, str, type(None)} or not {*map(type, self._keys)} <= {str}:
            raise TypeError("not a structure of Values, whole numbers and texts")
        self._parts = parts

    @classmethod
    def of(cls, structure: Any) -> Outline | None:
        """Return that of a structure; None where there is none."""
        try:
            return cls(structure)
        except TypeError:
            return None

    def is_of(self, structure: Any) -> bool:
        """Does that structure have this one's types and keys, and the very same leaves?"""
        if type(structure) is not self._kind:
            return False
        keys, parts = _keys_and_parts(structure)
        if keys != self._keys or len(parts) != len(self._parts):
            return False
        for k, inner in self._inner:
            if not inner.is_of(parts[k]):
                return False
            parts[k] = None
        return same_items(parts, self._parts)


def _keys_and_parts(structure: Any) -> tuple[list[Any], list[Any]]:
    if type(structure) is dict:
        return list(structure), list(structure.values())
    return [], list(structure) if type(structure) in (list, tuple) else [structure]


def leaves_of(structure: Any) -> list[Any]:
    """Return the leaves of a structure in order.

    >>> leaves_of({"a": [1, 2], "b": (3,)})
    [1, 2, 3]
    """
    found: list[Any] = []
    map_structure(structure, found.append)
    return found


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


def zip_structures(
    one: Any, other: Any, what: str = "the structure", pairs: list[tuple[Any, Any]] | None = None
) -> list[tuple[Any, Any]]:
    """Return (leaf, part) for each leaf of one structure and what stands there in another.

    Args:
        one: dicts, lists and tuples down to its leaves.
        other: what has the same entries; arrays may stand for lists, tuples for named tuples.
        what: what to call the other in a message.
        pairs: where they go, a new list by default.

    Raises:
        ValueError: it has other entries.
    """
    pairs = [] if pairs is None else pairs
    items: Iterable[tuple[Any, Any]]
    if isinstance(one, dict):
        given = list(other.keys()) if hasattr(other, "keys") else None
        if given is None or len(given) != len(one) or any(key not in other for key in one):
            raise ValueError(f"{what} is a dict with the entries {list(one)}, not {_shown(other, given)}")
        items, called = one.items(), "entry"
    elif isinstance(one, (list, tuple)):
        refuse_masked(other)
        listed = hasattr(other, "__len__") and not isinstance(other, (str, bytes, dict, set, frozenset))
        listed = listed and getattr(other, "shape", None) != ()
        names = getattr(one, "_fields", None)  # an array or a list in its place may be one of rows
        if names and (not isinstance(other, tuple) or getattr(other, "_fields", names) != names):
            raise ValueError(f"{what} is a {type(one).__name__}{names}, not {reprlib.repr(other)}")
        if not listed or len(other) != len(one):
            found = _shown(other, f"{len(other)} parts" if listed else None)
            raise ValueError(f"{what} has {len(one)} parts, not {found}")
        items, called = enumerate(one), "part"
    else:
        pairs.append((one, other))
        return pairs
    for key, part in items:
        if isinstance(part, (dict, list, tuple)):
            zip_structures(part, other[key], f"{what}, {called} {key!r}", pairs)
        else:
            pairs.append((part, other[key]))
    return pairs


def numbers_like(form: Any, given: Any, what: str) -> list[Any]:
    """Return the numbers of a structure in the order in which they stand in another, dicts by their keys.

    Args:
        form: a structure.
        given: one of the same form; lists may stand for arrays and arrays for lists.
        what: what to call it in a message.

    Raises:
        ValueError: it has other entries.
        TypeError: it has what is no real number.

    >>> numbers_like({"a": 1.0, "b": [2.0]}, {"b": [20.0], "a": 10.0}, "the vector")
    [10.0, 20.0]
    """
    found = []
    for part, entry in zip_structures(form, given, what):
        if type(entry) in NUMBERS and type(part) in NUMBERS:  # long lists of numbers: nothing to take apart
            found.append(entry)
            continue
        numbers, expected = _flatten(entry)[0], _flatten(part)[0]
        other = is_array(part) and len(expected) > 1 and _shape_like(entry, part.shape) != part.shape
        if other or len(numbers) != len(expected):
            raise ValueError(
                f"{what} has {reprlib.repr(entry)} where the form has {reprlib.repr(part)}: "
                "they must have the same form"
            )
        found += numbers
    return [to_float(number) for number in found]


def _shape_like(entry: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of nested lists or an array that stands for an array of that shape; None if it is ragged."""
    if is_array(entry):
        return tuple(entry.shape)
    if not isinstance(entry, (list, tuple)) or not shape:
        return None if isinstance(entry, (list, tuple, dict, set)) else ()
    parts = {_shape_like(part, shape[1:]) for part in entry}
    (part,) = parts if len(parts) == 1 else (None,)
    return None if part is None else (len(entry), *part)


def _shown(thing: Any, entries: Any) -> str:
    return str(entries) if entries is not None else reprlib.repr(thing)
