"""Gradient checkers side by side: what each catches, misses and wrongly accuses, and how long it takes.

``python -m benchmarks.checking`` prints everything; ``--write`` also puts the tables of checkers into the
documentation (``--table`` does only that). Peers that are not installed are left out: PyTorch, JAX, HIPS
autograd, numdifftools and SciPy. The cases are the two corpora of the tests, of functions of floats and of
vectors, which grow with every defect that is found, and each operation at the points of the mutation test,
where every partial shows in the value. Times are those of the processor, all threads together.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograd_core import OPERATIONS, Value, dot, relu, square
from autograd_core.checking.check import gradient_report
from autograd_core.checking.report import GradientReport
from autograd_core.checking.strategies import random_graph
from benchmarks.checking_peers import Case, peers, vector_peers
from benchmarks.environment import ROOT

GRAPHS = 10_000
CALIBRATED = 1_000


PAGE = ROOT / "docs" / "reference" / "checking.md"
MARKS = "<!-- {} -->", "<!-- end of the {} -->"


@dataclass
class Score:
    """What one checker did with all cases."""

    seconds: float = 0.0
    counts: dict[tuple[str, bool, bool | None], int] = field(default_factory=dict)

    def add(self, case: Any, passed: bool | None) -> None:
        """Count a verdict: passed, failed, or (None) declared undecidable."""
        key = (case.group, case.right, passed)
        self.counts[key] = self.counts.get(key, 0) + 1

    def total(self, right: bool, *verdicts: bool | None, group: str | None = None) -> int:
        """How many right or wrong gradients got one of the verdicts, in a group or in all."""
        return sum(
            count
            for (own, truth, verdict), count in self.counts.items()
            if truth == right and verdict in verdicts and group in (None, own)
        )

    def row(self, name: str, seconds: float) -> str:
        """A row of the table in Markdown; the time is told in units of ``seconds``."""
        wrong, right = self.total(False, True, False, None), self.total(True, True, False, None)
        caught = f"{self.total(False, False, None)} of {wrong}"
        undecided = self.total(True, None)
        cells = (caught, f"{self.total(True, True)} of {right}", self.total(True, False), undecided)
        return f"| {name} | {' | '.join(map(str, cells))} | {self.seconds / seconds:.2f} |"

    def text(self, group: str) -> str:
        """What was wrong in a group: missed faults, false alarms."""
        faults = self.total(False, True, False, None, group=group)
        rights = self.total(True, True, False, None, group=group)
        undecided = self.total(True, None, group=group)
        parts = [f"caught {faults - self.total(False, True, group=group)}/{faults}"] if faults else []
        parts += [f"false alarms {self.total(True, False, group=group)}/{rights}"] if rights else []
        parts += [f"undecided {undecided}"] if undecided else []
        return ", ".join(parts)


# --- the cases ----------------------------------------------------------------------


def mutation_table() -> Any:
    """The table of operations and points that the mutation test uses."""
    return from_tests("test_checking_mutations")


def from_tests(name: str) -> Any:
    """A module of the checker's tests."""
    path = Path(__file__).parents[1] / "tests" / "autograd_core" / "checking" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"tables.{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # its dataclasses look there for their annotations
    specification.loader.exec_module(module)
    return module


def corpus_cases() -> list[Case]:
    """The corpus of the tests, but for what shows at other points only: the peers look at one."""
    cases = []
    for case in from_tests("corpus").CASES:
        if case.points > 1:
            continue
        group = f"corpus: {case.group}" + ("" if case.decidable else " (hardly decidable in floats)")
        cases.append(Case(group, case.function, case.gradient, case.point, case.right, case.decidable))
    return cases


def operation_cases(table: Any) -> list[Case]:
    """Each operation at each of its points, right, and with one partial broken."""
    cases = []
    for name, points in table.POINTS.items():
        operation = OPERATIONS[name]
        for point in points:
            if not table.fixed(name, point):
                gradient = right_gradient(operation)
                cases.append(Case("operations, right", operation.value, gradient, point, True))
    for name, mutation, slot, point in table.CASES:
        group = "one partial off by a factor 1.000001" if mutation == "factor" else "one partial quite wrong"
        if name != "polygamma":
            gradient = broken_gradient(table, OPERATIONS[name], mutation, slot)
            cases.append(Case(group, OPERATIONS[name].value, gradient, point, False))
    return cases


def right_gradient(operation: Any) -> Callable[..., Sequence[float]]:
    return lambda *xs: [float(p) for p in operation.partials(xs, operation.value(*xs))]


def broken_gradient(table: Any, operation: Any, mutation: str, slot: int) -> Callable[..., Sequence[float]]:
    right = right_gradient(operation)

    def gradient(*xs: float) -> Sequence[float]:
        partials = list(right(*xs))
        partials[slot] = table.MUTATIONS[mutation](right(*xs), slot, xs, operation.value(*xs))
        return partials

    return gradient


def ours(case: Case) -> bool | None:
    """This project's check."""
    return decided(gradient_report(case.function, list(case.point), gradient=case.gradient))


def decided(report: GradientReport) -> bool | None:
    """Whether a check passed; None where it could not decide."""
    undecided = not report.passed and all(row.verdict in ("noise", "undecided") for row in report.failures)
    return None if undecided else report.passed


# --- the tables ---------------------------------------------------------------------


def compare(write: bool = False) -> None:
    """Print what each checker did with each group of cases, of functions of floats and of vectors.

    Args:
        write: put the tables into the documentation.
    """
    scalars = operation_cases(mutation_table()) + corpus_cases()
    show("table", "functions of floats", scalars, {"autograd_core": ours, **peers()}, write)
    vectors = from_tests("vectors").VECTORS
    checkers = {"autograd_core": our_vectors, "autograd_core, full=True": our_jacobians, **vector_peers()}
    show("vectors", "vector functions", vectors, checkers, write)


def show(name: str, what: str, cases: Sequence[Any], checkers: dict[str, Any], write: bool) -> None:
    """Run all checkers on all cases, print what they did, and write a table if asked to."""
    groups = list(dict.fromkeys(case.group for case in cases))
    scores = {name: run(check, cases) for name, check in checkers.items()}
    width = max(map(len, groups)) + 2
    print(f"{len(cases)} gradients of {what}, right and wrong; the same for every checker")
    for checker, score in scores.items():
        print(f"\n{checker:<{width}}{score.seconds / len(cases) * 1e3:.2f} ms of CPU a gradient")
        for group in groups:
            print(f"  {group:<{width}}{score.text(group)}")
    lines = [
        "| checker | wrong gradients not passed | right gradients passed | right ones called wrong | "
        "right ones undecided | CPU time |",
        "|---|---|---|---|---|---|",
        *(score.row(checker, scores["autograd_core"].seconds) for checker, score in scores.items()),
    ]
    print("\n" + "\n".join(lines) + "\n")
    if write:
        first, last = (mark.format(name) for mark in MARKS)
        before, rest = PAGE.read_text(encoding="utf-8").split(first)
        after = rest.split(last)[1]
        table = "\n".join(["", "", *lines, "", ""])
        PAGE.write_text(before + first + table + last + after, encoding="utf-8")


def our_vectors(case: Any) -> bool | None:
    """This project's check of a vjp."""
    return decided(gradient_report(case.function, case.point, vjp=lambda x, u: u @ case.jacobian(x)))


def our_jacobians(case: Any) -> bool | None:
    """This project's check of every entry of a Jacobian."""
    return decided(gradient_report(case.function, case.point, gradient=case.jacobian, full=True))


def run(check: Callable[[Any], bool | None], cases: Sequence[Any]) -> Score:
    score = Score()
    start = time.process_time()
    for case in cases:
        score.add(case, check(case))
    score.seconds = time.process_time() - start
    return score


def mutants() -> None:
    """Print how many broken operations inside graphs were caught and named."""
    from autograd_core import sin

    table = mutation_table()
    caught = named = 0
    for name, mutation, slot, point in table.CASES:
        broken = table.mutant(OPERATIONS[name], mutation, slot)(len(point))
        scale = abs(OPERATIONS[name].value(*point)) or 1.0
        report = gradient_report(lambda *xs, f=broken, c=scale: sin(f(*xs) / c) + 0.5, list(point))
        caught += not report.passed
        named += (broken.name, slot) in {(fault.operation, fault.operand) for fault in report.faults}
    print(f"mutants: {caught} of {len(table.CASES)} caught, {named} named with operation and operand")


def random_graphs(count: int) -> None:
    """Print the false alarms among correct random graphs."""
    start = time.process_time()
    alarms = 0
    for seed in range(count):
        graph = random_graph(random.Random(seed))
        alarms += not gradient_report(graph, list(graph.inputs)).passed
    seconds = time.process_time() - start
    print(
        f"random correct graphs: {alarms} false alarms in {count:,} ({seconds / count * 1e3:.1f} ms a graph)"
    )


def calibration(count: int) -> None:
    """Print how often the error of a finite difference exceeds its estimate, by the accuracy of f."""
    table = from_tests("test_calibration")
    for name in table.CLASSES:
        found = table.calibrate(name, count, compared=True)
        print(
            f"estimated errors, {name}: exceeded in {found.above}, ten times in {found.far} of "
            f"{found.smooth} random functions; the right gradient undecided in {found.undecided}, accused in "
            f"{found.alarms}"
        )


def large_model() -> None:
    """Print the time to check 10,000 parameters."""
    generator = random.Random(0)
    layers = [[[Value(generator.gauss(0, 0.1)) for _ in range(70)] for _ in range(70)] for _ in range(2)]
    last = [Value(generator.gauss(0, 0.1)) for _ in range(200)]
    inputs = [generator.uniform(-1, 1) for _ in range(70)]

    def loss() -> Value:
        hidden: Sequence[Any] = inputs
        for layer in layers:
            hidden = [relu(dot(row, hidden)) for row in layer]
        return square(dot(last, [*hidden, *hidden, *hidden][:200]) - 1.0)

    parameters = [weight for layer in layers for row in layer for weight in row] + last
    start = time.process_time()
    report = gradient_report(loss, parameters, directions=5)
    seconds = time.process_time() - start
    print(f"model of {len(parameters):,} parameters, 5 directions: {seconds:.2f} s, {report.headline()}")


def main() -> None:
    """Print all tables."""
    compare(write="--write" in sys.argv or "--table" in sys.argv)
    if "--table" in sys.argv:
        return
    calibration(CALIBRATED)
    mutants()
    random_graphs(GRAPHS)
    large_model()


if __name__ == "__main__":
    main()
