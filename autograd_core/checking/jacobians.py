"""The rows of a Jacobian that the caller gave, in whatever form: arrays, blocks, mappings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from autograd_core.checking.inputs import Inputs, Tree
from autograd_core.checking.kinds import (
    counted,
    entries,
    flatten_numbers,
    is_array,
    is_tensor,
    keyed,
    outputs_of,
    shape_of,
)


def rows_of(
    given: Any, result: Any, inputs: Inputs, doubled: bool = False, what: str = "Jacobian"
) -> list[list[float]]:
    """The rows of a Jacobian, one for each output, in the order of the inputs.

    Args:
        given: numbers in the form of the outputs and, within them, of the inputs (``[[dy0/da, dy0/db],
            ...]``, and what ``jax.jacobian`` returns for nested outputs), or a Jacobian for each argument
            (what PyTorch returns). Mappings go by their keys.
        result: the outputs.
        inputs: of the function.
        doubled: whether outputs and inputs are complex.
        what: its name in errors.

    Raises:
        ValueError: it has another size, or a key is missing.
    """
    m, n = len(outputs_of(result)[1]) * (2 if doubled else 1), len(inputs.numbers)
    if isinstance(given, Mapping) and isinstance(result, Mapping) and set(given) == set(result):
        given, result = [given[key] for key in result], list(result.values())
    tree = inputs.tree
    if len(tree.parts) == 1 and not inputs.keywords:
        tree = tree.parts[0]
    if isinstance(given, Mapping) or dataclasses.is_dataclass(given):
        return block_rows(given, tree, m)
    if isinstance(given, (list, tuple)) and not doubled:
        results = list(result) if isinstance(result, (list, tuple)) or shape_of(result) else []
        outer = len(given) == len(results) and all(
            keyed(part) or size(part) == n * len(outputs_of(output)[1])
            for part, output in zip(given, results, strict=True)
        )
        arguments = len(given) == len(tree.parts) and all(
            size(part) == m * width_of(own) for part, own in zip(given, tree.parts, strict=True)
        )
        if arguments and (not outer or all(is_array(part) or is_tensor(part) for part in given)):
            return joined(given, tree, m)
        if outer:
            pairs = zip(given, results, strict=True)
            return [row for part, output in pairs for row in rows_of(part, output, inputs, doubled, what)]
    numbers = flatten_numbers(given, f"the {what}")
    if doubled and len(numbers) * 4 == m * n:  # df/dz of a holomorphic function
        return holomorphic(numbers, m // 2, n // 2)
    if len(numbers) != m * n:
        raise ValueError(
            f"the {what} has {counted(len(numbers), 'number')}, not {m} x {n} (outputs x inputs)"
            + (": of several outputs give the Jacobian, vjp=, or batched=True" if len(numbers) == n else "")
        )
    if keyed(given):
        raise ValueError(
            f"the mappings in the {what} lie neither where the outputs have theirs nor the inputs"
        )
    refuse_transposed(given, result, inputs)
    return [[float(x) for x in numbers[i * n : (i + 1) * n]] for i in range(m)]


def refuse_transposed(given: Any, result: Any, inputs: Inputs) -> None:
    """Refuse an array whose axes are those of the inputs, then of the outputs."""
    shape, outer, inner = shape_of(given), shape_of(result), inputs.leaves[0].shape
    if len(inputs.leaves) > 1 or shape is None or outer is None or inner is None:
        return
    if shape == inner + outer != outer + inner:
        raise ValueError(
            f"the Jacobian of shape {shape} is transposed: with the outputs first it has the shape "
            f"{outer + inner}"
        )


def block_rows(block: Any, part: Tree, m: int) -> list[list[float]]:
    """The rows of the Jacobian of m outputs with respect to one part of the inputs."""
    if isinstance(block, Mapping) or dataclasses.is_dataclass(block):
        return joined(part.picked(block), part, m)
    numbers, width = flatten_numbers(block, "the Jacobian"), width_of(part)
    if len(numbers) != m * width or keyed(block):
        names = ", ".join(leaf.label for leaf in part.leaves())
        raise ValueError(
            f"the Jacobian of {names} has {counted(len(numbers), 'number')}, not {m} x {width} "
            "(outputs x inputs)"
        )
    return [numbers[i * width : (i + 1) * width] for i in range(m)]


def joined(blocks: Sequence[Any], tree: Tree, m: int) -> list[list[float]]:
    """The rows of blocks that stand side by side."""
    parts = [block_rows(block, part, m) for block, part in zip(blocks, tree.parts, strict=True)]
    return [[x for rows in parts for x in rows[i]] for i in range(m)]


def width_of(part: Tree) -> int:
    """How many numbers a part of the inputs has."""
    return sum(len(leaf.names) for leaf in part.leaves())


def size(thing: Any) -> int:
    """How many numbers a nest has."""
    shape = shape_of(thing)
    return sum(1 for _ in entries(thing)) if shape is None else math.prod(shape)


def holomorphic(numbers: Sequence[Any], m: int, n: int) -> list[list[float]]:
    """The real Jacobian, 2m x 2n, of the complex derivatives dw/dz (Cauchy and Riemann)."""
    rows = []
    for i in range(m):
        derivatives = [complex(number) for number in numbers[i * n : (i + 1) * n]]
        rows.append([x for d in derivatives for x in (d.real, -d.imag)])
        rows.append([x for d in derivatives for x in (d.imag, d.real)])
    return rows
