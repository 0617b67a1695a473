# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: binding=True, always_allow_keywords=True
"""The node of the graph, its construction, and the sweep over it.

One source, two lives: Cython compiles it, and without a compiler it runs as it stands, to the same bits. What
touches memory by hand stands under ``if cython.compiled`` with its plain-Python twin beside it; everything
else is shared. The file is long because the nodes' C fields are visible in this one compiled module only.

Layout of a compiled node, 96 bytes: value and gradient; up to two parents and partials inline, more in one
block of memory (parents, then partials; the second parent's field then holds the node's index); operation,
flags, scope, a mark for walks; and one reference for what few nodes have (a label, a source line, a
user-defined operation). Parents are fixed when the node is made, so there are no cycles and the garbage
collector need not know of nodes. A node that dies hands its parents to a pending list which one loop drains,
so that a chain of any length is freed without recursion.
"""

import math
import numbers
import os
import sys
import threading

import cython

from ..calculus.operations import OPERATIONS
from ..errors import DivisionError, DomainError, GraphError, NonFiniteError, RangeError, RecordingError

COMPILED = cython.compiled

# Modes of a thread (bits).
_NO_GRAD = cython.declare(cython.int, 1)
_DIAGNOSE = cython.declare(cython.int, 2)
_RECORDING = cython.declare(cython.int, 4)
_RULE = cython.declare(cython.int, 8)  # a user's rule is being differentiated
_IEEE = cython.declare(cython.int, 16)  # infinities and NaN instead of exceptions

# Flags of a node (bits).
_CONSTANT = cython.declare(cython.int, 1)  # a leaf that takes no gradient
_SWEPT = cython.declare(cython.int, 2)
_REACHED = cython.declare(cython.int, 4)  # some contribution arrived in the last sweep
_SELECTING = cython.declare(cython.int, 8)
_INDEX_1 = cython.declare(cython.int, 16)  # the index of an inline indexed node is 1
_FRESH = cython.declare(cython.int, 32)  # a leaf made while recording: its number may be read
_TARGET = cython.declare(cython.int, 64)
_NEEDED = cython.declare(cython.int, 128)
_SHELVED = cython.declare(cython.int, 256)  # part of a flat graph that is being pickled
_ASSIGNED = cython.declare(cython.int, 512)  # its number was assigned: what was made of it may be out of date

_scope_paths = [""]
_scope_ids = {"": 0}
_scopes_lock = threading.Lock()
_scope_children = [{}]  # for each scope, the scopes inside it by name
_rules = [None, *OPERATIONS.values()]  # the built-in operations by identifier

if not cython.compiled:

    class _ThreadState(threading.local):
        mode = 0
        scope = 0

        def __init__(self):
            self.outer = []

    def _push_scope(scope):
        _state.outer.append(_state.scope)
        _state.scope = scope

    def _pop_scope():
        _state.scope = _state.outer.pop()

    _state = _ThreadState()
    globals().update({f"OP_{name.upper()}": rule.identifier for name, rule in OPERATIONS.items()})
    globals().update(
        OP_LEAF=0,
        OP_CUSTOM=255,
        get_mode=lambda: _state.mode,
        set_mode=lambda mode: setattr(_state, "mode", mode),
        get_scope=lambda: _state.scope,
        push_scope=_push_scope,
        pop_scope=_pop_scope,
        scope_depth=lambda: len(_state.outer),
        is_finite=math.isfinite,
    )

# Counts changes to numbers, gradients and labels of existing nodes: is a pickle's table up to date?
_changes = cython.declare(cython.longlong, 0)

# The nodes that wait to be freed, linked through their gradient fields.
_pending = cython.declare(cython.p_void)
_draining = cython.declare(cython.bint, False)


class Details:
    """What few nodes have: a label with a source line, or a user-defined operation."""

    __slots__ = ("label", "operation", "source")

    def __init__(self, label="", operation=None, source=None):
        self.label = label
        self.operation = operation
        self.source = source


@cython.final
@cython.no_gc
@cython.cclass
class Value:
    """One number that remembers how it was made.

    It computes, bit for bit, what the same expression of floats computes, and raises what that raises.
    ``==`` and hashing are by identity; ``<`` and ``>`` compare the numbers.

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
        __slots__ = (
            "__weakref__",
            "_data",
            "_extra",
            "_flags",
            "_grad",
            "_index",
            "_op_id",
            "_parents",
            "_partials",
            "_scope",
        )

    if cython.compiled:
        _data: cython.double
        _grad: cython.double
        _p0: cython.p_void
        _p1: cython.p_void
        _d0: cython.double
        _d1: cython.double
        _extra: object
        __weakref__: object
        _op_id: cython.ushort
        _flags: cython.ushort
        _count: cython.uint
        _mark: cython.uint
        _scope: cython.uint

    def __init__(self, data, label=""):
        self._data = _number(data)
        if not cython.compiled:
            _blank(self)
        if label:
            self._extra = _label(label)
        self._scope = get_scope()
        if get_mode() & _RECORDING:
            self._flags |= _FRESH

    # --- what the node is -------------------------------------------------------------------------------

    @property
    def data(self):
        """The node's number, a float. Assigning one leaves the nodes computed from this one as they are.

        Such nodes are then *stale* (`autograd_core.stale_nodes`): `backward` uses the partials that they were
        made with, and raises within `diagnose()`; `differentiate` raises.
        """
        if get_mode() & (_RECORDING | _RULE):
            _forbid_reading(self, "its .data was read")
        return self._data

    @data.setter
    def data(self, number):
        if get_mode() & _RECORDING:
            _forbid_reading(self, "its .data was assigned")
        self._data = _number(number)
        self._flags |= _ASSIGNED
        _count_change()

    @property
    def grad(self):
        """The gradient of the last sweep's output with respect to this node; a leaf sums over sweeps."""
        return self._grad

    @grad.setter
    def grad(self, number):
        self._grad = _number(number)
        self._flags |= _SWEPT
        _count_change()

    @property
    def has_grad(self):
        """False while no sweep has come by since the node was made or `zero_grad` was called."""
        return (self._flags & _SWEPT) != 0

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
        _count_change()

    @property
    def operation(self):
        """The `Operation` that made this node; None for a leaf."""
        if self._op_id == OP_LEAF:
            return None
        return self._extra.operation if self._op_id == OP_CUSTOM else _rules[self._op_id]

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
        return tuple([_parent(self, j) for j in range(_count(self))])

    @property
    def _prev(self):
        return self.parents

    @property
    def _children(self):
        return self.parents

    @property
    def partials(self):
        """The derivative of this node with respect to each parent; 0 for the constant exponent of a power."""
        if get_mode() & (_RECORDING | _RULE):
            _forbid_reading(self, "its .partials were read")
        return tuple([_partial(self, j) for j in range(_count(self))])

    @property
    def _local_grads(self):
        return self.partials

    @property
    def index(self):
        """For one output of softmax or log_softmax, which one it is."""
        return _index(self)

    @property
    def scope(self):
        """The path of the scopes in which the node was made: ``"layer1.neuron0"``."""
        return _scope_paths[self._scope]

    @property
    def is_leaf(self):
        """True if no operation made this node."""
        return self._op_id == OP_LEAF

    @property
    def is_constant(self):
        """True for a leaf that never takes a gradient: a plain number, detached, or made under no_grad."""
        return (self._flags & _CONSTANT) != 0

    @property
    def source(self):
        """(filename, line) that made the node, where it was made in diagnosis mode; else None."""
        extra = self._extra
        return extra.source if isinstance(extra, Details) else None

    # --- gradients --------------------------------------------------------------------------------------

    def backward(self, gradient=1.0):
        """Back-propagate from this node: every node it was computed from gets the gradient of this one.

        Leaves add to the gradient they have; other nodes start afresh (Goodfellow et al. 2016, Algorithm
        6.2).

        Args:
            gradient: the gradient to start with, usually 1.

        Raises:
            GraphError: if this node is a constant, or was computed under `no_grad`.
        """
        sweep([self], [gradient])

    def zero_grad(self):
        """Forget the gradient of this node."""
        self._grad = 0.0
        self._flags = self._flags & ~(_SWEPT | _REACHED)
        _count_change()

    def detach(self):
        """Return a constant with this node's number and no history."""
        if get_mode() & (_RECORDING | _RULE):
            _forbid_reading(self, "detach() was called on it (stop_gradient() keeps it in the graph)")
        return _constant(self._data)

    def explain(self, parent, limit=10):
        """Show the summed chain rule from this node down to `parent`.

        Args:
            parent: a node that this one was computed from.
            limit: how many paths to list, the largest first.

        Returns:
            An `Explanation`: the exact number of paths, the listed ones with their products of partials, and
            their sum, which is the gradient.
        """
        from ..graph import explain

        return explain(self, parent, limit)

    # --- arithmetic -------------------------------------------------------------------------------------

    def __add__(self, other):
        if isinstance(other, Value):
            return _binary(OP_ADD, self, cython.cast(Value, other))
        return _mixed(OP_ADD, self, other, False)

    def __radd__(self, other):
        return _mixed(OP_ADD, self, other, True)

    def __sub__(self, other):
        if isinstance(other, Value):
            return _binary(OP_SUB, self, cython.cast(Value, other))
        return _mixed(OP_SUB, self, other, False)

    def __rsub__(self, other):
        return _mixed(OP_SUB, self, other, True)

    def __mul__(self, other):
        if isinstance(other, Value):
            return _binary(OP_MUL, self, cython.cast(Value, other))
        return _mixed(OP_MUL, self, other, False)

    def __rmul__(self, other):
        return _mixed(OP_MUL, self, other, True)

    def __truediv__(self, other):
        if isinstance(other, Value):
            return _binary(OP_DIV, self, cython.cast(Value, other))
        return _mixed(OP_DIV, self, other, False)

    def __rtruediv__(self, other):
        return _mixed(OP_DIV, self, other, True)

    def __mod__(self, other):
        if isinstance(other, Value):
            return _binary(OP_MOD, self, cython.cast(Value, other))
        return _mixed(OP_MOD, self, other, False)

    def __rmod__(self, other):
        return _mixed(OP_MOD, self, other, True)

    def __pow__(self, other, modulus=None):
        if modulus is not None:
            raise TypeError("pow() of Values takes no modulus")
        if isinstance(other, Value):
            return _binary(OP_POW, self, cython.cast(Value, other))
        return _mixed(OP_POW, self, other, False)

    def __rpow__(self, other, modulus=None):
        if modulus is not None:
            raise TypeError("pow() of Values takes no modulus")
        return _mixed(OP_POW, self, other, True)

    def __neg__(self):
        return _unary(OP_NEG, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _unary(OP_ABS, self)

    # --- comparisons: of numbers, but == is identity --------------------------------------------------------

    def __lt__(self, other):
        return _compare(self, other, "<")

    def __le__(self, other):
        return _compare(self, other, "<=")

    def __gt__(self, other):
        return _compare(self, other, ">")

    def __ge__(self, other):
        return _compare(self, other, ">=")

    def __eq__(self, other):
        _refuse_equality(self, other)
        return self is other

    def __ne__(self, other):
        _refuse_equality(self, other)
        return self is not other

    def __hash__(self):
        return object.__hash__(self)

    # --- reading the number -----------------------------------------------------------------------------

    def __float__(self):
        return _read(self, "float() was called on it")

    def __int__(self):
        return int(_read(self, "int() was called on it"))

    def __bool__(self):
        return _read(self, "its truth was asked") != 0.0

    def __round__(self, digits=None):
        return round(_read(self, "round() was called on it"), digits)

    def __trunc__(self):
        return math.trunc(_read(self, "trunc() was called on it"))

    def __floor__(self):
        return math.floor(_read(self, "math.floor() was called on it (floor() keeps it in the graph)"))

    def __ceil__(self):
        return math.ceil(_read(self, "math.ceil() was called on it (ceil() keeps it in the graph)"))

    def __format__(self, specification):
        if not specification:
            return str(self)
        return format(_read(self, "it was formatted"), specification)

    def __str__(self):
        _read(self, "it was printed")
        return repr(self)

    def __repr__(self):
        number = "<recording>" if get_mode() & (_RECORDING | _RULE) else repr(self._data)
        parts = [f"Value({number}"]
        if self._op_id != OP_LEAF:
            parts.append(f"op={self.op!r}")
        if self.label:
            parts.append(f"label={_bounded(self.label)!r}")
        if self._flags & _SWEPT:
            parts.append(f"grad={self._grad!r}")
        return ", ".join(parts) + ")"

    # --- copies -----------------------------------------------------------------------------------------

    def __copy__(self):
        if get_mode() & _RECORDING and not _count(self) and not self._flags & _CONSTANT:
            _forbid_reading(self, "it was copied")
        memo = {id(parent): parent for parent in self.parents}
        duplicate([self], memo)
        return memo[id(self)]

    def __deepcopy__(self, memo):
        from .flat import deep_copy

        return deep_copy(self, memo)

    def __reduce__(self):
        from .flat import reduce

        return reduce(self)

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    # --- functions, under NumPy's names too -------------------------------------------------------------

    @staticmethod
    def lift(number):
        """Return a constant node of a plain number."""
        return _constant(_number(number))

    def fabs(self):
        """The absolute value, under the name that NumPy asks for."""
        return _unary(OP_ABS, self)

    def conjugate(self):
        """This node: NumPy asks for it in std, var and vdot."""
        return self

    # --- written by autograd_core/calculus/codegen.py ---

    def exp(self):
        """e to the power of x."""
        return _unary(OP_EXP, self)

    def expm1(self):
        """exp(x) - 1, exact for small x."""
        return _unary(OP_EXPM1, self)

    def exp2(self):
        """2 to the power of x."""
        return _unary(OP_EXP2, self)

    def log(self):
        """Natural logarithm."""
        return _unary(OP_LOG, self)

    def log1p(self):
        """log(1 + x), exact for small x."""
        return _unary(OP_LOG1P, self)

    def log2(self):
        """Logarithm to base 2."""
        return _unary(OP_LOG2, self)

    def log10(self):
        """Logarithm to base 10."""
        return _unary(OP_LOG10, self)

    def sqrt(self):
        """Square root."""
        return _unary(OP_SQRT, self)

    def cbrt(self):
        """Cube root."""
        return _unary(OP_CBRT, self)

    def square(self):
        """x * x."""
        return _unary(OP_SQUARE, self)

    def reciprocal(self):
        """1 / x."""
        return _unary(OP_RECIPROCAL, self)

    def sin(self):
        """Sine."""
        return _unary(OP_SIN, self)

    def cos(self):
        """Cosine."""
        return _unary(OP_COS, self)

    def tan(self):
        """Tangent."""
        return _unary(OP_TAN, self)

    def asin(self):
        """Inverse sine."""
        return _unary(OP_ASIN, self)

    def acos(self):
        """Inverse cosine."""
        return _unary(OP_ACOS, self)

    def atan(self):
        """Inverse tangent."""
        return _unary(OP_ATAN, self)

    def sinh(self):
        """Hyperbolic sine."""
        return _unary(OP_SINH, self)

    def cosh(self):
        """Hyperbolic cosine."""
        return _unary(OP_COSH, self)

    def tanh(self):
        """Hyperbolic tangent."""
        return _unary(OP_TANH, self)

    def asinh(self):
        """Inverse hyperbolic sine."""
        return _unary(OP_ASINH, self)

    def acosh(self):
        """Inverse hyperbolic cosine."""
        return _unary(OP_ACOSH, self)

    def atanh(self):
        """Inverse hyperbolic tangent."""
        return _unary(OP_ATANH, self)

    def atan2(self, x):
        """The angle of the point (x, y). Here y is this node."""
        return _binary(OP_ATAN2, self, as_value(x))

    def hypot(self, b):
        """sqrt(a^2 + b^2) without overflow. Here a is this node."""
        return _binary(OP_HYPOT, self, as_value(b))

    def erf(self):
        """Error function."""
        return _unary(OP_ERF, self)

    def erfc(self):
        """1 - erf(x), exact for large x."""
        return _unary(OP_ERFC, self)

    def lgamma(self):
        """Logarithm of |Gamma(x)|."""
        return _unary(OP_LGAMMA, self)

    def polygamma(self, x):
        """The polygamma function of some order at x: 0 for digamma, 1 for trigamma.

        Here order is this node.
        """
        return _binary(OP_POLYGAMMA, self, as_value(x))

    def sigmoid(self):
        """1 / (1 + exp(-x)); never overflows."""
        return _unary(OP_SIGMOID, self)

    def logsigmoid(self):
        """log(sigmoid(x)); never overflows."""
        return _unary(OP_LOGSIGMOID, self)

    def softplus(self):
        """log(1 + exp(x)); never overflows."""
        return _unary(OP_SOFTPLUS, self)

    def relu(self):
        """max(0, x)."""
        return _unary(OP_RELU, self)

    def leaky_relu(self, slope=0.01):
        """x where x > 0, else slope * x. Here x is this node."""
        return _binary(OP_LEAKY_RELU, self, as_value(slope))

    def elu(self, alpha=1.0):
        """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015). Here x is this node."""
        return _binary(OP_ELU, self, as_value(alpha))

    def gelu(self):
        """x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016)."""
        return _unary(OP_GELU, self)

    def silu(self):
        """x sigmoid(x)."""
        return _unary(OP_SILU, self)

    def maximum(self, b):
        """The larger of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
        return _binary(OP_MAXIMUM, self, as_value(b))

    def minimum(self, b):
        """The smaller of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
        return _binary(OP_MINIMUM, self, as_value(b))

    def where(self, a, b):
        """a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0.

        Here condition is this node.
        """
        return _ternary(OP_WHERE, self, as_value(a), as_value(b))

    def clip(self, low, high):
        """x kept within [low, high]; on a bound the gradient goes to x. Here x is this node."""
        return _ternary(OP_CLIP, self, as_value(low), as_value(high))

    def sign(self):
        """-1, 0 or 1; its gradient is 0."""
        return _unary(OP_SIGN, self)

    def floor(self):
        """The largest whole number not above x, as a float; its gradient is 0."""
        return _unary(OP_FLOOR, self)

    def ceil(self):
        """The smallest whole number not below x, as a float; its gradient is 0."""
        return _unary(OP_CEIL, self)

    def stop_gradient(self):
        """x with gradient 0, still part of the graph (and so of a Program)."""
        return _unary(OP_STOP_GRADIENT, self)

    def greater(self, b):
        """1 where a > b, else 0, as a node (for `where`). Here a is this node."""
        return _binary(OP_GREATER, self, as_value(b))

    def greater_equal(self, b):
        """1 where a >= b, else 0, as a node (for `where`). Here a is this node."""
        return _binary(OP_GREATER_EQUAL, self, as_value(b))

    def less(self, b):
        """1 where a < b, else 0, as a node (for `where`). Here a is this node."""
        return _binary(OP_LESS, self, as_value(b))

    def less_equal(self, b):
        """1 where a <= b, else 0, as a node (for `where`). Here a is this node."""
        return _binary(OP_LESS_EQUAL, self, as_value(b))

    def equal(self, b):
        """1 where a == b, else 0, as a node (for `where`). Here a is this node."""
        return _binary(OP_EQUAL, self, as_value(b))

    arcsin = asin
    arccos = acos
    arctan = atan
    arcsinh = asinh
    arccosh = acosh
    arctanh = atanh
    arctan2 = atan2

    # --- end ---


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _count_change() -> cython.void:
    global _changes
    _changes += 1


# --- numbers in -----------------------------------------------------------------------------------------


def _number(data):
    """Return `data` as a float, or say what to do instead."""
    if type(data) is float:
        return data
    if isinstance(data, Value):
        raise TypeError(
            "a number is wanted, not a Value: use the node itself, or value.detach() for its number alone"
        )
    if isinstance(data, numbers.Real):
        return float(data)
    if isinstance(data, str):
        raise TypeError(
            f"a number is wanted, not the text {_bounded(str(data))!r}: convert it with float() first"
        )
    if data is None:
        raise TypeError("a number is wanted, not None")
    if isinstance(data, complex):
        raise TypeError(
            f"a real number is wanted, not {data!r}: differentiate the real and imaginary parts separately"
        )
    if getattr(data, "size", None) == 1 and hasattr(data, "item"):
        return _number(data.item())
    if hasattr(data, "shape"):
        raise TypeError(
            f"one number is wanted, not an array of shape {data.shape}: make an array of Values, "
            "[Value(number) for number in array]"
        )
    raise TypeError(f"a real number is wanted, not {type(data).__name__} {_bounded(repr(data))}")


def _label(text):
    if not isinstance(text, str):
        raise TypeError(f"a label is text, not {type(text).__name__}")
    return text


def _bounded(text):
    return text if len(text) <= 40 else text[:37] + "..."


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
    return _constant(_number(number))


# --- making nodes ---------------------------------------------------------------------------------------


def _blank(node):
    """Uncompiled: give a new node its empty fields."""
    node._grad = 0.0
    node._parents = node._partials = ()
    node._extra = None
    node._op_id = node._flags = node._index = node._scope = 0


@cython.cfunc
@cython.inline
def _new(op: cython.int, y: cython.double) -> Value:
    node: Value = Value.__new__(Value)
    if not cython.compiled:
        _blank(node)
    node._data = y
    node._op_id = op
    node._scope = get_scope()
    return node


@cython.cfunc
def _constant(number: cython.double) -> Value:
    node: Value = _new(OP_LEAF, number)
    node._flags = _CONSTANT
    if get_mode() & _RECORDING:
        node._flags |= _FRESH
    return node


@cython.cfunc
@cython.inline
def _unary(op: cython.int, a: Value) -> Value:
    y: cython.double
    if cython.compiled:
        d: cython.double[3]
        y = ad_value1(op, a._data)
        if not is_finite(y):
            y = _scalar(op, (a,))
        if not ad_partials1(op, a._data, y, d):
            d[0] = _rules[op].partials((a._data,), y)[0]
        node: Value = _new(op, y)
        incref(cython.cast(cython.p_void, a))
        node._p0 = cython.cast(cython.p_void, a)
        node._d0 = d[0]
        node._count = 1
        if ad_selecting(op):
            node._flags = _SELECTING
    else:
        node = _new(op, _scalar(op, (a,)))
        _attach(node, (a,))
    if get_mode():
        _apply_modes(node)
    return node


@cython.cfunc
@cython.inline
def _binary(op: cython.int, a: Value, b: Value) -> Value:
    y: cython.double
    if cython.compiled:
        d: cython.double[3]
        y = ad_value2(op, a._data, b._data)
        if op != OP_ADD and op != OP_SUB and op != OP_MUL and not is_finite(y):
            y = _scalar(op, (a, b))
        if op == OP_POW and b._flags & _CONSTANT:
            d[0] = d0_pow(a._data, b._data, y)
            d[1] = 0.0
        elif not ad_partials2(op, a._data, b._data, y, d):
            d[0], d[1] = _rules[op].partials((a._data, b._data), y)
        node: Value = _new(op, y)
        incref(cython.cast(cython.p_void, a))
        incref(cython.cast(cython.p_void, b))
        node._p0 = cython.cast(cython.p_void, a)
        node._p1 = cython.cast(cython.p_void, b)
        node._d0 = d[0]
        node._d1 = d[1]
        node._count = 2
        if ad_selecting(op):
            node._flags = _SELECTING
    else:
        node = _new(op, _scalar(op, (a, b)))
        _attach(node, (a, b))
    if get_mode():
        _apply_modes(node)
    return node


def _ternary(op: cython.int, a: Value, b: Value, c: Value):
    operands = [a, b, c]
    if cython.compiled:
        d: cython.double[3]
        y: cython.double = ad_value3(op, a._data, b._data, c._data)
        ad_partials3(op, a._data, b._data, c._data, y, d)
        return _finish_many(op, operands, y, cython.address(d[0]), 0)
    return _make(op, operands, 0)


@cython.cfunc
def _mixed(op: cython.int, a: Value, other, reflected: cython.bint):
    """An operation of a node and something that is not one."""
    if type(other) is float or type(other) is int or isinstance(other, numbers.Real):
        b: Value = _constant(float(other))
        return _binary_any(op, b, a) if reflected else _binary_any(op, a, b)
    if isinstance(other, (str, bytes, complex)) or other is None:
        try:
            _number(other)
        except TypeError as error:
            raise TypeError(f"{_rules[op].symbol}: {error}") from None
    return NotImplemented


@cython.cfunc
def _binary_any(op: cython.int, a: Value, b: Value) -> Value:
    return _binary(op, a, b)


def apply(operation, operands, index=0):
    """Make the node of an operation by its object.

    Args:
        operation: an `Operation`, built in or user-defined.
        operands: Values, as many as the operation takes.
        index: for softmax and log_softmax, which output.

    Returns:
        The new node.
    """
    if operation.identifier == 0:
        return _make_custom(operation, list(operands))
    if operation.arity is not None and operation.arity != len(operands):
        raise TypeError(f"{operation.name} takes {operation.arity} operands, not {len(operands)}")
    if operation.arity == 1:
        return _unary(operation.identifier, operands[0])
    if operation.arity == 2:
        return _binary_any(operation.identifier, operands[0], operands[1])
    return _make(operation.identifier, list(operands), index)


def evaluate(op: cython.int, a, b=0.0, c=0.0):
    """Return the value of a built-in operation for plain numbers, without a node.

    Args:
        op: the operation's identifier; it takes one to three operands.
        a: a real number.
        b: another, if the operation takes so many.
        c: another.

    Raises:
        DomainError, RangeError, DivisionError: where Python's float would raise.
    """
    x: cython.double = a if type(a) is float else _number(a)
    u: cython.double = b if type(b) is float else _number(b)
    v: cython.double = c if type(c) is float else _number(c)
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
    return _scalar(op, tuple([_constant(number) for number in (x, u, v)[: _rules[op].arity]]))


@cython.cfunc
def _scalar(op: cython.int, operands: tuple) -> cython.double:
    """What plain Python computes for the operands' numbers; its exceptions get the node's particulars."""
    rule = _rules[op]
    numbers_ = tuple([cython.cast(Value, operand)._data for operand in operands])
    try:
        result = rule.scalar(*numbers_)
        if isinstance(result, complex):
            raise ValueError("the result is not a real number")
        return result
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        if get_mode() & _IEEE:
            return rule.rule(*numbers_)
        raise _failure(rule, operands, numbers_, error) from None


def _failure(rule, operands, numbers_, error, what=""):
    """Return the exception of ours that tells which operation failed, on what."""
    kind = DomainError
    if isinstance(error, ZeroDivisionError):
        kind = DivisionError
    elif isinstance(error, OverflowError):
        kind = RangeError
    shown = ", ".join(_described(operand, number) for operand, number in zip(operands, numbers_))
    place = f" in scope {_scope_paths[get_scope()]!r}" if get_scope() else ""
    if get_mode() & _DIAGNOSE:
        place += " at {}:{}".format(*_caller())
    return kind(f"{rule.name}({shown}){place}: {what}{error}", rule.name, numbers_)


def _described(operand, number):
    label = operand.label
    return f"{_bounded(label)}={number!r}" if label else repr(number)


def _attach(node, operands, index=0):
    """Uncompiled: set the parents and partials of a new node."""
    rule = _rules[node._op_id]
    numbers_ = tuple(operand._data for operand in operands)
    node._parents = tuple(operands)
    if node._op_id == OP_POW and operands[1].is_constant:
        node._partials = (float(rule.partial_rules[0](*numbers_, node._data)), 0.0)
    else:
        node._partials = tuple([float(d) for d in rule.partials(numbers_, node._data, index)])
    node._index = index
    if rule.selecting:
        node._flags = _SELECTING


def _make(op: cython.int, operands: list, index: cython.int):
    """Make a node of any number of parents: a reduction, a dot product, where or clip."""
    n: cython.Py_ssize_t = len(operands)
    if n == 0:
        raise ValueError(f"{_rules[op].name} needs at least one number")
    if not cython.compiled:
        rule = _rules[op]
        node = _new(op, float(rule.value(*[x._data for x in operands], index=index)))
        _attach(node, operands, index)
        if get_mode():
            _apply_modes(node)
        return node
    if op == OP_WHERE or op == OP_CLIP:
        return _ternary(op, operands[0], operands[1], operands[2])
    if op == OP_DOT:
        return _make_dot(operands)
    x: cython.pointer(cython.double) = cython.cast(
        cython.pointer(cython.double), malloc(2 * n * cython.sizeof(cython.double))
    )
    if x == cython.NULL:
        raise MemoryError()
    j: cython.Py_ssize_t
    m: cython.double
    s: cython.double
    y: cython.double
    try:
        for j in range(n):
            x[j] = cython.cast(Value, operands[j])._data
        ad_fold(op, n, x, cython.address(m), cython.address(s))
        y = ad_finish(op, m, s, n, x[index])
        ad_parts(op, n, x, m, s, y, index, x + n)
        return _finish_many(op, operands, y, x + n, index)
    finally:
        free(x)


@cython.cfunc
def _make_dot(operands: list):
    """Compiled: make the node of a dot product; its partials are written where they stay."""
    count: cython.Py_ssize_t = len(operands)
    n: cython.Py_ssize_t = count // 2
    j: cython.Py_ssize_t
    y: cython.double
    if cython.compiled:
        block: cython.p_char = _new_block(count)
        parents: cython.pointer(cython.p_void) = cython.cast(cython.pointer(cython.p_void), block)
        d: cython.pointer(cython.double) = cython.cast(
            cython.pointer(cython.double), block + count * cython.sizeof(cython.p_void)
        )
        for j in range(count):
            parents[j] = cython.cast(cython.p_void, operands[j])
            incref(parents[j])
        for j in range(n):
            d[n + j] = cython.cast(Value, parents[j])._data
            d[j] = cython.cast(Value, parents[n + j])._data
        if count % 2:
            y = cython.cast(Value, parents[count - 1])._data
            d[count - 1] = 1.0
            j = 0
        else:
            y = d[n] * d[0]
            j = 1
        while j < n:
            y = y + d[n + j] * d[j]
            j += 1
        node: Value = _new(OP_DOT, y)
        node._count = count
        if count > 2:
            node._p0 = cython.cast(cython.p_void, block)
        else:
            node._p0 = parents[0]
            node._d0 = d[0]
            if count == 2:
                node._p1 = parents[1]
                node._d1 = d[1]
            free(block)
        if get_mode():
            _apply_modes(node)
        return node


@cython.cfunc
def _new_block(n: cython.Py_ssize_t) -> cython.p_char:
    """Return memory for n parents and n partials."""
    if cython.compiled:
        block: cython.p_char = cython.cast(
            cython.p_char, malloc(n * (cython.sizeof(cython.p_void) + cython.sizeof(cython.double)))
        )
        if block == cython.NULL:
            raise MemoryError()
        return block


@cython.cfunc
def _finish_many(
    op: cython.int, operands: list, y: cython.double, d: cython.pointer(cython.double), index: cython.int
):
    """Compiled: make a node of len(operands) parents and the partials d."""
    node: Value = _new(op, y)
    if cython.compiled:
        _fill(node, operands, d, index)
        if len(operands) <= 2 and index == 1:
            node._flags |= _INDEX_1
        if op != OP_CUSTOM and ad_selecting(op):
            node._flags |= _SELECTING
    if get_mode():
        _apply_modes(node)
    return node


@cython.cfunc
def _fill(node: Value, operands: list, d: cython.pointer(cython.double), index: cython.int):
    """Compiled: give a new node its parents, which are Values, and its partials."""
    if cython.compiled:
        n: cython.Py_ssize_t = len(operands)
        j: cython.Py_ssize_t
        parents: cython.pointer(cython.p_void) = cython.address(node._p0)
        partials: cython.pointer(cython.double) = cython.address(node._d0)
        if n > 2:
            block: cython.p_char = _new_block(n)
            node._p0 = cython.cast(cython.p_void, block)
            node._p1 = cython.cast(cython.p_void, cython.cast(cython.size_t, index))
            parents = cython.cast(cython.pointer(cython.p_void), block)
            partials = cython.cast(cython.pointer(cython.double), block + n * cython.sizeof(cython.p_void))
        for j in range(n):
            parents[j] = cython.cast(cython.p_void, operands[j])
            incref(parents[j])
            partials[j] = d[j]
        node._count = n


def _make_custom(operation, operands: list):
    """Make the node of a user-defined operation."""
    numbers_ = tuple([cython.cast(Value, operand)._data for operand in operands])
    try:
        y: cython.double = operation.value(*numbers_)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise _failure(operation, operands, numbers_, error) from error
    try:
        partials = operation.numeric_partials(numbers_, y)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise _failure(operation, operands, numbers_, error, "its partials: ") from error
    node: Value
    if cython.compiled:
        n: cython.Py_ssize_t = len(operands)
        j: cython.Py_ssize_t
        d: cython.pointer(cython.double) = cython.cast(
            cython.pointer(cython.double), malloc(n * cython.sizeof(cython.double))
        )
        if d == cython.NULL:
            raise MemoryError()
        mode: cython.int = get_mode()
        try:
            for j in range(n):
                d[j] = partials[j]
            set_mode(0)
            node = _finish_many(OP_CUSTOM, operands, y, d, 0)
        finally:
            set_mode(mode)
            free(d)
    else:
        node = _new(OP_CUSTOM, y)
        node._parents = tuple(operands)
        node._partials = partials
    node._extra = Details("", operation)
    if operation.selecting:
        node._flags |= _SELECTING
    if get_mode():
        _apply_modes(node)
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
            operands[j] = _number(operands[j])
        elif not isinstance(operands[j], Value):
            operands[j] = _constant(_number(operands[j]))
    return plain < n


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
    """
    w: list = weights if type(weights) is list else list(weights)
    x: list = inputs if type(inputs) is list else list(inputs)
    if len(w) != len(x):
        raise ValueError(f"dot of {len(w)} weights and {len(x)} inputs: the lengths must be equal")
    operands: list = w + x
    if bias is not None:
        operands.append(bias)
    elif not w:
        raise ValueError("dot needs at least one number")
    if not _lift_all(operands):
        return _rules[OP_DOT].value(*operands)
    if cython.compiled:
        return _make_dot(operands)
    return _make(OP_DOT, operands, 0)


@cython.ccall
def reduce_values(op: cython.int, numbers_):
    """Make the node of a reduction over `numbers_`; a float if there is no Value among them."""
    operands: list = list(numbers_)
    if not operands:
        raise ValueError(f"{_rules[op].name} needs at least one number")
    if not _lift_all(operands):
        return _reduce_plain(op, operands, False)[0]
    return _make(op, operands, 0)


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
        rule = _rules[op]
        m, s = rule.folds(numbers_)
        for j in range(count):
            values.append(float(rule.finish(m, s, float(n), numbers_[j])))
    return values


@cython.ccall
def indexed_values(op: cython.int, numbers_) -> list:
    """Make one node an operand: softmax and log_softmax."""
    operands: list = list(numbers_)
    if not operands:
        raise ValueError(f"{_rules[op].name} needs at least one number")
    if not _lift_all(operands):
        return _reduce_plain(op, operands, True)
    return [_make(op, operands, j) for j in range(len(operands))]


# --- fields of a node in either life --------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _count(node: Value) -> cython.Py_ssize_t:
    if cython.compiled:
        return node._count
    return len(node._parents)


@cython.cfunc
def _parent(node: Value, j: cython.Py_ssize_t):
    if cython.compiled:
        return cython.cast(object, _parent_pointer(node, j))
    return node._parents[j]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _parent_pointer(node: Value, j: cython.Py_ssize_t) -> cython.p_void:
    if cython.compiled:
        if node._count > 2:
            return cython.cast(cython.pointer(cython.p_void), node._p0)[j]
        return node._p1 if j else node._p0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _partial(node: Value, j: cython.Py_ssize_t) -> cython.double:
    if cython.compiled:
        if node._count > 2:
            return _partial_block(node)[j]
        return node._d1 if j else node._d0
    return node._partials[j]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _partial_block(node: Value) -> cython.pointer(cython.double):
    if cython.compiled:
        return cython.cast(
            cython.pointer(cython.double),
            cython.cast(cython.p_char, node._p0) + node._count * cython.sizeof(cython.p_void),
        )


@cython.cfunc
@cython.exceptval(check=False)
def _index(node: Value) -> cython.int:
    if cython.compiled:
        if node._count > 2:
            return cython.cast(cython.int, cython.cast(cython.size_t, node._p1))
        return (node._flags & _INDEX_1) != 0
    return node._index


# --- freeing --------------------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _drop(pointer: cython.p_void) -> cython.void:
    """Give up one reference: a node's last one puts it on the pending list.

    Through a weak reference a node may be revived while it waits: such a one keeps all its fields.
    """
    if cython.compiled:
        global _pending
        if refcount(pointer) > 1:
            decref(pointer)
        elif has_weak_reference(pointer):
            put_aside(pointer)
        else:
            put_link(cython.address(cython.cast(Value, pointer)._grad), _pending)
            _pending = pointer


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _drop_parents(node: Value) -> cython.void:
    if cython.compiled:
        j: cython.Py_ssize_t
        if node._count > 2:
            for j in range(node._count):
                _drop(cython.cast(cython.pointer(cython.p_void), node._p0)[j])
            free(node._p0)
        else:
            _drop(node._p0)
            if node._count == 2:
                _drop(node._p1)
        node._count = 0


@cython.cfunc
@cython.exceptval(check=False)
def _release(pointer: cython.p_void) -> cython.void:
    """Give up the parents of a dying node, without recursion: called by the node's deallocator."""
    if cython.compiled:
        global _pending, _draining
        if cython.cast(Value, pointer)._count == 0:
            return
        _drop_parents(cython.cast(Value, pointer))
        if _draining:
            return
        _draining = True
        waiting: cython.p_void
        while True:
            waiting = _pending
            if waiting != cython.NULL:
                _pending = get_link(cython.address(cython.cast(Value, waiting)._grad))
            else:
                waiting = take_back()
                if waiting == cython.NULL:
                    break
            decref(waiting)
        ad_tidy()
        _draining = False


if cython.compiled:
    hook_type(Value, _release)


# --- modes ----------------------------------------------------------------------------------------------


@cython.cfunc
def _apply_modes(node: Value):
    """What no_grad and diagnose do to a node that was just made."""
    mode: cython.int = get_mode()
    if mode & _DIAGNOSE and not mode & _IEEE:
        _diagnose(node)
    if mode & _NO_GRAD:
        if cython.compiled:
            _release(cython.cast(cython.p_void, node))
            node._p0 = node._p1 = cython.NULL
        else:
            node._parents = node._partials = ()
        node._op_id = OP_LEAF
        node._flags = _CONSTANT | _FRESH


@cython.cfunc
def _diagnose(node: Value):
    """Keep the source line; raise if the value or a partial is not finite."""
    j: cython.Py_ssize_t
    source = _caller()
    if isinstance(node._extra, Details):
        node._extra.source = source
    else:
        node._extra = Details("" if node._extra is None else node._extra, None, source)
    if not is_finite(node._data):
        _raise_non_finite(node, f"its value is {node._data!r}")
    for j in range(_count(node)):
        if not is_finite(_partial(node, j)) and not _parent(node, j).is_constant:
            _raise_non_finite(node, f"its partial with respect to operand {j} is {_partial(node, j)!r}")


def _raise_non_finite(node: Value, what):
    operands = node.parents
    numbers_ = tuple([cython.cast(Value, operand)._data for operand in operands])
    shown = ", ".join(_described(operand, number) for operand, number in zip(operands[:8], numbers_))
    if len(operands) > 8:
        shown += f", ... {len(operands)} operands"
    place = f" in scope {node.scope!r}" if node.scope else ""
    raise NonFiniteError(
        f"{node.op}({shown}){place} at {node.source[0]}:{node.source[1]}: {what}", node.op, numbers_, node
    )


_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _caller():
    """Return (filename, line) of the nearest frame outside this package."""
    frame = sys._getframe()
    while frame is not None and os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGE):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("<unknown>", 0)


class _Mode:
    """A context manager that sets and clears mode bits of this thread."""

    __slots__ = ("_bits", "_saved")

    def __init__(self, bits):
        self._bits = bits
        self._saved = []

    def __enter__(self):
        mode: cython.int = get_mode()
        if mode & _RECORDING and self._bits == _NO_GRAD:
            raise RecordingError(
                "no_grad() while a Program is being recorded would freeze numbers: use stop_gradient()"
            )
        self._saved.append(mode)
        set_mode(mode | self._bits)
        return self

    def __exit__(self, *exception):
        set_mode(self._saved.pop())

    def __call__(self, function):
        """Use the mode as a decorator."""
        import functools

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with _Mode(self._bits):
                return function(*args, **kwargs)

        return wrapper


def no_grad():
    """Within this context operations return plain constants: no graph is built.

    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.is_constant
    True
    """
    return _Mode(_NO_GRAD)


class _WithoutMode(_Mode):
    """A context manager that clears mode bits of this thread."""

    def __enter__(self):
        mode: cython.int = get_mode()
        self._saved.append(mode)
        set_mode(mode & ~cython.cast(cython.int, self._bits))
        return self


def ieee():
    """Within this context operations give infinities and NaN where floats raise, as stored partials do.

    A rule that is differentiated builds both branches of its selections; the one not taken may be singular.
    """
    return _Mode(_IEEE)


def enable_grad():
    """Within this context graphs are built, inside `no_grad` too."""
    return _WithoutMode(_NO_GRAD)


def diagnose():
    """Within this context every new node keeps the source line that made it, the first non-finite value or
    partial raises, and so does `backward` of a graph in which ``data`` was assigned since it was made.

    Raises:
        NonFiniteError: naming the operation, operands, labels, scope and source line.
        GraphError: naming the first node whose number is out of date.
    """
    return _Mode(_DIAGNOSE)


@cython.final
@cython.cclass
class scope:
    """Within this context new nodes carry `name` in their scope; scopes nest: ``"layer1.neuron0"``.

    Args:
        name: any text that is not empty.
    """

    _name: object

    def __init__(self, name):
        if not isinstance(name, str) or not name:
            raise TypeError(f"a scope's name is text that is not empty, not {name!r}")
        self._name = name

    def __enter__(self):
        push_scope(_inner_scope(self._name))
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        pop_scope()

    def neuron(self, weights, inputs, bias, activation):
        """Return activation(bias + weights . inputs), both nodes made within this scope.

        The same as a ``with`` statement around the two calls, at a fifth of its cost.

        Args:
            weights: numbers or Values, shape (n,).
            inputs: numbers or Values, shape (n,).
            bias: a number or Value, or None.
            activation: a function of one Value.
        """
        push_scope(_inner_scope(self._name))
        try:
            return activation(dot(weights, inputs, bias))
        finally:
            pop_scope()


class preserved:
    """Within this context, whatever interrupts it, this thread's modes and scopes end as they began.

    A ``with no_grad()`` that Ctrl-C hits between entering and the body would otherwise stay in force.
    """

    __slots__ = ("_depth", "_mode")

    def __enter__(self):
        self._mode = get_mode()
        self._depth = scope_depth()
        return self

    def __exit__(self, kind=None, error=None, traceback=None):
        set_mode(self._mode)
        while scope_depth() > self._depth:
            pop_scope()


@cython.cfunc
def _inner_scope(name) -> cython.uint:
    """Return the number of the scope called `name` inside the present one."""
    outer: cython.uint = get_scope()
    inner = cython.cast(dict, _scope_children[outer]).get(name)
    if inner is None:
        inner = scope_id(f"{_scope_paths[outer]}.{name}" if outer else name)
        _scope_children[outer][name] = inner
    return inner


def scope_id(path):
    """Return the number under which nodes carry a scope's path."""
    found = _scope_ids.get(path)
    if found is None:
        with _scopes_lock:  # two threads must not give one number to two paths
            found = _scope_ids.get(path)
            if found is None:
                found = len(_scope_paths)
                _scope_children.append({})
                _scope_paths.append(path)
                _scope_ids[path] = found
    return found


# --- recording (the hooks that Programs use) ------------------------------------------------------------

_recording = threading.local()


def begin_recording():
    """Start to record in this thread: comparisons become guards, reading a number raises RecordingError."""
    if get_mode() & _RECORDING:
        raise RecordingError("a Program is being recorded already in this thread")
    _recording.guards = []
    set_mode(get_mode() | _RECORDING)


def end_recording():
    """Stop recording; return the guards, a list of (left, relation, right, outcome)."""
    set_mode(get_mode() & ~_RECORDING)
    guards, _recording.guards = _recording.guards, []
    return guards


def is_recording():
    """Tell whether a Program is being recorded in this thread."""
    return (get_mode() & _RECORDING) != 0


def rule_mode():
    """Return the context in which a user-defined operation's partials are evaluated on Values.

    Reading a number in it raises, since the number would count as a constant.
    """
    return _Mode(_RULE)


@cython.cfunc
def _read(node: Value, how) -> cython.double:
    if get_mode() & (_RECORDING | _RULE):
        _forbid_reading(node, how)
    return node._data


def _forbid_reading(node: Value, how):
    if node._flags & _FRESH:
        return
    name = node.label or node.op or "input"
    place = f" in scope {node.scope!r}" if node.scope else ""
    if get_mode() & _RULE:
        raise RecordingError(
            f"node {_bounded(name)!r}: {how} inside the partials of a user-defined operation, which would "
            "make it a constant: "
            "write them with this package's functions (autograd_core.exp, not math.exp)"
        )
    raise RecordingError(
        f"node {_bounded(name)!r}{place}: {how} while a Program was being recorded, which would freeze its "
        "number for every other input: use maximum, minimum, clip, where(greater(a, b), ...) or softmax, or "
        "return it from the function"
    )


@cython.cfunc
def _compare(a: Value, other, relation):
    if isinstance(other, Value):
        right: cython.double = cython.cast(Value, other)._data
    elif isinstance(other, numbers.Real):
        right = other
    else:
        return NotImplemented
    left: cython.double = a._data
    if relation == "<":
        outcome = left < right
    elif relation == "<=":
        outcome = left <= right
    elif relation == ">":
        outcome = left > right
    else:
        outcome = left >= right
    if get_mode() & _RECORDING:
        _recording.guards.append((a, relation, other, outcome))
    return outcome


# --- data assigned after the graph was made -------------------------------------------------------------


def stale(nodes: list, every: cython.bint = False):
    """Return the nodes whose number or partials are not what their operation makes of their parents now.

    Only nodes next to assigned ``data`` can be: the others are passed over, unless `every` node is asked for.
    """
    found: list = []
    node: Value
    j: cython.Py_ssize_t
    suspect: cython.bint
    for node in nodes:
        suspect = every or node._flags & _ASSIGNED
        for j in range(_count(node)):
            suspect = suspect or cython.cast(Value, _parent(node, j))._flags & _ASSIGNED
        if suspect and _count(node) and not _follows(node):
            found.append(node)
    return found


def refuse_stale(nodes: list):
    """Raise GraphError if one of the nodes is stale."""
    node: Value
    found: list = stale(nodes)
    if found:
        node = found[0]
        operands = ", ".join([_described(parent, number_of(parent)) for parent in node.parents[:8]])
        more = f" ({len(found)} such nodes)" if len(found) > 1 else ""
        raise GraphError(
            f"{node.op}({operands}) is out of date, its number is {node._data!r}: data was assigned after "
            f"the graph was made{more}, so its derivative would belong to no point; compute the result again"
        )


@cython.cfunc
def _follows(node: Value) -> cython.bint:
    """Tell whether the operation, applied to the parents again, gives the node's number and partials."""
    j: cython.Py_ssize_t
    again: Value
    mode: cython.int = get_mode()
    set_mode(_IEEE)
    try:
        again = apply(node.operation, node.parents, _index(node))
    except (ValueError, ArithmeticError):
        return False
    finally:
        set_mode(mode)
    for j in range(_count(node)):
        if not _same(_partial(node, j), _partial(again, j)):
            return False
    return _same(node._data, again._data)


@cython.cfunc
@cython.exceptval(check=False)
def _same(a: cython.double, b: cython.double) -> cython.bint:
    return a == b or (a != a and b != b)


@cython.cfunc
def _refuse_equality(a: Value, other) -> cython.bint:
    """While recording, == with a number would be False for every input, which a number's == is not."""
    if get_mode() & _RECORDING and isinstance(other, numbers.Real):
        _forbid_reading(a, "== compared it with a number (Values are equal to themselves alone)")
    return True


# --- order and sweep ------------------------------------------------------------------------------------


@cython.cclass
class _Order:
    """A growing array of borrowed references to nodes."""

    if cython.compiled:
        items: cython.pointer(cython.p_void)
        size: cython.Py_ssize_t
        capacity: cython.Py_ssize_t

        def __dealloc__(self):
            free(self.items)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _append(array: _Order, item: cython.p_void) -> cython.void:
    if cython.compiled:
        if array.size == array.capacity:
            array.capacity = 2 * array.capacity if array.capacity else 256
            array.items = cython.cast(
                cython.pointer(cython.p_void),
                checked_realloc(array.items, array.capacity * cython.sizeof(cython.p_void)),
            )
        array.items[array.size] = item
        array.size += 1


@cython.cfunc
@cython.exceptval(check=False)
def _visit(
    root: Value, order: _Order, path: _Order, leaves: cython.bint, swept: cython.bint, stop: cython.int
) -> cython.void:
    """Append what `root` was computed from, and root, to `order`: depth first, parents from left to right.

    A node's mark is 0 until it is visited, then one more than the number of parents that were looked at. The
    caller resets marks. Leaves are either appended too, or, if asked, marked as swept.
    Nodes with a flag of `stop` count as leaves.
    """
    if cython.compiled:
        node: cython.p_void
        parent: cython.p_void
        j: cython.Py_ssize_t
        if root._mark or (root._count == 0 and not leaves):
            return
        root._mark = 1
        if root._count == 0:
            _append(order, cython.cast(cython.p_void, root))
            return
        _append(path, cython.cast(cython.p_void, root))
        while path.size:
            node = path.items[path.size - 1]
            j = cython.cast(Value, node)._mark - 1
            if j == cython.cast(Value, node)._count:
                _append(order, node)
                path.size -= 1
                continue
            cython.cast(Value, node)._mark += 1
            parent = _parent_pointer(cython.cast(Value, node), j)
            if cython.cast(Value, parent)._mark:
                continue
            if cython.cast(Value, parent)._count and not cython.cast(Value, parent)._flags & stop:
                cython.cast(Value, parent)._mark = 1
                _append(path, parent)
            elif leaves:
                cython.cast(Value, parent)._mark = 1
                _append(order, parent)
            elif swept and not cython.cast(Value, parent)._flags & _CONSTANT:
                cython.cast(Value, parent)._flags |= _SWEPT


def _visit_plain(root, order, seen, leaves, swept, stop=0):
    """Uncompiled twin of `_visit`."""
    if id(root) in seen or not (root._parents or leaves):
        return
    seen.add(id(root))
    path = [(root, 0)]
    while path:
        node, j = path.pop()
        if j == len(node._parents) or (stop and node is not root and node._flags & stop):
            order.append(node)
            continue
        path.append((node, j + 1))
        parent = node._parents[j]
        if id(parent) in seen:
            continue
        if parent._parents or leaves:
            seen.add(id(parent))
            path.append((parent, 0))
        elif swept and not parent._flags & _CONSTANT:
            parent._flags |= _SWEPT


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
    """
    _check_nodes(roots)
    return _order_up_to(roots, 0)


@cython.cfunc
def _order_up_to(roots: tuple, stop: cython.int) -> list:
    if cython.compiled:
        order: _Order = _Order()
        path: _Order = _Order()
        for root in roots:
            _visit(root, order, path, True, False, stop)
        result: list = []
        j: cython.Py_ssize_t
        for j in range(order.size):
            cython.cast(Value, order.items[j])._mark = 0
            result.append(cython.cast(object, order.items[j]))
        return result
    plain, seen = [], set()
    for root in roots:
        _visit_plain(root, plain, seen, True, False, stop)
    return plain


def _check_nodes(nodes):
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(f"a Value is wanted, not {type(node).__name__} {_bounded(repr(node))}")


def sweep(roots, gradients, targets=None):
    """Run back-propagation once (Goodfellow et al. 2016, Algorithm 6.2).

    In reverse topological order, each node adds partial * gradient to each of its parents. A node that
    nothing has reached adds nothing; an edge to a constant carries nothing; nor does an edge of a selecting
    operation whose partial is 0.

    Args:
        roots: a list of Values to start from.
        gradients: for each root, the gradient to start with.
        targets: leaves; if given, only they and what depends on them are touched.
    """
    _check_nodes(roots)
    if get_mode() & _RECORDING:
        raise RecordingError(
            "backward() while a Program is being recorded: record the value, ask the Program for gradients"
        )
    if get_mode() & _DIAGNOSE:
        refuse_stale(topological_order(*roots))
    seeds = [_number(gradient) for gradient in gradients]
    _count_change()
    for root in roots:
        if root.is_constant and targets is None:
            raise GraphError(
                f"{root!r} is a constant: it was made from a plain number, by detach(), or under no_grad(), "
                "and has no gradient"
            )
    if targets is not None:
        _check_nodes(targets)
        for target in targets:
            cython.cast(Value, target)._flags |= _TARGET | _SWEPT
    try:
        if cython.compiled:
            _sweep_compiled(roots, seeds, targets is not None)
        else:
            _sweep_plain(roots, seeds, targets is not None)
    finally:
        if targets is not None:
            for target in targets:
                cython.cast(Value, target)._flags &= ~_TARGET


@cython.cfunc
def _sweep_compiled(roots: list, seeds: list, pruned: cython.bint):
    if cython.compiled:
        order: _Order = _Order()
        path: _Order = _Order()
        node: cython.p_void
        parent: cython.p_void
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        n: cython.Py_ssize_t
        gradient: cython.double
        selecting: cython.bint
        parents: cython.pointer(cython.p_void)
        partials: cython.pointer(cython.double)
        for root in roots:
            _visit(root, order, path, False, not pruned, 0)
        for i in range(order.size):
            node = order.items[i]
            cython.cast(Value, node)._mark = 0
            if pruned and not _is_needed(cython.cast(Value, node)):
                cython.cast(Value, node)._flags &= ~_NEEDED
                continue
            cython.cast(Value, node)._grad = 0.0
            cython.cast(Value, node)._flags = (cython.cast(Value, node)._flags & ~_REACHED) | _SWEPT | _NEEDED
        for i in range(len(roots)):
            _seed(roots[i], seeds[i], pruned)
        for i in range(order.size - 1, -1, -1):
            node = order.items[i]
            if (cython.cast(Value, node)._flags & (_REACHED | _NEEDED)) != (_REACHED | _NEEDED):
                continue
            n = cython.cast(Value, node)._count
            gradient = cython.cast(Value, node)._grad
            selecting = (cython.cast(Value, node)._flags & _SELECTING) != 0
            if n > 2:
                parents = cython.cast(cython.pointer(cython.p_void), cython.cast(Value, node)._p0)
                partials = _partial_block(cython.cast(Value, node))
            else:
                parents = cython.address(cython.cast(Value, node)._p0)
                partials = cython.address(cython.cast(Value, node)._d0)
            for j in range(n):
                parent = parents[j]
                if cython.cast(Value, parent)._flags & _CONSTANT or (selecting and partials[j] == 0.0):
                    continue
                if pruned and not cython.cast(Value, parent)._flags & (_TARGET | _NEEDED):
                    continue
                cython.cast(Value, parent)._grad += partials[j] * gradient
                cython.cast(Value, parent)._flags |= _REACHED
        for i in range(order.size):
            cython.cast(Value, order.items[i])._flags &= ~_NEEDED


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _is_needed(node: Value) -> cython.bint:
    """Tell whether a node depends on a target; its parents have been asked before."""
    j: cython.Py_ssize_t
    for j in range(_count(node)):
        if cython.compiled:
            if cython.cast(Value, _parent_pointer(node, j))._flags & (_TARGET | _NEEDED):
                return True
        elif node._parents[j]._flags & (_TARGET | _NEEDED):
            return True
    return False


@cython.cfunc
@cython.exceptval(check=False)
def _seed(root: Value, seed: cython.double, pruned: cython.bint) -> cython.void:
    if pruned and not root._flags & (_TARGET | _NEEDED):
        return
    root._grad += seed
    root._flags |= _SWEPT | _REACHED


def _sweep_plain(roots, seeds, pruned):
    """Uncompiled twin of `_sweep_compiled`."""
    order, seen = [], set()
    for root in roots:
        _visit_plain(root, order, seen, False, not pruned)
    for node in order:
        if pruned and not _is_needed(node):
            node._flags &= ~_NEEDED
            continue
        node._grad = 0.0
        node._flags = (node._flags & ~_REACHED) | _SWEPT | _NEEDED
    for root, seed in zip(roots, seeds):
        _seed(root, seed, pruned)
    for node in reversed(order):
        if (node._flags & (_REACHED | _NEEDED)) != (_REACHED | _NEEDED):
            continue
        gradient = node._grad
        selecting = node._flags & _SELECTING
        for parent, partial in zip(node._parents, node._partials):
            if parent._flags & _CONSTANT or (selecting and partial == 0.0):
                continue
            if pruned and not parent._flags & (_TARGET | _NEEDED):
                continue
            parent._grad += partial * gradient
            parent._flags |= _REACHED
    for node in order:
        node._flags &= ~_NEEDED


# --- flat form: what copying, pickling and Programs read ------------------------------------------------


def leaf_state(node: Value):
    """Return what `restore_leaf` wants."""
    flags = node._flags & ~(_SHELVED | _TARGET | _NEEDED)
    return node._data, node._grad, flags, _scope_paths[node._scope], node._extra


def restore_leaf(data, grad, flags, path, extra):
    """Return a new leaf with that state."""
    node: Value = _new(OP_LEAF, data)
    node._grad = grad
    node._flags = flags
    node._scope = scope_id(path)
    node._extra = _extra_copy(extra)
    return node


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
        for j in range(_count(node)):
            operands.append(memo[id(_parent(node, j))])
        twin = _new(node._op_id, node._data)
        if cython.compiled:
            _fill(
                twin,
                operands,
                _partial_block(node) if node._count > 2 else cython.address(node._d0),
                _index(node),
            )
        else:
            twin._parents, twin._partials, twin._index = tuple(operands), node._partials, node._index
        twin._grad = node._grad
        twin._flags = node._flags & ~(_SHELVED | _TARGET | _NEEDED)
        twin._scope = node._scope
        if node._extra is not None:
            twin._extra = _extra_copy(node._extra)
        memo[id(node)] = twin
        copied.append(node)
    return copied


def changes():
    """Return a number that grows with every change to the numbers, gradients or labels of existing nodes."""
    return _changes


def shelve(root: Value):
    """Return the nodes under a root that are in no table yet, and the nodes that they need from outside.

    Leaves stay outside, as objects of their own, unless nothing but the graph refers to them. The nodes
    inside, the root last, are marked as being in a table from now on.
    """
    inside: list = []
    outside: list = []
    node: Value
    order: list = _order_up_to((root,), _SHELVED)
    while order:
        node = order.pop()
        if node is root or (_count(node) and not node._flags & _SHELVED) or _is_private(node):
            node._flags |= _SHELVED
            inside.append(node)
        else:
            outside.append(node)
    inside.reverse()
    return inside, outside


@cython.cfunc
def _is_private(node: Value) -> cython.bint:
    """Tell whether a leaf is a constant that only its one child refers to."""
    if _count(node) or not node._flags & _CONSTANT or node._flags & _SHELVED:
        return False
    if cython.compiled:
        return refcount(cython.cast(cython.p_void, node)) == 2  # the child's, and that of the caller
    return False


def unshelve(nodes: list):
    """The table of these nodes is gone."""
    node: Value
    for node in nodes:
        node._flags &= ~_SHELVED


def is_shelved(node: Value):
    """Tell whether a node is in a table."""
    return (node._flags & _SHELVED) != 0


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
    from array import array

    n: cython.Py_ssize_t = len(nodes)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    total: cython.Py_ssize_t = 0
    node: Value
    for i in range(n):
        total += _count(nodes[i])
    heads, counts, parents = array("q", bytes(8 * n)), array("q", bytes(8 * n)), array("q", bytes(8 * total))
    data, partials = array("d", bytes(16 * n)), array("d", bytes(8 * total))
    extras, indices, paths = {}, {}, {}
    if cython.compiled:
        h: cython.pointer(cython.longlong) = _array_pointer(heads)
        c: cython.pointer(cython.longlong) = _array_pointer(counts)
        p: cython.pointer(cython.longlong) = _array_pointer(parents)
        x: cython.pointer(cython.double) = cython.cast(cython.pointer(cython.double), _array_pointer(data))
        d: cython.pointer(cython.double) = cython.cast(
            cython.pointer(cython.double), _array_pointer(partials)
        )
        mark: cython.uint
    else:
        h, c, p, x, d = heads, counts, parents, data, partials
        places = {id(node): i for i, node in enumerate(nodes)}
        places.update((id(node), -1 - i) for i, node in enumerate(outside))
    known: cython.longlong = -1
    place: cython.longlong = 0
    total = 0
    try:
        if cython.compiled:
            for i in range(n):
                cython.cast(Value, nodes[i])._mark = i + 1
            for i in range(len(outside)):
                cython.cast(Value, outside[i])._mark = 0x80000000 + i
        for i in range(n):
            node = nodes[i]
            if node._scope != known:
                known = node._scope
                place = paths.setdefault(known, len(paths))
            flags: cython.longlong = node._flags & ~(_SHELVED | _TARGET | _NEEDED)
            h[i] = node._op_id + flags * 0x10000 + place * 0x100000000
            c[i] = _count(node)
            x[2 * i] = node._data
            x[2 * i + 1] = node._grad
            for j in range(_count(node)):
                d[total] = _partial(node, j)
                if cython.compiled:
                    mark = cython.cast(Value, _parent_pointer(node, j))._mark
                    p[total] = (
                        -1 - cython.cast(cython.longlong, mark - 0x80000000)
                        if mark >= 0x80000000
                        else mark - 1
                    )
                else:
                    p[total] = places[id(node._parents[j])]
                total += 1
            if node._extra is not None:
                extras[i] = node._extra
            if _index(node):
                indices[i] = _index(node)
    finally:
        if cython.compiled:
            for i in range(n):
                cython.cast(Value, nodes[i])._mark = 0
            for i in range(len(outside)):
                cython.cast(Value, outside[i])._mark = 0
    return heads, counts, data, parents, partials, extras, indices, [_scope_paths[scope] for scope in paths]


def unpack(packed, outside: list):
    """Return new nodes of what `pack` returned.

    Raises:
        ValueError: if a parent does not stand before its child.
    """
    heads, counts, data, parents, partials, extras, indices, paths = packed
    n: cython.Py_ssize_t = len(heads)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    place: cython.longlong
    node: Value
    nodes: list = []
    scopes = [scope_id(path) for path in paths]
    if cython.compiled:
        h: cython.pointer(cython.longlong) = _array_pointer(heads)
        c: cython.pointer(cython.longlong) = _array_pointer(counts)
        p: cython.pointer(cython.longlong) = _array_pointer(parents)
        x: cython.pointer(cython.double) = cython.cast(cython.pointer(cython.double), _array_pointer(data))
        d: cython.pointer(cython.double) = cython.cast(
            cython.pointer(cython.double), _array_pointer(partials)
        )
    else:
        h, c, p, x, d = heads, counts, parents, data, partials
    _check_nodes(outside)
    if len(counts) != n or len(data) != 2 * n or len(partials) != len(parents) or sum(counts) != len(parents):
        raise ValueError("these arrays are not those of a graph")
    for i in range(n):
        operands: list = []
        for j in range(c[i]):
            place = p[start + j]
            if place >= i or -1 - place >= len(outside):
                raise ValueError("these arrays are not those of a graph: a parent stands behind its child")
            operands.append(nodes[place] if place >= 0 else outside[-1 - place])
        node = _new(h[i] & 0xFFFF, x[2 * i])
        if cython.compiled:
            _fill(node, operands, d + start, indices.get(i, 0) if indices else 0)
        else:
            node._parents, node._partials = tuple(operands), tuple(d[start : start + len(operands)])
            node._index = indices.get(i, 0)
        node._grad = x[2 * i + 1]
        node._flags = (h[i] >> 16) & 0xFFFF
        if c[i] <= 2 and indices and i in indices:
            node._flags |= _INDEX_1
        node._scope = scopes[h[i] >> 32]
        if extras and i in extras:
            node._extra = _extra_copy(extras[i])
        nodes.append(node)
        start += c[i]
    return nodes


@cython.cclass
class Walk:
    """The nodes under some roots in topological order, with each node's parents as positions in it.

    Args:
        roots: a list of Values.

    Attributes:
        nodes: the list of Values.
        parents: an ``array('q')`` of positions, node after node.
        counts: an ``array('q')`` of how many parents each node has.
    """

    nodes = cython.declare(list, visibility="readonly")
    parents = cython.declare(object, visibility="readonly")
    counts = cython.declare(object, visibility="readonly")

    def __init__(self, roots):
        from array import array

        self.nodes = topological_order(*roots)
        n: cython.Py_ssize_t = len(self.nodes)
        i: cython.Py_ssize_t
        j: cython.Py_ssize_t
        total: cython.Py_ssize_t = 0
        for i in range(n):
            total += _count(self.nodes[i])
        self.parents = array("q", bytes(8 * total))
        self.counts = array("q", bytes(8 * n))
        if cython.compiled:
            parents: cython.pointer(cython.longlong) = _array_pointer(self.parents)
            counts: cython.pointer(cython.longlong) = _array_pointer(self.counts)
            for i in range(n):
                cython.cast(Value, self.nodes[i])._mark = i
            total = 0
            for i in range(n):
                counts[i] = cython.cast(Value, self.nodes[i])._count
                for j in range(cython.cast(Value, self.nodes[i])._count):
                    parents[total] = cython.cast(
                        Value, _parent_pointer(cython.cast(Value, self.nodes[i]), j)
                    )._mark
                    total += 1
            for i in range(n):
                cython.cast(Value, self.nodes[i])._mark = 0
        else:
            positions = {id(node): i for i, node in enumerate(self.nodes)}
            self.counts = array("q", [len(node._parents) for node in self.nodes])
            self.parents = array("q", [positions[id(p)] for node in self.nodes for p in node._parents])


@cython.cfunc
def _array_pointer(values) -> cython.pointer(cython.longlong):
    if cython.compiled:
        address: cython.size_t = values.buffer_info()[0]
        return cython.cast(cython.pointer(cython.longlong), address)


def read_vector(nodes: list, gradients: cython.bint):
    """Return the numbers of some nodes, or their gradients, as ``array('d')``."""
    from array import array

    node: Value
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(nodes)
    vector = array("d", bytes(8 * n))
    _check_all(nodes, not gradients, _RECORDING | _RULE, "its number was read")
    if cython.compiled:
        x: cython.pointer(cython.double) = cython.cast(cython.pointer(cython.double), _array_pointer(vector))
    else:
        x = vector
    for i in range(n):
        node = cython.cast(Value, nodes[i])
        x[i] = node._grad if gradients else node._data
    return vector


def write_vector(nodes: list, vector, gradients: cython.bint):
    """Set the numbers of some nodes, or their gradients, to those of an ``array('d')`` of the same length."""
    node: Value
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(nodes)
    if len(vector) != n or vector.typecode != "d":
        raise ValueError("one double for each node is wanted")
    _check_all(nodes, not gradients, _RECORDING, "its .data was assigned")
    if cython.compiled:
        x: cython.pointer(cython.double) = cython.cast(cython.pointer(cython.double), _array_pointer(vector))
    else:
        x = vector
    for i in range(n):
        node = cython.cast(Value, nodes[i])
        if gradients:
            node._grad = x[i]
            node._flags |= _SWEPT
        else:
            node._data = x[i]
            node._flags |= _ASSIGNED
    _count_change()


@cython.cfunc
def _check_all(nodes: list, numbers: cython.bint, modes: cython.int, how):
    """Raise an error unless all of them are Values, whose numbers may be touched in the present mode."""
    i: cython.Py_ssize_t
    forbidden: cython.bint = numbers and get_mode() & modes
    for i in range(len(nodes)):
        if not isinstance(nodes[i], Value):
            raise TypeError(f"number {i} is not a Value, but {_bounded(repr(nodes[i]))}")
        if forbidden:
            _forbid_reading(nodes[i], how)
