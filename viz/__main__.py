"""`python -m viz draw|step|show|latex "a*b + tanh(c)" a=2 b=-3 c=10`: its graph, from the shell.

`python -m viz playground` writes a page where an expression is typed.
"""

import argparse
import sys
from collections.abc import Sequence

from autograd_core.engine.value import Value
from autograd_core.errors import AutogradError
from autograd_core.expressions import evaluate_expression, numbers_given, parse_expression, shell_arguments
from viz.drawing import draw
from viz.latex import latex
from viz.player import Player, step
from viz.playground import EXPRESSION, save_playground


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if what was asked for cannot be done, with the reason on the error output.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(shell_arguments(given, ["-o", "--output"]))
    options.expression = options.expression.strip()
    try:
        options.run(options)
    except (AutogradError, OSError, ImportError, ValueError, ArithmeticError) as error:
        print(f"viz: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m viz", description="Draw and step through the graph of an expression."
    )
    commands = parser.add_subparsers(required=True, metavar="draw | step | show | latex | playground")
    for name, run, text in (
        ("draw", _draw, "write a picture of the graph, after a sweep"),
        ("step", lambda to: print(_player(to).save_html(to.output)), "write a page that steps through it"),
        ("show", lambda to: _player(to).show(), "step through it in this terminal"),
        (
            "latex",
            lambda to: print(latex(_root(to), numbers=to.numbers, digits=to.digits)),
            "print the expression, its partials and the summed chain rule as LaTeX",
        ),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("expression", help='such as "a*b + tanh(c)"')
        command.add_argument(
            "names", nargs="*", metavar="name=number", help="the numbers that the names stand for"
        )
        command.add_argument("--digits", type=int, default=4, help="significant digits (4)")
        if name == "latex":
            command.add_argument("--numbers", action="store_true", help="add the number of each line")
            continue
        command.add_argument(
            "--direction", choices=["LR", "TB"], default="LR", help="left to right, or top to bottom"
        )
        if name != "show":
            default, help_ = (
                ("graph.svg", "svg, png, dot, mmd, md ... by its suffix")
                if name == "draw"
                else ("player.html", "a page")
            )
            command.add_argument("-o", "--output", default=default, help=f"{help_} ({default})")
    command = commands.add_parser("playground", help="write a page where an expression is typed")
    command.set_defaults(run=lambda to: print(save_playground(to.output, to.expression)))
    command.add_argument("expression", nargs="?", default=EXPRESSION, help=f"to begin with ({EXPRESSION})")
    command.add_argument("-o", "--output", default="playground.html", help="a page (playground.html)")
    return parser


def _draw(options: argparse.Namespace) -> None:
    root = _root(options)
    root.backward()
    print(draw(root, direction=options.direction, digits=options.digits).save(options.output))


def _player(options: argparse.Namespace) -> Player:
    return step(_root(options), direction=options.direction, digits=options.digits, title=options.expression)


def _root(options: argparse.Namespace) -> Value:
    given = numbers_given(options.names)
    used = parse_expression(options.expression).names
    unused = [name for name in given if name not in used]
    if unused:
        raise ValueError(f"{', '.join(unused)} is not in {options.expression!r}: take it out, or use it")
    root, names = evaluate_expression(options.expression, given)
    if not names:
        raise ValueError(f"{options.expression!r} has no name in it, so there is nothing to differentiate by")
    return root


if __name__ == "__main__":
    sys.exit(main())
