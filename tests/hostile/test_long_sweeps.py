"""During a long sweep other threads run, and Ctrl-C is seen."""

import _thread
import gc
import os
import sys
import threading
import time

import pytest

import autograd_core as ag
from autograd_core import Value


@pytest.fixture(scope="module")
def long_graph():
    x = Value(0.5, "x")
    y = x
    for _ in range(200_000 if ag.COMPILED else 20_000):
        y = y * 0.5 + x
    return x, y


@pytest.fixture
def eager_switches():
    """A waiting thread asks for its turn after a ten-thousandth of a second."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.skipif(not ag.COMPILED, reason="plain Python gives way as all Python code does")
@pytest.mark.parametrize("walk", [lambda y: y.backward(), lambda y: ag.topological_order(y)])
def test_other_threads_run_during_a_long_walk(long_graph, eager_switches, walk):
    _, y = long_graph
    count, stop = [0], threading.Event()

    def work():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0)

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.01)
    before = count[0]
    walk(y)
    after = count[0]
    stop.set()
    time.sleep(0.01)
    worker.join(60)
    assert after > before


@pytest.fixture
def no_collector_callbacks():
    """Python swallows a Ctrl-C that arrives in a callback of its collector, and hypothesis has one."""
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks


def test_an_interrupted_sweep_has_changed_nothing_or_is_whole(long_graph, no_collector_callbacks):
    x, y = long_graph
    x.zero_grad()
    y.backward()
    right = x.grad
    interrupted = 0
    for delay in (0.0, 0.001, 0.005, 0.01, 0.02):
        x.zero_grad()
        timer = threading.Timer(delay, _thread.interrupt_main)
        try:
            timer.start()
            y.backward()
            timer.join(60)
            time.sleep(0.01)
        except KeyboardInterrupt:
            interrupted += 1
        timer.join(60)
        if ag.COMPILED:
            assert x.grad in (0.0, right)
    assert interrupted == 5
    x.zero_grad()
    y.backward()
    assert x.grad == right


def test_sweeps_of_two_threads_over_shared_nodes_do_not_mix():
    x = Value(0.5)
    shared = x
    for _ in range(100_000 if ag.COMPILED else 2_000):
        shared = shared * 0.5 + x
    a, b = shared * 2.0, shared * 3.0
    targets = [Value(1.0)]
    a.backward()
    one = x.grad
    x.zero_grad()
    b.backward()
    other = x.grad
    x.zero_grad()
    del targets
    if not ag.COMPILED:
        return  # plain Python promises nothing to threads that share nodes
    threads = [threading.Thread(target=node.backward) for node in (a, b, a, b)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert x.grad == pytest.approx(2 * (one + other), rel=1e-12)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_during_another_threads_sweep_can_sweep(long_graph):
    _, y = long_graph
    worker = threading.Thread(target=lambda: [y.backward() for _ in range(3)])
    worker.start()
    child = os.fork()
    if child == 0:
        try:
            v = Value(3.0)
            (v * v).backward()
            ag.topological_order(y)
            os._exit(0 if v.grad == 6.0 else 1)
        finally:
            os._exit(2)
    worker.join(120)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_that_differentiate_with_respect_to_one_leaf_do_not_lose_its_gradient(eager_switches):
    """Each marks the inputs during its own walk: what another one takes away must not be missed."""
    w = Value(3.0)
    length = 70_000 if ag.COMPILED else 300  # longer than the walk from one look at other threads to the next
    found = []

    def work():
        for _ in range(2):
            middle = y = w * 2.0
            for _ in range(length):
                y = y + w
            found.extend(ag.differentiate(y, [w])[0].data for _ in range(3))
            found.append(ag.differentiate(y * middle, [middle])[0].data - y.data - middle.data + length + 2.0)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == [length + 2.0] * 24
