"""`jit`: the front door to Programs. A function is recorded at its first call, for each form and branch.

The name is JAX's and Numba's: record at the first call with arguments of one form, and replay it from then
on.  As in `torch.compile` the recordings are guarded: comparisons of Values are checked at every call, and a
call that takes another branch, or goes round a loop another number of times, is recorded too.
"""

from __future__ import annotations

import copy
import functools
import numbers
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..arrays import real_array
from ..engine.modes import is_recording
from ..engine.value import Value
from .program import Program, record
from .wrt import map_structure

__all__ = ["CacheInfo", "Jitted", "jit"]


class CacheInfo(NamedTuple):
    """What a jitted function has recorded.

    Attributes:
        forms: how many forms of arguments have been met.
        recordings: how many recordings there are, all branches of all forms.
        calls: how many calls there were, of one row or many.
        eager_rows: how many rows were evaluated eagerly: they raise, are not finite, or take one branch too
            many.
        eager_calls: how many calls had Values among their arguments, and so were made eagerly.
    """

    forms: int
    recordings: int
    calls: int
    eager_rows: int
    eager_calls: int


class Jitted:
    """A function that is recorded when it is called; made by `jit`."""

    def __init__(self, function: Callable[..., Any], most_recordings: int = 64):
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.most_recordings = most_recordings
        self._programs: dict[Any, Program] = {}
        self._bound: list[Any] = []
        self._calls = self._eager_calls = 0
        self._bound_values = _names_of(function)

    def __call__(self, *args: Any) -> Any:
        """Return what the function returns for plain numbers: a float, or an array of floats.

        With a Value among the arguments, or inside a function that is being recorded, the function itself is
        called, and its result is a graph.
        """
        form = tuple(map(_form, args))
        if _VALUE in form or is_recording():
            self._eager_calls += 1
            return self.__wrapped__(*args)
        program = self._of_form(form, args)
        return _first(program(*_rows(args)), program.examples)

    def value_and_grad(self, *args: Any, wrt: Any = None) -> tuple[Any, Any]:
        """Return the value and its gradient, as `Program.value_and_grad` does for one row.

        Args:
            *args: the arguments of one call.
            wrt: with respect to what: an argument's number, Values, or any structure of these; by default the
                argument, or a tuple of all.

        Returns:
            (value, gradient); a float for a number, an array for lists and arrays.
        """
        program = self.program(*args)
        if wrt is None:
            wrt = 0 if len(args) == 1 else tuple(range(len(args)))
        value, found = program.value_and_grad(*_rows(args), wrt=wrt, per_row=True)

        def first(part: Any) -> Any:
            return _first(part, program.examples)

        return first(value), map_structure(found, first)

    def grad(self, *args: Any, wrt: Any = None) -> Any:
        """Return the gradient alone; see `value_and_grad`."""
        return self.value_and_grad(*args, wrt=wrt)[1]

    def vmap(self, *batches: Any) -> Any:
        """Evaluate the function for every row of its arguments.

        Args:
            *batches: for each argument an array with one more axis in front.
        """
        return self.program(*(_row(batch) for batch in batches))(*batches)

    def program(self, *examples: Any) -> Program:
        """Return the Program for arguments of the form of these, recorded now if there is none yet."""
        return self._of_form(tuple(map(_form, examples)), examples)

    def _of_form(self, form: Any, examples: Sequence[Any]) -> Program:
        self._calls += 1
        bound = self._bound_values()
        if len(bound) != len(self._bound) or any(map(operator.is_not, bound, self._bound)):
            self._programs = {}
            self._bound = bound
        found = self._programs.get(form)
        if found is None:
            found = record(
                self.__wrapped__, *examples, on_guard="record", most_recordings=self.most_recordings
            )
            found = self._programs.setdefault(form, found)
        return found

    def cache_info(self) -> CacheInfo:
        """Return what has been recorded so far."""
        programs = list(self._programs.values())
        return CacheInfo(
            len(programs),
            sum(len(program.recordings) for program in programs),
            self._calls,
            sum(program.eager_rows for program in programs),
            self._eager_calls,
        )

    def cache_clear(self) -> None:
        """Forget all recordings; the next call records anew, with the plain numbers of then."""
        self._programs = {}
        self._bound = []
        self._calls = self._eager_calls = 0

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method has recordings for each instance, kept in it; a copied instance has its own."""
        if instance is None:
            return self
        key = f"_jitted_{id(self)}"
        kept = vars(instance).get(key)
        method = self.__wrapped__.__get__(instance)
        if kept is None or kept.bound is None or kept.bound.__wrapped__ != method:
            kept = _Kept(Jitted(method, self.most_recordings))
            vars(instance)[key] = kept
        return kept.bound

    def __deepcopy__(self, memo: dict[int, Any]) -> Jitted:
        return Jitted(copy.deepcopy(self.__wrapped__, memo), self.most_recordings)

    def __reduce__(self) -> Any:
        """Pickled by its name, as functions are; a method with its instance."""
        instance = getattr(self.__wrapped__, "__self__", None)
        if instance is not None:
            return getattr, (instance, self.__wrapped__.__name__)
        return self.__wrapped__.__qualname__

    def __repr__(self) -> str:
        name = getattr(self, "__name__", "function")
        return f"<jitted {name}: {self.cache_info()}>"


class _Kept:
    """A method's recordings in its instance; they are not copied with it."""

    def __init__(self, bound: Jitted | None = None):
        self.bound = bound

    def __reduce__(self) -> Any:
        return _Kept, ()


def _names_of(function: Any) -> Callable[[], list[Any]]:
    """Return what reads the Values that a function's free variables and globals, and its instance, name."""
    instance = vars(function.__self__) if hasattr(getattr(function, "__self__", None), "__dict__") else {}
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None) or ()
    names = _names_in(code) if code is not None else set()
    world = getattr(function, "__globals__", {})

    def read() -> list[Any]:
        found = []
        for cell in cells:
            try:
                found.append(cell.cell_contents)
            except ValueError:  # not assigned yet
                continue
        for name in names:
            found += [space[name] for space in (world, instance) if name in space]
        return [value for value in found if isinstance(value, Value)]

    return read


def _names_in(code: Any) -> set[str]:
    inner = [_names_in(constant) for constant in code.co_consts if hasattr(constant, "co_names")]
    return set(code.co_names).union(*inner)


def _rows(args: Sequence[Any]) -> list[Any]:
    """The arguments as batches of one row."""
    import numpy as np

    return [np.asarray(real_array(arg, f"argument {k}"))[None] for k, arg in enumerate(args, 1)]


_VALUE = "a Value"
_PLAIN = frozenset((float, int))


def _form(example: Any) -> Any:
    """What tells apart arguments that the function may treat differently; `_VALUE` if it holds Values."""
    kind = type(example)
    if kind in _PLAIN or isinstance(example, numbers.Real):
        return ()
    if isinstance(example, Value):
        return _VALUE
    if kind is list or kind is tuple:
        if _PLAIN.issuperset(map(type, example)):
            return kind, len(example)
        parts = tuple(map(_form, example))
        return _VALUE if _VALUE in parts else (kind, parts)
    if getattr(getattr(example, "dtype", None), "kind", "") == "O":
        return _VALUE if any(isinstance(part, Value) for part in example.ravel()) else (kind, example.shape)
    return kind, getattr(example, "shape", None)


def _row(batch: Any) -> Any:
    try:
        return batch[0]
    except (IndexError, TypeError, KeyError):
        raise ValueError("vmap needs at least one row in each argument") from None


def _first(found: Any, examples: Sequence[Any]) -> Any:
    """The only row; without arguments there are no rows."""
    only = found[0] if examples else found
    return only if getattr(only, "shape", ()) else float(only)


def jit(function: Callable[..., Any] | None = None, *, most_recordings: int = 64) -> Any:
    """Record a function when it is first called, and replay it from then on.

    There is a recording for each form of arguments (a number, a list of three, an array of shape (2, 2)) and
    for each branch: comparisons of Values are checked at every call, and a call that takes another way, or
    goes round a loop another number of times, is recorded too. Plain numbers that the function closes over
    are frozen when it is recorded; the numbers of Values are read anew at every call. Where a variable, or an
    attribute of a method's own instance, is bound to another Value, the function is recorded anew; another
    Value inside a list or an object is not noticed: assign to its `data`, or call `cache_clear`.

    Args:
        function: a function of numbers, lists and arrays, written for Values. It gets a tuple as a list.
        most_recordings: how many branches of one form are recorded; further ones are evaluated eagerly.

    Returns:
        A `Jitted`; as a decorator it takes the function's place.

    Raises:
        RecordingError: at the first call, if the function reads a number (``float(x)``, ``if x``).

    >>> import autograd_core as ag
    >>> @jit
    ... def steps(x):
    ...     n = 0
    ...     while x > 1.0:
    ...         x, n = x / 2.0, n + 1
    ...     return x + n
    >>> steps(5.0), steps(6.0), steps(0.5)
    (3.625, 3.75, 0.5)
    >>> steps.grad(5.0)
    0.125
    >>> steps.cache_info().recordings
    2
    """
    if function is None:
        return functools.partial(jit, most_recordings=most_recordings)
    return Jitted(function, most_recordings)
