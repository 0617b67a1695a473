"""What is alive in the page: inputs, slope, learning, groups, links, copies; in Chromium, network off."""

import math
import random
import re
import shutil
import subprocess

import pytest

import autograd_core
import viz
from autograd_core import Value, lgamma, no_grad, operation, relu, scope, tanh
from autograd_core.steps import ForwardStep
from tests.browser.conftest import expect, text_has, text_is
from viz.playground import save_playground

pytestmark = pytest.mark.browser

HOST = "document.querySelector('.autograd-player').shadowRoot"


def loss(b=-3.0):
    a, b, c = Value(2.0, "a"), Value(b, "b"), Value(6.5, "c")
    result = tanh(a * b + c) + a**2
    result.label = "loss"
    return result


def opened(new_page, tmp_path, player, fragment="", **options):
    page = new_page(**options)
    page.goto(player.save_html(tmp_path / "player.html").as_uri() + fragment)
    page.locator(".player").wait_for(timeout=10_000)
    return page


def shown(page, ident):
    return page.locator(f"#{ident} text").all_text_contents()


def number_box(page, name):
    return page.get_by_label(f"{name}, number", exact=True)


def settled(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


# --- truth in the page ---


def test_before_the_first_step_no_partial_and_no_product_is_shown(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    texts = page.locator(".edge text").all_text_contents()
    assert len(texts) == 8
    assert set(texts) == {""}
    page.locator("#n2").click()
    text_is(page.locator(".details .facts").first, "data –\ngrad –")
    expect(page.locator(".path")).to_have_count(0)


def test_every_step_of_a_page_says_what_python_says(new_page, tmp_path):
    """In the script as a page has it, made small: names that it calls by must not be lost."""
    x = Value(2.0, "x")
    stale = x * x
    x.data = 5.0
    with scope("layer"):
        y = (stale + x.tanh() / 3.0) ** 2.00001
    player = viz.step(y, gradient=3.0)
    page = opened(new_page, tmp_path, player)
    for k, frame in enumerate(player.script.frames, 1):
        page.keyboard.press("ArrowRight")
        text_is(page.locator(".event .lines"), "\n".join(frame.sentence.lines))
        text_is(page.locator(".title").first, frame.sentence.title)
        text_is(page.locator(".say"), f"Step {k} of {len(player)}. {frame.sentence.say}")


def test_partials_appear_with_the_operation_and_the_backward_arrow_points_back(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.get_by_label("Next step").click()
    assert [shown(page, edge) for edge in ("e2_0", "e2_1", "e4_0")] == [["−3"], ["2"], [""]]
    expect(page.locator("polygon.back")).to_have_count(0)
    page.get_by_label("Step", exact=True).fill("7")
    expect(page.locator(".edge.along polygon.back")).to_have_count(1)
    tip, tail = page.evaluate(
        f"""() => {{
            const edge = {HOST}.querySelector('.edge.along');
            const tip = edge.querySelector('.back').points[0], path = edge.querySelector('path');
            const start = path.getPointAtLength(0), end = path.getPointAtLength(path.getTotalLength());
            return [Math.hypot(tip.x - start.x, tip.y - start.y), Math.hypot(tip.x - end.x, tip.y - end.y)];
        }}"""
    )
    assert tip < 1 < tail


def test_paths_end_with_their_sum(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.get_by_label("Last step").click()
    page.locator("#n0").click()
    assert page.locator(".path").all_text_contents() == [
        "4 = 4 × 1   along a → u7 → loss",
        "-2.359 = (-3) × 1 × 0.7864 × 1   along a → u4 → u5 → u6 → loss",
    ]
    text_is(page.locator(".details"), re.compile(re.escape("sum of all paths = 1.641 = grad(a)") + r"\s*$"))


def test_hovering_a_node_lights_every_path_to_the_output(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.locator("#n1").hover()
    expect(page.locator(".on-path").first).to_be_attached()
    lit = {element.get_attribute("id") for element in page.locator(".on-path").all()}
    assert lit == {"n1", "n2", "n4", "n5", "n8", "e2_1", "e4_0", "e5_0", "e8_0"}


def test_a_stale_graph_is_told_until_the_page_computes_it_anew(new_page, tmp_path):
    x = Value(2.0, "x")
    y = x * x
    x.data = 5.0
    page = opened(new_page, tmp_path, viz.step(y))
    text_has(page.locator(".notice"), "Stale")
    page.get_by_label("Next step").click()
    text_is(page.locator(".lines").first, re.compile("^" + re.escape("5 * 5 is 25, but the node holds 4")))
    number_box(page, "x").fill("6")
    number_box(page, "x").press("Enter")
    settled(page)
    assert page.locator(".notice").is_hidden()
    assert shown(page, "n1")[-2] == "data 36"
    expect(page.locator("#n1 .remark")).to_be_hidden()


def test_every_digit_is_on_the_node_and_in_what_is_copied(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(1 / 3, "third") * 2.0))
    expect(page.locator("#n0 title")).to_contain_text("0.3333333333333333")
    page.locator("#n0").focus()
    copied = page.evaluate(
        f"""() => {{
            const clipboardData = new DataTransfer();
            const how = {{ clipboardData, bubbles: true, composed: true, cancelable: true }};
            const event = new ClipboardEvent("copy", how);
            {HOST}.querySelector("#n0").dispatchEvent(event);
            return event.clipboardData.getData("text/plain");
        }}"""
    )
    assert "data 0.3333333333333333" in copied


# --- inputs ---


def test_a_typed_input_changes_every_number_and_reset_brings_them_back(new_page, tmp_path):
    player = viz.step(loss())
    page = opened(new_page, tmp_path, player)
    page.get_by_label("Last step").click()
    recorded = [shown(page, ident) for ident in ("n0", "n1", "n4", "n8", "e5_0")]
    number_box(page, "b").fill("-2.5")
    number_box(page, "b").press("Enter")
    settled(page)
    root = loss(-2.5)
    root.backward()
    nodes = viz.draw(root).snapshot.nodes
    for ident, k in (("n0", 0), ("n1", 1), ("n4", 4), ("n8", 8)):
        number = viz.text.number
        assert shown(page, ident)[1:] == [f"data {number(nodes[k].data)}", f"grad {number(nodes[k].grad)}"]
    assert shown(page, "e5_0") == [viz.text.number(nodes[5].partials[0])]
    page.get_by_label("Reset: bring the recorded numbers back").click()
    settled(page)
    assert [shown(page, ident) for ident in ("n0", "n1", "n4", "n8", "e5_0")] == recorded


def test_a_slider_moves_by_arrow_keys_and_does_not_step(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    slider = page.get_by_label("a, slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert shown(page, "n0")[1] == "data 2.08"
    text_is(page.locator(".count"), re.compile("^0 /"))


def test_a_step_that_a_new_input_adds_or_removes_is_stepped_through(new_page, tmp_path):
    x = Value(-1.0, "x")
    page = opened(new_page, tmp_path, viz.step(x.relu() * 3.0))
    text_is(page.locator(".count"), "0 / 4")  # the ReLU is off: nothing arrives at x
    number_box(page, "x").fill("2")
    number_box(page, "x").press("Enter")
    settled(page)
    text_is(page.locator(".count"), "0 / 5")
    page.get_by_label("Last step").click()
    assert shown(page, "n0")[2] == "grad 3"


def test_what_python_would_refuse_is_told(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(2.0, "x").log() * 3.0))
    number_box(page, "x").fill("-1")
    number_box(page, "x").press("Enter")
    settled(page)
    text_has(page.locator(".notice"), "log of -1 is NaN here; Python would raise an error")


def test_an_operation_that_the_page_cannot_compute_is_named(new_page, tmp_path):
    @operation(partials=lambda x, y: (3.0 * x * x,))
    def cube(x):
        return x**3

    page = opened(new_page, tmp_path, viz.step(cube(Value(2.0, "x")) + lgamma(Value(3.0, "y"))))
    text_has(page.locator(".section").first, "Not live: the page cannot compute cube, lgamma")
    expect(page.locator(".exact")).to_have_count(0)
    page.get_by_label("Last step").click()
    assert shown(page, "n0") == ["x", "data 2", "grad 12"]


def large_graph(layers=24, width=20):
    choose = random.Random(1)
    row = [Value(choose.uniform(-1, 1), f"x{i}") for i in range(width)]
    for layer in range(layers - 1):
        row = [tanh(row[i]) if layer % 3 == 0 else row[i] * row[(i + 1) % width] for i in range(width)]
    total = row[0]
    for value in row[1:]:
        total = total + value
    return total


def test_a_dragged_input_of_500_nodes_is_drawn_in_the_next_frame(new_page, tmp_path):
    """How many milliseconds that takes is measured by `python -m benchmarks.page`."""
    page = opened(new_page, tmp_path, viz.step(large_graph(), fold=False))
    page.get_by_label("Last step").click()
    states = page.evaluate(
        f"""async () => {{
            const slider = {HOST}.querySelector('[aria-label="x0, slider"]');
            const texts = new Set();
            for (let k = 0; k < 60; k++) {{
                slider.value = -0.9 + k / 50;
                slider.dispatchEvent(new Event("input"));
                await new Promise((done) => requestAnimationFrame(done));
                texts.add({HOST}.querySelector("#n0").textContent);
            }}
            return texts.size;
        }}"""
    )
    assert states == 60


# --- slope and learning ---


def test_the_slope_is_plotted_with_its_tangent_and_the_finite_difference(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.get_by_text("The slope").click()
    page.locator(".pick", has_text="b").click()
    plot = page.locator(".plot").first
    expect(plot).to_have_attribute("aria-label", "loss over b: at -3 the output is 4.462 and the slope 1.573")
    expect(page.locator(".plot .tangent")).to_have_count(1)
    lines = page.locator(".section .lines").first
    text_has(lines, "loss(b + h) − loss(b) = 0.142")
    text_has(lines, "h × gradient = 0.15729")
    text_has(lines, "finite difference 1.5729, gradient 1.5729")


def test_a_step_of_learning_lowers_the_loss_and_draws_its_course(new_page, tmp_path):
    x = Value(3.0, "x")
    root = (x - 1.0) ** 2
    root.label = "loss"
    page = opened(new_page, tmp_path, viz.step(root))
    page.get_by_text("One step of learning").click()
    page.get_by_role("button", name="One step of learning").click()
    settled(page)
    assert shown(page, "n0")[1] == "data 2.6"
    page.get_by_role("button", name="Ten steps of learning").click()
    settled(page)
    note = page.locator(".section", has_text="One step of learning").locator(".note").last
    text_is(note, f"L = {viz.text.number(4 * 0.64**11, 6)} after 11 steps, 4 before")
    expect(page.locator(".plot .curve")).to_have_count(1)


# --- the algorithm ---


def test_the_line_of_the_algorithm_is_lit_with_its_running_sum(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    lit = page.locator(".code.lit")
    text_is(lit, re.compile("^for i = 1"))
    page.keyboard.press("ArrowRight")
    text_has(lit, "f⁽ⁱ⁾(A⁽ⁱ⁾)")
    page.keyboard.press("End")
    text_has(lit, "Σ")
    for _ in range(20):
        if "grad(a) = 4 − 2.359 = 1.641" in page.locator(".now").inner_text():
            return
        page.keyboard.press("ArrowLeft")
    pytest.fail("the running sum of a was not told")


# --- large graphs ---


def network_loss(network, *sizes):
    model = network(*sizes)
    out = model([Value(0.1 * k, f"x{k}") for k in range(sizes[0])])
    root = (out - 1.0) ** 2
    root.label = "loss"
    return root


def test_a_network_of_five_thousand_nodes_steps_with_its_group_opened(new_page, tmp_path, network):
    root = network_loss(network, 20, 60, 60, 1)
    player = viz.step(root)
    assert len(player.script.snapshot.nodes) > 5000
    page = opened(new_page, tmp_path, player)
    assert page.locator(".node").count() < 40
    for position in ("1", "70", "200", "4000"):
        page.get_by_label("Step", exact=True).fill(position)
        ends = page.locator(".node.result, .node.from, .node.to")
        assert ends.count() >= 1
        frame = page.locator(".stage").bounding_box()
        for element in ends.all():
            box = element.bounding_box()
            assert box["x"] >= frame["x"] - 2
            assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 2
        assert page.locator(".node").count() < 90


def test_groups_open_and_close_by_click(new_page, tmp_path, network):
    page = opened(new_page, tmp_path, viz.step(network_loss(network, 2, 16, 1), fold=True))
    page.get_by_label("Fit the picture (0)").click()
    before = page.locator(".node").count()
    page.locator(".node", has_text="relu ×16").click()
    page.get_by_role("button", name="Open this group").click()
    assert page.locator(".node").count() > before + 10
    page.get_by_label("relu ×16 ✕ (close)").click()
    expect(page.locator(".node", has_text="relu ×16")).to_have_count(1)


def test_one_of_a_group_can_be_chosen(new_page, tmp_path, network):
    page = opened(new_page, tmp_path, viz.step(network_loss(network, 2, 16, 1), fold=True))
    page.get_by_label("Fit the picture (0)").click()
    page.locator(".node", has_text="relu ×16").click()
    page.get_by_label("One of the nodes in this box").select_option(index=3)
    text_is(page.locator(".details h2"), re.compile("relu$"))
    expect(page.locator(".node", has_text="relu ×15 (others)")).to_have_count(1)


def test_an_example_of_a_batch_is_shown_node_by_node_until_it_is_closed(
    new_page, tmp_path, network, batch_loss
):
    page = opened(new_page, tmp_path, viz.step(batch_loss(network(2, 2, 1), 6), fold=True))
    page.get_by_label("Fit the picture (0)").click()
    before = page.locator(".node:not(.mark)").count()
    page.locator(".node", has_text="(**) ×6").click()
    page.get_by_label("One with its example").select_option(index=2)
    assert page.locator('.node[id^="n"]').count() >= 9  # three dots, two relus, two inputs, the square, ...
    page.keyboard.press("ArrowRight")
    expect(page.locator(".node", has_text=re.compile(r"matmul ×\d+ \(others\)"))).to_have_count(1)
    page.locator(".groups button", has_text="example of").click()
    page.get_by_label("First step (Home)").dispatch_event("click")
    expect(page.locator(".node")).to_have_count(before)


def test_a_diagnosis_of_recorded_numbers_is_not_shown_for_changed_ones(new_page, tmp_path):
    x = Value(-1.0, "x")
    page = opened(new_page, tmp_path, viz.step(x.relu() * 2.0))
    caption = page.locator(".caption")
    expect(caption).to_be_hidden()  # nothing is computed yet
    page.get_by_label("Last step").click()
    text_is(caption, "ReLU off: 1")
    expect(page.locator(".remark")).to_have_text("! ReLU off")
    number_box(page, "x").fill("2")
    number_box(page, "x").press("Enter")
    settled(page)
    text_has(caption, "is not shown")
    expect(page.locator(".remark")).to_be_hidden()
    page.get_by_label("Reset: bring the recorded numbers back").click()
    settled(page)
    text_is(caption, "ReLU off: 1")


def test_infinities_are_written_in_one_way(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(math.inf, "x") * 2.0))
    page.get_by_label("Last step").click()
    expect(page.locator("#n0 title")).to_contain_text("data inf")
    assert "Infinity" not in page.locator(".player").inner_html()


def test_a_step_out_of_sight_moves_the_picture_without_laying_it_out_anew(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(large_graph(), fold=False))
    svg = page.locator(".stage > svg")
    boxes = set()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        boxes.add(svg.get_attribute("viewBox"))
    assert len(boxes) == 1
    frame, node = page.locator(".stage").bounding_box(), page.locator(".node.result").bounding_box()
    for at, size in (("x", "width"), ("y", "height")):
        assert frame[at] <= node[at] <= frame[at] + frame[size] - node[size]


def test_a_node_is_found_by_its_label(new_page, tmp_path, network):
    page = opened(new_page, tmp_path, viz.step(network_loss(network, 2, 3, 1), fold=False))
    page.get_by_label("Find a node by its label").fill("x1")
    page.keyboard.press("Enter")
    text_is(page.locator(".details h2"), "x1")


def test_the_picture_is_zoomed_panned_and_fitted(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))

    def box():
        found = page.locator("#n0").bounding_box()
        return [round(found[name]) for name in ("x", "y", "width")]

    fitted = box()
    page.keyboard.press("+")
    closer = box()
    assert closer[2] > fitted[2]
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(340, 320, steps=4)
    page.mouse.up()
    assert box() == [closer[0] + 40, closer[1] + 20, closer[2]]
    page.mouse.wheel(0, -300)
    settled(page)
    assert box()[2] > closer[2]
    page.keyboard.press("0")
    assert box() == fitted


def test_a_wide_picture_starts_readable_and_says_that_a_part_is_shown(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()))
    for width, part in ((1100, False), (380, True)):
        page.set_viewport_size({"width": width, "height": 800})
        page.reload()
        fit = page.get_by_label("Fit the picture (0)", exact=True)
        said = f"() => getComputedStyle({HOST}.querySelector('[title^=Fit]'), '::after').content"
        height = page.locator("#n0 text").first.bounding_box()["height"]
        assert ("a part is shown" in page.evaluate(said)) is part
        assert height >= 8
        fit.click()
        assert "a part is shown" not in page.evaluate(said)


# --- links, copies, keys ---


def test_a_link_opens_at_its_step_and_follows(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(loss()), "#step=12")
    text_is(page.locator(".count"), "12 / 14")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("() => location.hash") == "#step=11"
    page.evaluate("() => (location.hash = '#step=3')")
    page.locator(".count", has_text="3 / 14").wait_for(timeout=5000)


def test_keys_belong_to_the_page_around_a_player(new_page, tmp_path):
    player = viz.step(loss())
    (tmp_path / "around.html").write_text(f"<meta charset=utf-8><p>text</p>{player.to_html()}")
    page = new_page()
    page.goto((tmp_path / "around.html").as_uri())
    page.locator(".player").wait_for()
    page.keyboard.press("ArrowRight")
    text_is(page.locator(".count"), "0 / 14")
    assert page.evaluate("() => location.hash") == ""


@pytest.mark.parametrize(
    ("what", "name", "start"),
    [("png", "graph.png", b"\x89PNG"), ("svg", "graph.svg", b"<svg"), ("tikz", "graph.tex", b"\\begin{tikz")],
)
def test_the_present_state_is_copied_or_saved(new_page, tmp_path, what, name, start):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_label("Step", exact=True).fill("9")
    with page.expect_download() as download:
        page.get_by_label("Copy or save the picture").select_option(what)
    assert download.value.suggested_filename == name
    download.value.save_as(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content.startswith(start)
    assert what == "png" or b"grad 0.7864" not in content


def test_a_node_tells_the_line_that_made_it(new_page, tmp_path):
    from autograd_core import diagnose

    with diagnose():
        root = Value(2.0, "x") * 3.0
    page = opened(new_page, tmp_path, viz.step(root))
    page.keyboard.press("ArrowRight")
    page.locator(".node.output").click()
    text_has(page.locator(".details"), "made at test_live.py:")


# --- the playground ---


def test_the_playground_needs_no_python(new_page, tmp_path):
    page = new_page()
    page.goto(save_playground(tmp_path / "playground.html").as_uri())
    page.get_by_label("Expression").fill("a*b + b**2")
    page.locator(".player .count", has_text="0 / 9").wait_for(timeout=5000)
    page.get_by_label("Last step").click()
    texts = page.locator(".node").all_text_contents()
    assert any("b" in text and "grad 15" in text for text in texts)  # a + 2 b at a = 2, b = 6.5
    page.get_by_label("Expression").fill("a*b +")
    text_is(page.locator(".notice").first, "the expression ends too early")
    page.get_by_label("Expression").fill("sin(t)")
    assert page.locator(".notice").first.is_hidden()


def test_the_playground_shows_all_of_a_graph_at_first_however_narrow_the_page(new_page, tmp_path):
    page = new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(save_playground(tmp_path / "playground.html").as_uri())
    expect(page.locator(".stage .node")).to_have_count(10)
    stage = page.locator(".stage").bounding_box()
    boxes = [node.bounding_box() for node in page.locator(".stage .node").all()]
    assert min(box["x"] for box in boxes) >= stage["x"]
    assert max(box["x"] + box["width"] for box in boxes) <= stage["x"] + stage["width"]


# --- for everyone ---


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The text of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core needs npm")
    place = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"]
    if subprocess.run(command, cwd=place, capture_output=True, timeout=120, check=False).returncode:
        pytest.skip("axe-core cannot be installed here")
    return (place / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1100])
def test_axe_finds_no_violation(new_page, tmp_path, axe, scheme, width, network):
    with scope("layer"):
        root = loss() + Value(-1.0, "off").relu()
    player = viz.step(root)
    page = opened(new_page, tmp_path, player, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.keyboard.press("End")
    for summary in page.locator("summary").all():
        if not summary.evaluate("element => element.parentElement.open"):
            summary.click()
    page.locator("#n0").click()
    page.evaluate(axe)
    found = page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.html)])"
    )
    assert found == []


@pytest.mark.parametrize(("width", "zoom"), [(380, 1), (760, 2), (1100, 1)])
def test_nothing_runs_out_of_the_page(new_page, tmp_path, width, zoom):
    page = opened(new_page, tmp_path, viz.step(loss()))
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(f"() => (document.body.style.zoom = {zoom})")
    assert (
        page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        <= 1
    )


def test_inputs_of_one_name_are_told_apart_on_a_phone(new_page, tmp_path, network):
    """In two layers, the neurons and their weights have the same names."""
    player = viz.step(network(1, 2, 2)([Value(1.0, "x")]))
    page = opened(new_page, tmp_path, player)
    page.set_viewport_size({"width": 380, "height": 900})
    picks = page.locator(".pick")
    expect(picks.get_by_text("layer1.neuron0.w0", exact=True)).to_be_visible()
    assert sorted(picks.all_inner_texts()) == sorted(player.inputs)
    cut = "one => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1"
    assert not any(pick.evaluate(cut) for pick in picks.all())


# --- what must not be said ---


@pytest.mark.parametrize("typed", ["1e400", "", "-"])
def test_what_is_no_number_does_not_stay_in_the_field(new_page, tmp_path, typed):
    page = opened(new_page, tmp_path, viz.step(Value(2.0, "x") * 3.0))
    box = number_box(page, "x")
    box.fill("4")
    box.fill("")
    box.press_sequentially(typed)
    box.press("Enter")
    page.locator(".count").click()
    settled(page)
    assert box.input_value() == "2"
    assert shown(page, "n0")[1] == "data 2"


def test_an_input_that_is_not_finite_stands_in_its_field(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(math.nan, "q") * Value(-math.inf, "w")))
    assert [number_box(page, name).get_attribute("placeholder") for name in "qw"] == ["NaN", "-inf"]


def test_a_graph_of_constants_plays(new_page, tmp_path):
    with no_grad():
        root = Value(3.0, "x") * 2.0
    page = opened(new_page, tmp_path, viz.step(root))
    page.get_by_label("Last step").click()
    page.get_by_text("The slope").click()
    text_has(page.locator(".section", has_text="The slope"), "only constants")


def test_the_slope_says_what_is_differentiated(new_page, tmp_path):
    x = Value(2.0, "x")
    y = x * x
    y.backward()
    page = opened(new_page, tmp_path, viz.step(y, gradient=2.0, accumulate=True))
    page.get_by_text("The slope").click()
    lines = page.locator(".section .lines").first
    text_has(lines, "(2·u2)(x + h) − (2·u2)(x) = 0.82\nh × gradient = 0.8")
    text_has(lines, "finite difference 8, gradient 8")
    page.get_by_label("Last step").click()
    page.locator("#n0").click()
    text_has(page.locator(".details"), "4 from earlier sweeps + sum of all paths = 12 = grad(x)")


def test_a_constant_is_not_plotted_with_a_slope_of_0(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(3.0, "x") * 5.0))
    page.get_by_text("The slope").click()
    page.locator(".node.constant").click()
    text_has(page.locator(".section .lines").first, "finite difference 5, gradient 5")


def test_a_stale_graph_has_no_slope_until_it_is_computed_anew(new_page, tmp_path):
    x = Value(2.0, "x")
    y = x * x
    x.data = 5.0
    page = opened(new_page, tmp_path, viz.step(y))
    page.get_by_text("The slope").click()
    text_has(page.locator(".section", has_text="The slope"), "The graph is stale")
    number_box(page, "x").fill("6")
    number_box(page, "x").press("Enter")
    settled(page)
    text_has(page.locator(".section .lines").first, "gradient 12")


def test_an_overflow_that_python_has_too_is_no_error(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(2.0, "x") * 1e300))
    number_box(page, "x").fill("1e200")
    number_box(page, "x").press("Enter")
    settled(page)
    text_has(page.locator(".notice"), "is inf here; it overflows, in Python too.")


def test_the_link_follows_when_an_input_takes_steps_away(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(1.0, "r").relu() * 3.0), "#step=5")
    number_box(page, "r").fill("-1")
    number_box(page, "r").press("Enter")
    settled(page)
    text_is(page.locator(".count"), "4 / 4")
    assert page.evaluate("() => location.hash") == "#step=4"


def test_the_playground_tells_what_python_would_refuse_and_keeps_numbers_by_label(new_page, tmp_path):
    page = new_page()
    page.goto(save_playground(tmp_path / "playground.html", "log(c)").as_uri())
    notice = page.locator(".player:not(.playground) .notice")
    text_is(notice, "y = log of -10 is NaN here; Python would raise an error.")
    field = page.get_by_label("Expression")
    field.fill("u2 / u1")
    number_box(page, "u1").fill("7")  # the first in the order of the sweep: its label is u2
    number_box(page, "u1").press("Enter")
    settled(page)
    field.fill("u2 / u1 + 0")
    expect(page.locator(".node").first).to_contain_text("u1 “u2”data 7")


@pytest.mark.parametrize("number", [1e308, -1.7e308, 5e-324, -0.0, 1e-310])
def test_the_slope_is_plotted_at_the_ends_of_the_numbers(new_page, tmp_path, number):
    page = new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(viz.step(Value(number, "x") * 0.5).save_html(tmp_path / "player.html").as_uri())
    page.get_by_text("The slope").click()
    expect(page.locator(".plot .tangent")).to_have_count(1)
    assert not re.search("NaN|Infinity", page.locator(".plot").inner_html())
    text_has(page.locator(".section .lines").first, "gradient 0.5")
    page.get_by_label("x, slider").focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    settled(page)
    assert not re.search("NaN|inf", page.locator("#n0").text_content())
    assert said == []


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_there_is_no_slope_at_what_is_no_number(new_page, tmp_path, number):
    page = opened(new_page, tmp_path, viz.step(Value(number, "x") + 1.0))
    page.get_by_text("The slope").click()
    text_has(page.locator(".section", has_text="The slope"), "there is nothing to plot around it")


def test_a_running_sum_begins_with_what_was_there(new_page, tmp_path):
    h = Value(2.0, "a") * 3.0
    h.label = "h"
    z = h * h
    z.label = "z"
    page = opened(new_page, tmp_path, viz.step([z, h]))
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    text_has(page.locator(".now"), "grad(h) = 1 + 6 + 6 = 13")


def test_what_was_found_in_recorded_numbers_is_not_said_of_changed_ones(new_page, tmp_path):
    x = Value(-2.0, "x")
    page = opened(new_page, tmp_path, viz.step(x.relu() * 3.0))
    page.get_by_label("Last step").click()
    relu = page.locator("#n1")
    expect(relu).to_have_attribute("aria-label", re.compile("ReLU off"))
    relu.click()
    text_has(page.locator(".details"), "ReLU off")
    number_box(page, "x").fill("2")
    number_box(page, "x").press("Enter")
    settled(page)
    assert "ReLU off" not in page.locator(".details").inner_text()
    assert "ReLU off" not in relu.get_attribute("aria-label")


def test_the_tooltip_of_an_edge_is_its_partial_now(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(2.0, "x") * Value(3.0, "y")))
    title = page.locator("#e2_0 title")
    expect(title).to_have_text("")
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("∂u3/∂x = 3")
    number_box(page, "y").fill("7")
    number_box(page, "y").press("Enter")
    expect(title).to_have_text("∂u3/∂x = 7")


def test_a_player_does_not_take_the_picture_of_another(new_page, tmp_path):
    """An untrusted notebook drops the script of a cell that was not run, and keeps its picture."""
    first, second = viz.step(Value(2.0, "x") * 3.0), viz.step(Value(0.5, "q").tanh() + 1.0)
    dropped = first.to_html().split("<script")[0]
    (tmp_path / "two.html").write_text(f"<meta charset=utf-8>{dropped}{second.to_html()}")
    page = new_page()
    page.goto((tmp_path / "two.html").as_uri())
    page.locator(".player").wait_for()
    hosts = page.locator(".autograd-player")
    expect(hosts.nth(0).locator(".player")).to_have_count(0)
    expect(hosts.nth(1).locator("#n0 text").first).to_have_text("q")


def test_a_constant_has_no_partial_and_a_formula_all_its_digits(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(2.0, "x") ** 2 / 0.105865398871303))
    page.get_by_label("Last step").click()
    page.locator(".node.output").click()
    facts = page.locator(".details .facts").first
    text_has(facts, "∂u3/∂u2 = 1 / 0.105865398871303 = 9.446")
    assert "∂u3/∂0" not in facts.inner_text()
    assert "log" not in facts.inner_text()


def test_a_search_among_many_inputs_keeps_their_gradients(new_page, tmp_path):
    inputs = [Value(0.1 * i, f"x{i}") for i in range(30)]
    page = opened(new_page, tmp_path, viz.step(autograd_core.sum([x * 3.0 for x in inputs]), fold=False))
    page.get_by_label("Last step").click()
    search = page.get_by_label("Find an input")
    search.fill("X29")
    expect(page.locator(".inputs .row")).to_have_count(1)
    text_is(page.locator(".row .grad"), "grad 3")
    search.fill("nothing so called")
    text_has(page.locator(".panel"), "none found")


def test_a_copied_picture_says_what_the_page_shows_after_a_change(new_page, tmp_path):
    """No recorded output, partial or finding in it, as SVG or as TikZ."""
    y = relu(Value(-2.0, "x|θ") * 3.0)
    y.backward()
    page = opened(new_page, tmp_path, viz.step(y))
    page.get_by_label("Last step").click()
    page.locator(".exact").fill("2")
    page.locator(".exact").press("Enter")
    expect(page.locator("#n2 text").filter(has_text="data 6")).to_be_attached()
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    copies = {}
    for what in ("svg", "tikz"):
        with page.expect_download() as download:
            page.get_by_label("Copy or save the picture").select_option(what)
        copies[what] = download.value.path().read_text(encoding="utf-8")
    assert "∂u3/∂u2 = 1<" in copies["svg"]
    assert "= -6" not in copies["svg"]
    assert "ReLU off" not in copies["tikz"]
    assert "x\\textbar{}θ" in copies["tikz"]
    assert copies["tikz"].startswith("% letters beyond ASCII")


def test_each_product_of_a_path_has_the_digits_and_the_seed_that_it_needs(new_page, tmp_path):
    x = Value(1.0, "x")
    page = opened(new_page, tmp_path, viz.step(x * 1.00004 - x * 1.00001, gradient=2.5))
    page.get_by_label("Find a node by its label").fill("x")
    page.keyboard.press("Enter")
    text_is(page.locator(".details .facts").last, "Known once the gradient has arrived here.")
    page.get_by_label("Last step").click()
    expect(page.locator(".path")).to_have_count(2)
    assert [text.partition("   ")[0] for text in page.locator(".path").all_text_contents()] == [
        "2.5001 = 1.00004 × 1 × 2.5",
        "-2.500025 = 1.00001 × (-1) × 2.5",
    ]


def test_findings_wait_for_their_numbers_and_the_caption_counts_what_is_drawn(new_page, tmp_path, network):
    model = network(2, 4, 4, 1)
    page = opened(new_page, tmp_path, viz.step(tanh(Value(15.0, "x")) * 2.0))
    remark = page.locator(".remark")
    expect(remark).to_be_hidden()
    assert "vanishing" not in page.locator("#n1").get_attribute("aria-label")
    page.get_by_label("Next step").click()
    expect(remark).to_be_visible()
    assert "vanishing" in page.locator("#n1").get_attribute("aria-label")
    player = viz.step(model([Value(0.5, "x0"), Value(1.0, "x1")]), depth=0)
    page = opened(new_page, tmp_path, player)
    text_has(page.locator(".caption"), f"drawn as {len(player.script.boxes)} boxes")
    page.locator("g.node.group").first.click()
    page.get_by_label("Open this group").click()
    text_has(page.locator(".caption"), f"drawn as {page.locator('g.node').count()} boxes")


def test_a_group_shows_its_diagnosis_when_all_of_it_is_computed(new_page, tmp_path):
    weights = [Value(w, f"w{k}") for k, w in enumerate((-1.0, 1.0, -2.0))]
    with scope("layer"):
        loss = sum((w * x).relu() for w in weights for x in (1.0, 2.0)) * 2.0
    player = viz.step(loss, depth=0, parameters=weights)
    page = opened(new_page, tmp_path, player)
    remark, group = page.locator(".remark"), page.locator("g.node.group")
    (box,) = (box for box in player.script.boxes if len(box.members) > 1)
    inside = {player.script.snapshot.nodes[i] for i in box.members}
    forward = (k for k, one in enumerate(player.steps, 1) if isinstance(one, ForwardStep))
    last = max(k for k in forward if player.steps[k - 1].node in inside)
    page.get_by_label("Open groups at the step").uncheck()
    for position in (0, last - 1, last, 1):
        page.get_by_role("slider", name="Step").fill(str(position))
        (expect(remark).to_be_visible if position == last else expect(remark).to_be_hidden)()
        assert ("dead" in group.get_attribute("aria-label")) == (position == last)
        assert ("trouble" in group.get_attribute("class").split()) == (position == last)
        expect(page.locator(".caption")).not_to_contain_text("dead")
    page.get_by_label("Last step").click()
    text_has(page.locator(".caption"), "dead ReLU: 2")


def test_a_unit_is_dead_once_all_its_examples_are_computed(new_page, tmp_path):
    w = Value(-1.0, "w")
    player = viz.step((w * 1.0).relu() + (w * 2.0).relu(), parameters=[w])
    page = opened(new_page, tmp_path, player)
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    remarks = page.locator(".remark:visible")
    for _ in range(3):
        page.get_by_label("Next step").click()
        expect(remarks).to_have_count(0)
    page.get_by_label("Copy or save the picture").select_option("tikz")
    page.wait_for_function("() => window.copied")
    assert "dead" not in page.evaluate("window.copied")
    page.get_by_label("Next step").click()
    expect(remarks).to_have_text(["! dead ReLU", "! dead ReLU"])


def test_a_partial_is_no_fault_before_it_is_computed(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(1e-13, "x").sqrt() * 2.0))
    expect(page.locator(".edge.trouble")).to_have_count(0)
    page.get_by_label("Next step").click()
    expect(page.locator(".edge.trouble")).to_have_count(1)


def test_a_picture_drawn_anew_keeps_its_direction_and_says_what_it_lacks(new_page, tmp_path, network):
    model = network(2, 4, 4, 1)
    player = viz.step(model([Value(0.5, "x0"), Value(1.0, "x1")]), depth=1, direction="TB")
    page = opened(new_page, tmp_path, player)
    expect(page.locator(".caption")).not_to_contain_text("drawn anew")
    page.locator("g.node.group").first.click()
    page.get_by_label("Open this group").click()
    places = page.evaluate(
        f"""() => [...{HOST}.querySelectorAll("g.node")].map((g) => [g.id, g.getBBox()])
            .map(([id, box]) => [id, box.y + box.height / 2])"""
    )
    places = dict(places)
    root = f"n{player.script.snapshot.roots[0]}"
    lowest = max(places, key=places.get)
    assert root in places
    assert lowest == root
    framed = bool(re.search('class="cluster"|class="scope', player._svg))
    if framed:
        text_has(page.locator(".caption"), "drawn anew without frames of scopes and legend")


@pytest.mark.parametrize(("direction", "bends"), [("LR", "out=0, in=180"), ("TB", "out=270, in=90")])
def test_tikz_bends_edges_as_they_go(new_page, tmp_path, direction, bends):
    page = opened(new_page, tmp_path, viz.step(Value(3.0, "x") * Value(2.0, "w"), direction=direction))
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    page.get_by_label("Copy or save the picture").select_option("tikz")
    page.wait_for_function("() => window.copied")
    text = page.evaluate("window.copied")
    assert text.count(f"to[{bends}]") == 2
    assert "\\node[draw, rounded corners] (n2)" in text  # the output, too


def test_the_algorithm_begins_with_the_gradient_that_the_sweep_is_given(new_page, tmp_path):
    page = opened(new_page, tmp_path, viz.step(Value(3.0, "x") * 2.0, gradient=5.0))
    page.get_by_label("Next step").click()
    page.get_by_label("Next step").click()
    text_is(page.locator(".code.lit"), "grad_table[u⁽ⁿ⁾] ← 5")


def test_a_picture_that_the_page_draws_marks_faults_not_remarks_and_holds_its_numbers(new_page, tmp_path):
    w = [Value(-0.01 * k, f"w{k}") for k in range(12)]
    total = autograd_core.sum([relu(weight * 0.3456) for weight in w]) + tanh(Value(15.0, "x"))
    total.backward()
    page = opened(new_page, tmp_path, viz.step(total, fold=True))
    page.keyboard.press("ArrowRight")
    text_has(page.locator(".groups ~ .stage"), "(others)")
    page.get_by_label("Last step").click()
    expect(page.locator(".remark").filter(has_text="not reached").first).to_be_visible()
    marked = page.locator(".node.trouble").all_text_contents()
    assert len(marked) == 1
    assert "vanishing partial" in marked[0]
    wider = page.evaluate(
        f"""() => [...{HOST}.querySelectorAll('.node')].filter((node) => {{
            const box = node.querySelector('path, polygon').getBBox();
            return [...node.querySelectorAll('text')].some((text) => text.getBBox().width > box.width);
        }}).map((node) => node.textContent)"""
    )
    assert wider == []
