"""A function under test as a function of one flat list of floats, and the gradient under test."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograd_core.checking.inputs import Inputs
from autograd_core.checking.jacobians import rows_of
from autograd_core.checking.kinds import (
    epsilon_of,
    flatten_numbers,
    is_array,
    is_tensor,
    is_value,
    outputs_of,
    shape_of,
)
from autograd_core.checking.options import Options
from autograd_core.checking.report import Fault
from autograd_core.checking.windows import EPSILON

if TYPE_CHECKING:
    from autograd_core import Value

Function = Callable[..., Any]
Vector = Sequence[float]


class Subject:
    """The function under test, as a function of one flat list of floats.

    Attributes:
        inputs: where it is checked.
        weights: the cotangent u: the outputs y are reduced to the number ``u . y``; None for one output.
        places: the place of each output in the result, complex ones twice.
        epsilon: relative precision of the function's values.
        evaluations: how often the function was called.
        engine: whose gradient is under test: "given", "torch" or "values".
    """

    def __init__(self, function: Function, inputs: Inputs, options: Options):
        self.function = function
        self.inputs = inputs
        self.given = options.gradient
        own = inputs.uses_jax and not (options.given or options.jvp_alone)
        if own and options.order == 2 and options.hessian is None and options.hvp is None:
            raise ValueError(
                "order=2 of JAX arrays needs hessian= or hvp= too, such as hessian=jax.hessian(f)"
            )
        self.vjp = jax_vjp(function) if own else options.vjp
        self.conjugate = own or options.convention == "jax"
        self.batched = options.batched
        self.needs_graph = False
        self.weights: Vector | None = None
        self.places: list[str] = []
        self.doubled = False
        self.epsilon = inputs.epsilon
        self.evaluations = 0
        self.result: Any = None
        self.leaves: list[Any] = []
        plain = options.given or options.jvp_alone or own
        self.engine = "given" if plain else "torch" if inputs.uses_torch else "values"

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Put numbers and gradients of what is varied in place back afterwards."""
        saved = [(value, value.grad, value.has_grad) for value in self.inputs.parameters]
        try:
            yield
        finally:
            self.inputs.move(self.inputs.numbers)
            for value, grad, has_grad in saved:
                if has_grad:
                    value.grad = grad
                else:
                    value.zero_grad()

    def start(self) -> float:
        """Evaluate for the first time: learn the outputs, their precision, and whether f changes arrays."""
        self.inputs.lend(True)
        try:
            self.result = self.call()
        except RuntimeError:
            if self.engine != "torch":
                raise
            self.needs_graph = True  # f differentiates by itself
            self.result = self.call()
        except (TypeError, IndexError):
            if not self.inputs.keep_whole():
                raise
            self.result = self.call()
        if not self.inputs.unchanged():  # f works in its arguments: it gets copies
            self.inputs.lend(False)
            self.result = self.call()
        places, numbers, doubled = outputs_of(self.result)
        if not numbers:
            raise TypeError("the function returned nothing to differentiate")
        self.doubled = any(doubled)
        parts = (".real", ".imag") if self.doubled else ("",)
        self.places = [f"{place}{part}" for place in places for part in parts]
        self.epsilon = max(self.inputs.epsilon, precision(self.result))
        value = self.widen(self.outputs())
        return value[0] if len(value) == 1 else math.nan

    def widen(self, values: Vector) -> Vector:
        """Evaluate in double precision where f can: its gradient may be of single, the reference need not.

        Returns:
            The outputs in the precision of all that follow.
        """
        narrow = self.inputs.narrow
        if not narrow or self.epsilon <= EPSILON:
            return values
        for leaf in narrow:
            leaf.wide = True
        try:
            wide = flat(self.call(), self.doubled)
            alike = len(wide) == len(values) and all(
                abs(a - b) <= 1e3 * self.epsilon * max(abs(a), abs(b), *map(abs, values))
                for a, b in zip(wide, values, strict=True)
            )
            if alike and precision(self.result) <= EPSILON:
                self.epsilon = EPSILON
                return wide
        except Exception:  # f is made for its own precision: it is checked in that
            pass
        for leaf in narrow:
            leaf.wide = False
        return values

    def call(self) -> Any:
        """Call the function at the current numbers."""
        self.evaluations += 1
        with self.without_graph():
            self.result = self.inputs.call(self.function, "plain" if self.engine != "values" else "values")
        return self.result

    def without_graph(self) -> Any:
        """A context in which Values make no graph."""
        if self.engine == "torch":
            import torch

            return nullcontext() if self.needs_graph else torch.no_grad()
        if self.engine == "given" and not self.inputs.parameters:
            return nullcontext()
        from autograd_core import no_grad

        return no_grad()

    def outputs(self) -> list[float]:
        """The outputs at the current numbers, complex ones as two."""
        found = flat(self.call(), self.doubled)
        if self.places and len(found) != len(self.places):
            raise ValueError(f"the function returned {len(found)} numbers, and {len(self.places)} before")
        return found

    def value(self, numbers: Vector | None = None) -> float:
        """The output, or u . y, at the given or the current numbers."""
        if numbers is not None:
            self.inputs.move(numbers)
        return self.reduced(self.outputs())

    @contextmanager
    def unweighted(self) -> Iterator[None]:
        """Second derivatives of one output are those of the output itself, not of u times it."""
        weights = self.weights
        if len(self.places) == 1:
            self.weights = None
        try:
            yield
        finally:
            self.weights = weights

    def reduced(self, outputs: Vector) -> float:
        """u . y."""
        if self.weights is None:
            return outputs[0]
        return math.fsum(u * y for u, y in zip(self.weights, outputs, strict=True) if u)

    # --- the gradient under test -------------------------------------------------------------------------

    def gradient(self) -> tuple[list[float], list[Value]]:
        """The gradient of u . y at the current numbers, and the graph's outputs if Values made one."""
        if self.engine == "given":
            return self.given_gradient(), []
        if self.engine == "torch":
            return self.torch_gradient(), []
        from autograd_core import backward
        from autograd_core.engine.derivatives import call_on_inputs

        def traced(*args: Any, **kwargs: Any) -> Any:
            return call_on_inputs(self.function, args, kwargs, self.inputs.graph_leaves())

        result = self.inputs.call(traced, "graph")  # a conversion that drops a gradient raises
        self.leaves = self.inputs.graph_leaves()
        for leaf in self.leaves:
            leaf.zero_grad()
        outputs = zip(values_in(result), self.weights or [1.0], strict=True)
        pairs = [(node, u) for node, u in outputs if node is not None and not node.is_constant and u]
        if not pairs:
            return [0.0] * len(self.leaves), []
        backward([node for node, _ in pairs], [u for _, u in pairs])
        return [leaf.grad for leaf in self.leaves], [node for node, _ in pairs]

    def torch_gradient(self, times: Vector | None = None) -> list[float]:
        """PyTorch's gradient, or its Hessian times a vector."""
        import torch

        result = self.inputs.call(self.function, "graph")
        leaves = self.inputs.graph_leaves()
        weights = like(result, list(self.weights or [1.0]), self.doubled)
        pairs = list(zip(parts_of(result), parts_of(weights), strict=True))
        pairs = [(y, u) for y, u in pairs if is_tensor(y) and y.requires_grad]
        for leaf, tensor in zip(self.inputs.leaves, leaves, strict=False):
            if pairs and not tensor.requires_grad:
                raise ValueError(
                    f"{leaf.label} has requires_grad=False, so PyTorch computes no gradient of it: give the "
                    "parameters that have one, {name: p for name, p in model.named_parameters() if "
                    "p.requires_grad}"
                )
        parts: list[Any] = []
        for vector in [None] if times is None else [None, list(times)]:
            if vector is not None:  # the gradient times the vector, differentiated once more
                along = zip(parts, like(parts, vector, False), strict=True)
                pairs = [(g, v) for g, v in along if g.requires_grad]
            if not pairs:
                return [0.0] * len(self.inputs.numbers)
            ys, us = zip(*pairs, strict=True)
            more = times is not None and vector is None
            found = torch.autograd.grad(ys, leaves, us, allow_unused=True, create_graph=more)
            parts = [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]
        return self.inputs.as_floats([x for part in parts for x in flatten_numbers(part)], self.conjugate)

    def given_gradient(self) -> list[float]:
        """The gradient that the caller gave, flat, for u . y."""
        if self.vjp is not None:
            weights = list(self.weights or [1.0])
            if self.doubled and self.conjugate:
                weights[1::2] = [-u for u in weights[1::2]]
            cotangent = like(self.result, weights, self.doubled)
            return self.inputs.flatten(self.inputs.call(self.vjp, "plain", cotangent), self.conjugate)
        result = self.asked(self.given)
        if self.weights is None:
            return self.inputs.flatten(result, self.conjugate)
        if self.batched:
            flat_gradient = self.inputs.flatten(result, self.conjugate)
            return [g * u for g, u in zip(flat_gradient, self.per_example(), strict=True)]
        rows = rows_of(result, self.result, self.inputs, self.doubled)
        return [
            math.fsum(u * row[j] for u, row in zip(self.weights, rows, strict=True))
            for j in range(len(rows[0]))
        ]

    def asked(self, thing: Any) -> Any:
        """What the caller gave, called where it is a function, in the precision of the inputs."""
        if not callable(thing):
            return thing
        wide = [leaf for leaf in self.inputs.leaves if leaf.wide]
        for leaf in wide:
            leaf.wide = False
        try:
            return self.inputs.call(thing, "plain")
        finally:
            for leaf in wide:
                leaf.wide = True

    def per_example(self) -> list[float]:
        """For each input number, the weight of its example: of its index along the first axis."""
        weights, found = list(self.weights or ()), []
        for leaf in self.inputs.leaves:
            size = (leaf.shape or (0,))[0]
            if size != len(weights):
                raise ValueError(
                    f"batched=True: {leaf.label} has {size} examples along its first axis and the function "
                    f"{len(weights)} outputs"
                )
            each = len(leaf.names) // size
            found += [weight for weight in weights for _ in range(each)]
        return found

    def rounding(self, roots: Sequence[Value]) -> list[float]:
        """The rounding errors to expect in the engine's gradient."""
        if not roots:
            return []
        sizes = path_sums(roots)
        return [4 * EPSILON * sizes.get(leaf, 0.0) for leaf in self.leaves]

    def with_sources(self, faults: Sequence[Fault], roots: Sequence[Value]) -> list[Fault]:
        """Find the source lines of faulty nodes by building the graph once more in diagnosis mode."""
        twins = self.twins(roots)
        return [
            replace(f, source=f.source or (twins[f.node].source if f.node in twins else None)) for f in faults
        ]

    def twins(self, roots: Sequence[Value], *, moved: bool = False) -> dict[Value, Value]:
        """Build the graph once more, in diagnosis mode, and pair its nodes with those of the first.

        Args:
            roots: the outputs of the first graph.
            moved: build the second beside the inputs.

        Returns:
            The second graph's node for each node of the first; nothing where their forms differ.
        """
        from autograd_core import diagnose, topological_order

        before = list(self.inputs.current)
        try:
            if moved:
                self.inputs.move(
                    [x + 2.0**-10 * (abs(x) or 1.0) * (0.7 + 0.1 * (i % 7)) for i, x in enumerate(before)]
                )
            with diagnose():
                result = self.inputs.call(self.function, "graph")
            again = [node for node in values_in(result) if node is not None and not node.is_constant]
            first, second = topological_order(*roots), topological_order(*again)
        except Exception:  # beside the inputs f may have no value; diagnosis stops at what is not finite
            return {}
        finally:
            self.inputs.move(before)
        if [node.op for node in first] != [node.op for node in second]:
            return {}
        return dict(zip(first, second, strict=True))

    def leaks(self, roots: Sequence[Value]) -> list[tuple[Value, Value]]:
        """Constants of the graph that change with the inputs: numbers that left the graph and came back.

        Returns:
            Of each, the node that uses it (with its source line), and the constant. (A constant such as the
            largest of some scores, taken away for stability, may be right; so this is a hint and not a
            verdict.)
        """
        inputs = set(self.leaves)
        twins = self.twins(roots, moved=True)
        own = {id(leaf) for leaf in self.inputs.graph_leaves()}
        found = []
        for node, twin in twins.items():
            for parent, other in zip(node.parents, twin.parents, strict=True):
                is_input = parent in inputs or id(other) in own
                if parent.is_leaf and not is_input and parent.data != other.data:
                    found.append((twin, parent))
        return found

    # --- second order --------------------------------------------------------------------------------------

    def hessian_times(self, vector: Vector) -> list[float]:
        """The engine's Hessian times a vector: a sweep over the gradient's graph."""
        if self.engine == "torch":
            return self.torch_gradient(vector)
        from autograd_core import differentiate, dot

        result = self.inputs.call(self.function, "graph")
        leaves = self.inputs.graph_leaves()
        pairs = zip(values_in(result), self.weights or [1.0], strict=True)
        chosen = [(node, u) for node, u in pairs if node is not None and not node.is_constant]
        if not chosen:
            return [0.0] * len(leaves)
        output = (
            chosen[0][0]
            if self.weights is None
            else dot([node for node, _ in chosen], [u for _, u in chosen])
        )
        product = dot(list(differentiate(output, list(leaves))), list(vector))
        for leaf in leaves:
            leaf.zero_grad()
        if not product.is_constant:
            product.backward()
        return [leaf.grad for leaf in leaves]


def jax_vjp(function: Function) -> Function:
    """The vjp of JAX."""

    def pulled(*arguments: Any, **named: Any) -> Any:
        import jax  # type: ignore[import-not-found, unused-ignore]

        *positional, cotangent = arguments
        result, pull = jax.vjp(lambda args, kwargs: function(*args, **kwargs), positional, named)
        cotangent = jax.tree.map(lambda u, y: jax.numpy.asarray(u, y.dtype), cotangent, result)
        by_place, by_name = pull(cotangent)
        return by_name or by_place

    return pulled


def precision(result: Any) -> float:
    """The relative precision of the numbers in a result."""
    return max(map(epsilon_of, parts_of(result)), default=EPSILON)


def parts_of(result: Any) -> Iterator[Any]:
    """The arrays, tensors and numbers in a nest of sequences and mappings."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from parts_of(part)
    else:
        yield result


def flat(result: Any, doubled: bool = False) -> list[float]:
    """The outputs as floats."""
    if type(result) is float and not doubled:
        return [result]
    if is_array(result) and result.dtype.kind == "f" and not doubled:
        return list(result.ravel().astype(float).tolist())
    numbers = outputs_of(result)[1]
    if doubled or any(isinstance(number, complex) for number in numbers):
        return [x for number in numbers for x in (complex(number).real, complex(number).imag)]
    return [float(number.data) if is_value(number) else number for number in numbers]


def values_in(result: Any) -> list[Value | None]:
    """The Value of each output, None where it is a plain number."""
    return [number if is_value(number) else None for number in outputs_of(result)[1]]


def like(result: Any, numbers: list[float], doubled: bool) -> Any:
    """Numbers in the form of a result; they are taken from the front of the list."""
    if isinstance(result, Mapping):
        return {key: like(part, numbers, doubled) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        return type(result)([like(part, numbers, doubled) for part in result])
    shape = shape_of(result)
    count = math.prod(shape or ()) * (2 if doubled else 1)
    own = numbers[:count]
    del numbers[:count]
    elements: list[Any] = [complex(*own[i : i + 2]) for i in range(0, count, 2)] if doubled else own
    if doubled and "complex" not in str(getattr(result, "dtype", "complex")):  # beside complex outputs
        elements = own[::2]
    if shape is None:
        return elements[0]
    if is_tensor(result):
        import torch

        return torch.tensor(elements, dtype=result.dtype, device=result.device).reshape(shape)
    import numpy

    return numpy.array(elements, dtype=None if result.dtype.kind == "O" else result.dtype).reshape(shape)


def rounding_noise(nodes: Sequence[Value]) -> float:
    """The rounding error to expect in the outputs: each node's half ulp, carried there by its gradient.

    The errors are added as independent ones, with a margin. The gradients of the last sweep must be on the
    nodes.
    """
    total = math.fsum(
        contribution * contribution
        for node in nodes
        if not node.is_leaf and math.isfinite(contribution := node.grad * node.data)
    )
    return 2.0 * EPSILON * math.sqrt(total) if math.isfinite(total) else 0.0


def path_sums(roots: Sequence[Value]) -> dict[Value, float]:
    """For each node, the sum over all paths from the outputs of the product of absolute partials.

    Each product in the sweep is rounded; where large ones cancel, what is left carries their rounding.
    """
    from autograd_core import topological_order

    sums: dict[Value, float] = defaultdict(float)
    for root in roots:
        sums[root] += abs(root.grad)
    for node in reversed(topological_order(*roots)):
        own = sums[node]
        if own and math.isfinite(own):
            for parent, partial in zip(node.parents, node.partials, strict=True):
                sums[parent] += abs(partial) * own
    return {node: size for node, size in sums.items() if math.isfinite(size)}
