"""What the compiled module offers, for editors and type checkers."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat, TypeAlias, TypeVar, final, overload

from ..calculus.operations import Operation
from ..errors import OperationError
from ..graph import Explanation

# Whatever float() takes, except text: int, float, bool, Fraction, NumPy's scalars, another Value.
_Real: TypeAlias = SupportsFloat

COMPILED: bool
recording: Any  # thread-local: what is known of the Program that this thread records

class Details:
    label: str
    operation: Operation | None
    source: tuple[str, int] | None
    def __init__(
        self, label: str = "", operation: Operation | None = None, source: tuple[str, int] | None = None
    ) -> None: ...

@final
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
    """

    label: str
    def __init__(self, data: _Real, label: str = "") -> None: ...
    @property
    def data(self) -> float: ...
    @data.setter
    def data(self, number: _Real) -> None: ...
    @property
    def grad(self) -> float: ...
    @grad.setter
    def grad(self, number: _Real) -> None: ...
    @property
    def has_grad(self) -> bool: ...
    @property
    def operation(self) -> Any:
        """The `Operation` that made this node; None for a leaf."""
    @property
    def op(self) -> str: ...
    @property
    def _op(self) -> str: ...
    @property
    def parents(self) -> tuple[Value, ...]: ...
    @property
    def _prev(self) -> tuple[Value, ...]: ...
    @property
    def _children(self) -> tuple[Value, ...]: ...
    @property
    def partials(self) -> tuple[float, ...]: ...
    @property
    def _local_grads(self) -> tuple[float, ...]: ...
    @property
    def index(self) -> int: ...
    @property
    def scope(self) -> str: ...
    @property
    def is_leaf(self) -> bool: ...
    @property
    def is_constant(self) -> bool: ...
    @property
    def source(self) -> tuple[str, int] | None: ...
    def backward(self, gradient: _Real = 1.0) -> None:
        """Back-propagate from this node: every node it was computed from gets the gradient of this one.

        Leaves add to what they have; other nodes start afresh (Goodfellow et al. 2016, Algorithm 6.2).

        Args:
            gradient: the gradient to start with, usually 1.

        Raises:
            GraphError: if this node is a constant, or was computed under `no_grad`.
        """
    def zero_grad(self) -> None:
        """Forget the gradient of this node."""
    def detach(self) -> Value:
        """Return a constant with this node's number and no history."""
    def explain(self, parent: Value, limit: int = 10) -> Explanation:
        """Show the summed chain rule from this node down to `parent`.

        Args:
            parent: a node that this one was computed from.
            limit: how many paths to list, the largest first.
        """
    def __add__(self, other: _Real) -> Value: ...
    def __radd__(self, other: _Real) -> Value: ...
    def __sub__(self, other: _Real) -> Value: ...
    def __rsub__(self, other: _Real) -> Value: ...
    def __mul__(self, other: _Real) -> Value: ...
    def __rmul__(self, other: _Real) -> Value: ...
    def __truediv__(self, other: _Real) -> Value: ...
    def __rtruediv__(self, other: _Real) -> Value: ...
    def __mod__(self, other: _Real) -> Value: ...
    def __rmod__(self, other: _Real) -> Value: ...
    def __floordiv__(self, other: _Real) -> Value: ...
    def __rfloordiv__(self, other: _Real) -> Value: ...
    def __divmod__(self, other: _Real) -> tuple[Value, Value]: ...
    def __rdivmod__(self, other: _Real) -> tuple[Value, Value]: ...
    def __pow__(self, other: _Real, modulus: None = None) -> Value: ...
    def __rpow__(self, other: _Real, modulus: None = None) -> Value: ...
    def __neg__(self) -> Value: ...
    def __pos__(self) -> Value: ...
    def __abs__(self) -> Value: ...
    def __lt__(self, other: _Real) -> bool: ...
    def __le__(self, other: _Real) -> bool: ...
    def __gt__(self, other: _Real) -> bool: ...
    def __ge__(self, other: _Real) -> bool: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __float__(self) -> float: ...
    def item(self) -> float:
        """Return the node's number, under the name that NumPy and PyTorch use."""
    def __int__(self) -> int: ...
    def __bool__(self) -> bool: ...
    @overload
    def __round__(self, digits: None = None) -> int: ...
    @overload
    def __round__(self, digits: int) -> float: ...
    def __trunc__(self) -> int: ...
    def __floor__(self) -> int: ...
    def __ceil__(self) -> int: ...
    def __format__(self, specification: str) -> str: ...
    def __copy__(self) -> Value: ...
    def __deepcopy__(self, memo: dict[int, Any]) -> Value: ...
    @staticmethod
    def lift(number: _Real) -> Value:
        """Return a constant node of a plain number."""
    def softmax(self, values: Sequence[Value], index: int | None = None) -> Any:
        """Return the nodes of softmax of some Values, or the one with that index."""
    def fabs(self) -> Value:
        """The absolute value, under the name that NumPy asks for."""
    def conjugate(self) -> Value:
        """This node: NumPy asks for it in std, var and vdot."""
    # --- written by autograd_core/calculus/codegen.py ---
    def exp(self) -> Value:
        """e to the power of x."""
    def expm1(self) -> Value:
        """exp(x) - 1, exact for small x."""
    def exp2(self) -> Value:
        """2 to the power of x."""
    def log(self) -> Value:
        """Natural logarithm."""
    def log1p(self) -> Value:
        """log(1 + x), exact for small x."""
    def log2(self) -> Value:
        """Logarithm to base 2."""
    def log10(self) -> Value:
        """Logarithm to base 10."""
    def sqrt(self) -> Value:
        """Square root."""
    def cbrt(self) -> Value:
        """Cube root."""
    def square(self) -> Value:
        """x * x."""
    def reciprocal(self) -> Value:
        """1 / x."""
    def sin(self) -> Value:
        """Sine."""
    def cos(self) -> Value:
        """Cosine."""
    def tan(self) -> Value:
        """Tangent."""
    def asin(self) -> Value:
        """Inverse sine."""
    def arcsin(self) -> Value:
        """Inverse sine."""
    def acos(self) -> Value:
        """Inverse cosine."""
    def arccos(self) -> Value:
        """Inverse cosine."""
    def atan(self) -> Value:
        """Inverse tangent."""
    def arctan(self) -> Value:
        """Inverse tangent."""
    def sinh(self) -> Value:
        """Hyperbolic sine."""
    def cosh(self) -> Value:
        """Hyperbolic cosine."""
    def tanh(self) -> Value:
        """Hyperbolic tangent."""
    def asinh(self) -> Value:
        """Inverse hyperbolic sine."""
    def arcsinh(self) -> Value:
        """Inverse hyperbolic sine."""
    def acosh(self) -> Value:
        """Inverse hyperbolic cosine."""
    def arccosh(self) -> Value:
        """Inverse hyperbolic cosine."""
    def atanh(self) -> Value:
        """Inverse hyperbolic tangent."""
    def arctanh(self) -> Value:
        """Inverse hyperbolic tangent."""
    def atan2(self, x: _Real) -> Value:
        """The angle of the point (x, y). Here y is this node."""
    def arctan2(self, x: _Real) -> Value:
        """The angle of the point (x, y). Here y is this node."""
    def hypot(self, b: _Real) -> Value:
        """sqrt(a^2 + b^2) without overflow. Here a is this node."""
    def sinpi(self) -> Value:
        """sin(pi x), exactly 0 at whole numbers."""
    def cospi(self) -> Value:
        """cos(pi x), exactly 0 at odd multiples of 1/2."""
    def sinc(self) -> Value:
        """sin(pi x) / (pi x), 1 at 0 (as NumPy's)."""
    def degrees(self) -> Value:
        """Radians in degrees."""
    def rad2deg(self) -> Value:
        """Radians in degrees."""
    def radians(self) -> Value:
        """Degrees in radians."""
    def deg2rad(self) -> Value:
        """Degrees in radians."""
    def sech2(self) -> Value:
        """1 / cosh(x)^2, the slope of tanh, exact where tanh saturates."""
    def gaussian(self) -> Value:
        """exp(-x^2 / 2), exact in the tails."""
    def erf(self) -> Value:
        """Error function."""
    def erfc(self) -> Value:
        """1 - erf(x), exact for large x."""
    def erfcx(self) -> Value:
        """exp(x^2) erfc(x), for x where erfc(x) is too small for a float."""
    def ierfcx(self, x: _Real) -> Value:
        """exp(x^2) times the n-th repeated integral of erfc at x; erfcx for order 0.

        Here order is this node.
        """
    def erfinv(self) -> Value:
        """The number whose erf is x."""
    def gamma(self) -> Value:
        """The Gamma function: (x - 1)! for whole numbers."""
    def lgamma(self) -> Value:
        """Logarithm of |Gamma(x)|."""
    def digamma(self) -> Value:
        """The slope of lgamma."""
    def polygamma(self, x: _Real) -> Value:
        """The polygamma function of some order at x: 0 for digamma, 1 for trigamma.

        Here order is this node.
        """
    def digamma_difference(self, b: _Real) -> Value:
        """digamma(a + b) - digamma(a) without cancellation, for positive a and b; NaN elsewhere.

        Here a is this node.
        """
    def beta(self, b: _Real) -> Value:
        """Gamma(a) Gamma(b) / Gamma(a + b), for positive a and b. Here a is this node."""
    def sigmoid(self) -> Value:
        """1 / (1 + exp(-x)); never overflows."""
    def logsigmoid(self) -> Value:
        """log(sigmoid(x)); never overflows."""
    def softplus(self) -> Value:
        """log(1 + exp(x)); never overflows."""
    def logit(self) -> Value:
        """log(x / (1 - x)), the inverse of sigmoid."""
    def relu(self) -> Value:
        """max(0, x)."""
    def leaky_relu(self, slope: _Real = 0.01) -> Value:
        """x where x > 0, else slope * x. Here x is this node."""
    def elu(self, alpha: _Real = 1.0) -> Value:
        """x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015). Here x is this node."""
    def gelu(self) -> Value:
        """x Phi(x), with the exact normal distribution function (Hendrycks and Gimpel 2016)."""
    def silu(self) -> Value:
        """x sigmoid(x)."""
    def maximum(self, b: _Real) -> Value:
        """The larger of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
    def minimum(self, b: _Real) -> Value:
        """The smaller of the two; a tie shares the gradient, 1/2 to each. Here a is this node."""
    def logaddexp(self, b: _Real) -> Value:
        """log(exp(a) + exp(b)); never overflows. Here a is this node."""
    def xlogy(self, b: _Real) -> Value:
        """a log(b), and 0 where a is 0, even for b = 0. Here a is this node."""
    def copysign(self, b: _Real) -> Value:
        """|a| with the sign of b; its gradient with respect to a is 0 at 0, and to b 0.

        Here a is this node.
        """
    def heaviside(self, half: _Real) -> Value:
        """0 for x < 0, 1 for x > 0, half at 0. Here x is this node."""
    def where(self, a: _Real, b: _Real) -> Value:
        """a where the condition is not 0, else b; the branch not taken gets a gradient of exactly 0.

        Here condition is this node.
        """
    def clip(self, low: _Real, high: _Real) -> Value:
        """x kept within [low, high]; on a bound the gradient goes to x. Here x is this node."""
    def sign(self) -> Value:
        """-1, 0 or 1; its gradient is 0."""
    def floor(self) -> Value:
        """The largest whole number not above x, as a float; its gradient is 0."""
    def ceil(self) -> Value:
        """The smallest whole number not below x, as a float; its gradient is 0."""
    def rint(self) -> Value:
        """The nearest whole number, the even one of two, as a float; its gradient is 0."""
    def stop_gradient(self) -> Value:
        """x with gradient 0, still part of the graph (and so of a Program)."""
    def greater(self, b: _Real) -> Value:
        """1 where a > b, else 0, as a node (for `where`). Here a is this node."""
    def greater_equal(self, b: _Real) -> Value:
        """1 where a >= b, else 0, as a node (for `where`). Here a is this node."""
    def less(self, b: _Real) -> Value:
        """1 where a < b, else 0, as a node (for `where`). Here a is this node."""
    def less_equal(self, b: _Real) -> Value:
        """1 where a <= b, else 0, as a node (for `where`). Here a is this node."""
    def equal(self, b: _Real) -> Value:
        """1 where a == b, else 0, as a node (for `where`). Here a is this node."""
    def complement(self, others: _Real) -> Value:
        """1 - w, where its value is known as `others`, without cancellation; the gradient goes to w.

        Here w is this node.
        """
    # --- end ---

def as_value(number: _Real) -> Value:
    """Return a Value as it is, and a plain number as a constant node."""

def number_of(node: Value) -> float: ...
def evaluate(op: int, a: _Real, b: _Real = 0.0, c: _Real = 0.0) -> float:
    """Return the value of a built-in operation for plain numbers, without a node.

    Args:
        op: the operation's identifier; it takes one to three operands.
        a: a real number.
        b: another, if the operation takes so many.
        c: another.

    Raises:
        DomainError, RangeError, DivisionError: where Python's float would raise.
    """

def failure(
    rule: Operation, operands: Sequence[Value], numbers_: tuple[float, ...], error: Exception, what: str = ""
) -> OperationError:
    """Return the exception of ours that tells which operation failed, on what."""

def thread_mode() -> int:
    """Return the mode bits of this thread."""

rules: list[Operation | None]
scope_names: list[str]
outer_scopes: list[int]

def scope_path(number: int) -> str:
    """Return the path of a scope: the names from the outermost to its own, with dots between."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

def method(function: _Function, name: str | None = None) -> _Function:
    """Make a function of a node a method of Value: for modules that the node's own does not know of."""

def number_from(data: Any) -> float:
    """Return `data` as a float, or say what to do instead."""

def changes() -> int:
    """Return how many changes to the numbers, gradients and labels of nodes in tables there were."""
