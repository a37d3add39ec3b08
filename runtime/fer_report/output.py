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
        Content by name; a name may lie in folders below.

    Raises
    ------
    OutputError
        If the folder or a file cannot be written.
    """
    for made in sorted({folder} | {(folder / name).parent for name in files}):
        try:
            made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"folder {made}: cannot be made: {error.strerror}", "give another one with -o"
            ) from None
    parts = {}
    for name in files:
        written = folder / name
        parts[name] = written.with_name(f".{written.name}.{os.getpid()}.part")
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
