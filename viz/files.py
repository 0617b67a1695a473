"""Files that are whole or absent: written beside their place, then renamed into it."""

import os
from pathlib import Path

from autograd_core.files import replacing
from viz.errors import FormatError


def check_suffix(path: str | os.PathLike[str], what: str, *suffixes: str) -> None:
    """Refuse to write one kind of file under the name of another.

    Raises:
        FormatError: the path does not end in one of the suffixes.
    """
    if not os.fsdecode(path).lower().endswith(suffixes):
        raise FormatError(f"{what} is written as name{suffixes[0]}, not {path!r}; draw writes pictures")


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` to `path`, making its directory if need be.

    Raises:
        ValueError: it is no path.
        OSError: the place cannot be written; nothing is left behind, and what was there stays.
    """
    target = Path(os.fsdecode(path))
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory, not a file to write")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, durable=False) as temporary:
            temporary.write_bytes(content)
    except ValueError as error:
        raise ValueError(f"{str(target)!r} is no path: {error}") from None
    except OSError as error:  # name what was asked for, not the file beside it
        raise type(error)(error.errno, error.strerror, str(target)) from None
    return target
