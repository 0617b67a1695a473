"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """A path to write to; after the block it is renamed to `path`, after an error it is removed.

    The temporary file lies beside `path` (a rename is only atomic within one file system) and keeps its
    ending.

    Args:
        path: where the file is to be.
        durable: wait until the content is on the disk, so that not even a power cut leaves half of it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem[:32]}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        if durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
