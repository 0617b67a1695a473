"""Many inputs varied at once: random directions, and the inputs behind a wrong one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from autograd_core.checking.report import Row
from autograd_core.checking.rows import Rows
from autograd_core.checking.subject import Vector

MOST_WRONG = 20  # wrong inputs that are looked for behind a wrong direction
LEVELS = (1e-3, 1e-6, 0.0)  # sizes of a gradient's entries, relative to the largest, that are varied together


class Directions(Rows):
    """Rows along random directions."""

    def along_directions(self, gradient: Vector, noise: float) -> list[Row]:
        """Vary all inputs at once, in random proportions; look for the culprits behind a wrong direction.

        Inputs whose gradient is far smaller than the others' are varied by themselves, where they count.
        """
        rows: list[Row] = []
        groups = self.groups(gradient)
        for number in range(1, (self.options.directions or 0) + 1):
            direction = self.random_direction()
            for position, indices in enumerate(groups):
                row = self.along(direction, indices, gradient, noise)
                small = " (small gradients)" if position else ""
                rows.append(replace(row, name=f"direction {number} of {self.options.directions}{small}"))
                if row.verdict == "wrong":
                    return rows + self.locate(direction, indices, gradient, noise)
        return rows

    def groups(self, gradient: Vector) -> list[list[int]]:
        """The inputs by the size of what they contribute to the output."""
        sizes = [
            abs(g) * s if math.isfinite(g) else math.inf for g, s in zip(gradient, self.sizes(), strict=True)
        ]
        largest = max(size for size in [0.0, *sizes] if size < math.inf)
        found, above = [], math.inf
        for level in LEVELS:
            bound = level * largest
            found.append(
                [i for i, size in enumerate(sizes) if bound <= size and (size < above or above == math.inf)]
            )
            above = bound
        return [group for group in found if group]

    def locate(self, direction: Vector, start: Sequence[int], gradient: Vector, noise: float) -> list[Row]:
        """Find the wrong inputs behind a wrong direction by halving."""

        def shows(indices: Sequence[int]) -> bool:
            return self.along(direction, indices, gradient, noise).verdict == "wrong"

        found = halved(start, shows) or ()
        rows = (self.along_input(i, gradient[i], noise) for i in found)
        return [row for row in rows if not row.accepted]


def halved(start: Sequence[int], shows: Callable[[Sequence[int]], bool]) -> list[int] | None:
    """Single inputs that show something, found by halving; None where all together show nothing."""
    pending: list[Sequence[int]] = [start]
    found: list[int] = []
    any_seen = False
    while pending and len(found) < MOST_WRONG:
        indices = pending.pop()
        if not shows(indices):
            continue
        any_seen = True
        if len(indices) == 1:
            found.append(indices[0])
        else:
            pending += [indices[len(indices) // 2 :], indices[: len(indices) // 2]]
    return found if any_seen else None
