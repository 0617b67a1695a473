from collections.abc import Callable
from typing import Any

exp_in_fours: bool
powers_agree: bool

class Bound:
    def run(self, start: int, stop: int, rows: Any, seeds: Any, /) -> int: ...
    def steps(self, carry: Any, passed_on: Any, init: Any, gradients: Any, kept: Any, /) -> int: ...
    def fits(self) -> bytes: ...

class Row:
    def run(self, batches: tuple[Any, ...], seed: float, /) -> tuple[Any, tuple[Any, ...], Any] | None: ...

class Tape:
    @property
    def order(self) -> list[int]: ...
    @property
    def room(self) -> tuple[int, int]: ...
    def stats(self) -> dict[str, int]: ...
    def bind(
        self,
        params: Any,
        arrays: tuple[Any, ...],
        outputs: Any,
        totals: Any,
        input_gradients: Any,
        block: int,
        threads: int,
        build: str,
        in_place: bool = False,
        /,
    ) -> Bound: ...

class Trainer:
    loss: float
    penalty: float
    norm: float
    rate: float
    updates: int
    def run(self, rows: Any, batch: int, rates: Any, /) -> int: ...
    def gradient(self, rows: Any, /) -> tuple[float, float, float] | None: ...

def compile(
    op: Any,
    start: Any,
    parents: Any,
    kind: Any,
    value: Any,
    ref: Any,
    outputs: Any,
    guards: Any,
    swept: int,
    parameters: int,
    inputs: int,
    lanes: bool,
    want_parameters: bool,
    wanted_inputs: bytes,
    callables: list[tuple[Callable[..., float], Callable[..., Any], bool]],
    /,
) -> Tape: ...
def builds() -> list[str]: ...
def row(
    bound: Bound,
    rows: tuple[Any, ...],
    parameters: list[Any],
    reader: Callable[[list[Any], bool, Any], Any],
    values: Callable[[], Any],
    gradients: tuple[Callable[[], Any], ...],
    sums: Callable[[], Any] | None,
    order: Any,
    array: type,
    /,
) -> Row: ...
def trainer(
    loss: Bound,
    penalty: Bound | None,
    params: Any,
    grads: Any,
    place: Any,
    rules: tuple[tuple[str | bytes, tuple[float, ...], int], ...],
    stretches: Any,
    buffers: tuple[Any, ...],
    clip_value: float,
    clip_norm: float,
    largest_loss: float,
    /,
) -> Trainer: ...
def permutation(n: int, seed: int, /) -> bytearray: ...
def pcg64(state: Any, array: Any, rows: Any, width: int, first: int, count: int, /) -> None: ...
def alike(things: list[Any], copies: list[Any], hidden: list[Any], /) -> bool: ...
