"""Make the notebooks from their sources, and run them, so that they show what today's code shows.

python notebooks/refresh.py [03 07 ...]

Writes the student's notebook beside this file and the instructor's to out/instructor. Both show the outputs
of one run with the answers filled in; the student's shows none for an exercise.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from running import (
    INSTRUCTOR,
    instructor,
    kernel,
    run,
    sources,
    student,
    student_path,
)

WIDGETS = "application/vnd.jupyter.widget-view+json"
CELL_FILE = re.compile(r"[^\s(]*/ipykernel_\d+/\d+\.py:")


def main() -> None:
    """Refresh the lectures whose numbers are given, or all."""
    for source in sources():
        if len(sys.argv) == 1 or source.name[:2] in sys.argv[1:]:
            refresh(source)
            size = student_path(source).stat().st_size / 1024
            print(f"{source.stem}: {size:.0f} kB", flush=True)


def refresh(source: Path) -> None:
    """Run a lecture from top to bottom and write both notebooks, or neither."""
    notebook = instructor(source)
    with (
        tempfile.TemporaryDirectory() as folder,
        kernel(notebook, Path(folder)) as client,
    ):
        run(client)
    normalize(notebook)
    INSTRUCTOR.mkdir(parents=True, exist_ok=True)
    write(notebook, INSTRUCTOR / f"{source.stem}.ipynb")
    write(student(notebook), student_path(source))


def write(notebook: Any, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    partial = path.with_suffix(".part")
    nbformat.write(notebook, partial)
    partial.replace(path)


def normalize(notebook: Any) -> None:
    """Keep what a reader sees, and nothing that differs from run to run.

    Widgets need a kernel; beside each stands its picture as HTML, which needs none. The file of a cell has
    another name in every run.
    """
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGETS, None)
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
            if "text" in output:
                output.text = CELL_FILE.sub("cell:", output.text)


if __name__ == "__main__":
    main()
