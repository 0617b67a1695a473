"""Writing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """A path to write to; after the block it is renamed to `path`, after an error it is removed.

    The temporary file lies beside `path` (a rename is only atomic within one file system) and keeps its
    ending.

    Args:
        path: where the file is to be.
        durable: wait until the content is on the disk, so that not even a power cut leaves half of it.

    A link stays: the file that it points to is replaced. An older file's permissions are kept.

    Raises:
        OSError: at `path` is something that is no file, such as a device, or a file that is read-only.
    """
    path = Path(os.path.realpath(path))
    is_there = path.exists()
    if is_there and not path.is_file():
        raise OSError(errno.EINVAL, "there is something that is no file", os.fspath(path))
    if is_there and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", os.fspath(path))
    temporary = path.with_name(f".{path.stem[:32]}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        if durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        if is_there:
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
