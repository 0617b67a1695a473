"""What a derivative is taken with respect to: arguments and parameters, in the caller's structure."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..arguments import whole_number
from ..engine.value import Value

if TYPE_CHECKING:
    from .program import Program

__all__ = ["Targets", "leaves_of", "map_structure", "zip_structures"]


def map_structure(structure: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return a structure of dicts, lists and tuples with every leaf replaced.

    >>> map_structure({"a": [1, 2], "b": (3,)}, float)
    {'a': [1.0, 2.0], 'b': (3.0,)}
    """
    if isinstance(structure, dict):
        return {key: map_structure(part, leaf) for key, part in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(map_structure(part, leaf) for part in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(map_structure(part, leaf) for part in structure)
    return leaf(structure)


def leaves_of(structure: Any) -> list[Any]:
    """Return the leaves of a structure in order.

    >>> leaves_of({"a": [1, 2], "b": (3,)})
    [1, 2, 3]
    """
    found: list[Any] = []
    map_structure(structure, found.append)
    return found


class Targets:
    """What a derivative is taken with respect to.

    Attributes:
        inputs: the numbers of the arguments' parts, each once.
        parameters: the Values, each once.

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

    def __init__(self, program: Program, wrt: Any):
        count = len(program.arguments)
        if wrt is None:
            wrt = 0 if count == 1 else tuple(range(count)) if count else program.parameters
        self.inputs: list[int] = []
        self.parameters: list[Value] = []
        self._known: set[Any] = set()  # numbers of parts, ids of Values
        self._order: list[Any] = []
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
            self._order.append(number)
        return number

    def _parameter(self, value: Any) -> Value:
        if not isinstance(value, Value):
            raise TypeError(f"an array of parameters holds Values, not {value!r}")
        if not value.is_leaf or value.is_constant:
            raise ValueError(f"{value!r} is no leaf that takes a gradient")
        if id(value) not in self._known:
            self._known.add(id(value))
            self.parameters.append(value)
            self._order.append(value)
        return value

    def shaped(self, of_input: Callable[[int], Any], of_parameters: Any) -> Any:
        """Return the derivatives in the caller's structure.

        Args:
            of_input: the derivative with respect to an argument.
            of_parameters: those with respect to the parameters, in the Program's order along the last axis.
        """
        import numpy as np

        def column(value: Value) -> Any:
            place = self._places.get(id(value))
            return of_parameters[..., place] if place is not None else np.zeros(of_parameters.shape[:-1])

        def leaf(target: Any) -> Any:
            if isinstance(target, Value):
                found = column(target)
                return float(found) if found.ndim == 0 else found
            if isinstance(target, int):
                return of_input(target)
            padded = np.append(of_parameters, np.zeros((*of_parameters.shape[:-1], 1)), axis=-1)
            places = [self._places.get(id(value), -1) for value in target.ravel().tolist()]  # -1: it is 0
            return padded[..., places].reshape(*padded.shape[:-1], *target.shape)

        return map_structure(self._structure, leaf)

    @cached_property
    def sizes(self) -> list[tuple[Any, int]]:
        """Each argument and each Value once, as they are met, with how many numbers it is."""
        return [(t, self._examples[t].size if isinstance(t, int) else 1) for t in self._order]

    @property
    def size(self) -> int:
        """How many numbers there are in all."""
        return sum(size for _, size in self.sizes)

    def places(self, leaf: Any) -> tuple[list[int], tuple[int, ...]]:
        """Return where a leaf of the structure stands in the flat vector, and its shape."""
        starts = self._starts
        if isinstance(leaf, int):
            example, start = self._examples[leaf], starts[leaf, "part"]
            return list(range(start, start + example.size)), example.shape
        if isinstance(leaf, Value):
            return [starts[id(leaf)]], ()
        return [starts[id(value)] for value in leaf.ravel()], leaf.shape

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

    def pairs(self, structure: Any) -> list[tuple[Any, Any]]:
        """Return (leaf, part) for what has the caller's structure."""
        found: list[Any] = []
        zip_structures(self._structure, structure, found)
        return found


def zip_structures(one: Any, other: Any, pairs: list[Any], what: str = "the structure") -> None:
    """Append (leaf, part) for each leaf of one structure and what stands there in another.

    Args:
        one: dicts, lists and tuples down to its leaves.
        other: what has the same entries; arrays may stand for lists, tuples for named tuples.
        pairs: appended to.
        what: what to call the other in a message.

    Raises:
        ValueError: it has other entries.
    """
    if isinstance(one, dict):
        given = list(other.keys()) if hasattr(other, "keys") else None
        if given is None or len(given) != len(one) or any(key not in other for key in one):
            raise ValueError(f"{what} is a dict with the entries {list(one)}, not {_shown(other, given)}")
        for key, part in one.items():
            zip_structures(part, other[key], pairs, f"{what}, entry {key!r}")
    elif isinstance(one, (list, tuple)):
        listed = hasattr(other, "__len__") and not isinstance(other, (str, bytes, dict))
        names = getattr(one, "_fields", None)  # an array or a list in its place may be one of rows
        if names and (not isinstance(other, tuple) or getattr(other, "_fields", names) != names):
            raise ValueError(f"{what} is a {type(one).__name__}{names}, not {reprlib.repr(other)}")
        if not listed or len(other) != len(one):
            found = _shown(other, f"{len(other)} parts" if listed else None)
            raise ValueError(f"{what} has {len(one)} parts, not {found}")
        for k, part in enumerate(one):
            zip_structures(part, other[k], pairs, f"{what}, part {k}")
    else:
        pairs.append((one, other))


def _shown(thing: Any, entries: Any) -> str:
    return str(entries) if entries is not None else reprlib.repr(thing)
