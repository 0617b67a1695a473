"""Pickles go from one engine to the other; those of an earlier version are refused when they are loaded."""

import copy
import os
import pickle
import subprocess
import sys

import pytest

import nn
from autograd_core.engine import modes, value
from nn.estimators import MLPClassifier

X, y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2]], [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("thing", "attribute"),
    [
        (nn.Adam(lr=0.1), "_updates"),
        (nn.SGD(lr=0.1, momentum=0.9), "_frozen"),
        (nn.LBFGS(), "param_groups"),
        (nn.ReduceOnPlateau("loss"), "mode"),
        (MLPClassifier(), "beta_1"),
    ],
)
def test_an_object_of_an_earlier_version_is_refused_at_once(thing, attribute):
    state = dict(vars(thing))
    del state[attribute]
    fresh = type(thing).__new__(type(thing))
    with pytest.raises(
        nn.StateError, match=rf"pickled by an earlier version .* no {attribute}\. Load it with"
    ):
        fresh.__setstate__(state)
    for same in (pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)):
        assert vars(same).keys() == vars(thing).keys()


@pytest.mark.parametrize(
    ("module", "name"),
    [("nn.blocks", "_Mask"), ("nn.blocks", "_Scaled"), ("nn.estimators", "_InverseScaling")],
)
def test_a_class_of_an_earlier_version_that_is_gone_is_told_with_the_remedy(module, name):
    with pytest.raises(nn.StateError, match=rf"{module}\.{name} was pickled by an earlier .*state_dict"):
        pickle.loads(f"c{module}\n{name}\n.".encode())
    assert not hasattr(sys.modules[module], "_NeverThere")


def test_an_optimiser_of_ones_own_may_have_any_attributes():
    class Own(nn.Adam):
        def __init__(self):
            super().__init__(lr=0.1)
            self.more = 1

    assert copy.deepcopy(Own()).more == 1


def test_histories_of_an_earlier_version_are_read():
    history = nn.fit(nn.MLP(2, [2], seed=1), X, y, epochs=2, seed=1)
    old = nn.Epoch.__new__(nn.Epoch)
    old.__setstate__({name: kept for name, kept in vars(history[0]).items() if name != "metrics"})
    assert old == history[0]
    whole = nn.History.__new__(nn.History)
    whole.__setstate__({"epochs": [old], "stopped": "", "settings": {}})
    assert whole["loss"] == history["loss"][:1]
    assert whole.best_index("loss", rises=False) == 0


@pytest.mark.parametrize("name", ["restore_leaf", "scope"])
def test_a_pickle_of_version_0_1_is_told(name):
    protocol = b"\x80\x04\x8c\x13autograd_core.value\x8c" + bytes([len(name)]) + name.encode() + b"\x93)\x81."
    with pytest.raises(pickle.UnpicklingError, match=r"autograd-core 0\.1"):
        pickle.loads(protocol)
    assert not isinstance(getattr(value, name), str)


def test_scopes_pickled_by_either_engine_of_an_earlier_version_are_read():
    for state in ({"_name": "a"}, ("a",)):
        made = vars(modes)["__pyx_unpickle_scope"](modes.scope, 1, None)
        made.__setstate__(state)
        assert repr(made) == "scope('a')"
    assert repr(pickle.loads(pickle.dumps(modes.scope("a")))) == "scope('a')"


SCRIPT = """
import pickle, sys, nn
from autograd_core import COMPILED
path = sys.argv[1]
model = nn.Sequential(nn.Layer(2, 3, seed=1), nn.LayerNorm(3), nn.Dropout(0.5, seed=1))
if sys.argv[2] == "write":
    open(path, "wb").write(pickle.dumps((model, nn.Adam(model.parameters(), lr=0.1))))
else:
    read, optimizer = pickle.loads(open(path, "rb").read())
    same = [v.data for v in read([1.0, 2.0])] == [v.data for v in model([1.0, 2.0])]
    print(same and optimizer.parameters[0] is read.parameters()[0])
"""


def test_models_go_from_one_engine_to_the_other(tmp_path):
    for first, second in (("", "1"), ("1", "")):
        for engine, does in ((first, "write"), (second, "read")):
            command = [sys.executable, "-c", SCRIPT, str(tmp_path / "model.pkl"), does]
            environment = {
                **os.environ,
                "AUTOGRAD_UNCOMPILED": engine,
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stderr
        assert done.stdout == "True\n"
