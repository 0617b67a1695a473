"""Fit a logistic regression to a file of rows on a local Dask cluster, one of whose workers is killed.

    python examples/scale_out.py [--rows 1000000] [--workers 2] [--updates 20] [--chunk 16384]

The file is never loaded as a whole. The gradient of all rows is summed chunk by chunk in a fixed tree: one
process, the cluster, and the cluster that lost a worker find the same bits. Needs the extra dask.

With --workers 0 there is one process alone: 10^8 rows, in 3.6 GB that stay on the disk, are

    python examples/scale_out.py --rows 100000000 --updates 1 --workers 0
"""

import argparse
import os
import signal
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster

import autograd_core as ag

FEATURES = 8


def write_rows(path, rows):
    """Write features and a label, 0 or 1, behind them; a part at a time."""
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, FEATURES + 1))
    dice, truth = np.random.default_rng(0), np.linspace(-1.0, 1.0, FEATURES)
    for start in range(0, rows, 100_000):
        part = file[start : start + 100_000]
        part[:, :-1] = dice.normal(size=(len(part), FEATURES))
        part[:, -1] = part[:, :-1] @ truth + dice.logistic(size=len(part)) > 0.0


class Model:
    """A logistic regression; it may be sent to another process with its weights."""

    def __init__(self):
        self.weights = [ag.Value(0.0) for _ in range(FEATURES)]
        self.bias = ag.Value(0.0)

    def loss(self, row):
        """The cross-entropy of one row: softplus(z) - y z."""
        z = ag.dot(self.weights, row[:FEATURES], self.bias)
        return ag.softplus(z) - row[FEATURES] * z


def fit(rows, updates, chunk, executor=None):
    """Return the mean loss before each update, and the weights and the bias after the last."""
    model = Model()
    parameters = [*model.weights, model.bias]
    program = ag.record(model.loss, [0.5] * (FEATURES + 1))
    losses = []
    for _ in range(updates):
        total, gradient = program.sum_value_and_grad(
            rows, wrt=parameters, gradient=1.0 / len(rows), chunk=chunk, executor=executor
        )
        losses.append(float(total) / len(rows))
        for parameter, slope in zip(parameters, gradient, strict=True):
            parameter.data -= 2.0 * slope
    return losses, [parameter.data for parameter in parameters]


class Deadly:
    """Rows that kill a worker as soon as some chunks of them have been taken."""

    def __init__(self, rows, client, chunks):
        self.rows, self.client, self.left = rows, client, chunks

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, part):
        self.left -= 1
        if self.left == 0:
            victim = next(iter(self.client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
        return self.rows[part]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--chunk", type=int, default=16_384)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write_rows(path, options.rows)
        rows = np.load(path, mmap_mode="r")
        print(f"{options.rows} rows, {rows.nbytes / 1e6:.0f} MB in a file, chunks of {options.chunk}")
        tracemalloc.start()
        started = time.perf_counter()
        alone = fit(rows, options.updates, options.chunk)
        seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"one process:         mean loss {alone[0][0]:.4f} to {alone[0][-1]:.4f}")
        print(f"                     {seconds:.1f} s, at most {peak / 1e6:.1f} MB allocated at once")
        if not options.workers:
            return True
        cluster = LocalCluster(
            n_workers=options.workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        )
        with cluster, Client(cluster) as client, client.get_executor() as executor:
            together = fit(rows, options.updates, options.chunk, executor)
            print(f"{options.workers} workers:           the same bits: {together == alone}")
            third = options.rows // options.chunk // 3 + 1
            less = fit(Deadly(rows, client, third), options.updates, options.chunk, executor)
            print(f"one of them killed:  the same bits: {less == alone}")
    return together == alone == less


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
