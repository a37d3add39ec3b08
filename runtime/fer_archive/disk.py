"""What must be on the disk before the next step, and two folders that change places at once."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
"""Both from <fcntl.h> and <linux/fs.h>; ``man 2 rename``."""


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk."""
    if os.name != "posix" and path.is_dir():
        return  # Windows opens no folders
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def exchange(one: Path, other: Path) -> None:
    """Have two folders change places: nobody ever sees one of them missing, or both alike.

    Raises
    ------
    OSError
        If the system (other than Linux) or the file system (such as NFS) cannot do that.
    """
    rename = None
    if sys.platform == "linux":
        rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
