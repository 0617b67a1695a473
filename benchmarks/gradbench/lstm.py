"""The LSTM of ADBench, whose weight matrices are diagonal: its loss over a sequence, by one reverse pass."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import autograd_core as ag

from .common import Function, one_row

__all__ = ["LSTM"]


def layer(weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> tuple[Any, Any]:
    """One layer: the new hidden state and cell."""
    size = len(hidden)
    states, cells = [], []
    for i in range(size):
        forget = ag.sigmoid(x[i] * weight[i] + bias[i])
        ingate = ag.sigmoid(hidden[i] * weight[size + i] + bias[size + i])
        outgate = ag.sigmoid(x[i] * weight[2 * size + i] + bias[2 * size + i])
        change = ag.tanh(hidden[i] * weight[3 * size + i] + bias[3 * size + i])
        cells.append(cell[i] * forget + ingate * change)
        states.append(outgate * ag.tanh(cells[i]))
    return states, cells


def loss_of(state: Any, sequence: Any) -> Any:
    """Minus the mean log probability of each letter's bits, as a function of the parameters.

    The step is recorded once, whatever the length of the sequence.
    """

    def loss(main: Any, extra: Any) -> Any:
        def step(carry: Any, letters: Any) -> tuple[Any, None]:
            (state, total), (x, following) = carry, letters
            x, new = [a * w for a, w in zip(x, extra[0], strict=True)], []
            for k in range(0, len(main), 2):
                hidden, cell = layer(main[k], main[k + 1], state[k], state[k + 1], x)
                new += [hidden, cell]
                x = hidden
            predicted = [a * w + b for a, w, b in zip(x, extra[1], extra[2], strict=True)]
            normal = ag.logsumexp([*predicted, math.log(2.0)])
            return (new, total + ag.dot(following, [p - normal for p in predicted])), None

        (_, total), _ = ag.scan(step, (state, 0.0), list(pairwise(sequence)))
        return -total / (len(sequence[0]) * (len(sequence) - 1))

    return loss


def _lstm(given: Any) -> tuple[ag.Program, tuple[Any, ...]]:
    arguments = given["main_params"], given["extra_params"]
    program = ag.record(loss_of(given["state"], given["sequence"]), *arguments)
    return program, tuple(map(one_row, arguments))


LSTM = {
    "objective": Function(_lstm, lambda p: p[0](*p[1]), lambda y: float(y[0])),
    "jacobian": Function(
        _lstm,
        lambda p: p[0].value_and_grad(*p[1], wrt=(0, 1))[1],
        lambda g: [number for part in g for number in part.ravel().tolist()],
    ),
}
