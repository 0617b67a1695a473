"""Who imports whom, and what importing the engine brings along."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_core import Value
from autograd_core._paths import ALIASES, MOVED

ROOT = Path(__file__).parents[2]
# Each row imports from itself and from the rows above it.
ROWS = (
    ("autograd_core.arguments", "autograd_core.errors", "autograd_core.files"),
    ("autograd_core.calculus",),
    ("autograd_core.engine",),
    (
        *(
            "autograd_core.arrays",
            "autograd_core.backward",
            "autograd_core.custom",
            "autograd_core.edges",
            "autograd_core.naming",
            "autograd_core.expressions",
        ),
        *(
            "autograd_core.functions",
            "autograd_core.graph",
            "autograd_core.sparsity",
            "autograd_core.steps",
            "autograd_core.structures",
            "autograd_core.transforms",
        ),
        "autograd_core.vectors",
    ),
    ("autograd_core._load", "autograd_core._paths"),
    ("autograd_core.programs", "autograd_core.checking", "autograd_core"),
    ("autograd_core.__main__", "nn", "viz"),
)
# A report that shows a failing subgraph with viz.
EXCEPTIONS = {("autograd_core.checking.pytest_plugin", "viz")}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    name_of(path): path
    for package in ("autograd_core", "nn", "viz")
    for path in (ROOT / package).rglob("*.py")
}


def imports(name):
    """Return (module, whether it is imported inside a function) of every import in a module of ours."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]

    def modules(node):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = [*package[: len(package) - node.level + 1]] if node.level else []
            base = ".".join([*parts, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if inner in MODULES or base != name:
                    yield inner if inner in MODULES else base

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield from ((module, inside) for module in modules(child))
            deeper = inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from walk(child, deeper)

    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    own_package = ".".join(package)  # `from . import _tape` names a compiled module, not the package
    return {
        (module, inside) for module, inside in walk(tree, False) if module != own_package or name == module
    }


def row_of(module):
    """The number of a module's row: that of the longest prefix which is listed."""
    ranks = {prefix: rank for rank, row in enumerate(ROWS) for prefix in row}
    while module not in ranks:
        module = module.rpartition(".")[0]
    return ranks[module]


def ours():
    """Every import of one module of ours by another, without the exceptions."""
    for name in MODULES:
        for module, _ in imports(name):
            if module in MODULES and (name, module) not in EXCEPTIONS:
                yield name, module


def test_modules_import_along_the_arrows_only():
    wrong = [f"{a} imports {b}" for a, b in ours() if row_of(a) < row_of(b)]
    assert wrong == []


def test_nn_and_viz_do_not_import_each_other():
    pairs = {(a.split(".")[0], b.split(".")[0]) for a, b in ours()}
    assert ("nn", "viz") not in pairs
    assert ("viz", "nn") not in pairs


def test_no_circle_of_imports():
    edges = {name: set() for name in MODULES}
    for a, b in ours():
        edges[a].add(b)
    while free := [name for name, targets in edges.items() if not targets]:
        for name in free:
            del edges[name]
        for targets in edges.values():
            targets.difference_update(free)
    assert edges == {}


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("autograd_core")])
def test_the_core_imports_no_optional_package_at_its_top(name):
    for module, inside in imports(name):
        top = module.split(".")[0]
        assert inside or top in sys.stdlib_module_names or top in ("autograd_core", "cython"), (
            f"{name}: {module}"
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
    for path in (ROOT / "autograd_core").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
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


PATHS = {**{f"autograd_core.{name}": home for name, home in ALIASES.items()}, **MOVED}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_another_import_path_leads_to_the_very_module(name):
    module = importlib.import_module(name)
    home = importlib.import_module(PATHS[name])
    assert module is home
    assert module.__spec__.name == PATHS[name]
    package, _, last = name.rpartition(".")
    assert getattr(sys.modules[package], last) is home


def test_nn_and_viz_have_one_copy_under_both_names():
    assert importlib.import_module("autograd_core.nn.losses") is importlib.import_module("nn.losses")
    from autograd_core.nn.training import fit

    assert fit is importlib.import_module("nn").fit


def test_each_module_of_viz_is_an_attribute_of_the_package():
    package = importlib.import_module("viz")
    names = {name.partition(".")[2] for name in MODULES if name.startswith("viz.")} - {"__main__"}
    found = {name for name in names if getattr(package, name) is importlib.import_module(f"viz.{name}")}
    assert found == names - {"latex"}  # which is the function
    assert not hasattr(package, "compact")


def test_a_foreign_package_called_nn_is_told_from_ours(tmp_path):
    (tmp_path / "nn.py").write_text("Linear = None")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import autograd_core; import autograd_core.nn"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 1
    assert f"the package 'nn' at {tmp_path / 'nn.py'} is not the one of autograd-core" in run.stderr
    assert "pip install --force-reinstall" in run.stderr


def test_the_stub_names_every_public_method_of_the_node():
    stub = (ROOT / "autograd_core" / "engine" / "value.pyi").read_text(encoding="utf-8")
    methods = [name for name in vars(Value) if not name.startswith("_")]
    assert "tanh" in methods
    assert [name for name in methods if not re.search(rf"\b{name}\b", stub)] == []


@pytest.mark.parametrize("package", ["autograd_core", "nn", "viz"])
def test_importing_a_package_is_quick_and_every_name_is_there_when_it_is_asked_for(package):
    program = f"""
import sys
import {package} as p
late = {{"numpy", "graphviz", "nn.training", "viz.drawing", "viz.player", "autograd_core.programs"}}
assert not late & set(sys.modules), late & set(sys.modules)
assert set(p.__all__) <= set(dir(p))
for name in p.__all__:
    found = getattr(p, name)
    assert getattr(p, name) is found
from {package} import *
try:
    p.no_such_name
except AttributeError as error:
    assert str(error) == "module {package!r} has no attribute 'no_such_name'", error
else:
    raise AssertionError
"""
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr


def test_a_function_keeps_its_name_where_a_module_has_the_same():
    program = (
        "import viz, viz.player, viz.__main__; assert callable(viz.latex); import nn; assert callable(nn.fit)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
