"""Initializers: where the weights start.

An initializer is a callable ``(nout, nin, rng) -> rows`` that returns the nout x nin weight matrix of a layer
as lists of floats. Biases start at 0. Each class names the paper its scale comes from; n_in and n_out are the
fan-in and the fan-out of the layer.

    >>> import random
    >>> rows = Glorot()(3, 2, random.Random(0))
    >>> len(rows), len(rows[0])
    (3, 2)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from nn.arguments import check_size, number, one_of, refuse_class, shown, whole_number
from nn.errors import InputError

__all__ = [
    "INITIALIZERS",
    "Glorot",
    "He",
    "Initializer",
    "LeCun",
    "Normal",
    "Orthogonal",
    "RandomSource",
    "Uniform",
    "Zeros",
    "drawn",
    "initializer_named",
    "random_source",
]


class RandomSource(Protocol):
    """What an initializer needs of a generator: `random.Random`, or the `random` module itself."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number drawn evenly from [a, b]."""
        ...

    def gauss(self, mu: float, sigma: float, /) -> float:
        """A number drawn from the normal distribution."""
        ...


Rows = list[list[float]]
Initializer = Callable[[int, int, RandomSource], Rows]


@dataclass(frozen=True)
class Uniform:
    """W_ij ~ U(low, high); the default, U(-1, 1), is micrograd's.

    Args:
        low: the smallest weight.
        high: the largest.

    Example:
        >>> import random
        >>> rows = Uniform(-0.1, 0.1)(2, 3, random.Random(0))
        >>> len(rows), len(rows[0])
        (2, 3)
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        number("low", self.low)
        number("high", self.high)

    def __call__(self, nout: int, nin: int, rng: RandomSource) -> Rows:
        """Draw the matrix."""
        return [[rng.uniform(self.low, self.high) for _ in range(nin)] for _ in range(nout)]


@dataclass(frozen=True)
class Normal:
    """W_ij ~ N(mean, std^2).

    Args:
        mean: of the weights.
        std: their standard deviation.

    Example:
        >>> import random
        >>> rows = Normal(std=0.1)(2, 3, random.Random(0))
        >>> len(rows), len(rows[0])
        (2, 3)
    """

    mean: float = 0.0
    std: float = 0.01

    def __post_init__(self) -> None:
        number("mean", self.mean)
        number("std", self.std, "[0, inf)")

    def __call__(self, nout: int, nin: int, rng: RandomSource) -> Rows:
        """Draw the matrix."""
        return [[rng.gauss(self.mean, self.std) for _ in range(nin)] for _ in range(nout)]


@dataclass(frozen=True)
class Zeros:
    """W_ij = 0: all neurons of a layer stay the same (the symmetry that random weights break).

    Example:
        >>> import random
        >>> Zeros()(2, 3, random.Random(0))
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    def __call__(self, nout: int, nin: int, rng: RandomSource) -> Rows:
        """Draw the matrix."""
        return [[0.0] * nin for _ in range(nout)]


@dataclass(frozen=True)
class _Scaled:
    """Weights of mean 0 and a variance that follows from the widths."""

    distribution: str = "normal"

    def __post_init__(self) -> None:
        one_of("distribution", self.distribution, ("uniform", "normal"))

    def __call__(self, nout: int, nin: int, rng: RandomSource) -> Rows:
        """Draw the matrix: from U(-sqrt(3 var), sqrt(3 var)) or N(0, var)."""
        variance = self._variance(nout, nin)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return Uniform(-limit, limit)(nout, nin, rng)
        return Normal(0.0, math.sqrt(variance))(nout, nin, rng)

    def _variance(self, nout: int, nin: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Glorot(_Scaled):
    """Var(W_ij) = 2 / (n_in + n_out), for tanh and sigmoid layers.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Args:
        distribution: "uniform" or "normal".

    Example:
        >>> import random
        >>> rows = Glorot()(2, 3, random.Random(0))
        >>> len(rows), len(rows[0])
        (2, 3)
    """

    distribution: str = "uniform"

    def _variance(self, nout: int, nin: int) -> float:
        return 2.0 / (nin + nout)


@dataclass(frozen=True)
class He(_Scaled):
    """Var(W_ij) = 2 / n_in, for relu layers.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.

    Args:
        distribution: "uniform" or "normal".

    Example:
        >>> import random
        >>> rows = He()(2, 3, random.Random(0))
        >>> len(rows), len(rows[0])
        (2, 3)
    """

    def _variance(self, nout: int, nin: int) -> float:
        return 2.0 / nin


@dataclass(frozen=True)
class LeCun(_Scaled):
    """Var(W_ij) = 1 / n_in.

    LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998.

    Args:
        distribution: "uniform" or "normal".

    Example:
        >>> import random
        >>> rows = LeCun()(2, 3, random.Random(0))
        >>> len(rows), len(rows[0])
        (2, 3)
    """

    def _variance(self, nout: int, nin: int) -> float:
        return 1.0 / nin


@dataclass(frozen=True)
class Orthogonal:
    """Rows (or columns, when there are more rows than columns) that are orthogonal and of length `gain`.

    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", 2014.

    Args:
        gain: the length of a row (or column).

    Example:
        >>> import random
        >>> row, other = Orthogonal()(2, 3, random.Random(0))
        >>> abs(sum(a * b for a, b in zip(row, other))) < 1e-12
        True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        number("gain", self.gain)

    def __call__(self, nout: int, nin: int, rng: RandomSource) -> Rows:
        """Draw the matrix."""
        columns = _orthonormal_columns(max(nout, nin), min(nout, nin), rng)
        rows: Rows = (self.gain * (columns if nout > nin else columns.T)).tolist()
        return rows


def _orthonormal_columns(length: int, count: int, rng: RandomSource) -> Any:
    """Gram-Schmidt on Gaussian columns, all of it twice ("twice is enough", Kahan and Parlett).

    Sums run down the rows, one after the other, so that every machine finds the same numbers; those of a
    library's QR depend on its blocks and on the processor.
    """
    import numpy as np

    while True:
        table = np.zeros((length, count + 1))  # NumPy would add up a single column in another order
        table[:, :count] = np.array(Normal(0.0, 1.0)(count, length, rng)).T
        memory, shortest = np.empty(length * (count + 1)), math.inf
        for _ in range(2):
            for k in range(count):
                rest = table[:, k:]
                products = memory[: rest.size].reshape(rest.shape)
                along = np.add.reduce(np.multiply(rest[:, :1], rest, out=products), axis=0)
                shortest = min(shortest, along[0])
                if along[0] > 0.0:
                    along[1:] /= along[0]
                    rest[:, 1:] -= np.multiply(rest[:, :1], along[1:], out=products[:, 1:])
                    rest[:, 0] /= math.sqrt(along[0])
        if shortest > 1e-12:  # otherwise one draw fell into the span of the others: draw again
            return table[:, :count]


INITIALIZERS: dict[str, Initializer] = {
    "uniform": Uniform(),
    "normal": Normal(),
    "zeros": Zeros(),
    "glorot": Glorot(),
    "glorot_uniform": Glorot("uniform"),
    "glorot_normal": Glorot("normal"),
    "xavier": Glorot(),
    "xavier_uniform": Glorot("uniform"),
    "xavier_normal": Glorot("normal"),
    "he": He(),
    "he_uniform": He("uniform"),
    "he_normal": He("normal"),
    "lecun": LeCun(),
    "lecun_uniform": LeCun("uniform"),
    "lecun_normal": LeCun("normal"),
    "orthogonal": Orthogonal(),
}


def initializer_named(initializer: str | Initializer) -> Initializer:
    """The initializer of that name, or the callable itself.

    Raises:
        InputError: there is no initializer of that name.
    """
    refuse_class("an initializer", initializer)
    if callable(initializer):
        return initializer
    return INITIALIZERS[one_of("initializer", initializer, INITIALIZERS)]


def drawn(initializer: str | Initializer, nout: int, nin: int, seed: int | RandomSource | None) -> Rows:
    """The weight matrix that an initializer draws: nout rows of nin finite numbers.

    Raises:
        InputError: there is no initializer of that name, or it returns something else; they are too many.
    """
    check_size("the matrix", nout, nin)
    draw = initializer_named(initializer)
    rows = draw(nout, nin, random_source(seed))
    if isinstance(initializer, str) or type(draw).__module__ == __name__:
        return rows
    try:
        right = len(rows) == nout and all(len(row) == nin for row in rows)
        right = right and all(math.isfinite(weight) for row in rows for weight in row)
    except TypeError:
        right = False
    if not right:
        raise InputError(
            f"an initializer returns {nout} rows (nout) of {nin} finite numbers (nin); {shown(draw)} "
            f"returned {shown(rows)}"
        )
    return rows


def random_source(seed: int | RandomSource | None) -> RandomSource:
    """A generator for the seed; None is Python's global generator, which `random.seed` seeds."""
    if seed is None:
        return random
    if isinstance(seed, type) or not hasattr(seed, "uniform") or not hasattr(seed, "gauss"):
        return random.Random(whole_number("a seed that is no random.Random", seed))
    return cast(RandomSource, seed)
