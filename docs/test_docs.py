"""Every block of Python in the pages runs, and every example in a docstring."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
PAGES = sorted(
    [
        path
        for path in (*FOLDER.glob("*.md"), *FOLDER.glob("how-to/*.md"), *FOLDER.glob("reference/*.md"))
        if re.search(r"^```(python|pycon)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
)
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = {
    "nn.estimator_base": "sklearn",
    "nn.estimators": "sklearn",
    "nn.minimizers": "scipy",
    "nn.plots": "matplotlib",
    "nn.scikit": "sklearn",
    "viz.widget": "anywidget",
}


def modules():
    """Every module of the three packages, by name."""
    for package in ("autograd_core", "nn", "viz"):
        found = importlib.import_module(package)
        yield package
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.rpartition(".")[2].startswith("_"):
                yield module.name


def documented():
    """The modules that the reference pages name."""
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("reference/*.md"))
    return {"autograd_core.backward", *re.findall(r"automodule:: (\S+)", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_code_on_a_page_runs_and_shows_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(code, str(page), "exec"), names)
        else:
            example = doctest.DocTestParser().get_doctest(code, names, page.stem, str(page), 0)
            failures = []
            doctest.DocTestRunner().run(example, out=failures.append, clear_globs=False)
            assert not failures, "".join(failures)
            names.update(example.globs)


@pytest.mark.parametrize("name", sorted(modules()))
def test_the_examples_in_docstrings_show_what_they_say(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, report=True)
    assert not failed


@pytest.mark.parametrize("package", ["autograd_core", "nn", "viz"])
def test_every_public_name_is_in_the_reference(package):
    described = set()
    for name in documented():
        module = sys.modules.get(name) or importlib.import_module(name)
        described |= {id(getattr(module, public)) for public in getattr(module, "__all__", ())}
        described |= {
            id(thing) for thing in vars(module).values() if getattr(thing, "__module__", "") == name
        }
    found = importlib.import_module(package)
    missing = [name for name in found.__all__ if id(getattr(found, name)) not in described]
    assert not missing


def test_every_function_has_one_entry():
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("reference/*.md"))
    entries = re.findall(r"autofunction:: autograd_core\.(?:functions\.)?(\w+)$", text, re.MULTILINE)
    functions = importlib.import_module("autograd_core.functions").__all__
    assert [name for name in functions if entries.count(name) != 1] == []


def test_the_layout_drawn_in_the_architecture_is_the_tree():
    page = (FOLDER / "architecture.md").read_text(encoding="utf-8")
    picture = re.search(r"## The layout\n\n```text\n(.*?)```", page, re.DOTALL)[1]
    modules, folders, path = set(), set(), []
    for line in picture.splitlines():
        names, depth = re.split(r"\s{3,}", line.strip())[0], (len(line) - len(line.lstrip())) // 2
        if names.endswith("/"):
            path = [*path[:depth], names.rstrip("/")]
            folders.add("/".join(path))
        else:
            modules |= set(names.split())
    top = FOLDER.parent
    assert modules == {p.stem for p in (top / "autograd_core").glob("[a-z]*.py")}
    packages = [top / name for name in ("autograd_core", "nn", "viz")]
    kept = {p.relative_to(top).as_posix() for folder in packages for p in folder.rglob("*") if p.is_dir()}
    assert folders == {*(f for f in kept if "__pycache__" not in f), *(p.name for p in packages)}


def test_a_property_is_described_by_its_whole_sentence_where_that_has_a_colon(monkeypatch):
    napoleon = pytest.importorskip("sphinx.ext.napoleon")
    monkeypatch.syspath_prepend(FOLDER / "_ext")
    lines = ["What is added: the partial times the gradient."]
    importlib.import_module("docstrings").improve(None, "property", "", None, None, lines)
    shown = napoleon.GoogleDocstring(lines, what="property", name="product").lines()
    assert [line for line in shown if line] == ["..", "What is added: the partial times the gradient."]


@pytest.mark.parametrize("number", range(2))
def test_each_python_block_of_the_readme_runs_by_itself(number, tmp_path, monkeypatch):
    pytest.importorskip("graphviz")
    monkeypatch.chdir(tmp_path)
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    exec(compile(blocks[number], "README.md", "exec"), {"__name__": "readme"})
