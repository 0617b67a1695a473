"""The result of a gradient check: a row for each input, the faulty operations, and how to read them."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Fault", "GradientReport", "Row", "Verdict"]

Verdict = Literal[
    "ok",
    "wrong",
    "undecided",
    "kink",
    "boundary",
    "jump",
    "infinite",
    "noise",
    "non-finite",
    "not repeatable",
]

MEANING: dict[str, str] = {
    "ok": "the gradient agrees with the finite difference",
    "wrong": "the gradient disagrees with the finite difference by more than its error",
    "kink": "the slopes from left and right differ; the gradient lies between them",
    "boundary": "the function exists on one side only; the gradient is the slope of that side",
    "jump": "the function jumps here: it has no derivative",
    "infinite": "the slope grows without bound here",
    "undecided": "the finite difference cannot tell a right gradient from a wrong one here; scale the "
    "function, subtract a large constant from it, or compute it with less cancellation (fsum, expm1, log1p)",
    "noise": "the function is too rough or too badly rounded for a slope to be told",
    "non-finite": "the function or the gradient is nan or infinite here",
    "not repeatable": "the function or the gradient gives another result for the same input: randomness, or "
    "state that changes",
}
# From worst to best: the order of the rows of a report.
SEVERITY: tuple[Verdict, ...] = (
    "wrong",
    "not repeatable",
    "non-finite",
    "jump",
    "noise",
    "infinite",
    "undecided",
    "kink",
    "boundary",
    "ok",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One input's verdict.

    Attributes:
        name: the input.
        analytic: the derivative under test.
        numeric: the finite difference.
        error: the estimated error of the finite difference.
        tolerance: the difference that was allowed.
        verdict: what was concluded.
        accepted: whether the verdict counts as a pass.
        note: how a wrong derivative is wrong, where that can be told, or what else there is to say.
        left: the slope from below, at a kink.
        right: the slope from above, at a kink.
        drowned: whether f's rounding hides the slope up to ``tolerance``, and the gradient is within it.
        precision: the part of the gradient up to which a mistake would not show, where it is above 0.1 %;
            infinite where 0 is confirmed within ``tolerance`` only.
    """

    name: str
    analytic: float
    numeric: float
    error: float
    tolerance: float
    verdict: Verdict
    accepted: bool
    note: str = ""
    left: float | None = None
    right: float | None = None
    drowned: bool = False
    precision: float = 0.0

    @property
    def excess(self) -> float:
        """The difference in units of the tolerance."""
        difference = abs(self.analytic - self.numeric)
        if math.isnan(difference):
            return math.inf
        return difference / self.tolerance if self.tolerance else (math.inf if difference else 0.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """An operation whose stored partial is wrong, found by checking that operation by itself.

    Attributes:
        operation: the operation's name.
        operand: which operand the partial belongs to, from 0.
        row: the partial and its finite difference.
        operands: the numbers it was applied to.
        label: the label of a node where it happens.
        scope: the scope of that node.
        source: file and line that made the node, where the graph was built under ``diagnose()``.
        count: how many of the nodes examined show it.
        examined: how many nodes of this operation were examined.
        node: the node itself.
    """

    operation: str
    operand: int
    row: Row
    operands: tuple[float, ...]
    label: str = ""
    scope: str = ""
    source: tuple[str, int] | None = None
    count: int = 1
    examined: int = 1
    node: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        where = [f"label {self.label!r}"] if self.label else []
        where += [f"scope {self.scope}"] if self.scope else []
        where += [f"{self.source[0]}:{self.source[1]}"] if self.source else []
        place = f" ({', '.join(where)})" if where else ""
        arguments = ", ".join(f"{number:.6g}" for number in self.operands[:6])
        dots = ", ..." if len(self.operands) > 6 else ""
        note = f": {self.row.note}" if self.row.note else ""
        row = self.row
        return (
            f"{self.operation}({arguments}{dots}){place}: the partial with respect to operand {self.operand} "
            f"is {row.analytic:.12g}, the finite difference {row.numeric:.12g} ± {row.error:.1g}{note} "
            f"({self.count} of {self.examined} nodes)"
        )


@dataclass(frozen=True, slots=True)
class GradientReport:
    """What a gradient check found.

    Attributes:
        rows: one row for each input (or direction, or pair of inputs for ``order=2``), worst first.
        faults: operations of the graph whose partials are wrong.
        value: the function's value at the inputs.
        evaluations: how often the function was called.
        operations: how many partials of operations were checked by themselves.
        node: the graph's output, where the function made one.
        hints: what else may explain a failure.
        hidden: the part of the gradient that accepted undecided rows could hide.
    """

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    value: float
    evaluations: int
    operations: int = 0
    node: Any = field(default=None, repr=False, compare=False)
    hints: tuple[str, ...] = ()
    hidden: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every verdict is accepted and no operation is faulty."""
        return not self.faults and all(row.accepted for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that were not accepted."""
        return tuple(row for row in self.rows if not row.accepted)

    @property
    def largest_error(self) -> float:
        """The largest relative difference between a derivative and its finite difference."""
        finite = [row for row in self.rows if row.verdict in ("ok", "wrong", "boundary")]
        return max(map(relative, finite), default=0.0)

    def counts(self) -> dict[str, int]:
        """How many rows got each verdict."""
        return {v: n for v in SEVERITY if (n := sum(row.verdict == v for row in self.rows))}

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, limit: int = 20) -> str:
        """Return the report as text, the first ``limit`` rows in a table."""
        parts = [self.headline(), table(HEADINGS, [cells(row) for row in self.rows[:limit]])]
        if len(self.rows) > limit:
            parts.append(f"... and {len(self.rows) - limit:,} more rows")
        if self.faults:
            parts.append("\n".join(["Faulty operations:", *(f"  {fault}" for fault in self.faults[:limit])]))
        parts += self.hints
        shown = [v for v in self.counts() if v != "ok"]
        parts.append("\n".join(f"{verdict}: {MEANING[verdict]}" for verdict in shown))
        return "\n".join(part for part in parts if part)

    def headline(self) -> str:
        """Return one line that says it all."""
        texts = {verdict: f"{count:,} {verdict}" for verdict, count in self.counts().items()}
        if self.hidden:
            texts["undecided"] += f" (a mistake of {self.hidden:.2g} of the gradient could hide there)"
        verdicts = ", ".join(texts.values())
        faulty = ", ".join(sorted({fault.operation for fault in self.faults}))
        blame = f"; faulty operation: {faulty}" if faulty else ""
        state = "passed" if self.passed else "FAILED"
        verdicts = (verdicts or "nothing to check") + self.reach() + blame
        return f"gradient check {state}: {verdicts} (f = {self.value:.6g})"

    def reach(self) -> str:
        """How far the accepted rows are confirmed, where that is not far."""
        rows = [row for row in self.rows if row.accepted and row.precision]
        shares = [row.precision for row in rows if row.precision < math.inf]
        zeros = [row.tolerance for row in rows if row.precision == math.inf]
        text = f"; {len(shares):,} only within {percent(max(shares))}" if shares else ""
        return text + (f"; {len(zeros):,} equal to 0 only within {max(zeros):.1g}" if zeros else "")

    def to_html(self, picture: str = "") -> str:
        """Return the report as one self-contained HTML page.

        Args:
            picture: SVG of the failing subgraph, put below the table as it is.
        """
        headings = "".join(f"<th>{html.escape(heading)}</th>" for heading in HEADINGS)
        rows = "".join(html_row(row) for row in self.rows)
        faults = "".join(f"<li>{html.escape(str(fault))}</li>" for fault in self.faults)
        hints = "".join(f"<p>{html.escape(hint)}</p>" for hint in self.hints)
        return HTML.format(
            headline=html.escape(self.headline()),
            table=HTML_TABLE.format(headings=headings, rows=rows),
            faults=f"<h2>Faulty operations</h2><ul>{faults}</ul>" if faults else "",
            hints=hints,
            picture=f"<h2>Graph</h2>{picture}" if picture else "",
        )

    def __rich__(self) -> Any:
        """Return the table that ``rich.print(report)`` shows."""
        from rich.table import Table
        from rich.text import Text

        result = Table(title=self.headline(), title_justify="left")
        for heading in HEADINGS:
            result.add_column(heading, justify="left" if heading in ("input", "verdict", "note") else "right")
        for row in self.rows:
            result.add_row(*map(Text, cells(row)), style="" if row.accepted else "bold red")
        return result


HEADINGS = ("input", "gradient", "finite difference", "± error", "difference", "verdict", "note")
HTML_TABLE = "<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"
HTML = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Gradient check</title><style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2em }} h1 {{ font-size: 1.3em }}
table {{ border-collapse: collapse }} td, th {{ padding: .2em .8em; text-align: right; border-bottom: 1px
solid #8884 }} :is(td, th):first-child, :is(td, th):nth-last-child(-n+2) {{ text-align: left }} .failed {{
font-weight: bold; color: #c22; color: light-dark(#b3001b, #ff8a80) }} svg {{ max-width: 100% }}
</style></head><body><h1>{headline}</h1>
{table}{faults}{hints}{picture}</body></html>
"""


def percent(share: float) -> str:
    """A share in two digits."""
    return f"{100 * share:.2g}%"


def relative(row: Row) -> float:
    """The difference over the larger of both numbers."""
    scale = max(abs(row.analytic), abs(row.numeric))
    return abs(row.analytic - row.numeric) / scale if scale else 0.0


def cells(row: Row) -> tuple[str, ...]:
    """The texts of one row."""
    numeric = f"{row.numeric:.12g}"
    if row.left is not None and row.right is not None:
        numeric = f"{row.left:.6g} | {row.right:.6g}"
    return (
        row.name if len(row.name) <= 40 else row.name[:37] + "...",
        f"{row.analytic:.12g}",
        numeric,
        f"{row.error:.1g}",
        f"{abs(row.analytic - row.numeric):.1g}",
        row.verdict,
        row.note,
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out texts in columns; the first and the last two are words, the others numbers."""
    if not rows:
        return ""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    words = {0, len(headings) - 2, len(headings) - 1}
    laid = [
        "  ".join(
            text.ljust(width) if column in words else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(laid)


def html_row(row: Row) -> str:
    """One row of the HTML table."""
    texts = "".join(f"<td>{html.escape(text)}</td>" for text in cells(row))
    return f'<tr class="{"passed" if row.accepted else "failed"}">{texts}</tr>'
