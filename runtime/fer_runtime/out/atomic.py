"""Small files that others read while they are replaced."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


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
