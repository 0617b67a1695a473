import io
import os
import sys
import time

import pytest

import viz
from viz.terminal import show

rich_console = pytest.importorskip("rich.console", reason="the terminal player needs rich")


@pytest.fixture
def player(small):
    return viz.step(small)


def console(width=100, height=40, **options):
    return rich_console.Console(file=io.StringIO(), width=width, height=height, **options)


def press(player, *keys, **options):
    """Show a player that gets these keys, then q; return what was written last."""
    remaining = iter([*keys, "quit"])
    target = console(**options)
    show(player, target, lambda timeout: next(remaining))
    return target.file.getvalue()


def test_the_arrow_keys_step(player):
    press(player, "right", "right", "right", "left")
    assert player.position == 2


def test_home_and_end_go_to_the_ends(player):
    press(player, "end")
    assert player.position == len(player)
    press(player, "home")
    assert player.position == 0


def test_page_keys_go_to_the_next_phase(player):
    press(player, "page down")
    assert player.script.frames[player.position - 1].sentence.phase == "forward"
    press(player, "page down")
    assert player.script.frames[player.position - 1].sentence.phase == "backward"
    assert player.script.frames[player.position - 2].sentence.phase == "forward"


def test_space_plays_until_a_key_or_the_end(player):
    press(player, "space", None, None, "space", "right")
    assert player.position == 3
    press(player, "space", *[None] * (len(player) - 3))
    assert player.position == len(player)


def test_an_unknown_key_does_nothing(player):
    press(player, "")
    assert player.position == 0


def test_the_screen_shows_the_step_and_the_table(player):
    text = press(player, "end")
    assert f"step {len(player)} of {len(player)} · backward" in text
    assert "1.641" in text
    assert "loss = +" in text


def test_a_long_table_scrolls_with_the_step(network):
    player = viz.step(network(2, 8, 1), [0.5, 1.0], fold=False)
    text = press(player, height=20)
    assert f"8 of {len(player.script.boxes)} nodes" in text


def test_without_a_terminal_every_step_is_printed(player):
    target = console()
    show(player, target)
    lines = target.file.getvalue().splitlines()
    assert lines[0] == "Computing and differentiating loss"
    assert "forward  u4 = a * b" in lines[1]
    assert sum(" backward " in line for line in lines) == 9


def test_markup_in_a_label_is_text():
    from autograd_core import Value

    player = viz.step(Value(1.0, "[bold red]x[/]\x1b[31m") * 2.0)
    target = console()
    show(player, target)
    assert "[bold red]x[/]" in target.file.getvalue()
    assert "\x1b[31m" not in target.file.getvalue()


def test_a_terminal_that_knows_only_ascii_is_served(player):
    target = rich_console.Console(file=io.TextIOWrapper(io.BytesIO(), "ascii", errors="replace"), width=80)
    show(player, target)
    target.file.flush()
    assert b"loss" in target.file.buffer.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="there is no pseudo-terminal on Windows")
def test_it_runs_in_a_real_terminal_and_gives_it_back():
    pexpect = pytest.importorskip("pexpect")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TERM": "xterm-256color",
    }
    command = ["-m", "viz", "show", "a*b + tanh(c)", "a=2", "b=-3", "c=0.5"]
    child = pexpect.spawn(sys.executable, command, env=environment, timeout=30, dimensions=(30, 100))
    child.expect("step 0 of")
    child.send("\x1b[C")
    child.expect("step 1 of")
    child.send("\x1b[F")
    child.expect("step ([0-9]+) of ([0-9]+)")
    assert child.match.group(1) == child.match.group(2)
    time.sleep(0.1)
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
