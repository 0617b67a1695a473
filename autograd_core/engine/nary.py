# cython: language_level=3, wraparound=False, binding=True, always_allow_keywords=True
"""Nodes of many operands: dot products and reductions, where and clip, user-defined operations."""

import cython

if cython.compiled:
    from cython.cimports.autograd_core.engine.dot import fill_dot
    from cython.cimports.autograd_core.engine.flags import ASSIGNED, HELD, IEEE, INDEX_1, SELECTING
    from cython.cimports.autograd_core.engine.value import *
    from cython.cimports.libc.stdlib import free, malloc
else:
    from .flags import ASSIGNED, HELD, IEEE, INDEX_1, SELECTING
    from .value import *

from ..errors import GraphError
from .failures import described
from .notes import Details
from .value import failure, note_raised, number_from, number_of, rules

COMPILED = cython.compiled


def apply(operation, operands, index=0):
    """Make the node of an operation by its object.

    Args:
        operation: an `Operation`, built in or user-defined.
        operands: Values, as many as the operation takes.
        index: for softmax and log_softmax, which output.

    Returns:
        The new node.

    Raises:
        TypeError: an operand is not a Value, or there is another number of them.
        ValueError: the operation is not one of the table, or has no output of that index.
    """
    nodes: list = operands if type(operands) is list else list(operands)
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(f"{operation.name} is applied to Values, not {type(node).__name__}")
    if operation.arity is not None and operation.arity != len(nodes):
        raise TypeError(f"{operation.name} takes {operation.arity} operands, not {len(nodes)}")
    op = operation.identifier
    if op == 0:
        return _make_custom(operation, nodes)
    if not 0 < op < len(rules) or rules[op] is not operation:
        raise ValueError(f"{operation!r} is not the operation of number {op} in the table")
    if len(nodes) == 1 and operation.arity == 1:
        return make_unary(op, nodes[0])
    if len(nodes) == 2 and operation.arity == 2:
        return make_binary(op, nodes[0], nodes[1])
    if index and not (0 <= index < len(nodes) and getattr(operation, "indexed", False)):
        raise ValueError(f"{operation.name} of {len(nodes)} operands has no output {index!r}")
    return make_many(op, nodes, index)


@cython.cfunc
def make_many(op: cython.int, operands: list, index: cython.int):
    """Make a node of any number of parents: a reduction, a dot product, where or clip."""
    n: cython.Py_ssize_t = len(operands)
    j: cython.Py_ssize_t
    y: cython.double
    m: cython.double
    s: cython.double
    if n == 0:
        raise ValueError(f"{rules[op].name} needs at least one number")
    if not cython.compiled:
        node = new_node(op, float(rules[op].value(*[x._data for x in operands], index=index)))
        attach(node, operands, index)
        finish_node(node)
        return node
    if op == OP_DOT:
        j = n // 2
        return _make_dot(operands[:j], operands[j : 2 * j], operands[n - 1] if n % 2 else None)
    x: cython.p_double = cython.cast(cython.p_double, malloc((2 * n + 3) * cython.sizeof(cython.double)))
    if x == cython.NULL:
        raise MemoryError()
    for j in range(n):
        x[j] = node_of(operands[j])._data
    try:
        if ad_arity(op) == 3:
            y = ad_value3(op, x[0], x[1], x[2])
            ad_partials3(op, x[0], x[1], x[2], y, x + n)
        else:
            ad_fold(op, n, x, cython.address(m), cython.address(s))
            y = ad_finish(op, m, s, n, x[index])
            ad_parts(op, n, x, m, s, y, index, x + n)
        return _finish_many(op, operands, y, x + n, index)
    finally:
        free(x)


@cython.cfunc
def _make_dot(weights: list, inputs: list, bias):
    """Compiled: make the node of a dot product; None where one of the operands is no Value."""
    if cython.compiled:
        node: Value = new_node(OP_DOT, 0.0)
        if not fill_dot(node, weights, inputs, bias):
            return None
        finish_node(node)
        return node


@cython.cfunc
def _hold_parents(node: Value, operands: list, index: cython.int):
    """Compiled: give a new node its parents, which are Values, and room for their partials."""
    if cython.compiled:
        n: cython.Py_ssize_t = len(operands)
        j: cython.Py_ssize_t
        if n > 2:
            block = malloc(n * (cython.sizeof(cython.p_void) + cython.sizeof(cython.double)))
            if block == cython.NULL:
                raise MemoryError()
            node._p0 = block
            node._p1 = cython.cast(cython.p_void, cython.cast(cython.size_t, index))
        elif index == 1:
            node._flags |= INDEX_1
        node._count = n
        parents: cython.pointer(cython.pointer(Node)) = parents_of(node_of(node))
        for j in range(n):
            parents[j] = keep(operands[j])


@cython.cfunc
def hold_operands(node: Value, operands: list, partials: cython.p_double, index: cython.int):
    """Compiled: give a new node its parents, which are Values, and their partials."""
    j: cython.Py_ssize_t
    if cython.compiled:
        _hold_parents(node, operands, index)
        d: cython.p_double = partials_of(node_of(node))
        for j in range(len(operands)):
            d[j] = partials[j]


@cython.cfunc
def _finish_many(
    op: cython.int, operands: list, y: cython.double, partials: cython.p_double, index: cython.int
):
    """Compiled: make a node of these parents and partials."""
    node: Value = new_node(op, y)
    if cython.compiled:
        hold_operands(node, operands, partials, index)
        if op != OP_CUSTOM and ad_selecting(op):
            node._flags |= SELECTING
    finish_node(node)
    return node


def _make_custom(operation, operands: list):
    """Make the node of a user-defined operation."""
    numbers_ = tuple([cython.cast(Value, operand)._data for operand in operands])
    try:
        y: cython.double = operation.value(*numbers_)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise failure(operation, operands, numbers_, error) from error
    except BaseException as error:
        note_raised(error)
        raise
    try:
        partials = [float(partial) for partial in operation.numeric_partials(numbers_, y)]
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise failure(operation, operands, numbers_, error, "its partials: ") from error
    except BaseException as error:
        note_raised(error)
        raise
    if len(partials) != len(operands):
        raise TypeError(f"{operation.name} has {len(operands)} operands and {len(partials)} partials")
    node: Value = new_node(OP_CUSTOM, y)
    j: cython.Py_ssize_t
    node._extra = Details("", operation)  # before the parents: a node of this kind always has it
    if cython.compiled:
        _hold_parents(node, operands, 0)
        d: cython.p_double = partials_of(node_of(node))
        for j in range(len(operands)):
            d[j] = partials[j]
    else:
        node._parents = tuple(operands)
        node._partials = tuple(partials)
    if operation.selecting:
        node._flags |= SELECTING
    finish_node(node)
    return node


# --- dot and the reductions -----------------------------------------------------------------------------


@cython.cfunc
def _lift_all(operands: list) -> cython.bint:
    """Make Values of the plain numbers of a list with some Value in it; else return False, leave floats."""
    j: cython.Py_ssize_t
    plain: cython.Py_ssize_t = 0
    n: cython.Py_ssize_t = len(operands)
    for j in range(n):
        if not isinstance(operands[j], Value):
            plain += 1
    if plain == 0:
        return True
    for j in range(n):
        if plain == n:
            operands[j] = number_from(operands[j])
        elif not isinstance(operands[j], Value):
            operands[j] = constant(number_from(operands[j]))
    return plain < n


@cython.ccall
def dot(weights, inputs, bias=None):
    """bias + w_0 x_0 + w_1 x_1 + ..., added in that order, as one node.

    Args:
        weights: numbers or Values, shape (n,).
        inputs: numbers or Values, shape (n,).
        bias: a number or Value to start the sum with; by default the sum starts with the first product.

    Returns:
        A Value; a float if there is no Value among the operands.

    Raises:
        ValueError: if the lengths differ, or there is nothing to add.

    Example:
        >>> from autograd_core import Value, dot
        >>> x = Value(2.0)
        >>> y = dot([3.0, 4.0], [x, 1.0], bias=0.5)
        >>> y.backward()
        >>> y.data, x.grad
        (10.5, 3.0)
    """
    w: list = weights if type(weights) is list else list(weights)
    x: list = inputs if type(inputs) is list else list(inputs)
    if len(w) != len(x):
        raise ValueError(f"dot of {len(w)} weights and {len(x)} inputs: the lengths must be equal")
    if bias is None and not w:
        raise ValueError("dot needs at least one number")
    node = _make_dot(w, x, bias) if cython.compiled else None
    if node is not None:
        return node
    operands: list = w + x
    if bias is not None:
        operands.append(bias)
    if not _lift_all(operands):
        return rules[OP_DOT].value(*operands)
    return make_many(OP_DOT, operands, 0)


@cython.cfunc
def _operands(op: cython.int, numbers_) -> list:
    """Return the operands of a reduction as a list; raise ValueError where there is none, of either."""
    if not 0 < op < len(rules) or rules[op].arity is not None:
        raise ValueError(f"there is no reduction of number {op}")
    operands: list = list(numbers_)
    if not operands:
        raise ValueError(f"{rules[op].name} needs at least one number")
    return operands


@cython.ccall
def reduce_values(op: cython.int, numbers_):
    """Make the node of a reduction over `numbers_`; a float if there is no Value among them."""
    operands: list = _operands(op, numbers_)
    if not _lift_all(operands):
        return _reduce_plain(op, operands, False)[0]
    return make_many(op, operands, 0)


@cython.cfunc
def _reduce_plain(op: cython.int, numbers_: list, indexed: cython.bint) -> list:
    """The value of a reduction of floats; for softmax and log_softmax one for each."""
    n: cython.Py_ssize_t = len(numbers_)
    j: cython.Py_ssize_t
    count: cython.Py_ssize_t = n if indexed else 1
    m: cython.double
    s: cython.double
    values: list = []
    if cython.compiled:
        x: cython.pointer(cython.double) = cython.cast(
            cython.pointer(cython.double), malloc(n * cython.sizeof(cython.double))
        )
        if x == cython.NULL:
            raise MemoryError()
        for j in range(n):
            x[j] = numbers_[j]
        ad_fold(op, n, x, cython.address(m), cython.address(s))
        for j in range(count):
            values.append(ad_finish(op, m, s, n, x[j]))
        free(x)
    else:
        rule = rules[op]
        m, s = rule.folds(numbers_)
        for j in range(count):
            values.append(float(rule.finish(m, s, float(n), numbers_[j])))
    return values


@cython.ccall
def indexed_values(op: cython.int, numbers_) -> list:
    """Make the outputs of softmax and log_softmax: up to 64 one node each, beyond that of shared parts."""
    operands: list = _operands(op, numbers_)
    if not _lift_all(operands):
        return _reduce_plain(op, operands, True)
    if len(operands) > _LARGEST_FAMILY:
        return _shared_outputs(op, operands)
    return [make_many(op, operands, j) for j in range(len(operands))]


# One node an output keeps every digit of 1 - p where p is near 1, and takes n edges; n such nodes take n * n.
_LARGEST_FAMILY = 64


@cython.cfunc
def _shared_outputs(op: cython.int, operands: list) -> list:
    """softmax or log_softmax of many numbers in O(n): the parts of its formula as nodes, the same bits.

    The largest operand, which is subtracted from all, is a constant to the gradient: the outputs are the same
    whatever is subtracted. It is kept finite, since inf - inf would make every output NaN.
    """
    largest: Value = make_binary(OP_MINIMUM, make_many(OP_MAX, operands, 0), constant(1.7976931348623157e308))
    largest = make_unary(OP_STOP_GRADIENT, largest)
    shifted: list = [make_binary(OP_SUB, x, largest) for x in operands]
    exponentials: list = [make_unary(OP_EXP, x) for x in shifted]
    total: Value = make_many(OP_SUM, exponentials, 0)
    if op == OP_SOFTMAX:
        return [make_binary(OP_DIV, x, total) for x in exponentials]
    total = make_unary(OP_LOG, total)
    return [make_binary(OP_SUB, x, total) for x in shifted]


# --- data assigned after the graph was made -------------------------------------------------------------


def stale(nodes, every=False):
    """Return the nodes whose number or partials are not what their operation makes of their parents now.

    Only nodes next to assigned ``data`` can be: the others are passed over, unless `every` node is asked for.
    """
    found: list = []
    node: Value
    j: cython.Py_ssize_t
    suspect: cython.bint
    for node in nodes:
        suspect = every or node._flags & ASSIGNED
        for j in range(node._count):
            suspect = suspect or parents_of(node_of(node))[j]._flags & ASSIGNED
        if suspect and node._count and not _follows(node):
            found.append(node)
    return found


def refuse_stale(nodes):
    """Raise GraphError if one of the nodes is stale."""
    found: list = stale(nodes)
    if found:
        node = found[0]
        operands = ", ".join([described(parent, number_of(parent)) for parent in node.parents[:8]])
        more = f" ({len(found)} such nodes)" if len(found) > 1 else ""
        raise GraphError(
            f"{node.op}({operands}) is out of date, its number is {number_of(node)!r}: data was assigned "
            f"after the graph was made{more}, so its derivative would belong to no point; "
            "compute the result again"
        )


@cython.cfunc
def _follows(node: Value) -> cython.bint:
    """Tell whether the operation, applied to the parents again, gives the node's number and partials."""
    j: cython.Py_ssize_t
    again: Value
    mode: cython.int = thread_mode()
    set_thread_mode(IEEE | (mode & HELD))
    try:
        again = apply(node.operation, list(node.parents), place_of(node_of(node)))
    except (ValueError, ArithmeticError):
        return False
    finally:
        set_thread_mode(mode)
    for j in range(node._count):
        if not same_number(partials_of(node_of(node))[j], partials_of(node_of(again))[j]):
            return False
    return same_number(node._data, again._data)


@cython.cfunc
@cython.exceptval(check=False)
def same_number(a: cython.double, b: cython.double) -> cython.bint:
    """Tell whether two numbers are equal, or both NaN."""
    return a == b or (a != a and b != b)
