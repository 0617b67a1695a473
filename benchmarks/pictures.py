"""The same two models drawn by micrograd's way, torchviz, torchview and viz: how large, with what on them.

`python -m benchmarks.pictures` draws with what is installed (micrograd, torch, torchviz, torchview; each may
be absent), prints a table, and writes our pictures into docs/_static. All are laid out by the same Graphviz.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd_core as ag
import nn
import viz
from viz.errors import DrawingError
from viz.renderer import render

PICTURES = Path(__file__).parent.parent / "docs" / "_static"
INPUTS = [0.5, -1.0]
ROWS, WIDTH = 32, 64  # of the attention head


def perceptron() -> ag.Value:
    """The output of an MLP 2-4-1 with ReLU, swept."""
    y = nn.MLP(2, [4, 1], activation="relu", seed=3)([ag.Value(x, f"x{i}") for i, x in enumerate(INPUTS)])
    root: ag.Value = y if isinstance(y, ag.Value) else y[0]
    root.backward()
    return root


def head(rows: int = ROWS, width: int = WIDTH) -> list[ag.Value]:
    """An attention head (Vaswani et al. 2017), its outputs row by row."""
    draw = random.Random(0).gauss
    x = [[ag.Value(draw(0.0, 1.0), f"x{i}_{j}") for j in range(width)] for i in range(rows)]
    made = {}
    for name in ("query", "key", "value"):
        with ag.scope(name):
            matrix = [[ag.Value(draw(0.0, 0.1), f"w{i}_{j}") for j in range(width)] for i in range(width)]
            made[name] = [[ag.dot(w, row) for w in matrix] for row in x]
    with ag.scope("scores"):
        scores = [[ag.dot(q, k) * width**-0.5 for k in made["key"]] for q in made["query"]]
        weights = [ag.softmax(row) for row in scores]
    columns = [list(column) for column in zip(*made["value"], strict=True)]
    return [ag.dot(row, column) for row in weights for column in columns]


def micrograd_way() -> str:
    """Each number a box with its data and gradient, each operation a box of its own, as in its notebook."""
    from micrograd.nn import MLP

    random.seed(3)
    root = MLP(2, [4, 1])(INPUTS)
    root.backward()
    lines, seen, pending = ["digraph { rankdir=LR;"], set(), [root]
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        name = f"n{id(value)}"
        lines.append(f'{name} [shape=record, label="{{ data {value.data:.4f} | grad {value.grad:.4f} }}"];')
        if value._op:
            lines += [f'{name}o [label="{value._op}"];', f"{name}o -> {name};"]
        for parent in value._prev:
            lines.append(f"n{id(parent)} -> {name}o;")
            pending.append(parent)
    return "\n".join([*lines, "}"])


def torch_models() -> tuple[Any, Any, Any, Any]:
    """The two models in PyTorch, each with an input."""
    import torch

    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))

        def forward(self, x: Any) -> Any:
            scores = self.query(x) @ self.key(x).T * WIDTH**-0.5
            return torch.softmax(scores, -1) @ self.value(x)

    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    return model, torch.tensor([INPUTS]), Head(), torch.randn(ROWS, WIDTH)


def torchviz(model: Any, x: Any) -> str:
    """The backward graph of a model in PyTorch."""
    from torchviz import make_dot

    return str(make_dot(model(x), params=dict(model.named_parameters())).source)


def torchview(model: Any, x: Any) -> str:
    """The modules and functions of a model in PyTorch, with their shapes."""
    from torchview import draw_graph

    graph = draw_graph(model, input_data=x, expand_nested=True, depth=5)
    return str(graph.visual_graph.source)


def measured(source: str) -> tuple[int, int, int]:
    """Boxes, width and height in px of a DOT text."""
    svg = render(source).decode()
    width, height = (
        round(float(size) * 4 / 3) for size in re.findall(r'<svg width="(\d+)pt" height="(\d+)pt"', svg)[0]
    )
    return len(re.findall(r'<g id="(?!lane_)[^"]*" class="node', svg)), width, height


def main() -> None:
    """Print the table and write our pictures."""
    ours = {
        "MLP 2-4-1": ("mlp", viz.draw(perceptron(), color_by="gradient")),
        f"attention head {ROWS}×{WIDTH}": ("attention-head", viz.draw(head())),
    }
    print(f"{'':28}{'':12}{'boxes':>7}{'width':>7}{'height':>7}  (px)")
    for name, (file, drawing) in ours.items():
        show(name, "viz", lambda drawing=drawing: drawing.source)
        drawing.save(PICTURES / f"{file}.svg")
    show("MLP 2-4-1", "micrograd", micrograd_way)
    for tool in (torchviz, torchview):
        for k, name in enumerate(("MLP 2-4-1", f"attention head {ROWS}×{WIDTH}")):
            show(name, tool.__name__, lambda tool=tool, k=k: tool(*torch_models()[2 * k : 2 * k + 2]))


def show(model: str, tool: str, source: Callable[[], str]) -> None:
    """One line of the table; a tool that is not installed is said to be absent."""
    try:
        boxes, width, height = measured(source())
    except ImportError as error:
        print(f"{model:28}{tool:12}  not installed: {error.name}")
    except DrawingError as error:
        print(f"{model:28}{tool:12}  {error}")
    else:
        print(f"{model:28}{tool:12}{boxes:7,}{width:7,}{height:7,}")


if __name__ == "__main__":
    main()
