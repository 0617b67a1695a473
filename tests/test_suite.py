"""The suite itself: it passes on any machine, however slow or busy."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = [path for folder in ("tests", "notebooks", "docs") for path in (ROOT / folder).rglob("test_*.py")]
CLOCKS = {
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "thread_time",
    "time",
    "time_ns",
}


def clocks(tree):
    """Where a clock of the module time is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS and ast.unparse(node.value) == "time":
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if alias.name in CLOCKS)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_test_reads_a_clock(path):
    """Speed is measured by `make bench`; a test counts calls, nodes or numbers instead."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    assert [f"line {line}" for line in clocks(tree)] == []


def test_a_clock_would_be_found():
    found = clocks(ast.parse("import time\nstart = time.perf_counter()\nfrom time import process_time"))
    assert sorted(found) == [2, 3]
