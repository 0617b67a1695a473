"""The slides stand alone, show the whole lecture and no exercise."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running import read, sources, student_path
from slides import (
    PACKAGES,
    SQUEEZED,
    THIN,
    divide,
    height,
    is_heading,
    slides,
)

LECTURES = sources()
by_lecture = pytest.mark.parametrize("source", LECTURES, ids=lambda path: path.stem)


def pages(notebook):
    """The cells of each slide."""
    found = []
    for cell in notebook.cells:
        if cell.metadata.slideshow.slide_type == "slide":
            found.append([])
        found[-1].append(cell)
    return found


@by_lecture
def test_the_slides_are_the_lecture_in_order_without_its_exercises(source):
    notebook = read(student_path(source))
    lecture = "".join(cell.source for cell in notebook.cells)
    divide(notebook)
    assert (
        "".join(cell.source for cell in notebook.cells)
        == lecture.partition("## Exercises")[0]
    )
    for page in pages(notebook):
        high = sum(map(height, page))
        assert high >= THIN, page[0].source
        assert len(page) == 1 or high <= SQUEEZED, page[0].source
        assert sum(map(is_heading, page[1:])) <= 1, page[0].source


def test_a_page_of_slides_needs_no_other_file():
    if not (PACKAGES / "reveal.js").exists():
        pytest.skip("needs npm's packages: npm install in docs")
    page = slides(read(student_path(LECTURES[3])))
    outside = re.findall(
        r"<(?:script|link|img)[^>]* (?:src|href)=.([^d'+][^>]*)", page
    )
    assert outside == []
    assert "Reveal.initialize" in page
    assert "renderMathInElement" in page
