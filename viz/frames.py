"""One picture a step: the drawing with the numbers of that step, and what takes part in it lit up."""

import io
import textwrap
from collections.abc import Iterable
from dataclasses import replace

from viz.payload import Script
from viz.picture import Picture

WIDTH = 64  # characters of a line of the caption
BLANK = "\u00a0"
RULER = "\u2007" * WIDTH  # a line of spaces as wide as digits: the widest line of every caption


def frame_picture(script: Script, position: int) -> Picture:
    """The picture after so many steps.

    Args:
        script: The steps.
        position: How many have happened.
    """
    rows = {box.ident: row for box, row in zip(script.boxes, script.rows_at(position), strict=True)}
    frame = script.frames[position - 1] if position else None
    marks = dict(frame.marks) if frame else {}
    boxes = []
    for box in script.picture.boxes:
        row = rows.get(box.ident, [None])
        lines = box.lines if row[0] is None else [text for text in row[:2] if text is not None]
        boxes.append(replace(box, lines=lines, emphasis=marks.get(box.ident, "")))
    computed = script.computed_at(position)
    links = [
        replace(
            link,
            emphasis=marks.get(link.ident, ""),
            hidden=link.child is not None and link.child not in computed,
        )
        for link in script.picture.links
    ]
    return replace(script.picture, boxes=boxes, links=links, caption=_caption(script, position))


def _caption(script: Script, position: int) -> str:
    """What the step says, in as many lines for every step, each as wide: so all frames have one size."""
    sentences = [_words(script, k) for k in range(len(script.frames) + 1)]
    height = max(map(len, sentences))
    lines = sentences[position] + [BLANK] * (height - len(sentences[position]))
    return "\n".join([f"step {position} of {len(script.frames)}", *lines, RULER])


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
