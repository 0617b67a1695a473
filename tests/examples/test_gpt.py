"""The GPT of scalars learns the same by programs and by graphs."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag

_FOLDER = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> Any:
    """Import an example."""
    spec = importlib.util.spec_from_file_location(f"{name}_example", _FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_programs_and_graphs_train_to_the_same_bits() -> None:
    gpt = load("gpt")
    found = []
    steps = 6 if ag.COMPILED else 1
    for kind in (gpt.Programs, gpt.Graphs):
        model = gpt.GPT(seed=3)
        losses: list[float] = []
        gpt.train(model, kind(model), steps, lambda step, loss, losses=losses: losses.append(loss))
        found.append((losses, [p.data for p in model.parameters()]))
    assert found[0] == found[1]
    assert len(found[0][0]) == steps


@pytest.mark.skipif(not ag.COMPILED, reason="it takes minutes uncompiled")
def test_training_lowers_the_loss_and_names_come_out() -> None:
    gpt = load("gpt")
    model = gpt.GPT()
    losses: list[float] = []
    gpt.train(model, gpt.Programs(model), 150, lambda step, loss: losses.append(loss))
    assert sum(losses[-20:]) / 20 < 0.9 * sum(losses[:5]) / 5
    names = [gpt.invent(model, random.Random(k)) for k in range(5)]
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz") for name in names)
    assert any(len(name) > 2 for name in names)
