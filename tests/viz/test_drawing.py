import random
import re
import xml.etree.ElementTree as ET

import pytest

import viz
from autograd_core import Value, dot, greater, maximum, scan, scope, tanh, where
from autograd_core.programs.program import record
from viz import folding
from viz.errors import DrawingError, FormatError, RendererError
from viz.renderer import render

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"quotes\" and 'quotes'",
    "two\nlines",
    "back\\slash \\N",
    "&lt;b&gt; &amp;",
    "<b>bold</b>",
    "<<i>html label</i>>",
    "emoji 😀",
    "\x00\x1b\u202e\ud800",
    "x" * 10_000,
    "]]> --> {{ }} | `",
]


def groups(svg):
    """The elements that have an id, by id."""
    return {element.get("id"): element for element in ET.fromstring(svg).iter(f"{SVG}g") if element.get("id")}


def _titles(drawing):
    return {box.title for box in drawing.picture.boxes}


def texts(element):
    return [text.text for text in element.iter(f"{SVG}text")]


def test_nodes_show_label_operation_data_and_gradient(small):
    small.backward()
    found = groups(viz.draw(small).svg())
    assert texts(found["n0"]) == ["a", "data 2", "grad 1.641"]
    assert texts(found["n2"]) == ["×", "data -6", "grad 0.7864"]
    assert found["n0"].get("class") == "node input"
    assert found["n2"].get("class") == "node operation"


def test_ids_texts_and_classes_of_a_small_graph_are_as_agreed(small):
    found = groups(viz.draw(small).svg())
    picture = {ident: (element.get("class"), *texts(element)) for ident, element in found.items()}
    assert picture == {
        "graph": picture["graph"],
        "n0": ("node input", "a", "data 2", "grad –"),
        "n1": ("node input", "b", "data -3", "grad –"),
        "n2": ("node operation", "×", "data -6", "grad –"),
        "n3": ("node input", "c", "data 6.5", "grad –"),
        "n4": ("node operation", "+", "data 0.5", "grad –"),
        "n5": ("node operation", "tanh", "data 0.4621", "grad –"),
        "n6": ("node constant", "2"),
        "n7": ("node operation", "**", "data 4", "grad –"),
        "n8": ("node output", "loss = +", "data 4.462", "grad –"),
        "e2_0": ("edge", "−3"),
        "e2_1": ("edge", "2"),
        "e4_0": ("edge", "1"),
        "e4_1": ("edge", "1"),
        "e5_0": ("edge", "0.7864"),
        "e7_0": ("edge", "4"),
        "e7_1": ("edge constant-edge",),
        "e8_0": ("edge", "1"),
        "e8_1": ("edge", "1"),
    }


def test_a_gradient_before_any_sweep_is_a_dash_and_not_zero():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    root = a + b * 0.0
    assert "grad –" in texts(groups(viz.draw(root).svg())["n0"])
    root.backward()
    assert "grad 0" in texts(groups(viz.draw(root).svg())["n1"])


def test_a_repeated_operand_has_two_edges():
    a = Value(3.0, "a")
    assert {"e1_0", "e1_1"} <= set(groups(viz.draw(a * a).svg()))


def test_kinds_differ_in_shape_and_not_in_color_only(network):
    drawing = viz.draw(network(2, 2, 1), [0.5, 1.0], legend=True)
    constant = viz.draw(Value(1.0) * 2.0)
    assert {"shape=house", "shape=tab", 'style="rounded,filled"', "peripheries=2"} <= set(
        re.findall(r'shape=(?:house|tab)|style="rounded,filled"|peripheries=2', drawing.source)
    )
    assert 'style="filled,dashed"' in constant.source
    for name in ("input", "parameter", "operation", "output"):
        assert f"legend_{name}" in groups(drawing.svg())


def test_the_digits_of_numbers_can_be_chosen():
    assert "data 0.33" in texts(groups(viz.draw(Value(1 / 3, "x") * 1.0, digits=2).svg())["n0"])


def test_edges_can_go_without_their_partials(small):
    assert texts(groups(viz.draw(small, partials=False).svg())["e2_0"]) == []


def test_edges_of_a_large_picture_go_without_labels_unless_told_otherwise(network):
    model = network(2, 16, 16, 1)
    large = viz.draw(model, [0.5, 1.0], fold=False)
    assert {link.text for link in large.picture.links} == {""}
    assert large.picture.links[0].tooltip.startswith("∂")
    labelled = viz.draw(model, [0.5, 1.0], fold=False, partials=True)
    assert all(link.text for link in labelled.picture.links)


def test_an_irregular_graph_of_over_a_thousand_nodes_is_laid_out_in_time():
    choose = random.Random(3)
    nodes = [Value(choose.random()) for _ in range(50)]
    for i in range(1300):
        a, b = choose.choice(nodes[-50:]), choose.choice(nodes[-50:])
        nodes.append((a + b, a * b, a - b, maximum(a, b), (a * 0.1).tanh())[i % 5])
    drawing = viz.draw(nodes[-1], fold=False)
    drawing.svg()
    assert len(drawing.picture.boxes) > 1000


def test_the_direction_can_be_top_to_bottom(small):
    assert "rankdir=TB" in viz.draw(small, direction="TB").source
    assert viz.draw(small, direction="TB").mermaid().startswith("flowchart TB")


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_is_text_in_every_format(label):
    a = Value(1.0, label)
    with scope("s"):
        root = a * a
    root.label = label
    drawing = viz.draw(root)
    found = groups(drawing.svg())
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawing.svg()).iter()}
    assert tags <= {"svg", "g", "style", "title", "desc", "polygon", "path", "text", "polyline"}
    shown = texts(found["n0"])[0]
    assert shown == viz.text.visible(label)
    assert drawing.pipe("png").startswith(b"\x89PNG")
    assert "<script" not in drawing.mermaid()
    assert "<script" not in drawing._repr_mimebundle_()["text/html"]


def test_scopes_are_clusters(network):
    found = groups(viz.draw(network(2, 2, 1), [0.5, 1.0], fold=False).svg())
    assert {"s_layer0", "s_layer0-2e-neuron0", "s_layer0-2e-neuron1", "s_layer1"} <= set(found)
    assert texts(found["s_layer0"])[0] == "layer0"


def test_a_scope_is_collapsed_and_expanded(network):
    drawing = viz.draw(network(2, 3, 1), [0.5, 1.0], depth=0)
    assert "layer0: 15 nodes" in _titles(drawing)
    opened = drawing.expand("layer0")
    assert {f"layer0.neuron{i}: 5 nodes" for i in range(3)} <= _titles(opened)
    assert {"dot", "w0", "relu"} <= _titles(opened.expand("layer0.neuron0"))
    assert _titles(opened.collapse("layer0")) == _titles(drawing)
    assert len(drawing.expand().picture.boxes) == len(drawing.snapshot.nodes)


def test_collapsed_neurons_that_repeat_share_a_box(network):
    drawing = viz.draw(network(2, 16, 16, 1), [0.5, 1.0], depth=0)
    assert {"layer0: 80 nodes", "layer1: 304 nodes"} <= _titles(drawing)
    opened = drawing.expand("layer0")
    assert "layer0.neuron* ×16: 80 nodes" in _titles(opened)
    assert {"dot ×16", "relu ×16", "w* 16×2"} <= _titles(opened.expand("layer0.neuron*"))
    assert _titles(viz.draw(network(2, 16, 1), [0.5, 1.0], fold=True, collapse="layer0.neuron*")) >= {
        "layer0.neuron* ×16: 80 nodes"
    }


def test_collapsing_tells_what_is_hidden(network):
    drawing = viz.draw(network(2, 3, 1), [0.5, 1.0], depth=0)
    boxes = len(drawing.picture.boxes)
    assert (
        f"{len(drawing.snapshot.nodes)} nodes and {drawing.snapshot.edges} edges drawn as {boxes} boxes"
        in drawing.caption
    )


def test_sixteen_neurons_fold_into_one(network):
    drawing = viz.draw(network(2, 16, 16, 1), [0.5, 1.0])
    titles = [box.title for box in drawing.picture.boxes]
    assert titles.count("dot ×16") == 2
    assert titles.count("relu ×16") == 2
    assert {"w* 16×2", "w* 16×16", "b ×16", "x* ×2"} <= set(titles)
    assert "s_layer1" in groups(drawing.svg())


def test_parameters_made_outside_of_a_scope_fold_by_what_uses_them():
    w, v = ([Value(0.1, f"w{i}") for i in range(n)] for n in (8, 4))
    hidden = [dot(w[2 * i : 2 * i + 2], [Value(1.0, "x"), Value(2.0, "x")]).tanh() for i in range(4)]
    drawing = viz.draw(dot(v, hidden), fold=True, parameters=w + v)
    assert {"w* 4×2", "w* ×4"} <= {box.title for box in drawing.picture.boxes}


def test_the_examples_of_a_batch_fold_into_one(network, batch_loss):
    one = viz.draw(batch_loss(network(2, 16, 1), 50))
    two = viz.draw(batch_loss(network(2, 16, 1), 100))
    assert len(one.picture.boxes) == len(two.picture.boxes) < 30


def test_folding_can_be_refused(network):
    drawing = viz.draw(network(2, 8, 8, 1), [0.5, 1.0], fold=False)
    assert len([box for box in drawing.picture.boxes if box.kind != "reference"]) == len(
        drawing.snapshot.nodes
    )


def test_a_folded_box_shows_the_range_of_its_numbers():
    xs = [Value(float(i), f"x{i}") for i in range(3)]
    root = sum((x * x for x in xs), Value(0.0, "start"))
    drawing = viz.draw(root, fold=True)
    box = next(box for box in drawing.picture.boxes if box.title == "x* ×3")
    assert box.lines == ["data 0 … 2", "grad –"]


def test_a_shared_parameter_is_drawn_aside_with_references_to_it():
    w = Value(0.5, "w")
    root = sum((Value(float(i), "x") * w for i in range(5)), Value(0.0, "start"))
    drawing = viz.draw(root, parameters=[w])
    assert [box.scope for box in drawing.picture.boxes if box.title == "w" and box.kind == "parameter"] == [
        "shared parameters"
    ]
    assert len([box for box in drawing.picture.boxes if box.kind == "reference"]) == 5
    assert "1 shared parameter drawn aside" in drawing.caption


def test_a_model_is_drawn_with_its_inputs_and_parameters(network):
    drawing = viz.draw(network(2, 2, 1), [0.5, 1.0])
    kinds = {box.title: box.kind for box in drawing.picture.boxes}
    assert kinds["x0"] == "input"
    assert kinds["w0"] == "parameter"


def test_a_program_is_drawn_through_its_graph():
    w = Value(0.5, "w")
    program = record(lambda x: (w * x).tanh(), 2.0)
    kinds = {box.title: box.kind for box in viz.draw(program).picture.boxes}
    assert kinds == {"w": "parameter", "input": "input", "×": "operation", "tanh": "output"}
    assert "data 0.5\\n" in viz.draw(program, 3.0).source
    assert "data 1.5\\n" in viz.draw(program, 3.0).source


@pytest.mark.parametrize("fold", [False, True])
def test_a_program_is_drawn_with_the_clusters_of_the_eager_graph(network, fold):
    model = network(2, 3, 2, 1)
    program = record(model, [0.5, 1.0])
    eager = groups(viz.draw(model([Value(0.5), Value(1.0)]), fold=fold).svg())
    drawn = groups(viz.draw(program, fold=fold).svg())
    clusters = {ident: texts(group) for ident, group in eager.items() if ident.startswith("s_")}
    assert {"s_layer0", "s_layer1", "s_layer2"} <= set(clusters)
    assert {ident: texts(group) for ident, group in drawn.items() if ident.startswith("s_")} == clusters


def test_several_outputs_are_drawn_together():
    a = Value(1.0, "a")
    kinds = [box.kind for box in viz.draw([a * 2.0, {"y": a + 1.0}]).picture.boxes]
    assert kinds.count("output") == 2


@pytest.mark.parametrize("nothing", [3, "text", [], {}, [1.0], None])
def test_what_has_no_graph_is_refused(nothing):
    with pytest.raises(TypeError, match=r"cannot draw|no Value to draw"):
        viz.draw(nothing)


@pytest.mark.parametrize(("name", "value"), [("direction", "RL"), ("digits", 0), ("depth", -1)])
def test_an_option_without_meaning_is_refused(small, name, value):
    with pytest.raises(ValueError, match=name):
        viz.draw(small, **{name: value})


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("g.svg", b"<svg"),
        ("g.png", b"\x89PNG"),
        ("g.jpg", b"\xff\xd8"),
        ("g.dot", b"digraph"),
        ("g.mmd", b"flowchart LR"),
        ("g.md", b"```mermaid\nflowchart LR"),
        ("g.json", b"{"),
    ],
)
def test_the_suffix_chooses_the_format(small, tmp_path, name, start):
    assert viz.draw(small).save(tmp_path / "new" / name).read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["g.bmp", "g", "g.svgz"])
def test_an_unknown_format_leaves_no_file(small, tmp_path, name):
    with pytest.raises(FormatError, match="cannot tell a format"):
        viz.draw(small).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_leaves_no_file(small, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="file"):
        viz.draw(small).save(tmp_path / "file" / "g.svg")
    assert (tmp_path / "file").read_text() == "kept"


def test_without_a_renderer_the_notebook_shows_the_remedy_and_the_dot_text(small, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_DOT", "/nowhere/dot")
    drawing = viz.draw(small)
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "/nowhere/dot" in bundle["text/plain"]
    assert "digraph" in bundle["text/plain"]
    with pytest.raises(RendererError):
        drawing.svg()
    assert drawing.save is not None


def test_without_a_renderer_dot_and_mermaid_are_still_written(small, monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_DOT", "/nowhere/dot")
    assert viz.draw(small).save(tmp_path / "g.dot").exists()
    assert viz.draw(small).save(tmp_path / "g.mmd").exists()
    with pytest.raises(DrawingError):
        viz.draw(small).save(tmp_path / "g.svg")
    assert not (tmp_path / "g.svg").exists()


def test_the_notebook_gets_svg_html_and_text(small):
    bundle = viz.draw(small)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/html"].startswith('<img alt="Computation graph of loss')
    assert bundle["text/plain"] == "<Drawing of 9 nodes>"


def test_the_picture_describes_itself_to_a_screen_reader(small):
    root = ET.fromstring(viz.draw(small).svg())
    assert root.get("role") == "img"
    assert (
        root.get("aria-label") == "Computation graph of loss = 4.46212: 1 constant, 3 inputs, 5 operations."
    )
    titles = {
        element.get("id"): element.find(f"{SVG}title").text
        for element in root.iter(f"{SVG}g")
        if element.find(f"{SVG}title") is not None
    }
    assert titles["n0"].splitlines() == ["a (input)", "data 2.0", "grad –"]
    assert titles["e2_0"] == "∂u4/∂a = -3.0"


def test_the_svg_needs_nothing_from_outside(small):
    svg = viz.draw(small).svg()
    assert "DOCTYPE" not in svg
    assert re.findall(r"https?://[^\"' ]+", svg) in (
        ["http://www.w3.org/2000/svg"],
        ["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"],
    )


def test_drawing_leaves_the_graph_as_it_was(small):
    viz.draw(small).svg()
    assert not small.has_grad


def test_a_training_loss_of_a_hundred_thousand_nodes_is_laid_out_as_a_few_boxes_at_once(
    chain_network, batch_loss, monkeypatch
):
    calls = []

    def counted(source, format):
        calls.append(source.count("shape="))
        return render(source, format)

    monkeypatch.setattr("viz.drawing.render", counted)
    loss = batch_loss(chain_network(2, 16, 16, 1), 155)
    drawing = viz.draw(loss)
    svg = drawing.svg()
    assert len(drawing.snapshot.nodes) > 100_000
    assert len(groups(svg)) < 200
    assert len(calls) == 1
    assert calls[0] < 200


def test_a_graph_without_structure_or_scopes_keeps_to_the_budget():
    choose = random.Random(3)
    nodes = [Value(choose.random()) for _ in range(50)]
    for i in range(6000):
        a, b = choose.choice(nodes[-50:]), choose.choice(nodes[-50:])
        nodes.append((a + b, a * b, a - b, maximum(a, b), (a * 0.1).tanh())[i % 5])
    drawing = viz.draw(nodes[-1])
    drawing.svg()
    assert len(drawing.picture.boxes) <= 121
    assert "more nodes" in drawing.caption or "far from the output" in drawing.caption


def test_a_layout_that_takes_too_long_is_collapsed_further(small, monkeypatch, network):
    calls = []

    def slow(source, format):
        calls.append(source)
        if len(calls) == 1:
            raise viz.RenderTimeout("too long")
        return b'<svg xmlns="http://www.w3.org/2000/svg"/>'

    monkeypatch.setattr("viz.drawing.render", slow)
    drawing = viz.draw(network(2, 8, 8, 1), [0.5, 1.0], fold=False)
    before = len(drawing.picture.boxes)
    drawing.svg()
    assert len(calls) == 2
    assert len(drawing.picture.boxes) < before


def test_a_chain_of_a_hundred_thousand_operations_is_drawn():
    x = Value(1.0, "x")
    y = x
    for _ in range(100_000):
        y = y * 1.0
    assert len(viz.draw(y).picture.boxes) < 10


def test_a_single_leaf_is_drawn():
    assert texts(groups(viz.draw(Value(2.0, "x")).svg())["n0"]) == ["x", "data 2", "grad –"]


def test_what_only_fixes_the_order_of_a_loop_is_left_out_and_told():
    start, xs = Value(1.0, "s"), [Value(float(k), f"x{k}") for k in range(3)]
    carry, _ = scan(lambda c, x: (c * 0.5 + x, c), start, xs)
    drawing = viz.draw(carry)
    plain = start
    for x in xs:
        plain = plain * 0.5 + x
    expected = viz.draw(plain)
    titles = [sorted(box.title for box in one.picture.boxes) for one in (drawing, expected)]
    assert titles[0] == titles[1]
    assert len(drawing.picture.links) == len(expected.picture.links)
    assert re.search(r"\d+ nodes that only fix the order of a loop are left out", drawing.caption)
    carry.backward()
    assert "grad 0.125" in viz.draw(carry).source
    assert len(viz.draw(carry, numbered=True).snapshot.nodes) > len(expected.snapshot.nodes)


def test_a_choice_between_two_nodes_is_drawn():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    assert len(viz.draw(where(a > b, a, b)).snapshot.nodes) == 4
    same = where(a, b, b)
    same.label = "kept"  # a node that somebody has named stays
    assert "kept" in viz.draw(same).source


def test_a_where_with_equal_branches_is_drawn():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    for condition in (x, greater(x, 0.0), 1.0, where(x, 1.0, y)):
        drawing = viz.draw(where(condition, y, y))
        assert "where" in [box.title for box in drawing.picture.boxes]
        assert drawing.caption == ""


def test_a_graph_in_which_nothing_repeats_is_not_searched_to_its_end(monkeypatch):
    """A million unlike nodes: the nearest ones are drawn as they are, without the work of folding."""
    y = Value(0.5, "x")
    for k in range(200):
        y = y * y if k % 2 else tanh(y)
    whole = viz.draw(y, fold=True, max_nodes=20)
    monkeypatch.setattr("viz.folding.FOLDABLE", 50)
    looked_at = []
    alike = folding._Grouper._alike
    monkeypatch.setattr(
        folding._Grouper, "_alike", lambda self, i, *rest: looked_at.append(i) or alike(self, i, *rest)
    )
    drawing = viz.draw(y, fold=True, max_nodes=20)
    assert len(looked_at) < 60
    assert drawing.caption == whole.caption
