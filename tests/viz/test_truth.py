"""What a picture or a player says is true: of stale graphs, of names, of numbers, of what is counted."""

import itertools
import math
import re
import xml.etree.ElementTree as ET

import pytest

import autograd_core
import viz
from autograd_core import Value, dot, relu, scope, softmax, tanh
from viz.diagnosis import diagnose
from viz.naming import node_names
from viz.palette import DARK, EMPHASIS, LIGHT, TROUBLE
from viz.snapshot import take_snapshot
from viz.text import digits_needed, number

SVG = "{http://www.w3.org/2000/svg}"


def sentences(root):
    return [frame.sentence for frame in viz.step(root).script.frames]


def stale_square():
    x = Value(2.0, "x")
    y = x * x
    x.data = 5.0
    return y


# --- stale graphs ---


def test_a_stale_node_is_not_narrated_as_arithmetic():
    first = sentences(stale_square())[0]
    assert first.lines == (
        "5 * 5 is 25, but the node holds 4",
        "stale: its operands changed after it was computed; build the graph anew",
    )
    assert "= 4" not in " ".join((*first.lines, first.say))
    assert "stale" in first.say


def test_a_drawing_marks_the_stale_node_and_names_the_remedy():
    drawing = viz.draw(stale_square())
    assert [box.notes for box in drawing.picture.boxes] == [[], ["stale: build the graph anew"]]
    assert "stale: 1" in drawing.caption
    assert "build the graph anew" in drawing.caption


def test_a_learning_step_on_the_parameters_leaves_a_stale_graph_and_that_is_told():
    w = Value(2.0, "w")
    loss = (w * 3.0).square()
    loss.backward()
    w.data -= 0.1 * w.grad
    assert "stale: 1" in viz.draw(loss).caption
    assert "stale: 1" in viz.step(loss).script.picture.caption


def test_a_graph_that_is_up_to_date_has_no_stale_node(small):
    assert viz.draw(small).snapshot.stale == frozenset()


# --- names ---


def names_of(*roots):
    return node_names(take_snapshot(roots))


def test_inputs_are_numbered_first_as_in_algorithm_6_1():
    a, b = Value(1.0), Value(2.0)
    assert names_of((a * b).tanh() + a) == ["u1", "u2", "u3", "u4", "u5"]


def test_a_label_like_an_automatic_name_does_not_stand_for_two_nodes():
    a, b = Value(1.0, "u3"), Value(2.0, "x0")
    root = a * b + b
    names = names_of(root)
    assert len(set(names)) == len(names) == 4
    assert names == ["u1", "x0", "u3", "u4"]
    titles = [box.title for box in viz.step(root).script.picture.boxes]
    assert titles == ["u1 “u3”", "x0", "u3 = ×", "u4 = +"]


def test_labels_that_repeat_are_told_apart_by_their_scope():
    weights = []
    for layer in range(2):
        with scope(f"layer{layer}"), scope("neuron0"):
            weights.append(Value(0.5, "w1"))
    root = dot(weights, weights[::-1])
    assert names_of(root)[:2] == ["layer0.neuron0.w1", "layer1.neuron0.w1"]
    assert "layer0.neuron0.w1 * layer1.neuron0.w1" in sentences(root)[0].title


def test_labels_that_repeat_in_one_scope_are_numbered():
    assert names_of(Value(1.0, "x") * Value(2.0, "x")) == ["u1", "u2", "u3"]


class Two:
    """Two networks, as an encoder and a decoder, with the same scopes."""

    def __init__(self, network, ensemble=False):
        self.parts = {"encoder": network(2, 3, 2), "decoder": network(2, 4, 1, seed=2)}
        self.ensemble = ensemble

    def named_parameters(self):
        for part, model in self.parts.items():
            for layer, neurons in enumerate(model.layers):
                for unit, (weights, bias) in enumerate(neurons):
                    for k, value in enumerate([*weights, bias]):
                        yield f"{part}.layer{layer}.W[{unit}][{k}]", value

    def parameters(self):
        return [value for _name, value in self.named_parameters()]

    def __call__(self, inputs):
        first, second = self.parts.values()
        return [*first(inputs), second(inputs)] if self.ensemble else second(first(inputs))


def whose(model, part):
    return {value for name, value in model.named_parameters() if name.startswith(part)}


@pytest.mark.parametrize("ensemble", [False, True])
def test_two_networks_of_one_graph_are_told_apart_by_number(network, ensemble):
    model = Two(network, ensemble)
    outputs = model([Value(0.5, "x0"), Value(1.0, "x1")])
    snapshot = viz.draw(outputs, fold=False).snapshot
    names = dict(zip(snapshot.nodes, node_names(snapshot), strict=True))
    assert len({names[p] for p in model.parameters()}) == len(model.parameters())
    for part, number_ in (("encoder", ""), ("decoder", "_2")):
        for value in whose(model, part):
            known = re.fullmatch(r"(layer\d(_2)?\.)?neuron\d\.[wb]\d?", names[value])
            assert known
            assert known[1] is None or (known[2] or "") == number_
    scopes = dict(zip(snapshot.nodes, snapshot.scopes, strict=True))
    for node in snapshot.nodes:
        if node.scope and not node.is_leaf:
            near = node if node.op == "dot" else node.parents[0]
            assert scopes[node] == scopes[near.parents[0]]
    assert {box.scope for box in viz.draw(outputs, fold=False).picture.boxes} >= {"layer0_2.neuron3"}
    titles = {box.title.partition(":")[0] for box in viz.draw(outputs, depth=0).picture.boxes}
    assert {"layer0", "layer0_2"} <= titles


def test_the_attributes_of_a_model_tell_its_networks_apart(network):
    model = Two(network)
    by_call = viz.step(model, [0.5, 1.0])
    by_loss = viz.step(model([Value(0.5, "x0"), Value(1.0, "x1")]), parameters=model)
    for player in (by_call, by_loss):
        names = dict(zip(player.script.snapshot.nodes, player.script.names, strict=True))
        first = model.parts["encoder"].layers[0][0][0][0]
        assert names[first] == "encoder.layer0.neuron0.w0"
        assert "encoder.layer0.neuron0.w0 * x0" in player.script.frames[0].sentence.title
        assert "   in encoder.layer0.neuron0" in player.script.frames[0].sentence.lines[1]
        assert "decoder.layer0.neuron3" in {box.scope for box in player.script.picture.boxes}


def test_parameters_without_labels_are_called_by_their_attributes():
    class Line:
        def __init__(self):
            self.w, self.b = [Value(2.0), Value(3.0)], Value(1.0)

        def named_parameters(self):
            return [("w[0]", self.w[0]), ("w[1]", self.w[1]), ("head.b", self.b)]

        def parameters(self):
            return [*self.w, self.b]

        def __call__(self, x):
            return dot(self.w, x, self.b)

    first = viz.step(Line(), [1.0, 2.0]).script.frames[0]
    assert first.sentence.title == "u6 = w[0] * x0 + w[1] * x1 + head.b"
    titles = [box.title for box in viz.draw(Line(), [1.0, 2.0]).picture.boxes]
    assert titles == ["w[0]", "w[1]", "x0", "x1", "head.b", "dot"]
    assert viz.step(Line(), [1.0, 2.0]).inputs["head.b"] == 1.0


def test_a_new_leaf_of_each_call_does_not_make_another_part():
    with scope("layer"):
        w = Value(2.0, "w")
    total = Value(0.0, "start")
    for k in range(3):
        with scope("layer"):
            total = total + w * Value(float(k), "x") + Value(0.1, "noise")
    assert set(take_snapshot([total]).scopes) == {"", "layer"}


def test_a_scope_with_the_name_that_a_number_would_make_is_another():
    def line(name, x):
        with scope(name):
            return Value(2.0, "w") * x

    root = line("part", line("part_2", line("part", Value(1.0, "x"))))
    names = names_of(root)
    assert len(set(names)) == len(names)
    assert {"part.w", "part_2.w", "part_2_.w"} <= set(names)


def test_every_name_in_a_sentence_stands_in_the_picture(network):
    player = viz.step(network(2, 2, 1), [0.5, 1.0])
    titles = {box.members[0]: box.title for box in player.script.boxes if len(box.members) == 1}
    for i, name in enumerate(player.script.names):
        if i in titles and player.script.snapshot.kinds[i] != "constant":
            assert re.split(r" = | “", titles[i])[0] in (name, name.rpartition(".")[2])


def test_a_drawing_shows_the_numbers_of_the_player_on_request():
    root = (Value(1.0, "a") * Value(2.0, "b")).tanh()
    assert [box.title for box in viz.draw(root, numbered=True).picture.boxes] == [
        box.title for box in viz.step(root).script.picture.boxes
    ]
    assert [box.title for box in viz.draw(root).picture.boxes] == ["a", "b", "×", "tanh"]


# --- diagnosis ---


def relu_batch(examples, units=8, bias=-5.0):
    weights = []
    for unit in range(units):
        with scope("layer"):
            weights.append(([Value(0.1, "w")], Value(bias if unit < 5 else 5.0, "b")))
    total = Value(0.0)
    for k in range(examples):
        x = Value(float(k), "x")
        with scope("layer"):
            outputs = [dot(w, [x], b).relu() for w, b in weights]
        total = total + sum(outputs, Value(0.0))
    return total


def test_dead_relus_are_counted_by_unit_and_never_exceed_the_units():
    drawing = viz.draw(relu_batch(6), fold=True)
    assert "dead ReLU: 5" in drawing.caption
    for box in drawing.picture.boxes:
        for note in box.notes:
            found = re.search(r": (\d+) of (\d+)", note)
            assert found is None or int(found[1]) <= int(found[2]) <= 8


def test_a_unit_is_not_dead_for_one_example():
    kinds = {finding.kind for finding in diagnose(take_snapshot([relu_batch(1)]))}
    assert kinds == {"ReLU off"}


def test_partials_towards_constants_are_no_alarm():
    assert diagnose(take_snapshot([Value(1e9, "a") * 2.0])) == []


def test_a_confident_softmax_is_no_alarm():
    scores = [Value(40.0, "a"), Value(0.0, "b"), Value(-3.0, "c")]
    exps = [score.exp() for score in scores]
    total = sum(exps[1:], exps[0])
    assert diagnose(take_snapshot([-softmax(scores)[0].log()])) == []
    shifted = [(score - 40.0).exp() for score in scores]
    assert diagnose(take_snapshot([-(shifted[0] / sum(shifted[1:], shifted[0])).log()])) == []
    assert total.data > 0


# --- nothing before its time ---


def test_a_frame_shows_no_partial_before_its_node_is_computed(small, tmp_path):
    paths = viz.step(small).frames(tmp_path)
    texts = [_edge_texts(path) for path in (paths[0], paths[1], paths[-1])]
    assert [sum(texts[k].values()) for k in range(3)] == [0, 2, 8]


def _edge_texts(path):
    """For each edge, how many of its texts are seen."""
    seen = {}
    for group in ET.parse(path).getroot().iter(f"{SVG}g"):
        if "edge" in (group.get("class") or "").split():
            shown = [text for text in group.iter(f"{SVG}text") if text.get("fill") != "transparent"]
            seen[group.get("id")] = len(shown)
    return seen


def test_a_contribution_is_added_to_what_is_there():
    a = Value(2.0, "a")
    last = sentences(a * 0.7 + a * 1.3)[-1]
    assert last.lines[2] == "grad(a) = 1.3 + 0.7 = 2"


# --- colors ---


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_fault_has_a_color_of_its_own_in_every_theme(theme):
    def channels(color):
        return [int(color[k : k + 2], 16) for k in (1, 3, 5)]

    for role in ("accent", "warm", "path", "focus"):
        assert math.dist(channels(theme["trouble"]), channels(theme[role])) > 80, role
    assert TROUBLE not in {look["color"] for look in EMPHASIS.values()}


def test_a_fault_is_told_by_its_outline_too():
    source = viz.draw(Value(math.inf, "a") * 2.0).source
    assert re.search(r'n0 \[.*style="?filled,dotted', source)


def test_the_frames_of_a_set_keep_their_colors_and_one_size(small, tmp_path):
    roots = [ET.parse(path).getroot() for path in viz.step(small).frames(tmp_path)]
    assert len({(root.get("width"), root.get("height"), root.get("viewBox")) for root in roots}) == 1
    style = roots[-1].find(f"{SVG}style").text
    assert style.index("var(--warm)") > style.index("var(--edge)")  # of equal weight, so the later rule wins
    assert len({_places(root) for root in roots}) == 1


def _places(root):
    """Where the nodes stand."""
    return tuple(
        (group.get("id"), round(float(group.find(f"{SVG}text").get("x"))))
        for group in root.iter(f"{SVG}g")
        if group.get("id", "").startswith("n") and group.find(f"{SVG}text") is not None
    )


# --- shared parameters, groups ---


def test_each_use_of_a_shared_parameter_is_numbered_and_carries_its_partial():
    w = Value(0.5, "w")
    root = sum((Value(float(i + 1), "x") * w for i in range(5)), Value(0.0, "start"))
    root.backward()
    picture = viz.draw(root, parameters=[w], fold=False).picture
    stubs = [box for box in picture.boxes if box.kind == "reference"]
    assert [box.title for box in stubs] == [f"w · {k} of 5" for k in range(1, 6)]
    partials = [float(link.text) for link in picture.links if link.tail in {box.ident for box in stubs}]
    assert sum(partials) == w.grad


def test_an_edge_into_a_group_carries_its_partial_or_how_many_there_are():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    with scope("part"):
        inner = (x * y).tanh()
        both = inner + x
    drawing = viz.draw(both * 2.0, collapse="part")
    texts = {(link.tail, link.head): link.text for link in drawing.picture.links}
    group = next(box.ident for box in drawing.picture.boxes if box.kind == "group")
    assert texts["n0", group] == "×2"
    assert texts["n1", group] == "3"


def test_an_operation_in_a_group_has_the_sign_that_it_has_outside():
    xs = [Value(float(i), f"x{i}") for i in range(3)]
    root = sum((x * x for x in xs), Value(10.0, "start"))
    assert "(×) ×3" in {box.title for box in viz.draw(root, fold=True).picture.boxes}


# --- numbers ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.0, "12345"),
        (9999.5, "9999.5"),
        (123456.789, "123456.8"),
        (1234.04, "1234"),
        (100001.0, "100001"),
        (1e9, "1e+09"),
        (0.000123456, "0.0001235"),
        (0.0000123456, "1.235e-05"),
        (-0.5, "-0.5"),
        (0.99999, "1"),
    ],
)
def test_a_number_keeps_its_whole_part(value, text):
    assert number(value) == text


def test_arithmetic_shows_the_digits_that_it_needs_to_read_true():
    a, b = Value(100001.4, "a"), Value(100000.2, "b")
    assert sentences(a - b)[0].lines == ("= 100001.4 - 100000.2", "= 1.2")
    c, d = Value(0.123456, "c"), Value(0.123412, "d")
    assert sentences(c - d)[0].lines == ("= 0.123456 - 0.123412", "= 4.4e-05")
    assert digits_needed(lambda x, y: x + y, (1.0, 2.0), 3.0) == 4


@pytest.mark.parametrize("seed", range(20))
def test_shown_sums_and_products_are_what_the_shown_numbers_give(seed):
    import random

    choose = random.Random(seed)
    a, b = (choose.gauss(0, 10.0 ** choose.randint(-3, 5)) for _ in range(2))
    for compute in (lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y):
        digits = digits_needed(compute, (a, b), compute(a, b))
        shown = compute(float(number(a, digits)), float(number(b, digits)))
        assert number(shown) == number(compute(a, b))


def test_every_digit_is_on_the_tooltip():
    third = Value(1 / 3, "third")
    tooltips = [box.tooltip for box in viz.draw(third * 2.0).picture.boxes]
    assert "0.3333333333333333" in tooltips[0]


# --- errors ---


def test_a_scope_that_is_not_there_cannot_be_expanded(network):
    with pytest.raises(ValueError, match=r"there is no scope 'layer9' in this graph; there are layer0, "):
        viz.draw(network(2, 2, 1), [0.5, 1.0], depth=0, expand="layer9")
    with pytest.raises(ValueError, match="no scope 'typo'"):
        viz.draw(network(2, 2, 1), [0.5, 1.0], depth=0).expand("typo")


def test_a_suffix_that_contradicts_the_format_is_refused(small, tmp_path):
    with pytest.raises(viz.FormatError, match=r"g\.svg' names svg, but format='png' was asked for"):
        viz.draw(small).save(tmp_path / "g.svg", format="png")
    assert viz.draw(small).save(tmp_path / "plain", format="dot").exists()


def test_half_a_step_is_no_step(small):
    with pytest.raises(TypeError, match=r"a step must be a whole number, not 1\.5"):
        viz.step(small).goto(1.5)


def test_an_unwritable_path_is_named_as_it_was_asked_for(small, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match=r"file/g\.dot'") as raised:
        viz.draw(small).save(tmp_path / "file" / "g.dot")
    assert "tmp" not in str(raised.value).rpartition("file/")[2]


def test_a_huge_graph_is_refused_before_any_step_is_made(monkeypatch):
    monkeypatch.setattr("viz.player.steps", lambda *roots, **options: pytest.fail("a step was made"))
    x = Value(1.0, "x")
    for _ in range(1_000_000):
        x = x + 1.0
    with pytest.raises(ValueError, match=r"2,000,001 nodes are more than max_nodes=10,000"):
        viz.step(x)


def test_names_are_unique_in_any_network(network):
    for sizes in itertools.product((2, 3), (3, 2), (1,)):
        names = names_of(network(*sizes)([Value(0.5, "x0"), Value(1.0, "x1"), Value(2.0, "x2")][: sizes[0]]))
        assert len(set(names)) == len(names)


# --- partials of a stale node ---


def test_the_partial_of_a_stale_node_is_not_said_to_be_a_formula():
    assert sentences(stale_square())[-1].lines[0] == (
        "∂u2/∂x = 2   (stale: of operands that have changed since)"  # x is 5 now
    )


def test_a_node_whose_partials_alone_are_stale_is_told_so():
    x = Value(2.0, "x")
    y = x * x
    x.data = -2.0
    first = sentences(y)[0]
    assert first.lines[:2] == ("= -2 * (-2)", "= 4")
    assert first.lines[2].startswith("stale: its operands changed after its partials were computed")
    assert "but the node holds" not in " ".join(first.lines)


# --- the numbers of one moment ---


def test_a_player_and_a_drawing_show_the_numbers_of_the_moment_they_were_made():
    with scope("layer"):
        x = Value(2.0, "x")
        y = x * x
    player, drawing = viz.step(y), viz.draw(y, depth=0)
    x.data = 5.0
    columns = player._payload()["columns"]
    assert columns["data"] == [2.0, 4.0]
    assert columns["stale"] == []
    assert player.inputs == {"x": 2.0}
    assert player.script.frames[0].sentence.lines == ("= 2 * 2", "= 4   in layer")
    opened = drawing.expand()
    assert [box.lines[0] for box in opened.picture.boxes] == ["data 2", "data 4"]
    assert opened.caption == ""
    assert "stale: 1" in viz.draw(y).caption


def test_what_is_known_at_first_is_told_as_it_is():
    x = Value(2.0, "x")
    y = x * 3.0
    told = "the inputs are given, no gradient is known."
    assert viz.step(y).script.opening == f"Nothing is computed yet: {told}"
    assert viz.step(y, forward=False).script.opening == "Every number is computed, no gradient is known."
    y.backward()
    assert "from earlier sweeps" in viz.step(y, accumulate=True).script.opening


def test_a_given_gradient_is_not_the_gradient_with_respect_to_itself():
    first = viz.step(Value(2.0, "x") * 3.0, gradient=5.0, forward=False).script.frames[0].sentence
    assert first.title == "grad(u2) += 5"
    assert "itself" not in " ".join((*first.lines, first.say))


@pytest.mark.parametrize("call", [viz.draw, viz.step])
def test_inputs_of_what_takes_none_are_not_dropped_in_silence(call):
    x = Value(1.0, "x")
    with pytest.raises(TypeError, match="give several outputs as a list"):
        call(x * 2.0, x * 3.0)


@pytest.mark.parametrize("op", ["tanh", "sigmoid"])
def test_a_unit_whose_partial_is_rounded_to_zero_is_saturated(op):
    from autograd_core import sigmoid

    y = Value(30.0, "x").tanh() if op == "tanh" else sigmoid(Value(800.0, "x"))
    assert "vanishing partial: 1" in viz.draw(y).caption
    assert viz.draw(Value(0.0, "x") ** 2).caption == ""


def test_labels_that_read_as_numbers_are_no_names():
    assert names_of(Value(1.0, "inf") * Value(2.0, "NaN")) == ["u1", "u2", "u3"]


@pytest.mark.parametrize("digits", [0, 18, 200])
def test_digits_beyond_those_of_a_number_are_refused(digits):
    with pytest.raises(ValueError, match="from 1 to 17"):
        viz.step(Value(1.0, "x") * 2.0, digits=digits)


def test_a_finding_is_shown_once_its_number_is_there():
    """In the frames as in the page; what speaks of gradients at the end."""
    from viz.frames import frame_pictures

    y = tanh(Value(15.0, "x")) * Value(1.0, "w") + relu(Value(-1.0, "z"))
    y.backward()
    pictures = list(frame_pictures(viz.step(y).script))
    notes = [[note for box in picture.boxes for note in box.notes if note] for picture in pictures]
    assert notes[0] == []
    assert notes[1] == ["vanishing partial 3.743e-13"]
    assert notes[-1] == ["vanishing partial 3.743e-13", "not reached", "ReLU off"]
    assert not any(box.trouble for box in pictures[0].boxes)


@pytest.mark.parametrize(("name", "x"), [("elu", -30.0), ("elu", -800.0), ("gelu", -40.0), ("silu", -800.0)])
def test_a_saturated_activation_is_marked_whatever_its_constants(name, x):
    assert "vanishing partial: 1" in viz.draw(getattr(autograd_core, name)(Value(x, "x"))).caption


def test_a_frame_shows_no_partial_before_its_operation(tmp_path):
    """What is seen: a style sheet is stronger than an attribute, and a tooltip is read too."""
    y = tanh(Value(2.0, "x") * 3.0) * Value(2.0, "w")
    first, *_, last = viz.step(y).frames(tmp_path)
    start, end = (ET.parse(path).getroot() for path in (first, last))
    edges = [g for g in start.iter(f"{SVG}g") if "edge" in g.get("class", "")]
    assert [label.get("visibility") for g in edges for label in g.iter(f"{SVG}text")] == ["hidden"] * 4
    assert not any(title.text for g in edges for title in g.iter(f"{SVG}title"))
    assert "hidden" not in ET.tostring(end, encoding="unicode").partition("</style>")[2]


def test_every_frame_of_a_long_picture_is_cut_into_the_same_rows():
    """By the longest numbers that it will ever show, not by those of the moment."""
    from viz.arrangement import arrange
    from viz.frames import frame_pictures

    w, total = Value(0.123456, "w"), Value(0.0, "start")
    for k in range(14):
        total = tanh(total * w + 0.1 * k)
    script = viz.step(total, fold=False).script
    pictures = list(frame_pictures(script))
    assert len({repr(arrange(picture, "LR", script.room()).row) for picture in pictures}) == 1
    assert len({repr(arrange(picture, "LR").row) for picture in pictures}) > 1
