"""The compiled and the uncompiled engine give the same bits and the same messages.

One program of many lines runs in two fresh processes, one of each kind, and its output must be the same text.
"""

import os
import subprocess
import sys

import pytest

from autograd_core import COMPILED

PRELUDE = """
import itertools, math, random, struct, sys
import autograd_core as ag
from autograd_core import OPERATIONS, Value
from autograd_core.engine.nary import apply

def bits(number):
    return struct.pack(">d", number).hex() if number == number else "nan"

def told(nodes):
    return " ".join(bits(x) for node in nodes for x in (node.data, node.grad, *node.partials))
"""

PROGRAMS = {
    "every operation at every special number": """
special = [0.0, -0.0, 1.0, -2.5, 1e200, math.inf, math.nan]
more = [-1.0, 0.5, 20.0, 720.0, -760.0, -1e308, 5e-324, -math.inf]
for name, rule in OPERATIONS.items():
    if rule.identifier:
        count = rule.arity or 3
        points = special if count == 3 else special + more
        for operands in itertools.product(points, repeat=count):
            if name == "polygamma" and operands[0] not in (0.0, 1.0):
                continue
            for index in range(3 if name in ("softmax", "log_softmax") else 1):
                leaves = [Value(x, "x") for x in operands]
                try:
                    node = apply(rule, leaves, index)
                except (ArithmeticError, ValueError) as error:
                    print(name, operands, type(error).__name__, error)
                    continue
                node.backward()
                print(name, operands, told([node, *leaves]), *[leaf.has_grad for leaf in leaves])
""",
    "constants on either side": """
for x, y in itertools.product([0.0, -0.0, 2.0, -3.0, 0.5, 1e300, math.inf, math.nan], repeat=2):
    for symbol in ("+", "-", "*", "/", "%", "**"):
        for left, right in ((Value(x), y), (x, Value(y))):
            try:
                node = eval(f"left {symbol} right")
            except (ArithmeticError, ValueError) as error:
                print(symbol, x, y, type(error).__name__, error)
                continue
            node.backward()
            print(symbol, x, y, told(ag.topological_order(node)), node, node._op)
""",
    "random graphs, their gradients and the gradients of those": """
from autograd_core.checking.strategies import random_graph
for seed in range(150):
    graph = random_graph(random.Random(seed), inputs=3, steps=15)
    leaves = [Value(x, f"x{k}") for k, x in enumerate(graph.inputs)]
    output = graph(*leaves)
    if not isinstance(output, Value):
        continue
    output.backward(0.75)
    order = ag.topological_order(output)
    print(seed, told(order), *[node.op for node in order])
    print(*[c.operand for c in ag.contributions(output)])
    for first in ag.differentiate(output, leaves):
        print(told([first]), *[told([second]) for second in ag.differentiate(first, leaves)])
    if output.is_leaf or any(node.data != node.data for node in order):
        continue
    explanation = output.explain(leaves[0], limit=5)
    print(explanation.count, bits(explanation.total), *[bits(path.product) for path in explanation.paths])
""",
    "sums, products and layers of many operands": """
generator = random.Random(7)
for size in (1, 2, 3, 4, 17, 200):
    xs = [Value(generator.gauss(0, 3)) for _ in range(size)]
    ws = [Value(generator.gauss(0, 1)) for _ in range(size)]
    outputs = [ag.dot(ws, xs), ag.dot(ws, xs, 0.5), ag.dot([1.5] * size, xs)]
    outputs += ag.softmax(xs)[:3] + ag.log_softmax(xs)[:3]
    outputs += [f(xs) for f in (ag.sum, ag.mean, ag.logsumexp, ag.norm, ag.max, ag.min, ag.prod)]
    ag.backward(outputs, [0.1 * k for k in range(len(outputs))])
    print(told(outputs), told(xs), told(ws))
    gradients = ag.hessian(lambda v: ag.logsumexp(v) * ag.norm(v))([x.data for x in xs[:4]])
    print([[bits(x) for x in row] for row in gradients])
""",
    "transforms": """
def f(v):
    return ag.tanh(v[0] * v[1]) + ag.softplus(v[2]) ** 2 / (1 + v[1] * v[1])
x = [0.3, -1.2, 0.8]
print([bits(t) for t in ag.grad(f)(x)], [[bits(t) for t in row] for row in ag.hessian(f)(x)])
print([bits(t) for t in ag.hvp(f, x, [1.0, 2.0, 3.0])])
print([bits(t) for t in ag.jvp(f, (x,), ([1.0, 2.0, 3.0],))])
g = ag.sin
for _ in range(5):
    g = ag.grad(g)
    print(bits(g(0.7)))
""",
    "modes": """
x = Value(2.0, "x")
with ag.scope("a"), ag.scope("b"):
    y = x * 3.0
with ag.no_grad():
    z = y * y
print(y, y.scope, z, z.is_constant, z.scope, z.has_grad, repr(x.detach()), x.stop_gradient())
for action in (lambda: ag.log(x - 3.0), lambda: ag.exp(x * 1e300), lambda: x / (x - 2.0)):
    for mode in (ag.no_grad(), ag.scope("layer"), ag.diagnose()):
        with mode:
            try:
                print(action())
            except ArithmeticError as error:
                print(type(error).__name__, str(error).split(" at ")[0])
            except ValueError as error:
                print(type(error).__name__, str(error).split(" at ")[0])
""",
}


def output_of(program, uncompiled):
    environment = {**os.environ, "AUTOGRAD_UNCOMPILED": "1" if uncompiled else "0"}
    check = f"assert ag.COMPILED is {not uncompiled}\n"
    run = subprocess.run(
        [sys.executable, "-c", PRELUDE + check + program], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.splitlines()


@pytest.mark.skipif(
    not COMPILED, reason="there is no compiled engine here, or the uncompiled one was asked for"
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_and_uncompiled_agree_on(name):
    compiled, plain = output_of(PROGRAMS[name], False), output_of(PROGRAMS[name], True)
    assert len(compiled) >= 2
    for one, other in zip(compiled, plain, strict=True):
        assert one == other
