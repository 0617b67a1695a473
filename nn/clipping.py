"""The length of a gradient, and gradients that are made shorter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nn.arguments import number
from nn.data import numbers_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[Any]


def gradient_norm(gradients: Iterable[float]) -> float:
    """The Euclidean length of a gradient, with no overflow on the way.

    Eight running sums of squares, one for every eighth number, are added in pairs: an order that a vector
    unit can keep, so that a Program finds the same bits. Where squares become infinite or vanish,
    `math.hypot`.
    """
    import numpy as np

    numbers: Floats = gradients if isinstance(gradients, np.ndarray) else np.fromiter(gradients, np.float64)
    squares = np.zeros(-(-len(numbers) // 8) * 8 + 8)
    with np.errstate(all="ignore"):  # what becomes infinite is seen below
        np.multiply(numbers, numbers, out=squares[8 : 8 + len(numbers)])
        # unlike sum, accumulate adds row after row by its definition
        a, b, c, d, e, f, g, h = np.add.accumulate(squares.reshape(-1, 8), axis=0)[-1].tolist()
    total = ((a + e) + (c + g)) + ((b + f) + (d + h))
    return math.sqrt(total) if 1e-200 < total < 1e200 else math.hypot(*numbers.tolist())


def clip_by_norm(gradients: ArrayLike, max_norm: float) -> Floats:
    """Shorten the gradient to `max_norm` if it is longer; its direction stays.

    g <- g min(1, max_norm / (|g| + 1e-6))   (Pascanu, Mikolov and Bengio 2013)

    Args:
        gradients: any shape.
        max_norm: the greatest length, > 0.

    Returns:
        An array of that shape.

    Example:
        >>> clip_by_norm([3.0, 4.0], 1.0).round(3).tolist()
        [0.6, 0.8]
    """
    number("max_norm", max_norm, "(0, inf)")
    g: Floats = numbers_of(gradients, "gradients")
    scale = max_norm / (gradient_norm(g.ravel()) + 1e-6)
    return g * scale if scale < 1.0 else g


def clip_by_value(gradients: ArrayLike, limit: float) -> Floats:
    """Bring every component into [-limit, limit].

    Args:
        gradients: any shape.
        limit: the greatest absolute value, > 0.

    Returns:
        An array of that shape.

    Example:
        >>> clip_by_value([3.0, -0.5], 1.0).tolist()
        [1.0, -0.5]
    """
    import numpy as np

    number("limit", limit, "(0, inf)")
    clipped: Floats = np.clip(numbers_of(gradients, "gradients"), -limit, limit)
    return clipped
