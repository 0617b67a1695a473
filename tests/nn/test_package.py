"""The package as a whole: its examples in docstrings, what it imports, what it exports."""

import doctest
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys

import pytest

import nn

MODULES = sorted(f"nn.{module.name}" for module in pkgutil.iter_modules(nn.__path__))


@pytest.mark.parametrize("name", ["nn", *MODULES])
def test_the_examples_in_the_docstrings_of_a_module_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_docstrings():
    tested = [doctest.testmod(importlib.import_module(name)).attempted for name in MODULES]
    assert sum(tested) >= 10


def test_importing_nn_imports_no_optional_package_and_not_numpy():
    heavy = "numpy", "matplotlib", "sklearn", "tqdm", "safetensors", "viz", "graphviz"
    code = f"import sys, nn; print([name for name in {heavy} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", ["nn", *MODULES])
def test_what_a_module_defines_for_others_is_documented_and_what_it_lists_exists(name):
    module = importlib.import_module(name)
    for listed in getattr(module, "__all__", ()):
        assert hasattr(module, listed), listed
    for public, thing in vars(module).items():
        ours = getattr(thing, "__module__", "") == name and not public.startswith("_")
        if ours and (inspect.isclass(thing) or inspect.isroutine(thing)):
            assert thing.__doc__, public
