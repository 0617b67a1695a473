import subprocess
import sys

import pytest

from viz.__main__ import main

EXPRESSION = ["a*b + tanh(c)", "a=2", "b=-3", "c=10"]


def test_draw_writes_a_picture_with_gradients(tmp_path, capsys):
    target = tmp_path / "graph.svg"
    assert main(["draw", *EXPRESSION, "-o", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert "grad -3" in target.read_text()


def test_step_writes_a_page(tmp_path):
    target = tmp_path / "player.html"
    assert main(["step", *EXPRESSION, "-o", str(target), "--direction", "TB"]) == 0
    assert target.read_text().startswith("<!DOCTYPE html>")


def test_show_prints_the_steps_where_there_is_no_terminal(capsys):
    pytest.importorskip("rich")
    assert main(["show", *EXPRESSION]) == 0
    assert "grad(a)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "a*", "a=1"], "a\\*|expression|invalid|syntax"),
        (["draw", "a*b", "a=1"], "b"),
        (["draw", "a*b", "a", "b=1"], "'a' is not of the form name=number"),
        (["draw", "a*b", "a=one", "b=1"], "'a=one' is not of the form name=number"),
        (["draw", "__import__('os')"], "viz: "),
        (["draw", "2 + 3"], "nothing to differentiate"),
        (["draw", "a*2", "a=1", "q=5"], "q is not in 'a\\*2'"),
        (["draw", "log(a)", "a=-1"], "log"),
        (["draw", "a/b", "a=1", "b=0"], "viz: "),
        (["draw", "a*2", "a=1", "-o", "graph.bmp"], "cannot tell a format"),
        (["draw", "-a*2", "a=1", "-o", "-"], "cannot tell a format from '-'"),
        (["step", "-a*2", "a=1", "--output", "-"], "not '-'"),
        (["playground", "a*2", "-o", "a.svg"], "a page is written as name.html, not 'a.svg'"),
        (["draw", "a*2", "a=1", "a=2"], "a has two values in 'a=1 a=2'"),
        (["draw", "a*2", "=3", "a=1"], "'' cannot be the name of a variable"),
        (["draw", "a*2", "a b=3", "a=1"], "'a b' cannot be the name of a variable"),
        (["draw", "a*2", "a=1", "-o", "/dev/null/graph.svg"], "/dev/null"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    import re

    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("viz: ")
    assert len(captured.err.splitlines()) <= 3
    assert re.search(message, captured.err)
    assert list(tmp_path.iterdir()) == []


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "viz", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "draw | step | show | latex | playground" in done.stdout


def test_an_expression_may_start_with_a_minus(tmp_path):
    assert main(["draw", "-x*y", "x=1", "y=2", "-o", str(tmp_path / "a.dot")]) == 0
    assert (tmp_path / "a.dot").exists()


def test_a_player_is_not_written_under_the_name_of_a_picture(tmp_path, capsys):
    assert main(["step", "a*b", "a=2", "b=3", "-o", str(tmp_path / "a.svg")]) == 1
    assert "draw writes pictures" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
