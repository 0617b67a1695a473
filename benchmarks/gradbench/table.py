"""GradBench's problems on data of our own: ``python -m benchmarks.gradbench.table [CHECKOUT [PROBLEM ...]]``.

With a checkout of GradBench its adapters of others run on the same inputs, its hand-written C++ ("manual")
before and after ours; those of CoDiPack and ADOL-C where they can be compiled (see `CPLUS_INCLUDE_PATH`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environment import one_thread, peers_python

from .problems import PROBLEMS

CAMERA = [-0.758453, -1.109613, -0.845551, 34.556073, 39.676747, 53.881673]
CAMERA += [419.194514, 5.864426, -8.518870, 0.087812, 0.002739]
SECONDS = 0.2  # for which each evaluation is repeated at least
MOST_SECONDS = 120
# JAX's adapters return while the work goes on, which is then not timed
_WAITS = """
import gradbench.wrap as w, jax
runs = w.multiple_runs
w.multiple_runs = lambda **options: lambda f: runs(**options)(lambda x: jax.block_until_ready(f(x)))
"""


def inputs() -> list[tuple[str, str, str, Any]]:
    """Return (problem, the derivative's function, the size, input) of each case."""
    rng = np.random.default_rng(31337)

    def gmm(d: int, k: int, n: int) -> Any:
        arrays = {"x": rng.normal(size=(n, d)), "alpha": rng.normal(size=k), "mu": rng.random((k, d))}
        arrays |= {"q": rng.normal(size=(k, d)), "l": rng.normal(size=(k, d * (d - 1) // 2))}
        return {"d": d, "k": k, "n": n, "m": 0, "gamma": 1.0, **{a: b.tolist() for a, b in arrays.items()}}

    def lstm(layers: int, steps: int, bits: int = 8) -> Any:
        arrays = {"main_params": rng.random((2 * layers, 4 * bits)), "extra_params": rng.random((3, bits))}
        arrays |= {"state": rng.random((2 * layers, bits))}
        arrays |= {"sequence": rng.integers(0, 2, (steps, bits)).astype(float)}
        return {name: array.tolist() for name, array in arrays.items()}

    def kmeans(k: int, n: int, d: int) -> Any:
        points = rng.random((n, d))
        return {"k": k, "n": n, "d": d, "points": points.tolist(), "centroids": points[-k:].tolist()}

    def ba(n: int, m: int, p: int) -> Any:
        rest = {"x": [7.203245, 0.001144, 3.023326], "w": 0.417022, "feat": [271.760969, 834.209256]}
        return {"n": n, "m": m, "p": p, "cam": CAMERA, **rest}

    return [
        ("llsq", "gradient", "n = 4096, m = 128", {"n": 4096, "x": rng.random(128).tolist()}),
        ("lse", "gradient", "n = 40,000", {"n": 40_000, "x": rng.random(40_000).tolist()}),
        ("det", "gradient", "8", {"ell": 8, "A": rng.random(64).tolist()}),
        ("kmeans", "dir", "k = 10, n = 1000, d = 8", kmeans(10, 1000, 8)),
        ("ode", "gradient", "n = 1000, s = 10", {"x": rng.random(1000).tolist(), "s": 10}),
        ("gmm", "jacobian", "10_5_1000", gmm(10, 5, 1000)),
        ("ba", "jacobian", "49_7776_31843", ba(49, 7776, 31_843)),
        ("ht", "jacobian", "22 bones, 10,000 vertices, c = 800, simple", a_hand(rng, 10_000, 800, False)),
        (
            "ht",
            "jacobian",
            "22 bones, 10,000 vertices, c = 6400, complicated",
            a_hand(rng, 10_000, 6400, True),
        ),
        ("lstm", "jacobian", "l = 2, c = 1024", lstm(2, 1024)),
        ("lstm", "jacobian", "l = 4, c = 4096", lstm(4, 4096)),
        ("saddle", "rr", "", {"start": [1.0, 1.0]}),
        ("particle", "rr", "", {"w": 0.0}),
    ]


def a_hand(rng: Any, vertices: int, points: int, complicated: bool) -> Any:
    """A hand like ADBench's: 22 bones, at most four for a vertex, 1084 triangles."""
    weights = np.zeros((vertices, 22))
    for row in weights:
        row[rng.choice(22, rng.integers(1, 5), replace=False)] = 0.4
    affine = [np.vstack([rng.normal(size=(3, 4)) * 0.5, [[0.0, 0.0, 0.0, 1.0]]]).tolist() for _ in range(44)]
    model = {
        "bone_count": 22,
        "bone_names": [str(k) for k in range(22)],
        "parents": [-1] + [0 if k % 4 == 1 else k - 1 for k in range(1, 21)] + [0],
        "base_relatives": affine[:22],
        "inverse_base_absolutes": affine[22:],
        "base_positions": np.column_stack([rng.normal(size=(vertices, 3)), np.ones(vertices)]).tolist(),
        "weights": weights.tolist(),
        "triangles": rng.integers(0, 544, (1084, 3)).tolist(),
        "is_mirrored": False,
    }
    seen = rng.integers(0, 1084 if complicated else vertices, points).tolist()
    data = {"model": model, "correspondences": seen, "points": rng.normal(size=(points, 3)).tolist()}
    us = rng.random((points, 2)).tolist() if complicated else []
    return {"theta": rng.normal(size=26).tolist(), "data": data, "us": us}


def _least(timings: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for timing in timings:
        name = timing["name"]
        found[name] = min(found.get(name, np.inf), timing["nanoseconds"] / 1e6)
    return found


def ours(module: str, name: str, given: Any) -> dict[str, float]:
    """Milliseconds of "prepare", recording included, and of "evaluate"."""
    from .__main__ import evaluate

    return _least(evaluate(module, name, given)["timings"])


def in_cpp(tool: str, root: Path, module: str, name: str, given: Any) -> dict[str, float]:
    """The same of an adapter in C++, built when it is first needed; nothing where it cannot be built."""
    folder = root / "tools" / tool
    if not (folder / f"{module}.cpp").exists():
        return {}
    if subprocess.run(
        ["make", "-s", "-C", str(folder), f"bin/{module}"], stderr=subprocess.DEVNULL
    ).returncode:
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        return _said([str(folder / "bin" / module), file.name, name])


def _said(command: list[str], **options: Any) -> dict[str, float]:
    """What a process says about its times; infinity if it takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST_SECONDS, check=True, **options
        )
    except subprocess.TimeoutExpired:
        return {"evaluate": np.inf}
    except subprocess.CalledProcessError as error:
        print(error.stderr[-500:], file=sys.stderr)
        return {}
    return _least(json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"'))


def in_python(tool: str, root: Path, module: str, name: str, given: Any) -> dict[str, float]:
    """The same of an adapter in Python, in the peers' environment; nothing where there is none."""
    package = root / "python/gradbench"
    if not (package / f"gradbench/tools/{tool}/{module}.py").exists():
        return {}
    program = (
        "import importlib, json, sys\n"
        f"{_WAITS * (tool == 'jax')}"
        f"adapter = importlib.import_module('gradbench.tools.{tool}.{module}')\n"
        f"found = adapter.{name}.wrapped(json.load(sys.stdin))\n"
        "for timing in found['timings']: print(json.dumps(timing))"
    )
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    return _said(
        [peers_python(), "-c", program],
        input=json.dumps({**given, "min_runs": 2, "min_seconds": SECONDS}),
        env={**one_thread(), "PYTHONPATH": path},
    )


def shown(milliseconds: float | None) -> str:
    """A time for the table."""
    if milliseconds is None:
        return "-"
    return f"> {MOST_SECONDS * 1000:,}" if milliseconds == np.inf else f"{milliseconds:,.3g}"


def main() -> None:
    """Print the table."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    peers = {"manual C++": ("manual", in_cpp), "CoDiPack": ("codipack", in_cpp), "ADOL-C": ("adol-c", in_cpp)}
    peers |= {"PyTorch": ("pytorch", in_python), "JAX": ("jax", in_python)}
    print(f"| problem | size | ours, ms | recording | {' | '.join(peers)} |\n|{'---|' * (4 + len(peers))}")
    for module, name, size, given in (case for case in inputs() if case[0] in (sys.argv[2:] or PROBLEMS)):
        given = {**given, "min_runs": 3, "min_seconds": SECONDS}
        assert name in PROBLEMS[module]
        before = in_cpp("manual", root, module, name, given) if root else {}
        mine = ours(module, name, given)
        found = [run(tool, root, module, name, given) if root else {} for tool, run in peers.values()]
        if found[0]:
            found[0]["evaluate"] = min(before["evaluate"], found[0]["evaluate"])
        times = [mine["evaluate"], mine["prepare"], *(t.get("evaluate") for t in found)]
        print(f"| {' | '.join([module, size, *map(shown, times)])} |", flush=True)


if __name__ == "__main__":
    main()
