"""Neuron, Layer, MLP: h^(k) = g(a^(k)), a^(k) = b^(k) + W^(k) h^(k-1), in scalars.

The signatures, the order of the parameters and the random numbers drawn for them are micrograd's; the options
are keywords. A neuron makes two nodes, one `dot` (b + sum_j w_j h_j) and one activation, under the scope
"layer1.neuron0".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from autograd_core import Value, dot, scope
from autograd_core.engine.modes import activated_dots
from nn.activations import VECTOR_ACTIVATIONS, Activation, activation_name, activation_named
from nn.arguments import shown, truth, whole_number
from nn.data import values_of
from nn.errors import InputError
from nn.initializers import Initializer, RandomSource, drawn, random_source
from nn.module import Module

__all__ = ["MLP", "Layer", "Neuron"]


class Neuron(Module):
    """One neuron: h = g(b + sum_j w_j x_j).

    Args:
        nin: the number of inputs.
        nonlin: micrograd's switch: True is relu, False is linear.
        activation: a name or a callable; overrides `nonlin`.
        initializer: a name or a callable, see `nn.initializers`.
        seed: an integer, a generator, or None for Python's global generator.
        name: the scope of its nodes.

    Attributes:
        w: the weights, a list of Values.
        b: the bias, a Value.
        activation: may be assigned.

    Example:
        >>> neuron = Neuron(2, seed=1)
        >>> neuron([1.0, -2.0]).op
        'relu'
    """

    _g: Activation

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: str | Activation | None = None,
        initializer: str | Initializer = "uniform",
        seed: int | RandomSource | None = None,
        name: str = "neuron0",
    ) -> None:
        weights = drawn(initializer, 1, whole_number("nin", nin, 1), seed)[0]
        self._set_up(weights, _activation(nonlin, activation), name)

    def _set_up(self, weights: Sequence[float], activation: str | Activation, name: str) -> None:
        self.name = name
        self.activation = activation
        self._scope = scope(name)  # entered again and again: making one costs as much as the node
        with self._scope:
            self.w = [Value(w, label=f"w{j}") for j, w in enumerate(weights)]
            self.b = Value(0.0, label="b")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "activation":
            object.__setattr__(self, "_g", activation_named(value))
        object.__setattr__(self, name, value)

    @property
    def nin(self) -> int:
        """The number of inputs."""
        return len(self.w)

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation."""
        return activation_name(self.activation) not in ("linear", "identity")

    def affine(self, x: Sequence[Value]) -> Value:
        """a = b + sum_j w_j x_j, one node."""
        with self._scope:
            a: Value = dot(self.w, x, self.b)
        return a

    def activate(self, a: Value) -> Value:
        """h = g(a)."""
        with self._scope:
            return self._g(a)

    def __call__(self, x: Sequence[Any]) -> Value:
        """The neuron's output for Values or numbers."""
        _check_inputs("the neuron", x, len(self.w))
        h: Value = activated_dots([(self._scope, self.w, self.b, self._g)], x)[0]
        return h

    def parameters(self) -> list[Value]:
        """The weights, then the bias, then what a subclass or an activation may hold."""
        return _once(_and_rest([*self.w, self.b], self, ("w", "b")))

    def __repr__(self) -> str:
        return f"{activation_name(self.activation)} neuron({self.nin})"


def _and_rest(mine: list[Value], module: Module, known: Collection[str]) -> list[Value]:
    """The parameters that a class knows of, and those that the other attributes hold."""
    rest = [name for name, held in vars(module).items() if name not in known and not isinstance(held, str)]
    if any(not name.startswith("_") for name in rest):
        return [*mine, *Module.parameters(module)]
    return mine


def _check_inputs(name: str, x: Any, count: int) -> None:
    try:
        if len(x) == count:
            return
    except TypeError:
        raise InputError(f"{name} takes a list of {count} inputs, not {shown(x)}") from None
    raise InputError(f"{name} takes {count} inputs and got {len(x)}")


def _activation(nonlin: bool, activation: str | Activation | None) -> str | Activation:
    if activation is not None:
        return activation
    return "relu" if truth("nonlin", nonlin) else "linear"


def _once(values: list[Value]) -> list[Value]:
    """Each Value once: neurons may share weights, and Values hash by identity."""
    return list(dict.fromkeys(values))


def _listed(h: Value | list[Value]) -> list[Value]:
    return [h] if isinstance(h, Value) else h


class Layer(Module):
    """A layer: h = g(b + W x), one neuron a row of W.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        nonlin: micrograd's switch: True is relu, False is linear.
        activation: a name or a callable for each neuron, or "softmax" / "log_softmax" over the layer.
        initializer: a name or a callable; it sees the whole matrix (nout, nin).
        seed: an integer, a generator, or None for Python's global generator.
        name: the scope of its nodes.

    Attributes:
        neurons: the neurons.
        name: the scope.
        activation: may be assigned.

    Example:
        >>> layer = Layer(2, 3, activation="tanh", seed=1)
        >>> len(layer([1.0, -2.0])), len(layer.parameters())
        (3, 9)
    """

    _over_layer: Callable[[Sequence[Value]], list[Value]] | None

    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        *,
        activation: str | Activation | None = None,
        initializer: str | Initializer = "uniform",
        seed: int | RandomSource | None = None,
        name: str = "layer1",
    ) -> None:
        nin, nout = whole_number("nin", nin, 1), whole_number("nout", nout, 1)
        self.name = name
        self.activation = _activation(nonlin, activation)
        rows = drawn(initializer, nout, nin, seed)
        self.neurons = [self._neuron(row, index) for index, row in enumerate(rows)]

    def _neuron(self, weights: Sequence[float], index: int) -> Neuron:
        neuron = Neuron.__new__(Neuron)
        neuron._set_up(
            weights, "linear" if self._over_layer else self.activation, f"{self.name}.neuron{index}"
        )
        return neuron

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "activation":
            over_layer = VECTOR_ACTIVATIONS.get(value) if isinstance(value, str) else None
            for neuron in vars(self).get("neurons", ()):
                neuron.activation = "linear" if over_layer else value
            self._over_layer = over_layer
        object.__setattr__(self, name, value)

    @property
    def nin(self) -> int:
        """The number of inputs."""
        return self.neurons[0].nin

    @property
    def nout(self) -> int:
        """The number of neurons."""
        return len(self.neurons)

    @property
    def W(self) -> list[list[Value]]:
        """The weight matrix W, nout rows of nin Values."""
        return [neuron.w for neuron in self.neurons]

    @property
    def b(self) -> list[Value]:
        """The bias vector b."""
        return [neuron.b for neuron in self.neurons]

    def tie(self, other: Layer, transpose: bool = False) -> Layer:
        """Share the weights of another layer; biases stay apart. Trained, saved and decayed once.

        Args:
            other: a layer of the same shape, or, with `transpose`, of the shape turned round.
            transpose: W = other.W^T, as in an autoencoder.

        Raises:
            InputError: the shapes differ.

        Example:
            >>> model = MLP(3, [2, 3], seed=1)
            >>> _ = model.layers[1].tie(model.layers[0], transpose=True)
            >>> model.layers[1].W[2][0] is model.layers[0].W[0][2], len(model.parameters())
            (True, 11)
        """
        truth("transpose", transpose)
        if not isinstance(other, Layer):
            raise InputError(f"a layer shares the weights of another Layer, not of {shown(other)}")
        rows = [list(row) for row in zip(*other.W, strict=True)] if transpose else other.W
        if (len(rows), len(rows[0])) != (self.nout, self.nin):
            raise InputError(f"{self!r} cannot share the weights of {other!r}: the shapes differ")
        for neuron, row in zip(self.neurons, rows, strict=True):
            neuron.w = row
        return self

    @property
    def is_pure(self) -> bool:
        """Whether the outputs depend on inputs and parameters alone, always by the same graph."""
        mine = type(self) is Layer and isinstance(self.activation, str)
        return mine and all(type(neuron) is Neuron for neuron in self.neurons)

    def affine(self, x: Sequence[Any]) -> list[Value]:
        """a = b + W x."""
        self._check_inputs(x)
        inputs = values_of(x)
        return [neuron.affine(inputs) for neuron in self.neurons]

    def activate(self, a: Sequence[Value]) -> list[Value]:
        """h = g(a)."""
        if self._over_layer is not None:
            with scope(self.name):
                return self._over_layer(a)
        return [neuron.activate(ai) for neuron, ai in zip(self.neurons, a, strict=True)]

    def __call__(self, x: Sequence[Any]) -> Value | list[Value]:
        """The outputs for Values or numbers; of a layer of one neuron, that Value (as in micrograd)."""
        h = self.forward(x)
        return h[0] if len(h) == 1 else h

    def forward(self, x: Sequence[Any]) -> list[Value]:
        """The layer's outputs, always a list."""
        self._check_inputs(x)
        return self._forward(values_of(x))

    def _forward(self, x: list[Value]) -> list[Value]:
        """h = g(b + W x): this is where an eager training run spends its time."""
        units = [(n._scope, n.w, n.b, n._g) if type(n) is Neuron else n for n in self.neurons]
        h: list[Value] = activated_dots(units, x)
        return h if self._over_layer is None else self.activate(h)

    def _check_inputs(self, x: Sequence[Any]) -> None:
        _check_inputs(self.name, x, self.nin)

    def parameters(self) -> list[Value]:
        """Each neuron's weights, then its bias, then what a subclass or an activation may hold."""
        return _once(self._held())

    def _held(self) -> list[Value]:
        """The same, where shared ones come again."""
        mine = [p for neuron in self.neurons for p in (*neuron.w, neuron.b)]
        return _and_rest(mine, self, ("neurons",))

    def _found(self, without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
        """W and b instead of the neurons, whose weights are rows of W; then the other attributes."""
        yield "W", self.W
        yield "b", self.b
        yield from super()._found({"neurons", *without})

    def __repr__(self) -> str:
        return f"Layer({self.nin} -> {self.nout} {activation_name(self.activation)})"


class MLP(Module):
    """A multilayer perceptron: h^(0) = x, h^(k) = g(b^(k) + W^(k) h^(k-1)), k = 1 .. depth.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons of each layer; the last is the output.
        activation: of the hidden layers, a name or a callable; None is linear.
        output: the activation of the last layer; losses "from logits" want it linear.
        initializer: a name or a callable, see `nn.initializers`; "uniform" is micrograd's.
        seed: an integer, a generator, or None for Python's global generator (`random.seed`).

    Attributes:
        layers: the layers.

    Example:
        >>> model = MLP(2, [16, 16, 1], seed=1)
        >>> model
        MLP(2 -> 16 relu -> 16 relu -> 1 linear, 337 parameters)
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        *,
        activation: str | Activation | None = "relu",
        output: str | Activation | None = "linear",
        initializer: str | Initializer = "uniform",
        seed: int | RandomSource | None = None,
    ) -> None:
        if not hasattr(nouts, "__len__") or isinstance(nouts, str):
            raise InputError(
                f"nouts is a list, a number of neurons for each layer, as [{nouts}]; not {nouts!r}"
            )
        if not len(nouts):
            raise InputError("an MLP needs at least one layer: nouts is empty")
        if len(nouts) == 1 and not (isinstance(activation, str) and activation in VECTOR_ACTIVATIONS):
            activation_named(activation)  # a slip is told where there is no hidden layer, too
        rng = random_source(seed)
        widths = [nin, *nouts]
        self.layers = [
            Layer(
                widths[k],
                widths[k + 1],
                activation=_activation(False, output if k == len(nouts) - 1 else activation),
                initializer=initializer,
                seed=rng,
                name=f"layer{k + 1}",
            )
            for k in range(len(nouts))
        ]

    @property
    def nin(self) -> int:
        """The number of inputs."""
        return self.layers[0].nin

    @property
    def nout(self) -> int:
        """The number of outputs."""
        return self.layers[-1].nout

    @property
    def is_pure(self) -> bool:
        """Whether the outputs depend on inputs and parameters alone, always by the same graph.

        Then a Program may stand in for the model. Activations of one's own might draw random numbers.
        """
        return type(self) is MLP and all(layer.is_pure for layer in self.layers)

    def forward(self, x: Sequence[Any]) -> list[Value]:
        """The outputs for one example (Values or numbers), always a list."""
        self.layers[0]._check_inputs(x)
        h = values_of(x)
        for layer in self.layers:
            h = layer._forward(h) if type(layer) is Layer else _listed(layer(h))
        return h

    def __call__(self, x: Sequence[Any]) -> Any:
        """The outputs for one example; of a network with one output, that Value (as in micrograd)."""
        h = self.forward(x)
        return h[0] if len(h) == 1 else h

    def parameters(self) -> list[Value]:
        """Layer by layer, each neuron's weights, then its bias, then what a subclass may hold."""
        held = [
            layer._held() if type(layer).parameters is Layer.parameters else layer.parameters()
            for layer in self.layers
        ]
        return _once(_and_rest([p for values in held for p in values], self, ("layers",)))

    def _found(self, without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
        """The layers, named layer1, layer2, ..., then the other attributes."""
        for layer in self.layers:
            yield layer.name, layer
        yield from super()._found({"layers", *without})

    def __repr__(self) -> str:
        arrows = "".join(f" -> {layer.nout} {activation_name(layer.activation)}" for layer in self.layers)
        return f"MLP({self.nin}{arrows}, {len(self.parameters())} parameters)"
