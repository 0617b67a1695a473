"""What the player shows at each step, as plain data: the same for the browser, the terminal and the frames.

The state is a table with a row a box: data, gradient, status (`"pending"` until it is computed). A step lists
the cells that it changes, before and after, so the player can go either way; and the elements it lights up,
by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd_core.engine.value import Value
from autograd_core.graph import Path
from autograd_core.steps import BackwardStep, ForwardStep, SeedStep, Step
from viz.narration import Narrator, Sentence
from viz.picture import Box, Picture, name_of
from viz.reading import Reading
from viz.spread import Spread
from viz.text import number, visible

DATA, GRAD, STATUS = 0, 1, 2
Cell = tuple[int, int, str, str]  # row, column, before, after
Mark = tuple[str, str]  # id of an element, role
OPENING = "Nothing is computed yet: the inputs are given, no gradient is known."
PATHS_FOR = 400  # graphs up to this many nodes list the paths of every node
PATHS = 6  # the paths listed for each
PARTIALS = 12  # the factors written out for each


@dataclass
class Frame:
    """One step as the player needs it."""

    sentence: Sentence
    cells: list[Cell] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


class Script:
    """A picture and the frames that play on it.

    Args:
        reading: The graph.
        picture: How it is drawn.
        events: The steps.
        digits: Significant digits of the numbers.
    """

    def __init__(self, reading: Reading, picture: Picture, events: Sequence[Step], digits: int = 4) -> None:
        self.reading = reading
        self.picture = picture
        self.digits = digits
        self.narrator = Narrator({node: name_of(reading, i) for i, node in enumerate(reading.nodes)}, digits)
        self.boxes = [box for box in picture.boxes if box.kind != "reference"]
        self._index = {node: i for i, node in enumerate(reading.nodes)}
        self._row = {box.ident: row for row, box in enumerate(self.boxes)}
        self._links = {link.ident for link in picture.links}
        self._cells = self._starting_cells(events)
        self.start = [
            self._starting_row(box, cells) for box, cells in zip(self.boxes, self._cells, strict=True)
        ]
        self._shown = [list(row) for row in self.start]
        self.frames = [self._frame(event) for event in events]

    def rows_at(self, position: int) -> list[list[str | None]]:
        """The table after so many steps."""
        rows = [list(row) for row in self.start]
        for frame in self.frames[:position]:
            for row, column, _before, after in frame.cells:
                rows[row][column] = after
        return rows

    def room(self) -> dict[str, int]:
        """For each box that changes, the length of the longest text that it will ever show."""
        longest = {
            box.ident: max(map(len, [visible(box.title), *filter(None, row)]))
            for box, row in zip(self.boxes, self.start, strict=True)
        }
        for frame in self.frames:
            for row, column, _before, after in frame.cells:
                if column != STATUS:
                    ident = self.boxes[row].ident
                    longest[ident] = max(longest[ident], len(after))
        return {box.ident: longest[box.ident] for box in self.boxes if _is_live(box)}

    def _starting_cells(self, events: Sequence[Step]) -> list[list[Spread]]:
        """For each box that changes, the data and the gradients that are known before the first step."""
        to_come = {event.node for event in events if isinstance(event, ForwardStep)}
        gradients = _starting_gradients(events)
        cells = []
        for box in self.boxes:
            nodes = [self.reading.nodes[i] for i in box.members]
            data = Spread([node.data for node in nodes if node not in to_come])
            given = [gradients.get(node) for node in nodes]
            cells.append([data, Spread([x for x in given if x is not None])] if _is_live(box) else [])
        return cells

    def _starting_row(self, box: Box, cells: list[Spread]) -> list[str | None]:
        if not cells:
            return [None, None, None]
        status = "pending" if cells[DATA].empty else "given"
        return [f"data {cells[DATA].text(self.digits)}", f"grad {cells[GRAD].text(self.digits)}", status]

    def _frame(self, event: Step) -> Frame:
        frame = Frame(self.narrator.tell(event))
        if isinstance(event, ForwardStep):
            self._change(frame, event.node, DATA, None, event.value)
            frame.marks = self._forward_marks(event.node)
        elif isinstance(event, SeedStep):
            self._change(frame, event.node, GRAD, event.before, event.after)
            frame.marks = [(self._box(event.node), "to")]
        else:
            self._change(frame, event.parent, GRAD, event.before, event.after)
            frame.marks = self._backward_marks(event)
        return frame

    def _change(self, frame: Frame, node: Value, column: int, before: float | None, after: float) -> None:
        row = self._row[self._box(node)]
        if not self._cells[row]:
            return
        spread = self._cells[row][column]
        spread.replace(before, after)
        self._write(frame, row, column, f"{('data', 'grad')[column]} {spread.text(self.digits)}")
        if column == DATA:
            self._write(frame, row, STATUS, "computed")

    def _write(self, frame: Frame, row: int, column: int, text: str) -> None:
        before = self._shown[row][column]
        if before is not None and before != text:
            self._shown[row][column] = text
            frame.cells.append((row, column, before, text))

    def _forward_marks(self, node: Value) -> list[Mark]:
        boxes = dict.fromkeys(self._box(parent) for parent in node.parents)
        edges = dict.fromkeys(self._edge(node, slot) for slot in range(len(node.parents)))
        marks = [(ident, "argument") for ident in boxes] + [(ident, "into") for ident in edges]
        return [(ident, role) for ident, role in [*marks, (self._box(node), "result")] if ident]

    def _backward_marks(self, event: BackwardStep) -> list[Mark]:
        ends = [(self._box(event.node), "from"), (self._box(event.parent), "to")]
        edge = self._edge(event.node, event.slot)
        return [*ends, (edge, "along")] if edge else ends

    def _box(self, node: Value) -> str:
        return self.picture.box_of[self._index[node]]

    def _edge(self, node: Value, slot: int) -> str:
        """The id of an edge, alone or in a bundle; "" where both its ends are in one box."""
        bundle = f"e_{self._box(node.parents[slot])}_{self._box(node)}"
        return next((ident for ident in (f"e{self._index[node]}_{slot}", bundle) if ident in self._links), "")

    # --- for the browser ---

    def payload(self, css: str, title: str) -> dict[str, Any]:
        """Everything that viz/static/player.js asks for, but the picture itself."""
        return {
            "css": css,
            "title": title,
            "opening": OPENING,
            "caption": self.picture.caption,
            "description": visible(self.picture.description, 2000),
            "nodes": [self._node(box) for box in self.boxes],
            "start": self.start,
            "steps": [_frame_payload(frame) for frame in self.frames],
        }

    def _node(self, box: Box) -> dict[str, Any]:
        single = len(box.members) == 1
        return {
            "id": box.ident,
            "name": visible(box.title, 64),
            "kind": box.kind,
            "live": _is_live(box),
            "about": self._about(box),
            "paths": self._paths(box.members[0]) if single and len(self.reading.nodes) <= PATHS_FOR else [],
        }

    def _about(self, box: Box) -> list[str]:
        if len(box.members) > 1:
            return [visible(line, 200) for line in [*box.lines, *box.notes]]
        node = self.reading.nodes[box.members[0]]
        lines = [visible(f"scope {node.scope}", 200)] if node.scope else []
        lines += [self._partial_line(node, slot) for slot in range(min(len(node.parents), 12))]
        return lines + box.notes

    def _partial_line(self, node: Value, slot: int) -> str:
        value = number(node.partials[slot], self.digits)
        text = self.narrator.partial_formula(node, slot)
        middle = f" = {text}" if text and text != value else ""
        return f"∂{self.narrator.name(node)}/∂{self.narrator.name(node.parents[slot])}{middle} = {value}"

    def _paths(self, i: int) -> list[dict[str, Any]]:
        """The paths from a node to each output, the largest product first; its gradient is their sum."""
        node = self.reading.nodes[i]
        if node.is_constant:
            return []
        found = []
        for root in self.reading.roots:
            explanation = self.reading.nodes[root].explain(node, PATHS)
            found += [self._path(path) for path in explanation.paths if len(path.nodes) > 1]
            if explanation.count > len(explanation.paths):
                more = explanation.count - len(explanation.paths)
                found.append(
                    {
                        "text": f"{self._number(explanation.rest)} from {more:,} more paths",
                        "nodes": [],
                        "edges": [],
                    }
                )
        return found

    def _path(self, path: Path) -> dict[str, Any]:
        """One path, written from the node to the output, with its product of partials."""
        nodes = path.nodes[::-1]
        partials = " × ".join(
            f"({self._number(p)})" if p < 0 else self._number(p) for p in path.partials[::-1][:PARTIALS]
        )
        if len(path.partials) > PARTIALS:
            partials += " × …"
        names = [self.narrator.name(node) for node in nodes]
        if len(names) > PARTIALS:
            names = [*names[: PARTIALS // 2], "…", *names[-PARTIALS // 2 :]]
        pairs = zip(path.nodes, path.nodes[1:], path.partials, strict=False)
        edges = [self._edge(child, _slot(child, parent, partial)) for child, parent, partial in pairs]
        text = f"{self._number(path.product)} = {partials}   along {' → '.join(names)}"
        return {"text": text, "nodes": [self._box(node) for node in nodes], "edges": edges}

    def _number(self, value: float) -> str:
        return number(value, self.digits)


def _slot(child: Value, parent: Value, partial: float) -> int:
    """Which argument of `child` an edge of a path is."""
    for slot, (argument, value) in enumerate(zip(child.parents, child.partials, strict=True)):
        if argument is parent and (value == partial or value != value):
            return slot
    return child.parents.index(parent)


def _starting_gradients(events: Sequence[Step]) -> dict[Value, float | None]:
    """The gradient of every node that receives one, before the first step."""
    found: dict[Value, float | None] = {}
    for event in events:
        if not isinstance(event, ForwardStep):
            found.setdefault(event.node if isinstance(event, SeedStep) else event.parent, event.before)
    return found


def _is_live(box: Box) -> bool:
    """Whether a box shows numbers that the steps change."""
    return box.kind != "constant"


def _frame_payload(frame: Frame) -> dict[str, Any]:
    sentence = frame.sentence
    return {
        "phase": sentence.phase,
        "title": sentence.title,
        "lines": sentence.lines,
        "say": sentence.say,
        "set": frame.cells,
        "marks": frame.marks,
    }
