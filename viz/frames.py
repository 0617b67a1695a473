"""One picture a step: the drawing with the numbers of that step, and what takes part in it lit up."""

from dataclasses import replace

from viz.narration import OPENING
from viz.payload import Script
from viz.picture import Picture


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
    words = [frame.sentence.title, *frame.sentence.lines] if frame else [OPENING]
    caption = "\n".join(
        [f"step {position} of {len(script.frames)}", *words, *["\u00a0"] * (4 - len(words))]
    )  # of one size
    return replace(script.picture, boxes=boxes, links=links, caption=caption)
