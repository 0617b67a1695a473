"""The exceptions of the engine.

Every exception of this package is an :class:`AutogradError`, and also the builtin that a user would catch for
it::

    AutogradError
    ├── DomainError           (ValueError)         log(-1), sqrt(-1), (-8.0) ** (1/3)
    ├── DivisionError         (ZeroDivisionError)  1 / 0, 0 ** -1
    ├── RangeError            (OverflowError)      exp(1000)
    ├── NonFiniteError        (ArithmeticError)    found by diagnose()
    ├── GraphError            (RuntimeError)       backward() of something that has no gradient
    ├── RecordingError        (RuntimeError)       a number was read while a Program was being recorded
    ├── ConversionError       (TypeError)          float(x) of what is being differentiated
    └── GradientCheckError    (AssertionError)     a gradient and its finite difference disagree
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AutogradError",
    "ConversionError",
    "DivisionError",
    "DomainError",
    "GradientCheckError",
    "GraphError",
    "NonFiniteError",
    "OperationError",
    "RangeError",
    "RecordingError",
]


class AutogradError(Exception):
    """The root of the package's exceptions."""


class OperationError(AutogradError):
    """An operation failed on its operands.

    Attributes:
        operation: the operation's name, e.g. ``"log"``.
        operands: the operands' numbers, as floats.
        node: the node concerned where there is one (a `NonFiniteError`), else None.
    """

    def __init__(self, message: str, operation: str = "", operands: tuple[float, ...] = (), node: Any = None):
        super().__init__(message)
        self.operation = operation
        self.operands = operands
        self.node = node


class DomainError(OperationError, ValueError):
    """The operands lie outside the operation's real domain."""


class DivisionError(OperationError, ZeroDivisionError):
    """A division, remainder or negative power of zero."""


class RangeError(OperationError, OverflowError):
    """The result is too large for a float."""


class NonFiniteError(OperationError, ArithmeticError):
    """In diagnosis mode: a node's value or partial is infinite or not a number."""


class GraphError(AutogradError, RuntimeError):
    """The graph cannot do what was asked of it."""


class RecordingError(AutogradError, RuntimeError):
    """A number was read from a node while a Program was being recorded, which would freeze it."""


class ConversionError(AutogradError, TypeError):
    """What depends on inputs being differentiated was made a plain number, which would drop its gradient."""


class GradientCheckError(AutogradError, AssertionError):
    """A gradient does not agree with its finite difference."""
