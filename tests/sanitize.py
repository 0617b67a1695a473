"""Build the extensions with GCC's sanitizers, apart from the usual build; run tests and the fuzzer on them.

    python -m tests.sanitize address    # AddressSanitizer with leak check, UndefinedBehaviorSanitizer
    python -m tests.sanitize thread     # ThreadSanitizer: threads that share a Program or its blocks

A finding ends its run with a report; the others still run, and the status is then 1.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FLAGS = {
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
    "thread": ["-fsanitize=thread"],
}
# One of the tape's vector builds, four doubles wide, and few optimizations: all would take many minutes.
COMMON_FLAGS = ["-fno-omit-frame-pointer", "-g1", "-O1", "-DONE_BUILD"]
LIBRARIES = {"address": ("asan", "ubsan"), "thread": ("tsan",)}
OPTIONS = {
    "PYTHONMALLOC": "malloc",  # so that objects have red zones, too
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:"
    "max_malloc_fill_size=1000000000:malloc_fill_byte=255",  # fresh memory holds NaNs
    "LSAN_OPTIONS": f"print_suppressions=0:suppressions={ROOT / 'build' / 'leaks.txt'}",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=66",
}
SUPPRESSED = "leak:traceback_new\n"  # of Python's tracemalloc
LEAKING = ("numpy", "pytest")  # what leaks once, when it is imported
PARAMETERS = 3  # of a parametrised test, so many: a sanitizer takes ten times as long
TESTS = {
    "address": [
        "autograd_core/engine/test_value.py",
        "autograd_core/engine/test_plain_operands.py",
        "autograd_core/engine/test_sweep.py",
        "autograd_core/engine/test_flat.py",
        "autograd_core/engine/test_derivatives.py",
        "autograd_core/test_backward.py",
        "autograd_core/test_custom.py",
        "hostile/test_suspended.py",
        "hostile/test_cycles.py",
        "hostile/test_pickles.py",
        "autograd_core/programs/test_program.py",
        "autograd_core/programs/test_program_bits.py",
        "autograd_core/programs/test_program_derivatives.py",
        "autograd_core/programs/test_program_truth.py",
        "autograd_core/programs/test_jit.py",
        "nn/test_recorded_rules.py",
    ],
    "thread": ["autograd_core/programs/test_program.py"],
}
CHOSEN = {
    # memory measured, a compiler run, large sizes, whole trainings
    "address": "not given_back and not c_text and not memory and not million and not fits and not deep",
    "thread": "thread or ctrl",
}


def main() -> int:
    """Build, test, fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize", description=__doc__)
    parser.add_argument("kind", choices=sorted(FLAGS))
    parser.add_argument("--seconds", type=float, default=60.0, help="of fuzzing")
    parser.add_argument("--seed", type=int, help="of the first case; drawn if left out")
    given = parser.parse_args()
    library = build(given.kind)
    seed = [] if given.seed is None else ["--seed", str(given.seed)]
    fuzz = ["tests.property.fuzz_programs", "--seconds", str(given.seconds), *seed]
    fuzz += ["--only", "graphs"] if given.kind == "thread" else []
    quiet = ["-q", "--capture=sys", "-o", "pythonpath=", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
    tests = [
        ["pytest", *quiet, "-k", CHOSEN[given.kind], str(ROOT / "tests" / name)] for name in TESTS[given.kind]
    ]
    failed = 0
    for number, command in enumerate([*tests, fuzz], 1):
        print(f"[{number}/{len(tests) + 1}] {command[-1] if command is not fuzz else 'fuzzing'}", flush=True)
        failed += run(given.kind, library, command) != 0
    print(f"{failed} of {len(tests) + 1} runs failed under the {given.kind} sanitizer", flush=True)
    return int(failed > 0)


def build(kind: str) -> Path:
    """Build the packages into a directory of their own; return it."""
    base = ROOT / "build" / f"sanitize-{kind}"
    start = f"from tests.sanitize import compile_all; compile_all({kind!r})"
    where = ["--build-base", str(base / "objects"), "--build-lib", str(base / "lib")]
    command = [sys.executable, "-W", "ignore", "-c", start, "-q", "build", *where]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    (ROOT / "build" / "leaks.txt").write_text(SUPPRESSED)
    return base / "lib"


def compile_all(kind: str) -> None:
    """In a process of its own: the build, with the sanitizer's flags after the project's own."""
    from setuptools import setup
    from setuptools.command.build_ext import build_ext

    vectors = ["-mavx2"] if " avx2 " in _processor() else []

    class Sanitized(build_ext):
        def build_extension(self, extension: Any) -> None:
            extension.extra_compile_args += [*FLAGS[kind], *COMMON_FLAGS, *vectors]
            extension.extra_link_args += FLAGS[kind]
            extension.optional = False
            super().build_extension(extension)

    setup(cmdclass={"build_ext": Sanitized})


def _processor() -> str:
    """What the system tells of the processor; "" where it tells nothing."""
    told = Path("/proc/cpuinfo")
    return told.read_text() if told.exists() else ""


def run(kind: str, library: Path, command: list[str]) -> int:
    """Run a module of Python on that build."""
    preloaded = [found(f"lib{name}.so") for name in LIBRARIES[kind]]
    environment = {**os.environ, **OPTIONS, "LD_PRELOAD": " ".join(preloaded)}
    environment["PYTHONPATH"] = f"{library}{os.pathsep}{ROOT}"
    start = "from tests.sanitize import inside; inside()"
    status = subprocess.run(
        [sys.executable, "-P", "-c", start, *command], cwd=ROOT, env=environment
    ).returncode
    if status:
        print(f"FAILED under the {kind} sanitizer with status {status}", flush=True)
    return status


def found(library: str) -> str:
    """The path of a library of GCC's."""
    compiler = os.environ.get("CC", "gcc")
    path = subprocess.run(
        [compiler, f"-print-file-name={library}"], check=True, capture_output=True, text=True
    )
    return path.stdout.strip()


class _FewParameters:
    """A plugin of pytest: of each parametrised test only the first few."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        counts: Counter[str] = Counter()
        chosen = []
        for item in items:
            name = item.nodeid.partition("[")[0]
            counts[name] += 1
            if counts[name] <= PARAMETERS:
                chosen.append(item)
        items[:] = chosen


def inside() -> None:
    """In the process with the sanitizer: import what leaks without being watched, and run the module."""
    runtime = ctypes.CDLL(None)
    watched = hasattr(runtime, "__lsan_disable")
    if watched:
        runtime.__lsan_disable()
    for name in LEAKING:
        importlib.import_module(name)
    if watched:
        runtime.__lsan_enable()
    from autograd_core.programs import _tape

    assert "sanitize" in _tape.__file__, f"{_tape.__file__} is not the sanitized build"
    del sys.argv[0]
    if sys.argv[0] == "pytest":
        import pytest

        # an installed checkout has its modules rewritten by pytest; they are imported above, on purpose
        rewriting = "ignore::pytest.PytestAssertRewriteWarning"
        sys.exit(pytest.main(["-W", rewriting, *sys.argv[1:]], plugins=[_FewParameters()]))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    sys.exit(main())
