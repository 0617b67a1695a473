"""One peer and one workload in a process of its own: it sets up, then times as many steps as it is asked for.

It speaks lines: ``run N`` is answered by the seconds that N steps took, ``loss`` by the last step's
objective.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Answer the harness until it closes the line."""
    peer, workload, *options = sys.argv[1:]
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    step: Any = module.prepare(workload, *options)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "run":
            started = time.perf_counter()
            counted = step(int(arguments[0]))  # a peer may count by itself what is a step
            elapsed = time.perf_counter() - started
            print(elapsed if counted is None else counted, flush=True)
        elif command == "loss":
            print(repr(float(step.loss())), flush=True)
        else:
            return


if __name__ == "__main__":
    main()
