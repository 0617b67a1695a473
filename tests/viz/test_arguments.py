"""What is no argument of a function is refused by name, before anything is drawn or written."""

import math

import pytest

import nn
import viz
from autograd_core import Value, scope, softmax
from viz import frames

NONSENSE = {
    "depth": ["1", 1.5, math.nan, -1],
    "fold": ["no", 2],
    "partials": ["no"],
    "legend": ["no", None],
    "numbered": [1],
    "digits": ["4", None, 0, 18, 3.0],
    "max_nodes": [-1, 0, None, "5"],
    "max_edges": [-5, 1.5],
    "parameters": [5, [1.0], "w"],
    "expand": [5, [5]],
    "collapse": [5, None],
    "diagnosis": [5, None, [5]],
    "color_by": [lambda node: None, lambda node: "a", "beauty", 5],
    "direction": [5, "RL"],
    "gradient": ["a", None, math.nan],
    "forward": ["no"],
    "accumulate": [None],
    "title": [5, b"text"],
    "widget": ["no"],
}
DRAW_ONLY = {"partials", "numbered", "max_edges", "color_by"}
STEP_ONLY = {"gradient", "forward", "accumulate", "widget", "title"}


def cases(others):
    return [(name, value) for name, values in NONSENSE.items() for value in values if name not in others]


@pytest.mark.parametrize(("name", "value"), cases(STEP_ONLY))
def test_draw_names_the_argument_that_is_none(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        viz.draw(Value(2.0, "x") * 3.0, **{name: value})


@pytest.mark.parametrize(("name", "value"), cases(DRAW_ONLY))
def test_step_names_the_argument_that_is_none(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        viz.step(Value(2.0, "x") * 3.0, **{name: value})


def test_a_model_without_its_inputs_is_told_where_they_go():
    with pytest.raises(TypeError, match=r"missing a required argument: 'x': .* draw\(model, x\)"):
        viz.draw(nn.MLP(2, [1]))
    assert viz.draw(lambda: Value(2.0) * 3.0).snapshot.edges == 2


def test_a_format_has_one_name_wherever_it_stands(tmp_path):
    drawing = viz.draw(Value(2.0, "x") * 3.0)
    for name, format in (("a.gv", "DOT"), ("a.md", "md"), ("a.mmd", "Mermaid"), ("A.DOT", "gv"), ("a", "md")):
        assert drawing.save(tmp_path / name, format).read_bytes() == drawing.pipe(format)
    with pytest.raises(viz.FormatError, match="cannot tell a format from 5"):
        drawing.pipe(5)
    assert drawing.save(str(tmp_path / "bytes.dot").encode()).exists()
    with pytest.raises(ValueError, match="is no path"):
        drawing.save(tmp_path / "null\0.dot")


def test_a_page_and_an_animation_are_not_written_under_other_suffixes(tmp_path):
    player = viz.step(Value(2.0, "x") * 3.0)
    for write, name in ((player.save_html, "a.svg"), (player.save_html, "a"), (player.save_gif, "a.png")):
        with pytest.raises(viz.FormatError, match=r"is written as name\.(html|gif), not"):
            write(tmp_path / name)
    for seconds in (math.nan, math.inf, -1, 0, 1e9, "1", None):
        with pytest.raises((TypeError, ValueError), match="seconds must be a number"):
            player.save_gif(tmp_path / "a.gif", seconds)
    assert not list(tmp_path.iterdir())


def chain(n):
    w, h = Value(0.5, "w"), Value(1.0, "h0")
    for _ in range(n):
        h = (h * w).tanh()
    return h


@pytest.mark.parametrize("budget", [1, 2, 7, 10, 119])
def test_the_budgets_are_kept(budget):
    with scope("layer"):
        many = [chain(2) for _ in range(50)]
    for what in (chain(200), many):
        drawing = viz.draw(what, max_nodes=budget)
        assert len([box for box in drawing.picture.boxes if box.kind != "reference"]) <= budget
        assert len(viz.draw(what, max_edges=budget - 1).picture.links) <= budget - 1


def test_a_crowded_graph_of_few_nodes_is_folded_in_a_player():
    def boxes(n):
        shares = softmax([Value(0.1 * i, f"x{i}") for i in range(n)])
        return len(viz.step(sum(shares[1:], start=shares[0]))._drawing.picture.boxes)

    assert boxes(5) > 12
    assert boxes(40) < 8  # 119 nodes, but 1,678 edges


def test_the_frames_of_a_run_put_each_step_into_words_once(monkeypatch):
    calls = []
    words = frames._words
    monkeypatch.setattr(frames, "_words", lambda *arguments: calls.append(1) or words(*arguments))
    player = viz.step(chain(20))
    pictures = list(frames.frame_pictures(player.script))
    assert len(pictures) == len(calls) == len(player) + 1
    seen = [[link.ident for link in picture.links if not link.hidden] for picture in pictures]
    assert len(seen[0]) < len(seen[40]) == len(seen[-1]) == len(pictures[0].links)
    made = {id(box) for picture in pictures for box in picture.boxes}
    assert len(made) < 6 * len(pictures)  # of 62 boxes each
    for k in (0, 5, len(player)):
        rows = player.script.rows_at(k)
        shown = {box.ident: box.lines for box in pictures[k].boxes}
        assert all(
            shown[box.ident] == row[:2]
            for box, row in zip(player.script.boxes, rows, strict=True)
            if row[0] is not None
        )
