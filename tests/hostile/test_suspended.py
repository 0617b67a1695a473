"""Modes and scopes that generators and coroutines hold while other code runs: no leak in either direction."""

import asyncio
import contextlib
import gc
import inspect
import threading

import pytest

import autograd_core as ag
from autograd_core import Value
from autograd_core.engine.modes import activated_dots


def built(x=2.0):
    """Tell whether an operation builds a graph here."""
    return not (Value(x) * 3.0).is_constant


def here():
    """The scope in which a leaf, a constant and a node are made."""
    made = {Value(1.0).scope, Value.lift(1.0).scope, (Value(1.0) * 2.0).scope}
    assert len(made) == 1
    return made.pop()


def diagnosed():
    return (Value(1.0) * 2.0).source is not None


# --- generators -----------------------------------------------------------------------------------------


def quiet(n=3):
    with ag.no_grad():
        for _ in range(n):
            yield built()


def test_a_generators_mode_is_in_force_in_its_own_code_alone():
    for inside in quiet():
        assert not inside
        assert built()
    assert built()


def test_other_modes_and_scopes_do_not_leak_from_a_generator_either():
    def inner():
        with ag.diagnose(), ag.scope("inner"):
            yield diagnosed(), here(), None
            with ag.ieee():
                yield True, here(), ag.log(Value(0.0)).data

    with ag.scope("outer"):
        for found in inner():
            assert found[:2] == (True, "outer.inner")
            assert found[2] in (None, -float("inf"))
            assert here() == "outer"
            assert not diagnosed()
            with pytest.raises(ag.DomainError):
                ag.log(Value(0.0))
    assert here() == ""


def test_generators_that_are_left_in_any_order():
    first, second = quiet(), quiet()
    assert next(first) is False
    assert next(second) is False
    first.close()
    assert built()
    assert next(second) is False
    assert built()
    second.close()
    assert built()


def test_a_generator_that_nobody_finishes_leaves_nothing_behind():
    generator = quiet()
    next(generator)
    del generator
    gc.collect()
    assert built()
    assert ag.engine.value.thread_mode() == 0


def test_what_stands_nearer_on_the_stack_decides():
    def training():
        with ag.enable_grad():
            while True:
                yield built()

    generator = training()
    assert next(generator)
    with ag.no_grad():
        assert not built()
        assert next(generator)
        assert not built()
        with ag.enable_grad():
            assert built()
            with ag.no_grad():
                assert next(generator)
                assert not built()
            assert built()
        assert not built()
    assert built()
    generator.close()

    def outer():
        with ag.no_grad():
            for inside in training():
                yield inside, built()

    generator = outer()
    assert next(generator) == (True, False)
    assert built()
    assert next(generator) == (True, False)
    generator.close()
    assert built()


def test_a_mode_around_a_loop_holds_in_the_generators_code():
    def plain():
        with ag.scope("data"):
            while True:
                yield built(), here()

    generator = plain()
    assert next(generator) == (True, "data")
    with ag.no_grad(), ag.scope("loop"):
        assert next(generator) == (False, "loop.data")
        assert here() == "loop"
    assert next(generator) == (True, "data")
    assert here() == ""
    generator.close()
    assert here() == ""


def test_calls_within_a_scope_while_a_generator_holds_one():
    def plain():
        with ag.scope("held"):
            while True:
                yield here()

    def scopes():
        unit = ag.scope("layer"), [Value(1.0)], 0.0, lambda a: (next(generator), here(), a.scope)
        return activated_dots([unit], [Value(1.0)])

    generator = plain()
    assert scopes() == [("layer.held", "layer", "layer")]
    assert here() == ""
    assert scopes() == [("layer.held", "layer", "layer")]
    generator.close()
    assert here() == ""


def test_one_object_entered_in_several_places():
    mode, named = ag.no_grad(), ag.scope("one")

    def hold():
        with mode, named:
            yield built(), here()
            yield built(), here()

    with mode, named:
        first, second = hold(), hold()
        assert next(first) == (False, "one.one")
        assert next(second) == (False, "one.one")
        assert (built(), here()) == (False, "one")
    assert (built(), here()) == (True, "")
    assert list(first) == [(False, "one")]
    assert (built(), here()) == (True, "")
    assert list(second) == [(False, "one")]
    assert (built(), here()) == (True, "")


def test_context_managers_made_of_generators_give_their_mode_to_the_with_block():
    @contextlib.contextmanager
    def inference():
        with ag.no_grad(), ag.scope("inference"):
            yield

    with inference():
        assert (built(), here()) == (False, "inference")
    assert (built(), here()) == (True, "")
    with contextlib.ExitStack() as stack:
        stack.enter_context(ag.no_grad())
        stack.enter_context(inference())
        assert (built(), here()) == (False, "inference")
    assert (built(), here()) == (True, "")

    def generator():
        with inference():
            yield built()
            yield built()

    for inside in generator():
        assert not inside
        assert built()
    assert inference()(built)() is False
    assert built()


@pytest.fixture
def without_graphs():
    with ag.no_grad():
        yield


def test_fixtures_give_their_mode_to_the_test(without_graphs):
    assert not built()


def test_classes_that_enter_a_mode_for_a_generator():
    class Inference:
        def __enter__(self):
            self.mode = ag.no_grad()
            self.mode.__enter__()

        def __exit__(self, *about):
            self.mode.__exit__(*about)

    def generator():
        with Inference():
            yield built()
            yield built()

    for inside in generator():
        assert not inside
        assert built()
    with Inference():
        assert not built()
    assert built()


def test_gradients_are_built_in_a_call_that_is_differentiated():
    generator = quiet()
    next(generator)

    def f(x):
        assert built()
        next(generator)
        return x * x

    assert ag.grad(f)(3.0) == 6.0
    with ag.no_grad():
        assert ag.grad(lambda x: x * x)(3.0) == 6.0
        assert not built()
    generator.close()

    def inside():
        with ag.no_grad():
            yield ag.grad(lambda x: x * x)(3.0), built()

    assert next(inside()) == (6.0, False)


def test_a_program_is_recorded_while_and_by_generators_that_hold_a_scope():
    def layers(x):
        for k in range(2):
            with ag.scope(f"layer{k}"):
                x = ag.tanh(x)
                yield x

    def f(x):
        total = 0.0
        for y in layers(x):
            total = total + y
        return total

    waiting = quiet()
    next(waiting)
    program = ag.record(f, 0.5)
    assert program([0.25])[0] == f(0.25)
    scopes = {node.scope for node in ag.topological_order(program.graph())}
    assert {"layer0", "layer1"} <= scopes
    assert all(node.scope == "" for node in ag.topological_order(program.graph()) if node.op == "add")


# --- coroutines and threads -----------------------------------------------------------------------------


async def training(steps, log):
    w = Value(3.0)
    for _ in range(steps):
        loss = w * w
        await asyncio.sleep(0)
        loss = loss + 0.0 * w
        w.zero_grad()
        loss.backward()
        assert w.grad == 2 * w.data
        w.data -= 0.1 * w.grad
        log.append((built(), here()))
    return w.data


async def inference(steps, log):
    with ag.no_grad(), ag.scope("inference"):
        for _ in range(steps):
            await asyncio.sleep(0)
            log.append((built(), here()))


def test_two_tasks_one_training_and_one_without_gradients():
    async def both():
        trained, predicted = [], []
        await asyncio.gather(inference(5, predicted), training(5, trained), inference(3, predicted))
        assert trained == [(True, "")] * 5
        assert predicted == [(False, "inference")] * 8
        assert built()

    asyncio.run(both())
    assert built()


def test_a_mode_around_tasks_holds_for_what_is_awaited():
    async def helper():
        await asyncio.sleep(0)
        return built()

    async def main():
        other = asyncio.ensure_future(training(4, []))
        with ag.no_grad():
            inside = await helper()
            await other
        return inside, built()

    assert asyncio.run(main()) == (False, True)


def test_context_managers_of_coroutines():
    @contextlib.asynccontextmanager
    async def quietly():
        with ag.no_grad():
            await asyncio.sleep(0)
            yield

    class Quietly:
        async def __aenter__(self):
            await asyncio.sleep(0)
            self.mode = ag.no_grad()
            self.mode.__enter__()

        async def __aexit__(self, *about):
            await asyncio.sleep(0)
            self.mode.__exit__(*about)

    async def predict(manager, log):
        async with manager():
            for _ in range(3):
                await asyncio.sleep(0)
                log.append(built())
        log.append(built())

    async def main():
        for manager in (quietly, Quietly):
            log, trained = [], []
            await asyncio.gather(predict(manager, log), training(6, trained), predict(manager, log))
            assert sorted(log) == [False] * 6 + [True] * 2
            assert all(inside for inside, _ in trained)

    asyncio.run(main())


def test_an_asynchronous_generator_keeps_its_mode_to_itself():
    async def batches():
        with ag.no_grad():
            for _ in range(3):
                await asyncio.sleep(0)
                yield built()

    async def main():
        async for inside in batches():
            assert not inside
            assert built()
            await asyncio.sleep(0)
        async for _ in batches():
            break  # left open: the loop closes it
        assert built()

    asyncio.run(main())
    assert built()


def test_another_thread_that_goes_on_with_a_generator_is_told():
    found = []

    def finish(generator):
        try:
            list(generator)
        except RuntimeError as error:
            found.append(str(error))

    def scoped():
        with ag.scope("one"):
            yield
            yield

    for generator in (quiet(), scoped()):
        next(generator)
        thread = threading.Thread(target=finish, args=(generator,))
        thread.start()
        thread.join()
        assert (built(), here()) == (True, "")
    assert len(found) == 2
    assert all("another thread" in text for text in found)


def test_one_object_entered_in_two_threads():
    mode = ag.no_grad()
    wait, go = threading.Event(), threading.Event()
    inside = []

    def other():
        with ag.enable_grad(), mode:
            wait.set()
            go.wait(60)
            inside.append(built())
        inside.append(built())

    thread = threading.Thread(target=other)
    thread.start()
    wait.wait(60)
    with mode:
        go.set()
        thread.join()
        assert not built()
    assert built()
    assert inside == [False, True]


def test_a_mode_that_ends_where_it_does_not_stand_is_told():
    stack = contextlib.ExitStack()

    def generator():
        stack.enter_context(ag.no_grad())
        yield built()
        yield built()

    running = generator()
    assert next(running) is False
    assert built()
    with pytest.raises(RuntimeError, match="generator"):
        stack.close()
    assert next(running) is True
    with pytest.raises(RuntimeError, match="not entered"):
        ag.no_grad().__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="not entered"):
        ag.scope("a").__exit__()


# --- decorators -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "expected"), [(ag.no_grad, (False, False)), (ag.diagnose, (True, True))])
def test_modes_decorate_functions_of_every_kind(mode, expected):
    def state():
        return built(), diagnosed()

    @mode()
    def function():
        return state()

    @mode()
    def generator():
        """A generator."""
        got = yield state()
        assert got == "sent"
        try:
            yield state()
        except KeyError:
            yield state()
        return "returned"

    @mode()
    async def coroutine():
        await asyncio.sleep(0)
        return state()

    @mode()
    async def both():
        got = yield state()
        assert got == "sent"
        try:
            await asyncio.sleep(0)
            yield state()
        except KeyError:
            yield state()

    plain = (True, False)
    assert function() == expected
    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(both)
    assert generator.__doc__ == "A generator."
    running = generator()
    assert (next(running), state()) == (expected, plain)
    assert (running.send("sent"), state()) == (expected, plain)
    assert (running.throw(KeyError()), state()) == (expected, plain)
    with pytest.raises(StopIteration, match="returned"):
        next(running)

    async def main():
        other = asyncio.ensure_future(training(4, []))
        assert await coroutine() == expected
        assert state() == plain
        running = both()
        assert (await anext(running), state()) == (expected, plain)
        assert (await running.asend("sent"), state()) == (expected, plain)
        assert (await running.athrow(KeyError()), state()) == (expected, plain)
        with pytest.raises(StopAsyncIteration):
            await anext(running)
        running = both()
        await anext(running)
        await running.aclose()
        await other

    asyncio.run(main())
    assert state() == plain
