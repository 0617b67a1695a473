"""Frozen parameters, and groups with numbers of their own: PyTorch's numbers, the same bits on every way."""

from __future__ import annotations

import copy
import fnmatch
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value
from nn import groups
from nn.errors import InputError
from tests.nn.test_updaters import Signs, assert_same, data, needs_compiler, trained


def net() -> nn.MLP:
    return nn.MLP(3, [5, 4, 2], seed=1)


def frozen_net() -> nn.MLP:
    model = net()
    model.freeze("layer1", "layer2.b", model.layers[2].neurons[0].w[1])
    return model


GROUPS: list[Any] = [{"params": "layer1", "lr": 0.001}, {"params": ["*.b"], "lr": nn.StepDecay(0.1, 5)}]


def test_parameters_are_chosen_by_name_pattern_and_themselves() -> None:
    model = net()
    assert model.freeze("layer3.b") == ["layer3.b[0]", "layer3.b[1]"]
    assert len(model.freeze("*.b")) == 11
    assert len(model.freeze("layer1")) == 15 + 11
    assert model.unfreeze("*") == []
    assert model.freeze("layer1.W[0][2]", model.layers[1].neurons[0].b) == ["layer1.W[0][2]", "layer2.b[0]"]
    assert len(model.trainable_parameters()) == len(model.parameters()) - 2
    assert len(model.freeze("*")) == len(model.parameters())


class Nested(nn.Module):
    """Parameters under keys with brackets, alone and nested."""

    def __init__(self) -> None:
        self.net, self.scale = nn.MLP(2, [3, 1], seed=1), Value(1.0)
        self.table = {"a[0]": [Value(1.0), Value(2.0)], "b*": [[Value(3.0)], [Value(4.0)]]}


def test_a_pattern_takes_the_parameters_whose_names_or_tensors_fit_it() -> None:
    model = Nested()
    named = list(model.named_parameters())
    names = [name for name, _ in named]
    parts = ["*", "?", "[", "]", "0", "1", ".", "b", "W", "net", "layer1", "table", "a", "scale"]
    rng = np.random.default_rng(1)
    patterns = ["".join(rng.choice(parts, rng.integers(1, 5))) for _ in range(200)]
    patterns += [
        name[: rng.integers(1, len(name) + 1)] + end for name in names for end in ("", "*", "?", "?]")
    ]
    taken = 0
    for pattern in patterns:
        literal = pattern.replace("[", "[[]")
        fitting = {
            name
            for name in names
            for part in (name, name.partition("[")[0])
            if part == pattern or fnmatch.fnmatchcase(part, literal) or part.startswith(f"{pattern}.")
        }
        taken += bool(fitting)
        if not fitting:
            with pytest.raises(InputError, match="no parameter is named"):
                model.freeze(pattern)
            continue
        assert set(model.freeze(pattern)) == fitting, pattern
        assert model.unfreeze("*") == []
    assert taken > 20


def test_freezing_looks_at_the_names_in_question_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fits = groups._fits
    monkeypatch.setattr(groups, "_fits", lambda name, text: asked.append(name) or fits(name, text))
    model = nn.MLP(64, [32, 10], seed=1)
    assert len(model.freeze("layer1.b")) == 32
    assert model.unfreeze("layer1.b") == []
    assert len(asked) < 100


def test_a_name_that_fits_nothing_and_a_stranger_are_refused() -> None:
    with pytest.raises(InputError, match="no parameter is named 'layer9'"):
        net().freeze("layer9")
    with pytest.raises(InputError, match="is not a parameter of the model"):
        net().freeze(Value(1.0))
    with pytest.raises(InputError, match="chosen by name, by pattern or themselves, not by 3"):
        net().freeze(3)  # type: ignore[arg-type]
    model = net()
    model.freeze("*")
    with pytest.raises(InputError, match="every parameter of the model is frozen"):
        nn.fit(model, *data(10, 3, 2))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_frozen_too(copied: Any) -> None:
    model = copied(frozen_net())
    names = {id(value): name for name, value in model.named_parameters()}
    assert [names[id(v)] for v in model.frozen_parameters()][-1] == "layer3.W[0][1]"
    assert len(model.frozen_parameters()) == 20 + 4 + 1


OPTIMIZERS = {
    "sgd": lambda: nn.SGD(lr=0.05),
    "momentum": lambda: nn.SGD(lr=0.05, momentum=0.9, clip_norm=0.5),
    "adagrad": lambda: nn.Adagrad(lr=0.05),
    "rmsprop": lambda: nn.RMSprop(lr=0.01, momentum=0.5, centered=True),
    "adamw": lambda: nn.AdamW(lr=0.01, weight_decay=0.1),
    "a rule of one's own": lambda: Signs(lr=0.01),
}


@needs_compiler
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_frozen_stays_on_every_way_with_the_same_bits(name: str, monkeypatch: Any) -> None:
    X, y = data(90, 3, 2)
    options = {"optimizer": OPTIMIZERS[name], "epochs": 3, "batch_size": 16, "regularizer": nn.L2(0.05)}
    assert_same(frozen_net, X, y, monkeypatch, **options)
    model = frozen_net()
    before = {id(p): p.data for p in model.parameters()}
    nn.fit(model, X, y, **{**options, "optimizer": OPTIMIZERS[name]()})
    frozen = set(map(id, model.frozen_parameters()))
    assert all((p.data == before[id(p)]) == (id(p) in frozen) for p in model.parameters())
    assert all(p.grad == 0.0 for p in model.frozen_parameters())


@needs_compiler
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.SGD(
            [{"params": "layer1.W", "momentum": 0.0}, {"params": "*.b", "lr": 0.5}], lr=0.05, momentum=0.9
        ),
        lambda: nn.Adam([*GROUPS[:1], {"params": "layer2", "betas": (0.5, 0.9)}], lr=0.01),
        lambda: nn.AdamW([{"params": "*.b", "weight_decay": 0.0}], lr=0.01, weight_decay=0.2),
        lambda: nn.RMSprop([{"params": "layer2", "rho": 0.5}], lr=0.01, clip_norm=0.1),
        lambda: nn.Adagrad([{"params": "layer3.W", "lr": nn.StepDecay(0.1, 5)}], lr=0.01),
        lambda: Signs([{"params": "layer1", "lr": 0.5}], lr=0.01),
    ],
)
def test_groups_have_the_same_bits_on_every_way(make: Any, monkeypatch: Any) -> None:
    X, y = data(90, 3, 2)
    assert_same(net, X, y, monkeypatch, optimizer=make, epochs=3, batch_size=16)

    def model() -> nn.MLP:
        made = net()
        made.freeze("layer2.W")
        return made

    class Listener:
        def on_update(self, run: Any) -> None:
            if run.updates == 5:
                run.optimizer.param_groups[0]["lr"] = 0.002

    assert_same(model, X, y, monkeypatch, optimizer=make, epochs=3, batch_size=16, callbacks=Listener())


@needs_compiler
def test_groups_and_frozen_parameters_make_whole_updates(monkeypatch: Any) -> None:
    X, y = data(90, 3, 2)
    make = lambda: nn.Adam([{"params": "layer1", "lr": 0.1}])  # noqa: E731
    _, run = trained(frozen_net, X, y, False, monkeypatch, optimizer=make, epochs=2)
    assert run.updater.trained_on == "a Program, whole updates"


@needs_compiler
def test_layers_may_thaw_during_a_run_on_programs(monkeypatch: Any) -> None:
    """Gradual unfreezing, from a callback."""
    X, y = data(90, 3, 2)

    def thaw(run: Any) -> None:
        if run.epoch == 2:
            run.model.unfreeze("layer1")

    options = {"optimizer": lambda: nn.AdamW(lr=0.01), "epochs": 5, "batch_size": 16, "callbacks": thaw}
    assert_same(frozen_net, X, y, monkeypatch, **options)
    before = [p.data for p in net().layers[0].parameters()]
    model = frozen_net()
    nn.fit(model, X, y, **{**options, "optimizer": nn.AdamW(lr=0.01)})
    assert all(p.data != start for p, start in zip(model.layers[0].parameters(), before, strict=True))


def test_a_checkpoint_keeps_groups_and_what_is_frozen(tmp_path: Path) -> None:
    X, y = data(90, 3, 2)

    def change(run: Any) -> None:
        if run.epoch == 2:
            run.model.unfreeze("layer1")
            run.optimizer.param_groups[0]["lr"] = 0.003

    def run_of(epochs: int, model: nn.MLP, **options: Any) -> list[float]:
        optimizer = nn.AdamW([{"params": "layer3", "lr": 0.1, "weight_decay": 0.5}], lr=0.01)
        nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, seed=3, callbacks=change, **options)
        return [p.data for p in model.parameters()]

    whole = run_of(6, frozen_net())
    run_of(3, frozen_net(), checkpoint=tmp_path / "run")
    resumed = frozen_net()
    assert run_of(6, resumed, checkpoint=tmp_path / "run", resume=True) == whole
    assert len(resumed.frozen_parameters()) == 5


def test_groups_step_as_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    ours = [Value(v) for v in (0.5, -1.0, 2.0, 0.25)]
    theirs = torch.tensor([0.5, -1.0, 2.0, 0.25], dtype=torch.float64)
    parts = [theirs[:2].clone().requires_grad_(), theirs[2:].clone().requires_grad_()]
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1}
    mine = nn.AdamW(
        [{"params": ours[:2], "lr": 0.2, "betas": (0.5, 0.9)}, {"params": ours[2:], "weight_decay": 0.0}],
        **options,
    )
    peer = torch.optim.AdamW(
        [{"params": [parts[0]], "lr": 0.2, "betas": (0.5, 0.9)}, {"params": [parts[1]], "weight_decay": 0.0}],
        **options,
    )
    for k in range(10):
        if k == 5:
            mine.param_groups[1]["lr"] = peer.param_groups[1]["lr"] = 0.3
        for value in ours:
            value.zero_grad()
        sum(value * value * value for value in ours).backward()  # type: ignore[union-attr]
        peer.zero_grad()
        sum((part**3).sum() for part in parts).backward()  # type: ignore[union-attr]
        mine.step()
        peer.step()
        found = np.concatenate([part.detach().numpy() for part in parts])
        assert [v.data for v in ours] == pytest.approx(found.tolist(), rel=1e-14)


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ([{"lr": 1.0}], 'a group of parameters is a dict with "params"'),
        ([{"params": "layer1", "rate": 1.0}], "no number of a group is named 'rate'"),
        ([{"params": "layer1", "clip_norm": 1.0}], "no number of a group is named 'clip_norm'"),
        ([{"params": "layer1", "lr": -1.0}], "a learning rate must be a finite number"),
        ([{"params": "layer1", "betas": (0.9, 2.0)}], "beta2 must be a number in"),
        ([{"params": "layer1"}, {"params": "*.b"}], "parameter layer1.b.0. is in two groups"),
        ([{"params": "layer7"}], "no parameter is named 'layer7'"),
        ([{"params": ["layer1", Value(1.0)]}], "are Values, or names and patterns"),
    ],
)
def test_groups_that_cannot_be_are_refused(groups: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        nn.fit(net(), *data(10, 3, 2), optimizer=nn.Adam(groups))
    with pytest.raises(InputError, match="a group of SGD needs velocity"):
        nn.SGD([{"params": "layer1", "momentum": 0.9}])


def test_shared_weights_have_every_name_of_theirs() -> None:
    model = nn.MLP(3, [3, 3, 2], seed=1)
    model.layers[1].tie(model.layers[0])
    first = {id(value) for row in model.layers[0].W for value in row}
    for name in ("layer1.W", "layer2.W"):
        model.freeze(name)
        assert {id(value) for value in model.frozen_parameters()} == first
        model.unfreeze(name)
        optimizer = nn.SGD([{"params": name, "lr": 0.0}], lr=0.1)
        before = model.state_dict()
        nn.fit(model, np.eye(3), [0, 1, 0], optimizer=optimizer, epochs=1, seed=1)
        after = model.state_dict()
        assert [key for key in before if (before[key] == after[key]).all()] == ["layer1.W", "layer2.W"]
    with pytest.raises(InputError, match=r"layer[12]\.W\[0\]\[0\] is in two groups"):
        nn.fit(
            model,
            np.eye(3),
            [0, 1, 0],
            optimizer=nn.SGD([{"params": "layer1.W"}, {"params": "layer2.W"}], lr=0.1),
            seed=1,
        )


def test_parts_that_are_taken_out_stay_frozen() -> None:
    base = nn.MLP(3, [4, 2], seed=1)
    base.freeze("layer1")
    head = nn.Layer(4, 2, nonlin=False, seed=2)
    model = nn.Sequential(base.layers[0], head)
    assert set(map(id, model.frozen_parameters())) == set(map(id, base.layers[0].parameters()))
    before = base.layers[0].state_dict()
    nn.fit(model, np.eye(3), [0, 1, 0], epochs=2, seed=1)
    assert all((before[key] == found).all() for key, found in base.layers[0].state_dict().items())
    base.unfreeze("layer1.b")
    weights = {id(value) for row in base.layers[0].W for value in row}
    assert set(map(id, model.frozen_parameters())) == weights


def test_a_group_without_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="group 1 has no parameters"):
        nn.fit(nn.MLP(3, [2], seed=1), np.eye(3), [0, 1, 0], optimizer=nn.SGD([{"params": []}], lr=0.1))


def test_no_names_freeze_nothing() -> None:
    model = net()
    for method in (model.freeze, model.unfreeze):
        with pytest.raises(InputError, match="has nothing to"):
            method()
    assert model.freeze([]) == []
    assert model.freeze(["layer1.b", "layer3.b"]) == model.freeze(("layer1.b",), [])
    assert len(model.unfreeze([])) == len(model.freeze([])) > 0
    assert model.unfreeze(["*"]) == []


def test_a_run_is_not_resumed_with_another_freezing(tmp_path: Any) -> None:
    X, y = data(20, 3, 2)

    def run(model: nn.MLP, epochs: int, **options: Any) -> nn.History:
        return nn.fit(model, X, y, epochs=epochs, seed=1, checkpoint=tmp_path / "run", **options)

    frozen = nn.MLP(3, [4, 2], seed=1)
    frozen.freeze("layer1.W", "layer2.b[0]")
    run(frozen, 2)
    for names in ([], ["layer1.W"], ["*.b"]):
        model = nn.MLP(3, [4, 2], seed=1)
        model.freeze(names)
        before = model.state_dict()
        with pytest.raises(InputError, match=r"frozen: \['layer1.W', 'layer2.b\[0\]'\] there, \["):
            run(model, 4, resume=True)
        assert all((before[name] == now).all() for name, now in model.state_dict().items())
        assert len(model.frozen_parameters()) == (0 if not names else 12 if names == ["layer1.W"] else 6)
    same = nn.MLP(3, [4, 2], seed=1)
    same.freeze("layer1.W", "layer2.b[0]")
    run(same, 4, resume=True)


def test_a_run_whose_callback_freezes_goes_on_from_either_model(tmp_path: Any) -> None:
    X, y = data(20, 3, 2)

    def freeze(run: Any) -> None:
        if run.epoch == 2:
            run.model.freeze("layer1")

    def trained(model: nn.MLP, epochs: int, **options: Any) -> list[float]:
        optimizer = nn.Adam(lr=0.1)
        nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, seed=1, callbacks=freeze, **options)
        return [p.data for p in model.parameters()]

    whole = trained(nn.MLP(3, [4, 2], seed=1), 6)
    for number in range(2):
        model, file = nn.MLP(3, [4, 2], seed=1), tmp_path / str(number)
        trained(model, 3, checkpoint=file)
        trained(model, 4, checkpoint=file, resume=True)  # of the model that the callback has frozen
        fresh = nn.MLP(3, [4, 2], seed=1) if number else model
        assert trained(fresh, 6, checkpoint=file, resume=True) == whole


@pytest.mark.parametrize("way", ["program", "listening", "eager", "own rule"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_counts_the_updates_of_each_parameter_as_pytorchs_does(way: str, decay: float) -> None:
    torch = pytest.importorskip("torch")
    X, y = data(24, 3, 2)
    model = nn.MLP(3, [4, 4, 2], activation="tanh", seed=1)
    plan = {
        0: ["layer1"],
        2: ["layer1.W", "layer3.b"],
        3: [],
        5: ["layer2"],
    }  # what is frozen from an epoch on

    class Callback:
        def __call__(self, run: Any) -> None:
            if run.epoch in plan:
                run.model.unfreeze("*")
                run.model.freeze(plan[run.epoch])

    class Listening(Callback):
        def on_update(self, run: Any) -> None:
            pass

    class Own(nn.AdamW):
        def step(self) -> None:
            super().step()

    parts = []
    for layer in model.layers:
        parts.append(torch.nn.Linear(layer.nin, layer.nout).double())
        with torch.no_grad():
            parts[-1].weight.copy_(torch.tensor(np.array([[w.data for w in row] for row in layer.W])))
            parts[-1].bias.copy_(torch.tensor(np.array([b.data for b in layer.b])))
    named = {
        f"layer{k}.{n}": p
        for k, part in enumerate(parts, 1)
        for n, p in zip("Wb", part.parameters(), strict=True)
    }
    peer = torch.optim.AdamW(named.values(), lr=0.05, weight_decay=decay)
    for epoch in range(7):
        if epoch in plan:
            for name, parameter in named.items():
                on = not any(name == it or name.startswith(f"{it}.") for it in plan[epoch])
                parameter.requires_grad_(on)
        for start in range(0, 24, 8):
            peer.zero_grad()
            h = torch.tensor(X[start : start + 8])
            for part in parts[:-1]:
                h = torch.tanh(part(h))
            torch.nn.functional.cross_entropy(parts[-1](h), torch.tensor(y[start : start + 8])).backward()
            peer.step()
    model.freeze(plan[0])
    optimizer = (Own if way == "own rule" else nn.AdamW)(lr=0.05, weight_decay=decay)
    loss = (lambda f, t: nn.cross_entropy(f, int(float(t)))) if way == "eager" else "cross_entropy"
    nn.fit(
        model, X, y, loss=loss, optimizer=optimizer, epochs=7, batch_size=8, seed=1, shuffle=False,
        callbacks=Listening() if way == "listening" else Callback(),
    )  # fmt: skip
    for name, tensor in model.named_tensors():
        found = np.array(
            [[w.data for w in row] for row in tensor] if name[-1] == "W" else [b.data for b in tensor]
        )
        assert np.abs(found - named[name].detach().numpy()).max() < 1e-12, name


def test_missed_updates_are_kept_in_states_and_checkpoints(tmp_path: Any) -> None:
    X, y = data(20, 3, 2)

    def thaw(run: Any) -> None:
        if run.epoch == 2:
            run.model.unfreeze("*")

    def trained(epochs: int, **options: Any) -> tuple[list[float], Any]:
        model, optimizer = nn.MLP(3, [4, 2], seed=1), nn.Adam(lr=0.1)
        model.freeze("layer1")
        nn.fit(model, X, y, optimizer=optimizer, epochs=epochs, seed=1, callbacks=thaw, **options)
        return [p.data for p in model.parameters()], optimizer

    whole, optimizer = trained(6)
    assert optimizer.state_dict()["missed"] == [2] * 16 + [0] * 10
    trained(4, checkpoint=tmp_path / "run")
    resumed, again = trained(6, checkpoint=tmp_path / "run", resume=True)
    assert resumed == whole
    assert again.state_dict() == optimizer.state_dict()
    fresh = nn.Adam(optimizer.parameters, lr=0.1)
    fresh.load_state_dict(optimizer.state_dict())
    g = np.linspace(-1.0, 1.0, 26)
    assert fresh.proposal(whole, g)[0].tolist() == optimizer.proposal(whole, g)[0].tolist()


@needs_compiler
def test_the_rate_in_the_history_is_the_optimisers_own_after_a_thaw(monkeypatch: Any) -> None:
    X, y = data(90, 3, 2)

    def thaw(run: Any) -> None:
        if run.epoch == 1:
            run.model.unfreeze("layer1.b")

    def make() -> nn.Adam:
        return nn.Adam([{"params": "layer1.b", "lr": 0.03}], lr=nn.StepDecay(0.1, 7))

    assert_same(frozen_net, X, y, monkeypatch, optimizer=make, epochs=3, batch_size=16, callbacks=thaw)


TEXTS = [
    "layer1.W[0][1]",
    "layer1.W[1]*",
    "*[1]",
    "*.b",
    "layer1",
    "layer1.W",
    "*",
    "layer?.b[1]",
    "*W*",
    "layer2.*",
]


@pytest.mark.parametrize("wide", [3, 130])
def test_a_text_freezes_the_parameters_whose_names_it_fits(wide: int) -> None:
    names = [name for name, _ in nn.MLP(wide, [3, 2], seed=1).named_parameters()]
    for text in TEXTS:
        model = nn.MLP(wide, [3, 2], seed=1)
        pattern = text.replace("[", "[[]")
        fitting = [
            name
            for name in names
            if name.startswith((f"{text}.", f"{text}["))
            or any(fnmatch.fnmatchcase(part, pattern) for part in (name, name.partition("[")[0]))
        ]
        assert fitting
        assert model.freeze(text) == fitting
        assert [name for name, p in model.named_parameters() if p in model.frozen_parameters()] == fitting
        assert model.freeze("layer2.b") == [n for n in names if n in fitting or n.startswith("layer2.b")]
        left = [n for n in names if n not in fitting and n.startswith("layer2.b")]
        assert model.unfreeze(text) == left


def test_parameters_that_a_module_adds_to_its_tensors_are_frozen_by_their_names() -> None:
    class Adds(nn.MLP):
        def parameters(self) -> list[Value]:
            return [*super().parameters(), self._hidden]

    model = Adds(1, [1], seed=1)
    object.__setattr__(model, "_hidden", Value(1.0))
    assert model.freeze("parameter2") == ["parameter2"]
    assert model.frozen_parameters() == [vars(model)["_hidden"]]
    assert model.freeze("*") == ["layer1.W[0][0]", "layer1.b[0]", "parameter2"]
    assert model.unfreeze("layer1") == ["parameter2"]


def test_many_names_are_looked_up_and_not_compared_with_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, fits = [], groups._fits
    monkeypatch.setattr(groups, "_fits", lambda *names: compared.append(names) or fits(*names))
    model = nn.MLP(6, [12, 2], seed=1)
    names = [name for name, _ in model.named_parameters()]
    assert model.freeze(names[3:90]) == names[3:90]
    left = [n for n in (*names[3:5], *names[40:90]) if n.startswith("layer1.W")]
    assert model.unfreeze([*names[5:40], "layer2", "layer1.b", *["*.b"] * 2]) == left
    optimizer = nn.Adam([{"params": names[10:60], "lr": 0.5}, {"params": [*names[:9], *["layer2"] * 9]}])
    optimizer.bind(model.parameters(), model.named_parameters)
    numbers = optimizer.groups()[1].tolist()
    assert [n for n, k in zip(names, numbers, strict=True) if k == 1] == names[10:60]
    assert [n for n, k in zip(names, numbers, strict=True) if k == 2] == names[:9] + names[84:]
    assert all(n.startswith("layer2") == (k >= 84) for k, n in enumerate(names))
    assert len(compared) < 1000
    with pytest.raises(InputError, match=r"no parameter is named 'layer9.W\[0\]\[0\]'"):
        model.freeze([*names[:30], "layer9.W[0][0]"])


@pytest.mark.parametrize("before", [0, 2])
def test_groups_of_values_may_come_in_any_order(before):
    X, y = [[0.5, -1.0], [1.0, 2.0], [0.0, 1.0]], [0, 1, 1]

    def trained(in_order):
        model = nn.MLP(2, [3, 2], seed=1)
        groups = [
            {"params": model.layers[1].parameters(), "lr": 0.1},
            {"params": model.layers[0].parameters(), "betas": (0.8, 0.9)},
        ]
        if in_order:
            optimizer = nn.Adam([{**groups[1], "lr": 0.01}, groups[0]], lr=0.01)
        else:
            optimizer = nn.Adam(groups, lr=0.01)
        for _ in range(before):
            nn.objective(model, X, y).backward()
            optimizer.step()
            optimizer.zero_grad()
        nn.fit(model, X, y, optimizer=optimizer, epochs=5, seed=1)
        return [p.data for p in model.parameters()]

    assert trained(True) == trained(False)
