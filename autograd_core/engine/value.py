# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: binding=True, always_allow_keywords=True
"""The node of the graph: its class, how it is made by an operator, and how it is freed.

One source, two lives: Cython compiles it, and without a compiler it runs as it stands, to the same bits. What
touches memory by hand is C, in node.h and layout.h, with its plain-Python twin in `plain`; everything else is
shared. The other modules of this package are made in the same way and see the node's fields through
`value.pxd`: `sweep` orders and back-propagates, `nary` makes nodes of many operands, `modes` holds the
context managers, `flat` copies and pickles. They import this module, never the other way round; what they add
to the node they make a `method`. The common case of the operators is C too (arithmetic.h).

Layout of a compiled node, 96 bytes: value and gradient; up to two parents and partials inline, more in one
block of memory (parents, then partials; the second parent's field then holds the node's index); operation,
flags, scope, a mark for walks; and one reference for what few nodes have (a label, a source line, a
user-defined operation). Parents are fixed when the node is made, so there are no cycles and the garbage
collector need not know of nodes.
"""

import gc
import math
import numbers
import threading

import cython

from ..calculus.operations import OPERATIONS

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import *
    from cython.cimports.autograd_core.engine.node import *
else:
    from .flags import *
    from .plain import *

from .comparing import compared
from .failures import bounded, caller, no_real_number, non_finite_error, operation_error, reading_error
from .notes import Details, count_change, scope_path

COMPILED = cython.compiled

rules = [None, *OPERATIONS.values()]  # the built-in operations by identifier

# While recording: the comparisons (`guards`), what operations `raised`, the ids of nodes that are `kept`
# alive (None: none is), the leaves that were `made`. Else: whether a rule `branched`, and the `points` of
# derivatives that are graphs though they were taken at plain numbers (None: they are none).
recording = threading.local()
active_recordings = []  # an entry for each Program that some thread is recording
active_rules = []  # of all threads: the users' rules that are being called on Values (`modes.rule_mode`)
active_calls = {}  # of all threads: the calls on inputs that are being differentiated (`derivatives`)
_rules = cython.declare(list, active_rules)
_calls = cython.declare(dict, active_calls)

_settle = cython.declare(object)  # of the modes that generators and coroutines hold: see modes.py
_rebase = cython.declare(object)
_assignments = cython.declare(cython.ulonglong, 0)


def assignments():
    """Return how many assignments to the numbers of nodes there were, of one or of many at once."""
    return _assignments


def count_assignment():
    """A node's number has been assigned: what has kept it elsewhere must look again."""
    global _assignments
    _assignments += 1


@cython.final
@cython.no_gc
@cython.cclass
class Value:
    """One number that remembers how it was made.

    It computes, bit for bit, what the same expression of floats computes, and raises what that raises.
    Comparing with a plain number compares the numbers, and so do ``<`` and ``>`` of two Values; ``==`` of two
    Values, and hashing, are by identity.

    Args:
        data: a real number; it becomes a float.
        label: a name to show.

    Raises:
        TypeError: if `data` is not a real number.

    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)
    """

    if not cython.compiled:
        __slots__ = ("__weakref__", "_data", "_extra", "_flags", "_grad", "_index", "_known", "_mark",
                     "_op_id", "_parents", "_partials", "_scope", "_stamp")  # fmt: skip

        def __init_subclass__(cls):
            raise TypeError("type 'autograd_core.engine.value.Value' is not an acceptable base type")

    def __init__(self, data, label=""):
        self._data = number_from(data)
        count_assignment()  # it may be called on a node that there is
        if not cython.compiled:
            blank(self)
        if label:
            self._extra = _label(label)
        if get_mode() & RECORDING:
            note_made(self)
        self._scope = get_scope()

    # --- what the node is -------------------------------------------------------------------------------

    @property
    def data(self):
        """The node's number, a float. Assigning one leaves the nodes computed from this one as they are.

        Such nodes are then *stale* (`autograd_core.stale_nodes`): `backward` uses the partials that they were
        made with, and raises within `diagnose()`; `differentiate` raises.
        """
        _check_reading(self, "its .data was read")
        return self._data

    @data.setter
    def data(self, number):
        if get_mode() & RECORDING:
            forbid_reading(self, "its .data was assigned")
        self._data = number if type(number) is float else number_from(number)
        count_assignment()
        self._flags |= ASSIGNED
        if self._flags & IN_TABLE:
            count_change()

    @property
    def grad(self):
        """The gradient of the last sweep's output with respect to this node; a leaf sums over sweeps."""
        _check_reading(self, "its .grad was read")
        return self._grad

    @grad.setter
    def grad(self, number):
        self._grad = number if type(number) is float else number_from(number)
        self._flags |= SWEPT
        if self._flags & IN_TABLE:
            count_change()

    @property
    def has_grad(self):
        """False while no sweep has come by since the node was made or `zero_grad` was called."""
        _check_reading(self, "its .has_grad was read")
        return (self._flags & SWEPT) != 0

    @property
    def label(self):
        """A name to show; "" if none was given."""
        extra = self._extra
        if extra is None:
            return ""
        return extra if isinstance(extra, str) else extra.label

    @label.setter
    def label(self, text):
        if isinstance(self._extra, Details):
            self._extra.label = _label(text)
        else:
            self._extra = _label(text)
        if self._flags & IN_TABLE:
            count_change()

    @property
    def operation(self):
        """The `Operation` that made this node; None for a leaf."""
        if self._op_id == OP_LEAF:
            return None
        return self._extra.operation if self._op_id == OP_CUSTOM else rules[self._op_id]

    @property
    def op(self):
        """The operation's name; "" for a leaf."""
        rule = self.operation
        return "" if rule is None else rule.name

    @property
    def _op(self):
        """The operation's symbol, as micrograd writes it."""
        rule = self.operation
        if rule is None:
            return ""
        if self._op_id == OP_POW:
            exponent = self.parents[1]
            return f"**{_short(exponent)}" if exponent.is_constant else "**"
        return rule.symbol

    @property
    def parents(self):
        """The operands, in order and with repeats: ``a * a`` has two."""
        return tuple([_parent(self, j) for j in range(self._count)])

    @property
    def partials(self):
        """The derivative of this node with respect to each parent; 0 for the constant exponent of a power."""
        _check_reading(self, "its .partials were read")
        return tuple([_partial(self, j) for j in range(self._count)])

    @property
    def index(self):
        """For one output of softmax or log_softmax, which one it is."""
        return place_of(node_of(self))

    @property
    def scope(self):
        """The path of the scopes in which the node was made: ``"layer1.neuron0"``."""
        return scope_path(self._scope)

    @property
    def is_leaf(self):
        """True if no operation made this node."""
        return self._op_id == OP_LEAF

    @property
    def is_constant(self):
        """True for a leaf that never takes a gradient: a plain number, detached, or made under no_grad."""
        return (self._flags & CONSTANT) != 0

    @property
    def source(self):
        """(filename, line) that made the node, where it was made in diagnosis mode; else None."""
        extra = self._extra
        return extra.source if isinstance(extra, Details) else None

    # --- gradients --------------------------------------------------------------------------------------

    def zero_grad(self):
        """Forget the gradient of this node."""
        self._grad = 0.0
        self._flags = self._flags & ~(SWEPT | REACHED)
        if self._flags & IN_TABLE:
            count_change()

    def detach(self):
        """Return a constant with this node's number and no history."""
        _check_reading(self, "detach() was called on it (stop_gradient() keeps it in the graph)")
        return constant(self._data)

    # --- arithmetic -------------------------------------------------------------------------------------

    def __add__(self, other):
        return _operator(OP_ADD, self, other, False)

    def __radd__(self, other):
        return _operator(OP_ADD, self, other, True)

    def __sub__(self, other):
        return _operator(OP_SUB, self, other, False)

    def __rsub__(self, other):
        return _operator(OP_SUB, self, other, True)

    def __mul__(self, other):
        return _operator(OP_MUL, self, other, False)

    def __rmul__(self, other):
        return _operator(OP_MUL, self, other, True)

    def __truediv__(self, other):
        return _operator(OP_DIV, self, other, False)

    def __rtruediv__(self, other):
        return _operator(OP_DIV, self, other, True)

    def __mod__(self, other):
        return _operator(OP_MOD, self, other, False)

    def __rmod__(self, other):
        return _operator(OP_MOD, self, other, True)

    def __floordiv__(self, other):
        return _floor_divide(self, _operand(other, "//"))

    def __rfloordiv__(self, other):
        return _floor_divide(_operand(other, "//"), self)

    def __divmod__(self, other):
        return _divmod(self, _operand(other, "divmod()"))

    def __rdivmod__(self, other):
        return _divmod(_operand(other, "divmod()"), self)

    def __pow__(self, other, modulus=None):
        if modulus is not None:
            raise TypeError("pow() of Values takes no modulus")
        return _operator(OP_POW, self, other, False)

    def __rpow__(self, other, modulus=None):
        if modulus is not None:
            raise TypeError("pow() of Values takes no modulus")
        return _operator(OP_POW, self, other, True)

    def __neg__(self):
        return make_unary(OP_NEG, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return make_unary(OP_ABS, self)

    # --- comparisons: of numbers, but == of two Values is identity ------------------------------------------

    def __lt__(self, other):
        return _compare(self, other, "<")

    def __le__(self, other):
        return _compare(self, other, "<=")

    def __gt__(self, other):
        return _compare(self, other, ">")

    def __ge__(self, other):
        return _compare(self, other, ">=")

    def __eq__(self, other):
        if isinstance(other, Value):
            return self is other
        return _compare(self, other, "==")

    def __ne__(self, other):
        if isinstance(other, Value):
            return self is not other
        return _compare(self, other, "!=")

    def __hash__(self):
        if cython.compiled:  # nodes lie side by side: in sets of them hardly two collide
            return cython.cast(cython.size_t, cython.cast(cython.p_void, self)) // cython.sizeof(Node)
        return object.__hash__(self)

    # --- reading the number -----------------------------------------------------------------------------

    def __float__(self):
        return _convert(self, "float() was called on it")

    def item(self):
        """Return the node's number, under the name that NumPy and PyTorch use."""
        return _convert(self, "item() was called on it")

    def __int__(self):
        return int(_read(self, "int() was called on it"))

    def __bool__(self):
        return _read(self, "bool() was called on it") != 0.0

    def __round__(self, digits=None):
        return round(_convert(self, "round() was called on it"), digits)

    def __trunc__(self):
        return math.trunc(_read(self, "trunc() was called on it"))

    def __floor__(self):
        return math.floor(_read(self, "math.floor() was called on it (floor() keeps it in the graph)"))

    def __ceil__(self):
        return math.ceil(_read(self, "math.ceil() was called on it (ceil() keeps it in the graph)"))

    def __format__(self, specification):
        if not specification:
            return str(self)
        _check_reading(self, "it was formatted")
        return format(self._data, specification)

    def __str__(self):
        _read(self, "it was printed")
        return repr(self)

    def __repr__(self):
        number = "<recording>" if get_mode() & (RECORDING | RULE) else repr(self._data)
        parts = [f"Value({number}"]
        if self._op_id != OP_LEAF:
            parts.append(f"op={self.op!r}")
        if self.label:
            parts.append(f"label={bounded(self.label)!r}")
        if self._flags & SWEPT:
            parts.append(f"grad={self._grad!r}")
        return ", ".join(parts) + ")"

    @staticmethod
    def lift(number):
        """Return a constant node of a plain number."""
        return constant(number_from(number))


if not cython.compiled:
    Value._count = property(lambda self: len(self._parents))


# --- numbers in -----------------------------------------------------------------------------------------


def number_from(data):
    """Return `data` as a float, or say what to do instead."""
    if type(data) is float:
        return data
    if isinstance(data, Value):
        raise TypeError(
            "a number is wanted, not a Value: use the node itself, or value.detach() for its number alone"
        )
    if isinstance(data, numbers.Real):
        return float(data)
    if (
        getattr(data, "size", None) == 1
        and hasattr(data, "item")
        and not isinstance(data, (str, numbers.Complex))
    ):
        if getattr(data, "mask", False):
            raise TypeError("a masked entry is no number: fill it, array.filled(number), or leave it out")
        return number_from(data.item())
    raise no_real_number(data)


def _label(text):
    if not isinstance(text, str):
        raise TypeError(f"a label is text, not {type(text).__name__}")
    return str.__str__(text)  # of a subclass, which may refer to anything, the text alone


def _short(node: Value):
    number = node._data
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def number_of(node: Value):
    """Return a node's number even while recording: for results of plain numbers, which are constants."""
    return node._data


@cython.ccall
def as_value(number) -> Value:
    """Return a Value as it is, and a plain number as a constant node."""
    if isinstance(number, Value):
        return number
    return constant(number_from(number))


def method(function, name=None):
    """Make a function of a node a method of Value: for modules that the node's own does not know of."""
    if cython.compiled:
        add_method(Value, name or function.__name__, function)
    else:
        setattr(Value, name or function.__name__, function)
    return function


# --- making nodes ---------------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
def new_node(op: cython.int, y: cython.double) -> Value:
    """Return a node of that operation and number; its parents are still to come."""
    if cython.compiled:
        return cython.cast(Value, ad_new(op, y, 0))
    node: Value = Value.__new__(Value)
    blank(node)
    node._data = y
    node._op_id = op
    node._scope = get_scope()
    return node


@cython.cfunc
def note_made(node: Value):
    """A leaf was made while a Program is being recorded in this thread: a constant of it."""
    node._flags |= FRESH
    recording.made.append(node)


@cython.cfunc
def constant(number: cython.double) -> Value:
    """Return a leaf that takes no gradient."""
    mode: cython.int = get_mode()
    node: Value = new_node(OP_LEAF, number)
    node._flags = CONSTANT
    if mode & RECORDING:
        node._flags |= FRESH
    return node


@cython.cfunc
def make_unary(op: cython.int, a: Value) -> Value:
    """Make the node of an operation of one operand."""
    y: cython.double
    if cython.compiled:
        d: cython.double[3]
        y = ad_value1(op, a._data)
        if not is_finite(y):
            y = _scalar(op, (a,))
        if not ad_partials1(op, a._data, y, d):
            d[0] = rules[op].partials((a._data,), y)[0]
        flags: cython.int = SELECTING if ad_selecting(op) else 0
        node: Value = cython.cast(Value, ad_new1(op, y, flags, a, d[0]))
    else:
        node = new_node(op, _scalar(op, (a,)))
        attach(node, (a,))
    if get_mode():
        _apply_modes(node)
    return node


@cython.cfunc
def make_binary(op: cython.int, a: Value, b: Value) -> Value:
    """Make the node of an operation of two operands."""
    y: cython.double
    if cython.compiled:
        d: cython.double[3]
        y = ad_value2(op, a._data, b._data)
        if op != OP_ADD and op != OP_SUB and op != OP_MUL and not is_finite(y):
            y = _scalar(op, (a, b))
        if op == OP_POW and b._flags & CONSTANT:
            d[0] = d0_pow(a._data, b._data, y)
            d[1] = 0.0
        elif not ad_partials2(op, a._data, b._data, y, d):
            d[0], d[1] = rules[op].partials((a._data, b._data), y)
        flags: cython.int = SELECTING if ad_selecting(op) else 0
        node: Value = cython.cast(Value, ad_new2(op, y, flags, a, b, d[0], d[1]))
    else:
        node = new_node(op, _scalar(op, (a, b)))
        attach(node, (a, b))
    if get_mode():
        _apply_modes(node)
    return node


@cython.cfunc
def _operator(op: cython.int, a: Value, other, reflected: cython.bint):
    """An operation of a node and whatever stands on its other side."""
    operand = _operand(other, rules[op].symbol)
    if operand is NotImplemented:
        return NotImplemented
    b: Value = operand
    return make_binary(op, b, a) if reflected else make_binary(op, a, b)


@cython.cfunc
def _operand(other, symbol):
    """Return an operand of an operator as a node; NotImplemented for what it may know how to do itself."""
    if isinstance(other, Value):
        return other
    if type(other) is float or type(other) is int or isinstance(other, numbers.Real):
        return constant(float(other))
    if isinstance(other, (str, bytes, complex)) or other is None:
        raise TypeError(f"{symbol}: {no_real_number(other)}")
    return NotImplemented


def _floor_divide(left, right):
    """The node of left // right; NotImplemented where one of them is, by `_operand`."""
    if left is NotImplemented or right is NotImplemented:
        return NotImplemented
    return left._floor_divide(right)


def _divmod(left, right):
    quotient = _floor_divide(left, right)
    return NotImplemented if quotient is NotImplemented else (quotient, left % right)


def evaluate(op: cython.int, a, b=0.0, c=0.0):
    """Return the value of a built-in operation for plain numbers, without a node.

    Args:
        op: the identifier of an operation of one to three operands.
        a, b, c: real numbers; those that it does not take are not looked at.

    Raises:
        DomainError, RangeError, DivisionError: where Python's float would raise.
    """
    x: cython.double = a if type(a) is float else number_from(a)
    u: cython.double = b if type(b) is float else number_from(b)
    v: cython.double = c if type(c) is float else number_from(c)
    if cython.compiled:
        y: cython.double
        arity: cython.int = ad_arity(op)
        if arity == 1:
            y = ad_value1(op, x)
        elif arity == 2:
            y = ad_value2(op, x, u)
        else:
            y = ad_value3(op, x, u, v)
        if is_finite(y):
            return y
    return _scalar(op, tuple([constant(number) for number in (x, u, v)[: rules[op].arity]]))


@cython.cfunc
def _scalar(op: cython.int, operands: tuple) -> cython.double:
    """What plain Python computes for the operands' numbers; its exceptions get the node's particulars."""
    rule = rules[op]
    numbers_ = tuple([cython.cast(Value, operand)._data for operand in operands])
    try:
        result = rule.scalar(*numbers_)
        if isinstance(result, complex):
            raise ValueError("the result is not a real number")
        return result
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        if get_mode() & IEEE:
            return rule.rule(*numbers_)
        raise failure(rule, operands, numbers_, error) from None


def failure(rule, operands, numbers_, error, what=""):
    """Return the exception of ours that tells which operation failed, on what."""
    place = scope_path(get_scope())
    found = operation_error(rule, operands, numbers_, error, what, place, bool(get_mode() & DIAGNOSE))
    note_raised(found)
    return found


def note_raised(error):
    """While recording, keep an exception of an operation: a function that catches it must not be recorded."""
    if get_mode() & RECORDING:
        recording.raised.append(error)


# --- fields of a node in either life --------------------------------------------------------------------


@cython.cfunc
def _parent(node: Value, j: cython.Py_ssize_t):
    return value_of(parents_of(node_of(node))[j])


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _partial(node: Value, j: cython.Py_ssize_t) -> cython.double:
    return partials_of(node_of(node))[j]


# --- freeing: node.h -----------------------------------------------------------------------------------


def _after_collection(phase, about):
    """Give spare nodes back at a full collection, as Python does with its own free lists."""
    if cython.compiled and phase == "stop" and about["generation"] == 2:
        ad_give_back()


if cython.compiled:
    hook_type(Value)
    hook_operators(Value)
    gc.callbacks.append(_after_collection)


# --- modes ----------------------------------------------------------------------------------------------


@cython.cfunc
def finish_node(node: Value):
    """Apply the modes of this thread to a node that was just made."""
    if get_mode():
        _apply_modes(node)


@cython.cfunc
def _apply_modes(node: Value):
    """What no_grad and diagnose do to a node that was just made."""
    mode: cython.int = get_mode()
    if mode & HELD:
        node._scope = get_scope()
    if mode & RECORDING:
        node._flags |= RECORDED
    if mode & IEEE:
        node._flags |= LENIENT
    if mode & DIAGNOSE and not mode & IEEE:
        _diagnose(node)
    if mode & NO_GRAD:
        if cython.compiled:
            ad_cut(node)
        else:
            node._parents = node._partials = ()
        node._op_id = OP_LEAF
        node._flags = CONSTANT | FRESH


@cython.cfunc
def _diagnose(node: Value):
    """Keep the source line; raise if the value or a partial is not finite."""
    j: cython.Py_ssize_t
    source = caller()
    if isinstance(node._extra, Details):
        node._extra.source = source
    else:
        node._extra = Details("" if node._extra is None else node._extra, None, source)
    what = "" if is_finite(node._data) else f"its value is {node._data!r}"
    for j in range(node._count):
        if not (what or is_finite(_partial(node, j)) or _parent(node, j).is_constant):
            what = f"its partial with respect to operand {j} is {_partial(node, j)!r}"
    if what:
        raise non_finite_error(node, node.parents, tuple(map(number_of, node.parents)), what)


# --- reading numbers, and the modes that forbid it ------------------------------------------------------


@cython.cfunc
def _read(node: Value, how) -> cython.double:
    """Return a number of which something is taken that stays the same nearby, as a comparison's outcome."""
    if get_mode() & RECORDING:
        forbid_reading(node, how)
    else:
        _note_branch(node, how)
    return node._data


@cython.cfunc
def _convert(node: Value, how) -> cython.double:
    """Return the number of a node that is made a plain number, which drops what gradient it has."""
    if _calls:
        node._refuse_conversion(how)
    _check_reading(node, how)
    return node._data


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _check_reading(node: Value, how) -> cython.int:
    if get_mode() & (RECORDING | RULE) or node._flags & RECORDED or _rules:
        forbid_reading(node, how)
    return 0


def forbid_reading(node: Value, how):
    """Raise RecordingError if a number would be frozen. `how` tells what was done to the node."""
    mode: cython.int = get_mode()
    if node._flags & FRESH:
        return
    if mode & (RULE | RECORDING) or (node._flags & RECORDED and active_recordings):
        raise reading_error(node, how, mode)
    for rule in list(_rules):
        if node._depends_on(rule.operands):
            raise reading_error(node, how, RULE)


@cython.cfunc
def _note_branch(node: Value, how):
    """Keep in mind that a user's rule chose by a node's number, in this thread or in one that it started."""
    if node._flags & RECORDED:
        forbid_reading(node, how)
    if get_mode() & RULE:
        recording.branched = True
    elif _rules:
        for rule in list(_rules):
            rule.branched = rule.branched or node._depends_on(rule.operands)


@cython.cfunc
def _compare(a: Value, other, relation):
    """Compare a node's number as a float compares itself; while recording, the outcome becomes a guard."""
    right: cython.double
    if isinstance(other, Value):
        right = cython.cast(Value, other)._data
    elif type(other) is float or (type(other) is int and -(2**53) <= other <= 2**53):
        right = other
    elif isinstance(other, numbers.Number):
        found = compared(a._data, other, relation)
        if found is None:
            return NotImplemented
        if found[1] is not None:
            _note_comparison(a, found[1], found[2], found[0])
        return found[0]
    else:
        return NotImplemented
    left: cython.double = a._data
    if relation == "<":
        outcome = left < right
    elif relation == "<=":
        outcome = left <= right
    elif relation == ">":
        outcome = left > right
    elif relation == ">=":
        outcome = left >= right
    else:
        outcome = (left == right) == (relation == "==")
    _note_comparison(a, other, relation, outcome)
    return outcome


@cython.cfunc
def _note_comparison(a: Value, other, relation, outcome):
    if get_mode() & RECORDING:
        recording.guards.append((a, relation, other, outcome))
        return
    _note_branch(a, "it was compared")
    if isinstance(other, Value):
        _note_branch(other, "it was compared")


# --- the state of a thread, for the other modules of the engine -----------------------------------------


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def get_mode() -> cython.int:
    """Return the mode bits of this thread."""
    mode: cython.int = raw_mode()
    if mode == 0:
        return 0
    return _settled() if mode & HELD else mode


@cython.cfunc
@cython.exceptval(check=False)
def _settled() -> cython.int:
    _settle()
    return raw_mode()


def set_settling(settle, rebase):
    """Give the functions that put modes in force while generators or coroutines hold some."""
    global _settle, _rebase
    _settle, _rebase = settle, rebase


@cython.ccall
@cython.exceptval(check=False)
def thread_mode() -> cython.int:
    """Return the mode bits of this thread."""
    return get_mode()


@cython.ccall
@cython.exceptval(check=False)
def set_thread_mode(mode: cython.int) -> cython.void:
    """Set the mode bits of this thread; HELD stays as it is."""
    if (raw_mode() ^ mode) & HELD:
        if mode & HELD:
            set_mode(mode & ~HELD)
        else:
            set_mode(mode | HELD)
            _rebase(mode)
    else:
        set_mode(mode)


@cython.ccall
@cython.exceptval(check=False)
def put_in_force(mode: cython.int, scope: cython.uint, held: cython.bint) -> cython.void:
    """Set the modes that a user enters, the scope, and HELD; the other mode bits stay."""
    user: cython.int = NO_GRAD | DIAGNOSE | IEEE
    set_mode((raw_mode() & ~(user | HELD)) | (mode & user) | (HELD if held else 0))
    set_scope(scope)


@cython.ccall
@cython.exceptval(check=False)
def thread_scope() -> cython.uint:
    """Return the number of the scope that this thread is in."""
    get_mode()
    return get_scope()


@cython.ccall
def enter_scope(number: cython.uint):
    """Enter the scope of that number, inside the present one."""
    push_scope(number)


@cython.ccall
@cython.exceptval(check=False)
def leave_scope() -> cython.void:
    """Go back to the scope around the present one."""
    pop_scope()


@cython.ccall
@cython.exceptval(check=False)
def open_scopes() -> cython.size_t:
    """Return how many scopes this thread is inside of."""
    return scope_depth()
