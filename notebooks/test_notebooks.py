"""Every lecture runs, and its exercises are checked by cells that can fail."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

sys.path.insert(0, str(Path(__file__).parent))

from running import LIMIT, exercises, kernel, names_defined, paths, read, run, tags

LECTURES = paths()
pytestmark = [
    pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning"),
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # the kernel's sockets are closed by its own loop
]


def name(path: Path) -> str:
    return path.stem


def test_the_lectures_are_numbered_in_order():
    assert [path.name[:2] for path in LECTURES] == [
        f"{k:02}" for k in range(1, len(LECTURES) + 1)
    ]


@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_a_lecture_runs_in_a_minute_and_its_checks_fail_without_the_answers(
    path, tmp_path
):
    notebook = read(path)
    start = time.perf_counter()
    with kernel(notebook, tmp_path) as client:
        run(client)
        assert time.perf_counter() - start < LIMIT
        for answer, check in exercises(notebook):
            check_fails_without(client, answer, check)
            client.execute_cell(answer, 0)


def check_fails_without(client, answer, check):
    """A reader who has no answer yet is told so."""
    blank = " = ".join([*names_defined(answer.source), "None"])
    with pytest.raises(CellExecutionError):
        client.execute_cell(new_code_cell(f"{blank}\n{check.source}"), 0)


@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_a_lecture_opens_with_what_one_will_learn_and_closes_with_checked_exercises(
    path,
):
    notebook = read(path)
    assert notebook.cells[0].source.startswith(f"# {int(path.name[:2])}. ")
    assert "**What you will learn**" in notebook.cells[0].source
    pairs = exercises(notebook)
    assert len(pairs) >= 3
    for _, check in pairs:
        assert check is not None
        assert "check" in tags(check)
        assert "assert" in check.source


@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_a_lecture_uses_public_names_only(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            for line in cell.source.splitlines():
                assert not re.search(r"\._[a-z]", line), f"a private name: {line}"


@pytest.mark.parametrize("path", LECTURES, ids=name)
def test_a_lecture_carries_the_pictures_that_its_cells_show(path):
    for cell in read(path).cells:
        if cell.cell_type == "code" and (
            "viz." in cell.source.splitlines()[-1] or "plt.show()" in cell.source
        ):
            shown = {
                kind for output in cell.outputs for kind in output.get("data", {})
            }
            assert shown & {"image/svg+xml", "image/png", "text/html"}, cell.source
