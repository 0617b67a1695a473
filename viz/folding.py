"""Which nodes share a box: scopes that are collapsed, structure that repeats, and what is over the budget.

Folding is a bisimulation: two nodes are alike when their
operation, scope and label differ in digits only and their parents are alike; so sixteen neurons become one,
"×16", and so do a hundred examples of a minibatch. A running sum over things that are alike folds into one
box, too.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from autograd_core.naming import pattern
from viz.products import Product, inner_products
from viz.snapshot import Snapshot

OUTPUTS = 8  # up to which each has a box of its own
FOLDABLE = 50_000  # groups beyond which nothing repeats that anybody would see
REST = -1  # the number of the group of everything far from the outputs


@dataclass(frozen=True)
class Grouping:
    """Which nodes share a box.

    Attributes:
        numbers: Each node's group.
        scopes: For a group that is a collapsed scope, the scope, with `*` where several are folded.
        products: Where repeated structure is folded, the inner products; the nodes on the way to a result are
            in its group.
    """

    numbers: list[int]
    scopes: dict[int, str]
    products: Mapping[int, Product] = field(default_factory=dict)

    @cached_property
    def members(self) -> dict[int, list[int]]:
        """The nodes of each group."""
        found: dict[int, list[int]] = {}
        for i, number in enumerate(self.numbers):
            found.setdefault(number, []).append(i)
        return found


@dataclass(frozen=True)
class Folding:
    """What to put together.

    Attributes:
        depth: Scopes deeper than this many levels are collapsed; None opens them all.
        expand: Scopes that stay open in spite of `depth`.
        collapse: Scopes that are collapsed in any case.
        fold: Whether repeated structure shares a box.
    """

    depth: int | None = None
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    fold: bool = False

    def box(self, scope: str) -> str:
        """The collapsed scope that `scope` lies in, or `""`."""
        levels = scope.split(".") if scope else []
        for level in range(1, len(levels) + 1):
            prefix = ".".join(levels[:level])
            if prefix in self.collapse or scope_pattern(prefix) in self.collapse:
                return prefix
            if self.depth is not None and level > self.depth and not self._is_expanded(prefix):
                return prefix
        return ""

    def _is_expanded(self, prefix: str) -> bool:
        names = (prefix, scope_pattern(prefix))
        return any(name in names or name.startswith(f"{prefix}.") for name in self.expand)


def scope_pattern(scope: str) -> str:
    """The scope with the digits of its last level replaced: `layer1.neuron12` -> `layer1.neuron*`.

    A scope of one level keeps its number: `layer1` and `layer2` follow each other, they do not repeat each
    other.
    """
    outer, dot, last = scope.rpartition(".")
    return f"{outer}.{pattern(last)}" if dot else scope


def group(snapshot: Snapshot, folding: Folding) -> Grouping:
    """Give every node the number of its group."""
    return _Grouper(snapshot, folding).run()


@dataclass
class _Grouper:
    snapshot: Snapshot
    folding: Folding
    numbers: dict[Hashable, int] = field(default_factory=dict)
    chains: dict[Hashable, tuple[Hashable, frozenset[Hashable]]] = field(default_factory=dict)
    scopes: dict[int, str] = field(default_factory=dict)
    known: dict[Hashable, int] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)
    scope_patterns: dict[str, str] = field(default_factory=dict)

    def run(self) -> Grouping:
        groups: list[int] = []
        roots = set(self.snapshot.roots)
        if self.folding.fold and len(roots) > OUTPUTS:
            roots = set()  # many outputs are folded as other nodes are
        products = inner_products(self.snapshot) if self.folding.fold else {}
        products = {i: one for i, one in products.items() if not (one.inside and i in roots)}
        results = {i: result for result, product in products.items() for i in product.inside}
        for i, scope in enumerate(self.snapshot.scopes):
            if len(self.numbers) > FOLDABLE and self.folding.fold:
                return group(self.snapshot, replace(self.folding, fold=False))
            box = self._box(scope)
            if i in roots:
                groups.append(self._number(("root", i)))
            elif box:
                groups.append(self._collapsed(self._scope_pattern(box) if self.folding.fold else box))
            elif not self.folding.fold:
                groups.append(self._number(i))
            elif i in results:
                groups.append(REST)  # until its result is met
            elif i in products:
                operands = self._operands(scope, products[i].operands, groups)
                groups.append(self._alike(i, scope, operands, "dot"))
                for inside in products[i].inside:
                    groups[inside] = groups[i]
            elif self.snapshot.parents[i]:
                groups.append(self._alike(i, scope, self._operands(scope, self.snapshot.parents[i], groups)))
            else:
                label = self._pattern(self.snapshot.labels[i])
                groups.append(self._number((self.snapshot.kinds[i], self._scope_pattern(scope), label)))
        if self.folding.fold:
            self._split_leaves_by_users(groups)
        return Grouping(groups, self.scopes, products)

    def _collapsed(self, scope: str) -> int:
        number = self._number(("scope", scope))
        self.scopes[number] = scope
        return number

    def _split_leaves_by_users(self, groups: list[int]) -> None:
        """Leaves that are alike share a box only if the same groups use them; one for all would be a hub."""
        users: dict[int, set[int]] = {}
        for i, parents in enumerate(self.snapshot.parents):
            for parent in parents:
                if not self.snapshot.parents[parent]:
                    users.setdefault(parent, set()).add(groups[i])
        for leaf, found in users.items():
            if not self._box(self.snapshot.scopes[leaf]) and leaf not in self.snapshot.roots:
                alike = "constant" if self.snapshot.kinds[leaf] == "constant" else groups[leaf]
                groups[leaf] = self._number(("leaf", alike, frozenset(found)))

    def _operands(self, scope: str, parents: Iterable[int], groups: list[int]) -> frozenset[Hashable]:
        """The groups of some operands; of what comes from another scope, that scope.

        So what one module does with the results of two others is alike.
        """
        scopes = self.snapshot.scopes
        if not scope:
            return frozenset([groups[p] for p in parents])
        return frozenset(
            [groups[p] if scopes[p] == scope else self._scope_pattern(scopes[p]) for p in parents]
        )

    def _alike(self, i: int, scope: str, parents: frozenset[Hashable], op: str = "") -> int:
        op, label = op or self.snapshot.nodes[i].op, self.snapshot.labels[i]
        exact = (op, scope, label, parents)
        number = self.known.get(exact)  # most nodes repeat another to the letter
        if number is None:
            key = (op, self._scope_pattern(scope), self._pattern(label))
            number = self.known[exact] = self._chained(key, parents)
        return number

    def _chained(self, key: Hashable, parents: frozenset[Hashable]) -> int:
        """The group of these nodes; the next link of a running sum joins the group of the sum so far."""
        others = None
        for parent in parents:
            if (chain := self.chains.get(parent)) and chain[0] == key:
                if chain[1] == parents - {parent} and isinstance(parent, int):
                    return parent
                others = others or parents - {parent}
        number = self._number((key, parents))
        self.chains[number] = key, parents if others is None else others
        return number

    def _number(self, key: Hashable) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def _box(self, scope: str) -> str:
        if scope not in self.boxes:
            self.boxes[scope] = self.folding.box(scope)
        return self.boxes[scope]

    def _scope_pattern(self, scope: str) -> str:
        if scope not in self.scope_patterns:
            self.scope_patterns[scope] = scope_pattern(scope)
        return self.scope_patterns[scope]

    def _pattern(self, name: str) -> str:
        if name not in self.patterns:
            self.patterns[name] = pattern(name)
        return self.patterns[name]


Edge = tuple[int, int]  # a node and which of its arguments


def group_links(snapshot: Snapshot, groups: Grouping) -> dict[tuple[int, int], list[int]]:
    """The edges that run from each group to each other group, each by its place among all edges."""
    links: dict[int, dict[int, list[int]]] = {}
    numbers = groups.numbers
    place = -1
    for head, parents in zip(numbers, snapshot.parents, strict=True):
        into = links.get(head)
        if into is None:
            into = links[head] = {}
        for parent in parents:
            place += 1
            tail = numbers[parent]
            if tail in into:
                into[tail].append(place)
            elif tail != head:
                into[tail] = [place]
    return {(tail, head): found for head, into in links.items() for tail, found in into.items()}


def nearest(snapshot: Snapshot, groups: Grouping, keep: int) -> Grouping:
    """At most `keep` groups: those nearest to the outputs, and one, `REST`, of all others."""
    waiting = list(dict.fromkeys(groups.numbers[root] for root in snapshot.roots))
    seen = set(waiting)
    for number in waiting:  # grows while it is walked, breadth first
        if len(waiting) > keep:
            break
        for i in groups.members[number]:
            tails = dict.fromkeys(groups.numbers[parent] for parent in snapshot.parents[i])
            waiting += [tail for tail in tails if tail not in seen]
            seen |= tails.keys()
    kept = set(waiting if len(waiting) <= keep else waiting[: keep - 1])
    return Grouping(
        [number if number in kept else REST for number in groups.numbers], groups.scopes, groups.products
    )


def scope_depth(scopes: Iterable[str]) -> int:
    """How many levels the deepest scope has."""
    return max((scope.count(".") + 1 for scope in scopes if scope), default=0)
