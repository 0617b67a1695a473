"""Where memory ends, MemoryError is raised, and the graph is what it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHILDREN = int(os.environ.get("AUTOGRAD_CHILDREN", "20"))  # 200 before a release


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process's memory as Linux does")
def test_no_child_that_runs_out_of_memory_aborts():
    script = Path(__file__).with_name("little_memory.py")
    outcomes = []
    for seed in range(CHILDREN):
        run = subprocess.run(
            [sys.executable, str(script), str(seed)], capture_output=True, text=True, timeout=300
        )
        assert run.returncode == 0, f"seed {seed}: {run.returncode} {run.stderr[-2000:]}"
        outcomes.append(run.stdout)
    assert any("MemoryError" in outcome for outcome in outcomes)
