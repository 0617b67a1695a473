"""The lecture's quantities, layer by layer, for one example: read from the scalar graph, not computed anew.

    a^(k) = b^(k) + W^(k) h^(k-1)        h^(k) = g(a^(k))
    g^(k) = dJ/da^(k)
    dJ/dW^(k) = g^(k) h^(k-1)^T + alpha dOmega/dW^(k)
    dJ/db^(k) = g^(k) (+ alpha dOmega/db^(k) if the regularizer counts biases)

(Goodfellow et al. 2016, Algorithms 6.3 and 6.4.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_core import Value
from autograd_core.transforms import derivative_graphs
from nn.arguments import check_regularizer, shown
from nn.data import rows_of, targets_of, values_of
from nn.errors import InputError
from nn.layers import Layer
from nn.losses import Loss, LossFunction, loss_named
from nn.regularizers import Regularizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LayerQuantities", "LayerReport", "layer_report"]


@dataclass(frozen=True)
class LayerQuantities:
    """One layer's part of a report; arrays of float64.

    Attributes:
        name: the layer's scope, "layer1".
        a: a^(k), shape (n_out,).
        h: h^(k), shape (n_out,).
        g: dJ/da^(k), shape (n_out,).
        dh: dJ/dh^(k), shape (n_out,).
        dW: dJ/dW^(k), shape (n_out, n_in).
        db: dJ/db^(k), shape (n_out,).
    """

    name: str
    a: NDArray[Any]
    h: NDArray[Any]
    g: NDArray[Any]
    dh: NDArray[Any]
    dW: NDArray[Any]
    db: NDArray[Any]


@dataclass(frozen=True, repr=False)
class LayerReport:
    """What `layer_report` returns; ``report[0]`` is the first layer, printing it gives a table.

    Attributes:
        x: h^(0), the example.
        layers: the layers, in order.
        loss: the loss L.
        penalty: alpha Omega.
        dx: dJ/dx.
    """

    x: NDArray[Any]
    layers: tuple[LayerQuantities, ...]
    loss: float
    penalty: float
    dx: NDArray[Any]

    @property
    def objective(self) -> float:
        """J = L + alpha Omega."""
        return self.loss + self.penalty

    def __getitem__(self, index: int) -> LayerQuantities:
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        lines = [
            f"J = {self.objective:.6g}   L = {self.loss:.6g}   alpha Omega = {self.penalty:.6g}",
            f"h(0) = x       {_shown(self.x)}",
        ]
        for k, layer in enumerate(self.layers, 1):
            lines += [
                f"{layer.name}: W({k}) {layer.dW.shape[0]} x {layer.dW.shape[1]}",
                f"  a({k})         {_shown(layer.a)}",
                f"  h({k})         {_shown(layer.h)}",
                f"  g = dJ/da({k}) {_shown(layer.g)}",
                f"  dJ/db({k})     {_shown(layer.db)}",
                *(f"  dJ/dW({k})[{i}]  {_shown(row)}" for i, row in enumerate(layer.dW[:_SHOWN])),
            ]
            if len(layer.dW) > _SHOWN:
                lines.append(f"  ... {len(layer.dW) - _SHOWN} more rows")
        return "\n".join(lines)


_SHOWN = 8


def _shown(vector: NDArray[Any]) -> str:
    numbers = [f"{number: .4g}" for number in vector[:_SHOWN].tolist()]
    more = f" ... {len(vector) - _SHOWN} more" if len(vector) > _SHOWN else ""
    return "[" + ", ".join(numbers) + more + "]"


def layer_report(
    model: Any,
    x: Sequence[Any],
    y: Any,
    loss: str | Loss | LossFunction = "cross_entropy",
    regularizer: Regularizer | None = None,
) -> LayerReport:
    """Run one example forward and back, and read every layer's quantities from the graph.

    The gradients on the model's parameters are left as they were.

    Args:
        model: an `MLP`, or a module whose ``layers`` have ``affine`` and ``activate``.
        x: one example, numbers or Values.
        y: its target.
        loss: a name, one of `nn.losses`, or your own.
        regularizer: adds alpha Omega to J.

    Raises:
        InputError: the model has no layers, one of them is not used once, or the example does not fit it.
    """
    layers = getattr(model, "layers", None)
    if not layers or not all(hasattr(layer, "affine") for layer in layers):
        raise InputError(f"layer_report needs a model with layers, such as an MLP, not {shown(model)}")
    row = loss_named(loss)
    if not isinstance(x, Iterable):
        raise InputError(f"x is one example, a list of numbers; not {shown(x)}")
    check_regularizer(regularizer)
    if not all(isinstance(v, Value) for v in x):
        x = rows_of([x], getattr(model, "nin", None), "x")[0].tolist()
    targets = targets_of(row, [y], layers[-1].nout)
    parameters = model.parameters()
    kept = [p.grad for p in parameters]
    try:
        model.zero_grad()
        return _report(model, [Value(float(v)) for v in x], targets[0], row, regularizer)
    finally:
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient


def _report(model: Any, x: list[Value], y: Any, loss: Loss, regularizer: Regularizer | None) -> LayerReport:
    found = model.layers
    if all(isinstance(layer, Layer) for layer in found):
        outputs, affine, hidden = _watched(model, x)
    else:
        outputs, affine, hidden = _chained(model, x)
    example_loss = loss(outputs, y)
    with derivative_graphs():
        penalty = None if regularizer is None else regularizer(model)
    (example_loss if penalty is None else example_loss + penalty).backward()
    return LayerReport(
        x=_data(x),
        layers=tuple(
            LayerQuantities(
                name=layer.name,
                a=_data(a),
                h=_data(h),
                g=_grad(a),
                dh=_grad(h),
                dW=_grad(layer.W),
                db=_grad(layer.b),
            )
            for layer, a, h in zip(model.layers, affine, hidden, strict=True)
        ),
        loss=example_loss.data,
        penalty=0.0 if penalty is None else penalty.data,
        dx=_grad(x),
    )


def _watched(model: Any, x: list[Value]) -> tuple[Any, list[Any], list[Any]]:
    """Call the model, and note what passes through its layers, in whatever order it takes them."""
    seen: dict[int, list[tuple[list[Value], list[Value]]]] = {id(layer): [] for layer in model.layers}

    def watch(layer: Layer) -> Callable[[list[Value]], list[Value]]:
        def forward(inputs: list[Value]) -> list[Value]:
            a = layer.affine(inputs)
            h = layer.activate(a)
            seen[id(layer)].append((a, h))
            return h

        return forward

    try:
        for layer in model.layers:
            vars(layer)["_forward"] = watch(layer)
        outputs = model(values_of(x))
    finally:
        for layer in model.layers:
            vars(layer).pop("_forward", None)
    for layer in model.layers:
        if len(seen[id(layer)]) != 1:
            raise InputError(
                f"{layer.name} is used {len(seen[id(layer)])} times for one example; a report has one a and "
                "one h for each layer"
            )
    if _numbers(outputs) != _numbers(model(values_of(x))):
        raise InputError(
            f"{type(model).__name__} gives other outputs where its layers make h by affine and activate, or "
            "is not the same every time: there is no report of it"
        )
    passed = [seen[id(layer)][0] for layer in model.layers]
    return outputs, [a for a, _ in passed], [h for _, h in passed]


def _chained(model: Any, x: list[Value]) -> tuple[Any, list[Any], list[Any]]:
    """Layers of another kind, one after the other: the model's outputs must be the last one's."""
    affine, hidden, inputs = [], [], values_of(x)
    for layer in model.layers:
        affine.append(layer.affine(inputs))
        hidden.append(inputs := layer.activate(affine[-1]))
    outputs = inputs[0] if len(inputs) == 1 else inputs
    expected = model(values_of(x))
    if _numbers(outputs) != _numbers(expected):
        raise InputError(
            f"{type(model).__name__} is not its layers one after the other: there is no report of it"
        )
    return outputs, affine, hidden


def _numbers(outputs: Any) -> list[float]:
    return [v.data for v in ([outputs] if isinstance(outputs, Value) else outputs)]


def _data(values: Sequence[Value]) -> NDArray[Any]:
    import numpy as np

    return np.array([v.data for v in values])


def _grad(values: Any) -> NDArray[Any]:
    import numpy as np

    return np.array([[v.grad for v in row] if isinstance(row, list) else row.grad for row in values])
