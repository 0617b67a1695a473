"""What is drawn, in no language yet: boxes, links, scopes, and a caption that tells what is hidden."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from autograd_core.naming import pattern
from viz.diagnosis import LAYERS, Finding, units_of
from viz.folding import REST, Edge, Grouping, group_links, scope_pattern
from viz.heat import Measure, heat_of
from viz.naming import node_names, title_name
from viz.narration import operation_text
from viz.products import is_matrix_product, shapes
from viz.snapshot import Snapshot
from viz.spread import Spread
from viz.text import DASH, MINUS, constant_digits, number

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
        members: The graph's nodes in it, as indices into the snapshot.
        shown: Those whose numbers it shows: the results, not the steps on the way to them.
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
    shown: list[int] = field(default_factory=list)
    shade: int | None = None  # how dark it is, where boxes are colored by a measure

    def __post_init__(self) -> None:
        self.shown = self.shown or self.members

    def texts(self) -> list[str]:
        """What stands on it, line by line; a finding that is not seen yet leaves its line empty."""
        return [self.title, *(f"! {note}" if note else " " for note in self.notes[:3]), *self.lines]


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
    child: int | None = None  # the node whose partial it shows, as an index into the snapshot
    hidden: bool = False  # whether its text keeps its place but is not seen: the node is not computed yet


@dataclass
class Picture:
    """Boxes and links, ready to be written in some language."""

    boxes: list[Box]
    links: list[Link]
    caption: str
    description: str
    box_of: list[str]  # the id of the box that each node of the snapshot is in
    notes: dict[int, dict[str, str]] = field(default_factory=dict)  # of each node what was found, by kind
    found: str = ""  # the end of the caption: how much of each kind it found


@dataclass(frozen=True)
class Style:
    """How numbers and names are shown.

    Attributes:
        digits: Significant digits.
        partials: Whether edges carry their partials, or the number of edges in a bundle; None leaves them out
            where there are many boxes.
        numbered: Whether nodes without a label show their number u1, u2, ... as in Algorithm 6.1.
        color_by: What the boxes are colored by, as for `viz.heat.heat_of`.
    """

    digits: int = 4
    partials: bool | None = None
    numbered: bool = False
    color_by: str | Measure | None = None


def paint(snapshot: Snapshot, groups: Grouping, style: Style, findings: Iterable[Finding] = ()) -> Picture:
    """The picture of a graph whose nodes are grouped as `groups` says."""
    return _Painter(snapshot, groups, style, list(findings)).run()


class _Painter:
    def __init__(self, snapshot: Snapshot, groups: Grouping, style: Style, findings: list[Finding]) -> None:
        self.snapshot, self.groups, self.style = snapshot, groups, style
        self.members = groups.members
        self.notes: dict[int, list[Finding]] = {}
        for finding in findings:
            self.notes.setdefault(finding.node, []).append(finding)
        self.units = units_of(snapshot) if self.notes else {}
        self.roots = set(snapshot.roots)
        inside = {i for product in groups.products.values() for i in product.inside}
        self.shown = {
            number_: [i for i in members if i not in inside or number_ == REST or number_ in groups.scopes]
            for number_, members in self.members.items()
        }
        self.shapes = shapes(snapshot, groups.products, self.shown)
        self.names = node_names(snapshot, style.digits)
        self.heat = heat_of(snapshot, self.members, style.color_by) if style.color_by else None

    def run(self) -> Picture:
        boxes = {
            number_: self._single(members[0]) if len(members) == 1 else self._several(members)
            for number_, members in self.members.items()
        }
        # on 1,231 irregular nodes the labels of the edges made the layout twenty times slower, and unreadable
        self.labelled = len(boxes) <= LABELLED if self.style.partials is None else self.style.partials
        if self.heat:
            for number_, box in boxes.items():
                box.shade = self.heat.shade(number_)
        links = self._links(boxes)
        every, links, aside = self._pull_aside(list(boxes.values()), links)
        hides, found = self._hides(boxes, aside), self._found()
        return Picture(
            every,
            links,
            "; ".join(filter(None, (hides, found))),
            self._description(),
            [boxes[number_].ident for number_ in self.groups.numbers],
            {i: {finding.kind: finding.text for finding in those} for i, those in self.notes.items()},
            found,
        )

    def _single(self, i: int) -> Box:
        title = title_of(self.snapshot, i, self._name(i), self.style.digits)
        kind = "output" if i in self.roots else self.snapshot.kinds[i]
        data, grad = self.snapshot.data[i], self.snapshot.grads[i]
        constant = self.snapshot.kinds[i] == "constant"
        digits = self.style.digits
        lines = [] if constant else [f"data {number(data, digits)}", f"grad {number(grad, digits)}"]
        found = self.notes.get(i, [])
        notes = [finding.text for finding in found]
        scope = self.snapshot.scopes[i]
        place = f" in {scope}" if scope else ""
        tooltip = f"{title} ({kind}{place})\ndata {data!r}\ngrad {DASH if grad is None else repr(grad)}"
        return Box(f"n{i}", kind, title, lines, scope, [i], notes, tooltip, _any_severe(found))

    def _name(self, i: int) -> str:
        """What a box of its own is called: its label, and its number where that is asked for or needed."""
        label = self.snapshot.labels[i]
        return title_name(self.names[i], label) if self.style.numbered else label

    def _several(self, members: list[int]) -> Box:
        shown = self.shown[self.groups.numbers[members[0]]] or members
        kinds = {self.snapshot.kinds[i] for i in members}
        kind = kinds.pop() if kinds <= _LEAF_KINDS and len(kinds) == 1 else "group"
        kind = "output" if self.roots.issuperset(shown) else kind
        scope, title = self._common(members, shown)
        lines = [self._range("data", [self.snapshot.data[i] for i in shown])]
        if kind != "constant":
            grads = (self.snapshot.grads[i] for i in shown)
            lines.append(self._range("grad", [grad for grad in grads if grad is not None]))
        found = [finding for i in members for finding in self.notes.get(i, ())]
        notes = self._group_notes(members, found)
        tooltip = f"{title}\n{len(members)} nodes" + (f" in {scope}" if scope else "")
        severe = _any_severe(found)
        return Box(f"g{members[0]}", kind, title, lines, scope, members, notes, tooltip, severe, shown=shown)

    def _group_notes(self, members: list[int], found: list[Finding]) -> list[str]:
        """How many units of a box have each finding, of how many that could."""
        units: dict[str, set[Hashable]] = {}
        for finding in found:
            units.setdefault(finding.kind, set()).add(finding.unit)
        whole = len(members)
        neurons = len({self.units[i] for i in members if i in self.units})
        return [
            f"{kind}: {len(those)} of {neurons if 'ReLU' in kind else whole}" for kind, those in units.items()
        ]

    def _common(self, members: list[int], shown: list[int]) -> tuple[str, str]:
        """The cluster that several nodes stand in, and their title: a scope, an operation or a label."""
        number_ = self.groups.numbers[members[0]]
        if number_ == REST:
            return "", f"more nodes: {len(members):,}"
        if number_ in self.groups.scopes:
            return self._scope_title(self.groups.scopes[number_], members)
        scopes = {self.snapshot.scopes[i] for i in shown}
        scope = scopes.pop() if len(scopes) == 1 else _common_scope(set(map(scope_pattern, scopes)))
        labels = {pattern(self.snapshot.labels[i]) for i in shown}
        label = labels.pop() if len(labels) == 1 else ""
        what = " = ".join(filter(None, (label, self._sign(shown)))) or self.snapshot.kinds[shown[0]]
        return scope, f"{what} {self._size(number_)}"

    def _sign(self, shown: list[int]) -> str:
        """The operation of several nodes that are alike."""
        if all(i in self.groups.products for i in shown):
            return "matmul" if is_matrix_product(self.snapshot, self.groups.products, shown) else "dot"
        sign = operation_text(self.snapshot.nodes[shown[0]].op)
        return f"({sign})" if sign and not sign[0].isalnum() else sign

    def _size(self, number_: int) -> str:
        """`8×16` for a matrix, `×128` for what is none."""
        rows, columns = self.shapes.get(number_, ("", len(self.shown[number_])))
        return f"{rows}×{columns}"

    def _scope_title(self, scope: str, members: list[int]) -> tuple[str, str]:
        level = scope.count(".") + 1
        copies = len({".".join(self.snapshot.scopes[i].split(".")[:level]) for i in members})
        times = f" ×{copies}" if copies > 1 else ""
        return scope.rpartition(".")[0], f"{scope}{times}: {len(members):,} nodes"

    def _range(self, name: str, values: list[float]) -> str:
        return f"{name} {Spread(values).text(self.style.digits)}"

    def _links(self, boxes: dict[int, Box]) -> list[Link]:
        links: list[Link] = []
        for (tail, head), edges in group_links(self.snapshot, self.groups).items():
            if len(boxes[tail].members) == len(boxes[head].members) == 1:
                found = map(self.snapshot.edge, edges)
                links += [self._edge(boxes[tail], boxes[head], f"e{i}_{k}", (i, k)) for i, k in found]
            else:
                links.append(self._bundle(boxes[tail], boxes[head], edges))
        return links

    def _bundle(self, tail: Box, head: Box, edges: list[int]) -> Link:
        """The edges between two boxes of which one is a group, as one line: its partial, or how many."""
        ident = f"e_{tail.ident}_{head.ident}"
        if len(edges) == 1:
            return self._edge(tail, head, ident, self.snapshot.edge(edges[0]))
        number_ = self.groups.numbers[tail.members[0]]
        whole = number_ in self.shapes and self._sent(edges, len(self.shown[number_]))
        text = (self._size(number_) if whole else f"×{len(edges)}") if self.labelled else ""
        return Link(ident, tail.ident, head.ident, text, f"{len(edges)} edges")

    def _sent(self, edges: list[int], count: int) -> bool:
        """Whether some edges come from so many nodes."""
        sent: set[int] = set()
        for place in edges:
            child, slot = self.snapshot.edge(place)
            sent.add(self.snapshot.parents[child][slot])
            if len(sent) == count:
                return True
        return False

    def _edge(self, tail: Box, head: Box, ident: str, edge: Edge) -> Link:
        child, slot = edge
        parent, partial = self.snapshot.parents[child][slot], self.snapshot.nodes[child].partials[slot]
        constant = self.snapshot.kinds[parent] == "constant"
        text = number(partial, self.style.digits).replace("-", MINUS)
        shown = text if self.labelled and not constant else ""
        tooltip = "" if constant else f"∂{self.names[child]}/∂{self.names[parent]} = {partial!r}"
        trouble = any(finding.slot == slot and finding.severe for finding in self.notes.get(child, ()))
        return Link(ident, tail.ident, head.ident, shown, tooltip, constant, trouble, child=child)

    def _pull_aside(self, boxes: list[Box], links: list[Link]) -> tuple[list[Box], list[Link], int]:
        """Draw a parameter with many users once, aside, and beside each user a numbered reference to it."""
        users: dict[str, set[str]] = {}
        for link in links:
            users.setdefault(link.tail, set()).add(link.head)
        aside = {
            box.ident: box
            for box in boxes
            if box.kind == "parameter" and len(users.get(box.ident, ())) >= SHARED
        }
        references: dict[tuple[str, str], Box] = {}
        uses: Counter[str] = Counter()
        scopes = {box.ident: box.scope for box in boxes}
        for box in aside.values():
            box.scope = ASIDE
        for link in links:
            if link.tail in aside:
                box = aside[link.tail]
                ident = f"r_{link.tail}_{link.head}"
                if (link.tail, link.head) not in references:
                    uses[link.tail] += 1
                    title = f"{box.title} · {uses[link.tail]} of {len(users[link.tail])}"
                    references[link.tail, link.head] = Box(
                        ident, "reference", title, [], scopes[link.head], [], [], f"{box.title}, drawn aside"
                    )
                link.tail = references[link.tail, link.head].ident
        return boxes + list(references.values()), links, len(aside)

    def _hides(self, boxes: dict[int, Box], aside: int) -> str:
        total = len(self.snapshot.nodes)
        parts = []
        if len(boxes) < total:
            several = f"{len(boxes):,} boxes" if len(boxes) > 1 else "one box"
            parts.append(f"{total:,} nodes and {self.snapshot.edges:,} edges drawn as {several}")
        if self.snapshot.left_out:
            parts.append(f"{self.snapshot.left_out:,} nodes that only fix the order of a loop are left out")
        if REST in boxes and len(boxes[REST].members) > 1:
            parts.append(f"{len(boxes[REST].members):,} nodes far from the output are in one box")
        if self.heat:
            parts.append(self.heat.legend)
        if aside:
            parts.append(f"{aside} shared parameter{'s' if aside > 1 else ''} drawn aside")
        return "; ".join(parts)

    def _found(self) -> str:
        units = {(finding.kind, finding.unit) for findings in self.notes.values() for finding in findings}
        counts = Counter(kind for kind, _unit in units)
        parts = [f"{kind}: {counts[kind]:,}" for kind in LAYERS if kind in counts]
        if "stale" in counts:
            parts.append("a stale number no longer follows from its parents: build the graph anew")
        return "; ".join(parts)

    def _description(self) -> str:
        kinds = Counter(self.snapshot.kinds)
        counts = ", ".join(f"{kinds[kind]} {kind}{'s' if kinds[kind] != 1 else ''}" for kind in sorted(kinds))
        outputs = ", ".join(
            (self._name(i) or self.names[i])
            # in a player they are not computed yet, or changed
            + ("" if self.style.numbered else f" = {number(self.snapshot.data[i], 6)}")
            for i in self.snapshot.roots[:5]
        )
        return f"Computation graph of {outputs}: {counts}."


def title_of(snapshot: Snapshot, i: int, name: str, digits: int = 4) -> str:
    """What stands on the box of one node: its name and its operation, a constant's label and number."""
    node = snapshot.nodes[i]
    if snapshot.kinds[i] == "constant":
        figures = number(snapshot.data[i], constant_digits(snapshot.data[i], digits))
        return " = ".join(filter(None, (snapshot.labels[i], figures)))
    return " = ".join(filter(None, (name, operation_text(node.op)))) or snapshot.kinds[i]


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
