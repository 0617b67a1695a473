"""The command line of a benchmark made of parts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

Part = Callable[[bool], Any]


def run_parts(parts: Mapping[str, Part], description: str | None, heading: str) -> None:
    """Run the parts that the command line asks for, by default all.

    Args:
        parts: each by its name; called with True where ``--quick`` is asked for.
        description: what ``--help`` says.
        heading: printed before the first part.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(parts)}; by default all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller graphs")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    print(f"# {heading}")
    for part in options.parts or parts:
        parts[part](options.quick)
