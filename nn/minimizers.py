"""SciPy's minimizers as optimizers of `nn.fit` (extra ``[optimize]``): full batches, line searches, no rate.

    >>> from nn import LBFGS, MLP, fit
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> history = fit(MLP(2, [8, 2], seed=1), X, y, optimizer=LBFGS(), epochs=50, seed=1)
    >>> history[-1].loss < 1e-3
    True

The objective is J of all examples, with its gradient, from Programs where they serve, with the bits of the
eager graph. An epoch is one iteration of the minimizer; each evaluates J at least once, more in a line
search. What is frozen is no variable. A model that draws random numbers has no one objective, and is refused.
The memory of a minimizer is its own, so that a run cannot be resumed: save the model, and start anew from
there.
"""

from __future__ import annotations

from typing import Any

from nn.arguments import number, one_of, shown, whole_number
from nn.errors import InputError
from nn.optimizers import Optimizer

__all__ = ["LBFGS", "METHODS", "Minimizer"]

METHODS = ("L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG")


class Minimizer(Optimizer):
    """One of the methods of `scipy.optimize.minimize` that take a gradient.

    Args:
        method: "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP" or "Newton-CG".
        options: of the method, by SciPy's names: gtol, maxfun, ... The number of iterations is `epochs`.

    Attributes:
        evaluations: how often J was computed in the last run.
        message: SciPy's, of the last run.

    Raises:
        InputError: there is no such method; in `nn.fit`: it has no such option.

    Example:
        >>> from nn import MLP, fit
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        >>> optimizer = Minimizer("BFGS")
        >>> history = fit(MLP(1, [2], seed=1), X, y, optimizer=optimizer, batch_size=4, epochs=20, seed=1)
        >>> history[-1].loss < 0.1
        True
    """

    def __init__(self, method: str = "L-BFGS-B", **options: Any) -> None:
        one_of("minimizer", method, METHODS)
        if "maxiter" in options:
            raise InputError("the number of iterations is fit(..., epochs=...), not maxiter")
        for name, value in options.items():
            if isinstance(value, str):
                raise InputError(f"{name} of {method} is a number, not {shown(value)}")
        self.method, self.options = method, options
        self.evaluations, self.message = 0, ""
        super().__init__(lr=1.0)

    def step(self) -> None:
        """There is none: a line search needs the objective.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self!r} minimizes a whole objective: use it in nn.fit")

    def _kept(self) -> dict[str, Any]:
        return {"method": self.method, **self.options}

    def hyperparameters(self) -> dict[str, Any]:
        """The schedule alone: a minimizer has nothing that a callback may change."""
        return {
            name: kept for name, kept in super().hyperparameters().items() if name in ("schedule", "frozen")
        }

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Minimizer({self.method!r}{options})"


class LBFGS(Minimizer):
    """Limited-memory BFGS: curvature from the last steps, and a line search (Liu and Nocedal 1989).

    Args:
        maxcor: how many steps are remembered.
        gtol: stop where no component of the gradient is larger.
        ftol: stop where J falls by less than this share.
        maxfun: how often J may be computed.
        maxls: how often in one line search.

    Example:
        >>> from nn import MLP, fit
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        >>> history = fit(MLP(1, [2], seed=1), X, y, optimizer=LBFGS(), batch_size=4, epochs=20, seed=1)
        >>> history[-1].loss < 0.1
        True
    """

    def __init__(
        self,
        *,
        maxcor: int = 10,
        gtol: float = 1e-5,
        ftol: float = 2.220446049250313e-09,
        maxfun: int = 15000,
        maxls: int = 20,
    ) -> None:
        for name, count in (("maxcor", maxcor), ("maxfun", maxfun), ("maxls", maxls)):
            whole_number(name, count, 1)
        number("gtol", gtol, "[0, inf)")
        number("ftol", ftol, "[0, inf)")
        super().__init__("L-BFGS-B", maxcor=maxcor, gtol=gtol, ftol=ftol, maxfun=maxfun, maxls=maxls)
