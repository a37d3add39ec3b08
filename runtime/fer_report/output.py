"""Files of a report, each written whole or not at all."""

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
    for name, data in files.items():
        part = folder / f".{name}.{os.getpid()}.part"
        try:
            part.write_bytes(data)
            os.replace(part, folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise OutputError(
                f"file {folder / name}: cannot be written: {error.strerror}",
                "free some space or give another folder with -o",
            ) from None
