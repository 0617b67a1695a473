import json
import math
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

import viz
from autograd_core import Value, exp, no_grad, relu, scope
from autograd_core.graph import topological_order
from autograd_core.steps import ForwardStep, SeedStep
from viz.columns import graph_columns
from viz.frames import frame_pictures
from viz.renderer import render
from viz.spread import Spread
from viz.svg import finish_svg
from viz.text import number, visible

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "\u2028\u2029'\"\\",
    "😀",
    "x" * 10_000,
    "a\nb",
]


@pytest.fixture
def player(small):
    return viz.step(small)


def test_it_starts_before_the_first_step(player):
    assert (player.position, player.current) == (0, None)
    assert player.describe().startswith("Nothing is computed yet")


def test_next_and_previous_move_by_one_and_stop_at_the_ends(player):
    assert player.previous() is None
    assert player.next() is player.steps[0]
    assert player.next() is player.steps[1]
    assert player.previous() is player.steps[0]
    player.goto(-1)
    assert player.next() is player.steps[-1]
    assert player.position == len(player)


def test_goto_counts_from_either_end_and_refuses_what_is_not_there(player):
    assert player.goto(3) is player.steps[2]
    assert player.goto(-1) is player.steps[-1]
    assert player.goto(-1 - len(player)) is None
    with pytest.raises(IndexError, match="step 1000 of"):
        player.goto(1000)
    player.position = 2
    assert player.current is player.steps[1]


def test_each_step_changes_the_cells_that_it_names(player):
    script = player.script
    rows = [list(row) for row in script.start]
    for frame in script.frames:
        for row, column, text in frame.cells:
            assert rows[row][column] != text
            rows[row][column] = text
    assert rows == script.rows_at(len(player))
    assert script.rows_at(0) == script.start


def test_the_last_state_shows_the_gradients_that_backward_leaves(player, small):
    shown = {
        box.members[0]: row
        for box, row in zip(player.script.boxes, player.script.rows_at(len(player)), strict=True)
    }
    small.backward()
    for i, node in enumerate(topological_order(small)):
        if not node.is_constant:
            assert shown[i][:2] == [f"data {number(node.data)}", f"grad {number(node.grad)}"]


def test_before_the_first_step_only_the_inputs_have_numbers(player):
    for box, row in zip(player.script.boxes, player.script.start, strict=True):
        if box.kind != "constant":
            assert row == (
                ["data –", "grad –", "pending"]
                if box.kind in ("operation", "output")
                else [row[0], "grad –", "given"]
            )
            assert (row[0] == "data –") == (row[2] == "pending")


def test_a_forward_step_says_the_expression_with_names_and_with_numbers():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c = a * b
    c.label = "c"
    sentence = viz.step(c).script.frames[0].sentence
    assert (sentence.phase, sentence.title, sentence.lines) == (
        "forward",
        "c = a * b",
        ("= 2 * (-3)", "= -6"),
    )
    assert sentence.say == "Forward. c is a times b: -6."


def test_a_backward_step_says_partial_times_upstream_and_before_and_after():
    a = Value(3.0, "a")
    y = (a * a).square()
    y.label = "y"
    frames = viz.step(y).script.frames
    last = frames[-1].sentence
    assert last.title == "grad(a) += ∂u2/∂a × grad(u2)"
    assert last.lines[0] == "∂u2/∂a = a = 3"
    assert last.lines[2] == "grad(a) = 54 + 54 = 108"
    assert frames[-3].sentence.lines[0] == "∂y/∂u2 = 2 * u2 = 18"
    assert "The gradient of a goes from 54 to 108." in last.say


def test_a_step_lights_up_both_ends_and_the_edge(player):
    marks = dict(player.script.frames[-1].marks)
    assert sorted(marks.values()) == ["along", "from", "to"]
    svg = ET.fromstring(player._svg)
    assert set(marks) <= {element.get("id") for element in svg.iter(f"{SVG}g")}


def test_the_gradient_to_begin_with_can_be_chosen(small):
    seed = next(event for event in viz.step(small, gradient=2.0).steps if isinstance(event, SeedStep))
    assert seed.after == 2.0


def test_stepping_leaves_the_graph_as_it_was(player, small):
    player.goto(-1)
    player.to_html()
    assert not small.has_grad


def test_the_page_is_one_file_that_loads_nothing(player, tmp_path):
    path = player.save_html(tmp_path / "new" / "player.html")
    text = path.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", text)
    assert len(text) < 115_000
    assert [file.name for file in path.parent.iterdir()] == ["player.html"]


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_cannot_leave_its_place_in_the_page(label):
    a = Value(2.0, label)
    root = a * a
    root.label = label
    player = viz.step(root)
    html = player.to_html()
    assert html.count("<script") == 1
    assert html.count("</script") == 1
    assert "<!--" not in html.replace("<!DOCTYPE", "")
    payload = json.loads(re.search(r'mountNext\("autograd-player", (.*)\);\n</script>', html).group(1))
    assert payload["columns"]["titles"][0] == visible(f"u1 “{visible(label)}”", 64)


def test_frames_are_written_one_a_step(player, tmp_path):
    paths = player.frames(tmp_path / "frames")
    assert [path.name for path in paths[:2]] == ["step0000.svg", "step0001.svg"]
    assert len(paths) == len(player) + 1
    first, last = (ET.parse(path).getroot() for path in (paths[0], paths[-1]))
    texts = [[text.text for text in root.iter(f"{SVG}text")] for root in (first, last)]
    assert "data –" in texts[0]
    sizes = {(root.get("width"), root.get("height")) for root in (ET.parse(path).getroot() for path in paths)}
    assert len(sizes) == 1
    assert "grad 1.641" in texts[1]
    assert f"step {len(player)} of {len(player)}" in texts[1]
    classes = " ".join(element.get("class", "") for element in last.iter(f"{SVG}g"))
    assert {"from", "to", "along"} <= set(classes.split())


def test_a_run_is_laid_out_once_and_each_frame_is_what_graphviz_would_draw(tmp_path, monkeypatch):
    runs = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *args, **kw: runs.append(args) or run(*args, **kw))
    x, off = Value(3.0, "x"), Value(-2.0, "off")
    with scope("part"):
        root = x * x + 2.0 * off.relu() + (400.0 * x).tanh() + Value(math.inf, "big") * off
    player = viz.step(root)
    paths = player.frames(tmp_path)
    assert len(runs) == 1
    room = player.script.room()
    for path, picture in zip(paths, frame_pictures(player.script), strict=True):
        anew = ET.fromstring(finish_svg(render(player._drawing.digraph(room, picture).source), picture))
        assert _looks(ET.parse(path).getroot()) == _looks(anew)


def _looks(root):
    """What is written on each element, and how its lines are drawn."""
    names = ("fill", "stroke", "stroke-width", "stroke-dasharray", "visibility")
    found = {}
    for group in root.find(f"{SVG}g").findall(f"{SVG}g"):
        lines = [(part.tag, part.text, *map(part.get, names)) for part in group]
        classes = {*(group.get("class") or "").split()} - {"constant-edge"}  # Graphviz has one class an edge
        found[group.get("id")] = classes, [line for line in lines if line[1] != " "]
    return found


def test_a_frame_tells_no_number_before_it_is_computed(tmp_path):
    root = Value(3.0, "x").exp()
    first = viz.step(root).frames(tmp_path)[0].read_text()
    assert "20.0855" not in first


def test_a_group_is_diagnosed_when_the_last_of_it_is_computed():
    weights = [Value(w, f"w{k}") for k, w in enumerate((-1.0, 1.0, -2.0))]
    with scope("layer"):
        loss = sum((w * x).relu() for w in weights for x in (1.0, 2.0)) * 2.0
    for options in ({"depth": 0}, {"fold": True}, {}):
        script = viz.step(loss, parameters=weights, **options).script
        notes = [
            [note for box in picture.boxes for note in box.notes if "dead" in note]
            for picture in frame_pictures(script)
        ]
        relus = [k for k, step in enumerate(script.events, 1) if getattr(step.node, "op", "") == "relu"]
        forward = [k for k in relus if isinstance(script.events[k - 1], ForwardStep)]
        assert not any(notes[: forward[-1]]), options
        assert any(notes), options
        marked = [any(box.trouble for box in picture.boxes) for picture in frame_pictures(script)]
        assert not any(marked[: forward[-1]]), options
        assert any(marked), options


def test_a_partial_is_no_fault_before_it_is_computed():
    script = viz.step(Value(1e-13, "x").sqrt().log() * 1e5).script
    faults = [sum(link.trouble for link in picture.links) for picture in frame_pictures(script)]
    assert faults[0] == 0 < faults[-1]


def test_frames_can_be_png_and_nothing_else(tmp_path):
    player = viz.step(Value(1.0, "x") * 2.0)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in player.frames(tmp_path, "png"))
    sizes = {path.read_bytes()[16:24] for path in tmp_path.glob("*.png")}
    assert len(sizes) == 1
    with pytest.raises(viz.FormatError, match="svg or png"):
        player.frames(tmp_path, "gif")


def test_the_run_is_an_animated_gif_with_a_picture_a_step(player, tmp_path):
    image = pytest.importorskip("PIL.Image")
    path = player.save_gif(tmp_path / "run.gif", seconds=0.5)
    with image.open(path) as found:
        assert (found.format, found.n_frames, found.info["duration"]) == ("GIF", len(player) + 1, 500)


def test_the_frames_of_constants_show_their_number_once(tmp_path):
    with no_grad():
        made = exp(Value(2.0, "x")) * 3.0
    for root in (made, (Value(2.0, "x") * 3.0).detach()):
        paths = viz.step(root).frames(tmp_path)
        texts = [text.text for text in ET.parse(paths[-1]).getroot().iter(f"{SVG}text")]
        assert texts.count(f"{root.data:.4g}") == 1


def test_the_frames_of_a_small_picture_have_one_size_however_long_the_sentences(tmp_path):
    root = Value(1.0, "a_rather_long_name_of_x").tanh() * Value(0.123456789, "another_long_label_y")
    paths = viz.step(root).frames(tmp_path)
    assert len({ET.parse(path).getroot().get("viewBox") for path in paths}) == 1


def test_a_large_graph_is_stepped_through_on_its_folded_picture(network, batch_loss):
    player = viz.step(batch_loss(network(2, 16, 1), 20))
    ids = {element.get("id") for element in ET.fromstring(player._svg).iter(f"{SVG}g")}
    assert len(player.script.boxes) < 40
    assert all(ident in ids for frame in player.script.frames for ident, _role in frame.marks)


def test_a_folded_box_shows_the_range_of_what_is_known_so_far():
    xs = [Value(float(i), f"x{i}") for i in range(3)]
    root = sum((x * x for x in xs), Value(10.0, "start"))
    player = viz.step(root, fold=True)
    squares = next(i for i, box in enumerate(player.script.boxes) if box.title == "(×) ×3")
    shown = [player.script.rows_at(k)[squares] for k in range(len(player) + 1)]
    assert shown[0] == ["data –", "grad –", "pending"]
    assert shown[1] == ["data 0", "grad –", "pending"]  # until all of them are computed
    assert ["data 0 … 4", "grad –", "computed"] in shown
    assert shown[-1] == ["data 0 … 4", "grad 1", "computed"]
    inputs = next(i for i, box in enumerate(player.script.boxes) if box.title == "x* ×3")
    assert player.script.rows_at(0)[inputs] == ["data 0 … 2", "grad –", "given"]
    assert player.script.rows_at(len(player))[inputs][1] == "grad 0 … 4"


def test_a_range_copes_with_numbers_that_are_not_numbers():
    spread = Spread([math.nan, 1.0])
    spread.replace(1.0, math.nan)
    assert spread.text(4) == "NaN"
    spread.replace(math.nan, -math.inf)
    spread.replace(math.nan, 2.0)
    assert spread.text(4) == "-inf … 2"
    assert Spread([]).text(4) == "–"


def test_without_the_forward_steps_all_numbers_are_given(small):
    script = viz.step(small, forward=False).script
    assert not any(row[0] == "data –" or row[2] == "pending" for row in script.start)


def test_accumulating_steps_begin_with_the_gradients_of_the_leaves(small):
    small.backward()
    script = viz.step(small, accumulate=True).script
    assert script.start[0][1] == "grad 1.641"
    assert script.rows_at(len(script.frames))[0][1] == "grad 3.281"


def test_accumulating_steps_show_the_gradient_of_a_leaf_that_they_do_not_reach():
    a = Value(1.0, "a")
    (a * 3.0).backward()
    y = relu(a * -1.0) + Value(2.0, "b") * 1.0
    script = viz.step(y, accumulate=True).script
    place = script.snapshot.nodes.index(a)
    assert [script.rows_at(k)[place][1] for k in (0, len(script.frames))] == ["grad 3", "grad 3"]
    assert graph_columns(script)["grads"][place] == 3.0
    assert viz.step(y).script.start[place][1] == "grad –"


def test_a_player_is_named_by_what_it_draws_not_by_a_number_to_come():
    """A reader hears it before the output is computed, and after an input has changed."""
    player = viz.step(Value(2.0, "x").tanh())
    assert player._payload()["description"] == "Computation graph of u2: 1 input, 1 operation."
    assert "u2: 1 input" in player._svg
    assert "0.964" not in player._svg.split("<style>")[0]


def test_a_step_in_a_layer_says_in_which_neuron(network):
    last = viz.step(network(2, 2, 1), [0.5, 1.0]).script.frames[-1].sentence
    assert last.lines[2].endswith("in layer0.neuron0")


def test_a_player_can_have_a_legend(small):
    assert 'id="legend_input"' in viz.step(small, legend=True)._svg


def test_more_steps_than_a_player_holds_are_refused(chain_network, batch_loss):
    with pytest.raises(ValueError, match=r"nodes are more than max_nodes=10,000; step through one example"):
        viz.step(batch_loss(chain_network(2, 16, 16, 1), 30))


def test_without_a_renderer_the_notebook_shows_the_remedy(player, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_DOT", "/nowhere/dot")
    bundle = player._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "/nowhere/dot" in bundle["text/plain"]


def test_a_missing_renderer_leaves_no_page(player, monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_DOT", "/nowhere/dot")
    with pytest.raises(viz.RendererError):
        player.save_html(tmp_path / "player.html")
    assert list(tmp_path.iterdir()) == []


def test_the_widget_and_the_player_follow_each_other(player):
    pytest.importorskip("anywidget")
    widget = player.widget()
    player.goto(4)
    assert widget.position == 4
    widget.position = 7
    assert player.position == 7
    widget.position = 99
    assert player.position == widget.position == len(player)
    assert player.widget() is widget


def test_the_kernel_reads_the_inputs_that_were_changed_in_the_page(player):
    pytest.importorskip("anywidget")
    assert player.inputs == {"a": 2.0, "b": -3.0, "c": 6.5}
    player.widget().inputs = {"a": 4, "b": -3.0, "c": 6.5, "unknown": 1.0}
    assert player.inputs == {"a": 4.0, "b": -3.0, "c": 6.5}
    player.widget().inputs = {"a": "NaN", "b": "-inf", "c": None}  # JSON has no such numbers
    assert repr(player.inputs) == "{'a': nan, 'b': -inf, 'c': 6.5}"


def test_a_notebook_gets_html_that_plays_without_a_kernel(small):
    assert sorted(viz.step(small)._repr_mimebundle_()) == ["text/html", "text/plain"]


def test_the_notebook_gets_the_widget_if_asked_and_html_for_other_viewers(small):
    pytest.importorskip("anywidget")
    player = viz.step(small, widget=True)
    data, _metadata = player._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"].startswith('<div class="autograd-player" data-key=')
    assert data["text/plain"] == f"<Player of Computing and differentiating loss: step 0 of {len(player)}>"
