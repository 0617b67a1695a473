"""Gradient checks in tests: what the hooks of ``pytest_autograd_core`` call.

::

    def test_my_gradient(gradcheck):
        gradcheck(my_function, [0.5, 2.0], gradient=my_gradient)
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from autograd_core.checking.check import check_gradients
from autograd_core.checking.operation_check import OperationReport, check_operation
from autograd_core.checking.operations import check_partial, evaluator
from autograd_core.checking.report import HTML_TABLE, GradientReport
from autograd_core.checking.subject import Function
from autograd_core.files import replacing

if TYPE_CHECKING:
    from autograd_core import Value

__all__ = ["Gradcheck", "GradientAssertions", "assert_gradients_match", "write_page"]

SHOWN = 60  # nodes of the failing subgraph that a page lists
DRAWN = 400  # nodes up to which it is drawn
PARTIALS = (
    "scope",
    "node",
    "value",
    "operand",
    "its value",
    "partial",
    "finite difference",
    "verdict",
    "note",
)


class Gradcheck:
    """The ``gradcheck`` fixture.

    Args:
        options: of the command line; what a check says itself goes first.

    Attributes:
        reports: the reports of the checks that passed so far in this test.
    """

    reports: ClassVar[list[GradientReport]] = []

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    @classmethod
    def forget(cls) -> None:
        """Begin a new test."""
        cls.reports.clear()

    def __call__(self, function: Function, inputs: Any, **options: Any) -> GradientReport:
        """Check gradients as `autograd_core.checking.check_gradients` does."""
        __tracebackhide__ = True
        options = {**self.options, **options}
        if "points" not in options:
            options.pop("domain", None)  # it is for --gradcheck-points
        report = check_gradients(function, inputs, **options)
        self.reports.append(report)
        return report

    def operation(
        self, operation: Callable[..., Any], points: Sequence[Any], **options: Any
    ) -> OperationReport:
        """Check an operation as `autograd_core.checking.check_operation` does."""
        __tracebackhide__ = True
        return check_operation(operation, points, **options)


class GradientAssertions:
    """Gradient checks for ``unittest``: a class to inherit from beside ``unittest.TestCase``.

    >>> import unittest
    >>> class TestSquare(GradientAssertions, unittest.TestCase):
    ...     def test_gradient(self):
    ...         self.assertGradientsMatch(lambda x: x * x, [3.0], lambda x: 2 * x)
    >>> unittest.TestLoader().loadTestsFromTestCase(TestSquare).run(unittest.TestResult()).wasSuccessful()
    True
    """

    def assertGradientsMatch(
        self, function: Function, inputs: Any, gradient: Any = None, **options: Any
    ) -> None:
        """Fail unless a gradient agrees with finite differences; see `assert_gradients_match`."""
        assert_gradients_match(function, inputs, gradient, **options)

    def assertOperationRight(
        self, operation: Callable[..., Any], points: Sequence[Any], **options: Any
    ) -> None:
        """Fail unless an operation passes `autograd_core.checking.check_operation`."""
        check_operation(operation, points, **options)


def assert_gradients_match(function: Function, inputs: Any, gradient: Any = None, **options: Any) -> None:
    """Fail with a readable table unless a gradient agrees with finite differences.

    Args:
        function: see `autograd_core.checking.gradient_report`.
        inputs: where to check.
        gradient: the gradient under test; without it, the engine's.
        **options: the other options of `autograd_core.checking.gradient_report`.

    Raises:
        GradientCheckError: an AssertionError with the table.
    """
    __tracebackhide__ = True
    check_gradients(function, inputs, gradient=gradient, **options)


def write_page(report: GradientReport, folder: Path, name: str) -> Path:
    """Write the page of a failed check, whole or not at all.

    Args:
        report: of the check.
        folder: made when it does not exist.
        name: of the test; the file is named after it.

    Returns:
        The path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (re.sub(r"[^\w.-]+", "_", name)[-150:] + ".html")
    with replacing(path, durable=False) as temporary:
        temporary.write_text(report.to_html(picture(report)), encoding="utf-8")
    return path


def picture(report: GradientReport) -> str:
    """The failing subgraph: drawn where ``viz`` is installed, and as a table of partials."""
    root = report.faults[0].node if report.faults else report.node
    if root is None:
        return ""
    nodes = neighbourhood(root)
    return drawing(root) + edges(nodes)


def neighbourhood(root: Value) -> Sequence[Value]:
    """The root and the nodes before it, nearest first, at most `SHOWN`."""
    nodes, seen = [root], {id(root)}
    for node in nodes:
        for parent in node.parents:
            if id(parent) not in seen and len(nodes) < SHOWN:
                seen.add(id(parent))
                nodes.append(parent)
    return nodes


def drawing(root: Value) -> str:
    """SVG of the graph under the root, or nothing when it cannot be drawn here."""
    from importlib import import_module

    from autograd_core import topological_order

    if len(topological_order(root)) > DRAWN:
        return ""
    try:
        svg: str = import_module("viz").draw(root).svg()
    except Exception:  # a picture is an extra: whatever is missing, the table below says the same
        return ""
    return svg[svg.find("<svg") :]


def edges(nodes: Sequence[Value]) -> str:
    """A table of the nodes' partials, each beside its finite difference."""
    rows = []
    for node in nodes:
        if node.is_leaf:
            continue
        parents = node.parents
        operands = [parent.data for parent in parents]
        evaluate = evaluator(node)
        for slot, (parent, stored) in enumerate(zip(parents, node.partials, strict=True)):
            if parent.is_constant:
                continue
            row = check_partial(evaluate, operands, stored, slot)
            texts = (
                node.scope,
                node.label or node.op,
                f"{node.data:.9g}",
                f"{slot}: {parent.label or parent.op or 'leaf'}",
                f"{operands[slot]:.9g}",
                f"{row.analytic:.12g}",
                f"{row.numeric:.12g} ± {row.error:.1g}",
                row.verdict,
                row.note,
            )
            cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
            rows.append(f'<tr class="{"failed" if row.verdict == "wrong" else "passed"}">{cells}</tr>')
    headings = "".join(f"<th>{heading}</th>" for heading in PARTIALS)
    return HTML_TABLE.format(headings=headings, rows="".join(rows))
