"""What the compiled module offers, for editors and type checkers."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, final

from .value import Value

_P = ParamSpec("_P")
_T = TypeVar("_T")

COMPILED: bool

class _Mode:
    def __enter__(self) -> _Mode: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...
    def __call__(self, function: Callable[_P, _T]) -> Callable[_P, _T]:
        """Use the mode as a decorator: in force whenever the function's code runs."""

def no_grad() -> _Mode:
    """Within this context operations return plain constants: no graph is built."""

def ieee() -> _Mode:
    """Within this context operations give infinities and NaN where floats raise."""

def enable_grad() -> _Mode:
    """Within this context graphs are built, inside `no_grad` too."""

def diagnose() -> _Mode:
    """Within this context new nodes keep the source line that made them, and the first non-finite one raises.

    Raises:
        NonFiniteError: naming the operation, operands, labels, scope and source line.
    """

class rule_mode:
    """Within this context a user-defined operation's partials are evaluated on Values, the operands."""

    def __init__(self, operands: list[Value]) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

@final
class scope:
    """Within this context new nodes carry `name` in their scope; scopes nest: ``"layer1.neuron0"``.

    Args:
        name: any text that is not empty.
    """

    def __init__(self, name: str) -> None: ...
    def __enter__(self) -> scope: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

def activated_dots(units: list[Any], inputs: Sequence[Any]) -> list[Any]:
    """Return activation(dot(weights, inputs, bias)) of each unit, made within its scope: a layer."""

class preserved:
    """Within this context, whatever interrupts it, this thread's modes and scopes end as they began."""

    def __enter__(self) -> preserved: ...
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

def scope_id(path: str) -> int:
    """Return the number under which nodes carry a scope's path."""

def begin_recording(inputs: list[Value]) -> None:
    """Start to record in this thread: comparisons become guards, reading a number raises RecordingError."""

def clear_recorded(nodes: list[Value]) -> None:
    """These nodes are no longer those of a recording: their numbers may be read."""

def end_recording() -> tuple[list[tuple[Value, str, Any, bool]], list[BaseException]]:
    """Stop recording; return the guards, (left, relation, right, outcome), and what operations raised."""

def is_recording() -> bool:
    """Tell whether a Program is being recorded in this thread."""
