"""Inputs of a checked function: any nesting of numbers, arrays and parameters, as one flat list of floats."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd_core.checking.kinds import (
    counted,
    epsilon_of,
    flatten_numbers,
    is_array,
    is_jax,
    is_module,
    is_number,
    is_single,
    is_tensor,
    is_value,
    keyed,
    shape_of,
    to_number,
)
from autograd_core.checking.leaves import (
    ArrayLeaf,
    ArrayParameter,
    JaxLeaf,
    Leaf,
    Mode,
    ParameterLeaf,
    TensorLeaf,
    ValueLeaf,
)

__all__ = ["Inputs", "Leaf"]

SHOWN = 8  # keys that an error lists
MANY = 16  # numbers from which they are set all at once


@dataclass
class Tree:
    """The structure of one argument.

    Attributes:
        leaf: at the end of a branch.
        parts: the trees below.
        keys: the keys of a mapping, or the fields of a dataclass.
        rebuild: puts the parts together.
        given: the whole number or array of them that the leaf varies as floats.
        passed: the label of what has no gradient and is passed on as it is; empty where that is plain.
    """

    leaf: Leaf | None = None
    parts: list[Tree] = field(default_factory=list)
    keys: tuple[Any, ...] = ()
    rebuild: Callable[[list[Any]], Any] = list
    given: Any = None
    passed: str = ""

    def __post_init__(self) -> None:
        self.numbers = bool(self.parts) and all(
            type(part.leaf) is Leaf and not part.leaf.doubled for part in self.parts
        )
        self.kept: dict[Mode, list[Any]] = {}

    def build(self, mode: Mode) -> Any:
        """The argument; of many numbers, only those that change are put in their places."""
        if self.leaf is not None:
            return self.leaf.get(mode)
        parts = self.kept.get(mode)
        if parts is None:
            parts = [part.build(mode) for part in self.parts]
            if self.numbers and mode != "graph":
                self.kept[mode] = parts
            if self.numbers and mode == "plain":
                for place, part in enumerate(self.parts):
                    assert part.leaf is not None
                    part.leaf.home = parts, place
        return self.rebuild(parts)

    def walk(self) -> Iterator[Tree]:
        """All trees in this one, in order, each after those below it."""
        for part in self.parts:
            yield from part.walk()
        yield self

    def leaves(self) -> Iterator[Leaf]:
        """All leaves, in order."""
        return (tree.leaf for tree in self.walk() if tree.leaf is not None)

    def keep(self) -> None:
        """Pass a whole number on as it is."""
        if self.leaf is not None and self.given is not None:
            given, self.passed, self.leaf = self.given, self.leaf.label, None
            self.rebuild = lambda parts: given
        self.__post_init__()

    def flatten(self, gradient: Any) -> list[Any] | None:
        """The numbers of a gradient that has this structure, or is a list for its leaves or numbers.

        Returns:
            One for each element; None where the gradient has another form.

        Raises:
            TypeError: it is a mapping and this is none.
            ValueError: an array has another shape than the input, or an entry is missing or one too many.
        """
        if isinstance(gradient, Mapping) and not self.keys:
            gradient = self.picked(gradient)
        if self.leaf is not None:
            check_shape(self.leaf, gradient)
            numbers = flatten_numbers(gradient, f"the gradient of {self.leaf.label}")
            return numbers if len(numbers) == self.leaf.count else None
        if not self.parts:
            return []  # a part that is not varied
        if isinstance(gradient, Mapping) or dataclasses.is_dataclass(gradient):
            gradient = self.picked(gradient)
        found = flattened(self.parts, gradient)
        if found is None:
            leaves = [tree for tree in self.walk() if tree.leaf is not None]
            if keyed(gradient) and len(gradient) != len(leaves):
                raise ValueError(
                    f"the gradient holds a mapping and has {counted(len(gradient), 'part')} where the inputs "
                    f"have {len(self.parts)}"
                )
            found = flattened(leaves, gradient)
        shape = nested_shape(gradient) if found is None else None
        row = shape is not None and sum(length > 1 for length in shape) <= 1
        return flatten_numbers(gradient) if row else found

    def picked(self, gradient: Any) -> list[Any]:
        """The entries of a gradient, a mapping or a dataclass, in the order of the keys."""
        if not self.keys:
            what = [*gradient] if isinstance(gradient, Mapping) else type(gradient).__name__
            raise TypeError(f"the gradient of an input without keys is a mapping with {what!r}")
        if not isinstance(gradient, Mapping):
            gradient = {key: getattr(gradient, key) for key in self.keys if hasattr(gradient, key)}
        others = listed(gradient) or "none at all"
        for key, part in zip(self.keys, self.parts, strict=True):
            if key not in gradient and any(part.leaves()):
                raise ValueError(
                    f"the gradient has no entry {key!r}, only {others}: give one for each input, 0 "
                    "where it is 0"
                )
        if not set(gradient) <= set(self.keys):
            raise ValueError(f"the gradient has the entries {others}, and the inputs are {listed(self.keys)}")
        return [gradient.get(key) for key in self.keys]


def flattened(parts: Sequence[Tree], gradient: Any) -> list[Any] | None:
    """The numbers of a gradient with an entry for each part; None where it has another form."""
    shape = shape_of(gradient)
    if shape is None and not isinstance(gradient, (list, tuple)):
        return None
    if shape == () or len(gradient) != len(parts):
        return None
    found = [part.flatten(entry) for part, entry in zip(parts, gradient, strict=True)]
    return None if None in found else [number for numbers in found for number in numbers or ()]


def listed(keys: Iterable[Any]) -> str:
    """Some keys, and how many more there are."""
    names = [*map(repr, keys)]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def check_shape(leaf: Leaf, gradient: Any) -> None:
    """Refuse a gradient whose array has another shape than the input, such as a transposed one."""
    shape = nested_shape(gradient)
    row = isinstance(gradient, (list, tuple)) and shape == (len(gradient),)
    if row or not shape or leaf.shape in (None, shape):
        return
    transposed = shape == (leaf.shape or ())[::-1]
    raise ValueError(
        f"a gradient of shape {shape} was given for the input {leaf.label} of shape {leaf.shape}"
        + (": it is transposed" if transposed else "")
    )


def nested_shape(thing: Any) -> tuple[int, ...] | None:
    """The shape of lists in lists of one length, or of an array; None where the lengths differ."""
    if not isinstance(thing, (list, tuple)):
        return shape_of(thing) or ()
    below = {nested_shape(part) for part in thing}
    inner = below.pop() if len(below) == 1 else None
    return None if inner is None else (len(thing), *inner)


@dataclass
class Inputs:
    """The point at which a function is checked.

    Attributes:
        tree: the arguments; each part of it is one.
        leaves: what is varied, in order.
        keywords: the names of the arguments when f takes them by name, else empty.
        in_place: whether f takes no argument and reads what is varied by itself.
    """

    tree: Tree
    leaves: list[Leaf]
    keywords: tuple[str, ...] = ()
    in_place: bool = False

    def __post_init__(self) -> None:
        self.names = unlike(name for leaf in self.leaves for name in leaf.names)
        self.numbers = [number for leaf in self.leaves for number in leaf.numbers]
        self.places = [(leaf, index) for leaf in self.leaves for index in range(len(leaf.names))]
        self.epsilon = max((leaf.epsilon for leaf in self.leaves), default=2.0**-52)
        self.current = array("d", self.numbers)
        self.uses_torch = any(isinstance(leaf, TensorLeaf) for leaf in self.leaves)
        for leaf in self.leaves if self.uses_torch else ():
            leaf.as_tensor = True
        self.uses_jax = any(isinstance(leaf, JaxLeaf) for leaf in self.leaves)
        self.parameters = [leaf.leaves[0] for leaf in self.leaves if isinstance(leaf, ParameterLeaf)]
        self.whole = len(self.parameters) == len(self.numbers)
        plain = [leaf for leaf in self.leaves if type(leaf) is ArrayLeaf and not leaf.doubled]
        self.arrays = plain if len(plain) == len(self.leaves) else []
        self.passed = [tree.passed for tree in self.tree.walk() if tree.passed]
        self.start = list(self.numbers)  # the point of the check: the inputs, or one drawn beside them

    @classmethod
    def of(cls, function: Callable[..., Any], inputs: Any) -> Inputs:
        """Take the inputs apart.

        Args:
            function: it is called with one argument per element when ``inputs`` is a list or tuple, by name
                when it is a mapping, with ``inputs`` itself when that is one thing (a number, an array, a
                dataclass, a module), and without arguments when it takes none.
            inputs: see above.

        Raises:
            TypeError: an input is not made of numbers.
            ValueError: there is nothing to vary, or one thing is given twice.
        """
        try:
            return cls._of(function, inputs)
        except RecursionError:
            raise ValueError("the inputs are nested too deeply, or a list holds itself") from None

    @classmethod
    def _of(cls, function: Callable[..., Any], inputs: Any) -> Inputs:
        parameters = signature(function)
        if parameters == [] and not (isinstance(inputs, Mapping) and takes_keywords(function)):
            tree = parameter_tree(inputs)
            return cls(tree, list(tree.leaves()), in_place=True)._checked()
        keywords: tuple[str, ...] = ()
        if isinstance(inputs, Mapping):
            keywords = names = tuple(map(str, inputs))
            arguments, labels = list(inputs.values()), list(keywords)
        else:
            arguments = [inputs] if is_single(inputs) else list(inputs)
            labels = argument_names(parameters, len(arguments))
            names = tuple(labels)
        parts = [take_apart(a, label) for a, label in zip(arguments, labels, strict=True)]
        tree = Tree(parts=parts, keys=names)
        return cls(tree, list(tree.leaves()), keywords)._checked()

    def _checked(self) -> Inputs:
        if not self.numbers and self.passed:
            raise ValueError(
                f"there is nothing to check: {', '.join(self.passed)} "
                f"{'holds' if len(self.passed) == 1 else 'hold'} whole numbers, which have no gradient: make "
                "them floats"
            )
        if not self.numbers:
            raise ValueError(
                "there is nothing to check: the inputs hold no number (an empty list or array, a filter that "
                "let nothing pass, or a generator that was used before)"
            )
        seen: dict[int, str] = {}
        for leaf in self.leaves:
            objects = leaf.leaves if isinstance(leaf, ParameterLeaf) else [getattr(leaf, "tensor", leaf)]
            for thing in objects:
                if id(thing) in seen:
                    raise ValueError(f"the inputs {seen[id(thing)]} and {leaf.label} are one: give it once")
                seen[id(thing)] = leaf.label
        arrays = [leaf for leaf in self.leaves if isinstance(leaf, ArrayParameter)]
        for one, other in itertools.combinations(arrays, 2):
            if one.overlaps(other):
                raise ValueError(
                    f"the inputs {one.label} and {other.label} share memory: give the whole once"
                )
        return self

    @property
    def narrow(self) -> list[Leaf]:
        """The leaves of fewer digits than a float has that can be made wider."""
        return [
            leaf
            for leaf in self.leaves
            if leaf.epsilon > 2.0**-52
            and (type(leaf) in (ArrayLeaf, JaxLeaf) or (isinstance(leaf, TensorLeaf) and not leaf.parameter))
        ]

    def keep_whole(self) -> bool:
        """Pass whole numbers on as they are, to a function that needs them so (an index, a count).

        Returns:
            Whether there are any, and others to vary.
        """
        whole = {id(tree.leaf) for tree in self.tree.walk() if tree.given is not None}
        start = [x for x, (leaf, _) in zip(self.start, self.places, strict=True) if id(leaf) not in whole]
        if not start or len(start) == len(self.start):
            return False
        for tree in self.tree.walk():
            tree.keep()
        self.leaves = list(self.tree.leaves())
        self.__post_init__()
        self.start = start
        self.move(start)
        return True

    def move(self, numbers: Sequence[float]) -> None:
        """Set all numbers; only those that differ are written."""
        pairs = enumerate(zip(self.current, numbers, strict=True))
        changed = [(i, new) for i, (old, new) in pairs if old != new or new != new or not new]
        if changed:
            self.shift(*zip(*changed, strict=True))

    def shift(self, positions: Sequence[int], numbers: Sequence[float]) -> None:
        """Set many numbers at once."""
        if len(positions) < MANY or not (self.whole or self.arrays):
            for position, number in zip(positions, numbers, strict=True):
                self.set(position, number)
            return
        for position, number in zip(positions, numbers, strict=True):
            self.current[position] = number
        if self.whole:
            from autograd_core.engine.flat import write_vector

            write_vector(self.parameters, self.current, False)
            return
        start = 0
        for leaf in self.arrays:
            leaf.fill(self.current[start : start + len(leaf.names)])
            start += len(leaf.names)

    def set(self, position: int, number: float) -> None:
        """Set one number."""
        self.current[position] = number
        leaf, index = self.places[position]
        leaf.write(index, number)

    def call(self, function: Callable[..., Any], mode: Mode, *more: Any) -> Any:
        """Call a function with the arguments at the current numbers, by name where they were a mapping."""
        if self.in_place:
            return function(*more)
        arguments = self.tree.build(mode)
        if self.keywords:
            named = dict(zip(self.keywords, arguments, strict=True))
            own = [p.name for p in signature(function) or () if p.name not in named] if more else []
            if len(own) != len(more):
                return function(*more, **named)
            return function(**named, **dict(zip(own, more, strict=True)))
        return function(*arguments, *more)

    def lend(self, allowed: bool) -> None:
        """Let f have the arrays themselves, or copies of them as they should be."""
        for leaf in self.leaves:
            if isinstance(leaf, ArrayLeaf):
                leaf.trusted = allowed
                if type(leaf) is ArrayLeaf and not allowed:
                    leaf.flat[:] = leaf.double_flat[:] = leaf.elements()

    def unchanged(self) -> bool:
        """Whether the arrays still hold the current numbers."""
        return all(
            list(leaf.flat) == leaf.elements() or any(x != x for x in leaf.current)
            for leaf in self.leaves
            if type(leaf) is ArrayLeaf
        )

    def graph_leaves(self) -> list[Any]:
        """The Values or tensors that the last call in mode "graph" was made with."""
        if self.uses_torch:
            return [leaf.tensor if self.in_place else leaf.leaf for leaf in self.leaves]  # type: ignore
        return [node for leaf in self.leaves for node in leaf.leaves]

    def flatten(self, gradient: Any, conjugate: bool) -> list[float]:
        """A gradient in the structure of the inputs, as one float for each of the numbers.

        Args:
            gradient: of any nesting.
            conjugate: whether the gradient of a complex input is conjugated (JAX's convention).

        Raises:
            ValueError: it has another size or shape than the inputs.
        """
        parts = self.tree.parts or [self.tree]
        single = len(parts) == 1 and not (
            isinstance(gradient, Mapping) and (self.keywords or not parts[0].keys)
        )
        if single and isinstance(gradient, (list, tuple)) and len(gradient) == 1:  # of one argument
            inner = gradient[0]
            wrapped = parts[0].keys or (isinstance(inner, (list, tuple)) and len(inner) == 1)
            single = len(parts[0].parts) == 1 and not wrapped
        flat = (parts[0] if single else self.tree).flatten(gradient)
        if flat is None:
            count, wanted = len(flatten_numbers(gradient)), sum(leaf.count for leaf in self.leaves)
            if count != wanted:
                raise ValueError(f"the gradient has {counted(count, 'number')}, and the inputs {wanted}")
            raise ValueError(
                "the gradient is in another form than the inputs: give a part for each of theirs, nested as "
                f"they are, or one for each of {listed(leaf.label for leaf in self.leaves)}"
            )
        return self.as_floats(flat, conjugate)

    def as_floats(self, flat: Sequence[Any], conjugate: bool) -> list[float]:
        """A gradient with one number for each element as floats, two for a complex one."""
        wanted = [leaf for leaf in self.leaves for _ in range(leaf.count)]
        numbers: list[float] = []
        for leaf, number in zip(wanted, flat, strict=True):
            if leaf.doubled:
                imaginary = complex(number).imag
                numbers += [complex(number).real, -imaginary if conjugate else imaginary]
            elif isinstance(number, complex):
                raise TypeError(f"the gradient of {leaf.label} is complex and the input is real")
            else:
                numbers.append(number)
        return numbers

    def structure(self, numbers: Sequence[float]) -> list[Any]:
        """Numbers in the form of the arguments: a tangent for each of them."""
        before = list(self.current)
        self.move(numbers)
        copies = [part.copy() if is_array(part) else part for part in self.tree.build("plain")]
        self.move(before)
        return copies


def signature(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The positional parameters of f, or None where they cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def takes_keywords(function: Callable[..., Any]) -> bool:
    """Whether f takes arguments by name."""
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD) for parameter in parameters)


def argument_names(parameters: Sequence[inspect.Parameter] | None, count: int) -> list[str]:
    """Names for the arguments: those of f's parameters where they are known."""
    if parameters is not None and len(parameters) >= count:
        return [parameter.name for parameter in parameters[:count]]
    return ["x"] if count == 1 else [f"x[{index}]" for index in range(count)]


def unlike(names: Iterable[str]) -> list[str]:
    """The names, those that occur again with a number: rows are found by their name."""
    found: dict[str, None] = {}
    for name in names:
        again = (f"{name} ({number})" for number in itertools.count(2))
        found[name if name not in found else next(other for other in again if other not in found)] = None
    return list(found)


def below(label: str, key: Any) -> str:
    """The path of a part."""
    if isinstance(key, str):
        return f"{label}.{key}" if label else key
    return f"{label}[{key!r}]" if label else str(key)


def take_apart(thing: Any, label: str, within: bool = False) -> Tree:
    """The tree of one argument.

    Args:
        thing: the argument, or a part of it.
        label: its path.
        within: whether it is a field of a dataclass: then what is not made of numbers stays as it is.

    Raises:
        TypeError: a part is not made of numbers.
    """
    if is_value(thing):
        return Tree(ValueLeaf(label, thing))
    if is_array(thing):
        whole = thing if thing.dtype.kind in "iu" else None
        return constant(thing) if thing.dtype.kind == "b" else Tree(ArrayLeaf(label, thing), given=whole)
    if is_tensor(thing):
        varied = thing.is_floating_point() or thing.is_complex()
        return Tree(TensorLeaf(label, thing)) if varied else constant(thing, label)
    if is_jax(thing):
        return Tree(JaxLeaf(label, thing)) if thing.dtype.kind in "fcV" else constant(thing, label)
    if is_module(thing):
        tree = parameter_tree(thing, "")
        tree.rebuild = lambda parts: thing
        return tree
    if isinstance(thing, Mapping):
        parts = [take_apart(part, below(label, key)) for key, part in thing.items()]
        keys = tuple(thing)
        return Tree(parts=parts, keys=keys, rebuild=lambda ps: dict(zip(keys, ps, strict=True)))
    if isinstance(thing, (list, tuple)):
        parts = [take_apart(part, f"{label}[{i}]") for i, part in enumerate(thing)]
        kind = type(thing)
        named = hasattr(thing, "_fields")
        return Tree(parts=parts, rebuild=(lambda ps: kind(*ps)) if named else kind)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        declared = {f.name: f.type for f in dataclasses.fields(thing) if f.init}
        fields = tuple(declared)
        parts = [
            constant(getattr(thing, name))
            if kind in (int, "int")
            else take_apart(getattr(thing, name), below(label, name), True)
            for name, kind in declared.items()
        ]
        return Tree(
            parts=parts,
            keys=fields,
            rebuild=lambda ps: dataclasses.replace(thing, **dict(zip(fields, ps, strict=True))),
        )
    if isinstance(thing, bool) or not is_number(thing):
        if within:
            return constant(thing)
        kind_of = type(thing).__name__
        raise TypeError(f"the input {label} is {kind_of}, not a real number, Value, array or tensor")
    if isinstance(thing, complex) or str(getattr(thing, "dtype", "")).startswith("complex"):
        return Tree(Leaf(label, [complex(thing)], None, epsilon_of(thing)))
    leaf = Leaf(label, [to_number(thing, f"the input {label} is")], None, epsilon_of(thing))
    return Tree(leaf, given=thing if hasattr(thing, "__index__") else None)


def constant(thing: Any, label: str = "") -> Tree:
    """A part that is not varied: flags, whole-number tensors, what is no number in a dataclass."""
    return Tree(rebuild=lambda parts: thing, passed=label)


def parameter_tree(inputs: Any, label: str = "") -> Tree:
    """The tree of what a function without arguments reads: it is varied in place.

    Args:
        inputs: a module, a mapping from names, a sequence, or one Value, tensor or array.
        label: its path.

    Raises:
        TypeError: a part can't be varied in place.
    """
    if is_value(inputs):
        return Tree(ParameterLeaf(label or inputs.label or "parameter", inputs))
    if is_tensor(inputs):
        if not (inputs.is_floating_point() or inputs.is_complex()):
            return constant(inputs, label or "parameter")
        return Tree(TensorLeaf(label or "parameter", inputs, parameter=True))
    if is_array(inputs):
        return Tree(ArrayParameter(label or "parameter", inputs))
    if is_module(inputs):
        inputs = {str(name): parameter for name, parameter in inputs.named_parameters()}
    if isinstance(inputs, Mapping):
        keys = tuple(inputs)
        return Tree(parts=[parameter_tree(inputs[key], below(label, key)) for key in keys], keys=keys)
    if isinstance(inputs, (str, bytes)) or not hasattr(inputs, "__iter__"):
        raise TypeError(
            "a function without arguments is checked with respect to a module, leaf Values (a model's "
            f"parameters), tensors or arrays, not {type(inputs).__name__}"
        )
    parts = list(inputs)
    labels = [
        (getattr(part, "label", "") if is_value(part) else "") or f"{label or 'parameter'}[{index}]"
        for index, part in enumerate(parts)
    ]
    trees = [parameter_tree(part, name) for part, name in zip(parts, labels, strict=True)]
    return Tree(parts=trees, keys=tuple(labels))
