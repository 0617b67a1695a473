"""Fuzz Programs: random graphs, derivatives and trainings against the eager engine, to the bit.

    python -m tests.property.fuzz_programs --seconds 60 --seed 1

Every case has a seed; one that fails is shrunk and printed with the command that runs it again.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from typing import Any

import autograd_core as ag
from autograd_core.programs.tapes import compiled
from tests.property.random_derivatives import DerivativeCase
from tests.property.random_programs import Case, builds, random_case, random_numbers, shrunk
from tests.property.random_trainings import random_training

KINDS = {
    "graphs": random_case,
    "numbers": random_numbers,
    "trainings": random_training,
    "derivatives": DerivativeCase,
}


def main(arguments: list[str] | None = None) -> int:
    """Run cases until the time is up; return 1 if one failed."""
    given = _parse(arguments)
    counts: collections.Counter[str] = collections.Counter()
    per_build: collections.Counter[str] = collections.Counter()
    end, seed, failures = time.monotonic() + given.seconds, given.seed, 0
    while counts.total() < given.count if given.count else time.monotonic() < end:
        only = given.only or {0: "trainings", 1: "numbers", 2: "derivatives", 3: "derivatives"}.get(
            seed % 8, "graphs"
        )
        case: Any = KINDS[only](seed)
        try:
            kind, found = case.run()
            kind = f"numbers, {kind}" if only == "numbers" else kind
        except Exception as error:  # the case itself is of interest, too
            kind, found = "broken", f"{type(error).__name__}: {error}"
        counts[kind] += 1
        if isinstance(case, Case):
            per_build.update({build for build, *_ in case.ways})
        if found:
            failures += 1
            _tell(only, seed, case, found)
            if failures >= given.failures:
                break
        seed += 1
    print(f"seeds {given.seed} ... {seed - 1}: {counts.total()} cases, {failures} failed")
    print("  " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    print(
        "  graphs per build: "
        + ", ".join(f"{count} {build or 'uncompiled'}" for build, count in sorted(per_build.items()))
    )
    return 1 if failures else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.property.fuzz_programs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--count", type=int, default=0, help="how many cases, instead of how long")
    parser.add_argument("--seed", type=int, default=None, help="of the first case; drawn if left out")
    parser.add_argument("--only", choices=sorted(KINDS), help="only one kind of case")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many")
    given = parser.parse_args(arguments)
    if given.seed is None:
        given.seed = random.randrange(10**9)
    engine = "compiled" if ag.COMPILED else "uncompiled"
    print(
        f"seed {given.seed}; {engine} engine, builds {', '.join(builds()) if compiled() else 'none'}",
        flush=True,
    )
    return given


def _tell(only: str, seed: int, case: Any, found: str) -> None:
    print(f"FAILED, seed {seed}: {found}", flush=True)
    if isinstance(case, Case):
        case = shrunk(case, _fails)
        print(f"shrunk to {len(case.seeds)} lanes, ways {case.ways}: {_message(case)}\n{case.plan}")
    else:
        print(case)
    print(f"again: python -m tests.property.fuzz_programs --only {only} --seed {seed} --count 1", flush=True)


def _message(case: Case) -> str:
    try:
        return case.run()[1]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _fails(case: Case) -> bool:
    return bool(_message(case))


if __name__ == "__main__":
    sys.exit(main())
