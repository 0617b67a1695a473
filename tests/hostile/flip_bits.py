"""Load pickles with one bit flipped: ``python flip_bits.py COUNT SEED``; count what came out."""

import collections
import math
import os
import pickle
import random
import sys
import warnings

import autograd_core as ag


@ag.operation(lambda x, y: 2.0 * x)
def squared_by_hand(x):
    return x * x


def graph():
    with ag.scope("layer"), ag.scope("neuron"):
        x = ag.Value(2.0, "x")
        y = ag.Value(-0.5, 'y "quoted" <name>')
        z = ag.dot([x, y, x], [y, 1.5, 2.0], 0.1).tanh() + squared_by_hand(y) ** 2
        p = ag.softmax([x, y, z, 1.0])
        out = (p[1] * p[3]).log() + ag.log_softmax([z, x])[1]
    with ag.diagnose():
        out = out + ag.where(ag.greater(x, 0.0), x, y).clip(-1.0, 5.0)
    out.backward()
    return [out, z, x]


def numbers(nodes):
    return [(node.data, node.grad, node.op, node.scope) for node in ag.topological_order(*nodes)]


def main(count, seed):
    chance = random.Random(seed)
    whole = graph()
    truth = numbers(whole)
    texts = [pickle.dumps(whole, protocol) for protocol in (2, 3, 4, 5)]
    outcomes = collections.Counter()
    for _ in range(count):
        flipped = bytearray(chance.choice(texts))
        bit = chance.randrange(8 * len(flipped))
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            loaded = pickle.loads(bytes(flipped))
        except MemoryError:
            outcomes["refused"] += 1
            continue
        except Exception:
            outcomes["refused"] += 1
            continue
        try:
            same = numbers(loaded) == truth
        except Exception:
            outcomes["not a list of Values"] += 1
            continue
        if same or len(loaded) != len(whole):
            outcomes["same" if same else "other list"] += 1
            continue
        outcomes["WRONG"] += 1
        print(bit, numbers(loaded), file=sys.stderr)
    assert numbers(whole) == truth
    assert all(math.isfinite(number) for row in truth for number in row[:2])
    print(dict(outcomes))


def limit_memory():
    """Python's own unpickler asks for as much memory as a flipped length says."""
    watched = "asan" in os.environ.get("LD_PRELOAD", "")  # AddressSanitizer reserves terabytes
    if sys.platform.startswith("linux") and not watched:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


if __name__ == "__main__":
    limit_memory()
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]), int(sys.argv[2]))
