"""Every docstring of the public API tells arguments, result and errors, and has an example that is run."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

PACKAGES = ("autograd_core", "nn", "viz")


def public() -> Iterator[tuple[str, Any]]:
    """The functions and classes that the packages export, each once."""
    seen: set[int] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing) and id(thing) not in seen:
                seen.add(id(thing))
                yield f"{package}.{name}", thing


def public_methods() -> Iterator[tuple[str, Any]]:
    """The public methods of the classes that viz exports."""
    viz = importlib.import_module("viz")
    for name in viz.__all__:
        thing = getattr(viz, name)
        for method, function in vars(thing).items() if isinstance(thing, type) else ():
            if inspect.isfunction(function) and not method.startswith("_"):
                yield f"{name}.{method}", function


def missing(thing: Any) -> list[str]:
    """What the docstring of a function or class lacks."""
    text = inspect.getdoc(thing) or ""
    if isinstance(thing, type) and issubclass(thing, BaseException):
        return [] if text else ["text"]
    wanted = [] if text else ["text"]
    if ">>>" not in text:
        wanted.append("example")
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return wanted
    if signature.parameters.keys() - {"self"} and not re.search(r"^(Args|Attributes):$", text, re.MULTILINE):
        wanted.append("Args")
    if isinstance(thing, type):
        return wanted
    returns = signature.return_annotation not in (None, "None")
    if returns and not re.search(r"^(Returns|Yields):$", text, re.MULTILINE):
        wanted.append("Returns")
    raises = re.search(r"^ +raise \w+\(", _source(thing), re.MULTILINE)
    if raises and not re.search(r"^Raises:$", text, re.MULTILINE):
        wanted.append("Raises")
    return wanted


def _source(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return ""


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*case, id=case[0]) for case in public()])
def test_a_public_docstring_is_whole(name: str, thing: Any) -> None:
    assert not missing(thing)


@pytest.mark.parametrize(("name", "method"), [pytest.param(*case, id=case[0]) for case in public_methods()])
def test_the_docstring_of_a_public_method_is_whole(name: str, method: Any) -> None:
    """The example may be that of its class."""
    assert set(missing(method)) <= {"example"}


def test_a_property_says_what_it_is() -> None:
    viz = importlib.import_module("viz")
    for thing in (viz.Drawing, viz.Player):
        properties = {k: v for k, v in vars(thing).items() if isinstance(v, property)}
        assert len(properties) >= 2
        assert all(inspect.getdoc(v) for k, v in properties.items() if not k.startswith("_"))
