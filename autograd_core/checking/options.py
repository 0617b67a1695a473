"""The options of a gradient check; what makes no sense, or would not be used, is an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograd_core.arguments import truth, whole_number


@dataclass(frozen=True, slots=True)
class Options:
    """What is checked, and how; see `gradient_report`."""

    gradient: Any
    vjp: Any
    jvp: Any
    hvp: Any
    hessian: Any
    order: int
    full: bool
    batched: bool
    convention: str
    points: int
    domain: Callable[..., Any] | None
    directions: int | None
    operations: bool
    seed: int

    def __post_init__(self) -> None:
        whole_number("order", self.order, 1, 2)
        whole_number("points", self.points, 1)
        if self.directions is not None:
            whole_number("directions", self.directions, 1)
        whole_number("seed", self.seed)
        for name in ("full", "batched", "operations"):
            truth(name, getattr(self, name))
        if self.convention not in ("torch", "jax"):
            raise ValueError(f'convention is "torch" or "jax", not {self.convention!r}')
        for name in ("vjp", "jvp", "hvp", "domain"):
            function = getattr(self, name)
            if function is not None and not callable(function):
                raise TypeError(f"{name} is a function, not {function!r}")
        if self.gradient is not None and self.vjp is not None:
            raise ValueError("give gradient= or vjp=, not both: one gradient is checked at a time")
        if self.batched and self.gradient is None:
            raise ValueError("batched=True tells what gradient= returns, and none is given")
        if self.domain is not None and self.points == 1:
            raise ValueError("domain= is for points=2 and more: the first point is the inputs")
        if self.hessian is not None and self.order != 2:
            raise ValueError("hessian= is checked with order=2")
        if self.order == 2 and self.given and self.hessian is None and self.hvp is None:
            raise ValueError("order=2 with a gradient of your own needs hessian= or hvp= too")

    @property
    def given(self) -> bool:
        """Whether the caller gave the gradient under test."""
        return self.gradient is not None or self.vjp is not None

    @property
    def jvp_alone(self) -> bool:
        """Whether a jvp is all that the caller asks to check."""
        return self.jvp is not None and self.hvp is None and self.order == 1 and not self.given
