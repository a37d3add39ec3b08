"""Files that are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import OutputError, check_replaceable

NOT_NPZ: Final = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
"""What NumPy raises for a file that is no whole .npz: an empty one ends early, a .npy is one
array and no archive."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; put it in its place when the block ends well.

    The old file stays until the new one is whole and on the disk. The temporary name keeps the
    suffix, which libraries look at.

    Raises
    ------
    OutputError
        If the file cannot be written, as on a full disk; the temporary file is removed.
    """
    path = Path(path)
    check_replaceable(path, "file")
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise output_error(path, error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically; OutputError where it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Return indented JSON; what is not a number is null, for JSON knows no NaN."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def output_error(path: str | Path, error: OSError) -> OutputError:
    """Say in one line why `path` cannot be written and what to do."""
    remedy = "choose another folder with -o"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free some space and start again; what was written before is whole"
    return OutputError(f"{path}: cannot be written: {error.strerror or error}", remedy)
