"""The C header is the calculus of operations.py, and nothing else."""

import re

from autograd_core import OPERATIONS, operation
from autograd_core.calculus.codegen import EXP_TABLE, HEADER, exp_table_text, header_text


def test_the_header_is_up_to_date():
    """If this fails, run ``make generate``."""
    builtin = {name: rule for name, rule in OPERATIONS.items() if rule.identifier}
    assert builtin
    assert HEADER.read_text(encoding="utf-8") == header_text()
    assert EXP_TABLE.read_text(encoding="utf-8") == exp_table_text()


def test_every_native_operation_has_its_functions_in_the_header():
    text = header_text()
    for name, rule in OPERATIONS.items():
        if not rule.identifier:
            continue
        assert re.search(rf"OP_{name.upper()} = {rule.identifier}\b", text)
        if rule.native and rule.arity:
            assert f"double v_{name}(" in text
            for operand in range(rule.arity):
                assert f"double d{operand}_{name}(" in text
        elif not rule.native:
            assert f"v_{name}(" not in text


def test_user_defined_operations_stay_out_of_the_header():
    @operation(lambda x, y: 1.0, name="not_in_the_header")
    def _(x):
        return x

    try:
        assert "not_in_the_header" not in header_text()
        assert HEADER.read_text(encoding="utf-8") == header_text()
    finally:
        del OPERATIONS["not_in_the_header"]


def test_nothing_in_the_header_can_be_contracted_or_reordered():
    text = re.sub(r"/\*.*?\*/", "", header_text(), flags=re.S)
    assert "fma" not in text
    assert "powl" not in text
    assert not re.search(r"\bfloat\b", text)
