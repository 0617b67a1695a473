"""What a drawing is asked for, and the groupings that keep it within its budget."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from autograd_core.arguments import truth, whole_number
from viz.diagnosis import LAYERS
from viz.folding import Folding, Grouping, group, group_links, nearest, scope_depth, scope_pattern
from viz.heat import check_measure
from viz.picture import Style
from viz.snapshot import Snapshot
from viz.text import MOST_DIGITS

READABLE = 150  # with more nodes than this, repeated structure is folded unless told otherwise
CROWDED = 4  # edges that fill a picture as one node does
MAX_NODES = 1500
MAX_EDGES = 3000
OVERVIEW = 120  # boxes kept when nothing else brings a graph under the budget


@dataclass(frozen=True)
class Options:
    """What `draw` was asked for; see there."""

    direction: str = "LR"
    depth: int | None = None
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    fold: bool | None = None
    style: Style = field(default_factory=Style)
    diagnosis: tuple[str, ...] = LAYERS
    legend: bool = False
    max_nodes: int = MAX_NODES
    max_edges: int = MAX_EDGES
    readable: int = READABLE

    def __post_init__(self) -> None:
        if self.direction not in ("LR", "TB"):
            raise ValueError(f"direction is 'LR' or 'TB', not {self.direction!r}")
        whole_number("digits", self.style.digits, 1, MOST_DIGITS)
        whole_number("depth", self.depth or 0, 0)
        whole_number("max_nodes", self.max_nodes, 1)
        whole_number("max_edges", self.max_edges, 0)
        truth("fold", self.fold or False)
        truth("partials", self.style.partials or False)
        truth("numbered", self.style.numbered)
        truth("legend", self.legend)
        check_measure(self.style.color_by)

    def check_scopes(self, snapshot: Snapshot) -> None:
        """Refuse to expand or collapse a scope that the graph does not have.

        Raises:
            ValueError: there is no such scope; the message names those there are.
        """
        if not (self.expand or self.collapse):
            return
        known = _scope_names({*snapshot.scopes})
        for name in (*self.expand, *self.collapse):
            if name not in known:
                shown = ", ".join(sorted(known)[:12]) or "none"
                raise ValueError(f"there is no scope {name!r} in this graph; there are {shown}")


def _scope_names(scopes: set[str]) -> set[str]:
    """Every scope with the scopes around it, by name and by pattern (`layer1.neuron*`)."""
    found = set()
    for scope in filter(None, scopes):
        levels = scope.split(".")
        for level in range(1, len(levels) + 1):
            prefix = ".".join(levels[:level])
            found |= {prefix, scope_pattern(prefix)}
    return found


def plans(snapshot: Snapshot, options: Options) -> Iterator[Grouping]:
    """Ever coarser groupings, the first within the budget; the next ones for a layout that takes too long."""
    last: Grouping | None = None
    for folding in _foldings(snapshot, options):
        last = group(snapshot, folding)
        if _fits(snapshot, last, options):
            yield last
    if last is not None:
        keep = min(OVERVIEW, options.max_nodes)
        while keep:  # one box of all has no edges
            last = nearest(snapshot, last, keep)
            if _fits(snapshot, last, options):
                yield last
            keep //= 2


def _foldings(snapshot: Snapshot, options: Options) -> Iterator[Folding]:
    deepest = scope_depth({*snapshot.scopes})
    wanted = Folding(options.depth, options.expand, options.collapse, bool(options.fold))
    if options.fold is None:
        size = max(len(snapshot.nodes), snapshot.edges // CROWDED)
        wanted = replace(wanted, fold=size > options.readable)
    yield wanted
    if not wanted.fold and options.fold is None:
        yield (wanted := replace(wanted, fold=True))
    start = deepest if options.depth is None else options.depth
    for depth in range(start - 1, -1, -1):
        yield replace(wanted, depth=depth)


def _fits(snapshot: Snapshot, groups: Grouping, options: Options) -> bool:
    sizes = Counter(groups.numbers)
    if len(sizes) > options.max_nodes:
        return False
    links = group_links(snapshot, groups).items()
    edges = sum(len(found) if sizes[tail] == sizes[head] == 1 else 1 for (tail, head), found in links)
    return edges <= options.max_edges
