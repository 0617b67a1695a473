"""What `nn.fit` costs where a user's case differs from the plain one, and next to other libraries by size.

Run as ``python -m benchmarks.training``. The first table has the time of an epoch of a 64-32-10 network,
minibatches of 32 and Adam, with one thing changed, as a multiple of the plain epoch. The second has the time
of an update by size of network and minibatch, next to PyTorch in float64 and in float32, JAX and NumPy by
hand, on one thread. Cases take turns, and the least of several rounds counts. Last comes how long it takes
until 670,000 parameters have made their first update.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import autograd_core as ag
import nn
from benchmarks.timing import Worker

ROUNDS = 5
ROWS, INPUTS, CLASSES = 1600, 64, 10


class Unchanged(nn.Adam):
    """A subclass that changes nothing."""


class Signs(nn.Optimizer):
    """A rule of its own."""

    buffer_names = ("mean",)

    def rule(self, values: Any, gradients: Any, buffers: Any, rate: float) -> Any:
        """Sign descent."""
        import numpy as np

        mean = 0.9 * buffers["mean"] + 0.1 * gradients
        return values - rate * np.sign(mean), {"mean": mean}


class Listener:
    """Hears of every update."""

    def on_update(self, run: Any) -> None:
        """Do nothing."""


class Freezer:
    """Freezes and unfreezes 2,080 of the 2,410 parameters in turn."""

    def on_update(self, run: Any) -> None:
        """At every update."""
        (run.model.freeze if run.updates % 2 else run.model.unfreeze)("layer1")


class FirstUpdate:
    """A progress bar that notes when, by both clocks, the first update has been made."""

    def __init__(self) -> None:
        self.clocks: tuple[float, float] | None = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The bar."""
        return self

    def update(self, count: int) -> None:
        """Updates have been made."""
        self.clocks = self.clocks or (time.perf_counter(), time.process_time())

    def set_postfix_str(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Close nothing."""


class Own(nn.Module):
    """A module of the user's."""

    def __init__(self) -> None:
        self.net = nn.MLP(INPUTS, [32, CLASSES], seed=1)

    def __call__(self, x: Any) -> Any:
        """Twice the logits."""
        return [2.0 * v for v in self.net(x)]


class Words(nn.Module):
    """Four indices and their embeddings."""

    def __init__(self) -> None:
        self.words, self.net = nn.Embedding(20, 8, seed=1), nn.MLP(32, [32, CLASSES], seed=1)

    def __call__(self, x: Any) -> Any:
        """The logits."""
        return self.net(self.words(x))


def plain() -> nn.MLP:
    """The network that all are compared with."""
    return nn.MLP(INPUTS, [32, CLASSES], seed=1)


def with_dropout() -> nn.Sequential:
    """The same with dropout."""
    first = nn.Layer(INPUTS, 32, seed=1)
    return nn.Sequential(first, nn.Dropout(0.5, seed=2), nn.Layer(32, CLASSES, nonlin=False, seed=3))


def with_branch() -> nn.MLP:
    """The same with a branch in the activation."""
    return nn.MLP(INPUTS, [32, CLASSES], activation=lambda a: a if a > 0 else 0.1 * a, seed=1)


def by_index(outputs: Any, label: int) -> Any:
    """Cross-entropy that takes outputs[label]."""
    return ag.logsumexp(outputs) - outputs[int(label)]


def with_jump(outputs: Any, label: int) -> Any:
    """A loss that branches on its value."""
    loss = nn.cross_entropy(outputs, label)
    return loss if loss < 2.0 else 0.5 * loss


def cases() -> dict[str, tuple[Callable[[], Any], type[nn.Optimizer], str, dict[str, Any]]]:
    """Name -> (model, optimizer, data, options)."""
    import numpy as np

    rng = np.random.default_rng(1)
    held_out = rng.normal(size=(500, INPUTS)), rng.integers(0, CLASSES, 500)
    return {
        "plain": (plain, nn.Adam, "numbers", {}),
        "an epoch callback": (plain, nn.Adam, "numbers", {"callbacks": lambda run: None}),
        "validation on 500 rows": (plain, nn.Adam, "numbers", {"validation": held_out}),
        "class A(nn.Adam): pass": (plain, Unchanged, "numbers", {}),
        "a rule of one's own": (plain, Signs, "numbers", {}),
        "on_update": (plain, nn.Adam, "numbers", {"callbacks": Listener()}),
        "freezing at every update": (plain, nn.Adam, "numbers", {"callbacks": Freezer()}),
        "class weights": (plain, nn.Adam, "numbers", {"class_weight": "balanced"}),
        "own Module with validation": (Own, nn.Adam, "numbers", {"validation": held_out}),
        "loss by index": (plain, nn.Adam, "numbers", {"loss": by_index}),
        "a branch in the loss": (plain, nn.Adam, "numbers", {"loss": with_jump}),
        "dropout": (with_dropout, nn.Adam, "numbers", {}),
        "a branch in the activation": (with_branch, nn.Adam, "numbers", {}),
        "an embedding of 4 indices": (Words, nn.Adam, "indices", {}),
    }


def epoch_seconds(
    make: Any, optimizer: Any, X: Any, y: Any, options: dict[str, Any], batch: int
) -> tuple[float, str]:
    """The least time of the second to fourth epoch, and what it was trained on."""
    history = nn.fit(
        make(), X, y, optimizer=optimizer(lr=1e-3), batch_size=batch, epochs=4, seed=1, **options
    )
    ends = history["seconds"]
    return min(b - a for a, b in pairwise(ends)), history.trained_on


def cliffs() -> None:
    """Print the first table."""
    import numpy as np

    rng = np.random.default_rng(0)
    data = {
        "numbers": rng.normal(size=(ROWS, INPUTS)),
        "indices": rng.integers(0, 20, (ROWS, 4)).astype(float),
    }
    y = rng.integers(0, CLASSES, ROWS)
    best: dict[str, float] = {}
    told: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, (make, optimizer, kind, options) in cases().items():
            seconds, told[name] = epoch_seconds(make, optimizer, data[kind], y, options, 32)
            best[name] = min(seconds, best.get(name, seconds))
    updates = -(-ROWS // 32)
    print(f"plain: {best['plain'] / updates * 1e6:.0f} us an update")
    for name, seconds in best.items():
        print(f"  {name:30} {seconds / best['plain']:7.2f}   {told[name]}")


def sizes() -> None:
    """Print the second table; the rivals run in the peers' own environment, in turn with us."""
    import numpy as np

    rng = np.random.default_rng(0)
    names = ("PyTorch", "PyTorch-float32", "JAX", "NumPy")
    print("\nmicroseconds an update; behind each rival's ours as a multiple of it")
    print(f"{'':25}{'ours':>8}" + "".join(f"{name:>18}" for name in names))
    for widths in ([2, 16, 16, 2], [64, 32, 10], [784, 32, 10], [784, 128, 10]):
        for batch in (1, 32, 128, 1000):
            rows, shape = max(batch, min(2000, 20 * batch)), "-".join(map(str, widths))
            X, y = rng.normal(size=(rows, widths[0])), rng.integers(0, widths[-1], rows)
            best = dict.fromkeys(("ours", *names), float("inf"))
            with ExitStack() as stack:
                rivals = {
                    name: stack.enter_context(Worker("by_size", name, shape, batch, rows)) for name in names
                }
                for _ in range(ROUNDS):
                    found, _told = epoch_seconds(
                        lambda widths=widths: nn.MLP(widths[0], widths[1:], seed=1), nn.Adam, X, y, {}, batch
                    )
                    best["ours"] = min(found, best["ours"])
                    for name, rival in rivals.items():
                        best[name] = min(rival.run(3), best[name])
            ours, *theirs = (seconds / -(-rows // batch) * 1e6 for seconds in best.values())
            cells = "".join(f"{us:10.0f} ({ours / us:5.2f})" for us in theirs)
            print(f"  {shape:12} batch {batch:5}{ours:8.0f}{cells}", flush=True)


def beginning() -> None:
    """Print how long a large network takes from the call of `fit` to its first update."""
    import numpy as np

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(640, 784)), rng.integers(0, CLASSES, 640)
    found = []
    for _ in range(ROUNDS):
        model, bar = nn.MLP(784, [800, 50, CLASSES], seed=1), FirstUpdate()
        start = time.perf_counter(), time.process_time()
        nn.fit(model, X, y, optimizer=nn.Adam(lr=1e-3), epochs=1, seed=1, progress=bar)
        assert bar.clocks is not None
        found.append([end - begin for begin, end in zip(start, bar.clocks, strict=True)])
    wall, processor = map(min, zip(*found, strict=True))
    print(
        f"\n{len(model.parameters()):,} parameters: the first update {wall:.2f} s after the call of fit "
        f"({processor:.2f} s of processor time)"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore", nn.SlowTrainingWarning)
    cliffs()
    sizes()
    beginning()
