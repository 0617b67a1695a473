"""What a whole array of wrong derivatives has in common: a factor, a transposition, another order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from autograd_core.checking.inputs import Inputs, Leaf
from autograd_core.checking.report import Row

CLOSE = 1e-6  # relative difference up to which numbers count as equal here


def patterns(inputs: Inputs, rows: Sequence[Row]) -> list[str]:
    """Say what the wrong rows of each array or tensor have in common.

    Args:
        inputs: of the check.
        rows: one for each of the input's numbers.

    Returns:
        A sentence for each array in which something is recognized.
    """
    by_name = {row.name: row for row in rows}
    found, names = [], iter(inputs.names)
    for leaf in inputs.leaves:
        own = [by_name[name] for name in itertools.islice(names, len(leaf.names)) if name in by_name]
        if len(own) != len(leaf.names) or len(own) < 2 or not any(row.verdict == "wrong" for row in own):
            continue
        given, right = [row.analytic for row in own], [row.numeric for row in own]
        if all(map(math.isfinite, given + right)):
            found += [f"{leaf.label}: {what}." for what in recognized(leaf, given, right)][:1]
    if not found and len(rows) > 2 and all(row.verdict == "wrong" for row in rows):
        factor = common_factor([row.analytic for row in rows], [row.numeric for row in rows])
        found += [] if factor is None else [f"All inputs: {scaled(factor)}."]
    return found


def recognized(leaf: Leaf, given: Sequence[float], right: Sequence[float]) -> Iterator[str]:
    """Every pattern that fits."""
    factor = common_factor(given, right)
    if factor is not None:
        yield scaled(factor)
    if leaf.doubled and alike([-x if i % 2 else x for i, x in enumerate(given)], right):
        yield "the gradient is the complex conjugate of the right one (see convention=)"
    if leaf.shape is not None and len(leaf.shape) == 2 and min(leaf.shape) > 1 and not leaf.doubled:
        m, n = leaf.shape
        if alike(given, [right[i * n + j] for j in range(n) for i in range(m)]):
            yield "the gradient is transposed"
    if alike(given, right[::-1]):
        yield "the gradient is in reverse order"
    if alike(sorted(given), sorted(right)):
        yield "the gradient has the right numbers in another order"


def alike(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two lists of numbers are equal within the accuracy of finite differences."""
    size = max(map(abs, b))
    return all(abs(x - y) <= CLOSE * max(abs(y), CLOSE * size) for x, y in zip(a, b, strict=True))


def common_factor(given: Sequence[float], right: Sequence[float]) -> float | None:
    """The factor between two lists of numbers, if there is one."""
    largest = max(range(len(right)), key=lambda i: abs(right[i]))
    if not right[largest]:
        return None
    factor = given[largest] / right[largest]
    fits = factor and abs(factor - 1.0) > CLOSE and alike(given, [factor * x for x in right])
    return factor if fits else None


def scaled(factor: float) -> str:
    """What a common factor means."""
    parts = 1.0 / factor
    if factor == -1.0 or abs(factor + 1.0) < CLOSE:
        return "every entry has the wrong sign"
    if factor > 1.5 and abs(factor - round(factor)) < CLOSE * factor:
        k = round(factor)
        meaning = f"a sum over {k} in place of a mean, or a contribution added {k} times"
        return f"every entry is {k} times what it should be ({meaning})"
    if parts > 1.5 and abs(parts - round(parts)) < CLOSE * parts:
        k = round(parts)
        return (
            f"every entry is 1/{k} of what it should be (a mean over {k} in place of a sum, or a "
            f"contribution of one of {k} uses that is not accumulated)"
        )
    return f"every entry is {factor:.9g} times what it should be"
