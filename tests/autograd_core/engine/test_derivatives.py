"""Gradients as graphs: the same nodes as the operations' rules make, and no more of them than needed."""

import itertools

import pytest

import autograd_core as ag
from autograd_core import OPERATIONS, CustomOperation, Value, differentiate, grad, jvp
from autograd_core.calculus.instructions import instructions_of_partials
from autograd_core.calculus.operations import Dot, Operation, Reduction
from autograd_core.engine.derivatives import adjoints, depends_on_inputs
from autograd_core.engine.modes import ieee
from autograd_core.engine.nary import apply

BUILT_IN = [rule for rule in OPERATIONS.values() if not isinstance(rule, CustomOperation)]
NUMBERS = (0.7, 1.6, 2.3)


def text(x):
    """The formula under a node, written out."""
    if not isinstance(x, Value):
        return repr(float(x))
    if x.is_leaf:
        return x.label or repr(x.data)
    return f"{x.op}({', '.join(text(parent) for parent in x.parents)})"


def by_rule(node, j):
    """The partial that the operation's rule gives when it is called with Values."""
    rule, parents = node.operation, node.parents
    with ieee():
        if isinstance(rule, Reduction):
            return rule.partials(parents, node, node.index)[j]
        operands = [parent.data if parent.is_constant else parent for parent in parents]
        if isinstance(rule, Dot):
            return rule.partials(operands, node)[j]
        return rule.partial_rules[j](*operands, node)


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.name)
def test_listed_instructions_make_the_nodes_that_the_rule_makes(rule):
    arity = rule.arity or 3
    for constant in itertools.product([False, True], repeat=arity):
        operands = [
            Value.lift(number) if fixed else Value(number, f"x{k}")
            for k, (number, fixed) in enumerate(zip(NUMBERS, constant, strict=False))
        ]
        try:
            node = apply(rule, operands)
        except (ValueError, ArithmeticError):
            continue
        seed = Value(3.0, "seed")
        for j, operand in enumerate(operands):
            if operand.is_constant:
                continue
            expected = by_rule(node, j)
            (found,) = adjoints([node], [operand], [seed])
            partial = text(expected)
            if rule.selecting and partial == "0.0":
                assert text(found) == "0.0"
            elif partial in ("1.0", "-1.0"):
                assert text(found) == ("seed" if partial == "1.0" else "neg(seed)")
            elif rule.selecting:
                assert text(found) == f"where({partial}, mul({partial}, seed), 0.0)"
            else:
                assert text(found) == f"mul({partial}, seed)"


def test_every_built_in_operation_is_listed_but_dot_and_those_made_of_a_softmax():
    missing = {rule.name for rule in BUILT_IN if instructions_of_partials(rule) is None}
    assert missing == {"dot", "logsumexp", "softmax", "log_softmax", "atan2"}


def test_a_rule_that_cannot_be_listed_is_called():
    rule = Operation("unlisted", lambda x: x, lambda x, y: x.nosuchthing())
    assert instructions_of_partials(rule) is None


def test_the_outputs_of_a_softmax_share_the_nodes_of_its_weights():
    x = [Value(0.1 * k) for k in range(6)]
    made = ag.topological_order(*differentiate(ag.softmax(x), x))
    assert sum(node.op == "softmax" for node in made) == 2 * len(x)


def test_a_sum_needs_no_folds():
    x = [Value(float(k)) for k in range(50)]
    assert all(part.is_constant for part in differentiate(ag.sum(x), x))
    assert all(part.is_constant for part in differentiate(ag.mean(x), x))


# --- how far the walk goes ---


def visited(monkeypatch, run):
    """How many nodes were walked over while something ran."""
    import autograd_core.engine.sweep as module

    if ag.COMPILED:
        pytest.skip("counts calls of a function that is compiled away")
    count = 0
    plain = module._plain_order

    def counted(*given):
        nonlocal count
        order, path = plain(*given)
        count += len(order) + len(path)
        return order, path

    with monkeypatch.context() as patch:
        patch.setattr(module, "_plain_order", counted)
        run()
    return count


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x - 0.01 * grad(lambda y: y * y)(x),
        lambda x: x - 0.01 * jvp(lambda y: y * y, (x,), (1.0,))[1],
        lambda x: x - 0.01 * ag.hvp(lambda y: y * y * y, x, 1.0),
        lambda x: x - 0.01 * (lambda past: grad(lambda y: y * y * past)(x))(x * 2.0),
        lambda x: x - 0.01 * (lambda past: jvp(lambda y: y * y * past, (x,), (1.0,))[1])(x * 2.0),
        lambda x: x - 0.01 * (lambda past: ag.hvp(lambda y: y * y * y * past, x, 1.0))(x * 2.0),
        lambda x: x - 0.01 * (lambda past: grad(lambda y: past)(x) + past)(x * 2.0),
    ],
    ids=["grad", "jvp", "hvp", "grad and past", "jvp and past", "hvp and past", "past alone"],
)
def test_nested_derivatives_do_not_walk_through_the_past(monkeypatch, step):
    def run(steps):
        def nested(x):
            for _ in range(steps):
                x = step(x)
            return x

        return lambda: grad(nested)(1.0)

    assert visited(monkeypatch, run(40)) < 2.1 * visited(monkeypatch, run(20))


def _after(steps, step, x):
    for _ in range(steps):
        x = step(x)
    return x


IN_A_LONG_PAST = {  # x starts as an input of the outer call, z as another Value
    "a float": lambda x, z: (x - 0.01 * grad(lambda y: y * y)(x.data), z),
    "a closure over what depends": lambda x, z: (x - 0.01 * grad(lambda y: y * y * x)(0.5), z),
    "a closure over what does not": lambda x, z: (x, z - 0.01 * grad(lambda y: y * y * z)(0.5)),
    "a closure over both": lambda x, z: (x - 0.01 * grad(lambda y: y * z * x)(0.5), z * 1.01),
    "a conversion": lambda x, z: (x + float(z), z * 1.01),
    "a Jacobian": lambda x, z: (x - 0.01 * ag.jacobian(lambda y: [y * z, y * x])(0.5)[1], z * 1.01),
    "two calls": lambda x, z: (x - grad(lambda y: y * grad(lambda u: u * y * x)(0.1))(0.1), z),
}


@pytest.mark.parametrize("way", IN_A_LONG_PAST)
@pytest.mark.parametrize("outer", [True, False], ids=["within a call", "outside"])
def test_calls_on_floats_do_not_walk_through_the_past(monkeypatch, way, outer):
    def run(steps):
        def nested(x):
            x, z = _after(steps, lambda pair: IN_A_LONG_PAST[way](*pair), (x * 1.0, Value(0.3) * 1.0))
            return x + z

        return lambda: grad(nested)(1.0) if outer else nested(Value(1.0))

    assert visited(monkeypatch, run(600)) <= 2.1 * visited(monkeypatch, run(300))


@pytest.mark.parametrize("way", IN_A_LONG_PAST)
def test_calls_on_floats_within_a_long_past_are_right(way):
    by_hand = {
        "a float": lambda x, z: (x - 0.01 * 2.0 * x.data, z),
        "a closure over what depends": lambda x, z: (x - 0.01 * x, z),
        "a closure over what does not": lambda x, z: (x, z - 0.01 * z.data),
        "a closure over both": lambda x, z: (x - 0.01 * z * x, z * 1.01),
        "a conversion": lambda x, z: (x + z.data, z * 1.01),
        "a Jacobian": lambda x, z: (x - 0.01 * x, z * 1.01),
        "two calls": lambda x, z: (x - 0.2 * x, z),
    }

    def outer(rule):
        def nested(x):
            x, z = _after(90, lambda pair: rule(*pair), (x * 1.0, Value(0.3) * 1.0))
            return x * x + z

        return nested

    if way == "two calls":  # d/dy (y * d/du (u y x)) = d/dy (y y x) = 2 y x
        assert IN_A_LONG_PAST[way](Value(3.0), Value(1.0))[0] == 3.0 - 0.2 * 3.0
    for order in (1, 2):
        found, expected = outer(IN_A_LONG_PAST[way]), outer(by_hand[way])
        for _ in range(order):
            found, expected = grad(found), grad(expected)
        assert found(1.3) == pytest.approx(expected(1.3), rel=1e-10)


def test_what_depends_on_an_inner_call_is_forgotten_when_that_ends():
    kept = []

    def inner(y):
        long = _after(200, lambda v: v * 1.001, y)
        assert isinstance(grad(lambda u: u * long)(1.0), Value)  # `long` is remembered to depend on y
        kept.append(long)
        return long

    def outer(x):
        past = _after(200, lambda v: v * 1.001, x)
        grad(inner)(1.0)
        assert type(grad(lambda u: u * kept[-1])(1.0)) is float
        assert isinstance(grad(lambda u: u * past)(1.0), Value)
        grad(inner)(2.0)
        assert isinstance(grad(lambda u: u * past)(1.0), Value)
        assert type(grad(lambda u: u * kept[-1])(1.0)) is float
        return past

    assert grad(outer)(1.0) == pytest.approx(1.001**200)
    assert type(grad(lambda x: x * grad(lambda u: u * kept[-1])(1.0))(1.0)) is float


def test_a_node_of_before_may_become_an_input():
    from autograd_core.engine.derivatives import call_on_inputs

    w = Value(2.0)
    penalty = _after(100, lambda v: v * 1.01, w * w)
    assert grad(lambda x: x * grad(lambda y: y * penalty)(1.0))(3.0) == penalty.data  # it depends on no input
    for _ in range(2):
        assert call_on_inputs(lambda: depends_on_inputs([penalty]), (), {}, [w])
        with pytest.raises(ag.ConversionError):
            call_on_inputs(lambda: float(penalty), (), {}, [w])
        assert not call_on_inputs(lambda: depends_on_inputs([penalty]), (), {}, [Value(1.0)])


def test_a_thread_that_ends_its_call_does_not_mislead_another():
    import threading

    begun, ended = threading.Barrier(2), threading.Barrier(2)
    shared = []

    def first(x):
        shared.append(_after(300, lambda v: v * 1.001, x))
        begun.wait()
        ended.wait()
        return x

    def second(x):
        begun.wait()
        assert depends_on_inputs(shared)  # on the other thread's
        ended.wait()
        other.join()
        return x * grad(lambda y: y * shared[0])(1.0)

    other = threading.Thread(target=grad(first), args=(1.0,))
    other.start()
    assert grad(second)(1.0) == pytest.approx(1.001**300)
    assert not depends_on_inputs(shared)


def test_nested_derivatives_that_use_the_past_are_right():
    def by_transforms(x):
        total = x
        for _ in range(40):
            past = x * 2.0
            x = x - 0.01 * grad(lambda y: y * y * past)(x)  # noqa: B023 (called at once)
            total = total + ag.hvp(lambda y: y * past * x * total, x, 1.0)  # noqa: B023
            x = x + 0.001 * grad(lambda y: grad(lambda z: z * z * y * past)(x) * past)(x)  # noqa: B023
        return x * total

    def by_hand(x):
        total = x
        for _ in range(40):
            past = x * 2.0
            x = x - 0.01 * (2.0 * x * past)
            x = x + 0.001 * (2.0 * x * past * past)
        return x * total

    for order in range(3):
        expected, found = by_hand, by_transforms
        for _ in range(order):
            expected, found = grad(expected), grad(found)
        assert found(0.4) == pytest.approx(expected(0.4), rel=1e-12)


def test_an_outer_input_is_found_behind_what_an_inner_call_has_walked_over():
    x, y = Value(3.0), Value(2.0)

    def outer(a):
        past = a * x
        for _ in range(3):
            past = past + grad(lambda b: b * past)(y) * 0.0  # noqa: B023
        return past * a

    assert grad(outer)(5.0) == 30.0
    assert [part.data for part in differentiate(outer(y), [x, y])] == [4.0, 12.0]
    z = x * x
    grad(lambda b: b * z)(y)
    assert differentiate(z, [x])[0].data == 6.0


def test_stamps_may_run_round(monkeypatch):
    import autograd_core.engine.derivatives as module

    x = Value(2.0)
    for _ in range(70_000 if ag.COMPILED else 0):
        module.adjoints([x], [x], [1.0])
    if not ag.COMPILED:
        monkeypatch.setattr(module, "_walks", 65_530)
    for _ in range(20):
        past = x * x
        assert grad(lambda y: grad(lambda z: z * y * past)(y) * past)(x).data == 16.0  # noqa: B023
        assert differentiate(past, [x])[0].data == 4.0


@pytest.mark.parametrize("between", [0x3FFF, 0x8000, 0x10000])
def test_walks_between_the_call_and_its_derivative_take_nothing_away(monkeypatch, between):
    import autograd_core.engine.derivatives as module

    x, w = Value(2.0), Value(3.0)

    def walk_elsewhere():
        if ag.COMPILED:
            for _ in range(between):
                module.adjoints([x], [x], [1.0])
        else:
            monkeypatch.setattr(module, "_walks", module._walks + between)

    def outer(a):
        inside = a * a
        grad(lambda b: b * inside)(x)  # leaves its number on `inside`
        walk_elsewhere()
        return inside * w

    walk_elsewhere()
    assert grad(outer)(Value(5.0)).data == 30.0
    _, pull = ag.vjp(lambda a: a * a * w, Value(5.0))
    for _ in range(2):
        assert pull(1.0)[0].data == 30.0
        walk_elsewhere()


def test_nested_derivatives_of_a_long_past_are_right():
    def descent(x):
        for _ in range(300):
            x = x - 0.01 * grad(lambda y: y * y)(x)
        return x

    assert grad(descent)(1.0) == pytest.approx(0.98**300)
    assert grad(grad(descent))(1.0) == 0.0


def test_an_input_may_depend_on_another_one():
    x = Value(3.0)
    y = x * x
    z = y * x
    assert [part.data for part in differentiate(z, [x, y])] == [27.0, 3.0]
    assert [part.data for part in differentiate([z, y], [y, x])] == [4.0, 33.0]


def test_an_input_inside_a_transform_may_be_older_than_its_argument():
    w = Value(3.0)
    seen = []

    def f(a):
        seen.append(differentiate(a * a, [w])[0].data)
        return a

    grad(f)(w * 2.0)
    assert seen == [24.0]


def test_what_is_returned_from_an_inner_call_still_depends_on_the_outer_one():
    kept = []

    def inner(y):
        kept.append(y * y)
        return y * 2.0

    def outer(x):
        grad(inner)(x)
        return kept[-1] * x

    assert grad(outer)(2.0) == 12.0


def test_no_input_is_left_at_work():
    x = Value(1.0)
    with pytest.raises(ZeroDivisionError):
        grad(lambda v: v / 0.0)(1.0)
    assert not depends_on_inputs([x * 2.0])
    assert type(grad(lambda v: v * x)(1.0)) is float
