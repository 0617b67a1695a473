"""Saving and loading models through safetensors (extra ``[save]``).

The format is a JSON header and raw numbers: reading a file never runs anything that is in it. A file is
written beside its place and renamed; it is read and checked whole before the first parameter changes.
"""

from __future__ import annotations

import glob
import hashlib
import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_core.files import replacing
from nn.arguments import path_of, shown
from nn.errors import FileError, InputError, StateError, require
from nn.module import Module

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["load", "read_tensors", "remove_leftovers", "save", "write_tensors"]

_CHECKSUM = "autograd_core.sha256"
_SECONDS_OF_A_WRITE = 60.0


def save(model: Module, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write a model's parameters into a safetensors file, exactly (float64).

    Args:
        model: the module.
        path: the file; an existing one is replaced as a whole.
        metadata: texts to keep with it.

    Raises:
        FileError: the file cannot be written; an older one is as it was.
        InputError: the arguments are something else.
        StateError: a parameter is NaN or infinite, which `load` would refuse; an older file is as it was.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from nn import MLP
        >>> with TemporaryDirectory() as folder:
        ...     save(MLP(2, [1], seed=1), Path(folder, "model.safetensors"))
        ...     print([file.name for file in Path(folder).iterdir()])
        ['model.safetensors']
    """
    _check_module(model)
    if metadata is not None and not (
        isinstance(metadata, Mapping) and all(isinstance(t, str) for pair in metadata.items() for t in pair)
    ):
        raise InputError(f"metadata is a dict of texts, as {{'made': 'today'}}; not {shown(metadata)}")
    if metadata and _CHECKSUM in metadata:
        raise InputError(f"metadata cannot have the key {_CHECKSUM!r}: it is that of the file's checksum")
    try:
        "".join(text for pair in (metadata or {}).items() for text in pair).encode()
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.end]
        raise InputError(f"metadata holds {found!r}, half of a character, which no file can hold") from None
    tensors = model.state_dict()
    for name, tensor in tensors.items():
        if strange := sum(not math.isfinite(entry) for entry in tensor.flat):
            raise StateError(f"{name}: {strange} entries are not finite, which load would refuse: not saved")
    write_tensors(tensors, path_of("path", path), metadata)


def load(model: Module, path: str | os.PathLike[str]) -> dict[str, str]:
    """Set a model's parameters to what a safetensors file holds.

    Args:
        model: a module of the shape that was saved.
        path: the file.

    Returns:
        The metadata that was saved with it.

    Raises:
        FileError: the file is damaged, truncated, or not a safetensors file; the model is as it was.
        StateError: it holds another model; the model is as it was.
        FileNotFoundError: there is no such file.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from nn import MLP
        >>> old, new = MLP(2, [1], seed=1), MLP(2, [1], seed=2)
        >>> with TemporaryDirectory() as folder:
        ...     save(old, Path(folder, "model.safetensors"), {"made": "today"})
        ...     load(new, Path(folder, "model.safetensors"))
        {'made': 'today'}
        >>> new([1.0, 2.0]).data == old([1.0, 2.0]).data
        True
    """
    _check_module(model)
    tensors, metadata = read_tensors(path_of("path", path))
    try:
        model.load_state_dict(tensors)
    except StateError as error:
        raise StateError(f"{os.fspath(path)!r}: {error}") from error
    return metadata


def _check_module(model: Any) -> None:
    if not isinstance(model, Module):
        raise InputError(f"the first argument is the model, a Module; not {shown(model)}")


def write_tensors(
    tensors: Mapping[str, Any], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays of float64 into a safetensors file, whole or not at all, with a checksum.

    Raises:
        FileError: the file cannot be written (no room, no permission); an older one is as it was.
    """
    import numpy as np

    numpy_format = require("safetensors.numpy", "save")
    arrays = {name: np.asarray(tensor, dtype=np.float64, order="C") for name, tensor in tensors.items()}
    texts = dict(metadata or {})
    content = numpy_format.save(arrays, metadata={**texts, _CHECKSUM: _checksum(arrays, texts)})
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise FileError(f"{os.fspath(path)!r} cannot be written: {error}") from error


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what a process that was killed while it wrote this file has left beside it."""
    place = Path(path)
    for file in place.parent.glob(f".{glob.escape(place.stem[:32])}.????????.tmp{glob.escape(place.suffix)}"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _SECONDS_OF_A_WRITE:
                file.unlink()


def _checksum(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> str:
    """SHA-256 of everything in a file."""
    found = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        found.update(arrays[name].tobytes())
    return found.hexdigest()


def read_tensors(
    path: str | os.PathLike[str], with_checksum: bool = False
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read the arrays and the metadata of a safetensors file.

    Args:
        path: the file.
        with_checksum: must it have one? Files that other programs wrote have none.

    Raises:
        FileError: it is damaged, truncated, or not a safetensors file.
        FileNotFoundError: there is no such file.
    """
    safetensors = require("safetensors", "save")
    name = os.fspath(path)
    if not os.path.exists(name):
        raise FileNotFoundError(f"there is no file {name!r}")
    if os.path.isdir(name):
        raise FileError(f"{name!r} is a folder, not a file")
    try:
        with safetensors.safe_open(name, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
            metadata = dict(file.metadata() or {})
    except Exception as error:  # the library raises several kinds, some of them not its own
        raise FileError(f"{name!r} is damaged or is not a safetensors file: {error}") from error
    checksum = metadata.pop(_CHECKSUM, None)
    if checksum is None and any(
        len(text) == 64 and text == _checksum(arrays, {k: t for k, t in metadata.items() if k != key})
        for key, text in metadata.items()
    ):
        raise FileError(f"{name!r} is damaged: the name of its checksum is another")
    if checksum is None and with_checksum:
        raise FileError(f"{name!r} is damaged or is not a checkpoint: it has no checksum")
    if checksum is not None and checksum != _checksum(arrays, metadata):
        raise FileError(f"{name!r} is damaged: its checksum does not fit its content")
    for key, array in arrays.items():
        if array.dtype.kind != "f":
            raise FileError(f"{name!r}: {key} has entries of type {array.dtype}, not floats")
    return arrays, metadata
