"""From the shell: ``python -m autograd_core check "sin(x)*y + relu(x)" x=0.5 y=2``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from autograd_core.checking.check import gradient_report
from autograd_core.checking.report import GradientReport
from autograd_core.expressions import ExpressionError, numbers_given, parse_expression, shell_arguments
from autograd_core.files import replacing

EPILOGUE = """exit status: 0 the gradient is right, 1 it is not, 2 the command could not be understood.

The expression knows + - * / ** %, numbers, the variables you give, and the functions of autograd_core, among
them
exp log sqrt sin cos tan tanh sigmoid relu abs maximum minimum where clip sum mean logsumexp."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    reader = parser()
    options, values = reader.parse_known_args(
        shell_arguments(sys.argv[1:] if arguments is None else arguments)
    )
    if any(value.startswith("-") for value in values):
        reader.error(f"unrecognized arguments: {' '.join(values)}")
    options.values += values  # argparse leaves those over that stand behind an option
    try:
        report = check(options)
        if options.html:
            write(report, options.html)
    except (ExpressionError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    show(report, options.plain)
    return 0 if report.passed else 1


def parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m autograd_core", description="Automatic differentiation of scalars."
    )
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "check",
        help="check the gradient of an expression against finite differences",
        description="Check the gradient of an expression against finite differences.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("expression", help='for example "sin(x)*y + relu(x)"')
    command.add_argument("values", nargs="*", metavar="name=number", help="the variables' values")
    command.add_argument(
        "--gradient",
        metavar="FORMULAS",
        help='a gradient derived by hand, one formula for each value, such as "2*x*y, x**2"',
    )
    command.add_argument("--points", type=int, default=1, metavar="N", help="check at N points")
    command.add_argument("--seed", type=int, default=0, help="of the random points and directions")
    command.add_argument(
        "--order", type=int, choices=(1, 2), default=1, help="2 checks second derivatives too"
    )
    command.add_argument(
        "--directions", type=int, metavar="K", help="check K random directions, not every variable"
    )
    command.add_argument("--rtol", type=float, help="relative tolerance (default: from the estimated error)")
    command.add_argument("--atol", type=float, help="absolute tolerance")
    command.add_argument("--strict", action="store_true", help="fail at kinks")
    command.add_argument("--plain", action="store_true", help="plain text, even where rich is installed")
    command.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page too")
    return top


def check(options: argparse.Namespace) -> GradientReport:
    """Check the expression of the command line."""
    expression = parse_expression(options.expression.strip())
    numbers = numbers_given(options.values)
    if not expression.names:
        raise ExpressionError(f"{options.expression.strip()!r} has no variable to differentiate by")
    missing = [name for name in expression.names if name not in numbers]
    if missing:
        raise ExpressionError(f"give a value to {', '.join(missing)}, as in {missing[0]}=1.0")
    return gradient_report(
        lambda **names: expression(names),
        numbers,
        gradient=formulas(options.gradient, numbers) if options.gradient is not None else None,
        points=options.points,
        seed=options.seed,
        order=options.order,
        directions=options.directions,
        rtol=options.rtol,
        atol=options.atol,
        strict=options.strict,
    )


def formulas(text: str, numbers: Mapping[str, float]) -> Callable[..., list[float]]:
    """The gradient that formulas give, one for each variable, separated by commas outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if len(parts) != len(numbers):
        raise ExpressionError(
            f"--gradient has {len(parts)} formulas for {len(numbers)} variables: give one for each of "
            f"{', '.join(numbers)}, separated by commas"
        )
    expressions = [parse_expression(part) for part in parts]
    unknown = sorted({name for e in expressions for name in e.names if name not in numbers})
    if unknown:
        raise ExpressionError(f"--gradient uses {', '.join(unknown)}, which has no value")
    return lambda **names: [float(expression(names)) for expression in expressions]


def write(report: GradientReport, path: Path) -> None:
    """Write the report's page, whole or not at all."""
    if path.is_dir() or not path.name:
        raise IsADirectoryError(f"the report goes into a file, and {str(path)!r} is a directory")
    try:
        with replacing(path) as temporary:
            temporary.write_text(report.to_html(), encoding="utf-8")
    except OSError as error:
        raise OSError(f"cannot write {str(path)!r}: {error.strerror}") from error


def show(report: GradientReport, plain: bool) -> None:
    """Print the report: in color on a terminal where rich is installed, else as text."""
    if not plain and sys.stdout.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            console = Console()
            console.print(report)
            for line in (*map(str, report.faults), *report.hints):
                console.print(line, markup=False, style="red")
            return
    print(report)


if __name__ == "__main__":
    raise SystemExit(main())
