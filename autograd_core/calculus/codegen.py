"""Write `operations.h`, the C form of the calculus in `operations.py`, and the table of `tape/exp.h`.

Each rule is called with Symbols and its formula is printed, so the header holds no calculus of its own. Run
``python -m autograd_core.calculus.codegen`` after a change to an operation; a test fails while the header is
out of date.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path

from .operations import OPERATIONS, Dot, Operation, Reduction
from .primitives import Number
from .symbols import Symbol

__all__ = ["EXP_TABLE", "HEADER", "exp_table_text", "header_text"]

HEADER = Path(__file__).with_name("operations.h")
EXP_TABLE = Path(__file__).parents[1] / "programs" / "tape" / "exp_table.h"

_TABLE_PREAMBLE = "/* Written by autograd_core/calculus/codegen.py: 2^(k/128); see exp_table_text there. */"

_PREAMBLE = """\
/* Written by codegen.py from operations.py: change that file, not this one. */
#ifndef AUTOGRAD_OPERATIONS_H
#define AUTOGRAD_OPERATIONS_H

#include <math.h>

#if defined(__GNUC__)
#define AD_INLINE static inline __attribute__((unused))
#else
#define AD_INLINE static inline
#endif

AD_INLINE double ad_sign(double x) { return x != x ? x : (double)((x > 0.0) - (x < 0.0)); }

/* Python's float remainder: the sign of b. */
AD_INLINE double ad_modulo(double a, double b) {
    double r;
    if (b == 0.0) return NAN;
    r = fmod(a, b);
    if (r == 0.0) return copysign(0.0, b);
    return ((b < 0.0) != (r < 0.0)) ? r + b : r;
}
"""

_OPERAND_NAMES = ("a", "b", "c")


def _c(result: Number) -> str:
    return result.c() if isinstance(result, Symbol) else Symbol(float(result)).c()


def _function(name: str, parameters: Iterable[str], body: Number) -> str:
    declared = list(parameters)
    unused = "".join(f"(void){parameter}; " for parameter in declared)
    arguments = ", ".join(f"double {parameter}" for parameter in declared)
    return f"AD_INLINE double {name}({arguments}) {{ {unused}return {_c(body)}; }}"


def _elementwise(operation: Operation) -> Iterator[str]:
    names = _OPERAND_NAMES[: operation.arity]
    operands = [Symbol(name) for name in names]
    yield _function(f"v_{operation.name}", names, operation.rule(*operands))
    for k, rule in enumerate(operation.partial_rules):
        yield _function(f"d{k}_{operation.name}", (*names, "y"), rule(*operands, Symbol("y")))


def _reduction(operation: Reduction) -> Iterator[str]:
    name = operation.name
    m, x, s, n, y, same = (Symbol(letter) for letter in ("m", "x", "s", "n", "y", "same"))
    yield _function(f"pre_{name}", ("m", "x"), operation.pre(m, x))
    yield _function(f"step_{name}", ("s", "x", "m"), operation.step(s, x, m))
    yield _function(f"finish_{name}", ("m", "s", "n", "x"), operation.finish(m, s, n, x))
    yield _function(f"part_{name}", ("x", "m", "s", "y", "n", "same"), operation.partial(x, m, s, y, n, same))
    yield f"#define pre0_{name} {_c(operation.pre0)}"


def _native(arity: int) -> list[Operation]:
    return [op for op in OPERATIONS.values() if op.native and op.identifier and op.arity == arity]


def _reductions() -> list[Reduction]:
    return [op for op in OPERATIONS.values() if isinstance(op, Reduction)]


def _dispatch(arity: int) -> Iterator[str]:
    """Write the switch over the operations of one arity: the value, and all partials at once."""
    names = _OPERAND_NAMES[:arity]
    doubles, passed = ", ".join(f"double {name}" for name in names), ", ".join(names)
    yield f"AD_INLINE double ad_value{arity}(int op, {doubles}) {{"
    yield "    switch (op) {"
    for op in _native(arity):
        yield f"    case OP_{op.name.upper()}: return v_{op.name}({passed});"
    yield "    default: return NAN;\n    }\n}"
    yield f"AD_INLINE void ad_partials{arity}(int op, {doubles}, double y, double *d) {{"
    yield "    switch (op) {"
    for op in _native(arity):
        parts = " ".join(f"d[{k}] = d{k}_{op.name}({passed}, y);" for k in range(arity))
        yield f"    case OP_{op.name.upper()}: {parts} return;"
    yield "    default: return;\n    }\n}"


def _reduce() -> Iterator[str]:
    """Write the two folds and the partials of a reduction over n operands."""
    yield "AD_INLINE double ad_reduce(int op, long n, const double *x, long index, double *d) {"
    yield "    double m, s = 0.0, y = NAN; long j;"
    yield "    switch (op) {"
    for op in _reductions():
        name = op.name
        yield f"    case OP_{name.upper()}:"
        yield f"        m = pre0_{name};"
        yield f"        for (j = 0; j < n; j++) m = pre_{name}(m, x[j]);"
        yield f"        for (j = 0; j < n; j++) s = step_{name}(s, x[j], m);"
        yield f"        y = finish_{name}(m, s, (double)n, x[index]);"
        yield "        for (j = 0; j < n; j++)"
        yield f"            d[j] = part_{name}(x[j], m, s, y, (double)n, (double)(j == index));"
        yield "        return y;"
    yield "    default: return y;\n    }\n}"


def _lines() -> Iterator[str]:
    yield _PREAMBLE
    yield "enum {"
    yield "    OP_LEAF = 0,"
    for op in _builtin():
        yield f"    OP_{op.name.upper()} = {op.identifier},"
    yield "    OP_CUSTOM = 255\n};\n"
    ordered = sorted(_builtin(), key=lambda op: op.name != "sigmoid")  # other rules call it
    for op in ordered:
        if isinstance(op, Reduction):
            yield from _reduction(op)
        elif op.native and not isinstance(op, Dot):
            yield from _elementwise(op)
    for arity in (1, 2, 3):
        yield from _dispatch(arity)
    yield from _reduce()
    yield "AD_INLINE int ad_selecting(int op) {\n    switch (op) {"
    for op in _builtin():
        if op.selecting:
            yield f"    case OP_{op.name.upper()}:"
    yield "        return 1;\n    default: return 0;\n    }\n}"
    yield "\n#endif"


def _builtin() -> list[Operation]:
    return [op for op in OPERATIONS.values() if op.identifier]


def header_text() -> str:
    """Return the text that `operations.h` must have."""
    return "\n".join(_lines()) + "\n"


def exp_table_text() -> str:
    """Return the text that `tape/exp_table.h` must have: 2^(k/128) for k = 0 ... 127, in two numbers each.

    2^(k/128) = H (1 + T), H the nearest double. What stands there are the bits of T, and those of H less
    k 2^45, so that adding the bits of a whole n, times 2^45, makes H 2^((n - k)/128).
    """
    rows = []
    with localcontext() as context:
        context.prec = 60
        for k in range(128):
            exact = Decimal(2) ** (Decimal(k) / 128)
            near = float(exact)
            rest = float(exact / Decimal(near) - 1)
            rows.append(f"    0x{_bits(rest):016x}, 0x{_bits(near) - (k << 45):016x},")
    return "\n".join([_TABLE_PREAMBLE, "static const uint64_t exp_table[256] = {", *rows, "};", ""])


def _bits(number: float) -> int:
    return int.from_bytes(struct.pack(">d", number), "big")


if __name__ == "__main__":
    HEADER.write_text(header_text(), encoding="utf-8")
    EXP_TABLE.write_text(exp_table_text(), encoding="utf-8")
