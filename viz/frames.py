"""One picture a step: the drawing with the numbers of that step, and what takes part in it lit up."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from viz.payload import Row, Script
from viz.picture import Picture

WIDTH = 64  # characters of a line of the caption
BLANK = "\u00a0"
RULER = "\u2007" * WIDTH  # a line of spaces as wide as digits: the widest line of every caption


SHORTEST, LONGEST = 0.01, 655.35  # seconds that a GIF can show a picture


def frame_pictures(script: Script) -> Iterator[Picture]:
    """The picture after 0, 1, ... steps; what a step does not change is not made anew.

    Args:
        script: The steps.
    """
    rows = {box.ident: list(row) for box, row in zip(script.boxes, script.start, strict=True)}
    computed = [None, *script.computed()]
    to_come = {i for i in computed if i is not None}
    words = [_words(script, k) for k in range(len(script.frames) + 1)]
    height = max(map(len, words))
    for k, told in enumerate(words):
        frame = script.frames[k - 1] if k else None
        for row, column, _before, after in frame.cells if frame else ():
            rows[script.boxes[row].ident][column] = after
        to_come -= {computed[k]}
        marks = dict(frame.marks) if frame else {}
        lines = [f"step {k} of {len(script.frames)}", *told, *[BLANK] * (height - len(told)), RULER]
        yield _frame_picture(script.picture, rows, marks, to_come, "\n".join(lines))


def _frame_picture(
    picture: Picture, rows: Mapping[str, Row], marks: Mapping[str, str], to_come: set[int], caption: str
) -> Picture:
    """One picture; its caption has as many lines as every other, each as wide: so all have one size."""
    boxes = []
    for box in picture.boxes:
        row = rows.get(box.ident, [None])
        lines = box.lines if row[0] is None else [text for text in row[:2] if text is not None]
        boxes.append(replace(box, lines=lines, emphasis=marks.get(box.ident, "")))
    links = [
        replace(link, emphasis=marks.get(link.ident, ""), hidden=link.child in to_come)
        for link in picture.links
    ]
    return replace(picture, boxes=boxes, links=links, caption=caption)


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
