"""The sweep and the ten lines that it implements."""

import random
import re
import textwrap
from pathlib import Path

import pytest

import autograd_core as ag
from autograd_core import Value, topological_order
from autograd_core.engine import flags, sweep


def ten_lines():
    """The function that the head of sweep.py shows."""
    text = sweep.__doc__.split("::\n", 1)[1].split("\n\nThe rest", 1)[0]
    scope = {"topological_order": topological_order}
    exec(textwrap.dedent(text), scope)
    return scope["back_propagate"]


def random_graph(seed):
    chance = random.Random(seed)
    leaves = [Value(chance.uniform(-2, 2)) for _ in range(4)]
    nodes = [*leaves, Value.lift(1.5)]
    for _ in range(60):
        a, b, c = (chance.choice(nodes) for _ in range(3))
        nodes.append(
            chance.choice([
                lambda a=a, b=b: a + b, lambda a=a, b=b: a * b, lambda a=a: a.tanh(), lambda a=a: a.relu(),
                lambda a=a, b=b: a.maximum(b), lambda a=a, b=b, c=c: ag.dot([a, b], [b, c]),
                lambda a=a, b=b, c=c: ag.softmax([a, b, c])[1], lambda a=a, b=b, c=c: a.where(b, c),
            ])()
        )  # fmt: skip
    return leaves, nodes[-1] + nodes[-2] * nodes[-3]


@pytest.mark.parametrize("seed", range(20))
def test_the_sweep_gives_the_bits_of_the_ten_lines_at_its_head(seed):
    leaves, output = random_graph(seed)
    twins, twin = random_graph(seed)
    for _ in range(2):  # leaves accumulate
        output.backward(0.7)
        ten_lines()(twin, 0.7)
        for a, b in zip(topological_order(output), topological_order(twin), strict=True):
            assert a.grad == b.grad
    assert [leaf.grad for leaf in leaves] == [leaf.grad for leaf in twins]


def test_the_two_lists_of_flags_agree():
    text = Path(flags.__file__).with_suffix(".pxd").read_text(encoding="utf-8")
    in_c = {name: int(number) for name, number in re.findall(r"^    (\w+) = (\d+)", text, re.M)}
    assert in_c == {name: number for name, number in vars(flags).items() if name.isupper()}


def test_the_struct_of_a_node_has_the_fields_of_the_class_in_their_order():
    folder = Path(flags.__file__).parent
    struct = (folder / "layout.h").read_text(encoding="utf-8").split("PyObject_HEAD")[1].split("};")[0]
    struct = re.sub(r"/\*.*?\*/", "", struct)
    in_c = re.findall(r"(_\w+)\s*[,;]", struct)
    text = (folder / "value.pxd").read_text(encoding="utf-8").split("cdef class Value:")[1]
    in_class = re.findall(r"cdef [\w ]*?[ *](_\w+)$", text, re.M)
    assert in_c == [name.replace("__weakref__", "_weak_references") for name in in_class]


@pytest.mark.parametrize(
    ("roots", "gradients", "error"),
    [
        ([Value(1.0)], [], ValueError),
        ([Value(1.0)], [1.0, 2.0], ValueError),
        ([Value(1.0)], ["1"], TypeError),
        ([None], [1.0], TypeError),
        ([1.0], [1.0], TypeError),
    ],
)
def test_a_sweep_over_wrong_arguments_is_refused(roots, gradients, error):
    with pytest.raises(error):
        sweep.sweep(roots, gradients)
    assert [root.grad for root in roots if isinstance(root, Value)] == [
        0.0 for root in roots if isinstance(root, Value)
    ]


def test_targets_that_are_no_values_are_refused():
    with pytest.raises(TypeError):
        sweep.sweep([Value(1.0) * 2.0], [1.0], [3.0])


def test_positions_of_parents_that_are_nowhere_are_refused():
    a = Value(1.0)
    y = a * a
    with pytest.raises(ValueError, match="neither"):
        sweep.parent_positions([y], [])
    assert topological_order(y) == [a, y]  # marks are clear
