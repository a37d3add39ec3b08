"""Small files that others read while they are replaced, and by one process only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import filelock

from ..errors import OutputError


def lock_replaced(path: Path, what: str, remedy: str) -> filelock.BaseFileLock:
    """Lock a file that is replaced: of two processes, each would seem to be the other.

    Parameters
    ----------
    path
        The file; the lock lies beside it.
    what
        What it is called in the message.
    remedy
        What can be done, where another process has it.

    Raises
    ------
    OutputError
        If another process has it.
    """
    lock = filelock.FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        # Where no lock file can be made, the package waits for one all the same.
        if os.path.exists(lock.lock_file):
            raise OutputError(
                f"{what} {path}: another process writes to it (lock {lock.lock_file})", remedy
            ) from None
    except (OSError, NotImplementedError):
        pass  # no locks here, or nothing to be written: that is said when it is
    return lock


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by `text` in UTF-8, so that a reader sees the old or the new one."""
    # A new file under a name that nobody can foresee: no link can be planted there.
    descriptor, partial = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        # It holds counts only; monitoring runs as another user than the service.
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
