"""What `jit` looks at beside a function's arguments."""

from __future__ import annotations

import array
import dataclasses
import functools
import gc
import importlib
import sys
import threading
import types
import unittest.mock
import weakref
from collections import ChainMap, OrderedDict, UserDict, deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.libraries import library_of
from autograd_core.programs import jit


class Settings:
    def __init__(self, **entries: Any):
        vars(self).update(entries)


def twice(x: Any) -> Any:
    return x * 2.0


def thrice(x: Any) -> Any:
    return x * 3.0


def thrice_of(self: Any, x: Any) -> Any:
    return x * 3.0


class Point:
    __match_args__ = ("scale",)

    def __init__(self, scale: float):
        self.scale = scale


class Scale:
    """A layer."""

    def __init__(self, scale: float):
        self.scale = scale

    def __call__(self, x: Any) -> Any:
        return x * self.scale

    def forward(self, x: Any) -> Any:
        return self(x)


def lists_and_the_like() -> Iterator[tuple[str, Any, Any]]:
    """Yield a name, a function, and what changes something that it reads."""
    functions: list[Any] = [twice, twice]
    yield "list of functions", lambda x: functions[1](x), lambda: functions.__setitem__(1, thrice)
    layers = [Scale(2.0), Scale(1.0)]
    yield "list of objects", lambda x: layers[0](layers[1](x)), lambda: layers.__setitem__(1, Scale(4.0))
    again = [Scale(2.0)]
    yield "object in a list", lambda x: again[0](x), lambda: setattr(again[0], "scale", 5.0)
    held = (Scale(2.0),)
    yield "object in a tuple", lambda x: held[0].forward(x), lambda: setattr(held[0], "scale", 5.0)
    matrix = [[1.0, 2.0], [3.0, 4.0]]
    yield "list of lists", lambda x: x * matrix[1][0], lambda: matrix[1].__setitem__(0, 7.0)
    named: dict[Any, Any] = {1: 2.0, "f": twice}
    yield "dict by a number", lambda x: x * named[1], lambda: named.update({1: 5.0})
    which = "f"
    yield "dict by a variable", lambda x: named[which](x), lambda: named.update(f=thrice)
    ordered = OrderedDict(a=twice, b=thrice)
    yield "first of a dict", lambda x: next(iter(ordered.values()))(x), lambda: ordered.move_to_end("a")
    queue = deque([twice])
    yield "deque of functions", lambda x: queue[0](x), lambda: queue.__setitem__(0, thrice)
    proxy, behind = types.MappingProxyType(inner := {"scale": 2.0}), inner
    yield "proxy of a dict", lambda x: x * proxy["scale"], lambda: behind.update(scale=5.0)
    chain = ChainMap({"a": 1.0}, {"scale": 2.0})
    yield "chain of dicts", lambda x: x * chain["scale"], lambda: chain.maps[0].update(scale=5.0)
    users = UserDict({"scale": 2.0})
    yield "UserDict", lambda x: x * users["scale"], lambda: users.update(scale=5.0)
    numbers = array.array("d", [2.0])
    yield "array of Python", lambda x: x * numbers[0], lambda: numbers.__setitem__(0, 5.0)
    objects = np.array([Scale(2.0)])
    yield "array of objects", lambda x: objects[0](x), lambda: objects.__setitem__(0, Scale(5.0))
    columns = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=object).T
    yield "view of objects", lambda x: x * columns[0, 1], lambda: columns.__setitem__((0, 1), 7.0)
    memory = memoryview(bytearray(b"ab"))
    yield "memoryview", lambda x: x * memory[1], lambda: memory.__setitem__(1, 7)
    key, entries = ["scale"], {"scale": 2.0, "named": 1.0}
    yield "key in a list", lambda x: x * entries[key[0]] * entries["named"], lambda: entries.update(scale=5.0)
    config = type("Config", (dict,), {"__getattr__": dict.__getitem__})(scale=2.0, named=1.0)
    yield (
        "attributes of a dict",
        lambda x: x * config.scale * config["named"],
        lambda: config.update(scale=5.0),
    )
    context = ContextVar("context", default=2.0)
    yield "context variable", lambda x: x * context.get(), lambda: context.set(5.0)
    empty: dict[Any, Any] = {}
    yield "empty dict", lambda x: x + len(empty), lambda: empty.update({1: 1})


def functions_and_methods() -> Iterator[tuple[str, Any, Any]]:
    keywords: dict[str, Any] = {}
    layer = Scale(2.0)
    partial = functools.partial(lambda layer, x: layer(x), layer)
    yield "partial's argument", partial, lambda: setattr(layer, "scale", 5.0)
    by_name = functools.partial(lambda x, k: x * k, k=2.0)
    yield "partial's keyword", lambda x: by_name(x), lambda: by_name.keywords.update(k=5.0)

    def with_default(x: Any, *, k: float = 2.0) -> Any:
        return x * k

    yield "__kwdefaults__", with_default, lambda: with_default.__kwdefaults__.update(k=5.0)
    constants = {"static": 2.0, "class": 2.0, "property": 2.0, "operator": 2.0, "inner": 2.0}

    class Model:
        factor = 2.0

        @staticmethod
        def static(x: Any) -> Any:
            return x * constants["static"]

        @classmethod
        def of_class(cls, x: Any) -> Any:
            return x * cls.factor

        @property
        def scale(self) -> float:
            return constants["property"]

        def __matmul__(self, x: Any) -> Any:
            return x * constants["operator"]

    model = Model()
    yield "static method", lambda x: model.static(x), lambda: constants.update(static=5.0)
    yield "class method", lambda x: model.of_class(x), lambda: setattr(Model, "factor", 5.0)
    yield "property", lambda x: x * model.scale, lambda: constants.update(property=5.0)
    yield "operator", lambda x: model @ x, lambda: constants.update(operator=5.0)
    outer = Settings(model=Settings(layer=Scale(2.0)))
    yield (
        "an attribute's attribute's method",
        lambda x: outer.model.layer.forward(x),
        lambda: setattr(outer.model.layer, "scale", 5.0),
    )
    one = Scale(2.0)
    yield "method of an instance", lambda x: one.forward(x), lambda: setattr(one, "forward", thrice)
    other = Settings(scale=2.0)
    yield "__dict__", lambda x: x * other.scale, lambda: setattr(other, "__dict__", {"scale": 5.0})
    kind = Scale(2.0)
    louder = type("Louder", (Scale,), {"__call__": lambda self, x: x * self.scale * 3.0})
    yield "__class__", lambda x: kind(x), lambda: setattr(kind, "__class__", louder)
    target = Scale(2.0)
    stand_in = weakref.proxy(target)
    yield "proxy", lambda x: stand_in(x), lambda: setattr(target, "scale", 7.0)
    sub = type("Sub", (Scale,), {})(2.0)
    yield (
        "method that is hidden later",
        lambda x: sub.forward(x),
        lambda: setattr(type(sub), "forward", thrice_of),
    )
    number = type("Number", (float,), {})(2.0)
    number.scale = 2.0
    yield "attribute of a number", lambda x: x * number.scale, lambda: setattr(number, "scale", 5.0)
    module = types.ModuleType("module")
    state = [2.0]
    module.__getattr__ = lambda name: state[0]  # type: ignore[method-assign]
    yield "__getattr__ of a module", lambda x: x * module.scale, lambda: state.__setitem__(0, 5.0)
    point = Point(2.0)

    def matched(x: Any) -> Any:
        match point:
            case Point(a):
                return x * a

    yield "pattern", matched, lambda: setattr(point, "scale", 5.0)
    reference = weakref.ref(target)
    yield "weak reference", lambda x: reference()(x), lambda: setattr(target, "scale", 5.0)  # type: ignore[misc]

    def coded(x: Any) -> Any:
        return x * 2.0

    yield "__code__", lambda x: coded(x), lambda: setattr(coded, "__code__", thrice.__code__)
    cell = [Scale(2.0)]
    method = cell[0].forward
    yield "bound method", lambda x: method(x), lambda: setattr(cell[0], "scale", 5.0)
    get = keywords.setdefault("get", {"k": 2.0}).get
    yield "method of a dict", lambda x: x * get("k"), lambda: keywords["get"].update(k=5.0)
    module: Any = types.ModuleType("outer")
    module.inner = types.ModuleType("inner")
    module.inner.scale = 2.0
    yield "module in a module", lambda x: x * module.inner.scale, lambda: setattr(module.inner, "scale", 5.0)


@pytest.mark.parametrize("changes", [lists_and_the_like, functions_and_methods])
def test_what_a_function_reads_is_looked_at(changes: Callable[[], Iterator[tuple[str, Any, Any]]]) -> None:
    for name, f, change in changes():
        found = jit(f)
        before = found(2.0)
        assert before == f(ag.Value(2.0)).data, name
        program = found.program(2.0)
        assert found.program(3.0) is program, name
        change()
        after = f(ag.Value(2.0)).data
        assert after != before, name
        assert found(2.0) == after, name
        assert found.program(2.0) is not program, name
        program = found.program(2.0)
        assert found.program(3.0) is program, name


def test_what_is_called_is_followed_through_objects_and_lists() -> None:
    """A model of layers, and a Value in the place of a number anywhere within."""
    model = Settings(layers=[Scale(2.0), Settings(inner=(Scale(3.0),))])
    f = jit(lambda x: model.layers[1].inner[0](model.layers[0].forward(x)))
    assert f(1.0) == 6.0
    model.layers[1].inner[0].scale = w = ag.Value(5.0)
    assert f(1.0) == 10.0
    assert f.grad(1.0, wrt=w) == 2.0
    model.layers.reverse()
    model.layers.reverse()
    assert f(1.0) == 10.0
    assert f._renewals == 1


def test_what_no_code_reads_is_not_looked_at() -> None:
    state = {"w": ag.Value(2.0), "step": 0, "log": []}
    model = Settings(w=ag.Value(3.0), step=0, log=[], last=None)

    def f(x: Any) -> Any:
        model.last = x
        return x * state["w"] * model.w

    found = jit(f)
    for step in range(5):
        assert found(1.0) == 6.0
        state["step"] = model.step = step
        state["log"] = [step]
        model.log.append(step)
        model.last = step
    assert found._renewals == 0


def test_objects_are_not_asked_what_they_are() -> None:
    """What is no number by its type is compared by identity: no method of its own is run."""

    class Pretends:
        @property
        def __class__(self) -> Any:
            return float

        def __repr__(self) -> str:
            raise AssertionError("asked")

        __eq__ = __repr__  # type: ignore[assignment]

    held = Settings(thing=Pretends(), other=unittest.mock.MagicMock(spec=float))
    f = jit(lambda x: x if held.thing is not None and held.other is not None else -x)
    assert f(2.0) == f(2.0) == 2.0
    program = f.program(2.0)
    held.thing = Pretends()
    assert f.program(2.0) is not program
    held.thing = None
    assert f(2.0) == -2.0


def test_a_number_that_cannot_be_written_is_compared() -> None:
    large = [10**5000, "a" * 10**6]
    f = jit(lambda x: x if large[0] > 0 else -x)
    assert f(2.0) == 2.0
    program = f.program(2.0)
    large[:] = [10**4999 * 10, "a" * 10**6]
    assert f.program(2.0) is program
    large[0] = -(10**5000)
    assert f(2.0) == -2.0


def test_of_long_lists_only_the_values_are_looked_at() -> None:
    numbers = [1.0] * 10**6
    objects: list[Any] = [Scale(1.0) for _ in range(2000)]
    weights = [ag.Value(1.0) for _ in range(2000)]
    f = jit(lambda x: x * numbers[0] + weights[5] * x + objects[7](x))
    assert f(1.0) == 3.0
    watch = next(iter(f._programs.values())).watch
    assert len(watch._compared[-1]) < 3000
    weights[5] = ag.Value(2.0)
    assert f(1.0) == 4.0
    objects[7].scale = ag.Value(5.0)


def make_weight() -> ag.Value:
    return ag.Value(3.0)


cached_weight = functools.lru_cache(make_weight)


def test_values_that_are_not_found_are_told_once() -> None:
    first, second = (iter([ag.Value(n)] * 10**6) for n in (2.0, 3.0))
    f = jit(lambda x: next(first) * x if x > 0.0 else next(second) * x)
    with pytest.warns(RuntimeWarning, match=r"<lambda> reads 1 Values that jit does not find"):
        assert f(1.0) == 2.0
    assert [f(-1.0), f(1.0), f(-2.0), f(2.0)] == [-3.0, 2.0, -6.0, 4.0]
    assert f._renewals <= 1
    cached_weight()
    with pytest.warns(RuntimeWarning, match="does not find"):
        assert jit(lambda x: cached_weight() * x)(1.0) == 3.0


def test_ordinary_values_are_all_found() -> None:
    """Made within the function, lazily, computed before, in a generator's list: no warning."""
    w = ag.Value(2.0)
    square = w * w
    lazy = Settings(w=None, square=square, names=["a", "b"], a=ag.Value(1.0), b=ag.Value(2.0))

    def f(x: Any) -> Any:
        if lazy.w is None:
            lazy.w = ag.Value(5.0)
        by_name = sum((getattr(lazy, name) for name in lazy.names), ag.Value(0.5))
        return x * square + lazy.w * ag.Value(2.0) + sum(vars(lazy)[n] for n in "ab") + by_name + lazy.square

    found = jit(f)
    assert found(1.0) == f(1.0).data
    lazy.w, lazy.a = ag.Value(6.0), ag.Value(7.0)
    assert found(1.0) == f(1.0).data
    w.data = 3.0
    square = w * w
    lazy.square = square
    assert found(1.0) == f(1.0).data


def test_modules_that_are_imported_inside_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("some_settings")
    module.scale, module.w = 2.0, ag.Value(1.0)
    monkeypatch.setitem(sys.modules, "some_settings", module)

    def f(x: Any) -> Any:
        import some_settings  # type: ignore[import-not-found]

        return x * some_settings.scale * some_settings.w

    found = jit(f)
    assert found(1.0) == 2.0
    module.scale = 5.0
    assert found(1.0) == 5.0
    module.w = ag.Value(2.0)
    assert found(1.0) == 10.0


def test_a_users_module_that_is_called_like_one_of_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "colorsys.py"
    path.write_text("scale = 2.0\ndef scaled(x):\n    return x * scale\nclass Scaled:\n    pass\n")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    import colorsys

    mine: Any = colorsys
    assert mine.__file__ == str(path)
    assert [library_of(one) for one in (mine, mine.scaled, mine.Scaled)] == ["", "", ""]
    assert [library_of(one) for one in (dataclasses, np.ndarray, ag.grad, sys, functools.partial)] == [
        *("dataclasses", "numpy", "autograd_core", "sys", "functools")
    ]
    f = jit(lambda x: mine.scaled(x))
    assert f(1.0) == 2.0
    mine.scale = 5.0
    assert f(1.0) == 5.0
    del sys.modules["colorsys"]


def test_equal_numbers_that_are_assigned_anew_are_no_change() -> None:
    settings = Settings(a=0.0, b=np.float64(0.5), c="", d=0j, e=b"")
    f = jit(lambda x: x * settings.b if (settings.a, settings.c, settings.d, settings.e) else x)
    for _ in range(5):
        settings.a, settings.b, settings.d = float("1.5"), np.float64("0.5"), complex("1j")
        settings.c, settings.e = "".join(["te", "xt"]), b"".join([b"te", b"xt"])
        assert f(2.0) == 1.0
    assert f._renewals == 0


def test_what_another_thread_replaces_meanwhile_is_looked_at() -> None:
    settings, asked, done, over = Settings(scale=2.0), *(threading.Event() for _ in range(3))

    def f(x: Any) -> Any:
        y = x * settings.scale
        asked.set()
        done.wait()
        return y

    def other() -> None:
        asked.wait()
        settings.scale = 5.0
        done.set()
        over.wait()

    thread = threading.Thread(target=other)
    thread.start()
    found = jit(f)
    assert found(1.0) == 5.0
    settings.scale = 7.0
    assert found(1.0) == 7.0
    over.set()
    thread.join()


def test_a_number_in_the_place_of_a_value_that_equals_it_is_no_value() -> None:
    w = ag.Value(2.0)
    weights: list[Any] = [w, w]
    f = jit(lambda x: x * weights[0])
    assert f(1.0) == 2.0
    weights[0] = 2.0
    w.data = 9.0
    assert f(1.0) == 2.0


@pytest.mark.parametrize("count", [1000, 1001])
def test_a_thousand_items_are_looked_at_and_no_more(count: int) -> None:
    held: list[tuple[Any, Any]] = [([1.0] * count, 0), (dict.fromkeys(range(count), 1.0), 0)]
    held += [(deque([1.0] * count), 0), (array.array("d", [1.0] * count), 0)]
    held += [(np.ones(count, dtype=kind), 0) for kind in (float, complex, np.float32, np.longdouble, int)]
    held += [([twice] * count, 0), (dict.fromkeys(range(count), twice), 0)]
    for container, key in held:
        f = jit(lambda x, c=container, k=key: x if c[k] in (1.0, twice) else -x)
        assert f(2.0) == 2.0
        container[key] = thrice if container[key] is twice else 5.0
        assert f(2.0) == (-2.0 if count <= 1000 else 2.0), type(container)


def test_arrays_of_other_things_are_looked_at() -> None:
    mixed = np.array([(1.0, None)], dtype=[("a", "f8"), ("b", "O")])
    dates, texts, raw = np.zeros(2, dtype="M8[s]"), np.array(["a", "b"]), bytearray(b"a")
    for container, other in ((dates, 5), (texts, "c"), (raw, 98), (mixed["a"], 2.0), (mixed["b"], "c")):
        f = jit(lambda x, c=container, before=container[0]: x if c[0] == before else -x)
        assert f(2.0) == 2.0
        container[0] = other
        assert f(2.0) == -2.0


def test_what_the_first_call_makes_is_looked_at() -> None:
    class Lazy:
        weights: Any = None

        def __call__(self, x: Any) -> Any:
            if self.weights is None:
                self.weights, self.factors = [ag.Value(2.0)], [1.0]
            return self.weights[0] * self.factors[0] * x

    model = Lazy()
    f = jit(model)
    assert f(1.0) == 2.0
    model.weights[0].data = 3.0
    assert f(1.0) == 3.0
    assert f.sum_value_and_grad([2.0], wrt=model.weights) == (6.0, [2.0])
    model.factors[0] = 2.0
    assert f(1.0) == 6.0
    model.weights = [ag.Value(5.0)]
    assert f(1.0) == 10.0


def test_a_value_that_the_first_call_makes_where_nothing_was_has_its_gradient() -> None:
    class Lazy:
        def __init__(self) -> None:
            self.b = ag.Value(1.0)

        def __call__(self, x: Any) -> Any:
            if not hasattr(self, "w"):
                self.w = ag.Value(2.0)
            return self.w * x + self.b

    model = Lazy()
    f = jit(model)
    assert f(3.0) == 7.0
    assert f.grad(3.0, wrt=[model.w, model.b]) == [3.0, 1.0]
    model.w.data = 5.0
    assert f(3.0) == 16.0


def test_the_code_of_an_installed_package_is_followed_from_its_own_functions_only(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "a_package.py").write_text("SCALE = 2.0\ndef scaled(x):\n    return SCALE * x\n")
    monkeypatch.syspath_prepend(str(folder))
    package = importlib.import_module("a_package")
    theirs, mine = jit(package.scaled), jit(lambda x: package.scaled(x))
    assert theirs(1.0) == mine(1.0) == 2.0
    package.SCALE = 3.0
    assert theirs(1.0) == 3.0
    assert mine(1.0) == 2.0  # as the docs say: else a plot's library would be walked through
    del sys.modules["a_package"]


def test_class_methods_are_jitted() -> None:
    class Model:
        scale = 2.0

        @classmethod
        @jit
        def forward(cls, x: Any) -> Any:
            return x * cls.scale

    class Other(Model):
        scale = 3.0

    assert [Model.forward(1.0), Other.forward(1.0), Model().forward(1.0)] == [2.0, 3.0, 2.0]
    Model.scale = 5.0
    assert [Model.forward(1.0), Other.forward(1.0)] == [5.0, 3.0]


def test_what_is_made_in_a_branch_that_is_met_later_is_looked_at() -> None:
    settings = Settings()

    def f(x: Any) -> Any:
        if x > 2.0:
            if not hasattr(settings, "scale"):
                settings.scale = 3.0
            return x * settings.scale
        return x

    jitted = jit(f)
    assert [jitted(x) for x in (1.0, 3.0, 1.0, 3.0)] == [1.0, 9.0, 1.0, 9.0]
    settings.scale = 7.0
    assert [jitted(x) for x in (1.0, 3.0)] == [1.0, 21.0]


def a_state() -> tuple[Any, Callable[[Any], Any]]:
    settings = Settings(scale=2.0, count=0)

    def f(x: Any) -> Any:
        settings.count += 1
        settings.state = Settings(x=x)
        if x > 2.0:
            settings.state.y = settings.state.x * settings.scale
            return settings.state.y
        return x * 3.0

    return settings, f


def one_for_each_branch() -> tuple[Any, Callable[[Any], Any]]:
    settings = Settings(scale=2.0)

    def f(x: Any) -> Any:
        settings.count = getattr(settings, "count", 0) + 1
        for bound in range(3):
            if x > bound:
                setattr(settings, "abc"[bound], Settings())
        return x * settings.scale if settings.a and x > 2.0 else x * 3.0

    return settings, f


@pytest.mark.parametrize("way", [a_state, one_for_each_branch])
def test_what_branches_assign_each_time_is_recorded_anew_some_times_alone(way: Any) -> None:
    settings, f = way()
    jitted = jit(f)
    for _ in range(5):
        assert [jitted(x) for x in (0.5, 3.0, 1.5, 2.5)][1:] == [6.0, 4.5, 5.0]
    count = settings.count
    assert count < 60
    for _ in range(5):
        assert jitted(3.0) == 6.0
    assert settings.count == count
    settings.scale = 7.0
    assert [jitted(x) for x in (1.5, 3.0)] == [4.5, 21.0]


def test_an_equal_tuple_is_no_change_and_one_that_differs_in_type_or_sign_is() -> None:
    w = ag.Value(2.0)
    settings = Settings(sizes=(1, 0.0, ("a", w)))
    calls = []

    @jit
    def f(x: Any) -> Any:
        calls.append(x)
        return x * settings.sizes[0] * settings.sizes[2][1]

    assert f(3.0) == 6.0
    count = len(calls)
    settings.sizes = (1, 0.0, ("a", w))
    assert (f(3.0), len(calls)) == (6.0, count)
    for changed in ((True, 0.0, ("a", w)), (1, -0.0, ("a", w)), (1, 0.0, ("b", w)), (1, 0.0, ("a", w), 1)):
        before, settings.sizes = len(calls), changed
        assert f(3.0) == 6.0
        assert len(calls) > before
    settings.sizes = (*changed[:2], ("a", ag.Value(5.0)))
    assert f(3.0) == 15.0


def test_a_global_with_the_name_of_an_attribute_is_not_looked_at() -> None:
    """A script's loop variable `step`, where the function reads `settings.step`."""
    names: dict[str, Any] = {"__name__": "__main__", "settings": Settings(step=2.0)}
    exec("def f(x):\n    return x * settings.step * (gain if settings.step > 2.5 else 1.0)", names)
    f = jit(names["f"])
    for step in range(5):
        names["step"] = step
        assert f(3.0) == 6.0
    assert f._renewals == 0
    names.update(gain=5.0, settings=Settings(step=3.0))
    assert f(1.0) == 15.0
    names["gain"] = 7.0
    assert f(1.0) == 21.0


def test_globals_that_are_named_by_texts_are_looked_at() -> None:
    names: dict[str, Any] = {"__name__": "a_made_module", "scale": 2.0, "Value": ag.Value}
    exec("def get(name):\n    return globals()[name]\ndef f(x):\n    return x * get('scale')", names)
    f = jit(names["f"])
    assert f(3.0) == 6.0
    names["scale"] = 5.0
    assert f(3.0) == 15.0


def test_a_global_that_is_defined_later_is_looked_at() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(x):\n    return abs(x) * (2.0 if x > 0 else scale)", names)
    f = jit(names["f"])
    assert f(-1.0 + 4.0) == 6.0
    names["abs"] = lambda x: -x
    assert f(3.0) == -6.0


def test_containers_of_weak_references_are_looked_at() -> None:
    one, two = Settings(w=2.0), Settings(w=3.0)
    by_key, by_value = weakref.WeakKeyDictionary({one: 2.0}), weakref.WeakValueDictionary(k=one)
    some = weakref.WeakSet([one])
    f, g = jit(lambda x: by_key[one] * x), jit(lambda x: by_value["k"].w * x)
    h = jit(lambda x: sum(each.w for each in some) * x)
    assert f(1.0) == g(1.0) == h(1.0) == 2.0
    by_key[one], by_value["k"] = ag.Value(5.0), two
    some.add(two)
    assert (f(1.0), g(1.0), h(1.0)) == (5.0, 3.0, 5.0)


@pytest.mark.filterwarnings("ignore:.* reads 1 Values that jit does not find")
def test_hidden_values_that_are_others_at_each_call_are_recorded_twice_and_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # others of this process may be alive
    calls, weights = [0], iter([ag.Value(2.0) for _ in range(100)].pop, None)

    def f(x: Any) -> Any:
        calls[0] += 1
        return next(weights) * x

    found = jit(f)
    for k in range(1, 6):
        found.cache_clear()
        assert found(3.0) == 6.0
        assert calls[0] <= 2 * k
    gc.collect()
    assert len(found._hidden) == 1


@pytest.mark.parametrize("kind", [list, tuple, lambda row: dict(enumerate(row))])
def test_rows_of_plain_numbers_are_not_walked_through(kind: Any) -> None:
    rows: list[Any] = [kind([1.0, 2.0]) for _ in range(3000)]
    rows[7] = [ag.Value(2.0), 1.0]
    f = jit(lambda x: x * rows[3][0] * rows[7][0])
    assert f(1.0) == 2.0
    assert len(next(iter(f._programs.values())).watch._walk.seen) < 1000
    rows[7][0] = ag.Value(3.0)
    assert f(1.0) == 3.0


def _total(tree: Any) -> Any:
    return sum(_total(part) for part in tree.values()) if isinstance(tree, dict) else tree


@pytest.mark.parametrize("leaf", [10.0, ag.Value(10.0)])
def test_a_dict_that_only_shares_a_key_with_another_is_looked_at_whole(leaf: Any) -> None:
    tree: dict[str, Any] = {"value": 1.0, "left": {"value": 2.0, "bias": 3.0}}
    product = ag.jit(lambda x: x * _total(tree))
    assert product(1.0) == 6.0
    tree["left"]["bias"] = leaf
    assert product(1.0) == 13.0
    tree["left"]["more"] = 0.5
    assert product(1.0) == 13.5
    kinds = {"kind": "bias", "bias": 1.0, "w": 2.0}
    product = ag.jit(lambda x: x * sum(n for n in kinds.values() if not isinstance(n, str)))
    assert product(1.0) == 3.0
    kinds["w"] = leaf
    assert product(1.0) == 11.0
