"""The forms of arguments and results: numbers, nested lists and arrays, taken apart and put together."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from ..arrays import real_array
from ..engine.value import Value

__all__ = ["Example", "arrange", "as_node", "flatten"]


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


class Example:
    """The form of one argument: a number, nested lists or an array.

    Attributes:
        shape: () for a number.
        size: how many numbers it holds.
        numbers: those of the example.
        is_array: whether it was a NumPy array of at least one axis.
    """

    def __init__(self, example: Any, what: str = "the example"):
        import numpy as np

        try:
            numbers_ = real_array(example, what)
        except (TypeError, ValueError) as error:
            raise TypeError(f"an example is a number or a rectangular array of numbers: {error}") from None
        self.shape: tuple[int, ...] = numbers_.shape
        self.size = int(numbers_.size)
        self.numbers: list[float] = numbers_.ravel().tolist()
        self.is_array = isinstance(example, np.ndarray) and numbers_.ndim > 0

    def build(self, leaves: Sequence[Any]) -> Any:
        """Return leaves in the example's form."""
        return arrange(leaves, self.shape, self.is_array)

    def at(self, numbers_: Sequence[float]) -> Example:
        """Return an example of the same form with other numbers."""
        other = Example.__new__(Example)
        other.shape, other.size, other.is_array = self.shape, self.size, self.is_array
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
            wanted = ", ".join(["lanes", *map(str, self.shape)])
            raise ValueError(
                f"{what} has shape {array.shape}, and ({wanted}) is wanted: one row for each lane, in the "
                "form of the example"
            )
        return np.ascontiguousarray(array.reshape(len(array), self.size))

    def row(self, argument: Any, what: str) -> list[float]:
        """Return one such argument as a flat list of floats."""
        array = real_array(argument, what)
        if array.shape != self.shape:
            raise ValueError(f"{what} has shape {array.shape}, and the example has {self.shape}")
        numbers_: list[float] = array.ravel().tolist()
        return numbers_


def flatten(result: Any) -> tuple[list[Value], tuple[int, ...]]:
    """Return the Values in a function's result, and the result's shape.

    Raises:
        TypeError: it holds something that is no number, or is not rectangular.
    """
    if isinstance(result, (Value, numbers.Real)):
        return [as_node(result)], ()
    import numpy as np

    if isinstance(result, np.ndarray):
        if not result.size:
            raise TypeError(f"a recorded function returns Values, not an array of shape {result.shape}")
        return [as_node(item) for item in result.ravel()], result.shape
    if not isinstance(result, (list, tuple)) or not result:
        raise TypeError(f"a recorded function returns Values, not {type(result).__name__}")
    parts = [flatten(item) for item in result]
    if any(shape != parts[0][1] for _, shape in parts):
        raise TypeError(
            "a recorded function returns a rectangular array of Values: the rows have different lengths"
        )
    return [value for values, _ in parts for value in values], (len(parts), *parts[0][1])


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
