"""The numbers of a box, one or many, as one text."""

import math
from bisect import bisect_left, insort
from collections.abc import Sequence

from viz.text import number


class Spread:
    """The numbers that a box stands for, one or many, as one text: the least and the greatest of them."""

    def __init__(self, values: Sequence[float]) -> None:
        self._sorted = sorted(value for value in values if value == value)
        self._undefined = len(values) - len(self._sorted)

    def replace(self, before: float | None, after: float) -> None:
        """Take one number out, if there was one, and put another in."""
        if before is not None and before == before:
            del self._sorted[bisect_left(self._sorted, before)]
        elif before is not None:
            self._undefined -= 1
        if after == after:
            insort(self._sorted, after)
        else:
            self._undefined += 1

    def text(self, digits: int) -> str:
        """The range, such as `-1 … 2`."""
        if not self._sorted:
            return number(math.nan if self._undefined else None, digits)
        low, high = number(self._sorted[0], digits), number(self._sorted[-1], digits)
        return (low if low == high else f"{low} … {high}") + ", NaN" * bool(self._undefined)
