"""An expression, its local partials and the summed chain rule as LaTeX.

The formulas of the partials are those of the engine's table (`formula_templates`), translated.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Callable, Container, Mapping

from autograd_core.arguments import truth, whole_number
from autograd_core.calculus.operation import Dot, Reduction
from autograd_core.engine.value import Value
from autograd_core.graph import topological_order
from autograd_core.steps import final_gradients, steps
from viz.errors import DrawingError
from viz.naming import node_names
from viz.snapshot import take_snapshot
from viz.text import MOST_DIGITS, constant_digits, digits_needed, exact, number

__all__ = ["Latex", "latex"]

LIMIT = 60  # nodes; a longer formula is not read
DIGITS = 6  # of a constant
NAMELESS = r"\text{}"  # until it is known which symbols the formulas have
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly a piece of LaTeX holds together
_INFIX = {"add": ("+", _SUM), "sub": ("-", _SUM), "mul": (r"\,", _PRODUCT)}
_FUNCTIONS = {
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "max", "min")},
    **{f"a{name}": rf"\ar{'c' if len(name) == 3 else ''}{name}" for name in ("sin", "cos", "tan")},
    **{f"a{name}": rf"\operatorname{{ar{name}}}" for name in ("sinh", "cosh", "tanh")},
    **{"maximum": r"\max", "minimum": r"\min", "sigmoid": r"\sigma"},
    **{"log": r"\ln", "log2": r"\log_2", "log10": r"\log_{10}"},
}
_CONSTANTS = {math.pi: r"\pi", math.e: "e", math.log(2.0): r"\ln 2", math.log(10.0): r"\ln 10"}
_NAMED = {  # what a rule is multiplied by
    "pi": r"\pi",
    "log(2)": r"\ln 2",
    "log(10)": r"\ln 10",
    "1 / log(2)": r"\tfrac{1}{\ln 2}",
    "1 / log(10)": r"\tfrac{1}{\ln 10}",
    "2 / sqrt(pi)": r"\tfrac{2}{\sqrt{\pi}}",
    "sqrt(0.5)": r"\tfrac{1}{\sqrt{2}}",
    "sqrt(0.5 / pi)": r"\tfrac{1}{\sqrt{2\pi}}",
    "sqrt(pi) / 2": r"\tfrac{\sqrt{\pi}}{2}",
    "180 / pi": r"\tfrac{180}{\pi}",
    "pi / 180": r"\tfrac{\pi}{180}",
}
_GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"}
    | {"nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"}
    | {"Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"}  # LaTeX has no \Alpha
)
_ESCAPES = str.maketrans({c: rf"\{c}" for c in "#$%&_{}"} | {"\\": "/", "^": r"\wedge ", "~": r"\sim "})
_COMPARISONS = {
    ast.Eq: "=", ast.NotEq: r"\ne", ast.Gt: ">", ast.GtE: r"\ge", ast.Lt: "<", ast.LtE: r"\le",
}  # fmt: skip
_NOT_FINITE = {"inf": r"\infty", "nan": r"\text{NaN}"}
_BINARY: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_Piece = tuple[str, int]


class Latex(str):
    r"""LaTeX of a display; a notebook renders it, `print` shows the text.

    >>> print(Latex(r"y = \tanh(x)"))
    y = \tanh(x)
    """

    def _repr_latex_(self) -> str:
        return f"$$\n{self}\n$$"


def latex(y: Value, *, numbers: bool = False, digits: int = 4) -> Latex:
    r"""Write a graph as LaTeX: the expression, every local partial, and the summed chain rule.

    The first line is the whole expression, in which subexpressions that are used more than once, or have a
    label, stand by name. Then each operation has a line, each edge its local partial, written with a round
    d, and each node its total derivative, summed over all paths, written with a straight d. (Where the
    output's own operation alone uses a node, the two are one number, and the partial's line stands for both.)
    Nodes without a label are numbered as in the player, inputs first.

    Args:
        y: The output.
        numbers: Whether to add the number that each line has.
        digits: Significant digits of the numbers.

    Returns:
        Text with an `aligned` environment, for `$$ ... $$`; a notebook shows the formula.

    Raises:
        DrawingError: The graph has more nodes than anybody reads as a formula.
        ValueError: `digits` is less than 1.

    >>> from autograd_core import Value
    >>> print(latex(Value(3.0, "x").tanh(), numbers=True))
    \begin{aligned}
    u_{2} &= \tanh(x) = 0.9951 \\[0.7em]
    \frac{\partial u_{2}}{\partial x} &= 1 - u_{2}\,u_{2} = 0.009866
    \end{aligned}
    """
    whole_number("digits", digits, 1, MOST_DIGITS)
    truth("numbers", numbers)
    order = topological_order(y)
    if len(order) > LIMIT:
        raise DrawingError(
            f"a formula of {len(order)} nodes cannot be read ({LIMIT} at most): draw the graph"
        )
    lines = _Writer(y, order, numbers, digits).lines()
    return Latex("\\begin{aligned}\n" + " \\\\[0.7em]\n".join(lines) + "\n\\end{aligned}")


class _Writer:
    def __init__(self, y: Value, order: list[Value], numbers: bool, digits: int):
        self.y, self.order, self.numbers, self.digits = y, order, numbers, digits
        self.snapshot = take_snapshot([y])
        called = node_names(self.snapshot, digits)
        constants = {node: _constant(node, max(DIGITS, digits)) for node in order}
        self.names = {node: constant or NAMELESS for node, constant in constants.items()}
        self.stale = {self.snapshot.nodes[i] for i in self.snapshot.stale}
        self.edges = [(node, slot, p) for node in order for slot, p in enumerate(node.parents)]
        uses = Counter(parent for _, _, parent in self.edges)
        self.named = {n for n in order if n.is_leaf or n.label or uses[n] > 1}
        symbols = set(re.findall(r"\\?[A-Za-z]+", "".join(self.lines()))) - {"d"}  # a d stands before a name
        written = Counter([*symbols, *map(_name, called)])
        for node, name in zip(order, called, strict=True):
            # x1 and x_1 look the same, so do e and Euler's number: then they are words
            called_so = _name(name) if written[_name(name)] == 1 else _words(name)
            self.names[node] = constants[node] or called_so

    def lines(self) -> list[str]:
        result = [self._line(self.names[self.y], self._made(self.y)[0], self.y.data, self.stale)]
        needed = self._digits_needed() if self.numbers else {}
        operations = [node for node in self.order if not (node.is_leaf or node is self.y)]
        result += [
            self._line(self.names[n], self._operation(n, named)[0], n.data, self.stale & {n}, needed.get(n))
            for n in operations
            for named in [[_piece(self.names[parent]) for parent in n.parents]]
        ]
        pairs = dict.fromkeys((node, parent) for node, _, parent in self.edges if not parent.is_constant)
        result += [self._partial_line(node, parent) for node, parent in pairs]
        users: dict[Value, list[Value]] = {}
        for child, parent in pairs:
            users.setdefault(parent, []).append(child)
        totals = {node for node, children in users.items() if children != [self.y]}
        gradients = final_gradients(steps(self.y))
        for node in reversed(self.order):
            if node in totals:
                right = " + ".join(self._term(child, node, totals) for child in users[node])
                gradient = gradients.get(node, 0.0)
                result.append(self._line(self._total(node), right, gradient, self.stale))
        return result

    def _digits_needed(self) -> dict[Value, int]:
        """How many digits each node must show so that what is computed from it reads true."""
        from viz.narration import plain_function

        needed: dict[Value, int] = {}
        for node in self.order:
            if not node.is_leaf and (function := plain_function(node)):
                operands = [parent.data for parent in node.parents]
                digits = digits_needed(function, operands, node.data, self.digits)
                needed |= {parent: max(digits, needed.get(parent, 0)) for parent in node.parents}
        return needed

    def _line(self, left: str, right: str, value: float, stale: set[Value], digits: int | None = None) -> str:
        """One equation; a number that no longer follows from its graph is not said to be equal."""
        if stale and self.numbers:
            return rf"{left} &= {right} \quad\text{{(stale: build the graph anew)}}"
        shown = _figures(number(value, digits or self.digits))
        said = not self.numbers or shown == right or _is_number(right)  # with all its digits
        return f"{left} &= {right}" + ("" if said else f" = {shown}")

    def _number(self, value: float) -> str:
        return _figures(number(value, self.digits))

    def _d(self, output: Value, node: Value) -> str:
        return rf"\frac{{\partial {self.names[output]}}}{{\partial {self.names[node]}}}"

    def _total(self, node: Value) -> str:
        """The derivative through all paths: `d` where the local partial, which has the round d, differs."""
        return rf"\frac{{d{self.names[self.y]}}}{{d{self.names[node]}}}"

    def _term(self, child: Value, parent: Value, totals: Container[Value]) -> str:
        """What one edge adds to the parent's total derivative."""
        local = self._d(child, parent)
        if child is self.y:
            return local
        return rf"{self._total(child) if child in totals else self._d(self.y, child)}\,{local}"

    def _partial_line(self, node: Value, parent: Value) -> str:
        slots = [slot for slot, p in enumerate(node.parents) if p is parent]
        pieces = [self._partial(node, slot) for slot in slots]
        right = _sum([text for text, _ in pieces])
        total = sum(node.partials[slot] for slot in slots)
        return self._line(self._d(node, parent), right, total, self.stale & {node})

    def _partial(self, node: Value, slot: int) -> _Piece:
        operation, parents = node.operation, node.parents
        if isinstance(operation, Dot):
            terms = len(parents) // 2
            return (self.names[parents[(slot + terms) % (2 * terms)]] if slot < 2 * terms else "1"), _ATOM
        if operation.name == "pow" and slot == 0 and parents[1].is_constant:
            n = parents[1].data
            if not n:
                return "0", _ATOM
            base, digits = _piece(self.names[parents[0]]), constant_digits(n, max(DIGITS, self.digits))
            power = base if n == 2.0 else (f"{_power(base)}^{{{_figures(number(n - 1.0, digits))}}}", _POWER)
            return rf"{_figures(number(n, digits))}\,{power[0]}", _PRODUCT
        # here, so that `import viz` stays quick
        from viz.narration import formula_differs, partial_template, result_in, shown_folds

        template, operands = partial_template(node, slot), [parent.data for parent in parents]
        if self.numbers and formula_differs(node, slot, operands, node.data, self.digits):
            return self._number(node.partials[slot]), _ATOM
        names = {f"v{k}": self.names[parent] for k, parent in enumerate(parents)} | {"y": self.names[node]}
        fields: dict[str, str] = {str(k): f"v{k}" for k in range(len(parents))} | {"y": "y"}
        if isinstance(operation, Reduction):
            m, s = operation.folds(operands)
            folds = shown_folds(m, s, len(parents), self.digits)
            fields |= {"x": f"v{slot}", **{letter: f"{letter}_" for letter in folds}}
            names |= {f"{letter}_": _figures(text) for letter, text in folds.items()}
        if self.numbers and (shown := result_in(template, node.data, self.digits)):
            fields["y"] = shown
        text = re.sub(r"\{(\w+)\}", lambda match: fields.get(match[1], match[0]), template)
        try:
            return _translate(
                ast.parse(text, mode="eval").body, names, lambda x: _figures(exact(x, self.digits))
            )
        except (SyntaxError, KeyError, TypeError):  # a rule of the user's that has no formula
            return self._number(node.partials[slot]), _ATOM

    def _made(self, node: Value) -> _Piece:
        """The expression that made a node, with the names of what is used more than once."""
        operands = [
            _piece(self.names[parent]) if parent in self.named else self._made(parent)
            for parent in node.parents
        ]
        return self._operation(node, operands) if operands else (self.names[node], _ATOM)

    def _operation(self, node: Value, operands: list[_Piece]) -> _Piece:
        operation = node.operation
        if isinstance(operation, Dot):
            n = len(operands) // 2
            products = [
                _apply("mul", [w, x])[0] for w, x in zip(operands[:n], operands[n : 2 * n], strict=True)
            ]
            return _sum([*products, *(text for text, _ in operands[2 * n :])]), _SUM
        text, level = _apply(node.op, operands)
        indexed = isinstance(operation, Reduction) and operation.indexed
        return (f"{text}_{{{node.index + 1}}}" if indexed else text), level


def _apply(op: str, operands: list[_Piece]) -> _Piece:
    """One operation on pieces of LaTeX."""
    if op in _INFIX and len(operands) == 2:
        sign, level = _INFIX[op]
        first, second = operands
        if second[0].startswith("-") or (op == "mul" and second[0][:1].isdigit()):
            second = (rf"\left({second[0]}\right)", _ATOM) if second[0].startswith("-") else second
            sign = r"\cdot" if op == "mul" else sign
        left = _held(first, level)
        right = _held(second, level + (op == "sub"))
        return (f"{left}{sign}{right}" if sign == r"\," else f"{left} {sign} {right}"), level
    if op == "div":
        return _quotient(*operands)
    if op == "pow":
        return f"{_power(operands[0])}^{{{operands[1][0]}}}", _POWER
    if op == "neg":
        inside = _held(operands[0], _PRODUCT)
        return (rf"-\left({inside}\right)" if inside.startswith("-") else f"-{inside}"), _SUM
    if op in ("sqrt", "cbrt"):
        return rf"\sqrt{'[3]' if op == 'cbrt' else ''}{{{operands[0][0]}}}", _ATOM
    if op == "square":
        return f"{_power(operands[0])}^2", _POWER
    if op in ("exp", "gaussian"):
        power = operands[0][0] if op == "exp" else f"-{_power(operands[0])}^2/2"
        return f"e^{{{power}}}", _POWER
    if op == "abs":
        return rf"\left|{operands[0][0]}\right|", _ATOM
    name = _FUNCTIONS.get(op) or rf"\operatorname{{{_text(op)}}}"
    inside = ", ".join(text for text, _ in operands)
    tall = "\\frac" in inside or "\\left" in inside
    return (rf"{name}\left({inside}\right)" if tall else f"{name}({inside})"), _ATOM


def _quotient(numerator: _Piece, denominator: _Piece) -> _Piece:
    """A fraction; over 1 the numerator alone, and one that is a fraction itself shares its line."""
    inner = re.fullmatch(r"\\tfrac\{(\w+)\}\{(\\ln \d+)\}", numerator[0])
    if denominator[0] == "1":
        return numerator
    if inner:
        return rf"\frac{{{inner[1]}}}{{{_held(denominator, _PRODUCT)}\,{inner[2]}}}", _PRODUCT
    return rf"\frac{{{numerator[0]}}}{{{denominator[0]}}}", _PRODUCT


def _translate(tree: ast.expr, names: Mapping[str, str], figures: Callable[[float], str]) -> _Piece:
    """The LaTeX of a formula that is written as Python."""

    def go(part: ast.expr) -> _Piece:
        return _translate(part, names, figures)

    if named := _NAMED.get(ast.unparse(tree)):
        return _piece(named)
    if isinstance(tree, ast.Name):
        return _piece(names[tree.id] if tree.id in names else _NOT_FINITE[tree.id])
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float):
        return _piece(figures(float(tree.value)))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return _apply("neg", [go(tree.operand)])
    if isinstance(tree, ast.BinOp):
        return _apply(_BINARY[type(tree.op)], [go(tree.left), go(tree.right)])
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        return _apply(tree.func.id, [go(argument) for argument in tree.args])
    if isinstance(tree, ast.IfExp):
        then, test, other = go(tree.body)[0], go(tree.test)[0], go(tree.orelse)[0]
        left, equal, right = test.partition(" = ")
        if equal and left != right and _is_number(left) and _is_number(right):
            return go(tree.orelse)  # a constant that is not the special one
        cases = rf"{then} & \text{{if }} {test} \\ {other} & \text{{otherwise}}"
        return rf"\begin{{cases}} {cases} \end{{cases}}", _ATOM
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        return f"{go(tree.left)[0]} {_COMPARISONS[type(tree.ops[0])]} {go(tree.comparators[0])[0]}", _SUM
    raise TypeError(f"no LaTeX for {ast.dump(tree)}")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?( \\cdot 10\^\{-?\d+\})?", text) is not None


def _sum(terms: list[str]) -> str:
    first, *others = terms
    return " + ".join(
        [first, *(rf"\left({term}\right)" if term.startswith("-") else term for term in others)]
    )


def _held(piece: _Piece, level: int) -> str:
    text, own = piece
    return text if own >= level else rf"\left({text}\right)"


def _piece(text: str) -> _Piece:
    """A name or a number, which may be a product, or end so openly that only brackets hold it."""
    if text.startswith(r"\ln"):
        return text, _SUM
    return text, (_PRODUCT if text.startswith(("-", r"\tfrac")) or r"\cdot" in text else _ATOM)


def _power(piece: _Piece) -> str:
    text, own = piece
    return text if own == _ATOM and not text.startswith("-") else rf"\left({text}\right)"


def _constant(node: Value, digits: int) -> str:
    """The number of a constant without a label; pi as pi."""
    if not node.is_constant or node.label:
        return ""
    known = _CONSTANTS.get(node.data)
    return known or _figures(number(node.data, constant_digits(node.data, digits)))


def _figures(text: str) -> str:
    """A number as LaTeX: powers of ten instead of e."""
    sign = "-" * text.startswith("-")
    if text.lower().lstrip("-") in _NOT_FINITE:
        return sign + _NOT_FINITE[text.lower().lstrip("-")]
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else text


def _name(label: str) -> str:
    """A label as LaTeX: `w1` and `w_1` with an index, Greek letters by name, anything else as text."""
    match = re.fullmatch(r"([^\W\d_]+)_?(\d*)", label)
    if not match:
        return _words(label)
    stem, index = match.groups()
    if stem in _GREEK:
        stem = rf"\{stem}"
    elif len(stem) > 1:
        stem = _words(stem)
    return f"{stem}_{{{index}}}" if index else stem


def _words(text: str) -> str:
    return rf"\text{{{_text(text)}}}"


def _text(text: str) -> str:
    return text.translate(_ESCAPES)
