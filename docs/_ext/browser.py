"""Python in the reader's browser: what JupyterLite is given to run the lectures with nothing installed.

`prepare` fills a folder for `jupyter lite build`: Pyodide's core from npm, the engine as a pure wheel,
Graphviz compiled to WebAssembly as another, the wheels that the kernel itself needs, a lock file that names
them all, and the students' notebooks. So everything comes from this site, except the packages that Pyodide
compiled (NumPy, Matplotlib, scikit-learn): the lock file has their addresses in Pyodide's own distribution.
`build` runs the command. (The extension jupyterlite-sphinx would make five more applications as well.)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat

TOP = Path(__file__).resolve().parent.parent.parent
DISTRIBUTION = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
KERNEL = ("micropip", "ipython", "jedi")  # what the kernel loads, and all that these need
FETCHED = {"numpy": "NumPy", "matplotlib": "Matplotlib", "sklearn": "scikit-learn"}  # by name of import
RUNS_HERE = {
    "kernelspec": {"display_name": "Python (Pyodide)", "language": "python", "name": "python"},
    "language_info": {"name": "python"},
}


def prepare(folder: Path, npm: Path, version: str) -> None:
    """Fill the folder.

    Args:
        folder: JupyterLite's source folder.
        npm: Where the npm packages pyodide and @hpcc-js/wasm-graphviz are.
        version: The engine's version.
    """
    core = folder / "static" / "pyodide"
    core.mkdir(parents=True, exist_ok=True)
    lock = json.loads((npm / "pyodide" / "pyodide-lock.json").read_text(encoding="utf-8"))
    for name in ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"):
        shutil.copyfile(npm / "pyodide" / name, core / name)
    wheels = [
        engine_wheel(core, version),
        graphviz_wheel(core, npm / "@hpcc-js" / "wasm-graphviz"),
        *kernel_wheels(folder.parent / "wheels", core, lock),
    ]
    release = json.loads((npm / "pyodide" / "package.json").read_text(encoding="utf-8"))["version"]
    complete(lock, wheels, DISTRIBUTION.format(version=release))
    (core / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    files = folder / "files"
    files.mkdir(exist_ok=True)
    for path in sorted((TOP / "notebooks").glob("[0-9][0-9]-*.ipynb")):
        nbformat.write(for_the_browser(path), files / path.name)
    for name, content in settings().items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def settings() -> dict[str, Any]:
    """JupyterLite's settings, by file: of its pages, and of the command that makes them."""
    pages = {
        "appName": "autograd-core",
        "appUrl": "./notebooks",
        "faviconUrl": "../_static/favicon.svg",
        "exposeAppInBrowser": True,  # the tests ask it whether a kernel is ready
    }
    extensions = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    build = {
        "apps": ["notebooks"],
        "ignore_sys_prefix": ["federated_extensions"],  # else whatever is installed here would come along
        "federated_extensions": [str(extensions / "@jupyterlite" / "pyodide-kernel-extension")],
        "no_sourcemaps": True,
    }
    return {
        "jupyter-lite.json": {"jupyter-lite-schema-version": 0, "jupyter-config-data": pages},
        "jupyter_lite_config.json": {"LiteBuildConfig": build},
    }


def build(folder: Path, target: Path) -> None:
    """Make the pages of JupyterLite."""
    for old in (target, folder / ".jupyterlite.doit.db"):  # its record of what is up to date
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    command = [sys.executable, "-m", "jupyter", "lite", "build", f"--output-dir={target}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"jupyter lite build failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def engine_wheel(folder: Path, version: str) -> dict[str, Any]:
    """The three packages as they are, uncompiled."""
    files = {}
    for package in ("autograd_core", "nn", "viz"):
        for path in sorted((TOP / package).rglob("*")):
            if path.is_file() and path.suffix in (".py", ".typed", ".js", ".css", ".json"):
                files[path.relative_to(TOP).as_posix()] = path.read_bytes()
    imports = ["autograd_core", "nn", "viz"]
    return wheel(folder, "autograd_core", version, files, imports, ["graphviz", "graphviz-wasm"])


def graphviz_wheel(folder: Path, package: Path) -> dict[str, Any]:
    """Graphviz for `viz.renderer`, where no program can be run."""
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    files = {
        "graphviz_wasm/__init__.py": b'"""Graphviz compiled to WebAssembly (@hpcc-js/wasm-graphviz)."""\n',
        "graphviz_wasm/index.js": (package / "dist" / "index.js").read_bytes(),
        "graphviz_wasm/LICENSE": (package / "LICENSE").read_bytes(),
    }
    return wheel(folder, "graphviz_wasm", version, files, ["graphviz_wasm"], [])


def wheel(
    folder: Path, name: str, version: str, files: dict[str, bytes], imports: list[str], needs: list[str]
) -> dict[str, Any]:
    """Write a pure wheel; return its entry for the lock file."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    kind = "Wheel-Version: 1.0\nGenerator: autograd-core\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {**files, f"{about}/METADATA": metadata.encode(), f"{about}/WHEEL": kind.encode()}
    record = [f"{path},sha256={_urlsafe(content)},{len(content)}" for path, content in files.items()]
    record.append(f"{about}/RECORD,,\n")
    files[f"{about}/RECORD"] = "\n".join(record).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, content in files.items():
            archive.writestr(zipfile.ZipInfo(place), content, zipfile.ZIP_DEFLATED)
    return entry(path, name.replace("_", "-"), version, imports, needs)


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def kernel_wheels(cache: Path, folder: Path, lock: dict[str, Any]) -> list[dict[str, Any]]:
    """The pure wheels that the kernel needs, in the versions of the lock file, from PyPI."""
    known, wanted = lock["packages"], list(KERNEL)
    for name in wanted:  # grows on the way
        needs = [other.replace("_", "-") for other in known[name]["depends"]]
        wanted += [other for other in needs if other not in wanted]
    versions = {name: known[name]["version"] for name in wanted}
    missing = [f"{name}=={version}" for name, version in versions.items() if not _find(cache, name, version)]
    missing += [name for name in ("comm", "graphviz") if not _find(cache, name, "*")]
    if missing:
        kind = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        kind.append("--python-version=" + lock["info"]["python"])
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, *kind, f"--dest={cache}", *missing], check=True)
    found = []
    for name in [*wanted, "comm", "graphviz"]:
        path = _find(cache, name, versions.get(name, "*"))
        assert path is not None, f"pip brought no pure wheel of {name}"
        shutil.copyfile(path, folder / path.name)
        old = known.get(name, {"imports": [name], "depends": []})
        found.append(entry(folder / path.name, name, path.name.split("-")[1], old["imports"], old["depends"]))
    return found


def _find(cache: Path, name: str, version: str) -> Path | None:
    return next(cache.glob(f"{re.sub('[-_.]+', '[-_.]', name)}-{version}-*none-any.whl"), None)


def entry(path: Path, name: str, version: str, imports: list[str], needs: list[str]) -> dict[str, Any]:
    """A wheel beside the lock file, as the lock file describes it."""
    return {
        "name": name,
        "version": version,
        "file_name": path.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": imports,
        "depends": needs,
        "unvendored_tests": False,
    }


def complete(lock: dict[str, Any], wheels: list[dict[str, Any]], distribution: str) -> None:
    """Let the lock file name the wheels of this site, and the rest in Pyodide's own distribution."""
    for package in lock["packages"].values():
        package["file_name"] = distribution + package["file_name"]
    lock["packages"] |= {package["name"]: package for package in wheels}


def for_the_browser(path: Path) -> Any:
    """A student's notebook for Pyodide's kernel, without outputs, with a note on what it fetches."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict(RUNS_HERE)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = {found.split(".")[0] for found in re.findall(r"^(?:import|from) ([\w.]+)", code, re.MULTILINE)}
    fetched = [title for name, title in FETCHED.items() if name in imported]
    note = "Python runs in this page, on your machine; nothing is installed. The engine is uncompiled here, "
    note += "some thirty times slower than compiled (programs that were recorded, a thousand times), "
    note += "and numbers may differ in their last digit. "
    if fetched:
        note += (
            f"The first cell fetches {' and '.join(fetched)} from Pyodide's distribution (cdn.jsdelivr.net)."
        )
    else:
        note += "Everything comes from this site."
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"> {note}", id="in-the-browser"))
    return notebook
