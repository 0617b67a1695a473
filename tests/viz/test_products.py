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


def test_rows_of_the_next_product_are_no_product_of_their_own():
    """Twelve inner products of rows that stand side by side, used as the rows of a 3×4 matrix."""
    pairs = zip(matrix("x", 12, 4), matrix("w", 12, 4), strict=True)
    made = [dot(x, w) for x, w in pairs]
    rows = [made[4 * k : 4 * k + 4] for k in range(3)]
    us = matrix("u", 5, 4)
    found = titles([dot(row, u) for row in rows for u in us])
    assert "dot 3×4" in found
    assert "matmul 3×5" in found
    assert "matmul 3×4" not in found


def test_a_matrix_that_is_used_by_columns_keeps_the_shape_that_its_labels_tell():
    a, v = matrix("a", 3, 4), matrix("v", 4, 6)
    found = titles([dot(row, list(column)) for row in a for column in zip(*v, strict=True)])
    assert sorted(found) == ["a*_* 3×4", "matmul 3×6", "v*_* 4×6"]


def test_a_shape_goes_to_operations_on_all_of_its_elements_and_on_nothing_else():
    a, b = matrix("a", 2, 2), matrix("b", 2, 2)
    first, *rest = [dot(x, y) for x in a for y in b]
    others = [Value(0.25, f"z{k}").exp() for k in range(3)]
    with scope("cell"):
        mixed = [x.tanh() for x in (first, *others)]
    found = titles([*rest, *mixed, *(x.sin() for x in (first, *rest))])
    assert "tanh ×4" in found
    assert "sin 2×2" in found


def test_a_line_carries_the_shape_of_a_matrix_only_where_all_of_it_goes_along():
    a, b = matrix("a", 3, 2), matrix("b", 3, 2)
    first, *rest = [dot(x, y) for x in a for y in b]
    drawing = viz.draw(first.exp() + sum((x.tanh() for x in rest), Value(0.0)), fold=True)
    title = {box.ident: box.title for box in drawing.picture.boxes}
    texts = {title[link.head]: link.text for link in drawing.picture.links if "matmul" in title[link.tail]}
    assert texts["tanh ×8"] == "×8"


def test_one_row_of_a_causal_head_has_no_shape_of_a_column():
    q, k, v = matrix("q", 5, 3), matrix("k", 5, 3), matrix("v", 5, 3)
    output = []
    for t in range(5):
        scores = [dot(q[t], k[s]) for s in range(t + 1)]
        weights = softmax(scores) if t else [Value(1.0)]
        output += [dot(weights, [v[s][j] for s in range(t + 1)]) for j in range(3)]
    assert not any("×1" in title.split() or title.endswith("×1") for title in titles(output))
