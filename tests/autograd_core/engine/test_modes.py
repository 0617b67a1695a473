"""no_grad, scope, diagnose, the recording hooks, and threads."""

import inspect
import math
import sys
import threading

import pytest

import autograd_core as ag
from autograd_core import Value
from autograd_core.engine.modes import begin_recording, end_recording, is_recording


def line_of_caller():
    return inspect.currentframe().f_back.f_lineno


# --- no_grad and detach ---


def test_under_no_grad_operations_return_constants_without_parents():
    x = Value(2.0)
    with ag.no_grad():
        for node in (
            x * 3.0,
            ag.exp(x),
            ag.sum([x, x, x]),
            ag.dot([x, x], [x, 1.0], x),
            ag.softmax([x, 1.0])[0],
            x.clip(0, 1),
        ):
            assert node.is_constant
            assert node.is_leaf
            assert (node.parents, node.partials, node.op, node.operation) == ((), (), "", None)
        assert (x * 3.0).data == 6.0
        fresh = Value(1.0)
    assert not fresh.is_constant
    assert (x * 3.0).parents[0] is x


def test_under_no_grad_nothing_is_kept_alive():
    x = Value(2.0)
    with ag.no_grad():
        y = x
        for _ in range(1000):
            y = ag.sum([y, x, 1.0])
    assert ag.topological_order(y) == [y]
    assert sys.getrefcount(x) == 2


def test_constants_take_part_in_graphs_as_plain_numbers_do():
    x = Value(2.0)
    with ag.no_grad():
        frozen = x * x
    y = frozen * x
    y.backward()
    assert x.grad == 4.0
    assert not frozen.has_grad


def test_no_grad_nests_ends_with_an_exception_and_decorates():
    x = Value(2.0)
    with ag.no_grad():
        with ag.no_grad():
            pass
        assert (x * 1.0).is_constant
    with pytest.raises(KeyError), ag.no_grad():
        raise KeyError
    assert not (x * 1.0).is_constant

    @ag.no_grad()
    def double(value):
        """Twice."""
        return value * 2.0

    assert double(x).is_constant
    assert double.__doc__ == "Twice."
    assert not (x * 1.0).is_constant


def test_one_context_manager_may_be_entered_again_while_it_is_active():
    x, mode = Value(2.0), ag.no_grad()
    with mode:
        with mode:
            assert (x * 1.0).is_constant
        assert (x * 1.0).is_constant
    assert not (x * 1.0).is_constant


def test_detach_makes_a_constant_and_stop_gradient_a_node():
    x = Value(3.0, "x")
    constant, held = x.detach(), x.stop_gradient()
    assert (constant.data, constant.parents, constant.is_constant) == (3.0, (), True)
    assert (held.data, held.parents, held.partials) == (3.0, (x,), (0.0,))
    (x * constant + x * held).backward()
    assert x.grad == 6.0
    assert ag.grad(lambda v: v * ag.stop_gradient(v))(3.0) == 3.0


# --- scope ---


def test_scopes_nest_and_land_on_the_nodes():
    x = Value(1.0)
    with ag.scope("layer1"):
        a = x * 2.0
        with ag.scope("neuron0"):
            b = a + 1.0
            w = Value(0.5)
        c = b * 2.0
    d = c * 2.0
    assert [node.scope for node in (x, a, b, w, c, d)] == [
        "",
        "layer1",
        "layer1.neuron0",
        "layer1.neuron0",
        "layer1",
        "",
    ]


def test_a_scope_ends_with_an_exception_and_may_be_used_again():
    block = ag.scope("block")
    with pytest.raises(KeyError), block:
        raise KeyError
    assert (Value(1.0) * 1.0).scope == ""
    with block, block:
        assert (Value(1.0) * 1.0).scope == "block.block"
    with ag.scope("outer"), block:
        assert Value(1.0).scope == "outer.block"
    assert Value(1.0).scope == ""


def test_scopes_nest_as_deep_as_wanted():
    names = [f"s{k}" for k in range(200)]
    opened = [ag.scope(name) for name in names]
    for scope in opened:
        scope.__enter__()
    assert Value(1.0).scope == ".".join(names)
    for scope in reversed(opened):
        scope.__exit__(None, None, None)
    assert Value(1.0).scope == ""


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_scope_without_a_name_is_refused(name):
    with pytest.raises(TypeError, match="a scope's name is text that is not empty"):
        ag.scope(name)


# --- diagnose ---


def test_diagnosis_keeps_the_source_line_of_every_node():
    x = Value(1.0, "x")
    with ag.diagnose():
        line = line_of_caller()
        y = x * 2.0
        y.label = "y"
        z = ag.logsumexp([y, x])
    assert y.source == (__file__, line + 1)
    assert z.source == (__file__, line + 3)
    assert y.label == "y"
    assert x.source is None
    assert (x * 2.0).source is None


def test_diagnosis_raises_at_the_first_value_that_is_not_finite():
    big = Value(1e308, "big")
    assert (big * 10.0).data == math.inf  # as floats do
    with ag.scope("layer3"), ag.diagnose(), pytest.raises(ag.NonFiniteError) as caught:
        big * 10.0
    line = caught.traceback[0].lineno + 1
    assert (
        str(caught.value) == f"mul(big=1e+308, 10.0) in scope 'layer3' at {__file__}:{line}: its value is inf"
    )
    error = caught.value
    assert (error.operation, error.operands) == ("mul", (1e308, 10.0))
    assert error.node.source == (__file__, line)
    assert isinstance(error, ArithmeticError)


def test_diagnosis_raises_at_a_partial_that_is_not_finite():
    zero = Value(0.0, "zero")
    with (
        ag.diagnose(),
        pytest.raises(
            ag.NonFiniteError,
            match=r"^sqrt\(zero=0\.0\) at .*test_modes.py:\d+: its partial with respect to operand 0 is inf$",
        ),
    ):
        ag.sqrt(zero)


def test_diagnosis_finds_not_a_number_where_it_arises_not_later():
    with ag.diagnose():
        x = Value(math.inf, "x")
        with pytest.raises(ag.NonFiniteError, match=r"sub\(x=inf, x=inf\).*its value is nan"):
            ag.exp(x - x)


def test_diagnosis_of_many_operands_is_bounded():
    values = [Value(1e308) for _ in range(1000)]
    with ag.diagnose(), pytest.raises(ag.NonFiniteError) as caught:
        ag.sum(values)
    assert len(str(caught.value)) < 400
    assert "1000 operands" in str(caught.value)


def test_diagnosis_does_not_mind_infinite_partials_of_constants():
    with ag.diagnose():
        assert (Value(2.0) ** 0.0).data == 1.0
        x = Value(3.0)
        y = ag.where(ag.greater(x, 0.0), x, 0.0)
        y.backward()
    assert x.grad == 1.0


def test_diagnosis_lets_safe_higher_derivatives_pass():
    with ag.diagnose():
        assert ag.grad(ag.grad(lambda x: x**2))(0.0) == 2.0
        assert ag.grad(ag.grad(lambda x: ag.hypot(x, 3.0)))(0.0) == pytest.approx(1 / 3)


def test_diagnosis_works_under_no_grad_too():
    big = Value(1e308, "big")
    with ag.no_grad(), ag.diagnose(), pytest.raises(ag.NonFiniteError, match="its value is inf"):
        big * 10.0


# --- recording ---


@pytest.fixture
def recording():
    begin_recording([])
    yield
    if is_recording():
        end_recording()


READINGS = {
    "its .data was read": lambda v: v.data,
    "float() was called": float,
    "int() was called": int,
    "bool() was called on it": bool,
    "round() was called": round,
    "trunc() was called": math.trunc,
    "math.floor() was called": math.floor,
    "math.ceil() was called": math.ceil,
    "it was printed": str,
    "it was formatted": lambda v: f"{v:.3f}",
    "its .partials were read": lambda v: v.partials,
    "detach() was called": lambda v: v.detach(),
    "its .data was assigned": lambda v: setattr(v, "data", 3.0),
}


@pytest.mark.parametrize("what", READINGS)
def test_reading_a_number_while_recording_raises_and_names_node_and_remedy(what, recording):
    node = Value(2.0, "input") * 3.0
    node.label = "score"
    with ag.scope("head"):
        scoped = node + 1.0
    with pytest.raises(ag.RecordingError) as caught:
        READINGS[what](node)
    message = str(caught.value)
    assert message.startswith(f"node 'score': {what}")
    assert "would freeze its number" in message
    assert "maximum" in message
    with pytest.raises(ag.RecordingError, match="node 'add' in scope 'head'"):
        READINGS[what](scoped)


def test_a_repr_while_recording_shows_no_number_and_does_not_raise(recording):
    node = Value(2.0, "x") * 3.0
    assert repr(node) == "Value(<recording>, op='mul')"


def test_inputs_made_before_recording_cannot_be_read_but_fresh_leaves_can():
    x = Value(2.0, "x")
    begin_recording([])
    try:
        with pytest.raises(ag.RecordingError, match="node 'x'"):
            float(x)
        assert float(Value(4.0)) == 4.0
        assert (x * 2.0).parents[1].data == 2.0
    finally:
        end_recording()
    assert float(x) == 2.0


def test_comparisons_while_recording_become_guards(recording):
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert not a >= 1.5
    assert not b >= 3.0
    guards, _ = end_recording()
    assert [(left, relation, outcome) for left, relation, _, outcome in guards] == [
        (a, "<", True),
        (a, ">=", False),
        (b, ">=", False),
    ]
    assert guards[0][2] is b
    assert guards[1][2] == 1.5
    assert a < b  # leaves no guard and no error now
    assert not is_recording()


def test_recording_twice_or_with_sweeps_or_no_grad_is_refused(recording):
    x = Value(1.0)
    with pytest.raises(ag.RecordingError, match="is being recorded already"):
        begin_recording([])
    with pytest.raises(ag.RecordingError, match=r"backward\(\) while a Program is being recorded"):
        (x * 2.0).backward()
    with (
        pytest.raises(ag.RecordingError, match=r"no_grad\(\) while a Program is being recorded"),
        ag.no_grad(),
    ):
        pass
    assert is_recording()
    assert not (x * 2.0).is_constant


# --- threads ---


def run_in_threads(work, count=4):
    """Run work(k) in threads at once; raise the first error."""
    errors, barrier = [], threading.Barrier(count)

    def job(k):
        try:
            barrier.wait()
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=job, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture
def _switch_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_switch_often")
def test_modes_belong_to_one_thread():
    x = Value(2.0)

    def work(k):
        for _ in range(300):
            with ag.scope(f"thread{k}"):
                if k % 2:
                    with ag.no_grad():
                        assert (x * 2.0).is_constant
                node = x * 2.0
                assert not node.is_constant
                assert node.scope == f"thread{k}"
                assert node.source is None
                if k == 0:
                    with ag.diagnose():
                        assert (x * 2.0).source is not None

    with ag.no_grad():
        run_in_threads(work)


@pytest.mark.usefixtures("_switch_often")
def test_threads_may_share_scope_objects_and_leaves():
    shared, weights = ag.scope("layer"), [Value(0.1 * k) for k in range(10)]
    results = {}

    def work(k):
        with ag.scope(f"thread{k}"):
            for _ in range(100):
                with shared:
                    y = ag.dot(weights, weights, 1.0).tanh()
                    for w in weights:
                        y = y * w + 1.0
                assert y.scope == f"thread{k}.layer"
                assert y.parents[0].scope == f"thread{k}.layer"
                results.setdefault(y.data, k)
            assert Value(1.0).scope == f"thread{k}"

    run_in_threads(work)
    assert len(results) == 1


@pytest.mark.usefixtures("_switch_often")
def test_threads_may_enter_new_scopes_at_once():
    def work(k):
        for i in range(1000):
            with ag.scope(f"new{k}.{i}"):
                assert Value(1.0).scope == f"new{k}.{i}"

    run_in_threads(work)


@pytest.mark.usefixtures("_switch_often")
def test_threads_may_build_sweep_and_drop_graphs_of_their_own():
    expected = []

    def gradient():
        leaves = [Value(math.sin(k)) for k in range(20)]
        y = leaves[0]
        for k in range(500):
            y = (y + leaves[k % 20]) * 0.5 + ag.sum([leaves[k % 7], y, 1.0])
        y.backward()
        return [leaf.grad for leaf in leaves]

    expected.append(gradient())

    def work(_):
        for _ in range(5):
            assert gradient() == expected[0]

    run_in_threads(work)


def test_a_program_is_recorded_in_one_thread_while_another_reads():
    x = Value(2.0)
    begin_recording([])
    try:
        run_in_threads(lambda k: float(x * k), 2)
    finally:
        end_recording()


def test_functions_of_plain_numbers_are_constants_while_recording():
    program = ag.record(lambda x: ag.where(ag.greater(1.0, 0.0), ag.prod([2.0, 3.0]) * x, 2.0), 1.0)
    assert list(program([2.0, 3.0])) == [12.0, 18.0]
