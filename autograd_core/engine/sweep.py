# cython: language_level=3, wraparound=False, binding=True, always_allow_keywords=True
"""Back-propagation (Goodfellow et al. 2016, Algorithm 6.2) and the order in which it visits the nodes.

What `sweep` does, without targets, is this::

    def back_propagate(root, gradient):
        order = topological_order(root)
        for node in order:
            if not node.is_leaf:
                node.grad = 0.0
        root.grad += gradient
        for node in reversed(order):
            for parent, partial in zip(node.parents, node.partials):
                if not parent.is_constant and not (partial == 0.0 and node.operation.selecting):
                    parent.grad += partial * node.grad

The rest of this file makes that quick and safe. Compiled, nodes are visited by pointer, with a mark in each
node instead of a set of visited ones (`_plain_order`). No Python code runs while a node is marked, and so no
other walk of this thread; those of other threads wait. A long walk lets other threads run now and then. Where
memory ends, or at Ctrl-C, marks are cleared and the error is raised before any gradient changes; once the
first has changed, the sweep runs to its end.
"""

from __future__ import annotations

import os
from array import array

import cython

from ..errors import GraphError, RecordingError

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.value import *
    from cython.cimports.autograd_core.engine.walking import *
    from cython.cimports.libc.stdlib import free, realloc
else:
    from .flags import *

    begin_walk = end_walk = let_others_run = lambda: None  # plain Python code lets other threads run anyway
    from .value import *

from .nary import refuse_stale
from .notes import count_change
from .value import bounded, method, number_from

COMPILED = cython.compiled

# What became of a visit.
_DONE = cython.declare(cython.int, 0)
_NO_MEMORY = cython.declare(cython.int, 1)
_INTERRUPTED = cython.declare(cython.int, 2)


@cython.final
@cython.cclass
class _Nodes:
    """A growing array of nodes, without references to them."""

    if cython.compiled:
        items: cython.pointer(cython.pointer(Node))
        capacity: cython.Py_ssize_t
    size: cython.Py_ssize_t

    def __init__(self):
        self.size = 0
        if not cython.compiled:
            self.items = []

    def __dealloc__(self):
        if cython.compiled:
            free(self.items)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _append(nodes: _Nodes, node: cython.pointer(Node)) -> cython.bint:
    """Append a node; return False where there is no memory for it."""
    if cython.compiled:
        if nodes.size == nodes.capacity:
            capacity: cython.Py_ssize_t = 2 * nodes.capacity if nodes.capacity else 256
            grown = realloc(nodes.items, capacity * cython.sizeof(cython.p_void))
            if grown == cython.NULL:
                return False
            nodes.items = cython.cast(cython.pointer(cython.pointer(Node)), grown)
            nodes.capacity = capacity
        nodes.items[nodes.size] = node
        nodes.size += 1
    return True


@cython.cfunc
@cython.exceptval(check=False)
def _visit(
    root: cython.pointer(Node),
    order: _Nodes,
    path: _Nodes,
    leaves: cython.bint,
    stop: cython.int,
    before: cython.uint,
    seeking: cython.bint,
) -> cython.int:
    """Append what `root` was computed from, and root, to `order`: depth first, parents from left to right.

    A node's mark is 0 until it is visited, then one more than the number of parents that were looked at. The
    caller clears the marks. Leaves are appended too if `leaves`; nodes with a flag of `stop`, and those that
    are older than `before`, count as leaves.
    Without `leaves`, and where nothing is pruned (`stop` is SWEPT), leaves are flagged as swept.
    If `seeking` (without `leaves`), the visit ends where an input that is being differentiated is found, or a
    node known to depend on one: `path` leads there. Leaves on the way to which there is none are remembered.

    Returns:
        _DONE, also where what was sought is found; _NO_MEMORY where it ended; _INTERRUPTED where Ctrl-C waits
        to be handled.
    """
    steps: cython.uint = 0
    node: cython.pointer(Node)
    parent: cython.pointer(Node)
    parents: cython.pointer(cython.pointer(Node))
    place: cython.uint
    count: cython.uint
    plain: cython.bint
    through: cython.bint = not (leaves or seeking)
    if root._mark or (root._count == 0 and not leaves):
        return _DONE
    if not _append(path, root):
        return _NO_MEMORY
    root._mark = 1
    while path.size:
        node = path.items[path.size - 1]
        if leaves and not operands_made(node):
            return _NO_MEMORY
        parents, place, count, plain = slots_of(node), node._mark, node._count, has_plain_operand(node)
        while place <= count:
            steps += 1  # now and then a look at other threads and Ctrl-C
            if steps & 0xFFFF == 0:
                let_others_run()
                if interrupt_waits():
                    return _INTERRUPTED
            parent = parents[place - 1]
            place += 1
            if plain and node._flags & (PLAIN_0 if place == 2 else PLAIN_1):
                continue
            if through and parent._count == 0:  # a leaf, in the usual case
                if not parent._flags & CONSTANT:
                    parent._flags |= stop
                continue
            if parent._mark:
                continue
            if seeking:
                if parent._known == INDEPENDENT:
                    continue
                if parent._known == DEPENDENT or parent._flags & INPUT:
                    return _DONE
                if parent._count == 0:
                    parent._known = INDEPENDENT
                    continue
            if parent._count and not (
                (leaves and parent._flags & stop) or (before and is_older(parent._stamp, before))
            ):
                if not _append(path, parent):
                    return _NO_MEMORY
                node._mark = place
                parent._mark = 1
                node = parent
                if leaves and not operands_made(node):
                    return _NO_MEMORY
                parents, place, count, plain = slots_of(node), 1, node._count, has_plain_operand(node)
            elif leaves:
                if not _append(order, parent):
                    return _NO_MEMORY
                parent._mark = 1
        if not _append(order, node):
            return _NO_MEMORY
        path.size -= 1
    return _DONE


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_older(stamp: cython.uint, before: cython.uint) -> cython.bint:
    """Tell whether a node's stamp is of a walk up to number `before`, with 2^16 added; False for 0 (none).

    Stamps have 16 bits: at most 2^15 walks may have come since.
    """
    return before != 0 and stamp != 0 and ((before - stamp) & 0xFFFF) < 0x8000


@cython.cfunc
@cython.exceptval(check=False)
def _clear_marks(nodes: _Nodes) -> cython.void:
    i: cython.Py_ssize_t
    if cython.compiled:
        for i in range(nodes.size):
            nodes.items[i]._mark = 0


@cython.cfunc
def _order(
    roots: list,
    leaves: cython.bint,
    stop: cython.int,
    before: cython.uint,
    inputs: tuple,
    path: _Nodes,
    seeking: cython.bint = False,
) -> _Nodes:
    """Return the nodes under some roots, parents before children. Compiled, they are marked still.

    The caller begins and ends the walk, and clears the marks, those of the path too if it is `seeking`.
    Ctrl-C is handled between two attempts, when nothing is marked. The `inputs`, if any, count as leaves.
    """
    order: _Nodes = _Nodes()
    outcome: cython.int = _INTERRUPTED
    i: cython.Py_ssize_t
    if not cython.compiled:
        order.items, path.items = _plain_order(roots, leaves, stop, before, inputs, seeking)
        order.size, path.size = len(order.items), len(path.items)
        return order
    while outcome == _INTERRUPTED:
        outcome = _DONE
        for node in inputs:
            node_of(node)._flags |= TARGET
        for i in range(len(roots)):
            if outcome == _DONE and path.size == 0:
                outcome = _visit(node_of(roots[i]), order, path, leaves, stop, before, seeking)
        for node in inputs:
            node_of(node)._flags &= ~TARGET
        if outcome == _DONE:
            return order
        _clear_marks(order)
        _clear_marks(path)
        if outcome == _NO_MEMORY:
            raise MemoryError("there is no memory to walk through this graph; no gradient has changed")
        if outcome == _INTERRUPTED:
            order.size = path.size = 0
            end_walk()
            try:
                handle_interrupt()
            finally:
                begin_walk()
    return order


def _plain_order(roots, leaves, stop, before, inputs, seeking):
    """Uncompiled twin of `_order`, without marks: here other threads may run during a walk.

    Returns:
        The nodes; if it is `seeking` and has found something, the path to it.
    """
    order, seen, targets = [], set(), set(map(id, inputs))
    for root in roots:
        path = [(root, 0)] if (root._parents or leaves) and id(root) not in seen else []
        seen.add(id(root))
        while path:
            node, j = path.pop()
            leaf = id(node) in targets
            if leaves and node is not root:
                leaf = leaf or node._flags & stop or is_older(node._stamp, before)
            if j == len(node._parents) or leaf:
                order.append(node)
                continue
            path.append((node, j + 1))
            parent = node._parents[j]
            if seeking:
                if parent._known == DEPENDENT or parent._flags & INPUT:
                    return order, [inner for inner, _ in path]
                if not parent._parents:
                    parent._known = INDEPENDENT
                if parent._known == INDEPENDENT:
                    continue
            if leaves or (parent._parents and not is_older(parent._stamp, before)):
                if id(parent) not in seen:
                    seen.add(id(parent))
                    path.append((parent, 0))
            elif not parent._flags & CONSTANT:
                parent._flags |= stop
    return order, []


def topological_order(*roots):
    """Return all nodes that the roots were computed from, and the roots: parents before children.

    The order is depth first over the parents from left to right, that of the sweep (which runs through it
    from the end).

    Args:
        roots: Values.

    Returns:
        A list of Values, each once.

    Raises:
        TypeError: if a root is not a Value.

    >>> from autograd_core import Value
    >>> a = Value(2.0, "a")
    >>> [node.label or node.op for node in topological_order(a * a + 1.0)]
    ['a', 'mul', '', 'add']
    """
    check_nodes(roots)
    return nodes_up_to(roots, 0)


@cython.cfunc
def nodes_up_to(roots: tuple, stop: cython.int, before: cython.uint = 0, inputs: tuple = ()) -> list:
    """Return the nodes under some roots in topological order.

    Those with a flag of `stop`, those with a stamp older than `before`, and `inputs` count as leaves.
    """
    i: cython.Py_ssize_t
    begin_walk()
    try:
        order: _Nodes = _order(list(roots), True, stop | TARGET if inputs else stop, before, inputs, _Nodes())
        _clear_marks(order)
    finally:
        end_walk()
    nodes: list = []
    for i in range(order.size):
        nodes.append(value_of(order.items[i]))
    return nodes


def way_to_input(roots: list) -> list:
    """Return nodes from one of the roots down to one whose parent is an input that is being differentiated.

    Or known to depend on one. The list is empty if there is no way. The nodes to which all ways were followed
    are remembered to be INDEPENDENT, so that no later call looks behind them.
    """
    i: cython.Py_ssize_t
    path: _Nodes = _Nodes()
    begin_walk()
    try:
        order: _Nodes = _order(roots, False, 0, 0, (), path, True)
        _clear_marks(order)
        _clear_marks(path)
    finally:
        end_walk()
    for i in range(order.size):
        order.items[i]._known = INDEPENDENT
    way: list = []
    for i in range(path.size):
        way.append(value_of(path.items[i]))
    return way


def check_nodes(nodes):
    """Raise TypeError unless all of them are Values."""
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(f"a Value is wanted, not {type(node).__name__} {bounded(repr(node))}")


def sweep(roots, gradients, targets=None, before=0, stamp=0):
    """Run back-propagation once.

    In reverse topological order, each node adds partial * gradient to each of its parents. A node that
    nothing has reached adds nothing; an edge to a constant carries nothing; nor does an edge of a selecting
    operation whose partial is 0.

    Args:
        roots: Values to start from.
        gradients: for each root, the gradient to start with.
        targets: leaves; if given, only they and what depends on them are touched.
        before: the targets are known to be behind no node that is older: see `is_older`. 0 for none.
        stamp: what the nodes that were walked over get as theirs; 0 for none.

    Raises:
        TypeError: a root or target is not a Value, or a gradient not a number.
        ValueError: there are more roots than gradients, or fewer.
        GraphError: a root is a constant, and there are no targets.
        MemoryError: the graph is too large to walk through; no gradient has changed.
    """
    if thread_mode() & RECORDING:
        raise RecordingError(
            "backward() while a Program is being recorded: record the value, ask the Program for gradients"
        )
    starts: list = list(roots)
    check_nodes(starts)
    if thread_mode() & DIAGNOSE:
        refuse_stale(topological_order(*starts))
    seeds: list = [number_from(gradient) for gradient in gradients]
    if len(seeds) != len(starts):
        raise ValueError(f"{len(seeds)} gradients were given for {len(starts)} outputs")
    ends: list = [] if targets is None else list(targets)
    check_nodes(ends)
    for root in starts:
        if root.is_constant and targets is None:
            raise GraphError(
                f"{root!r} is a constant: it was made from a plain number, by detach(), or under no_grad(), "
                "and has no gradient"
            )
    begin_walk()
    try:
        _back_propagate(starts, seeds, ends, targets is not None, before, stamp)
    finally:
        end_walk()


@cython.cfunc
def _back_propagate(
    roots: list,
    seeds: list,
    targets: list,
    pruned: cython.bint,
    before: cython.uint,
    stamp: cython.uint,
):
    """Set and add gradients; if `pruned`, only those of the targets and of what depends on them."""
    node: cython.pointer(Node)
    parent: cython.pointer(Node)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    parents: cython.pointer(cython.pointer(Node))
    partials: cython.p_double
    gradient: cython.double
    touched: cython.int = 0
    order: _Nodes = _order(roots, False, 0 if pruned else SWEPT, before, (), _Nodes())
    for i in range(len(targets)):
        node_of(targets[i])._flags |= TARGET | SWEPT
    if pruned:
        for i in range(order.size):
            if stamp:
                order.items[i]._stamp = cython.cast(cython.ushort, stamp)
            if _leads_to_target(order.items[i]):
                order.items[i]._flags |= NEEDED
    if not cython.compiled:
        for i in range(order.size):
            order.items[i]._mark = 1
    for i in range(len(roots)):
        if not pruned or node_of(roots[i])._flags & (TARGET | NEEDED):
            _contribute(node_of(roots[i]), seeds[i])
    for i in range(order.size - 1, -1, -1):
        if i & 0xFFFF == 0xFFFF:
            let_others_run()
        node = order.items[i]
        if pruned and not node._flags & NEEDED:
            node._mark = 0
            continue
        touched |= node._flags
        if node._mark:  # no contribution came
            node._mark = 0
            node._grad = 0.0
            node._flags = (node._flags & ~(REACHED | NEEDED)) | SWEPT
            continue
        parents = slots_of(node)
        partials = partials_of(node)
        gradient = node._grad
        for j in range(node._count):
            if node._flags & (SELECTING | PLAIN_0 | PLAIN_1):
                if node._flags & SELECTING and partials[j] == 0.0:
                    continue
                if has_plain_operand(node) and node._flags & (PLAIN_1 if j else PLAIN_0):
                    continue
            parent = parents[j]
            if parent._flags & CONSTANT or (pruned and not parent._flags & (TARGET | NEEDED)):
                continue
            _contribute(parent, partials[j] * gradient)
        node._flags &= ~NEEDED
    for i in range(len(targets)):
        node_of(targets[i])._flags &= ~TARGET
    if touched & IN_TABLE:
        count_change()


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _contribute(node: cython.pointer(Node), share: cython.double) -> cython.void:
    """Add a share to the gradient. A mark is on nodes, other than leaves, that had none in this sweep yet."""
    if node._mark:
        node._mark = 0
        node._grad = 0.0
    node._grad += share
    node._flags |= SWEPT | REACHED


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _leads_to_target(node: cython.pointer(Node)) -> cython.bint:
    """Tell whether a node depends on a target; its parents have been asked before."""
    j: cython.Py_ssize_t
    for j in range(node._count):
        if has_plain_operand(node) and node._flags & (PLAIN_1 if j else PLAIN_0):
            continue
        if slots_of(node)[j]._flags & (TARGET | NEEDED):
            return True
    return False


def _wait_for_walks():
    """Fork between two walks: the child has no other threads that could end one."""
    begin_walk()
    end_walk()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_walks)


@method
def backward(self, gradient=1.0):
    """Back-propagate from this node: every node it was computed from gets the gradient of this one.

    Leaf gradients accumulate across backward passes; other nodes start afresh (Goodfellow et al. 2016,
    Algorithm 6.2).

    Args:
        gradient: the gradient to start with, usually 1.

    Raises:
        GraphError: if this node is a constant, or was computed under `no_grad`.
    """
    sweep([self], [gradient])


class Walk:
    """The nodes under some roots in topological order, with each node's parents as positions in it.

    Args:
        roots: a list of Values.

    Attributes:
        nodes: the list of Values.
        parents: an ``array('q')`` of positions, node after node.
        counts: an ``array('q')`` of how many parents each node has.
    """

    def __init__(self, roots):
        self.nodes = topological_order(*roots)
        self.counts, self.parents = parent_positions(self.nodes, [])


def parent_positions(nodes: list, outside: list):
    """Tell where the parents of some nodes stand.

    Args:
        nodes: Values, different ones.
        outside: Values, the parents that are not among them.

    Returns:
        Two ``array('q')``: how many parents each node has, and their positions in `nodes`, node after node;
        -1 - k for outside[k].
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    node: Value
    total: cython.Py_ssize_t = 0
    for node in nodes:
        make_operands(node_of(node))  # here, where an error may be raised
        total += node._count
    counts, positions = array("q", bytes(8 * len(nodes))), array("q", bytes(8 * total))
    complete: cython.bint = True
    place: cython.int
    if cython.compiled:
        count: cython.pointer(cython.longlong) = array_pointer(counts)
        position: cython.pointer(cython.longlong) = array_pointer(positions)
        begin_walk()
        for i in range(len(nodes)):
            node_of(nodes[i])._mark = i + 1
        for i in range(len(outside)):
            node_of(outside[i])._mark = -i - 1
        total = 0
        for i in range(len(nodes)):
            count[i] = node_of(nodes[i])._count
            for j in range(node_of(nodes[i])._count):
                place = slots_of(node_of(nodes[i]))[j]._mark
                complete = complete and place != 0
                position[total] = place - 1 if place > 0 else place
                total += 1
        for i in range(len(nodes)):
            node_of(nodes[i])._mark = 0
        for i in range(len(outside)):
            node_of(outside[i])._mark = 0
        end_walk()
    else:
        places = {id(node): i for i, node in enumerate(nodes)}
        places.update((id(node), -1 - i) for i, node in enumerate(outside))
        counts = array("q", [node._count for node in nodes])
        found = [places.get(id(parent)) for node in nodes for parent in node._parents]
        complete = None not in found
        positions = array("q", found if complete else [])
    if not complete:
        raise ValueError("a node has a parent that is neither among the nodes nor outside")
    return counts, positions


@cython.cfunc
@cython.exceptval(check=False)
def begin_marking() -> cython.void:
    """Wait until no walk is under way; none begins before `end_marking`. For the marks of other modules."""
    begin_walk()


@cython.cfunc
@cython.exceptval(check=False)
def end_marking() -> cython.void:
    """Let walks begin again."""
    end_walk()


@cython.cfunc
def array_pointer(values) -> cython.pointer(cython.longlong):
    """Compiled: the address of the first number of an ``array('q')``; else the array itself."""
    if not cython.compiled:
        return values
    address: cython.size_t = values.buffer_info()[0]
    return cython.cast(cython.pointer(cython.longlong), address)


@cython.cfunc
def double_pointer(values) -> cython.p_double:
    """The same for an ``array('d')``."""
    return cython.cast(cython.p_double, array_pointer(values))
