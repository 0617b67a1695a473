"""The gradient checker: a gradient against finite differences, with the faulty operation named.

`check` compares and reports; `finite_differences` estimates a derivative and its error; `strategies` draws
random graphs; `pytest_plugin` brings the checker into tests.
"""

from __future__ import annotations

from .check import check_gradients, gradient_report

__all__ = ["check_gradients", "gradient_report"]
