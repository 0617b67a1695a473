"""Scalar reverse-mode automatic differentiation: a number that remembers how it was made.

>>> import autograd_core as ag
>>> x, y = ag.Value(2.0, "x"), ag.Value(3.0, "y")
>>> z = ag.sin(x) * y + x**2
>>> z.backward()
>>> round(x.grad, 6), round(y.grad, 6)
(2.751559, 0.909297)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazily
from ._load import load_engine
from ._paths import ALIASES, keep_paths

keep_paths()
load_engine()

from .backward import Contribution, backward, contributions, zero_grad  # noqa: E402
from .calculus.operations import OPERATIONS, Operation  # noqa: E402
from .engine.modes import diagnose, enable_grad, ieee, no_grad, scope  # noqa: E402
from .engine.sweep import topological_order  # noqa: E402
from .engine.value import COMPILED, Value  # noqa: E402
from .errors import (  # noqa: E402
    AutogradError,
    ConversionError,
    DivisionError,
    DomainError,
    GradientCheckError,
    GraphError,
    NonFiniteError,
    OperationError,
    RangeError,
    RecordingError,
)
from .functions import *  # noqa: E402, F403
from .functions import __all__ as _functions  # noqa: E402

if TYPE_CHECKING:
    from . import bessel as bessel
    from .checking.rounding import rounding
    from .custom import CustomOperation, operation
    from .graph import Explanation, GraphStatistics, Path, explain, stale_nodes, statistics
    from .programs import (
        Gradients,
        Program,
        ProgramStatistics,
        fori_loop,
        jit,
        record,
        scan,
        tree_sum,
        while_loop,
    )
    from .transforms import differentiate, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from .vectors import (
        gradients_to_vector,
        parameters_to_vector,
        vector_to_gradients,
        vector_to_parameters,
    )

# Imported when they are first asked for, so that `import autograd_core` stays quick.
_LAZY = {
    "bessel": "",
    "checking.rounding": "rounding",
    "custom": "CustomOperation operation",
    "graph": "Explanation GraphStatistics Path explain stale_nodes statistics",
    "programs": "Gradients Program ProgramStatistics fori_loop jit record scan tree_sum while_loop",
    "transforms": "differentiate grad hessian hvp jacobian jvp value_and_grad vjp",
    "vectors": "gradients_to_vector parameters_to_vector vector_to_gradients vector_to_parameters",
}
__getattr__, __dir__ = lazily(__name__, _LAZY, tuple(ALIASES))

__version__ = "0.2.0"

__all__ = [
    "COMPILED",
    "OPERATIONS",
    "AutogradError",
    "Contribution",
    "ConversionError",
    "CustomOperation",
    "DivisionError",
    "DomainError",
    "Explanation",
    "GradientCheckError",
    "Gradients",
    "GraphError",
    "GraphStatistics",
    "NonFiniteError",
    "Operation",
    "OperationError",
    "Path",
    "Program",
    "ProgramStatistics",
    "RangeError",
    "RecordingError",
    "Value",
    "backward",
    "contributions",
    "diagnose",
    "differentiate",
    "enable_grad",
    "explain",
    "fori_loop",
    "grad",
    "gradients_to_vector",
    "hessian",
    "hvp",
    "ieee",
    "jacobian",
    "jit",
    "jvp",
    "no_grad",
    "operation",
    "parameters_to_vector",
    "record",
    "rounding",
    "scan",
    "scope",
    "stale_nodes",
    "statistics",
    "topological_order",
    "tree_sum",
    "value_and_grad",
    "vector_to_gradients",
    "vector_to_parameters",
    "vjp",
    "while_loop",
    "zero_grad",
]
__all__ += _functions
