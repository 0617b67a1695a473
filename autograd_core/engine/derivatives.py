# cython: language_level=3, boundscheck=False, wraparound=False, binding=True, always_allow_keywords=True
"""Derivatives as graphs: back-propagation and its forward twin with Values for numbers.

What `adjoints` does is this::

    def adjoints(output, inputs):
        gradient = {output: 1.0}
        for node in reversed(topological_order(output)):
            for parent, rule in zip(node.parents, node.operation.partial_rules):
                gradient[parent] = gradient.get(parent, 0.0) + rule(*node.parents, node) * gradient[node]
        return [gradient.get(node, 0.0) for node in inputs]

for the nodes between the inputs and the output alone. The rules are not called each time: `instructions`
lists them once.

A *selecting* operation sends nothing to an operand that it did not choose, so that 0 * inf cannot arise
there. In a graph of the gradient the choice must be a node, since the graph may be computed again for other
numbers (in a Program): the share of an operand is ``where(chosen, partial * gradient, 0)``, with the partial
itself for `chosen`. Where all that reaches a node came through such edges, what it passes on is guarded in
the same way.
"""

from __future__ import annotations

import weakref
from array import array
from math import inf

import cython

from ..calculus.instructions import instructions_of_partials
from ..calculus.operation import Exponentials, Operation, Reduction, real
from ..calculus.operations import OPERATIONS
from ..calculus.primitives import softmax
from ..errors import ConversionError, GraphError

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.nary import make_many
    from cython.cimports.autograd_core.engine.sweep import (
        array_pointer,
        begin_marking,
        end_marking,
        is_older,
        nodes_up_to,
    )
    from cython.cimports.autograd_core.engine.value import *
else:
    from .flags import *
    from .nary import make_many
    from .sweep import array_pointer, begin_marking, end_marking, is_older, nodes_up_to
    from .value import *

from .modes import enable_grad
from .nary import refuse_stale
from .sweep import sweep, way_to_input
from .value import active_calls, bounded, method, recording, rules

COMPILED = cython.compiled

# By identifier. The last is filled as operations are asked for: (constants, code, result, folds) of each
# partial, `folds` telling whether the folds of a reduction take part.
_arities = cython.declare(list, [0] + [operation.arity or 0 for operation in OPERATIONS.values()])
_native = cython.declare(list, [False] + [operation.native for operation in OPERATIONS.values()])
_partials = cython.declare(list, [None] * len(_arities))
# Operations that raise for operands for which some partial is finite: the logarithm's is 1 / x below 0 too.
# Not so `pow`: x**2 is too large before 2 x is, and to keep each power alive would slow most functions.
SLOPE_BEYOND_DOMAIN = frozenset(("mod", "log", "log1p", "log2", "log10", "atanh", "lgamma", "logit", "xlogy"))
_beyond = cython.declare(list, [False] + [name in SLOPE_BEYOND_DOMAIN for name in OPERATIONS])


# --- inputs that are being differentiated ---------------------------------------------------------------
#
# Whether a node depends on the inputs of some call is asked again and again in a loop of nested calls. That
# must not cost a walk through all that was computed before. So nodes that depend on none are remembered to be
# INDEPENDENT: the inputs of later calls are new nodes, on which they cannot depend either. (Where a call's
# inputs are not new, nothing is remembered while it is at work.) Of the nodes on a way to an input every 64th
# is remembered to be DEPENDENT, until a call ends that was at work when that was found.

# For each call that is at work, of all threads, in the order in which they began: references to the nodes
# that were found to be DEPENDENT after it began, and before a later one did.
_calls = cython.declare(dict, active_calls)  # by id: other threads end theirs, in any order
_ended = cython.declare(cython.longlong, 0)  # calls so far
_on_old_inputs = cython.declare(cython.int, 0)  # calls at work whose inputs are not new


def call_on_inputs(function, args, kwargs, leaves: list):
    """Call a function while some nodes, made for this call, are the inputs to differentiate with respect to.

    Graphs are built, within `no_grad` too, and to convert a node that depends on the inputs raises
    `ConversionError`.
    """
    global _on_old_inputs
    mode: cython.int = thread_mode()
    leaf: Value
    found: list = []
    old: cython.bint = False
    if mode & HELD and mode & NO_GRAD:
        with enable_grad():
            return call_on_inputs(function, args, kwargs, leaves)
    key = id(found)  # of all that takes memory, nothing after this leaves a mark if there is none
    try:
        _calls[key] = found
        for leaf in leaves:
            old = old or leaf._known == INDEPENDENT
            leaf._flags |= INPUT
        _on_old_inputs += old
        set_thread_mode(mode & ~NO_GRAD)
        return function(*args, **kwargs)
    finally:
        set_thread_mode(mode)
        for leaf in leaves:
            leaf._flags &= ~INPUT
        _on_old_inputs -= old
        _end_call(key)


def make_constant(leaves: list):
    """Let leaves take no gradient any more."""
    leaf: Value
    for leaf in leaves:
        leaf._flags |= CONSTANT


def _end_call(key):
    """Forget what was found to be DEPENDENT since a call began: it may be so on the inputs of this one."""
    global _ended
    later: list
    node: Value
    began: cython.bint = False
    _ended += 1
    try:
        for number, later in list(_calls.items()):
            began = began or number == key
            if began:
                for reference in later:
                    node = reference()
                    if node is not None:
                        node._known = 0
                later.clear()
    finally:
        _calls.pop(key, None)


def depends_on_inputs(nodes: list):
    """Tell whether some of the nodes depend on the inputs of a call that is at work."""
    node: Value
    place: cython.Py_ssize_t
    ended: cython.longlong = _ended
    if not _calls:
        return False
    if _on_old_inputs:
        for node in nodes_up_to(tuple(nodes), INPUT):
            if node._flags & INPUT:
                return True
        return False
    for node in nodes:
        if node._flags & INPUT or node._known == DEPENDENT:
            return True
    way: list = way_to_input([node for node in nodes if cython.cast(Value, node)._known != INDEPENDENT])
    for place in range(len(way) - 64, -1, -64):
        calls: list = list(_calls.values())
        if calls and ended == _ended:  # no other thread has ended one meanwhile
            node = way[place]
            cython.cast(list, calls[len(calls) - 1]).append(weakref.ref(node))
            node._known = DEPENDENT
    return len(way) > 0


@method
def _depends_on(self, nodes):
    """Tell whether this node depends on some of these, or is one of them."""
    chosen = set(map(id, nodes))
    return not chosen.isdisjoint(map(id, nodes_up_to((self,), 0, 0, tuple(nodes))))


@method
def _refuse_conversion(self, how):
    """Raise ConversionError if this node depends on inputs that are being differentiated."""
    if depends_on_inputs([self]):
        name = self.label or self.op or "input"
        raise ConversionError(
            f"node {bounded(name)!r}: {how}, which would drop it from the gradient: compute with this "
            "package's functions (autograd_core.exp for math.exp, autograd_core.sum for math.fsum; arrays of "
            "Values have dtype=object); where its number alone is wanted, read .data"
        )


def gradients_of(outputs: list, seeds: list, leaves: list, since: cython.longlong):
    """Return the gradients of sum_k seed_k output_k, floats.

    Args:
        outputs: Values.
        seeds: a float for each.
        leaves: the inputs that were made for the call from which the outputs came.
        since: what `walks_so_far` said before they were made.
    """
    leaf: Value
    for leaf in leaves:
        leaf._grad = 0.0
    before = _before(since)
    sweep(outputs, seeds, leaves, before, _next_stamp())
    return [leaf._grad for leaf in leaves]


# --- the nodes between inputs and outputs ---------------------------------------------------------------

_walks = cython.declare(cython.longlong, 0)  # that left their number, the stamp, on the nodes they came by


def walks_so_far():
    """Return the number of the last walk from outputs to inputs.

    The nodes that it or an earlier one came by do not depend on leaves that are made from now on. So in a
    loop of nested calls each node of the past is looked at by one of them alone.
    """
    return _walks


@cython.cfunc
def _before(since: cython.longlong) -> cython.uint:
    """Return the walk before which a node is older than a call (see `is_older`); 0 where that is unknown."""
    if since > 0 and _walks - since < 0x4000:  # half of what `is_older` allows: other threads walk too
        return cython.cast(cython.uint, (since & 0xFFFF) | 0x10000)
    return 0


@cython.cfunc
def _next_stamp() -> cython.uint:
    """Return the stamp of one more walk."""
    global _walks
    _walks += 1
    if _walks & 0xFFFF == 0:  # it stands for "none"
        _walks += 1
    return cython.cast(cython.uint, _walks & 0xFFFF)


@cython.final
@cython.cclass
class _Between:
    """The nodes under some outputs down to the inputs, parents first, and their edges that lead to an input.

    Args:
        outputs: Values.
        inputs: Values.
        stop: the flags of nodes that are not looked behind; TARGET stands for the inputs.
        since: what `walks_so_far` said before the inputs were made; -1 where they may be older than that.
    """

    nodes: list
    starts: object  # where a node's edges begin, shape (nodes + 1,)
    places: object  # each edge's parent as a position in `nodes`; -1 where it leads to no input
    output_places: list  # -1 for an output that depends on no input
    input_places: list  # -1 for an input that no output depends on

    def __init__(self, outputs: list, inputs: list, stop: cython.int, since: cython.longlong):
        y: Value
        before: cython.uint = _before(since)
        # The flag TARGET is on the inputs during the walk alone: other threads may share them.
        chosen: set = set(map(id, inputs))
        at_inputs: cython.bint = (stop & TARGET) != 0
        flags: cython.int = stop & ~TARGET
        roots: list = []
        for y in outputs:
            if not (y._flags & flags or is_older(y._stamp, before) or (at_inputs and id(y) in chosen)):
                roots.append(y)
        self.nodes = nodes_up_to(tuple(roots), flags, before, tuple(inputs) if at_inputs else ())
        self.nodes[:0] = _unlisted(outputs, self.nodes, chosen)
        self._find_edges(outputs, inputs, flags, at_inputs)
        self._leave_stamps()

    def _leave_stamps(self):
        node: Value
        stamp: cython.uint = _next_stamp()
        for node in self.nodes:
            node._stamp = cython.cast(cython.ushort, stamp)

    def _find_edges(self, outputs: list, inputs: list, stop: cython.int, at_inputs: cython.bint):
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        n: cython.Py_ssize_t = len(self.nodes)
        total: cython.Py_ssize_t = 0
        place: cython.Py_ssize_t
        node: Value
        for node in self.nodes:
            make_operands(node_of(node))  # here, where an error may be raised
            total += node._count
        self.starts, self.places = array("q", bytes(8 * (n + 1))), array("q", bytes(8 * total))
        needed_ = array("q", bytes(8 * n))
        outputs_, inputs_ = array("q", bytes(8 * len(outputs))), array("q", bytes(8 * len(inputs)))
        starts: cython.pointer(cython.longlong) = array_pointer(self.starts)
        places: cython.pointer(cython.longlong) = array_pointer(self.places)
        needed: cython.pointer(cython.longlong) = array_pointer(needed_)
        ends: cython.pointer(cython.longlong) = array_pointer(outputs_)
        begins: cython.pointer(cython.longlong) = array_pointer(inputs_)
        marks: dict = {}
        begin_marking()
        for i in range(n):
            if cython.compiled:
                cython.cast(Value, self.nodes[i])._mark = i + 1
            else:
                marks[id(self.nodes[i])] = i + 1
        total = 0
        for i in range(len(inputs)):
            begins[i] = _marked(node_of(inputs[i]), marks)
            if begins[i] >= 0:
                needed[begins[i]] = 1
        for i in range(n):
            node = self.nodes[i]
            starts[i] = total
            if not (node._flags & stop or (at_inputs and needed[i])):
                for j in range(node._count):
                    place = _marked(slots_of(node_of(node))[j], marks)
                    if place >= 0 and needed[place]:
                        needed[i] = 1
                    else:
                        place = -1
                    places[total] = place
                    total += 1
        starts[n] = total
        for i in range(len(outputs)):
            place = _marked(node_of(outputs[i]), marks)
            ends[i] = place if place >= 0 and needed[place] else -1
        if cython.compiled:
            for i in range(n):
                cython.cast(Value, self.nodes[i])._mark = 0
        end_marking()
        self.output_places, self.input_places = outputs_.tolist(), inputs_.tolist()


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _marked(node: cython.pointer(Node), marks: dict) -> cython.Py_ssize_t:
    """Return the position that a node is marked with, uncompiled the one in `marks`; -1 for none."""
    if cython.compiled:
        return cython.cast(cython.Py_ssize_t, node._mark) - 1
    return marks.get(id(node), 0) - 1


def _unlisted(outputs: list, nodes: list, chosen: set):
    """Return the outputs that are inputs (`chosen` has their ids) and not among the nodes, each once."""
    found = {id(y): y for y in outputs if id(y) in chosen}
    if found:
        for node in nodes:
            found.pop(id(node), None)
    return list(found.values())


@cython.cfunc
@cython.inline
def _parent_of(node: Value, j: cython.Py_ssize_t) -> Value:
    return cython.cast(Value, value_of(parents_of(node_of(node))[j]))


# --- partials as graphs ---------------------------------------------------------------------------------


@cython.cfunc
def _lifted(x) -> Value:
    if type(x) is float:
        return constant(x)
    return x


@cython.cfunc
def _plain(op: cython.int, arity: cython.int, a, b):
    """An operation on plain numbers, with IEEE's infinities and NaN."""
    if cython.compiled and _native[op]:
        if arity == 1:
            return ad_value1(op, a)
        return ad_value2(op, a, b)
    rule = rules[op].rule
    return float(rule(a) if arity == 1 else rule(a, b))


@cython.cfunc
def _operate(op: cython.int, a, b, c):
    """An operation on numbers and Values: a number for numbers, else a node."""
    arity: cython.int = _arities[op]
    if arity == 1:
        if type(a) is float:
            return _plain(op, 1, a, None)
        return make_unary(op, a)
    if arity == 2:
        if type(a) is float and type(b) is float:
            return _plain(op, 2, a, b)
        return make_binary(op, _lifted(a), _lifted(b))
    if op == OP_WHERE:
        if type(a) is float:
            return b if cython.cast(cython.double, a) != 0.0 else c
        return _where(a, b, c)
    return _lifted(a).clip(b, c)


@cython.cfunc
def _where(condition, a, b):
    return make_many(OP_WHERE, [condition, _lifted(a), _lifted(b)], 0)


@cython.cfunc
def _follow(slots: list, count: cython.Py_ssize_t, entry: tuple):
    """Follow the instructions for one partial, its arguments in the first slots."""
    word: cython.longlong
    for number in cython.cast(tuple, entry[0]):
        slots[count] = number
        count += 1
    for code in cython.cast(tuple, entry[1]):
        word = code
        slots[count] = _operate(
            word & 255, slots[word >> 8 & 255], slots[word >> 16 & 255], slots[word >> 24 & 255]
        )
        count += 1
    return slots[cython.cast(cython.Py_ssize_t, entry[2])]


@cython.cfunc
def _entries(op: cython.int) -> tuple:
    """Return the instructions for the partials of an operation; an empty tuple where there are none."""
    found = _partials[op]
    if found is None:
        listed = instructions_of_partials(rules[op]) or ()
        found = _partials[op] = tuple([(x.constants, x.code, x.result, _uses_folds(x)) for x in listed])
    return found


def _uses_folds(listed):
    operands = {word >> shift & 255 for word in listed.code for shift in (8, 16)}
    return bool(operands & {1, 2}) or listed.result in (1, 2)


@cython.final
@cython.cclass
class _Partials:
    """The partials of nodes as graphs, one at a time."""

    folds: dict  # of the reductions met so far: several outputs of one softmax share them
    node: Value  # the last one whose operation has no instructions
    listed: object  # and its partials
    slots: list
    chosen: cython.bint  # whether that one's rule compared numbers, outside of a recording
    branched: object  # the last partial's node if its rule did or it is such a derivative, else None

    def __init__(self):
        self.chosen = False
        self.branched = None
        self.slots = [None] * 256
        self.folds = {}
        self.node = None

    @cython.cfunc
    def of(self, node: Value, j: cython.Py_ssize_t):
        """Return the partial with respect to operand j: a Value, or a float."""
        mode: cython.int = thread_mode()
        set_thread_mode(mode | IEEE)
        self.branched = node if node._flags & BRANCHED else None
        try:
            return self._of(node, j)
        finally:
            set_thread_mode(mode)

    @cython.cfunc
    def _of(self, node: Value, j: cython.Py_ssize_t):
        op: cython.int = node._op_id
        n: cython.Py_ssize_t = node._count
        k: cython.Py_ssize_t
        slots: list
        if op == OP_MUL:  # the most frequent one; what `_follow` would return
            return _operand(node, 1 - j)
        if op == OP_DOT:
            k = n // 2
            return 1.0 if j == 2 * k else _operand(node, j - k if j >= k else j + k)
        if op == OP_POW and _parent_of(node, 1)._flags & CONSTANT and _parent_of(node, 1)._data == 0.0:
            return 0.0  # without a graph
        entries: tuple = _entries(op) if op != OP_CUSTOM else ()
        if not entries:
            return self._by_calling(node, j)
        slots = self.slots
        if cython.cast(cython.int, _arities[op]):
            for k in range(n):
                slots[k] = _operand(node, k)
            slots[n] = node
            return _follow(slots, n + 1, entries[j])
        entry: tuple = entries[0]
        m, s = self._folds_of(node) if entry[3] else (0.0, 0.0)
        slots[:6] = [_parent_of(node, j), m, s, node, float(n), 1.0 if j == place_of(node_of(node)) else 0.0]
        return _follow(slots, 6, entry)

    @cython.cfunc
    def _folds_of(self, node: Value):
        key = (node._op_id, node.parents)
        found = self.folds.get(key)
        if found is None:
            found = self.folds[key] = rules[node._op_id].folds(node.parents)
        return found

    @cython.cfunc
    def _by_calling(self, node: Value, j: cython.Py_ssize_t):
        """The partial of an operation without instructions, from its rule."""
        rule = node.operation
        if type(rule) is Operation:  # one rule at a time: another may not be defined here
            partial = rule.partial_rules[j](*[_operand(node, k) for k in range(node._count)], node)
            return partial if isinstance(partial, Value) else float(partial)
        if self.node is not node:
            self.chosen = False
            if isinstance(rule, Exponentials):
                self.listed = rule.partials_from(self._weights_of(node), node, place_of(node_of(node)))
            elif isinstance(rule, Reduction):
                self.listed = rule.partials(node.parents, node, place_of(node_of(node)))
            else:
                operands: list = [_operand(node, k) for k in range(node._count)]
                before = getattr(recording, "branched", False)  # of a rule that takes this derivative itself
                recording.branched = False
                self.listed = rule.partials(operands, node)
                self.chosen = recording.branched
                recording.branched = before or recording.branched
                _refuse_fickle(node, self.listed)
            self.node = node
        if self.chosen:
            self.branched = node
        partial = self.listed[j]
        return partial if isinstance(partial, Value) else float(partial)

    @cython.cfunc
    def _weights_of(self, node: Value):
        key = ("softmax", node.parents)
        found = self.folds.get(key)
        if found is None:
            found = self.folds[key] = softmax(node.parents)
        return found


@cython.cfunc
def _refuse_fickle(node: Value, partials):
    """Raise if a user's rule gives other numbers on Values than it gave on floats when the node was made."""
    j: cython.Py_ssize_t
    for j in range(node._count):
        partial = partials[j]
        if isinstance(partial, Value):
            found: cython.double = cython.cast(Value, partial)._data
        else:
            found = real(node.op, partial)
        stored: cython.double = partials_of(node_of(node))[j]
        if abs(found - stored) > 1e-6 * max(abs(found), abs(stored)):
            raise GraphError(
                f"the partials of the user-defined operation {node.op!r} gave {stored!r} for operand {j} on "
                f"floats, and give {found!r} on Values: let them depend on the operands alone, by one formula"
            )


@cython.cfunc
@cython.inline
def _operand(node: Value, j: cython.Py_ssize_t):
    """An operand; a constant one as a plain number."""
    parent: Value = _parent_of(node, j)
    if parent._flags & CONSTANT:
        return parent._data
    return parent


@cython.cfunc
def _times(partial, upstream):
    """partial * upstream, without a node for a factor of 1 or -1."""
    if type(partial) is float:
        if type(upstream) is float:
            return cython.cast(cython.double, partial) * cython.cast(cython.double, upstream)
        if cython.cast(cython.double, partial) == 1.0:
            return upstream
        if cython.cast(cython.double, partial) == -1.0:
            return make_unary(OP_NEG, upstream)
    elif type(upstream) is float and cython.cast(cython.double, upstream) == 1.0:
        return partial
    return make_binary(OP_MUL, _lifted(partial), _lifted(upstream))


@cython.cfunc
def _plus(a, b):
    if type(a) is float and type(b) is float:
        return cython.cast(cython.double, a) + cython.cast(cython.double, b)
    return make_binary(OP_ADD, _lifted(a), _lifted(b))


# --- the two sweeps -------------------------------------------------------------------------------------


@cython.final
@cython.cclass
class _Flow:
    """What has reached each node: a sum, and the conditions under which anything did.

    The conditions are None where something did in any case, else a list of nodes, one of which is not 0.
    Where a user's rule that compared numbers took part, `branched` is a node that depends on all on which its
    other branches may depend, else None.
    """

    sums: list
    conditions: list
    branched: list

    def __init__(self, count: cython.Py_ssize_t):
        self.sums = [None] * count
        self.conditions = [None] * count
        self.branched = [None] * count

    @cython.cfunc
    def add(self, place: cython.Py_ssize_t, share, condition):
        """Let a share reach a node, under a condition or, with None, in any case."""
        before = self.sums[place]
        if before is None:
            self.sums[place] = share
            self.conditions[place] = None if condition is None else [condition]
            return
        self.sums[place] = _plus(before, share)
        if condition is None:
            self.conditions[place] = None
        elif self.conditions[place] is not None:
            cython.cast(list, self.conditions[place]).append(condition)

    @cython.cfunc
    def condition(self, place: cython.Py_ssize_t):
        """Return the one node that tells whether anything reached this one; None for "in any case"."""
        found = self.conditions[place]
        if found is None:
            return None
        result = found[0]
        for other in found[1:]:
            if other is not result:
                result = _where(result, 1.0, other)
        self.conditions[place] = [result]
        return result

    @cython.cfunc
    def branch(self, place: cython.Py_ssize_t, witness):
        """What reached a node depends on the branches of a rule that `witness` stands for."""
        before = self.branched[place]
        if before is None:
            self.branched[place] = witness
        elif witness is not None and witness is not before:
            self.branched[place] = _where(before, witness, witness)


@cython.cfunc
def _pass_on(
    flow: _Flow,
    source: cython.Py_ssize_t,
    target: cython.Py_ssize_t,
    partial,
    selecting: cython.bint,
    branched,
):
    """Carry what has reached one node over an edge to another."""
    flow.branch(target, branched)
    flow.branch(target, flow.branched[source])
    if flow.sums[source] is None:
        return
    condition = flow.condition(source)
    if selecting:
        if type(partial) is float:
            if cython.cast(cython.double, partial) == 0.0:
                return
        elif condition is None:
            condition = partial
        else:
            condition = _where(condition, partial, 0.0)
    share = _times(partial, flow.sums[source])
    harmless: cython.bint = type(partial) is float and partial - partial == 0.0  # finite: times 0 it is 0
    if condition is not None and share is not condition and not harmless:
        share = _where(condition, share, 0.0)
    flow.add(target, share, condition)


@cython.cfunc
def _keep_alive(node: Value):
    """Let the Program that is recorded compute a node that may raise, though its derivative may not need it.

    As one side of a comparison the node is computed for every row, and a row for which it is NaN is
    evaluated eagerly.
    """
    op: cython.int = node._op_id
    if (op == OP_CUSTOM or _beyond[op]) and not node._flags & LENIENT and id(node) not in recording.kept:
        recording.kept.add(id(node))
        recording.guards.append((node, "<=", inf, node._data <= inf))


@cython.cfunc
def _carried(
    between: _Between, begins: list, given: list, ends: list, backward: cython.bint, graph: cython.bint
) -> list:
    """Carry what is given at some places along the edges, and return what arrives at others.

    Args:
        between: the nodes and edges.
        begins: places of nodes.
        given: a float or Value for each.
        ends: places of nodes.
        backward: from the children to the parents, else from the parents to the children.
        graph: whether graphs are wanted; else the stored partials are used.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(between.nodes)
    place: cython.Py_ssize_t
    start: cython.Py_ssize_t
    node: Value
    kept: cython.bint = graph and (thread_mode() & RECORDING) != 0 and recording.kept is not None
    if graph:
        refuse_stale(between.nodes)
    flow: _Flow = _Flow(n)
    partials: _Partials = _Partials()
    for place, x in zip(begins, given):
        if place >= 0:
            flow.add(place, x, None)
    starts: cython.pointer(cython.longlong) = array_pointer(between.starts)
    places: cython.pointer(cython.longlong) = array_pointer(between.places)
    for k in range(n):
        i = n - 1 - k if backward else k
        node = between.nodes[i]
        if kept:
            _keep_alive(node)
        start = starts[i]
        for j in range(starts[i + 1] - start):
            place = places[start + j]
            source: cython.Py_ssize_t = i if backward else place
            if place < 0 or (flow.sums[source] is None and flow.branched[source] is None):
                continue
            if graph and flow.sums[source] is not None:
                partial = partials.of(node, j)
            else:
                partial = partials_of(node_of(node))[j]
            _pass_on(
                flow, source, place if backward else i, partial, node._flags & SELECTING, partials.branched
            )
    found: list = []
    for place in ends:
        x = 0.0 if place < 0 or flow.sums[place] is None else flow.sums[place]
        found.append(x if place < 0 else _branched(x, flow.branched[place]))
    return found


def adjoints(outputs: list, inputs: list, seeds: list, since: cython.longlong = -1):
    """Return the gradients of sum_k seed_k output_k as graphs.

    Args:
        outputs: Values.
        inputs: Values.
        seeds: a float or Value for each output.
        since: what `walks_so_far` said before the inputs were made, if they were made for a call that the
            outputs came from; else -1.

    Returns:
        For each input a Value, or a float where the gradient depends on nothing; 0.0 where there is none.

    Raises:
        GraphError: data was assigned since the graph was made.
    """
    between: _Between = _Between(outputs, inputs, _barrier(inputs, since >= 0), since)
    return _carried(between, between.output_places, seeds, between.input_places, True, True)


def tangents(outputs: list, inputs: list, directions: list, graph: cython.bint, since: cython.longlong):
    """Return the derivatives of the outputs when the inputs of one call move in given directions.

    Args:
        outputs: Values.
        inputs: Values, made for the call that the outputs came from.
        directions: a float or Value for each input.
        graph: whether graphs are wanted; else the stored partials are used, and floats returned.
        since: what `walks_so_far` said before the inputs were made.

    Returns:
        For each output a Value or a float.

    Raises:
        GraphError: graphs are wanted, and data was assigned since theirs was made.
    """
    between: _Between = _Between(outputs, inputs, TARGET | INPUT, since)
    return _carried(between, between.input_places, directions, between.output_places, False, graph)


@cython.cfunc
def _barrier(inputs: list, inner: cython.bint) -> cython.int:
    """Return the flags of the nodes behind which no input is found."""
    node: Value
    if inner:
        return TARGET | INPUT
    if len(inputs) > 1:
        for node in inputs:
            if node._count:
                return 0
    return TARGET


@cython.cfunc
def _branched(x, witness):
    """The same number as a node that no Program may capture: it would not know of the branches in it.

    It hangs by a node that depends on what other branches may depend on, so that derivatives of it are known
    to be such too.
    """
    if witness is None:
        return x
    node: Value = make_binary(OP_SUB, _lifted(x), _where(witness, 0.0, 0.0))  # -0.0 + 0.0 would be 0.0
    if not node._flags & CONSTANT:  # made under no_grad: a plain number
        node._flags |= BRANCHED
    return node
