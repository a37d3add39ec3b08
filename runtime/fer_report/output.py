"""Files of a report or an export: all of them are written, or none."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from fer_runtime.errors import OutputError


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder that is made where it is missing.

    Parameters
    ----------
    folder
        The folder; other files in it stay.
    files
        Content by name.

    Raises
    ------
    OutputError
        If the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"folder {folder}: cannot be made: {error.strerror}", "give another one with -o"
        ) from None
    parts = {name: folder / f".{name}.{os.getpid()}.part" for name in files}
    try:
        # Names only once all is written: a full disk leaves no half of a set.
        for name, data in files.items():
            written = folder / name
            parts[name].write_bytes(data)
        for name, part in parts.items():
            written = folder / name
            os.replace(part, written)
    except OSError as error:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink()
        raise OutputError(
            f"file {written}: cannot be written: {error.strerror}",
            "free some space or give another folder with -o",
        ) from None
