"""The gradient checker: a gradient against finite differences, with the faulty operation named.

`check_gradients` raises and `gradient_report` reports; `check_operation` tests an operation that you wrote;
`finite_differences` estimates a derivative and its error; `strategies` draws random graphs; `pytest_plugin`
brings the checker into tests.
"""

from __future__ import annotations

from .check import check_gradients, gradient_report
from .operation_check import check_operation

__all__ = ["check_gradients", "check_operation", "gradient_report"]
