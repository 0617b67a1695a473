import doctest

import pytest

import viz
import viz.text


@pytest.mark.parametrize("module", [viz, viz.text], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_right(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
