"""micrograd's own script and network, unmodified, with this package's Value in the place of its own."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from autograd_core import Value

_engine: Any = ModuleType("micrograd.engine")
_engine.Value = Value
sys.modules["micrograd.engine"] = _engine

from benchmarks.peers.by_micrograd import prepare  # noqa: E402

__all__ = ["prepare"]
