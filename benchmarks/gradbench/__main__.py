"""The tool: GradBench's messages on standard input, answers on standard output."""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

from .problems import PROBLEMS


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a message, without its number."""
    kind = message["kind"]
    if kind == "start":
        return {"tool": "autograd-core"}
    if kind == "define":
        known = message["module"] in PROBLEMS
        return {"success": known} if known else {"success": False, "error": "not done"}
    if kind == "evaluate":
        try:
            return evaluate(message["module"], message["function"], message["input"])
        except Exception as error:
            return {"success": False, "error": "".join(traceback.format_exception(error))}
    return {}


def evaluate(module: str, name: str, given: Any) -> dict[str, Any]:
    """Run a function as often as its input asks for."""
    function = PROBLEMS[module][name]
    runs, seconds = (given["min_runs"], given["min_seconds"]) if isinstance(given, dict) else (1, 0.0)
    started = time.perf_counter_ns()
    prepared = function.prepare(given)
    timings = [{"name": "prepare", "nanoseconds": time.perf_counter_ns() - started}]
    spent = 0
    while len(timings) <= runs or spent < seconds * 1e9:
        started = time.perf_counter_ns()
        result = function.work(prepared)
        took = time.perf_counter_ns() - started
        timings.append({"name": "evaluate", "nanoseconds": took})
        spent += took
    return {"success": True, "output": function.answer(result), "timings": timings}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if message["kind"] == "end":
            return
        print(json.dumps({"id": message["id"], **answer(message)}), flush=True)


if __name__ == "__main__":
    main()
