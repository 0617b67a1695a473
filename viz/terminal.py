"""The player in a terminal: a table of nodes, the current step, and the arrow keys."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from viz.payload import DATA, GRAD, STATUS

if TYPE_CHECKING:
    from viz.player import Player

PAUSE = 0.7  # seconds a step while playing
HELP = "← → step   Home End   PgUp PgDn phase   space play   q quit"
_KEYS = {  # what a terminal or a Windows console sends
    "left": ("\x1b[D", "\x1bOD", "\xe0K", "h", "p"),
    "right": ("\x1b[C", "\x1bOC", "\xe0M", "l", "n"),
    "home": ("\x1b[H", "\x1bOH", "\x1b[1~", "\xe0G"),
    "end": ("\x1b[F", "\x1bOF", "\x1b[4~", "\xe0O"),
    "page up": ("\x1b[5~", "\xe0I"),
    "page down": ("\x1b[6~", "\xe0Q"),
    "space": (" ",),
    "quit": ("q", "\x03", "\x1b"),
}
_SEQUENCES = {sequence: name for name, sequences in _KEYS.items() for sequence in sequences}
_ROLES = {
    "argument": "bold blue",
    "result": "bold reverse blue",
    "from": "bold red",
    "to": "bold reverse red",
}
_SIGNS = {"argument": "·", "result": "▶", "from": "·", "to": "◀"}


def show(
    player: "Player", console: Any = None, key: Callable[[float | None], str | None] | None = None
) -> None:
    """Step through a player with the keyboard; where there is none, print every step.

    Args:
        player: What to step through.
        console: A `rich.console.Console` to write to.
        key: Returns the next key's name, or None after so many seconds without one.

    Raises:
        ImportError: rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError as error:
        raise ImportError('show() needs rich: pip install "autograd-core[terminal]"') from error
    console = console or Console()
    if key is None and not (sys.stdin.isatty() and console.is_terminal):
        print_all(player, console)
        return
    keyboard = _keyboard() if key is None else contextlib.nullcontext(key)
    first = _screen(player, console)
    with keyboard as read, Live(first, console=console, screen=True, auto_refresh=False) as live:
        _run(player, read, lambda: live.update(_screen(player, console), refresh=True))
    console.print(_screen(player, console))


def print_all(player: "Player", console: Any) -> None:
    """Write every step as plain lines, then the final table."""
    console.print(player.title, markup=False, highlight=False)
    for k, frame in enumerate(player.script.frames, 1):
        text = "   ".join((frame.sentence.title, *frame.sentence.lines))
        console.print(f"{k:4} {frame.sentence.phase:8} {text}", markup=False, highlight=False, soft_wrap=True)
    player.goto(-1)
    console.print(_table(player, len(player.script.boxes), console.encoding))


def _run(player: "Player", read: Callable[[float | None], str | None], refresh: Callable[[], None]) -> None:
    playing = False
    while True:
        key = read(PAUSE if playing else None)
        if key == "quit":
            return
        playing = (key == "space" and not playing) or (key is None and playing)
        if key is None:
            player.next()
            playing = player.position < len(player)
        elif key == "space":
            if playing and player.position == len(player):
                player.goto(0)
        else:
            _move(player, key)
        refresh()


def _move(player: "Player", key: str) -> None:
    moves: dict[str, Callable[[], Any]] = {
        "left": player.previous,
        "right": player.next,
        "home": lambda: player.goto(0),
        "end": lambda: player.goto(-1),
        "page up": lambda: player.goto(_phase_edge(player, -1)),
        "page down": lambda: player.goto(_phase_edge(player, 1)),
    }
    if key in moves:
        moves[key]()


def _phase_edge(player: "Player", direction: int) -> int:
    phases = ["start", *(frame.sentence.phase for frame in player.script.frames)]
    k = max(0, min(len(player), player.position + direction))
    while 0 < k < len(player) and phases[k] == phases[k - direction]:
        k += direction
    return k


def _screen(player: "Player", console: Any) -> Any:
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    position = player.position
    frame = player.script.frames[position - 1] if position else None
    words = Text(frame.sentence.title if frame else player.title, style="bold")
    for line in frame.sentence.lines if frame else (player.script.opening,):
        words.append(f"\n{line}", style="not bold")
    phase = frame.sentence.phase if frame else "start"
    panel = Panel(words, title=f"step {position} of {len(player)} · {phase}", title_align="left", height=6)
    return Group(
        panel, _table(player, max(5, console.size.height - 12), console.encoding), Text(HELP, style="dim")
    )


def _table(player: "Player", height: int, encoding: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    script = player.script
    frame = script.frames[player.position - 1] if player.position else None
    marks = dict(frame.marks) if frame else {}
    table = Table("", "node", "kind", "data", "grad", expand=False)
    changed = frame.cells[0][0] if frame and frame.cells else 0  # a long table scrolls with it
    shown = _window(changed, len(script.boxes), height)
    rows = script.rows_at(player.position)
    for i in shown:
        box, row = script.boxes[i], rows[i]
        role = marks.get(box.ident, "")
        style = _ROLES.get(role, "dim" if row[STATUS] == "pending" else "")
        numbers = _numbers(box.lines, row)
        cells = (_SIGNS.get(role, ""), box.title, box.kind, *numbers)
        table.add_row(*(Text(_shown(cell, encoding)) for cell in cells), style=style)
    if len(shown) < len(script.boxes):
        table.caption = f"{len(shown)} of {len(script.boxes)} nodes"
    return table


def _numbers(lines: list[str], row: list[str | None]) -> list[str]:
    texts = [row[column] or (lines[column] if column < len(lines) else "") for column in (DATA, GRAD)]
    return [text.partition(" ")[2] for text in texts]


def _shown(text: str, encoding: str) -> str:
    from viz.text import visible

    return visible(text, 48).encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")


def _window(centre: int, count: int, height: int) -> range:
    start = max(0, min(centre - height // 2, count - height))
    return range(start, min(count, start + height))


@contextlib.contextmanager
def _keyboard() -> Iterator[Callable[[float | None], str | None]]:
    """The terminal in a mode where each key arrives at once; restored afterwards."""
    if os.name == "nt":
        yield _windows_key
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    saved = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield lambda timeout: _unix_key(descriptor, timeout)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)


def _unix_key(descriptor: int, timeout: float | None) -> str | None:
    import select

    if not select.select([descriptor], [], [], timeout)[0]:
        return None
    pressed = os.read(descriptor, 16).decode(errors="ignore")
    return _SEQUENCES.get(pressed, "") if pressed else "quit"


def _windows_key(timeout: float | None) -> str | None:
    import msvcrt  # only there

    module: Any = msvcrt
    deadline = None if timeout is None else time.monotonic() + timeout
    while not module.kbhit():
        if deadline is not None and time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    pressed = module.getwch()
    return _SEQUENCES.get(pressed + module.getwch() if pressed == "\xe0" else pressed, "")
