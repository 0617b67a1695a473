"""Boxes colored by the size of the gradient, by rounding, or by a measure of the user's."""

import pytest

import viz
from autograd_core import Value, rounding


def shades(drawing):
    return {box.title: box.shade for box in drawing.picture.boxes}


def swept():
    x, k = Value(1e-6, "x"), Value(1e3, "k")
    y = x * k
    z = y + Value(1.0, "c")
    z.label = "z"
    z.backward()
    return z


def test_a_greater_gradient_is_darker():
    found = shades(viz.draw(swept(), color_by="gradient"))
    assert found["x"] == 7
    assert found["k"] == 0
    assert found["k"] < found["×"] == found["c"] == found["z = +"] < found["x"]


def test_the_caption_says_what_the_shades_mean():
    drawing = viz.draw(swept(), color_by="gradient")
    assert "colored by |gradient|, from 1e-06 (pale) to 1000 (dark)" in drawing.caption


def test_before_a_sweep_nothing_is_colored_and_the_caption_says_so():
    drawing = viz.draw(Value(1.0, "a") * 2.0, color_by="gradient")
    assert set(shades(drawing).values()) == {None}
    assert "call backward()" in drawing.caption


def test_rounding_colors_the_operation_that_loses_the_digits():
    a, b = Value(1.1, "a"), Value(1.1e8, "b")
    y = (a * b + b) - b * 1.0001
    drawing = viz.draw(y, color_by="rounding")
    worst = rounding(y).contributions[0].node
    shaded = {box.members[0]: box.shade for box in drawing.picture.boxes if box.shade is not None}
    index = drawing.snapshot.nodes.index(worst)
    assert shaded[index] == max(shaded.values()) == 7
    assert {drawing.snapshot.nodes[i].op for i in shaded} == {"add", "sub", "mul"}


def test_a_function_of_yours_measures():
    found = shades(viz.draw(swept(), color_by=lambda node: node.data))
    assert found["k"] == 7
    assert found["x"] == 0


def test_the_colors_are_in_dot_and_in_both_themes_of_the_svg():
    drawing = viz.draw(swept(), color_by="gradient")
    assert "shade7" in drawing.source
    svg = drawing.svg()
    assert svg.count(".shade7") == 2
    assert "shade" not in viz.draw(swept()).svg()


@pytest.mark.parametrize("wrong", ["size", 3, "Gradient"])
def test_what_is_no_measure_is_refused(wrong):
    with pytest.raises(ValueError, match="color_by is 'gradient' or 'rounding' or a function"):
        viz.draw(swept(), color_by=wrong)


def test_rounding_of_several_outputs_is_refused():
    a = Value(1.0, "a")
    with pytest.raises(ValueError, match="one output"):
        viz.draw([a * 2.0, a * 3.0], color_by="rounding")


def test_the_darkness_of_a_box_is_that_of_its_greatest_member():
    xs = [Value(0.5, f"x{k}") for k in range(3)]
    y = sum((x.tanh() * 10.0**k for k, x in enumerate(xs)), Value(1.0, "start"))
    y.backward()
    found = shades(viz.draw(y, fold=True, color_by="gradient"))
    assert found["start"] == 0
    assert found["x* ×3"] == found["tanh ×3"] == 7


def test_a_gradient_that_is_not_finite_is_the_darkest():
    x = Value(0.0, "x")
    y = x.sqrt() + x
    y.backward()
    assert shades(viz.draw(y, color_by="gradient"))["x"] == 7


def test_the_steps_inside_a_folded_inner_product_count():
    """The sum on the way loses the digits, whatever little the last addition loses."""
    a, b, c, one = Value(1.1e8, "a"), Value(1.1, "b"), Value(-1.1e8, "c"), Value(1.0, "one")
    y = a * b + b * one + c * b
    y = y.tanh()
    report = rounding(y)
    drawing = viz.draw(y, fold=True, color_by="rounding")
    worst = drawing.snapshot.nodes.index(report.contributions[0].node)
    box = next(box for box in drawing.picture.boxes if worst in box.members)
    assert len(box.members) > 1
    assert box.shade == max(one.shade for one in drawing.picture.boxes if one.shade is not None) == 7
