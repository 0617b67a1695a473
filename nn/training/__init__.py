"""The training loop: `fit`, what it records, what it saves and how a run goes on."""

from __future__ import annotations

from nn.training.loop import fit

__all__ = ["fit"]
