"""How a report reads: text, HTML, rich."""

import pytest

from autograd_core.checking.check import gradient_report

NASTY = "</td><script>alert(1)</script>"


def wrong():
    return gradient_report(lambda **xs: 2.0 * xs[NASTY], {NASTY: 3.0}, gradient=[2.5])


def test_the_text_table_is_aligned_and_ends_with_the_meaning_of_each_verdict():
    report = gradient_report(lambda x, y: x * y, [2.0, 3.0], gradient=[3.0, 2.1])
    headline, headings, first, second, *rest = str(report).splitlines()
    assert headline.startswith("gradient check FAILED: 1 wrong, 1 ok")
    for line in (first, second):
        assert line.index(line.split()[-1] if line.endswith("ok") else "wrong") == headings.index("verdict")
    assert rest == ["wrong: the gradient disagrees with the finite difference by more than its error"]


def test_a_long_report_is_cut():
    report = gradient_report(lambda *xs: sum(xs), [1.0] * 50, gradient=[1.0] * 50)
    assert "... and 30 more rows" in str(report)
    assert len(report.to_text(limit=50).splitlines()) == 52


def test_the_page_escapes_every_name():
    page = wrong().to_html()
    assert "<script>" not in page
    assert "&lt;/td&gt;&lt;script&gt;" in page
    assert 'class="failed"' in page


def test_rich_shows_the_rows_and_takes_names_literally():
    rich = pytest.importorskip("rich.console")
    console = rich.Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115
    report = gradient_report(lambda **xs: 2.0 * xs["[bold]x"], {"[bold]x": 3.0}, gradient=[2.0])
    console.print(report)
    console.file.close()
    assert "[bold]x" in console.export_text()


def test_a_report_is_true_when_it_passed():
    assert not wrong()
    assert gradient_report(lambda x: x * x, [1.0])


def test_the_counts_and_failures_of_a_report():
    report = gradient_report(lambda x, y: abs(x) * y, [0.0, 3.0], gradient=[0.0, 0.5])
    assert report.counts() == {"wrong": 1, "kink": 1}
    assert [row.name for row in report.failures] == ["y"]


def test_a_function_without_inputs_is_an_error():
    with pytest.raises(ValueError, match="nothing to check"):
        gradient_report(lambda: 3.0, [])
