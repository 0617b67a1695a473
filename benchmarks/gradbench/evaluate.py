"""Run GradBench's own evaluations: ``python -m benchmarks.gradbench.evaluate CHECKOUT llsq -n 16``.

GradBench validates with its hand-written C++ (``tools/manual``), which is built when it is first needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .__main__ import answer


def main() -> int:
    """Evaluate one problem; print a line for each answer; return 1 if one is not valid."""
    checkout, module, *options = sys.argv[1:]
    root = Path(checkout)
    if module not in ("hello", "saddle", "particle"):
        subprocess.run(["make", "-s", "-C", str(root / "tools/manual"), f"bin/{module}"], check=True)
    path = os.pathsep.join(filter(None, [str(root / "python/gradbench"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-m", f"gradbench.evals.{module}.run", *options]
    failed = 0
    with subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as evaluation:
        assert evaluation.stdin is not None
        assert evaluation.stdout is not None
        label = ""
        for line in evaluation.stdout:
            message = json.loads(line)
            reply = answer(message)
            if message["kind"] == "evaluate":
                times = [t["nanoseconds"] for t in reply.get("timings", ()) if t["name"] == "evaluate"]
                label = f"{message['function']} {message.get('description', '')}"
                print(f"{label}: {min(times) / 1e6:.4f} ms" if times else f"{label}: {reply.get('error')}")
            elif message["kind"] == "analysis":
                failed += not message["valid"]
                print(f"    {'valid' if message['valid'] else message.get('error')}")
            print(json.dumps({"id": message["id"], **reply}), file=evaluation.stdin, flush=True)
    return 1 if failed or evaluation.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
