"""Running notebooks: what the tests and `python notebooks/refresh.py` share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
LIMIT = 60.0  # seconds a whole notebook may take


def paths() -> list[Path]:
    """The lectures, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]-*.ipynb"))


def read(path: Path) -> Any:
    """A notebook, its format checked."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


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
        timeout=int(LIMIT),
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
    for (
        socket
    ) in sockets:  # the client leaves them to the garbage collector, which warns
        socket.close(linger=0)


def run(client: NotebookClient) -> None:
    """Execute every cell from top to bottom; the first error raises."""
    for index, cell in enumerate(client.nb.cells):
        client.execute_cell(cell, index)


def exercises(notebook: Any) -> list[tuple[Any, Any]]:
    """Each answer cell with the cell that checks it, which is the next one."""
    cells = notebook.cells
    return [
        (cell, cells[index + 1] if index + 1 < len(cells) else None)
        for index, cell in enumerate(cells)
        if "answer" in tags(cell)
    ]


def names_defined(source: str) -> list[str]:
    """The names that a cell assigns or defines, outside its functions."""
    names: list[str] = []
    pending: list[Any] = list(ast.parse(source).body)
    for statement in pending:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            found = [n for target in statement.targets for n in ast.walk(target)]
            names += [n.id for n in found if isinstance(n, ast.Name)]
        else:
            pending += getattr(statement, "body", [])
    return names
