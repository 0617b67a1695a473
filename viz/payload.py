"""What the terminal and the frames show at each step; the page computes its own (viz/columns.py).

The state is a table with a row a box: data, gradient, status (`"pending"` until all of it is computed). A
step lists the cells that it changes, and the elements it lights up, by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from autograd_core.engine.value import Value
from autograd_core.steps import BackwardStep, ForwardStep, SeedStep, Step
from viz.naming import node_names
from viz.narration import Narrator, Sentence
from viz.picture import Box, Picture
from viz.snapshot import Snapshot
from viz.spread import Spread
from viz.text import visible

DATA, GRAD, STATUS = 0, 1, 2
Cell = tuple[int, int, str]  # row, column, text
Row = list[str | None]  # data, gradient, status
Mark = tuple[str, str]  # id of an element, role
ROOM = len("data -1.235e-05")  # what a number takes that the page computes anew


@dataclass
class Frame:
    """One step as the player needs it."""

    sentence: Sentence
    cells: list[Cell] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


class Script:
    """A picture and the frames that play on it; `accumulate`: leaves start with the gradients they have."""

    def __init__(
        self,
        snapshot: Snapshot,
        picture: Picture,
        events: Sequence[Step],
        digits: int = 4,
        accumulate: bool = False,
        direction: str = "LR",
    ) -> None:
        self.snapshot, self.direction = snapshot, direction
        self.picture = picture
        self.digits = digits
        self.names = node_names(snapshot, digits)
        self.narrator = Narrator(snapshot, self.names, digits)
        self.boxes = [box for box in picture.boxes if box.kind != "reference"]
        self.events = events
        self.starting_gradients = _starting_gradients(events)
        if accumulate:
            self.starting_gradients |= _gradients_of_leaves(snapshot)
        known = (grad is not None for grad in self.starting_gradients.values())
        forward = any(isinstance(event, ForwardStep) for event in events)
        self.opening = self.narrator.opening(forward, any(known))
        self._index = {node: i for i, node in enumerate(snapshot.nodes)}
        self._row = {box.ident: row for row, box in enumerate(self.boxes)}
        self._shown_nodes = {self.snapshot.nodes[i] for box in self.boxes for i in box.shown}
        self._links = {link.ident for link in picture.links}
        self._cells = self._starting_cells(events)
        to_come = {i for i in self.computed() if i is not None}
        self._waiting = [len(to_come.intersection(box.members)) for box in self.boxes]
        self.start = [
            self._starting_row(cells, waiting)
            for cells, waiting in zip(self._cells, self._waiting, strict=True)
        ]
        self._shown = [list(row) for row in self.start]
        self.frames = [self._frame(event) for event in events]
        self._end_the_sweep()

    def _end_the_sweep(self) -> None:
        """What the sweep has not reached by its end has the gradient 0, as after `backward()`."""
        nodes = self.snapshot.nodes
        for node, kind in zip(nodes, self.snapshot.kinds, strict=True):
            if kind != "constant" and node not in self.starting_gradients:
                self._change(self.frames[-1], node, GRAD, None, 0.0)

    def rows_at(self, position: int) -> list[Row]:
        """The table after so many steps."""
        rows = [list(row) for row in self.start]
        for frame in self.frames[:position]:
            for row, column, text in frame.cells:
                rows[row][column] = text
        return rows

    def computed(self) -> list[int | None]:
        """The node that each step computes, as an index into the snapshot; None where it computes none."""
        return [self._index[event.node] if isinstance(event, ForwardStep) else None for event in self.events]

    def room(self) -> dict[str, int]:
        """For each box that changes, the length of the longest text that it will ever show."""
        longest = {
            box.ident: max(ROOM, *map(len, [*map(visible, box.texts()), *filter(None, row)]))
            for box, row in zip(self.boxes, self.start, strict=True)
        }
        for frame in self.frames:
            for row, column, text in frame.cells:
                if column != STATUS:
                    ident = self.boxes[row].ident
                    longest[ident] = max(longest[ident], len(text))
        return {box.ident: longest[box.ident] for box in self.boxes if _is_live(box)}

    def _starting_cells(self, events: Sequence[Step]) -> list[list[Spread]]:
        """For each box that changes, the data and the gradients that are known before the first step."""
        to_come = {event.node for event in events if isinstance(event, ForwardStep)}
        gradients = self.starting_gradients
        cells = []
        for box in self.boxes:
            data = Spread([self.snapshot.data[i] for i in box.shown if self.snapshot.nodes[i] not in to_come])
            given = [gradients.get(self.snapshot.nodes[i]) for i in box.shown]
            cells.append([data, Spread([x for x in given if x is not None])] if _is_live(box) else [])
        return cells

    def _starting_row(self, cells: list[Spread], waiting: int) -> list[str | None]:
        if not cells:
            return [None, None, None]
        status = "pending" if waiting else "given"
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
        if column == DATA:
            self._waiting[row] -= 1
            if not self._waiting[row]:
                self._write(frame, row, STATUS, "computed")
        if not self._cells[row] or node not in self._shown_nodes:
            return
        spread = self._cells[row][column]
        spread.replace(before, after)
        self._write(frame, row, column, f"{('data', 'grad')[column]} {spread.text(self.digits)}")

    def _write(self, frame: Frame, row: int, column: int, text: str) -> None:
        before = self._shown[row][column]
        if before is not None and before != text:
            self._shown[row][column] = text
            frame.cells.append((row, column, text))

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


def _starting_gradients(events: Sequence[Step]) -> dict[Value, float | None]:
    """The gradient of every node that receives one, before the first step."""
    found: dict[Value, float | None] = {}
    for event in events:
        if not isinstance(event, ForwardStep):
            found.setdefault(event.node if isinstance(event, SeedStep) else event.parent, event.before)
    return found


def _gradients_of_leaves(snapshot: Snapshot) -> dict[Value, float | None]:
    """Those that a sweep adds to; it may not reach all of them."""
    found = zip(snapshot.nodes, snapshot.grads, strict=True)
    return {node: grad for node, grad in found if node.is_leaf and grad is not None}


def _is_live(box: Box) -> bool:
    """Whether a box shows numbers that the steps change."""
    return box.kind != "constant"
