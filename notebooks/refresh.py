"""Execute the lectures in place, so that they show what today's code shows.

python notebooks/refresh.py [03 07 ...]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

from running import kernel, paths, read, run

WIDGETS = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def main() -> None:
    """Refresh the lectures whose numbers are given, or all."""
    for path in paths():
        if len(sys.argv) == 1 or path.name[:2] in sys.argv[1:]:
            start = time.perf_counter()
            refresh(path)
            seconds = time.perf_counter() - start
            print(
                f"{path.name}: {seconds:.1f} s, {path.stat().st_size / 1024:.0f} kB"
            )


def refresh(path: Path) -> None:
    """Run a notebook from top to bottom and write it back, whole or not at all."""
    notebook = read(path)
    with (
        tempfile.TemporaryDirectory() as folder,
        kernel(notebook, Path(folder)) as client,
    ):
        run(client)
    normalise(notebook)
    partial = path.with_suffix(".part")
    nbformat.write(notebook, partial)
    partial.replace(path)


def normalise(notebook: Any) -> None:
    """Keep what a reader sees, and nothing that differs from run to run.

    Widgets need a kernel; beside each stands its picture as HTML, which needs none.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:02}"
        cell.metadata = nbformat.from_dict(
            {"tags": cell.metadata.tags} if cell.metadata.get("tags") else {}
        )
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGETS, None)
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})


if __name__ == "__main__":
    main()
