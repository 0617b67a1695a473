"""Random numbers in a model: drawn example by example, or fed to a Program as inputs, to the same bits.

A layer that draws (`nn.Dropout`, `nn.GaussianNoise`, or one of your own) asks a `RandomInput` for its
numbers. They come as Values without a gradient. While a graph is recorded they come as inputs of the Program,
and `nn.fit` feeds them row by row with the numbers that the same generator gives.

Layers draw only while a model is trained: in `nn.fit`, or in ``with nn.train_mode():``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from autograd_core import Value
from nn.arguments import check_size, one_of, shown, truth, whole_number
from nn.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RandomInput", "feeding", "is_training", "listing", "train_mode", "undisturbed"]

_training: ContextVar[list[bool]] = ContextVar("training", default=[False])  # noqa: B039 - never changed
_feed: ContextVar[Callable[[RandomInput, int], Sequence[Value]] | None] = ContextVar("feed", default=None)


def is_training() -> bool:
    """Are layers such as dropout to draw? True within `nn.fit`'s updates and `train_mode`.

    Returns:
        A bool.

    Example:
        >>> with train_mode():
        ...     is_training()
        True
    """
    return _training.get()[0]


@contextmanager
def train_mode(on: bool = True) -> Iterator[None]:
    """Within this block layers such as dropout draw (or, with False, do not).

    Args:
        on: whether they draw.

    Yields:
        Nothing.

    Example:
        >>> with train_mode():
        ...     is_training()
        True
        >>> is_training()
        False
    """
    with _holding(_training, [truth("on", on)]):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """After this block layers draw as they did before, wherever in it Ctrl-C arrived."""
    training, feed = _training.get(), _feed.get()
    try:
        yield
    finally:
        _training.set(training)
        _feed.set(feed)


@contextmanager
def _holding(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    """Within this block the variable has this value, an object of the block's own.

    It is set inside of `try`, since Ctrl-C may arrive right after. A block that was interrupted can also end
    late, when the traceback that holds it is dropped: it then leaves a value alone that is not its own.
    """
    before = variable.get()
    try:
        variable.set(value)
        yield
    finally:
        if variable.get() is value:
            variable.set(before)


class RandomInput:
    """A generator and what is made of its numbers.

    Args:
        seed: a whole number, a `numpy.random.Generator`, or None for one that differs every time.
        kind: "random" (evenly from [0, 1)) or "standard_normal".
        transform: what becomes of an array of them, entry by entry; without it they stay as they are.

    Example:
        >>> noise = RandomInput(3, "standard_normal", lambda z: 0.1 * z)
        >>> [type(v).__name__ for v in noise(2)]
        ['Value', 'Value']
    """

    def __init__(
        self, seed: Any = None, kind: str = "random", transform: Callable[[Any], Any] | None = None
    ) -> None:
        import numpy as np

        one_of("kind", kind, ("random", "standard_normal"))
        if not callable(transform) and transform is not None:
            raise InputError(f"transform must be a function of an array, not {shown(transform)}")
        try:
            self.generator = np.random.default_rng(seed)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"seed must be a whole number >= 0, a numpy.random.Generator or None, not {shown(seed)}"
            ) from error
        self.kind = kind
        self.transform = transform

    def __call__(self, count: int) -> Sequence[Value]:
        """So many numbers, as Values without a gradient."""
        check_size("a draw", whole_number("count", count, 0))
        feed = _feed.get()
        if feed is not None:
            return feed(self, count)
        return [Value(number).detach() for number in self.numbers(self.raw(count)).tolist()]

    def raw(self, shape: Any, out: Any = None) -> NDArray[Any]:
        """Draw from the generator, into `out` if it is given; entries come as single numbers do."""
        drawn: NDArray[Any] = getattr(self.generator, self.kind)(shape, out=out)
        return drawn

    def numbers(self, raw: NDArray[Any]) -> NDArray[Any]:
        """What is made of drawn numbers."""
        return raw if self.transform is None else self.transform(raw)


@contextmanager
def listing() -> Iterator[list[tuple[RandomInput, int]]]:
    """Within this block nothing is drawn, and the list tells what would be: (input, count) in order."""
    sites: list[tuple[RandomInput, int]] = []

    def note(source: RandomInput, count: int) -> Sequence[Value]:
        sites.append((source, count))
        return [Value(number).detach() for number in source.numbers(_middle(source, count)).tolist()]

    with _holding(_feed, note):
        yield sites


def _middle(source: RandomInput, count: int) -> NDArray[Any]:
    import numpy as np

    return np.full(count, 0.5 if source.kind == "random" else 0.0)


_OTHERS = "the model draws other random numbers for this example than for the first"


@contextmanager
def feeding(numbers: Sequence[Value], sites: Sequence[tuple[RandomInput, int]]) -> Iterator[None]:
    """Within this block the numbers come from a list, in the order in which they are asked for.

    Raises:
        InputError: others are asked for than `sites` tells, or fewer.
    """
    place, at = iter(sites), 0

    def take(source: RandomInput, count: int) -> Sequence[Value]:
        nonlocal at
        if next(place, None) != (source, count):
            raise InputError(_OTHERS)
        at += count
        return numbers[at - count : at]

    with _holding(_feed, take):
        yield
    if next(place, None) is not None:
        raise InputError(_OTHERS)
