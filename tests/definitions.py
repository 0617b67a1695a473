"""Each operation's definition, as its row states it, in mpmath's arithmetic: an independent reference."""

from __future__ import annotations

import mpmath as mp

from autograd_core.calculus.operations import BUILTIN, Operation, Reduction

_NAMES = {name: getattr(mp, name) for name in dir(mp) if not name.startswith("_")}
_NAMES |= {"min": min, "max": max, "map": map, "len": len}  # not mpmath's, which are of intervals


def text_of(operation: Operation) -> str:
    """The definition as it stands in the row, or the function of mpmath that has the operation's name."""
    return operation.definition or f"{operation.name}({', '.join(operation.parameters)})"


def in_mpmath(operation: Operation, index: int = 1):
    """Return a function of mpf numbers; for softmax and log_softmax, of which result."""
    code = compile(text_of(operation), operation.name, "eval")

    def of_some(*operands):
        missing = len(operation.parameters) - len(operands)
        given = [*operands, *map(mp.mpf, operation.defaults[len(operation.defaults) - missing :])]
        return eval(code, _NAMES | dict(zip(operation.parameters, given, strict=True)))

    def of_many(*operands):
        return eval(code, _NAMES | {"xs": operands, "i": index})

    return of_many if isinstance(operation, Reduction) else of_some


def all_in_mpmath():
    """Every operation that has a definition."""
    return {op.name: in_mpmath(op) for op in BUILTIN if op.name != "dot"}
