"""The engine under Pyodide, Python in WebAssembly, as a browser runs it: uncompiled, without NumPy.

Node.js runs it, with the npm package `pyodide` that docs/package.json names (`npm install` in docs).
"""

import importlib
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
FILES = (
    "tests/autograd_core/test_expressions.py",
    "tests/autograd_core/test_micrograd.py",
    "tests/autograd_core/engine/test_sweep.py",
    "tests/autograd_core/checking/test_gradient_report.py",
)
PURE = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
pytestmark = pytest.mark.skipif(
    not ((TOP / "docs/node_modules/pyodide").exists() and shutil.which("node")),
    reason="needs Node.js and the npm package pyodide",
)


def test_the_tests_that_need_no_numpy_pass_in_webassembly(tmp_path):
    for name in PURE:
        path = Path(importlib.import_module(name).__file__)
        if path.name == "__init__.py":
            shutil.copytree(
                path.parent, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
            )
        else:
            shutil.copy(path, tmp_path)
    command = ["node", "--stack-size=3900", "tests/pyodide.mjs", str(tmp_path), *FILES]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
