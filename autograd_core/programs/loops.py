"""Loops: `scan`, `fori_loop` and `while_loop`, whose names and arguments are JAX's.

What a loop does is this, for Values and for plain numbers::

    def scan(f, init, xs):
        carry, ys = init, []
        for x in xs:
            carry, y = f(carry, x)
            ys.append(y)
        return carry, ys

Inside `record` and `jit` the body of a scan is recorded once and repeated (`repeated.py`). For both to have
the same bits, the order in which back-propagation visits the nodes of a loop is fixed: steps from the last
to the first, each as if it stood alone. Eager steps hang together by nodes that pass no gradient on:
``where(before, 1.0, node)``, which is 1, makes `node` come before whatever is made of it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ..arguments import whole_number
from ..engine.modes import scope
from ..engine.value import Value, as_value, recording
from ..structures import NUMBERS, Rebuild, flatten, zip_structures
from .forms import refuse_no_function
from .recording import SCOPE, capture_body, may_repeat, note_unrolled, within
from .repeated import keep, run_steps

__all__ = ["fori_loop", "scan", "while_loop"]


def _made_outside(results: Sequence[Value], path: str, inputs: set[int]) -> list[Value]:
    """Return the nodes with operations, made outside of a scope, that results depend on."""
    known, found, waiting = set(inputs), [], list(reversed(results))
    while waiting:
        node = waiting.pop()
        if id(node) in known or node.is_leaf:
            continue
        known.add(id(node))
        if within(node.scope, path):
            waiting += reversed(node.parents)
        else:
            found.append(node)
    return found


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None
) -> tuple[Any, Any]:
    """Carry a state through the steps of a loop.

    Inside `record` and `jit` the body is recorded once, however many steps there are: a recurrent network of
    4,096 steps has the nodes of one. There the bodies of loops within the body are recorded step by step, as
    is a loop whose steps take different branches.

    Args:
        f: ``f(carry, x) -> (carry, y)``, the body; carry keeps its form, x and y are structures of numbers (y
            may be None).
        init: the first carry, a structure of numbers.
        xs: a sequence of inputs of one form, one for each step, or a dict of such sequences, of which x takes
            one each; by default there are none, and x is None.
        length: how many steps there are, where xs does not tell.

    Returns:
        (carry, ys): the last carry, and the list of all y; None if they are None. Plain numbers stay plain
        where the body uses no Values.

    Raises:
        ValueError: there is no step, or the inputs have different forms.
        TypeError: the body returns a carry of another form.

    >>> from autograd_core import Value
    >>> w = Value(0.5)
    >>> carry, ys = scan(lambda c, x: (w * c + x, c), 0.0, [1.0, 2.0, 3.0])
    >>> carry.data, [getattr(y, "data", y) for y in ys]
    (4.25, [0.0, 1.0, 2.5])
    >>> carry.backward()
    >>> w.grad
    3.0
    """
    refuse_no_function(f, "the body of a scan")
    if length is not None:
        length = whole_number("length", length, 0)
    if xs is None and length is None:
        raise ValueError("scan needs xs, or length to tell how many steps there are")
    for name, part in xs.items() if isinstance(xs, dict) else [("xs", xs)]:
        if part is not None and (not hasattr(part, "__iter__") or isinstance(part, (str, bytes))):
            raise TypeError(f"{name!r} is a sequence, with an input for each step, not {reprlib.repr(part)}")
    if isinstance(xs, dict):
        xs = {key: list(part) for key, part in xs.items()}
        counts = {key: len(part) for key, part in xs.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"the sequences in xs have different numbers of steps: {counts}")
        xs = [dict(zip(xs, row, strict=True)) for row in zip(*xs.values(), strict=True)]
    inputs = [None] * (length or 0) if xs is None else list(xs)
    if length is not None and length != len(inputs):
        raise ValueError(f"length is {length}, and xs has {len(inputs)} steps")
    if not inputs:
        raise ValueError("scan needs at least one step: the form of y is unknown without any")
    return _Scan(f, init, inputs).result()


class _Form:
    """The form of a structure: others are taken apart in its order.

    Attributes:
        rebuild: puts as many numbers back into the form.
    """

    def __init__(self, structure: Any, what: str):
        self.structure, self.what = structure, what
        self.numbers: list[Any]
        self.rebuild: Rebuild
        self.numbers, self.rebuild = ([], lambda numbers: None) if structure is None else flatten(structure)
        self.is_number = type(structure) in NUMBERS
        self.is_list = type(structure) in (list, tuple) and NUMBERS.issuperset(map(type, structure))

    def flat(self, structure: Any) -> list[Any]:
        """Return the numbers of a structure of this form.

        Raises:
            TypeError: it has another form.
        """
        if self.is_number and type(structure) in NUMBERS:
            return [structure]
        if (
            self.is_list
            and type(structure) in (list, tuple)
            and len(structure) == len(self.numbers)
            and NUMBERS.issuperset(map(type, structure))
        ):
            return list(structure)
        if structure is self.structure:
            return self.numbers
        try:
            pairs = zip_structures(self.structure, structure)
            found = [number for one, other in pairs for number in _numbers(one, other)]
        except (LookupError, TypeError, ValueError) as error:
            raise TypeError(f"{self.what} has another form than the first one: {error}") from error
        return found


def _numbers(one: Any, other: Any) -> list[Any]:
    if one is None:
        if other is not None:
            raise TypeError("None is wanted")
        return []
    numbers, expected = flatten(other)[0], flatten(one)[0]
    if len(numbers) != len(expected) or getattr(other, "shape", ()) != getattr(one, "shape", ()):
        raise TypeError(f"{len(expected)} numbers are wanted, not {len(numbers)}")
    return numbers


class _Scan:
    """One call of `scan`."""

    def __init__(self, f: Callable[[Any, Any], Any], init: Any, inputs: list[Any]):
        self.f = f
        self.carry, self.x = _Form(init, "the carry of a scan"), _Form(inputs[0], "an input of a scan")
        self.init = self.carry.numbers
        self.xs = [self.x.flat(x) or [0.0] for x in inputs]  # a step without an input has one of no use
        self.y: _Form | None = None

    def numbers(self, carry: list[Any], x: list[Any]) -> list[Any]:
        """Call the body on flat lists; return the flat carry and, behind it, the flat y."""
        result = self.f(self.carry.rebuild(carry), self.x.rebuild(x))
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError("the body of a scan returns a pair: (carry, y)")
        if self.y is None:
            self.y = _Form(result[1], "the result y of a scan's body")
        return [*self.carry.flat(result[0]), *self.y.flat(result[1])]

    def step(self, carry: list[Any], x: list[Any]) -> list[Value]:
        """Call the body; return its results as nodes, those made outside as nodes of the step."""
        results = [as_value(number) for number in self.numbers(carry, x)]
        inputs = {id(node) for part in (carry, x) for node in part}
        path = self._path
        return [
            node
            if id(node) in inputs
            or (not node.is_leaf and ((scope := node.scope) == path or within(scope, path)))
            else keep(as_value(1.0), node)
            for node in results
        ]

    @cached_property
    def _path(self) -> str:
        """The scope of the steps, asked for within one."""
        return (Value(0.0) * 1.0).scope

    def result(self) -> tuple[Any, Any]:
        repeated = may_repeat()
        if not repeated and (plain := self._plain()) is not None:
            return self._shaped(plain)
        if not repeated:
            note_unrolled("it is within the body of another loop")
        one = as_value(1.0)
        init = [keep(one, as_value(number)) for number in self.init]
        xs = [[keep(one, as_value(number)) for number in row] for row in self.xs]
        found = None
        if repeated:
            call = capture_body(self.step, init, xs)
            found = None if call is None else call.results()
        if found is None:
            found = run_steps(self._in_scope, init, xs, lambda r, known: _made_outside(r, self._path, known))
        return self._shaped(found)

    def _in_scope(self, carry: list[Any], x: list[Any]) -> list[Value]:
        with scope(SCOPE):
            return self.step(carry, x)

    def _plain(self) -> list[list[Any]] | None:
        """Return the results of the steps where only plain numbers are about; else None."""
        carry, found = self.init, []
        for row in self.xs:
            if any(isinstance(number, Value) for number in (*carry, *row)):
                return None
            found.append(self.numbers(carry, row))
            carry = found[-1][: len(carry)]
        plain = not any(isinstance(number, Value) for row in found for number in row)
        return found if plain else None

    def _shaped(self, found: list[list[Any]]) -> tuple[Any, Any]:
        assert self.y is not None
        width, rebuild = len(self.init), self.y.rebuild
        carry = self.carry.rebuild(found[-1][:width])
        return carry, None if self.y.structure is None else [rebuild(row[width:]) for row in found]


def fori_loop(lower: int, upper: int, body: Callable[[int, Any], Any], init: Any) -> Any:
    """Carry a state through ``for i in range(lower, upper): carry = body(i, carry)``.

    Args:
        lower: the first i.
        upper: one more than the last.
        body: ``body(i, carry) -> carry``; i is a number, a Value while the loop is recorded.
        init: the first carry, a structure of numbers.

    Returns:
        The last carry; init if there is no step.

    >>> fori_loop(0, 5, lambda i, total: total + i, 0.0)
    10.0
    """
    refuse_no_function(body, "the body of a loop")
    lower, upper = whole_number("lower", lower), whole_number("upper", upper)
    if upper <= lower:
        return init
    return scan(lambda carry, i: (body(i, carry), None), init, [float(i) for i in range(lower, upper)])[0]


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """Carry a state through ``while condition(carry): carry = body(carry)``.

    How many steps there are may depend on the data: inside `jit`, and `record` with ``on_guard="record"``,
    there is a recording for each number of steps, in which each step is recorded.

    Args:
        condition: compares numbers of the carry; returns a bool.
        body: ``body(carry) -> carry``.
        init: the first carry.

    Returns:
        The last carry.

    >>> while_loop(lambda x: x > 1.0, lambda x: x / 2.0, 10.0)
    0.625
    """
    refuse_no_function(condition, "the condition of a loop")
    refuse_no_function(body, "the body of a loop")
    carry, guards = init, len(getattr(recording, "guards", ()))
    while condition(carry):
        carry = body(carry)
    if len(getattr(recording, "guards", ())) > guards:
        note_unrolled("it is a while_loop, and rows with another number of steps are another branch")
    return carry
