"""What is drawn, in no language yet: boxes, links, scopes, and a caption that tells what is hidden."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from autograd_core import Value
from viz.diagnosis import Finding
from viz.folding import REST, Grouping, group_links, pattern, scope_pattern
from viz.reading import Reading
from viz.spread import Spread
from viz.text import DASH, number

ASIDE = "shared parameters"
_LEAF_KINDS = {"parameter", "input", "constant"}
LABELLED = 300  # boxes up to which edges are labelled unless told otherwise
SHARED = 4  # a parameter with at least this many users is drawn aside


@dataclass
class Box:
    """One node of the picture.

    Attributes:
        ident: Its `id` in the SVG.
        kind: A key of `viz.palette.KINDS`.
        title: Label and operation.
        lines: The lines below the title: data and gradient, or their ranges.
        scope: The scope whose cluster it stands in.
        members: The graph's nodes in it, as indices into the reading.
        notes: What a diagnosis found, in words.
    """

    ident: str
    kind: str
    title: str
    lines: list[str]
    scope: str
    members: list[int]
    notes: list[str] = field(default_factory=list)
    tooltip: str = ""
    trouble: bool = False  # whether a note is a fault, not just a remark
    emphasis: str = ""  # the part that it has in a step: a key of `viz.palette.EMPHASIS`


@dataclass
class Link:
    """One edge of the picture, from parent to child, with its local partial or the number of edges in it."""

    ident: str
    tail: str
    head: str
    text: str
    tooltip: str
    constant: bool = False
    trouble: bool = False
    emphasis: str = ""


@dataclass
class Picture:
    """Boxes and links, ready to be written in some language."""

    boxes: list[Box]
    links: list[Link]
    caption: str
    description: str
    box_of: list[str]  # the id of the box that each node of the reading is in


@dataclass(frozen=True)
class Style:
    """How numbers and names are shown.

    Attributes:
        digits: Significant digits.
        partials: Whether edges carry their partials, or the number of edges in a bundle; None leaves them out
            where there are many boxes.
        numbered: Whether nodes without a label are called u0, u1, ... as in Algorithms 6.1 and 6.2.
    """

    digits: int = 4
    partials: bool | None = None
    numbered: bool = False


def name_of(reading: Reading, i: int, numbered: bool = True) -> str:
    """A node's label, else its number in the order of computation."""
    return reading.nodes[i].label or (f"u{i}" if numbered else "")


def operation_text(node: Value) -> str:
    """The operation as a reader writes it: `+`, `tanh`, `**2`."""
    return _SIGNS.get(node.op, node.op)


_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "pow": "**", "neg": "negate", "mod": "%"}


def paint(reading: Reading, groups: Grouping, style: Style, findings: Iterable[Finding] = ()) -> Picture:
    """The picture of a graph whose nodes are grouped as `groups` says."""
    return _Painter(reading, groups, style, list(findings)).run()


class _Painter:
    def __init__(self, reading: Reading, groups: Grouping, style: Style, findings: list[Finding]) -> None:
        self.reading, self.groups, self.style = reading, groups, style
        self.members: dict[int, list[int]] = {}
        for i, number_ in enumerate(groups.numbers):
            self.members.setdefault(number_, []).append(i)
        self.notes: dict[int, list[Finding]] = {}
        for finding in findings:
            self.notes.setdefault(finding.node, []).append(finding)
        self.roots = set(reading.roots)

    def run(self) -> Picture:
        boxes = {number_: self._box(members) for number_, members in self.members.items()}
        # on 1,231 irregular nodes the labels of the edges made the layout twenty times slower, and unreadable
        self.labelled = len(boxes) <= LABELLED if self.style.partials is None else self.style.partials
        links = self._links(boxes)
        every, links, aside = self._pull_aside(list(boxes.values()), links)
        return Picture(
            every,
            links,
            self._caption(boxes, aside),
            self._description(),
            [boxes[number_].ident for number_ in self.groups.numbers],
        )

    def _box(self, members: list[int]) -> Box:
        return self._single(members[0]) if len(members) == 1 else self._several(members)

    def _single(self, i: int) -> Box:
        node = self.reading.nodes[i]
        name = name_of(self.reading, i, self.style.numbered)
        title = " = ".join(filter(None, (name, operation_text(node)))) or self.reading.kinds[i]
        kind = "output" if i in self.roots else self.reading.kinds[i]
        grad = node.grad if node.has_grad else None
        lines = [self._data(node.data), self._grad(grad)]
        if self.reading.kinds[i] == "constant":
            title = " = ".join(filter(None, (node.label, number(node.data, self.style.digits))))
            lines = lines[2:]
        found = self.notes.get(i, [])
        notes = [finding.text for finding in found]
        place = f" in {node.scope}" if node.scope else ""
        tooltip = f"{title} ({kind}{place})\ndata {node.data!r}\ngrad {DASH if grad is None else repr(grad)}"
        return Box(f"n{i}", kind, title, lines, node.scope, [i], notes, tooltip, _any_severe(found))

    def _several(self, members: list[int]) -> Box:
        nodes = [self.reading.nodes[i] for i in members]
        kinds = {self.reading.kinds[i] for i in members}
        kind = kinds.pop() if kinds <= _LEAF_KINDS and len(kinds) == 1 else "group"
        scope, title = self._common(members, nodes)
        lines = [self._range("data", [node.data for node in nodes])]
        if kind != "constant":
            lines.append(self._range("grad", [node.grad for node in nodes if node.has_grad]))
        found = [finding for i in members for finding in self.notes.get(i, ())]
        notes = [f"{what}: {count} of {len(nodes)}" for what, count in Counter(f.kind for f in found).items()]
        tooltip = f"{title}\n{len(nodes)} nodes" + (f" in {scope}" if scope else "")
        return Box(f"g{members[0]}", kind, title, lines, scope, members, notes, tooltip, _any_severe(found))

    def _common(self, members: list[int], nodes: list[Value]) -> tuple[str, str]:
        """The cluster that several nodes stand in, and their title: a scope, an operation or a label."""
        number_ = self.groups.numbers[members[0]]
        if number_ == REST:
            return "", f"more nodes: {len(nodes):,}"
        if number_ in self.groups.scopes:
            return self._scope_title(self.groups.scopes[number_], nodes)
        scopes = {node.scope for node in nodes}
        scope = scopes.pop() if len(scopes) == 1 else _common_scope(set(map(scope_pattern, scopes)))
        labels = {pattern(node.label) for node in nodes}
        label = labels.pop() if len(labels) == 1 else ""
        what = " = ".join(filter(None, (label, nodes[0].op))) or self.reading.kinds[members[0]]
        return scope, f"{what} ×{len(nodes)}"

    def _scope_title(self, scope: str, nodes: list[Value]) -> tuple[str, str]:
        level = scope.count(".") + 1
        copies = len({".".join(node.scope.split(".")[:level]) for node in nodes})
        times = f" ×{copies}" if copies > 1 else ""
        return scope.rpartition(".")[0], f"{scope}{times}: {len(nodes):,} nodes"

    def _data(self, value: float) -> str:
        return f"data {number(value, self.style.digits)}"

    def _grad(self, value: float | None) -> str:
        return f"grad {number(value, self.style.digits)}"

    def _range(self, name: str, values: list[float]) -> str:
        return f"{name} {Spread(values).text(self.style.digits)}"

    def _links(self, boxes: dict[int, Box]) -> list[Link]:
        counts = group_links(self.reading, self.groups)
        links: list[Link] = []
        for (tail, head), count in counts.items():
            if len(boxes[tail].members) == len(boxes[head].members) == 1:
                links += self._edges(boxes[tail], boxes[head])
            else:
                text = f"×{count}" if count > 1 and self.labelled else ""
                ident = f"e_{boxes[tail].ident}_{boxes[head].ident}"
                links.append(Link(ident, boxes[tail].ident, boxes[head].ident, text, f"{count} edges"))
        return links

    def _edges(self, tail: Box, head: Box) -> list[Link]:
        """The edges between two single nodes: one an argument, so that `a * a` has two."""
        parent, child = tail.members[0], head.members[0]
        node = self.reading.nodes[child]
        partials = node.partials
        return [
            self._edge(tail, head, slot, partials[slot])
            for slot, argument in enumerate(self.reading.parents[child])
            if argument == parent
        ]

    def _edge(self, tail: Box, head: Box, slot: int, partial: float) -> Link:
        child = head.members[0]
        constant = self.reading.kinds[tail.members[0]] == "constant"
        shown = number(partial, self.style.digits) if self.labelled and not constant else ""
        tooltip = f"∂{name_of(self.reading, child)}/∂{name_of(self.reading, tail.members[0])} = {partial!r}"
        trouble = any(finding.slot == slot and finding.severe for finding in self.notes.get(child, ()))
        return Link(f"e{child}_{slot}", tail.ident, head.ident, shown, tooltip, constant, trouble)

    def _pull_aside(self, boxes: list[Box], links: list[Link]) -> tuple[list[Box], list[Link], int]:
        """Draw a parameter with many users once, aside, and a short reference to it beside each user."""
        users: dict[str, set[str]] = {}
        for link in links:
            users.setdefault(link.tail, set()).add(link.head)
        aside = {
            box.ident: box
            for box in boxes
            if box.kind == "parameter" and len(users.get(box.ident, ())) >= SHARED
        }
        references: dict[tuple[str, str], Box] = {}
        scopes = {box.ident: box.scope for box in boxes}
        for box in aside.values():
            box.scope = ASIDE
        for link in links:
            if link.tail in aside:
                box = aside[link.tail]
                ident = f"r_{link.tail}_{link.head}"
                reference = Box(
                    ident, "reference", box.title, [], scopes[link.head], [], [], f"{box.title}, drawn aside"
                )
                link.tail = references.setdefault((link.tail, link.head), reference).ident
        return boxes + list(references.values()), links, len(aside)

    def _caption(self, boxes: dict[int, Box], aside: int) -> str:
        total = len(self.reading.nodes)
        parts = []
        if len(boxes) < total:
            parts.append(f"{total:,} nodes and {self.reading.edges:,} edges drawn as {len(boxes):,} boxes")
        if REST in boxes:
            parts.append(f"{len(boxes[REST].members):,} nodes far from the output are in one box")
        if aside:
            parts.append(f"{aside} shared parameter{'s' if aside > 1 else ''} drawn aside")
        counts = Counter(finding.kind for findings in self.notes.values() for finding in findings)
        parts += [f"{kind}: {count:,}" for kind, count in counts.items()]
        return "; ".join(parts)

    def _description(self) -> str:
        kinds = Counter(self.reading.kinds)
        counts = ", ".join(f"{kinds[kind]} {kind}{'s' if kinds[kind] != 1 else ''}" for kind in sorted(kinds))
        outputs = ", ".join(
            f"{name_of(self.reading, i)} = {number(self.reading.nodes[i].data, 6)}"
            for i in self.reading.roots[:5]
        )
        return f"Computation graph of {outputs}: {counts}."


def _common_scope(scopes: set[str]) -> str:
    levels = [scope.split(".") for scope in scopes]
    common = []
    for parts in zip(*levels, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(filter(None, common))


def _any_severe(findings: Iterable[Finding]) -> bool:
    return any(finding.severe for finding in findings)
