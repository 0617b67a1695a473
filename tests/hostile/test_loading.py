"""What loads where something compiled is missing or cannot be loaded, and that it is told."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import autograd_core as ag
from autograd_core._load import ENGINE

PACKAGE = Path(ag.__file__).parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
PROGRAM = """
import sys, warnings
sys.modules["cython"] = None  # as where Cython is not installed
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import autograd_core as ag
    x = ag.Value(3.0)
    y = ag.dot([x, x], [x, 1.0]).tanh() + ag.softmax([x, 1.0])[0]
    y.backward()
    program = ag.record(lambda x: x * x, 1.0)
    program.value_and_grad([3.0])
    program.value_and_grad([3.0])
assert sys.modules["cython"] is None
print(ag.COMPILED, len(caught))
print(*[warning.message for warning in caught])
"""


def run_copy(folder, compiled):
    """Run PROGRAM with a copy of the package; `compiled` gives the compiled files to take along."""
    for path in [*PACKAGE.rglob("*.py"), *compiled]:
        target = folder / path.relative_to(PACKAGE.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return lambda: subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
    ).stdout.split("\n")


def test_the_sources_run_without_cython_and_one_warning_tells(tmp_path):
    first, told, *_ = run_copy(tmp_path, [])()
    assert first == "False 1"
    assert "was not compiled when the package was installed" in told


@pytest.mark.skipif(not ag.COMPILED, reason="takes the compiled files along")
@pytest.mark.parametrize("name", ENGINE)
def test_a_compiled_module_that_cannot_be_loaded_is_told_and_the_sources_take_over(tmp_path, name):
    files = [PACKAGE / "engine" / f"{module}{SUFFIX}" for module in ENGINE]
    run = run_copy(tmp_path, [path for path in files if path.exists()])
    (tmp_path / "autograd_core" / "engine" / f"{name}{SUFFIX}").write_bytes(b"not a library")
    first, told, *_ = run()
    assert first == "False 1"
    assert f"the compiled module autograd_core.engine.{name} cannot be loaded" in told


@pytest.mark.skipif(not ag.COMPILED, reason="takes the compiled files along")
def test_a_missing_interpreter_of_programs_is_told_once(tmp_path):
    first, told, *_ = run_copy(tmp_path, (PACKAGE / "engine").glob(f"*{SUFFIX}"))()
    assert first == "True 1"
    assert "Programs run uncompiled" in told


def test_the_state_of_threads_needs_no_static_room_where_musl_loads_modules():
    text = (PACKAGE / "engine" / "node.h").read_text(encoding="utf-8")
    model = text.index('tls_model("initial-exec")')
    assert "__GLIBC__" in text[:model].rsplit("#elif", 1)[1]
