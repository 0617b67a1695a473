"""Build the extensions with GCC's sanitizers, apart from the usual build; run tests and the fuzzer on them.

    python -m tests.sanitize address    # AddressSanitizer with leak check, UndefinedBehaviorSanitizer
    python -m tests.sanitize thread     # ThreadSanitizer: threads that share a Program or its blocks

A finding ends the run with its report and a status other than 0.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = {
    "address": "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g",
    "thread": "-fsanitize=thread -fno-omit-frame-pointer -g",
}
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
TESTS = {
    "address": [
        *(
            "autograd_core/programs/test_program.py",
            "autograd_core/programs/test_program_bits.py",
            "autograd_core/programs/test_program_derivatives.py",
            "autograd_core/programs/test_program_truth.py",
            "autograd_core/programs/test_jit.py",
            "nn/test_updaters.py",
        ),
        *(
            "autograd_core/engine/test_value.py",
            "autograd_core/test_backward.py",
            "autograd_core/test_custom.py",
        ),
        *("-k", "not given_back and not c_text"),  # one measures memory, one runs a compiler, which leaks
    ],
    "thread": ["autograd_core/programs/test_program.py", "-k", "thread or ctrl"],
}


def main() -> int:
    """Build, test, fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.sanitize", description=__doc__)
    parser.add_argument("kind", choices=sorted(FLAGS))
    parser.add_argument("--seconds", type=float, default=60.0, help="of fuzzing")
    parser.add_argument("--seed", type=int, help="of the first case; drawn if left out")
    given = parser.parse_args()
    library = build(given.kind)
    first, *rest = TESTS[given.kind]
    tests = [str(ROOT / "tests" / name) if name.endswith(".py") else name for name in (first, *rest)]
    seed = [] if given.seed is None else ["--seed", str(given.seed)]
    fuzz = ["tests.property.fuzz_programs", "--seconds", str(given.seconds), *seed]
    fuzz += ["--only", "graphs"] if given.kind == "thread" else []
    pytest = [
        "pytest",
        "-q",
        "--capture=sys",
        "-o",
        "pythonpath=",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
        *tests,
    ]
    return run(given.kind, library, pytest) or run(given.kind, library, fuzz)


def build(kind: str) -> Path:
    """Build the packages into a directory of their own; return it."""
    base = ROOT / "build" / f"sanitize-{kind}"
    environment = {**os.environ, "CFLAGS": FLAGS[kind], "LDFLAGS": FLAGS[kind]}
    command = [sys.executable, "-W", "ignore", "-c", "from setuptools import setup; setup()", "-q"]
    where = ["--build-base", str(base / "objects"), "--build-lib", str(base / "lib")]
    subprocess.run([*command, "build", *where], check=True, cwd=ROOT, env=environment)
    (ROOT / "build" / "leaks.txt").write_text(SUPPRESSED)
    return base / "lib"


def run(kind: str, library: Path, command: list[str]) -> int:
    """Run a module of Python on that build."""
    preloaded = [found(f"lib{name}.so") for name in LIBRARIES[kind]]
    environment = {**os.environ, **OPTIONS, "LD_PRELOAD": " ".join(preloaded)}
    environment["PYTHONPATH"] = f"{library}{os.pathsep}{ROOT}"
    start = "from tests.sanitize import inside; inside()"
    print("sanitized:", " ".join(command), flush=True)
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
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    sys.exit(main())
