"""Blocks to build models of: Sequential, Residual, Dropout, GaussianNoise, LayerNorm, Embedding; Inputs.

Each is called with one example, a list of Values or numbers, and returns a list of Values.

There is no batch normalization: it mixes the examples of a minibatch, and here an example has a graph of its
own. `LayerNorm` normalizes within the example, and trains as well (Ba, Kiros and Hinton 2016).

To tie weights, let two modules hold the same Values (`Layer.tie`), or use one module twice: a parameter is
counted and trained once, and its gradient is the sum over its uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from autograd_core import Value, dot, equal, mod, scope, sqrt
from autograd_core import sum as sum_of
from autograd_core.engine.modes import is_recording
from nn.arguments import check_size, number, shown, whole_number
from nn.data import numbers_of, values_of
from nn.errors import InputError
from nn.initializers import Initializer, RandomSource, drawn
from nn.module import Module
from nn.pickles import gone
from nn.random_inputs import RandomInput, is_training

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dropout", "Embedding", "GaussianNoise", "Inputs", "LayerNorm", "Residual", "Sequential"]

_MOST_ENTRIES = 1 << 16
__getattr__ = gone(__name__, "_Mask", "_Scaled")


def _as_list(h: Any) -> list[Value]:
    return [h] if isinstance(h, Value) else list(h)


def _check_part(part: Any) -> None:
    if isinstance(part, type) or not callable(part):
        raise InputError(f"a part is a module or a function, not {shown(part)}")


class Sequential(Module):
    """One part after another: h -> part(h). A single output comes as that Value, as of an `MLP`.

    Args:
        *parts: modules, or functions from a list of Values to one.

    Example:
        >>> from nn import Dropout, Layer, Sequential
        >>> model = Sequential(Layer(2, 8, seed=1), Dropout(0.5, seed=2), Layer(8, 3, nonlin=False, seed=3))
        >>> len(model([1.0, 2.0]))
        3
    """

    def __init__(self, *parts: Callable[[Any], Any]) -> None:
        for part in parts:
            _check_part(part)
        if not parts:
            raise InputError("Sequential needs at least one part")
        self.parts = list(parts)

    @property
    def nin(self) -> int | None:
        """The number of inputs, if the first part tells it."""
        return getattr(self.parts[0], "nin", None)

    def __call__(self, x: Sequence[Any]) -> Any:
        """The last part's outputs for one example."""
        h: Any = x
        for part in self.parts:
            h = part(_as_list(h))
        found = _as_list(h)
        return found[0] if len(found) == 1 else found

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.parts))})"


class Residual(Module):
    """x + part(x) (He, Zhang, Ren and Sun 2016).

    Args:
        part: a module or a function that returns as many Values as it takes.

    Example:
        >>> [h.data for h in Residual(lambda x: [2.0 * v for v in x])([1.0, 2.0])]
        [3.0, 6.0]
    """

    def __init__(self, part: Callable[[Any], Any]) -> None:
        _check_part(part)
        self.part = part

    def __call__(self, x: Sequence[Any]) -> list[Value]:
        """The sums."""
        inputs = values_of(x)
        h = _as_list(self.part(inputs))
        if len(h) != len(inputs):
            raise InputError(f"the part of a Residual takes {len(inputs)} numbers and gives {len(h)}")
        return [a + b for a, b in zip(inputs, h, strict=True)]

    def __repr__(self) -> str:
        return f"Residual({self.part!r})"


class Dropout(Module):
    """While a model is trained, each number becomes 0 with probability p, and the others grow by 1/(1 - p).

    Otherwise they pass as they are (Srivastava et al. 2014). `nn.is_training` tells which it is.

    Args:
        p: the share that is dropped, in [0, 1).
        seed: a whole number, a `numpy.random.Generator`, or None.

    Example:
        >>> from nn import train_mode
        >>> drop = Dropout(0.5, seed=1)
        >>> with train_mode():
        ...     print([h.data for h in drop([1.0, 1.0, 1.0, 1.0])])
        [2.0, 2.0, 0.0, 2.0]
        >>> [h.data for h in drop([1.0, 1.0])]
        [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, seed: Any = None) -> None:
        self.p = number("p", p, "[0, 1)")
        self.mask = RandomInput(seed, "random", self._factors)

    def __call__(self, x: Sequence[Any]) -> list[Value]:
        """The numbers that are left."""
        inputs = values_of(x)
        if not is_training() or self.p == 0.0:
            return inputs
        return [h * keep for h, keep in zip(inputs, self.mask(len(inputs)), strict=True)]

    def _factors(self, drawn: Any) -> Any:
        import numpy as np

        p = number("p", self.p, "[0, 1)")  # a callback may have changed it
        np.greater_equal(drawn, p, out=drawn)  # in place: fresh memory takes longer than the numbers
        return np.multiply(drawn, 1.0 / (1.0 - p), out=drawn)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class GaussianNoise(Module):
    """While a model is trained, normally distributed noise is added to each number.

    Args:
        std: its standard deviation, > 0.
        seed: a whole number, a `numpy.random.Generator`, or None.

    Example:
        >>> from nn import train_mode
        >>> noise = GaussianNoise(0.1, seed=1)
        >>> with train_mode():
        ...     print([round(h.data, 3) for h in noise([1.0, 1.0])])
        [1.035, 1.082]
    """

    def __init__(self, std: float, seed: Any = None) -> None:
        self.std = number("std", std, "(0, inf)")
        self.noise = RandomInput(seed, "standard_normal", self._scaled)

    def __call__(self, x: Sequence[Any]) -> list[Value]:
        """The numbers, and noise on them."""
        inputs = values_of(x)
        if not is_training():
            return inputs
        return [h + e for h, e in zip(inputs, self.noise(len(inputs)), strict=True)]

    def _scaled(self, drawn: Any) -> Any:
        return number("std", self.std, "(0, inf)") * drawn

    def __repr__(self) -> str:
        return f"GaussianNoise({self.std})"


class Inputs:
    """Several inputs an example, side by side in the rows of one X.

    Args:
        widths: name -> how many numbers.

    Example:
        >>> inputs = Inputs(image=4, age=1)
        >>> X = inputs.stack(image=[[0.0, 0.5, 0.5, 1.0]], age=[30.0])
        >>> inputs(X[0].tolist())
        {'image': [0.0, 0.5, 0.5, 1.0], 'age': [30.0]}

    A module that has such an object as an attribute takes its inputs apart, ``parts = self.inputs(x)``, and
    is trained by ``fit(model, model.inputs.stack(image=A, age=b), y)``.
    """

    def __init__(self, **widths: int) -> None:
        if not widths:
            raise InputError("Inputs wants names and widths: Inputs(image=64, age=1)")
        self.widths = {name: whole_number(f"the width of {name}", width, 1) for name, width in widths.items()}

    @property
    def nin(self) -> int:
        """The numbers of all inputs."""
        return sum(self.widths.values())

    def stack(self, **arrays: Any) -> NDArray[Any]:
        """The inputs as one X, shape (examples, nin).

        Raises:
            InputError: a name is missing or unknown, or an array has another width or length.
        """
        import numpy as np

        if set(arrays) != set(self.widths):
            raise InputError(f"the inputs are {', '.join(self.widths)}, not {', '.join(arrays)}")
        parts = [numbers_of(arrays[name], name) for name in self.widths]
        parts = [part[:, np.newaxis] if part.ndim == 1 else part for part in parts]
        for (name, width), part in zip(self.widths.items(), parts, strict=True):
            if part.ndim != 2 or part.shape[1] != width:
                raise InputError(f"{name} has {width} numbers an example; its shape is {part.shape}")
            if len(part) != len(parts[0]):
                raise InputError(
                    f"{name} has {len(part)} examples, {next(iter(self.widths))} {len(parts[0])}"
                )
        return np.concatenate(parts, axis=1)

    def __call__(self, x: Sequence[Any]) -> dict[str, list[Any]]:
        """The inputs of one example, by name."""
        if len(x) != self.nin:
            raise InputError(
                f"the inputs {', '.join(self.widths)} are {self.nin} numbers, and x has {len(x)}"
            )
        made, start = {}, 0
        for name, width in self.widths.items():
            made[name] = list(x[start : start + width])
            start += width
        return made

    def __repr__(self) -> str:
        return f"Inputs({', '.join(f'{name}={width}' for name, width in self.widths.items())})"


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) * scale + shift, over the numbers of one example.

    Ba, Kiros and Hinton, "Layer normalization", 2016; the variance is divided by the count, as in PyTorch.

    Args:
        count: how many numbers.
        eps: keeps the root away from 0.

    Attributes:
        scale: factors, 1 at first.
        bias: what is added, 0 at first.

    Example:
        >>> [round(h.data, 3) for h in LayerNorm(2)([1.0, 3.0])]
        [-1.0, 1.0]
    """

    def __init__(self, count: int, eps: float = 1e-5) -> None:
        count = whole_number("count", count, 1)
        check_size("LayerNorm", count)
        self.eps = number("eps", eps, "(0, inf)")
        self.scale = [Value(1.0, label=f"scale{k}") for k in range(count)]
        self.bias = [Value(0.0, label=f"bias{k}") for k in range(count)]

    def __call__(self, x: Sequence[Any]) -> list[Value]:
        """The normalized numbers."""
        inputs = values_of(x)
        count = len(self.scale)
        if len(inputs) != count:
            raise InputError(f"LayerNorm takes {count} numbers and got {len(inputs)}")
        (centred, squares), eps = _centred(inputs), self.eps
        if not is_recording() and math.isnan(squares.data):  # numbers above 1e154
            (centred, squares), eps = _centred([h * 2.0**-600 for h in inputs]), eps * 2.0**-1200
        root = sqrt(squares / count + eps)
        return [c / root * s + b for c, s, b in zip(centred, self.scale, self.bias, strict=True)]

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.scale)})"


def _centred(inputs: list[Value]) -> tuple[list[Value], Value]:
    mean = sum_of(inputs) / len(inputs)
    centred = [h - mean for h in inputs]
    return centred, mod(dot(centred, centred), math.inf)  # inf becomes NaN: in a Program, the eager way


class Embedding(Module):
    """A row of a table for each index: word vectors and the like.

    Called with the indices of an example, whole numbers as floats, it returns their rows one after the other.
    In a Program each number is the dot product of a one-hot vector and a column of the table, up to 65,536
    entries; a larger table is trained eagerly.

    Args:
        count: how many indices there are, 0 .. count - 1.
        width: the numbers of a row.
        initializer: of the table, see `nn.initializers`.
        seed: an integer, a generator, or None for Python's global generator.

    Attributes:
        table: the rows, lists of Values.

    Example:
        >>> words = Embedding(10, 3, seed=1)
        >>> len(words([7.0, 2.0]))
        6
    """

    def __init__(
        self,
        count: int,
        width: int,
        *,
        initializer: str | Initializer = "uniform",
        seed: int | RandomSource | None = None,
    ) -> None:
        count, width = whole_number("count", count, 1), whole_number("width", width, 1)
        rows = drawn(initializer, count, width, seed)
        with scope("embedding"):
            self.table = [
                [Value(number, label=f"e{k},{j}") for j, number in enumerate(row)]
                for k, row in enumerate(rows)
            ]

    def __call__(self, indices: Sequence[Any]) -> list[Value]:
        """The rows of these indices, one after the other."""
        if not isinstance(indices, (Value, Iterable)):
            raise InputError(f"indices are a list of whole numbers, not {shown(indices)}")
        return [value for index in _as_list(indices) for value in self._row(index)]

    def _row(self, index: Any) -> list[Value]:
        entries = len(self.table) * len(self.table[0])
        if isinstance(index, Value) and is_recording() and entries <= _MOST_ENTRIES:
            hits = [equal(index, float(k)) for k in range(len(self.table))]
            one = sum_of(
                hits
            )  # 1, or 0 for an index that there is not: 0/0 sends the example to the eager way
            return [dot(hits, list(column)) / one for column in zip(*self.table, strict=True)]
        try:
            number = float(index)
        except (TypeError, ValueError):
            number = math.nan
        if not number.is_integer() or not 0 <= number < len(self.table):
            raise InputError(f"an index is a whole number in 0 .. {len(self.table) - 1}, not {shown(index)}")
        return [
            value / 1.0 for value in self.table[int(number)]
        ]  # nodes, as in a Program: gradients meet in them

    def __repr__(self) -> str:
        return f"Embedding({len(self.table)} x {len(self.table[0])})"
