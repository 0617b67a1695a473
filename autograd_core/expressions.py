"""Arithmetic typed by a user, parsed against an allow-list and evaluated on Values or floats.

The text is parsed by ``ast`` and walked node by node; it is never passed to ``eval``. Numbers, names, ``+ - *
/ ** %``, signs and calls of the functions listed in ``FUNCTIONS`` exist; anything else is an error that names
it. Size and depth are bounded, and all arithmetic is on floats, so no text can take long or use much memory.
"""

from __future__ import annotations

import ast
import keyword
import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from autograd_core.calculus.operations import BUILTIN, Reduction
from autograd_core.errors import AutogradError

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["Expression", "ExpressionError", "evaluate_expression", "parse_expression"]

Number = Union[float, "Value"]

MAXIMUM_LENGTH = 10_000  # characters
MAXIMUM_NODES = 4_000
MAXIMUM_DEPTH = 100  # nested parentheses, calls and signs; a chain a + b + c is not nested
CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}

#: The functions, with how many arguments each takes, at least and at most (None: any number).
FUNCTIONS: dict[str, tuple[int, int | None]] = {
    **{op.name: (op.arity - len(op.defaults), op.arity) for op in BUILTIN if op.summary and op.arity},
    **{op.name: (1, None) for op in BUILTIN if isinstance(op, Reduction) and not op.indexed},
    "prod": (1, None),
}

BINARY_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY_OPERATORS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class ExpressionError(AutogradError, ValueError):
    """The text is not an expression of the allowed kind; the message names what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step in postfix order: push a number or a name, or apply a function to the last results."""

    function: Callable[..., Any] | None
    arity: int
    operand: float | str
    column: int


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: what was parsed.
        names: the variables it uses, in order of appearance.
    """

    text: str
    names: tuple[str, ...]
    instructions: tuple[Instruction, ...]

    def __call__(self, names: Mapping[str, Number]) -> Number:
        """Evaluate on floats (the result is a float) or on Values (the result is a graph).

        Args:
            names: a number or a Value for each of ``self.names``.

        Raises:
            ExpressionError: a name has no value.
        """
        stack: list[Any] = []
        for step in self.instructions:
            if step.function is None:
                stack.append(self._lookup(step, names) if isinstance(step.operand, str) else step.operand)
                continue
            arguments = stack[len(stack) - step.arity :]
            del stack[len(stack) - step.arity :]
            stack.append(real(step.function(*arguments), self.text, step.column))
        result: Number = stack[0]
        return result

    def _lookup(self, step: Instruction, names: Mapping[str, Number]) -> Number:
        assert isinstance(step.operand, str)
        if step.operand in names:
            return names[step.operand]
        if step.operand in CONSTANTS:
            return CONSTANTS[step.operand]
        raise fault(
            f"the name {step.operand!r} has no value: give it one, as in {step.operand}=1.0",
            self.text,
            step.column,
        )


def evaluate_expression(text: str, names: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
    """Build the graph of an expression.

    Args:
        text: an expression such as ``"sin(x) * y + relu(x)"``.
        names: the value of each variable.

    Returns:
        The result, and the leaf of each variable (labelled with its name).

    Raises:
        ExpressionError: the text is not an allowed expression, or a name has no value.

    >>> output, leaves = evaluate_expression("x * y + 1", {"x": 2.0, "y": 3.0})
    >>> output.data
    7.0
    """
    from autograd_core import Value

    expression = parse_expression(text)
    leaves = {name: Value(number, check_name(name)) for name, number in names.items()}
    result = expression(leaves)
    return (result if isinstance(result, Value) else Value(result)), leaves


def shell_arguments(arguments: Sequence[str], options: Collection[str] = ()) -> list[str]:
    """Let an expression start with a minus on a command line.

    argparse takes ``-x*y`` for an option; with a space before it, it does not.

    Args:
        arguments: of the command line.
        options: the options with a value that the command has, such as ``"-o"``; the value stays as it is.

    Returns:
        The arguments for argparse.
    """
    known = ("--", "-h", *options)
    return [
        f" {text}" if text.startswith("-") and not text.startswith(known) and before not in options else text
        for before, text in zip(("", *arguments), arguments, strict=False)
    ]


def parse_expression(text: str) -> Expression:
    """Check an expression against the allow-list and prepare it for evaluation.

    Args:
        text: the expression.

    Raises:
        ExpressionError: the text is too long, too deep, not Python syntax, or uses what is not allowed.

    >>> parse_expression("sin(x) + y * x").names
    ('x', 'y')
    """
    if not isinstance(text, str):
        raise TypeError(f"an expression is a str, not {type(text).__name__}")
    text = text.replace("\n", " ").strip()
    instructions = tuple(postfix(parse(text), text))
    used = [step.operand for step in instructions if isinstance(step.operand, str)]
    names = dict.fromkeys(name for name in used if name not in CONSTANTS)
    return Expression(text, tuple(names), instructions)


def check_name(name: str) -> str:
    """Return the name of a variable, or raise when an expression could not use it."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise ExpressionError(f"{name!r} cannot be the name of a variable")
    return name


def numbers_given(texts: Sequence[str]) -> dict[str, float]:
    """Read ``name=number``, as a command line has it; raise where one is something else."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            raise ExpressionError(f"{text!r} is not of the form name=number") from None
        if check_name(name.strip()) in found:
            raise ExpressionError(f"{name.strip()} has two values in {' '.join(texts)!r}")
        found[name.strip()] = value
    return found


def parse(text: str) -> ast.expr:
    """Parse the text to one expression of bounded size."""
    if len(text) > MAXIMUM_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text):,} characters; at most {MAXIMUM_LENGTH:,} are allowed"
        )
    check_depth(text)
    try:
        return ast.parse(text, "<expression>", "eval").body
    except SyntaxError as error:
        raise fault(f"not an expression: {error.msg}", text, (error.offset or 1) - 1) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("the expression has too many parts for Python's parser") from None
    except ValueError as error:
        raise ExpressionError(f"not an expression: {error}") from None


def check_depth(text: str) -> None:
    """Refuse deep nesting before Python's parser meets it."""
    depth = signs = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        signs = signs + 1 if character in "+-~*" else (signs if character.isspace() else 0)
        if depth > MAXIMUM_DEPTH or signs > MAXIMUM_DEPTH:
            raise ExpressionError(f"the expression is nested more than {MAXIMUM_DEPTH} levels deep")


def postfix(root: ast.expr, text: str) -> list[Instruction]:
    """Flatten the tree to postfix order without recursion, checking each node."""
    instructions: list[Instruction] = []
    pending: list[ast.expr | Instruction] = [root]
    seen = 0
    while pending:
        node = pending.pop()
        if isinstance(node, Instruction):
            instructions.append(node)
            continue
        seen += 1
        if seen > MAXIMUM_NODES:
            raise ExpressionError(f"the expression has more than {MAXIMUM_NODES:,} parts")
        instruction, operands = translate(node, text)
        pending.append(instruction)
        pending.extend(reversed(operands))
    return instructions


def position(node: ast.expr, text: str) -> int:
    """Return the column of a node in characters (``ast`` counts bytes)."""
    return len(text.encode()[: node.col_offset].decode(errors="ignore"))


def translate(node: ast.expr, text: str) -> tuple[Instruction, Sequence[ast.expr]]:
    """Return what one node does and the operands it does it to."""
    column = position(node, text)
    match node:
        case ast.Constant(value=bool() | None) | ast.Constant(value=str() | bytes() | complex()):
            raise fault(f"{node.value!r} is not a number", text, column)
        case ast.Constant(value=int() | float() as number):
            return Instruction(None, 0, to_float(number, text, column), column), ()
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise fault(f"{name!r} is a function: write {name}(...)", text, column)
            return Instruction(None, 0, check_name(name), column), ()
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY_OPERATORS:
            return Instruction(UNARY_OPERATORS[type(op)], 1, 0.0, column), (operand,)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY_OPERATORS:
            return Instruction(BINARY_OPERATORS[type(op)], 2, 0.0, column), (left, right)
        case ast.Call():
            return translate_call(node, text)
    raise fault(f"{describe(node)} is not allowed", text, column)


def translate_call(node: ast.Call, text: str) -> tuple[Instruction, Sequence[ast.expr]]:
    """Translate a call of an allowed function."""
    if not isinstance(node.func, ast.Name):
        raise fault(f"{describe(node.func)} is not allowed", text, position(node.func, text))
    name, count = node.func.id, len(node.args)
    if name not in FUNCTIONS:
        raise fault(
            f"there is no function {name!r}; the functions are {', '.join(sorted(FUNCTIONS))}",
            text,
            position(node, text),
        )
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise fault(f"{name}() takes plain arguments only", text, position(node, text))
    least, most = FUNCTIONS[name]
    if not least <= count <= (count if most is None else most):
        wanted = "at least one argument" if most is None else f"{most} argument{'s' if most > 1 else ''}"
        if most is not None and least < most:
            wanted = f"{least} or {wanted}"
        raise fault(f"{name}() takes {wanted}, not {count}", text, position(node, text))
    return Instruction(function(name), count, 0.0, position(node, text)), node.args


def function(name: str) -> Callable[..., Any]:
    """Return the function of the engine that a name in ``FUNCTIONS`` means."""
    from autograd_core import functions

    found: Callable[..., Any] = getattr(functions, name)
    return (lambda *arguments: found(arguments)) if FUNCTIONS[name][1] is None else found


def to_float(number: float, text: str, column: int) -> float:
    """Convert a literal to a float."""
    try:
        return float(number)
    except OverflowError:
        raise fault("the number is too large for a float", text, column) from None


def real(result: Any, text: str, column: int) -> Any:
    """Refuse the complex number that a negative float to a fractional power gives in Python."""
    if isinstance(result, complex):
        raise fault("a negative number to a fractional power is not real", text, column)
    return result


def describe(node: ast.AST) -> str:
    """Name a piece of syntax as a reader would."""
    match node:
        case ast.Attribute(attr=attribute):
            return f"the attribute .{attribute}"
        case ast.Compare():
            return "a comparison (use greater, less, greater_equal, less_equal)"
        case ast.IfExp():
            return "if ... else (use where)"
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            return f"the operator {type(op).__name__}"
    return f"{type(node).__name__} syntax"


def fault(message: str, text: str, column: int) -> ExpressionError:
    """Build the error, with a caret under the place in the text."""
    start = max(0, column - 40)
    shown = text[start : start + 80].replace("\n", " ")
    return ExpressionError(f"{message}\n  {shown}\n  {' ' * (column - start)}^")
