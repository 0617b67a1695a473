"""What is generated is what the rows of operations.py say, and nothing else."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_core
from autograd_core import OPERATIONS, operation
from autograd_core.calculus.codegen import files, header_text

PACKAGE = Path(autograd_core.__file__).parent
HEADER = PACKAGE / "calculus" / "operations.h"
FILES = files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path):
    """If this fails, run ``make generate``."""
    assert path.read_text(encoding="utf-8") == FILES[path]


def test_a_new_row_is_all_that_a_new_operation_takes(tmp_path):
    """The generator needs no engine, and writes the method, its stub, the function and the C of a new row."""
    copy = tmp_path / "autograd_core"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    rows = copy / "calculus" / "elementary.py"
    text = rows.read_text(encoding="utf-8")
    row = """

row(
    "cubed_in_tests",
    lambda x: x * x * x,
    lambda x, y: 3.0 * x * x,
    summary="x * x * x.",
    definition="x ** 3",
    ordinary=anywhere,
)
"""
    rows.write_text(text + row, encoding="utf-8")
    for _ in range(2):  # the second time from what the first has written
        command = [sys.executable, str(copy / "calculus" / "generate.py")]
        subprocess.run(command, check=True, capture_output=True)
    program = (
        "import autograd_core as ag; from autograd_core.expressions import evaluate_expression as e;"
        "from autograd_core.checking.strategies import kinds;"
        "x = ag.Value(2.0); x.cubed_in_tests().backward();"
        "print(x.grad, ag.cubed_in_tests(2.0), e('cubed_in_tests(x)', {'x': 2.0})[0].data,"
        "'cubed_in_tests' in kinds())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "AUTOGRAD_UNCOMPILED": "1"},
    )
    assert done.stdout.split() == ["12.0", "8.0", "8.0", "True"]
    header = (copy / "calculus" / "operations.h").read_text(encoding="utf-8")
    assert "double v_cubed_in_tests(double a)" in header
    assert "OP_CUBED_IN_TESTS" in (copy / "calculus" / "operations.pxi").read_text(encoding="utf-8")
    assert "def cubed_in_tests(self) -> Value:" in (copy / "engine" / "value.pyi").read_text(encoding="utf-8")


def test_every_native_operation_has_its_functions_in_the_header():
    text = header_text()
    for name, rule in OPERATIONS.items():
        if not rule.identifier:
            continue
        assert re.search(rf"OP_{name.upper()} = {rule.identifier}\b", text)
        if rule.native and rule.arity:
            assert f"double v_{name}(" in text
            for operand in range(rule.arity):
                assert f"double d{operand}_{name}(" in text
        elif not rule.native:
            assert f"v_{name}(" not in text


def test_user_defined_operations_stay_out_of_the_header():
    @operation(lambda x, y: 1.0, name="not_in_the_header")
    def _(x):
        return x

    try:
        assert "not_in_the_header" not in header_text()
        assert HEADER.read_text(encoding="utf-8") == header_text()
    finally:
        del OPERATIONS["not_in_the_header"]


def test_nothing_in_the_header_can_be_contracted_or_reordered():
    text = re.sub(r"/\*.*?\*/", "", header_text(), flags=re.S)
    assert "fma" not in text
    assert "powl" not in text
    assert not re.search(r"\bfloat\b", text)
