"""One name for each node, the same in every formula, sentence and picture, and never twice.

A node is called by its label where no other node has it, by its label and as much of its scope as tells it
apart, and otherwise by its number in Algorithm 6.1 of Goodfellow et al. 2016: u1, u2, ..., first the inputs,
then the operations in the order of the computation. Where two things were made in scopes of one name, as the
two networks of an autoencoder, the scopes themselves are told apart first: by the attributes of the model
that holds them, where it is known (`encoder.layer1`, `decoder.layer1`), else by numbers (`layer1`,
`layer1_2`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from .engine.value import Value

LIMIT = 24  # characters of a label in a formula
MOST_COPIES = 8  # beyond them, parts of one name are rather the examples of a batch
_TAKEN = re.compile(r"(u\d+|inf|nan)\Z", re.I)  # a number in the order of the graph, or a constant
_INDEX = re.compile(r"(\[\d+\])+\Z")  # of an entry of a tensor: W[0][2]
_DIGITS = re.compile(r"\d+")
_Levels = tuple[str, ...]


def pattern(name: str) -> str:
    """The name with every run of digits replaced: `w12` -> `w*`."""
    return _DIGITS.sub("*", name)


def is_usable(label: str) -> bool:
    """Whether a label can stand in a formula without being taken for something else."""
    *path, last = label.split(".")
    words = all(level.isidentifier() or level.isdigit() for level in path) and not label[:1].isdigit()
    return words and _INDEX.sub("", last).isidentifier() and len(last) <= LIMIT and not _TAKEN.match(label)


def numbers(nodes: Sequence[Value]) -> list[str]:
    """u1, u2, ... for the nodes of a graph, inputs first; constants have none."""
    inputs = [i for i, node in enumerate(nodes) if node.is_leaf and not node.is_constant]
    names = [""] * len(nodes)
    for k, i in enumerate((*inputs, *(i for i, node in enumerate(nodes) if not node.is_leaf)), 1):
        names[i] = f"u{k}"
    return names


def distinct_names(scopes: Sequence[str], labels: Sequence[str]) -> dict[int, str]:
    """The names of the nodes whose label can stand in a formula.

    A name is as short as it can be and differ; those of one scope are equally long.

    Args:
        scopes: Each node's scope, as `distinct_scopes` tells it.
        labels: Each node's label.

    Returns:
        The names by position; a node whose scope and label are those of another has none.
    """
    suffixes = {
        i: _suffixes([*filter(None, scopes[i].split(".")), label])
        for i, label in enumerate(labels)
        if label and is_usable(label)
    }
    counts = Counter(suffix for found in suffixes.values() for suffix in found)
    needed = {
        i: next(k for k, one in enumerate(found) if counts[one] == 1)
        for i, found in suffixes.items()
        if counts[found[-1]] == 1
    }
    longest: dict[str, int] = {}
    for i, k in needed.items():
        longest[scopes[i]] = max(k, longest.get(scopes[i], 0))
    return {i: suffixes[i][min(longest[scopes[i]], len(suffixes[i]) - 1)] for i in needed}


def _suffixes(path: list[str]) -> list[str]:
    """`w0`, `neuron1.w0`, `layer2.neuron1.w0`, as far as the scopes are words, or indices after words."""
    found, k = [path[-1]], len(path) - 1
    while k and (path[k - 1].isidentifier() or path[k - 1].isdigit()):
        k -= 1
        if not path[k].isdigit():
            found.append(".".join(path[k:]))
    return found


def distinct_scopes(
    nodes: Sequence[Value], parents: Sequence[Sequence[int]], named: Mapping[Value, str] | None = None
) -> list[str]:
    """Each node's scope, where those of different parts of one name differ.

    Args:
        nodes: The graph, parents first.
        parents: Each node's parents, as positions.
        named: Parameters with their paths in a model, as `nn.Module.named_parameters` tells them.

    >>> from autograd_core import scope, topological_order
    >>> with scope("line"):
    ...     a = Value(2.0, "w") * 3.0
    >>> with scope("line"):
    ...     b = Value(4.0, "w") * a
    >>> order = topological_order(b)
    >>> where = {node: i for i, node in enumerate(order)}
    >>> scopes = distinct_scopes(order, [[where[p] for p in node.parents] for node in order])
    >>> scopes[where[a]], scopes[where[b]]
    ('line', 'line_2')
    """
    scopes = [node.scope for node in nodes]
    leaves = {
        i: (*scopes[i].split("."), node.label)
        for i, node in enumerate(nodes)
        if scopes[i] and node.is_leaf and not node.is_constant and node.label
    }
    counts = Counter(leaves.values())
    if len(counts) == len(leaves):
        return scopes
    named = named or {}
    unnamed = Counter(path for i, path in leaves.items() if nodes[i] not in named)
    parts = _repeated_parts(counts, unnamed)
    used = dict.fromkeys(p for row in parents for p in row if p in leaves)  # those of one part together
    places = _places_of_leaves(nodes, {i: leaves[i] for i in {**used, **leaves}}, counts, parts, named)
    _spread(scopes, parents, places, parts)
    for i, (part, place) in places.items():
        scopes[i] = place + scopes[i][len(part) :]
    return scopes


def _repeated_parts(counts: Mapping[_Levels, int], unnamed: Mapping[_Levels, int]) -> dict[str, str]:
    """For each scope of leaves that come more than once, the part that repeats: the outermost whole one.

    A part repeats as a whole where each kind of thing in it does: `layer1` with its neurons, not the scope
    around it where that has things that are there once.
    """
    inside: dict[_Levels, set[_Levels]] = {}
    for path in counts:
        for k in range(1, len(path)):
            inside.setdefault(path[:k], set()).add(path[: k + 1])
    several = {path: count > 1 for path, count in counts.items()}
    for prefix in sorted(inside, key=len, reverse=True):
        kinds: dict[str, bool] = {}
        for child in inside[prefix]:
            kind = pattern(child[-1])
            kinds[kind] = kinds.get(kind, False) or several[child]
        several[prefix] = all(kinds.values())
    found = {}
    for path in counts:
        whole = next((path[:k] for k in range(1, len(path)) if several[path[:k]]), None)
        if whole:
            found[".".join(path[:-1])] = ".".join(whole)
    most: Counter[str] = Counter()
    for path, count in unnamed.items():
        part = found.get(".".join(path[:-1]), "")
        most[part] = max(most[part], count)
    return {scope: part for scope, part in found.items() if most[part] <= MOST_COPIES}


def _places_of_leaves(
    nodes: Sequence[Value],
    leaves: Mapping[int, _Levels],
    counts: Mapping[_Levels, int],
    parts: Mapping[str, str],
    named: Mapping[Value, str],
) -> dict[int, tuple[str, str]]:
    """For each leaf in a repeated part: the part, and what it is to be called."""
    taken = {".".join(path[:k]) for path in counts for k in range(1, len(path))}
    copies = {part: max(n for path, n in counts.items() if _is_in(path, part)) for part in {*parts.values()}}
    current: dict[str, int] = {}
    seen: Counter[_Levels] = Counter()
    found = {}
    for i, path in leaves.items():
        scope = ".".join(path[:-1])
        part = parts.get(scope)
        if part is None:
            continue
        seen[path] += 1
        # a leaf that is not in every copy is in that of the leaf before it
        copy = seen[path] if counts[path] == copies[part] else max(current.get(part, 1), seen[path])
        current[part] = copy
        path_in_model = named.get(nodes[i])
        found[i] = part, _in_model(path_in_model, part) if path_in_model else _numbered(part, copy, taken)
    return found


def _is_in(path: _Levels, part: str) -> bool:
    return f"{'.'.join(path)}.".startswith(f"{part}.")


def _in_model(name: str, part: str) -> str:
    """`encoder.layer1` for the part `layer1` of a parameter `encoder.layer1.W[0][0]`."""
    path, inner = name.split(".")[:-1], part.split(".")
    k = next(k for k in range(len(path) + 1) if inner[: len(path) - k] == path[k : k + len(inner)])
    return ".".join((*path[:k], part))


def _numbered(part: str, copy: int, taken: Collection[str]) -> str:
    place = part if copy == 1 else f"{part}_{copy}"
    while copy > 1 and place in taken:
        place += "_"
    return place


def _spread(
    scopes: Sequence[str],
    parents: Sequence[Sequence[int]],
    places: dict[int, tuple[str, str]],
    parts: Mapping[str, str],
) -> None:
    """Let operations be in the copy that their parameters are in, else that of the operands or the user."""
    outer = set(parts.values())
    inside = {scope: part for scope in {*scopes} for part in outer if f"{scope}.".startswith(f"{part}.")}
    for i, row in enumerate(parents):
        part = inside.get(scopes[i])
        if part is None or not row or i in places:
            continue
        near = [p for p in row if p in places and places[p][0] == part]
        if near:
            best = min(near, key=lambda p: (bool(parents[p]), scopes[p] != scopes[i]))
            places[i] = places[best]
    for i in range(len(parents) - 1, -1, -1):
        if i in places:
            for p in parents[i]:
                if parents[p] and p not in places and inside.get(scopes[p]) == places[i][0]:
                    places[p] = places[i]
