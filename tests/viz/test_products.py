"""Matrix products in a folded picture: found where they are, with their shapes, and nowhere else."""

import pytest

import viz
from autograd_core import Value, dot, scope, softmax
from viz.products import inner_products
from viz.snapshot import take_snapshot


def matrix(name, rows, columns):
    return [[Value(0.1 * (i + j), f"{name}{i}_{j}") for j in range(columns)] for i in range(rows)]


def written(ws, xs, start=None):
    total = start
    for w, x in zip(ws, xs, strict=True):
        total = w * x if total is None else total + w * x
    return total


def titles(what, **options):
    return [box.title for box in viz.draw(what, fold=True, **options).picture.boxes]


@pytest.mark.parametrize("inner", [dot, written])
def test_all_pairs_of_rows_are_a_matrix_product_with_its_shape(inner):
    xs, ws = matrix("x", 3, 4), matrix("w", 5, 4)
    parameters = [w for row in ws for w in row]
    products = [[inner(w, x) for w in ws] for x in xs]
    found = titles([y for row in products for y in row], parameters=parameters)
    assert sorted(found) == ["matmul 3×5", "w*_* 5×4", "x*_* 3×4"]


def test_an_attention_head_reads_as_one():
    rows, width = 4, 6
    x, weights = matrix("x", rows, width), {}
    for name in ("query", "key", "value"):
        with scope(name):
            weights[name] = matrix("w", width, width)
    made = {}
    for name in weights:
        with scope(name):
            made[name] = [[dot(w, row) for w in weights[name]] for row in x]
    scores = [[dot(q, k) for k in made["key"]] for q in made["query"]]
    attention = [softmax(row) for row in scores]
    columns = list(zip(*made["value"], strict=True))
    output = [dot(a, list(v)) for a in attention for v in columns]
    drawing = viz.draw(output)
    found = [(box.scope, box.title) for box in drawing.picture.boxes]
    assert sorted(found) == sorted(
        [("", "x*_* 4×6"), ("", "matmul 4×4"), ("", "softmax 4×4"), ("", "matmul 4×6")]
        + [(name, "w*_* 6×6") for name in weights]
        + [(name, "matmul 4×6") for name in weights]
    )
    assert {link.text for link in drawing.picture.links} == {"4×6", "6×6", "4×4"}


def test_a_box_of_written_out_products_shows_the_results_alone():
    ws, xs = [Value(10.0, "w0"), Value(-10.0, "w1")], [Value(1.0, "x0"), Value(1.0, "x1")]
    pairs = [written([w * 1.0 for w in ws], xs).tanh() for _ in range(3)]
    drawing = viz.draw(sum(pairs[1:], pairs[0]), fold=True)
    box = next(box for box in drawing.picture.boxes if box.title == "dot ×3")
    assert len(box.members) == 9
    assert len(box.shown) == 3
    assert box.lines[0] == "data 0"


def test_what_is_no_whole_matrix_is_counted():
    xs, ws = matrix("x", 3, 4), matrix("w", 3, 4)
    triangle = [dot(ws[i], xs[j]).tanh() for i in range(3) for j in range(i + 1)]
    assert "dot ×6" in titles(sum(triangle[1:], triangle[0]))


def test_a_step_that_is_used_elsewhere_or_named_stays():
    a, b, c, d = (Value(float(k), name) for k, name in enumerate("abcd"))
    product = a * b
    shared = product + c * d
    assert len(inner_products(take_snapshot([shared]))) == 1
    assert inner_products(take_snapshot([shared * product])) == {}
    product.label = "p"
    assert inner_products(take_snapshot([shared])) == {}


def test_a_running_sum_with_a_bias_is_an_inner_product():
    snapshot = take_snapshot([written([Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)], Value(5.0))])
    (product,) = inner_products(snapshot).values()
    numbers = [[snapshot.nodes[i].data for i in row] for row in (product.left, product.right, product.start)]
    assert numbers == [[1.0, 2.0], [3.0, 4.0], [5.0]]


def test_many_outputs_share_a_box_and_few_do_not():
    x = [Value(float(k), f"x{k}") for k in range(9)]
    assert titles([v.tanh() for v in x]).count("tanh ×9") == 1
    assert titles([v.tanh() for v in x[:4]]).count("tanh") == 4


def test_a_module_that_is_applied_to_different_things_is_one_box():
    x = [Value(0.5, "x0"), Value(0.25, "x1")]
    sources = [x[0].tanh(), x[1].exp()]
    with scope("cell"):
        made = [(v * 2.0).sigmoid() for v in sources]
    found = titles(made[0] + made[1])
    assert "sigmoid ×2" in found
