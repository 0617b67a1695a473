"""Any text as a label, any graph: what is drawn is what is there."""

import json
import random
import re
import xml.etree.ElementTree as ET

from hypothesis import example, given, settings
from hypothesis import strategies as st

import viz
from autograd_core import Value, dot, maximum, scope
from autograd_core.graph import topological_order
from viz.text import number, visible

SVG = "{http://www.w3.org/2000/svg}"
LABELS = st.text(st.characters(codec=None), max_size=50)


def texts(svg, ident):
    found = next(group for group in ET.fromstring(svg).iter(f"{SVG}g") if group.get("id") == ident)
    return [text.text for text in found.iter(f"{SVG}text")]


@given(LABELS)
@settings(max_examples=150, deadline=None)
@example("\\")
@example("\\n\\l\\N\\")
@example('"')
@example('\\"')
@example("<b>")
@example("&#x41;&lt;&")
@example("\u2028\u202e\ud800")
@example("$ % { } | [ ]")
def test_a_label_stands_in_the_picture_as_it_is(label):
    a = Value(1.0, "x" + label + "x")
    assert texts(viz.draw(a * 2.0).svg(), "n0")[0] == visible("x" + label + "x")


@given(LABELS, LABELS)
@settings(max_examples=100, deadline=None)
def test_a_page_holds_its_labels_as_data(label, name):
    with scope("s" + name.replace(".", "")):
        root = Value(1.0, label) * 2.0
    html = viz.step(root).to_html()
    payload = json.loads(re.search(r'mountNext\("autograd-player", (.*)\);\n</script>', html).group(1))
    shown = payload["columns"]["names"][0]
    if label.isidentifier() and len(label) <= 24 and not re.match(r"(u\d+|inf|nan)\Z", label, re.I):
        assert shown == label
    elif all(part.isidentifier() or part.isdigit() for part in re.split(r"[.\[\]]", label) if part):
        assert shown in (label, "u1")  # a path as `layer1.w[0]` may be a name
    else:
        assert shown == "u1"
    assert html.count("</script") == 1


def random_graph(seed):
    choose = random.Random(seed)
    nodes = [
        Value(choose.uniform(-2, 2), choose.choice(["", "x", "w1"])) for _ in range(choose.randint(1, 6))
    ]
    for i in range(choose.randint(1, 60)):
        a, b = choose.choice(nodes), choose.choice(nodes)
        with scope(f"layer{i % 3}"), scope(f"neuron{choose.randint(0, 4)}"):
            made = [a + b, a * 0.5, a.tanh(), b.relu(), maximum(a, b), dot([a, b], [b, a]), a.detach() - b]
        nodes.append(choose.choice(made))
    return choose.sample(nodes, min(len(nodes), choose.randint(1, 3)))


@given(st.integers(0, 10**9), st.booleans(), st.sampled_from([None, 0, 1]))
@settings(max_examples=80, deadline=None)
def test_every_node_of_any_graph_is_in_one_box_and_every_edge_has_its_ends(seed, fold, depth):
    roots = random_graph(seed)
    picture = viz.draw(roots, fold=fold, depth=depth).picture
    members = sorted(i for box in picture.boxes for i in box.members)
    assert members == list(range(len(topological_order(*roots))))
    idents = [box.ident for box in picture.boxes]
    assert len(set(idents)) == len(idents)
    assert {link.tail for link in picture.links} | {link.head for link in picture.links} <= set(idents)
    links = [link.ident for link in picture.links]
    assert len(set(links)) == len(links)


@given(st.integers(0, 10**9), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_player_ends_with_the_numbers_that_the_sweep_leaves(seed, fold):
    root = random_graph(seed)[0]
    if root.is_constant:
        return
    player = viz.step(root, fold=fold)
    script = player.script
    end = script.rows_at(len(player))
    root.backward()
    order = topological_order(root)
    for box, row in zip(script.boxes, end, strict=True):
        if len(box.members) == 1 and row[0] is not None:
            node = order[box.members[0]]
            assert row[0] == f"data {number(node.data)}"
            assert row[1] in (f"grad {number(node.grad)}", "grad –")
    drawn = {item.ident for item in (*script.picture.boxes, *script.picture.links)}
    assert drawn >= {ident for frame in script.frames for ident, _role in frame.marks}
