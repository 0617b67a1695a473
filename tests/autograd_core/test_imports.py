"""Who imports whom, and what importing the engine brings along."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_core import Value

ROOT = Path(__file__).parents[2]
PACKAGES = ("autograd_core", "nn", "viz")
MAY_IMPORT = {
    "autograd_core": {"autograd_core"},
    "nn": {"nn", "autograd_core"},
    "viz": {"viz", "autograd_core"},
}
# The gradient checker's report shows a failing subgraph with viz where viz is installed.
EXCEPTIONS = {("autograd_core/pytest_plugin.py", "viz")}
ENGINE = [
    *(
        "__init__",
        "_load",
        "value",
        "operations",
        "primitives",
        "symbols",
        "functions",
        "graph",
        "backward",
        "flat",
    ),
    *("custom", "transforms", "errors", "codegen"),
]


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports(tree):
    """Return (top package, whether it is imported inside a function) of every absolute import."""

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((name.name.split(".")[0], inside) for name in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0:
                yield child.module.split(".")[0], inside
            deeper = inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from walk(child, deeper)

    return list(walk(tree, False))


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_along_the_arrows_only(package):
    assert sources(package)
    for path in sources(package):
        place = path.relative_to(ROOT).as_posix()
        for module, _ in imports(parse(path)):
            if module in PACKAGES and (place, module) not in EXCEPTIONS:
                assert module in MAY_IMPORT[package], f"{place} imports {module}"


@pytest.mark.parametrize("name", ENGINE)
def test_the_engine_imports_the_standard_library_and_numpy_only_inside_functions(name):
    for module, inside in imports(parse(ROOT / "autograd_core" / f"{name}.py")):
        if module == "numpy":
            assert inside, f"{name}.py imports numpy at its top"
        else:
            assert module in sys.stdlib_module_names or module in ("autograd_core", "cython"), (
                f"{name}.py imports {module}"
            )


@pytest.mark.parametrize("name", ["checking", "program", "steps", "expressions"])
def test_the_rest_of_the_core_imports_no_optional_package_at_its_top(name):
    for module, inside in imports(parse(ROOT / "autograd_core" / f"{name}.py")):
        assert inside or module in sys.stdlib_module_names or module in ("autograd_core", "numpy"), (
            f"{name}.py: {module}"
        )


def modules_after(code):
    program = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in run.stdout.split()}


def test_importing_the_engine_brings_no_heavy_package():
    heavy = {
        "numpy",
        "graphviz",
        "matplotlib",
        "scipy",
        "sklearn",
        "torch",
        "pytest",
        "hypothesis",
        "tqdm",
        "anywidget",
    }
    alone = modules_after("pass")
    brought = modules_after("import autograd_core") - alone
    assert not brought & heavy
    assert not brought & {"nn", "viz"}


def test_everyday_work_needs_no_numpy():
    brought = modules_after(
        "import autograd_core as ag, copy, pickle\n"
        "x = ag.Value(2.0, 'x')\n"
        "y = ag.softmax([x, x * x, 1.0])[0].log() + ag.dot([x], [x], 1.0)\n"
        "y.backward(); repr(y); y.explain(x); ag.hessian(lambda v: v[0] * v[1])([1.0, 2.0])\n"
        "pickle.loads(pickle.dumps(y)); copy.deepcopy(y)\n"
    )
    assert "numpy" not in brought


def test_an_uncompiled_engine_warns_once_and_tells_the_remedy(tmp_path):
    """A copy of the sources alone, as where there is no compiler."""
    package = tmp_path / "autograd_core"
    package.mkdir()
    for path in sources("autograd_core"):
        (package / path.name).write_bytes(path.read_bytes())
    program = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import autograd_core as ag\n"
        "x = ag.Value(3.0); (x * x).backward()\n"
        "print(ag.COMPILED, x.grad, len(caught), caught[0].category.__name__, caught[0].message)\n"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert run.stdout.startswith("False 6.0 1 RuntimeWarning autograd_core runs uncompiled")
    assert "install a C compiler" in run.stdout
    assert run.stderr == ""
    quiet = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import autograd_core; print(autograd_core.COMPILED)"],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "AUTOGRAD_UNCOMPILED": "1"},
        cwd=tmp_path,
    )
    assert quiet.stdout.strip() == "False"


def test_the_stub_names_every_public_method_of_the_node():
    stub = (ROOT / "autograd_core" / "value.pyi").read_text(encoding="utf-8")
    methods = [name for name in vars(Value) if not name.startswith("_")]
    assert "tanh" in methods
    assert [name for name in methods if not re.search(rf"\b{name}\b", stub)] == []
