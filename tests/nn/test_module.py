"""Module: finding parameters, state in and out."""

import collections
import copy
import functools
import math
import pickle
import re
import types

import numpy as np
import pytest

import nn
from autograd_core import Value
from nn.errors import InputError, StateError


class Scale(nn.Module):
    def __init__(self):
        self.factor = Value(2.0)
        self.offsets = [Value(0.5), Value(-0.5)]
        self.bias = Value(1.0)
        self.inner = nn.MLP(2, [3, 1], seed=0)
        self.blocks = [nn.Neuron(2, seed=1), nn.Neuron(2, seed=2)]
        self.note = "not a parameter"
        self.sizes = [1, 2, 3]
        self._hidden = Value(9.0)
        self.constant = Value(4.0).detach()
        self.table = {"gain": [Value(1.0)], "unit": nn.Neuron(1, seed=3), "size": 3}


def test_parameters_are_found_in_attributes_lists_and_submodules_and_nowhere_else():
    model = Scale()
    names = [name for name, _ in model.named_parameters()]
    assert names[:4] == ["factor", "offsets[0]", "offsets[1]", "bias"]
    assert "inner.layer1.W[2][1]" in names
    assert "blocks.1.b" in names
    assert names[4] == "table.gain[0]"
    assert names[-2:] == ["table.unit.w[0]", "table.unit.b"]
    assert len(names) == len(model.parameters()) == 4 + 13 + 6 + 3
    assert all(p is q for p, (_, q) in zip(model.parameters(), model.named_parameters(), strict=True))


def test_a_parameter_that_is_shared_counts_once():
    model = Scale()
    model.again = model.factor
    assert len(model.parameters()) == 4 + 13 + 6 + 3


def test_weights_leave_out_what_is_called_a_bias():
    model = Scale()
    weights = {id(p) for p in model.weights()}
    left_out = [name for name, p in model.named_parameters() if id(p) not in weights]
    assert left_out == ["bias", *(n for n, _ in model.named_parameters() if ".b" in n)]


def test_rows_are_the_vectors_along_the_last_axis_each_parameter_once():
    model = nn.Module()
    model.scale, model.net = Value(1.0), nn.MLP(2, [2, 1], seed=0)
    model.again = model.net.layers[0]
    rows = model.rows()
    assert [len(row) for row in rows] == [1, 2, 2, 2, 2, 1]
    assert {id(p) for row in rows for p in row} == {id(p) for p in model.parameters()}
    assert [len(row) for row in model.rows(["b"])] == [1, 2, 2, 2]
    twice = nn.Module()
    twice.w = [model.scale, model.scale]
    assert [len(row) for row in twice.rows()] == [1]


def test_an_mlp_names_its_parameters_in_the_order_of_micrograd():
    model = nn.MLP(2, [2, 1])
    assert [name for name, _ in model.named_parameters()] == [
        "layer1.W[0][0]",
        "layer1.W[0][1]",
        "layer1.b[0]",
        "layer1.W[1][0]",
        "layer1.W[1][1]",
        "layer1.b[1]",
        "layer2.W[0][0]",
        "layer2.W[0][1]",
        "layer2.b[0]",
    ]


def test_zero_grad_clears_every_gradient():
    model = nn.MLP(2, [3, 1], seed=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad != 0.0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_the_state_has_a_matrix_and_a_vector_for_each_layer():
    state = nn.MLP(4, [3, 2], seed=0).state_dict()
    assert {name: array.shape for name, array in state.items()} == {
        "layer1.W": (3, 4),
        "layer1.b": (3,),
        "layer2.W": (2, 3),
        "layer2.b": (2,),
    }
    assert all(array.dtype == np.float64 for array in state.values())


def test_a_state_is_a_copy():
    model = nn.MLP(2, [1], seed=0)
    state = model.state_dict()
    before = state["layer1.W"].copy()
    model.parameters()[0].data = 99.0
    assert (state["layer1.W"] == before).all()


def test_loading_a_state_gives_the_same_bits():
    model, other = nn.MLP(3, [4, 2], seed=0), nn.MLP(3, [4, 2], seed=1)
    other.load_state_dict(model.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]


def test_nested_lists_load_as_well_as_arrays():
    model = nn.MLP(2, [1])
    model.load_state_dict({"layer1.W": [[1, 2]], "layer1.b": [3]})
    assert model([10.0, 100.0]).data == 213.0


def damaged(**changes):
    state = nn.MLP(2, [3, 1], seed=5).state_dict()
    for name, entry in changes.items():
        key = name.replace("__", ".")
        if entry is None:
            del state[key]
        else:
            state[key] = entry
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (damaged(layer1__W=None), "layer1.W: missing from the state"),
        (damaged(layer9__W=[1.0]), "layer9.W: unexpected"),
        (damaged(layer1__W=[[1.0, 2.0]]), r"layer1.W: shape \(1, 2\) where the model has \(3, 2\)"),
        (damaged(layer2__b=[math.nan]), "layer2.b: 1 entries are not finite"),
        (damaged(layer2__b=["a"]), "layer2.b: not an array of numbers"),
        (damaged(layer2__b=[[1.0], [1.0, 2.0]]), "layer2.b: not an array of numbers"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing(state, message):
    model = nn.MLP(2, [3, 1], seed=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(StateError, match=message):
        model.load_state_dict(state)
    assert [p.data for p in model.parameters()] == before


def test_every_fault_of_a_state_is_listed():
    with pytest.raises(StateError) as caught:
        nn.MLP(2, [3, 1]).load_state_dict({"layer1.b": [1.0], "more": 2.0})
    message = str(caught.value)
    for fault in ("layer1.W: missing", "layer2.W: missing", "more: unexpected", "layer1.b: shape (1,)"):
        assert fault in message


def test_a_loose_load_takes_what_fits():
    model = nn.MLP(2, [3, 1], seed=0)
    model.load_state_dict({"layer2.b": [7.0], "more": 1.0}, strict=False)
    assert model.layers[1].neurons[0].b.data == 7.0


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_model_copies_and_pickles_with_the_same_bits_and_apart_from_the_original(clone):
    model = nn.MLP(2, [3, 2], activation="tanh", output="softmax", seed=0)
    twin = clone(model)
    assert [v.data for v in twin([0.3, -0.4])] == [v.data for v in model([0.3, -0.4])]
    twin.parameters()[0].data += 1.0
    assert twin.parameters()[0].data != model.parameters()[0].data


def test_a_model_built_in_the_manner_of_micrograd_works():
    class Line(nn.Module):
        def __init__(self):
            self.w, self.c = Value(2.0), Value(1.0)

        def __call__(self, x):
            return self.w * x + self.c

        def parameters(self):
            return [self.w, self.c]

    line = Line()
    line(3.0).backward()
    assert [p.grad for p in line.parameters()] == [3.0, 1.0]
    line.zero_grad()
    assert [p.grad for p in line.parameters()] == [0.0, 0.0]
    assert repr(line) == "Line(2 parameters)"


# --- wherever parameters are held


class Plain:
    """An object of a user's class that is no module."""

    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def _array(values):
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


HOLDERS = {
    "ragged": lambda a, b, c: [[a, b], [c]],
    "mixed with modules and numbers": lambda a, b, c: [1.0, a, [nn.Neuron(1), b], c],
    "a dict of lists of dicts": lambda a, b, c: {"x": [{"y": a}, {"z": (b, c)}]},
    "a tuple in a dict": lambda a, b, c: {"x": (a, (b, c))},
    "an object array": lambda a, b, c: _array([a, b, c]),
    "an array in a dict": lambda a, b, c: {"x": _array([a, b]), 3: c},
    "a set with labels": lambda a, b, c: {a, b, c},
    "a deque": lambda a, b, c: collections.deque([a, (b, c)]),
    "a named tuple": lambda a, b, c: collections.namedtuple("Pair", "u v")(a, [b, [c]]),
    "a plain object": lambda a, b, c: Plain([a, {"x": Plain((b, c))}]),
    "slots": lambda a, b, c: Slotted([Slotted(a), b, c]),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_parameters_are_found_in_whatever_holds_them_and_saved(holder):
    class Own(nn.Module):
        def __init__(self):
            self.values = [Value(float(k), label="abc"[k]) for k in range(3)]
            self.held = HOLDERS[holder](*self.values)
            del self.values

    model, other = Own(), Own()
    found = {p.label: p for p in model.parameters()}
    assert {"a", "b", "c"} <= found.keys()
    for p in model.parameters():
        p.data += 10.0
    other.load_state_dict(model.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]
    assert len({name for name, _ in model.named_parameters()}) == len(model.parameters())


def test_a_set_whose_order_nobody_knows_is_refused():
    model = nn.Module()
    model.held = {Value(1.0), Value(2.0)}
    with pytest.raises(InputError, match="held is a set of parameters"):
        model.parameters()


def test_a_subclass_of_our_layers_may_hold_more():
    class Scaled(nn.MLP):
        def __init__(self):
            super().__init__(2, [1], seed=0)
            self.scale = Value(3.0, label="scale")

        def __call__(self, x):
            return self.scale * super().__call__(x)

    model = Scaled()
    assert [p.label for p in model.parameters()] == ["w0", "w1", "b", "scale"]
    assert set(model.state_dict()) == {"layer1.W", "layer1.b", "scale"}
    nn.fit(model, [[1.0, 2.0]] * 4, [1.0] * 4, loss="mse", epochs=1)
    assert model.scale.data != 3.0


def test_an_activation_with_a_parameter_is_trained():
    class PReLU(nn.Module):
        def __init__(self):
            self.slope = Value(0.25, label="slope")

        def __call__(self, a):
            return a.relu() - self.slope * (-a).relu()

    slope = PReLU()
    model = nn.MLP(2, [3, 1], activation=slope, seed=0)
    assert model.parameters().count(slope.slope) == 1
    nn.fit(model, [[1.0, -2.0]] * 4, [1.0] * 4, loss="mse", epochs=1)
    assert slope.slope.data != 0.25


def test_a_child_may_know_its_parent_and_an_optimiser_is_no_holder():
    model = nn.MLP(2, [2], seed=0)
    model.layers[0].parent = model
    model.optimizer = nn.Adam(model.parameters())
    assert len(model.parameters()) == 6
    assert list(model.state_dict()) == ["layer1.W", "layer1.b"]


def test_fit_names_a_leaf_that_is_not_among_the_parameters():
    class Hidden(nn.Module):
        def __init__(self):
            self.w = Value(1.0)
            self._shift = Value(2.0, label="shift")

        def __call__(self, x):
            return self.w * x[0] + self._shift

    with pytest.raises(InputError, match=r"shift.*not among.*an attribute.*detach"):
        nn.fit(Hidden(), [[1.0]], [1.0], loss="mse")


def test_a_state_with_two_numbers_for_one_shared_parameter_is_refused():
    model = nn.MLP(2, [2, 2], seed=1)
    model.layers[1].neurons[0].w = model.layers[0].neurons[0].w
    before = [p.data for p in model.parameters()]
    state = model.state_dict()
    model.load_state_dict(state)
    state["layer2.W"][0][0] += 1.0
    with pytest.raises(nn.StateError, match="shares its parameters"):
        model.load_state_dict(state)
    assert [p.data for p in model.parameters()] == before


class ExtraLayer(nn.MLP):
    """Its attribute has the name of a layer of the MLP."""

    def __init__(self):
        super().__init__(3, [4, 2], seed=1)
        self.layer1 = nn.Layer(2, 2, seed=3)

    def __call__(self, x):
        return self.layer1(super().__call__(x))


def _holding(held):
    model = nn.Module()
    model.c = held
    return model


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (ExtraLayer, "layer1.W"),
        (lambda: _holding({1: Value(1.0), "1": Value(2.0)}), "c.1"),
        (lambda: _holding({"b.c": Value(1.0), "b": {"c": Value(2.0)}}), "c.b.c"),
        (lambda: _holding({1: nn.Neuron(1), "1": nn.Neuron(1)}), "c.1.w"),
    ],
)
def test_two_tensors_of_one_name_are_refused_before_one_is_lost(tmp_path, make, name):
    model = make()
    for use in (
        model.state_dict,
        lambda: nn.save(model, tmp_path / "model.safetensors"),
        lambda: model.load_state_dict({}),
        lambda: nn.fit(model, [[1.0, 2.0, 3.0]] * 4, [0, 1, 0, 1], epochs=1),
    ):
        with pytest.raises(InputError, match=rf"two tensors .* {re.escape(repr(name))}"):
            use()
    assert not list(tmp_path.iterdir())


def test_one_tensor_may_be_held_twice_by_one_name():
    value = Value(1.0)
    assert list(_holding({1: value, "1": value}).state_dict()) == ["c.1"]


def test_lists_that_hold_themselves_and_very_deep_ones():
    held = [Value(1.0)]
    held.append(held)
    assert [name for name, _ in _holding(held).named_parameters()] == ["c.0"]
    deep = Value(1.0)
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(InputError, match=r"c\.0\.0.* nested"):
        _holding(deep).parameters()


class OneSlot:
    __slots__ = "weight"

    def __init__(self, value):
        self.weight = value


class SlottedModule(nn.Module):
    __slots__ = ("weight",)

    def __init__(self, value):
        self.weight = value


def test_parameters_in_slots_and_namespaces_are_found():
    value = Value(1.0)
    assert _holding(OneSlot(value)).parameters() == [value]
    assert SlottedModule(value).parameters() == [value]
    assert _holding(types.SimpleNamespace(weight=value)).parameters() == [value]


def test_lists_nested_deep_are_found_in_no_time_and_refused_beyond_a_depth():
    class Nested(nn.Module):
        def __init__(self, depth):
            self.h = functools.reduce(lambda inner, _: [inner], range(depth), [Value(0.1), Value(0.2)])

    assert len(Nested(50).parameters()) == 2
    with pytest.raises(nn.InputError, match="nested more than"):
        Nested(400).parameters()


@pytest.mark.parametrize("rows", [8, 200])
@pytest.mark.parametrize("made_later", [False, True])
def test_a_leaf_that_only_another_example_than_the_first_depends_on_is_found(rows, made_later):
    class Branches(nn.Module):
        def __init__(self):
            self.c, self._hidden, self._made = Value(1.0), [Value(0.2)], {}

        def __call__(self, x):
            if x[0] > 0.0:
                return self.c * x[1]
            value = self._made.setdefault(1, Value(0.3)) if made_later else self._hidden[0]
            return value * x[1]

    X = [[1.0, 2.0], [-1.0, 2.0]] * (rows // 2)
    with pytest.raises(nn.InputError, match="not among the model's parameters"):
        nn.fit(Branches(), X, [1.0, 2.0] * (rows // 2), loss="mse", epochs=1, seed=1)
