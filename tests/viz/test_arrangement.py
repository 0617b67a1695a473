"""Where things stand in the renderer's picture: layers, neurons, labels beside their edges, rows."""

import itertools
import math
import operator
import re
import xml.etree.ElementTree as ET

import pytest

import viz
from autograd_core import Value, scope
from viz.arrangement import arrange
from viz.renderer import _wheel_executable

SVG = "{http://www.w3.org/2000/svg}"


def elements(drawing, kind):
    root = ET.fromstring(drawing.svg())
    return {g.get("id"): g for g in root.iter(f"{SVG}g") if kind in (g.get("class") or "").split()}


def centre(group):
    texts = group.findall(f"{SVG}text")
    ys = [float(text.get("y")) for text in texts]
    return float(texts[0].get("x")), sum(ys) / len(ys)


def width_and_height(drawing):
    root = ET.fromstring(drawing.svg())
    return tuple(float(root.get(name).removesuffix("pt")) for name in ("width", "height"))


def points_of(group):
    """Points along the edge's Bezier curves and lines."""
    d = group.find(f".//{SVG}path").get("d")
    pieces = re.findall(r"([MCL])([^MCL]*)", d)
    at, found = None, []
    for letter, text in pieces:
        numbers = list(map(float, re.findall(r"-?[\d.]+", text)))
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if letter == "C":
            for k in range(0, len(pairs), 3):
                a, b, c, e = at, *pairs[k : k + 3]
                for t in (j / 20 for j in range(1, 21)):
                    s = 1 - t
                    found.append(
                        tuple(
                            s**3 * p + 3 * s * s * t * q + 3 * s * t * t * r + t**3 * u
                            for p, q, r, u in zip(a, b, c, e, strict=True)
                        )
                    )
                at = e
        else:
            at = pairs[-1]
            found.append(at)
    return found


def nodes_by_place(drawing):
    """The boxes by scope and label, or scope and operation."""
    nodes = drawing.snapshot.nodes
    return {(node.scope, node.label or node.op): f"n{i}" for i, node in enumerate(nodes)}


@pytest.fixture
def drawing(network):
    model = network(2, 4, 1)
    return viz.draw(model, [0.5, -1.0])


def test_each_label_of_an_edge_stands_on_its_own_edge_apart_from_the_others(drawing):
    edges = elements(drawing, "edge")
    labels = {}
    for ident, group in edges.items():
        text = group.find(f".//{SVG}text")
        if text is not None:
            labels[ident] = float(text.get("x")), float(text.get("y")) - 3
    assert len(labels) == 33
    paths = {ident: points_of(group) for ident, group in edges.items()}
    for ident, at in labels.items():
        near = {other: min(math.dist(at, point) for point in path) for other, path in paths.items()}
        assert min(near, key=near.get) == ident
        assert near[ident] < 4
    for (_, (x1, y1)), (_, (x2, y2)) in itertools.combinations(labels.items(), 2):
        assert abs(x1 - x2) > 25 or abs(y1 - y2) > 8


def test_layers_stand_one_after_the_other_and_neurons_in_their_order(drawing):
    place, boxes = nodes_by_place(drawing), elements(drawing, "node")
    at = {key: centre(boxes[ident]) for key, ident in place.items()}
    relus = [at[f"layer0.neuron{k}", "relu"] for k in range(4)]
    assert [y for _x, y in relus] == sorted(y for _x, y in relus)
    later = [at["layer1.neuron0", f"w{k}"][0] for k in range(4)]
    assert max(x for x, _y in relus) < min(later)
    first = [at[f"layer0.neuron{k}", "w0"][0] for k in range(4)]
    assert max(at["", "x0"][0], at["", "x1"][0]) < min(first)


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("sizes", [(3, 1), (2, 4, 1), (3, 2, 2), (4, 3, 1)])
def test_the_weights_of_each_neuron_stand_in_their_order(monkeypatch, network, sizes, direction):
    monkeypatch.setenv("AUTOGRAD_DOT", _wheel_executable())  # Graphviz 2.43 turns their order round
    model = network(*sizes)
    drawing = viz.draw(model, [0.5, -1.0, 2.0, 0.1][: sizes[0]], direction=direction, fold=False)
    boxes = elements(drawing, "node")
    found = {}
    for (place, name), ident in nodes_by_place(drawing).items():
        if re.fullmatch(r"[wx]\d+|b", name):
            found.setdefault(place, []).append((centre(boxes[ident])[direction == "LR"], name))
    assert len(found) == 1 + sum(sizes[1:])
    for place, names in found.items():
        inputs = [f"{'w' if place else 'x'}{k}" for k in range(len(names) - bool(place))]
        assert [name for _, name in sorted(names)] == [*inputs, *(["b"] if place else [])]


def to_segment(point, a, b):
    """How far a point is from a side."""
    along = [q - p for p, q in zip(a, b, strict=True)]
    off = [q - p for p, q in zip(a, point, strict=True)]
    t = min(1.0, max(0.0, sum(map(operator.mul, along, off)) / sum(map(operator.mul, along, along))))
    return math.dist(point, [p + t * d for p, d in zip(a, along, strict=True)])


def test_an_edge_begins_at_the_outline_of_its_input(network):
    drawing = viz.draw(network(2, 2), [0.5, -1.0])
    boxes, edges = elements(drawing, "node"), elements(drawing, "edge")
    inputs = {box.ident for box in drawing.picture.boxes if box.kind == "input"}
    tails = [link for link in drawing.picture.links if link.tail in inputs]
    assert len(tails) == 4
    for link in tails:
        outline = boxes[link.tail].find(f".//{SVG}polygon").get("points").split()
        corners = [tuple(map(float, pair.split(","))) for pair in outline]
        path = edges[link.ident].find(f".//{SVG}path").get("d")
        start = tuple(map(float, re.match(r"M([-\d.]+),([-\d.]+)", path).groups()))
        assert min(to_segment(start, a, b) for a, b in itertools.pairwise(corners)) < 1


def test_every_edge_is_one_path(drawing):
    for group in elements(drawing, "edge").values():
        assert len(group.findall(f".//{SVG}path")) == 1
        assert not group.get("id").endswith("-lane")


def long_chain(links=300):
    x = Value(0.5, "x")
    y = x
    for k in range(links):
        y = (y.tanh(), y * 1.1, y + 0.1)[k % 3]
    return y


def test_a_long_chain_is_cut_into_rows_that_fit_a_screen():
    drawing = viz.draw(long_chain())
    width, height = width_and_height(drawing)
    assert width < 1000  # points; 1 pt is 4/3 px
    assert height < 9000
    assert len(elements(drawing, "node")) - len(elements(drawing, "mark")) == len(drawing.snapshot.nodes)


def test_a_number_says_in_which_row_an_edge_goes_on():
    drawing = viz.draw(long_chain(30))
    marks = elements(drawing, "mark")
    texts = sorted(int(mark.find(f"{SVG}text").text) for mark in marks.values())
    assert texts == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    ends, starts = ([ident for ident in marks if ("_" in ident) is later] for later in (False, True))
    for end in ends:
        (start,) = (ident for ident in starts if ident.startswith(f"{end}_"))
        assert centre(marks[start])[0] < centre(marks[end])[0]
        assert centre(marks[start])[1] > centre(marks[end])[1]
    wanted = {f"e{i}_{k}" for i, row in enumerate(drawing.snapshot.parents) for k in range(len(row))}
    assert wanted <= set(elements(drawing, "edge"))


def test_a_constant_stands_in_the_row_of_its_user():
    drawing = viz.draw(long_chain(30))
    nodes, boxes = drawing.snapshot.nodes, elements(drawing, "node")
    for i, parents in enumerate(drawing.snapshot.parents):
        for parent in parents:
            if nodes[parent].is_constant:
                assert abs(centre(boxes[f"n{i}"])[1] - centre(boxes[f"n{parent}"])[1]) < 70


def test_a_graph_that_is_as_high_as_long_is_not_cut(network):
    model = network(3, 6, 6, 6, 6, 1)
    drawing = viz.draw(model, [0.1, 0.2, 0.3], fold=False)
    assert elements(drawing, "mark") == {}


def test_top_to_bottom_a_chain_is_cut_into_columns():
    width, height = width_and_height(viz.draw(long_chain(100), direction="TB"))
    assert height < 1100
    assert width > 800


def test_boxes_in_a_circle_are_arranged():
    """Collapsed scopes that use each other in turn."""
    x = Value(1.0, "x")
    for k in range(4):
        with scope("ab"[k % 2]):
            x = (x * 2.0).tanh()
    drawing = viz.draw(x + 0.0, depth=0)
    titles = [box.title for box in drawing.picture.boxes if box.kind == "group"]
    assert titles == ["a: 6 nodes", "b: 6 nodes"]
    assert len(elements(drawing, "node")) == len(drawing.picture.boxes)


def test_rows_stand_in_their_order_with_layers_in_them(network):
    """The scopes' own invisible nodes must not take rows out of their order."""
    model = network(2, 3, 3, 3, 3, 3, 3, 3, 3, 1)
    drawing = viz.draw(model, [0.5, -0.5], fold=True)
    boxes = elements(drawing, "node")
    at = {box.scope: centre(boxes[box.ident]) for box in drawing.picture.boxes if "relu" in box.title}
    rows = [at[f"layer{k}.neuron*"][1] for k in range(8)]
    assert elements(drawing, "mark")
    assert all(above < below + 60 for above, below in itertools.pairwise(rows))  # some stand side by side
    assert rows[-1] - rows[0] > 300


def test_a_long_chain_with_an_input_that_every_step_uses_is_cut_too():
    y, k = Value(0.5, "x"), Value(0.9, "k")
    for _ in range(20):
        y = (y * k).tanh()
    drawing = viz.draw(y)
    width, _ = width_and_height(drawing)
    assert width < 1300
    marks = {re.match(r"mark\d+", ident).group() for ident in elements(drawing, "mark")}
    rows = arrange(drawing.picture, "LR").rows
    assert len(marks) == rows  # one of k, and one of the chain at each cut
