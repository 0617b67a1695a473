# cython: language_level=3, binding=True, always_allow_keywords=True
"""Copying and pickling graphs of any depth, without recursion; the numbers of many nodes at once.

A pickle of a node holds the whole graph that it was computed from as one table of arrays. Leaves, and nodes
that another table of the same pickle holds, are referred to as objects, so that what was shared stays shared.
"""

import sys
import threading
import weakref
import zlib
from array import array
from collections import deque
from math import copysign

import cython

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.nary import hold_operands, same_number
    from cython.cimports.autograd_core.engine.sweep import array_pointer, double_pointer, nodes_up_to
    from cython.cimports.autograd_core.engine.value import *
else:
    from .flags import *
    from .nary import same_number
    from .sweep import array_pointer, double_pointer, nodes_up_to
    from .value import *

from ..errors import RecordingError
from .modes import scope_id
from .notes import Details, changes, count_change, scope_path
from .references import operation_from, reference_to
from .sweep import check_nodes, parent_positions, topological_order
from .value import active_recordings, active_rules, bounded, forbid_reading, method, number_of, rules

COMPILED = cython.compiled


class Table:
    """A graph under one node, as arrays, for as long as a pickler remembers it.

    Args:
        root: the node.
    """

    __slots__ = ("__weakref__", "_positions", "epoch", "outside", "packed")

    def __init__(self, root):
        self._positions = {}
        self.epoch = changes()
        nodes, self.outside = nodes_for_table(root)
        _tables[weakref.ref(self, _note_end)] = nodes
        mark_in_table(nodes)
        self.packed = _state_of(pack(nodes, self.outside))

    def position(self, node, nodes):
        """Return where one of the nodes of this table stands in it; None for any other node."""
        if node is nodes[-1]:
            return len(nodes) - 1
        if not self._positions:
            self._positions.update((id(inner), place) for place, inner in enumerate(nodes))
        return self._positions.get(id(node))

    def __reduce__(self):
        return restore_table, (_FORMAT, _checksum(self.packed, self.outside), self.packed, self.outside)


_FORMAT = 2
_lock = threading.RLock()  # of what follows, and of the flags of nodes that tell that they are in a table
_tables = {}  # the nodes of each table that may be alive, by a weak reference to it
_reducing = False  # some thread holds the lock, and looks at tables
_dead = deque()  # references to tables that are gone
_checked = -1  # when the tables were last known to be up to date


def _drop_table(reference):
    """Make no further use of a table: its nodes have changed since, or its pickler is gone."""
    unmark_in_table(_tables.pop(reference, []))


def _note_end(reference):
    """Let the nodes of a table go that is gone: at once, or when the thread that looks at tables has done."""
    _dead.append(reference)
    _drop_dead_tables()


def _drop_dead_tables():
    while _dead and not _reducing and _lock.acquire(blocking=False):
        try:
            while _dead:
                _drop_table(_dead.popleft())
        finally:
            _lock.release()


def _drop_old_tables():
    global _checked
    now = changes()
    if now != _checked:
        for reference in list(_tables):
            table = reference()
            if table is None or table.epoch != now:
                _drop_table(reference)
        _checked = now


def _place_in_table(node):
    """Return the table in which a node is, and its place; None where it is in none."""
    for reference, nodes in list(_tables.items()):
        table = reference()
        if table is None:
            _drop_table(reference)
        else:
            position = table.position(node, nodes)
            if position is not None:
                return table, position
    return None


def _refuse_while_recording(nodes):
    """Refuse to copy inputs and captured leaves: the copy has the number of one moment, and is neither.

    Raises:
        RecordingError: a Program is being recorded.
    """
    if not (active_recordings or active_rules):
        return
    try:
        read_vector([node for node in nodes if node.is_leaf and not node.is_constant], False)
    except RecordingError:
        raise RecordingError(
            "a node was deep-copied or pickled while a Program was being recorded, or inside the partials of "
            "a user-defined operation, which would freeze its number: use the node itself, or copy before"
        ) from None


def reduce(node):
    """Return what pickle needs to make `node` again."""
    _refuse_while_recording([node])
    global _reducing
    try:
        with _lock:  # another thread may be pickling nodes of the same graph
            outer, _reducing = _reducing, True
            try:
                return _reduced(node)
            finally:
                _reducing = outer
    finally:
        _drop_dead_tables()


def _reduced(node):
    _drop_old_tables()
    found = _place_in_table(node) if is_in_table(node) else None
    if found is None:
        if node.is_leaf:
            return restore_leaf, leaf_state(node)
        table = Table(node)
        found = table, len(table.packed[0]) - 1
    return _pick, (*found, number_of(node))


def _pick(nodes, position, number):
    """Return a node of a table that was loaded; its number tells whether it is the right one."""
    node = nodes[position]
    if not isinstance(node, Value) or not same_number(number_of(node), number):
        raise _damaged("a node is not the one that was pickled")
    return node


def _damaged(what):
    import pickle

    return pickle.UnpicklingError(f"this pickle of Values is damaged: {what}")


# --- the node's methods ---------------------------------------------------------------------------------


@method
def __copy__(self):
    _refuse_while_recording([self])
    if self.is_leaf:
        self._refuse_conversion("it was copied")
    memo = {id(parent): parent for parent in self.parents}
    duplicate([self], memo)
    return memo[id(self)]


@method
def __deepcopy__(self, memo):
    self._refuse_conversion("it was deep-copied")
    nodes = topological_order(self)
    _refuse_while_recording(nodes)
    # As the copy module does: what was copied stays alive as long as the memo, so that no id is used twice.
    memo.setdefault(id(memo), []).extend(duplicate(nodes, memo))
    return memo[id(self)]


@method
def __reduce_ex__(self, protocol):
    if protocol < 2:
        import pickle  # here and below: a tenth of the import's time

        raise pickle.PicklingError(f"Values are pickled by protocol 2 or a later one, not {protocol}")
    return self.__reduce__()


@method
def __reduce__(self):
    self._refuse_conversion("it was pickled")
    return reduce(self)


# --- flat form: what copying, pickling and Programs read ------------------------------------------------


def leaf_state(node: Value):
    """Return what `restore_leaf` wants."""
    state = (
        node._data,
        node._grad,
        node._flags & LASTING,
        scope_path(node._scope),
        _extra_state(node._extra),
    )
    return _FORMAT, zlib.crc32(repr(state).encode()), *state


def restore_leaf(version, checksum, data, grad, flags, path, extra):
    """Return a new leaf with that state.

    Raises:
        pickle.UnpicklingError: the state is not one that `leaf_state` returns.
    """
    _check_format(version)
    if zlib.crc32(repr((data, grad, flags, path, extra)).encode()) != checksum:
        raise _damaged("a leaf's checksum is wrong")
    if type(data) is not float or type(grad) is not float or type(path) is not str:
        raise _damaged("a leaf has no number, or no scope")
    node: Value = new_node(OP_LEAF, data)
    node._grad = grad
    node._flags = flags & LASTING & ~(SELECTING | INDEX_1)
    node._scope = scope_id(path)
    node._extra = _extra_from(extra)
    if isinstance(node._extra, Details) and node._extra.operation is not None:
        raise _damaged("a leaf has an operation")
    if thread_mode() & RECORDING:
        note_made(node)
    return node


def _extra_state(extra):
    """What few nodes have, in plain objects."""
    if isinstance(extra, Details):
        operation = None if extra.operation is None else reference_to(extra.operation)
        return extra.label, extra.source, operation
    return extra


def _extra_from(state):
    if state is None or type(state) is str:
        return state
    label, source, operation = state
    if type(label) is not str or not (source is None or (type(source) is tuple and len(source) == 2)):
        raise _damaged("a label is not text, or a source line has no number")
    return Details(label, None if operation is None else operation_from(operation), source)


def _extra_copy(extra):
    if isinstance(extra, Details):
        return Details(extra.label, extra.operation, extra.source)
    return extra


def duplicate(nodes: list, memo: dict):
    """Copy nodes that stand in topological order, with their gradients.

    Args:
        nodes: a list of Values.
        memo: the twin of each node by its ``id``; twins are added, and nodes that have one are passed over.

    Returns:
        The list of the nodes that were copied.
    """
    node: Value
    twin: Value
    copied: list = []
    for node in nodes:
        if id(node) in memo:
            continue
        operands: list = []
        for j in range(node._count):
            operands.append(memo[id(value_of(parents_of(node_of(node))[j]))])
        twin = new_node(node._op_id, node._data)
        if cython.compiled:
            hold_operands(twin, operands, partials_of(node_of(node)), place_of(node_of(node)))
        else:
            twin._parents, twin._partials, twin._index = tuple(operands), node._partials, node._index
        twin._grad = node._grad
        twin._flags = node._flags & LASTING
        if node._flags & FRESH and not node._count and thread_mode() & RECORDING:
            note_made(twin)
        twin._scope = node._scope
        if node._extra is not None:
            twin._extra = _extra_copy(node._extra)
        memo[id(node)] = twin
        copied.append(node)
    return copied


def nodes_for_table(root: Value):
    """Return the nodes under a root that are in no table yet, and the nodes that they need from outside.

    Leaves stay outside, as objects of their own, unless nothing but the graph refers to them. Of the nodes
    inside, the root is the last.
    """
    inside: list = []
    outside: list = []
    node: Value
    order: list = nodes_up_to((root,), IN_TABLE)
    while order:
        node = order.pop()
        if node is root or (node._count and not node._flags & IN_TABLE) or _is_private(node):
            inside.append(node)
        else:
            outside.append(node)
    inside.reverse()
    return inside, outside


@cython.cfunc
def _is_private(node: Value) -> cython.bint:
    """Tell whether a leaf is a constant that only its one child refers to."""
    if node._count or not node._flags & CONSTANT or node._flags & IN_TABLE:
        return False
    if cython.compiled:
        return references(node) == 2  # the child's, and that of the caller
    return False


def mark_in_table(nodes: list):
    """These nodes are in a table from now on."""
    node: Value
    for node in nodes:
        node._flags |= IN_TABLE


def unmark_in_table(nodes: list):
    """The table of these nodes is gone."""
    node: Value
    for node in nodes:
        node._flags &= ~IN_TABLE


def is_in_table(node: Value):
    """Tell whether a node is in a table."""
    return (node._flags & IN_TABLE) != 0


def pack(nodes: list, outside: list):
    """Return the fields of some nodes as arrays.

    Args:
        nodes: Values in topological order.
        outside: Values, the parents that are not among them.

    Returns:
        (operation, flags and scope of each node in one integer; how many parents; number and gradient; the
        parents' positions, -1 - k for outside[k]; partials; what few nodes have, and indices, by position;
        scopes).
    """
    n: cython.Py_ssize_t = len(nodes)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    total: cython.Py_ssize_t = 0
    node: Value
    counts, parents = parent_positions(nodes, outside)
    heads, data = array("q", bytes(8 * n)), array("d", bytes(16 * n))
    partials = array("d", bytes(8 * len(parents)))
    extras, indices, paths = {}, {}, {}
    h: cython.pointer(cython.longlong) = array_pointer(heads)
    x: cython.p_double = double_pointer(data)
    d: cython.p_double = double_pointer(partials)
    known: cython.longlong = -1
    place: cython.longlong = 0
    for i in range(n):
        node = nodes[i]
        if node._scope != known:
            known = node._scope
            place = paths.setdefault(known, len(paths))
        flags: cython.longlong = node._flags & LASTING
        h[i] = node._op_id + flags * 0x10000 + place * 0x100000000
        x[2 * i] = node._data
        x[2 * i + 1] = node._grad
        for j in range(node._count):
            d[total] = partials_of(node_of(node))[j]
            total += 1
        if node._extra is not None:
            extras[i] = node._extra
        if place_of(node_of(node)):
            indices[i] = place_of(node_of(node))
    return heads, counts, data, parents, partials, extras, indices, [scope_path(scope) for scope in paths]


def _state_of(packed):
    """Return what `pack` returned, with references in the place of operations."""
    heads, counts, data, parents, partials, extras, indices, paths = packed
    used = {head & 0xFFFF for head in set(heads)}
    operations = {op: reference_to(rules[op]) for op in sorted(used) if op not in (OP_LEAF, OP_CUSTOM)}
    extras = {i: _extra_state(extra) for i, extra in extras.items()}
    return heads, counts, data, parents, partials, extras, indices, paths, operations


def _checksum(state, outside):
    """Return a number that changes with every bit of a table, and with the numbers of the nodes outside."""
    crc = zlib.crc32(repr(state[5:]).encode())
    for numbers_ in (*state[:5], array("d", [number_of(node) for node in outside])):
        if sys.byteorder == "big":
            numbers_ = numbers_[:]
            numbers_.byteswap()
        crc = zlib.crc32(numbers_, crc)
    return crc


def _check_format(version):
    if version != _FORMAT:
        import pickle

        raise pickle.UnpicklingError(
            f"this pickle of Values has format {version!r}, and this version of autograd_core reads {_FORMAT}"
            ": load it with the version that made it, and keep the numbers there"
        )


def restore_table(version, checksum, state, outside):
    """Return the nodes of a table.

    Raises:
        pickle.UnpicklingError: the table is damaged, or of another version.
        LookupError, ValueError: it needs an operation that is not defined here, or not in the same way.
    """
    _check_format(version)
    if type(outside) is not list or not all(isinstance(node, Value) for node in outside):
        raise _damaged("a node outside of a table is not a Value")
    heads, counts, data, parents, partials, extras, indices, paths, operations = state
    for numbers_, kind in ((heads, "q"), (counts, "q"), (data, "d"), (parents, "q"), (partials, "d")):
        if type(numbers_) is not array or numbers_.typecode != kind:
            raise _damaged("a table is not made of arrays")
    if not (type(extras) is dict and type(indices) is dict and type(operations) is dict):
        raise _damaged("a table's extras are not in dictionaries")
    if _checksum(state, outside) != checksum:
        raise _damaged("a table's checksum is wrong")
    extras = {i: _extra_from(extra) for i, extra in extras.items()}
    known = {op: operation_from(reference) for op, reference in operations.items()}
    return unpack((heads, counts, data, parents, partials, extras, indices, paths), outside, known)


def unpack(packed, outside: list, operations=None):
    """Return new nodes of what `pack` returned.

    Args:
        packed: the fields.
        outside: Values, the parents that are not among the nodes.
        operations: the operations by the numbers that the fields use; by default the present ones.

    Raises:
        pickle.UnpicklingError: the fields are not those of a graph.
    """
    heads, counts, data, parents, partials, extras, indices, paths = packed
    n: cython.Py_ssize_t = len(heads)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    place: cython.longlong
    count: cython.longlong
    node: Value
    nodes: list = []
    scopes = [scope_id(path) for path in paths]
    h: cython.pointer(cython.longlong) = array_pointer(heads)
    c: cython.pointer(cython.longlong) = array_pointer(counts)
    p: cython.pointer(cython.longlong) = array_pointer(parents)
    x: cython.p_double = double_pointer(data)
    d: cython.p_double = double_pointer(partials)
    check_nodes(outside)
    if len(counts) != n or len(data) != 2 * n or len(partials) != len(parents):
        raise _damaged("its arrays have other lengths than a graph's")
    if operations is None:
        operations = dict(enumerate(rules))
    usual: list = _usual_operations(operations)
    entry: tuple
    for i in range(n):
        count = c[i]
        if count < 0 or count > len(parents) - start:
            raise _damaged("a node has more parents than there are")
        operands: list = []
        for j in range(count):
            place = p[start + j]
            if place >= i or place < -len(outside):
                raise _damaged("a parent stands behind its child")
            operands.append(nodes[place] if place >= 0 else outside[-1 - place])
        extra = extras.get(i) if extras else None
        index = indices.get(i, 0) if indices else 0
        entry = usual[h[i] & 0xFF] if h[i] & 0xFFFF < 0xFF else None
        if (
            entry is None
            or extra is not None
            or index != 0
            or cython.cast(cython.longlong, entry[0]) != count
        ):
            rule = _operation_of(h[i] & 0xFFFF, count, index, extra, operations)
            entry = (count, *_facts_of(rule))
        node = new_node(entry[1], x[2 * i])
        if extra is not None:
            node._extra = _extra_copy(extra)
        if cython.compiled:
            hold_operands(node, operands, d + start, index)
        else:
            node._parents, node._partials = tuple(operands), tuple(d[start : start + count])
            node._index = index
        node._grad = x[2 * i + 1]
        node._flags |= (h[i] >> 16) & LASTING & ~(SELECTING | INDEX_1) | cython.cast(cython.int, entry[2])
        place = h[i] >> 32
        if place < 0 or place >= len(scopes):
            raise _damaged("a node is in a scope that is not listed")
        node._scope = scopes[place]
        nodes.append(node)
        start += count
    if start != len(parents):
        raise _damaged("there are more parents than the nodes have")
    return nodes


def _facts_of(rule):
    """Return the number of an operation, None for a leaf's, and the flag that its nodes have."""
    if rule is None:
        return OP_LEAF, 0
    return rule.identifier or OP_CUSTOM, SELECTING if rule.selecting else 0


def _usual_operations(operations):
    """Return (count of parents, number, flag) of the operations that have a fixed count, by their number."""
    usual = [None] * 256
    usual[OP_LEAF] = 0, *_facts_of(None)
    for op, rule in operations.items():
        if rule is not None and rule.arity and 0 < op < 255:
            usual[op] = rule.arity, *_facts_of(rule)
    return usual


def _operation_of(op, count, index, extra, operations):
    """Return the operation of a node that is read from arrays, None for a leaf; refuse what cannot be."""
    custom = isinstance(extra, Details) and extra.operation is not None
    if custom != (op == OP_CUSTOM):
        raise _damaged("a node has another operation than it says")
    if op == OP_LEAF:
        if count:
            raise _damaged("a leaf has parents")
        return None
    rule = extra.operation if custom else operations.get(op)
    if rule is None:
        raise _damaged("an operation is not listed")
    if count == 0 or rule.arity not in (None, count):
        raise _damaged(f"{rule.name} has {count} parents")
    if index and not (getattr(rule, "indexed", False) and 0 <= index < count):
        raise _damaged(f"{rule.name} of {count} numbers has no output {index}")
    return rule


def read_vector(nodes: list, gradients: cython.bint, vector=None):
    """Return the numbers of some nodes, or their gradients, as ``array('d')``: a new one, or `vector`."""
    node: Value
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(nodes)
    if vector is None:
        vector = array("d", bytes(8 * n))
    elif len(vector) < n or vector.typecode != "d":
        raise ValueError("one double for each node is wanted")
    modes: cython.int = RECORDING | RULE
    x: cython.p_double = double_pointer(vector)
    if cython.compiled and not _forbidden(modes) and read_numbers(nodes, Value, RECORDED, x, gradients) == n:
        return vector
    _check_all(nodes, modes, "its .grad was read" if gradients else "its number was read")
    for i in range(n):
        node = cython.cast(Value, nodes[i])
        x[i] = node._grad if gradients else node._data
    return vector


def write_vector(nodes: list, vector, gradients: cython.bint):
    """Set the numbers of some nodes, or their gradients, to those of an ``array('d')`` of the same length."""
    node: Value
    touched: cython.int = 0
    flag: cython.int = SWEPT if gradients else ASSIGNED
    if len(vector) != len(nodes) or vector.typecode != "d":
        raise ValueError("one double for each node is wanted")
    _check_all(nodes, 0 if gradients else RECORDING, "its .data was assigned")
    if cython.compiled:
        touched = write_numbers(nodes, double_pointer(vector), gradients, flag)
    else:
        for node, x in zip(nodes, vector):
            touched |= node._flags
            node._flags |= flag
            if gradients:
                node._grad = x
            else:
                node._data = x
    if not gradients:
        count_assignment()
    if touched & IN_TABLE:
        count_change()


def write_both(nodes: list, numbers, gradients):
    """Set the numbers and the gradients of some leaves to the first of two ``array('d')``, in one pass.

    Returns:
        `assignments()`: as long as it returns that again, the nodes have these numbers.
    """
    node: Value
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(nodes)
    touched: cython.int = 0
    if min(len(numbers), len(gradients)) < n or numbers.typecode != "d" or gradients.typecode != "d":
        raise ValueError("two doubles for each node are wanted")
    x: cython.p_double = double_pointer(numbers)
    g: cython.p_double = double_pointer(gradients)
    if n and thread_mode() & RECORDING:
        forbid_reading(nodes[0], "its .data was assigned")
    for i in range(n):
        node = nodes[i]
        touched |= node._flags
        node._data, node._grad = x[i], g[i]
        node._flags |= ASSIGNED | SWEPT
    count_assignment()
    if touched & IN_TABLE:
        count_change()
    return assignments()


def has_numbers(nodes: list, numbers) -> bool:
    """Are the numbers of some nodes the first of an ``array('d')``? A zero's sign counts."""
    node: Value
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(nodes)
    if len(numbers) < n or numbers.typecode != "d":
        raise ValueError("one double for each node is wanted")
    x: cython.p_double = double_pointer(numbers)
    for i in range(n):
        node = nodes[i]
        if node._data != x[i] or (x[i] == 0.0 and copysign(1.0, node._data) != copysign(1.0, x[i])):
            return False
    return True


def same_items(some: list, others: list) -> bool:
    """Tell whether two lists hold the same objects."""
    i: cython.Py_ssize_t
    if len(some) != len(others):
        return False
    for i in range(len(some)):
        if some[i] is not others[i]:
            return False
    return True


def same_entries(dicts: list, keys: list, items: list, nothing) -> bool:
    """Tell whether the same objects are the entries of some dicts, each of one key, or `nothing` is there."""
    i: cython.Py_ssize_t
    for i in range(len(items)):
        held: dict = dicts[i]
        if held.get(keys[i], nothing) is not items[i]:
            return False
    return True


@cython.cfunc
def _forbidden(modes: cython.int) -> cython.bint:
    """Is the thread in one of these modes?"""
    return thread_mode() & modes or (modes & RULE and len(active_rules) > 0)


@cython.cfunc
def _check_all(nodes: list, modes: cython.int, how):
    """Raise an error unless all of them are Values, which may be touched in a thread not in these modes."""
    i: cython.Py_ssize_t
    forbidden: cython.bint = _forbidden(modes)
    n: cython.Py_ssize_t = len(nodes)
    flag: cython.int = RECORDED if modes else 0
    if cython.compiled and not forbidden and read_numbers(nodes, Value, flag, cython.NULL, False) == n:
        return
    for i in range(n):
        if not isinstance(nodes[i], Value):
            raise TypeError(f"number {i} is not a Value, but {bounded(repr(nodes[i]))}")
        if forbidden or (modes and cython.cast(Value, nodes[i])._flags & RECORDED):
            forbid_reading(nodes[i], how)
