"""From what a user wants drawn to Values: outputs, models and their inputs, Programs, collections."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autograd_core import Value

Parameters = Iterable[Value] | Mapping[Value, str]


def roots_of(what: Any, inputs: Sequence[Any] = ()) -> tuple[list[Value], Parameters | None]:
    """The outputs to draw, and the parameters if `what` knows them, by name if it knows that.

    Raises:
        TypeError: `what` is nothing that has a graph, or takes no inputs.
    """
    if inputs and not (hasattr(what, "graph") or callable(what)):
        raise TypeError("inputs are for a model or a Program; give several outputs as a list, [y1, y2]")
    if isinstance(what, Value):
        return [what], None
    known = parameters_of(what)
    if hasattr(what, "graph"):
        return _values(what.graph(*inputs)), known
    if callable(what):
        _check_call(what, inputs)
        outputs = what(*(_as_inputs(x, f"x{i}" if len(inputs) > 1 else "x") for i, x in enumerate(inputs)))
        return _values(outputs), known
    return _values(what), None


def _check_call(model: Any, inputs: Sequence[Any]) -> None:
    """Refuse a call that lacks inputs, or has too many, before anything is computed."""
    try:
        inspect.signature(model).bind(*inputs)
    except TypeError as error:
        raise TypeError(f"{error}: the inputs follow the model, as in draw(model, x)") from None
    except ValueError:  # a function that does not tell what it takes
        pass


def parameters_of(what: Any) -> Parameters | None:
    """The parameters of a model, with their names if it tells them; of leaves, these; else None."""
    if callable(named := getattr(what, "named_parameters", None)):
        return {value: name for name, value in named()}
    known: Any = getattr(what, "parameters", None)
    found: Parameters | None = known() if callable(known) else known
    return found


def chosen_parameters(chosen: Any) -> Parameters:
    """The parameters that a user names: Values, or the model that has them.

    Raises:
        TypeError: it is neither.
    """
    known = parameters_of(chosen)
    found = chosen if known is None else known
    leaves = list(found) if isinstance(found, Iterable) else [found]
    if not all(isinstance(leaf, Value) for leaf in leaves):
        raise TypeError(f"parameters are Values, or a model that has them, not {chosen!r:.60}")
    return found if isinstance(found, Mapping) else leaves


def _values(found: Any) -> list[Value]:
    """The Values in a Value, or in (nested) sequences or dicts of them."""
    values: list[Value] = []
    pending = [found]
    while pending:
        item = pending.pop()
        if isinstance(item, Value):
            values.append(item)
        elif isinstance(item, dict):
            pending += reversed(list(item.values()))
        elif isinstance(item, Iterable) and not isinstance(item, str | bytes):
            pending += reversed(list(item))
        else:
            raise TypeError(
                f"cannot draw {type(item).__name__} {item!r:.60}; "
                "give a Value, Values, a Program, or a model and its inputs"
            )
    if not values:
        raise TypeError("there is no Value to draw here")
    return values


def _as_inputs(x: Any, name: str) -> Any:
    """Plain numbers as labelled Values, so that they are drawn as inputs; lists keep their shape."""
    if isinstance(x, Value | str):
        return x
    if hasattr(x, "tolist"):
        x = x.tolist()
    if isinstance(x, list | tuple):
        return [_as_inputs(item, f"{name}{i}" if name == "x" else f"{name}_{i}") for i, item in enumerate(x)]
    return Value(x, name) if isinstance(x, int | float) else x
