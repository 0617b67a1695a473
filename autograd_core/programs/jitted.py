"""`jit`: the front door to Programs. A function is recorded at its first call, for each form and branch.

The name is JAX's and Numba's: record at the first call with arguments of one form, and replay it from then
on.  As in `torch.compile` the recordings are guarded: comparisons of Values are checked at every call, and a
call that takes another branch, or goes round a loop another number of times, is recorded too.
"""

from __future__ import annotations

import copy
import functools
import inspect
import numbers
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..arguments import whole_number
from ..arrays import real_array
from ..engine.modes import is_recording
from ..engine.value import Value
from ..errors import RecordingError
from ..structures import Outline, builder_of, map_structure, shape_of, zip_structures
from .forms import has_names, refuse_member, refuse_no_function
from .program import Program, recorded
from .watch import Watch
from .wrt import Targets

__all__ = ["CacheInfo", "Jitted", "jit"]

_MOST_TRIES = 100
_MOST_LOSSES = 4  # for which branches are the reason, one after the other
_MANY_TIMES = 20  # that something else was found, which is told where it is most of the calls


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
    """A function that is recorded when it is called; made by `jit`. Threads may share it."""

    def __init__(self, function: Callable[..., Any], most_recordings: int = 64):
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.most_recordings = most_recordings
        self._programs: dict[Any, _Recorded] = {}
        self._hidden = weakref.WeakValueDictionary[int, Value]()  # which are not found, by id
        self._is_told = self._is_renewal_told = False
        self._calls = self._eager_calls = self._renewals = self._counted = self.losses = 0
        self._unnamed: Outline | None = None  # the last `wrt` that names no argument
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns for plain numbers: a float, or an array of floats.

        With a Value among the arguments, or inside a function that is being recorded, the function itself is
        called, and its result is a graph.
        """
        names, values = self._arranged(args, kwargs)
        form = tuple(map(_form, values))
        if _VALUE in form or is_recording():
            self._eager_calls += 1
            return self.__wrapped__(*args, **kwargs)
        return self._use(names, form, values, lambda p: _firsts(p(*_rows(p, values)), p))

    def value_and_grad(self, *args: Any, wrt: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and its gradient, as `Program.value_and_grad` does for one row.

        Args:
            *args: the arguments of one call.
            wrt: with respect to what: an argument's number or name, Values, or any structure of these; by
                default the argument, or a tuple of all.
            **kwargs: arguments by name; they are numbered behind the others.

        Returns:
            (value, gradient) in the structure of `wrt`, an argument's in its own; a float for a number, an
            array for rectangular lists and arrays.

        >>> import autograd_core as ag
        >>> f = ag.jit(lambda model, x: model["w"] * x + model["b"])
        >>> f.value_and_grad({"w": 2.0, "b": 1.0}, 3.0, wrt=0)
        (7.0, {'w': 3.0, 'b': 1.0})
        """

        def take(p: Program, rows: Sequence[Any], wrt: Any) -> tuple[Any, Any]:
            if type(wrt) is int or Targets.of(p, wrt).inputs:
                found: tuple[Any, Any] = _firsts(p.value_and_grad(*rows, wrt=wrt, per_row=True), p)
                return found
            value, of_values = p.value_and_grad(*rows, wrt=wrt)  # summed over the only row
            return _firsts(value, p), of_values

        taken: tuple[Any, Any] = self._derivative(take, args, kwargs, wrt, False)
        return taken

    def grad(self, *args: Any, wrt: Any = None, **kwargs: Any) -> Any:
        """Return the gradient alone; see `value_and_grad`."""
        return self.value_and_grad(*args, wrt=wrt, **kwargs)[1]

    def jacobian(self, *args: Any, wrt: Any = None, **kwargs: Any) -> Any:
        """Return the Jacobian, as `Program.jacobian` does for one row; see `value_and_grad`.

        >>> jit(lambda x: [x[0] * x[1], x[0]]).jacobian([2.0, 3.0]).tolist()
        [[3.0, 2.0], [1.0, 0.0]]
        """
        return self._derivative(lambda p, rows, wrt: p.jacobian(*rows, wrt=wrt), args, kwargs, wrt)

    def hessian(self, *args: Any, wrt: Any = None, **kwargs: Any) -> Any:
        """Return the second derivatives, as `Program.hessian` does for one row; see `value_and_grad`.

        >>> jit(lambda x: x[0] ** 2 * x[1]).hessian([3.0, 5.0]).tolist()
        [[10.0, 6.0], [6.0, 0.0]]
        """
        return self._derivative(lambda p, rows, wrt: p.hessian(*rows, wrt=wrt), args, kwargs, wrt)

    def vjp(self, *args_and_cotangent: Any, wrt: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and u^T J; the last argument is u, of the form of the value.

        >>> jit(lambda x: [x[0] * x[1], x[0]]).vjp([2.0, 3.0], [1.0, 10.0])[1].tolist()
        [13.0, 2.0]
        """

        def take(p: Program, rows: Sequence[Any], wrt: Any) -> Any:
            u = _in_rows(p.form, cotangent, lambda part: part.shape, "u") if p.examples else cotangent
            return p.vjp(*rows, u, wrt=wrt, per_row=True)

        args, cotangent = _last(args_and_cotangent, "u")
        found: tuple[Any, Any] = self._derivative(take, args, kwargs, wrt)
        return found

    def jvp(self, *args_and_tangent: Any, wrt: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and J v; the last argument is v, in the structure of `wrt`.

        >>> jit(lambda x: [x[0] * x[1], x[0]]).jvp([2.0, 3.0], [1.0, 10.0])[1].tolist()
        [23.0, 1.0]
        """
        args, v = _last(args_and_tangent, "v")
        found: tuple[Any, Any] = self._derivative(
            lambda p, rows, wrt: p.jvp(*rows, _direction(p, wrt, v), wrt=wrt), args, kwargs, wrt
        )
        return found

    def hvp(self, *args_and_vector: Any, wrt: Any = None, **kwargs: Any) -> Any:
        """Return the product of the Hessian and v; the last argument is v, in the structure of `wrt`.

        >>> jit(lambda x: x[0] ** 2 * x[1]).hvp([3.0, 5.0], [1.0, 0.0]).tolist()
        [10.0, 6.0]
        """
        args, v = _last(args_and_vector, "v")
        return self._derivative(
            lambda p, rows, wrt: p.hvp(*rows, _direction(p, wrt, v), wrt=wrt, per_row=True), args, kwargs, wrt
        )

    def _derivative(
        self,
        take: Callable[[Program, Sequence[Any], Any], Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        wrt: Any,
        of_rows: bool = True,
    ) -> Any:
        """Return what a derivative of the Program is for one row; `of_rows`: `take` returns it for rows."""
        names, values = self._arranged(tuple(args), kwargs)
        if wrt is None:
            wrt = 0 if len(values) == 1 else tuple(range(len(values)))
        elif self._unnamed is None or not self._unnamed.is_of(wrt):
            given = Outline.of(wrt)
            wrt = map_structure(wrt, lambda part: self._number(part, len(values) - len(names), names))
            if given is not None and given.is_of(wrt):  # no argument is named in it
                self._unnamed = given
        form = tuple(map(_form, values))

        def taken(p: Program) -> Any:
            found = take(p, _rows(p, values), wrt)
            return _firsts(found, p) if of_rows else found

        return self._use(names, form, values, taken)

    def vmap(self, *batches: Any, **named: Any) -> Any:
        """Evaluate the function for every row of its arguments.

        Args:
            *batches: for each argument an array with one more axis in front; for a dict, or a list or tuple
                of several shapes, the same structure of such arrays.
            **named: the same for arguments by name.
        """
        return self._of_rows(lambda program, values: program(*values), *self._arranged(batches, named))

    def sum_value_and_grad(
        self, *batches: Any, wrt: Any = None, chunk: int = 16_384, threads: int = 1, executor: Any = None,
        **named: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Return the sums of the values and of Values' gradients over many rows.

        Args:
            *batches: as in `vmap`.
            wrt: the Values, in any structure; by default the list of those that the function captured.
            chunk: see `Program.sum_value_and_grad`, and so are `threads` and `executor`.
            threads: how many threads.
            executor: computes chunks elsewhere.
            **named: batches of arguments by name.

        >>> import autograd_core as ag
        >>> w = ag.Value(2.0)
        >>> total, gradient = jit(lambda x: w * x * x).sum_value_and_grad([1.0, 2.0, 3.0], wrt=w)
        >>> float(total), gradient
        (28.0, 14.0)
        """
        names, values = self._arranged(batches, named)
        if wrt is not None:  # an argument's name is refused as its number is
            wrt = map_structure(wrt, lambda part: self._number(part, len(values) - len(names), names))
        options = {"wrt": wrt, "chunk": chunk, "threads": threads, "executor": executor}
        found: tuple[Any, Any] = self._of_rows(
            lambda program, values: program.sum_value_and_grad(*values, **options), names, values
        )
        return found

    def _of_rows(
        self, use: Callable[[Program, Sequence[Any]], Any], names: tuple[str, ...], values: Sequence[Any]
    ) -> Any:
        rows = [_row(batch) for batch in values]
        return self._use(names, tuple(map(_form, rows)), rows, lambda program: use(program, values))

    def program(self, *examples: Any, **named: Any) -> Program:
        """Return the Program for arguments of the form of these, recorded now if there is none yet.

        Its arguments stand in their order, those that only have a name behind the others.
        """
        names, values = self._arranged(examples, named)
        return self._of_form(names, tuple(map(_form, values)), values).program

    def _use(
        self, names: tuple[str, ...], form: Any, examples: Sequence[Any], use: Callable[[Program], Any]
    ) -> Any:
        """Run a Program; once more where another thread has replaced a Value meanwhile."""
        for _ in range(_MOST_TRIES):
            recorded = self._of_form(names, form, examples)
            try:
                return use(recorded.program)
            except RecordingError:
                if recorded.is_current():
                    raise
            finally:
                recorded.settle()  # what a branch that was recorded now has assigned, before others assign it
        return use(recorded.program)

    def _arranged(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[str, ...], Sequence[Any]]:
        """Return (names, values): arguments that have a position in it, and behind them the named ones."""
        if not kwargs:
            return (), args
        bound = inspect.signature(self.__wrapped__).bind(*args, **kwargs)
        return tuple(bound.kwargs), (*bound.args, *bound.kwargs.values())

    def _number(self, part: Any, positional: int, names: tuple[str, ...]) -> Any:
        """Return an argument's number for its name."""
        if not isinstance(part, str):
            return part
        known = [*inspect.signature(self.__wrapped__).parameters]
        if part in names:
            return names.index(part) - len(names)
        if part not in known:
            raise ValueError(f"there is no argument {part!r}: the function takes {', '.join(known)}")
        if (number := known.index(part)) >= positional:
            raise ValueError(f"argument {part!r} was not given in this call: its default is a plain number")
        return number

    def _of_form(self, names: tuple[str, ...], form: Any, examples: Sequence[Any]) -> _Recorded:
        self._calls += 1
        found = self._programs.get((names, form))
        if found is None or not found.is_current():
            with self._lock:
                former = [*self._programs.values()]
                if not all(recorded.is_current() for recorded in former):
                    self.losses = self.losses + 1 if any(recorded.is_lost for recorded in former) else 0
                    self._programs = {}  # a new one: other threads may still look into the former
                    self._tell_renewals()
                found = self._programs.get((names, form))
                if found is None:
                    found = self._programs[names, form] = self._recorded(names, examples)
        if found.watch.hidden and not self._is_told:
            self._tell_hidden(len(found.watch.hidden))
        return found

    def _tell_renewals(self) -> None:
        self._renewals += 1
        if self._renewals % _MANY_TIMES:
            return
        calls, self._counted = self._calls - self._counted, self._calls
        if calls < 3 * _MANY_TIMES and not self._is_renewal_told:
            self._is_renewal_told = True
            warnings.warn(
                f"{getattr(self, '__name__', 'a jitted function')} was recorded anew {_MANY_TIMES} times in "
                f"{calls} calls, since something of a name in its code (a variable, attribute, entry, list) "
                "is another one at most calls: make it an argument, or a Value whose data is assigned; if it "
                "reads another one of that name, rename this one",
                RuntimeWarning,
                stacklevel=5,
            )

    def _recorded(self, names: tuple[str, ...], examples: Sequence[Any]) -> _Recorded:
        """Record; again where something may have been replaced meanwhile, before it was looked for."""
        former, attempt, may_end = list[Program](), 0, False
        while not may_end:
            watch = Watch(self.__wrapped__)
            f = _ByPosition(self.__wrapped__, names) if names else self.__wrapped__
            program = recorded(f, examples, "record", self.most_recordings, watch.look)
            found = _Recorded(program, watch, self)
            # what the first call makes is looked at in the second; what changes each time it assigns itself,
            # and what is hidden and another one each time it makes
            most = 4 if threading.active_count() > 1 else 0
            may_end = (self.has_hidden(watch.hidden) and found.is_same) or attempt > most
            former.append(program)  # whose Values live on, and keep their ids
            attempt += 1
        return found

    def has_hidden(self, values: dict[int, Value]) -> bool:
        """Tell whether these were not found before either: else they are replaced now, or hidden."""
        has_all = all(key in self._hidden for key in values)
        self._hidden.update(values)
        return has_all

    def _tell_hidden(self, count: int) -> None:
        self._is_told = True
        name = getattr(self, "__name__", "a jitted function")
        warnings.warn(
            f"{name} reads {count} Values that jit does not find: if others take their places, it will go on "
            "with these. Make them arguments, or let the function read them from a variable, an attribute, a "
            "list or a dict",
            RuntimeWarning,
            stacklevel=5,
        )

    def cache_info(self) -> CacheInfo:
        """Return what has been recorded so far."""
        programs = [recorded.program for recorded in list(self._programs.values())]
        return CacheInfo(
            len(programs),
            sum(len(program.recordings) for program in programs),
            self._calls,
            sum(program.eager_rows for program in programs),
            self._eager_calls,
        )

    def cache_clear(self) -> None:
        """Forget all recordings; the next call records anew, with the plain numbers of then."""
        with self._lock:
            self._programs = {}
            self._calls = self._eager_calls = self._renewals = self._counted = 0

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method has recordings for each instance, kept in it; a copied instance has its own."""
        if instance is None:
            return self
        key, held = f"_jitted_{id(self)}", getattr(instance, "__dict__", {})
        kept, method = held.get(key), self.__wrapped__.__get__(instance)
        if kept is None or kept.bound is None or kept.bound.__wrapped__ != method:
            kept = _Kept(Jitted(method, self.most_recordings))
            if isinstance(held, dict):
                vars(instance)[key] = kept  # of a frozen dataclass too
            else:
                setattr(instance, key, kept)  # a class, of a class method
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


class _Recorded:
    """A Program, and what its function reads.

    Attributes:
        is_same: whether nothing that is looked at has changed while the function was recorded.
        is_lost: whether something has while another branch was.
    """

    def __init__(self, program: Program, watch: Watch, jitted: Jitted):
        self.program, self.watch, self._jitted, self.is_lost = program, watch, jitted, False
        self.is_same = self._settle()

    def _settle(self) -> bool:
        self._count = len(self.program.recordings)
        nodes = [node for one in list(self.program.recordings) for node, _ in one.graph.captured]
        return self.watch.settle([*self.program.parameters, *nodes])

    def settle(self) -> None:
        """Look at what branches that were recorded since have assigned and captured."""
        if len(self.program.recordings) > self._count:
            same = self._settle() or self._jitted.losses >= _MOST_LOSSES
            self.is_lost |= not (same and self._jitted.has_hidden(self.watch.hidden))

    def is_current(self) -> bool:
        """Tell whether the function still reads what it read when it was recorded."""
        if self.watch.changed():
            return False
        self.settle()
        return not self.is_lost


class _ByPosition:
    """A function whose last arguments, given by their place, are passed on by name."""

    def __init__(self, function: Callable[..., Any], names: tuple[str, ...]):
        self.function, self.names = function, names

    def __call__(self, *args: Any) -> Any:
        at = len(args) - len(self.names)
        return self.function(*args[:at], **dict(zip(self.names, args[at:], strict=True)))


def _rows(program: Program, args: Sequence[Any]) -> Sequence[Any]:
    """The arguments as batches of one row."""
    import numpy as np

    pairs = zip(program.examples, program.parts(args), strict=True)
    return program.as_arguments([np.asarray(real_array(part, e.name))[None] for e, part in pairs])


def _last(args: Sequence[Any], name: str) -> tuple[Sequence[Any], Any]:
    if not args:
        raise TypeError(f"{name} is wanted behind the arguments")
    return args[:-1], args[-1]


def _in_rows(form: Any, structure: Any, shape_of: Callable[[Any], Any], what: str) -> Any:
    """Return what has a form with an axis for the rows, one, in each part; None is the shape of no rows."""
    import numpy as np

    def part(leaf: Any) -> Any:
        given, shape = next(parts), shape_of(leaf)
        if shape is None:
            return given
        array = real_array(given, what)
        if array.shape != shape:
            raise ValueError(f"{what} has shape {array.shape}, and {shape} is wanted")
        return np.asarray(array)[None]

    parts = iter([given for _, given in zip_structures(form, structure, what)])
    return map_structure(form, part)


def _direction(program: Program, wrt: Any, v: Any) -> Any:
    """Return v, in the structure of `wrt`, for a batch of one row: that of a Value has no rows."""
    targets = Targets(program, wrt)
    examples = program.examples
    form = targets.map(lambda leaf: leaf)
    return _in_rows(form, v, lambda k: examples[k].shape if isinstance(k, int) else None, "v")


_VALUE = "a Value"
_PLAIN = frozenset((float, int))


def _form(example: Any) -> Any:
    """What tells apart arguments that the function may treat differently; `_VALUE` if it holds Values."""
    kind = type(example)
    if kind in _PLAIN:
        return ()
    if isinstance(example, numbers.Real):
        refuse_member(example, "an argument")
        return ()
    if isinstance(example, Value):
        return _VALUE
    if isinstance(example, dict):
        parts = tuple(map(_form, example.values()))
        return _VALUE if _VALUE in parts else (_type(example), tuple(map(_key, example)), parts)
    if isinstance(example, (list, tuple)):
        if _PLAIN.issuperset(map(type, example)):
            return _type(example), len(example)
        parts = tuple(map(_form, example))
        return _VALUE if _VALUE in parts else (_type(example), parts)
    if getattr(getattr(example, "dtype", None), "kind", "") == "O":
        return _VALUE if any(isinstance(part, Value) for part in example.ravel()) else (kind, example.shape)
    shape = getattr(example, "shape", None)
    return kind, len(example) if shape is None and hasattr(example, "__len__") else shape


def _type(container: Any) -> Any:
    """The type of a dict, list or tuple; with its attributes, which the function may read, if it has any."""
    attributes = getattr(container, "__dict__", None)
    return (type(container), repr(attributes)) if attributes else type(container)


def _key(key: Any) -> Any:
    """What tells a key of a dict from others, equal ones too: 1 from True and 1.0, 0.0 from -0.0."""
    kind = type(key)
    if kind is str:
        return key
    return (kind, *map(_key, key)) if kind is tuple else (kind, key, repr(key))


def _row(batch: Any) -> Any:
    """The first row of a batch; what has names, or is a list of several shapes, is a structure of batches."""
    if isinstance(batch, dict):
        return builder_of(batch)([_row(part) for part in batch.values()])
    if isinstance(batch, (list, tuple)) and (has_names(batch) or len(set(map(shape_of, batch))) > 1):
        return builder_of(batch)([_row(part) for part in batch])
    try:
        return batch[0]
    except (IndexError, KeyError):
        raise ValueError("at least one row is needed in each argument") from None
    except TypeError:
        return batch  # recording refuses it, and tells a remedy


def _firsts(structure: Any, program: Program) -> Any:
    """The only row of each part; without arguments there are no rows."""

    def first(found: Any) -> Any:
        only = found[0] if program.examples else found
        return only if getattr(only, "shape", ()) else float(only)

    return map_structure(structure, first)


def jit(function: Callable[..., Any] | None = None, *, most_recordings: int = 64) -> Any:
    """Record a function when it is first called, and replay it from then on.

    There is a recording for each form of arguments (a number, a list of three, a dict of arrays) and for each
    branch: comparisons of Values are checked at every call, and a call that takes another way, or
    goes round a loop another number of times, is recorded too. The numbers of Values are read anew at every
    call. The function is recorded anew where something else stands in what it reads: in its variables and
    defaults, in those attributes, and those entries of dicts whose keys are texts, that its code or such a
    text names, and among the items of lists, tuples, other dicts, sets and arrays, at any depth; and so for
    all functions, methods, properties and operators of the user's that it may call. Of numbers,
    texts and tuples of these it is seen whether they are equal, of all else whether it is the same object.
    Values are looked for behind every attribute.

    **All else is frozen as it was when the function was recorded, without a word**: lists, dicts, sets and
    arrays of more than 1,000 items, and what is beyond some 10,000 in all (but for Values); attributes, and
    entries of a dict whose other keys the code names, that are named at run time, and what was not there yet;
    what `__init__`, `__eq__`, `__repr__` and the like of a class read, or code of Python and other libraries;
    iterators, files, the clock, random numbers; and what the function assigns itself at each call. If it
    assigns what it reads, or keeps Values that it makes, it is called two to four times to record it. Make it
    an argument, a Value whose data you assign, or call `cache_clear()`. A warning tells of Values
    not found. Within the function its arguments' numbers are Values: ``isinstance(x, int)`` and ``x is
    True`` are False.

    Args:
        function: a function of numbers, lists and arrays, written for Values.
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
    whole_number("most_recordings", most_recordings, 1)
    if function is None:
        return functools.partial(jit, most_recordings=most_recordings)
    refuse_no_function(function, "what jit takes first")
    return Jitted(function, most_recordings)
