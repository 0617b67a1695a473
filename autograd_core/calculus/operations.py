"""The built-in operations: each one's calculus, and every other fact about it, once, in its row.

A row gives an operation's value and its partials, with x (or a, b, c) the operands and y the value. The same
row makes the eager number (through the C header that `codegen` writes from it), the graph of a higher-order
gradient, the replayed lane of a Program, and the formula that the stepper shows. The method of Value, the
function, the name in expressions on the command line, the operands of random graphs and the reference of the
tests come from it too; see `Operation` for the facts.

Conventions at singular points and ties (the table of the README is checked against this file):

==================================  ==========================================================
relu, leaky_relu, elu at 0          the slope of the left side: 0, `slope`, `alpha`
abs, hypot, norm, atan2 at 0        0
copysign with respect to b          0; with respect to a at 0: 0
maximum, minimum at a tie           1/2 to each; max, min of k equal numbers: 1/k to each
clip on a bound                     1 to x, 0 to the bound
where                               the branch not taken gets exactly 0; the condition 0
floor ceil rint sign, comparisons   0 everywhere
heaviside                           0 with respect to x; to `half`: 1 at 0, else 0
a ** 0 with respect to a            0, at a = 0 too
0 ** b with respect to b            0 for b > 0
sqrt, cbrt at 0                     infinity (not raised; ``diagnose()`` reports it)
xlogy at a = b = 0                  0 to b; log(0), minus infinity, to a
==================================  ==========================================================

An operation that is *selecting* chooses between its operands: where its partial is 0 it sends nothing at all
to that operand, so that 0 * inf cannot arise behind a branch that was not taken. A partial that merely
happens to be 0, as that of a square at 0, does not count: its own derivative is not 0.
"""

from __future__ import annotations

from importlib import import_module

from .operation import (
    OPERATIONS,
    Dot,
    Operation,
    Reduction,
    _operation_named,  # noqa: F401 (pickles name it here)
    formula,
)
from .rows import anywhere, apart

__all__ = ["BUILTIN", "OPERATIONS", "Dot", "Operation", "Reduction", "anywhere", "apart", "formula"]

# In this order the rows are numbered.
for _module in ("elementary", "special_operations", "activations", "selections", "reductions"):
    import_module(f"{__package__}.{_module}")

#: The built-in operations in the order of their numbers, which begin at 1.
BUILTIN = tuple(OPERATIONS.values())
