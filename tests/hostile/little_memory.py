"""Walk over graphs while memory runs out: ``python little_memory.py SEED``; then check the graph."""

import collections
import copy
import pickle
import random
import resource
import sys

import autograd_core as ag
from autograd_core.engine.modes import preserved
from autograd_core.engine.sweep import Walk

N, MOST = (60_000, 20_000_000) if ag.COMPILED else (15_000, 10_000_000)  # operations; bytes left


def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def chain(x):
    y = x
    for _ in range(N // 2):
        y = y * 0.5 + x
    return y


def wide(x):
    return ag.sum([x * 2.0 for _ in range(N // 10)])


def deep_scopes():
    with preserved():  # leaves what was entered, however far that went
        for k in range(500):
            ag.scope(f"s{k}").__enter__()
        return ag.Value(1.0) * 2.0


def main(seed):
    chance = random.Random(seed)
    x = ag.Value(0.5, "x")
    graphs = [chain(x), wide(x)]
    for graph in graphs:
        graph.backward()
    right, order = x.grad, len(ag.topological_order(*graphs))
    work = {
        "backward": lambda: chance.choice(graphs).backward(),
        "order": lambda: ag.topological_order(*graphs),
        "walk": lambda: Walk(graphs),
        "pickle": lambda: pickle.loads(pickle.dumps(graphs)),
        "copy": lambda: copy.deepcopy(graphs),
        "build": lambda: chain(x),
        "wide": lambda: wide(x),
        "softmax": lambda: ag.softmax([x * float(i) for i in range(300)]),
        "grad": lambda: ag.grad(lambda v: chain(v))(0.5),
        "higher": lambda: ag.differentiate(graphs[1], [x]),
        "scopes": deep_scopes,
        "statistics": lambda: ag.statistics(graphs[0]),
    }
    told = collections.Counter()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    for _ in range(12):
        name = chance.choice(list(work))
        reserve = bytearray(4 << 20)  # given back first, so that the lines below have memory to run in
        resource.setrlimit(resource.RLIMIT_AS, (used() + chance.randrange(MOST), hard))
        try:
            work[name]()
        except MemoryError:
            del reserve
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
            told["MemoryError"] += 1
        else:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
            told["done"] += 1
    x.zero_grad()
    for graph in graphs:
        graph.backward()
    assert x.grad == right, (x.grad, right)
    assert len(ag.topological_order(*graphs)) == order
    assert ag.Value(1.0).scope == ""
    print(dict(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
