"""What a derivative is taken with respect to: arguments and parameters, in the caller's structure."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..arguments import whole_number
from ..engine.value import Value
from ..structures import Outline, leaves_of, map_structure, zip_structures

if TYPE_CHECKING:
    from .program import Program

__all__ = ["Targets"]


class Targets:
    """What a derivative is taken with respect to.

    Attributes:
        inputs: the numbers of the arguments' parts, each once.
        parameters: the Values, each once.
        each: both, as they are met.

    Args:
        program: the Program.
        wrt: an argument's number, a Value, an object array of Values, or dicts, lists and tuples of these;
            None stands for the only argument, a tuple of all arguments, or, where there are none, the list of
            the parameters. An argument of several parts stands for the structure of these.

    Raises:
        TypeError: it is something else.
        ValueError: there is no such argument, or a Value is no leaf that takes a gradient; or the function
            depends on nothing in `wrt`. Where it depends on some of it, the derivatives by the others are 0.
    """

    @classmethod
    def of(cls, program: Program, wrt: Any) -> Targets:
        """Return the targets, those of the last time where `wrt` holds the same and the Program too."""
        kept: tuple[Outline, int, Targets] | None = program.last_targets
        count = len(program.leaves)  # another thread may record a branch meanwhile, which puts its own there
        if kept is not None and kept[1] == count and kept[0].is_of(wrt):
            return kept[2]
        outline = Outline.of(wrt) if wrt is not None else None
        targets = cls(program, wrt)
        if outline is not None:
            program.last_targets = outline, count, targets
        return targets

    def __init__(self, program: Program, wrt: Any):
        count = len(program.arguments)
        if wrt is None:
            wrt = 0 if count == 1 else tuple(range(count)) if count else program.parameters
        self.inputs: list[int] = []
        self.parameters: list[Value] = []
        self._known: set[Any] = set()  # numbers of parts, ids of Values
        self.each: list[Any] = []
        self._examples = program.examples
        self._places = {id(parameter): k for k, parameter in enumerate(program.parameters)}
        self._arguments = program.arguments
        self._structure = map_structure(wrt, self._leaf)
        # another branch, or what this Program is a derivative of, may depend on more
        complete = program.base is None and not program.recorded.guarded
        unknown = self.parameters and not any(id(value) in self._places for value in self.parameters)
        if complete and unknown and not self.inputs:
            raise ValueError(
                f"the recorded function depends on no Value in wrt ({reprlib.repr(self.parameters)}): where "
                "they are copies of what it captured, or have taken its place since, record it again"
            )

    def _leaf(self, leaf: Any) -> Any:
        if isinstance(leaf, Value):
            return self._parameter(leaf)
        if getattr(getattr(leaf, "dtype", None), "kind", "") == "O":
            if not leaf.size:
                raise ValueError("an array of parameters in wrt is empty")
            for value in leaf.ravel().tolist():
                self._parameter(value)
            return leaf
        try:
            number, count = whole_number("an argument's number", leaf), len(self._arguments)
        except TypeError:
            raise TypeError(
                "a derivative is taken with respect to arguments, by their numbers, and parameters, "
                f"not {reprlib.repr(leaf)}"
            ) from None
        if not -count <= number < count:
            raise ValueError(f"there is no argument {number}: the recorded function takes {count}")
        return map_structure(self._arguments[number], self._part)

    def _part(self, number: int) -> int:
        if (number, "part") not in self._known:
            self._known.add((number, "part"))
            self.inputs.append(number)
            self.each.append(number)
        return number

    def _parameter(self, value: Any) -> Value:
        if not isinstance(value, Value):
            raise TypeError(f"an array of parameters holds Values, not {value!r}")
        if not value.is_leaf or value.is_constant:
            raise ValueError(f"{value!r} is no leaf that takes a gradient")
        if id(value) not in self._known:
            self._known.add(id(value))
            self.parameters.append(value)
            self.each.append(value)
        return value

    def shaped(self, of_input: Callable[[int], Any], of_parameters: Any) -> Any:
        """Return the derivatives in the caller's structure.

        Args:
            of_input: the derivative with respect to an argument.
            of_parameters: those with respect to the parameters, in the Program's order along the last axis.
        """
        import numpy as np

        def columns(places: Any) -> Any:
            padded = of_parameters
            if -1 in places:  # of a Value on which nothing depends
                padded = np.append(of_parameters, np.zeros((*of_parameters.shape[:-1], 1)), axis=-1)
            return padded[..., places]

        single = iter(())
        if len(self._single):
            found = columns(self._single)
            single = iter(found.tolist() if found.ndim == 1 else np.moveaxis(found, -1, 0))

        def leaf(target: Any) -> Any:
            if isinstance(target, Value):
                return next(single)
            if isinstance(target, int):
                return of_input(target)
            of_array = columns([self._places.get(id(value), -1) for value in target.ravel().tolist()])
            return of_array.reshape(*of_array.shape[:-1], *target.shape)

        return map_structure(self._structure, leaf)

    @cached_property
    def _single(self) -> Any:
        """Where each Value that stands by itself is among the parameters, in order; -1: it is not."""
        import numpy as np

        values = [leaf for leaf in leaves_of(self._structure) if isinstance(leaf, Value)]
        return np.array([self._places.get(id(value), -1) for value in values], dtype=np.intp)

    @cached_property
    def sizes(self) -> list[tuple[Any, int]]:
        """Each argument and each Value once, as they are met, with how many numbers it is."""
        return [(t, self._examples[t].size if isinstance(t, int) else 1) for t in self.each]

    @property
    def size(self) -> int:
        """How many numbers there are in all."""
        return sum(size for _, size in self.sizes)

    def joined(self, parts: Sequence[Any], *lead: int) -> Any:
        """Return the numbers for each of them side by side, an array of shape ``(*lead, all numbers)``."""
        import numpy as np

        sized = zip(parts, (size for _, size in self.sizes), strict=True)
        return np.concatenate([np.reshape(part, (*lead, size)) for part, size in sized], axis=-1)

    def places(self, leaf: Any) -> tuple[list[int], tuple[int, ...]]:
        """Return where a leaf of the structure stands in the flat vector, and its shape."""
        starts = self._starts
        if isinstance(leaf, int):
            example, start = self._examples[leaf], starts[leaf, "part"]
            return list(range(start, start + example.size)), example.shape
        if isinstance(leaf, Value):
            return [starts[id(leaf)]], ()
        return [starts[id(value)] for value in leaf.ravel()], leaf.shape

    @property
    def repeated(self) -> list[int] | None:
        """For each number of the structure its place in the flat vector, where any stands there twice."""
        every = [place for leaf in leaves_of(self._structure) for place in self.places(leaf)[0]]
        return every if len(every) > self.size else None

    @cached_property
    def _starts(self) -> dict[Any, int]:
        """Where each argument's part and each Value, under its key in `_known`, starts in the flat vector."""
        at, starts = 0, {}
        for target, size in self.sizes:
            starts[(target, "part") if isinstance(target, int) else id(target)] = at
            at += size
        return starts

    def map(self, leaf: Callable[[Any], Any]) -> Any:
        """Return the caller's structure with every leaf replaced."""
        return map_structure(self._structure, leaf)

    def pairs(self, structure: Any, what: str) -> list[tuple[Any, Any]]:
        """Return (leaf, part) for what has the caller's structure; `what` calls it in a message."""
        return zip_structures(self._structure, structure, what)
