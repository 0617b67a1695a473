# cython: language_level=3, binding=True, always_allow_keywords=True
"""Context managers: no_grad, enable_grad, diagnose, scope; and what Programs use to record."""

import functools
import threading

import cython

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.value import *
else:
    from .flags import *
    from .value import *

from ..errors import RecordingError
from .value import active_recordings, recording, scope_numbers, scope_paths

COMPILED = cython.compiled

_RUNS_LATER = 0x20 | 0x80 | 0x200  # inspect.CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_scopes_lock = threading.Lock()
_scope_children = [{}]  # for each scope, the scopes inside it by name


class _Mode:
    """A context manager that sets and clears mode bits of this thread."""

    __slots__ = ("_bits", "_saved")

    def __init__(self, bits):
        self._bits = bits
        self._saved = []

    def __enter__(self):
        mode: cython.int = thread_mode()
        if mode & RECORDING and self._bits == NO_GRAD:
            raise RecordingError(
                "no_grad() while a Program is being recorded would freeze numbers: use stop_gradient()"
            )
        self._saved.append(mode)
        set_thread_mode(mode | self._bits)
        return self

    def __exit__(self, *exception):
        set_thread_mode(self._saved.pop())

    def __call__(self, function):
        """Use the mode as a decorator.

        Raises:
            TypeError: the function is a generator or a coroutine: its body runs after the call has returned,
                outside of the mode.
        """
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & _RUNS_LATER:
            raise TypeError(
                f"{function.__name__} is a generator or a coroutine, whose body runs after the call has "
                "returned: use the mode in a with statement inside it, around what does not yield or await"
            )

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with _Mode(self._bits):
                return function(*args, **kwargs)

        return wrapper


def no_grad():
    """Within this context operations return plain constants: no graph is built.

    >>> from autograd_core import Value
    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.is_constant
    True
    """
    return _Mode(NO_GRAD)


class _WithoutMode(_Mode):
    """A context manager that clears mode bits of this thread."""

    def __enter__(self):
        mode: cython.int = thread_mode()
        self._saved.append(mode)
        set_thread_mode(mode & ~cython.cast(cython.int, self._bits))
        return self


def ieee():
    """Within this context operations give infinities and NaN where floats raise, as stored partials do.

    A rule that is differentiated builds both branches of its selections; the one not taken may be singular.
    """
    return _Mode(IEEE)


def enable_grad():
    """Within this context graphs are built, inside `no_grad` too."""
    return _WithoutMode(NO_GRAD)


def diagnose():
    """Within this context every new node keeps the source line that made it, the first non-finite value or
    partial raises, and so does `backward` of a graph in which ``data`` was assigned since it was made.

    Raises:
        NonFiniteError: naming the operation, operands, labels, scope and source line.
        GraphError: naming the first node whose number is out of date.
    """
    return _Mode(DIAGNOSE)


@cython.final
@cython.cclass
class scope:
    """Within this context new nodes carry `name` in their scope; scopes nest: ``"layer1.neuron0"``.

    Args:
        name: any text that is not empty.
    """

    _name: object

    def __init__(self, name):
        if not isinstance(name, str) or not name:
            raise TypeError(f"a scope's name is text that is not empty, not {name!r}")
        self._name = name

    def __enter__(self):
        enter_scope(_inner_scope(self._name))
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        leave_scope()

    def call(self, function, *operands):
        """Return what the function returns for the operands, called within this scope.

        The same as a ``with`` statement around the call, at a fifth of its cost.
        """
        enter_scope(_inner_scope(self._name))
        try:
            return function(*operands)
        finally:
            leave_scope()


class preserved:
    """Within this context, whatever interrupts it, this thread's modes and scopes end as they began.

    A ``with no_grad()`` that Ctrl-C hits between entering and the body would otherwise stay in force.
    """

    __slots__ = ("_depth", "_mode")

    def __enter__(self):
        self._mode = thread_mode()
        self._depth = open_scopes()
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        set_thread_mode(self._mode)
        while open_scopes() > self._depth:
            leave_scope()


@cython.cfunc
def _inner_scope(name) -> cython.uint:
    """Return the number of the scope called `name` inside the present one."""
    outer: cython.uint = thread_scope()
    inner = cython.cast(dict, _scope_children[outer]).get(name)
    if inner is None:
        inner = scope_id(f"{scope_paths[outer]}.{name}" if outer else name)
        _scope_children[outer][name] = inner
    return inner


def scope_id(path):
    """Return the number under which nodes carry a scope's path."""
    found = scope_numbers.get(path)
    if found is None:
        with _scopes_lock:  # two threads must not give one number to two paths
            found = scope_numbers.get(path)
            if found is None:
                found = len(scope_paths)
                _scope_children.append({})
                scope_paths.append(path)
                scope_numbers[path] = found
    return found


# --- recording (the hooks that Programs use) ------------------------------------------------------------


def begin_recording(inputs: list):
    """Start to record in this thread: comparisons become guards, reading a number raises RecordingError.

    Args:
        inputs: the leaves that stand for the arguments. No other thread may read them, or what is made of
            them.
    """
    node: Value
    if thread_mode() & RECORDING:
        raise RecordingError("a Program is being recorded already in this thread")
    recording.guards, recording.raised = [], []
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
    recording.guards, recording.raised = [], []
    return guards, raised


def clear_recorded(nodes: list):
    """These nodes are no longer those of a recording: their numbers may be read."""
    node: Value
    for node in nodes:
        node._flags &= ~RECORDED


def is_recording():
    """Tell whether a Program is being recorded in this thread."""
    return (thread_mode() & RECORDING) != 0


def rule_mode():
    """Return the context in which a user-defined operation's partials are evaluated on Values.

    Reading a number in it raises, since the number would count as a constant.
    """
    return _Mode(RULE)
