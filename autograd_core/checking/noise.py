"""The noise of a computed function, from a table of its differences.

Differences of a smooth function fall fast with their order; differences of noise do not. From the order at
which they level off, the noise can be told (J. J. More and S. M. Wild, "Estimating Computational Noise", SIAM
Journal on Scientific Computing 33, 2011).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

POINTS = 9
SPACINGS = (2.0**-46, 2.0**-40, 2.0**-34, 2.0**-28, 2.0**-22)  # in units of the scale of x
ALIKE = 8.0  # noise is as large at one spacing as at the next within this factor; a kink or a jump is not
MARGIN = 4.0  # standard deviations of the noise that are taken for its size


def noise_of(function: Callable[[float], float], scale: float, epsilon: float, known: float) -> float:
    """Estimate the absolute noise of a function near offset 0.

    Args:
        function: f as a function of the offset; nan where it has no value.
        scale: the scale of x: the spacings of the points are fractions of it.
        epsilon: relative rounding error of f's values.
        known: noise that is expected anyway; the search ends at the first spacing that shows no more.

    Returns:
        The size of the noise (four standard deviations); 0 where no more than ``known`` is seen, or where it
        depends on the spacing, as at a kink.
    """
    before = 0.0
    for spacing in SPACINGS:
        step = scale * max(spacing, 2 * epsilon)
        values = [function(step * (index + 1)) for index in range(POINTS)]  # a jump at 0 itself is not noise
        if not all(map(math.isfinite, values)):
            values = [function(-step * (index + 1)) for index in range(POINTS)]
        if not all(map(math.isfinite, values)):
            break
        level = level_of(values)
        size = MARGIN * (level or 0.0)
        if level is not None and size <= known:
            break  # f is smooth at this spacing: what larger spacings show is f itself
        if before > known and before / ALIKE < size < before * ALIKE:
            return max(size, before)
        before = size
    return 0.0


def level_of(values: Sequence[float]) -> float | None:
    """The standard deviation of the noise in equally spaced values; None where the table does not tell.

    ``sigma_k**2 = (k!)**2 / (2 k)! mean((difference of order k)**2)`` is the variance of the noise once
    the differences of order k are noise alone: then the estimates of three orders agree, and their signs
    alternate.
    """
    differences = list(values)
    factor, sigmas, alternating = 1.0, [], []
    for order in range(1, len(values) - 2):
        differences = [b - a for a, b in itertools.pairwise(differences)]
        factor *= order / (2.0 * (2.0 * order - 1.0))
        mean = math.fsum(d * d for d in differences) / len(differences)
        sigmas.append(math.sqrt(factor * mean))
        alternating.append(min(differences) < 0.0 < max(differences))
        if order == 1 and sum(d == 0.0 for d in differences) > len(differences) // 2:
            return None
    for first in range(len(sigmas) - 2):
        some = sigmas[first : first + 3]
        if max(some) <= 4.0 * min(some) and alternating[first]:
            return some[0]
    return None
