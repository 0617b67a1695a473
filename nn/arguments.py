"""What arguments must be: the rules of `autograd_core.arguments` and a model's own.

Each function returns what it was given, or raises an `InputError` that names the argument, says what it must
be, and shows what it is.
"""

from __future__ import annotations

import difflib
import functools
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from autograd_core import arguments
from autograd_core.arguments import is_truth, shown
from nn.errors import InputError

__all__ = [
    "check_model",
    "check_regularizer",
    "check_size",
    "is_truth",
    "number",
    "one_of",
    "path_of",
    "refuse_class",
    "shown",
    "truth",
    "unknown",
    "whole_number",
]

_MOST_WEIGHTS = 10**9  # a Value takes about 100 bytes


P = ParamSpec("P")
R = TypeVar("R")


def _with_input_error(rule: Callable[P, R]) -> Callable[P, R]:
    """The rule, with nn's error."""

    @functools.wraps(rule)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return rule(*args, **kwargs)
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from None

    return checked


number = _with_input_error(arguments.number)
truth = _with_input_error(arguments.truth)
whole_number = _with_input_error(arguments.whole_number)


def check_size(what: str, *counts: int) -> None:
    """So many numbers, the product of the counts, must fit into a memory.

    Raises:
        InputError: they do not.
    """
    if math.prod(counts) > _MOST_WEIGHTS:
        sizes = " x ".join(map(str, counts))
        raise InputError(
            f"{what} has {sizes} weights, each a Value of about 100 bytes: more than fit into a memory"
        )


def path_of(name: str, value: Any) -> Path:
    """The path of a file.

    Raises:
        InputError: it is no text and no path, or none that a file can have.
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(f"{name} must be the path of a file, a text or a pathlib.Path, not {shown(value)}")
    return Path(text)


def unknown(kind: str, name: object, names: Iterable[str], hint: str = "") -> InputError:
    """The error for a name that is not known, with the nearest one that is.

    Args:
        kind: what is named, with its article left out: "loss".
        name: what was given; no text at all is told too.
        names: those there are.
        hint: what else to say.
    """
    known = list(names)
    if not isinstance(name, str):
        return InputError(
            f"the name of the {kind} is a text, one of {', '.join(known)}; not {shown(name)}{hint}"
        )
    near = difflib.get_close_matches(name.lower().strip(), known, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"no {kind} is named {shown(name)}{hint}; {meant}there are {', '.join(known)}")


def one_of(kind: str, name: Any, names: Iterable[str]) -> str:
    """A name that is known.

    Raises:
        InputError: it is not; see `unknown`.
    """
    if not isinstance(name, str) or name not in names:
        raise unknown(kind, name, names)
    return name


def refuse_class(what: str, thing: Any) -> None:
    """An object is wanted, and a class is callable too, so that it would be noticed late.

    Raises:
        InputError: it is a class.
    """
    if isinstance(thing, type):
        raise InputError(
            f"{what} is an object, and {thing.__name__} is a class: call it, {thing.__name__}(...)"
        )


def check_regularizer(regularizer: Any) -> None:
    """A regularizer is a callable of a model, or None.

    Raises:
        InputError: it is something else.
    """
    refuse_class("a regularizer", regularizer)
    if regularizer is not None and not callable(regularizer):
        raise InputError(f"a regularizer is a callable such as L2(1e-4), not {shown(regularizer)}")


def check_model(model: Any, has: str = "") -> None:
    """A model is an object that is called with a row of numbers.

    Args:
        model: what was given.
        has: a method that it must have as well, such as "parameters".

    Raises:
        InputError: it is something else.
    """
    if isinstance(model, type) or not callable(model) or (has and not callable(getattr(model, has, None))):
        wanted = f" and has {has}()" if has else ""
        raise InputError(f"a model is a Module, or is called with a row{wanted}; not {shown(model)}")
