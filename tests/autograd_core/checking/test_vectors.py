"""Vector functions: no wrong Jacobian passes and no right one fails."""

import pytest

pytest.importorskip("numpy")

from autograd_core.checking import gradient_report
from tests.autograd_core.checking.vectors import FUNCTIONS, VECTORS


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_corpus_of_vectors_has_no_false_pass_and_no_false_alarm(function):
    for case in VECTORS:
        if case.function is function:
            report = gradient_report(
                function, case.point, vjp=lambda x, u, jacobian=case.jacobian: u @ jacobian(x)
            )
            assert report.passed == case.right, f"{case.group} at {case.point}: {report}"
