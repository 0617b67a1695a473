"""The pytest plugin's hooks: the ``gradcheck`` fixture and ``--gradcheck-report=html``.

pytest imports this module in every run of every project where autograd-core is installed, so it stands
outside the package: neither the engine nor anything else is imported until a test asks for it, and coverage
of the package starts in time. What the hooks do is in ``autograd_core.pytest_plugin``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograd_core.checking.pytest_plugin import Gradcheck

WRITTEN = "gradcheck-report"
OPTIONS = ("seed", "points", "strict")  # of the command line, for every check that does not say otherwise


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gradcheck", "gradient checks (autograd-core)")
    group.addoption(
        "--gradcheck-report",
        choices=["html"],
        help="write a page for each failing gradient check, with the failing subgraph",
    )
    group.addoption(
        "--gradcheck-folder",
        default="gradcheck-report",
        metavar="FOLDER",
        help="where the pages go, seen from the root folder (default: %(default)s)",
    )
    group.addoption("--gradcheck-seed", type=int, help="seed of the random directions and points")
    group.addoption("--gradcheck-points", type=int, help="check at so many points where a test asks for one")
    group.addoption("--gradcheck-strict", action="store_true", default=None, help="accept no kinks")


@pytest.fixture(scope="session")
def gradcheck(request: pytest.FixtureRequest) -> Gradcheck:
    """Check gradients: ``gradcheck(function, inputs, gradient=...)`` fails the test with a readable table.

    One object serves all tests, so that it may be used under hypothesis's ``@given`` too.
    """
    from autograd_core.checking.pytest_plugin import Gradcheck

    given = {name: request.config.getoption(f"--gradcheck-{name}") for name in OPTIONS}
    return Gradcheck({name: value for name, value in given.items() if value is not None})


@pytest.hookimpl
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget the reports of the test before."""
    value = getattr(item, "funcargs", {}).get("gradcheck")
    module = sys.modules.get("autograd_core.checking.pytest_plugin")
    if value is None and module is not None:
        module.Gradcheck.forget()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Write the page of a failed check."""
    outcome: Any = yield
    report = getattr(call.excinfo and call.excinfo.value, "report", None)
    if item.config.getoption("--gradcheck-report") != "html" or not hasattr(report, "to_html"):
        return
    from autograd_core.checking.pytest_plugin import write_page

    folder = item.config.rootpath / item.config.getoption("--gradcheck-folder")
    outcome.get_result().user_properties.append((WRITTEN, str(write_page(report, folder, item.nodeid))))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the pages."""
    failed = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
    pages = [
        value for report in failed for key, value in getattr(report, "user_properties", ()) if key == WRITTEN
    ]
    if pages:
        terminalreporter.section("gradient check reports")
        for page in pages:
            terminalreporter.line(page)
