"""The forms of arguments and results: numbers, nested lists and arrays, taken apart and put together."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..arrays import real_array
from ..engine.value import Value
from ..structures import flatten as take_apart
from .wrt import map_structure, zip_structures

__all__ = ["Example", "Part", "arrange", "as_node", "flatten", "join", "split"]


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
    """Tell whether something is made of lists and tuples down to its numbers."""
    return isinstance(example, numbers.Real) or (
        isinstance(example, (list, tuple)) and all(map(_is_nested, example))
    )


def _remedy(example: Any) -> str:
    """What to do about an argument that is no rectangular array, in words."""
    if isinstance(example, dict):
        names = ", ".join(map(str, list(example)[:3])) + (", ..." if len(example) > 3 else "")
        return f"; give the entries of the dict ({names}) as arguments of their own, and make it inside"
    if isinstance(example, (list, tuple)):
        return "; give parts of several shapes as arguments of their own, and put them together inside"
    if example is None or isinstance(example, (str, bytes)):
        return "; what is the same for every row is no argument: functools.partial(f, ...), or a variable"
    return ""


class Example:
    """The form of one argument: a number, nested lists or an array.

    Attributes:
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
            reason = str(error).rstrip(".") + _remedy(example)
            raise TypeError(f"an example is a number or a rectangular array of numbers: {reason}") from None
        self.shape: tuple[int, ...] = numbers_.shape
        self.size = int(numbers_.size)
        self.numbers: list[float] = numbers_.ravel().tolist()
        self.is_array = isinstance(example, np.ndarray) and numbers_.ndim > 0
        nested = isinstance(example, (list, tuple)) and _is_nested(example)
        self.template = example if nested else None

    def build(self, leaves: Sequence[Any]) -> Any:
        """Return leaves in the example's form."""
        if self.template is not None:
            return take_apart(self.template)[1](leaves)
        return arrange(leaves, self.shape, self.is_array)

    def at(self, numbers_: Sequence[float]) -> Example:
        """Return an example of the same form with other numbers."""
        other = Example.__new__(Example)
        other.shape, other.size, other.is_array = self.shape, self.size, self.is_array
        other.template = self.template
        other.numbers = list(numbers_)
        return other

    def one_row(self, numbers_: Sequence[float]) -> Any:
        """Return numbers as a batch of one row, an array."""
        import numpy as np

        return np.array(numbers_, dtype=float).reshape(1, *self.shape)

    def rows(self, batch: Any, what: str = "the batch") -> Any:
        """Return a batch of such arguments as a C-contiguous float64 array of shape (lanes, size)."""
        import numpy as np

        array = real_array(batch, what)
        if array.ndim != len(self.shape) + 1 or array.shape[1:] != self.shape:
            wanted = "(rows,)" if not self.shape else f"(rows, {', '.join(map(str, self.shape))})"
            remedy = "; for one row, put it in a list" if array.shape == self.shape else ""
            raise ValueError(
                f"{what} has shape {array.shape}, and {wanted} is wanted: rows of the example's form{remedy}"
            )
        return np.ascontiguousarray(array.reshape(len(array), self.size))

    def row(self, argument: Any, what: str) -> list[float]:
        """Return one such argument as a flat list of floats."""
        array = real_array(argument, what)
        if array.shape != self.shape:
            raise ValueError(f"{what} has shape {array.shape}, and the example has {self.shape}")
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

    The form is a `Part` for a number or a rectangular array, in lists or not; for a dict, and for lists and
    tuples of several shapes, it is the same structure of these.

    Raises:
        TypeError: it holds something that is no number.
    """
    values: list[Value] = []
    return values, _form(result, values)


def _form(result: Any, values: list[Value]) -> Any:
    start = len(values)
    if isinstance(result, dict) and result:
        return {key: _form(part, values) for key, part in result.items()}
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
    if all(isinstance(part, Part) and part.shape == parts[0].shape for part in parts):
        return Part(start, (len(parts), *parts[0].shape))
    return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)


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

    pairs: list[tuple[Any, Any]] = []
    zip_structures(form, structure, pairs)
    flat = []
    for part, given in pairs:
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
