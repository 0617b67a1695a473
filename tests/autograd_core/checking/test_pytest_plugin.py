"""The pytest plugin, in projects of its own run by pytest's own test tool."""

import subprocess
import sys
from pathlib import Path

import pytest

import pytest_autograd_core
from autograd_core.checking.pytest_plugin import Gradcheck
from viz.errors import RendererError
from viz.renderer import find_renderer

pytest_plugins = ["pytester"]

FAILING = """
import math
from autograd_core import operation, relu, sin, scope

@operation(lambda x, y: 1.1 - y * y, name="faulty_tanh_in_plugin_test")
def faulty(x):
    return math.tanh(x)

def test_right(gradcheck):
    assert gradcheck(lambda x: x * x, [3.0]).passed

def test_wrong(gradcheck):
    def model(x, y):
        with scope("layer<b>1</b>"):
            return faulty(sin(x) * y)
    gradcheck(model, {"x": 0.5, "y": 2.0})
"""


@pytest.fixture
def project(pytester):
    """A project whose pytest run loads the plugin and nothing else of this environment."""
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider")
    return pytester


def any_entry_point():
    from importlib.metadata import entry_points

    return any(point.value == "pytest_autograd_core" for point in entry_points(group="pytest11"))


def run(project, *options):
    plugin = [] if any_entry_point() else ["-p", "pytest_autograd_core"]
    return project.runpytest_subprocess(*plugin, "-p", "no:hypothesispytest", *options)


def test_the_plugin_is_registered_as_an_entry_point():
    configuration = Path(pytest_autograd_core.__file__).parent / "pyproject.toml"
    assert 'pytest_autograd_core"' in configuration.read_text()


def test_the_fixture_passes_right_gradients_and_fails_wrong_ones_with_a_table(project):
    project.makepyfile(FAILING)
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*gradcheck(model, *",
            "E  *gradient check FAILED: 2 wrong; faulty operation: faulty_tanh_in_plugin_test*",
            "E  *input *gradient *finite difference*",
            "E  *Faulty operations:*",
        ]
    )
    result.stdout.no_fnmatch_line("*raise error*")


def test_assert_gradients_match_works_without_the_fixture(project):
    project.makepyfile(
        """
        from autograd_core.checking.pytest_plugin import assert_gradients_match

        def test_right():
            assert_gradients_match(lambda x: x**2, [3.0], lambda x: 2 * x)

        def test_wrong():
            assert_gradients_match(lambda x: x**2, [3.0], lambda x: 3 * x)
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E  *off by 3*", "*1 failed, 1 passed*"])


def test_the_fixture_works_under_hypothesis_and_checks_operations(project):
    pytest.importorskip("hypothesis")
    project.makepyfile(
        """
        import math, unittest
        from hypothesis import given, settings, strategies as st
        from autograd_core import operation, tanh
        from autograd_core.checking.pytest_plugin import GradientAssertions

        @settings(max_examples=10, database=None)
        @given(st.floats(0.1, 5))
        def test_logarithm(gradcheck, x):
            gradcheck(lambda x: math.log(x), [x], gradient=lambda x: 1 / x)

        def test_reports_are_this_test_s_own(gradcheck):
            assert gradcheck.reports == []

        def test_operation(gradcheck):
            gradcheck.operation(tanh, [0.5, -1.0])

        class TestSquare(GradientAssertions, unittest.TestCase):
            def test_right(self):
                self.assertGradientsMatch(lambda x: x * x, [3.0], lambda x: 2 * x)

            def test_wrong(self):
                self.assertGradientsMatch(lambda x: x * x, [3.0], lambda x: x)

            def test_right_operation(self):
                self.assertOperationRight(tanh, [0.5, -1.0])

            def test_wrong_operation(self):
                double = operation("double", lambda x: 2 * x, lambda x, y: 3.0)
                self.assertOperationRight(double, [0.5, -1.0])
        """
    )
    plugin = [] if any_entry_point() else ["-p", "pytest_autograd_core"]
    result = project.runpytest_subprocess(*plugin)
    result.assert_outcomes(passed=5, failed=2)


def test_options_of_the_command_line_hold_for_checks_that_do_not_say_otherwise(project):
    project.makepyfile(
        """
        def test_right_at_one_point(gradcheck):
            gradcheck(lambda x: x**3 / 3, [1.0], gradient=lambda x: x)

        def test_says_otherwise(gradcheck):
            gradcheck(lambda x: x**3 / 3, [1.0], gradient=lambda x: x, points=1)

        def test_kink(gradcheck):
            gradcheck(lambda x: max(x, 0.0), [0.0], gradient=[0.0], points=1)
        """
    )
    run(project).assert_outcomes(passed=3)
    result = run(project, "--gradcheck-points=3", "--gradcheck-strict", "--gradcheck-seed=5")
    result.assert_outcomes(passed=1, failed=2)


def test_a_page_with_the_failing_subgraph_is_written_for_each_failure(project):
    try:
        find_renderer()
    except RendererError:
        pytest.skip("nothing here lays out a drawing")
    project.makepyfile(FAILING)
    result = run(project, "--gradcheck-report=html")
    (page,) = (project.path / "gradcheck-report").iterdir()
    result.stdout.fnmatch_lines(["*gradient check reports*", f"*{page.name}"])
    text = page.read_text(encoding="utf-8")
    assert "faulty_tanh_in_plugin_test" in text
    assert "finite difference" in text
    assert 'class="failed"' in text
    assert "<svg" in text
    assert "<b>1</b>" not in text
    assert "layer&lt;b&gt;1&lt;/b&gt;" in text


def test_no_page_is_written_unless_asked_for(project):
    project.makepyfile(FAILING)
    run(project)
    assert not (project.path / "gradcheck-report").exists()


def test_pages_go_to_the_folder_that_is_asked_for(project):
    project.makepyfile(FAILING)
    run(project, "--gradcheck-report=html", "--gradcheck-folder=pages/today")
    assert len(list((project.path / "pages" / "today").iterdir())) == 1


def test_other_failures_are_left_alone(project):
    project.makepyfile("def test_plain():\n    assert 1 == 2")
    result = run(project, "--gradcheck-report=html")
    result.assert_outcomes(failed=1)
    assert not (project.path / "gradcheck-report").exists()


def test_a_run_that_checks_no_gradient_does_not_import_the_engine(project):
    project.makepyfile(
        """
        import sys

        def test_nothing_was_imported():
            assert not {"autograd_core", "numpy", "viz"} & set(sys.modules)
        """
    )
    run(project).assert_outcomes(passed=1)


def test_the_plugin_can_be_switched_off(project):
    project.makepyfile("def test_plain():\n    pass\n\ndef test_needs_it(gradcheck):\n    pass")
    result = project.runpytest_subprocess("-p", "no:autograd_core", "-p", "no:pytest_autograd_core")
    result.assert_outcomes(passed=1, errors=1)


def test_importing_the_hooks_imports_nothing_else():
    code = (
        "import pytest, sys; before = set(sys.modules); import pytest_autograd_core;"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["pytest_autograd_core"]


def test_a_domain_waits_for_points_of_the_command_line():
    def drawn(generator):
        return [generator.uniform(1.0, 2.0)]

    def check(options):
        return Gradcheck(options)(lambda x: x * x, [3.0], gradient=lambda x: [2 * x], domain=drawn)

    assert check({}).counts() == {"ok": 1}
    assert check({"points": 3}).counts() == {"ok": 3}
