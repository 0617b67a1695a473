"""The lectures' one source and the notebooks made from it: what the tests and `refresh.py` share.

`source/NN-name.md` (MyST Markdown, read by jupytext) is the source of a lecture, answers included. Two
notebooks are made from it:

- the student's, `NN-name.ipynb`, committed with its outputs: `# your code here` in place of each answer;
- the instructor's, `out/instructor/NN-name.ipynb`: everything, run from top to bottom.

Both carry nbgrader's metadata: an answer cell is a solution, the cell below it checks it and is graded.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
INSTRUCTOR = FOLDER.parent / "out" / "instructor"
HANG = 120  # seconds after which a cell is taken to hang
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
SOLUTION = re.compile(
    r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.MULTILINE | re.DOTALL
)
EXERCISE = re.compile(r"^\*\*(\d+\.\d+)\*\*", re.MULTILINE)


def sources() -> list[Path]:
    """The sources of the lectures, in order."""
    return sorted(FOLDER.glob("source/[0-9][0-9]-*.md"))


def student_path(source: Path) -> Path:
    """Where the student's notebook of a lecture is."""
    return FOLDER / f"{source.stem}.ipynb"


def read(path: Path) -> Any:
    """A notebook, its format checked."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def instructor(source: Path) -> Any:
    """The whole lecture, answers included, not yet run."""
    notebook = jupytext.read(source, fmt="md:myst")
    notebook.metadata = nbformat.from_dict(METADATA)
    number = "0"
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:02}"
        number = (
            EXERCISE.findall(cell.source) or [number]
            if cell.cell_type == "markdown"
            else [number]
        )[-1]
        kept = {"tags": tags(cell)} if tags(cell) else {}
        if set(tags(cell)) & {"answer", "check"}:
            kept["nbgrader"] = grading(number, "answer" in tags(cell))
        cell.metadata = nbformat.from_dict(kept)
    nbformat.validate(notebook)
    return notebook


def grading(number: str, solution: bool) -> dict[str, Any]:
    """What nbgrader wants to know about a cell of an exercise."""
    kind = "answer" if solution else "check"
    grade = {} if solution else {"points": 1}
    return {
        "grade": not solution,
        "grade_id": f"{kind}-{number.replace('.', '-')}",
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        **grade,
    }


def student(notebook: Any) -> Any:
    """A copy without the answers and without what was printed about them."""
    result = copy.deepcopy(notebook)
    for cell in result.cells:
        if "answer" in tags(cell):
            cell.source = without_answer(cell.source)
        if set(tags(cell)) & {"answer", "check"}:
            cell.outputs = []
            cell.execution_count = None
    return result


def without_answer(code: str) -> str:
    """The code of an answer cell with `# your code here` in place of its solutions."""
    return SOLUTION.sub(_stub, code)


def _stub(match: re.Match[str]) -> str:
    indent = match[1]
    return f"{indent}# your code here" + (f"\n{indent}..." if indent else "")


def tags(cell: Any) -> list[str]:
    """The cell's tags."""
    return list(cell.metadata.get("tags", []))


@contextmanager
def kernel(notebook: Any, folder: Path) -> Iterator[NotebookClient]:
    """A client with a kernel of this interpreter, whatever else is installed."""
    specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=HANG,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    with client.setup_kernel():
        found = client.kc
        channels = (
            found.shell_channel,
            found.iopub_channel,
            found.stdin_channel,
            found.control_channel,
        )
        sockets = [channel.socket for channel in channels]
        yield client
    # The client leaves its sockets to the garbage collector, which warns.
    for socket in sockets:
        socket.close(linger=0)


def run(client: NotebookClient) -> None:
    """Execute every cell from top to bottom; the first error raises."""
    for index, cell in enumerate(client.nb.cells):
        client.execute_cell(cell, index)
