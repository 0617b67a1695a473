"""A user's own rule as a list of operations, which the compiled loop over minibatches runs.

The rule is called once with stand-ins for its arrays and numbers, which write down what is done with them. It
can be recorded if all of that is done element by element, by operations whose bits NumPy and C agree on, and
if nothing beside its arguments and `updates` goes in or out. For safety it is recorded twice, and compared
with what the rule itself makes of numbers. `tape/recorded.h` runs it.
"""

from __future__ import annotations

import copy
import dis
import math
import operator
from array import array
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np

from autograd_core.calculus.updates import MOST_BUFFERS
from nn.arguments import shown
from nn.errors import InputError
from nn.optimizer_base import MOVING, Optimizer
from nn.plain_code import code_of, strange_name, unnamed_method
from nn.random_state import RandomStates
from nn.snapshot import Snapshot
from nn.training.recording import NotRecordable

__all__ = ["recorded_rule"]

Recorded = tuple[bytes, tuple[float, ...]]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "n": operator.neg,
    "a": abs,
    "q": np.sqrt,
    "s": np.sign,
    ">": operator.gt,
    "G": operator.ge,
    "=": operator.eq,
    "N": operator.ne,
    "?": np.where,
    "M": np.maximum,
    "m": np.minimum,
}
_UFUNCS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "negative": "n", "absolute": "a",
    "fabs": "a", "sqrt": "q", "sign": "s", "greater": ">", "greater_equal": "G", "equal": "=",
    "not_equal": "N", "maximum": "M", "minimum": "m",
}  # fmt: skip
_TURNED = {"less": "greater", "less_equal": "greater_equal"}
_NAMES = {  # beside those of its own numbers and functions, what the code of a rule may name
    *_UFUNCS, *_TURNED, "abs", "square", "where", "zeros_like", "ones_like", "clip", "copy", "updates",
    "rule", "update", "super", "dict", "zip", "items", "values", "range", "enumerate", "numpy",
}  # fmt: skip
_LARGE = 2**31  # a whole number beyond which sums with the count of updates are not looked at
_MOST = 256  # operations: more would not fit into the cache


class _Tape:
    """Operations in the order in which they were made, each once."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, tuple[Any, ...]]] = []
        self.uniform: list[bool] = []
        self._known: dict[Any, int] = {}

    def add(self, operation: str, *parts: Any) -> int:
        """Return the number of this operation."""
        key = operation, *map(repr, parts)
        if key not in self._known:
            if len(self.entries) >= _MOST:
                raise NotRecordable(f"it has more than {_MOST} operations")
            self._known[key] = len(self.entries)
            of_all = operation in "rkc" or (operation not in "xgb" and all(self.uniform[p] for p in parts))
            self.entries.append((operation, parts))
            self.uniform.append(of_all)
        return self._known[key]

    def written(self, outputs: list[int]) -> Recorded:
        """As `tape/recorded.h` takes it: what is the same for all parameters comes first."""
        order = sorted(range(len(self.entries)), key=lambda i: not self.uniform[i])
        place, constants = {i: k for k, i in enumerate(order)}, list[float]()
        text = array("i", [len(order), sum(self.uniform)])
        for i in order:
            operation, parts = self.entries[i]
            numbers = list(parts) if operation in "xgbrk" else [len(constants)]
            if operation == "c":
                constants += parts
            elif operation not in "xgbrk":
                numbers = [place[p] for p in parts]
            text.extend([ord(operation), *numbers, *[0] * (3 - len(numbers))])
        text.extend(place[i] for i in outputs)
        return text.tobytes(), tuple(constants)

    def replayed(self, given: dict[str, Any], outputs: list[int]) -> list[Any]:
        """What NumPy makes of it."""
        made: list[Any] = []
        for operation, parts in self.entries:
            if operation in "xgrk":
                made.append(given[operation])
            elif operation == "b":
                made.append(given["b"][parts[0]])
            else:
                made.append(
                    parts[0] if operation == "c" else _FUNCTIONS[operation](*[made[p] for p in parts])
                )
        return [made[i] for i in outputs]


def _both(operation: str) -> Any:
    """The operator's method, and the one for operands that come the other way round."""
    return lambda x, y: x._made(operation, x, y), lambda x, y: x._made(operation, y, x)


def _in_place(operation: str) -> Any:
    return lambda x, y: x._become(x._made(operation, x, y))


class _Operand:
    """What stands for a number of the rule: `is_whole` where it is an int."""

    def __init__(self, tape: _Tape, number: int, is_whole: bool = False) -> None:
        self._tape, self._number, self._is_whole = tape, number, is_whole

    def _made(self, operation: str, *operands: Any) -> Any:
        if operation == "^":
            return self._power(*operands)
        whole = [x._is_whole if isinstance(x, _Operand) else type(x) is int for x in operands]
        small = all(abs(x) < _LARGE for x in operands if type(x) is int)
        if all(whole) and not (small and operation in "+-/>G=N") and not self._has_array(operands):
            raise NotRecordable("it computes with whole numbers, which Python does exactly: write 1.0 for 1")
        truths = [x for x in operands if isinstance(x, _Condition)]
        if truths and not (all(x._is_array for x in truths) and not any(whole)):
            raise NotRecordable(_TRUTH)
        kind = _Numbers if self._has_array(operands) else _Operand
        number = self._tape.add(operation, *[_number_of(self._tape, x) for x in operands])
        if operation in ">G=N":
            return _Condition(self._tape, number, self._has_array(operands))
        return kind(self._tape, number, kind is _Operand and all(whole) and operation in "+-n")

    @staticmethod
    def _has_array(operands: tuple[Any, ...]) -> bool:
        return any(isinstance(x, _Numbers | _Condition) for x in operands)

    def _power(self, base: Any, exponent: Any) -> Any:
        if isinstance(base, _Numbers):
            if type(exponent) in (int, float) and exponent in (2, 0.5):  # what NumPy does with those
                return self._made("*", base, base) if exponent == 2 else self._made("q", base)
            raise NotRecordable("it takes powers of arrays other than 2 and 0.5")
        if self._has_array((base, exponent)) or type(base) is int or getattr(base, "_is_whole", False):
            raise NotRecordable("it takes powers of whole numbers, or to an array")
        number = self._tape.add("^", _number_of(self._tape, base), _number_of(self._tape, exponent))
        return _Operand(self._tape, number)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, where: Any = True
    ) -> Any:
        name = ufunc.__name__
        if name == "square":
            name, inputs = "multiply", inputs * 2
        if name in _TURNED:
            name, inputs = _TURNED[name], inputs[::-1]
        if method != "__call__" or name not in _UFUNCS:
            raise NotRecordable(f"it calls np.{name}")
        made = self._made(_UFUNCS[name], *inputs)
        if out is None and where is True:
            return made
        if out is None or not isinstance(out[0], _Numbers) or not isinstance(made, _Numbers):
            raise NotRecordable(f"it calls np.{name} with where, or with out")
        return out[0]._become(made if where is True else _chosen(self._tape, where, made, out[0]))

    def __array_function__(self, function: Any, types: Any, given: Any, named: Any) -> Any:
        name = function.__name__
        if name == "where" and len(given) == 3 and not named:
            return _chosen(self._tape, *given)
        if (
            name in ("zeros_like", "ones_like")
            and len(given) == 1
            and not named
            and type(given[0]) is _Numbers
        ):
            return _Numbers(self._tape, self._tape.add("c", float(name == "ones_like")))
        if name in ("clip", "copy") and isinstance(given[0], _Numbers):
            return getattr(given[0], name)(*given[1:], **named)
        raise NotRecordable(f"it calls np.{name}")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise NotRecordable("it makes an array of what it is given")

    def __bool__(self) -> bool:
        raise NotRecordable("it branches on numbers: np.where(condition, a, b) can be recorded")

    def __float__(self) -> float:
        raise NotRecordable("it reads a number, or calls math: np.sqrt can be recorded")

    __int__ = __index__ = __float__

    def __str__(self) -> str:
        raise NotRecordable("it reads a number as text")

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return str(self)

    __add__, __radd__ = _both("+")
    __sub__, __rsub__ = _both("-")
    __mul__, __rmul__ = _both("*")
    __truediv__, __rtruediv__ = _both("/")
    __pow__, __rpow__ = _both("^")
    __gt__, __lt__ = _both(">")
    __ge__, __le__ = _both("G")
    __eq__, _ = _both("=")
    __ne__, _ = _both("N")

    def __neg__(self) -> Any:
        return self._made("n", self)

    def __abs__(self) -> Any:
        return self._made("a", self)

    def sqrt(self) -> Any:
        """For `autograd_core.calculus.primitives.sqrt`."""
        return self._made("q", self)


class _Numbers(_Operand):
    """What stands for an array; operations in place change it, as NumPy's do."""

    dtype = np.dtype(np.float64)

    def _become(self, other: Any) -> _Numbers:
        self._number = _number_of(self._tape, other)
        return self

    def copy(self) -> _Numbers:
        """A copy."""
        return _Numbers(self._tape, self._number)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """As NumPy's."""
        low = self if min is None else self._made("M", self, min)
        return low if max is None else self._made("m", low, max)

    def __setitem__(self, key: Any, value: Any) -> None:
        if key is not Ellipsis and key != slice(None):
            raise NotRecordable("it writes into a part of an array")
        self._become(value)

    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = map(_in_place, "+-*/^")


_TRUTH = "it computes with truth values: np.where(condition, a, b) can be recorded"


class _Condition(_Operand):
    """What stands for truth values, an array of them or one: it chooses, or is a factor of an array."""

    def __init__(self, tape: _Tape, number: int, is_array: bool) -> None:
        super().__init__(tape, number)
        self._is_array = is_array

    def _made(self, operation: str, *operands: Any) -> Any:
        raise NotRecordable(_TRUTH)


def _number_of(tape: _Tape, x: Any) -> int:
    if isinstance(x, _Operand):
        return x._number
    if type(x) not in (int, float, np.float64) or not math.isfinite(x) or (type(x) is int and abs(x) > 2**53):
        raise NotRecordable(f"it computes with {shown(x)}")
    return tape.add("c", float(x))


def _chosen(tape: _Tape, condition: Any, a: Any, b: Any) -> _Numbers:
    if not isinstance(condition, _Condition):
        raise NotRecordable("it chooses by something else than a comparison")
    parts = condition, a, b
    if isinstance(a, _Condition) or isinstance(b, _Condition):
        raise NotRecordable("it chooses between truth values")
    if all(type(x) is int or getattr(x, "_is_whole", False) for x in (a, b)):
        raise NotRecordable("it chooses between whole numbers, as NumPy does: write 1.0 for 1")
    if all(not isinstance(x, _Operand) or tape.uniform[x._number] for x in parts):
        raise NotRecordable("it chooses between numbers that are the same for all parameters")
    return _Numbers(tape, tape.add("?", condition._number, _number_of(tape, a), _number_of(tape, b)))


def recorded_rule(optimizer: Optimizer, watch: Snapshot) -> Recorded:
    """The rule's operations and the numbers in them.

    Args:
        optimizer: with a rule of the user's.
        watch: of all that the rule may go by beside its arguments, as it is now.

    Raises:
        NotRecordable: it cannot be recorded, and why.
    """
    if len(optimizer.buffer_names) > MOST_BUFFERS:
        raise NotRecordable(f"it has more than {MOST_BUFFERS} buffers")
    if not watch.is_complete or watch.has_iterators or watch.changed():
        raise NotRecordable("nn cannot see all that it goes by")
    _check_code(optimizer)
    states = RandomStates([optimizer])
    try:
        (tape, outputs), (again, others) = _traced(optimizer, watch), _traced(optimizer, watch)
        made = tape.written(outputs)
        alike = all(_is_alike(optimizer, watch, tape, outputs, k) for k in (0, 7))
        if again.written(others) != made or not alike:
            raise NotRecordable("it is not the same every time")
        if watch.moved() or states.drawn():
            raise NotRecordable(_REMEMBERS)
    except (NotRecordable, InputError):
        raise
    except Exception as error:
        raise NotRecordable(f"it raises {type(error).__name__} when it is recorded") from None
    finally:
        states.restore()
        if watch.changed():
            watch.restore()
    return made


def _check_code(optimizer: Optimizer) -> None:
    """Refuse code that names anything but arithmetic, and plain numbers and functions of its own."""
    called, holders = code_of(optimizer, ("rule", "update"), MOVING)
    name, seen = strange_name(called, holders, _NAMES)
    if special := unnamed_method(holders, seen):
        raise NotRecordable(f"it has a method {special} of its own")
    inner = [function.__code__ for function in seen]
    for code in inner:  # which grows
        inner += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if any(step.opname == "PUSH_EXC_INFO" for step in dis.get_instructions(code)):
            raise NotRecordable("it catches errors, or has a with statement")
    if name:
        raise NotRecordable(f"it calls or reads {name}")


_REMEMBERS = "it remembers something beside its buffers"


def _called(optimizer: Optimizer, watch: Snapshot, updates: Any, *given: Any) -> list[Any]:
    """What the rule returns: the new values and buffers."""
    twin = copy.copy(optimizer)
    for name in (MOVING | {"parameters"}) & vars(twin).keys():
        del vars(twin)[name]  # another update has it otherwise
    twin._updates = updates
    before = dict(vars(twin))
    values, buffers = twin.rule(*given)
    now = vars(twin)
    same = now.keys() == before.keys() and all(now[name] is before[name] for name in now)
    if not same or watch.changed():  # after each call: the next one may put it back
        raise NotRecordable(_REMEMBERS)
    if set(buffers) != set(optimizer.buffer_names):
        raise NotRecordable("it returns other buffers than buffer_names")
    return [values, *(buffers[name] for name in optimizer.buffer_names)]


def _traced(optimizer: Optimizer, watch: Snapshot) -> tuple[_Tape, list[int]]:
    tape = _Tape()
    k = _Operand(tape, tape.add("k"), True)
    buffers = {name: _Numbers(tape, tape.add("b", j)) for j, name in enumerate(optimizer.buffer_names)}
    x, g = _Numbers(tape, tape.add("x")), _Numbers(tape, tape.add("g"))
    made = _called(optimizer, watch, k - 1, x, g, buffers, _Operand(tape, tape.add("r")))
    if not all(type(part) is _Numbers for part in made):
        raise NotRecordable("it returns something else than arrays that it has computed")
    return tape, [part._number for part in made]


def _is_alike(optimizer: Optimizer, watch: Snapshot, tape: _Tape, outputs: list[int], updates: int) -> bool:
    """Does the recording make of some numbers what the rule makes of them?"""
    x, g, *buffers = np.random.default_rng(updates).normal(size=(2 + len(optimizer.buffer_names), 37))
    g[:3], buffers = 0.0, [np.abs(buffer) for buffer in buffers]
    given = {"x": x, "g": g, "b": buffers, "r": 0.0123, "k": updates + 1}
    with np.errstate(all="ignore"):
        mine = tape.replayed(given, outputs)
        named = dict(zip(optimizer.buffer_names, [b.copy() for b in buffers], strict=True))
        theirs = _called(optimizer, watch, updates, x.copy(), g.copy(), named, 0.0123)
    pairs = [(np.broadcast_to(a, x.shape), b) for a, b in zip(mine, theirs, strict=True)]
    return all(np.array_equal(a, b, equal_nan=True) and _signs(a) == _signs(b) for a, b in pairs)


def _signs(numbers: Any) -> bytes:
    """Of those that are not NaN."""
    return bytes((np.signbit(numbers) & ~np.isnan(numbers)).tobytes())
