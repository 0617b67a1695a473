"""Where the peers live, and what machine this is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv-bench"
PEERS = ("micrograd==0.1.0", "torch==2.13.0", "jax", "casadi", "numpy")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def peers_python() -> str:
    """Return the interpreter of the peers' own environment, which is made first if need be."""
    python = HOME / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = HOME / "peers.txt"
    wanted = "\n".join(PEERS)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing {', '.join(PEERS)} into {HOME.name}", file=sys.stderr)
        venv.create(HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)


def one_thread() -> dict[str, str]:
    """Return an environment in which every library uses one thread and chooses its own kernels."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    environment.update(dict.fromkeys(_ONE_THREAD, "1"), PYTHONHASHSEED="0", PYTHONPATH=str(ROOT))
    return environment


def machine() -> str:
    """Return a line that names the machine."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
