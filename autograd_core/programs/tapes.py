"""Which interpreter runs Programs, and the tapes that it makes of a recorded graph."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from .._load import REMEDY
from ..engine.value import COMPILED, Value
from .graph import RecordedGraph


class _Switch:
    chosen = ""


@cache
def _module() -> Any:
    """The compiled interpreter, or None."""
    if os.environ.get("AUTOGRAD_UNCOMPILED", "") not in ("", "0"):
        return None
    try:
        from . import _tape
    except ImportError as error:
        if COMPILED:  # else the engine has told already that nothing is compiled
            warnings.warn(
                "Programs run uncompiled, some 1,000 times slower, because autograd_core.programs._tape "
                f"cannot be loaded ({error}): {REMEDY}",
                RuntimeWarning,
                stacklevel=2,
            )
        return None
    return _tape


def compiled_module() -> Any:
    """Return the compiled interpreter, or None where there is none or the NumPy one was chosen."""
    return None if _Switch.chosen == "numpy" else _module()


def compiled() -> bool:
    """Tell whether Programs run on the compiled interpreter. Training on arrays needs it."""
    return compiled_module() is not None


def instruction_set() -> str:
    """Return the chosen instruction set; "" for the best that the machine has."""
    return "" if _Switch.chosen == "numpy" else _Switch.chosen


def interpreters() -> list[str]:
    """Return the names that `interpreter` takes on this machine, "numpy" first."""
    module = _module()
    return ["numpy", *(module.builds() if module is not None else ())]


@contextmanager
def interpreter(name: str) -> Iterator[None]:
    """Within this context every thread's Programs run on the given interpreter. All give the same bits.

    Args:
        name: "numpy", the interpreter that needs no compiled module; an instruction set of the compiled one
            ("base", "avx2", "avx512"); or "", the best there is.

    Raises:
        ValueError: this machine does not have it.

    >>> import autograd_core as ag
    >>> program = ag.record(lambda x: ag.exp(x), 0.0)
    >>> with interpreter("numpy"):
    ...     slow = program([0.5, 1.5])
    >>> slow.tolist() == program([0.5, 1.5]).tolist()
    True
    """
    if not isinstance(name, str) or (name and name not in interpreters()):
        raise ValueError(f"there is no interpreter {name!r} here, only {', '.join(interpreters())}")
    before = _Switch.chosen
    _Switch.chosen = name
    try:
        yield
    finally:
        _Switch.chosen = before


class Tape(NamedTuple):
    """A compiled graph.

    Attributes:
        tape: what the interpreter made.
        order: for each of its parameters the place in the graph's list, an array.
        parameters: the Values in the tape's order.
    """

    tape: Any
    order: Any
    parameters: list[Value]


class Recording:
    """A recorded graph with its tapes, each made when it is first wanted. Threads may share it."""

    def __init__(self, graph: RecordedGraph):
        self.graph = graph
        self._tapes: dict[tuple[bool, bool, bytes, bool], Tape] = {}
        self.rows: dict[Any, Any] = {}  # what `one_row` keeps
        self._lock = threading.Lock()

    def tape(self, lanes: bool, wanted_inputs: bytes = b"", want_parameters: bool = True) -> Tape:
        """Return a tape.

        Args:
            lanes: for many lanes, or for one.
            wanted_inputs: for each input, 1 if its gradient is wanted; none are by default.
            want_parameters: whether the parameters' gradients are wanted.
        """
        import numpy as np

        module, wanted = compiled_module(), wanted_inputs or bytes(self.graph.inputs)
        key = (lanes, want_parameters, wanted, module is None)
        found = self._tapes.get(key)
        if found is None:
            with self._lock:
                if key not in self._tapes:
                    tape = _compile(module, self.graph, lanes, want_parameters, wanted)
                    ordered = [self.graph.parameters[k] for k in tape.order]
                    self._tapes[key] = Tape(tape, np.array(tape.order, dtype=np.intp), ordered)
                found = self._tapes[key]
        return found

    def __getstate__(self) -> RecordedGraph:
        return self.graph

    def __setstate__(self, graph: RecordedGraph) -> None:
        self.__init__(graph)  # type: ignore[misc]


def _compile(
    module: Any, graph: RecordedGraph, lanes: bool, want_parameters: bool, wanted_inputs: bytes
) -> Any:
    if graph.loops:
        return graph.tape()
    if module is None:
        from .numpy_tape import Tape as NumpyTape

        return NumpyTape(graph, want_parameters, wanted_inputs)
    return module.compile(
        *graph.compile_arguments(), lanes, want_parameters, wanted_inputs, graph.callables()
    )
