"""The page's modules beside Python, under Node: numbers, sentences, gradients, expressions, one script."""

import json
import math
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import autograd_core
import viz
from autograd_core import (
    Value,
    atan2,
    degrees,
    dot,
    erfcx,
    hypot,
    log2,
    logsumexp,
    maximum,
    norm,
    relu,
    scope,
    sigmoid,
    sinc,
    softmax,
    tanh,
)
from autograd_core import max as ag_max
from autograd_core.calculus.javascript import LIVE
from autograd_core.calculus.operations import OPERATIONS
from autograd_core.engine.nary import apply
from autograd_core.expressions import evaluate_expression
from tests.viz.test_narration import points
from viz import page
from viz.columns import graph_columns
from viz.page import module_source, modules, player_css, player_script
from viz.playground import _facts
from viz.spread import Spread
from viz.text import number, script_json

NODE = shutil.which("node")
STATIC = Path(viz.__file__).parent / "static"
HEAD = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
"""


@pytest.fixture
def in_node(tmp_path):
    """Runs JavaScript that reads `given` and returns what it prints as JSON."""
    if NODE is None:
        pytest.skip("there is no Node here")
    for name in (*(path.stem for path in STATIC.glob("*.js")), "calculus", "sentences"):
        (tmp_path / f"{name}.js").write_text(module_source(name), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def run(code, given):
        (tmp_path / "run.js").write_text(HEAD + code, encoding="utf-8")
        done = subprocess.run(
            [NODE, "run.js"],
            cwd=tmp_path,
            input=script_json(given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_numbers_are_written_as_python_writes_them(in_node):
    choose = random.Random(0)
    values = [choose.gauss(0, 10.0 ** choose.randint(-12, 12)) for _ in range(3000)]
    values += [
        0.0,
        1.0,
        0.5,
        2.5,
        1e-5,
        1e-4,
        999999999.96,
        1e9,
        1e300,
        5e-324,
        12345.0,
        9999.5,
        0.125,
        0.0625,
    ]
    cases = [(value, digits) for value in values for digits in (1, 4, 7, 17)]
    code = """
    import { number } from "./numbers.js";
    console.log(JSON.stringify(given.map(([value, digits]) => number(value, digits))));
    """
    assert in_node(code, cases) == [number(value, digits) for value, digits in cases]


def applied(name):
    rule = OPERATIONS[name]
    shift = 1.0 if name == "acosh" else 0.0
    a, b, c = (Value(x + shift, label) for label, x in (("a", 0.5123), ("b", 0.7), ("c", 0.9)))
    return dot([a, b], [b, c]) if name == "dot" else apply(rule, [a, b, c][: rule.arity or 3], 0)


def roots():
    a, b = Value(100001.4, "a"), Value(100000.2, "two words")
    x = Value(2.0, "x")
    stale = x * x
    x.data = 5.0
    yield from (applied(name) for name in sorted(LIVE))
    yield (a - b) * 3.0 + a**2 + b**-1.5
    yield logsumexp([a * 0.001, b * 0.002, Value(0.0)])
    yield softmax([Value(0.1, "p"), Value(-0.7, "q")])[1] * 2.0
    yield dot([Value(0.1 * i, f"w{i}") for i in range(9)], [Value(1.0 - i, f"x{i}") for i in range(9)])
    yield stale + 1.0
    for later in (2.00001, -1.0):
        now = Value(2.0, "now")
        before = now * now + now.log()
        now.data = later
        yield before
    yield (-x).relu() + x.tanh() * x
    yield dot([Value(1.00004, "v"), 0.5, 0.0, 0.0], [1.0] * 4, Value(-1.50001, "b")) + x * 3.14159
    yield norm([Value(0.0, "p"), Value(0.0, "q")]) + maximum(x, 1.0 / 3.0) + x ** (1 / 3) + x / 3.0 * 3.0
    yield logsumexp([Value(123456.789, "p"), Value(123456.7, "q")]) + Value(0.0, "o") ** 0.0
    yield x / 0.105865398871303 + maximum(x, 1.0000001)
    yield tanh(Value(10.0, "c")) + sigmoid(Value(21.0, "c")) + tanh(Value(30.0, "c")) + sigmoid(x)
    yield ag_max([x, Value(1.0, "one")]) + ag_max([x, Value(2.0, "two")])
    yield log2(Value(6.0, "p")) + sinc(Value(1e-9, "q")) + tanh(Value(18.7, "r")) * degrees(x)
    yield erfcx(Value(20.0, "p")) + erfcx(Value(0.3, "q"))
    zero = Value(0.0, "zero")
    yield hypot(zero, 0.0 * zero) + atan2(zero, Value(0.0, "y")) + x**2.00001


@pytest.mark.parametrize("k", range(len(list(roots()))))
def test_every_step_is_told_in_the_page_as_in_python(in_node, k):
    script = viz.step(list(roots())[k]).script
    code = """
    import { Graph } from "./graph.js";
    import { Narrator } from "./narration.js";
    const graph = new Graph(given), narrator = new Narrator(graph);
    console.log(JSON.stringify(graph.steps.map((step) => narrator.tell(step))));
    """
    told = in_node(code, graph_columns(script))
    expected = [frame.sentence for frame in script.frames]
    assert told == [
        {"phase": s.phase, "title": s.title, "lines": list(s.lines), "say": s.say} for s in expected
    ]


def test_each_operation_is_told_in_the_page_as_in_python_at_many_points(in_node):
    """And Python's sentences read true: test_narration.py evaluates them."""
    scripts = []
    for name in sorted(LIVE - {"dot"}):
        for point in points(name)[::3]:
            try:
                root = apply(OPERATIONS[name], [Value(x, label) for x, label in zip(point, "ab")], 0)  # noqa: B905
            except (ArithmeticError, ValueError, IndexError, TypeError):
                continue  # outside the domain, or of three operands
            scripts.append(viz.step(root).script)
    code = """
    import { Graph } from "./graph.js";
    import { Narrator } from "./narration.js";
    const told = (columns) => {
      const graph = new Graph(columns), narrator = new Narrator(graph);
      return graph.steps.map((step) => narrator.tell(step).lines);
    };
    console.log(JSON.stringify(given.map(told)));
    """
    told = in_node(code, [graph_columns(script) for script in scripts])
    assert len(told) > 300
    assert told == [[list(frame.sentence.lines) for frame in script.frames] for script in scripts]


def test_a_changed_input_gives_the_numbers_of_a_graph_built_anew(in_node, network):
    model = network(2, 4, 4, 1)

    def loss(first):
        return (model([Value(first, "x0"), Value(1.0, "x1")]).tanh() - 0.3) ** 2

    script = viz.step(loss(0.5), parameters=model.parameters()).script
    place = next(i for i, node in enumerate(script.snapshot.nodes) if node.label == "x0")
    code = """
    import { Graph } from "./graph.js";
    const graph = new Graph(given.graph);
    const before = [[...graph.x], graph.gradients];
    graph.set([[given.place, -0.7]]);
    const after = [[...graph.x], graph.gradients];
    graph.restore();
    console.log(JSON.stringify([before, after, [[...graph.x], graph.gradients]]));
    """
    before, after, restored = in_node(code, {"graph": graph_columns(script), "place": place})
    assert before == restored
    for first, (data, gradients) in ((0.5, before), (-0.7, after)):
        for parameter in model.parameters():
            parameter.zero_grad()
        root = loss(first)
        root.backward()
        nodes = viz.draw(root).snapshot.nodes
        assert data == pytest.approx([node.data for node in nodes], rel=1e-14, abs=1e-15)
        for found, node in zip(gradients, nodes, strict=True):
            assert node.is_constant or (found or 0.0) == pytest.approx(node.grad, rel=1e-12, abs=1e-15)


EXPRESSIONS = [
    "a*b + tanh(c)",
    "-a**2",
    "2**-a",
    "2**3**0.5*a",
    "a - b - c / 2 % b",
    "(a + b) * (a - -b)",
    "relu(a) + max(a, b, 2*c) + maximum(a, a)",
    "softplus(-1 * (a*b + 0.5))",
    "where(greater(a, b), a*c, b*c)",
    "log(exp(a) + exp(b)) * pi",
    "mean(a, b, c) + logsumexp(a, b)",
    "u2 * a + x0",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_playground_reads_an_expression_as_python_does(in_node, text):
    values = {"a": 0.5, "b": -0.7, "c": 1.3, "u2": 0.2, "x0": 3.0}
    code = """
    import { Graph } from "./graph.js";
    import { graphOf } from "./parse.js";
    const graph = new Graph(graphOf(given.text, given.values, given.facts));
    const named = Object.fromEntries(graph.leaves.map((i) => [graph.titles[i], graph.gradients[i]]));
    console.log(JSON.stringify({ y: graph.output, ops: graph.ops.filter(Boolean).sort(), named }));
    """
    found = in_node(code, {"text": text, "values": values, "facts": _facts()})
    names = {name for name in values if re.search(rf"\b{name}\b", text)}
    root, leaves = evaluate_expression(text, {name: values[name] for name in names})
    root.backward()
    assert found["y"] == pytest.approx(root.data, rel=1e-14)
    assert found["ops"] == sorted(node.op for node in viz.draw(root).snapshot.nodes if node.op)
    for name, leaf in leaves.items():
        title = next(title for title in found["named"] if title == name or f"“{name}”" in title)
        assert (found["named"][title] or 0.0) == pytest.approx(leaf.grad, rel=1e-13)


@pytest.mark.parametrize(
    "text", ["", "a +", "(a", "a b", "sin", "sin()", "tanh(a, b)", "nothing(a)", "2 + 3", "a ; b", "a" * 2001]
)
def test_the_playground_tells_what_is_wrong_with_an_expression(in_node, text):
    code = """
    import { graphOf } from "./parse.js";
    let said = "";
    try {
      graphOf(given.text, {}, given.facts);
    } catch (error) {
      said = error instanceof SyntaxError ? error.message : "";
    }
    console.log(JSON.stringify(said));
    """
    assert len(in_node(code, {"text": text, "facts": _facts()})) > 5


# --- how the modules become one script ---


@pytest.mark.parametrize("entry", ["player", "regrouping", "widget", "playground"])
def test_the_modules_share_no_name_and_parse_as_one(entry, tmp_path):
    names = [
        name
        for text in modules(None, entry).values()
        for name in re.findall(r"^(?:const|let|function|async function|class) (\w+)", text, re.M)
    ]
    assert len(names) == len(set(names))
    script = player_script(None, entry)
    assert "import " not in script
    if NODE is None:
        pytest.skip("there is no Node here")
    (tmp_path / "one.mjs").write_text(script, encoding="utf-8")
    subprocess.run([NODE, "--check", str(tmp_path / "one.mjs")], check=True)


USED = frozenset({"add", "sub", "mul", "div", "neg", "pow", "dot", "mean", "relu", "tanh", "exp", "log"})
MOST = {"player": 52, "regrouping": 60, "widget": 60, "playground": 60}  # kB of script and style


@pytest.mark.parametrize("entry", MOST)
def test_the_script_and_the_style_of_each_artefact_are_small(entry):
    """Before any compression, with every sentence; the calculus is that of the graph's operations.

    The playground has the calculus of all of them, which is not counted there: it follows from the rows.
    """
    css = player_css() + (player_css("playground") if entry == "playground" else "")
    calculus = page._small("calculus", modules(None, entry)["calculus"])
    if entry == "playground":
        script = player_script(None, entry, rare=False).replace(calculus, "", 1)
    else:
        script = player_script(USED, entry)
    assert (len(script.encode()) + len(css.encode())) / 1000 < MOST[entry]
    assert len(calculus.encode()) < 13_000
    assert entry == "playground" or "graphOf" not in "".join(modules(None, entry).values())


def test_a_page_has_what_was_made_small_of_the_sources_as_they_are():
    """After a change in viz/static: make generate."""
    assert set(page._minified()) == {path.stem for path in page._STATIC.glob("*.js")}


def test_changed_sources_are_taken_as_they_are(monkeypatch):
    """All of them: the short names of one are those of the others."""
    page._minified.cache_clear()
    monkeypatch.setattr(page, "_sources_hash", lambda: "of others")
    try:
        text = page._small("dom", page.modules()["dom"])
    finally:
        page._minified.cache_clear()
    assert "function make(name" in text
    assert "// " not in text


def test_the_calculus_of_a_page_is_small_and_the_same(in_node, tmp_path):
    used = frozenset({"add", "sub", "pow", "mod", "dot", "sigmoid", "softmax", "erf"})
    small = page._small("calculus", modules(used)["calculus"])
    (tmp_path / "small.js").write_text(f"{small}\nexport {{ foldsOf, isLive, partialsOf, valueOf }};")
    code = """
    import * as small from "./small.js";
    import * as whole from "./calculus.js";
    const of = ({ valueOf, partialsOf, foldsOf }) => given.map(([name, x]) => {
      const y = valueOf(name, x);
      return [y, ...partialsOf(name, x, y), ...(name === "softmax" ? foldsOf(name, x) : [])].map(String);
    });
    console.log(JSON.stringify([of(small), of(whole), small.isLive("erf"), small.isLive("tanh")]));
    """
    cases = [[name, [0.7, -1.3, 2.0][: OPERATIONS[name].arity or 3]] for name in sorted(used - {"dot"})]
    found, expected, live, absent = in_node(code, [*cases, ["dot", [1, 2, 3, 4, 5]]])
    assert found == expected
    assert live
    assert not absent
    assert "gauss" in small
    assert "gauss" not in page._small("calculus", modules(used - {"erf"})["calculus"])


def test_a_page_speaks_of_what_it_has(small):
    text = player_script(frozenset({"add"}), rare=False)
    assert '"add":"plus"' in text
    assert "minus" not in text
    assert "Its partials are stale" not in text
    assert "Its partials are stale" in player_script(frozenset({"add"}))


def test_the_short_names_of_colors_stay_apart():
    whole = {*re.findall(r"--([a-z]+):", page.host_theme_rules())}
    short = {*re.findall(r"--([a-z]+):", player_css())}
    assert len(short) == len(whole) + 2 == 14  # and --width and --dash of lines


def test_a_module_reads_on_its_own():
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("// "), f"{path.name} says what it is"
        assert text.count("\n") < 520


JS = {"-0.0": "-0", "inf": "Infinity", "-inf": "-Infinity"}


def awkward(name):
    """Operands at the edges: infinities come of them, and errors."""
    choose = random.Random(name)
    edges = [1e308, -1e308, 1e-320, 0.0, -0.0, 1e200, 2.0, -2.0, 0.5, 1.0, -1.0, 1e3, math.inf, -math.inf]
    arity = 4 if name == "dot" else OPERATIONS[name].arity or 3
    return [[choose.choice(edges) for _ in range(arity)] for _ in range(80)]


def raised(name, numbers):
    values = [Value(number) for number in numbers]
    try:
        dot(values[:2], values[2:]) if name == "dot" else apply(OPERATIONS[name], values, 0)
    except (ArithmeticError, ValueError):
        return True
    return False


def test_the_page_says_that_python_raises_where_python_raises(in_node):
    code = """
    import { raises } from "./notice.js";
    import { valueOf } from "./calculus.js";
    const read = (x) => (typeof x === "string" ? Number(x) : x);
    const found = (name, x) => raises(name, x, valueOf(name, x));
    console.log(JSON.stringify(given.map(([name, rows]) => rows.map((row) => found(name, row.map(read))))));
    """
    cases = [(name, awkward(name)) for name in sorted(LIVE)]
    coded = [[name, [[JS.get(str(x), x) for x in row] for row in rows]] for name, rows in cases]
    expected = [[raised(name, row) for row in rows] for name, rows in cases]
    assert any(map(any, expected))
    for (name, rows), told, python in zip(cases, in_node(code, coded), expected, strict=True):
        assert told == python, (name, [row for row, a, b in zip(rows, told, python, strict=True) if a != b])


def test_any_name_may_be_typed(in_node):
    code = """
    import { graphOf } from "./parse.js";
    const graph = (text) => graphOf(text, given.values, given.facts);
    console.log(JSON.stringify(given.texts.map((text) => graph(text).data)));
    """
    texts = ["constructor * 2", "toString + 1", "__proto__ * 2", "valueOf"]
    data = in_node(code, {"texts": texts, "values": {}, "facts": _facts()})
    assert data == [[1, 2, 2], [1, 1, 2], [1, 2, 2], [1]]


def test_numbers_that_python_refuses_are_refused_when_typed(in_node):
    code = """
    import { graphOf } from "./parse.js";
    const error = (text) => {
      try {
        return graphOf(text, {}, given.facts) && "";
      } catch (problem) {
        return problem.message;
      }
    };
    console.log(JSON.stringify(given.texts.map(error)));
    """
    texts = ["a + 1/0", "a * log(-1)", "a + 1e308 * 10"]
    assert in_node(code, {"texts": texts, "facts": _facts()}) == [
        "div of 1, 0 is inf: Python would raise an error",
        "log of -1 is NaN: Python would raise an error",
        "",
    ]


def test_links_over_very_many_ranks_are_laid_out_straight(in_node):
    code = """
    import { layout } from "./layout.js";
    const chain = (n) => {
      const boxes = Array.from({ length: n }, (_, k) => ({ id: `n${k}`, width: 50, height: 30 }));
      const link = (k, s) => ({ id: `e${k}_${s}`, tail: `n${s ? 0 : k}`, head: `n${k + 1}`, label: 0 });
      const links = boxes.slice(1).flatMap((box, k) => [link(k, 0), link(k, 1)]);
      return layout(boxes, links).points.reduce((sum, points) => sum + points.length, 0);
    };
    console.log(JSON.stringify(given.map(chain)));
    """
    assert in_node(code, [100, 1000]) == [99 * 2 + sum(range(2, 101)), 999 * 4]


def test_a_circle_of_groups_stands_between_what_enters_it_and_what_it_leads_to(in_node):
    code = """
    import { layout } from "./layout.js";
    const boxes = ["last", "first", "second", "input"].map((id) => ({ id, width: 50, height: 30 }));
    const ends = [["input", "first"], ["first", "second"], ["second", "first"], ["second", "last"]];
    const links = ends.map(([tail, head]) => ({ id: `${tail}-${head}`, tail, head, label: 0 }));
    const places = layout(boxes, links).boxes;
    console.log(JSON.stringify([...places.values()].sort((a, b) => a.x - b.x).map(({ id }) => id)));
    """
    assert in_node(code, None) == ["input", "first", "second", "last"]


def test_the_slope_is_that_of_this_sweep_alone(in_node):
    z = Value(3.0, "z")
    y = z * z
    y.backward()
    code = """
    import { Graph } from "./graph.js";
    const graph = new Graph(given);
    console.log(JSON.stringify([graph.gradients[0], graph.slopeAt(0), graph.outputName]));
    """
    columns = graph_columns(viz.step(y, accumulate=True, gradient=2.0).script)
    assert in_node(code, columns) == [18, 12, "(2·u2)"]


PATHS = """
import { Graph } from "./graph.js";
const told = (columns) => {
  const graph = new Graph(columns), { count, found, total } = graph.paths(columns.leaf);
  return [Number(count), found.length, found.reduce((sum, path) => sum + path.product, 0), total];
};
console.log(JSON.stringify(given.map(told)));
"""


def test_paths_are_found_where_all_are_equal_and_add_up_where_an_output_comes_twice(in_node):
    x = Value(1.0, "x")
    doubled = x
    for _ in range(15):
        doubled = doubled + doubled
    a = Value(2.0, "a")
    h = a * 3.0
    z = h * h
    columns = []
    for root, leaf in ((doubled, x), ([z, z], a)):
        script = viz.step(root).script
        columns.append(graph_columns(script) | {"leaf": script.snapshot.nodes.index(leaf)})
    many, twice = in_node(PATHS, columns)
    assert many == [32768, 6, 6, 32768]
    assert twice == [2, 2, 72, 72]


def test_a_range_tells_that_numbers_are_undefined(in_node):
    code = """
    import { range } from "./numbers.js";
    console.log(JSON.stringify([range([1, NaN, 2], 4), range([NaN, 3, 3], 4), range([NaN, NaN], 4)]));
    """
    assert in_node(code, []) == ["1 … 2, NaN", "3, NaN", "NaN"]
    assert Spread([1.0, math.nan, 2.0]).text(4) == "1 … 2, NaN"
    assert Spread([math.nan]).text(4) == "NaN"


def test_the_paths_of_a_much_used_input_are_found_at_once(in_node):
    """Each start of a path is looked at a few times, not once for each path that is passed by."""
    x = Value(2.0, "x")
    y = x * x
    for _ in range(600):
        y = y + x
    code = PATHS.replace(
        "const told",
        """
        let looks = 0;
        const { abs } = Math;
        Math.abs = (x) => (looks++, abs(x));
        const told""",
    ).replace("given.map(told)", "[given.map(told)[0].slice(0, 2), looks < 40_000]")
    script = viz.step(y).script
    columns = graph_columns(script) | {"leaf": script.snapshot.nodes.index(x)}
    assert in_node(code, [columns]) == [[602, 6], True]


def test_what_the_sweep_did_not_reach_ends_with_the_gradient_0(in_node):
    """As after `backward()`, in the page, in the table and in the picture."""
    x, b = Value(-2.0, "x"), Value(1.0, "b")
    y = relu(x * 2.0) * b
    script = viz.step(y).script
    code = """
    import { Graph } from "./graph.js";
    const graph = new Graph(given), end = graph.steps.length;
    console.log(JSON.stringify([graph.at(end - 1).grads, graph.at(end).grads]));
    """
    before, after = in_node(code, graph_columns(script))
    y.backward()
    expected = [None if node.is_constant else node.grad for node in script.snapshot.nodes]
    assert after == expected
    assert before[0] is None
    shown = [row[1] for row in script.rows_at(len(script.frames))]
    assert shown == [None if grad is None else f"grad {grad:g}" for grad in expected]


GROUPS = """
import { Graph } from "./graph.js";
import { Groups } from "./groups.js";
const graph = new Graph(given.columns), groups = new Groups(graph, given.boxes);
const told = ({ title, notes }) => [title, notes];
"""


def units():
    """Eight neurons of which three are off, and their sum."""
    x = [Value(1.0, "x0"), Value(-1.0, "x1")]
    with scope("layer"):
        rows = []
        for k in range(8):
            with scope(f"neuron{k}"):
                w = [Value(0.1 * k, "w0"), Value(0.25, "w1")]
                rows.append(relu(w[0] * x[0] + w[1] * x[1] + Value(0.0, "b")))
    return rows, autograd_core.sum([row * 1.0 for row in rows])


def test_what_is_left_of_a_group_counts_what_it_shows_and_what_was_found_in_it(in_node):
    rows, root = units()
    player = viz.step(root, fold=True)
    nodes = player.script.snapshot.nodes
    off, product = nodes.index(rows[0]), nodes.index(rows[0].parents[0].parents[0])
    code = GROUPS + "groups.take(given.taken); console.log(JSON.stringify(groups.shown().map(told)));"
    titles = dict(in_node(code, player._payload() | {"taken": [off, product]}))
    assert titles["dot ×7 (others)"] == []
    assert titles["relu ×7 (others)"] == ["ReLU off: 2 nodes"]
    assert next(notes for title, notes in titles.items() if title.endswith("= relu")) == ["ReLU off"]


def test_an_opened_scope_shows_where_each_finding_is_and_closes_part_by_part(in_node):
    player = viz.step(units()[1], depth=0, fold=False)
    code = (
        GROUPS
        + """
    groups.open("g0");
    const [part] = groups.shown();
    groups.open(part.id);
    const inner = groups.shown().map(told);
    groups.close(part.id);
    groups.take([0]);
    console.log(JSON.stringify([told(part), inner, groups.shown().map(told), groups.opened.length]));
    """
    )
    part, inner, closed, opened = in_node(code, player._payload())
    assert part == ["neuron0 ×8", ["ReLU off: 1 node"]]
    assert [title for title, notes in inner if notes == ["ReLU off"]] == ["u31 = relu"]
    assert ["neuron0 ×7 (others)", ["ReLU off: 1 node"]] in closed
    assert opened == 1


def test_a_scope_of_which_a_step_takes_nodes_says_how_many_are_left(in_node):
    player = viz.step(units()[1], depth=0, fold=False)
    code = GROUPS + "groups.take([0, 2]); console.log(JSON.stringify(groups.shown().map(told)[2]));"
    assert in_node(code, player._payload())[0] == "layer: 62 nodes (others)"


def test_the_finite_difference_chooses_its_step(in_node):
    """As the number needs it, however large or small; where none agrees with the next, none is shown."""
    code = """
    import { Slope } from "./slope.js";
    const of = Slope.prototype.difference;
    console.log(JSON.stringify([
      of(Math.sin, 1e7) / Math.cos(1e7), of(Math.log, 1e-9) * 1e-9,
      of((x) => Math.sin(x * 1e10), 1e-9) / 1e10 / Math.cos(10),
      of(Math.tanh, 0.5) / (1 - Math.tanh(0.5) ** 2),
      of((x) => Math.max(0, x), 1e-8), of((x) => x * x, 0), of((x) => x + 1e10, 1),
      of((x) => 3, 2), of((x) => (x > 0 ? 1 : 0), 0),
    ]));
    """
    *good, flat, jump = in_node(code, [])
    assert good == pytest.approx([1, 1, 1, 1, 1, 0, 1], rel=1e-5, abs=1e-9)
    assert (flat, jump) == (0, None)


def test_a_running_sum_has_the_digits_that_it_needs(in_node):
    x = Value(1.0, "x")
    code = """
    import { Player } from "./player.js";
    import { Graph } from "./graph.js";
    const graph = new Graph(given), position = graph.steps.length, step = graph.steps[position - 1];
    console.log(JSON.stringify(Player.prototype.algorithmState.call({ graph, position, step }).running));
    """
    columns = graph_columns(viz.step(x * 1.00004 - x * 1.00001).script)
    assert in_node(code, columns) == ["grad(x) = -1.00001 + 1.00004 = 3e-05"]


def test_a_name_that_is_used_is_not_that_of_the_output(in_node):
    code = """
    import { graphOf } from "./parse.js";
    const graphs = ["a*2", "y*2", "y*z", "y"].map((text) => graphOf(text, {}, given));
    console.log(JSON.stringify(graphs.map(({ labels, roots: [root] }) => labels[root])));
    """
    assert in_node(code, _facts()) == ["y", "z", "f", "y"]


def test_what_diverges_is_told(in_node):
    """Also where Python's own arithmetic would have raised on the way to it."""
    w = Value(3.0, "w")
    code = """
    import { Graph } from "./graph.js";
    import { noticeOf } from "./notice.js";
    const graph = new Graph(given);
    const told = (x) => (graph.set([[0, x]]), noticeOf(graph));
    console.log(JSON.stringify([noticeOf(graph), told(NaN), told(1e200), told(2)]));
    """
    assert in_node(code, graph_columns(viz.step(w**4).script)) == [
        "",
        "w is NaN now: what follows from it tells nothing.",
        "u2 = pow of 1e+200, 4 is inf here; Python would raise an error.",
        "",
    ]
