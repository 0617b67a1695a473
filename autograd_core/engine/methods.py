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
def exp(self: Value):
    """e to the power of x."""
    return make_unary(OP_EXP, self)


@method
def expm1(self: Value):
    """exp(x) - 1, exact for small x."""
    return make_unary(OP_EXPM1, self)


@method
def exp2(self: Value):
    """2 to the power of x."""
    return make_unary(OP_EXP2, self)


@method
def log(self: Value):
    """Natural logarithm."""
    return make_unary(OP_LOG, self)


@method
def log1p(self: Value):
    """log(1 + x), exact for small x."""
    return make_unary(OP_LOG1P, self)


@method
def log2(self: Value):
    """Logarithm to base 2."""
    return make_unary(OP_LOG2, self)


@method
def log10(self: Value):
    """Logarithm to base 10."""
    return make_unary(OP_LOG10, self)


@method
def sqrt(self: Value):
    """Square root."""
    return make_unary(OP_SQRT, self)


@method
def cbrt(self: Value):
    """Cube root."""
    return make_unary(OP_CBRT, self)


@method
def square(self: Value):
    """x * x."""
    return make_unary(OP_SQUARE, self)


@method
def reciprocal(self: Value):
    """1 / x."""
    return make_unary(OP_RECIPROCAL, self)


@method
def sin(self: Value):
    """Sine."""
    return make_unary(OP_SIN, self)


@method
def cos(self: Value):
    """Cosine."""
    return make_unary(OP_COS, self)


@method
def tan(self: Value):
    """Tangent."""
    return make_unary(OP_TAN, self)


@method
def asin(self: Value):
    """Inverse sine."""
    return make_unary(OP_ASIN, self)


@method
def acos(self: Value):
    """Inverse cosine."""
    return make_unary(OP_ACOS, self)


@method
def atan(self: Value):
    """Inverse tangent."""
    return make_unary(OP_ATAN, self)


@method
def sinh(self: Value):
    """Hyperbolic sine."""
    return make_unary(OP_SINH, self)


@method
def cosh(self: Value):
    """Hyperbolic cosine."""
    return make_unary(OP_COSH, self)


@method
def tanh(self: Value):
    """Hyperbolic tangent."""
    return make_unary(OP_TANH, self)


@method
def asinh(self: Value):
    """Inverse hyperbolic sine."""
    return make_unary(OP_ASINH, self)


@method
def acosh(self: Value):
    """Inverse hyperbolic cosine."""
    return make_unary(OP_ACOSH, self)


@method
def atanh(self: Value):
    """Inverse hyperbolic tangent."""
    return make_unary(OP_ATANH, self)


@method
def atan2(self: Value, x):
    """The angle of the point (x, y). Here y is this node."""
    return make_binary(OP_ATAN2, self, as_value(x))


@method
def hypot(self: Value, b):
    """sqrt(a^2 + b^2) without overflow. Here a is this node."""
    return make_binary(OP_HYPOT, self, as_value(b))


@method
def sinpi(self: Value):
    """sin(pi x), exactly 0 at whole numbers."""
    return make_unary(OP_SINPI, self)


@method
def cospi(self: Value):
    """cos(pi x), exactly 0 at odd multiples of 1/2."""
    return make_unary(OP_COSPI, self)


@method
def sinc(self: Value):
    """sin(pi x) / (pi x), 1 at 0 (as NumPy's)."""
    return make_unary(OP_SINC, self)


@method
def degrees(self: Value):
    """Radians in degrees."""
    return make_unary(OP_DEGREES, self)


@method
def radians(self: Value):
    """Degrees in radians."""
    return make_unary(OP_RADIANS, self)


@method
def sech2(self: Value):
    """1 / cosh(x)^2, the slope of tanh, exact where tanh saturates."""
    return make_unary(OP_SECH2, self)


@method
def gaussian(self: Value):
    """exp(-x^2 / 2), exact in the tails."""
    return make_unary(OP_GAUSSIAN, self)


@method
def erf(self: Value):
    """Error function."""
    return make_unary(OP_ERF, self)


@method
def erfc(self: Value):
    """1 - erf(x), exact for large x."""
    return make_unary(OP_ERFC, self)


@method
def erfcx(self: Value):
    """exp(x^2) erfc(x), for x where erfc(x) is too small for a float."""
    return make_unary(OP_ERFCX, self)


@method
def ierfcx(self: Value, x):
    """exp(x^2) times the n-th repeated integral of erfc at x; erfcx for order 0. Here order is this node."""
    return make_binary(OP_IERFCX, self, as_value(x))


@method
def erfinv(self: Value):
    """The number whose erf is x."""
    return make_unary(OP_ERFINV, self)


@method
def gamma(self: Value):
    """The Gamma function: (x - 1)! for whole numbers."""
    return make_unary(OP_GAMMA, self)


@method
def lgamma(self: Value):
    """Logarithm of |Gamma(x)|."""
    return make_unary(OP_LGAMMA, self)


@method
def digamma(self: Value):
    """The slope of lgamma."""
    return make_unary(OP_DIGAMMA, self)


@method
def polygamma(self: Value, x):
    """The polygamma function of some order at x: 0 for digamma, 1 for trigamma. Here order is this node."""
    return make_binary(OP_POLYGAMMA, self, as_value(x))


@method
def digamma_difference(self: Value, b):
    """digamma(a + b) - digamma(a) without cancellation, for positive a and b; NaN elsewhere.

    Here a is this node.
    """
    return make_binary(OP_DIGAMMA_DIFFERENCE, self, as_value(b))


@method
def beta(self: Value, b):
    """Gamma(a) Gamma(b) / Gamma(a + b), for positive a and b. Here a is this node."""
    return make_binary(OP_BETA, self, as_value(b))


@method
def sigmoid(self: Value):
    """1 / (1 + exp(-x)); never overflows."""
    return make_unary(OP_SIGMOID, self)


@method
def logsigmoid(self: Value):
    """log(sigmoid(x)); never overflows."""
    return make_unary(OP_LOGSIGMOID, self)


@method
def softplus(self: Value):
    """log(1 + exp(x)); never overflows."""
    return make_unary(OP_SOFTPLUS, self)


@method
def logit(self: Value):
    """log(x / (1 - x)), the inverse of sigmoid."""
    return make_unary(OP_LOGIT, self)


@method
def relu(self: Value):
    """max(0, x)."""
    return make_unary(OP_RELU, self)


@method
def leaky_relu(self: Value, slope=0.01):
    """x where x > 0, else slope * x. Here x is this node."""
    return make_binary(OP_LEAKY_RELU, self, as_value(slope))


@method
def elu(self: Value, alpha=1.0):
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015). Here x is this node."""
    return make_binary(OP_ELU, self, as_value(alpha))


@method
def gelu(self: Value):
    """x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016)."""
    return make_unary(OP_GELU, self)


@method
def silu(self: Value):
    """x sigmoid(x)."""
    return make_unary(OP_SILU, self)


@method
def maximum(self: Value, b):
    """The larger of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
    return make_binary(OP_MAXIMUM, self, as_value(b))


@method
def minimum(self: Value, b):
    """The smaller of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
    return make_binary(OP_MINIMUM, self, as_value(b))


@method
def logaddexp(self: Value, b):
    """log(exp(a) + exp(b)); never overflows. Here a is this node."""
    return make_binary(OP_LOGADDEXP, self, as_value(b))


@method
def xlogy(self: Value, b):
    """a log(b), and 0 where a is 0, even for b = 0. Here a is this node."""
    return make_binary(OP_XLOGY, self, as_value(b))


@method
def copysign(self: Value, b):
    """|a| with the sign of b; its gradient with respect to a is 0 at 0, and to b 0. Here a is this node."""
    return make_binary(OP_COPYSIGN, self, as_value(b))


@method
def heaviside(self: Value, half):
    """0 for x < 0, 1 for x > 0, half at 0. Here x is this node."""
    return make_binary(OP_HEAVISIDE, self, as_value(half))


@method
def where(self: Value, a, b):
    """a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0.

    Here condition is this node.
    """
    return make_many(OP_WHERE, [self, as_value(a), as_value(b)], 0)


@method
def clip(self: Value, low, high):
    """x kept within [low, high]; on a bound the gradient goes to x. Here x is this node."""
    return make_many(OP_CLIP, [self, as_value(low), as_value(high)], 0)


@method
def sign(self: Value):
    """-1, 0 or 1; its gradient is 0."""
    return make_unary(OP_SIGN, self)


@method
def floor(self: Value):
    """The largest whole number not above x, as a float; its gradient is 0."""
    return make_unary(OP_FLOOR, self)


@method
def ceil(self: Value):
    """The smallest whole number not below x, as a float; its gradient is 0."""
    return make_unary(OP_CEIL, self)


@method
def rint(self: Value):
    """The nearest whole number, the even one of two, as a float; its gradient is 0."""
    return make_unary(OP_RINT, self)


@method
def stop_gradient(self: Value):
    """x with gradient 0, still part of the graph (and so of a Program)."""
    return make_unary(OP_STOP_GRADIENT, self)


@method
def greater(self: Value, b):
    """1 where a > b, else 0, as a node (for `where`). Here a is this node."""
    return make_binary(OP_GREATER, self, as_value(b))


@method
def greater_equal(self: Value, b):
    """1 where a >= b, else 0, as a node (for `where`). Here a is this node."""
    return make_binary(OP_GREATER_EQUAL, self, as_value(b))


@method
def less(self: Value, b):
    """1 where a < b, else 0, as a node (for `where`). Here a is this node."""
    return make_binary(OP_LESS, self, as_value(b))


@method
def less_equal(self: Value, b):
    """1 where a <= b, else 0, as a node (for `where`). Here a is this node."""
    return make_binary(OP_LESS_EQUAL, self, as_value(b))


@method
def equal(self: Value, b):
    """1 where a == b, else 0, as a node (for `where`). Here a is this node."""
    return make_binary(OP_EQUAL, self, as_value(b))


@method
def complement(self: Value, others):
    """1 - w, where its value is known as `others`, without cancellation; the gradient goes to w.

    Here w is this node.
    """
    return make_binary(OP_COMPLEMENT, self, as_value(others))


method(asin, "arcsin")
method(acos, "arccos")
method(atan, "arctan")
method(asinh, "arcsinh")
method(acosh, "arccosh")
method(atanh, "arctanh")
method(atan2, "arctan2")
method(degrees, "rad2deg")
method(radians, "deg2rad")

# --- end ---
