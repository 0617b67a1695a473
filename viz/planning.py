"""What a drawing is asked for, and the groupings that keep it within its budget."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from viz.diagnosis import LAYERS
from viz.folding import Folding, Grouping, group, group_links, nearest, scope_depth
from viz.picture import Style
from viz.snapshot import Snapshot

READABLE = 150  # with more nodes than this, repeated structure is folded unless told otherwise
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
        if self.style.digits < 1:
            raise ValueError(f"digits is at least 1, not {self.style.digits}")
        if self.depth is not None and self.depth < 0:
            raise ValueError(f"depth is at least 0, not {self.depth}")


def plans(snapshot: Snapshot, options: Options) -> Iterator[Grouping]:
    """Ever coarser groupings, the first within the budget; the next ones for a layout that takes too long."""
    last: Grouping | None = None
    for folding in _foldings(snapshot, options):
        last = group(snapshot, folding)
        if _fits(snapshot, last, options):
            yield last
    if last is not None:
        for keep in (min(OVERVIEW, options.max_nodes), 20):
            yield nearest(snapshot, last, keep)


def _foldings(snapshot: Snapshot, options: Options) -> Iterator[Folding]:
    scopes = {node.scope for node in snapshot.nodes}
    deepest = scope_depth(list(scopes))
    wanted = Folding(options.depth, options.expand, options.collapse, bool(options.fold))
    if options.fold is None:
        wanted = replace(wanted, fold=len(snapshot.nodes) > options.readable)
    yield wanted
    if not wanted.fold and options.fold is None:
        yield (wanted := replace(wanted, fold=True))
    start = deepest if options.depth is None else options.depth
    for depth in range(start - 1, -1, -1):
        yield replace(wanted, depth=depth)


def _fits(snapshot: Snapshot, groups: Grouping, options: Options) -> bool:
    boxes = len(set(groups.numbers))
    return boxes <= options.max_nodes and len(group_links(snapshot, groups)) <= options.max_edges
