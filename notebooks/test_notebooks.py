"""Every lecture runs, and its exercises tell a right answer from a wrong one."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

sys.path.insert(0, str(Path(__file__).parent))

from running import (
    FOLDER,
    instructor,
    kernel,
    read,
    sources,
    student,
    student_path,
    tags,
    without_answer,
)

LECTURES = sources()
WRONG = 5  # plausible wrong answers to each exercise
pytestmark = [
    pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning"),
    # the kernel's sockets are closed by its own loop
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
by_lecture = pytest.mark.parametrize("source", LECTURES, ids=lambda path: path.stem)


def wrong_answers(source):
    """The wrong answers to a lecture's exercises, by exercise."""
    text = (FOLDER / "wrong" / f"{source.stem[:2]}.py").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^# %% ", text, flags=re.MULTILINE)[1:]:
        title, _, code = part.partition("\n")
        found.setdefault(title.split()[0], []).append((title, code))
    return found


def number_of(cell):
    """The exercise that a cell of a lecture belongs to, "3.1"."""
    return re.sub(r"\D+(\d+)-(\d+)", r"\1.\2", cell.metadata.nbgrader.grade_id)


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_lectures_are_numbered_in_order():
    assert [path.name[:2] for path in LECTURES] == [
        f"{k:02}" for k in range(len(LECTURES))
    ]


@by_lecture
def test_a_lecture_runs_and_its_checks_tell_right_from_wrong_and_from_nothing(
    source, tmp_path
):
    notebook = instructor(source)
    wrong = wrong_answers(source)
    with kernel(notebook, tmp_path) as client:

        def refused(code, check):
            """What a check says to an answer that it must not accept."""
            with pytest.raises(CellExecutionError) as caught:
                client.execute_cell(new_code_cell(f"{code}\n{check.source}"), 0)
            return caught.value.ename

        for index, cell in enumerate(notebook.cells):
            if "answer" in tags(cell):
                check = notebook.cells[index + 1]
                refused(without_answer(cell.source), check)
                plausible = wrong.pop(number_of(cell))
                assert len(plausible) >= WRONG, number_of(cell)
                for title, code in plausible:
                    assert refused(code, check) == "AssertionError", title
            client.execute_cell(cell, index)
            if "check" in tags(cell):
                assert printed(cell).strip().endswith("right"), number_of(cell)
    assert not wrong, "answers to exercises that are not there"


@by_lecture
def test_a_lecture_opens_with_what_one_will_learn_and_closes_with_exercises(source):
    notebook = instructor(source)
    assert notebook.cells[0].source.startswith(f"# {int(source.name[:2])}. ")
    assert "**What you will learn**" in notebook.cells[0].source
    answers = [i for i, cell in enumerate(notebook.cells) if "answer" in tags(cell)]
    assert len(answers) >= 3
    for i in answers:
        check = notebook.cells[i + 1]
        assert "check" in tags(check)
        for line in re.findall(
            r"^ *assert .*?(?=^\S|\Z)", check.source, re.M | re.S
        ):
            assert "got" in line, f"a check that does not say what came: {line}"


@by_lecture
def test_the_student_copy_is_current_and_holds_no_answer(source):
    kept = read(student_path(source))
    made = student(instructor(source))
    assert [cell.source for cell in kept.cells] == [
        cell.source for cell in made.cells
    ]
    assert [cell.metadata for cell in kept.cells] == [
        cell.metadata for cell in made.cells
    ]
    for cell in kept.cells:
        assert "SOLUTION" not in cell.source
        if "answer" in tags(cell):
            assert "# your code here" in cell.source
        if set(tags(cell)) & {"answer", "check"}:
            assert not cell.outputs


@by_lecture
def test_a_lecture_uses_public_names_only(source):
    for cell in instructor(source).cells:
        if cell.cell_type == "code":
            for line in cell.source.splitlines():
                assert not re.search(r"\._[a-z]", line), f"a private name: {line}"


@by_lecture
def test_a_lecture_carries_the_pictures_that_its_cells_show(source):
    for cell in read(student_path(source)).cells:
        if cell.cell_type == "code" and (
            "viz." in cell.source.splitlines()[-1] or "plt.show()" in cell.source
        ):
            shown = {
                kind for output in cell.outputs for kind in output.get("data", {})
            }
            assert shown & {"image/svg+xml", "image/png", "text/html", "text/latex"}
