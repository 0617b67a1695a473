"""Programs: a function of Values recorded once and replayed over a batch, forward and in reverse.

See `autograd_core.programs.program` for what is recorded, what is refused and which bits come out.
"""

from __future__ import annotations

from .chunks import tree_sum
from .jitted import CacheInfo, Jitted, jit
from .loops import fori_loop, scan, while_loop
from .program import Gradients, Program, ProgramStatistics, record
from .tapes import compiled, interpreter, interpreters

__all__ = [
    "CacheInfo",
    "Gradients",
    "Jitted",
    "Program",
    "ProgramStatistics",
    "compiled",
    "fori_loop",
    "interpreter",
    "interpreters",
    "jit",
    "record",
    "scan",
    "tree_sum",
    "while_loop",
]
