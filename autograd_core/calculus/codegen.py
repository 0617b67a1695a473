"""Write what follows from the rows of `operations.py`: C, and the methods and functions of the operations.

Each rule is called with Symbols and its formula is printed, so `operations.h` holds no calculus of its own.
``make generate`` runs this module after a change to an operation; a test fails while a file is out of date.
What it writes: `operations.h` (the calculus and the facts in C), `operations.pxi` (the names for Cython),
the table of `tape/exp.h`, the optimizers' rules in `tape/updates.h`, and a marked section in each of
`methods.py` (the methods that are not alike: it makes the others when it is imported), `value.pyi` and
`functions.py`.
"""

from __future__ import annotations

import re
import struct
import textwrap
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path

from .instructions import parts_first
from .operation import OPERATIONS, Dot, Exponentials, Operation, Reduction
from .operations import BUILTIN
from .primitives import Number
from .symbols import C_LIBRARY, Symbol
from .updates import MOST_BUFFERS, UPDATES, Update

_PACKAGE = Path(__file__).parents[1]
_HERE = "autograd_core/calculus/codegen.py"

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
"""

#: What `primitives` has and C's library has not.
_C_PRIMITIVES = {
    "ad_sign": "double ad_sign(double x) { return x != x ? x : (double)((x > 0.0) - (x < 0.0)); }",
    "ad_modulo": """\
double ad_modulo(double a, double b) { /* Python's float remainder: the sign of b */
    double r;
    if (b == 0.0) return NAN;
    r = fmod(a, b);
    if (r == 0.0) return copysign(0.0, b);
    return ((b < 0.0) != (r < 0.0)) ? r + b : r;
}""",
}

_OPERAND_NAMES = ("a", "b", "c")
_CHEAP = {"+", "-", "*", "neg", "absolute", "select", "sign", "floor", "ceil"}
_CHEAP |= {"greater", "greater_equal", "less", "less_equal", "equal"}


# --- the rules in C -------------------------------------------------------------------------------------


def in_c(result: object) -> str:
    """A formula or a number in C."""
    return (result if isinstance(result, Symbol) else Symbol(float(result))).c()  # type: ignore[arg-type]


def _function(name: str, parameters: Iterable[str], body: Number) -> str:
    declared = list(parameters)
    unused = "".join(f"(void){parameter}; " for parameter in declared)
    arguments = ", ".join(f"double {parameter}" for parameter in declared)
    return f"double {name}({arguments}) {{ {unused}return {in_c(body)}; }}"


def _value(operation: Operation) -> str:
    names = _OPERAND_NAMES[: operation.arity]
    return _function(f"v_{operation.name}", names, operation.rule(*map(Symbol, names)))


def _elementwise(operation: Operation) -> Iterator[str]:
    yield _value(operation)
    names = _OPERAND_NAMES[: operation.arity]
    for k, rule in enumerate(operation.partial_rules):
        yield _function(f"d{k}_{operation.name}", (*names, "y"), rule(*map(Symbol, (*names, "y"))))


def _reduction(operation: Reduction) -> Iterator[str]:
    for part, names, formula in operation.formulas():
        yield _function(f"{'part' if part == 'partial' else part}_{operation.name}", names, formula)


def c_helpers(text: str, known: Iterable[str] = ()) -> list[str]:
    """Return the C functions that a text printed from Symbols calls, callees first.

    Args:
        text: C.
        known: names of functions that are defined already.
    """
    found = dict.fromkeys(known, "")

    def look(text: str) -> None:
        for name in re.findall(r"\b((?:ad|v)_\w+)\(", text):
            if name not in found:
                definition = _C_PRIMITIVES.get(name) or _value(OPERATIONS[name[2:]])
                look(definition.partition("{")[2])
                found[name] = definition

    look(text)
    return [definition for definition in found.values() if definition]


_COSTLY = C_LIBRARY - {"exp", "sqrt", "floor", "ceil", "rint", "copysign"} | {"power", "modulo"}


def _by_exp(formula: Number) -> tuple[Symbol, Symbol] | None:
    """Split a formula at its only exponential: what that is of, and the formula with ``e`` in its place.

    Operations within it are written out. None where there is no exponential, another one, or another function
    that takes long: there a loop gains nothing by computing many exponentials at once.
    """
    if not isinstance(formula, Symbol):
        return None
    arguments: dict[str, Symbol] = {}
    done: dict[int, Symbol] = {}
    waiting = [formula]
    while waiting:
        symbol = waiting[-1]
        left = [argument for argument in symbol.arguments if id(argument) not in done]
        if left:
            waiting += left
            continue
        waiting.pop()
        parts = [done[id(argument)] for argument in symbol.arguments]
        inner = OPERATIONS[str(symbol.head)].rule(*parts) if parts and symbol.head in OPERATIONS else symbol
        if inner.head != symbol.head:
            split = _by_exp(inner)
            if split is None:
                return None
            arguments[split[0].c()], done[id(symbol)] = split
            continue
        if symbol.head in _COSTLY:
            return None
        if symbol.head == "exp":
            arguments[parts[0].c()] = parts[0]
            done[id(symbol)] = Symbol("e")
        else:
            done[id(symbol)] = Symbol(symbol.head, *parts)
    if len(arguments) != 1:
        return None
    return next(iter(arguments.values())), done[id(formula)]


def _exponential_loops() -> Iterator[str]:
    """Write the values and slopes that are made of one exponential in two halves, and list them."""
    listed: dict[str, list[str]] = {"VALUES": [], "SLOPES": []}
    for op in _with_c_text(1):
        a, y = Symbol("a"), Symbol("y")
        formulas = {"v": op.rule(a), "d0": op.partial_rules[0](a, y)}
        for prefix, kind in (("v", "VALUES"), ("d0", "SLOPES")):
            split = _by_exp(formulas[prefix]) if op.name != "exp" and not op.selecting else None
            if split is not None:
                name = f"{prefix}_{op.name}"
                yield f"AD_INLINE {_function(f'{name}_inner', ('a',), split[0])}"
                yield f"AD_INLINE {_function(f'{name}_outer', ('a', 'e'), split[1])}"
                listed[kind].append(f"X(OP_{op.name.upper()}, {name})")
    yield "/* What is made of one exponential: outer(a, exp(inner(a))). */"
    for kind, items in listed.items():
        yield f"#define AD_{kind}_BY_EXP(X) {' '.join(items)}"


def _with_c_text(arity: int) -> list[Operation]:
    return [op for op in BUILTIN if op.native and op.arity == arity]


_REDUCE = r"""#define AD_FOLD(OP, name) case OP: \
        *m = pre0_##name; *s = 0.0; \
        for (j = 0; j < n; j++) *m = pre_##name(*m, x[j]); \
        for (j = 0; j < n; j++) *s = step_##name(*s, x[j], *m); \
        return;
AD_INLINE void ad_fold(int op, long n, const double *x, double *m, double *s) {
    long j;
    switch (op) { AD_FOLDS(AD_FOLD) AD_EXPONENTIALS(AD_FOLD) default: *m = *s = NAN; }
}
#define AD_FINISH(OP, name) case OP: return finish_##name(m, s, n, x);
AD_INLINE double ad_finish(int op, double m, double s, double n, double x) {
    switch (op) { AD_FOLDS(AD_FINISH) AD_EXPONENTIALS(AD_FINISH) default: return NAN; }
}
#define AD_PART(OP, name) case OP: \
        for (j = 0; j < n; j++) d[j] = part_##name(x[j], m, s, y, (double)n, (double)(j == index)); \
        return;
#define AD_PART_BY_EXP(OP, name) case OP: \
        for (j = 0; j < n; j++) d[j] = step_##name(0.0, x[j], m) / s; \
        for (j = 0; j < n; j++) if (j != index && ad_indexed(OP)) others = others + d[j]; \
        for (j = 0; j < n; j++) d[j] = part_##name(d[j], y, (double)(j == index), others); \
        return;
AD_INLINE void ad_parts(int op, long n, const double *x, double m, double s, double y,
                        long index, double *d) {
    double others = 0.0; long j;
    switch (op) { AD_FOLDS(AD_PART) AD_EXPONENTIALS(AD_PART_BY_EXP) default: return; }
}"""


def _listed(name: str, operations: Iterable[Operation]) -> str:
    """Write a macro that applies another one to the number and the name of some operations."""
    items = _filled((f"X(OP_{op.name.upper()}, {op.name})" for op in operations), " ")
    return " \\\n    ".join([f"#define AD_{name}(X)", *items])


def _filled(items: Iterable[str], between: str = ", ") -> list[str]:
    """Write items one behind the other, in lines of the usual width."""
    text = between.join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(text, 104)]


def _dispatch(arity: int) -> Iterator[str]:
    """Write the switch over the operations of one arity: the value, and all partials at once.

    `ad_partials` returns 0 for an operation without C text.
    """
    names = _OPERAND_NAMES[:arity]
    doubles, passed = ", ".join(f"double {name}" for name in names), ", ".join(names)
    partials = " ".join(f"d[{k}] = d{k}_##name({passed}, y);" for k in range(arity))
    yield _listed(f"OF_{arity}", _with_c_text(arity))
    yield f"#define AD_VALUE_{arity}(OP, name) case OP: return v_##name({passed});"
    yield f"AD_INLINE double ad_value{arity}(int op, {doubles}) {{"
    yield f"    switch (op) {{ AD_OF_{arity}(AD_VALUE_{arity}) default: return NAN; }}\n}}"
    yield f"#define AD_PARTIALS_{arity}(OP, name) case OP: {partials} return 1;"
    yield f"AD_INLINE int ad_partials{arity}(int op, {doubles}, double y, double *d) {{"
    yield f"    switch (op) {{ AD_OF_{arity}(AD_PARTIALS_{arity}) default: return 0; }}\n}}"


def _reduce() -> Iterator[str]:
    """Write the folds, the value and the partials of a reduction over n operands."""
    reductions = [op for op in BUILTIN if isinstance(op, Reduction)]
    yield _listed("FOLDS", (op for op in reductions if not isinstance(op, Exponentials)))
    yield _listed("EXPONENTIALS", (op for op in reductions if isinstance(op, Exponentials)))
    yield _REDUCE


# --- the facts in C -------------------------------------------------------------------------------------


def _is_cheap(operation: Operation) -> bool:
    """Whether the value takes a few instructions: no call, no division."""
    if not operation.native or not operation.arity:
        return False
    waiting = [operation.rule(*map(Symbol, _OPERAND_NAMES[: operation.arity]))]
    while waiting:
        formula = waiting.pop()
        if isinstance(formula, Symbol) and formula.arguments:
            if formula.head not in _CHEAP:
                return False
            waiting.extend(formula.arguments)
    return True


_FACTS: dict[str, Callable[[Operation], bool]] = {
    "selecting": lambda op: op.selecting,
    "raises": lambda op: op.raises,
    "reduces": lambda op: isinstance(op, Reduction),
    "called": lambda op: not op.native,
    "sends_nothing": lambda op: op.sends_nothing,
    "cheap": _is_cheap,
    "indexed": lambda op: isinstance(op, Reduction) and op.indexed,
    "exponentials": lambda op: isinstance(op, Exponentials),
}


def _facts() -> Iterator[str]:
    yield "/* A bit for each fact, and 256 times how many operands (0 for any number, and for a user's own)."
    yield "   selecting: its partial of 0 sends nothing at all; raises: Python raises for some operands;"
    yield "   reduces: folds any number of operands; called: it has no C text, Python computes it;"
    yield "   sends_nothing: all its partials are such zeros; cheap: no call and no division;"
    yield "   indexed: one output of many; exponentials: its partials are made of exp(x - m) / s. */"
    rows = {
        op.name: sum(1 << k for k, holds in enumerate(_FACTS.values()) if holds(op)) + 256 * (op.arity or 0)
        for op in BUILTIN
    }
    rows["custom"] = sum(1 << k for k, name in enumerate(_FACTS) if name in ("raises", "called"))
    filled = _filled(f"[OP_{name.upper()}] = {bits}" for name, bits in rows.items() if bits)
    yield "\n    ".join(["static const unsigned short ad_facts[256] = {", *filled]) + "\n};"
    yield "AD_INLINE int ad_arity(int op) { return ad_facts[op] >> 8; }"
    for k, name in enumerate(_FACTS):
        yield f"AD_INLINE int ad_{name}(int op) {{ return (ad_facts[op] >> {k}) & 1; }}"


def header_text() -> str:
    """Return the text that `operations.h` must have."""
    names = [*enumerate(("leaf", *(op.name for op in BUILTIN), "end")), (255, "custom")]
    filled = _filled(f"OP_{name.upper()} = {number}" for number, name in names)
    lines = [_PREAMBLE, "\n    ".join(["enum {", *filled]) + "\n};\n"]
    lines += [*_facts(), ""]
    defined: list[str] = []
    for op in BUILTIN:
        if isinstance(op, Dot) or not op.native:
            continue
        if isinstance(op, Reduction):
            lines.append(f"#define pre0_{op.name} {in_c(op.pre0)}")
        functions = list(_reduction(op) if isinstance(op, Reduction) else _elementwise(op))
        bodies = "".join(function.partition("{")[2] for function in functions)
        for function in (*c_helpers(bodies, defined), *functions):
            name = function.partition("(")[0].split()[-1]
            if name not in defined:
                lines.append(f"AD_INLINE {function}")
                defined.append(name)
    for arity in (1, 2, 3):
        lines += _dispatch(arity)
    lines += [*_exponential_loops(), *_reduce(), "\n#endif", ""]
    return "\n".join(lines)


def _cython_text() -> str:
    """Return the text that `operations.pxi` must have: the numbers of the operations, for value.pxd."""
    names = _filled(["OP_LEAF", "OP_CUSTOM", *(f"OP_{op.name.upper()}" for op in BUILTIN)])
    head = f'# Written by {_HERE}.\ncdef extern from "operations.h" nogil:\n    enum:'
    return "\n        ".join([head, *(line.rstrip(",") for line in names)]) + "\n"


# --- the methods and the functions ----------------------------------------------------------------------


def _signature(operation: Operation, typed: bool) -> str:
    """The parameters of a method: the first operand is self."""
    given = dict(zip(reversed(operation.parameters), reversed(operation.defaults), strict=False))
    kind = ": _Real" if typed else ""
    equals = " = " if typed else "="
    others = [f"{name}{kind}{equals}{given[name]!r}" if name in given else f"{name}{kind}"
              for name in operation.parameters[1:]]  # fmt: skip
    return ", ".join(["self", *others])


def _method_lines() -> Iterator[str]:
    """The methods that are not all alike: the module makes the others of the table."""
    for op in BUILTIN:
        if op.has_method and not op.has_plain_method:
            operands = ", ".join(["self", *(f"as_value({name})" for name in op.parameters[1:])])
            make = "make_binary({}, {})" if op.arity == 2 else "make_many({}, [{}], 0)"
            signature = _signature(op, typed=False).replace("self", "self: Value", 1)
            yield f'\n@method\ndef {op.name}({signature}):\n    """{op.summary}"""'
            yield f"    return {make.format(f'OP_{op.name.upper()}', operands)}\n"


def _stub_lines() -> Iterator[str]:
    for op in BUILTIN:
        for name in (op.name, *op.aliases) if op.has_method else ():
            yield f"    def {name}({_signature(op, typed=True)}) -> Value: ..."


def _function_lines(written: str) -> Iterator[str]:
    """The operations whose function does nothing but apply them: those not defined elsewhere in the file."""
    names = [op.name for op in BUILTIN if op.summary and f"\ndef {op.name}(" not in written]
    names.sort(key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])
    listed = "\n    ".join(["__all__ += [", *_filled(f'"{name}"' for name in names)])
    yield f"{listed},\n]  # fmt: skip\n"
    yield from (f'{name} = _function("{name}", "{{}}", "{{}}")'.format(*_example(name)) for name in names)


def _example(name: str) -> tuple[str, str]:
    """Operands where an operation is ordinary, and its value and gradients there, to four digits."""
    op = OPERATIONS[name]
    points = [point[: op.arity] for point in ([0.5, 2.0, 3.0], [2.0, 0.5, 3.0], [1.0, 0.5, 3.0])]
    ordinary = op.ordinary or (lambda first, *_: first == 1.0)
    operands = next(point for point in points if ordinary(*point))
    y = op.value(*operands)
    found = (y, *op.partials(operands, y))
    return " ".join(map(repr, operands)), " ".join(f"{float(number):.4g}" for number in found)


def _section(path: Path, lines: Iterable[str]) -> str:
    """Return a file's text with its marked section written anew."""
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"(?s)([ ]*)# --- written by {_HERE} ---\n.*?\1# --- end ---\n", text)
    if found is None:
        raise ValueError(f"{path} has no section marked '# --- written by {_HERE} ---'")
    indent = found[1]
    body = "\n".join(lines)
    blank = "" if path.suffix == ".pyi" else "\n"  # as ruff formats them
    section = f"{indent}# --- written by {_HERE} ---\n{blank}{body}\n{blank}{indent}# --- end ---\n"
    return text[: found.start()] + section + text[found.end() :]


# --- the table of exp, and all files --------------------------------------------------------------------

_TABLE_PREAMBLE = f"/* Written by {_HERE}: 2^(k/128); see exp_table_text there. */"


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


# --- the optimizers' rules -------------------------------------------------------------------------------


_UPDATES_PREAMBLE = r"""
/* x: parameters, g: gradient, b: buffers, s: settings, k: which update; y and c: what x and b become. */
#define UPDATE(name) \
    CLONES static void update_##name( \
        const double *s, double rate, double k, long n, const double *restrict x, const double *restrict g, \
        const double *const *b, double *restrict y, double *const *c)
#define BUFFER(name, j) const double *restrict b_##name = b[j]; double *restrict c_##name = c[j]"""


def updates_text() -> str:
    """Return the text that `tape/updates.h` must have: each rule of `updates` as a loop over parameters."""
    rows = [
        f'    {{"{name}", {len(update.buffers)}, {len(update.settings)}, update_{name}}},'
        for name, update in UPDATES.items()
    ]
    lines = [
        f"/* Written by {_HERE} from updates.py: change that file, not this one. */",
        f"enum {{ BUFFERS = {MOST_BUFFERS} }};",
        _UPDATES_PREAMBLE,
        *(line for update in UPDATES.values() for line in _update_lines(update)),
        "typedef struct {",
        "    const char *name;",
        "    int buffers, settings;",
        "    void (*apply)(const double *s, double rate, double k, long n, const double *x, const double *g,",
        "                  const double *const *b, double *y, double *const *c);",
        "} Update;",
        "static const Update updates[] = {",
        *rows,
        "};",
        "",
    ]
    return "\n".join(lines)


def _update_lines(update: Update) -> Iterator[str]:
    rate, k, x, g = (Symbol(name) for name in ("rate", "k", "x_i", "g_i"))
    settings = [Symbol(name) for name in update.settings]
    buffers = [Symbol(f"b_{name}[i]") for name in update.buffers]
    numbers = update.ready(rate, k, *settings)
    names = [Symbol(f"n{j}") if number.arguments else number for j, number in enumerate(numbers)]
    result, kept = update.step(x, g, buffers, settings, names)
    yield f"UPDATE({update.name}) {{"
    local = [f"{name} = s[{j}]" for j, name in enumerate(update.settings)]
    local += [f"n{j} = {number.c()}" for j, number in enumerate(numbers) if number.arguments]
    if local:
        yield f"    double {', '.join(local)};"
    if update.buffers:
        yield "   " + "".join(f" BUFFER({name}, {j});" for j, name in enumerate(update.buffers))
    yield "   " + "".join(f" (void){name};" for name in ("s", "k", "rate", "b", "c", *update.settings))
    yield "    for (long i = 0; i < n; i++) {\n        double x_i = x[i], g_i = g[i];"
    shared, formulas = _named_parts([*kept, result])
    yield from (f"        double {name} = {formula};" for name, formula in shared)
    for name, formula in zip([*(f"c_{name}" for name in update.buffers), "y"], formulas, strict=True):
        yield f"        {name}[i] = {formula};"
    yield "    }\n}"


def _named_parts(results: list[Symbol]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the parts that formulas use more than once, each with a name, and the formulas in C."""
    order = parts_first(Symbol("all", *results))
    uses: dict[int, int] = {}
    for symbol in order:
        for argument in symbol.arguments:
            uses[id(argument)] = uses.get(id(argument), 0) + 1
    shared: list[tuple[str, str]] = []
    written: dict[int, Symbol] = {}
    for symbol in order[:-1]:
        text = Symbol(symbol.head, *(written[id(argument)] for argument in symbol.arguments))
        if symbol.arguments and uses[id(symbol)] > 1:
            shared.append((f"t{len(shared)}", text.c()))
            text = Symbol(shared[-1][0])
        written[id(symbol)] = text
    return shared, [written[id(result)].c() for result in results]


def files() -> dict[Path, str]:
    """Return the text that each written file must have."""
    calculus, engine = _PACKAGE / "calculus", _PACKAGE / "engine"
    texts = {
        calculus / "operations.h": header_text(),
        calculus / "operations.pxi": _cython_text(),
        _PACKAGE / "programs" / "tape" / "exp_table.h": exp_table_text(),
        _PACKAGE / "programs" / "tape" / "updates.h": updates_text(),
    }
    functions = _PACKAGE / "functions.py"
    for path, lines in (
        (engine / "methods.py", _method_lines()),
        (engine / "value.pyi", _stub_lines()),
        (functions, _function_lines(functions.read_text(encoding="utf-8"))),
    ):
        texts[path] = _section(path, lines)
    return texts


def main() -> None:
    """Write the files that are out of date."""
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(_PACKAGE.parent)}")
