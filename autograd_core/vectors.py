"""Many Values at once: their numbers and gradients as arrays, for what works on vectors.

The names are those of PyTorch's ``torch.nn.utils``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .arrays import real_array
from .engine.flat import read_vector, write_vector
from .engine.value import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gradients_to_vector", "parameters_to_vector", "vector_to_gradients", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Value]) -> NDArray[Any]:
    """Return the numbers of some Values as a float64 array, a copy.

    Args:
        parameters: Values.

    Returns:
        An array of shape (parameters,).

    >>> parameters_to_vector([Value(1.0), Value(2.0)]).tolist()
    [1.0, 2.0]
    """
    import numpy as np

    return np.frombuffer(read_vector(_listed(parameters), False), dtype=np.float64)


def gradients_to_vector(parameters: Iterable[Value]) -> NDArray[Any]:
    """Return the gradients of some Values as a float64 array, a copy; 0 where no sweep came by.

    Args:
        parameters: Values.

    Returns:
        An array of shape (parameters,).

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> gradients_to_vector([w]).tolist()
    [6.0]
    """
    import numpy as np

    return np.frombuffer(read_vector(_listed(parameters), True), dtype=np.float64)


def vector_to_parameters(vector: Any, parameters: Iterable[Value]) -> None:
    """Set the numbers of some Values, all of them or, after an error, none.

    Args:
        vector: as many numbers.
        parameters: Values.

    Raises:
        ValueError: there is another number of them, or an entry is masked.
        TypeError: an entry is not a real number, or a parameter not a Value.

    >>> w = Value(3.0)
    >>> vector_to_parameters([5.0], [w])
    >>> w.data
    5.0
    """
    nodes = _listed(parameters)
    write_vector(nodes, _doubles(vector, len(nodes)), False)


def vector_to_gradients(vector: Any, parameters: Iterable[Value]) -> None:
    """Set the gradients of some Values, all of them or, after an error, none.

    Args:
        vector: as many numbers.
        parameters: Values.

    Raises:
        ValueError: there is another number of them, or an entry is masked.
        TypeError: an entry is not a real number, or a parameter not a Value.

    Example:
        >>> x, y = Value(1.0), Value(2.0)
        >>> vector_to_gradients([0.5, -0.5], [x, y])
        >>> x.grad, y.grad
        (0.5, -0.5)
    """
    nodes = _listed(parameters)
    write_vector(nodes, _doubles(vector, len(nodes)), True)


def _listed(parameters: Iterable[Value]) -> list[Value]:
    return parameters if type(parameters) is list else list(parameters)


def _doubles(vector: Any, count: int) -> array[float]:
    import numpy as np

    numbers = real_array(vector, "the vector")
    if numbers.shape != (count,):
        raise ValueError(
            f"a vector of {count} numbers is wanted, one for each parameter, not one of shape {numbers.shape}"
        )
    doubles = array("d")
    doubles.frombytes(np.ascontiguousarray(numbers).view(np.uint8).data)
    return doubles
