"""What the engine says of numbers and operations that it refuses."""

from __future__ import annotations

import numbers
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DivisionError, DomainError, NonFiniteError, OperationError, RangeError, RecordingError
from .flags import RECORDING, RULE

if TYPE_CHECKING:
    from ..calculus.operation import Operation
    from .value import Value

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def bounded(text: str) -> str:
    """Return a text of at most 40 characters."""
    return text if len(text) <= 40 else text[:37] + "..."


def described(operand: Value, number: float) -> str:
    """Return an operand's number, with its label where it has one."""
    label = operand.label
    return f"{bounded(label)}={number!r}" if label else repr(number)


def caller() -> tuple[str, int]:
    """Return (filename, line) of the nearest frame outside this package."""
    frame: Any = sys._getframe()
    while frame is not None and os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGE):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("<unknown>", 0)


def no_real_number(data: Any) -> TypeError:
    """Return the error for what is not a real number, or for an array; it tells what to do instead."""
    if isinstance(data, str):
        return TypeError(
            f"a number is wanted, not the text {bounded(str(data))!r}: convert it with float() first"
        )
    if data is None:
        return TypeError("a number is wanted, not None")
    if isinstance(data, numbers.Complex):
        return TypeError(
            f"a real number is wanted, not {data!r}: differentiate the real and imaginary parts separately"
        )
    if hasattr(data, "shape"):
        return TypeError(
            f"one number is wanted, not an array of shape {data.shape}: make an array of Values, "
            "[Value(number) for number in array]"
        )
    return TypeError(f"a real number is wanted, not {type(data).__name__} {bounded(repr(data))}")


def operation_error(
    rule: Operation,
    operands: Sequence[Value],
    numbers: tuple[float, ...],
    error: Exception,
    what: str,
    scope: str,
    diagnosing: bool,
) -> OperationError:
    """Return the exception of ours that tells which operation failed, on what, and where.

    Args:
        rule: the operation.
        operands: its operands.
        numbers: their numbers.
        error: what Python raised.
        what: said before Python's message.
        scope: the path of the present scope; "" for none.
        diagnosing: whether to tell the source line.
    """
    kind: type[OperationError] = DomainError
    if isinstance(error, ZeroDivisionError):
        kind = DivisionError
    elif isinstance(error, OverflowError):
        kind = RangeError
    shown = ", ".join(described(operand, number) for operand, number in zip(operands, numbers))
    place = f" in scope {scope!r}" if scope else ""
    if diagnosing:
        place += " at {}:{}".format(*caller())
    found = kind(f"{rule.name}({shown}){place}: {what}{error}", rule.name, numbers)
    found.add_note(
        f"In a branch of where() that is not taken, write it as a function: where(condition, lambda: "
        f"{rule.name}(x), 0.0); within ieee() it gives an infinity or NaN, as NumPy does."
    )
    return found


def non_finite_error(
    node: Value, operands: Sequence[Value], numbers: tuple[float, ...], what: str
) -> Exception:
    """Return the error of diagnosis mode for a node whose number or partial is not finite, as `what` says."""
    shown = ", ".join(described(operand, number) for operand, number in zip(operands[:8], numbers))
    if len(operands) > 8:
        shown += f", ... {len(operands)} operands"
    place = f" in scope {node.scope!r}" if node.scope else ""
    file, line = node.source or ("<unknown>", 0)
    return NonFiniteError(f"{node.op}({shown}){place} at {file}:{line}: {what}", node.op, numbers, node)


def reading_error(node: Value, how: str, mode: int) -> RecordingError:
    """Return the error for reading a number that would be frozen.

    Args:
        node: whose number it is.
        how: what was done to the node.
        mode: the mode of this thread.
    """
    name = bounded(node.label or node.op or "input")
    place = f" in scope {node.scope!r}" if node.scope else ""
    if mode & RULE:
        return RecordingError(
            f"node {name!r}: {how} inside the partials of a user-defined operation, which would "
            "make it a constant: write them with this package's functions (autograd_core.exp, not math.exp)"
        )
    if not mode & RECORDING:
        return RecordingError(
            f"node {name!r}{place}: {how} in another thread than the one that records it, which "
            "would freeze its number: let the recorded function start no threads"
        )
    return RecordingError(
        f"node {name!r}{place}: {how} while a Program was being recorded, which would freeze its "
        "number for every other input: use maximum, minimum, clip, where(greater(a, b), ...) or softmax, or "
        "return it from the function"
    )
