"""How a picture is arranged: rows that follow one another where it is long, and layers that stay apart.

Graphviz puts an input as far right as its user allows. So the weights of a second layer would stand in the
column of the first layer's results, and the edges between the layers would merge on their way round the
clusters. An invisible *lane* beside the weights lets each other edge of their user into the cluster, on a way
of its own, and keeps the weights one column right of where it comes from. A graph that is many times longer
than it is high is cut into rows where few edges cross, as a text is cut into lines; a circled number says
where an edge goes on.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from viz.picture import LABELLED, Box, Link, Picture

CHARACTER = 0.085  # inches a character of an 11 point label takes, about
GAP = 0.62  # inches between two ranks, an edge's label included
ROW = 12.0  # inches that a row is long, about: 1,150 px
SLACK = 1.5  # rows' worth up to which a picture stays whole
BOX = 0.8  # inches that a box in a column takes
LONG = 2.5  # times its height beyond which a picture is cut
CROSSING = 8  # boxes whose edges may cross a cut


@dataclass(frozen=True)
class Arrangement:
    """Rows and lanes.

    Attributes:
        row: The row of each box, by its id.
        rows: How many rows there are.
        lanes: The ids of the links that pass the weights of the box they go to.
    """

    row: dict[str, int]
    rows: int
    lanes: frozenset[str]


def arrange(picture: Picture, direction: str, room: Mapping[str, int] | None = None) -> Arrangement:
    """Rows and lanes of a picture; `room` has how many characters a box must have room for, by its id."""
    boxes = {box.ident: box for box in picture.boxes}
    levels = _levels(boxes, picture.links)
    sizes = {ident: _size(box, direction, (room or {}).get(ident, 0)) for ident, box in boxes.items()}
    cuts = _cuts(sizes, picture.links, levels)
    row = {ident: bisect_right(cuts, level) for ident, level in levels.items()}
    entered = {link.head for link in picture.links}
    for link in reversed(picture.links):  # an input stands in the row of its first user
        if link.tail not in entered:
            row[link.tail] = row[link.head]
    lanes = _lanes(boxes, picture.links, row) if len(boxes) <= LABELLED else frozenset[str]()
    return Arrangement(row, len(cuts) + 1, lanes)


def _levels(boxes: Mapping[str, Box], links: list[Link]) -> dict[str, int]:
    """The longest path to each box; a box that nothing enters stands right before its first user."""
    waiting = dict.fromkeys(boxes, 0)
    heads: dict[str, list[str]] = {ident: [] for ident in boxes}
    for link in links:
        waiting[link.head] += 1
        heads[link.tail].append(link.head)
    sources = [ident for ident, count in waiting.items() if not count]
    levels, reached, ready = dict.fromkeys(sources, 0), dict.fromkeys(boxes, 0), list(sources)
    rest = iter(boxes)
    while len(levels) < len(boxes) or ready:
        if not ready:  # boxes of several nodes may form a circle
            ready.append(next(ident for ident in rest if ident not in levels))
            levels[ready[0]] = reached[ready[0]]
        tail = ready.pop()
        for head in heads[tail]:
            waiting[head] -= 1
            reached[head] = max(reached[head], levels[tail] + 1)
            if not waiting[head] and head not in levels:
                levels[head] = reached[head]
                ready.append(head)
    for ident in filter(heads.get, sources):
        levels[ident] = max(0, min(levels[head] for head in heads[ident]) - 1)
    return levels


def _cuts(of_boxes: Mapping[str, float], links: list[Link], levels: dict[str, int]) -> list[int]:
    """The levels, in order, at which a new row begins; none where too many edges would go from row to row."""
    deepest = max(levels.values(), default=0)
    sizes, crossing = [0.0] * (deepest + 1), [0] * (deepest + 2)
    for ident, level in levels.items():
        sizes[level] = max(sizes[level], of_boxes[ident])
    height = BOX * max(Counter(levels.values()).values(), default=0)
    if sum(sizes) <= max(SLACK * ROW, LONG * height):
        return []
    entered = {link.head for link in links}
    heads: dict[str, list[int]] = {}
    for link in links:
        heads.setdefault(link.tail, []).append(levels[link.head])
    for tail, reached in heads.items():  # all edges of one box go on from one number
        start = levels[tail] if tail in entered else min(reached)  # an input stands beside its first user
        first, last = min(start, *reached), max(start, *reached)
        crossing[first + 1] += 1
        crossing[last + 1] -= 1
    cuts: list[int] = []
    length, open_edges, best = sizes[0], 0, (0, 0)
    for level in range(1, deepest + 1):
        open_edges += crossing[level]
        if open_edges <= CROSSING and length > 0.6 * ROW:
            best = min(best, (open_edges, -level)) if best[1] else (open_edges, -level)
        if length + sizes[level] > ROW and best[1]:
            cuts.append(-best[1])
            length = sum(sizes[cuts[-1] : level])
            best = (0, 0)
        length += sizes[level]
    return cuts


def _size(box: Box, direction: str, room: int) -> float:
    if direction == "TB":
        return 0.2 * (1 + len(box.lines) + len(box.notes[:3])) + GAP
    return CHARACTER * max(room, *map(len, (box.title, *box.lines))) + 0.26 + GAP


def _lanes(boxes: Mapping[str, Box], links: list[Link], row: Mapping[str, int]) -> frozenset[str]:
    """The links from outside to a box whose scope holds inputs of its own: they pass those in lanes."""
    entered = {link.head for link in links}
    beside = {
        link.head
        for link in links
        if link.tail not in entered and (scope := boxes[link.tail].scope) and scope == boxes[link.head].scope
    }
    return frozenset(
        link.ident
        for link in links
        if link.head in beside
        and boxes[link.tail].scope != boxes[link.head].scope
        and row[link.tail] == row[link.head]
    )
