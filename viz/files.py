"""Files that are whole or absent: written beside their place, then renamed into it."""

import os
from pathlib import Path

from autograd_core.files import replacing


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` to `path`, making its directory if need be.

    Raises:
        OSError: the place cannot be written; nothing is left behind, and what was there stays.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory, not a file to write")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, durable=False) as temporary:
            temporary.write_bytes(content)
    except OSError as error:  # name what was asked for, not the file beside it
        raise type(error)(error.errno, error.strerror, str(target)) from None
    return target
