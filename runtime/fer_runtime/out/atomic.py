"""Small files that others read while they are replaced."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ..errors import OutputError


def check_replaceable(path: Path, what: str) -> None:
    """OutputError where `path` is a device, pipe or socket: it would be gone.

    A new file is put in its place, and root may put one in the place of /dev/null.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OutputError(
            f"{what} {path}: expected a file, received a device, pipe or socket",
            "name a file",
        )


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
