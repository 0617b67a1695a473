"""``python -m autograd_core check``: its output and its exit status."""

import subprocess
import sys

import pytest

from autograd_core.__main__ import main


def test_a_right_gradient_is_reported_with_status_0(capsys):
    assert main(["check", "sin(x)*y + relu(x)", "x=0.5", "y=2"]) == 0
    output = capsys.readouterr().out
    assert "gradient check passed: 2 ok" in output
    assert output.splitlines()[1].split() == [
        *("input", "gradient", "finite", "difference", "±", "error", "difference", "verdict", "note")
    ]


def test_a_point_without_a_derivative_fails_with_status_1(capsys):
    assert main(["check", "floor(x)", "x=1"]) == 1
    assert "jump" in capsys.readouterr().out


def test_a_domain_error_fails_with_status_1(capsys):
    assert main(["check", "log(x)", "x=-1"]) == 1
    assert "non-finite" in capsys.readouterr().out


def test_kinks_fail_with_strict():
    assert main(["check", "relu(x)", "x=0"]) == 0
    assert main(["check", "relu(x)", "x=0", "--strict"]) == 1


def test_second_derivatives_and_directions_can_be_asked_for(capsys):
    assert main(["check", "x**3*y", "x=2", "y=3", "--order", "2"]) == 0
    assert "d²/dx dy" in capsys.readouterr().out
    assert main(["check", "x**3*y", "x=2", "y=3", "--directions", "2"]) == 0
    assert "direction 2 of 2" in capsys.readouterr().out


def test_a_page_can_be_written(tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["check", "x*y", "x=2", "y=3", "--html", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.data", "x=1"], ".data is not allowed"),
        (["x + y", "x=1"], "give a value to y, as in y=1.0"),
        (["x", "x"], "'x' is not of the form name=number"),
        (["x", "x=one"], "'x=one' is not of the form name=number"),
        (["x", "2x=1"], "cannot be the name"),
        (["__import__('os')", "x=1"], "__import__"),
        (["x", "x=1", "--html", "/nowhere/at/all.html"], "'/nowhere/at/all.html'"),
        (["9**9**9**9"], "no variable"),
        (["x**2", "x=1", "x=2"], "x has two values in 'x=1 x=2'"),
        (["x**2", "x=1", "--gradient", ""], "invalid syntax"),
    ],
)
def test_a_command_that_cannot_be_understood_has_status_2_and_says_why(arguments, message, capsys):
    assert main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "autograd_core", "check", "x*x", "x=3"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "passed" in result.stdout


def test_help_explains_the_exit_status(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert "exit status" in capsys.readouterr().out


def test_an_expression_may_start_with_a_minus(capsys):
    assert main(["check", "-x*y", "x=1", "y=2"]) == 0
    assert "passed: 2 ok" in capsys.readouterr().out


def test_the_smallest_number_of_all_is_checked(capsys):
    assert main(["check", "x", "x=5e-324"]) in (0, 1)
    assert "x" in capsys.readouterr().out


def test_a_directory_in_place_of_the_page_is_left_alone(tmp_path, capsys):
    place = tmp_path / "place"
    place.mkdir()
    assert main(["check", "x", "x=1", "--html", str(place)]) == 2
    assert "is a directory" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_a_gradient_derived_by_hand_is_checked(capsys):
    formula = ["check", "x**2*y", "x=.5", "y=2", "--gradient"]
    assert main([*formula, "2*x*y, x**2"]) == 0
    assert main([*formula, "2*x*y, 2*x"]) == 1
    assert "y" in capsys.readouterr().out
    assert main([*formula, "2*x*y"]) == 2
    assert "1 formulas for 2 variables" in capsys.readouterr().err
    assert main([*formula, "2*x*z, x"]) == 2
    assert "uses z" in capsys.readouterr().err
    assert main(["check", "maximum(x, y)", "x=1", "y=2", "--gradient", "less(y, x), greater(y, x)"]) == 0


def test_the_values_may_stand_before_and_behind_the_options():
    assert main(["check", "x**2*y", "--gradient", "2*x*y, x**2", "x=.5", "y=2"]) == 0
    assert main(["check", "x**2*y", "x=.5", "--gradient", "2*x*y, 2*x", "y=2"]) == 1
    with pytest.raises(SystemExit):
        main(["check", "x**2", "x=1", "--gradiant=2*x"])


def test_a_formula_that_is_right_at_one_point_only_fails_at_several():
    assert main(["check", "x**3/3", "x=1", "--gradient", "x"]) == 0
    assert main(["check", "x**3/3", "x=1", "--gradient", "x", "--points", "3"]) == 1
