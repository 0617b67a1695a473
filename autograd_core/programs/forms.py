"""The forms of arguments and results: numbers, nested lists and arrays, taken apart and put together."""

from __future__ import annotations

import enum
import math
import numbers
import reprlib
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from ..arrays import real_array
from ..engine.value import Value
from ..structures import builder_of, is_array, map_structure, zip_structures
from ..structures import flatten as take_apart

_NO_ARGUMENT = "what is the same for every row is no argument: functools.partial(f, ...), or a variable"


def refuse_no_function(f: Any, what: str) -> None:
    """Raise TypeError if something cannot be called."""
    if not callable(f):
        raise TypeError(f"{what} is a function, not {reprlib.repr(f)}")


def refuse_member(number: Any, what: str) -> None:
    """Raise TypeError for a member of an Enum: within the function it would be a Value, and no member."""
    if isinstance(number, enum.Enum):
        raise TypeError(f"{what} is a member of an Enum, {number!r}, and no number: {_NO_ARGUMENT}")


def arrange(leaves: Sequence[Any], shape: tuple[int, ...], as_array: bool = False) -> Any:
    """Return leaves in a shape: one of them, nested lists, or an object array.

    >>> arrange([1, 2, 3, 4], (2, 2))
    [[1, 2], [3, 4]]
    """
    if not shape:
        return leaves[0]
    if as_array:
        import numpy as np

        array = np.empty(len(leaves), dtype=object)
        array[:] = leaves
        return array.reshape(shape)
    nested: list[Any] = list(leaves)
    for width in reversed(shape[1:]):
        nested = [nested[i : i + width] for i in range(0, len(nested), width)]
    return nested


def _is_nested(example: Any) -> bool:
    """Tell whether something is made of lists and tuples down to its numbers and arrays."""
    return isinstance(example, numbers.Real) or (
        all(map(_is_nested, example)) if isinstance(example, (list, tuple)) else is_array(example)
    )


def arguments_of(examples: Sequence[Any]) -> tuple[list[Example], tuple[Any, ...]]:
    """Return the rectangular parts of arguments, and for each argument the structure of their numbers.

    A number, an array, or lists that are a rectangular array are one part; other lists and tuples, named
    tuples and dicts are structures of parts.

    Raises:
        TypeError: a part is no number and no array of numbers.

    >>> parts, arguments = arguments_of([1.0, {"a": [1.0, 2.0], "b": [[1.0], [2.0, 3.0]]}])
    >>> arguments, [part.shape for part in parts]
    ((0, {'a': 1, 'b': [2, 3]}), [(), (2,), (1,), (2,)])
    """
    parts: list[Example] = []
    named = enumerate(examples, 1)
    return parts, tuple(_parts_of(e, f"argument {k} of {len(examples)}", parts) for k, e in named)


def has_names(item: Any) -> bool:
    """Tell whether something is, or holds in lists and tuples, a dict or a named tuple: it is no array."""
    if isinstance(item, (list, tuple)):
        return hasattr(item, "_fields") or any(map(has_names, item))
    return isinstance(item, dict)


def _parts_of(example: Any, what: str, parts: list[Example]) -> Any:
    if isinstance(example, dict):
        found = [_parts_of(part, f"{what}, entry {key!r}", parts) for key, part in example.items()]
        return builder_of(example)(found)
    if not has_names(example):
        try:
            parts.append(Example(example, what))
            return len(parts) - 1
        except (TypeError, ValueError):
            if not isinstance(example, (list, tuple)) or not any(map(_has_entries, example)):
                raise
    found = [_parts_of(part, f"{what}, part {k}", parts) for k, part in enumerate(example)]
    return builder_of(example)(found)


def _has_entries(item: Any) -> bool:
    return isinstance(item, (dict, list, tuple)) or is_array(item)


class Example:
    """The form of an argument, or of a part of one: a number, nested lists or an array.

    Attributes:
        name: what to call it in a message.
        shape: () for a number.
        size: how many numbers it holds.
        numbers: those of the example.
        is_array: whether it was a NumPy array of at least one axis.
        template: the example, if it is a list or a tuple: arguments are built with the same types.
    """

    def __init__(self, example: Any, what: str = "the example"):
        import numpy as np

        try:
            numbers_ = real_array(example, what)
        except (TypeError, ValueError) as error:
            reason = str(error).rstrip(".")
            if example is None or isinstance(example, (str, bytes)):
                reason += f"; {_NO_ARGUMENT}"
            raise TypeError(f"an argument is a number, an array, or a structure of these: {reason}") from None
        self.name = what
        self.shape: tuple[int, ...] = numbers_.shape
        self.size = int(numbers_.size)
        self.numbers: list[float] = numbers_.ravel().tolist()
        self.is_array = is_array(example) and numbers_.ndim > 0
        if isinstance(example, np.matrix) or hasattr(example, "iloc"):
            raise TypeError(
                f"{what} is a {type(example).__name__}, which multiplies or is indexed in a way of its own, "
                "and within the function it would be an array: np.asarray makes one of it"
            )
        refuse_member(example, what)
        nested = isinstance(example, (list, tuple)) and _is_nested(example)
        self.template = example if nested else None

    def build(self, leaves: Sequence[Any]) -> Any:
        """Return leaves in the example's form."""
        if self.template is not None:
            return take_apart(self.template)[1](leaves)
        return arrange(leaves, self.shape, self.is_array)

    def at(self, numbers_: Sequence[float]) -> Example:
        """Return an example of the same form with other numbers."""
        other = copy(self)
        other.numbers = list(numbers_)
        return other

    def one_row(self, numbers_: Sequence[float]) -> Any:
        """Return numbers as a batch of one row, an array."""
        import numpy as np

        return np.array(numbers_, dtype=float).reshape(1, *self.shape)

    def rows(self, batch: Any) -> Any:
        """Return a batch of such arguments as a C-contiguous float64 array of shape (lanes, size)."""
        import numpy as np

        array = real_array(batch, self.name)
        if array.ndim != len(self.shape) + 1 or array.shape[1:] != self.shape:
            wanted = "(rows,)" if not self.shape else f"(rows, {', '.join(map(str, self.shape))})"
            remedy = "; for one row, put it in a list" if array.shape == self.shape else ""
            raise ValueError(
                f"{self.name} has shape {array.shape}, and {wanted} is wanted: rows of the example's form"
                f"{remedy}"
            )
        return np.ascontiguousarray(array.reshape(len(array), self.size))

    def row(self, argument: Any) -> list[float]:
        """Return one such argument as a flat list of floats."""
        array = real_array(argument, self.name)
        if array.shape != self.shape:
            raise ValueError(f"{self.name} has shape {array.shape}, and the example has {self.shape}")
        numbers_: list[float] = array.ravel().tolist()
        return numbers_


@dataclass(frozen=True)
class Part:
    """A rectangular part of a function's result.

    Attributes:
        start: where its numbers start among those of the result.
        shape: its shape; () for a number.
    """

    start: int
    shape: tuple[int, ...]

    @property
    def place(self) -> slice:
        """Where its numbers stand."""
        return slice(self.start, self.start + math.prod(self.shape))


def flatten(result: Any) -> tuple[list[Value], Any]:
    """Return the Values in a function's result, and its form.

    The form is a `Part` for a number or a rectangular array, in lists or not; for a dict, a named tuple, and
    lists and tuples of several shapes, it is the same structure of these.

    Raises:
        TypeError: it holds something that is no number.
    """
    values: list[Value] = []
    return values, _form(result, values)


def _form(result: Any, values: list[Value]) -> Any:
    start = len(values)
    if isinstance(result, dict) and result:
        return builder_of(result)([_form(part, values) for part in result.values()])
    if isinstance(result, (Value, numbers.Real)):
        values.append(as_node(result))
        return Part(start, ())
    import numpy as np

    if isinstance(result, np.ndarray):
        if not result.size:
            raise TypeError(f"a recorded function returns Values, not an array of shape {result.shape}")
        values += [as_node(item) for item in result.ravel()]
        return Part(start, result.shape)
    if not isinstance(result, (list, tuple)) or not result:
        raise TypeError(f"a recorded function returns Values, not {type(result).__name__}")
    parts = [_form(item, values) for item in result]
    alike = all(isinstance(part, Part) and part.shape == parts[0].shape for part in parts)
    if alike and not hasattr(result, "_fields"):
        return Part(start, (len(parts), *parts[0].shape))
    return builder_of(result)(parts)


def same_form(one: Any, other: Any) -> bool:
    """Tell whether results have one form, with the same keys: 1 is not True."""
    return one is other or (one == other and repr(one) == repr(other))


def split(form: Any, array: Any, axis: int = -1) -> Any:
    """Return numbers in a result's form.

    Args:
        form: see `flatten`.
        array: the numbers of all parts along an axis.
        axis: which one.
    """
    axis %= array.ndim

    def part(found: Part) -> Any:
        taken = array[(slice(None),) * axis + (found.place,)]
        return taken.reshape((*array.shape[:axis], *found.shape, *array.shape[axis + 1 :]))

    return map_structure(form, part)


def join(form: Any, structure: Any, what: str) -> Any:
    """Return what has a result's form as one array, the numbers of all parts along the last axis.

    Raises:
        ValueError: it has another form.
    """
    import numpy as np

    flat = []
    for part, given in zip_structures(form, structure, what):
        array = real_array(given, what)
        lead = array.ndim - len(part.shape)
        if lead < 0 or array.shape[lead:] != part.shape:
            raise ValueError(f"{what}: a part has shape {array.shape}, and (..., {part.shape}) is wanted")
        flat.append(array.reshape(*array.shape[:lead], -1))
    return np.concatenate(flat, axis=-1)


def as_node(item: Any) -> Value:
    """Return a Value as it is, a plain number as a constant.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(item, Value):
        return item
    if isinstance(item, numbers.Real):
        return Value.lift(item)
    raise TypeError(f"a recorded function returns Values, not {type(item).__name__}")
