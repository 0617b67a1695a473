"""Run the examples of a page and write what they print today into it.

python docs/refresh.py docs/bugs.md
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Recorder(doctest.DocTestRunner):
    """Runs a block's examples and keeps what each printed."""

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.printed: dict[int, str] = {}

    def report_failure(self, out: Any, test: Any, example: doctest.Example, got: str) -> None:
        """Called when what was printed is not what the page says."""
        self.printed[example.lineno] = got

    def report_unexpected_exception(self, out: Any, test: Any, example: doctest.Example, error: Any) -> None:
        """An example of a page never fails unannounced."""
        raise error[1]


def refreshed(text: str, name: str) -> str:
    """The page with the outputs of its `pycon` blocks made anew; its `python` blocks are run."""
    names: dict[str, Any] = {"__name__": name}

    def run(match: re.Match[str]) -> str:
        language, code = match.groups()
        if language == "python":
            exec(compile(code, name, "exec"), names)
            return match[0]
        test = doctest.DocTestParser().get_doctest(code, names, name, name, 0)
        recorder = Recorder()
        recorder.run(test, clear_globs=False)
        names.update(test.globs)
        lines = []
        for example in test.examples:
            source = example.source.rstrip("\n").split("\n")
            lines += [f">>> {source[0]}", *(f"... {line}" for line in source[1:])]
            lines.append(recorder.printed.get(example.lineno, example.want).rstrip("\n"))
        return "```pycon\n" + "\n".join(line for line in lines if line) + "\n```"

    return BLOCK.sub(run, text)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(refreshed(path.read_text(encoding="utf-8"), path.stem), encoding="utf-8")
