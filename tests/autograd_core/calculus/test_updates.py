"""Each rule of the optimizers stands once: arrays have the bits of floats, and C follows."""

from __future__ import annotations

import numpy as np
import pytest

from autograd_core.calculus.codegen import updates_text
from autograd_core.calculus.updates import UPDATES, at_least_zero, ratio, root

SETTINGS = {"momentum": 0.9, "eps": 1e-8, "rho": 0.99, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01}


@pytest.mark.parametrize("name", UPDATES)
def test_arrays_have_the_bits_of_floats(name: str) -> None:
    update, rng = UPDATES[name], np.random.default_rng(4)
    settings = tuple(SETTINGS[setting] for setting in update.settings)
    x = rng.normal(size=50)
    buffers = [np.zeros(50) for _ in update.buffers]
    rows = [(v, [0.0] * len(buffers)) for v in x.tolist()]
    for k in (1.0, 2.0, 3.0):
        g = rng.normal(size=50) * (rng.uniform(size=50) > 0.2)
        x, new = update(x, g, buffers, settings, 0.05, k)
        buffers = list(new)
        rows = [update(v, d, kept, settings, 0.05, k) for (v, kept), d in zip(rows, g.tolist(), strict=True)]
    assert x.tolist() == [v for v, _ in rows]
    for j, buffer in enumerate(buffers):
        assert buffer.tolist() == [kept[j] for _, kept in rows]


@pytest.mark.parametrize("name", UPDATES)
def test_every_rule_has_its_loop_in_c(name: str) -> None:
    update = UPDATES[name]
    assert f'{{"{name}", {len(update.buffers)}, {len(update.settings)}, update_{name}}}' in updates_text()


def test_the_functions_of_rules_at_their_edges() -> None:
    nan = float("nan")
    for a, b, expected in ((0.0, 0.0, 0.0), (1.0, 2.0, 0.5), (-0.0, 1.0, 0.0)):
        assert ratio(a, b) == expected == ratio(np.array([a]), np.array([b]))[0]
    assert root(4.0) == 2.0 == root(np.array([4.0]))[0]
    assert at_least_zero(-1.0) == 0.0 == at_least_zero(np.array([-1.0]))[0]
    assert at_least_zero(nan) != at_least_zero(nan)
