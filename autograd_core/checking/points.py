"""Several points of one check: drawn beside the inputs or from a domain, and one report of all."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from autograd_core.checking.inputs import Inputs
from autograd_core.checking.report import SEVERITY, GradientReport, Row
from autograd_core.checking.subject import Function, flat

TRIES = 100  # points that are drawn for one at which f has a value


def places(
    function: Function,
    inputs: Any,
    points: int,
    domain: Callable[[random.Random], Any] | None,
    generator: random.Random,
) -> Iterator[Inputs]:
    """The inputs, and as many other points as asked for at which f has a value."""
    first = Inputs.of(function, inputs)
    yield first
    for _ in range(points - 1):
        for _ in range(TRIES):
            drawn = inputs if domain is None else domain(generator)
            if drawn is None:
                raise TypeError("domain returned None, not inputs (is a return missing?)")
            place = Inputs.of(function, drawn)
            if len(first.passed) > len(place.passed):
                place.keep_whole()
            if domain is None:
                place.start = [moved(x, generator) for x in place.numbers]
            trouble = no_value(function, place)
            if not trouble:
                break
        else:
            what = "give domain=" if domain is None else "another domain="
            raise ValueError(f"no point with a finite value was found in {TRIES} draws ({trouble}): {what}")
        yield place


def moved(x: float, generator: random.Random) -> float:
    """A number near another one, at times farther away or of the other sign."""
    size = abs(x) or 1.0
    if generator.random() < 0.75:
        return x + size * generator.uniform(-0.6, 0.6)
    return float(generator.choice((-1.0, 1.0)) * size * 10.0 ** generator.uniform(-1.0, 1.0))


def no_value(function: Function, place: Inputs) -> str:
    """Why f cannot be evaluated there; empty where it can."""
    before = list(place.current)
    try:
        place.move(place.start)
        numbers = flat(place.call(function, "plain"))
        return "" if all(map(math.isfinite, numbers)) else "f is not finite"
    except Exception as error:  # outside the domain
        return f"{type(error).__name__}: {error}"
    finally:
        place.move(before)


def at_point(report: GradientReport, number: int) -> GradientReport:
    """The report with the number of the point in every row's name."""
    rows = tuple(replace(row, name=f"{row.name} (point {number})") for row in report.rows)
    return replace(report, rows=rows)


def together(reports: Sequence[GradientReport]) -> GradientReport:
    """One report of the checks at several points, with the graph of the first that failed."""
    shown = next((report for report in reports if not report.passed), reports[0])
    return replace(
        shown,
        rows=ordered(row for report in reports for row in report.rows),
        faults=tuple(fault for report in reports for fault in report.faults),
        evaluations=sum(report.evaluations for report in reports),
        operations=sum(report.operations for report in reports),
        hints=tuple(dict.fromkeys(hint for report in reports for hint in report.hints)),
        hidden=max(report.hidden for report in reports),
    )


def ordered(rows: Any) -> tuple[Row, ...]:
    """The rows, worst first."""
    return tuple(sorted(rows, key=lambda row: (row.accepted, SEVERITY.index(row.verdict), -row.excess)))
