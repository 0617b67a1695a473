"""The calculus of `operations.py` as an ES module, for pages that compute without Python.

Each rule is called with Symbols and its formula is printed, as `codegen.py` does for C. The text is made when
it is asked for, so it cannot be out of date. A page computes with the functions of its own `Math`: within a
few units in the last place of the C library, and with the same conventions at kinks and ties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .operation import Dot, Exponentials, Operation, Reduction
from .operations import BUILTIN, OPERATIONS
from .primitives import Number
from .symbols import C_LIBRARY, Language, Symbol

_NAMES = ("a", "b", "c")
_HELPERS = {"power": "pow", "absolute": "Math.abs"}
_OWN = {"sign", "modulo", "erf", "erfc", "exp2", "rint", "copysign"}
_ABSENT = {op.name for op in BUILTIN if not op.native} - C_LIBRARY  # `Math` has none of them

LIVE = frozenset(op.name for op in BUILTIN if op.name not in _ABSENT)
"""The operations that a page can compute; user-defined ones are Python code, and are not among them."""

_HEAD = r"""
// Written by autograd_core/calculus/javascript.py from operations.py. An operation of fixed arity has
// value(...operands), partials(...operands, y) and, where people write them otherwise, shown(...operands, y);
// a reduction is two folds, see Reduction there.

// C's pow, which Python has: 1 for pow(1, NaN) and pow(-1, Infinity), where Math.pow says NaN.
const pow = (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b));
const exp2 = (x) => Math.pow(2, x);
const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));
const sign = (x) => (x !== x ? x : (x > 0) - (x < 0));

// The nearest whole number, the even one of two.
function rint(x) {
  const r = Math.round(x), tie = Math.abs(r - x) === 0.5 && r % 2 !== 0;
  return copysign(tie ? r - 1 : r, x);
}

// Python's remainder: it has the sign of b.
function modulo(a, b) {
  if (b === 0) return NaN;
  const r = a % b;
  if (r === 0) return b < 0 ? -0 : 0;
  return b < 0 !== r < 0 ? r + b : r;
}

// exp(-x * x) without the error of rounding x * x: the square of x cut to 24 bits is exact.
function gauss(x) {
  const near = Math.fround(x);
  return Math.exp(-near * near) * Math.exp((near - x) * (near + x));
}

// erf by its series of positive terms, erfc beyond 1 by its continued fraction (Abramowitz, 7.1.6, 7.1.14).
function erf(x) {
  if (!(Math.abs(x) < 1)) return x !== x ? x : x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return 1.1283791670955126 * gauss(x) * sum;
}

function erfc(x) {
  if (!(x >= 1)) return x < -1 ? 2 - erfc(-x) : 1 - erf(x);
  if (x > 27.3) return 0;
  let tail = x;
  for (let n = Math.ceil(20 + 220 / (x * x)); n > 0; n--) tail = x + n / 2 / tail;
  return (0.5641895835477563 * gauss(x)) / tail;
}
"""

_TAIL = r"""
const fold = (step, start, x) => x.reduce((total, one) => step(total, one), start);
const folds = (op, x) => {
  const m = fold(op.pre, op.pre0, x);
  return [m, fold((s, one) => op.step(s, one, m), 0, x)];
};

export const isLive = (name) => Object.hasOwn(OPERATIONS, name);
export const foldsOf = (name, x) => folds(OPERATIONS[name], x);

// The value of an operation on numbers; `index` is which of a softmax's results this is.
export function valueOf(name, x, index = 0) {
  const op = OPERATIONS[name];
  if (!op.kind) return op.value(...x);
  if (op.kind === "reduction") return op.finish(...folds(op, x), x.length, x[index]);
  const n = x.length >> 1, biased = x.length % 2;
  let total = biased ? x[2 * n] : x[0] * x[n];
  for (let j = biased ? 0 : 1; j < n; j++) total += x[j] * x[n + j];
  return total;
}

// dy/dx_k for every operand, or by the formulas that are shown, which may lose digits.
export function partialsOf(name, x, y, index = 0, shown = false) {
  const op = OPERATIONS[name];
  if (!op.kind) return ((shown && op.shown) || op.partials)(...x, y);
  if (op.kind === "dot") {
    const n = x.length >> 1;
    return [...x.slice(n, 2 * n), ...x.slice(0, n), ...(x.length % 2 ? [1] : [])];
  }
  const [m, s] = folds(op, x);
  if (!op.exponentials) return x.map((one, j) => op.partial(one, m, s, y, x.length, j === index ? 1 : 0));
  const w = x.map((one) => op.step(0, one, m) / s);
  const others = w.reduce((total, one, j) => (j === index ? total : total + one), 0);
  return w.map((one, j) => (shown ? op.shown : op.partial)(one, y, j === index ? 1 : 0, others));
}
"""


@cache
def module_text(names: frozenset[str] | None = None) -> str:
    """Return the ES module: `OPERATIONS`, and `valueOf`, `partialsOf`, `foldsOf`, `isLive` over them.

    Args:
        names: the operations to be in it, as far as they are `LIVE`; by default all.
    """
    wanted, rows = sorted(LIVE if names is None else LIVE & names), {}
    while wanted:
        name = wanted.pop()
        rows[name] = _row(OPERATIONS[name])
        wanted += {
            called for called in re.findall(r"OPERATIONS\.(\w+)\.value", rows[name]) if called not in rows
        }
    text = "\n".join(f"  {op.name}: {rows[op.name]}," for op in BUILTIN if op.name in rows)
    return f"{_HEAD}\nexport const OPERATIONS = {{\n{text}\n}};\n{_TAIL}"


def _row(operation: Operation) -> str:
    functions = dict(_reduction(operation) if isinstance(operation, Reduction) else _elementwise(operation))
    facts = [f"{name}: {text}" for name, text in (_kind(operation) | functions).items()]
    return f"{{ {', '.join(facts)} }}"


def _kind(operation: Operation) -> dict[str, str]:
    """What it is, unless its arity is fixed."""
    if isinstance(operation, Dot):
        return {"kind": '"dot"'}
    return {"kind": '"reduction"'} if isinstance(operation, Reduction) else {}


def _elementwise(operation: Operation) -> Iterator[tuple[str, str]]:
    if isinstance(operation, Dot):
        return
    names = _NAMES[: operation.arity]
    operands = [Symbol(name) for name in names]
    partials = ", ".join(_js(rule(*operands, Symbol("y"))) for rule in operation.partial_rules)
    yield "value", f"({', '.join(names)}) => {_js(operation.rule(*operands))}"
    yield "partials", f"({', '.join(names)}, y) => [{partials}]"
    if operation.shown is not operation.partial_rules:
        shown = ", ".join(_js(rule(*operands, Symbol("y"))) for rule in operation.shown)
        yield "shown", f"({', '.join(names)}, y) => [{shown}]"


def _reduction(operation: Reduction) -> Iterator[tuple[str, str]]:
    yield "pre0", _js(operation.pre0)
    for part, names, formula in operation.formulas():
        yield part, f"({', '.join(names)}) => {_js(formula)}"
    if isinstance(operation, Exponentials):
        yield "exponentials", "true"
        yield "shown", f"(w, y, same) => {_js(operation.shown[0](*map(Symbol, ('w', 'y', 'same'))))}"


def _js(formula: Number) -> str:
    """Return a formula in JavaScript."""
    return formula.code(_LANGUAGE) if isinstance(formula, Symbol) else _number(float(formula))


def _function(name: str) -> str:
    if name in _HELPERS or name in _OWN:
        return _HELPERS.get(name, name)
    return f"Math.{name}" if name in C_LIBRARY else f"OPERATIONS.{name}.value"


def _number(number: float) -> str:
    if number != number:
        return "NaN"
    text = repr(abs(number)).replace("inf", "Infinity").removesuffix(".0")
    return text if number >= 0 else f"(-{text})"


_LANGUAGE = Language(_number, _function, "+", "===", "!== 0")
