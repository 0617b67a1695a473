"""Symbols: operands that write down the formula they take part in.

An operation's rule called with Symbols returns the rule's own text: C for the generated header, mathematics
for people.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3}
_COMPARISONS = {"greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<=", "equal": "=="}
_C_NAMES = {"power": "pow", "absolute": "fabs", "sign": "ad_sign", "modulo": "ad_modulo"}
C_LIBRARY = {
    *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc"),
    *("hypot", "floor", "ceil", "rint", "copysign"),
}
_TEXT_NAMES = {"absolute": "abs"}


class Language(NamedTuple):
    """How formulas are written in a programming language.

    Attributes:
        number: a number's text.
        function: the name of an operation's function.
        truth: what makes a number of a comparison, before it.
        equal: the sign of equality.
        differs: what asks a number whether it is true, after it.
    """

    number: Callable[[float], str]
    function: Callable[[str], str]
    truth: str
    equal: str
    differs: str


def _infix(head: str) -> tuple[Callable[[Symbol, Any], Symbol], Callable[[Symbol, Any], Symbol]]:
    """The methods of an operator, for a formula on its left and for one on its right."""
    return lambda self, other: Symbol(head, self, other), lambda self, other: Symbol(head, other, self)


class Symbol:
    """A formula: a name, a number, or an operation on other formulas.

    Args:
        head: a variable's name, a float, or the operation's name.
        arguments: the formulas that the operation is applied to; none for a name or a number.
    """

    __slots__ = ("arguments", "head")
    holds: ClassVar[int] = 0

    def __init__(self, head: str | float, *arguments: Any):
        self.head = head
        self.arguments = tuple(
            argument if isinstance(argument, Symbol) else Symbol(argument) for argument in arguments
        )

    @staticmethod
    def lift(number: float) -> Symbol:
        """Return the number as a Symbol."""
        return Symbol(float(number))

    __add__, __radd__ = _infix("+")
    __sub__, __rsub__ = _infix("-")
    __mul__, __rmul__ = _infix("*")
    __truediv__, __rtruediv__ = _infix("/")
    __pow__, __rpow__ = _infix("power")
    __mod__, __rmod__ = _infix("modulo")

    def __neg__(self) -> Symbol:
        return Symbol("neg", self)

    def __abs__(self) -> Symbol:
        return Symbol("absolute", self)

    def __bool__(self) -> bool:
        raise TypeError(f"whether {self.text()} is true is known of numbers only, not of a formula")

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"whether {self.text()} equals {other} is known of numbers only: use equal(a, b)")

    __hash__ = None  # type: ignore[assignment]

    def where(self, a: Any, b: Any) -> Symbol:
        """`a` where this is true, else `b`."""
        return Symbol("select", self, a, b)

    def stop_gradient(self) -> Symbol:
        """This formula: holding a number constant leaves no trace in its text, but is counted."""
        Symbol.holds += 1
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "softmax":
            raise AttributeError(name)
        return lambda *others: Symbol(name, self, *others)

    def c(self) -> str:
        """Return this formula in C."""
        return self.code(C)

    def code(self, language: Language) -> str:
        """Return this formula in a language, each operation in brackets: its order is that of Python."""
        head = self.head
        if not isinstance(head, str):
            return language.number(head)
        if not self.arguments:
            return head
        if head in _COMPARISONS:
            return f"{language.truth}{self._condition(language)}"
        parts = [argument.code(language) for argument in self.arguments]
        if head == "select":
            return f"({self.arguments[0]._condition(language)} ? {parts[1]} : {parts[2]})"
        if head == "neg":
            return f"(-{parts[0]})"
        if head in "+-*/":
            return f"({parts[0]} {head} {parts[1]})"
        return f"{language.function(head)}({', '.join(parts)})"

    def _condition(self, language: Language) -> str:
        if self.head in _COMPARISONS and self.arguments:
            left, right = (argument.code(language) for argument in self.arguments)
            sign = _COMPARISONS[str(self.head)]
            return f"({left} {language.equal if sign == '==' else sign} {right})"
        return f"({self.code(language)} {language.differs})"

    def text(self) -> str:
        """Return this formula as people write it: a number by its name, as pi, or with all its digits."""
        if (named := self._named()) is not self:
            return named.text()
        head = self.head
        if not isinstance(head, str):
            return repr(float(head)).removesuffix(".0")
        if not self.arguments:
            return head
        if head == "select":
            condition, a, b = self.arguments
            return f"({a.text()} if {condition._test()} else {b.text()})"
        if head in _COMPARISONS:
            return f"(1 if {self._test()} else 0)"
        if head == "neg":
            return f"-{self._bracketed(self.arguments[0], 3)}"
        if head in _PRECEDENCE:
            level = _PRECEDENCE[head]
            left, right = self.arguments
            return f"{self._bracketed(left, level)} {head} {self._bracketed(right, level + (head in '-/'))}"
        if head == "power":
            return f"{self._bracketed(self.arguments[0], 4)} ** {self._bracketed(self.arguments[1], 4)}"
        return f"{_TEXT_NAMES.get(head, head)}({', '.join(argument.text() for argument in self.arguments)})"

    def _test(self) -> str:
        """This formula as what is asked: a comparison by its sign, of a number whether it is not 0."""
        if self.head not in _COMPARISONS or not self.arguments:
            return f"{self._bracketed(self, 1)} != 0"
        left, right = self.arguments
        return f"{left.text()} {_COMPARISONS[str(self.head)]} {right.text()}"

    def __repr__(self) -> str:
        return self.text()

    def _named(self) -> Symbol:
        """A number that is known by a formula as that formula."""
        if isinstance(self.head, str) or (named := _NAMED.get(abs(self.head))) is None:
            return self
        return named if self.head > 0.0 else -named

    @staticmethod
    def _bracketed(formula: Symbol, level: int) -> str:
        formula = formula._named()
        own = _PRECEDENCE.get(formula.head, 4) if isinstance(formula.head, str) else 4
        if formula.head == "power":
            own = 3
        text = formula.text()
        return text if own >= level else f"({text})"


def _c_number(number: float) -> str:
    if math.isinf(number):
        return "INFINITY" if number > 0 else "(-INFINITY)"
    if number != number:
        return "NAN"
    return float(number).hex() if number >= 0 else f"({float(number).hex()})"


def _c_function(name: str) -> str:
    return name if name in C_LIBRARY else _C_NAMES.get(name, f"v_{name}")


_PI = Symbol("pi")
_NAMED = {
    math.pi: _PI,
    math.log(2.0): Symbol("log", 2.0),
    math.log2(math.e): 1.0 / Symbol("log", 2.0),
    math.log10(math.e): 1.0 / Symbol("log", 10.0),
    math.sqrt(0.5): Symbol("sqrt", 0.5),
    1.0 / math.sqrt(2.0 * math.pi): Symbol("sqrt", 0.5 / _PI),
    2.0 / math.sqrt(math.pi): 2.0 / Symbol("sqrt", _PI),
    math.sqrt(math.pi) / 2.0: Symbol("sqrt", _PI) / 2.0,
    180.0 / math.pi: 180.0 / _PI,
    math.pi / 180.0: _PI / 180.0,
}

C = Language(_c_number, _c_function, "(double)", "==", "!= 0.0")
