# cython: language_level=3, binding=True, always_allow_keywords=True
"""Context managers: no_grad, enable_grad, diagnose, scope; and what Programs use to record."""

import sys
import threading
import warnings

import cython

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.frames import *
    from cython.cimports.autograd_core.engine.nary import dot
    from cython.cimports.autograd_core.engine.value import *
else:
    from .flags import *
    from .nary import dot
    from .value import *

from ..errors import RecordingError
from .decorators import decorated
from .notes import outer_scopes, scope_names
from .value import active_recordings, active_rules, bounded, recording, set_settling

COMPILED = cython.compiled

_COROUTINE = cython.declare(cython.int, 0x80 | 0x100)  # inspect.CO_COROUTINE, CO_ITERABLE_COROUTINE
_RUNS_LATER = cython.declare(cython.int, 0x20 | 0x200 | 0x80 | 0x100)  # and CO_GENERATOR, CO_ASYNC_GENERATOR
_enter = cython.declare(object, sys.intern("__enter__"))
_enter_context = cython.declare(object, sys.intern("enter_context"))
_get_ident = cython.declare(object, threading.get_ident)
_scopes_lock = threading.Lock()
_scope_children = cython.declare(list, [{}])  # for each scope, the scopes inside it by name


# --- modes and scopes that generators and coroutines hold -----------------------------------------------
#
# A `with` statement in a generator or coroutine stays open while other code runs: it must hold in that
# generator's own code and in what that calls, not in the code that resumes it, nor in another task. Nothing
# is paid for this where no such statement is open. As soon as one is, the mode bit HELD of the thread is set,
# and whatever asks for the thread's mode first comes by `_settle`, which puts in force what the code that
# runs now is inside of.


class _Entered:
    """A mode or scope that was entered while HELD was set, or that sets it.

    Attributes:
        holder: the context manager.
        sets: the mode bits that it sets.
        clears: those that it clears.
        name: a scope's name, or None.
        frame: of the code that is inside.
        later: whether that is a generator or coroutine, which may be suspended inside.
        among: the list in which this stands.
    """

    __slots__ = ("among", "clears", "frame", "holder", "later", "name", "sets")

    def __init__(self, holder, sets, clears, name, frame, later, among):
        self.holder, self.sets, self.clears, self.name = holder, sets, clears, name
        self.frame, self.later, self.among = frame, later, among

    def is_running(self):
        """Tell whether the code that is inside runs now: a suspended frame has none behind it."""
        return not self.later or self.frame.f_back is not None


class _Held(threading.local):
    """What a thread has entered since HELD was set.

    Attributes:
        entered: all of it, in order.
        running: that part which is in force.
        mode: the mode outside of all.
        scope: the scope outside of all.
    """

    def __init__(self):
        self.entered = []
        self.running = []
        self.mode = self.scope = 0


_held = _Held()
_suspended = cython.declare(list, [])  # what generators and coroutines hold, in all threads


@cython.cfunc
@cython.inline
def _is_plain() -> cython.bint:
    """Tell, quickly, whether what `_frame_inside` would find is a plain function; 0 for "perhaps not"."""
    if cython.compiled:
        return is_plain_call(_RUNS_LATER, _enter, _enter_context)
    return False


def _frame_inside():
    """Return the frame of the code that enters a mode, and whether it may be suspended inside.

    Methods ``__enter__``, and generators that contextlib or pytest run, enter it for the code that uses them.
    A coroutine enters it for the task: the code that awaits it is inside too.
    """
    frame = sys._getframe()
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    first = frame
    while frame is not None:
        flags: cython.int = frame.f_code.co_flags
        behind = frame.f_back
        if flags & _RUNS_LATER:
            if behind is None:
                break
            if flags & _COROUTINE:
                if not behind.f_code.co_flags & _RUNS_LATER:
                    return frame, True
            elif not _enters_for_others(behind):
                return frame, True
        elif frame.f_code.co_name != _enter and not _enters_for_others(frame):
            break
        frame = behind
    return first, False


def _enters_for_others(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("contextlib", "_pytest", "pluggy")


def _enter_held(holder, sets, clears, name):
    """Enter a mode or scope if HELD is set or a generator or coroutine enters it; else return False."""
    frame, later = _frame_inside()
    if not thread_mode() & HELD:
        if not later:
            return False
        _held.mode, _held.scope = thread_mode(), thread_scope()
        _held.entered, _held.running = [], []
    entry = _Entered(holder, sets, clears, name, frame, later, _held.entered)
    _held.entered.append(entry)
    if later:
        _suspended.append(entry)
    _put_in_force()
    return True


def _leave_held(holder, error):
    """Leave what the holder entered while HELD was set; return whether there was any."""
    if thread_mode() & HELD:
        for entry in reversed(_held.running):
            if entry.holder is holder:
                _forget(entry)
                return True
    for entry in reversed(_suspended):
        elsewhere = entry.among is not _held.entered
        if entry.holder is holder and entry.is_running() == elsewhere and not holder._is_plainly_inside():
            _forget(entry)
            if not isinstance(error, GeneratorExit):
                _refuse_leaving(holder, entry)
            return True
    return False


def _forget(entry):
    entry.among.remove(entry)
    if entry.later:
        _suspended.remove(entry)
    if entry.among is _held.entered:
        _put_in_force()


def _refuse_leaving(holder, entry):
    code = entry.frame.f_code
    where = f"{code.co_qualname} ({code.co_filename}:{code.co_firstlineno})"
    if entry.among is _held.entered:
        raise RuntimeError(
            f"{holder!r} was entered by the generator or coroutine {where} and is left outside of it: it was "
            "in force there alone; enter and leave it in one function"
        )
    raise RuntimeError(
        f"{holder!r} was entered in another thread, by the generator or coroutine {where}: what this thread "
        "ran of it was not inside; enter and leave it in one thread, or between two yields"
    )


def _settle():
    """Put in force what the code that runs now is inside of."""
    held = _held
    running = [entry for entry in held.entered if entry.is_running()]
    if running != held.running or sum([entry.later for entry in running]) > 1 or not held.entered:
        _put_in_force()


def _rebase(mode: cython.int):
    """The mode outside of all is this one: code that began before HELD was set restores it."""
    _held.mode = mode
    _put_in_force()


def _put_in_force():
    held = _held
    running = [entry for entry in held.entered if entry.is_running()]
    if len(running) > 1:  # the one nearer on the stack is inside the other
        depths = {}
        frame = sys._getframe()
        while frame is not None:
            depths[frame] = len(depths)
            frame = frame.f_back
        deepest = len(depths)
        running.sort(key=lambda entry: -depths.get(entry.frame, deepest))
    mode: cython.int = held.mode
    scope_: cython.uint = held.scope
    for entry in running:
        mode = (mode & ~cython.cast(cython.int, entry.clears)) | cython.cast(cython.int, entry.sets)
        if entry.name is not None:
            scope_ = _scope_inside(scope_, entry.name)
    held.running = running
    put_in_force(mode, scope_, len(held.entered) > 0)


set_settling(_settle, _rebase)


# --- the context managers -------------------------------------------------------------------------------


@cython.final
@cython.cclass
class _Mode:
    """A context manager that sets and clears mode bits of this thread."""

    _name: str
    _sets: cython.int
    _clears: cython.int
    _saved: list

    def __init__(self, name, sets, clears=0):
        self._name = name
        self._sets = sets
        self._clears = clears
        self._saved = []  # for each time that it was entered: the thread, and its mode before

    def __repr__(self):
        return f"{self._name}()"

    def __enter__(self):
        mode: cython.int = thread_mode()
        if mode & (RECORDING | RULE) and self._sets == NO_GRAD:
            raise RecordingError(
                "no_grad() while a Program is being recorded, or inside the partials of a user-defined "
                "operation, would freeze numbers: use stop_gradient()"
            )
        if mode & HELD or not _is_plain():
            if _enter_held(self, self._sets, self._clears, None):
                return self
            mode = thread_mode()
        self._saved.append((_get_ident(), mode))
        set_thread_mode((mode & ~self._clears) | self._sets)
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        if (_suspended or thread_mode() & HELD) and _leave_held(self, error):
            return
        k: cython.Py_ssize_t
        thread = _get_ident()
        for k in range(len(self._saved) - 1, -1, -1):
            saved: tuple = self._saved[k]
            if saved[0] == thread:
                del self._saved[k]
                set_thread_mode(saved[1])
                return
        raise RuntimeError(f"{self!r} is left in a thread in which it was not entered")

    def _is_plainly_inside(self):
        thread = _get_ident()
        return any(saved[0] == thread for saved in self._saved)

    def __call__(self, function):
        """Use the mode as a decorator: in force whenever the function's code runs.

        Of a generator or coroutine that is each time when it is resumed.
        """
        return decorated(function, _Mode, (self._name, self._sets, self._clears))


def no_grad():
    """Within this context operations return plain constants: no graph is built.

    In a generator or coroutine it holds while its code runs, not in the code that resumes it and not in other
    tasks; `contextlib.contextmanager` and pytest's fixtures hand it on to the code that they serve. It may
    decorate functions, generators and coroutines. Each thread has its own modes.

    Returns:
        A context manager.

    Raises:
        RecordingError: on entering, while a Program is being recorded.
        RuntimeError: on leaving, in another thread than the one that entered.

    >>> from autograd_core import Value
    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.is_constant
    True
    """
    return _Mode("no_grad", NO_GRAD)


def ieee():
    """Within this context operations give infinities and NaN where floats raise, as stored partials do.

    A rule that is differentiated builds both branches of its selections; the one not taken may be singular.
    Across ``yield`` and ``await`` it behaves as `no_grad` does.

    Returns:
        A context manager.

    >>> from autograd_core import Value, log
    >>> with ieee():
    ...     log(Value(0.0)).data
    -inf
    """
    return _Mode("ieee", IEEE)


def enable_grad():
    """Within this context graphs are built, inside `no_grad` too.

    Returns:
        A context manager.

    >>> from autograd_core import Value
    >>> with no_grad(), enable_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.is_constant
    False
    """
    return _Mode("enable_grad", 0, NO_GRAD)


def diagnose():
    """Within this context every new node keeps the source line that made it, the first non-finite value or
    partial raises, and so does `backward` of a graph in which ``data`` was assigned since it was made.

    Across ``yield`` and ``await`` it behaves as `no_grad` does.

    Returns:
        A context manager.

    Raises:
        NonFiniteError: naming the operation, operands, labels, scope and source line.
        GraphError: naming the first node whose number is out of date.

    >>> from autograd_core import NonFiniteError, Value, sqrt
    >>> with diagnose():
    ...     try:
    ...         sqrt(Value(0.0, "x"))
    ...     except NonFiniteError as error:
    ...         print(error.operation, error.operands)
    sqrt (0.0,)
    """
    return _Mode("diagnose", DIAGNOSE)


@cython.final
@cython.cclass
class scope:
    """Within this context new nodes carry `name` in their scope; scopes nest: ``"layer1.neuron0"``.

    Across ``yield`` and ``await`` it behaves as `no_grad` does.

    Args:
        name: any text that is not empty.

    Raises:
        TypeError: the name is not a text, or empty.
        RuntimeError: on leaving, in another thread than the one that entered.

    >>> from autograd_core import Value
    >>> with scope("layer1"), scope("neuron0"):
    ...     y = Value(2.0) * 3.0
    >>> y.scope
    'layer1.neuron0'
    """

    _name: object

    def __init__(self, name):
        if not isinstance(name, str) or not name:
            raise TypeError(f"a scope's name is text that is not empty, not {name!r}")
        self._name = str.__str__(name)

    def __repr__(self):
        return f"scope({self._name!r})"

    def __reduce__(self):  # the same with and without compilation
        return scope, (self._name,)

    def __setstate__(self, state):  # of a pickle from before that
        self._name = state["_name"] if isinstance(state, dict) else state[0]

    def __enter__(self):
        if (thread_mode() & HELD or not _is_plain()) and _enter_held(self, 0, 0, self._name):
            return self
        enter_scope(_inner_scope(self._name))
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        if (_suspended or thread_mode() & HELD) and _leave_held(self, error):
            return
        if not _is_inside(self._name):
            raise RuntimeError(f"{self!r} is left where it was not entered")
        _leave_scope()

    def _is_plainly_inside(self):
        return _is_inside(self._name)


def activated_dots(units: list, inputs):
    """Return activation(dot(weights, inputs, bias)) of each unit, made within its scope: a layer of neurons.

    The same as ``with`` statements in a loop, at a third of their cost.

    Args:
        units: a list; (scope, weights, bias, activation) each, or what is called with the inputs instead.
        inputs: numbers or Values.

    Returns:
        A list of what the activations return.
    """
    results: list = []
    place: scope
    for unit in units:
        if type(unit) is not tuple:
            results.append(unit(inputs))
            continue
        place, weights, bias, activation = unit
        if thread_mode() & HELD:
            with place:
                results.append(activation(dot(weights, inputs, bias)))
            continue
        enter_scope(_inner_scope(place._name))
        try:
            results.append(activation(dot(weights, inputs, bias)))
        finally:
            _leave_scope()
    return results


@cython.cfunc
def _is_inside(name: str) -> cython.bint:
    """Tell whether the scope that was entered last before HELD was set has that name."""
    number: cython.uint = _held.scope if thread_mode() & HELD else thread_scope()
    return open_scopes() > 0 and (scope_names[number] == name or len(scope_names) > MOST_SCOPES)


@cython.cfunc
def _leave_scope():
    """Leave a scope that was entered before HELD was set."""
    if thread_mode() & HELD:
        leave_scope()
        _held.scope = thread_scope()
        _put_in_force()
    else:
        leave_scope()


class preserved:
    """Within this context, whatever interrupts it, this thread's modes and scopes end as they began.

    A ``with no_grad()`` that Ctrl-C hits between entering and the body would otherwise stay in force.
    """

    __slots__ = ("_depth", "_entered", "_mode")

    def __enter__(self):
        self._mode = thread_mode()
        self._depth = open_scopes()
        self._entered = list(_held.entered)
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        if thread_mode() & HELD:
            _held.entered[:] = [entry for entry in _held.entered if entry.later or entry in self._entered]
        set_thread_mode(self._mode)
        while open_scopes() > self._depth:
            _leave_scope()


@cython.cfunc
def _inner_scope(name) -> cython.uint:
    """Return the number of the scope called `name` inside the present one."""
    return _scope_inside(thread_scope(), name)


@cython.cfunc
def _scope_inside(outer: cython.uint, name) -> cython.uint:
    """Return the number of the scope called `name` inside another, a new one if there was none."""
    inner = cython.cast(dict, _scope_children[outer]).get(name)
    if inner is None:
        with _scopes_lock:  # two threads must not give one number to two scopes
            inner = _scope_children[outer].get(name)
            if inner is None:
                if len(scope_names) > MOST_SCOPES:
                    _warn_of_scopes(name)
                    return outer
                inner = len(scope_names)
                scope_names.append(name)
                outer_scopes.append(outer)
                _scope_children.append({})
                _scope_children[outer][name] = inner
    return inner


MOST_SCOPES = 65_000  # a node has 16 bits for the number
_warned = cython.declare(cython.bint, False)


def _warn_of_scopes(name):
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"there are {MOST_SCOPES} scopes: nodes no longer carry new ones such as {bounded(name)!r}; name "
            "the parts of a model, not its steps",
            RuntimeWarning,
            stacklevel=2,
        )


def scope_id(path):
    """Return the number under which nodes carry a scope's path."""
    number: cython.uint = 0
    if path:
        for name in path.split("."):
            number = _scope_inside(number, name)
    return number


# --- recording (the hooks that Programs use) ------------------------------------------------------------


def begin_recording(inputs: list, made: list | None = None):
    """Start to record in this thread: comparisons become guards, reading a number raises RecordingError.

    Args:
        inputs: the leaves that stand for the arguments. No other thread may read them, or what is made of
            them.
        made: takes the leaves that are made meanwhile.
    """
    node: Value
    if thread_mode() & RECORDING:
        raise RecordingError("a Program is being recorded already in this thread")
    recording.guards, recording.raised, recording.kept = [], [], set()
    recording.made = [] if made is None else made
    for node in inputs:
        node._flags |= RECORDED
    active_recordings.append(True)
    set_thread_mode(thread_mode() | RECORDING)


def end_recording():
    """Stop recording.

    Returns:
        The guards, a list of (left, relation, right, outcome); the exceptions that operations raised.
    """
    set_thread_mode(thread_mode() & ~RECORDING)
    active_recordings.pop()
    guards, raised = recording.guards, recording.raised
    recording.guards, recording.raised, recording.kept, recording.made = [], [], set(), []
    return guards, raised


def clear_recorded(nodes: list):
    """These nodes are no longer those of a recording: they may be read, and captured by another."""
    node: Value
    for node in nodes:
        node._flags &= ~(RECORDED | FRESH)


def is_recording():
    """Tell whether a Program is being recorded in this thread."""
    return (thread_mode() & RECORDING) != 0


class rule_mode:
    """The context in which a user-defined operation's partials are evaluated on Values, `operands`.

    Reading a number in it raises, since the number would count as a constant. In other threads, to which the
    rule may have given work, that is so of what depends on the operands.
    """

    __slots__ = ("_mode", "branched", "operands")

    def __init__(self, operands):
        self.operands, self.branched = operands, False

    def __enter__(self):
        self._mode = thread_mode()
        active_rules.append(self)
        set_thread_mode(self._mode | RULE)

    def __exit__(self, kind=None, error=None, traceback=None):
        set_thread_mode(self._mode)
        active_rules.remove(self)
        recording.branched = self.branched or getattr(recording, "branched", False)
