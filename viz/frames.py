"""One picture a step: the drawing with the numbers of that step, and what takes part in it lit up."""

import io
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace

from viz.diagnosis import LATE, REMARKS, UNITS
from viz.payload import DATA, STATUS, Row, Script
from viz.picture import Box, Link, Picture

WIDTH = 64  # characters of a line of the caption
BLANK = "\u00a0"
RULER = "\u2007" * WIDTH  # a line of spaces as wide as digits: the widest line of every caption


SHORTEST, LONGEST = 0.01, 655.35  # seconds that a GIF can show a picture


def frame_pictures(script: Script) -> Iterator[Picture]:
    """The picture after 0, 1, ... steps; a step makes anew what it changes, all else stays."""
    picture = script.picture
    words = [_words(script, k) for k in range(len(script.frames) + 1)]
    height = max(map(len, words))
    rows = {box.ident: list(row) for box, row in zip(script.boxes, script.start, strict=True)}
    computed = [None, *script.computed()]
    to_come = {i for i in computed if i is not None}
    units = {i for i, found in picture.notes.items() if UNITS in found} & to_come
    whole = {box.ident: box for box in picture.boxes}
    boxes = {ident: _at(box, rows.get(ident), "", False, not units) for ident, box in whole.items()}
    drawn = {link.ident: link for link in picture.links}
    links = {link.ident: _link_at(link, to_come, "") for link in picture.links}
    into: dict[int | None, list[str]] = {}
    for link in picture.links:
        into.setdefault(link.child, []).append(link.ident)
    lit: set[str] = set()
    for k, told in enumerate(words):
        frame = script.frames[k - 1] if k else None
        marks = dict(frame.marks) if frame else {}
        changed = lit | marks.keys()
        for row, column, text in frame.cells if frame else ():
            ident = script.boxes[row].ident
            rows[ident][column] = text
            changed.add(ident)
        if computed[k] is not None:
            to_come.discard(computed[k])
            changed.update(into.get(computed[k], ()))
        ended = k == len(words) - 1
        if computed[k] in units:
            units.discard(computed[k])
            changed |= {ident for ident, box in whole.items() if any(UNITS in note for note in box.notes)}
        for ident in boxes if ended else changed & boxes.keys():
            boxes[ident] = _at(whole[ident], rows.get(ident), marks.get(ident, ""), ended, not units)
        for ident in changed & links.keys():
            links[ident] = _link_at(drawn[ident], to_come, marks.get(ident, ""))
        lit = set(marks)
        lines = [f"step {k} of {len(script.frames)}", *told, *[BLANK] * (height - len(told)), RULER]
        caption = "\n".join(lines)  # as many lines in each picture, each as wide: so all have one size
        yield replace(picture, boxes=list(boxes.values()), links=list(links.values()), caption=caption)


def undecorated(picture: Picture, caption: str) -> Picture:
    """The picture with nothing lit up and no fault marked, which every frame makes its own."""
    boxes = [replace(box, emphasis="", trouble=False) for box in picture.boxes]
    links = [replace(link, emphasis="", trouble=False, hidden=False) for link in picture.links]
    return replace(picture, boxes=boxes, links=links, caption=caption)


def _at(box: Box, row: Row | None, mark: str, ended: bool, told: bool) -> Box:
    """A box as it is at a step: a finding keeps its place, but is not seen before its number is there."""
    if row is None or row[DATA] is None or not box.lines:  # a constant's box holds its number alone
        return replace(box, emphasis=mark)
    lines = [text for text in row[:STATUS] if text is not None]
    computed = row[STATUS] != "pending"

    def is_known(note: str) -> bool:
        return computed and (ended or not (LATE.search(note) or (UNITS in note and not told)))

    notes = [note if is_known(note) else "" for note in box.notes]
    trouble = any(note and not note.startswith(REMARKS) for note in notes)
    tooltip = "\n".join([box.title, *lines])  # the box's own has the numbers of the end
    return replace(box, lines=lines, emphasis=mark, notes=notes, trouble=trouble, tooltip=tooltip)


def _link_at(link: Link, to_come: set[int], mark: str) -> Link:
    """A link as it is at a step: its partial is not seen, nor called a fault, before it is computed."""
    hidden = link.child in to_come
    return replace(link, hidden=hidden, trouble=link.trouble and not hidden, emphasis=mark)


def _words(script: Script, position: int) -> list[str]:
    sentence = script.frames[position - 1].sentence if position else None
    told = [sentence.title, *sentence.lines] if sentence else [script.opening]
    return [part for line in told for part in textwrap.wrap(line, WIDTH) or [BLANK]]


def animation(images: Iterable[bytes], seconds: float) -> bytes:
    """PNG pictures as one animated GIF that starts anew at its end.

    Raises:
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('a GIF needs Pillow: pip install "autograd-core[gif]"') from error
    first, *rest = [Image.open(io.BytesIO(image)).convert("P") for image in images]
    written = io.BytesIO()
    first.save(written, "GIF", save_all=True, append_images=rest, duration=round(1000 * seconds), loop=0)
    return written.getvalue()
