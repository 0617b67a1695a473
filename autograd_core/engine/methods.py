# cython: language_level=3, binding=True, always_allow_keywords=True
"""The methods of the node that apply one operation: a row of the calculus each."""

import cython

if cython.compiled:
    from cython.cimports.autograd_core.engine.flags import IEEE
    from cython.cimports.autograd_core.engine.nary import make_many
    from cython.cimports.autograd_core.engine.value import *
else:
    from .flags import IEEE
    from .nary import make_many
    from .value import *

from .nary import indexed_values
from .ufuncs import apply_ufunc
from .value import failure, method, number_of, rules

COMPILED = cython.compiled


# By the names that micrograd and microgpt give them.
method(Value.parents, "_prev")
method(Value.parents, "_children")
method(Value.partials, "_local_grads")


@method
def softmax(self: Value, values, index=None):
    """Return the nodes of softmax of some Values, or the one with that index."""
    if index is None:
        return indexed_values(OP_SOFTMAX, values)
    return make_many(OP_SOFTMAX, list(values), index)


@method
def __array_ufunc__(self: Value, ufunc, how, *inputs, **keywords):
    """What NumPy asks when a Value is an operand of one of its functions (see `ufuncs`)."""
    return apply_ufunc(ufunc, how, inputs, keywords)


@method
def fabs(self: Value):
    """The absolute value, under the name that NumPy asks for."""
    return make_unary(OP_ABS, self)


@method
def fmod(self: Value, b):
    """The rest of the division by b that has the sign of this node, under the name that NumPy asks for."""
    return make_binary(OP_COPYSIGN, make_binary(OP_MOD, make_unary(OP_ABS, self), abs(as_value(b))), self)


@method
def conjugate(self: Value):
    """This node: NumPy asks for it in std, var and vdot."""
    return self


@method
def _floor_divide(self: Value, divisor: Value):
    """Return the node of ``//``, by the steps of Python's floats, so that their bits come out.

    floor(a / b) would not do: 1.0 // 0.1 is 9.0, and 1.0 / 0.1 is 10.0.
    """
    if number_of(divisor) == 0.0 and not thread_mode() & IEEE:
        error = ZeroDivisionError("float floor division by zero")
        raise failure(rules[OP_DIV], (self, divisor), (number_of(self), number_of(divisor)), error, "//: ")
    one: Value = constant(1.0)
    zero: Value = constant(0.0)
    half: Value = constant(0.5)
    sign = make_binary(OP_COPYSIGN, one, self) * make_binary(OP_COPYSIGN, one, divisor)
    size, step = abs(self), abs(divisor)
    rest = size % step
    count = (size - rest) / step  # a whole number but for its rounding
    quotient = sign * count - make_binary(OP_GREATER, rest, zero) * make_binary(OP_LESS, sign, zero)
    whole: Value = make_unary(OP_FLOOR, quotient)
    up: Value = make_binary(OP_GREATER, quotient - whole, half)
    return make_binary(OP_COPYSIGN, whole + up, sign)


# --- written by autograd_core/calculus/codegen.py ---


@method
def atan2(self: Value, x):
    """The angle of the point (x, y)."""
    return make_binary(OP_ATAN2, self, as_value(x))


@method
def ierfcx(self: Value, x):
    """exp(x^2) times the n-th repeated integral of erfc at x; erfcx for order 0."""
    return make_binary(OP_IERFCX, self, as_value(x))


@method
def polygamma(self: Value, x):
    """The polygamma function of some order at x: 0 for digamma, 1 for trigamma."""
    return make_binary(OP_POLYGAMMA, self, as_value(x))


@method
def leaky_relu(self: Value, slope=0.01):
    """x where x > 0, else slope * x."""
    return make_binary(OP_LEAKY_RELU, self, as_value(slope))


@method
def elu(self: Value, alpha=1.0):
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015)."""
    return make_binary(OP_ELU, self, as_value(alpha))


@method
def heaviside(self: Value, half):
    """0 for x < 0, 1 for x > 0, half at 0."""
    return make_binary(OP_HEAVISIDE, self, as_value(half))


@method
def where(self: Value, a, b):
    """a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0."""
    return make_many(OP_WHERE, [self, as_value(a), as_value(b)], 0)


@method
def clip(self: Value, low, high):
    """x kept within [low, high]; on a bound the gradient goes to x."""
    return make_many(OP_CLIP, [self, as_value(low), as_value(high)], 0)


@method
def complement(self: Value, others):
    """1 - w, where its value is known as `others`, without cancellation; the gradient goes to w."""
    return make_binary(OP_COMPLEMENT, self, as_value(others))


# --- end ---


# --- the others, from the table: a function for each, of the node alone or of it and b -----------------


def _of_one(op: cython.int):
    def operation(self: Value):
        return make_unary(op, self)

    return operation


def _of_two(op: cython.int):
    def operation(self: Value, b):
        return make_binary(op, self, as_value(b))

    return operation


for _rule in [rule for rule in rules[1:] if rule.has_method]:
    if _rule.has_plain_method:
        _function = method((_of_one if _rule.arity == 1 else _of_two)(_rule.identifier), _rule.name)
        _function.__name__ = _function.__qualname__ = _rule.name
        globals()[_rule.name] = _function  # where a pickle looks for it
    _function = globals()[_rule.name]
    _function.__doc__ = _rule.method_summary
    for _alias in _rule.aliases:
        method(_function, _alias)
