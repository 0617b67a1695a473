"""C text of a Program: straight-line code for one lane, with the operations' own formulas.

The text computes the bits of the tape if it is compiled with ``-ffp-contract=off`` and without fast-math; C's
``hypot`` alone rounds otherwise than Python's, by a unit in the last place.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from ..calculus.codegen import c_helpers, in_c
from ..calculus.operation import Dot, Operation, Reduction
from ..calculus.symbols import C_LIBRARY, Symbol
from ..errors import RecordingError
from .graph import CONSTANT, INPUT, NODE, PARAMETER, RELATIONS, RecordedGraph

_HEADER = """\
/* Made by autograd_core from a recorded graph of {nodes} nodes.
 *
 * {name}_value     computes the outputs of one row; it returns 0, or 1 if the row leaves a recorded branch
 * {name}_gradient  also ADDS sum_k seeds[k] d outputs[k] / d parameters to parameter_gradients, and sets
 *                  input_gradients
 *
 * {parameters} parameters, {inputs} inputs, {outputs} outputs. Compile with -std=c99 -ffp-contract=off and
 * link with -lm.{named} */
#include <math.h>
"""


def c_text(graph: RecordedGraph, name: str) -> str:
    """Return the text of two functions, see `Program.to_c`.

    Raises:
        ValueError: the name is no C identifier.
        RecordingError: an operation is computed by Python.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a name in C")
    writer = _Writer(graph)
    value = [*writer.values(), *writer.guards(), *writer.outputs()]
    counts = {"nodes": len(graph), "parameters": len(graph.parameters), "inputs": graph.inputs}
    body = [*value, *writer.gradients()]
    named = [(k, json.dumps(p.label)) for k, p in enumerate(graph.parameters) if p.label]
    told = "".join(f"\n * parameters[{k}] is {text.replace('*', '(star)')}" for k, text in named)
    lines = [_HEADER.format(name=name, outputs=len(graph.outputs), named=told, **counts)]
    lines += [f"static {definition}" for definition in c_helpers("\n".join(body))]
    arguments = "const double *parameters, const double *inputs, double *outputs"
    lines.append(f"int {name}_value({arguments}) {{")
    lines += [f"    {line}" for line in (*value, *_unused(value))]
    lines.append("    (void)parameters; (void)inputs;")
    lines.append("    return 0;\n}\n")
    more = "const double *seeds, double *parameter_gradients, double *input_gradients"
    lines.append(f"int {name}_gradient({arguments},\n    {more}) {{")
    lines += [f"    {line}" for line in (*body, *_unused(body))]
    lines.append("    (void)parameters; (void)inputs; (void)seeds; (void)parameter_gradients;")
    lines.append("    (void)input_gradients;")
    lines.append("    return 0;\n}")
    return "\n".join(lines) + "\n"


class _Writer:
    """Lines of C for a graph: v12 is the value of node 12, g12 its gradient."""

    def __init__(self, graph: RecordedGraph):
        self.graph = graph
        self.kinds: list[int] = graph.kind.tolist()
        self.refs: list[int] = graph.ref.tolist()
        self.rules: list[Operation | None] = [
            self._rule(i) if kind == NODE else None for i, kind in enumerate(self.kinds)
        ]
        self.sends = self._sends()
        self.reached = self._reached()

    def _rule(self, i: int) -> Operation:
        rule = self.graph.operation(i)
        if not rule.native and rule.name not in C_LIBRARY:
            raise RecordingError(
                f"node {i}: the operation {rule.name} is computed by Python and has no C text"
            )
        return rule

    def _sends(self) -> list[bool]:
        """Which nodes depend on a parameter or an input."""
        sends: list[bool] = []
        for i, kind in enumerate(self.kinds):
            inner = kind == NODE and i < self.graph.swept and any(sends[p] for p in self.graph.operands(i))
            sends.append(kind in (PARAMETER, INPUT) or inner)
        return sends

    def _reached(self) -> list[bool]:
        """Which nodes something reaches in every reverse pass; others may be behind what was not chosen."""
        reached = [False] * len(self.kinds)
        for i in self.graph.outputs.tolist():
            reached[i] = True
        for i in range(len(self.kinds) - 1, -1, -1):
            rule = self.rules[i]
            if reached[i] and rule is not None and not rule.selecting:
                for p in self.graph.operands(i):
                    reached[p] = True
        return reached

    def _name(self, i: int) -> str:
        kind = self.kinds[i]
        if kind == CONSTANT:
            return in_c(self.graph.value[i])
        if kind == PARAMETER:
            return f"parameters[{self.refs[i]}]"
        return f"inputs[{self.refs[i]}]" if kind == INPUT else f"v{i}"

    def values(self) -> Iterator[str]:
        """Write the forward pass."""
        for i, rule in enumerate(self.rules):
            if rule is None:
                continue
            names = [self._name(p) for p in self.graph.operands(i)]
            if isinstance(rule, Reduction):
                yield from self._folds(i, rule, names)
            elif isinstance(rule, Dot):
                yield from self._dot(i, names)
            else:
                yield f"const double v{i} = {_formulas(rule)[0].format(*names)};"

    def _dot(self, i: int, names: list[str]) -> Iterator[str]:
        n = len(names) // 2
        first = names[-1] if len(names) % 2 else f"{names[0]} * {names[n]}"
        yield f"double v{i} = {first};"
        for j in range(0 if len(names) % 2 else 1, n):
            yield f"v{i} = v{i} + {names[j]} * {names[n + j]};"

    def _folds(self, i: int, rule: Reduction, names: list[str]) -> Iterator[str]:
        m, s = Symbol(f"m{i}"), Symbol(f"s{i}")
        yield f"double m{i} = {in_c(rule.pre0)}, s{i} = 0.0;"
        for name in names:
            if (text := in_c(rule.pre(m, Symbol(name)))) != f"m{i}":
                yield f"m{i} = {text};"
        for name in names:
            yield f"s{i} = {in_c(rule.step(s, Symbol(name), m))};"
        chosen = Symbol(names[self.refs[i]])
        yield f"const double v{i} = {in_c(rule.finish(m, s, float(len(names)), chosen))};"

    def guards(self) -> Iterator[str]:
        """Write the checks of the recorded comparisons."""
        for left, right, relation, outcome in self.graph.guards.tolist():
            test = f"{self._name(left)} {RELATIONS[relation]} {self._name(right)}"
            yield f"if (({test}) != {outcome}) return 1;"

    def outputs(self) -> Iterator[str]:
        """Write the results."""
        for k, i in enumerate(self.graph.outputs.tolist()):
            yield f"outputs[{k}] = {self._name(i)};"

    def gradients(self) -> Iterator[str]:
        """Write the reverse pass, in the order of the sweep."""
        inner = [i for i, rule in enumerate(self.rules) if rule is not None and self.sends[i]]
        if inner:
            yield "double " + ", ".join(f"g{i} = 0.0" for i in inner) + ";"
        if flags := [f"r{i} = 0" for i in inner if not self.reached[i]]:
            yield f"int {', '.join(flags)}; /* whether something reached a node */"
        yield f"for (int k = 0; k < {self.graph.inputs}; k++) input_gradients[k] = 0.0;"
        for k, i in enumerate(self.graph.outputs.tolist()):
            if self.sends[i]:
                yield f"{self._gradient(i)} += seeds[{k}];"
        for i in reversed(inner):
            rule = self.rules[i]
            assert rule is not None
            yield from self._pull(i, rule)

    def _gradient(self, i: int) -> str:
        kind = self.kinds[i]
        if kind == PARAMETER:
            return f"parameter_gradients[{self.refs[i]}]"
        return f"input_gradients[{self.refs[i]}]" if kind == INPUT else f"g{i}"

    def _partials(self, i: int, rule: Operation) -> Iterator[tuple[int, str]]:
        parents = self.graph.operands(i)
        names, y = [self._name(p) for p in parents], f"v{i}"
        if isinstance(rule, (Reduction, Dot)):
            symbols = [Symbol(name) for name in names]
            if isinstance(rule, Reduction):
                found = rule.partials_of(symbols, Symbol(f"m{i}"), Symbol(f"s{i}"), Symbol(y), self.refs[i])
            else:
                found = rule.partials(symbols, Symbol(y))
            yield from ((p, in_c(partial)) for p, partial in zip(parents, found, strict=True))
            return
        for p, formula in zip(parents, _formulas(rule)[1:], strict=True):
            yield p, formula.format(*names, y=y)

    def _pull(self, i: int, rule: Operation) -> Iterator[str]:
        """Write what a node sends to its operands: nothing, if nothing reached it."""
        if not self.reached[i]:  # 0 times an infinite partial would be NaN
            yield f"if (r{i}) {{"
        exponent = self.graph.operands(i)[1] if rule.name == "pow" else -1
        for j, (p, partial) in enumerate(self._partials(i, rule)):
            if not self.sends[p] or (rule.name == "pow" and j == 1 and self.kinds[exponent] == CONSTANT):
                continue
            target = self._gradient(p)
            told = f" r{p} = 1;" if self.kinds[p] == NODE and not self.reached[p] else ""
            if rule.selecting:
                yield f"{{ const double d = {partial}; if (d != 0.0) {{ {target} += d * g{i};{told} }} }}"
            else:
                yield f"{target} += {partial} * g{i};{told}"
        if not self.reached[i]:
            yield "}"


@cache
def _formulas(rule: Operation) -> tuple[str, ...]:
    """An operation in C: its value and its partials, with {0}, {1} and {y} for operands and value."""
    names = [Symbol(f"{{{k}}}") for k in range(rule.arity or 0)]
    return tuple(map(in_c, (rule.rule(*names), *rule.partials(names, Symbol("{y}")))))


def _unused(lines: list[str]) -> Iterator[str]:
    """Name the variables that nothing uses, since compilers warn of them: some formulas ignore an operand."""
    text = "\n".join(lines)
    counts = Counter(re.findall(r"\b[vm][0-9]+\b", text))
    for name, count in counts.items():
        if count == 1:
            yield f"(void){name};"
