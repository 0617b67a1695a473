"""Inner products, written as one node or as a chain of multiplications and additions, and what they tell:
which of them are one matrix product, and the shapes of the matrices that take part.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from viz.snapshot import Snapshot

Shape = tuple[int, int]


@dataclass(frozen=True)
class Product:
    """One inner product.

    Attributes:
        left: The first factors, as indices into the snapshot.
        right: The second factors.
        start: What the products are added to, if anything.
        inside: The nodes on the way, if it is written out.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    start: tuple[int, ...] = ()
    inside: tuple[int, ...] = ()

    @property
    def operands(self) -> tuple[int, ...]:
        """All that it is computed from."""
        return (*self.left, *self.right, *self.start)


def inner_products(snapshot: Snapshot) -> dict[int, Product]:
    """Each inner product of a graph, by the node that holds its result.

    Written out, it is `((w0*x0 + w1*x1) + w2*x2) + ...`, maybe beginning with a bias, where nothing else uses
    the nodes on the way and all of them are in one scope.
    """
    found = {}
    for i, node in enumerate(snapshot.nodes):
        if node.op == "dot":
            parents = snapshot.parents[i]
            terms = len(parents) // 2
            found[i] = Product(parents[:terms], parents[terms : 2 * terms], parents[2 * terms :])
    return found | _written_out(snapshot)


def _written_out(snapshot: Snapshot) -> dict[int, Product]:
    nodes, parents, scopes = snapshot.nodes, snapshot.parents, snapshot.scopes
    uses = [0] * len(nodes)
    for row in parents:
        for parent in row:
            uses[parent] += 1

    def inside(child: int, i: int, op: str) -> bool:
        """Whether a node is only a step on the way to `child`."""
        node = nodes[i]
        return node.op == op and uses[i] == 1 and scopes[i] == scopes[child] and not node.label

    sums: dict[int, Product] = {}
    for i, node in enumerate(nodes):
        if node.op != "add" or not inside(i, parents[i][1], "mul"):
            continue
        before, term = parents[i]
        a, b = parents[term]
        if before in sums and inside(i, before, "add"):
            so_far = sums.pop(before)
            way = (*so_far.inside, before, term)
        elif inside(i, before, "mul"):
            so_far = Product(parents[before][:1], parents[before][1:])
            way = (before, term)
        else:
            so_far, way = Product((), (), (before,)), (term,)
        sums[i] = Product((*so_far.left, a), (*so_far.right, b), so_far.start, way)
    return {i: product for i, product in sums.items() if len(product.left) > 1}


def is_matrix_product(snapshot: Snapshot, products: Mapping[int, Product], members: Sequence[int]) -> bool:
    """Whether some nodes are the entries of one whole matrix product."""
    chosen = [products[i] for i in members if i in products]
    return len(chosen) == len(members) and matrix_shape(snapshot, chosen) is not None


def matrix_shape(snapshot: Snapshot, products: Sequence[Product]) -> Shape | None:
    """Rows and columns of a matrix product whose entries these are, or None: they are no whole matrix.

    The rows are those of the data where the other factor holds parameters; else the row comes first in the
    graph's order whose entries follow each other.
    """
    lefts, rights = {p.left for p in products}, {p.right for p in products}
    pairs = {(p.left, p.right) for p in products}
    if not len(products) == len(pairs) == len(lefts) * len(rights) or min(len(lefts), len(rights)) < 2:
        return None
    left, right = (
        all(snapshot.kinds[i] == "parameter" for i in row) for row in (products[0].left, products[0].right)
    )
    left_varies = left if left != right else products[0].right == products[1].right
    return (len(rights), len(lefts)) if left_varies else (len(lefts), len(rights))


def rows_shape(snapshot: Snapshot, members: Sequence[int], rows: Iterable[tuple[int, ...]]) -> Shape | None:
    """The shape of a matrix of these members, if these are its rows: each member in one of them.

    Where labels such as `v0_1` tell that the rows are the matrix's columns, the shape is the other way round.
    """
    distinct = list(dict.fromkeys(rows))
    lengths = {len(row) for row in distinct}
    whole = sum(map(len, distinct)) == len(members) and {i for row in distinct for i in row} == set(members)
    if not whole or len(lengths) != 1 or min(len(distinct), *lengths) < 2:
        return None
    along, across = _counted(snapshot, distinct[0]), _counted(snapshot, [row[0] for row in distinct])
    shape = len(distinct), lengths.pop()
    return shape[::-1] if len(along) == len(across) == 1 and along < across else shape


def _counted(snapshot: Snapshot, row: Sequence[int]) -> list[int]:
    """Which of the numbers in their labels differ between some nodes: `[1]` for `w0_0`, `w0_1`."""
    numbers = [re.findall(r"\d+", snapshot.labels[i]) for i in row]
    return [k for k, column in enumerate(zip(*numbers, strict=False)) if len(set(column)) > 1]


def shapes(
    snapshot: Snapshot, products: Mapping[int, Product], groups: Mapping[int, Sequence[int]]
) -> dict[int, Shape]:
    """The shape of each group that is a matrix; `groups` has the nodes that hold the results of each."""
    group_of = {i: number for number, members in groups.items() for i in members}
    rows: dict[int, list[tuple[int, ...]]] = {}
    for product in products.values():
        for operand in (product.left, product.right):
            if len({group_of.get(i) for i in operand}) == 1 and operand[0] in group_of:
                rows.setdefault(group_of[operand[0]], []).append(operand)
    found: dict[int, Shape] = {}
    for number, members in groups.items():
        if len(members) > 1:
            shape = _own_shape(snapshot, products, members)
            shape = shape or rows_shape(snapshot, members, rows.get(number, ()))
            if members[0] not in products:
                shape = shape or _inherited(snapshot, members, group_of, found)
            if shape:
                found[number] = shape
    return found


def _own_shape(snapshot: Snapshot, products: Mapping[int, Product], members: Sequence[int]) -> Shape | None:
    if all(i in products for i in members):
        return matrix_shape(snapshot, [products[i] for i in members])
    parents = [snapshot.parents[i] for i in members]
    size = len(parents[0])
    distinct = len(set(parents))
    rowwise = snapshot.nodes[members[0]].op in ("softmax", "log_softmax")
    same = all(len(row) == size for row in parents)
    return (distinct, size) if rowwise and same and distinct > 1 and len(members) == distinct * size else None


def _inherited(
    snapshot: Snapshot, members: Sequence[int], group_of: Mapping[int, int], found: Mapping[int, Shape]
) -> Shape | None:
    """The shape of an operand that has as many members: the operation is one on each element."""
    for parents in zip(*(snapshot.parents[i] for i in members), strict=False):
        groups = {group_of.get(parent, -1) for parent in parents}
        number = groups.pop()
        if (
            not groups
            and number in found
            and len(set(parents)) == len(members) == found[number][0] * found[number][1]
        ):
            return found[number]
    return None
