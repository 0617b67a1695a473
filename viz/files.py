"""Files that are whole or absent: written beside their place, then renamed into it."""

import os
import tempfile
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` to `path`, making its directory if need be.

    Raises:
        OSError: the place cannot be written; nothing is left behind, and what was there stays.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory, not a file to write")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:32]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
